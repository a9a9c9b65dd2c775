"""The local derivatives between quantities, for all their components at once.

∂h[i]/∂z[i] = h[i]*(1 - h[i]) is worked out once, by the rules, for every i; a component's
derivative is that with numbers for the letters, and all its values are one array.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..adjoints import LOCAL, Link, backprop, letters, links
from ..derivation.parts import parts
from ..expr import Add, Derivative, Expr, Index, Ref, Size, product, total, with_indices
from ..network import ADJOINT, Equation, Network, Quantity
from ..rewrite import rewritten
from ..rules import FOLDING, TIDY, Scope
from ..run.corners import Corner, corners
from ..run.lower import lower
from ..run.numpy_backend import prepare
from ..run.values import check_memory, given_values, precision

Indices: TypeAlias = tuple[int, ...]

Way: TypeAlias = tuple[str, str, int]
"""From a quantity to one that uses it, in which part of its equation."""

LONG = 20
"""A sum of more terms than this is differentiated without those that do not hold the quantity."""

_NAME = "local "


@dataclass(frozen=True)
class Local:
    """∂end/∂start in letters: `factor`. letters: those of both, each once, with its range.

    asked: the derivative as it is asked for, ∂end/∂start, or that of one part of the equation.
    """

    start: Ref
    end: Ref
    asked: Expr
    factor: Expr
    letters: tuple[tuple[str, Size], ...]

    def numbers(self, start: Indices, end: Indices) -> Mapping[str, int]:
        """The numbers that its letters stand for between two components."""
        pairs = (
            *zip(self.end.indices, end, strict=True),
            *zip(self.start.indices, start, strict=True),
        )
        return {letter: number for letter, number in pairs if isinstance(letter, str)}

    @property
    def axes(self) -> tuple[int, ...]:
        """For each letter, the index of the end or, counted on, of the start where it stands."""
        indices = (*self.end.indices, *self.start.indices)
        return tuple(indices.index(letter) for letter, _ in self.letters)


class Locals:
    """The local derivatives of one network, each made when it is first asked for."""

    def __init__(self, network: Network, question: Ref) -> None:
        """question: the component where the paths begin."""
        self.network, self.question = network, question
        self.scope = Scope(network)
        self._quiet: tuple[set[Expr], set[Expr], set[Expr]] = (set(), set(), set())
        self._made: dict[Way, Local] = {}
        self.corners: tuple[Corner, ...] = ()

    def between(self, start: str, end: str, part: int) -> Local:
        """The derivative of one quantity in another that its equation uses, by one part of it."""
        if (start, end, part) not in self._made:
            for number, local in self._from(start):
                self._made[start, local.end.name, number] = local
        return self._made[start, end, part]

    def at(self, local: Local, numbers: Mapping[str, int]) -> Expr:
        """The derivative between two components."""
        change: dict[str, Index] = dict(numbers)
        return rewritten(with_indices(local.factor, change), TIDY, self.scope, self._quiet[2])

    def asked(self, local: Local, numbers: Mapping[str, int]) -> Expr:
        """The same as it is asked for."""
        change: dict[str, Index] = dict(numbers)
        return with_indices(local.asked, change)

    def values(self, ways: Iterable[Way], seed: int) -> tuple[dict[Way, Any], float]:
        """An array for each way, one axis a letter, and the gradient of the question.

        Raises DataError where a value is missing, or a function is only a name.
        """
        network = self.network
        wanted: dict[str, Way] = {}
        quantities: list[Quantity] = [*network.quantities.values()]
        equations: list[Equation] = [*network.equations.values()]
        for number, way in enumerate(ways):
            local = self.between(*way)
            name = f"{_NAME}{number}"
            wanted[name] = way
            shape = tuple(size for _, size in local.letters)
            quantities.append(Quantity(name, "computed", shape, base=name))
            left = Ref(name, tuple(letter for letter, _ in local.letters))
            equations.append(Equation(left, local.factor))
        larger = network.changed(quantities=quantities, equations=equations)
        dtype = precision("float64")
        gradient = ADJOINT + self.question.name
        given, _ = given_values(network, seed, dtype)
        adjoints = backprop(network).adjoints
        program = lower(larger, adjoints, [*wanted, gradient], lifted=False)
        check_memory(program.bytes_needed(1, dtype.itemsize), "the values of all local derivatives")
        results = prepare(program, dtype)(given)
        self.corners = corners(network, given)
        at = tuple(i - 1 for i in self.question.indices if isinstance(i, int))
        return {way: results[n] for n, way in wanted.items()}, float(results[gradient][at])

    def _from(self, name: str) -> Iterator[tuple[int, Local]]:
        question = self.question
        start = question if name == question.name else Ref(name, letters(self.network, name))
        sizes = dict(zip(start.indices, self.network[name].shape, strict=True))
        own = {letter: size for letter, size in sizes.items() if isinstance(letter, str)}
        for link in links(self.network, start):
            for part, (end, asked, factor) in enumerate(self._through(link, start)):
                factor = rewritten(factor, LOCAL, self.scope, self._quiet[0])
                factor = rewritten(factor, FOLDING, self.scope, self._quiet[1])
                all_letters = tuple((own | dict(link.summed)).items())
                yield part, Local(start, end, asked, factor, all_letters)

    def _through(self, link: Link, start: Ref) -> Iterator[tuple[Ref, Expr, Expr]]:
        """Where a link leads, its derivative as it is asked for and as it is worked out, by each
        part of the equation; an activation's unnamed argument is passed."""
        end = consumer = link.consumer
        outer: tuple[Expr, ...] = ()
        if self.network[consumer.name].hidden:
            (owner,) = self.network.consumers[consumer.name]
            end = Ref(owner, consumer.indices)
            outer = (Derivative(end, consumer, False),)
        right = self.network.definition(consumer)
        several = parts(right, start.name)
        for part in several:
            derivative: Expr = Derivative(part, start, False)
            asked: Expr = Derivative(end, start, False)
            if len(several) > 1:
                asked = product((*outer, derivative))
            elif isinstance(right, Add) and len(right.terms) > LONG:
                related = tuple(term for term in right.terms if start.name in term.names)
                derivative = Derivative(total(related), start, False)
            else:
                derivative = Derivative(consumer, start, False)
            yield end, asked, product((*outer, derivative))


__all__ = ["Indices", "Local", "Locals"]
