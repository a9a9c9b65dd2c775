"""A derivation as a page, before any format: blocks of rows, each with its reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..expr import Derivative, Expr, Path, Ref, walk
from ..network import Network, adjoint
from ..notation import BoundNotation
from ..rewrite import Block, Derivation, Line, Sentence, Step
from .boxes import Box, walk_boxes
from .depth import deep
from .layout import layout
from .matrix import ONES, matrix_equation, shapes_text
from .occurring import fitted, occurring

Prose: TypeAlias = "tuple[str | Box, ...]"
"""Words with formulas among them."""

_MEANT = {
    "step": "step(u) is 1 where u > 0, and 0 elsewhere",
    "sign": "sign(u) is 1 where u > 0, -1 where u < 0, and 0 at 0",
    "erf'": "erf'(u) is 2/√π times exp(-u^2)",
}
"""What functions are that a derivation brings in by itself."""

_SIGNS = re.compile(r"[ =()+·←-]*[=()+·←-][ =()+·←-]*")


def runs(prose: Prose) -> Iterator[Prose]:
    """A sentence in runs: words alone, or formulas with only signs between them.

    `J`, ` = `, `J`, `(`, `o`, `)` is one formula, set in pieces.
    """
    waiting: tuple[str | Box, ...] = ()
    for place, part in enumerate(prose):
        follows = place + 1 < len(prose) and not isinstance(prose[place + 1], str)
        if not isinstance(part, str) or (waiting and _joins(part, _depth(waiting), follows)):
            waiting = (*waiting, part)
            continue
        if waiting:
            yield waiting
        waiting = ()
        yield (part,)
    if waiting:
        yield waiting


def _joins(part: str, depth: int, follows: bool) -> bool:
    """Whether signs join the formulas around them, or close what they opened."""
    if not part.strip(") "):
        return 0 < part.count(")") <= depth
    return follows and bool(_SIGNS.fullmatch(part) or (depth and not part.strip(" ,")))


def _depth(run: Prose) -> int:
    signs = "".join(part for part in run if isinstance(part, str))
    return signs.count("(") - signs.count(")")


Numbers: TypeAlias = Callable[[Expr], "str | None"]
"""Gives the printed number of an expression, or None where there is none."""


@dataclass(frozen=True)
class Reason:
    """Why a line follows: the rule, what was done, its law (left = right) and condition.

    changes: what stood there before and what stands there after, once for each place.
    """

    rule: str
    says: Prose
    law: tuple[tuple[Box, Box], ...] = ()
    when: str = ""
    changes: tuple[tuple[Box, Box], ...] = ()


@dataclass(frozen=True)
class PageRow:
    """`= right`, the reasons that led to it, its label."""

    right: Box
    reasons: tuple[Reason, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class PageBlock:
    """A chain of equal lines with a title and remarks."""

    title: Prose
    left: Box | None
    rows: tuple[PageRow, ...]
    before: tuple[Prose, ...] = ()
    after: tuple[Prose, ...] = ()
    values: tuple[tuple[Box, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """Everything that is printed of a derivation: how `loss` changes with `quantity`.

    about: what the network's file says of itself, a text a paragraph.
    """

    loss: Box
    quantity: Box
    gradient: Box
    style: str
    zoom: str
    notation: str
    blocks: tuple[PageBlock, ...]
    answer: Box | None
    notes: tuple[Prose, ...] = ()
    about: tuple[str, ...] = ()

    @property
    def question(self) -> Prose:
        """What the page answers, as a title."""
        return ("How ", self.loss, " changes with ", self.quantity, ": ", self.gradient)


@dataclass(frozen=True)
class Asked:
    """What a format's `write` is given.

    width, color: for terminals. complete: a document of its own, not a part of one.
    """

    derivation: Derivation
    notation: BoundNotation
    page: Page
    width: int
    color: bool
    complete: bool


@deep
def page(
    derivation: Derivation,
    notation: BoundNotation,
    *,
    laws: bool = False,
    marks: bool = False,
    numbers: Numbers | None = None,
    repeat_laws: bool = False,
) -> Page:
    """Lay out a derivation. laws: with each rule's law, once for all or (repeat_laws) at each
    step that uses it. marks: show the changed places.
    """
    notation = fitted(notation, derivation)
    maker = _Maker(notation, laws, marks, numbers, repeat_laws)
    blocks: list[PageBlock] = []
    if introduced := tuple(maker.introduced(derivation)):
        blocks.append(PageBlock((), None, (), introduced))
    for block in derivation.blocks:
        blocks.append(maker.block(block))
        if derivation.zoom == "matrix" and (matrices := maker.in_matrices(block)) is not None:
            blocks.append(matrices)
    notes = tuple(maker.prose(note) for note in derivation.notes)
    if maker.without_matrices:
        listed = [part for box in maker.without_matrices for part in (", ", box)][1:]
        notes = (*notes, ("no matrix form was found for ", *listed, ": the index form stands"))
    own = tuple((note,) for note in notation.notes if note not in notation.letters)
    return Page(
        layout(Ref(derivation.network.loss), notation),
        layout(derivation.quantity, notation),
        layout(adjoint(derivation.quantity), notation),
        derivation.style,
        derivation.zoom,
        notation.notation.title or notation.notation.name,
        tuple(blocks),
        None if derivation.answer is None else layout(derivation.answer, notation),
        (*direct_notes(derivation, notation), *notes, *own),
        paragraphs(derivation.network.about),
    )


def paragraphs(text: str) -> tuple[str, ...]:
    """Wrapped lines as paragraphs; an empty line parts two."""
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return tuple(part for part in parts if part)


def direct_notes(derivation: Derivation, notation: BoundNotation) -> Iterator[Prose]:
    """What a marked local derivative means, once for each pair."""
    network = derivation.network
    for of, wrt in sorted(notation.direct):
        body, inside = (_general(network, name) for name in (of, wrt))
        marked = layout(Derivative(body, inside, False), notation)
        where, what = layout(inside, notation), layout(body, notation)
        says = ": only the places where ", " itself stands in the equation of ", " vary"
        yield (marked, says[0], where, says[1], what, says[2])


def _general(network: Network, name: str) -> Ref:
    shape = network[name].shape
    known = network.equations.get(name)
    return known.left if known is not None else Ref(name, tuple("ijklmpq"[: len(shape)]))


class _Maker:
    def __init__(
        self,
        notation: BoundNotation,
        laws: bool,
        marks: bool,
        numbers: Numbers | None,
        repeat_laws: bool,
    ) -> None:
        self.notation, self.laws, self.marks = notation, laws, marks
        self.generic = notation.pointed(False)  # a law's letters stand for anything
        self.numbers = numbers
        self.repeat_laws = repeat_laws
        self.quoted: set[tuple[Box, Box]] = set()
        self.without_matrices: dict[Box, None] = {}

    def introduced(self, derivation: Derivation) -> Iterator[Prose]:
        """What is said first: names given to unnamed quantities, what letters stand for."""
        found = occurring(derivation)
        for name, equation in self.notation.lets.items():
            if name in found.names:
                left, right = (layout(e, self.notation) for e in (equation.left, equation.right))
                yield ("let ", left, " = ", right)
        for note, functions in self.notation.letters.items():
            if functions & found.functions:
                yield (note,)
        yield from ((words,) for name, words in _MEANT.items() if name in found.functions)

    def block(self, block: Block) -> PageBlock:
        left = None if block.left is None else layout(block.left, self.notation)
        rows = tuple(self.rows(block))
        return PageBlock(
            self.prose(block.title),
            left,
            rows,
            tuple(self.prose(words) for words in block.before),
            tuple(self.prose(words) for words in block.after),
            self.values(block),
        )

    def in_matrices(self, block: Block) -> PageBlock | None:
        """A block's last line in matrix form; what has none is remembered for the notes."""
        if block.left is None or block.end is None or not block.left.free:
            return None
        made = matrix_equation(block.left, block.end, self.notation)
        if made is None:
            if any(isinstance(part, Derivative) for part in walk(block.end)):
                return None  # not worked out yet: a chain of factors
            self.without_matrices.setdefault(layout(block.left, self.notation))
            return None
        after = list[Prose]([shapes_text(made.shapes)] if made.shapes else [])
        if any(box == ONES for box in walk_boxes(made.right)):
            after.append((ONES, " holds ones only"))
        return PageBlock(("in matrix form",), made.left, (PageRow(made.right),), (), tuple(after))

    def values(self, block: Block) -> tuple[tuple[Box, str], ...]:
        """The numbers of the last line's factors, and of the whole."""
        if self.numbers is None or block.end is None:
            return ()
        rows: dict[Expr, str] = {}
        for part in (*block.end.children, block.end):
            if part.names and part not in rows:
                number = self.numbers(part)
                if number is not None:
                    rows[part] = number
        return tuple((layout(part, self.notation), number) for part, number in rows.items())

    def rows(self, block: Block) -> Iterator[PageRow]:
        """The lines; one that prints like the line above it only leaves its label there."""
        above: Box | None = None
        waiting: PageRow | None = None
        for line in block.lines:
            plain = layout(line.right, self.notation)
            row = self.row(line)
            if waiting is not None and plain == above and not row.reasons:
                labels = filter(None, (waiting.label, row.label))
                waiting = replace(waiting, label=", ".join(labels))
                continue
            if waiting is not None:
                yield waiting
            above, waiting = plain, row
        if waiting is not None:
            yield waiting

    def row(self, line: Line) -> PageRow:
        places = changed_places(line.steps) if self.marks else frozenset()
        right = layout(line.right, self.notation, places)
        reasons = tuple(replace(r, law=self.quote(r.law)) for r in self.reasons(line.steps))
        return PageRow(right, reasons, line.label)

    def quote(self, law: tuple[tuple[Box, Box], ...]) -> tuple[tuple[Box, Box], ...]:
        """The parts of a law that say something, and that have not been said before."""
        telling = dict.fromkeys(sides for sides in law if sides[0] != sides[1])
        if self.repeat_laws:
            return tuple(telling)
        new = tuple(sides for sides in telling if sides not in self.quoted)
        self.quoted.update(new)
        return new

    def reasons(self, steps: tuple[Step, ...]) -> tuple[Reason, ...]:
        """One reason for all steps that say the same; none for a change that does not show."""
        found: dict[tuple[str, Prose], Reason] = {}
        for step in steps:
            reason = self.reason(step)
            hidden = step.before is not step.after and not reason.changes
            if hidden:
                continue
            key = (reason.rule, reason.says)
            known = found.get(key)
            changes = (*(known.changes if known else ()), *reason.changes)
            found[key] = replace(reason, changes=tuple(dict.fromkeys(changes)))
        return tuple(found.values())

    def reason(self, step: Step) -> Reason:
        law = tuple(
            (layout(left, self.generic), layout(right, self.generic))
            for left, right in (step.law if self.laws else ())
        )
        before, after = layout(step.before, self.notation), layout(step.after, self.notation)
        return Reason(
            step.rule,
            self.prose(step.says),
            law,
            step.when,
            () if before == after else ((before, after),),
        )

    def prose(self, sentence: Sentence) -> Prose:
        return tuple(
            part if isinstance(part, str) else layout(part, self.notation) for part in sentence
        )


def changed_places(steps: tuple[Step, ...]) -> frozenset[Path]:
    """Where the steps of a line changed it, as far as later ones left the place standing."""
    places: list[Path] = []
    for step in steps:
        if step.before is step.after:
            continue
        places = [p for p in places if p[: len(step.path)] != step.path]
        places.append(step.path)
    # the whole line needs no mark
    return frozenset(place for place in places if place)
