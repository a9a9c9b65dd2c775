"""The values of many similar expressions at a few places, in floating point and fast.

Mutants differ from the correct gradient in one place and share the rest of their parts, which
are interned: each shared part is evaluated once. What is found here is only a candidate; the
oracle confirms it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from flint import arb

from ...errors import NetworkError
from ...expr import Add, Apply, Delta, Expr, Index, Mul, Number, Power, Reduce, Ref
from ...functions import U, lookup
from ...network import ADJOINT, Equation
from ...verify import Oracle
from ...verify.points import Point
from ...verify.series import SERIES, OutsideDomain, Taylor, Unresolved, differentiated

CLOSE = 1e-9
"""Two values with a smaller relative difference count as equal until the oracle is asked."""


ROUNDING = 1e-15
"""What is left of terms that cancel."""


class OutOfWork(Exception):
    """The work that was allowed is done."""


class Work:
    """Counts what is evaluated, so that a search ends at the same place on every machine."""

    def __init__(self, most: float = inf) -> None:
        self.most, self.done = most, 0

    def spend(self, amount: int = 1) -> None:
        self.done += amount
        if self.done > self.most:
            raise OutOfWork


class Ground:
    """The values of expressions at one point of an oracle.

    A component that has no value there, and anything computed from it, is NaN.
    """

    def __init__(
        self, oracle: Oracle, trial: int, work: Work, adjoints: Mapping[str, Equation]
    ) -> None:
        """adjoints: by quantity, the equation of its adjoint, for values in floating point."""
        self.oracle, self.trial, self.work = oracle, trial, work
        self.adjoints = adjoints
        self.network = oracle.network
        self.point: Point = oracle.points()[trial]
        self._components: dict[tuple[str, tuple[int, ...]], float] = {}
        self._applied: dict[tuple[str, float], float] = {}
        self._taylor: dict[str, Taylor | None] = {}
        self._kept: dict[tuple[Any, ...], float] = {}
        self._letters: dict[Expr, tuple[str, ...]] = {}

    def value(self, e: Expr, setting: Mapping[str, int]) -> float:
        """The value of an expression without derivatives, given its free letters."""
        self.work.spend()
        try:
            return self._value(e, dict(setting))
        except (ZeroDivisionError, OverflowError, KeyError):
            return nan

    def _value(self, e: Expr, setting: dict[str, int]) -> float:
        kind = type(e)
        if kind is Number:
            return float(e.value)  # type: ignore[attr-defined]
        letters = self._letters.get(e)
        if letters is None:
            letters = self._letters[e] = tuple(sorted(e.free))
        key = (e, *[setting[i] for i in letters])
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = _EVALUATE[kind](self, e, setting)
        return known

    def component(self, name: str, indices: tuple[int, ...]) -> float:
        """A component's forward value, or that of an adjoint or a free symbol."""
        key = (name, indices)
        if key not in self._components:
            equation = self.adjoints.get(name.removeprefix(ADJOINT))
            if equation is not None and name.startswith(ADJOINT):
                setting = dict(zip(equation.indices, indices, strict=True))
                self._components[key] = self.value(equation.right, setting)
            else:
                self._components[key] = self._known(name, indices)
        return self._components[key]

    def _known(self, name: str, indices: tuple[int, ...]) -> float:
        try:
            return float(self.oracle.value(Ref(name, indices), {}, self.trial))
        except NetworkError:
            return nan

    def applied(self, name: str, x: float) -> float:
        """A function of a number; NaN outside its domain."""
        key = (name, x)
        if key not in self._applied:
            taylor = self._function(name)
            if taylor is None:
                definition = lookup(name, self.network.functions).definition
                assert definition is not None
                known = {U.name: x}
                self._applied[key] = Plain(self, known).value(definition)
            else:
                try:
                    self._applied[key] = float(taylor(arb(x), 1)[0])
                except (OutsideDomain, Unresolved, OverflowError):
                    self._applied[key] = nan
        return self._applied[key]

    def _function(self, name: str) -> Taylor | None:
        """The Taylor coefficients of a function; None where only its definition is known."""
        if name not in self._taylor:
            self._taylor[name] = self._found(name, 0)
        return self._taylor[name]

    def _found(self, name: str, order: int) -> Taylor | None:
        own = self.network.own_functions
        if name in self.point.functions:
            return differentiated(self.point.functions[name].taylor(), order)
        if name in SERIES and name not in own:
            return differentiated(SERIES[name], order)
        for row in own.values():
            if row.named_derivative == name:
                return self._found(row.name, order + 1)
        if name not in own and name.endswith("'"):
            return self._found(name[:-1], order + 1)
        return None


@dataclass(frozen=True)
class Probe:
    """A place where values are compared: the answer's value there and the correct one."""

    ground: Ground
    setting: Mapping[str, int]
    value: float
    truth: float

    def of(self, e: Expr) -> float:
        return self.ground.value(e, self.setting)


class Plain:
    """The value of a function's definition, its argument known."""

    def __init__(self, ground: Ground, known: Mapping[str, float]) -> None:
        self.ground, self.known = ground, known

    def value(self, e: Expr) -> float:
        if isinstance(e, Ref) and e.name in self.known:
            return self.known[e.name]
        if isinstance(e, Apply):
            return self.ground.applied(e.function, self.value(e.argument))
        if isinstance(e, Add):
            return sum(self.value(t) for t in e.terms)
        if isinstance(e, Mul):
            result = 1.0
            for f in e.factors:
                result *= self.value(f)
            return result
        if isinstance(e, Power):
            return _raised(self.value(e.base), self.value(e.exponent))
        return self.ground.value(e, {})


# -- node by node --------------------------------------------------------------------------


def _at(indices: tuple[Index, ...], setting: dict[str, int]) -> tuple[int, ...]:
    return tuple([setting[i] if isinstance(i, str) else i for i in indices])


def _ref(ground: Ground, e: Ref, setting: dict[str, int]) -> float:
    return ground.component(e.name, _at(e.indices, setting))


def _delta(ground: Ground, e: Delta, setting: dict[str, int]) -> float:
    left = setting[e.left] if isinstance(e.left, str) else e.left
    if isinstance(e.right, Reduce):
        values = _body_values(ground, e.right, setting)
        return 1.0 if left == 1 + values.index(max(values)) else 0.0
    assert not isinstance(e.right, Expr)
    right = setting[e.right] if isinstance(e.right, str) else e.right
    return 1.0 if left == right else 0.0


def _add(ground: Ground, e: Add, setting: dict[str, int]) -> float:
    ground.work.done += len(e.terms)
    result = 0.0
    for term in e.terms:
        result += ground._value(term, setting)
    return result


def _mul(ground: Ground, e: Mul, setting: dict[str, int]) -> float:
    ground.work.done += len(e.factors)
    result = 1.0
    for factor in e.factors:
        result *= ground._value(factor, setting)
    return result


def _raised(base: float, exponent: float) -> float:
    if base < 0 and exponent != int(exponent):
        return nan
    return float(base**exponent)


def _power(ground: Ground, e: Power, setting: dict[str, int]) -> float:
    return _raised(ground._value(e.base, setting), ground._value(e.exponent, setting))


def _apply(ground: Ground, e: Apply, setting: dict[str, int]) -> float:
    return ground.applied(e.function, ground._value(e.argument, setting))


def _body_values(ground: Ground, e: Reduce, setting: dict[str, int]) -> list[float]:
    length = ground.point.length(e.size)
    ground.work.done += 2 * length
    inner = dict(setting)
    values = []
    for k in range(1, length + 1):
        inner[e.index] = k
        values.append(ground._value(e.body, inner))
    return values


def _reduce(ground: Ground, e: Reduce, setting: dict[str, int]) -> float:
    values = _body_values(ground, e, setting)
    return sum(values) if e.op == "sum" else max(values)


def _unknown(ground: Ground, e: Expr, setting: dict[str, int]) -> float:
    return nan


_EVALUATE: Mapping[type[Expr], Callable[[Ground, Any, dict[str, int]], float]] = {
    Ref: _ref, Delta: _delta, Add: _add, Mul: _mul, Power: _power, Apply: _apply,
    Reduce: _reduce,
}  # fmt: skip


def close(a: float, b: float, tolerance: float = CLOSE) -> bool:
    """Whether two values agree; NaN and infinity agree with nothing."""
    if not (abs(a) < inf and abs(b) < inf):
        return False
    return abs(a - b) <= tolerance * max(abs(a), abs(b)) + ROUNDING
