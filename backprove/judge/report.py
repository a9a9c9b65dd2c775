"""A verdict as text for terminals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping

from ..expr import Expr, Path
from ..render.layout import layout
from ..render.text import MARK, UNMARK, lines_of
from .verdict import Comparison, Status, Verdict

BOLD, DIM, RED, GREEN, OFF = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"

SIGNS: Mapping[Status, str] = {
    "right": "✓", "wrong": "✗", "carried": "→", "definition": "≡", "undecided": "?", "unread": " ",
}  # fmt: skip
"""What stands before a judged line."""

MOST_LINES = 200
"""Lines of a derivation above which only those near the first wrong one are shown."""


def report(verdict: Verdict, width: int = 80, color: bool = False) -> str:
    """The verdict, its lines with their signs, yours beside the correct one, and the numbers."""
    return "\n".join(_Report(verdict, max(24, width), color).lines()).rstrip() + "\n"


class _Report:
    def __init__(self, verdict: Verdict, width: int, color: bool) -> None:
        self.verdict, self.width, self.color = verdict, width, color

    def lines(self) -> Iterator[str]:
        v = self.verdict
        if v.verdict == "unreadable" and not v.lines:
            yield self.style("unreadable", RED)
            yield v.words(v.summary)
            return
        colour = GREEN if v.ok else RED
        head = self.words(f"{v.verdict}: {v.words(v.summary)}")
        yield self.style(head[0], colour)
        yield from head[1:]
        if len(v.lines) > 1 or not v.ok:
            yield ""
            yield from self.judged()
        if v.comparison is not None:
            yield ""
            yield from self.compared(v.comparison)
        if v.diagnosis:
            yield ""
            yield self.style("What is wrong" if len(v.diagnosis) == 1
                             else "What is wrong, the likeliest first", BOLD)  # fmt: skip
            for found in v.diagnosis:
                yield from self.words(f"  {found.kind}: {v.words(found.says)}", "    ")
        if v.counterexample is not None:
            yield ""
            yield from self.example()
        if v.readings:
            yield ""
            yield self.style("How it was read", BOLD)
            for reading in v.readings:
                yield from self.words(f"  {reading}", "    ")

    def judged(self) -> Iterator[str]:
        """Each line with a sign before it and the reason below."""
        v = self.verdict
        first = v.first_wrong_line or 1
        shown = [n for n in v.lines if len(v.lines) < MOST_LINES or abs(n.number - first) < 10]
        if len(shown) < len(v.lines):
            yield f"  {len(v.lines)} lines; those around line {first}:"
        for line in shown:
            text = " ".join(line.text.split())
            sign = SIGNS[line.status]
            yield from self.words(f"  {line.number:>2} {sign} {text}", "       ")
            if line.status != "right":
                yield from (self.style(s, DIM) for s in
                            self.words(f"       {v.words(line.says)}", "       "))  # fmt: skip

    def compared(self, pair: Comparison) -> Iterator[str]:
        """The first wrong line and what belongs there, the differing parts underlined."""
        number = self.verdict.first_wrong_line
        yield self.style(f"Line {number}" if number else "Beside each other", BOLD)
        yield from self.formula("  yours    ", pair.yours, pair.in_yours)
        yield from self.formula("  correct  ", pair.correct, pair.in_correct)

    def formula(self, head: str, e: Expr, marks: tuple[Path, ...]) -> Iterator[str]:
        notation = self.verdict.notation
        if notation is None:
            yield f"{head}{e!r}"
            return
        rows = lines_of(layout(e, notation, marks), self.width - len(head), color=True)
        inside = False
        for number, row in enumerate(rows):
            before = head if number == 0 else " " * len(head)
            plain, carets, inside = _underlined(row, inside)
            yield before + (row if self.color else plain)
            if carets.strip() and not self.color:
                yield " " * len(before) + carets.rstrip()

    def example(self) -> Iterator[str]:
        found = self.verdict.counterexample
        assert found is not None
        yield self.style("At these numbers it is wrong", BOLD)
        if found.component:
            at = ", ".join(f"{letter} = {k}" for letter, k in found.component.items())
            yield from self.words(f"  for {at}", "    ")
        for name, value in found.at.items():
            yield from self.words(f"  {name} = {_short(value)}", "    ")
        yield f"  yours    {_decimals(found.yours)}"
        yield f"  correct  {_decimals(found.correct)}"

    def style(self, text: str, code: str) -> str:
        return f"{code}{text}{OFF}" if self.color and text.strip() else text

    def words(self, text: str, indent: str = "") -> list[str]:
        return textwrap.wrap(
            text, self.width, subsequent_indent=indent, break_on_hyphens=False,
            drop_whitespace=True, replace_whitespace=False,
        ) or [""]  # fmt: skip


def _underlined(row: str, inside: bool) -> tuple[str, str, bool]:
    """A row without its marks, and carets below what was marked."""
    plain, carets = "", ""
    for piece in re.split(f"({re.escape(MARK)}|{re.escape(UNMARK)})", row):
        if piece in (MARK, UNMARK):
            inside = piece == MARK
            continue
        plain += piece
        carets += ("^" if inside else " ") * len(piece)
    return plain, carets, inside


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _decimals(text: str) -> str:
    try:
        return f"{float(text):.10g}"
    except ValueError:
        return text or "it has no value there"


__all__ = ["SIGNS", "report"]
