"""What a page is told first: what it can choose from, the bounds, and where it starts."""

from __future__ import annotations

from pydantic import Field

from ..errors import BackproveError
from .choosing import choices
from .messages import Choices, Given, Message, NetworkAnswer
from .networks import network
from .problems import GOOD

EXAMPLE = "chain_3_3_1"
NOTATION = "chain"
QUANTITY = "w2[1,2]"
"""What a page begins with where no file was named: an example, in its own notation."""


class Start(Message):
    """The network that the server was started with."""

    text: str = Field(description="A `.bp` text, or a builder alone: `mlp:2-3-1`.")
    file: str = Field(description="The file's name, or the builder.")


class Opening(Choices):
    """Everything that a select can offer, and the network that the page begins with."""

    start: Start | None = Field(None, description="null where no file was named.")


class First(Message):
    """The network that the page begins with, answered before the page can ask."""

    text: str
    notation: str
    quantity: str | None = Field(description="What is asked about it; null lets the page choose.")
    network: NetworkAnswer | None = Field(
        description="What /api/network answers; null where that is a mistake."
    )


def opening(start: Start | None) -> tuple[int, str]:
    """The status and JSON of what a page can choose from."""
    return GOOD, Opening(**dict(choices()), start=start).model_dump_json(by_alias=True)


def first(start: Start | None) -> tuple[int, str]:
    """The status and JSON of the first network: the one that the server was started with, else
    an example."""
    if start is not None:
        text, notation, quantity = start.text, "as-written", None
    else:
        text = next((e.text for e in choices().examples if e.name == EXAMPLE), "")
        notation, quantity = NOTATION, QUANTITY
    answer = _network(Given(text=text, notation=notation, seed=0))
    made = First(text=text, notation=notation, quantity=quantity, network=answer)
    return GOOD, made.model_dump_json(by_alias=True)


def _network(given: Given) -> NetworkAnswer | None:
    try:
        return network(given)
    except (BackproveError, RecursionError, MemoryError):
        return None
