"""Network and dynamic program → one straight-line program of contractions and maps.

Every expression is brought to a sum of terms; a term is a product of factors under a row of
summed index letters. Deltas are sifted, a sum over a product becomes a contraction of two
operands at a time (a matrix product), all else an elementwise map. The sample axis is one
more letter: lifting over samples costs nothing here. Equal operations are made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from ..errors import DataError
from ..expr import (
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    bound,
    canonical,
    count,
    fresh_index,
    negative,
    substituted,
    with_indices,
)
from ..functions import ALIASES, lookup
from ..network import ADJOINT, Equation, Network
from .positive import Atom, Positive, unbounded
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
    Program,
    Result,
    SampleCount,
    Unit,
    sources,
)

MEAN_LOSS = "mean loss"
"""The name of the result that is the mean of the loss over the samples."""

_SAMPLE = "*"  # the letter of the sample axis; no index of a file can be called that
_TYPICAL_BATCH = 64  # stands for the number of samples when the cost of an order is compared
_LARGEST_EXACT_POWER = 64
_LARGEST_INLINED = 400  # nodes of an adjoint that may be put into its users to cancel

Factor = tuple[Expr, Fraction]
"""base^exponent, the exponent a number."""


@dataclass(frozen=True)
class _Value:
    """A buffer and the index letter of each of its axes; along all others it is constant."""

    buffer: int
    letters: tuple[str, ...]


_Combination = list[tuple[Fraction, _Value]]


@dataclass(frozen=True)
class _Term:
    """The sum over `summed` of coefficient * product of factors."""

    coefficient: Fraction
    factors: tuple[Factor, ...]
    summed: tuple[str, ...]


def lower(
    network: Network,
    adjoints: Mapping[str, Equation],
    wanted: Iterable[str] | None = None,
    *,
    lifted: bool = True,
) -> Program:
    """The straight-line program for the quantities and adjoints in `wanted` (all by default).

    adjoints: the dynamic program, by quantity, in an order in which it can be computed.
    wanted: names such as `h`, `∂w` or MEAN_LOSS. lifted: over any number of samples, the
    adjoint of what does not depend on the sample being the mean; otherwise for one sample.
    Raises DataError where numbers cannot be had: symbolic sizes, abstract functions.
    """
    symbolic = sorted(
        {s for q in network.quantities.values() for s in q.shape if network.length(s) is None},
        key=str,
    )
    if symbolic:
        raise DataError(
            f"the size {symbolic[0]} has no number, so there are no numbers to compute",
            f"give it one in the file: size {symbolic[0]} = 3",
        )
    lowering = _Lowering(network, lifted)
    for equation in network.equations.values():
        lowering.equation(equation)
    for equation in adjoints.values():
        lowering.equation(equation, derived=True)
    if lifted:
        lowering.mean_loss()
    return lowering.program(None if wanted is None else tuple(wanted))


class _Lowering:
    """The program so far, and where each named quantity is."""

    def __init__(self, network: Network, lifted: bool) -> None:
        self.network = network
        self.positive = Positive(network)
        data = network.of_kind("input", "target") if lifted else ()
        self.sampled = frozenset[str]().union(*(network.influenced_by(q.name) for q in data))
        self.shapes: list[tuple[int, ...]] = []
        self.instructions: list[Instruction] = []
        self.made: dict[Operation, int] = {}
        self.constants: dict[int, Fraction] = {}
        self.given: dict[str, int] = {}
        self.results: dict[str, Result] = {}
        self.unsafe: dict[str, Equation] = {}  # adjoints that may overflow where their users do not
        self.numbers: dict[str, Fraction] = {}  # scalar constants
        # within one equation:
        self.sizes: dict[str, int] = {}
        self.order: dict[str, int] = {}
        self.cache: dict[tuple[Expr, tuple[tuple[str, int], ...]], _Value] = {}
        self.overflowing = False
        for quantity in network.quantities.values():
            if quantity.kind == "constant" and isinstance(quantity.value, Fraction):
                self.numbers[quantity.name] = quantity.value
            if quantity.kind != "computed":
                self._give(quantity.name)

    # -- whole equations -------------------------------------------------------------------

    def equation(self, equation: Equation, derived: bool = False) -> None:
        """Compute one equation; a derived one gives an adjoint, averaged where unsampled."""
        name = equation.name
        quantity = self.network[name.removeprefix(ADJOINT) if derived else name]
        shape = self._lengths(quantity.shape)
        sampled = quantity.name in self.sampled
        self._open(dict(zip(equation.indices, shape, strict=True)))
        terms = self._combination(equation.right, () if sampled else (_SAMPLE,))
        value = self._combine(terms)
        place = {letter: axis for axis, letter in enumerate(equation.indices)}
        place[_SAMPLE] = SAMPLES
        axes = tuple(place[letter] for letter in value.letters)
        self.results[name] = Result(value.buffer, axes, shape, sampled)
        if derived and self.overflowing and count(equation.right) <= _LARGEST_INLINED:
            inlined = substituted(equation.right, self._unsafe_adjoint)
            self.unsafe[name] = replace(equation, right=inlined)

    def mean_loss(self) -> None:
        self._open({})
        value = self._combine(self._combination(Ref(self.network.loss), (_SAMPLE,)))
        self.results[MEAN_LOSS] = Result(value.buffer, (), (), sampled=False)

    def program(self, wanted: tuple[str, ...] | None) -> Program:
        """What has been lowered, without the operations that nothing wanted needs."""
        if wanted is not None:
            unknown = [name for name in wanted if name not in self.results]
            if unknown:
                raise DataError(f"nothing gives {unknown[0]} a number")
            self.results = {name: self.results[name] for name in wanted}
        needed = {r.buffer for r in self.results.values()}
        kept: list[Instruction] = []
        for instruction in reversed(self.instructions):
            if instruction.target in needed:
                kept.append(instruction)
                needed.update(sources(instruction.operation))
        kept.reverse()
        given = {name: buffer for name, buffer in self.given.items() if buffer in needed}
        return Program(tuple(self.shapes), given, tuple(kept), self.results)

    def _open(self, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)
        self.order = {letter: i for i, letter in enumerate((_SAMPLE, *sizes))}
        self.cache = {}
        self.overflowing = False

    def _give(self, name: str) -> None:
        shape = self._lengths(self.network[name].shape)
        sampled = name in self.sampled
        self.shapes.append((SAMPLES, *shape) if sampled else shape)
        self.given[name] = buffer = len(self.shapes) - 1
        axes = tuple(range(len(shape)))
        self.results[name] = Result(buffer, (SAMPLES, *axes) if sampled else axes, shape, sampled)

    def _lengths(self, shape: Sequence[Size]) -> tuple[int, ...]:
        lengths = tuple(self.network.length(size) for size in shape)
        assert all(length is not None for length in lengths), "symbolic sizes were refused"
        return tuple(length for length in lengths if length is not None)

    # -- expressions -----------------------------------------------------------------------

    def _value(self, e: Expr) -> _Value:
        key = (e, tuple((i, self.sizes[i]) for i in sorted(e.free)))
        found = self.cache.get(key)
        if found is None:
            found = self.cache[key] = self._new_value(e)
        return found

    def _new_value(self, e: Expr) -> _Value:
        match e:
            case Ref() if e.name not in self.numbers and e.name not in self.unsafe:
                return self._reference(e)
            case Apply():
                return self._apply(e)
            case Power() if not isinstance(e.exponent, Number):
                return self._map("power", self._value(e.base), self._value(e.exponent))
            case Reduce(op="max"):
                with self._bound(e) as (letter, body):
                    return self._over_axis(Largest, self._value(body), letter)
            case Derivative():
                raise DataError(f"a derivative that is not worked out has no number: {e}")
            case _:
                return self._combine(self._combination(e, ()))

    def _reference(self, ref: Ref) -> _Value:
        result = self.results.get(ref.name)
        if result is None:
            raise DataError(f"nothing gives {ref.name} a number")
        indices: list[Index] = [_SAMPLE if a == SAMPLES else ref.indices[a] for a in result.axes]
        buffer = result.buffer
        if any(isinstance(i, int) for i in indices):
            at = tuple(i - 1 if isinstance(i, int) else None for i in indices)
            kept = tuple(n for n, p in zip(self.shapes[buffer], at, strict=True) if p is None)
            buffer = self._emit(Pick(buffer, at), kept)
        letters = [i for i in indices if isinstance(i, str)]
        distinct = tuple(dict.fromkeys(letters))
        if len(distinct) == len(letters):
            return _Value(buffer, distinct)
        axes = tuple(distinct.index(i) for i in letters)  # w[i,i] is a diagonal
        shape = tuple(self._length(i) for i in distinct)
        contract = Contract((Operand(buffer, axes),), tuple(range(len(distinct))))
        return _Value(self._emit(contract, shape), distinct)

    def _apply(self, e: Apply) -> _Value:
        name = ALIASES.get(e.function, e.function)
        if name == "log":
            atoms = self.positive.atoms(e.argument)
            if atoms is not None:
                return self._combine(self._logarithm(atoms))
        row = lookup(name, self.network.functions)
        if row.numpy:
            return self._map(row.numpy, self._value(e.argument))
        if row.definition is None:
            raise DataError(
                f"the function {e.function} is only a name, so it has no numbers",
                f"define it in the file: function {e.function.rstrip(chr(39))}(u) = …",
            )
        return self._value(row.definition_at(e.argument))

    def _delta(self, e: Delta) -> _Value:
        left, right = e.left, e.right
        if isinstance(right, Expr):
            return self._largest_at(left, right)
        if isinstance(left, int) and isinstance(right, int):
            return self._constant(Fraction(int(left == right)))
        if isinstance(left, str) and isinstance(right, str):
            if left == right:
                return self._constant(Fraction(1))
            left, right = sorted((left, right), key=self.order.__getitem__)
            rows, columns = self.sizes[left], self.sizes[right]
            return _Value(self._emit(Identity(rows, columns), (rows, columns)), (left, right))
        letter, position = (left, right) if isinstance(left, str) else (right, left)
        assert isinstance(letter, str)
        assert isinstance(position, int)
        size = self.sizes[letter]
        if not 1 <= position <= size:
            return self._constant(Fraction(0))
        return _Value(self._emit(Unit(size, position - 1), (size,)), (letter,))

    def _largest_at(self, left: Index, choice: Expr) -> _Value:
        """[left = argmax_k u_k]: 1 where component `left` is the first largest."""
        assert isinstance(choice, Reduce)
        with self._bound(choice) as (letter, body):
            value = self._value(body)
            if letter not in value.letters:  # all alike: the first is the first largest
                return self._delta(Delta(left, 1))
            shape = self.shapes[value.buffer]
            marked = self._emit(FirstLargest(value.buffer, value.letters.index(letter)), shape)
            letters = value.letters
            if isinstance(left, int):
                at = tuple(left - 1 if i == letter else None for i in letters)
                kept = tuple(n for n, p in zip(shape, at, strict=True) if p is None)
                return _Value(
                    self._emit(Pick(marked, at), kept), tuple(i for i in letters if i != letter)
                )
            renamed = [left if i == letter else i for i in letters]
            distinct = sorted(set(renamed), key=self.order.__getitem__)
            axes = tuple(distinct.index(i) for i in renamed)
            if axes == tuple(range(len(axes))):
                return _Value(marked, tuple(distinct))
            contract = Contract((Operand(marked, axes),), tuple(range(len(distinct))))
            made = self._emit(contract, tuple(self._length(i) for i in distinct))
            return _Value(made, tuple(distinct))

    @contextmanager
    def _bound(self, e: Reduce) -> Iterator[tuple[str, Expr]]:
        """The letter and body of a sum or maximum, in scope; renamed where the letter is in use."""
        letter, body = self._bind(e)
        yield letter, body
        self._release((letter,))

    def _bind(self, e: Reduce) -> tuple[str, Expr]:
        letter, body = e.index, e.body
        if letter in self.sizes:
            letter = fresh_index(set(self.sizes) | body.free | bound(body))
            body = with_indices(body, {e.index: letter})
        (self.sizes[letter],) = self._lengths((e.size,))
        self.order.setdefault(letter, len(self.order))
        return letter, body

    def _release(self, letters: Iterable[str]) -> None:
        for letter in letters:
            if letter != _SAMPLE:
                del self.sizes[letter]

    # -- sums of products ------------------------------------------------------------------

    def _combination(self, e: Expr, summed: tuple[str, ...]) -> _Combination:
        """The sum of `e` over `summed`, as a linear combination of values."""
        start = _Term(Fraction(1), ((e, Fraction(1)),), summed)
        outer = set(self.sizes)
        made: _Combination = []
        waiting = [start]
        while waiting:
            term = self._flattened(waiting.pop())
            if term.coefficient == 0:
                continue
            parts = self._split(term)
            if parts is not None:
                waiting.extend(reversed(parts))
                continue
            sifted = self._sifted(term)
            if sifted is not None:
                waiting.append(sifted)
                continue
            made.append(self._term(term))
        self._release(set(self.sizes) - outer)
        return made

    def _flattened(self, term: _Term) -> _Term:
        """Numbers go to the coefficient, nested products and powers are opened."""
        coefficient = term.coefficient
        factors: list[Factor] = []
        waiting = list(reversed(term.factors))
        while waiting:
            base, n = waiting.pop()
            if isinstance(base, Ref):
                if base.name in self.numbers:
                    base = Number(self.numbers[base.name])
                else:
                    inlined = self._unsafe_adjoint(base)
                    base = base if inlined is None else inlined
            whole = n.denominator == 1
            if isinstance(base, Number) and _exact(base.value, n):
                coefficient *= base.value ** int(n)
            elif isinstance(base, Mul) and whole:
                waiting.extend((factor, n) for factor in reversed(base.factors))
            elif isinstance(base, Power) and isinstance(base.exponent, Number) and whole:
                waiting.append((base.base, base.exponent.value * n))
            elif isinstance(base, Delta) and n > 0:
                trivial = self._known_delta(base)
                if trivial is None:
                    factors.append((base, Fraction(1)))
                else:
                    coefficient *= trivial
            else:
                factors.append((base, n))
        return _Term(coefficient, tuple(factors), term.summed)

    def _known_delta(self, delta: Delta) -> int | None:
        left, right = delta.left, delta.right
        if isinstance(right, Expr) or (isinstance(left, int) != isinstance(right, int)):
            return None
        return 1 if left == right else 0 if isinstance(left, int) else None

    def _split(self, term: _Term) -> list[_Term] | None:
        """The term taken apart at a sum among its factors, where that helps; else None.

        It helps where the sum stands alone, where it holds a delta that can be sifted, and
        where it holds a division by something tiny that another factor cancels.
        """
        dangerous = self._dangerous(term)
        for i, (base, n) in enumerate(term.factors):
            if n != 1:
                continue
            alone = len(term.factors) == 1
            others = term.factors[:i], term.factors[i + 1 :]
            if isinstance(base, Add) and (
                alone or self._siftable(base, term.summed) or self._to_cancel(base, dangerous)
            ):
                return [
                    replace(term, factors=(*others[0], (part, Fraction(1)), *others[1]))
                    for part in base.terms
                ]
            if (
                isinstance(base, Reduce)
                and base.op == "sum"
                and (alone or (dangerous and self._hides_danger(base)))
            ):
                letter, body = self._bind(base)
                factors = (*others[0], (body, Fraction(1)), *others[1])
                return [_Term(term.coefficient, factors, (*term.summed, letter))]
        return None

    def _dangerous(self, term: _Term) -> bool:
        return any(
            self.positive.divides(base, n) or (n == 1 and self._endangered_sum(base))
            for base, n in term.factors
        )

    def _endangered_sum(self, base: Expr) -> bool:
        return isinstance(base, Add | Reduce) and self.positive.endangered(base)

    def _hides_danger(self, e: Reduce) -> bool:
        return self.positive.atoms(e) is None and self.positive.endangered(e.body)

    def _to_cancel(self, e: Add, dangerous: bool) -> bool:
        if not dangerous or self.positive.atoms(e) is not None:
            return False
        return self.positive.endangered(e) or any(
            (atoms := self.positive.atoms(factor)) is not None
            and any(unbounded(base) for base, _ in atoms)
            for t in e.terms
            for factor in (t.factors if isinstance(t, Mul) else (t,))
        )

    def _siftable(self, e: Expr, summed: tuple[str, ...]) -> bool:
        """Whether a delta over a summed letter stands in `e`, outside functions and powers."""
        if isinstance(e, Delta):
            return e.left in summed or e.right in summed
        if isinstance(e, Add | Mul):
            return any(self._siftable(c, summed) for c in e.children)
        return False

    def _sifted(self, term: _Term) -> _Term | None:
        """sum(k: delta(k,i)*a[k]) -> a[i]; None where no delta can be sifted."""
        for i, (base, _) in enumerate(term.factors):
            if not isinstance(base, Delta) or isinstance(base.right, Expr):
                continue
            for letter, other in ((base.left, base.right), (base.right, base.left)):
                if not isinstance(letter, str) or letter not in term.summed:
                    continue
                size = self.sizes[letter]
                if isinstance(other, int):
                    if not 1 <= other <= size:
                        return replace(term, coefficient=Fraction(0))
                elif self.sizes[other] != size:
                    continue
                rest = (*term.factors[:i], *term.factors[i + 1 :])
                change: dict[str, Index] = {letter: other}
                return _Term(
                    term.coefficient,
                    tuple((with_indices(b, change), n) for b, n in rest),
                    tuple(s for s in term.summed if s != letter),
                )
        return None

    def _term(self, term: _Term) -> tuple[Fraction, _Value]:
        """One product of factors under its sums."""
        factors, values, exponent = term.factors, list[_Value](), None
        if self._dangerous(term):
            factors, values, exponent = self._stabilised(term.factors)
        above: list[_Value] = list(values)
        below: list[_Value] = []
        for base, n in factors:
            value = self._delta(base) if isinstance(base, Delta) else self._value(base)
            if n < 0 and not set(term.summed) & set(value.letters):
                below.append(self._power(value, -n))
            else:
                above.append(self._power(value, n))
        if exponent is not None:
            rest = self._product(above)
            above = [
                self._map("times_exp", rest, exponent) if above else self._map("exp", exponent)
            ]
        coefficient, value = self._contract(above, term.summed)
        if below:
            value = self._map("divide", value, self._product(below))
        return term.coefficient * coefficient, value

    def _power(self, value: _Value, n: Fraction) -> _Value:
        if n == 1:
            return value
        if n < 0:
            return self._map("reciprocal", self._power(value, -n))
        if n == 2:
            return self._map("square", value)
        if n == Fraction(1, 2):
            return self._map("sqrt", value)
        return self._map("power", value, self._constant(n))

    # -- divisions by something tiny -------------------------------------------------------

    def _unsafe_adjoint(self, ref: Ref) -> Expr | None:
        """The right side of an adjoint that must cancel against its user's factors."""
        equation = self.unsafe.get(ref.name)
        if equation is None:
            return None
        return with_indices(equation.right, dict(zip(equation.indices, ref.indices, strict=True)))

    def _stabilised(
        self, factors: tuple[Factor, ...]
    ) -> tuple[tuple[Factor, ...], list[_Value], _Value | None]:
        """Plain factors, values of safe quotients, and the exponent of all that is left.

        exp(z[i])/sum(k: exp(z[k])) becomes exp(z[i] - logsumexp(z)), which is at most 1.
        """
        plain: list[Factor] = []
        table: dict[object, Atom] = {}
        for base, n in factors:
            atoms = self.positive.atoms(base)
            if atoms is None:
                plain.append((base, n))
                continue
            for atom, m in atoms:
                key = canonical(atom)
                table[key] = (atom, table.get(key, (atom, Fraction(0)))[1] + n * m)
        ratios = self._safe_quotients(table)
        left: list[Atom] = []
        for atom, n in table.values():
            if n == 0:
                continue
            if isinstance(atom, Number) or (n > 0 and not unbounded(atom)):
                plain.append((atom, n))
            else:
                left.append((atom, n))
                self.overflowing |= not (n < 0 and _at_least_a_number(atom))
        return tuple(plain), ratios, self._combine(self._logarithm(left)) if left else None

    def _safe_quotients(self, table: dict[object, Atom]) -> list[_Value]:
        """Take each exponential with a sum that contains it, under the line, out of the table."""
        ratios: list[_Value] = []
        for low, (total, m) in table.items():
            if not isinstance(total, Add | Reduce):
                continue
            for high, (top, n) in table.items():
                if not isinstance(top, Apply) or top.function != "exp":
                    continue
                while m <= -1 and n >= 1 and self.positive.contains(total, top):
                    one = ((top, Fraction(1)), (total, Fraction(-1)))
                    ratios.append(self._map("exp", self._combine(self._logarithm(one))))
                    m, n = m + 1, n - 1
                table[high] = (top, n)
            table[low] = (total, m)
        return ratios

    def _logarithm(self, atoms: Iterable[Atom]) -> _Combination:
        """log of a product of atoms, without overflow."""
        terms: _Combination = []
        for base, n in atoms:
            match base:
                case Apply(function="exp"):
                    terms += [(n * c, v) for c, v in self._combination(base.argument, ())]
                case Apply():  # log sigmoid(u) = -softplus(-u)
                    inner = self._value(negative(base.argument))
                    terms.append((-n, self._map("softplus", inner)))
                case Add():
                    rows = [self._log_of(t) for t in base.terms]
                    whole = rows[0]
                    for row in rows[1:]:
                        whole = self._map("logaddexp", whole, row)
                    terms.append((n, whole))
                case Reduce():
                    with self._bound(base) as (letter, body):
                        inner = self._log_of(body)
                        if letter in inner.letters:
                            terms.append((n, self._over_axis(LogSumExp, inner, letter)))
                        else:  # all terms alike
                            size = self._constant(Fraction(self.sizes[letter]))
                            terms += [(n, inner), (n, self._map("log", size))]
                case _:
                    if base != Number(1):
                        terms.append((n, self._map("log", self._value(base))))
        return terms

    def _log_of(self, e: Expr) -> _Value:
        atoms = self.positive.atoms(e)
        assert atoms is not None, "only sums of positive terms are atoms"
        return self._combine(self._logarithm(atoms))

    # -- values ----------------------------------------------------------------------------

    def _combine(self, terms: _Combination) -> _Value:
        """A linear combination as one value."""
        table: dict[_Value, Fraction] = {}
        for coefficient, value in terms:
            table[value] = table.get(value, Fraction(0)) + coefficient
        rows = [(c, v) for v, c in table.items() if c != 0]
        if not rows:
            return self._constant(Fraction(0))
        common = abs(rows[0][0])
        if len(rows) > 1 and all(abs(c) == common for c, _ in rows):  # a/2 - b/2 -> (a - b)/2
            return self._scaled(common, self._chain([(c / common, v) for c, v in rows]))
        return self._chain(rows)

    def _chain(self, rows: _Combination) -> _Value:
        rows = sorted(rows, key=lambda row: row[0] < 0)  # a - b, not -b + a
        first, *others = rows
        whole = self._scaled(*first)
        for coefficient, value in others:
            operation = "subtract" if coefficient < 0 else "add"
            whole = self._map(operation, whole, self._scaled(abs(coefficient), value))
        return whole

    def _scaled(self, coefficient: Fraction, value: _Value) -> _Value:
        if coefficient == 1:
            return value
        if coefficient == -1:
            return self._map("negative", value)
        if value.buffer in self.constants:
            return self._constant(coefficient * self.constants[value.buffer])
        if coefficient.numerator == 1:
            return self._map("divide", value, self._constant(Fraction(coefficient.denominator)))
        return self._map("multiply", value, self._constant(coefficient))

    def _contract(self, values: list[_Value], summed: tuple[str, ...]) -> tuple[Fraction, _Value]:
        """The sum over `summed` of the product, two operands at a time, cheapest pair first.

        Over the sample axis the mean is taken, so that a term that has none stays as it is.
        """
        coefficient = Fraction(1)
        rest = {s for s in summed if any(s in v.letters for v in values)}
        for letter in set(summed) - rest - {_SAMPLE}:
            coefficient *= self.sizes[letter]
        one = self._constant(Fraction(1))
        values = [v for v in values if v != one]
        while len(values) > 1:
            values = [self._summed(v, rest - _letters(values, skip=v)) for v in values]
            pairs = [(a, b) for b in range(len(values)) for a in range(b)]
            a, b = min(pairs, key=lambda pair: self._cost(values, pair, rest))
            others = [v for i, v in enumerate(values) if i not in (a, b)]
            inner = (rest & set(values[a].letters) & set(values[b].letters)) - _letters(others)
            made = self._pair(values[a], values[b], inner)
            values = [*others, made]
        value = self._summed(values[0], rest) if values else one
        if _SAMPLE in rest:
            value = self._map("divide", value, _Value(self._emit(SampleCount(), ()), ()))
        return coefficient, value

    def _product(self, values: list[_Value]) -> _Value:
        return self._contract(values, ())[1]

    def _cost(self, values: list[_Value], pair: tuple[int, int], rest: set[str]) -> tuple[int, int]:
        a, b = pair
        left, right = set(values[a].letters), set(values[b].letters)
        others = _letters(v for i, v in enumerate(values) if i not in (a, b))
        kept = (left | right) - ((rest & left & right) - others)
        return self._extent(kept), self._extent(left | right)

    def _extent(self, letters: Iterable[str]) -> int:
        return prod(_TYPICAL_BATCH if i == _SAMPLE else self.sizes[i] for i in letters)

    def _pair(self, left: _Value, right: _Value, inner: set[str]) -> _Value:
        if not inner:
            return self._map("multiply", left, right)
        letters = self._ordered((set(left.letters) | set(right.letters)) - inner)
        space = (*letters, *self._ordered(inner))
        operands = tuple(_operand(v, space) for v in (left, right))
        contract = Contract(operands, tuple(range(len(letters))))
        return _Value(self._emit(contract, self._shape(letters)), letters)

    def _summed(self, value: _Value, letters: set[str]) -> _Value:
        gone = letters & set(value.letters)
        if not gone:
            return value
        kept = tuple(i for i in value.letters if i not in gone)
        contract = Contract((_operand(value, (*kept, *self._ordered(gone))),), _axes(kept))
        return _Value(self._emit(contract, self._shape(kept)), kept)

    def _map(self, function: str, *values: _Value) -> _Value:
        letters = self._ordered({i for v in values for i in v.letters})
        operands = tuple(_operand(v, letters) for v in values)
        if function in ("add", "multiply"):
            operands = tuple(sorted(operands, key=lambda o: o.buffer))
        operation = Map(function, operands, len(letters))
        return _Value(self._emit(operation, self._shape(letters)), letters)

    def _over_axis(
        self, operation: type[Largest] | type[LogSumExp], value: _Value, letter: str
    ) -> _Value:
        if letter not in value.letters:
            return value
        axis = value.letters.index(letter)
        kept = tuple(i for i in value.letters if i != letter)
        return _Value(self._emit(operation(value.buffer, axis), self._shape(kept)), kept)

    def _constant(self, value: Fraction) -> _Value:
        buffer = self._emit(Constant(value), ())
        self.constants[buffer] = value
        return _Value(buffer, ())

    # -- buffers ---------------------------------------------------------------------------

    def _emit(self, operation: Operation, shape: tuple[int, ...]) -> int:
        buffer = self.made.get(operation)
        if buffer is None:
            self.shapes.append(shape)
            buffer = self.made[operation] = len(self.shapes) - 1
            self.instructions.append(Instruction(buffer, operation))
        return buffer

    def _length(self, letter: str) -> int:
        return SAMPLES if letter == _SAMPLE else self.sizes[letter]

    def _shape(self, letters: Iterable[str]) -> tuple[int, ...]:
        return tuple(self._length(i) for i in letters)

    def _ordered(self, letters: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(letters, key=self.order.__getitem__))


def _exact(value: Fraction, exponent: Fraction) -> bool:
    """Whether value^exponent is an exact number of a reasonable size."""
    small = exponent.denominator == 1 and abs(exponent) <= _LARGEST_EXACT_POWER
    return small and (value != 0 or exponent > 0)


def _at_least_a_number(atom: Expr) -> bool:
    """Whether a sum has a positive number among its terms, so that its reciprocal is bounded."""
    return isinstance(atom, Add) and any(isinstance(t, Number) for t in atom.terms)


def _letters(values: Iterable[_Value], skip: _Value | None = None) -> set[str]:
    """The letters of the values, leaving out one occurrence of `skip`."""
    found: set[str] = set()
    for value in values:
        if value is skip:
            skip = None
        else:
            found.update(value.letters)
    return found


def _operand(value: _Value, space: tuple[str, ...]) -> Operand:
    return Operand(value.buffer, tuple(space.index(i) for i in value.letters))


def _axes(letters: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(range(len(letters)))
