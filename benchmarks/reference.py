"""The first steps in NumPy and float64, by the formulas: what every competitor must agree with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from workloads import Parameters, Predicting, Training

Array = NDArray[Any]


def outputs(work: Training | Predicting, parameters: Mapping[str, Array], x: Array) -> list[Array]:
    """x and every layer's values, samples × width; logits last where the loss has the softmax."""
    values = [x]
    for n in range(1, work.layers + 1):
        z = values[-1] @ parameters[f"w{n}"].T + parameters[f"b{n}"]
        if n == work.layers and work.loss == "cross_entropy":
            values.append(z)
        else:
            values.append(np.tanh(z) if work.activation == "tanh" else np.maximum(z, 0))
    return values


def gradients(
    work: Training, parameters: Parameters, x: Array, y: Array
) -> tuple[float, Parameters]:
    """The mean loss of a mini-batch, and its gradient in each weight and bias."""
    values = outputs(work, parameters, x)
    top = values[-1]
    if work.loss == "cross_entropy":
        shifted = top - top.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -(y * log_p).sum() / len(x)
        v = (np.exp(log_p) - y) / len(x)
    else:
        loss = ((top - y) ** 2).sum() / 2 / len(x)
        v = (top - y) / len(x) * _slope(work, top)
    found: Parameters = {}
    for n in range(work.layers, 0, -1):
        found[f"w{n}"], found[f"b{n}"] = v.T @ values[n - 1], v.sum(axis=0)
        if n > 1:
            v = (v @ parameters[f"w{n}"]) * _slope(work, values[n - 1])
    return float(loss), found


def _slope(work: Training, h: Array) -> Array:
    """The activation's derivative, from its value."""
    return 1 - h**2 if work.activation == "tanh" else (h > 0).astype(h.dtype)


def first_steps(
    work: Training, start: Parameters, data: Mapping[str, Array], count: int
) -> tuple[float, Parameters]:
    """The mean loss over `count` steps in the data's order, and the parameters after them."""
    parameters = {name: value.astype(np.float64) for name, value in start.items()}
    m = {name: np.zeros_like(value) for name, value in parameters.items()}
    v = {name: np.zeros_like(value) for name, value in parameters.items()}
    total = 0.0
    for t in range(1, count + 1):
        rows = slice((t - 1) * work.batch, t * work.batch)
        x, y = data["x"][rows].astype(np.float64), data["y"][rows].astype(np.float64)
        loss, found = gradients(work, parameters, x, y)
        total += loss
        for name, g in found.items():
            if work.optimizer == "sgd":
                parameters[name] -= work.eta * g
                continue
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g**2
            m_hat, v_hat = m[name] / (1 - 0.9**t), v[name] / (1 - 0.999**t)
            parameters[name] -= work.eta * m_hat / (np.sqrt(v_hat) + 1e-8)
    return total / count, parameters


def disagreement(
    start: Parameters, expected: Parameters, found: Mapping[str, Array]
) -> tuple[float, str]:
    """The largest relative error of a parameter's change, in norm, and the parameter's name."""
    worst = (0.0, "")
    for name, value in expected.items():
        change = value - start[name]
        error = np.linalg.norm(found[name].astype(np.float64) - value) / np.linalg.norm(change)
        worst = max(worst, (float(error), name))
    return worst


def graph_change(case: Any, rate: float) -> Array:
    """What one step changes in the weights of a sparse graph (benchmarks/graphs.py), by the edges
    of one level after another: tanh, half the squared error, the mean over samples."""
    w, x, y = case.w.astype(np.float64), case.x.T.astype(np.float64), case.y.T.astype(np.float64)
    h = np.zeros((case.neurons, x.shape[1]))
    h[case.inputs] = x
    into = [np.flatnonzero(case.level[case.right] == n) for n in range(case.level[-1] + 1)]
    for n, edges in enumerate(into[1:], 1):
        z = np.zeros_like(h)
        np.add.at(z, case.right[edges], w[edges, None] * h[case.left[edges]])
        here = case.level == n
        h[here] = np.tanh(z[here])
    v = np.zeros_like(h)
    v[case.outputs] = h[case.outputs] - y
    for edges in reversed(into[1:]):
        right = case.right[edges]
        here = np.unique(right)
        v[here] *= 1 - h[here] ** 2
        np.add.at(v, case.left[edges], w[edges, None] * v[right])
    change: Array = np.zeros_like(w)
    for s in range(x.shape[1]):
        change -= rate / x.shape[1] * v[case.right, s] * h[case.left, s]
    return change
