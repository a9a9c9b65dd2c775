"""Optimizers, schedules, weight decay and clipping: files of equations, and their composition."""

from .files import GRADIENTS, OPTIMIZERS, SCHEDULES, Part, part_named
from .recipes import Recipe, recipe

__all__ = [
    "GRADIENTS",
    "OPTIMIZERS",
    "SCHEDULES",
    "Part",
    "Recipe",
    "part_named",
    "recipe",
]
