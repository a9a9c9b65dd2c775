"""Every question of the page and what answers it: pure functions over the front doors.

A worker process calls `answered` with the path and the request; it gives a status and JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BackproveError, DataError, SourceError
from ..expr import Ref, plain
from ..language import source_text
from ..language import warnings as language_warnings
from ..network import Network, Quantity
from ..render.document import page
from ..run.beside import numbers_of
from ..run.compiled import predicted
from ..run.values import Array, from_file, shape_of
from . import formulas, state
from .choosing import choices
from .messages import (
    AskDerivation,
    AskNumbers,
    ByName,
    DerivationAnswer,
    Diagram,
    EquationAnswer,
    Given,
    Message,
    Nested,
    NetworkAnswer,
    NumbersAnswer,
    Problem,
    QuantityAnswer,
    Refusal,
)

__all__ = ["ANSWERS", "Answer", "answered", "choices", "problem"]


# -- the network ---------------------------------------------------------------------------


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
        diagram=Diagram(columns=0, groups=[], edges=[], families=[], irregular=False),
        notes=[*language_warnings(found), *notation.notes],
        predicted=_predicted(found),
        parameters=sum(int(np.prod(shape_of(found, q.name))) for q in found.trained),
    )


def _title(text: str, about: str) -> str:
    first = about.partition("\n")[0].rstrip(".")
    return text.strip() if ":" in text and "\n" not in text.strip() else first or "A network"


def _value(network: Network, quantity: Quantity) -> Nested | None:
    if quantity.value is None or None in [network.length(size) for size in quantity.shape]:
        return None
    kind = np.dtype(np.float64)
    return _numbers(from_file(quantity.value, shape_of(network, quantity.name), kind))


def _predicted(network: Network) -> list[str]:
    if network.symbolic:
        return []
    try:
        return list(predicted(network))
    except DataError:
        return []


# -- numbers -------------------------------------------------------------------------------


def numbers(given: AskNumbers) -> NumbersAnswer:
    """Loss, values, adjoints and gradients at the values of the page."""
    values, notes = state.values(given)
    found = state.evaluator(given.text)(values, eta=given.eta, seed=given.seed)
    return NumbersAnswer(
        loss=_numbers(np.asarray(found.loss)),
        values=_named(found.values),
        adjoints=_named(found.adjoints),
        gradients=_named(found.gradients),
        given=_named(found.given),
        updated=None if found.updated is None else _named(found.updated),
        loss_after=None if found.loss_after is None else _numbers(np.asarray(found.loss_after)),
        notes=[*notes, *found.notes],
    )


def _named(arrays: Mapping[str, Array]) -> ByName:
    return {name: _numbers(array) for name, array in arrays.items()}


def _numbers(array: Array) -> Nested:
    """An array as nested lists; what is not finite, which JSON cannot hold, as a word."""
    if np.isfinite(array).all():
        return array.tolist()
    if array.ndim:
        return [_numbers(row) for row in array]
    return "nan" if np.isnan(array) else "inf" if array > 0 else "-inf"


# -- derivations ---------------------------------------------------------------------------


def derivation(given: AskDerivation) -> DerivationAnswer:
    """∂loss/∂quantity, step by step."""
    made = state.derivation(given.text, given.notation, given.quantity, given.style, given.zoom)
    number, notes = None, tuple[str, ...]()
    if given.numbers:
        try:
            _, notes = state.values(given)
            number, drawn = numbers_of(state.valued(given), given.seed)
            notes = (*notes, *drawn)
        except DataError as error:
            notes = (f"without numbers: {error.message}",)
    notation = state.bound(given.text, given.notation)
    laid = page(made, notation, laws=True, repeat_laws=True, marks=True, numbers=number)
    answer = formulas.derivation(laid, plain(made.quantity))
    answer.notes += [formulas.html((note,), notation) for note in notes]
    return answer


# -- the table -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One path of the interface: what is asked, what is answered, by what, in what time.

    seconds: after which the answer is given up.
    """

    path: str
    asks: type[Given]
    answers: type[Message]
    function: Callable[[Any], Message]
    seconds: float


ANSWERS: Mapping[str, Answer] = {
    row.path: row
    for row in (
        Answer("/api/network", Given, NetworkAnswer, network, 5),
        Answer("/api/numbers", AskNumbers, NumbersAnswer, numbers, 5),
        Answer("/api/derivation", AskDerivation, DerivationAnswer, derivation, 10),
    )
}
"""Every question that is about a network, by its path; `choices` is about none."""


def answered(path: str, request: Given) -> tuple[int, str]:
    """The HTTP status and the JSON of an answer, or of what is wrong with the question."""
    try:
        return 200, ANSWERS[path].function(request).model_dump_json(by_alias=True)
    except (BackproveError, RecursionError, MemoryError) as error:
        return 422, Refusal(error=problem(error)).model_dump_json()


def problem(error: Exception) -> Problem:
    """An error as the page shows it; its place where that is in the network's text."""
    if isinstance(error, SourceError):
        inside = error.file == state.TEXT
        return Problem(
            message=error.message,
            suggestion=error.suggestion or None,
            line=error.place.line if inside else None,
            column=error.place.column if inside else None,
            excerpt="\n".join(error.excerpt) or None,
        )
    if isinstance(error, BackproveError):
        return Problem(message=error.message, suggestion=error.suggestion or None)
    if isinstance(error, MemoryError):
        return Problem(message="this needs more memory than there is", suggestion="make it smaller")
    return Problem(message="this is nested too deeply", suggestion="write it in several equations")
