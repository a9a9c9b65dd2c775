"""Going on: what makes the next state of a run from the one before it.

A backend is one class with a method `advance`; all else of a run is the same for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..network import Network
from .checkpoint import State
from .numpy_step import NumpyStep
from .step import Step
from .values import constant_values

Array: TypeAlias = NDArray[Any]


class Advance(Protocol):
    """Makes the next state of a run."""

    def advance(self, state: State) -> State:
        """The state after one more mini-batch or several, none of them of the next epoch.

        The state that is given stays as it is. Raises DataError where the run has diverged.
        """
        ...


class NumpyAdvance:
    """One mini-batch at a time, by NumPy.

    arrays: the training samples, by the names of inputs and targets.
    """

    def __init__(
        self,
        network: Network,
        step: Step,
        arrays: Mapping[str, Array],
        batch_size: int,
        dtype: np.dtype[Any],
    ) -> None:
        self._step = NumpyStep(step, constant_values(network, dtype), dtype)
        self._step.check(min(batch_size, len(next(iter(arrays.values())))))
        self._arrays, self._batch_size = arrays, batch_size

    def advance(self, state: State) -> State:
        """The state after one more mini-batch."""
        number = state.steps + 1
        rows = state.permutation[state.position : state.position + self._batch_size]
        before = {**state.parameters, **state.slots}
        loss, after = self._step(before, number, self._arrays, rows)
        if not np.isfinite(loss):
            raise diverged(f"the loss is {loss}", state.epoch, number)
        return replace(
            state,
            parameters={name: after[name] for name in state.parameters},
            slots={name: after[name] for name in state.slots},
            steps=number,
            position=state.position + len(rows),
            loss_sum=state.loss_sum + loss * len(rows),
        )


class Diverged(DataError):
    """A run whose numbers are no longer finite."""


def diverged(what: str, epoch: int, step: int) -> Diverged:
    """What is said of a run whose numbers are no longer finite."""
    return Diverged(
        f"{what} in epoch {epoch}, at step {step:,}: the training diverges",
        "try a lower learning rate, clip the gradients, or scale the inputs",
    )


def check_finite(state: State) -> None:
    """Raises DataError where a parameter or a slot has an infinity or is no number."""
    for name, array in (*state.parameters.items(), *state.slots.items()):
        if not np.isfinite(array).all():
            raise diverged(f"{name} is not finite", state.epoch, state.steps)
