"""`bp.compile` and `bp.train` where NumPy computes: what needs no compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backprove as bp
from backprove.errors import DataError
from backprove.language import load
from backprove.run import compiled, values
from backprove.run.compiled import Compiled

RANDOM = np.random.default_rng(3)
DATA = {"x": RANDOM.normal(size=(7, 2)), "y": RANDOM.normal(size=(7, 1))}


def trained(batch: int) -> list[float]:
    return bp.compile(load("mlp:2-3-1"), backend="numpy", batch=batch).train(DATA, 3)


def test_memory_is_asked_for_the_samples_that_there_are() -> None:
    assert trained(10**15) == trained(7)
    model = bp.train(
        load("mlp:2-3-1"), DATA, batch_size=10**15, epochs=2, validation=0, backend="numpy"
    )
    assert len(model.history) == 2


def test_a_mini_batch_for_which_there_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    run = bp.compile(load("mlp:2-3-1"), backend="numpy", batch=10**15)
    monkeypatch.setattr(values, "physical_memory", lambda: 420)
    with pytest.raises(DataError, match="a mini-batch of 7 samples would take"):
        run.train(DATA)
    with pytest.raises(DataError, match="mini-batch of 7 samples"):
        bp.train(load("mlp:2-3-1"), DATA, batch_size=10**15, validation=0, backend="numpy")


def test_what_is_predicted_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    found = compiled.predicted
    monkeypatch.setattr(compiled, "predicted", lambda n: asked.append(n) or found(n))
    run = bp.compile(load("mlp:2-3-1"), backend="numpy")
    for _ in range(3):
        assert set(run.predict(DATA)) == {"h3"}
    assert len(asked) == 1


def test_what_is_not_finite_leaves_everything_as_it_was(backend: str) -> None:
    """Slots too: the next epoch is that of a twin that never saw it."""
    one, twin = (
        bp.compile(bp.mlp([3, 4, 2]), backend=backend, optimizer="momentum", batch=4, eta=0.1)
        for _ in range(2)
    )
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(12, 3)), "y": np.eye(2)[rng.integers(0, 2, 12)]}
    assert one.train(data, 3) == twin.train(data, 3)
    inputs = data["x"].copy()
    inputs[5, 1] = np.nan
    with pytest.raises(DataError, match="x holds nan in row 6"):
        one.train({**data, "x": inputs}, 2)
    with pytest.raises(DataError, match="diverges"):
        one.train({**data, "y": data["y"] * 1e30}, 2)
    assert one.train(data, 2) == twin.train(data, 2)


LAST = """
input x
target y
weight w = 1
bias b = 0
loss J = (y - w*x)^2 + sqrt(abs(b))*0
"""


def test_a_weight_that_the_last_step_breaks(backend: str) -> None:
    """No loss tells of it, as none follows."""
    run = bp.compile(bp.parse(LAST), backend=backend, batch=2, eta=1e38)
    with pytest.raises(DataError, match=r"w is not finite.*diverges"):
        run.train({"x": [1e5, 1.0], "y": [1.0, 0.0]})
    assert run.parameters == {"w": 1, "b": 0}


BEYOND: dict[str, tuple[Callable[[Compiled], Any], str]] = {
    "data": (lambda run: run.train({"x": [[1e39, 1]], "y": [[1]]}), "x: 1e.39 is too large"),
    "whole numbers": (lambda run: run.predict({"x": [[1, 10**40]]}), "x: 1e.40 is too large"),
    "no float at all": (lambda run: run.predict({"x": [[1, 10**400]]}), "x is no array of numbers"),
    "complex data": (lambda run: run.predict({"x": [[1, 1j]]}), "x is no array of numbers"),
    "weights": (lambda run: start(run, 1e39), "w1: 1e.39 is too large"),
    "no number": (lambda run: start(run, np.nan), "w1 holds what is not finite"),
}


def start(run: Compiled, value: float) -> None:
    run.parameters = {**run.parameters, "w1": np.full((2, 2), value)}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("what", BEYOND)
def test_numbers_beyond_the_precision(what: str, backend: str) -> None:
    run = bp.compile(bp.mlp([2, 2, 1], "tanh"), backend=backend, batch=2)
    before = run.parameters
    tell, message = BEYOND[what]
    with pytest.raises(DataError, match=message):
        tell(run)
    assert all((run.parameters[name] == array).all() for name, array in before.items())


def test_a_value_in_the_file_beyond_the_precision(backend: str) -> None:
    network = bp.parse(LAST.replace("w = 1", "w = 1e300"))
    with pytest.raises(DataError, match=r"1e.300 is too large to be computed with: float32 ends"):
        bp.compile(network, backend=backend)
    assert bp.compile(network, backend=backend, dtype=np.float64).parameters["w"] == 1e300


SHARED = {
    "a small one": ([2, 16, 16, 1], 32, 8, 1),
    "just enough for two": ([30, 100, 100, 2], 32, 8, 2),
    "as many as may be used": ([784, 128, 10], 64, 8, 8),
    "no more than it is given": ([784, 128, 10], 64, 1, 1),
}


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("case", SHARED)
def test_a_mini_batch_is_shared_by_as_many_threads_as_have_work(case: str) -> None:
    sizes, batch, given, threads = SHARED[case]
    run = bp.compile(bp.mlp(sizes, "tanh"), backend="c", batch=batch, threads=given)
    assert run.threads == threads
