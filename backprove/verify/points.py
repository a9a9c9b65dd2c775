"""Random points: exact values for everything that the equations do not compute.

Values are ordinary fractions of either sign, away from 0 and from saturation, no two alike
but by chance, so that a wrong sign, factor or index cannot hide behind a symmetry. Sizes
without a number are tried at small unequal values; constants keep theirs; targets meet
their constraints; an abstract function is a fresh random analytic function.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import isqrt
from random import Random
from typing import TypeAlias

from ..errors import NetworkError
from ..expr import Add, Expr, Index, Mul, Number, Power, Reduce, Ref, Size, walk
from ..network import Kind, Network, Quantity, Value
from .series import RandomFunction

Indices: TypeAlias = tuple[int, ...]
Table: TypeAlias = dict[Indices, Fraction]


@dataclass(frozen=True)
class Point:
    """Where a question is tried.

    sizes: a number for each named size. values: exact components of inputs, targets, weights,
    biases and constants, by 1-based position. functions: the abstract ones. seed: what it was
    drawn from; the same seed draws the same point. turn: which of the points it is.
    """

    network: Network
    sizes: Mapping[str, int]
    values: Mapping[str, Mapping[Indices, Fraction]]
    functions: Mapping[str, RandomFunction]
    seed: str
    turn: int = 0

    def length(self, size: Size) -> int:
        """The number behind a size."""
        if isinstance(size, int):
            return size
        if size not in self.sizes:
            raise NetworkError(f"there is no size named {size}")
        return self.sizes[size]

    def positions(self, shape: tuple[Size, ...]) -> Iterator[Indices]:
        """Every position in a tensor of this shape."""
        return product(*(range(1, self.length(s) + 1) for s in shape))

    def symbol(self, name: str, indices: Indices) -> Fraction:
        """The value of a free symbol (a learning rate), the same each time it is asked for."""
        size = _fraction(Random(f"{self.seed}/{name}/{indices}"), positive=1)
        first = Random(f"{name}/{indices}").choice((1, -1))
        return size * (first if self.turn % 2 else -first)  # both signs within two points


def draw(network: Network, seed: str, *, positive: float = 0.5, turn: int = 0,
         least: int = 2, turned_from: Point | None = None,
         kinds: Iterable[Kind] = ()) -> Point:  # fmt: skip
    """A random point.

    positive: the share of positive values. turn: which of the trials it is, for the sizes.
    least: the smallest length of a size without a number. turned_from: an earlier point whose
    values of these kinds have the other sign here.
    """
    random = Random(seed)
    sizes = _sizes(network, turn, least)
    point = Point(network, sizes, {}, {}, seed)
    values: dict[str, Table] = {}
    for quantity in network.of_kind("input", "target", "weight", "bias", "constant"):
        table = _values(point, quantity, random, positive)
        if turned_from is not None and quantity.kind in kinds:
            before = turned_from.values[quantity.name]
            table = {place: _turned(value, before.get(place)) for place, value in table.items()}
        values[quantity.name] = table
    for target in {c.target for c in network.constraints}:
        values[target] = {
            position: _fraction(random, positive=1) for position in values.get(target, ())
        }
    functions = {
        name: RandomFunction.draw(random)
        for name, row in network.own_functions.items()
        if row.abstract
    }
    point = Point(network, sizes, values, functions, seed, turn)
    for constraint in network.constraints:
        _meet(point, values, constraint.target, constraint.left, constraint.right)
    return point


def unnumbered_sizes(network: Network) -> tuple[str, ...]:
    """The named sizes that have no number."""
    names = list(network.sizes)
    for quantity in network.quantities.values():
        names += [s for s in quantity.shape if isinstance(s, str)]
    for equation in network.equations.values():
        for node in walk(equation.right):
            if isinstance(node, Reduce) and isinstance(node.size, str):
                names.append(node.size)
    return tuple(dict.fromkeys(n for n in names if network.length(n) is None))


def _sizes(network: Network, turn: int, least: int) -> dict[str, int]:
    sizes = {name: length for name, length in network.sizes.items() if length is not None}
    free = unnumbered_sizes(network)
    for number, name in enumerate(free):
        # unequal lengths: an index that runs over the wrong axis must not go unnoticed
        sizes[name] = max(2, least) + (number + turn) % (len(free) + 2)
    return sizes


def _fraction(random: Random, positive: float) -> Fraction:
    sign = 1 if random.random() < positive else -1
    return Fraction(sign * random.randint(17, 97), random.randint(61, 103))


def _turned(value: Fraction, before: Fraction | None) -> Fraction:
    """A value of the sign that an earlier one does not have."""
    return value if before is None else -abs(value) if before > 0 else abs(value)


def _values(point: Point, quantity: Quantity, random: Random, positive: float) -> Table:
    if quantity.name in point.sizes and quantity.kind == "constant":
        return {(): Fraction(point.sizes[quantity.name])}
    if quantity.kind == "constant" and quantity.value is not None:
        return dict(_components(quantity.value))
    longest = max((point.length(s) for s in quantity.shape), default=1)
    # long sums would saturate what they feed: their terms are made smaller
    shrink = max(1, isqrt(longest // 4)) if quantity.kind == "weight" else 1
    return {
        position: _fraction(random, positive) / shrink
        for position in point.positions(quantity.shape)
    }


def _components(value: Value, position: Indices = ()) -> Iterator[tuple[Indices, Fraction]]:
    if isinstance(value, tuple):
        for number, row in enumerate(value, 1):
            yield from _components(row, (*position, number))
    else:
        yield position, Fraction(value)


# -- constraints on targets ----------------------------------------------------------------


def _meet(point: Point, values: dict[str, Table], target: str, left: Expr, right: Expr) -> None:
    """Change the target's values so that left = right, for every value of its free letters."""
    letters = sorted(left.free | right.free)
    ranges = [range(1, _letter_length(point, letter, (left, right)) + 1) for letter in letters]
    for choice in product(*ranges):
        setting = dict(zip(letters, choice, strict=True))
        if not (_scale(point, values, target, left, right, setting)
                or _solve(point, values, target, left, right, setting)):  # fmt: skip
            raise NetworkError(
                f"no random values were found for the constraint {left!r} = {right!r}",
                "the oracle handles constraints that are linear in the target",
            )


def _letter_length(point: Point, letter: str, where: tuple[Expr, ...]) -> int:
    for e in where:
        for node in walk(e):
            if isinstance(node, Ref) and letter in node.indices:
                axis = node.indices.index(letter)
                return point.length(point.network[node.name].shape[axis])
    raise NetworkError(f"the index {letter} of a constraint runs over nothing")


def _mentioned(e: Expr, setting: dict[str, int], point: Point, target: str) -> list[Indices]:
    """The components of the target that an expression mentions."""
    if isinstance(e, Ref):
        return [tuple(_at(i, setting) for i in e.indices)] if e.name == target else []
    if isinstance(e, Reduce):
        found: list[Indices] = []
        for k in range(1, point.length(e.size) + 1):
            found += _mentioned(e.body, {**setting, e.index: k}, point, target)
        return found
    return [p for c in e.children for p in _mentioned(c, setting, point, target)]


def _at(index: Index, setting: Mapping[str, int]) -> int:
    return index if isinstance(index, int) else setting[index]


def _scale(point: Point, values: dict[str, Table], target: str, left: Expr, right: Expr,
           setting: dict[str, int]) -> bool:  # fmt: skip
    """Where the left side is proportional to the target (a sum), scale the target."""
    wanted = _exact(right, setting, point, values)
    found = _exact(left, setting, point, values)
    places = _mentioned(left, setting, point, target)
    if not found or not wanted or _mentioned(right, setting, point, target):
        return False
    table = values[target]
    before = {p: table[p] for p in places}
    table.update({p: v * wanted / found for p, v in before.items()})
    if _exact(left, setting, point, values) == wanted:
        return True
    table.update(before)
    return False


def _solve(point: Point, values: dict[str, Table], target: str, left: Expr, right: Expr,
           setting: dict[str, int]) -> bool:  # fmt: skip
    """Where both sides are linear in one component, solve for it."""

    def gap() -> Fraction:
        return _exact(left, setting, point, values) - _exact(right, setting, point, values)

    table = values[target]
    for place in reversed(_mentioned(left - right, setting, point, target)):
        before = table[place]
        start = gap()
        table[place] = before + 1
        slope = gap() - start
        if slope:
            table[place] = before - start / slope
            if gap() == 0:
                return True
        table[place] = before
    return False


def _exact(e: Expr, setting: dict[str, int], point: Point, values: dict[str, Table]) -> Fraction:
    match e:
        case Number():
            return e.value
        case Ref():
            if e.name in values:
                return values[e.name][tuple(_at(i, setting) for i in e.indices)]
            return Fraction(point.length(e.name))
        case Add():
            return sum((_exact(t, setting, point, values) for t in e.terms), Fraction(0))
        case Mul():
            result = Fraction(1)
            for factor in e.factors:
                result *= _exact(factor, setting, point, values)
            return result
        case Power(base=base, exponent=Number(value=exponent)) if exponent.denominator == 1:
            return _exact(base, setting, point, values) ** int(exponent)
        case Reduce(op="sum"):
            rows = range(1, point.length(e.size) + 1)
            inner = ({**setting, e.index: k} for k in rows)
            return sum((_exact(e.body, s, point, values) for s in inner), Fraction(0))
        case _:
            raise NetworkError(
                f"a constraint holds sums, products and whole powers, not {e!r}",
                "state the constraint without functions, such as sum(k: y[k]) = 1",
            )
