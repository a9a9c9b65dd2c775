"""The rules: every law that a derivation may use, one `Rule` each."""

from __future__ import annotations

from . import algebra, definitions, delta, derivative
from .scope import WRITTEN_OUT, Scope, may_meet, refs

DIFFERENTIATION = (
    derivative.ITSELF,
    derivative.CONSTANT,
    derivative.NO_PATH,
    definitions.UNFOLD,
    derivative.SUM,
    derivative.CONSTANT_FACTOR,
    derivative.POWER,
    derivative.FUNCTION,
    derivative.SUM_OVER,
    derivative.MAXIMUM,
    derivative.POSITION,
    derivative.PRODUCT,
    derivative.EXPONENTIAL,
)
"""What turns a local derivative into an expression without derivatives."""

TIDY = (
    delta.EVALUATE,
    algebra.ZERO_RULE,
    algebra.ONE_RULE,
    algebra.FLAT,
    delta.SIFT,
    delta.JOIN,
    delta.DISTRIBUTE_DELTA,
    delta.OUT,
    algebra.NUMBERS,
    algebra.TRIVIAL_POWER,
    algebra.SIGNS,
    algebra.SUM_SIGNS,
)
"""What never makes an expression longer to read."""

FOLDING = (
    definitions.OWN_VALUE,
    definitions.FOLD,
    definitions.CONSTRAINT,
    algebra.NESTED_POWER,
    algebra.ROOT,
    algebra.COLLECT,
    algebra.FACTOR_OUT,
    algebra.POSITIVE_FIRST,
    *TIDY,
)
"""What gives subexpressions their names back."""

MULTIPLYING_OUT = (
    algebra.NESTED_POWER,
    algebra.DISTRIBUTE_RECIPROCALS,
    algebra.COLLECT,
    delta.SPLIT,
    definitions.CONSTRAINT,
    definitions.CONSTRAINT_WRITTEN,
    *TIDY,
)
EXPANDING = (algebra.DISTRIBUTE, algebra.LIKE_TERMS, algebra.EXPONENTIALS, *MULTIPLYING_OUT)
"""What is tried to see whether it makes an expression shorter."""

RULES = (
    *DIFFERENTIATION,
    derivative.REMOVE,
    derivative.NUMERIC_FACTOR,
    derivative.CHAIN,
    definitions.DERIVATIVE_OF_FUNCTION,
    definitions.CONSTANT_VALUE,
    delta.WRITTEN,
    algebra.COMMON_FACTOR,
    *FOLDING,
    *(rule for rule in EXPANDING if rule not in FOLDING),
)
"""Every rule that there is."""

__all__ = [
    "DIFFERENTIATION",
    "EXPANDING",
    "FOLDING",
    "MULTIPLYING_OUT",
    "RULES",
    "TIDY",
    "WRITTEN_OUT",
    "Scope",
    "may_meet",
    "refs",
]
