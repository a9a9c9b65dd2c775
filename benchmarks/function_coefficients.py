"""The coefficients of the compiled functions' polynomials: Remez's exchange in 78 digits.

    python benchmarks/function_coefficients.py            needs mpmath, takes a minute

Each polynomial q is the one of its degree whose function has the least largest relative error
(absolute for erfc) on its interval. Prints the tables that stand in
backprove/run/c/kernels/functions.h, and the base-2 logarithm of that error before rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mpmath import atanh, cos, erf, erfc, exp, expm1, log, log1p, lu_solve, matrix, mp, mpf, pi, sin

mp.prec = 260
Real = Callable[[Any], Any]
POINTS = 1000  # of the Chebyshev grid that stands for the interval


class Fit(NamedTuple):
    """Find q so that factor(x)*q(variable(x)) is near target(x), the error times weight(x) even."""

    name: str
    target: Real
    factor: Real
    variable: Real
    weight: Real
    low: Any
    high: Any
    counts: tuple[int, int]  # of coefficients, for float and for double


def remez(fit: Fit, count: int) -> tuple[list[Any], Any]:
    """The coefficients, lowest power first, and the largest weighted error."""
    middle, reach = (mpf(fit.low) + fit.high) / 2, (mpf(fit.high) - fit.low) / 2
    xs = [middle - reach * cos(pi * (i + mpf(1) / 2) / POINTS) for i in range(POINTS)]
    weights = [fit.weight(x) for x in xs]
    wanted = [w * fit.target(x) for x, w in zip(xs, weights, strict=True)]
    rows = [
        [w * fit.factor(x) * fit.variable(x) ** k for k in range(count)]
        for x, w in zip(xs, weights, strict=True)
    ]
    at = [round((k + 0.5) / (count + 1) * (POINTS - 1)) for k in range(count + 1)]
    while True:
        system = matrix([[*rows[i], (-1) ** k] for k, i in enumerate(at)])
        *found, _ = lu_solve(system, matrix([wanted[i] for i in at]))
        errors = [
            w - sum(c * r for c, r in zip(found, row, strict=True))
            for w, row in zip(wanted, rows, strict=True)
        ]
        peaks: list[int] = []
        for i, error in enumerate(errors):
            if not peaks or (error > 0) != (errors[peaks[-1]] > 0):
                peaks.append(i)
            elif abs(error) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        while len(peaks) > count + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if peaks == at:
            return found, max(map(abs, errors))
        at = peaks


def tail(a: Any) -> Any:
    """exp(a^2/2) times the normal distribution function at -a."""
    return erfc(a / mp.sqrt(2)) / 2 * exp(a * a / 2)


def tail_fit(name: str, centre: Any, high: Any, count: int) -> Fit:
    return Fit(
        name, lambda a: tail(a) * (a + centre), lambda a: 1, lambda a: (a - centre) / (a + centre),
        lambda a: 1 / (tail(a) * (a + centre)), 0, high, (count, count),
    )  # fmt: skip


def one(x: Any) -> Any:
    return mpf(1)


HALF = log(2) / 2 * mpf("1.0005")
ROOT = mp.sqrt(2)
EIGHTH = pi / 4 * mpf("1.0005")
LEAST = mpf(10) ** -8
FITS = (
    Fit("EXPM1", lambda x: expm1(x) - x, lambda x: x**2, lambda x: x, lambda x: 1 / abs(expm1(x)),
        -HALF, HALF, (6, 11)),
    Fit("LOG1P", lambda x: log1p(x) - x + x * x / 2, lambda x: x**3, lambda x: x,
        lambda x: 1 / log1p(x), 1 / ROOT - 1, ROOT - 1, (8, 0)),
    Fit("ATANH", lambda x: 2 * atanh(x) - 2 * x, lambda x: x**3, lambda x: x * x,
        lambda x: 1 / atanh(x), LEAST, (ROOT - 1) / (ROOT + 1), (0, 7)),
    Fit("ERF", lambda x: erf(x) - x, lambda x: x, lambda x: x * x, lambda x: 1 / erf(x),
        LEAST, 1, (7, 13)),
    Fit("ERFC", erfc, one, lambda x: x - mpf(5) / 2, one, 1, mpf("3.93"), (15, 0)),
    Fit("SIN", lambda x: sin(x) - x, lambda x: x**3, lambda x: x * x, lambda x: 1 / sin(x),
        LEAST, EIGHTH, (3, 6)),
    Fit("COS", lambda x: cos(x) - 1 + x * x / 2, lambda x: x**4, lambda x: x * x,
        lambda x: 1 / cos(x), LEAST, EIGHTH, (3, 6)),
)  # fmt: skip


def show(fit: Fit, count: int, digits: int) -> None:
    found, worst = remez(fit, count)
    numbers = ", ".join(mp.nstr(c, digits, min_fixed=0, max_fixed=0) for c in found)
    print(f"static const real {fit.name}[] = {{{numbers}}};  /* 2^{float(log(worst, 2)):.1f} */")


def main() -> None:
    for title, digits, which, tails in (
        ("float", 10, 0, tail_fit("TAIL", mpf(7) / 2, mpf("14.6"), 10)),
        ("double", 18, 1, tail_fit("TAIL", mpf(11) / 2, mpf(39), 22)),
    ):
        print(title)
        for fit in (*FITS, tails):
            if fit.counts[which]:
                show(fit, fit.counts[which], digits)


if __name__ == "__main__":
    main()
