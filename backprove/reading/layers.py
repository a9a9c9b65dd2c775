"""Symbols that do not say their layer, δ_k z_j: the ways in which layers can be given to them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product as choices
from math import prod

from ..language.formula import Differential, Node, Symbol
from .meaning import Meaning
from .state import Knowledge
from .symbols import Lexicon, Unlayered, unlayered
from .walking import parts

MOST_WAYS = 64
"""Ways above which none is tried."""

LONGEST = 2_000
"""Characters of a chain above which none is tried."""


def ways(known: Knowledge, sides: tuple[Node, ...]) -> Iterator[dict[Unlayered, Meaning]]:
    """Every way to give layers to the symbols of a chain of = that lack one."""
    if sum(side.span[1] - side.span[0] for side in sides) > LONGEST:
        return
    outputs = {
        unlayered(node.wrt)
        for side in sides
        for node in parts(side)
        if isinstance(node, Differential) and node.d == "∇" and isinstance(node.wrt, Symbol)
    }
    options: dict[Unlayered, list[Meaning]] = {}
    for side in sides:
        for node in parts(side):
            if isinstance(node, Symbol) and unlayered(node) not in options:
                found = _lacking(known, node)
                if found and unlayered(node) in outputs and not node.sub:  # ∇_a C: the output's
                    found = [m for m in found if _is_output(known, m)]
                if found:
                    options[unlayered(node)] = found
    if options and prod(map(len, options.values())) <= MOST_WAYS:
        for chosen in choices(*options.values()):
            yield dict(zip(options, chosen, strict=True))


def _lacking(known: Knowledge, node: Symbol) -> list[Meaning]:
    lexicon: Lexicon = known.lexicon
    return [] if lexicon.meanings(node, called=False) else list(lexicon.lacking(node))


def _is_output(known: Knowledge, meaning: Meaning) -> bool:
    role = known.notation.roles.get(meaning.name)
    return role is not None and "output" in (role.kind, role.also)
