"""Which instructions become one call: elementwise maps fused into groups, all else alone.

Instructions are taken from the last to the first. A map joins the group of those that use it
where everything else that uses it comes later: `height` is the longest way from a unit to the
end, so that of two units the higher one can never wait for the lower. Units in falling height
are in an order in which they can be computed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from ..program import Instruction, Map, Operand
from .views import Views

Space: TypeAlias = tuple[int, ...]
"""The lengths of the axes over which a map runs, axes of length 1 left out."""

_LARGEST_GROUP = 48
"""Instructions in a fused group: beyond that its values no longer fit into registers."""


@dataclass(eq=False)
class Unit:
    """Instructions that are one call, in the order in which they are computed.

    outputs: what is needed outside. space: of a group of maps, else None. askew: the roots that
    a group reads otherwise than component by component, so that they need storage.
    """

    instructions: list[Instruction]
    height: int
    space: Space | None
    outputs: list[int] = field(default_factory=list)
    askew: set[int] = field(default_factory=set)

    @property
    def only(self) -> Instruction:
        """The instruction of a unit that is no group of maps."""
        (instruction,) = self.instructions
        return instruction


def grouped(views: Views, kept: frozenset[int]) -> tuple[list[Unit], dict[int, set[Unit]]]:
    """The units of a program, in an order in which they can be computed; and who reads each root.

    kept: buffers that are needed after the program.
    """
    units: list[Unit] = []
    users: dict[int, set[Unit]] = defaultdict(set)
    for instruction in reversed(views.instructions):
        target = instruction.target
        used_by = users.get(target, ())
        space = _space(instruction, views)
        heights = [u.height for u in used_by]
        height = max(heights, default=0)
        home = None
        if space is not None and heights.count(height) == 1:
            highest = next(u for u in used_by if u.height == height)
            if (
                highest.space == space
                and len(highest.instructions) < _LARGEST_GROUP
                and target not in highest.askew
            ):
                home = highest
        if home is None:
            home = Unit([], 1 + height, space)
            units.append(home)
        home.instructions.insert(0, instruction)
        if target in kept or len(used_by) > (home in used_by):
            home.outputs.insert(0, target)
        for root in views.reads[target]:
            users[root].add(home)
        if isinstance(instruction.operation, Map):
            for operand in instruction.operation.operands:
                if not in_order(operand, views):
                    home.askew.add(views.roots[operand.buffer])
    return sorted(units, key=lambda u: -u.height), users


def _space(instruction: Instruction, views: Views) -> Space | None:
    if not isinstance(instruction.operation, Map):
        return None
    return _longer_than_1(views.shapes[instruction.target])


@lru_cache(maxsize=1024)
def _longer_than_1(shape: tuple[int, ...]) -> Space:
    return tuple(length for length in shape if length != 1)


def in_order(operand: Operand, views: Views) -> bool:
    """Whether an operand has its root's components in the order of the operation's axes."""
    buffer = operand.buffer
    return views.whole(buffer) and _rising(operand.axes, views.shapes[buffer])


@lru_cache(maxsize=1024)
def _rising(axes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether axes are in order, those of length 1 aside."""
    longer = [a for a, length in zip(axes, shape, strict=True) if length != 1]
    return longer == sorted(longer)
