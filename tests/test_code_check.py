"""Judging hand-written backward passes: right ones, wrong ones, and code that cannot be used.

The right answers here are written by hand or come from PyTorch; the wrong ones are changed in
one known place.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import backprove as bp
from backprove.judge.code.numeric import numerics, python_name
from backprove.judge.code.passes import CodeReport, check_code
from backprove.judge.code.usercode import CodeError

MLP = """
import numpy as np

def backward(x, y, w1, w2, b1, h2, h3, z3=None, verbose=False):
    d3 = (h3 - y) * h3 * (1 - h3)
    d2 = (w2.T @ d3) * h2 * (1 - h2)
    gw1, gw2, gb1, gb2 = np.outer(d2, x), np.outer(d3, h2), d2, d3
    return {ANSWER}
"""
ALL = '{"w1": gw1, "dw2": gw2, "grad_b1": gb1, "b2_grad": gb2}'
SYMBOLIC = """
size n
input a{L-1}[n]
target y[n]
weight w{L}[n,n]
function g{L}
z{L}[j] = sum(k: w{L}[j,k]*a{L-1}[k])
a{L}[j] = g{L}(z{L}[j])
loss C = sum(j: (a{L}[j] - y[j])^2)
"""
SCALAR = """
input x
target y
weight w, lambda
h = tanh(w*x)
o = lambda*h
loss J = (y - o)^2/2
"""
CLASSES = """
size m = 2, c = 3
input x[m]
target y[k] with sum(k: y[k]) = 1
weight w[c,m]
z[k] = sum(j: w[k,j]*x[j])
o[k] = exp(z[k])/sum(l: exp(z[l]))
loss J = -sum(k: y[k]*log(o[k]))
"""


@pytest.fixture
def mlp() -> bp.Network:
    return bp.load("mlp:2-3-2")


def judged(
    network: bp.Network, code: str, folder: Path, *, name: str = "", asked: tuple[str, ...] = ()
) -> CodeReport:
    file = folder / "hand.py"
    file.write_text(dedent(code), encoding="utf-8")
    return check_code(network, file, name, asked)


def verdicts(report: CodeReport) -> dict[str, str]:
    return {row.quantity: row.verdict for row in report.rows}


# -- right ---------------------------------------------------------------------------------

RIGHT = [
    ALL,
    "gw1, gw2, gb1, gb2",
    "[gw1, gw2, gb1, gb2]",
    "dict(w1=gw1.tolist(), w2=gw2, b1=gb1, b2=gb2, dz3=d3, h2=w2.T @ d3)",
]


@pytest.mark.parametrize("answer", RIGHT)
def test_right_code_is_right(answer: str, mlp: bp.Network, tmp_path: Path) -> None:
    report = judged(mlp, MLP.replace("{ANSWER}", answer), tmp_path)
    assert report.ok, report.lines()
    assert report.as_json()["verdict"] == "right"
    assert {row.quantity for row in report.rows} >= {"w1", "w2", "b1", "b2"}


def test_one_quantity_may_be_asked_for(mlp: bp.Network, tmp_path: Path) -> None:
    code = MLP.replace("{ANSWER}", "gw1")
    assert verdicts(judged(mlp, code, tmp_path, asked=("w1",))) == {"w1": "right"}
    one = MLP.replace("{ANSWER}", "gw1[2, 0]")
    assert verdicts(judged(mlp, one, tmp_path, asked=("w1[3,1]",))) == {"w1[3,1]": "right"}
    assert verdicts(judged(mlp, one, tmp_path, asked=("w1[3,2]",))) == {"w1[3,2]": "wrong"}
    signal = MLP.replace("{ANSWER}", "d2")
    assert verdicts(judged(mlp, signal, tmp_path, asked=("z2",))) == {"z2": "right"}


def test_names_that_python_cannot_spell(tmp_path: Path) -> None:
    code = """
    import numpy as np
    def backward(a_L_minus_1, y, w_L, z_L, a_L, g_L_prime, n):
        assert len(y) == n
        return np.outer(2*(a_L - y)*g_L_prime(z_L), a_L_minus_1)
    """
    report = judged(bp.parse(SYMBOLIC), code, tmp_path)
    assert report.ok, report.lines()
    code = "def backward(x, y, w, lambda_, h, o):\n    d = o - y\n"
    code += "    return {'w': d*lambda_*(1 - h**2)*x, 'lambda': d*h}\n"
    assert judged(bp.parse(SCALAR), code, tmp_path).ok
    assert python_name("a{L+2}") == "a_L_plus_2"
    assert python_name("w{3}") == "w_3"


def test_sizes_without_a_number_differ_from_point_to_point() -> None:
    network = bp.parse("size n, m\ninput x[m]\nweight w[n,m]\nz[i] = sum(j: w[i,j]*x[j])\n"
                       "loss J = sum(i: z[i]^2)")  # fmt: skip
    shapes = {at.value("w").shape for at in numerics(network, 0, 3, ["w"])}
    assert len(shapes) > 1
    assert all(rows != columns for rows, columns in shapes)


def test_code_over_samples(tmp_path: Path) -> None:
    """Features × samples; the loss is the mean over the samples."""
    network = bp.parse(CLASSES).over("N")
    code = """
    def backward(x, y, o, N):
        return (o - y) @ x.T / N
    """
    assert judged(network, code, tmp_path).ok
    assert verdicts(judged(network, code.replace(" / N", ""), tmp_path)) == {"w": "wrong"}


def test_abstract_functions_are_said_to_be_needed(tmp_path: Path) -> None:
    code = "def backward(w_L):\n    return w_L\n"
    report = judged(bp.parse(SYMBOLIC), code, tmp_path)
    assert not report.ok
    assert any("g_L_prime" in warning for warning in report.warnings)


def test_the_example_of_the_documentation_is_right(
    root: Path, mlp: bp.Network, tmp_path: Path
) -> None:
    page = (root / "docs" / "exercises.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert judged(mlp, example, tmp_path).ok


# -- wrong ---------------------------------------------------------------------------------

WRONG = [
    # what is given for w1 and b1, the verdict on w1, what is said of it
    ("gw1.T", "shape", "transpose"),
    ("2*gw1.T", "shape", "(3, 2)"),
    ("gw1.ravel()", "shape", "values are right"),
    ("gw1[:, :, None] * np.array([0.25, 0.75])", "shape", "axis 2"),
    ("gw1.astype(int)", "shape", "whole numbers"),
    ("gw1 + 0j", "shape", "complex"),
    ("0", "shape", "a single number"),
    ("'w1'", "shape", "no array of numbers"),
    ("[[1.0], [2.0, 3.0]]", "shape", "no array of numbers"),
    ("None", "missing", "None"),
    ("2*gw1", "wrong", "6 of 6"),
    ("gw1 * np.nan", "wrong", "NaN"),
    ("gw1 / 0.0", "wrong", "infinity"),
    ("np.where(np.arange(6).reshape(3, 2) == 3, gw1 + 1e-4, gw1)", "wrong", "1 of 6"),
    ("(gw1*1.01).astype(np.float32)", "wrong", "differ"),
]


@pytest.mark.parametrize(("given", "verdict", "piece"), WRONG)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_wrong_code_is_wrong(
    given: str, verdict: str, piece: str, mlp: bp.Network, tmp_path: Path
) -> None:
    code = MLP.replace("{ANSWER}", f"{{'w1': {given}, 'w2': gw2, 'b1': gb1, 'b2': gb2}}")
    report = judged(mlp, code, tmp_path)
    assert not report.ok
    assert verdicts(report) == {"w1": verdict, "w2": "right", "b1": "right", "b2": "right"}
    (row,) = (row for row in report.rows if row.verdict != "right")
    assert piece in row.says
    answer = report.as_json()
    assert answer["verdict"] == "wrong"
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert {output["quantity"] for output in answer["outputs"]} == {"w1", "w2", "b1", "b2"}


def test_the_first_component_is_counted_as_the_file_counts(mlp: bp.Network, tmp_path: Path) -> None:
    given = "np.where(np.arange(6).reshape(3, 2) >= 3, gw1 + 1, gw1)"
    code = MLP.replace("{ANSWER}", given)
    (row,) = judged(mlp, code, tmp_path, asked=("w1",)).rows
    assert row.component == "w1[2,2]"
    assert row.yours is not None
    assert row.correct is not None
    assert row.yours == pytest.approx(row.correct + 1)


def test_float32_is_held_to_what_it_can_do(mlp: bp.Network, tmp_path: Path) -> None:
    code = MLP.replace("{ANSWER}", "gw1.astype(np.float32)")
    (row,) = judged(mlp, code, tmp_path, asked=("w1",)).rows
    assert row.verdict == "right"
    assert "float32" in row.says


def test_what_is_not_given_is_missing(mlp: bp.Network, tmp_path: Path) -> None:
    report = judged(mlp, MLP.replace("{ANSWER}", "{'w1': gw1, 'b1': gb1}"), tmp_path)
    assert verdicts(report) == {"w1": "right", "w2": "missing", "b1": "right", "b2": "missing"}


def test_a_tuple_in_another_order_is_told_the_order(mlp: bp.Network, tmp_path: Path) -> None:
    report = judged(mlp, MLP.replace("{ANSWER}", "(gb1, gw1, gb2, gw2)"), tmp_path)
    assert all("w1, w2, b1, b2" in row.says for row in report.rows)


def test_a_scalar_has_no_axes(tmp_path: Path) -> None:
    code = "import numpy as np\ndef backward(x, y, w, h, o, lambda_):\n    d = o - y\n"
    code += "    return np.array([d*lambda_*(1 - h**2)*x]), d*h\n"
    report = judged(bp.parse(SCALAR), code, tmp_path)
    assert verdicts(report) == {"w": "shape", "lambda": "right"}


def test_changed_arguments_are_noticed(mlp: bp.Network, tmp_path: Path) -> None:
    code = MLP.replace("{ANSWER}", ALL).replace("    return", "    w1 -= 0.1*gw1\n    return")
    report = judged(mlp, code, tmp_path)
    assert report.ok
    assert any("changes its argument w1" in warning for warning in report.warnings)


LIKELY = [
    # what is replaced in the code, by what, the kind of mistake in w1
    ("(h3 - y) * h3 * (1 - h3)", "(y - h3) * h3 * (1 - h3)", "sign"),
    ("(h3 - y) * h3 * (1 - h3)", "2 * (h3 - y) * h3 * (1 - h3)", "constant-factor"),
    ("(h3 - y) * h3 * (1 - h3)", "(h3 - y)", "missing-factor"),
    ("(w2.T @ d3) * h2 * (1 - h2)", "(w2.T @ d3)", "missing-factor"),
    ("(w2.T @ d3) * h2 * (1 - h2)", "(w2.T @ d3) * (1 - h2**2)", "wrong-function-derivative"),
    ("(w2.T @ d3) * h2", "(w2[0] * d3[0]) * h2", "missing-sum"),
    ("* h3 * (1 - h3)", "* sg(h3) * (1 - sg(h3))", "derivative-at-wrong-place"),
    ("np.outer(d2, x)", "np.outer(d2, np.ones(2))", "bias-as-weight"),
]


@pytest.mark.parametrize(("old", "new", "kind"), LIKELY)
def test_the_likely_kind_is_named(
    old: str, new: str, kind: str, mlp: bp.Network, tmp_path: Path
) -> None:
    code = MLP.replace("{ANSWER}", "gw1").replace(old, new)
    code += "\ndef sg(u):\n    return 1/(1 + np.exp(-u))\n"
    report = judged(mlp, code, tmp_path, asked=("w1",))
    assert verdicts(report) == {"w1": "wrong"}
    assert kind in [found for found, _ in report.rows[0].diagnosis]
    assert report.as_json()["diagnosis"][0]["kind"] == report.rows[0].diagnosis[0][0]


def test_a_mistake_in_an_abstract_network_is_named(tmp_path: Path) -> None:
    code = """
    import numpy as np
    def backward(a_L_minus_1, y, z_L, a_L, g_L_prime):
        return np.outer((a_L - y)*g_L_prime(z_L), a_L_minus_1)
    """
    (row,) = judged(bp.parse(SYMBOLIC), code, tmp_path).rows
    assert row.diagnosis[0][0] == "constant-factor"


# -- code that cannot be used --------------------------------------------------------------

UNUSABLE = [
    # the file, what is said of it
    ("def backward(x, w9):\n    return x\n", "takes w9"),
    ("def backward(x, w9):\n    return x\n", "did you mean w"),
    ("def backward(x):\n    return x[7]\n", "hand.py:2: IndexError"),
    ("def backward(x):\n    raise SystemExit(3)\n", "SystemExit"),
    ("def backward(x):\n    return backward(x)\n", "RecursionError"),
    ("def backward(x):\n    return None\n", "returns nothing"),
    ("def backward(x):\n    return x, x\n", "returns 2 things where 4"),
    ("def backward(x):\n    return x\n", "returns one thing where 4"),
    ("def backward(x):\n    return {'w7': x}\n", "'w7'"),
    ("def backward(x):\n    return {'w1': x, 'dw1': x}\n", "twice"),
    ("def backward(x:\n    return x\n", "hand.py:1"),
    ("import no_such_package\n", "hand.py:1: ModuleNotFoundError"),
    ("import no_such_package\n", "pip install no_such_package"),
    ("1/0\n", "ZeroDivisionError"),
    ("x = 1\n", "no functions"),
    ("def f(x):\n    return x\ndef g(x):\n    return x\n", "more than one"),
    ("backward = 3\n", "no functions"),
]


@pytest.mark.parametrize(("code", "piece"), UNUSABLE)
def test_unusable_code_is_told_of(code: str, piece: str, mlp: bp.Network, tmp_path: Path) -> None:
    with pytest.raises(CodeError) as caught:
        judged(mlp, code, tmp_path)
    assert piece in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("path", ["missing.py", "."])
def test_a_file_must_be_there(path: str, mlp: bp.Network, tmp_path: Path) -> None:
    with pytest.raises(CodeError):
        check_code(mlp, tmp_path / path)


def test_the_name_may_be_given(mlp: bp.Network, tmp_path: Path) -> None:
    code = MLP.replace("{ANSWER}", ALL).replace("def backward", "def mine")
    assert judged(mlp, code, tmp_path).name == "mine"
    assert judged(mlp, code + "\ndef other(q):\n    pass\n", tmp_path).name == "mine"
    with pytest.raises(CodeError, match="has no theirs"):
        judged(mlp, code, tmp_path, name="theirs")


def test_a_constant_or_target_has_no_gradient_to_judge(mlp: bp.Network, tmp_path: Path) -> None:
    with pytest.raises(bp.BackproveError, match="no gradient"):
        judged(mlp, "def backward(x):\n    return x\n", tmp_path, asked=("y",))


def test_nothing_of_the_code_stays_behind(
    mlp: bp.Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "beside.py").write_text("FACTOR = 1\n")
    code = "from beside import FACTOR\nprint('loading')\n" + MLP.replace("{ANSWER}", ALL)
    before, paths = set(sys.modules), list(sys.path)
    assert judged(mlp, code, tmp_path).ok
    assert set(sys.modules) == before
    assert sys.path == paths
    (tmp_path / "beside.py").write_text("FACTOR = 2\n")
    doubled = code.replace("(h3 - y)", "FACTOR*(h3 - y)")
    assert not judged(mlp, doubled, tmp_path).ok, "the module beside it is read anew"
    said = capsys.readouterr()
    assert said.out == "", "what the code prints is no part of the answer"
    assert "loading" in said.err
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_same_seed_gives_the_same_report(mlp: bp.Network, tmp_path: Path) -> None:
    code = MLP.replace("{ANSWER}", "2*gw1")
    reports = [judged(mlp, code, tmp_path, asked=("w1",)).as_json() for _ in range(2)]
    assert reports[0] == reports[1]


# -- PyTorch -------------------------------------------------------------------------------

LAYER = """
import torch

class Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h2, w2, b2):
        a = torch.sigmoid(w2 @ h2 + b2)
        ctx.save_for_backward(h2, w2, a)
        return a

    @staticmethod
    def backward(ctx, grad_output):
        h2, w2, a = ctx.saved_tensors
        d = grad_output * a * (1 - a)
        return w2.T @ d, torch.outer(d, h2), d
"""
WHOLE = """
import torch

class Loss(torch.autograd.Function):
    @staticmethod
    def forward(h3, y, b1=None):
        return ((y - h3)**2).sum() / 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx, grad_output):
        h3, y = ctx.saved_tensors
        return (h3 - y) * grad_output, None, None
"""


def test_an_autograd_function_is_judged(mlp: bp.Network, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    report = judged(mlp, LAYER, tmp_path)
    assert report.ok, report.lines()
    assert verdicts(report) == dict.fromkeys(("h2", "w2", "b2"), "right")
    assert "the output of forward is h3" in report.reading
    assert verdicts(judged(mlp, WHOLE.replace(", b1=None", "").replace(", None, None", ", None"),
                           tmp_path)) == {"h3": "right"}  # fmt: skip


AUTOGRAD_WRONG = [
    # what is replaced, by what, the verdicts on h2, w2 and b2
    ("a * (1 - a)", "a", ("wrong", "wrong", "wrong")),
    ("w2.T @ d", "d @ w2 * 2", ("wrong", "right", "right")),
    ("torch.outer(d, h2), d", "torch.outer(d, h2), 2*d", ("right", "right", "wrong")),
    ("torch.outer(d, h2), d", "torch.outer(d, h2), None", ("right", "right", "missing")),
    ("torch.outer(d, h2), d", "None, d", ("right", "missing", "right")),
]


@pytest.mark.parametrize(("old", "new", "expected"), AUTOGRAD_WRONG)
def test_wrong_autograd_functions(
    old: str, new: str, expected: tuple[str, ...], mlp: bp.Network, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    report = judged(mlp, LAYER.replace(old, new), tmp_path)
    assert verdicts(report) == dict(zip(("h2", "w2", "b2"), expected, strict=True))
    assert all(row.diagnosis for row in report.rows if row.verdict == "wrong")


def test_a_forward_that_computes_something_else(mlp: bp.Network, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with pytest.raises(CodeError, match="no quantity of the network") as caught:
        judged(mlp, LAYER.replace("w2 @ h2 + b2", "w2 @ h2 - b2"), tmp_path)
    assert "h3 (off by" in str(caught.value)


def test_an_error_in_an_autograd_backward_has_its_line(mlp: bp.Network, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code = LAYER.replace("torch.outer(d, h2)", "torch.outer(d, w2)")
    line = code.splitlines().index("        return w2.T @ d, torch.outer(d, w2), d") + 1
    with pytest.raises(CodeError, match=rf"hand\.py:{line}: RuntimeError"):
        judged(mlp, code, tmp_path)


def test_only_what_passes_through_the_function_is_owed(tmp_path: Path) -> None:
    """h1 reaches the loss beside the layer too; the layer's backward owes its own part."""
    pytest.importorskip("torch")
    network = bp.parse("""
    input x
    target y
    weight w1, w2
    h1 = tanh(w1*x)
    h2 = tanh(w2*h1)
    o = h2 + h1
    loss J = (y - o)^2/2
    """)
    code = """
    import torch
    class Layer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, h1, w2):
            h = torch.tanh(w2*h1)
            ctx.save_for_backward(h1, w2, h)
            return h
        @staticmethod
        def backward(ctx, g):
            h1, w2, h = ctx.saved_tensors
            return g*(1 - h**2)*w2, g*(1 - h**2)*h1
    """
    assert judged(network, code, tmp_path).ok


def test_the_numbers_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    (at,) = numerics(bp.parse(CLASSES), 3, 1, ["w"])
    w = torch.from_numpy(np.array(at.value("w"))).requires_grad_(True)
    x, y = (torch.from_numpy(np.array(at.value(n))) for n in ("x", "y"))
    loss = -(y * torch.log_softmax(w @ x, 0)).sum()
    loss.backward()
    np.testing.assert_allclose(at.gradients["w"], w.grad.numpy(), rtol=1e-10)
