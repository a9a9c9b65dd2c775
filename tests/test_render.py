"""Formulas and derivations in every format: that they say the same, and say it well."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backprove.derivation import derive
from backprove.errors import NotationError
from backprove.expr import (
    MINUS_ONE,
    Add,
    Delta,
    Derivative,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
)
from backprove.language import load as load_network
from backprove.language import parse
from backprove.network import RATE, Network, adjoint
from backprove.notation import BoundNotation, bind, load, names
from backprove.render import (
    FORMATS,
    html_of,
    html_of_network,
    latex_of,
    latex_of_derivation,
    latex_of_network,
    latex_of_step,
    mathml_of,
    render,
    text_of,
)
from backprove.render.document import changed_places
from backprove.render.graph import graph_text
from backprove.render.layout import layout
from backprove.render.matrix import matrix_equation
from backprove.render.text import lines_of, text_of_box
from backprove.rewrite import Block, Derivation, Step

EXAMPLES = Path(__file__).parent.parent / "examples"


def network(name: str) -> Network:
    return load_network(str(EXAMPLES / f"{name}.bp"))


def bound(name: str, notation: str) -> BoundNotation:
    return bind(load(notation), network(name))


SCALARS = parse("input a, b, c\nweight w[3], v[3], m[3,3]\nq = a*w[1]\nloss J = q^2")
PLAIN = bind(load("as-written"), SCALARS)
A, B, C = Ref("a"), Ref("b"), Ref("c")


def reading(text: str) -> Expr:
    """The right side of a loss, as the language reads it."""
    made = parse(f"input a, b, c\nweight w[3], v[3], m[3,3]\nloss J = {text}")
    return made.equations["J"].right


FORMULAS = [
    # file, text, LaTeX
    ("a - b", "a - b", "a - b"),
    ("a*b", "a·b", r"a \cdot b"),
    ("a*(b*c)", "a · (b·c)", r"a \cdot (b \cdot c)"),
    ("a - (b + c)", "a - (b + c)", "a - (b + c)"),
    ("a + (b - c)", "a + (b - c)", "a + (b - c)"),
    ("-(a + b)", "-(a + b)", "-(a + b)"),
    ("(a - b)^2/2", "(a - b)^2/2", r"\frac{(a - b)^{2}}{2}"),
    ("(a + b)/c", "(a + b)/c", r"\frac{a + b}{c}"),
    ("a/(b*c)", "a/(b·c)", r"\frac{a}{b \cdot c}"),
    ("sigmoid(a)^2", "sigmoid(a)^2", r"\operatorname{sigmoid}(a)^{2}"),
    ("exp(a)/(1 + exp(a))", "exp(a)/(1 + exp(a))", r"\frac{\exp(a)}{1 + \exp(a)}"),
    ("c*sqrt(a + b)", "c · √(a + b)", r"c \cdot \sqrt{a + b}"),
    ("a^(b + 1)", "a^(b + 1)", "a^{b + 1}"),
    ("(-a)^2", "(-a)^2", "(-a)^{2}"),
    ("a*(-b)", "a · (-b)", r"a \cdot (-b)"),
    ("sum(i: w[i]*v[i])", "Σ_i w[i]·v[i]", r"\sum_{i=1}^{3} w_{i} \cdot v_{i}"),
    ("sum(i: w[i] + v[i])", "Σ_i (w[i] + v[i])", r"\sum_{i=1}^{3} (w_{i} + v_{i})"),
    ("sum(i: w[i])*a", "(Σ_i w[i]) · a", r"\left(\sum_{i=1}^{3} w_{i}\right) \cdot a"),
    ("max(i: w[i])", "max_i w[i]", r"\operatorname*{max}_{i} w_{i}"),
]


@pytest.mark.parametrize(("file", "text", "latex"), FORMULAS)
def test_formulas(file: str, text: str, latex: str) -> None:
    e = reading(file)
    assert text_of(e, PLAIN) == text
    assert latex_of(e, PLAIN) == latex


NODES = [
    (Delta("i", "j"), "[i = j]"),
    (Delta("j", Reduce("argmax", "k", 3, Ref("w", ("k",)))), "[j = argmax_k w[k]]"),
    (Mul((Number(Fraction(1, 2)), A)), "½·a"),
    (Number(Fraction(3, 4)), "3/4"),
    (Mul((A, Number(Fraction(-1, 2)))), "a · (-½)"),
    (Mul((MINUS_ONE, Mul((A, B)))), "-(a·b)"),
    (Add((A, Number(-2))), "a - 2"),
    (Derivative(A, B, False), "∂a/∂b"),
    (Derivative(Add((A, B)), C, True), "∂/∂c [a + b]"),
    (Derivative(Power(A, Number(2)), Add((B, C)), False), "∂/∂(b + c) [a^2]"),
    (adjoint(Ref("w", (2,))), "∂J/∂w[2]"),
    (Ref("Δ.w", (2,)), "Δw[2]"),
    (Mul((Ref(RATE), A)), "η·a"),
]


@pytest.mark.parametrize(("e", "text"), NODES, ids=[text for _, text in NODES])
def test_nodes_that_no_file_writes(e: Expr, text: str) -> None:
    assert text_of(e, PLAIN) == text


STYLES = [
    ("one-letter", "four_neurons", Derivative(Ref("s4"), Ref("w8"), True), "d/dw_8 s_4"),
    ("one-letter", "four_neurons", Derivative(Ref("e"), Ref("w8"), True), "d/dw_8 f_e"),
    (
        "representative",
        "two_neurons",
        Derivative(Mul((Ref("w_o"), Ref("r_h"))), Ref("w_o"), False),
        "∂(w_o.r_h)/∂w_o",
    ),
    ("nielsen", "chain_3_3_1", Power(Ref("h3", (1,)), Number(2)), "(a_1^3)^2"),
    ("deeplizard", "deeplizard", Ref("a{L-2}", ("k",)), "a_k^(L-2)"),
]


@pytest.mark.parametrize(("notation", "file", "e", "text"), STYLES)
def test_notations_write_operations_their_own_way(
    notation: str, file: str, e: Expr, text: str
) -> None:
    assert text_of(e, bound(file, notation)) == text


def test_brackets_stand_around_parentheses_in_source_000() -> None:
    made = bound("four_neurons", "one-letter")
    s4, h2 = Ref("s4"), Ref("h2")
    v4 = Mul((Mul((s4, Number(1))), Ref("u4.argument")))
    assert text_of(Mul((v4, h2)), made) == "[(s_4 × 1) × (d_4 + b_4)] × h_2"


def test_a_sum_over_one_term_has_no_sigma() -> None:
    made = network("chain_3_3_1")
    printed = text_of(made.equations["J"].right, bind(load("chain"), made))
    assert printed == "(y_1 - h_1^(3))^2/2"


def test_source_001_counts_its_sums_from_zero() -> None:
    made = network("deeplizard")
    printed = latex_of(made.equations["C_0"].right, bind(load("deeplizard"), made))
    assert printed == r"\sum_{j=0}^{n-1} C_{0j}"


# -- what is printed means what was meant --------------------------------------------------

LEAVES = st.one_of(
    st.sampled_from([A, B, C]),
    st.builds(Number, st.sampled_from([Fraction(n, d) for n in range(-3, 4) for d in (1, 2, 3)])),
)


def _grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Add, several),
        st.builds(Mul, several),
        st.builds(lambda e: Mul((MINUS_ONE, e)), inner),
        st.builds(lambda a, b: Mul((a, Power(b, MINUS_ONE))), inner, inner),
        st.builds(Power, inner, st.sampled_from([Number(2), Number(3), MINUS_ONE])),
    )


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=9)
VALUES = {"a": Fraction(3, 7), "b": Fraction(-5, 3), "c": Fraction(2)}


def value(e: Expr) -> Fraction:
    match e:
        case Number(value=number):
            return number
        case Ref(name=name):
            return VALUES[name]
        case Add(terms=terms):
            return sum((value(t) for t in terms), Fraction(0))
        case Mul(factors=factors):
            result = Fraction(1)
            for factor in factors:
                result *= value(factor)
            return result
        case Power(base=base, exponent=Number(value=exponent)):
            return value(base) ** int(exponent)
    raise AssertionError(e)


def python_value(text: str) -> Fraction:
    """The value of printed mathematics, read by Python's own parser."""
    text = text.replace("½", "(1/2)").replace("·", "*").replace("^", "**")
    text = re.sub(r"(?<![\w.])(\d+)", r"F(\1)", text)
    text = re.sub(r"\*\*F\((\d+)\)", r"**\1", text)
    result = eval(text, {"F": Fraction, **VALUES})
    assert isinstance(result, Fraction)
    return result


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_text_keeps_the_value(e: Expr) -> None:
    try:
        expected = value(e)
    except ZeroDivisionError:
        assume(False)
    assert python_value(text_of(e, PLAIN)) == expected


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_latex_keeps_the_value(e: Expr) -> None:
    try:
        expected = value(e)
    except ZeroDivisionError:
        assume(False)
    latex = latex_of(e, PLAIN)
    for command in (r"\left", r"\right", r"\frac"):
        latex = latex.replace(command, "")
    plain = latex.replace(r"\cdot", "·").replace("}{", ")/(").replace("{", "(").replace("}", ")")
    plain = re.sub(r"\^\((\d+)\)", r"^\1", plain)
    assert python_value(_fractions_first(plain)) == expected


def _fractions_first(text: str) -> str:
    """(a)/(b) as one factor: ((a)/(b))."""
    while match := re.search(r"\)/\(", text):
        start, end = match.start(), match.end() - 1
        left = _partner(text, start, -1)
        right = _partner(text, end, 1)
        body = text[left:start] + ")÷(" + text[end + 1 : right + 1]
        text = f"{text[:left]}({body}){text[right + 1 :]}"
    return text.replace("÷", "/")


def _partner(text: str, place: int, way: int) -> int:
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
        place += way


# -- derivations ---------------------------------------------------------------------------

ASKED = [
    ("four_neurons", "w8", "dynamic", "one-letter"),
    ("four_neurons", "w4", "chain", "one-letter"),
    ("two_neurons", "w_o", "equation", "representative"),
    ("chain_3_3_1", "w1[1,2]", "chain", "chain"),
    ("deeplizard", "w{L-1}[1,2]", "chain", "deeplizard"),
    ("softmax_classifier", "w2[i,j]", "dynamic", "nielsen"),
    ("shared_weights", "", "dynamic", "as-written"),
]


def derivation(file: str, quantity: str, style: str, notation: str) -> Derivation:
    made = network(file)
    quantity = quantity or made.trained[0].name
    named = bind(load(notation), made).named_adjoints
    return derive(made, quantity, style=style, named=named)


@pytest.fixture(scope="module", params=ASKED, ids=lambda row: "-".join(row))
def asked(request: pytest.FixtureRequest) -> tuple[Derivation, str]:
    row = request.param
    return derivation(*row), row[3]


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_text_stays_within_the_width(asked: tuple[Derivation, str], width: int) -> None:
    text = render(*asked, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_every_line_of_the_derivation_is_there(asked: tuple[Derivation, str]) -> None:
    made, notation = asked
    squeezed = re.sub(r"\s", "", render(made, notation, width=100_000))
    box = bind(load(notation), made.network)
    for block in made.blocks:
        for line in block.lines:
            assert re.sub(r"\s", "", text_of(line.right, box)) in squeezed


def test_colour_adds_styles_and_nothing_else(asked: tuple[Derivation, str]) -> None:
    coloured = render(*asked, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(*asked)


def test_laws_are_printed_on_request(asked: tuple[Derivation, str]) -> None:
    made, notation = asked
    rules = {step.rule for block in made.blocks for step in block.steps if step.law and step.says}
    assert rules
    text = re.sub(r"\s+", " ", render(made, notation, laws=True, width=1000))
    assert sum(f"{rule}: " in text for rule in rules) > len(rules) // 2
    assert len(text) > len(re.sub(r"\s+", " ", render(made, notation, width=1000)))


def test_numbers_stand_beside_the_symbols() -> None:
    made = derivation("four_neurons", "w8", "dynamic", "one-letter")
    text = render(made, "one-letter", numbers=lambda e: "0.25" if e is Ref("h2") else None)
    assert "h_2 = 0.25" in text


@pytest.mark.parametrize("format", list(FORMATS))
def test_formats_are_not_empty_and_deterministic(
    asked: tuple[Derivation, str], format: str
) -> None:
    once = render(*asked, format)
    assert len(once) > 200
    assert once == render(*asked, format)


def test_an_unknown_format_is_met_with_the_names() -> None:
    made = derivation(*ASKED[0])
    with pytest.raises(NotationError, match="text, latex, markdown, html, json"):
        render(made, "as-written", "pdf")


def test_a_block_of_words_only_prints_in_every_format() -> None:
    words = Block((Ref("w_o"), " & 100 % of $x_1$"), before=(("see <b> \\ {", Ref("E"), "}"),))
    made = Derivation(network("two_neurons"), Ref("w_o"), "chain", "scalar", (words,), None)
    for format in FORMATS:
        assert "100" in render(made, "as-written", format)


# -- changed places ------------------------------------------------------------------------


def step(path: tuple[int, ...]) -> Step:
    return Step("r", (), "", path, A, B, ())


PLACES = [
    ([(0,)], {(0,)}),
    ([(0,), (1,)], {(0,), (1,)}),
    ([(0, 1), (0,)], {(0,)}),
    ([(0,), (0, 1)], {(0,), (0, 1)}),
    ([(0,), ()], set()),
]


@pytest.mark.parametrize(("paths", "places"), PLACES)
def test_changed_places_outlive_only_later_changes_elsewhere(
    paths: list[tuple[int, ...]], places: set[tuple[int, ...]]
) -> None:
    assert changed_places(tuple(step(path) for path in paths)) == places


def test_the_changed_place_is_underlined() -> None:
    line = lines_of(layout(Add((A, B)), PLAIN, [(1,)]), 40, color=True)
    assert line == ["a + \x1b[4mb\x1b[24m"]


# -- LaTeX ---------------------------------------------------------------------------------


def test_latex_is_balanced(asked: tuple[Derivation, str]) -> None:
    for format in ("latex", "markdown"):
        text = render(*asked, format)
        depth = 0
        for token in re.findall(r"\\[{}]|[{}]", text):
            depth += {"{": 1, "}": -1}.get(token, 0)
            assert depth >= 0
        assert depth == 0
        left, right = (re.findall(rf"\\{side}(?![a-z])", text) for side in ("left", "right"))
        assert len(left) == len(right)
        assert text.count(r"\Bigl") == text.count(r"\Bigr")
        begun, ended = re.findall(r"\\begin{(\w+\*?)}", text), re.findall(r"\\end{(\w+\*?)}", text)
        assert sorted(begun) == sorted(ended)


def test_latex_is_ascii_and_so_needs_no_font(asked: tuple[Derivation, str]) -> None:
    assert render(*asked, "latex").isascii()


def compiles(text: str, folder: Path) -> str:
    """What pdflatex says of a document that it takes."""
    (folder / "page.tex").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles_without_an_overfull_line(
    asked: tuple[Derivation, str], tmp_path: Path
) -> None:
    said = compiles(render(*asked, "latex"), tmp_path)
    too_wide = [float(w) for w in re.findall(r"Overfull \\hbox \((\d+\.?\d*)pt", said)]
    assert all(width < 20 for width in too_wide), too_wide


# names, how the weight is written in math mode, what the preamble loads for it
LETTERS = [
    ("w̃", r"\tilde{w}", ""),
    ("θ̂", r"\hat{\theta}", ""),
    ("poids_é", r"\mathit{poids}_{\text{é}}", ""),
    ("вес", r"\text{вес}", r"\usepackage[T2A]{fontenc}"),
    ("βάρος", r"\text{βάρος}", r"\usepackage{textalpha}"),
    ("权重", r"\text{权重}", "% cjk letters: these need lualatex or xelatex"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shown", "needs"), LETTERS)
def test_letters_that_math_mode_lacks_are_text(
    name: str, shown: str, needs: str, tmp_path: Path
) -> None:
    made = parse(f"input x\ntarget y\nweight {name}\nz = {name}*x\nloss J = (y - z)^2/2")
    notation = bind(load("as-written"), made)
    assert latex_of(Ref(name), notation) == shown
    text = render(derive(made, name), "as-written", "latex")
    preamble, _, body = text.partition(r"\begin{document}")
    assert needs in preamble
    assert re.sub(r"\\text\{\w+\}", "", body).isascii()
    part = render(derive(made, name), "as-written", "latex", complete=False)
    assert part.startswith("% ") == (needs != "")
    if needs == "" and shutil.which("pdflatex"):
        compiles(text, tmp_path)


# -- HTML and MathML -----------------------------------------------------------------------

VOID = frozenset(("meta", "wbr", "br", "hr", "img"))


class Checker(HTMLParser):
    """Balanced tags, and every address in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.seen: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_well_formed_and_asks_nothing_of_the_network(
    asked: tuple[Derivation, str],
) -> None:
    html = render(*asked, "html")
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert checker.addresses == []
    assert "http" not in html
    assert "@import" not in html
    assert re.findall(r"url\((?!\"data:)", html) == []
    assert not {"script", "link", "iframe", "img"} & checker.seen.keys()
    steps = sum(len(block.steps) for block in asked[0].blocks)
    assert 0 < checker.seen["details"] <= steps


def test_a_page_carries_its_font_once_and_stays_small() -> None:
    html = render(derivation(*ASKED[0]), "one-letter", "html")
    fonts = re.findall(r"base64,([A-Za-z0-9+/=]+)", html)
    assert len(fonts) == 1
    assert len(html) < 300_000


def test_a_part_for_another_page_carries_no_font() -> None:
    part = html_of(derivation(*ASKED[0]))
    assert "base64" not in part
    assert part.startswith("<style>")


def test_the_changed_place_is_marked_in_a_page() -> None:
    html = render(derivation("four_neurons", "w8", "dynamic", "one-letter"), "one-letter", "html")
    assert html.count('<mrow class="changed">') > 3


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_mathml_is_well_formed(e: Expr) -> None:
    root = ElementTree.fromstring(mathml_of(e, PLAIN).replace("&#x2061;", ""))
    assert root.tag == "math"
    for fraction in root.iter("mfrac"):
        assert len(fraction) == 2
    for raised in root.iter("msup"):
        assert len(raised) == 2


def test_mathml_of_every_network(asked: tuple[Derivation, str]) -> None:
    html = render(*asked, "html")
    found = re.findall(r"<math.*?</math>", html, flags=re.DOTALL)
    assert found
    for math in found:
        ElementTree.fromstring(math)


def leaves(root: ElementTree.Element) -> Iterator[str]:
    for node in root.iter():
        if node.text and node.text.strip():
            yield node.text.strip()


def test_mathml_holds_every_name() -> None:
    made = bound("chain_3_3_1", "chain")
    root = ElementTree.fromstring(mathml_of(Ref("w2", (1, 2)), made))
    assert "".join(leaves(root)) == "w12(2)"


# -- JSON ----------------------------------------------------------------------------------


def test_json_holds_every_step(asked: tuple[Derivation, str]) -> None:
    made, notation = asked
    data = json.loads(render(made, notation, "json"))
    assert data["style"] == made.style
    assert len(data["blocks"]) == len(made.blocks)
    steps = [s for block in data["blocks"] for line in block["lines"] for s in line["steps"]]
    assert [s["rule"] for s in steps] == [s.rule for b in made.blocks for s in b.steps]
    assert all({"rule", "says", "place", "before", "after"} <= s.keys() for s in steps)
    if made.answer is not None:
        assert data["answer"]["plain"] == repr(made.answer)


# -- matrix form ---------------------------------------------------------------------------

MATRIX = [
    # file text of the equation, in nielsen's letters
    ("z[i] = sum(j: w[i,j]*x[j]) + b[i]", "a^2 = W^2 x + b^2"),
    ("z[i] = sum(j: u[j,i]*x[j])", "z = Uᵀ x"),
    ("z[i] = x[i]*y[i]", "z = x ⊙ y"),
    ("z[i] = sigmoid(x[i])*(1 - sigmoid(x[i]))", "z = σ(x) ⊙ (𝟏 - σ(x))"),
    ("z[i] = 2*x[i] - y[i]/3", "z = 2 x - y/3"),
    ("z[i] = exp(x[i])/sum(k: exp(x[k]))", "z = exp(x)/(𝟏ᵀ exp(x))"),
    ("z[i] = sum(j,k: p[i,j]*p[j,k]*x[k])", "z = P P x"),
    ("z[i] = sum(j: p[i,j]*x[j])*y[i]", "z = (P x) ⊙ y"),
    ("z[i] = max(k: p[i,k])", None),
    ("z[i] = sum(j,k: p[i,j]*p[j,k]*p[j,i]*x[k])", "z = (P ⊙ Pᵀ) P x"),
    ("z[i] = sum(j,k: p[i,j]*p[j,k]*p[i,k]*x[k])", "z = ((P P) ⊙ P) x"),
    ("z[i] = -y[i]/x[i]", "z = -y ⊘ x"),
    ("z[i] = y[i]/(x[i] + 1)*x[i]", "z = y ⊙ x ⊘ (x + 𝟏)"),
    ("z[i] = 1/x[i]", "z = 𝟏 ⊘ x"),
    ("z[i] = x[i]^3", None),
    ("z[i] = x[2]*y[i]", None),
]


@pytest.mark.parametrize(("equation", "printed"), MATRIX)
def test_matrix_form(equation: str, printed: str | None) -> None:
    made = parse(
        "input x[4]\nconstant y[4], p[4,4], u[4,4]\nweight w[4,4]\nbias b[4]\ntarget t[4]\n"
        f"{equation}\nq[i] = sum(j: w[i,j]*z[j]) + b[i]\nloss J = sum(i: (t[i] - q[i])^2)"
        if "w[" not in equation
        else "input x[4]\nweight w[4,4]\nbias b[4]\ntarget t[4]\n"
        f"{equation}\nloss J = sum(i: (t[i] - z[i])^2)"
    )
    row = made.equations["z"]
    form = matrix_equation(row.left, row.right, bind(load("nielsen"), made))
    shown = form and f"{text_of_box(form.left)} = {text_of_box(form.right)}"
    assert shown == printed


SCALAR_FORMS = [
    ("sum(i: (t[i] - x[i])^2)/2", "‖t - x‖^2/2"),
    ("-sum(i: t[i]*log(x[i]))", "-tᵀ log(x)"),
    ("sum(i,j: t[i]*c[i,j]*x[j])", "tᵀ C x"),
    ("sum(i: x[i])", "𝟏ᵀ x"),
    ("sum(i: x[i])*sum(j: t[j])", "𝟏ᵀ x 𝟏ᵀ t"),
]


@pytest.mark.parametrize(("loss", "printed"), SCALAR_FORMS)
def test_matrix_form_of_a_scalar(loss: str, printed: str) -> None:
    made = parse(f"input x[4], t[4]\nconstant c[4,4]\nloss J = {loss}")
    row = made.equations["J"]
    form = matrix_equation(row.left, row.right, bind(load("as-written"), made))
    assert form is not None
    assert text_of_box(form.right) == printed.replace("C", "c")


GRADIENTS = [
    ("nielsen", "∂w", "δ_i a_j", "∂C/∂W^3 = δ^3 (a^2)ᵀ"),
    ("cs231n", "∂w", "δ_i a_j", "dW2 = h1 dscores2ᵀ"),
    ("nielsen", "∂h", "Σ_k δ_k w_kj", "∂C/∂a^2 = (W^3)ᵀ δ^3"),
]


@pytest.mark.parametrize(("notation", "left", "meaning", "printed"), GRADIENTS)
def test_matrix_form_of_gradients(notation: str, left: str, meaning: str, printed: str) -> None:
    made = load_network("mlp:3-4-2,sigmoid,squared_error")
    v, w, h = adjoint(Ref("z3", ("i",))), Ref("w2", ("k", "j")), Ref("h2", ("j",))
    sides: tuple[Expr, Expr]
    if left == "∂w":
        sides = adjoint(Ref("w2", ("i", "j"))), Mul((v, h))
    else:
        sides = adjoint(h), Reduce("sum", "k", 2, Mul((adjoint(Ref("z3", ("k",))), w)))
    form = matrix_equation(sides[0], sides[1], bind(load(notation), made))
    assert form is not None, meaning
    assert f"{text_of_box(form.left)} = {text_of_box(form.right)}" == printed


def test_matrix_zoom_states_shapes() -> None:
    made = derive(load_network("mlp:3-4-2,tanh,squared_error"), "w2", zoom="matrix")
    text = render(made, "nielsen")
    assert "in matrix form" in text
    assert "W^3 is 2 × 4" in text


def test_matrix_zoom_says_where_there_is_no_matrix_form() -> None:
    made = parse("input x[4]\nweight w[4]\nloss J = sum(i: x[i]^3*w[i])")
    text = render(derive(made, "w", zoom="matrix"), "as-written")
    assert text.count("no matrix form was found for ∂J/∂w[i]: the index form stands") == 1


JACOBIANS = [
    # asked, what is printed on the way
    ("mlp:3-4-2,tanh,squared_error", ["∂z3/∂h2 = w2", "∂h2/∂z2 = diag(𝟏 - h2 ⊙ h2)"]),
    ("mlp:3-4-2,tanh,cross_entropy", ["∂z3/∂h2 = w2", "diag(o) - o oᵀ", "∂J/∂o = -y ⊘ o"]),
]


@pytest.mark.parametrize(("made", "printed"), JACOBIANS)
def test_matrix_zoom_gives_the_factors_of_a_chain(made: str, printed: list[str]) -> None:
    text = render(derive(load_network(made), Ref("w1", ("i", "j")), style="chain", zoom="matrix"))
    for line in printed:
        assert line in text


@pytest.mark.parametrize("style", ["chain", "dynamic"])
def test_a_network_over_samples_has_matrix_forms(style: str) -> None:
    made = load_network("mlp:3-4-2,sigmoid,squared_error").over("m")
    text = render(derive(made, Ref("w1", ("i", "j")), style=style, zoom="matrix"))
    forms = {
        "chain": "((w2ᵀ ((y - h3) ⊙ h3 ⊙ (𝟏 - h3))) ⊙ h2 ⊙ (𝟏 - h2)) xᵀ",
        "dynamic": "∂mean_J/∂h2 = w2ᵀ ∂mean_J/∂z3\n",
    }
    assert forms[style] in text


# -- the graph -----------------------------------------------------------------------------


@pytest.mark.parametrize("notation", names())
def test_the_graph_fits_sixty_columns_and_names_every_quantity(notation: str) -> None:
    for path in sorted(EXAMPLES.glob("*.bp")):
        made = load_network(str(path))
        bound = bind(load(notation), made)
        lines = graph_text(made, bound, 60).splitlines()
        assert max(map(len, lines)) <= 60
        drawn = bound.equations
        inputs = made.of_kind("input")
        assert len([line for line in lines if "←" in line]) == len(drawn)
        assert len(lines) >= len(drawn) + len(inputs)


def test_the_graph_shows_a_skipped_layer() -> None:
    made = network("residual")
    text = graph_text(made, bind(load("as-written"), made))
    assert re.search(r"h2\[i\] ← .*h1\[i\]", text)


# -- notebooks -----------------------------------------------------------------------------


def test_networks_and_steps_draw_themselves() -> None:
    made = network("four_neurons")
    table = ElementTree.fromstring(f"<div>{html_of_network(made, 'one-letter')}</div>")
    drawn = [name for name in made.equations if not made[name].hidden]
    assert len(list(table.iter("tr"))) == len(drawn)
    assert r"d_{4} &= h_{1} \, w_{6} + h_{2} \, w_{8}" in latex_of_network(made, "one-letter")
    change = derivation("four_neurons", "w8", "dynamic", "one-letter").blocks[0].steps[0]
    assert latex_of_step(change, made, "one-letter").startswith(r"$$\frac{d}{d w_{8}}")


def test_a_derivation_draws_itself_as_latex(asked: tuple[Derivation, str]) -> None:
    latex = latex_of_derivation(*asked)
    assert latex.startswith("$$\\begin{aligned}")
    assert latex.endswith("\\end{aligned}$$")


def test_deep_expressions_print_in_every_way() -> None:
    deep = load_network(f"mlp:{'-'.join(['1'] * 70)},tanh,sse")
    whole = deep.representative().right
    notation = bind(load("nielsen"), deep)
    assert text_of(whole, notation).count("tanh") == 69
    assert latex_of(whole, notation).count(r"\tanh") == 69
    assert mathml_of(whole, notation).count("tanh") == 69
    assert len(lines_of(layout(whole, notation), 80)) > 10


def test_printing_leaves_the_recursion_limit_alone() -> None:
    before = sys.getrecursionlimit()
    render(derivation(*ASKED[0]), "one-letter", "html")
    assert sys.getrecursionlimit() == before


def test_the_graph_carries_the_indices_of_the_equations() -> None:
    made = network("deeplizard")
    text = graph_text(made, bind(load("deeplizard"), made), 60)
    assert "z_j^(L) ← w_jk^(L), a_k^(L-1)\n" in text


# -- every style, zoom and format ----------------------------------------------------------

UNNAMED = """
size n = 3, m = 2
input x[n]
target y[m]
weight W[m,n], V[m,m]
bias b[m]
h[i] = tanh(sum(j: W[i,j]*x[j]) + b[i])
q[i] = sum(j: V[i,j]*h[j])
a[i] = sigmoid(q[i] + b[i])
loss J = sum(i: (y[i] - a[i])^2)/2
"""
"""Arguments without a name: a long one and a short one."""

ORDERS = ("equation", "chain", "dynamic")


SMALLER = ("inputs = 4, hidden = 5", "inputs = 2, hidden = 2")
"""A classifier's sizes, and those with which its longest formulas are a third as long."""


@cache
def networks() -> dict[str, Network]:
    texts = {path.stem: path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*.bp"))}
    assert SMALLER[0] in texts["softmax_classifier"]
    named = {name: parse(text.replace(*SMALLER)) for name, text in texts.items()}
    return {**named, "unnamed arguments": parse(UNNAMED)}


@pytest.mark.parametrize("style", ORDERS)
@pytest.mark.parametrize("name", networks())
def test_every_style_zoom_and_format_prints(name: str, style: str) -> None:
    made = networks()[name]
    weight = made.trained[-1]
    for zoom in ("scalar", "matrix"):  # the latter prints every index form too
        if zoom == "scalar" and any(made.length(size) is None for size in weight.shape):
            continue
        place = tuple(1 for _ in weight.shape) if zoom == "scalar" else tuple("ij")
        asked = Ref(weight.name, place[: len(weight.shape)])
        derivation = derive(made, asked, style=style, zoom=zoom)
        for format in FORMATS:
            printed = render(derivation, "as-written", format)
            assert len(printed) > 100
            assert ".argument" not in printed or format == "json"


def test_a_long_unnamed_argument_is_given_a_name_first() -> None:
    made = parse(UNNAMED)
    printed = render(derive(made, Ref("W", ("i", "j")), style="chain"), "as-written")
    assert printed.lstrip().startswith("let z_h[i] = Σ_j W[i,j]·x[j] + b[i]\n")
    assert "∂h[i]/∂z_h[i]" in printed
    short = text_of(Ref("a.argument", ("k",)), bind(load("as-written"), made))
    assert short == "q[k] + b[k]"  # a short one stays as it is


def test_a_given_name_is_none_that_is_taken() -> None:
    text = UNNAMED.replace("V[m,m]", "V[m,m], z_h")
    bound = bind(load("as-written"), parse(text))
    assert text_of(Ref("h.argument", ("i",)), bound) == "u_h[i]"


@pytest.mark.parametrize("notation", names())
def test_no_hidden_name_is_ever_printed(notation: str) -> None:
    made = parse(UNNAMED)
    bound = bind(load(notation), made)
    for name, quantity in made.quantities.items():
        for ref in (Ref(name, tuple("ij"[: len(quantity.shape)])), Ref(name)):
            assert "argument" not in text_of(ref, bound) + latex_of(adjoint(ref), bound)
    assert set(bound.lets) == {e.name for e in bound.equations} - {"h", "q", "a", "J"}


# -- signs that cannot be misread ----------------------------------------------------------

TWO, HALF, SUM = Number(2), Number(Fraction(1, 2)), Add((A, B))
PRODUCTS = [
    # expression, as written, deeplizard, representative
    (Mul((HALF, TWO, SUM)), "2 · (a + b)/2", "2 (a + b)/2", "2 . (a + b)/2"),
    (Mul((Number(1), A)), "1·a", "1·a", "1 . a"),
    (Mul((Number(1), Mul((TWO, A)))), "1 · (2·a)", "1 · (2 a)", "1 . (2 . a)"),
    (Mul((MINUS_ONE, Number(1), A)), "-1·a", "-1·a", "-1 . a"),
    (Mul((A, Power(B, Number(-2)))), "a/b^2", "a/b^2", "a/b^2"),
    (Power(B, Number(-2)), "1/b^2", "1/b^2", "1/b^2"),
    (Mul((Mul((MINUS_ONE, SUM)), C)), "-(a + b) · c", "-(a + b) · c", "-(a + b) . c"),
    (Mul((TWO, Mul((MINUS_ONE, A)))), "2 · (-a)", "2 · (-a)", "2 . (-a)"),
    (Mul((A, Mul((B, C)))), "a · (b·c)", "a · (b c)", "a.(b.c)"),
]  # fmt: skip


@pytest.mark.parametrize(("e", "plain", "deeplizard", "representative"), PRODUCTS)
def test_products(e: Expr, plain: str, deeplizard: str, representative: str) -> None:
    assert text_of(e, PLAIN) == plain
    for notation, text in (("deeplizard", deeplizard), ("representative", representative)):
        assert text_of(e, bind(load(notation), LETTERS)) == text


LETTERS = parse(
    "input a, b, c\nweight u\nq = a*u\nloss J = q^2\nrole a = quantity\nrole b = quantity\n"
    "role c = quantity"
)


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    decimals = parse("input a\nweight w\nq = a*w\nloss J = q^2/2 + 0.1*w^2 + w/3")
    fractions = parse("input a = 0.5\nweight w\nq = a*w\nloss J = q^2/2 + 1/10*w^2 + w/3")
    for made, tenth in ((decimals, "0.1·w^2"), (fractions, "1/10 · w^2")):
        bound = bind(load("as-written"), made)
        assert text_of(made.equations["J"].right, bound) == f"q^2/2 + {tenth} + w/3"
        assert text_of(HALF, bound) == "½"


def test_as_written_keeps_the_readers_function_names() -> None:
    file = "input a\nweight w\nloss J = {}(a*w)^2"
    for written, printed in (("sigmoid", "sigmoid"), ("σ", "σ"), ("log", "log"), ("ln", "ln")):
        made = parse(file.format(written))
        text = text_of(made.equations["J"].right, bind(load("as-written"), made))
        assert text == f"{printed}(a·w)^2"
    assert text_of(reading("sigmoid(a)"), bind(load("nielsen"), network("chain_3_3_1"))) == "σ(a)"


# -- what is said besides ------------------------------------------------------------------

PASSED_ON = """# Two ways from a to the loss.
# Where the source slips: nowhere.
#
# Made up.

input x
target y
weight w
a = w*x
o = a*x
loss J = (y - o)^2 + 0.1*a^2
"""


def test_a_local_derivative_is_told_from_the_total_one() -> None:
    derivation = derive(parse(PASSED_ON), Ref("a"), style="chain")
    text = render(derivation, "as-written")
    assert "∂J/∂a = ∂J/∂o · ∂o/∂a + ∂J/∂a|direct\n" in text
    assert text.count("note: ∂J/∂a|direct: only the places where a itself stands") == 1
    assert r"\left.\frac{\partial J}{\partial a}\right|_{\text{direct}}" in render(
        derivation, "as-written", "latex"
    )
    page = render(derivation, "as-written", "html", complete=False)
    assert "<mtext>direct</mtext>" in page
    assert "|direct" in render(derivation, "as-written", "json")


def test_a_derivative_along_the_only_path_is_not_marked() -> None:
    for name, asked in (("chain_3_3_1", Ref("w2", (1, 2))), ("four_neurons", Ref("w8"))):
        assert "direct" not in render(derive(network(name), asked, style="chain"), "as-written")


@pytest.mark.parametrize("format", ["markdown", "latex", "html"])
def test_documents_end_with_what_the_file_says_of_itself(format: str) -> None:
    printed = render(derive(parse(PASSED_ON), Ref("w"), style="chain"), "as-written", format)
    _, about = printed.split("About this network")
    first, second = "Two ways from a to the loss. Where the source slips: nowhere.", "Made up."
    assert about.index(first) < about.index(second)
    assert "Made up" not in render(derive(parse(PASSED_ON), Ref("w"), style="chain"))


@pytest.mark.parametrize("style", ORDERS)
def test_each_law_is_quoted_once_and_says_something(style: str) -> None:
    derivation = derive(network("chain_3_3_1"), Ref("w1", (1, 2)), style=style)
    quoted = re.findall(
        r"^> .*?: (\$.*\$)$", render(derivation, "chain", "markdown", laws=True), re.MULTILINE
    )
    assert len(quoted) > 3
    assert len(quoted) == len(set(quoted))
    for law in quoted:
        left, right = law.strip("$").split(" = ", 1)
        assert left != right


def test_long_sums_print_their_ends_in_scalar_zoom() -> None:
    made = load_network("mlp:20-12-8,sigmoid,squared_error")
    text = render(derive(made, Ref("w2", (1, 2)), style="chain"))
    assert "z3[1] = w2[1,1]·h2[1] + … + w2[1,12]·h2[12]\n" in text  # wrapped before + b2
    assert "Σ_j ∂/∂w2[1,2] [w2[1,j]·h2[j]]" in text  # derivatives in the sum: as it is
    assert "…" not in render(derive(made, Ref("w2", ("i", "j")), style="chain"))


def test_a_long_difference_keeps_its_signs() -> None:
    made = parse("size n = 9\ninput x[n]\nweight w[n]\nloss J = sum(i: -x[i]*w[i])")
    bound = bind(load("as-written"), made).varied(frozenset(), True)
    assert text_of(made.equations["J"].right, bound) == "-x[1]·w[1] - … - x[9]·w[9]"


def test_a_formula_in_pieces_is_one_formula() -> None:
    made = derive(network("deeplizard"), Ref("w{L}", ("j", "k")), style="chain")
    composed = r"C_{0j} = C_{0j}(a_{j}^{(L)}(z_{j}^{(L)}(w_{j}^{(L)})))"
    assert f"\n${composed}$\n" in render(made, "deeplizard", "markdown")
    assert f"\n${composed}$\\par\n" in render(made, "deeplizard", "latex")
    assert "$)" not in render(made, "deeplizard", "markdown")


@pytest.mark.parametrize("width", [30, 40, 60])
def test_no_line_is_broken_inside_an_exponent_or_a_subscript(width: int) -> None:
    e = Add(tuple(Power(Add((A, B, C)), Add((A, Mul((B, C)), C))) for _ in range(4)))
    lines = lines_of(layout(e, PLAIN), width)
    assert len(lines) > 1
    for line in lines:
        for after in line.split("^")[1:]:
            assert after.startswith("(a + b·c + c)")


def test_gradients_of_weights_and_biases_have_letters_in_cs231n() -> None:
    bound = bind(load("cs231n"), load_network("mlp:3-4-2,relu,cross_entropy"))
    assert text_of(adjoint(Ref("b1", ("i",))), bound) == "db1_i"
    assert text_of(adjoint(Ref("w1", ("i", "j"))), bound) == "dW1_ji"


def test_functions_that_a_derivation_brings_in_are_explained() -> None:
    for activation, said in (("relu", True), ("tanh", False)):
        made = load_network(f"mlp:3-4-2,{activation},squared_error")
        text = render(derive(made, Ref("w1", (1, 2)), style="chain"))
        assert ("step(u) is 1 where u > 0, and 0 elsewhere" in text) == said == ("step(z" in text)
