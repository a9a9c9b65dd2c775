"""What a judge answers: the verdict, line by line, with reasons and a counterexample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..expr import Expr, Path
from ..notation import BoundNotation
from ..render.pieces import text_of
from ..rewrite import Sentence

Word: TypeAlias = Literal["right", "wrong", "right-under-another-convention", "unreadable"]

Status: TypeAlias = Literal["right", "wrong", "carried", "definition", "undecided", "unread"]
"""What a line is: it follows; it does not; it follows from a line that was wrong already; it
only names something; the oracle cannot tell; it stands behind what could not be read."""

EXIT_CODES: Mapping[Word, int] = {
    "right": 0,
    "wrong": 1,
    "right-under-another-convention": 1,
    "unreadable": 2,
}


@dataclass(frozen=True)
class Finding:
    """One mistake: a word of `KINDS`, and what it is in words and expressions."""

    kind: str
    says: Sentence


@dataclass(frozen=True)
class JudgedLine:
    """A line with its status. number: from 1, as in the text. says: why."""

    number: int
    text: str
    status: Status
    says: Sentence = ()


@dataclass(frozen=True)
class Comparison:
    """The first wrong line as it was read, beside what belongs there.

    The paths lead to the parts that differ.
    """

    yours: Expr
    correct: Expr
    in_yours: tuple[Path, ...] = ()
    in_correct: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Counterexample:
    """Numbers at which the answer is wrong.

    at: the values of what is given and of what occurs, nested lists for tensors. component:
    the values of the free indices. yours, correct: what comes out, in decimals.
    """

    at: Mapping[str, object]
    component: Mapping[str, int]
    yours: str
    correct: str


@dataclass(frozen=True)
class Verdict:
    """The judgement of an answer.

    diagnosis: what is wrong, the likeliest first. first_wrong_line: its number, None where no
    line is wrong. readings: how the text was taken where it could mean several things.
    convention: the one under which the answer is right. summary: the verdict in words.
    """

    verdict: Word
    summary: Sentence
    diagnosis: tuple[Finding, ...] = ()
    first_wrong_line: int | None = None
    readings: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    convention: str | None = None
    lines: tuple[JudgedLine, ...] = ()
    comparison: Comparison | None = None
    answer: Expr | None = None
    notation: BoundNotation | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.verdict == "right"

    @property
    def exit_code(self) -> int:
        """0 right, 1 wrong or under another convention, 2 unreadable."""
        return EXIT_CODES[self.verdict]

    def words(self, sentence: Sentence) -> str:
        """A sentence with its expressions in the reader's notation."""
        return "".join(self._shown(piece) for piece in sentence)

    def _shown(self, piece: str | Expr) -> str:
        if isinstance(piece, str):
            return piece
        return text_of(piece, self.notation) if self.notation else repr(piece)

    @property
    def reading(self) -> str:
        """How the answer was read, in the file's own letters, with what was taken how."""
        read = [f"read as {self.answer!r}"] if self.answer is not None else []
        return "; ".join([*read, *self.readings])

    def as_json(self) -> dict[str, Any]:
        """The verdict as data; see docs/judging.md."""
        example = self.counterexample
        return {
            "verdict": self.verdict,
            "diagnosis": [
                {"kind": found.kind, "says": self.words(found.says)} for found in self.diagnosis
            ],
            "first_wrong_line": self.first_wrong_line,
            "reading": self.reading,
            "counterexample": None
            if example is None
            else {
                "at": dict(example.at),
                "component": dict(example.component),
                "yours": as_number(example.yours),
                "correct": as_number(example.correct),
            },
            "convention": self.convention,
            "summary": self.words(self.summary),
            "lines": [
                {"number": line.number, "text": line.text, "status": line.status,
                 "says": self.words(line.says)}
                for line in self.lines
            ],
        }  # fmt: skip

    def __str__(self) -> str:
        text = f"{self.verdict}: {self.words(self.summary)}"
        return "\n".join([text, *(f"- {f.kind}: {self.words(f.says)}" for f in self.diagnosis)])


def as_number(text: str) -> float | None:
    """A value in decimals as a number, None where there was none."""
    try:
        return float(text)
    except ValueError:
        return None
