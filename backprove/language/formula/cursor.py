"""Where the parser stands in the tokens, and what it says of one that does not fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..tree import MAX_DEPTH, Mistake, Span
from .tokens import Kind, Token, partners, shown
from .tree import Node
from .words import word_set

_OPERANDS = word_set(
    "name function number open big fraction root d change accent indicator wrapper dots"
)


@dataclass(frozen=True)
class Cut:
    """A text cut into tokens, with the partner of each bracket and the place of each \\over."""

    text: str
    latex: bool
    tokens: Sequence[Token]
    partner: Sequence[int] = field(init=False)
    over: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "partner", partners(self.tokens))
        object.__setattr__(self, "over", dict(self._overs()))

    def _overs(self) -> Iterator[tuple[int, int]]:
        """For each brace that holds an \\over: its place and that of the \\over."""
        open_ = [-1]
        seen: set[int] = set()
        for place, token in enumerate(self.tokens):
            if token.kind == "open":
                open_.append(place)
            elif token.kind == "close":
                open_.pop()
            elif token.kind == "over":
                if open_[-1] in seen:
                    raise Mistake(
                        "a second \\over in the same braces",
                        token.span,
                        "put one of the fractions in braces of its own",
                    )
                seen.add(open_[-1])
                yield open_[-1], place

    def level(self, low: int, high: int) -> Iterator[int]:
        """The places from low to high that stand in no bracket opened there; brackets too."""
        at = low
        while at < high:
            yield at
            at = self.partner[at] + 1 if self.tokens[at].kind == "open" else at + 1


class Cursor(ABC):
    """A place in a range of tokens."""

    def __init__(self, cut: Cut) -> None:
        self.cut = cut
        self.tokens = cut.tokens
        self.at = 0
        self.end = len(cut.tokens)
        self.bars: list[str] = []  # the | and ‖ that are open
        self.depth = 0

    @abstractmethod
    def expression(self) -> Node:
        """A sum."""

    @abstractmethod
    def product(self) -> Node:
        """Factors, up to a sign + or -."""

    @abstractmethod
    def signed(self, read: Callable[[], Node]) -> Node:
        """What is read, with any signs before it."""

    @abstractmethod
    def factor(self) -> Node:
        """One factor with what stands above it."""

    @abstractmethod
    def bracket(self) -> Node:
        """What begins with an opening bracket, without what stands behind."""

    # -- looking ---------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        """The kind of the token here, `end` behind the last."""
        return self.tokens[self.at].kind if self.at < self.end else "end"

    def kind_at(self, place: int) -> Kind:
        return self.tokens[place].kind if place < self.end else "end"

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    @property
    def begins_factor(self) -> bool:
        """Whether a factor begins here."""
        if self.kind == "bar":
            return not (self.bars and self.bars[-1] == self.here.text)
        return self.kind in _OPERANDS

    def span_from(self, start: int) -> Span:
        """From a place in the text to the end of the last token taken."""
        return start, max(self.tokens[self.at - 1].end, start + 1)

    def range_span(self, low: int, high: int) -> Span:
        """The part of the text that tokens cover."""
        if low >= high:
            start = self.tokens[low].start if low < len(self.tokens) else len(self.cut.text)
            return start, start + 1
        return self.tokens[low].start, max(self.tokens[high - 1].end, self.tokens[low].start + 1)

    # -- reading a part --------------------------------------------------------------------

    def within(self, low: int, high: int, expected: str = "an expression") -> Node:
        """The expression that a range of tokens holds; the place here stays."""
        if low >= high:
            raise Mistake(f"{expected} is expected here", self.range_span(low, high))
        before = self.at, self.end, self.bars, self.depth
        self.at, self.end, self.bars = low, high, []
        try:
            node = self.expression()
            if self.at < high:
                raise self.unexpected("the end of this part")
        finally:
            self.at, self.end, self.bars, self.depth = before
        return node

    def deeper(self) -> None:
        """Count one more operation inside another."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Mistake(
                f"the formula is nested too deep, {MAX_DEPTH} operations inside each other",
                self.here.span,
                "give a part of it a name of its own",
            )

    # -- mistakes --------------------------------------------------------------------------

    def unexpected(self, expected: str) -> Mistake:
        """What to say where something else is expected."""
        if self.kind == "end":
            place = max(0, self.at - 1)
            at = self.tokens[place].end if self.tokens else 0
            if self.at < len(self.tokens):
                at = self.tokens[self.at].start
            return Mistake(f"{expected} is expected, and the formula ends here", (at, at + 1))
        token = self.here
        if token.kind == "unread":
            return Mistake(f"`{token.text}` cannot be read here", token.span, token.raw)
        if token.kind == "prose":
            return Mistake(
                f"the word `{token.text.strip()[:40]}` stands inside a formula",
                token.span,
                "put words on a line of their own; a name of more letters is \\text{…} in LaTeX",
            )
        sign = shown(token, token.kind == "open") if token.kind in ("open", "close") else ""
        sign = sign or _written(self.cut.text, token)
        advice = ""
        if token.kind == "relation" and token.text != "=":
            advice = "a condition stands in [ ] or in cases; a claim is an equation with ="
        elif token.kind == "comma":
            advice = "several indices stand in one subscript; two equations on two lines"
        return Mistake(f"{expected} is expected here, not `{sign}`", token.span, advice)


def _written(text: str, token: Token) -> str:
    return text[token.start : token.end][:40] or token.text
