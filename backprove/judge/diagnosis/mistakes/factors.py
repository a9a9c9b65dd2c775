"""Wrong signs, numbers and factors."""

from __future__ import annotations

from collections.abc import Iterator

from ....expr import (
    HALF,
    MINUS_ONE,
    ONE,
    TWO,
    Add,
    Apply,
    Delta,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    flat_factors,
    negative,
    with_indices,
)
from ....rewrite import Sentence
from ....roles import mean_over_samples
from ..places import Place
from .change import Change, append, function_of, is_derivative, times


def sign_of_whole(place: Place) -> Iterator[Change]:
    """g → -g"""
    if place.whole:
        yield Change(negative(place.part), ("the sign of the whole is wrong",))


def sign_of_term(place: Place) -> Iterator[Change]:
    """u - v → u + v"""
    if isinstance(place.parent, Add):
        term = place.part
        inner = negative(term)
        shown = inner if _negated(term) else term
        yield Change(inner, ("the sign of the term ", shown, " is wrong"))


def _negated(e: Expr) -> bool:
    if isinstance(e, Number):
        return e.value < 0
    return isinstance(e, Mul) and isinstance(e.factors[0], Number) and e.factors[0].value < 0


def sign_of_argument(place: Place) -> Iterator[Change]:
    """exp(-u) → exp(u)"""
    if isinstance(place.parent, Apply) and not isinstance(place.part, Number):
        new = negative(place.part)
        yield Change(new, ("the sign inside ", place.parent, " is wrong"))


def mean_factor(place: Place) -> Iterator[Change]:
    """g → g/m, g → m g"""
    if not place.whole:
        return
    mean = mean_over_samples(place.setting.network)
    sizes: list[Expr] = []
    if mean is not None:
        sizes.append(Number(mean.size) if isinstance(mean.size, int) else Ref(mean.size))
    for m in sizes:
        yield Change(times(Power(m, MINUS_ONE), place.part), ("1/", m, " stands there twice"))
        yield Change(times(m, place.part), ("the factor 1/", m, " is missing"))


def size_factor(place: Place) -> Iterator[Change]:
    """g → g/n, g → n g for a size n without a number"""
    if not place.whole:
        return
    network = place.setting.network
    mean = mean_over_samples(network)
    known = {q.name for q in network.of_kind("constant")}
    for name, length in network.sizes.items():
        if length is None and (mean is None or mean.size != name):
            n = Ref(name)
            readable = name in known
            yield Change(times(Power(n, MINUS_ONE), place.part),
                         ("a factor 1/", n, " too much"), planted=readable)  # fmt: skip
            yield Change(times(n, place.part), ("a factor ", n, " too much"), planted=readable)


def double(place: Place) -> Iterator[Change]:
    """g → 2 g, g → ½ g"""
    if place.whole:
        yield Change(times(TWO, place.part), ("a factor 2 too much",))
        yield Change(times(HALF, place.part), ("a factor 2 is missing",))


def number_dropped(place: Place) -> Iterator[Change]:
    """c u → u for a number c"""
    part = place.part
    if isinstance(place.parent, Mul) and isinstance(part, Number) and part not in (ONE, MINUS_ONE):
        size = Number(abs(part.value))
        if size is not ONE:
            new = ONE if part.value > 0 else MINUS_ONE
            yield Change(new, ("the factor ", size, " is missing"))


def number_of_term(place: Place) -> Iterator[Change]:
    """u + v → u + 2 v, u + ½ v"""
    if isinstance(place.parent, Add) and not isinstance(place.part, Number):
        yield Change(times(TWO, place.part), ("a factor 2 too much in the term ", place.part))
        yield Change(times(HALF, place.part), ("a factor 2 is missing in the term ", place.part))


# -- factors -------------------------------------------------------------------------------


def missing_factor(place: Place) -> Iterator[Change]:
    """u v → u"""
    part, parent = place.part, place.parent
    if not isinstance(parent, Mul) or isinstance(part, Number):
        return
    numbers = sum(isinstance(factor, Number) for factor in parent.factors)
    if (
        len(place.parents) > 1
        and isinstance(place.parents[-2], Add)
        and numbers == len(parent.factors) - 1
    ):
        return  # 1 - y without its y is a missing term
    if isinstance(part, Power) and isinstance(part.exponent, Number) and part.exponent.value < 0:
        yield Change(ONE, ("the division by ", part.base, " is missing"))
        return
    alike = ""
    if is_derivative(part, place):
        assert isinstance(part, Apply)
        alike = f"no {part.function}"
    yield Change(ONE, (*_named(part, place), " is missing"), alike)


def _named(part: Expr, place: Place) -> Sentence:
    """A factor with what it is: the factor σ'(z), the weight w, the input x."""
    if isinstance(part, Ref) and part.name in place.setting.network.quantities:
        role = place.setting.role(part.name)
        if role in ("weight", "input", "activation", "bias"):
            return (f"the {role} ", part)
    return ("the factor ", part)


def same_factor_twice(place: Place) -> Iterator[Change]:
    """u v → u u v"""
    part = place.part
    if isinstance(place.parent, Mul) and not isinstance(part, Number | Delta):
        yield Change(Mul((part, part)), (*_named(part, place), " stands there twice"))


_HOMOGENEOUS = frozenset(("relu", "abs"))
"""f'(u) u = f(u): who writes f'(u) u has taken f for its derivative."""


def extra_factor(place: Place) -> Iterator[Change]:
    """g → g u for a quantity or slope of the network"""
    if not (place.whole or isinstance(place.parent, Reduce)) or place.setting.form.name == "answer":
        return
    present = set(flat_factors(place.part))
    around = (f for parent in place.parents for f in flat_factors(parent))
    present |= set(_scaling(place, {*present, *around}))
    for factor in _factors(place):
        if factor not in present:
            new = append(place.part, factor)
            yield Change(new, (*_named(factor, place), " is too much"))


def _scaling(place: Place, present: set[Expr]) -> Iterator[Expr]:
    """The factors beside a slope that make its function of it: relu'(z) z, relu'(z) relu(z)."""
    for slope in present:
        if not isinstance(slope, Apply) or not is_derivative(slope, place):
            continue
        if function_of(slope, place) in _HOMOGENEOUS and isinstance(slope.argument, Ref):
            yield slope.argument
            activation = place.setting.value_of.get(slope.argument.name)
            if activation is not None:
                yield Ref(activation.name, slope.argument.indices)


def extra_division(place: Place) -> Iterator[Change]:
    """g → g / u"""
    if not place.whole or place.setting.form.name != "chain":
        return
    for factor in _factors(place):
        if isinstance(factor, Apply) or (
            isinstance(factor, Ref) and place.setting.role(factor.name) in ("output", "activation")
        ):
            new = append(place.part, Power(factor, MINUS_ONE))
            yield Change(new, ("the division by ", factor, " is too much"))


def _factors(place: Place) -> Iterator[Expr]:
    """What could be a factor here: slopes, weights, inputs, activations, biases, errors."""
    setting = place.setting
    for name, equation in setting.network.equations.items():
        right = equation.right
        if (
            isinstance(right, Apply)
            and isinstance(right.argument, Ref)
            and name in setting.network.live
        ):
            row = setting.truth.scope.function(right.function)
            for ref in place.fitting(name, setting.truth.asked.indices):
                change: dict[str, Index] = dict(zip(equation.indices, ref.indices, strict=True))
                yield Apply(row.derivative_name, with_indices(right.argument, change))
    for name in setting.network.quantities:
        if name in setting.network.live and setting.role(name) in _FACTORS:
            for ref in place.fitting(name, setting.truth.asked.indices):
                yield ref
                if setting.role(name) == "output" and name not in setting.argument_of:
                    yield Mul((ref, ONE - ref))  # a softmax taken for a sigmoid
    for target in setting.network.of_kind("target"):
        for output, role in setting.truth.roles.items():
            shapes = setting.network[output].shape, target.shape
            if role.kind == "output" and shapes[0] == shapes[1]:
                for ref in place.fitting(target.name, setting.truth.asked.indices):
                    yield Add((Ref(output, ref.indices), negative(ref)))


_FACTORS = frozenset(
    ("weight", "input", "activation", "output", "weighted input", "bias", "target")
)
