"""What kind of product a contraction is: by a weight matrix, of two layers' samples, or neither.

A weight's axes fall into two groups, those of its rows and those of its columns, each in order:
    forward    z[j,n] = Σ_k w[j,k] a[k,n]
    backward   d[k,n] = Σ_j w[j,k] z[j,n]
    gradient   g[j,k] = Σ_n z[j,n] a[k,n]
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..program import SAMPLES, Contract, Operand
from .views import Views, contiguous


@dataclass(frozen=True)
class Product:
    """A weight matrix times what has samples, or times one vector.

    other: what it is multiplied with. backward: whether the sum is over the matrix's rows. rows,
    columns: of the matrix as it is stored. leading: how many of the weight's axes make its rows.
    """

    weight: int
    other: int
    rows: int
    columns: int
    leading: int
    backward: bool


@dataclass(frozen=True)
class Gradient:
    """The product of two sampled buffers, summed over the samples: a matrix of their features."""

    left: int
    right: int
    rows: int
    columns: int
    leading: int


@dataclass(frozen=True)
class General:
    """Any other sum of products: a loop over each axis."""

    operands: tuple[Operand, ...]
    result: tuple[int, ...]


def pattern(operation: Contract, target: int, views: Views) -> Product | Gradient | General:
    """The kind of a contraction."""
    general = General(operation.operands, operation.result)
    if len(operation.operands) != 2:
        return general
    first, second = operation.operands
    shares = {views.sampled(o.buffer) for o in (first, second)}
    if shares == {True} and not views.sampled(target):
        return _gradient(first, second, operation.result, views) or general
    if shares == {True, False} and views.sampled(target):
        weight, other = (second, first) if views.sampled(first.buffer) else (first, second)
        return _product(weight, other, operation.result, views) or general
    if shares == {False} and not views.sampled(target):
        weight, other = sorted((first, second), key=lambda o: -len(o.axes))
        return _product(weight, other, operation.result, views) or general
    return general


def _product(
    weight: Operand, other: Operand, result: tuple[int, ...], views: Views
) -> Product | None:
    """Every axis of the weight is either kept, and in no other operand, or summed over."""
    sampled = views.sampled(other.buffer)
    free = other.axes[1:] if sampled else other.axes
    kept = result[1:] if sampled else result
    if not sampled and not (free and kept and views.whole(other.buffer)):
        return None
    if not _plain(weight.buffer, views) or not _plain(other.buffer, views):
        return None
    if not views.whole(weight.buffer):
        return None
    axes = weight.axes
    lengths = views.lengths(weight.buffer)
    for backward, inner, outer in ((False, free, kept), (True, kept, free)):
        split = len(outer)
        if axes == (*outer, *inner) and not set(outer) & set(inner):
            rows, columns = prod(lengths[:split]), prod(lengths[split:])
            return Product(weight.buffer, other.buffer, rows, columns, split, backward)
    return None


def _gradient(
    first: Operand, second: Operand, result: tuple[int, ...], views: Views
) -> Gradient | None:
    if first.axes[0] != second.axes[0] or first.axes[0] in result:
        return None
    for left, right in ((first, second), (second, first)):
        outer, inner = left.axes[1:], right.axes[1:]
        if not inner and outer:
            continue  # the one with features gives the columns
        plain = _plain(left.buffer, views) and _plain(right.buffer, views)
        if plain and result == (*outer, *inner) and not set(outer) & set(inner):
            rows = prod(views.lengths(left.buffer))
            columns = prod(views.lengths(right.buffer))
            return Gradient(left.buffer, right.buffer, rows, columns, len(outer))
    return None


def _plain(buffer: int, views: Views) -> bool:
    """Whether the features lie densely, in order."""
    lengths = views.lengths(buffer)
    assert SAMPLES not in lengths
    return contiguous(lengths, views[buffer].strides)
