"""What is done with a gradient at each step: clipping, decay, optimizer, rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Integral, Real
from types import NoneType
from typing import Any

from ...errors import DataError, expect
from .files import Part, exact, part_named


@dataclass(frozen=True)
class Recipe:
    """An optimizer and what stands around it.

    eta: the rate, or what the schedule makes the rate of. gradients: what is done to the
    gradient first, in order. steps: of the whole run, where a schedule asks for it.
    """

    optimizer: Part
    eta: Fraction
    gradients: tuple[Part, ...] = ()
    schedule: Part | None = None
    warmup: Part | None = None
    steps: int | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of what is kept for each parameter."""
        return self.optimizer.update.states

    def sentences(self) -> tuple[str, ...]:
        """What is done, in words, for the notes of a run."""
        said = []
        for part in (self.optimizer, *self.gradients, self.warmup, self.schedule):
            if part is None:
                continue
            sentence = f"{part.title}{self._numbers(part)}"
            if part.update.decay:
                sentence += "; weights decay, biases do not"
            if part.over_all:
                sentence += "; this takes a second pass, as it waits for every gradient"
            said.append(sentence)
        return tuple(said)

    def _numbers(self, part: Part) -> str:
        if part is self.optimizer:
            part = replace(part, numbers={**part.numbers, part.update.rate: self.eta})
        shown = ", ".join(f"{name} = {part.shown(name)}" for name in part.numbers)
        return f" ({shown})" if shown else ""

    def as_json(self) -> dict[str, Any]:
        """What a saved model holds: the files' texts and the numbers."""
        return {
            "optimizer": self.optimizer.as_json(),
            "eta": str(self.eta),
            "gradients": [p.as_json() for p in self.gradients],
            "schedule": self.schedule.as_json() if self.schedule else None,
            "warmup": self.warmup.as_json() if self.warmup else None,
            "steps": self.steps,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Recipe:
        """Raises SourceError, KeyError, TypeError or ValueError for what is no recipe."""
        schedule, warmup = saved["schedule"], saved["warmup"]
        return cls(
            Part.from_json(saved["optimizer"]),
            Fraction(saved["eta"]),
            tuple(Part.from_json(p) for p in saved["gradients"]),
            None if schedule is None else Part.from_json(schedule),
            None if warmup is None else Part.from_json(warmup),
            saved["steps"],
        )


def recipe(
    optimizer: str = "adam",
    *,
    eta: float | Fraction | None = None,
    decay: float | Fraction | None = None,
    clip_value: float | Fraction | None = None,
    clip_norm: float | Fraction | None = None,
    schedule: str = "constant",
    warmup: int = 0,
    steps: int | None = None,
) -> Recipe:
    """The recipe of a run.

    optimizer, schedule: a name or the path of a file, with constants if wished
    (`adam,beta_1=0.8`). eta: the rate, by default the optimizer's own. decay: of the weights,
    not the biases; added to the gradient unless the optimizer has its own way. clip_value,
    clip_norm: limits of each component, and of all gradients together. warmup: steps in which
    the rate rises. steps: of the whole run, which most schedules ask for.
    Raises DataError for what cannot be.
    """
    expect("an optimizer", optimizer, str, "its name, or the path of a file of equations")
    expect("a schedule", schedule, str, "its name, or the path of a file of equations")
    expect("the steps of the warm-up", warmup, Integral, "a whole number")
    expect("the steps of a run", steps, (Integral, NoneType), "a whole number")
    for name, number in (
        ("eta", eta), ("decay", decay), ("clip_value", clip_value), ("clip_norm", clip_norm),
    ):  # fmt: skip
        expect(name, number, (Real, NoneType), "a number")
    chosen = part_named(optimizer, "parameter")
    gradients: list[Part] = []
    if clip_value is not None:
        gradients.append(part_named("value", "gradient", limit=_positive(clip_value, "clip_value")))
    if clip_norm is not None:
        gradients.append(part_named("norm", "gradient", limit=_positive(clip_norm, "clip_norm")))
    if decay is not None:
        if decay < 0 or not decay < float("inf"):
            raise DataError(f"a weight decay of {decay:g} cannot be trained with", "0 or above")
        if chosen.update.decay:
            chosen = part_named(optimizer, "parameter", **{chosen.update.decay: decay})
        elif decay:
            gradients.append(part_named("decay", "gradient", **{"lambda": decay}))
    if warmup < 0:
        raise DataError(f"a warm-up of {warmup} steps cannot be trained with", "0 or above")
    rate = chosen.numbers.get(chosen.update.rate) if eta is None else exact(eta)
    if rate is None:
        raise DataError(f"{chosen.name} has no rate of its own", "give one: eta = 0.01")
    return Recipe(
        chosen,
        rate,
        tuple(gradients),
        None if schedule == "constant" else part_named(schedule, "rate"),
        part_named("warmup", "rate", n=warmup) if warmup else None,
        steps,
    )


def _positive(limit: float | Fraction, name: str) -> float | Fraction:
    if not 0 < limit < float("inf"):
        raise DataError(f"a {name} of {limit:g} cannot be trained with", "a number above 0")
    return limit
