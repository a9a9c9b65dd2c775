"""Plain text to tokens: the `.bp` syntax, and what is printed on terminals."""

from __future__ import annotations

import re
import unicodedata

from .names import BIG_WORDS, is_called
from .scanner import fraction_text, unreadable
from .tokens import (
    FRACTIONS,
    SIGNS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    UNREAD,
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
    r"|(?P<contraction>(?i:isn|doesn|don|can|let|it|that|won|here|we|what|there)['’](?:t|s|ll|re)\b)"
    rf"|(?P<big>[Σ∑Π∏]|(?:max|argmax|min|sum|prod)(?=_))"
    rf"|(?P<name>{_NAME})"
    rf"|(?P<above>[{_ABOVE}]+)"
    rf"|(?P<below>_(?P<sub>{_MORE}+(?:,{_MORE}+(?!\s*=))*))"
    r"|(?P<power>\*\*)"
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
_PRIMES = re.compile("['′’]+")
_COMMAS = re.compile(r"(?:,(?:[0-9]+|[a-zℓ][0-9]*)(?![\w({\[]))+")
_EQUALS = re.compile(r"\s*=")
_INDEX_END = re.compile(r"(?:[0-9]+|[a-zℓ][0-9]*)\Z")
_AFTER = re.compile(r"[ \t]*(.)")
_SIGNS_BESIDE = frozenset("=+*/^·×⊙⊘-−([{_'′")
_LITTLE = frozenset(("is", "of", "we", "it"))
_BIG_OF = {"Σ": "sum", "∑": "sum", "Π": "prod", "∏": "prod"}
_COMPARE = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}
_LISTS = frozenset(("sum", "max", "argmax", "delta", "min", "prod"))


def plain_tokens(text: str) -> list[Token]:
    """The tokens of a plain text. Raises Mistake at what cannot be one."""
    found: list[Token] = []
    lists: list[bool] = []  # for each open bracket, whether index letters are listed in it
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        assert match is not None  # the last alternative takes anything
        kind, (start, at) = match.lastgroup, match.span()
        part = match.group()
        if kind == "blank":
            continue
        if kind == "name":
            at = _name(text, part, start, at, found, bool(lists and lists[-1]))
        elif kind == "number":
            if part[0] == "." and found and _ends_factor(found[-1]) and found[-1].end == start:
                found.append(Token("times", ".", start, start + 1))  # w.5
                at = start + 1
            else:
                found.append(number(part, start))
        elif kind in ("newline", "display"):
            if not lists:
                found.append(Token("break", "", start, at))
        elif kind == "above":
            found.extend(scripts(part, start))
        elif kind == "below":
            found.append(Token("sub", "_", start, at, raw=_below(match["sub"])))
        elif kind == "big":
            found.append(Token("big", _BIG_OF.get(part, part), start, at))
            at = _first_of_sum(text, at, found)
        elif kind == "contraction":
            found.append(Token("prose", part, start, at))
        elif kind == "power":
            found.append(Token("sup", "^", start, at))
        elif kind == "turned" and found and _ends_factor(found[-1]):
            found.extend(
                (
                    Token("sup", "^", start, start),
                    Token("open", "", start, start),
                    Token("name", "T", start + 1, at),
                    Token("close", "", at, at),
                )
            )
        elif kind == "turned":
            found.append(Token("times", ".", start, start + 1))
            at = start + 1
        elif kind == "implies":
            found.append(Token("implies", "⇒", start, at))
        elif kind == "arrow":
            sign = "←" if "<" in part else "→"
            found.append(Token("unread", part, start, at, UNREAD[sign]))
        elif kind == "compare":
            sign = _COMPARE.get(part, "")
            found.append(Token(*(("relation", sign) if sign else ("define", ":=")), start, at))
        elif kind == "dots":
            found.append(Token("dots", "…", start, at))
        else:
            _other(part, start, found, lists)
    return found


def _first_of_sum(text: str, at: int, found: list[Token]) -> int:
    """The letter and the number from which it starts, of Σ_k=1^n; returns where they end."""
    match = _FROM.match(text, at)
    if match is None:
        return at
    letter, sign, first = match.start(1), match.end(1), match.start(2)
    starts_at_number = match[2].isdigit()
    found += [
        Token("sub", "_", at, letter),
        Token("open", "", letter, letter),
        Token("name", match[1], letter, sign),
        Token("relation", "=", sign, first),
        number(match[2], first)
        if starts_at_number
        else Token("name", match[2], first, match.end()),
        Token("close", "", match.end(), match.end()),
    ]
    return match.end()


def _ends_factor(token: Token) -> bool:
    return token.kind in ("name", "number", "close", "prime", "sub")


def _below(text: str) -> str:
    """What stands below, with subscript digits as digits: 12 of ₁₂."""
    return "".join(SUBSCRIPTS.get(c, c) for c in text)


def _name(text: str, part: str, start: int, end: int, found: list[Token], listed: bool) -> int:
    """A name with its label or indices; returns where it ends."""
    if part[0] in "Δ∆" and len(part) > 1:  # Δw
        found.append(Token("change", "Δ", start, start + 1))
        start, part = start + 1, part[1:]
        if not part[0].isalpha():
            found.pop()
            start, part = start - 1, "Δ" + part
    elif part == "Δ":
        found.append(Token("change", "Δ", start, end))
        return end
    follows = text[end : end + 1]
    indexed = follows == "," and "_" in part and not listed and _INDEX_END.search(part)
    commas = _COMMAS.match(text, end) if indexed else None
    if commas and not (_EQUALS.match(text, commas.end()) and _has_equal(found)):
        # w_1,12^(2): indices above 9 have commas between them
        part += commas.group()
        end = commas.end()
        follows = text[end : end + 1]
    raw = part if part.isascii() else unicodedata.normalize("NFC", part)
    called = is_called(part) and (follows in ("(", " ", "'", "′", "’", "^", "") or not follows)
    if called and part not in ("σ",):
        found.append(Token("function", part, start, end, raw))
        return end
    if (part in BIG_WORDS or part in ("sum", "prod")) and follows == "(":
        found.append(Token("big", part, start, end, raw))
        return end
    if _is_prose(text, part, end, found):
        found.append(Token("prose", part, start, end, raw))
        return end
    label, brackets = "", None
    if follows == "{" and (matched := _LABEL.match(text, end)):
        label, end = "".join(matched.group(1).split()).replace("−", "-"), matched.end()
    if text[end : end + 1] == "[" and (matched := _BRACKETS.match(text, end)):
        brackets = tuple("".join(piece.split()) for piece in matched.group(1).split(","))
        end = matched.end()
    letter, bold = letter_of(raw) if len(raw) == 1 else (raw, False)
    found.append(Token("name", letter, start, end, raw, label, brackets, bold))
    return end


def _is_prose(text: str, word: str, end: int, found: list[Token]) -> bool:
    """Whether a word is English here, and stands beside no sign of a formula."""
    small = word.lower()
    if small in LET | CONDITION | RANGE:
        return True
    if not is_english(word) and small not in _LITTLE:
        return False
    after = _AFTER.match(text, end)
    beside = after is not None and after.group(1) in _SIGNS_BESIDE
    before = found[-1] if found else None
    after_sign = before is not None and before.kind in ("times", "sign") and before.text != "."
    return not beside and not after_sign


def _has_equal(found: list[Token]) -> bool:
    """Whether an = stands in this line before: what follows a comma may be another equation."""
    for token in reversed(found):
        if token.kind in ("break", "semicolon", "prose"):
            return False
        if token.text == "=":
            return True
    return False


def _other(part: str, start: int, found: list[Token], lists: list[bool]) -> None:
    """A single character."""
    end = start + 1
    if part in SIGNS:
        kind, shown = SIGNS[part]
        if kind == "open":
            before = found[-1] if found else None
            close = before is not None and before.end == start
            lists.append(bool(close and before is not None and before.text in _LISTS))
        elif kind == "close" and lists:
            lists.pop()
        found.append(Token(kind, shown, start, end))
    elif part in "{}":
        kind = "open" if part == "{" else "close"
        if kind == "open":
            lists.append(False)
        elif lists:
            lists.pop()
        found.append(Token(kind, part, start, end))
    elif part in FRACTIONS:
        found.append(number(fraction_text(part), start, part)._replace(end=end))
    elif part == "@":
        found.append(Token("times", "", start, end))
    elif part == "_":
        found.append(Token("sub", "_", start, end))
    elif part == "&":
        found.append(Token("align", "&", start, end))
    elif part == "$":
        return  # a dollar sign around a formula
    elif part in UNREAD:
        found.append(Token("unread", part, start, end, UNREAD[part]))
    elif part in '!"`':
        found.append(Token("prose", part, start, end))
    else:
        raise unreadable(part, start)
