"""A derivation as JSON: every block, line and step, for other programs."""

from __future__ import annotations

import json
from typing import Any

from ..expr import Expr, plain
from ..notation import BoundNotation
from ..rewrite import Block, Derivation, Line, Sentence, Step
from .depth import deep
from .document import Asked, Prose, direct_notes
from .latex import latex_of_box, prose_latex
from .layout import layout
from .occurring import occurring
from .terminal import prose_text
from .text import text_of_box


@deep
def write(asked: Asked) -> str:
    """The derivation; an expression is {"text", "latex", "plain"}, plain in the .bp language."""
    data = _Writer(asked.notation).derivation(asked.derivation)
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


class _Writer:
    def __init__(self, notation: BoundNotation) -> None:
        self.notation = notation

    def derivation(self, derivation: Derivation) -> dict[str, Any]:
        names = occurring(derivation).names
        return {
            "quantity": self.expression(derivation.quantity),
            "style": derivation.style,
            "zoom": derivation.zoom,
            "notation": self.notation.notation.name,
            "lets": [
                [self.expression(let.left), self.expression(let.right)]
                for name, let in self.notation.lets.items()
                if name in names
            ],
            "blocks": [self.block(block) for block in derivation.blocks],
            "answer": None if derivation.answer is None else self.expression(derivation.answer),
            "notes": [self.prose(note) for note in direct_notes(derivation, self.notation)]
            + [self.sentence(note) for note in derivation.notes]
            + [{"text": note, "latex": note} for note in self.notation.notes],
        }

    def block(self, block: Block) -> dict[str, Any]:
        return {
            "title": self.sentence(block.title),
            "before": [self.sentence(words) for words in block.before],
            "left": None if block.left is None else self.expression(block.left),
            "lines": [self.line(line) for line in block.lines],
            "after": [self.sentence(words) for words in block.after],
        }

    def line(self, line: Line) -> dict[str, Any]:
        return {
            "right": self.expression(line.right),
            "label": line.label,
            "steps": [self.step(step) for step in line.steps],
        }

    def step(self, step: Step) -> dict[str, Any]:
        return {
            "rule": step.rule,
            "law": [[self.expression(a), self.expression(b)] for a, b in step.law],
            "when": step.when,
            "place": list(step.path),
            "before": self.expression(step.before),
            "after": self.expression(step.after),
            "says": self.sentence(step.says),
        }

    def expression(self, e: Expr) -> dict[str, str]:
        box = layout(e, self.notation)
        return {"text": text_of_box(box), "latex": latex_of_box(box), "plain": plain(e)}

    def sentence(self, sentence: Sentence) -> dict[str, str]:
        return self.prose(
            tuple(p if isinstance(p, str) else layout(p, self.notation) for p in sentence)
        )

    @staticmethod
    def prose(prose: Prose) -> dict[str, str]:
        return {"text": prose_text(prose), "latex": prose_latex(prose)}
