"""Notations: one .toml each, and the loader."""

from .bound import AnyNotation, BoundNotation, bind
from .loader import Notation, load, names, read_notation
from .symbols import Symbol

__all__ = [
    "AnyNotation",
    "BoundNotation",
    "Notation",
    "Symbol",
    "bind",
    "load",
    "names",
    "read_notation",
]
