"""Where the components of each buffer lie: most have storage of their own, some are views.

A view costs nothing: components at literal positions, a sum over axes of length 1, a product
with nothing. What only constants feed is worked out here, once, in double precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..numpy_backend import prepare
from ..program import (
    SAMPLES,
    Contract,
    Instruction,
    Map,
    Operand,
    Pick,
    Program,
    Result,
    SampleCount,
    sources,
)

Array: TypeAlias = NDArray[Any]


class View(NamedTuple):
    """The components of a buffer in the storage of `root`, samples aside.

    start, strides: in components (of a sampled buffer: in features); one stride for each axis
    that is not the sample axis.
    """

    root: int
    start: int
    strides: tuple[int, ...]


class Views:
    """Views of all buffers of a program, and the values of those that never change.

    fixed: values of given buffers that are the same in every run, by name. instructions: what is
    left to compute; reads: the roots that each of them reads, by its target. roots: of all
    buffers.
    """

    def __init__(self, program: Program, fixed: Mapping[str, Array]) -> None:
        self.program = program
        self.shapes = program.shapes
        self._sampled = [bool(shape) and shape[0] == SAMPLES for shape in self.shapes]
        self._lengths = [
            shape[1:] if sampled else shape
            for shape, sampled in zip(self.shapes, self._sampled, strict=True)
        ]
        self.roots = list(range(len(self.shapes)))
        read = {i.target: sources(i.operation) for i in program.instructions}
        self.known = _known(program, fixed, read)
        self._views: dict[int, View] = {}
        self.instructions: list[Instruction] = []
        self.reads: dict[int, tuple[int, ...]] = {}
        for instruction in program.instructions:
            target = instruction.target
            if target in self.known:
                continue
            view = self._made_view(instruction)
            if view is None:
                self.instructions.append(instruction)
                self.reads[target] = tuple([self.roots[b] for b in read[target]])
            else:
                self._views[target] = view
                self.roots[target] = view.root

    def sampled(self, buffer: int) -> bool:
        """Whether a buffer has a value for each sample."""
        return self._sampled[buffer]

    def lengths(self, buffer: int) -> tuple[int, ...]:
        """The lengths of a buffer's axes, the sample axis aside."""
        return self._lengths[buffer]

    def __getitem__(self, buffer: int) -> View:
        found = self._views.get(buffer)
        if found is None:
            found = self._views[buffer] = View(buffer, 0, row_major(self.lengths(buffer)))
        return found

    def root(self, buffer: int) -> int:
        return self.roots[buffer]

    def whole(self, buffer: int) -> bool:
        """Whether a buffer has all of its root's components, in the same order."""
        if self.roots[buffer] == buffer:
            return True
        view, lengths = self[buffer], self.lengths(buffer)
        return (
            view.start == 0
            and prod(lengths) == prod(self.lengths(view.root))
            and contiguous(lengths, view.strides)
        )

    def _made_view(self, instruction: Instruction) -> View | None:
        """A view of what an instruction would copy, or None where it computes something."""
        operation = instruction.operation
        if isinstance(operation, Map):
            return None
        if isinstance(operation, Pick):
            source = self[operation.source]
            at = operation.at[1:] if self.sampled(operation.source) else operation.at
            start = source.start
            strides = []
            for position, stride in zip(at, source.strides, strict=True):
                if position is None:
                    strides.append(stride)
                else:
                    start += position * stride
            return View(source.root, start, tuple(strides))
        if isinstance(operation, Contract) and len(operation.operands) == 1:
            return self._sum_of_one(operation.operands[0], operation.result)
        return None

    def _sum_of_one(self, operand: Operand, result: tuple[int, ...]) -> View | None:
        """The view for a sum over axes of length 1, or a diagonal; None for a true sum."""
        source = self[operand.buffer]
        shape = self.shapes[operand.buffer]
        stride: dict[int, int] = {}
        strides = iter(source.strides)
        for axis, length in zip(operand.axes, shape, strict=True):
            if length == SAMPLES:
                if axis not in result:
                    return None
                continue
            if axis not in result and length != 1:
                return None
            stride[axis] = stride.get(axis, 0) + next(strides)  # a repeated axis: the diagonal
        return View(source.root, source.start, tuple(stride[a] for a in result if a in stride))


def row_major(lengths: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of axes of these lengths that lie densely, the last one fastest."""
    strides = list(accumulate(lengths[:0:-1], mul, initial=1))
    return tuple(strides[::-1]) if lengths else ()


def contiguous(lengths: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether axes lie densely in this order; axes of length 1 may lie anywhere."""
    expected = 1
    for length, stride in zip(reversed(lengths), reversed(strides), strict=True):
        if length != 1 and stride != expected:
            return False
        expected *= length
    return True


def _known(
    program: Program, fixed: Mapping[str, Array], reads: Mapping[int, tuple[int, ...]]
) -> dict[int, Array]:
    """The values of all buffers that only constants feed, in double precision.

    reads: what each instruction reads, by its target.
    """
    given = {b: name for name, b in program.given.items() if name in fixed}
    made: list[Instruction] = []
    known = set(given)
    for i in program.instructions:
        read = reads[i.target]
        if known.issuperset(read) if read else not isinstance(i.operation, SampleCount):
            known.add(i.target)
            made.append(i)
    results = {
        str(b): Result(b, tuple(range(len(program.shapes[b]))), program.shapes[b], sampled=False)
        for b in known
    }
    names = {name: b for b, name in given.items()}
    part = Program(program.shapes, names, tuple(made), results)
    values = prepare(part, np.float64)({n: np.asarray(fixed[n], np.float64) for n in names})
    return {int(b): np.array(value) for b, value in values.items()}
