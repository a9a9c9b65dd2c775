"""What backprove compiles: bp.compile for C and for NumPy."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from workloads import Predicting, Training

import backprove as bp
from backprove.run.c import Trainer as CTrainer
from backprove.run.optimizers import recipe
from backprove.run.step import lower_step

from .interface import Array, NotFitting, Predictor, Trainer

Backend: TypeAlias = Literal["c", "numpy"]


class Compiled(Trainer):
    def __init__(self, backend: Backend, work: Training, data: Mapping[str, Array], threads: int):
        network = bp.mlp(list(work.sizes), work.activation, work.loss)
        self.run = bp.compile(
            network, backend=backend, optimizer=work.optimizer, eta=work.eta, batch=work.batch,
            dtype="float32", threads=threads,
        )  # fmt: skip
        self.form = f"{self.run.threads} threads" if self.run.threads > 1 else "1 thread"
        self.data = {"x": data["x"], "y": data["y"]}
        self.batch = work.batch

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.run.parameters = dict(parameters)

    def parameters(self) -> dict[str, Array]:
        return self.run.parameters

    def first_steps(self, count: int) -> float:
        rows = {name: array[: count * self.batch] for name, array in self.data.items()}
        return self.run.train(rows, epochs=1, shuffle=False)[-1]

    def epochs(self, count: int, seed: int) -> float:
        return self.run.train(self.data, epochs=count, seed=seed)[-1]


class Outputs(Predictor):
    def __init__(
        self, backend: Backend, work: Predicting, parameters: Mapping[str, Array], x: Array,
        threads: int,
    ) -> None:  # fmt: skip
        network = bp.mlp(list(work.sizes), work.activation, work.loss)
        self.compiled = bp.compile(network, backend=backend, dtype="float32", threads=threads)
        self.compiled.parameters = dict(parameters)
        self.x = {"x": x}
        self.name = f"h{work.layers + 1}"

    def run(self) -> Any:
        return self.compiled.predict(self.x)

    def outputs(self) -> Array:
        return self.compiled.predict(self.x)[self.name]


def trainers(
    work: Training, data: Mapping[str, Array], threads: int, backend: Backend
) -> Iterator[Trainer]:
    yield Compiled(backend, work, data, threads)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int, backend: Backend
) -> Iterator[Predictor]:
    yield Outputs(backend, work, parameters, x, threads)


def compile_cold(layers: int, backend: Backend) -> float:
    """From the lowered program to a callable, with nothing in the cache."""
    _only_c(backend)
    before = os.environ.get("BACKPROVE_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BACKPROVE_CACHE"] = folder
        try:
            return _built(layers)
        finally:
            if before is None:
                del os.environ["BACKPROVE_CACHE"]
            else:
                os.environ["BACKPROVE_CACHE"] = before


def compile_cached(layers: int, backend: Backend) -> float:
    """The same with the library in the cache: a first, untimed round has put it there."""
    _only_c(backend)
    return _built(layers)


def _built(layers: int) -> float:
    network = bp.mlp([32] * (layers + 1), "tanh", "squared_error")
    step = lower_step(network, recipe("sgd", eta=0.05))
    start = time.perf_counter()
    CTrainer(step, fixed={}, batch=32, dtype=np.dtype(np.float32), threads=1)
    return time.perf_counter() - start


def _only_c(backend: Backend) -> None:
    """Raises NotFitting where nothing is compiled to C."""
    if backend != "c":
        raise NotFitting("compiles no C")
