"""Breaking a formula into lines: before operators, the outermost first."""

from __future__ import annotations

from dataclasses import dataclass

NEVER = 99
"""The cost of a break that is only taken where nothing else helps."""


@dataclass(frozen=True)
class Piece:
    """Output that stays together.

    width: how many characters wide it is on paper. cost: what a break before it costs, two
    for each pair of parentheses around it and one more for a product. marked: whether it is
    part of a changed place.
    """

    text: str
    width: int
    cost: int = NEVER
    marked: bool = False


def cut(waiting: list[Piece], room: int) -> int:
    """How many pieces stand on the next line: all, or up to the cheapest break that fits."""
    if sum(piece.width for piece in waiting) <= room:
        return len(waiting)
    length, best, cheapest = 0, 0, float("inf")
    for place, piece in enumerate(waiting):
        # the emptier the line, the dearer the break: ½ does not stand alone if there is
        # a sum in parentheses that can be broken
        cost = piece.cost + max(0.0, 6 - 15 * length / room)
        if place and length <= room and cost <= cheapest:
            best, cheapest = place, cost
        length += piece.width
        if length > room and best:
            break
    return best or 1


def broken(pieces: list[Piece], width: int, indent: int = 2) -> list[list[Piece]]:
    """The pieces of each line; lines after the first have `indent` characters less room."""
    lines: list[list[Piece]] = []
    waiting = list(pieces)
    while waiting:
        end = cut(waiting, max(8, width - (indent if lines else 0)))
        lines.append(waiting[:end])
        waiting = waiting[end:]
    return lines
