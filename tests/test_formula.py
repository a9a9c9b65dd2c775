"""Formulas as people write them: what is read, what is refused and where."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import fields
from fractions import Fraction
from functools import reduce

import pytest
from effort import soon
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.expr import Add, Apply, Delta, Expr, Mul, Number, Power, Reduce, Ref, plain
from backprove.language.formula import (
    Big,
    Bracketed,
    Call,
    Cases,
    Change,
    Differential,
    Dots,
    Group,
    Listed,
    Node,
    Numeral,
    Product,
    Quotient,
    Raised,
    Relation,
    Root,
    Sum,
    Superscript,
    Symbol,
    parse_formula,
    parse_formulas,
)
from backprove.language.tree import Mistake, Source

CLOSES = {"(": ")", "[": "]", "{": "}", "|": "|", "‖": "‖"}


def sup(above: Superscript | None) -> str:
    return "" if above is None else f"^{above.text}"


def show(node: Node) -> str:
    """A tree in one line: (+ …) is a sum, (* …) a product, (/ …) a fraction."""
    match node:
        case Numeral(_, value):
            return str(value)
        case Symbol():
            text = node.letter + "'" * node.primes + (f"_{node.sub}" if node.sub else "")
            text += f"{{{node.label}}}" if node.label else ""
            text += f"[{','.join(node.brackets)}]" if node.brackets is not None else ""
            return text + sup(node.sup)
        case Sum(_, terms):
            return f"(+ {' '.join(sign + show(term) for sign, term in terms)})"
        case Product(_, factors):
            return f"(* {' '.join(sign + show(factor) for sign, factor in factors)})"
        case Quotient(_, top, bottom):
            return f"(/ {show(top)} {show(bottom)})"
        case Group(_, opening, inner):
            return f"{opening}{show(inner)}{CLOSES[opening]}"
        case Raised(_, base, above):
            return f"<{show(base)}>{sup(above)}"
        case Call(_, function, argument):
            return f"{show(function)}<{show(argument)}>"
        case Root(_, inner):
            return f"√<{show(inner)}>"
        case Relation(_, left, sign, right):
            return f"{show(left)} {sign} {show(right)}"
        case Big():
            text = f"{node.op} {','.join(letter for letter, _ in node.letters)}"
            text += f" from {show(node.lower)}" if node.lower else ""
            text += f" to {show(node.upper)}" if node.upper else ""
            text += "".join(f" if {show(c)}" for c in node.conditions)
            return f"({text}: {show(node.body)})"
        case Differential():
            either = f" or {show(node.otherwise)}" if node.otherwise else ""
            direct = " direct" if node.direct else ""
            return f"({node.d} {show(node.body)} by {show(node.wrt)}{either}{direct})"
        case Change(_, of):
            return f"(Δ {show(of)})"
        case Bracketed(_, condition):
            return f"[{show(condition)}]"
        case Cases(_, rows):
            shown = [f"{show(value)} if {show(c) if c else 'else'}" for value, c in rows]
            return f"(cases {'; '.join(shown)})"
        case Dots():
            return "…"
        case Listed(_, items):
            return ", ".join(show(item) for item in items)
        case _:
            raise TypeError(node)


# -- expressions ---------------------------------------------------------------------------

LATEX = [
    # symbols
    (r"\sigma", "σ"),
    (r"\varphi \phi \varepsilon \epsilon \ell \Theta", "(* φ φ ε ε ℓ Θ)"),
    (r"w_{12}^{(2)} w^{(2)}_{12}", "(* w_12^(2) w_12^(2))"),
    (r"{w}_{12}^{(2)} {w_{12}}^{(2)}", "(* w_12^(2) w_12^(2))"),
    (r"a^{[1](i)} a^{(l-1)T} z^{n_l}\,", "(* a^[1](i) a^(l-1)T z^n_l)"),
    (r"g^{\left( L\right) } \left(z_{j}^{\left( L\right)}\right)", "(* g^(L) (z_j^(L)))"),
    (r"w^(2) \beta", "(* w^(2) β)"),
    (r"a_{L-1} C_{0_{j}} C_{0_j} x_{1,12} w_{i_1 j}", "(* a_L-1 C_0j C_0j x_1,12 w_i1j)"),
    (r"y_{true} y_\text{true} w_{\mathrm{out}} \text{net}_j", "(* y_true y_true w_out net_j)"),
    (r"net_j out_{o1} \alpha", "(* net_j out_o1 α)"),
    (r"\hat y \hat{y}_k \hat{y_k} \tilde{x} \bar h \widehat{\mathbf{y}}", "(* ŷ ŷ_k ŷ_k x̃ h̄ ŷ)"),
    (r"\mathbf{W}^{(2)} \boldsymbol{\delta}^l \vec x \mathcal{L} \bm{x}_1",
     "(* W^(2) δ^l x L x_1)"),
    (r"\mathit{W1}_{ij} \mathit{leaky\_relu}", "(* W1_ij leaky_relu)"),
    (r"f' f'' f^{\prime} f^{\prime\prime} \sigma'^{(2)} g^{(L)\prime} g^{(L)'}",
     "(* f' f'' f' f'' σ'^(2) g'^(L) g'^(L))"),
    (r"bde + wx_{1} + 2x", "(+ +(* b d e) +(* w x_1) +(* 2 x))"),
    (r"w2 \cdot s[3]", "(* w2 ·s[3])"),
    (r"W^T x^\top {W}^{\mathsf T} W^{\intercal} W^{\mathrm{T}}", "(* W^T x^T <{W}>^T W^T W^T)"),
    ("ŵ_{1} ϕ 𝐖 𝑥 α_{1}", "(* ŵ_1 φ W x α_1)"),
    # numbers
    (r"2 \cdot 0.5 \cdot .5 + \frac12 + \tfrac{3}{4} + ½\pi",
     "(+ +(* 2 ·1/2 ·1/2) +(/ 1 2) +(/ 3 4) +(* 1/2 π))"),
    # powers
    (r"x^2 e^{-x} {h_{1}^{(3)}}^2 (W^{(2)})^{T} 2^3",
     "(* x^2 e^-x <{h_1^(3)}>^2 <(W^(2))>^T <2>^3)"),
    (r"\left(a-y\right)^2 \frac{a}{b}^2", "(* <((+ +a -y))>^2 <(/ a b)>^2)"),
    # products, quotients
    (r"a\cdot b\times c\ast d*e\odot f\circ g\otimes h\oslash k\div l/m",
     "(* a ·b ×c *d *e ⊙f ⊙g ⊗h ⊘k /l /m)"),
    (r"w_o.(w_h.i).\eta", "(* w_o .((* w_h .i)) .η)"),
    (r"-\eta.-(t-r).w", "(+ -(* η .(+ -((+ +t -r))) .w))"),
    (r"{(t - r_o)^2\over 2}.{1 \over 2}", "(* (/ <((+ +t -r_o))>^2 2) .(/ 1 2))"),
    (r"\dfrac{a}{b} \frac ab \frac\pi2", "(* (/ a b) (/ a b) (/ π 2))"),
    (r"a - -b + +c \pi", "(+ +a -(+ -b) +(* c π))"),
    (r"{t - (w_o.i)} \pi", "(* (+ +t -((* w_o .i))) π)"),
    # brackets
    (r"\bigl[ (a) \bigr] \Big( b \Big) \left\{ c \right\} \lvert d \rvert \|e\| |f|",
     "(* [(a)] (b) {c} |d| ‖e‖ |f|)"),
    (r"\|y - a\|^2 + \left\|x\right\|_2^2 + |a||b|", "(+ +<‖(+ +y -a)‖>^2 +<‖x‖>^2 +(* |a| |b|))"),
    (r"J(W,b) f(x; \theta)", "(* J (W, b) f (x, θ))"),
    # functions
    (r"\log o_k + \ln(1-o_k) + \exp\left(-z\right)", "(+ +log<o_k> +ln<(+ +1 -o_k)> +exp<(+ -z)>)"),
    (r"\tanh^2 z + \tanh^{2}(z) + \tanh'(z) + \tanh(z)^2",
     "(+ +tanh^2<z> +tanh^2<z> +tanh'<z> +<tanh<z>>^2)"),
    (r"\log \sigma(z) + \sin 2x + y \log a", "(+ +log<(* σ (z))> +sin<(* 2 x)> +(* y log<a>))"),
    (r"\operatorname{relu}(z) \text{ReLU}'(z) \mathrm{sigmoid}(z)",
     "(* relu<z> ReLU'<z> sigmoid<z>)"),
    (r"exp(-z) sigmoid(z) wReLU(z)\,", "(* exp<(+ -z)> sigmoid<z> w ReLU<z>)"),
    (r"\operatorname{softmax}(z) softmax(z) \text{diag}(a)",
     "(* softmax (z) softmax (z) diag (a))"),
    (r"\sigma(z)(1-\sigma(z))", "(* σ (z) ((+ +1 -(* σ (z)))))"),
    (r"\sqrt{x^2+1} \sqrt2", "(* √<(+ +x^2 +1)> √<2>)"),
    (r"\max(0, z) + \max\{z, 0\} + \max(a, b)",
     "(+ +relu<z> +relu<z> +(cases b if b > a; a if else))"),
    # sums
    (r"\sum_k a_k b + c_{1}", "(+ +(sum k: (* a_k b)) +c_1)"),
    (r"\sum_{k=1}^{n} w_{jk}\,a_k^{(l-1)}", "(sum k from 1 to n: (* w_jk a_k^(l-1)))"),
    (r"\sum\limits_{j=0}^{n-1}\left( a_{j}-y_{j}\right) ^{2}",
     "(sum j from 0 to (+ +n -1): <((+ +a_j -y_j))>^2)"),
    (r"\sum_{k \ne j} a_k \cdot \sum_{i,j} w_{ij}", "(sum k if k ≠ j: (* a_k ·(sum i,j: w_ij)))"),
    (r"\sum_{k=1, k\neq j}^{n} a_k", "(sum k from 1 to n if k ≠ j: a_k)"),
    (r"\sum_{\substack{k=1 \\ k \ne j}}^n a_k", "(sum k from 1 to n if k ≠ j: a_k)"),
    (r"\sum_{k \in \text{out}} w_{kj}", "(sum k if k ∈ out: w_kj)"),
    (r"\sum_{ij} \sum_{k'} x", "(sum i,j: (sum k': x))"),
    (r"\sum_{1 \le k \le n} x", "(sum k if 1 ≤ k if k ≤ n: x)"),
    (r"\sum_i -y_i \log a_i", "(sum i: (+ -(* y_i log<a_i>)))"),
    (r"-\sum_i y_i a_i", "(+ -(sum i: (* y_i a_i)))"),
    (r"∑_{k} a_k + Σ_{k} b_k", "(+ +(sum k: a_k) +(sum k: b_k))"),
    (r"\prod_{l=1}^L w^l \operatorname*{max}_{k} u_{k}",
     "(prod l from 1 to L: (* w^l (max k: u_k)))"),
    (r"\arg\max_k z_k + \argmax_{k} z_k", "(+ +(argmax k: z_k) +(argmax k: z_k))"),
    # derivatives
    (r"\frac{\partial J}{\partial w_{12}^{(2)}}", "(∂ J by w_12^(2))"),
    (r"{\partial E\over \partial w_o} {dx \over dy}",
     "(* (∂ E by w_o) (d x by y or (/ (* d x) (* d y))))"),
    (r"\frac{\partial}{\partial w} f(x) \cdot y", "(* (∂ (* f (x)) by w) ·y)"),
    (r"\frac{\partial}{\partial w}\left[(y - wx)^2\right] z",
     "(* (∂ [<((+ +y -(* w x)))>^2] by w) z)"),
    (r"\frac{\partial}{\partial w} a \frac{\partial}{\partial v} b", "(* (∂ a by w) (∂ b by v))"),
    (r"\frac{\partial (t - wi)^2}{\partial (t - wi)}",
     "(∂ <((+ +t -(* w i)))>^2 by ((+ +t -(* w i))))"),
    (r"\frac{\partial {(t - r)^2\over 2}}{\partial w}", "(∂ (/ <((+ +t -r))>^2 2) by w)"),
    (r"\frac{d}{d_{w8}}f_e", "(d f_e by w_8 or (* (/ d d_w8) f_e))"),
    (r"\frac{d}{d_{w8}}\frac{}{}u_4", "(d u_4 by w_8 or (* (/ d d_w8) u_4))"),
    (r"\frac{dJ}{dw} + \frac{d_4}{d_5}", "(+ +(d J by w or (/ (* d J) (* d w))) +(/ d_4 d_5))"),
    (r"\frac{\mathrm{d} J}{\mathrm{d} w} + \frac{\text{d}J}{\text{d}w}",
     "(+ +(d J by w) +(d J by w))"),
    (r"\partial J/\partial w_{12} \cdot dJ/dw",
     "(* (∂ J by w_12) ·(d J by w or (* (* d J) /(* d w))))"),
    (r"\nabla_W J + \nabla_{W^{(1)}} J(W) + \partial_w J",
     "(+ +(∇ J by W) +(∇ (* J (W)) by W^(1)) +(∂ J by w))"),
    (r"\frac{\partial J(\theta)}{\partial \theta_1}", "(∂ (* J (θ)) by θ_1)"),
    (r"\left. \frac{\partial J}{\partial a} \right|_{\text{direct}}", "(∂ J by a direct)"),
    (r"\frac{\partial J}{\partial a}\Big|_{direct}", "(∂ J by a direct)"),
    (r"\frac{dE}{dnet_j}", "(d E by net_j or (/ (* d E) (* d net_j)))"),
    (r"\mathrm{d}W + dW^{[1]}", "(+ +(* d W) +(* d W^[1]))"),
    (r"\Delta w_o + \Delta + \Delta_{1}", "(+ +(Δ w_o) +Δ +Δ_1)"),
    # conditions
    (r"[z > 0] [i = k] \left[i \neq k\right]", "(* [z > 0] [i = k] [i ≠ k])"),
    (r"\mathbb{1}[z>0] \mathbb{1}_{\{z>0\}} \mathbf 1(z>0) 1_{z>0} I(z>0) \mathbb{I}\{i=j\} "
     r"1\{z \geq 0\}",
     "(* [z > 0] [z > 0] [z > 0] [z > 0] [z > 0] [i = j] [z ≥ 0])"),
    (r"\mathbf{1} - \mathbf{1}^T a", "(+ +𝟏 -(* 𝟏^T a))"),
    (r"\delta_{ij} \delta_j^{(l)}", "(* δ_ij δ_j^(l))"),
    (r"\begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}",
     "(cases 1 if z > 0; 0 if else)"),
    (r"\begin{cases} x, & x \ge 0 \\ 0.01x, & if x < 0 \end{cases}",
     "(cases x if x ≥ 0; (* 1/100 x) if x < 0)"),
    (r"\left\{\begin{array}{ll} z & z > 0 \\ 0 & otherwise\end{array}\right.",
     "(cases z if z > 0; 0 if else)"),
    # what is passed over
    (r"\displaystyle a\,b\;c\!d\ e~f\quad g {} h \label{x} \tag{3} \nonumber",
     "(* a b c d e f g h)"),
    (r"\underbrace{(a-y)}_{\text{error}} \color{red}{x_1} \boxed{b} \cancel{c} \textcolor{blue}{d}",
     "(* ((+ +a -y)) x_1 b c d)"),
    (r"a \text{ (chain rule)}", ""),
    (r"a + \dots + b \cdot \ldots \cdot c", "(+ +a +… +(* b ·… ·c))"),
    ("a % a remark\n b_{1}", "(* a b_1)"),
]  # fmt: skip

PLAIN = [
    ("w_12^(2)", "w_12^(2)"),
    ("w2[1,2] a{L-1}[k] g{L}'(z) w2[i, j]", "(* w2[1,2] a{L-1}[k] g'{L} (z) w2[i,j])"),
    ("net*w_o + C_0_j + y_hat", "(+ +(* net *w_o) +C_0j +y_hat)"),
    ("w_1,12^(2) z_j,k", "(* w_1,12^(2) z_j,k)"),
    ("J(W, b) f(x; w)", "(* J (W, b) f (x, w))"),
    ("W₁ᵀ δ⁽²⁾ w₁₂ wᵢⱼ x² a⁻¹ (W^(2))ᵀ W^(2)ᵀ",
     "(* W_1^T δ^(2) w_12 w_ij x^2 a^-1 <(W^(2))>^T <W^(2)>^T)"),
    ("a**2 + b^-1 + 2^a^2 + e^(-x)", "(+ +a^2 +b^-1 +<2>^a^2 +e^(-x))"),
    ("σ'(z) f''(x) σ′(z)", "(* σ' (z) f'' (x) σ' (z))"),
    ("1e-3*x + .5*y + 2.x + w.x + ½ z",
     "(+ +(* 1/1000 *x) +(* 1/2 *y) +(* 2 .x) +(* w .x) +(* 1/2 z))"),
    ("a · b × c ⊙ d ⊘ e @ f.T", "(* a ·b ×c ⊙d ⊘e .f^T)"),
    ("a b - c/d e", "(+ +(* a b) -(* c /d e))"),
    ("sigmoid(z) + tanh z + ReLU(z) + exp(-x) + relu'(z)",
     "(+ +sigmoid<z> +tanh<z> +ReLU<z> +exp<(+ -x)> +relu'<z>)"),
    ("sum(i,j: w[i,j]*x[j]) * 2", "(* (sum i,j: (* w[i,j] *x[j])) *2)"),
    ("max(k: u[k]) + max(0, z) + max_k z_k", "(+ +(max k: u[k]) +relu<z> +(max k: z_k))"),
    ("delta(i,j)*delta(i,argmax(k: w[k]))", "(* [i = j] *[i = (argmax k: w[k])])"),
    ("Σ_k w_ki^3 δ_k + 1", "(+ +(sum k: (* w_ki^3 δ_k)) +1)"),
    ("Σ_(k≠j) a_k", "(sum k if k ≠ j: a_k)"),
    ("Σ_k=1^3 a_k", "(sum k from 1 to 3: a_k)"),
    ("∂J/∂h_1^(3) · ∂h_1^(3)/∂z", "(* (∂ J by h_1^(3)) ·(∂ h_1^(3) by z))"),
    ("∂/∂w [½ (t - r)^2]", "(∂ [(* 1/2 <((+ +t -r))>^2)] by w)"),
    ("(∂J/∂a)|direct + ∂J/∂a|direct", "(+ +(∂ J by a direct) +(∂ J by a direct))"),
    ("dJ/dw", "(d J by w or (* dJ /dw))"),
    ("d/dw_8 f_e × s", "(* (d f_e by w_8 or (* d /dw_8 f_e)) ×s)"),
    ("d/d_w8 [s4^2]", "(d [s4^2] by w_8 or (* d /d_w8 [s4^2]))"),
    ("d(t - w)^2/dw", "(d <((+ +t -w))>^2 by w or (* (* d <((+ +t -w))>^2) /dw))"),
    ("d_4/d_5", "(* d_4 /d_5)"),
    ("∂z2[k] * w", "(* ∂z2[k] *w)"),
    ("∇_W J", "(∇ J by W)"),
    ("Δw + Δ", "(+ +(Δ w) +Δ)"),
    ("[z > 0] (z >= 0) 𝟙[i != j] I(k == j) 𝟏", "(* [z > 0] [z ≥ 0] [i ≠ j] [k = j] 𝟏)"),
    ("√(x + 1) + √x + |z| + ‖v‖^2", "(+ +√<(+ +x +1)> +√<x> +|z| +<‖v‖>^2)"),
    ("-(((W^2)ᵀ (y - a)) ⊙ step(z)) xᵀ",
     "(+ -(* ((* ((* <(W^2)>^T ((+ +y -a)))) ⊙step<z>)) x^T))"),
    ("h_1 w_6 + … + h_2 w_8", "(+ +(* h_1 w_6) +… +(* h_2 w_8))"),
    ("X.T.dot(h) + np.exp(x)", "(+ +(* X^T .(h)) +exp<x>)"),
    ("a # a remark", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tree"), [row for row in LATEX + PLAIN if row[1]])
def test_an_expression_is_read(text: str, tree: str) -> None:
    assert show(parse_formula(text)) == tree


TWINS = [
    (r"\frac{\partial J}{\partial w_{12}^{(2)}}", "∂J/∂w_12^(2)"),
    (r"\sum_{k} w_{kj} \cdot \sigma'(z_k^{(2)})", "Σ_k w_kj · σ'(z_k^(2))"),
    (r"W^{\top} \odot \delta^{(2)} - \eta \times x_{1}^{2}", "Wᵀ ⊙ δ^(2) - η × x_1^2"),
    (r"[i = k] \left(1 - a_{1}\right)^2", "[i = k] (1 - a_1)^2"),
    (r"\left.\frac{\partial J}{\partial a}\right|_{\text{direct}}", "∂J/∂a|direct"),
    (r"\Delta w_{o} + \nabla_W J + \sqrt{x}", "Δw_o + ∇_W J + √x"),
    (r"\tanh'(z) + \exp(-x) + \max_k z_k", "tanh'(z) + exp(-x) + max_k z_k"),
]


@pytest.mark.parametrize(("latex", "text"), TWINS)
def test_latex_and_plain_text_make_the_same_tree(latex: str, text: str) -> None:
    assert show(parse_formula(latex)) == show(parse_formula(text))


def test_a_superscript_keeps_both_ways_open() -> None:
    symbol = parse_formula(r"z^{(l-1)}\,")
    assert isinstance(symbol, Symbol)
    assert symbol.sup is not None
    assert symbol.sup.text == "(l-1)"
    assert isinstance(symbol.sup.node, Group)
    star = parse_formula(r"z^{*}\,")
    assert isinstance(star, Symbol)
    assert star.sup is not None
    assert (star.sup.text, star.sup.node) == ("*", None)


def test_names_keep_how_they_are_written() -> None:
    for text, raw, letter, sub in [
        ("w_o", "w_o", "w", "o"), ("C_0_j", "C_0_j", "C", "0j"), ("w₁", "w₁", "w", "1"),
        ("W1", "W1", "W1", ""), ("step_size", "step_size", "step", "size"),
    ]:  # fmt: skip
        symbol = parse_formula(text)
        assert isinstance(symbol, Symbol)
        assert (symbol.raw, symbol.letter, symbol.sub) == (raw, letter, sub)
    bold = parse_formula(r"\mathbf{w}")
    assert isinstance(bold, Symbol)
    assert (bold.letter, bold.bold, bold.raw) == ("w", True, "")


def spans(node: object) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every symbol below a node with its span."""
    if isinstance(node, Symbol):
        yield node.letter, node.span
    if isinstance(node, Node | Superscript):
        for part in fields(node):
            yield from spans(getattr(node, part.name))
    elif isinstance(node, tuple):
        for part in node:
            yield from spans(part)


def test_spans_say_where_a_symbol_stands() -> None:
    text = r"\frac{\partial J}{\partial w_{12}^{(2)}} + \sum_{k} \hat{y}_k a^{b}"
    found = {letter: text[slice(*span)] for letter, span in spans(parse_formula(text))}
    assert found == {
        "J": "J", "w": "w_{12}^{(2)}", "ŷ": r"\hat{y}_k", "a": "a^{b}", "b": "b",
    }  # fmt: skip


# -- lines ---------------------------------------------------------------------------------


def lines(text: str) -> list[str]:
    """The lines of a text: `left = right`, `… = right` where it goes on, quoted where prose."""
    shown = []
    for line in parse_formulas(text).lines:
        if line.right is None:
            assert line.prose
            shown.append(f"'{text[slice(*line.span)]}'")
            continue
        left = show(line.left) if line.left else "…"
        where = f" where {show(line.condition)}" if line.condition else ""
        shown.append(f"{'let ' * line.let}{left} = {show(line.right)}{where}")
    return shown


LINES: list[tuple[str, list[str]]] = [
    # conditions on claims
    ("a_i = 2 if i = j", ["a_i = 2 where i = j"]),
    ("a_i = 2 for i ≠ j", ["a_i = 2 where i ≠ j"]),
    ("If z > 0: y = z", ["y = z where z > 0"]),
    ("y = z, z > 0", ["y = z where z > 0"]),
    (r"a_i = b_i c_j \quad (i \neq j)", ["a_i = (* b_i c_j) where i ≠ j"]),
    (r"a_i = b_i c_j, \quad i = j", ["a_i = (* b_i c_j) where i = j"]),
    ("y = x (z > 0)", ["y = (* x [z > 0])"]),
    # definitions behind what they are used in
    (r"δ a \quad \text{where } δ = y - a", ["… = (* δ a)", "let δ = (+ +y -a)"]),
    ("δ a, where δ = y - a", ["… = (* δ a)", "let δ = (+ +y -a)"]),
    ("x", ["… = x"]),
    ("x = y", ["x = y"]),
    ("A = B = C", ["A = B", "… = C"]),
    ("A = B\n= C\n  = D", ["A = B", "… = C", "… = D"]),
    ("A = B\nC = D", ["A = B", "C = D"]),
    ("A =\n B", ["A = B"]),
    ("A = B +\n C", ["A = (+ +B +C)"]),
    ("A = B\n + C\n - D\n · E", ["A = (+ +B +C -(* D ·E))"]),
    ("A = (B\n + C)", ["A = ((+ +B +C))"]),
    ("A = B\n-C", ["A = B", "… = (+ -C)"]),
    ("A = B\n\nC\n= D", ["A = B", "C = D"]),
    ("∂J/∂w\n= x\n= y", ["(∂ J by w) = x", "… = y"]),
    ("a b\n= c", ["… = (* a b)", "… = c"]),
    ("a = b, c = d; e = f", ["a = b", "c = d", "e = f"]),
    ("a = b and c = d", ["a = b", "c = d"]),
    ("let z = w*x", ["let z = (* w *x)"]),
    ("Let z = w*x and u = 2, so y = z", ["let z = (* w *x)", "let u = 2", "y = z"]),
    ("J = (a - y)^2, where a = f(z)", ["J = <((+ +a -y))>^2", "let a = (* f (z))"]),
    ("z := w*x", ["let z = (* w *x)"]),
    ("so x = y.", ["x = y"]),
    ("Therefore, from eq. (2.3), x = y", ["x = y"]),
    ("We get:\nx = y", ["'We get:'", "x = y"]),
    ("Answer: -(y - h) x", ["… = (+ -(* ((+ +y -h)) x))"]),
    ("the derivative of a sum is the sum of the derivatives\nx = y",
     ["'the derivative of a sum is the sum of the derivatives'", "x = y"]),
    ("x = y (chain rule)", ["x = y"]),
    ("x = y   (1.2)", ["x = y"]),
    ("x = y ... eq. (1.2)", ["x = y"]),
    (r"x = y \ldots", ["x = (* y …)"]),
    ("1) x = y\n2) z = w", ["x = y", "z = w"]),
    ("x = 2 for k = 1, …, n", ["x = 2"]),
    ("a_j = 2, j = 1, 2, …, n", ["a_j = 2"]),
    ("a_ij = 2 for all i, j", ["a_ij = 2"]),
    ("∂J/∂w = x. The rest is ∂J/∂b = 1.", ["(∂ J by w) = x", "(∂ J by b) = 1"]),
    ("so the gradient of w is x y, and b = 1", ["'x y'", "b = 1"]),
    ("= x", ["… = x"]),
    # what is indented like a reason stands between the lines of a chain
    ("A = B\n    C = D\n  = E", ["A = B", "C = D", "A = E"]),
    ("A = B\n  = C\n    C = D\n  = E", ["A = B", "… = C", "C = D", "A = E"]),
    (r"a_{1} &= b \\ &= c \\ d &= e", ["a_1 = b", "… = c", "d = e"]),
    (r"\begin{align} a &= b \\ &= c \nonumber \\ &\quad {} - d \\ &\quad {} \cdot e \end{align}",
     ["a = b", "… = (+ +c -(* d ·e))"]),
    ("\\begin{align*}\n\\frac{\\partial E}{\\partial w}\n  &= a\\\\\n  &= b\n\\end{align*}",
     ["(∂ E by w) = a", "… = b"]),
    ("$$ a = b $$ $$ c = d $$", ["a = b", "c = d"]),
    ("\\[ a = b_{1}\n+ c \\]", ["a = (+ +b_1 +c)"]),
    (r"a = b \quad c = d \quad (3)\,", ["a = b", "c = d"]),
    (r"a = b \qquad \text{(chain rule)}", ["a = b"]),
    (r"a = b \text{ ... eq.(2.1)}", ["a = b"]),
    (r"\text{Here, } z = a,x=z^2, \text{ and } y=w \text{ ,therefore, }",
     ["let z = a", "let x = z^2", "let y = w"]),
    (r"\Rightarrow w_o &= w_o + \Delta w_o", ["w_o = (+ +w_o +(Δ w_o))"]),
    (r"\delta_j \equiv \frac{\partial C}{\partial z_j}", ["let δ_j = (∂ C by z_j)"]),
    ("a = b_{1}<br>= c \\<br>= d", ["a = b_1", "… = c", "… = d"]),
    (r"Remove\ s_3\ and\ apply\ chain\ rule,\ \<br> a = b",
     [r"'Remove\ s_3\ and\ apply\ chain\ rule,'", "a = b"]),
    (r"\intertext{the sum $a = b$} a &= c", [r"'\intertext{the sum $a = b$}'", "a = c"]),
    ("$h_{1}^{(3)}$ = $z_{1}^{(2)}$ [Assuming a Linear o/p activation]", ["h_1^(3) = z_1^(2)"]),
    ("Since $z = wx$, we get $\\frac{dz}{dw} = x$.",
     ["z = (* w x)", "(d z by w or (/ (* d z) (* d w))) = x"]),
    (r"f(x) \overset{(a)}{=} b", ["(* f (x)) = b"]),
    ("dJ/dw = x\r\n= y\r\n", ["(d J by w or (* dJ /dw)) = x", "… = y"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_lines(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


def test_right_sides_are_numbered() -> None:
    formulas = parse_formulas("a = b = c\nwe see that\nd = e")
    assert [(line.number, line.prose) for line in formulas.lines] == [
        (1, False), (2, False), (2, True), (3, False),
    ]  # fmt: skip
    assert not formulas.latex
    assert parse_formulas(r"\pi").latex
    assert parse_formulas("a_{1}").latex


# what the four sources write
SOURCES = [
    (
        r"g_8 = \frac{d}{d_{w8}}f_e = \frac{d}{d_{w8}}[\frac{s_3^2 +s_4^2}{2}]\ \<br>Remove\ s_3\ "
        r"and\ apply\ chain\ rule,\ \<br>= \frac{d}{d_{w8}}[\frac{s_4^2}{2}] = \frac{d}{d_{s4}}"
        r"[\frac{s_4^2}{2}] \times \frac{d}{d_{w8}}s_4<br>= \frac{2s_4}{2} \times \frac{d}{d_{w8}}"
        r"s_4 = s_4 \times \frac{d}{d_{w8}}[u_4-y_4]\ \<br>Remove\ y_4\ which\ is\ constant,\ "
        r"\<br>= s_4 \times \frac{d}{d_{w8}}\frac{}{}u_4 = s_4 \times \frac{d}{d_{w8}}f(d_4+b_4) ="
        r"<br>s_4 \times t(d_4+b_4) \times \frac{d}{d_{w8}}[d_4+b_4] \ \<br>Remove\ b_4\ which\ is"
        r"\ not\ related,\ \<br>= s_4 \times t(d_4+b_4) \times \frac{d}{d_{w8}}[h_1w_6 + h_2w_8]\ "
        r"\<br>Remove\ w_6\ which\ is\ not\ related,\ \<br>= s_4 \times t(d_4+b_4) \times "
        r"\frac{d}{d_{w8}}h_2w_8 \ \<br>= [(s_4 \times 1) \times t(d_4+b_4)] \times h_2",
        12,
        "(* [(* ((* s_4 ×1)) ×t ((+ +d_4 +b_4)))] ×h_2)",
    ),
    (
        r"\[ C_{0_{j}}=C_{0_{j}}\left( a_{j}^{\left( L\right) }\left(\rule[-0.1in]{0in}{0.3in}"
        r"z_{j}^{\left( L\right) }\left( w_{j}^{\left(L\right) }\right) \right) \right) "
        r"\text{.} \]",
        1,
        "(* C_0j ((* a_j^(L) ((* z_j^(L) (w_j^(L)))))))",
    ),
    (
        "$$\n\\begin{align}\nE &= {(t - (w_o.(w_h.i)))^2\\over 2} \\text { (from eq.(1.2))}\\\\\n"
        "{\\partial E\\over \\partial w_{o}}&={\\partial {(t - (w_o.(w_h.i)))^2\\over 2}\\over "
        "\\partial w_o}\\\\\n&={1 \\over 2}.{\\partial {(t - (w_o.w_h.i))^2}\\over \\partial w_{o}}"
        " \\text{ ... eq.(2.1)}\\\\\n\\end{align}\n$$",
        3,
        "(* (/ 1 2) .(∂ <((+ +t -((* w_o .w_h .i))))>^2 by w_o))",
    ),
    (
        r"\frac{\partial J}{\partial w_{12}^{(2)}} = \frac{\partial J}{\partial h_{1}^{(3)}} "
        r"\frac{\partial h_{1}^{(3)}}{\partial z_{1}^{(2)}} "
        r"\frac{\partial z_{1}^{(2)}}{\partial w_{12}^{(2)}}",
        1,
        "(* (∂ J by h_1^(3)) (∂ h_1^(3) by z_1^(2)) (∂ z_1^(2) by w_12^(2)))",
    ),
]


@pytest.mark.parametrize(("text", "number", "last"), SOURCES)
def test_the_sources_are_read(text: str, number: int, last: str) -> None:
    read = [line for line in parse_formulas(text).lines if line.right is not None]
    assert len(read) == number
    assert read[-1].right is not None
    assert show(read[-1].right) == last


# -- what is refused -----------------------------------------------------------------------

# the text, the line and column of the caret, what is said
REFUSED = [
    ("", 1, 1, "there is no formula"),
    ("we think about it", 1, 1, "there is no formula"),
    ("x +", 1, 4, "a factor is expected, and the formula ends"),
    ("a * * b", 1, 5, "a factor is expected"),
    ("a\n(b + c", 2, 1, "this ( is never closed"),
    ("a + b)", 1, 6, "this ) closes nothing"),
    ("(a + b]", 1, 7, "this ] does not fit the ("),
    (r"\frac{a}{b", 1, 9, "this { is never closed"),
    (r"\frac{a}", 1, 9, "the denominator is expected"),
    (r"\frac{}{b}", 1, 7, "the numerator is missing"),
    (r"\frac{\partial J}{w}", 1, 19, "stands above the line and not below"),
    (r"\frac{\partial J}{\partial}", 1, 19, "what it is differentiated by is missing"),
    (r"\frac{\partial^2 J}{\partial w^2}", 1, 7, "a second derivative"),
    (r"\frac{\partial a + b}{\partial w}", 1, 16, "not clear how far the differential goes"),
    (r"\frac{\partial}{\partial w} = 2", 1, 1, "what is differentiated is expected"),
    (r"\partial J", 1, 1, "divided by"),
    (r"\nabla J", 1, 1, "with respect to what"),
    (r"x^2^3 + \pi", 1, 4, "a second superscript"),
    ("w_{1}_{2}", 1, 6, "a second subscript"),
    (r"x^10 + \pi", 1, 3, "only the first character"),
    (r"w_12 + \pi", 1, 3, "only the first character"),
    (r"w_h1 + \pi", 1, 3, "only the first character"),
    (r"\foo{x}", 1, 1, r"the command \foo is not known"),
    (r"\parital J", 1, 1, r"the command \parital is not known"),
    (r"\def\x{y}", 1, 1, r"\def is not read"),
    (r"\input{/etc/passwd}", 1, 1, r"\input is not read"),
    (r"\begin{bmatrix} 1 \end{bmatrix}", 1, 1, "matrices written out"),
    (r"\begin{align} a = b", 1, 1, "is never closed"),
    (r"$a = \pi", 1, 1, "this $ is never closed"),
    (r"\left( a \right]", 1, 10, "does not fit"),
    (r"\left a", 1, 1, "a bracket is expected"),
    (r"\sum a_k", 1, 1, "over which index"),
    (r"\sum_{k}", 1, 9, "what the Σ goes over"),
    ("sum(k w[k])", 1, 1, "over which index"),
    (r"\log a b", 1, 6, "not clear where the argument of log ends"),
    (r"\sqrt[3]{x}", 1, 6, "only square roots"),
    (r"\left. x^2 \right|_{x=1}", 1, 12, "where something is evaluated"),
    (r"(f)' + \pi", 1, 4, "a prime on more than a name"),
    ("2 3", 1, 1, "two numbers side by side"),
    ("|a", 1, 1, "this | is never closed"),
    ("()", 1, 1, "nothing stands in ()"),
    ("x ≈ y", 1, 3, "cannot be read"),
    (r"w \leftarrow w - \eta", 1, 3, "cannot be read"),
    (r"a \pm b", 1, 3, "cannot be read"),
    ("y > x", 1, 3, "not `>`"),
    ("[0 < z < 1]", 1, 2, "a condition has one sign"),
    ("x =", 1, 3, "the right side is missing"),
    ("a, b", 1, 2, "not `,`"),
    ("a, b = 2", 1, 1, "this is no equation"),
    ("∂J/∂w: 2 x", 1, 6, "a colon stands behind a formula"),
    ("If i = j:\na_i = 2", 1, 6, "a claim under a condition"),
    ("relu'(z) = 1 if z > 0 else 0", 1, 19, "a claim under a condition"),
    ("1" * 500, 1, 1, "a number of more than 400 digits"),
    ("x = 0." + "0" * 330 + "1", 1, 5, "is too small"),
    ("x\0y", 1, 2, "U+0000"),
    ("x\ud800", 1, 2, "U+D800"),
    ("x\u202ey", 1, 2, "U+202E"),
    ("x = 😀", 1, 5, "cannot be read"),
    ("\n\nx = (", 3, 5, "this ( is never closed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "says"), REFUSED)
def test_what_is_refused_and_where(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_formulas(text)
    assert says in f"{caught.value.message}; {caught.value.suggestion}"
    place = Source(text, "").place(caught.value.span)
    assert (place.line, place.column) == (line, column)


@pytest.mark.parametrize("text", ["a = b", "", r"\alpha = 2"])
def test_one_expression_is_no_equation(text: str) -> None:
    with pytest.raises(Mistake):
        parse_formula(text)


# -- what is hostile -----------------------------------------------------------------------

HOSTILE = {
    "braces": "{" * 10_000,
    "closed braces": r"\pi" + "{" * 10_000 + "x" + "}" * 10_000,
    "a bomb": "2^{" * 5_000 + "2" + "}" * 5_000,
    "a small bomb": "2^{" * 199 + "2" + "}" * 199,
    "a long line": "a" * 1_000_000,
    "many lines": "a\n" * 500_000,
    "many formulas": "a=" * 24_000 + "a",
    "above 1 MB": "a\n" * 500_001,
    "dollars": "$\n" * 400_000,
    "minuses": "-" * 49_000,
    "powers": "x" + "^x" * 20_000,
    "roots": r"\sqrt" * 9_000 + " x",
    "functions": r"\log " * 9_000 + "x",
    "sums": r"\sum_k " * 7_000 + "x",
    "operators": r"\frac{d}{dx}" * 4_000 + "y",
    "differentials": r"\pi " + "d " * 20_000 + "/",
    "nested differentials": "∂(" * 190 + "x" + ")" * 190,
    "nested maxima": "max(1," * 100 + "x" + ")" * 100,
    "bars": "|" * 49_000,
    "environments": r"\begin{align}" * 3_000 + "\n" + r"\end{align}" * 3_000,
    "superscripts": "a^{b^{c_{d" * 60 + "x" + "}}}" * 60,
    "commas": "," * 49_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_soon(name: str) -> None:
    with soon(), pytest.raises(Mistake):
        parse_formulas(HOSTILE[name])


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200 + "x" + ")" * 200,
        "2^{" * 100 + "2" + "}" * 100,
        r"{a\over " * 150 + "b" + "}" * 150,
        r"\frac{\partial " * 150 + "x" + r"}{\partial y}" * 150,
        "∂a " * 10_000,
    ],
)
def test_deep_formulas_are_read(text: str) -> None:
    assert len(show(parse_formula(text))) > 200


# -- any text ------------------------------------------------------------------------------

SOUP = r"""
    \frac \partial \sum \over \left( \right) \left. \right| \begin{cases} \end{cases} \text{if}
    \text{net} \hat \mathbf \mathbb{1} \sigma \delta \Delta \nabla \sqrt \log \max \cdot \odot \\
    \begin{align} \end{align} \( \) \[ \] $ $$ & \{ \} \| \quad \, \dots \leq \ne = < > { } ( ) [ ]
    | _ ^ ' . , ; : + - * / d dw J w x 1 2 0.5 a_{1} w_{12}^{(2)} ∂ ∂J/∂w Σ_k Δw ᵀ ² ½ ⊙ δ σ'(z)
    sum(k: max(0, delta(i,j) w2[1,2] a{L-1}[k] tanh exp( let where for if the is so # % ~ @ ** := ⇒
    """
BLANKS = ["\n", " ", "  ", r"\ ", "\u0302", "\u200b", "𝟏"]
PIECES = st.sampled_from([*SOUP.split(), *BLANKS])


def check_mistake(mistake: Mistake, text: str) -> None:
    start, end = mistake.span
    assert 0 <= start < end <= len(text) + 1
    assert mistake.message


def read_or_refuse(text: str) -> None:
    try:
        formulas = parse_formulas(text)
    except Mistake as mistake:
        check_mistake(mistake, text)
        return
    numbers = [line.number for line in formulas.lines if line.right is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    for line in formulas.lines:
        assert 0 <= line.span[0] < line.span[1] <= len(text)
        for _, (start, end) in spans((line.left, line.right)):
            assert 0 <= start < end <= len(text)


@given(st.lists(PIECES, max_size=25).map("".join) | st.lists(PIECES, max_size=25).map(" ".join))
@settings(max_examples=1500, deadline=2000)
def test_any_row_of_pieces_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
@settings(max_examples=500, deadline=2000)
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


WRITTEN = [text for text, _ in LATEX + PLAIN] + [text for text, _ in LINES]


@given(st.sampled_from(WRITTEN), st.data())
@settings(max_examples=700, deadline=2000)
def test_any_damaged_formula_is_read_or_refused(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 4)))
    read_or_refuse(text[:at] + data.draw(PIECES | st.just("")) + text[end:])


# -- nothing is lost -----------------------------------------------------------------------

JOINED = ["{} {}", "{} + {}", "{} - {}", "({} {})", "{} * {}", "{}/{}", "({})^2 {}", "|{}| {}"]
IN_LATEX = [
    *JOINED, r"\frac{{{}}}{{{}}}", r"\left({} \cdot {}\right)", r"{{{} \over {}}}", r"{}^{{{}}}",
    r"\frac{{\partial {}}}{{\partial {}}}", r"\sum_{{k}} {} {}", r"\log({}) {}", r"\sqrt{{{}}} {}",
    r"\frac{{\partial}}{{\partial {}}} [{}]", r"\begin{{cases}} {} & {} > 0 \end{{cases}}",
]  # fmt: skip


def mixtures(ways: list[str], bracket: str) -> st.SearchStrategy[tuple[str, int]]:
    """Texts with @ for each name, and how many names they hold."""

    def joined(parts: tuple[str, tuple[str, int], tuple[str, int]]) -> tuple[str, int]:
        way, (one, n), (two, m) = parts
        sides = [side if side == "@" else bracket.format(side) for side in (one, two)]
        return way.format(*sides), n + m

    return st.recursive(
        st.just(("@", 1)),
        lambda inner: st.tuples(st.sampled_from(ways), inner, inner).map(joined),
        max_leaves=12,
    )


def named(shape: str, name: Callable[[int], str]) -> str:
    pieces = shape.split("@")
    return pieces[0] + "".join(name(n) + piece for n, piece in enumerate(pieces[1:]))


@given(mixtures(IN_LATEX, "({})"))
def test_latex_keeps_every_name_in_order(mixture: tuple[str, int]) -> None:
    shape, count = mixture
    text = named(shape, lambda n: f"x_{{{n}}}")
    found = list(dict.fromkeys(subs(parse_formula(text))))
    assert [sub for sub in found if sub] == [str(n) for n in range(count)]


@given(mixtures(JOINED, "({})"))
def test_plain_text_keeps_every_name_in_order(mixture: tuple[str, int]) -> None:
    shape, count = mixture
    assert list(subs(parse_formula(named(shape, lambda n: f"x_{n}")))) == [
        str(n) for n in range(count)
    ]


def subs(node: object) -> Iterator[str]:
    """The subscripts of the symbols of a tree, in order."""
    if isinstance(node, Symbol):
        yield node.sub
    if isinstance(node, Differential):  # of an operator, the variable stands first
        for inner in sorted((node.body, node.wrt), key=lambda n: n.span):
            yield from subs(inner)
    elif isinstance(node, Node | Superscript):
        for part in fields(node):
            yield from subs(getattr(node, part.name))
    elif isinstance(node, tuple):
        for part in node:
            yield from subs(part)


# -- the file's own language -----------------------------------------------------------------

SIZE = 2
NUMBERS = st.fractions(-3, 3, max_denominator=4).map(Number)
LETTERS = ("i", "j")


def wider(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        parts.map(Add),
        parts.map(Mul),
        st.tuples(inner, st.integers(1, 3)).map(lambda p: Power(p[0], Number(p[1]))),
        st.tuples(st.sampled_from(LETTERS), inner).map(lambda p: Reduce("sum", p[0], SIZE, p[1])),
        inner.map(lambda e: Apply("relu", e)),
        inner.map(lambda e: Mul((Number(-1), e))),
    )


EXPRESSIONS = st.recursive(
    st.one_of(
        NUMBERS,
        st.sampled_from([Ref("a", ()), Ref("w_o", ()), Ref("v", ("i",)), Ref("w2", (1, "j"))]),
        st.just(Delta("i", "j")) | st.just(Delta("i", 2)),
    ),
    wider,
    max_leaves=10,
)
VALUES: dict[str, Callable[..., Fraction]] = {
    "a": lambda: Fraction(3, 2),
    "w_o": lambda: Fraction(-2),
    "v": lambda i: Fraction(i, 3),
    "w2": lambda i, j: Fraction(5 * i - j),
}
Places = dict[str, int]


def value_of_expression(e: Expr, at: Places) -> Fraction:
    match e:
        case Number(value=value):
            return value
        case Ref(name=name, indices=indices):
            return VALUES[name](*(at.get(str(i), i) for i in indices))
        case Delta(left=left, right=right):
            return Fraction(at.get(str(left), left) == at.get(str(right), right))
        case Add(terms=terms):
            return sum((value_of_expression(t, at) for t in terms), Fraction(0))
        case Mul(factors=factors):
            return reduce(operator.mul, (value_of_expression(f, at) for f in factors))
        case Power(base=base, exponent=Number(value=power)):
            return value_of_expression(base, at) ** int(power)
        case Apply(argument=argument):
            return max(Fraction(0), value_of_expression(argument, at))
        case Reduce(index=index, body=body):
            places = range(1, SIZE + 1)
            return sum((value_of_expression(body, {**at, index: n}) for n in places), Fraction(0))
        case _:
            raise TypeError(e)


def value_of_tree(node: Node, at: Places) -> Fraction:
    match node:
        case Numeral(_, value):
            return value
        case Symbol():
            if node.raw in at:
                return Fraction(at[node.raw])
            indices = [at[b] if b in at else int(b) for b in node.brackets or ()]
            value = VALUES[node.raw](*indices)
            return value if node.sup is None else value ** power_of(node.sup)
        case Sum(_, terms):
            signed = (value_of_tree(t, at) * (-1 if sign == "-" else 1) for sign, t in terms)
            return sum(signed, Fraction(0))
        case Product(_, factors):
            value = Fraction(1)
            for sign, factor in factors:
                assert sign in ("", "*", "/")
                one = value_of_tree(factor, at)
                value = value / one if sign == "/" else value * one
            return value
        case Group(_, "(", inner):
            return value_of_tree(inner, at)
        case Raised(_, base, above):
            return value_of_tree(base, at) ** power_of(above)
        case Call(_, Symbol(letter="relu"), argument):
            return max(Fraction(0), value_of_tree(argument, at))
        case Big(op="sum"):
            ((letter, _),) = node.letters
            places = range(1, SIZE + 1)
            return sum((value_of_tree(node.body, {**at, letter: n}) for n in places), Fraction(0))
        case Bracketed(_, Relation(_, left, "=", right)):
            return Fraction(value_of_tree(left, at) == value_of_tree(right, at))
        case _:
            raise TypeError(node)


def power_of(above: Superscript) -> int:
    assert above.node is not None
    return int(value_of_tree(above.node, {}))


@given(EXPRESSIONS)
@settings(max_examples=400, deadline=2000)
def test_what_the_file_language_prints_is_read_again(e: Expr) -> None:
    at = {"i": 1, "j": 2}
    assert value_of_tree(parse_formula(plain(e)), at) == value_of_expression(e, at)
