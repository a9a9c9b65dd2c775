"""Exercises: one line is wrong, the others follow, the key tells the truth, sheets are whole."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import backprove as bp
from backprove.cli import app
from backprove.expr import Expr, Ref
from backprove.judge import check
from backprove.judge.diagnosis.matching import diagnose
from backprove.judge.exercises.making import PLANTED, Exercise, exercise, exercises, fitting_kinds
from backprove.judge.exercises.sheets import FORMATS, SheetFormat, key, sheet
from backprove.network import RATE, quantity_of
from backprove.render import latex_of, text_of
from backprove.verify import Oracle

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
GATED = """
size n = 3, m = 2
input x[m]
target y[n]
weight w[n,m], v[n,m]
bias b[n]
p[i] = sum(j: w[i,j]*x[j]) + b[i]
g[i] = sigmoid(p[i])
q[i] = sum(j: v[i,j]*x[j])
t[i] = tanh(q[i])
o[i] = g[i]*t[i]
loss J = sum(i: (y[i] - o[i])^2)/2
"""
ABSTRACT = """
input x
target y
weight w1, w2
function f with derivative t
h = f(w1*x)
o = f(w2*h)
loss E = (y - o)^2/2
"""

CASES = [
    # network, quantity, notation, style, zoom
    ("mlp:2-2-1", "w1[1,2]", "nielsen", "chain", "scalar"),
    ("mlp:2-3-2,tanh", "w1", "nielsen", "chain", "index"),
    ("mlp:2-3-2,tanh", "w2[2,1]", "chain", "dynamic", "scalar"),
    ("mlp:3-2-2-2,relu", "w1", "as-written", "dynamic", "index"),
    ("mlp:2-2-2,sigmoid,cross_entropy", "w1", "bishop", "chain", "index"),
    ("mlp:2-3-3,sigmoid,sse", "b1", "goodfellow", "chain", "index"),
    ("mlp:1-1-1-1", "w1[1,1]", "nielsen", "dynamic", "scalar"),
    ("softmax_classifier.bp", "w1", "as-written", "chain", "index"),
    ("softmax_classifier.bp", "b2", "cs231n", "chain", "index"),
    ("two_neurons.bp", "w_h", "representative", "equation", "scalar"),
    ("two_neurons.bp", "w_o", "as-written", "equation", "scalar"),
    ("four_neurons.bp", "w3", "one-letter", "chain", "scalar"),
    ("four_neurons.bp", "w3", "one-letter", "dynamic", "scalar"),
    ("deeplizard.bp", "w{L-1}", "deeplizard", "chain", "index"),
    ("chain_3_3_1.bp", "w1[1,2]", "chain", "chain", "scalar"),
    ("chain_3_3_1.bp", "b1[2]", "adventures", "chain", "scalar"),
    ("residual.bp", "w1", "as-written", "chain", "index"),
    ("residual.bp", "w1[1,2]", "as-written", "dynamic", "scalar"),
    ("shared_weights.bp", "w", "as-written", "dynamic", "index"),
    ("gated", "v", "as-written", "chain", "index"),
    ("gated", "b[2]", "as-written", "chain", "scalar"),
    ("abstract", "w1", "as-written", "equation", "scalar"),
    ("abstract", "w1", "as-written", "chain", "scalar"),
]
RUNS = [*((case, 1) for case in CASES), *((case, 2) for case in CASES[::4])]
SOURCES = {"gated": GATED, "abstract": ABSTRACT}


@cache
def network(name: str) -> bp.Network:
    if name in SOURCES:
        return bp.parse(SOURCES[name])
    return bp.load(str(EXAMPLES / name) if name.endswith(".bp") else name)


@cache
def oracle(name: str) -> Oracle:
    return Oracle(network(name), symbols=(RATE,), seed=7)


@cache
def made(case: tuple[str, str, str, str, str], seed: int, **how: object) -> Exercise:
    name, quantity, notation, style, zoom = case
    return exercise(
        network(name), quantity, notation=notation, style=style, zoom=zoom, seed=seed,
        **how,  # type: ignore[arg-type]
    )  # fmt: skip


def steps(found: Exercise) -> Iterator[tuple[int, Expr, Expr]]:
    """Each line with what it must equal: the line above, or the left side of its chain."""
    number = 0
    for chain in found.chains:
        above = chain.left
        for line in chain.lines:
            number += 1
            yield number, above, line
            above = line


# -- mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "seed"), RUNS)
def test_one_line_is_wrong_and_all_others_follow(
    case: tuple[str, str, str, str, str], seed: int
) -> None:
    found = made(case, seed)
    verdicts = {
        number: oracle(case[0]).agree(above, line).verdict for number, above, line in steps(found)
    }
    wrong = {number for number, verdict in verdicts.items() if verdict != "confirmed"}
    assert wrong == {found.line}, verdicts
    assert verdicts[found.line] == "refuted"


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_key_holds_what_belongs_there(case: tuple[str, str, str, str, str]) -> None:
    found = made(case, 1)
    above = next(above for number, above, _ in steps(found) if number == found.line)
    assert oracle(case[0]).agree(above, found.correct).confirmed
    assert oracle(case[0]).agree(found.left, found.correct).confirmed
    assert found.kind in PLANTED
    assert found.says


@pytest.mark.parametrize("case", CASES[::3], ids=" ".join)
def test_the_diagnosis_names_the_planted_kind(case: tuple[str, str, str, str, str]) -> None:
    """From other random points than those at which the mistake was planted."""
    found = made(case, 1)
    about = found.left if isinstance(found.left, Ref) else found.left.wrt  # type: ignore[attr-defined]
    wrong = found.lines[found.line - 1]
    answer = diagnose(network(case[0]), quantity_of(about), wrong, oracle(case[0]))
    assert (found.kind,) in [explanation.kinds for explanation in answer.explanations]


@pytest.mark.parametrize("case", CASES[:2], ids=" ".join)
def test_every_kind_that_fits_can_be_asked_for(case: tuple[str, str, str, str, str]) -> None:
    name, quantity, notation, style, zoom = case
    kinds = fitting_kinds(network(name), quantity, notation=notation, style=style, zoom=zoom)
    assert len(kinds) >= 5
    assert {"sign", "missing-factor"} <= set(kinds)
    for kind in kinds:
        assert made(case, 0, kind=kind).kind == kind


def test_all_kinds_are_planted_somewhere() -> None:
    asked = [CASES[k] for k in (5, 16)]
    found = {
        kind
        for name, quantity, notation, style, zoom in asked
        for kind in fitting_kinds(
            network(name), quantity, notation=notation, style=style, zoom=zoom
        )
    }
    assert found == set(PLANTED)


def test_a_kind_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(bp.BackproveError) as caught:
        made(CASES[9], 0, kind="missing-sum")  # one path only: there is no sum
    assert "the kinds that fit: sign" in str(caught.value)
    with pytest.raises(bp.BackproveError, match="no mistake 'signs'"):
        made(CASES[0], 0, kind="signs")


def test_seeds() -> None:
    name, quantity, notation, style, zoom = CASES[0]
    again = exercise(network(name), quantity, notation=notation, style=style, zoom=zoom, seed=1)
    assert sheet([made(CASES[0], 1)], "latex") == sheet([again], "latex")
    assert len({sheet([made(CASES[0], seed)], "text") for seed in range(5)}) > 2
    first = exercise(network("mlp:2-2-1"), "w1[1,2]", seed=4)
    many = exercises(network("mlp:2-2-1"), "w1[1,2]", 3, seed=4)
    assert sheet(many[:1], "text") == sheet([first], "text")


def test_several_exercises_differ() -> None:
    many = exercises(network("mlp:2-2-1"), "w1[1,2]", 6)
    assert len({(e.line, e.lines[e.line - 1]) for e in many}) == 6
    with pytest.raises(bp.BackproveError, match="different exercises"):
        exercises(network("two_neurons.bp"), "w_o", 50, blank=True)


def printed(found: Exercise) -> str:
    """The lines as plain text, as they stand on the sheet."""
    rows = []
    for chain in found.chains:
        left = text_of(chain.left, found.notation)
        rows += [f"= {text_of(line, found.notation)}" for line in chain.lines]
        rows[-len(chain.lines)] = f"{left} {rows[-len(chain.lines)]}"
    return "\n".join(rows)


def handed_in(found: Exercise) -> str:
    """The derivation of a LaTeX sheet, with its blank filled in."""
    rows = sheet([found], "latex", with_key=False).split(r"\begin{align*}")[-1]
    rows = rows.split(r"\end{align*}")[0]
    filled = rows.replace(r"\underline{\hspace{8cm}}", latex_of(found.correct, found.notation))
    assert (filled != rows) == found.blank
    return rf"\begin{{align*}}{filled}\end{{align*}}"


BOTH = [*((case, handed_in) for case in CASES), *((case, printed) for case in CASES[::4])]


@pytest.mark.parametrize(("case", "form"), BOTH)
def test_check_finds_what_was_planted(
    case: tuple[str, str, str, str, str], form: Callable[[Exercise], str]
) -> None:
    found = made(case, 1)
    verdict = check(network(case[0]), repr(found.quantity), form(found), notation=case[2])
    assert verdict.verdict == "wrong", verdict
    assert verdict.first_wrong_line == found.line
    assert found.kind in [finding.kind for finding in verdict.diagnosis]


# -- blanks --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_a_blank_leaves_a_right_line_out(case: tuple[str, str, str, str, str]) -> None:
    found = made(case, 3, blank=True)
    assert found.blank
    assert found.lines[found.line - 1] is found.correct
    assert all(oracle(case[0]).agree(above, line).confirmed for _, above, line in steps(found))


@pytest.mark.parametrize("case", CASES[::3], ids=" ".join)
def test_check_accepts_a_blank_that_is_filled_in(case: tuple[str, str, str, str, str]) -> None:
    found = made(case, 3, blank=True)
    assert check(network(case[0]), repr(found.quantity), handed_in(found), notation=case[2]).ok


def test_a_blank_sheet_does_not_give_its_line_away() -> None:
    for seed in range(5):
        found = made(CASES[0], seed, blank=True)
        shown = sheet([found], "text", width=200, with_key=False)
        assert text_of(found.correct, found.notation) not in shown
        assert f"({found.line})" in shown
        assert text_of(found.correct, found.notation) in key([found], "text", width=200)


# -- sheets --------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("case", CASES[::4], ids=" ".join)
def test_sheets_are_whole(case: tuple[str, str, str, str, str], format: SheetFormat) -> None:
    found = made(case, 1)
    plain, both = sheet([found], format, with_key=False), sheet([found], format)
    assert found.kind in both
    assert "seed 1" in " ".join(both.split())
    assert "seed" not in plain
    assert "Key" not in plain
    assert "Name:" in plain
    numbers = [
        int(n) for n in re.findall(r"^\((\d+)\) |\\tag\{(\d+)\}", plain, re.M) for n in n if n
    ]
    assert numbers == list(range(1, len(found.lines) + 1))
    if format != "text":
        assert both.count("{") == both.count("}")
        assert both.count(r"\begin{align*}") == both.count(r"\end{align*}") >= 3


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_text_keeps_to_the_width(case: tuple[str, str, str, str, str], width: int) -> None:
    for line in sheet([made(case, 1)], "text", width=width).splitlines():
        assert len(line) <= width, line
        assert line == line.rstrip()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    for number, case in enumerate(CASES[::4]):
        file = tmp_path / f"sheet{number}.tex"
        file.write_text(sheet([made(case, 1), made(case, 0, blank=True)], "latex"))
        answer = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name],
            cwd=tmp_path, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        assert answer.returncode == 0, answer.stdout[-2000:]
        assert file.with_suffix(".pdf").exists()


# -- the command ---------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["exercise", *arguments], prog_name="backprove")


def test_the_command_writes_a_sheet_and_its_key(tmp_path: Path) -> None:
    paper, answers = tmp_path / "sheet.tex", tmp_path / "key.md"
    asked = ("mlp:2-2-1", "w1[1,2]", "--seed", "3", "-n", "nielsen")
    answer = run(*asked, "-o", str(paper), "--key", str(answers))
    assert answer.exit_code == 0, answer.output
    assert paper.read_text().startswith("\\documentclass")
    assert "Key" not in paper.read_text()
    assert answers.read_text().startswith("# Key")
    assert run(*asked).stdout == run(*asked).stdout != run(*asked[:3], "4", *asked[4:]).stdout
    assert "Key" in run(*asked).stdout
    assert "Key" not in run(*asked, "--no-key").stdout
    three = run(*asked, "--count", "3", "--format", "markdown").stdout
    assert three.count("## Exercise ") == 6  # on the sheet and in the key


BAD = [
    # arguments, a piece of the message
    (("mlp:2-2-1", "w7"), "did you mean"),
    (("mlp:2-2-1", "w1[9,1]"), "out of range"),
    (("mlp:2-2-1", "w1", "--kind", "sgn"), "sign"),
    (("mlp:2-2-1", "w1", "--kind", "sign", "--blank"), "blank"),
    (("mlp:2-2-1", "w1", "--style", "chains"), "chain"),
    (("mlp:2-2-1", "w1", "--zoom", "matrix"), "index"),
    (("mlp:2-2-1", "w1", "--count", "0"), "1"),
    (("mlp:2-2-1", "w1", "-o", "nowhere/x.tex"), "nowhere"),
    (("mlp:2-2-1", "w1", "-o", "a.tex", "--key", "a.tex"), "same file"),
    (("mlp:2-2-1", "J"), "nothing to"),
    ((str(EXAMPLES / "four_neurons.bp"), "w9"), "constant"),
    (("mlp:3-3-3-3", "w1[1,1]", "--style", "equation"), "long"),
]


@pytest.mark.parametrize(("arguments", "piece"), BAD)
def test_bad_arguments(
    arguments: tuple[str, ...], piece: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = run(*arguments)
    assert answer.exit_code == 2
    assert piece in answer.stderr
    assert "Traceback" not in answer.output
    assert not list(tmp_path.iterdir())


# -- the documentation ---------------------------------------------------------------------

PAGE = (EXAMPLES.parent / "docs" / "exercises.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"<!-- run -->\n```\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 4
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)+|sign)`", PAGE)) >= set(PLANTED)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_succeeds(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("backprove", "exercise")
    answer = run(*arguments)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout or list(tmp_path.iterdir())
