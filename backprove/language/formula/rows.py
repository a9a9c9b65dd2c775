"""A text to rows of tokens, one for each line that was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ..tree import MAX_CHARACTERS, MAX_EQUATION, Mistake, Span
from .latex import latex_tokens
from .plain import plain_tokens
from .prose import prose_of
from .tokens import Token, first_equal, is_equal, partners, stray_closes

MAX_LINES = 2_000
MAX_TOKENS = 150_000

_LONG = re.compile(rf"[^\n]{{{MAX_EQUATION + 1}}}")
_GOES_ON = frozenset(("sign", "times", "relation", "define", "sub", "sup"))
_NEEDS_ARGUMENT = frozenset(("sub", "sup", "fraction", "root", "accent", "wrapper"))


@dataclass
class Row:
    """The tokens of one line, and which of them are prose.

    soft: ended by the end of a line of the text inside a displayed formula, which LaTeX does
    not show. aligned, spaced: whether & or wide space stood first.
    """

    tokens: list[Token]
    prose: list[bool] = field(default_factory=list)
    soft: bool = False
    aligned: bool = False
    spaced: bool = False


def is_latex(text: str) -> bool:
    r"""Whether a text is LaTeX: it holds a \ or a _{ ."""
    return "\\" in text or "_{" in text


def tokens_of(text: str, latex: bool, words: Collection[str] = ()) -> list[Token]:
    """The tokens of a text that is not too long, without what only makes space."""
    if len(text) > MAX_CHARACTERS:
        raise Mistake(
            f"the text has {len(text):,} characters; more than {MAX_CHARACTERS:,} are not read",
            (0, 1),
            "hand in one derivation at a time",
        )
    if long := _LONG.search(text):
        raise Mistake(
            f"a line of more than {MAX_EQUATION:,} characters is not read",
            (long.start(), long.start() + 1),
            "give parts of it names of their own, or write them as sums over an index",
        )
    if text.count("\n") > 4 * MAX_LINES:
        raise too_many((0, 1))
    tokens = latex_tokens(text, words) if latex else plain_tokens(text)
    if len(tokens) > MAX_TOKENS:
        raise Mistake(
            f"the text has {len(tokens):,} signs and names; more than {MAX_TOKENS:,} are not read",
            tokens[MAX_TOKENS].span,
            "hand in one derivation at a time",
        )
    return list(_without_empty(_without_numbers(text, tokens)))


def rows_of(
    text: str, latex: bool, words: Collection[str] = ()
) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of a text, and what had to be dropped from it; what goes on in the next line of
    the text is one row."""
    tokens = tokens_of(text, latex, words)
    notes: list[str] = []
    for stray in reversed(stray_closes(tokens)):
        start = tokens[stray].start
        where = f"{text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"
        notes.insert(0, f"the ) at {where} closes nothing and is left out")
        del tokens[stray]
    partners(tokens)  # brackets are checked over the whole text first
    made: list[Row] = []
    for row in _split(tokens):
        row.prose = prose_of(row.tokens, text, latex)
        last = made[-1] if made else None
        if last is not None and _is_rest(last, row, text, latex):
            last.tokens += row.tokens
            last.prose += row.prose
            last.soft = row.soft
        else:
            made.append(row)
    return made, tuple(notes)


def too_many(span: Span) -> Mistake:
    """What to say of a text of too many lines."""
    return Mistake(
        f"more than {MAX_LINES:,} lines are not read", span, "hand in one derivation at a time"
    )


# -- what only makes space -------------------------------------------------------------------


def _without_numbers(text: str, tokens: Sequence[Token]) -> list[Token]:
    """The tokens without the numbers of lines: 1) or a) where a line begins."""
    kept: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth < 0 and token.text == ")" and kept and kept[-1].kind in ("number", "name"):
            before = text[text.rfind("\n", 0, kept[-1].start) + 1 : kept[-1].start]
            if not before.strip() and len(kept[-1].text) <= 3:
                kept.pop()
                depth = 0
                continue
        kept.append(token)
    return kept


def _without_empty(tokens: Sequence[Token]) -> Iterator[Token]:
    r"""The tokens without {} and \frac{}{}."""
    bottoms: set[int] = set()  # where the second arguments of fractions begin
    open_: list[int] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "fraction" and _is_empty(tokens, at + 1) and _is_empty(tokens, at + 3):
            at += 5
            continue
        needed = at in bottoms or (at > 0 and tokens[at - 1].kind in _NEEDS_ARGUMENT)
        if _is_empty(tokens, at) and not needed:
            at += 2
            continue
        if token.kind == "open":
            open_.append(at)
        elif token.kind == "close" and open_:
            opening = open_.pop()
            if opening > 0 and tokens[opening - 1].kind == "fraction":
                bottoms.add(at + 1)
        yield token
        at += 1


def _is_empty(tokens: Sequence[Token], at: int) -> bool:
    """Whether {} stands at a place."""
    pair = [(t.kind, t.text) for t in tokens[at : at + 2]]
    return pair == [("open", ""), ("close", "")]


# -- rows ----------------------------------------------------------------------------------


def _split(tokens: Sequence[Token]) -> Iterator[Row]:
    """The rows that hold anything, without the signs that align them."""
    row = Row([])
    depth = count = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        outside = depth == 0
        if outside and token.kind in ("break", "newline"):
            row.soft = token.kind == "newline"
            if row.tokens:
                count += 1
                if count > MAX_LINES:
                    raise too_many(token.span)
                yield row
            row = Row([])
        elif outside and token.kind == "align":
            row.aligned |= not row.tokens
        elif outside and token.kind == "quad" and not row.tokens:
            row.spaced = True
        elif token.kind != "newline":
            row.tokens.append(token)
    if row.tokens:
        yield row


def _is_rest(last: Row, row: Row, text: str, latex: bool) -> bool:
    """Whether a row is the rest of the one before."""
    if last.prose[-1] or row.prose[0]:
        return False
    first, end = row.tokens[0], last.tokens[-1]
    if end.kind in _GOES_ON and not (end.kind == "times" and end.text == "."):
        return True
    claims = first_equal(row.tokens) >= 0
    if first.kind in ("relation", "define"):
        return not is_equal(first)
    if first.kind == "times":
        return not claims or first.text not in ("*", "·", ".")
    if first.kind == "sign" and (first.text == "+" or claims):
        return first.text == "+"
    if first.kind == "sign":  # a minus between two terms has space behind it
        spaced = text[first.end : first.end + 1] in (" ", "\t")
        return row.aligned or row.spaced or last.soft if latex else spaced
    return last.soft and not claims
