"""The tree of a `.bp` text: what was written and where; nothing is looked up yet.

Every part keeps its span, so that a later mistake can be shown with a caret under it. Reading
a file fills in what the names and index letters of a part turn out to be.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

from ..errors import Place, SourceError
from ..expr import ReduceOp, Size
from ..network import Kind, Label

MAX_CHARACTERS = 1_000_000
MAX_EQUATION = 50_000
MAX_NESTING = 200
MAX_DEPTH = 300
"""The deepest tree: what stands in 200 brackets with an operator or two between them."""
MAX_DIGITS = 400
MAX_SIZE = 10**9
MAX_AXES = 16

Span: TypeAlias = tuple[int, int]
"""The offsets of the first character and of the one behind the last."""


class Mistake(Exception):
    """A mistake in a text, before it is known which file the text is from."""

    def __init__(self, message: str, span: Span, suggestion: str = "") -> None:
        super().__init__(message)
        self.message, self.span, self.suggestion = message, span, suggestion


def exact(text: str, span: Span) -> Fraction:
    """A numeral's exact value.

    Raises Mistake for a long one, before it is evaluated, and for one that float64 would lose.
    """
    mantissa, _, exponent = text.lower().partition("e")
    long = len(mantissa) > MAX_DIGITS or len(exponent) > 5
    if long or abs(int(exponent or 0)) > MAX_DIGITS:
        raise Mistake(f"a number of more than {MAX_DIGITS} digits", span, "write a shorter number")
    return not_lost(Fraction(text), text, span)


def not_lost(value: Fraction, text: str, span: Span) -> Fraction:
    """The same number. Raises Mistake for one that is not 0 and would be 0 in float64."""
    if 0 < value < 1 and float(value) == 0:
        raise Mistake(
            f"{text} is too small: numbers begin at about 4.9e-324, and below they would be 0",
            span,
            "write 0 or a larger number",
        )
    return value


@dataclass(frozen=True)
class Source:
    """A text and the name of its file; turns spans into places and mistakes into errors."""

    text: str
    file: str

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in re.finditer("\n", self.text))]

    def place(self, span: Span) -> Place:
        start, end = span
        line = bisect_right(self._line_starts, start)
        first = self._line_starts[line - 1]
        return Place(line, start - first + 1, max(1, end - start))

    def error(self, mistake: Mistake) -> SourceError:
        return SourceError(
            mistake.message,
            file=self.file,
            place=self.place(mistake.span),
            text=self.text,
            suggestion=mistake.suggestion,
        )


# -- how far an index runs ------------------------------------------------------------------


class Extent:
    """How far an index or axis runs; extents that must agree are joined into one."""

    __slots__ = ("_to", "says", "size")

    def __init__(self, size: Size | None, says: str) -> None:
        self.size, self.says = size, says
        self._to: Extent | None = None

    def root(self) -> Extent:
        extent = self
        while extent._to is not None:
            extent = extent._to
        if extent is not self:
            self._to = extent  # keeps later ways short
        return extent

    def join(self, other: Extent) -> bool:
        """Make both the same; False where their sizes differ."""
        one, two = self.root(), other.root()
        if one is two:
            return True
        if one.size is None:
            one, two = two, one
        if two.size is not None and two.size != one.size:
            return False
        two._to = one
        return True


Scope = dict[str, Extent]
"""The index letters in force, and how far each runs."""


# -- the tree ------------------------------------------------------------------------------


@dataclass(slots=True, eq=False, repr=False)
class Name:
    """A name with its layer label; `text` is its one spelling, `a{L-1}`."""

    text: str
    base: str
    label: Label | None
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Position:
    """What stands in a bracket: a letter (or the name of a size), or a whole number."""

    value: int | str
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A part of an expression. depth: how far below it the tree goes."""

    span: Span
    depth: int = field(default=1, init=False)


@dataclass(slots=True, eq=False, repr=False)
class Numeral(Node):
    """A number as it was written."""

    value: Fraction


@dataclass(slots=True, eq=False, repr=False)
class Use(Node):
    """A quantity, a size, or a function's own argument."""

    name: Name
    indices: tuple[Position, ...]
    is_argument: bool = field(default=False, init=False)


@dataclass(slots=True, eq=False, repr=False)
class Call(Node):
    """function: the full name once it is looked up, primes and all."""

    name: Name
    primes: int
    argument: Node
    function: str = field(default="", init=False)


@dataclass(slots=True, eq=False, repr=False)
class Fold(Node):
    """sum, max or argmax over index letters. extents: how far they run, once looked up."""

    op: ReduceOp
    letters: tuple[Position, ...]
    body: Node
    extents: tuple[Extent, ...] = field(default=(), init=False)


@dataclass(slots=True, eq=False, repr=False)
class Kronecker(Node):
    """delta(left,right)."""

    left: Position
    right: Position | Fold


@dataclass(slots=True, eq=False, repr=False)
class Sum(Node):
    """Terms, those that are subtracted under a Minus."""

    terms: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Product(Node):
    """Factors; each but the first is multiplied by (False) or divided by (True)."""

    factors: tuple[tuple[bool, Node], ...]


@dataclass(slots=True, eq=False, repr=False)
class Minus(Node):
    """-operand."""

    operand: Node


@dataclass(slots=True, eq=False, repr=False)
class Raised(Node):
    """base^exponent."""

    base: Node
    exponent: Node


@dataclass(slots=True, eq=False, repr=False)
class Group(Node):
    """Parentheses around more than a name or a call."""

    inner: Node


@dataclass(slots=True, eq=False, repr=False)
class Rows:
    """`[0.1, 0.2]`, or rows of rows."""

    items: tuple[Numeral | Rows, ...]
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class SizeLine:
    """A size, and its number if it has one."""

    name: Name
    value: Fraction | None


@dataclass(slots=True, eq=False, repr=False)
class ItemLine:
    """One declared quantity."""

    kind: Kind
    name: Name
    axes: tuple[Position, ...]
    value: Numeral | Rows | None
    constraint: tuple[Node, Node] | None


@dataclass(slots=True, eq=False, repr=False)
class FunctionLine:
    """A function: its derivative's name, or its parameter and what it is."""

    name: Name
    derivative: Name | None = None
    parameter: Name | None = None
    body: Node | None = None


@dataclass(slots=True, eq=False, repr=False)
class RoleLine:
    """What a quantity is called, and its layer."""

    name: Name
    words: tuple[Name, ...]
    layer: str


@dataclass(slots=True, eq=False, repr=False)
class EquationLine:
    """left = right. loss: whether it is the loss."""

    left: Use
    right: Node
    loss: bool


@dataclass(slots=True, eq=False, repr=False)
class UpdateItemLine:
    """One declared quantity of an update. kind: rate, decay, constant, gradient, …"""

    kind: str
    item: ItemLine


Line: TypeAlias = SizeLine | ItemLine | UpdateItemLine | FunctionLine | RoleLine | EquationLine


def article(kind: str) -> str:
    """`a weight`, `an input`."""
    return f"an {kind}" if kind == "input" else f"a {kind}"
