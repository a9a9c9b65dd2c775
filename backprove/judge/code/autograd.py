"""A `torch.autograd.Function`: what it computes, and the gradients that autograd gets from it.

torch is not needed to import this file; a reader's Function brings it along.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from ...network import TRAINED, Network
from ...run.values import Array
from .comparing import close, shape_text
from .numeric import Numeric, computed, part_of, upstream_of
from .usercode import CodeError, Target, called, errors_of

MOST_NAMED = 3


def run_function(
    target: Target, at: Numeric, names: Mapping[str, str], others: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Array], tuple[str, ...]]:
    """The gradients that autograd delivers, the correct ones, and what the outputs are.

    names: for each parameter that is a quantity, the quantity. others: values of the other
    parameters. Both answers are by quantity. Raises CodeError.
    """
    torch: Any = sys.modules["torch"]  # the reader's code has loaded it
    leaves: dict[str, Any] = {}
    for name in dict.fromkeys(names.values()):
        varies = at.network[name].kind in ("input", "computed", *TRAINED)
        value = torch.from_numpy(np.array(at.value(name), np.float64))
        leaves[name] = value.requires_grad_(varies)
    given = {parameter: leaves[name] for parameter, name in names.items()}
    answer = called(target, {**others, **given})
    made = answer if isinstance(answer, tuple | list) else (answer,)
    if not made or not all(isinstance(one, torch.Tensor) for one in made):
        raise CodeError(f"{target.name}'s forward gives no tensor", "return the computed tensor")
    passed = frozenset(leaves)
    outputs = tuple(_quantity(target, at, one.detach().numpy(), passed) for one in made)
    wanted = [name for name, leaf in leaves.items() if leaf.requires_grad]
    differentiable = [
        (one, torch.from_numpy(np.array(at.gradients[q])).reshape(one.shape).to(one.dtype))
        for one, q in zip(made, outputs, strict=True)
        if one.requires_grad
    ]
    if not differentiable:
        raise CodeError(
            f"autograd cannot go back through {target.name}: its output needs no gradient",
            "forward must use its arguments, and not mark its output as non-differentiable",
        )
    with errors_of(target.path), redirect_stdout(sys.stderr):
        found = torch.autograd.grad(
            [one for one, _ in differentiable],
            [leaves[name] for name in wanted],
            [upstream for _, upstream in differentiable],
            allow_unused=True,
        )
    return dict(zip(wanted, found, strict=True)), owed(at, passed, outputs), outputs


def owed(at: Numeric, passed: frozenset[str], outputs: tuple[str, ...]) -> dict[str, Array]:
    """What a backward pass owes each argument: the gradient through these outputs alone."""
    part = part_of(at.network, passed, outputs)
    return computed(part, given_to(part, at, outputs))[1]


def given_to(part: Network, at: Numeric, outputs: tuple[str, ...]) -> dict[str, Array]:
    """What is given to a part of a network, at a point of the whole: also the upstreams."""
    upstream = {upstream_of(at.network, q, outputs): at.gradients[q] for q in outputs}
    given = {q.name: at.value(q.name) for q in part.quantities.values()
             if q.kind != "computed" and q.name not in upstream}  # fmt: skip
    return {**given, **upstream}


def _quantity(target: Target, at: Numeric, output: Array, passed: frozenset[str]) -> str:
    """The quantity that an output is: the loss, else the first whose values are the same."""
    network = at.network
    candidates = [n for n in network.equations if n not in passed and not network[n].hidden]
    candidates.sort(key=lambda name: name != network.loss)
    fitting = [n for n in candidates if at.values[n].size == output.size]
    for name in fitting:
        if close(output.reshape(at.values[name].shape), at.values[name]).all():
            return name
    near = sorted(fitting, key=lambda name: _apart(output, at.values[name]))[:MOST_NAMED]
    shape = shape_text(output.shape)
    listed = ", ".join(f"{n} (off by {_apart(output, at.values[n]):.3g})" for n in near)
    raise CodeError(
        f"what {target.name}'s forward gives, of shape {shape}, is no quantity of the network",
        f"the nearest: {listed}" if near else _shapes(at, network, candidates),
    )


def _apart(output: Array, value: Array) -> float:
    return float(np.abs(output.reshape(value.shape) - value).max(initial=0.0))


def _shapes(at: Numeric, network: Network, names: list[str]) -> str:
    listed = ", ".join(f"{n} {shape_text(at.values[n].shape)}" for n in names[:8])
    return f"none has that shape; there are {listed}"
