"""Symbols: that what a notation prints is read back, and that other spellings are understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.expr import Apply, Index, Ref, walk
from backprove.functions import lookup
from backprove.language import load as load_network
from backprove.language import parse
from backprove.language.formula import parse_formula
from backprove.language.formula.tree import Call, Product, Superscript, Symbol
from backprove.network import Network, adjoint
from backprove.notation import BoundNotation, bind, load, names
from backprove.notation import Symbol as Printed
from backprove.reading.meaning import Meaning
from backprove.reading.symbols import Lexicon
from backprove.render.latex import symbol_latex
from backprove.render.text import symbol_text

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.bp"))


@cache
def network(name: str) -> Network:
    if ":" in name:
        return load_network(name)
    return load_network(str(Path(__file__).parent.parent / "examples" / f"{name}.bp"))


def fresh(name: str, notation: str) -> Lexicon:
    made = network(name)
    return Lexicon(made, bind(load(notation), made))


@cache
def lexicon(name: str, notation: str) -> Lexicon:
    """The same for every test that defines nothing."""
    return fresh(name, notation)


# -- symbols by hand, as the parser makes them ---------------------------------------------


def above(text: str) -> Superscript | None:
    return Superscript((0, 1), text, None) if text else None


def latex(text: str) -> Symbol:
    """letter'_sub^sup, as in LaTeX: `w_12^(2)`, `a_L-1`, `net_j`."""
    match = re.fullmatch(r"([^_^']+)('*)(?:_([^^]+))?(?:\^(.+))?", text)
    assert match is not None
    return Symbol((0, 1), match[1], match[3] or "", above(match[4] or ""), len(match[2]))


def plain(text: str) -> Symbol:
    """A plain name: `w2[1,2]`, `a{L-1}[k]`, `w_12^(2)`."""
    match = re.fullmatch(r"([^{\['^]+)(?:\{(.*?)\})?('*)(?:\[(.*)\])?(?:\^(.+))?", text)
    assert match is not None
    raw, label, primes, inside, sup = match.groups()
    letter, _, sub = raw.partition("_")
    brackets = tuple(inside.split(",")) if inside else None
    return Symbol(
        (0, 1), letter, sub.replace("_", ""), above(sup or ""), len(primes), brackets,
        label or "", raw,
    )  # fmt: skip


def both_ways(printed: Printed, behind: str = "") -> Iterator[Symbol]:
    """A printed symbol as it is read from LaTeX and from text. behind: such as "(q)"."""
    for text in (symbol_latex(printed), symbol_text(printed)):
        node = parse_formula(text + behind)
        if isinstance(node, Call):
            node = node.function
        elif isinstance(node, Product):
            node = node.factors[0][1]
        assert isinstance(node, Symbol), f"{text} is read as {node}"
        yield node


# -- what is printed is read back ----------------------------------------------------------


def components(made: Network) -> Iterator[Ref]:
    """Components of every quantity, long axes by their ends, and letters for indices."""
    for name, quantity in made.quantities.items():
        places: list[tuple[Index, ...]] = [()]
        for size in quantity.shape:
            length = made.length(size) or 3
            ends = range(1, length + 1) if length < 4 else (1, 2, min(11, length), length)
            places = [(*place, end) for place in places for end in ends]
        yield from (Ref(name, place) for place in places)
        if quantity.shape:
            yield Ref(name, tuple("jki"[: len(quantity.shape)]))


def assert_read_back(bound: BoundNotation) -> None:
    made = bound.network
    known = Lexicon(made, bound)
    refs = list(components(made))
    live = [adjoint(ref) for ref in refs if made.quantities[ref.name].kind != "target"]
    seen = 0
    for ref in (*refs, *live):
        printed = bound.symbol(ref)
        if printed is None:
            continue
        for symbol in both_ways(printed):
            found = known.meanings(symbol, called=False)
            assert found, f"{bound.notation.name}: {symbol} of {ref} is unknown"
            first = found[0]
            assert (first.kind, first.name, first.indices) == ("quantity", ref.name, ref.indices)
            assert not first.power
            assert first.sign == 1
            assert not first.where
            assert not first.says, f"{bound.notation.name}: {symbol} needs words: {first.says}"
            seen += 1
    assert seen >= len(made.quantities)


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_symbol_of_an_example_is_read_back(notation: str, path: Path) -> None:
    made = load_network(str(path))
    assert_read_back(bind(load(notation), made))
    assert_read_back(bind(load(notation), made.over(3)))


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 9, 10, 12]), min_size=2, max_size=5),
    loss=st.sampled_from(["squared_error", "sse", "cross_entropy"]),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    notation=st.sampled_from(names()),
)
def test_every_symbol_of_a_network_is_read_back(
    sizes: list[int], loss: str, activation: str, notation: str
) -> None:
    made = load_network(f"mlp:{'-'.join(map(str, sizes))},{activation},{loss}")
    assert_read_back(bind(load(notation), made))


NAMES = st.from_regex(r"[a-c](_?[0-9a-c]{1,2})?", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(
    scalars=st.lists(NAMES, min_size=2, max_size=5, unique=True),
    tensors=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    notation=st.sampled_from(["as-written", "one-letter", "bishop", "subscript"]),
)
def test_names_that_look_alike_are_read_back(
    scalars: list[str], tensors: list[str], notation: str
) -> None:
    tensors = [name for name in tensors if name not in scalars]
    text = f"input {', '.join(scalars)}\n"
    text += "".join(f"weight {name}[12]\n" for name in tensors)
    sums = [f"sum(i: {name}[i])*{scalars[0]}" for name in tensors]
    text += f"target t\nz = {' + '.join([*sums, *scalars])}\nloss J = (z - t)^2"
    made = parse(text)
    assert_read_back(bind(load(notation), made))


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_function_of_an_example_is_read_back(notation: str, path: Path) -> None:
    made = load_network(str(path))
    bound = bind(load(notation), made)
    known = Lexicon(made, bound)
    applied = (walk(equation.right) for equation in made.equations.values())
    used = {node.function for nodes in applied for node in nodes if isinstance(node, Apply)}
    for name in used | made.own_functions.keys():
        for each in (name, lookup(name, made.functions).derivative_name):
            for symbol in both_ways(bound.function(each), "(q)"):
                found = known.meanings(symbol, called=True)
                assert found, f"{symbol} is unknown"
                assert (found[0].kind, found[0].name) == ("function", each)
                assert not found[0].power
                assert not found[0].says


# -- what people write ---------------------------------------------------------------------

MLP = "mlp:2-3-2,sigmoid,squared_error"
LINE = "mlp:1-1-1,sigmoid,sse,nobias"
ONE = "mlp:3-2,sigmoid,squared_error"
MIXED = "mlp:2-3-2,relu/tanh,squared_error"
WIDE = "mlp:2-12-12,tanh,sse"
ALL = None

QUANTITIES: list[tuple[str, str, Symbol, str, tuple[Index, ...] | None, str]] = [
    # network, notation, symbol, name, indices, what is said of it ("" for nothing)
    # the notation's own symbols
    ("chain_3_3_1", "chain", latex("w_12^(2)"), "w2", (1, 2), ""),
    ("chain_3_3_1", "chain", latex("w_12^[2]"), "w2", (1, 2), ""),
    ("chain_3_3_1", "chain", latex("w_1,2^(2)"), "w2", (1, 2), ""),
    ("chain_3_3_1", "chain", latex("w_2^(2)"), "w2", (1, 2), ""),
    ("chain_3_3_1", "chain", latex("h_1^(1)"), "x", (1,), ""),
    ("chain_3_3_1", "chain", latex("h_2^(L)"), "h3", None, "!"),
    ("chain_3_3_1", "chain", latex("h_1^(L)"), "h3", (1,), ""),
    ("chain_3_3_1", "chain", latex("w^(L-1)"), "w2", ALL, ""),
    ("chain_3_3_1", "chain", latex("h_1^3"), "h3", (1,), "a layer, not a power"),
    ("chain_3_3_1", "adventures", latex("z_1^(3)"), "z2", (1,), ""),
    ("chain_3_3_1", "adventures", latex("δ_1^(3)"), "∂z2", (1,), ""),
    ("chain_3_3_1", "nielsen", latex("δ^L"), "∂z2", (1,), ""),
    ("chain_3_3_1", "nielsen", latex("δ_j^2"), "∂z1", ("j",), ""),
    ("chain_3_3_1", "nielsen", latex("a_k^1"), "x", ("k",), ""),
    ("chain_3_3_1", "nielsen", latex("w_1k^3"), "w2", (1, "k"), ""),
    ("chain_3_3_1", "nielsen", latex("w_1i1^3"), "w2", (1, "i1"), ""),
    ("chain_3_3_1", "nielsen", latex("w_1j'^(3)"), "w2", (1, "j'"), ""),
    ("chain_3_3_1", "cs231n", latex("W2_21"), "w2", (1, 2), ""),
    ("chain_3_3_1", "cs231n", latex("W_2"), "w2", ALL, "the number tells the layer"),
    ("chain_3_3_1", "cs231n", latex("dW_2"), "∂w2", ALL, "the number tells the layer"),
    ("chain_3_3_1", "cs231n", latex("dscores1"), "∂z1", ALL, ""),
    ("softmax_classifier", "cs231n", latex("dscores_j"), "∂z3", ("j",), ""),
    ("softmax_classifier", "cs231n", latex("f_1"), "z3", (1,), ""),
    ("softmax_classifier", "cs231n", latex("p_1"), "o", (1,), ""),
    ("chain_3_3_1", "ng", latex("dW^[2]"), "∂w2", ALL, ""),
    ("chain_3_3_1", "ng", latex("dZ^[1]"), "∂z1", ALL, "is read as"),
    ("chain_3_3_1", "ng", latex("a^[0]"), "x", ALL, ""),
    ("chain_3_3_1", "ng", latex("ŷ"), "h3", (1,), ""),
    ("chain_3_3_1", "goodfellow", latex("h^(2)"), "h3", (1,), ""),
    ("four_neurons", "one-letter", latex("v_4"), "∂u4.argument", (), ""),
    ("four_neurons", "one-letter", latex("g_e3"), "∂s3", (), ""),
    ("four_neurons", "one-letter", latex("g_8"), "∂w8", (), ""),
    ("four_neurons", "one-letter", latex("f_e"), "e", (), ""),
    ("four_neurons", "one-letter", latex("r"), ".rate", (), ""),
    ("four_neurons", "one-letter", plain("w8"), "w8", (), ""),
    ("deeplizard", "deeplizard", latex("a_k^(L-1)"), "a{L-1}", ("k",), ""),
    ("deeplizard", "deeplizard", latex("a_j^L"), "a{L}", ("j",), ""),
    ("deeplizard", "deeplizard", latex("C_0j"), "C_0j", ("j",), ""),
    ("deeplizard", "deeplizard", latex("C_0"), "C_0", (), ""),
    ("deeplizard", "deeplizard", latex("n"), "n", (), ""),
    (LINE, "subscript", latex("a_L-2"), "x", (1,), ""),
    (LINE, "subscript", latex("w_L"), "w2", (1, 1), ""),
    (LINE, "subscript", latex("z_1"), "z2", (1,), ""),
    (MLP, "subscript", latex("w_2,12"), "w2", (1, 2), ""),
    (MLP, "subscript", latex("w_L,jk"), "w2", ("j", "k"), ""),
    (MLP, "subscript", latex("a_1k"), "h2", ("k",), ""),
    # digit groups are split by the sizes
    (WIDE, "nielsen", latex("w_1,12^3"), "w2", (1, 12), ""),
    (WIDE, "nielsen", latex("w_112^3"), "w2", (1, 12), "not w2[11,2]"),
    (WIDE, "nielsen", latex("w_911^3"), "w2", (9, 11), ""),
    (WIDE, "nielsen", latex("w_12^3"), "w2", (1, 2), ""),
    # the file's own names, always
    (MLP, "as-written", plain("w2[1,2]"), "w2", (1, 2), ""),
    (MLP, "nielsen", plain("w2[1,2]"), "w2", (1, 2), ""),
    (MLP, "nielsen", plain("w2"), "w2", ALL, ""),
    (MLP, "as-written", plain("∂z2[1]"), "∂z2", (1,), ""),
    (MLP, "as-written", latex("w_12^(2)"), "w2", (1, 2), ""),
    (MLP, "as-written", latex("w^[2]"), "w2", ALL, ""),
    (MLP, "as-written", latex("w^2"), "w2", ALL, "a layer, not a power"),
    (MLP, "as-written", latex("w_2"), "w2", ALL, "the number tells the layer"),
    (MLP, "nielsen", latex("δ_3"), "∂z3", ALL, "the number tells the layer"),
    (MLP, "nielsen", latex("W_3"), "w2", ALL, "the number tells the layer"),
    (MLP, "as-written", latex("W_2"), "w2", ALL, "is read as w2"),
    (MLP, "as-written", latex("W^(2)"), "w2", ALL, "is read as w2"),
    (MLP, "as-written", plain("W2"), "w2", ALL, "is read as w2"),
    (MLP, "as-written", latex("X"), "x", ALL, "is read as x"),
    (MLP, "bishop", latex("z_1^(3)"), "z3", (1,), "is read as z3[1]"),
    (MLP, "as-written", plain("dW2"), "∂w2", ALL, "the derivative of J in w2"),
    (MLP, "as-written", plain("db1"), "∂b1", ALL, "the derivative of J in b1"),
    ("deeplizard", "as-written", plain("a{L-1}[k]"), "a{L-1}", ("k",), ""),
    ("two_neurons", "as-written", latex("w_o"), "w_o", (), ""),
    ("four_neurons", "as-written", latex("w^(8)"), "w8", (), "the number tells the layer"),
    (ONE, "as-written", latex("W"), "w1", ALL, "no other layer"),
    (ONE, "as-written", latex("w_12"), "w1", (1, 2), "no other layer"),
    (MLP, "as-written", latex("η"), ".rate", (), ""),
    (MLP, "as-written", latex("α"), ".rate", (), "the learning rate"),
    (MLP, "as-written", latex("lr"), ".rate", (), "the learning rate"),
    # other notations, where all that know it agree
    (LINE, "as-written", latex("a_L-2"), "x", (1,), "as subscript writes it: x[1]"),
    (LINE, "as-written", latex("z_L-1"), "z2", (1,), "as subscript writes it: z2[1]"),
    (LINE, "as-written", latex("w_L"), "w2", (1, 1), "as subscript writes it"),
    (MLP, "as-written", latex("z^[1]"), "z2", ALL, "as ng writes it: z2"),
    (MLP, "as-written", latex("δ_j^3"), "∂z3", ("j",), "as nielsen writes it"),
    (MLP, "as-written", latex("E"), "J", (), "representative"),
    (MLP, "nielsen", latex("ŷ_1"), "h3", (1,), "as goodfellow writes it: h3[1]"),
    (ONE, "as-written", latex("o_j"), "h2", ("j",), "as haykin, mitchell write it: h2[j]"),
    ("softmax_classifier", "as-written", latex("O_1"), "o", (1,), "is read as o[1]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("net", "notation", "symbol", "name", "indices", "says"),
    QUANTITIES,
    ids=[f"{row[1]}-{row[2].letter}{row[2].sub}-{number}" for number, row in enumerate(QUANTITIES)],
)
def test_quantities(
    net: str, notation: str, symbol: Symbol, name: str, indices: object, says: str
) -> None:
    found = lexicon(net, notation).meanings(symbol, called=False)
    if says == "!":
        assert found == ()
        return
    assert found
    first = found[0]
    assert (first.kind, first.name, first.indices, first.power) == (
        "quantity", name, indices, False,
    )  # fmt: skip
    assert first.sign == 1
    assert (says in first.says) if says else not first.says


POWERS: list[tuple[str, str, Symbol, str, str]] = [
    # network, notation, symbol, name, what of the superscript is the power ("" for all)
    ("four_neurons", "one-letter", latex("s_4^2"), "s4", ""),
    ("two_neurons", "representative", latex("w_h^2"), "w_h", ""),
    (MLP, "nielsen", latex("y_1^2"), "y", ""),
    (MLP, "as-written", latex("x^T"), "x", ""),
    (MLP, "as-written", latex("w^(2)T"), "w2", "T"),
    (MLP, "as-written", latex("w^(2)⊤"), "w2", "⊤"),
    (MLP, "as-written", latex("w_2^T"), "w2", ""),
    (MLP, "nielsen", latex("a^(L-1)T"), "h2", "T"),
    (MLP, "nielsen", latex("a^2T"), "h2", "T"),
    (MLP, "ng", latex("W^[2]T"), "w2", "T"),
    (MLP, "ng", latex("a_1^[1]2"), "h2", "2"),
]


@pytest.mark.parametrize(("net", "notation", "symbol", "name", "rest"), POWERS)
def test_what_is_no_layer_is_a_power(
    net: str, notation: str, symbol: Symbol, name: str, rest: str
) -> None:
    first = lexicon(net, notation).meanings(symbol, called=False)[0]
    assert (first.name, first.power, first.rest) == (name, True, rest)


SIGNS = [
    ("mitchell", ONE, latex("δ_1"), "∂z2", (1,)),
    ("mitchell", MLP, latex("δ_1^(2)"), "∂z3", (1,)),
    ("haykin", MLP, latex("δ_j^(1)"), "∂z2", ("j",)),
]


@pytest.mark.parametrize(("notation", "net", "symbol", "name", "indices"), SIGNS)
def test_an_error_signal_may_be_minus_the_derivative(
    notation: str, net: str, symbol: Symbol, name: str, indices: tuple[Index, ...]
) -> None:
    first = lexicon(net, notation).meanings(symbol, called=False)[0]
    assert (first.name, first.indices, first.sign, first.says) == (name, indices, -1, "")


CALLED: list[tuple[str, str, Symbol, str, str]] = [
    # network, notation, symbol, function, what is said of it
    (MLP, "as-written", latex("σ"), "sigmoid", ""),
    (MLP, "as-written", latex("σ'"), "sigmoid'", ""),
    (MLP, "as-written", latex("σ'^(2)"), "sigmoid'", ""),
    ("deeplizard", "as-written", latex("g''^(L)"), "g{L}''", ""),
    (MLP, "as-written", latex("ReLU"), "relu", ""),
    (MLP, "as-written", latex("tanh'"), "tanh'", ""),
    (MLP, "as-written", latex("ln"), "log", ""),
    (MLP, "as-written", latex("log"), "log", ""),
    (MLP, "as-written", latex("LeakyReLU"), "leaky_relu", ""),
    (MLP, "as-written", latex("f"), "sigmoid", "the one activation function"),
    (MLP, "as-written", latex("f'"), "sigmoid'", "the one activation function"),
    (MLP, "as-written", latex("a'"), "sigmoid'", "the one activation function"),
    (MLP, "as-written", latex("t"), "sigmoid'", "t is taken for"),
    (MLP, "as-written", latex("g'^[1]"), "sigmoid'", "the one activation function"),
    (WIDE, "as-written", latex("σ"), "tanh", "σ is taken for tanh"),
    (MLP, "nielsen", latex("σ"), "sigmoid", ""),
    (MLP, "one-letter", latex("t"), "sigmoid'", ""),
    (MLP, "one-letter", latex("f'"), "sigmoid'", ""),
    (MIXED, "ng", latex("g'^[1]"), "relu'", "the activation function of layer 1"),
    (MIXED, "ng", latex("g^[2]"), "tanh", "the activation function of layer 2"),
    ("four_neurons", "as-written", latex("f"), "f", ""),
    ("four_neurons", "as-written", latex("f'"), "t", ""),
    ("four_neurons", "one-letter", latex("t"), "t", ""),
    ("deeplizard", "deeplizard", latex("g^(L)"), "g{L}", ""),
    ("deeplizard", "deeplizard", latex("g'^(L)"), "g{L}'", ""),
    ("deeplizard", "deeplizard", latex("g^(L)'"), "g{L}'", ""),
    ("deeplizard", "as-written", plain("g{L}'"), "g{L}'", ""),
]


@pytest.mark.parametrize(("net", "notation", "symbol", "name", "says"), CALLED)
def test_functions(net: str, notation: str, symbol: Symbol, name: str, says: str) -> None:
    first = lexicon(net, notation).meanings(symbol, called=True)[0]
    assert (first.kind, first.name, first.power) == ("function", name, False)
    assert (says in first.says) if says else not first.says


def test_a_squared_function_is_a_power_of_it() -> None:
    for letter in ("σ", "tanh"):
        first = lexicon(MLP, "as-written").meanings(latex(f"{letter}^2"), called=True)[0]
        assert (first.kind, first.power) == ("function", True)


def test_a_quantity_that_is_called_is_a_quantity_first() -> None:
    found = lexicon("four_neurons", "as-written").meanings(latex("e"), called=True)
    assert found[0].name == "e"


def test_e_with_something_above_is_the_exponential() -> None:
    first = lexicon(MLP, "as-written").meanings(latex("e^-z"), called=False)[0]
    assert first == Meaning("function", "exp", power=True)
    stated = lexicon("four_neurons", "as-written").meanings(latex("e^-z"), called=True)[0]
    assert (stated.name, stated.says) == ("exp", "e^-z is read as exp(-z)")
    square = lexicon("four_neurons", "as-written").meanings(latex("e^2"), called=False)[0]
    assert (square.kind, square.name, square.power) == ("quantity", "e", True)


def test_kroneckers_delta() -> None:
    for text, indices in (("δ_jk", ("j", "k")), ("δ_i,1", ("i", 1)), ("δ_12", (1, 2))):
        first = lexicon(MLP, "nielsen").meanings(latex(text), called=False)[0]
        assert (first.kind, first.indices) == ("delta", indices)
        assert "Kronecker" in first.says


# -- what is not known ---------------------------------------------------------------------

UNKNOWN = [
    (MLP, "as-written", latex("w_12"), "it does not say the layer: w^(1), w^(2)"),
    (MLP, "nielsen", latex("δ_1"), "it does not say the layer: δ^2, δ^3"),
    (MLP, "bishop", latex("δ_1"), "it does not say the layer: δ^(1), δ^(2)"),
    (MLP, "as-written", latex("m"), "describes one sample"),
    (MLP, "nielsen", latex("a_7^3"), "its indices do not fit h3[2]"),
    (MLP, "as-written", plain("h2[4]"), "its indices do not fit h2[3]"),
    (MLP, "as-written", plain("w2[1]"), "its indices do not fit w2[2,3]"),
    (MLP, "nielsen", latex("a^7"), "there are h2[3], h3[2]"),
    (MLP, "as-written", latex("δ^(2)"), "haykin: minus the derivative of J in z3"),
    (MLP, "as-written", latex("a^(2)"), "deeplizard: h2; goodfellow: z3"),
    (ONE, "as-written", latex("a_j"), "bishop and goodfellow: z2[j]; deeplizard: x[j] or h2[j]"),
    (MLP, "as-written", plain("hh2"), "did you mean h2?"),
    (MIXED, "as-written", latex("g'"), "several activation functions, relu, tanh"),
    (MLP, "as-written", latex("x^(5)"), "there are x[2]"),
]


@pytest.mark.parametrize(("net", "notation", "symbol", "suggestion"), UNKNOWN)
def test_what_is_unknown_is_said_to_be(
    net: str, notation: str, symbol: Symbol, suggestion: str
) -> None:
    known = lexicon(net, notation)
    assert known.meanings(symbol, called=bool(symbol.primes)) == ()
    mistake = known.unknown(replace(symbol, span=(3, 7)))
    assert mistake.span == (3, 7)
    assert suggestion in mistake.suggestion


def test_a_letter_of_a_sum_is_no_quantity() -> None:
    assert lexicon(MLP, "as-written").meanings(latex("k"), called=False, letters=("k",)) == ()


# -- the reader's own symbols --------------------------------------------------------------


def test_a_defined_symbol_wins() -> None:
    known = fresh(MLP, "nielsen")
    known.define(latex("z"), "mine")
    assert known.meanings(latex("z"), called=False) == (Meaning("quantity", "mine", ()),)
    assert known.meanings(latex("z^2"), called=False)[0].power
    assert known.meanings(latex("z_1^3"), called=False)[0].name == "z3"


def test_a_defined_tensor_is_known_whole_and_by_its_components() -> None:
    known = fresh(MLP, "as-written")
    known.define(latex("δ_j"), "mine", letters=("j",), shape=(2,))
    cases: list[tuple[str, tuple[Index, ...] | None]] = [
        ("δ", None), ("δ_k", ("k",)), ("δ_2", (2,)),
    ]  # fmt: skip
    for text, indices in cases:
        first = known.meanings(latex(text), called=False)[0]
        assert (first.name, first.indices, first.says) == ("mine", indices, "")
    assert "mine" not in {m.name for m in known.meanings(latex("δ_3"), called=False)}


def test_a_defined_layer_stays_apart_from_others() -> None:
    known = fresh(MLP, "as-written")
    known.define(latex("δ^(3)"), "three", shape=(2,))
    known.define(latex("δ^(2)"), "two", shape=(3,))
    assert known.meanings(latex("δ^(2)"), called=False)[0].name == "two"
    assert known.meanings(latex("δ_1^(3)"), called=False)[0].name == "three"
    known.define(latex("δ^(2)"), "again", shape=(3,))
    assert known.meanings(latex("δ^(2)"), called=False)[0].name == "again"


# -- over samples --------------------------------------------------------------------------


def test_a_sample_is_the_last_index_of_a_network_over_samples() -> None:
    made = network(MLP).over(5)
    known = Lexicon(made, bind(load("ng"), made))
    for text, name, indices in (
        ("a_1^[2](3)", "h3", (1, 3)),
        ("a_j^[1](i)", "h2", ("j", "i")),
        ("y_1^(i)", "y", (1, "i")),
        ("W_12^[1]", "w1", (1, 2)),
    ):
        first = known.meanings(latex(text), called=False)[0]
        assert (first.name, first.indices, first.power) == (name, indices, False)


def test_one_samples_mark_is_left_out_of_a_network_for_one_sample() -> None:
    known = lexicon(MLP, "ng")
    for text, name in (("a^[2](i)", "h3"), ("y^(i)", "y")):
        first = known.meanings(latex(text), called=False)[0]
        assert (first.name, first.power) == (name, False)
        assert "is read as" in first.says
    assert known.meanings(latex("y^(i)"), called=False, letters=("i",)) == ()


# -- anything at all -----------------------------------------------------------------------

TEXT = st.text(alphabet="aehδσwLlTxi012(){}[],+-'_^\\∂dé0ŷ ", max_size=30)


@settings(max_examples=150, deadline=2000)
@given(
    letter=TEXT, sub=TEXT, sup=TEXT, primes=st.integers(0, 3), notation=st.sampled_from(names()),
    net=st.sampled_from([MLP, WIDE, "deeplizard", "four_neurons"]), called=st.booleans(),
)  # fmt: skip
def test_anything_is_known_or_unknown(
    letter: str, sub: str, sup: str, primes: int, notation: str, net: str, called: bool
) -> None:
    known = lexicon(net, notation)
    symbol = Symbol((0, 1), letter, sub, above(sup), primes, raw=letter)
    for each in (symbol, replace(symbol, brackets=(sub, sup)), replace(symbol, raw="")):
        for meaning in known.meanings(each, called=called):
            if meaning.kind == "quantity" and meaning.indices is not None:
                name = meaning.name.removeprefix("∂")
                shape = known.network.quantities[name].shape if name[0] != "." else ()
                assert len(meaning.indices) == len(shape)
        assert known.unknown(each).message


def test_a_long_subscript_is_soon_refused() -> None:
    known = lexicon(MLP, "nielsen")
    for sub in ("1" * 100_000, "i1" * 50_000, "1," * 50_000):
        assert known.meanings(Symbol((0, 1), "w", sub, above("3" * 5000)), called=False) == ()
