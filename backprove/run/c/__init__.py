"""The compiled backend: a program as a table of calls of C kernels, built for this CPU.

Names are loaded when they are first used: a run that NumPy computes needs nothing of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advancing import CompiledAdvance
    from .blas import default_threads
    from .compiler import Refused, Unavailable
    from .library import widths
    from .machine import Machine
    from .trainer import Trainer, random_state

_HOMES = {
    "CompiledAdvance": "advancing",
    "Machine": "machine",
    "Refused": "compiler",
    "Trainer": "trainer",
    "Unavailable": "compiler",
    "default_threads": "blas",
    "random_state": "trainer",
    "widths": "library",
}
"""Each name, and the module that holds it."""

__all__ = [
    "CompiledAdvance",
    "Machine",
    "Refused",
    "Trainer",
    "Unavailable",
    "default_threads",
    "random_state",
    "widths",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
