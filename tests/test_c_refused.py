"""A compiler that works and refuses our text: an error where C was asked for, else NumPy."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest

import backprove as bp
from backprove.language import load
from backprove.run import compiled
from backprove.run.c import Refused, cache, compiler
from backprove.run.compiled import Compiled

pytestmark = pytest.mark.usefixtures("compiled")

RANDOM = np.random.default_rng(5)
DATA = {"x": RANDOM.normal(size=(40, 2)), "y": RANDOM.normal(size=(40, 1))}
PICKY = """#!/bin/sh
if [ "$1" != -v ] && [ -e {off} ] && [ "$(wc -c < library.c)" -gt 4000 ] && [ ! -e probe.c ]; then
    echo "$*" >> {log}; echo "library.c: error: too long for me"; exit 1
fi
exec {real} "$@"
"""


@pytest.fixture
def refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of a compiler that builds small files only, as long as a file `off` is there."""
    real = compiler.find_compiler({}).command
    script, log, off = tmp_path / "picky-cc", tmp_path / "log", tmp_path / "off"
    script.write_text(PICKY.format(off=off, log=log, real=shlex.join(real)))
    script.chmod(0o755)
    off.touch()
    monkeypatch.setenv("BACKPROVE_CC", str(script))
    monkeypatch.setenv("BACKPROVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_LOADED", {})
    monkeypatch.setattr(cache, "_REFUSED", {})
    monkeypatch.setattr(compiled, "_SAID", set())
    return log


def made(backend: compiled.Backend = "auto") -> Compiled:
    return bp.compile(load("mlp:2-3-1"), backend=backend, batch=8, dtype=np.float64)


def test_where_c_is_asked_for_the_error_stays(refusals: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refused, match=r"refused a program.*too long"):
            made("c")
    with pytest.raises(Refused):
        bp.train(load("mlp:2-3-1"), DATA, epochs=1, backend="c")


def test_else_numpy_computes_and_it_is_said_once(refusals: Path) -> None:
    with pytest.warns(UserWarning, match="NumPy computes instead of C.*refused") as said:
        run = made()
    assert len(said) == 1
    assert run.backend == "numpy"
    assert "too long for me" in run.note
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = made()
    asked = [line.split()[-1] for line in refusals.read_text().splitlines()]
    assert asked.count("library.c") == 1, "a process asks once"
    assert again.train(DATA, 2) == run.train(DATA, 2) == made("numpy").train(DATA, 2)


def test_what_only_predicts_may_be_refused_too(refusals: Path, tmp_path: Path) -> None:
    (tmp_path / "off").unlink()
    run, asked = made(), made("c")
    assert run.backend == "c"
    (tmp_path / "off").touch()
    one = {name: array[:1] for name, array in DATA.items()}
    other = made("numpy")
    with pytest.warns(UserWarning, match="NumPy computes instead of C"):
        found = run.predict(one)
    assert found.keys() == other.predict(one).keys()
    for data in (one, one, DATA):
        np.testing.assert_allclose(run.predict(data)["h3"], other.predict(data)["h3"], rtol=1e-12)
    np.testing.assert_allclose(run.gradients(DATA)[0], other.gradients(DATA)[0], rtol=1e-12)
    assert run.note.count("gradients and predictions by NumPy") == 1
    assert len(run.train(DATA, 2)) == 2
    assert run.backend == "c"
    with pytest.raises(Refused):
        asked.predict(one)


def test_a_run_is_trained_by_numpy(refusals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprove.run.choice.WORTH_COMPILING", 0.0)
    model = bp.train(load("mlp:2-3-1"), DATA, epochs=2, backend="auto")
    assert sum("refused a program" in note for note in model.notes) == 1
    assert model.options.backend == "numpy"


def test_a_graph_is_trained_by_numpy(refusals: Path) -> None:
    graph = bp.from_graph([("a", "b", 0.5), ("b", "c", 0.25)])
    with pytest.warns(UserWarning, match="NumPy computes instead of C.*refused"):
        graph.train(np.ones((4, 1)), np.ones((4, 1)), epochs=1)
