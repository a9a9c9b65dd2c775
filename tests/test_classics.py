"""The two-dimensional classics: what is drawn, by name wherever digits is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import backprove as bp
from backprove.errors import DataError
from backprove.run.classics import CLASSICS, drawn
from backprove.run.table import classic, csv_table, read_table

NAMES = sorted(CLASSICS)
CLASSED = [name for name in NAMES if CLASSICS[name].kind == "classes"]


def separates(name: str, x1: float, x2: float) -> int:
    """The class of a point by the figure's own geometry, as anyone would draw it."""
    match name:
        case "circles":
            return int(np.hypot(x1, x2) > 0.625)
        case "xor":
            return int(x1 * x2 < 0)
        case "gaussians":
            return int(x1 + x2 > 0)
        case "moons":  # the nearer of the two half circles
            upper, lower = (
                abs(np.hypot(x1 - side * -0.3, x2 - side * -0.15) - 0.6)
                + 9 * (side * (x2 - side * -0.15) < 0)
                for side in (1, -1)
            )
            return int(lower < upper)
        case _:  # spirals: whether the angle is that of the first arm at this radius
            off = np.arctan2(x2, x1) - 3.5 * np.pi * np.hypot(x1, x2)
            return int(np.cos(off) < 0)


@pytest.mark.parametrize("name", CLASSED)
def test_without_noise_the_figure_is_what_its_name_says(name: str) -> None:
    columns = drawn(name, noise=0.0, rows=2000, seed=3)
    wanted = [separates(name, x1, x2) for x1, x2 in zip(columns["x1"], columns["x2"], strict=True)]
    right = np.mean(np.array(wanted) == columns["class"])
    assert right >= (0.99 if name == "gaussians" else 1.0)
    assert columns["class"].sum() == 1000, "as many of one class as of the other"


def test_a_plane_is_one() -> None:
    columns = drawn("plane", noise=0.0)
    assert np.allclose(columns["value"], (columns["x1"] + columns["x2"]) / 2)


@given(st.sampled_from(NAMES), st.integers(0, 2**40), st.floats(0, 1), st.integers(10, 60))
def test_a_seed_draws_the_same_again(name: str, seed: int, noise: float, rows: int) -> None:
    first, again, other = (
        drawn(name, noise=noise, rows=rows, seed=s) for s in (seed, seed, seed + 1)
    )
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert all(len(column) == rows and np.isfinite(column).all() for column in first.values())
    assert not np.array_equal(first["x1"], other["x1"])


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_a_standard_deviation(name: str) -> None:
    quiet, loud = (drawn(name, noise=noise, rows=20_000) for noise in (0.0, 0.3))
    moved = ["x1", "x2"] if CLASSICS[name].kind == "classes" else ["value"]
    for column in quiet:
        spread = np.std(loud[column] - quiet[column])
        assert spread == pytest.approx(0.3 if column in moved else 0, rel=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_trains_on_it_by_name(name: str) -> None:
    model = bp.train(bp.load("mlp:2-3-1,tanh,squared_error"), name, epochs=1)
    assert len(model.history) == 1


def test_settings_are_said_behind_the_name() -> None:
    said = read_table("spirals,noise=0.2,rows=50,seed=7")
    made = classic("spirals", noise=0.2, rows=50, seed=7)
    assert all(np.array_equal(said.columns[n], made.columns[n]) for n in made.columns)
    assert read_table(made.source).source == made.source, "a saved run finds its data again"
    assert np.array_equal(read_table(made.source).columns["x1"], made.columns["x1"])


def test_a_run_on_a_classic_is_resumed_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    network = bp.load("mlp:2-3-1,tanh,squared_error")
    whole = bp.train(network, "moons,rows=60", epochs=4)
    bp.train(network, "moons,rows=60", epochs=2, checkpoint=path)
    found = bp.resume(path, epochs=4)
    assert all(np.array_equal(found.parameters[n], a) for n, a in whole.parameters.items())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("spirals,noise=2", "noise of 2"),
        ("spirals,noise=nan", "noise of nan"),
        ("spirals,rows=3", "3 rows"),
        ("spirals,rows=10000000", "10,000,000 rows"),
        ("spirals,rows=ten", "rows=ten"),
        ("spirals,colour=3", "colour=3"),
        ("spirals,seed=-1", "seed of -1"),
        ("swirls", "no file swirls"),
    ],
)
def test_what_cannot_be_drawn_is_said(said: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_table(said)


def test_a_csv_at_hand_is_read_as_a_file_is(tmp_path: Path) -> None:
    text = '\ufeffa;b;name\n1;2;x\n3;4;"y\nz"\n'
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    one, other = csv_table(text), read_table(path)
    assert list(one.columns) == list(other.columns) == ["a", "b", "name"]
    assert all((one.columns[n] == other.columns[n]).all() for n in one.columns)
    assert one.lines == other.lines
    with pytest.raises(DataError, match="the CSV, line 3: 1 cells, but 2 columns"):
        csv_table("a,b\n1,2\n3\n")
    with pytest.raises(DataError, match="two columns named 'a'"):
        csv_table("a,a\n1,2\n")
