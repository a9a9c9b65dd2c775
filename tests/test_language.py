"""The language: what it reads, what it refuses and where, and that it never does worse."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from math import prod
from pathlib import Path

import pytest
from effort import calls
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backprove.errors import BackproveError, Place, SourceError
from backprove.expr import Add, Apply, Expr, Mul, Number, Power, Reduce, Ref, plain
from backprove.functions import FUNCTIONS
from backprove.language import (
    expression,
    from_text,
    is_builder,
    load,
    mlp,
    neuron,
    parse,
    read,
    reference,
    source_text,
    warnings,
)
from backprove.language.builders import LOSSES
from backprove.language.names import RESERVED, ROLES
from backprove.language.writer import exact_decimal
from backprove.network import Label, Network

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.bp"))


def right_sides(network: Network) -> dict[str, str]:
    return {name: plain(equation.right) for name, equation in network.equations.items()}


# -- what it reads -------------------------------------------------------------------------

# a file, and the right side that its loss then has
GOOD = [
    ("loss e = 3", "3"),
    ("weight a,b,c\nloss e = a - b - c", "a - b - c"),
    ("weight a,b,c\nloss e = a - (b - c)", "a - (b - c)"),
    ("weight a,b,c\nloss e = (a + b) + c", "(a + b) + c"),
    ("weight a,b,c\nloss e = a*(b*c)", "a*(b*c)"),
    ("weight a,b,c\nloss e = a/b/c", "a/b/c"),
    ("weight a,b,c\nloss e = a/(b*c)", "a/(b*c)"),
    ("weight a,b\nloss e = -a*b", "-a*b"),
    ("weight a,b\nloss e = (-a)*b", "(-a)*b"),
    ("weight a,b\nloss e = a*-b", "a*(-b)"),
    ("weight a,b\nloss e = -(a + b)^2", "-(a + b)^2"),
    ("weight a\nloss e = -a^2", "-a^2"),
    ("weight a\nloss e = 2^a^2", "2^(a^2)"),
    ("weight a\nloss e = (2^a)^2", "(2^a)^2"),
    ("weight a\nloss e = a^-1", "1/a"),
    ("weight a\nloss e = 1/2*a", "(1/2)*a"),
    ("weight a\nloss e = a/2", "a/2"),
    ("weight a\nloss e = 0.25*a", "(1/4)*a"),
    ("weight a\nloss e = 1.5e-1*a", "(3/20)*a"),
    ("weight a\nloss e = 2^2^2^2^2^2*a", "2^(2^(2^(2^(2^2))))*a"),
    ("weight a\nloss e = a × a · a − a ⋅ a", "a*a*a - a*a"),
    ("weight alpha, η, w₁, ŷ, delta\nloss e = alpha*η*w₁*ŷ*delta", "alpha*η*w₁*ŷ*delta"),
    ("weight a{2}, a{L}, a{ L - 1 }\nloss e = a{2}*a{L}*a{L-1}", "a{2}*a{L}*a{L-1}"),
    ("weight a\nloss e = σ(a) + ln(a)", "sigmoid(a) + log(a)"),
    ("weight a\nloss e = tanh''(a)", "tanh''(a)"),
    ("function f with derivative t\nweight a\nloss e = f(a) + t(a) + f'(a) + f''(a)",
     "f(a) + t(a) + t(a) + t'(a)"),
    ("function g{L}\nweight a\nloss e = g{L}(a)*g{L}'(a)", "g{L}(a)*g{L}'(a)"),
    ("weight w[2,3]\nloss e = w[2,3]", "w[2,3]"),
    ("weight w[2,3]\nloss e = sum(i,j: w[i,j])", "sum(i: sum(j: w[i,j]))"),
    ("weight w[2]\nloss e = max(k: w[k]^2)", "max(k: w[k]^2)"),
    ("weight w[2]\nloss e = sum(i: delta(i,2)*w[i])", "sum(i: delta(i,2)*w[i])"),
    ("weight w[2]\nloss e = sum(i: delta(i,argmax(k: w[k]))*w[i])",
     "sum(i: delta(i,argmax(k: w[k]))*w[i])"),
    ("size n = 2\nweight w[n]\nloss e = sum(i: w[i])/n", "sum(i: w[i])/n"),
    ("weight a # the weight\n\n  # nothing\nloss e = (a +\n  a # twice\n)", "a + a"),
    ("\ufeffweight a\r\nloss e = a\r\n", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "loss"), GOOD)
def test_structure_is_kept(text: str, loss: str) -> None:
    network = parse(text)
    assert plain(network.equations["e"].right) == loss
    assert right_sides(parse(source_text(network))) == right_sides(network)


def test_subtraction_and_division_are_as_agreed() -> None:
    a, b = Ref("a", ()), Ref("b", ())
    minus, half = Number(-1), Number(Fraction(1, 2))
    for written, meant in [
        ("a - b", Add((a, Mul((minus, b))))),
        ("a - 2", Add((a, Number(-2)))),
        ("a/b", Mul((a, Power(b, minus)))),
        ("a/2", Mul((a, half))),
        ("1/a", Power(a, minus)),
        ("1/2*a", Mul((half, a))),
        ("(a*b)*a", Mul((Mul((a, b)), a))),
        ("-a*b", Mul((minus, a, b))),
        ("-(a*b)", Mul((minus, Mul((a, b))))),
    ]:
        assert parse(f"weight a, b\nloss e = {written}").equations["e"].right is meant, written


def test_sizes_follow_from_use() -> None:
    network = parse(
        """
        size n = 3, m
        input x[n], u[3], v[m]
        target y[k] with sum(k: y[k]) = 1
        weight w[4,n], q[4,m]
        z[i] = sum(j: w[i,j]*(x[j] + u[j])) + sum(j: q[i,j]*v[j])
        c[j] = z[j]*0 + 1
        loss J = -sum(i: y[i]*log(z[i]*c[i])) + sum(a: delta(a,a)*z[a])
        """
    )
    shapes = {name: q.shape for name, q in network.quantities.items()}
    assert shapes["x"] == shapes["u"] == (3,)
    assert shapes["y"] == shapes["z"] == shapes["c"] == (4,)
    assert shapes["v"] == ("m",)
    assert network.symbolic
    sums = [e for e in _parts(network.equations["z"].right) if isinstance(e, Reduce)]
    assert [s.size for s in sums] == [3, "m"]
    (constraint,) = network.constraints
    assert (constraint.target, plain(constraint.left), plain(constraint.right)) == (
        "y", "sum(k: y[k])", "1",
    )  # fmt: skip


def _parts(e: Expr) -> list[Expr]:
    return [e, *(p for child in e.children for p in _parts(child))]


def test_a_size_may_follow_from_what_comes_later() -> None:
    network = parse("weight w[2,5]\nloss e = sum(i,j: w[i,j]*h[j])\nh[k] = 1")
    assert network["h"].shape == (5,)
    assert list(network.equations) == ["h", "e"]


def test_values_are_exact() -> None:
    network = parse(
        "input x = -0.05, t[2] = [1, +2.5e-1]\nweight w[2,2] = [[1, 2],\n [1/3, -4]]\n"
        "loss e = x*sum(i,j: w[i,j]*t[j])"
    )
    assert network["x"].value == Fraction(-1, 20)
    assert network["t"].value == (Fraction(1), Fraction(1, 4))
    assert network["w"].value == ((1, 2), (Fraction(1, 3), -4))


def test_labels_places_and_roles() -> None:
    network = parse(
        "size n\ninput a{L-1}[n]\nweight w{L}[n]\n"
        "z{L} = sum(k: w{L}[k]*a{L-1}[k])\nloss E = z{L}^2\nrole z{L} = weighted input {L}"
    )
    z = network["z{L}"]
    assert (z.base, z.label, network["a{L-1}"].label) == ("z", Label("L", 0), Label("L", -1))
    assert z.place is not None
    assert (z.place.line, z.place.column) == (4, 1)
    assert network.declared_roles == {"z{L}": "weighted input L"}
    assert parse(source_text(network)).declared_roles == network.declared_roles


def test_defined_functions() -> None:
    network = parse("function swish(v) = v*sigmoid(v)\nweight a\nloss e = swish(2*a)")
    assert plain(network.functions["swish"].definition_at(Ref("a"))) == "a*sigmoid(a)"
    again = parse(source_text(network))
    assert again.own_functions == network.own_functions
    late = parse("h[i] = sq(x[i])\nfunction sq(x) = x^2\ninput x[2]\nloss e = h[1]")
    assert late["h"].shape == (2,)


def test_warnings_name_what_does_not_reach_the_loss() -> None:
    network = parse("weight a, b\nc = b^2\nloss e = a")
    assert warnings(network) == [
        "b does not reach the loss: its gradient is 0",
        "c does not reach the loss",
    ]


def test_signs_that_turn_the_order_of_a_line_are_warned_of() -> None:
    network = parse("weight w\n# a \u202ecomment\u202c\nloss e = w")
    assert warnings(network) == [
        "line 2 has signs that change the order in which it is shown: <U+202E>"
    ]


def test_an_excerpt_shows_what_is_not_seen_by_its_number() -> None:
    text = "weight w\nloss e = v # \u202eb\x1b[2J"
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.excerpt == ("loss e = v # <U+202E>b<U+001B>[2J", " " * 9 + "^")
    behind = SourceError("", file="", place=Place(1, 3, 2), text="\u202ea\u2066b")
    assert behind.excerpt == ("<U+202E>a<U+2066>b", " " * 9 + "^" * 9)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_read_and_come_back(path: Path) -> None:
    network = read(path)
    again = parse(source_text(network))
    assert again.quantities == network.quantities
    assert list(again.equations.values()) == list(network.equations.values())
    assert warnings(network) == []
    assert path.read_text(encoding="utf-8").startswith("# ")


# what each source writes for the equations that its derivation uses
SOURCES = {
    "four_neurons": {
        "d4": "h1*w6 + h2*w8", "u4": "f(u4.argument)", "u4.argument": "d4 + b4",
        "s4": "w10*u4 - y4", "e": "(s3^2 + s4^2)/2",
    },
    "deeplizard": {
        "z{L}": "sum(k: w{L}[j,k]*a{L-1}[k])", "a{L}": "g{L}(z{L}[j])",
        "C_0j": "(a{L}[j] - y[j])^2", "C_0": "sum(j: C_0j[j])",
    },
    "two_neurons": {"r_h": "w_h*i", "r_o": "w_o*r_h", "E": "(t - r_o)^2/2"},
    "chain_3_3_1": {"z2": "sum(j: h2[j]*w2[i,j]) + b2", "h3": "sigmoid(z2[i])"},
    "chain_3_3_1_linear": {"h3": "z2[i]"},
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_examples_say_what_their_sources_say(name: str) -> None:
    network = read(EXAMPLES[0].parent / f"{name}.bp")
    found = right_sides(network)
    assert {key: found[key] for key in SOURCES[name]} == SOURCES[name]


# -- what it refuses -----------------------------------------------------------------------

# a text, the line and column of the caret, a piece of what is said
BAD = [
    # names
    ("weight w1, w2\nloss e = w1*w3", 2, 13, "did you mean w2?"),
    ("weight weight_a\nloss e = wieght_a", 2, 10, "did you mean weight_a?"),
    ("loss e = sigmod(2)", 1, 10, "did you mean sigmoid?"),
    ("weight w\nloss e = w(2)", 2, 10, "w is a weight, not a function"),
    ("loss e = tanh", 1, 10, "tanh is a function, not a quantity"),
    ("weight w, w\nloss e = w", 1, 11, "w is already a weight"),
    ("weight tanh\nloss e = 1", 1, 8, "tanh is already a function"),
    ("weight sum\nloss e = 1", 1, 8, "word of the language"),
    ("function f\nweight f\nloss e = 1", 2, 8, "f is already a function"),
    ("function f with derivative t\ntarget t\nloss e = f(1)", 2, 8, "t is already a function"),
    ("weight w\nw = 3\nloss e = w", 2, 1, "no equation can give it"),
    ("h = 3\nh = 4\nloss e = h", 2, 1, "already given by the equation on line 1"),
    ("weight ∂w\nloss e = 1", 1, 8, "adjoint"),
    ("wieght w\nloss e = w", 1, 1, "did you mean weight?"),
    ("role x = loss\nloss e = 1", 1, 6, "no quantity named x"),
    ("loss e = 1\nrole e = lss", 2, 10, "did you mean loss?"),
    # functions
    ("function f(u) = u*w\nweight w\nloss e = f(w)", 1, 19, "argument u only"),
    ("function f(u) = f(u)\nloss e = f(1)", 1, 17, "f is not defined yet"),
    ("function f(u) = sum(k: u)\nloss e = f(1)", 1, 17, "definition has no sums"),
    ("loss e = tanh(1, 2)", 1, 16, "one argument"),
    ("function f(u, v) = u\nloss e = 1", 1, 13, "one argument"),
    # sizes, ranks and indices
    ("weight w[m]\nloss e = 1", 1, 10, "write `size m` or `size m = 3`"),
    ("size inputs = 2\nweight w[input]\nloss e = 1", 2, 10, "did you mean inputs?"),
    ("weight w[2]\nloss e = w", 2, 10, "w has 1 axis, but none are given"),
    ("weight w[2]\nloss e = w[1,2]", 2, 10, "w has 1 axis, but 2 are given"),
    ("weight w\nloss e = w[1]", 2, 10, "w is a scalar"),
    ("weight w[2]\nloss e = w[3]", 2, 12, "3 is out of range: axis 1 of w is 2 long"),
    ("weight w[2]\nloss e = w[0]", 2, 12, "indices count from 1"),
    ("weight w[2]\nloss e = w[1.5]", 2, 12, "letter or a whole number"),
    ("weight w[2]\nloss e = w[-1]", 2, 12, "letter or a whole number"),
    ("weight w[2]\nloss e = sum(i: w[i+1])", 2, 20, "letter or a whole number"),
    ("weight w[2], v[3]\nloss e = sum(i: w[i]*v[i])", 2, 24, "i goes to 2 (axis 1 of w)"),
    ("size n\nsize m\nweight w[n], v[m]\nloss e = sum(i: w[i]*v[i])", 4, 24, "is m long"),
    ("size n = 2\nweight w[n], v[3]\nloss e = sum(i: w[i]*v[i])", 3, 24, "axis 1 of v is 3 long"),
    ("weight w[2]\nloss e = w[i]", 2, 12, "nothing says what i is"),
    ("weight w[2]\nh[i] = w[i]\nh2[j] = h[i]\nloss e = h2[1]", 3, 11, "nothing says what i is"),
    ("loss e = sum(k: 1)", 1, 14, "nothing says how far k runs"),
    ("h[i] = 1\nloss e = 1", 1, 3, "nothing says how far i runs"),
    ("h[1] = 1\nloss e = 1", 1, 3, "an equation gives every component"),
    ("weight w[2]\nh[i,i] = w[i]\nloss e = 1", 2, 5, "already in use"),
    ("weight w[2]\nloss e = sum(i: w[i]*sum(i: w[i]))", 2, 26, "already in use"),
    ("weight w[2], k\nloss e = sum(k: w[k])", 2, 14, "k is already a weight"),
    ("weight w[2]\nloss e = sum(k: k*w[k])", 2, 17, "k is an index"),
    ("size n = 2\nweight w[n]\nloss e = w[n]", 3, 12, "n is a size, not an index"),
    ("input x[2]\nz[j] = sum(i: delta(i,j)*x[i])\nweight w[3]\nloss e = sum(j: w[j]*z[j])",
     2, 15, "different lengths, 2 (axis 1 of x) and 3 (axis 1 of w)"),
    ("weight w[3]\nloss e = sum(i: delta(i,5)*w[i])", 2, 25, "5 is out of range"),
    ("weight w[3]\nloss e = sum(i: delta(0,i)*w[i])", 2, 23, "indices count from 1"),
    ("weight w[3]\nloss e = sum(i: delta(4,argmax(k: w[k]))*w[i])", 2, 23, "4 is out of range"),
    ("weight w[3], v[2]\nloss e = sum(i: delta(i,argmax(k: w[k]))*v[i])", 2, 17, "different"),
    ("size n\nweight w[n], v[2]\nloss e = sum(i,j: delta(i,j)*w[i]*v[j])", 3, 19, "different"),
    ("size n = 0\nloss e = 1", 1, 10, "a size is a whole number from 1"),
    ("size n = 2.5\nloss e = 1", 1, 10, "a size is a whole number from 1"),
    ("weight w[20000000000]\nloss e = 1", 1, 10, "a size is a whole number from 1"),
    (f"weight w[{','.join('1' * 17)}]\nloss e = 1", 1, 42, "a tensor has at most 16 axes"),
    ("target y[k] with sum(k: y[k]) = 1\nloss e = 1", 1, 22, "nothing says how far k runs"),
    ("weight w with w = 1\nloss e = w", 1, 8, "only a target can have a constraint"),
    ("weight w\ntarget y with w = 1\nloss e = w", 2, 15, "speaks of w"),
    ("target y with 1 = 1\nloss e = y", 1, 15, "does not speak of y"),
    # values
    ("weight w[2] = [1, 2, 3]\nloss e = 1", 1, 15, "axis 1 of w is 2 long, not 3"),
    ("weight w[2,2] = [[1, 2], [3]]\nloss e = 1", 1, 26, "axis 2 of w is 2 long, not 1"),
    ("weight w[2] = 1\nloss e = 1", 1, 15, "a row of numbers"),
    ("weight w = [1]\nloss e = 1", 1, 12, "its value is one number"),
    ("size n\nweight w[n] = [1]\nloss e = 1", 2, 15, "write `size n = 1`"),
    ("weight w = 1/0\nloss e = 1", 1, 12, "division by zero"),
    ("weight w = 1e999999\nloss e = 1", 1, 12, "more than 400 digits"),
    ("weight w = " + "9" * 500 + "\nloss e = 1", 1, 12, "more than 400 digits"),
    ("weight w = 1e-400\nloss e = 1", 1, 12, "1e-400 is too small"),
    ("weight w = -1/1e399\nloss e = 1", 1, 12, "1/1e399 is too small"),
    ("weight w\nloss e = w*2.4e-324", 2, 12, "2.4e-324 is too small"),
    # the loss and cycles
    ("weight w\nh = w", 2, 1, "no line gives the loss"),
    ("", 1, 1, "no line gives the loss"),
    ("loss e = 1\nloss f = 2", 2, 6, "there is already a loss, e on line 1"),
    ("weight w[2]\nloss e[i] = w[i]", 2, 6, "sum over it: `loss e = sum(i: …)`"),
    ("loss = 1", 1, 6, "the loss needs a name"),
    ("a = b\nb = a\nloss e = a", 2, 5, "a depends on itself (a → b → a)"),
    ("loss e = e", 1, 10, "e depends on itself"),
    # shape of the text
    ("loss e = 2x", 1, 11, "write `*`"),
    ("weight a\nloss e = a a", 2, 12, "write `*`"),
    ("weight a\nloss e = a**2", 2, 11, "a power is written ^"),
    ("weight a\nloss e = a²", 2, 11, "a power is written ^"),
    ("weight a\nloss e = (a", 2, 10, "never closed"),
    ("weight a\nloss e = a)", 2, 11, "closes nothing"),
    ("weight a\nloss e = (a]", 2, 12, "does not fit the bracket"),
    ("loss e = 1 +", 1, 13, "an expression is missing"),
    ("loss e = 1 == 2", 1, 12, "an equation has one `=`"),
    ("loss e = $", 1, 10, "`$`"),
    ("loss e = \\frac{1}{2}", 1, 10, "not LaTeX"),
    ("weight w[2]\nloss e = sum(w)", 2, 15, "names its index first"),
    ("weight a{L = 1\nloss e = 1", 1, 9, "label"),
    ("weight a{x y}\nloss e = 1", 1, 9, "not a layer label"),
    ("loss e = 1/0", 1, 12, "division by zero"),
    ("loss e = 0^-1", 1, 10, "division by zero"),
    ("loss e = " + "(" * 201 + "1" + ")" * 201, 1, 210, "nested more than 200 deep"),
    ("loss e = " + "(" * 10_000, 1, 210, "nested more than 200 deep"),
    ("weight a\nloss e = " + "2^" * 10_000 + "a", 2, 19410, "nested too deep"),
    ("weight a\nloss e = " + "-" * 10_000 + "a", 2, 9710, "nested too deep"),
    ("\0\1\2", 1, 1, "cannot be read"),
    ("weight a\nloss e = " + "a + " * 100_000 + "a", 2, 1, "400,010 characters"),
    ("#" * 1_000_001, 1, 1, "more than 1,000,000 are not read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "says"), BAD)
def test_mistakes_are_shown_in_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, "net.bp")
    message = str(caught.value)
    assert message.startswith(f"net.bp:{line}:{column}: ")
    assert says in message
    assert len(message) < 1000


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("binary.bp", b"\x7fELF\x00\x01", "binary"),
        ("latin.bp", "weight é".encode("latin-1"), "not UTF-8"),
        ("large.bp", b"# " + b"x" * 10_000_000, "10,000,002 bytes"),
        ("folder.bp", None, "cannot be read"),
        ("missing.bp", b"", "cannot be read"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is None:
        path.mkdir()
    elif content:
        path.write_bytes(content)
    with pytest.raises(BackproveError, match=says):
        read(path)


def test_two_hundred_brackets_are_allowed() -> None:
    nested = "(" * 200 + "a" + ")" * 200
    assert plain(parse(f"weight a\nloss e = {nested}").equations["e"].right) == "a"
    inside = "tanh(1+" * 100 + "a" + ")" * 100
    network = parse(f"weight a\nloss e = {inside}")
    assert right_sides(parse(source_text(network))) == right_sides(network)


# -- what holds for every text -------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    ["weight ", "w", "w[2]", "[i]", "(", ")", "sum(i: ", "loss ", "e", " = ", "1", "0.5", "^",
     "-", "*", "/", "{L}", ",", ":", "\n", "#", "with ", "function ", "f", "'", "∂", "max(",
     "delta(", "size n = 3\n", "é", "²", "\\", "role ", "target y[k] ", "2e9", "\t", "\u2028"]
)  # fmt: skip


def reads_or_refuses(text: str) -> None:
    network = parsed(text)
    if isinstance(network, SourceError):
        assert network.message
        assert 1 <= network.place.line <= text.count("\n") + text.count("\r") + 1
        assert str(network).startswith("<text>:")
    else:
        again = parse(source_text(network))
        assert right_sides(again) == right_sides(network)


def parsed(text: str) -> Network | SourceError:
    """The network, or the one kind of error that a text may cause."""
    try:
        return parse(text)
    except SourceError as error:
        return error


@given(st.text(max_size=200))
@example("\n\n\n")
@example("loss e = '")
def test_any_text_is_read_or_refused(text: str) -> None:
    reads_or_refuses(text)


@settings(max_examples=400)
@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_any_row_of_fragments_is_read_or_refused(text: str) -> None:
    reads_or_refuses(text)


@settings(max_examples=300)
@given(st.data())
def test_any_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(EXAMPLES)).read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + data.draw(FRAGMENTS | st.just("")) + text[end:]
    reads_or_refuses(text)


# Python reads + - * / and ** with the same binding, so it says what a text is worth.
NAMES = {"a": Fraction(3), "b": Fraction(-5, 2), "c": Fraction(7, 11)}
ATOMS = st.sampled_from([*NAMES, "2", "3", "0.5", "10"])


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, st.sampled_from([" + ", " - ", "*", "/", "*-", " - -"]), inner)
    return st.one_of(
        pair.map("".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"-{e}"),
        st.tuples(inner, st.sampled_from(["2", "3", "-1", "-2"])).map(lambda p: f"({p[0]})^{p[1]}"),
        ATOMS.map(lambda e: f"-{e}^2"),
    )


@settings(max_examples=300)
@given(st.recursive(ATOMS, _wider, max_leaves=8))
@example("1/2/3*a")
@example("-a^2 - -b")
@example("2*a/4*b")
@example("2*0.5 + 6/4*a - 1/1")
def test_a_text_is_worth_what_python_says(text: str) -> None:
    python = re.sub("[0-9.]+", r"F('\g<0>')", text).replace("^", "**")
    try:
        worth = eval(python, {"F": Fraction, **NAMES})  # our own text, made above
    except ZeroDivisionError:
        return
    network = parsed(f"weight a, b, c\nloss e = {text}")
    if isinstance(network, SourceError):
        assert "division by zero" in str(network)
        return
    e = network.equations["e"].right
    assert value(e) == worth
    again = parse(source_text(network))
    assert value(again.equations["e"].right) == worth
    # what has been written and read once stays as it is: -(-3/2) is -(-(3/2)) only at first
    assert source_text(parse(source_text(again))) == source_text(again)


def value(e: Expr) -> Fraction:
    match e:
        case Number():
            return e.value
        case Ref():
            return NAMES[e.name]
        case Add():
            return sum(map(value, e.terms), Fraction(0))
        case Mul():
            return prod(map(value, e.factors))
        case Power():
            worth: Fraction = value(e.base) ** value(e.exponent)
            return worth
    raise AssertionError(e)


@given(st.fractions(), st.integers(0, 40))
def test_decimals_are_exact(value: Fraction, places: int) -> None:
    for number in (value, Fraction(value.numerator, 10**places)):
        assert Fraction(exact_decimal(number)) == number


# -- builders ------------------------------------------------------------------------------


def test_mlp_is_the_network_of_the_textbooks() -> None:
    assert right_sides(mlp([3, 3, 1])) == {
        "z2": "sum(j: w1[i,j]*x[j]) + b1[i]",
        "h2": "sigmoid(z2[i])",
        "z3": "sum(j: w2[i,j]*h2[j]) + b2[i]",
        "h3": "sigmoid(z3[i])",
        "J": "sum(i: (y[i] - h3[i])^2)/2",
    }


BUILT = [
    ("mlp:784-128-10,tanh,squared_error", {"h3": "tanh(z3[i])"}, ["w1", "w2", "b1", "b2"]),
    ("mlp:1-1-1,sigmoid,sse,nobias", {"J": "sum(i: (y[i] - h3[i])^2)"}, ["w1", "w2"]),
    ("mlp:2-3-1,relu/linear", {"h2": "relu(z2[i])", "h3": "z3[i]"}, ["w1", "w2", "b1", "b2"]),
    ("mlp:4-8x2-3,tanh,cross_entropy",
     {"o": "exp(z4[i])/sum(k: exp(z4[k]))", "J": "-sum(i: y[i]*log(o[i]))"},
     ["w1", "w2", "w3", "b1", "b2", "b3"]),
    ("softmax:4-3", {"z2": "sum(j: w1[i,j]*x[j]) + b1[i]"}, ["w1", "b1"]),
    ("logistic:4", {"J": "-(y*log(h) + (1 - y)*log(1 - h))"}, ["w", "b"]),
    ("linear:4", {"h": "z"}, ["w", "b"]),
    ("neuron:2,relu,sse", {"h": "relu(z)", "J": "(y - h)^2"}, ["w", "b"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "equations", "trained"), BUILT)
def test_builders(spec: str, equations: dict[str, str], trained: list[str]) -> None:
    network = load(spec)
    found = right_sides(network)
    assert {name: found[name] for name in equations} == equations
    assert [q.name for q in network.trained] == trained
    assert right_sides(parse(source_text(network))) == found


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: load("mpl:3-3-1"), "no builder 'mpl'"),
        (lambda: load("mlp:3-x-1"), "no list of layers"),
        (lambda: load("mlp:3"), "1 layers"),
        (lambda: load("mlp:3-0-1"), "nodes, not 0"),
        (lambda: load("mlp:3-1,sigmod"), "did you mean sigmoid"),
        (lambda: load("mlp:3-1,tanh,cross-entropy"), "did you mean cross_entropy"),
        (lambda: load("mlp:3-1,tanh,sse,nobais"), "did you mean nobias"),
        (lambda: load("mlp:3-1,tanh/relu,cross_entropy"), "brings its own"),
        (lambda: load("neuron:3-1"), "one number"),
        (lambda: load("logistic:3,relu"), "too many"),
        (lambda: neuron(2, "relu", "cross_entropy"), "no softmax"),
        (lambda: mlp([3, 2.5]), "nodes, not 2.5"),  # type: ignore[list-item]
        (lambda: mlp("784"), "1 layers"),
        (lambda: mlp("3-x-1"), "no list of layers"),
        (lambda: mlp("3-2,tanh"), r"write backprove\.load\('mlp:3-2,tanh'\)"),
        (lambda: mlp("mlp:3-2"), r"write backprove\.load\('mlp:3-2'\)"),
        (lambda: load("nowhere.bp"), "cannot be read"),
        (lambda: load("a" * 5000), "cannot be read"),
        (lambda: load("no\0where.bp"), "cannot be read"),
        (lambda: load("mlp:3-1," + "t" * 5000), "no activation"),
        (lambda: load("mlp:3-x-1" + "-1" * 5000), "no list of layers"),
        (lambda: load("784-128-10"), "did you mean mlp:784-128-10"),
        (lambda: from_text(" 2-8x3-1, tanh\n"), "did you mean mlp:2-8x3-1, tanh"),
    ],
)
def test_builders_refuse(make: Callable[[], object], says: str) -> None:
    with pytest.raises(BackproveError, match=says):
        make()


def test_layers_are_taken_as_they_are_written_in_a_word() -> None:
    for sizes, same in (("784-10", [784, 10]), ("3-2x3-1", [3, 2, 2, 2, 1])):
        assert right_sides(mlp(sizes)) == right_sides(mlp(same))
        assert mlp(sizes).trained == mlp(same).trained


def test_a_long_specification_is_no_path() -> None:
    assert len(load("mlp:" + "-".join(["1"] * 400)).trained) == 2 * 399
    assert is_builder("mlp:" + "-".join(["1"] * 4000))


def test_ten_times_as_deep_costs_ten_times_as_much() -> None:
    mlp([4] * 3)
    shallow, deep = (calls(lambda size=size: mlp([4] * size)) for size in (51, 501))
    assert deep < 15 * shallow
    assert len(mlp([4] * 1001).equations) == 2001


# -- parts of a known network --------------------------------------------------------------

NET = mlp([3, 3, 1])


def test_references_and_expressions() -> None:
    assert reference("w2[1,2]", NET) is Ref("w2", (1, 2))
    assert reference("w2[i,3]", NET) is Ref("w2", ("i", 3))
    assert reference(" w2 ", NET) is Ref("w2", ("i", "j"))
    assert reference("J", NET) is Ref("J", ())
    e = expression("∂z2[i]*sigmoid'(z2[i])*sum(k: w1[i,k])", NET)
    assert isinstance(e, Mul)
    assert e.factors[:2] == (Ref("∂z2", ("i",)), Apply("sigmoid'", Ref("z2", ("i",))))
    assert isinstance(e.factors[2], Reduce)
    assert e.factors[2].size == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("w3[1,2]", "did you mean w2"),
        ("w2[1,4]", "out of range"),
        ("w2[1]", "2 axes"),
        ("w2[1,2] + 1", "no quantity"),
        ("w2[1", "never closed"),
        ("w2 w2", "operator"),
    ],
)
def test_references_refuse(text: str, says: str) -> None:
    with pytest.raises(BackproveError, match=says):
        reference(text, NET)


# -- the documentation ---------------------------------------------------------------------

MANUAL = (Path(__file__).parent.parent / "docs" / "language.md").read_text(encoding="utf-8")


def test_the_manual_is_true() -> None:
    failed, tried = doctest.testfile(
        str(Path(__file__).parent.parent / "docs" / "language.md"), module_relative=False
    )
    assert tried > 0
    assert failed == 0
    (file,) = re.findall(r"```bp\n(.*?)```", MANUAL, re.DOTALL)
    assert right_sides(parse(file)) == right_sides(mlp([3, 3, 1]))
    words = re.findall(r"`((?:mlp|softmax|logistic|linear|neuron):[^`]+)`", MANUAL)
    assert len(words) >= 8
    for word in words:
        assert load(word).trained
    (message,) = re.findall(r"```\n(net\.bp:.*?)```", MANUAL, re.DOTALL)
    with pytest.raises(SourceError) as caught:
        parse(file.replace("w2[i,j]", "w3[i,j]"), "net.bp")
    assert str(caught.value) == message.strip()


def test_the_manual_names_every_word_and_function() -> None:
    for word in [*RESERVED, *ROLES, *LOSSES, *(f for f in FUNCTIONS if not f.endswith("'"))]:
        assert re.search(rf"(?<!\w){word}(?!\w)", MANUAL), word


PARSES = (
    "import lark\nfrom unittest.mock import patch\n"
    "with patch('lark.lark.load_grammar', side_effect=lark.lark.load_grammar) as making:\n"
    "    from backprove.language import expression, parse\n"
    "    network = parse('weight w\\nloss J = w^2')\n"
    "    print(expression('2*w', network), making.call_count)\n"
)


def parsed_in_a_new_process(caches: Path) -> str:
    """What it says, and how often the grammar was compiled."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    answer = subprocess.run(
        [sys.executable, "-c", PARSES], capture_output=True, text=True, check=True,
        env={**environment, "PYTHONPYCACHEPREFIX": str(caches)},
    )  # fmt: skip
    assert not answer.stderr
    return answer.stdout.strip()


def test_the_parser_is_made_once_and_again_where_its_tables_are_no_good(tmp_path: Path) -> None:
    assert parsed_in_a_new_process(tmp_path) == "2*w 1"
    assert parsed_in_a_new_process(tmp_path) == "2*w 0"
    (tables,) = tmp_path.rglob("*.tables")
    for damaged in (b"", b"not a table", tables.read_bytes()[:-100]):
        tables.write_bytes(damaged)
        assert parsed_in_a_new_process(tmp_path) == "2*w 1"
        assert parsed_in_a_new_process(tmp_path) == "2*w 0"
    nowhere = tmp_path / "file"
    nowhere.write_text("no folder")
    assert parsed_in_a_new_process(nowhere) == "2*w 1"
