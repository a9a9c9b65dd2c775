"""Both passes and gradient descent over a graph in C: `run/c/kernels/graph.h`, driven from here.

Weights and biases stay in the arrays of `Parameters`, which the C changes in place. A batch is
worked through in parts of a few vectors of samples.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ..run.c.blas import default_threads, one_blas_thread
from ..run.c.cache import library
from ..run.c.compiler import Options, levels
from .passes import Array, Model, Parameters, Pass
from .printing import TERMS, library_text

CALL_SECONDS = 0.1
"""The longest that one call takes, so that Ctrl-C is answered at once."""
MOST_VECTORS = 8
"""Vectors of samples that a neuron has at once."""
SMALL = 6_000
"""Edges, and neurons times 4, times vectors, of a level that is left to one thread."""
WORTH_THREADS = 30_000
"""The same of all larger levels together below which one thread is faster than several."""

_I, _D, _P = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
_FORWARD, _GRADIENT = 0, 1


class Graph(ctypes.Structure):
    """`struct graph` of kernels/graph.h, field by field."""

    _fields_ = (
        *((name, _P) for name in (
            "level", "into", "left", "stored", "out_of", "right", "kinds", "outputs",
            "w", "b", "g", "gb", "h", "v", "u", "y", "slope", "losses", "x_rows", "y_rows",
            "order",
        )),
        *((name, _I) for name in (
            "levels", "inputs", "output_count", "neurons", "edges", "vectors", "ldn", "threads",
            "small", "loss", "biased", "mode", "batch", "samples", "position",
        )),
        ("rate", _D), ("seconds", _D), ("loss_sum", _D), ("finite", _I), ("going", _I),
        ("first", _I), ("count", _I), ("scale", _D), ("adds", _I), ("deadline", _D),
    )  # fmt: skip


class CompiledPasses:
    """Both passes over a graph for batches of up to `batch` samples; as `NumpyPasses`.

    threads: the most that are used, where there is work for them; None for as many as this
    process may use. Results do not depend on them. Raises Unavailable without a compiler that
    works.
    """

    def __init__(
        self, model: Model, parameters: Parameters, batch: int, threads: int | None
    ) -> None:
        self.model, self.parameters = model, parameters
        s, dtype = model.structure, parameters.w.dtype
        options = Options(levels()[0], dtype == np.float64)
        key = ["graph", *model.activations]
        loaded = library(key, lambda: (library_text(model.activations),), options)
        self._library = loaded.handle
        if self._library.graph_size() != ctypes.sizeof(Graph):
            raise AssertionError("Graph is not laid out as struct graph")
        lanes = options.level.vector_bytes // dtype.itemsize
        vectors = 0 if batch == 1 else min(MOST_VECTORS, _power_of_two(-(-batch // lanes)))
        self.columns = ldn = max(1, vectors * lanes)
        work = (np.diff(s.into[s.level]) + 4 * np.diff(s.level)) * max(1, vectors)
        if work[work >= SMALL].sum() < WORTH_THREADS:
            threads = 1
        elif threads is None:
            threads = default_threads()
        outputs = len(model.outputs)
        self._h, self._v = (_aligned(s.neurons * ldn, dtype) for _ in range(2))
        self._losses = np.zeros(ldn)
        self._kept = {
            "level": s.level, "into": s.into, "left": s.left, "stored": s.stored,
            "out_of": s.out_of, "right": s.right, "kinds": s.kinds, "outputs": model.outputs,
            "w": parameters.w, "b": parameters.b, "h": self._h, "v": self._v,
            "losses": self._losses,
            **{name: np.zeros(outputs * ldn, dtype) for name in ("u", "y", "slope")},
        }  # fmt: skip
        self._graph = Graph(
            levels=s.levels, inputs=s.inputs, output_count=outputs, neurons=s.neurons,
            edges=s.edges, vectors=vectors, ldn=ldn, threads=threads, small=SMALL,
            biased=parameters.biased, loss=TERMS.index(model.loss) if model.loss in TERMS else -1,
        )  # fmt: skip
        for name, array in self._kept.items():
            setattr(self._graph, name, array.ctypes.data)

    def run(self, x: Array, y: Array) -> Pass:
        """Loss, values and gradients; x: (B, inputs), y: (B, outputs)."""
        s, g = self.model.structure, self._graph
        x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        gradients, biases = self._gradients()
        found = Pass(
            np.zeros(len(x)), self._sampled(len(x)), self._sampled(len(x)), gradients, biases
        )
        g.mode, g.scale = _GRADIENT, 1 / len(x)
        for first, last in self._parts(x, y):
            g.adds = first > 0
            self._call("graph_once")
            count = last - first
            found.losses[first:last] = self._losses[:count]
            found.h[:, first:last] = self._h.reshape(s.neurons, -1)[:, :count]
            found.v[:, first:last] = self._v.reshape(s.neurons, -1)[:, :count]
        return found

    def gradients(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """Losses, and the gradients of weights and biases, as in `Pass`."""
        x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        losses = np.zeros(len(x))
        g, gb = self._gradients()
        self._graph.mode, self._graph.scale = _GRADIENT, 1 / len(x)
        for first, last in self._parts(x, y):
            self._graph.adds = first > 0
            self._call("graph_once")
            losses[first:last] = self._losses[: last - first]
        return losses, g, gb

    def predict(self, x: Array) -> Array:
        """The outputs' values, (B, outputs)."""
        s = self.model.structure
        x = np.ascontiguousarray(x)
        made = np.empty((len(x), len(self.model.outputs)), x.dtype)
        self._graph.mode = _FORWARD
        for first, last in self._parts(x, None):
            self._call("graph_once")
            values = self._h.reshape(s.neurons, -1)[self.model.outputs]
            made[first:last] = values[:, : last - first].T
        return made

    def epoch(self, x: Array, y: Array, order: Array, batch: int, rate: float) -> tuple[float, int]:
        """Gradient descent over mini-batches of the samples in an order; the sum of the losses,
        and the number of steps.

        It is not finite where the loss of the last of them was not; training stops there.
        """
        g = self._graph
        order = np.ascontiguousarray(order, np.int64)
        kept = {"x_rows": np.ascontiguousarray(x), "y_rows": np.ascontiguousarray(y)}
        kept["order"] = order
        if batch > self.columns:
            self._gradients()
        for name, array in kept.items():
            setattr(g, name, array.ctypes.data)
        g.batch, g.samples, g.position, g.rate, g.seconds = batch, len(order), 0, rate, CALL_SECONDS
        total = 0.0
        while g.position < len(order) and np.isfinite(total):
            self._call("graph_steps")
            total += g.loss_sum
        return total, -(-g.position // batch)

    def _call(self, name: str) -> None:
        # our threads and NumPy's would take each other's cores
        if self._graph.threads > 1:
            with one_blas_thread():
                self._library[name](ctypes.byref(self._graph))
        else:
            self._library[name](ctypes.byref(self._graph))

    def _gradients(self) -> tuple[Array, Array]:
        """New arrays for the gradients of weights and biases."""
        s, dtype = self.model.structure, self.parameters.w.dtype
        g, gb = np.zeros(s.edges, dtype), np.zeros(s.neurons, dtype)
        self._kept.update(g=g, gb=gb)
        self._graph.g, self._graph.gb = g.ctypes.data, gb.ctypes.data
        return g, gb

    def _parts(self, x: Array, y: Array | None) -> Any:
        """The samples in parts that fit, each set in the C's structure before it is yielded."""
        g = self._graph
        g.order, g.x_rows = None, x.ctypes.data
        g.y_rows = None if y is None else y.ctypes.data
        for first in range(0, len(x), self.columns):
            g.first, g.count = first, min(self.columns, len(x) - first)
            yield first, first + g.count

    def _sampled(self, samples: int) -> Array:
        return np.empty((self.model.structure.neurons, samples), self.parameters.w.dtype)


def _power_of_two(number: int) -> int:
    """The least power of two that is not smaller."""
    return 1 << (number - 1).bit_length()


def _aligned(length: int, dtype: np.dtype[Any]) -> Array:
    """Zeros that begin at a cache line."""
    line = 64
    block = np.zeros(length * dtype.itemsize + line, np.uint8)
    start = -block.ctypes.data % line
    return block[start : start + length * dtype.itemsize].view(dtype)
