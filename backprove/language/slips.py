"""What to say when a text does not follow the grammar: the commonest slips by name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NoReturn

from lark import UnexpectedCharacters, UnexpectedToken

from .tree import Mistake

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "LPAR": "`(`",
    "LSQB": "`[`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "SIGN": "`+` or `-`",
    "TIMES": "`*`",
    "OVER": "`/`",
    "CIRCUMFLEX": "`^`",
    "KIND": "`input`, `weight` or another kind of quantity",
    "UPDATE_KIND": "`rate`, `constant` or another kind of quantity",
    "DERIVATIVE": "`derivative`",
    "WITH": "`with`",
    "_NEWLINE": "the end of the line",
}
_OPERAND = {"NAME", "NUMBER", "LPAR"}
_FOLD_FORM = "a sum or maximum names its index first: `sum(k: x[k])`, `max(k: x[k])`"


def explain(error: UnexpectedToken, text: str, *, statements: tuple[str, ...]) -> NoReturn:
    """Turn the parser's refusal into a sentence for the commonest slips.

    statements: the words with which its lines may begin; none where it is one expression.
    """
    token, expected = error.token, set(error.expected)
    ended = token.type in ("_NEWLINE", "$END")
    at = len(text.rstrip()) if token.type == "$END" else (token.start_pos or 0)
    shown = str(token).strip()
    span = (at, at + max(1, len(shown)))
    before = text[text.rfind("\n", 0, at) + 1 : at].rstrip(" \t")
    what = "the line ends too early" if ended else f"`{shown}` does not fit here"
    bracket, word = _innermost(before)
    if shown == "*" and before.endswith("*"):
        raise Mistake("a power is written ^", (at - 1, at + 1), "write x^2 instead of x**2")
    if shown == "=" and "=" in before and token.type == "EQUAL":
        raise Mistake("an equation has one `=`", span)
    if before == "loss" and "NAME" in expected:
        raise Mistake("the loss needs a name", span, "write `loss J = …`")
    if statements and token.type == "NAME" and _NAME.fullmatch(before):
        close = get_close_matches(before, statements, 1)
        example = "weight" if "weight" in statements else "constant"
        hint = f"did you mean {close[0]}?" if close else f"write `name = …`, or `{example} name`"
        start = text.rfind(before, 0, at)
        raise Mistake(f"a line cannot begin with `{before} {shown}`", (start, span[1]), hint)
    if bracket == "[" and word:
        raise Mistake(what, span, "an index is a letter or a whole number, as in w[i,2]")
    if bracket == "(" and word in ("sum", "max") and ":" not in before.rpartition(word)[2]:
        raise Mistake(what, span, _FOLD_FORM)
    if shown == "," and bracket == "(":
        raise Mistake("a function has one argument", span, "write f(x)")
    if token.type in _OPERAND and "TIMES" in expected:
        raise Mistake(f"an operator is missing before `{shown}`", span, "to multiply, write `*`")
    if shown == "with":
        raise Mistake(what, span, "`with` follows a target or an abstract function")
    if expected >= _OPERAND:
        raise Mistake(f"{what}: an expression is missing", span)
    words = [words for name, words in _WORDS.items() if name in expected]
    raise Mistake(f"{what}: expected {' or '.join(words[:4])}" if words else what, span)


_NAME = re.compile(r"[^\W\d]\w*")
_OPENING = re.compile(r"(\w*)\s*([(\[])|[)\]]")


def _innermost(before: str) -> tuple[str, str]:
    """The bracket that is open at the end of `before`, and the word in front of it."""
    open_ = [("", "")]
    for match in _OPENING.finditer(before):
        if match[2]:
            open_.append((match[2], match[1]))
        elif len(open_) > 1:
            open_.pop()
    return open_[-1]


_SUPERSCRIPTS = "²³¹⁰⁴⁵⁶⁷⁸⁹"
_CHARACTERS = {
    **dict.fromkeys(_SUPERSCRIPTS, "a power is written ^, as in x^2"),
    "\\": "a .bp file is plain text, not LaTeX: write sum(k: …), sigmoid(z), alpha",
    "{": "a label stands directly behind a name: a{L-1}",
    "'": "a derivative is applied: f'(z)",
    "√": "write sqrt(…)",
    "∑": "write sum(k: …)",
    "!": "there is no such operator",
    "%": "there is no such operator; a comment begins with #",
    "@": "write a matrix product with its sum: sum(k: w[i,k]*x[k])",
}


def explain_character(error: UnexpectedCharacters, text: str) -> NoReturn:
    at = error.pos_in_stream
    assert at is not None
    character = text[at]
    # a token that is well formed but stands in the wrong place
    word = re.compile(r"[^\W\d]\w*|[0-9.]+|\S").match(text, at)
    shown = word.group() if word else character
    if character in _CHARACTERS:
        raise Mistake(f"`{character}` cannot be read", (at, at + 1), _CHARACTERS[character])
    if not character.isprintable():
        raise Mistake(f"the character {character!r} cannot be read", (at, at + 1))
    raise Mistake(f"`{shown}` does not fit here", (at, at + len(shown)))
