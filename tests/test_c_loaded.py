"""The widest products, left to the BLAS that is loaded: what NumPy computes, and again the same."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from numpy.typing import NDArray

import backprove as bp
from backprove.run.c import Unavailable, blas, calls, widths
from backprove.run.c import machine as machines
from backprove.run.c.machine import ROOM
from backprove.run.compiled import Compiled
from backprove.run.training import Model, load_model, resume, train

Array = NDArray[Any]

try:
    WIDE = bool(widths())
except Unavailable:
    WIDE = False
pytestmark = pytest.mark.skipif(
    not WIDE or blas.loaded_gemm() is None, reason="no C compiler, or NumPy has no OpenBLAS"
)

WIDTH, SAMPLES = 150, 64
"""From where on it is called here, so that there is less to compute."""

ROWS, COLUMNS = 203, 218


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "OWN_WIDTH", WIDTH)
    monkeypatch.setattr(calls, "OWN_SAMPLES", SAMPLES)


def network() -> bp.Network:
    return bp.mlp([COLUMNS, ROWS, COLUMNS, 7], "tanh", "squared_error")


def samples(count: int, dtype: str = "float64") -> dict[str, Array]:
    random = np.random.default_rng(5)
    shapes = {"x": COLUMNS, "y": 7}
    return {n: random.normal(size=(count, size)).astype(dtype) for n, size in shapes.items()}


def compiled(batch: int, **options: Any) -> Compiled:
    return bp.compile(network(), batch=batch, backend="c", eta=1e-3, seed=3, **options)


def near(got: Mapping[str, Array], expected: Mapping[str, Array], bound: float) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        scale = float(np.abs(array).max())
        assert np.abs(got[name] - array).max() <= bound * scale, name


RUNS = {
    "by rows": (SAMPLES, 2, "float64", "sgd"),
    "by samples, its gradients too": (3 * SAMPLES, 2, "float64", "sgd"),
    "alone": (SAMPLES, 1, "float64", "momentum"),
    "three threads": (SAMPLES + 40, 3, "float64", "adam"),
    "in chunks": (ROOM + 300, 2, "float64", "momentum"),
    "single precision": (SAMPLES, 2, "float32", "momentum"),
}
BOUND = {"float64": 1e-11, "float32": 2e-4}


@pytest.mark.parametrize("run", RUNS)
def test_a_wide_network_trains_as_by_numpy(run: str) -> None:
    """One whole mini-batch and one of a single sample; gradients and predictions after it."""
    batch, threads, dtype, optimizer = RUNS[run]
    data = samples(batch + 1, dtype)
    made = compiled(batch, threads=threads, dtype=dtype, optimizer=optimizer)
    assert "OpenBLAS" in made.note
    expected = bp.compile(
        network(), batch=batch, backend="numpy", dtype=dtype, optimizer=optimizer, eta=1e-3, seed=3
    )
    losses, bound = made.train(data, shuffle=False), BOUND[dtype]
    assert losses == pytest.approx(expected.train(data, shuffle=False), rel=bound)
    near(made.parameters, expected.parameters, bound)
    some = {name: array[: SAMPLES + 3] for name, array in data.items()}
    near(made.predict(some), expected.predict(some), 10 * bound)
    near(made.gradients(some)[1], expected.gradients(some)[1], 10 * bound)


def test_it_is_the_same_bit_for_bit_again() -> None:
    data = samples(SAMPLES + 65)
    found = []
    for _ in range(2):
        made = compiled(SAMPLES, threads=2)
        made.train(data, epochs=2)
        found.append({**made.parameters, **made.predict(data)})
    assert all(array.tobytes() == found[1][name].tobytes() for name, array in found[0].items())


def test_numpy_has_its_threads_back() -> None:
    data = samples(SAMPLES)
    with threadpoolctl.threadpool_limits(2, "blas"):
        made = compiled(SAMPLES, threads=1)
        made.train(data)
        made.predict(data)
        rows = threadpoolctl.threadpool_info()
        assert {row["num_threads"] for row in rows if row["user_api"] == "blas"} == {2}


def test_without_a_blas_the_products_are_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "loaded_gemm", lambda: None)
    data = samples(SAMPLES)
    made = compiled(SAMPLES)
    assert "BLAS" not in made.note
    expected = bp.compile(network(), batch=SAMPLES, backend="numpy", eta=1e-3, seed=3)
    assert made.train(data) == pytest.approx(expected.train(data), rel=1e-6)


NARROW = {
    "few samples": ([COLUMNS, ROWS, 7], SAMPLES - 1),
    "no more rows": ([COLUMNS, WIDTH, 7], SAMPLES),
    "no more columns": ([WIDTH, ROWS, 7], SAMPLES),
}


@pytest.mark.parametrize("case", NARROW)
def test_smaller_products_are_our_own(case: str) -> None:
    sizes, batch = NARROW[case]
    made = bp.compile(bp.mlp(sizes, "tanh", "squared_error"), batch=batch, backend="c")
    assert "BLAS" not in made.note


def test_a_small_network_looks_for_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look through what is loaded takes longer than its first step."""
    monkeypatch.setattr(machines, "loaded_gemm", lambda: pytest.fail("looked for"))
    made = bp.compile(bp.mlp([5, 4, 3], "tanh", "squared_error"), batch=SAMPLES, backend="c")
    assert not calls.may_load(made._step.program, 4096)


def narrow_library() -> Path | None:
    """SciPy's own OpenBLAS, whose integers have 32 bits."""
    folder = Path(np.__file__).parent.parent / "scipy.libs"
    return next(iter(sorted(folder.glob("libscipy_openblas*"))), None)


@pytest.mark.skipif(narrow_library() is None, reason="SciPy is not there, or has no OpenBLAS")
def test_a_blas_of_narrow_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ctypes.CDLL(str(narrow_library()))
    blas._libraries.cache_clear()  # this process has another one from now on
    single, double = (blas._address(library[f"scipy_cblas_{kind}gemm"]) for kind in "sd")
    found = blas.Gemm("a narrow one", single, double, wide=False)
    monkeypatch.setattr(machines, "loaded_gemm", lambda: found)
    data = samples(SAMPLES)
    made = compiled(SAMPLES, dtype="float64")
    assert "a narrow one" in made.note
    expected = bp.compile(
        network(), batch=SAMPLES, backend="numpy", dtype="float64", eta=1e-3, seed=3
    )
    made.train(data)
    expected.train(data)
    near(made.parameters, expected.parameters, 1e-11)


# -- runs that are saved ------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, dict[str, Array]]:
    """A run of one epoch that called it, and its data."""
    data, path = samples(SAMPLES + 80, "float32"), tmp_path / "wide.npz"
    one = train(
        network(), data, epochs=1, batch_size=SAMPLES, validation=0, optimizer="sgd",
        eta=1e-3, backend="c", checkpoint=path,
    )  # fmt: skip
    assert "OpenBLAS" in load_model(path).options.blas
    assert any("OpenBLAS" in note for note in one.notes)
    return path, data


def parameters(model: Model) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.state.parameters.items()}


def test_a_resumed_run_calls_it_again(saved: tuple[Path, dict[str, Array]]) -> None:
    path, data = saved
    again = resume(path, data, epochs=2)
    whole = train(
        network(), data, epochs=2, batch_size=SAMPLES, validation=0, optimizer="sgd",
        eta=1e-3, backend="c",
    )  # fmt: skip
    assert parameters(again) == parameters(whole)
    assert not any("no longer the same" in note for note in again.notes)


def test_a_run_that_goes_on_without_it_says_so(
    saved: tuple[Path, dict[str, Array]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = saved
    monkeypatch.setattr(machines, "loaded_gemm", lambda: None)
    again = resume(path, data, epochs=2)
    assert any("begun with OpenBLAS" in note and "no longer" in note for note in again.notes)


def test_a_run_begun_without_it_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = samples(SAMPLES, "float32"), tmp_path / "own.npz"
    with monkeypatch.context() as patch:
        patch.setattr(machines, "loaded_gemm", lambda: None)
        train(
            network(), data, epochs=1, batch_size=SAMPLES, validation=0, optimizer="sgd",
            eta=1e-3, backend="c", checkpoint=path,
        )  # fmt: skip
    again = resume(path, data, epochs=2)
    assert not any("BLAS" in note for note in again.notes)
