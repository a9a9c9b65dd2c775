"""Training a graph: mini-batches in a shuffled order, one step of the optimizer for each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..run.c.compiler import Unavailable
from .compiled import CompiledPasses
from .passes import Model, NumpyPasses, Parameters, Pass

Array: TypeAlias = NDArray[Any]
Progress: TypeAlias = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""

BACKENDS = ("auto", "c", "numpy")

_SAID = set[str]()  # why there is no compiled backend, said once


class Passes(Protocol):
    """What a backend does with a graph; arrays as in `passes`."""

    def run(self, x: Array, y: Array) -> Pass: ...

    def epoch(self, x: Array, y: Array, order: Array, batch: int, rate: float) -> float: ...

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
        except Unavailable as reason:
            if backend == "c":
                raise
            if str(reason) not in _SAID:
                _SAID.add(str(reason))
                warnings.warn(f"NumPy computes instead of C: {reason}", stacklevel=4)
    return NumpyPasses(model, parameters)


class Trainer:
    """The steps of one optimizer on the parameters of a graph."""

    def __init__(
        self,
        model: Model,
        parameters: Parameters,
        optimizer: str,
        eta: float | None,
        backend: str,
        threads: int | None,
    ) -> None:
        if optimizer != "sgd":
            raise DataError(f"there is no optimizer {optimizer!r}", "it is sgd")
        self.model, self.parameters = model, parameters
        self.eta = 0.1 if eta is None else eta
        self.backend, self.threads = backend, threads

    def train(
        self, x: Array, y: Array, epochs: int, batch: int, seed: int, progress: Progress | None
    ) -> list[float]:
        """The mean loss of each epoch; the parameters are changed in place."""
        random = np.random.default_rng(seed)
        run = passes(self.model, self.parameters, self.backend, batch, self.threads)
        history: list[float] = []
        for epoch in range(1, epochs + 1):
            kept = self.parameters.w.copy(), self.parameters.b.copy()
            order = random.permutation(len(x))
            total = run.epoch(x, y, order, batch, self.eta)
            if not np.isfinite(total):
                self.parameters.w[:], self.parameters.b[:] = kept
                raise DataError(
                    f"the loss is no longer finite in epoch {epoch}; the parameters are those"
                    " before it",
                    "a smaller learning rate often helps: eta",
                )
            history.append(total / len(x))
            if progress is not None:
                progress(epoch, history[-1])
        return history
