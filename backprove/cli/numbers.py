"""The commands that compute: grad and verify."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import DataError
from .app import NOT_RIGHT, app
from .arguments import File, Output, Seed, network_of, warn
from .output import emit, wrapped

if TYPE_CHECKING:
    from ..network import Network
    from ..run.values import Array, Numbers

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


MOST_COMPONENTS = 1_000_000
"""Weights and biases above which the oracle's numbers of 60 digits would take minutes."""


def _refuse_huge(network: Network) -> None:
    lengths = [[network.length(size) or 1 for size in q.shape] for q in network.trained]
    count = sum(math.prod(shape) for shape in lengths)
    if count > MOST_COMPONENTS:
        raise DataError(
            f"this network has {count:,} weights and biases, more than the"
            f" {MOST_COMPONENTS:,} that the oracle checks in reasonable time",
            "verify a network of the same kind with shorter layers: the equations are the same",
        )


@app.command()
def grad(
    file: File,
    json_: AsJson = False,
    eta: Annotated[
        float | None,
        typer.Option(
            "--eta",
            metavar="RATE",
            show_default=False,
            help="Also take one step w - eta * ∂loss/∂w.",
        ),
    ] = None,
    seed: Seed = 0,
    precision: Annotated[
        Literal["float32", "float64"], typer.Option("--precision", help="The arithmetic.")
    ] = "float64",
    output: Output = None,
) -> None:
    """Compute the loss and every gradient.

    At the values in the file. Weights without a value are drawn (Glorot uniform), biases are 0.
    """
    from ..run.values import evaluate

    if eta is not None and not (math.isfinite(eta) and eta >= 0):
        raise DataError(f"a step of {eta} cannot be taken", "give --eta a number of 0 or more")
    numbers = evaluate(network_of(file), eta=eta, seed=seed, dtype=precision)
    for note in numbers.notes:
        if "reach the loss" not in note:  # said when the file was read
            warn(note)
    if json_ or (output is not None and output.suffix == ".json"):
        emit(json.dumps(_finite(numbers.as_json()), ensure_ascii=False, indent=2), output)
    else:
        emit("\n".join(_lines(numbers)), output)


def _finite(answer: Any) -> Any:
    """The same with null for infinity and what is no number, which JSON cannot hold."""
    if isinstance(answer, dict):
        return {name: _finite(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_finite(value) for value in answer]
    return answer if math.isfinite(answer) else None


def _lines(numbers: Numbers) -> Iterator[str]:
    yield f"loss = {numbers.loss!r}"
    if numbers.loss_after is not None:
        yield f"loss after the step = {numbers.loss_after!r}"
    yield from _table("values", numbers.values)
    yield from _table("adjoints, ∂loss/∂q", numbers.adjoints)
    yield from _table("gradients", numbers.gradients)
    if numbers.updated is not None:
        yield from _table("after the step", numbers.updated)


def _table(title: str, arrays: Mapping[str, Array]) -> Iterator[str]:
    import numpy as np

    if not arrays:
        return
    yield ""
    yield title
    widest = max(map(len, arrays))
    for name, array in arrays.items():
        text = np.array2string(
            array, separator=", ", precision=10, threshold=100, floatmode="maxprec"
        )
        rows = text.splitlines()
        yield f"  {name:<{widest}} = {rows[0]}"
        yield from (" " * (widest + 5) + row for row in rows[1:])


@app.command()
def verify(
    file: File,
    json_: AsJson = False,
    seed: Seed = 0,
    output: Output = None,
) -> None:
    """Check every gradient against the oracle.

    The oracle shares no code with the derivation: it differentiates by power series in ball
    arithmetic, at random points. The exit code is 1 where a gradient is not confirmed.
    """
    from ..adjoints import backprop
    from ..verify import Oracle, verify_network
    from .verdicts import as_json, lines_of, summary_of

    network = network_of(file)
    _refuse_huge(network)
    report = verify_network(network, backprop(network).gradients, oracle=Oracle(network, seed=seed))
    if json_ or (output is not None and output.suffix == ".json"):
        answer: dict[str, Any] = as_json(report)
        emit(json.dumps(answer, ensure_ascii=False, indent=2), output)
    elif not report.rows:
        emit(f"nothing to verify: {file} has no weights or biases", output)
    else:
        summary = wrapped(summary_of(report, "gradients"), 2)
        emit("\n".join([*lines_of(report), *summary]), output)
    if report.rows and not report.ok:
        raise typer.Exit(NOT_RIGHT)
