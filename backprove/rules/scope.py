"""What rules may ask about the network around an expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ..expr import Expr, Ref, Size, canonical, walk
from ..functions import Function, lookup
from ..network import Network

Pattern: TypeAlias = "tuple[int | None, ...]"
"""A component whose variable indices may stand for any position."""

WRITTEN_OUT = 8
"""Sums of up to this many terms are written in full at the scalar zoom."""


def refs(e: Expr) -> Iterator[Ref]:
    """Every reference to a quantity inside `e`."""
    return (node for node in walk(e) if isinstance(node, Ref))


def _pattern(ref: Ref) -> Pattern:
    return tuple(i if isinstance(i, int) else None for i in ref.indices)


def _meet(a: Pattern, b: Pattern) -> bool:
    return all(i is None or j is None or i == j for i, j in zip(a, b, strict=True))


def may_meet(a: Ref, b: Ref) -> bool:
    """Whether two references may be the same component."""
    return a.name == b.name and _meet(_pattern(a), _pattern(b))


class Scope:
    """A network, and what depends on what in it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._reached: dict[tuple[str, Pattern, str, Pattern], bool] = {}

    def function(self, name: str) -> Function:
        """The row of a function; an unknown one is an error, never a silent zero."""
        return lookup(name, self.network.functions)

    def length(self, size: Size) -> int | None:
        return self.network.length(size)

    def depends(self, e: Expr, wrt: Expr, total: bool) -> bool:
        """Whether `e` may change with `wrt`; decided per component where indices are numbers."""
        if not isinstance(wrt, Ref):
            key = canonical(wrt)
            return any(type(node) is type(wrt) and canonical(node) == key for node in walk(e))
        # an adjoint is a settled number for the rules, whatever it depends on
        related = self.network.influenced_by(wrt.name) if total else frozenset((wrt.name,))
        if e.names.isdisjoint(related):
            return False
        if not any(isinstance(i, int) for i in wrt.indices):
            return True
        return any(self._reaches(r, wrt, related) for r in refs(e) if r.name in related)

    def _reaches(self, ref: Ref, wrt: Ref, related: frozenset[str]) -> bool:
        goal = _pattern(wrt)
        key = (ref.name, _pattern(ref), wrt.name, goal)
        if key not in self._reached:
            self._reached[key] = self._search(ref, wrt, goal, related)
        return self._reached[key]

    def _search(self, ref: Ref, wrt: Ref, goal: Pattern, related: frozenset[str]) -> bool:
        seen = {(ref.name, _pattern(ref))}
        stack = [ref]
        while stack:
            here = stack.pop()
            if here.name == wrt.name:
                if _meet(_pattern(here), goal):
                    return True
                continue
            if here.name not in self.network.equations:
                continue
            for inner in refs(self.network.definition(here)):
                mark = (inner.name, _pattern(inner))
                if inner.name in related and mark not in seen:
                    seen.add(mark)
                    stack.append(inner)
        return False

    def computed(self, e: Expr) -> bool:
        """Whether `e` is a reference to a quantity that has an equation."""
        return isinstance(e, Ref) and e.name in self.network.equations
