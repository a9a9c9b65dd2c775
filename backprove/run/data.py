"""Deciding which columns give which input and target of a network.

The fit is decided once, on the training part, stated in words, and saved with the model, so
that the same columns are found and scaled alike when the model predicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..expr import Apply, count, walk
from ..network import Network, Quantity
from .fitted import Fit, InputFit, TargetFit, in_words, input_values
from .table import DIGITS, Said, Table, listed
from .values import shape_of

Array: TypeAlias = NDArray[Any]

Scaling: TypeAlias = Literal["none", "standard", "minmax"]
SCALINGS: tuple[Scaling, ...] = ("none", "standard", "minmax")


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
    one_hot: Said = (),
    scaling: Scaling | None = None,
) -> Fit:
    """Decide which columns give which input and target.

    training: the rows on which scaling is fitted. columns: patterns, or lists of
    names, by input or target name (or "x=pixel*"). target: the target's columns where the network
    has one target. one_hot: columns of inputs that give a number for each word that they say.
    Raises DataError naming the columns and what would fit.
    """
    chosen = _chosen(network, table, columns, target)
    if scaling is not None and scaling not in SCALINGS:
        raise DataError(f"there is no scaling {scaling!r}", f"it is one of {', '.join(SCALINGS)}")
    how = scaling or ("sixteenth" if table.source == DIGITS else "standard")
    inputs, targets = _live(network, "input"), _live(network, "target")
    fitted = tuple(_fit_target(network, table, q, chosen[q.name]) for q in targets)
    told = {name for t in fitted for name in t.columns}
    given = {name for q in inputs for name in chosen[q.name]}
    hot = table.matching(one_hot) if one_hot else []
    for name in hot:
        if name not in given:
            raise DataError(
                f"column {name} of {table.source} gives no input, so it cannot be one-hot",
                "labels of a target are made one-hot without being asked" if name in told else
                "name it with --map too",
            )  # fmt: skip
    return Fit(
        tuple(
            _fit_input(network, table, q, chosen[q.name], hot, told, training, how) for q in inputs
        ),
        fitted,
        how,
    )


def complete(
    network: Network,
    table: Table,
    *,
    columns: Mapping[str, Said] | Sequence[str] = (),
    target: str = "",
) -> Table:
    """Without the rows that lack a value in a column that `fit` would read."""
    chosen = _chosen(network, table, columns, target)
    used = {name: None for names in chosen.values() for name in names}
    return table.without_missing(list(used))


def _chosen(
    network: Network, table: Table, columns: Mapping[str, Said] | Sequence[str], target: str
) -> dict[str, list[str]]:
    """The columns that each input and target is given by, by name; none where the file's value
    serves."""
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
    told = {q.name: _target_columns(network, table, q, said, targets) for q in targets}
    used = {name for names in told.values() for name in names}
    return {q.name: _input_columns(network, table, q, said, inputs, used) for q in inputs} | told


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


def _input_columns(
    network: Network,
    table: Table,
    quantity: Quantity,
    said: Mapping[str, Said],
    inputs: list[Quantity],
    used: set[str],
) -> list[str]:
    if quantity.name in said:
        return table.matching(said[quantity.name])
    found = _named_alike(table, quantity.name, prod(shape_of(network, quantity.name)))
    if found or quantity.value is not None:
        return found
    if len(inputs) == 1 and (free := [name for name in table.columns if name not in used]):
        return free
    raise _unsaid(table, "input", quantity.name)


def _unsaid(table: Table, kind: str, name: str) -> DataError:
    return DataError(
        f"nothing says which columns of {table.source} give the {kind} {name}",
        f"say it with --map {name}=PATTERN; the columns are {listed(table.columns)}",
    )


def _fit_input(
    network: Network,
    table: Table,
    quantity: Quantity,
    names: list[str],
    hot: list[str],
    told: set[str],
    training: Array,
    scaling: str,
) -> InputFit:
    size = prod(shape_of(network, quantity.name))
    if not names:
        return InputFit(quantity.name, (), (), ())
    words = [_words(table, name) if name in hot else () for name in names]
    width = sum(_widths(table, names, words))
    if width != size:
        raise DataError(
            f"the input {quantity.name} takes {_numbers(size)} a sample, but"
            f" {in_words(tuple(names))} of {table.source} hold{'s' * (len(names) == 1)}"
            f" {_numbers(width)}",
            _one_hot_fits(table, names, words, size)
            or _what_fits(table, quantity.name, size, told),
        )
    fitted = InputFit(
        quantity.name, tuple(names), (), (), tuple(words) if any(words) else ()
    )  # fmt: skip
    values = input_values(table, fitted)[training]
    shift, divisor = _scale(values, scaling)
    for place in _one_hot_places(table, names, words):
        shift[place], divisor[place] = 0.0, 1.0
    return replace(fitted, shift=tuple(shift), divisor=tuple(divisor))


def _words(table: Table, name: str) -> tuple[str, ...]:
    return tuple(sorted(set(table.labels(name)), key=_label_order))


def _widths(table: Table, names: Sequence[str], words: Sequence[tuple[str, ...]]) -> list[int]:
    """How many numbers each column gives."""
    return [len(w) or table.width(name) for name, w in zip(names, words, strict=True)]


def _one_hot_places(
    table: Table, names: Sequence[str], words: Sequence[tuple[str, ...]]
) -> Iterator[int]:
    place = 0
    for width, its in zip(_widths(table, names, words), words, strict=True):
        if its:
            yield from range(place, place + width)
        place += width


def _one_hot_fits(table: Table, names: list[str], words: list[tuple[str, ...]], size: int) -> str:
    """What to say where the columns would fit with their text one-hot; "" where not."""
    text = {}
    for name, its in zip(names, words, strict=True):
        if not its and table.says_words(name):
            text[name] = _words(table.only(np.flatnonzero(~table.missing(name))), name)
    wider = [text.get(name, its) for name, its in zip(names, words, strict=True)]
    if not text or sum(_widths(table, names, wider)) != size:
        return ""
    return f"--one-hot {','.join(text)} would fit: a number for each word"


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


def _target_columns(
    network: Network,
    table: Table,
    quantity: Quantity,
    said: Mapping[str, Said],
    targets: list[Quantity],
) -> list[str]:
    if quantity.name in said:
        return table.matching(said[quantity.name])
    names = _named_alike(table, quantity.name, prod(shape_of(network, quantity.name)))
    if not names and len(targets) == 1:
        names = [list(table.columns)[-1]]
    if not names:
        raise _unsaid(table, "target", quantity.name)
    return names


def _fit_target(network: Network, table: Table, quantity: Quantity, names: list[str]) -> TargetFit:
    shape = shape_of(network, quantity.name)
    size = prod(shape)
    width = sum(table.width(name) for name in names)
    predicted = predicted_by(network, quantity.name)
    if width == size > 1:
        return TargetFit(quantity.name, tuple(names), (), predicted)
    if width != 1 or len(shape) > 1:
        raise DataError(
            f"the target {quantity.name} takes {_numbers(size)} a sample, but"
            f" {in_words(tuple(names))} of {table.source} hold{'s' * (len(names) == 1)}"
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
        if numeric and not (_is_probability(network, predicted) and _two_sides(table, column)):
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


def _two_sides(table: Table, column: str) -> bool:
    """Whether numbers can only be two classes to a probability: 0 and 1, or two of which one is
    beyond these."""
    values = set(table.numbers(column).ravel().tolist())
    return values <= {0, 1} or (len(values) == 2 and not all(0 <= value <= 1 for value in values))


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
