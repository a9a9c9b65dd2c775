"""Training in the compiled backend: steps, epochs and the order of samples, all in one call.

A call takes at most a tenth of a second; what it leaves is the state of the run, from which the
next call, or a resumed run, goes on bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..lower import MEAN_LOSS
from ..step import NEXT, ScalarTable, Step, slot_name
from .call import Kernel
from .compiler import Announce
from .library import EPOCHS_DONE, STEPS_DONE, TIME_UP
from .machine import CALL_SECONDS, ROOM, Machine

Array: TypeAlias = NDArray[Any]

_BLOCK = 8192
"""Steps whose own numbers are worked out at once. A block always begins at the same steps, so that
a resumed run sees the same numbers bit for bit."""


_MOST_EPOCHS = 4096
"""Epochs that one call may finish: there must be room for the loss of each."""


class Trainer:
    """A step, compiled, and a run of it over samples.

    parameters and slots live in the arena; `steps` counts updates from the beginning of the run.
    """

    def __init__(
        self,
        step: Step,
        *,
        fixed: Mapping[str, Array],
        batch: int,
        dtype: np.dtype[Any],
        threads: int = 1,
        vector_bytes: int | None = None,
        kernels: Sequence[Kernel] = (),
        loads: bool = True,
        announce: Announce = lambda sentence: None,
    ) -> None:
        self.step = step
        program = step.program
        self.slots = {
            name: tuple(slot_name(name, slot) for slot in slots)
            for name, slots in step.slots.items()
        }
        kept = [*self.slots, *(slot for slots in self.slots.values() for slot in slots)]
        self._scalars = tuple(n for n in step.scalars.results if n in program.given)
        self.machine = Machine(
            program,
            fixed=fixed,
            replaced={NEXT + name: name for name in kept},
            batch=batch,
            room=ROOM,
            dtype=dtype,
            threads=threads,
            vector_bytes=vector_bytes,
            kernels=kernels,
            loads=loads,
            announce=announce,
            scalars=self._scalars,
            loss=MEAN_LOSS,
        )
        self.steps = 0
        self._prepared = ScalarTable(step, dtype)
        self._block = -1
        self._rows = np.zeros((0, len(self._scalars)))
        self.order = np.zeros(0, np.int64)

    # -- the state of a run ----------------------------------------------------------------

    def load(
        self, parameters: Mapping[str, Array], steps: int, slots: Mapping[str, Array] | None = None
    ) -> None:
        """Put weights, biases and the optimizer's slots into the arena; without slots, zeros."""
        for name, names in self.slots.items():
            self.machine.write(name, parameters[name])
            for slot in names:
                if slot in self.machine.plan.given:  # else its old value is of no use
                    value = slots[slot] if slots else np.zeros_like(parameters[name])
                    self.machine.write(slot, value)
        self.steps = steps
        self.machine.run.chunk = 0  # a mini-batch that was begun begins anew

    def parameters(self) -> dict[str, Array]:
        """Copies of all weights and biases."""
        return {name: self.machine.read(name) for name in self.slots}

    def slot_values(self) -> dict[str, Array]:
        """Copies of the optimizer's slots, by names such as `w1.m`."""
        given = self.machine.plan.given
        return {
            slot: self.machine.read(slot if slot in given else NEXT + slot)
            for slots in self.slots.values()
            for slot in slots
        }

    def state(self) -> tuple[int, list[tuple[int, Array]]]:
        """Steps, weights, biases and slots as they are, for `restore`."""
        return self.steps, self.machine.state()

    def restore(self, state: tuple[int, list[tuple[int, Array]]]) -> None:
        """Put everything back as it was."""
        self.steps = state[0]
        self.machine.restore(state[1])

    @property
    def position(self) -> int:
        """Samples of the epoch under way that are done."""
        return int(self.machine.run.position)

    @property
    def loss_sum(self) -> float:
        """The sum of their losses."""
        return float(self.machine.run.loss_sum)

    @property
    def random(self) -> tuple[int, ...]:
        """The state of the generator that draws the order of each epoch (xoshiro256++)."""
        return tuple(self.machine.run.random)

    def begin(
        self,
        arrays: Mapping[str, Array],
        samples: int,
        *,
        order: Array,
        random: tuple[int, ...],
        position: int = 0,
        loss_sum: float = 0.0,
    ) -> None:
        """What the next calls train on: samples first, in this order of samples.

        At the start of each epoch the order is shuffled anew from `random`, unless that is ().
        """
        self.machine.bind(
            {name: np.ascontiguousarray(arrays[name], self.machine.dtype) for name in arrays},
            samples,
        )
        run = self.machine.run
        self.order = np.array(order, np.int64)
        run.order = self.order.ctypes.data
        run.shuffles = int(bool(random))
        for place, word in enumerate(random):
            run.random[place] = word
        run.position, run.loss_sum, run.chunk = position, loss_sum, 0

    def advance(self, epochs: int = 1, seconds: float = CALL_SECONDS) -> tuple[int, list[float]]:
        """Train for a while: why it ended (see library.py), and the losses of finished epochs.

        A call ends after `epochs` ends of epochs, or `seconds`, whichever comes first. Where it
        ends within a mini-batch that goes in chunks, weights and position are those before that
        mini-batch, and the next call goes on with it.
        """
        run = self.machine.run
        block, place = divmod(self.steps, _BLOCK)
        if block != self._block:
            rows = self._prepared.rows(block * _BLOCK + 1, _BLOCK)
            self._rows = np.ascontiguousarray(
                np.stack([rows[n] for n in self._scalars], axis=1)
                if self._scalars
                else np.zeros((_BLOCK, 0))
            )
            self._block = block
        run.scalars = self._rows[place:].ctypes.data if self._scalars else None
        losses = np.zeros(epochs)
        run.losses = losses.ctypes.data
        run.epochs, run.max_steps, run.seconds = epochs, _BLOCK - place, seconds
        run.steps_done = 0
        try:
            status = self.machine.call()
        finally:  # Ctrl-C is answered when the call is over: what it did, it did
            self.steps += run.steps_done
        return status, losses[: run.epochs_done].tolist()

    def train(self, epochs: int) -> list[float]:
        """Train for whole epochs; the mean loss of each."""
        losses: list[float] = []
        while len(losses) < epochs:
            left = min(epochs - len(losses), _MOST_EPOCHS)
            status, made = self.advance(left)
            losses += made
            if status not in (EPOCHS_DONE, TIME_UP, STEPS_DONE):
                break
        return losses


def random_state(seed: int) -> tuple[int, ...]:
    """Four words to start xoshiro256++ from."""
    return tuple(int(word) for word in np.random.SeedSequence(seed).generate_state(4, np.uint64))
