"""The mistakes that people make in a gradient, like the rules but wrong."""

from .change import Change, Mutation
from .table import MUTATIONS

__all__ = ["MUTATIONS", "Change", "Mutation"]
