"""The comments of generated source: what stands at its top, and each statement's equation."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterator, Sequence

from ...network import ADJOINT, Quantity
from ..escaping import comment
from ..program import Constant
from .plan import Part, Plan, Said

WIDTH = 92


def lines(text: str, indent: str = "    ") -> Iterator[str]:
    """A text in lines for comments, escaped; all but the first are indented."""
    wrapped = textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    yield from map(comment, wrapped)


class Equations:
    """The equations of one part, given out as the statements that they belong to are printed.

    names: the equations concerned; by default all of the part.
    """

    def __init__(self, plan: Plan, part: Part, names: Container[str] | None = None) -> None:
        rows = plan.said[part]
        self.plan = plan
        self.rows = rows if names is None else tuple(r for r in rows if r.name in names)
        self._places = {row.name: place for place, row in enumerate(self.rows)}
        self._next = 0

    def comes_before(self, name: str, other: str) -> bool:
        """Whether an equation stands above another one; an unknown one stands below all."""
        last = len(self.rows)
        return self._places.get(name, last) < self._places.get(other, -1)

    def upto(self, name: str) -> Iterator[str]:
        """The lines that stand above a statement: its equation, and those passed over."""
        place = self._places.get(name, -1)
        while self._next <= place:
            row = self.rows[self._next]
            yield from lines(row.text + ("" if self._next == place else self._why(row)))
            self._next += 1

    def rest(self) -> Iterator[str]:
        """The lines of equations after the last statement."""
        for row in self.rows[self._next :]:
            yield from lines(row.text + self._why(row))
        self._next = len(self.rows)

    def _why(self, row: Said) -> str:
        """Why an equation has no statement."""
        plan = self.plan
        buffer = plan.results[row.name].buffer
        if isinstance(plan.operations.get(buffer), Constant):
            return ""
        if buffer in plan.origins or buffer in plan.given.values():
            return " (the same values)"
        return " (not needed below)" if row.name.startswith(ADJOINT) else " (nothing needs it)"


def about(plan: Plan, title: str) -> Iterator[str]:
    """The lines at the top: what this is, what the file says of itself, arguments and shapes."""
    yield from lines(title)
    for row in plan.network.about.split("\n"):
        if row.strip():
            yield from lines(row)
    for constraint in plan.network.constraints:
        yield from lines(
            f"The gradients rest on what the file promises of {constraint.target}: "
            f"{constraint.left} = {constraint.right} for every sample."
        )
    for name in plan.gradients:
        if name in plan.dead:
            yield from lines(f"{name} does not reach the loss: its gradient is 0.")


def shape_text(shape: Sequence[int], first: str = "") -> str:
    """A shape as NumPy writes it: (4, 3), (n,), ()."""
    row = [*([first] if first else []), *map(str, shape)]
    return f"({row[0]},)" if len(row) == 1 else f"({', '.join(row)})"


def described(quantity: Quantity, name: str) -> str:
    """`weight w1`, and the name in the source where that differs."""
    return f"{quantity.kind} {quantity.name}" + (f" as {name}" if name != quantity.name else "")
