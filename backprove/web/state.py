"""What a worker remembers between questions, by the text of the network that they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from math import prod

from ..adjoints import Backprop, backprop
from ..derivation import derive
from ..diagram import Diagram, diagram
from ..errors import BackproveError, DataError, NotationError
from ..expr import Ref
from ..judge.checking import component
from ..language import from_text
from ..network import Network
from ..notation import BoundNotation, bind, names
from ..rewrite import Derivation
from ..run.beside import Printed, numbers_of, quick_numbers_of
from ..run.values import Evaluator, nested, stand_ins
from . import limits
from .messages import Given
from .problems import TEXT

MOST_MEMORY = 1_000_000_000
"""Bytes that the numbers of a network may take."""

EXACT = 500
"""Components of a network up to which numbers beside symbols are worked out exactly."""

_KEPT = 32


@lru_cache(_KEPT)
def network(text: str) -> Network:
    """The network of a text. Raises BackproveError, also where it is too large."""
    found = from_text(text, TEXT)
    count = components(found)
    if count > limits.PARAMETERS:
        raise DataError(
            f"this network has {count:,} numbers, more than the {limits.PARAMETERS:,} shown here",
            "make its layers smaller; the command line takes larger ones",
        )
    return found


def components(network: Network) -> int:
    """How many numbers a network has, each of a quantity's components counted."""
    shapes = [[network.length(n) or 1 for n in q.shape] for q in network.quantities.values()]
    return sum(map(prod, shapes))


@lru_cache(_KEPT)
def printing(text: str, notation: str) -> BoundNotation:
    """A notation's symbols for a network."""
    if notation not in names():  # a path is not looked at
        raise NotationError(
            f"there is no notation named {notation[:60]!r}", f"there are {', '.join(names())}"
        )
    return bind(notation, network(text))


@lru_cache(_KEPT)
def bound(text: str, notation: str) -> BoundNotation:
    """The same, where each symbol carries what it stands for."""
    return printing(text, notation).pointed()


@lru_cache(_KEPT)
def evaluator(text: str) -> Evaluator:
    """A network ready to be evaluated at other values."""
    return Evaluator(network(text), memory=MOST_MEMORY)


@lru_cache(_KEPT)
def _stand_ins(text: str, seed: int) -> Mapping[str, object]:
    return nested(stand_ins(network(text), seed))


def values(given: Given) -> tuple[dict[str, object], tuple[str, ...]]:
    """The values of a question with numbers for inputs and targets that have none, and a note
    that says which."""
    made = _stand_ins(given.text, given.seed)
    drawn = [name for name in made if name not in given.values]
    have = "has" if len(drawn) == 1 else "have"
    said = f"{' and '.join(drawn)} {have} no value, so numbers were drawn (seed {given.seed})"
    return {**made, **given.values}, (said,) if drawn else ()


def valued(given: Given) -> Network:
    """The network with the values of a question put in."""
    return _valued(given.text, json.dumps(values(given)[0], sort_keys=True))


@lru_cache(_KEPT)
def _valued(text: str, values: str) -> Network:
    return network(text).with_values(json.loads(values))


def printed(given: Given) -> tuple[Printed, tuple[str, ...]]:
    """What gives expressions their numbers, and notes. Raises DataError where there are none."""
    made, notes = values(given)
    number, drawn = _printed(given.text, json.dumps(made, sort_keys=True), given.seed)
    return number, (*notes, *drawn)


@lru_cache(_KEPT)
def _printed(text: str, values: str, seed: int) -> tuple[Printed, tuple[str, ...]]:
    found, ready = network(text), evaluator(text)
    ready.prepare()  # says why there are none
    if components(found) <= EXACT:
        return numbers_of(_valued(text, values), seed)
    results = ready.results(json.loads(values), seed=seed)
    return quick_numbers_of(found, results), ready(json.loads(values), seed=seed).notes


def beside(given: Given) -> tuple[Printed | None, tuple[str, ...]]:
    """What gives expressions their numbers, and notes: also why there are none."""
    try:
        return printed(given)
    except DataError as error:
        return None, (f"there are no numbers: {error.message}",)


def asked(text: str, notation: str, quantity: str) -> Ref:
    """The component that a page names, in the file's letters or in the notation's."""
    return component(network(text), printing(text, notation), quantity)


@lru_cache(4 * _KEPT)
def derivation(text: str, notation: str, quantity: str, style: str, zoom: str | None) -> Derivation:
    """A derivation with the adjoints named that the notation has symbols for."""
    named = printing(text, notation).named_adjoints
    question = asked(text, notation, quantity)
    return derive(network(text), question, style=style, zoom=zoom, named=named)


@lru_cache(_KEPT)
def program(text: str) -> Backprop:
    """The dynamic program of a network."""
    return backprop(network(text))


@lru_cache(_KEPT)
def drawing(text: str) -> Diagram:
    """A network as neurons and edges."""
    return diagram(network(text))


@lru_cache(_KEPT)
def computable(text: str) -> bool:
    """Whether the network's numbers can be computed."""
    try:
        evaluator(text).prepare()
    except BackproveError:
        return False
    return True
