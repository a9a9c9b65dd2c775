"""What a worker does before it is asked: a question of each kind, so that the first is quick."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from . import limits
from .answers import ANSWERS, answered
from .choosing import choices
from .run_messages import Start
from .starting import tried

SAMPLE: dict[str, Any] = {
    "text": "mlp:2-2-1,sigmoid,squared_error",
    "quantity": "w2[1,1]",
    "answer": "1",
    "format": "latex",
    "target": "numpy",
}
"""A question of any kind takes of these what it knows."""


def warm() -> None:
    """Load what answers need, and fill what is remembered between them."""
    choices()
    for row in ANSWERS.values():
        fields = {name: value for name, value in SAMPLE.items() if name in row.asks.model_fields}
        with suppress(ValidationError):
            answered(row.path, row.asks(**fields))
    start = {"do": "start", "text": SAMPLE["text"], "data": {"name": ""}}
    tried(Start.model_validate(start), limits.PREPARING_SECONDS)
