"""JAX with a step under jit, its buffers donated, called once a mini-batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import DIGITS, Predicting, Training, read_digits

from . import jax_common as common
from .interface import Array, ByEpoch, Predictor, Trainer


class Jit(ByEpoch):
    """gather: mini-batches are gathered inside the step; else samples are sorted once in NumPy."""

    def __init__(self, work: Training, data: Mapping[str, Array], gather: bool) -> None:
        self.work, self.gather = work, gather
        self.form = "gathered in the step" if gather else "sorted once"
        self.samples, self.batch = work.samples, work.batch
        step = common.stepper(work)

        def gathered(state: Any, total: Any, x: Any, y: Any, rows: Any) -> tuple[Any, Any]:
            state, loss = step(state, x[rows], y[rows])
            return state, total + loss

        def given(state: Any, total: Any, x: Any, y: Any) -> tuple[Any, Any]:
            state, loss = step(state, x, y)
            return state, total + loss

        self.step = jax.jit(gathered if gather else given, donate_argnums=(0, 1))
        y = data["label" if work.loss == "cross_entropy" else "y"]
        self.x: Any = jnp.array(data["x"]) if gather else data["x"]
        self.y: Any = jnp.array(y) if gather else y

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.state = common.start(self.work, parameters)

    def parameters(self) -> dict[str, Array]:
        return common.told(self.work, self.state)

    def epoch(self, order: Array) -> float:
        b, state, total = self.batch, self.state, jnp.float32(0)
        if self.gather:
            rows = order.astype(np.int32)
            for start in range(0, len(order), b):
                state, total = self.step(state, total, self.x, self.y, rows[start : start + b])
        else:
            x, y = self.x[order], self.y[order]
            for start in range(0, len(order), b):
                part = slice(start, start + b)
                state, total = self.step(state, total, x[part], y[part])
        self.state = state
        return float(total) / (len(order) // b)


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    for gather in (True, False):
        yield Jit(work, data, gather)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int
) -> Iterator[Predictor]:
    yield common.Forward(work, parameters, x)


def digits(path: str, seed: int) -> float:
    """The accuracy on the held-out digits."""
    return Jit(DIGITS, read_digits(path).training, gather=False).read_digits(path, seed)
