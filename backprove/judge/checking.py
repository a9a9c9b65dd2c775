"""The front door: read an answer, judge it, and say what kind of mistake is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import chain, combinations

from flint import arb

from ..errors import (
    BackproveError,
    DerivationError,
    NetworkError,
    NotationError,
    SourceError,
    expect,
)
from ..expr import Derivative, Expr, Mul, Ref, count, part, walk
from ..language import reference
from ..language.formula import Formulas
from ..language.tree import Mistake
from ..network import (
    ADJOINT,
    ARGUMENT,
    Network,
    Value,
    adjoint,
    expect_network,
    is_adjoint,
    quantity_of,
)
from ..notation import AnyNotation, BoundNotation, bind, names
from ..reading import Sheet, parsed, read_sheet, read_term
from ..reading.meaning import ShapeMistake
from ..reading.state import Total
from ..rewrite import Sentence, rewritten
from ..rules import DIFFERENTIATION, FOLDING, TIDY, Scope
from ..verify import Counterexample as Point
from ..verify import Oracle
from ..verify import Verdict as Answer
from .conventions import Alternative, alternatives
from .diagnosis.matching import Diagnosis, diagnose
from .diagnosis.truth import Truth
from .differing import Same, differing
from .judging import Compared, Judged, affordable, judged
from .shapes import with_equal_sizes
from .verdict import Comparison, Counterexample, Finding, JudgedLine, Verdict, Word, as_number

LONG = 20_000
"""Characters above which an unreadable answer is not tried in other notations."""

MIXED = 4
"""Derivatives up to which each may be total or local on its own."""

MOST_NUMBERS = 1000
"""Components of a tensor above which its values are left out of a counterexample."""

TOTALLY = "derivatives such as ∂a/∂z are taken as total: what is computed from z varies with it"
LOCALLY = "derivatives such as ∂a/∂z are taken as local: only z varies, other names are held"


def check(
    network: Network,
    quantity: str = "",
    answer: str = "",
    *,
    notation: AnyNotation = "as-written",
    claim: bool | str = False,
    seed: int = 0,
) -> Verdict:
    """Judge a hand-written derivation of ∂loss/∂quantity, LaTeX or plain, one line or many.

    quantity: as in `derive`, `w2[1,2]` or `w2`, or in the notation. claim: judge the answer as
    equations on their own, which need not be about a quantity; a text is taken as the answer.
    seed: what the random points are drawn from.

    Raises BackproveError for a quantity or notation that there is not. An answer that cannot
    be read is a verdict, not an error.
    """
    expect_network(network)
    if isinstance(claim, str):
        answer, claim = claim, True
    expect("a quantity", quantity, str, "a name, such as 'w2[1,2]'")
    expect("an answer", answer, str, "a text, LaTeX or plain")
    bound = bind(notation, network)
    if not (quantity or claim):
        raise BackproveError("nothing says what the answer is about", "name a quantity, such as w")
    asked = component(network, bound, quantity) if quantity and not claim else None
    named = quantity.strip() not in network.quantities
    return _Check(network, asked, answer, bound, seed, named).verdict()


def component(network: Network, bound: BoundNotation, quantity: str) -> Ref:
    """The component that a text names, in the file's letters or in the notation's."""
    try:
        return reference(quantity, network)
    except SourceError as error:
        if quantity.partition("[")[0].strip() in network.quantities:
            raise  # the file's own way to name a component, and a mistake in it
        try:
            term = read_term(quantity, network, bound)
        except (SourceError, ShapeMistake):
            raise error from None
        found = quantity_of(term.expr) if isinstance(term.expr, Ref) else None
        if found is None or found.name not in network.quantities:
            raise error from None
        return found


@dataclass(frozen=True)
class _Attempt:
    """A way to read the text, and what comes of it."""

    sheet: Sheet
    judged: Judged
    total: Total

    @property
    def faults(self) -> int:
        return len(self.judged.wrong) + len(self.judged.undecided)


class _Check:
    def __init__(
        self,
        network: Network,
        asked: Ref | None,
        answer: str,
        bound: BoundNotation,
        seed: int,
        named: bool,
    ) -> None:
        self.network, self.asked, self.answer, self.bound = network, asked, answer, bound
        self.seed, self.named = seed, named
        self.oracle = self._oracle(network)

    def _oracle(self, network: Network) -> Oracle:
        name = self.asked.name if self.asked is not None else network.loss
        return Oracle(network, components=affordable(network, name), seed=self.seed)

    def verdict(self) -> Verdict:
        try:
            attempt = self._read_and_judged(self.network, self.bound, self.oracle)
        except SourceError as error:
            return self._in_another_notation(error)
        except DerivationError as error:
            return self._unreadable(error)
        except ShapeMistake as mistake:
            return self._misshapen(mistake)
        return self._of(attempt)

    def _in_another_notation(self, error: SourceError) -> Verdict:
        """What the file's own names do not tell may be clear in one shipped notation."""
        if not self.bound.notation.as_written or not self._is_formula():
            return self._unreadable(error)
        found: dict[tuple[Expr, ...], list[BoundNotation]] = {}
        clear = False  # whether some notation reads it without anything to state
        for name in names():
            try:
                bound = bind(name, self.network)
                sheet = read_sheet(self.answer, self.network, bound, self.asked)
            except (NotationError, SourceError, ShapeMistake):
                continue
            if clear and sheet.readings:
                continue
            if not sheet.readings and not clear:
                clear, found = True, {}
            lines = (e for line in sheet.lines for e in (line.left, line.right) if e)
            found.setdefault(tuple(term.expr for term in lines), []).append(bound)
        if len(found) != 1:
            return self._unreadable(error, [b.notation.name for b in chain(*found.values())])
        (known,) = found.values()
        verdict = _Check(
            self.network, self.asked, self.answer, known[0], self.seed, self.named
        ).verdict()
        says = " and ".join(bound.notation.name for bound in known)
        only = f"read in the notation {says}: no other knows all of its symbols"
        return replace(verdict, readings=(only, *verdict.readings))

    def _read_and_judged(self, network: Network, bound: BoundNotation, oracle: Oracle) -> _Attempt:
        """The reading of the text under which the fewest lines are wrong."""
        attempts: list[_Attempt] = []
        waiting: list[Total] = [False]
        while waiting:
            total = waiting.pop(0)
            sheet = read_sheet(
                self.answer, network, bound, self.asked, total=total,
                open_symbols=self.asked is None,
            )  # fmt: skip
            found = judged(network, self.asked, sheet, oracle, named=self.named)
            attempts.append(_Attempt(sheet, found, total))
            if not attempts[-1].faults or not sheet.derivatives:
                break
            if len(attempts) == 1:
                waiting.append(True)
            elif len(attempts) == 2:
                waiting += _some_totally(sheet.derivatives)
        plain = attempts[:2]
        best = min(plain, key=self._doubt)
        if not attempts[-1].faults and attempts[2:]:
            best = attempts[-1]
            best.judged.readings.append(_meant_totally(best.total))
        elif len(plain) > 1 and plain[0].faults != plain[1].faults:
            best.judged.readings.append(TOTALLY if best.total else LOCALLY)
        return best

    def _doubt(self, attempt: _Attempt) -> tuple[bool, int, bool, int]:
        """How little a reading fits: the sooner a line is wrong; and one that makes a line 0,
        as it holds what was meant to vary."""
        if not attempt.faults:
            return False, 0, False, 0
        faulty = [*attempt.judged.wrong, *attempt.judged.undecided]
        first = min(faulty, key=lambda c: c.line.number)
        zero = first.answer is not None and _is_zero(first.answer)
        return True, -first.line.number, zero, attempt.faults

    # -- verdicts --------------------------------------------------------------------------

    def _of(self, attempt: _Attempt) -> Verdict:
        found = attempt.judged
        if self.asked is not None and found.last is None:
            return self._without_answer(attempt)
        if self.asked is None and not any(c.answer for c in found.compared):
            says: Sentence = ("nothing is claimed: write an equation, with what it equals",)
            made = self._made("unreadable", attempt, says)
            return replace(made, diagnosis=(Finding("unreadable", says),))
        if found.wrong:
            return self._with_target_of_file(attempt) or self._wrong(attempt)
        if found.undecided:
            return self._undecided(attempt)
        return self._made("right", attempt, self._praise(found))

    def _praise(self, found: Judged) -> Sentence:
        if found.last is None or found.asked is None or found.last.answer is None:
            how = next((c.answer.says for c in found.compared if c.answer), "")
            return ("it holds: ", how)
        if not found.last.answer.confirmed:
            return (
                adjoint(found.asked),
                " is right at the values of the file, to the digits given",
            )
        return (adjoint(found.asked), " is right: ", found.last.answer.says)

    def _made(
        self,
        verdict: Word,
        attempt: _Attempt,
        summary: Sentence,
        *,
        readings: Iterable[str] = (),
    ) -> Verdict:
        found = attempt.judged
        last = found.last or (found.compared[-1] if found.compared else None)
        return Verdict(
            verdict,
            summary,
            readings=tuple(dict.fromkeys((*found.readings, *readings))),
            lines=found.lines(self.answer),
            answer=last.right if last else None,
            notation=self.bound,
        )

    def _wrong(self, attempt: _Attempt) -> Verdict:
        found = attempt.judged
        first = min(found.wrong, key=lambda c: c.line.number)
        convention = self._convention(attempt)
        diagnosis = self._diagnosis(attempt, first)
        if not diagnosis.explanations and found.ways and first.right is found.ways[0].right:
            for other in found.ways[1:]:  # the letters may have been meant in another order
                again = self._diagnosis(attempt, other)
                if again.explanations:
                    first, diagnosis = other, again
                    break
        findings = _findings(diagnosis, first)
        example = first.answer.counterexample if first.answer else None
        base = self._made("wrong", attempt, self._blame(first, findings))
        base = replace(
            base,
            first_wrong_line=first.line.number,
            counterexample=self._numbers(example, first, attempt.sheet) if example else None,
            comparison=self._comparison(attempt, first, diagnosis, example),
        )
        if convention is None:
            return replace(base, diagnosis=_distinct(findings))
        findings = [f for f in findings if f.kind != "unknown"]
        findings.append(Finding(convention.kind, (f"{convention.says}; {convention.instead}",)))
        return replace(
            base,
            verdict="right-under-another-convention",
            summary=(f"{convention.says}; {convention.instead}",),
            diagnosis=_distinct(findings),
            convention=convention.name,
        )

    def _blame(self, first: Compared, findings: list[Finding]) -> Sentence:
        where = f"line {first.line.number}: "
        if findings and findings[0].kind != "unknown":
            return (where, *findings[0].says)
        return (where, *first.says)

    def _convention(self, attempt: _Attempt) -> Alternative | None:
        """The other convention under which the whole answer is right, if there is one: the
        answer is what is wrong, and under another loss every line holds."""
        found = attempt.judged
        if found.last is None or found.asked is None or len(found.wrong) != 1:
            return None
        wrong = found.wrong[0]
        if wrong.unsummed or not wrong.truth:
            return None
        of_asked = wrong.of is not None and wrong.of.name == found.asked.name
        for other in alternatives(self.network, found.asked, attempt.sheet.symbols):
            same_loss = other.network is self.network
            if same_loss and not of_asked:
                continue
            oracle = self.oracle if same_loss else self._oracle(other.network)
            known = oracle.beside(attempt.sheet.lets, attempt.sheet.symbols)
            try:
                answer = known.agree(other.truth, found.last.right, ranges=found.last.line.ranges)
                if not answer.confirmed:
                    continue
                if same_loss or not self._faulty(other.network, attempt.sheet, oracle):
                    return other
            except NetworkError:  # no point at which the other loss has a value
                continue
        return None

    def _faulty(self, network: Network, sheet: Sheet, oracle: Oracle) -> bool:
        found = judged(network, self.asked, sheet, oracle, named=self.named)
        return bool(found.wrong or found.undecided)

    def _diagnosis(self, attempt: _Attempt, first: Compared) -> Diagnosis:
        """What explains a wrong line: its own line before belongs to what it should be."""
        return diagnose(
            self.network, first.of, first.right, self.oracle,
            lets=attempt.sheet.lets, symbols=attempt.sheet.symbols,
            correct=() if first.truth else (first.left,),
        )  # fmt: skip

    def _with_target_of_file(self, attempt: _Attempt) -> Verdict | None:
        """Right for the targets that the file gives: O_1 - 1 where the sample is of class 1."""
        given = {q.name: q for q in self.network.of_kind("target") if q.value is not None}
        if not given:
            return None
        fixed = _with_constants(self.network, given)
        found = judged(fixed, self.asked, attempt.sheet, self._oracle(fixed), named=self.named)
        if found.wrong or found.undecided:
            return None
        values = ", ".join(f"{name} = {_shown(q.value)}" for name, q in given.items() if q.value)
        return self._made(
            "right", replace(attempt, judged=found), self._praise(found),
            readings=(f"with the target as the file gives it, {values}",),
        )  # fmt: skip

    def _undecided(self, attempt: _Attempt) -> Verdict:
        first = attempt.judged.undecided[0]
        says: Sentence = (f"line {first.line.number} could not be judged: ", *first.says)
        made = self._made("unreadable", attempt, says)
        return replace(made, diagnosis=(Finding("unreadable", says),))

    def _without_answer(self, attempt: _Attempt) -> Verdict:
        assert self.asked is not None
        wrong = attempt.judged.wrong
        if wrong:
            return self._wrong(attempt)
        says: Sentence = (
            "no line says what ", adjoint(self.asked), " is: write it on the left of the last line",
        )  # fmt: skip
        made = self._made("unreadable", attempt, says)
        return replace(made, diagnosis=(Finding("unreadable", says),))

    def _is_formula(self) -> bool:
        """Whether the text is well formed, so that only its symbols can be unknown."""
        try:
            return len(self.answer) < LONG and bool(self._written().lines)
        except Mistake:
            return False

    def _written(self) -> Formulas:
        return parsed(self.answer, self.network, self.bound)

    def _unreadable(self, error: BackproveError, notations: Iterable[str] = ()) -> Verdict:
        known = ", ".join(notations)
        hint = f"\n  it can be read in the notations {known}: name yours" if known else ""
        says: Sentence = (str(error) + hint,)
        return Verdict("unreadable", says, (Finding("unreadable", says),), notation=self.bound)

    def _misshapen(self, mistake: ShapeMistake) -> Verdict:
        """A shape mistake comes first; what else is wrong shows when all sizes are equal."""
        findings = [Finding("shape", (mistake.says,))]
        first, lines = self._lines_before(mistake)
        convention: str | None = None
        readings: tuple[str, ...] = ()
        square = with_equal_sizes(self.network)
        if square is not None:
            bound = bind(self.bound.notation, square)
            other = _Check(square, self.asked, self.answer, bound, self.seed, self.named)
            try:
                verdict = other._of(other._read_and_judged(square, bound, other.oracle))
            except (SourceError, ShapeMistake):
                verdict = None
            if verdict is not None:
                findings += [f for f in verdict.diagnosis if f.kind not in ("unknown", "shape")]
                convention, readings = verdict.convention, verdict.readings
        return Verdict(
            "right-under-another-convention" if convention == "index order" else "wrong",
            (f"line {first}: ", mistake.says),
            tuple(findings),
            first,
            readings,
            convention=convention if convention == "index order" else None,
            lines=lines,
            notation=self.bound,
        )

    def _lines_before(self, mistake: ShapeMistake) -> tuple[int, tuple[JudgedLine, ...]]:
        """The number of the line with a shape mistake, and the lines for the report."""
        formulas = self._written()
        start, made = mistake.span[0], []
        number = 1
        for line in formulas.lines:
            text = self.answer[slice(*line.span)].strip()
            if line.span[0] <= start:
                number = line.number
            made.append((line.number, text))
        lines = tuple(
            JudgedLine(n, text, "wrong", (mistake.says,)) if n == number
            else JudgedLine(n, text, "unread", ("was not judged",))
            for n, text in made
        )  # fmt: skip
        return number, lines

    # -- beside each other -----------------------------------------------------------------

    def _comparison(
        self,
        attempt: _Attempt,
        first: Compared,
        diagnosis: Diagnosis,
        example: Point | None,
    ) -> Comparison | None:
        """The line beside the correct form that differs from it least."""
        asked = first.of
        correct: dict[Expr, None] = {}
        if asked is not None:
            forms = [form.expr for form in Truth(self.network, asked).forms]
            scope = Scope(self.network)
            correct |= dict.fromkeys(rewritten(e, TIDY, scope, set()) for e in forms)
            correct |= dict.fromkeys(forms)
            correct |= {slip.whole: None for slip in diagnosis.mistakes if slip.whole is not None}
        if not first.truth or asked is None:
            scope = Scope(self.network)
            carried_out = rewritten(first.left, (*DIFFERENTIATION, *TIDY), scope, set())
            correct |= {first.left: None, rewritten(carried_out, FOLDING, scope, set()): None}
        plain = [e for e in correct if not any(map(_is_derivative, walk(e)))]
        same = self._same(attempt.sheet, dict(example.setting) if example else {})
        yours = _on_one_level(first.right)
        pairs = [Comparison(yours, e, *differing(yours, e, same)) for e in plain or correct]
        return min(pairs, key=_distance, default=None)

    def _same(self, sheet: Sheet, setting: dict[str, int]) -> Same:
        """Whether expressions have the same value at the first point, each evaluated once."""
        oracle = self.oracle.beside(sheet.lets, sheet.symbols)

        @cache
        def value(e: Expr) -> arb | None:
            try:
                return oracle.value(e, dict.fromkeys(e.free, 1) | setting)
            except NetworkError:
                return None

        def same(one: Expr, other: Expr) -> bool:
            a, b = value(one), value(other)
            return a is not None and b is not None and bool(a.overlaps(b))

        return same

    def _numbers(self, example: Point, first: Compared, sheet: Sheet) -> Counterexample:
        """The point at which a line is wrong: what was drawn, and what occurs in the line."""
        at: dict[str, object] = dict(example.sizes)
        for name, values in example.values.items():
            shape = tuple(map(max, zip(*values, strict=True))) if values else ()
            if len(values) <= MOST_NUMBERS:
                at[name] = _nested(values, shape)
        at |= self._computed(first, sheet, example)
        return Counterexample(at, dict(example.setting), example.right, example.left)

    def _computed(self, first: Compared, sheet: Sheet, example: Point) -> Mapping[str, object]:
        """The forward values of scalars that a line speaks of."""
        oracle = self.oracle.beside(sheet.lets, sheet.symbols)
        setting = dict(example.setting)
        found: dict[str, object] = {}
        for node in walk(first.right):
            if not isinstance(node, Ref) or node.name in example.values or node.free - {*setting}:
                continue
            if node.name.startswith(ADJOINT) or node.name.endswith(ARGUMENT):
                continue
            places = [setting.get(i, i) if isinstance(i, str) else i for i in node.indices]
            name = node.name + (f"[{','.join(map(str, places))}]" if places else "")
            try:
                found[name] = float(oracle.value(node, setting))
            except NetworkError:
                continue
        return found


def _on_one_level(e: Expr) -> Expr:
    """(a*b)*c as a*b*c: what begins a product needs no parentheses."""
    children = tuple(map(_on_one_level, e.children))
    e = e if children == e.children else e.rebuilt(children)
    if isinstance(e, Mul) and isinstance(e.factors[0], Mul):
        return Mul((*e.factors[0].factors, *e.factors[1:]))
    return e


def _some_totally(pairs: tuple[tuple[str, str], ...]) -> Iterable[Total]:
    """The ways to take some derivatives totally and others locally, where they are few."""
    sizes = range(1, len(pairs)) if len(pairs) <= MIXED else ()
    return (frozenset(some) for size in sizes for some in combinations(pairs, size))


def _meant_totally(total: Total) -> str:
    pairs = () if isinstance(total, bool) else sorted(total)
    shown = ", ".join(f"∂{body}/∂{wrt}" for body, wrt in pairs)
    return f"taken as total: {shown}; the other derivatives are taken as local"


def _is_zero(answer: Answer) -> bool:
    """Whether what was refuted is 0 where it was."""
    example = answer.counterexample
    return example is not None and as_number(example.right) == 0


def _is_derivative(e: Expr) -> bool:
    return isinstance(e, Derivative) or is_adjoint(e)


def _distance(pair: Comparison) -> tuple[int, int]:
    """How much of two expressions differs."""
    marked = [part(pair.yours, path) for path in pair.in_yours]
    marked += [part(pair.correct, path) for path in pair.in_correct]
    return sum(map(count, marked)), count(pair.correct)


def _findings(diagnosis: Diagnosis, first: Compared) -> list[Finding]:
    """What is wrong, the likeliest first; mistakes that would give the same value as well."""
    found = [Finding(slip.kind, slip.says) for slip in diagnosis.mistakes]
    for other in diagnosis.explanations[1:]:
        if len(other.mistakes) == 1 == len(diagnosis.mistakes):
            slip = other.mistakes[0]
            found.append(Finding(slip.kind, ("it is the same as: ", *slip.says)))
    if not found and first.unsummed:
        found = [Finding("missing-sum", first.says)]
    if not found and first.of is None:
        found = [Finding("wrong-claim", first.says)]
    if not found:
        ratio = diagnosis.ratio and f"the answer is {diagnosis.ratio} times the truth"
        difference = diagnosis.difference and f"it differs by {diagnosis.difference}"
        if "inf" in (diagnosis.ratio, diagnosis.difference):
            ratio = difference = ""
        at = " and ".join(filter(None, (ratio, difference)))
        found = [Finding("unknown", ("no single mistake and no pair of those known explains it",
                                     f"; at the numbers below {at}" if at else ""))]  # fmt: skip
    return found


def _distinct(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple({found.kind: found for found in reversed(findings)}.values())[::-1]


def _with_constants(network: Network, given: Mapping[str, object]) -> Network:
    """The network with these quantities held at the file's values."""
    quantities = [
        replace(q, kind="constant") if q.name in given else q for q in network.quantities.values()
    ]
    constraints = [c for c in network.constraints if c.target not in given]
    return network.changed(quantities=quantities, constraints=constraints)


def _nested(values: Mapping[tuple[int, ...], object], shape: tuple[int, ...]) -> object:
    def inner(position: tuple[int, ...]) -> object:
        if len(position) == len(shape):
            value = values[position]
            return float(value) if isinstance(value, Fraction) else value
        return [inner((*position, k)) for k in range(1, shape[len(position)] + 1)]

    return inner(())


def _shown(value: Value | None) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{float(value):g}" if value is not None else ""


__all__ = ["check"]
