"""Standalone code: run in each language, against the NumPy backend and PyTorch's autograd.

The reference for values is the lowered program of the network (itself compared with plain
readings and PyTorch elsewhere); that for gradients is autograd through the printed forward pass.
"""

from __future__ import annotations

import ast
import ctypes
import keyword
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from backprove.adjoints import backprop
from backprove.cli import app
from backprove.errors import BackproveError, DataError
from backprove.expr import Expr, Ref, substituted
from backprove.functions import FUNCTIONS
from backprove.language import load, parse
from backprove.network import ADJOINT, ARGUMENT, Equation, Network
from backprove.run.elementwise import ELEMENTWISE
from backprove.run.escaping import comment, identifier, python_string
from backprove.run.lower import MEAN_LOSS, lower
from backprove.run.numpy_backend import prepare
from backprove.run.targets import TARGETS, standalone
from backprove.run.targets.c_helpers import CALLS, HELPERS
from backprove.run.targets.expressions import OPERATORS
from backprove.run.targets.jax_source import JAX
from backprove.run.targets.numpy_source import NUMPY
from backprove.run.targets.torch_source import MODULE_WORDS, TORCH
from backprove.run.values import from_file, given_values, shape_of

Arrays = dict[str, np.ndarray[Any, Any]]
SAMPLES = 4
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler cc")

SPECS = [
    "mlp:3-2,tanh,squared_error",
    "mlp:3-4-2,sigmoid,cross_entropy",
    "mlp:3-4-4-2,relu,cross_entropy",
    "mlp:2-3-3-3-1,tanh,sse",
    "mlp:3-4-2,gelu,binary_cross_entropy",
    "neuron:3,sigmoid,binary_cross_entropy",
]
EXAMPLES = ["residual", "shared_weights", "diamond", "softmax_classifier", "two_neurons"]

TEXTS = {
    "Greek letters, primes, labels, words of other languages": """
        input α[2], lambda
        target y0
        weight w{1}[2,2], double, np, forward, m, n, total, é
        function swish(u) = u*sigmoid(u)
        z{1}[i] = sum(j: w{1}[i,j]*α[j]) + double*lambda
        σ2 = sum(i: swish(z{1}[i])) + np*forward*m + n*total*é
        loss J = (y0 - σ2)^2/2""",
    "names of what the code itself uses": """
        input values[2], x
        target parameters
        weight p[2], g, s, sample, total, loss_and_values, self, grad, ctx
        mean_loss = sum(i: p[i]*values[i]) + g*x + s*sample
        gradients = total*mean_loss + loss_and_values*self + grad*ctx
        loss err = (parameters - gradients)^2""",
    "maximum and its place": """
        input x[4]
        target y
        weight w[3,4], v[3]
        z[i] = sum(j: w[i,j]*x[j])
        m = max(k: z[k]) + sum(i: max(j: w[i,j]*x[j]))
        loss J = (m - y)^2 + sum(i: v[i]*z[i])""",
    "deltas, diagonals and literal indices": """
        input x[3]
        weight w[3,3]
        constant c[3] = [1, 2, 0.5]
        u[i] = sum(j: (w[i,j] + delta(i,j))*x[j]) + delta(i,2)*c[i]
        loss J = sum(i: u[i]^2) + w[1,2]*x[3] + sum(i: w[i,i])""",
    "matrices of inputs": """
        input q[2], k[3,2], v[3,2]
        target y[2]
        weight w[2,2], c[2,3,2]
        r[i] = sum(j: w[i,j]*q[j])
        s[t] = sum(i: r[i]*k[t,i])
        a[t] = exp(s[t])/sum(u: exp(s[u]))
        o[i] = sum(t: a[t]*v[t,i]) + sum(t,j: c[i,t,j]*k[t,j])
        loss J = sum(i: (o[i] - y[i])^2)/2""",
    "parameters that meet no sample, and some that meet nothing": """
        input x[3]
        target y
        weight w[3], c, dead[2]
        bias b
        v[i] = tanh(w[i])*c
        h = sum(i: v[i]*x[i]) + b
        e = dead[1]*x[2]
        loss J = (h - y)^2 + sum(i: v[i]^2)/10 + sum(i: w[i]^2)""",
    "an unused input, and scalars alone": """
        input x, unused
        target y
        weight a, b
        loss J = (a*x + b - y)^2/2""",
    "a quotient of exponentials by hand": """
        input x[2]
        target y
        weight w[2], v[2]
        z = sum(j: w[j]*x[j])
        t = sum(j: v[j]*x[j])
        p = exp(z)/(exp(z) + exp(t) + 1)
        loss J = -(y*log(p) + (1 - y)*log(1 - p))""",
    "normalised, with roots and powers": """
        input x[4]
        weight g[4], w[4,4]
        z[i] = sum(j: w[i,j]*x[j])
        m = sum(i: z[i])/4
        v = sum(i: (z[i] - m)^2)/4
        n[i] = g[i]*(z[i] - m)/sqrt(v + 1/10)
        loss J = sum(i: n[i]^3*x[i]) + sum(i: 2^x[i]*g[i])""",
    "outer products and transposes": """
        input a[3], b[3]
        weight w[3,3]
        o[i,j] = a[i]*b[j]*w[i,j] + w[j,i]
        t[i,j] = o[j,i]
        loss J = sum(i,j: tanh(t[i,j])^2)""",
}  # fmt: skip


def network_named(name: str) -> Network:
    if name in TEXTS:
        return parse(TEXTS[name].replace("\n        ", "\n"))
    if name in EXAMPLES:
        return load(str(Path(__file__).parent.parent / "examples" / f"{name}.bp"))
    return load(name)


NAMES = [*SPECS, *EXAMPLES, *TEXTS]


class Case:
    """A network, values for all that is given, and what it comes to."""

    def __init__(self, network: Network, seed: int = 0, scale: float = 1.0) -> None:
        self.network = network
        self.inputs = [q.name for q in network.of_kind("input")]
        self.targets = [q.name for q in network.of_kind("target")]
        self.trained = [q.name for q in network.trained]
        self.data = [*self.inputs, *self.targets]
        random = np.random.default_rng(seed)
        self.given: Arrays = {}
        for name in self.inputs:
            self.given[name] = scale * random.normal(size=(SAMPLES, *shape_of(network, name)))
        for name in self.targets:
            y = random.uniform(0.1, 0.9, (SAMPLES, *shape_of(network, name)))
            self.given[name] = y / y.sum(-1, keepdims=True) if y.ndim > 1 else y
        for name in self.trained:
            self.given[name] = scale * random.normal(size=shape_of(network, name))
        self.parameters = {name: self.given[name] for name in self.trained}

    def reference(self) -> Arrays:
        constants = {
            q.name: from_file(q.value, shape_of(self.network, q.name), np.dtype(float))
            for q in self.network.of_kind("constant")
            if q.value is not None
        }
        program = lower(self.network, backprop(self.network).adjoints)
        found = prepare(program)({**self.given, **constants}, SAMPLES)
        for name in self.data:  # of the mean, not of the sample's own loss
            found[ADJOINT + name] = found[ADJOINT + name] / SAMPLES
        return found


def close(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    assert np.shape(found) == np.shape(wanted), what
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def executed(source: str) -> dict[str, Any]:
    """The names that Python source defines."""
    names: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), names)
    return names


# -- NumPy ---------------------------------------------------------------------------------


def check_numpy(case: Case, tolerance: float = 1e-11) -> None:
    wanted = case.reference()
    code = executed(standalone(case.network, "numpy", inputs=True))
    data = [case.given[name] for name in case.data]
    mean, gradients = code["gradients"](*data, case.parameters)
    close(mean, wanted[MEAN_LOSS], tolerance, "loss")
    assert [*gradients] == [
        n for n in case.network.quantities if n in (*case.inputs, *case.trained)
    ]
    for name, found in gradients.items():
        close(found, wanted[ADJOINT + name], tolerance, name)
    values = code["forward"](*data[: len(case.inputs)], case.parameters)
    shown = values.keys() & wanted.keys()
    for name in shown:
        close(values[name], wanted[name], tolerance, name)
    compared = frozenset[str]().union(*(case.network.influenced_by(t) for t in case.targets))
    seen = {n for n in case.network.equations if not case.network[n].hidden}
    assert shown == seen - compared - {case.network.loss}


@pytest.mark.parametrize("name", NAMES)
def test_numpy(name: str) -> None:
    check_numpy(Case(network_named(name)))


def test_numpy_keeps_the_precision_of_its_arguments() -> None:
    for name in NAMES:
        case = Case(network_named(name))
        code = executed(standalone(case.network, "numpy"))
        data = [case.given[n].astype(np.float32) for n in case.data]
        mean, gradients = code["gradients"](
            *data, {n: v.astype(np.float32) for n, v in case.parameters.items()}
        )
        assert {np.asarray(v).dtype for v in (mean, *gradients.values())} == {np.dtype("f4")}, name


def test_the_initial_values_are_the_files() -> None:
    network = parse(
        "input x[2]\nweight w[2] = [0.5, -2], v[3,2], s[2] = [0.25, 0.25]\nbias b = 1, c[2]\n"
        "loss J = sum(i: w[i]*x[i]*s[i]) + b + sum(i,j: v[i,j]*x[j]) + sum(i: c[i])\n"
    )
    wanted, _ = given_values(network.changed(quantities=(
        replace(q, value=Fraction(0)) if q.kind == "input" else q
        for q in network.quantities.values()
    )), 0, np.dtype(float))  # fmt: skip
    first, again, other = (
        executed(standalone(network, "numpy"))["initial_parameters"](seed) for seed in (0, 0, 1)
    )
    assert {n: v.shape for n, v in first.items()} == {
        q.name: shape_of(network, q.name) for q in network.trained
    }
    for name in ("w", "s", "b", "c"):
        close(first[name], wanted[name], 0, name)
    assert (first["v"] == again["v"]).all()
    assert (first["v"] != other["v"]).all()
    assert np.abs(first["v"]).max() <= np.sqrt(6 / 5)


# -- every function, far arguments too -----------------------------------------------------

FAR = [-800.0, -40.0, -9.5, -3.0, -0.25, -1e-9, 0.0, 1e-9, 0.5, 2.5, 9.5, 40.0, 800.0]


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"erf'"}))
def test_each_function_on_the_whole_line(name: str, tmp_path: Path) -> None:
    at = [
        u
        for u in FAR
        if not (name in ("log", "sqrt") and u <= 0) and not (name == "exp" and u > 700)
    ]
    network = parse(f"input x\nweight w\nh = {name}(x)\nloss J = h*w\n")
    case = Case(network)
    case.given = {"x": np.array(at), "w": np.array(1.0)}
    case.parameters = {"w": case.given["w"]}
    program = lower(network, backprop(network).adjoints)
    wanted = prepare(program)(case.given, len(at))
    for to in ("numpy", "torch", "c"):
        if to == "c" and COMPILER is None:
            continue
        found = {"numpy": numpy_slopes, "torch": torch_slopes, "c": c_slopes}[to](case, tmp_path)
        np.testing.assert_allclose(
            found * len(at), wanted["∂x"], rtol=2e-13, atol=5e-16, err_msg=to
        )


def numpy_slopes(case: Case, folder: Path) -> Any:
    with np.errstate(all="ignore"):
        code = executed(standalone(case.network, "numpy", inputs=True))
        return code["gradients"](case.given["x"], case.parameters)[1]["x"]


def torch_slopes(case: Case, folder: Path) -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    x = torch.tensor(case.given["x"], requires_grad=True)
    executed(standalone(case.network, "torch"))["Loss"].apply(x, torch.tensor(1.0)).backward()
    return x.grad.numpy()


def c_slopes(case: Case, folder: Path) -> Any:
    return CLibrary(case.network, folder).gradients(case, len(case.given["x"]))[1]["x"]


def test_every_target_knows_every_function() -> None:
    elementwise = set(ELEMENTWISE) - set(OPERATORS)
    for dialect in (NUMPY, TORCH, JAX):
        assert set(dialect.functions) == elementwise
        for text in dialect.functions.values():
            called = text.partition("(")[0]
            assert "." in called or called in dialect.helpers
    operators = {"add", "subtract", "multiply", "divide", "negative", "reciprocal"}
    assert set(CALLS) == set(ELEMENTWISE) - operators
    assert all(f"static inline double {name}(" in text for name, text in HELPERS.items())


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_far_logits(loss: str, tmp_path: Path) -> None:
    """Where every probability under- or overflows, losses and gradients are still right."""
    case = Case(network_named(f"mlp:3-3,linear,{loss}"), scale=40.0)
    wanted = case.reference()
    assert np.isfinite(wanted[MEAN_LOSS])
    assert wanted[MEAN_LOSS] > 50
    check_numpy(case)
    if COMPILER is not None:
        check_c(case, tmp_path)


# -- PyTorch -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_torch(name: str) -> None:
    """Against the NumPy backend, numerical differences, and autograd through our forward pass."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    case = Case(network_named(name))
    wanted = case.reference()
    source = standalone(case.network, "torch", precision="float64")
    code = executed(source)
    names = [*case.data, *case.trained]
    tensors = [torch.tensor(case.given[n], requires_grad=True) for n in names]
    mean = code["Loss"].apply(*tensors)
    close(mean.item(), wanted[MEAN_LOSS], 1e-11, "loss")
    ours = torch.autograd.grad(3 * mean, tensors)
    plain, _ = code["loss_and_values"](
        *tensors[: len(case.data)], dict(zip(case.trained, tensors[len(case.data) :], strict=True))
    )
    theirs = torch.autograd.grad(3 * plain, tensors, allow_unused=True)
    for n, mine, their in zip(names, ours, theirs, strict=True):
        close(mine.numpy(), 3 * wanted[ADJOINT + n], 1e-10, n)
        expected = np.zeros(mine.shape) if their is None else their.numpy()
        close(mine.numpy(), expected, 1e-9, f"{n} by autograd")
    assert torch.autograd.gradcheck(code["Loss"].apply, tensors)


@pytest.mark.parametrize("name", ["mlp:3-4-2,sigmoid,cross_entropy", "residual", next(iter(TEXTS))])
def test_the_module_trains(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    torch.manual_seed(0)
    case = Case(network_named(name))
    model = executed(standalone(case.network, "torch"))["Model"]()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    data = [torch.tensor(case.given[n], dtype=torch.float32) for n in case.data]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = model(*data)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    values = model.predict(*data[: len(case.inputs)])
    assert values.keys() >= {n for n in case.network.equations if n[0] in "hz"} - {"h.argument"}


def test_nothing_of_a_module_is_hidden() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_WORDS | {"parameters"}
    names = sorted(public - set(keyword.kwlist))
    declared = ", ".join(names)
    network = parse(f"input x\nweight {declared}\nloss J = x*({' + '.join(names)})\n")
    model = executed(standalone(network, "torch"))["Model"]()
    assert len(list(model.parameters())) == len(names)
    assert model(torch.tensor([2.0])).shape == ()


# -- JAX -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_jax(name: str) -> None:
    source = standalone(network_named(name), "jax", precision="float64")
    check_python(source)
    jax = pytest.importorskip("jax", reason="JAX is not installed (pip install jax)")
    jax.config.update("jax_enable_x64", True)
    case = Case(network_named(name))
    wanted, code = case.reference(), executed(source)
    parameters = {n: jax.numpy.asarray(v) for n, v in case.parameters.items()}
    data = [jax.numpy.asarray(case.given[n]) for n in case.data]
    places = tuple(range(1 + len(data)))
    mean, slopes = jax.jit(jax.value_and_grad(code["loss"], argnums=places))(parameters, *data)
    close(mean, wanted[MEAN_LOSS], 1e-10, "loss")
    for n, found in (*slopes[0].items(), *zip(case.data, slopes[1:], strict=True)):
        close(found, wanted[ADJOINT + n], 1e-10, n)
    initial = code["initial_parameters"]()
    assert {n: v.shape for n, v in initial.items()} == code["SHAPES"]


# -- C -------------------------------------------------------------------------------------

FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-std=c11"]


class CLibrary:
    """Generated C, compiled and loaded. Parameters lie in their struct in the file's order."""

    def __init__(self, network: Network, folder: Path, precision: str = "float64") -> None:
        assert COMPILER is not None
        self.network, self.dtype = network, np.dtype(precision)
        text = standalone(network, "c", precision=precision, inputs=True, name="net")
        size = "unsigned long net_size(void);\nunsigned long net_size(void)"
        text += f"{size} {{ return sizeof(net_workspace); }}\n"
        source, library = folder / f"{precision}.c", folder / f"{precision}.so"
        source.write_text(text, encoding="utf-8")
        command = [COMPILER, *FLAGS, "-O1", "-shared", "-fPIC", source, "-o", library, "-lm"]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        self.library = ctypes.CDLL(str(library))
        self.library.net_size.restype = ctypes.c_ulong
        self.workspace = np.zeros(self.library.net_size() + 64, np.uint8)
        self.number = ctypes.c_double if precision == "float64" else ctypes.c_float

    def pointer(self, array: Any) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    def gradients(self, case: Case, samples: int = SAMPLES) -> tuple[float, Arrays]:
        data = [np.ascontiguousarray(case.given[n], self.dtype) for n in case.data]
        rows = [case.given[n].ravel() for n in case.trained]
        parameters = np.concatenate([*rows, np.zeros(1)]).astype(self.dtype)
        sums = np.full_like(parameters, np.nan)
        slopes = [np.empty_like(array) for array in data[: len(case.inputs)]]
        count = [ctypes.c_long(samples)] if data else []
        both = [*map(self.pointer, (parameters, sums, *slopes, self.workspace))]
        function = self.library.net_gradients
        function.restype = self.library.net_loss.restype = self.number
        mean = function(*count, *map(self.pointer, data), *both)
        ends = self.library.net_loss(
            *count, *map(self.pointer, data), both[0], self.pointer(self.workspace)
        )
        assert ends == mean
        found: Arrays = dict(zip(case.inputs, slopes, strict=True))
        at = 0
        for name in case.trained:
            shape = shape_of(self.network, name)
            found[name] = sums[at : at + int(np.prod(shape))].reshape(shape)
            at += int(np.prod(shape))
        return mean, found


def check_c(case: Case, folder: Path, precision: str = "float64") -> None:
    wanted = case.reference()
    mean, found = CLibrary(case.network, folder, precision).gradients(case)
    tolerance = 1e-11 if precision == "float64" else 3e-5
    close(mean, wanted[MEAN_LOSS], tolerance * max(1, abs(wanted[MEAN_LOSS])), "loss")
    for name, gradient in found.items():
        close(gradient, wanted[ADJOINT + name], tolerance, name)


@needs_compiler
@pytest.mark.parametrize("name", NAMES)
def test_c(name: str, tmp_path: Path) -> None:
    check_c(Case(network_named(name)), tmp_path)


@needs_compiler
@pytest.mark.parametrize("name", [SPECS[1], SPECS[4], "residual", list(TEXTS)[3]])
def test_c_in_single_precision(name: str, tmp_path: Path) -> None:
    check_c(Case(network_named(name)), tmp_path, "float32")
    code = re.sub(r"/\*.*?\*/", "", (tmp_path / "float32.c").read_text(encoding="utf-8"))
    assert not re.findall(r"(?<![\w.])\d+\.\d+(?!\w*f)\b", code.replace("double total = 0.0", ""))
    assert re.findall(r"\bdouble\b.*", code) == ["double total = 0.0;"] * 2


@needs_compiler
def test_c_needs_no_flag_and_no_library(tmp_path: Path) -> None:
    source = tmp_path / "net.c"
    source.write_text(
        standalone(network_named("mlp:30-20-20-5,tanh,cross_entropy"), "c", name="my net")
    )
    assert COMPILER is not None
    made = subprocess.run(
        [COMPILER, "-O3", "-Wall", "-Wextra", "-c", source, "-o", tmp_path / "net.o"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stderr == ""
    assert public_symbols(tmp_path / "net.o") == {
        "my_net_forward",
        "my_net_loss",
        "my_net_gradients",
    }


def public_symbols(object_file: Path) -> set[str]:
    listed = subprocess.run(
        ["nm", "-g", "--defined-only", object_file], capture_output=True, text=True, check=True
    )
    return {line.split()[-1] for line in listed.stdout.splitlines()}


@needs_compiler
def test_the_forward_pass_and_initial_values_in_c(tmp_path: Path) -> None:
    network = network_named("residual")
    library = CLibrary(network, tmp_path)
    given_, _ = given_values(network, 0, np.dtype(float))
    parameters = np.zeros(sum(q.size for n, q in given_.items() if n not in "xy"))
    library.library.net_initial(library.pointer(parameters))
    names = [q.name for q in network.trained]
    assert (parameters == np.concatenate([given_[n].ravel() for n in names])).all()
    library.library.net_forward(*map(library.pointer, (given_["x"], parameters, library.workspace)))
    values = prepare(lower(network, {}, ["z1", "h1"], lifted=False))(given_)
    found = library.workspace.view(np.float64)[:4]
    close(found, np.concatenate([values["z1"], values["h1"]]), 1e-15, "z1, h1")


# -- what is printed -----------------------------------------------------------------------


@pytest.mark.parametrize("to", TARGETS)
def test_each_statement_stands_under_its_equation(to: str) -> None:
    """Each equation of the forward pass, the loss, every adjoint and gradient is said once."""
    network = network_named("mlp:3-4-2,tanh,squared_error")
    lines = [line.strip(" #/*") for line in standalone(network, to).splitlines()]
    wanted = [
        "z2[i] = Σ_j w1[i,j]·x[j] + b1[i]",
        "h2[i] = tanh(z2[i])",
        "J = (Σ_i (y[i] - h3[i])^2)/2",
        "∂J/∂z2[i] = ∂J/∂h2[i] · (1 - (h2[i])^2)",
        "∂J/∂h2[i] = Σ_k ∂J/∂z3[k] · w2[k,i]",
        "∂J/∂w1[i,j] = ∂J/∂z2[i] · x[j]",
        "∂J/∂b2[i] = ∂J/∂z3[i]",
    ]
    assert [lines.count(line) for line in wanted] == [1] * len(wanted)
    following = {line: lines[lines.index(line) + 1] for line in wanted}
    if to != "c":
        assert following[wanted[0]] == "z2 = x @ w1.T + b1"
        assert following[wanted[4]] == "dh2 = dz3 @ w2"
        assert following[wanted[5]] == "dw1 = dz2.T @ x / n"


@pytest.mark.parametrize("to", TARGETS)
def test_deep_networks_take_linear_text(to: str) -> None:
    sizes = [
        len(standalone(network_named(f"mlp:{'-'.join(['2'] * n)},tanh,sse"), to)) for n in (41, 81)
    ]
    assert sizes[1] < 2.2 * sizes[0]


def test_long_sums_are_broken_up() -> None:
    terms = " + ".join(f"w{n}*x" for n in range(60))
    weights = ", ".join(f"w{n}" for n in range(60))
    network = parse(f"input x\nweight {weights}\nh = {terms}\nloss J = h^2/2\n")
    source = standalone(network, "numpy")
    assert max(map(len, source.splitlines())) < 120
    check_numpy(Case(network))


REFUSED = {
    "a size": ("size n\ninput x[n]\nweight w[n]\nloss J = sum(i: w[i]*x[i])", "size n = 3"),
    "a function": ("input x\nweight w\nfunction f\nloss J = f(w*x)", "only a name"),
    "a constant": ("input x\nweight w\nconstant c\nloss J = c*w*x", "constant c has no value"),
    "no gradient at all": ("input x\nweight w\nloss J = 2 + 1", "depends on nothing"),
}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_numbers_is_refused(name: str, to: str) -> None:
    text, wanted = REFUSED[name]
    with pytest.raises(DataError, match=re.escape(wanted)):
        standalone(parse(text + "\n"), to)


def test_unknown_targets_and_precisions_are_named() -> None:
    network = network_named("diamond")
    with pytest.raises(BackproveError, match=r"no target pytorch\n.*c, numpy, torch, jax"):
        standalone(network, "pytorch")
    with pytest.raises(BackproveError, match="no precision float16"):
        standalone(network, "c", precision="float16")
    with pytest.raises(DataError, match="too large for float32"):
        standalone(parse("weight w\nloss J = w*1e40\n"), "c", precision="float32")


def test_the_command(tmp_path: Path, examples: Path) -> None:
    runner = CliRunner()
    output = tmp_path / "net.c"
    file = str(examples / "residual.bp")
    made = runner.invoke(app, ["compile", file, "--to", "c", "--inputs", "-o", str(output)])
    assert made.exit_code == 0
    assert "residual_gradients(" in output.read_text(encoding="utf-8")
    shown = runner.invoke(app, ["compile", "mlp:2-1,tanh,sse", "--to", "jax", "--name", "tiny"])
    assert shown.exit_code == 0
    check_python(shown.stdout)
    assert shown.stdout.startswith("# tiny: ")
    wrong = runner.invoke(app, ["compile", file, "--to", "fortran"])
    assert wrong.exit_code == 2
    assert "no target fortran" in wrong.stderr
    assert "c, numpy, torch, jax" in wrong.stderr


def test_the_page_shows_what_is_printed(root: Path, examples: Path) -> None:
    page = (root / "docs" / "compile.md").read_text(encoding="utf-8")
    shown = re.findall(r"^    \S.*$", page.split("```")[1], re.MULTILINE)
    printed = standalone(load(str(examples / "residual.bp")), "numpy").splitlines()
    assert len(shown) >= 6
    assert [line for line in printed if line in shown] == shown


# -- hostile names -------------------------------------------------------------------------

NASTY = (
    "*/ int injected(void) { return 1; } /*", '"""\nimport os\n"""', "a\nimport os\n#", "??/", "\\",
    "x\u202ey\u2066", "\u2028 = 1", "'''", '"]; import os; x["', "/*", "//\\", "lambda", "int", "_",
    "__class__", "é", "名", "\ud800", "1", " ", "{}", "%s", "\x00", "\r", "w{L-1}", "א", "{0}",
    "f'", "\xa0",
)  # fmt: skip
LETTERS = st.characters(exclude_characters="∂")
NAME = st.one_of(
    st.sampled_from(NASTY),
    st.text(LETTERS, min_size=1, max_size=12),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=3).map("".join),
)
PLAIN = parse(
    "input x[2]\ntarget y[2]\nweight w[2,2], v[2,2]\nbias b[2]\nconstant c[2] = [1, 2]\n"
    "z[i] = sum(j: w[i,j]*x[j]) + b[i]\nh[i] = tanh(z[i])\n"
    "o[i] = sum(j: v[i,j]*h[j])*c[i]\nloss J = sum(i: (y[i] - o[i])^2)/2\n"
)


def renamed(network: Network, names: Mapping[str, str], about: str) -> Network:
    """The same network with other names, which no file could give, and another comment."""

    def rename(e: Expr) -> Expr | None:
        return Ref(names[e.name], e.indices) if isinstance(e, Ref) else None

    quantities = [
        replace(q, name=names[q.name], base=names[q.name]) for q in network.quantities.values()
    ]
    equations = []
    for e in network.equations.values():
        left = rename(e.left)
        assert isinstance(left, Ref)
        equations.append(Equation(left, substituted(e.right, rename)))
    return Network(
        quantities,
        equations,
        names[network.loss],
        sizes=network.sizes,
        text=f"# {about}\n",
        file="x",
    )


def check_python(source: str) -> ast.Module:
    """It parses, in ASCII but for comments and strings; all words are plain."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for word in (getattr(node, "id", ""), getattr(node, "arg", ""), getattr(node, "attr", "")):
            assert not word or word.isascii(), word
    return tree


def shape(tree: ast.Module) -> str:
    """The tree with each name and each string by the number of its first occurrence."""
    numbers: dict[str, str] = {}

    def number(word: str) -> str:
        return numbers.setdefault(word, f"#{len(numbers)}")

    strings: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Name():
                node.id = number(node.id)
            case ast.arg():
                node.arg = number(node.arg)
            case ast.Attribute() if isinstance(node.value, ast.Name) and node.value.id == "self":
                node.attr = number(node.attr)
            case ast.Constant(value=str()):
                node.value = strings.setdefault(node.value, f"#{len(strings)}")
    return ast.dump(tree)


@cache
def plain(to: str) -> Any:
    """What the same network with plain names comes to."""
    source = standalone(PLAIN, to)
    return tokens(source) if to == "c" else shape(ast.parse(source))


def tokens(code: str) -> list[str]:
    """C without comments, spaces and helpers, each identifier by the number of its first use."""
    code = re.sub(r"/\*.*?\*/|#include <math.h>|static inline.*?\n}", " ", code, flags=re.DOTALL)
    assert code.isascii()
    numbers: dict[str, int] = {}
    found = re.findall(r"[A-Za-z_]\w*|\d[\w.]*|\S", code)
    return [
        f"#{numbers.setdefault(t, len(numbers))}" if t[0].isalpha() or t[0] == "_" else t
        for t in found
    ]


@settings(max_examples=40)
@given(st.lists(NAME, min_size=10, max_size=10, unique=True), st.sampled_from(NASTY) | st.text())
def test_no_name_or_comment_reaches_the_code(names: list[str], about: str) -> None:
    network = renamed(PLAIN, dict(zip(PLAIN.quantities, names, strict=True)), about)
    for to in ("numpy", "torch", "jax"):
        source = standalone(network, to, name=about)
        source.encode("utf-8")
        tree = check_python(source)
        shapes = next(n for n in tree.body if isinstance(n, ast.Assign))
        assert [*ast.literal_eval(shapes.value)] == [q.name for q in network.trained]
        assert shape(tree) == plain(to)
    for line in source.splitlines():
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029]", line)
    code = standalone(network, "c", name=about)
    code.encode("utf-8")
    assert tokens(code) == plain("c")
    assert all(line.count("/*") == line.count("*/") <= 1 for line in code.splitlines())


MEANT_ALIKE = (
    "u", "u_argument", "u_argument_2", "du", "du_argument", "dw", "w_2", "mean_loss", "mean loss",
    "J_part", "dJ", "sin_u", "sin_u_argument", "n", "values", "parameters", "grad", "grad_x",
    "gradients", "loss", "forward", "x_2", "x2", "saved", "total", "p", "α", "alpha", "ŷ", "y_hat",
    "np", "torch", "J", "b", "u_", "sample",
)  # fmt: skip
"""Names that come to the identifiers of others, or that the code has for itself."""

SINE = parse(
    "input x\ntarget y\nweight v, w\nbias b\nu = sin(v*x + b)\nh = w*u\nloss J = (y - h)^2\n"
)
"""u's unnamed argument is read in the backward pass too."""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(MEANT_ALIKE), min_size=8, max_size=8, unique=True))
@example(["x", "y", "v", "w", "b", "u", "u_argument", "J"])
@example(["x", "y", "v", "mean_loss", "b", "u", "mean loss", "J"])
def test_names_that_come_to_the_same_identifier_are_kept_apart(names: list[str]) -> None:
    shown = [name for name in SINE.quantities if not name.endswith(ARGUMENT)]
    made = dict(zip(shown, names, strict=True))
    network = renamed(SINE, {**made, f"u{ARGUMENT}": f"{made['u']}{ARGUMENT}"}, "")
    for to in ("numpy", "torch", "jax"):
        assert shape(ast.parse(standalone(network, to))) == shape(ast.parse(standalone(SINE, to)))
    assert tokens(standalone(network, "c")) == tokens(standalone(SINE, "c"))


@needs_compiler
@pytest.mark.parametrize("shift", range(0, len(NASTY), 7))
def test_c_with_hostile_names_compiles(shift: int, tmp_path: Path) -> None:
    names = [f"{NASTY[(shift + n) % len(NASTY)]}{n}" for n in range(len(PLAIN.quantities))]
    network = renamed(PLAIN, dict(zip(PLAIN.quantities, names, strict=True)), NASTY[shift])
    check_c(Case(network), tmp_path)
    assert public_symbols(tmp_path / "float64.so") >= {"net_loss"}
    assert "injected" not in public_symbols(tmp_path / "float64.so")
    check_numpy(Case(network))


@given(st.text() | NAME)
def test_escaping(text: str) -> None:
    word = identifier(text)
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", word)
    line = comment(text)
    assert line.isprintable()
    assert "*/" not in line
    assert "/*" not in line
    assert "??" not in line
    assert not line.rstrip().endswith("\\")
    literal = python_string(text)
    assert ast.literal_eval(literal) == text
    assert literal.isprintable()


def test_identifiers_resemble_names() -> None:
    pairs = {
        "w1": "w1", "α": "alpha", "Σ": "Sigma", "w{2}": "w_2", "a{L-1}": "a_L_minus_1",
        "ŷ": "y_hat",
        "w_h": "w_h", "x₁": "x1", "u4.argument": "u4_argument", "权": "u6743",
    }  # fmt: skip
    assert {name: identifier(name) for name in pairs} == pairs
