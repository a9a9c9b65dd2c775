"""Training step by step: the same numbers as `train`, and a plain word where they diverge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import backprove as bp
from backprove.errors import DataError
from backprove.run import stepping
from backprove.run.optimizers import OPTIMIZERS, SCHEDULES
from backprove.run.stepping import Stepper, Stopped
from backprove.run.table import Table, classic, read_table
from backprove.run.viewing import confusion, plane, points, surface

NET = bp.load("mlp:2-5-2,tanh,cross_entropy")
DATA = classic("moons", rows=90)


def same(stepper: Stepper, model: bp.Model) -> bool:
    one, other = stepper.parameters, model.state.parameters
    return all(one[name].tobytes() == other[name].tobytes() for name in other) and (
        tuple(stepper.history) == model.history
    )


@pytest.mark.parametrize(
    "options",
    [
        *({"optimizer": name} for name in OPTIMIZERS),
        *({"schedule": name, "epochs": 3} for name in SCHEDULES if name != "warmup"),
        {"batch_size": 7, "validation": 0.0, "eta": 0.05},
        {"seed": 9, "decay": 0.01, "dtype": "float64"},
        {"optimizer": "momentum", "clip_value": 0.01, "clip_norm": 0.02},
        {"validation": 0.4, "batch_size": 1000},
    ],
    ids=str,
)
def test_the_weights_are_those_of_train_bit_for_bit(options: Mapping[str, Any]) -> None:
    model = bp.train(NET, DATA, **{"epochs": 3, **options, "backend": "numpy"})
    stepper = Stepper(NET, DATA, **options)
    while len(stepper.history) < 3:
        stepper.step()
    assert same(stepper, model)
    assert stepper.finished == ("epochs" in options)


def test_however_the_steps_are_cut() -> None:
    one, other = Stepper(NET, DATA), Stepper(NET, DATA)
    done = one.for_seconds(0.05)
    assert done == one.state.steps
    while other.state.steps < done:
        assert other.for_seconds(0.0) == 1, "at least one"
    assert all(np.array_equal(one.parameters[n], other.parameters[n]) for n in one.parameters)
    assert one.loss == other.loss
    assert other.for_seconds(9.0, stop=lambda: True) == 1


def test_a_changed_rate_is_the_rate_from_then_on() -> None:
    """With plain gradient descent the update is -eta times the gradient at that moment."""
    stepper = Stepper(NET, DATA, optimizer="sgd", eta=0.5, dtype="float64")
    stepper.step()
    for eta in (0.125, 2.0):
        stepper.eta = eta
        before, gradients = stepper.parameters, stepper.gradients()
        stepper.step()
        for name, was in before.items():
            assert np.allclose(stepper.parameters[name], was - eta * gradients[name], atol=1e-14)
    with pytest.raises(DataError, match="learning rate"):
        stepper.eta = 0.0


def test_it_starts_where_it_is_told() -> None:
    start = {"w1": np.full((5, 2), 0.25).tolist(), "b1": [1, 2, 3, 4, 5]}
    stepper = Stepper(NET, DATA, values=start)
    assert (stepper.parameters["w1"] == 0.25).all()
    assert stepper.parameters["b1"].tolist() == start["b1"]
    assert np.array_equal(stepper.parameters["w2"], Stepper(NET, DATA).parameters["w2"])
    for wrong in ({"w1": [1.0]}, {"w1": "x"}, {"h1": 1.0}, {"b1": [1, 2, 3, 4, float("nan")]}):
        with pytest.raises(DataError, match=next(iter(wrong))):
            Stepper(NET, DATA, values=wrong)


def test_a_schedule_that_divides_a_run_needs_its_length() -> None:
    with pytest.raises(DataError, match="the number of all steps"):
        Stepper(NET, DATA, schedule="cosine")


def test_a_long_history_keeps_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepping, "HISTORY", 10)
    stepper = Stepper(NET, DATA, batch_size=100)
    for _ in range(40):
        stepper.step()
    epochs = [record["epoch"] for record in stepper.history]
    assert len(epochs) <= 10
    assert epochs == sorted(set(epochs))
    assert (epochs[0], epochs[-1]) == (1, 40)


# -- divergence ----------------------------------------------------------------------------

EXPONENTIAL = """
input x
target y
weight w = 30
z = w*x
h = exp(z)
loss J = (y - h)^2
"""
LOGARITHM = """
input x
target y
weight w = 1
z = w*x
loss J = (y - log(z))^2
"""
LINE = "input x\ntarget y\nweight w = 0\nh = w*x\nloss J = (y - h)^2/2"


def column(x: float) -> Table:
    return Table("test", {"x": np.full(20, x), "y": np.ones(20)})


@pytest.mark.parametrize(
    ("text", "x", "quantity", "words"),
    [
        # exp(30*3) = 1.2e39 > 3.4e38
        (EXPONENTIAL, 3.0, "h", r"exp\(90\) exceeds 3.4e\+38, the largest number of float32"),
        # exp(30*2) = 1.1e26 is a float32, its square is none
        (EXPONENTIAL, 2.0, "J", r"the square of 1.1e\+26 exceeds"),
        (LOGARITHM, -1.0, "J", "the logarithm of -1 is no finite number"),
    ],
)
def test_what_overflows_first_is_named(text: str, x: float, quantity: str, words: str) -> None:
    stepper = Stepper(bp.parse(text), column(x), scaling="none", validation=0.0)
    start = stepper.parameters
    with pytest.raises(Stopped, match=words) as caught:
        stepper.step()
    assert caught.value.why.quantity == quantity
    assert "at step 1" in str(caught.value)
    assert "try a learning rate" not in caught.value.suggestion, "nothing was learned yet"
    assert not caught.value.why.slower
    assert stepper.parameters is start, "the state is that before the step"


def test_a_rate_too_high_is_found_at_its_step() -> None:
    """w - 1 is multiplied by 1 - eta*x^2 = -999 at each step, so the loss by 998,001.

    It begins at 1/2, so the loss of step 4 is 5e17 and the first beyond 1e12.
    """
    stepper = Stepper(
        bp.parse(LINE), column(1.0), scaling="none", optimizer="sgd", eta=1000.0, validation=0.0
    )
    words = r"at step 4.*grows without end; w has grown from 0 to 1e\+09"
    with pytest.raises(Stopped, match=words) as caught:
        stepper.for_seconds(9.0)
    assert caught.value.why.quantity == "w"
    assert stepper.state.steps == 3
    assert caught.value.why.slower


def test_a_rate_that_is_far_too_high_overflows_at_once() -> None:
    stepper = Stepper(
        bp.parse(LINE), column(1.0), scaling="none", optimizer="sgd", eta=1e30, validation=0.0
    )
    with pytest.raises(Stopped) as caught:
        stepper.for_seconds(9.0)
    # w = 1e30 after step 1; (1 - 1e30)^2 is beyond float32
    assert stepper.state.steps == 1
    assert caught.value.why.quantity == "J"


# -- what is looked at ---------------------------------------------------------------------


def test_the_plane_shows_what_the_network_says_of_its_points() -> None:
    """A line's own formula, at the corners, in the units of the data."""
    text = "input x1, x2\ntarget y\nweight a = 2, b = -1\nh = a*x1 + b*x2\nloss J = (y - h)^2"
    data = classic("plane")
    stepper = Stepper(bp.parse(text), data, dtype="float64", validation=0.0)
    over = plane(stepper, 5)
    assert over is not None
    shown = surface(stepper, over).reshape(5, 5)
    x1, x2 = (data.columns[name] for name in ("x1", "x2"))
    for row, column_, u1, u2 in [
        (0, 0, over.x[0], over.y[0]), (0, 4, over.x[1], over.y[0]), (4, 0, over.x[0], over.y[1]),
    ]:  # fmt: skip
        said = 2 * (u1 - x1.mean()) / x1.std() - (u2 - x2.mean()) / x2.std()
        assert shown[row, column_] == pytest.approx(said, rel=1e-5)
    assert over.x[0] < x1.min() < x1.max() < over.x[1]
    seen = points(stepper, 10)
    wanted = [[x1[n], x2[n], data.columns["value"][n]] for n in stepper.parts.train[:10]]
    assert np.allclose(seen, wanted)


def test_mistakes_are_counted_by_class() -> None:
    digits = Stepper(bp.load("mlp:64-10,linear,cross_entropy"), read_table("digits"))
    digits.for_seconds(0.1)
    table = confusion(digits)
    assert table is not None
    labels = read_table("digits").columns["digit"][digits.parts.validation]
    assert [sum(row) for row in table] == np.bincount(labels, minlength=10).tolist()
    score = digits.score()
    assert score is not None
    right = sum(table[k][k] for k in range(10))
    assert right / len(labels) == pytest.approx(score.measures["accuracy"])
    assert plane(digits) is None
    assert confusion(Stepper(bp.load("mlp:2-1,linear,squared_error"), classic("plane"))) is None
