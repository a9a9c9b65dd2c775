"""`backprop` and `explain` over every notation and several networks: no traceback anywhere."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backprove.cli import app
from backprove.notation import names

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ROLES = """
input  x[2] = [1, 2]
target y = 1
weight w1[3,2], w2[3]
bias b1[3]
z[j] = sum(k: w1[j,k]*x[k]) + b1[j]
h[j] = sigmoid(z[j])
o = sum(j: w2[j]*h[j])
loss J = (y - o)^2 / 2
"""
DECLARED = (
    "role x = activation 1",
    "role x = weighted input 1",
    "role b1 = activation 2",
    "role h = quantity\nrole y = activation L",
)
NETWORKS = (
    "mlp:2-3-1",
    "neuron:2,tanh",
    str(EXAMPLES / "two_neurons.bp"),
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="backprove")


def readable(result: Result) -> bool:
    """Whether it ended well, or with a message that is not about a mistake in the program."""
    ended = result.exception is None or isinstance(result.exception, SystemExit)
    return ended and "mistake in backprove" not in result.output


@pytest.mark.parametrize("notation", names())
def test_backprop_in_every_notation_with_declared_roles(notation: str, tmp_path: Path) -> None:
    for number, declared in enumerate(DECLARED):
        file = tmp_path / f"{number}.bp"
        file.write_text(f"{ROLES}{declared}\n")
        result = run("backprop", str(file), "--notation", notation)
        assert readable(result), (declared, result.exception)


@pytest.mark.parametrize("notation", names())
def test_backprop_in_every_notation(notation: str) -> None:
    for network, samples in itertools.product(NETWORKS, ([], ["--samples", "m"])):
        result = run("backprop", network, "--notation", notation, *samples)
        assert readable(result), (network, samples, result.exception)


@pytest.mark.parametrize("style", ["chain", "equation", "dynamic"])
def test_explain_in_every_notation(style: str, tmp_path: Path) -> None:
    file = tmp_path / "roles.bp"
    file.write_text(f"{ROLES}role x = activation 1\n")
    for notation, zoom in zip(names(), itertools.cycle(("scalar", "index", "matrix"))):
        result = run("explain", str(file), "w1[1,2]", "-n", notation, "-s", style, "-z", zoom)
        assert readable(result), (notation, zoom, result.exception)


def test_an_input_that_is_declared_an_activation_keeps_the_pattern(tmp_path: Path) -> None:
    pages = []
    for declared in ("", "role x = activation 1\n"):
        file = tmp_path / "network.bp"
        file.write_text(ROLES + declared)
        pages.append(run("backprop", str(file)).output)
    assert "The pattern" in pages[0]
    assert pages[1] == pages[0]
