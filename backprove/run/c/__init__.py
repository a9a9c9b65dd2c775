"""The compiled backend: a program as a table of calls of C kernels, built for this CPU."""

from .advancing import CompiledAdvance
from .compiler import Unavailable
from .library import widths
from .machine import Machine
from .trainer import Trainer, random_state

__all__ = ["CompiledAdvance", "Machine", "Trainer", "Unavailable", "random_state", "widths"]
