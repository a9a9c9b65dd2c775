"""The parser: from the `.bp` text to its tree.

The grammar is in `grammar.lark`. Nesting is checked before the parser runs, the tree is made
while it runs (so that nothing recurses), and long numerals are refused, not evaluated.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Literal, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from ..expr import ReduceOp
from ..network import Label
from .slips import explain, explain_character
from .tree import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_EQUATION,
    MAX_NESTING,
    MAX_SIZE,
    Call,
    EquationLine,
    Fold,
    FunctionLine,
    Group,
    ItemLine,
    Kronecker,
    Line,
    Minus,
    Mistake,
    Name,
    Node,
    Numeral,
    Position,
    Product,
    Raised,
    RoleLine,
    Rows,
    SizeLine,
    Source,
    Span,
    Sum,
    UpdateItemLine,
    Use,
    article,
    exact,
    not_lost,
)

# -- from the parser's tokens to the tree --------------------------------------------------


def _span(token: Token) -> Span:
    assert token.start_pos is not None
    assert token.end_pos is not None
    return token.start_pos, token.end_pos


def _fraction(token: Token) -> Fraction:
    return exact(token, _span(token))


def _whole(token: Token) -> int:
    value = _fraction(token)
    if value.denominator != 1 or not token.isdigit():
        raise Mistake(f"an index is a letter or a whole number, not {token}", _span(token))
    return int(value)


_LABEL = re.compile(r"\{\s*(?:([^\W\d]\w*)\s*(?:([-+−])\s*([0-9]{1,9}))?|([0-9]{1,9}))\s*\}")


def _label(token: Token) -> Label:
    match = _LABEL.fullmatch(token)
    if match is None:
        raise Mistake(
            f"{token} is not a layer label",
            _span(token),
            "a label is a number or a symbol plus or minus a number: {2}, {L}, {L-1}",
        )
    symbol, sign, offset, number = match.groups()
    if number:
        return Label("", int(number))
    return Label(symbol, int(offset or 0) * (1 if sign == "+" else -1))


def _plain_name(token: Token) -> Name:
    text = str(token) if token.isascii() else unicodedata.normalize("NFC", token)
    return Name(text, text, None, _span(token))


def _deep(node: Node, *children: Node) -> Node:
    """The node with its depth set; too deep a tree is refused."""
    node.depth = 1 + max(child.depth for child in children)
    if node.depth > MAX_DEPTH:
        raise Mistake(
            f"the expression is nested too deep, {MAX_DEPTH} operations inside each other",
            node.span,
            "give a part of it a name of its own",
        )
    return node


@v_args(inline=True)
class _Tree(Transformer[Token, list[Line]]):
    """Called by the parser as it goes, so that nothing here recurses."""

    @v_args(inline=False)
    def start(self, groups: list[list[Line]]) -> list[Line]:
        return [line for group in groups for line in group]

    update = start

    def sizes(self, *sizes: Line) -> list[Line]:
        return list(sizes)

    def size(self, name: Token, number: Token | None) -> Line:
        if number is None:
            return SizeLine(_plain_name(name), None)
        value = _fraction(number)
        if value.denominator != 1 or not 1 <= value <= MAX_SIZE:
            raise Mistake(f"a size is a whole number from 1 to {MAX_SIZE:,}", _span(number))
        return SizeLine(_plain_name(name), value)

    def declaration(self, kind: Token, *items: ItemLine) -> list[Line]:
        for item in items:
            item.kind = kind.value
            if item.constraint and item.kind != "target":
                raise Mistake(
                    f"only a target can have a constraint, and {item.name.text} is {article(kind)}",
                    item.name.span,
                )
        return list(items)

    def update_declaration(self, kind: Token, *items: ItemLine) -> list[Line]:
        return [UpdateItemLine(kind.value, item) for item in items]

    def item(
        self,
        name: Name,
        axes: tuple[Position, ...] | None,
        value: Numeral | Rows | None,
        constraint: tuple[Node, Node] | None,
    ) -> ItemLine:
        return ItemLine("input", name, axes or (), value, constraint)

    def constraint(self, left: Node, right: Node) -> tuple[Node, Node]:
        return left, right

    def rows(self, *items: Numeral | Rows) -> Rows:
        return Rows(items, (items[0].span[0] - 1, items[-1].span[1] + 1))

    def number(
        self, sign: Token | None, top: Token, over: Token | None = None, low: Token | None = None
    ) -> Numeral:
        value = _fraction(top)
        span = (_span(sign or top)[0], _span(low or top)[1])
        if low is not None:
            divisor = _fraction(low)
            if divisor == 0:
                raise Mistake("a division by zero", span)
            value = not_lost(value / divisor, f"{top}/{low}", span)
        return Numeral(span, -value if sign and sign != "+" else value)

    def functions(self, *functions: Line) -> list[Line]:
        return list(functions)

    def abstract_function(self, name: Name, derivative: Name | None) -> Line:
        return FunctionLine(name, derivative)

    def defined_function(self, name: Name, parameter: Token, body: Node) -> Line:
        return FunctionLine(name, None, _plain_name(parameter), body)

    def roles(self, *roles: Line) -> list[Line]:
        return list(roles)

    def role(self, name: Name, *words: Token | str | None) -> Line:
        *tokens, layer = words
        names = tuple(_plain_name(t) for t in tokens if isinstance(t, Token))
        return RoleLine(name, names, layer or "")

    def layer(self, token: Token) -> str:
        return str(_label(token)) if token.type == "LABEL" else str(_whole(token))

    def equation(self, left: Use, right: Node) -> list[Line]:
        return [EquationLine(left, right, loss=False)]

    def loss(self, left: Use, right: Node) -> list[Line]:
        return [EquationLine(left, right, loss=True)]

    def name(self, token: Token, label: Token | None) -> Name:
        name = _plain_name(token)
        if label is not None:
            name.label = _label(label)
            name.text = f"{name.base}{{{name.label}}}"
            name.span = (name.span[0], _span(label)[1])
        return name

    def axes(self, *positions: Position) -> tuple[Position, ...]:
        return positions

    def index(self, token: Token) -> Position:
        if token.type == "NUMBER":
            return Position(_whole(token), _span(token))
        return _letter(token)

    def use(self, name: Name, indices: tuple[Position, ...] | None) -> Use:
        end = indices[-1].span[1] + 1 if indices else name.span[1]
        return Use((name.span[0], end), name, indices or ())

    def numeral(self, token: Token) -> Node:
        return Numeral(_span(token), _fraction(token))

    def group(self, inner: Node) -> Node:
        if isinstance(inner, Group | Use | Call):
            return inner
        node = Group(inner.span, inner)
        node.depth = inner.depth
        return node

    def call(self, name: Name, primes: Token | None, argument: Node) -> Node:
        return _deep(Call(name.span, name, len(primes or ""), argument), argument)

    def reduce(self, op: Token, *parts: Token | Node) -> Node:
        *letters, body = parts
        assert isinstance(body, Node)
        positions = tuple(_letter(t) for t in letters if isinstance(t, Token))
        word: ReduceOp = op.value  # one of the grammar's three words
        node = _deep(Fold(_span(op), word, positions, body), body)
        node.depth += len(positions) - 1
        return _deep(node, body) if node.depth > MAX_DEPTH else node

    def delta(self, _word: Token, left: Position, right: Position | Fold) -> Node:
        node = Kronecker((_span(_word)[0], right.span[1]), left, right)
        return _deep(node, right) if isinstance(right, Fold) else node

    def sum(self, first: Node, *rest: Token | Node) -> Node:
        terms = [first]
        for sign, term in zip(rest[::2], rest[1::2], strict=True):
            assert isinstance(sign, Token)
            assert isinstance(term, Node)
            terms.append(term if sign == "+" else _deep(Minus(_span(sign), term), term))
        return _deep(Sum(_around(terms), tuple(terms)), *terms)

    def product(self, first: Node, *rest: Token | Node) -> Node:
        factors = [(False, first)]
        for sign, factor in zip(rest[::2], rest[1::2], strict=True):
            assert isinstance(sign, Token)
            assert isinstance(factor, Node)
            factors.append((sign.type == "OVER", factor))
        nodes = [factor for _, factor in factors]
        return _deep(Product(_around(nodes), tuple(factors)), *nodes)

    def minus(self, sign: Token, operand: Node) -> Node:
        return operand if sign == "+" else _deep(Minus(_span(sign), operand), operand)

    def power(self, base: Node, exponent: Node | None) -> Node:
        if exponent is None:
            return base
        return _deep(Raised(_around([base, exponent]), base, exponent), base, exponent)


def _letter(token: Token) -> Position:
    name = _plain_name(token)
    return Position(name.text, name.span)


def _around(nodes: list[Node]) -> Span:
    return nodes[0].span[0], nodes[-1].span[1]


FileKind: TypeAlias = Literal["start", "update"]
"""What a file holds: a network, or an update (an optimizer, a schedule)."""

# -- reading -------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark")
    return Lark(
        grammar.read_text(encoding="utf-8"),
        parser="lalr",
        start=["start", "expression", "update"],
        transformer=_Tree(),
        cache=_cache(grammar),
    )


def _cache(grammar: Path) -> str | bool:
    """Where the parser's tables are kept, beside this file's own compiled form.

    They are made anew for another grammar, Python or lark; what cannot be read or written is
    done without. Reading them takes a tenth of the time that making them takes.
    """
    if sys.implementation.cache_tag is None:
        return False
    tables = Path(cache_from_source(str(grammar))).with_suffix(".tables")
    return str(tables) if tables.exists() or not sys.dont_write_bytecode else False


def lines_of(source: Source, kind: FileKind = "start") -> list[Line]:
    """The statements of a file. Raises Mistake where the text is no `.bp` text."""
    joined = _joined(source.text)
    tree = _parsed(joined + "\n", kind)
    assert isinstance(tree, list)
    return tree


def expression_of(source: Source) -> Node:
    """One expression."""
    tree = _parsed(_joined(source.text), "expression")
    assert isinstance(tree, Node)
    return tree


_FIRST_WORDS: Mapping[str, tuple[str, ...]] = {
    "start": (
        "size", "input", "target", "weight", "bias", "constant", "function", "role", "loss",
    ),
    "update": (
        "size", "rate", "decay", "constant", "gradient", "parameter", "state", "steps", "function",
    ),
}  # fmt: skip
"""The words with which a line of each kind of file may begin."""


def _parsed(text: str, start: str) -> object:
    try:
        return _parser().parse(text, start)
    except UnexpectedToken as error:
        explain(error, text, statements=_FIRST_WORDS.get(start, ()))
    except UnexpectedCharacters as error:
        explain_character(error, text)


_MARK = re.compile(r"#[^\n]*|[][()\n]")
_PAIRS = {")": "(", "]": "["}


def _joined(text: str) -> str:
    """The text, of the same length, with comments and line ends inside brackets blanked.

    Brackets must match and may be nested 200 deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise Mistake(
            f"the text has {len(text):,} characters; more than {MAX_CHARACTERS:,} are not read",
            (0, 1),
        )
    open_: list[tuple[str, int]] = []

    def blanked(match: re.Match[str]) -> str:
        mark = match.group()
        at = match.span()
        if mark[0] == "#":
            return " " * len(mark)
        if mark == "\n":
            return " " if open_ else mark
        if mark in "([":
            open_.append((mark, at[0]))
            if len(open_) > MAX_NESTING:
                raise Mistake(
                    f"the brackets are nested more than {MAX_NESTING} deep",
                    at,
                    "give a part of the expression a name of its own",
                )
        elif not open_:
            raise Mistake(f"this {mark} closes nothing", at, "remove it, or open it before")
        elif open_.pop()[0] != _PAIRS[mark]:
            raise Mistake(f"this {mark} does not fit the bracket that is open", at)
        return mark

    joined = _MARK.sub(blanked, text)
    if open_:
        mark, at = open_[-1]
        raise Mistake(f"this {mark} is never closed", (at, at + 1))
    _refuse_long_equations(joined)
    return joined


_EQUATION = re.compile(r"^(?![ \t]*(?:input|target|weight|bias|constant)\b).+", re.MULTILINE)


def _refuse_long_equations(joined: str) -> None:
    """Declarations may be long, as they can hold values; an equation is there to be read."""
    for match in _EQUATION.finditer(joined):
        start, end = match.span()
        if end - start > MAX_EQUATION:
            raise Mistake(
                f"this line has {end - start:,} characters; more than {MAX_EQUATION:,} in one"
                " equation are not read",
                (start, start + 1),
                "give parts of it names of their own, or write it as a sum over an index",
            )
