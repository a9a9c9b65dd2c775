"""CasADi on sparse graphs of neurons: one scalar expression a neuron, its gradient, one function.

Scalars by the ten thousand are what it can hold; more edges are refused. Its virtual machine runs
the function, or C that it prints and the system's compiler builds, which takes a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import casadi
import numpy as np

from .interface import Array, NotFitting

MOST_EDGES = 20_000
_FORMS: dict[str, dict[str, Any]] = {
    "virtual machine": {},
    "compiled C": {
        "jit": True,
        "compiler": "shell",
        "jit_options": {"flags": ["-O1"], "verbose": False},
    },
}


def graph_steps(
    case: Any, rate: float
) -> Iterator[tuple[str, Callable[[], None], Callable[[], Array]]]:
    """Each form: its name, a step, and the weights as they are now (see benchmarks/graphs.py)."""
    if len(case.w) > MOST_EDGES or len(case.x) > 1:
        raise NotFitting(f"one sample, and at most {MOST_EDGES:,} edges")
    w, b = casadi.SX.sym("w", len(case.w)), casadi.SX.sym("b", case.neurons)
    x, y = casadi.SX.sym("x", len(case.inputs)), casadi.SX.sym("y", len(case.outputs))
    h: list[Any] = [None] * case.neurons
    for place, neuron in enumerate(case.inputs.tolist()):
        h[neuron] = x[place]
    edges = zip(case.right.tolist(), case.left.tolist(), strict=True)
    into: dict[int, list[tuple[int, int]]] = {}
    for number, (right, left) in enumerate(edges):
        into.setdefault(right, []).append((number, left))
    for neuron in sorted(into):  # neurons are numbered by level
        h[neuron] = casadi.tanh(sum((w[e] * h[left] for e, left in into[neuron]), b[neuron]))
    loss = sum((h[o] - y[n]) ** 2 for n, o in enumerate(case.outputs.tolist())) / 2
    after = [w - rate * casadi.gradient(loss, w), b - rate * casadi.gradient(loss, b)]
    given = [case.x[0].astype(np.float64), case.y[0].astype(np.float64)]
    for form, options in _FORMS.items():
        start = [case.w.astype(np.float64), np.zeros(case.neurons)]
        steps = _Steps(casadi.Function("step", [w, b, x, y], after, options), start, given)
        yield form, steps.step, steps.weights


class _Steps:
    """A function, and the arrays that it reads and writes, which must stay where they are."""

    def __init__(self, function: Any, state: list[Array], given: list[Array]) -> None:
        self.function, self.state, self.given = function, state, given
        self.result = [np.zeros_like(array) for array in state]
        self.buffer, self.call = function.buffer()
        for place, array in enumerate([*state, *given]):
            self.buffer.set_arg(place, array.data)
        for place, array in enumerate(self.result):
            self.buffer.set_res(place, array.data)

    def weights(self) -> Array:
        return self.state[0]

    def step(self) -> None:
        self.call()
        for now, then in zip(self.state, self.result, strict=True):
            now[:] = then
