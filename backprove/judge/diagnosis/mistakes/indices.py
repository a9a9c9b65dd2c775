"""Another component, another quantity, another layer."""

from __future__ import annotations

from collections.abc import Iterator

from ....expr import (
    Add,
    Apply,
    Expr,
    Index,
    Mul,
    Ref,
    Size,
    count,
    mapped,
    with_indices,
)
from ....network import adjoint, is_adjoint
from ....rewrite import Sentence
from ..places import Place, later_gradients, other_gradients, refs_of
from .change import Change, replaced_all


def _shape(place: Place, ref: Ref) -> tuple[Size, ...]:
    name = ref.name.removeprefix("∂") if is_adjoint(ref) else ref.name
    known = place.setting.network.quantities.get(name)
    return known.shape if known else ()


def transposed(place: Place) -> Iterator[Change]:
    """w_jk → w_kj"""
    part = place.part
    if not isinstance(part, Ref) or part.name not in place.setting.network.quantities:
        return
    shape = place.setting.network[part.name].shape
    for a in range(len(shape)):
        for b in range(a):
            indices = list(part.indices)
            indices[a], indices[b] = indices[b], indices[a]
            swapped = Ref(part.name, tuple(indices))
            if swapped is not part and all(
                _fits(place, i, size) for i, size in zip(indices, shape, strict=True)
            ):
                says: Sentence = (swapped, " stands where ", part, " belongs: exchanged indices")
                yield Change(swapped, says, "transposed")


def _fits(place: Place, index: Index, size: Size) -> bool:
    if isinstance(index, int):
        length = place.setting.network.length(size)
        return length is None or index <= length
    known = place.letters.get(index)
    return known is not None and place.setting.same(known, size)


def wrong_index(place: Place) -> Iterator[Change]:
    """u_j → u_k"""
    part = place.part
    if not isinstance(part, Ref):
        return
    for axis, size in enumerate(_shape(place, part)):
        for index in _others(place, part.indices[axis], size):
            indices = (*part.indices[:axis], index, *part.indices[axis + 1 :])
            new = Ref(part.name, indices)
            yield Change(new, (new, " stands where ", part, " belongs"))


def _others(place: Place, index: Index, size: Size) -> Iterator[Index]:
    for letter, known in place.letters.items():
        if letter != index and place.setting.same(known, size):
            yield letter
    if isinstance(index, int):
        for k in place.positions(size):
            if k != index:
                yield k


def wrong_index_throughout(place: Place) -> Iterator[Change]:
    """u_j v_j → u_k v_k: the same wrong index in all of a factor"""
    part = place.part
    if isinstance(part, Ref) or not part.children:
        return
    for letter in sorted(part.free):
        size = place.letters.get(letter)
        if size is None:
            continue
        for other in place.letters:
            if other != letter and place.setting.same(place.letters[other], size):
                new = with_indices(part, {letter: other})
                yield Change(new, (new, " stands where ", part, " belongs"))
                if other in part.free and letter < other:
                    new = with_indices(part, {letter: other, other: letter})
                    yield Change(new, (new, " stands where ", part, " belongs"))
    yield from _numbers_throughout(place)


def _numbers_throughout(place: Place) -> Iterator[Change]:
    """Another number in place of the same one, in all components of one size."""
    seen = {
        (index, place.setting.network.length(size))
        for ref in refs_of(place.part)
        for index, size in zip(ref.indices, _shape(place, ref), strict=False)
        if isinstance(index, int)
    }
    for index, length in sorted(seen, key=str):
        for k in place.positions(length) if length is not None else ():
            if k != index:
                new = _renumbered(place, index, k, length)
                yield Change(new, (new, " stands where ", place.part, " belongs"))


def _renumbered(place: Place, old: Index, new: int, length: int | None) -> Expr:
    def renumbered(e: Expr) -> Expr | None:
        shape = _shape(place, e) if isinstance(e, Ref) else ()
        if not isinstance(e, Ref) or len(shape) != len(e.indices):
            return None
        return Ref(e.name, tuple(
            new if i == old and place.setting.network.length(size) == length else i
            for i, size in zip(e.indices, shape, strict=True)
        ))  # fmt: skip

    return mapped(place.part, renumbered)


def other_quantity(place: Place) -> Iterator[tuple[Ref, bool]]:
    """The quantities that play the same part as the Ref here; whether of the same layer."""
    part = place.part
    if not isinstance(part, Ref):
        return
    name = part.name.removeprefix("∂")
    for other in place.setting.alike(name):
        same = place.setting.same_layer(other, name)
        for ref in place.fitting(other, part.indices):
            yield (adjoint(ref) if is_adjoint(part) else ref), same


def sibling(place: Place) -> Iterator[Change]:
    """w_5 → w_6: another quantity of the same layer"""
    for ref, same in other_quantity(place):
        if same:
            yield Change(ref, (ref, " stands where ", place.part, " belongs"))


def wrong_layer(place: Place) -> Iterator[Change]:
    """w^(l) → w^(l+1)"""
    for ref, same in other_quantity(place):
        if not same:
            yield Change(ref, (ref, " stands where ", place.part, " belongs: another layer"))


def sibling_throughout(place: Place) -> Iterator[Change]:
    """u_1 (1 - u_1) → u_2 (1 - u_2): another quantity of the same layer, in all of a factor"""
    yield from _throughout(place, True)


def wrong_layer_throughout(place: Place) -> Iterator[Change]:
    """h^(l) (1 - h^(l)) → h^(l+1) (1 - h^(l+1))"""
    yield from _throughout(place, False)


WHOLE_FACTOR = 40
"""Nodes of the largest factor in which a quantity is replaced throughout."""


def _throughout(place: Place, same_layer: bool) -> Iterator[Change]:
    part = place.part
    if isinstance(part, Ref) or not (
        isinstance(place.parent, Mul) or part in place.setting.form.local
    ):
        return
    if count(part) > WHOLE_FACTOR:
        return
    for ref in refs_of(part):
        at = Place(place.setting, place.path, ref, place.parents, place.letters)
        if not ref.free <= place.letters.keys():
            continue
        for other, same in other_quantity(at):
            if same == same_layer:
                new = replaced_all(part, ref, other)
                yield Change(new, (new, " stands where ", part, " belongs"))


def weighted_for_activation(place: Place) -> Iterator[Change]:
    """a → z, z → a: the weighted input for its activation"""
    part = place.part
    if not isinstance(part, Ref) or isinstance(place.parent, Apply):
        return
    for table in (place.setting.argument_of, place.setting.value_of):
        found = table.get(part.name)
        if found is None or len(found.indices) != len(part.indices):
            continue
        other = Ref(found.name, part.indices)
        yield Change(other, (other, " stands where ", part, " belongs"))


def target_for_output(place: Place) -> Iterator[Change]:
    """h (1 - h) → y (1 - y): the target for the output"""
    network = place.setting.network
    targets = network.of_kind("target")
    around = place.grandparent if isinstance(place.grandparent, Add) else place.part
    if not isinstance(place.parent, Mul) or any(t.name in around.names for t in targets):
        return  # h - y would vanish
    for ref in refs_of(place.part):
        if ref.name not in network.quantities or place.setting.role(ref.name) != "output":
            continue
        for target in targets:
            if target.shape == network[ref.name].shape:
                other = Ref(target.name, ref.indices)
                says: Sentence = (other, " stands where ", ref, " belongs")
                yield Change(replaced_all(place.part, ref, other), says)


def stopped_early(place: Place) -> Iterator[Change]:
    """∂J/∂a ∂a/∂z → ∂J/∂a"""
    if place.whole and place.setting.form.name == "chain":
        for later in later_gradients(place.setting):
            of = Ref(later.name.removeprefix("∂"), later.indices)
            says = ("the chain stops at ", of, ": the derivative of ", of, " in ",
                    place.setting.truth.asked, " is missing")  # fmt: skip
            yield Change(later, says, planted=False)


def gradient_of_another(place: Place) -> Iterator[Change]:
    """∂J/∂w_jk → ∂J/∂w_kj: the gradient of another component of the layer"""
    if place.whole and place.setting.form.name == "chain":
        for other, far in other_gradients(place.setting):
            if not far:
                yield Change(other, _gradient_of(other), planted=False)


def gradient_of_another_layer(place: Place) -> Iterator[Change]:
    """∂J/∂w^(l) → ∂J/∂w^(l+1)"""
    if place.whole and place.setting.form.name == "chain":
        for other, far in other_gradients(place.setting):
            if far:
                yield Change(other, _gradient_of(other), planted=False)


def _gradient_of(other: Ref) -> Sentence:
    return ("this is the derivative in ", Ref(other.name.removeprefix("∂"), other.indices))
