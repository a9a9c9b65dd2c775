"""Networks and derivations draw themselves: with print, at the prompt, in a notebook."""

from __future__ import annotations

import subprocess
import sys

import pytest

import backprove as bp
from backprove.render import render

TEXT = """
input  i = 2
target t = 1
weight w_h = 0.5, w_o = 0.25
r_h = w_h * i
r_o = w_o * r_h
loss E = (t - r_o)^2 / 2
"""
NAMED = TEXT.replace("weight", "function g\nweight").replace("w_o * r_h", "g(w_o * r_h)")


@pytest.fixture
def network() -> bp.Network:
    return bp.parse(TEXT, "two.bp")


def test_print_writes_them_out(network: bp.Network) -> None:
    assert str(network).splitlines() == ["r_h = w_h·i", "r_o = w_o·r_h", "E = (t - r_o)^2/2"]
    derivation = bp.derive(network, "w_h")
    assert str(derivation) == render(derivation)
    assert "∂E/∂w_h" in str(derivation)
    backward = str(bp.backprop(network)).splitlines()
    assert "∂E/∂r_h = ∂E/∂r_o · w_o" in backward


def test_the_prompt_names_them_in_a_line(network: bp.Network) -> None:
    assert repr(network) == "<Network two.bp: 3 equations to E>"
    assert repr(bp.derive(network, "w_h")).startswith("<Derivation of ∂E/∂w_h, chain, scalar")


def test_a_notebook_draws_them(network: bp.Network) -> None:
    for drawn in (network, bp.derive(network, "w_h")):
        assert "<math" in drawn._repr_html_()  # type: ignore[union-attr]
        latex = drawn._repr_latex_()  # type: ignore[union-attr]
        assert latex.strip().startswith("$$")
        assert latex.count(r"\begin{aligned}") == latex.count(r"\end{aligned}") > 0


@pytest.mark.parametrize("text", [TEXT, NAMED])
def test_steps_are_drawn_where_every_name_is_known(text: str) -> None:
    derivation = bp.derive(bp.parse(text), "w_h")
    steps = [step for block in derivation.blocks for step in block.steps]
    for step in steps:
        hidden = "argument" in repr((step.before, step.after))
        drawn = step._repr_latex_()  # type: ignore[attr-defined]
        assert drawn is None if hidden else drawn.startswith("$$") and " = " in drawn


def test_whichever_name_is_used_first() -> None:
    """In a fresh process, where nothing has been attached yet."""
    program = (
        "import sys\nfrom backprove.language import parse\nimport backprove as bp\n"
        f"network = parse({TEXT!r})\n"
        "print(bp.derive(network, 'w_h'))\n"
        "assert not {'numpy', 'flint', 'rich'} & set(sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "∂E/∂w_h" in answer.stdout
