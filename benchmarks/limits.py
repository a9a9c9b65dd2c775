"""What the machine can do: matrix products of BLAS alone, and memory.

    peak(threads)      sgemm of 2048 × 2048 matrices by NumPy's own BLAS, in operations a second
    products(work)     the matrix products of one step, or of one prediction, and nothing else
    bandwidth()        bytes a second of a[i] = b[i] + s*c[i], written and read, in NumPy

The number of threads is that of the process: see `worker.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from workloads import Predicting, Training

Array = NDArray[Any]
Run = Callable[[], None]

PEAK_SIZE = 2048
_TRIAD = 16 * 2**20  # numbers in an array: 64 MB, much more than the cache beside a core


def products(work: Training | Predicting) -> dict[str, Run]:
    """The products of the same shapes, in both layouts: samples × features and the other."""
    return {
        "samples × features": _products(work, samples_first=True),
        "features × samples": _products(work, samples_first=False),
    }


def _products(work: Training | Predicting, samples_first: bool) -> Run:
    """Forward, and for training backward to all but the first layer, and for every weight."""
    random = np.random.default_rng(0)

    def made(*shape: int) -> Array:
        return random.standard_normal(shape, dtype=np.float32)

    forward: list[tuple[Array, Array, Array]] = []
    back: list[tuple[Array, Array, Array]] = []
    for n, (k, j) in enumerate(pairwise(work.sizes)):
        w, g, b = made(j, k), made(j, k), work.batch
        if samples_first:
            a, z, d = made(b, k), made(b, j), made(b, k)
            forward.append((a, w.T, z))
            products = [(z.T, a, g), (z, w, d)]
        else:
            a, z, d = made(k, b), made(j, b), made(k, b)
            forward.append((w, a, z))
            products = [(z, a.T, g), (w.T, z, d)]
        back[:0] = products if n else products[:1]
    calls = forward + (back if isinstance(work, Training) else [])

    def run() -> None:
        for left, right, out in calls:
            np.matmul(left, right, out=out)

    return run


def peak(seconds: float) -> float:
    """Operations a second of the fastest of several sgemm calls."""
    random = np.random.default_rng(0)
    shape = (PEAK_SIZE, PEAK_SIZE)
    a, b = (random.standard_normal(shape, dtype=np.float32) for _ in range(2))
    c = np.empty_like(a)
    return 2 * PEAK_SIZE**3 / best(lambda: np.matmul(a, b, out=c), seconds)


def bandwidth(seconds: float) -> float:
    """Bytes a second of a triad, on one core: two arrays read and one written, twice."""
    a, b, c = (np.ones(_TRIAD, np.float32) for _ in range(3))

    def run() -> None:
        np.multiply(c, np.float32(0.5), out=a)  # reads one, writes one
        np.add(a, b, out=a)  # reads two, writes one

    return 5 * a.nbytes / best(run, seconds)


def best(run: Callable[[], Any], seconds: float) -> float:
    """Seconds of the fastest call of at least three, after one that is not timed."""
    run()
    fastest, calls, end = float("inf"), 0, time.perf_counter() + seconds
    while calls < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
        calls += 1
    return fastest


def bytes_of_step(work: Training | Predicting) -> int:
    """What a step must read or write at least once, wherever it lies: the mini-batch, its outputs,
    weights and the optimizer's slots (read and written)."""
    weights = sum(a * b + b for a, b in pairwise(work.sizes))
    data = work.batch * (work.sizes[0] + work.sizes[-1])
    if isinstance(work, Predicting):
        return 4 * (data + weights)
    return 4 * (data + 2 * weights * (3 if work.optimizer == "adam" else 1))
