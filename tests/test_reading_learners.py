"""What learners write and no grammar of formulas foresees, read and judged at the front door."""

from __future__ import annotations

import pytest

import backprove as bp
from backprove.language import load, parse

NEURON = """
input  a_3
target y
weight w_4
bias   b_4
z_4 = w_4*a_3 + b_4
a_4 = sigmoid(z_4)
loss C = (a_4 - y)^2 / 2
"""
RESIDUAL = """
input x
target y
weight w, v
h = tanh(w*x)
o = v*h + x
u = h + o
loss L = (u - y)^2
"""
UNROLLED = """
input  x_1, x_2, x_3, h_0
target y
weight u, w
h_1 = tanh(u*h_0 + w*x_1)
h_2 = tanh(u*h_1 + w*x_2)
h_3 = tanh(u*h_2 + w*x_3)
loss E = (h_3 - y)^2 / 2
"""
NAMED = """
input  x_1, x_2, h_0
target y
weight u, w
z_1 = u*h_0 + w*x_1
h_1 = tanh(z_1)
z_2 = u*h_1 + w*x_2
h_2 = tanh(z_2)
loss E = (h_2 - y)^2 / 2
"""
SOFTMAX = """
input  x[2]
target t[k] with sum(k: t[k]) = 1
weight W[3,2]
z[i] = sum(j: W[i,j]*x[j])
O[i] = exp(z[i]) / sum(k: exp(z[k]))
loss E = -sum(i: t[i]*log(O[i]))
"""
LINE = """
input x
target r
weight p, q
y = p*x + q
loss E = (r - y)^2
"""
NETS = """
input  x
target t
weight w_5
net_o1 = w_5*x
out_o1 = sigmoid(net_o1)
loss E = (t - out_o1)^2 / 2
"""
DEEPLIZARD = [
    r"\frac{∂C_{0_1}}{∂a_1^{(L)}} = 2(a_1^{(L)} - y_1)",
    r"\frac{∂a_1^{(L)}}{∂z_1^{(L)}} = g^{\prime (L)}(z_1^{(L)})",
    r"\frac{∂a_1^{(L)}}{∂z_1^{(L)}} = g^{^{\prime }\left( L\right) }\left( z_1^{(L)}\right)",
]
ALONE = "input z\nweight w, b\nloss J = (sigmoid(w*z + b))^2"
NUMBER = "input z\nloss J = z^2"

RIGHT = [
    # functions without their argument
    (ALONE, "", r"\frac{d\sigma}{dz} = \sigma(1-\sigma)"),
    (ALONE, "", r"\frac{d\sigma}{dz}(z) = \sigma(z)(1-\sigma(z))"),
    (ALONE, "", r"\frac{d\sigma}{dz} = \sigma(z)(1-\sigma(z))"),
    (ALONE, "", r"\sigma' = \sigma(1-\sigma)"),
    (ALONE, "", r"\sigma'(x) = \sigma(1-\sigma)"),
    (ALONE, "", r"\tanh' = 1 - \tanh^2"),
    (NEURON, "w_4", r"(a_4-y)\sigma' a_3"),
    (NEURON, "w_4", r"(a_4-y)f' a_3"),
    # unnamed arguments are not held; each derivative may be local or total
    (RESIDUAL, "w", "2(u-y)(∂u/∂h + ∂u/∂o ∂o/∂h) ∂h/∂w"),
    (UNROLLED, "", "∂h_2/∂u = (1-h_2^2) h_1"),
    (UNROLLED, "u", "∂E/∂h_3 (∂h_3/∂u + ∂h_3/∂h_2 ∂h_2/∂u)"),
    (NAMED, "", "∂h_2/∂u = (1-h_2^2) h_1"),
    (NAMED, "u", "∂E/∂h_2 (∂h_2/∂u + ∂h_2/∂h_1 ∂h_1/∂u)"),
    (NEURON, "w_4", r"(a_4-y)a_4(1-a_4) * a_3 * w_4^{(1 - 1)}"),
    (UNROLLED, "u", "∂E/∂h_3 (∂h_3/∂u + ∂h_3/∂h_2 (∂h_2/∂u + ∂h_2/∂h_1 ∂h_1/∂u))"),
    # definitions behind what they are used in
    (NEURON, "w_4", r"\frac{∂C}{∂w_4} = δ a_3 \text{ where } δ = (a_4-y)a_4(1-a_4)"),
    (NEURON, "w_4", r"\frac{∂C}{∂w_4} = e a_4(1-a_4)a_3, \quad \text{with } e = a_4 - y"),
    (NEURON, "w_4", "∂C/∂w_4 = δ a_3\nwhere δ = (a_4 - y) a_4 (1 - a_4)"),
    (NEURON, "w_4", "δ a_3, where δ = (a_4 - y) a_4 (1 - a_4)"),
    (NEURON, "w_4", r"\frac{∂C}{∂w_4} = δ a_3, where δ = (a_4-y)g, g = a_4(1-a_4)"),
    # a difference is found up to its sign
    (NEURON, "w_4", r"e = y - a_4\\ \frac{∂C}{∂e} = e\\ \frac{∂C}{∂w_4} = -e a_4(1-a_4)a_3"),
    (NEURON, "a_4", r"e = y - a_4\\ \frac{∂C}{∂a_4} = \frac{∂C}{∂e} \frac{∂e}{∂a_4}"),
    # conditions beside a claim
    (SOFTMAX, "", r"\frac{∂O_i}{∂z_j} = -O_iO_j \quad (i \neq j)"),
    (SOFTMAX, "", r"\frac{∂O_i}{∂z_j} = -O_iO_j \text{ for } i \neq j"),
    (SOFTMAX, "", r"\frac{∂O_i}{∂z_j} = O_i(1-O_i) \text{ if } i = j"),
    (SOFTMAX, "", "∂O_i/∂z_j = -O_i O_j, i ≠ j"),
    (NUMBER, "", "relu'(z) = 1 when z > 0"),
    # functions and what they are put together from
    (
        NUMBER,
        "",
        r"\frac{d}{dz}\max(0.1z, z) = \begin{cases} 1 & z > 0 \\ 0.1 & z < 0\end{cases}",
    ),
    (NUMBER, "", r"\left(\frac{1}{1+e^{-z}}\right)' = \frac{e^{-z}}{(1+e^{-z})^2}"),
    (NUMBER, "", r"\tanh'(z) = \text{sech}^2(z)"),
    (NUMBER, "", r"\tanh'(z) = \frac{1}{\cosh^2 z}"),
    (NUMBER, "", r"\tanh(z) = \frac{\sinh z}{\cosh z}"),
    (NUMBER, "", r"\sigma''(z) = \sigma'(z)(1-2\sigma(z))"),
    # marks above
    (NETS, "", r"out_{o1} = \frac{1}{1+e^{-net_{o1}}}"),
    (NETS, "", r"w_5^{new} = w_5 - \eta \frac{∂E}{∂w_5}"),
    (NETS, "", r"w_5^{+} = w_5 - \eta \frac{∂E}{∂w_5}"),
    # a plain text read letter by letter
    (LINE, "p", "-2(r-px-q)x"),
    (LINE, "p", "-2x(r-(px+q))"),
    # a sum over scalars that differ by a number
    (UNROLLED, "u", r"\sum_{t=1}^3 \frac{∂E}{∂h_t}(1-h_t^2)h_{t-1}"),
    # a parenthesis too much, in the words of a source
    (RESIDUAL, "", r"{\partial (v.h)) \over \partial v} = h"),
    # components of brackets
    (SOFTMAX, "", r"z_i = (W x)_i"),
    (SOFTMAX, "", r"\frac{∂E}{∂x_j} = \left[W^T (O - t)\right]_{j}"),
    (SOFTMAX, "", r"\frac{∂E}{∂W_{ij}} = ((O - t) x^T)_{ij}"),
    (SOFTMAX, "", r"O_k = \text{softmax}(z)_k"),
]


def verdict(network: str, quantity: str, answer: str) -> bp.Verdict:
    made = parse(network)
    if quantity:
        return bp.check(made, quantity, answer)
    return bp.check(made, claim=answer)


@pytest.mark.parametrize(("network", "quantity", "answer"), RIGHT)
def test_right(network: str, quantity: str, answer: str) -> None:
    found = verdict(network, quantity, answer)
    assert found.verdict == "right", found


WRONG = [
    (ALONE, "", r"\frac{d\sigma}{dz} = \sigma(1+\sigma)"),
    (ALONE, "", r"\sigma' = \sigma"),
    (NEURON, "w_4", r"(a_4-y)\sigma a_3"),
    (RESIDUAL, "w", "2(u-y) ∂u/∂o ∂o/∂h ∂h/∂w"),
    (UNROLLED, "", "∂h_2/∂u = (1-h_2) h_1"),
    (NEURON, "w_4", r"\frac{∂C}{∂w_4} = δ a_3 \text{ where } δ = (a_4-y)a_4(1+a_4)"),
    (NEURON, "w_4", r"e = y - a_4\\ \frac{∂C}{∂e} = -e\\ \frac{∂C}{∂w_4} = -e a_4(1-a_4)a_3"),
    (SOFTMAX, "", r"\frac{∂O_i}{∂z_j} = O_iO_j \quad (i \neq j)"),
    (SOFTMAX, "", r"\frac{∂O_i}{∂z_j} = O_i(1-O_i) \text{ if } i \neq j"),
    (NUMBER, "", "relu'(z) = z when z > 0"),
    (NUMBER, "", r"\tanh'(z) = \text{sech}(z)"),
    (NETS, "", r"w_5^{+} = w_5 + \eta \frac{∂E}{∂w_5}"),
    (NETS, "w_5", r"(out_{o1} - t) out_{o1} (1 - out_{o1}) w_5^{+}"),
    (SOFTMAX, "", r"\frac{∂E}{∂W_{ij}} = (x (O - t)^T)_{ji} x_j"),
]


@pytest.mark.parametrize(("network", "quantity", "answer"), WRONG)
def test_wrong(network: str, quantity: str, answer: str) -> None:
    found = verdict(network, quantity, answer)
    assert found.verdict == "wrong", found


@pytest.mark.parametrize("claim", DEEPLIZARD)
def test_marks_of_one_notation(claim: str) -> None:
    found = bp.check(load("examples/deeplizard.bp"), claim=claim, notation="deeplizard")
    assert found.verdict == "right", found


def test_a_delta_needs_an_index() -> None:
    found = verdict(NETS, "w_5", r"δ_{o1} x")
    assert found.verdict == "unreadable", found
    assert "o is no index in this line" in str(found.as_json()["summary"])


UNREADABLE = [
    (LINE, "p", "2(foo-y)x", "foo is not known"),
    (SOFTMAX, "z[i]", r"\frac{∂E}{∂z_i} = W_ij", "write W_{ij}"),
    (UNROLLED, "u", r"\sum_{t=1}^7 \frac{∂E}{∂h_t}(1-h_t^2)h_{t-1}", "h_t is not known"),
]


@pytest.mark.parametrize(("network", "quantity", "answer", "says"), UNREADABLE)
def test_unreadable(network: str, quantity: str, answer: str, says: str) -> None:
    found = verdict(network, quantity, answer)
    assert found.verdict == "unreadable", found
    assert says in str(found.as_json()["summary"])


def test_what_is_stated() -> None:
    says = verdict(NEURON, "w_4", r"(a_4-y)f' a_3").readings
    assert any("f' without an argument is taken at z_4" in text for text in says)
    says = verdict(UNROLLED, "u", "∂E/∂h_3 (∂h_3/∂u + ∂h_3/∂h_2 ∂h_2/∂u)").readings
    assert any("taken as total: ∂h_2/∂u" in text for text in says)
    says = verdict(SOFTMAX, "", "∂O_i/∂z_j = -O_i O_j, i ≠ j").readings
    assert any("judged where i ≠ j only" in text for text in says)
