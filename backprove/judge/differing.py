"""Where two expressions of different value differ: the smallest parts without a partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import TypeAlias

from ..expr import (
    MINUS_ONE,
    Add,
    Apply,
    Expr,
    Mul,
    Number,
    Path,
    Power,
    Reduce,
    negative,
    with_indices,
)

Same: TypeAlias = Callable[[Expr, Expr], bool]
"""Whether two expressions have the same value."""

Place: TypeAlias = tuple[Path, Expr]


def differing(yours: Expr, correct: Expr, same: Same) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The places in each of two expressions that have no partner of the same value in the other.

    Factors are compared with factors and terms with terms, in any order.
    """
    mine: list[Path] = []
    theirs: list[Path] = []
    _compare(((), yours), ((), correct), same, mine, theirs)
    return tuple(mine), tuple(theirs)


def _compare(a: Place, b: Place, same: Same, mine: list[Path], theirs: list[Path]) -> None:
    (path_a, left), (path_b, right) = a, b
    if same(left, right):
        return
    kind = _made_of(left, right)
    if kind is not None:
        all_a, all_b = list(_flat(a, kind)), list(_flat(b, kind))
        if kind is Mul:
            rest_a, rest_b = _other_factors(all_a, all_b, same)
        else:
            rest_a, rest_b = _unmatched(all_a, all_b, same)
        if len(rest_a) == len(all_a) and len(rest_b) == len(all_b):  # nothing in common
            rest_a, rest_b = [a], [b]
        if not rest_a and not rest_b:  # the sign alone, which is no part of its own
            rest_a, rest_b = ([a], [b]) if path_a or path_b else ([], [])
        if len(rest_a) == len(rest_b) == 1 and (rest_a, rest_b) != ([a], [b]):
            _compare(rest_a[0], rest_b[0], same, mine, theirs)
            return
        sums = [[p for p in rest if isinstance(p[1], Reduce)] for rest in (rest_a, rest_b)]
        if len(sums[0]) == len(sums[1]) == 1:  # a sum is compared with a sum
            _compare(sums[0][0], sums[1][0], same, mine, theirs)
            rest_a = [p for p in rest_a if p is not sums[0][0]]
            rest_b = [p for p in rest_b if p is not sums[1][0]]
        mine += [path for path, _ in rest_a]
        theirs += [path for path, _ in rest_b]
        return
    inner = _inner(a, b)
    if inner is not None:
        _compare(*inner, same, mine, theirs)
    else:
        mine.append(path_a)
        theirs.append(path_b)


def _made_of(left: Expr, right: Expr) -> type[Add] | type[Mul] | None:
    """As what both are compared: sums or products, of which one may be a single part."""
    kinds = {type(left), type(right)}
    if kinds == {Add}:
        return Add
    return Mul if Mul in kinds else Add if Add in kinds else None


def _inner(a: Place, b: Place) -> tuple[Place, Place] | None:
    """The parts in which two expressions of the same shape must differ."""
    (path_a, left), (path_b, right) = a, b
    match left, right:
        case Apply(), Apply() if left.function == right.function:
            return ((*path_a, 0), left.argument), ((*path_b, 0), right.argument)
        case Power(), Power() if left.exponent is right.exponent:
            return ((*path_a, 0), left.base), ((*path_b, 0), right.base)
        case Reduce(), Reduce() if (left.op, left.size) == (right.op, right.size):
            first = with_indices(left.body, {left.index: 1})
            return ((*path_a, 0), first), ((*path_b, 0), with_indices(right.body, {right.index: 1}))
    return None


def _flat(place: Place, kind: type[Add] | type[Mul]) -> Iterator[Place]:
    path, e = place
    if not isinstance(e, kind):
        yield place
        return
    for number, child in enumerate(e.children):
        yield from _flat(((*path, number), child), kind)


def _other_factors(
    left: list[Place], right: list[Place], same: Same
) -> tuple[list[Place], list[Place]]:
    """The factors without a partner. Numbers are taken together, and signs left out, so that
    2(a - y)/2 has all its partners in -(y - a)."""
    (numbers_a, left), (numbers_b, right) = _numbers_apart(left), _numbers_apart(right)

    def same_size(one: Expr, other: Expr) -> bool:
        return same(one, other) or same(one, negative(other))

    rest_a, rest_b = _unmatched(left, right, same_size)
    if _size(numbers_a) != _size(numbers_b):
        rest_a, rest_b = [*_not_one(numbers_a), *rest_a], [*_not_one(numbers_b), *rest_b]
    return rest_a, rest_b


def _numbers_apart(places: list[Place]) -> tuple[list[Place], list[Place]]:
    return [p for p in places if not p[1].names], [p for p in places if p[1].names]


def _size(places: list[Place]) -> object:
    numbers = [e.value if isinstance(e, Number) else None for _, e in places]
    return abs(prod(n for n in numbers if n is not None)), numbers.count(None)


def _not_one(places: list[Place]) -> list[Place]:
    return [p for p in places if p[1] is not MINUS_ONE]


def _unmatched(
    left: list[Place], right: list[Place], same: Same
) -> tuple[list[Place], list[Place]]:
    """What is left on both sides when parts of the same value are taken away in pairs."""
    rest: list[Place] = []
    for place in left:
        partner = next((other for other in right if same(place[1], other[1])), None)
        if partner is None:
            rest.append(place)
        else:
            right = [other for other in right if other is not partner]
    return rest, right
