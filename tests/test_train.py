"""Training on data: the result, exact resumption, columns, bad input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backprove.errors import BackproveError, DataError
from backprove.language import load, parse
from backprove.run.checkpoint import uninterrupted, written
from backprove.run.choice import Backend
from backprove.run.data import predicted_by
from backprove.run.fitted import input_arrays
from backprove.run.optimizers import OPTIMIZERS
from backprove.run.plot import save_curve, text_curve
from backprove.run.table import DIGITS, DIGITS_TEST, csv_table, read_table
from backprove.run.training import Model, Watcher, load_model, predict, resume, train

DEMO = "mlp:64-32-10,tanh,cross_entropy"
SMALL = load("mlp:64-8-10,tanh,cross_entropy")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_reach_97_percent(seed: int) -> None:
    model = train(load(DEMO), DIGITS, seed=seed)
    assert model.test is not None
    assert model.test.samples == DIGITS_TEST
    assert model.test.measures["accuracy"] >= 0.97
    assert model.history[-1]["loss"] < model.history[0]["loss"] / 5


def bits(model: Model) -> dict[str, bytes]:
    arrays = {**model.parameters, "permutation": model.state.permutation}
    return {name: np.ascontiguousarray(a).tobytes() for name, a in arrays.items()}


def same(one: Model, other: Model) -> bool:
    return bits(one) == bits(other) and one.history == other.history


@pytest.mark.usefixtures("quick_compiler")
def test_a_seed_reproduces_a_run_bit_for_bit(backend: Backend) -> None:
    first, again, other = (
        train(SMALL, DIGITS, epochs=2, seed=s, backend=backend) for s in (4, 4, 5)
    )
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.usefixtures("quick_compiler")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resuming_after_an_epoch_is_exact(optimizer: str, backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    whole = train(SMALL, DIGITS, epochs=4, optimizer=optimizer, backend=backend)
    train(SMALL, DIGITS, epochs=2, optimizer=optimizer, backend=backend, checkpoint=path)
    assert same(resume(path, epochs=4), whole)
    assert same(load_model(path), whole)


class Interrupting(Watcher):
    """Presses Ctrl-C after so many mini-batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def batch(self, epoch: int, done: int) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("batches", [1, 20, 41, 50])
def test_ctrl_c_saves_first_and_resuming_is_exact(batches: int, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    whole = train(SMALL, DIGITS, epochs=3, patience=2)
    stopped = train(
        SMALL, DIGITS, epochs=3, patience=2, checkpoint=path, watcher=Interrupting(batches)
    )
    assert stopped.interrupted
    assert stopped.state.steps == batches
    assert same(resume(path), whole)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")

    def half(file: Any) -> None:
        file.write(b"new, but the disk is")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left"):
        written(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


ENDLESS = """
import sys
from backprove.language import load
from backprove.run.training import train
train(load("mlp:64-8-10,tanh,cross_entropy"), "digits", epochs=10**6, checkpoint=sys.argv[1],
      backend=sys.argv[2])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kill_leaves_a_whole_file(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    run = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path), backend])
    try:
        deadline = time.monotonic() + 180
        while not path.exists():
            assert run.poll() is None, "the run ended by itself"
            assert time.monotonic() < deadline, "no file was written"
            time.sleep(0.01)
    finally:
        run.kill()
        run.wait()
    done = len(load_model(path).history)
    assert done >= 1
    whole = train(SMALL, DIGITS, epochs=done + 1, backend=backend)
    assert same(resume(path, epochs=done + 1), whole)


HALF_WRITTEN = """
import sys, time
from pathlib import Path
from backprove.run.checkpoint import written
from backprove.run.choice import Backend
def half(file):
    file.write(b"half a model")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
written(Path(sys.argv[1]), half)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL", "SIGINT"])
def test_a_signal_in_the_middle_of_a_write_leaves_the_old_file(number: str, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    model = train(LINE, {"x": np.arange(9.0), "y": np.zeros(9)}, epochs=1, eta=1e-3)
    model.save(path)
    whole = path.read_bytes()
    command = [sys.executable, "-c", HALF_WRITTEN, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"writing\n"
        run.send_signal(getattr(signal, number))
        assert run.wait(120) != 0
    assert path.read_bytes() == whole
    assert bits(load_model(path)) == bits(model)


def test_ctrl_c_waits_until_a_model_is_packed() -> None:
    before = signal.getsignal(signal.SIGINT)
    done = []

    def pack() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("packed")

    with pytest.raises(KeyboardInterrupt):
        pack()
    assert done == ["packed"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_sigterm_saves_first(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    command = [sys.executable, "-m", "backprove", "train", "mlp:64-8-10,tanh,cross_entropy",
               "--data", "digits", "--epochs", "1000000", "--backend", backend,
               "--output", str(path)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        deadline = time.monotonic() + 180
        while not path.exists():
            assert run.poll() is None, "the run ended by itself"
            assert time.monotonic() < deadline, "no file was written"
            time.sleep(0.01)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=180)
    assert b"--resume" in said
    done = load_model(path).state
    whole = train(SMALL, DIGITS, epochs=done.epoch, backend=backend)
    assert same(resume(path, epochs=done.epoch), whole)


def in_format_1(path: Path, optimizer: str, slots: Mapping[str, list[Any]]) -> None:
    """Make a model's file what an earlier version of the program would have written."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(bytes(arrays.pop("header")).decode())
    arrays = {name: a for name, a in arrays.items() if not name.startswith("slot")}
    for number, name in enumerate(header["parameters"]):
        arrays |= {f"slot{number}_{k}": slot for k, slot in enumerate(slots[name])}
    del header["recipe"]
    kept = ("epochs", "batch_size", "optimizer", "eta", "seed", "validation", "test", "patience",
            "dtype", "source", "fingerprint")  # fmt: skip
    header["options"] = {name: header["options"][name] for name in kept}
    assert header["options"]["optimizer"] == optimizer
    header |= {"format": 1, "slots": {name: len(row) for name, row in slots.items()}}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_files_of_the_first_format_go_on(optimizer: str, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    options: dict[str, Any] = {"optimizer": optimizer, "dtype": "float64"}
    whole = train(SMALL, DIGITS, epochs=3, **options)
    half = train(SMALL, DIGITS, epochs=1, checkpoint=path, **options)
    held, eta = half.state.slots, half.options.eta
    assert eta is not None
    old: dict[str, list[Any]] = {name: [] for name in half.state.parameters}
    for name, row in old.items():
        if optimizer == "momentum":  # it kept the change of the weight
            row.append(-eta * held[f"{name}.u"])
        elif optimizer == "adam":
            row += [held[f"{name}.m"], held[f"{name}.v"]]
    in_format_1(path, optimizer, old)
    again = resume(path, epochs=3)
    if optimizer == "momentum":
        for name, array in whole.parameters.items():
            np.testing.assert_allclose(again.parameters[name], array, rtol=1e-10, atol=1e-12)
    else:
        assert same(again, whole)


def test_resuming_is_exact_with_all_that_a_recipe_has(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    options: dict[str, Any] = {
        "optimizer": "adamw,beta_1=0.8", "decay": 0.1, "clip_norm": 1.0, "clip_value": 0.1,
        "schedule": "cosine", "warmup": 17, "epochs": 3,
    }  # fmt: skip
    whole = train(SMALL, DIGITS, **options)
    plain = train(SMALL, DIGITS, optimizer="adamw", epochs=3)
    assert not same(whole, plain)
    train(SMALL, DIGITS, checkpoint=path, watcher=Interrupting(50), **options)
    assert load_model(path).recipe.as_json() == whole.recipe.as_json()
    assert same(resume(path), whole)
    said = "\n".join(whole.notes)
    for words in ("AdamW", "lambda = 0.1", "beta_1 = 0.8", "weights decay, biases do not",
                  "second pass", "Cosine annealing", "n = 17"):  # fmt: skip
        assert words in said


def test_resuming_with_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    x = np.arange(20.0)
    train(LINE, {"x": x, "y": 2 * x}, epochs=1, checkpoint=path)
    with pytest.raises(DataError, match="does not hold the data"):
        resume(path, {"x": x, "y": 3 * x}, epochs=2)


# -- columns, targets, measures ------------------------------------------------------------

LINE = parse("input x\ntarget y\nweight w\nbias b\no = w*x + b\nloss E = (y - o)^2/2\n")
FLOWERS = """sepal,petal_long,petal_wide,species
5.1,1.4,0.2,setosa
7.0,4.7,1.4,versicolor
6.3,6.0,2.5,virginica
4.9,1.3,0.2,setosa
6.4,4.5,1.5,versicolor
5.8,5.1,1.9,virginica
"""


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS * 1)
    return path


def test_a_line_is_found() -> None:
    x = np.linspace(-1, 3, 200)
    model = train(LINE, {"x": x, "y": 3 * x - 2}, epochs=60, eta=0.02, scaling="none")
    assert model.validation is not None
    assert model.validation.measures["R²"] == pytest.approx(1, abs=1e-4)
    assert float(model.parameters["w"]) == pytest.approx(3, abs=0.02)
    assert float(model.parameters["b"]) == pytest.approx(-2, abs=0.02)


def test_csv_with_class_labels(flowers: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    net = load("mlp:2-8-3,tanh,cross_entropy")
    model = train(
        net, flowers, columns=["x=petal_*"], epochs=150, eta=0.05, validation=0, checkpoint=path
    )
    said = "\n".join(model.notes)
    assert "input x: columns petal_long, petal_wide, less its mean" in said
    assert "one-hot over 3 classes: setosa, versicolor, virginica" in said
    found = predict(path, flowers)
    assert found.predictions[0].labels == ("setosa", "versicolor", "virginica") * 2
    assert found.score is not None
    assert found.score.measures == {"accuracy": 1.0}
    # without the species column there is a prediction but no score
    bare = tmp_path / "bare.csv"
    bare.write_text("petal_wide,petal_long\n0.2,1.5\n2.4,5.8\n")
    unknown = predict(path, bare)
    assert unknown.score is None
    assert unknown.predictions[0].labels == ("setosa", "virginica")


def test_two_labels_for_a_scalar_target(tmp_path: Path) -> None:
    path = tmp_path / "and.csv"
    path.write_text("a;b;both\n0;0;no\n0;1;no\n1;0;no\n1;1;yes\n")
    net = load("neuron:2,sigmoid,binary_cross_entropy")
    model = train(net, path, epochs=400, eta=0.1, validation=0, batch_size=4)
    assert "target y: column both, 0 for no and 1 for yes" in model.notes
    assert model.predict(path).predictions[0].labels == ("no", "no", "no", "yes")


def test_scalar_quantities_take_columns_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("".join(f"{x1},{x2},{x1 - x2}\n" for x1 in range(5) for x2 in range(5)))
    named = tmp_path / "named.csv"
    named.write_text(
        "x2,t,x1\n" + "".join(f"{b},{a - b},{a}\n" for a in range(5) for b in range(5))
    )
    net = parse("input x1, x2\ntarget t\nweight w1, w2\no = w1*x1 + w2*x2\nloss E = (t - o)^2\n")
    model = train(net, named, epochs=80, eta=0.05, batch_size=5, scaling="none",
                  validation=0)  # fmt: skip
    assert float(model.parameters["w1"]) == pytest.approx(1, abs=0.01)
    assert float(model.parameters["w2"]) == pytest.approx(-1, abs=0.01)
    # a file without a header calls its columns c1, c2, …
    again = train(
        net, path, columns=["x1=c1", "x2=c2"], target="c3", epochs=80, eta=0.05, batch_size=5,
        scaling="none", validation=0,
    )  # fmt: skip
    assert float(again.parameters["w2"]) == pytest.approx(-1, abs=0.01)


COLOURS = """weight;colour;length;kind
1,5;red;3;yes
2,25;blue;?;no
;red;5;no
3,5;green;4;yes
4;;5;no
0,5;blue;2;yes
"""
THREE_WORDS = parse(
    "input x[5]\ntarget t\nweight w[5]\no = sum(i: w[i]*x[i])\nloss E = (t - o)^2 + o^2"
)


def test_rows_that_lack_a_value_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    path, saved = tmp_path / "gaps.csv", tmp_path / "model.npz"
    path.write_text(COLOURS)
    net = load("mlp:2-3-1,tanh,binary_cross_entropy")
    given: Any = {"columns": {"x": "weight,length"}, "validation": 0, "checkpoint": saved}
    with pytest.raises(DataError, match="line 4, column weight: there is no value") as error:
        train(net, path, **given)
    assert "--skip-missing" in error.value.suggestion
    model = train(net, path, **given, skip_missing=True, epochs=3, scaling="none")
    # the row without a colour stays, as nothing reads that column
    assert model.notes[:2] == (
        "decimal commas, or spaces between thousands, in column weight",
        "left out: 2 of 6 rows, which lack a value: 1 in column weight, 1 in column length"
        " (lines 3, 4)",
    )
    assert "data: 4 samples to train on" in model.notes
    with pytest.raises(DataError, match="line 4, column weight"):
        predict(saved, path)
    found = predict(saved, path, skip_missing=True)
    assert (found.rows, found.notes) == (4, model.notes[:2])
    assert (found.places, found.counted) == ((2, 5, 6, 7), "line")
    through = resume(saved, epochs=6)
    assert same(through, train(net, path, **given, skip_missing=True, epochs=6, scaling="none"))
    with pytest.raises(DataError, match="every row of the data lacks a value"):
        train(LINE, {"x": [1.0, np.nan], "y": [np.nan, 2.0]}, skip_missing=True)


@pytest.mark.parametrize(
    ("cells", "lacking"),
    [
        (["1", "", "2"], [1]), (["1", "n/a", "NaN", "?", "-"], [1, 2, 3, 4]),
        (["a", "none", "-"], []), (["a", " ", "NA"], [1]), (["", "", "x"], [0, 1]),
        (["1", "inf", "null"], [2]),
    ],
)  # fmt: skip
def test_what_is_taken_for_missing(cells: list[str], lacking: list[int]) -> None:
    table = csv_table("a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    assert np.flatnonzero(table.missing("a")).tolist() == lacking


def test_a_column_of_words_is_an_input_where_that_is_asked(tmp_path: Path) -> None:
    path, saved = tmp_path / "words.csv", tmp_path / "model.npz"
    path.write_text(COLOURS.replace("?", "6").replace("\n;", "\n9;").replace(";;", ";red;"))
    given: Any = {"validation": 0, "dtype": "float64", "checkpoint": saved, "epochs": 1}
    with pytest.raises(DataError, match="takes 5 numbers") as error:
        train(THREE_WORDS, path, **given)
    assert "--one-hot colour would fit" in error.value.suggestion
    model = train(THREE_WORDS, path, **given, one_hot="colour", scaling="minmax")
    said = "\n".join(model.notes)
    assert "input x: columns weight, length, scaled to 0 … 1" in said
    assert "column colour one-hot, numbers 2 to 4 of x for blue, green, red" in said
    arrays = input_arrays(THREE_WORDS, read_table(path), model.fit, np.dtype("float64"))
    assert arrays["x"][:, 1:4].tolist() == [
        [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]
    ]  # fmt: skip
    assert (arrays["x"].min(), arrays["x"].max()) == (0, 1)
    # the saved model knows the words, and no others
    again = load_model(saved)
    assert again.fit == model.fit
    path.write_text("colour;weight;length\nblue;1;2\n")
    assert again.predict(path).rows == 1
    path.write_text("colour;weight;length\nblack;1;2\n")
    with pytest.raises(DataError, match="'black' is not among the words that the model knows"):
        again.predict(path)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a;b\n1,5;2\n-2;3", {"a": [1.5, -2], "b": [2, 3]}),
        ("1,5;2,25\n2,5;3,75", {"c1": [1.5, 2.5], "c2": [2.25, 3.75]}),
        ('a,b\n"1,5",2\n"2,0",3', {"a": [1.5, 2], "b": [2, 3]}),
        ("a;b\n1,500;2\n2,250;3", {"a": ["1,500", "2,250"], "b": [2, 3]}),  # or thousands
        ("a;b\n12 000;2\n1 200,5;3", {"a": [12000, 1200.5], "b": [2, 3]}),
        ("a;b\n12 000;2\n1 2;3", {"a": ["12 000", "1 2"], "b": [2, 3]}),
        ("a;b\n1,500;2\n0,250;3", {"a": [1.5, 0.25], "b": [2, 3]}),
        ('"длина, см";"вес, кг"\n1;2\n3;4', {"длина, см": [1, 3], "вес, кг": [2, 4]}),
        ("a b\tc\n1\t2\n", {"a b": [1], "c": [2]}),
        (",x\nr1,2\nr2,3", {"": ["r1", "r2"], "x": [2, 3]}),
        ("1,,2\n3,4,5", {"c1": [1, 3], "c2": ["", "4"], "c3": [2, 5]}),
    ],
)
def test_how_a_csv_is_read(text: str, columns: Mapping[str, Any]) -> None:
    assert {n: c.tolist() for n, c in csv_table(text).columns.items()} == columns


def test_two_numbers_that_no_probability_can_be_are_classes() -> None:
    net = load("neuron:1,sigmoid,binary_cross_entropy")
    data = {"x": [0.0, 1, 2, 3], "y": [1.0, 1, 2, 2]}
    model = train(net, data, epochs=200, eta=0.1, validation=0)
    assert "target y: column y, 0 for 1 and 1 for 2" in model.notes
    assert model.predict(data).predictions[0].labels == ("1", "1", "2", "2")


@pytest.mark.parametrize(
    ("scaling", "low", "high"), [("none", 10, 30), ("minmax", 0, 1), ("standard", None, None)]
)
def test_scaling_is_fitted_on_the_training_part(
    scaling: Any, low: float | None, high: float | None
) -> None:
    x = np.linspace(10, 30, 50)
    model = train(LINE, {"x": x, "y": x}, epochs=1, scaling=scaling, validation=0, dtype="float64")
    i = model.fit.inputs[0]
    scaled = (x - i.shift[0]) / i.divisor[0]
    if low is None:
        assert scaled.mean() == pytest.approx(0, abs=1e-12)
        assert scaled.std() == pytest.approx(1)
    else:
        assert (scaled.min(), scaled.max()) == (low, high)


def test_early_stopping_keeps_the_best_epoch() -> None:
    random = np.random.default_rng(0)
    x, noise = random.normal(size=(60, 20)), random.normal(size=60)
    net = load("mlp:20-30-1,tanh/linear,squared_error")
    model = train(net, {"x": x, "y": noise}, epochs=200, patience=5, validation=0.3, eta=0.01)
    losses = [record["validation loss"] for record in model.history]
    assert len(losses) < 200
    assert len(losses) - 1 - int(np.argmin(losses)) == 5
    assert model.validation is not None
    assert model.validation.loss == min(losses)


@pytest.mark.parametrize(
    ("text", "predicted"),
    [
        ("o = w*x\nloss E = (y - o)^2", {"y": "o"}),
        ("z = w*x\np = sigmoid(z)\nloss E = -(y*log(p) + (1 - y)*log(1 - p))", {"y": "p"}),
        ("u = w*x\nv = tanh(u)\ns = v - y\nloss E = s^2/2", {"y": "v"}),
        ("o1 = w*x\no2 = w*o1\nloss E = (y - o1)^2 + (t - o2)^2", {"y": "o1", "t": "o2"}),
    ],
)
def test_what_is_compared_with_a_target(text: str, predicted: Mapping[str, str]) -> None:
    targets = ", ".join(predicted)
    network = parse(f"input x\ntarget {targets}\nweight w\n{text}\n")
    assert {name: predicted_by(network, name) for name in predicted} == predicted


class Recording(Watcher):
    def __init__(self) -> None:
        self.samples = 0
        self.batches: list[int] = []
        self.epochs: list[float] = []

    def begin(self, notes: Any, epochs: int, samples: int) -> None:
        self.samples = samples

    def batch(self, epoch: int, done: int) -> None:
        self.batches.append(done)

    def epoch(self, record: Mapping[str, float]) -> None:
        self.epochs.append(record["epoch"])


def test_a_watcher_sees_every_batch_and_epoch() -> None:
    watcher = Recording()
    train(LINE, {"x": np.arange(10.0), "y": np.zeros(10)}, epochs=2, batch_size=4,
          validation=0, eta=1e-3, watcher=watcher)  # fmt: skip
    assert watcher.samples == 10
    assert watcher.batches == [4, 8, 10] * 2  # the last batch is a smaller one
    assert watcher.epochs == [1, 2]


def test_one_step_of_gradient_descent_by_hand() -> None:
    net = parse("input x\ntarget y\nweight w = 0.5\no = w*x\nloss E = (y - o)^2/2\n")
    model = train(
        net, {"x": [1.0, 2.0], "y": [2.0, 3.0]}, epochs=1, batch_size=2, optimizer="sgd",
        eta=0.1, scaling="none", validation=0, dtype="float64",
    )  # fmt: skip
    # the mean of (o - y) x is ((0.5 - 2)*1 + (1 - 3)*2)/2 = -2.75
    assert float(model.parameters["w"]) == pytest.approx(0.5 + 0.1 * 2.75, rel=1e-15)


# -- bad input -----------------------------------------------------------------------------

TWO_IN = load("mlp:2-3-3,tanh,cross_entropy")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (FLOWERS, {}, "the input x takes 2 numbers a sample, but columns sepal, petal_long,"
         " petal_wide of"),
        (FLOWERS, {"columns": ["x=sepal"]}, "columns petal_* would fit: --map x=petal_*"),
        (FLOWERS, {"columns": ["x=petal*"], "target": "sepal"},
         "the target y has 3 components, but column sepal"),
        (FLOWERS, {"columns": ["x=petals*"]}, "has no column petals*"),
        (FLOWERS, {"columns": ["z=petal*"]}, "z is neither an input nor a target"),
        (FLOWERS, {"columns": ["petal*"]}, "does not say which columns give which input"),
        (FLOWERS, {"columns": ["x=petal_wide,species"], "target": "species"},
         "'setosa' is not a number"),
        (FLOWERS.replace("4.7", "nan"), {"columns": ["x=petal*"]},
         "line 3, column petal_long: nan"),
        (FLOWERS.replace("4.7", "inf"), {"columns": ["x=petal*"]},
         "line 3, column petal_long: inf"),
        (FLOWERS.replace("4.7", ""), {"columns": ["x=petal*"]},
         "line 3, column petal_long: there is no value"),
        (FLOWERS.replace("4.7", "?"), {"columns": ["x=petal*"]}, "'?' is not a number"),
        (FLOWERS.replace("4.7", ""), {"columns": ["x=petal*"]}, "--skip-missing leaves out"),
        (FLOWERS, {"columns": ["x=petal*"], "one_hot": "sepal"}, "sepal of"),
        (FLOWERS, {"columns": ["x=petal*"], "one_hot": "species"}, "made one-hot without"),
        (FLOWERS.replace("4.7", "4,7"), {"columns": ["x=petal*"]},
         "line 3: 5 cells, but 4 columns"),
        ("", {}, "is empty"),
        ("a,b\n", {}, "has a header but no rows"),
        ("a,a,c\n1,2,3\n", {}, "two columns named 'a'"),
        (b"\xff\xfe\x00binary", {}, "is not a text file"),
        (FLOWERS, {"columns": ["x=petal*"], "optimizer": "adamv"},
         "it is one of adam, adamw, momentum, nesterov, rmsprop, sgd"),
        (FLOWERS, {"columns": ["x=petal*"], "epochs": 0}, "0 epochs cannot be trained with"),
        (FLOWERS, {"columns": ["x=petal*"], "batch_size": 0}, "a mini-batch of 0"),
        (FLOWERS, {"columns": ["x=petal*"], "eta": -1.0}, "a learning rate of -1.0"),
        (FLOWERS, {"columns": ["x=petal*"], "eta": float("nan")}, "a learning rate of nan"),
        (FLOWERS, {"columns": ["x=petal*"], "validation": 1.5}, "a validation part of 1.5"),
        (FLOWERS, {"columns": ["x=petal*"], "scaling": "log"}, "none, standard, minmax"),
        (FLOWERS, {"columns": ["x=petal*"], "dtype": "int8"}, "float32 or float64"),
        (FLOWERS, {"columns": ["x=petal*"], "seed": -1}, "a seed of -1"),
        (FLOWERS, {"columns": ["x=petal*"], "patience": 3, "validation": 0},
         "early stopping without a validation part"),
    ],
)  # fmt: skip
def test_data_and_options_that_do_not_fit(
    text: str | bytes, options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    checkpoint = tmp_path / "model.npz"
    with pytest.raises(DataError) as error:
        train(TWO_IN, path, checkpoint=checkpoint, **options)
    assert said in str(error.value)
    assert not checkpoint.exists(), "nothing is half-written"


def test_a_target_that_breaks_its_promise() -> None:
    data = {"x": np.zeros((3, 2)), "y": np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])}
    with pytest.raises(DataError, match=r"y breaks its promise sum\(k: y\[k\]\) = 1 in row 3"):
        train(TWO_IN, data, validation=0)


def test_files_that_are_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    fake = tmp_path / "fake.npz"
    fake.write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"not an \.npz file"):
        read_table(fake)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, x=np.array([{"code": 1}], dtype=object))
    with pytest.raises(DataError, match="plain arrays"):
        read_table(pickled)
    uneven = tmp_path / "uneven.npz"
    np.savez(uneven, x=np.zeros(3), y=np.zeros(4))
    with pytest.raises(DataError, match="differ in length: x has 3, y has 4"):
        read_table(uneven)


def test_files_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no model"):
        load_model(tmp_path / "missing.npz")
    other = tmp_path / "other.npz"
    np.savez(other, x=np.zeros(3))
    with pytest.raises(DataError, match="not a saved model"):
        load_model(other)
    path = tmp_path / "model.npz"
    train(LINE, {"x": np.arange(9.0), "y": np.zeros(9)}, epochs=1, eta=1e-3, checkpoint=path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="not a saved model, or it is damaged"):
            load_model(path)


def test_a_loss_that_explodes_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    x = np.arange(64.0)
    with pytest.raises(DataError, match=r"the loss is (nan|inf) in epoch \d+") as error:
        train(LINE, {"x": x, "y": x}, epochs=400, optimizer="sgd", eta=50.0, scaling="none",
              checkpoint=path)  # fmt: skip
    assert "try a lower learning rate" in str(error.value)


DIVIDING_BY_ZERO = """rate      eta = 0.001
gradient  g{t}
parameter w{t}

w{t} = w{t-1} - eta*g{t}/(1 - relu(t - 3)*abs(sign(g{t})))
"""


def test_parameters_that_explode_stop_the_run_within_the_epoch(tmp_path: Path) -> None:
    """The losses of both epochs are finite; the fourth update, the last of the second, is not."""
    rule, path = tmp_path / "mine.bp", tmp_path / "model.npz"
    rule.write_text(DIVIDING_BY_ZERO)
    data = {"x": np.arange(1.0, 9), "y": np.zeros(8)}
    options: dict[str, Any] = {"batch_size": 4, "validation": 0}
    with pytest.raises(DataError, match=r"w is not finite in epoch 2, at step 4") as error:
        train(LINE, data, optimizer=str(rule), checkpoint=path, epochs=9, **options)
    assert "diverges" in str(error.value)
    kept = load_model(path)
    assert len(kept.history) == 1
    assert same(kept, train(LINE, data, optimizer=str(rule), epochs=1, **options))


def test_a_label_that_the_model_does_not_know(flowers: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    net = load("mlp:3-4-3,tanh,cross_entropy")
    train(net, flowers, epochs=1, validation=0, checkpoint=path)
    flowers.write_text(FLOWERS.replace("virginica", "rosa"))
    with pytest.raises(DataError, match="'rosa' is not among the classes"):
        predict(path, flowers)


# -- the loss curve ------------------------------------------------------------------------

HISTORY = [{"epoch": e, "loss": 2.0**-e, "validation loss": 2.0**-e + 0.1} for e in range(1, 31)]


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_text_curve_marks_every_epoch(epochs: int) -> None:
    text = text_curve(HISTORY[:epochs], width=70, height=10)
    plot = text.splitlines()[:10]
    columns = {line.index("●", at) for line in plot for at in range(len(line)) if "●" in line[at:]}
    assert len(columns) == epochs
    assert all(len(line) <= 70 for line in text.splitlines())
    assert plot[0].startswith(f"{max(HISTORY[0]['validation loss'], 0.6):>9.4g} ┤")


def test_png_curve(tmp_path: Path) -> None:
    path = tmp_path / "curve.png"
    if find_spec("matplotlib"):
        save_curve(HISTORY, path)
        assert path.read_bytes().startswith(b"\x89PNG")
    else:
        with pytest.raises(BackproveError, match=r"pip install 'backprove\[plot\]'"):
            save_curve(HISTORY, path)
        assert not path.exists()
