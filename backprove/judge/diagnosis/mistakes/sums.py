"""Sums and terms that are missing, or should have vanished."""

from __future__ import annotations

from collections.abc import Iterator

from ....expr import (
    ONE,
    TWO,
    ZERO,
    Add,
    Apply,
    Delta,
    Expr,
    Mul,
    Number,
    Reduce,
    total,
    with_indices,
)
from ....rewrite import Sentence
from ..places import Place, refs_of, stale_terms
from .change import Change, times


def missing_sum(place: Place) -> Iterator[Change]:
    """Σ_k u_k → u_j"""
    part = place.part
    if not isinstance(part, Reduce) or part.op != "sum":
        return
    for letter, size in place.letters.items():
        if place.setting.same(size, part.size):
            new = with_indices(part.body, {part.index: letter})
            says: Sentence = (f"the sum over {part.index} is missing: only {letter} is taken",)
            yield Change(new, says, "no sum")
    for k in place.positions(part.size):
        new = with_indices(part.body, {part.index: k})
        yield Change(new, (f"the sum over {part.index} is missing: only the path through"
                           f" {part.index} = {k} is taken",), f"only {k}")  # fmt: skip


def one_path_only(place: Place) -> Iterator[Change]:
    """u + v + … → u for a sum over paths"""
    part = place.part
    if isinstance(part, Add) and len(set(map(_build, part.terms))) == 1 and _is_paths(place):
        for term in part.terms:
            yield Change(term, ("of all paths only ", term, " is taken"))


def _build(e: Expr) -> tuple[object, ...]:
    """How a term is built, whatever its names."""
    function = e.function if isinstance(e, Apply) else ""
    return (type(e), function, *map(_build, e.children))


def _is_paths(place: Place) -> bool:
    """Whether a sum is one over paths, and no difference inside a local derivative."""
    local = place.setting.form.local
    return not any(e in local for e in (*place.parents, place.part)) and bool(local)


def path_dropped(place: Place) -> Iterator[Change]:
    """Σ_k u_k → Σ_k u_k - u_j: one of the paths is left out"""
    part = place.part
    if isinstance(part, Reduce) and part.op == "sum":
        positions = list(place.positions(part.size))
        for k in positions if len(positions) > 2 else ():
            gone = with_indices(part.body, {part.index: k})
            rest = tuple(with_indices(part.body, {part.index: i}) for i in positions if i != k)
            yield Change(total(rest), ("the term ", gone, " is missing"))
        for letter, size in place.letters.items():
            if place.setting.same(size, part.size):
                gone = with_indices(part.body, {part.index: letter})
                yield Change(part - gone, ("the term ", gone, " is missing"))


def missing_term(place: Place) -> Iterator[Change]:
    """u + v → u"""
    if isinstance(place.parent, Add):
        yield Change(ZERO, ("the term ", place.part, " is missing"))


def extra_sum(place: Place) -> Iterator[Change]:
    """u_j → Σ_j u_j: summed over an index that is held"""
    part = place.part
    if isinstance(part, Number | Delta) or isinstance(place.parent, Reduce):
        return
    if not (place.whole or isinstance(place.parent, Mul)):
        return
    for letter in sorted(part.free):
        size = place.letters.get(letter)
        if size is not None and letter in place.setting.letters:
            yield Change(Reduce("sum", letter, size, part),
                         (part, f" is summed over {letter}, which is held"))  # fmt: skip


def stale_term(place: Place) -> Iterator[Change]:
    """∂(u + c)/∂x → ∂u/∂x + c"""
    for term in stale_terms(place):
        if term.free <= place.letters.keys():
            says: Sentence = ("the term ", term, " does not depend on what is varied: it vanishes")
            yield Change(place.part + term, says)


def stale_one(place: Place) -> Iterator[Change]:
    """∂(u + c)/∂x → ∂u/∂x + 1"""
    for term in stale_terms(place):
        says: Sentence = ("the derivative of ", term, " is 0 here, not 1")
        yield Change(place.part + ONE, says)
        break


def stale_on_whole(place: Place) -> Iterator[Change]:
    """g → g + c"""
    if not place.whole:
        return
    seen: set[Expr] = set()
    for ref in refs_of(place.part):
        known = ref.name in place.setting.network.quantities
        if known and ref.free <= place.letters.keys() and ref not in seen:
            seen.add(ref)
            yield Change(place.part + ref, ("the term ", ref, " does not belong there"))
    for bias in place.setting.network.of_kind("bias"):
        for ref in place.fitting(bias.name):
            if ref not in seen:
                yield Change(place.part + ref, ("the term ", ref, " does not belong there"))


def counted_twice(place: Place) -> Iterator[Change]:
    """u + v → u + v + v"""
    if isinstance(place.parent, Add) and not isinstance(place.part, Number):
        yield Change(times(TWO, place.part), ("the term ", place.part, " is counted twice"))
