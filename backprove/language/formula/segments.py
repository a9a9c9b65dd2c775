"""A row to the formulas that it holds: between words, commas and signs such as ⇒."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..tree import Mistake
from .prose import is_word, spoken
from .rows import Row
from .tokens import Token, first_equal, outside, partners
from .words import CONDITION, LET, OTHERWISE, RANGE, word_set

_IDLE = frozenset(("comma", "semicolon", "quad", "colon", "align"))
_NONE: frozenset[str] = frozenset()
_INDEX = frozenset("ijklmnpqrst")
_COMPARES = frozenset("≠<>≤≥")
_ENDS_FACTOR = frozenset(("name", "number", "close", "prime", "sub"))
_KEEPS_LET = word_set("and also or")


@dataclass
class Segment:
    """The tokens of one formula.

    word: whether words stand at one of its ends. let: whether a word such as "let" or "where"
    stands before it. condition: where it is claimed, `i ≠ j`; empty for everywhere.
    """

    tokens: list[Token]
    word: bool = False
    let: bool = False
    condition: list[Token] = field(default_factory=list)

    @property
    def claims(self) -> bool:
        """Whether it is an equation."""
        return first_equal(self.tokens) >= 0


def segments_of(row: Row) -> list[Segment]:
    """The formulas of a row. Raises Mistake for a condition on other lines."""
    parts = [part for whole in _between(row) for part in _at_quads(whole)]
    kept: list[Segment] = []
    for part in _without_range(parts):
        before = kept[-1] if kept else None
        if before is not None and before.claims and _is_condition(part.tokens):
            before.condition = before.condition or part.tokens
            continue
        _cut_condition(part)
        kept.append(part)
    return kept


def _is_condition(tokens: Sequence[Token]) -> bool:
    """Whether tokens only compare: i ≠ j, z > 0, and i = j of index letters."""
    signs = [t.text for _, t in outside(tokens) if t.kind == "relation"]
    if len(signs) != 1:
        return False
    return signs[0] in _COMPARES or (signs[0] == "=" and _compares_indices(tokens))


def _compares_indices(tokens: Sequence[Token]) -> bool:
    """Whether tokens are i = j or i ≠ 2."""
    if len(tokens) != 3 or not _is_index(tokens[0]):
        return False
    return tokens[1].text in "=≠" and (tokens[2].kind == "number" or _is_index(tokens[2]))


def _is_index(token: Token) -> bool:
    return token.kind == "name" and (token.raw or token.text) in _INDEX


def _cut_condition(segment: Segment) -> None:
    """Take the condition in parentheses at the end of a claim, (i ≠ j), off it."""
    tokens = segment.tokens
    if segment.condition or not segment.claims or tokens[-1].kind != "close":
        return
    opening = partners(tokens)[len(tokens) - 1]
    if opening < 2 or tokens[opening].text != "(":
        return
    inner = tokens[opening + 1 : -1]
    before = tokens[opening - 1]
    if before.kind == "quad":
        found = _is_condition(inner)
    else:
        found = before.kind in _ENDS_FACTOR and _compares_indices(inner)
    if found:
        segment.condition = inner
        segment.tokens = trimmed(tokens[:opening])


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


def _between(row: Row) -> list[Segment]:
    """What stands between words and signs, cut there."""
    conditions = _conditions(row)
    found: list[Segment] = []
    ahead: list[Token] = []  # a condition that stands before what it is on
    current = Segment([])
    depth = place = 0
    while place < len(row.tokens):
        token = row.tokens[place]
        if place in conditions:
            run = trimmed(row.tokens[place : conditions[place]], remark=True)
            claims = [segment for segment in found if segment.claims]
            if claims and not claims[-1].condition:
                claims[-1].condition = run
            else:
                ahead = run
            place = conditions[place]
            current = Segment([], condition=ahead)
            continue
        place += 1
        if row.prose[place - 1]:
            found += _kept(current, word=True)
            said = spoken(token) if token.kind in ("prose", "name") else frozenset()
            let = bool(said & LET) or (current.let and said <= _KEEPS_LET)
            current = Segment([], True, let, ahead)
            continue
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth > 0 or token.kind not in ("comma", "semicolon", "implies", "colon"):
            current.tokens.append(token)
        elif token.kind == "colon":
            _check_label(current, token, row)
            current = Segment([], True, current.let, ahead)
        else:
            found += _kept(current)
            listed = token.kind == "comma" and current.word and not current.claims
            current = Segment([], listed, current.let and token.kind != "implies", ahead)
    found += _kept(current)
    return found


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


def _conditions(row: Row) -> dict[int, int]:
    """Where the conditions on claims begin and end, behind words such as `if`.

    Makes the range of an index behind `for` prose. Raises Mistake for a condition on the lines
    below, and for one beside `otherwise`.
    """
    found: dict[int, int] = {}
    first = first_equal(row.tokens)
    words = {word for t in row.tokens if t.kind == "prose" for word in spoken(t)}
    for place, token in enumerate(row.tokens):
        said = spoken(token) if row.prose[place] and token.kind in ("prose", "name") else _NONE
        if not said & (CONDITION | RANGE):
            continue
        size = len(row.prose)
        start = next((p for p in range(place, size) if not row.prose[p]), size)
        end = next((p for p in range(start, size) if row.prose[p]), size)
        run = row.tokens[start:end]
        relations = [t for _, t in outside(run) if t.kind in ("relation", "define")]
        if not relations:
            continue
        if said & RANGE and _is_range(run, relations):
            row.prose[start:end] = [True] * len(run)
            continue
        commas = (p for p, t in outside(run) if t.kind in ("comma", "semicolon", "colon"))
        end = start + next(commas, len(run))
        claims = 0 <= first < place or first_equal(_sentence(row, end)) >= 0
        heading = row.tokens[-1].kind == "colon" and end >= size - 1
        if heading or (claims and words & OTHERWISE):
            word = min(said & (CONDITION | RANGE))
            raise Mistake(
                f"a claim under a condition, `{word} …`, is not read here",
                relations[0].span,
                "write the condition behind each line, or write cases",
            )
        if claims:
            found[start] = end
    return found


def _is_range(run: Sequence[Token], relations: Sequence[Token]) -> bool:
    """Whether tokens say how far an index runs: k = 1, …, n."""
    signs = [t.text for t in relations]
    dots = any(t.kind == "dots" for t in run)
    between = len(signs) == 2 and set(signs) <= {"≤", "<"}
    return signs == ["∈"] or (signs == ["="] and dots) or between


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
            yield Segment(trimmed(part), segment.word, segment.let, segment.condition)
        return
    if len(parts) > 1 and first_equal(parts[0]) > 0 and _is_condition(parts[-1]):
        segment.condition = segment.condition or parts.pop()
    segment.tokens = _without_number(_joined(parts))
    yield segment


def _joined(parts: Sequence[list[Token]]) -> list[Token]:
    """The parts as one; wide space stays before a bracket, which may hold a condition."""
    tokens: list[Token] = []
    for part in parts:
        if tokens and part[0].kind == "open":
            tokens.append(Token("quad", "", part[0].start, part[0].start))
        tokens += part
    return tokens


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
