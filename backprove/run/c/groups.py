"""Which instructions become one call: elementwise maps fused into groups, all else alone.

Instructions are taken from the last to the first. A map joins the group of those that use it
where everything else that uses it comes later: `height` is the longest way from a unit to the
end, so that of two units the higher one can never wait for the lower. Units in falling height
are in an order in which they can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ..program import Instruction, Map, Operand, sources
from .views import Views

Space: TypeAlias = tuple[int, ...]
"""The lengths of the axes over which a map runs, axes of length 1 left out."""

_LARGEST_GROUP = 48
"""Instructions in a fused group: beyond that its values no longer fit into registers."""


@dataclass
class Unit:
    """Instructions that are one call, in the order in which they are computed.

    outputs: what is needed outside. space: of a group of maps, else None.
    """

    instructions: list[Instruction]
    height: int
    space: Space | None
    outputs: list[int] = field(default_factory=list)

    @property
    def targets(self) -> set[int]:
        return {i.target for i in self.instructions}

    @property
    def only(self) -> Instruction:
        """The instruction of a unit that is no group of maps."""
        (instruction,) = self.instructions
        return instruction


def grouped(views: Views, kept: frozenset[int]) -> list[Unit]:
    """The units of a program, in an order in which they can be computed.

    kept: buffers that are needed after the program.
    """
    units: list[Unit] = []
    users: dict[int, list[Unit]] = {}  # of each root
    for instruction in reversed(views.instructions):
        target = instruction.target
        used_by = users.get(target, [])
        space = _space(instruction, views)
        home = None
        if space is not None and used_by:
            highest = max(used_by, key=lambda u: u.height)
            first = all(u.height < highest.height for u in used_by if u is not highest)
            if (
                first
                and highest.space == space
                and len(highest.instructions) < _LARGEST_GROUP
                and as_it_lies(highest, target, views)
            ):
                home = highest
        if home is None:
            home = Unit([], 1 + max((u.height for u in used_by), default=0), space)
            units.append(home)
        home.instructions.insert(0, instruction)
        if target in kept or any(u is not home for u in used_by):
            home.outputs.insert(0, target)
        for source in sources(instruction.operation):
            row = users.setdefault(views.root(source), [])
            if not any(u is home for u in row):
                row.append(home)
    return sorted(units, key=lambda u: -u.height)


def _space(instruction: Instruction, views: Views) -> Space | None:
    if not isinstance(instruction.operation, Map):
        return None
    return tuple(length for length in views.shapes[instruction.target] if length != 1)


def as_it_lies(unit: Unit, target: int, views: Views) -> bool:
    """Whether a group reads a buffer only component by component, so that it needs no storage."""
    for instruction in unit.instructions:
        operation = instruction.operation
        assert isinstance(operation, Map)
        for operand in operation.operands:
            if views.root(operand.buffer) == target and not in_order(operand, views):
                return False
    return True


def in_order(operand: Operand, views: Views) -> bool:
    """Whether an operand has its root's components in the order of the operation's axes."""
    shape = views.shapes[operand.buffer]
    axes = [a for a, length in zip(operand.axes, shape, strict=True) if length != 1]
    return views.whole(operand.buffer) and axes == sorted(axes)
