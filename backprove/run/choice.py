"""Which backend computes a run, decided by counting, never by a race.

The same network, data and options on the same machine give the same choice; it is saved with the
run, and a resumed run makes no new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from numbers import Integral
from types import NoneType
from typing import Literal, TypeAlias

from ..errors import DataError, expect
from . import c
from .program import SAMPLES, Contract, Program

Backend: TypeAlias = Literal["auto", "c", "numpy"]
BACKENDS: tuple[Backend, ...] = ("auto", "c", "numpy")

WORTH_COMPILING = 1.0
"""Seconds that NumPy would take, by the estimate, from which on a run is compiled."""

OPERATIONS_A_THREAD = 1_200_000
"""Operations of a mini-batch for each thread that shares it: of fewer, they wait for each other
longer than they gain."""

_SECONDS_A_CALL = 3e-6
_SECONDS_AN_OPERATION = 4e-11


@dataclass(frozen=True)
class Choice:
    """backend: "c" or "numpy". threads: that share a mini-batch. vector_bytes: of the CPU's
    vectors that are used, 0 for NumPy. says: the choice in a sentence, for a run's notes."""

    backend: Literal["c", "numpy"]
    threads: int
    vector_bytes: int
    says: str


def by_numpy(reason: str) -> Choice:
    """NumPy, as nothing can be compiled here."""
    return Choice("numpy", 1, 0, f"computed by NumPy: {reason}")


def choice(
    program: Program,
    *,
    backend: Backend,
    batch: int,
    steps: int,
    threads: int | None,
    vector_bytes: int = 0,
) -> Choice:
    """The choice for `steps` runs of a program, each over up to `batch` samples.

    threads: the most that may share a mini-batch; by default as many as this process may use.
    vector_bytes: of a choice that was made before, when a run goes on; then C may be replaced by
    NumPy, and wide vectors by narrower ones, where this machine has no others. Raises
    Unavailable where C is asked for and nothing can be compiled here.
    """
    expect("a backend", backend, str, f"one of {', '.join(BACKENDS)}")
    expect("the number of threads", threads, (Integral, NoneType), "a whole number, at least 1")
    if backend not in BACKENDS:
        raise DataError(f"there is no backend {backend!r}", f"it is one of {', '.join(BACKENDS)}")
    if threads is not None and threads < 1:
        raise DataError(f"{threads} threads cannot compute anything", "at least 1")
    if backend == "numpy":
        return Choice("numpy", 1, 0, "computed by NumPy")
    each = operations(program, batch)
    seconds = steps * (_SECONDS_A_CALL * len(program.instructions) + _SECONDS_AN_OPERATION * each)
    if backend == "auto" and seconds < WORTH_COMPILING:
        return Choice("numpy", 1, 0, "computed by NumPy, as there is too little to do to compile")
    try:
        there = c.widths()
    except c.Unavailable as reason:
        if backend == "c" and not vector_bytes:
            raise
        return by_numpy(reason.message)
    wide = vector_bytes if vector_bytes in there else there[0]
    most = c.default_threads() if threads is None else threads
    threads = max(1, min(most, int(each // OPERATIONS_A_THREAD)))
    shared = f"{threads} threads" if threads > 1 else "one thread"
    says = f"compiled to C: {shared}, vectors of {8 * wide} bits"
    if vector_bytes and wide != vector_bytes:
        says += f" (it was begun with {8 * vector_bytes}: no longer the same bit for bit)"
    return Choice("c", threads, wide, says)


def with_blas(chosen: Choice, blas: str, before: str) -> Choice:
    """What is said of a compiled run that leaves its widest products to a BLAS, or did before."""
    says = chosen.says + (f", the widest products by {blas}" if blas else "")
    if blas != before:
        by = before or "products of our own"
        says += f" (it was begun with {by}: no longer the same bit for bit)"
    return replace(chosen, says=says)


def operations(program: Program, samples: int) -> float:
    """About how many additions and multiplications a program takes over so many samples."""
    total = 0.0
    for instruction in program.instructions:
        lengths: dict[int, int] = {}
        operation = instruction.operation
        if isinstance(operation, Contract):
            for operand in operation.operands:
                lengths.update(zip(operand.axes, program.shapes[operand.buffer], strict=True))
        else:
            lengths = dict(enumerate(program.shapes[instruction.target]))
        total += 2.0 * prod(samples if n == SAMPLES else n for n in lengths.values())
    return total
