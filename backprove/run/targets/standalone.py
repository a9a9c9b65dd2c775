"""Standalone source for a network: one target is one row of the table below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ...errors import BackproveError
from ...network import Network
from .c_source import c_source
from .jax_source import jax_source
from .numpy_source import numpy_source
from .torch_source import torch_source

PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class Target:
    """What writes the source, and its usual precision. named: whether it takes a `name`."""

    write: Callable[..., str]
    precision: str
    named: bool = False


TARGETS: Mapping[str, Target] = {
    "c": Target(c_source, "float64", named=True),
    "numpy": Target(numpy_source, "float64"),
    "torch": Target(torch_source, "float32"),
    "jax": Target(jax_source, "float32"),
}


def standalone(
    network: Network,
    to: str,
    *,
    precision: str | None = None,
    inputs: bool = False,
    name: str = "network",
) -> str:
    """Source that computes the mean loss of n samples and its gradients, and needs no backprove.

    to: c, numpy, torch or jax. precision: float32 or float64, by default the target's usual one.
    inputs: whether gradients in inputs are given too (in PyTorch and JAX they always are).
    name: what it is called, and with what public names in C begin.
    Raises BackproveError for an unknown target, and DataError where there can be no numbers:
    sizes or constants without one, functions that are only names.
    """
    target = TARGETS.get(to)
    if target is None:
        near = get_close_matches(to, TARGETS, 1)
        raise BackproveError(
            f"there is no target {to}",
            (f"did you mean {near[0]}? " if near else "") + f"The targets are {', '.join(TARGETS)}",
        )
    if precision not in (None, *PRECISIONS):
        raise BackproveError(f"there is no precision {precision}", "take float32 or float64")
    title = f"{name}: the mean loss over n samples and its gradients, made by backprove"
    named = {"name": name} if target.named else {}
    chosen = precision or target.precision
    return target.write(network, title=title, precision=chosen, inputs=inputs, **named)
