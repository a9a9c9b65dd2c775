"""The scalar functions: one row each.

A row says what a function is, what its derivative is (in functions that have rows
themselves, so that derivatives of any order exist), where it is not differentiable and what
is taken there, and how it is spelled elsewhere. The letter `u` stands for the argument.

Abstract functions (`function g`, `function f with derivative t`) and functions defined in a
file (`function swish(u) = u*sigmoid(u)`) become rows of the network that declares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from .errors import NetworkError
from .expr import HALF, ONE, TWO, ZERO, Apply, Expr, Ref, mapped, substituted

U = Ref("u")


@dataclass(frozen=True)
class Kink:
    """A point where the derivative does not exist, and what is taken there by convention."""

    at: Fraction
    taken: Fraction | None
    says: str


@dataclass(frozen=True)
class Function:
    """A scalar function of `u`.

    derivative: an expression in `u`, or None for an abstract function.
    derivative_name: the name under which the derivative is written, `sigmoid'` by default.
    definition: what the function is, in other functions; None for the elementary ones.
    inlined: whether a derivation replaces the function by its definition (functions of a file).
    direct: whether a derivation writes the derivative at once (exp, log, …) instead of first
        naming it (`sigmoid'`).
    domain: the condition on the argument in words, "" for every real number.
    numpy: the function of `run.elementwise` or NumPy that computes it.
    text, latex: how it is printed when no notation says otherwise.
    """

    name: str
    derivative: Expr | None
    kinks: tuple[Kink, ...] = ()
    definition: Expr | None = None
    inlined: bool = False
    domain: str = ""
    numpy: str = ""
    text: str = ""
    latex: str = ""
    named_derivative: str = ""
    direct: bool = False

    @property
    def derivative_name(self) -> str:
        return self.named_derivative or f"{self.name}'"

    @property
    def abstract(self) -> bool:
        return self.derivative is None and self.definition is None

    def derivative_at(self, argument: Expr) -> Expr:
        """The derivative as an expression of `argument`; an abstract one stays named."""
        if self.derivative is None:
            return Apply(self.derivative_name, argument)
        return substituted(self.derivative, lambda r: argument if r is U else None)

    def definition_at(self, argument: Expr) -> Expr:
        """The definition as an expression of `argument`."""
        if self.definition is None:
            raise NetworkError(f"the function {self.name} has no definition to put in its place")
        return substituted(self.definition, lambda r: argument if r is U else None)


def _f(name: str, u: Expr = U) -> Expr:
    return Apply(name, u)


_STEP = _f("step")
_ROOT_2 = _f("sqrt", TWO)
_AT_ZERO = Fraction(0)


def _kink(taken: Fraction | int | None, says: str) -> tuple[Kink, ...]:
    return (Kink(_AT_ZERO, None if taken is None else Fraction(taken), says),)


_ROWS: tuple[Function, ...] = (
    Function("sigmoid", _f("sigmoid") * (ONE - _f("sigmoid")),
             definition=ONE / (ONE + _f("exp", -U)), numpy="sigmoid", text="σ", latex=r"\sigma"),
    Function("tanh", ONE - _f("tanh") ** 2, numpy="tanh", latex=r"\tanh"),
    Function("relu", _STEP, _kink(0, "relu'(0) is taken as 0"),
             numpy="relu", latex=r"\operatorname{relu}"),
    Function("leaky_relu", _STEP + (ONE - _STEP) / 100,
             _kink(Fraction(1, 100), "leaky_relu'(0) is taken as 1/100"),
             numpy="leaky_relu", latex=r"\operatorname{leaky\_relu}"),
    # exp(-relu(-u)) is exp(u) for u <= 0 and never overflows
    Function("elu", _STEP + (ONE - _STEP) * _f("exp", -_f("relu", -U)),
             numpy="elu", latex=r"\operatorname{elu}"),
    Function("softplus", _f("sigmoid"), definition=_f("log", ONE + _f("exp")),
             numpy="softplus", latex=r"\operatorname{softplus}"),
    Function("silu", _f("sigmoid") * (ONE + U * (ONE - _f("sigmoid"))),
             definition=U * _f("sigmoid"), numpy="silu", latex=r"\operatorname{silu}"),
    Function("gelu",
             HALF * (ONE + _f("erf", U / _ROOT_2)) + U / 2 / _ROOT_2 * _f("erf'", U / _ROOT_2),
             definition=HALF * U * (ONE + _f("erf", U / _ROOT_2)),
             numpy="gelu", latex=r"\operatorname{gelu}"),
    Function("exp", _f("exp"), numpy="exp", latex=r"\exp", direct=True),
    Function("log", ONE / U, domain="greater than 0", numpy="log", latex=r"\ln", text="ln",
             direct=True),
    Function("sqrt", ONE / (TWO * _f("sqrt")), _kink(None, "sqrt has no derivative at 0"),
             domain="0 or greater", numpy="sqrt", text="√", latex=r"\sqrt", direct=True),
    Function("abs", _f("sign"), _kink(0, "abs'(0) is taken as 0"),
             numpy="abs", latex=r"\operatorname{abs}", direct=True),
    Function("sin", _f("cos"), numpy="sin", latex=r"\sin", direct=True),
    Function("cos", -_f("sin"), numpy="cos", latex=r"\cos", direct=True),
    Function("erf", _f("erf'"), numpy="erf", latex=r"\operatorname{erf}", direct=True),
    # erf'(u) = 2/sqrt(pi) exp(-u^2): a row of its own, as expressions hold exact numbers only
    Function("erf'", -2 * U * _f("erf'"), numpy="erf_derivative", latex=r"\operatorname{erf}'",
             direct=True),
    Function("sign", ZERO, _kink(0, "sign jumps at 0; its derivative there is taken as 0"),
             numpy="sign", latex=r"\operatorname{sign}", direct=True),
    Function("step", ZERO,
             _kink(0, "step jumps at 0, where it is 0; its derivative there is taken as 0"),
             numpy="step", latex=r"\operatorname{step}", direct=True),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {row.name: row for row in _ROWS}
"""The functions that every file may use, by name."""

ALIASES: Mapping[str, str] = {"σ": "sigmoid", "ln": "log", "logistic": "sigmoid"}
"""Other spellings that the language reads."""


def abstract(name: str, derivative: str = "") -> Function:
    """A function of which only the name is known, and perhaps its derivative's name."""
    return Function(name, None, named_derivative=derivative)


def defined(name: str, body: Expr) -> Function:
    """A function that a file defines by an expression in `u`.

    One that is another under a name of its own, f(u) = sigmoid(u), keeps the name in derivations:
    its derivative is f(u)(1 - f(u)).
    """
    known = FUNCTIONS.get(body.function) if isinstance(body, Apply) and body.argument is U else None
    if known is None or known.derivative is None:
        return Function(name, None, definition=body, inlined=True)
    derivative = mapped(
        known.derivative,
        lambda e: (
            Apply(name, e.argument) if isinstance(e, Apply) and e.function == known.name else None
        ),
    )
    return Function(name, derivative, known.kinks, body, domain=known.domain, direct=known.direct)


def lookup(name: str, own: Mapping[str, Function] = FUNCTIONS) -> Function:
    """The row of a function, or of a derivative `f'` of one; unknown names are errors.

    own: the functions of a network (its own rows and the common ones).
    """
    if name in own:
        return own[name]
    if name.endswith("'"):
        base = lookup(name[:-1], own)
        if base.abstract:
            return abstract(name)
        if base.derivative is not None:
            return Function(name, None, base.kinks, definition=base.derivative, inlined=True)
    for base in own.values():
        if base.named_derivative == name:
            return abstract(name)
    raise NetworkError(f"there is no function named {name}")
