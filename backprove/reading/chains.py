"""The lines of a text in chains of =, and where what they define is used."""

from __future__ import annotations

import re
from typing import TypeAlias

from ..language.formula import FormulaLine, Node, Symbol
from .walking import parts

Chain: TypeAlias = list[FormulaLine]

_ROW_END = re.compile(r"\n|\\\\")


def chains(lines: list[FormulaLine], text: str) -> list[Chain]:
    """The lines in chains of =: each begins with a left side of its own.

    What goes on below `A = δ b, where δ = …` goes on from A, and not from δ.
    """
    found: list[Chain] = []
    for line in lines:
        if line.left is not None or not found:
            found.append([])
        chain = found[-1]
        if chain and chain[0].let and len(found) > 1 and not found[-2][0].let:
            beside = not _ROW_END.search(text, found[-2][-1].span[0], chain[0].span[0])
            below = _ROW_END.search(text, chain[-1].span[0], line.span[0])
            chain = found[-2] if beside and below else chain
        chain.append(line)
    return found


def sides_of(chain: Chain) -> tuple[Node, ...]:
    """All that a chain sets equal."""
    sides = [chain[0].left, *(line.right for line in chain)]
    return tuple(side for side in sides if side is not None)


def first_use(symbol: Symbol, chains: list[Chain]) -> int:
    """The place of the first chain that speaks of a symbol; their number where none does, or
    where one defines it before."""
    for place, chain in enumerate(chains):
        left = chain[0].left
        if isinstance(left, Symbol) and _key(left) == _key(symbol):
            break
        found = (part for side in sides_of(chain) for part in parts(side))
        if any(isinstance(part, Symbol) and _key(part) == _key(symbol) for part in found):
            return place
    return len(chains)


def _key(symbol: Symbol) -> tuple[object, ...]:
    """What is the same for δ_j and δ_k, whose subscripts are index letters."""
    below = len(symbol.sub) if symbol.sub.isalpha() else symbol.sub
    above = symbol.sup.text if symbol.sup else ""
    return symbol.letter, symbol.primes, below, above
