"""What an equation is made of, term by term: which neuron is multiplied by which weight.

`z[i] = sum(j: w[i,j]*x[j]) + b[i]` has two uses: x[j] by w[i,j], for all i and j, and b[i] alone.
Products are multiplied out, so that w*(x + y) uses x and y, both by w. A use keeps its letters:
a layer of any width is one use, and `assignments` gives the numbers for the letters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from ..expr import Add, Delta, Expr, Index, Mul, Number, Reduce, Ref, Size, walk, with_indices
from ..network import TRAINED, Equation, Network

EXPANDED = 256
"""Products that multiply out to more terms than this are taken as they are written."""


Sizes: TypeAlias = Mapping[str, Size]
"""The range of every letter."""

Change: TypeAlias = Mapping[str, Index]
"""What letters became."""


@dataclass(frozen=True)
class Use:
    """A component of a quantity in a term of an equation.

    target: the indices of the component that the equation gives. weight: the weight, bias or
    constant that multiplies the source there, where it is exactly one; numbers may multiply it
    too. alone: whether nothing but numbers multiplies the source, in a sum that neurons occur in
    (a bias is added alone). sizes: the range of every letter that occurs.
    """

    target: Ref
    source: Ref
    weight: Ref | None
    alone: bool
    sizes: tuple[tuple[str, Size], ...]


@dataclass(frozen=True)
class _Product:
    """Factors that are multiplied, for all values of the letters."""

    factors: tuple[Expr, ...]
    sizes: Sizes


def uses(network: Network, equation: Equation) -> tuple[Use, ...]:
    """Every quantity that an equation is made of, each with what multiplies it, once."""
    shape = network[equation.name].shape
    own: dict[str, Size] = dict(zip(equation.indices, shape, strict=True))
    found = _Reader(network, equation.left).read(equation.right, own, {})
    return tuple(dict.fromkeys(found))


class _Reader:
    """Reads one equation; bound letters get a name of their own, so that none meet."""

    def __init__(self, network: Network, target: Ref) -> None:
        self.network, self.target = network, target
        self.numbers = itertools.count(1)

    def read(self, e: Expr, around: Sizes, settled: Change) -> Iterator[Use]:
        """The uses in `e`. around: the letters' ranges. settled: what deltas made of letters."""
        for product in self._products(e):
            joined = _joined(product, around, settled)
            if joined is not None:
                yield from self._read(*joined, beside=e.names)

    def _read(
        self, factors: tuple[Expr, ...], sizes: Sizes, change: Change, beside: frozenset[str]
    ) -> Iterator[Use]:
        neurons: list[Ref] = []
        trained: list[Ref] = []
        constants: list[Ref] = []
        others: list[Expr] = []
        for factor in factors:
            ref = self._bent(factor)
            if ref and self._is_neuron(ref.name):
                neurons.append(ref)
            elif isinstance(factor, Ref):
                constant = self.network[factor.name].kind == "constant"
                (constants if constant else trained).append(factor)
            elif not self._only_constants(factor):
                others.append(factor)
        labels = trained or constants
        weight = None
        if len(neurons) == 1 and len(labels) == 1 and not others:
            weight = labels[0]
        alone = len(neurons) + len(labels) == 1 and not others
        alone = alone and any(map(self._is_neuron, beside))
        for ref in neurons if weight else (*neurons, *trained, *constants):
            yield self._use(ref, weight, alone, sizes, change)
        for other in others:
            inner = dict(sizes)
            if isinstance(other, Reduce):
                other = self._renamed(other)
                inner[other.index] = other.size
            for child in other.children:
                yield from self.read(child, inner, change)

    def _use(self, ref: Ref, weight: Ref | None, alone: bool, sizes: Sizes, change: Change) -> Use:
        target = with_indices(self.target, dict(change))
        assert isinstance(target, Ref)
        letters = dict.fromkeys(
            i
            for indices in (target.indices, ref.indices, weight.indices if weight else ())
            for i in indices
            if isinstance(i, str)
        )
        return Use(target, ref, weight, alone, tuple((i, sizes[i]) for i in letters))

    def _bent(self, e: Expr) -> Ref | None:
        """The one component that a factor is made of: x for x, z for sigmoid(z), else None."""
        if isinstance(e, Ref):
            return e
        found = {node for node in walk(e) if isinstance(node, Ref | Reduce | Delta)}
        only = found.pop() if len(found) == 1 else None
        return only if isinstance(only, Ref) and self._is_neuron(only.name) else None

    def _is_neuron(self, name: str) -> bool:
        return self.network[name].kind not in (*TRAINED, "constant")

    def _only_constants(self, e: Expr) -> bool:
        return all(self.network[name].kind == "constant" for name in e.names)

    def _products(self, e: Expr) -> tuple[_Product, ...]:
        match e:
            case Number():
                return (_Product((), {}),) if e.value else ()
            case Add():
                return tuple(p for term in e.terms for p in self._products(term))
            case Reduce(op="sum"):
                e = self._renamed(e)
                bound = {e.index: e.size}
                return tuple(
                    _Product(p.factors, {**p.sizes, **bound}) for p in self._products(e.body)
                )
            case Mul():
                rows = [self._products(factor) for factor in e.factors]
                count = 1
                for row in rows:
                    count *= len(row)
                if count > EXPANDED:
                    rows = [(_Product((factor,), {}),) for factor in e.factors]
                return tuple(_multiplied(row) for row in itertools.product(*rows))
            case _:
                return (_Product((e,), {}),)

    def _renamed(self, e: Reduce) -> Reduce:
        letter = f"{e.index}#{next(self.numbers)}"
        return Reduce(e.op, letter, e.size, with_indices(e.body, {e.index: letter}))


def _multiplied(row: tuple[_Product, ...]) -> _Product:
    sizes: dict[str, Size] = {}
    for product in row:
        sizes |= product.sizes
    return _Product(tuple(f for product in row for f in product.factors), sizes)


def _joined(
    product: _Product, around: Sizes, settled: Change
) -> tuple[tuple[Expr, ...], Sizes, Change] | None:
    """A product without its deltas: [i = j] makes i and j one letter; None where one is 0."""
    factors, sizes = product.factors, {**around, **product.sizes}
    if settled:
        factors = tuple(with_indices(f, dict(settled)) for f in factors)
    change = dict(settled)
    while True:
        delta = next((f for f in factors if _between_indices(f)), None)
        if delta is None:
            return factors, sizes, change
        assert isinstance(delta, Delta)
        assert not isinstance(delta.right, Expr)
        left, right = delta.left, delta.right
        factors = tuple(f for f in factors if f is not delta)
        if left == right:
            continue
        if isinstance(left, int) and isinstance(right, int):
            return None
        # the letter that goes is the one that a sum bound, where there is one
        gone, kept = (left, right) if isinstance(left, str) and "#" in left else (right, left)
        if isinstance(gone, int):
            gone, kept = kept, gone
        assert isinstance(gone, str)
        factors = tuple(with_indices(f, {gone: kept}) for f in factors)
        change = {k: kept if v == gone else v for k, v in change.items()} | {gone: kept}


def _between_indices(e: Expr) -> bool:
    return isinstance(e, Delta) and not isinstance(e.right, Expr)


def assignments(network: Network, use: Use) -> list[tuple[int, ...]]:
    """The numbers of a use's letters, all of them, in order; the sizes must have numbers."""
    lengths = [network.length(size) or 0 for _, size in use.sizes]
    return list(itertools.product(*(range(1, length + 1) for length in lengths)))


def count(network: Network, use: Use) -> int | None:
    """How many assignments there are; None where a size has no number."""
    number = 1
    for _, size in use.sizes:
        length = network.length(size)
        if length is None:
            return None
        number *= length
    return number


def component(name: str, indices: tuple[Index, ...]) -> str:
    """A component as it is written in the file: `w2[1,2]`, `b`."""
    return f"{name}[{','.join(map(str, indices))}]" if indices else name


def spelled(ref: Ref, use: Use, rows: Sequence[tuple[int, ...]]) -> list[str]:
    """A component of a use, written for each assignment of numbers to its letters."""
    letters = [letter for letter, _ in use.sizes]
    places = [letters.index(i) for i in ref.indices if isinstance(i, str)]
    form = component(ref.name, tuple("%d" if isinstance(i, str) else i for i in ref.indices))
    if not places:
        return [form] * len(rows)
    if places == [*range(len(letters))]:
        return [form % row for row in rows]
    keys = list(map(itemgetter(*places), rows))
    texts = {key: form % key for key in set(keys)}  # one text a component, not one an edge
    return [texts[key] for key in keys]


__all__ = ["Use", "assignments", "component", "count", "spelled", "uses"]
