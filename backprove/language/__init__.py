"""The `.bp` language: text to Network and back, and builders that write it."""

from .builders import BUILDERS, from_text, is_builder, load, mlp, mlp_text, neuron
from .filling import GIVABLE, OFFERED, Open, filled, left_open
from .source import expression, parse, read, reference, warnings
from .updates import FLOOR, Gives, Update, parse_update, read_update
from .writer import source_text

__all__ = [
    "BUILDERS",
    "FLOOR",
    "GIVABLE",
    "OFFERED",
    "Gives",
    "Open",
    "Update",
    "expression",
    "filled",
    "from_text",
    "is_builder",
    "left_open",
    "load",
    "mlp",
    "mlp_text",
    "neuron",
    "parse",
    "parse_update",
    "read",
    "read_update",
    "reference",
    "source_text",
    "warnings",
]
