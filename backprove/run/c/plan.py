"""A program as a plan: calls, phases between which threads meet, a place for each buffer.

Within a phase a thread works on its own columns (samples) or its own share of a call without
samples, and waits for nobody; what needs all samples, or all of a matrix, comes in a later phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..program import Program
from .call import ALONE, SAMPLED, Call, Kernel
from .calls import Calls
from .sharing import share_by_rows
from .storage import Arena, Matrix

Array: TypeAlias = NDArray[Any]


class Place(NamedTuple):
    """Where a buffer without samples lies in the arena, in reals."""

    at: int
    shape: tuple[int, ...]
    matrix: Matrix | None
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All that is needed to run a program.

    table: words for driver.h. size: of the arena, in reals. columns: reals from one feature to
    the next. room: samples that are in the arena at once.
    inputs, outputs: the sampled buffers that are read from and written to arrays outside, by
    name, in the order of `external`; with their features. given, results: places of those
    without samples. initial: what is put into the arena at first. operations: of one mini-batch.
    apart: whether no thread needs what another one does. calls_blas: whether it needs the BLAS that
    is loaded.
    """

    kernels: tuple[Kernel, ...]
    table: Array
    size: int
    columns: int
    room: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    given: Mapping[str, Place]
    results: Mapping[str, Place]
    initial: tuple[tuple[Place, Array], ...]
    operations: float
    apart: bool
    calls_blas: bool


def _ordered(made: Calls) -> list[Call]:
    """The calls in an order in which they can be made: readers before what replaces."""
    calls = made.calls
    maker = {b: n for n, call in enumerate(calls) for b in call.writes}
    readers: dict[int, set[int]] = {}
    for n, call in enumerate(calls):
        for b in call.reads:
            readers.setdefault(b, set()).add(n)
    waits = [
        ({maker[b] for b in call.reads if b in maker})
        .union(*(readers.get(b, set()) for b in made.overwritten(call)))
        .difference({n})
        for n, call in enumerate(calls)
    ]
    done: list[Call] = []
    placed: set[int] = set()
    for start in range(len(calls)):
        stack = [start]
        while stack:
            n = stack[-1]
            waiting = [] if n in placed else sorted(waits[n] - placed, reverse=True)
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if n not in placed:
                placed.add(n)
                done.append(calls[n])
    return done


def _shared(made: Calls, threads: int) -> tuple[list[Call], int]:
    """The calls as they are shared by so many threads, in phases."""
    share_by_rows(made, threads)
    return _in_phases(made)


class NotInChunks(Exception):
    """Something that has samples needs a sum over all of them."""


def _in_phases(made: Calls) -> tuple[list[Call], int]:
    """The calls in order, each in the earliest phase in which it can be, and the number of phases
    of the first part.

    Sampled calls follow each other within a phase, as a thread needs its own columns only; so do
    calls by rows, where it needs its own rows only, and calls that one thread does alone, if
    that is the same thread: a chain.
    """
    maker: dict[int, Call] = {}
    readers: dict[int, list[Call]] = {}
    chains = 0
    for call in made.calls:
        for buffer in call.reads:
            readers.setdefault(buffer, []).append(call)
    calls = _ordered(made)
    second = _after_sums(made, calls)
    first = 0
    for call in sorted(calls, key=lambda call: id(call) in second):
        floor = first if id(call) in second else 0
        call.phase = floor
        before = [(maker[b], b) for b in call.reads if b in maker]
        replaced = [
            (other, b)
            for b in made.overwritten(call)
            for other in readers.get(b, ())
            if other is not call
        ]
        for other, b in (*before, *replaced):
            call.phase = max(call.phase, other.phase + (not call.in_step(other, b)))
        if call.mode == ALONE:
            last = call.phase - 1
            chain = {o.chain for o, _ in before if o.mode == ALONE and o.phase == last}
            others = [o for o, _ in before if o.mode != ALONE] + [o for o, _ in replaced]
            if len(chain) == 1 and last >= floor and all(o.phase < last for o in others):
                call.phase, call.chain = last, chain.pop()
            else:
                chains += 1
                call.chain = chains
        for buffer in call.writes:
            maker[buffer] = call
        if id(call) not in second:
            first = max(first, call.phase + 1)
    return sorted(calls, key=lambda call: call.phase), first


def _after_sums(made: Calls, calls: list[Call]) -> set[int]:
    """The calls (by id) that wait for sums over all chunks of a mini-batch."""
    waiting = set(made.sums)  # buffers, then all that is made of them
    found = set()
    for call in calls:
        if waiting.intersection(call.reads) or (made.chunked and made.overwritten(call)):
            if call.mode == SAMPLED or any(map(made.in_rows, call.writes)):
                raise NotInChunks
            found.add(id(call))
            waiting.update(call.writes)
    return found


def _places(made: Calls, calls: list[Call]) -> tuple[dict[int, int], int]:
    """A place for each buffer, and the arena's size. Rows of samples come first.

    Threads are not in step within a phase. A row that is used again keeps its columns, so each
    thread meets only what it wrote itself; all else is used again in later phases only, and so
    is everything of a phase with calls by rows.
    """
    views, program, own = made.views, made.program, made.own
    used = {b for call in calls for b in call.reads}
    kept = {own(views.root(r.buffer)) for r in program.results.values()}
    kept |= {b for b in program.given.values() if not views.sampled(b)}
    kept |= views.known.keys() & used
    kept |= set(made.aside.values())
    kept |= set(map(own, made.sums))
    lasts: dict[int, int] = {}
    shared: dict[int, int] = {}  # the last phase in which other threads' columns are met
    for n, call in enumerate(calls):
        for b in call.touched:
            lasts[own(b)] = n
            if call.mode != SAMPLED:
                shared[own(b)] = call.phase
    for b in kept:
        lasts[b] = len(calls)
    by_rows = {call.phase for call in calls if call.by_rows}
    rows, rest = Arena(made.columns), Arena(max(made.lanes, 16))

    def room(b: int) -> tuple[Arena, int]:
        return (rows, made.row_size(b)) if made.in_rows(b) else (rest, made.size(b))

    places: dict[int, int] = {}
    late: list[int] = []  # what nothing needs after this phase
    for b in sorted(kept):
        if not made.in_rows(b):
            places[b] = rest.take(made.size(b))
    for n, call in enumerate(calls):
        if n and call.phase != calls[n - 1].phase:
            for b in late:
                arena, size = room(b)
                arena.give_back(places[b], size)
            late = []
        touched = tuple(dict.fromkeys(map(own, call.touched)))
        for b in touched:
            if b not in places:
                arena, size = room(b)
                places[b] = arena.take(size)
        for b in touched:
            by_columns = call.phase not in by_rows and shared.get(b) != call.phase
            if lasts[b] == n and made.in_rows(b) and by_columns:
                rows.give_back(places[b], made.row_size(b))
            elif lasts[b] == n:
                late.append(b)
    start = -(-rows.size // 16) * 16
    moved = {b: at if made.in_rows(b) else start + at for b, at in places.items()}
    return moved, start + rest.size


def _table(
    made: Calls,
    calls: list[Call],
    first: int,
    places: Mapping[int, int],
    library: Sequence[Kernel],
) -> tuple[tuple[Kernel, ...], Array]:
    """The kernels, those of `library` and what else occurs, and the words for driver.h.

    first: phases of the first part.
    """
    kernels = {kernel: number for number, kernel in enumerate(library)}
    phases = len({call.phase for call in calls})
    table: list[int] = [first, phases - first]
    for _, row in groupby(calls, key=lambda call: call.phase):
        together = list(row)
        table.append(len(together))
        for call in together:
            words = [
                places[made.own(word[1])] + word[2] if isinstance(word, tuple) else word
                for word in call.words
            ]
            number = kernels.setdefault(call.kernel, len(kernels))
            units = call.chain if call.mode == ALONE else call.units
            table += [number, call.mode, units, len(words), *words]
    return tuple(kernels), np.array(table, np.int64)


def plan(
    program: Program,
    *,
    fixed: Mapping[str, Array],
    replaced: Mapping[str, str],
    batch: int,
    lanes: int,
    room: int | None = None,
    threads: int = 1,
    kernels: Sequence[Kernel] = (),
    loaded: bool = False,
) -> Plan:
    """Plan a program for mini-batches of up to `batch` samples and vectors of `lanes` reals.

    fixed: values of given buffers that never change. replaced: results that take the place of
    what is given, such as the next weights. room: samples that are in memory at once, where a
    mini-batch may go through in chunks. threads: the most that share it. kernels: of a library
    that is to serve, if it has all that are needed. loaded: whether there is a BLAS to call. The
    plan depends on nothing else, so that it is the same every time.
    """
    chunked = room is not None and room < batch
    at_once = room if chunked and room else batch
    made = Calls(program, fixed, replaced, at_once, lanes, chunked, loaded)
    try:
        calls, first = _shared(made, threads)
    except NotInChunks:
        made = Calls(program, fixed, replaced, batch, lanes, False, loaded)
        calls, first = _shared(made, threads)
    places, size = _places(made, calls)
    every, table = _table(made, calls, first, places, kernels)
    views = made.views

    def place(buffer: int, aside: Mapping[int, int] | None = None) -> Place:
        view = views[buffer]
        root = made.own((aside or {}).get(view.root, view.root))
        at = places[root] + view.start
        return Place(at, views.lengths(buffer), made.matrix.get(view.root), view.strides)

    given = {
        name: place(buffer)
        for name, buffer in program.given.items()
        if not views.sampled(buffer) and name not in fixed
    }
    results = {
        name: place(result.buffer, made.aside)
        for name, result in program.results.items()
        if not views.sampled(result.buffer)
    }
    initial = tuple((place(b), value) for b, value in views.known.items() if b in places)
    operations = sum(call.operations for call in calls)
    return Plan(
        every, table, size, made.columns, made.batch, made.inputs, made.outputs, given, results,
        initial, operations, all(call.mode == SAMPLED for call in calls), made.calls_blas,
    )  # fmt: skip
