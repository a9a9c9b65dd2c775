"""Formulas as people write them, read as expressions about a network."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

import pytest
from effort import soon
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.errors import SourceError
from backprove.expr import Derivative, Expr, Ref, canonical
from backprove.language import expression, parse
from backprove.language import load as load_network
from backprove.network import CHANGE, RATE, Network
from backprove.reading import ShapeMistake, Sheet, read_sheet, read_term
from backprove.verify import Oracle

EXAMPLES = Path(__file__).parent.parent / "examples"

MLP = "mlp:2-3-2,sigmoid,squared_error"
SOFTMAX = "mlp:2-3-4,relu,cross_entropy"
ONES = "mlp:1-1-1,sigmoid,sse,nobias"
BUILT = {"wide": "mlp:12-11-10,sigmoid,squared_error"}


@cache
def network(name: str) -> Network:
    name = BUILT.get(name, name)
    return load_network(name if ":" in name else str(EXAMPLES / f"{name}.bp"))


@cache
def oracle(name: str) -> Oracle:
    return Oracle(network(name))


def same(name: str, one: Expr, other: Expr) -> bool:
    """Whether two expressions are one, or the oracle confirms that they are equal."""
    return canonical(one) == canonical(other) or oracle(name).agree(one, other).confirmed


# -- single expressions --------------------------------------------------------------------

TERMS = [
    # network, notation, text, the same in the language of the files
    (MLP, "nielsen", r"\frac{\partial C}{\partial w^2_{12}}", "∂w1[1,2]"),
    (MLP, "nielsen", r"\delta^3_j a^2_k", "∂z3[j]*h2[k]"),
    (MLP, "nielsen", r"\sum_k w^3_{kj} \delta^3_k", "sum(k: w2[k,j]*∂z3[k])"),
    (MLP, "nielsen", r"\sum_{k=1}^{2} w^3_{kj} \delta^3_k \sigma'(z^2_j)",
     "sum(k: w2[k,j]*∂z3[k]*sigmoid'(z2[j]))"),
    (MLP, "nielsen", r"-(y_1 - a^3_1)", "-(y[1] - h3[1])"),
    (MLP, "nielsen", r"\frac{1}{2}\sum_j (y_j - a^3_j)^2", "1/2*sum(j: (y[j] - h3[j])^2)"),
    (MLP, "nielsen", "a_j^3 (1 - a_j^3)", "h3[j]*(1 - h3[j])"),
    (MLP, "nielsen", r"\frac{1}{1 + e^{-z^2_j}}", "1/(1 + exp(-z2[j]))"),
    (MLP, "as-written", "2*(h3[1] - y[1])*w2[1,2]", "2*(h3[1] - y[1])*w2[1,2]"),
    (MLP, "as-written", "sum(k: w2[k,1]*∂z3[k])", "sum(k: w2[k,1]*∂z3[k])"),
    (MLP, "as-written", "dJ/dw2[1,2]", "∂w2[1,2]"),
    (MLP, "as-written", r"\sigma'(z^{(2)}_1)", "sigmoid'(z2[1])"),
    (MLP, "as-written", r"\sigma(z_1^{(2)})^2", "sigmoid(z2[1])^2"),
    (MLP, "as-written", r"\left(h^{(3)}_1\right)^2", "h3[1]^2"),
    (MLP, "as-written", r"[z_1^{(2)} > 0]", "step(z2[1])"),
    (MLP, "as-written", r"[z_1^{(2)} < 0]", "1 - step(z2[1])"),
    (MLP, "as-written", r"|z_1^{(2)}|", "abs(z2[1])"),
    (MLP, "as-written", r"\sqrt{x_1^2 + x_2^2}", "sqrt(x[1]^2 + x[2]^2)"),
    (MLP, "as-written", r"\|x\|^2", "x[1]^2 + x[2]^2"),
    (MLP, "as-written", r"\| x \|", "sqrt(x[1]^2 + x[2]^2)"),
    (MLP, "as-written", r"x^T x", "x[1]^2 + x[2]^2"),
    (SOFTMAX, "as-written",
     r"\sum_{k \ne j} y_k o_j", "sum(k: y[k]*o[j]*(1 - delta(k,j)))"),
    (SOFTMAX, "as-written", r"\sum_{k=1, k\neq j}^{4} o_k", "sum(k: o[k]*(1 - delta(k,j)))"),
    (SOFTMAX, "as-written", r"\sum_{k=2}^{4} o_k", "o[2] + o[3] + o[4]"),
    (SOFTMAX, "as-written", r"\sum_{k=2} o_k", "o[2] + o[3] + o[4]"),
    (SOFTMAX, "as-written", r"\sum_{k=0}^{3} o_k", "sum(k: o[k])"),
    (SOFTMAX, "as-written", r"\sum_{k=1}^{n} o_k", "sum(k: o[k])"),
    (SOFTMAX, "as-written", r"\sum_{i,j} w^{(1)}_{ij} x_j", "sum(i: sum(j: w1[i,j]*x[j]))"),
    (SOFTMAX, "as-written", r"\max_k z^{(3)}_k", "max(k: z3[k])"),
    (SOFTMAX, "as-written", r"o_i(\delta_{ij} - o_j)", "o[i]*(delta(i,j) - o[j])"),
    (SOFTMAX, "as-written", r"o_i([i = j] - o_j)", "o[i]*(delta(i,j) - o[j])"),
    (SOFTMAX, "as-written",
     r"\begin{cases} o_i(1 - o_i) & i = j \\ -o_i o_j & i \ne j \end{cases}",
     "o[i]*(delta(i,j) - o[j])"),
    (SOFTMAX, "as-written",
     r"\begin{cases} 1 & \text{if } z^{(2)}_1 > 0 \\ 0 & \text{otherwise} \end{cases}",
     "step(z2[1])"),
    (SOFTMAX, "as-written",
     r"\begin{cases} z^{(2)}_1 & \text{if } z^{(2)}_1 > 0 \\ 0 & \text{otherwise} \end{cases}",
     "relu(z2[1])"),
    (SOFTMAX, "as-written", r"-\log o_k", "-log(o[k])"),
    (SOFTMAX, "as-written", r"\frac{\partial o_l}{\partial z^{(3)}_k}", "o[l]*(delta(l,k) - o[k])"),
    (SOFTMAX, "as-written", r"o_1 + \dots + o_4", "sum(k: o[k])"),
    (SOFTMAX, "as-written", r"o_1 y_1 + o_2 y_2 + \cdots + o_4 y_4", "sum(k: o[k]*y[k])"),
    (SOFTMAX, "as-written", r"y_1 - o_2 - \ldots - o_4", "y[1] - o[2] - o[3] - o[4]"),
    ("four_neurons", "one-letter", "v_4 h_2", "∂u4.argument*h2"),
    ("four_neurons", "one-letter", r"\frac{d}{d_{w8}} f_e", "∂w8"),
    ("four_neurons", "one-letter", "s_4 × t(d_4 + b_4) × h_2", "s4*t(d4 + b4)*h2"),
    ("two_neurons", "representative", "w_o.(w_h.i)", "w_o*(w_h*i)"),
    ("two_neurons", "representative", r"{\partial E\over \partial w_{o}}", "∂w_o"),
    ("two_neurons", "representative",
     r"-{(t - (w_o.w_h.i))}.(w_h.i)", "-(t - w_o*w_h*i)*(w_h*i)"),
    ("two_neurons", "representative",
     r"{1 \over 2}.{\partial (t - (w_o.w_h.i))^2\over \partial (t - (w_o.w_h.i))}",
     "t - w_o*w_h*i"),
    ("chain_3_3_1", "chain", r"{h_1^{(3)}}^2", "h3[1]^2"),
    ("chain_3_3_1", "chain", r"-(y_1 - h_1^{(3)})", "-(y[1] - h3[1])"),
    (ONES, "subscript", r"2 (a_L - y) \sigma'(z_L) a_{L-1}", "∂w2[1,1]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "notation", "text", "meant"), TERMS, ids=[t[2] for t in TERMS])
def test_an_expression_is_read(name: str, notation: str, text: str, meant: str) -> None:
    made = network(name)
    if "argument" in meant:  # a hidden quantity: the files have no word for it
        expected: Expr = Ref("∂u4.argument") * Ref("h2")
    else:
        expected = expression(meant, made)
    term = read_term(text, made, notation)
    assert not term.axes
    assert same(name, term.expr, expected), term.expr


# -- whole tensors -------------------------------------------------------------------------

TENSORS = [
    # network, notation, text, its axes, the component in the language of the files
    (MLP, "nielsen", r"(w^3)^T \delta^3 \odot \sigma'(z^2)", "i",
     "sum(k: w2[k,i]*∂z3[k])*sigmoid'(z2[i])"),
    (MLP, "nielsen", r"\delta^3 (a^2)^T", "ij", "∂z3[i]*h2[j]"),
    (MLP, "nielsen", r"w^2 x + b^2", "i", "z2[i]"),
    (MLP, "nielsen", r"(a^3 - y) \odot a^3 \odot (1 - a^3)", "i",
     "(h3[i] - y[i])*h3[i]*(1 - h3[i])"),
    (MLP, "nielsen", r"\nabla_{w^3} C", "ij", "∂w2[i,j]"),
    (MLP, "as-written", "w2ᵀ (h3 - y)", "i", "sum(k: w2[k,i]*(h3[k] - y[k]))"),
    (MLP, "as-written", "diag(h2) w2ᵀ", "ij", "h2[i]*w2[j,i]"),
    (MLP, "as-written", r"\sigma(W^{(1)} x + b^{(1)})", "i", "h2[i]"),
    (MLP, "as-written", r"(h^{(3)} - y)^T w^{(2)}", "i", "sum(k: w2[k,i]*(h3[k] - y[k]))"),
    (MLP, "as-written", r"x^T (w^{(1)})^T", "i", "sum(k: w1[i,k]*x[k])"),
    (MLP, "as-written", r"x \otimes z^{(2)}", "ij", "x[i]*z2[j]"),
    (MLP, "as-written", r"y \oslash h^{(3)}", "i", "y[i]/h3[i]"),
    (MLP, "as-written", r"𝟏 - h^{(3)}", "i", "1 - h3[i]"),
    (MLP, "as-written", r"w^{(2)} 𝟏", "i", "sum(k: w2[i,k])"),
    (MLP, "as-written", r"\frac{\partial z^{(3)}}{\partial h^{(2)}}", "ij", "w2[i,j]"),
    (MLP, "as-written",
     r"\frac{\partial J}{\partial z^{(3)}} \frac{\partial z^{(3)}}{\partial h^{(2)}}", "i",
     "∂h2[i]"),
    (SOFTMAX, "as-written", r"\mathrm{softmax}(z^{(3)})", "i", "o[i]"),
    (SOFTMAX, "as-written", r"\mathrm{diag}(o) - o o^T", "ij", "o[i]*(delta(i,j) - o[j])"),
    ("chain_3_3_1", "as-written", r"\frac{\partial J}{\partial w_2}", "ij", "∂w2[i,j]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "notation", "text", "axes", "meant"), TENSORS, ids=[t[2] for t in TENSORS]
)
def test_a_whole_tensor_is_read(name: str, notation: str, text: str, axes: str, meant: str) -> None:
    term = read_term(text, network(name), notation)
    assert "".join(letter for letter, _ in term.axes) == axes
    assert same(name, term.expr, expression(meant, network(name))), term.expr


MISFITS = [
    (r"w^{(2)} x", ["2 × 3", "2 components"]),
    (r"w_2 (h_3 - y)", ["2 × 3", "the left one transposed would fit"]),
    (r"h_2 x", ["3 components", "2 components"]),
    (r"x + z^{(2)}", ["2 components", "3 components", "one shape"]),
    (r"x^T z^{(2)}", ["2 components", "3 components"]),
    (r"w_1 w_1", ["3 × 2"]),
    (r"w_1 x^T", ["3 × 2", "row"]),
    (r"\sum_k w^{(2)}_{jk} (h^{(3)}_k - y_k)", ["k", "3", "2"]),
]


@pytest.mark.parametrize(("text", "says"), MISFITS)
def test_shapes_that_do_not_fit_are_named(text: str, says: list[str]) -> None:
    with pytest.raises(ShapeMistake) as caught:
        read_term(text, network(MLP), "as-written")
    for piece in says:
        assert piece in caught.value.says
    start, end = caught.value.span
    assert 0 <= start < end <= len(text)


# -- what cannot be read -------------------------------------------------------------------

UNREADABLE = [
    (r"\sum_k 1", "nothing says how far k runs"),
    ("q_1 + x_1", "q_1"),
    ("sigmoid + 1", "argument"),
    ("x[3]", "x[3]"),
    (r"2^{9999} h^{(3)}_1 + 9^{5000}", "digits"),
    (r"x_1 / 0", "zero"),
    (r"\sum_{k=1}^{3} h^{(3)}_k", "3"),
    (r"𝟏", "how large"),
    (r"\sigma^{-1}(x_1)", "inverse"),
    (r"o_1 + \dots + x_2 h^{(2)}_1", ""),
]


@pytest.mark.parametrize(("text", "says"), UNREADABLE)
def test_what_cannot_be_read_is_said(text: str, says: str) -> None:
    with pytest.raises((SourceError, ShapeMistake)) as caught:
        read_term(text, network(MLP), "as-written")
    assert says in str(caught.value)


@pytest.mark.parametrize("tower", ["2^{2^{2^{2^{2^2}}}}", "9^{9^{9}}", "e^{e^{e^{9}}}"])
def test_towers_of_powers_are_refused_at_once(tower: str) -> None:
    with soon(), pytest.raises(SourceError):
        read_term(tower + r" x_{1}", network(MLP), "as-written")


# -- sheets --------------------------------------------------------------------------------


def sheet(name: str, notation: str, *lines: str, asked: str = "", total: bool = False) -> Sheet:
    made = network(name)
    ref = expression(asked, made) if asked else None
    assert ref is None or isinstance(ref, Ref)
    return read_sheet("\n".join(lines), made, notation, ref, total=total)


def test_a_chain_of_lines_shares_its_left_side() -> None:
    found = sheet(
        MLP, "nielsen",
        r"\frac{\partial C}{\partial w^3_{jk}} &= \sum_l \frac{\partial C}{\partial a^3_l}"
        r" \frac{\partial a^3_l}{\partial z^3_j} a^2_k \\",
        r"&= (a^3_j - y_j) \sigma'(z^3_j) a^2_k",
    )  # fmt: skip
    first, second = found.lines
    assert first.left is not None
    assert first.left.expr is Ref("∂w2", ("j", "k"))
    assert second.left is None
    assert first.derivative
    assert not second.derivative
    assert found.ranges == {"j": 2, "k": 3}
    for line in found.lines:
        assert not line.misfit
        assert oracle(MLP).agree(first.left.expr, line.right.expr).confirmed


def test_matrix_lines_take_the_letters_of_the_left_side() -> None:
    found = sheet(
        MLP, "as-written",
        r"\frac{\partial J}{\partial w_2} &= \frac{\partial J}{\partial z_3} h_2^T \\",
        r"&= ((h_3 - y) \odot \sigma'(z_3)) h_2^T",
    )  # fmt: skip
    assert [line.misfit for line in found.lines] == ["", ""]
    assert found.lines[0].left is not None
    for line in found.lines:
        assert line.right.axes == found.lines[0].left.axes == (("i", 2), ("j", 3))
        assert oracle(MLP).agree(found.lines[0].left.expr, line.right.expr).confirmed


def test_an_answer_alone_takes_the_letters_asked_for() -> None:
    found = sheet(MLP, "nielsen", r"\delta^3 (a^2)^T", asked="w2[k,m]")
    assert found.lines[0].right.axes == (("k", 2), ("m", 3))
    assert found.lines[0].right.expr is Ref("∂z3", ("k",)) * Ref("h2", ("m",))


def test_a_transposed_answer_is_a_misfit() -> None:
    found = sheet(MLP, "nielsen", r"a^2 (\delta^3)^T", asked="w2[i,j]")
    assert "3 × 2" in found.lines[0].misfit
    assert "transpose" in found.lines[0].misfit


def test_what_is_unknown_on_the_left_is_defined() -> None:
    found = sheet(
        MLP, "as-written",
        "let q_j = (h3[j] - y[j])*sigmoid'(z3[j])",
        "dJ/dw2[j,k] = q_j h2[k]",
        "dJ/db2[1] = q_1",
    )  # fmt: skip
    assert [line.defines for line in found.lines] == ["q", "", ""]
    asker = oracle(MLP).beside(found.lets)
    for line in found.lines[1:]:
        assert line.left is not None
        assert asker.agree(line.left.expr, line.right.expr).confirmed


def test_a_whole_tensor_is_defined_and_used_with_and_without_indices() -> None:
    found = sheet(
        MLP, "as-written",
        r"\epsilon = (h_3 - y) \odot \sigma'(z_3)",
        r"\frac{\partial J}{\partial w_2} = \epsilon h_2^T",
        r"\frac{\partial J}{\partial b_2} = \epsilon",
        r"\frac{\partial J}{\partial b^{(2)}_1} = \epsilon_1",
    )  # fmt: skip
    asker = oracle(MLP).beside(found.lets)
    for line in found.lines[1:]:
        assert line.left is not None
        assert not line.misfit
        assert asker.agree(line.left.expr, line.right.expr).confirmed


def test_source_003_names_its_own_letters() -> None:
    found = sheet(
        "two_neurons", "representative",
        r"\text{Here, } z = {t - (w_o.w_h.i)},x=z^2, \text{ and } y=w_o \text{ ,therefore, }\\",
        r"{\partial E\over \partial w_{o}}&={1 \over 2}.{\partial x\over \partial y}\\",
        r"&={1 \over 2}.{\partial x\over \partial z}.{\partial z\over \partial y}\\",
        r"&={1 \over 2}.{\partial z^2\over \partial z}.{\partial z\over \partial y}\\",
        r"&={(t - (w_o.w_h.i))}.({0} - w_h.i.{\partial (w_o) \over \partial w_{o}})\\",
        r"&=-{(t - (w_o.w_h.i))}.(w_h.i) \text{ ... eq.(2.3)}\\",
    )  # fmt: skip
    assert [line.defines for line in found.lines[:3]] == ["z", "x", "y"]
    asker = oracle("two_neurons").beside(found.lets)
    for line in found.lines[3:]:
        assert asker.agree(Ref("∂w_o"), line.right.expr).confirmed, line.text


def test_an_update_is_read_with_the_learning_rate() -> None:
    found = sheet(
        "two_neurons", "representative",
        r"\Delta w_o &= -\eta.{\partial E\over \partial w_o}\\",
        r"&= \eta.(t - (w_o.w_h.i)).(w_h.i)\\",
        r"\Rightarrow w_o &= w_o + \Delta w_o",
    )  # fmt: skip
    assert found.symbols == {RATE}
    assert set(found.lets) == {CHANGE + "w_o", "w_o*"}
    asker = oracle("two_neurons").beside(found.lets, found.symbols)
    for line in found.lines[:2]:
        assert asker.agree(Ref(CHANGE + "w_o"), line.right.expr).confirmed
    assert found.lines[2].defines == "w_o*"


def test_let_with_a_known_symbol_that_says_what_holds_anyway_changes_nothing() -> None:
    found = sheet(
        "two_neurons", "representative", "let r_o = w_o.w_h.i", "dE/dw_o = -(t - r_o).(w_h.i)"
    )
    assert not found.lets
    assert [line.defines for line in found.lines] == ["", ""]


def test_let_with_a_known_symbol_defines_it_anew_and_says_so() -> None:
    found = sheet("two_neurons", "representative", "let r_o = t - w_o.w_h.i", "E = r_o^2/2")
    assert found.lines[0].defines == "r_o*"
    assert any("r_o" in text for text in found.readings)
    asker = oracle("two_neurons").beside(found.lets)
    assert asker.agree(Ref("E"), found.lines[1].right.expr).confirmed


def test_derivatives_are_local_or_total_as_asked() -> None:
    for total in (False, True):
        found = sheet(
            "two_neurons", "representative", r"\frac{\partial r_o}{\partial w_h} = w_o.i",
            total=total,
        )  # fmt: skip
        left = found.lines[0].left
        assert left is not None
        assert isinstance(left.expr, Derivative)
        assert left.expr.total is total
        verdict = oracle("two_neurons").agree(left.expr, found.lines[0].right.expr)
        assert verdict.confirmed is total


def test_vectors_of_one_shape_are_multiplied_component_by_component_where_it_must_be() -> None:
    found = sheet(MLP, "nielsen", r"\delta^3 = (a^3 - y) \sigma'(z^3)")
    line = found.lines[0]
    assert not line.misfit
    assert line.left is not None
    assert oracle(MLP).agree(line.left.expr, line.right.expr).confirmed
    assert any("component by component" in text for text in found.readings)


def test_symbols_of_another_notation_are_read_and_said() -> None:
    found = sheet(MLP, "as-written", r"\frac{\partial J}{\partial b_2} = \delta^{(3)}")
    assert any("nielsen" in text or "derivative of J" in text for text in found.readings)


def test_open_symbols_stand_for_any_number() -> None:
    made = network(MLP)
    found = read_sheet(
        r"\sigma'(u) = \sigma(u)(1 - \sigma(u))", made, "as-written", open_symbols=True
    )
    assert found.symbols == {"u"}
    line = found.lines[0]
    assert line.left is not None
    asker = oracle(MLP).beside({}, found.symbols)
    assert asker.agree(line.left.expr, line.right.expr).confirmed


def test_errors_name_line_and_column() -> None:
    with pytest.raises(SourceError) as caught:
        sheet(MLP, "nielsen", r"\frac{\partial C}{\partial w^3_{11}} = \delta^3_1 a^2_1", "= q_7")
    assert (caught.value.place.line, caught.value.place.column) == (2, 3)


def test_samples_are_summed_over() -> None:
    made = parse(
        "input x[2]\ntarget y\nweight w[2]\nz = sum(j: w[j]*x[j])\nloss J = (z - y)^2/2"
    ).over("m", "s")
    found = read_sheet("∂w[j] = sum(s: (z[s] - y[s])*x[j,s])/m", made)
    line = found.lines[0]
    assert line.left is not None
    assert Oracle(made).agree(line.left.expr, line.right.expr).confirmed


# -- what people write ---------------------------------------------------------------------

CLAIMS = [
    # network, notation, lines that hold; what must be stated of their reading
    (MLP, "nielsen", [r"\delta^L = \nabla_{a^L} C \odot \sigma'(z^L)"], ""),
    (MLP, "nielsen", [r"\delta^2 = ((w^3)^T \delta^3) \odot \sigma'(z^2)"], ""),
    (MLP, "bishop", [r"\frac{\partial E}{\partial w^{(1)}_{ji}} = \delta^{(1)}_j x_i"], ""),
    (MLP, "bishop", [r"E = \frac{1}{2} \sum_{k=1}^{K} (y_k - t_k)^2"], "K above the sum"),
    (MLP, "goodfellow", [r"\nabla_{W^{(2)}} L = g^{(2)} h^{(1)\top}"], ""),
    (MLP, "ng", [r"dW^{[2]} = dZ^{[2]} A^{[1]T}"], ""),
    (MLP, "ng", [r"dZ^{[1]} = W^{[2]T} dZ^{[2]} \odot g'(Z^{[1]})"], ""),
    (MLP, "cs231n", ["dW2 = h1.T @ dscores2", "dh1 = dscores2 W2.T"], "rows"),
    (MLP, "cs231n", ["dW2 = h1 dscores2ᵀ", "dh1 = W2 dscores2"], ""),
    (MLP, "as-written", ["dJ/dw1 = (w2.T @ ((h3 - y) * sigmoid'(z3)) * sigmoid'(z2)) xᵀ"],
     "component by component"),
    (MLP, "as-written",
     [r"\nabla_{W_1} J = \nabla_{z_2} J \cdot x^T"], "the number tells the layer"),
    (MLP, "as-written", [r"\sigma'(t) = \sigma(t)(1 - \sigma(t))"], "any number"),
    (MLP, "as-written",
     [r"\frac{d}{dx}\sigma(x) = \frac{d}{dx}\left[\frac{1}{1+e^{-x}}\right]"
      r" = \frac{e^{-x}}{(1+e^{-x})^2}"], "component by component"),
    (SOFTMAX, "as-written",
     [r"\frac{\partial J}{\partial z^{(3)}_j} = \sum_k -\frac{y_k}{o_k} o_k(\delta_{kj} - o_j)"
      r" = -y_j + o_j \sum_k y_k = o_j - y_j"], "Kronecker"),
    (SOFTMAX, "as-written", [r"J = -y^T \log o"], ""),
    (SOFTMAX, "as-written", [r"\frac{\partial J}{\partial W_2} = (o - y) h_2^\top"], ""),
    (SOFTMAX, "as-written",
     [r"\frac{\partial J}{\partial z_2} = W_2^T (o - y) \odot \mathbb{1}[z_2 > 0]"], ""),
    (SOFTMAX, "as-written",
     [r"\frac{\partial o}{\partial z^{(3)}} = \mathrm{diag}(o) - o o^T"], ""),
    ("deeplizard", "deeplizard",
     [r"C_{0_{j}} = C_{0_{j}}\left( a_{j}^{(L)}\left( z_{j}^{(L)} \right) \right)"], "depends on"),
    ("deeplizard", "deeplizard", [r"C_{0}=\sum_{j=0}^{n-1}\left( a_{j}^{(L)}-y_{j}\right) ^{2}"],
     ""),
    ("wide", "nielsen", [r"z^3_1 = w_{1,1}^3 a_1^2 + \dots + w_{1,11}^3 a_{11}^2 + b_1^3"], ""),
    ("wide", "nielsen", [r"z^3_1 = w_{1,1}^3 a_1^2 + w_{1,2}^3 a_2^2 + \dots + w_{1,n}^3 a_n^2"
                         r" + b_1^3"], "last position"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "notation", "lines", "says"), CLAIMS, ids=[case[2][0] for case in CLAIMS]
)
def test_what_people_write_holds(name: str, notation: str, lines: list[str], says: str) -> None:
    found = sheet(name, notation, *lines)
    asker = oracle(name).beside(found.lets, found.symbols)
    for line in found.lines:
        assert not line.misfit
        left = line.left or found.lines[0].left
        assert left is not None
        verdict = asker.agree(left.expr, line.right.expr, ranges=line.ranges)
        assert verdict.confirmed, (line.text, left.expr, line.right.expr)
    assert any(says in text for text in found.readings) or not says


def test_mistakes_are_read_as_they_stand() -> None:
    """Wrong lines are read too, and are refuted: nothing is put right in silence."""
    wrong = [
        (MLP, "nielsen", r"\frac{\partial C}{\partial w^3_{jk}} = \delta^3_j a^2_k (1 - a^2_k)"),
        (MLP, "nielsen", r"\delta^3_j = (y_j - a^3_j) \sigma'(z^3_j)"),
        (MLP, "nielsen", r"\delta^3 = (a^3 - y) \odot \sigma'(a^3)"),
        (SOFTMAX, "as-written", r"\frac{\partial J}{\partial z^{(3)}_2} = o_1 - 1"),
        (SOFTMAX, "as-written", r"\frac{\partial o_i}{\partial z^{(3)}_j} = o_i (1 - o_j)"),
        (ONES, "subscript", r"\frac{\partial C}{\partial w_1} = a_0 \sigma'(z_1) w_2"),
    ]
    for name, notation, text in wrong:
        (line,) = sheet(name, notation, text).lines
        assert line.left is not None
        assert not line.misfit
        verdict = oracle(name).agree(line.left.expr, line.right.expr, ranges=line.ranges)
        assert verdict.verdict == "refuted", text


def test_an_index_over_axes_of_two_lengths_is_a_wrong_index() -> None:
    with pytest.raises(ShapeMistake) as caught:
        sheet(MLP, "nielsen", r"\delta^2_j = \sum_k w^3_{jk} \delta^3_k \sigma'(z^2_j)")
    assert caught.value.kind == "wrong-index"


def test_one_over_m_is_the_number_of_samples() -> None:
    found = sheet(MLP, "ng", r"dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[1]T}")
    assert found.symbols == {"m"}
    assert any("number of samples" in text for text in found.readings)


def test_letters_of_two_lengths_are_told_apart_by_line() -> None:
    found = sheet(
        MLP, "nielsen",
        r"z^3_j = \sum_k w^3_{jk} a^2_k + b^3_j", r"z^2_j = \sum_k w^2_{jk} x_k + b^2_j",
    )  # fmt: skip
    assert "j" not in found.ranges
    assert [line.ranges["j"] for line in found.lines] == [2, 3]


UNNAMED = """
input x[2]
target y[2]
weight w1[3,2], w2[2,3]
bias b1[3], b2[2]
h[i] = sigmoid(sum(j: w1[i,j]*x[j]) + b1[i])
o[i] = sigmoid(sum(j: w2[i,j]*h[j]) + b2[i])
loss E = sum(i: (y[i] - o[i])^2)/2
"""

OWN_NAMES = [
    [
        r"net_j = \sum_i w^{(1)}_{ji} x_i + b^{(1)}_j \\",
        r"\frac{\partial h_j}{\partial net_j} = h_j (1 - h_j) \\",
        r"\frac{\partial net_j}{\partial w^{(1)}_{ji}} = x_i \\",
        r"\frac{\partial E}{\partial w^{(1)}_{ji}} = \frac{\partial E}{\partial net_j} x_i",
    ],
    [
        "net_o1 = w2[1,1]*h[1] + w2[1,2]*h[2] + w2[1,3]*h[3] + b2[1]",
        "do[1]/dnet_o1 = o[1]*(1 - o[1])",
        "dE/dnet_o1 = (o[1] - y[1])*o[1]*(1 - o[1])",
        "dnet_o1/dw2[1,2] = h[2]",
        "dE/dw2[1,2] = dE/do[1] * do[1]/dnet_o1 * dnet_o1/dw2[1,2]",
    ],
]


@pytest.mark.parametrize("lines", OWN_NAMES)
def test_a_name_of_one_s_own_for_what_the_file_leaves_unnamed(lines: list[str]) -> None:
    """∂h/∂net varies the argument of the activation, though the file has no word for it."""
    made = parse(UNNAMED)
    found = read_sheet("\n".join(lines), made)
    asker = Oracle(made, lets=found.lets)
    for line in found.lines[1:]:
        assert line.left is not None
        assert asker.agree(line.left.expr, line.right.expr).confirmed, line.text


def test_titles_between_lines_are_passed_over() -> None:
    found = sheet("two_neurons", "representative", "Update w_o", "Δw_o = -η.∂E/∂w_o")
    assert [line.text for line in found.lines] == ["Δw_o = -η.∂E/∂w_o"]


def test_a_name_is_defined_twice() -> None:
    found = sheet(
        "two_neurons", "representative",
        "z = t - w_o.w_h.i", "E = z^2/2", "let z = w_h.i", "r_h = z",
    )  # fmt: skip
    asker = oracle("two_neurons").beside(found.lets)
    for line in found.lines[1::2]:
        assert line.left is not None
        assert asker.agree(line.left.expr, line.right.expr).confirmed


def test_a_name_is_not_known_before_its_line() -> None:
    with pytest.raises(SourceError):
        sheet("two_neurons", "representative", "E = q^2/2", "q = t - w_o.w_h.i")


PIECES = [*r"xyzwjk12^_{}()[]+-=*/|'.,&· ", r"\frac", r"\sum", r"\partial ", "Σ", "∂", "w_1"]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SourceError, ShapeMistake):
        assert read_sheet(text, network(MLP), "as-written").lines
