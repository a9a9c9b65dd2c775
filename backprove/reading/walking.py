"""Every part of a formula's tree."""

from __future__ import annotations

from collections.abc import Iterator

from ..language.formula import Node


def parts(node: Node) -> Iterator[Node]:
    """A node and everything under it."""
    waiting: list[object] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            yield part
            waiting += [getattr(part, name) for name in part.__dataclass_fields__]
        elif isinstance(part, tuple):
            waiting += part
