"""What a page asks to be trained, made ready: its network, its data, and what is too much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

from ..adjoints import backprop
from ..errors import BackproveError, DataError
from ..language import from_text
from ..network import ADJOINT, Network
from ..run.choice import operations
from ..run.classics import CLASSICS, NOISE, ROWS
from ..run.lower import lower
from ..run.optimizers import OPTIMIZERS, SCHEDULES, recipe
from ..run.step import lower_step
from ..run.stepping import Stepper
from ..run.table import DIGITS, Said, Table, classic, csv_table, read_table
from ..run.values import refuse_symbolic
from . import limits
from .deadline import Late, within
from .messages import Refusal
from .problems import GOOD, OVERTAKEN, REFUSED, TEXT, problem_of
from .run_messages import Start, UploadedData

MOST_EQUATIONS = 64
MOST_NUMBERS = 200_000
"""Components of all quantities of a network: what a sample takes."""

MOST_ROWS, MOST_COLUMNS = 50_000, 1000
"""Of a CSV."""

MOST_ONE_HOT = 5_000_000
"""Numbers of columns of words, each of which is one-hot."""

MOST_BYTES = 400_000_000
"""Memory of a mini-batch."""

MOST_OPERATIONS = 2e9
"""Additions and multiplications of a mini-batch: a second; a run ends between two."""

DIVIDED = 100
"""Epochs of a run whose schedule divides it, where the page does not say."""


def tried(start: Start, seconds: float) -> tuple[int, str]:
    """What is slow or large about a run before it begins, for a process that can be ended.

    GOOD; OVERTAKEN where it takes longer; or a status and JSON that say what is wrong. The data
    are not looked at.
    """
    try:
        with within(seconds):
            _lowered(start)
    except (BackproveError, MemoryError, RecursionError) as error:
        return REFUSED, Refusal(error=problem_of(error)).model_dump_json()
    except Late:
        return OVERTAKEN, ""
    return GOOD, ""


def _lowered(start: Start) -> None:
    """Make every expression that a run takes, and forget it."""
    network = _network(start)
    refuse_symbolic(network)
    chosen = recipe(
        start.optimizer, eta=start.eta, decay=start.decay, clip_value=start.clip_value,
        clip_norm=start.clip_norm,
    )  # fmt: skip
    lower_step(network, chosen)
    names = [ADJOINT + q.name for q in network.trained if q.name in network.live]
    lower(network, backprop(network).adjoints, names)


def made(start: Start, table: Table) -> Stepper:
    """The run that a page asks for, on data that were read.

    Raises BackproveError for what cannot be, in words.
    """
    network = _network(start)
    optimizer, schedule = start.optimizer, start.schedule or "constant"
    trained = {q.name for q in network.trained if q.name in network.live}
    others = {name: value for name, value in start.values.items() if name not in trained}
    if others:
        network = network.with_values(others)
    epochs = start.epochs
    if epochs is None and schedule.partition(",")[0] != "constant":
        epochs = DIVIDED
    data = start.data
    own = data if isinstance(data, UploadedData) else None
    with _worded(start):
        if own:
            _narrow(table, own.one_hot)
        stepper = Stepper(
            network,
            table,
            columns=_columns(start, network),
            one_hot=own.one_hot if own else (),
            skip_missing=own is not None and own.skip_missing,
            epochs=epochs,
            batch_size=start.batch,
            optimizer=optimizer,
            eta=start.eta,
            decay=start.decay,
            clip_value=start.clip_value,
            clip_norm=start.clip_norm,
            schedule=schedule,
            seed=start.seed,
            validation=start.validation,
            values={name: value for name, value in start.values.items() if name in trained},
        )
    _affordable(stepper)
    return stepper


def _network(start: Start) -> Network:
    """The network, where it is not too large and what it is to learn by is known."""
    network = from_text(start.text, TEXT)
    _bounded(network)
    # by name only: a path of a file is not looked at
    _known("optimizer", start.optimizer, OPTIMIZERS)
    _known("schedule", start.schedule or "constant", ("constant", *SCHEDULES))
    return network


@contextmanager
def _worded(start: Start) -> Iterator[None]:
    """What the page can do, in place of an option of the command line."""
    try:
        yield
    except DataError as error:
        if "--" not in error.suggestion:
            raise
        other = "take a network that fits these data, or other data"
        own = "choose what each column gives: an input, the target, or nothing"
        uploaded = isinstance(start.data, UploadedData)
        raise DataError(error.message, own if uploaded else other) from None


def _bounded(network: Network) -> None:
    """Raises DataError for a network that is too large for a page."""
    sizes = {
        q.name: prod(network.length(size) or 1 for size in q.shape)
        for q in network.quantities.values()
    }
    count = sum(sizes[q.name] for q in network.trained)
    checks = (
        (len(network.equations), MOST_EQUATIONS, "equations"),
        (count, limits.TRAINED, "weights and biases"),
        (sum(sizes.values()), MOST_NUMBERS, "values"),
    )
    for number, most, what in checks:
        if number > most:
            raise DataError(
                f"this network has {number:,} {what}; a page trains at most {most:,}",
                "make it smaller, or train it with `backprove train`, which has no such bound",
            )


def _affordable(stepper: Stepper) -> None:
    program = stepper.program.program
    samples = max(stepper.options.batch_size, len(stepper.parts.validation), 1024)
    if (
        program.bytes_needed(samples, 4) > MOST_BYTES
        or operations(program, samples) > MOST_OPERATIONS
    ):
        raise DataError(
            "a mini-batch of this network takes more time or memory than a page's run may",
            "make the layers, the mini-batches or the validation part smaller",
        )


def _known(what: str, said: str, names: Any) -> None:
    name = said.partition(",")[0].strip()
    if name not in names:
        raise DataError(f"there is no {what} {name[:60]!r}", f"there are {', '.join(names)}")


def read(start: Start) -> Table:
    """The data that a page names or sends. Raises DataError for what cannot be read."""
    data = start.data
    if isinstance(data, UploadedData):
        _small(data.csv)
        table, columns = csv_table(data.csv), _columns_said(data)
        return _chosen(table, columns) if columns else table
    if data.name == DIGITS:
        return read_table(DIGITS)
    noise = NOISE if data.noise is None else data.noise
    return classic(data.name, noise=noise, rows=data.rows or ROWS, seed=start.seed)


def _small(text: str) -> None:
    """Raises DataError for a CSV with too many rows or columns, before it is taken apart."""
    first = text.partition("\n")[0]
    checks = (
        (text.count("\n"), MOST_ROWS, "rows"),
        (max(map(first.count, ",;\t")), MOST_COLUMNS, "columns"),
    )
    for number, most, what in checks:
        if number > most:
            raise DataError(
                f"the CSV has {number:,} {what}; a page takes at most {most:,}",
                "leave some out, or train with `backprove train`, which has no such bound",
            )


def _chosen(table: Table, columns: Mapping[str, Sequence[str]]) -> Table:
    """Only the columns that give something: another is not found by its name."""
    names = table.matching([name for row in columns.values() for name in row])
    kept = {name: table.columns[name] for name in names}
    return Table(table.source, kept, table.lines, notes=table.notes)


def _narrow(table: Table, one_hot: Sequence[str]) -> None:
    """Raises DataError where columns of words would give very many numbers."""
    for name in table.matching(one_hot):
        words = len(set(table.columns[name].tolist()))
        if words * table.rows > MOST_ONE_HOT:
            raise DataError(
                f"the column {name} says {words:,} different words in {table.rows:,} rows, which"
                " are too many numbers for a page",
                "leave it out, or train with `backprove train`, which has no such bound",
            )


def _columns_said(data: UploadedData) -> dict[str, list[str]]:
    return {name: row for name, row in (data.columns or {}).items() if row}


def _columns(start: Start, network: Network) -> Mapping[str, Said]:
    data = start.data
    if isinstance(data, UploadedData):
        return _columns_said(data)
    if data.name in CLASSICS:
        inputs = [q for q in network.of_kind("input") if q.name in network.live]
        if [q.shape for q in inputs] == [(), ()]:
            return {q.name: column for q, column in zip(inputs, ("x1", "x2"), strict=True)}
    return {}
