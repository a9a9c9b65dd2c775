"""`bp.compile` and `bp.train` where NumPy computes: what needs no compiler."""

from __future__ import annotations

import numpy as np
import pytest

import backprove as bp
from backprove.errors import DataError
from backprove.language import load
from backprove.run import compiled, values

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
