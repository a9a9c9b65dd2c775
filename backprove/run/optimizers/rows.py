"""The optimizers: one row each. A new optimizer is one function and one row.

An update is a pure function from a parameter, its gradient and the optimizer's own state of
that parameter to the new parameter and state, so that a step is made wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

Array: TypeAlias = NDArray[Any]
Slots: TypeAlias = tuple[Array, ...]

Update: TypeAlias = Callable[[Array, Array, Slots, float, int], tuple[Array, Slots]]
"""(parameter, gradient, slots, eta, step number from 1) -> (new parameter, new slots)."""


@dataclass(frozen=True)
class Optimizer:
    """name; law: the update in words of the field; slots: how many arrays of the parameter's
    shape it keeps, 0 at first; eta: the rate where none is given."""

    name: str
    law: str
    slots: int
    eta: float
    update: Update


def _sgd(w: Array, g: Array, slots: Slots, eta: float, step: int) -> tuple[Array, Slots]:
    return w - eta * g, ()


_MOMENTUM = 0.9


def _momentum(w: Array, g: Array, slots: Slots, eta: float, step: int) -> tuple[Array, Slots]:
    velocity = _MOMENTUM * slots[0] - eta * g
    return w + velocity, (velocity,)


_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8


def _adam(w: Array, g: Array, slots: Slots, eta: float, step: int) -> tuple[Array, Slots]:
    m = _BETA_1 * slots[0] + (1 - _BETA_1) * g
    v = _BETA_2 * slots[1] + (1 - _BETA_2) * (g * g)
    rate = eta / (1 - _BETA_1**step)
    root = np.sqrt(v * (1 / (1 - _BETA_2**step)))
    return w - rate * m / (root + _EPSILON), (m, v)


_ROWS = (
    Optimizer("sgd", "w ← w - η g", 0, 0.1, _sgd),
    Optimizer("momentum", "u ← 0.9 u - η g; w ← w + u", 1, 0.03, _momentum),
    # Kingma and Ba 2015, algorithm 1
    Optimizer("adam", "w ← w - η m̂ / (√v̂ + 1e-8), m̂ and v̂ running means of g and g²",
              2, 0.003, _adam),
)  # fmt: skip

OPTIMIZERS: Mapping[str, Optimizer] = {row.name: row for row in _ROWS}


def optimizer(name: str) -> Optimizer:
    """The row of an optimizer; raises DataError with the names there are."""
    try:
        return OPTIMIZERS[name]
    except KeyError:
        raise DataError(
            f"there is no optimizer {name!r}", f"it is one of {', '.join(OPTIMIZERS)}"
        ) from None
