"""What a worker does before it is asked: a question of each kind, so that the first is quick."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from . import limits
from .answers import ANSWERS, answered
from .choosing import choices
from .opening import EXAMPLE, NOTATION, QUANTITY
from .run_messages import Start
from .starting import tried


def warm() -> None:
    """Load what answers need, and fill what is remembered between them."""
    known = sample()
    for row in ANSWERS.values():
        fields = {name: value for name, value in known.items() if name in row.asks.model_fields}
        with suppress(ValidationError):
            answered(row.path, row.asks(**fields))
    start = {"do": "start", "text": known["text"], "data": {"name": ""}}
    tried(Start.model_validate(start), limits.PREPARING_SECONDS)


def sample() -> dict[str, Any]:
    """What a page begins with where no file was named, so that each process has it ready. A
    question of any kind takes of this what it knows."""
    return {
        "text": next((e.text for e in choices().examples if e.name == EXAMPLE), ""),
        "notation": NOTATION,
        "quantity": QUANTITY,
        "answer": "1",
        "format": "latex",
        "target": "numpy",
    }
