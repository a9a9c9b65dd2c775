"""The files of update equations that there are, and those of the reader's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...language import Gives, Update, parse_update, read_update

_HERE = Path(__file__).parent


def _found(folder: Path) -> Mapping[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.bp"))}


OPTIMIZERS: Mapping[str, Path] = _found(_HERE)
"""The optimizers by name: one file each."""

GRADIENTS: Mapping[str, Path] = _found(_HERE / "gradients")
"""What is done to a gradient before the optimizer sees it: decay, clipping."""

SCHEDULES: Mapping[str, Path] = _found(_HERE / "schedules")
"""The schedules of the rate by name; warmup stands in front of another one."""

_KINDS: Mapping[Gives, tuple[str, Mapping[str, Path]]] = {
    "parameter": ("optimizer", OPTIMIZERS),
    "gradient": ("rule for gradients", GRADIENTS),
    "rate": ("schedule", SCHEDULES),
}


@dataclass(frozen=True)
class Part:
    """One file of a recipe, with the numbers of its constants.

    name: its name or path. numbers: of the constants, the decay and the rate, by name, as far
    as the file or the reader gives them.
    """

    name: str
    update: Update
    numbers: Mapping[str, Fraction] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.update.network.text

    @property
    def title(self) -> str:
        """What the file says of itself in its first line."""
        return self.update.network.about.partition("\n")[0] or self.name

    @property
    def sources(self) -> tuple[str, ...]:
        """What it says in the lines after that: where it is from, what helps to read it."""
        return tuple(self.update.network.about.splitlines()[1:])

    @property
    def over_all(self) -> bool:
        """Whether one number of it comes from every gradient, so that updates wait for it."""
        update = self.update
        return bool(update.gradient and update.network[update.now(update.gradient)].shape)

    def shown(self, name: str) -> str:
        """A number for reading: 0.9, 1e-8."""
        return f"{float(self.numbers[name]):g}".replace("e-0", "e-")

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "text": self.text,
            "numbers": {name: str(number) for name, number in self.numbers.items()},
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Part:
        """Raises SourceError for a text that is none, KeyError or ValueError for other damage."""
        numbers = {str(name): Fraction(number) for name, number in saved["numbers"].items()}
        return cls(saved["name"], parse_update(saved["text"], saved["name"]), numbers)


def part_named(said: str, gives: Gives, **constants: float | Fraction | None) -> Part:
    """A file by name or path, with constants of its own: `adam`, `adam,beta_1=0.8`, `./mine.bp`.

    gives: what it must be for. constants: more of them, of which None changes nothing.
    Raises DataError for an unknown name or constant, SourceError for a mistake in a file.
    """
    name, *changes = (word.strip() for word in said.split(","))
    kind, known = _KINDS[gives]
    if name in known:
        update = _own(known[name])
    elif name.endswith(".bp") or "/" in name:
        update = read_update(name)
    else:
        raise DataError(
            f"there is no {kind} {name!r}",
            f"it is one of {', '.join(known)}, or the path of your own .bp file",
        )
    if update.gives != gives:
        raise DataError(f"{name} is no {kind}: it gives a {update.gives}")
    numbers = {q.name: q.value for q in update.network.of_kind("constant")}
    given = {n: v for n, v in numbers.items() if isinstance(v, Fraction)}
    for change in changes:
        constant, equals, value = change.partition("=")
        if not equals:
            raise DataError(f"{change!r} says nothing of {name}", "write NAME=NUMBER")
        constants[constant.strip()] = _number(value, constant.strip())
    for constant, new in constants.items():
        if new is None:
            continue
        if constant not in numbers or constant in (update.step, update.steps):
            names = [n for n in given if n != update.rate]
            raise DataError(
                f"{name} has no constant {constant}",
                f"its constants are {', '.join(names)}" if names else "it has none",
            )
        given[constant] = exact(new)
    return Part(name, update, given)


@cache
def _own(path: Path) -> Update:
    return read_update(path)


def exact(number: float | Fraction) -> Fraction:
    """The number as it is written: 0.1 is 1/10."""
    return number if isinstance(number, Fraction) else Fraction(repr(float(number)))


def _number(text: str, name: str) -> Fraction:
    try:
        return Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise DataError(f"{name} is {text!r}, which is no number", "write it as 0.9") from None
