"""What is wrong with a question, as an answer: an error's words and its place, and its status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from ..errors import BackproveError, SourceError

GOOD = 200
"""Status: answered."""

SHAPE = 400
"""Status: the question is not of the shape that the description gives."""

REFUSED = 422
"""Status: the question is understood, and its network or formula is wrong."""

BUSY = 429
"""Status: too many questions, or runs, wait already."""

MISTAKE = 500
"""Status: a mistake in backprove."""

OVERTAKEN = 503
"""Status: the answer took too long, or what made it ended."""

MOST_QUOTED = 200
"""Characters of a line of source that are shown."""


class Problem(BaseModel):
    """One thing that is wrong, in words for a person."""

    message: str = Field(description="what is wrong")
    suggestion: str | None = Field(default=None, description="what to do about it")
    line: int | None = Field(default=None, description="the line in the text, from 1")
    column: int | None = Field(default=None, description="the column in that line, from 1")
    excerpt: str | None = Field(
        default=None, description="the line of the text, and under it a caret at the place"
    )


class Refusal(BaseModel):
    """The body of every answer that is not 200."""

    error: Problem


def body_of(problem: Problem) -> bytes:
    """The JSON of a refusal."""
    return Refusal(error=problem).model_dump_json().encode()


def problem_of(error: BaseException) -> tuple[int, Problem]:
    """The status and the words for what was raised while an answer was made.

    Says nothing of the server's own files: what is no error of the family is only named.
    """
    if isinstance(error, SourceError):
        place = error.place
        return REFUSED, Problem(
            message=error.message,
            suggestion=error.suggestion or None,
            line=place.line,
            column=place.column,
            excerpt=_excerpt(error),
        )
    if isinstance(error, BackproveError):
        return REFUSED, Problem(message=error.message, suggestion=error.suggestion or None)
    if isinstance(error, MemoryError):
        return REFUSED, Problem(
            message="this needs more memory than an answer may take",
            suggestion="make the sizes smaller",
        )
    if isinstance(error, RecursionError):
        return REFUSED, Problem(
            message="this is nested too deeply", suggestion="write it in several equations"
        )
    return MISTAKE, Problem(
        message=f"this is a mistake in backprove: {type(error).__name__}",
        suggestion="please report it with the network at hand",
    )


def shape_problem(errors: Sequence[Any]) -> Problem:
    """The words for a question of the wrong shape. errors: pydantic's list of what it found."""
    first = errors[0] if errors else {"loc": (), "msg": "it cannot be read"}
    way = [str(part) for part in first["loc"] if part != "body"]
    if first.get("type") in ("json_invalid", "missing") and not way:
        return Problem(message="the question is no JSON object", suggestion=_DESCRIPTION)
    where = ".".join(way)[:MOST_QUOTED] or "the question"
    said = str(first["msg"])[:MOST_QUOTED]
    return Problem(message=f"{where}: {said[:1].lower()}{said[1:]}", suggestion=_DESCRIPTION)


_DESCRIPTION = "/api/openapi.json describes every question"


def _excerpt(error: SourceError) -> str | None:
    line, column = error.place.line, error.place.column
    lines = error.text.splitlines()
    if not 1 <= line <= len(lines):
        return None
    source = lines[line - 1].replace("\t", " ")
    start = max(0, column - MOST_QUOTED // 2) if len(source) > MOST_QUOTED else 0
    shown = source[start : start + MOST_QUOTED]
    before = max(0, column - 1 - start)
    return f"{shown}\n{' ' * before}{'^' * max(1, min(error.place.width, len(shown) - before))}"
