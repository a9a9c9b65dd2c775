"""The value of a gradient in which a part is another, from the value of the new part alone.

As long as only sums and products stand above a part, a gradient is linear in it:

    whole = rest + Σ over the values of the bound letters of weight × part

The weights and the rest are found once for each place, and every mistake made there costs no
more than the value of what it puts there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import TypeAlias

from ...expr import Add, Expr, Mul, Path, Reduce, part, replaced
from .probes import Ground

Changes: TypeAlias = "Sequence[tuple[Path, Expr]]"
"""What is put where, at places of which none is inside another."""

MOST_SETTINGS = 400
"""Values of the bound letters around a place above which it is evaluated with what is around."""


@dataclass(frozen=True)
class _Seat:
    """A place that the whole is linear in. weights: for each setting of the letters; rest:
    what does not come through this place."""

    part: Expr
    settings: tuple[Mapping[str, int], ...]
    weights: tuple[float, ...]
    rest: float


class Linear:
    """The values of one gradient with mistakes in it, at one place where values are compared."""

    def __init__(self, whole: Expr, ground: Ground, setting: Mapping[str, int]) -> None:
        self.whole, self.ground = whole, ground
        self._seats: dict[Path, _Seat | None] = {(): _Seat(whole, (setting,), (1.0,), 0.0)}
        self._grouped: dict[tuple[Path, frozenset[str]], list[tuple[Mapping[str, int], float]]] = {}

    def value(self, changes: Changes) -> float:
        """The value of the whole with these changes; NaN where it has none."""
        path = _common([path for path, _ in changes])
        seat = self._seat(path)
        while seat is None:
            path = path[:-1]
            seat = self._seat(path)
        new = changed(seat.part, path, changes)
        value = self.ground.value
        found = sum(
            weight * value(new, setting) for setting, weight in self._terms(path, seat, new)
        )
        return seat.rest + found

    def _terms(self, path: Path, seat: _Seat, new: Expr) -> list[tuple[Mapping[str, int], float]]:
        """The settings that differ in what the new part depends on, with their weights added."""
        letters = new.free
        key = path, letters
        known = self._grouped.get(key)
        if known is None:
            rows: dict[tuple[int, ...], tuple[Mapping[str, int], float]] = {}
            order = sorted(letters & seat.settings[0].keys())
            for setting, weight in zip(seat.settings, seat.weights, strict=True):
                at = tuple(setting[i] for i in order)
                before = rows[at][1] if at in rows else 0.0
                rows[at] = setting, before + weight
            known = self._grouped[key] = list(rows.values())
        return known

    def _seat(self, path: Path) -> _Seat | None:
        if path not in self._seats:
            above = self._seat(path[:-1])
            found = None if above is None else self._below(above, path[-1])
            if found is not None and not all(map(isfinite, (found.rest, *found.weights))):
                found = None
            self._seats[path] = found
        return self._seats[path]

    def _below(self, above: _Seat, n: int) -> _Seat | None:
        e, settings, weights = above.part, above.settings, above.weights
        value = self.ground.value
        if isinstance(e, Mul):
            others = e.factors[:n] + e.factors[n + 1 :]
            weights = tuple(
                w * prod(value(f, s) for f in others)
                for w, s in zip(weights, settings, strict=True)
            )
            return _Seat(e.factors[n], settings, weights, above.rest)
        if isinstance(e, Add):
            others = e.terms[:n] + e.terms[n + 1 :]
            rest = above.rest + sum(
                w * value(t, s) for w, s in zip(weights, settings, strict=True) for t in others
            )
            return _Seat(e.terms[n], settings, weights, rest)
        if isinstance(e, Reduce) and e.op == "sum":
            length = self.ground.point.length(e.size)
            if length * len(settings) > MOST_SETTINGS:
                return None
            inner = tuple({**s, e.index: k} for s in settings for k in range(1, length + 1))
            repeated = tuple(w for w in weights for _ in range(length))
            return _Seat(e.body, inner, repeated, above.rest)
        return None


def changed(e: Expr, path: Path, changes: Changes) -> Expr:
    """The part at `path` of a whole, with those of its changes that lie there; `e` is it before."""
    depth = len(path)
    for at, new in changes:
        if at[:depth] == path:
            e = replaced(e, at[depth:], new)
    return e


def _common(paths: Sequence[Path]) -> Path:
    """The way down that all paths share."""
    first = paths[0]
    depth = len(first)
    for path in paths[1:]:
        while path[:depth] != first[:depth]:
            depth -= 1
    return first[:depth]


def mutated(whole: Expr, path: Path, changes: Changes) -> Expr:
    """The part at `path` of a whole after changes."""
    return changed(part(whole, path), path, changes)
