"""What the page can choose from: notations, targets, optimizers, data, examples, the tour."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from .. import __version__
from ..derivation import STYLES, ZOOMS
from ..language import OFFERED, from_text
from ..notation import load, names
from ..run.classics import CLASSICS, ROWS
from ..run.optimizers import OPTIMIZERS, SCHEDULES, part_named
from . import limits
from .messages import (
    MOST_ANSWER,
    Choices,
    DataChoice,
    ExampleChoice,
    NotationChoice,
    OptimizerChoice,
    TargetChoice,
    TourStop,
)

_HERE = Path(__file__).resolve().parent

TARGETS = (
    TargetChoice(name="c", title="C", suffix=".c"),
    TargetChoice(name="numpy", title="NumPy", suffix=".py"),
    TargetChoice(name="torch", title="PyTorch", suffix=".py"),
    TargetChoice(name="jax", title="JAX", suffix=".py"),
)
"""The languages of standalone code."""

FORMATS = (
    TargetChoice(name="html", title="Web page", suffix=".html"),
    TargetChoice(name="latex", title="LaTeX", suffix=".tex"),
    TargetChoice(name="markdown", title="Markdown", suffix=".md"),
    TargetChoice(name="text", title="Plain text", suffix=".txt"),
    TargetChoice(name="json", title="JSON", suffix=".json"),
)
"""The formats of an exported derivation."""


def examples_folder() -> Path:
    """Where the example networks lie: in the installed package, else beside it."""
    packed = _HERE.parent / "examples"
    return packed if packed.is_dir() else _HERE.parent.parent / "examples"


@cache
def choices() -> Choices:
    """Everything that a select can offer."""
    return Choices(
        notations=_notations(),
        styles=list(STYLES),
        zooms=list(ZOOMS),
        targets=list(TARGETS),
        formats=list(FORMATS),
        optimizers=_optimizers(),
        schedules=[*SCHEDULES],
        functions=[*OFFERED],
        datasets=_data(),
        examples=_examples(),
        tour=_tour(),
        version=__version__,
        limits={**limits.SHOWN, "answer": MOST_ANSWER},
    )


def _notations() -> list[NotationChoice]:
    found = [load(name) for name in names()]
    return [NotationChoice(name=n.name, title=n.title or n.name, source=n.source) for n in found]


def _optimizers() -> list[OptimizerChoice]:
    parts = [part_named(name, "parameter") for name in OPTIMIZERS]
    return [
        OptimizerChoice(name=part.name, title=part.title, eta=float(part.numbers[part.update.rate]))
        for part in parts
    ]


def _data() -> list[DataChoice]:
    drawn = [
        DataChoice(
            name=c.name, title=c.title, kind=c.kind, inputs=2, classes=len(c.classes), rows=ROWS
        )
        for c in CLASSICS.values()
    ]
    digits = DataChoice(
        name="digits", title="Handwritten digits", kind="classes", inputs=64, classes=10, rows=1797
    )
    return [*drawn, digits]


def _examples() -> list[ExampleChoice]:
    made = []
    for path in sorted(examples_folder().glob("*.bp")):
        text = path.read_text(encoding="utf-8")
        about = from_text(text).about
        title = about.partition("\n")[0].rstrip(".") or path.stem
        made.append(ExampleChoice(name=path.stem, title=title, about=about, text=text))
    return made


def _tour() -> list[TourStop]:
    stops = tomllib.loads((_HERE / "tour.toml").read_text(encoding="utf-8"))["stop"]
    return [TourStop(**{**stop, "words": _one_line(stop["words"])}) for stop in stops]


def _one_line(words: str) -> str:
    return " ".join(words.split())
