"""Algebra: zeros, ones, numbers, signs, powers, and multiplying out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Apply,
    Derivative,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    canonical,
    flat_terms,
    negative,
    product,
    total,
    walk,
)
from ..rewrite import Change, Rule
from .scope import Scope

u, v, w, c, n, m = (Ref(letter) for letter in "uvwcnm")

LARGEST_EXPONENT = 64
"""Powers of numbers above this exponent are never evaluated."""

_Simple = Callable[[Expr], Expr | None]


def _rule(
    name: str, left: Expr, right: Expr, says: str, simple: _Simple, when: str = "",
    more: tuple[tuple[Expr, Expr], ...] = (),
) -> Rule[Scope]:  # fmt: skip
    """A rule that needs nothing of its surroundings and always says the same.

    more: further laws that the same rule applies.
    """

    def apply(e: Expr, scope: Scope) -> Change | None:
        new = simple(e)
        return None if new is None else (new, (says,) if says else ())

    apply.__doc__ = simple.__doc__
    return Rule(name, ((left, right), *more), apply, when)


def _zero(e: Expr) -> Expr | None:
    """0 u = 0 and u + 0 = u."""
    if isinstance(e, Mul) and ZERO in e.factors:
        return ZERO
    if isinstance(e, Add) and ZERO in e.terms:
        return total(tuple(t for t in e.terms if t is not ZERO))
    if isinstance(e, Reduce) and e.op == "sum" and e.body is ZERO:
        return ZERO
    return None


ZERO_RULE = _rule("zero", 0 * u, ZERO, "zeros vanish", _zero, more=((u + 0, u),))


def _one(e: Expr) -> Expr | None:
    """1 u = u."""
    if isinstance(e, Mul) and ONE in e.factors:
        return product(tuple(f for f in e.factors if f is not ONE))
    return None


ONE_RULE = _rule("one", 1 * u, u, "factors of 1 vanish", _one)


def _flat(e: Expr) -> Expr | None:
    """(u v) w = u v w and (u + v) + w = u + v + w."""
    if isinstance(e, Mul):
        factors: list[Expr] = []
        for f in e.factors:
            # a sign keeps its parentheses, u (-v), until it is put in front
            signed = isinstance(f, Mul) and f.factors[0] is MINUS_ONE and bool(factors)
            factors.extend(f.factors if isinstance(f, Mul) and not signed else (f,))
        return Mul(tuple(factors)) if len(factors) > len(e.factors) else None
    if isinstance(e, Add) and any(isinstance(t, Add) for t in e.terms):
        return Add(tuple(s for t in e.terms for s in (t.terms if isinstance(t, Add) else (t,))))
    return None


FLAT = _rule("associativity", (u * v) * w, Mul((u, v, w)), "", _flat)


def _numbers(e: Expr) -> Expr | None:
    """Numbers in a product or a sum are put together: 2 u 1/2 = u."""
    if isinstance(e, Mul):
        numbers = [f for f in e.factors if isinstance(f, Number)]
        if len(numbers) < 2 or ZERO in numbers:
            return None
        value = Fraction(1)
        for number in numbers:
            value *= number.value
        rest = tuple(f for f in e.factors if not isinstance(f, Number))
        if value == 1:
            return product(rest)
        return product((Number(value), *rest))
    if isinstance(e, Add):
        numbers = [t for t in e.terms if isinstance(t, Number)]
        if len(numbers) < 2:
            return None
        first = e.terms.index(numbers[0])
        number = Number(sum((t.value for t in numbers), Fraction(0)))
        terms = [t for t in e.terms if not isinstance(t, Number)]
        if number is not ZERO:
            terms.insert(first, number)
        return total(tuple(terms))
    if isinstance(e, Power) and isinstance(e.base, Number) and isinstance(e.exponent, Number):
        k, b = e.exponent.value, e.base.value
        if k.denominator == 1 and abs(k) <= LARGEST_EXPONENT and (b != 0 or k > 0):
            return Number(b ** int(k))
    return None


NUMBERS = _rule("arithmetic", 2 * u / 2, u, "put the numbers together", _numbers)


def _signs(e: Expr) -> Expr | None:
    """u (-v) = -(u v): signs stand in front."""
    if not isinstance(e, Mul):
        return None
    sign, factors = 1, []
    for position, f in enumerate(e.factors):
        if f is MINUS_ONE and position == 0:
            sign = -sign
            factors.append(f)
        elif isinstance(f, Mul) and f.factors[0] is MINUS_ONE:
            factors.append(product(f.factors[1:]))
            sign = -sign
        elif f is MINUS_ONE:
            sign = -sign
        elif isinstance(f, Number) and f.value < 0 and position > 0:
            factors.append(Number(-f.value))
            sign = -sign
        else:
            factors.append(f)
    if tuple(factors) == e.factors:
        return None
    bare = tuple(f for f in factors if f is not MINUS_ONE)
    inner = product(bare)
    return negative(inner) if sign < 0 else inner


SIGNS = _rule("signs", u * (-v), -(u * v), "put the sign in front", _signs)


def _sum_signs(e: Expr) -> Expr | None:
    """Σ_k (-u_k) = -Σ_k u_k."""
    signed = isinstance(e, Reduce) and isinstance(e.body, Mul) and e.body.factors[0] is MINUS_ONE
    if signed and isinstance(e, Reduce) and e.op == "sum":
        return negative(Reduce("sum", e.index, e.size, negative(e.body)))
    return None


_u_k = Ref("u", ("k",))
SUM_SIGNS = _rule(
    "signs", Reduce("sum", "k", "n", -_u_k), -Reduce("sum", "k", "n", _u_k),
    "put the sign in front", _sum_signs,
)  # fmt: skip


def _trivial_power(e: Expr) -> Expr | None:
    """u^1 = u and u^0 = 1."""
    if isinstance(e, Power) and e.exponent is ONE:
        return e.base
    if isinstance(e, Power) and e.exponent is ZERO:
        return ONE
    return None


TRIVIAL_POWER = _rule("power of one", u**1, u, "a power of 1 is the base itself", _trivial_power,
                      more=((u**0, ONE),))  # fmt: skip


def _as_power(e: Expr) -> tuple[Expr, Fraction]:
    if isinstance(e, Power) and isinstance(e.exponent, Number):
        return e.base, e.exponent.value
    return e, Fraction(1)


def _collect(e: Expr) -> Expr | None:
    """u^m u^n = u^(m + n), so u/u = 1."""
    if not isinstance(e, Mul):
        return None
    powers: dict[object, tuple[Expr, Fraction]] = {}
    for factor in e.factors:
        if isinstance(factor, Number):
            powers[factor, len(powers)] = (factor, Fraction(1))
            continue
        base, exponent = _as_power(factor)
        key = canonical(base)
        known = powers.get(key)
        powers[key] = (known[0], known[1] + exponent) if known else (base, exponent)
    if len(powers) == len(e.factors):
        return None
    factors = [
        base if exponent == 1 else Power(base, Number(exponent))
        for base, exponent in powers.values()
        if exponent != 0
    ]
    return product(tuple(factors))


COLLECT = _rule(
    "powers of one base",
    u**n * u**m,
    u ** (n + m),
    "put powers of the same base together",
    _collect,
)


def _coefficient(term: Expr) -> tuple[Fraction, tuple[Expr, ...]]:
    if isinstance(term, Number):
        return term.value, ()
    if not isinstance(term, Mul):
        return Fraction(1), (term,)
    value, rest = Fraction(1), []
    for f in term.factors:
        if isinstance(f, Number):
            value *= f.value
        else:
            rest.append(f)
    return value, tuple(rest)


def _like_terms(e: Expr) -> Expr | None:
    """m u + n u = (m + n) u."""
    if not isinstance(e, Add):
        return None
    found: dict[object, tuple[Expr, Fraction, tuple[Expr, ...]]] = {}
    for term in e.terms:
        value, rest = _coefficient(term)
        key = canonical(product(rest))
        known = found.get(key)
        if known:
            value, rest = known[1] + value, known[2]
            rewritten = product((Number(value), *rest)) if value != 1 else product(rest)
            found[key] = (rewritten, value, rest)
        else:
            found[key] = (term, value, rest)
    if len(found) == len(e.terms):
        return None
    return total(tuple(term for term, value, _ in found.values() if value != 0))


LIKE_TERMS = _rule("like terms", n * u + m * u, (n + m) * u, "put like terms together", _like_terms)


def _distributed(e: Mul, position: int) -> Expr:
    before, after = e.factors[:position], e.factors[position + 1 :]
    return Add(tuple(product((*before, t, *after)) for t in flat_terms(e.factors[position])))


def has_reciprocal(e: Expr) -> bool:
    """Whether something in `e` is divided by."""
    return any(
        isinstance(p, Power) and isinstance(p.exponent, Number) and p.exponent.value < 0
        for p in walk(e)
    )


def _distribute_reciprocals(e: Expr) -> Expr | None:
    """(u/v + w) v = (u/v) v + w v: where it lets a denominator cancel."""
    if isinstance(e, Mul):
        for position, factor in enumerate(e.factors):
            if isinstance(factor, Add) and has_reciprocal(factor):
                return _distributed(e, position)
    return None


DISTRIBUTE_RECIPROCALS = _rule(
    "distributivity", (u / v + w) * v, u / v * v + w * v, "multiply out", _distribute_reciprocals
)

MOST_TERMS = 64
"""Products of sums are multiplied out up to this many terms."""


def _distribute(e: Expr) -> Expr | None:
    """(u + v) w = u w + v w."""
    if isinstance(e, Mul):
        terms = 1
        for f in e.factors:
            terms *= len(f.terms) if isinstance(f, Add) else 1
        if terms > MOST_TERMS:
            return None
        for position, factor in enumerate(e.factors):
            if isinstance(factor, Add):
                return _distributed(e, position)
    return None


DISTRIBUTE = _rule("distributivity", (u + v) * w, u * w + v * w, "multiply out", _distribute)


def _common_factor(e: Expr) -> Expr | None:
    """u w + v w = (u + v) w for a derivative w."""
    if not isinstance(e, Add) or len(e.terms) < 2:
        return None
    rows = [t.factors if isinstance(t, Mul) else (t,) for t in e.terms]
    for factor in rows[0]:
        if isinstance(factor, Derivative) and all(factor in row for row in rows):
            inner = []
            for row in rows:
                at = row.index(factor)
                inner.append(product((*row[:at], *row[at + 1 :])))
            return Mul((Add(tuple(inner)), factor))
    return None


COMMON_FACTOR = _rule(
    "distributivity", u * w + v * w, (u + v) * w, "put the common factor outside", _common_factor
)


def _nested_power(e: Expr) -> Expr | None:
    """(u^m)^n = u^(m n) for whole numbers m and n; (u v)^n = u^n v^n for a whole n."""
    if not isinstance(e, Power) or not isinstance(e.exponent, Number):
        return None
    if e.exponent.value.denominator != 1:
        return None
    if isinstance(e.base, Power) and isinstance(e.base.exponent, Number):
        inner = e.base.exponent.value
        if inner.denominator == 1:
            return Power(e.base.base, Number(inner * e.exponent.value))
    if isinstance(e.base, Mul):
        return Mul(tuple(Power(f, e.exponent) for f in e.base.factors))
    return None


NESTED_POWER = _rule(
    "power of a power", (u**m) ** n, u ** (m * n), "multiply the exponents", _nested_power,
    "m and n are whole numbers", more=(((u * v) ** n, u**n * v**n),),
)  # fmt: skip


def _exponentials(e: Expr) -> Expr | None:
    """exp(u) exp(v) = exp(u + v)."""
    if isinstance(e, Mul):
        found = [f for f in e.factors if isinstance(f, Apply) and f.function == "exp"]
        if len(found) > 1:
            joined = Apply("exp", Add(tuple(f.argument for f in found)))
            return product((joined, *(f for f in e.factors if f not in found)))
    return None


EXPONENTIALS = _rule(
    "product of exponentials", Apply("exp", u) * Apply("exp", v), Apply("exp", u + v),
    "add the exponents", _exponentials,
)  # fmt: skip


def _positive_first(e: Expr) -> Expr | None:
    """-u + v = v - u."""
    if not isinstance(e, Add) or not _negative(e.terms[0]) or all(map(_negative, e.terms)):
        return None
    return Add((*(t for t in e.terms if not _negative(t)), *(t for t in e.terms if _negative(t))))


def _negative(e: Expr) -> bool:
    first = e.factors[0] if isinstance(e, Mul) else e
    return isinstance(first, Number) and first.value < 0


POSITIVE_FIRST = _rule(
    "commutativity", -u + v, v - u, "write the positive term first", _positive_first
)


def _root(e: Expr) -> Expr | None:
    """√u^(2n) = u^n for a whole number n."""
    if isinstance(e, Power) and isinstance(e.exponent, Number) and isinstance(e.base, Apply):
        half = e.exponent.value / 2
        if e.base.function == "sqrt" and half.denominator == 1:
            inner = e.base.argument
            return inner if half == 1 else Power(inner, Number(half))
    return None


ROOT = _rule(
    "power of a root", Apply("sqrt", u) ** 2, u, "a root squared is what stands under it", _root,
    "u > 0",
)  # fmt: skip


def _factor_out(e: Expr) -> Expr | None:
    """u v + u w = u (v + w), and u + u^2 = u (1 + u)."""
    if not isinstance(e, Add):
        return None
    rows = [[_as_power(f) for f in _all_factors(t) if not isinstance(f, Number)] for t in e.terms]
    common: list[tuple[Expr, Fraction]] = []
    for base, exponent in rows[0]:
        least = [min((k for b, k in row if b is base), default=Fraction(0)) for row in rows]
        if base not in (b for b, _ in common) and min(least) > 0 and exponent > 0:
            common.append((base, min(least)))
    if not common:
        return None
    rest = []
    for term in e.terms:
        factors = list(_all_factors(term))
        for base, least_power in common:
            at = next(i for i, f in enumerate(factors) if _as_power(f)[0] is base)
            left = _as_power(factors[at])[1] - least_power
            factors[at : at + 1] = (
                [] if left == 0 else [base if left == 1 else Power(base, Number(left))]
            )
        rest.append(product(tuple(factors)))
    outside = tuple(base if k == 1 else Power(base, Number(k)) for base, k in common)
    return Mul((*outside, Add(tuple(rest))))


def _all_factors(e: Expr) -> tuple[Expr, ...]:
    return e.factors if isinstance(e, Mul) else (e,)


FACTOR_OUT = _rule(
    "distributivity", u * v + u * w, u * (v + w), "put the common factor outside", _factor_out
)
