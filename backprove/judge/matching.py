"""Which mistake explains a wrong gradient: mutants of the correct one, matched by value.

The answer and every mutant are evaluated at a few places. What has the answer's value at all
of them is a candidate, and the oracle confirms it. Where no single mistake fits, pairs are
tried: mistakes in different factors of a product multiply, so that most pairs are found by
looking up a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import product as choices
from math import isfinite, log
from random import Random
from typing import TypeAlias

from ..errors import NetworkError
from ..expr import (
    MINUS_ONE,
    Expr,
    Mul,
    Number,
    Path,
    Power,
    Reduce,
    Ref,
    Size,
)
from ..network import RATE, Network, Value, adjoint
from ..rewrite import Sentence, rewritten
from ..verify import Oracle
from ..verify.oracle import Lets
from ..verify.points import Point
from .mutations import Mutant, mutants, together
from .probes import CLOSE, Ground, OutOfWork, Work, close
from .truth import RAW, Form, Truth

WORK_PER_SECOND = 250_000
"""Nodes that are evaluated in a second, about: limits are counted, not timed."""

PROBES = 5
"""The places at which values are compared before the oracle is asked."""

SETTINGS = 24
"""Components that are looked at to find places where the answer differs."""

REPORTED = 4
"""How many explanations are given at most."""

SIMPLE = 12
"""The largest numerator and denominator of a constant factor beside another mistake."""

PAIRED = 160
"""How many single mistakes, the most plausible ones, are combined two by two."""


@dataclass(frozen=True)
class Slip:
    """One mistake in an answer.

    kind: a word of KINDS. says: words and expressions. correct: what belongs there; mutated:
    what the answer has instead; path: where in `whole`, the correct gradient in the form in
    which the mistake is smallest. mutated is None where no place can be named.
    """

    kind: str
    says: Sentence
    correct: Expr
    mutated: Expr | None = None
    whole: Expr | None = None
    path: Path = ()


@dataclass(frozen=True)
class Explanation:
    """Mistakes that together give the answer. changes: the places that differ."""

    mistakes: tuple[Slip, ...]
    changes: int

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(slip.kind for slip in self.mistakes)


@dataclass(frozen=True)
class Diagnosis:
    """What explains a wrong answer.

    explanations: each complete by itself, fewest changed places first. ratio, difference: of
    the answer to the truth where they were compared first, as decimals ("" where there is
    none). at: the values of the free letters there.
    """

    explanations: tuple[Explanation, ...] = ()
    ratio: str = ""
    difference: str = ""
    at: Mapping[str, int] | None = None

    @property
    def mistakes(self) -> tuple[Slip, ...]:
        """The first explanation's mistakes."""
        return self.explanations[0].mistakes if self.explanations else ()

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.explanations[0].kinds if self.explanations else ()


# -- what is explained ---------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """The answer's value and the correct one at a place."""

    ground: Ground
    setting: Mapping[str, int]
    value: float
    truth: float

    def of(self, e: Expr) -> float:
        return self.ground.value(e, self.setting)


Confirm: TypeAlias = Callable[[Expr], bool]


@dataclass
class Case:
    """A wrong answer, however its values were obtained.

    probes: where it differs from the truth first. confirm: whether an expression is the
    answer, everywhere. tolerance: the relative error of the values.
    """

    truth: Truth
    forms: tuple[Form, ...]
    probes: tuple[Probe, ...]
    confirm: Confirm
    work: Work
    tolerance: float = CLOSE

    def fits(self, e: Expr) -> bool:
        return all(close(p.of(e), p.value, self.tolerance) for p in self.probes)

    @cached_property
    def singles(self) -> list[tuple[Mutant, float]]:
        """Every single mistake with its value at the first probe."""
        values = ((m, self.probes[0].of(m.expr)) for m in mutants(self.truth, self.forms))
        return [(mutant, value) for mutant, value in values if isfinite(value)]


def diagnose(
    network: Network,
    asked: Ref | str,
    answer: Expr,
    oracle: Oracle | None = None,
    *,
    lets: Lets | None = None,
    symbols: Iterable[str] = (),
    correct: Sequence[Expr] = (),
    limit_s: float = 1.5,
) -> Diagnosis:
    """Which mistake explains a wrong answer to "what is ∂loss/∂asked?".

    answer: in index notation; its free letters are those of `asked`, and others that stand
    for a sum that was forgotten. oracle: one of this network, to share its points. lets,
    symbols: what the reader defined. correct: further correct forms to look for mistakes in,
    such as the reader's own line before. limit_s: about how long the search may take.
    An answer that is right has no explanation.
    """
    truth = Truth(network, asked)
    known = (oracle or Oracle(network)).beside(lets or {}, {RATE, *symbols})
    work = Work(limit_s * WORK_PER_SECOND)
    forms = (*truth.forms, *(_given(truth, e) for e in correct))
    case = _case(truth, forms, answer, known, work)
    if case is None:
        return _unbound(truth, answer, known) or Diagnosis()
    try:
        found = _special_value(truth, answer, known) or _single(case)
        found = found or _special_mistake(truth, forms, answer, known, work) or _paired(case)
    except OutOfWork:
        found = ()
    return _diagnosis(case, found)


def _given(truth: Truth, e: Expr) -> Form:
    return Form("given", rewritten(e, RAW, truth.scope, set()), {})


def _case(
    truth: Truth, forms: tuple[Form, ...], answer: Expr, oracle: Oracle, work: Work
) -> Case | None:
    extra = sorted(answer.free - truth.asked.free)
    if extra:
        return None
    probes = tuple(_probes(truth, answer, oracle, work))
    if not probes:
        return None
    shape = truth.network[truth.asked.name].shape
    ranges: dict[str, Size] = {
        i: size for i, size in zip(truth.asked.indices, shape, strict=True) if isinstance(i, str)
    }
    sampled = oracle.sampling(8)

    def confirm(e: Expr) -> bool:
        try:
            return sampled.agree(answer, e, ranges=ranges).confirmed
        except NetworkError:
            return False

    return Case(truth, forms, probes, confirm, work)


def _probes(truth: Truth, answer: Expr, oracle: Oracle, work: Work) -> Iterator[Probe]:
    """Places at which the answer is compared, those first where it differs from the truth."""
    exact = adjoint(truth.asked)
    different: list[Probe] = []
    equal: list[Probe] = []
    for trial in range(len(oracle.points())):
        ground = Ground(oracle, trial, work)
        for setting in _settings(truth, ground.point):
            try:
                value = float(oracle.value(answer, setting, trial))
                right = float(oracle.value(exact, setting, trial))
            except NetworkError:
                continue
            probe = Probe(ground, setting, value, right)
            (equal if close(value, right, CLOSE) else different).append(probe)
            if len(different) >= 2 and len(different) + len(equal) >= PROBES * (trial + 1):
                break
    # where the truth is 0, a factor that is missing or wrong does not show
    different.sort(key=lambda p: (p.truth == 0 or p.value == 0, -len(set(p.setting.values()))))
    if different:
        yield from [*different[: PROBES - 1], *equal[:2]]


def _settings(truth: Truth, point: Point) -> Iterator[dict[str, int]]:
    """Values for the letters asked for: unequal ones first, in an order that is always the same."""
    letters = [i for i in truth.asked.indices if isinstance(i, str)]
    shape = truth.network[truth.asked.name].shape
    sizes = [
        point.length(size)
        for i, size in zip(truth.asked.indices, shape, strict=True)
        if isinstance(i, str)
    ]
    every = 1
    for size in sizes:
        every *= size
    if every <= SETTINGS:
        rows = list(choices(*(range(1, n + 1) for n in sizes)))
        Random(point.seed).shuffle(rows)
    else:
        random = Random(point.seed)
        rows = [tuple(random.randint(1, n) for n in sizes) for _ in range(SETTINGS)]
    rows.sort(key=lambda row: -len(set(row)))
    for row in rows:
        yield dict(zip(letters, row, strict=True))


# -- the search ----------------------------------------------------------------------------


def _single(case: Case) -> tuple[Explanation, ...]:
    """One mistake that explains the answer."""
    constant = _constant(case)
    if constant is not None:
        return (constant,)
    return _confirmed(case, (m for m, v in case.singles if _close_first(case, v)))


def _paired(case: Case) -> tuple[Explanation, ...]:
    """Two mistakes that explain the answer."""
    return _confirmed(case, _pairs(case, case.singles))


def _close_first(case: Case, value: float) -> bool:
    return close(value, case.probes[0].value, case.tolerance)


def _confirmed(case: Case, candidates: Iterable[Mutant]) -> tuple[Explanation, ...]:
    """The candidates that are the answer, one for each kind, fewest changed places first."""
    fitting: dict[tuple[str, ...], Mutant] = {}
    for mutant in candidates:
        key = tuple(sorted(mutant.kinds))
        known = fitting.get(key)
        if known is not None and (known.changes, known.rank) <= (mutant.changes, mutant.rank):
            continue
        if case.fits(mutant.expr):
            fitting[key] = mutant
            if len(mutant.kinds) > 1 and len(fitting) >= REPORTED:
                break
    rows = sorted(fitting.values(), key=lambda m: (m.changes, m.rank))
    return tuple(
        _explanation(case, m) for m in rows[: 2 * REPORTED] if case.confirm(m.expr)
    )[:REPORTED]  # fmt: skip


def _explanation(case: Case, mutant: Mutant) -> Explanation:
    slips = []
    for number, (kind, says) in enumerate(zip(mutant.kinds, mutant.says, strict=True)):
        first = number == 0
        slips.append(
            Slip(
                kind, says, mutant.correct, mutant.mutated if first else None, mutant.whole,
                mutant.paths[0] if first and mutant.paths else (),
            )
        )  # fmt: skip
    return Explanation(tuple(slips), mutant.changes)


# -- a constant factor of the whole --------------------------------------------------------


def _constant(case: Case) -> Explanation | None:
    """The answer is a number times the truth."""
    ratio = _ratio([(p.value, p.truth) for p in case.probes], case.tolerance, 1000)
    if ratio is None or ratio in (0, 1):
        return None
    whole = case.forms[0].expr
    if not case.confirm(Mul((Number(ratio), adjoint(case.truth.asked)))):
        return None
    slips = _constant_slips(case, ratio, whole)
    return Explanation(slips, len(slips))


def _constant_slips(case: Case, ratio: Fraction, whole: Expr) -> tuple[Slip, ...]:
    slips = []
    if ratio < 0:
        says: Sentence = ("the sign of the whole is wrong",)
        slips.append(Slip("sign", says, whole, -whole, whole))
    size = abs(ratio)
    if size != 1:
        slips.append(
            Slip("constant-factor", _says_constant(case, size), whole,
                 Mul((Number(size), whole)), whole)
        )  # fmt: skip
    return tuple(slips)


def _says_constant(case: Case, ratio: Fraction) -> Sentence:
    if ratio.denominator == 1:
        return ("a factor ", Number(ratio), " too much")
    if ratio.numerator == 1:
        return ("a factor ", Number(1 / ratio), " is missing, or ", Number(ratio), " is too much")
    return ("a factor ", Number(ratio), " too much")


def _ratio(pairs: Sequence[tuple[float, float]], tolerance: float, largest: int) -> Fraction | None:
    """The one simple number that each first value is of the second."""
    found: Fraction | None = None
    for value, other in pairs:
        if other == 0:
            if value != 0:
                return None
            continue
        quotient = value / other
        if not isfinite(quotient) or abs(quotient) > largest:
            return None
        if found is None:
            found = Fraction(quotient).limit_denominator(largest)
        if found == 0 or not close(float(found), quotient, tolerance):
            return None
    return found


# -- pairs ---------------------------------------------------------------------------------


def _pairs(case: Case, singles: list[tuple[Mutant, float]]) -> Iterator[Mutant]:
    """Two mistakes at once, the most plausible first within each way of finding them."""
    yield from _with_constant(case, singles)
    yield from _multiplied(case, singles)
    yield from _combined(case, singles)


def _with_constant(case: Case, singles: list[tuple[Mutant, float]]) -> Iterator[Mutant]:
    """A mistake, and a number or sign of the whole."""
    target = case.probes[0].value
    for mutant, value in singles:
        ratio = _ratio([(target, value)], case.tolerance, SIMPLE)
        if ratio is None or ratio in (0, 1):
            continue
        slips = _constant_slips(case, ratio, mutant.expr)
        yield replace(
            mutant,
            kinds=(*mutant.kinds, *(s.kind for s in slips)),
            says=(*mutant.says, *(s.says for s in slips)),
            expr=Mul((Number(ratio), mutant.expr)),
            changes=mutant.changes + len(slips),
        )


def _slot(mutant: Mutant) -> tuple[int, int] | None:
    """Which factor of the whole was changed; None where the whole was."""
    whole = mutant.whole
    firsts = {path[:1] for path in mutant.paths}
    if not isinstance(whole, Mul) or len(firsts) != 1 or () in firsts:
        return None
    return len(whole.factors), firsts.pop()[0]


def _multiplied(case: Case, singles: list[tuple[Mutant, float]]) -> Iterator[Mutant]:
    """Mistakes in different factors: their ratios to the truth multiply."""
    probe = case.probes[0]
    if not probe.truth or not isfinite(probe.value / probe.truth):
        return
    wanted = probe.value / probe.truth
    table: dict[int, list[tuple[Mutant, float]]] = {}
    for mutant, value in singles:
        ratio = value / probe.truth
        if ratio and isfinite(ratio) and (_slot(mutant) is not None or mutant.paths == ((),)):
            for other, known in _near(table, wanted / ratio, case.tolerance):
                if _slot(other) != _slot(mutant) or _slot(mutant) is None:
                    made = _product(other, mutant)
                    if close(known * ratio, wanted, case.tolerance) and case.fits(made.expr):
                        yield made
            table.setdefault(_bin(ratio), []).append((mutant, ratio))


_BINS = 1e4


def _bin(ratio: float) -> int:
    return round(log(abs(ratio)) * _BINS)


def _near(
    table: Mapping[int, list[tuple[Mutant, float]]], ratio: float, tolerance: float
) -> Iterator[tuple[Mutant, float]]:
    if not ratio or not isfinite(ratio):
        return
    middle = _bin(ratio)
    for key in (middle - 1, middle, middle + 1):
        for mutant, known in table.get(key, ()):
            if close(known, ratio, 2 * tolerance):
                yield mutant, known


def _product(one: Mutant, other: Mutant) -> Mutant:
    both = together(one, other)
    if both is not None:
        return both
    assert one.whole is not None
    expr = Mul((one.expr, other.expr, Power(one.whole, MINUS_ONE)))
    return replace(
        one,
        kinds=one.kinds + other.kinds,
        says=one.says + other.says,
        expr=expr,
        changes=one.changes + other.changes,
        rank=one.rank + other.rank,
    )


def _combined(case: Case, singles: list[tuple[Mutant, float]]) -> Iterator[Mutant]:
    """The most plausible mistakes of one form, two by two, as long as the work lasts."""
    first = case.probes[0]
    by_form: dict[Expr, list[Mutant]] = {}
    values: set[tuple[Expr, float]] = set()
    for mutant, value in singles:
        if mutant.whole is None or (mutant.whole, value) in values or mutant.paths == ((),):
            continue
        values.add((mutant.whole, value))
        row = by_form.setdefault(mutant.whole, [])
        if len(row) < PAIRED:
            row.append(mutant)
    for row in by_form.values():
        for total_rank in range(1, 2 * len(row)):
            for i in range(max(0, total_rank - len(row) + 1), (total_rank + 1) // 2):
                both = together(row[i], row[total_rank - i])
                if both is None:
                    continue
                case.work.spend(8)
                if close(first.of(both.expr), first.value, case.tolerance):
                    yield both


# -- answers that are right, or wrong, for special values only -----------------------------


def _special_value(truth: Truth, answer: Expr, oracle: Oracle) -> tuple[Explanation, ...]:
    """Whether the answer is right where the targets are one-hot, or as the file gives them."""
    for words, points in _special_points(oracle):
        try:
            right = oracle.at(points).agree(answer, adjoint(truth.asked)).confirmed
        except NetworkError:
            continue
        if right:
            slip = Slip("special-case", ("this holds only ", *words), truth.chain)
            return (Explanation((slip,), 1),)
    return ()


def _special_mistake(
    truth: Truth, forms: tuple[Form, ...], answer: Expr, oracle: Oracle, work: Work
) -> tuple[Explanation, ...]:
    """One mistake that explains the answer for such targets."""
    for _, points in _special_points(oracle):
        case = _case(truth, forms, answer, oracle.at(points), work)
        found = _single(case) if case is not None else ()
        if found:
            return found
    return ()


def _special_points(oracle: Oracle) -> Iterator[tuple[Sentence, list[Point]]]:
    network = oracle.network
    points = oracle.points()
    for target in dict.fromkeys(c.target for c in network.constraints):
        shape = network[target].shape
        if len(shape) != 1:
            continue
        for k in range(1, min(points[0].length(shape[0]), 6) + 1):
            rows = [
                _with_values(p, {target: {(i,): Fraction(i == k)
                                          for i in range(1, p.length(shape[0]) + 1)}})
                for p in points
            ]  # fmt: skip
            yield ("where ", Ref(target, (k,)), " = 1, a sample of class ", Number(k)), rows
    given = [q for q in network.of_kind("target") if q.value is not None]
    if given:
        rows = [_with_values(p, {q.name: _table(q.value) for q in given}) for p in points]
        yield ("for the targets that the file gives",), rows
    every = [q for q in network.quantities.values() if q.value is not None]
    if len(every) > len(given) and every:
        rows = [_with_values(p, {q.name: _table(q.value) for q in every}) for p in points[:1]]
        yield ("for the values that the file gives",), rows


def _with_values(point: Point, values: Mapping[str, Mapping[tuple[int, ...], Fraction]]) -> Point:
    return replace(point, values={**point.values, **values})


def _table(value: Value | None, at: tuple[int, ...] = ()) -> dict[tuple[int, ...], Fraction]:
    if value is None:
        return {}
    if isinstance(value, tuple):
        return {k: v for n, row in enumerate(value, 1) for k, v in _table(row, (*at, n)).items()}
    return {at: Fraction(value)}


def _unbound(truth: Truth, answer: Expr, oracle: Oracle) -> Diagnosis | None:
    """An answer with letters of its own: a sum over them was forgotten."""
    extra = sorted(answer.free - truth.asked.free)
    if not extra:
        return None
    sizes = oracle.ranges(answer)
    if not all(letter in sizes for letter in extra):
        return None
    closed = answer
    for letter in extra:
        closed = Reduce("sum", letter, sizes[letter], closed)
    says: Sentence = (f"the sum over {', '.join(extra)} is missing",)
    slip = Slip("missing-sum", says, closed, answer, closed)
    try:
        right = oracle.agree(closed, adjoint(truth.asked)).confirmed
    except NetworkError:
        return None
    if right:
        return Diagnosis((Explanation((slip,), 1),))
    further = diagnose(truth.network, truth.asked, closed, oracle)
    rest = further.explanations[:1] or (Explanation((), 0),)
    return Diagnosis(tuple(Explanation((slip, *e.mistakes), 1 + e.changes) for e in rest))


def _diagnosis(case: Case, found: tuple[Explanation, ...]) -> Diagnosis:
    first = case.probes[0]
    ratio = f"{first.value / first.truth:.10g}" if first.truth else ""
    return Diagnosis(found, ratio, f"{first.value - first.truth:.10g}", first.setting)
