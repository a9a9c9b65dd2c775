"""The laws of differentiation, one rule each.

Every rule acts on `Derivative(body, wrt, total)`. A local derivative whose body is a bare
computed quantity means that quantity's own equation; any other computed quantity in a local
derivative is held.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    flat_factors,
    fresh_index,
    negative,
    product,
    total,
    with_indices,
)
from ..network import is_adjoint
from ..rewrite import Change, Rule, Sentence
from .scope import Scope, may_meet, refs

# the letters in which laws are written
u, v, x, c, n, q = (Ref(letter) for letter in "uvxcnq")
_u_k, _k = Ref("u", ("k",)), "k"


def D(body: Expr) -> Expr:
    """∂body/∂x in the letters of a law."""
    return Derivative(body, x, False)


def _of(d: Derivative, body: Expr) -> Expr:
    return Derivative(body, d.wrt, d.total)


def listed(parts: Sequence[Expr]) -> Sentence:
    """a, b and c."""
    return joined([(part,) for part in parts])


def joined(sentences: Sequence[Sentence]) -> Sentence:
    """The same of several words each."""
    words: list[str | Expr] = []
    for position, sentence in enumerate(sentences):
        if position:
            words.append(" and " if position == len(sentences) - 1 else ", ")
        words.extend(sentence)
    return tuple(words)


# -- a quantity and itself -----------------------------------------------------------------


def _compared(body: Expr, wrt: Expr) -> Change | None:
    """∂body/∂wrt where body is wrt, or another component of the same quantity."""
    if body is wrt:
        return ONE, ("the derivative of ", wrt, " with respect to itself is 1")
    if not (isinstance(body, Ref) and isinstance(wrt, Ref) and body.name == wrt.name):
        return None
    factors: list[Expr] = []
    for a, b in zip(body.indices, wrt.indices, strict=True):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            return ZERO, (body, " is another component than ", wrt, ": its derivative is 0")
        if a != b:
            factors.append(Delta(a, b))
    return product(tuple(factors)), (body, " is ", wrt, " exactly where the indices agree")


def _itself(e: Expr, scope: Scope) -> Change | None:
    """∂x/∂x = 1, and by components ∂x_a/∂x_b = [a = b]."""
    return _compared(e.body, e.wrt) if isinstance(e, Derivative) else None


ITSELF: Rule[Scope] = Rule(
    "itself",
    ((D(x), ONE), (Derivative(Ref("x", ("a",)), Ref("x", ("b",)), False), Delta("a", "b"))),
    _itself,
)  # fmt: skip


# -- what does not depend ------------------------------------------------------------------


def _held(e: Derivative, body: Expr, scope: Scope) -> bool:
    """Whether `body` inside this derivative cannot change."""
    return not scope.depends(body, e.wrt, e.total)


def why_held(parts: Sequence[Expr], e: Derivative, scope: Scope) -> Sentence:
    """a and b do not depend on x; what does, and is only held here, is told apart.

    In a local derivative a quantity that is computed from x is held: its own way from x is
    another path, and is counted there.
    """
    held = [p for p in parts if not e.total and scope.depends(p, e.wrt, True)]
    free = [p for p in parts if p not in held]
    words: list[str | Expr] = []
    if free:
        words.extend(
            (*listed(free), " does" if len(free) == 1 else " do", " not depend on ", e.wrt)
        )
    if held:
        one = len(held) == 1
        words.extend(("; ",) if free else ())
        words.extend((*listed(held), " is" if one else " are", " held here: the way through ",
                      "it" if one else "them", " is another path"))  # fmt: skip
    return tuple(words)


def _looked_for(e: Derivative, body: Expr, scope: Scope) -> Sentence:
    """The reason of a zero: which names were looked for, and where."""
    if isinstance(body, Number):
        return (body, " is a constant")
    if any(scope.computed(r) for r in refs(body)):
        return why_held([body], e, scope)
    if isinstance(body, Ref):
        return (body, " is not ", e.wrt)
    return (body, " does not contain ", e.wrt)


def _constant(e: Expr, scope: Scope) -> Change | None:
    """∂c/∂x = 0 where c does not depend on x."""
    if not isinstance(e, Derivative) or (not e.total and scope.computed(e.body)):
        return None
    if e.body is e.wrt or not _held(e, e.body, scope):
        return None
    return ZERO, (*_looked_for(e, e.body, scope), ": its derivative is 0")


CONSTANT: Rule[Scope] = Rule(
    "constant", ((D(c), ZERO),), _constant, "c does not depend on x"
)  # fmt: skip


def _no_path(e: Expr, scope: Scope) -> Change | None:
    """∂q/∂x = 0 where the equation of q does not contain x."""
    if not isinstance(e, Derivative) or e.total or not scope.computed(e.body):
        return None
    assert isinstance(e.body, Ref)
    same = isinstance(e.wrt, Ref) and e.body.name == e.wrt.name
    if same or not _held(e, scope.network.definition(e.body), scope):
        return None
    return ZERO, ("the equation of ", e.body, " does not contain ", e.wrt)


NO_PATH: Rule[Scope] = Rule(
    "no direct path", ((D(q), ZERO),), _no_path, "the equation of q does not contain x"
)  # fmt: skip


def _removed(body: Expr, e: Derivative, scope: Scope, gone: list[Expr]) -> Expr:
    """`body` without the unrelated terms of sums that enter it linearly."""
    if isinstance(body, Add):
        kept = []
        for term in body.terms:
            if _held(e, term, scope):
                gone.append(term)
            else:
                kept.append(_removed(term, e, scope, gone))
        return total(tuple(kept))
    if isinstance(body, Mul):
        related = [f for f in body.factors if not _held(e, f, scope)]
        if len(related) == 1:
            inner = _removed(related[0], e, scope, gone)
            return Mul(tuple(inner if f is related[0] else f for f in body.factors))
    if isinstance(body, Reduce) and body.op == "sum" and body.index not in e.wrt.free:
        return body.rebuilt((_removed(body.body, e, scope, gone),))
    return body


def _remove(e: Expr, scope: Scope) -> Change | None:
    """∂(u + c)/∂x = ∂u/∂x where c does not depend on x."""
    if not isinstance(e, Derivative) or e.body is e.wrt or _held(e, e.body, scope):
        return None
    gone: list[Expr] = []
    body = _removed(e.body, e, scope, gone)
    if not gone:
        return None
    return _of(e, body), ("remove ", *listed(gone), ": ", *_unrelated(gone, e, scope))


def _unrelated(gone: list[Expr], e: Derivative, scope: Scope) -> Sentence:
    """Which quantities were looked at: neither h_1 nor w_6 depends on w_8."""
    seen = list(dict.fromkeys(r for term in gone for r in refs(term)))
    if not seen:
        return (*listed(gone), " is a number")
    if any(scope.depends(r, e.wrt, True) for r in seen):
        return why_held(seen, e, scope)
    if seen == gone or len(seen) == 1:
        them: Sentence = ("it does",) if seen == gone else (seen[0], " does")
        subject: Sentence = ("they do",) if len(seen) > 1 else them
        return (*subject, " not depend on ", e.wrt)
    if len(seen) == 2:
        return ("neither ", seen[0], " nor ", seen[1], " depends on ", e.wrt)
    return ("none of ", *listed(seen), " depends on ", e.wrt)


REMOVE: Rule[Scope] = Rule(
    "remove unrelated", ((D(u + c), D(u)),), _remove, "c does not depend on x"
)  # fmt: skip


# -- sums and products ---------------------------------------------------------------------


def _sum(e: Expr, scope: Scope) -> Change | None:
    """∂(u + v)/∂x = ∂u/∂x + ∂v/∂x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Add) or e.body is e.wrt:
        return None
    terms = []
    says: list[str | Expr] = ["the derivative of a sum is the sum of the derivatives"]
    for term in e.body.terms:
        sign = isinstance(term, Mul) and term.factors[0] is MINUS_ONE
        inner = negative(term) if sign else term
        part = _local(e, inner, scope)
        terms.append(negative(part) if sign else part)
        if part is ZERO:  # what is held vanishes at once: say so
            says.extend(("; ", *why_held([inner], e, scope)))
    return Add(tuple(terms)), tuple(says)


SUM: Rule[Scope] = Rule("sum rule", ((D(u + v), D(u) + D(v)),), _sum)


def _constant_factor(e: Expr, scope: Scope) -> Change | None:
    """∂(c u)/∂x = c ∂u/∂x where c does not depend on x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Mul) or e.body is e.wrt:
        return None
    factors = flat_factors(e.body)
    held = [f for f in factors if _held(e, f, scope)]
    moving = tuple(f for f in factors if not _held(e, f, scope))
    if not held or not moving:
        return None
    new = Mul((*held, _local(e, product(moving), scope)))
    if all(isinstance(f, Number) for f in held):
        return new, (*listed(held), " is a constant factor: put it in front")
    shown = [f for f in held if f is not MINUS_ONE]
    put = ": put it in front" if len(shown) == 1 else ": put them in front"
    return new, (*why_held(shown, e, scope), put)


CONSTANT_FACTOR: Rule[Scope] = Rule(
    "constant factor", ((D(c * u), c * D(u)),), _constant_factor, "c does not depend on x"
)  # fmt: skip


def _numeric_factor(e: Expr, scope: Scope) -> Change | None:
    """∂(c u)/∂x = c ∂u/∂x for a number c."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Mul) or e.body is e.wrt:
        return None
    numbers = [f for f in e.body.factors if isinstance(f, Number)]
    others = tuple(f for f in e.body.factors if not isinstance(f, Number))
    if not numbers or not others:
        return None
    inner = product(others)
    if not e.total and scope.computed(inner):
        return None
    new = Mul((*numbers, _of(e, inner)))
    return new, (*listed(list(numbers)), " is a constant factor: put it in front")


NUMERIC_FACTOR: Rule[Scope] = Rule(
    "constant factor", ((D(c * u), c * D(u)),), _numeric_factor, "c is a number"
)  # fmt: skip


def _product(e: Expr, scope: Scope) -> Change | None:
    """∂(u v)/∂x = ∂u/∂x v + u ∂v/∂x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Mul) or e.body is e.wrt:
        return None
    factors = e.body.factors
    terms = []
    for i, factor in enumerate(factors):
        if not _held(e, factor, scope):
            terms.append(Mul((*factors[:i], _local(e, factor, scope), *factors[i + 1 :])))
    return total(tuple(terms)), ("each factor changes in turn while the others are held",)


def _local(e: Derivative, inner: Expr, scope: Scope) -> Expr:
    """∂inner/∂x where a bare computed quantity must not be read as its equation."""
    if not e.total and scope.computed(inner) and inner is not e.wrt:
        change = _compared(inner, e.wrt)
        return change[0] if change else ZERO
    return _of(e, inner)


PRODUCT: Rule[Scope] = Rule("product rule", ((D(u * v), D(u) * v + u * D(v)),), _product)


# -- powers and functions ------------------------------------------------------------------


def _power(e: Expr, scope: Scope) -> Change | None:
    """∂(u^n)/∂x = n u^(n-1) ∂u/∂x where n does not depend on x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Power):
        return None
    base, exponent = e.body.base, e.body.exponent
    if not _held(e, exponent, scope) or _held(e, base, scope):
        return None
    if isinstance(exponent, Number):
        less: Expr = Number(exponent.value - 1)
    else:
        less = exponent - ONE
    lowered = base if less is ONE else Power(base, less)
    factors: tuple[Expr, ...] = (exponent, lowered)
    if base is not e.wrt:
        factors = (*factors, _local(e, base, scope))
    return Mul(factors), ("the power ", exponent, " of ", base, " comes down and is lowered by 1")


POWER: Rule[Scope] = Rule(
    "power rule", ((D(u**n), n * u ** (n - ONE) * D(u)),), _power, "n does not depend on x"
)  # fmt: skip


def _exponential(e: Expr, scope: Scope) -> Change | None:
    """∂(u^v)/∂x = u^v (∂v/∂x ln u + v ∂u/∂x / u)."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Power):
        return None
    base, exponent = e.body.base, e.body.exponent
    if _held(e, exponent, scope):
        return None
    grows = Mul((_local(e, exponent, scope), Apply("log", base)))
    if _held(e, base, scope):
        return Mul((e.body, grows)), ("the exponent of ", e.body, " changes")
    moves = Mul((exponent, _local(e, base, scope), Power(base, MINUS_ONE)))
    return Mul((e.body, Add((grows, moves)))), ("base and exponent of ", e.body, " change")


EXPONENTIAL: Rule[Scope] = Rule(
    "exponential rule",
    ((D(u**v), u**v * (D(v) * Apply("log", u) + v * D(u) / u)),),
    _exponential,
)


def _function(e: Expr, scope: Scope) -> Change | None:
    """∂f(u)/∂x = f'(u) ∂u/∂x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Apply):
        return None
    argument = e.body.argument
    if _held(e, argument, scope):
        return None
    row = scope.function(e.body.function)
    if row.inlined and row.definition is not None:
        return _of(e, row.definition_at(argument)), ("put in the definition of ", e.body)
    slope = row.derivative_at(argument) if row.direct else Apply(row.derivative_name, argument)
    if argument is e.wrt:
        return slope, ("the derivative of ", e.body, " is ", slope)
    return Mul((slope, _local(e, argument, scope))), (
        "chain rule: the derivative of ", e.body, " is ", slope,
        " times the derivative of its argument",
    )  # fmt: skip


FUNCTION: Rule[Scope] = Rule(
    "chain rule for a function", ((D(Apply("f", u)), Apply("f'", u) * D(u)),), _function
)


# -- sums over an index, maxima ------------------------------------------------------------


def _apart(e: Derivative) -> Reduce:
    """The reduction under a derivative, its letter different from the letters of wrt."""
    body = e.body
    assert isinstance(body, Reduce)
    if body.index not in e.wrt.free:
        return body
    letter = fresh_index(e.wrt.free | body.body.free | body.body.bound | e.names)
    return Reduce(body.op, letter, body.size, with_indices(body.body, {body.index: letter}))


def _sum_over(e: Expr, scope: Scope) -> Change | None:
    """∂(Σ_k u_k)/∂x = Σ_k ∂u_k/∂x."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Reduce) or e.body.op != "sum":
        return None
    body = _apart(e)
    inner = _local(e, body.body, scope)
    return Reduce("sum", body.index, body.size, inner), (
        "the derivative of a sum is the sum of the derivatives",
    )


SUM_OVER: Rule[Scope] = Rule(
    "sum rule",
    ((D(Reduce("sum", _k, "n", _u_k)), Reduce("sum", _k, "n", D(_u_k))),),
    _sum_over,
)


def _maximum(e: Expr, scope: Scope) -> Change | None:
    """∂(max_k u_k)/∂x = Σ_k [k = argmax_m u_m] ∂u_k/∂x, the first largest where several are."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Reduce) or e.body.op != "max":
        return None
    body = _apart(e)
    letter = fresh_index(e.wrt.free | body.body.free | body.body.bound | {body.index})
    where = Reduce("argmax", letter, body.size, with_indices(body.body, {body.index: letter}))
    inner = Mul((Delta(body.index, where), _local(e, body.body, scope)))
    return Reduce("sum", body.index, body.size, inner), (
        "only the (first) largest value moves the maximum",
    )


MAXIMUM: Rule[Scope] = Rule(
    "maximum",
    ((D(Reduce("max", _k, "n", _u_k)),
      Reduce("sum", _k, "n", Delta(_k, Reduce("argmax", "m", "n", Ref("u", ("m",)))) * D(_u_k))),),
    _maximum,
)  # fmt: skip


def _position(e: Expr, scope: Scope) -> Change | None:
    """∂[j = argmax_k u_k]/∂x = 0: the position of the largest value stays where it is."""
    if not isinstance(e, Derivative) or not isinstance(e.body, Delta):
        return None
    return ZERO, ("the position of the largest value does not move for small changes (where two"
                  " values are equal, 0 is taken)",)  # fmt: skip


POSITION: Rule[Scope] = Rule(
    "position of the maximum",
    ((D(Delta("j", Reduce("argmax", _k, "n", _u_k))), ZERO),),
    _position,
    "no two values are equal",
)


# -- the chain rule through named quantities -----------------------------------------------


def related_refs(e: Derivative, scope: Scope) -> list[Ref]:
    """The distinct components in the body through which it depends on wrt, in order."""
    found: dict[Ref, None] = {}
    for r in refs(e.body):
        if not is_adjoint(r) and scope.depends(r, e.wrt, e.total):
            found.setdefault(r)
    return list(found)


def linear(body: Expr, e: Derivative, scope: Scope) -> bool:
    """Whether `body` is a sum of multiples of single quantities that depend on wrt."""
    if not scope.depends(body, e.wrt, e.total) or isinstance(body, Ref):
        return True
    if isinstance(body, Add):
        return all(linear(term, e, scope) for term in body.terms)
    if isinstance(body, Mul):
        moving = [f for f in body.factors if scope.depends(f, e.wrt, e.total)]
        return len(moving) == 1 and linear(moving[0], e, scope)
    return isinstance(body, Reduce) and body.op == "sum" and linear(body.body, e, scope)


def _chain(e: Expr, scope: Scope) -> Change | None:
    """∂F(q, r)/∂x = ∂F/∂q ∂q/∂x + ∂F/∂r ∂r/∂x, F seen as a function of the named q and r."""
    if not isinstance(e, Derivative) or not e.total or isinstance(e.body, Ref):
        return None
    if linear(e.body, e, scope):
        return None
    through = related_refs(e, scope)
    if not through or any(r.free - e.body.free for r in through):
        return None
    # ∂F/∂h_i holds h_1 only where the two are certainly different
    if any(may_meet(a, b) for n, a in enumerate(through) for b in through[:n]):
        return None
    terms = tuple(Mul((Derivative(e.body, r, False), _of(e, r))) for r in through)
    return total(terms), ("chain rule: ", e.wrt, " reaches this through ", *listed(list(through)))


CHAIN: Rule[Scope] = Rule(
    "chain rule",
    ((Derivative(Apply("F", q), x, True),
      Derivative(Apply("F", q), q, False) * Derivative(q, x, True)),),
    _chain,
    "F is not linear; q and r are different",
)  # fmt: skip
