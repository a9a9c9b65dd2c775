"""The doors of the language: a `.bp` text or file in, a Network out."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import BackproveError, expect, seen
from ..expr import Expr, Index, Ref, fresh_index
from ..network import TRAINED, Network
from .elaborate import expression_in, network_of
from .syntax import expression_of, lines_of
from .tree import MAX_CHARACTERS, Mistake, Source

# what Python counts as line ends and editors do not: places would be off by a line
_BLANKS = str.maketrans(dict.fromkeys("\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))


def normalized(text: str) -> str:
    """The text with one kind of line end and of blank."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_BLANKS)


def parse(text: str, file: str = "<text>") -> Network:
    """The network that a `.bp` text describes.

    Raises SourceError, with the line, the column and a suggestion, for the first mistake.
    """
    expect("a network's text", text, str, "equations as one text; bp.read reads a file")
    expect("a file's name", file, str, "a text")
    source = Source(normalized(text), file)
    try:
        return network_of(source, lines_of(source))
    except Mistake as mistake:
        raise source.error(mistake) from None


def read(path: str | Path) -> Network:
    """The network in a `.bp` file (UTF-8, at most 1 MB).

    Raises SourceError for a mistake in it, BackproveError where it is no readable text.
    """
    return parse(text_of(path), str(path))


def text_of(path: str | Path) -> str:
    """The text of a `.bp` file. Raises BackproveError where it is no readable text."""
    expect("a file's path", path, (str, os.PathLike), "a text or a pathlib.Path")
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_CHARACTERS:
            raise BackproveError(
                f"{path} has {size:,} bytes; files above {MAX_CHARACTERS:,} are not read",
                "a .bp file holds equations; large values belong into a data file",
            )
        data = path.read_bytes()[: MAX_CHARACTERS + 1]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BackproveError(f"{_short(path)} cannot be read: {why}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BackproveError(
            f"{path} is not UTF-8 text (byte {error.start})", "a .bp file is plain text"
        ) from None
    if "\0" in text:
        raise BackproveError(f"{path} is a binary file", "a .bp file is plain text")
    return text


def _short(path: Path) -> str:
    """A path as it is quoted: what is meant for one may be any text."""
    shown = str(path).replace("\0", "\\0")
    return shown if len(shown) < 300 else shown[:300] + "…"


def expression(text: str, network: Network, file: str = "<text>") -> Expr:
    """An expression in the quantities of `network`, such as `2*(a{L}[1] - y[1])*∂z2[j]`.

    Free index letters are allowed. Raises SourceError.
    """
    source = Source(text.strip(), file)
    try:
        return expression_in(network, expression_of(source))
    except Mistake as mistake:
        raise source.error(mistake) from None


def reference(text: str, network: Network) -> Ref:
    """A component of a quantity, `w2[1,2]` or `w2[i,j]`; a bare `w2` is its general component.

    Raises SourceError: an unknown name with the nearest one, a position out of range.
    """
    name = text.strip()
    quantity = network.quantities.get(name)
    if quantity is not None and not quantity.hidden:
        letters: list[Index] = []
        for _ in quantity.shape:
            letters.append(fresh_index({*map(str, letters), *network.quantities, *network.sizes}))
        return Ref(name, tuple(letters))
    found = expression(name, network, "<quantity>")
    if not isinstance(found, Ref):
        raise BackproveError(f"{name} is no quantity", "write a name, such as w2[1,2]")
    return found


_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]+")


def warnings(network: Network) -> list[str]:
    """What is allowed and probably not meant: quantities that do not reach the loss, and signs in
    comments that change the order in which a line is shown."""
    apart = [
        f"{q.name} does not reach the loss" + (": its gradient is 0" if q.kind in TRAINED else "")
        for q in network.quantities.values()
        if q.name not in network.live and not q.hidden and q.name not in network.sizes
    ]
    lines = enumerate(network.text.split("\n"), 1)
    turned = [
        f"line {number} has signs that change the order in which it is shown: {seen(match[0])}"
        for number, line in lines
        if (match := _TURNING.search(line))
    ]
    return apart + turned
