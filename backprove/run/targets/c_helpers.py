"""The functions that generated C defines for itself, in double precision; see `run.elementwise`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

HELPERS: Mapping[str, str] = {
    "square": """
static inline double square(double u)
{
    return u * u;
}
""",
    "larger": """
/* The larger of two numbers; not a number if one is none. */
static inline double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}
""",
    "sigmoid": """
/* 1/(1 + exp(-u)); exp only sees arguments that are not positive. */
static inline double sigmoid(double u)
{
    const double e = exp(-fabs(u));
    return (u < 0.0 ? e : 1.0) / (1.0 + e);
}
""",
    "relu": """
static inline double relu(double u)
{
    return u < 0.0 ? 0.0 : u;
}
""",
    "leaky_relu": """
static inline double leaky_relu(double u)
{
    return u > 0.0 ? u : u / 100.0;
}
""",
    "elu": """
static inline double elu(double u)
{
    return u > 0.0 ? u : expm1(u);
}
""",
    "softplus": """
/* log(1 + exp(u)) without overflow. */
static inline double softplus(double u)
{
    return (u < 0.0 ? 0.0 : u) + log1p(exp(-fabs(u)));
}
""",
    "silu": """
static inline double silu(double u)
{
    return u * sigmoid(u);
}
""",
    "gelu": """
/* u times the normal distribution function; the tail keeps its digits. */
static inline double gelu(double u)
{
    return u / 2.0 * erfc(-u * 0.7071067811865476);
}
""",
    "erf_derivative": """
static inline double erf_derivative(double u)
{
    return exp(-u * u) * 1.1283791670955126;
}
""",
    "sign": """
static inline double sign(double u)
{
    return isnan(u) ? u : (u > 0.0) - (u < 0.0);
}
""",
    "step": """
/* 1 where u > 0, else 0. */
static inline double step(double u)
{
    return isnan(u) ? u : u > 0.0;
}
""",
    "times_exp": """
/* a exp(u), where a huge exponential may meet a tiny or zero a. */
static inline double times_exp(double a, double u)
{
    const double plain = a * exp(u);
    if (isfinite(plain) || a == 0.0)
        return isfinite(plain) ? plain : a;
    return copysign(exp(log(fabs(a)) + u), a);
}
""",
    "log_add_exp": """
/* log(exp(a) + exp(b)) without overflow. */
static inline double log_add_exp(double a, double b)
{
    const double top = isnan(a) || a > b ? a : b;
    return a == b ? a + 0.6931471805599453 : top + log1p(exp(-fabs(a - b)));
}
""",
}

CALLS: Mapping[str, str] = {
    "times_exp": "times_exp",
    "logaddexp": "log_add_exp",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "softplus": "softplus",
    "silu": "silu",
    "gelu": "gelu",
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "abs": "fabs",
    "sin": "sin",
    "cos": "cos",
    "erf": "erf",
    "erf_derivative": "erf_derivative",
    "sign": "sign",
    "step": "step",
    "power": "pow",
    "square": "square",
}
"""What C calls each function of `run.elementwise` that is no operator."""

MATH = (
    "exp", "log", "tanh", "sqrt", "fabs", "sin", "cos", "erf", "erfc", "expm1", "log1p", "pow",
    "copysign",
)  # fmt: skip
"""The functions of math.h that may occur; those for float end in f."""

_MATH_CALL = re.compile(rf"\b({'|'.join(MATH)})\(")
_DECIMAL = re.compile(r"(?<![\w.])(\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)\b")

WIDE = "WIDE"
"""Stands for double whatever the precision, in sums over samples."""


def defined(words: Iterable[str]) -> Iterator[str]:
    """The definitions of the helpers among `words`, and of those that these use."""
    wanted = set(words) & HELPERS.keys()
    if "silu" in wanted:
        wanted.add("sigmoid")
    for name, text in HELPERS.items():
        if name in wanted:
            yield from (*text.strip().splitlines(), "")


def in_precision(line: str, precision: str) -> str:
    """A line written for double; comments stand on lines of their own and stay as they are."""
    if line.lstrip().startswith(("/*", "#")):
        return line
    if precision == "float32" and WIDE not in line:
        line = _DECIMAL.sub(r"\1f", _MATH_CALL.sub(r"\1f(", line)).replace("double", "float")
    return line.replace(WIDE, "double")
