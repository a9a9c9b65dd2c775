"""Every question of the page and what answers it: pure functions over the front doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import BackproveError
from .choosing import choices
from .files import code, export
from .gradients import backprop, derivation, paths
from .judgements import check, preview
from .limits import ANSWER_SECONDS, DERIVATION_SECONDS
from .messages import (
    AskBackprop,
    AskCheck,
    AskCode,
    AskDerivation,
    AskExport,
    AskFilled,
    AskNumbers,
    AskPaths,
    AskPreview,
    BackpropAnswer,
    CheckAnswer,
    DerivationAnswer,
    FileAnswer,
    FilledAnswer,
    Given,
    Message,
    NetworkAnswer,
    NumbersAnswer,
    PathsAnswer,
    PreviewAnswer,
    Refusal,
)
from .networks import filled, network, numbers
from .problems import GOOD, REFUSED, problem_of

__all__ = ["ANSWERS", "Answer", "answered", "choices"]


class Answer(NamedTuple):
    """One question: its path, what is asked, what is answered, the function from one to the
    other, and the seconds after which it is given up."""

    path: str
    asks: type[Given]
    answers: type[Message]
    function: Callable[[Any], Message]
    seconds: float


ANSWERS: Mapping[str, Answer] = {
    row.path: row
    for row in (
        Answer("/api/network", Given, NetworkAnswer, network, ANSWER_SECONDS),
        Answer("/api/filled", AskFilled, FilledAnswer, filled, ANSWER_SECONDS),
        Answer("/api/numbers", AskNumbers, NumbersAnswer, numbers, ANSWER_SECONDS),
        Answer("/api/derivation", AskDerivation, DerivationAnswer, derivation, DERIVATION_SECONDS),
        Answer("/api/backprop", AskBackprop, BackpropAnswer, backprop, ANSWER_SECONDS),
        Answer("/api/paths", AskPaths, PathsAnswer, paths, ANSWER_SECONDS),
        Answer("/api/check", AskCheck, CheckAnswer, check, DERIVATION_SECONDS),
        Answer("/api/preview", AskPreview, PreviewAnswer, preview, ANSWER_SECONDS),
        Answer("/api/export", AskExport, FileAnswer, export, DERIVATION_SECONDS),
        Answer("/api/code", AskCode, FileAnswer, code, ANSWER_SECONDS),
    )
}
"""Every question that is about a network, by its path."""


def answered(path: str, request: Given) -> tuple[int, str]:
    """The HTTP status and the JSON of an answer, or of what is wrong with the question."""
    try:
        return GOOD, ANSWERS[path].function(request).model_dump_json(by_alias=True)
    except (BackproveError, RecursionError, MemoryError) as error:
        return REFUSED, Refusal(error=problem_of(error)).model_dump_json()
