"""The NumPy backend: a program made into a list of calls.

Everything that depends on shapes only (the order of axes, which product is a matrix product)
is decided once, when the program is prepared; running it is one loop over the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DataError
from .elementwise import ELEMENTWISE, STEP_FUNCTIONS
from .program import (
    SAMPLES,
    Constant,
    Contract,
    FirstLargest,
    Identity,
    Largest,
    LogSumExp,
    Map,
    Operand,
    Operation,
    Pick,
    Program,
    Result,
    SampleCount,
    Unit,
)

Array: TypeAlias = NDArray[Any]
Buffers: TypeAlias = "list[Any]"
Call: TypeAlias = Callable[[Buffers], Any]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A program ready to run: call it with the given arrays and the number of samples.

    whole: the results that lie in a buffer as they are, and where. parts: all others.
    """

    program: Program
    dtype: np.dtype[Any]
    calls: tuple[tuple[int, Call, tuple[int, ...]], ...]
    whole: tuple[tuple[str, int], ...]
    parts: tuple[tuple[str, Result], ...]

    def __call__(self, given: Mapping[str, Array], samples: int = 1) -> dict[str, Array]:
        """The results by name, each with its full shape, the samples first where sampled.

        given: an array for every name in `program.given`, of the prepared dtype.
        """
        buffers: Buffers = [None] * (len(self.program.shapes) + 1)
        buffers[-1] = samples
        for name, buffer in self.program.given.items():
            buffers[buffer] = given[name]
        with np.errstate(all="ignore"):  # overflow shows in the numbers themselves
            for target, call, gone in self.calls:
                buffers[target] = call(buffers)
                for buffer in gone:
                    buffers[buffer] = None
        kind = self.dtype
        found = {name: np.asarray(buffers[buffer], kind) for name, buffer in self.whole}
        for name, result in self.parts:
            found[name] = in_full(buffers[result.buffer], result, samples, kind)
        return {name: found[name] for name in self.program.results}


def in_full(array: Any, result: Result, samples: int, dtype: np.dtype[Any]) -> Array:
    """A result's array with its axes in the quantity's order, repeated along missing ones."""
    if _is_whole(result):
        return np.asarray(array, dtype=dtype)
    shape = (samples, *result.shape) if result.sampled else result.shape
    shift = 1 if result.sampled else 0
    places = [0 if axis == SAMPLES else axis + shift for axis in result.axes]
    order = sorted(range(len(places)), key=places.__getitem__)
    aligned = np.asarray(array, dtype=dtype).transpose(order)
    lengths = [length if axis in places else 1 for axis, length in enumerate(shape)]
    return np.broadcast_to(aligned.reshape(lengths), shape)


def _is_whole(result: Result) -> bool:
    """Whether the buffer has every axis of the quantity, in the quantity's order."""
    own = tuple(range(len(result.shape)))
    return result.axes == ((SAMPLES, *own) if result.sampled else own)


def prepare(program: Program, dtype: DTypeLike = np.float64) -> Prepared:
    """Make a program ready to run in float32 or float64."""
    kind = np.dtype(dtype)
    last = program.last_uses()
    calls = tuple(
        (i.target, _call(i.operation, program, kind), last.get(number, ()))
        for number, i in enumerate(program.instructions)
    )
    results = program.results.items()
    whole = tuple((name, r.buffer) for name, r in results if _is_whole(r))
    return Prepared(program, kind, calls, whole, tuple(r for r in results if not _is_whole(r[1])))


def as_float(value: Fraction) -> float:
    """An exact number in double precision. Raises DataError where it is too large for that."""
    try:
        return float(value)
    except OverflowError:
        raise DataError(
            "a number in the file is larger than floating point can hold, about 1.8e308",
            "write a smaller one",
        ) from None


def _call(operation: Operation, program: Program, dtype: np.dtype[Any]) -> Call:
    match operation:
        case Constant():
            # an array: NumPy takes twice as long for a scalar of its own
            number = np.array(as_float(operation.value), dtype)
            number.flags.writeable = False  # every run gives this one
            return lambda buffers: number
        case SampleCount():
            return lambda buffers: np.array(buffers[-1], dtype)
        case Identity():
            return lambda buffers: np.eye(operation.rows, operation.columns, dtype=dtype)
        case Unit():
            unit = np.zeros(operation.size, dtype=dtype)
            unit[operation.position] = 1
            return lambda buffers: unit
        case Pick():
            at = tuple(slice(None) if p is None else p for p in operation.at)
            return lambda buffers: buffers[operation.source][at]
        case Map():
            return _map(operation)
        case Contract():
            return _contract(operation, program)
        case Largest():
            return lambda buffers: buffers[operation.source].max(axis=operation.axis)
        case FirstLargest():
            return lambda buffers: _first_largest(buffers[operation.source], operation.axis)
        case LogSumExp():
            return lambda buffers: _log_sum_exp(buffers[operation.source], operation.axis)


def _map(operation: Map) -> Call:
    name = operation.function
    function = STEP_FUNCTIONS[name] if name in STEP_FUNCTIONS else ELEMENTWISE[name]
    views = [_aligned(operand, operation.rank) for operand in operation.operands]
    numbers = [operand.buffer for operand in operation.operands]
    if len(numbers) == 1:
        only, view = numbers[0], views[0]
        if view is None:
            return lambda buffers: function(buffers[only])
        return lambda buffers: function(view(buffers[only]))
    if all(view is None for view in views):
        a, b = numbers
        return lambda buffers: function(buffers[a], buffers[b])
    pairs = list(zip(numbers, views, strict=True))
    return lambda buffers: function(
        *(buffers[n] if view is None else view(buffers[n]) for n, view in pairs)
    )


def _aligned(operand: Operand, rank: int) -> Callable[[Array], Array] | None:
    """The view whose axes lie where the operation has them; None where they do already."""
    axes = operand.axes
    if axes == tuple(range(rank - len(axes), rank)):
        return None  # NumPy broadcasts missing axes at the front by itself
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    spread = tuple(slice(None) if axis in axes else None for axis in range(rank))
    if order == tuple(range(len(axes))):
        return lambda array: array[spread]
    return lambda array: array.transpose(order)[spread]


def _contract(operation: Contract, program: Program) -> Call:
    if len(operation.operands) == 1:
        return _sum(operation.operands[0], operation.result)
    left, right = operation.operands
    result = operation.result
    plan = _matrix_plan(left, right, result)
    if plan is None:
        flipped = _matrix_plan(right, left, result)
        if flipped is not None:
            plan, left, right = flipped, right, left
    if plan is None:
        a, b = left, right
        return lambda buffers: np.einsum(
            buffers[a.buffer], list(a.axes), buffers[b.buffer], list(b.axes), list(result)
        )
    return _matrix_product(left, right, plan)


@dataclass(frozen=True)
class _MatrixPlan:
    """Orders of axes that make a contraction a product of stacked matrices."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    stacked: int
    rows: int
    columns: int
    result: tuple[int, ...]


def _matrix_plan(left: Operand, right: Operand, result: Sequence[int]) -> _MatrixPlan | None:
    """How to compute it as matrices, where the result's axes come in that order."""
    if len(set(left.axes)) < len(left.axes) or len(set(right.axes)) < len(right.axes):
        return None
    shared = set(left.axes) & set(right.axes)
    stacked = [axis for axis in result if axis in shared]
    summed = [axis for axis in left.axes if axis in shared and axis not in result]
    rows = [axis for axis in result if axis in left.axes and axis not in shared]
    columns = [axis for axis in result if axis in right.axes and axis not in shared]
    if [*stacked, *rows, *columns] != list(result) or (stacked and not rows and not columns):
        return None
    return _MatrixPlan(
        tuple(left.axes.index(axis) for axis in (*stacked, *rows, *summed)),
        tuple(right.axes.index(axis) for axis in (*stacked, *summed, *columns)),
        len(stacked), len(rows), len(columns), tuple(result),
    )  # fmt: skip


def _matrix_product(left: Operand, right: Operand, plan: _MatrixPlan) -> Call:
    a, b, s, r = left.buffer, right.buffer, plan.stacked, plan.rows
    summed = len(plan.left) - s - r
    turn, turn_other = _turned(plan.left), _turned(plan.right)
    if s == 0 and r <= 1 and plan.columns <= 1 and summed == 1:
        return lambda buffers: turn(buffers[a]) @ turn_other(buffers[b])

    def call(buffers: Buffers) -> Any:
        x, y = turn(buffers[a]), turn_other(buffers[b])
        front, rows, columns = x.shape[:s], x.shape[s : s + r], y.shape[s + summed :]
        width = int(np.prod(x.shape[s + r :]))
        height = int(np.prod(rows))
        product = x.reshape((*front, height, width)) @ y.reshape((*front, width, -1))
        return product.reshape((*front, *rows, *columns))

    return call


def _turned(order: tuple[int, ...]) -> Callable[[Array], Array]:
    """The view with the axes in that order."""
    if order == tuple(range(len(order))):
        return lambda array: array
    return lambda array: array.transpose(order)


def _sum(operand: Operand, result: tuple[int, ...]) -> Call:
    axes, source = operand.axes, operand.buffer
    if len(set(axes)) < len(axes):
        return lambda buffers: np.einsum(buffers[source], list(axes), list(result))
    gone = tuple(i for i, axis in enumerate(axes) if axis not in result)
    kept = [axis for axis in axes if axis in result]
    turn = _turned(tuple(kept.index(axis) for axis in result))
    return lambda buffers: turn(np.add.reduce(buffers[source], gone))


def _first_largest(array: Array, axis: int) -> Array:
    marked = np.zeros_like(array)
    np.put_along_axis(marked, np.argmax(array, axis=axis, keepdims=True), 1, axis=axis)
    return marked


def _log_sum_exp(array: Array, axis: int) -> Array:
    shift = np.maximum.reduce(array, axis, keepdims=True)
    if not np.isfinite(shift).all():
        shift = np.where(np.isfinite(shift), shift, 0)
    total = np.add.reduce(np.exp(array - shift), axis)
    return np.asarray(np.log(total) + shift.squeeze(axis), dtype=array.dtype)
