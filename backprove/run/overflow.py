"""Why a training step came to infinities: what overflowed first, and what may be done.

The step is computed once more, one instruction at a time. From a result that is not finite the
way leads back to the one instruction whose operands were all finite and whose result was not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..network import ADJOINT, ARGUMENT, Network
from .lower import MEAN_LOSS
from .numpy_backend import prepare
from .program import Contract, Instruction, LogSumExp, Map, sources
from .step import NEXT, Step

Array: TypeAlias = NDArray[Any]

GROWN = 100.0
"""Times its start from which on a parameter is said to have run away."""


@dataclass(frozen=True)
class Overflow:
    """quantity: what was not finite first, as a reader names it, "" where nothing was found.
    says: how that came, in a sentence. suggestion: what to try. parameter: the one that ran
    away, "" where none did; grown: that in words that go on with a sentence. slower: whether a
    lower rate may help."""

    quantity: str
    says: str
    suggestion: str
    parameter: str = ""
    grown: str = ""
    slower: bool = True


def overflow(
    network: Network,
    step: Step,
    given: Mapping[str, Array],
    samples: int,
    first: Mapping[str, Array],
    eta: float,
    clipped: bool = False,
    decayed: bool = False,
) -> Overflow:
    """What overflowed first in a step. given: all that its program is given; first: the
    parameters with which the run began. clipped, decayed: what the run already does."""
    dtype = next(iter(first.values())).dtype
    found = _culprit(step, given, samples, dtype)
    name, grown = _grown(given, first)
    calmer = _calmer(eta, clipped, decayed)
    if found is None:
        return Overflow("", f"the numbers are no longer finite{grown}", calmer, name, grown)
    instruction, operands = found
    quantity = _named(network, instruction.origin)
    says = f"{quantity} is the first that is not finite: {_why(instruction, operands, dtype)}"
    if grown:
        return Overflow(quantity, says + grown, calmer, name, grown)
    # before the first update, and not by it: nothing was learned that a rate had a part in
    updated = instruction.origin.removeprefix(NEXT) in first
    begun = updated or any(not np.array_equal(given[n], first[n]) for n in first)
    if _leaves_domain(instruction):
        other = calmer if begun else "begin with other weights"
        return Overflow(quantity, says, f"{_rewritten(instruction)}, or {other}", slower=begun)
    if not begun:
        return Overflow(
            quantity, says,
            "no learning rate helps, as nothing was learned yet: divide the inputs and targets so"
            " that they are numbers of about size 1, or begin with smaller weights",
            slower=False,
        )  # fmt: skip
    return Overflow(quantity, says, f"{calmer}, or scale the inputs and targets")


def _calmer(eta: float, clipped: bool, decayed: bool) -> str:
    rate = f"try a learning rate of {min(eta / 10, 0.1):.2g} or lower"
    ways = [rate, *["a smaller weight decay"] * decayed, *["clip the gradients"] * (not clipped)]
    return ", or ".join(ways)


def _rewritten(instruction: Instruction) -> str:
    """What to do about a function that is given what it has no value for."""
    assert isinstance(instruction.operation, Map), "only a function has a domain"
    safe = " (cross_entropy takes softmax and logarithm together)"
    plain = "write the loss so that this cannot happen"
    return plain + safe if instruction.operation.function == "log" else plain


def _grown(given: Mapping[str, Array], first: Mapping[str, Array]) -> tuple[str, str]:
    """The parameter that has grown most, and that in words; "" where none has grown much."""
    sizes = {name: float(np.abs(given[name]).max(initial=0)) for name in first}
    times = {
        name: size / max(float(np.abs(first[name]).max(initial=0)), 0.01)
        for name, size in sizes.items()
    }
    name = max(times, key=times.__getitem__)
    if times[name] < GROWN:
        return "", ""
    was = float(np.abs(first[name]).max(initial=0))
    said = f"; {name} has grown from {was:.2g} to {sizes[name]:.2g}"
    return name, said


def _culprit(
    step: Step, given: Mapping[str, Array], samples: int, dtype: np.dtype[Any]
) -> tuple[Instruction, list[Any]] | None:
    """The instruction that made the first infinity of those that reached a result."""
    program = step.program
    buffers: list[Any] = [None] * (len(program.shapes) + 1)
    buffers[-1] = samples
    for name, buffer in program.given.items():
        buffers[buffer] = given[name]
    made = {i.target: i for i in program.instructions}
    with np.errstate(all="ignore"):
        for target, call, _ in prepare(program, dtype).calls:
            buffers[target] = call(buffers)

    def bad(buffer: int) -> bool:
        return not np.isfinite(buffers[buffer]).all()

    results = [MEAN_LOSS, *(name for name in program.results if name.startswith(NEXT))]
    place = next((program.results[n].buffer for n in results if bad(program.results[n].buffer)), -1)
    if place not in made:
        return None
    while True:
        before = [b for b in sources(made[place].operation) if bad(b)]
        if not before:
            return made[place], [buffers[b] for b in sources(made[place].operation)]
        # of several, the one that was computed first
        place = min(before)
        if place not in made:
            return None


def _named(network: Network, origin: str) -> str:
    """The equation of an instruction, as a reader names it."""
    plain = origin.removeprefix("gradient ")
    if origin.startswith(ADJOINT) or plain != origin:
        name = plain.removeprefix(ADJOINT).removesuffix(ARGUMENT)
        return f"∂{network.loss}/∂{name}"
    if origin in network.quantities:
        return origin.removesuffix(ARGUMENT)
    if origin.startswith(NEXT):
        parameter, _, slot = origin.removeprefix(NEXT).partition(".")
        return f"the optimizer's {slot} of {parameter}" if slot else f"the new {parameter}"
    return f"the loss {network.loss}" if not origin or origin == MEAN_LOSS else origin


_DOMAINS = {
    "log": "the logarithm of {least:.3g} is no finite number",
    "reciprocal": "a division by {nearest:.3g}",
    "divide": "a division by {last:.3g}",
    "sqrt": "the square root of {least:.3g} is no number",
}


def _leaves_domain(instruction: Instruction) -> bool:
    operation = instruction.operation
    return isinstance(operation, Map) and operation.function in _DOMAINS


def _why(instruction: Instruction, operands: list[Any], dtype: np.dtype[Any]) -> str:
    largest = f"{np.finfo(dtype).max:.2g}, the largest number of {dtype}"
    sizes = [float(np.abs(o).max()) if np.size(o) else 0.0 for o in operands]
    operation = instruction.operation
    if isinstance(operation, Contract | LogSumExp):
        parts = " and ".join(f"{size:.2g}" for size in sizes)
        return f"a sum of products with factors up to {parts} exceeds {largest}"
    if not isinstance(operation, Map):
        return f"it exceeds {largest}"
    if operation.function in _DOMAINS:
        only = np.asarray(operands[0])
        return _DOMAINS[operation.function].format(
            least=float(only.min()),
            nearest=float(only.flat[int(np.abs(only).argmin())]),
            last=float(np.abs(np.asarray(operands[-1])).min()),
        )
    if operation.function == "exp":
        return f"exp({float(np.max(operands[0])):.4g}) exceeds {largest}"
    if operation.function == "multiply":
        return f"{sizes[0]:.2g} times {sizes[1]:.2g} exceeds {largest}"
    if operation.function == "square":
        return f"the square of {sizes[0]:.2g} exceeds {largest}"
    return f"{operation.function} of numbers up to {max(sizes):.2g} exceeds {largest}"
