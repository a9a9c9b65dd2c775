"""Wrong derivatives of functions, and right ones at the wrong place."""

from __future__ import annotations

from collections.abc import Iterator

from ....expr import (
    MINUS_ONE,
    ONE,
    TWO,
    Add,
    Apply,
    Expr,
    Mul,
    Number,
    Power,
    Ref,
    flat_terms,
    mapped,
    negative,
    total,
)
from ....rewrite import Sentence
from ..places import Place, refs_of
from .change import Change, function_of, is_derivative, replaced_all


def at_the_activation(place: Place) -> Iterator[Change]:
    """σ'(z) → σ'(a)"""
    part = place.part
    if not isinstance(part, Apply) or not is_derivative(part, place):
        return
    argument = part.argument
    name = function_of(part, place)
    inner: Expr = Apply(name, argument)
    if isinstance(argument, Ref) and argument.name in place.setting.value_of:
        known = place.setting.value_of[argument.name]
        if len(known.indices) == len(argument.indices):
            inner = Ref(known.name, argument.indices)
    new = Apply(part.function, inner)
    yield Change(new, _at_place(inner, part), f"{part.function} at activation")
    if isinstance(argument, Ref) and argument.name in place.setting.network.equations:
        definition = place.setting.network.definition(argument)
        for ref in refs_of(definition):
            if place.setting.role(ref.name) in ("input", "activation"):
                for source in place.fitting(ref.name, argument.indices):
                    new = Apply(part.function, source)
                    yield Change(new, _at_place(source, part), f"{part.function} at source")


def _at_place(inner: Expr, part: Apply) -> Sentence:
    return ("the derivative is taken at ", inner, " instead of ", part.argument)


def term_of_argument_missing(place: Place) -> Iterator[Change]:
    """σ'(w x + b) → σ'(w x)"""
    part = place.part
    if not isinstance(part, Apply) or not is_derivative(part, place):
        return
    argument = part.argument
    if isinstance(argument, Ref) and argument.name in place.setting.network.equations:
        terms = flat_terms(place.setting.network.definition(argument))
        for n, term in enumerate(terms) if len(terms) > 1 else ():
            new = Apply(part.function, total(terms[:n] + terms[n + 1 :]))
            yield Change(new, ("the term ", term, " is missing in the argument of ", part))


def folded_at_argument(place: Place) -> Iterator[Change]:
    """a (1 - a) → z (1 - z)"""
    derivative = place.setting.form.local.get(place.part)
    if derivative is None or isinstance(place.part, Apply | Ref):
        return
    body, wrt = derivative.body, derivative.wrt
    if isinstance(body, Ref) and isinstance(wrt, Ref) and body.name in place.setting.argument_of:
        new = replaced_all(place.part, body, wrt)
        yield Change(new, (wrt, " stands where ", body, " belongs"), "folded at argument")


_u = Ref("u")


def _f(name: str) -> Expr:
    return Apply(name, _u)


def _slips_of(f: str) -> tuple[Expr, ...]:
    """What is written for f'(u) by mistake, for any function f."""
    value = _f(f)
    return (
        value,
        ONE - value,
        value * (ONE + value),
        ONE - value**2,
        ONE + value**2,
        value * (ONE - value),
        value**2,
        value * (ONE - value**2),
        value * (value - ONE),
        value**2 - ONE,
        (ONE - value) ** 2,
        value**2 * (ONE - value),
        Power(value, MINUS_ONE),
        _u,
        Apply("exp", _u),
        Apply("log", _u),
        Apply("exp", negative(_u)),
        Power(_u, MINUS_ONE),
        ONE / (ONE + Apply("exp", negative(_u))),
        ONE / (ONE + Apply("exp", negative(_u))) ** 2,
        Apply("exp", negative(_u)) / (ONE + Apply("exp", negative(_u))),
        Apply("exp", _u) / (ONE + Apply("exp", _u)) ** 2,
        negative(Apply("exp", negative(_u)) / (ONE + Apply("exp", negative(_u))) ** 2),
        ONE - Apply("tanh", _u),
        Apply("step", negative(_u)),
        Apply("sign", _u),
        ONE - Apply("step", _u),
    )


_OTHERS = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "sin", "cos")


def wrong_slope(place: Place) -> Iterator[Change]:
    """σ'(z) → σ(z), 1 - σ(z), σ(z)(1 + σ(z)), …: the derivative of the function is another"""
    part = place.part
    if not isinstance(part, Apply) or not is_derivative(part, place):
        return
    name = function_of(part, place)
    abstract = place.setting.truth.scope.function(name).abstract
    rows = _slips_of(name)[:13] if abstract else _slips_of(name)
    for n, slip in enumerate(rows):
        new = mapped(slip, lambda e: part.argument if e is _u else None)
        says: Sentence = ("the derivative of ", Apply(name, part.argument), " is ", part,
                          ", not ", new)  # fmt: skip
        yield Change(new, says, f"{part.function} slip {n}")
    truth = place.setting.truth
    own = tuple(truth.network.own_functions)
    for other in own if abstract else (*own, *_OTHERS):
        if other != name:
            new = Apply(truth.scope.function(other).derivative_name, part.argument)
            says = (part, " is meant, not the derivative of ", Apply(other, part.argument))
            yield Change(new, says, f"{part.function} as {other}")


def wrong_power(place: Place) -> Iterator[Change]:
    """n u^(n-1) → n u^n, u^n: the power is not lowered"""
    part, parent = place.part, place.parent
    if isinstance(parent, Mul) and isinstance(part, Add | Ref | Power):
        if parent not in place.setting.form.local and place.part not in place.setting.form.local:
            return
        if isinstance(part, Ref) and place.setting.role(part.name) not in ("difference",):
            return
        raised = _raised(part)
        yield Change(raised, ("the power is lowered by 1: ", part, ", not ", raised))


def _raised(e: Expr) -> Expr:
    if isinstance(e, Power) and isinstance(e.exponent, Number):
        n = e.exponent.value + 1
        return ONE if n == 0 else e.base if n == 1 else Power(e.base, Number(n))
    return Power(e, TWO)


def wrong_reciprocal(place: Place) -> Iterator[Change]:
    """1/u → -1/u², u, ln u: the derivative of a logarithm or a quotient is another"""
    part = place.part
    if not isinstance(part, Power) or not isinstance(part.exponent, Number):
        return
    n = part.exponent.value
    if n >= 0:
        return
    base = part.base
    for new in (
        negative(Power(base, Number(n - 1))),
        Power(base, Number(n - 1)),
        Power(base, Number(-n)),
        Apply("log", base),
        Power(base, Number(n + 1)) if n < -1 else ONE,
    ):
        if new is not ONE:
            yield Change(new, (part, " belongs there, not ", new))


def wrong_direct(place: Place) -> Iterator[Change]:
    """exp(u) → u exp(u), 1/(2√u) → √u, sign(u) → |u|, cos u → -sin u"""
    part = place.part
    if not isinstance(part, Apply) or part not in place.setting.form.local:
        return
    u = part.argument
    table: dict[str, tuple[Expr, ...]] = {
        "exp": (u * Apply("exp", u), Apply("log", u), ONE / u, Apply("exp", u - 1)),
        "cos": (Apply("sin", u), negative(Apply("sin", u)), negative(part)),
        "sin": (Apply("cos", u), negative(part)),
        "sign": (Apply("abs", u), ONE, u),
        "sqrt": (ONE / Apply("sqrt", u),),
    }
    for new in table.get(part.function, ()):
        yield Change(new, (part, " belongs there, not ", new))


def weight_for_input(place: Place) -> Iterator[Change]:
    """∂(w x)/∂w → w"""
    derivative = place.setting.form.local.get(place.part)
    if derivative is None or not isinstance(derivative.wrt, Ref):
        return
    wrt = derivative.wrt
    if wrt.free <= place.letters.keys() and isinstance(place.part, Ref) and wrt is not place.part:
        says: Sentence = ("the derivative with respect to ", wrt, " is ", place.part, ", not ", wrt)
        yield Change(wrt, says)
