"""A call: a kernel with its words, and how threads share it.

A word is a number, or a place: ("at", buffer, offset) stands for where the buffer will lie in the
arena. What a call is shared by, and what it costs, is said with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .maps import Form

SAMPLED, SPLIT, ALONE, EVERY = range(4)
"""How threads share a call: by columns, by units, one does it, or every one (driver.h)."""


@dataclass(frozen=True)
class Kernel:
    """A C function of the table: one of kernels/ by its name, or a loop that is printed."""

    name: str
    form: Form | None = None


@dataclass
class Call:
    """A kernel with its arguments.

    words: numbers, and places: ("at", buffer, offset) for a place in the arena. mode, units:
    see driver.h. operations: an estimate. reads, writes: roots. overwrites: what must have been
    read by all others before. by_rows: with mode SPLIT, the buffers of which a thread meets its
    own rows only: rows_per_unit for each of its units. copies: buffers of which each thread has
    a part to itself.
    """

    kernel: Kernel
    words: list[Any]
    mode: int
    units: int
    operations: float
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    overwrites: tuple[int, ...] = ()
    phase: int = 0
    chain: int = 0
    by_rows: frozenset[int] = frozenset()
    rows_per_unit: int = 1
    copies: frozenset[int] = frozenset()

    def in_step(self, other: Call, buffer: int) -> bool:
        """Whether no thread meets in the buffer what another one does with these two calls."""
        if self.mode == other.mode == SAMPLED:
            return True
        if buffer in self.copies and buffer in other.copies:
            return True
        shares = (self.units, self.rows_per_unit) == (other.units, other.rows_per_unit)
        return shares and buffer in self.by_rows and buffer in other.by_rows

    @property
    def touched(self) -> tuple[int, ...]:
        return (*self.reads, *self.writes, *self.overwrites)
