"""LaTeX to tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from difflib import get_close_matches

from ..tree import Mistake
from .commands import (
    COMMANDS,
    DROPPED,
    FUNCTION_COMMANDS,
    IGNORED,
    LETTERS,
    PROSE,
    REFUSED,
    TITLES,
    UNREAD_COMMANDS,
    WORDS,
)
from .displays import Displays
from .fonts import Fonts
from .scanner import fraction_text, unreadable
from .tokens import FRACTIONS, SIGNS, SUBSCRIPTS, SUPERSCRIPTS, UNREAD, Token, letter_of, number
from .tokens import scripts as script_tokens

_PART = re.compile(
    r"(?P<blank>[ \t\f\v\u00a0\u2000-\u200d\u2060-\u2064\ufeff]+|%[^\n]*)"
    r"|(?P<break>\\?<br\s*/?>|\\\\\*?(?:[ \t]*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu)\s*\])?)"
    r"|(?P<command>\\[A-Za-z]+\*?)"
    r"|(?P<escape>\\.)"
    r"|(?P<number>\d+(?:\.[0-9]+)?)"
    r"|(?P<word>[A-Za-z]{2,})"
    r"|(?P<letter>[^\W\d_" + FRACTIONS + "".join(SUPERSCRIPTS) + "".join(SUBSCRIPTS) + "]"
    r"[\u0300-\u036f]*)"
    r"|(?P<above>[" + "".join(SUPERSCRIPTS) + "]+)"
    r"|(?P<below>[" + "".join(SUBSCRIPTS) + "]+)"
    r"|(?P<newline>\r?\n|\r)"
    r"|(?P<dollar>\$\$?)"
    r"|(?P<sign>:=|\.\.\.+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_EQUAL = re.compile(r"\s*\{\s*=\s*\}")
_BEHIND = {"arg": re.compile(r"\s*\\max(?![A-Za-z])"), "not": re.compile(r"\s*=")}
_DIGITS = re.compile(r"\s*([0-9])\s*([0-9])?")
_SPACES = frozenset(",;:!> \t/-'\"`.^~=")


def latex_tokens(text: str, words: Collection[str] = ()) -> list[Token]:
    """The tokens of a text in LaTeX. Raises Mistake at what cannot be one.

    words: what is a name where it is set as text.
    """
    return _Latex(text, words).tokens()


class _Latex(Fonts, Displays):
    """Reads LaTeX from its beginning to its end."""

    def tokens(self) -> list[Token]:
        """All tokens."""
        handlers: dict[str, Callable[[str, int, int], None]] = {
            "break": self._row_end, "newline": self._line_end, "command": self._command,
            "escape": self._escape, "word": self.word, "letter": self._letter,
            "dollar": self.dollar, "number": self._number, "above": self._above,
            "below": self._below, "sign": self._sign, "other": self._other,
        }  # fmt: skip
        while self.at < len(self.text):
            match = _PART.match(self.text, self.at)
            assert match is not None  # the last alternative takes anything
            kind = match.lastgroup
            self.at = match.end()
            if kind is not None and kind != "blank":
                handlers[kind](match.group(), *match.span())
        if self.math:
            sign, at = self.math[-1]
            raise Mistake(f"this {sign} is never closed", (at, at + len(sign)), "close it")
        return self.found

    def _row_end(self, _part: str, start: int, end: int) -> None:
        self.row_end(start, end)

    def _line_end(self, _part: str, start: int, end: int) -> None:
        self.line_end(start, end)

    # -- letters, numbers, signs -------------------------------------------------------------

    def _letter(self, part: str, start: int, end: int) -> None:
        if part in ("Σ", "Π") and self.text[end : end + 1] == "_":
            self.add("big", "sum" if part == "Σ" else "prod", start, end)
        elif part == "Δ":
            self.add("change", "Δ", start, end)
        else:
            letter, bold = letter_of(part)
            self.name(letter, start, end, bold)

    def _number(self, part: str, start: int, _end: int) -> None:
        self.found.append(number(part, start))

    def _above(self, part: str, start: int, _end: int) -> None:
        self.found.extend(script_tokens(part, start))

    def _below(self, part: str, start: int, end: int) -> None:
        shown = "".join(SUBSCRIPTS[character] for character in part)
        self.found.append(Token("sub", "_", start, end, raw=shown))

    def _sign(self, part: str, start: int, end: int) -> None:
        if part == ":=":
            self.add("define", part, start, end)
        else:
            self.add("dots", "…", start, end)

    def _other(self, part: str, start: int, end: int) -> None:
        if part == "{":
            script = self.after_script_sign or self.in_script
            self.open("script" if script else "", "", start, end)
        elif part == "}":
            self.close("", start, end)
        elif part == "_":
            self.add("sub", "_", start, end)
        elif part == "&":
            if not self.braces or self.braces[-1] == "cases":
                self.add("align", "&", start, end)
        elif part in SIGNS:
            kind, text = SIGNS[part]
            if kind == "open":
                self.open("visible", text, start, end)
            elif kind == "close":
                self.close(text, start, end)
            elif not (part == "." and self.decimal(start)):
                self.add(kind, text, start, end)
        elif part in FRACTIONS:
            self.found.append(number(fraction_text(part), start, part)._replace(end=end))
        elif self.in_words and part in '!?"`~':
            self.add("prose", part, start, end)
        elif part in UNREAD and part != "~":
            self.found.append(Token("unread", part, start, end, UNREAD[part]))
        elif part != "~":
            raise unreadable(part, start)

    def _escape(self, part: str, start: int, end: int) -> None:
        r"""\{ \| \( \, and their like."""
        sign = part[1]
        if sign == "{":
            self.open("visible", sign, start, end)
        elif sign == "}":
            self.close(sign, start, end)
        elif sign == "|":
            self.add("bar", "‖", start, end)
        elif sign in "()[]":
            self.parenthesis(part, start, end)
        elif sign == "\n":
            self.line_end(start, end)
        elif sign not in _SPACES:
            raise Mistake(f"`{part}` cannot be read", (start, end), "remove it")

    # -- commands --------------------------------------------------------------------------

    def _command(self, part: str, start: int, end: int) -> None:
        name = part[1:]
        starred = name in DROPPED or name in PROSE or name in WORDS
        if not starred and name.endswith("*"):  # \log*
            name, end = name[:-1], end - 1
            self.at = end
        if name in COMMANDS:
            self._common(name, start, end)
        elif name in FUNCTION_COMMANDS:
            self.add("function", name, start, end)
        elif name in ("left", "right"):
            self.delimiter(name, start, end)
        elif name in ("begin", "end"):
            self.environment(name == "begin", start, end)
        elif name in WORDS or name in LETTERS:
            self.font(name, start, end)
        elif name == "substack" and self.text[end : end + 1] == "{":
            self.at += 1
            self.open("substack", "", start, end + 1)
        elif name in IGNORED:
            return
        elif name in PROSE:
            self._prose(name, start, end)
        elif name in DROPPED:
            self.drop(DROPPED[name])
        elif name in UNREAD_COMMANDS:
            self.found.append(Token("unread", part, start, end, UNREAD[UNREAD_COMMANDS[name]]))
        elif name in ("overset", "stackrel"):  # \overset{!}{=}
            _, self.at = self.argument(end)
            if equal := _EQUAL.match(self.text, self.at):
                self.at = equal.end()
                self.add("relation", "=", start, self.at)
        elif name in _BEHIND and (match := _BEHIND[name].match(self.text, end)):
            self.at = match.end()
            if name == "arg":
                self.add("big", "argmax", start, self.at)
            else:
                self.add("relation", "≠", start, self.at)
        else:
            raise _unknown(name, start, end)

    def _common(self, name: str, start: int, end: int) -> None:
        """A command that stands for one token."""
        kind, text = COMMANDS[name]
        if kind == "name":
            self.name(text, start, end)
        elif kind == "open":
            self.open("visible", text, start, end)
        elif kind == "close":
            self.close(text, start, end)
        elif kind != "quad" or not self.braces or self.braces[-1] == "cases":
            self.add(kind, text, start, end)
        if kind == "fraction" and (match := _DIGITS.match(self.text, end)):
            for place in (1, 2):  # \frac12: each argument without braces is one digit
                if match[place]:
                    self.add("number", match[place], match.start(place), match.end(place))
                    self.at = match.end(place)

    def _prose(self, name: str, start: int, end: int) -> None:
        """A command for words; a title has a line of its own."""
        _, self.at = self.argument(end)
        apart = name in TITLES and not self.braces
        if apart:
            self.add("break", "", start, start)
        self.add("prose", self.text[start : self.at], start, self.at)
        if apart:
            self.add("break", "", self.at, self.at)


def _unknown(name: str, start: int, end: int) -> Mistake:
    if name in REFUSED:
        advice = "a formula defines nothing and reads no files: write it out"
        return Mistake(f"\\{name} is not read", (start, end), advice)
    near = get_close_matches(name[:40], [*COMMANDS, *FUNCTION_COMMANDS, *WORDS, *LETTERS], 1)
    return Mistake(
        f"the command \\{name[:40]} is not known",
        (start, end),
        f"did you mean \\{near[0]}?" if near else "write it with the common commands of LaTeX",
    )
