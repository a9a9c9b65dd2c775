"""Training: mini-batches of a lifted program, an optimizer, and a state saved after each epoch.

A run is a chain of immutable states. A mini-batch makes the next state or none, so that an
interruption at any moment leaves a state from which the run goes on bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, expect
from ..language import parse, source_text
from ..network import Network, expect_network
from . import c
from .advance import Advance, NumpyAdvance, check_finite
from .beginning import (
    DTYPES,
    Options,
    Parts,
    arrays_of,
    check_options,
    epoch_record,
    next_epoch,
    notes_of,
    parts_of,
    start,
    steps_of,
)
from .checkpoint import Saved, State, load, save
from .choice import Backend, by_numpy, choice, with_blas
from .data import Scaling, complete, fit
from .fitted import Fit, has_targets, input_arrays, target_arrays
from .optimizers import Recipe
from .runner import Prediction, Runner, Score, prediction
from .step import check_scalars, lower_step
from .table import Table, as_table
from .values import (
    check_memory,
    parameter_bytes,
    refuse_symbolic,
)

Array: TypeAlias = NDArray[Any]

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


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says about a table, with its score where the table has the targets.

    places: each prediction's row in the data, as its reader counts: the lines of a file, or, as
    `counted` says, rows from 1.
    """

    rows: int
    predictions: tuple[Prediction, ...]
    score: Score | None
    notes: tuple[str, ...]
    places: tuple[int, ...]
    counted: str


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

    def predict(
        self, data: str | Path | Table | Mapping[str, Any], *, skip_missing: bool = False
    ) -> Predictions:
        """Predict for every row, or those that lack no value; for the bundled digits, for the
        held-out ones."""
        table = as_table(data)
        if skip_missing:
            read = [name for name in self.fit.columns if name in table.columns]
            table = table.without_missing(read)
        notes = table.notes
        if len(table.test):
            notes = (
                *notes,
                f"the {len(table.test):,} held-out rows of {table.source}",
            )
            table = table.only(table.test)
        runner = self._runner
        scored = has_targets(table, self.fit)
        arrays = input_arrays(self.network, table, self.fit, runner.dtype)
        if scored:
            arrays |= target_arrays(self.network, table, self.fit, runner.dtype)
        found, score = runner.predicted(self.parameters, arrays, table.rows, scored)
        rows = tuple(prediction(t, found[t.predicted]) for t in self.fit.targets if t.predicted)
        places = tuple(table.place(row) for row in range(table.rows))
        return Predictions(table.rows, rows, score, notes, places, table.counted)


# -- the doors -----------------------------------------------------------------------------


def train(
    network: Network,
    data: str | Path | Table | Mapping[str, Any],
    *,
    columns: Mapping[str, str] | Sequence[str] = (),
    target: str = "",
    one_hot: str | Sequence[str] = (),
    scaling: Scaling | None = None,
    skip_missing: bool = False,
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
    input, {"x": "pixel*"} or ["x=pixel*"]; target: the target's columns. one_hot: those of
    inputs that give a number for each word they say. scaling of inputs: none, standard or minmax.
    skip_missing: leave out the rows that lack a value in a column that is used. optimizer: sgd,
    momentum, nesterov, rmsprop, adam, adamw or the path of your own file, with constants if
    wished (`adam,beta_1=0.8`); schedule: of the rate, constant, step, exponential, cosine,
    one_cycle or your own. eta: the learning rate, by default the optimizer's own. decay:
    of the weights, not of the biases. clip_value, clip_norm: the largest component of a
    gradient, and length of all together. warmup: updates in which the rate rises.
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
    expect("columns that are one-hot", one_hot, (str, Sequence), "names or a pattern: 'colour'")
    refuse_symbolic(network)
    options = Options(
        epochs, batch_size, optimizer, eta, seed, validation, test, patience, dtype,
        decay=decay, clip_value=clip_value, clip_norm=clip_norm, schedule=schedule, warmup=warmup,
        backend=backend, threads=threads, skip_missing=skip_missing,
    )  # fmt: skip
    check_options(options)
    done = options.recipe()
    check_memory(3 * parameter_bytes(network, np.dtype(dtype).itemsize), "training this network")
    table = as_table(data)
    options = replace(options, source=table.source, fingerprint=_fingerprint(table))
    if checkpoint is not None:
        expect("a checkpoint", checkpoint, (str, PathLike), "a file's path")
    if skip_missing:
        table = complete(network, table, columns=columns, target=target)
    parts = parts_of(table, options)
    fitted = fit(
        network, table, parts.train, columns=columns, target=target, one_hot=one_hot,
        scaling=scaling,
    )  # fmt: skip
    done = replace(done, steps=steps_of(options, parts))
    options = replace(options, eta=float(done.eta))
    state, notes = start(network, options, done, len(parts.train))
    run = _Run(network, fitted, options, done, table, parts, state, checkpoint, watcher)
    return run.to_the_end(
        (*table.notes, *notes_of(network, fitted, options, done, parts), run.chosen.says, *notes)
    )


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
    if options.skip_missing:
        table = table.without_missing(fitted.columns)
    state = saved.state
    if epochs is not None and epochs != options.epochs:
        options = replace(options, epochs=epochs)
        check_options(options)
        if epochs >= state.epoch and state.finished == _ALL_DONE:
            state = replace(state, finished="")
    parts = parts_of(table, options)
    done = replace(done, steps=steps_of(options, parts))
    run = _Run(network, fitted, options, done, table, parts, state, checkpoint, watcher)
    epochs_done = len(state.history)
    notes = (f"resumed after {epochs_done} epoch{'s' * (epochs_done != 1)}",)
    return run.to_the_end(
        (*notes, *table.notes, *notes_of(network, fitted, options, done, parts), run.chosen.says)
    )


def load_model(path: str | Path) -> Model:
    """A saved model, ready to predict."""
    saved = load(path)
    return Model(*_unpacked(saved, path), saved.state)


def predict(
    path: str | Path, data: str | Path | Table | Mapping[str, Any], *, skip_missing: bool = False
) -> Predictions:
    """Predict from a saved model for every row of a table, or those that lack no value."""
    return load_model(path).predict(data, skip_missing=skip_missing)


# -- a run ---------------------------------------------------------------------------------


_ALL_DONE = "all epochs are done"


class _Run:
    def __init__(
        self,
        network: Network,
        fitted: Fit,
        options: Options,
        recipe: Recipe,
        table: Table,
        parts: Parts,
        state: State,
        checkpoint: str | Path | None,
        watcher: Watcher | None,
    ) -> None:
        self.network, self.fit, self.options, self.recipe = network, fitted, options, recipe
        self.state, self.checkpoint, self.watcher = state, checkpoint, watcher or Watcher()
        self.parts = parts
        self.runner = Runner(network, fitted, options.dtype)
        self.engine = self._engine(arrays_of(self.runner, table, parts.train))
        self.validation = arrays_of(self.runner, table, parts.validation)
        self.test = arrays_of(self.runner, table, parts.test)

    def _engine(self, arrays: Mapping[str, Array]) -> Advance:
        """What makes the next state from the one before it: by C or NumPy, as chosen."""
        options = self.options
        resumed = options.vector_bytes > 0
        step = lower_step(self.network, self.recipe)
        check_scalars(step, self.recipe.steps or 1)
        self.chosen = choice(
            step.program, backend=options.backend, batch=options.batch_size,
            steps=self.recipe.steps or 1, threads=options.threads,
            vector_bytes=options.vector_bytes,
        )  # fmt: skip
        given = (self.network, step, arrays, options.batch_size, self.runner.dtype)
        made: Advance | None = None
        blas = ""
        if self.chosen.backend == "c":
            try:
                compiled = c.CompiledAdvance(
                    *given, threads=self.chosen.threads, vector_bytes=self.chosen.vector_bytes,
                    loads=not resumed or bool(options.blas), announce=self.watcher.wait,
                )  # fmt: skip
                made, blas = compiled, compiled.blas
                self.chosen = with_blas(self.chosen, blas, options.blas if resumed else blas)
            except (c.Unavailable, c.Refused) as reason:
                if options.backend == "c" and not resumed:
                    raise
                self.chosen = by_numpy(reason.message)
        self.options = replace(
            options, backend=self.chosen.backend, threads=self.chosen.threads,
            vector_bytes=self.chosen.vector_bytes, blas=blas,
        )  # fmt: skip
        return made or NumpyAdvance(*given)

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
        score = self._score(state.parameters, self.validation, self.parts.validation)
        history = (*state.history, epoch_record(state, score))
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
        return replace(
            next_epoch(state),
            history=history,
            best=best,
            best_epoch=best_epoch,
            finished=finished,
        )


# -- saving --------------------------------------------------------------------------------


def _fingerprint(table: Table) -> str:
    digest = hashlib.sha256()
    for name, column in sorted(table.columns.items()):
        digest.update(f"{name}{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


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
