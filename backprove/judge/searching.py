"""The search for the mistakes that give a value: singles first, then pairs.

The answer and every mutant are evaluated at a few places. What has the answer's value at all
of them is a candidate, and is confirmed. Where no single mistake fits, pairs are tried:
mistakes in different factors of a product multiply, so that most pairs are found by looking
up a ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import isfinite, log
from typing import TypeAlias

from ..expr import (
    MINUS_ONE,
    Expr,
    Mul,
    Number,
    Path,
    Power,
)
from ..rewrite import Sentence
from .mutations import Mutant, mutants, together
from .probes import CLOSE, Ground, Work, close
from .truth import Truth

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
    probes: tuple[Probe, ...]
    confirm: Confirm
    work: Work
    tolerance: float = CLOSE

    def fits(self, e: Expr) -> bool:
        return all(close(p.of(e), p.value, self.tolerance) for p in self.probes)

    @cached_property
    def singles(self) -> list[tuple[Mutant, float]]:
        """Every single mistake with its value at the first probe."""
        values = ((m, self.probes[0].of(m.expr)) for m in mutants(self.truth))
        return [(mutant, value) for mutant, value in values if isfinite(value)]


# -- the search ----------------------------------------------------------------------------


def single(case: Case) -> tuple[Explanation, ...]:
    """One mistake that explains the answer."""
    constant = _constant(case)
    if constant is not None:
        return (constant,)
    return _confirmed(case, (m for m, v in case.singles if _close_first(case, v)))


def paired(case: Case) -> tuple[Explanation, ...]:
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
    whole = case.truth.forms[0].expr
    if not case.confirm(Mul((Number(ratio), case.truth.exact))):
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
