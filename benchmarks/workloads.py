"""The work that is compared: networks, data drawn from a seed, and what is to be reached.

A training workload is a whole epoch: shuffle, gather of mini-batches, step, running loss. The
number of samples is a multiple of the batch, so that no competitor has to compile twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, pi
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Parameters: TypeAlias = dict[str, Array]

SEED = 20_260_101
CHECKED_STEPS = 8
"""The first steps, whose loss and weights must agree with NumPy in float64 before any timing."""

DIGITS_ACCURACY = 0.97

BEST_PEER = "best peer"
SAME_PRODUCTS = "sgemm of the same shapes"
PEAK = "sgemm rate at n = 2048"
BEST_FRAMEWORK = "best framework"


@dataclass(frozen=True)
class Goal:
    """At least `ratio` against `against`: their time over ours, or our rate over theirs."""

    against: str
    ratio: float


@dataclass(frozen=True)
class Training:
    """Epochs of mini-batch training; time is told in seconds a step.

    run: the steps of a whole run, over which the rate falls along half a cosine, the first one
    with `eta`; 0 for a constant rate.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    samples: int
    activation: str = "tanh"
    loss: str = "squared_error"
    optimizer: str = "sgd"
    eta: float = 0.05
    run: int = 0
    goals: tuple[Goal, ...] = ()
    kind: str = field(default="training", init=False)

    @property
    def layers(self) -> int:
        return len(self.sizes) - 1

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.samples // self.batch

    def rates(self) -> list[float]:
        """The rate at every step of a run of `run` steps."""
        return [self.eta * (1 + cos(pi * step / self.run)) / 2 for step in range(self.run)]

    def operations(self) -> int:
        """Multiplications and additions of one step's matrix products."""
        pairs = list(pairwise(self.sizes))
        weights = sum(a * b for a, b in pairs)
        return 2 * self.batch * (3 * weights - pairs[0][0] * pairs[0][1])  # none to the inputs


@dataclass(frozen=True)
class Predicting:
    """Outputs for `batch` samples, given in memory; time is told in seconds a call."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    activation: str = "tanh"
    loss: str = "squared_error"
    goals: tuple[Goal, ...] = ()
    kind: str = field(default="predicting", init=False)

    @property
    def layers(self) -> int:
        return len(self.sizes) - 1

    def operations(self) -> int:
        """Multiplications and additions of one call's matrix products."""
        return 2 * self.batch * sum(a * b for a, b in pairwise(self.sizes))


@dataclass(frozen=True)
class Graph:
    """One gradient step on a sparse graph of neurons, of benchmarks/graphs.py."""

    name: str
    edges: int
    levels: int
    batch: int
    goals: tuple[Goal, ...] = ()
    kind: str = field(default="graph", init=False)


@dataclass(frozen=True)
class Fresh:
    """Something done once in a fresh process, by the function `what` of a competitor.

    unit: what its number counts: `s` (of the whole process, or as the function says) or `MB`.
    whole: the time of the process itself counts, from its start to its end.
    """

    name: str
    what: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "s"
    whole: bool = False
    limit: float = 300.0
    goals: tuple[Goal, ...] = ()
    absolute: float | None = None
    kind: str = field(default="fresh", init=False)


DIGITS = Training(
    "digits", (64, 64, 10), 64, 1408, "relu", "cross_entropy", "adam", 0.03, run=8 * 22
)
"""What everyone trains to read digits, eight epochs: of the 1,437 samples, whole mini-batches
where that is simpler, and each with the same cosine as far as the library has it or leaves it to
be written. So everyone reads at least 97.5 % of the held-out digits with each seed from 0 to 23.
scikit-learn's Adam has no schedule: its rates and epochs were chosen for it alone."""

Workload: TypeAlias = Training | Predicting | Graph | Fresh

_WIDE = (784, 512, 512, 10)
_WIDEST = (784, 2048, 2048, 10)
_IMAGES = (784, 128, 10)
_LEVEL = (Goal(BEST_PEER, 1.0), Goal(SAME_PRODUCTS, 1.0))
"""Where hardly anything but the products counts, no slower than those who call a BLAS."""

WORKLOADS: tuple[Workload, ...] = (
    Training("tanh 2-16-16-1", (2, 16, 16, 1), 32, 8192, goals=(Goal(BEST_PEER, 4.0),)),
    Training("tanh 30-100-100-2", (30, 100, 100, 2), 32, 8192, goals=(Goal(BEST_PEER, 2.0),)),
    Training("tanh 784-128-10", _IMAGES, 64, 16_384, goals=(Goal(BEST_PEER, 1.7),)),
    Training(
        "tanh 784-512-512-10", _WIDE, 128, 8192,
        goals=(Goal(BEST_PEER, 1.25), Goal(SAME_PRODUCTS, 1.0), Goal(PEAK, 0.8)),
    ),
    Training("tanh 784-2048-2048-10", _WIDEST, 128, 2048, goals=_LEVEL),
    Training("tanh 784-2048-2048-10 batch 512", _WIDEST, 512, 4096, eta=0.0005, goals=_LEVEL),
    Training(
        "relu 784-128-10 Adam", _IMAGES, 64, 16_384, "relu", "cross_entropy", "adam", 0.001,
        goals=(Goal(BEST_PEER, 1.25),),
    ),
    Training(
        "relu 784-512-512-10 Adam", _WIDE, 128, 8192, "relu", "cross_entropy", "adam", 0.001,
        goals=(Goal(BEST_PEER, 1.25),),
    ),
    Predicting("predict 784-128-10, 1 sample", _IMAGES, 1, goals=(Goal(BEST_PEER, 2.0),)),
    Predicting("predict 784-128-10, 10000 samples", _IMAGES, 10_000, goals=(Goal(BEST_PEER, 1.0),)),
    *(
        Graph(
            f"graph of 10^6 edges, batch {batch}", 1_000_000, 20, batch,
            (Goal(BEST_FRAMEWORK, framework), Goal("scipy", scipy)),
        )
        for batch, framework, scipy in ((1, 3.5, 2.0), (32, 10.0, 5.0))
    ),
    Graph(
        "graph of 10^5 edges, 300 levels", 100_000, 300, 1, (Goal(BEST_FRAMEWORK, 10.0),)
    ),
    Graph("graph of 10^4 edges, 20 levels", 10_000, 20, 1),
    Fresh(
        "digits to 97 %", "digits", whole=True, limit=120.0, absolute=0.6,
        goals=(Goal(BEST_FRAMEWORK, 3.0),),
    ),
    Fresh(
        "memory of 784-128-10", "memory", {"sizes": _IMAGES, "batch": 64}, "MB",
        goals=(Goal("jax-scan", 1.0),),
    ),
    Fresh(
        "memory of 784-512-512-10", "memory", {"sizes": _WIDE, "batch": 128}, "MB",
        goals=(Goal("jax-scan", 1.0),),
    ),
    *(
        Fresh(f"C compile of {n} layers", "compile_cold", {"layers": n}, absolute=2.0)
        for n in (4, 32, 256)
    ),
    *(
        Fresh(f"C from the cache, {n} layers", "compile_cached", {"layers": n}, absolute=0.01)
        for n in (4, 32, 256)
    ),
    *(
        Fresh(
            f"derive {n} layers of {width}", "derivation", {"layers": n, "width": width},
            limit=60.0,
        )
        for width in (1, 4)
        for n in (10, 100, 1000)
    ),
)  # fmt: skip


def names(layers: int) -> list[str]:
    """w1, b1, w2, b2, …: the parameters of a network of so many layers."""
    return [f"{kind}{n}" for n in range(1, layers + 1) for kind in "wb"]


def initial(sizes: tuple[int, ...], seed: int = SEED) -> Parameters:
    """Glorot uniform weights, w[to, from], and small biases, in float32."""
    random = np.random.default_rng(seed)
    made: Parameters = {}
    for n, (before, after) in enumerate(pairwise(sizes), 1):
        bound = np.sqrt(6 / (before + after))
        made[f"w{n}"] = random.uniform(-bound, bound, (after, before)).astype(np.float32)
        made[f"b{n}"] = random.uniform(-0.1, 0.1, after).astype(np.float32)
    return made


def data(work: Training | Predicting) -> dict[str, Array]:
    """x (samples × inputs), y (samples × outputs; one-hot for classes), float32; label (int64).

    The targets come from a network with other weights, and noise: there is something to learn,
    and nothing that can be learned by heart within a round.
    """
    samples = work.samples if isinstance(work, Training) else work.batch
    random = np.random.default_rng(SEED + 1)
    x = random.standard_normal((samples, work.sizes[0]), dtype=np.float32)
    if work.sizes[0] == 784:
        x = np.abs(x) * (random.random(x.shape, dtype=np.float32) < 0.2)  # like dark points
    teacher = initial(work.sizes, SEED + 2)
    h = x
    for n in range(1, work.layers + 1):
        h = np.tanh(h @ teacher[f"w{n}"].T + teacher[f"b{n}"])
    h = h + 0.2 * random.standard_normal(h.shape, dtype=np.float32)
    label = h.argmax(axis=1).astype(np.int64)
    if work.loss == "cross_entropy":
        y = np.eye(work.sizes[-1], dtype=np.float32)[label]
    else:
        y = np.clip(h, -0.9, 0.9).astype(np.float32)
    return {"x": np.ascontiguousarray(x), "y": y, "label": label}


def write_digits(folder: Path) -> Path:
    """The bundled digits, split as backprove splits them, for those who cannot read them so.

    x (1437 × 64, divided by 16), label; test_x (360 × 64), test_label.
    """
    from backprove.run.table import as_table  # the peers' processes never need it

    table = as_table("digits")
    x = np.asarray(table.columns["pixel"], np.float32) / 16
    label = np.asarray(table.columns["digit"]).astype(np.int64)
    kept = np.setdiff1d(np.arange(len(x)), table.test)
    path = folder / "digits.npz"
    np.savez(path, x=x[kept], label=label[kept], test_x=x[table.test], test_label=label[table.test])
    return path


@dataclass(frozen=True)
class Digits:
    """x (samples × 64), label; what is held out: test_x, test_label."""

    x: Array
    label: Array
    test_x: Array
    test_label: Array

    @property
    def training(self) -> dict[str, Array]:
        return {"x": self.x, "y": np.eye(10, dtype=np.float32)[self.label], "label": self.label}

    def accuracy(self, parameters: Mapping[str, Array]) -> float:
        """The part of the held-out digits that is read right."""
        h = np.maximum(self.test_x @ parameters["w1"].T + parameters["b1"], 0)
        z = h @ parameters["w2"].T + parameters["b2"]
        return float((z.argmax(axis=1) == self.test_label).mean())


def read_digits(path: str) -> Digits:
    """What `write_digits` wrote."""
    with np.load(path) as held:
        return Digits(held["x"], held["label"], held["test_x"], held["test_label"])
