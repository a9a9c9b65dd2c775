"""Training by single mini-batches, or for so many seconds, in NumPy: what a page watches.

A Stepper holds a state of the same kind as `train` and goes on by the same step, so that the
same options and seed give the same weights bit for bit, however the steps are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from time import monotonic
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..adjoints import backprop
from ..errors import DataError
from ..network import ADJOINT, Network, expect_network
from .advance import Diverged, NumpyAdvance, check_finite
from .beginning import (
    Options,
    arrays_of,
    check_options,
    epoch_record,
    next_epoch,
    notes_of,
    parts_of,
    start,
    steps_of,
)
from .checkpoint import State
from .data import Scaling, complete, fit
from .lower import lower
from .numpy_backend import Prepared, prepare
from .overflow import Overflow, overflow
from .runner import Runner, Score
from .step import ScalarTable, check_scalars, lower_step
from .table import Said, Table
from .values import check_memory, parameter_bytes, refuse_symbolic, shape_of

Array: TypeAlias = NDArray[Any]

HISTORY = 20_000
"""Epochs of which a record is kept; beyond, every second one of the older half goes."""

RUNAWAY = 1e12
"""A loss so many times the first one is taken for divergence, before anything overflows."""


class Stopped(Diverged):
    """A run that cannot go on. why: what overflowed first. The state is that before the step."""

    def __init__(self, why: Overflow, epoch: int, step: int) -> None:
        goes = "diverges" if why.slower else "stops"
        super().__init__(
            f"the training {goes} in epoch {epoch}, at step {step:,}: {why.says}", why.suggestion
        )
        self.why = why


class Stepper:
    """One run, a mini-batch at a time. Its options mean what they mean to `train`.

    epochs: after which the run is `finished`; None for as long as it is asked to go on, which
    a schedule that divides the whole run refuses. values: where weights and biases start, by
    name, instead of the file's values or drawn ones.
    Raises DataError for data that do not fit, and at the step at which the numbers diverge.
    """

    def __init__(
        self,
        network: Network,
        table: Table,
        *,
        columns: Mapping[str, Said] | Sequence[str] = (),
        target: str = "",
        one_hot: Said = (),
        scaling: Scaling | None = None,
        skip_missing: bool = False,
        epochs: int | None = None,
        batch_size: int = 32,
        optimizer: str = "adam",
        eta: float | None = None,
        decay: float | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        schedule: str = "constant",
        seed: int = 0,
        validation: float = 0.1,
        dtype: str = "float32",
        values: Mapping[str, Any] | None = None,
    ) -> None:
        expect_network(network)
        refuse_symbolic(network)
        options = Options(
            epochs=1 if epochs is None else epochs, batch_size=batch_size, optimizer=optimizer,
            eta=eta, seed=seed, validation=validation, dtype=dtype, decay=decay,
            clip_value=clip_value, clip_norm=clip_norm, schedule=schedule, backend="numpy",
            skip_missing=skip_missing,
        )  # fmt: skip
        check_options(options)
        recipe = options.recipe()
        size = np.dtype(dtype).itemsize
        check_memory(3 * parameter_bytes(network, size), "training this network")
        if skip_missing:
            table = complete(network, table, columns=columns, target=target)
        self.network, self.table, self.epochs = network, table, epochs
        self.parts = parts_of(table, options)
        self.fit = fit(
            network, table, self.parts.train, columns=columns, target=target, one_hot=one_hot,
            scaling=scaling,
        )  # fmt: skip
        self.batches = steps_of(replace(options, epochs=1), self.parts)
        steps = None if epochs is None else epochs * self.batches
        self._recipe = replace(recipe, steps=steps)
        self.options = replace(options, eta=float(recipe.eta))
        state, notes = start(network, self.options, self._recipe, len(self.parts.train))
        self.state = _begun(network, state, values or {})
        self.notes = (
            *table.notes, *notes_of(network, self.fit, self.options, self._recipe, self.parts),
            *notes,
        )  # fmt: skip
        self.runner = Runner(network, self.fit, dtype)
        self.arrays = arrays_of(self.runner, table, self.parts.train)
        self.validation = arrays_of(self.runner, table, self.parts.validation)
        self._first, self._first_loss = self.state.parameters, float("nan")
        self._prepare()
        self._gradients: Prepared | None = None
        self.loss = float("nan")
        self.history: list[Mapping[str, float]] = []

    def _prepare(self) -> None:
        self.program = lower_step(self.network, self._recipe)
        check_scalars(self.program, self._recipe.steps or 1)
        self._advance = NumpyAdvance(
            self.network, self.program, self.arrays, self.options.batch_size, self.runner.dtype
        )

    @property
    def eta(self) -> float:
        """The learning rate, or what the schedule makes the rate of; may be changed at any time."""
        return float(self._recipe.eta)

    @eta.setter
    def eta(self, eta: float) -> None:
        check_options(replace(self.options, eta=eta))
        self._recipe = replace(self._recipe, eta=Fraction(repr(float(eta))))
        self._prepare()

    @property
    def parameters(self) -> Mapping[str, Array]:
        """Weights and biases by name."""
        return self.state.parameters

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epochs is not None and self.state.epoch > self.epochs

    def step(self) -> float:
        """One mini-batch: its loss before the update. Raises Stopped where the numbers diverge."""
        before = self.state
        try:
            after = self._advance.advance(before)
            check_finite(after)
        except Diverged:
            raise self._stopped() from None
        loss = (after.loss_sum - before.loss_sum) / (after.position - before.position)
        if before.steps == 0:
            self._first_loss = abs(loss)
        elif abs(loss) > RUNAWAY * max(self._first_loss, 1.0):
            raise self._stopped(loss)
        window = min(after.steps, self.batches, 100)
        self.loss = loss if window == 1 else self.loss + (loss - self.loss) / window
        self.state = after
        if after.position >= len(self.parts.train):
            self._record(epoch_record(after, self.score()))
            self.state = next_epoch(after)
        return loss

    def _record(self, record: Mapping[str, float]) -> None:
        self.history.append(record)
        if len(self.history) > HISTORY:
            half = HISTORY // 2
            self.history[:half] = self.history[:half:2]

    def _rows(self) -> Array:
        """The samples of the next mini-batch."""
        state = self.state
        return state.permutation[state.position : state.position + self.options.batch_size]

    def _stopped(self, loss: float | None = None) -> Stopped:
        state, rows = self.state, self._rows()
        batch = {name: array.take(rows, 0) for name, array in self.arrays.items()}
        scalars = ScalarTable(self.program, self.runner.dtype).at(state.steps + 1)
        given = {
            **self.runner.constants, **scalars, **state.parameters, **state.slots, **batch,
        }  # fmt: skip
        clips = self.options.clip_value is not None or self.options.clip_norm is not None
        why = overflow(
            self.network, self.program, given, len(rows), self._first, self.eta, clips,
            bool(self.options.decay),
        )  # fmt: skip
        if loss is not None:
            says = f"the loss is {loss:.2g}, and grows without end{why.grown}"
            why = replace(why, quantity=why.parameter or self.network.loss, says=says)
        return Stopped(why, state.epoch, state.steps + 1)

    def for_seconds(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> int:
        """As many mini-batches as fit, at least one; ends early where `stop` says so.

        Returns how many were done.
        """
        until = monotonic() + seconds
        done = 0
        while not self.finished:
            self.step()
            done += 1
            if monotonic() >= until or stop():
                break
        return done

    def seen(self, most: int = 1000) -> dict[str, Array]:
        """What may be looked at beside the loss: validation rows, else the first training rows."""
        if len(self.parts.validation):
            return self.validation
        return {name: array[:most] for name, array in self.arrays.items()}

    def score(self) -> Score | None:
        """On the validation rows; None where there are none."""
        rows = len(self.parts.validation)
        return self.runner.score(self.parameters, self.validation, rows) if rows else None

    def gradients(self) -> dict[str, Array]:
        """∂loss/∂w of every weight and bias, the mean over the next mini-batch."""
        names = {name: ADJOINT + name for name in self.parameters}
        if self._gradients is None:
            program = lower(self.network, backprop(self.network).adjoints, names.values())
            self._gradients = prepare(program, self.runner.dtype)
        rows = self._rows()
        batch = {name: array.take(rows, 0) for name, array in self.arrays.items()}
        given = {**self.runner.constants, **self.parameters, **batch}
        found = self._gradients(given, len(rows))
        return {name: found[adjoint] for name, adjoint in names.items()}

    def predict(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The predicted quantities, for inputs that are scaled as the network's are."""
        samples = len(next(iter(arrays.values())))
        return self.runner.predicted(self.parameters, arrays, samples)[0]


def _begun(network: Network, state: State, values: Mapping[str, Any]) -> State:
    """The first state with start values of one's own in it."""
    parameters = dict(state.parameters)
    for name, value in values.items():
        if name not in parameters:
            raise DataError(f"{name} is not a weight or bias that is trained")
        shape = shape_of(network, name)
        try:
            array = np.asarray(value, parameters[name].dtype)
        except (TypeError, ValueError):
            raise DataError(f"the start values of {name} are not numbers") from None
        if array.shape != shape or not np.isfinite(array).all():
            raise DataError(
                f"the start values of {name} do not fit",
                f"give finite numbers of shape {shape}, not {array.shape}",
            )
        parameters[name] = array
    return replace(state, parameters=parameters)
