"""A derivation written by hand: how it is read, and whether it is right."""

from __future__ import annotations

from html import escape

from ..errors import BackproveError, SourceError
from ..judge import Comparison, Counterexample
from ..judge import check as judge
from ..judge.checking import component
from ..judge.report import SIGNS
from ..judge.verdict import as_number
from ..network import Network
from ..notation import BoundNotation
from ..reading import ShapeMistake, Sheet, read_sheet
from . import formulas, state
from .finite import finite
from .messages import (
    AskCheck,
    AskPreview,
    CheckAnswer,
    CheckedLine,
    Chunks,
    ComparisonAnswer,
    CounterexampleAnswer,
    FindingAnswer,
    PreviewAnswer,
    PreviewLine,
)


def check(given: AskCheck) -> CheckAnswer:
    """The judgement of a derivation written by hand."""
    network, question = state.network(given.text), given.quantity
    printing = state.printing(given.text, given.notation)
    found = judge(network, question, given.answer, notation=printing.notation, seed=given.seed)
    notation = (found.notation or printing).pointed()
    if found.verdict == "unreadable" and not found.lines:
        return _unread(given)
    read = _as_read(given.answer, network, notation, question)
    example = found.counterexample
    return CheckAnswer(
        verdict=found.verdict,
        summary=formulas.html(found.summary, notation),
        first_wrong_line=found.first_wrong_line,
        lines=[
            CheckedLine(
                number=line.number,
                text=line.text,
                status=line.status,
                sign=SIGNS[line.status].strip(),
                says=formulas.html(line.says, notation),
                mathml=read.get(line.number),
            )
            for line in found.lines
        ],
        comparison=None if found.comparison is None else _compared(found.comparison, notation),
        diagnosis=[
            FindingAnswer(kind=f.kind, says=formulas.html(f.says, notation))
            for f in found.diagnosis
        ],
        counterexample=None if example is None else _example(example),
        readings=[escape(reading) for reading in found.readings],
        convention=found.convention,
    )


def _unread(given: AskCheck) -> CheckAnswer:
    """An answer of which a line cannot be read: it stands with what is wrong in it."""
    rows = preview(AskPreview(**given.model_dump())).lines
    wrong = next((row for row in rows if row.problem), None)
    return CheckAnswer(
        verdict="unreadable",
        summary=f"line {wrong.number} cannot be read" if wrong else "it cannot be read",
        first_wrong_line=wrong.number if wrong else None,
        lines=[
            CheckedLine(
                number=row.number, text=row.text, status="unread", sign="✗" if row.problem else "",
                says=row.problem or "", mathml=row.mathml,
            )
            for row in rows if row.text.strip()
        ],
        comparison=None, diagnosis=[], counterexample=None, readings=[], convention=None,
    )  # fmt: skip


def _compared(pair: Comparison, notation: BoundNotation) -> ComparisonAnswer:
    return ComparisonAnswer(
        yours=formulas.chunks(pair.yours, notation, pair.in_yours),
        correct=formulas.chunks(pair.correct, notation, pair.in_correct),
    )


def _example(found: Counterexample) -> CounterexampleAnswer:
    return CounterexampleAnswer(
        component=dict(found.component),
        at=dict(found.at),
        yours=finite(as_number(found.yours)),
        correct=finite(as_number(found.correct)),
    )


def _as_read(
    answer: str, network: Network, notation: BoundNotation, question: str
) -> dict[int, Chunks]:
    """The lines of an answer as they were read, by number; none where it cannot be."""
    try:
        asked = component(network, notation, question)
        sheet = read_sheet(answer, network, notation, asked)
    except (BackproveError, ShapeMistake):
        return {}
    return {line.number: formulas.line(line, notation) for line in sheet.lines}


def preview(given: AskPreview) -> PreviewAnswer:
    """How each line of a text is read, without judging it."""
    network, notation = state.network(given.text), state.bound(given.text, given.notation)
    asked = None
    if given.quantity:
        asked = state.asked(given.text, given.notation, given.quantity)
    rows = given.answer.split("\n")
    problem, wrong, until = "", len(rows), len(rows)
    sheet: Sheet | None = None
    while until and sheet is None:
        text = "\n".join(rows[:until])
        try:
            sheet = read_sheet(text, network, notation, asked)
        except SourceError as error:
            line = min(max(1, error.place.line), until)
            said = f"{error.message}: {error.suggestion}" if error.suggestion else error.message
        except ShapeMistake as mistake:
            line = 1 + text.count("\n", 0, mistake.span[0])
            said = mistake.says
        if sheet is None:
            problem, wrong, until = said, line - 1, line - 1
    shown: dict[int, Chunks] = {}
    for read in sheet.lines if sheet else ():
        place = given.answer.count("\n", 0, read.span[0])
        shown[place] = [*shown.get(place, ()), *formulas.line(read, notation)]
    return PreviewAnswer(
        lines=[
            PreviewLine(
                number=number + 1,
                text=row,
                mathml=shown.get(number),
                problem=escape(problem) if number == wrong and given.answer.strip() else None,
            )
            for number, row in enumerate(rows)
        ],
        readings=[escape(reading) for reading in (sheet.readings if sheet else ())],
    )
