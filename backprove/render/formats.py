"""The formats, one row each, and the door to them: `render`."""

from __future__ import annotations

from ..errors import NotationError
from ..expr import Expr
from ..notation import BoundNotation, Notation, bind, load
from ..rewrite import Derivation
from .document import Numbers, page
from .layout import layout
from .terminal import terminal_text
from .text import text_of_box

FORMATS = ("text",)


def text_of(e: Expr, notation: BoundNotation) -> str:
    """An expression as one line of plain text."""
    return text_of_box(layout(e, notation))


def render(
    derivation: Derivation,
    notation: Notation | BoundNotation | str = "as-written",
    format: str = "text",
    *,
    width: int = 80,
    color: bool = False,
    laws: bool = False,
    numbers: Numbers | None = None,
) -> str:
    """A derivation in a notation and a format.

    notation: a name, a path, or one already loaded. width, color: for text. laws: with each
    rule's law. numbers: gives the printed number of an expression, for values beside symbols.
    Raises NotationError for an unknown notation or format.
    """
    if isinstance(notation, str):
        notation = load(notation)
    if isinstance(notation, Notation):
        notation = bind(notation, derivation.network)
    made = page(derivation, notation, laws=laws, marks=color or format != "text", numbers=numbers)
    if format == "text":
        return terminal_text(made, width, color)
    raise NotationError(f"there is no format {format!r}", f"the formats are: {', '.join(FORMATS)}")


def html_of(derivation: Derivation) -> str:
    raise NotImplementedError


def latex_of(derivation: Derivation) -> str:
    raise NotImplementedError
