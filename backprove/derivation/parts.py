"""The parts of an equation by which a quantity enters it, each a way of its own.

In `p = u*z + v*z` z enters by u and by v: two ways from z to p, as two edges are drawn, and
∂p/∂z = u + v is the sum over both. A term that is a multiple of the quantity is a part of its
own; all terms in which it stands otherwise, in a function or a power, are one part, as are
terms that hold different components of it.
"""

from __future__ import annotations

from ..expr import Add, Expr, Mul, Number, Reduce, Ref, flat_factors, total
from ..rules import refs
from ..rules.scope import may_meet


def parts(right: Expr, name: str) -> tuple[Expr, ...]:
    """The right side by the ways in which it uses a quantity; terms without it are left out.

    Where it is used in one way only, or not at all, the whole right side is the one part.
    """
    found: list[tuple[list[Expr], list[Ref]]] = []
    others: list[Expr] = []
    for term in terms(right):
        if name not in term.names:
            continue
        multiple = _multiple_of(term, name)
        if multiple is None:
            others.append(term)
            continue
        for row, here in found:
            if not any(may_meet(multiple, ref) for ref in here):
                row.append(term)
                here.append(multiple)
                break
        else:
            found.append(([term], [multiple]))
    rows = [row for row, _ in found] + [others] * bool(others)
    return tuple(total(tuple(row)) for row in rows) if len(rows) > 1 else (right,)


def terms(e: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, parentheses and numbers in front of them resolved."""
    match e:
        case Add():
            return tuple(inner for term in e.terms for inner in terms(term))
        case Reduce(op="sum"):
            return tuple(Reduce("sum", e.index, e.size, inner) for inner in terms(e.body))
        case Mul():
            sums = [at for at, f in enumerate(e.factors) if not isinstance(f, Number)]
            if len(sums) == 1:
                at = sums[0]
                before, after = e.factors[:at], e.factors[at + 1 :]
                inner = terms(e.factors[at])
                if len(inner) > 1:
                    return tuple(Mul((*before, *flat_factors(term), *after)) for term in inner)
    return (e,)


def _multiple_of(e: Expr, name: str) -> Ref | None:
    """The component of a quantity of which a term is a multiple, where it is one."""
    found = [ref for ref in refs(e) if ref.name == name]
    if len(found) != 1:
        return None
    here = e
    while not isinstance(here, Ref):
        if isinstance(here, Mul):
            (here,) = (factor for factor in here.factors if name in factor.names)
        elif isinstance(here, Reduce) and here.op == "sum":
            here = here.body
        else:
            return None
    return here


__all__ = ["parts", "terms"]
