"""A network's graph as text: layer by layer, what each quantity is made from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ..expr import Ref, walk
from ..network import ARGUMENT, Network
from ..notation import BoundNotation
from .layout import layout
from .text import text_of_box


def graph_text(network: Network, notation: BoundNotation, width: int = 60) -> str:
    """One line a quantity, `h_i^(2) ← z_i^(2)`, under its layer; hidden quantities are skipped."""
    return "\n".join(_lines(network, notation, width)) + "\n"


def _lines(network: Network, notation: BoundNotation, width: int) -> Iterator[str]:
    heads = [(_layer(network, notation, name), name) for name in _drawn(network)]
    room = max((len(head) for head, _ in heads), default=0) + 2
    above = ""
    for head, name in heads:
        shown = _name(network, notation, name)
        made_from = [_name(network, notation, source) for source in _sources(network, name)]
        text = f"{shown} ← {', '.join(made_from)}" if made_from else shown
        start = f"{head if head != above else '':<{room}}"
        inner = " " * (room + len(shown) + 3)
        yield from textwrap.wrap(
            text, width, initial_indent=start, subsequent_indent=inner, break_long_words=False
        )
        above = head


def _drawn(network: Network) -> Iterator[str]:
    """Inputs, then what is computed, in order."""
    yield from (q.name for q in network.of_kind("input"))
    yield from (name for name in network.equations if not name.endswith(ARGUMENT))


def _layer(network: Network, notation: BoundNotation, name: str) -> str:
    if name == network.loss:
        return "loss"
    layer = notation.roles[name].layer  # counted alike in every notation, the input layer first
    return f"layer {layer}" if layer else "between"


def _sources(network: Network, name: str) -> list[str]:
    """What an equation mentions, with a hidden argument's own sources in its place."""
    equation = network.equations.get(name)
    if equation is None:
        return []
    found: dict[str, None] = {}
    for node in walk(equation.right):
        if isinstance(node, Ref):
            hidden = node.name.endswith(ARGUMENT)
            inner = _sources(network, node.name) if hidden else [node.name]
            found.update(dict.fromkeys(inner))
    return list(found)


def _name(network: Network, notation: BoundNotation, name: str) -> str:
    letters = tuple("ijklmpq"[: len(network[name].shape)])
    return text_of_box(layout(Ref(name, letters), notation))
