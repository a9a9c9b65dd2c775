"""Optimizers as equations: against PyTorch, by hand, and what is no optimizer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import cos, floor, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from backprove.cli import app
from backprove.errors import BackproveError, DataError, SourceError
from backprove.expr import Add, Apply, Expr, Mul, Number, Power, Ref
from backprove.language import load, parse, parse_update, read_update
from backprove.run.numpy_backend import prepare
from backprove.run.optimizers import GRADIENTS, OPTIMIZERS, SCHEDULES, Recipe, recipe
from backprove.run.step import NEXT, ScalarTable, check_scalars, lower_step, slot_name
from backprove.run.training import load_model, resume, train
from backprove.run.values import constant_values

NETWORK = load("mlp:3-4-2,tanh,squared_error")
SHAPES = {"w1": (4, 3), "w2": (2, 4), "b1": (4,), "b2": (2,)}
STEPS = 20
SAMPLES = 5


def start() -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {name: random.normal(size=shape) for name, shape in SHAPES.items()}


def batch(step: int) -> dict[str, Any]:
    random = np.random.default_rng([7, step])
    x = 3 * random.normal(size=(SAMPLES, 3))
    return {"x": x, "y": random.uniform(-1, 1, size=(SAMPLES, 2))}


def ours(made: Recipe, steps: int = STEPS) -> dict[str, Any]:
    """The parameters after some steps, in float64."""
    step = lower_step(NETWORK, made)
    program = prepare(step.program)
    scalars = ScalarTable(step, np.dtype(np.float64))
    held = start()
    held |= {slot_name(n, s): np.zeros(SHAPES[n]) for n in step.slots for s in step.slots[n]}
    for number in range(1, steps + 1):
        results = program({**held, **scalars.at(number), **batch(number)}, SAMPLES)
        held = {name: results[NEXT + name] for name in held}
    return {name: held[name] for name in SHAPES}


def rates(made: Recipe, steps: int = STEPS) -> list[float]:
    step = lower_step(NETWORK, made)
    return [float(r) for r in ScalarTable(step, np.dtype(np.float64)).rows(1, steps)["eta"]]


# -- against PyTorch -----------------------------------------------------------------------

Optimizer = Callable[[list[dict[str, Any]], float], Any]


def theirs(
    optimizer: Callable[[Any, list[dict[str, Any]]], Any],
    decay: float = 0.0,
    clip: Callable[[Any, list[Any]], None] | None = None,
    schedule: Callable[[Any, Any], Any] | None = None,
) -> dict[str, Any]:
    """The same steps by PyTorch's own optimizer; the decay is of the weights only."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    held = {name: torch.nn.Parameter(torch.tensor(a)) for name, a in start().items()}
    groups = [
        {"params": [held["w1"], held["w2"]], "weight_decay": decay},
        {"params": [held["b1"], held["b2"]], "weight_decay": 0.0},
    ]
    stepper = optimizer(torch, groups)
    scheduler = schedule(torch, stepper) if schedule else None
    for number in range(1, STEPS + 1):
        data = {name: torch.tensor(a) for name, a in batch(number).items()}
        hidden = torch.tanh(data["x"] @ held["w1"].T + held["b1"])
        output = torch.tanh(hidden @ held["w2"].T + held["b2"])
        stepper.zero_grad()
        ((data["y"] - output) ** 2).sum(dim=1).div(2).mean().backward()
        if clip is not None:
            clip(torch, list(held.values()))
        stepper.step()
        if scheduler is not None:
            scheduler.step()
    return {name: p.detach().numpy() for name, p in held.items()}


def check(made: Recipe, expected: Mapping[str, Any]) -> None:
    found = ours(made)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-14, err_msg=name)
        assert not np.allclose(found[name], start()[name], rtol=1e-3), "nothing was learned"


TORCH: Mapping[str, Callable[[Any, Any], Any]] = {
    "sgd": lambda torch, p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda torch, p: torch.optim.SGD(p, lr=0.03, momentum=0.9),
    "nesterov": lambda torch, p: torch.optim.SGD(p, lr=0.03, momentum=0.9, nesterov=True),
    "rmsprop": lambda torch, p: torch.optim.RMSprop(p, lr=0.003, alpha=0.99, eps=1e-8),
    "adam": lambda torch, p: torch.optim.Adam(p, lr=0.003),
    "adamw": lambda torch, p: torch.optim.AdamW(p, lr=0.003),
}


def test_every_optimizer_has_a_peer() -> None:
    assert set(TORCH) == set(OPTIMIZERS)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_and_weight_decay(name: str, decay: float) -> None:
    check(recipe(name, decay=decay), theirs(TORCH[name], decay))


CLIPPED: list[tuple[str, dict[str, Any], Callable[[Any, list[Any]], Any]]] = [
    ("sgd", {"clip_value": 0.05}, lambda t, p: t.nn.utils.clip_grad_value_(p, 0.05)),
    ("sgd", {"clip_norm": 0.2}, lambda t, p: t.nn.utils.clip_grad_norm_(p, 0.2)),
    ("sgd", {"clip_norm": 1e6}, lambda t, p: t.nn.utils.clip_grad_norm_(p, 1e6)),
    ("adam", {"clip_value": 0.1, "clip_norm": 0.3},
     lambda t, p: (t.nn.utils.clip_grad_value_(p, 0.1), t.nn.utils.clip_grad_norm_(p, 0.3))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "clip"), CLIPPED)
def test_clipping_comes_before_the_decay(name: str, options: dict[str, Any], clip: Any) -> None:
    check(recipe(name, decay=0.1, **options), theirs(TORCH[name], 0.1, clip))


SCHEDULED: Mapping[str, tuple[dict[str, Any], Callable[[Any, Any], Any]]] = {
    "step": (
        {"schedule": "step,k=5,gamma=0.5"},
        lambda torch, o: torch.optim.lr_scheduler.StepLR(o, step_size=4, gamma=0.5),
    ),
    "exponential": (
        {"schedule": "exponential"},
        lambda torch, o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.01 ** (1 / STEPS)),
    ),
    "cosine": (
        {"schedule": "cosine,part=0.1"},
        lambda torch, o: torch.optim.lr_scheduler.CosineAnnealingLR(
            o, T_max=STEPS, eta_min=0.1 * o.param_groups[0]["lr"]
        ),
    ),
    "one_cycle": (
        {"schedule": "one_cycle"},
        lambda torch, o: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=o.param_groups[0]["lr"], total_steps=STEPS, cycle_momentum=False
        ),
    ),
    "warmup": (
        {"schedule": "cosine", "warmup": 5},
        lambda torch, o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [
                torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 5, total_iters=4),
                torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS - 5),
            ],
            milestones=[5],
        ),
    ),
}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adamw"])
@pytest.mark.parametrize("name", SCHEDULED)
def test_schedules(name: str, optimizer: str) -> None:
    options, schedule = SCHEDULED[name]
    check(
        recipe(optimizer, steps=STEPS, decay=0.1, **options),
        theirs(TORCH[optimizer], 0.1, schedule=schedule),
    )


def test_every_schedule_has_a_peer() -> None:
    assert set(SCHEDULED) == set(SCHEDULES)


# -- by hand -------------------------------------------------------------------------------


def test_two_steps_of_adam_by_its_pseudo_code() -> None:
    """Kingma and Ba 2015, algorithm 1, line by line, for one weight with gradient w."""
    theta, m, v = 2.0, 0.0, 0.0
    network = parse("weight w\nloss E = w^2/2")
    step = lower_step(network, recipe("adam", eta=0.5))
    scalars = ScalarTable(step, np.dtype(np.float64))
    held = {"w": np.array(2.0), "w.m": np.array(0.0), "w.v": np.array(0.0)}
    for t in (1, 2):
        g = theta
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        m_hat = m / (1 - 0.9**t)
        v_hat = v / (1 - 0.999**t)
        theta = theta - 0.5 * m_hat / (sqrt(v_hat) + 1e-8)
        results = prepare(step.program)({**held, **scalars.at(t)})
        held = {name: results[NEXT + name] for name in held}
        assert [float(held[n]) for n in ("w", "w.m", "w.v")] == pytest.approx(
            [theta, m, v], rel=1e-15
        )


def test_rates_by_hand() -> None:
    assert rates(recipe("sgd", eta=8, schedule="step,gamma=0.5,k=4", steps=8), 8) == [
        8, 8, 4, 4, 2, 2, 1, 1,
    ]  # fmt: skip
    assert rates(recipe("sgd", eta=4, warmup=4), 6) == pytest.approx([1, 2, 3, 4, 4, 4], rel=1e-15)
    halves = [4 * (1 + cos(pi * e / 6)) for e in range(6)]
    found = rates(recipe("sgd", eta=8, schedule="cosine", steps=8, warmup=2), 8)
    assert found == pytest.approx([4, 8, *halves], rel=1e-14)


@pytest.mark.parametrize("k", [3, 7, 49, 93])
def test_the_rate_falls_at_whole_parts_of_the_run(k: int) -> None:
    """Where (1/k)*k is rounded below 1, it would fall one step late."""
    steps = 6 * k
    found = rates(recipe("sgd", eta=1, schedule=f"step,gamma=0.5,k={k}", steps=steps), steps)
    assert found == [0.5 ** (e // 6) for e in range(steps)]


# -- the program says what the file says ---------------------------------------------------


def value_of(e: Expr, names: Mapping[str, float]) -> float:
    """An expression in plain Python: a second way from the file to the number."""
    match e:
        case Number():
            return float(e.value)
        case Ref():
            return names[e.name]
        case Add():
            return sum(value_of(t, names) for t in e.terms)
        case Mul():
            whole = 1.0
            for factor in e.factors:
                whole *= value_of(factor, names)
            return whole
        case Power():
            return float(value_of(e.base, names) ** value_of(e.exponent, names))
        case Apply():
            functions: Mapping[str, Callable[[float], float]] = {
                "sqrt": sqrt, "abs": abs, "relu": lambda u: max(u, 0.0), "floor": floor,
                "sign": lambda u: (u > 0) - (u < 0),
            }  # fmt: skip
            return functions[e.function](value_of(e.argument, names))
    raise AssertionError(f"not in an optimizer: {e}")


SIGN = """# Sign descent with a running mean, a rate that falls, and parts used twice
rate      eta = 0.1
constant  mu = 0.8
gradient  g{k}
parameter p{k}
state     m{k}
function  half(u) = u/2

slower = eta/sqrt(k)
c      = 1 - mu^k
m{k}   = mu*m{k-1} + half(2*(1 - mu)*g{k})
size_k = abs(m{k})/(2*c*(1 + m{k}^2))
p{k}   = p{k-1} - slower*sign(m{k})*size_k - slower*(c*p{k-1} - 3*size_k)/4 + c - 1
"""

small = st.floats(-3, 3).filter(lambda u: abs(u) > 1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([*OPTIMIZERS, "own"]), small, small,
    st.floats(0.01, 3), st.integers(1, 50), st.floats(0.1, 0.95), st.floats(1e-4, 1),
)  # fmt: skip
def test_a_step_is_what_the_file_says(
    name: str, w: float, slope: float, slot: float, step: int, constant: float, eta: float
) -> None:
    network = parse("weight w\nconstant c\nloss E = c*w")
    made = recipe("sgd", eta=eta)
    if name == "own":
        part = made.optimizer
        made = Recipe(type(part)("own", parse_update(SIGN), {"mu": Fraction(repr(constant))}),
                      Fraction(repr(eta)))  # fmt: skip
    else:
        made = recipe(name, eta=eta)
    update = made.optimizer.update
    names = {constant: float(n) for constant, n in made.optimizer.numbers.items()}
    names |= {update.step: step, update.rate: eta, update.now(update.gradient): slope}
    names |= {update.before(state): slot for state in update.states}
    names[update.before(update.parameter)] = w
    for equation in update.network.equations.values():
        right = equation.right
        if "half" in repr(right):  # the one function that the file defines
            names[equation.name] = constant * slot + (1 - constant) * slope
        else:
            names[equation.name] = value_of(right, names)
    lowered = lower_step(network, made)
    given_ = {"w": np.array(w), "c": np.array(slope)}
    given_ |= {slot_name("w", state): np.array(slot) for state in update.states}
    given_ |= ScalarTable(lowered, np.dtype(np.float64)).at(step)
    results = prepare(lowered.program)(given_)
    assert float(results[NEXT + "w"]) == pytest.approx(
        names[update.now(update.parameter)], rel=1e-11, abs=1e-11
    )
    for state in update.states:
        found = float(results[NEXT + slot_name("w", state)])
        assert found == pytest.approx(names[update.now(state)], rel=1e-12)


def test_a_gradient_that_is_put_into_its_users_is_still_a_mean() -> None:
    """The adjoint of p overflows where its users do not, so that they are lowered with it."""
    text = """input x[2]
target y[2]
weight w[2,2]
z[i] = sum(j: w[i,j]*x[j])
p[i] = exp(z[i])/sum(k: exp(z[k]))
loss E = -sum(i: y[i]*log(p[i]))
"""
    network = parse(text)
    random = np.random.default_rng(0)
    x, w = random.normal(size=(6, 2)), random.normal(size=(2, 2))
    y = np.eye(2)[[0, 1, 1, 0, 1, 0]]
    step = lower_step(network, recipe("rmsprop,rho=0", eta=1))
    given_ = {"x": x, "y": y, "w": w, "w.v": np.zeros((2, 2)), **constant_values(network, x.dtype)}
    found = prepare(step.program)({**given_, **ScalarTable(step, x.dtype).at(1)}, 6)
    e = np.exp(x @ w.T)
    gradient = (e / e.sum(axis=1, keepdims=True) - y).T @ x / 6
    np.testing.assert_allclose(found[NEXT + "w.v"], gradient**2, rtol=1e-12)
    np.testing.assert_allclose(found[NEXT + "w"], w - gradient / (abs(gradient) + 1e-8), rtol=1e-12)


def test_names_of_the_network_are_not_those_of_the_optimizer() -> None:
    """A network may have an eta, a t, a beta_1 and an m of its own."""
    plain = parse("weight w\nconstant c = 2\nloss E = c*(w - 1)^2")
    other = parse("weight t\nconstant eta = 2, beta_1 = 1, m = 0\nloss J = eta*(t - beta_1)^2 + m")
    found = []
    for network, name in ((plain, "w"), (other, "t")):
        step = lower_step(network, recipe("adam"))
        held = {name: np.array(3.0), f"{name}.m": np.array(0.5), f"{name}.v": np.array(0.25)}
        given_ = {**held, **constant_values(network, np.dtype(float))}
        scalars = ScalarTable(step, np.dtype(np.float64)).at(3)
        found.append(float(prepare(step.program)({**given_, **scalars})[NEXT + name]))
    assert found[0] == pytest.approx(found[1], rel=1e-15)


# -- files of one's own --------------------------------------------------------------------

DATA = {"x": np.linspace(-1, 1, 40), "y": 2 * np.linspace(-1, 1, 40)}
LINE = parse("input x\ntarget y\nweight w\nbias b\no = w*x + b\nloss E = (y - o)^2/2\n")
MINE = """# Heavy ball
rate      eta = 0.05
constant  mu = 0.5
gradient  g{t}
parameter w{t}
state     u{t}

u{t} = mu*u{t-1} - eta*g{t}
w{t} = w{t-1} + u{t}
"""


def test_adding_an_optimizer_is_adding_a_file(tmp_path: Path) -> None:
    path, model = tmp_path / "mine.bp", tmp_path / "model.npz"
    path.write_text(MINE)
    options: dict[str, Any] = {"scaling": "none", "dtype": "float64", "validation": 0}
    whole = train(LINE, DATA, epochs=4, optimizer=str(path), **options)
    peer = train(LINE, DATA, epochs=4, optimizer="momentum,mu=0.5", eta=0.05, **options)
    for name, array in whole.parameters.items():
        np.testing.assert_allclose(array, peer.parameters[name], rtol=1e-12)
    assert "Heavy ball (eta = 0.05, mu = 0.5)" in whole.notes
    # the file's text is saved: a run goes on without it
    train(LINE, DATA, epochs=2, optimizer=str(path), checkpoint=model, **options)
    path.unlink()
    again = resume(model, DATA, epochs=4)
    assert {n: a.tobytes() for n, a in again.parameters.items()} == {
        n: a.tobytes() for n, a in whole.parameters.items()
    }
    assert load_model(model).recipe.optimizer.text == MINE


def test_a_schedule_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "root.bp"
    path.write_text("# Falls with the root\nrate r\nconstant a = 4\nr{k} = r*a/sqrt(k)\n")
    assert rates(recipe("sgd", eta=1, schedule=str(path)), 4) == pytest.approx(
        [4, 4 / sqrt(2), 4 / sqrt(3), 2]
    )
    found = rates(recipe("sgd", eta=1, schedule=f"{path},a=1", warmup=2), 4)
    assert found == pytest.approx([0.5, 1, 1, 1 / sqrt(2)])


def test_the_examples_of_the_manual_are_read(root: Path) -> None:
    text = (root / "docs" / "language.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```update\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [parse_update(block).gives for block in blocks] == ["parameter", "rate"]


@pytest.mark.parametrize(
    "path",
    [*OPTIMIZERS.values(), *GRADIENTS.values(), *SCHEDULES.values()],
    ids=lambda path: path.stem,
)
def test_every_file_names_itself_and_its_source(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert ": " in lines[0]
    assert lines[1].startswith("# ")


# -- shown ---------------------------------------------------------------------------------


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["show", *arguments], prog_name="backprove")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_show_prints_what_the_file_says() -> None:
    text = shown("optimizer:adam,beta_1=0.8")
    for line in (
        "Kingma and Ba 2015, algorithm 1",
        "learning rate: eta = 0.003",
        "constants: beta_1 = 0.8, beta_2 = 0.999, epsilon = 1e-8",
        "kept from step to step, 0 at first: m{t-1}, v{t-1}",
        "m{t} = beta_1·m{t-1} + (1 - beta_1) · g{t}",
        "w{t} = w{t-1} - eta·m_hat/(√(v_hat) + epsilon)",
    ):
        assert f"  {line}\n" in f"{text}\n"
    latex = shown("optimizer:momentum", "--format", "latex")
    assert r"w^{(t)} &= w^{(t-1)} - \eta \cdot u^{(t)}" in latex
    assert "# Cosine annealing" in shown("schedule:cosine", "--format", "markdown")
    data = json.loads(shown("gradient:norm", "--format", "json"))
    assert data["sections"][2]["equations"][1]["plain"] == "norm = sqrt(squares)"


@pytest.mark.parametrize(
    "name",
    [
        *(f"optimizer:{name}" for name in OPTIMIZERS),
        *(f"gradient:{name}" for name in GRADIENTS),
        *(f"schedule:{name}" for name in SCHEDULES),
    ],
)
def test_every_file_is_shown_with_its_equations(name: str) -> None:
    word, _, stem = name.partition(":")
    files = {"optimizer": OPTIMIZERS, "gradient": GRADIENTS, "schedule": SCHEDULES}
    network = read_update(files[word][stem]).network
    data = json.loads(shown(name, "--format", "json"))
    plain = [e["plain"] for s in data["sections"] for e in s["equations"]]
    for equation in network.equations.values():
        if not network[equation.name].hidden:
            assert any(line.startswith(f"{equation.left} = ") for line in plain)


# -- what is none --------------------------------------------------------------------------

HEAD = "rate eta = 0.1\nconstant mu = 0.9\ngradient g{t}\nparameter w{t}\nstate u{t}\n"
BODY = "u{t} = mu*u{t-1} + g{t}\nw{t} = w{t-1} - eta*u{t}\n"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "1:1", "no label says what belongs to which step"),
        ("w{t} = 3", "1:1", "nothing says what this file is for"),
        (HEAD, "5:7", "no equation gives u{t}"),
        (HEAD + "u{t} = g{t}\n", "4:11", "no equation gives w{t}"),
        (HEAD + BODY + "w{t} = 2\n", "8:1", "w{t} is already given by the equation on line 7"),
        (HEAD + BODY.replace("u{t-1}", "u{t-2}"), "6:11", "did you mean u{t-1}?"),
        (HEAD + BODY.replace("g{t}", "g{t-1}"), "6:20", "did you mean g{t}?"),
        (HEAD + BODY.replace("mu*", "nu*"), "6:8", "there is no quantity named nu"),
        (HEAD + BODY.replace("eta*", "eta "), "7:21", "an operator is missing before `u`"),
        (HEAD + BODY.replace("mu*u", "mu**u"), "6:10", "a power is written ^"),
        (HEAD + BODY.replace("mu*u{t-1}", "mu*u{t}"), "6:11", "u{t} depends on itself"),
        (HEAD + BODY.replace("w{t} =", "w{t+1} ="), "7:1", "w{t+1} is not at this step"),
        (HEAD + BODY + "loss J = 2\n", "8:1", "a line cannot begin with `loss J`"),
        ("weight w\n" + HEAD + BODY, "1:1", "a line cannot begin with `weight w`"),
        ("stat s{t}\n" + HEAD + BODY, "1:1", "did you mean state?"),
        (HEAD.replace("state u{t}", "state u") + BODY, "5:7", "write u{t}"),
        (HEAD.replace("u{t}", "u{t-1}") + BODY, "5:7", "u{t-1} is not at this step"),
        (HEAD.replace("u{t}", "u{t} = 1") + BODY, "5:14", "a state is 0 before the first step"),
        (HEAD.replace("u{t}", "u{t}[3]") + BODY, "5:7", "a state has no axes here"),
        (HEAD.replace("w{t}", "w{k}") + BODY, "4:11", "w{k} is not at this step"),
        (HEAD.replace("rate eta", "rate eta{t}") + BODY, "1:6", "declared without a label"),
        (HEAD.replace("rate eta = 0.1\n", "") + BODY.replace("eta*", ""), "3:11",
         "no rate is declared"),
        (HEAD.replace("= 0.1", "= 0.1, b") + BODY, "1:17", "there is already a rate"),
        (HEAD.replace("constant mu", "constant t") + BODY, "2:10", "the number of the step"),
        (HEAD.replace("0.9", "[1, 2]") + BODY, "2:15", "mu is a scalar"),
        (HEAD + BODY + "function f\n", "8:10", "f is only a name"),
        (HEAD + BODY.replace("u{t}\n", "sum(i: u{t}[i])\n"), "7:28", "it has no index"),
        ("size n\n" + HEAD.replace("g{t}", "g{t}[n]") + BODY.replace("g{t}", "sum(i: g{t}[i])"),
         "4:10", "the gradient has an axis only in a file for gradients alone"),
        ("size n\ngradient g{t}[n]\nh{t}[i] = g{t}[2]\n", "3:16", "no component is singled out"),
        ("gradient g{t}[3]\nh{t}[i] = g{t}[i]\n", "1:15", "write `size n`"),
        ("gradient g{t}\nh{t} = g{t}\nk{t} = 2*g{t}\n", "3:1", "nothing uses h{t}, nor k{t}"),
        ("rate eta\nzeta{t} = eta*t\n", "1:6", "no equation gives eta{t}"),
        ("rate eta\neta{t} = eta*floo(t)\n", "2:14", "did you mean floor?"),
        ("target y{t} with y = 1\n", "1:1", "cannot begin with"),
    ],
)  # fmt: skip
def test_mistakes_show_their_place(text: str, place: str, said: str) -> None:
    with pytest.raises(SourceError) as error:
        parse_update(text, "mine.bp")
    message = str(error.value)
    assert message.startswith(f"mine.bp:{place}: ")
    assert said in message
    assert "^" in message or not text


FILES = [*OPTIMIZERS.values(), *GRADIENTS.values(), *SCHEDULES.values()]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(FILES), st.integers(0, 600), st.integers(0, 20),
    st.text("etawg{t}{-1}[i]()+-*/^:,=# \n01", max_size=10),
)  # fmt: skip
def test_a_damaged_file_is_read_or_refused(path: Path, at: int, gone: int, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    damaged = text[:at] + new + text[at + gone :]
    try:
        update = parse_update(damaged)
    except SourceError as error:
        message = str(error)
        assert message.startswith("<text>:")
        return
    assert update.network.loss in update.network.equations


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "addam"}, "there is no optimizer 'addam'"),
        ({"optimizer": "cosine"}, "there is no optimizer 'cosine'"),
        ({"optimizer": "./nothing.bp"}, "cannot be read"),
        ({"optimizer": str(SCHEDULES["cosine"])}, "is no optimizer: it gives a rate"),
        ({"optimizer": "adam,beta=0.9"}, "its constants are beta_1, beta_2, epsilon"),
        ({"optimizer": "sgd,mu=0.9"}, "it has none"),
        ({"optimizer": "adam,beta_1"}, "write NAME=NUMBER"),
        ({"optimizer": "adam,beta_1=much"}, "which is no number"),
        ({"optimizer": "adam,beta_1=1/0"}, "which is no number"),
        ({"schedule": "linear"}, "there is no schedule 'linear'"),
        ({"decay": -1.0}, "a weight decay of -1"),
        ({"decay": float("nan")}, "a weight decay of nan"),
        ({"clip_norm": 0.0}, "a clip_norm of 0"),
        ({"clip_value": float("inf")}, "a clip_value of inf"),
        ({"warmup": -3}, "a warm-up of -3"),
        ({"schedule": "cosine"}, "asks for the number of all steps"),
        ({"optimizer": "adam,beta_2=1"}, "1/(1 - beta_2^t) is inf at step 1"),
    ],
)
def test_recipes_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BackproveError) as error:
        check_scalars(lower_step(NETWORK, recipe(**options)), 10)
    assert said in str(error.value)


def test_floor_is_of_the_step_only() -> None:
    text = HEAD + BODY.replace("+ g{t}", "+ floor(g{t})")
    part = recipe("sgd").optimizer
    made = Recipe(type(part)("mine", parse_update(text), {"mu": Fraction(1, 2)}), Fraction(1))
    with pytest.raises(DataError, match="floor is a function of the step only"):
        lower_step(NETWORK, made)


def test_a_recipe_survives_being_saved() -> None:
    made = recipe("adamw,beta_1=0.8", decay=0.3, clip_norm=1, clip_value=2, schedule="cosine",
                  warmup=3, steps=9)  # fmt: skip
    again = Recipe.from_json(made.as_json())
    assert again.as_json() == made.as_json()
    for name, array in ours(made, 3).items():
        assert array.tobytes() == ours(again, 3)[name].tobytes()
