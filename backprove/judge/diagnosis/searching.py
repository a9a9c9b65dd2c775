"""The search for the mistakes that give a value: singles first, then pairs.

The answer and every mutant are evaluated at a few places. What has the answer's value at all
of them is a candidate, and is confirmed. Where no single mistake fits, pairs are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from math import isfinite
from typing import TypeAlias

from ...expr import (
    Expr,
    Mul,
    Number,
    Path,
    Power,
)
from ...rewrite import Sentence
from .linear import Linear
from .mutations import Mutant, mutants
from .pairing import pairs
from .probes import CLOSE, OutOfWork, Probe, Work, close
from .truth import Form, Truth
from .wording import Likeness, functions_of, in_letters, shortened

REPORTED = 3
"""How many explanations are given at most."""

FITTING = 64
"""How many candidates that fit at all probes are looked at to find those most like the answer."""

CONFIRMED = 16
"""How many candidates the oracle is asked about."""

SIMPLE = 12
"""The largest numerator and denominator of a constant factor beside another mistake."""


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


Confirm: TypeAlias = Callable[[Expr], bool]


@dataclass
class Case:
    """A wrong answer, however its values were obtained.

    probes: where it differs from the truth first. confirm: whether an expression is the
    answer, everywhere. tolerance: the relative error of the values. answer: None where it is
    known by its values alone.
    """

    truth: Truth
    probes: tuple[Probe, ...]
    confirm: Confirm
    work: Work
    tolerance: float = CLOSE
    answer: Expr | None = None

    def unlike(self, mutant: Mutant) -> int:
        """How far a mutant is from the answer in names and functions."""
        return 0 if self._likeness is None else self._likeness.distance(mutant.expr)

    @cached_property
    def _likeness(self) -> Likeness | None:
        return None if self.answer is None else Likeness(self.answer, self.truth.network)

    def fits(self, e: Expr) -> bool:
        return all(close(p.of(e), p.value, self.tolerance) for p in self.probes)

    @cached_property
    def singles(self) -> list[tuple[Mutant, float]]:
        """Every single mistake with its value at the first probe, as far as the work lasts."""
        return [*self.short, *self.written]

    @cached_property
    def short(self) -> list[tuple[Mutant, float]]:
        """Those in forms that keep their sums."""
        return self._valued([form for form in self.truth.forms if form.name != "written"])

    @cached_property
    def written(self) -> list[tuple[Mutant, float]]:
        """Those in sums written out: the most, and mostly the same in every term."""
        return self._valued([form for form in self.truth.forms if form.name == "written"])

    def _valued(self, forms: Sequence[Form]) -> list[tuple[Mutant, float]]:
        first = self.probes[0]
        linear = {form.expr: Linear(form.expr, first.ground, first.setting) for form in forms}
        found = []
        try:
            for mutant in mutants(self.truth, tuple(forms)):
                value = linear[mutant.whole].value(mutant.put)
                if isfinite(value):
                    found.append((mutant, value))
        except OutOfWork:
            pass
        return found


# -- the search ----------------------------------------------------------------------------


def single(case: Case) -> tuple[Explanation, ...]:
    """One mistake that explains the answer."""
    constant = _constant(case)
    if constant is not None:
        return (constant,)
    found = _confirmed(case, (m for m, v in case.short if _close_first(case, v)))
    if found and found[0].changes == 1:
        return found
    return found or _confirmed(case, (m for m, v in case.written if _close_first(case, v)))


def paired(case: Case) -> tuple[Explanation, ...]:
    """Two mistakes that explain the answer."""
    return _confirmed(case, _pairs(case))


def _close_first(case: Case, value: float) -> bool:
    return close(value, case.probes[0].value, case.tolerance)


def _confirmed(case: Case, candidates: Iterable[Mutant]) -> tuple[Explanation, ...]:
    """The candidates that are the answer, one for each kind: fewest changed places first, then
    those that look most like the answer."""
    fitting = islice((m for m in candidates if case.fits(m.expr)), FITTING)
    rows = [(case.unlike(m), m) for m in fitting]
    known = case.answer is not None
    rows.sort(
        key=lambda row: (row[1].changes, row[0], row[1].rank if known else row[1].plausibility)
    )
    found: dict[tuple[str, ...], Mutant] = {}
    asked = 0
    for _, mutant in rows:
        key = tuple(sorted(mutant.kinds))
        if key in found or asked == CONFIRMED or len(found) == REPORTED:
            continue
        asked += 1
        if case.confirm(mutant.expr):
            found[key] = mutant
    return tuple(_explanation(case, mutant) for mutant in _sensible(case, list(found.values())))


def _sensible(case: Case, found: Sequence[Mutant]) -> list[Mutant]:
    """Without those that nobody would say: a division too much for a factor that is missing, or
    a function of which there is no trace (the sign of z is 1 where all z are positive)."""
    said = [mutant for mutant in found if not _divides(mutant) and not _strange(case, mutant)]
    return said or list(found)


def _strange(case: Case, mutant: Mutant) -> bool:
    """Whether a mistake needs a function that neither the network nor the answer has."""
    if case.answer is None:
        return False
    network = case.truth.network
    functions = functions_of(case.answer, *(row.right for row in network.equations.values()))
    functions |= {row.named_derivative for row in network.own_functions.values()}
    return not functions_of(mutant.mutated) <= functions


def _divides(mutant: Mutant) -> bool:
    new = mutant.mutated
    return mutant.kinds == ("extra-factor",) and (
        isinstance(new, Mul) and isinstance(new.factors[-1], Power)
    )


def _explanation(case: Case, mutant: Mutant) -> Explanation:
    slips = []
    local = next(form.local for form in case.truth.forms if form.expr is mutant.whole)
    for number, (kind, words) in enumerate(zip(mutant.kinds, mutant.says, strict=True)):
        first = number == 0
        says = words
        if case.answer is not None:
            says = in_letters(words, case.answer, case.truth.scope)
        slips.append(
            Slip(
                kind, shortened(says, local), mutant.correct, mutant.mutated if first else None,
                mutant.whole, mutant.paths[0] if first and mutant.paths else (),
            )
        )  # fmt: skip
    return Explanation(tuple(slips), mutant.changes)


# -- a constant factor of the whole --------------------------------------------------------


def _constant(case: Case) -> Explanation | None:
    """The answer is a number times the truth."""
    telling = sum(p.truth != 0 for p in case.probes)  # at a single place any number is a ratio
    largest = 1000 if telling > 1 else SIMPLE
    ratio = _ratio([(p.value, p.truth) for p in case.probes], case.tolerance, largest)
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


def _pairs(case: Case) -> Iterator[Mutant]:
    """Two mistakes at once, the most plausible first."""
    first = case.probes[0]
    found = [*_with_constant(case), *pairs(first, case.singles, case.tolerance, case.work)]
    yield from sorted(found, key=lambda m: (m.changes, m.rank))


def _with_constant(case: Case) -> Iterator[Mutant]:
    """A mistake, and a number or sign of the whole."""
    target = case.probes[0].value
    for mutant, value in case.singles:
        ratio = _ratio([(target, value)], case.tolerance, SIMPLE)
        if ratio is None or ratio in (0, 1):
            continue
        slips = _constant_slips(case, ratio, mutant.expr)
        yield replace(
            mutant,
            kinds=(*mutant.kinds, *(s.kind for s in slips)),
            says=(*mutant.says, *(s.says for s in slips)),
            put=(((), Mul((Number(ratio), mutant.expr))),),
            changes=mutant.changes + len(slips),
        )
