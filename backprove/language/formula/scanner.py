"""Where the reading of LaTeX stands, and what it knows of the place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from ..tree import Mistake
from .names import BIG_WORDS, NAME_WORDS, is_called, known_at_end
from .tokens import Kind, Token
from .words import CONDITION, OTHERWISE, RANGE, looks_english

_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_INDICES = re.compile(r"\[\s*((?:\d+|[a-z])(?:\s*,\s*(?:\d+|[a-z]))*)\s*\]")
_DIGITS = re.compile(r"[0-9]+")
_BLANKS = re.compile(r"\s*")
_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\s*\{(?!\s*(?:[dr]?cases|array)\b)")
_CASE_WORDS = CONDITION | OTHERWISE | RANGE


class Scanner:
    """A place in a text of LaTeX, and the tokens before it.

    mixed: whether the text is prose with formulas in it. math: the signs that have opened
    formulas here, with their places. braces: what each open bracket is for: "script" for the
    braces of a subscript or superscript, "cases", "substack", "visible" for a printed bracket.
    words: what is a name where it is set as text.
    """

    def __init__(self, text: str, words: Collection[str] = ()) -> None:
        self.text = text
        self.words = words
        self.at = 0
        self.found: list[Token] = []
        self.mixed = _MATH.search(text) is not None
        self.math: list[tuple[str, int]] = []
        self.braces: list[str] = []

    def add(self, kind: Kind, text: str, start: int, end: int, bold: bool = False) -> None:
        """One more token."""
        self.found.append(Token(kind, text, start, end, bold=bold))

    def open(self, what: str, text: str, start: int, end: int) -> None:
        """An opening bracket. what: what it is for."""
        self.braces.append(what)
        self.add("open", text, start, end)

    def close(self, text: str, start: int, end: int) -> None:
        """A closing bracket."""
        if self.braces:
            self.braces.pop()
        self.add("close", text, start, end)

    @property
    def in_script(self) -> bool:
        """Whether this is the text of a subscript or superscript in braces."""
        return self.braces[-1:] == ["script"]

    @property
    def in_words(self) -> bool:
        """Whether this place is in the prose of a text with formulas."""
        return self.mixed and not self.math

    @property
    def after_script_sign(self) -> bool:
        """Whether a _ or ^ stands right before."""
        return self._before in ("sub", "sup") and not self.found[-1].raw

    @property
    def _before(self) -> str:
        """The kind of the token before."""
        return self.found[-1].kind if self.found else ""

    # -- raw text --------------------------------------------------------------------------

    def behind_blanks(self, at: int) -> int:
        """The place of the next character that is no blank."""
        match = _BLANKS.match(self.text, at)
        assert match is not None  # it matches nothing, too
        return match.end()

    def argument(self, at: int) -> tuple[str, int]:
        """The text in the braces at a place, and where it ends."""
        opening = self.behind_blanks(at)
        if self.text[opening : opening + 1] != "{":
            raise Mistake("a { is expected here", (at, at + 1), "put the argument in braces")
        depth = 0
        for brace in _BRACES.finditer(self.text, opening):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0 and brace.group() == "}":
                return self.text[opening + 1 : brace.start()], brace.end()
        raise Mistake("this { is never closed", (opening, opening + 1), "close it, or remove it")

    def drop(self, arguments: int) -> None:
        """Pass over so many arguments, and those in [ ] before them."""
        for _ in range(arguments):
            at = self.behind_blanks(self.at)
            while self.text[at : at + 1] == "[":
                closes = self.text.find("]", at)
                if closes < 0:
                    raise Mistake("this [ is never closed", (at, at + 1), "close it")
                at = closes + 1
            if self.text[at : at + 1] == "{":
                _, self.at = self.argument(at)

    # -- letters ---------------------------------------------------------------------------

    def name(self, letter: str, start: int, end: int, bold: bool = False) -> None:
        """A letter, with digits and [ ] right behind it: w2, s[3]."""
        brackets = None
        alone = self.in_script or self._before in ("sub", "sup", "fraction", "accent")
        if end == self.at and not alone:
            if digits := _DIGITS.match(self.text, end):
                letter, end = letter + digits.group(), digits.end()
            if indices := _INDICES.match(self.text, end):
                brackets = tuple(part.strip() for part in indices.group(1).split(","))
                end = indices.end()
            self.at = end
        self.found.append(Token("name", letter, start, end, brackets=brackets, bold=bold))

    def letters(self, part: str, start: int) -> None:
        """Letters side by side."""
        for place, letter in enumerate(part, start):
            self.name(letter, place, place + 1)

    def word(self, part: str, start: int, end: int) -> None:
        """A run of letters: a function before its argument, prose, or letters side by side."""
        named = part in NAME_WORDS and self.text[end : end + 1] == "_"
        if (self.in_script and not named) or self.after_script_sign:  # e^{-net_{o1}}
            self.letters(part, start)
        elif size := known_at_end(part, self.text, end):
            self.letters(part[:-size], start)
            self.known_word(part[-size:], end - size, end)
        elif part in NAME_WORDS:
            self.add("name", part, start, end)
        elif part[0] == "d" and part[1:] in NAME_WORDS:
            self.add("name", "d", start, start + 1)
            self.add("name", part[1:], start + 1, end)
        elif (
            self.in_words
            or looks_english(part)
            or ("cases" in self.braces and part.lower() in _CASE_WORDS)
        ):
            self.add("prose", part, start, end)
        else:
            self.letters(part, start)

    def known_word(self, word: str, start: int, end: int) -> None:
        """A word of mathematics, or a name of more letters."""
        kind: Kind = "big" if word in BIG_WORDS else "function" if is_called(word) else "name"
        self.add(kind, word, start, end)

    def decimal(self, start: int) -> bool:
        """Read .5, where no factor stands before the point."""
        digits = _DIGITS.match(self.text, start + 1)
        after_factor = self._before in ("name", "number", "close", "prime", "function", "sub")
        if digits is None or after_factor:
            return False
        self.at = digits.end()
        self.add("number", "0" + self.text[start : self.at], start, self.at)
        return True


def unreadable(character: str, at: int) -> Mistake:
    """What to say of a character that no formula holds."""
    if character.isprintable() and not "\ud800" <= character <= "\udfff":
        return Mistake(f"`{character}` cannot be read", (at, at + 1), "remove it")
    return Mistake(
        f"the character U+{ord(character):04X} cannot be read", (at, at + 1), "remove it"
    )


def fraction_text(character: str) -> str:
    """1/2 of ½."""
    return unicodedata.normalize("NFKC", character).replace("\u2044", "/")
