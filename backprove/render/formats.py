"""The formats, one row each, and the door to them: `render`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from ..errors import NotationError
from ..notation import AnyNotation, bind
from ..rewrite import Derivation
from .document import Asked, Numbers, page
from .occurring import fitted

FORMATS: Mapping[str, str] = {
    "text": "terminal",
    "latex": "latex",
    "markdown": "markdown",
    "html": "html",
    "json": "json_text",
}
"""A row for each format: its name, and the module whose `write` turns what is asked into text.

A module is loaded when its format is asked for, so that text in a terminal starts fast.
"""


def render(
    derivation: Derivation,
    notation: AnyNotation = "as-written",
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
    bound = fitted(bind(notation, derivation.network), derivation)
    shown = page(
        derivation,
        bound,
        laws=laws or format == "html",
        repeat_laws=format == "html",  # each step folds its own law away
        marks=color or format == "html",
        numbers=numbers,
    )
    write = import_module(f".{FORMATS[format]}", __package__).write
    return str(write(Asked(derivation, bound, shown, width, color, complete)))
