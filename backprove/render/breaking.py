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


def cut(pieces: list[Piece], start: int, room: int) -> int:
    """Where the line from `start` ends: at the end, or at the cheapest break that fits."""
    length, best, cheapest = 0, start, float("inf")
    for place in range(start, len(pieces)):
        piece = pieces[place]
        # the emptier the line, the dearer the break: ½ does not stand alone if there is
        # a sum in parentheses that can be broken
        cost = piece.cost + max(0.0, 6 - 15 * length / room)
        if place > start and length <= room and cost <= cheapest:
            best, cheapest = place, cost
        length += piece.width
        if length > room and best > start:
            return best
    return len(pieces) if length <= room else max(best, start + 1)


def broken(pieces: list[Piece], width: int, indent: int = 2) -> list[list[Piece]]:
    """The pieces of each line; lines after the first have `indent` characters less room."""
    lines: list[list[Piece]] = []
    start = 0
    while start < len(pieces):
        end = cut(pieces, start, max(8, width - (indent if lines else 0)))
        lines.append(pieces[start:end])
        start = end
    return lines
