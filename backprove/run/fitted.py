"""Which columns give which input and target, once that is decided, and the arrays they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..network import Network
from .table import Table, listed
from .values import TOO_LARGE, from_file, shape_of

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class InputFit:
    """An input: its columns, and (value - shift) / divisor for each of its components.

    No columns: the value in the network's file serves for every sample. words: for each column
    what it may say, where that is one-hot: a component for each word, 1 where it is said, else 0.
    """

    name: str
    columns: tuple[str, ...]
    shift: tuple[float, ...]
    divisor: tuple[float, ...]
    words: tuple[tuple[str, ...], ...] = ()

    @property
    def parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each column with its words; none where it gives its numbers."""
        return tuple(zip(self.columns, self.words or ((),) * len(self.columns), strict=True))

    @property
    def titles(self) -> tuple[str, ...]:
        """What is told by a component, for each: a column, or that it says a word."""
        return tuple(
            title
            for column, words in self.parts
            for title in ([f"{column} = {word}" for word in words] or [column])
        )

    def sentences(self, scaled: str) -> Iterator[str]:
        """What is read from where. scaled: what is done to the numbers."""
        if not self.columns:
            yield f"input {self.name}: the value in the network's file, for every sample"
            return
        numbers = tuple(column for column, words in self.parts if not words)
        if numbers:
            yield f"input {self.name}: {in_words(numbers)}{scaled}"
        place = 1
        for column, words in self.parts:
            end = place + max(len(words), 1)
            if words:
                which = f"numbers {place} to {end - 1}" if len(words) > 1 else f"number {place}"
                yield (
                    f"input {self.name}: column {column} one-hot, {which} of {self.name} for"
                    f" {listed(words)}"
                )
            place = end


@dataclass(frozen=True)
class TargetFit:
    """A target: its columns, the quantity that is compared with it, and its classes.

    classes: the labels in the order of the target's components (or 0 and 1 for a scalar);
    empty where the target is a number to be met. predicted: "" where none was found.
    """

    name: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    predicted: str


@dataclass(frozen=True)
class Fit:
    """How the columns of a table become the inputs and targets of a network."""

    inputs: tuple[InputFit, ...]
    targets: tuple[TargetFit, ...]
    scaling: str

    @property
    def columns(self) -> list[str]:
        """All that are read."""
        rows = (*(i.columns for i in self.inputs), *(t.columns for t in self.targets))
        return [name for row in rows for name in row]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Fit:
        def rows(kind: type[Any], key: str) -> tuple[Any, ...]:
            return tuple(kind(**{k: _frozen(v) for k, v in row.items()}) for row in said[key])

        return Fit(rows(InputFit, "inputs"), rows(TargetFit, "targets"), said["scaling"])

    def sentences(self) -> tuple[str, ...]:
        """What is read from where, stated plainly."""
        said: list[str] = []
        for i in self.inputs:
            said.extend(i.sentences(_SCALED[self.scaling]))
        for t in self.targets:
            line = f"target {t.name}: {in_words(t.columns)}"
            if len(t.classes) == 2 and t.predicted and not _is_one_hot(t):
                line += f", 0 for {t.classes[0]} and 1 for {t.classes[1]}"
            elif t.classes:
                line += f", one-hot over {len(t.classes)} classes: {listed(t.classes)}"
            said.append(line)
            if t.predicted:
                said.append(f"prediction of {t.name}: {t.predicted}")
        return tuple(said)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _is_one_hot(target: TargetFit) -> bool:
    return len(target.classes) > 2


def in_words(names: tuple[str, ...]) -> str:
    return f"column {names[0]}" if len(names) == 1 else f"columns {listed(names)}"


_SCALED: Mapping[str, str] = {
    "none": "",
    "standard": ", less its mean, over its standard deviation (of the training part)",
    "minmax": ", scaled to 0 … 1 (by the training part)",
    "sixteenth": ", divided by 16",
}


# -- reading the arrays --------------------------------------------------------------------


def input_arrays(
    network: Network, table: Table, fitted: Fit, dtype: np.dtype[Any]
) -> dict[str, Array]:
    """The inputs, one array each, samples first."""
    arrays = {}
    for i in fitted.inputs:
        shape = shape_of(network, i.name)
        if not i.columns:
            value = network[i.name].value
            assert value is not None, "only an input with a value goes without columns"
            arrays[i.name] = np.broadcast_to(from_file(value, shape, dtype), (table.rows, *shape))
            continue
        _need(table, i.columns, f"the input {i.name}")
        values = input_values(table, i)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values - np.asarray(i.shift)) / np.asarray(i.divisor)
        arrays[i.name] = _stored(table, i.columns, values, scaled, dtype).reshape(
            table.rows, *shape
        )
    return arrays


def input_values(table: Table, i: InputFit) -> Array:
    """The numbers that the columns give, before they are scaled: (rows, components)."""
    parts = [
        np.eye(len(words))[_places(table, column, words, "words")]
        if words
        else table.numbers(column)
        for column, words in i.parts
    ]
    return np.concatenate(parts, axis=1)


def target_arrays(
    network: Network, table: Table, fitted: Fit, dtype: np.dtype[Any]
) -> dict[str, Array]:
    """The targets, one array each, samples first; class labels become one-hot rows, or 0 and 1."""
    arrays = {}
    for t in fitted.targets:
        shape = shape_of(network, t.name)
        _need(table, t.columns, f"the target {t.name}")
        if not t.classes:
            numbers = np.concatenate([table.numbers(name) for name in t.columns], axis=1)
            values = _stored(table, t.columns, numbers, numbers, dtype)
        else:
            places = _places(table, t.columns[0], t.classes, "classes")
            values = np.eye(len(t.classes))[places] if shape and shape[0] > 1 else places
        arrays[t.name] = np.ascontiguousarray(values.reshape(table.rows, *shape), dtype)
    return arrays


def _stored(
    table: Table, names: tuple[str, ...], said: Array, values: Array, dtype: np.dtype[Any]
) -> Array:
    """Numbers in the run's own type. said: as the columns have them. Raises DataError for those
    that are beyond it."""
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, dtype)
    bad = np.argwhere(~np.isfinite(stored))
    if len(bad):
        row, place = int(bad[0][0]), int(bad[0][1])
        which = f"column {names[place]}" if len(names) == values.shape[1] else in_words(names)
        raise DataError(
            f"{table.source}, {table.where(row)}, {which}: {said[row, place]:.3g} is"
            f" {TOO_LARGE.format(dtype, np.finfo(dtype).max)}",
            "divide the numbers of the column, so that they are of about size 1",
        )
    return stored


def _places(table: Table, column: str, labels: tuple[str, ...], kind: str) -> Array:
    """The place of each row's label among those that are known."""
    known = {label: place for place, label in enumerate(labels)}
    found = np.zeros(table.rows, dtype=np.int64)
    for row, label in enumerate(table.labels(column)):
        if label not in known:
            raise DataError(
                f"{table.source}, {table.where(row)}, column {column}: {label!r} is"
                f" not among the {kind} that the model knows",
                f"they are {listed(labels)}",
            )
        found[row] = known[label]
    return found


def has_targets(table: Table, fitted: Fit) -> bool:
    """Whether the table has the columns of every target."""
    return all(name in table.columns for t in fitted.targets for name in t.columns)


def _need(table: Table, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            f"{table.source} has no column {listed(missing)}, which gives {what}",
            f"it has {listed(table.columns)}",
        )
