"""Plans that are kept between runs: the same plan comes back, or a new one is made."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backprove as bp
from backprove.run.c import planned
from backprove.run.c.plan import Plan, plan
from backprove.run.optimizers import recipe
from backprove.run.step import NEXT, lower_step, slot_name
from backprove.run.values import constant_values

NETWORKS: dict[str, Callable[[], bp.Network]] = {
    "deep": lambda: bp.mlp([6] * 9, "tanh", "squared_error"),
    "classes": lambda: bp.mlp([40, 30, 20, 10], "gelu", "cross_entropy"),
    "constants": lambda: bp.parse(CONSTANTS),
}

CONSTANTS = """
input x[5]
target y[4]
weight W[4,5], V[4,4]
constant c[4] = [1, 1/3, -2, 1/10], r = 1/7
u[j] = sum(k: W[j,k]*x[k]) + c[j]
h[j] = tanh(u[j])*r
v[j] = sum(k: V[j,k]*h[k]) + max(k: c[k]*h[k])
o[j] = exp(v[j])/sum(k: exp(v[k]))
loss J = -sum(j: y[j]*log(o[j])) + r*sum(j,k: W[j,k]^2)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own; every plan is worth keeping."""
    monkeypatch.setenv("BACKPROVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(planned, "_WORTH_KEEPING", 1)
    return tmp_path / "cache" / "libraries"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that are made, not found."""
    found: list[Plan] = []

    def making(*given: Any, **options: Any) -> Plan:
        found.append(plan(*given, **options))
        return found[-1]

    monkeypatch.setattr(planned, "plan", making)
    return found


def ask(name: str, copied: bool = False, **changed: Any) -> Plan:
    """copied: an equal program, of objects that are shared otherwise."""
    network = NETWORKS[name]()
    step = lower_step(network, recipe("adam"))
    kept = [*step.slots, *(slot_name(name, s) for name, row in step.slots.items() for s in row)]
    options = {
        "fixed": constant_values(network, np.dtype(np.float32)),
        "replaced": {NEXT + name: name for name in kept},
        "batch": 32, "lanes": 16, "room": None, "threads": 2, "kernels": (),
    }  # fmt: skip
    if copied:
        step, options = pickle.loads(pickle.dumps((step, options)))
    return planned.planned(step.program, **{**options, **changed})


def assert_same(a: Plan, b: Plan) -> None:
    for field in fields(Plan):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if field.name == "initial":
            assert [place for place, _ in left] == [place for place, _ in right]
            for (_, x), (_, y) in zip(left, right, strict=True):
                assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
        elif field.name == "table":
            assert left.dtype == right.dtype
            assert left.tolist() == right.tolist()
        else:
            assert left == right, field.name


@pytest.mark.parametrize("name", NETWORKS)
def test_a_kept_plan_is_the_plan_that_was_made(name: str, made: list[Plan]) -> None:
    first = ask(name)
    for copied in (False, True):
        again = ask(name, copied)
        assert len(made) == 1
        assert_same(first, again)
        assert first is not again


CHANGES: dict[str, dict[str, Any]] = {
    "batch": {"batch": 33},
    "lanes": {"lanes": 8},
    "room": {"room": 16},
    "threads": {"threads": 1},
    "what is fixed": {"fixed": {}},
    "what is replaced": {"replaced": {}},
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_question_has_another_plan(what: str, made: list[Plan]) -> None:
    ask("constants")
    ask("constants", **CHANGES[what])
    assert len(made) == 2


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda content: content[: len(content) // 2],
    "one bit": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "empty": lambda content: b"",
    "something else": lambda content: b"{}" * 100,
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_kept_plan_is_made_anew(how: str, folder: Path, made: list[Plan]) -> None:
    first = ask("deep")
    (file,) = folder.glob("*.json")
    file.write_bytes(BROKEN[how](file.read_bytes()))
    assert_same(first, ask("deep"))
    assert len(made) == 2
    assert_same(first, ask("deep"))
    assert len(made) == 2  # kept again


def test_without_a_folder_plans_are_made(folder: Path, made: list[Plan]) -> None:
    folder.parent.write_text("a file where the folder would be")
    ask("deep")
    ask("deep")
    assert len(made) == 2
