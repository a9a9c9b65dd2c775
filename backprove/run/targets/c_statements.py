"""From a plan's instructions for one sample to statements and loop nests in C.

A value that is used once, by something that runs over the same components, stands inside the
expression that uses it; everything else is a member of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import TypeAlias

import numpy as np

from ...errors import DataError
from ...network import ADJOINT
from ..numpy_backend import as_float
from ..program import (
    Constant,
    Contract,
    FirstLargest,
    Identity,
    Largest,
    LogSumExp,
    Map,
    Operand,
    Operation,
    Pick,
    SampleCount,
    Unit,
    sources,
)
from .c_helpers import CALLS
from .expressions import ATOM, PRODUCT, SIGN, SUM, Code
from .naming import Names
from .plan import Plan, word_for

INDENT = "    "
MOST_INSIDE = 5
"""Operations in one expression above which a part of it gets a member of its own."""

HEAVY = Contract | Largest | LogSumExp
"""What takes a loop."""


@dataclass
class Loop:
    """for (int letter = start; letter < length; letter++) body"""

    letter: str
    length: int
    body: list[Node] = field(default_factory=list)
    start: int = 0


Node: TypeAlias = "str | Loop"


def printed(nodes: Sequence[Node], indent: str = INDENT) -> Iterator[str]:
    """Statements and loops as lines; a body of one statement goes without braces."""
    for node in nodes:
        if isinstance(node, str):
            yield indent + node
            continue
        many = len(node.body) > 1
        head = f"for (int {node.letter} = {node.start}; {node.letter} < {node.length}; "
        yield f"{indent}{head}{node.letter}++){' {' * many}"
        yield from printed(node.body, indent + INDENT)
        if many:
            yield f"{indent}}}"


@dataclass(frozen=True)
class Place:
    """Where a value is: `s->z2`, an array of this shape, or a pointer to its first component."""

    text: str
    shape: tuple[int, ...]
    flat: bool = False

    def at(self, indices: Sequence[str]) -> str:
        """One component."""
        if not self.flat:
            return self.text + "".join(f"[{i}]" for i in indices)
        if not indices:
            return f"{self.text}[0]"
        terms = [
            index if (stride := prod(self.shape[axis + 1 :])) == 1 else f"{index} * {stride}"
            for axis, index in enumerate(indices)
        ]
        return f"{self.text}[{' + '.join(terms)}]"


@dataclass
class Scope:
    """The innermost body at hand, and how many loops there are around it."""

    body: list[Node]
    depth: int
    words: list[str]

    def word(self, wanted: str) -> str:
        """The name of a local variable: sum, sum2, …"""
        self.words.append(wanted)
        count = self.words.count(wanted)
        return wanted if count == 1 else f"{wanted}{count}"


Line: TypeAlias = Callable[[Sequence[str], Scope], str]
"""What makes the line inside a loop nest, from the letters of the loops."""

LOCALS = ("place", *(f"{word}{n}" for word in ("sum", "top") for n in ("", *range(2, 20))))
"""Local variables that statements may declare."""


class Writer:
    """Makes the statements; decides what is stored.

    places: where the given buffers are. workspace: the pointer through which others are reached.
    moved: the buffers that differ from sample to sample.
    """

    def __init__(
        self,
        plan: Plan,
        names: Names,
        workspace: str,
        places: Mapping[int, Place],
        moved: frozenset[int],
        single: bool,
    ) -> None:
        self.plan, self.names, self.moved, self.single = plan, names, moved, single
        self.places = dict(places)
        self.members: list[tuple[str, tuple[int, ...]]] = []
        """The members of the workspace, with their shapes."""
        self._part = {b: part for part, targets in plan.parts.items() for b in targets}
        self._sinks = {ADJOINT + name for name in plan.gradients}
        self._weights: dict[int, int] = {}
        named: dict[int, str] = {}
        for part in plan.parts.values():
            for buffer in part:
                if self._is_stored(buffer):
                    word = names.claim(word_for(plan, buffer, named))
                    named[buffer] = word
                    shape = plan.shapes[buffer]
                    self.members.append((word, shape))
                    self.places[buffer] = Place(f"{workspace}->{word}", shape)
        most = max((len(s) for s in plan.shapes), default=0)
        self.letters = names.letters(2 * most + 4)

    # -- what is stored --------------------------------------------------------------------

    def _is_stored(self, buffer: int) -> bool:
        plan, operation = self.plan, self.plan.operations[buffer]
        inner = [self._weights.get(b, 0) for b in sources(operation)]
        self._weights[buffer] = 0
        if plan.leaf(buffer):
            return False
        owner = plan.owner(buffer)
        equation = owner is not None and owner not in self._sinks
        if equation or plan.uses[buffer] > 1 or isinstance(operation, FirstLargest):
            return True
        weight = sum(inner) + 1
        if weight > MOST_INSIDE or not self._fits(buffer, operation):
            return True
        self._weights[buffer] = weight
        return False

    def _fits(self, buffer: int, operation: Operation) -> bool:
        """Whether its only user runs over its components once, at the same time."""
        user = self.plan.users.get(buffer)
        if user is None:  # a gradient
            owner = self.plan.owner(buffer)
            return owner is not None and len(self.plan.results[owner].axes) == len(
                self.plan.results[owner].shape
            )
        if self._part[user] != self._part[buffer]:
            return False
        if (user in self.moved) != (buffer in self.moved):
            return False
        match self.plan.operations[user]:
            case Map(operands=operands, rank=rank):
                return all(set(o.axes) == set(range(rank)) for o in operands if o.buffer == buffer)
            case Contract(operands=operands):
                everything = {axis for o in operands for axis in o.axes}
                light = not isinstance(operation, HEAVY)
                return light and all(
                    set(o.axes) == everything for o in operands if o.buffer == buffer
                )
            case Largest():
                return not isinstance(operation, HEAVY)
            case _:
                return False

    # -- statements ------------------------------------------------------------------------

    def statement(self, buffer: int) -> list[Node]:
        """The statement or loop nest that fills a stored buffer."""
        place, operation = self.places[buffer], self.plan.operations[buffer]
        if isinstance(operation, FirstLargest):
            return self._first_largest(place, operation)
        if isinstance(operation, Contract):
            nodes = self._added_up(place, operation)
            if nodes is not None:
                return nodes
        return self.filled(place.shape, lambda at, scope: (
            f"{place.at(at)} = {self._operation(operation, at, scope).text};"
        ))  # fmt: skip

    def filled(self, shape: Sequence[int], line: Line) -> list[Node]:
        """A loop nest over a shape around one line."""
        return self._nest(shape, line, 0)

    def _nest(self, shape: Sequence[int], line: Line, depth: int) -> list[Node]:
        at = self.letters[depth : depth + len(shape)]
        inner: list[Node] = []
        scope = Scope(inner, depth + len(shape), [])
        inner.append(line(at, scope))
        if not shape and len(inner) > 1:  # what it declares stays its own
            return ["{", *_indented(inner), "}"]
        for letter, length in zip(reversed(at), reversed(shape), strict=True):
            inner = [Loop(letter, length, inner)]
        return inner

    def component(self, name: str, at: Sequence[str], scope: Scope) -> Code:
        """A component of an equation's value."""
        found = self.plan.results[name]
        return self.value(found.buffer, [at[axis] for axis in found.axes], scope)

    def _added_up(self, place: Place, operation: Contract) -> list[Node] | None:
        """Sums added up in the order in which the largest operand lies in memory.

        `dh[j] += w[i][j] * dz[i]` with j inside, where a sum over i would stride through w.
        """
        if len(operation.operands) != 2:
            return None
        first = max(operation.operands, key=lambda o: prod(self.plan.shapes[o.buffer]))
        outside = [a for a in operation.result if a not in first.axes]
        distinct = len(set(first.axes)) == len(first.axes)
        if not distinct or outside or not first.axes or first.axes[-1] not in operation.result:
            return None
        if all(axis in operation.result for axis in first.axes):
            return None
        lengths = self._lengths(operation)
        order = [*first.axes, *(a for a in lengths if a not in first.axes)]
        zero = self.filled(place.shape, lambda at, scope: f"{place.at(at)} = 0.0;")

        def line(at: Sequence[str], scope: Scope) -> str:
            letter = dict(zip(order, at, strict=True))
            product = self._product(operation.operands, letter, scope)
            return f"{place.at([letter[a] for a in operation.result])} += {product.text};"

        return [*zero, *self.filled([lengths[a] for a in order], line)]

    def _first_largest(self, place: Place, operation: FirstLargest) -> list[Node]:
        shape, axis = place.shape, operation.axis
        others = [*shape[:axis], *shape[axis + 1 :]]
        outer = self.letters[: len(others)]
        k = self.letters[len(others)]
        body: list[Node] = ["int place = 0;"]
        scope = Scope(body, len(others) + 1, [])

        def at(index: str) -> list[str]:
            return [*outer[:axis], index, *outer[axis:]]

        here = self.value(operation.source, at(k), scope).text
        best = self.value(operation.source, at("place"), scope).text
        body.append(Loop(k, shape[axis], [f"place = {here} > {best} ? {k} : place;"], 1))
        body.append(Loop(k, shape[axis], [f"{place.at(at(k))} = {k} == place;"]))
        if not others:
            return ["{", *_indented(body), "}"]
        nodes: list[Node] = body
        for letter, length in zip(reversed(outer), reversed(others), strict=True):
            nodes = [Loop(letter, length, nodes)]
        return nodes

    # -- values ----------------------------------------------------------------------------

    def value(self, buffer: int, at: Sequence[str], scope: Scope) -> Code:
        """One component of a buffer; what it needs beforehand goes into the scope."""
        if buffer in self.places:
            return Code(self.places[buffer].at(at))
        return self._operation(self.plan.operations[buffer], at, scope)

    def _operation(self, operation: Operation, at: Sequence[str], scope: Scope) -> Code:
        match operation:
            case Constant(value):
                return self.number(value)
            case SampleCount():
                raise AssertionError("one sample has no number of samples")
            case Identity():
                return Code(f"({at[0]} == {at[1]})")
            case Unit(_, position):
                return Code(f"({at[0]} == {position})")
            case Pick(source, places):
                rest = iter(at)
                return self.value(
                    source, [next(rest) if p is None else str(p) for p in places], scope
                )
            case Map():
                row = [
                    self.value(o.buffer, [at[axis] for axis in o.axes], scope)
                    for o in operation.operands
                ]
                return _applied(operation.function, row)
            case Contract():
                return self._sum(operation, at, scope)
            case Largest(source, axis):
                return self._largest(source, axis, at, scope)
            case LogSumExp(source, axis):
                return self._log_sum_exp(source, axis, at, scope)
            case FirstLargest():
                raise AssertionError("a mark of the largest is always stored")

    def number(self, value: Fraction) -> Code:
        """A literal of the precision at hand. Raises DataError where it is too large."""
        number = as_float(value)
        if self.single:
            with np.errstate(all="ignore"):
                short = np.float32(number)
            if not np.isfinite(short):
                raise DataError(
                    f"the number {number!r} of the file is too large for float32",
                    "compile with --precision float64",
                )
            text = str(short)
        else:
            text = repr(number)
        return Code(text, SIGN if number < 0 else ATOM, number=value)

    def _sum(self, operation: Contract, at: Sequence[str], scope: Scope) -> Code:
        letter = dict(zip(operation.result, at, strict=True))
        lengths = {a: n for a, n in self._lengths(operation).items() if a not in letter}
        if not lengths:
            return self._product(operation.operands, letter, scope)
        total = scope.word("sum")
        inner: list[Node] = []
        within = Scope(inner, scope.depth + len(lengths), scope.words)
        new = self.letters[scope.depth : scope.depth + len(lengths)]
        letter |= dict(zip(lengths, new, strict=True))
        product = self._product(operation.operands, letter, within)
        inner.append(f"{total} += {product.text};")
        for name, length in zip(reversed(new), reversed(lengths.values()), strict=True):
            inner = [Loop(name, length, inner)]
        scope.body += [f"double {total} = 0.0;", *inner]
        return Code(total)

    def _product(
        self, operands: Sequence[Operand], letter: Mapping[int, str], scope: Scope
    ) -> Code:
        row = [self.value(o.buffer, [letter[a] for a in o.axes], scope) for o in operands]
        return row[0] if len(row) == 1 else _applied("multiply", row[::-1])

    def _largest(self, source: int, axis: int, at: Sequence[str], scope: Scope) -> Code:
        top = scope.word("top")
        k = self.letters[scope.depth]
        body: list[Node] = []
        within = Scope(body, scope.depth + 1, scope.words)
        here = self.value(source, [*at[:axis], k, *at[axis:]], within)
        body.append(f"{top} = larger({top}, {here.text});")
        scope.body += [f"double {top} = -INFINITY;", Loop(k, self.plan.shapes[source][axis], body)]
        return Code(top)

    def _log_sum_exp(self, source: int, axis: int, at: Sequence[str], scope: Scope) -> Code:
        top = self._largest(source, axis, at, scope).text
        total, k = scope.word("sum"), self.letters[scope.depth]
        here = self.value(source, [*at[:axis], k, *at[axis:]], scope)
        line = f"{total} += exp({here.text} - {top});"
        scope.body += [
            f"{top} = isfinite({top}) ? {top} : 0.0;",
            f"double {total} = 0.0;",
            Loop(k, self.plan.shapes[source][axis], [line]),
        ]
        return Code(f"log({total}) + {top}", SUM)

    def _lengths(self, operation: Contract) -> dict[int, int]:
        """The length of each axis of a contraction."""
        return {
            axis: length
            for o in operation.operands
            for axis, length in zip(o.axes, self.plan.shapes[o.buffer], strict=True)
        }


def _indented(nodes: Sequence[Node]) -> list[Node]:
    return [INDENT + line for line in printed(nodes, "")]


def _applied(function: str, row: Sequence[Code]) -> Code:
    """A function of numbers in C."""
    a, b = row[0], row[-1]
    match function:
        case "add":
            if a.number is None and (b.binds < a.binds or b.text.startswith("sum")):
                a, b = b, a
            return Code(f"{a.within(SUM)} + {b.within(PRODUCT)}", SUM)
        case "subtract":
            return Code(f"{a.within(SUM)} - {b.within(PRODUCT)}", SUM)
        case "multiply":
            if b.number is not None or (a.number is None and a.binds == b.binds == ATOM):
                a, b = b, a  # numbers first; an adjoint, which is made later, before a value
            return Code(f"{a.within(PRODUCT)} * {b.within(SIGN)}", PRODUCT)
        case "divide":
            return Code(f"{a.within(PRODUCT)} / {b.within(SIGN)}", PRODUCT)
        case "negative":
            return Code(f"-{a.within(ATOM)}", SIGN)
        case "reciprocal":
            return Code(f"1.0 / {a.within(SIGN)}", PRODUCT)
        case _:
            return Code(f"{CALLS[function]}({', '.join(c.text for c in row)})")
