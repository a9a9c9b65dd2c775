"""Every question of the page and what answers it: pure functions over the front doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
    AskNumbers,
    AskPaths,
    AskPreview,
    BackpropAnswer,
    CheckAnswer,
    Choices,
    DerivationAnswer,
    FileAnswer,
    Given,
    Message,
    NetworkAnswer,
    NumbersAnswer,
    PathsAnswer,
    PreviewAnswer,
)
from .networks import network, numbers

__all__ = ["ANSWERS", "Answer"]


class Answer(NamedTuple):
    """One question: its path, what is asked (None for nothing), what is answered, the function
    from one to the other, and the seconds after which it is given up."""

    path: str
    asks: type[Given] | None
    answers: type[Message]
    function: Callable[..., Message]
    seconds: float


ANSWERS: tuple[Answer, ...] = (
    Answer("/api/choices", None, Choices, choices, ANSWER_SECONDS),
    Answer("/api/network", Given, NetworkAnswer, network, ANSWER_SECONDS),
    Answer("/api/numbers", AskNumbers, NumbersAnswer, numbers, ANSWER_SECONDS),
    Answer("/api/derivation", AskDerivation, DerivationAnswer, derivation, DERIVATION_SECONDS),
    Answer("/api/backprop", AskBackprop, BackpropAnswer, backprop, ANSWER_SECONDS),
    Answer("/api/paths", AskPaths, PathsAnswer, paths, ANSWER_SECONDS),
    Answer("/api/check", AskCheck, CheckAnswer, check, DERIVATION_SECONDS),
    Answer("/api/preview", AskPreview, PreviewAnswer, preview, ANSWER_SECONDS),
    Answer("/api/export", AskExport, FileAnswer, export, DERIVATION_SECONDS),
    Answer("/api/code", AskCode, FileAnswer, code, ANSWER_SECONDS),
)
"""Every question of the page. A function raises BackproveError for what its network or formula
has wrong; a SourceError's place is in the network's text."""
