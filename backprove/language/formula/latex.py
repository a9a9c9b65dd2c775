"""LaTeX to tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from difflib import get_close_matches

from ..tree import Mistake
from .commands import (
    BODIES,
    BOLD,
    CASES,
    COMMANDS,
    DISPLAYS,
    DROPPED,
    FUNCTION_COMMANDS,
    IGNORED,
    LETTERS,
    PROSE,
    REFUSED,
    UNREAD_COMMANDS,
    WORDS,
)
from .names import BIG_WORDS, NAME_WORDS, is_called, known_at_end
from .tokens import (
    FRACTIONS,
    SIGNS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    UNREAD,
    Kind,
    Token,
    letter_of,
    number,
)
from .tokens import scripts as script_tokens
from .words import CONDITION, OTHERWISE, RANGE, is_english, is_short, looks_english

_PART = re.compile(
    r"(?P<blank>[ \t\r\f\v\u00a0\u2000-\u200b\u200e\u200f\u2060\ufeff]+)"
    r"|(?P<break>\\?<br\s*/?>|\\\\\*?(?:[ \t]*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu)\s*\])?)"
    r"|(?P<command>\\[A-Za-z]+\*?)"
    r"|(?P<escape>\\.)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<word>[A-Za-z]{2,})"
    r"|(?P<letter>[^\W\d_" + FRACTIONS + "".join(SUPERSCRIPTS) + "".join(SUBSCRIPTS) + "]"
    r"[\u0300-\u036f]*)"
    r"|(?P<above>[" + "".join(SUPERSCRIPTS) + "]+)"
    r"|(?P<below>[" + "".join(SUBSCRIPTS) + "]+)"
    r"|(?P<newline>\n)"
    r"|(?P<comment>%[^\n]*)"
    r"|(?P<dollar>\$\$?)"
    r"|(?P<define>:=)"
    r"|(?P<dots>\.\.\.+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_NAMED = frozenset(name for name, row in COMMANDS.items() if row[0] == "name")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\.|[^\s\\])")
_INDICES = re.compile(r"\[\s*((?:\d+|[a-z])(?:\s*,\s*(?:\d+|[a-z]))*)\s*\]")
_DIGITS = re.compile(r"[0-9]+")
_ONE = re.compile(r"\s*(\\[A-Za-z]+|[^\s\\{}])")
_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\s*\{")
_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:(?:\\?_|-)?[A-Za-z0-9]+)*")
_DOTS = frozenset(("...", "…", "\\dots", "\\dots{}", "\\ldots", "\\ldots{}"))
_FIRST_DIGITS = re.compile(r"\s*([0-9])\s*([0-9])?")
_ADVICE_ON_REFUSED = "a formula defines nothing and reads no files: write it out"


def latex_tokens(text: str) -> list[Token]:
    """The tokens of a text in LaTeX. Raises Mistake at what cannot be one."""
    return _Latex(text).tokens()


class _Latex:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[Token] = []
        # whether words may stand outside of formulas, and which signs have opened formulas
        self.mixed = _MATH.search(text) is not None
        self.math: list[tuple[str, int]] = []
        self.braces: list[str] = []  # what each open brace or case is for
        self.rows_end_lines: list[bool] = []  # per display: whether \\ does, so \n does not

    def tokens(self) -> list[Token]:
        text, found = self.text, self.found
        handlers: dict[str, Callable[[str, int, int], None]] = {
            "break": self._break, "command": self._command, "escape": self._escape,
            "word": self._word, "letter": self._letter, "newline": self._newline,
            "dollar": self._dollar, "other": self._other,
        }  # fmt: skip
        while self.at < len(text):
            match = _PART.match(text, self.at)
            assert match is not None  # the last alternative takes anything
            kind, (start, end) = match.lastgroup, match.span()
            self.at = end
            if kind in ("blank", "comment"):
                continue
            part = match.group()
            if kind == "number":
                found.append(number(part, start))
            elif kind == "above":
                found.extend(script_tokens(part, start))
            elif kind == "below":
                shown = "".join(SUBSCRIPTS[c] for c in part)
                found.append(Token("sub", "_", start, end, raw=shown))
            elif kind == "define":
                found.append(Token("define", ":=", start, end))
            elif kind == "dots":
                found.append(Token("dots", "…", start, end))
            else:
                assert kind is not None
                handlers[kind](part, start, end)
        if self.math:
            sign, at = self.math[-1]
            raise Mistake(f"this {sign} is never closed", (at, at + len(sign)), "close it")
        return found

    def _add(self, kind: Kind, text: str, start: int, end: int, bold: bool = False) -> None:
        self.found.append(Token(kind, text, start, end, bold=bold))

    @property
    def _in_script(self) -> bool:
        return "script" in self.braces[-1:]

    @property
    def _in_words(self) -> bool:
        """Whether this is a text with formulas in it, and this place is in none of them."""
        return self.mixed and not self.math

    # -- letters ---------------------------------------------------------------------------

    def _letter(self, part: str, start: int, end: int) -> None:
        if part in ("Σ", "Π") and self.text[end : end + 1] == "_":
            self._add("big", "sum" if part == "Σ" else "prod", start, end)
        elif part == "Δ":
            self._add("change", "Δ", start, end)
        else:
            letter, bold = letter_of(part)
            self._name(letter, start, end, bold)

    def _name(self, letter: str, start: int, end: int, bold: bool = False) -> None:
        """A letter, with digits and [ ] right behind it: w2, s[3]."""
        brackets = None
        if end == self.at and not self._in_script:
            if digits := _DIGITS.match(self.text, end):
                letter, end = letter + digits.group(), digits.end()
            if indices := _INDICES.match(self.text, end):
                brackets = tuple(part.strip() for part in indices.group(1).split(","))
                end = indices.end()
            self.at = end
        self.found.append(Token("name", letter, start, end, brackets=brackets, bold=bold))

    def _word(self, part: str, start: int, end: int) -> None:
        """A run of letters: a word of English, a function, or letters side by side."""
        if not self._in_script:
            size = known_at_end(part, self.text, end)
            if size:
                if size < len(part):
                    self._letters(part[:-size], start)
                word = part[-size:]
                called = "function" if is_called(word) else "name"
                if word in BIG_WORDS:
                    called = "big"
                self._add(called, word, end - size, end)
                return
            if part in NAME_WORDS or (part[0] == "d" and part[1:] in NAME_WORDS):
                if part not in NAME_WORDS:
                    self._letters("d", start)
                    start, part = start + 1, part[1:]
                self._add("name", part, start, end)
                return
            cases = "cases" in self.braces and part.lower() in CONDITION | OTHERWISE | RANGE
            if self._in_words or cases or looks_english(part):
                self._add("prose", part, start, end)
                return
        self._letters(part, start)

    def _letters(self, part: str, start: int) -> None:
        for place, letter in enumerate(part, start):
            self._name(letter, place, place + 1)

    # -- lines and formulas ----------------------------------------------------------------

    def _break(self, part: str, start: int, end: int) -> None:
        inside = self.braces[-1:]
        if inside == ["cases"]:
            self._add("row", "", start, end)
        elif inside == ["substack"]:
            self._add("comma", ",", start, end)
        elif not self.braces:
            self._add("break", "", start, end)

    def _newline(self, _part: str, start: int, end: int) -> None:
        if self.braces:
            return
        if not self.math:
            self._add("break", "", start, end)
        elif not (self.rows_end_lines and self.rows_end_lines[-1]):
            self._add("newline", "", start, end)

    def _dollar(self, part: str, start: int, end: int) -> None:
        if self.math and self.math[-1][0] == part:
            self._leave()
        elif self.math and self.math[-1][0] == "$" and part == "$$":  # $a$$b$
            self.at = start + 1
            self._leave()
            return
        else:
            self._enter(part, part, start, end)
        if part == "$$":
            self._add("break", "", start, end)

    def _enter(self, sign: str, ends: str, start: int, end: int) -> None:
        if self.braces:  # a formula inside words in braces
            return
        closes = self.text.find(ends, end)
        if closes < 0:
            raise Mistake(f"this {sign} is never closed", (start, end), f"close it with {ends}")
        rows = "\\\\" in self.text[end:closes]
        self.rows_end_lines.append(rows or (bool(self.rows_end_lines) and self.rows_end_lines[-1]))
        self.math.append((sign, start))

    def _leave(self) -> None:
        self.math.pop()
        self.rows_end_lines.pop()

    def _environment(self, begins: bool, start: int) -> None:
        name, end = self._raw_argument(start)
        name = name.strip()
        self.at = end
        if name in CASES:
            if begins:
                self.braces.append("cases")
                self._add("open", "cases", start, end)
            else:
                self._close("cases", "cases", start, end)
        elif name == "array" and self.braces[-1:] == ["visible"]:
            self._columns()
            self.braces.append("cases")
            self._add("open", "cases", start, self.at)
        elif name == "array" and self.braces[-1:] == ["cases"] and not begins:
            self._close("cases", "cases", start, end)
        elif name in DISPLAYS:
            sign = f"\\begin{{{name}}}"
            if begins:
                self._enter(sign, f"\\end{{{name}}}", start, end)
                if name in ("array", "alignat", "alignat*", "alignedat", "IEEEeqnarray"):
                    self._columns()
            elif self.math and self.math[-1][0] == sign:
                self._leave()
            elif not self.braces:
                raise Mistake(f"this \\end{{{name}}} closes nothing", (start, end), "remove it")
            if not self.braces:
                self._add("break", "", start, end)
        elif name in BODIES:
            self._add("break", "", start, end)
        else:
            raise Mistake(
                f"the environment {name or '{}'} is not read",
                (start, end),
                "write one formula a line, or use align or cases"
                + (": matrices written out are not read" if "matrix" in name else ""),
            )

    def _columns(self) -> None:
        """Skip {ll} behind an array."""
        blank = _BLANKS.match(self.text, self.at)
        assert blank is not None
        if self.text[blank.end() : blank.end() + 1] == "{":
            self.at = self._raw_argument(blank.end())[1]

    # -- commands --------------------------------------------------------------------------

    def _command(self, part: str, start: int, end: int) -> None:
        name = part[1:]
        if name not in DROPPED and name not in PROSE and name not in WORDS:
            name = name.rstrip("*")  # \log*
            end = self.at = start + 1 + len(name)
        if name in COMMANDS:
            kind, text = COMMANDS[name]
            if kind == "name":
                self._name(text, start, end)
            else:
                if kind in ("open", "close"):
                    self._brace(kind, "visible")
                if kind == "quad" and self.braces and self.braces[-1] != "cases":
                    return
                self._add(kind, text, start, end)
                if kind == "fraction":
                    self._digits_of_fraction(end)
        elif name in FUNCTION_COMMANDS:
            self._add("function", name, start, end)
        elif name in ("left", "right"):
            self._delimiter(name, start, end)
        elif name in ("begin", "end"):
            self._environment(name == "begin", start)
        elif name in IGNORED:
            if name == "substack" and self.text[end : end + 1] == "{":
                self.at += 1
                self.braces.append("substack")
                self._add("open", "", start, end + 1)
        elif name in WORDS or name in LETTERS:
            self._font(name, start, end)
        elif name in PROSE:
            _, self.at = self._raw_argument(end)
            words = self.text[start : self.at]
            whole = name.rstrip("*").endswith(("section", "text")) and name != "textit"
            if whole and not self.braces:
                self._add("break", "", start, start)
            self._add("prose", words, start, self.at)
            if whole and not self.braces:
                self._add("break", "", self.at, self.at)
        elif name in DROPPED:
            self._drop(DROPPED[name])
        elif name in UNREAD_COMMANDS:
            self.found.append(Token("unread", part, start, end, UNREAD[UNREAD_COMMANDS[name]]))
        elif name in ("overset", "stackrel"):
            _, self.at = self._raw_argument(end)
        elif name == "arg" and (match := re.compile(r"\s*\\max").match(self.text, end)):
            self.at = match.end()
            self._add("big", "argmax", start, self.at)
        elif name == "not" and (match := re.compile(r"\s*=").match(self.text, end)):
            self.at = match.end()
            self._add("relation", "≠", start, self.at)
        elif name in REFUSED:
            raise Mistake(f"{part} is not read", (start, end), _ADVICE_ON_REFUSED)
        else:
            self._unknown(name, start, end)

    def _digits_of_fraction(self, end: int) -> None:
        r"""\frac12 is ½: each argument without braces is one digit."""
        match = _FIRST_DIGITS.match(self.text, end)
        if match is None:
            return
        for place in (1, 2):
            if match[place]:
                self.found.append(number(match[place], match.start(place)))
                self.at = match.end(place)

    def _unknown(self, name: str, start: int, end: int) -> None:
        known = [*COMMANDS, *FUNCTION_COMMANDS, *WORDS, *LETTERS]
        near = get_close_matches(name[:40], known, 1)
        raise Mistake(
            f"the command \\{name[:40]} is not known",
            (start, end),
            f"did you mean \\{near[0]}?" if near else "write it with the common commands of LaTeX",
        )

    def _drop(self, arguments: int) -> None:
        for _ in range(arguments):
            blank = _BLANKS.match(self.text, self.at)
            assert blank is not None
            at = blank.end()
            while self.text[at : at + 1] == "[":
                closes = self.text.find("]", at)
                if closes < 0:
                    raise Mistake("this [ is never closed", (at, at + 1), "close it")
                at = closes + 1
            if self.text[at : at + 1] == "{":
                _, self.at = self._raw_argument(at)

    def _raw_argument(self, at: int) -> tuple[str, int]:
        """The text in the braces at a place, and where it ends."""
        text = self.text
        opening = text.find("{", at)
        if opening < 0 or text[at:opening].lstrip("\\abcdefghijklmnopqrstuvwxyz*").strip():
            raise Mistake("a { is expected here", (at, at + 1), "put the argument in braces")
        depth = 0
        for brace in _BRACES.finditer(text, opening):
            if brace.group() == "{":
                depth += 1
            elif brace.group() == "}":
                depth -= 1
                if depth == 0:
                    return text[opening + 1 : brace.start()], brace.end()
        raise Mistake("this { is never closed", (opening, opening + 1), "close it, or remove it")

    def _font(self, name: str, start: int, end: int) -> None:
        """A word or letters in a font; what is more than that is read as if without it."""
        blank = _BLANKS.match(self.text, end)
        assert blank is not None
        at = blank.end()
        if self.text[at : at + 1] == "{":
            content, stop = self._raw_argument(at)
            content = content.strip()
        else:
            one = _ONE.match(self.text, end)
            if one is None:
                return
            content, stop = one.group(1), one.end()
        if name in LETTERS:
            self._font_letters(name, content, start, stop)
            return
        if name in ("mathrm", "text", "operatorname", "mathsf", "textrm") and content == "d":
            self.at = stop
            self._add("d", "d", start, stop)
            return
        text_mode = name.startswith("text") or name in ("mbox", "hbox")
        if _WORD.fullmatch(content):
            self.at = stop
            self._word_in_font(content.replace("\\", ""), start, stop, text_mode)
        elif text_mode and content in _DOTS:
            self.at = stop
            self._add("dots", "…", start, stop)
        elif text_mode:
            self.at = stop
            if content.strip(". ") or "..." in content:
                kind = "comma" if content.strip() == "," else "prose"
                self._add(kind, content, start, stop)

    def _word_in_font(self, word: str, start: int, stop: int, text_mode: bool) -> None:
        if self._in_script:
            self._add("name", word, start, stop)
        elif word in BIG_WORDS:
            self._add("big", word, start, stop)
        elif is_called(word):
            self._add("function", word, start, stop)
        elif text_mode and (is_english(word) or is_short(word)):
            self._add("prose", word, start, stop)
        else:
            self._add("name", word, start, stop)

    def _font_letters(self, name: str, content: str, start: int, stop: int) -> None:
        bold = name in BOLD
        if content == "1":
            self.at = stop
            self._add("indicator", "1", start, stop)
        elif content.isalpha() and len(content) <= 12:
            self.at = stop
            for letter in content:
                if name == "mathbb" and letter != "I":
                    letter = _double_struck(letter)
                self._add("name", letter_of(letter)[0] if name != "mathbb" else letter,
                          start, stop, bold)  # fmt: skip
        elif content[:1] == "\\" and content[1:] in _NAMED:
            self.at = stop
            self._add("name", COMMANDS[content[1:]][1], start, stop, bold)

    def _delimiter(self, side: str, start: int, end: int) -> None:
        r"""What stands behind \left or \right."""
        match = _DELIMITER.match(self.text, end)
        sign = match.group(1) if match else ""
        brackets = {
            "(": "(", ")": ")", "[": "[", "]": "]", "\\{": "{", "\\}": "}", "|": "|", "\\|": "‖",
            ".": ".", "\\lbrace": "{", "\\rbrace": "}", "\\vert": "|", "\\lvert": "|",
            "\\rvert": "|", "\\Vert": "‖", "\\lVert": "‖", "\\rVert": "‖", "\\lbrack": "[",
            "\\rbrack": "]", "∣": "|", "‖": "‖",
        }  # fmt: skip
        if match is None or sign not in brackets:
            raise Mistake(
                f"a bracket is expected behind \\{side}",
                (start, end),
                f"write \\{side}( or \\{side}[ or \\{side}|",
            )
        self.at = match.end()
        kind = "open" if side == "left" else "close"
        self._brace(kind, "visible")
        self._add(kind, brackets[sign], start, self.at)

    # -- single characters -----------------------------------------------------------------

    def _brace(self, kind: str, what: str) -> None:
        if kind == "open":
            self.braces.append(what)
        elif self.braces:
            self.braces.pop()

    def _close(self, text: str, _what: str, start: int, end: int) -> None:
        if self.braces:
            self.braces.pop()
        self._add("close", text, start, end)

    def _escape(self, part: str, start: int, end: int) -> None:
        sign = part[1]
        if sign in "{}":
            kind = "open" if sign == "{" else "close"
            self._brace(kind, "visible")
            self._add(kind, sign, start, end)
        elif sign == "|":
            self._add("bar", "‖", start, end)
        elif sign in "([":
            self._enter(part, "\\)" if sign == "(" else "\\]", start, end)
            if sign == "[":
                self._add("break", "", start, end)
        elif sign in ")]":
            opened = "\\(" if sign == ")" else "\\["
            if not (self.math and self.math[-1][0] == opened):
                raise Mistake(f"this {part} closes nothing", (start, end), f"open it with {opened}")
            self._leave()
            if sign == "]":
                self._add("break", "", start, end)
        elif sign == "\n":
            self._newline("\n", start, end)
        elif sign not in ",;:!> \t/-'\"`.^~=":
            raise Mistake(f"`{part}` cannot be read", (start, end))

    def _other(self, part: str, start: int, end: int) -> None:
        if part == "{":
            before = self.found[-1] if self.found else None
            after_script = before is not None and before.kind in ("sub", "sup") and not before.raw
            self.braces.append("script" if after_script or self._in_script else "")
            self._add("open", "", start, end)
        elif part == "}":
            self._close("", "", start, end)
        elif part == "_":
            self._add("sub", "_", start, end)
        elif part == "~":
            return
        elif part == "&":
            if not self.braces or self.braces[-1] == "cases":
                self._add("align", "&", start, end)
        elif part in SIGNS:
            kind, text = SIGNS[part]
            if part == "." and self._decimal(start):
                return
            if kind in ("open", "close"):
                self._brace(kind, "visible")
            self._add(kind, text, start, end)
        elif part in FRACTIONS:
            self.found.append(number(fraction_text(part), start, part)._replace(end=end))
        elif part in UNREAD:
            self.found.append(Token("unread", part, start, end, UNREAD[part]))
        elif self._in_words and part in '!"`':
            self._add("prose", part, start, end)
        else:
            raise unreadable(part, start)

    def _decimal(self, start: int) -> bool:
        """.5 where no factor stands before the point."""
        digits = _DIGITS.match(self.text, start + 1)
        before = self.found[-1].kind if self.found else "sign"
        after_factor = before in ("name", "number", "close", "prime", "function", "sub")
        if digits is None or after_factor:
            return False
        self.at = digits.end()
        self.found.append(number("0" + self.text[start : self.at], start)._replace(end=self.at))
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


def _double_struck(letter: str) -> str:
    for name in ("MATHEMATICAL DOUBLE-STRUCK CAPITAL ", "DOUBLE-STRUCK CAPITAL "):
        try:
            return unicodedata.lookup(name + letter.upper())
        except KeyError:
            continue
    return letter
