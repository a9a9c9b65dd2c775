"""Mistakes that people make, as changes of a correct gradient: one row a mistake."""

from __future__ import annotations

from dataclasses import dataclass

from ..expr import Expr, Path
from ..rewrite import Sentence


@dataclass(frozen=True)
class Mutant:
    """A correct gradient with one mistake (or two) in it.

    kind: a word of `KINDS`; kinds: of both, for a pair. says: what was done, words and
    expressions: ("the factor ", σ'(z), " is missing"). expr: the whole gradient with the
    mistake. correct: the expression that was changed; path: where in it; changes: how many
    places differ.
    """

    kinds: tuple[str, ...]
    says: tuple[Sentence, ...]
    expr: Expr
    correct: Expr
    paths: tuple[Path, ...]
    changes: int = 1
