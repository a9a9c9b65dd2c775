"""Sizes and functions that a text leaves open: what they are, and the text with them given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.adjoints import backprop
from backprove.derivation import derive
from backprove.errors import BackproveError
from backprove.language import GIVABLE, OFFERED, Open, filled, left_open, parse, read
from backprove.network import Network
from backprove.notation import bind, load
from backprove.render import render
from backprove.run.values import evaluate, nested, stand_ins
from backprove.verify import verify_derivation, verify_network

EXAMPLES = {p.stem: p for p in sorted((Path(__file__).parent.parent / "examples").glob("*.bp"))}

MIXED = """\
# what f is, and how many
size   n, k = 2, m   # two of them open
input  x[n] , u
target y
weight w[m,n] ,v[m]
function f with derivative t ,g{L}
function unused, twice(a) = 2*f(a)
constant c = 1

h[i]=g{L}( sum(j: w[i,j]*x[j]) )
o = twice( sum(i: v[i]*h[i])
           + c/k )  # goes on here
loss E = (y - o)^2/2 + t(u)
"""


def numbers(network: Network) -> Any:
    return evaluate(network.with_values(nested(stand_ins(network, 0))))


# -- what is open --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sizes", "functions"),
    [
        (MIXED, ("n", "m"), ("f", "g{L}")),
        ("weight w\nloss E = w", (), ()),
        ("size n\nweight w\nloss E = w", (), ()),  # nothing needs it
        ("size n\nweight w\nloss E = w/n", ("n",), ()),  # used as a number
        ("function f\nweight w\nloss E = w", (), ()),
        ("function f with derivative t\nweight w\nloss E = t(w)", (), ("f",)),
        ("function f\nweight w\nloss E = f''(w)", (), ("f",)),
        ("function f\nfunction g(a) = f(a)\nweight w\nloss E = g(w)", (), ("f",)),
    ],
)
def test_what_is_open(text: str, sizes: tuple[str, ...], functions: tuple[str, ...]) -> None:
    assert left_open(parse(text)) == Open(sizes, functions)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_open_is_what_keeps_an_example_from_numbers(name: str) -> None:
    network = read(EXAMPLES[name])
    found = left_open(network)
    if found == Open((), ()):
        assert np.isfinite(numbers(network).loss)
        return
    with pytest.raises(BackproveError) as refused:
        numbers(network)
    named = [*(f"size {n} " for n in found.sizes), *(f"function {f} " for f in found.functions)]
    assert any(words in str(refused.value) for words in named)
    text = filled(
        network.text, dict.fromkeys(found.sizes, 3), dict.fromkeys(found.functions, "sigmoid")
    )
    given_ = parse(text)
    assert not given_.symbolic
    assert np.isfinite(numbers(given_).loss)
    assert verify_network(given_, backprop(given_).adjoints).ok


# -- the text ------------------------------------------------------------------------------


def test_only_what_is_open_is_written() -> None:
    made = filled(MIXED, {"n": 3, "m": 4}, {"f": "tanh", "g{L}": "linear"})
    expected = MIXED
    for before, after in [
        ("size   n, k = 2, m ", "size   n = 3, k = 2, m = 4 "),
        ("function f with derivative t ,g{L}\n",
         "function f(z) = tanh(z), t(z) = tanh'(z) ,g{L}(z) = z\n"),  # u is an input here
    ]:  # fmt: skip
        assert expected.count(before) == 1
        expected = expected.replace(before, after)
    assert made == expected
    assert left_open(parse(made)) == Open((), ())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_text_to_which_nothing_is_given_stays(name: str) -> None:
    text = EXAMPLES[name].read_text(encoding="utf-8")
    assert filled(text) == text


LETTERS = re.compile(r" = [0-9]+|\(\w+\) = [^,\n]*(?:, t\(\w+\) = [^,\n]*)?| with derivative t")


@given(
    st.dictionaries(st.sampled_from(["n", "m"]), st.integers(1, 4)),
    st.dictionaries(st.sampled_from(["f", "g{L}"]), st.sampled_from(OFFERED)),
)
@settings(max_examples=60, deadline=None)
def test_any_text_that_is_filled_is_read_as_the_same_network(
    sizes: dict[str, int], functions: dict[str, str]
) -> None:
    before, made = parse(MIXED), filled(MIXED, sizes, functions)
    after = parse(made)
    for old, new in zip(MIXED.splitlines(), made.splitlines(), strict=True):
        if old.startswith(("size", "function f")):
            old, new = (re.sub(r"\s", "", LETTERS.sub("", line)) for line in (old, new))
        assert old == new
    assert after.sizes == {**before.sizes, **sizes}
    assert left_open(after) == Open(
        tuple(n for n in ("n", "m") if n not in sizes),
        tuple(f for f in ("f", "g{L}") if f not in functions),
    )
    assert [(q.name, q.kind, q.shape) for q in after.quantities.values()] == [
        (q.name, q.kind, tuple(sizes.get(str(s), s) for s in q.shape))
        for q in before.quantities.values()
    ]
    assert {n: repr(e) for n, e in after.equations.items()} == {
        n: repr(e) for n, e in before.equations.items()
    }
    assert made == filled(filled(MIXED, sizes), functions=functions)
    if left_open(after) == Open((), ()):
        assert np.isfinite(numbers(after).loss)


@pytest.mark.parametrize("function", GIVABLE)
def test_a_function_and_its_derivative_are_those_that_were_given(function: str) -> None:
    text = "function f with derivative t\ninput x = 0.7\nweight w = 1\nh = f(w*x)\nloss E = h*t(x)"
    found = numbers(parse(filled(text, functions={"f": function})))
    body = "w*x" if function == "linear" else f"{function}(w*x)"
    known = numbers(parse(f"input x = 0.7\nweight w = 1\nloss h = {body}"))
    assert found.values["h"] == pytest.approx(known.loss, abs=1e-15)
    assert found.loss == pytest.approx(known.loss * known.gradients["w"] / 0.7, abs=1e-15)


@pytest.mark.parametrize("function", OFFERED)
def test_the_letters_of_the_source_stay_in_its_derivation(function: str) -> None:
    text = EXAMPLES["four_neurons"].read_text(encoding="utf-8")
    network = parse(filled(text, functions={"f": function}))
    bound = bind(load("one-letter"), network)
    for style in ("dynamic", "chain", "equation"):
        made = derive(network, "w8", style=style, named=bound.named_adjoints)
        assert verify_derivation(made).ok
        printed = render(made, bound, "text")
        assert function == "linear" or not re.search(r"put in the definition of f", printed)
    assert np.isfinite(numbers(network).loss)


def test_a_function_may_bear_the_name_of_another_in_books() -> None:
    text = "function σ, ln\ninput x = 0.7\nloss E = σ(x)*ln(x)"
    found = numbers(parse(filled(text, functions={"σ": "tanh", "ln": "cos"})))
    assert found.loss == pytest.approx(np.tanh(0.7) * np.cos(0.7), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "sizes", "functions", "says"),
    [
        (MIXED, {"nn": 3}, {}, "there is no open size nn\n  did you mean n"),
        (MIXED, {"q": 3}, {}, "open here: n, m"),
        (MIXED, {"k": 3}, {}, "there is no open size k"),
        (MIXED, {"n": 0}, {}, "a whole number from 1 to 1,000,000,000, not 0"),
        (MIXED, {"n": 10**9 + 1}, {}, "a whole number"),
        (MIXED, {"n": 10**5000}, {}, "not one so large"),
        (MIXED, {"n": 2.0}, {}, "a whole number"),
        (MIXED, {"n": True}, {}, "a whole number"),
        (MIXED, {}, {"g": "tanh"}, "there is no open function g\n  open here: f, g{L}"),
        (MIXED, {}, {"t": "tanh"}, "open here: f, g{L}, unused"),
        (MIXED, {}, {"twice": "tanh"}, "there is no open function twice"),
        (MIXED, {}, {"f": "tahn"}, "there is no function tahn to give\n  did you mean tanh"),
        (MIXED, {}, {"f": "u) = u\nloss"}, "to give\n  choose one of sigmoid, tanh"),
        (MIXED, {}, {"f": "erf'"}, "to give"),
        ("loss E = w", {}, {}, "no quantity named w"),
        ("weight w\nloss E = w", {"n": 3}, {}, "no size is open here"),
        ("size n\nweight w[n]\nloss E = w[5]", {"n": 3}, {}, "line 3 has a mistake: 5 is out of"),
        ("function g(a) = f(a)\nfunction f\nweight w\nloss E = g(w)", {}, {"f": "tanh"},
         "line 1 has a mistake: f is not defined yet"),
        ("function f\nweight w\nloss E = f''(w)", {}, {"f": "tanh"}, "f'' stands in an equation"),
        ("function f\nweight w\nloss E = f'(w)", {}, {"f": "linear"}, "f' stands in an equation"),
        ("function f with derivative t\nweight w\nloss E = t'(w)", {}, {"f": "tanh"},
         "t' stands in an equation"),
    ],
)  # fmt: skip
def test_what_cannot_be_given_is_refused(
    text: str, sizes: dict[str, Any], functions: dict[str, Any], says: str
) -> None:
    with pytest.raises(BackproveError) as refused:
        filled(text, sizes, functions)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "function f with derivative t\nweight w = 1\nloss E = t(w)",
            "function f(u) = sigmoid(u), t(u) = sigmoid'(u)",
        ),
        ("function f\nweight w = 1\nloss E = f(w)", "function f(u) = sigmoid(u)"),
        ("size n\nweight w = 1\nloss E = w/n", "size n = 3"),
        ("size n\nweight w[n]\nloss E = sum(i: w[i])", "size n = 3"),
    ],
)
def test_where_numbers_are_asked_for_it_is_said_what_to_write(text: str, says: str) -> None:
    with pytest.raises(BackproveError) as refused:
        evaluate(parse(text))
    assert refused.value.suggestion.endswith(says)
