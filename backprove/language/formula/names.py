"""Words that are functions or operators wherever they stand before an argument."""

from __future__ import annotations

import re

from ...functions import ALIASES, FUNCTIONS
from .words import word_set

_CALLED = {name for name in (*FUNCTIONS, *ALIASES) if name.isidentifier() and len(name) > 1} | {
    "lg", "sinh", "cosh", "tan", "sech", "csch", "coth",
}  # fmt: skip

_BESIDE = word_set("softmax diag")
"""Words of formulas that are no functions of a number: what stands behind is read beside them."""

NAME_WORDS = word_set("net out target output input hidden scores loss cost error bias logits")
"""Names of more letters that people write in LaTeX without a font, net_j."""

BIG_WORDS = word_set("max min argmax")

_ARGUMENT = re.compile(r"['′’]*\s*(?:\^\s*(?:\d|\{[^{}]*\}))?\s*(?:\\[Ll]eft|\\[Bb]igg?l?)?\s*\(")
_LONGEST = 12


def is_called(word: str) -> bool:
    """Whether a word can be nothing but a function of a number: tanh, ReLU."""
    return word in _CALLED or word.lower() in _CALLED


def known_at_end(word: str, text: str, end: int) -> int:
    """How many letters at the end of a word are a function's name, if an argument follows."""
    if not _ARGUMENT.match(text, end):
        return 0
    for size in range(min(len(word), _LONGEST), 1, -1):
        part = word[-size:]
        if is_called(part) or part.lower() in _BESIDE or part in BIG_WORDS:
            return size
    return 0
