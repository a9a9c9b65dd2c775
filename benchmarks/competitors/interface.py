"""What a competitor's file offers, and the table of all competitors.

A file defines those of these functions that its library can answer; what is missing does not
fit, and is reported so (as does what raises NotFitting):

    trainers(work, data, threads) -> Iterator[Trainer]
    predictors(work, parameters, x, threads) -> Iterator[Predictor]
    digits(path, seed) -> float                 the accuracy on the held-out digits
    derivation(layers, width) -> float          seconds to derive the gradient of every weight
    compile_cold(layers), compile_cached(layers) -> float       seconds from program to callable

A row's options come last. Where a library has several forms of doing the same (gather each batch,
or sort all samples once), the file offers them all, the leanest first: each is checked, and the
one that is fastest in a short trial is timed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from workloads import DIGITS, initial, read_digits

Array: TypeAlias = NDArray[Any]


class NotFitting(Exception):
    """The library cannot do this work; the message says why."""


class Trainer(ABC):
    """A network in a library, ready to train. form: which of the library's ways this is. slack:
    how many times further off than others its first steps may be, where it has another formula."""

    form = ""
    slack = 1

    @abstractmethod
    def reset(self, parameters: Mapping[str, Array]) -> None:
        """Start from these weights, w[to, from], and biases; the optimizer starts anew."""

    @abstractmethod
    def parameters(self) -> dict[str, Array]:
        """The weights and biases as they are now."""

    @abstractmethod
    def first_steps(self, count: int) -> float:
        """Train on the first `count` mini-batches in the data's own order; the mean loss."""

    @abstractmethod
    def epochs(self, count: int, seed: int) -> float:
        """Whole epochs, each in an order drawn anew; the last one's mean loss, as a number."""


class ByEpoch(Trainer):
    """A trainer for which an epoch is one call with an order of the samples."""

    samples: int
    batch: int

    @abstractmethod
    def epoch(self, order: Array) -> float:
        """Train on the samples in this order (whole mini-batches); the mean loss."""

    def read_digits(self, path: str, seed: int) -> float:
        """Train on the digits; the accuracy on the held-out ones. The data must be theirs."""
        held, random = read_digits(path), np.random.default_rng(seed)
        self.reset(initial(DIGITS.sizes, seed))
        for _ in range(DIGITS.run // DIGITS.steps):
            self.epoch(random.permutation(len(held.x))[: DIGITS.samples])
        return held.accuracy(self.parameters())

    def first_steps(self, count: int) -> float:
        return self.epoch(np.arange(count * self.batch))

    def epochs(self, count: int, seed: int) -> float:
        random, loss = np.random.default_rng(seed), 0.0
        for _ in range(count):
            loss = self.epoch(random.permutation(self.samples))
        return loss


class Predictor(ABC):
    """A trained network in a library. form: which of the library's ways this is."""

    form = ""

    @abstractmethod
    def run(self) -> Any:
        """The outputs, in the library's own arrays, finished."""

    @abstractmethod
    def outputs(self) -> Array:
        """What `run` gives, samples × outputs, in NumPy."""


@dataclass(frozen=True)
class Competitor:
    """A row of the table.

    module: the file in this folder, if it has one. options: told to its functions. ours:
    backprove itself; framework: counts where the goal is about frameworks. about: what it does,
    in one line. graph: its name in benchmarks/graphs.py, for sparse graphs of neurons.
    """

    name: str
    module: str
    about: str
    options: Sequence[str] = ()
    ours: bool = False
    framework: bool = True
    graph: str = ""


COMPETITORS: Mapping[str, Competitor] = {
    c.name: c
    for c in (
        Competitor("backprove", "backprove_itself", "bp.train, bp.backprop", ours=True),
        Competitor(
            "backprove-c", "backprove_compiled", "bp.compile(network, backend='c')", ["c"],
            ours=True, graph="backprove",
        ),
        Competitor(
            "backprove-numpy", "backprove_compiled", "bp.compile(network, backend='numpy')",
            ["numpy"], ours=True, graph="backprove in NumPy",
        ),
        Competitor(
            "numpy", "numpy_by_hand", "what a careful person writes: buffers reused, in place",
            framework=False,
        ),
        Competitor(
            "scipy", "", "on graphs: sparse products by hand", framework=False,
            graph="SciPy by hand",
        ),
        Competitor(
            "torch-eager", "torch_eager",
            "autograd on plain tensors, foreach or fused optimizer; on graphs index_add_",
            graph="torch index_add",
        ),
        Competitor("torch-func", "torch_func", "torch.func.grad_and_value, foreach update"),
        Competitor(
            "torch-compile", "torch_compile",
            "torch.compile of a functional loop over several steps",
        ),
        Competitor(
            "jax-jit", "jax_jit", "jit of a step, buffers donated; on graphs segment_sum",
            graph="JAX segment_sum",
        ),
        Competitor("jax-scan", "jax_scan", "jit of lax.scan over the epoch, donated", ["1"]),
        Competitor("jax-scan-8", "jax_scan", "the same with unroll=8", ["8"]),
        Competitor("scikit-learn", "scikit_learn", "MLPClassifier"),
        Competitor("casadi", "casadi_graph", "on graphs: one scalar expression a neuron"),
        Competitor("sympy", "sympy_derivation", "diff of the loss in every weight and bias"),
    )
}  # fmt: skip
