"""What comes out of reading: a symbol's meaning, a formula's term, a whole sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..expr import Expr, Index, Size
from ..language.tree import Span
from ..network import Equation

Means: TypeAlias = Literal["quantity", "function", "number", "index", "delta"]


@dataclass(frozen=True)
class Meaning:
    """One thing that a symbol can stand for.

    kind: `quantity` also covers adjoints (∂z2), changes (Δ.w), the learning rate, sizes and
    what the reader defined. name: the quantity's or function's name in the network (`h3`,
    `∂z2`, `sigmoid'`), a size's name, an index letter. indices: the indices as written, in the
    order of the file's axes; None where the whole tensor is meant (a scalar has ()).
    power: whether the superscript was no part of the name, so that it is an exponent or ᵀ.
    says: what must be stated of this reading, "" where the notation asked for is clear;
    where: the shipped notation that knows it, "" for the one asked for. sign: -1 where the
    symbol stands for minus the quantity (an error signal that is -∂E/∂net). samples: by how
    many it is multiplied, where an error signal is that of one sample's loss and the loss is a
    mean. rest: the end of a superscript of which only the beginning is a layer, `T` of (2)T;
    then it is the power.
    """

    kind: Means
    name: str
    indices: tuple[Index, ...] | None = None
    power: bool = False
    says: str = ""
    where: str = ""
    sign: int = 1
    rest: str = ""
    samples: Size = 1


Orientation: TypeAlias = Literal["none", "column", "row", "matrix"]


@dataclass(frozen=True)
class Term:
    """A formula as an expression in index notation.

    expr: its free letters are the reader's index letters and those of `axes`. axes: letters
    for the axes of a whole tensor, rows first, with the lengths over which they run; none for
    a scalar or a component. orientation: a vector by itself is `none`, v^T a `row`.
    span: where it stands in the text.
    """

    expr: Expr
    axes: tuple[tuple[str, Size], ...] = ()
    orientation: Orientation = "none"
    span: Span = (0, 1)


@dataclass(frozen=True)
class SheetLine:
    """A line of a derivation, read.

    number: as in `FormulaLine`. left: what it is set equal to, None where it goes on from the
    line above. defines: the name that it gives to what was unknown, "" otherwise. text: as
    written. derivatives: those of anything but the loss that occur in it, which may be meant
    locally or totally: what is differentiated and by what. misfit: how the shape of the right
    side differs from what it is set equal to, "" where it does not; where it is "", the letters
    of `axes` are the same on both sides, and along a chain. ranges: over what its free letters
    run, those of axes too, where the text tells. condition: 1 where the line is claimed, else
    0; None where it is claimed everywhere.
    """

    number: int
    span: Span
    text: str
    left: Term | None
    right: Term
    defines: str = ""
    derivatives: tuple[tuple[str, str], ...] = ()
    misfit: str = ""
    ranges: Mapping[str, Size] = field(default_factory=dict)
    condition: Expr | None = None

    @property
    def derivative(self) -> bool:
        """Whether a derivative of anything but the loss occurs in it."""
        return bool(self.derivatives)


@dataclass(frozen=True)
class Sheet:
    """A derivation, read.

    lets: what the reader defined, as equations. symbols: free names that stand for any number
    (the learning rate). readings: sentences on how unclear symbols were taken. ranges: those
    of all lines, but for letters that run over different lengths in different lines.
    """

    lines: tuple[SheetLine, ...]
    lets: Mapping[str, Equation] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()
    readings: tuple[str, ...] = ()
    ranges: Mapping[str, Size] = field(default_factory=dict)

    @property
    def derivatives(self) -> tuple[tuple[str, str], ...]:
        """The derivatives that may be meant locally or totally, each once."""
        return tuple(dict.fromkeys(pair for line in self.lines for pair in line.derivatives))


class ShapeMistake(Exception):
    """Shapes that do not fit: `says` names both, `span` the place.

    kind: `shape` for whole tensors, `wrong-index` for a letter that runs over axes of
    different lengths.
    """

    def __init__(self, says: str, span: Span, kind: str = "shape") -> None:
        super().__init__(says)
        self.says, self.span, self.kind = says, span, kind
