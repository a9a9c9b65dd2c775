"""The numbers that stand beside symbols: expressions at the values in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
from flint import ctx

from ..errors import BackproveError, DataError
from ..expr import Derivative, Expr, Ref, mapped, walk
from ..network import ADJOINT, Equation, Network, Quantity, adjoint
from ..rewrite import rewritten
from ..rules import DIFFERENTIATION, TIDY, Scope
from ..verify.points import Indices, Point
from ..verify.series import OutsideDomain, Unresolved
from ..verify.values import OutOfRange, Scene, evaluate
from .corners import corners
from .lower import lower
from .numpy_backend import prepare
from .values import Array, given_values, refuse_symbolic

PRECISION = 192
DIGITS = 6


Printed: TypeAlias = "Callable[[Expr], str | None]"
"""Gives the printed number of an expression, None where it has no single one."""

_ASKED = "asked."


def numbers_of(network: Network, seed: int = 0) -> tuple[Printed, tuple[str, ...]]:
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

    return number, (*notes, *map(str, corners(network, values)))


def quick_numbers_of(network: Network, found: Mapping[str, Array]) -> Printed:
    """The same from numbers that are known: those of `Evaluator.results`.

    They are of double precision, so that what cancels prints as what is left of it; a network of
    hundreds of neurons takes milliseconds and not seconds.
    """
    scope, quiet = Scope(network), set[Expr]()
    inside = frozenset({*network.quantities, *(ADJOINT + name for name in network.quantities)})

    def number(e: Expr) -> str | None:
        if e.free:
            return None
        plain = rewritten(mapped(e, _as_adjoint), (*DIFFERENTIATION, *TIDY), scope, quiet)
        names = plain.names
        if not names <= inside & found.keys() or any(
            isinstance(p, Derivative) for p in walk(plain)
        ):
            return None
        try:
            value = float(_computed(network, plain, found))
        except DataError:
            return None
        return f"{value + 0.0:.{DIGITS}g}" if isfinite(value) else None

    def _as_adjoint(e: Expr) -> Expr | None:
        if isinstance(e, Derivative) and isinstance(e.wrt, Ref) and e.body == Ref(network.loss):
            return adjoint(e.wrt) if e.total and e.wrt.name in network.quantities else None
        return None

    return number


def _computed(network: Network, e: Expr, found: Mapping[str, Array]) -> Any:
    """The value of an expression in quantities and adjoints whose values are known."""
    known = [
        Quantity(name, "target", network[name.removeprefix(ADJOINT)].shape)
        for name in sorted(e.names - network.sizes.keys())
    ]
    asked = Network(
        [*known, Quantity(_ASKED, "computed")],
        [Equation(Ref(_ASKED), e)],
        _ASKED,
        functions=network.own_functions,
        sizes=network.sizes,
    )
    program = lower(asked, {}, [_ASKED], lifted=False)
    return prepare(program)(found)[_ASKED]


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
