"""Symbols: that what a notation prints is read back, and that other spellings are understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.expr import Index, Ref
from backprove.language import load as load_network
from backprove.language import parse
from backprove.language.formula.tree import Superscript, Symbol
from backprove.network import Network, adjoint
from backprove.notation import BoundNotation, bind, load, names
from backprove.notation import Symbol as Printed
from backprove.reading.meaning import Meaning
from backprove.reading.symbols import Lexicon

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.bp"))


def network(name: str) -> Network:
    if ":" in name:
        return load_network(name)
    return load_network(str(Path(__file__).parent.parent / "examples" / f"{name}.bp"))


def lexicon(name: str, notation: str) -> Lexicon:
    made = network(name)
    return Lexicon(made, bind(load(notation), made))


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


def both_ways(symbol: Printed) -> Iterator[Symbol]:
    """A printed symbol as it is read from LaTeX and from text."""
    letter = symbol.letter.rstrip("'")
    primes = symbol.primes + len(symbol.letter) - len(letter)
    sub = "".join(symbol.sub)
    yield Symbol((0, 1), letter, sub, above(symbol.sup), primes)
    if symbol.text:
        yield plain(symbol.text)
    else:
        sup = symbol.sup
        if sup and not sup.isalnum() and sup[0] not in "([":
            sup = f"({sup})"
        raw = f"{symbol.letter}_{sub}" if sub else symbol.letter
        yield Symbol((0, 1), letter, sub, above(sup), primes, raw=raw)


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
