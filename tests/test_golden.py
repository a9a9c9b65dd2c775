"""The four source articles, line by line.

Each table holds the lines that a source prints, written with Python operators on the names of
its example file. A line counts as reproduced when a printed line equals it up to spacing,
redundant parentheses and the order of factors. The source of each table is named in the
comment of its example file.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest

from backprove.derivation import derive
from backprove.expr import Apply, Derivative, Expr, Number, Reduce, Ref, canonical, mapped
from backprove.language import read
from backprove.network import ADJOINT, CHANGE, RATE, Network
from backprove.rewrite import Derivation


def key(network: Network, e: Expr) -> object:
    """A key up to what does not count: order, parentheses, names of unnamed arguments."""

    def argument(ref: Ref) -> Expr | None:
        known = network.quantities.get(ref.name)
        return network.definition(ref) if known is not None and known.hidden else None

    def plainly(part: Expr) -> Expr | None:
        if isinstance(part, Derivative):
            wrt = argument(part.wrt) if isinstance(part.wrt, Ref) else None
            return Derivative(mapped(part.body, plainly), wrt or part.wrt, False)
        return argument(part) if isinstance(part, Ref) else None

    return canonical(mapped(e, plainly))


def lines(derivation: Derivation) -> Iterator[tuple[Expr | None, Expr]]:
    for block in derivation.blocks:
        for line in block.lines:
            yield block.left, line.right


def check(derivation: Derivation, *expected: Expr) -> None:
    """Every expected line is printed, and in this order."""
    network = derivation.network
    printed = [key(network, right) for _, right in lines(derivation)]
    at = 0
    for line in expected:
        wanted = key(network, line)
        assert wanted in printed[at:], f"no line reads {line}"
        at += printed[at:].index(wanted)


def d(body: Expr, wrt: Expr) -> Expr:
    return Derivative(body, wrt, False)


def names(text: str) -> list[Ref]:
    return [Ref(name) for name in text.split()]


# -- dynamic programming formula -----------------------------------------------------------

(h1, h2, w6, w7, w8, b2, b4, d2, d4, s3, s4, u4, y4, x2, e) = names(
    "h1 h2 w6 w7 w8 b2 b4 d2 d4 s3 s4 u4 y4 x2 e"
)
w4 = Ref("w4")
v2, v3, v4 = (Ref(f"{ADJOINT}{name}.argument") for name in ("h2", "u3", "u4"))
ONE_LETTER = frozenset({"s3", "s4", "h1.argument", "h2.argument", "u3.argument", "u4.argument"})


def t(u: Expr) -> Expr:
    return Apply("t", u)


def f(u: Expr) -> Expr:
    return Apply("f", u)


@pytest.fixture(scope="module")
def four_neurons() -> Network:
    return read("examples/four_neurons.bp")


def test_g8_passes_through_every_line_of_the_source(four_neurons: Network) -> None:
    slope = t(d4 + b4)
    check(
        derive(four_neurons, "w8", "dynamic", named=ONE_LETTER),
        d(e, w8),
        d((s3**2 + s4**2) / 2, w8),
        d(s4**2 / 2, w8),
        d(s4**2 / 2, s4) * d(s4, w8),
        2 * s4 / 2 * d(s4, w8),
        s4 * d(u4 - y4, w8),
        s4 * d(u4, w8),
        s4 * d(f(d4 + b4), w8),
        s4 * slope * d(d4 + b4, w8),
        s4 * slope * d(h1 * w6 + h2 * w8, w8),
        s4 * slope * d(h2 * w8, w8),
        s4 * 1 * slope * h2,
        v4 * h2,
    )


def test_the_brackets_of_g8_are_v4(four_neurons: Network) -> None:
    derivation = derive(four_neurons, "w8", "dynamic", named=ONE_LETTER)
    last = derivation.blocks[-1].lines
    assert repr(last[-2].right) == "((s4*1)*t(u4.argument))*h2"
    assert last[-1].right is v4 * h2


def test_g6_reuses_v4(four_neurons: Network) -> None:
    derivation = derive(four_neurons, "w6", "dynamic", named=ONE_LETTER)
    check(derivation, s4 * 1 * t(d4 + b4), v4 * h1)
    assert derivation.answer is v4 * h1


def test_g4_and_the_formula_of_v2(four_neurons: Network) -> None:
    w2_ = derive(four_neurons, "w2", "dynamic", named=ONE_LETTER)
    check(w2_, (w7 * v3 + w8 * v4) * t(d2 + b2), v2 * Ref("x1"))
    g4 = derive(four_neurons, "w4", "dynamic", named=ONE_LETTER)
    check(g4, (w7 * v3 + w8 * v4) * t(d2 + b2) * x2, v2 * x2)


def test_the_componential_gradient(four_neurons: Network) -> None:
    derivation = derive(four_neurons, "w6", "dynamic", named=ONE_LETTER)
    block = next(b for b in derivation.blocks if b.left is Ref(ADJOINT + "s4"))
    assert block.lines[0].right is d((s3**2 + s4**2) / 2, s4)
    assert block.end is s4


@pytest.mark.parametrize("name", ["w9", "w10"])
def test_edges_into_the_loss_have_no_gradient(four_neurons: Network, name: str) -> None:
    derivation = derive(four_neurons, name)
    words = "".join(w for b in derivation.blocks for s in b.before for w in s if isinstance(w, str))
    assert derivation.answer is None
    assert "always 1" in words


# -- mathematical observations -------------------------------------------------------------


@pytest.fixture(scope="module")
def deeplizard() -> Network:
    return read("examples/deeplizard.bp")


def test_a_weight_of_the_last_layer(deeplizard: Network) -> None:
    a, y, z, a2 = Ref("a{L}", (1,)), Ref("y", (1,)), Ref("z{L}", (1,)), Ref("a{L-1}", (2,))
    derivation = derive(deeplizard, "w{L}[1,2]")
    answer = 2 * (a - y) * Apply("g{L}'", z) * a2
    assert derivation.answer is not None
    assert key(deeplizard, derivation.answer) == key(deeplizard, answer)


def test_a_weight_of_the_layer_before_sums_over_the_nodes_of_the_last(deeplizard: Network) -> None:
    derivation = derive(deeplizard, "w{L-1}[1,2]")
    assert derivation.answer is not None
    assert "sum(" in repr(derivation.answer)
    assert "w{L}[" in repr(derivation.answer)


def test_the_mean_over_samples(deeplizard: Network) -> None:
    lifted = deeplizard.over("m")
    derivation = derive(lifted, "w{L}[1,2]")
    a, y, z, a2 = (Ref(n, (k, "s")) for n, k in (("a{L}", 1), ("y", 1), ("z{L}", 1), ("a{L-1}", 2)))
    one_sample = (a - y) * Apply("g{L}'", z) * a2
    assert derivation.answer is not None
    assert key(lifted, derivation.answer) == key(
        lifted, Ref("m") ** -1 * 2 * Reduce("sum", "s", "m", one_sample)
    )


# -- representative equation ---------------------------------------------------------------

i, t_, w_h, w_o, E = (Ref(name) for name in ("i", "t", "w_h", "w_o", "E"))
miss = t_ - w_o * w_h * i
x, y, z = names("x y z")


@pytest.fixture(scope="module")
def two_neurons() -> Network:
    return read("examples/two_neurons.bp")


@pytest.mark.parametrize(("w", "other"), [(w_o, w_h), (w_h, w_o)])
def test_both_gradients_with_the_steps_of_the_source(
    two_neurons: Network, w: Ref, other: Ref
) -> None:
    half = Number(Fraction(1, 2))
    check(
        derive(two_neurons, w, "equation"),
        w_o * w_h * i,
        (t_ - Ref("r_o")) ** 2 / 2,
        miss**2 / 2,
        d(miss**2 / 2, w),
        half * d(miss**2, w),
        half * d(x, y),
        half * d(x, z) * d(z, y),
        half * d(z**2, z) * d(z, y),
        half * d(miss**2, miss) * d(miss, w),
        half * (2 * miss) * d(miss, w),
        miss * d(miss, w),
        miss * (d(t_, w) - d(w_o * w_h * i, w)),
        miss * (0 - other * i * d(w, w)),
        miss * (-(other * i)),
        -miss * (other * i),
    )


@pytest.mark.parametrize(("w", "other"), [(w_o, w_h), (w_h, w_o)])
def test_both_updates(two_neurons: Network, w: Ref, other: Ref) -> None:
    derivation = derive(two_neurons, w, "equation")
    block = derivation.blocks[-1]
    rate = Ref(RATE)
    rights = [key(two_neurons, line.right) for line in block.lines]
    assert block.left is Ref(CHANGE + w.name)
    for line in (-rate * d(E, w), -rate * (-miss * (other * i)), rate * miss * (other * i)):
        assert key(two_neurons, line) in rights


# -- chain function ------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["chain_3_3_1", "chain_3_3_1_linear"])
def test_the_three_factors(file: str) -> None:
    network = read(f"examples/{file}.bp")
    J, h3, z3, w = Ref("J"), Ref("h3", (1,)), Ref("z2", (1,)), Ref("w2", (1, 2))
    h = [Ref("h2", (k,)) for k in (1, 2, 3)]
    row = [Ref("w2", (1, k)) for k in (1, 2, 3)]
    bias = network.definition(z3).children[-1]
    derivation = derive(network, "w2[1,2]")
    check(derivation, d(J, h3) * d(h3, z3) * d(z3, w))
    # each factor on its own: the sum written out, its other terms going to 0
    written = h[0] * row[0] + h[1] * row[1] + h[2] * row[2] + bias
    check(derivation, d(written, w), h[1])
    factor = next(b for b in derivation.blocks if b.left is d(J, h3))
    assert repr(factor.end) == "-(y[1] - h3[1])"


def test_sigmoid_and_linear_outputs_have_the_slopes_of_the_source() -> None:
    h3 = Ref("h3", (1,))
    sigmoid = derive(read("examples/chain_3_3_1.bp"), "w2[1,2]")
    linear = derive(read("examples/chain_3_3_1_linear.bp"), "w2[1,2]")
    check(sigmoid, h3 * (1 - h3))
    slopes = [b.end for b in linear.blocks if isinstance(b.left, Derivative) and b.left.body is h3]
    assert [repr(s) for s in slopes] == ["1"]
