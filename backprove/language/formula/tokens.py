"""Tokens: what LaTeX and plain text are both cut into."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ..tree import MAX_NESTING, Mistake, Span, exact

Kind: TypeAlias = Literal[
    "name",  # a letter or a word
    "function",  # a word that can only be a function: tanh, exp
    "number",
    "sign",  # + -
    "times",  # a product's or division's sign
    "relation",  # = ≠ < > ≤ ≥ ∈
    "define",  # :=
    "unread",  # ≈ ← …: what cannot be read, with the advice as its raw text
    "open",
    "close",
    "bar",  # | or ‖, opening or closing
    "sub",
    "sup",
    "prime",
    "big",  # sum prod max argmax min
    "fraction",
    "over",
    "root",
    "d",  # ∂, an upright d, ∇
    "change",  # Δ
    "accent",
    "indicator",  # 𝟙
    "wrapper",  # \underbrace, whose subscript is a remark
    "dots",
    "comma",
    "semicolon",
    "colon",
    "align",  # &
    "row",  # \\ inside cases
    "break",  # the end of a line
    "newline",  # the end of a line of the text, inside a displayed formula
    "quad",
    "prose",
    "implies",  # ⇒
    "end",
]


class Token(NamedTuple):
    """A piece of the text.

    text: what it stands for, the same for LaTeX and plain. raw: a plain name as written; a
    remark on other kinds. label, brackets: what stands in { } and [ ] right behind a name.
    """

    kind: Kind
    text: str
    start: int
    end: int
    raw: str = ""
    label: str = ""
    brackets: tuple[str, ...] | None = None
    bold: bool = False

    @property
    def span(self) -> Span:
        return self.start, max(self.end, self.start + 1)


# -- signs that both ways of writing share -----------------------------------------------------

SIGNS: dict[str, tuple[Kind, str]] = {
    "+": ("sign", "+"), "-": ("sign", "-"), "−": ("sign", "-"), "–": ("sign", "-"),
    "*": ("times", "*"), "∗": ("times", "*"), "·": ("times", "·"), "⋅": ("times", "·"),
    "∙": ("times", "·"), "•": ("times", "·"), "×": ("times", "×"), "/": ("times", "/"),
    "÷": ("times", "/"), "∕": ("times", "/"), "⊙": ("times", "⊙"), "∘": ("times", "⊙"),
    "⊘": ("times", "⊘"), "⊗": ("times", "⊗"), ".": ("times", "."),
    "=": ("relation", "="), "≠": ("relation", "≠"), "<": ("relation", "<"),
    ">": ("relation", ">"), "≤": ("relation", "≤"), "≥": ("relation", "≥"),
    "∈": ("relation", "∈"), "≡": ("define", "≡"), "≔": ("define", ":="), "≜": ("define", "≜"),
    "(": ("open", "("), ")": ("close", ")"), "[": ("open", "["), "]": ("close", "]"),
    "|": ("bar", "|"), "∣": ("bar", "|"), "‖": ("bar", "‖"), "∥": ("bar", "‖"),
    "^": ("sup", "^"), "'": ("prime", "'"), "′": ("prime", "'"), "’": ("prime", "'"),
    "″": ("prime", "''"), "‴": ("prime", "'''"), "√": ("root", "√"), "∂": ("d", "∂"),
    "∇": ("d", "∇"), "Δ": ("change", "Δ"), "∆": ("change", "Δ"), "∑": ("big", "sum"),
    "∏": ("big", "prod"), "…": ("dots", "…"), "⋯": ("dots", "…"), ",": ("comma", ","),
    ";": ("semicolon", ";"), ":": ("colon", ":"), "𝟙": ("indicator", "1"), "𝟏": ("name", "𝟏"),
    "⇒": ("implies", "⇒"), "⟹": ("implies", "⇒"), "∴": ("implies", "⇒"), "⇔": ("implies", "⇒"),
    "⟺": ("implies", "⇒"), "∀": ("prose", "forall"), "⊤": ("name", "T"), "⊺": ("name", "T"),
    "∞": ("name", "∞"),
}  # fmt: skip
"""Characters with a meaning of their own."""

_VALUE = "write an equation with = , or leave the line out"
UNREAD: dict[str, str] = {
    "≈": "approximate equality cannot be judged: write = where it is meant, or leave the line out",
    "≃": "approximate equality cannot be judged: write = where it is meant, or leave the line out",
    "≅": _VALUE,
    "∼": _VALUE,
    "~": _VALUE,
    "∝": "write the factor out and use =",
    "←": "an update is judged as an equation: write Δw = … for what is added to w",
    "→": _VALUE,
    "↦": _VALUE,
    "⟶": _VALUE,
    "±": "write the two signs as two lines",
    "∓": "write the two signs as two lines",
    "∫": "integrals are not read",
    "∧": "write two conditions as a product of two brackets, [a > 0][b > 0]",
    "∨": "write the condition in another way",
    "⟨": "write the inner product as w^T x or as a sum",
    "⟩": "write the inner product as w^T x or as a sum",
    "?": "write the line as you believe it to be",
    "@": "",
}
"""Signs that cannot be read, and what to do instead."""

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵀⁱⁿˡᴸʲᵏᵐ", "0123456789+-()TinlLjkm", strict=True))
SUBSCRIPTS = dict(
    zip("₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₗₘₙₒₕₚₜₓₐₑᵣᵤᵥₛ", "0123456789+-ijklmnohptxaeruvs", strict=True)
)
FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"

_SAME_LETTER = str.maketrans("ϵϕϑϱςµ", "εφθρσμ")


def letter_of(text: str) -> tuple[str, bool]:
    """A letter in its common form, and whether it was a bold one: 𝐖 is a bold W."""
    if text.isascii() or text == "ℓ":
        return text, False
    plain = unicodedata.normalize("NFC", text)
    bold = False
    if "\U0001d400" <= plain[0] <= "\U0001d7ff":
        bold = "BOLD" in unicodedata.name(plain[0], "")
        plain = unicodedata.normalize("NFKC", plain)
    return plain.translate(_SAME_LETTER), bold


def number(text: str, start: int, raw: str = "") -> Token:
    """A numeral; a long one is refused before it is evaluated, one that would be lost as well."""
    exact(text, (start, start + len(text)))
    return Token("number", text, start, start + len(text), raw)


def scripts(text: str, start: int) -> Iterator[Token]:
    """Superscript characters such as ⁽²⁾ or ᵀ, as tokens of the same meaning."""
    yield Token("sup", "^", start, start)
    yield Token("open", "", start, start)
    at = 0
    while at < len(text):
        end = at + 1
        shown = SUPERSCRIPTS[text[at]]
        while shown.isdigit() and end < len(text) and SUPERSCRIPTS[text[end]].isdigit():
            shown += SUPERSCRIPTS[text[end]]
            end += 1
        if shown.isdigit():
            yield number(shown, start + at)
        elif shown in "+-()":
            kind, sign = SIGNS[shown]
            yield Token(kind, sign, start + at, start + end)
        else:
            yield Token("name", shown, start + at, start + end)
        at = end
    yield Token("close", "", start + len(text), start + len(text))


# -- equations ----------------------------------------------------------------------------

_EQUALS = frozenset(("=", ":=", "≡", "≜"))


def is_equal(token: Token) -> bool:
    """Whether a token sets two sides equal."""
    return token.text in _EQUALS and token.kind in ("relation", "define")


def outside(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens outside of brackets, with their places."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth <= 0:
            yield place, token


def first_equal(tokens: Sequence[Token]) -> int:
    """The place of the first sign of equality outside of brackets; -1 where there is none."""
    return next((place for place, token in outside(tokens) if is_equal(token)), -1)


# -- brackets ------------------------------------------------------------------------------

_CLOSES = {"(": ")", "[": "]", "{": "}", "": "", "|": "|", "‖": "‖", "cases": "cases"}


def shown(bracket: Token, opening: bool) -> str:
    """A bracket as it is written."""
    if bracket.text == "cases":
        return r"\begin{cases}" if opening else r"\end{cases}"
    if bracket.text in ("", "{", "}"):
        return ("{" if opening else "}") if bracket.text == "" else (r"\{" if opening else r"\}")
    return bracket.text


def partners(tokens: Sequence[Token]) -> list[int]:
    """For each bracket the place of the one that it belongs to; -1 for other tokens.

    Raises Mistake where a bracket does not close, closes nothing or is nested too deep.
    """
    found = [-1] * len(tokens)
    open_: list[int] = []
    for place, token in enumerate(tokens):
        if token.kind == "open":
            open_.append(place)
            if len(open_) > MAX_NESTING:
                raise Mistake(
                    f"the brackets are nested more than {MAX_NESTING} deep",
                    token.span,
                    "give a part of the formula a name of its own",
                )
        elif token.kind == "close":
            if not open_:
                raise Mistake(
                    f"this {shown(token, False)} closes nothing",
                    token.span,
                    "remove it, or open it before",
                )
            before = tokens[open_[-1]]
            free = "." in (before.text, token.text)
            if not free and _CLOSES[before.text] != token.text:
                raise Mistake(
                    f"this {shown(token, False)} does not fit the {shown(before, True)} that is"
                    " open",
                    token.span,
                    f"close {shown(before, True)} first, or remove one of them",
                )
            found[place] = open_[-1]
            found[open_.pop()] = place
    if open_:
        token = tokens[open_[-1]]
        raise Mistake(
            f"this {shown(token, True)} is never closed", token.span, "close it, or remove it"
        )
    return found


def stray_closes(tokens: Sequence[Token]) -> list[int]:
    """The places of each ) that closes nothing, at the end of a group or before \\over, where
    without them all brackets fit; none where they do not."""
    stray: list[int] = []
    open_: list[str] = []
    for place, token in enumerate(tokens):
        if token.kind == "open":
            open_.append(token.text)
        elif token.kind == "close" and open_ and _CLOSES.get(open_[-1]) == token.text:
            open_.pop()
        elif token.kind == "close":
            after = tokens[place + 1] if place + 1 < len(tokens) else None
            ends = after is not None and (
                after.kind == "over" or (after.kind, after.text) == ("close", "")
            )
            if token.text != ")" or not ends or open_[-1:] != [""]:
                return []
            stray.append(place)
    return [] if open_ else stray
