"""Biases taken for weights, and weights after their update."""

from __future__ import annotations

from collections.abc import Iterator

from ....expr import (
    MINUS_ONE,
    ONE,
    Add,
    Mul,
    Reduce,
    Ref,
    negative,
)
from ....network import RATE, adjoint
from ....rewrite import Sentence
from ..places import Place, is_trained, refs_of
from .change import Change, append, times


def bias_as_weight(place: Place) -> Iterator[Change]:
    """∂J/∂b = δ → δ x"""
    setting = place.setting
    asked = setting.truth.asked
    if not place.whole or setting.network[asked.name].kind != "bias":
        return
    for user in setting.network.consumers[asked.name]:
        for ref in refs_of(setting.network.equations[user].right):
            if setting.role(ref.name) in ("input", "activation"):
                for source in place.fitting(ref.name, asked.indices):
                    says: Sentence = ("no input goes with the bias: ", source, " is too much")
                    yield Change(append(place.part, source), says)
        for name in sorted(setting.network.equations[user].right.names):
            yield from _summed_sources(place, name)


def _summed_sources(place: Place, name: str) -> Iterator[Change]:
    setting = place.setting
    if setting.role(name) not in ("input", "activation") or len(setting.network[name].shape) != 1:
        return
    letter = "s" if "s" not in place.letters else "s1"
    whole = Reduce("sum", letter, setting.network[name].shape[0], Ref(name, (letter,)))
    yield Change(append(place.part, whole),
                 ("no input goes with the bias: ", whole, " is too much"))  # fmt: skip


def weight_as_bias(place: Place) -> Iterator[Change]:
    """∂J/∂w = δ x → δ"""
    setting = place.setting
    derivative = setting.form.local.get(place.part)
    if (
        derivative is not None
        and derivative.wrt is setting.truth.asked
        and setting.network[setting.truth.asked.name].kind == "weight"
        and isinstance(place.parent, Mul)
    ):
        yield Change(ONE, ("an input goes with the weight: ", place.part, " is missing"))


def updated_weight(place: Place) -> Iterator[Change]:
    """w → w - η ∂J/∂w"""
    part = place.part
    if isinstance(part, Ref) and is_trained(place.setting, part):
        change = Mul((MINUS_ONE, Ref(RATE), adjoint(part)))
        says: Sentence = (part, " is the weight before the update, not the one after it")
        yield Change(Add((part, change)), says, "updated")


def update_for_gradient(place: Place) -> Iterator[Change]:
    """∂J/∂w → η ∂J/∂w, -η ∂J/∂w: the change of the weight"""
    if place.whole and place.setting.truth.gradient:
        rate = Ref(RATE)
        says: Sentence = ("the learning rate ", rate, " belongs to the update, not the gradient")
        yield Change(times(rate, place.part), says)
        yield Change(negative(times(rate, place.part)), says)


def new_weight_for_gradient(place: Place) -> Iterator[Change]:
    """∂J/∂w → w - η ∂J/∂w: the updated weight itself"""
    asked = place.setting.truth.asked
    if place.whole and is_trained(place.setting, asked):
        change = negative(times(Ref(RATE), place.part))
        yield Change(Add((asked, change)), ("this is the updated ", asked, ", not its gradient"))
