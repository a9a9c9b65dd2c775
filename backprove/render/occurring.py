"""What occurs in a derivation as it is printed: names and functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..expr import Apply, Derivative, Expr, Ref
from ..network import Network, is_adjoint, quantity_of
from ..notation import BoundNotation
from ..rewrite import Block, Derivation

Pair: TypeAlias = "tuple[str, str]"
"""Of what a derivative is taken, and in what."""


@dataclass(frozen=True)
class Occurring:
    """The names of quantities (of adjoints, those that they belong to) and of functions.

    local, total: the derivatives of one named quantity in another; adjoints are total.
    """

    names: frozenset[str]
    functions: frozenset[str]
    local: frozenset[Pair]
    total: frozenset[Pair]


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
    parts = tuple(_parts(derivation))
    loss = derivation.network.loss
    refs = [e for e in parts if isinstance(e, Ref)]
    adjoints = {quantity_of(ref).name for ref in refs if is_adjoint(ref)}
    pairs: dict[bool, set[Pair]] = {False: set(), True: set()}
    for e in parts:
        if isinstance(e, Derivative) and isinstance(e.body, Ref) and isinstance(e.wrt, Ref):
            pairs[e.total].add((e.body.name, e.wrt.name))
    return Occurring(
        frozenset(quantity_of(ref).name for ref in refs),
        frozenset(e.function for e in parts if isinstance(e, Apply)),
        frozenset(pairs[False]),
        frozenset(pairs[True] | {(loss, name) for name in adjoints}),
    )


def _parts(derivation: Derivation) -> Iterator[Expr]:
    seen: set[Expr] = set()
    stack = list(printed(derivation))
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(e.children)
            yield e


def fitted(notation: BoundNotation, derivation: Derivation) -> BoundNotation:
    """The notation for a derivation: local derivatives that total ones would look like, marked.

    They are where the total one is printed too and differs, since there is another path. In
    a derivation of one component, long sums print as first + … + last.
    """
    found = occurring(derivation)
    network = derivation.network
    pairs = {(of, wrt) for of, wrt in found.local & found.total if _another_path(network, of, wrt)}
    return notation.varied(frozenset(pairs), derivation.zoom == "scalar")


def _another_path(network: Network, of: str, wrt: str) -> bool:
    users = network.consumers.get(wrt, ())
    return any(user != of and of in network.influenced_by(user) for user in users)
