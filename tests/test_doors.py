"""The front doors given arguments of other types: a sentence of ours, never a raw traceback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backprove as bp
from backprove.cli.output import emit
from backprove.errors import BackproveError, DataError
from backprove.judge.code.passes import check_code
from backprove.render.formats import render
from backprove.run.plot import save_curve

WRONG = (None, 3, b"", 3.5, [], (1,), {}, object(), "", float("nan"), True)
NETWORK = bp.mlp([2, 3, 1], "tanh", "squared_error")
ONE = bp.parse("input x = 1\nweight w = 1\nloss J = w*x")
DATA = {"x": np.ones((3, 2)), "y": np.ones((3, 1))}
RUN = bp.compile(NETWORK, backend="numpy")
ANY: Any = bp

DOORS: dict[str, Callable[[Any], object]] = {
    "parse": ANY.parse,
    "parse, its file": lambda v: ANY.parse("input x\nweight w\nloss J = w*x", v),
    "read": ANY.read,
    "load": ANY.load,
    "load_model": ANY.load_model,
    "resume": ANY.resume,
    "predict": lambda v: ANY.predict(v, DATA),
    "mlp": ANY.mlp,
    "mlp, its activation": lambda v: ANY.mlp([2, 1], v),
    "mlp, its loss": lambda v: ANY.mlp([2, 1], "tanh", v),
    "derive": lambda v: ANY.derive(v, "w2"),
    "derive in": lambda v: ANY.derive(NETWORK, v),
    "backprop": ANY.backprop,
    "check": lambda v: ANY.check(v, "w2", "1"),
    "check in": lambda v: ANY.check(NETWORK, v, "1"),
    "check, its answer": lambda v: ANY.check(NETWORK, "w2", v),
    "check, its notation": lambda v: ANY.check(NETWORK, "w2", "1", notation=v),
    "render, its notation": lambda v: render(ANY.derive(NETWORK, "w2"), v),
    "verify_derivation": ANY.verify_derivation,
    "verify_network": lambda v: ANY.verify_network(v, {}),
    "verify_network, its gradients": lambda v: ANY.verify_network(ONE, v),
    "from_graph": ANY.from_graph,
    "evaluate": ANY.evaluate,
    **{f"evaluate, {k}": lambda v, k=k: ANY.evaluate(ONE, **{k: v})
       for k in ("eta", "seed", "dtype")},
    "compile": ANY.compile,
    **{f"compile, {k}": lambda v, k=k: ANY.compile(NETWORK, **{"backend": "numpy", k: v})
       for k in ("backend", "optimizer", "eta", "batch", "dtype", "threads", "seed", "decay",
                 "schedule", "warmup", "steps", "clip_norm", "clip_value")},
    "data to train on": RUN.train,
    "gradients": RUN.gradients,
    "predicted": RUN.predict,
    "quantities": lambda v: RUN.predict(DATA, v),
    "parameters": lambda v: setattr(RUN, "parameters", v),
    "train": lambda v: ANY.train(v, DATA, epochs=1),
    "train on": lambda v: ANY.train(NETWORK, v, epochs=1),
    **{f"train, {k}": lambda v, k=k: ANY.train(NETWORK, DATA, **{"epochs": 1, k: v})
       for k in ("columns", "target", "scaling", "epochs", "batch_size", "optimizer", "eta",
                 "decay", "clip_value", "clip_norm", "schedule", "warmup", "seed", "validation",
                 "test", "patience", "dtype", "backend", "threads", "checkpoint")},
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_whatever_is_given(
    door: str, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    for value in WRONG:
        with suppress(BackproveError):  # anything else is a failure
            DOORS[door](value)


@pytest.mark.parametrize(
    ("door", "value", "says"),
    [
        ("parse", 3, "a network's text cannot be 3"),
        ("parse", b"", "a network's text cannot be b''"),
        ("read", None, "a file's path cannot be None"),
        ("derive", "mlp", "a network cannot be 'mlp'"),
        ("compile", None, "a network cannot be None"),
        ("train, epochs", 3.5, "epochs cannot be 3.5"),
        ("train on", 3, "data cannot be 3"),
    ],
)
def test_it_is_said_what_cannot_be_what(door: str, value: object, says: str) -> None:
    with pytest.raises(DataError) as told:
        DOORS[door](value)
    assert told.value.message == says
    assert told.value.suggestion


NUL = "a\0b"
"""What no file can be called."""

PATHS: dict[str, Callable[[Any], object]] = {
    **{name: DOORS[name] for name in ("read", "load", "load_model", "resume", "predict",
       "train on", "train, checkpoint", "train, optimizer", "from_graph")},
    "save": lambda v: bp.train(NETWORK, DATA, epochs=1).save(v),
    "a notation": lambda v: bp.check(NETWORK, "w2", "1", notation=str(v)),
    "code": lambda v: check_code(NETWORK, v),
    "a curve": lambda v: save_curve([{"epoch": 1.0, "loss": 1.0}] * 2, v, "x"),
}  # fmt: skip


@pytest.mark.parametrize("door", PATHS)
@pytest.mark.parametrize("ending", ["", ".npz", ".toml"])
def test_a_path_with_a_null_character_is_refused_in_words(door: str, ending: str) -> None:
    for path in (NUL + ending, Path(NUL + ending)):
        with pytest.raises(BackproveError, match=r"null|optimizer"):
            PATHS[door](path)


def test_no_output_of_the_command_line_has_a_null_character() -> None:
    with pytest.raises(BackproveError, match="null character"):
        emit("text", Path(NUL))
