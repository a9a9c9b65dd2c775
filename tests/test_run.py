"""Numbers: published examples, lowering against a plain reading, safe functions, bad input."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import product as pairs
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.adjoints import backprop
from backprove.errors import DataError
from backprove.expr import (
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
)
from backprove.functions import FUNCTIONS
from backprove.language import parse, read
from backprove.network import ADJOINT, Equation, Network
from backprove.run.elementwise import ELEMENTWISE
from backprove.run.lower import MEAN_LOSS, _Lowering, lower
from backprove.run.numpy_backend import prepare
from backprove.run.program import Contract, Map
from backprove.run.values import evaluate

CASES = sorted((Path(__file__).parent / "cases" / "numbers").glob("*.bp"))


def assert_close(found: Any, published: Any, tolerance: float, path: str) -> None:
    if isinstance(published, dict):
        for name, value in published.items():
            assert_close(found[name], value, tolerance, f"{path}.{name}")
    else:
        distance = np.abs(np.asarray(found) - np.asarray(published)).max()
        assert distance <= tolerance, f"{path}: {found} is not {published}"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_published_digits(path: Path) -> None:
    case = json.loads(path.with_suffix(".json").read_text())
    found = evaluate(read(str(path)), eta=case.get("eta")).as_json()
    keys = case.keys() - {"source", "eta", "tol"}
    assert keys, "a case states something"
    for key in keys:
        assert_close(found[key], case[key], case["tol"], key)


# -- lowering against a plain reading of the equations -------------------------------------


class Reading:
    """Every component computed one by one with Python's floats, as the equations are written."""

    def __init__(self, network: Network, given: dict[str, np.ndarray[Any, Any]]) -> None:
        self.network = network
        self.values: dict[str, Any] = dict(given)

    def add(self, equation: Equation, shape: tuple[int, ...]) -> None:
        values = np.empty(shape)
        for place in pairs(*(range(1, n + 1) for n in shape)):
            at = dict(zip(equation.indices, place, strict=True))
            values[tuple(p - 1 for p in place)] = self.number(equation.right, at)
        self.values[equation.name] = values

    def number(self, e: Expr, at: dict[str, int]) -> float:
        def index(i: Index) -> int:
            return at[i] if isinstance(i, str) else i

        match e:
            case Number():
                return float(e.value)
            case Ref():
                return float(self.values[e.name][tuple(index(i) - 1 for i in e.indices)])
            case Delta(right=Reduce() as choice):
                row = self.row(choice, at)
                return float(index(e.left) == 1 + row.index(max(row)))
            case Delta():
                assert not isinstance(e.right, Expr)
                return float(index(e.left) == index(e.right))
            case Add():
                return math.fsum(self.number(t, at) for t in e.terms)
            case Mul():
                return math.prod(self.number(f, at) for f in e.factors)
            case Power():
                return self.number(e.base, at) ** self.number(e.exponent, at)
            case Reduce():
                row = self.row(e, at)
                return math.fsum(row) if e.op == "sum" else max(row)
            case Apply():
                return self.applied(e.function, self.number(e.argument, at))
        raise AssertionError(e)

    def row(self, e: Reduce, at: dict[str, int]) -> list[float]:
        size = self.network.length(e.size)
        assert size is not None
        return [self.number(e.body, {**at, e.index: n}) for n in range(1, size + 1)]

    def applied(self, function: str, u: float) -> float:
        plain = {
            "exp": math.exp,
            "log": math.log,
            "tanh": math.tanh,
            "sin": math.sin,
            "cos": math.cos,
            "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
            "sigmoid'": lambda u: math.exp(-u) / (1 + math.exp(-u)) ** 2,
            "relu": lambda u: max(u, 0.0),
            "step": lambda u: float(u > 0),
        }
        return plain[function](u)


def shape_of(network: Network, name: str) -> tuple[int, ...]:
    return tuple(network.length(s) or 0 for s in network[name.removeprefix(ADJOINT)].shape)


def compare(network: Network, seed: int = 0) -> None:
    """All values and adjoints of one sample, lowered and read plainly."""
    random = np.random.default_rng(seed)
    values = {
        q.name: random.uniform(0.2, 1.5, shape_of(network, q.name))
        if not isinstance(q.value, Fraction)
        else np.array(float(q.value))
        for q in network.quantities.values()
        if q.kind != "computed"
    }
    adjoints = backprop(network).adjoints
    found = prepare(lower(network, adjoints, lifted=False))(values)
    reading = Reading(network, values)
    for equation in (*network.equations.values(), *adjoints.values()):
        reading.add(equation, shape_of(network, equation.name))
        expected = reading.values[equation.name]
        assert found[equation.name].shape == expected.shape
        np.testing.assert_allclose(
            found[equation.name], expected, rtol=1e-11, atol=1e-12, err_msg=equation.name
        )


NETWORKS = {
    "literal indices": """
        input x[3]
        weight w[2,3]
        u = w[1,2]*x[3] + w[2,2]*x[1]
        loss J = u^2/2""",
    "a diagonal and a trace": """
        input x[3]
        weight w[3,3]
        u[i] = w[i,i]*x[i]
        loss J = sum(i: w[i,i]) * sum(i: u[i])^2""",
    "maximum": """
        input x[4]
        weight w[3,4]
        z[i] = sum(j: w[i,j]*x[j])
        m = max(k: z[k])
        loss J = m^2 + sum(i: max(j: w[i,j]*x[j]))""",
    "delta": """
        input x[3]
        weight w[3,3]
        u[i] = sum(j: (w[i,j] + delta(i,j))*x[j]) + delta(i,2)
        loss J = sum(i: u[i]^2)""",
    "three tensors in one sum": """
        input a[3], b[4]
        weight w[3,4,2], v[2]
        loss J = sum(i,j,k: a[i]*w[i,j,k]*b[j]*v[k])""",
    "an outer product": """
        input a[3], b[4]
        weight w[3,4]
        o[i,j] = a[i]*b[j]*w[i,j]
        loss J = sum(i,j: tanh(o[i,j])^2)""",
    "terms that lack the summed letter": """
        input x[3]
        weight w, b
        loss J = sum(i: w + x[i]*b + 2)^2""",
    "the same letter in two sums": """
        input x[3], y[4]
        weight w[3], v[4]
        loss J = sum(i: w[i]*x[i]) * sum(i: v[i]*y[i]) + sum(i: w[i]*sum(j: v[j]*w[i]))""",
    "shared weights": """
        input x[3]
        weight w[3,3]
        a[i] = sigmoid(sum(j: w[i,j]*x[j]))
        b[i] = sigmoid(sum(j: w[i,j]*a[j]))
        loss J = sum(i: b[i]*a[i])""",
    "softmax by hand": """
        input x[3]
        target y[2]
        weight w[2,3]
        z[i] = sum(j: w[i,j]*x[j])
        e[i] = exp(z[i])
        s = sum(k: e[k])
        p[i] = e[i]/s
        loss J = -sum(i: y[i]*log(p[i]))""",
    "normalised": """
        input x[4]
        weight g[4], w[4,4]
        z[i] = sum(j: w[i,j]*x[j])
        m = sum(i: z[i])/4
        v = sum(i: (z[i] - m)^2)/4
        n[i] = g[i]*(z[i] - m)/(v + 1/10)^(1/2)
        loss J = sum(i: n[i]^2*x[i])""",
    "attention to three positions": """
        input q[2], k[3,2], v[3,2]
        weight w[2,2]
        r[i] = sum(j: w[i,j]*q[j])
        s[t] = sum(i: r[i]*k[t,i])
        a[t] = exp(s[t])/sum(u: exp(s[u]))
        o[i] = sum(t: a[t]*v[t,i])
        loss J = sum(i: o[i]^2)/2""",
    "a dead branch": """
        input x[2]
        weight w[2], dead[2]
        d[i] = dead[i]*x[i]
        loss J = sum(i: w[i]*x[i])^2""",
    "a size as a number": """
        size n = 3
        input x[n]
        weight w[n]
        loss J = sum(i: w[i]*x[i])/n""",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_lowering_is_a_plain_reading(name: str) -> None:
    compare(parse(NETWORKS[name].replace("\n        ", "\n")))


ALIKE = {
    "equal layers": """
        z1[i] = sum(j: w[i,j]*x[j]) + v[i]
        h1[i] = tanh(z1[i])
        z2[i] = sum(j: u[i,j]*h1[j]) + v[i]
        h2[i] = tanh(z2[i])
        z3[i] = sum(j: w[i,j]*h2[j]) + v[i]
        e[i] = tanh(z3[i])""",
    "what is added is the square itself": """
        a[i] = r[i]^2 + v[i]
        b[i] = v[i]^2
        c[i] = v[i]^2 + b[i]
        e[i] = a[i] + c[i]""",
    "what is added was the square itself": """
        b[i] = v[i]^2
        c[i] = v[i]^2 + b[i]
        a[i] = r[i]^2 + v[i]
        e[i] = a[i] + c[i]""",
    "another name for the same": """
        b[i] = v[i]
        a[i] = r[i] - 2*v[i]
        c[i] = b[i] - 2*v[i]
        e[i] = a[i] + c[i]""",
    "a number with a name": """
        n = 3*1
        s = sum(i: v[i])
        a = 2*s
        c = 2*n
        e[i] = (a + c)*x[i]""",
    "other definitions": """
        a[i] = exp(x[i])
        b[i] = 1 + x[i]^2
        c[i] = log(a[i])
        d[i] = log(b[i])
        e[i] = c[i] + d[i]""",
    "other sizes": """
        a = sum(k: t[k])
        b = sum(k: v[k])
        c[i] = a*v[i]
        e[i] = b*c[i]""",
}
"""Equations of the same form, and what they are put into; most must be lowered differently."""


@pytest.mark.parametrize("text", [*ALIKE.values()], ids=[*ALIKE])
def test_equations_of_one_form_are_lowered_as_each_alone(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "input x[3]\nweight w[3,3], u[3,3], v[3], r[3], t[4]\n"
    network = parse(given + text.replace("\n        ", "\n") + "\nloss J = sum(i: e[i]^2)")
    adjoints = backprop(network).adjoints
    together = lower(network, adjoints)
    monkeypatch.setattr(_Lowering, "_form", lambda *_: (None, ()))
    alone = lower(network, adjoints)
    assert (together, [i.origin for i in together.instructions]) == (
        alone, [i.origin for i in alone.instructions],
    )  # fmt: skip


LETTERS = ("i", "j", "k")
LEAVES: st.SearchStrategy[Expr] = st.one_of(
    st.integers(-3, 3).map(Number),
    st.sampled_from(LETTERS).map(lambda i: Ref("x", (i,))),
    st.tuples(st.sampled_from((*LETTERS, 1, 2)), st.sampled_from(LETTERS)).map(
        lambda ij: Ref("w", ij)
    ),
    st.tuples(st.sampled_from(LETTERS), st.sampled_from((*LETTERS, 2))).map(lambda p: Delta(*p)),
)


def _grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    row = st.lists(inner, min_size=2, max_size=3).map(tuple)
    reduced = st.tuples(st.sampled_from(("sum", "sum", "max")), st.sampled_from(LETTERS), inner)
    return st.one_of(
        row.map(Add),
        row.map(Mul),
        inner.map(lambda e: Power(e, Number(2))),
        inner.map(lambda e: Apply("tanh", e)),
        inner.map(lambda e: Power(Add((Number(2), Apply("sigmoid", e))), Number(-1))),
        inner.map(lambda e: Apply("sigmoid", e)),
        reduced.map(lambda r: Reduce(r[0], r[1], 3, r[2])),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, _grown, max_leaves=12))
def test_any_expression_is_lowered_right(e: Expr) -> None:
    """Whatever the nesting of sums, deltas and letters: also where a letter is bound twice."""
    base = parse("input x[3]\nweight w[3,3]\nu[i,j,k] = x[i]*x[j]*x[k]\nloss J = u[1,2,3]\n")
    equations = [Equation(base.equations["u"].left, e), base.equations["J"]]
    network = Network(base.quantities.values(), equations, "J")
    random = np.random.default_rng(3)
    values = {"x": random.uniform(-1, 1, 3), "w": random.uniform(-1, 1, (3, 3))}
    found = prepare(lower(network, {}, ["u"], lifted=False))(values)["u"]
    reading = Reading(network, values)
    for equation in list(network.equations.values())[:-1]:  # u, and its hidden argument
        reading.add(equation, (3, 3, 3))
    np.testing.assert_allclose(found, reading.values["u"], rtol=1e-9, atol=1e-9)


def test_lifting_is_the_mean_over_samples() -> None:
    """Gradients over samples are the mean of single ones, also of what no sample reaches."""
    text = """
input x[3]
target y[2]
weight w[2,3], c
bias b[2]
v[i,j] = tanh(w[i,j])*c
z[i] = sum(j: v[i,j]*x[j]) + b[i]
h[i] = sigmoid(z[i])
loss J = sum(i: (y[i] - h[i])^2)/2 + sum(i,j: v[i,j]^2)/10
"""
    network = parse(text)
    random = np.random.default_rng(0)
    fixed = {"w": random.normal(size=(2, 3)), "c": np.array(0.7), "b": random.normal(size=2)}
    x, y = random.normal(size=(4, 3)), random.normal(size=(4, 2))
    adjoints = backprop(network).adjoints
    wanted = [MEAN_LOSS, "∂w", "∂c", "∂b", "∂x", "h"]
    lifted = prepare(lower(network, adjoints, wanted))({**fixed, "x": x, "y": y}, 4)
    single = prepare(lower(network, adjoints, ["J", *wanted[1:]], lifted=False))
    rows = [single({**fixed, "x": x[s], "y": y[s]}) for s in range(4)]
    for name, key in (("J", MEAN_LOSS), ("∂w", "∂w"), ("∂c", "∂c"), ("∂b", "∂b")):
        np.testing.assert_allclose(lifted[key], np.mean([r[name] for r in rows], 0), rtol=1e-12)
    for name in ("∂x", "h"):
        np.testing.assert_allclose(lifted[name], [r[name] for r in rows], rtol=1e-12)


def test_a_layer_is_matrix_products_and_shares_what_is_equal() -> None:
    """One matrix product forward, one a weight, one a layer back; sigmoid computed once each."""
    network = parse(
        "input x[8]\ntarget y[4]\nweight w1[6,8], w2[4,6]\nbias b1[6], b2[4]\n"
        "z1[i] = sum(j: w1[i,j]*x[j]) + b1[i]\nh1[i] = sigmoid(z1[i])\n"
        "z2[i] = sum(j: w2[i,j]*h1[j]) + b2[i]\nh2[i] = sigmoid(z2[i])\n"
        "loss J = sum(i: (y[i] - h2[i])^2)/2\n"
    )
    wanted = [ADJOINT + q.name for q in network.trained]
    program = lower(network, backprop(network).adjoints, wanted)
    operations = [i.operation for i in program.instructions]
    products = [o for o in operations if isinstance(o, Contract) and len(o.operands) == 2]
    assert len(products) == 5
    sigmoids = [o for o in operations if isinstance(o, Map) and o.function == "sigmoid"]
    assert len(sigmoids) == 2
    largest = max(math.prod(abs(n) for n in shape) for shape in program.shapes)
    assert largest == 48, "no intermediate is larger than the largest weight"


# -- functions -----------------------------------------------------------------------------

AT = [-3.0, -1.0, -0.25, 0.0, 0.5, 2.5]
EXPECTED = {
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "tanh": math.tanh,
    "relu": lambda u: max(u, 0),
    "leaky_relu": lambda u: u if u > 0 else u / 100,
    "elu": lambda u: u if u > 0 else math.expm1(u),
    "softplus": lambda u: math.log1p(math.exp(u)),
    "silu": lambda u: u / (1 + math.exp(-u)),
    "gelu": lambda u: u * math.erfc(-u / math.sqrt(2)) / 2,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "erf'": lambda u: 2 / math.sqrt(math.pi) * math.exp(-u * u),
    "sign": lambda u: (u > 0) - (u < 0),
    "step": lambda u: float(u > 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_function_row(name: str, dtype: type[np.floating[Any]]) -> None:
    points = [abs(u) + 0.5 for u in AT] if FUNCTIONS[name].domain else AT
    given_points = np.array(points, dtype=dtype)
    found = ELEMENTWISE[FUNCTIONS[name].numpy](given_points)
    assert found.dtype == dtype
    expected = [EXPECTED[name](float(u)) for u in given_points]
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=0)


def test_erf_has_the_digits_of_the_c_library() -> None:
    u = np.linspace(-6, 6, 3001)
    np.testing.assert_allclose(ELEMENTWISE["erf"](u), [math.erf(v) for v in u], rtol=2e-15)


@pytest.mark.parametrize(
    ("dtype", "least", "units"), [(np.float32, -12, 0.6), (np.float64, -36, 7)]
)
def test_gelu_keeps_its_digits_in_the_tail(dtype: type, least: float, units: float) -> None:
    """In units in the last place of the true value, in ball arithmetic."""
    u = np.concatenate([np.linspace(least, 6, 2001), np.linspace(-2.1, 0.1, 500)]).astype(dtype)
    for x, found in zip(u, ELEMENTWISE["gelu"](u), strict=True):
        with ctx.workprec(160):
            true = arb(float(x)) / 2 * (-arb(float(x)) / arb(2).sqrt()).erfc()
            off = abs(float((arb(float(found)) - true).mid()))
        assert off <= units * np.spacing(dtype(abs(float(true.mid())))), x


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh", "elu", "silu", "gelu", "erf"])
def test_far_arguments(name: str) -> None:
    limits = {
        "sigmoid": (0, 1), "softplus": (0, 1e4), "tanh": (-1, 1), "elu": (-1, 1e4),
        "silu": (0, 1e4), "gelu": (0, 1e4), "erf": (-1, 1),
    }  # fmt: skip
    with np.errstate(over="raise", invalid="raise"):
        found = ELEMENTWISE[name](np.array([-1e4, 1e4]))
    assert tuple(found) == limits[name]


# -- large logits --------------------------------------------------------------------------

HEAD = """
input x = 1
target y[3] = [0, 1, 0]
weight w[3] = [{0}, {1}, {2}]
z[i] = w[i]*x
"""
SOFTMAX = {
    "as one quotient": "p[i] = exp(z[i])/sum(k: exp(z[k]))\nloss J = -sum(i: y[i]*log(p[i]))",
    "with named parts": (
        "e[i] = exp(z[i])\ns = sum(k: e[k])\np[i] = e[i]/s\nloss J = -sum(i: y[i]*log(p[i]))"
    ),
    "with a named logarithm": (
        "p[i] = exp(z[i])/sum(k: exp(z[k]))\nl[i] = log(p[i])\nloss J = -sum(i: y[i]*l[i])"
    ),
    "as log-sum-exp": "loss J = log(sum(k: exp(z[k]))) - sum(i: y[i]*z[i])",
    "in one line": "loss J = -sum(i: y[i]*log(exp(z[i])/sum(k: exp(z[k]))))",
}


@pytest.mark.parametrize("logits", [(1000, -1000, 0), (-1000, 1000, 999), (700, 710, -710)])
@pytest.mark.parametrize("form", SOFTMAX)
def test_softmax_of_large_logits(form: str, logits: tuple[int, int, int]) -> None:
    numbers = evaluate(parse(HEAD.format(*logits) + SOFTMAX[form] + "\n"))
    top = max(logits)
    weights = [math.exp(z - top) for z in logits]
    share = [w / sum(weights) for w in weights]
    loss = top + math.log(sum(weights)) - logits[1]
    assert numbers.loss == pytest.approx(loss, rel=1e-12, abs=1e-300)
    expected = [p - y for p, y in zip(share, (0, 1, 0), strict=True)]
    np.testing.assert_allclose(numbers.adjoints["z"], expected, rtol=1e-9, atol=1e-15)


SIGMOID = {
    "sigmoid": "p = sigmoid(z)",
    "written out": "p = 1/(1 + exp(-z))",
}


@pytest.mark.parametrize("z", [-1000, -30, 0, 30, 1000])
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("form", SIGMOID)
def test_binary_cross_entropy_of_large_logits(form: str, y: int, z: int) -> None:
    numbers = evaluate(
        parse(
            f"input x = 1\ntarget y = {y}\nweight w = {z}\nz = w*x\n{SIGMOID[form]}\n"
            "loss J = -(y*log(p) + (1 - y)*log(1 - p))\n"
        )
    )
    signed = -z if y else z
    loss = max(signed, 0) + math.log1p(math.exp(-abs(signed)))
    p = 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))
    assert numbers.loss == pytest.approx(loss, rel=1e-12)
    assert numbers.gradients["w"] == pytest.approx(p - y, rel=1e-9, abs=1e-15)


ACTIVATIONS = {
    "h = (exp(z) - exp(-z))/(exp(z) + exp(-z))": (-1, 0, 1, 0),  # tanh
    "e = exp(z)\nf = exp(-z)\nh = (e - f)/(e + f)": (-1, 0, 1, 0),
    "h = 1/(1 + exp(-z))": (0, 0, 1, 0),  # sigmoid
    "e = exp(-z)\nh = 1/(1 + e)": (0, 0, 1, 0),
    "e = exp(z)\nh = e/(e + 1)": (0, 0, 1, 0),
    "h = log(1 + exp(z))": (0, 0, 1000, 1000),  # softplus
    "h = z/(1 + exp(-z))": (0, 0, 1000, 1000),  # silu
    "h = 1/(exp(z) + exp(-z))": (0, 0, 0, 0),
    "h = log(exp(z) + exp(2*z))": (-1000, -1000, 2000, 4000),
    "h = exp(-z^2)": (0, 0, 0, 0),
}


@pytest.mark.parametrize("text", ACTIVATIONS)
def test_activations_written_with_exponentials(text: str) -> None:
    """h and ∂(h²/2)/∂z at z = -1000 and 1000, where e^1000 is beyond every float."""
    found = []
    for z in (-1000, 1000):
        numbers = evaluate(parse(f"input x = 1\nweight z = {z}\n{text}\nloss J = x*h^2/2\n"))
        found += [float(numbers.values["h"]), float(numbers.gradients["z"])]
    np.testing.assert_allclose(found, ACTIVATIONS[text], rtol=1e-12, atol=1e-300)


# -- evaluate ------------------------------------------------------------------------------

TWO = "input x[2]{x}\ntarget y{y}\nweight w[2]{w}\nbias b\no = sum(j: w[j]*x[j]) + b\n"
TWO += "loss E = (y - o)^2/2\n"


def test_missing_weights_are_drawn_by_the_seed() -> None:
    network = parse(TWO.format(x=" = [1, 2]", y=" = 1", w=""))
    first, again, other = (evaluate(network, seed=s) for s in (0, 0, 1))
    assert first.loss == again.loss != other.loss
    assert any("w drawn" in note and "seed 0" in note for note in first.notes)
    assert any("b set to 0" in note for note in first.notes)


def test_given_weights_are_not_drawn() -> None:
    numbers = evaluate(parse(TWO.format(x=" = [1, 2]", y=" = 1", w=" = [3, 4]")), eta=0.5)
    assert numbers.values["o"] == 11
    assert numbers.loss == 50
    assert numbers.updated is not None
    # ∂E/∂w = 10 x, so w - 0.5*10*(1, 2)
    np.testing.assert_allclose(numbers.updated["w"], [-2, -6])
    assert not any("w drawn" in note for note in numbers.notes)


def test_json_has_the_stated_keys() -> None:
    network = parse(
        "input x = 1\nweight w = 2\nu = sigmoid(w*x + 1)\nloss E = u^2\n"  # u.argument is hidden
    )
    found = evaluate(network, eta=0.1).as_json()
    assert list(found) == ["loss", "values", "adjoints", "gradients", "updated", "loss_after"]
    assert set(found["values"]) == set(found["adjoints"]) == {"u", "E"}
    assert set(found["gradients"]) == {"x", "w"}
    assert set(found["updated"]) == {"w"}
    assert json.loads(json.dumps(found)) == found
    assert "updated" not in evaluate(network).as_json()


def test_a_dead_weight_has_gradient_zero_and_a_note() -> None:
    numbers = evaluate(parse("input x = 1\nweight w = 2, dead = 5\nloss E = (w*x)^2\n"))
    assert numbers.gradients["dead"] == 0
    assert any(note.startswith("dead does not reach the loss") for note in numbers.notes)


@pytest.mark.parametrize(
    ("x", "said"), [("-1", "u is not finite"), ("0", "u is not finite"), ("1", None)]
)
def test_what_is_not_finite_is_named(x: str, said: str | None) -> None:
    notes = evaluate(parse(f"input x = {x}\nu = log(x)\nloss E = u^2 + x\n")).notes
    found = [note for note in notes if "not finite" in note]
    assert found == [] if said is None else found[0].startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO.format(x="", y=" = 1", w=""), "give x a value in the file: input x[2] = [0.05, 0.05]"),
        (TWO.format(x=" = [1, 2]", y="", w=""), "give y a value in the file: target y = 0.05"),
        ("size n\ninput x[n]\nloss E = sum(i: x[i])\n", "the size n of x has no number"),
        ("function g\ninput x = 1\nloss E = g(x)\n", "the function g is only a name"),
        (
            "target y[2] = [0.5, 0.6] with sum(k: y[k]) = 1\nweight w = 1\n"
            "loss E = sum(k: w*y[k])\n",
            "y breaks its promise sum(k: y[k]) = 1: it is off by 0.1",
        ),
        (
            "input x = 1\nweight w[10000000,10000000]\nloss E = x*sum(i,j: w[i,j])\n",
            "800 TB; this machine has",
        ),
        (
            "input x = 1\nweight u[1000000], w[1000000]\n"
            "loss E = x*sum(i,j: tanh(u[i]*w[j]))\n",
            "TB; this machine has",
        ),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_had(text: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        evaluate(parse(text))
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["weight w = 1e400\nloss L = w", "weight w = 1\nloss L = 1e400*w"])
def test_numbers_beyond_floating_point_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="larger than floating point"):
        evaluate(parse(text))
