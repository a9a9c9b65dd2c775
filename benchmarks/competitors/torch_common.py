"""What all forms of PyTorch share: the loss, and weights as PyTorch holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from workloads import Predicting, Training, names

from .interface import Array


def use(threads: int) -> None:
    """This many threads, from now on."""
    torch.set_num_threads(threads)


def forward(work: Training | Predicting, p: Sequence[Any], x: Any) -> Any:
    """The outputs; logits where the loss has the softmax. p: w1, b1, w2, b2, …"""
    act = torch.tanh if work.activation == "tanh" else torch.relu
    h = x
    for n in range(work.layers):
        z = functional.linear(h, p[2 * n], p[2 * n + 1])
        h = z if n == work.layers - 1 and work.loss == "cross_entropy" else act(z)
    return h


def loss(work: Training, p: Sequence[Any], x: Any, y: Any) -> Any:
    """The mean loss of a mini-batch. y: outputs, or labels of classes."""
    h = forward(work, p, x)
    if work.loss == "cross_entropy":
        return functional.cross_entropy(h, y)
    return functional.mse_loss(h, y, reduction="sum") * (0.5 / work.batch)


def tensors(work: Training, data: Mapping[str, Array]) -> tuple[Any, Any]:
    """x, and what the loss compares with, as PyTorch takes it best: labels for classes."""
    y = data["label" if work.loss == "cross_entropy" else "y"]
    return torch.tensor(data["x"]), torch.tensor(y)


def indices(order: Array) -> Any:
    """An order of samples as a tensor of the same memory."""
    return torch.from_numpy(order)


def held(work: Training | Predicting, parameters: Mapping[str, Array]) -> list[Any]:
    return [torch.tensor(parameters[name]) for name in names(work.layers)]


def told(work: Training, p: Sequence[Any]) -> dict[str, Array]:
    """The parameters by name."""
    return {
        name: np.array(value.detach().numpy())
        for name, value in zip(names(work.layers), p, strict=True)
    }
