"""The parser: tokens to the tree of a formula."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, cast

from ..tree import Mistake
from .cursor import Cut
from .differentials import Differentials
from .names import is_called
from .scripts import numeral
from .tokens import Token, shown
from .tree import (
    Bracketed,
    Call,
    Cases,
    Component,
    Differential,
    Dots,
    Group,
    Listed,
    Node,
    Numeral,
    Opening,
    Product,
    Raised,
    Relation,
    Root,
    Sign,
    Sum,
    Superscript,
    Symbol,
)
from .words import OTHERWISE

DEEPEST = 12_000
"""Calls inside each other for a formula of the greatest depth."""

_FUNCTION_LETTERS = frozenset("σφϕψρ")


def parse(cut: Cut) -> Node:
    """The expression that tokens hold. Raises Mistake where they hold none, or more."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEPEST))
    try:
        return Parser(cut).within(0, len(cut.tokens))
    finally:
        sys.setrecursionlimit(before)


def parse_condition(cut: Cut) -> Relation:
    """The condition that tokens hold: i ≠ j. Raises Mistake where they hold none."""
    return Parser(cut).condition(0, len(cut.tokens))


class Parser(Differentials):
    """Sums, products, factors."""

    # -- sums and products -----------------------------------------------------------------

    def expression(self) -> Node:
        start = self.here.start if self.at < self.end else 0
        terms = [self._term()]
        while self.kind == "sign":
            terms.append(self._term())
        if len(terms) == 1 and terms[0][0] == "+":
            return terms[0][1]
        return Sum(self.span_from(start), tuple(terms))

    def _term(self) -> tuple[Literal["+", "-"], Node]:
        """A term with the sign before it."""
        negative = self.kind == "sign" and self.take().text == "-"
        return ("-" if negative else "+"), self.signed(self.product)

    def signed(self, read: Callable[[], Node]) -> Node:
        """What stands here with any signs before it."""
        start = self.here.start if self.at < self.end else 0
        negative = False
        while self.kind == "sign":
            negative ^= self.take().text == "-"
        node = read()
        return Sum(self.span_from(start), (("-", node),)) if negative else node

    def product(self) -> Node:
        if not self.begins_factor:
            raise self.unexpected("a factor")
        start = self.here.start
        factors: list[tuple[Sign, Node]] = [("", self.factor())]
        while True:
            if self.kind == "times":
                sign = self.take().text
                factors.append((cast(Sign, sign), self.signed(self.factor)))
            elif self.kind == "quad":
                self.take()
            elif self.kind == "bar" and self._is_evaluation():
                factors[-1] = (factors[-1][0], self._evaluated(factors[-1][1]))
            elif self.begins_factor:
                before = factors[-1][1]
                node = self.factor()
                if isinstance(before, Numeral) and isinstance(node, Numeral):
                    raise Mistake(
                        "two numbers side by side",
                        (before.span[0], node.span[1]),
                        "write the sign of the product between them",
                    )
                factors.append(("", node))
            else:
                break
        if len(factors) == 1:
            return factors[0][1]
        return Product(self.span_from(start), tuple(factors))

    def factor(self) -> Node:
        self.deeper()
        start = self.here.start if self.at < self.end else 0
        node = self._operand_here()
        if isinstance(node, Group) and node.open == "{" and self.kind in ("sub", "prime", "sup"):
            node = self._held(node, start)
        if self.kind == "sup" and not isinstance(node, Differential):
            node = self.raised(node, start)
        if self.kind in ("sub", "prime"):
            node = self._below_bracket(node)
        self.depth -= 1
        return node

    def _held(self, node: Group, start: int) -> Node:
        """{w}_{12}^{(2)}: braces around a symbol do not hold its subscript or layer off."""
        inner = node.inner
        if not isinstance(inner, Symbol):
            return node
        layer = (
            self.kind == "sup"
            and inner.sup is None
            and self.kind_at(self.at + 1) == "open"
            and self.kind_at(self.at + 2) == "open"
        )
        below = self.kind == "sub" and not inner.sub
        if layer or below or self.kind == "prime":
            return self.scripted(inner, start)
        return node

    def _below_bracket(self, node: Node) -> Node:
        token = self.here
        norm = isinstance(node, Group | Raised) and "‖" in (
            node.open if isinstance(node, Group) else getattr(node.base, "open", "")
        )
        if norm and token.kind == "sub":
            if self.subscript() not in ("2", "F"):
                raise Mistake(
                    "only the norm with 2 or F below is read", token.span, "write it as a sum"
                )
            return self.raised(node, node.span[0])
        if token.kind == "prime" and isinstance(node, Group) and node.open in "([":
            variables = [] if isinstance(node.inner, Symbol) else _variables(node.inner)
            if len(variables) == 1 and self.take().text in ("'", "′"):
                return Differential(self.span_from(node.span[0]), "d", node, variables[0])
            self.at -= len(variables) == 1
        if token.kind == "prime":
            raise Mistake(
                "a prime on more than a name",
                token.span,
                "write the derivative as a fraction of differentials",
            )
        if isinstance(node, Group | Call) or (isinstance(node, Raised) and not norm):
            below = self.subscript()
            made = Component(self.span_from(node.span[0]), node, below)
            return self.raised(made, node.span[0]) if self.kind == "sup" else made
        raise Mistake(
            "a subscript on more than a name",
            token.span,
            "write the component as a sum over an index, or give what is in brackets a name",
        )

    # -- factors ---------------------------------------------------------------------------

    def _operand_here(self) -> Node:
        match self.kind:
            case "number":
                return self._number()
            case "name":
                return self._name()
            case "open":
                return self.bracket()
            case "bar":
                return self._bars()
            case "fraction":
                return self._fraction()
            case "root":
                return self._root()
            case "function":
                return self._function()
            case "big":
                return self.big()
            case "d":
                return self.partial()
            case "change":
                return self.change()
            case "accent":
                return self._accent()
            case "indicator":
                return self._indicator()
            case "wrapper":
                return self._wrapper()
            case "dots":
                return Dots(self.take().span)
            case _:
                raise self.unexpected("a factor")

    def _number(self) -> Node:
        token = self.take()
        one_if = token.text == "1" and self.kind == "sub"
        if one_if or (token.text == "1" and self.kind == "open" and self.here.text == "{"):
            return self._one_if(token) or numeral(token)
        if self.kind == "sub":
            raise Mistake("a number has no subscript", self.here.span, "write a product sign")
        return numeral(token)

    def _name(self) -> Node:
        token = self.take()
        if token.text == "I" and self.kind == "open" and self.holds_condition(self.at):
            return self.bracketed(self.at, token.start)
        name = token.raw or token.text
        if name[0] == "d" and (made := self.letter_d(token)) is not None:
            return made
        called = name == "delta" and not self.cut.latex and self.kind == "open"
        if called and self._listed(self.at) == "comma":
            return self._delta(token)
        return self.symbol(token)

    def _delta(self, token: Token) -> Node:
        """delta(i,j) of the plain language."""
        opening = self.at
        closing = self.cut.partner[opening]
        commas = [p for p in self.cut.level(opening + 1, closing) if self.tokens[p].kind == "comma"]
        if len(commas) != 1:
            raise Mistake("delta has two indices", token.span, "write delta(i,j)")
        left = self.within(opening + 1, commas[0])
        right = self.within(commas[0] + 1, closing)
        self.at = closing + 1
        span = self.span_from(token.start)
        return Bracketed(span, Relation((left.span[0], right.span[1]), left, "=", right))

    def bracket(self) -> Node:
        opening = self.at
        token = self.here
        closing = self.cut.partner[opening]
        if closing >= self.end:
            raise self.unexpected("a factor")
        if token.text == "cases":
            return self._cases(opening)
        if token.text == "":
            return self._braces(opening)
        if token.text == ".":
            return self._bare_left(opening)
        if token.text in "([{" and self.holds_condition(opening):
            return self.bracketed(opening, token.start)
        inner = self._inside(opening)
        self.at = closing + 1
        if token.text == "{" and isinstance(inner, Cases):
            return inner
        return Group(self.span_from(token.start), cast(Opening, token.text), inner)

    def _inside(self, opening: int) -> Node:
        """What stands in a bracket: one thing, or several with commas between."""
        closing = self.cut.partner[opening]
        low = opening + 1
        if low == closing:
            raise Mistake(
                f"nothing stands in {shown(self.tokens[opening], True)}"
                f"{shown(self.tokens[closing], False)}",
                self.range_span(opening, closing + 1),
                "remove it, or write what belongs there",
            )
        cuts = [
            p for p in self.cut.level(low, closing) if self.tokens[p].kind in ("comma", "semicolon")
        ]
        if not cuts:
            return self.within(low, closing)
        bounds = zip([low, *(c + 1 for c in cuts)], [*cuts, closing], strict=True)
        items = tuple(self.within(*bound) for bound in bounds)
        return Listed(self.range_span(low, closing), items)

    def _braces(self, opening: int) -> Node:
        """Braces that hold together only, or {a \\over b}."""
        closing = self.cut.partner[opening]
        start = self.here.start
        over = self.cut.over.get(opening)
        if over is not None:
            self.at = closing + 1
            return self.quotient((opening + 1, over), (over + 1, closing), start)
        inner = self._inside(opening)
        self.at = closing + 1
        if self.kind in ("sup", "sub", "prime"):
            return Group(self.span_from(start), "{", inner)
        return inner

    def _bare_left(self, opening: int) -> Node:
        r"""\left. … \right| and what stands below it."""
        closing = self.cut.partner[opening]
        inner = self._inside(opening)
        self.at = closing + 1
        close = self.tokens[closing]
        if close.text == "|":
            return self._direct(inner, close)
        if close.text != ".":
            raise Mistake(
                f"this {shown(close, False)} closes nothing",
                close.span,
                r"open it with \left instead of \left.",
            )
        return inner

    # -- bars ------------------------------------------------------------------------------

    def _bars(self) -> Node:
        token = self.take()
        self.bars.append(token.text)
        inner = self.expression()
        self.bars.pop()
        if self.kind != "bar" or self.here.text != token.text:
            if self.kind in ("end", "close"):
                raise Mistake(f"this {token.text} is never closed", token.span, "close it")
            raise self.unexpected(f"a closing {token.text}")
        self.take()
        return Group(self.span_from(token.start), cast(Opening, token.text), inner)

    def _is_evaluation(self) -> bool:
        """Whether a bar here says where something is evaluated, and closes nothing."""
        if self.bars and self.bars[-1] == self.here.text:
            return False
        follows = self.kind_at(self.at + 1)
        direct = follows == "name" and self.tokens[self.at + 1].text == "direct"
        return follows == "sub" or direct

    def _evaluated(self, node: Node) -> Node:
        return self._direct(node, self.take())

    def _direct(self, node: Node, bar: Token) -> Node:
        """The derivative that follows no other path: ∂J/∂a|direct."""
        held = node.inner if isinstance(node, Group) else node
        if not self._says_direct():
            raise Mistake(
                "a bar that says where something is evaluated is not read",
                bar.span,
                "write the value in; |direct marks a derivative that follows no other path",
            )
        if not isinstance(held, Differential):
            raise Mistake("|direct stands behind a derivative", bar.span, "put it behind ∂J/∂a")
        return replace(held, direct=True)

    def _says_direct(self) -> bool:
        """Whether the word behind or below a bar is "direct"; the place moves behind it."""
        if self.kind == "name":
            return self.take().text == "direct"
        if self.kind != "sub":
            return False
        sub = self.take()
        if sub.raw:
            return sub.raw == "direct"
        low, high = self.script_range()
        return "".join(token.text for token in self.tokens[low:high]) == "direct"

    # -- fractions, roots, functions -------------------------------------------------------

    def _fraction(self) -> Node:
        token = self.take()
        top = self._argument("the numerator")
        bottom = self._argument("the denominator")
        return self.quotient(top, bottom, token.start)

    def _argument(self, what: str) -> tuple[int, int]:
        """The tokens of one argument of a command, in braces or a single one."""
        if self.kind == "open" and self.here.text == "":
            low, high = self.at + 1, self.cut.partner[self.at]
            self.at = high + 1
            if self.cut.over.get(low - 1) is not None:
                return low - 1, high + 1
            return low, high
        if self.kind in ("name", "number", "d"):
            self.take()
            return self.at - 1, self.at
        raise self.unexpected(what)

    def _root(self) -> Node:
        token = self.take()
        if self.cut.latex and token.end - token.start > 1:
            if self.kind == "open" and self.here.text == "[":
                raise Mistake("only square roots are read", self.here.span, "write it as a power")
            low, high = self._argument("what the root is of")
            return Root(self.span_from(token.start), self.within(low, high))
        if not self.begins_factor:
            raise self.unexpected("what the root is of")
        if self.kind == "open":
            inner = self.bracket()
            inner = inner.inner if isinstance(inner, Group) and inner.open == "(" else inner
        else:
            inner = self.factor()
        return Root(self.span_from(token.start), inner)

    def _function(self) -> Node:
        token = self.take()
        name = Symbol(token.span, token.text, raw=token.raw)
        function = self.scripted(name, token.start)
        power: Raised | None = None
        if isinstance(function, Raised):
            power, function = function, function.base
        assert isinstance(function, Symbol)
        if power is not None:
            raise Mistake("a second superscript", power.sup.span, "put parentheses around the call")
        if self.kind == "open" and self.here.text != "cases":
            argument = self.bracket()
            if isinstance(argument, Group) and argument.open in "([{":
                argument = argument.inner
        elif self.begins_factor:
            argument = self._bare_argument(function)
        else:
            return function
        return Call(self.span_from(token.start), function, argument)

    def _bare_argument(self, function: Symbol) -> Node:
        """The argument of a function that stands without parentheses: one factor, or 2x."""
        start = self.here.start
        node = self.factor()
        twice = isinstance(node, Numeral) and self.kind == "name"
        called = isinstance(node, Symbol) and self.kind == "open" and _is_function(node)
        if twice or called:
            second = self.factor()
            node = Product(self.span_from(start), (("", node), ("", second)))
        if self.begins_factor and self.kind not in ("function", "big", "dots"):
            raise Mistake(
                f"it is not clear where the argument of {function.letter} ends",
                (start, max(self.here.end, start + 1)),
                "put it in parentheses",
            )
        return node

    def _accent(self) -> Node:
        """A letter with an accent: ŷ."""
        token = self.take()
        low, high = self._argument("the letter under the accent")
        node = self.within(low, high)
        if not isinstance(node, Symbol):
            raise Mistake(
                "an accent stands on one letter", token.span, "put it on the letter alone"
            )
        letter = unicodedata.normalize("NFC", node.letter + token.text)
        return self.scripted(replace(node, letter=letter, span=self.span_from(token.start)),
                             token.start)  # fmt: skip

    def _wrapper(self) -> Node:
        r"""\underbrace{x}_{remark}"""
        self.take()
        low, high = self._argument("what stands in the brace")
        node = self.within(low, high)
        while self.kind in ("sub", "sup"):
            self.take()
            self.script_range()
        return node

    def _indicator(self) -> Node:
        token = self.take()
        return self._one_if(token) or self.scripted(Symbol(token.span, "𝟏"), token.start)

    def _one_if(self, token: Token) -> Node | None:
        """1 where a condition holds: behind it in a bracket, or below it."""
        opening = self.at + 1 if self.kind == "sub" else self.at
        if self.kind_at(opening) == "open" and not (self.kind == "sub" and self.here.raw):
            inner = opening + 1
            double = self.here_is_visible(inner, self.cut.partner[opening])
            if self.holds_condition(opening) or (double and self.holds_condition(inner)):
                return self.bracketed(opening, token.start)
        return None

    # -- cases -----------------------------------------------------------------------------

    def _cases(self, opening: int) -> Node:
        closing = self.cut.partner[opening]
        start = self.here.start
        rows: list[tuple[Node, Relation | None]] = []
        low = opening + 1
        for place in [*self.cut.level(low, closing), closing]:
            if place == closing or self.tokens[place].kind == "row":
                if place > low:
                    rows.append(self._case(low, place))
                low = place + 1
        self.at = closing + 1
        if not rows:
            raise Mistake("no case stands here", self.range_span(opening, closing + 1))
        open_ended = [place for place, row in enumerate(rows) if row[1] is None]
        if open_ended and open_ended != [len(rows) - 1]:
            raise Mistake(
                "a case without a condition stands before others",
                rows[open_ended[0]][0].span,
                "write the condition behind &, and `otherwise` in the last case only",
            )
        return Cases(self.span_from(start), tuple(rows))

    def _case(self, low: int, high: int) -> tuple[Node, Relation | None]:
        """A value and its condition, behind & or a comma."""
        places = list(self.cut.level(low, high))
        split = next((p for p in places if self.tokens[p].kind == "align"), -1)
        if split < 0:
            split = next(
                (p for p in places if self.tokens[p].kind in ("comma", "prose", "quad")), high
            )
        value = self.within(*self._trimmed(low, split))
        rest = range(split, high)
        words = " ".join(self.tokens[p].text for p in rest if self.tokens[p].kind == "prose")
        first, last = self._trimmed(split, high)
        if first >= last:
            if not words and split < high - 1:
                raise Mistake("a condition is expected here", self.range_span(split, high))
            return value, None
        if any(word.strip(" .,") in OTHERWISE for word in words.lower().split()):
            raise Mistake(
                "`otherwise` and a condition in the same case", self.range_span(first, last)
            )
        return value, self.condition(first, last)

    def _trimmed(self, low: int, high: int) -> tuple[int, int]:
        """A range without the signs and words at its ends that are no formula."""
        idle = ("comma", "align", "quad", "prose", "semicolon")
        while low < high and self.tokens[low].kind in idle:
            low += 1
        while high > low and (
            self.tokens[high - 1].kind in idle or self.tokens[high - 1].text == "."
        ):
            high -= 1
        return low, high


def _variables(node: Node) -> list[Symbol]:
    """The symbols under a node that are no functions, each once."""
    found: dict[tuple[object, ...], Symbol] = {}
    waiting: list[object] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call):
            part = part.argument
        if isinstance(part, Symbol):
            if part.letter == "e" and part.sup is not None:
                waiting.append(part.sup.node)
            elif not _is_function(part):
                above = part.sup.text if part.sup and not part.sup.text.isdigit() else ""
                found.setdefault(
                    (part.letter, part.sub, above), replace(part, sup=None) if not above else part
                )
        elif isinstance(part, Node):
            waiting += [getattr(part, name) for name in part.__dataclass_fields__]
        elif isinstance(part, Superscript):
            waiting.append(part.node)
        elif isinstance(part, tuple):
            waiting += part
    return list(found.values())


def _is_function(symbol: Symbol) -> bool:
    return symbol.letter in _FUNCTION_LETTERS or symbol.primes > 0 or is_called(symbol.letter)


__all__ = ["Parser", "parse", "parse_condition"]
