"""Training: mini-batches of a lifted program, an optimizer, and a state saved after each epoch.

A run is a chain of immutable states. A mini-batch makes the next state or none, so that an
interruption at any moment leaves a state from which the run goes on bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, expect
from ..language import parse, source_text
from ..network import Network, expect_network
from . import c
from .advance import Advance, NumpyAdvance, check_finite
from .checkpoint import Saved, State, load, save
from .choice import Backend, by_numpy, choice
from .data import Fit, Scaling, fit, has_targets, input_arrays, target_arrays
from .optimizers import Recipe, recipe
from .runner import Prediction, Runner, Score, prediction
from .step import check_scalars, lower_step, slot_name
from .table import Table, as_table
from .values import (
    check_memory,
    draw,
    from_file,
    in_bytes,
    parameter_bytes,
    refuse_symbolic,
    shape_of,
)

Array: TypeAlias = NDArray[Any]

DTYPES = ("float32", "float64")

__all__ = [
    "DTYPES",
    "Model",
    "Options",
    "Prediction",
    "Predictions",
    "Score",
    "Watcher",
    "load_model",
    "predict",
    "resume",
    "train",
]


class Watcher:
    """Told how a run goes. Override what is of interest; every method may be left as it is."""

    def begin(self, notes: Sequence[str], epochs: int, samples: int) -> None:
        """Before the first mini-batch: what is trained on what, in sentences."""

    def batch(self, epoch: int, done: int) -> None:
        """After each mini-batch: samples of this epoch that are done."""

    def wait(self, sentence: str) -> None:
        """Before a wait that is not training, or where something has to be done without."""

    def epoch(self, record: Mapping[str, float]) -> None:
        """After each epoch: `epoch`, `loss`, and `validation loss` and measures if validated."""


@dataclass(frozen=True)
class Options:
    """How a run is made; saved with it.

    optimizer and what belongs to it say what was asked for; what is done is in the recipe.
    backend, threads, vector_bytes: what computes it, once that is chosen.
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

    def recipe(self) -> Recipe:
        """What is done with a gradient, as the files say now. Raises DataError."""
        return recipe(
            self.optimizer, eta=self.eta, decay=self.decay, clip_value=self.clip_value,
            clip_norm=self.clip_norm, schedule=self.schedule, warmup=self.warmup,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says about a table, with its score where the table has the targets."""

    rows: int
    predictions: tuple[Prediction, ...]
    score: Score | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network: what was learned, how, and how well.

    parameters: weights and biases by name (the best epoch's with early stopping).
    history: one record an epoch: `epoch`, `loss`, `validation loss` and measures.
    test: on the samples held out from everything else, if any.
    """

    network: Network
    fit: Fit
    options: Options
    recipe: Recipe
    state: State
    notes: tuple[str, ...] = ()
    validation: Score | None = None
    test: Score | None = None
    interrupted: bool = False

    @property
    def parameters(self) -> Mapping[str, Array]:
        return self.state.best or self.state.parameters

    @property
    def history(self) -> tuple[Mapping[str, float], ...]:
        return self.state.history

    def save(self, path: str | Path) -> None:
        """Write the model, with all that is needed to go on training it."""
        save(_saved(self.network, self.fit, self.options, self.recipe, self.state), path)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.network, self.fit, self.options.dtype)

    def predict(self, data: str | Path | Table | Mapping[str, Any]) -> Predictions:
        """Predict for every row; for the bundled digits, for the held-out ones."""
        table = as_table(data)
        notes: tuple[str, ...] = ()
        if len(table.test):
            notes = (f"the {len(table.test):,} held-out rows of {table.source}",)
            table = table.only(table.test)
        runner = self._runner
        scored = has_targets(table, self.fit)
        arrays = input_arrays(self.network, table, self.fit, runner.dtype)
        if scored:
            arrays |= target_arrays(self.network, table, self.fit, runner.dtype)
        found, score = runner.predicted(self.parameters, arrays, table.rows, scored)
        rows = tuple(prediction(t, found[t.predicted]) for t in self.fit.targets if t.predicted)
        return Predictions(table.rows, rows, score, notes)


# -- the doors -----------------------------------------------------------------------------


def train(
    network: Network,
    data: str | Path | Table | Mapping[str, Any],
    *,
    columns: Mapping[str, str] | Sequence[str] = (),
    target: str = "",
    scaling: Scaling | None = None,
    epochs: int = 30,
    batch_size: int = 32,
    optimizer: str = "adam",
    eta: float | None = None,
    decay: float | None = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    schedule: str = "constant",
    warmup: int = 0,
    seed: int = 0,
    validation: float = 0.1,
    test: float = 0.0,
    patience: int | None = None,
    dtype: str = "float32",
    backend: Backend = "auto",
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    watcher: Watcher | None = None,
) -> Model:
    """Train weights and biases on a table by mini-batches.

    data: a CSV or NPZ path, `digits`, or arrays by name. columns: which columns give which
    input, {"x": "pixel*"} or ["x=pixel*"]; target: the target's columns. scaling of inputs:
    none, standard or minmax. optimizer: sgd, momentum, nesterov, rmsprop, adam, adamw or the
    path of your own file, with constants if wished (`adam,beta_1=0.8`); schedule: of the rate,
    constant, step, exponential, cosine, one_cycle or your own. eta: the learning rate, by
    default the optimizer's own. decay: of the weights, not of the biases. clip_value,
    clip_norm: the largest component of a gradient, and length of all together. warmup: updates
    in which the rate rises.
    validation, test: parts of the samples set aside, 0 to 1. patience: stop after so many
    epochs without a better validation loss, and keep the best. checkpoint: a file written
    after each epoch, from which `resume` goes on. backend: c, numpy, or auto: C where the work
    is worth compiling for. threads: the most that share a mini-batch. The same seed gives the
    same run bit for bit (same CPU, backend and versions).
    Raises DataError for data that do not fit and for a loss that is no longer finite.
    """
    expect_network(network)
    expect("columns", columns, (Mapping, Sequence), "patterns by name: {'x': 'pixel*'}")
    for pattern in columns.values() if isinstance(columns, Mapping) else columns:
        expect("a pattern of columns", pattern, str, "a text, such as 'pixel*'")
    expect("a target", target, str, "the name of its column, or a pattern")
    refuse_symbolic(network)
    options = Options(
        epochs, batch_size, optimizer, eta, seed, validation, test, patience, dtype,
        decay=decay, clip_value=clip_value, clip_norm=clip_norm, schedule=schedule, warmup=warmup,
        backend=backend, threads=threads,
    )  # fmt: skip
    _check(options)
    done = options.recipe()
    check_memory(3 * parameter_bytes(network, np.dtype(dtype).itemsize), "training this network")
    table = as_table(data)
    options = replace(options, source=table.source, fingerprint=_fingerprint(table))
    if checkpoint is not None:
        expect("a checkpoint", checkpoint, (str, PathLike), "a file's path")
    parts = _parts(table, options)
    fitted = fit(network, table, parts.train, columns=columns, target=target, scaling=scaling)
    done = replace(done, steps=_steps(options, parts))
    options = replace(options, eta=float(done.eta))
    state, notes = _start(network, options, done, len(parts.train))
    run = _Run(network, fitted, options, done, table, parts, state, checkpoint, watcher)
    return run.to_the_end((*_notes(network, fitted, options, done, parts), run.chosen.says, *notes))


def resume(
    checkpoint: str | Path,
    data: str | Path | Table | Mapping[str, Any] | None = None,
    *,
    epochs: int | None = None,
    watcher: Watcher | None = None,
) -> Model:
    """Go on with a run where its checkpoint left it, as if it had never stopped.

    data: the same data, where they are not to be read from the place that was saved.
    epochs: a new total number of epochs. Raises DataError where the data have changed.
    """
    saved = load(checkpoint)
    network, fitted, options, done = _unpacked(saved, checkpoint)
    table = as_table(options.source if data is None else data)
    if _fingerprint(table) != options.fingerprint:
        raise DataError(
            f"{table.source} does not hold the data that {checkpoint} was trained on",
            "give the same data, or start a new run",
        )
    state = saved.state
    if epochs is not None and epochs != options.epochs:
        options = replace(options, epochs=epochs)
        _check(options)
        if epochs >= state.epoch and state.finished == _ALL_DONE:
            state = replace(state, finished="")
    parts = _parts(table, options)
    done = replace(done, steps=_steps(options, parts))
    run = _Run(network, fitted, options, done, table, parts, state, checkpoint, watcher)
    epochs_done = len(state.history)
    notes = (f"resumed after {epochs_done} epoch{'s' * (epochs_done != 1)}",)
    return run.to_the_end((*notes, *_notes(network, fitted, options, done, parts), run.chosen.says))


def load_model(path: str | Path) -> Model:
    """A saved model, ready to predict."""
    saved = load(path)
    return Model(*_unpacked(saved, path), saved.state)


def predict(path: str | Path, data: str | Path | Table | Mapping[str, Any]) -> Predictions:
    """Predict from a saved model for every row of a table."""
    return load_model(path).predict(data)


# -- a run ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Parts:
    """Row numbers: what is trained on, what is looked at after each epoch, what is held out."""

    train: Array
    validation: Array
    test: Array


_ALL_DONE = "all epochs are done"


class _Run:
    def __init__(
        self,
        network: Network,
        fitted: Fit,
        options: Options,
        recipe: Recipe,
        table: Table,
        parts: _Parts,
        state: State,
        checkpoint: str | Path | None,
        watcher: Watcher | None,
    ) -> None:
        self.network, self.fit, self.options, self.recipe = network, fitted, options, recipe
        self.state, self.checkpoint, self.watcher = state, checkpoint, watcher or Watcher()
        self.parts = parts
        self.runner = Runner(network, fitted, options.dtype)
        self.engine = self._engine(self._arrays(table, parts.train))
        self.validation = self._arrays(table, parts.validation)
        self.test = self._arrays(table, parts.test)

    def _engine(self, arrays: Mapping[str, Array]) -> Advance:
        """What makes the next state from the one before it: by C or NumPy, as chosen."""
        options = self.options
        step = lower_step(self.network, self.recipe)
        check_scalars(step, self.recipe.steps or 1)
        self.chosen = choice(
            step.program, backend=options.backend, batch=options.batch_size,
            steps=self.recipe.steps or 1, threads=options.threads,
            vector_bytes=options.vector_bytes,
        )  # fmt: skip
        given = (self.network, step, arrays, options.batch_size, self.runner.dtype)
        made: Advance | None = None
        if self.chosen.backend == "c":
            try:
                made = c.CompiledAdvance(
                    *given, threads=self.chosen.threads, vector_bytes=self.chosen.vector_bytes,
                    announce=self.watcher.wait,
                )  # fmt: skip
            except (c.Unavailable, c.Refused) as reason:
                if options.backend == "c" and not options.vector_bytes:
                    raise
                self.chosen = by_numpy(reason.message)
        self.options = replace(
            options, backend=self.chosen.backend, threads=self.chosen.threads,
            vector_bytes=self.chosen.vector_bytes,
        )  # fmt: skip
        return made or NumpyAdvance(*given)

    def _arrays(self, table: Table, rows: Array) -> dict[str, Array]:
        part = table.only(rows)
        dtype = self.runner.dtype
        arrays = input_arrays(self.network, part, self.fit, dtype)
        arrays |= target_arrays(self.network, part, self.fit, dtype)
        self.runner.check_targets(arrays, part.rows, part.where)
        return arrays

    def to_the_end(self, notes: tuple[str, ...]) -> Model:
        """Train until all epochs are done, or early stopping, or Ctrl-C, which saves first."""
        self.watcher.begin(notes, self.options.epochs, len(self.parts.train))
        interrupted = False
        try:
            while not self.state.finished:
                self._epoch()
                self._save()
        except KeyboardInterrupt:
            interrupted = True
            check_finite(self.state)
            self._save()
        kept = self.state.best or self.state.parameters
        return Model(
            self.network, self.fit, self.options, self.recipe, self.state, notes,
            self._score(kept, self.validation, self.parts.validation),
            self._score(kept, self.test, self.parts.test),
            interrupted,
        )  # fmt: skip

    def _score(
        self, parameters: Mapping[str, Array], arrays: dict[str, Array], rows: Array
    ) -> Score | None:
        return self.runner.score(parameters, arrays, len(rows)) if len(rows) else None

    def _save(self) -> None:
        if self.checkpoint is not None:
            saved = _saved(self.network, self.fit, self.options, self.recipe, self.state)
            save(saved, self.checkpoint)

    def _epoch(self) -> None:
        """What is left of the epoch under way."""
        while self.state.position < len(self.parts.train):
            self.state = self.engine.advance(self.state)
            self.watcher.batch(self.state.epoch, self.state.position)
        check_finite(self.state)
        self.state = self._ended(self.state)
        self.watcher.epoch(self.state.history[-1])

    def _ended(self, state: State) -> State:
        """The state at the start of the next epoch, this one recorded."""
        samples = len(self.parts.train)
        record: dict[str, float] = {"epoch": state.epoch, "loss": state.loss_sum / samples}
        if len(self.parts.validation):
            score = self.runner.score(state.parameters, self.validation, len(self.parts.validation))
            record |= {"validation loss": score.loss, **score.measures}
        history = (*state.history, record)
        best, best_epoch = state.best, state.best_epoch
        finished = _ALL_DONE if state.epoch >= self.options.epochs else ""
        if self.options.patience is not None:
            losses = [r["validation loss"] for r in history]
            if losses[-1] <= min(losses):
                best, best_epoch = state.parameters, state.epoch
            elif state.epoch - best_epoch >= self.options.patience:
                finished = (
                    f"no better validation loss for {self.options.patience} epochs;"
                    f" the parameters of epoch {best_epoch} are kept"
                )
        generator = _generator(state.generator)
        permutation = generator.permutation(samples)
        return replace(
            state,
            history=history,
            best=best,
            best_epoch=best_epoch,
            finished=finished,
            epoch=state.epoch + 1,
            position=0,
            loss_sum=0.0,
            permutation=permutation,
            generator=_random_state(generator),
        )


# -- beginning -----------------------------------------------------------------------------


def _check(options: Options) -> None:
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


def _parts(table: Table, options: Options) -> _Parts:
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
    return _Parts(rest, validation, test)


def _steps(options: Options, parts: _Parts) -> int:
    """The updates of the whole run; the last mini-batch of an epoch may be a smaller one."""
    return options.epochs * -(-len(parts.train) // options.batch_size)


def _start(
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


def _fingerprint(table: Table) -> str:
    digest = hashlib.sha256()
    for name, column in sorted(table.columns.items()):
        digest.update(f"{name}{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _notes(
    network: Network, fitted: Fit, options: Options, recipe: Recipe, parts: _Parts
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


def _saved(network: Network, fitted: Fit, options: Options, recipe: Recipe, state: State) -> Saved:
    text = network.text or source_text(network)
    return Saved(text, network.file, asdict(options), fitted.as_json(), state, recipe.as_json())


def _unpacked(saved: Saved, path: str | Path) -> tuple[Network, Fit, Options, Recipe]:
    network = parse(saved.network_text, saved.network_file or str(path))
    try:
        options = Options(**saved.options)
        done = options.recipe() if saved.recipe is None else Recipe.from_json(saved.recipe)
        return network, Fit.from_json(saved.fit), options, done
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError(f"{path} is not a saved model, or it is damaged") from None
