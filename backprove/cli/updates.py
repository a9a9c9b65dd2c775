"""Showing what a step of training does: optimizer:adam, schedule:cosine, gradient:norm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..errors import BackproveError
from ..expr import Expr, Ref
from .arguments import ListFormat, notation_of

if TYPE_CHECKING:
    from ..language import Gives, Update
    from ..rewrite import Sentence
    from ..run.optimizers import Part

_WORDS: Mapping[str, Gives] = {
    "optimizer": "parameter",
    "schedule": "rate",
    "gradient": "gradient",
}


def is_update(file: str) -> bool:
    """Whether an argument names an optimizer or a schedule, not a network."""
    word, colon, _ = file.partition(":")
    return bool(colon) and word in _WORDS


def update_page(
    file: str, notation: str, samples: str | None, format: ListFormat, width: int
) -> str:
    """The title, source, numbers and equations of one file. Raises BackproveError."""
    from ..run.optimizers import part_named
    from .pages import Section, equations_text

    if samples is not None:
        raise BackproveError(f"{file} is no network: it has no samples", "leave --samples out")
    word, _, said = file.partition(":")
    part = part_named(said, _WORDS[word])
    bound = notation_of(notation, part.update.network)
    sections = [
        Section("Source", words=[(line,) for line in part.sources]),
        Section("Quantities", words=list(_quantities(part))),
        Section("Equations of one component", list(bound.equations)),
    ]
    return equations_text(part.title, sections, bound, format, width)


def _quantities(part: Part) -> Iterator[Sentence]:
    """What the equations speak of, a sentence each."""
    update = part.update
    if update.rate:
        yield ("learning rate: ", Ref(update.rate), _number(part, update.rate))
    if update.decay:
        given = _number(part, update.decay) or ", what --decay says"
        yield ("weight decay, of the weights and not of the biases: ", Ref(update.decay), given)
    constants = [name for name in part.numbers if name not in (update.rate, update.decay)]
    if constants:
        yield ("constants: ", *_row((Ref(n), _number(part, n)) for n in constants))
    if update.gradient:
        gradient = update.network[update.now(update.gradient)]
        letters = ("i",) * len(gradient.shape)
        all_ = ", one index over every component of every parameter" if letters else ""
        yield ("gradient: ", Ref(gradient.name, letters), all_)
    if update.parameter:
        yield ("parameter before the step: ", Ref(update.before(update.parameter)))
    if update.states:
        states = _row((Ref(update.before(n)), "") for n in update.states)
        yield ("kept from step to step, 0 at first: ", *states)
    if _uses(update, update.step):
        yield ("number of the step, from 1: ", Ref(update.step))
    if update.steps:
        yield ("number of all steps: ", Ref(update.steps))


def _row(pairs: Iterable[tuple[Ref, str]]) -> Sentence:
    """Names and what is said of each, with commas between."""
    parts: list[Expr | str] = [part for name, said in pairs for part in (name, said, ", ")]
    return tuple(parts[:-1])


def _number(part: Part, name: str) -> str:
    return f" = {part.shown(name)}" if name in part.numbers else ""


def _uses(update: Update, name: str) -> bool:
    return any(name in e.right.names for e in update.network.equations.values())
