"""Every row of the table of functions, its derivative checked by the oracle."""

from __future__ import annotations

import pytest

from backprove.adjoints import backprop
from backprove.derivation import derive
from backprove.functions import FUNCTIONS
from backprove.language import parse
from backprove.verify import verify_derivation, verify_network

NAMES = [name for name, row in FUNCTIONS.items() if not name.endswith("'")]
STEP_LIKE = {"sign", "step"}
"""Their derivative is 0 wherever it exists."""


def network_text(name: str) -> str:
    # the square of a second weight: positive, as logarithms and roots need it
    return f"input x\nweight w, v\nz = w*x + v^2\na = {name}(z)\nloss J = a*x + v"


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_of_each_function_is_confirmed(name: str) -> None:
    network = parse(network_text(name))
    gradients = backprop(network).gradients
    report = verify_network(network, gradients)
    assert report.ok, [f"{row.what} {row.verdict.says}" for row in report.rows]
    zero = repr(gradients["w"].right) == "0"
    assert zero == (name in STEP_LIKE)


@pytest.mark.parametrize("name", NAMES)
def test_each_derivation_with_it_is_confirmed(name: str) -> None:
    report = verify_derivation(derive(parse(network_text(name)), "w"))
    assert report.ok, [f"{row.what} {row.verdict.says}" for row in report.rows]
