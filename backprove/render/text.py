"""Boxes to plain text for terminals: `w_12^(2)`, `Σ_k w_jk a_k`, `∂J/∂h_1^(3)`.

Long formulas are broken before operators, the outermost first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..notation import Symbol
from .boxes import (
    Applied,
    Big,
    Box,
    Differential,
    Digits,
    Fenced,
    Fraction,
    Marked,
    Operator,
    Raised,
    Root,
    Row,
    Transposed,
    Words,
    bare,
)

NEVER = 99
"""The cost of a break that is never taken."""

_LAST_RESORT = 90


@dataclass(frozen=True)
class Piece:
    """Text that stays together, what breaking before it costs, and whether it is marked."""

    text: str
    cost: int = NEVER
    marked: bool = False


def text_of_box(box: Box) -> str:
    """A formula on one line."""
    return "".join(piece.text for piece in pieces(box)).strip()


def symbol_text(symbol: Symbol) -> str:
    """`w_12^(2)`, or the name as the file writes it."""
    if symbol.text:
        return symbol.text + "'" * symbol.primes
    sub = f"_{''.join(symbol.sub)}" if symbol.sub else ""
    sup = f"^{symbol.sup}" if symbol.sup else ""
    return f"{symbol.letter}{chr(39) * symbol.primes}{sub}{sup}"


def pieces(box: Box, depth: int = 0) -> Iterator[Piece]:
    """The text of a box in order; `depth` counts the parentheses around it."""
    match box:
        case Symbol():
            yield Piece(symbol_text(box))
        case Digits(text) | Words(text):
            yield Piece(text)
        case Operator():
            yield _operator(box, depth)
        case Row(parts):
            yield from _row(parts, depth)
        case Fraction(top, bottom):
            yield from _fraction(top, bottom, depth)
        case Fenced(left, inner, right):
            yield Piece(left)
            yield from pieces(inner, depth + 1)
            yield Piece(right)
        case Big(sign, index, _, _, body):
            yield Piece(f"{sign}_{index} ")
            yield from pieces(body, depth + 1)
        case Raised(base, exponent):
            yield from _grouped(base, depth, isinstance(bare(base), Row | Fraction | Big))
            yield Piece("^")
            yield from _grouped(exponent, depth, not isinstance(bare(exponent), Symbol | Digits))
        case Root(inner):
            yield Piece("√(")
            yield from pieces(inner, depth + 1)
            yield Piece(")")
        case Applied(function, argument):
            raised = bool(function.sup) and not function.text
            yield Piece(symbol_text(function) + ("" if not raised else ""))
            yield from pieces(argument, depth)
        case Differential(d, of):
            yield Piece(d)
            if of is not None:
                yield from pieces(of, depth + 1)
        case Transposed(of):
            yield from _grouped(of, depth, not isinstance(bare(of), Symbol))
            yield Piece("ᵀ")
        case Marked(inner):
            yield from (replace(piece, marked=True) for piece in pieces(inner, depth))


def _operator(box: Operator, depth: int) -> Piece:
    if box.prefix:
        return Piece(box.sign)
    if box.sign in ("+", "-", "="):
        return Piece(f" {box.sign} ", 2 * depth)
    return Piece(f" {box.sign} " if box.sign else " ", 2 * depth + 1)


def _row(parts: tuple[Box, ...], depth: int) -> Iterator[Piece]:
    for place, part in enumerate(parts):
        if isinstance(part, Operator) and part.sign in ("·", ".", "*"):
            tight = _tight(parts[place - 1]) and _tight(parts[place + 1])
            text = part.sign if tight else f" {part.sign} "
            yield Piece(text, _operator(part, depth).cost)
        else:
            yield from pieces(part, depth)


def _tight(box: Box) -> bool:
    """Whether a product sign beside it needs no space: names and what stands in ( )."""
    box = bare(box)
    if isinstance(box, Raised):
        return _tight(box.base)
    return isinstance(box, Symbol | Digits)


def _fraction(top: Box, bottom: Box, depth: int) -> Iterator[Piece]:
    if (top, bottom) == (Digits("1"), Digits("2")):
        yield Piece("½")
        return
    yield from _grouped(top, depth, _has_sum(top) or isinstance(bare(top), Big))
    yield Piece("/")
    yield from _grouped(bottom, depth, isinstance(bare(bottom), Row | Fraction | Big))


def _has_sum(box: Box) -> bool:
    """Whether a / after it would take only its last part, or its sign."""
    box = bare(box)
    if not isinstance(box, Row):
        return False
    inner = (bare(part) for part in box.parts)
    return any(isinstance(p, Big) or (isinstance(p, Operator) and p.sign in "+-=") and p.sign
               for p in inner)  # fmt: skip


def _grouped(box: Box, depth: int, group: bool) -> Iterator[Piece]:
    if group:
        box = Fenced("(", box, ")")
    yield from pieces(box, depth)


# -- lines ---------------------------------------------------------------------------------

MARK, UNMARK = "\x1b[4m", "\x1b[24m"


def lines_of(box: Box, width: int, color: bool = False) -> list[str]:
    """A formula broken into lines of at most `width` characters, before operators.

    A continued line begins with its operator, indented by two. `color` underlines marks.
    """
    waiting = list(pieces(box))
    lines: list[str] = []
    indent = ""
    while waiting:
        room = max(8, width - len(indent))
        cut = _cut(waiting, room)
        line, waiting = waiting[:cut], waiting[cut:]
        if waiting and cut == 1 and len(line[0].text) > room:  # one very long name
            rest = replace(line[0], text=line[0].text[room:])
            line, waiting = [replace(line[0], text=line[0].text[:room])], [rest, *waiting]
        lines.append(indent + _joined(line, color))
        indent = "  "
    return lines


def _cut(waiting: list[Piece], room: int) -> int:
    """How many pieces stand on the next line: all, or up to the cheapest break that fits."""
    length, best, cheapest = 0, 0, NEVER + 1
    total = sum(len(piece.text) for piece in waiting)
    if total <= room or (total == room + 1 and waiting[-1].text.endswith(" ")):
        return len(waiting)
    for place, piece in enumerate(waiting):
        if place and length <= room and (length > room // 3 or piece.cost < 2):
            cost = min(piece.cost, _LAST_RESORT)
            if cost <= cheapest:
                best, cheapest = place, cost
        length += len(piece.text)
        if length > room and best:
            break
    return best or 1


def _joined(line: list[Piece], color: bool) -> str:
    text, inside = "", False
    for number, piece in enumerate(line):
        shown = piece.text.lstrip() if number == 0 else piece.text
        if color and piece.marked != inside:
            text += MARK if piece.marked else UNMARK
            inside = piece.marked
        text += shown
    return (text + UNMARK if inside else text).rstrip()
