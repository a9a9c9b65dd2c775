"""Going on with a run in the compiled backend: for a tenth of a second at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...network import Network
from ..advance import diverged
from ..checkpoint import State
from ..step import Step
from ..values import constant_values
from .compiler import Announce
from .library import NOT_FINITE
from .trainer import Trainer

Array: TypeAlias = NDArray[Any]


class CompiledAdvance:
    """Mini-batches in C, up to the end of an epoch or of a call, whichever comes first.

    arrays: the training samples, by the names of inputs and targets. threads, vector_bytes: as
    chosen for the run. loads: whether it may call the BLAS that NumPy has loaded. announce: is told
    of a wait for the compiler. Raises Unavailable where nothing can be compiled.
    """

    def __init__(
        self,
        network: Network,
        step: Step,
        arrays: Mapping[str, Array],
        batch_size: int,
        dtype: np.dtype[Any],
        *,
        threads: int,
        vector_bytes: int,
        loads: bool,
        announce: Announce,
    ) -> None:
        self._trainer = Trainer(
            step, fixed=constant_values(network, dtype), batch=batch_size, dtype=dtype,
            threads=threads, vector_bytes=vector_bytes, loads=loads, announce=announce,
        )  # fmt: skip
        self._arrays = arrays
        self._samples = len(next(iter(arrays.values())))
        self._last: State | None = None

    @property
    def blas(self) -> str:
        """The loaded BLAS that it leaves the widest products to, or ""."""
        return self._trainer.machine.blas

    def advance(self, state: State) -> State:
        """The state after some more mini-batches, none of them of the next epoch."""
        trainer = self._trainer
        if state is not self._last:
            if self._last is None or not _follows(state, self._last):
                trainer.load(state.parameters, state.steps, state.slots)
            trainer.begin(
                self._arrays, self._samples, order=state.permutation, random=(),
                position=state.position, loss_sum=state.loss_sum,
            )  # fmt: skip
        self._last = None  # an interruption leaves the trainer ahead of every state
        status, losses = trainer.advance()
        if status == NOT_FINITE:
            raise diverged("the loss is not finite", state.epoch, trainer.steps)
        position, loss_sum = trainer.position, trainer.loss_sum
        if losses:  # the epoch is over
            position, loss_sum = self._samples, losses[0] * self._samples
        self._last = replace(
            state,
            parameters=trainer.parameters(),
            slots=trainer.slot_values(),
            steps=trainer.steps,
            position=position,
            loss_sum=loss_sum,
        )
        return self._last


def _follows(state: State, last: State) -> bool:
    """Whether a state has the parameters that the last one left, so that nothing is loaded."""
    return state.parameters is last.parameters and state.slots is last.slots
