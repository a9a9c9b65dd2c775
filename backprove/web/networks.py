"""A network as it was read, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import DataError
from ..expr import Ref, plain
from ..language import filled as filled_text
from ..language import left_open, source_text
from ..language import warnings as language_warnings
from ..network import Network, Quantity
from ..notation import BoundNotation
from ..run.compiled import predicted
from ..run.values import Array, from_file, shape_of
from . import formulas, state
from .finite import listed
from .messages import (
    AskFilled,
    AskNumbers,
    ByName,
    Corner,
    Diagram,
    EquationAnswer,
    FilledAnswer,
    Given,
    Nested,
    NetworkAnswer,
    NumbersAnswer,
    OpenAnswer,
    QuantityAnswer,
)

MARKED = 1000
"""Components that are told to be at a corner one by one; the notes say how many there are."""


def network(given: Given) -> NetworkAnswer:
    """The quantities, equations and diagram of a network."""
    found = state.network(given.text)
    valued = found.with_values(given.values) if given.values else found
    notation = state.bound(given.text, given.notation)
    shown = [q for q in valued.quantities.values() if not q.hidden and q.name not in found.sizes]
    about = found.about
    return NetworkAnswer(
        text=found.text or source_text(found),
        title=_title(given.text, about),
        about=about,
        loss=found.loss,
        symbolic=found.symbolic,
        open=_open(found),
        trainable=bool(found.trained)
        and bool(found.of_kind("input", "target"))
        and state.computable(given.text),
        quantities=[
            QuantityAnswer(
                name=q.name,
                kind=q.kind,
                role=notation.roles[q.name].kind,
                layer=notation.layer(q.name) or None,
                shape=[size if (n := found.length(size)) is None else n for size in q.shape],
                value=_value(valued, q),
                symbol=formulas.mathml(Ref(q.name), notation),
            )
            for q in shown
        ],
        equations=[
            EquationAnswer(
                name=e.name,
                mathml=formulas.equation(e, notation),
                text=f"{plain(e.left)} = {plain(e.right)}",
            )
            for e in notation.equations
        ],
        diagram=_diagram(given, notation),
        notes=[*language_warnings(found), *notation.notes],
        predicted=_predicted(found),
        parameters=sum(int(np.prod(shape_of(found, q.name))) for q in found.trained),
    )


def _open(network: Network) -> list[OpenAnswer]:
    found = left_open(network)
    return [
        *(OpenAnswer(name=name, kind="size") for name in found.sizes),
        *(OpenAnswer(name=name, kind="function") for name in found.functions),
    ]


def _diagram(given: Given, notation: BoundNotation) -> Diagram:
    drawn = state.drawing(given.text).as_json()
    for group in drawn["groups"]:
        group["symbol"] = formulas.mathml(Ref(group["name"]), notation)
    return Diagram.model_validate(drawn)


def _title(text: str, about: str) -> str:
    first = about.partition("\n")[0].rstrip(".")
    return text.strip() if ":" in text and "\n" not in text.strip() else first or "A network"


def _value(network: Network, quantity: Quantity) -> Nested | None:
    if quantity.value is None or None in [network.length(size) for size in quantity.shape]:
        return None
    kind = np.dtype(np.float64)
    return listed(from_file(quantity.value, shape_of(network, quantity.name), kind))


def _predicted(network: Network) -> list[str]:
    if network.symbolic:
        return []
    try:
        return list(predicted(network))
    except DataError:
        return []


def filled(given: AskFilled) -> FilledAnswer:
    """The text with its open sizes and functions given, as far as they are named."""
    found = state.network(given.text)
    made = filled_text(found.text or source_text(found), given.sizes, given.functions)
    state.network(made)  # refuses one that has become too large
    return FilledAnswer(text=made)


def numbers(given: AskNumbers) -> NumbersAnswer:
    """Loss, values, adjoints and gradients at the values of the page."""
    values, notes = state.values(given)
    found = state.evaluator(given.text)(values, eta=given.eta, seed=given.seed)
    return NumbersAnswer(
        loss=listed(np.asarray(found.loss)),
        values=_named(found.values),
        adjoints=_named(found.adjoints),
        gradients=_named(found.gradients),
        given=_named(found.given),
        updated=None if found.updated is None else _named(found.updated),
        loss_after=None if found.loss_after is None else listed(np.asarray(found.loss_after)),
        corners=[
            Corner(component=component, says=f"{corner.function} is at a corner: {corner.says}")
            for corner in found.corners
            for component in corner.components
        ][:MARKED],
        notes=[*notes, *found.notes],
    )


def _named(arrays: Mapping[str, Array]) -> ByName:
    return {name: listed(array) for name, array in arrays.items()}
