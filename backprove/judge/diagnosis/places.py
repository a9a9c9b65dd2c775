"""The places of a correct gradient, and what could stand there instead.

A place knows the letters that mean something there, so that a mutation can name another
component, another layer's weight or another activation that fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice, product

from ...expr import Apply, Expr, Index, Path, Reduce, Ref, Size, flat_terms, walk, with_indices
from ...network import TRAINED, adjoint
from .truth import Form, Truth

FITS = 4
"""How many ways of indexing a quantity are tried at a place."""

FEW = 6
"""Sums of up to this many terms are looked into path by path."""

NEAR = 8
"""How many other quantities are taken for one, those next to it in the file."""

ALIKE: tuple[frozenset[str], ...] = (
    frozenset(("input", "activation", "output")),
    frozenset(("weighted input", "dot product")),
)
"""Roles that are taken for one another."""


class Setting:
    """What all places of a form share: the truth, the form, and the letters asked for."""

    def __init__(self, truth: Truth, form: Form) -> None:
        self.truth, self.form = truth, form
        self.network = truth.network
        self.letters = truth.letters

    def role(self, name: str) -> str:
        """The part that a quantity plays; "" for names that the network does not know."""
        known = self.truth.roles.get(name)
        return known.kind if known else ""

    def same(self, a: Size, b: Size) -> bool:
        """Whether two sizes are certainly equal."""
        length = self.network.length(a)
        return a == b or (length is not None and length == self.network.length(b))

    def alike(self, name: str) -> tuple[str, ...]:
        """The other quantities that play the same part, in the same layer or another."""
        return self._alike.get(name, ())

    @cached_property
    def _alike(self) -> Mapping[str, tuple[str, ...]]:
        groups: dict[object, list[str]] = {}
        for name, role in self.truth.roles.items():
            if self.network[name].hidden or name not in self.network.live:
                continue
            group = next((g for g in ALIKE if role.kind in g), frozenset((role.kind,)))
            groups.setdefault((group, len(self.network[name].shape)), []).append(name)
        return {
            name: tuple(group[k] for k in _around(n, len(group)))
            for group in groups.values()
            for n, name in enumerate(group)
        }

    def same_layer(self, a: str, b: str) -> bool:
        """Whether two quantities stand in the same layer, as far as that is known."""
        known = self.truth.roles
        return a in known and b in known and known[a].layer == known[b].layer

    @cached_property
    def value_of(self) -> Mapping[str, Ref]:
        """For each weighted input, the activation that is a function of it alone."""
        found: dict[str, Ref] = {}
        for equation in self.network.equations.values():
            right = equation.right
            if isinstance(right, Apply) and isinstance(right.argument, Ref):
                found.setdefault(right.argument.name, equation.left)
        return found

    @cached_property
    def argument_of(self) -> Mapping[str, Ref]:
        """For each activation, what it is a function of."""
        return {
            equation.name: equation.right.argument
            for equation in self.network.equations.values()
            if isinstance(equation.right, Apply) and isinstance(equation.right.argument, Ref)
        }


def _around(n: int, length: int) -> list[int]:
    """The numbers near n, the nearest first."""
    others = sorted((k for k in range(length) if k != n), key=lambda k: (abs(k - n), k))
    return others[:NEAR]


@dataclass(frozen=True)
class Place:
    """A part of a form. letters: those that mean something there, with their sizes."""

    setting: Setting
    path: Path
    part: Expr
    parents: tuple[Expr, ...]
    letters: Mapping[str, Size]

    @property
    def parent(self) -> Expr | None:
        return self.parents[-1] if self.parents else None

    @property
    def grandparent(self) -> Expr | None:
        return self.parents[-2] if len(self.parents) > 1 else None

    @property
    def whole(self) -> bool:
        return not self.path

    def fitting(self, name: str, like: tuple[Index, ...] = ()) -> Iterator[Ref]:
        """The components of a quantity that can be named here, those indexed as `like` first."""
        network = self.setting.network
        options: list[list[Index]] = []
        for axis, size in enumerate(network[name].shape):
            row: list[Index] = []
            wished = [*like[axis : axis + 1], *like, *self.letters]
            length = network.length(size)
            for index in wished:
                if isinstance(index, int):
                    fits = length is None or index <= length
                else:
                    known = self.letters.get(index)
                    fits = known is not None and self.setting.same(known, size)
                if fits and index not in row:
                    row.append(index)
            if length == 1:
                row = [1]
            if length is not None and not any(isinstance(index, str) for index in row):
                row += [k for k in range(1, min(length, FEW) + 1) if k not in row]
            options.append(row)
        for indices in islice(product(*options), FITS):
            yield Ref(name, indices)

    def positions(self, size: Size) -> Iterator[int]:
        """The numbers along an axis, where they are few."""
        length = self.setting.network.length(size)
        if length is not None and length <= FEW:
            yield from range(1, length + 1)


def places(setting: Setting) -> Iterator[Place]:
    """Every place of a form, the whole first."""
    stack = [Place(setting, (), setting.form.expr, (), setting.letters)]
    while stack:
        place = stack.pop()
        yield place
        inner = place.letters
        if isinstance(place.part, Reduce):
            inner = {**inner, place.part.index: place.part.size}
        parents = (*place.parents, place.part)
        stack.extend(
            Place(setting, (*place.path, n), child, parents, inner)
            for n, child in reversed(list(enumerate(place.part.children)))
        )


def stale_terms(place: Place) -> Iterator[Expr]:
    """The terms of a definition that a local derivative should have removed."""
    setting = place.setting
    derivative = setting.form.local.get(place.part)
    if derivative is None or not isinstance(derivative.body, Ref):
        return
    if derivative.body.name not in setting.network.equations:
        return  # an input has no terms
    wrt = derivative.wrt
    for term in flat_terms(setting.network.definition(derivative.body)):
        if not setting.truth.scope.depends(term, wrt, False):
            yield term
        elif isinstance(term, Reduce) and term.op == "sum":
            for k in place.positions(term.size):
                component = with_indices(term.body, {term.index: k})
                if not setting.truth.scope.depends(component, wrt, False):
                    yield component


def later_gradients(setting: Setting) -> Iterator[Ref]:
    """The adjoints of quantities between the one asked for and the loss, indexed alike."""
    asked = setting.truth.asked
    place = Place(setting, (), asked, (), setting.letters)
    for name in setting.network.equations:
        later = name in setting.network.influenced_by(asked.name) and name in setting.network.live
        if later and name not in (asked.name, setting.network.loss):
            for ref in place.fitting(name, asked.indices):
                yield adjoint(ref)


def is_trained(setting: Setting, ref: Ref) -> bool:
    return ref.name in setting.network.quantities and setting.network[ref.name].kind in TRAINED


def other_gradients(setting: Setting) -> Iterator[tuple[Ref, bool]]:
    """Adjoints of other components than the one asked for; whether of another quantity's layer."""
    asked = setting.truth.asked
    network = setting.network
    shape = network[asked.name].shape
    for a, b in combinations(range(len(shape)), 2):
        if setting.same(shape[a], shape[b]) and asked.indices[a] != asked.indices[b]:
            indices = list(asked.indices)
            indices[a], indices[b] = indices[b], indices[a]
            yield adjoint(Ref(asked.name, tuple(indices))), False
    for axis, size in enumerate(shape):
        length = network.length(size)
        if isinstance(asked.indices[axis], int) and length is not None and length <= FEW:
            for k in range(1, length + 1):
                if k != asked.indices[axis]:
                    indices = list(asked.indices)
                    indices[axis] = k
                    yield adjoint(Ref(asked.name, tuple(indices))), False
    place = Place(setting, (), asked, (), setting.letters)
    for name in setting.alike(asked.name):
        for ref in islice(place.fitting(name, asked.indices), 2):
            yield adjoint(ref), not setting.same_layer(name, asked.name)


def refs_of(e: Expr) -> list[Ref]:
    """The components in an expression, each once."""
    return list(dict.fromkeys(node for node in walk(e) if isinstance(node, Ref)))


__all__ = [
    "FEW",
    "Place",
    "Setting",
    "is_trained",
    "later_gradients",
    "other_gradients",
    "places",
    "refs_of",
    "stale_terms",
]
