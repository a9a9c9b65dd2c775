"""What a worker remembers between questions, by the text of the network that they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from math import prod

from ..derivation import derive
from ..errors import BackproveError, DataError, NotationError
from ..language import from_text
from ..network import Network
from ..notation import BoundNotation, bind, load, names
from ..rewrite import Derivation
from ..run.values import Evaluator, nested, stand_ins
from .messages import Given

TEXT = "network"
"""The file's name in errors of the network's text, the only ones whose place is in it."""

MOST_NUMBERS = 200_000
"""Components of all quantities of a network about which questions are answered."""

MOST_MEMORY = 1_000_000_000
"""Bytes that the numbers of a network may take."""

_KEPT = 32


@lru_cache(_KEPT)
def network(text: str) -> Network:
    """The network of a text. Raises BackproveError, also where it is too large."""
    found = from_text(text, TEXT)
    count = sum(
        prod(found.length(size) or 1 for size in quantity.shape)
        for quantity in found.quantities.values()
    )
    if count > MOST_NUMBERS:
        raise DataError(
            f"this network has {count:,} values, more than the {MOST_NUMBERS:,} shown here",
            "make its layers smaller; the command line takes larger ones",
        )
    return found


@lru_cache(_KEPT)
def bound(text: str, notation: str) -> BoundNotation:
    """A notation's symbols for a network; each symbol carries what it stands for."""
    if notation not in names():  # a path is not looked at
        raise NotationError(
            f"there is no notation named {notation[:60]!r}", f"there are {', '.join(names())}"
        )
    return bind(load(notation), network(text)).pointed()


@lru_cache(_KEPT)
def evaluator(text: str) -> Evaluator:
    """A network ready to be evaluated at other values."""
    return Evaluator(network(text), memory=MOST_MEMORY)


@lru_cache(_KEPT)
def stood_in(text: str, seed: int) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Numbers for inputs and targets that have none in the text, and a note that says so."""
    made = stand_ins(network(text), seed)
    if not made:
        return {}, ()
    note = f"{', '.join(made)}: no value in the text, so numbers were drawn (seed {seed})"
    return dict(nested(made)), (note,)


def values(given: Given) -> tuple[dict[str, object], tuple[str, ...]]:
    """The values of a question with those that stand in for missing ones, and notes of these."""
    made, _ = stood_in(given.text, given.seed)
    missing = [name for name in made if name not in given.values]
    said = f"{', '.join(missing)}: no value is given, so numbers were drawn (seed {given.seed})"
    return {**made, **given.values}, (said,) if missing else ()


def valued(given: Given) -> Network:
    """The network with the values of a question put in."""
    return _valued(given.text, json.dumps(values(given)[0], sort_keys=True))


@lru_cache(_KEPT)
def _valued(text: str, values: str) -> Network:
    return network(text).with_values(json.loads(values))


@lru_cache(_KEPT)
def derivation(text: str, notation: str, quantity: str, style: str, zoom: str | None) -> Derivation:
    """A derivation with the adjoints named that the notation has symbols for."""
    named = bound(text, notation).named_adjoints
    return derive(network(text), quantity, style=style, zoom=zoom, named=named)


def computable(text: str) -> bool:
    """Whether the network's numbers can be computed."""
    try:
        evaluator(text).prepare()
    except BackproveError:
        return False
    return True
