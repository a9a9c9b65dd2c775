"""Graphs of neurons: against the network of equations, PyTorch, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import backprove as bp
from backprove.errors import BackproveError, DataError
from backprove.graph import GraphNetwork, compiled, from_graph
from backprove.graph.passes import _by_numpy, _sum_over_edges
from backprove.graph.scalars import ACTIVATIONS
from backprove.language import read
from backprove.notation import bind, load
from backprove.render import render
from backprove.run.values import evaluate
from backprove.verify import verify_network

BACKENDS = ("numpy", "c")
SMOOTH = ("sigmoid", "tanh")  # few, as each set of functions is a library of its own
FOUR = [("x1", 1), ("x1", 2), ("x2", 1), ("x2", 2), (1, 3), (1, 4), (2, 3), (2, 4)]
"""The source's drawing: two inputs, four neurons; w1 … w8 in its order."""


def random_edges(rng: np.random.Generator, neurons: int, edges: int) -> tuple[Any, Any]:
    """Distinct edges from lower to higher numbers; every neuron has one."""
    right = np.arange(1, neurons)
    left = (rng.random(neurons - 1) * right).astype(int)
    more_right = rng.integers(1, neurons, max(0, edges - neurons + 1))
    more_left = (rng.random(len(more_right)) * more_right).astype(int)
    keys = np.unique(np.concatenate([right, more_right]) * neurons
                     + np.concatenate([left, more_left]))  # fmt: skip
    keys = rng.permutation(keys)
    return keys % neurons, keys // neurons


def data(graph: GraphNetwork, rng: np.random.Generator, samples: int) -> tuple[Any, Any]:
    x = rng.normal(size=(samples, len(graph.inputs)))
    y = rng.normal(size=(samples, len(graph.outputs)))
    if graph.loss == "cross_entropy":
        y = rng.dirichlet(np.ones(len(graph.outputs)), samples)
    return x, y


def made(
    seed: int, neurons: int, edges: int, dtype: Any = np.float64, **options: Any
) -> GraphNetwork:
    """A random graph with a random activation for each neuron and random biases."""
    rng = np.random.default_rng(seed)
    left, right = random_edges(rng, neurons, edges)
    kinds = {n: str(rng.choice(SMOOTH)) for n in set(right.tolist()) & set(left.tolist())}
    graph = from_graph(
        (left, right), weight=None, activations=kinds, seed=seed, dtype=dtype, **options
    )
    graph.biases = rng.normal(size=neurons) / 2
    return graph


# -- against the network of equations ------------------------------------------------------


def check_against_equations(graph: GraphNetwork, x: Any, y: Any, backend: str) -> None:
    """Loss, gradients, v and h of one sample are those of `evaluate` on the equations."""
    network = graph.network()
    numbers: dict[str, Any] = {}
    text = network.text.replace(
        "input " + ", ".join(q.name for q in network.of_kind("input")),
        "input " + ", ".join(
            f"{q.name} = {v:.17f}" for q, v in zip(network.of_kind("input"), x, strict=True)),
    ).replace(
        "target " + ", ".join(q.name for q in network.of_kind("target")),
        "target " + ", ".join(
            f"{q.name} = {v:.17f}" for q, v in zip(network.of_kind("target"), y, strict=True)),
    )  # fmt: skip
    expected = evaluate(bp.parse(text))
    found = graph.evaluate(x, y, backend=backend)
    numbers = dict(expected.gradients)
    assert found.loss == pytest.approx(expected.loss, rel=1e-9, abs=1e-12)
    edges = [float(numbers[f"w{e + 1}"]) for e in range(len(found.gradients))]
    np.testing.assert_allclose(found.gradients, edges, rtol=1e-7, atol=1e-10)
    for place, name in enumerate(graph.neurons):
        if name not in graph.inputs:
            bias = float(numbers[f"b{name}"])
            assert found.bias_gradients[place] == pytest.approx(bias, rel=1e-7, abs=1e-10)
            assert found.v[0, place] == pytest.approx(bias, rel=1e-7, abs=1e-10)
            letter = "u" if name in graph.outputs else "h"
            value = float(expected.values[f"{letter}{name}"])
            assert found.h[0, place] == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    neurons=st.integers(2, 9),
    edges=st.integers(1, 20),
    loss=st.sampled_from(["squared_error", "sse", "cross_entropy"]),
)
def test_a_small_graph_is_its_equations(
    backend: str, seed: int, neurons: int, edges: int, loss: str
) -> None:
    graph = made(seed, neurons, edges, loss=loss)
    x, y = data(graph, np.random.default_rng(seed), 1)
    check_against_equations(graph, x[0], y[0], backend)


def test_the_equations_are_verified_by_the_oracle() -> None:
    graph = made(3, 8, 14)
    network = graph.network()
    report = verify_network(network, bp.backprop(network).adjoints)
    assert report.ok, report
    assert {f"∂e/∂{q.name}" for q in network.trained} <= {row.what for row in report.rows}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_activation(backend: str) -> None:
    """h and t at one neuron of each kind, against the network of equations."""
    edges = [("x", name, 1.0) for name in ACTIVATIONS]
    graph = from_graph(edges, activations={n: n for n in ACTIVATIONS}, dtype=np.float64)
    zs = (0.7, 1.3)
    found = graph.evaluate([[z] for z in zs], np.zeros((2, len(edges))), backend=backend)
    for place, name in enumerate(graph.neurons[1:], 1):
        applied = "z" if name == "linear" else f"{name}(z)"
        for row, z in enumerate(zs):
            net = bp.parse(f"input z = {z}\nh = {applied}\nloss e = h^2/2")
            numbers = evaluate(net)
            assert found.h[row, place] == pytest.approx(float(numbers.values["h"]), rel=1e-12)
            assert found.v[row, place] == pytest.approx(float(numbers.gradients["z"]), rel=1e-12)


# -- against PyTorch -----------------------------------------------------------------------


def by_torch(graph: GraphNetwork, x: Any, y: Any) -> tuple[float, Any, Any]:
    """Loss and gradients by autograd, one neuron at a time in an order of the neurons' numbers."""
    left, right = graph.edges
    w = torch.tensor(graph.weights.astype(np.float64), requires_grad=True)
    b = torch.tensor(graph.biases.astype(np.float64), requires_grad=True)
    names = graph.neurons
    column = {name: i for i, name in enumerate(graph.inputs)}
    h: list[Any] = []
    for n, name in enumerate(names):
        if name in column:
            h.append(torch.tensor(x[:, column[name]]))
            continue
        edges = np.flatnonzero(right == n)
        z = b[n] + sum(w[e] * h[left[e]] for e in edges)
        last = graph.loss == "cross_entropy" and name in set(graph.outputs)
        h.append(z if last else torch.tanh(z))
    at = {name: n for n, name in enumerate(names)}
    outputs = torch.stack([h[at[name]] for name in graph.outputs], dim=1)
    target = torch.tensor(y)
    if graph.loss == "cross_entropy":
        loss = torch.nn.functional.cross_entropy(outputs, target)
    else:
        half = 0.5 if graph.loss == "squared_error" else 1.0
        loss = half * ((outputs - target) ** 2).sum(dim=1).mean()
    loss.backward()
    return loss.item(), w.grad.numpy(), b.grad.numpy()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["squared_error", "sse", "cross_entropy"])
@pytest.mark.parametrize("samples", [1, 5, 32, 70])
@pytest.mark.parametrize(("dtype", "close"), [(np.float64, 1e-10), (np.float32, 2e-4)])
def test_a_medium_graph_is_autograd(
    backend: str, loss: str, samples: int, dtype: Any, close: float
) -> None:
    rng = np.random.default_rng(samples)
    left, right = random_edges(rng, 150, 700)
    graph = from_graph(
        (left, right, rng.normal(size=len(left)) / 3),
        activation="tanh", loss=loss, dtype=dtype,
    )  # fmt: skip
    graph.biases = rng.normal(size=150) / 2
    x, y = data(graph, rng, samples)
    expected = by_torch(graph, x, y)
    found = graph.evaluate(x, y, backend=backend)
    assert found.loss == pytest.approx(expected[0], rel=close)
    np.testing.assert_allclose(found.gradients, expected[1], rtol=close, atol=close)
    np.testing.assert_allclose(found.bias_gradients, expected[2], rtol=close, atol=close)
    np.testing.assert_allclose(found.losses.mean(), found.loss, rtol=close)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch", [1, 7, 32])
def test_training_is_the_same_as_steps_by_hand(backend: str, batch: int) -> None:
    """Three epochs of mini-batches, the last one partial, in the order of the seed."""
    rng = np.random.default_rng(5)
    graph, other = made(5, 40, 160), made(5, 40, 160)
    x, y = data(graph, rng, 39)
    history = graph.train(x, y, 3, batch, eta=0.02, seed=11, backend=backend)
    order = np.random.default_rng(11)
    for epoch in range(3):
        rows, total = order.permutation(39), 0.0
        for first in range(0, 39, batch):
            here = rows[first : first + batch]
            found = other.evaluate(x[here], y[here], backend="numpy")
            other.weights = other.weights - 0.02 * found.gradients
            other.biases = other.biases - 0.02 * found.bias_gradients
            total += found.loss * len(here)
        assert history[epoch] == pytest.approx(total / 39, rel=1e-9)
    np.testing.assert_allclose(graph.weights, other.weights, rtol=1e-8, atol=1e-11)
    np.testing.assert_allclose(graph.biases, other.biases, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("optimizer", "theirs", "options"),
    [
        ("momentum", lambda p: torch.optim.SGD(p, 0.01, momentum=0.9), {}),
        ("adam", lambda p: torch.optim.Adam(p, 0.01), {}),
        (
            "adamw",
            lambda p: torch.optim.AdamW(
                [{"params": p[:1], "weight_decay": 0.2}, {"params": p[1:], "weight_decay": 0}], 0.01
            ),
            {"decay": 0.2},
        ),
        ("adam", lambda p: torch.optim.Adam(p, 0.01), {"clip_norm": 0.05}),
    ],
)
def test_other_optimizers_are_pytorch_s(
    backend: str, optimizer: str, theirs: Any, options: Any
) -> None:
    """Ten steps with all samples at once; PyTorch is given the gradients of the NumPy passes."""
    graph, other = made(7, 30, 90), made(7, 30, 90)
    x, y = data(graph, np.random.default_rng(7), 12)
    graph.train(x, y, 10, 12, optimizer, 0.01, backend=backend, **options)
    w = torch.tensor(other.weights, requires_grad=True)
    b = torch.tensor(other.biases, requires_grad=True)
    steps = theirs([w, b])
    for _ in range(10):
        found = other.evaluate(x, y, backend="numpy")
        w.grad, b.grad = torch.tensor(found.gradients), torch.tensor(found.bias_gradients)
        if "clip_norm" in options:
            torch.nn.utils.clip_grad_norm_([w, b], options["clip_norm"])
        steps.step()
        other.weights, other.biases = w.detach().numpy(), b.detach().numpy()
    np.testing.assert_allclose(graph.weights, other.weights, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(graph.biases, other.biases, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("batch", [1, 20, 300])
def test_threads_do_not_change_a_bit(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels large and small, a hub, partial mini-batches; three threads on any machine."""
    monkeypatch.setattr(compiled, "SMALL", 500)
    monkeypatch.setattr(compiled, "WORTH_THREADS", 0)
    rng = np.random.default_rng(batch)
    left, right = random_edges(rng, 3000, 60_000)
    hub = np.setdiff1d(np.arange(2000), left[right == 2999])
    left, right = np.append(left, hub), np.append(right, np.full(len(hub), 2999))
    answers = []
    for threads in (1, 2, 3):
        graph = from_graph((left, right), weight=None, activation="tanh", seed=4)
        costs = np.diff(graph._structure.into[graph._structure.level])
        assert costs.max() > 2000
        assert np.median(costs) < 500
        x, y = data(graph, np.random.default_rng(0), 2 if batch == 1 else 310)
        graph.train(x, y, 1, batch, eta=0.01, backend="c", threads=threads)
        found = graph.evaluate(x, y, backend="c", threads=threads)
        answers.append((graph.weights, graph.biases, found.gradients, found.v, found.losses))
    for answer in answers[1:]:
        for one, other in zip(answers[0], answer, strict=True):
            np.testing.assert_array_equal(one, other)


def test_biases_that_are_not_wanted_stay_away() -> None:
    rng = np.random.default_rng(0)
    graph = from_graph(FOUR, weight=None, bias=False)
    graph.train(*data(graph, rng, 20), epochs=2, eta=0.5)
    assert not graph.biases.any()
    assert not graph.network().of_kind("bias")


def test_sums_without_scipy_are_the_same() -> None:
    rng = np.random.default_rng(1)
    starts = np.array([0, 3, 3, 4, 9, 9], np.int32)
    w, ends = rng.normal(size=9), rng.integers(0, 6, 9).astype(np.int32)
    values = rng.normal(size=(6, 4))
    np.testing.assert_allclose(
        _by_numpy(w, ends, starts)(values), _sum_over_edges(w, ends, starts, 6)(values), rtol=1e-12
    )


# -- the source's notation -----------------------------------------------------------------


def four(**options: Any) -> GraphNetwork:
    graph = nx.DiGraph()
    graph.add_nodes_from(["x1", "x2", 1, 2, 3, 4])
    graph.add_edges_from(FOUR)
    return from_graph(graph, **options)


def test_the_source_s_graph_is_the_example_file() -> None:
    """Same equations as examples/four_neurons.bp up to its numbers of edges and its order."""
    example = read(str(Path(__file__).parent.parent / "examples" / "four_neurons.bp"))
    edges = [("x1", 1), ("x1", 2), ("x2", 1), ("x2", 2), (1, 3), (1, 4), (2, 3), (2, 4)]
    found = from_graph(edges, weight=None).network()
    assert set(example.quantities) == set(found.quantities)
    for name, equation in example.equations.items():
        expected = repr(equation.right).replace("f(", "sigmoid(")
        assert repr(found.equations[name].right) == expected


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_a_small_graph_is_explained_as_a_whole() -> None:
    graph = four()
    answer = graph.explain((2, 4))
    network = graph.network()
    bound = bind(load("one-letter"), network)
    derivation = bp.derive(network, "w8", "dynamic", named=bound.named_adjoints)
    assert render(derivation, bound) in str(answer)
    lines = lines_of(str(answer))
    assert "= s_4 × t(d_4 + b_4) × d/dw_8 [h_1 w_6 + h_2 w_8]" in lines
    assert "remove h_1 w_6: neither h_1 nor w_6 depends on w_8" in lines
    assert "= v_4 h_2" in lines
    assert "w_8: the edge 2 → 4" in lines


@pytest.mark.parametrize(
    ("edge", "formula", "gradient"),
    [
        (("x1", 1), "v_1 = (v_3 w_5 + v_4 w_6) × t(d_1 + b_1)", "= v_1 x_1"),
        ((1, 3), "", "= v_3 h_1"),
    ],
)
def test_a_neighbourhood_is_explained_in_the_source_s_formula(
    edge: Any, formula: str, gradient: str
) -> None:
    lines = lines_of(str(four().explain(edge, whole=False)))
    assert gradient in lines
    if formula:
        assert formula.partition(" = ")[2] in " ".join(lines)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    neurons=st.integers(3, 40),
    loss=st.sampled_from(["squared_error", "sse", "cross_entropy"]),
)
def test_an_explanation_comes_to_the_gradient(seed: int, neurons: int, loss: str) -> None:
    """The few equations of a neighbourhood have, at their values, the gradient of the whole."""
    graph = made(seed, neurons, 5 * neurons, loss=loss)
    rng = np.random.default_rng(seed)
    x, y = data(graph, rng, 1)
    gradients = graph.evaluate(x, y, backend="numpy").gradients
    edge = int(rng.integers(len(gradients)))
    answer = graph.explain(edge, x, y, whole=False)
    small = evaluate(answer.network).gradients[answer.weight]
    assert float(small) == pytest.approx(gradients[edge], rel=1e-6, abs=1e-9)
    assert list(answer.numbers.values())[2] == pytest.approx(gradients[edge], rel=1e-12)
    h, v, g = answer.numbers.values()
    assert h * v == pytest.approx(g, rel=1e-9, abs=1e-300)


def test_the_gradient_of_a_hub_names_a_few_edges_and_sums_the_others() -> None:
    edges = [(f"x{i}", "hub") for i in range(500)] + [("hub", f"o{i}") for i in range(300)]
    graph = from_graph(edges, weight=None, dtype=np.float64)
    x, y = data(graph, np.random.default_rng(0), 1)
    answer = graph.explain(("x400", "hub"), x, y)
    text = str(answer)
    assert "the sum of the other 493 edges into 'hub'" in text
    assert len(answer.network.quantities) < 60
    gradient = graph.evaluate(x, y).gradients[400]
    assert float(evaluate(answer.network).gradients["w401"]) == pytest.approx(gradient)


# -- sources -------------------------------------------------------------------------------


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    pq.write_table(pa.table(columns), path)
    return path


def test_every_source_gives_the_same_graph(tmp_path: Path) -> None:
    left, right = [1, 1, 2, 3, 0], [2, 3, 4, 4, 4]
    weights = [0.5, -1.0, 2.0, 0.25, 1.5]
    rows = list(zip(left, right, weights, strict=True))
    graph = nx.DiGraph()
    graph.add_nodes_from(range(5))
    graph.add_weighted_edges_from(rows)
    text = "".join(f"{a},{b},{w}\n" for a, b, w in rows)
    (tmp_path / "e.csv").write_text("left,right,weight\n" + text)
    swapped = "".join(f"{w};{b};{a}\n" for a, b, w in rows)
    (tmp_path / "s.csv").write_text("weight;right;left\n" + swapped)
    columns = {"left": left, "right": right, "weight": weights}
    sources = [
        graph,
        rows,
        (left, right, weights),
        (np.array(left), np.array(right), np.array(weights, np.float32)),
        columns,
        csr_array((weights, (left, right)), shape=(5, 5)),
        tmp_path / "e.csv",
        str(tmp_path / "s.csv"),
        parquet(tmp_path / "e.parquet", columns),
    ]
    answers = []
    for source in sources:
        made = from_graph(source, dtype=np.float64, inputs=[0, 1])
        assert made.outputs == [4]
        assert sorted(made.neurons) == [0, 1, 2, 3, 4]
        found = made.evaluate([[0.3, 0.6]], [[0.1]])
        answers.append([found.loss, found.gradients[made.edge(1, 3)]])
    np.testing.assert_allclose(answers, [answers[0]] * len(sources), rtol=1e-12)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_names_may_be_text(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"edges.{suffix}"
    if suffix == "csv":
        path.write_text("left,right,weight\neye é,brain,1\near,brain,2\nbrain,hand,3\n")
    else:
        parquet(path, {"left": ["eye é", "ear", "brain"], "right": ["brain", "brain", "hand"],
                       "weight": [1.0, 2.0, 3.0]})  # fmt: skip
    graph = from_graph(path)
    assert graph.inputs == ["eye é", "ear"]
    assert graph.outputs == ["hand"]
    np.testing.assert_array_equal(graph.weights, [1, 2, 3])
    assert graph.edge("ear", "brain") == 1


def test_csv_is_read_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "edges.csv"
    path.write_text("left,right,weight\na,b,1.5\nb,c,-2\n")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    graph = from_graph(path)
    assert graph.neurons == ["a", "b", "c"]
    np.testing.assert_array_equal(graph.weights, [1.5, -2])


def test_names_may_be_anything_hashable() -> None:
    graph = from_graph([((0, "in"), frozenset("ab"), 1.0), (frozenset("ab"), None, 2.0)])
    assert graph.inputs == [(0, "in")]
    assert graph.outputs == [None]
    assert graph.edge(frozenset("ab"), None) == 1
    assert "'w_2': " not in str(graph.explain((frozenset("ab"), None)))


def test_networkx_attributes() -> None:
    graph = nx.DiGraph()
    graph.add_node("h", activation="tanh", bias=0.5)
    graph.add_edge("x", "h", weight=2.0)
    graph.add_edge("h", "o", weight=3.0)
    found = from_graph(graph, activation="linear", dtype=np.float64).predict([[0.25]])
    assert found[0, 0] == pytest.approx(3 * np.tanh(2 * 0.25 + 0.5), rel=1e-14)


def test_data_by_name_and_the_order_of_columns() -> None:
    edges = [("a", "o", 1.0), ("b", "o", 10.0), ("b", "p", 100.0)]
    graph = from_graph(edges, activation="linear", inputs=["b", "a"], outputs=["p", "o"])
    np.testing.assert_allclose(graph.predict([[2, 3]]), [[200, 23]])
    np.testing.assert_allclose(graph.predict({"a": [3, 0], "b": [2, 1]}), [[200, 23], [100, 10]])


# -- bad input -----------------------------------------------------------------------------

OK = [("a", "b", 1.0), ("b", "c", 1.0)]

BAD: list[tuple[str, Callable[[], Any], str]] = [
    ("cycle", lambda: from_graph([("i", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "o")]),
     "cycle: "),
    ("cycle of two", lambda: from_graph([("i", "a"), ("a", "b"), ("b", "a")]), "'a' → 'b'"),
    ("no inputs", lambda: from_graph([("a", "b"), ("b", "a")]), "cycle"),
    ("double", lambda: from_graph([("a", "b"), ("c", "b"), ("a", "b")]), "'a' → 'b' occurs twice"),
    ("loop", lambda: from_graph([("a", "a")]), "'a' has an edge to itself"),
    ("empty list", lambda: from_graph([]), "no edges"),
    ("empty graph", lambda: from_graph(nx.DiGraph()), "no edges"),
    ("empty columns", lambda: from_graph(([], [], [])), "no edges"),
    ("nan", lambda: from_graph([("a", "b", float("nan"))]), "'a' → 'b' in the edge list is nan"),
    ("inf", lambda: from_graph([("a", "b", float("inf"))]), "inf"),
    ("text weight", lambda: from_graph([("a", "b", "much")]), "no number"),
    ("columns", lambda: from_graph({"left": [1], "to": [2], "weight": [1]}), "no column right"),
    ("no weights", lambda: from_graph({"left": [1], "right": [2]}), "no column weight"),
    ("lengths", lambda: from_graph(([1, 2], [3], [1.0, 2.0])), "2 left neurons, but 1"),
    ("undirected", lambda: from_graph(nx.Graph([(1, 2)])), "no directions"),
    ("no graph", lambda: from_graph(3), "cannot be made from int"),
    ("no file", lambda: from_graph("nowhere.csv"), "no file nowhere.csv"),
    ("rows", lambda: from_graph([("a", "b", 1.0), ("b", "c")]), "('b', 'c')"),
    ("fraction as name", lambda: from_graph((np.array([0.5]), np.array([1.0]))), "0.5"),
    ("not square", lambda: from_graph(csr_array((2, 3))), "2 × 3"),
    ("activation", lambda: from_graph(OK, activation="tahn"), "did you mean tanh"),
    ("loss", lambda: from_graph(OK, loss="mse"), "no loss 'mse'"),
    ("softmax", lambda: from_graph(OK, loss="cross_entropy", output_activation="tanh"), "softmax"),
    ("dtype", lambda: from_graph(OK, dtype=np.int32), "float32 or float64"),
    ("inputs", lambda: from_graph(OK, inputs=["b"]), "'b' is no input"),
    ("unreached", lambda: from_graph([*OK, ("d", "b", 1.0)], inputs=["a"]), "'d' has no left"),
    ("unknown", lambda: from_graph(OK, outputs=["z"]), "no neuron 'z'"),
    ("bias of input", lambda: from_graph(OK, bias={"a": 1.0}), "'a' is an input"),
    ("nan bias", lambda: from_graph(OK, bias={"b": float("nan")}), "bias of 'b'"),
    ("biases", lambda: from_graph(OK, bias=np.zeros(2)), "3 neurons need as many biases"),
    ("wide", lambda: from_graph(OK).predict([[1, 2]]), "the graph has 1 inputs"),
    ("rank", lambda: from_graph(OK).predict(np.zeros((1, 1, 1))), "(1, 1, 1)"),
    ("none", lambda: from_graph(OK).predict(np.zeros((0, 1))), "no samples"),
    ("nan data", lambda: from_graph(OK).predict([[float("nan")]]), "sample 0, neuron 'a'"),
    ("rows differ", lambda: from_graph(OK).evaluate([[1], [2]], [[1]]), "2 samples"),
    ("by name", lambda: from_graph(OK).predict({"b": 1}), "no value for the neuron 'a'"),
    ("edge", lambda: from_graph(OK).explain(("a", "c")), "no edge 'a' → 'c'"),
    ("edge number", lambda: from_graph(OK).explain(2), "2 is no edge"),
    ("edge word", lambda: from_graph(OK).explain("w3"), "'w3' is no edge"),
    ("backend", lambda: from_graph(OK).predict([[1]], backend="gpu"), "no backend 'gpu'"),
    ("optimizer", lambda: from_graph(OK).train([[1]], [[1]], optimizer="sdg"), "'sdg'"),
    ("batch", lambda: from_graph(OK).train([[1]], [[1]], batch_size=0), "batches of 0"),
    ("half", lambda: from_graph(OK).explain(0, inputs=[[1]]), "both"),
    ("classes", lambda: from_graph(OK, loss="cross_entropy").evaluate([[1]], [[2]]), "sum to 2"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_mistake_is_one_clear_error(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(BackproveError) as error:
        make()
    assert says in str(error.value)


def test_a_neuron_without_edges_is_named() -> None:
    graph = nx.DiGraph(OK_EDGES := [("a", "b")])
    graph.add_node("alone")
    with pytest.raises(DataError, match="'alone' cannot be reached"):
        from_graph(graph)
    assert OK_EDGES


def test_weights_of_some_edges_only() -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", weight=1.0)
    graph.add_edge("b", "c")
    with pytest.raises(DataError, match="'b' → 'c' has no attribute 'weight'"):
        from_graph(graph)


@pytest.mark.parametrize("backend", BACKENDS)
def test_divergence_keeps_the_last_good_parameters(backend: str) -> None:
    graph = from_graph([("x", "h", 1.0), ("h", "o", 1.0)], activation="linear")
    before = graph.weights
    with pytest.raises(DataError, match="no longer finite in epoch"):
        graph.train(np.full((64, 1), 50.0), np.ones((64, 1)), 9, 1, eta=1e6, backend=backend)
    assert np.isfinite(graph.weights).all()
    assert before.shape == graph.weights.shape


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum,mu=0"])
@pytest.mark.parametrize(("batch", "epoch", "step"), [(1, 2, 7), (2, 4, 7), (4, 7, 7), (3, 4, 7)])
def test_the_step_at_which_the_loss_overflows(
    backend: str, optimizer: str, batch: int, epoch: int, step: int
) -> None:
    """At x = 1, y = 0 the loss is w²/2 and a step takes w to (1 - eta) w: 1e30 to the power of the
    steps, whose square is above 1.8e308 after six of them."""
    graph = from_graph([("x", "o", 1.0)], activation="linear", bias=False, dtype=np.float64)
    with pytest.raises(DataError) as told:
        graph.train(
            np.ones((4, 1)), np.zeros((4, 1)), 9, batch, eta=1e30, optimizer=optimizer,
            backend=backend,
        )  # fmt: skip
    assert f"the loss is no longer finite in epoch {epoch}, at step {step};" in told.value.message


# -- size ----------------------------------------------------------------------------------


def test_the_cycle_in_a_large_graph_is_found() -> None:
    chain = np.arange(50_000)
    left, right = np.append(chain, 40_000), np.append(chain + 1, 20)
    with pytest.raises(DataError, match=r"39,981 neurons in all"):
        from_graph((left, right), weight=None)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_hundred_thousand_edges(backend: str) -> None:
    """Finite differences along a random direction; float64."""
    rng = np.random.default_rng(2)
    left, right = random_edges(rng, 20_000, 200_000)
    graph = from_graph((left, right), weight=None, activation="tanh", dtype=np.float64)
    x, y = data(graph, rng, 3)
    found = graph.evaluate(x, y, backend=backend)
    w = graph.weights
    direction = rng.normal(size=len(w))
    step = 1e-6
    graph.weights = w + step * direction
    above = graph.evaluate(x, y, backend=backend).loss
    graph.weights = w - step * direction
    below = graph.evaluate(x, y, backend=backend).loss
    slope = (above - below) / (2 * step)
    assert found.gradients @ direction == pytest.approx(slope, rel=1e-5)
