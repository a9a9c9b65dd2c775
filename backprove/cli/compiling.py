"""The command that writes standalone code: compile."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Literal

import typer

from .app import app
from .arguments import File, Output, network_of
from .output import emit


@app.command("compile")
def compile_(
    file: File,
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="c, numpy, torch or jax.")],
    precision: Annotated[
        Literal["float32", "float64"] | None,
        typer.Option(
            "--precision",
            show_default=False,
            help="By default float64 for c and numpy, float32 for torch and jax.",
        ),
    ] = None,
    inputs: Annotated[
        bool,
        typer.Option("--inputs", help="Gradients in inputs too; torch and jax always have them."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            show_default=False,
            help="What it is called; names in C begin with it. By default after FILE.",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Write standalone code of its gradients.

    Readable source with the equation above each statement, which needs no backprove.
    """
    from ..run.targets import standalone

    called = name or PurePath(file.partition(":")[0]).stem or "network"
    source = standalone(network_of(file), to, precision=precision, inputs=inputs, name=called)
    emit(source, output)
