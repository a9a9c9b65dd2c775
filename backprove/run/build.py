"""Buffers made from buffers: products, sums and maps of values whose axes carry index letters.

Letters are numbered here and nowhere else; an operation that exists already is not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TypeAlias

from ..expr import Expr, Index, Reduce, fresh_index, with_indices
from .program import (
    SAMPLES,
    Constant,
    Contract,
    FirstLargest,
    Identity,
    Instruction,
    Largest,
    LogSumExp,
    Map,
    Operand,
    Operation,
    Pick,
    SampleCount,
    Unit,
)

SAMPLE = "*"
"""The letter of the sample axis; no index of a file can be called that."""

_ZERO, _ONE = Fraction(0), Fraction(1)

_TYPICAL_BATCH = 64  # stands for the number of samples when the cost of an order is compared


@dataclass(frozen=True)
class Value:
    """A buffer and the index letter of each of its axes; along all others it is constant."""

    buffer: int
    letters: tuple[str, ...]


Emitted: TypeAlias = tuple[Operation, tuple[int, ...], int]
"""An operation, its result's shape, and the buffer."""

Combination: TypeAlias = "list[tuple[Fraction, Value]]"
"""A linear combination of values."""


class Builder:
    """The program so far, and the letters in scope with their lengths.

    emitted: what has been asked for since the equation began.
    """

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.instructions: list[Instruction] = []
        self.sizes: dict[str, int] = {}
        self.origin = ""
        self._order: dict[str, int] = {}
        self.emitted: list[Emitted] = []
        self._made: dict[Operation, int] = {}
        self._constants: dict[int, Fraction] = {}

    def given(self, shape: tuple[int, ...]) -> int:
        """A buffer that the caller fills."""
        self.shapes.append(shape)
        return len(self.shapes) - 1

    # -- letters ---------------------------------------------------------------------------

    def open(self, sizes: Mapping[str, int], origin: str = "") -> None:
        """Begin an equation, `origin`: these letters are in scope, and no others."""
        self.origin = origin
        self.emitted = []
        self.sizes = dict(sizes)
        self._order = {letter: i for i, letter in enumerate((SAMPLE, *sizes))}

    def bind(self, e: Reduce, length: int) -> tuple[str, Expr]:
        """The letter and body of a sum or maximum, in scope; renamed where it is in use."""
        letter, body = e.index, e.body
        if letter in self.sizes:
            letter = fresh_index(set(self.sizes) | body.free | body.bound)
            body = with_indices(body, {e.index: letter})
        self.sizes[letter] = length
        self._order.setdefault(letter, len(self._order))
        return letter, body

    def release(self, letters: Iterable[str]) -> None:
        """End the scope of letters."""
        for letter in letters:
            del self.sizes[letter]

    def length(self, letter: str) -> int:
        return SAMPLES if letter == SAMPLE else self.sizes[letter]

    def ordered(self, letters: Iterable[str]) -> tuple[str, ...]:
        """Letters in the order in which axes lie: samples, the left side's, then bound ones."""
        return tuple(sorted(letters, key=self._order.__getitem__))

    # -- values ----------------------------------------------------------------------------

    def combine(self, terms: Combination) -> Value:
        """A linear combination as one value."""
        if len(terms) == 1 and terms[0][0]:
            return self._scaled(*terms[0])
        table: dict[Value, Fraction] = {}
        for coefficient, value in terms:
            table[value] = table.get(value, _ZERO) + coefficient
        rows = [(c, v) for v, c in table.items() if c != 0]
        if not rows:
            return self.constant(_ZERO)
        common = abs(rows[0][0])
        if len(rows) > 1 and all(abs(c) == common for c, _ in rows):  # a/2 - b/2 -> (a - b)/2
            return self._scaled(common, self._chain([(c / common, v) for c, v in rows]))
        return self._chain(rows)

    def _chain(self, rows: Combination) -> Value:
        rows = sorted(rows, key=lambda row: row[0] < 0)  # a - b, not -b + a
        first, *others = rows
        whole = self._scaled(*first)
        for coefficient, value in others:
            operation = "subtract" if coefficient < 0 else "add"
            whole = self.map(operation, whole, self._scaled(abs(coefficient), value))
        return whole

    def _scaled(self, coefficient: Fraction, value: Value) -> Value:
        if coefficient == 1:
            return value
        if coefficient == -1:
            return self.map("negative", value)
        if value.buffer in self._constants:
            return self.constant(coefficient * self._constants[value.buffer])
        if coefficient.numerator == 1:
            return self.map("divide", value, self.constant(Fraction(coefficient.denominator)))
        return self.map("multiply", value, self.constant(coefficient))

    def component(self, buffer: int, indices: Sequence[Index]) -> Value:
        """A buffer at these indices: literal ones are picked, a repeated letter is a diagonal."""
        if any(isinstance(i, int) for i in indices):
            at = tuple(i - 1 if isinstance(i, int) else None for i in indices)
            kept = tuple(n for n, p in zip(self.shapes[buffer], at, strict=True) if p is None)
            buffer = self.emit(Pick(buffer, at), kept)
        letters = [i for i in indices if isinstance(i, str)]
        distinct = tuple(dict.fromkeys(letters))
        if len(distinct) == len(letters):
            return Value(buffer, distinct)
        diagonal = Operand(buffer, tuple(distinct.index(i) for i in letters))
        return Value(
            self.emit(Contract((diagonal,), _axes(distinct)), self.shape(distinct)), distinct
        )

    def identity(self, left: str, right: str) -> Value:
        """delta(left,right)."""
        rows, columns = self.sizes[left], self.sizes[right]
        return Value(self.emit(Identity(rows, columns), (rows, columns)), (left, right))

    def unit(self, letter: str, position: int) -> Value:
        """delta(letter,position); the position counts from 1."""
        size = self.sizes[letter]
        if not 1 <= position <= size:
            return self.constant(_ZERO)
        return Value(self.emit(Unit(size, position - 1), (size,)), (letter,))

    def first_largest(self, value: Value, letter: str) -> Value:
        """1 at the first largest component along a letter, 0 elsewhere."""
        operation = FirstLargest(value.buffer, value.letters.index(letter))
        return Value(self.emit(operation, self.shapes[value.buffer]), value.letters)

    def contract(self, values: list[Value], summed: tuple[str, ...]) -> tuple[Fraction, Value]:
        """The sum over `summed` of the product, two operands at a time, cheapest pair first.

        Over the sample axis the mean is taken, so that a term that has none stays as it is.
        """
        coefficient = _ONE
        rest = {s for s in summed if any(s in v.letters for v in values)}
        for letter in set(summed) - rest - {SAMPLE}:
            coefficient *= self.sizes[letter]
        values = [v for v in values if v != self._one]
        averaged = SAMPLE not in rest
        if not averaged:
            averaged, values = self._averaged(values, rest)
        while len(values) > 1:
            values = [self._summed(v, rest - _letters(values, skip=v)) for v in values]
            a, b = self._cheapest(values, rest) if len(values) > 2 else (0, 1)
            others = [v for i, v in enumerate(values) if i not in (a, b)]
            inner = (rest & set(values[a].letters) & set(values[b].letters)) - _letters(others)
            made = self._pair(values[a], values[b], inner)
            values = [*others, made]
        value = self._summed(values[0], rest) if values else self._one
        return coefficient, value if averaged else self._divided(value)

    def _averaged(self, values: list[Value], rest: set[str]) -> tuple[bool, list[Value]]:
        """The values, one divided by the number of samples if it is smaller than the result."""
        result = self._extent(_letters(values) - rest)
        sizes = {self._extent(v.letters): i for i, v in enumerate(values) if SAMPLE in v.letters}
        smallest = min(sizes)
        if smallest >= result:
            return False, values
        place = sizes[smallest]
        return True, [*values[:place], self._divided(values[place]), *values[place + 1 :]]

    def _divided(self, value: Value) -> Value:
        return self.map("divide", value, Value(self.emit(SampleCount(), ()), ()))

    @cached_property
    def _one(self) -> Value:
        return self.constant(_ONE)

    def product(self, values: list[Value]) -> Value:
        """The elementwise product."""
        return self.contract(values, ())[1]

    def _cheapest(self, values: list[Value], rest: set[str]) -> tuple[int, int]:
        pairs = [(a, b) for b in range(len(values)) for a in range(b)]
        return min(pairs, key=lambda pair: self._cost(values, pair, rest))

    def _cost(self, values: list[Value], pair: tuple[int, int], rest: set[str]) -> tuple[int, int]:
        a, b = pair
        left, right = set(values[a].letters), set(values[b].letters)
        others = _letters(v for i, v in enumerate(values) if i not in (a, b))
        kept = (left | right) - ((rest & left & right) - others)
        return self._extent(kept), self._extent(left | right)

    def _extent(self, letters: Iterable[str]) -> int:
        return prod(_TYPICAL_BATCH if i == SAMPLE else self.sizes[i] for i in letters)

    def _pair(self, left: Value, right: Value, inner: set[str]) -> Value:
        if not inner:
            return self.map("multiply", left, right)
        letters = self.ordered((set(left.letters) | set(right.letters)) - inner)
        space = (*letters, *self.ordered(inner))
        operands = tuple(_operand(v, space) for v in (left, right))
        contract = Contract(operands, tuple(range(len(letters))))
        return Value(self.emit(contract, self.shape(letters)), letters)

    def _summed(self, value: Value, letters: set[str]) -> Value:
        gone = letters & set(value.letters)
        if not gone:
            return value
        kept = tuple(i for i in value.letters if i not in gone)
        contract = Contract((_operand(value, (*kept, *self.ordered(gone))),), _axes(kept))
        return Value(self.emit(contract, self.shape(kept)), kept)

    def map(self, function: str, *values: Value) -> Value:
        """An elementwise function of values."""
        letters = self.ordered({i for v in values for i in v.letters})
        operands = tuple(_operand(v, letters) for v in values)
        operation = Map(function, _in_order(function, operands), len(letters))
        return Value(self.emit(operation, self.shape(letters)), letters)

    def over_axis(
        self, operation: type[Largest] | type[LogSumExp], value: Value, letter: str
    ) -> Value:
        """A maximum or log-sum-exp over a letter."""
        if letter not in value.letters:
            return value
        axis = value.letters.index(letter)
        kept = tuple(i for i in value.letters if i != letter)
        return Value(self.emit(operation(value.buffer, axis), self.shape(kept)), kept)

    def constant(self, value: Fraction) -> Value:
        """A number."""
        buffer = self.emit(Constant(value), ())
        self._constants[buffer] = value
        return Value(buffer, ())

    def power(self, value: Value, n: Fraction) -> Value:
        """value^n."""
        if n == 1:
            return value
        if n < 0:
            return self.map("reciprocal", self.power(value, -n))
        if n == 2:
            return self.map("square", value)
        if n == Fraction(1, 2):
            return self.map("sqrt", value)
        return self.map("power", value, self.constant(n))

    def is_constant(self, buffer: int) -> bool:
        return buffer in self._constants

    # -- buffers ---------------------------------------------------------------------------

    def emit(self, operation: Operation, shape: tuple[int, ...]) -> int:
        """The buffer of an operation's result; the same one for the same operation."""
        new = len(self.shapes)
        buffer = self._made.setdefault(operation, new)
        if buffer == new:
            self.shapes.append(shape)
            self.instructions.append(Instruction(buffer, operation, self.origin))
        self.emitted.append((operation, shape, buffer))
        return buffer

    def emit_again(self, emitted: Sequence[Emitted], change: dict[int, int]) -> bool:
        """Emit the same of other buffers, all made of them added to `change`.

        False where two buffers that were different are one now, or the other way round: then it
        is not the same.
        """
        taken = set(change.values())
        for operation, shape, made in emitted:
            buffer = self.emit(_changed(operation, change), shape)
            if change.get(made, -1) != buffer and (made in change or buffer in taken):
                return False
            change[made] = buffer
            taken.add(buffer)
        return True

    def shape(self, letters: Iterable[str]) -> tuple[int, ...]:
        return tuple(self.length(i) for i in letters)


def _letters(values: Iterable[Value], skip: Value | None = None) -> set[str]:
    """The letters of the values, leaving out one occurrence of `skip`."""
    found: set[str] = set()
    for value in values:
        if value is skip:
            skip = None
        else:
            found.update(value.letters)
    return found


def _operand(value: Value, space: tuple[str, ...]) -> Operand:
    return Operand(value.buffer, tuple(space.index(i) for i in value.letters))


def _in_order(function: str, operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    """The operands of an elementwise function, in one order where any will do."""
    if function in ("add", "multiply"):
        return tuple(sorted(operands, key=lambda o: o.buffer))
    return operands


def _changed(operation: Operation, change: Mapping[int, int]) -> Operation:
    """An operation of other buffers; numbers, which all share, stay as they are."""
    match operation:
        case Contract() | Map():
            operands = tuple(
                [Operand(change.get(o.buffer, o.buffer), o.axes) for o in operation.operands]
            )
            if isinstance(operation, Contract):
                return Contract(operands, operation.result)
            return Map(operation.function, _in_order(operation.function, operands), operation.rank)
        case Pick() | Largest() | FirstLargest() | LogSumExp():
            return replace(operation, source=change.get(operation.source, operation.source))
    return operation


def _axes(letters: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(range(len(letters)))
