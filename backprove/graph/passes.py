"""The forward and backward pass over a graph in NumPy, level by level.

At each neuron z = b + sum(w[e]*h[left]) over its left edges, h = f(z), t = f'(z); from the loss
back v = t * sum(w[e]*v[right]) over its right edges, where v[right] of an output is the
loss's derivative in it; the gradient of an edge is g = v[right]*h[left]. Arrays are neurons ×
samples. Sums over edges are SciPy's sparse products where SciPy is installed, else NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .scalars import activation, losses_and_slopes
from .structure import Structure

Array: TypeAlias = NDArray[Any]
SumOverEdges: TypeAlias = Callable[[Array], Array]
"""An array neurons × samples -> the weighted sums of one level's neurons, level × samples."""

_CHUNK = 1 << 19  # numbers of a product that is summed over samples: it stays in the cache


@dataclass(frozen=True)
class Model:
    """What is computed: the sorted graph, an activation a kind, the loss, the outputs' places."""

    structure: Structure
    activations: tuple[str, ...]
    loss: str
    outputs: Array


@dataclass(frozen=True)
class Parameters:
    """w: (E,) weights in backward order. b: (N,) biases, 0 at inputs; both of one dtype.

    biased: whether biases are trained, or stay as they are.
    """

    w: Array
    b: Array
    biased: bool


@dataclass(frozen=True)
class Pass:
    """losses: (B,). h, v: (N, B) for each sample. g: (E,) in backward order and gb: (N,), means
    over the samples."""

    losses: Array
    h: Array
    v: Array
    g: Array
    gb: Array


class NumpyPasses:
    """Both passes, for parameters that stay in the arrays in which they were given."""

    def __init__(self, model: Model, parameters: Parameters) -> None:
        self.model, self.parameters = model, parameters
        s = model.structure
        self.forward_weights = np.empty_like(parameters.w)
        self.edge_left = np.repeat(np.arange(s.neurons, dtype=np.int32), np.diff(s.out_of))
        self.ranges = ranges = list(pairwise(s.level.tolist()))
        self.runs = [tuple(_runs(s.kinds, a, b)) for a, b in ranges]
        inner = np.ones(s.neurons, bool)
        inner[model.outputs] = False  # an output's v does not come from the right
        self.inner = [_mask(inner[a:b]) for a, b in ranges]
        self.forward_sums = [
            _sum_over_edges(self.forward_weights, s.left, s.into[a : b + 1], s.neurons)
            for a, b in ranges[1:]
        ]
        self.backward_sums = [
            _sum_over_edges(parameters.w, s.right, s.out_of[a : b + 1], s.neurons)
            for a, b in ranges
        ]

    def forward(self, x: Array, slopes: bool = True) -> tuple[Array, Array]:
        """h and t, (N, B); x: (B, inputs) in the order of the sorted neurons.

        Where no slopes are wanted, t is empty.
        """
        s, p = self.model.structure, self.parameters
        np.take(p.w, s.stored, out=self.forward_weights)
        h = np.empty((s.neurons, len(x)), p.w.dtype)
        t = np.ones((s.neurons if slopes else 0, len(x)), p.w.dtype)
        h[: s.inputs] = x.T
        levels = zip(self.ranges[1:], self.runs[1:], self.forward_sums, strict=True)
        for (first, last), runs, sums in levels:
            z = sums(h)
            z += p.b[first:last, None]
            for kind, a, b in runs:
                value, slope = activation(self.model.activations[kind])(z[a - first : b - first])
                h[a:b] = value
                if slopes:
                    t[a:b] = slope
        return h, t

    def run(self, x: Array, y: Array) -> Pass:
        """Loss, values and gradients; y: (B, outputs)."""
        s, p = self.model.structure, self.parameters
        h, v = self.forward(x)  # each slope becomes a v in its place
        outputs = self.model.outputs
        losses, right = losses_and_slopes(self.model.loss, h[outputs], np.ascontiguousarray(y.T))
        v[outputs] *= right
        with np.errstate(all="ignore"):  # overflow shows in the numbers themselves
            for level in reversed(range(s.levels)):
                first, last = self.ranges[level]
                inner = self.inner[level]
                if inner is None:
                    v[first:last] *= self.backward_sums[level](v)
                elif len(inner):
                    v[first + inner] *= self.backward_sums[level](v)[inner]
            g = _products(v, s.right, h, self.edge_left) / p.w.dtype.type(len(x))
        gb = v.mean(axis=1)
        gb[: s.inputs] = 0
        return Pass(losses, h, v, g, gb)

    def gradients(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """Losses, and the gradients of weights and biases, as in `Pass`."""
        found = self.run(x, y)
        return found.losses, found.g, found.gb

    def epoch(self, x: Array, y: Array, order: Array, batch: int, rate: float) -> tuple[float, int]:
        """Gradient descent over mini-batches of the samples in an order; the sum of the losses,
        and the number of steps.

        It is not finite where the loss of the last of them was not; training stops there.
        """
        total, steps, p = 0.0, 0, self.parameters
        kind = p.w.dtype.type
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            found = self.run(x[rows], y[rows])
            np.subtract(p.w, kind(rate) * found.g, out=p.w)
            if p.biased:
                np.subtract(p.b, kind(rate) * found.gb, out=p.b)
            total += float(found.losses.sum(dtype=np.float64))
            steps += 1
            if not np.isfinite(total):
                break
        return total, steps

    def predict(self, x: Array) -> Array:
        """The outputs' values, (B, outputs)."""
        return self.forward(x, slopes=False)[0][self.model.outputs].T


def _runs(kinds: Array, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """(kind, begin, end) of neurons of one kind that stand together."""
    here = kinds[first:last]
    cuts = [0, *(np.flatnonzero(np.diff(here)) + 1).tolist(), last - first]
    for a, b in pairwise(cuts):
        yield int(here[a]), first + a, first + b


def _mask(wanted: Array) -> Array | None:
    """Where it holds; None where it holds everywhere."""
    return None if wanted.all() else np.flatnonzero(wanted)


def _products(v: Array, right: Array, h: Array, left: Array) -> Array:
    """sum over samples of v[right]*h[left], for every edge; shape (E,)."""
    if v.shape[1] == 1:
        return np.asarray(v[right, 0] * h[left, 0])
    g = np.empty(len(right), v.dtype)
    rows = max(1, _CHUNK // v.shape[1])
    for a in range(0, len(right), rows):
        b = a + rows
        np.einsum("es,es->e", v[right[a:b]], h[left[a:b]], out=g[a:b])
    return g


def _sum_over_edges(weights: Array, ends: Array, starts: Array, neurons: int) -> SumOverEdges:
    """The sums of one level: weights and ends of its edges, each neuron's from its start on."""
    first, last = int(starts[0]), int(starts[-1])
    w, end, begin = weights[first:last], ends[first:last], starts - first
    try:
        from scipy.sparse import csr_array  # heavy, and optional
    except ImportError:
        return _by_numpy(w, end, begin)
    matrix = csr_array((w, end, begin), shape=(len(begin) - 1, neurons), copy=False)
    matrix.data = w  # not the copy that the constructor takes of a part of a large array
    return lambda values: np.asarray(matrix @ values)


def _by_numpy(w: Array, end: Array, begin: Array) -> SumOverEdges:
    # reduceat takes an empty stretch for its first number: neurons without edges are left out
    filled = np.flatnonzero(np.diff(begin))
    at = begin[:-1][filled]

    def sums(values: Array) -> Array:
        found = np.zeros((len(begin) - 1, values.shape[1]), values.dtype)
        if len(at):
            found[filled] = np.add.reduceat(values[end] * w[:, None], at, axis=0)
        return found

    return sums
