"""What a formula looks like, before any format: boxes in rows, above and beside each other.

`layout` makes boxes from an expression once; each format turns boxes into its own text, so
that the formats agree and a new format is one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from ..notation import Symbol

Box: TypeAlias = (
    "Symbol | Digits | Operator | Row | Fraction | Fenced | Big | Raised | Root | Applied"
    " | Differential | Direct | Marked | Transposed | Words"
)


@dataclass(frozen=True)
class Digits:
    """A whole number."""

    text: str


@dataclass(frozen=True)
class Operator:
    """A sign between boxes: + - = · × . * ⊙ /, or "" for side by side.

    prefix: a sign before a box. glue: no line may be broken here.
    """

    sign: str
    prefix: bool = False
    glue: bool = False


@dataclass(frozen=True)
class Row:
    """Boxes and operators side by side."""

    parts: tuple[Box, ...]


@dataclass(frozen=True)
class Fraction:
    """One box over another."""

    top: Box
    bottom: Box


@dataclass(frozen=True)
class Fenced:
    """A box between ( ), [ ], | | or ‖ ‖."""

    left: str
    inner: Box
    right: str


@dataclass(frozen=True)
class Big:
    """Σ or max over an index, with what it runs over."""

    sign: str
    index: str
    lower: str
    upper: str
    body: Box


@dataclass(frozen=True)
class Raised:
    """base ^ exponent."""

    base: Box
    exponent: Box


@dataclass(frozen=True)
class Root:
    """A square root."""

    inner: Box


@dataclass(frozen=True)
class Applied:
    """A function and its argument, which is fenced already."""

    function: Symbol
    argument: Fenced


@dataclass(frozen=True)
class Differential:
    """∂J or dw: the sign, then what it is of; None for the sign alone."""

    d: str
    of: Box | None


@dataclass(frozen=True)
class Direct:
    """A derivative that follows no other path: ∂J/∂a|direct, beside the whole ∂J/∂a."""

    of: Box


@dataclass(frozen=True)
class Transposed:
    """A matrix turned over."""

    of: Box


@dataclass(frozen=True)
class Words:
    """Words inside a formula."""

    text: str


@dataclass(frozen=True)
class Marked:
    """The place that a step changed."""

    inner: Box


def parts_of(box: Box) -> tuple[Box, ...]:
    """The boxes directly inside one."""
    match box:
        case Row(parts):
            return parts
        case Fraction(top, bottom):
            return (top, bottom)
        case Fenced(_, inner, _) | Root(inner) | Marked(inner):
            return (inner,)
        case Big(body=body):
            return (body,)
        case Raised(base, exponent):
            return (base, exponent)
        case Applied(function, argument):
            return (function, argument)
        case Differential(_, of):
            return (of,) if of is not None else ()
        case Transposed(of) | Direct(of):
            return (of,)
        case _:
            return ()


def walk_boxes(box: Box) -> Iterator[Box]:
    """Every box inside, itself first."""
    stack = [box]
    while stack:
        inner = stack.pop()
        yield inner
        stack.extend(parts_of(inner))


Fact = TypeVar("Fact")


class Remembered(Generic[Fact]):
    """A fact about boxes, found once for each box.

    Boxes are told apart by identity, since comparing them walks through them; those that
    are remembered are kept, so that no other box takes their identity.
    """

    MOST = 50_000

    def __init__(self, find: Callable[[Box], Fact]) -> None:
        self.find = find
        self.known: dict[int, tuple[Box, Fact]] = {}

    def __call__(self, box: Box) -> Fact:
        found = self.known.get(id(box))
        if found is None:
            if len(self.known) >= self.MOST:
                self.known.clear()
            found = self.known[id(box)] = box, self.find(box)
        return found[1]


def _is_tall(box: Box) -> bool:
    return any(isinstance(inner, Fraction | Big) for inner in walk_boxes(box))


is_tall: Remembered[bool] = Remembered(_is_tall)
"""Whether a box is taller than a line of text."""


def in_line(box: Fraction) -> Row:
    """A fraction written in one line, (a + b)/c, so that its parts can be broken."""
    bottom = box.bottom
    if not isinstance(bare(bottom), Symbol | Digits):
        bottom = Fenced("(", bottom, ")")
    return Row((Fenced("(", box.top, ")"), Operator("/", glue=True), bottom))


def bare(box: Box) -> Box:
    """A box without its marks."""
    while isinstance(box, Marked):
        box = box.inner
    return box
