"""Plain text to tokens: the `.bp` syntax, and what is printed on terminals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from .names import is_called
from .numpy_calls import respelled
from .scanner import fraction_text, unreadable
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
    scripts,
)
from .words import CONDITION, LET, RANGE, is_english

_ABOVE = "".join(SUPERSCRIPTS)
_START = rf"[^\W\d_{FRACTIONS}{_ABOVE}ΣΠ]"
_MORE = rf"(?:[^\W_{FRACTIONS}{_ABOVE}]|[\u0300-\u036f])"
_NAME = rf"{_START}{_MORE}*(?:_{_MORE}+)*"

_PART = re.compile(
    r"(?P<blank>[ \t\f\v\u00a0\u2000-\u200d\u2060-\u2064\ufeff]+|#[^\n]*)"
    r"|(?P<display>\$\$)"
    r"|(?P<newline>\r?\n|\r|<br\s*/?>)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+(?![^\W_]))?)"
    r"|(?P<module>(?:np|numpy|torch|math)\.(?=[a-z]+\())"
    r"|(?P<contraction>(?i:isn|doesn|don|can|let|it|that|won|here|we|what|there)['’](?:t|s|ll|re)\b)"
    rf"|(?P<big>[Σ∑Π∏]|(?:max|argmax|min|sum|prod)(?=_))"
    rf"|(?P<name>{_NAME})"
    rf"|(?P<above>[{_ABOVE}]+)"
    rf"|(?P<below>_{_MORE}+(?:,{_MORE}+(?!\s*=))*)"
    r"|(?P<power>\*\*)"
    r"|(?P<dot>\.dot(?=\())"
    r"|(?P<turned>\.T(?![^\W_]))"
    r"|(?P<implies>=>|==>)"
    r"|(?P<arrow>->|<-|-->|<--)"
    r"|(?P<compare>==|!=|<=|>=|:=)"
    r"|(?P<dots>\.\.\.+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_FROM = re.compile(r"_([^\W\d_][0-9]*)=([0-9]+|[^\W\d_]\w*)")
_LABEL = re.compile(r"\{\s*([^\W\d]\w*\s*(?:[-+−]\s*[0-9]+)?|[0-9]+)\s*\}")
_ATOM = rf"\s*(?:{_START}{_MORE}*['′]?|[0-9]+)(?:\s*[-+]\s*[0-9]+)?\s*"
_BRACKETS = re.compile(rf"\[({_ATOM}(?:,{_ATOM})*)\]")
_COMMAS = re.compile(r"(?:,(?:[0-9]+|[a-zℓ][0-9]*)(?![\w({\[]))+")
_EQUALS = re.compile(r"\s*=")
_INDEX_END = re.compile(r"(?:[0-9]+|[a-zℓ][0-9]*)\Z")
_AFTER = re.compile(r"[ \t]*(.)")
_SIGNS_BESIDE = frozenset("=+*/^·×⊙⊘-−([{_'′")
_BEFORE_ARGUMENT = ("(", " ", "'", "′", "’", "^", "")
_ALWAYS_PROSE = LET | CONDITION | RANGE
_LITTLE = frozenset(("is", "of", "we", "it"))
_ALWAYS: dict[str, tuple[Kind, str]] = {
    "power": ("sup", "^"), "dot": ("times", "."), "implies": ("implies", "⇒"),
    "dots": ("dots", "…"),
}  # fmt: skip
_BIG_OF = {"Σ": "sum", "∑": "sum", "Π": "prod", "∏": "prod"}
_COMPARE = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}
_LISTS = frozenset(("sum", "max", "argmax", "delta", "min", "prod"))


def plain_tokens(text: str) -> list[Token]:
    """The tokens of a plain text. Raises Mistake at what cannot be one."""
    return respelled(_Plain(text).tokens(), text)


class _Plain:
    """Reads plain text from its beginning to its end.

    lists: for each open bracket, whether index letters are listed in it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: list[Token] = []
        self.lists: list[bool] = []

    def tokens(self) -> list[Token]:
        """All tokens."""
        handlers: dict[str, Callable[[str, int, int], None]] = {
            "newline": self._line_end, "display": self._line_end, "number": self._number,
            "contraction": self._contraction, "big": self._big, "name": self._name,
            "above": self._above, "below": self._below, "turned": self._turned,
            "arrow": self._arrow, "compare": self._compare, "other": self._other,
        }  # fmt: skip
        while self.at < len(self.text):
            match = _PART.match(self.text, self.at)
            assert match is not None  # the last alternative takes anything
            kind = match.lastgroup
            self.at = match.end()
            if kind in _ALWAYS:
                self.found.append(Token(*_ALWAYS[kind], *match.span()))
            elif kind is not None and kind in handlers:
                handlers[kind](match.group(), *match.span())
        return self.found

    def _add(self, kind: Kind, text: str, start: int, end: int, raw: str = "") -> None:
        self.found.append(Token(kind, text, start, end, raw))

    @property
    def _after_factor(self) -> bool:
        """Whether a factor ends right before."""
        factor = ("name", "number", "close", "prime", "sub")
        return bool(self.found) and self.found[-1].kind in factor

    # -- names -----------------------------------------------------------------------------

    def _name(self, part: str, start: int, end: int) -> None:
        """A name with its label or indices; a function; or a word of English."""
        if part[0] in "Δ∆":
            self._add("change", "Δ", start, start + 1)
            if len(part) == 1:
                return
            start, part = start + 1, part[1:]
        part += self._more_indices(part, end)
        end = self.at
        follows = self.text[end : end + 1]
        raw = part if part.isascii() else unicodedata.normalize("NFC", part)
        if part in ("max", "min", "argmax", "sum", "prod") and follows == "(":
            self._add("big", part, start, end, raw)
        elif is_called(part) and follows in _BEFORE_ARGUMENT:
            self._add("function", part, start, end, raw)
        elif self._is_prose(part, end):
            self._add("prose", part, start, end, raw)
        else:
            self._quantity(raw, start)

    def _quantity(self, raw: str, start: int) -> None:
        """A name, with { } or [ ] right behind it."""
        label, brackets = "", None
        if matched := _LABEL.match(self.text, self.at):
            label, self.at = "".join(matched.group(1).split()).replace("−", "-"), matched.end()
        if matched := _BRACKETS.match(self.text, self.at):
            brackets = tuple("".join(piece.split()) for piece in matched.group(1).split(","))
            self.at = matched.end()
        letter, bold = letter_of(raw) if len(raw) == 1 else (raw, False)
        self.found.append(Token("name", letter, start, self.at, raw, label, brackets, bold))

    def _more_indices(self, part: str, end: int) -> str:
        """,12 of w_1,12^(2): indices above 9 have commas between them."""
        listed = bool(self.lists) and self.lists[-1]
        if listed or "_" not in part or not _INDEX_END.search(part):
            return ""
        commas = _COMMAS.match(self.text, end)
        if commas is None or (_EQUALS.match(self.text, commas.end()) and self._has_equal()):
            return ""
        self.at = commas.end()
        return commas.group()

    def _has_equal(self) -> bool:
        """Whether an = stands in this line before: another equation may follow a comma."""
        for token in reversed(self.found):
            if token.kind in ("break", "semicolon", "prose"):
                return False
            if token.text == "=":
                return True
        return False

    def _is_prose(self, word: str, end: int) -> bool:
        """Whether a word is English here, and stands beside no sign of a formula."""
        small = word.lower()
        if small in _ALWAYS_PROSE:
            return True
        if not is_english(word) and small not in _LITTLE:
            return False
        after = _AFTER.match(self.text, end)
        beside = after is not None and after.group(1) in _SIGNS_BESIDE
        before = self.found[-1] if self.found else None
        after_sign = before is not None and before.kind in ("times", "sign") and before.text != "."
        return not beside and not after_sign

    def _contraction(self, part: str, start: int, end: int) -> None:
        self._add("prose", part, start, end)

    # -- above and below -------------------------------------------------------------------

    def _above(self, part: str, start: int, _end: int) -> None:
        self.found.extend(scripts(part, start))

    def _below(self, part: str, start: int, end: int) -> None:
        shown = "".join(SUBSCRIPTS.get(character, character) for character in part[1:])
        self._add("sub", "_", start, end, shown)

    def _turned(self, _part: str, start: int, end: int) -> None:
        """.T, transposed."""
        if not self._after_factor:
            self._add("times", ".", start, start + 1)
            self.at = start + 1
            return
        self._add("sup", "^", start, start)
        self._add("open", "", start, start)
        self._add("name", "T", start + 1, end)
        self._add("close", "", end, end)

    def _big(self, part: str, start: int, end: int) -> None:
        """Σ, with the letter and the number from which it starts, of Σ_k=1^n."""
        self._add("big", _BIG_OF.get(part, part), start, end)
        match = _FROM.match(self.text, end)
        if match is None:
            return
        letter, sign, first, self.at = match.start(1), match.end(1), match.start(2), match.end()
        self._add("sub", "_", end, letter)
        self._add("open", "", letter, letter)
        self._add("name", match[1], letter, sign)
        self._add("relation", "=", sign, first)
        self._add("number" if match[2].isdigit() else "name", match[2], first, self.at)
        self._add("close", "", self.at, self.at)

    # -- numbers and signs -----------------------------------------------------------------

    def _number(self, part: str, start: int, _end: int) -> None:
        if part[0] == "." and self._after_factor and self.found[-1].end == start:  # w.5
            self._add("times", ".", start, start + 1)
            self.at = start + 1
        else:
            self.found.append(number(part, start))

    def _line_end(self, _part: str, start: int, end: int) -> None:
        if not self.lists:
            self._add("break", "", start, end)

    def _arrow(self, part: str, start: int, end: int) -> None:
        self._add("unread", part, start, end, UNREAD["←" if "<" in part else "→"])

    def _compare(self, part: str, start: int, end: int) -> None:
        if part == ":=":
            self._add("define", part, start, end)
        else:
            self._add("relation", _COMPARE[part], start, end)

    def _other(self, part: str, start: int, end: int) -> None:
        """A single character."""
        kind, shown = SIGNS.get(part, (None, part))
        if part in "{}":
            kind = "open" if part == "{" else "close"
        if kind == "open":
            close = bool(self.found) and self.found[-1].end == start
            self.lists.append(close and self.found[-1].text in _LISTS)
        elif kind == "close" and self.lists:
            self.lists.pop()
        if kind is not None:
            self._add(kind, shown, start, end)
        elif part in FRACTIONS:
            self.found.append(number(fraction_text(part), start, part)._replace(end=end))
        elif part == "@":
            self._add("times", ".", start, end)
        elif part == "_":
            self._add("sub", "_", start, end)
        elif part == "&":
            self._add("align", "&", start, end)
        elif part in UNREAD:
            self._add("unread", part, start, end, UNREAD[part])
        elif part in '!"`':
            self._add("prose", part, start, end)
        elif part != "$":  # around a formula
            raise unreadable(part, start)
