"""Where two expressions of different value differ: the smallest parts without a partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ..expr import Add, Apply, Expr, Mul, Path, Power, Reduce, with_indices

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
        rest_a, rest_b = _unmatched(list(_flat(a, kind)), list(_flat(b, kind)), same)
        if len(rest_a) == len(rest_b) == 1 and (rest_a[0][0], rest_b[0][0]) != (path_a, path_b):
            _compare(rest_a[0], rest_b[0], same, mine, theirs)
        else:
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
