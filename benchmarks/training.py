"""One mini-batch of training: backprove's lowered program against PyTorch's autograd.

    python benchmarks/training.py

Both compute the mean loss and the gradients of every weight and bias in float32 on one thread,
and the same numbers to single precision; the median of many runs is printed in microseconds.
The optimizer's update is left out on both sides.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from backprove.adjoints import backprop
from backprove.language import mlp
from backprove.network import ADJOINT
from backprove.run.lower import MEAN_LOSS, lower
from backprove.run.numpy_backend import prepare

CASES = (([64, 32, 10], 32), ([784, 128, 10], 32), ([784, 128, 10], 128), ([256] * 8 + [10], 64))
SECONDS = 2.0


def median_time(run: Callable[[], Any]) -> float:
    """Microseconds a run, the median of as many as fit into a fixed time, after a warm-up."""
    for _ in range(10):
        run()
    times, end = [], time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def ours(sizes: list[int], given: dict[str, Any], samples: int) -> Callable[[], Any]:
    network = mlp(sizes, "tanh", "cross_entropy")
    wanted = [MEAN_LOSS, *(ADJOINT + q.name for q in network.trained)]
    run = prepare(lower(network, backprop(network).adjoints, wanted), np.float32)
    return lambda: run(given, samples)


def theirs(sizes: list[int], given: dict[str, Any]) -> Callable[[], Any]:
    import torch  # heavy, and optional

    torch.set_num_threads(1)
    x, y = torch.tensor(given["x"]), torch.tensor(given["y"])
    layers = len(sizes) - 1
    weights = [torch.tensor(given[f"w{n}"], requires_grad=True) for n in range(1, layers + 1)]
    biases = [torch.tensor(given[f"b{n}"], requires_grad=True) for n in range(1, layers + 1)]

    def run() -> dict[str, Any]:
        h = x
        for number, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
            h = torch.nn.functional.linear(h, w, b)
            h = torch.tanh(h) if number < layers else h
        loss = torch.nn.functional.cross_entropy(h, y)
        gradients = torch.autograd.grad(loss, [*weights, *biases])
        names = [f"w{n + 1}" for n in range(layers)] + [f"b{n + 1}" for n in range(layers)]
        return {MEAN_LOSS: loss, **dict(zip((ADJOINT + n for n in names), gradients, strict=True))}

    return run


def main() -> None:
    """Print one line a case."""
    random = np.random.default_rng(0)
    for sizes, samples in CASES:
        given: dict[str, Any] = {
            "x": random.normal(size=(samples, sizes[0])).astype(np.float32),
            "y": np.eye(sizes[-1], dtype=np.float32)[random.integers(sizes[-1], size=samples)],
        }
        for n in range(1, len(sizes)):
            scale = 1 / np.sqrt(sizes[n - 1])
            given[f"w{n}"] = (random.normal(size=(sizes[n], sizes[n - 1])) * scale).astype("f4")
            given[f"b{n}"] = np.zeros(sizes[n], np.float32)
        first, second = ours(sizes, given, samples), theirs(sizes, given)
        a, b = first(), second()
        for name, value in b.items():
            np.testing.assert_allclose(a[name], value.detach().numpy(), rtol=2e-3, atol=2e-6)
        left, right = median_time(first), median_time(second)
        label = f"{'-'.join(map(str, sizes))}, {samples} samples"
        print(f"{label:>48}: backprove {left:7.0f} µs, PyTorch {right:7.0f} µs")


if __name__ == "__main__":
    main()
