"""A text of formulas to its lines: what is set equal to what, and what is words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..tree import MAX_CHARACTERS, MAX_EQUATION, Mistake, Span
from .cursor import Cut
from .latex import latex_tokens
from .parser import parse
from .plain import plain_tokens
from .tokens import Token, partners
from .tree import Change, Differential, FormulaLine, Formulas, Node, Symbol
from .words import CONDITION, LET, RANGE, is_short, word_set

MAX_LINES = 2_000
MAX_TOKENS = 150_000

_JOINS_NEXT = frozenset(("sign", "times", "relation", "define", "sub", "sup"))
_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG = re.compile(rf"[^\n]{{{MAX_EQUATION + 1}}}")
_CONNECTS = word_set("""
    so hence thus therefore then and now finally answer result solution or also but since because
    thereby we get obtain have find yields gives which is recall becomes that this from using here
    """)
"""Words after which an expression may stand alone."""


def is_latex(text: str) -> bool:
    r"""Whether a text is LaTeX: it holds a \ or a _{ ."""
    return "\\" in text or "_{" in text


def parse_formula(text: str) -> Node:
    """One expression, without a sign of equality. Raises Mistake."""
    tokens = [t for t in _tokens(text) if t.kind not in ("break", "newline", "align")]
    if not tokens:
        raise Mistake("an expression is expected", (0, 1), "write one, such as w*x")
    cut = Cut(text, is_latex(text), tokens)
    high = len(tokens)
    if tokens[-1].kind == "times" and tokens[-1].text == "." and high > 1:
        high -= 1
    for place in cut.level(0, high):
        if tokens[place].kind in ("relation", "define"):
            raise Mistake(
                "one expression is expected here, not an equation",
                tokens[place].span,
                "leave one of the sides out",
            )
    return parse(cut, 0, high)


def parse_formulas(text: str) -> Formulas:
    """The lines of a text, LaTeX or plain. Raises Mistake at the first that cannot be read."""
    latex = is_latex(text)
    tokens = _tokens(text)
    partners(tokens)  # brackets are checked over the whole text first
    rows = _joined([row for row in _rows(text, tokens) if row.tokens], text, latex)
    reader = _Reader(text, latex)
    for row in rows:
        reader.read(row)
    if not any(line.right is not None for line in reader.lines):
        raise Mistake(
            "there is no formula here",
            (0, 1),
            r"write an equation or an expression, such as \frac{\partial J}{\partial w} = …"
            if latex
            else "write an equation or an expression, such as ∂J/∂w = (h - y)*x",
        )
    return Formulas(text, latex, tuple(reader.lines))


def _tokens(text: str) -> list[Token]:
    """The tokens of a text that is not too long, without braces that hold nothing."""
    if len(text) > MAX_CHARACTERS:
        raise Mistake(
            f"the text has {len(text):,} characters; more than {MAX_CHARACTERS:,} are not read",
            (0, 1),
        )
    if long := _LONG.search(text):
        raise Mistake(
            f"a line of more than {MAX_EQUATION:,} characters is not read",
            (long.start(), long.start() + 1),
            "give parts of it names of their own, or write them as sums over an index",
        )
    if text.count("\n") > MAX_LINES * 4:
        raise Mistake(f"more than {MAX_LINES:,} lines are not read", (0, 1))
    tokens = latex_tokens(text) if is_latex(text) else plain_tokens(text)
    if len(tokens) > MAX_TOKENS:
        raise Mistake(
            f"the text has {len(tokens):,} signs and names; more than {MAX_TOKENS:,} are not read",
            tokens[MAX_TOKENS].span,
            "hand in one derivation at a time",
        )
    return list(_without_nothing(_without_numbers(text, tokens)))


def _without_nothing(tokens: Sequence[Token]) -> Iterator[Token]:
    r"""The tokens without {} and \frac{}{}, which only make space."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "fraction" and _empty(tokens, at + 1) and _empty(tokens, at + 3):
            at += 5
            continue
        before = tokens[at - 1].kind if at else "break"
        needed = before in ("sub", "sup", "fraction", "root", "accent", "wrapper") or (
            before == "close" and at > 2 and _argument_before(tokens, at)
        )
        if _empty(tokens, at) and not needed:
            at += 2
            continue
        yield token
        at += 1


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


def _empty(tokens: Sequence[Token], at: int) -> bool:
    if at + 1 >= len(tokens):
        return False
    first, second = tokens[at], tokens[at + 1]
    return (first.kind, first.text, second.kind, second.text) == ("open", "", "close", "")


def _argument_before(tokens: Sequence[Token], at: int) -> bool:
    r"""Whether {} is the second argument of a \frac."""
    depth = 0
    for place in range(at - 1, max(-1, at - 200), -1):
        depth += {"close": 1, "open": -1}.get(tokens[place].kind, 0)
        if depth == 0:
            return place > 0 and tokens[place - 1].kind == "fraction"
    return False


# -- rows ----------------------------------------------------------------------------------


@dataclass
class _Row:
    """The tokens of one line. soft: whether only a line end inside a display ended it."""

    tokens: list[Token]
    soft: bool = False
    aligned: bool = False
    spaced: bool = False
    words: list[bool] = field(default_factory=list)

    @property
    def has_words(self) -> bool:
        return any(self.words)


def _rows(text: str, tokens: Sequence[Token]) -> Iterator[_Row]:
    """The tokens between line ends, without the signs that align them."""
    row = _Row([])
    depth = 0
    count = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.kind in ("break", "newline"):
            row.soft = token.kind == "newline"
            count += bool(row.tokens)
            if count > MAX_LINES:
                raise Mistake(
                    f"more than {MAX_LINES:,} lines are not read",
                    token.span,
                    "hand in one derivation at a time",
                )
            yield row
            row = _Row([])
        elif depth == 0 and token.kind == "align":
            row.aligned |= not row.tokens
        elif depth == 0 and token.kind == "quad" and not row.tokens:
            row.spaced = True
        elif token.kind != "newline":
            row.tokens.append(token)
    yield row


def _joined(rows: list[_Row], text: str, latex: bool) -> list[_Row]:
    """Rows with those that go on in the next one put together."""
    made: list[_Row] = []
    for row in rows:
        row.words = _words(row.tokens, text, latex)
        last = made[-1] if made else None
        if last is not None and _goes_on(last, row, text, latex):
            last.tokens += row.tokens
            last.words += row.words
            last.soft = row.soft
        else:
            made.append(row)
    return made


def _goes_on(last: _Row, row: _Row, text: str, latex: bool) -> bool:
    """Whether a row is the rest of the one before."""
    if last.words[-1] or row.words[0]:
        return False
    first, end = row.tokens[0], last.tokens[-1]
    if end.kind in _JOINS_NEXT and not (end.kind == "times" and end.text == "."):
        return True
    equal = _first_equal(row.tokens)
    if first.kind in ("relation", "define"):
        return first.text not in ("=", ":=", "≡", "≜")
    if first.kind == "times":
        return equal < 0 or first.text not in ("*", "·", ".")
    if first.kind == "sign":
        if equal >= 0:
            return first.text == "+"
        after = text[first.end : first.end + 1]
        binary = after in (" ", "\t") if not latex else row.aligned or row.spaced or last.soft
        return first.text == "+" or binary
    return last.soft and equal < 0


def _first_equal(tokens: Sequence[Token]) -> int:
    """The place of the first sign of equality outside of brackets; -1 where there is none."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.kind in ("relation", "define") and token.text in _EQUALS:
            return place
    return -1


_EQUALS = frozenset(("=", ":=", "≡", "≜"))


# -- words ---------------------------------------------------------------------------------


def _words(tokens: Sequence[Token], text: str, latex: bool) -> list[bool]:
    """For each token of a row whether it is prose, or in a remark in parentheses."""
    partner = partners(tokens)
    prose = [False] * len(tokens)
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "open":
            close = partner[place]
            if token.text in ("(", "[") and _is_remark(tokens, place, close):
                prose[place : close + 1] = [True] * (close + 1 - place)
            place = close
        elif token.kind == "prose":
            prose[place] = True
        place += 1
    if not latex:
        _absorb(tokens, text, prose)
    _absorb_numbers(tokens, prose)
    return prose


def _is_remark(tokens: Sequence[Token], place: int, close: int) -> bool:
    """Whether words stand in a bracket, and not those of cases."""
    inside = tokens[place + 1 : close]
    return any(t.kind == "prose" for t in inside) and all(t.text != "cases" for t in inside)


def _absorb(tokens: Sequence[Token], text: str, prose: list[bool]) -> None:
    """Make words of plain text prose where prose stands beside them, or three in a row."""
    word = [_is_word(tokens, place, text) for place in range(len(tokens))]
    for order in (range(len(tokens)), range(len(tokens) - 1, -1, -1)):
        for place in order:
            sides = [p for p in (place - 1, place + 1) if 0 <= p < len(tokens)]
            if word[place] and any(prose[p] for p in sides):
                prose[place] = True
    run = 0
    for place in range(len(tokens) + 1):
        if place < len(tokens) and word[place]:
            run += 1
            continue
        if run >= 3:
            prose[place - run : place] = [True] * run
        run = 0
    first = tokens[0] if tokens else None
    if first is not None and word[0] and is_short(first.text):
        follows = tokens[1].kind if len(tokens) > 1 else "end"
        prose[0] |= follows in ("name", "number", "prose", "d", "function", "big", "fraction")


def _is_word(tokens: Sequence[Token], place: int, text: str) -> bool:
    """Whether a token is letters only, with blanks around it."""
    token = tokens[place]
    if token.kind not in ("name", "function") or token.label or token.brackets is not None:
        return False
    if not _WORD.fullmatch(token.raw or token.text):
        return False
    before, after = text[token.start - 1 : token.start], text[token.end : token.end + 1]
    return (not before or before in " \t\n,;.:") and (not after or after in " \t\n,;.:")


def _absorb_numbers(tokens: Sequence[Token], prose: list[bool]) -> None:
    """eq. (2.3) and what stands between words only."""
    partner = partners(tokens)
    for place, token in enumerate(tokens):
        if not prose[place] or token.kind != "prose":
            continue
        at = place + 1
        if token.text.strip(" .").lower() not in ("eq", "eqn", "eqs", "equation", "equations"):
            continue
        if at < len(tokens) and tokens[at].text == ".":
            prose[at] = True
            at += 1
        if at < len(tokens) and tokens[at].kind == "open":
            prose[at : partner[at] + 1] = [True] * (partner[at] + 1 - at)
        elif at < len(tokens) and tokens[at].kind == "number":
            prose[at] = True


# -- lines ---------------------------------------------------------------------------------


@dataclass
class _Segment:
    """Tokens between commas or words; word: whether words stand at one of its ends."""

    tokens: list[Token]
    word: bool = False
    let: bool = False


class _Reader:
    """Reads rows in order; what a line goes on from depends on those above."""

    def __init__(self, text: str, latex: bool) -> None:
        self.text, self.latex = text, latex
        self.lines: list[FormulaLine] = []
        self.number = 0
        self.columns: list[tuple[int, Node]] = []  # left sides, by the column of their =
        self.waiting: list[Token] = []  # a row that may be the left side of the next one

    def read(self, row: _Row) -> None:
        segments = self._segments(row)
        claims = [s for s in segments if _first_equal(s.tokens) >= 0]
        if self.waiting:
            pending, self.waiting = self.waiting, []
            if claims and claims[0] is segments[0] and _first_equal(claims[0].tokens) == 0:
                claims[0].tokens = pending + claims[0].tokens
        if claims:
            for segment in segments:
                self._claim(segment)
        elif segments and self._stands_alone(row, segments):
            self._alone(row, segments)
        else:
            self._prose(row.tokens)

    # -- splitting -------------------------------------------------------------------------

    def _segments(self, row: _Row) -> list[_Segment]:
        """The formulas of a row, between words, commas and signs such as ⇒."""
        found: list[_Segment] = []
        current = _Segment([])
        depth = 0
        for place, (token, word) in enumerate(zip(row.tokens, row.words, strict=True)):
            if word:
                self._close(current, found, True)
                spoken = _spoken(token) if token.kind == "prose" else frozenset()
                if spoken & (CONDITION | RANGE):
                    self._condition(row, place, spoken)
                let = current.let or bool(spoken & LET)
                current = _Segment([], True, let)
                continue
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            ends = depth == 0 and token.kind in ("comma", "semicolon", "implies", "colon")
            if not ends:
                current.tokens.append(token)
                continue
            if token.kind == "colon":
                self._label(current, token, row)
                current.tokens = []
            else:
                self._close(current, found, token.kind == "implies")
            current = _Segment([], token.kind in ("implies", "colon"), current.let)
        self._close(current, found, False)
        return self._parts(found)

    def _close(self, current: _Segment, found: list[_Segment], word: bool) -> None:
        """Keep a segment that holds anything."""
        current.word |= word
        trimmed = _trimmed(current.tokens)
        number = _numbered(trimmed) and current.tokens[0].kind == "quad"
        if trimmed and not number:
            current.tokens = trimmed
            found.append(current)

    @staticmethod
    def _parts(found: list[_Segment]) -> list[_Segment]:
        parts = [part for segment in found for part in _at_quads(segment)]
        return _without_range(parts)

    def _label(self, current: _Segment, colon: Token, row: _Row) -> None:
        """What stands before a colon is words, or a formula in a sentence."""
        words = all(t.kind == "number" or _WORD.fullmatch(t.raw or t.text) for t in current.tokens)
        if not words and not row.has_words:
            raise Mistake(
                "a colon stands behind a formula", colon.span, "write = between two equal things"
            )

    def _condition(self, row: _Row, place: int, spoken: frozenset[str]) -> None:
        """Make the range of an index behind `for` prose; refuse a condition on a claim."""
        start = next((p for p in range(place, len(row.words)) if not row.words[p]), None)
        if start is None:
            return
        end = next((p for p in range(start, len(row.words)) if row.words[p]), len(row.words))
        run = row.tokens[start:end]
        relations = [t for t in _outside(run) if t.kind in ("relation", "define")]
        if not relations:
            return
        signs = [t.text for t in relations]
        dots = any(t.kind == "dots" for t in run)
        between = len(signs) == 2 and set(signs) <= {"≤", "<"}
        if spoken & RANGE and (signs == ["∈"] or (signs == ["="] and dots) or between):
            row.words[start:end] = [True] * (end - start)
            return
        sentence = [*row.tokens[:place], *_sentence(row, place)]
        claims = any(t.text in _EQUALS for t in _outside(sentence))
        if claims or row.tokens[-1].kind == "colon" or "≠" in signs:
            word = next(iter(spoken & (CONDITION | RANGE)))
            raise Mistake(
                f"a claim under a condition, `{word} …`, is not read",
                relations[0].span,
                "write the condition into the formula, as [j = k] or cases",
            )

    # -- what a row says -------------------------------------------------------------------

    def _stands_alone(self, row: _Row, segments: list[_Segment]) -> bool:
        """Whether a row without = is an expression, and no sentence."""
        if not row.has_words:
            return not self._rest_of_sentence(row)
        said = [t for t, word in zip(row.tokens, row.words, strict=True) if word]
        inside = row.words[-1] or len(segments) > 1
        spoken = [w.strip(".,:;").lower() for t in said for w in t.text.split()]
        return not inside and all(w in _CONNECTS or not w for w in spoken)

    def _rest_of_sentence(self, row: _Row) -> bool:
        """Whether a name alone ends the words of the line above."""
        above = self.lines[-1] if self.lines else None
        if above is None or not above.prose or len(row.tokens) > 6:
            return False
        kinds = {t.kind for t in row.tokens}
        words = self.text[above.span[0] : above.span[1]].split()
        simple = kinds <= {"name", "number", "sub", "sup", "prime", "open", "close", "times"}
        one = sum(t.kind == "name" for t in row.tokens) == 1
        unfinished = words[-1][-1] not in ".:;=" and words[-1].lower() not in _CONNECTS
        return simple and one and unfinished

    def _alone(self, row: _Row, segments: list[_Segment]) -> None:
        """An expression on its own line."""
        tokens = segments[0].tokens
        if len(segments) > 1:
            tokens = _trimmed(row.tokens)
        node = self._parse(tokens)
        first = not any(line.right is not None for line in self.lines)
        if not first or isinstance(node, Symbol | Differential | Change):
            self.waiting = tokens
        self._add(None, node, tokens, segments[0].let)

    def _claim(self, segment: _Segment) -> None:
        tokens = segment.tokens
        if _first_equal(tokens) < 0:
            if segment.word:
                if len(tokens) > 1:
                    self._prose(tokens)
                return
            raise Mistake(
                "this is no equation",
                _span(tokens),
                "write each equation on a line of its own",
            )
        sides = list(_sides(tokens))
        let = segment.let or any(t.kind == "define" for t in tokens)
        left = self._left(sides, tokens)
        if left is not None and self.lines and self.lines[-1].right is left:
            self.lines.pop()
            self.number -= 1
        for place, side in enumerate(sides[1:]):
            if not side:
                equal = next(t for t in reversed(tokens) if t.kind in ("relation", "define"))
                raise Mistake("the right side is missing", equal.span, "write what it is equal to")
            whole = tokens if place == 0 and sides[0] else side
            self._add(left if place == 0 else None, self._parse(side), whole, let)

    def _left(self, sides: list[list[Token]], tokens: Sequence[Token]) -> Node | None:
        """The left side; None where a line goes on from the one above."""
        equal = next(t for t in tokens if t.text in _EQUALS and t.kind in ("relation", "define"))
        column = equal.start - self.text.rfind("\n", 0, equal.start)
        if not sides[0]:
            if not self.latex and self.columns and self.columns[-1][0] != column:
                aligned = [left for at, left in self.columns if at == column]
                if aligned:  # what stands between the lines of a chain are reasons
                    self.columns.append((column, aligned[-1]))
                    return aligned[-1]
            if not any(line.right is not None for line in self.lines):
                raise Mistake(
                    "the first line goes on from nothing",
                    equal.span,
                    "write what it is equal to before the =",
                )
            return None
        last = self.lines[-1] if self.lines else None
        if last is not None and last.right is not None and last.left is None:
            before = last.span[0] == sides[0][0].start
            left = last.right if before else self._parse(sides[0])
        else:
            left = self._parse(sides[0])
        self.columns.append((column, left))
        return left

    def _prose(self, tokens: Sequence[Token]) -> None:
        self.lines.append(FormulaLine(self.number, _span(tokens), None, None, prose=True))

    def _parse(self, tokens: Sequence[Token]) -> Node:
        return parse(Cut(self.text, self.latex, tokens), 0, len(tokens))

    def _add(self, left: Node | None, right: Node, tokens: Sequence[Token], let: bool) -> None:
        self.number += 1
        self.lines.append(FormulaLine(self.number, _span(tokens), left, right, let))


def _span(tokens: Sequence[Token]) -> Span:
    return tokens[0].start, max(tokens[-1].end, tokens[0].start + 1)


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Tokens without the punctuation and dots at their ends."""
    low, high = 0, len(tokens)
    idle = ("comma", "semicolon", "quad", "colon", "align")
    while low < high and tokens[low].kind in idle:
        low += 1
    while high > low:
        token = tokens[high - 1]
        full_stop = token.kind == "times" and token.text == "."
        before = tokens[high - 2].kind if high - 1 > low else "sign"
        remark = token.kind == "dots" and before not in ("sign", "times", "comma")
        if not (token.kind in idle or full_stop or remark):
            break
        high -= 1
    return tokens[low:high]


def _outside(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens outside of brackets."""
    depth = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth <= 0:
            yield token


def _sentence(row: _Row, place: int) -> list[Token]:
    """The tokens from a place to the full stop behind which words follow."""
    end = place
    while end < len(row.tokens):
        stop = row.tokens[end].text == "." and row.tokens[end].kind == "times"
        if stop and end + 1 < len(row.tokens) and row.words[end + 1]:
            break
        end += 1
    return row.tokens[place:end]


def _spoken(token: Token) -> frozenset[str]:
    """The words of a remark."""
    return frozenset(word.strip(" .,:;()").lower() for word in token.text.split())


def _without_range(segments: list[_Segment]) -> list[_Segment]:
    """The segments without a range behind them: j = 1, …, n."""
    dots = [n for n, s in enumerate(segments) if [t.kind for t in s.tokens] == ["dots"]]
    if not dots:
        return segments
    start = dots[0] - 1
    while start >= 0 and [t.kind for t in segments[start].tokens] == ["number"]:
        start -= 1
    kinds = [t.kind for t in segments[start].tokens] if start >= 0 else []
    if kinds != ["name", "relation", "number"]:
        return segments
    return segments[:start] + segments[dots[0] + 2 :]


def _numbered(tokens: Sequence[Token]) -> bool:
    return [t.kind for t in tokens] == ["open", "number", "close"] and tokens[0].text == "("


def _at_quads(segment: _Segment) -> Iterator[_Segment]:
    """A segment cut at wide spaces where each part is an equation of its own."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in segment.tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.kind == "quad":
            parts.append([])
        else:
            parts[-1].append(token)
    parts = [p for p in parts if p]
    if len(parts) > 1 and _numbered(parts[-1]):
        parts.pop()
    if len(parts) > 1 and all(_first_equal(p) > 0 for p in parts):
        for part in parts:
            yield _Segment(_trimmed(part), segment.word, segment.let)
        return
    segment.tokens = [t for part in parts for t in part]
    if len(segment.tokens) > 3 and _numbered(segment.tokens[-3:]):
        before, number = segment.tokens[-4], segment.tokens[-3]
        if number.start - before.end >= 2 or before.kind == "dots":
            segment.tokens = _trimmed(segment.tokens[:-3])
    yield segment


def _sides(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between signs of equality."""
    side: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.kind in ("relation", "define") and token.text in _EQUALS:
            yield _trimmed(side)
            side = []
        else:
            side.append(token)
    yield _trimmed(side)
