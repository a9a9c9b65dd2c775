"""The formats, one row each, and the door to them: `render`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import NotationError
from ..expr import Expr
from ..notation import BoundNotation, Notation, bind, load
from ..rewrite import Derivation
from .document import Numbers, Page, page
from .html import html_text
from .json_text import json_text
from .latex import aligned_latex, latex_of_box, latex_text
from .layout import layout
from .markdown import markdown_text
from .mathml import mathml_of_box
from .terminal import terminal_text
from .text import text_of_box


def text_of(e: Expr, notation: BoundNotation) -> str:
    """An expression as one line of plain text."""
    return text_of_box(layout(e, notation))


def latex_of(e: Expr, notation: BoundNotation) -> str:
    """An expression in LaTeX's math mode."""
    return latex_of_box(layout(e, notation))


def mathml_of(e: Expr, notation: BoundNotation) -> str:
    """An expression as one `<math>` element."""
    return mathml_of_box(layout(e, notation))


@dataclass(frozen=True)
class Asked:
    """What a format is given."""

    derivation: Derivation
    notation: BoundNotation
    page: Page
    width: int
    color: bool
    complete: bool


FORMATS: Mapping[str, Callable[[Asked], str]] = {
    "text": lambda a: terminal_text(a.page, a.width, a.color),
    "latex": lambda a: latex_text(a.page, a.complete),
    "markdown": lambda a: markdown_text(a.page),
    "html": lambda a: html_text(a.page, a.complete),
    "json": lambda a: json_text(a.derivation, a.notation),
}
"""A row for each format."""


def render(
    derivation: Derivation,
    notation: Notation | BoundNotation | str = "as-written",
    format: str = "text",
    *,
    width: int = 80,
    color: bool = False,
    laws: bool = False,
    numbers: Numbers | None = None,
    complete: bool = True,
) -> str:
    """A derivation in a notation and a format.

    notation: a name, a path, or one already loaded. width, color: for text. laws: with each
    rule's law. numbers: gives the printed number of an expression, for values beside symbols.
    complete: a LaTeX document or HTML page of its own, else a part of one.
    Raises NotationError for an unknown notation or format.
    """
    if format not in FORMATS:
        raise NotationError(
            f"there is no format {format!r}", f"the formats are: {', '.join(FORMATS)}"
        )
    bound = _bound(notation, derivation)
    shown = page(
        derivation,
        bound,
        laws=laws or format == "html",
        marks=color or format == "html",
        numbers=numbers,
    )
    return FORMATS[format](Asked(derivation, bound, shown, width, color, complete))


def _bound(notation: Notation | BoundNotation | str, derivation: Derivation) -> BoundNotation:
    if isinstance(notation, str):
        notation = load(notation)
    return notation if isinstance(notation, BoundNotation) else bind(notation, derivation.network)


# -- Jupyter -------------------------------------------------------------------------------


def html_of(derivation: Derivation, notation: Notation | BoundNotation | str = "as-written") -> str:
    """A derivation as a part of an HTML page, for `_repr_html_`."""
    return render(derivation, notation, "html", complete=False)


def latex_of_derivation(
    derivation: Derivation, notation: Notation | BoundNotation | str = "as-written"
) -> str:
    """A derivation's chains of equal lines in one aligned environment, for `_repr_latex_`."""
    return aligned_latex(page(derivation, _bound(notation, derivation)))
