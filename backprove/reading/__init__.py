"""From a formula as written to an expression about a network, in any notation."""

from .meaning import Meaning, Orientation, ShapeMistake, Sheet, SheetLine, Term
from .sheet import parsed, read_sheet, read_term
from .symbols import Lexicon

__all__ = [
    "Lexicon",
    "Meaning",
    "Orientation",
    "ShapeMistake",
    "Sheet",
    "SheetLine",
    "Term",
    "parsed",
    "read_sheet",
    "read_term",
]
