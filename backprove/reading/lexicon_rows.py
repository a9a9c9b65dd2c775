"""The symbols of one notation for one network, turned round: from what is written to what is meant.

Each quantity is a row. A symbol is held against the rows of its letter; what fits has a cost,
0 where it is written just as the notation prints it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

from ..expr import Index, Size
from ..network import ADJOINT, RATE, Network
from ..notation import BoundNotation
from ..notation.symbols import Spelling
from ..roles import mean_over_samples
from .lexicon_indices import index_of, splits
from .lexicon_written import Written, resolved, with_layer_below


class Cost(IntEnum):
    """How far a symbol is from what the notation prints; above EXACT it must be stated."""

    EXACT = 0
    LOOSE = 1  # another way to put commas, another kind of brackets
    LAYER = 2  # a bare number above that can only be a layer
    SPLIT = 3  # digits that could be split in two ways
    MARKED = 4  # a layer or a sample that is left out elsewhere
    CASE = 5  # W for w
    ALONE = 6  # no layer, where only one quantity has the letter
    FREE = 7  # W_2 for w^(2)

    @property
    def stated(self) -> bool:
        return self > Cost.LOOSE


@dataclass(frozen=True)
class Row:
    """One quantity (or adjoint) and how it is written.

    before, after: what stands below it around the indices. mark: the layer above, "" for none;
    open: the ( or [ before the mark, "" for none. layer: where no mark stands, the layer that may
    stand there. whole: whether it has no indices below, though the quantity has. sign: -1
    where the symbol is minus the quantity. sampled: whether its last axis goes over samples.
    samples: by how many the symbol is more than the quantity, as in `Meaning`.
    """

    name: str
    spelling: Spelling
    letter: str
    primes: int
    before: str
    after: str
    mark: str
    open: str
    lengths: tuple[int | None, ...]
    layer: str = ""
    whole: bool = False
    sign: int = 1
    cost: Cost = Cost.EXACT
    sampled: bool = False
    samples: Size = 1

    @property
    def order(self) -> tuple[int, ...]:
        rank = len(self.lengths)
        return self.spelling.order if len(self.spelling.order) == rank else tuple(range(rank))


@dataclass(frozen=True)
class Found:
    """What a symbol can mean, and at what cost. other: a second way to split the indices."""

    row: Row
    indices: tuple[Index, ...] | None
    cost: Cost
    power: bool = False
    rest: str = ""
    other: tuple[Index, ...] | None = None

    @property
    def place(self) -> tuple[int, bool, int]:
        """The smaller, the likelier: components before whole tensors, long names first."""
        return self.cost, self.indices is None, -len(self.row.before)


Below: TypeAlias = tuple[tuple[Index, ...] | None, Cost, tuple[Index, ...] | None]
"""The indices below a symbol, their cost, and another way to split them."""


def row_of(
    name: str,
    spelling: Spelling,
    network: Network,
    *,
    layer: str = "",
    whole: bool = False,
    sign: int = 1,
    cost: Cost = Cost.EXACT,
) -> Row:
    """A row from a quantity's spelling."""
    base = name.removeprefix(ADJOINT)
    shape = network.quantities[base].shape if base in network.quantities else ()
    letter = spelling.letter.rstrip("'")
    mark = spelling.sup.strip("()[]")
    return Row(
        name,
        spelling,
        letter,
        len(spelling.letter) - len(letter),
        "".join(spelling.sub).rstrip(","),
        "".join(spelling.after),
        mark,
        spelling.sup[0] if spelling.sup and spelling.sup[0] in "([" else "",
        tuple(network.length(size) for size in shape),
        layer,
        whole,
        sign,
        cost,
        _is_sampled(network, shape),
    )


def _is_sampled(network: Network, shape: tuple[Size, ...]) -> bool:
    mean = mean_over_samples(network)
    return mean is not None and shape[-1:] == (mean.size,)


class Table:
    """The rows of a notation by letter.

    last: the number of the output layer, which L stands for. layers_below: whether layers
    are written below. commas: whether the indices of a component are kept apart by commas.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        *,
        last: int | None,
        layers_below: bool = False,
        commas: bool = False,
    ) -> None:
        self.last, self.layers_below, self.commas = last, layers_below, commas
        self._rows: dict[tuple[str, int], list[Row]] = {}
        for row in rows:
            self._rows.setdefault((row.letter.casefold(), row.primes), []).append(row)

    def rows(self, letter: str) -> Iterator[Row]:
        """The rows of a letter, capital or not."""
        for (known, _), rows in self._rows.items():
            if known == letter.casefold():
                yield from rows

    def find(self, made: Written, letters: Collection[str] = ()) -> list[Found]:
        """What the symbol can mean, the likeliest first."""
        rows = self._rows.get((made.letter.casefold(), made.primes), [])
        exact = [row for row in rows if row.letter == made.letter]
        found: dict[tuple[object, ...], Found] = {}
        for row in exact or rows:
            fits = self._fit(row, made, letters)
            if fits is not None:
                fits = fits if exact else _dearer(fits, Cost.CASE)
                key = (row.name, fits.indices, fits.power, fits.rest)
                if key not in found or fits.cost < found[key].cost:
                    found[key] = fits
        kept = [fits for fits in found.values() if not self._one_of_many(fits, exact or rows)]
        return sorted(kept, key=lambda fits: fits.place)

    def lacking(self, made: Written) -> list[Found]:
        """What the symbol can mean but for a layer that it does not say; L below says it."""
        if made.sub.startswith("L"):
            return []
        rows = self._rows.get((made.letter.casefold(), made.primes), [])
        fits = [self._fit(row, made, ()) for row in rows if not row.whole]
        return [f for f in fits if f is not None and f.cost == Cost.ALONE]

    def beyond(self, made: Written) -> list[Row]:
        """The tensors whose letter and layer it has, but whose indices do not fit."""
        rows = self._rows.get((made.letter.casefold(), made.primes), [])
        found = []
        for row in rows:
            above = self._above(row, made)
            near = above is not None and above[0] < Cost.ALONE and row.letter == made.letter
            named = _between(made.sub, row.before, row.after)
            near = near and named is not None and bool(row.lengths) and not row.whole
            if near and self._fit(row, made, ()) is None:
                found.append(row)
        return found

    @staticmethod
    def _one_of_many(fits: Found, rows: list[Row]) -> bool:
        """Whether the layer is left out though several quantities differ by it alone."""
        if fits.cost != Cost.ALONE:
            return False
        adjoint = fits.row.name.startswith(ADJOINT)
        alike = {
            row.name
            for row in rows
            if (row.before, row.after) == (fits.row.before, fits.row.after)
            and row.name.startswith(ADJOINT) == adjoint
            and row.whole == fits.row.whole
        }
        return len(alike) > 1

    def _fit(self, row: Row, made: Written, letters: Collection[str]) -> Found | None:
        fits = None if made.sample else self._fit_one(row, made, letters)
        sampled = made if made.sample else made.of_sample
        if fits is not None or sampled is None:
            return fits
        return self._of_sample(row, sampled, letters)

    def _of_sample(self, row: Row, made: Written, letters: Collection[str]) -> Found | None:
        """x^{(i)}: the last index of a quantity over samples; else it is left out."""
        index = index_of(made.sample)
        if row.sampled and index is not None:
            *lengths, samples = row.lengths
            if isinstance(index, int) and samples is not None and index > samples:
                return None
            inner = replace(row, lengths=tuple(lengths))
            fits = self._fit_one(inner, made, letters)
            if fits is None or fits.indices is None:
                return None
            return _dearer(replace(fits, row=row, indices=(*fits.indices, index)), Cost.LOOSE)
        if made.sample != "i" or "i" in letters:
            return None
        fits = self._fit_one(row, made, letters)
        return None if fits is None else _dearer(fits, Cost.MARKED)

    def _fit_one(self, row: Row, made: Written, letters: Collection[str]) -> Found | None:
        above = self._above(row, made)
        if above is None:
            return None
        cost, power, rest = above
        if made.brackets is not None:
            fits = self._bracketed(row, made)
        else:
            fits = self._below(row, made.sub, letters)
            if fits is None and (self.layers_below or row.whole):
                fits = self._below(row, with_layer_below(made.sub, self.last), letters)
        if fits is None:
            return None
        indices, dearest, other = fits
        return Found(row, indices, max(cost, dearest, row.cost), power, rest, other)

    # -- above -----------------------------------------------------------------------------

    def _above(self, row: Row, made: Written) -> tuple[Cost, bool, str] | None:
        """The cost of the superscript, whether it is a power, and what of it is one."""
        if not row.mark:
            if not made.closed:
                return Cost.EXACT, bool(made.sup), ""
            label = resolved(made.label, self.last) if made.label else ""
            if label and label == row.layer:
                return Cost.MARKED, bool(made.rest), made.rest
            return None
        label = resolved(made.label, self.last) if made.label is not None else ""
        if label and label == resolved(row.mark, self.last):
            cost = Cost.EXACT if made.open == row.open else Cost.LOOSE
            if row.open and not made.open and str(made.label).isdigit():
                cost = Cost.LAYER
            return cost, bool(made.rest), made.rest
        if (not made.sup or made.transposed) and row.cost != Cost.FREE:
            return Cost.ALONE, bool(made.sup), ""
        return None

    # -- below -----------------------------------------------------------------------------

    def _bracketed(self, row: Row, made: Written) -> Below | None:
        """Indices in [ ], which stand in the order of the file's axes."""
        if made.sub != row.before or row.after or made.brackets is None or row.whole:
            return None
        indices = [index_of(part) for part in made.brackets]
        if len(indices) != len(row.lengths):
            return None
        for index, length in zip(indices, row.lengths, strict=True):
            if index is None or (isinstance(index, int) and length is not None and index > length):
                return None
        return tuple(i for i in indices if i is not None), Cost.EXACT, None

    def _below(self, row: Row, sub: str, letters: Collection[str]) -> Below | None:
        """The indices that a subscript holds, their cost, and another way to split it."""
        inner = _between(sub, row.before, row.after)
        if inner is None:
            return None
        if not inner:
            ones = all(length == 1 for length in row.lengths)
            return ((1,) * len(row.lengths) if ones else None), Cost.EXACT, None
        if row.whole:
            return None
        ways = self._ways(row, inner, letters)
        first = next(ways, None)
        if first is None:
            return None
        printed = "".join(row.spelling.symbol(first, self.commas).sub)
        if printed == sub:
            return first, Cost.EXACT, None
        second = next((way for way in ways if way != first), None)
        return first, Cost.SPLIT if second else Cost.LOOSE, second

    def _ways(self, row: Row, inner: str, letters: Collection[str]) -> Iterator[tuple[Index, ...]]:
        """All ways to read the indices, in the order of the file's axes.

        Axes of length 1 may be left out.
        """
        order = row.order
        lengths = [row.lengths[place] for place in order]
        for printed in splits(inner, lengths, letters):
            yield _undone(printed, order)
        long = [length for length in lengths if length != 1]
        if len(long) < len(lengths):
            for some in splits(inner, long, letters):
                left = iter(some)
                yield _undone(tuple(1 if length == 1 else next(left) for length in lengths), order)


def _undone(printed: tuple[Index, ...], order: tuple[int, ...]) -> tuple[Index, ...]:
    """Indices as printed, put back into the order of the axes."""
    at = dict(zip(order, printed, strict=True))
    return tuple(at[place] for place in range(len(printed)))


def _between(sub: str, before: str, after: str) -> str | None:
    """What stands between the two, or None where they do not stand there."""
    if not (sub.startswith(before) and sub.endswith(after)) or len(sub) < len(before + after):
        return None
    inner = sub[len(before) : len(sub) - len(after)]
    if before and inner:
        if before[-1].isdigit() and before != "0" and inner[0].isdigit():
            return None  # 12 is not 1 and then 2
        inner = inner.removeprefix(",")
    return inner.removesuffix(",") if after else inner


def _dearer(fits: Found, cost: Cost) -> Found:
    return replace(fits, cost=max(fits.cost, cost))


# -- the rows of a notation ----------------------------------------------------------------


def table_of(bound: BoundNotation) -> Table:
    """The symbols of a notation, its error signals and its learning rate."""
    templates = (bound.notation.symbols or {}).values()
    rows = list(_rows_of(bound))
    return Table(
        # where the notation writes no layer, a number below is an index
        [*rows, *_layers_below((r for r in rows if r.letter not in bound.added), bound.network)],
        last=bound.last_layer,
        layers_below=any("layer" in made.sub for made in templates),
        commas=bound.commas,
    )


def _rows_of(bound: BoundNotation) -> Iterator[Row]:
    network = bound.network
    for name, spelling in bound.spellings.items():
        yield row_of(name, spelling, network, layer=bound.layer(name))
    sign = bound.notation.adjoint_sign
    for name, spelling in bound.adjoint_spellings.items():
        row = row_of(ADJOINT + name, spelling, network, layer=bound.layer(name), sign=sign)
        yield replace(row, samples=bound.samples(name))
    for name, spelling in bound.read_too:
        of = sign if name.startswith(ADJOINT) else 1
        yield row_of(name, spelling, network, sign=of, cost=Cost.LOOSE)
    if (loss := bound.loss_as_function()) is not None:
        yield row_of(network.loss, Spelling(loss.letter, loss.sub, loss.sup), network)
    yield row_of(RATE, Spelling(bound.rate), network)


def _layers_below(rows: Iterable[Row], network: Network) -> Iterator[Row]:
    """W_2 for W^(2): the layer below a whole tensor; or for W2."""
    for row in rows:
        suffix = re.fullmatch(r"(\D+)(\d+)", row.letter)
        if row.before or row.after or not (row.mark or suffix):
            continue
        letter, layer = suffix.groups() if suffix and not row.mark else (row.letter, row.mark)
        spellings = [(Spelling(letter, (layer,)), True)]
        if row.lengths and not row.whole:  # a_{2,i}
            spellings.append((Spelling(letter, (f"{layer},",), "", row.spelling.order), False))
        if not row.mark:
            spellings.append((Spelling(letter, (), f"({layer})", row.spelling.order), False))
        for spelling, whole in spellings:
            yield row_of(row.name, spelling, network, whole=whole, sign=row.sign, cost=Cost.FREE)


def own_table(bound: BoundNotation) -> Table:
    """The names of the file, in every way in which people write them.

    bound: the notation as-written.
    """
    rows = list(_own_rows(bound))
    below = _layers_below(rows, bound.network)
    return Table([*rows, *below], last=None, commas=bound.commas)


def _own_rows(bound: BoundNotation) -> Iterator[Row]:
    network = bound.network
    for name, spelling in bound.spellings.items():
        yield row_of(name, spelling, network)
        yield from _free_rows(name, spelling, network)


_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}


def _accented(letter: str, accent: str) -> str:
    return unicodedata.normalize("NFC", letter + accent)


def _free_rows(name: str, spelling: Spelling, network: Network) -> Iterator[Row]:
    """w^(8) for w8, w2 as a word with indices below, y with a hat for y_hat."""
    quantity = network.quantities[name]
    yield row_of(name, Spelling(name), network)
    match = re.fullmatch(r"(\D+?)_?(\d+)", spelling.letter + "".join(spelling.sub))
    if match and len(spelling.sub) == 1 and not (quantity.shape or quantity.label):
        above = Spelling(spelling.letter, (), f"({match[2]})")
        yield row_of(name, above, network, cost=Cost.FREE)
    for word, accent in _ACCENTS.items():
        if spelling.sub[:1] == (word,) and len(spelling.letter) == 1:
            letter = _accented(spelling.letter, accent)
            accented = Spelling(letter, spelling.sub[1:], spelling.sup)
            yield row_of(name, accented, network, cost=Cost.LOOSE)
        elif spelling.letter.endswith(word) and len(spelling.letter) == len(word) + 1:
            letter = _accented(spelling.letter[0], accent)
            accented = Spelling(letter, spelling.sub, spelling.sup)
            yield row_of(name, accented, network, cost=Cost.LOOSE)
