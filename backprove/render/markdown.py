"""A page as Markdown with $…$ and $$…$$, as GitHub, Jupyter and Pandoc read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .boxes import Box
from .depth import deep
from .document import Asked, Page, PageBlock, Prose, runs
from .latex import latex_lines, latex_of_box, run_latex

_SPECIAL = re.compile(r"([\\`*_\[\]<>|])")


@deep
def write(asked: Asked) -> str:
    """The whole page."""
    return "\n".join(_page(asked.page)).rstrip() + "\n"


def prose_markdown(prose: Prose) -> str:
    """A sentence, its formulas between dollar signs."""
    return "".join(
        _SPECIAL.sub(r"\\\1", run[0]) if isinstance(run[0], str) else f"${run_latex(run)}$"
        for run in runs(prose)
    )


def _page(page: Page) -> Iterator[str]:
    yield f"# {prose_markdown(page.question)}"
    for block in page.blocks:
        yield ""
        yield from _block(block)
    for note in page.notes:
        yield f"> {prose_markdown(note)}"
        yield ""
    if page.about:
        yield from ("", "## About this network", "")
        for words in page.about:
            yield from (prose_markdown((words,)), "")


def _block(block: PageBlock) -> Iterator[str]:
    if block.title:
        yield f"## {prose_markdown(block.title)}"
        yield ""
    for words in block.before:
        yield from (prose_markdown(words), "")
    left = "" if block.left is None else latex_of_box(block.left)
    for number, row in enumerate(block.rows):
        for reason in row.reasons if number else ():
            if says := prose_markdown(reason.says):
                yield from (f"*{says}*" if "$" not in says else says, "")
            for before, after in reason.law:
                law = f"${latex_of_box(before)} = {latex_of_box(after)}$"
                yield from (f"> {prose_markdown((reason.rule,))}: {law}", "")
        head = f"{left} " if number == 0 else ""
        sign = "= " if left else ""
        yield from (_display(f"{head}{sign}", row.right, row.label), "")
    for part, number_text in block.values:
        yield f"- ${latex_of_box(part)} = {number_text}$"
    if block.values:
        yield ""
    for words in block.after:
        yield from (prose_markdown(words), "")


def _display(head: str, box: Box, label: str) -> str:
    lines = latex_lines(box)
    tag = rf" \qquad \text{{{label}}}" if label else ""
    if len(lines) == 1:
        return f"$$\n{head}{lines[0]}{tag}\n$$"
    rest = "".join(rf" \\ &\quad {{}} {line}" + "\n" for line in lines[1:])
    return f"$$\n\\begin{{aligned}}\n{head}&{lines[0]}\n{rest}\\end{{aligned}}{tag}\n$$"
