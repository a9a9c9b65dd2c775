"""Which columns give which input and target: the arrays a network trains on.

The fit is decided once, on the training part, stated in words, and saved with the model, so
that the same columns are found and scaled alike when the model predicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..expr import Apply, count, walk
from ..network import Network, Quantity
from .table import DIGITS, Said, Table, listed
from .values import from_file, shape_of

Array: TypeAlias = NDArray[Any]

Scaling: TypeAlias = Literal["none", "standard", "minmax"]
SCALINGS: tuple[Scaling, ...] = ("none", "standard", "minmax")


@dataclass(frozen=True)
class InputFit:
    """An input: its columns, and (value - shift) / divisor for each of its components.

    No columns: the value in the network's file serves for every sample.
    """

    name: str
    columns: tuple[str, ...]
    shift: tuple[float, ...]
    divisor: tuple[float, ...]


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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Fit:
        def rows(kind: type[Any], key: str) -> tuple[Any, ...]:
            return tuple(
                kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})
                for row in said[key]
            )

        return Fit(rows(InputFit, "inputs"), rows(TargetFit, "targets"), said["scaling"])

    def sentences(self) -> tuple[str, ...]:
        """What is read from where, stated plainly."""
        said = []
        for i in self.inputs:
            if not i.columns:
                said.append(f"input {i.name}: the value in the network's file, for every sample")
            else:
                said.append(f"input {i.name}: {_columns(i.columns)}{_scaled(self.scaling)}")
        for t in self.targets:
            line = f"target {t.name}: {_columns(t.columns)}"
            if len(t.classes) == 2 and t.predicted and not _is_one_hot(t):
                line += f", 0 for {t.classes[0]} and 1 for {t.classes[1]}"
            elif t.classes:
                line += f", one-hot over {len(t.classes)} classes: {listed(t.classes)}"
            said.append(line)
            if t.predicted:
                said.append(f"prediction of {t.name}: {t.predicted}")
        return tuple(said)


def _is_one_hot(target: TargetFit) -> bool:
    return len(target.classes) > 2


def _columns(names: tuple[str, ...]) -> str:
    return f"column {names[0]}" if len(names) == 1 else f"columns {listed(names)}"


_SCALED: Mapping[str, str] = {
    "none": "",
    "standard": ", less its mean, over its standard deviation (of the training part)",
    "minmax": ", scaled to 0 … 1 (by the training part)",
    "sixteenth": ", divided by 16",
}


def _scaled(scaling: str) -> str:
    return _SCALED[scaling]


# -- deciding ------------------------------------------------------------------------------


def assignments(said: Iterable[str]) -> dict[str, str]:
    """`x=pixel*` as {"x": "pixel*"}; raises DataError where it is not of that form."""
    found: dict[str, str] = {}
    for text in said:
        name, equals, patterns = text.partition("=")
        if not equals or not name.strip() or not patterns.strip():
            raise DataError(
                f"{text!r} does not say which columns give which input", "write x=pixel*"
            )
        found[name.strip()] = patterns.strip()
    return found


def fit(
    network: Network,
    table: Table,
    training: Array,
    *,
    columns: Mapping[str, Said] | Sequence[str] = (),
    target: str = "",
    scaling: Scaling | None = None,
) -> Fit:
    """Decide which columns give which input and target.

    training: the rows on which scaling is fitted. columns: patterns, or lists of
    names, by input or target name (or "x=pixel*"). target: the target's columns where the network
    has one target.
    Raises DataError naming the columns and what would fit.
    """
    said: dict[str, Said] = {}
    said.update(columns if isinstance(columns, Mapping) else assignments(columns))
    inputs, targets = _live(network, "input"), _live(network, "target")
    if not inputs and not targets:
        raise DataError(
            "the loss depends on no input and no target, so there is nothing to learn from data",
            "let it compare what the network says with a target: loss J = (y - h)^2 / 2",
        )
    for name in said:
        if name not in {q.name for q in (*inputs, *targets)}:
            raise DataError(
                f"{name} is neither an input nor a target of the network",
                f"inputs: {listed([q.name for q in inputs])};"
                f" targets: {listed([q.name for q in targets])}",
            )
    if target:
        said = _with_target(network, targets, said, target)
    fitted = tuple(_fit_target(network, table, q, said, targets) for q in targets)
    used = {name for t in fitted for name in t.columns}
    if scaling is not None and scaling not in SCALINGS:
        raise DataError(f"there is no scaling {scaling!r}", f"it is one of {', '.join(SCALINGS)}")
    how = scaling or ("sixteenth" if table.source == DIGITS else "standard")
    return Fit(
        tuple(_fit_input(network, table, q, said, inputs, used, training, how) for q in inputs),
        fitted,
        how,
    )


def _live(network: Network, kind: Literal["input", "target"]) -> list[Quantity]:
    return [q for q in network.of_kind(kind) if q.name in network.live]


def _with_target(
    network: Network, targets: list[Quantity], said: dict[str, Said], target: str
) -> dict[str, Said]:
    name, equals, patterns = target.partition("=")
    if equals and any(q.name == name.strip() for q in targets):
        return {**said, name.strip(): patterns.strip()}
    if len(targets) == 1:
        return {**said, targets[0].name: target}
    raise DataError(
        f"the network has {len(targets)} targets, so {target!r} does not say which it gives",
        f"write {targets[0].name}={target}" if targets else "this network needs no target",
    )


def _fit_input(
    network: Network,
    table: Table,
    quantity: Quantity,
    said: Mapping[str, Said],
    inputs: list[Quantity],
    used: set[str],
    training: Array,
    scaling: str,
) -> InputFit:
    shape = shape_of(network, quantity.name)
    size = prod(shape)
    if quantity.name in said:
        names = table.matching(said[quantity.name])
    else:
        free = [name for name in table.columns if name not in used]
        found = _named_alike(table, quantity.name, size)
        if not found and quantity.value is not None:
            return InputFit(quantity.name, (), (), ())
        if not found and len(inputs) == 1:
            found = free
        if not found:
            raise DataError(
                f"nothing says which columns of {table.source} give the input {quantity.name}",
                f"say it with --map {quantity.name}=PATTERN; the columns are"
                f" {listed(table.columns)}",
            )
        names = found
    width = sum(table.width(name) for name in names)
    if width != size:
        raise DataError(
            f"the input {quantity.name} takes {_numbers(size)} a sample, but"
            f" {_columns(tuple(names))} of {table.source} hold{'s' * (len(names) == 1)}"
            f" {_numbers(width)}",
            _what_fits(table, quantity.name, size, used),
        )
    values = np.concatenate([table.numbers(name) for name in names], axis=1)[training]
    shift, divisor = _scale(values, scaling)
    return InputFit(quantity.name, tuple(names), tuple(shift), tuple(divisor))


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count:,} numbers"


def _named_alike(table: Table, name: str, size: int) -> list[str]:
    """The columns called as the quantity is: x, or x1 … xn (x_1, x[1])."""
    if name in table.columns:
        return [name]
    if size == 1:
        return []
    pattern = re.compile(re.escape(name) + r"[_\[]?\d+\]?\Z")
    found = [column for column in table.columns if pattern.match(column)]
    return found if len(found) == size else []


def _what_fits(table: Table, name: str, size: int, used: set[str]) -> str:
    for column in table.columns:
        if column not in used and table.width(column) == size:
            return f"column {column} would fit: --map {name}={column}"
    stems: dict[str, int] = {}
    for column in table.columns:
        if column not in used:
            for stem in _stems(column):
                stems[stem] = stems.get(stem, 0) + table.width(column)
    for stem, width in stems.items():
        if width == size:
            return f"columns {stem}* would fit: --map {name}={stem}*"
    return f"the columns are {listed(table.columns)}"


def _stems(column: str) -> set[str]:
    """What a column's name may begin with: petal_ and petal_x for petal_x3."""
    parts = {column[: place + 1] for place, letter in enumerate(column) if letter == "_"}
    return (parts | {re.sub(r"[\d\[\]]+\Z", "", column)}) - {"", column}


def _scale(values: Array, scaling: str) -> tuple[list[float], list[float]]:
    width = values.shape[1]
    if scaling == "sixteenth":
        return [0.0] * width, [16.0] * width
    if scaling == "none" or not len(values):
        return [0.0] * width, [1.0] * width
    if scaling == "minmax":
        shift, divisor = values.min(axis=0), np.ptp(values, axis=0)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            shift, divisor = values.mean(axis=0), values.std(axis=0)
    divisor = np.where(divisor > 0, divisor, 1.0)  # a constant column becomes 0
    return shift.tolist(), divisor.tolist()


def _fit_target(
    network: Network,
    table: Table,
    quantity: Quantity,
    said: Mapping[str, Said],
    targets: list[Quantity],
) -> TargetFit:
    shape = shape_of(network, quantity.name)
    size = prod(shape)
    if quantity.name in said:
        names = table.matching(said[quantity.name])
    else:
        names = _named_alike(table, quantity.name, size)
        if not names and len(targets) == 1:
            names = [list(table.columns)[-1]]
        if not names:
            raise DataError(
                f"nothing says which columns of {table.source} give the target {quantity.name}",
                f"say it with --map {quantity.name}=PATTERN; the columns are"
                f" {listed(table.columns)}",
            )
    width = sum(table.width(name) for name in names)
    predicted = predicted_by(network, quantity.name)
    if width == size > 1:
        return TargetFit(quantity.name, tuple(names), (), predicted)
    if width != 1 or len(shape) > 1:
        raise DataError(
            f"the target {quantity.name} takes {_numbers(size)} a sample, but"
            f" {_columns(tuple(names))} of {table.source} hold{'s' * (len(names) == 1)}"
            f" {_numbers(width)}",
            f"name its columns with --target; the columns are {listed(table.columns)}",
        )
    classes = _classes(network, table, quantity.name, names[0], size, predicted)
    return TargetFit(quantity.name, tuple(names), classes, predicted)


def _classes(
    network: Network, table: Table, name: str, column: str, size: int, predicted: str
) -> tuple[str, ...]:
    """The labels of a one-hot target, of a two-class scalar one; empty for plain numbers."""
    numeric = table.columns[column].dtype.kind in "fiub"
    if size == 1:
        if numeric and not (_is_probability(network, predicted) and _only_0_1(table, column)):
            return ()
        if not numeric and _all_numbers(table, column):
            return ()
    labels = sorted(set(table.labels(column)), key=_label_order)
    if size == 1:
        if len(labels) == 2:
            return tuple(labels)
        raise DataError(
            f"the target {name} is one number, but column {column} of {table.source} holds"
            f" {len(labels)} different labels: {listed(labels)}",
            "give the network a target with one component a class, or name another column",
        )
    counted = [str(number) for number in range(size)]
    if set(labels) <= set(counted):
        return tuple(counted)
    if len(labels) == size:
        return tuple(labels)
    raise DataError(
        f"the target {name} has {size} components, but column {column} of {table.source} holds"
        f" {len(labels)} classes: {listed(labels)}",
        f"give the network {len(labels)} outputs, or name the target's column with --target",
    )


def _all_numbers(table: Table, column: str) -> bool:
    try:
        table.numbers(column)
    except DataError:
        return False
    return True


def _only_0_1(table: Table, column: str) -> bool:
    values = table.columns[column]
    return bool(((values == 0) | (values == 1)).all())


def _is_probability(network: Network, name: str) -> bool:
    equation = network.equations.get(name)
    return equation is not None and (
        isinstance(equation.right, Apply) and equation.right.function == "sigmoid"
    )


def _label_order(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def predicted_by(network: Network, target: str) -> str:
    """The quantity that the network compares with a target: of its shape, free of all targets,
    and nearest to it in an equation; the last such in the file, "" where there is none.
    """
    touched = frozenset[str]().union(
        *(network.influenced_by(q.name) for q in network.of_kind("target"))
    )
    shape = shape_of(network, target)
    found: tuple[int, str] | None = None
    for name in network.equations:
        if name in touched or shape_of(network, name) != shape:
            continue
        near = [
            count(part)
            for user in network.consumers[name]
            for part in walk(network.equations[user].right)
            if target in part.names and name in part.names
        ]
        if near and (found is None or min(near) <= found[0]):
            found = (min(near), name)
    return found[1] if found else ""


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
        values = np.concatenate([table.numbers(name) for name in i.columns], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values - np.asarray(i.shift)) / np.asarray(i.divisor)
        arrays[i.name] = _stored(table, i.columns, values, scaled, dtype).reshape(
            table.rows, *shape
        )
    return arrays


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
            places = np.asarray(_places(table, t), dtype=np.int64)
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
        which = f"column {names[place]}" if len(names) == values.shape[1] else _columns(names)
        raise DataError(
            f"{table.source}, {table.where(row)}, {which}: {said[row, place]:.3g} is too large to"
            f" be trained with: {dtype} ends at {np.finfo(dtype).max:.2g}",
            "divide the numbers of the column, so that they are of about size 1",
        )
    return stored


def _places(table: Table, target: TargetFit) -> list[int]:
    known = {label: place for place, label in enumerate(target.classes)}
    found = []
    for row, label in enumerate(table.labels(target.columns[0])):
        if label not in known:
            raise DataError(
                f"{table.source}, {table.where(row)}, column {target.columns[0]}: {label!r} is"
                " not among the classes that the model knows",
                f"they are {listed(target.classes)}",
            )
        found.append(known[label])
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
