"""Boxes to LaTeX, and a page to a document that compiles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..notation import Symbol
from ..notation.symbols import GREEK
from .boxes import (
    Applied,
    Big,
    Box,
    Differential,
    Digits,
    Direct,
    Fenced,
    Fraction,
    Marked,
    Operator,
    Raised,
    Root,
    Row,
    Transposed,
    Words,
    bare,
    in_line,
    is_tall,
)
from .breaking import NEVER, Piece, broken
from .depth import deep
from .document import Asked, Page, PageBlock, Prose, runs
from .text import text_length

LINE = 74
"""Characters of plain text that fill a printed line."""

_COMMANDS = {letter: f"\\{name}" for name, letter in GREEK.items()} | {
    "ς": r"\varsigma", "ℓ": r"\ell", "ħ": r"\hbar",
}  # fmt: skip
_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot", "\u030c": "check"}
_SIGNS = {
    "+": " + ", "-": " - ", "=": " = ", "·": r" \cdot ", "×": r" \times ", ".": " . ",
    "*": r" \ast ", "/": "/", "": r" \, ", "⊙": r" \odot ",
    "⊘": r" \oslash ",
}  # fmt: skip
_FUNCTIONS = frozenset(("exp", "ln", "log", "tanh", "sin", "cos", "max"))
_SPECIAL = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
})  # fmt: skip
_FENCES = {"‖": r"\|"}
_WORDS = {letter: f"${command}$" for letter, command in _COMMANDS.items()} | {
          "½": r"$\tfrac12$", "Σ": r"$\sum$", "∂": r"$\partial$", "×": r"$\times$", "·": r"$\cdot$",
          "ᵀ": r"$^{\top}$", "⊙": r"$\odot$", "≥": r"$\geq$", "≤": r"$\leq$", "−": "--",
          "‖": r"$\|$", "→": r"$\to$", "←": r"$\leftarrow$", "≠": r"$\neq$", "²": "$^2$",
          "’": "'", "…": r"\dots{}"}  # fmt: skip


@deep
def latex_of_box(box: Box) -> str:
    """A formula in math mode, on one line."""
    return _joined(list(_pieces(box, 0, breakable=False)))


@deep
def latex_lines(box: Box, width: int = LINE) -> list[str]:
    """A formula broken before operators into lines of about `width` characters of text."""
    return [_joined(line) for line in broken(list(_pieces(box, 0, breakable=True)), width)]


def escaped(text: str) -> str:
    """Words in text mode."""
    text = text.translate(_SPECIAL)
    for letter, shown in _WORDS.items():
        text = text.replace(letter, shown)
    return text.replace('"', "''")


def _joined(line: list[Piece]) -> str:
    return re.sub(r" +", " ", "".join(piece.text for piece in line)).strip()


# -- names ---------------------------------------------------------------------------------


def letter_latex(letter: str) -> str:
    """A letter or a word in math mode; as text, where its letters are of the text fonts only."""
    if letter in _COMMANDS:
        return _COMMANDS[letter]
    if letter == "𝟏":
        return r"\mathbf{1}"
    plain = unicodedata.normalize("NFD", letter)
    if len(plain) == 2 and plain[1] in _ACCENTS:
        return rf"\{_ACCENTS[plain[1]]}{{{letter_latex(plain[0])}}}"
    if not letter.isascii():
        return rf"\text{{{letter.translate(_SPECIAL)}}}"
    if len(letter) == 1:
        return letter.translate(_SPECIAL)
    return rf"\mathit{{{letter.translate(_SPECIAL)}}}"


def _atom(atom: str) -> str:
    number = atom.isascii() and atom.isdigit()
    if atom in _COMMANDS or len(atom) == 1 or number:
        return atom if number else letter_latex(atom)
    if re.fullmatch(r"[a-z]\d+", atom):  # the index i1
        return f"{atom[0]}_{{{atom[1:]}}}"
    font = "mathrm" if atom.isascii() else "text"
    return rf"\{font}{{{atom.translate(_SPECIAL)}}}"


def _run(atoms: Iterable[str]) -> str:
    """Atoms side by side, with a space only where a command would run into a letter."""
    text = ""
    for atom in atoms:
        shown = _atom(atom)
        text += f" {shown}" if re.search(r"\\[A-Za-z]+$", text) and shown[0].isalpha() else shown
    return text


def symbol_latex(symbol: Symbol) -> str:
    """A symbol with what stands below and above it."""
    if symbol.upright:
        known = symbol.letter in _FUNCTIONS
        name = symbol.letter.translate(_SPECIAL)
        letter = f"\\{symbol.letter}" if known else rf"\operatorname{{{name}}}"
    else:
        letter = letter_latex(symbol.letter.rstrip("'")) + "'" * symbol.letter.count("'")
    sub = _run(symbol.sub)
    text = letter + "'" * symbol.primes
    text += f"_{{{sub}}}" if sub else ""
    return text + (f"^{{{symbol.sup}}}" if symbol.sup else "")


# -- boxes ---------------------------------------------------------------------------------


def _pieces(box: Box, depth: int, breakable: bool) -> Iterator[Piece]:
    match box:
        case Row(parts):
            for part in parts:
                yield from _pieces(part, depth, breakable)
        case Operator():
            yield _operator(box, depth)
        case Fraction() if breakable and _width(box) > LINE:
            yield from _pieces(in_line(box), depth, breakable)
        case Raised(base, exponent) if breakable and isinstance(base, Fenced) and _wide(base):
            *start, end = _pieces(base, depth, breakable)
            yield from start
            yield replace(end, text=f"{end.text}^{{{latex_of_box(exponent)}}}")
        case Fenced(left, inner, right) if breakable and _wide(box):
            size = "Bigl", "Bigr"
            yield Piece(rf"\{size[0]}{_fence(left)}" if is_tall(inner) else left, 1)
            yield from _pieces(inner, depth + 1, breakable)
            yield Piece(rf"\{size[1]}{_fence(right)}" if is_tall(inner) else right, 1)
        case Big() if breakable and _wide(box.body):
            yield Piece(_big(box) + " ", 2)
            yield from _pieces(box.body, depth + 1, breakable)
        case Applied(function, argument) if breakable and _wide(argument):
            yield Piece(symbol_latex(function), len(function.letter))
            yield from _pieces(argument, depth, breakable)
        case Marked(inner) if breakable and _wide(inner):
            yield from (replace(p, marked=True) for p in _pieces(inner, depth, breakable))
        case _:
            yield Piece(_whole(box), _width(box))


def _width(box: Box) -> int:
    inner = bare(box)
    if isinstance(inner, Fraction):
        return max(_width(inner.top), _width(inner.bottom))
    if isinstance(inner, Symbol):
        return len(inner.letter) + max(len("".join(inner.sub)), len(inner.sup))
    return text_length(box)


def _wide(box: Box) -> bool:
    return text_length(box) > LINE // 2


def _operator(box: Operator, depth: int) -> Piece:
    if box.prefix:
        return Piece("-", 1)
    cost = NEVER if box.glue else 2 * depth + (box.sign not in ("+", "-", "="))
    return Piece(_SIGNS[box.sign], 3 if box.sign else 1, cost)


def _fence(sign: str) -> str:
    return _FENCES.get(sign, sign)


def _big(box: Big) -> str:
    if box.sign != "Σ":
        return rf"\operatorname*{{{box.sign}}}_{{{_atom(box.index)}}}"
    upper = _run(re.findall(r"\w+|\W", box.upper))
    return rf"\sum_{{{_atom(box.index)}={box.lower}}}^{{{upper}}}"


def _whole(box: Box) -> str:
    """A box that is not broken."""
    match box:
        case Symbol():
            return symbol_latex(box)
        case Digits(text):
            return text
        case Words(text):
            return rf"\text{{{escaped(text)}}}"
        case Fraction(top, bottom):
            return rf"\frac{{{latex_of_box(top)}}}{{{latex_of_box(bottom)}}}"
        case Fenced(left, inner, right):
            tall = is_tall(inner)
            before, after = (r"\left", r"\right") if tall else ("", "")
            return f"{before}{_fence(left)}{latex_of_box(inner)}{after}{_fence(right)}"
        case Big():
            return f"{_big(box)} {latex_of_box(box.body)}"
        case Raised(base, exponent):
            return f"{_base(base)}^{{{latex_of_box(exponent)}}}"
        case Root(inner):
            return rf"\sqrt{{{latex_of_box(inner)}}}"
        case Applied(function, argument):
            return f"{symbol_latex(function)}{_whole(argument)}"
        case Differential(d, of):
            sign = {"∂": r"\partial", "Δ": r"\Delta"}.get(d, d)
            return sign if of is None else f"{sign} {latex_of_box(of)}"
        case Direct(of):
            return rf"\left.{latex_of_box(of)}\right|_{{\text{{direct}}}}"
        case Transposed(of):
            return f"{_base(of)}^{{\\top}}"
        case Marked(inner):
            return latex_of_box(inner)
        case _:
            return latex_of_box(box)


def _base(box: Box) -> str:
    """What something is raised over, in braces where that is needed."""
    inner = bare(box)
    alone = isinstance(inner, Symbol) and not (inner.sup or inner.primes)
    text = latex_of_box(box)
    return text if alone or isinstance(inner, Fenced | Digits | Applied) else f"{{{text}}}"


# -- documents -----------------------------------------------------------------------------


_SCRIPTS = {"CYRILLIC": r"\usepackage[T2A]{fontenc}", "GREEK": r"\usepackage{textalpha}"}
"""What gives pdflatex the letters of a script."""

_OTHER = (
    r"these need lualatex or xelatex, with a font that has them:"
    r" \usepackage{fontspec}\setmainfont{...}"
)


@deep
def write(asked: Asked) -> str:
    """The page: align environments with the reasons between the lines.

    A complete document needs amsmath; a part is what stands in one's body, and says in a
    comment what else its letters need.
    """
    body = "\n".join(_body(asked.page)).rstrip() + "\n"
    if asked.complete:
        return document(body)
    return "".join(f"% {line.removeprefix('% ')}\n" for line in _needed(body)) + body


def document(body: str, setup: str = "") -> str:
    """A complete document that compiles, with what the letters of its body need.

    setup: lines in front of its beginning.
    """
    needed = "".join(f"{line}\n" for line in _needed(body))
    return (
        "\\documentclass[11pt]{article}\n\\usepackage[a4paper,margin=25mm]{geometry}\n"
        f"\\usepackage{{amsmath,amssymb}}\n{needed}\\allowdisplaybreaks\n{setup}"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )


def _needed(body: str) -> list[str]:
    """Lines for a preamble, one for each script beyond the Latin one."""
    letters = {c for c in body if c.isalpha() and not c.isascii()}
    scripts = sorted({unicodedata.name(c, "OTHER").split()[0] for c in letters} - {"LATIN"})
    return [
        f"{_SCRIPTS[script]} % {script.lower()} letters"
        if script in _SCRIPTS
        else f"% {script.lower()} letters: {_OTHER}"
        for script in scripts
    ]


def prose_latex(prose: Prose) -> str:
    """A sentence in text mode, its formulas in math mode."""
    return "".join(
        escaped(run[0]) if isinstance(run[0], str) else f"${run_latex(run)}$" for run in runs(prose)
    )


def run_latex(run: Prose) -> str:
    """Formulas with signs between them, as one formula."""
    return "".join(
        part.replace("·", r"\cdot").replace("←", r"\leftarrow")
        if isinstance(part, str)
        else latex_of_box(part)
        for part in run
    )


def _body(page: Page) -> Iterator[str]:
    yield rf"\section*{{{prose_latex(page.question)}}}"
    for block in page.blocks:
        yield ""
        if block.title:
            yield rf"\subsection*{{{prose_latex(block.title)}}}"
        for words in block.before:
            yield prose_latex(words) + r"\par"
        yield from _aligned(block)
        for part, number in block.values:
            yield rf"${latex_of_box(part)} = {number}$\par"
        for words in block.after:
            yield prose_latex(words) + r"\par"
    for note in page.notes:
        yield rf"\par\noindent\emph{{Note:}} {prose_latex(note)}"
    if page.about:
        yield r"\subsection*{About this network}"
        yield from (prose_latex((words,)) + r"\par" for words in page.about)


def _aligned(block: PageBlock) -> Iterator[str]:
    if not block.rows:
        return
    yield r"\begin{align*}"
    left = "" if block.left is None else latex_of_box(block.left)
    for number, row in enumerate(block.rows):
        for reason in row.reasons:
            says = prose_latex(reason.says)
            if says and number:
                yield rf"\intertext{{{says}}}"
            for before, after in reason.law:
                law = f"${latex_of_box(before)} = {latex_of_box(after)}$"
                yield rf"\intertext{{\quad {escaped(reason.rule)}: {law}}}"
        lines = latex_lines(row.right)
        head = (left if number == 0 else "") + (" &= " if left else "& ")
        tag = rf" \tag*{{{escaped(row.label)}}}" if row.label else ""
        end = r" \\" if number < len(block.rows) - 1 else ""
        yield head + (r" \\" + "\n" + r" &\quad {} ").join(lines) + tag + end
    yield r"\end{align*}"


def aligned_latex(page: Page) -> str:
    """The chains of a page without words, in one aligned environment between dollar signs."""
    lines = []
    for block in page.blocks:
        left = "" if block.left is None else latex_of_box(block.left)
        for number, row in enumerate(block.rows):
            head = left if number == 0 else ""
            lines += [f"{head} &= {latex_lines(row.right)[0]}"]
            lines += [rf"&\quad {{}} {more}" for more in latex_lines(row.right)[1:]]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"
