"""backprove itself: bp.compile for C and for NumPy, bp.train for the digits."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from workloads import DIGITS, DIGITS_EPOCHS, Predicting, Training

import backprove as bp
from backprove.run.c import Trainer as CTrainer
from backprove.run.optimizers import recipe
from backprove.run.step import lower_step

from .interface import Array, NotFitting, Predictor, Trainer

Backend: TypeAlias = Literal["auto", "c", "numpy"]


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
    _only(backend, "c", "numpy")
    yield Compiled(backend, work, data, threads)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int, backend: Backend
) -> Iterator[Predictor]:
    _only(backend, "c", "numpy")
    yield Outputs(backend, work, parameters, x, threads)


def digits(path: str, seed: int, backend: Backend) -> float:
    """As a user would: bp.train on the digits that come with backprove."""
    _only(backend, "auto")
    model = bp.train(
        bp.mlp(list(DIGITS.sizes), DIGITS.activation, DIGITS.loss), "digits",
        epochs=DIGITS_EPOCHS, batch_size=DIGITS.batch, optimizer=DIGITS.optimizer,
        eta=DIGITS.eta, seed=seed, validation=0.0,
    )  # fmt: skip
    score = model.predict("digits").score
    assert score is not None, "the digits have their labels"
    return score.measures["accuracy"]


def derivation(layers: int, width: int, backend: Backend) -> float:
    """The whole dynamic program of a network that has been read: every adjoint and gradient."""
    _only(backend, "auto")
    network = bp.mlp([width] * (layers + 1), "tanh", "squared_error")
    start = time.perf_counter()
    adjoints = bp.backprop(network).adjoints
    seconds = time.perf_counter() - start
    assert len(adjoints) == len(network.quantities), "every quantity has its adjoint"
    return seconds


def compile_cold(layers: int, backend: Backend) -> float:
    """From the lowered program to a callable, with nothing in the cache."""
    _only(backend, "c")
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
    _only(backend, "c")
    return _built(layers)


def _built(layers: int) -> float:
    network = bp.mlp([32] * (layers + 1), "tanh", "squared_error")
    step = lower_step(network, recipe("sgd", eta=0.05))
    start = time.perf_counter()
    CTrainer(step, fixed={}, batch=32, dtype=np.dtype(np.float32), threads=1)
    return time.perf_counter() - start


def _only(backend: Backend, *fitting: str) -> None:
    """Raises NotFitting where this is another row's work."""
    if backend not in fitting:
        raise NotFitting("has no part in this: another row of ours stands for it")
