"""The judge, through its front door: what learners write, and what a fair judge says of it.

The first table holds published questions; the others hold mistakes that courses and
Q&A sites answer again and again, written from the mathematics and not from the program.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import backprove as bp
from backprove.cli import app
from backprove.judge import KINDS
from backprove.network import Network

LINEAR = """
input  i
target t
weight w_h, w_o
r_h = w_h * i
r_o = w_o * r_h
loss E = (t - r_o)^2 / 2
"""
NEURON = """
input  x[n]
size   n = 3
target y
weight w[n]
bias   b
z = sum(j: w[j]*x[j]) + b
a = sigmoid(z)
loss J = (y - a)^2 / 2
"""
CLASSES = """
# three classes; z are the scores
input  x[2]
target t[k] with sum(k: t[k]) = 1
weight W[3,2]
z[i] = sum(j: W[i,j]*x[j])
O[i] = exp(z[i]) / sum(k: exp(z[k]))
loss E = -sum(i: t[i]*log(O[i]))
"""
FIRST_CLASS = CLASSES.replace("target t[k] with sum(k: t[k]) = 1", "target t[3] = [1, 0, 0]")
BATCH = """
size   m = 4, n = 3
input  x[n,m]
target y[1,m]
weight W[1,n]
z[i,s] = sum(j: W[i,j]*x[j,s])
a[i,s] = sigmoid(z[i,s])
loss J = -sum(s: sum(i: y[i,s]*log(a[i,s]) + (1 - y[i,s])*log(1 - a[i,s]))) / m
"""
THREE = """
# three layers of different widths
input  x[4]
target y[2]
weight W1[5,4], W2[3,5], W3[2,3]
z1[i] = sum(j: W1[i,j]*x[j])
a1[i] = sigmoid(z1[i])
z2[i] = sum(j: W2[i,j]*a1[j])
a2[i] = sigmoid(z2[i])
z3[i] = sum(j: W3[i,j]*a2[j])
a3[i] = sigmoid(z3[i])
loss E = sum(i: (a3[i] - y[i])^2) / 2
"""
LOGISTIC = "input x\nloss y = 1/(1 + exp(-x))\n"
DIFFERENCE = "input h\ntarget y\nloss J = y^2 - h^2\n"
RESIDUAL = """
input x
target y
weight w, v
h = tanh(w*x)
o = v*h + x
u = h + o
loss L = (u - y)^2
"""
MLP = "mlp:2-3-2,sigmoid,squared_error"
DEEP = "mlp:2-3-3-2,tanh/sigmoid,squared_error"


@dataclass(frozen=True)
class Case:
    """An answer and what a fair judge says: the verdict, the kinds that may come first, the
    number of the first wrong line."""

    id: str
    network: str
    quantity: str
    answer: str
    verdict: str = "right"
    kinds: tuple[str, ...] = ()
    notation: str = "as-written"
    line: int | None = None
    convention: str = ""


OTHER = "right-under-another-convention"

PUBLISHED = [
    Case("two-layer-missing-loss-factor", "mlp:1-1-1,sigmoid,sse,nobias", "w1[1,1]",
         r"a_{L-2}\,\sigma'(z_{L-1})\,\sigma'(w_L a_{L-1})\,w_L", "wrong", ("missing-factor",)),
    Case("softmax-same-gradient-twice", CLASSES, "z[2]", "O_1 - t_1", "wrong", ("wrong-index",)),
    Case("softmax-same-gradient-first-class", FIRST_CLASS, "z[2]", "O_1 - 1", "wrong",
         ("wrong-index",)),
    Case("softmax-first-class-right", FIRST_CLASS, "z[1]", "O_1 - 1"),
    Case("sigmoid-derivative-sign", LOGISTIC, "x", r"-\frac{e^{-x}}{(1+e^{-x})^2}", "wrong",
         ("sign",)),
    Case("sigmoid-derivative", LOGISTIC, "x", r"\frac{e^{-x}}{(1+e^{-x})^2}"),
    Case("delta-without-activation-derivative", NEURON, "z", "a - y", OTHER, ("missing-factor",),
         convention="other loss"),
    Case("one-over-m-twice", BATCH, "W", r"\frac{1}{m}\cdot\frac{a-y}{m} x^T", "wrong",
         ("constant-factor",)),
    Case("one-over-m-once", BATCH, "W", r"\frac{1}{m} (a-y) x^T"),
    Case("chain-factor-twice", THREE, "W1",
         r"(W_3^T ((W_3^T ((a_3-y) \odot \sigma'(z_3))) \odot \sigma'(z_2))"
         r" \odot \sigma'(z_1)) x^T", "wrong", ("shape",)),
    Case("source-004-own-slip", DIFFERENCE, "h", "2h", "wrong", ("sign",)),
    Case("source-004-square-loss", DIFFERENCE.replace("y^2 - h^2", "(y - h)^2"), "h", "-2(y-h)"),
]  # fmt: skip

LINES = [
    Case("the-article-003", LINEAR, "w_o", r"""
E &= {(t - (w_o.(w_h.i)))^2\over 2} \text { (from eq.(1.2))}\\
{\partial E\over \partial w_{o}}&={\partial {(t - (w_o.(w_h.i)))^2\over 2}\over \partial w_o}\\
&={1 \over 2}.{\partial {(t - (w_o.w_h.i))^2}\over \partial w_{o}} \text{ ... eq.(2.1)}\\
&={1 \over 2}.{2(t - (w_o.w_h.i))}.{\partial (t - (w_o.w_h.i))\over \partial w_{o}}\\
&={(t - (w_o.w_h.i))}.(-w_h.i) \\
&=-{(t - (w_o.w_h.i))}.(w_h.i) \text{ ... eq.(2.3)}\\
"""),
    Case("the-article-003-sign-lost", LINEAR, "w_o", r"""
{\partial E\over \partial w_{o}}&={\partial {(t - (w_o.(w_h.i)))^2\over 2}\over \partial w_o}\\
&={1 \over 2}.{2(t - (w_o.w_h.i))}.{\partial (t - (w_o.w_h.i))\over \partial w_{o}}\\
&={(t - (w_o.w_h.i))}.(w_h.i) \\
&=(w_h.i).{(t - (w_o.w_h.i))}\\
""", "wrong", ("sign",), line=3),
    Case("two-mistakes-that-cancel", LINEAR, "w_h",
         "= (t - r_o)*w_o*i\n= -(t - r_o)*w_o*i", "wrong", ("sign",), line=1),
    Case("mistake-in-the-middle-mended", LINEAR, "w_h", r"""
\frac{\partial E}{\partial w_h} = -(t - r_o) w_o i
= (t - r_o) w_o i
= (r_o - t) w_o i
""", "wrong", ("sign",), line=2),
    Case("a-definition-first", NEURON, "w[1]", r"""
let \delta = (a - y) a (1 - a)
\frac{\partial J}{\partial w_1} = \delta x_1
"""),
    Case("a-definition-then-a-bare-answer", NEURON, "w[1]",
         r"let \delta = (a - y) a (1 - a) \\ \delta x_1"),
    Case("a-definition-in-steps-then-a-bare-answer", NEURON, "w[1]",
         "d = (a - y)*sigmoid'(z)\n= (a - y)*a*(1 - a)\nd*x_1"),
    Case("a-definition-then-a-bare-outer-product", THREE, "W3",
         r"let d = (a_3 - y) \odot \sigma'(z_3) \\ d a_2^T"),
    Case("a-definition-then-a-wrong-bare-answer", NEURON, "w[1]",
         r"let \delta = (a - y) a \\ \delta x_1", "wrong", ("missing-factor",), line=2),
    Case("a-wrong-claim-beside", NEURON, "w[1]", r"""
\frac{\partial a}{\partial z} = a (1 + a)
\frac{\partial J}{\partial w_1} = (a - y) a (1 - a) x_1
""", "wrong", ("sign", "wrong-function-derivative"), line=1),
    Case("chain-on-one-line", LINEAR, "w_h", "∂E/∂w_h = (r_o - t)*∂r_o/∂w_h = (r_o - t)*w_o*i"),
    Case("chain-on-one-line-wrong", LINEAR, "w_h",
         "∂E/∂w_h = (r_o - t)*∂r_o/∂w_h = (r_o - t)*w_h*i", "wrong", ("wrong-layer",), line=2),
]  # fmt: skip

CHAINS = [
    Case("hidden-weight", MLP, "w1[j,k]",
         r"\sum_i (h_i^{(3)} - y_i)\,\sigma'(z_i^{(3)})\,w_{ij}^{(2)}\,\sigma'(z_j^{(2)})\,x_k"),
    Case("hidden-weight-no-sum", MLP, "w1[j,k]",
         r"(h_j^{(3)} - y_j)\,\sigma'(z_j^{(3)})\,w_{jj}^{(2)}\,\sigma'(z_j^{(2)})\,x_k",
         "wrong"),
    Case("hidden-weight-letter-unsummed", MLP, "w1[j,k]",
         r"\frac{\partial J}{\partial w^{(1)}_{jk}} ="
         r" (h_i^{(3)} - y_i)\,\sigma'(z_i^{(3)})\,w_{ij}^{(2)}\,\sigma'(z_j^{(2)})\,x_k",
         "wrong", ("missing-sum",)),
    Case("hidden-weight-transposed", MLP.replace("2-3-2", "2-2-2"), "w1[j,k]",
         r"\sum_i (h_i^{(3)} - y_i)\,\sigma'(z_i^{(3)})\,w_{ji}^{(2)}\,\sigma'(z_j^{(2)})\,x_k",
         "wrong", ("wrong-index",)),
    Case("derivative-at-the-activation", MLP, "z3[i]", r"(h^{(3)}_i - y_i) \sigma'(h^{(3)}_i)",
         "wrong", ("derivative-at-wrong-place",)),
    Case("sigma-for-its-derivative", MLP, "z3[i]", r"(h^{(3)}_i - y_i) \sigma(z^{(3)}_i)",
         "wrong", ("wrong-function-derivative",)),
    Case("tanh-without-square", DEEP, "z2[i]",
         "sum(k: w2[k,i]*∂z3[k])*(1 - h2[i])", "wrong", ("wrong-function-derivative",)),
    Case("previous-activation", DEEP, "w3[i,j]", "∂z4[i]*h2[j]", "wrong", ("wrong-layer",)),
    Case("bias-times-input", MLP, "b1[i]", "∂z2[i]*x[1]", "wrong",
         ("bias-as-weight", "extra-factor")),
    Case("weight-without-input", MLP, "w1[i,j]", "∂z2[i]", "wrong",
         ("missing-factor", "bias-as-weight")),
    Case("factor-two-of-the-other-loss", "mlp:2-3-2,sigmoid,sse", "z3[i]",
         "(h3[i] - y[i])*h3[i]*(1 - h3[i])", OTHER, ("constant-factor",), convention="one half"),
    Case("sign-of-delta", MLP, "z3[i]", "(y[i] - h3[i])*h3[i]*(1 - h3[i])", OTHER, ("sign",),
         convention="sign of the error signal"),
    Case("sign-of-a-gradient", MLP, "w2[i,j]", "(y[i] - h3[i])*h3[i]*(1 - h3[i])*h2[j]", "wrong",
         ("sign",)),
    Case("skip-path-forgotten", RESIDUAL, "w", "2*(u - y)*v*(1 - h^2)*x", "wrong",
         ("missing-term",)),
    Case("skip-path", RESIDUAL, "w", "2*(u - y)*(v + 1)*(1 - h^2)*x"),
    Case("softmax-diagonal-only", CLASSES, "z[i]", "-t[i]*(1 - O[i])", "wrong",
         ("missing-sum", "missing-term")),
    Case("softmax", CLASSES, "z", "O - t"),
    Case("softmax-weights", CLASSES, "W", r"(O - t) x^\top"),
    Case("matrix-form", THREE, "W2",
         r"\left(W_3^T \left((a_3 - y) \odot \sigma'(z_3)\right) \odot \sigma'(z_2)\right) a_1^T"),
    Case("matrix-not-transposed", THREE, "W2",
         r"\left(W_3 \left((a_3 - y) \odot \sigma'(z_3)\right) \odot \sigma'(z_2)\right) a_1^T",
         "wrong", ("shape",)),
    Case("matrix-layout", THREE, "W2",
         r"a_1 \left(W_3^T \left((a_3 - y) \odot \sigma'(z_3)\right) \odot \sigma'(z_2)\right)^T",
         OTHER, ("shape", "wrong-index"), convention="index order"),
    Case("updated-weight", "mlp:1-1-1,sigmoid,squared_error,nobias", "w1[1,1]",
         r"(h_1^{(3)} - y_1) \sigma'(z_1^{(3)}) \left(w_{11}^{(2)} - \eta \frac{\partial J}"
         r"{\partial w_{11}^{(2)}}\right) \sigma'(z_1^{(2)}) x_1", "wrong", ("updated-weight",)),
    Case("cross-entropy-without-denominator", "logistic:3", "h", "h - y", OTHER,
         ("missing-factor", "extra-factor"), convention="other loss"),
]  # fmt: skip

IN_NOTATIONS = [
    Case("one-letter", "examples/four_neurons.bp", "w8",
         r"g_8 = s_4 \times t(d_4+b_4) \times \frac{d}{d_{w8}}[h_1w_6 + h_2w_8]"
         r" = [(s_4 \times 1) \times t(d_4+b_4)] \times h_2", notation="one-letter"),
    Case("chain", "examples/chain_3_3_1.bp", "w2[1,2]",
         r"\frac{\partial J}{\partial w_{12}^{(2)}} = \frac{\partial J}{\partial h_{1}^{(3)}}"
         r"\frac{\partial h_{1}^{(3)}}{\partial z_{1}^{(2)}}"
         r"\frac{\partial z_{1}^{(2)}}{\partial w_{12}^{(2)}}", notation="chain"),
    Case("nielsen", MLP, "w1[j,k]", r"\frac{\partial C}{\partial w^2_{jk}} = a^1_k \delta^2_j",
         notation="nielsen"),
    Case("unknown-letter-of-one-notation", MLP, "w1[j,k]",
         r"\frac{\partial J}{\partial w^{(1)}_{jk}} = \delta^2_j x_k"),
]  # fmt: skip


def network_of(text: str) -> Network:
    return bp.parse(text) if "\n" in text else bp.load(text)


@pytest.mark.parametrize("case", PUBLISHED + LINES + CHAINS + IN_NOTATIONS, ids=lambda c: c.id)
def test_a_fair_verdict(case: Case) -> None:
    found = bp.check(
        network_of(case.network), case.quantity, case.answer, notation=case.notation
    ).as_json()
    told = [entry["kind"] for entry in found["diagnosis"]]
    assert found["verdict"] == case.verdict, found
    assert (found["convention"] or "") == case.convention, found
    if case.kinds:
        assert told, found
        assert told[0] in case.kinds, found
    assert set(told) <= set(KINDS)
    if case.line is not None:
        assert found["first_wrong_line"] == case.line, found
    if case.verdict == "right":
        assert not told
        assert found["counterexample"] is None


# -- numbers, letters, and conventions ------------------------------------------------------

MAZUR = """
input i1 = 0.05, i2 = 0.10
target t1 = 0.01, t2 = 0.99
weight w1 = 0.15, w2 = 0.20, w3 = 0.25, w4 = 0.30, w5 = 0.40, w6 = 0.45, w7 = 0.50, w8 = 0.55
bias b1 = 0.35, b2 = 0.60
n1 = w1*i1 + w2*i2 + b1
h1 = sigmoid(n1)
n2 = w3*i1 + w4*i2 + b1
h2 = sigmoid(n2)
n3 = w5*h1 + w6*h2 + b2
o1 = sigmoid(n3)
n4 = w7*h1 + w8*h2 + b2
o2 = sigmoid(n4)
loss E = (t1 - o1)^2/2 + (t2 - o2)^2/2
"""
SQUARE = "mlp:2-2-2,sigmoid,squared_error"
FORWARD = "sum(i: w2[i,j]*(h3[i]-y[i])*h3[i]*(1-h3[i]))*h2[j]*(1-h2[j])*x[k]"
TURNED = "sum(i: w2[i,k]*(h3[i]-y[i])*h3[i]*(1-h3[i]))*h2[k]*(1-h2[k])*x[j]"
BRANCHED = "input z\nweight w, b\na = w*z + b\nloss J = a^2\n"

FURTHER = [
    # the digits of the published example
    Case("numbers", MAZUR, "w5", "= 0.74136507 * 0.186815602 * 0.593269992 = 0.082167041"),
    Case("numbers-rounded", MAZUR, "w5", "(o_1 - t_1) o_1 (1 - o_1) h_1 = 0.0822"),
    Case("numbers-wrong", MAZUR, "w5", "= 0.7414 * 0.1868 * 0.5933 = 0.083", "wrong", line=2),
    Case("a-bare-number-says-nothing", MAZUR, "w5", "2", "wrong"),
    Case("letters-named", SQUARE, "w1[j,k]", FORWARD),
    Case("letters-named-and-turned", SQUARE, "w1[j,k]", TURNED, OTHER, ("wrong-index",),
         convention="index order"),
    Case("letters-free", SQUARE, "w1", FORWARD),
    Case("letters-free-and-turned", SQUARE, "w1", TURNED),
    Case("one-m-th-of-a-sample", NEURON, "w", r"\frac1m (a - y) a (1 - a) x", OTHER,
         ("constant-factor",), convention="mean or sum over the samples"),
    Case("a-left-side-of-factors", NEURON, "z",
         r"\frac{\partial J}{\partial a}\frac{\partial a}{\partial z} = (a - y) a (1 - a)"),
    Case("the-bias-by-the-signal", NEURON, "b", r"\frac{\partial J}{\partial z} = (a-y) a (1-a)"),
    Case("no-answer", NEURON, "w[1]", "z = w_1 x_1 + w_2 x_2 + w_3 x_3 + b", "unreadable"),
    Case("another-network", NEURON, "w[1]", r"(h_2 - q) \phi x_1", "unreadable"),
    Case("unclosed", NEURON, "w[1]", r"\frac{(a - y}{2", "unreadable"),
    Case("nothing", NEURON, "w[1]", "", "unreadable"),
]  # fmt: skip


@pytest.mark.parametrize("case", FURTHER, ids=lambda c: c.id)
def test_numbers_letters_and_what_is_no_answer(case: Case) -> None:
    test_a_fair_verdict(case)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "claim",
    [r"\frac{d}{dz}|z| = 1", r"\text{ReLU}'(z) = 1", r"\max(0,z) = z", r"\sqrt{z^2} = z",
     r"\sqrt{a^2} = a", "|w| = w", "[z>0] = 1", r"\sqrt{q^2} = q"],
)  # fmt: skip
def test_a_claim_that_holds_on_one_side_only_is_wrong(claim: str, seed: int) -> None:
    assert bp.check(bp.parse(BRANCHED), claim=claim, seed=seed).verdict == "wrong"


@pytest.mark.parametrize(
    "claim",
    ["σ'(z) = σ(z)(1-σ(z))", r"\tanh'(z) = 1 - \tanh^2(z)", r"\text{ReLU}'(z) = [z > 0]",
     r"\sqrt{z^2} = |z|", r"\frac{\partial J}{\partial a} = 2a"],
)  # fmt: skip
def test_a_claim_that_holds_is_right(claim: str) -> None:
    assert bp.check(bp.parse(BRANCHED), claim=claim).verdict == "right"


@pytest.mark.parametrize("claim", [r"\sigma(z)(1-\sigma(z))", "z"])
def test_what_claims_nothing_is_not_right(claim: str) -> None:
    assert bp.check(bp.parse(BRANCHED), claim=claim).verdict == "unreadable"


def test_the_numbers_of_a_counterexample_are_those_of_both_sides() -> None:
    found = bp.check(bp.parse(NEURON), "w[2]", "(a - y)*a*x[2]").as_json()["counterexample"]
    at = found["at"]
    z = sum(w * x for w, x in zip(at["w"], at["x"], strict=True)) + at["b"]
    a = 1 / (1 + math.exp(-z))
    assert found["yours"] == pytest.approx((a - at["y"]) * a * at["x"][1])
    assert found["correct"] == pytest.approx((a - at["y"]) * a * (1 - a) * at["x"][1])


def test_a_quantity_that_there_is_not_is_an_error() -> None:
    with pytest.raises(bp.BackproveError, match="q"):
        bp.check(bp.parse(NEURON), "q", "1")


# -- the command ----------------------------------------------------------------------------


@pytest.fixture
def neuron(tmp_path: Path) -> str:
    file = tmp_path / "neuron.bp"
    file.write_text(NEURON, encoding="utf-8")
    return str(file)


RIGHT = "(a - y) a (1 - a) x_1"


@pytest.mark.parametrize(
    ("answer", "code"),
    [(RIGHT, 0), ("(a - y) a x_1", 1), ("(a - y) x_1", 1), ("(a - y", 2), ("-(a - y) q", 2)],
)
def test_exit_codes_and_json(neuron: str, answer: str, code: int) -> None:
    run = CliRunner().invoke(app, ["check", neuron, "w[1]", "--answer", answer, "--json"])
    assert run.exit_code == code, run.output
    found = json.loads(run.stdout)
    assert {"verdict", "diagnosis", "first_wrong_line", "reading", "counterexample",
            "convention"} <= found.keys()  # fmt: skip
    assert all(entry["kind"] in KINDS and entry["says"] for entry in found["diagnosis"])


def test_an_answer_comes_from_a_file_from_stdin_or_beside_the_quantity(
    neuron: str, tmp_path: Path
) -> None:
    file = tmp_path / "answer.tex"
    file.write_text(RIGHT, encoding="utf-8")
    runner = CliRunner()
    assert runner.invoke(app, ["check", neuron, "w[1]", "--file", str(file)]).exit_code == 0
    assert runner.invoke(app, ["check", neuron, "w[1]"], input=RIGHT).exit_code == 0
    assert runner.invoke(app, ["check", neuron, "w[1]", RIGHT]).exit_code == 0
    assert runner.invoke(app, ["check", neuron, "--claim", "σ'(z) = σ(z)(1-σ(z))"]).exit_code == 0
    twice = runner.invoke(app, ["check", neuron, "w[1]", RIGHT, "--answer", RIGHT])
    assert (twice.exit_code, runner.invoke(app, ["check", neuron]).exit_code) == (2, 2)


@pytest.mark.parametrize("width", [40, 80])
def test_the_report_keeps_to_the_width_and_marks_the_place(neuron: str, width: int) -> None:
    answer = r"\frac{\partial J}{\partial w_1} = (a - y) a (1 + a) x_1 \\ = (a^2 + a)(a - y) x_1"
    run = CliRunner().invoke(
        app, ["check", neuron, "w[1]", "--answer", answer], env={"COLUMNS": str(width)}
    )
    assert run.exit_code == 1
    report = [line for line in run.stdout.splitlines() if "backprove explain" not in line]
    assert max(map(len, report)) <= width
    for said in ("wrong: line 1", "yours", "correct", "^", "carries", "backprove explain"):
        assert said in run.stdout, run.stdout


MULTIPLES = (
    "input x[3]\ntarget y[3]\nweight w[3], v\nz[i] = w[i]*x[i]\n"
    "loss J = sum(i: (v*z[i] - y[i])^2)/2"
)
D3 = "((h3 - y)*h3*(1 - h3))"


@pytest.mark.parametrize(
    ("quantity", "answer"),
    [
        ("v", "np.sum((v*z - y)*z)"),
        ("v", "dv = ((v*z - y) * z).sum()"),
        ("v", "np.dot(v*z - y, z)"),
        ("v", "(v*z - y) @ z"),
        ("v", "(v*z - y).T.dot(z)"),
        ("v", "v*numpy.sum(np.square(z)) - np.inner(z, y)"),
        ("v", "np.sum(np.multiply(v*z, z) - z*y)"),
        ("w2", f"np.outer({D3}, h2)"),
        ("w2", f"{D3} @ h2.T"),
        ("b1", f"np.dot(w2.T, {D3}) * h2 * (1 - h2)"),
        ("b1", f"d = {D3}\ndb1 = np.matmul(np.transpose(w2), d) * np.square(h2) / np.exp(z2)"),
    ],
)
def test_the_spellings_of_numpy_are_read(quantity: str, answer: str) -> None:
    network = bp.parse(MULTIPLES) if quantity == "v" else bp.load("mlp:3-4-2")
    assert bp.check(network, quantity, answer).verdict == "right"
    wrong = bp.check(network, quantity, f"{answer} * 3")
    assert wrong.verdict == "wrong"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("np.sum((v*z - y)*z, axis=0)", "axis= is not read"),
        ("((v*z - y)*z).sum(keepdims=True)", "keepdims= is not read"),
        ("np.mean(z)", "np.mean is not read"),
        ("np.dot(z)", "np.dot takes 2 things here, not 1"),
        ("d2J/dv2 = z.z", "a second derivative of the loss is not read"),
        (r"\frac{d^2 J}{dv^2} = \sum_i z_i^2", "a second derivative of the loss is not read"),
        ("∂/∂v ∂J/∂v = z.z", "a second derivative of the loss is not read"),
        ("∂²J/∂v² = z.z", "a second derivative is not read"),
        ("dJ = ((v*z - y).z) dv", "between differentials, dJ = … dv, is not read"),
        (r"\mathrm{d}J = \sum_i (v z_i - y_i) z_i \, \mathrm{d}v", "dJ = … dv, is not read"),
    ],
)
def test_what_is_not_read_is_said_plainly(answer: str, says: str) -> None:
    """Much of it is true of the network: nothing here may be called wrong."""
    found = bp.check(bp.parse(MULTIPLES), "v", answer)
    assert (found.verdict, found.exit_code) == ("unreadable", 2)
    assert says in str(found)


def test_the_page_on_judging_shows_every_kind(root: Path) -> None:
    page = (root / "docs" / "judging.md").read_text(encoding="utf-8")
    for kind, meaning in KINDS.items():
        assert f"| `{kind}` | {meaning} |" in page
