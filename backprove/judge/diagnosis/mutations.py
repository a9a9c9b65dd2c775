"""The correct gradient with mistakes in it: every row of MUTATIONS at every place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ...expr import Expr, Path, part
from ...rewrite import Sentence
from .linear import mutated
from .mistakes import MUTATIONS, Change, Mutation
from .places import Place, Setting, places, refs_of
from .truth import Form, Truth


@dataclass(frozen=True)
class Mutant:
    """A correct gradient with one mistake (or two) in it.

    kinds: words of `KINDS`, two for a pair. says: what was done, words and expressions:
    ("the factor ", σ'(z), " is missing"). whole: the gradient without the mistake; put: what
    the mistake puts where. correct: the part of it that was changed; mutated: what stands there
    now; paths: where; changes: how many places differ. rank: of its row (their sum for a pair),
    the smaller the more plausible.
    """

    kinds: tuple[str, ...]
    says: tuple[Sentence, ...]
    whole: Expr
    put: tuple[tuple[Path, Expr], ...]
    correct: Expr
    mutated: Expr
    paths: tuple[Path, ...]
    changes: int = 1
    form: str = ""
    rank: int = 0
    planted: bool = True

    @property
    def plausibility(self) -> int:
        """The rank with the form taken into account, where nothing is known of the answer's."""
        return self.rank + _late(self.form)

    @cached_property
    def expr(self) -> Expr:
        """The whole gradient with the mistake."""
        return self.at(())

    def at(self, path: Path) -> Expr:
        """The part of the gradient with the mistake at a path that no change lies above."""
        return mutated(self.whole, path, self.put)


SIMPLIFIED = 20
"""By how much a mistake in a simplified form is less plausible: σ'(z) taken as σ(1 + σ) is a
wrong derivative before it is a wrong sign in h(1 - h)."""


def mutants(truth: Truth, forms: tuple[Form, ...] | None = None) -> Iterator[Mutant]:
    """The correct gradient with one mistake, the most plausible first.

    A mistake that is made at several places for the same reason (tanh' taken as 1 - tanh in
    every layer) is one mistake with several changes. forms: those of the truth by default.
    """
    return iter(_kept(truth, truth.forms if forms is None else forms))


@lru_cache(maxsize=8)
def _kept(truth: Truth, forms: tuple[Form, ...]) -> tuple[Mutant, ...]:
    return tuple(_made(truth, forms))


def _late(form: str) -> int:
    return SIMPLIFIED if form in ("folded", "signals", "answer") else 0


def _made(truth: Truth, forms: tuple[Form, ...]) -> Iterator[Mutant]:
    rows: list[tuple[int, int, Form, _Changes]] = []
    for number, form in enumerate(forms):
        rows.extend((rank, number, form, made) for rank, made in _in_form(truth, form))
    seen: set[tuple[object, ...]] = set()
    for rank, _, form, made in sorted(rows, key=lambda row: (row[0] + _late(row[2].name), row[1])):
        mutant = _mutant(form, rank, made)
        key = (mutant.whole, mutant.put, mutant.kinds)
        if key not in seen:
            seen.add(key)
            yield mutant


@dataclass(frozen=True)
class _Changes:
    """One mistake, and the places where it is made."""

    row: Mutation
    changes: tuple[tuple[Path, Change], ...]


def _in_form(truth: Truth, form: Form) -> Iterator[tuple[int, _Changes]]:
    setting = Setting(truth, form)
    alike: dict[tuple[int, str, str], list[tuple[Path, Change]]] = {}
    for place in places(setting):
        for rank, row in enumerate(MUTATIONS):
            for change in row.apply(place):
                if change.new is place.part:
                    continue
                yield rank, _Changes(row, ((place.path, change),))
                if change.alike:
                    for layer in ("", _layer(place)):
                        key = rank, change.alike, layer
                        alike.setdefault(key, []).append((place.path, change))
    for (rank, *_), found in alike.items():
        apart = _apart(found)
        if len(apart) > 1:
            yield rank, _Changes(MUTATIONS[rank], apart)


def _layer(place: Place) -> str:
    """The layer of the first quantity in a part: a mistake may be made throughout it."""
    found = place.setting.truth.roles
    return next((f"in {found[r.name].layer}" for r in refs_of(place.part) if r.name in found), "")


def _apart(found: list[tuple[Path, Change]]) -> tuple[tuple[Path, Change], ...]:
    """Changes at places of which none is inside another."""
    chosen: dict[Path, Change] = {}
    for path, change in found:
        if not any(path[: len(p)] == p or p[: len(path)] == path for p in chosen):
            chosen[path] = change
    return tuple(chosen.items())


def _mutant(form: Form, rank: int, made: _Changes) -> Mutant:
    put = tuple((path, change.new) for path, change in made.changes)
    paths = tuple(path for path, _ in put)
    first = made.changes[0][1]
    says = first.says
    if len(paths) > 1:
        others = list(dict.fromkeys(part(form.expr, path) for path in paths))[1:]
        likewise = [word for other in others for word in (", ", other)]
        says = (*says, "; so is it with ", *likewise[1:]) if others else says
    return Mutant(
        (made.row.kind,), (says,), form.expr, put, part(form.expr, paths[0]), first.new, paths,
        len(paths), form.name, rank, first.planted,
    )  # fmt: skip


def together(one: Mutant, other: Mutant) -> Mutant | None:
    """Both mistakes in one gradient; None where they are made at the same place."""
    if one.whole is not other.whole:
        return None
    if any(p[: len(q)] == q or q[: len(p)] == p for p in one.paths for q in other.paths):
        return None
    return joined(one, other, one.put + other.put, one.paths + other.paths)


def joined(
    one: Mutant, other: Mutant, put: tuple[tuple[Path, Expr], ...], paths: tuple[Path, ...]
) -> Mutant:
    """Two mistakes as one mutant, which is made by `put`."""
    return replace(
        one,
        kinds=one.kinds + other.kinds,
        says=one.says + other.says,
        put=put,
        paths=paths,
        changes=one.changes + other.changes,
        rank=one.rank + other.rank,
    )


__all__ = ["MUTATIONS", "Mutant", "Mutation", "joined", "mutants", "together"]
