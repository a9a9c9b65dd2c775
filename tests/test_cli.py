"""The command line, run as a user runs it: good commands, and every kind of bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from effort import soon
from typer.testing import CliRunner, Result

from backprove.cli import app

SMALL = """
input  i = 2
target t = 1
weight w_h = 0.5, w_o = 0.25
r_h = w_h * i
r_o = w_o * r_h
loss E = (t - r_o)^2 / 2
"""
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CSV = "a,b,y\n" + "\n".join(f"{k},{k % 3},{k % 2}" for k in range(40)) + "\n"
LINEAR = """
input x[2]
target y
weight w[2]
bias b
o = sum(j: w[j]*x[j]) + b
loss J = (y - o)^2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with some good and bad files."""
    files: dict[str, str | bytes] = {
        "good.bp": SMALL,
        "linear.bp": LINEAR,
        "data.csv": CSV,
        "binary.bp": bytes(range(256)) * 20,
        "empty.bp": "",
        "big.bp": "# " + "x" * 10_000_000,
        "deep.bp": f"input x\nweight w\nz = {'(' * 10_000}w*x{')' * 10_000}\nloss J = z^2\n",
        "powers.bp": "input x = 1\nweight w = 2\nloss J = w^9^9^9^9 + x\n",
        "huge.bp": "input x = 1\nweight w[1000000,1000000]\n"
        "z[i] = sum(j: w[i,j]*x)\nloss J = sum(i: z[i]^2)\n",
        "unknown.bp": "input x\nweight w\nloss J = w*y\n",
        "cycle.bp": "input x\nweight w\na = b*w\nb = a*x\nloss J = b\n",
        "lossless.bp": "input x\nweight w\nz = w*x\n",
        "twice.bp": "input x\nweight w\nloss J = w*x\nloss K = w + x\n",
        "rank.bp": "input x[3]\nweight w\nloss J = w*x\n",
        "range.bp": "input x[3]\nweight w\nloss J = w*x[4]\n",
        "valueless.bp": "input x\nweight w = 1\nloss J = w*x\n",
        "symbolic.bp": "size n\ninput x[n]\nweight w[n]\nloss J = sum(k: w[k]*x[k])\n",
        "nan.csv": CSV + "nan,1,1\n",
        "words.csv": CSV + "two,1,1\n",
        "ragged.csv": CSV + "1,2\n",
        "noise.npz": b"PK\x03\x04 this is no archive",
        "bad.toml": "[symbols\n",
    }
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def run(*arguments: str) -> Result:
    columns = int(os.environ.get("COLUMNS", "80"))  # which the runner would overrule
    return CliRunner().invoke(app, list(arguments), prog_name="backprove", terminal_width=columns)


# -- bad input -----------------------------------------------------------------------------

BAD: list[tuple[str, str]] = [
    # command line, a piece of the message
    ("show missing.bp", "missing.bp"),
    ("show .", "director"),
    ("show binary.bp", "binary.bp"),
    ("show empty.bp", "loss"),
    ("show big.bp", "10,000,002"),
    ("show deep.bp", "200"),
    ("show unknown.bp", "unknown.bp:3:"),
    ("show cycle.bp", "depends on itself"),
    ("show lossless.bp", "loss"),
    ("show twice.bp", "twice.bp:4:"),
    ("show rank.bp", "rank.bp:3:"),
    ("show range.bp", "range.bp:3:"),
    ("show mlp:3-3-1,sigmiod", "did you mean sigmoid"),
    ("show mlp:3-3-1,tanh,squared_eror", "did you mean squared_error"),
    ("show mlp:3-x-1", "mlp"),
    ("show good.bp --notation one-leter", "did you mean one-letter"),
    ("show good.bp --notation missing.toml", "missing.toml"),
    ("show good.bp --notation bad.toml", "bad.toml"),
    ("show good.bp --format word", "markdown"),
    ("show good.bp --output nowhere/page.md", "nowhere"),
    ("show good.bp --samples 0", "--samples 3"),
    ("backprop good.bp --samples 2*M", "--samples 3"),
    ("explain good.bp w_h --samples t", "already a quantity"),
    ("show good.bp --samples tanh", "already a function"),
    ("explain good.bp w_z", "did you mean"),
    ("explain good.bp w_h[1]", "no index"),
    ("explain mlp:3-3-1 w2[1,9]", "out of range"),
    ("explain mlp:3-3-1 w2[1]", "w2[i,j]"),
    ("explain mlp:3-3-1 w2[1,2", "w2[1,2"),
    ("explain good.bp w_h --style chains", "dynamic"),
    ("explain good.bp w_h --zoom close", "matrix"),
    ("explain valueless.bp w --numbers", "input x = "),
    ("explain good.bp w_h -o nowhere/page.html", "nowhere"),
    ("explain good.bp w_h -o good.bp", "not written over"),
    ("explain good.bp w_h --samples w_o", "already a quantity"),
    ("explain good.bp", "QUANTITY"),
    ("grad good.bp --eta nan", "0 or more"),
    ("verify mlp:1500-1500-10", "1,000,000"),
    ("grad valueless.bp", "input x = "),
    ("grad symbolic.bp", "size n = "),
    ("grad huge.bp", "TB"),
    ("grad good.bp --eta fast", "fast"),
    ("train linear.bp --data missing.csv", "missing.csv"),
    ("train linear.bp --data nan.csv", "line 42"),
    ("train linear.bp --data words.csv", "'two'"),
    ("train linear.bp --data ragged.csv", "line 42"),
    ("train linear.bp --data noise.npz", "noise.npz"),
    ("train linear.bp --data digits", "takes 2 numbers"),
    ("train linear.bp --data data.csv --map x=c*", "no column c*"),
    ("train linear.bp --data data.csv --map x=a", "takes 2 numbers"),
    ("train linear.bp --data data.csv --map z=a", "neither an input nor a target"),
    ("train linear.bp --data data.csv --target z", "no column z"),
    ("train linear.bp --data data.csv --epochs 0", "0 epochs"),
    ("train linear.bp --data data.csv --batch 0", "mini-batch of 0"),
    ("train linear.bp --data data.csv --optimizer addam", "adam"),
    ("train linear.bp --data data.csv --eta 1e30 --optimizer sgd", "learning rate"),
    ("train linear.bp --data data.csv --validation 1", "validation"),
    ("train linear.bp --data data.csv --output nowhere/m.npz", "nowhere"),
    ("train linear.bp --data data.csv --plot nowhere/loss.png", "nowhere"),
    ("train linear.bp", "--data"),
    ("train --data data.csv", "FILE"),
    ("train --resume data.csv", "data.csv"),
    ("train --resume missing.npz", "missing.npz"),
    ("train --resume other.npz --batch 7", "cannot be changed"),
    ("predict missing.npz --data digits", "missing.npz"),
    ("predict other.npz --data digits", "other.npz"),
    ("predict noise.npz --data digits", "noise.npz"),
    ("nonsense good.bp", "nonsense"),
    ("show good.bp --nonsense", "--nonsense"),
]


@pytest.mark.parametrize(("line", "piece"), BAD, ids=[line for line, _ in BAD])
def test_bad_input_gives_one_clear_message_and_exit_code_2(
    line: str, piece: str, folder: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with soon():
        result = run(*line.split())
    assert result.exit_code == 2, result.output
    assert piece in result.stderr
    assert "Traceback" not in result.output
    assert "mistake in backprove" not in result.stderr
    assert len(result.stderr.splitlines()) <= 8, "one clear message"
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert after == before, "nothing half-written"


def test_a_power_of_powers_is_never_evaluated(folder: Path) -> None:
    """It may be refused or kept as it stands; it must not take long or fill the memory."""
    for command in ("show", "grad", "verify"):
        with soon():
            result = run(command, "powers.bp")
        assert result.exit_code in (0, 1, 2)
        assert "mistake in backprove" not in result.stderr


def test_a_weight_that_does_not_reach_the_loss_is_a_warning(folder: Path) -> None:
    Path("idle.bp").write_text(SMALL + "\n", encoding="utf-8")
    text = SMALL.replace("w_o = 0.25", "w_o = 0.25, idle = 3")
    Path("idle.bp").write_text(text, encoding="utf-8")
    result = run("grad", "idle.bp", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["gradients"]["idle"] == 0
    assert "idle does not reach the loss" in result.stderr


def test_an_unexpected_error_is_one_message_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("the inside is broken")

    monkeypatch.setattr("backprove.language.load", broken)
    result = run("show", "good.bp")
    assert result.exit_code == 2
    assert "a mistake in backprove: ValueError: the inside is broken" in result.stderr
    assert "report" in result.stderr
    assert "Traceback" not in result.output
    monkeypatch.setenv("BACKPROVE_DEBUG", "1")
    assert "Traceback" in run("show", "good.bp").stderr


# -- good commands -------------------------------------------------------------------------


def test_grad_reproduces_the_numbers_worked_out_by_hand(folder: Path) -> None:
    """r_h = 1, r_o = 1/4, E = (3/4)²/2; ∂E/∂w_h = -(3/4)(1/4)(2), ∂E/∂w_o = -(3/4)(1)."""
    result = run("grad", "good.bp", "--json", "--eta", "0.1")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["loss"] == 0.28125
    assert answer["values"] == {"r_h": 1.0, "r_o": 0.25, "E": 0.28125}
    assert answer["adjoints"] == {"r_h": -0.1875, "r_o": -0.75, "E": 1.0}
    assert answer["gradients"] == {"i": -0.09375, "w_h": -0.375, "w_o": -0.75}
    assert answer["updated"] == pytest.approx({"w_h": 0.5375, "w_o": 0.325})
    assert answer["loss_after"] == pytest.approx((1 - 0.325 * 0.5375 * 2) ** 2 / 2)
    assert "loss = 0.28125" in run("grad", "good.bp").stdout


def test_what_is_not_finite_is_null_in_json_and_said(folder: Path) -> None:
    text = "input x = 1\nweight w = 1000\nloss J = exp(w*x)\n"
    Path("overflow.bp").write_text(text, encoding="utf-8")
    result = run("grad", "overflow.bp", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout, parse_constant=pytest.fail)["loss"] is None
    assert "not finite" in result.stderr


def test_the_seed_decides_what_is_drawn(folder: Path) -> None:
    text = SMALL.replace("w_h = 0.5", "w_h")
    Path("drawn.bp").write_text(text, encoding="utf-8")
    one, same, other = (
        run("grad", "drawn.bp", "--json", "--seed", seed).stdout for seed in ("1", "1", "2")
    )
    assert one == same != other


@pytest.mark.parametrize("style", ["chain", "equation", "dynamic"])
def test_explain_verifies_itself_and_ends_with_the_gradient(folder: Path, style: str) -> None:
    result = run("explain", "good.bp", "w_h", "--style", style, "--verify")
    assert result.exit_code == 0, result.output
    assert "w_o" in result.stdout
    assert "verified" in result.stdout


def test_the_backward_pass_is_listed_in_the_notation_s_own_symbols() -> None:
    # as the article on the dynamic programming formula writes them, here in the file's order
    answer = run("backprop", str(EXAMPLES / "four_neurons.bp"), "--notation", "one-letter")
    lines = [line.strip() for line in answer.stdout.splitlines()]
    for expected in (
        "g_e4 = s_4",
        "v_4 = (g_e4 × 1) × t(d_4 + b_4)",
        "v_2 = (v_3 w_7 + v_4 w_8) × t(d_2 + b_2)",
        "g_6 = v_4 h_1",
        "g_8 = v_4 h_2",
    ):
        assert expected in lines
    assert "de/du_4" not in answer.stdout
    assert "At a hidden neuron, the adjoint (as v_2) is the sum" in answer.stdout
    # here an activation feeds a sum without a weight, and the pattern does not hold
    assert "The pattern" not in run("backprop", str(EXAMPLES / "residual.bp")).stdout


def test_over_samples_the_loss_is_the_mean(folder: Path) -> None:
    # C = (1/m) Σ C_s, so ∂C/∂C_s = 1/m
    file, options = str(EXAMPLES / "deeplizard.bp"), ("--notation", "deeplizard", "--samples", "m")
    assert "∂C/∂C_s = 1/m" in run("backprop", file, *options).stdout
    assert "= 1/m · 2 Σ_s (a_js^(L) - y_js)" in run("explain", file, "w{L}[j,k]", *options).stdout
    assert "mean_E = 1/3 Σ_s E[s]" in run("show", "good.bp", "--samples", "3").stdout
    assert run("explain", "good.bp", "w_h", "--samples", "3", "--verify").exit_code == 0


def test_numbers_stand_beside_the_symbols(folder: Path) -> None:
    result = run("explain", "good.bp", "w_h", "--numbers")
    assert result.exit_code == 0, result.output
    for number in ("-0.375", "-0.75", "0.25"):  # the gradient and its factors, by hand above
        assert f"= {number}\n" in result.stdout


def test_text_keeps_to_the_width(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for line in (
        "show mlp:13-24-12", "explain mlp:3-4-2 w1[2,3]", "backprop mlp:3-4-2", "verify mlp:7-8-2",
        "train linear.bp --data data.csv --epochs 3",
    ):  # fmt: skip
        result = run(*line.split())
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 60, line


@pytest.mark.parametrize(
    "line", ["show {}", "backprop {}", "explain {} b139[1]", "compile {} --to numpy"]
)
def test_a_builder_may_be_longer_than_the_name_of_a_file(folder: Path, line: str) -> None:
    result = run(*line.format("mlp:" + "-".join(["2"] * 140)).split())
    assert result.exit_code == 0, result.output
    assert "139" in result.stdout


def test_there_is_no_colour_where_there_is_no_terminal(folder: Path) -> None:
    assert "\x1b" not in run("explain", "good.bp", "w_h").stdout


class _Links(HTMLParser):
    """Gathers what a page would load, and checks that it is not cut short."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self.ended = self.ended or tag == "html"


def test_the_page_is_whole_and_loads_nothing(folder: Path) -> None:
    result = run("explain", "good.bp", "w_h", "-o", "page.html")
    assert result.exit_code == 0
    assert result.stdout == ""
    text = Path("page.html").read_text(encoding="utf-8")
    page = _Links()
    page.feed(text)
    assert page.ended
    assert not [link for link in page.loaded if not link.startswith(("#", "data:"))]
    assert "<math" in text


@pytest.mark.parametrize(
    ("command", "endings"),
    [("show good.bp", "md tex json"), ("backprop good.bp", "md tex json"),
     ("explain good.bp w_h", "md tex json html")],
)  # fmt: skip
def test_the_ending_of_the_output_chooses_the_format(
    command: str, endings: str, folder: Path
) -> None:
    beginnings = {"md": "#", "tex": "\\", "json": "{", "html": "<!DOCTYPE html>"}
    for ending in endings.split():
        result = run(*command.split(), "-o", f"out.{ending}")
        assert result.exit_code == 0, result.output
        text = Path(f"out.{ending}").read_text(encoding="utf-8")
        assert text.startswith(beginnings[ending])
        if ending == "json":
            json.loads(text)


def test_verify_confirms_and_answers_as_json(folder: Path) -> None:
    result = run("verify", "good.bp", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["ok"] is True
    assert [row["what"] for row in answer["rows"]] == ["∂E/∂w_h", "∂E/∂w_o"]


def test_what_has_no_gradient_is_explained_and_there_is_nothing_to_verify(folder: Path) -> None:
    text = SMALL.replace("weight w_h", "constant c = 1\nweight w_h").replace("(t -", "(c*t -")
    Path("constant.bp").write_text(text, encoding="utf-8")
    result = run("explain", "constant.bp", "c", "--verify")
    assert result.exit_code == 0, result.output
    assert "constant" in result.stdout
    assert "nothing to verify" in result.stdout


def test_verify_refutes_a_wrong_gradient(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sign of every adjoint changed, the exit code is 1 and a point is shown."""
    from dataclasses import replace

    from backprove.adjoints import Backprop

    right = Backprop.gradients.fget  # type: ignore[attr-defined]
    wrong = property(lambda self: {n: replace(e, right=-e.right) for n, e in right(self).items()})
    monkeypatch.setattr(Backprop, "gradients", wrong)
    result = run("verify", "good.bp")
    assert result.exit_code == 1
    assert "refuted" in result.stdout
    assert "NOT verified" in result.stdout
    # each counterexample is told once
    assert result.stdout.count("the two sides differ") == result.stdout.count("left ") > 0


def test_predictions_say_which_rows_of_the_data_they_belong_to(folder: Path) -> None:
    """With --skip-missing: the lines of a file, or rows where it has none."""
    (folder / "gaps.csv").write_text("x,y\n1,2\n,3\n\n2,4\n4,\n")
    np.savez(folder / "gaps.npz", x=[1.0, np.nan, 2.0, 4.0], y=[2.0, 3.0, 4.0, np.nan])
    train = "train mlp:1-1 --epochs 1 --output m.npz --validation 0 --data gaps.csv --skip-missing"
    assert run(*train.split()).exit_code == 0
    for data, counted, left_out, rows in [
        ("gaps.csv", "line", "lines 3, 6", ["2", "5"]),
        ("gaps.npz", "row", "rows 2, 4", ["1", "3"]),
    ]:
        result = run("predict", "m.npz", "--data", data, "--skip-missing", "--output", "p.csv")
        assert f"({left_out})" in " ".join(result.stderr.split())
        header, *lines = (folder / "p.csv").read_text().splitlines()
        assert header.startswith(f"{counted},y")
        assert [line.split(",")[0] for line in lines] == rows
    (folder / "whole.csv").write_text("x\n1\n2\n")
    assert run("predict", "m.npz", "--data", "whole.csv").stdout.startswith("y,confidence\n")


def test_training_resumes_as_if_it_had_never_stopped_and_predicts(folder: Path) -> None:
    base = ["train", "linear.bp", "--data", "data.csv", "--seed", "3"]
    whole = run(*base, "--epochs", "6", "--output", "whole.npz")
    assert whole.exit_code == 0, whole.output
    assert run(*base, "--epochs", "2", "--output", "part.npz").exit_code == 0
    assert run("train", "--resume", "part.npz", "--epochs", "6").exit_code == 0
    one, other = (run("predict", f"{name}.npz", "-d", "data.csv") for name in ("whole", "part"))
    assert one.exit_code == other.exit_code == 0
    assert one.stdout == other.stdout
    assert one.stdout.count("\n") == 41  # a header and a line a sample
    assert "mean squared error" in one.stderr
    refused = run("train", "good.bp", "--resume", "part.npz", "--epochs", "7")
    assert refused.exit_code == 2
    assert "another network" in refused.stderr


def test_the_loss_curve_is_drawn_or_refused_before_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", "linear.bp", "--data", "data.csv", "--epochs", "2", "--plot", "loss.png"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(*command)
    assert result.exit_code == 2
    assert "matplotlib" in result.stderr
    assert not Path("model.npz").exists()
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra `plot`)")
    assert run(*command).exit_code == 0
    assert Path("loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_that_is_there_is_not_written_over_unasked(folder: Path) -> None:
    for name in ("model.npz", "model-2.npz"):
        result = run("train", "linear.bp", "--data", "data.csv", "--epochs", "1")
        assert f"the model is in {name}\n" in result.stdout


# -- as a process --------------------------------------------------------------------------


def process(*arguments: str, **options: object) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parent.parent
    return subprocess.Popen(
        [sys.executable, "-m", "backprove", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def test_a_reader_who_leaves_is_no_error(folder: Path) -> None:
    child = process("backprop", "mlp:6x20-3")
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(30) == 0
    assert child.stderr.read() == ""
    child.stderr.close()


def test_ctrl_c_saves_first(folder: Path) -> None:
    child = process(
        "train", "mlp:64-32-10,tanh,cross_entropy", "--data", "digits",
        "--epochs", "100000", "--output", "stopped.npz",
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not Path("stopped.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 130, errors
    assert "backprove train --resume stopped.npz" in errors
    assert "Traceback" not in errors
    assert run("predict", "stopped.npz", "--data", "digits").exit_code == 0


@pytest.mark.parametrize(
    "command", ["", "show", "explain", "backprop", "grad", "verify", "train", "predict"]
)
def test_each_command_has_a_help_page_for_60_columns(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 60
    assert "..." not in result.stdout.replace("[ARGS]...", "")


def test_version() -> None:
    from backprove import __version__

    assert run("--version").stdout == f"backprove {__version__}\n"
