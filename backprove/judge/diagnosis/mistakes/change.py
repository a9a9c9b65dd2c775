"""What a mistake puts at a place, and what all rows need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ....expr import Apply, Expr, Mul, Ref, mapped
from ....rewrite import Sentence
from ..places import Place


@dataclass(frozen=True)
class Change:
    """What a mistake puts at a place.

    alike: a name for the same mistake at other places, which people make at all of them; ""
    where each is a mistake of its own. planted: whether it reads well enough for an exercise.
    """

    new: Expr
    says: Sentence
    alike: str = ""
    planted: bool = True


@dataclass(frozen=True)
class Mutation:
    """One row: a word of KINDS, and what the mistake makes of a place."""

    kind: str
    apply: Callable[[Place], Iterator[Change]]

    @property
    def law(self) -> str:
        return (self.apply.__doc__ or "").strip()


def is_derivative(e: Expr, place: Place) -> bool:
    """Whether `e` is a function's derivative applied, σ'(z)."""
    if not isinstance(e, Apply):
        return False
    own = place.setting.network.own_functions.values()
    return e.function.endswith("'") or any(e.function == row.named_derivative for row in own)


def function_of(e: Apply, place: Place) -> str:
    """The function of which σ' is the derivative."""
    for row in place.setting.network.own_functions.values():
        if e.function == row.named_derivative:
            return row.name
    return e.function.removesuffix("'")


def times(c: Expr, e: Expr) -> Expr:
    return Mul((c, *e.factors)) if isinstance(e, Mul) else Mul((c, e))


def append(e: Expr, factor: Expr) -> Expr:
    return Mul((*e.factors, factor)) if isinstance(e, Mul) else Mul((e, factor))


def replaced_all(e: Expr, old: Ref, new: Ref) -> Expr:
    return mapped(e, lambda part: new if part is old else None)
