"""Where the numbers at hand lie on a corner: relu at 0, a largest value that is reached twice.

There the derivative does not exist, and a convention is taken (`functions.py`); whoever reads
the number is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..expr import Apply, Expr, Reduce, Ref, Size, plain, with_indices
from ..functions import Kink
from ..network import ARGUMENT, Equation, Network, Quantity
from .lower import lower
from .numpy_backend import Prepared, prepare

Array: TypeAlias = NDArray[Any]

NAMED = 6
"""Components up to which all are named in a sentence."""

_PART = "corner "


@dataclass(frozen=True)
class Corner:
    """Components in whose equation a function is taken at its corner.

    says: what is taken there as the derivative.
    """

    components: tuple[str, ...]
    function: str
    says: str

    def __str__(self) -> str:
        shown = self.components[:NAMED]
        more = len(self.components) - len(shown)
        where = ", ".join(shown) + (f" and {more:,} more" if more else "")
        return f"in {where}, {self.function} is at a corner: {self.says}"


@dataclass(frozen=True)
class _Place:
    """A function with corners in an equation: its argument, and the letters' ranges, those of
    the equation first. kink: None for a maximum, whose body is `argument`."""

    equation: Equation
    function: str
    argument: Expr
    letters: tuple[tuple[str, Size], ...]
    kink: Kink | None


class Corners:
    """The corners of one network, found anew for other numbers."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._places = tuple(
            place
            for equation in network.equations.values()
            if equation.name in network.live
            for place in _places(network, equation)
        )

    def __bool__(self) -> bool:
        """Whether there is any function with a corner."""
        return bool(self._places)

    @property
    def reads(self) -> list[str]:
        """The computed quantities whose values `at` wants."""
        names = {
            name for place in self._places if _is_whole(place) for name in place.argument.names
        }
        return [name for name in self.network.equations if name in names]

    def at(self, given: Mapping[str, Array], results: Mapping[str, Array]) -> tuple[Corner, ...]:
        """The corners at these values, and what is computed from them."""
        if not self:
            return ()
        parts = self._program(given) if self._program else {}
        found = []
        for number, place in enumerate(self._places):
            array = parts.get(f"{_PART}{number}")
            if array is None:
                (name,) = place.argument.names
                array = results[name] if name in results else given[name]
            if hit := self._components(place, np.asarray(array)):
                found.append(Corner(hit, place.function, _says(place)))
        return tuple(dict.fromkeys(found))

    @cached_property
    def _program(self) -> Prepared | None:
        """What computes the arguments that are no whole quantities."""
        network = self.network
        quantities, equations = [*network.quantities.values()], [*network.equations.values()]
        wanted = []
        for number, place in enumerate(self._places):
            if _is_whole(place):
                continue
            name = f"{_PART}{number}"
            shape = tuple(size for _, size in place.letters)
            letters = tuple(letter for letter, _ in place.letters)
            quantities.append(Quantity(name, "computed", shape, base=name))
            equations.append(Equation(Ref(name, letters), place.argument))
            wanted.append(name)
        if not wanted:
            return None
        larger = network.changed(quantities=quantities, equations=equations)
        return prepare(lower(larger, {}, wanted, lifted=False))

    def _components(self, place: _Place, values: Array) -> tuple[str, ...]:
        """The components of the equation's quantity that are at the corner."""
        if place.kink is None:
            if values.shape[-1] < 2:
                return ()
            most = values.max(axis=-1, keepdims=True)
            hit = (values == most).sum(axis=-1) > 1
        else:
            hit = values == float(place.kink.at)
        axes = len(place.equation.indices)
        if hit.ndim > axes:
            hit = hit.any(axis=tuple(range(axes, hit.ndim)))
        name = place.equation.name.removesuffix(ARGUMENT)
        return tuple(
            plain(Ref(name, tuple(int(i) + 1 for i in position))) for position in np.argwhere(hit)
        )


def corners(network: Network, given: Mapping[str, Array]) -> tuple[Corner, ...]:
    """The corners of a network at these values of what is not computed."""
    found = Corners(network)
    if not found:
        return ()
    return found.at(given, prepare(lower(network, {}, found.reads, lifted=False))(given))


def _is_whole(place: _Place) -> bool:
    """Whether the argument is a quantity with just the letters of the place."""
    letters = tuple(letter for letter, _ in place.letters)
    return isinstance(place.argument, Ref) and place.argument.indices == letters


def _says(place: _Place) -> str:
    if place.kink is None:
        return "the largest value is reached several times, and the first is taken to move it"
    return place.kink.says


def _places(network: Network, equation: Equation) -> Iterator[_Place]:
    sizes = tuple(zip(equation.indices, network[equation.name].shape, strict=True))

    def inside(e: Expr, letters: tuple[tuple[str, Size], ...]) -> Iterator[_Place]:
        if isinstance(e, Apply) and e.argument.names:  # of a number, nothing moves
            row = network.functions.get(e.function)
            for kink in row.kinks if row else ():
                yield _Place(equation, e.function, e.argument, letters, kink)
        if isinstance(e, Reduce):
            letter, body = e.index, e.body
            while letter in dict(letters):  # bound again further in
                letter += "_"
            body = with_indices(body, {e.index: letter}) if letter != e.index else body
            letters = (*letters, (letter, e.size))
            if e.op == "max":
                yield _Place(equation, "max", body, letters, None)
            yield from inside(body, letters)
            return
        for child in e.children:
            yield from inside(child, letters)

    yield from inside(equation.right, sizes)


__all__ = ["Corner", "Corners", "corners"]
