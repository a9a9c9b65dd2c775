"""The index letters of one formula: how far each runs, and what the unwritten ones are called.

No one states how far an index runs: it follows from the axes at which it is used. Whole
tensors have axes that the reader wrote no letter for; these get hidden letters, which take
readable names once the formula has been read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ..expr import (
    Delta,
    Expr,
    Reduce,
    Size,
    flat_factors,
    fresh_index,
    product,
    with_indices,
)
from ..language.tree import Extent, Mistake, Span
from .meaning import ShapeMistake

HIDDEN = "\0"
"""The beginning of a hidden letter and of a length that is not known yet."""


@dataclass(frozen=True)
class _Open:
    """A length that is not known yet: whose, and where to point when nothing tells."""

    extent: Extent
    letter: str
    span: Span


class Letters:
    """The letters of one formula. free: those that nothing binds, with their lengths."""

    def __init__(self, free: Mapping[str, Size] | None = None) -> None:
        self.free = {k: Extent(size, f"the index {k}") for k, size in (free or {}).items()}
        self._bound: dict[str, Extent] = {}
        self._hidden: dict[str, Extent] = {}
        self._open: dict[str, _Open] = {}
        self._alike: list[tuple[Extent, Extent]] = []

    @property
    def known(self) -> Collection[str]:
        """The letters in force."""
        return (*self.free, *self._bound)

    @property
    def bound(self) -> Collection[str]:
        """The letters that sums around this place bind."""
        return tuple(self._bound)

    # -- how far they run ------------------------------------------------------------------

    def extent(self, letter: str) -> Extent:
        """How far a letter runs; one that nothing binds becomes free."""
        if letter.startswith(HIDDEN):
            return self._hidden[letter]
        if letter in self._bound:
            return self._bound[letter]
        return self.free.setdefault(letter, Extent(None, f"the index {letter}"))

    def size(self, letter: str) -> Size | None:
        """The length over which a letter runs, where something tells."""
        return self.extent(letter).root().size

    def use(self, letter: str, size: Size, what: str, span: Span) -> None:
        """Note that a letter stands at an axis of this length. what: the axis, in words.

        Raises ShapeMistake where it runs over another length elsewhere.
        """
        extent = self.extent(letter)
        if not extent.join(Extent(size, what)):
            there = extent.root()
            raise ShapeMistake(
                f"{letter} runs to {there.size} at {there.says}, but {what} is {size} long",
                span,
                kind="wrong-index",
            )

    def hidden(self, size: Size | None, says: str = "a whole tensor") -> str:
        """A letter for an axis that was not written."""
        letter = f"{HIDDEN}{len(self._hidden)}"
        self._hidden[letter] = Extent(size, says)
        return letter

    def join(self, one: str, other: str) -> bool:
        """Let two letters run equally far; False where they cannot."""
        return self.extent(one).join(self.extent(other))

    def alike(self, one: str, other: str) -> None:
        """Two letters are compared: one tells how far the other runs, where nothing else does."""
        self._alike.append((self.extent(one), self.extent(other)))

    @contextmanager
    def binding(self, letter: str) -> Iterator[Extent]:
        """A sum's own letter, in its body."""
        before = self._bound.get(letter)
        extent = self._bound[letter] = Extent(None, f"the index {letter}")
        try:
            yield extent
        finally:
            if before is None:
                del self._bound[letter]
            else:
                self._bound[letter] = before

    def length(self, extent: Extent, letter: str, span: Span) -> Size:
        """The length behind an extent, or a mark that `settled` replaces by it."""
        size = extent.root().size
        if size is not None:
            return size
        mark = f"{HIDDEN}#{len(self._open)}"
        self._open[mark] = _Open(extent, letter, span)
        return mark

    # -- at the end ------------------------------------------------------------------------

    def settle(self) -> None:
        """Let compared letters tell each other's lengths, once everything was read."""
        for one, other in self._alike:
            one.join(other)

    def ranges(self) -> dict[str, Size]:
        """How far the free letters run, where something tells."""
        sizes = {letter: extent.root().size for letter, extent in self.free.items()}
        return {letter: size for letter, size in sizes.items() if size is not None}

    def named(self, e: Expr, names: Mapping[str, str], taken: Collection[str]) -> Expr:
        """The expression with its lengths filled in and hidden letters replaced.

        names: what its free hidden letters become. taken: letters to keep clear of.
        Raises Mistake where nothing tells how far a letter runs.
        """
        e = with_indices(e, dict(names))
        return self._named(e, frozenset(taken) | e.free)

    def _named(self, e: Expr, taken: frozenset[str]) -> Expr:
        if isinstance(e, Reduce):
            letter, body = e.index, e.body
            if letter.startswith(HIDDEN):
                letter = fresh_index(taken | body.free | body.bound)
                body = with_indices(body, {e.index: letter})
            if e.op == "sum" and (single := self._sifted(e.size, letter, body)) is not None:
                return self._named(single, taken)
            return Reduce(e.op, letter, self._size(e.size), self._named(body, taken | {letter}))
        children = tuple(self._named(child, taken) for child in e.children)
        return e if children == e.children else e.rebuilt(children)

    def _sifted(self, size: Size, letter: str, body: Expr) -> Expr | None:
        """The one term of Σ_i [i = j] …, where nothing else says how far i runs."""
        known = self._open.get(size) if isinstance(size, str) else None
        if known is None or known.extent.root().size is not None:
            return None
        for factor in flat_factors(body):
            if isinstance(factor, Delta) and letter in (factor.left, factor.right):
                other = factor.right if factor.left == letter else factor.left
                if not isinstance(other, Expr):
                    rest = tuple(f for f in flat_factors(body) if f is not factor)
                    return with_indices(product(rest), {letter: other})
        return None

    def _size(self, size: Size) -> Size:
        if not isinstance(size, str) or size not in self._open:
            return size
        known = self._open[size]
        found = known.extent.root().size
        if found is None:
            what = "𝟏" if known.letter.startswith(HIDDEN) else known.letter
            raise Mistake(
                f"nothing says how far {what} runs",
                known.span,
                "an index gets its length from the symbols at which it stands",
            )
        return found
