"""A text of formulas to its lines: what is set equal to what, and what is words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

from ..tree import Mistake, Span
from .cursor import Cut
from .parser import parse, parse_condition
from .rows import MAX_LINES, Row, is_latex, rows_of, tokens_of, too_many
from .segments import Segment, segments_of, trimmed
from .tokens import Token, first_equal, is_equal, outside
from .tree import Change, Differential, FormulaLine, Formulas, Node, Relation, Symbol
from .words import CONNECTIVES

_NAME = frozenset(("name", "number", "sub", "sup", "prime", "open", "close", "times"))


def parse_formula(text: str, words: Collection[str] = ()) -> Node:
    """One expression, without a sign of equality. Raises Mistake.

    words: what is a name where LaTeX sets it as text, and no prose.
    """
    tokens = tokens_of(text, is_latex(text), words)
    ends = {p for p, t in outside(tokens) if t.kind in ("break", "newline", "align")}
    tokens = trimmed([t for place, t in enumerate(tokens) if place not in ends])
    if not tokens:
        raise Mistake("an expression is expected", (0, 1), "write one, such as w*x")
    equal = first_equal(tokens)
    if equal >= 0:
        raise Mistake(
            "one expression is expected here, not an equation",
            tokens[equal].span,
            "leave one of the sides out",
        )
    return parse(Cut(text, is_latex(text), tokens))


@lru_cache(maxsize=16)
def parse_formulas(
    text: str, latex: bool | None = None, words: frozenset[str] = frozenset()
) -> Formulas:
    """The lines of a text. latex: whether it is LaTeX, None to see that from the text.

    words: what is a name where LaTeX sets it as text, and no prose. Remembered, as a text is read
    again for each way in which its derivatives may be meant.

    Raises Mistake at the first line that cannot be read.
    """
    reader = _Reader(text, is_latex(text) if latex is None else latex)
    rows, notes = rows_of(text, reader.latex, words)
    for row in rows:
        reader.read(row)
    if not reader.number:
        raise Mistake(
            "there is no formula here",
            (0, 1),
            "write an equation or an expression, such as "
            + (r"\frac{\partial J}{\partial w} = x" if reader.latex else "∂J/∂w = (h - y)*x"),
        )
    return Formulas(text, reader.latex, tuple(reader.lines), notes)


class _Reader:
    """Reads rows in order; what a line goes on from depends on those above."""

    def __init__(self, text: str, latex: bool) -> None:
        self.text, self.latex = text, latex
        self.lines: list[FormulaLine] = []
        self.number = 0
        self.columns: dict[int, Node] = {}  # the last left side, by the column of its =
        self.chain = -1  # the column of the chain that was read last
        self.waiting: list[Token] = []  # an expression that may be the left side of what follows

    def read(self, row: Row) -> None:
        """Add the lines that a row holds."""
        segments = segments_of(row)
        waiting, self.waiting = self.waiting, []
        if not any(segment.claims for segment in segments):
            if segments and self._stands_alone(row, segments):
                self._alone(row, segments)
            else:
                self._prose(row.tokens)
            return
        first, *others = segments
        explained = bool(others) and all(s.claims and s.let for s in others)
        if explained and not first.claims and not row.prose[0]:  # δ a, where δ = …
            self._add(None, self._parse(first.tokens), first.tokens, first.let)
            segments = others
        if waiting and first_equal(segments[0].tokens) == 0:
            segments[0].tokens = waiting + segments[0].tokens
            self._take_back()
        for segment in segments:
            self._read_segment(segment)

    # -- expressions without = -------------------------------------------------------------

    def _stands_alone(self, row: Row, segments: Sequence[Segment]) -> bool:
        """Whether a row without = is an expression, and no sentence."""
        words = [t for t, prose in zip(row.tokens, row.prose, strict=True) if prose]
        if not words:
            return not self._ends_sentence(row)
        if row.prose[-1] or len(segments) > 1:
            return False
        spoken = (word.strip(".,:;").lower() for t in words for word in t.text.split())
        return all(word in CONNECTIVES or not word for word in spoken)

    def _ends_sentence(self, row: Row) -> bool:
        """Whether a row is a name that ends the words of the line above."""
        above = self.lines[-1] if self.lines else None
        if above is None or not above.prose:
            return False
        one = sum(t.kind == "name" for t in row.tokens) == 1
        last = self.text[above.span[0] : above.span[1]].split()[-1]
        unfinished = last[-1] not in ".:;=" and last.lower() not in CONNECTIVES
        return unfinished and one and all(t.kind in _NAME for t in row.tokens)

    def _alone(self, row: Row, segments: Sequence[Segment]) -> None:
        """An expression on its own line."""
        tokens = segments[0].tokens if len(segments) == 1 else trimmed(row.tokens)
        node = self._parse(tokens)
        if self.number or isinstance(node, Symbol | Differential | Change):
            self.waiting = tokens
        self._add(None, node, tokens, segments[0].let)

    def _take_back(self) -> None:
        """Forget the last line: it turned out to be the left side of the next."""
        self.lines.pop()
        self.number -= 1

    # -- equations -------------------------------------------------------------------------

    def _read_segment(self, segment: Segment) -> None:
        tokens = segment.tokens
        if segment.claims:
            self._claim(segment)
        elif not segment.word:
            raise Mistake(
                "this is no equation", _span(tokens), "write each equation on a line of its own"
            )
        elif len(tokens) > 1:  # a name alone is only spoken of
            self._prose(tokens)

    def _claim(self, segment: Segment) -> None:
        """A chain A = B = C: one line for each right side."""
        tokens = segment.tokens
        sides = list(_sides(tokens))
        equal = tokens[first_equal(tokens)]
        left = self._left(sides[0], equal)
        let = segment.let or any(t.kind == "define" for t in tokens)
        condition: Relation | None = None
        if segment.condition:
            condition = parse_condition(Cut(self.text, self.latex, segment.condition))
        for place, side in enumerate(sides[1:]):
            if not side:
                last = next(t for t in reversed(tokens) if is_equal(t))
                raise Mistake("the right side is missing", last.span, "write what it is equal to")
            whole = tokens if place == 0 and sides[0] else side
            own = left if place == 0 else None
            self._add(own, self._parse(side), whole, let, condition)

    def _left(self, side: list[Token], equal: Token) -> Node | None:
        """The left side; None where a line goes on from the one above."""
        column = equal.start - self.text.rfind("\n", 0, equal.start)
        if side:
            self.columns[column] = left = self._parse(side)
            self.chain = column
            return left
        if self.latex or column == self.chain or column not in self.columns:
            return None  # in the first line, the question stands on its left
        self.chain = column  # what stands between the lines of a chain are reasons
        return self.columns[column]

    # -- lines -----------------------------------------------------------------------------

    def _parse(self, tokens: Sequence[Token]) -> Node:
        return parse(Cut(self.text, self.latex, tokens))

    def _prose(self, tokens: Sequence[Token]) -> None:
        self.lines.append(FormulaLine(self.number, _span(tokens), None, None, prose=True))

    def _add(
        self,
        left: Node | None,
        right: Node,
        tokens: Sequence[Token],
        let: bool,
        condition: Relation | None = None,
    ) -> None:
        self.number += 1
        if self.number > MAX_LINES:
            raise too_many(tokens[0].span)
        span = _span(tokens)
        self.lines.append(FormulaLine(self.number, span, left, right, let, condition=condition))


def _span(tokens: Sequence[Token]) -> Span:
    return tokens[0].start, max(tokens[-1].end, tokens[0].start + 1)


def _sides(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between signs of equality."""
    side: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and is_equal(token):
            yield trimmed(side)
            side = []
        else:
            side.append(token)
    yield trimmed(side)
