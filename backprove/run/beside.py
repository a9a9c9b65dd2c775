"""The numbers that stand beside symbols: expressions at the values in the file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np
from flint import ctx

from ..errors import BackproveError
from ..expr import Expr
from ..network import Network
from ..verify.points import Indices, Point
from ..verify.series import OutsideDomain, Unresolved
from ..verify.values import OutOfRange, Scene, evaluate
from .values import Array, given_values, refuse_symbolic

PRECISION = 192
DIGITS = 6


def numbers_of(
    network: Network, seed: int = 0
) -> tuple[Callable[[Expr], str | None], tuple[str, ...]]:
    """A function that gives the printed number of an expression, and what was drawn, in words.

    It answers None for what has no single number: a free index, an abstract function, a kink.
    Raises DataError where an input or target has no value.
    """
    refuse_symbolic(network)
    values, notes = given_values(network, seed, np.dtype(np.float64))
    exact = {name: _components(network, name, array) for name, array in values.items()}
    sizes = {name: length for name, length in network.sizes.items() if length is not None}
    scene = Scene(Point(network, sizes, exact, {}, "file"))

    def number(e: Expr) -> str | None:
        if e.free:
            return None
        try:
            with ctx.workprec(PRECISION):
                found = evaluate(e, {}, scene.ground).base
                return f"{float(found.mid()):.{DIGITS}g}" if found.is_finite() else None
        except (BackproveError, OutOfRange, OutsideDomain, Unresolved, KeyError):
            return None

    return number, notes


def _components(network: Network, name: str, array: Array) -> dict[Indices, Fraction]:
    """The exact components: the file's own fractions, else the floats that were drawn."""
    given = network[name].value
    found: dict[Indices, Fraction] = {}
    for place in product(*(range(length) for length in array.shape)):
        value = given
        for position in place:
            value = value[position] if isinstance(value, tuple) else value
        exact = value if isinstance(value, Fraction) else Fraction(float(array[place]))
        found[tuple(position + 1 for position in place)] = exact
    return found
