"""What occurs in a derivation as it is printed: names and functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..expr import Apply, Expr, Ref
from ..network import ADJOINT
from ..rewrite import Block, Derivation


@dataclass(frozen=True)
class Occurring:
    """The names of quantities (of adjoints, those that they belong to) and of functions."""

    names: frozenset[str]
    functions: frozenset[str]


def printed(derivation: Derivation) -> Iterator[Expr]:
    """Every expression that a derivation prints, laws apart."""
    yield derivation.quantity
    for block in derivation.blocks:
        yield from _in_block(block)
    for note in derivation.notes:
        yield from (e for e in note if isinstance(e, Expr))


def _in_block(block: Block) -> Iterator[Expr]:
    if block.left is not None:
        yield block.left
    for sentence in (block.title, *block.before, *block.after):
        yield from (e for e in sentence if isinstance(e, Expr))
    for line in block.lines:
        yield line.right
        for step in line.steps:
            yield from (e for e in step.says if isinstance(e, Expr))


def occurring(derivation: Derivation) -> Occurring:
    """What occurs in what is printed; each shared part of the expressions is visited once."""
    names: set[str] = set()
    functions: set[str] = set()
    seen: set[Expr] = set()
    for whole in printed(derivation):
        stack = [whole]
        while stack:
            e = stack.pop()
            if e in seen:
                continue
            seen.add(e)
            stack.extend(e.children)
            if isinstance(e, Ref):
                names.add(e.name.removeprefix(ADJOINT))
            elif isinstance(e, Apply):
                functions.add(e.function)
    return Occurring(frozenset(names), frozenset(functions))
