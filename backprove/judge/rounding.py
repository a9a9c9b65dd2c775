"""Lines of numbers alone, 0.741 · 0.187 · 0.593 = 0.0822: right at the file's values, as far as
their digits go."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..errors import NetworkError
from ..expr import Expr, Number, walk
from ..network import Network
from ..verify import Oracle

FEWEST = 2
"""Digits that a number must show: 2 or ½ belong to formulas, 0.08 says too little."""


def at_values(network: Network) -> Oracle | None:
    """An oracle whose only point is the file's own values, None where some have none."""
    given = [q for q in network.quantities.values() if q.kind != "computed"]
    if network.symbolic or any(q.value is None for q in given if q.name not in network.sizes):
        return None
    quantities = [
        replace(q, kind="constant") if q.kind != "computed" else q
        for q in network.quantities.values()
    ]
    fixed = network.changed(quantities=quantities, constraints=())
    return Oracle(fixed, trials=1)


def equal_as_rounded(left: Expr, right: Expr, oracle: Oracle) -> bool:
    """Whether numbers equal what stands on their left, as far as their digits go."""
    if right.names or right.free or left.free:
        return False
    if _digits(right) < FEWEST:
        return False
    try:
        a, b = float(oracle.value(left)), float(oracle.value(right))
    except NetworkError:
        return False
    allowed = sum(_relative_error(n) for e in (left, right) for n in walk(e))
    return abs(a - b) <= allowed * max(abs(a), abs(b))


def _relative_error(e: Expr) -> float:
    """Half a unit of a decimal's last digit, relative to it; whole numbers and ½ are exact."""
    places = _places(e)
    if not places or not isinstance(e, Number) or e.value.denominator == 2:
        return 0.0
    return float(Fraction(1, 2 * 10**places) / abs(e.value))


def _places(e: Expr) -> int:
    """The digits behind the point of a decimal, 0 for what is none."""
    if not isinstance(e, Number):
        return 0
    return next((n for n in range(40) if 10**n % e.value.denominator == 0), 0)


def _digits(e: Expr) -> int:
    """The most significant digits that a decimal in an expression shows."""
    shown = [str(abs(n.value * 10 ** _places(n))) for n in walk(e) if isinstance(n, Number)
             if _places(n)]  # fmt: skip
    return max((len(text.lstrip("0")) for text in shown), default=0)
