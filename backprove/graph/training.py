"""Training a graph: mini-batches in a shuffled order, one step of the optimizer for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..run.c.compiler import Refused, Unavailable
from ..run.optimizers import Recipe
from .compiled import CompiledPasses
from .passes import Model, NumpyPasses, Parameters, Pass
from .updating import Updater

Array: TypeAlias = NDArray[Any]
Progress: TypeAlias = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""

BACKENDS = ("auto", "c", "numpy")

_SAID = set[str]()  # why there is no compiled backend, said once


class Passes(Protocol):
    """What a backend does with a graph; arrays as in `passes`."""

    def run(self, x: Array, y: Array) -> Pass: ...

    def gradients(self, x: Array, y: Array) -> tuple[Array, Array, Array]: ...

    def epoch(
        self, x: Array, y: Array, order: Array, batch: int, rate: float
    ) -> tuple[float, int]: ...

    def predict(self, x: Array) -> Array: ...


def passes(
    model: Model, parameters: Parameters, backend: str, samples: int, threads: int | None
) -> Passes:
    """The backend for batches of so many samples."""
    if backend not in BACKENDS:
        raise DataError(f"there is no backend {backend!r}", f"it is one of {', '.join(BACKENDS)}")
    if backend != "numpy":
        try:
            return CompiledPasses(model, parameters, samples, threads)
        except (Unavailable, Refused) as reason:
            if backend == "c":
                raise
            if str(reason) not in _SAID:
                _SAID.add(str(reason))
                warnings.warn(f"NumPy computes instead of C: {reason}", stacklevel=4)
    return NumpyPasses(model, parameters)


def is_plain(made: Recipe) -> bool:
    """Whether a recipe is gradient descent alone, which the backends have in their passes."""
    around = (made.gradients, made.schedule, made.warmup)
    return made.optimizer.name == "sgd" and not any(around)


def train(
    run: Passes,
    parameters: Parameters,
    x: Array,
    y: Array,
    epochs: int,
    batch: int,
    made: Recipe,
    seed: int,
    progress: Progress | None,
) -> list[float]:
    """The mean loss of each epoch; the parameters are changed in place."""
    random = np.random.default_rng(seed)
    updater = None if is_plain(made) else Updater(parameters, made)
    history: list[float] = []
    done = 0
    for epoch in range(1, epochs + 1):
        kept = parameters.w.copy(), parameters.b.copy()
        order = random.permutation(len(x))
        if updater is None:
            total, steps = run.epoch(x, y, order, batch, float(made.eta))
        else:
            total, steps = _epoch(run, updater, x, y, order, batch)
        done += steps
        lost = not np.isfinite(total)
        if lost or not np.isfinite(parameters.w).all():
            parameters.w[:], parameters.b[:] = kept
            raise DataError(
                f"the {'loss is' if lost else 'weights are'} no longer finite in epoch {epoch}, at"
                f" step {done:,}; the parameters are those before this epoch",
                "a smaller learning rate often helps: eta",
            )
        history.append(total / len(x))
        if progress is not None:
            progress(epoch, history[-1])
    return history


def _epoch(
    run: Passes, updater: Updater, x: Array, y: Array, order: Array, batch: int
) -> tuple[float, int]:
    """As `Passes.epoch`, by any optimizer."""
    total, steps = 0.0, 0
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        losses, g, gb = run.gradients(x[rows], y[rows])
        total += float(losses.sum(dtype=np.float64))
        steps += 1
        if not np.isfinite(total):
            break
        updater.step(g, gb)
    return total, steps
