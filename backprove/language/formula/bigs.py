"""Sums, products and maxima: what stands below them, and what they go over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast
from unicodedata import normalize

from ..tree import Mistake, Span
from .numpy_calls import TOTAL
from .scripts import Scripts
from .tokens import Token
from .tree import Big, BigOp, Bracketed, Call, Cases, Node, Numeral, Relation, RelationSign, Symbol

_LETTERS = re.compile(r"[^\W\d_][0-9]*['′]?")
_SHOWN = {"sum": "Σ", "prod": "∏", "max": "max", "argmax": "argmax", "min": "min"}

MAX_LARGER = 4
"""How many max( , ) may stand inside each other: each holds its second part twice."""


class Below:
    """What stands below a sum, as far as it is read."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, Span]] = []
        self.lower: Node | None = None
        self.upper: Node | None = None
        self.conditions: list[Relation] = []


class Bigs(Scripts):
    """Reads sums and their like."""

    larger = 0  # how many max( , ) are open

    def big(self) -> Node:
        """A sum, product or maximum, whose sign stands here."""
        start = self.at
        token = self.take()
        if token.raw == TOTAL:
            return self._made(token, Below(), self.bracket(), self.span_from(token.start))
        if self.kind == "open" and (token.raw or token.text in ("max", "min")):
            inner = self._listed(self.at)
            if inner == "colon":
                return self._in_parentheses(token)
            if inner == "comma" and token.text in ("max", "min"):
                return self._larger(token)
        below = self._below(token)
        if token.text == "min":
            raise Mistake(
                "a minimum over an index is not read",
                token.span,
                "write it as -max of the negative",
            )
        body = self._body()
        if body is None:
            raise self.unexpected(f"what the {_SHOWN[token.text]} goes over")
        return self._made(token, below, body, self.span_from(self.tokens[start].start))

    def _made(self, token: Token, below: Below, body: Node, span: Span) -> Big:
        letters, conditions = tuple(below.letters), tuple(below.conditions)
        op = cast(BigOp, token.text)
        return Big(span, op, letters, below.lower, below.upper, conditions, body)

    def _body(self) -> Node | None:
        """All that is multiplied; a sign may stand before it."""
        if self.kind == "sign":
            return self.signed(self.product)
        return self.product() if self.begins_factor else None

    # -- sum(k: …) and max(a, b) --------------------------------------------------------------

    def _listed(self, opening: int) -> str:
        """The first colon or comma directly in a bracket: its kind."""
        for place in self.cut.level(opening + 1, self.cut.partner[opening]):
            if self.tokens[place].kind in ("colon", "comma"):
                colon = any(
                    self.tokens[p].kind == "colon"
                    for p in self.cut.level(place, self.cut.partner[opening])
                )
                return "colon" if colon else "comma"
        return ""

    def _in_parentheses(self, token: Token) -> Node:
        """sum(i,j: body)"""
        opening = self.at
        closing = self.cut.partner[opening]
        colon = next(
            p for p in self.cut.level(opening + 1, closing) if self.tokens[p].kind == "colon"
        )
        below = Below()
        self._read_below(opening + 1, colon, below)
        body = self.within(colon + 1, closing, f"what the {token.text} goes over")
        self.at = closing + 1
        return self._made(token, below, body, self.span_from(token.start))

    def _larger(self, token: Token) -> Node:
        """max(a, b): the larger of two things; max(0, z) is relu(z)."""
        opening = self.at
        closing = self.cut.partner[opening]
        commas = [p for p in self.cut.level(opening + 1, closing) if self.tokens[p].kind == "comma"]
        if len(commas) > 1:
            raise Mistake(
                f"a {token.text} of more than two things is read over an index only",
                token.span,
                f"write {token.text} inside {token.text}, or over an index",
            )
        self.larger += 1
        if self.larger > MAX_LARGER:
            raise Mistake(
                f"more than {MAX_LARGER} of max and min inside each other",
                token.span,
                "give a part of it a name of its own",
            )
        first = self.within(opening + 1, commas[0])
        second = self.within(commas[0] + 1, closing)
        self.larger -= 1
        self.at = closing + 1
        if token.text == "max" and (zero := [n for n in (first, second) if _is_zero(n)]):
            other = second if zero[0] is first else first
            return Call(self.span_from(token.start), Symbol(token.span, "relu"), other)
        sign: RelationSign = ">" if token.text == "max" else "<"
        condition = Relation(second.span, second, sign, first)
        return Cases(self.span_from(token.start), ((second, condition), (first, None)))

    # -- below -----------------------------------------------------------------------------

    def _below(self, token: Token) -> Below:
        below = Below()
        seen = set()
        while self.kind in ("sub", "sup") and self.kind not in seen:
            seen.add(self.kind)
            if self.kind == "sup":
                self.take()
                low, high = self.script_range()
                below.upper = self.within(low, high)
                continue
            sub = self.take()
            if sub.raw:
                self._letters_of(sub, below)
            else:
                low, high = self.script_range()
                if self.here_is_visible(low, high):
                    low, high = low + 1, high - 1
                self._read_below(low, high, below)
        if not below.letters:
            raise Mistake(
                f"over which index the {_SHOWN[token.text]} goes is expected below it",
                token.span,
                r"write \sum_{k}" if self.cut.latex else "write Σ_k … or sum(k: …)",
            )
        return below

    def here_is_visible(self, low: int, high: int) -> bool:
        """Whether a range is one bracket: (k ≠ j)."""
        return self.tokens[low].kind == "open" and self.cut.partner[low] == high - 1

    def _letters_of(self, sub: Token, below: Below) -> None:
        """The letters of Σ_k or Σ_i,j, which plain text holds in one piece."""
        at = sub.start + 1
        for match in _LETTERS.finditer(sub.raw):
            span = at + match.start(), at + match.end()
            below.letters.append((match.group().replace("′", "'"), span))

    def _read_below(self, low: int, high: int, below: Below) -> None:
        """k, i,j, k=1, k ≠ j, k ∈ S, and several of them with commas between."""
        start = low
        for place in [*self.cut.level(low, high), high]:
            if place == high or self.tokens[place].kind in ("comma", "semicolon"):
                if place > start:
                    self._read_part(start, place, below)
                start = place + 1

    def _read_part(self, low: int, high: int, below: Below) -> None:
        signs = [p for p in self.cut.level(low, high) if self.tokens[p].kind == "relation"]
        if not signs:
            below.letters += self._index_letters(low, high)
            return
        if len(signs) > 2:
            raise Mistake(
                "a chain of conditions", self.range_span(low, high), "write one at a time"
            )
        sign = self.tokens[signs[0]].text
        if len(signs) == 1 and sign == "=" and below.lower is None:
            below.letters += self._index_letters(low, signs[0])
            below.lower = self.within(signs[0] + 1, high, "the number from which it starts")
            return
        ends = [low, *(s + 1 for s in signs)], [*signs, high]
        parts = list(zip(*ends, strict=True))
        letter = parts[1] if len(signs) == 2 else parts[0]
        if not below.letters:
            below.letters += self._index_letters(*letter)
        nodes = [self.within(*part) for part in parts]
        for place, at in enumerate(signs):
            span = nodes[place].span[0], nodes[place + 1].span[1]
            below.conditions.append(
                Relation(
                    span, nodes[place], cast(RelationSign, self.tokens[at].text), nodes[place + 1]
                )
            )

    def _index_letters(self, low: int, high: int) -> Sequence[tuple[str, Span]]:
        """Letters side by side: k, or ij."""
        letters: list[tuple[str, Span]] = []
        accent = ""
        at = low
        while at < high:
            token = self.tokens[at]
            at += 1
            if token.kind in ("prose", "quad") or (token.kind != "name" and not token.text):
                continue  # words, space, braces around one letter
            if token.kind == "accent":
                accent = token.text
                continue
            if token.kind != "name":
                raise Mistake(
                    "an index letter is expected here",
                    token.span,
                    "below the sign stand letters, k, or k=1, or a condition, k ≠ j",
                )
            text, end = normalize("NFC", (token.raw or token.text) + accent), token.end
            accent = ""
            while at < high and self.tokens[at].kind in ("prime", "sub"):
                before = self.at, self.end
                self.at, self.end = at, high
                if self.kind == "prime":
                    text += self.take().text
                else:
                    text += self.subscript()
                at = self.at
                end = self.tokens[at - 1].end
                self.at, self.end = before
            letters.append((text, (token.start, end)))
        return letters

    # -- conditions ------------------------------------------------------------------------

    def condition(self, low: int, high: int) -> Relation:
        """The condition that a range of tokens holds."""
        signs = [p for p in self.cut.level(low, high) if self.tokens[p].kind == "relation"]
        if len(signs) != 1:
            raise Mistake(
                "a condition has one sign, as in z > 0",
                self.range_span(low, high),
                "write two conditions as a product of two brackets, [a > 0][b > 0]",
            )
        left = self.within(low, signs[0])
        right = self.within(signs[0] + 1, high)
        sign = cast(RelationSign, self.tokens[signs[0]].text)
        return Relation(self.range_span(low, high), left, sign, right)

    def holds_condition(self, opening: int) -> bool:
        """Whether a sign such as = or > stands directly in a bracket."""
        inside = self.cut.level(opening + 1, self.cut.partner[opening])
        return any(self.tokens[p].kind == "relation" for p in inside)

    def bracketed(self, opening: int, start: int) -> Bracketed:
        """The Iverson bracket at a place; the place moves behind it."""
        closing = self.cut.partner[opening]
        low, high = opening + 1, closing
        if self.here_is_visible(low, high):  # {\{z > 0\}}
            low, high = low + 1, high - 1
        made = self.condition(low, high)
        self.at = closing + 1
        return Bracketed(self.span_from(start), made)


def _is_zero(node: Node) -> bool:
    return isinstance(node, Numeral) and node.value == 0
