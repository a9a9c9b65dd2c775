"""Symbols, and the templates that make them: `w_indices^(layer)`, `C_{0 indices}`, `W{layer}`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from ..errors import NotationError
from ..expr import Index

GREEK: dict[str, str] = {
    unicodedata.name(letter).split()[-1].lower(): letter for letter in "αβγδεζηθικμνξπρστυφχψω"
} | {
    unicodedata.name(letter).split()[-1].capitalize(): letter for letter in "ΓΔΘΞΠΣΥΦΨΩ"
} | {"lambda": "λ", "Lambda": "Λ"}  # fmt: skip
"""Greek letters by the words that stand for them."""


@dataclass(frozen=True)
class Symbol:
    """One printed name: a letter with a subscript, a superscript and primes.

    letter: one letter, or a word. sub: its atoms: index letters, numbers, words, commas.
    sup: the layer mark as printed, "(2)" or "l". upright: a function's name or a word.
    text: what terminals print instead of letter_sub^sup, "" for that. of: the component that it
    stands for, `w2[1,2]`, where someone may point at it; it changes nothing that is read.
    """

    letter: str
    sub: tuple[str, ...] = ()
    sup: str = ""
    primes: int = 0
    upright: bool = False
    text: str = ""
    of: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[object, ...]:
        """What a reader can tell it by: equal keys print alike."""
        return (self.letter, "".join(self.sub), self.sup, self.primes)


@dataclass(frozen=True)
class Spelling:
    """How one quantity prints: a symbol whose indices are still open.

    order: the places of the indices as printed. after: atoms after the indices. own: the
    name as the file writes it, where terminals print that.
    """

    letter: str
    sub: tuple[str, ...] = ()
    sup: str = ""
    order: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    own: str = ""

    @property
    def beginning(self) -> str:
        """What the subscripts of all components begin with."""
        last = self.sub[-1] if self.sub else ""
        open_ended = not last or _separable(last, "1") or _separable(last, "i")
        return "".join(self.sub) + ("" if open_ended else ",")

    def symbol(self, indices: tuple[Index, ...], commas: bool) -> Symbol:
        """The symbol of a component (of the whole tensor, with no indices)."""
        printed = [str(i) for i in indices]
        text = self.own and self.own + (f"[{','.join(printed)}]" if printed else "")
        if len(self.order) == len(printed):
            printed = [printed[place] for place in self.order]
        atoms = list(self.sub)
        if atoms and printed and not _separable(atoms[-1], printed[0]):
            atoms.append(",")
            commas = True  # w_h,j,k: one comma makes the reader expect the others
        for number, index in enumerate(printed):
            if number and (commas or len(index) > 1 or len(printed[number - 1]) > 1):
                atoms.append(",")
            atoms.append(index)
        for atom in self.after:
            if atoms and (commas or not atoms[-1].isalnum() or len(atoms[-1]) > 1):
                atoms.append(",")
            atoms.append(atom)
        return Symbol(self.letter, tuple(atoms), self.sup, text=text)


def _separable(left: str, right: str) -> bool:
    """Whether two atoms can stand side by side and still be told apart (0j, not 01, hj or h12)."""
    return left.isdigit() != right.isdigit() and left[-1].isdigit() != right[0].isdigit()


@dataclass(frozen=True)
class Template:
    """A letter, what goes below and what goes above it.

    sub: atoms, among them the placeholders `indices`, `layer` and `name` (the layer's name).
    sup: text around the placeholder `layer`, such as "(layer)". suffix: the layer's number
    follows the letter, W1. A symbolic layer, L-1, stands above instead of behind or below.
    """

    letter: str
    sub: tuple[str, ...] = ()
    sup: str = ""
    suffix: bool = False

    @property
    def shows_layer(self) -> bool:
        return self.suffix or bool(self.sup) or not {"name", "layer"}.isdisjoint(self.sub)

    def spelling(
        self, layer: str, layer_name: str, number: str, order: tuple[int, ...]
    ) -> Spelling:
        """The template filled in for one quantity; an unknown layer is left out."""
        sub: list[str] = []
        open_at = self.sub.index("indices") if "indices" in self.sub else len(self.sub)
        beside = self.suffix or "layer" in self.sub
        symbolic = beside and bool(layer) and not layer.isdigit()
        beside_layer = "" if symbolic else layer
        for atom in self.sub[: open_at + 1]:
            filled = {"indices": number, "name": layer_name, "layer": beside_layer}.get(atom, atom)
            if filled:
                if sub and sub[-1].isdigit() and filled.isdigit():
                    sub.append(",")
                sub.append(filled)
        sup = self.sup.replace("layer", layer) if layer or "layer" not in self.sup else ""
        if symbolic:  # WL-1 and a_L-1 would be differences
            sup = f"({layer})"
        letter = self.letter + (beside_layer if self.suffix else "")
        return Spelling(letter, tuple(sub), sup, order, self.sub[open_at + 1 :])


_TEMPLATE = re.compile(
    r"(?P<letter>[^\W\d_]+)(?P<suffix>\{layer\})?"
    r"(?:_(?P<sub>\{[^{}]*\}|\w+))?(?:\^(?P<sup>\{[^{}]*\}|[(\[]?[\w*]+[)\]]?))?"
)


def template(text: object, where: str) -> Template:
    """Read a template; NotationError says what is wrong and `where`."""
    match = _TEMPLATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise NotationError(
            f"{where}: {text!r} is not a symbol",
            "write a letter with what stands below and above it, such as"
            ' "w_indices^(layer)", "C_{0 indices}" or "W{layer}"',
        )
    sub = tuple((match["sub"] or "").strip("{}").split())
    sup = (match["sup"] or "").strip("{}")
    return Template(GREEK.get(match["letter"], match["letter"]), sub, sup, bool(match["suffix"]))


def own_spelling(name: str, rank: int, label: str = "") -> Spelling:
    """The file's own name as a symbol: w8 is w with 8 below, a tensor's number goes above.

    `w2[i,j]` is w_{ij}^{(2)}, `r_h` is r_h, `theta1` is θ_1, `C_0j` is C_{0j}.
    """
    base = name.split("{", 1)[0]
    head, *rest = unicodedata.normalize("NFKC", base).strip("_").split("_")
    match = re.fullmatch(r"(\D+?)(\d*)('*)", head)
    stem, digits, primes = match.groups() if match else (head, "", "")
    letter = GREEK.get(stem, stem) + primes
    sub = [atom for piece in rest for atom in re.findall(r"\d+|\D+", piece)]
    sup = f"({label})" if label else ""
    if digits and rank and not sup:
        sup = f"({digits})"
    elif digits:
        sub.insert(0, digits)
    return Spelling(letter, tuple(GREEK.get(atom, atom) for atom in sub), sup, own=name)
