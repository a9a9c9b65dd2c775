"""The `.bp` language: text to Network and back, and builders that write it."""

from .builders import BUILDERS, is_builder, load, mlp, mlp_text, neuron
from .source import expression, parse, read, reference, warnings
from .writer import source_text

__all__ = [
    "BUILDERS",
    "expression",
    "is_builder",
    "load",
    "mlp",
    "mlp_text",
    "neuron",
    "parse",
    "read",
    "reference",
    "source_text",
    "warnings",
]
