"""The two-dimensional classics: small data sets drawn from a seed, named as `digits` is.

Each row of the table below says how a set is drawn. The figures fill about the square from -1 to
1; `noise` is the standard deviation of what is added to the coordinates (of a plane, to the
value), so that it means the same in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Array: TypeAlias = NDArray[Any]

NOISE, ROWS, SEED = 0.05, 400, 0
FEWEST_ROWS, MOST_ROWS, MOST_NOISE = 10, 100_000, 1.0

Drawn: TypeAlias = tuple[Array, Array]
"""Points, shape (rows, 2), and the class (0 or 1) or value of each."""


@dataclass(frozen=True)
class Classic:
    """A data set: columns x1, x2, and `class` with 0 or 1, or `value`.

    draw: (rows, generator) -> points without noise and what is told of them.
    """

    name: str
    title: str
    draw: Callable[[int, np.random.Generator], Drawn]
    kind: Literal["classes", "regression"] = "classes"

    @property
    def classes(self) -> tuple[str, ...]:
        return ("0", "1") if self.kind == "classes" else ()

    @property
    def column(self) -> str:
        """The name of the last column."""
        return "class" if self.kind == "classes" else "value"


def _in_turn(rows: int) -> Array:
    """0, 1, 0, 1, …: as many of one class as of the other."""
    return np.arange(rows) % 2


def _on_circle(radius: Array, angle: Array) -> Array:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _circles(rows: int, generator: np.random.Generator) -> Drawn:
    kinds = _in_turn(rows)
    # the root, so that a disc is filled evenly
    inner = 0.5 * np.sqrt(generator.random(rows))
    outer = 0.75 + 0.25 * generator.random(rows)
    angle = 2 * np.pi * generator.random(rows)
    return _on_circle(np.where(kinds == 0, inner, outer), angle), kinds


def _xor(rows: int, generator: np.random.Generator) -> Drawn:
    kinds = _in_turn(rows)
    x1 = generator.uniform(-1, 1, rows)
    same = np.sign(x1) * generator.uniform(0.05, 1, rows)
    return np.stack([x1, np.where(kinds == 0, same, -same)], axis=1), kinds


def _gaussians(rows: int, generator: np.random.Generator) -> Drawn:
    kinds = _in_turn(rows)
    centre = np.where(kinds == 0, -0.5, 0.5)[:, None]
    return centre + 0.2 * generator.standard_normal((rows, 2)), kinds


def _spirals(rows: int, generator: np.random.Generator) -> Drawn:
    kinds = _in_turn(rows)
    along = 0.05 + 0.95 * generator.random(rows)
    return _on_circle(along, 1.75 * 2 * np.pi * along + np.pi * kinds), kinds


def _moons(rows: int, generator: np.random.Generator) -> Drawn:
    kinds = _in_turn(rows)
    angle = np.pi * generator.random(rows)
    side = np.where(kinds == 0, 1.0, -1.0)  # the lower moon is the upper one turned around
    upper = _on_circle(np.full(rows, 0.6), angle) - np.array([0.3, 0.15])
    return side[:, None] * upper, kinds


def _plane(rows: int, generator: np.random.Generator) -> Drawn:
    points = generator.uniform(-1, 1, (rows, 2))
    return points, points @ [0.5, 0.5]


CLASSICS: Mapping[str, Classic] = {
    row.name: row
    for row in (
        Classic("circles", "A disc inside a ring", _circles),
        Classic("xor", "Exclusive or: opposite quadrants are of one class", _xor),
        Classic("gaussians", "Two clouds", _gaussians),
        Classic("spirals", "Two spirals", _spirals),
        Classic("moons", "Two half moons", _moons),
        Classic("plane", "A slanted plane, for regression", _plane, "regression"),
    )
}


def drawn(
    name: str, *, noise: float = NOISE, rows: int = ROWS, seed: int = SEED
) -> dict[str, Array]:
    """The columns of a classic by name. Raises DataError for what cannot be drawn.

    >>> columns = drawn("spirals", rows=10)
    >>> [(name, column.shape) for name, column in columns.items()]
    [('x1', (10,)), ('x2', (10,)), ('class', (10,))]
    """
    if name not in CLASSICS:
        raise DataError(f"there are no data {name!r}", f"drawn are {', '.join(CLASSICS)}")
    checks = (
        (FEWEST_ROWS <= rows <= MOST_ROWS, f"{rows:,} rows",
         f"from {FEWEST_ROWS} to {MOST_ROWS:,}"),
        (0 <= noise <= MOST_NOISE, f"a noise of {noise:g}", f"from 0 to {MOST_NOISE:g}"),
        (seed >= 0, f"a seed of {seed}", "0 or greater"),
    )  # fmt: skip
    for good, said, wanted in checks:
        if not good:
            raise DataError(f"{name} cannot be drawn with {said}", f"it must be: {wanted}")
    classic = CLASSICS[name]
    generator = np.random.default_rng([seed, *name.encode()])
    points, told = classic.draw(rows, generator)
    if classic.kind == "classes":
        points = points + noise * generator.standard_normal(points.shape)
    else:
        told = told + noise * generator.standard_normal(told.shape)
    return {"x1": points[:, 0], "x2": points[:, 1], classic.column: told}


def drawn_as_said(said: str) -> dict[str, Array]:
    """The columns of `spirals` or `spirals,noise=0.2,rows=1000,seed=3`."""
    name, *settings = (part.strip() for part in said.split(","))
    noise, whole = NOISE, {"rows": ROWS, "seed": SEED}
    for setting in settings:
        key, _, number = (part.strip() for part in setting.partition("="))
        try:
            if key == "noise":
                noise = float(number)
            elif key in whole:
                whole[key] = int(number)
            else:
                raise ValueError
        except ValueError:
            raise DataError(
                f"{name} cannot be drawn with {setting!r}",
                f"write {name},noise={NOISE},rows={ROWS},seed={SEED}",
            ) from None
    return drawn(name, noise=noise, **whole)
