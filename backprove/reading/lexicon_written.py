"""A symbol as it was written, with its superscript taken apart: a layer, a power, a transpose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..language.formula.tree import Symbol
from ..notation.symbols import GREEK

TRANSPOSED = frozenset(("T", "⊤", "⊺", "ᵀ", "top"))

_LABEL = re.compile(r"([^\W\d_]?)([+-]?\d+)?")
_CLOSED = re.compile(r"[(\[]([^()\[\]]*)[)\]](.*)")
_LAST = {"nl": "L", "n_l": "L", "n_{l}": "L"}
"""Other names for the number of the output layer."""


@dataclass(frozen=True)
class Written:
    """A symbol as written.

    sup: the whole superscript, "" for none; label: the layer that it may be, None where it
    can be none; closed: whether ( ) or [ ] stand around the label; rest: what stands behind
    it. brackets: indices in [ ] behind a plain name.
    """

    letter: str
    sub: str = ""
    primes: int = 0
    sup: str = ""
    label: str | None = None
    closed: bool = False
    rest: str = ""
    brackets: tuple[str, ...] | None = None

    @property
    def transposed(self) -> bool:
        """Whether the superscript is the sign for a transpose and nothing else."""
        return self.sup in TRANSPOSED


def written(symbol: Symbol) -> Written:
    """The symbol, its letter in Unicode and its superscript taken apart."""
    letter = unicodedata.normalize("NFC", symbol.letter)
    stripped = letter.rstrip("'")
    made = Written(
        GREEK.get(stripped, stripped),
        symbol.sub.replace("{", "").replace("}", "").replace("_", ""),
        symbol.primes + len(letter) - len(stripped),
        brackets=symbol.brackets,
    )
    if symbol.label:
        return replace(made, sup=f"({symbol.label})", label=symbol.label, closed=True)
    if symbol.sup is None:
        return made
    text = _plain_minus(symbol.sup.text)
    if match := _CLOSED.fullmatch(text):
        inner, rest = _LAST.get(match[1], match[1]), match[2].lstrip(",;")
        label = inner if inner and _LABEL.fullmatch(inner) else None
        return replace(made, sup=text, label=label, closed=True, rest=rest)
    end = next((sign for sign in TRANSPOSED if text.endswith(sign) and text != sign), "")
    inner = _LAST.get(text.removesuffix(end), text.removesuffix(end))
    label = inner if inner and _LABEL.fullmatch(inner) and inner[0] not in "+-" else None
    if text in TRANSPOSED:
        label = None
    return replace(made, sup=text, label=label, rest=end if label else "")


def variants(made: Written) -> Iterator[Written]:
    """The same with a word's last digits below it, or above it: h1 is h_1 or h^(1)."""
    match = re.fullmatch(r"(\D+?)(\d+)", made.letter)
    if match is None or made.brackets is not None:
        return
    stem = GREEK.get(match[1], match[1])
    if not made.sub:
        yield replace(made, letter=stem, sub=match[2])
    if not made.sup:
        yield replace(made, letter=stem, label=match[2], closed=True, sup=f"({match[2]})")


def resolved(label: str, last: int | None) -> str:
    """A label in its one spelling; L is the number of the output layer, where it is known."""
    match = _LABEL.fullmatch(_LAST.get(label, label))
    if match is None:
        return label
    symbol, offset = match[1], int(match[2] or 0)
    if symbol == "L" and last is not None:
        return str(last + offset)
    return symbol + (f"{offset:+d}" if symbol and offset else "" if symbol else str(offset))


def with_layer_below(sub: str, last: int | None) -> str:
    """A subscript that begins with L or L-1, with the layer's number in its place."""
    match = re.match(r"L([+-]\d+)?,?", _plain_minus(sub))
    if match is None or last is None:
        return sub
    rest = _plain_minus(sub)[match.end() :]
    return f"{last + int(match[1] or 0)}{',' if rest else ''}{rest}"


def shown(symbol: Symbol) -> str:
    """The symbol in one line of text, for a message."""
    primes = "'" * symbol.primes
    sup = f"^{symbol.sup.text}" if symbol.sup else ""
    if symbol.raw or symbol.brackets is not None:
        label = f"{{{symbol.label}}}" if symbol.label else ""
        inside = f"[{','.join(symbol.brackets)}]" if symbol.brackets is not None else ""
        return f"{symbol.raw or symbol.letter}{label}{primes}{inside}{sup}"
    sub = f"_{symbol.sub}" if symbol.sub else ""
    if symbol.sub and not symbol.sub.isalnum():
        sub = f"_{{{symbol.sub}}}"
    return f"{symbol.letter}{primes}{sub}{sup}"


def _plain_minus(text: str) -> str:
    return text.replace("−", "-").replace("{", "").replace("}", "").replace(" ", "")
