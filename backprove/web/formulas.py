"""Expressions and derivations as MathML and html for the page: `render/` does the work."""

from __future__ import annotations

from collections.abc import Collection

from ..expr import Expr, Path
from ..network import Equation
from ..notation import BoundNotation
from ..reading import SheetLine
from ..render.boxes import Box, Operator, Row
from ..render.document import Page, PageBlock, PageRow, Prose, Reason
from ..render.html import LONGEST_CHANGE, prose_html
from ..render.layout import layout
from ..render.mathml import mathml_chunks, mathml_of_box
from ..render.text import text_length
from ..rewrite import Sentence
from .messages import (
    BlockAnswer,
    Change,
    Chunks,
    DerivationAnswer,
    ReasonAnswer,
    RowAnswer,
    Sides,
    ValueAnswer,
)


def mathml(e: Expr, notation: BoundNotation) -> str:
    """An expression as one `<math>` element."""
    return mathml_of_box(layout(e, notation))


def chunks(e: Expr, notation: BoundNotation, marks: Collection[Path] = ()) -> Chunks:
    """An expression as `<math>` elements between which a line may break; marked at `marks`."""
    return boxes(layout(e, notation, marks))


def line(read: SheetLine, notation: BoundNotation) -> Chunks:
    """A line that was read: left = right, or = right where it goes on from the one above."""
    left = () if read.left is None else (layout(read.left.expr, notation),)
    return boxes(Row((*left, Operator("="), layout(read.right.expr, notation))))


def boxes(box: Box) -> Chunks:
    """A formula as `<math>` elements between which a line may break."""
    return list(mathml_chunks(box))


def equation(e: Equation, notation: BoundNotation) -> str:
    """left = right as one `<math>` element."""
    sides = layout(e.left, notation), Operator("="), layout(e.right, notation)
    return mathml_of_box(Row(sides))


def html(sentence: Sentence, notation: BoundNotation) -> str:
    """Words with expressions among them, as prose with formulas."""
    return prose_html(tuple(p if isinstance(p, str) else layout(p, notation) for p in sentence))


def derivation(page: Page, quantity: str, why: bool = True) -> DerivationAnswer:
    """A laid out derivation. quantity: the component asked for, as in the file. why: with what
    stood at each place before a rule changed it, and after."""
    return DerivationAnswer(
        question=prose_html(page.question),
        quantity=quantity,
        style=page.style,
        zoom=page.zoom,
        notation=page.notation,
        blocks=[_block(block, why) for block in page.blocks],
        answer=None if page.answer is None else boxes(page.answer),
        notes=_listed(page.notes),
        about=list(page.about),
    )


def _listed(sentences: tuple[Prose, ...]) -> list[str]:
    return [prose_html(words) for words in sentences]


def _block(block: PageBlock, why: bool) -> BlockAnswer:
    return BlockAnswer(
        title=prose_html(block.title),
        before=_listed(block.before),
        left=None if block.left is None else mathml_of_box(block.left),
        rows=[_row(row, why) for row in block.rows],
        values=[ValueAnswer(part=boxes(part), number=number) for part, number in block.values],
        after=_listed(block.after),
    )


def _row(row: PageRow, why: bool) -> RowAnswer:
    # what says nothing (needless parentheses dropped) is told where nothing else happened
    telling = [reason for reason in row.reasons if reason.says] or row.reasons
    return RowAnswer(
        right=boxes(row.right), label=row.label, reasons=[_reason(one, why) for one in telling]
    )


def _reason(reason: Reason, why: bool) -> ReasonAnswer:
    return ReasonAnswer(
        says=prose_html(reason.says) or "drop needless parentheses",
        rule=reason.rule,
        when=reason.when,
        law=[Sides(left=boxes(left), right=boxes(right)) for left, right in reason.law],
        changes=[
            Change(before=boxes(before), after=boxes(after))
            for before, after in (reason.changes if why else ())
            if text_length(before) + text_length(after) <= LONGEST_CHANGE  # else the lines show it
        ],
    )
