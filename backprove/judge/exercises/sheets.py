"""Exercise sheets and their keys, as Markdown, LaTeX or text.

A sheet is a row of items, made once; each format writes the items in its own way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...errors import NotationError
from ...expr import Expr
from ...render.boxes import Box
from ...render.document import Page, Prose, page
from ...render.latex import document, latex_lines, latex_of_box, prose_latex
from ...render.layout import layout
from ...render.markdown import prose_markdown
from ...render.terminal import prose_text
from ...render.text import held_text, lines_of, text_of_box
from .making import PLANTED, Exercise

SheetFormat: TypeAlias = Literal["markdown", "latex", "text"]

FORMATS: tuple[SheetFormat, ...] = ("markdown", "latex", "text")

WIDEST_LEFT = 30
"""A left side of more characters stands on a line of its own in text."""


@dataclass(frozen=True)
class Heading:
    words: Prose
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    words: Prose


@dataclass(frozen=True)
class Row:
    """left = right with a number; left is None where the line above goes on, right where
    something is to be filled in."""

    left: Box | None
    right: Box | None
    number: str = ""


@dataclass(frozen=True)
class Equations:
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Fill:
    """Words, each with room behind it to write: shares of the line's width."""

    fields: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class NewPage:
    pass


Item: TypeAlias = "Heading | Paragraph | Equations | Fill | NewPage"


def sheet(
    exercises: Sequence[Exercise], format: SheetFormat, *, width: int = 80, with_key: bool = True
) -> str:
    """A sheet with exercises about one network; with_key: its key on a page of its own."""
    items = list(_sheet_items(exercises))
    if with_key:
        items += [NewPage(), *_key_items(exercises)]
    return _written(items, format, width)


def key(exercises: Sequence[Exercise], format: SheetFormat, *, width: int = 80) -> str:
    """The key alone."""
    return _written(list(_key_items(exercises)), format, width)


# -- what stands on a sheet ----------------------------------------------------------------


def _sheet_items(exercises: Sequence[Exercise]) -> Iterator[Item]:
    first = exercises[0]
    yield Heading((_title(exercises),))
    yield Fill((("Name", 0.6), ("Date", 0.4)))
    yield Heading(("The network",), 2)
    equations = first.notation.equations
    rows = tuple(Row(_box(e.left, first), _box(e.right, first)) for e in equations)
    yield Equations(rows)
    pages = [page(exercise.derivation, exercise.notation) for exercise in exercises]
    yield from (Paragraph((*words, ".")) for words in _explained(pages))
    if not all(exercise.blank for exercise in exercises):
        yield Paragraph((f"Kinds of mistakes: {', '.join(PLANTED)}.",))
    for number, (exercise, shown) in enumerate(zip(exercises, pages, strict=True), 1):
        many = f" {number}" if len(exercises) > 1 else ""
        yield Heading((f"Exercise{many}: ", shown.gradient), 2)
        yield Paragraph(_task(exercise, shown))
        yield Equations(tuple(_rows(exercise, shown)))
        if not exercise.blank:
            yield Fill((("Line", 0.2), ("Kind of mistake", 0.8)))
            yield Fill((("What belongs there", 1.0),))


def _title(exercises: Sequence[Exercise]) -> str:
    blanks = {exercise.blank for exercise in exercises}
    many = "s" if len(exercises) > 1 else ""
    if blanks == {True}:
        return f"Fill in the missing line{many}"
    return f"Find the mistake{many}" if blanks == {False} else "Exercises"


def _explained(pages: Sequence[Page]) -> Iterator[Prose]:
    """What letters stand for, and what a reader should know besides; each once."""
    found: dict[Prose, None] = {}
    for shown in pages:
        introduced = shown.blocks[0].before if shown.blocks and not shown.blocks[0].rows else ()
        for words in (*introduced, *shown.notes):
            last = words[-1] if words else ""
            bare = (*words[:-1], last.rstrip(".")) if isinstance(last, str) else words
            found.setdefault(bare)
    yield from found


def _task(exercise: Exercise, shown: Page) -> Prose:
    about: Prose = ("How ", shown.loss, " changes with ", shown.quantity, ". ")
    if exercise.blank:
        return (*about, "One line of this derivation was left out. What belongs there?")
    return (
        *about,
        "One line of this derivation is wrong: it does not follow from what stands above it. All"
        " others do. Which line is it, what kind of mistake is it, and what belongs there?",
    )


def _rows(exercise: Exercise, shown: Page) -> Iterator[Row]:
    for block in shown.blocks:
        for number, row in enumerate(block.rows):
            hidden = exercise.blank and row.label == str(exercise.line)
            yield Row(block.left if number == 0 else None, None if hidden else row.right, row.label)


def _key_items(exercises: Sequence[Exercise]) -> Iterator[Item]:
    yield Heading(("Key",))
    for number, exercise in enumerate(exercises, 1):
        if len(exercises) > 1:
            yield Heading((f"Exercise {number}",), 2)
        yield Paragraph(_answer(exercise))
        right = _box(exercise.correct, exercise)
        yield Equations((Row(_box(exercise.left, exercise), right, str(exercise.line)),))


def _answer(exercise: Exercise) -> Prose:
    if exercise.blank:
        return (f"Line {exercise.line} (seed {exercise.seed}):",)
    says = tuple(p if isinstance(p, str) else _box(p, exercise) for p in exercise.says)
    after = f" {_carried(exercise.carried)}" if exercise.carried else ""
    return (
        f"Line {exercise.line} is wrong, {exercise.kind}: ", *says, f".{after}"
        f" What belongs there (seed {exercise.seed}):",
    )  # fmt: skip


def _carried(lines: range) -> str:
    if len(lines) == 1:
        return f"Line {lines[0]} only carries it on."
    between = "and" if len(lines) == 2 else "to"
    return f"Lines {lines[0]} {between} {lines[-1]} only carry it on."


def _box(e: Expr, exercise: Exercise) -> Box:
    return layout(e, exercise.notation)


# -- formats -------------------------------------------------------------------------------


def _written(items: Sequence[Item], format: SheetFormat, width: int) -> str:
    if format not in FORMATS:
        raise NotationError(
            f"there is no format {format!r} for sheets", f"the formats are: {', '.join(FORMATS)}"
        )
    writers = {"markdown": _markdown, "latex": _latex}
    if format in writers:
        return "\n".join(writers[format](items)).strip() + "\n"
    return "\n".join(_text(items, width)).strip("\n") + "\n"


def _markdown(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        match item:
            case Heading(words, level):
                yield from (f"{'#' * level} {prose_markdown(words)}", "")
            case Paragraph(words):
                yield from (prose_markdown(words), "")
            case Equations(rows):
                yield from ("$$", r"\begin{align*}", *_aligned(rows), r"\end{align*}", "$$", "")
            case Fill(fields):
                blanks = (f"{word}: " + r"\_" * int(50 * share) for word, share in fields)
                yield from ("  ".join(blanks), "")
            case NewPage():
                yield from ('<div style="page-break-after: always"></div>', "", "---", "")


def _latex(items: Sequence[Item]) -> Iterator[str]:
    yield document(
        "\n".join(_latex_body(items)) + "\n",
        "\\setlength{\\parindent}{0pt}\n\\setlength{\\parskip}{6pt}\n\\emergencystretch=3em\n",
    )


def _latex_body(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        match item:
            case Heading(words, level):
                command = "section*" if level == 1 else "subsection*"
                yield rf"\{command}{{{prose_latex(words)}}}"
            case Paragraph(words):
                yield prose_latex(words) + r"\par"
            case Equations(rows):
                yield from (r"\begin{align*}", *_aligned(rows), r"\end{align*}")
            case Fill(fields):
                blanks = (f"{word}:~\\hrulefill" for word, _ in fields)
                yield r"\par\nopagebreak\bigskip " + r"\quad ".join(blanks) + r"\par"
            case NewPage():
                yield r"\newpage"


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    for place, row in enumerate(rows):
        left = "" if row.left is None else latex_of_box(row.left) + " "
        lines = [_BLANK] if row.right is None else latex_lines(row.right)
        tag = rf" \tag{{{row.number}}}" if row.number else ""
        end = r" \\" if place < len(rows) - 1 else ""
        yield f"{left}&= " + (r" \\" + "\n" + r"&\quad {} ").join(lines) + tag + end


_BLANK = r"\underline{\hspace{8cm}}"
_HOLD = "\u2060"  # stands for a space inside a formula while words are wrapped


def _text(items: Sequence[Item], width: int) -> Iterator[str]:
    for item in items:
        match item:
            case Heading(words, level):
                title = prose_text(words)
                yield from (title, ("=" if level == 1 else "-") * min(len(title), width), "")
            case Paragraph(words):
                yield from (*_wrapped(words, width), "")
            case Equations(rows):
                yield from (*_text_rows(rows, width), "")
            case Fill(fields):
                if any(len(word) + 8 > int(width * share) - 2 for word, share in fields):
                    blanks = [f"{word}: ".ljust(width, "_") for word, _ in fields]
                    yield from (*blanks, "")
                else:
                    blanks = [f"{word}: ".ljust(int(width * s) - 2, "_") for word, s in fields]
                    yield from ("  ".join(blanks), "")
            case NewPage():
                yield from ("", "-" * width, "")


def _wrapped(words: Prose, width: int) -> list[str]:
    """A sentence in lines; a formula among its words is kept whole where it fits."""
    text = ""
    for part in words:
        shown = part if isinstance(part, str) else text_of_box(part)
        if not isinstance(part, str):
            short = len(shown) < width // 2
            shown = shown.replace(" ", _HOLD) if short else held_text(part, _HOLD)
        text += shown
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    return [line.replace(_HOLD, " ").rstrip() for line in lines]


def _text_rows(rows: Sequence[Row], width: int) -> Iterator[str]:
    """(1)  left = right, the right sides under one another."""
    numbers = max(len(row.number) for row in rows)
    margin = numbers + 4 if numbers else 2
    indent = 0
    for row in rows:
        number = f"({row.number})".ljust(margin) if row.number else " " * margin
        if row.left is not None:
            left = text_of_box(row.left)
            short = len(left) <= min(WIDEST_LEFT, width // 3)
            indent = len(left) if short else 2
            if not short:
                yield number + left
                number = " " * margin
            head = f"{number}{left if short else '  '} = "
        else:
            head = f"{number}{' ' * indent} = "
        if row.right is None:
            yield head + "_" * max(4, min(40, width - len(head)))
            continue
        for place, line in enumerate(lines_of(row.right, max(12, width - len(head)))):
            yield (head if place == 0 else " " * len(head)) + line
