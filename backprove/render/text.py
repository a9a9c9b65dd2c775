"""Boxes to plain text for terminals: `w_12^(2)`, `Σ_k w_jk a_k`, `∂J/∂h_1^(3)`.

Long formulas are broken before operators, the outermost first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..notation import Symbol
from .boxes import (
    Applied,
    Big,
    Box,
    Differential,
    Digits,
    Direct,
    Fenced,
    Fraction,
    Marked,
    Operator,
    Raised,
    Remembered,
    Root,
    Row,
    Transposed,
    Words,
    bare,
)
from .breaking import NEVER, Piece, broken
from .depth import deep

ONE_HALF = Fraction(Digits("1"), Digits("2"))


def _piece(text: str, cost: int = NEVER) -> Piece:
    return Piece(text, len(text), cost)


@deep
def text_of_box(box: Box) -> str:
    """A formula on one line."""
    return "".join(piece.text for piece in pieces(box)).strip()


@deep
def held_text(box: Box, hold: str) -> str:
    """A formula on one line; `hold` stands for the spaces at which it is not to be broken."""
    text = ""
    for piece in pieces(box):
        start = " " if piece.cost < NEVER and piece.text.startswith(" ") else ""
        text += start + piece.text[len(start) :].replace(" ", hold)
    return text.strip()


text_length: Remembered[int] = Remembered(lambda box: len(text_of_box(box)))
"""The number of characters of a formula on one line."""


def symbol_text(symbol: Symbol) -> str:
    """`w_12^(2)`, or the name as the file writes it."""
    if symbol.text:
        return symbol.text + "'" * symbol.primes
    sub = f"_{''.join(symbol.sub)}" if symbol.sub else ""
    sup = f"^{symbol.sup}" if symbol.sup else ""
    if symbol.sup and not symbol.sup.isalnum() and symbol.sup[0] not in "([":
        sup = f"^({symbol.sup})"
    return f"{symbol.letter}{chr(39) * symbol.primes}{sub}{sup}"


def pieces(box: Box, depth: int = 0) -> list[Piece]:
    """The text of a box in order; `depth` counts the parentheses around it."""
    found: list[Piece] = []
    _put(box, depth, found)
    return found


def _put(box: Box, depth: int, found: list[Piece]) -> None:
    """Add the text of a box: to one list, as it would else go up through every box around it."""
    match box:
        case Symbol():
            found.append(_piece(symbol_text(box)))
        case Digits(text) | Words(text):
            found.append(_piece(text))
        case Operator():
            found.append(_operator(box, depth))
        case Row(parts):
            _put_row(parts, depth, found)
        case Fraction(top, bottom):
            _put_fraction(top, bottom, depth, found)
        case Fenced(left, inner, right):
            found.append(_piece(left))
            _put(inner, depth + 1, found)
            found.append(_piece(right))
        case Big(sign, index, _, _, body):
            found.append(_piece(f"{sign}_{index} "))
            _put(body, depth + 1, found)
        case Raised(base, exponent):
            _put(_grouped(base, isinstance(bare(base), Row | Fraction | Big)), depth, found)
            found.append(_piece("^"))
            above = _grouped(exponent, not isinstance(bare(exponent), Symbol | Digits))
            found += (replace(piece, cost=NEVER) for piece in pieces(above, depth))
        case Root(inner):
            found.append(_piece("√("))
            _put(inner, depth + 1, found)
            found.append(_piece(")"))
        case Applied(function, argument):
            found.append(_piece(symbol_text(function)))
            _put(argument, depth, found)
        case Differential(d, of):
            found.append(_piece(d))
            if of is not None:
                _put(of, depth + 1, found)
        case Direct(of):
            _put(of, depth, found)
            found.append(_piece("|direct"))
        case Transposed(of):
            _put(_grouped(of, not _letter_alone(bare(of))), depth, found)
            found.append(_piece("ᵀ"))
        case Marked(inner):
            found += (replace(piece, marked=True) for piece in pieces(inner, depth))


def _letter_alone(box: Box) -> bool:
    """Whether something written above it can only belong to the whole."""
    return isinstance(box, Fenced) or (isinstance(box, Symbol) and not (box.sup and not box.text))


def _operator(box: Operator, depth: int) -> Piece:
    if box.prefix:
        return _piece(box.sign)
    if box.sign in ("+", "-", "="):
        return _piece(f" {box.sign} ", 2 * depth)
    cost = NEVER if box.glue else 2 * depth + 1
    return _piece(f" {box.sign} " if box.sign else " ", cost)


def _put_row(parts: tuple[Box, ...], depth: int, found: list[Piece]) -> None:
    for place, part in enumerate(parts):
        if isinstance(part, Operator) and part.sign in ("·", ".", "*"):
            sides = parts[place - 1], parts[place + 1]
            close = _close if part.sign == "." else _tight
            tight = all(close(side) for side in sides)
            text = part.sign if tight else f" {part.sign} "
            found.append(_piece(text, _operator(part, depth).cost))
        else:
            _put(part, depth, found)


def _tight(box: Box) -> bool:
    """Whether a product sign beside it needs no space: names and what stands in ( )."""
    box = bare(box)
    if isinstance(box, Raised):
        return _tight(box.base)
    return isinstance(box, Symbol | Digits) or box == ONE_HALF


def _close(box: Box) -> bool:
    """Whether a point beside it needs no space: w_o.(w_h.i), and not 2.x, nor (a - b).c."""
    box = bare(box)
    if isinstance(box, Raised):
        return _close(box.base)
    return isinstance(box, Symbol) or (isinstance(box, Fenced) and not _has_sum(box.inner))


def _put_fraction(top: Box, bottom: Box, depth: int, found: list[Piece]) -> None:
    if Fraction(top, bottom) == ONE_HALF:
        found.append(_piece("½"))
        return
    loose = _has_sum(top) or isinstance(bare(top), Big) or _is_operator(top)
    _put(_grouped(top, loose), depth, found)
    found.append(_piece("/"))
    _put(_grouped(bottom, isinstance(bare(bottom), Row | Fraction | Big)), depth, found)


def _is_operator(box: Box) -> bool:
    """∂/∂z exp(z): a / after it would go under what is differentiated."""
    whole = bare(box)
    first = whole.parts[0] if isinstance(whole, Row) else whole
    return isinstance(first, Fraction) and isinstance(first.top, Differential) and not first.top.of


def _has_sum(box: Box) -> bool:
    """Whether a / after it would take only its last part, or its sign."""
    box = bare(box)
    if not isinstance(box, Row):
        return False
    inner = (bare(part) for part in box.parts)
    signs = {"+", "-", "="}
    return any(isinstance(p, Big) or (isinstance(p, Operator) and p.sign in signs) for p in inner)


def _grouped(box: Box, group: bool) -> Box:
    return Fenced("(", box, ")") if group else box


# -- lines ---------------------------------------------------------------------------------

MARK, UNMARK = "\x1b[4m", "\x1b[24m"


@deep
def lines_of(box: Box, width: int, color: bool = False) -> list[str]:
    """A formula broken into lines of at most `width` characters, before operators.

    A continued line begins with its operator, indented by two. `color` underlines marks.
    """
    lines = broken(list(_short(pieces(box), max(8, width - 2))), width)
    return [("  " if number else "") + _joined(line, color) for number, line in enumerate(lines)]


def _short(given: list[Piece], room: int) -> Iterator[Piece]:
    """Cut names that are longer than a whole line."""
    for piece in given:
        yield piece if piece.width <= room else replace(piece, text=piece.text[:room], width=room)
        for start in range(room, piece.width, room):
            rest = piece.text[start : start + room]
            yield replace(piece, text=rest, width=len(rest), cost=0)


def _joined(line: list[Piece], color: bool) -> str:
    text, inside = "", False
    for number, piece in enumerate(line):
        shown = piece.text.lstrip() if number == 0 else piece.text
        if color and piece.marked != inside:
            text += MARK if piece.marked else UNMARK
            inside = piece.marked
        text += shown
    return (text + UNMARK if inside else text).rstrip()
