"""Activations and losses of graphs, as the derivation engine gives them.

An activation is lowered from the one-line network `h = f(z)`: its value and its slope t, in
the functions that every backend has. A loss is lowered in the same way from its equation. No
derivative is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..adjoints import backprop
from ..errors import DataError
from ..functions import ALIASES, FUNCTIONS
from ..language import parse
from ..network import ADJOINT
from ..run.elementwise import ELEMENTWISE
from ..run.lower import lower
from ..run.numpy_backend import as_float, prepare
from ..run.program import Constant, Map, Program

Array: TypeAlias = NDArray[Any]

LINEAR = "linear"
ACTIVATIONS: tuple[str, ...] = (
    LINEAR,
    *(name for name in FUNCTIONS if not name.endswith("'")),
)

LossName: TypeAlias = Literal["squared_error", "sse", "cross_entropy"]
LOSSES: Mapping[str, str] = {
    "squared_error": "(u - y)^2/2",
    "sse": "(u - y)^2",
    "cross_entropy": "",  # not a sum over the outputs: it brings its own softmax
}
"""Each loss and its term for one output u and its target y, where it is a sum of such terms."""


@dataclass(frozen=True)
class Scalars:
    """A program of scalar maps: it serves arrays of any shape, element by element."""

    program: Program
    given: tuple[str, ...]
    results: tuple[str, ...]

    def __call__(self, *given: Array) -> tuple[Array, ...]:
        """The results, each of the shape of the given arrays."""
        shape, dtype = given[0].shape, given[0].dtype
        buffers: dict[int, Any] = {}
        for name, array in zip(self.given, given, strict=True):
            if name in self.program.given:
                buffers[self.program.given[name]] = array
        with np.errstate(all="ignore"):  # overflow shows in the numbers themselves
            for instruction in self.program.instructions:
                match instruction.operation:
                    case Constant(value):
                        made: Any = dtype.type(as_float(value))
                    case Map(function, operands):
                        made = ELEMENTWISE[function](*(buffers[o.buffer] for o in operands))
                    case other:
                        raise AssertionError(f"{other} is not elementwise")
                buffers[instruction.target] = made
        found = (buffers[self.program.results[name].buffer] for name in self.results)
        return tuple(np.broadcast_to(np.asarray(array, dtype), shape) for array in found)


@cache
def activation(name: str) -> Scalars:
    """(z) -> (h, t): the activation and its derivative there."""
    applied = "z" if name == LINEAR else f"{name}(z)"
    return _scalars(f"input z\nloss h = {applied}", ("z",), ("h", f"{ADJOINT}z"))


@cache
def loss_term(name: str) -> Scalars:
    """(u, y) -> (e, ∂e/∂u) for one output, of a loss that is a sum over the outputs."""
    return _scalars(f"input u\ntarget y\nloss e = {LOSSES[name]}", ("u", "y"), ("e", f"{ADJOINT}u"))


def _scalars(text: str, given: tuple[str, ...], results: tuple[str, ...]) -> Scalars:
    network = parse(text)
    program = lower(network, backprop(network).adjoints, results, lifted=False)
    return Scalars(program, given, results)


def losses_and_slopes(name: str, u: Array, y: Array) -> tuple[Array, Array]:
    """The loss of each sample, shape (B,), and ∂loss/∂u, shape (outputs, B).

    u: what the outputs give, y: their targets, both (outputs, B).
    """
    if LOSSES[name]:
        terms, slopes = loss_term(name)(u, y)
        return terms.sum(axis=0), slopes
    made = _softmax(len(u), u.dtype.name)(
        {"u": np.ascontiguousarray(u.T), "y": np.ascontiguousarray(y.T)}, u.shape[1]
    )
    return made["e"], made[f"{ADJOINT}u"].T


@cache
def _softmax(outputs: int, dtype: str) -> Any:
    network = parse(
        f"input u[{outputs}]\n"
        f"target y[{outputs}] with sum(k: y[k]) = 1\n"
        "o[i] = exp(u[i])/sum(k: exp(u[k]))\n"
        "loss e = -sum(i: y[i]*log(o[i]))"
    )
    wanted = ["e", f"{ADJOINT}u"]
    return prepare(lower(network, backprop(network).adjoints, wanted), dtype)


def known_activation(name: object) -> str:
    """The name of an activation as it stands in the table; raises DataError for others."""
    if name in ("identity", "none", None):
        return LINEAR
    if isinstance(name, str):
        return _known(ALIASES.get(name, name), ACTIVATIONS, "activation")
    raise DataError(f"an activation is a function's name, not {name!r}", "such as 'tanh'")


def known_loss(name: str) -> str:
    """The name of a loss as it stands in the table; raises DataError for others."""
    return _known(name, LOSSES, "loss")


def _known(name: str, names: Iterable[str], what: str) -> str:
    choices = list(names)
    if name in choices:
        return name
    close = get_close_matches(str(name), choices, 1)
    hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(choices)}"
    raise DataError(f"there is no {what} {name!r}", hint)
