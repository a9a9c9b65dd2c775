"""The tree of a formula as a person wrote it: what stands where; nothing is looked up yet.

LaTeX and plain text make the same tree. What a letter means depends on the network and the
notation, so the tree keeps both ways open where the text does: a symbol followed by a
parenthesis may be a call or a product, a superscript a layer or a power.

Spans are offsets into the whole text, so that a mistake can be shown with a caret under it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from ..tree import Span


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula."""

    span: Span


@dataclass(frozen=True, slots=True)
class Numeral(Node):
    """A number that is not negative: 2, 0.5, ½."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Superscript:
    """What stands above: `text` without blanks, (2) or L or l+1 or T; `node`: the same as an
    expression, None where it is none."""

    span: Span
    text: str
    node: Node | None


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """One name with what stands around it.

    letter: one letter (`σ`, `ŷ`) or a word (`net`, `w2`). sub: what stands below, without
    blanks and braces: `12`, `jk`, `j,k`, `0j`, `L-1`, `out`. sup: what stands above, None for
    nothing. primes: how many. brackets: what stands in [ ] behind a plain name, its parts:
    ("1", "k"); None for none. label: a plain name's layer, `L-1` of `a{L-1}`. raw: a plain
    name as written, `w_o` or `C_0j`, "" in LaTeX. bold: whether it was set bold.
    """

    letter: str
    sub: str = ""
    sup: Superscript | None = None
    primes: int = 0
    brackets: tuple[str, ...] | None = None
    label: str = ""
    raw: str = ""
    bold: bool = False


Sign: TypeAlias = Literal["", "·", "×", ".", "*", "⊙", "/", "⊘", "⊗"]
"""What stands before a factor: nothing (side by side), a product's sign, or a division's."""

Opening: TypeAlias = Literal["(", "[", "{", "|", "‖"]
RelationSign: TypeAlias = Literal["=", "≠", "<", ">", "≤", "≥", "∈"]
BigOp: TypeAlias = Literal["sum", "prod", "max", "argmax"]


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """Terms, each with the sign before it (+ or -); one term with a - before it is a Sum."""

    terms: tuple[tuple[Literal["+", "-"], Node], ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """Factors, each with what stands before it; the first has ""."""

    factors: tuple[tuple[Sign, Node], ...]


@dataclass(frozen=True, slots=True)
class Quotient(Node):
    r"""\frac{a}{b} or {a \over b}."""

    top: Node
    bottom: Node


@dataclass(frozen=True, slots=True)
class Group(Node):
    """Something in ( ), [ ], {}, | | or ‖ ‖; braces of LaTeX that only hold together are
    Groups only where a script follows: {h}^2."""

    open: Opening
    inner: Node


@dataclass(frozen=True, slots=True)
class Component(Node):
    """What stands in a bracket with indices below it: (W^T δ)_j; sub as in `Symbol`."""

    of: Node
    sub: str


@dataclass(frozen=True, slots=True)
class Raised(Node):
    """A superscript on anything but a symbol: (a - y)^2, {h_1^{(3)}}^2, (W)^T, 2^3."""

    base: Node
    sup: Superscript


@dataclass(frozen=True, slots=True)
class Call(Node):
    r"""A function by a word that can be nothing else, \log o_k or \tanh(z): its argument may
    stand without parentheses. Any other call is a Symbol with a Group beside it."""

    function: Symbol
    argument: Node


@dataclass(frozen=True, slots=True)
class Root(Node):
    inner: Node


@dataclass(frozen=True, slots=True)
class Relation(Node):
    """A condition: left and right of one of = ≠ < > ≤ ≥ ∈."""

    left: Node
    sign: RelationSign
    right: Node


@dataclass(frozen=True, slots=True)
class Big(Node):
    r"""A sum, product, maximum or argmax over index letters.

    letters: each with its span; none where all components are summed. lower, upper: None where
    nothing says. conditions: what else stands below, such as k ≠ j. body: what it goes over: all
    that is multiplied, up to a + or -.
    """

    op: BigOp
    letters: tuple[tuple[str, Span], ...]
    lower: Node | None
    upper: Node | None
    conditions: tuple[Relation, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Differential(Node):
    r"""∂body/∂wrt, or the operator ∂/∂wrt with the body it is applied to; ∇_W J.

    otherwise: the same as a quotient, where the letter d might be a quantity (d_4/d_5), and
    None where the sign is ∂. direct: whether a bar with "direct" stands behind it.
    """

    d: Literal["∂", "d", "∇"]
    body: Node
    wrt: Node
    otherwise: Node | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Change(Node):
    r"""Δw: the change of w in one update."""

    of: Node


@dataclass(frozen=True, slots=True)
class Bracketed(Node):
    r"""An Iverson bracket: 1 where the condition holds, else 0. [z > 0], \mathbb{1}\{i = j\},
    delta(i,j) of the plain language."""

    condition: Relation


@dataclass(frozen=True, slots=True)
class Cases(Node):
    r"""\begin{cases}: values with their conditions, None for "otherwise"."""

    rows: tuple[tuple[Node, Relation | None], ...]


@dataclass(frozen=True, slots=True)
class Dots(Node):
    """… among the terms of a sum or the factors of a product."""


@dataclass(frozen=True, slots=True)
class Listed(Node):
    r"""Several things in one bracket: what stands in J(W, b) or f(x; w)."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class FormulaLine:
    """One right side with what it is set equal to.

    number: from 1, counting right sides in order, so that a chain A = B = C has two. left:
    the left side, None where the line goes on from the one above. span: of the whole line.
    let: whether a word such as "let" or "where" stands before it. prose: whether the line
    is words that could not be read as a formula (then `right` is None). condition: where it is
    claimed, None for everywhere.
    """

    number: int
    span: Span
    left: Node | None
    right: Node | None
    let: bool = False
    prose: bool = False
    condition: Relation | None = None


@dataclass(frozen=True, slots=True)
class Formulas:
    """A text and the lines that it holds. latex: whether it was read as LaTeX. notes: what was
    left out to read it."""

    text: str
    latex: bool
    lines: tuple[FormulaLine, ...] = field(default=())
    notes: tuple[str, ...] = ()
