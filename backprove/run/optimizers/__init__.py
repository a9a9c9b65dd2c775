"""Optimizers, schedules, weight decay and clipping: files of equations, and their composition."""

from .files import GRADIENTS, OPTIMIZERS, SCHEDULES, Part, part
from .recipes import Recipe, recipe
from .rows import optimizer

__all__ = ["GRADIENTS", "OPTIMIZERS", "SCHEDULES", "Part", "Recipe", "optimizer", "part", "recipe"]
