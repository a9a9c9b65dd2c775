"""A sum over names that differ by a number only, Σ_{t=1}^3 of h_t, written out term by term."""

from __future__ import annotations

import re
from dataclasses import fields, replace

from ..language.formula import Big, Node, Numeral, Sum, Symbol
from .walking import parts

MOST_TERMS = 30


def written_out(big: Big) -> Sum | None:
    """The terms of a sum between two numbers, its letter replaced; None for other sums."""
    plain = big.op == "sum" and len(big.letters) == 1 and not big.conditions
    low, high = big.lower, big.upper
    if not (plain and isinstance(low, Numeral) and isinstance(high, Numeral)):
        return None
    if low.value.denominator != 1 or high.value.denominator != 1:
        return None
    if any(isinstance(part, Big) for part in parts(big.body)):  # its terms would be too many
        return None
    numbers = range(int(low.value), int(high.value) + 1)
    if not 0 < len(numbers) <= MOST_TERMS:
        return None
    letter = big.letters[0][0]
    return Sum(big.span, tuple(("+", _at(big.body, letter, k)) for k in numbers))


def _at(node: Node, letter: str, number: int) -> Node:
    """A node with a number for the letter in what stands below its symbols."""
    if isinstance(node, Symbol):
        before = node.sub
        below = _numbered(before, letter, number)
        raw = node.raw.removesuffix(before) + below if node.raw.endswith(before) else node.raw
        node = replace(node, sub=below, raw=raw if before else node.raw)
    change: dict[str, object] = {}
    for each in fields(node):
        part = getattr(node, each.name)
        changed = _inside(part, letter, number)
        if changed is not part:
            change[each.name] = changed
    return replace(node, **change) if change else node  # type: ignore[arg-type]


def _inside(part: object, letter: str, number: int) -> object:
    if isinstance(part, Node):
        return _at(part, letter, number)
    if isinstance(part, tuple):
        made = tuple(_inside(item, letter, number) for item in part)
        same = all(a is b for a, b in zip(made, part, strict=True))
        return part if same else made
    return part


def _numbered(sub: str, letter: str, number: int) -> str:
    """t, t-1 and t+1 as numbers."""
    match = re.fullmatch(rf"{re.escape(letter)}(?:([-+−])(\d{{1,3}}))?", sub)
    if match is None:
        return sub
    offset = int(match[2] or 0) * (1 if match[1] == "+" else -1)
    return str(number + offset) if number + offset >= 0 else sub
