"""What both forms of JAX share: the loss, the update, and weights as JAX holds them.

Weights are held as w[from, to], biases beside them: the best layout for XLA on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import Predicting, Training

from .interface import Array, NotFitting, Predictor


def forward(work: Training | Predicting, weights: Any, x: Any) -> Any:
    """The outputs; logits where the loss has the softmax. weights: [(w, b), …]."""
    act = jnp.tanh if work.activation == "tanh" else jax.nn.relu
    h = x
    for n, (w, b) in enumerate(weights, 1):
        z = h @ w + b
        h = z if n == work.layers and work.loss == "cross_entropy" else act(z)
    return h


def loss(work: Training, weights: Any, x: Any, y: Any) -> Any:
    """The mean loss of a mini-batch. y: outputs, or labels of classes."""
    h = forward(work, weights, x)
    if work.loss == "cross_entropy":
        picked = jnp.take_along_axis(h, y[:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(h, axis=1) - picked).mean()
    return ((h - y) ** 2).sum() * (0.5 / work.batch)


def stepper(work: Training) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """(state, x, y) -> (state, loss); the state is (weights, m, v, t), or weights alone."""
    value_and_grad = jax.value_and_grad(lambda w, x, y: loss(work, w, x, y))

    def sgd(weights: Any, x: Any, y: Any) -> tuple[Any, Any]:
        found, g = value_and_grad(weights, x, y)
        return jax.tree.map(lambda w, d: w - work.eta * d, weights, g), found

    def adam(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        weights, m, v, t = state
        found, g = value_and_grad(weights, x, y)
        t = t + 1
        first, second = 1 / (1 - 0.9**t), 1 / (1 - 0.999**t)
        rate = work.eta
        if work.run:
            rate *= (1 + jnp.cos((t - 1) * (jnp.pi / work.run))) / 2
        m = jax.tree.map(lambda a, d: 0.9 * a + 0.1 * d, m, g)
        v = jax.tree.map(lambda a, d: 0.999 * a + 0.001 * d * d, v, g)
        weights = jax.tree.map(
            lambda w, a, b: w - rate * (a * first) / (jnp.sqrt(b * second) + 1e-8),
            weights, m, v,
        )  # fmt: skip
        return (weights, m, v, t), found

    return sgd if work.optimizer == "sgd" else adam


def start(work: Training, parameters: Mapping[str, Array]) -> Any:
    """A fresh state of these parameters."""
    weights = held(work, parameters)
    if work.optimizer == "sgd":
        return weights
    return weights, *(jax.tree.map(jnp.zeros_like, weights) for _ in range(2)), jnp.float32(0)


def held(work: Training | Predicting, parameters: Mapping[str, Array]) -> Any:
    return [
        (jnp.array(parameters[f"w{n}"].T), jnp.array(parameters[f"b{n}"]))
        for n in range(1, work.layers + 1)
    ]


def told(work: Training, state: Any) -> dict[str, Array]:
    """The parameters of a state, by name."""
    weights = state if work.optimizer == "sgd" else state[0]
    found = {}
    for n, (w, b) in enumerate(weights, 1):
        found[f"w{n}"], found[f"b{n}"] = np.array(w).T.copy(), np.array(b)
    return found


def targets(work: Training, data: Mapping[str, Array]) -> Any:
    """What the loss compares with, as JAX takes it best: labels for classes."""
    return jnp.array(data["label" if work.loss == "cross_entropy" else "y"])


class Forward(Predictor):
    form = "jit"

    def __init__(self, work: Predicting, parameters: Mapping[str, Array], x: Array) -> None:
        self.weights, self.x = held(work, parameters), jnp.array(x)
        self.function = jax.jit(lambda weights, x: forward(work, weights, x))

    def run(self) -> Any:
        return self.function(self.weights, self.x).block_until_ready()

    def outputs(self) -> Array:
        return np.array(self.run())


__all__ = [
    "Forward",
    "NotFitting",
    "forward",
    "held",
    "loss",
    "start",
    "stepper",
    "targets",
    "told",
]
