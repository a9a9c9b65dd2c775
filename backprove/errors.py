"""One family of errors: each says what was wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A place in a source text: 1-based line and column, and the width to underline."""

    line: int
    column: int
    width: int = 1


class BackproveError(Exception):
    """Anything the user can mend. `str(error)` is one clear message, never a traceback."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion

    def __str__(self) -> str:
        return f"{self.message}\n  {self.suggestion}" if self.suggestion else self.message


class SourceError(BackproveError):
    """A mistake at a known place of a text: prints file, line, column and a caret under it."""

    def __init__(
        self, message: str, *, file: str, place: Place, text: str, suggestion: str = ""
    ) -> None:
        super().__init__(message, suggestion)
        self.file = file
        self.place = place
        self.text = text

    @property
    def excerpt(self) -> tuple[str, ...]:
        """The line and the carets below its place; () where the text has no such line."""
        line, column, width = self.place.line, self.place.column, max(1, self.place.width)
        lines = self.text.splitlines()
        if not 1 <= line <= len(lines):
            return ()
        source = lines[line - 1].replace("\t", " ")
        start = max(0, column - 60) if len(source) > 100 else 0
        end = start + 100
        before = seen(source[start : column - 1].ljust(column - 1 - start))
        marked = seen(source[column - 1 : min(end, column - 1 + width)])
        return seen(source[start:end]), " " * len(before) + "^" * max(1, len(marked))

    def __str__(self) -> str:
        head = f"{self.file}:{self.place.line}:{self.place.column}: {self.message}"
        told = [self.suggestion] if self.suggestion else []
        return "\n  ".join([head, *self.excerpt, *told])


class NetworkError(BackproveError):
    """Equations that do not make a network: a cycle, a missing loss, an unknown quantity."""


class DerivationError(BackproveError):
    """A derivation that cannot be made or would be too long to read."""


class NotationError(BackproveError):
    """A notation that cannot be read, or that would print two quantities alike."""


class DataError(BackproveError):
    """Data, values or a saved model that do not fit the network."""


def seen(text: str) -> str:
    """The text with every character that is not seen by its number.

    Among them are those that turn the order of what stands beside them, and those that steer
    a terminal.

    >>> seen("w" + chr(0x202E) + "1")
    'w<U+202E>1'
    """
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


def expect(what: str, value: object, kinds: type | tuple[type, ...], wanted: str) -> None:
    """Raises DataError for an argument of another type. For the front doors only: within, types
    are checked before the program runs. wanted: what to give instead."""
    if not isinstance(value, kinds):
        shown = repr(value)
        raise DataError(f"{what} cannot be {shown[:60] + '…' * (len(shown) > 60)}", wanted)


def path_of(path: str | Path) -> Path:
    """A path that a file can have. Raises DataError for one with a null character."""
    if "\0" in str(path):
        raise DataError(f"{str(path)[:60]!r} is no path: it holds a null character")
    return Path(path)
