"""The compiled backend: a program as a table of calls of C kernels, built for this CPU."""

from .compiler import Unavailable
from .machine import Machine
from .trainer import Trainer, random_state

__all__ = ["Machine", "Trainer", "Unavailable", "random_state"]
