"""Sums, maxima and products over index letters: how far they run, and what they leave out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace

from ..expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Delta,
    Expr,
    Index,
    Mul,
    Number,
    Reduce,
    Ref,
    count,
    product,
    total,
    walk,
    with_indices,
)
from ..language.formula import Big, Dots, Node, Numeral, Relation, Sum, Symbol
from ..language.tree import Extent, Mistake, Span
from .conditions import held
from .meaning import ShapeMistake
from .products import multiplied
from .state import Formula
from .tensors import Value
from .unrolled import written_out

MOST_TERMS = 30
"""Terms up to which a sum over a part of an axis is written out."""


MOST_POSITIONS = 1000
"""Positions over which a sum may run that is not over a whole axis."""


@dataclass(frozen=True)
class _Bound:
    """A bound of a sum: a number, or a symbol plus a number."""

    symbol: str
    number: int

    def __str__(self) -> str:
        if not self.symbol:
            return str(self.number)
        return self.symbol + (f"{self.number:+d}" if self.number else "")


def folded(reader: Formula, big: Big) -> Value:
    """A sum, product or maximum. Raises Mistake where nothing tells how far it runs, or where
    its bounds are not those of the axis and cannot be written out."""
    if big.op == "argmax":
        raise Mistake(
            "argmax is a position: it stands in a condition",
            big.span,
            r"write [j = \argmax_k u_k]",
        )
    if big.op == "sum" and not big.letters:
        return reader.tensors.total(reader.value(big.body), big.span)
    if not big.letters:
        raise Mistake(
            f"nothing says over which index this {_WORD[big.op]} runs",
            (big.span[0], big.span[0] + 1),
            r"write its letter below: \sum_k",
        )
    try:
        return _folded(reader, big)
    except (Mistake, ShapeMistake):
        terms = written_out(big)
        if terms is None:
            raise
        said = list(reader.said)
        try:
            value = reader.value(terms)
        except (Mistake, ShapeMistake):
            value = None
        if value is None:
            reader.said = said
            raise
        reader.say(f"{reader.quoted(big)} is written out term by term")
        return replace(value, span=big.span, grouped=False)


def _folded(reader: Formula, big: Big) -> Value:
    with ExitStack() as stack:
        extents = [stack.enter_context(reader.letters.binding(name)) for name, _ in big.letters]
        value = reader.value(big.body)
        conditions = [held(reader, condition) for condition in _told(big)]
        if conditions and big.op != "sum":
            raise Mistake(f"a condition below a {_WORD[big.op]} is not read", big.span)
        expr = value.expr
        if conditions:
            expr = multiplied([(False, c.expr) for c in (*conditions, value)], big.span)
        for (letter, at), extent in zip(reversed(big.letters), reversed(extents), strict=True):
            expr = _over(reader, big, letter, at, extent, expr)
    return replace(value, expr=expr, span=big.span, grouped=False, gradient=False)


_WORD = {"sum": "sum", "prod": "product", "max": "maximum", "argmax": "argmax"}


def _told(big: Big) -> list[Relation]:
    """What stands below besides the letters; k ∈ … only names the axis."""
    letters = {letter for letter, _ in big.letters}
    return [
        c
        for c in big.conditions
        if not (c.sign == "∈" and isinstance(c.left, Symbol) and c.left.letter in letters)
    ]


def _over(reader: Formula, big: Big, letter: str, at: Span, extent: Extent, body: Expr) -> Expr:
    """The body over one letter."""
    places = _places(reader, big, letter, at, extent)
    if big.op == "prod":
        size = extent.root().size
        if places is None and isinstance(size, int):
            places = range(1, size + 1)
        if places is None:
            raise Mistake("a product over an axis without a number is not read", big.span)
        _spend(reader, body, len(places), big.span)
        return product(tuple(with_indices(body, {letter: k}) for k in places))
    if places is None and body is ZERO:
        return ZERO  # a sum of nothing but zeros, however long
    size = extent.root().size
    terms = len(places) if places is not None else size if isinstance(size, int) else 0
    if terms > MOST_TERMS and big.op == "sum" and letter not in body.free:
        return multiplied([(False, Number(terms)), (False, body)], big.span)
    if terms > MOST_POSITIONS and (places is not None or not _on_an_axis(body, letter)):
        raise Mistake(f"a sum over more than {MOST_POSITIONS:,} positions is not read", at)
    if places is None:
        return Reduce(big.op, letter, reader.letters.length(extent, letter, at), body)
    if big.op == "max":
        raise Mistake("a maximum runs over a whole axis", big.span)
    return _partial(reader, letter, at, extent, body, places)


def _on_an_axis(body: Expr, letter: str) -> bool:
    """Whether a letter is an index of some quantity."""
    return any(isinstance(part, Ref) and letter in part.indices for part in walk(body))


def _spend(reader: Formula, body: Expr, times: int, span: Span) -> None:
    reader.spend(count(body) * times if times else 0, span)


def _partial(
    reader: Formula, letter: str, at: Span, extent: Extent, body: Expr, places: range
) -> Expr:
    """A sum over some positions: its terms, or the whole sum without the others."""
    size = extent.root().size
    if isinstance(size, int) and places.stop - 1 > size:
        raise ShapeMistake(
            f"the sum over {letter} runs to {places.stop - 1},"
            f" but {extent.root().says} is {size} long",
            at,
            kind="wrong-index",
        )
    if len(places) <= MOST_TERMS:
        _spend(reader, body, len(places), at)
        return total(tuple(with_indices(body, {letter: k}) for k in places))
    whole = range(1, size + 1) if isinstance(size, int) else places
    others = [k for k in whole if k not in places]
    if len(others) > MOST_TERMS:
        raise Mistake(f"a sum over more than {MOST_TERMS} of many terms is not read", at)
    outside = _outside(letter, others)
    inner = multiplied([(False, outside), (False, body)], at)
    return Reduce("sum", letter, reader.letters.length(extent, letter, at), inner)


def _outside(letter: str, places: list[int]) -> Expr:
    """1 - [k = 1] - …: 1 at all positions but these."""
    return Add((ONE, *(Mul((MINUS_ONE, Delta(letter, k))) for k in places)))


# -- bounds --------------------------------------------------------------------------------


def _places(reader: Formula, big: Big, letter: str, at: Span, extent: Extent) -> range | None:
    """The positions over which a letter runs, None for the whole axis."""
    if big.lower is None and big.upper is None:
        return None
    lower = _Bound("", 1) if big.lower is None else _bound(reader, big.lower)
    if lower.symbol:
        assert big.lower is not None
        raise Mistake("a sum begins at a number", big.lower.span, "write its terms out")
    first = lower.number
    if first < 0:
        raise Mistake("positions count from 1", at)
    shift = 1 if first == 0 else 0
    if big.upper is None:
        return _behind(reader, letter, at, extent, first) if first > 1 else None
    upper = _bound(reader, big.upper)
    if shift and reader.known.notation.signs.sum_from != 0:
        reader.say(f"the sum over {letter} from 0 to {upper} is taken over the positions from 1")
    upper = replace(upper, number=upper.number + shift)
    if upper.symbol:
        return _to_symbol(reader, big, letter, at, extent, first + shift, upper)
    return _to_number(letter, at, extent, first + shift, upper.number)


def _to_number(letter: str, at: Span, extent: Extent, first: int, last: int) -> range | None:
    if last < first:
        raise Mistake(f"this sum over {letter} has no terms", at)
    size = extent.root().size
    if size is None and first == 1:
        extent.join(Extent(last, f"the sum over {letter}"))
        return None
    return None if (first, last) == (1, size) else range(first, last + 1)


def _to_symbol(
    reader: Formula, big: Big, letter: str, at: Span, extent: Extent, first: int, upper: _Bound
) -> range | None:
    """The positions up to n, where n is a size or another name for the axis's length."""
    sizes = reader.network.sizes
    size = extent.root().size
    number = sizes.get(upper.symbol)
    if number is not None:
        return _to_number(letter, at, extent, first, number + upper.number)
    if upper.symbol in sizes and size is None:
        extent.join(Extent(upper.symbol, f"the sum over {letter}"))
        size = upper.symbol
    if upper.symbol in sizes and size != upper.symbol:
        raise ShapeMistake(
            f"the sum over {letter} runs to {upper.symbol},"
            f" but {extent.root().says} is {size} long",
            at,
            kind="wrong-index",
        )
    if upper.symbol not in sizes and isinstance(size, int):
        shown = reader.quoted(big.upper) if big.upper else str(upper)
        reader.say(f"{shown} above the sum over {letter} is taken for its last position")
        last = size + (upper.number if upper.number < 0 else 0)
        return _to_number(letter, at, extent, first, last)
    if upper.number != 0:
        raise Mistake(f"a sum up to {upper} over a length without a number is not read", at)
    return None if first == 1 else _behind(reader, letter, at, extent, first)


def _behind(reader: Formula, letter: str, at: Span, extent: Extent, first: int) -> range:
    """The positions from `first` to the end of the axis."""
    size = extent.root().size
    if not isinstance(size, int):
        raise Mistake(
            f"a sum over {letter} from {first} needs a length with a number",
            at,
            f"write the condition below the sum instead: {letter} ≠ 1",
        )
    return range(first, size + 1)


def _bound(reader: Formula, node: Node) -> _Bound:
    """A number, n, or n - 1."""
    if isinstance(node, Numeral) and node.value.denominator == 1:
        return _Bound("", int(node.value))
    if isinstance(node, Symbol) and not (node.primes or node.brackets):
        sub = f"_{node.sub}" if node.sub else ""
        sup = node.sup.text if node.sup else ""
        return _Bound(node.raw or f"{node.letter}{sub}{sup}", 0)
    if isinstance(node, Sum):
        parts = [(sign, _bound(reader, term)) for sign, term in node.terms]
        symbols = [b.symbol for sign, b in parts if b.symbol and sign == "+"]
        number = sum(b.number if sign == "+" else -b.number for sign, b in parts)
        if len(symbols) == len([b for _, b in parts if b.symbol]) <= 1:
            return _Bound(symbols[0] if symbols else "", number)
    raise Mistake("a bound of a sum is a number, a size such as n, or n - 1", node.span)


# -- first + … + last ----------------------------------------------------------------------


def with_dots(reader: Formula, node: Sum) -> Value:
    """a_1 w_1 + … + a_n w_n as a sum. Raises Mistake where the terms differ in more than one
    number."""
    places = [k for k, (_, term) in enumerate(node.terms) if isinstance(term, Dots)]
    at = places[0]
    dots = node.terms[at][1]
    if len(places) > 1 or at == 0 or at + 1 >= len(node.terms):
        raise Mistake("one … stands between the first and the last term", dots.span)
    before = set(reader.letters.free)
    values = [
        (sign == "-", reader.value(term)) for sign, term in node.terms if not isinstance(term, Dots)
    ]
    (sign, end), head, tail = values[at], values[:at], values[at + 1 :]
    letter = reader.letters.hidden(None, "the terms that … stands for")
    start = len(head) - 1
    found = _template(head[start][1].expr, end.expr, letter)
    if found is None or head[start][0] != sign or any(v.rank for _, v in values):
        raise Mistake(
            "the terms around … differ in more than one number",
            dots.span,
            "write a sum sign, or all terms",
        )
    pattern, first, last = found
    while start and head[start - 1][0] == sign:
        earlier = _template(head[start - 1][1].expr, end.expr, letter)
        if earlier is None or earlier[0] is not pattern or earlier[1] != first - 1:
            break
        start, first = start - 1, first - 1
    summed = _dotted(reader, pattern, letter, first, last, dots.span)
    if isinstance(last, str) and last not in before:
        reader.letters.free.pop(last, None)
    made = Value(summed, node.span, grouped=not isinstance(summed, Mul))
    return reader.tensors.added([*head[:start], (sign, made), *tail], node.span)


def _dotted(
    reader: Formula, pattern: Expr, letter: str, first: int, last: Index, span: Span
) -> Expr:
    extent = reader.letters.extent(letter)
    for part in walk(pattern):
        if isinstance(part, Ref):
            for index, length in zip(part.indices, reader.known.shape(part.name), strict=False):
                if index == letter and not extent.join(Extent(length, "the sum")):
                    raise ShapeMistake(
                        "the terms around … run over axes of different lengths",
                        span,
                        kind="wrong-index",
                    )
    size = extent.root().size
    if isinstance(last, str):
        reader.say(f"{last} behind … is taken for the last position")
    if first == 1 and (isinstance(last, str) or last == size):
        return Reduce("sum", letter, reader.letters.length(extent, letter, span), pattern)
    if isinstance(last, str):
        places = _behind(reader, last, span, extent, first)
    else:
        places = range(first, last + 1)
    return _partial(reader, letter, span, extent, pattern, places)


def _template(one: Expr, other: Expr, letter: str) -> tuple[Expr, int, Index] | None:
    """Two terms as one with a letter, and what the letter is in each; None where they differ
    in more than that."""
    found: set[tuple[int, Index]] = set()
    pattern = _merged(one, other, letter, found)
    if pattern is None or len(found) != 1:
        return None
    ((first, last),) = found
    if isinstance(last, int) and last <= first:
        return None
    return pattern, first, last


def _merged(one: Expr, other: Expr, letter: str, found: set[tuple[int, Index]]) -> Expr | None:
    if one is other:
        return one
    if type(one) is not type(other):
        return None
    if isinstance(one, Ref) and isinstance(other, Ref):
        if one.name != other.name or len(one.indices) != len(other.indices):
            return None
        indices: list[Index] = []
        for a, b in zip(one.indices, other.indices, strict=True):
            if a != b:
                if not isinstance(a, int):
                    return None
                found.add((a, b))
            indices.append(a if a == b else letter)
        return Ref(one.name, tuple(indices))
    if isinstance(one, Reduce) and isinstance(other, Reduce):
        if (one.op, one.size) != (other.op, other.size):
            return None
        renamed = with_indices(other.body, {other.index: one.index})
        body = _merged(one.body, renamed, letter, found)
        return body and Reduce(one.op, one.index, one.size, body)
    if isinstance(one, Number | Delta) or len(one.children) != len(other.children):
        return None
    if not one.children:
        return None
    pairs = zip(one.children, other.children, strict=True)
    parts = [_merged(a, b, letter, found) for a, b in pairs]
    made = tuple(part for part in parts if part is not None)
    if len(made) != len(parts) or one.rebuilt(other.children) is not other:
        return None
    return one.rebuilt(made)
