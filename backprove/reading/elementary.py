"""Functions that are written out by others: sech(x) as 2/(exp(x) + exp(-x))."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..expr import MINUS_ONE, TWO, Add, Apply, Expr, Mul, Power


def _exp(x: Expr) -> Expr:
    return Apply("exp", x)


def _inverse(x: Expr) -> Expr:
    return Apply("exp", Mul((MINUS_ONE, x)))


def _sum(x: Expr) -> Expr:
    return Add((_exp(x), _inverse(x)))


def _difference(x: Expr) -> Expr:
    return Add((_exp(x), Mul((MINUS_ONE, _inverse(x)))))


def _over(top: Expr, bottom: Expr) -> Expr:
    return Mul((top, Power(bottom, MINUS_ONE)))


WRITTEN_OUT: Mapping[str, Callable[[Expr], Expr]] = {
    "sinh": lambda x: _over(_difference(x), TWO),
    "cosh": lambda x: _over(_sum(x), TWO),
    "sech": lambda x: _over(TWO, _sum(x)),
    "csch": lambda x: _over(TWO, _difference(x)),
    "coth": lambda x: _over(_sum(x), _difference(x)),
    "tan": lambda x: _over(Apply("sin", x), Apply("cos", x)),
}
"""Functions that the language does not have, by those that it has."""
