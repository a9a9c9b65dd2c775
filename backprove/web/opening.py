"""What a page is told first: what it can choose from, the bounds, and where it starts."""

from __future__ import annotations

from pydantic import Field

from .choosing import choices
from .messages import Choices, Message
from .problems import GOOD


class Start(Message):
    """The network that the server was started with."""

    text: str = Field(description="A `.bp` text, or a builder alone: `mlp:2-3-1`.")
    file: str = Field(description="The file's name, or the builder.")


class Opening(Choices):
    """Everything that a select can offer, and the network that the page begins with."""

    start: Start | None = Field(None, description="null where no file was named.")


def opening(start: Start | None) -> tuple[int, str]:
    """The status and JSON of what a page is told first."""
    return GOOD, Opening(**dict(choices()), start=start).model_dump_json(by_alias=True)
