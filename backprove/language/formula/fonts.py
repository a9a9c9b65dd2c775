"""Commands of LaTeX that set letters or words in a font, and brackets of a size."""

from __future__ import annotations

import re
import unicodedata

from ..tree import Mistake
from .commands import BOLD, COMMANDS, LETTERS
from .scanner import Scanner
from .tokens import letter_of
from .words import is_english, is_short, word_set

_NAMED = frozenset(name for name, row in COMMANDS.items() if row[0] == "name")
_ONE = re.compile(r"\\[A-Za-z]+|[^\s\\{}]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:(?:\\?_|-)?[A-Za-z0-9]+)*")
_DOTS = frozenset(("...", "…", "\\dots", "\\dots{}", "\\ldots", "\\ldots{}"))
_UPRIGHT = word_set("mathrm text operatorname mathsf textrm")
_DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\.|[^\s\\])")
_BRACKETS = {
    "(": "(", ")": ")", "[": "[", "]": "]", "\\{": "{", "\\}": "}", "|": "|", "\\|": "‖",
    ".": ".", "\\lbrace": "{", "\\rbrace": "}", "\\vert": "|", "\\lvert": "|", "\\rvert": "|",
    "\\Vert": "‖", "\\lVert": "‖", "\\rVert": "‖", "\\lbrack": "[", "\\rbrack": "]", "∣": "|",
    "‖": "‖",
}  # fmt: skip


class Fonts(Scanner):
    """Reads what is set in a font."""

    def font(self, command: str, start: int, end: int) -> None:
        """A word or letters in a font; what is more than that is read as if without it."""
        at = self.behind_blanks(end)
        if self.text[at : at + 1] == "{":
            content, stop = self.argument(at)
            content = content.strip()
        elif one := _ONE.match(self.text, at):
            content, stop = one.group(), one.end()
        else:
            return
        if command in LETTERS:
            self._letters_in_font(command, content, start, stop)
        elif command in _UPRIGHT and content == "d":
            self.at = stop
            self.add("d", "d", start, stop)
        else:
            text_mode = command.startswith("text") or command in ("mbox", "hbox")
            self._words_in_font(content, start, stop, text_mode)

    def _words_in_font(self, content: str, start: int, stop: int, text_mode: bool) -> None:
        """net, ReLU, and remarks such as (chain rule)."""
        named = unicodedata.normalize("NFC", content.replace("\\", ""))
        word = named if named in self.words or _WORD.fullmatch(content) else ""
        if not (word or text_mode):
            return
        self.at = stop
        if word and (self.after_script_sign or self.in_script):
            self.add("name", word, start, stop)
        elif word in self.words or (
            word and not (text_mode and (is_english(word) or is_short(word)))
        ):
            self.known_word(word, start, stop)
        elif content in _DOTS:
            self.add("dots", "…", start, stop)
        elif content == ",":
            self.add("comma", ",", start, stop)
        elif content.strip(". "):
            self.add("prose", content, start, stop)

    def _letters_in_font(self, command: str, content: str, start: int, stop: int) -> None:
        bold = command in BOLD
        if content == "1":
            self.at = stop
            self.add("indicator", "1", start, stop)
        elif content.isalpha() and len(content) <= 12:
            self.at = stop
            for letter in content:
                blackboard = command == "mathbb" and letter != "I"
                shown = _double_struck(letter) if blackboard else letter_of(letter)[0]
                self.add("name", shown, start, stop, bold)
        elif content[:1] == "\\" and content[1:] in _NAMED:
            self.at = stop
            self.add("name", COMMANDS[content[1:]][1], start, stop, bold)

    def delimiter(self, side: str, start: int, end: int) -> None:
        r"""The bracket behind \left or \right."""
        match = _DELIMITER.match(self.text, end)
        bracket = _BRACKETS.get(match.group(1)) if match else None
        if match is None or bracket is None:
            raise Mistake(
                f"a bracket is expected behind \\{side}",
                (start, end),
                f"write \\{side}( or \\{side}[ or \\{side}|",
            )
        self.at = match.end()
        if side == "left":
            self.open("visible", bracket, start, self.at)
        else:
            self.close(bracket, start, self.at)


def _double_struck(letter: str) -> str:
    """𝔼 for E: set so, a letter stands for something else than without."""
    for name in ("MATHEMATICAL DOUBLE-STRUCK CAPITAL ", "DOUBLE-STRUCK CAPITAL "):
        try:
            return unicodedata.lookup(name + letter.upper())
        except KeyError:
            continue
    return letter
