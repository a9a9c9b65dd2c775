"""Which calls threads share by rows instead of by samples.

What one core has written, or also reads, another fetches slowly, line by line. Shared by samples,
every thread reads the whole matrix of a product, of which the others have just updated a part. So a
large matrix is shared by rows: each thread multiplies with the rows that it updates itself, and
meets all samples instead, where these are fewer numbers. What follows component by component goes
with it, and data from outside are gathered by every thread for itself.

Nothing is added in another order, so that this changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterable

from .call import EVERY, SAMPLED, SPLIT, Call, Kernel
from .calls import Calls
from .storage import PANEL_VECTORS

_LARGE = 32_000
"""Reals in a matrix from which on it is shared by rows: some times what the first cache holds."""

_FEWEST_ROWS = 24
"""Rows for each thread from which on it is worth while."""

_UNEVEN = 4 / 3
"""How many times its even share of the rows the busiest thread may have."""


def share_by_rows(made: Calls, threads: int) -> None:
    """Change the calls that are better shared by rows."""
    if threads < 2:
        return
    updated = {made.own(pair.given) for pair in made.pairs}
    makers: dict[int, Call] = {}
    sizes = (made.batch, made.lanes, threads)
    for call in made.calls:  # a buffer's maker comes before its readers
        match call.kernel.name:
            case "forward" | "backward" if call.mode == SAMPLED:
                if made.own(call.words[1][1]) in updated and _worth(call, *sizes):
                    _product(call, made.lanes, threads)
            case "gradient" | "gradient_then" if call.mode == SPLIT:
                if _worth(call, *sizes):
                    _gradient(call, made.lanes, threads)
            case "map" if call.mode == SAMPLED:
                _map(call, made.columns, makers)
            case "sum_rows":
                _sum(call, made.lanes, makers)
            case "map":
                _flat_map(call, made, makers)
            case _:
                continue
        if call.by_rows:
            makers.update(dict.fromkeys(call.writes, call))
    _gather_by_every(made, threads)


def _worth(call: Call, batch: int, lanes: int, threads: int) -> bool:
    """Whether the matrix is large, more numbers than the samples on both its sides, and parted
    evenly enough."""
    rows, columns = call.words[3:5]
    shared, unit = rows, _unit(rows, _across(call, lanes), lanes, threads)
    if call.kernel.name == "backward":
        shared, unit = columns, _across(call, lanes)
    busiest = unit * -(-shared // (unit * threads))
    even = shared >= _FEWEST_ROWS * threads and busiest * threads < _UNEVEN * shared
    size: int = rows * columns
    return bool(even and size >= max(_LARGE, batch * (rows + columns)))


def _share(call: Call, rows: int, unit: int) -> None:
    """Split a call by units of so many rows."""
    call.mode, call.units, call.rows_per_unit = SPLIT, -(-rows // unit), unit


def _across(call: Call, lanes: int) -> int:
    """Columns that a backward product with this matrix may begin at a multiple of."""
    if call.kernel.name in ("forward", "backward"):
        return int(call.words[8])
    return int(min(call.words[5], PANEL_VECTORS * lanes))  # gradients have whole vectors in a panel


def _unit(rows: int, across: int, lanes: int, threads: int) -> int:
    """Rows of a unit: as backward products need, where that parts them evenly."""
    return across if across % lanes == 0 and rows % (across * threads) == 0 else lanes


def _product(call: Call, lanes: int, threads: int) -> None:
    """Words: result, matrix, factor, the matrix's rows, columns and panel, …"""
    rows, columns = call.words[3:5]
    if call.kernel.name == "forward":
        call.words[8] = _unit(rows, _across(call, lanes), lanes, threads)
        call.kernel = Kernel("forward_rows")
        _share(call, rows, call.words[8])
    else:
        call.kernel = Kernel("backward_rows")
        _share(call, columns, call.words[8])
    call.by_rows = frozenset(call.writes)


def _gradient(call: Call, lanes: int, threads: int) -> None:
    """Words: rows of a unit, left factor, right factor, rows, columns, panel, …"""
    rows = call.words[3]
    call.words[0] = _unit(rows, _across(call, lanes), lanes, threads)
    _share(call, rows, call.words[0])
    _, left, start = call.words[1]
    call.by_rows = frozenset({left} if start == 0 else ()) | frozenset(call.writes)


def _map(call: Call, columns: int, makers: dict[int, Call]) -> None:
    """Words: the extent of each axis, then for each buffer its place and strides."""
    form = call.kernel.form
    if form is None or form.rank != 1:
        return
    extent, *words = call.words
    varying = [sampled for sampled, _ in form.reads] + [True] * len(form.stored)
    whole: set[int] = set()
    others: set[int] = set()
    for place, stride, sampled in zip(words[::2], words[1::2], varying, strict=True):
        if sampled:
            by_its_rows = place[2] == 0 and stride == columns
            (whole if by_its_rows else others).add(place[1])
    whole -= others  # of h[i]*h[1], a thread meets more than its own rows of h
    unit = _unit_of_maker(call, extent, whole, makers)
    if unit:
        call.kernel, call.words = Kernel("map_rows", form), [unit, *call.words]
        _share(call, extent, unit)
        call.by_rows = frozenset(whole)


def _sum(call: Call, lanes: int, makers: dict[int, Call]) -> None:
    """Words: result, source, rows, vectors of the result in a unit."""
    _, source, start = call.words[1]
    rows = call.words[2]
    unit = _unit_of_maker(call, rows, () if start else (source,), makers, lanes)
    if unit:
        call.words[3] = unit // lanes
        _share(call, rows, unit)
        call.by_rows = frozenset((source, *call.writes))


def _flat_map(call: Call, made: Calls, makers: dict[int, Call]) -> None:
    """After a sum by rows; words: vectors in a unit, vectors, places."""
    form = call.kernel.form
    if form is None or not form.flat:
        return
    size, lanes = made.size(call.writes[0]), made.lanes
    reads = list(zip(call.reads, form.reads, strict=True))
    single = {b for b, (_, single) in reads if single}
    several = [b for b, _ in reads if b not in single]
    unit = _unit_of_maker(call, size, several, makers, lanes)
    if unit and all(made.size(b) == size for b in (*several, *call.writes)):
        call.words[0] = unit // lanes
        _share(call, size, unit)
        call.by_rows = frozenset((*several, *call.writes))


def _unit_of_maker(
    call: Call, rows: int, whole: Iterable[int], makers: dict[int, Call], multiple: int = 1
) -> int:
    """The rows of a unit, a multiple of that, in a call by rows that made one of these buffers of
    so many rows; 0 where there is none."""
    for buffer in set(call.reads).intersection(makers, whole):
        maker = makers[buffer]
        unit = maker.rows_per_unit
        if maker.units == -(-rows // unit) and unit % multiple == 0:
            return unit
    return 0


_APART = {
    "gather": {2: 5, 3: 6},
    "forward_rows": {2: 6},
    "gradient": {2: 7},
    "gradient_then": {2: 7},
}
"""Which words are places of what is gathered, and which say how far threads' copies lie apart."""


def _gather_by_every(made: Calls, threads: int) -> None:
    """Give each thread copies of the data that nothing but products by rows reads, as a factor."""
    for gather in made.calls:
        if gather.kernel.name != "gather":
            continue
        readers = [call for call in made.calls if not set(call.reads).isdisjoint(gather.writes)]
        if not readers or not all(_reads_its_factor(call, gather) for call in readers):
            continue
        gather.mode = EVERY
        for buffer in gather.writes:
            size = made.row_size(buffer) if made.in_rows(buffer) else made.size(buffer)
            copies = made.new(threads * size)
            for call in (gather, *readers):
                _replace(call, buffer, copies, size)


def _reads_its_factor(call: Call, gather: Call) -> bool:
    """Whether a call shared by rows meets what is gathered only as the factor of a product."""
    met = [n for n, w in enumerate(call.words) if isinstance(w, tuple) and w[1] in gather.writes]
    return bool(call.by_rows) and met == list(_APART.get(call.kernel.name, ()))


def _replace(call: Call, buffer: int, copies: int, size: int) -> None:
    """Let a place in a buffer be the same place in each thread's copy of it."""
    for place, apart in _APART[call.kernel.name].items():
        word = call.words[place]
        if isinstance(word, tuple) and word[1] == buffer:
            call.words[place], call.words[apart] = ("at", copies, word[2]), size
            call.copies |= {copies}
    call.reads = tuple(copies if b == buffer else b for b in call.reads)
    call.writes = tuple(copies if b == buffer else b for b in call.writes)
