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
    """One line a quantity, `z_j^(2) ← w_jk^(2), a_k^(1)`, under its layer.

    What it is made from carries the indices of its equation. Quantities without a name or a
    symbol are skipped: what they are made from stands in their place.
    """
    return "\n".join(_lines(network, notation, width)) + "\n"


def _lines(network: Network, notation: BoundNotation, width: int) -> Iterator[str]:
    rows = [(_layer(network, notation, left.name), left) for left in _drawn(network, notation)]
    room = max((len(head) for head, _ in rows), default=0) + 2
    above = ""
    for head, left in rows:
        shown = _printed(left, notation)
        made_from = [_printed(source, notation) for source in _sources(network, left, notation)]
        text = f"{shown} ← {', '.join(made_from)}" if made_from else shown
        start = f"{head if head != above else '':<{room}}"
        inner = " " * (room + len(shown) + 3)
        yield from textwrap.wrap(
            text, width, initial_indent=start, subsequent_indent=inner, break_long_words=False
        )
        above = head


def _drawn(network: Network, notation: BoundNotation) -> Iterator[Ref]:
    """Inputs, then what is computed, in an order in which it can be computed."""
    for quantity in network.of_kind("input"):
        yield Ref(quantity.name, tuple("ijklmpq"[: len(quantity.shape)]))
    yield from (equation.left for equation in notation.equations)


def _layer(network: Network, notation: BoundNotation, name: str) -> str:
    if name == network.loss:
        return "loss"
    layer = notation.roles[name].layer  # counted alike in every notation, the input layer first
    return f"layer {layer}" if layer else "between"


def _sources(network: Network, left: Ref, notation: BoundNotation) -> list[Ref]:
    """What an equation mentions, with what an unnamed argument mentions in its place."""
    found: dict[Ref, None] = {}
    for node in walk(network.definition(left)) if left.name in network.equations else ():
        if isinstance(node, Ref):
            hidden = node.name.endswith(ARGUMENT) and notation.symbol(node) is None
            inner = _sources(network, node, notation) if hidden else [node]
            found.update(dict.fromkeys(inner))
    return list(found)


def _printed(ref: Ref, notation: BoundNotation) -> str:
    return text_of_box(layout(ref, notation))
