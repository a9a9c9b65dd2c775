"""One line, or a chain of lines, read in the first style in which its shapes fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..expr import Number, Ref, Size, fresh_index
from ..language.formula import Node
from ..language.tree import Mistake, Span
from .formula import Reader, opened
from .meaning import Orientation, ShapeMistake, Term
from .state import Knowledge, Prefer, Style
from .tensors import Value

SAYS: Mapping[Style, str] = {
    "columns": "",
    "rows": "vectors are taken for rows",
    "components": "products of whole vectors are taken component by component",
}
"""What is stated of a style."""


@dataclass(frozen=True)
class Head:
    """What the lines of one chain of = share.

    term: what all are equal to. ranges: over what its letters run. opened: symbols that stand
    for any number in it.
    """

    term: Term
    ranges: Mapping[str, Size]
    opened: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Read:
    """A line as it was read. misfit: as in `SheetLine`."""

    reader: Reader
    left: Term | None
    right: Term
    misfit: str = ""

    @property
    def head(self) -> Head:
        """What lines below that go on from it are equal to."""
        ranges = self.reader.letters.ranges()
        return Head(self.left or self.right, ranges, self.reader.opened)


@dataclass(frozen=True)
class Attempts:
    """Reads lines. asked: the quantity in question, for an answer without a left side."""

    known: Knowledge
    asked: Ref | None

    def chain(self, left: Node | None, rights: list[Node], head: Head | None) -> list[Read]:
        """The lines of one chain of =; each in a style of its own, else all in one.

        head: what the first line goes on from. Raises Mistake, and ShapeMistake where the
        shapes fit in no style.
        """
        refusal: ShapeMistake | None = None
        reads: list[Read] = []
        try:
            reads = list(self._lines(left, rights, head))
        except ShapeMistake as mistake:
            refusal = mistake
        if refusal is None and not any(read.misfit for read in reads):
            return reads
        if left is not None and len(rights) > 1 and (refusal is None or refusal.kind == "shape"):
            for style in self._styles()[1:]:
                made = self._throughout(left, rights, style)
                if made is not None:
                    return made
        if refusal is not None:
            raise refusal
        return reads

    def line(self, left: Node | None, right: Node, head: Head | None = None) -> Read:
        """A line in the first style in which its shapes fit; by columns where none does."""
        first: Read | ShapeMistake | None = None
        for style, prefer in self._ways():
            try:
                read = self.attempt(left, right, head, style, prefer)
            except ShapeMistake as mistake:
                if mistake.kind != "shape":
                    raise
                first = first or mistake
                continue
            except Mistake:
                if first is None:
                    raise
                continue
            if not read.misfit:
                return read
            first = first or read
        if isinstance(first, Read):
            return first
        assert first is not None
        raise first

    def _ways(self) -> Iterator[tuple[Style, Prefer]]:
        """What is tried in turn."""
        for prefer in ("", "wholes", "parts"):
            for style in self._styles():
                yield style, prefer

    def _styles(self) -> tuple[Style, ...]:
        return ("columns", "rows", "components") if self.known.rows else ("columns", "components")

    def _lines(self, left: Node | None, rights: list[Node], head: Head | None) -> Iterator[Read]:
        for right in rights:
            read = self.line(left, right, head)
            yield read
            head, left = head or read.head, None

    def _throughout(self, left: Node, rights: list[Node], style: Style) -> list[Read] | None:
        """All lines in one style; None where some shapes do not fit."""
        reads: list[Read] = []
        for right in rights:
            try:
                head = reads[0].head if reads else None
                read = self.attempt(None if reads else left, right, head, style)
            except (Mistake, ShapeMistake):
                return None
            if read.misfit:
                return None
            reads.append(read)
        return reads

    # -- one attempt -----------------------------------------------------------------------

    def attempt(
        self,
        left: Node | None,
        right: Node,
        head: Head | None,
        style: Style = "columns",
        prefer: Prefer = "",
    ) -> Read:
        """A line in one style."""
        reader = Reader(self.known, head.ranges if head else None, style=style, prefer=prefer)
        reader.opened = head.opened if head else opened(self.known.lexicon, left)
        given = reader.value(left) if left is not None else None
        value = reader.value(right)
        names: dict[str, str] = {}
        expected = given
        if given is None:
            expected, names = self._expected(reader, head, value)
        misfit = ""
        if expected is not None:
            value, misfit = reader.tensors.fitted(expected, value)
        reader.letters.settle()
        reader.check_deltas()
        if given is not None:
            names = reader.names(given)
        term = reader.term(given, names) if given is not None else None
        own = names if expected is not None and not misfit else reader.names(value)
        if SAYS[style]:
            reader.say(f"{reader.quoted(right)}: {SAYS[style]}")
        return Read(reader, term, reader.term(value, own), misfit)

    def _expected(
        self, reader: Reader, head: Head | None, value: Value
    ) -> tuple[Value | None, dict[str, str]]:
        """What the right side must be shaped like, and the letters of its axes."""
        if head is not None:
            return _like(reader, head.term.axes, head.term.orientation, head.term.span)
        if self.asked is None or not value.rank:
            return None, {}
        letters: list[str] = []
        for index in self.asked.indices:
            taken = {*letters, *map(str, self.asked.indices), *reader.letters.known}
            letters.append(index if isinstance(index, str) else fresh_index(taken))
        axes = tuple(zip(letters, self.known.shape(self.asked.name), strict=False))
        order = self.known.notation.order(self.asked.name)
        if len(order) == len(axes) == 2:  # as the notation writes it, (from, to) for some
            axes = tuple(axes[place] for place in order)
        return _like(reader, axes, "none", value.span)


def _like(
    reader: Reader, axes: tuple[tuple[str, Size], ...], turn: Orientation, span: Span
) -> tuple[Value, dict[str, str]]:
    """A value of a shape that is known, and the letters of its axes."""
    names = {reader.letters.hidden(size, f"the axis {k}"): k for k, size in axes}
    orientation: Orientation = "matrix" if len(axes) == 2 else turn
    return Value(Number(0), span, tuple(names), orientation), names
