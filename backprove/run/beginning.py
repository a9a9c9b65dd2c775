"""How every run begins and goes from epoch to epoch, whatever computes its mini-batches.

The rows of each part, the start values, the order of the samples: each by the seed alone, so
that runs with the same options meet the same numbers bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral, Real
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, expect
from ..network import Network
from .checkpoint import State
from .choice import Backend
from .fitted import Fit, input_arrays, target_arrays
from .optimizers import Recipe, recipe
from .runner import Runner, Score
from .step import slot_name
from .table import Table
from .values import draw, from_file, in_bytes, shape_of

Array: TypeAlias = NDArray[Any]

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Options:
    """How a run is made; saved with it.

    optimizer and what belongs to it say what was asked for; what is done is in the recipe.
    backend, threads, vector_bytes, blas: what computes it, once that is chosen.
    """

    epochs: int = 30
    batch_size: int = 32
    optimizer: str = "adam"
    eta: float | None = None
    seed: int = 0
    validation: float = 0.1
    test: float = 0.0
    patience: int | None = None
    dtype: str = "float32"
    source: str = ""
    fingerprint: str = ""
    decay: float | None = None
    clip_value: float | None = None
    clip_norm: float | None = None
    schedule: str = "constant"
    warmup: int = 0
    backend: Backend = "auto"
    threads: int | None = None
    vector_bytes: int = 0
    blas: str = ""
    skip_missing: bool = False

    def recipe(self) -> Recipe:
        """What is done with a gradient, as the files say now. Raises DataError."""
        return recipe(
            self.optimizer, eta=self.eta, decay=self.decay, clip_value=self.clip_value,
            clip_norm=self.clip_norm, schedule=self.schedule, warmup=self.warmup,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Parts:
    """Row numbers: what is trained on, what is looked at after each epoch, what is held out."""

    train: Array
    validation: Array
    test: Array


def check_options(options: Options) -> None:
    whole = (
        ("epochs", options.epochs), ("a mini-batch", options.batch_size), ("a seed", options.seed),
    )  # fmt: skip
    for name, number in whole:
        expect(name, number, Integral, "a whole number")
    expect("a patience", options.patience, (Integral, NoneType), "a whole number of epochs")
    for part, share in (("a validation part", options.validation), ("a test part", options.test)):
        expect(part, share, Real, "a number from 0 to below 1")
    expect("a learning rate", options.eta, (Real, NoneType), "a number above 0")
    expect("a type of numbers", options.dtype, str, " or ".join(DTYPES))
    checks = (
        (options.epochs >= 1, f"{options.epochs} epochs", "at least 1"),
        (options.batch_size >= 1, f"a mini-batch of {options.batch_size}", "at least 1"),
        (options.eta is None or 0 < options.eta < np.inf,
         f"a learning rate of {options.eta}", "a number above 0"),
        (0 <= options.validation < 1, f"a validation part of {options.validation}",
         "from 0 to below 1"),
        (0 <= options.test < 1 and options.validation + options.test < 1,
         f"a test part of {options.test}", "so that something is left to train on"),
        (options.seed >= 0, f"a seed of {options.seed}", "0 or greater"),
        (options.patience is None or options.patience >= 1,
         f"a patience of {options.patience}", "at least 1 epoch"),
        (options.dtype in DTYPES, f"numbers of type {options.dtype}", " or ".join(DTYPES)),
        (options.patience is None or options.validation > 0,
         "early stopping without a validation part", "give validation a part above 0"),
    )  # fmt: skip
    for good, said, wanted in checks:
        if not good:
            raise DataError(f"{said} cannot be trained with", f"it must be: {wanted}")


def parts_of(table: Table, options: Options) -> Parts:
    """The rows of each part: chosen by the seed, the same again for the same seed."""
    held_out = np.zeros(table.rows, dtype=bool)
    held_out[table.test] = True
    generator = np.random.Generator(np.random.PCG64([options.seed, 1]))
    order = generator.permutation(np.flatnonzero(~held_out))
    test = table.test
    if options.test and not len(test):
        cut = round(options.test * len(order))
        test, order = np.sort(order[:cut]), order[cut:]
    cut = round(options.validation * len(order))
    validation, rest = np.sort(order[:cut]), np.sort(order[cut:])
    if not len(rest):
        raise DataError(f"{table.source} has {table.rows} rows, so none is left to train on")
    if options.patience is not None and not len(validation):
        raise DataError(
            f"{table.source} has {table.rows} rows, so none is left for validation, which early"
            " stopping needs",
            "give validation a larger part",
        )
    return Parts(rest, validation, test)


def steps_of(options: Options, parts: Parts) -> int:
    """The updates of the whole run; the last mini-batch of an epoch may be a smaller one."""
    return options.epochs * -(-len(parts.train) // options.batch_size)


def start(
    network: Network, options: Options, recipe: Recipe, samples: int
) -> tuple[State, tuple[str, ...]]:
    dtype = np.dtype(options.dtype)
    live = [q for q in network.trained if q.name in network.live]
    drawn, notes = draw(network, options.seed, dtype, [q for q in live if q.value is None])
    parameters = {
        q.name: drawn[q.name]
        if q.value is None
        else from_file(q.value, shape_of(network, q.name), dtype)
        for q in live
    }
    if not parameters:
        raise DataError(
            "no weight or bias reaches the loss, so there is nothing to train",
            "declare one: weight w[3,2]",
        )
    missing = [
        q.name for q in network.of_kind("constant") if q.value is None and q.name in network.live
    ]
    if missing:
        raise DataError(
            f"{missing[0]} has no value", f"give it one in the file: constant {missing[0]} = 1"
        )
    slots = {
        slot_name(name, slot): np.zeros_like(array)
        for name, array in parameters.items()
        for slot in recipe.slots
    }
    generator = np.random.Generator(np.random.PCG64([options.seed, 2]))
    permutation = generator.permutation(samples)
    state = State(parameters, slots, 0, 1, 0, permutation, _random_state(generator))
    kept = [q.name for q in live if q.value is not None]
    if kept:
        notes = (*notes, f"starting from the file's values: {', '.join(kept)}")
    idle = [q.name for q in network.trained if q.name not in network.live]
    if idle:
        notes = (*notes, f"not trained, as the loss does not depend on it: {', '.join(idle)}")
    return state, notes


def _random_state(generator: np.random.Generator) -> dict[str, Any]:
    return dict(generator.bit_generator.state)


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    bits = np.random.PCG64()
    saved: Any = dict(state)
    bits.state = saved
    return np.random.Generator(bits)


def notes_of(
    network: Network, fitted: Fit, options: Options, recipe: Recipe, parts: Parts
) -> tuple[str, ...]:
    split = [f"{len(parts.train):,} samples to train on"]
    if len(parts.validation):
        split.append(f"{len(parts.validation):,} for validation")
    if len(parts.test):
        split.append(f"{len(parts.test):,} held out for the test")
    count = sum(
        int(np.prod(shape_of(network, q.name))) for q in network.trained if q.name in network.live
    )
    size = in_bytes(count * np.dtype(options.dtype).itemsize)
    return (
        *fitted.sentences(),
        f"data: {', '.join(split)}",
        f"{count:,} parameters ({size} in {options.dtype}), mini-batches of {options.batch_size}",
        *recipe.sentences(),
    )


def arrays_of(runner: Runner, table: Table, rows: Array) -> dict[str, Array]:
    """Inputs and targets of some rows of a table. Raises DataError for what does not fit."""
    part = table.only(rows)
    arrays = input_arrays(runner.network, part, runner.fit, runner.dtype)
    arrays |= target_arrays(runner.network, part, runner.fit, runner.dtype)
    runner.check_targets(arrays, part.rows, part.where)
    return arrays


# -- epochs --------------------------------------------------------------------------------


def epoch_record(state: State, score: Score | None) -> dict[str, float]:
    """What is recorded of an epoch that is done. score: on the validation part, if there is one."""
    record: dict[str, float] = {
        "epoch": state.epoch,
        "loss": state.loss_sum / len(state.permutation),
    }
    if score is not None:
        record |= {"validation loss": score.loss, **score.measures}
    return record


def next_epoch(state: State) -> State:
    """The state at the start of the next epoch, its samples in an order of their own."""
    generator = _generator(state.generator)
    permutation = generator.permutation(len(state.permutation))
    return replace(
        state,
        epoch=state.epoch + 1,
        position=0,
        loss_sum=0.0,
        permutation=permutation,
        generator=_random_state(generator),
    )
