"""What can be looked at while a network learns: the plane of its two inputs, and its mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .stepping import Stepper
from .values import shape_of

Array: TypeAlias = NDArray[Any]

GRID = 48
MARGIN = 0.1
"""The part of the data's range that is shown beyond it on each side."""

MOST_CLASSES = 50
"""Beyond, a table of mistakes is too large to read."""


@dataclass(frozen=True)
class Plane:
    """The plane of a network's two input numbers, in the units of the data.

    x, y: the ranges that are shown. arrays: the inputs at the points of a grid, scaled as the
    network's are, row by row from the lowest y.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    arrays: dict[str, Array]


def plane(stepper: Stepper, size: int = GRID) -> Plane | None:
    """The plane that is to be drawn; None for a network without two input numbers in columns."""
    inputs = stepper.fit.inputs
    if sum(len(i.shift) for i in inputs) != 2 or not all(i.columns for i in inputs):
        return None
    points = _unscaled(stepper, stepper.arrays)
    (left, right), (low, high) = (_range(points[:, place]) for place in (0, 1))
    xs, ys = np.meshgrid(np.linspace(left, right, size), np.linspace(low, high, size))
    grid = np.stack([xs.ravel(), ys.ravel()], axis=1)
    arrays, place = {}, 0
    for i in inputs:
        width = len(i.shift)
        scaled = (grid[:, place : place + width] - np.array(i.shift)) / np.array(i.divisor)
        shape = (len(grid), *shape_of(stepper.network, i.name))
        arrays[i.name] = np.ascontiguousarray(scaled.reshape(shape), stepper.runner.dtype)
        place += width
    return Plane((left, right), (low, high), arrays)


def surface(stepper: Stepper, over: Plane) -> Array:
    """What the network says on the grid, one number a point.

    With three classes or more: the place of the likeliest, as uint8. With two: how far it is
    for the second, as float32, 1/2 between them. Else the predicted number, as float32.
    """
    target = stepper.fit.targets[0]
    values = stepper.predict(over.arrays)[target.predicted]
    flat = values.reshape(len(values), -1)
    if flat.shape[1] == 1 or not target.classes:
        return np.asarray(flat[:, 0], np.float32)
    if flat.shape[1] == 2:
        return np.asarray(0.5 + (flat[:, 1] - flat[:, 0]) / 2, np.float32)
    return np.asarray(np.argmax(flat, axis=1), np.uint8)


def points(stepper: Stepper, most: int = 1000) -> list[list[float]]:
    """Training samples of a plane: both inputs, in the data's units, and the class or value."""
    arrays = {name: array[:most] for name, array in stepper.arrays.items()}
    told = _told(arrays[stepper.fit.targets[0].name], bool(stepper.fit.targets[0].classes))
    rows: list[list[float]] = np.column_stack([_unscaled(stepper, arrays), told]).tolist()
    return rows


def confusion(stepper: Stepper) -> list[list[int]] | None:
    """How often each class (row) was taken for each (column), on the validation rows.

    On the first thousand training rows where there are none; None without classes.
    """
    targets = [t for t in stepper.fit.targets if t.classes and t.predicted]
    if not targets or len(targets[0].classes) > MOST_CLASSES:
        return None
    target, count = targets[0], len(targets[0].classes)
    arrays = stepper.seen()
    found = _told(stepper.predict(arrays)[target.predicted], True)
    wanted = _told(arrays[target.name], True)
    table = np.zeros((count, count), dtype=np.int64)
    np.add.at(table, (wanted.astype(int), found.astype(int)), 1)
    rows: list[list[int]] = table.tolist()
    return rows


def _told(values: Array, classes: bool) -> Array:
    """The class of each row, by place, or its (first) number."""
    flat = values.reshape(len(values), -1)
    if not classes:
        return flat[:, 0]
    return flat[:, 0] > 0.5 if flat.shape[1] == 1 else np.argmax(flat, axis=1)


def _unscaled(stepper: Stepper, arrays: dict[str, Array]) -> Array:
    """Both inputs in the units of the data, shape (samples, 2)."""
    parts = [
        arrays[i.name].reshape(len(arrays[i.name]), -1) * np.array(i.divisor) + np.array(i.shift)
        for i in stepper.fit.inputs
    ]
    return np.concatenate(parts, axis=1)


def _range(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    beyond = MARGIN * (high - low) or 1.0
    return low - beyond, high + beyond
