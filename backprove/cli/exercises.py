"""The command for teachers: exercise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from .app import app
from .arguments import File, NotationName, Output, Samples, Seed, network_of, notation_of
from .output import emit, width

SheetFormat: TypeAlias = Literal["markdown", "latex", "text"]
Zoom: TypeAlias = Literal["scalar", "index"]
Style: TypeAlias = Literal["chain", "dynamic", "equation"]

ENDINGS: dict[str, SheetFormat] = {".md": "markdown", ".markdown": "markdown", ".tex": "latex"}

MOST = 50
"""Exercises on one sheet."""


@app.command()
def exercise(
    file: File,
    quantity: Annotated[
        str, typer.Argument(metavar="QUANTITY", help="What it is about: 'w2[1,2]' or w2.")
    ],
    seed: Seed = 0,
    notation: NotationName = "as-written",
    style: Annotated[Style, typer.Option("--style", "-s", help="How it is derived.")] = "chain",
    zoom: Annotated[
        Zoom | None,
        typer.Option("--zoom", "-z", show_default=False, help="One component or the general one."),
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", show_default=False, help="The kind of mistake."),
    ] = "",
    blank: Annotated[
        bool, typer.Option("--blank", help="A line to fill in, in place of a mistake.")
    ] = False,
    count: Annotated[
        int, typer.Option("--count", metavar="K", min=1, max=MOST, help="So many exercises.")
    ] = 1,
    samples: Samples = None,
    format: Annotated[
        SheetFormat | None,
        typer.Option(
            "--format",
            "-f",
            show_default=False,
            help="By default after --output's ending, else text.",
        ),
    ] = None,
    output: Output = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="PATH", show_default=False, help="Write the key to this file."
        ),
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Leave the key out.")] = False,
) -> None:
    """Make an exercise sheet with its key.

    A derivation of ∂loss/∂QUANTITY in which one line is wrong, or left out. The key stands at
    the end, on a page of its own, or in a file of its own. The same seed gives the same sheet.
    """
    from ..errors import BackproveError
    from ..judge.exercises.making import exercises
    from ..judge.exercises.sheets import key as key_text
    from ..judge.exercises.sheets import sheet
    from .output import refuse_input

    if key is not None and output is not None and key.resolve() == output.resolve():
        raise BackproveError("the sheet and its key cannot be the same file", "leave --key out")
    network = network_of(file, samples)
    for path in (output, key):
        refuse_input(path)
    made = exercises(
        network, quantity, count, notation=notation_of(notation, network), style=style,
        zoom=zoom or "", kind=kind, blank=blank, seed=seed,
    )  # fmt: skip
    chosen = _format(format, output)
    emit(sheet(made, chosen, width=width(), with_key=key is None and not no_key), output)
    if key is not None:
        emit(key_text(made, _format(format, key), width=width()), key)


def _format(asked: SheetFormat | None, output: Path | None) -> SheetFormat:
    if asked is not None or output is None:
        return asked or "text"
    return ENDINGS.get(output.suffix.lower(), "text")
