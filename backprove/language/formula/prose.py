"""Which tokens of a row are prose: words, and what only words stand around."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .tokens import Token, partners
from .words import is_short, word_set

_WORD = re.compile(r"[^\W\d_]{2,}")
_BLANKS = " \t\n,;.:"
_EQUATION = word_set("eq eqn eqns eqs equation equations")
_OPERANDS = word_set("name number prose d function big fraction open change")
_SEPARATES = word_set("comma semicolon colon")
_TITLE = word_set("name number prose function comma colon sub")
"""What a title consists of: words and names, and nothing that is done with them."""


def prose_of(tokens: Sequence[Token], text: str, latex: bool) -> list[bool]:
    """For each token of a row whether it is prose, or in a remark in brackets."""
    partner = partners(tokens)
    prose = [False] * len(tokens)
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "open":
            close = partner[place]
            if token.text in ("(", "[") and _is_remark(tokens[place + 1 : close]):
                prose[place : close + 1] = [True] * (close + 1 - place)
            place = close
        elif token.kind == "prose":
            prose[place] = True
        place += 1
    if not latex:
        _absorb_words(tokens, text, prose)
    _absorb_numbers(tokens, partner, prose)
    return prose


def is_word(token: Token) -> bool:
    """Whether a token is letters only, two or more."""
    bare = not token.label and token.brackets is None
    named = token.kind in ("name", "function", "prose")
    return named and bare and _WORD.fullmatch(token.raw or token.text) is not None


def spoken(token: Token) -> frozenset[str]:
    """The words of a remark, in small letters."""
    return frozenset(word.strip(" .,:;()").lower() for word in token.text.split())


def _is_remark(inside: Sequence[Token]) -> bool:
    """Whether words stand in a bracket, and not those of cases."""
    return any(t.kind == "prose" for t in inside) and all(t.text != "cases" for t in inside)


def _absorb_words(tokens: Sequence[Token], text: str, prose: list[bool]) -> None:
    """Make words of plain text prose where prose stands beside them, or three in a row."""
    word = [is_word(token) and _stands_apart(token, text) for token in tokens]
    for order in (range(1, len(tokens)), range(len(tokens) - 2, -1, -1)):
        for place in order:
            beside = place - order.step
            prose[place] |= word[place] and prose[beside]
    run = 0
    for place in range(len(tokens) + 1):
        if place < len(tokens) and word[place]:
            run += 1
            continue
        if run >= 3:
            prose[place - run : place] = [True] * run
        run = 0
    if all(token.kind in _TITLE for token in tokens) and any(
        word[place] and word[place - 1] for place in range(1, len(tokens))
    ):
        prose[:] = [True] * len(tokens)
    for place in range(len(tokens) - 1):  # so x = y
        begins = place == 0 or tokens[place - 1].kind in _SEPARATES or tokens[place - 1].text == "."
        if begins and word[place] and is_short(tokens[place].text):
            prose[place] |= tokens[place + 1].kind in _OPERANDS


def _stands_apart(token: Token, text: str) -> bool:
    """Whether blanks or punctuation stand on both sides."""
    before, after = text[token.start - 1 : token.start], text[token.end : token.end + 1]
    return before in _BLANKS and after in _BLANKS


def _absorb_numbers(tokens: Sequence[Token], partner: Sequence[int], prose: list[bool]) -> None:
    """The number behind a word such as eq., (2.3)."""
    for place, token in enumerate(tokens):
        at = place + 1
        if token.kind != "prose" or not spoken(token) & _EQUATION or at == len(tokens):
            continue
        if tokens[at].text == "." and at + 1 < len(tokens):
            prose[at] = True
            at += 1
        if tokens[at].kind == "open":
            prose[at : partner[at] + 1] = [True] * (partner[at] + 1 - at)
        elif tokens[at].kind == "number":
            prose[at] = True
