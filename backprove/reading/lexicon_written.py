"""A symbol as it was written, with its superscript taken apart: a layer, a power, a transpose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..language.formula.tree import Symbol
from ..notation.symbols import GREEK

TRANSPOSED = frozenset(("T", "⊤", "⊺", "ᵀ", "top"))

_LABEL = re.compile(r"([^\W\d_]?)([+-]?\d{1,9})?")
_CLOSED = re.compile(r"[(\[]([^()\[\]]*)[)\]](.*)")
_SAMPLE = re.compile(r"[(\[]([^\W\d_]|\d+)[)\]]")
_PRIMES = re.compile(r"('|′|″|\\?prime)+$")
_ARITHMETIC = re.compile(r"\d+([-+*/]\d+)+")
_FIRST_PRIMES = re.compile(r"('|′|″|\\?prime)+(?=[(\[])")
_LAST = {"nl": "L", "n_l": "L", "n_{l}": "L"}
"""Other names for the number of the output layer."""


@dataclass(frozen=True)
class Written:
    """A symbol as written.

    sup: the whole superscript, "" for none; label: the layer that it may be, None where it
    can be none; open: the ( or [ around the label, "" for none; rest: what stands behind it;
    sample: the letter or number of a sample, i of a^{[2](i)}. brackets: indices in [ ] behind
    a plain name.
    """

    letter: str
    sub: str = ""
    primes: int = 0
    sup: str = ""
    label: str | None = None
    open: str = ""
    rest: str = ""
    sample: str = ""
    brackets: tuple[str, ...] | None = None

    @property
    def closed(self) -> bool:
        """Whether ( ) or [ ] stand around the layer."""
        return bool(self.open)

    @property
    def of_sample(self) -> Written | None:
        """The same with its one superscript taken as a sample, x^{(i)}; None where it is none."""
        if not self.closed or self.sample or not self.label or len(self.label) > 3:
            return None
        return replace(self, label=None, open="", sup=self.rest, sample=self.label)

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
        return replace(made, sup=f"({symbol.label})", label=symbol.label, open="(")
    if symbol.sup is None:
        return made
    text = _plain_minus(symbol.sup.text)
    if primes := _FIRST_PRIMES.match(text):  # f^{\prime (2)}
        made = replace(made, primes=made.primes + _primes(primes[0]))
        text = text[primes.end() :]
    if primes := _PRIMES.search(text):  # f^{(2)'}
        made = replace(made, primes=made.primes + _primes(primes[0]))
        text = text[: primes.start()]
    match = _CLOSED.fullmatch(text)
    if match and _ARITHMETIC.fullmatch(match[1]):  # w^{(2-1)}
        return replace(made, sup=text)
    if match:
        inner, rest = _LAST.get(match[1], match[1]), match[2].lstrip(",;")
        label = inner if inner and _LABEL.fullmatch(inner) else None
        sample = _SAMPLE.match(rest) if label else None
        if sample:
            rest = rest[sample.end() :]
        index = sample[1] if sample else ""
        return replace(made, sup=text, label=label, open=text[0], rest=rest, sample=index)
    if not text:
        return made
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
        yield replace(made, letter=stem, label=match[2], open="(", sup=f"({match[2]})")


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
    match = re.match(r"L([+-]\d{1,9})?,?", _plain_minus(sub))
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


def _primes(text: str) -> int:
    return text.count("'") + text.count("′") + 2 * text.count("″") + text.count("prime")


def _plain_minus(text: str) -> str:
    return text.replace("−", "-").replace("{", "").replace("}", "").replace(" ", "")
