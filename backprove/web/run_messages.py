"""What a page and its training run say to each other, by WebSocket: one model for each message.

A page says `start`, and then what it wishes; it is told `queued`, `ready`, `frame` again and
again, and at the end `stopped`; `error` is the answer to what cannot be done. Numbers that are
not finite are the words "nan", "inf" and "-inf". `html` is escaped by the server.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from . import limits
from .messages import Problem


class _Message(BaseModel):
    """Every message: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class DrawnData(_Message):
    """Data by name: one of the classics, drawn, or the digits."""

    name: str = Field(max_length=60)
    noise: float | None = Field(None, ge=0, le=1)
    rows: int | None = Field(None, ge=10, le=5000)


class UploadedData(_Message):
    """A CSV as text. columns: their names by the input or target that they give, in the order of
    its components; the others are left out. Without it they are found as by `train`. one_hot:
    those of an input that give a number for each word they say. skip_missing: leave out the rows
    that lack a value in a column that is used."""

    csv: str = Field(max_length=limits.MESSAGE)
    columns: dict[str, list[str]] | None = Field(None, max_length=1000)
    one_hot: list[str] = Field(default_factory=list, max_length=1000)
    skip_missing: bool = False


class Start(_Message):
    """Begin a run. values: of weights, biases and constants in place of those in the text.

    epochs: after which it is done; by default it goes on, and a schedule that divides the
    whole run takes a hundred. decay: of the weights; the optimizer's own where none is said.
    clip_value, clip_norm: limits of each component of a gradient, and of all of them together.
    """

    do: Literal["start"]
    text: str = Field(max_length=limits.TEXT)
    values: dict[str, Any] = Field(default_factory=dict, max_length=10_000)
    seed: int = Field(0, ge=0, lt=2**32)
    data: DrawnData | UploadedData
    optimizer: str = Field("adam", max_length=200)
    eta: float | None = Field(None, gt=0, le=1e9)
    batch: int = Field(32, ge=1, le=10_000)
    schedule: str | None = Field(None, max_length=200)
    decay: float | None = Field(None, ge=0, le=1e9)
    clip_value: float | None = Field(None, gt=0, le=1e9)
    clip_norm: float | None = Field(None, gt=0, le=1e9)
    epochs: int | None = Field(None, ge=1, le=1_000_000)
    validation: float = Field(0.1, ge=0, lt=1)


class Simple(_Message):
    """Go on, rest, take one mini-batch or what is left of an epoch, or end the run."""

    do: Literal["play", "pause", "step", "epoch", "stop"]


class Rate(_Message):
    """Another learning rate from now on."""

    do: Literal["eta"]
    eta: float = Field(gt=0, le=1e9)


class Speed(_Message):
    """The most frames a second that are sent."""

    do: Literal["speed"]
    frames: float = Field(ge=1, le=30)


Said: TypeAlias = Annotated[Start | Simple | Rate | Speed, Field(discriminator="do")]
SAID: TypeAdapter[Start | Simple | Rate | Speed] = TypeAdapter(Said)


class Queued(BaseModel):
    """The run waits. ahead: how many wait before it."""

    is_: Annotated[Literal["queued"], Field(serialization_alias="is")] = "queued"
    ahead: int


class Ready(BaseModel):
    """The run can be played. points: [x1, x2, class or value] of two inputs, in the data's units.

    inputs, targets: columns. batches: an epoch has. classes: labels, by place. weights_every:
    seconds between two frames that tell the weights, null where each does.
    """

    is_: Annotated[Literal["ready"], Field(serialization_alias="is")] = "ready"
    rows: int
    validation_rows: int
    inputs: list[str]
    targets: list[str]
    classes: list[str] | None
    kind: Literal["classes", "regression"]
    notes: list[str]
    points: list[list[float]] | None
    batches: int
    weights_every: float | None


class Boundary(BaseModel):
    """What the network says over the plane of two inputs, in the data's units.

    values: base64 of `of` numbers (little-endian), row by row from the lowest y: a class's
    place as uint8, or a value as float32 (of two classes: how far it is for the second).
    """

    size: tuple[int, int]
    x: tuple[float, float]
    y: tuple[float, float]
    of: Literal["float32", "uint8"]
    values: str


class Packed(BaseModel):
    """Many numbers: float32, least byte first, in base64, the last index counting fastest."""

    shape: list[int]
    values: str


class Frame(BaseModel):
    """How the run stands. losses: [epoch, training, validation] since the last frame.

    loss: a running mean. step: mini-batches done. boundary, accuracy, confusion: null where they
    are as they were, or where there are none; confusion[class][taken for]. parameters, gradients:
    nested rows by name, or Packed, once in a while, where they are many; null between.
    """

    is_: Annotated[Literal["frame"], Field(serialization_alias="is")] = "frame"
    epoch: int
    step: int
    playing: bool
    eta: float
    loss: float | str | None
    losses: list[tuple[int, float | str, float | str | None]]
    accuracy: float | None
    parameters: dict[str, Any] | None
    gradients: dict[str, Any] | None
    boundary: Boundary | None
    confusion: list[list[int]] | None


class Ended(BaseModel):
    """The run is over. words: html; what overflowed first, and what to try. slower: of numbers
    that are no longer finite, whether a lower learning rate may help."""

    is_: Annotated[Literal["stopped"], Field(serialization_alias="is")] = "stopped"
    reason: Literal["nan", "done", "limit"]
    words: str
    quantity: str | None = None
    slower: bool = False


class Wrong(BaseModel):
    """What was said cannot be done."""

    is_: Annotated[Literal["error"], Field(serialization_alias="is")] = "error"
    error: Problem


def json_of(message: Queued | Ready | Frame | Ended | Wrong) -> str:
    """The text that is sent."""
    return message.model_dump_json(by_alias=True)
