"""Kronecker's delta and sums over an index."""

from __future__ import annotations

from ..expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Delta,
    Expr,
    Index,
    Mul,
    Number,
    Reduce,
    Ref,
    Size,
    flat_factors,
    negative,
    product,
    total,
    with_indices,
)
from ..rewrite import Change, Rule
from .scope import WRITTEN_OUT, Scope

c = Ref("c")
_u_k, _v_k = Ref("u", ("k",)), Ref("v", ("k",))


def _sum_k(body: Expr) -> Expr:
    return Reduce("sum", "k", "n", body)


def _evaluate(e: Expr, scope: Scope) -> Change | None:
    """[a = a] = 1, and [a = b] = 0 for different numbers."""
    if not isinstance(e, Delta):
        return None
    if e.left == e.right:
        return ONE, ("the indices agree: ", e, " = 1")
    if isinstance(e.left, int) and isinstance(e.right, int):
        return ZERO, ("the indices differ: ", e, " = 0")
    return None


EVALUATE: Rule[Scope] = Rule(
    "delta", ((Delta("a", "a"), ONE), (Delta(1, 2), ZERO)), _evaluate
)  # fmt: skip


def _sift(e: Expr, scope: Scope) -> Change | None:
    """Σ_k [k = j] u_k = u_j."""
    if not isinstance(e, Reduce) or e.op != "sum":
        return None
    factors = flat_factors(e.body)
    for position, factor in enumerate(factors):
        if not isinstance(factor, Delta) or isinstance(factor.right, Expr):
            continue
        if e.index not in (factor.left, factor.right) or factor.left == factor.right:
            continue
        other = factor.right if factor.left == e.index else factor.left
        rest = product((*factors[:position], *factors[position + 1 :]))
        return with_indices(rest, {e.index: other}), (
            "only the term where ", factor, " remains of the sum",
        )  # fmt: skip
    return None


SIFT: Rule[Scope] = Rule(
    "sifting", ((_sum_k(Delta("k", "j") * _u_k), Ref("u", ("j",))),), _sift
)  # fmt: skip


def _join(e: Expr, scope: Scope) -> Change | None:
    """u_k [k = j] = u_j [k = j]: the delta lets one index stand for the other."""
    if not isinstance(e, Mul):
        return None
    for factor in e.factors:
        if isinstance(factor, Delta) and isinstance(factor.right, str):
            if not isinstance(factor.left, int | str) or factor.left == factor.right:
                continue
            change: dict[str, Index] = {factor.right: factor.left}
            new = tuple(f if f is factor else with_indices(f, change) for f in e.factors)
            if new != e.factors:
                return Mul(new), (
                    "where ",
                    factor,
                    " the indices are the same",
                )
    return None


JOIN: Rule[Scope] = Rule(
    "delta", ((_u_k * Delta("j", "k"), Ref("u", ("j",)) * Delta("j", "k")),), _join
)  # fmt: skip


def _out(e: Expr, scope: Scope) -> Change | None:
    """Σ_k c u_k = c Σ_k u_k where c does not depend on k."""
    if not isinstance(e, Reduce) or e.op != "sum":
        return None
    if e.index not in e.body.free:
        count = _count(e.size, scope)
        if e.body is ZERO:
            return ZERO, ("a sum of zeros is 0",)
        new = count if e.body is ONE else Mul((count, e.body))
        return new, ("every term of the sum is the same",)
    factors = flat_factors(e.body)
    outer = tuple(f for f in factors if e.index not in f.free)
    inner = tuple(f for f in factors if e.index in f.free)
    if not outer or not inner:
        return None
    return Mul((*outer, Reduce("sum", e.index, e.size, product(inner)))), (
        "what does not depend on the summation index stands before the sum",
    )


def _count(size: Size, scope: Scope) -> Expr:
    length = scope.length(size)
    if length is not None:
        return Number(length)
    assert isinstance(size, str)
    return Ref(size)


OUT: Rule[Scope] = Rule(
    "constant factor of a sum", ((_sum_k(c * _u_k), c * _sum_k(_u_k)),), _out,
    "c does not depend on k",
)  # fmt: skip


def _split(e: Expr, scope: Scope) -> Change | None:
    """Σ_k (u_k + v_k) = Σ_k u_k + Σ_k v_k."""
    if not isinstance(e, Reduce) or e.op != "sum" or not isinstance(e.body, Add):
        return None
    terms = []
    for term in e.body.terms:
        sign = isinstance(term, Mul) and term.factors[0] is MINUS_ONE
        part: Expr = Reduce("sum", e.index, e.size, negative(term) if sign else term)
        terms.append(negative(part) if sign else part)
    return total(tuple(terms)), ("sum each term on its own",)


SPLIT: Rule[Scope] = Rule(
    "sum of sums", ((_sum_k(_u_k + _v_k), _sum_k(_u_k) + _sum_k(_v_k)),), _split
)  # fmt: skip


def _written_out(e: Expr, scope: Scope) -> Change | None:
    """Σ_k u_k = u_1 + u_2 + … + u_n for a small number n."""
    if not isinstance(e, Reduce) or e.op != "sum":
        return None
    length = scope.length(e.size)
    if length is None or not 1 <= length <= WRITTEN_OUT:
        return None
    terms = tuple(with_indices(e.body, {e.index: k}) for k in range(1, length + 1))
    says = "write the sum out" if length > 1 else "the sum has one term"
    return total(terms), (says,)


WRITTEN: Rule[Scope] = Rule(
    "written out",
    ((_sum_k(_u_k), Ref("u", (1,)) + Ref("u", (2,)) + Ref("…") + Ref("u", ("n",))),),
    _written_out,
)


def _distribute(e: Expr, scope: Scope) -> Change | None:
    """Σ_k u_k ([k = j] v_k + c) = Σ_k u_k [k = j] v_k + Σ_k u_k c."""
    if not isinstance(e, Reduce) or e.op != "sum":
        return None
    factors = flat_factors(e.body)
    for position, factor in enumerate(factors):
        if not isinstance(factor, Add):
            continue
        if not any(_sifts(term, e.index) for term in factor.terms):
            continue
        terms = []
        for term in factor.terms:
            sign = isinstance(term, Mul) and term.factors[0] is MINUS_ONE
            bare = negative(term) if sign else term
            body = product((*factors[:position], *flat_factors(bare), *factors[position + 1 :]))
            part: Expr = Reduce("sum", e.index, e.size, body)
            terms.append(negative(part) if sign else part)
        return Add(tuple(terms)), ("multiply out, so that the delta can pick its term",)
    return None


def _sifts(term: Expr, index: str) -> bool:
    return any(
        isinstance(f, Delta) and index in (f.left, f.right) and not isinstance(f.right, Expr)
        for f in flat_factors(term)
    )


DISTRIBUTE_DELTA: Rule[Scope] = Rule(
    "distributivity",
    ((_sum_k(_v_k * (Delta("k", "j") * _u_k + c)),
      _sum_k(_v_k * Delta("k", "j") * _u_k) + _sum_k(_v_k * c)),),
    _distribute,
)  # fmt: skip
