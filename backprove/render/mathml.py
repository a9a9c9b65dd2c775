"""Boxes to MathML, whole or in chunks between which a browser may break the line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape

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
    in_line,
    is_tall,
)
from .breaking import NEVER, Piece
from .depth import deep
from .text import text_length

CHUNK = 34
"""Characters above which a part in parentheses may be broken inside."""

FULL = 64
"""Characters above which a fraction is written in one line, and tall parentheses are broken."""

_SIGNS = {"-": "−", ".": ".", "*": "∗"}


@deep
def mathml_of_box(box: Box, display: bool = True) -> str:
    """A formula as one `<math>` element. display: with fractions in full size."""
    return _math(_whole(box)) if display else f"<math>{_whole(box)}</math>"


def mathml_chunks(box: Box) -> Iterator[str]:
    """A formula as `<math>` elements, one for each part that may start a line."""
    chunk: list[Piece] = []
    for piece in _pieces(box, 0):
        if chunk and piece.cost < NEVER:
            yield _math(_joined(chunk))
            chunk = []
        chunk.append(piece)
    if chunk:
        yield _math(_joined(chunk))


def _math(inner: str) -> str:
    return f'<math displaystyle="true">{inner}</math>'


def _joined(chunk: list[Piece]) -> str:
    text, marked = "", False
    for piece in chunk:
        if piece.marked != marked:
            text += '<mrow class="changed">' if piece.marked else "</mrow>"
            marked = piece.marked
        text += piece.text
    return text + ("</mrow>" if marked else "")


# -- breaking ------------------------------------------------------------------------------


def _pieces(box: Box, depth: int) -> Iterator[Piece]:
    match box:
        case Row(parts):
            for part in parts:
                yield from _pieces(part, depth)
        case Operator():
            free = NEVER if box.prefix or box.glue else 2 * depth
            yield Piece(_operator(box, starts_a_line=True), 1, free)
        case Fraction() if _wider(box):
            yield from _pieces(in_line(box), depth)
        case Fenced(left, inner, right) if _breakable(inner):
            yield Piece(_fence(left, False, is_tall(inner)), 1)
            yield from _pieces(inner, depth + 1)
            yield Piece(_fence(right, False, is_tall(inner)), 1)
        case Raised(base, exponent) if isinstance(bare(base), Fenced) and _breakable(base):
            *start, end = _pieces(base, depth)
            yield from start
            yield replace(end, text=f"<msup>{end.text}{_whole(exponent)}</msup>")
        case Applied(function, argument) if _breakable(argument):
            yield Piece(_symbol(function) + "<mo>&#x2061;</mo>", 1)
            yield from _pieces(argument, depth)
        case Big(body=body) if _wide(body):
            yield Piece(_big(box), 1)
            yield from _pieces(body, depth + 1)
        case Marked(inner) if _wide(inner):
            yield from (replace(piece, marked=True) for piece in _pieces(inner, depth))
        case _:
            yield Piece(_whole(box), 1)


def _wide(box: Box) -> bool:
    return text_length(box) > CHUNK


def _wider(box: Box) -> bool:
    return text_length(box) > FULL


def _breakable(box: Box) -> bool:
    """Whether a part in parentheses is broken inside: tall ones only where they must be."""
    return _wider(box) if is_tall(box) else _wide(box)


# -- elements ------------------------------------------------------------------------------


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _whole(box: Box) -> str:
    match box:
        case Symbol():
            return _symbol(box)
        case Digits(text):
            return f"<mn>{text}</mn>"
        case Words(text):
            return f"<mtext>{escape(text)}</mtext>"
        case Operator():
            return _operator(box)
        case Row(parts):
            return _row([_whole(part) for part in parts])
        case Fraction(top, bottom):
            return f"<mfrac>{_whole(top)}{_whole(bottom)}</mfrac>"
        case Fenced(left, inner, right):
            tall = is_tall(inner)
            return f"<mrow>{_fence(left, tall)}{_whole(inner)}{_fence(right, tall)}</mrow>"
        case Big(body=body):
            return f"<mrow>{_big(box)}{_whole(body)}</mrow>"
        case Raised(base, exponent):
            return f"<msup>{_whole(base)}{_whole(exponent)}</msup>"
        case Root(inner):
            return f"<msqrt>{_whole(inner)}</msqrt>"
        case Applied(function, argument):
            return f"<mrow>{_symbol(function)}<mo>&#x2061;</mo>{_whole(argument)}</mrow>"
        case Differential(d, of):
            sign = f'<mi mathvariant="normal">{d}</mi>' if d != "d" else "<mi>d</mi>"
            return sign if of is None else f"<mrow>{sign}{_whole(of)}</mrow>"
        case Direct(of):
            bar = f"<mrow>{_whole(of)}{_fence('|', True)}</mrow>"
            return f"<msub>{bar}<mtext>direct</mtext></msub>"
        case Transposed(of):
            return f'<msup>{_whole(of)}<mi mathvariant="normal">T</mi></msup>'
        case Marked(inner):
            return f'<mrow class="changed">{_whole(inner)}</mrow>'


def _operator(box: Operator, starts_a_line: bool = False) -> str:
    if not box.sign:
        return '<mspace width="0.17em"/>'
    sign = _SIGNS.get(box.sign, box.sign)
    if box.sign in "./":
        return f'<mo lspace="0.1em" rspace="0.1em">{sign}</mo>'
    if box.prefix:
        return f'<mo form="prefix">{sign}</mo>'
    # an operator that starts a chunk would count as a prefix and lose its space
    form = ' form="infix"' if starts_a_line else ""
    return f"<mo{form}>{sign}</mo>"


def _fence(sign: str, stretch: bool, large: bool = False) -> str:
    """A parenthesis: as tall as what it holds, or large by itself where that is broken."""
    if large:
        return f'<mo stretchy="true" minsize="2.4em" maxsize="2.4em">{sign}</mo>'
    space = ' lspace="0" rspace="0"' if sign in "|‖" else ""
    return f'<mo stretchy="{"true" if stretch else "false"}"{space}>{sign}</mo>'


def _big(box: Big) -> str:
    if box.sign != "Σ":
        name = f'<mo lspace="0" rspace="0.17em">{box.sign}</mo>'
        return f"<munder>{name}{_atom(box.index)}</munder>"
    sign = '<mo lspace="0" rspace="0.17em" largeop="true" movablelimits="true">∑</mo>'
    lower = f"<mrow>{_atom(box.index)}<mo>=</mo><mn>{box.lower}</mn></mrow>"
    upper = _row([_atom(a) for a in re.findall(r"\w+|\W", box.upper)])
    return f"<munderover>{sign}{lower}{upper}</munderover>"


def _atom(atom: str) -> str:
    if atom.isdigit():
        return f"<mn>{atom}</mn>"
    if re.fullmatch(r"[a-z]\d+", atom):  # the index i1
        return f"<msub><mi>{atom[0]}</mi><mn>{atom[1:]}</mn></msub>"
    if not atom.isalnum():
        if atom in "()[]":
            return f'<mo stretchy="false">{atom}</mo>'
        sign = _SIGNS.get(atom, atom)
        return f'<mo lspace="0" rspace="0">{escape(sign)}</mo>'
    return f"<mi>{escape(atom)}</mi>"


def _named(symbol: Box) -> str:
    """A symbol; one that may be pointed at says what it stands for."""
    assert isinstance(symbol, Symbol)
    made = _letters(symbol)
    return f'<mrow data-q="{escape(symbol.of)}">{made}</mrow>' if symbol.of else made


_symbol: Remembered[str] = Remembered(_named)


def _letters(symbol: Symbol) -> str:
    name = symbol.letter.rstrip("'")
    if name == "𝟏":  # a letter that few fonts hold
        return '<mn class="bold">1</mn>'
    primes = symbol.primes + symbol.letter.count("'")
    letter = f"<mi>{escape(name)}</mi>"
    above = '<mo class="prime" lspace="0" rspace="0">′</mo>' * primes
    above += "".join(_atom(a) for a in re.findall(r"[^\W\d]+|\d+|\W", symbol.sup))
    below = "".join(_atom(atom) for atom in symbol.sub)
    if below and above:
        return f"<msubsup>{letter}<mrow>{below}</mrow><mrow>{above}</mrow></msubsup>"
    if below:
        return f"<msub>{letter}<mrow>{below}</mrow></msub>"
    if above:
        return f"<msup>{letter}<mrow>{above}</mrow></msup>"
    return letter
