"""What the page asks and what it is answered: one model for each, with every field described.

`mathml` is one `<math>` element; *chunks* are several, between which a line may break; `html`
is prose with formulas in it. All three are made and escaped by the server. A *component* is
written as in the file, 1-based: `w2[1,2]`, `b`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from . import limits

MOST_ANSWER = 20_000
"""Characters of a derivation written by hand: longer ones are read, but take too long to judge."""

MOST_NAMES = 10_000
"""Quantities that are given values."""

Style: TypeAlias = Literal["chain", "equation", "dynamic"]
Zoom: TypeAlias = Literal["scalar", "index", "matrix"]

Numbers = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"type": "array", "items": {}}],
            "description": "A number, or nested rows of numbers in the quantity's shape.",
        }
    ),
]
"""Values from the page. Their shape is checked against the network's, not here."""

Nested = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"enum": ["nan", "inf", "-inf"]},
                {"type": "array", "items": {}},
            ],
            "description": 'A number, or nested rows of them; "nan", "inf" and "-inf" are words.',
        }
    ),
]
"""Computed numbers, which need not be finite."""

ByName: TypeAlias = dict[str, Nested]
Chunks: TypeAlias = list[str]
Quantity = Annotated[
    str, Field(min_length=1, max_length=200, description="A component, `w2[1,2]`, or `w2`.")
]


class Message(BaseModel):
    """Every request and answer: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


# -- what is asked -------------------------------------------------------------------------


class Given(Message):
    """The network that a question is about, and how its answer is written."""

    text: str = Field(
        max_length=limits.TEXT, description="A `.bp` text, or a builder alone: `mlp:2-3-1`."
    )
    values: dict[Annotated[str, Field(max_length=200)], Numbers] = Field(
        default_factory=dict,
        max_length=MOST_NAMES,
        description="Values that replace those in the text, by name.",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="What random numbers start from.")
    notation: str = Field("as-written", max_length=60, description="A notation's name.")


class AskNumbers(Given):
    """The numbers at these values."""

    eta: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="The rate of one step of gradient descent."
    )


class AskDerivation(Given):
    """∂loss/∂quantity, step by step."""

    quantity: Quantity
    style: Style = "chain"
    zoom: Zoom | None = Field(
        None, description="By default scalar for a component, else the general one."
    )
    numbers: bool = Field(False, description="With values beside the symbols.")
    why: bool = Field(True, description="With each rule's law and what stood there before it.")


class AskBackprop(Given):
    """Every adjoint and every gradient, in the order of computation."""

    numbers: bool = Field(False, description="With the value of each row.")


class AskPaths(Given):
    """Every path from a component to the loss."""

    quantity: Quantity
    limit: int = Field(50, ge=1, le=limits.PATHS, description="The most paths that are listed.")


class AskCheck(Given):
    """A judgement of a derivation written by hand."""

    quantity: Quantity
    answer: str = Field(max_length=MOST_ANSWER, description="LaTeX or plain, a line or many.")


class AskPreview(Given):
    """How a derivation written by hand is read, without judging it."""

    answer: str = Field(max_length=MOST_ANSWER, description="LaTeX or plain, a line or many.")
    quantity: Annotated[str, Field(max_length=200)] = ""


class AskExport(AskDerivation):
    """A derivation as a file."""

    format: str = Field(max_length=20, description="One of the formats of /api/choices.")


class AskCode(Given):
    """Standalone code of the network's gradients."""

    target: str = Field(max_length=20, description="One of the targets of /api/choices.")


class AskFilled(Given):
    """The text of the network with what it leaves open given."""

    sizes: dict[Annotated[str, Field(max_length=200)], int] = Field(
        default_factory=dict,
        max_length=MOST_NAMES,
        description="A number for each size that has none, by name.",
    )
    functions: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=60)]] = (
        Field(
            default_factory=dict,
            max_length=MOST_NAMES,
            description="A function's name for each that is only a name, by that name.",
        )
    )


# -- what is answered: choices -------------------------------------------------------------


class NotationChoice(Message):
    """A notation that comes with backprove."""

    name: str
    title: str
    source: str = Field(description="The book or article that writes so; empty for as-written.")


class TargetChoice(Message):
    """A language or format of files."""

    name: str
    title: str
    suffix: str = Field(description="The ending of its file's name, with the dot.")


class OptimizerChoice(Message):
    """An optimizer that training can use."""

    name: str
    title: str
    eta: float = Field(description="Its usual learning rate.")


class DataChoice(Message):
    """A data set that comes with backprove."""

    name: str
    title: str
    kind: Literal["classes", "regression"]
    inputs: int
    classes: int
    rows: int


class ExampleChoice(Message):
    """A network to begin with."""

    name: str
    title: str
    about: str
    text: str


class TourStop(Message):
    """One stop of the guided tour: an example, how it is shown, and what is said of it."""

    title: str
    words: str = Field(description="html")
    source: str = Field(description="The article that it follows.")
    example: str
    notation: str
    style: Style
    zoom: Zoom
    quantity: str
    panel: str = Field(description="The panel that is opened.")


class Choices(Message):
    """Everything that a select can offer."""

    notations: list[NotationChoice]
    styles: list[str]
    zooms: list[str]
    targets: list[TargetChoice]
    formats: list[TargetChoice]
    optimizers: list[OptimizerChoice]
    schedules: list[str]
    functions: list[str] = Field(description="What a function that is only a name can be given as.")
    datasets: list[DataChoice]
    examples: list[ExampleChoice]
    tour: list[TourStop]
    version: str
    limits: dict[str, float]


# -- what is answered: the network ---------------------------------------------------------


class Neuron(Message):
    """One neuron of a group."""

    id: str = Field(description="The component that names it: `h2[1]`.")
    components: list[str] = Field(description="All its components: `z2[1]`, `h2[1]`.")
    bias: str | None = Field(description="The component of a bias that is added in it.")


class Group(Message):
    """Neurons side by side: those that one equation, or one declaration, gives."""

    name: str = Field(description="The quantity that names it.")
    members: list[str]
    kind: Literal["input", "hidden", "sum", "output", "loss", "target", "quantity", "constant"]
    column: int
    size: int | None = Field(description="The number of neurons, null where it is not known.")
    shape: list[int | str]
    layer: str | None
    symbol: str = Field(description="mathml")
    folded: bool = Field(description="Too many to be drawn one by one.")
    neurons: list[Neuron] = Field(description="Empty where it is folded.")
    bias: str | None
    beside: list[str] = Field(description="Weights that enter it directly, over no edge.")


class Edge(Message):
    """An edge between two neurons."""

    from_: str = Field(alias="from", description="A neuron's id.")
    to: str = Field(description="A neuron's id.")
    component: str | None = Field(description="The weight on it, if there is one.")


class Family(Message):
    """All edges between two groups that carry one weight, or none."""

    from_: str = Field(alias="from", description="A group's name.")
    to: str = Field(description="A group's name.")
    weight: str | None = Field(description="The weight on them, if there is one.")
    count: int | None
    to_axis: int | None = Field(description="The weight's axis that numbers the neurons of `to`.")
    drawn: bool = Field(description="Whether its edges are listed one by one.")


class Aside(Message):
    """A weight's way into a neuron that is no edge: a penalty on it in the loss."""

    component: str
    to: str = Field(description="A neuron's id.")


class Diagram(Message):
    """A network as neurons in columns and edges between them."""

    columns: int
    groups: list[Group]
    edges: list[Edge]
    families: list[Family]
    irregular: bool
    asides: list[Aside]
    notes: list[str] = Field(description="What is not drawn, in words.")


class QuantityAnswer(Message):
    """One named scalar or tensor."""

    name: str
    kind: str
    role: str
    layer: str | None
    shape: list[int | str]
    value: Nested | None = Field(description="As in the file, or as given; null for none.")
    symbol: str = Field(description="mathml")


class EquationAnswer(Message):
    """One equation."""

    name: str
    mathml: str
    text: str = Field(description="In the file's own language.")


class OpenAnswer(Message):
    """What has to be given before there are numbers: it is asked for at /api/filled."""

    name: str
    kind: Literal["size", "function"] = Field(
        description="A size without a number, or a function of which only the name is known."
    )


class NetworkAnswer(Message):
    """A network as it was read."""

    text: str = Field(description="As `.bp`; a builder written out.")
    title: str
    about: str
    loss: str
    symbolic: bool = Field(description="Whether some size has no number.")
    open: list[OpenAnswer] = Field(description="Empty where there are numbers.")
    trainable: bool
    quantities: list[QuantityAnswer]
    equations: list[EquationAnswer]
    diagram: Diagram
    notes: list[str]
    predicted: list[str] = Field(description="The quantities that targets are compared with.")
    parameters: int


class FilledAnswer(Message):
    """A text in which what was open is given; its other characters are as they were."""

    text: str


class Corner(Message):
    """A component at whose numbers a derivative does not exist."""

    component: str
    says: str = Field(description="What is taken there.")


class NumbersAnswer(Message):
    """Loss, values, adjoints and gradients."""

    loss: Nested
    values: ByName
    adjoints: ByName
    gradients: ByName
    given: ByName = Field(description="What is not computed, as it was used.")
    updated: ByName | None = None
    loss_after: Nested | None = None
    corners: list[Corner] = Field(description="Of up to a thousand components.")
    notes: list[str]


# -- what is answered: derivations ---------------------------------------------------------


class Sides(Message):
    """left = right."""

    left: Chunks
    right: Chunks


class Change(Message):
    """What stood at a place before, and what stands there after."""

    before: Chunks
    after: Chunks


class ReasonAnswer(Message):
    says: str = Field(description="html: what was done.")
    rule: str
    when: str = Field(description="The rule's condition, empty for none.")
    law: list[Sides] = Field(description="Empty where the question does not ask why.")
    changes: list[Change] = Field(description="Empty where the question does not ask why.")


class RowAnswer(Message):
    """`= right`, for the reasons given."""

    right: Chunks
    label: str
    reasons: list[ReasonAnswer]


class ValueAnswer(Message):
    """A part of a formula and its number."""

    part: Chunks
    number: str


class BlockAnswer(Message):
    """A chain of equal lines."""

    title: str = Field(description="html")
    before: list[str] = Field(description="html")
    left: str | None = Field(description="mathml")
    rows: list[RowAnswer]
    values: list[ValueAnswer]
    after: list[str] = Field(description="html")


class DerivationAnswer(Message):
    """A derivation as it is read, top to bottom."""

    question: str = Field(description="html")
    quantity: str
    style: str
    zoom: str
    notation: str = Field(description="The notation's title.")
    blocks: list[BlockAnswer]
    answer: Chunks | None
    notes: list[str] = Field(description="html")
    about: list[str]


# -- what is answered: the backward pass and paths -----------------------------------------


class BackpropRow(Message):
    """One equation of the backward pass, or why a quantity has none."""

    name: str = Field(description="The quantity whose adjoint or gradient it is.")
    title: str = Field(description="mathml: the adjoint as a whole")
    left: str = Field(description="mathml")
    right: Chunks = Field(description="Empty where there is only a reason.")
    kind: Literal["adjoint", "gradient"]
    value: Nested | None
    uses: list[str] = Field(description="The names of the rows that it reads.")
    reused: int = Field(description="How many rows read this one.")
    column: int = Field(description="Of the quantity in the diagram.")
    reason: str | None = Field(description="html: why there is no gradient.")


class BackpropAnswer(Message):
    """The dynamic program, in the order of computation: from the loss back."""

    pattern: list[str] = Field(description="html: what all neurons and weights have in common")
    rows: list[BackpropRow]
    notes: list[str] = Field(description="html")


class PathEdge(Message):
    """One factor of a path."""

    from_: str = Field(alias="from", description="A component.")
    to: str = Field(description="A component, computed from it.")
    component: str | None = Field(description="The weight on it, if there is one.")
    factor: str = Field(description="mathml: the local derivative, worked out")
    derivative: str = Field(description="mathml: the local derivative as it is asked for")
    value: float | None


class PathAnswer(Message):
    """One way from the component to the loss."""

    points: list[str] = Field(description="Components, from the one asked for to the loss.")
    edges: list[PathEdge]
    product: float | None
    formula: Chunks = Field(description="The product of its factors.")
    chain: Chunks = Field(description="The product as derivatives, before they are worked out.")


class PathsAnswer(Message):
    """Every path, and how they sum."""

    quantity: str
    gradient: float | None
    total: int
    shown: int
    paths: list[PathAnswer]
    sum: float | None
    gathered: Chunks | None = Field(description="The sum as one expression, where paths are few.")
    notes: list[str] = Field(description="html")


# -- what is answered: checking ------------------------------------------------------------


class CheckedLine(Message):
    """A line of an answer with its verdict."""

    number: int
    text: str
    status: str
    sign: str
    says: str = Field(description="html")
    mathml: Chunks | None = Field(description="As it was read; null where it was not.")


class ComparisonAnswer(Message):
    """The first wrong line beside what belongs there; what differs is marked."""

    yours: Chunks
    correct: Chunks


class FindingAnswer(Message):
    """A mistake: its kind, one of those of docs/judging.md, and what it is."""

    kind: str
    says: str = Field(description="html")


class CounterexampleAnswer(Message):
    """Numbers at which the answer is wrong."""

    component: dict[str, int] = Field(description="The values of the free indices.")
    at: ByName
    yours: float | None
    correct: float | None


class CheckAnswer(Message):
    """The judgement of a derivation."""

    verdict: Literal["right", "wrong", "right-under-another-convention", "unreadable"]
    summary: str = Field(description="html")
    first_wrong_line: int | None
    lines: list[CheckedLine]
    comparison: ComparisonAnswer | None
    diagnosis: list[FindingAnswer]
    counterexample: CounterexampleAnswer | None
    readings: list[str] = Field(description="html")
    convention: str | None


class PreviewLine(Message):
    """A line of the text, and how it is read or why not."""

    number: int = Field(description="Of the line in the text, from 1.")
    text: str
    mathml: Chunks | None
    problem: str | None = Field(description="html")


class PreviewAnswer(Message):
    """How a text is read."""

    lines: list[PreviewLine]
    readings: list[str] = Field(description="html: how unclear symbols were taken")


# -- what is answered: files ---------------------------------------------------------------


class FileAnswer(Message):
    """A file to be saved."""

    name: str
    mime: str
    content: str


# -- what is answered: mistakes ------------------------------------------------------------


class Problem(Message):
    """What went wrong, in words for a person, and where in the network's text."""

    message: str
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None
    excerpt: Annotated[str | None, Field(description="The line, and carets below its place.")] = (
        None
    )


class Refusal(Message):
    """The body of every answer that is none."""

    error: Problem
