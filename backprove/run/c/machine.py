"""A program with its library and its memory, ready to run over samples.

The arena is one block of memory of this process; weights, the optimizer's slots and all that is
computed live in it between calls. A call runs mini-batches, or chunks of them, for at most the time
that is asked for, without Python's lock, and the next one goes on where it ended. One thread of
Python at a time may use a machine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..numpy_backend import in_full
from ..program import Program
from ..values import check_memory
from .blas import loaded_gemm, one_blas_thread
from .call import Kernel
from .calls import may_load
from .compiler import Announce
from .library import TIME_UP, Run, built, widths
from .plan import Place
from .planned import planned

Array: TypeAlias = NDArray[Any]

ROOM = 2048
"""Samples that are in memory at once; larger mini-batches go through in chunks."""

CALL_SECONDS = 0.1
"""The longest that one call takes, so that Ctrl-C is answered at once; it ends between two
mini-batches, or two chunks of one."""

_ALIGNMENT = 64  # bytes: a cache line, and the widest vector
_MOST_SAMPLES = 2**62  # of a mini-batch, so that sums of two still are 64-bit integers


class Machine:
    """A program, compiled: its library, its plan and its arena.

    fixed: values of given buffers that never change. replaced: results that take the place of
    what is given (the next weights of the weights). batch: the most samples of a mini-batch;
    room: of them that are in memory at once, where they may go through in chunks.
    threads: that share one. vector_bytes: of the vectors, by default this CPU's widest. scalars:
    the given numbers that each step has its own of. loss: the result to watch and sum up.
    kernels: with which a library begins that several machines share. loads: whether the widest
    products may be left to the BLAS that NumPy has loaded.
    Raises DataError where the arena does not fit into memory, Unavailable without a compiler.
    """

    def __init__(
        self,
        program: Program,
        *,
        fixed: Mapping[str, Array],
        replaced: Mapping[str, str] | None = None,
        batch: int,
        room: int | None = None,
        dtype: np.dtype[Any],
        threads: int = 1,
        vector_bytes: int | None = None,
        scalars: Sequence[str] = (),
        loss: str = "",
        kernels: Sequence[Kernel] = (),
        loads: bool = True,
        announce: Announce = lambda sentence: None,
    ) -> None:
        self.program, self.dtype = program, dtype
        wide = widths()[0] if vector_bytes is None else vector_bytes
        lanes = wide // dtype.itemsize
        gemm = loaded_gemm() if loads and may_load(program, min(batch, room or batch)) else None
        made = planned(
            program, fixed=fixed, replaced=replaced or {}, batch=batch, lanes=lanes, room=room,
            threads=threads, kernels=kernels, loaded=gemm is not None,
        )  # fmt: skip
        self.plan = made
        check_memory(made.size * dtype.itemsize, f"a mini-batch of {made.room:,} samples")
        self._library = built(made.kernels, wide, dtype.itemsize == 8, announce)
        block = np.zeros(made.size + _ALIGNMENT // dtype.itemsize, dtype)
        shift = -block.ctypes.data % _ALIGNMENT // dtype.itemsize
        self.arena = block[shift : shift + made.size]
        for place, value in made.initial:
            self._put(place, value)
        self.results = {**made.given, **made.results}
        self._output_shapes = {
            name: program.shapes[program.results[name].buffer][1:] for name in made.outputs
        }
        self.threads = threads
        self._in_chunks = bool(made.table[1])
        self.seen = -1  # for the owner: which of its parameters these are
        self.stop = np.zeros(1, np.int32)
        self._table = made.table
        self._scalar_at = np.array([made.given[name].at for name in scalars], np.int64)
        self._external = (ctypes.c_void_p * max(1, len(made.inputs) + len(made.outputs)))()
        self._losses = np.zeros(1)
        self._in_order = np.zeros(0, np.int64)
        self._run = Run(
            arena=self.arena.ctypes.data,
            table=made.table.ctypes.data,
            external=ctypes.addressof(self._external),
            scalar_at=self._scalar_at.ctypes.data,
            scalar_count=len(scalars),
            losses=self._losses.ctypes.data,
            stop=self.stop.ctypes.data,
            batch=min(batch, _MOST_SAMPLES),
            room=made.room,
            epochs=1,
            max_steps=2**62,
            loss_at=made.results[loss].at if loss else -1,
            threads=threads,
            seconds=CALL_SECONDS,
            ldn=made.columns,
            apart=made.apart,
        )
        self.blas = ""
        if gemm is not None and made.calls_blas:
            self.blas = gemm.name
            self._run.gemm = gemm.double if dtype.itemsize == 8 else gemm.single
            self._run.gemm_is_wide = gemm.wide
        self._address = ctypes.addressof(self._run)

    # -- weights and other buffers without samples -----------------------------------------

    def write(self, name: str, array: Array) -> None:
        """Put a given buffer's value into the arena."""
        self._put(self.plan.given[name], array)

    def read(self, name: str) -> Array:
        """A copy of a result's or a given buffer's value."""
        place = self.results[name]
        if place.matrix is not None:
            flat = self.arena[place.at : place.at + place.matrix.size]
            return np.array(place.matrix.unpacked(flat, place.shape))
        return np.array(self._as_it_lies(place))

    def state(self) -> list[tuple[int, Array]]:
        """Copies of all given buffers without samples, as they lie, for `restore`."""
        found = []
        for place in self.plan.given.values():
            size = place.matrix.size if place.matrix else prod(place.shape)
            found.append((place.at, self.arena[place.at : place.at + size].copy()))
        return found

    def restore(self, state: list[tuple[int, Array]]) -> None:
        """Put everything back as it was."""
        for at, values in state:
            self.arena[at : at + len(values)] = values

    def window(self, name: str) -> Array | None:
        """A given buffer or a result as it lies in the arena, not a copy; None where it lies in
        panels, or the result has other axes."""
        place = self.results[name]
        result = self.program.results.get(name)
        if place.matrix is not None or (result and result.axes != tuple(range(len(place.shape)))):
            return None
        return self._as_it_lies(place)

    def _as_it_lies(self, place: Place) -> Array:
        strides = tuple(s * self.dtype.itemsize for s in place.strides)
        return np.lib.stride_tricks.as_strided(self.arena[place.at :], place.shape, strides)

    def _put(self, place: Place, array: Array) -> None:
        value = np.asarray(array, self.dtype)
        flat = value.reshape(-1) if place.matrix is None else place.matrix.packed(value)
        self.arena[place.at : place.at + flat.size] = flat

    # -- running ---------------------------------------------------------------------------

    def bind(self, arrays: Mapping[str, Array], samples: int) -> None:
        """The arrays of samples that calls read and write; they must outlive the calls."""
        names = (*self.plan.inputs, *self.plan.outputs)
        self._held = [arrays[name] for name in names]
        self._point_to(self._held)
        self._run.samples, self._run.in_order = samples, 0

    def _point_to(self, arrays: Sequence[Array]) -> None:
        for number, array in enumerate(arrays):
            self._external[number] = array.__array_interface__["data"][0]

    def call(self) -> int:
        """Run mini-batches until a reason to stop, which is returned (see library.py)."""
        if self.threads > 1 or self.blas:  # our threads, and NumPy's, would take each other's cores
            with one_blas_thread():
                return self._library(self._address)
        return self._library(self._address)

    @property
    def run(self) -> Run:
        """What the next call is told, and what the last one left."""
        return self._run

    def takes(self, samples: int) -> bool:
        """Whether so many samples can be one mini-batch."""
        return self._in_chunks or samples <= self.plan.room

    def over(self, arrays: Mapping[str, Array], samples: int) -> dict[str, Array]:
        """All samples once, in order; every result in full, samples first where it has them.

        Where the plan goes in chunks they are one mini-batch, else as many as are needed: then
        what has no samples is that of the last one.
        """
        run, dtype = self._run, self.dtype
        outputs = {
            name: np.empty((samples, *shape), dtype) for name, shape in self._output_shapes.items()
        }
        ready = [np.ascontiguousarray(arrays[name], dtype) for name in self.plan.inputs]
        self._point_to((*ready, *outputs.values()))
        if len(self._in_order) < samples:
            self._in_order = np.arange(samples)
        run.order, run.in_order = self._in_order.ctypes.data, 1
        if self._in_chunks:
            run.batch = samples
        run.samples, run.position, run.loss_sum, run.chunk = samples, 0, 0.0, 0
        while self.call() == TIME_UP:
            pass
        found = {}
        for name, result in self.program.results.items():
            array = outputs[name] if name in outputs else self.read(name)
            found[name] = in_full(array, result, samples, dtype)
        return found
