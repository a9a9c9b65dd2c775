"""Two mistakes at once, found without evaluating every pair.

Above the place where two mistakes part, a gradient is made of sums and products alone, so that
it is linear in the part there. Where that part is a product, each mistake multiplies it by a
ratio of its own; where it is a sum, each adds a difference of its own. With these known for
every single mistake, a pair costs a few multiplications.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product as choices
from math import isfinite, prod
from operator import mul

from ...expr import Add, Expr, Mul, Path, Reduce
from .mutations import Mutant, joined, together
from .probes import ROUNDING, Probe, Work

MOST_SETTINGS = 64
"""Values of the bound letters around a place above which it is passed over."""

MOST = 250
"""Single mistakes at a place, the most plausible ones, that are combined there."""


@dataclass(frozen=True)
class _Node:
    """A part that the whole is linear in. around: the factors beside it, up to the top;
    letters: those that sums around it bind, with their sizes."""

    path: Path
    part: Expr
    around: tuple[Expr, ...]
    letters: tuple[tuple[str, int], ...]


def _nodes(whole: Expr, probe: Probe) -> Iterator[_Node]:
    stack = [_Node((), whole, (), ())]
    while stack:
        node = stack.pop()
        yield node
        e = node.part
        letters = node.letters
        if isinstance(e, Reduce):
            if e.op != "sum" or any(e.index == letter for letter, _ in letters):
                continue
            letters = (*letters, (e.index, probe.ground.point.length(e.size)))
            if prod(size for _, size in letters) > MOST_SETTINGS:
                continue
        elif not isinstance(e, Add | Mul):
            continue
        for n, child in enumerate(e.children):
            around = node.around
            if isinstance(e, Mul):
                around = (*around, *e.factors[:n], *e.factors[n + 1 :])
            stack.append(_Node((*node.path, n), child, around, letters))


@dataclass(frozen=True)
class _Single:
    """A mistake as seen from a node. where: the children that it changes, () for all of it;
    ratios: by what it multiplies the node, for each value of the bound letters."""

    mutant: Mutant
    where: frozenset[int]
    ratios: tuple[float, ...]


def pairs(
    probe: Probe, singles: Sequence[tuple[Mutant, float]], tolerance: float, work: Work
) -> Iterator[Mutant]:
    """Pairs of mistakes that have the answer's value at a probe, not yet compared elsewhere."""
    by_whole: dict[Expr, list[tuple[Mutant, float]]] = {}
    for mutant, value in singles:
        by_whole.setdefault(mutant.whole, []).append((mutant, value))
    for whole, row in by_whole.items():
        for node in _nodes(whole, probe):
            inside = [(m, v) for m, v in row if all(p[: len(node.path)] == node.path
                                                    for p in m.paths)]  # fmt: skip
            if len(inside) < 2:
                continue
            if isinstance(node.part, Add):
                yield from _added(probe, whole, node, inside, tolerance)
            else:
                yield from _multiplied(probe, whole, node, inside, tolerance, work)


# -- products ------------------------------------------------------------------------------


def _multiplied(
    probe: Probe, whole: Expr, node: _Node, inside: Sequence[tuple[Mutant, float]],
    tolerance: float, work: Work,
) -> Iterator[Mutant]:  # fmt: skip
    settings = [
        {**probe.setting, **dict(zip([i for i, _ in node.letters], row, strict=True))}
        for row in choices(*(range(1, n + 1) for _, n in node.letters))
    ]
    ground = probe.ground
    base = [ground.value(node.part, s) for s in settings]
    if not all(isfinite(b) and b for b in base):
        return
    weights = [
        b * prod(ground.value(f, s) for f in node.around)
        for b, s in zip(base, settings, strict=True)
    ]
    rest = probe.value - (ground.value(whole, probe.setting) - sum(weights))
    if not isfinite(rest):
        return
    found: list[_Single] = []
    seen: set[tuple[object, ...]] = set()
    for mutant, _ in inside:
        where = _where(node, mutant)
        if where is None:
            continue
        now = mutant.at(node.path)
        work.spend(len(settings))
        ratios = tuple(ground.value(now, s) / b for s, b in zip(settings, base, strict=True))
        key = (where, *(float(f"{r:.12g}") for r in ratios))
        if key not in seen and all(map(isfinite, ratios)):
            seen.add(key)
            found.append(_Single(mutant, where, ratios))
        if len(found) >= MOST:
            break
    near = 2 * tolerance * max(abs(rest), abs(probe.value)) + ROUNDING
    for i, one in enumerate(found):
        work.spend(len(found) // 16)
        scaled = tuple(map(mul, weights, one.ratios))
        for other in found[:i]:
            if abs(sum(map(mul, scaled, other.ratios)) - rest) <= near:
                both = _both(node, one, other)
                if both is not None:
                    yield both


def _where(node: _Node, mutant: Mutant) -> frozenset[int] | None:
    """Which factors of a node a mistake changes: () where it multiplies the whole node; None
    where it does something else."""
    depth = len(node.path)
    if all(len(p) > depth for p in mutant.paths):
        return frozenset(p[depth] for p in mutant.paths)
    if mutant.paths == (node.path,) and _extra(node, mutant) is not None:
        return frozenset()
    return None


def _extra(node: _Node, mutant: Mutant) -> tuple[Expr, ...] | None:
    """The factors that a mistake brings to a whole node; None where it changes it otherwise."""
    now, before = mutant.at(node.path), node.part
    if not isinstance(now, Mul):
        return None
    if before in now.factors:
        place = now.factors.index(before)
        return now.factors[:place] + now.factors[place + 1 :]
    if isinstance(before, Mul):
        n = len(before.factors)
        if now.factors[:n] == before.factors:
            return now.factors[n:]
        if now.factors[-n:] == before.factors:
            return now.factors[:-n]
    return None


def _both(node: _Node, one: _Single, other: _Single) -> Mutant | None:
    """Both mistakes in one gradient; None where they are made at the same place."""
    outer, inner = (one, other) if not one.where else (other, one)
    if outer.where:
        if not isinstance(node.part, Mul) or one.where & other.where:
            return None
        return together(one.mutant, other.mutant)
    extra = _extra(node, outer.mutant)
    if extra is None:
        return None
    changed = Mul((*extra, inner.mutant.at(node.path)))
    return joined(inner.mutant, outer.mutant, ((node.path, changed),), inner.mutant.paths)


# -- sums ----------------------------------------------------------------------------------


def _added(
    probe: Probe, whole: Expr, node: _Node, inside: Sequence[tuple[Mutant, float]],
    tolerance: float,
) -> Iterator[Mutant]:  # fmt: skip
    """Mistakes in different terms: their differences from the truth add."""
    right = probe.ground.value(whole, probe.setting)
    depth = len(node.path)
    found = [
        (value - right, number)
        for number, (m, value) in enumerate(inside)
        if all(len(p) > depth for p in m.paths) and len({p[depth] for p in m.paths}) == 1
    ]
    found.sort()
    differences = [d for d, _ in found]
    wanted = probe.value - right
    near = 2 * tolerance * max(abs(wanted), abs(probe.value)) + ROUNDING
    for difference, number in found:
        start = bisect_left(differences, wanted - difference - near)
        for other, k in found[start:]:
            if other + difference - wanted > near:
                break
            one, two = inside[number][0], inside[k][0]
            if k < number and one.paths[0][depth] != two.paths[0][depth]:
                both = together(one, two)
                if both is not None:
                    yield both
