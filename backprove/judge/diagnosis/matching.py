"""Which mistake explains a wrong gradient, given as an expression or as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import product as choices
from math import isfinite, nan, prod
from random import Random
from typing import TypeAlias

from ...errors import NetworkError
from ...expr import (
    Expr,
    Number,
    Reduce,
    Ref,
    Size,
)
from ...network import RATE, Network, Value
from ...rewrite import Sentence
from ...verify import Oracle
from ...verify.oracle import Lets
from ...verify.points import Point
from .probes import CLOSE, Ground, OutOfWork, Probe, Work, close
from .searching import Case, Explanation, Slip, paired, single
from .truth import Truth

WORK_PER_SECOND = 250_000
"""Nodes that are evaluated in a second, about: limits are counted, not timed."""

PROBES = 5
"""The places at which values are compared before the oracle is asked."""

SETTINGS = 24
"""Components that are looked at to find places where the answer differs."""

SAMPLED = 8
"""Components that the oracle compares to confirm a mistake; the numbers of code, too."""

LARGE = 6_000
"""Operations of a forward pass above which one point is compared, and no special targets."""

CLASSES = 6
"""One-hot targets that are tried where a target is a distribution."""


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


def diagnose(
    network: Network,
    asked: Ref | str | None,
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
    such as the reader's own line before. asked: None for an equation about no gradient; then
    the first of `correct` is what belongs there. limit_s: about how long the search may take,
    counted in work so that the same question has the same answer everywhere.

    An answer that is right has no explanation.
    """
    known = (oracle or Oracle(network)).beside(lets or {}, {RATE, *symbols})
    letters = None if asked is not None else known.ranges(*correct[:1], answer)
    if letters is not None:
        letters = {i: size for i, size in letters.items() if i in correct[0].free}
    truth = _truth(network, asked, tuple(correct), tuple((letters or {}).items()))
    if answer.free - truth.letters.keys():
        return _unbound(truth, answer, known)
    large = _operations(network, known.points()[0]) > LARGE
    known = known.held(answer, *truth.given, truth.exact, most=1 if large else None)
    work = Work(limit_s * WORK_PER_SECOND)
    case = _case(truth, answer, known, work)
    if case is None:
        return Diagnosis()
    specials = [] if large else list(_special_points(known))
    try:
        found = single(case)
        if not found or _without_target(answer, truth):
            special = _special_value(truth, answer, known, specials)
            dropped = bool(found) and found[0].kinds == ("missing-term",)
            found = found + special if dropped else special + found
        found = found or _special_mistake(truth, answer, known, specials, work) or paired(case)
    except OutOfWork:
        found = ()
    return _diagnosis(case, found)


@lru_cache(maxsize=4)
def _truth(
    network: Network,
    asked: Ref | str | None,
    correct: tuple[Expr, ...],
    letters: tuple[tuple[str, Size], ...],
) -> Truth:
    """One truth for the lines of one answer, which mostly are about one quantity."""
    return Truth(network, asked, given=correct, letters=dict(letters))


def _case(truth: Truth, answer: Expr, oracle: Oracle, work: Work) -> Case | None:
    """A wrong answer at the oracle's points; None where it is right at them."""
    probes = _ordered(_probes(truth, answer, oracle, work))
    if not probes:
        return None
    sampled = oracle.sampling(SAMPLED)

    def confirm(e: Expr) -> bool:
        try:
            return sampled.agree(answer, e, ranges=truth.letters).confirmed
        except NetworkError:
            return False

    return Case(truth, probes, confirm, work, answer=answer)


def _probes(truth: Truth, answer: Expr, oracle: Oracle, work: Work) -> Iterator[Probe]:
    for trial in range(len(oracle.points())):
        ground = Ground(oracle, trial, work, truth.adjoints)
        for setting in _settings(truth, ground.point):
            try:
                value = float(oracle.value(answer, setting, trial))
                right = float(oracle.value(truth.exact, setting, trial))
            except NetworkError:
                continue
            yield Probe(ground, setting, value, right)


def _ordered(probes: Iterable[Probe], tolerance: float = CLOSE) -> tuple[Probe, ...]:
    """Places at which the answer is compared, those first where it differs from the truth."""
    different: list[Probe] = []
    equal: list[Probe] = []
    for probe in probes:
        (equal if close(probe.value, probe.truth, tolerance) else different).append(probe)
    different.sort(key=lambda p: -len(set(p.setting.values())))
    # where the truth is 0, a factor that is missing or wrong does not show
    clear = [p for p in different if p.truth and p.value]
    dull = [p for p in different if not (p.truth and p.value)]
    return (*clear[:PROBES], *dull[:2], *equal[:2]) if different else ()


def _settings(truth: Truth, point: Point) -> Iterator[dict[str, int]]:
    """Values for the letters asked for: unequal ones first, in an order that is always the same."""
    sizes = [point.length(size) for size in truth.letters.values()]
    if prod(sizes) <= SETTINGS:
        rows = list(choices(*(range(1, n + 1) for n in sizes)))
        Random(point.seed).shuffle(rows)
    else:
        random = Random(point.seed)
        rows = [tuple(random.randint(1, n) for n in sizes) for _ in range(SETTINGS)]
    rows.sort(key=lambda row: -len(set(row)))
    for row in rows[:SAMPLED]:
        yield dict(zip(truth.letters, row, strict=True))


# -- numbers -------------------------------------------------------------------------------

Nested: TypeAlias = "float | Sequence[Nested]"


def diagnose_values(
    network: Network,
    asked: str,
    samples: Sequence[tuple[Point, Nested]],
    *,
    tolerance: float = 1e-6,
    rate: float | None = None,
    limit_s: float = 1.5,
) -> Diagnosis:
    """Which mistake explains numbers that should be the gradient of a quantity.

    asked: the quantity's name. samples: points, and at each the numbers of all components,
    nested as the quantity's axes. tolerance: the relative error of the numbers. rate: the
    learning rate, where the numbers may hold updated weights.
    """
    truth = _truth(network, asked, (), ())
    symbols = () if rate is None else (RATE,)
    oracle = Oracle(network, symbols=symbols).at([point for point, _ in samples])
    if rate is not None:
        oracle = oracle.beside({RATE: Number(Fraction(rate))})
    work = Work(limit_s * WORK_PER_SECOND)
    every = [
        Probe(ground, setting, _number(values, tuple(setting.values())), nan)
        for trial, (_, values) in enumerate(samples)
        for ground in (Ground(oracle, trial, work, truth.adjoints),)
        for setting in _settings(truth, ground.point)
    ]
    known = (replace(p, truth=p.of(truth.exact)) for p in every)
    probes = _ordered((p for p in known if isfinite(p.value)), tolerance)
    if not probes:
        return Diagnosis()

    def confirm(e: Expr) -> bool:
        return all(close(p.of(e), p.value, tolerance) for p in every)

    case = Case(truth, probes, confirm, work, tolerance)
    try:
        return _diagnosis(case, single(case) or paired(case))
    except OutOfWork:
        return _diagnosis(case, ())


def _number(values: Nested, position: tuple[int, ...]) -> float:
    for k in position:
        values = values[k - 1]  # type: ignore[index]
    return float(values)  # type: ignore[arg-type]


def _operations(network: Network, point: Point) -> int:
    """About how many operations a forward pass takes."""
    return sum(
        prod(map(point.length, network[e.name].shape)) * _in(e.right, point)
        for e in network.equations.values()
    )


def _in(e: Expr, point: Point) -> int:
    times = point.length(e.size) if isinstance(e, Reduce) else 1
    return 1 + times * sum(_in(child, point) for child in e.children)


# -- answers that are right, or wrong, for special values only -----------------------------

Specials: TypeAlias = "Sequence[tuple[Sentence, list[Point]]]"
"""Points with special targets, and in words which."""


def _without_target(answer: Expr, truth: Truth) -> bool:
    """Whether no target stands where one belongs: O_1 - 1 is meant for a sample of class 1."""
    targets = {q.name for q in truth.network.of_kind("target")}
    return targets.isdisjoint(answer.names)


def _special_value(
    truth: Truth, answer: Expr, oracle: Oracle, specials: Specials
) -> tuple[Explanation, ...]:
    """Whether the answer is right where the targets are one-hot, or as the file gives them."""
    for words, points in specials:
        try:
            right = oracle.at(points).agree(answer, truth.exact).confirmed
        except NetworkError:
            continue
        if right:
            slip = Slip("special-case", ("this holds only ", *words), truth.forms[0].expr)
            return (Explanation((slip,), 1),)
    return ()


def _special_mistake(
    truth: Truth, answer: Expr, oracle: Oracle, specials: Specials, work: Work
) -> tuple[Explanation, ...]:
    """One mistake that explains the answer for such targets."""
    for _, points in specials:
        case = _case(truth, answer, oracle.at(points), work)
        found = single(case) if case is not None else ()
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
        for k in range(1, min(points[0].length(shape[0]), CLASSES) + 1):
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


def _unbound(truth: Truth, answer: Expr, oracle: Oracle) -> Diagnosis:
    """An answer with letters of its own: a sum over them was forgotten."""
    extra = sorted(answer.free - truth.letters.keys())
    sizes = oracle.ranges(answer)
    if not all(letter in sizes for letter in extra):
        return Diagnosis()
    closed = answer
    for letter in extra:
        closed = Reduce("sum", letter, sizes[letter], closed)
    says: Sentence = (f"the sum over {', '.join(extra)} is missing",)
    slip = Slip("missing-sum", says, closed, answer, closed)
    try:
        right = oracle.agree(closed, truth.exact, ranges=truth.letters).confirmed
    except NetworkError:
        return Diagnosis()
    if right:
        return Diagnosis((Explanation((slip,), 1),))
    asked = truth.asked if truth.gradient else None
    further = diagnose(truth.network, asked, closed, oracle, correct=truth.given)
    return replace(further, explanations=tuple(
        Explanation((slip, *e.mistakes), 1 + e.changes) for e in further.explanations[:1]
    ))  # fmt: skip


def _diagnosis(case: Case, found: tuple[Explanation, ...]) -> Diagnosis:
    first = case.probes[0]
    ratio = f"{first.value / first.truth:.10g}" if first.truth else ""
    return Diagnosis(found, ratio, f"{first.value - first.truth:.10g}", first.setting)
