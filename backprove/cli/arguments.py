"""Arguments that several commands share, and reading the network that each begins with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ..errors import BackproveError
from .output import note_input

if TYPE_CHECKING:
    from ..expr import Size
    from ..network import Network
    from ..notation import BoundNotation

Format: TypeAlias = Literal["text", "latex", "markdown", "html", "json"]
ListFormat: TypeAlias = Literal["text", "latex", "markdown", "json"]
Style: TypeAlias = Literal["chain", "equation", "dynamic"]
Zoom: TypeAlias = Literal["scalar", "index", "matrix"]

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A .bp file, or a builder such as mlp:3-3-1,sigmoid.")
]
NotationName = Annotated[
    str,
    typer.Option(
        "--notation", "-n", metavar="NAME", help="A notation's name, or the path of your own."
    ),
]
FormatName = Annotated[
    Format | None,
    typer.Option(
        "--format", "-f", show_default=False, help="By default after --output's ending, else text."
    ),
]
ListFormatName = Annotated[
    ListFormat | None,
    typer.Option(
        "--format", "-f", show_default=False, help="By default after --output's ending, else text."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PATH", show_default=False, help="Write to this file."),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="What random numbers start from.")
]

Samples = Annotated[
    str | None,
    typer.Option(
        "--samples",
        metavar="M",
        show_default=False,
        help="Over M samples, a number or a letter: the loss becomes their mean.",
    ),
]

ENDINGS: dict[str, Format] = {
    ".tex": "latex",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}


def chosen_format(asked: Format | None, output: Path | None) -> Format:
    """The format asked for, or the one that the output's name ends in, or text."""
    if asked is not None or output is None:
        return asked or "text"
    return ENDINGS.get(output.suffix.lower(), "text")


def list_format(asked: ListFormat | None, output: Path | None) -> ListFormat:
    """The same for lists of equations, which have no page of their own."""
    found = chosen_format(asked, output)
    return "text" if found == "html" else found


def network_of(file: str, samples: str | None = None) -> Network:
    """The network of a file or a builder; what it warns of goes to stderr.

    samples: over how many samples its loss is the mean, a number or a letter.
    Raises BackproveError for what cannot be read.
    """
    from ..language import load, warnings

    note_input(file)
    network = load(file)
    for message in warnings(network):
        warn(message)
    return network if samples is None else network.over(_size(samples, network))


def _size(samples: str, network: Network) -> Size:
    if samples.isascii() and samples.isdigit() and 0 < int(samples[:12]) < 10**9:
        return int(samples)
    if not samples.isidentifier():
        raise BackproveError(
            f"{samples!r} is no number of samples", "write --samples 3, or a letter: --samples M"
        )
    letters = {i for e in network.equations.values() for i in (*e.indices, *e.right.bound)}
    kinds = {"size": network.sizes, "quantity": network.quantities.keys() - network.sizes.keys(),
             "function": network.functions, "index": letters}  # fmt: skip
    for kind, names in kinds.items():
        # a letter for a length that is open may be shared: m samples where m is a size
        if samples in names and not (kind == "size" and network.sizes[samples] is None):
            raise BackproveError(
                f"{samples} is already {'an' if kind == 'index' else 'a'} {kind} of this network",
                "take another letter for the number of samples",
            )
    return samples


def notation_of(name: str, network: Network) -> BoundNotation:
    """A notation for this network. Raises NotationError."""
    from ..notation import bind

    return bind(name, network)


def warn(message: str) -> None:
    """Print one warning on stderr."""
    print(f"warning: {message}", file=sys.stderr)
