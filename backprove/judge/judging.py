"""Judging a derivation: each line against the one before, the last against the truth.

The lines are first put into chains of equal expressions. A chain whose left side is the
derivative asked for is about QUANTITY, and so is one without a left side; any other chain is a
claim, judged alone. Everything is compared by value, with the oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from math import prod

from ..errors import DerivationError
from ..expr import (
    Derivative,
    Expr,
    Index,
    Reduce,
    Ref,
    Size,
    canonical,
    product,
    walk,
    with_indices,
)
from ..network import ADJOINT, Network, adjoint, is_adjoint, quantity_of
from ..reading import Sheet, SheetLine, Term
from ..reading.meaning import ShapeMistake
from ..rewrite import Sentence
from ..verify import Oracle
from ..verify import Verdict as Answer
from .rounding import at_values, equal_as_rounded
from .verdict import JudgedLine, Status

WORK = 100_000
"""Values computed at a point, over all components that are compared there; a network in which
every component asks for many is sampled."""

COMPONENTS = 12, 400
"""The fewest components that are compared of a tensor with more, and the most."""


HIGHEST = 6
"""The order of derivatives that are judged: each doubles the work of the one inside it."""


def _order(e: Expr) -> int:
    """How deep derivatives stand inside derivatives."""
    inside = max(map(_order, e.children), default=0)
    return inside + isinstance(e, Derivative)


def affordable(network: Network, name: str) -> int:
    """The number of components of a quantity's derivative that are compared at a point."""
    each = sum(
        prod(network.length(size) or 3 for size in network[user].shape)
        * _values(network, network.equations[user].right)
        for user in network.influenced_by(name)
        if user in network.equations
    )
    return min(max(COMPONENTS[0], WORK // max(1, each)), COMPONENTS[1])


def _values(network: Network, e: Expr) -> int:
    """How many values an expression computes."""
    inner = 1 + sum(_values(network, child) for child in e.children)
    return inner * (network.length(e.size) or 3) if isinstance(e, Reduce) else inner


@dataclass
class Chain:
    """A left side and what it is set equal to, line after line.

    left: None where the text gives none and the chain is about QUANTITY. about: whether it is
    about QUANTITY, or a component of it.
    """

    left: Term | None
    lines: list[SheetLine]
    about: bool


@dataclass(frozen=True)
class Compared:
    """A line beside what it should equal.

    left, right: both sides as they were compared; truth: whether the left one is a derivative
    of the loss itself, not an earlier line. answer: the oracle's. unsummed: letters that
    nothing binds. of: the quantity whose derivative the chain is about, if it is about one.
    """

    line: SheetLine
    status: Status
    answer: Answer | None
    left: Expr
    right: Expr
    truth: bool
    unsummed: tuple[str, ...] = ()
    says: Sentence = ()
    of: Ref | None = None


@dataclass
class Judged:
    """Every line of a sheet with its status, in order.

    last: the answer's line, None where no line is about QUANTITY. asked: the component that
    the answer is about. readings: what had to be decided to compare. ways: the ways in which
    an answer without a left side could be about QUANTITY.
    """

    compared: list[Compared] = field(default_factory=list)
    last: Compared | None = None
    asked: Ref | None = None
    readings: list[str] = field(default_factory=list)
    ways: list[Compared] = field(default_factory=list)

    @property
    def wrong(self) -> list[Compared]:
        return [c for c in self.compared if c.status == "wrong"]

    @property
    def undecided(self) -> list[Compared]:
        return [c for c in self.compared if c.status == "undecided"]

    def lines(self, text: str) -> tuple[JudgedLine, ...]:
        """The lines as they stand in the text; of a chain, each with its own right side."""
        return tuple(
            JudgedLine(c.line.number, _written(c.line, text), c.status, c.says)
            for c in {c.line.number: c for c in sorted(self.compared, key=_wrong_last)}.values()
        )


def judged(
    network: Network, asked: Ref | None, sheet: Sheet, oracle: Oracle, *, named: bool = True
) -> Judged:
    """Compare the lines of a sheet. asked: QUANTITY, None where only claims are judged; named:
    whether its index letters are the reader's, so that the answer must use them.

    Raises ShapeMistake where two sides have different shapes.
    """
    for line in sheet.lines:
        if max(_order(term.expr) for term in (line.left, line.right) if term) > HIGHEST:
            raise DerivationError(
                f"line {line.number} has derivatives of derivatives, more than {HIGHEST} deep",
                "carry some of them out first",
            )
    written = [term.expr for line in sheet.lines for term in (line.left, line.right) if term]
    written += [line.condition for line in sheet.lines if line.condition is not None]
    known = oracle.beside(sheet.lets, sheet.symbols).watching(*written)
    return _Judge(network, asked, sheet, known, named).result()


class _Judge:
    def __init__(
        self, network: Network, asked: Ref | None, sheet: Sheet, oracle: Oracle, named: bool
    ) -> None:
        self.named = named
        self.network, self.asked, self.sheet, self.oracle = network, asked, sheet, oracle
        self.found = Judged(readings=list(sheet.readings))

    def result(self) -> Judged:
        chains = list(self._chains())
        self._settle_what_is_asked(chains)
        for chain in chains:
            self._judge(chain)
        return self.found

    def _chains(self) -> Iterator[Chain]:
        chain: Chain | None = None
        for line in self.sheet.lines:
            if line.left is not None or chain is None or _uses_what_it_follows(line, chain):
                if chain is not None:
                    yield chain
                chain = Chain(line.left, [], self._is_about(line))
            chain.lines.append(line)
        if chain is not None:
            yield chain

    def _is_about(self, line: SheetLine) -> bool:
        if self.asked is None or line.defines:
            return False
        left = line.left
        return left is None or (
            isinstance(left.expr, Ref) and left.expr.name == ADJOINT + self.asked.name
        )

    def _settle_what_is_asked(self, chains: list[Chain]) -> None:
        """Where no chain names QUANTITY, the last one gives the answer: what a new name stands
        for, or what an expression without a name is equal to."""
        if self.asked is None or any(chain.about for chain in chains) or not chains:
            return
        last = chains[-1]
        if last.lines[0].defines:
            name = last.lines[0].defines
            self.found.readings.append(f"{name} is taken for the answer, ∂{self.network.loss}"
                                       f"/∂{self.asked!r}")  # fmt: skip
            chains.append(Chain(None, [last.lines[-1]], about=True))
        elif last.left is not None:
            last.about = not isinstance(last.left.expr, Ref) or self._is_the_same(last)

    def _is_the_same(self, chain: Chain) -> bool:
        """Whether a left side that names another derivative has the value asked for: ∂J/∂b is
        ∂J/∂z."""
        assert chain.left is not None
        known = replace(chain.lines[0], right=chain.left)
        return is_adjoint(chain.left.expr) and self._against_asked(known).status == "right"

    # -- one chain -------------------------------------------------------------------------

    def _judge(self, chain: Chain) -> None:
        before = chain.left
        right_so_far, is_truth = True, chain.left is not None and is_adjoint(chain.left.expr)
        if chain.about and before is not None and not isinstance(before.expr, Ref):
            start = self._against_asked(replace(chain.lines[0], right=before))
            if start.status != "right":
                says: Sentence = ("its left side is not what was asked for",)
                self.found.compared.append(replace(start, of=self._of(chain), says=says))
                right_so_far = False
        for line in chain.lines:
            if before is None and chain.about:
                compared = self._against_asked(line)
                is_truth = True
            elif line.defines and line is chain.lines[0]:
                compared = Compared(line, "definition", None, line.right.expr, line.right.expr,
                                    truth=False, says=("names ", line.defines))  # fmt: skip
            elif before is None:  # a claim without a left side: nothing to compare with
                compared = Compared(line, "unread", None, line.right.expr, line.right.expr,
                                    truth=False, says=("nothing stands on its left",))  # fmt: skip
            else:
                compared = self._compared(line, before, truth=is_truth)
            if compared.status == "right" and not right_so_far:
                compared = _carried(compared)
            right_so_far = right_so_far and compared.status != "wrong"
            self.found.compared.append(replace(compared, of=self._of(chain)))
            before, is_truth = line.right, False
        if chain.about:
            self.found.last = self.found.compared[-1]
            self.found.asked = self._of(chain)

    def _of(self, chain: Chain) -> Ref | None:
        """The quantity whose derivative a chain gives."""
        if chain.left is not None and is_adjoint(chain.left.expr):
            assert isinstance(chain.left.expr, Ref)
            return quantity_of(chain.left.expr)
        return (self.found.asked or self.asked) if chain.about else None

    def _compared(self, line: SheetLine, before: Term, truth: bool) -> Compared:
        left, right, ranges = aligned(before, line.right)
        left, right = _where(line.condition, left), _where(line.condition, right)
        unsummed = tuple(sorted(right.free - left.free)) if left.names or left.free else ()
        unsummed = tuple(i for i in unsummed if _matters(right, i))
        if unsummed and truth:
            return self._unsummed(line, left, right, unsummed)
        answer = self.oracle.agree(left, right, ranges={**line.ranges, **ranges})
        return self._rounded(_with_status(line, answer, left, right, truth))

    def _rounded(self, c: Compared) -> Compared:
        """A line of numbers alone is compared at the file's values."""
        if c.status != "wrong" or c.right.names:
            return c
        known = self._at_values
        if known is None or not equal_as_rounded(c.left, c.right, known):
            return c
        says: Sentence = ("equals it at the values of the file, to the digits given",)
        return replace(c, status="right", says=says)

    @cached_property
    def _at_values(self) -> Oracle | None:
        known = at_values(self.network)
        return known.beside(self.sheet.lets, self.sheet.symbols) if known else None

    def _unsummed(
        self, line: SheetLine, left: Expr, right: Expr, letters: tuple[str, ...]
    ) -> Compared:
        """A letter that the left side does not have, and that nothing sums over."""
        fixed = with_indices(right, dict.fromkeys(letters, 1))
        answer = self.oracle.agree(left, fixed, ranges=line.ranges)
        says: Sentence = (f"nothing says what {', '.join(letters)} is: a sum over it is missing",)
        return Compared(line, "wrong", answer, left, right, True, letters, says)

    def _against_asked(self, line: SheetLine) -> Compared:
        """The first line of a chain without a left side: equal to what was asked for?"""
        assert self.asked is not None
        left = _where(line.condition, adjoint(self.asked))
        tried: list[Compared] = []
        for right, says in self._ways(self.asked, line.right):
            right = _where(line.condition, right)
            answer = self.oracle.agree(left, right, ranges=line.ranges)
            tried.append(self._rounded(_with_status(line, answer, left, right, truth=True)))
            if tried[-1].status == "right":
                self.found.readings += says
                break
        self.found.asked = self.asked
        if not tried:
            right = line.right.expr
            return self._unsummed(line, left, right, tuple(sorted(right.free - left.free)))
        self.found.ways = [replace(c, of=self.asked) for c in tried]
        return tried[-1] if tried[-1].status == "right" else tried[0]

    def _ways(self, asked: Ref, term: Term) -> Iterator[tuple[Expr, tuple[str, ...]]]:
        """The ways in which a bare answer can be about a component: its free letters may be
        called otherwise than those of QUANTITY, or be numbers there."""
        if term.axes:
            yield self._whole(asked, term), ()
            return
        letters = _in_order(term.expr)
        if self.named and set(letters) & asked.free:  # these letters were agreed on
            if set(letters) <= asked.free:
                yield term.expr, ()
            return
        shape = self.network[asked.name].shape
        lengths = self.oracle.ranges(term.expr)
        ways: list[dict[str, Index]] = []
        for places in permutations(range(len(asked.indices)), len(letters)):
            pairs = list(zip(letters, places, strict=True))
            if all(i not in lengths or self._alike(lengths[i], shape[at]) for i, at in pairs):
                ways.append({letter: asked.indices[at] for letter, at in pairs})
        ways.sort(key=lambda way: way != {letter: letter for letter in letters})
        if not ways and set(letters) <= asked.free:
            yield term.expr, ()
        for way in ways:
            says = f"{', '.join(way)} stands for {', '.join(map(str, way.values()))} of {asked!r}"
            moved = [letter for letter, index in way.items() if letter != index]
            yield with_indices(term.expr, way), (says,) if moved else ()

    def _alike(self, one: Size, other: Size) -> bool:
        return one == other or self.network.length(one) == self.network.length(other) is not None

    def _whole(self, asked: Ref, term: Term) -> Expr:
        """A whole tensor beside QUANTITY: its axes take QUANTITY's letters, or its numbers."""
        shape = self.network[asked.name].shape
        axes, expr = list(term.axes), term.expr
        lengths = dict(zip(asked.indices, shape, strict=True))
        if len(axes) == len(lengths) and dict(axes) == lengths:
            return expr  # its axes have QUANTITY's letters, in the order of a notation
        if len(axes) != len(shape):
            expr, axes = _without_ones(expr, axes, self.network)
        fits = len(axes) == len(shape) and all(
            self._alike(size, wanted) for (_, size), wanted in zip(axes, shape, strict=True)
        )
        if not fits:
            raise ShapeMistake(
                f"{asked.name} is {_by(shape)}, and so is its gradient,"
                f" but this is {_by(tuple(size for _, size in term.axes))}",
                term.span,
            )
        change = {letter: index for (letter, _), index in zip(axes, asked.indices, strict=True)}
        return with_indices(expr, dict(change))


def _uses_what_it_follows(line: SheetLine, chain: Chain) -> bool:
    """Whether a line without a left side speaks of what the lines above define: then it is the
    answer, and does not go on from the definition."""
    return chain.lines[0].defines in line.right.expr.names


def aligned(left: Term, right: Term) -> tuple[Expr, Expr, Mapping[str, Size]]:
    """Both sides with the same letters for the axes of whole tensors, and their lengths.

    Raises ShapeMistake where the shapes differ. A number beside a tensor is one in each place.
    """
    if not left.axes or not right.axes:
        constant = not (left if right.axes else right).expr.names
        given = {**dict(left.axes), **dict(right.axes)}
        if not given or constant or _all_ones(given.values()):
            ones: dict[str, Index] = {i: 1 for i, size in given.items() if size == 1}
            return with_indices(left.expr, ones), with_indices(right.expr, ones), given
        raise ShapeMistake(
            f"one side is {_by(tuple(given.values()))}, the other side is a number", right.span
        )
    a, b = left.axes, right.axes
    if len(a) != len(b):
        a = tuple(axis for axis in a if axis[1] != 1)
        b = tuple(axis for axis in b if axis[1] != 1)
    if [size for _, size in a] != [size for _, size in b]:
        raise ShapeMistake(
            f"the sides have different shapes: {_by(tuple(size for _, size in left.axes))}"
            f" and {_by(tuple(size for _, size in right.axes))}",
            right.span,
        )
    single: dict[str, Index] = {i: 1 for i, size in (*left.axes, *right.axes) if size == 1}
    for kept in (*a, *b):
        single.pop(kept[0], None)
    change: dict[str, Index] = {i: j for (i, _), (j, _) in zip(b, a, strict=True)}
    return (
        with_indices(left.expr, single),
        with_indices(with_indices(right.expr, single), change),
        dict(a),
    )


def _wrong_last(c: Compared) -> tuple[int, bool]:
    """By number; of what is said of one line, a mistake counts."""
    return c.line.number, c.status == "wrong"


def _written(line: SheetLine, text: str) -> str:
    right = text[slice(*line.right.span)].strip()
    if line.left is not None:
        return f"{text[slice(*line.left.span)].strip()} = {right}"
    return f"= {right}" if line.number > 1 else right


def _without_ones(
    e: Expr, axes: list[tuple[str, Size]], network: Network
) -> tuple[Expr, list[tuple[str, Size]]]:
    ones = {letter for letter, size in axes if network.length(size) == 1}
    return with_indices(e, dict.fromkeys(ones, 1)), [a for a in axes if a[0] not in ones]


def _all_ones(sizes: object) -> bool:
    assert hasattr(sizes, "__iter__")
    return all(size == 1 for size in sizes)


def _by(shape: tuple[Size, ...]) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _in_order(e: Expr) -> list[str]:
    """The free index letters of an expression in the order in which they occur."""
    found: dict[str, None] = {}
    for node in walk(e):
        if isinstance(node, Ref):
            found.update(dict.fromkeys(i for i in node.indices if i in e.free))
    return [str(i) for i in found] + sorted(e.free - found.keys())


def _where(condition: Expr | None, e: Expr) -> Expr:
    """0 where a line does not claim anything."""
    return e if condition is None else product((condition, e))


def _matters(e: Expr, letter: str) -> bool:
    return canonical(e) != canonical(with_indices(e, {letter: f"{letter}'"}))


def _with_status(line: SheetLine, answer: Answer, left: Expr, right: Expr, truth: bool) -> Compared:
    status: Status = (
        "right" if answer.verdict == "confirmed"
        else "wrong" if answer.verdict == "refuted"
        else "undecided"
    )  # fmt: skip
    says: Sentence = {
        "right": ("equals what was asked for" if truth else "follows",),
        "wrong": ("is not what was asked for" if truth else "does not follow",),
    }.get(status, (answer.says,))
    return Compared(line, status, answer, left, right, truth, says=says)


def _carried(c: Compared) -> Compared:
    says: Sentence = ("follows, and carries the earlier mistake on",)
    return Compared(c.line, "carried", c.answer, c.left, c.right, c.truth, says=says)


__all__ = ["Chain", "Compared", "Judged", "affordable", "aligned", "judged"]
