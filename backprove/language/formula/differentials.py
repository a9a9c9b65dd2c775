"""Derivatives: fractions of differentials, operators, ∂J/∂w in one line, ∇."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from ..tree import Mistake, Span
from .bigs import Bigs
from .scripts import plain_parts
from .tokens import Token
from .tree import Change, Differential, Node, Product, Quotient, Sign, Sum, Symbol
from .words import word_set

MAX_ABOVE = 32
"""Tokens that may stand between ∂ and / in one line."""

_VARIABLE = re.compile(r"(?P<letter>[^\W\d_]['′]?)(?P<sub>.*)", re.DOTALL)
_ABOVE_KINDS = word_set("name number prime function bar accent fraction root")
SECOND_HINT = "hand in the first derivative, ∂J/∂w, which is judged"


class Differentials(Bigs):
    """Reads derivatives."""

    # -- fractions -------------------------------------------------------------------------

    def quotient(self, top: tuple[int, int], bottom: tuple[int, int], start: int) -> Node:
        """A fraction over two ranges of tokens; the place stands behind it."""
        high, low = top[0], bottom[0]
        if top[0] >= top[1]:
            raise Mistake("the numerator is missing", self._gap(top[0]))
        if bottom[0] >= bottom[1]:
            raise Mistake("the denominator is missing", self._gap(bottom[0]))
        first = self.tokens[high]
        if first.kind == "d" and first.text != "∇":
            if self._kind_in(high + 1, top[1]) == "sup":
                raise Mistake("a second derivative is not read", first.span, SECOND_HINT)
            if self._kind_in(high + 1, top[1]) != "sub":
                if not self._is_d(low, bottom[1]):
                    raise Mistake(
                        f"{first.text} stands above the line and not below",
                        self.tokens[low].span,
                        f"a derivative is written \\frac{{{_sign(first)} J}}{{{_sign(first)} w}}",
                    )
                return self._derivative(top, bottom, start, None)
        elif self._is_letter_d(high, top[1]) and self._is_d(low, bottom[1]):
            return self._derivative(top, bottom, start, first)
        above = self.within(*top)
        below = self.within(*bottom)
        return Quotient(self.span_from(start), above, below)

    def _gap(self, place: int) -> tuple[int, int]:
        at = self.tokens[min(place, len(self.tokens) - 1)].start
        return at, at + 1

    def _kind_in(self, place: int, end: int) -> str:
        return self.tokens[place].kind if place < end else "end"

    def _is_letter_d(self, place: int, end: int) -> bool:
        """Whether the letter d here, without anything at it, can be a differential's."""
        token = self.tokens[place]
        bare = token.kind == "name" and token.text == "d" and not token.bold
        return bare and self._kind_in(place + 1, end) not in ("sub", "sup", "prime")

    def _is_d(self, place: int, end: int) -> bool:
        """Whether a denominator is a differential: ∂w, dw, or d_{w8}."""
        token = self.tokens[place]
        if token.kind == "d" and token.text != "∇":
            return True
        if self._is_letter_d(place, end):
            return place + 1 < end
        return self._is_d_below(place, end)

    def _is_d_below(self, place: int, end: int) -> bool:
        r"""d_{w8}: the subscript is the variable; d_4 is a quantity."""
        token = self.tokens[place]
        if token.kind != "name" or token.text != "d" or self._kind_in(place + 1, end) != "sub":
            return False
        first = place + 2
        if self._kind_in(first, end) == "open":
            whole = self.cut.partner[first] + 1 == end
            return whole and self._kind_in(first + 1, end) == "name"
        return self._kind_in(first, end) == "name" and first + 1 == end

    def _derivative(
        self, top: tuple[int, int], bottom: tuple[int, int], start: int, letter: Token | None
    ) -> Node:
        """The derivative that a fraction is, or the operator with what it is applied to.

        letter: the letter d above, where it may as well be a quantity.
        """
        wrt = self._variable(*bottom)
        sign = self.tokens[top[0]]
        body: Node | None = None
        if top[0] + 1 < top[1]:
            body = self.within(top[0] + 1, top[1])
            if isinstance(body, Sum):
                raise Mistake(
                    "it is not clear how far the differential goes",
                    body.span,
                    "put what is differentiated in parentheses",
                )
        otherwise: Node | None = None
        if letter is not None:
            above = _beside(_letter(letter), body)
            otherwise = Quotient(self.span_from(start), above, self._bottom(bottom[0], wrt))
        if body is None:
            body = self._operand(wrt, self.span_from(start))
            if otherwise is not None:
                otherwise = _beside(otherwise, body)
        return Differential(self.span_from(start), _d(sign), body, wrt, otherwise)

    def _bottom(self, place: int, wrt: Node) -> Node:
        """A denominator as a product with the letter d, or the symbol d_{w8}."""
        token = self.tokens[place]
        if token.kind == "name" and isinstance(wrt, Symbol) and wrt.span[0] > token.end:
            below = self._kind_in(place + 1, len(self.tokens)) == "sub"
            if below:
                return replace(_letter(token), sub=wrt.letter + wrt.sub)
        return _beside(_letter(token), wrt)

    def _variable(self, low: int, high: int) -> Node:
        """What a denominator such as ∂w or d_{w8} differentiates by."""
        token = self.tokens[low]
        if self._kind_in(low + 1, high) == "sup":
            raise Mistake("a second derivative is not read", token.span, SECOND_HINT)
        if token.kind == "name" and self._is_d_below(low, high):
            return self._below_d(low, high)
        if low + 1 >= high:
            raise Mistake("what it is differentiated by is missing", token.span, "write ∂w")
        return self.within(low + 1, high)

    def _below_d(self, low: int, high: int) -> Symbol:
        first, last = low + 2, high
        if self.tokens[first].kind == "open":
            first, last = first + 1, last - 1
        text = self.text_of(first, last, "a subscript").replace("_", "")
        return variable(text, self.range_span(first, last))

    # -- what an operator is applied to ------------------------------------------------------

    def _operand(self, wrt: Node, span: Span) -> Node:
        """A bracket right behind an operator, or all that stands side by side behind it."""
        if not self.begins_factor:
            indexed = isinstance(wrt, Symbol) and wrt.brackets is not None
            raise Mistake(
                "what is differentiated is expected behind this operator",
                span,
                "put a blank before the [ if it holds what is differentiated"
                if indexed
                else "put it in brackets behind it",
            )
        if self.kind == "open" and self.here.text != "cases":
            return self.factor()
        start = self.here.start
        factors: list[tuple[Sign, Node]] = []
        sign: Sign = ""
        while self.begins_factor and not (factors and self.is_derivative_here()):
            factors.append((sign, self.factor()))
            sign = ""
            if self.kind == "times" and self.here.text == "/":
                self.take()
                sign = "/"
                if not self.begins_factor:
                    raise self.unexpected("a factor")
        if len(factors) == 1:
            return factors[0][1]
        return Product(self.span_from(start), tuple(factors))

    def is_derivative_here(self) -> bool:
        """Whether the next factor is a derivative."""
        token = self.here
        if token.kind == "d":
            return True
        opening = self.at + 1 if token.kind == "fraction" else self.at
        if self.kind_at(opening) == "open" and self.tokens[opening].text == "":
            inner = self.tokens[opening + 1]
            over = token.kind == "fraction" or opening in self.cut.over
            return over and (inner.kind == "d" or (inner.kind == "name" and inner.text == "d"))
        return token.kind == "name" and self.slash_of(token) >= 0

    # -- in one line -----------------------------------------------------------------------

    def slash_of(self, token: Token) -> int:
        """Where the / of dJ/dw stands if the name here begins it; else -1."""
        name = token.raw or token.text
        if name[0] != "d" or (token.brackets and name == "d") or token.bold:
            return -1
        if self.cut.latex and name != "d":
            return -1
        if name == "d" and self.kind_at(self.at + 1) in ("sub", "sup", "prime"):
            return -1
        slash = self._slash(self.at + 1)
        if slash < 0 or not self._divisor_is_d(slash + 1):
            return -1
        return slash

    def _divisor_is_d(self, place: int) -> bool:
        """Whether ∂ or a name with d in front stands behind a slash."""
        kind = self.kind_at(place)
        if kind == "d":
            return self.tokens[place].text != "∇"
        if kind != "name":
            return False
        token = self.tokens[place]
        name = token.raw or token.text
        if name == "d":
            follows = self.kind_at(place + 1)
            if follows == "sub":
                return self._is_d_below(place, self._end_of_name(place))
            return follows in ("name", "open")
        if self.cut.latex or name[0] != "d":
            return False
        return not name.startswith("d_") or not name[2].isdigit()

    def _end_of_name(self, place: int) -> int:
        """Behind the subscript of the name at a place."""
        after = place + 2
        opens = self.kind_at(after) == "open"
        return min(self.cut.partner[after] if opens else after, self.end - 1) + 1

    def _slash(self, place: int) -> int:
        """The next / with only factors side by side before it; -1 where there is none."""
        at = place
        for _ in range(MAX_ABOVE):
            kind = self.kind_at(at)
            if kind == "times":
                return at if self.tokens[at].text == "/" else -1
            if kind == "open":
                at = self.cut.partner[at] + 1
            elif kind in ("sub", "sup") and self.kind_at(at + 1) == "sign":
                at += 2
            elif kind in ("sub", "sup") or kind in _ABOVE_KINDS:
                at += 1
            else:
                return -1
        return -1

    def partial(self) -> Node:
        """What begins with ∂, an upright d, or ∇."""
        token = self.take()
        if token.text == "∇":
            return self._gradient(token)
        if self.kind == "sub":
            return self._partial_below(token)
        if self.kind == "sup":
            raise Mistake("a second derivative is not read", token.span, SECOND_HINT)
        slash = self._slash(self.at)
        if slash >= 0 and self._divisor_is_d(slash + 1):
            return self._in_line(token, slash, None)
        if not self.cut.latex and self.kind == "name" and self.here.start == token.end:
            name = self.take()  # ∂z2[k], an adjoint by the file's name
            raw = token.text + (name.raw or name.text)
            whole = name._replace(start=token.start, raw=raw, text=raw)
            made = Symbol(whole.span, raw, "", None, 0, name.brackets, name.label, raw, False)
            return self.scripted(made, token.start)
        if token.text == "d":  # an upright d before a name, dW
            return _letter(token)
        raise Mistake(
            f"what this {token.text} is divided by is expected",
            token.span,
            "write ∂J/∂w" if not self.cut.latex else r"write \frac{\partial J}{\partial w}",
        )

    def letter_d(self, token: Token) -> Node | None:
        """dJ/dw, where the name just taken begins it."""
        self.at -= 1
        slash = self.slash_of(token)
        self.at += 1
        return None if slash < 0 else self._in_line(token, slash, token)

    def _in_line(self, token: Token, slash: int, letter: Token | None) -> Node:
        """∂J/∂w, dJ/dw, ∂/∂w [J]; the sign, or the name that begins with it, is taken."""
        start = token.start
        body: Node | None = None
        before = self.end
        self.end = slash
        name = token.raw or token.text
        if letter is not None and name != "d":
            cut = 2 if name.startswith("d_") else 1
            short = token._replace(start=start + cut, raw=token.raw[cut:], text=token.raw[cut:])
            body = self._side_by_side(self.symbol(short))
        elif self.at < slash:
            body = self._side_by_side(None)
        self.end = before
        if self.at != slash:
            raise self.unexpected("/")
        self.take()
        wrt, below = self._divisor()
        above = None if letter is None else _whole(letter, body)
        behind: tuple[tuple[Sign, Node], ...] = ()
        if body is None:
            body = self._operand(wrt, self.span_from(start))
            behind = body.factors if isinstance(body, Product) else (("", body),)
        otherwise: Node | None = None
        if above is not None:
            otherwise = Product(self.span_from(start), (("", above), ("/", below), *behind))
        return Differential(self.span_from(start), _d(token), body, wrt, otherwise)

    def _side_by_side(self, first: Node | None) -> Node:
        start = self.here.start if first is None else first.span[0]
        factors: list[tuple[Sign, Node]] = [] if first is None else [("", first)]
        while self.begins_factor:
            factors.append(("", self.factor()))
        if len(factors) == 1:
            return factors[0][1]
        if not factors:
            raise self.unexpected("what is differentiated")
        return Product(self.span_from(start), tuple(factors))

    def _divisor(self) -> tuple[Node, Node]:
        """What stands behind the slash: the variable, and the same as it is written."""
        place = self.at
        token = self.take()
        if token.kind == "d":
            if self.kind == "sup":
                raise Mistake("a second derivative is not read", token.span, SECOND_HINT)
            wrt = self._one(token)
            return wrt, wrt
        name = token.raw or token.text
        if name == "d" and self.kind == "sub":
            end = self._end_of_name(place)
            wrt = self._below_d(place, end)
            self.at = end
            return wrt, replace(_letter(token), sub=wrt.letter + wrt.sub)
        if name == "d":
            wrt = self._one(token)
            return wrt, _beside(_letter(token), wrt)
        if name.startswith("d_"):
            made = variable(name[2:], (token.start + 2, token.end))
            wrt = self.scripted(made, token.start + 2)
        else:
            short = token._replace(start=token.start + 1, raw=token.raw[1:], text=token.raw[1:])
            wrt = self.symbol(short)
        return wrt, _whole(token, wrt)

    def _one(self, token: Token) -> Node:
        """The variable behind ∂: a name or a bracket."""
        if self.kind == "name":
            return self.symbol(self.take())
        if self.kind == "open":
            return self.bracket()
        if self.begins_factor:
            return self.factor()
        raise self.unexpected(f"what stands behind {token.text}")

    # -- ∇, ∂_w, Δ -------------------------------------------------------------------------

    def _gradient(self, token: Token) -> Node:
        if self.kind != "sub":
            raise Mistake(
                "with respect to what this ∇ is taken is expected below it",
                token.span,
                r"write \nabla_W J" if self.cut.latex else "write ∇_W J",
            )
        return self._partial_below(token)

    def _partial_below(self, token: Token) -> Node:
        """∇_W J, ∂_w J: what is below is the variable, one factor is the body."""
        sub = self.take()
        if sub.raw:
            wrt: Node = variable(sub.raw, (sub.start + 1, sub.end))
        else:
            wrt = self.within(*self.script_range())
        if not self.begins_factor:
            raise self.unexpected("what is differentiated")
        body = self.factor()
        if isinstance(body, Symbol) and self.kind == "open" and self.here.text == "(":
            inner = self.factor()
            body = Product((body.span[0], inner.span[1]), (("", body), ("", inner)))
        return Differential(self.span_from(token.start), _d(token), body, wrt)

    def change(self) -> Node:
        """Δw; a Δ alone is a letter."""
        token = self.take()
        if self.kind in ("name", "accent") or (self.kind == "open" and self.here.text in ("(", "")):
            of = self.factor()
            return Change(self.span_from(token.start), of)
        return self.scripted(_letter(token), token.start)


def variable(text: str, span: tuple[int, int]) -> Symbol:
    """The symbol that a subscript names: w with 8 below, of w8."""
    match = _VARIABLE.fullmatch(text)
    if match is None:
        raise Mistake(f"`{text[:40]}` is no variable", span, "write it as ∂/∂w")
    return Symbol(span, match["letter"], match["sub"])


def _d(token: Token) -> Literal["∂", "d", "∇"]:
    """The sign of a derivative; a name that begins with d stands for d."""
    return "∂" if token.text == "∂" else "∇" if token.text == "∇" else "d"


def _letter(token: Token) -> Symbol:
    return Symbol(token.span, token.text, raw=token.raw)


def _beside(first: Node, second: Node | None) -> Node:
    """Two factors side by side; the second may be a product itself."""
    if second is None:
        return first
    factors: tuple[tuple[Sign, Node], ...] = (("", second),)
    if isinstance(second, Product):
        factors = second.factors
    return Product((first.span[0], second.span[1]), (("", first), *factors))


def _whole(token: Token, inner: Node | None) -> Node:
    """dw_8 as one name: the name that is left without its d, with the d again."""
    if token.text == "d" or inner is None:
        return _beside(_letter(token), inner)
    first = inner.factors[0][1] if isinstance(inner, Product) else inner
    if not isinstance(first, Symbol):
        return _beside(_letter(token), inner)
    letter, sub = plain_parts(token.raw)
    whole = replace(first, span=(token.start, first.span[1]), letter=letter, sub=sub, raw=token.raw)
    if isinstance(inner, Product):
        return Product((token.start, inner.span[1]), (("", whole), *inner.factors[1:]))
    return whole


def _sign(token: Token) -> str:
    return r"\partial" if token.text == "∂" else token.text
