"""From a plan's instructions to statements over arrays, for NumPy, PyTorch and JAX.

An instruction that is used once stands inside the expression that uses it, unless that gets
long; everything else gets a name: the quantity's, or one after what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ..numpy_backend import as_float
from ..program import (
    SAMPLES,
    Constant,
    Contract,
    FirstLargest,
    Identity,
    Largest,
    LogSumExp,
    Map,
    Operand,
    Pick,
    SampleCount,
    Unit,
    sources,
)
from .naming import Names
from .plan import Part, Plan, spelled, word_for

SUM, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5
"""How strongly the last operation of an expression binds."""

MOST_INSIDE = 4
"""Operations above which a part of an expression gets a name of its own."""


@dataclass(frozen=True)
class Code:
    """An expression, how strongly it binds, and the buffers whose names it reads.

    mean: the same divided by the number of samples, where that has a shorter form.
    """

    text: str
    binds: int = ATOM
    reads: frozenset[int] = frozenset()
    mean: str = ""
    number: Fraction | None = None

    def within(self, least: int) -> str:
        """The text, in parentheses where it binds less than `least`."""
        return self.text if self.binds >= least else f"({self.text})"


@dataclass(frozen=True)
class Dialect:
    """How one library of arrays spells things.

    functions: of `run.elementwise` by name, `{0}` and `{1}` being the arguments; those that are
    operators of Python are not among them. helpers: functions that the source itself defines,
    by the name under which it calls them, in the order in which they may use each other.
    axis: the keyword for an axis. like: a number as an array, `{0}` the number and `{1}` an
    array of the wanted kind, where functions do not take plain numbers. cast: an array `{0}`
    made of the kind of `{1}`.
    """

    module: str
    functions: Mapping[str, str]
    helpers: Mapping[str, str]
    axis: str
    largest: str
    first_largest: str
    log_sum_exp: str
    einsum: str
    identity: str
    unit: str
    zeros_like: str
    transpose: str
    cast: str
    like: str = ""


@dataclass(frozen=True)
class Statement:
    """`name = code` for a buffer, and the equation under which it stands."""

    buffer: int
    name: str
    code: Code
    origin: str


@dataclass
class Body:
    """The statements of one part, and the buffers of other parts and of the caller it reads."""

    statements: list[Statement] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)

    def read(self, *codes: Code) -> None:
        """Count codes that stand outside statements, such as what is returned."""
        for code in codes:
            self.reads |= code.reads


class Writer:
    """Makes the statements of all parts of a plan."""

    def __init__(self, plan: Plan, dialect: Dialect, names: Names, given: Mapping[int, str]):
        """given: the identifiers of the buffers that the caller fills."""
        self.plan, self.dialect, self.names = plan, dialect, names
        self.identifiers: dict[int, str] = {}
        """The names of all buffers that have one."""
        self.made_in: dict[int, Part] = {}
        """The part in which a named buffer is made."""
        self.codes: dict[int, Code] = {}
        self._weights: dict[int, int] = {}  # the operations in a code that has no name
        self.helpers: set[str] = set()
        for buffer, name in given.items():
            self._name(buffer, name)
        self._owned = {b: names.claim(spelled(o)) for b in plan.origins if (o := plan.owner(b))}
        self.samples = names.claim("n")
        self._reference = next(iter(given), None)

    def _name(self, buffer: int, name: str) -> None:
        self.identifiers[buffer] = name
        self.codes[buffer] = Code(name, ATOM, frozenset((buffer,)))

    def body(self, part: Part) -> Body:
        """The statements of a part; the parts before it have been made."""
        plan, body = self.plan, Body()
        for buffer in plan.parts[part]:
            code = self._code(buffer)
            inner = sum(self._weights.get(b, 0) for b in sources(plan.operations[buffer]))
            small = isinstance(plan.operations[buffer], Pick) or not code.reads
            self._weights[buffer] = inner if small else inner + 1
            name = self._name_for(buffer, code)
            if name:
                body.statements.append(Statement(buffer, name, code, plan.origins[buffer]))
                self._name(buffer, name)
                self._weights[buffer] = 0
                self.made_in[buffer] = part
                body.read(code)
            else:
                self.codes[buffer] = code
        return body

    def _name_for(self, buffer: int, code: Code) -> str | None:
        """A name for what needs one, else None."""
        plan = self.plan
        if plan.leaf(buffer) or not code.reads:  # an array needs a name, a number does not
            return None
        if buffer in self._owned:
            return self._owned[buffer]
        if plan.uses[buffer] == 1 and self._weights[buffer] <= MOST_INSIDE:
            return None
        return self.names.claim(word_for(plan, buffer, self.identifiers))

    # -- operations ------------------------------------------------------------------------

    def _code(self, buffer: int) -> Code:
        operation, dialect = self.plan.operations[buffer], self.dialect
        match operation:
            case Constant(value):
                return number(value)
            case SampleCount():
                return Code(self.samples)
            case Identity(rows, columns):
                return self._filled(dialect.identity, rows, columns)
            case Unit(size, position):
                return self._filled(dialect.unit, size, position)
            case Pick(source, at):
                places = ", ".join(":" if p is None else str(p) for p in at)
                whole = self.codes[source]
                return Code(f"{whole.within(ATOM)}[{places}]", ATOM, whole.reads)
            case Map():
                return self._map(operation)
            case Contract():
                if len(operation.operands) == 1:
                    return self._sum(operation)
                return self._product(operation)
            case Largest(source, axis):
                return self._along(dialect.largest, source, axis)
            case FirstLargest(source, axis):
                return self._along(dialect.first_largest, source, axis)
            case LogSumExp(source, axis):
                return self._along(dialect.log_sum_exp, source, axis)

    def _filled(self, template: str, *lengths: int) -> Code:
        like = self.kind()
        return Code(template.format(*lengths, like=like.text), ATOM, like.reads)

    def kind(self) -> Code:
        """An array from which new ones take their type."""
        if self._reference is None:
            return Code(f"{self.dialect.module}.ones(())")
        return self.codes[self._reference]

    def _along(self, template: str, source: int, axis: int) -> Code:
        inner = self.codes[source]
        self._call(template)
        text = template.format(inner.text, atom=inner.within(ATOM), axis=axis)
        return Code(text, ATOM, inner.reads)

    def _call(self, template: str) -> None:
        name = template.partition("(")[0]
        if name in self.dialect.helpers:
            self.helpers.add(name)

    # -- elementwise -----------------------------------------------------------------------

    def _map(self, operation: Map) -> Code:
        function, rank = operation.function, operation.rank
        if function == "divide":
            mean = self._mean(operation)
            if mean is not None:
                return mean
        row = [self.view(o, rank) for o in operation.operands]
        reads = frozenset[int]().union(*(c.reads for c in row))
        if function in OPERATORS:
            return OPERATORS[function](row, reads)
        template = self.dialect.functions[function]
        self._call(template)
        if self.dialect.like:
            like = next((c for c in row if c.reads), self.kind())
            row = [self._array(c, like) for c in row]
            reads |= like.reads
        return Code(template.format(*(c.text for c in row)), ATOM, reads)

    def _array(self, code: Code, like: Code) -> Code:
        if code.reads:
            return code
        return Code(self.dialect.like.format(code.text, like.within(ATOM)))

    def _mean(self, operation: Map) -> Code | None:
        """sum over the samples / n -> mean over the samples."""
        top, bottom = operation.operands
        code = self.codes[top.buffer]
        if not isinstance(self.plan.operations.get(bottom.buffer), SampleCount) or not code.mean:
            return None
        return Code(code.mean, ATOM, code.reads)

    def view(self, operand: Operand, rank: int) -> Code:
        """An operand with its axes where the operation has them."""
        code, axes = self.codes[operand.buffer], operand.axes
        order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
        text, binds = code.text, code.binds
        if order != tuple(range(len(axes))):
            text, binds = self._transposed(code, order), ATOM
        ordered = sorted(axes)
        if ordered != list(range(rank - len(axes), rank)):
            first = min(axes)
            spread = [":" if axis in axes else "None" for axis in range(first, rank)]
            text = f"{text if binds == ATOM else f'({text})'}[{', '.join(spread)}]"
            binds = ATOM
        return Code(text, binds, code.reads, number=code.number)

    def _transposed(self, code: Code, order: Sequence[int]) -> str:
        if len(order) == 2:
            return f"{code.within(ATOM)}.T"
        return f"{code.within(ATOM)}.{self.dialect.transpose}({', '.join(map(str, order))})"

    # -- sums ------------------------------------------------------------------------------

    def _sum(self, operation: Contract) -> Code:
        (operand,) = operation.operands
        axes, code = operand.axes, self.codes[operand.buffer]
        kept = tuple(axis for axis in axes if axis in operation.result)
        if len(set(axes)) < len(axes):
            return self._einsum(operation)
        gone = tuple(place for place, axis in enumerate(axes) if axis not in operation.result)
        if not gone:
            order = tuple(axes.index(axis) for axis in operation.result)
            return Code(self._transposed(code, order), ATOM, code.reads)
        inner, text = code.within(ATOM), self._axes(gone, len(axes))
        whole, mean = f"{inner}.sum({text})", f"{inner}.mean({text})"
        if kept != operation.result:
            order = tuple(kept.index(axis) for axis in operation.result)
            whole = self._transposed(Code(whole), order)
        samples = gone == (0,) and self.plan.shapes[operand.buffer][0] == SAMPLES
        short = mean if samples and kept == operation.result else ""
        return Code(whole, ATOM, code.reads, mean=short)

    def _axes(self, gone: Sequence[int], rank: int) -> str:
        if len(gone) == rank:
            return ""
        shown = str(gone[0]) if len(gone) == 1 else str(tuple(gone))
        return f"{self.dialect.axis}={shown}"

    def _product(self, operation: Contract) -> Code:
        left, right = operation.operands
        result = operation.result
        for a, b in ((left, right), (right, left)):
            text = self._matrix_product(a, b, result)
            if text is not None:
                reads = self.codes[a.buffer].reads | self.codes[b.buffer].reads
                return Code(text, PRODUCT, reads)
        if set(left.axes) == set(right.axes) and len(set(left.axes)) == len(left.axes):
            return self._product_summed(left, right, result)
        return self._einsum(operation)

    def _matrix_product(self, a: Operand, b: Operand, result: tuple[int, ...]) -> str | None:
        """`a @ b` where both have at most two axes, one of which is summed and none else shared."""
        shared = set(a.axes) & set(b.axes)
        if len(shared) != 1 or shared & set(result) or max(len(a.axes), len(b.axes)) > 2:
            return None
        if len(set(a.axes)) < len(a.axes) or len(set(b.axes)) < len(b.axes):
            return None
        (summed,) = shared
        rows = [axis for axis in a.axes if axis != summed]
        columns = [axis for axis in b.axes if axis != summed]
        if (*rows, *columns) != result:
            return None
        first, second = self.codes[a.buffer], self.codes[b.buffer]
        left = f"{first.within(ATOM)}.T" if a.axes != (*rows, summed) else first.within(SIGN)
        right = f"{second.within(ATOM)}.T" if b.axes != (summed, *columns) else second.within(SIGN)
        return f"{left} @ {right}"

    def _product_summed(self, left: Operand, right: Operand, result: tuple[int, ...]) -> Code:
        """Σ a b over some of the axes that both have: `(a * b).sum(axis=1)`."""
        a = self.codes[left.buffer]
        aligned = Operand(right.buffer, tuple(map(left.axes.index, right.axes)))
        b = self.view(aligned, len(left.axes))
        kept = tuple(axis for axis in left.axes if axis in result)
        if kept != result:
            return self._einsum(Contract((left, right), result))
        gone = [place for place, axis in enumerate(left.axes) if axis not in result]
        inner = f"({a.within(PRODUCT)} * {b.within(SIGN)})"
        axes = self._axes(gone, len(left.axes))
        samples = gone == [0] and self.plan.shapes[left.buffer][0] == SAMPLES
        mean = f"{inner}.mean({axes})" if samples else ""
        return Code(f"{inner}.sum({axes})", ATOM, a.reads | b.reads, mean=mean)

    def _einsum(self, operation: Contract) -> Code:
        letters: dict[int, str] = {}
        free = iter("ijklmpqrstuvwxyzabcdefgh")
        for operand in operation.operands:
            shape = self.plan.shapes[operand.buffer]
            for axis, length in zip(operand.axes, shape, strict=True):
                if axis not in letters:
                    letters[axis] = "n" if length == SAMPLES else next(free)
        words = ["".join(letters[a] for a in o.axes) for o in operation.operands]
        result = "".join(letters[a] for a in operation.result)
        codes = [self.codes[o.buffer] for o in operation.operands]
        text = self.dialect.einsum.format(
            f'"{",".join(words)}->{result}"', ", ".join(c.text for c in codes)
        )
        return Code(text, ATOM, frozenset[int]().union(*(c.reads for c in codes)))

    # -- results ---------------------------------------------------------------------------

    def result(self, name: str, like: int | None = None) -> Code:
        """The value of an equation with every axis of its quantity.

        like: the buffer of an array of the whole shape, for a value that lacks axes.
        """
        found = self.plan.results[name]
        code = self.codes[found.buffer]
        shift = 1 if found.sampled else 0
        places = tuple(0 if axis == SAMPLES else axis + shift for axis in found.axes)
        rank = len(found.shape) + shift
        if places != tuple(range(rank)):
            code = self.view(Operand(found.buffer, places), rank)
        if (len(places) == rank and code.reads) or like is None:
            return code
        whole = self.codes[like]
        zeros = self.dialect.zeros_like.format(whole.text)
        if code.number == 0:
            return Code(zeros, ATOM, whole.reads)
        return Code(f"{zeros} + {code.within(SUM)}", SUM, code.reads | whole.reads)


def number(value: Fraction) -> Code:
    """A literal: whole numbers as such, others in double precision."""
    whole = value.denominator == 1 and abs(value) < 10**15
    text = str(value) if whole else repr(as_float(value))
    return Code(text, SIGN if value < 0 else ATOM, number=value)


# -- operators -----------------------------------------------------------------------------

Row = Sequence[Code]


def _add(row: Row, reads: frozenset[int]) -> Code:
    a, b = row
    simple = _is_name(a) and not _is_name(b)  # b1 + x @ w1.T -> x @ w1.T + b1
    if a.number is None and (simple or b.binds < a.binds):
        a, b = b, a
    return Code(f"{a.within(SUM)} + {b.within(PRODUCT)}", SUM, reads)


def _subtract(row: Row, reads: frozenset[int]) -> Code:
    return Code(f"{row[0].within(SUM)} - {row[1].within(PRODUCT)}", SUM, reads)


def _multiply(row: Row, reads: frozenset[int]) -> Code:
    a, b = row
    if b.number is not None:
        a, b = b, a
    return Code(f"{a.within(PRODUCT)} * {b.within(SIGN)}", PRODUCT, reads)


def _divide(row: Row, reads: frozenset[int]) -> Code:
    return Code(f"{row[0].within(PRODUCT)} / {row[1].within(SIGN)}", PRODUCT, reads)


def _negative(row: Row, reads: frozenset[int]) -> Code:
    return Code(f"-{row[0].within(POWER)}", SIGN, reads)


def _reciprocal(row: Row, reads: frozenset[int]) -> Code:
    return Code(f"1 / {row[0].within(SIGN)}", PRODUCT, reads)


def _square(row: Row, reads: frozenset[int]) -> Code:
    return _raised(row[0], "2", reads)


def _power(row: Row, reads: frozenset[int]) -> Code:
    return _raised(row[0], row[1].within(ATOM), reads)


def _raised(base: Code, exponent: str, reads: frozenset[int]) -> Code:
    space = "" if _is_name(base) else " "
    return Code(f"{base.within(ATOM)}{space}**{space}{exponent}", POWER, reads)


def _is_name(code: Code) -> bool:
    return code.text.isidentifier()


OPERATORS: Mapping[str, Callable[[Row, frozenset[int]], Code]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "reciprocal": _reciprocal,
    "square": _square,
    "power": _power,
}
