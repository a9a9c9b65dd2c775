"""A row to the formulas that it holds: between words, commas and signs such as ⇒."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..tree import Mistake
from .prose import is_word, spoken
from .rows import Row
from .tokens import Token, first_equal, is_equal, outside
from .words import CONDITION, LET, RANGE, word_set

_IDLE = frozenset(("comma", "semicolon", "quad", "colon", "align"))
_KEEPS_LET = word_set("and also or")


@dataclass
class Segment:
    """The tokens of one formula.

    word: whether words stand at one of its ends. let: whether a word such as "let" or "where"
    stands before it.
    """

    tokens: list[Token]
    word: bool = False
    let: bool = False

    @property
    def claims(self) -> bool:
        """Whether it is an equation."""
        return first_equal(self.tokens) >= 0


def segments_of(row: Row) -> list[Segment]:
    """The formulas of a row. Raises Mistake for a claim under a condition."""
    return _without_range([part for whole in _between(row) for part in _at_quads(whole)])


def trimmed(tokens: list[Token], remark: bool = False) -> list[Token]:
    """Tokens without the punctuation at their ends.

    remark: whether words or a number follow, so that dots before them are punctuation too.
    """
    low, high = 0, len(tokens)
    while low < high and tokens[low].kind in _IDLE:
        low += 1
    while high > low:
        token = tokens[high - 1]
        full_stop = token.kind == "times" and token.text == "."
        before = tokens[high - 2].kind if high - 1 > low else "sign"
        dots = remark and token.kind == "dots" and before not in ("sign", "times", "comma")
        if not (token.kind in _IDLE or full_stop or dots):
            break
        high -= 1
    return tokens[low:high]


def _between(row: Row) -> Iterator[Segment]:
    """What stands between words and signs, cut there."""
    current = Segment([])
    depth = 0
    for place, token in enumerate(row.tokens):
        if row.prose[place]:
            yield from _kept(current, word=True)
            said = spoken(token) if token.kind in ("prose", "name") else frozenset()
            if said & (CONDITION | RANGE):
                _check_condition(row, place, said)
            let = bool(said & LET) or (current.let and said <= _KEEPS_LET)
            current = Segment([], True, let)
            continue
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth > 0 or token.kind not in ("comma", "semicolon", "implies", "colon"):
            current.tokens.append(token)
        elif token.kind == "colon":
            _check_label(current, token, row)
            current = Segment([], True, current.let)
        else:
            yield from _kept(current)
            listed = token.kind == "comma" and current.word and not current.claims
            current = Segment([], listed, current.let and token.kind != "implies")
    yield from _kept(current)


def _kept(current: Segment, word: bool = False) -> Iterator[Segment]:
    """The segment, if it holds more than punctuation or the number of an equation."""
    current.word |= word
    kept = trimmed(current.tokens, word)
    if kept and not (_is_number(kept) and current.tokens[0].kind == "quad"):
        current.tokens = kept
        yield current


def _check_label(current: Segment, colon: Token, row: Row) -> None:
    """What stands before a colon must be words, or a formula in a sentence."""
    label = all(token.kind == "number" or is_word(token) for token in current.tokens)
    if not label and not any(row.prose):
        raise Mistake(
            "a colon stands behind a formula", colon.span, "write = between two equal things"
        )


def _check_condition(row: Row, place: int, said: frozenset[str]) -> None:
    """Make the range of an index behind `for` prose; refuse a condition on a claim."""
    size = len(row.prose)
    start = next((p for p in range(place, size) if not row.prose[p]), size)
    end = next((p for p in range(start, size) if row.prose[p]), size)
    run = row.tokens[start:end]
    relations = [t for _, t in outside(run) if t.kind in ("relation", "define")]
    if not relations:
        return
    signs = [t.text for t in relations]
    dots = any(t.kind == "dots" for t in run)
    between = len(signs) == 2 and set(signs) <= {"≤", "<"}
    if said & RANGE and (signs == ["∈"] or (signs == ["="] and dots) or between):
        row.prose[start:end] = [True] * len(run)
        return
    sentence = [*row.tokens[:place], *_sentence(row, place)]
    claims = any(is_equal(t) for _, t in outside(sentence))
    heading = row.tokens[-1].kind == "colon" and end == size
    if claims or heading:
        word = min(said & (CONDITION | RANGE))
        raise Mistake(
            f"a claim under a condition, `{word} …`, is not read",
            relations[0].span,
            "write the condition into the formula, as [j = k] or cases",
        )


def _sentence(row: Row, place: int) -> list[Token]:
    """The tokens from a place to the full stop behind which words follow."""
    end = place
    while end < len(row.tokens):
        stop = row.tokens[end].text == "." and row.tokens[end].kind == "times"
        if stop and end + 1 < len(row.tokens) and row.prose[end + 1]:
            break
        end += 1
    return row.tokens[place:end]


def _at_quads(segment: Segment) -> Iterator[Segment]:
    """A segment cut at wide spaces where each part is an equation of its own."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in segment.tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.kind == "quad":
            parts.append([])
        else:
            parts[-1].append(token)
    parts = [part for part in parts if part]
    if len(parts) > 1 and _is_number(parts[-1]):
        parts.pop()
    if len(parts) > 1 and all(first_equal(part) > 0 for part in parts):
        for part in parts:
            yield Segment(trimmed(part), segment.word, segment.let)
        return
    segment.tokens = _without_number([token for part in parts for token in part])
    yield segment


def _is_number(tokens: Sequence[Token]) -> bool:
    """Whether tokens are the number of an equation, (1.2)."""
    return [t.kind for t in tokens] == ["open", "number", "close"] and tokens[0].text == "("


def _without_number(tokens: list[Token]) -> list[Token]:
    """The tokens without the number of an equation that wide space or dots set apart."""
    if len(tokens) > 3 and _is_number(tokens[-3:]):
        before, number = tokens[-4:-2]
        if number.start - before.end >= 2 or before.kind == "dots":
            return trimmed(tokens[:-3], remark=True)
    return tokens


def _without_range(segments: list[Segment]) -> list[Segment]:
    """The segments without a range of an index behind them: j = 1, …, n."""
    kinds = [[t.kind for t in segment.tokens] for segment in segments]
    if ["dots"] not in kinds:
        return segments
    dots = kinds.index(["dots"])
    start = dots - 1
    while start >= 0 and kinds[start] == ["number"]:
        start -= 1
    if start < 0 or kinds[start] != ["name", "relation", "number"]:
        return segments
    return segments[:start] + segments[dots + 2 :]
