"""A straight-line program: what a network's numbers come to, for any backend.

Every operation writes one buffer, once; there are no branches and no loops. A buffer has a
fixed shape; its first axis may be the sample axis, whose length is known only when the
program runs. Axes are matched by small numbers, as letters are in `einsum`: an operand with
axes (0, 2) has its first axis along axis 0 of the operation and its second along axis 2.

A backend reads `Program` and knows the dozen operations below; nothing else is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

SAMPLES = -1
"""The length that stands for the number of samples in a shape; only ever the first axis."""


@dataclass(frozen=True)
class Operand:
    """A buffer, and the operation's axis along which each of its own axes lies."""

    buffer: int
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Constant:
    """A scalar."""

    value: Fraction


@dataclass(frozen=True)
class SampleCount:
    """The number of samples, as a scalar."""


@dataclass(frozen=True)
class Identity:
    """delta(i,j) for i = 1 … rows, j = 1 … columns."""

    rows: int
    columns: int


@dataclass(frozen=True)
class Unit:
    """delta(i,position) for i = 1 … size; `position` counts from 0 here."""

    size: int
    position: int


@dataclass(frozen=True)
class Pick:
    """Components at literal positions (from 0); None keeps an axis whole."""

    source: int
    at: tuple[int | None, ...]


@dataclass(frozen=True)
class Contract:
    """The sum of a product over every axis that `result` does not name.

    With one operand: sums and diagonals. With two, every summed axis is in both.
    """

    operands: tuple[Operand, ...]
    result: tuple[int, ...]


@dataclass(frozen=True)
class Map:
    """An elementwise function of `run.elementwise` over operands broadcast to `rank` axes."""

    function: str
    operands: tuple[Operand, ...]
    rank: int


@dataclass(frozen=True)
class Largest:
    """The maximum over one axis, which goes."""

    source: int
    axis: int


@dataclass(frozen=True)
class FirstLargest:
    """1 at the first largest component along one axis, 0 elsewhere; the axis stays."""

    source: int
    axis: int


@dataclass(frozen=True)
class LogSumExp:
    """log(sum exp) over one axis, which goes; computed without overflow."""

    source: int
    axis: int


Operation: TypeAlias = (
    Constant
    | SampleCount
    | Identity
    | Unit
    | Pick
    | Contract
    | Map
    | Largest
    | FirstLargest
    | LogSumExp
)


@dataclass(frozen=True)
class Instruction:
    """buffer `target` = operation.

    origin: the equation for which it was made, such as `z2` or `∂w1`; it says nothing of values.
    """

    target: int
    operation: Operation
    origin: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class Result:
    """Where a named quantity ends up.

    axes: for each axis of the buffer, which axis of the quantity it is (SAMPLES for the
    sample axis). An axis that is missing is constant along it: the backend repeats it.
    shape: the quantity's own shape, without samples. sampled: one value a sample.
    """

    buffer: int
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    sampled: bool


@dataclass(frozen=True)
class Program:
    """Buffers, the given ones among them, the instructions in order and the results.

    shapes: of every buffer, by number. given: the buffers that the caller fills, by name.
    results: by name, `∂w` for the adjoint of w.
    """

    shapes: tuple[tuple[int, ...], ...]
    given: Mapping[str, int]
    instructions: tuple[Instruction, ...]
    results: Mapping[str, Result]

    def bytes_needed(self, samples: int, itemsize: int) -> int:
        """The memory of all given buffers plus the most that is alive at once."""
        sizes = [_elements(shape, samples) * itemsize for shape in self.shapes]
        given = sum(sizes[b] for b in self.given.values())
        last = self.last_uses()
        alive = peak = 0
        for number, instruction in enumerate(self.instructions):
            alive += sizes[instruction.target]
            peak = max(peak, alive)
            alive -= sum(sizes[b] for b in last.get(number, ()))
        return given + peak

    def last_uses(self) -> Mapping[int, tuple[int, ...]]:
        """After each instruction, the computed buffers that nothing needs any more."""
        kept = {r.buffer for r in self.results.values()} | set(self.given.values())
        last: dict[int, int] = {}
        for number, instruction in enumerate(self.instructions):
            last[instruction.target] = number
            for buffer in sources(instruction.operation):
                last[buffer] = number
        free: dict[int, list[int]] = {}
        for buffer, number in last.items():
            if buffer not in kept:
                free.setdefault(number, []).append(buffer)
        return {number: tuple(buffers) for number, buffers in free.items()}


def sources(operation: Operation) -> tuple[int, ...]:
    """The buffers that an operation reads."""
    match operation:
        case Contract() | Map():
            return tuple(o.buffer for o in operation.operands)
        case Pick() | Largest() | FirstLargest() | LogSumExp():
            return (operation.source,)
        case _:
            return ()


def _elements(shape: tuple[int, ...], samples: int) -> int:
    count = 1
    for length in shape:
        count *= samples if length == SAMPLES else length
    return count
