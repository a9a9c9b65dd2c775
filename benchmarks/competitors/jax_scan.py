"""JAX with a whole epoch under one jit: lax.scan over the mini-batches, the state donated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import DIGITS, Training, read_digits

from . import jax_common as common
from .interface import Array, ByEpoch, Trainer


class Scan(ByEpoch):
    """sort: all samples are sorted once, before the scan; else gathered in each step of it."""

    def __init__(self, work: Training, data: Mapping[str, Array], unroll: int, sort: bool) -> None:
        self.work = work
        self.form = "sorted once" if sort else "gathered in the step"
        self.samples, self.batch = work.samples, work.batch
        self.x, self.y = jnp.array(data["x"]), common.targets(work, data)
        step = common.stepper(work)

        def gathered(state: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
            def one(state: Any, rows: Any) -> tuple[Any, Any]:
                return step(state, x[rows], y[rows])

            batches = order.reshape(-1, work.batch)
            state, losses = jax.lax.scan(one, state, batches, unroll=unroll)
            return state, losses.mean()

        def sorted_once(state: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
            def one(state: Any, batch: Any) -> tuple[Any, Any]:
                return step(state, *batch)

            x = x[order].reshape(-1, work.batch, x.shape[1])
            y = y[order].reshape(-1, work.batch, *y.shape[1:])
            state, losses = jax.lax.scan(one, state, (x, y), unroll=unroll)
            return state, losses.mean()

        self.run = jax.jit(sorted_once if sort else gathered, donate_argnums=0)

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.state = common.start(self.work, parameters)

    def parameters(self) -> dict[str, Array]:
        return common.told(self.work, self.state)

    def epoch(self, order: Array) -> float:
        self.state, loss = self.run(self.state, self.x, self.y, order.astype(np.int32))
        return float(loss)


def trainers(
    work: Training, data: Mapping[str, Array], threads: int, unroll: str
) -> Iterator[Trainer]:
    for sort in (False, True):
        yield Scan(work, data, int(unroll), sort)


def digits(path: str, seed: int, unroll: str) -> float:
    """The accuracy on the held-out digits."""
    data = read_digits(path).training
    return Scan(DIGITS, data, int(unroll), sort=False).read_digits(path, seed)
