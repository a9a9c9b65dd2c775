"""How the components of a buffer lie in memory, and where in the one arena they have room.

Sampled buffers lie features × samples, a row for each feature, so that a vector holds one feature
of several samples. A matrix that is multiplied with them lies in column panels, which all three
products read from front to back. All else lies densely. The arena's size is known before it is
asked for.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..program import SAMPLES, Map
from .groups import Unit
from .patterns import Gradient, Product
from .replaced import Replacement
from .views import Views

Array: TypeAlias = NDArray[Any]

PANEL_VECTORS = 2
"""The width of a column panel, in vectors."""


@dataclass(frozen=True)
class Matrix:
    """A buffer as rows × columns in panels of `panel` columns; `leading` axes make the rows."""

    rows: int
    columns: int
    leading: int
    panel: int

    @property
    def size(self) -> int:
        return self.rows * _rounded(self.columns, self.panel)

    def packed(self, array: Array) -> Array:
        """The matrix as it lies in memory, the last panel filled up with zeros."""
        wide = np.zeros((self.rows, _rounded(self.columns, self.panel)), array.dtype)
        wide[:, : self.columns] = array.reshape(self.rows, self.columns)
        panels = wide.reshape(self.rows, -1, self.panel)
        return np.ascontiguousarray(panels.transpose(1, 0, 2)).reshape(-1)

    def unpacked(self, flat: Array, shape: tuple[int, ...]) -> Array:
        """The array whose memory `flat` is."""
        panels = flat.reshape(-1, self.rows, self.panel).transpose(1, 0, 2)
        return panels.reshape(self.rows, -1)[:, : self.columns].reshape(shape)


def matrices(
    units: Iterable[Unit],
    products: Mapping[int, Product | Gradient],
    views: Views,
    lanes: int,
    pairs: Iterable[Replacement],
    loads: Callable[[int, int], bool],
) -> dict[int, Matrix]:
    """The buffers without samples that lie in panels: all uses must see the same matrix.

    products: the pattern of each contraction that is one, by its target. pairs: what is replaced
    by what, so that both must lie alike. loads: whether the loaded BLAS multiplies with a matrix of
    so many rows and columns: it wants whole rows, which are one panel.
    """
    classes = _Classes()
    wanted: dict[int, set[tuple[int, int, int]]] = {}
    # a part of a buffer can be told only where it lies in its own order
    results = [r.buffer for r in views.program.results.values()]
    dense = {views.root(b) for b in results if not views.whole(b)}
    for pair in pairs:
        source = views.root(pair.result.buffer)
        if pair.alike:
            classes.join(source, pair.given)
        else:
            dense |= {source, pair.given}
    for unit in units:
        if unit.space is not None and SAMPLES not in unit.space:
            _alike(unit, views, classes, dense)
            continue
        for i in unit.instructions:
            found = products.get(i.target)
            if isinstance(found, Product):
                seen = (found.rows, found.columns, found.leading)
                wanted.setdefault(views.root(found.weight), set()).add(seen)
                if not views.whole(found.weight):
                    dense.add(views.root(found.weight))
                dense |= {b for b in (views.root(found.other), i.target) if not views.sampled(b)}
            elif isinstance(found, Gradient):
                wanted.setdefault(i.target, set()).add((found.rows, found.columns, found.leading))
            else:
                dense.add(i.target)
                dense.update(views.reads[i.target])
    whole: dict[int, set[tuple[int, int, int]]] = {}
    spoilt = {classes.top(b) for b in dense}
    for buffer, seen_as in wanted.items():
        whole.setdefault(classes.top(buffer), set()).update(seen_as)
    made = {}
    for buffer in {*classes.members, *wanted}:
        top = classes.top(buffer)
        seen_as = whole.get(top, set())
        if len(seen_as) == 1 and top not in spoilt and not views.sampled(buffer):
            (shape,) = seen_as
            panel = min(PANEL_VECTORS * lanes, _rounded(shape[1], lanes))
            if loads(shape[0], shape[1]):
                panel = row_stride(shape[1], lanes)
            made[buffer] = Matrix(*shape, panel)
    return made


def _alike(unit: Unit, views: Views, classes: _Classes, dense: set[int]) -> None:
    """What a group without samples reads and makes: alike where it goes component by component."""
    for i in unit.instructions:
        assert isinstance(i.operation, Map)
        lengths = views.lengths(i.target)
        for operand in i.operation.operands:
            own, root = views.lengths(operand.buffer), views.roots[operand.buffer]
            if not own:
                if root in unit.askew:
                    dense.add(root)
            elif own == lengths and root not in unit.askew:
                classes.join(root, i.target)
            else:
                dense |= {root, i.target}


class _Classes:
    """Buffers that must lie alike."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    @property
    def members(self) -> Iterable[int]:
        return self._above

    def top(self, buffer: int) -> int:
        above = self._above
        while (higher := above.get(buffer, buffer)) != buffer:
            above[buffer] = above[higher]  # shorter ways for those who come later
            buffer = higher
        return buffer

    def join(self, a: int, b: int) -> None:
        a, b = self.top(a), self.top(b)
        self._above[a] = self._above[b] = b


def _rounded(length: int, step: int) -> int:
    return -(-length // step) * step


def row_stride(columns: int, lanes: int) -> int:
    """A row's length in reals: an odd number of vectors from 8 on, as powers of 2 crowd into few
    sets of the cache."""
    vectors = -(-columns // lanes)
    return lanes * (vectors + 1 if vectors >= 8 and vectors % 2 == 0 else vectors)


def dense_size(lengths: tuple[int, ...], lanes: int) -> int:
    """Reals of a dense buffer: whole vectors, so that a loop over it needs no remainder."""
    return _rounded(prod(lengths), lanes)


class Arena:
    """Places for buffers, first fit; what is given back is used again.

    unit: every place begins at a multiple of it.
    """

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.size = 0
        self._free: list[tuple[int, int]] = []  # start, size; in order, never adjacent

    def take(self, size: int) -> int:
        """The start of a free place."""
        size = _rounded(max(size, 1), self.unit)
        best = None
        for number, (_, there) in enumerate(self._free):
            if there >= size and (best is None or there < self._free[best][1]):
                best = number
        if best is None:
            start = self.size
            self.size += size
            return start
        start, there = self._free.pop(best)
        if there > size:
            self._free.insert(best, (start + size, there - size))
        return start

    def give_back(self, start: int, size: int) -> None:
        """Free a place."""
        size = _rounded(max(size, 1), self.unit)
        free = self._free
        place = bisect(free, (start, size))
        if place < len(free) and free[place][0] == start + size:
            size += free.pop(place)[1]
        if place and sum(free[place - 1]) == start:
            start, before = free[place - 1]
            free[place - 1] = (start, before + size)
        else:
            free.insert(place, (start, size))
