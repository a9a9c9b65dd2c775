"""A page as one self-contained HTML file: MathML, its font and its styles inside."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path

from .boxes import Box
from .depth import deep
from .document import Asked, Page, PageBlock, PageRow, Prose, Reason
from .mathml import CHUNK, mathml_chunks, mathml_of_box
from .terminal import prose_text
from .text import text_length

LONGEST_CHANGE = 800
"""Characters up to which a step shows what stood at its place before and after."""

_ASSETS = Path(__file__).parent / "assets"
_FONT = "stix-two-math-subset.woff2"


@deep
def write(asked: Asked) -> str:
    """The page: a complete document with its font, or a `<div>` for another page."""
    page = asked.page
    body = "\n".join(_body(page))
    style = _asset("page.css").decode()
    if not asked.complete:
        return f'<style>{style}</style>\n<div class="backprove">\n{body}\n</div>\n'
    title = escape(prose_text(page.question))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_font_face()}{style}</style>\n</head>\n"
        f'<body class="backprove">\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def _asset(name: str) -> bytes:
    return (_ASSETS / name).read_bytes()


def _font_face() -> str:
    data = base64.b64encode(_asset(_FONT)).decode()
    return (
        '@font-face { font-family: "STIX Two Math Subset"; font-display: block;'
        f' src: url("data:font/woff2;base64,{data}") format("woff2"); }}\n'
    )


def prose_html(prose: Prose) -> str:
    """A sentence with its formulas."""
    return "".join(escape(p) if isinstance(p, str) else _inline(p) for p in prose)


def _inline(box: Box) -> str:
    """A formula among words; a long one wraps like a displayed one."""
    return formula_html(box) if text_length(box) > CHUNK else mathml_of_box(box, False)


@deep
def formula_html(box: Box) -> str:
    """A formula that wraps at its operators; a part wider than the page scrolls by itself."""
    return "<wbr>".join(f'<span class="part">{chunk}</span>' for chunk in mathml_chunks(box))


def _body(page: Page) -> Iterator[str]:
    yield f"<h1>{prose_html(page.question)}</h1>"
    yield (
        '<p class="how">Each line equals the one above it. A line’s reasons stand before it;'
        " open one to see its rule, what stood there before and what stands there after."
        " The place that changed is <span class=\"changed\">marked</span>."
        f" Style: {escape(page.style)}. Notation: {escape(page.notation)}.</p>"
    )  # fmt: skip
    for block in page.blocks:
        yield from _block(block)
    if page.notes:
        yield '<aside class="notes"><h2>Notes</h2><ul>'
        yield from (f"<li>{prose_html(note)}</li>" for note in page.notes)
        yield "</ul></aside>"
    if page.about:
        yield '<aside class="about"><h2>About this network</h2>'
        yield from (f"<p>{escape(words)}</p>" for words in page.about)
        yield "</aside>"


def _block(block: PageBlock) -> Iterator[str]:
    yield "<section>"
    if block.title:
        yield f"<h2>{prose_html(block.title)}</h2>"
    yield from (f"<p>{prose_html(words)}</p>" for words in block.before)
    if block.rows:
        yield '<div class="chain">'
        for number, row in enumerate(block.rows):
            yield from _row(block, number, row)
        yield "</div>"
    if block.values:
        yield '<table class="numbers"><tbody>'
        for part, number_text in block.values:
            yield f"<tr><td>{formula_html(part)}</td><td>{escape(number_text)}</td></tr>"
        yield "</tbody></table>"
    yield from (f"<p>{prose_html(words)}</p>" for words in block.after)
    yield "</section>"


def _row(block: PageBlock, number: int, row: PageRow) -> Iterator[str]:
    # what says nothing (needless parentheses dropped) is shown where nothing else happened
    telling = [reason for reason in row.reasons if reason.says] or row.reasons
    for reason in telling:
        yield from _reason(reason)
    left = "" if block.left is None or number else mathml_of_box(block.left)
    sign = "=" if block.left is not None else ""
    label = f'<span class="label">{escape(row.label)}</span>' if row.label else ""
    yield (
        f'<div class="left">{left}</div><div class="sign">{sign}</div>'
        f'<div class="right">{formula_html(row.right)}{label}</div>'
    )


def _reason(reason: Reason) -> Iterator[str]:
    says = prose_html(reason.says) or "drop needless parentheses"
    yield f'<details class="reason"><summary>{says}</summary>'
    when = f", {escape(reason.when)}" if reason.when else ""
    yield f'<p class="rule">{escape(reason.rule)}{when}</p>'
    for left, right in reason.law:
        yield (
            f'<p class="law">{formula_html(left)}<wbr><span class="part"><math><mo>=</mo></math>'
            f"</span><wbr>{formula_html(right)}</p>"
        )
    for before, after in reason.changes:
        if text_length(before) + text_length(after) > LONGEST_CHANGE:
            continue  # the lines above and below show it
        yield (
            f'<div class="change"><div>{formula_html(before)}</div>'
            f'<div class="to">becomes</div><div>{formula_html(after)}</div></div>'
        )
    yield "</details>"
