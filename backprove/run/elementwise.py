"""The scalar functions in NumPy: one entry for each name a `Map` operation may carry.

Every function keeps its argument's dtype (float32 stays float32), and none overflows where
its true value is finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

_TWO_OVER_ROOT_PI = 1.1283791670955126


def sigmoid(u: Array) -> Array:
    """1/(1 + exp(-u)); exp only ever sees arguments that are not positive."""
    e = np.exp(-np.abs(u))
    return np.asarray(np.where(u >= 0, 1, e) / (1 + e))


def relu(u: Array) -> Array:
    return np.maximum(u, 0)


def leaky_relu(u: Array) -> Array:
    return np.where(u > 0, u, u / 100)


def elu(u: Array) -> Array:
    return np.where(u > 0, u, np.expm1(np.minimum(u, 0)))


def softplus(u: Array) -> Array:
    """log(1 + exp(u)) as max(u, 0) + log1p(exp(-|u|))."""
    return np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))


def silu(u: Array) -> Array:
    return np.asarray(u * sigmoid(u))


def gelu(u: Array) -> Array:
    """u times the normal distribution function, to a few units in the last place.

    As max(u, 0) - |u| Phi(-|u|), so that no digits are lost where u is negative; NaN at
    -infinity, as in every formula for it.
    """
    u = np.asarray(u)
    a = np.minimum(np.abs(u.astype(np.float64)), _TAIL_END)
    result = np.maximum(u, 0) - a * _normal_tail(a) + 0 * np.minimum(u, 0)
    return np.asarray(result, dtype=u.dtype)


_TAIL = (
    7.73769634276406767e-1, -6.85183420574338113e-1, 5.35596489062494692e-1,
    -3.670490652936198e-1, 2.17872432857958648e-1, -1.0970308995871797e-1,
    4.50975808149099119e-2, -1.39235105656822931e-2, 2.44298267435048021e-3,
    2.6960400089443002e-4, -3.24522650824184462e-4, 7.14148509435690672e-5,
    1.63199793718099671e-5, -1.21188991703751631e-5, 4.46352920338295039e-7,
    1.48386536213864966e-6, -2.6777594109226758e-7, -1.77595204415363081e-7,
    5.02515601996833913e-8, 2.29398137511108852e-8, -5.65298749790634442e-9,
    -2.5800608641183291e-9,
)  # fmt: skip
"""The minimax polynomial of the tail, see c/kernels/functions.h."""

_TAIL_CENTRE, _TAIL_END = 5.5, 39.0


def _normal_tail(a: Array) -> Array:
    """Phi(-a) for a from 0 to _TAIL_END, in double precision."""
    t = (a - _TAIL_CENTRE) / (a + _TAIL_CENTRE)
    total = np.full_like(t, _TAIL[-1])
    for coefficient in reversed(_TAIL[:-1]):
        total *= t
        total += coefficient
    # a*a to twice the digits: what is lost of it is lost of the exponential many times over
    front = a.astype(np.float32).astype(np.float64)
    rest = (a - front) * (a + front)
    total *= np.exp(-front * front / 2) / (a + _TAIL_CENTRE)
    return np.asarray(total * np.exp(-rest / 2))


def step(u: Array) -> Array:
    """1 where u > 0, else 0."""
    return np.asarray(np.sign(np.maximum(u, 0)))


def erf_derivative(u: Array) -> Array:
    return np.asarray(np.exp(-u * u) * _TWO_OVER_ROOT_PI)


def erf(u: Array) -> Array:
    """The error function, to a few units in the last place.

    Maclaurin's series (every term positive after the factor exp(-u^2) is taken out) for
    |u| < 2, the continued fraction of erfc beyond. Source: Abramowitz and Stegun 7.1.6, 7.1.14.
    """
    u = np.asarray(u)
    size = np.minimum(np.abs(u.astype(np.float64)), 7.0)
    small = _erf_series(np.minimum(size, _SPLIT))
    result = np.where(size < _SPLIT, small, 1 - _erfc_fraction(np.maximum(size, _SPLIT)))
    return np.asarray(np.where(np.isnan(u), np.nan, np.copysign(result, u)), dtype=u.dtype)


_SPLIT = 2.0
_SERIES_TERMS = 40
_FRACTION_TERMS = 60


def _erf_series(u: Array) -> Array:
    # erf(u) = 2/sqrt(pi) exp(-u^2) sum 2^n u^(2n+1) / (1*3*...*(2n+1))
    total = np.zeros_like(u)
    for n in range(_SERIES_TERMS, 0, -1):
        total = (1 + total) * (2 * u * u / (2 * n + 1))
    return np.asarray(_TWO_OVER_ROOT_PI * np.exp(-u * u) * u * (1 + total))


def _erfc_fraction(u: Array) -> Array:
    # erfc(u) = exp(-u^2)/sqrt(pi) * 1/(u + (1/2)/(u + 1/(u + (3/2)/(u + ...)))), for u >= 2
    tail = np.zeros_like(u)
    for n in range(_FRACTION_TERMS, 0, -1):
        tail = (n / 2) / (u + tail)
    return np.asarray(np.exp(-u * u) * (_TWO_OVER_ROOT_PI / 2) / (u + tail))


def times_exp(a: Array, exponent: Array) -> Array:
    """a*exp(exponent), where a huge exponential may meet a tiny or zero `a`."""
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.asarray(a * np.exp(exponent))
    lost = ~np.isfinite(result)
    if lost.any():
        a, exponent = np.broadcast_to(a, result.shape), np.broadcast_to(exponent, result.shape)
        with np.errstate(over="ignore", divide="ignore"):
            safe = np.sign(a) * np.exp(np.log(np.abs(a)) + exponent)
        result = np.where(lost, np.where(a == 0, a, safe), result)
    return result


def reciprocal(u: Array) -> Array:
    return 1 / np.asarray(u)


ELEMENTWISE: Mapping[str, Callable[..., Array]] = {
    # arithmetic
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "reciprocal": reciprocal,
    "square": np.square,
    "power": np.power,
    "times_exp": times_exp,
    "logaddexp": np.logaddexp,
    # the rows of functions.py
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "erf": erf,
    "erf_derivative": erf_derivative,
    "sign": np.sign,
    "step": step,
}

STEP_FUNCTIONS: Mapping[str, Callable[..., Array]] = {"floor": np.floor}
"""What only the numbers of a training's steps are put into: schedules, never a tensor."""
