"""A page as text for terminals, wrapped to the width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from .boxes import Box
from .depth import deep
from .document import Asked, Page, PageBlock, Prose, Reason
from .text import held_text, lines_of, text_of_box

BOLD, DIM, OFF = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_HOLD = "\u2060"  # stands for a space inside a formula while words are wrapped


@deep
def write(asked: Asked) -> str:
    """The whole page. `color` adds ANSI styles: marks underlined, reasons dim, titles bold."""
    writer = _Writer(max(20, asked.width), asked.color)
    return "\n".join(writer.page(asked.page)).rstrip() + "\n"


def prose_text(prose: Prose) -> str:
    """A sentence on one line."""
    return "".join(part if isinstance(part, str) else text_of_box(part) for part in prose)


class _Writer:
    def __init__(self, width: int, color: bool) -> None:
        self.width, self.color = width, color

    def style(self, text: str, code: str) -> str:
        return f"{code}{text}{OFF}" if self.color and text else text

    def page(self, page: Page) -> Iterator[str]:
        for block in page.blocks:
            yield from self.block(block)
            yield ""
        for note in page.notes:
            yield from self.words(("note: ", *note), "", DIM)

    def block(self, block: PageBlock) -> Iterator[str]:
        if block.title:
            yield from self.words(block.title, "", BOLD)
        for words in block.before:
            yield from self.words(words, "  ")
        yield from self.rows(block)
        if block.values:
            yield "  in numbers:"
            for part, number in block.values:
                yield from self.formula("    ", part, f" = {number}")
        for words in block.after:
            yield from self.words(words, "  ")

    def rows(self, block: PageBlock) -> Iterator[str]:
        left = "" if block.left is None else text_of_box(block.left)
        short = len(left) <= self.width // 4
        indent = "  " + " " * (len(left) if short else 2)
        if left and not short:
            yield from self.formula("  ", block.left)
        for number, row in enumerate(block.rows):
            yield from self.reasons(row.reasons, indent + "   ")
            head = f"  {left}" if number == 0 and short and left else indent
            yield from self.formula(f"{head} = " if left else "  ", row.right, label=row.label)

    def reasons(self, reasons: tuple[Reason, ...], indent: str) -> Iterator[str]:
        """One sentence a line; short ones that follow each other share a line."""
        waiting: list[str | Box] = []
        for reason in reasons:
            if not prose_text(reason.says):
                continue
            joined = (*waiting, "; ", *reason.says) if waiting else reason.says
            if waiting and len(prose_text(joined)) > self.width - len(indent):
                yield from self.words(tuple(waiting), indent, DIM)
                joined = reason.says
            waiting = list(joined)
            if reason.law and waiting:
                yield from self.words(tuple(waiting), indent, DIM)
                waiting = []
            for left, right in reason.law:
                when = f", {reason.when}" if reason.when else ""
                law = (f"{reason.rule}: ", left, " = ", right, when)
                yield from self.words(law, indent + "  ", DIM)
        if waiting:
            yield from self.words(tuple(waiting), indent, DIM)

    def formula(self, head: str, box: Box | None, tail: str = "", label: str = "") -> Iterator[str]:
        if box is None:
            return
        room = self.width - len(head)
        lines = lines_of(box, room - len(tail), self.color)
        lines[-1] += tail
        last = text_of_box(box) if len(lines) == 1 else lines[-1]
        if label:
            mark = f"({label})"
            beside = len(last) + 2 + len(mark) <= room
            before = " " * max(2, room - len(last) - len(mark)) if beside else ""
            shown = before + self.style(mark, DIM)
            lines[-1:] = [lines[-1] + shown] if beside else [lines[-1], f"{mark:>{room}}"]
        for number, line in enumerate(lines):
            yield (head if number == 0 else " " * len(head)) + line

    def words(self, prose: Prose, indent: str, code: str = "") -> Iterator[str]:
        """Wrapped words; a formula among them is kept on one line where it fits."""
        text = ""
        for part in prose:
            shown = part if isinstance(part, str) else text_of_box(part)
            keep = not isinstance(part, str) and len(shown) < self.width // 2
            if keep:
                shown = shown.replace(" ", _HOLD)
            elif not isinstance(part, str):
                shown = held_text(part, _HOLD)
            text += shown
        room = max(10, self.width - len(indent))
        for line in textwrap.wrap(re.sub(r" +", " ", text), room, break_on_hyphens=False):
            yield indent + self.style(line.replace(_HOLD, " "), code)
