"""Symbols: a letter with what stands below, above and behind it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from fractions import Fraction

from ..tree import Mistake
from .cursor import Cursor
from .tokens import SUBSCRIPTS, Token
from .tree import Node, Numeral, Raised, Sum, Superscript, Symbol

_LABEL_LIKE = re.compile(r"[\w()\[\]+*,'†‡-]+")
_LETTER_SUB = re.compile(r"(?P<letter>_*[^_]+)_(?P<sub>\w.*)", re.DOTALL)


def plain_parts(raw: str) -> tuple[str, str]:
    """The letter and the subscript of a plain name: w and 12 of w_12, C and 0j of C_0_j."""
    match = _LETTER_SUB.fullmatch(raw)
    letter, sub = (match["letter"], match["sub"].replace("_", "")) if match else (raw, "")
    digits = len(letter) - len(letter.rstrip("".join(SUBSCRIPTS)))
    if digits and digits < len(letter):
        letter, sub = letter[:-digits], letter[-digits:] + sub
    return letter, "".join(SUBSCRIPTS.get(c, c) for c in sub)


class Scripts(Cursor):
    """Reads symbols."""

    def symbol(self, token: Token) -> Node:
        """A symbol whose token is taken: what stands around it follows."""
        letter, sub = plain_parts(token.raw) if token.raw else (token.text, "")
        if len(letter) == 1 and len(token.raw) > 1:
            letter = unicodedata.normalize("NFC", letter)
        made = Symbol(
            token.span, letter, sub, None, 0, token.brackets, token.label, token.raw, token.bold
        )
        return self.scripted(made, token.start)

    def scripted(self, made: Symbol, start: int) -> Node:
        """The symbol with the subscript, superscript and primes that follow."""
        sub, sup, primes = made.sub, made.sup, made.primes
        has_sub = False
        while True:
            if self.kind == "prime":
                primes += len(self.take().text)
            elif self.kind == "sub":
                token = self.here
                if has_sub or (sub and made.raw and not token.raw):
                    raise Mistake(
                        "a second subscript", token.span, "put both in one: w_{12}, w_{1,12}"
                    )
                sub, has_sub = sub + self.subscript(), True
            elif self.kind == "sup":
                if sup is not None:
                    if self.here.end == self.here.start:  # (2)ᵀ
                        break
                    raise Mistake(
                        "a second superscript",
                        self.here.span,
                        "put one of them in braces or parentheses: {w^{(2)}}^2, (w^(2))^2",
                    )
                sup, more = self.superscript()
                primes += more
            else:
                break
        span = self.span_from(start)
        whole = replace(made, span=span, sub=sub, sup=sup, primes=primes)
        return self.raised(whole, start) if self.kind == "sup" else whole

    def raised(self, base: Node, start: int) -> Node:
        """What stands above something that is no symbol."""
        node = base
        while self.kind == "sup":
            at = self.here
            again = isinstance(node, Raised) and at.end > at.start
            sup, primes = self.superscript()
            if primes or sup is None:
                raise Mistake(
                    "a prime on more than a name",
                    at.span,
                    "write the derivative as a fraction of differentials",
                )
            if again:
                raise Mistake("a second superscript", at.span, "put the power in braces: {x^2}^3")
            node = Raised(self.span_from(start), node, sup)
        return node

    # -- below -----------------------------------------------------------------------------

    def subscript(self) -> str:
        """The text of a subscript, without blanks and braces."""
        token = self.take()
        if token.raw:
            return token.raw
        low, high = self.script_range()
        return self.text_of(low, high, "a subscript").replace("_", "")

    def script_range(self) -> tuple[int, int]:
        """The tokens that stand above or below; the place moves behind them."""
        kind = self.kind
        if kind == "open" and self.here.text != "cases":
            place = self.at
            close = self.cut.partner[place]
            self.at = close + 1
            if self.here_is_group(place):
                if close == place + 1:
                    raise Mistake(
                        "nothing stands in these braces", self.range_span(place, close + 1)
                    )
                return place + 1, close
            return place, close + 1
        if kind in ("name", "number", "prime", "function", "prose"):
            token = self.here
            if self.cut.latex and kind == "number" and len(token.text) > 1:
                raise self._needs_braces(token.text, token)
            self.at += 1
            follows = self.tokens[self.at] if self.at < self.end else None
            joined = follows is not None and follows.start == token.end
            if self.cut.latex and joined and follows is not None and follows.kind == "number":
                raise self._needs_braces(token.text + follows.text, token)
            return self.at - 1, self.at
        if kind == "times" and self.here.text in ("*", "⊙"):
            self.at += 1
            return self.at - 1, self.at
        if kind == "sign" and self.kind_at(self.at + 1) in ("name", "number"):
            raise Mistake(
                "a sign above or below needs braces", self.here.span, "write x^{-1}, a_{l-1}"
            )
        raise self.unexpected("what stands above or below")

    def here_is_group(self, place: int) -> bool:
        """Whether the bracket there is a brace that only holds together."""
        return self.tokens[place].text == ""

    def _needs_braces(self, text: str, token: Token) -> Mistake:
        return Mistake(
            f"only the first character of {text} stands above or below in LaTeX",
            (token.start, token.start + len(text)),
            f"put it in braces: {{{text}}}",
        )

    def text_of(self, low: int, high: int, what: str) -> str:
        """Tokens as they are written above or below, without blanks and braces."""
        parts: list[str] = []
        accent = ""
        for place, token in enumerate(self.tokens[low:high], low):
            if token.kind == "accent":
                accent = token.text
                continue
            if token.kind == "sup" and self._above_is_prime(place + 1):
                continue
            if token.kind in ("open", "close") and token.text in "()[]{}":
                parts.append(token.text)
            elif token.kind in ("name", "function", "number", "prime", "sign", "comma", "times",
                                "sub", "dots", "big", "prose", "indicator", "change"):  # fmt: skip
                part = token.raw if token.kind == "sub" and token.raw else token.text
                parts.append(unicodedata.normalize("NFC", part + accent))
                accent = ""
                parts += [f"[{','.join(token.brackets)}]"] if token.brackets else []
            elif token.kind == "quad":
                continue
            else:
                raise Mistake(
                    f"{what} holds indices and names only, and `"
                    f"{self.cut.text[token.start : token.end][:20]}` is neither",
                    token.span,
                )
        return "".join("".join(part.split()) for part in parts)

    def _above_is_prime(self, place: int) -> bool:
        r"""Whether primes stand here, in braces or not: g^{^{\prime}(L)}."""
        if self.kind_at(place) == "open" and self.here_is_group(place):
            place += 1
        return self.kind_at(place) == "prime"

    # -- above -----------------------------------------------------------------------------

    def superscript(self) -> tuple[Superscript | None, int]:
        """What stands above: a superscript, primes, or both."""
        sign = self.take()
        if not self.cut.latex and self.kind == "sign":
            return self._signed_power(sign), 0
        low, high = self.script_range()
        primes = 0
        while high > low and self.tokens[high - 1].kind == "prime":
            high -= 1
            primes += len(self.tokens[high].text)
        if high == low:
            return None, primes
        span = self.range_span(low, high)
        if not self.cut.latex and high == low + 1 and sign.end > sign.start:
            return self._plain_power(low), primes
        text, node = "", None
        try:
            text = self.text_of(low, high, "a superscript")
        except Mistake:
            text = "".join(self.cut.text[span[0] : span[1]].split())
        try:
            node = self.within(low, high)
        except Mistake:  # a mark such as *, and no expression
            if not _LABEL_LIKE.fullmatch(text):
                raise
        return Superscript(span, text, node), primes

    def _signed_power(self, sign: Token) -> Superscript:
        """x^-1 in plain text."""
        from_ = self.at
        minus = self.take()
        if self.kind not in ("name", "number", "open"):
            raise self.unexpected("a number or a name")
        inner = self.factor_above()
        node = Sum(self.span_from(minus.start), (("-" if minus.text == "-" else "+", inner),))
        text = "".join(self.cut.text[minus.start : self.tokens[self.at - 1].end].split())
        return Superscript(self.range_span(from_, self.at), text.replace("−", "-"), node)

    def _plain_power(self, place: int) -> Superscript:
        """x^a or x^a^b in plain text, where powers bind to the right."""
        self.at = place
        inner = self.factor_above()
        text = "".join(
            self.cut.text[self.tokens[place].start : self.tokens[self.at - 1].end].split()
        )
        return Superscript(self.range_span(place, self.at), text, inner)

    def factor_above(self) -> Node:
        """A number, a name or a bracket in an exponent."""
        self.deeper()
        token = self.here
        node: Node
        if self.kind == "number":
            self.take()
            node = numeral(token)
        elif self.kind == "name":
            self.take()
            node = self.symbol(token)
        else:
            node = self.bracket()
        if self.kind == "sup":
            node = self.raised(node, token.start)
        self.depth -= 1
        return node


def numeral(token: Token) -> Numeral:
    """A number's exact value."""
    return Numeral(token.span, Fraction(token.text))
