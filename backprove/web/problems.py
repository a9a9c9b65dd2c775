"""Answers that say what is wrong with a request, and their statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BackproveError, SourceError
from .messages import Problem, Refusal

TEXT = "network"
"""The file's name in errors of the network's text, the only ones whose place is in it."""

GOOD = 200
"""Status: answered."""

SHAPE = 400
"""Status: the question is not of the shape that the description gives."""

UNKNOWN = 401
"""Status: who asks shows no token."""

LONG = 413
"""Status: the question is too long."""

REFUSED = 422
"""Status: the question is understood, and its network or formula is wrong."""

BUSY = 429
"""Status: too many questions wait already."""

MISTAKE = 500
"""Status: a mistake in backprove."""

OVERTAKEN = 503
"""Status: the answer took too long, or what made it ended."""

MEANINGS = {
    SHAPE: "The question is not of this shape.",
    UNKNOWN: "The token is missing.",
    LONG: "The question is too long.",
    REFUSED: "The network, or what is asked of it, is wrong: where, and what to do.",
    BUSY: "Too many questions wait for an answer.",
    OVERTAKEN: "The answer takes too long.",
}
"""What a refusal's status says."""

MOST_QUOTED = 200
"""Characters of what was asked that are said back."""

_HELP = "/api/openapi.json describes every question"


def refusal(message: str, suggestion: str = "") -> str:
    """The JSON of what is wrong, in words."""
    problem = Problem(message=message, suggestion=suggestion or None)
    return Refusal(error=problem).model_dump_json()


def mistake(error: Exception) -> tuple[int, str]:
    """The status and JSON for a mistake in backprove; says nothing of the server's own files."""
    said = f"this is a mistake in backprove: {type(error).__name__}"
    return MISTAKE, refusal(said, "please report it with the network at hand")


def misshapen(errors: Sequence[Any]) -> str:
    """The JSON for a question of the wrong shape. errors: what pydantic found."""
    return Refusal(error=shape_problem(errors)).model_dump_json()


def shape_problem(errors: Sequence[Any]) -> Problem:
    """The words for it."""
    first = errors[0] if errors else {}
    way = [str(part) for part in first.get("loc", ()) if part != "body"]
    if not way or first.get("type") == "json_invalid":
        return Problem(message="the question is no JSON object with its fields", suggestion=_HELP)
    where, said = ".".join(way)[:MOST_QUOTED], str(first["msg"])[:MOST_QUOTED]
    readable = f"{where}: {said[:1].lower()}{said[1:]}".encode("utf-8", "replace").decode()
    return Problem(message=readable, suggestion=_HELP)


def problem_of(error: BaseException) -> Problem:
    """An error as the page shows it, with its place where that is in the network's text."""
    if isinstance(error, SourceError):
        inside = error.file == TEXT
        return Problem(
            message=error.message,
            suggestion=error.suggestion or None,
            line=error.place.line if inside else None,
            column=error.place.column if inside else None,
            excerpt="\n".join(error.excerpt) or None,
        )
    if isinstance(error, BackproveError):
        return Problem(message=error.message, suggestion=error.suggestion or None)
    if isinstance(error, MemoryError):
        return Problem(message="this needs more memory than there is", suggestion="make it smaller")
    return Problem(message="this is nested too deeply", suggestion="write it in several equations")
