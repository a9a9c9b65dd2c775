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

from ..errors import DataError
from ..expr import (
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Index,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    canonical,
    count,
    mapped,
    negative,
    substituted,
    walk,
    with_indices,
)
from ..functions import ALIASES, lookup
from ..network import ADJOINT, Equation, Network
from .build import SAMPLE, Builder, Combination, Emitted, Value
from .positive import Atom, Positive, unbounded
from .program import SAMPLES, Instruction, Largest, LogSumExp, Program, Result, sources
from .terms import Factor, Term, Terms

MEAN_LOSS = "mean ∂loss"  # as no quantity is called: ∂ is what adjoints begin with
"""The name of the result that is the mean of the loss over the samples."""

CONSTRAINT = "constraint "
"""The beginning of the names `constraint 0`, …: what a target's promise is off by."""

_LARGEST_INLINED = 400  # nodes of an adjoint that may be put into its users to cancel


def lower(
    network: Network,
    adjoints: Mapping[str, Equation],
    wanted: Iterable[str] | None = None,
    *,
    updates: Iterable[Equation] = (),
    lifted: bool = True,
) -> Program:
    """The straight-line program for the quantities and adjoints in `wanted` (all by default).

    adjoints: the dynamic program, by quantity, in an order in which it can be computed.
    wanted: names such as `h`, `∂w` or MEAN_LOSS. updates: equations of what is made from the
    adjoints. lifted: over any number of samples, the adjoint of what does not depend on the
    sample being the mean; otherwise for one sample.
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
    promises = {
        f"{CONSTRAINT}{number}": constraint.left - constraint.right
        for number, constraint in enumerate(network.constraints)
    }
    equations = [*network.equations.values(), *adjoints.values(), *updates]
    derived = {equation.name for equation in adjoints.values()}
    asked = None if wanted is None else tuple(wanted)
    needed = None if asked is None else _needed(network.loss, asked, equations, promises)
    for equation in equations:
        if needed is None or equation.name in needed:
            lowering.equation(equation, equation.name in derived)
    for name, difference in promises.items():
        if needed is None or name in needed:
            lowering.residual(name, difference)
    if lifted and (needed is None or MEAN_LOSS in needed):
        lowering.mean_loss()
    return lowering.program(asked)


def _needed(
    loss: str, wanted: Iterable[str], equations: Iterable[Equation], others: Mapping[str, Expr]
) -> set[str]:
    """The names on which what is wanted depends, and what is wanted."""
    made_from = {e.name: e.right.names for e in equations}
    made_from |= {name: e.names for name, e in others.items()} | {MEAN_LOSS: frozenset({loss})}
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += made_from.get(name, ())
    return needed


@dataclass(frozen=True)
class _Lowered:
    """An equation that is done: the buffers that it names, and what was emitted for it."""

    emitted: Sequence[Emitted]
    buffers: tuple[int, ...]
    result: Result


class _Lowering:
    """The program so far, and where each named quantity is."""

    def __init__(self, network: Network, lifted: bool) -> None:
        self.network = network
        self.positive = Positive(network)
        data = network.of_kind("input", "target") if lifted else ()
        self.sampled = frozenset[str]().union(*(network.influenced_by(q.name) for q in data))
        self.build = Builder()
        self.given: dict[str, int] = {}
        self.results: dict[str, Result] = {}
        # adjoints that may overflow where their users do not, and that may fade to 0 where
        # a user's exponential makes up for it
        self.unsafe: dict[str, Equation] = {}
        self.fading: dict[str, Equation] = {}
        self.numbers: dict[str, Fraction] = {}  # scalar constants
        self.terms = Terms(
            self.build, self.positive, self.numbers, self._unsafe_adjoint, self._size
        )
        self.alike: dict[object, _Lowered] = {}
        # within one equation:
        self.cache: dict[tuple[Expr, tuple[tuple[str, int], ...]], Value] = {}
        self.overflows = self.fades = False
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
        form, buffers = self._form(equation, shape, sampled)
        found = self._again(self.alike[form], buffers, name) if form in self.alike else None
        if found is not None:
            self.results[name] = found
            return
        self._open(dict(zip(equation.indices, shape, strict=True)), name)
        terms = self._combination(equation.right, () if sampled else (SAMPLE,))
        value = self.build.combine(terms)
        place = {letter: axis for axis, letter in enumerate(equation.indices)}
        place[SAMPLE] = SAMPLES
        axes = tuple(place[letter] for letter in value.letters)
        self.results[name] = Result(value.buffer, axes, shape, sampled)
        if form is not None and not self.overflows and not self.fades:
            self.alike[form] = _Lowered(self.build.emitted, buffers, self.results[name])
        if derived and count(equation.right) <= _LARGEST_INLINED:
            inlined = replace(equation, right=substituted(equation.right, self._unsafe_adjoint))
            if self.overflows:
                self.unsafe[name] = inlined
            elif self.fades:
                self.fading[name] = inlined

    def _form(
        self, equation: Equation, shape: tuple[int, ...], sampled: bool
    ) -> tuple[object, tuple[int, ...]]:
        """A key equal for equations that differ in names only, and the buffers that those name.

        None where what is behind a name decides how the equation is computed.
        """
        names: dict[str, str] = {}
        results: list[Result] = []
        for ref in walk(equation.right):
            if not isinstance(ref, Ref) or ref.name in names or ref.name in self.numbers:
                continue
            name = ref.name
            result = self.results.get(name)
            if result is None or self._looked_into(name, result.buffer):
                return None, ()
            names[name] = f"#{len(names)}"
            results.append(result)
        buffers = tuple([r.buffer for r in results])
        key = (
            mapped(equation.right, lambda e: _renamed(e, names)), equation.indices, shape, sampled,
            tuple([(buffers.index(r.buffer), r.axes, r.shape) for r in results]),
        )  # fmt: skip
        return key, buffers

    def _looked_into(self, name: str, buffer: int) -> bool:
        """Whether more counts of a quantity than where it is: its definition, or its value."""
        defined = name in self.unsafe or name in self.fading or self.positive.knows(name)
        return defined or self.build.is_constant(buffer)

    def _again(self, done: _Lowered, buffers: tuple[int, ...], name: str) -> Result | None:
        """What an equation of the same form comes to; None where its buffers are too alike."""
        self._open({}, name)
        change = dict(zip(done.buffers, buffers, strict=True))
        if not self.build.emit_again(done.emitted, change):
            return None
        buffer = done.result.buffer
        return replace(done.result, buffer=change.get(buffer, buffer))

    def mean_loss(self) -> None:
        self._open({}, MEAN_LOSS)
        value = self.build.combine(self._combination(Ref(self.network.loss), (SAMPLE,)))
        self.results[MEAN_LOSS] = Result(value.buffer, (), (), sampled=False)

    def residual(self, name: str, e: Expr) -> None:
        """A scalar that should be 0, one a sample."""
        self._open({})
        value = self.build.combine(self._combination(e, ()))
        sampled = bool(e.names & self.sampled)
        axes = tuple(SAMPLES for _ in value.letters)
        self.results[name] = Result(value.buffer, axes, (), sampled)

    def program(self, wanted: tuple[str, ...] | None) -> Program:
        """What has been lowered, without the operations that nothing wanted needs."""
        if wanted is not None:
            unknown = [name for name in wanted if name not in self.results]
            if unknown:
                raise DataError(f"nothing gives {unknown[0]} a number")
            self.results = {name: self.results[name] for name in wanted}
        needed = {r.buffer for r in self.results.values()}
        kept: list[Instruction] = []
        for instruction in reversed(self.build.instructions):
            if instruction.target in needed:
                kept.append(instruction)
                needed.update(sources(instruction.operation))
        kept.reverse()
        given = {name: buffer for name, buffer in self.given.items() if buffer in needed}
        return Program(tuple(self.build.shapes), given, tuple(kept), self.results)

    def _open(self, sizes: Mapping[str, int], origin: str = "") -> None:
        self.build.open(sizes, origin)
        self.cache = {}
        self.overflows = self.fades = False

    def _give(self, name: str) -> None:
        shape = self._lengths(self.network[name].shape)
        sampled = name in self.sampled
        self.given[name] = buffer = self.build.given((SAMPLES, *shape) if sampled else shape)
        axes = tuple(range(len(shape)))
        self.results[name] = Result(buffer, (SAMPLES, *axes) if sampled else axes, shape, sampled)

    def _lengths(self, shape: Sequence[Size]) -> tuple[int, ...]:
        lengths = tuple(self.network.length(size) for size in shape)
        assert all(length is not None for length in lengths), "symbolic sizes were refused"
        return tuple(length for length in lengths if length is not None)

    # -- expressions -----------------------------------------------------------------------

    def _value(self, e: Expr) -> Value:
        key = (e, tuple((i, self.build.sizes[i]) for i in sorted(e.free)))
        found = self.cache.get(key)
        if found is None:
            found = self.cache[key] = self._new_value(e)
        return found

    def _new_value(self, e: Expr) -> Value:
        match e:
            case Ref() if e.name not in self.numbers and e.name not in self.unsafe:
                return self._reference(e)
            case Apply():
                return self._apply(e)
            case Power() if not isinstance(e.exponent, Number):
                return self.build.map("power", self._value(e.base), self._value(e.exponent))
            case Reduce(op="max"):
                with self._bound(e) as (letter, body):
                    return self.build.over_axis(Largest, self._value(body), letter)
            case Derivative():
                raise DataError(f"a derivative that is not worked out has no number: {e}")
            case _:
                return self.build.combine(self._combination(e, ()))

    def _reference(self, ref: Ref) -> Value:
        result = self.results.get(ref.name)
        if result is None:
            raise DataError(f"nothing gives {ref.name} a number")
        indices = [SAMPLE if a == SAMPLES else ref.indices[a] for a in result.axes]
        return self.build.component(result.buffer, indices)

    def _apply(self, e: Apply) -> Value:
        own = e.function in self.network.own_functions  # a file may call its own function σ
        name = e.function if own else ALIASES.get(e.function, e.function)
        if name == "log":
            atoms = self.positive.atoms(e.argument)
            if atoms is not None:
                return self.build.combine(self._logarithm(atoms))
        row = lookup(name, self.network.functions)
        if row.numpy:
            return self.build.map(row.numpy, self._value(e.argument))
        if row.definition is None:
            raise self._only_a_name(e.function)
        return self._value(row.definition_at(e.argument))

    def _only_a_name(self, function: str) -> DataError:
        base = function.rstrip("'")
        own = self.network.own_functions
        row = next((row for row in own.values() if base in (row.name, row.named_derivative)), None)
        name, slope = (row.name, row.named_derivative) if row else (base, "")
        written = f"{name}(u) = sigmoid(u)" + (f", {slope}(u) = sigmoid'(u)" if slope else "")
        return DataError(
            f"the function {name} is only a name, so it has no numbers",
            f"say what it is in the file: function {written}",
        )

    def _delta(self, e: Delta) -> Value:
        left, right = e.left, e.right
        if isinstance(right, Expr):
            return self._largest_at(left, right)
        if isinstance(left, int) and isinstance(right, int):
            return self.build.constant(Fraction(int(left == right)))
        if isinstance(left, str) and isinstance(right, str):
            if left == right:
                return self.build.constant(Fraction(1))
            return self.build.identity(left, right)
        letter, position = (left, right) if isinstance(left, str) else (right, left)
        assert isinstance(letter, str)
        assert isinstance(position, int)
        return self.build.unit(letter, position)

    def _largest_at(self, left: Index, choice: Expr) -> Value:
        """[left = argmax_k u_k]: 1 where component `left` is the first largest."""
        assert isinstance(choice, Reduce)
        with self._bound(choice) as (letter, body):
            value = self._value(body)
            if letter not in value.letters:  # all alike: the first is the first largest
                return self._delta(Delta(left, 1))
            marked = self.build.first_largest(value, letter)
        return self.build.component(
            marked.buffer, [left if i == letter else i for i in marked.letters]
        )

    @contextmanager
    def _bound(self, e: Reduce) -> Iterator[tuple[str, Expr]]:
        """The letter and body of a sum or maximum, in scope for a while."""
        letter, body = self.build.bind(e, self._size(e))
        yield letter, body
        self.build.release((letter,))

    def _size(self, e: Reduce) -> int:
        (length,) = self._lengths((e.size,))
        return length

    # -- sums of products ------------------------------------------------------------------

    def _combination(self, e: Expr, summed: tuple[str, ...]) -> Combination:
        """The sum of `e` over `summed`, as a linear combination of values."""
        outer = set(self.build.sizes)
        made = [self._term(term) for term in self.terms.of(e, summed)]
        self.build.release(set(self.build.sizes) - outer)
        return made

    def _term(self, term: Term) -> tuple[Fraction, Value]:
        """One product of factors under its sums."""
        factors, values, exponent = term.factors, list[Value](), None
        if self.terms.dangerous(term):
            factors, values, exponent = self._stabilised(term.factors)
        above: list[Value] = list(values)
        below: list[Value] = []
        for base, n in factors:
            value = self._delta(base) if isinstance(base, Delta) else self._value(base)
            if n < 0 and not set(term.summed) & set(value.letters):
                below.append(self.build.power(value, -n))
            else:
                above.append(self.build.power(value, n))
        if exponent is not None:
            rest = [self.build.product(above)] if above else []
            above = [self.build.map("times_exp" if rest else "exp", *rest, exponent)]
        coefficient, value = self.build.contract(above, term.summed)
        if below:
            value = self.build.map("divide", value, self.build.product(below))
        return term.coefficient * coefficient, value

    # -- divisions by something tiny -------------------------------------------------------

    def _unsafe_adjoint(self, ref: Ref, beside_huge: bool = False) -> Expr | None:
        """The right side of an adjoint that must cancel against its user's factors."""
        equation = self.unsafe.get(ref.name)
        if equation is None and beside_huge:
            equation = self.fading.get(ref.name)
        if equation is None:
            return None
        return with_indices(equation.right, dict(zip(equation.indices, ref.indices, strict=True)))

    def _stabilised(
        self, factors: tuple[Factor, ...]
    ) -> tuple[tuple[Factor, ...], list[Value], Value | None]:
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
                bounded = n < 0 and _at_least_a_number(atom)
                self.fades |= bounded
                self.overflows |= not bounded
        return tuple(plain), ratios, self.build.combine(self._logarithm(left)) if left else None

    def _safe_quotients(self, table: dict[object, Atom]) -> list[Value]:
        """Take each exponential with a sum that contains it, under the line, out of the table."""
        ratios: list[Value] = []
        for low, (total, m) in table.items():
            if not isinstance(total, Add | Reduce):
                continue
            for high, (top, n) in table.items():
                if not isinstance(top, Apply) or top.function != "exp":
                    continue
                while m <= -1 and n >= 1 and self.positive.contains(total, top):
                    one = ((top, Fraction(1)), (total, Fraction(-1)))
                    ratios.append(self.build.map("exp", self.build.combine(self._logarithm(one))))
                    m, n = m + 1, n - 1
                table[high] = (top, n)
            table[low] = (total, m)
        return ratios

    def _logarithm(self, atoms: Iterable[Atom]) -> Combination:
        """log of a product of atoms, without overflow."""
        terms: Combination = []
        for base, n in atoms:
            match base:
                case Apply(function="exp"):
                    terms += [(n * c, v) for c, v in self._combination(base.argument, ())]
                case Apply():  # log sigmoid(u) = -softplus(-u)
                    inner = self._value(negative(base.argument))
                    terms.append((-n, self.build.map("softplus", inner)))
                case Add():
                    rows = [self._log_of(t) for t in base.terms]
                    whole = rows[0]
                    for row in rows[1:]:
                        whole = self.build.map("logaddexp", whole, row)
                    terms.append((n, whole))
                case Reduce():
                    with self._bound(base) as (letter, body):
                        inner = self._log_of(body)
                        if letter in inner.letters:
                            terms.append((n, self.build.over_axis(LogSumExp, inner, letter)))
                        else:  # all terms alike
                            size = self.build.constant(Fraction(self.build.sizes[letter]))
                            terms += [(n, inner), (n, self.build.map("log", size))]
                case _:
                    if base != Number(1):
                        terms.append((n, self.build.map("log", self._value(base))))
        return terms

    def _log_of(self, e: Expr) -> Value:
        atoms = self.positive.atoms(e)
        assert atoms is not None, "only sums of positive terms are atoms"
        return self.build.combine(self._logarithm(atoms))


def _renamed(e: Expr, names: Mapping[str, str]) -> Expr | None:
    return Ref(names[e.name], e.indices) if isinstance(e, Ref) and e.name in names else None


def _at_least_a_number(atom: Expr) -> bool:
    """Whether a sum has a positive number among its terms, so that its reciprocal is bounded."""
    return isinstance(atom, Add) and any(isinstance(t, Number) for t in atom.terms)
