"""Numbers that carry derivatives: balls, infinitesimals, and the functions as power series.

A `Jet` is a ball of real numbers plus coefficients for products of distinct infinitesimals
ε with ε² = 0; the coefficient of ε in f(x + ε) is the derivative f'(x), that of ε₁ε₂ a second
derivative, and so on. Functions act on a jet through their Taylor coefficients, which come
from power series in ball arithmetic: every number is an interval that is proved to contain
the true one. Nothing here knows a rule of differentiation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import perm
from random import Random
from typing import TypeAlias

from flint import arb, arb_series, ctx, fmpq


class Unresolved(Exception):
    """The balls are too wide to tell which side of a boundary a number is on."""


class OutsideDomain(Exception):
    """A function is not defined, or not differentiable, at the point."""


def ball(value: Fraction | int) -> arb:
    """An exact number as a ball of the working precision."""
    fraction = Fraction(value)
    return arb(fmpq(fraction.numerator, fraction.denominator))


class Jet:
    """A ball and the coefficients of infinitesimals; parts maps a set of them (as the bits of
    a number, 0 for none) to its coefficient."""

    __slots__ = ("parts",)
    parts: dict[int, arb]

    def __init__(self, parts: dict[int, arb]) -> None:
        self.parts = parts

    @property
    def base(self) -> arb:
        """The value without infinitesimals."""
        return self.parts[0]

    @property
    def constant(self) -> bool:
        """Whether no infinitesimal has a coefficient other than an exact zero."""
        return all(c.is_zero() for bits, c in self.parts.items() if bits)

    def part(self, bit: int) -> Jet:
        """The coefficient of one infinitesimal, which may carry the others."""
        parts = {bits ^ bit: c for bits, c in self.parts.items() if bits & bit}
        parts.setdefault(0, arb(0))
        return Jet(parts)

    def __add__(self, other: Jet) -> Jet:
        parts = dict(self.parts)
        for bits, c in other.parts.items():
            parts[bits] = parts[bits] + c if bits in parts else c
        return Jet(parts)

    def __mul__(self, other: Jet) -> Jet:
        parts: dict[int, arb] = {}
        for left, a in self.parts.items():
            for right, b in other.parts.items():
                if left & right:  # ε² = 0
                    continue
                bits = left | right
                parts[bits] = parts[bits] + a * b if bits in parts else a * b
        return Jet(parts)

    @property
    def order(self) -> int:
        """How many distinct infinitesimals it carries: the highest power that matters."""
        union = 0
        for bits in self.parts:
            union |= bits
        return union.bit_count()

    def through(self, taylor: Callable[[arb, int], list[arb]]) -> Jet:
        """f of this jet: the Taylor polynomial of f at the base, in the infinitesimals."""
        order = self.order
        coefficients = taylor(self.base, order + 1)
        rest = Jet({0: arb(0), **{bits: c for bits, c in self.parts.items() if bits}})
        result = Jet({0: coefficients[order]})
        for k in range(order - 1, -1, -1):
            result = result * rest + Jet({0: coefficients[k]})
        return result


def number(value: Fraction | int) -> Jet:
    """An exact number as a jet."""
    return Jet({0: ball(value)})


# -- functions as power series -------------------------------------------------------------

Taylor: TypeAlias = Callable[[arb, int], list[arb]]
"""(x, n) → the first n Taylor coefficients at x."""


def sign_of(x: arb) -> int:
    """-1, 0 or 1, where the ball proves it. Raises Unresolved where it does not."""
    if x.is_zero():
        return 0
    if x > 0:
        return 1
    if x < 0:
        return -1
    raise Unresolved


def _coefficients(series: arb_series, length: int) -> list[arb]:
    found: list[arb] = list(series.coeffs())
    return found + [arb(0)] * (length - len(found))


def _variable(x: arb, length: int) -> arb_series:
    if length > ctx.cap:
        raise OutsideDomain(f"derivatives of order {ctx.cap} and above are not computed")
    return arb_series([x, arb(1)], prec=length)


def _analytic(f: Callable[[arb_series], arb_series]) -> Taylor:
    return lambda x, length: _coefficients(f(_variable(x, length)), length)


def _sigmoid(u: arb_series) -> arb_series:
    return (1 + (-u).exp()).inv()


def _polynomial(*coefficients: Fraction | int) -> Taylor:
    """Taylor coefficients that are known outright, whatever x is."""

    def taylor(x: arb, length: int) -> list[arb]:
        known = [ball(c) for c in coefficients[:length]]
        return known + [arb(0)] * (length - len(known))

    return taylor


def _value_only(value: int, why: str) -> Taylor:
    def taylor(x: arb, length: int) -> list[arb]:
        if length > 1:
            raise OutsideDomain(why)
        return [arb(value)]

    return taylor


def _undefined(why: str) -> Taylor:
    def taylor(x: arb, length: int) -> list[arb]:
        raise OutsideDomain(why)

    return taylor


_identity = _analytic(lambda u: u)
_zero = _polynomial(0)
_one = _polynomial(1)
_minus_one = _polynomial(-1)

ANALYTIC: Mapping[str, Taylor] = {
    "sigmoid": _analytic(_sigmoid),
    "tanh": _analytic(lambda u: 2 * _sigmoid(2 * u) - 1),
    "softplus": _analytic(lambda u: (1 + u.exp()).log()),
    "silu": _analytic(lambda u: u * _sigmoid(u)),
    "gelu": _analytic(lambda u: u * (1 + (u * (1 / arb(2).sqrt())).erf()) * (arb(1) / 2)),
    "exp": _analytic(lambda u: u.exp()),
    "sin": _analytic(lambda u: u.sin()),
    "cos": _analytic(lambda u: u.cos()),
    "erf": _analytic(lambda u: u.erf()),
}
"""The functions that are analytic everywhere."""


@dataclass(frozen=True)
class Branches:
    """A function with a boundary at 0: its Taylor coefficients on either side and at 0."""

    positive: Taylor
    at_zero: Taylor
    negative: Taylor
    piecewise: bool = True

    def __call__(self, x: arb, length: int) -> list[arb]:
        return (self.at_zero, self.positive, self.negative)[sign_of(x)](x, length)


BRANCHES: Mapping[str, Branches] = {
    # at 0 the conventions: relu' = 0, leaky_relu' = 1/100, abs' = sign = 0, step = 0
    "relu": Branches(_identity, _zero, _zero),
    "leaky_relu": Branches(
        _identity, _polynomial(0, Fraction(1, 100)), _analytic(lambda u: u * (arb(1) / 100))
    ),
    "elu": Branches(_identity, _polynomial(0, 1), _analytic(lambda u: u.exp() - 1)),
    "abs": Branches(_identity, _zero, _analytic(lambda u: -u)),
    "sign": Branches(_one, _zero, _minus_one),
    "step": Branches(_one, _zero, _zero),
    "sqrt": Branches(
        _analytic(lambda u: u.sqrt()),
        _value_only(0, "sqrt has no derivative at 0"),
        _undefined("sqrt of a negative number"),
        piecewise=False,
    ),
    "log": Branches(
        _analytic(lambda u: u.log()),
        _undefined("log of 0"),
        _undefined("log of a negative number"),
        piecewise=False,
    ),
}
"""The functions that a boundary divides; `piecewise` where both sides are in the domain."""

SERIES: Mapping[str, Taylor] = {**ANALYTIC, **BRANCHES}


def differentiated(taylor: Taylor, times: int) -> Taylor:
    """The Taylor coefficients of a derivative: those of the function, moved down."""
    if not times:
        return taylor

    def moved(x: arb, length: int) -> list[arb]:
        found = taylor(x, length + times)
        return [found[k + times] * perm(k + times, times) for k in range(length)]

    return moved


def _whole_power(x: arb, exponent: int) -> arb:
    """x^exponent by squaring, which also holds for balls around 0 (`**` gives NaN there)."""
    result, square, rest = arb(1), x, abs(exponent)
    while rest:
        if rest & 1:
            result = result * square
        square, rest = square * square, rest >> 1
    return 1 / result if exponent < 0 else result


@cache
def power(exponent: Fraction) -> Taylor:
    """u ↦ u^exponent: a whole exponent for every u (but 0 to a negative one), a fraction for
    u > 0, or at u = 0 for the value alone of a positive one."""
    return _whole(int(exponent)) if exponent.denominator == 1 else _fractional(exponent)


def _whole(exponent: int) -> Taylor:
    def taylor(x: arb, length: int) -> list[arb]:
        if exponent < 0 and sign_of(x) == 0:
            raise OutsideDomain("division by 0")
        found, binomial = [], 1
        for k in range(length):
            rest = exponent - k
            found.append(_whole_power(x, rest) * binomial if binomial else arb(0))
            binomial = binomial * rest // (k + 1)
        return found

    return taylor


def _fractional(exponent: Fraction) -> Taylor:
    def taylor(x: arb, length: int) -> list[arb]:
        side = sign_of(x)
        if side < 0:
            raise OutsideDomain("a fractional power of a negative number")
        if side == 0 and (exponent < 0 or length > 1):
            raise OutsideDomain("a fractional power has no series at 0")
        if side == 0:
            return [arb(0)]
        found, binomial = [], Fraction(1)
        for k in range(length):
            found.append(ball(binomial) * x ** ball(exponent - k))
            binomial = binomial * (exponent - k) / (k + 1)
        return found

    return taylor


@dataclass(frozen=True)
class RandomFunction:
    """A random analytic function for an abstract one: slope*u + Σ height*sin(pace*u + shift).

    It is bounded but for a gentle slope, so that deep compositions stay of ordinary size.
    """

    slope: Fraction
    waves: Sequence[tuple[Fraction, Fraction, Fraction]]

    @classmethod
    def draw(cls, random: Random) -> RandomFunction:
        def fraction(low: int, high: int) -> Fraction:
            return Fraction(random.randint(low, high), 64)

        waves = tuple((fraction(20, 60), fraction(30, 90), fraction(-90, 90)) for _ in range(3))
        return cls(fraction(15, 45), waves)

    def taylor(self) -> Taylor:
        """The function at the working precision."""
        slope = ball(self.slope)
        waves = [(ball(height), ball(pace), ball(shift)) for height, pace, shift in self.waves]

        def coefficients(x: arb, length: int) -> list[arb]:
            u = _variable(x, length)
            total = u * slope
            for height, pace, shift in waves:
                total = total + (u * pace + shift).sin() * height
            return _coefficients(total, length)

        return coefficients
