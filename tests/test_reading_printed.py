"""What is printed can be read again: in every notation, as text and as LaTeX."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from backprove.derivation import derive
from backprove.errors import BackproveError, DerivationError
from backprove.expr import (
    Delta,
    Derivative,
    Expr,
    Reduce,
    Ref,
    Size,
    canonical,
    count,
    mapped,
    walk,
    with_indices,
)
from backprove.language import load as load_network
from backprove.language import parse
from backprove.network import ADJOINT, RATE, Network
from backprove.notation import BoundNotation, bind, load, names
from backprove.reading import read_sheet
from backprove.reading.derivatives import written_out
from backprove.render import latex_of, render, text_of
from backprove.render.latex import latex_of_box
from backprove.render.matrix import matrix_equation
from backprove.render.occurring import fitted
from backprove.render.text import text_of_box
from backprove.rewrite import Derivation
from backprove.verify import Oracle

EXAMPLES = Path(__file__).parent.parent / "examples"

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

NETWORKS = {
    **{path.stem: str(path) for path in sorted(EXAMPLES.glob("*.bp"))},
    "one node a layer": "mlp:1-1-1,sigmoid,sse,nobias",
    "two layers": "mlp:2-3-2,sigmoid,squared_error",
    "three layers": "mlp:3-2-4-2,tanh,squared_error",
    "softmax": "mlp:2-3-4,relu,cross_entropy",
    "wide": "mlp:12-11-10,sigmoid,squared_error",
    "unnamed arguments": UNNAMED,
}

LONGEST = 250
"""Parts of an expression above which a test would take too long."""

FORMATS = {"text": text_of, "latex": latex_of}


@cache
def network(name: str) -> Network:
    text = NETWORKS[name]
    return parse(text) if "\n" in text else load_network(text)


@cache
def oracle(name: str) -> Oracle:
    return Oracle(network(name), symbols={RATE}, trials=1, components=6)


@cache
def bound(name: str, notation: str) -> BoundNotation:
    return bind(load(notation), network(name))


def alike(made: Network, e: Expr) -> Expr:
    """The expression without what print does not show: whether derivatives are local or
    total, and that something is a sum of one term. No unnamed argument is held."""

    def plainly(part: Expr) -> Expr | None:
        if isinstance(part, Reduce) and made.length(part.size) == 1:
            return mapped(with_indices(part.body, {part.index: 1}), plainly)
        if not isinstance(part, Derivative):
            return None
        body, wrt = mapped(part.body, plainly), mapped(part.wrt, plainly)
        if body is Ref(made.loss) and isinstance(wrt, Ref):
            return Ref(ADJOINT + wrt.name, wrt.indices)
        return Derivative(written_out(made, body, wrt), wrt, False)

    return mapped(e, plainly)


def compared(e: Expr) -> dict[str, Size]:
    """The lengths of letters that are only compared, l of Σ_j [j = l]."""
    sums = {part.index: part.size for part in walk(e) if isinstance(part, Reduce)}
    pairs = [(part.left, part.right) for part in walk(e) if isinstance(part, Delta)]
    return {
        letter: sums[other]
        for pair in pairs
        for letter, other in (pair, pair[::-1])
        if isinstance(letter, str) and letter in e.free and other in sums and isinstance(other, str)
    }


def reread(name: str, text: str, notation: BoundNotation, e: Expr) -> None:
    """Reading `text` gives `e`: the same but for order and parentheses, or equal in value."""
    made = network(name)
    sheet = read_sheet(text, made, notation)
    (line,) = sheet.lines
    assert not line.right.axes, text
    read, meant = alike(made, line.right.expr), alike(made, e)
    if canonical(read) == canonical(meant):
        return
    verdict = oracle(name).agree(read, meant, ranges={**compared(meant), **line.ranges})
    assert verdict.confirmed, f"{text}\n  means {meant!r}\n  and was read as {read!r}"


def expressions(made: Network) -> Iterator[Expr]:
    """Both sides of each equation, each adjoint and gradient."""
    for equation in made.equations.values():
        if not equation.name.endswith(".argument"):
            yield equation.left
            yield equation.right
    for quantity in made.quantities.values():
        if not quantity.hidden and quantity.name not in made.sizes:
            letters = tuple("jklm"[: len(quantity.shape)])
            yield Ref(ADJOINT + quantity.name, letters)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_equations_are_read_again_in_every_notation(name: str, format: str) -> None:
    made = network(name)
    for notation in names():
        symbols = bound(name, notation)
        for e in expressions(made):
            reread(name, FORMATS[format](e, symbols), symbols, e)


@dataclass(frozen=True)
class Page:
    """A derivation of a weight or bias, by its number, in some style, notation and format."""

    name: str
    notation: str
    format: str
    style: str
    zoom: str
    number: int
    place: int

    @property
    def derivation(self) -> Derivation:
        made = network(self.name)
        quantity = made.trained[self.number % len(made.trained)]
        letters = tuple("ij"[: len(quantity.shape)])
        places = tuple(1 + self.place % (made.length(s) or 2) for s in quantity.shape)
        asked = Ref(quantity.name, places if self.zoom == "scalar" else letters)
        named = bound(self.name, self.notation).named_adjoints
        return derive(made, asked, self.style, self.zoom, named)


PAGE = st.builds(
    Page,
    st.sampled_from(sorted(NETWORKS)),
    st.sampled_from(names()),
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(("chain", "dynamic", "equation")),
    st.sampled_from(("scalar", "index")),
    st.integers(0, 9),
    st.integers(0, 9),
)


def printed_expressions(derivation: Derivation) -> Iterator[Expr]:
    """Every side of every line, each once; the names that a block introduces are not known
    outside its page."""
    lets = {letter for block in derivation.blocks for letter, _ in block.lets}
    seen: set[Expr] = set()
    for block in derivation.blocks:
        sides = [line.right for line in block.lines]
        for e in (block.left, *sides):
            if e is not None and e not in seen and not e.names & lets:
                seen.add(e)
                yield e


@settings(max_examples=25, deadline=None)
@given(PAGE)
def test_every_line_of_a_derivation_is_read_again(page: Page) -> None:
    try:
        derivation = page.derivation
    except DerivationError:  # too long to read
        assume(False)
    symbols = fitted(bound(page.name, page.notation), derivation)
    for e in printed_expressions(derivation):
        if count(e) <= LONGEST:
            reread(page.name, FORMATS[page.format](e, symbols), symbols, e)


PAGES = [
    ("two_neurons", "w_o", "equation", "scalar", "representative"),
    ("unnamed arguments", "W", "dynamic", "index", "nielsen"),
    ("four_neurons", "w8", "dynamic", "scalar", "one-letter"),
    ("deeplizard", "w{L-1}[1,2]", "chain", "index", "deeplizard"),
    ("two layers", "w1[1,2]", "chain", "scalar", "nielsen"),
    ("two layers", "w1", "dynamic", "matrix", "goodfellow"),
    ("softmax", "w1", "dynamic", "matrix", "as-written"),
    ("residual", "w1", "dynamic", "matrix", "cs231n"),
    ("wide", "w1[1,2]", "equation", "scalar", "bishop"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: "-".join(page))
def test_a_printed_page_is_read_as_a_derivation(page: tuple[str, str, str, str, str]) -> None:
    """Pasted whole, titles and remarks and all: its claims hold and its answer is right."""
    name, quantity, style, zoom, notation = page
    made, symbols = network(name), bound(name, notation)
    derivation = derive(made, quantity, style, zoom, named=symbols.named_adjoints)
    text = render(derivation, symbols, width=100)
    judged = 0
    for total in (False, True):
        sheet = read_sheet(text, made, symbols, total=total)
        asker = Oracle(made, lets=sheet.lets, symbols=sheet.symbols, trials=1, components=4)
        for line in sheet.lines:
            if line.left is not None and not line.derivative and not line.defines:
                left, right = line.left.expr, line.right.expr
                verdict = asker.agree(left, right, ranges=line.ranges)
                assert verdict.confirmed, line.text
                judged += 1
    assert judged >= 4


PRINTERS = {"text": text_of_box, "latex": latex_of_box}


@cache
def gradients(name: str, named: frozenset[str]) -> tuple[Derivation, ...]:
    """The derivations of the first and the last weight or bias in matrix zoom."""
    made = network(name)
    found = dict.fromkeys((made.trained[0], made.trained[-1]))
    return tuple(
        derive(made, Ref(q.name, tuple("ij"[: len(q.shape)])), "dynamic", "matrix", named)
        for q in found
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_matrix_forms_are_read_again(name: str) -> None:
    seen: set[tuple[str, str]] = set()
    for notation in names():
        symbols = bound(name, notation)
        for derivation in gradients(name, frozenset(symbols.named_adjoints)):
            for block in derivation.blocks:
                if block.left is None or block.end is None:
                    continue
                matrix = matrix_equation(block.left, block.end, symbols)
                for printer in PRINTERS.values() if matrix else ():
                    assert matrix is not None
                    text = f"{printer(matrix.left)} = {printer(matrix.right)}"
                    if (notation, text) not in seen:
                        seen.add((notation, text))
                        judge_matrix_form(name, text, symbols)


def judge_matrix_form(name: str, text: str, symbols: BoundNotation) -> None:
    (line,) = read_sheet(text, network(name), symbols).lines
    assert line.left is not None, text
    assert not line.misfit, (text, line.misfit)
    verdict = oracle(name).agree(line.left.expr, line.right.expr)
    assert verdict.confirmed, (text, line.left.expr, line.right.expr)


LETTERS = st.characters(categories=["L"]).filter(
    lambda c: unicodedata.is_normalized("NFC", c) and c != "ς"  # \varsigma is read as σ
)
WORDS = st.builds(
    "".join,
    st.tuples(
        st.text(LETTERS, min_size=1, max_size=4),
        st.just("") | st.text(LETTERS | st.just("1"), min_size=1, max_size=3).map("_{}".format),
        st.sampled_from(["", "", "2"]),
    ),
)
"""Names as files have them: letters of any script, a part behind _, a digit."""


@given(st.tuples(WORDS, WORDS, WORDS), LETTERS, LETTERS)
@example(("вес", "сигма_два", "ошибка"), "й", "ō")
@example(("W_重", "f_out", "Ǣ2"), "i", "ο")
@example(("été_Δ", "naïve", "ß"), "k", "l")
@settings(max_examples=60, deadline=None)
def test_names_of_any_letters_are_read_again_from_latex(
    words: tuple[str, str, str], row: str, column: str
) -> None:
    weight, function, loss = words
    text = (
        f"function {function}\ninput x[2]\ntarget t[2]\nweight {weight}[2,2]\n"
        f"z[{row}] = {function}(sum({column}: {weight}[{row},{column}]*x[{column}]))\n"
        f"loss {loss} = sum({row}: (t[{row}] - z[{row}])^2)/2"
    )
    try:
        made = parse(text)
    except BackproveError:
        assume(False)
    symbols = bind(load("as-written"), made)
    for e in expressions(made):
        (line,) = read_sheet(latex_of(e, symbols), made, symbols).lines
        assert canonical(alike(made, line.right.expr)) == canonical(alike(made, e))


@pytest.mark.parametrize("name", ["f_out", "сигма_два"])
def test_a_function_with_an_underscore_is_read_again(name: str) -> None:
    made = parse(f"function {name}\ninput x\nweight w\nz = {name}(w)*x\nloss E = z^2")
    symbols = bind(load("as-written"), made)
    for formula in FORMATS.values():
        (line,) = read_sheet(formula(made.equations["z"].right, symbols), made, symbols).lines
        assert canonical(line.right.expr) == canonical(made.equations["z"].right)


def test_words_of_another_language_are_prose_where_no_name_is_called_so() -> None:
    made = parse("input вход\nweight вес\nz = вес*вход\nloss E = z^2")
    symbols = bind(load("as-written"), made)
    text = r"\text{где} \frac{\partial E}{\partial \text{вес}} = 2 \cdot \text{z} \cdot \text{вход}"
    (line,) = read_sheet(text, made, symbols).lines
    assert repr(line.right.expr) == "2*z*вход"
