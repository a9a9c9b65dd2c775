"""The commands that explain: show, explain, backprop."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import NOT_RIGHT, app
from .arguments import (
    File,
    FormatName,
    ListFormatName,
    NotationName,
    Output,
    Samples,
    Seed,
    Style,
    Zoom,
    chosen_format,
    list_format,
    network_of,
    notation_of,
    warn,
)
from .output import coloured, emit, width


@app.command()
def show(
    file: File,
    notation: NotationName = "as-written",
    samples: Samples = None,
    format: ListFormatName = None,
    output: Output = None,
) -> None:
    """Print a network's equations.

    Its quantities, its equations, its representative equation and its graph. In place of FILE,
    optimizer:adam or schedule:cosine shows the equations of one that train can use.
    """
    from ..errors import DerivationError
    from ..render import graph_text
    from .pages import Section, equations_text, quantities_of
    from .updates import is_update, update_page

    if is_update(file):
        kind = list_format(format, output)
        emit(update_page(file, notation, samples, kind, width()), output)
        return
    network = network_of(file, samples)
    bound = notation_of(notation, network)
    equations = list(bound.equations)
    graph = graph_text(network, bound, width() - 2)
    whole = Section("The representative equation: every definition put in")
    try:
        whole.equations.append(network.representative())
    except DerivationError as error:
        whole.words.append((f"{error.message}.",))
    about = network.about.replace("\n", " ")
    sections = [
        Section("About this network", words=[(about,)] if about else []),
        Section("Quantities", [], quantities_of(network)),
        Section("Equations", equations),
        whole,
        Section("Graph: what each quantity is made from", drawing=graph),
    ]
    kind = list_format(format, output)
    emit(equations_text(network.file or "The network", sections, bound, kind, width()), output)


@app.command()
def explain(
    file: File,
    quantity: Annotated[
        str, typer.Argument(metavar="QUANTITY", help="A weight, bias or other: 'w2[1,2]' or w2.")
    ],
    notation: NotationName = "as-written",
    style: Annotated[Style, typer.Option("--style", "-s", help="How to derive it.")] = "chain",
    zoom: Annotated[
        Zoom | None,
        typer.Option(
            "--zoom",
            "-z",
            show_default=False,
            help="One component, the general one, or the whole tensor; by default as asked for.",
        ),
    ] = None,
    samples: Samples = None,
    format: FormatName = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Put the file's values beside the symbols.")
    ] = False,
    laws: Annotated[bool, typer.Option("--laws", help="Quote each rule's law.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every step against the oracle.")
    ] = False,
    seed: Seed = 0,
    output: Output = None,
) -> None:
    """Derive ∂loss/∂QUANTITY step by step.

    With --verify, the exit code is 1 where a step could not be confirmed.
    """
    from ..derivation import derive
    from ..render import render

    network = network_of(file, samples)
    bound = notation_of(notation, network)
    number = None
    if numbers:
        from ..run.beside import numbers_of

        number, notes = numbers_of(network, seed)
        for note in notes:
            warn(note)
    derivation = derive(network, quantity, style=style, zoom=zoom, named=bound.named_adjoints)
    kind = chosen_format(format, output)
    colour = kind == "text" and output is None and coloured()
    text = render(
        derivation, bound, kind, width=width(), color=colour, laws=laws, numbers=number
    )  # fmt: skip
    emit(text, output)
    if verify:
        from ..verify import verify_derivation
        from .verdicts import summarize

        if not summarize(verify_derivation(derivation), "steps, lines and answers"):
            raise typer.Exit(NOT_RIGHT)


@app.command("backprop")
def backprop_(
    file: File,
    notation: NotationName = "as-written",
    samples: Samples = None,
    format: ListFormatName = None,
    output: Output = None,
) -> None:
    """List every adjoint and every gradient.

    In the order of the backward pass: each is made once, from those above it. An adjoint for
    which the notation has no symbol is put in where it is used.
    """
    from ..adjoints import backprop
    from ..derivation.pattern import pattern_of
    from .pages import Section, equations_text

    network = network_of(file, samples)
    bound = notation_of(notation, network)
    program = backprop(network)
    found = program.in_symbols(bound.named_adjoints)
    trainable = [name for name in network.quantities if name not in network.sizes]
    reasons = [reason for name in trainable if (reason := program.reason(name))]
    adjoints = [equation for name, equation in found.items() if name in network.equations]
    gradients = [found[quantity.name] for quantity in network.trained]
    sections = [
        Section("The pattern", words=pattern_of(network, gradients)),
        Section("Names for what has none", list(bound.lets.values())),
        Section("Adjoints, from the loss back", adjoints),
        Section("Gradients", gradients, reasons),
    ]
    kind = list_format(format, output)
    emit(equations_text("The backward pass", sections, bound, kind, width()), output)
