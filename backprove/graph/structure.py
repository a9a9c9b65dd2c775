"""The shape of a graph of neurons: levels, and its edges sorted for each direction.

A neuron's level is the length of the longest path that leads to it from an input. Neurons are
renumbered by level (and by activation within one), so that what is computed together lies
together. Edges are stored twice: by right neuron for the forward pass, by left neuron for the
backward pass. Every sum then belongs to one neuron and has one order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Array: TypeAlias = NDArray[Any]
NameOf: TypeAlias = Callable[[int], str]

MAX_EDGES = 100_000_000
_SHOWN = 6  # neurons of a cycle that a message names


@dataclass(frozen=True)
class Structure:
    """N neurons in L levels and E edges; all indices int32, from 0.

    neuron: (N,) the caller's number of each neuron. place: (N,) its inverse.
    level: (L+1,) where each level's neurons begin; level 0 holds the inputs.
    into: (N+1,) where each neuron's left edges begin, in forward order; left: (E,) the neuron
    from which each of them comes; stored: (E,) its place in backward order.
    out_of: (N+1,) where each neuron's right edges begin, in backward order; right: (E,) the
    neuron to which each leads.
    edge: (E,) the caller's number of each edge, in backward order.
    kinds: (N,) the number of each neuron's activation, ascending within a level.
    """

    neuron: Array
    place: Array
    level: Array
    into: Array
    left: Array
    stored: Array
    out_of: Array
    right: Array
    edge: Array
    kinds: Array

    @property
    def neurons(self) -> int:
        return len(self.neuron)

    @property
    def edges(self) -> int:
        return len(self.left)

    @property
    def levels(self) -> int:
        return len(self.level) - 1

    @property
    def inputs(self) -> int:
        """How many neurons are inputs: numbers 0, …, inputs - 1."""
        return int(self.level[1])


def structure(neurons: int, left: Array, right: Array, kinds: Array, name_of: NameOf) -> Structure:
    """Sort a graph; left, right: (E,) the neurons that each edge joins, numbered from 0.

    kinds: (N,) the number of each neuron's activation. name_of: a neuron's name, for messages.
    Raises DataError for no edges, a self loop, an edge that occurs twice, a cycle, and a neuron
    without edges.
    """
    if not len(left):
        raise DataError(
            "the graph has no edges, so there is nothing to train", "give it at least one edge"
        )
    if len(left) > MAX_EDGES:
        raise DataError(f"{len(left):,} edges are more than the {MAX_EDGES:,} that are handled")
    _refuse_loops(left, right, name_of)
    _refuse_lonely(neurons, left, right, name_of)
    by_left = np.argsort(left.astype(np.int64) * neurons + right)
    _refuse_doubles(left, right, by_left, name_of)
    level = levels(neurons, left, right, by_left, name_of)
    inputs_first = np.where(level == 0, 0, kinds)  # an input has no activation to sort by
    neuron = np.lexsort((inputs_first, level)).astype(np.int32)
    place = np.empty(neurons, np.int32)
    place[neuron] = np.arange(neurons, dtype=np.int32)
    new_left, new_right = place[left], place[right]
    edge = np.argsort(new_left.astype(np.int64) * neurons + new_right).astype(np.int32)
    stored = np.argsort(new_right[edge].astype(np.int64) * neurons + new_left[edge])
    stored = stored.astype(np.int32)
    return Structure(
        neuron=neuron,
        place=place,
        level=_starts(level, int(level.max()) + 1),
        into=_starts(new_right, neurons),
        left=new_left[edge][stored],
        stored=stored,
        out_of=_starts(new_left, neurons),
        right=new_right[edge],
        edge=edge,
        kinds=inputs_first[neuron].astype(np.int32),
    )


def _starts(numbers: Array, length: int) -> Array:
    """Where each number's entries begin once they are sorted, and where the last end."""
    starts = np.zeros(length + 1, np.int32)
    np.cumsum(np.bincount(numbers, minlength=length), out=starts[1:])
    return starts


def levels(neurons: int, left: Array, right: Array, by_left: Array, name_of: NameOf) -> Array:
    """The length of the longest path to each neuron, shape (N,), in time linear in the edges.

    by_left: an order of the edges in which those of one left neuron stand together.
    Raises DataError for a cycle, which it names.
    """
    targets = right[by_left]
    starts = np.zeros(neurons + 1, np.int64)
    np.cumsum(np.bincount(left, minlength=neurons), out=starts[1:])
    missing = np.bincount(right, minlength=neurons)
    level = np.full(neurons, -1, np.int64)
    front = np.flatnonzero(missing == 0)
    depth = 0
    while len(front):
        level[front] = depth
        reached = targets[_ranges(starts[front], starts[front + 1])]
        np.subtract.at(missing, reached, 1)
        front = np.unique(reached[missing[reached] == 0])
        depth += 1
    if (level < 0).any():
        raise DataError(
            f"the graph has a cycle: {_cycle(left, right, level < 0, name_of)}",
            "a network is acyclic: leave out one of these edges",
        )
    return level


def _ranges(first: Array, last: Array) -> Array:
    """All numbers from first[0] to last[0] - 1, then from first[1] on, and so on."""
    counts = last - first
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    shifts: Array = np.repeat(first - (ends - counts), counts)
    return shifts + np.arange(total)


def _cycle(left: Array, right: Array, unsorted: Array, name_of: NameOf) -> str:
    """One cycle in words: every unsorted neuron has an unsorted one to its left."""
    among = unsorted[left] & unsorted[right]
    before = np.full(len(unsorted), -1, np.int64)
    before[right[among]] = left[among]
    here, seen = int(right[among][0]), dict[int, int]()
    while here not in seen:
        seen[here] = len(seen)
        here = int(before[here])
    around = [n for n, position in seen.items() if position >= seen[here]]
    names = [name_of(n) for n in reversed(around)]
    names.append(names[0])
    if len(names) > _SHOWN:
        names = [*names[: _SHOWN - 2], f"… ({len(around):,} neurons in all) …", names[-1]]
    return " → ".join(names)


def _refuse_loops(left: Array, right: Array, name_of: NameOf) -> None:
    loops = np.flatnonzero(left == right)
    if len(loops):
        name = name_of(int(left[loops[0]]))
        raise DataError(
            f"the neuron {name} has an edge to itself", "a network is acyclic: leave it out"
        )


def _refuse_lonely(neurons: int, left: Array, right: Array, name_of: NameOf) -> None:
    joined = np.zeros(neurons, bool)
    joined[left] = joined[right] = True
    lonely = np.flatnonzero(~joined)
    if len(lonely):
        others = f" and {len(lonely) - 1:,} more" if len(lonely) > 1 else ""
        raise DataError(
            f"the neuron {name_of(int(lonely[0]))}{others} cannot be reached:"
            f" {'they have' if others else 'it has'} no edges",
            "leave such neurons out, or join them to others",
        )


def _refuse_doubles(left: Array, right: Array, by_left: Array, name_of: NameOf) -> None:
    a, b = left[by_left], right[by_left]
    same = np.flatnonzero((a[1:] == a[:-1]) & (b[1:] == b[:-1]))
    if len(same):
        first = int(same[0])
        raise DataError(
            f"the edge {name_of(int(a[first]))} → {name_of(int(b[first]))} occurs twice",
            "two neurons are joined by one edge at most: add the weights",
        )
