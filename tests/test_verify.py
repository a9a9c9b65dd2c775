"""The oracle: what it confirms, what it refutes, and when it says that it cannot tell."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.errors import NetworkError
from backprove.expr import (
    HALF,
    ONE,
    ZERO,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    substituted,
)
from backprove.language import parse
from backprove.network import Equation, Network
from backprove.rewrite import Block, Derivation, Step
from backprove.verify import (
    Oracle,
    agree,
    verify_derivation,
    verify_network,
    verify_step,
)
from backprove.verify.values import Scene


def R(name: str, *indices: int | str) -> Ref:
    return Ref(name, indices)


def D(body: Expr, wrt: Expr, total: bool = True) -> Derivative:
    return Derivative(body, wrt, total)


def answer(network: Network, left: Expr, right: Expr) -> str:
    return agree(network, left, right).verdict


TWO_LAYERS = """
input x[2]
target y[1]
weight w1[3,2], w2[1,3]
bias b1[3], b2[1]
z1[i] = sum(j: w1[i,j]*x[j]) + b1[i]
h1[i] = sigmoid(z1[i])
z2[i] = sum(j: w2[i,j]*h1[j]) + b2[i]
h2[i] = tanh(z2[i])
loss J = sum(i: (y[i] - h2[i])^2)/2
"""

SOFTMAX = """
input x[3]
target y[4] with sum(k: y[k]) = 1
weight w[4,3]
z[i] = sum(j: w[i,j]*x[j])
o[i] = exp(z[i])/sum(k: exp(z[k]))
loss J = -sum(i: y[i]*log(o[i]))
"""

# -- derivatives that every textbook states ------------------------------------------------

TEXTBOOK = [
    ("sigmoid(x)", "exp(-x)/(1 + exp(-x))^2"),
    ("tanh(x)", "4/(exp(x) + exp(-x))^2"),
    ("softplus(x)", "1/(1 + exp(-x))"),
    ("silu(x)", "(1 + exp(-x) + x*exp(-x))/(1 + exp(-x))^2"),
    ("exp(x)", "exp(x)"),
    ("log(x)", "1/x"),
    ("sqrt(x)", "x^(-1/2)/2"),
    ("sin(x)", "cos(x)"),
    ("cos(x)", "-sin(x)"),
    ("abs(x)", "x/abs(x)"),
    ("relu(x)", "(1 + x/abs(x))/2"),
    ("leaky_relu(x)", "(1 + x/abs(x))/2 + (1 - x/abs(x))/200"),
    ("elu(x)", "exp((x - abs(x))/2)"),
    ("x^5", "5*x^4"),
    ("x^(-2)", "-2/x^3"),
    ("x^(3/2)", "3*sqrt(x)/2"),
    ("x^x", "x^x*(log(x) + 1)"),
    ("2^x", "2^x*log(2)"),
    ("sin(x*exp(x))", "cos(x*exp(x))*(1 + x)*exp(x)"),
    ("sign(x)*step(x)", "0"),
]


@pytest.mark.parametrize(("function", "derivative"), TEXTBOOK)
def test_textbook_derivatives(function: str, derivative: str) -> None:
    network = parse(f"input x\nd = {derivative}\nloss J = {function}")
    assert answer(network, R("∂x"), R("d")) == "confirmed"
    assert answer(network, R("∂x"), R("d") + Number(Fraction(1, 10**9))) == "refuted"


def test_erf_and_gelu_by_their_density() -> None:
    """erf'(x) = c exp(-x²) with one c: ratios of derivatives; erf'' = -2x erf'."""
    network = parse("input x\nd = erf(x)\nloss J = gelu(x)")
    x, slope = R("x"), D(R("d"), R("x"))
    assert answer(network, D(slope, x), -2 * x * slope) == "confirmed"
    # gelu(x) = x (1 + erf(x/√2))/2, so gelu(x) + gelu(-x) = x erf(x/√2), and = x - 2 gelu(-x)
    both = Apply("gelu", x) + Apply("gelu", -x)
    root = Apply("erf", x / Apply("sqrt", Number(2)))
    assert answer(network, both, x * root) == "confirmed"
    assert answer(network, Apply("gelu", x) - Apply("gelu", -x), x) == "confirmed"


# -- networks ------------------------------------------------------------------------------

TWO_LAYER_CLAIMS: dict[str, tuple[Expr, Expr]] = {
    "∂w2": (
        R("∂w2", "i", "j"),
        (R("h2", "i") - R("y", "i")) * (ONE - R("h2", "i") ** 2) * R("h1", "j"),
    ),
    "∂z1": (
        R("∂z1", "j"),
        Reduce("sum", "i", 1, R("∂z2", "i") * R("w2", "i", "j"))
        * R("h1", "j")
        * (ONE - R("h1", "j")),
    ),
    "∂w1": (R("∂w1", "i", "k"), R("∂z1", "i") * R("x", "k")),
    "∂b1": (R("∂b1", "i"), R("∂z1", "i")),
    "∂w1[2,1]": (R("∂w1", 2, 1), R("∂z1", 2) * R("x", 1)),
    "z1 in w1": (
        D(R("z1", "i"), R("w1", "j", "k")),
        Delta("i", "j") * R("x", "k"),
    ),
}

MISTAKES: dict[str, tuple[str, Expr]] = {
    "sign": ("∂w2", (R("y", "i") - R("h2", "i")) * (ONE - R("h2", "i") ** 2) * R("h1", "j")),
    "factor": ("∂w2", 2 * TWO_LAYER_CLAIMS["∂w2"][1]),
    "no slope": ("∂w2", (R("h2", "i") - R("y", "i")) * R("h1", "j")),
    "wrong slope": ("∂z1", TWO_LAYER_CLAIMS["∂z1"][1] * (ONE - R("h1", "j"))),
    "transposed": ("∂w1", R("∂z1", "k") * R("x", "i")),
    "other input": ("∂w1[2,1]", R("∂z1", 2) * R("x", 2)),
    "other node": ("∂w1[2,1]", R("∂z1", 1) * R("x", 1)),
    "nothing": ("∂b1", ZERO),
    "no delta": ("z1 in w1", R("x", "k")),
    "a digit in 10^-30": ("∂b1", R("∂z1", "i") * (ONE + Number(Fraction(1, 10**30)))),
}


@pytest.mark.parametrize("claim", TWO_LAYER_CLAIMS)
def test_a_network_s_gradients(claim: str) -> None:
    verdict = agree(parse(TWO_LAYERS), *TWO_LAYER_CLAIMS[claim])
    assert verdict.confirmed
    assert verdict.digits == 60
    assert verdict.says.startswith("equal to 60 digits at 3 random points")
    assert verdict.counterexample is None


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refuted(mistake: str) -> None:
    claim, wrong = MISTAKES[mistake]
    verdict = agree(parse(TWO_LAYERS), TWO_LAYER_CLAIMS[claim][0], wrong)
    assert verdict.verdict == "refuted"
    assert verdict.digits == 0


def test_a_refutation_brings_its_point() -> None:
    network = parse(TWO_LAYERS)
    verdict = agree(network, R("∂b1", "i"), -R("∂z1", "i"))
    example = verdict.counterexample
    assert example is not None
    assert example.setting == {"i": 1}
    assert set(example.values) == {"x", "y", "w1", "w2", "b1", "b2"}
    assert float(example.left) == -float(example.right) != 0


def test_softmax_with_cross_entropy_needs_the_constraint() -> None:
    claim = R("∂z", "i"), R("o", "i") - R("y", "i")
    assert answer(parse(SOFTMAX), *claim) == "confirmed"
    free = parse(SOFTMAX.replace(" with sum(k: y[k]) = 1", ""))
    assert answer(free, *claim) == "refuted"
    total = Reduce("sum", "k", 4, R("y", "k"))
    assert answer(free, R("∂z", "i"), total * R("o", "i") - R("y", "i")) == "confirmed"
    assert answer(parse(SOFTMAX), total, ONE) == "confirmed"


def test_a_constraint_that_is_not_a_plain_sum() -> None:
    network = parse("input x[2]\ntarget y[2] with y[1] - 2*y[2] = 3\nloss J = sum(i: x[i]*y[i])")
    assert answer(network, R("y", 1), 3 + 2 * R("y", 2)) == "confirmed"
    assert answer(network, R("y", 2), 3 + 2 * R("y", 1)) == "refuted"


def test_every_sample_meets_the_constraint() -> None:
    lifted = parse(SOFTMAX).over(3)
    letter = lifted.equations["z"].indices[-1]
    claim = R("∂z", "i", letter), (R("o", "i", letter) - R("y", "i", letter)) / 3
    assert answer(lifted, *claim) == "confirmed"


def test_adjoints_add_over_paths_and_cut_their_own_equation() -> None:
    network = parse("weight a\nb = a^2\nc = b*a\nloss J = c")
    assert answer(network, R("∂a"), 3 * R("a") ** 2) == "confirmed"
    assert answer(network, R("∂b"), R("a")) == "confirmed"
    # the local derivative holds b, the total one follows it
    assert answer(network, D(R("b") * R("a"), R("a"), total=False), R("b")) == "confirmed"
    assert answer(network, D(R("b") * R("a"), R("a")), 3 * R("b")) == "confirmed"
    # a bare computed quantity in a local derivative means its own equation
    assert answer(network, D(R("c"), R("a"), total=False), R("b")) == "confirmed"
    assert answer(network, D(R("c"), R("a")), R("b")) == "refuted"


def test_a_quantity_used_twice() -> None:
    network = parse("weight a\nb = a + a\nc = b + b\nloss J = c")
    assert answer(network, R("∂a"), Number(4)) == "confirmed"


def test_a_dead_branch_is_exactly_zero() -> None:
    network = parse("weight w, v\ninput x\nd = v*x\nloss J = w*x")
    verdict = agree(network, R("∂v"), ZERO)
    assert verdict.confirmed
    assert verdict.says.startswith("both sides are 0")
    assert answer(network, R("∂d"), ZERO) == "confirmed"
    assert answer(network, R("∂w"), ZERO) == "refuted"


def test_constants_keep_their_values() -> None:
    network = parse("constant c = 1, p[2] = [2, 3]\ninput x\nloss J = c*x + p[1]*p[2]*x")
    assert answer(network, R("∂x"), Number(7)) == "confirmed"
    assert answer(network, R("∂c"), R("x")) == "confirmed"


def test_terms_that_cancel_are_zero() -> None:
    network = parse("input x\nloss J = exp(x)")
    nothing = Apply("exp", R("x")) * Apply("exp", -R("x")) - ONE
    assert answer(network, nothing, ZERO) == "confirmed"
    assert answer(network, nothing + Number(Fraction(1, 10**200)), ZERO) == "refuted"


def test_powers_of_a_number_that_is_zero() -> None:
    network = parse("input x\nd = x/3 - x/3\nloss J = d^2 + d^3 + x")
    assert answer(network, R("∂x"), ONE) == "confirmed"
    assert answer(network, R("d") ** 2, ZERO) == "confirmed"
    assert answer(network, R("d") ** 0, ONE) == "confirmed"


# -- derivatives of derivatives, and in expressions ----------------------------------------


def test_second_derivatives() -> None:
    network = parse("input x, u\nv = x*u\nloss J = exp(v)*u")
    hessian = D(D(R("J"), R("x")), R("u"))
    v, u = R("v"), R("u")
    assert answer(network, hessian, Apply("exp", v) * (2 * u + v * u)) == "confirmed"
    assert answer(network, D(R("∂x"), u), Apply("exp", v) * (2 * u + v * u)) == "confirmed"
    assert answer(network, D(D(R("J"), R("x")), R("x")), u**3 * Apply("exp", v)) == "confirmed"
    third = D(D(D(R("J"), R("x")), R("x")), R("x"))
    assert answer(network, third, u**4 * Apply("exp", v)) == "confirmed"
    assert answer(network, hessian, D(D(R("J"), R("u")), R("x"))) == "confirmed"
    assert answer(network, hessian, D(R("J"), R("x"))) == "refuted"


def test_nested_derivatives_do_not_confuse_their_variables() -> None:
    """d/dx (x · d/dy (x + y)) at y = x is 1, where careless dual numbers say 2."""
    network = parse("input x, y\nloss J = x*y")
    inner = D(R("x") + R("y"), R("y"))
    assert answer(network, D(R("x") * inner, R("x")), ONE) == "confirmed"


def test_what_a_derivative_reads_may_vary_around_it() -> None:
    network = parse("input x\nweight w\nz = w*x\nloss J = z^2")
    slope = D(R("z"), R("w"), total=False)  # reads z's equation: x
    summed = Reduce("sum", "k", 3, slope)
    assert answer(network, D(slope, R("x"), total=False), ONE) == "confirmed"
    assert answer(network, D(summed, R("x"), total=False), Number(3)) == "confirmed"
    squared = Reduce("sum", "k", 3, D(R("J"), R("w")))
    assert answer(network, D(squared, R("x")), 12 * R("w") * R("x")) == "confirmed"


def test_a_derivative_in_an_expression() -> None:
    network = parse("input d, b\nfunction f with derivative t\nloss J = f(d + b)^2")
    d, b = R("d"), R("b")
    body = Apply("f", d + b) ** 2
    slope = 2 * Apply("f", d + b) * Apply("t", d + b)
    assert answer(network, D(body, d + b, total=False), slope) == "confirmed"
    assert answer(network, D(body, b + d, total=False), slope) == "confirmed"
    assert answer(network, D(R("J"), d + b), slope) == "confirmed"
    assert answer(network, D(Add((d, b, d)), d + b, total=False), ONE) == "confirmed"
    assert answer(network, D(Mul((d, d, b)), d * b, total=False), d) == "confirmed"
    assert answer(network, D(d, d + b, total=False), ZERO) == "confirmed"


def test_a_let() -> None:
    network = parse("input i\ntarget t\nweight w, v\nr = w*i\no = v*r\nloss E = (t - o)^2/2")
    z = R("t") - R("v") * R("w") * R("i")
    lets = {"z": z}
    claim = D(R("z") ** 2 / 2, R("z"), total=False), z
    assert agree(network, *claim, lets=lets).confirmed
    assert agree(network, R("∂w"), -R("z") * R("v") * R("i"), lets=lets).confirmed
    assert agree(network, D(R("z"), R("w")), -R("v") * R("i"), lets=lets).confirmed
    assert not agree(network, R("∂w"), R("z") * R("v") * R("i"), lets=lets).confirmed
    indexed = {"s": Equation(R("s", "k"), R("w") ** 2 * Delta("k", 1))}
    summed = Reduce("sum", "k", 2, R("s", "k"))
    assert agree(network, summed, R("w") ** 2, lets=indexed).confirmed


# -- functions of the file -----------------------------------------------------------------


def test_abstract_functions() -> None:
    network = parse("input x\nfunction f with derivative t\nfunction g\nloss J = f(g(x))")
    x, g = R("x"), Apply("g", R("x"))
    first = Apply("t", g) * Apply("g'", x)
    verdict = agree(network, R("∂x"), first)
    assert verdict.confirmed
    assert "random analytic functions for f, g" in verdict.says
    second = Apply("t'", g) * Apply("g'", x) ** 2 + Apply("t", g) * Apply("g''", x)
    assert answer(network, D(R("∂x"), x), second) == "confirmed"
    assert answer(network, Apply("f'", x), Apply("t", x)) == "confirmed"
    for wrong in (Apply("f", g) * Apply("g'", x), Apply("t", x) * Apply("g'", x), Apply("t", g)):
        assert answer(network, R("∂x"), wrong) == "refuted"


def test_functions_that_the_file_defines() -> None:
    network = parse("input x\nfunction swish(u) = u*sigmoid(u)\nloss J = swish(x^2)")
    x = R("x")
    assert answer(network, Apply("swish", x), Apply("silu", x)) == "confirmed"
    assert answer(network, Apply("swish'", x), Apply("silu'", x)) == "confirmed"
    assert answer(network, Apply("swish''", x), Apply("silu''", x)) == "confirmed"
    assert answer(network, R("∂x"), 2 * x * Apply("silu'", x**2)) == "confirmed"
    assert answer(network, R("∂x"), 2 * x * Apply("silu", x**2)) == "refuted"


def test_symbolic_sizes_and_layers_are_tried_at_unequal_lengths() -> None:
    network = parse(
        """
        size n, m
        input a{L-2}[n]
        target y[m]
        weight w{L-1}[m,n], w{L}[m,m]
        function g{L-1}
        function g{L}
        z{L-1}[j] = sum(k: w{L-1}[j,k]*a{L-2}[k])
        a{L-1}[j] = g{L-1}(z{L-1}[j])
        z{L}[j] = sum(k: w{L}[j,k]*a{L-1}[k])
        a{L}[j] = g{L}(z{L}[j])
        loss C_0 = sum(j: (a{L}[j] - y[j])^2)
        """
    )
    slope = Apply("g{L}'", R("z{L}", 1))
    claim = 2 * (R("a{L}", 1) - R("y", 1)) * slope * R("a{L-1}", 2)
    verdict = agree(network, R("∂w{L}", 1, 2), claim)
    assert verdict.confirmed
    assert "with the sizes n = 2, 3, 4; m = 3, 4, 5" in verdict.says
    assert answer(network, R("∂w{L}", 1, 5), claim) == "refuted"
    first = Reduce("sum", "k", "m", R("∂z{L}", "k") * R("w{L}", "k", "i"))
    assert answer(network, R("∂a{L-1}", "i"), first) == "confirmed"
    wrong = Reduce("sum", "k", "n", R("∂z{L}", "k") * R("w{L}", "k", "i"))
    assert answer(network, R("∂a{L-1}", "i"), wrong) == "refuted"


# -- piecewise functions -------------------------------------------------------------------

RELU = """
input x[2]
target y
weight w[3,2], v[3]
z[i] = sum(j: w[i,j]*x[j])
h[i] = relu(z[i])
loss J = (sum(i: v[i]*h[i]) - y)^2/2
"""


def test_both_branches_are_seen() -> None:
    network = parse(RELU)
    verdict = agree(network, R("∂z", "i"), R("∂h", "i") * Apply("step", R("z", "i")))
    assert verdict.confirmed
    assert "arguments of both signs in relu(z[i])" in verdict.says
    assert answer(network, R("∂z", "i"), R("∂h", "i")) == "refuted"
    assert answer(network, R("∂z", "i"), ZERO) == "refuted"


def test_a_branch_that_cannot_be_reached_is_said() -> None:
    network = parse("input x\nz = x^2\nloss J = relu(z)")
    verdict = agree(network, R("∂z"), ONE)
    assert verdict.confirmed
    assert "only positive arguments in relu(z)" in verdict.says


def test_the_positions_of_the_largest_are_said() -> None:
    network = parse("input x[3]\nm = max(k: 2*x[k])\nloss J = m^2")
    where = Reduce("argmax", "k", 3, 2 * R("x", "k"))
    verdict = agree(network, R("∂x", "j"), 4 * R("m") * Delta("j", where))
    assert verdict.confirmed
    assert "the largest of max(k: 2*x[k]) stood at positions 1, 2, 3" in verdict.says
    # one point can meet one position only, and a formula for one position is seen through
    assert verdict.trials >= 3
    assert answer(network, R("∂x", 1), 4 * R("m")) == "refuted"


def test_what_cancels_is_0() -> None:
    """No ball proves sin(w) - sin(w) = 0, of which relu' takes the stated convention."""
    network = parse(
        "weight w\nh = relu(sin(w) - sin(w))\nk = w + w*sin(w) - w*sin(w)\nloss J = h + k"
    )
    verdict = agree(network, R("∂w"), ONE)
    assert verdict.confirmed
    assert "at 0, where the stated convention is taken, in relu(sin(w) - sin(w))" in verdict.says
    assert answer(network, R("k"), R("w")) == "confirmed"
    assert answer(network, R("k"), R("w") + R("h") + 1) == "refuted"
    outside = parse("weight w\nloss J = w^2*log(-w^2) - w^2*log(-w^2)")
    with pytest.raises(NetworkError, match="no random point"):
        agree(outside, R("J"), ZERO)


def test_what_has_no_name_of_its_own_is_written_out() -> None:
    network = parse("weight w, b\nh = relu(w + b)\nloss J = h^2")
    verdict = agree(network, R("∂b"), R("∂w"))
    assert "arguments of both signs in relu(w + b)" in verdict.says
    assert "argument)" not in verdict.says


KINKS = [
    ("relu", 0), ("leaky_relu", Fraction(1, 100)), ("elu", 1), ("abs", 0), ("sign", 0), ("step", 0),
]  # fmt: skip


@pytest.mark.parametrize(("function", "taken"), KINKS)
def test_at_a_kink_the_stated_convention(function: str, taken: Fraction) -> None:
    network = parse(f"constant c = 0\nweight w\nz = c + c*w\nh = {function}(z)\nloss J = h*w")
    verdict = agree(network, R("∂z"), R("w") * Number(taken))
    assert verdict.confirmed
    assert "at 0, where the stated convention is taken" in verdict.says
    assert answer(network, R("∂z"), R("w") * Number(Fraction(1, 2))) == "refuted"
    assert answer(network, R("h"), ZERO) == "confirmed"


def test_the_maximum_moves_with_the_first_largest() -> None:
    network = parse("input x[4]\nconstant c[2] = [1, 1]\nm = max(k: x[k])\nloss J = m^2")
    where = Reduce("argmax", "k", 4, R("x", "k"))
    assert answer(network, R("∂x", "j"), 2 * R("m") * Delta("j", where)) == "confirmed"
    assert answer(network, R("∂x", 1), 2 * R("m")) == "refuted"
    first = Reduce("argmax", "k", 2, R("c", "k"))
    assert answer(network, Delta(1, first), ONE) == "confirmed"
    assert answer(network, Delta(2, first), ZERO) == "confirmed"
    tie = D(Reduce("max", "k", 2, R("c", "k")), R("c", "j"))
    assert answer(network, tie, Delta("j", 1)) == "confirmed"


# -- what cannot be told -------------------------------------------------------------------


def test_what_no_precision_tells_is_undecided() -> None:
    network = parse("input x\nloss J = x")
    # a number that is 0, but that no ball proves to be: its sign cannot be told
    nothing = Apply("exp", R("x")) * Apply("exp", -R("x")) - ONE
    verdict = agree(network, Apply("relu", nothing), ZERO)
    assert verdict.verdict == "undecided"
    assert "8192 bits" in verdict.says


def test_nan_and_infinity_equal_nothing() -> None:
    network = parse("input x\nloss J = x")
    divided = Power(R("x") - R("x"), Number(-1))
    for side in (divided, Apply("log", -(R("x") ** 2))):
        assert not agree(network, side, side).confirmed
    huge = R("x") ** 2 + 1000
    for _ in range(8):
        huge = Apply("exp", huge)
    assert agree(network, huge, huge).verdict == "undecided"


def test_where_the_network_has_no_value_at_all() -> None:
    network = parse("input x\nloss J = log(-x^2)")
    with pytest.raises(NetworkError, match="no random point"):
        agree(network, R("∂x"), ONE)


def test_logarithms_and_roots_are_given_what_they_need() -> None:
    network = parse("input x, z\nloss J = log(x)*sqrt(z) + x^z")
    claim = Apply("sqrt", R("z")) / R("x") + R("z") * R("x") ** (R("z") - 1)
    assert answer(network, R("∂x"), claim) == "confirmed"


UNKNOWN = {
    "a quantity": (R("∂x"), R("q")),
    "an adjoint": (R("∂x"), R("∂q")),
    "a function": (R("∂x"), Apply("nosuch", R("x"))),
    "an index": (R("∂x"), Delta("i", "j")),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_names_are_errors(what: str) -> None:
    with pytest.raises(NetworkError):
        agree(parse("input x\nloss J = x^2"), *UNKNOWN[what])


def test_a_position_that_is_not_there_refutes() -> None:
    network = parse(TWO_LAYERS)
    verdict = agree(network, R("∂w1", 3, 1), R("∂z1", 4) * R("x", 1))
    assert verdict.verdict == "refuted"
    assert "z1[4]" in verdict.says
    assert answer(network, R("∂b1", "i"), R("∂z1", "i", "i")) == "refuted"
    assert answer(network, R("x", "i"), R("b1", "i")) == "refuted"


# -- size and depth ------------------------------------------------------------------------


def chain(depth: int, function: str) -> Network:
    lines = ["input h0", "target y"]
    for k in range(1, depth + 1):
        lines += [f"weight w{k}", f"z{k} = w{k}*h{k - 1}", f"h{k} = {function}(z{k})"]
    return parse("\n".join([*lines, f"loss J = (h{depth} - y)^2/2"]))


@pytest.mark.parametrize(
    ("function", "slope"),
    [("sigmoid", lambda h: h * (ONE - h)), ("tanh", lambda h: ONE - h**2)],
)
def test_a_deep_chain(function: str, slope: object) -> None:
    assert callable(slope)
    depth = 60
    oracle = Oracle(chain(depth, function))
    claim: Expr = R("h60") - R("y")
    for k in range(depth, 0, -1):
        claim = claim * slope(R(f"h{k}"))
        if k > 1:
            claim = claim * R(f"w{k}")
    assert oracle.agree(R("∂w1"), claim * R("h0")).confirmed
    assert oracle.agree(R("∂w1"), claim * R("h1")).verdict == "refuted"
    assert oracle.agree(R("∂w1"), ZERO).verdict == "refuted"


def test_a_deep_relu_chain_is_tried_alive_and_dead() -> None:
    network = chain(50, "relu")
    verdict = agree(network, R("∂z1"), R("∂h1") * Apply("step", R("z1")))
    assert verdict.confirmed
    assert not verdict.says.startswith("both sides are 0")


def test_a_large_tensor_is_sampled_and_says_so() -> None:
    network = parse(
        "input x[12]\ntarget y[9]\nweight w[9,12]\nz[i] = sum(j: w[i,j]*x[j])\n"
        "loss J = sum(i: (z[i] - y[i])^2)/2"
    )
    claim = (R("z", "i") - R("y", "i")) * R("x", "j")
    verdict = agree(network, R("∂w", "i", "j"), claim)
    assert verdict.confirmed
    assert verdict.components == 30
    assert "a sample of 30 of 108 components" in verdict.says
    corner = Delta("i", 9) * Delta("j", 12)
    assert answer(network, R("∂w", "i", "j"), claim + corner) == "refuted"


# -- by finite differences -----------------------------------------------------------------

SMOOTH = ("sigmoid", "tanh", "softplus", "silu", "gelu", "sin", "cos", "erf")
LEAVES: st.SearchStrategy[Expr] = st.one_of(
    st.sampled_from([R("a"), R("b"), R("c")]),
    st.fractions(-2, 2, max_denominator=5).map(Number),
)


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(Add),
        pairs.map(Mul),
        st.tuples(st.sampled_from(SMOOTH), inner).map(lambda p: Apply(*p)),
        st.tuples(inner, st.integers(0, 3)).map(lambda p: Power(p[0], Number(p[1]))),
        inner.map(lambda e: Power(e**2 + 1, -HALF)),
    )


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=8)
SCALARS = parse("input a, b, c\nloss J = a + b + c")
STEP = Fraction(1, 2**60)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS)
def test_derivatives_by_finite_differences(e: Expr) -> None:
    """(e(a + h) - e(a - h))/2h at h = 2^-60 is the derivative to some 30 digits."""
    oracle = Oracle(SCALARS, trials=1)

    def moved(by: Fraction) -> Expr:
        return substituted(e, lambda r: R("a") + Number(by) if r is R("a") else None)

    difference = (moved(STEP) - moved(-STEP)) * Number(1 / (2 * STEP))
    exact = oracle.value(D(e, R("a")))
    near = oracle.value(difference)
    third = oracle.value(D(D(D(e, R("a")), R("a")), R("a")))
    scale = 1 + abs(exact) + abs(third)
    assert abs(exact - near) < scale * arb(10) ** -25


WHOLE_NETWORKS = {
    "two layers": TWO_LAYERS,
    "softmax": SOFTMAX,
    "relu": RELU,
    "skip": """
        input x[2]
        weight w[2,2], v
        function f
        z[i] = sum(j: w[i,j]*x[j])
        h[i] = f(z[i]) + x[i]
        m = max(k: h[k])
        loss J = m*v + sum(i: h[i]^2*z[i])
        """,
}


@pytest.mark.parametrize("name", WHOLE_NETWORKS)
def test_adjoints_by_finite_differences(name: str) -> None:
    """The loss at two points a little apart, against the adjoint of what was moved."""
    oracle = Oracle(parse(WHOLE_NETWORKS[name]))
    for number, point in enumerate(oracle.points()):
        for quantity, table in point.values.items():
            for position, value in table.items():
                near = []
                for by in (STEP, -STEP):
                    values = {**point.values, quantity: {**table, position: value + by}}
                    scene = Scene(replace(point, values=values))
                    with ctx.workprec(512):
                        near.append(scene.ground.component("J", ()).base)
                exact = oracle.value(R(f"∂{quantity}", *position), trial=number)
                with ctx.workprec(512):
                    slope = (near[0] - near[1]) / (2 * arb(fmpq(1, 2**60)))
                    assert abs(slope - exact) < arb(10) ** -25


@settings(max_examples=40, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_the_product_rule_holds_and_its_mutilation_does_not(u: Expr, v: Expr) -> None:
    oracle = Oracle(SCALARS, trials=1)
    a = R("a")
    assert oracle.agree(D(u * v, a), D(u, a) * v + u * D(v, a)).confirmed
    broken = D(u, a) * v + u * D(v, a) + v**2 + Number(1)
    assert oracle.agree(D(u * v, a), broken).verdict == "refuted"


# -- steps, derivations, networks ----------------------------------------------------------


def step(path: tuple[int, ...], before: Expr, after: Expr, rule: str = "rule") -> Step:
    return Step(rule, (), "", path, before, after, ())


def test_a_step_under_a_sum_is_tried_for_every_bound_value() -> None:
    network = parse(TWO_LAYERS)
    body = R("w1", 1, "j") * R("x", "j")
    whole = Reduce("sum", "j", 2, body)
    fine = step((0,), body, R("x", "j") * R("w1", 1, "j"))
    assert verify_step(network, whole, fine).confirmed
    wrong = step((0,), body, R("x", 1) * R("w1", 1, "j"))
    assert verify_step(network, whole, wrong).verdict == "refuted"


def test_a_step_within_a_derivative_minds_what_is_held() -> None:
    network = parse("weight w\ninput x\nz = w*x\nloss J = z^2")
    whole = D(R("z") * R("w"), R("w"), total=False)
    # z = w x in value, but not when z is held
    wrong = step((0, 0), R("z"), R("w") * R("x"))
    assert verify_step(network, whole, wrong).verdict == "refuted"


def derivation(network: Network, answer: Expr, *steps: Step) -> Derivation:
    start = D(R("J"), R("w"))
    block = Block(("gradient",), start, start, steps, tuple(range(1, len(steps) + 1)))
    return Derivation(network, R("w"), "chain", "scalar", (block,), answer)


def test_a_derivation_and_its_flaws() -> None:
    network = parse("weight w\ninput x\ntarget y\nr = w*x\nloss J = (y - r)^2/2")
    start = D(R("J"), R("w"))
    product = Mul((D(R("J"), R("r"), total=False), D(R("r"), R("w"), total=False)))
    s = R("r") - R("y")
    end = s * R("x")
    good = [
        step((), start, product, "chain rule"),
        step((0,), product.factors[0], s),
        step((1,), product.factors[1], R("x")),
    ]
    report = verify_derivation(derivation(network, end, *good))
    assert report.ok
    assert [row.what for row in report.rows] == [
        "block 1: its first line",
        "block 1, step 1: chain rule",
        "block 1, step 2: rule",
        "block 1, step 3: rule",
        "block 1, line 2",
        "block 1, line 3",
        "block 1, line 4",
        "the answer ∂w",
    ]
    bad = [good[0], step((0,), product.factors[0], -s), good[2]]
    report = verify_derivation(derivation(network, -end, *bad))
    assert not report.ok
    assert [row.what for row in report.wrong] == [
        "block 1, step 2: rule",
        "block 1, line 3",
        "the answer ∂w",
    ]
    assert not verify_derivation(derivation(network, -end, *good)).ok


def test_an_update_with_a_rate_that_no_equation_gives() -> None:
    network = parse("weight w\ninput x\nloss J = w^2*x")
    update = R("w") - R("η") * D(R("J"), R("w"))
    done = R("w") - R("η") * (2 * R("w") * R("x"))
    block = Block((), R("w_new"), update, (step((), update, done),), (1,))
    whole = Derivation(network, R("w"), "equation", "scalar", (block,), 2 * R("w") * R("x"))
    assert verify_derivation(whole).ok


def test_a_chain_rule_in_letters_of_its_own() -> None:
    """let z = …, x = z² and y = w: ∂x/∂y = ∂x/∂z ∂z/∂y, y naming the place w."""
    network = parse("weight w\ninput i\ntarget t\nloss E = (t - w*i)^2")
    z = R("t") - R("w") * R("i")
    lets: dict[str, Expr] = {"x": R("z") ** 2, "y": R("w"), "z": z}
    for total in (False, True):
        claim = D(R("x"), R("z"), total) * D(R("z"), R("y"), total)
        for left in (D(R("x"), R("y"), True), D(z**2, R("w"), total), R("∂w")):
            assert agree(network, left, claim, lets=lets).confirmed
        assert agree(network, claim, -2 * z * R("i"), lets=lets).confirmed
        assert not agree(network, claim, 2 * z * R("i"), lets=lets).confirmed


def test_a_letter_may_be_used_anew_in_a_later_block() -> None:
    network = parse("weight w\nloss J = w^3")
    first = Block((), R("u"), R("w") ** 2)
    second = Block((), R("u") * 3, R("w") * 3, lets=(("u", R("w")),))
    answer = 3 * R("w") ** 2
    whole = Derivation(network, R("w"), "equation", "scalar", (first, second), answer)
    assert verify_derivation(whole).ok
    swapped = Derivation(network, R("w"), "equation", "scalar", (second, first), answer)
    assert verify_derivation(swapped).ok
    wrong = Block((), R("u") * 3, R("w") * 3, lets=(("u", R("w") * 2),))
    whole = Derivation(network, R("w"), "equation", "scalar", (first, wrong), answer)
    assert [row.what for row in verify_derivation(whole).wrong] == ["block 2: its first line"]


def test_a_network_s_report() -> None:
    network = parse(TWO_LAYERS)
    gradients = {
        "w1": Equation(R("∂w1", "i", "j"), R("∂z1", "i") * R("x", "j")),
        "b1": Equation(R("∂b1", "i"), R("∂z1", "i")),
        "w2": Equation(R("∂w2", "i", "j"), R("∂z2", "i") * R("h1", "j")),
    }
    report = verify_network(network, gradients)
    assert not report.ok
    assert [row.what for row in report.open] == ["∂J/∂b2"]
    gradients["b2"] = Equation(R("∂b2", "i"), -R("∂z2", "i"))
    report = verify_network(network, gradients)
    assert [row.what for row in report.wrong] == ["∂J/∂b2"]
    gradients["b2"] = Equation(R("∂b2", "i"), R("∂z2", "i"))
    assert verify_network(network, gradients).ok


def test_nothing_verified_is_not_good() -> None:
    assert not verify_network(parse("input x\nloss J = x"), {}).ok


def test_a_costly_report_tries_less_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    network = parse(
        "input x[8]\nweight w[8,8]\nz[i] = sum(j: w[i,j]*x[j])\nloss J = sum(i: z[i]^2)/2"
    )
    gradients = {"w": Equation(R("∂w", "i", "j"), R("z", "i") * R("x", "j"))}
    says = verify_network(network, gradients).rows[0].verdict.says
    assert "a sample of 30 of 64 components" in says
    monkeypatch.setattr("backprove.verify.reports.AFFORDABLE", 3_000)
    verdict = verify_network(network, gradients).rows[0].verdict
    assert verdict.confirmed
    assert 2 <= verdict.components < 30
    assert f"a sample of {verdict.components} of 64 components" in verdict.says


def test_the_example_of_the_documentation() -> None:
    page = Path(__file__).parent.parent / "docs" / "verification.md"
    code = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(page), "exec"), {})
    assert printed.getvalue().strip() == code.strip().splitlines()[-1].removeprefix("# ")
