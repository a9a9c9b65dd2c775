"""Products, quotients and powers of scalars, the structure that was written kept.

`a - b` is Add(a, Mul(-1, b)), `a/b` is Mul(a, Power(b, -1)), `a/2` is Mul(a, 1/2), as in the
`.bp` language. Numbers too large to be computed with are refused here.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeAlias

from ..expr import (
    MINUS_ONE,
    ONE,
    Add,
    Apply,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    product,
)
from ..language.tree import Mistake, Span

MOST_DIGITS = 1000
"""Digits that a number written as powers of numbers may have."""

LARGEST_EXPONENT = 10_000


def multiplied(factors: list[tuple[bool, Expr]], span: Span) -> Expr:
    """The product of factors; each is multiplied by (False) or divided by (True).

    Raises Mistake for a division by a written zero.
    """
    made: list[Expr] = []
    for divides, factor in factors:
        if not divides:
            made.append(factor)
            continue
        inverse = power(factor, MINUS_ONE, span)
        fraction = _fraction(made, inverse)
        made = [fraction] if fraction is not None else [*made, inverse]
    return product(tuple(made))


def over(top: Expr, bottom: Expr, span: Span) -> Expr:
    """top/bottom, as a fraction's line has it: the factors of the top stay side by side."""
    factors = top.factors if isinstance(top, Mul) else (top,)
    return multiplied([*((False, factor) for factor in factors), (True, bottom)], span)


def _fraction(factors: list[Expr], inverse: Expr) -> Expr | None:
    """What stands in front of a product as one: 1/x, and 2/3 where it is in lowest terms."""
    if len(factors) != 1 or not isinstance(factors[0], Number):
        return None
    first = factors[0]
    if first is ONE:
        return inverse
    if _whole(first) and isinstance(inverse, Number):
        value = first.value * inverse.value
        lowest = value.denominator == 1 / inverse.value
        return Number(value) if lowest and value.denominator > 1 else None
    return None


def minus(e: Expr, *, grouped: bool) -> Expr:
    """-e: a number's sign, a product's leading -1; what stands in parentheses stays."""
    if isinstance(e, Number) and e.value >= 0:
        return Number(-e.value)
    if isinstance(e, Mul) and not grouped:
        return Mul((MINUS_ONE, *e.factors))
    return Mul((MINUS_ONE, e))


def power(base: Expr, exponent: Expr, span: Span) -> Expr:
    """base ^ exponent, never evaluated but for 1/2, 1/3, …

    Raises Mistake for 0 to a negative power and for numbers too large to compute with.
    """
    below_zero = isinstance(exponent, Number) and exponent.value < 0
    if below_zero and isinstance(base, Number) and base.value == 0:
        raise Mistake("a division by zero", span)
    if exponent is MINUS_ONE and isinstance(base, Number) and _whole(base):
        return Number(Fraction(1, base.value))
    e = Power(base, exponent)
    low, high = _interval(exponent) or (0.0, 0.0)
    if max(-low, high) > LARGEST_EXPONENT:
        raise Mistake(f"an exponent above {LARGEST_EXPONENT:,} is not computed with", span)
    large = _logarithm(e)
    if large is not None and large > MOST_DIGITS:
        raise Mistake(f"this number has more than {MOST_DIGITS} digits", span)
    return e


def bounded(e: Expr, span: Span) -> Expr:
    """The expression, unless it is a constant too large to compute with: a Mistake."""
    found = _interval(e)
    if found is not None and max(-found[0], found[1]) >= 10.0**300:
        raise Mistake("this number is too large to compute with", span)
    return e


def _whole(e: Expr) -> bool:
    return isinstance(e, Number) and e.value.denominator == 1 and e.value >= 0


Interval: TypeAlias = "tuple[float, float]"


def _logarithm(e: Expr) -> float | None:
    """At most how many digits a constant has, before or behind the point; None for others."""
    if not isinstance(e, Power):
        return None
    base, exponent = _interval(e.base), _interval(e.exponent)
    if base is None or exponent is None:
        return None
    sizes = [abs(math.log10(abs(b))) for b in base if b]
    return max(map(abs, exponent)) * max(sizes, default=0.0)


def _interval(e: Expr) -> Interval | None:
    """Roughly between which numbers a constant lies; None for what is no constant.

    Overflow is infinity, which no limit admits.
    """
    if e.names or e.free:
        return None
    try:
        return _bounds(e)
    except (OverflowError, ZeroDivisionError, ValueError):
        return -math.inf, math.inf


def _bounds(e: Expr) -> Interval:
    parts = [_bounds(child) for child in e.children]
    match e:
        case Number(value=value):
            return float(value), float(value)
        case Add():
            return math.fsum(p[0] for p in parts), math.fsum(p[1] for p in parts)
        case Mul():
            low, high = 1.0, 1.0
            for a, b in parts:
                ends = (low * a, low * b, high * a, high * b)
                low, high = min(ends), max(ends)
            return low, high
        case Power():
            (a, b), (c, d) = parts
            sizes = [abs(x) ** y for x in (a, b) if x for y in (c, d)] or [0.0]
            negative = a < 0
            return (-max(sizes) if negative else min(sizes)), max(sizes)
        case Apply(function="exp"):
            ((a, b),) = parts
            return math.exp(a), math.exp(b)
        case Apply():
            ((a, b),) = parts
            most = max(abs(a), abs(b), 1.0)
            return -most, most
        case Reduce():
            ((a, b),) = parts
            return min(a, 0.0) * 1e9, max(b, 0.0) * 1e9
        case _:
            return 0.0, 1.0
