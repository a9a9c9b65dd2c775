"""The `.bp` language: text to Network and back, and builders that write it."""

from .builders import BUILDERS, from_text, is_builder, load, mlp, mlp_text, neuron
from .source import expression, parse, read, reference, warnings
from .updates import FLOOR, Gives, Update, parse_update, read_update
from .writer import source_text

__all__ = [
    "BUILDERS",
    "FLOOR",
    "Gives",
    "Update",
    "expression",
    "from_text",
    "is_builder",
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
