"""The same network with all sizes equal: there a product of shapes that do not fit has a value,
so that it can be told what else is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from ..expr import Delta, Expr, Reduce, Ref, mapped, walk
from ..network import Constraint, Equation, Network

EQUAL = 3
"""The length of every axis; 1 and 2 would let indices and factors of 1/n coincide by chance."""


def with_equal_sizes(network: Network) -> Network | None:
    """The network with every axis of one length, None where its indices or values forbid it."""
    literals = {
        index
        for equation in network.equations.values()
        for node in walk(equation.right)
        for index in (node.indices if isinstance(node, Ref) else
                      (node.left, node.right) if isinstance(node, Delta) else ())
        if isinstance(index, int)
    }  # fmt: skip
    if any(literal > EQUAL for literal in literals):
        return None

    def shortened(e: Expr) -> Expr | None:
        if isinstance(e, Reduce):
            return Reduce(e.op, e.index, EQUAL, mapped(e.body, shortened))
        return None

    quantities = [
        replace(q, shape=(EQUAL,) * len(q.shape), value=None if q.shape else q.value)
        for q in network.quantities.values()
    ]
    equations = [
        Equation(e.left, mapped(e.right, shortened), e.place) for e in network.equations.values()
    ]
    constraints = [
        Constraint(c.target, mapped(c.left, shortened), mapped(c.right, shortened))
        for c in network.constraints
    ]
    sizes: dict[str, int | None] = dict.fromkeys(network.sizes, EQUAL)
    return network.changed(
        quantities=quantities, equations=equations, constraints=constraints, sizes=sizes
    )


__all__ = ["EQUAL", "with_equal_sizes"]
