"""SymPy: the loss as one expression, its derivative in every weight and bias.

Sub-expressions are shared while the expression is built, which is not timed.
"""

from __future__ import annotations

import sys
import threading
import time

import sympy

from .interface import NotFitting

_STACK = 512 * 2**20  # bytes: deep expressions are walked by recursion


def derivation(layers: int, width: int) -> float:
    """Seconds for diff in every weight and bias of a tanh network of this depth and width."""
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(_STACK)
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(_seconds(layers, width)))
    thread.start()
    thread.join()
    if not found:
        raise NotFitting(f"SymPy fails at {layers} layers of {width}")
    return found[0]


def _seconds(layers: int, width: int) -> float:
    h = list(sympy.symbols(f"x1:{width + 1}"))
    y = sympy.symbols(f"y1:{width + 1}")
    trained = []
    for n in range(1, layers + 1):
        after = []
        for i in range(1, width + 1):
            w = sympy.symbols(f"w{n}_{i}_1:{width + 1}")
            b = sympy.Symbol(f"b{n}_{i}")
            trained += [*w, b]
            after.append(sympy.tanh(sum((a * c for a, c in zip(w, h, strict=True)), b)))
        h = after
    loss = sum((a - c) ** 2 for a, c in zip(y, h, strict=True)) / 2
    start = time.perf_counter()
    for symbol in trained:
        sympy.diff(loss, symbol)
    return time.perf_counter() - start
