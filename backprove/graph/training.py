"""Training a graph: mini-batches in a shuffled order, one step of the optimizer for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .passes import Model, NumpyPasses, Parameters, Pass

Array: TypeAlias = NDArray[Any]
Progress: TypeAlias = Callable[[int, float], None]
"""Called after each epoch with its number, from 1, and its mean loss."""

BACKENDS = ("auto", "c", "numpy")


class Passes(Protocol):
    """What a backend does with a graph; arrays as in `passes`."""

    def run(self, x: Array, y: Array) -> Pass: ...

    def step(self, x: Array, y: Array, rate: float) -> float: ...

    def predict(self, x: Array) -> Array: ...


def passes(
    model: Model, parameters: Parameters, backend: str, samples: int, threads: int | None
) -> Passes:
    """The backend for batches of so many samples."""
    if backend not in BACKENDS:
        raise DataError(f"there is no backend {backend!r}", f"it is one of {', '.join(BACKENDS)}")
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
            total = 0.0
            for first in range(0, len(x), batch):
                rows = order[first : first + batch]
                total += run.step(x[rows], y[rows], self.eta)
                if not np.isfinite(total):
                    self.parameters.w[:], self.parameters.b[:] = kept
                    raise DataError(
                        f"the loss is no longer finite in epoch {epoch}, step"
                        f" {first // batch + 1}; the parameters are those before that epoch",
                        "a smaller learning rate often helps: eta",
                    )
            history.append(total / len(x))
            if progress is not None:
                progress(epoch, history[-1])
        return history
