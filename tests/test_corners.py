"""Numbers at which a derivative does not exist: told, with what is taken there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backprove import evaluate, parse
from backprove.cli import app
from backprove.diagram.paths import paths

# By hand: z = (0, 3), so relu is at 0 in h[1], and abs of that too; v holds its largest twice.
TEXT = """
input x[2] = [0, 1]
target y = 1
weight w[2,2] = [[1, 0], [2, 3]], v[2] = [1, 1]
z[i] = sum(j: w[i,j]*x[j])
h[i] = relu(z[i])
o = sum(i: v[i]*h[i]) + abs(h[1]) + sum(j: relu(x[j] - 1)*v[j])
m = max(k: v[k])
q = relu(x[1])
loss J = (o - y)^2 + m
"""
CORNERS = [(("h[1]",), "relu"), (("o",), "abs"), (("o",), "relu"), (("m",), "max")]
SAID = "in h[1], relu is at a corner: relu'(0) is taken as 0"


def corners(text: str) -> list[tuple[tuple[str, ...], str]]:
    return [(corner.components, corner.function) for corner in evaluate(parse(text)).corners]


def test_what_is_at_a_corner_is_named() -> None:
    assert corners(TEXT) == CORNERS  # q does not reach the loss
    assert SAID in evaluate(parse(TEXT)).notes
    assert corners(TEXT.replace("[0, 1]", "[2, 1/2]").replace("[1, 1]", "[1, 2]")) == []


@pytest.mark.parametrize(
    ("equation", "function"),
    [
        ("h[i] = 2*relu(x[i] - 1/2)", "relu"),  # the argument has no name
        ("h[i] = relu(x[i] - 1/2)", "relu"),  # it has one that is not shown
        ("h[i] = abs(sum(j: x[j]) - 9/2)*x[i]", "abs"),
        ("h[i] = sum(j: leaky_relu(x[j] - x[i]))", "leaky_relu"),
        ("h[i] = max(k: x[k]*x[i])", "max"),
    ],
)
def test_many_are_counted(equation: str, function: str) -> None:
    halves = ", ".join(["1/2"] * 9)
    (corner,) = evaluate(
        parse(f"input x[9] = [{halves}]\n{equation}\nloss J = sum(i: h[i]^2)")
    ).corners
    assert corner.components == tuple(f"h[{i}]" for i in range(1, 10))
    start = "in h[1], h[2], h[3], h[4], h[5], h[6] and 3 more, "
    assert str(corner).startswith(f"{start}{function} is at a corner: ")


def test_the_commands_and_the_paths_tell(tmp_path: Path) -> None:
    file = tmp_path / "corner.bp"
    file.write_text(TEXT, encoding="utf-8")
    for arguments in (["grad", str(file)], ["explain", str(file), "w[1,2]", "--numbers"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0
        assert SAID in re.sub(r"\s+", " ", result.output + result.stderr)
    assert SAID in paths(parse(TEXT), "w[1,2]").notes
    assert SAID not in paths(parse(TEXT), "w[2,1]").notes  # no path of it comes by h[1]
