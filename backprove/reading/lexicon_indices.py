"""A subscript split into indices: `12` is (1, 2) for a matrix of less than ten rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ..expr import Index

_LONGEST = 24
"""Characters of a subscript above which it is no list of indices."""

_LIST = re.compile(r"[\w,']+")
_DIGITS = re.compile(r"[1-9]\d*")
_LETTER = re.compile(r"[^\W\d_](\d+|'+)?")


def splits(
    text: str, lengths: Sequence[int | None], letters: Collection[str] = ()
) -> Iterator[tuple[Index, ...]]:
    """Every way to read `text` as one index for each axis, the likeliest first.

    lengths: how far each axis runs, in the order in which the indices are written; None
    where no number is known, so that only letters fit. letters: those in use around it.
    """
    if len(text) <= _LONGEST and _LIST.fullmatch(text):
        yield from _split(text, tuple(lengths), frozenset(letters))


def _split(
    text: str, lengths: tuple[int | None, ...], letters: frozenset[str]
) -> Iterator[tuple[Index, ...]]:
    if not lengths:
        if not text:
            yield ()
        return
    for index, rest in _first(text, lengths[0], letters):
        if len(lengths) > 1:
            rest = rest.removeprefix(",")
        for others in _split(rest, lengths[1:], letters):
            yield (index, *others)


def _first(text: str, length: int | None, letters: frozenset[str]) -> Iterator[tuple[Index, str]]:
    """The indices that `text` can begin with, each with what is left."""
    if match := _DIGITS.match(text):
        for end in range(1, match.end() + 1):
            number = int(text[:end])
            if length is not None and number > length:
                return
            yield number, text[end:]
    elif match := _LETTER.match(text):
        ends = sorted({1, match.end()}, key=lambda end: (text[:end] not in letters, end))
        for end in ends:
            if not text[end:].startswith("'"):
                yield text[:end], text[end:]


def index_of(text: str) -> Index | None:
    """One index as a file writes it: a number from 1, or a name."""
    if _DIGITS.fullmatch(text):
        return int(text) if len(text) <= 10 else None
    return text if re.fullmatch(r"[^\W\d]\w*'*", text) else None
