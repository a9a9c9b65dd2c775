"""Lists of equations as text, LaTeX, Markdown or JSON: what show and backprop print.

Text, which is printed most, does not wait for the other formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..expr import Size, plain
from ..network import Equation, Network
from ..notation import BoundNotation
from ..render.layout import layout
from ..render.text import lines_of, text_of_box
from ..rewrite import Sentence
from .arguments import ListFormat
from .output import wrapped


@dataclass
class Section:
    """A title, equations, remarks below them, or a drawing in plain text."""

    title: str
    equations: list[Equation] = field(default_factory=list)
    words: list[Sentence] = field(default_factory=list)
    drawing: str = ""


def quantities_of(network: Network) -> list[Sentence]:
    """What goes into a network: a sentence for each kind of quantity."""
    sentences: list[Sentence] = []
    for kind in ("input", "target", "weight", "bias", "constant"):
        found = [q for q in network.of_kind(kind) if q.name not in network.sizes]
        if found:
            shown = ", ".join(q.name + _shape(network, q.shape) for q in found)
            sentences.append((f"{kind}: {shown}",))
    return sentences


def _shape(network: Network, shape: tuple[Size, ...]) -> str:
    lengths = [network.length(size) for size in shape]
    shown = [
        str(size) if length is None else str(length)
        for size, length in zip(shape, lengths, strict=True)
    ]
    return f"[{','.join(shown)}]" if shape else ""


def equations_text(
    title: str, sections: list[Section], notation: BoundNotation, format: ListFormat, width: int
) -> str:
    """The sections in a format; empty ones are left out. width: for text."""
    sections = [s for s in sections if s.equations or s.words or s.drawing]
    sections += [Section("Notes", [], [(note,) for note in notation.notes])] * bool(notation.notes)
    if format == "json":
        return json.dumps(_data(title, sections, notation), ensure_ascii=False, indent=1)
    lines = {"text": _text, "latex": _latex, "markdown": _markdown}[format]
    return "\n".join(lines(title, sections, notation, width)).rstrip()


def _text(
    title: str, sections: list[Section], notation: BoundNotation, width: int
) -> Iterator[str]:
    yield title
    for section in sections:
        yield from ("", section.title)
        for equation in section.equations:
            left = lines_of(layout(equation.left, notation), width)[0]
            head = f"  {left} = "
            lines = lines_of(layout(equation.right, notation), width - len(head))
            yield head + lines[0]
            yield from (" " * len(head) + line for line in lines[1:])
        yield from (f"  {line}" for line in section.drawing.splitlines())
        for words in section.words:
            yield from wrapped(f"  {_words(words, notation)}", 4)


def _latex(
    title: str, sections: list[Section], notation: BoundNotation, width: int
) -> Iterator[str]:
    from ..render.latex import document

    yield document("\n".join(_latex_body(title, sections, notation)) + "\n")


def _latex_body(title: str, sections: list[Section], notation: BoundNotation) -> Iterator[str]:
    from ..render.latex import prose_latex

    yield rf"\section*{{{prose_latex((title,))}}}"
    for section in (s for s in sections if not s.drawing):  # drawn with signs that LaTeX lacks
        yield rf"\subsection*{{{prose_latex((section.title,))}}}"
        if section.equations:
            rows = [_aligned(equation, notation) for equation in section.equations]
            yield "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"
        yield from (prose_latex(_laid(words, notation)) + r"\par" for words in section.words)


def _markdown(
    title: str, sections: list[Section], notation: BoundNotation, width: int
) -> Iterator[str]:
    from ..render.markdown import prose_markdown

    yield f"# {prose_markdown((title,))}"
    for section in sections:
        yield from ("", f"## {prose_markdown((section.title,))}", "")
        for equation in section.equations:
            body = _aligned(equation, notation)
            yield from (f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$", "")
        if section.drawing:
            yield f"```text\n{section.drawing.rstrip()}\n```"
        yield from (f"- {prose_markdown(_laid(words, notation))}" for words in section.words)


def _aligned(equation: Equation, notation: BoundNotation) -> str:
    from ..render.latex import latex_lines

    left = latex_lines(layout(equation.left, notation))[0]
    lines = latex_lines(layout(equation.right, notation))
    return f"{left} &= " + " \\\\\n&\\quad {} ".join(lines)


def _data(title: str, sections: list[Section], notation: BoundNotation) -> dict[str, Any]:
    return {
        "title": title,
        "notation": notation.notation.name,
        "sections": [
            {
                "title": section.title,
                "equations": [_equation(equation, notation) for equation in section.equations],
                "drawing": section.drawing.splitlines(),
                "notes": [_words(words, notation) for words in section.words],
            }
            for section in sections
        ],
    }


def _equation(equation: Equation, notation: BoundNotation) -> dict[str, str]:
    from ..render.latex import latex_of_box

    left, right = layout(equation.left, notation), layout(equation.right, notation)
    return {
        "text": f"{text_of_box(left)} = {text_of_box(right)}",
        "latex": f"{latex_of_box(left)} = {latex_of_box(right)}",
        "plain": f"{plain(equation.left)} = {plain(equation.right)}",
    }


def _words(words: Sentence, notation: BoundNotation) -> str:
    return "".join(w if isinstance(w, str) else text_of_box(layout(w, notation)) for w in words)


def _laid(words: Sentence, notation: BoundNotation) -> tuple[Any, ...]:
    return tuple(w if isinstance(w, str) else layout(w, notation) for w in words)
