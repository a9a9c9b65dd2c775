"""What every target prints: the program's needed instructions, in parts, by equation.

The parts are those that a careful person writes: the forward pass, which needs no targets; the
loss; the backward pass. Within a part the instructions stand in the order of the equations for
which they were made, so that each statement can stand under its equation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np

from ...adjoints import backprop
from ...errors import DataError
from ...network import ADJOINT, ARGUMENT, TRAINED, Equation, Network, Quantity
from ...notation import bind
from ...render import text_of
from ..elementwise import ELEMENTWISE
from ..lower import MEAN_LOSS, lower
from ..numpy_backend import as_float
from ..program import (
    SAMPLES,
    Constant,
    Identity,
    Instruction,
    LogSumExp,
    Map,
    Operand,
    Operation,
    Pick,
    Result,
    SampleCount,
    Unit,
    sources,
)
from ..values import refuse_symbolic, shape_of

Part: TypeAlias = Literal["forward", "loss", "backward"]
PARTS: tuple[Part, ...] = ("forward", "loss", "backward")

ARITHMETIC = frozenset(
    ("add", "subtract", "multiply", "divide", "negative", "reciprocal", "square", "power")
)
"""The elementwise functions that are written as operators."""

Leaf: TypeAlias = Constant | SampleCount | Identity | Unit
"""What needs no storage: it is printed where it is used."""


@dataclass(frozen=True)
class Said:
    """An equation of a part, as a comment says it.

    name: such as `z2` or `∂w1`, or MEAN_LOSS. text: the equation, not yet escaped.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Plan:
    """The instructions of each part, and what they give.

    lifted: over n samples, or for one. operations: by target. origins: the equation under which
    each stands. uses: how often each buffer is read, as a result too. users: the last
    instruction that reads it. results: of every equation, `∂w` for adjoints, MEAN_LOSS.
    said: the equations of each part. values: the quantities that the forward pass gives.
    gradients: the quantities in which the loss is differentiated; dead: those among them on
    which it does not depend.
    """

    network: Network
    lifted: bool
    shapes: tuple[tuple[int, ...], ...]
    given: Mapping[str, int]
    parts: Mapping[Part, tuple[int, ...]]
    operations: Mapping[int, Operation]
    origins: Mapping[int, str]
    uses: Mapping[int, int]
    users: Mapping[int, int]
    results: Mapping[str, Result]
    said: Mapping[Part, tuple[Said, ...]]
    values: tuple[str, ...]
    gradients: tuple[str, ...]
    dead: frozenset[str]

    @property
    def inputs(self) -> tuple[Quantity, ...]:
        return self.network.of_kind("input")

    @property
    def targets(self) -> tuple[Quantity, ...]:
        return self.network.of_kind("target")

    @property
    def constants(self) -> tuple[Quantity, ...]:
        """The constants that are tensors and needed."""
        return tuple(q for q in self.network.of_kind("constant") if q.name in self.given)

    def shape(self, name: str) -> tuple[int, ...]:
        return shape_of(self.network, name)

    def sampled(self, buffer: int) -> bool:
        return self.shapes[buffer][:1] == (SAMPLES,)

    def leaf(self, buffer: int) -> bool:
        return isinstance(self.operations.get(buffer), Leaf | Pick)

    def owner(self, buffer: int) -> str | None:
        """The equation whose value a buffer is and under which it stands, if any."""
        origin = self.origins.get(buffer)
        if origin is None or origin not in self.results:
            return None
        return origin if self.results[origin].buffer == buffer else None

    def ancestors(self, names: Iterable[str]) -> frozenset[int]:
        """The instructions that these results need, by target."""
        found: set[int] = set()
        waiting = [self.results[name].buffer for name in names]
        while waiting:
            buffer = waiting.pop()
            if buffer in self.operations and buffer not in found:
                found.add(buffer)
                waiting.extend(sources(self.operations[buffer]))
        return frozenset(found)


def plan(
    network: Network, *, lifted: bool = True, inputs: bool = False, targets: bool = False
) -> Plan:
    """Lower a network and sort its instructions.

    lifted: over n samples, the gradients being those of the mean loss; otherwise for one.
    inputs, targets: whether the gradients in these are wanted too.
    Raises DataError where a size has no number or a constant no value.
    """
    refuse_symbolic(network)
    _refuse_missing(network)
    adjoints = backprop(network).adjoints
    program = lower(network, adjoints, lifted=lifted)
    kinds = (*TRAINED, *["input"] * inputs, *["target"] * targets)
    asked = tuple(q.name for q in network.quantities.values() if q.kind in kinds)
    results = dict(program.results)
    if not lifted:
        results[MEAN_LOSS] = results[network.loss]
    for name in asked:  # what the loss does not depend on has no adjoint, or one that is 0
        if ADJOINT + name not in results:
            raise DataError(f"nothing gives ∂{network.loss}/∂{name} a number")
    instructions, shapes = list(program.instructions), list(program.shapes)
    data = [ADJOINT + name for name in asked if network[name].kind not in TRAINED]
    if lifted and data:
        _average(instructions, shapes, results, data, [ADJOINT + name for name in adjoints])
    operations = _folded(instructions)
    if isinstance(operations.get(results[MEAN_LOSS].buffer), Constant):
        raise DataError(
            f"the loss {network.loss} is a number that depends on nothing",
            "there is nothing to compute; write a loss that uses a weight",
        )
    known = frozenset[str]().union(
        *(network.influenced_by(q.name) for q in network.of_kind("target"))
    )
    values = tuple(n for n in network.equations if n not in known and n != network.loss)
    parts = _parts(operations, results, values, asked)
    kept = {b for part in parts.values() for b in part}
    origins = _origins(network, instructions, parts, results)
    roots = [*values, MEAN_LOSS, *(ADJOINT + name for name in asked)]
    uses = Counter(b for t in kept for b in sources(operations[t]))
    uses.update(results[name].buffer for name in roots)
    users = {b: t for t in operations if t in kept for b in sources(operations[t])}
    given = {name: b for name, b in program.given.items() if _is_given(network[name], b in uses)}
    return Plan(
        network, lifted, tuple(shapes), given, parts, operations, origins, uses, users,
        results,
        _equations(network, adjoints, values, asked, lifted), values, asked,
        frozenset(n for n in asked if n not in network.live),
    )  # fmt: skip


def _is_given(quantity: Quantity, read: bool) -> bool:
    """Whether the code has a name for it: arguments always, constants where they are read."""
    return quantity.kind != "constant" or read


def _refuse_missing(network: Network) -> None:
    for q in network.of_kind("constant"):
        if q.value is None and q.name in network.live:
            raise DataError(
                f"the constant {q.name} has no value",
                f"give it one in the file, or declare it as an input: input {q.name}",
            )


def _average(
    instructions: list[Instruction],
    shapes: list[tuple[int, ...]],
    results: dict[str, Result],
    names: Iterable[str],
    order: Sequence[str],
) -> None:
    """The gradient of the mean in what belongs to one sample: its own adjoint over n.

    names: of adjoints; order: that of all adjoints. Each division is put behind what is made
    for its equation and those before it, so that it stands under that.
    """
    found = [i for i in instructions if isinstance(i.operation, SampleCount)]
    if found:
        instructions.remove(found[0])
        count = found[0].target
    else:
        shapes.append(())
        count = len(shapes) - 1
    instructions.insert(0, Instruction(count, SampleCount()))
    for name in names:
        result = results[name]
        shape = shapes[result.buffer]
        whole = Operand(result.buffer, tuple(range(len(shape))))
        shapes.append(shape)
        divided = Map("divide", (whole, Operand(count, ())), len(shape))
        later = {MEAN_LOSS, "", *order[order.index(name) + 1 :]}
        made = [place for place, i in enumerate(instructions) if i.origin not in later]
        instructions.insert(max(made, default=0) + 1, Instruction(len(shapes) - 1, divided, name))
        results[name] = replace(result, buffer=len(shapes) - 1)


def _folded(instructions: Iterable[Instruction]) -> dict[int, Operation]:
    """The operations by target; functions of numbers alone are worked out: √2 -> 1.4142…"""
    made: dict[int, Operation] = {}
    for instruction in instructions:
        operation = instruction.operation
        if isinstance(operation, Map):
            numbers = [made.get(o.buffer) for o in operation.operands]
            exact = [as_float(n.value) for n in numbers if isinstance(n, Constant)]
            if len(exact) == len(numbers):
                with np.errstate(all="ignore"):
                    value = float(ELEMENTWISE[operation.function](*map(np.float64, exact)))
                if np.isfinite(value):
                    operation = Constant(Fraction(value))
        made[instruction.target] = operation
    return made


def _parts(
    operations: Mapping[int, Operation],
    results: Mapping[str, Result],
    values: Iterable[str],
    gradients: Iterable[str],
) -> dict[Part, tuple[int, ...]]:
    """The instructions that each part needs and no part before it has."""
    roots: dict[Part, list[int]] = {
        "forward": [results[name].buffer for name in values],
        "loss": [results[MEAN_LOSS].buffer],
        "backward": [results[ADJOINT + name].buffer for name in gradients],
    }
    order = {target: place for place, target in enumerate(operations)}
    taken: set[int] = set()
    parts: dict[Part, tuple[int, ...]] = {}
    for part in PARTS:
        found: set[int] = set()
        waiting = list(roots[part])
        while waiting:
            buffer = waiting.pop()
            if buffer in operations and buffer not in found and buffer not in taken:
                found.add(buffer)
                waiting.extend(sources(operations[buffer]))
        taken |= found
        parts[part] = tuple(sorted(found, key=order.__getitem__))
    return parts


def _origins(
    network: Network,
    instructions: Iterable[Instruction],
    parts: Mapping[Part, tuple[int, ...]],
    results: Mapping[str, Result],
) -> dict[int, str]:
    """The equation under which each instruction stands: of its own part, as it was made."""
    made = {i.target: i.origin for i in instructions}
    part_of = {b: part for part, targets in parts.items() for b in targets}
    origins: dict[int, str] = {}
    for buffer, part in part_of.items():
        origin = made[buffer]
        if (part == "backward") != origin.startswith(ADJOINT):
            origin = MEAN_LOSS if part == "loss" else ""
        origins[buffer] = origin
    for name, result in results.items():  # a value that another equation happened to make first
        b = result.buffer
        adjoint = name.startswith(ADJOINT)
        if b in origins and (part_of[b] == "backward") == adjoint:
            owner = results.get(origins[b])
            if owner is None or owner.buffer != b:
                origins[b] = name
    return origins


def spelled(origin: str) -> str:
    """The word that an equation's value is called: ∂w1 is dw1."""
    if origin == MEAN_LOSS:
        return "mean loss"
    return f"d{origin.removeprefix(ADJOINT)}" if origin.startswith(ADJOINT) else origin


def word_for(plan: Plan, buffer: int, named: Mapping[int, str]) -> str:
    """A word for a value: its equation's, `tanh_z2` where that is short, else `J_part`."""
    owner = plan.owner(buffer)
    if owner is not None:
        return spelled(owner)
    operation = plan.operations[buffer]
    word, read = type(operation).__name__.lower(), sources(operation)
    if isinstance(operation, Map):
        word = operation.function if operation.function not in ARITHMETIC else ""
    elif not isinstance(operation, LogSumExp):
        word = ""
    if word and len(read) == 1 and read[0] in named:
        return f"{word}_{named[read[0]]}"
    return f"{spelled(plan.origins[buffer]) or 'loss'}_part"


# -- what the comments say -----------------------------------------------------------------


def _equations(
    network: Network,
    adjoints: Mapping[str, Equation],
    values: Sequence[str],
    asked: Sequence[str],
    lifted: bool,
) -> dict[Part, tuple[Said, ...]]:
    notation = bind("as-written", network)

    def said(name: str, equation: Equation) -> Said:
        right = text_of(equation.right, notation)
        if name.endswith(ARGUMENT) and not name.startswith(ADJOINT):
            left = text_of(network.equations[name.removesuffix(ARGUMENT)].left, notation)
            return Said(name, f"the argument of {left}: {right}")
        return Said(name, f"{text_of(equation.left, notation)} = {right}")

    forward = {name: said(name, equation) for name, equation in network.equations.items()}
    shown = [n for n in adjoints if n in network.equations and n in network.live] + list(asked)
    loss = text_of(network.equations[network.loss].left, notation)
    return {
        "forward": tuple(forward[name] for name in values),
        "loss": (
            *(row for name, row in forward.items() if name not in values and name in network.live),
            *[Said(MEAN_LOSS, f"the mean of {loss} over the samples")] * lifted,
        ),
        "backward": tuple(said(ADJOINT + name, adjoints[name]) for name in shown),
    }
