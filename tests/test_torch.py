"""Gradients of random networks against PyTorch's, in double precision, over several samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backprove.adjoints import backprop
from backprove.functions import FUNCTIONS
from backprove.language import parse
from backprove.network import ADJOINT
from backprove.run.lower import MEAN_LOSS, lower
from backprove.run.numpy_backend import prepare

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")

TOLERANCE = 1e-10
SAMPLES = 5

# how each function stands in a file, `{z}` being the weighted input, and the same in PyTorch
ACTIVATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "sigmoid": ("sigmoid({z})", lambda z: torch.sigmoid(z)),
    "tanh": ("tanh({z})", lambda z: torch.tanh(z)),
    "relu": ("relu({z})", lambda z: torch.relu(z)),
    "leaky_relu": (
        "leaky_relu({z})",
        lambda z: torch.nn.functional.leaky_relu(z, negative_slope=0.01),
    ),
    "elu": ("elu({z})", lambda z: torch.nn.functional.elu(z)),
    "softplus": ("softplus({z})", lambda z: torch.logaddexp(z, torch.zeros_like(z))),
    "silu": ("silu({z})", lambda z: torch.nn.functional.silu(z)),
    "gelu": ("gelu({z})", lambda z: torch.nn.functional.gelu(z)),
    "exp": ("exp({z}/4)", lambda z: torch.exp(z / 4)),
    "log": ("log({z}^2 + 1)", lambda z: torch.log(z**2 + 1)),
    "sqrt": ("sqrt({z}^2 + 1)", lambda z: torch.sqrt(z**2 + 1)),
    "abs": ("abs({z})", lambda z: torch.abs(z)),
    "sin": ("sin({z})", lambda z: torch.sin(z)),
    "cos": ("cos({z})", lambda z: torch.cos(z)),
    "erf": ("erf({z})", lambda z: torch.erf(z)),
    "sign": ("{z}*sign({z})", lambda z: z * torch.sign(z)),
    "step": ("{z}*step({z})", lambda z: z * (z > 0)),
    "power": ("{z}^3/10", lambda z: z**3 / 10),
    "quotient": ("{z}/(1 + exp(-{z}))", lambda z: z / (1 + torch.exp(-z))),
    "linear": ("{z}", lambda z: z),
}

LOSSES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "squared_error": (
        "loss J = sum(i: (y[i] - h[i])^2)/2",
        lambda h, y: ((y - h) ** 2).sum(1).mean() / 2,
    ),
    "sse": ("loss J = sum(i: (y[i] - h[i])^2)", lambda h, y: ((y - h) ** 2).sum(1).mean()),
    "cross_entropy": (
        "o[i] = exp(h[i])/sum(k: exp(h[k]))\nloss J = -sum(i: y[i]*log(o[i]))",
        lambda h, y: -(y * torch.log_softmax(h, 1)).sum(1).mean(),
    ),
    "binary_cross_entropy": (
        "p[i] = sigmoid(h[i])\nloss J = -sum(i: y[i]*log(p[i]) + (1 - y[i])*log(1 - p[i]))",
        lambda h, y: torch.nn.functional.binary_cross_entropy_with_logits(
            h, y, reduction="sum"
        ) / len(h),
    ),
}  # fmt: skip


def test_every_function_is_compared() -> None:
    assert set(FUNCTIONS) - {"erf'"} <= set(ACTIVATIONS)


def network_text(sizes: list[int], names: list[str], loss: str, skip: bool) -> str:
    lines = [f"input x[{sizes[0]}]", f"target y[{sizes[-1]}]"]
    previous = "x"
    for layer, (size, name) in enumerate(zip(sizes[1:], names, strict=True), 1):
        lines += [
            f"weight w{layer}[{size},{sizes[layer - 1]}]",
            f"bias b{layer}[{size}]",
            f"z{layer}[i] = sum(j: w{layer}[i,j]*{previous}[j]) + b{layer}[i]",
        ]
        here = "h" if layer == len(names) else f"h{layer}"
        form = ACTIVATIONS[name][0].format(z=f"z{layer}[i]")
        over = f" + {previous}[i]" if skip and size == sizes[layer - 1] else ""
        lines.append(f"{here}[i] = {form}{over}")
        previous = here
    return "\n".join([*lines, LOSSES[loss][0]])


def compare(sizes: list[int], names: list[str], loss: str, seed: int, skip: bool = False) -> None:
    network = parse(network_text(sizes, names, loss, skip))
    random = np.random.default_rng(seed)
    given = {
        q.name: random.normal(0, 0.7, [n for n in q.shape if isinstance(n, int)])
        for q in network.trained
    }
    given["x"] = random.normal(0, 1, (SAMPLES, sizes[0]))
    given["y"] = random.dirichlet(np.ones(sizes[-1]), SAMPLES)
    adjoints = backprop(network).adjoints
    wanted = [MEAN_LOSS, *(ADJOINT + name for name in (*given,) if name != "y")]
    found = prepare(lower(network, adjoints, wanted))(given, SAMPLES)

    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    h = tensors["x"]
    for layer, name in enumerate(names, 1):
        z = h @ tensors[f"w{layer}"].T + tensors[f"b{layer}"]
        made = ACTIVATIONS[name][1](z)
        h = made + h if skip and made.shape == h.shape else made
    mean = LOSSES[loss][1](h, tensors["y"])
    mean.backward()
    assert abs(found[MEAN_LOSS] - mean.item()) <= TOLERANCE * max(1, abs(mean.item()))
    for name in wanted[1:]:
        theirs = tensors[name.removeprefix(ADJOINT)].grad.numpy()
        # an input belongs to one sample: its adjoint is that of its own loss, not of the mean
        ours = found[name] / SAMPLES if name == ADJOINT + "x" else found[name]
        scale = max(1.0, float(np.abs(theirs).max()))
        assert np.abs(ours - theirs).max() <= TOLERANCE * scale, name


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_function(name: str) -> None:
    compare([4, 3, 2], [name, "linear"], "squared_error", seed=1)
    compare([3, 3], [name], "sse", seed=2, skip=True)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_random_networks(loss: str, depth: int, seed: int) -> None:
    random = np.random.default_rng([seed, depth])
    sizes = [int(n) for n in random.integers(1, 6, depth + 1)]
    names = [str(name) for name in random.choice(list(ACTIVATIONS), depth)]
    compare(sizes, names, loss, seed, skip=seed % 2 == 1)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_far_logits(loss: str) -> None:
    """Where every probability under- or overflows the gradients are still PyTorch's."""
    network = parse(network_text([2, 3], ["linear"], loss, skip=False))
    given = {
        "w1": np.array([[1000.0, 0], [0, -1000], [1, 1]]),
        "b1": np.zeros(3),
        "x": np.array([[1.0, 1], [-1, 1], [0, 0]]),
        "y": np.eye(3),
    }
    wanted = [MEAN_LOSS, ADJOINT + "w1", ADJOINT + "b1"]
    found = prepare(lower(network, backprop(network).adjoints, wanted))(given, 3)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    mean = LOSSES[loss][1](tensors["x"] @ tensors["w1"].T + tensors["b1"], tensors["y"])
    mean.backward()
    assert found[MEAN_LOSS] == pytest.approx(mean.item(), rel=1e-12)
    for name in wanted[1:]:
        theirs = tensors[name.removeprefix(ADJOINT)].grad.numpy()
        np.testing.assert_allclose(found[name], theirs, rtol=1e-10, atol=1e-10)
