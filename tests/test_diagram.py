"""The drawing: every edge, weight and path, held against equations with all indices put in."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_derivation import graphs, tensor_networks

from backprove import derive, evaluate, load, parse
from backprove.diagram import Diagram, diagram
from backprove.diagram.paths import paths
from backprove.diagram.structure import FOLDED, LISTED
from backprove.errors import BackproveError, DataError, DerivationError, NetworkError
from backprove.expr import Add, Delta, Expr, Mul, Number, Reduce, Ref, walk
from backprove.network import ARGUMENT, TRAINED, Network
from backprove.render import render
from backprove.run.values import shape_of

EXAMPLES = sorted(Path(__file__).parent.parent.joinpath("examples").glob("*.bp"))
WITH_NUMBERS = [p for p in EXAMPLES if not load(str(p)).symbolic]

MORE = {
    "a lone literal": "input s[3]\nweight w\nbias b\nz = w*s[3] + b\nloss J = z^2",
    "products multiplied out": (
        "input x[2], u[2]\nweight w[2,2], v\nbias b[2]\n"
        "z[i] = sum(j: w[i,j]*(x[j] + 2*u[j])) - v*x[1] + b[i]\nloss J = sum(i: z[i]^2)"
    ),
    "a weight that is a sum": "input x\nweight w, v\nz = (w - v)*x/2\nloss J = z^2",
    "the diagonal": "input x[3]\nweight w[3,3]\nz[i] = w[i,i]*x[i]\nloss J = sum(i: z[i]^2)",
    "a delta": (
        "input x[3]\nweight w[3,3]\nz[i] = sum(j: delta(i,j)*w[i,j]*x[j]) + delta(i,2)*x[1]\n"
        "loss J = sum(i: z[i]^2)"
    ),
    "a largest value": (
        "input x[3]\nweight w[3,3]\nz[i] = sum(j: w[i,j]*x[j])\nm = max(k: z[k])\n"
        "loss J = sum(i: (z[i] - m)^2)"
    ),
    "an activation without a name": (
        "input x[2]\ntarget y\nweight w[3,2], v[3]\nbias b[3]\n"
        "h[i] = tanh(sum(j: w[i,j]*x[j]) + b[i]) + x[1]\n"
        "o = sum(i: v[i]*sigmoid(h[i]))\nloss J = (o - y)^2/2"
    ),
    "two weights and a gate": (
        "input x[2]\nweight w[2,2], v[2]\nz[i] = v[i]*sum(j: w[i,j]*x[j])\n"
        "g[i] = z[i]*x[i]\nloss J = sum(i: g[i]*v[i])"
    ),
    "several axes": (
        "input x[2,3]\nweight w[2,2]\nbias b[2]\nz[i,t] = sum(j: w[i,j]*x[j,t]) + b[i]\n"
        "h[i,t] = tanh(z[i,t])\nloss J = sum(i,t: h[i,t]^2)"
    ),
    "an attention": (
        "input x[3,2]\nweight q[2,2], k[2,2]\n"
        "a[s,i] = sum(j: q[i,j]*x[s,j])\nc[s,i] = sum(j: k[i,j]*x[s,j])\n"
        "r[s,t] = sum(i: a[s,i]*c[t,i])\np[s,t] = exp(r[s,t])/sum(u: exp(r[s,u]))\n"
        "o[s,i] = sum(t: p[s,t]*x[t,i])\nloss J = sum(s,i: o[s,i]^2)"
    ),
    "constants as weights": (
        "input x\ntarget y\nweight w\nconstant c = 1, d = 3\nz = c*w*x\ns = d*z - y\nloss J = s^2"
    ),
}  # fmt: skip
NETWORKS = {**{p.stem: p.read_text() for p in WITH_NUMBERS}, **MORE}


# -- the same by brute force: numbers for all indices, one component at a time ---------------

Atom = tuple[str, tuple[int, ...]]
Places = Mapping[str, int]


def atom(ref: Ref, at: Places) -> Atom:
    return ref.name, tuple(at[i] if isinstance(i, str) else i for i in ref.indices)


def settings_of(e: Reduce, network: Network, at: Places) -> Iterator[Places]:
    for number in range(1, (network.length(e.size) or 0) + 1):
        yield {**at, e.index: number}


def expanded(e: Expr, network: Network, at: Places) -> list[list[tuple[Expr, Places]]]:
    """A component's terms, each a row of factors, every sum and bracket written out."""
    match e:
        case Number():
            return [[]] if e.value else []
        case Delta() if not isinstance(e.right, Expr):
            left, right = (at[i] if isinstance(i, str) else i for i in (e.left, e.right))
            return [[]] if left == right else []
        case Add():
            return [row for term in e.terms for row in expanded(term, network, at)]
        case Reduce(op="sum"):
            return [
                r for inner in settings_of(e, network, at) for r in expanded(e.body, network, inner)
            ]
        case Mul():
            rows = [expanded(factor, network, at) for factor in e.factors]
            return [list(itertools.chain(*row)) for row in itertools.product(*rows)]
        case _:
            return [[(e, at)]]


def terms_of(e: Expr, network: Network, at: Places) -> Iterator[tuple[Atom, Atom | None]]:
    """Each component that `e` is made of, and the weight that multiplies it in its term."""
    for row in expanded(e, network, at):
        neurons, trained, constants, others = [], [], [], []
        for factor, here in row:
            inside = [node for node in walk(factor) if isinstance(node, Ref | Reduce | Delta)]
            kinds = {network[name].kind for name in factor.names}
            if isinstance(factor, Ref) and kinds <= {*TRAINED}:
                trained.append(atom(factor, here))
            elif isinstance(factor, Ref) and kinds == {"constant"}:
                constants.append(atom(factor, here))
            elif len(set(inside)) == 1 and not kinds & {*TRAINED, "constant"}:
                assert isinstance(inside[0], Ref)
                neurons.append(atom(inside[0], here))
            elif kinds != {"constant"}:
                others.append((factor, here))
        labels = trained or constants
        if len(neurons) == 1 and len(labels) == 1 and not others:
            yield neurons[0], labels[0]
        else:
            yield from ((found, None) for found in (*neurons, *trained, *constants))
        for factor, here in others:
            inner = settings_of(factor, network, here) if isinstance(factor, Reduce) else [here]
            for place, child in itertools.product(list(inner), factor.children):
                yield from terms_of(child, network, place)


def written(found: Atom | None) -> str | None:
    if found is None:
        return None
    name, at = found
    return f"{name}[{','.join(map(str, at))}]" if at else name


def components_of(network: Network, name: str) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(1, n + 1) for n in shape_of(network, name)))


def all_terms(network: Network) -> Iterator[tuple[Atom, Atom, Atom | None]]:
    """(component, component that uses it, weight) in the whole network."""
    for name, equation in network.equations.items():
        for position in components_of(network, name):
            at = dict(zip(equation.indices, position, strict=True))
            for source, weight in terms_of(equation.right, network, at):
                yield source, (name, position), weight


def neurons_of(drawn: Diagram) -> dict[str, str]:
    return {c: n.id for group in drawn.groups for n in group.neurons for c in n.components}


def expected_edges(network: Network, drawn: Diagram) -> set[tuple[str, str, str | None]]:
    neuron = neurons_of(drawn)
    found = set()
    for (name, at), (end, there), weight in all_terms(network):
        if network[name].hidden:  # an activation's argument: inside its neuron
            continue
        after = neuron[written((end.removesuffix(ARGUMENT), there)) or ""]
        before = neuron.get(written((name, at)) or "")
        if before is not None and before != after:
            found.add((before, after, written(weight)))
    return found


def valued(network: Network, seed: int = 0) -> Network:
    """The network with a value for everything, targets that keep what is promised of them."""
    dice = random.Random(seed)

    def value(shape: tuple[int, ...]) -> object:
        if shape:
            return tuple(value(shape[1:]) for _ in range(shape[0]))
        return Fraction(dice.randint(-12, 12) or 5, 10)

    quantities = []
    for q in network.quantities.values():
        if q.kind == "target" and network.constraints:
            (n,) = shape_of(network, q.name)
            q = replace(q, value=tuple(Fraction(1, n) for _ in range(n)))
        elif q.kind != "computed" and q.value is None:
            q = replace(q, value=value(shape_of(network, q.name)))
        quantities.append(q)
    return network.changed(quantities=quantities)


# -- edges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_the_edges_are_those_of_every_term(name: str) -> None:
    network = parse(NETWORKS[name])
    drawn = diagram(network)
    edges = [tuple(edge) for edge in drawn.edges]
    assert set(edges) == expected_edges(network, drawn)
    assert len(edges) == len(set(edges))
    assert sum(f.count or 0 for f in drawn.families) == len(edges)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tensor_networks() | graphs())
def test_the_edges_of_any_network(text: str) -> None:
    network = parse(text)
    drawn = diagram(network)
    assert {tuple(edge) for edge in drawn.edges} == expected_edges(network, drawn)
    check_whole(network, drawn)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_can_be_drawn(path: Path) -> None:
    network = load(str(path))
    drawn = diagram(network)
    check_whole(network, drawn)
    assert json.loads(json.dumps(drawn.as_json()))["columns"] == drawn.columns


def check_whole(network: Network, drawn: Diagram) -> None:
    """What holds of every drawing."""
    column = {group.name: group.column for group in drawn.groups}
    kinds = {group.name: group.kind for group in drawn.groups}
    assert set(column.values()) <= set(range(drawn.columns))
    assert [g.kind for g in drawn.groups].count("loss") == 1
    for family in drawn.families:
        if kinds[family.start] not in ("target", "constant"):
            assert column[family.start] < column[family.end]
    named = [member for group in drawn.groups for member in group.members]
    assert len(named) == len(set(named))
    computed = {name for name in network.equations if not network[name].hidden}
    inputs = {q.name for q in network.of_kind("input", "target")}
    assert computed | inputs <= set(named)
    ids = {n.id for group in drawn.groups for n in group.neurons}
    assert {end for edge in drawn.edges for end in (edge.start, edge.end)} <= ids
    components = [c for group in drawn.groups for n in group.neurons for c in n.components]
    assert len(components) == len(set(components))


# group: (members, kind, column, bias), as the example's own source draws it
DRAWN = {
    "chain_3_3_1": {
        "x": (("x",), "input", 0, None),
        "h2": (("z1", "h2"), "hidden", 1, "b1"),
        "h3": (("z2", "h3"), "output", 2, "b2"),
        "y": (("y",), "target", 3, None),
        "J": (("J",), "loss", 3, None),
    },
    "two_neurons": {
        "i": (("i",), "input", 0, None),
        "r_h": (("r_h",), "hidden", 1, None),
        "r_o": (("r_o",), "output", 2, None),
        "t": (("t",), "target", 3, None),
        "E": (("E",), "loss", 3, None),
    },
    "four_neurons": {
        "x1": (("x1",), "input", 0, None),
        "x2": (("x2",), "input", 0, None),
        "h1": (("d1", "h1"), "hidden", 1, "b1"),
        "h2": (("d2", "h2"), "hidden", 1, "b2"),
        "u3": (("d3", "u3"), "output", 2, "b3"),
        "u4": (("d4", "u4"), "output", 2, "b4"),
        "y3": (("y3",), "target", 3, None),
        "y4": (("y4",), "target", 3, None),
        "e": (("s3", "s4", "e"), "loss", 3, None),
    },
    "residual": {
        "x": (("x",), "input", 0, None),
        "h1": (("z1", "h1"), "hidden", 1, "b1"),
        "h2": (("z2", "h2"), "output", 2, "b2"),
        "y": (("y",), "target", 3, None),
        "J": (("J",), "loss", 3, None),
    },
    "shared_weights": {
        "x1": (("x1",), "input", 0, None),
        "x2": (("x2",), "input", 0, None),
        "h1": (("z1", "h1"), "hidden", 1, "b"),
        "h2": (("z2", "h2"), "hidden", 2, "b"),
        "z3": (("z3",), "output", 3, None),
        "y": (("y",), "target", 4, None),
        "J": (("J",), "loss", 4, None),
    },
    "softmax_classifier": {
        "x": (("x",), "input", 0, None),
        "h2": (("z2", "h2"), "hidden", 1, "b1"),
        "z3": (("z3",), "sum", 2, "b2"),
        "o": (("o",), "output", 3, None),
        "y": (("y",), "target", 4, None),
        "J": (("J",), "loss", 4, None),
    },
    "diamond": {
        "a": (("a",), "quantity", 0, None),
        "b": (("b",), "output", 1, None),
        "c": (("c",), "loss", 2, None),
    },
    "deeplizard": {
        "a{L-2}": (("a{L-2}",), "input", 0, None),
        "a{L-1}": (("z{L-1}", "a{L-1}"), "hidden", 1, None),
        "a{L}": (("z{L}", "a{L}"), "output", 2, None),
        "y": (("y",), "target", 3, None),
        "C_0": (("C_0j", "C_0"), "loss", 3, None),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_one_neuron_and_where_it_stands(name: str, examples: Path) -> None:
    drawn = diagram(load(str(examples / f"{name}.bp")))
    found = {g.name: (g.members, g.kind, g.column, g.bias) for g in drawn.groups}
    assert found == DRAWN[name]


def test_the_edges_into_the_loss_carry_the_constants_of_the_source(examples: Path) -> None:
    drawn = diagram(load(str(examples / "four_neurons.bp")))
    assert {e for e in drawn.edges if e.end == "e" and e.component} == {
        ("u3", "e", "w9"),
        ("u4", "e", "w10"),
    }


def test_a_gate_stands_inside_and_what_the_loss_reads_is_the_output() -> None:
    text = (
        "input x, c\ntarget y\nweight w, v\nf = sigmoid(w*x)\ng = tanh(v*x)\n"
        "s = f*c + g\nh = f*tanh(s)\nr = w^2\nloss J = (h - y)^2 + r"
    )
    kinds = {g.name: g.kind for g in diagram(parse(text)).groups}
    assert kinds == {
        "x": "input", "c": "input", "f": "hidden", "g": "hidden", "s": "quantity",
        "h": "output", "y": "target", "r": "quantity", "J": "loss",
    }  # fmt: skip


def test_a_shared_bias_stands_in_each_neuron() -> None:
    drawn = diagram(load("mlp:2-3-1"))
    (hidden,) = (g for g in drawn.groups if g.name == "h2")
    assert [(n.id, n.components, n.bias) for n in hidden.neurons] == [
        ("h2[1]", ("z2[1]", "h2[1]"), "b1[1]"),
        ("h2[2]", ("z2[2]", "h2[2]"), "b1[2]"),
        ("h2[3]", ("z2[3]", "h2[3]"), "b1[3]"),
    ]


@pytest.mark.parametrize(
    ("name", "irregular"),
    [
        ("chain_3_3_1", False),
        ("four_neurons", False),
        ("residual", False),
        ("shared_weights", True),  # x2 leads past a column
        ("softmax_classifier", False),
        ("deeplizard", False),
    ],
)
def test_what_needs_a_layout_of_its_own(name: str, irregular: bool, examples: Path) -> None:
    assert diagram(load(str(examples / f"{name}.bp"))).irregular is irregular


def test_scalar_neurons_that_are_not_all_joined_need_a_layout() -> None:
    text = "input a, b\nweight u, v\ny1 = u*a\ny2 = v*b\nloss J = y1^2 + y2^2"
    assert diagram(parse(text)).irregular


def test_large_groups_are_folded_and_their_edges_counted() -> None:
    drawn = diagram(load("mlp:784-128-10"))
    sizes = {g.name: (g.size, g.folded, len(g.neurons)) for g in drawn.groups}
    assert sizes["x"] == (784, True, 0)
    assert sizes["h2"] == (128, True, 0)
    assert sizes["h3"] == (10, False, 10)
    counts = {(f.start, f.end, f.weight): (f.count, f.to_axis, f.drawn) for f in drawn.families}
    assert counts["x", "h2", "w1"] == (784 * 128, 0, False)
    assert counts["h2", "h3", "w2"] == (1280, 0, False)
    assert len(drawn.edges) == 20  # outputs and targets to the loss


def test_a_group_of_sixty_is_listed_and_one_more_is_folded() -> None:
    whole, folded = (diagram(load(f"mlp:2-{n}-1")) for n in (FOLDED, FOLDED + 1))
    assert [len(g.neurons) for g in whole.groups if g.name == "h2"] == [60]
    assert [len(g.neurons) for g in folded.groups if g.name == "h2"] == [0]


def test_beyond_a_number_of_edges_families_are_counted_only() -> None:
    drawn = diagram(load("mlp:" + "-".join(["60"] * 8)))
    assert len(drawn.edges) <= LISTED
    assert sum(f.count or 0 for f in drawn.families) == 7 * 3600 + 120
    assert {f.drawn for f in drawn.families} == {True, False}


def test_a_folded_softmax_counts_each_pair_once() -> None:
    drawn = diagram(load("mlp:5-100,tanh,cross_entropy"))
    counts = {(f.start, f.end): f.count for f in drawn.families if f.weight is None}
    (between,) = (n for pair, n in counts.items() if pair[1] == "o")
    assert between == 100 * 100


def test_a_transposed_weight_says_which_axis_leads_on() -> None:
    text = "input x[2]\nweight w[2,3]\nz[i] = sum(j: w[j,i]*x[j])\nloss J = sum(i: z[i]^2)"
    (family, _) = diagram(parse(text)).families
    assert (family.weight, family.to_axis) == ("w", 1)


def test_sizes_without_a_number_are_folded_and_said_so(examples: Path) -> None:
    drawn = diagram(load(str(examples / "deeplizard.bp")))
    layers = [g for g in drawn.groups if g.kind != "loss"]
    assert all(g.folded and g.size is None and g.shape == ("n",) for g in layers)
    assert all(f.count is None and not f.drawn for f in drawn.families)
    assert "cannot be listed" in drawn.notes[0]


def test_what_is_not_drawn_is_said() -> None:
    text = (
        "input x[2]\ntarget y\nweight w[2]\nz = sum(j: w[j]*x[j])\n"
        "loss J = (y - z)^2 + sum(j: w[j]^2)/100"
    )
    assert diagram(parse(text)).notes == ("w enters J directly, too",)


def test_what_enters_the_loss_directly_is_told_with_its_place() -> None:
    """Weight decay: each weight's own way into the loss, beside its edge; a path like any other."""
    text = (
        "input x[2] = [1, 2]\ntarget y[2] = [1, 1]\nweight w[2,2] = [[1, 2], [3, 4]]\n"
        "bias b[2] = [0, 1]\nz[i] = sum(j: w[i,j]*x[j]) + b[i]\n"
        "loss J = sum(i: (z[i] - y[i])^2) + sum(i,j: w[i,j]^2)/10 + b[1]^2"
    )
    network = parse(text)
    drawn = diagram(network)
    assert {tuple(aside) for aside in drawn.asides} == {
        ("w[1,1]", "J"), ("w[1,2]", "J"), ("w[2,1]", "J"), ("w[2,2]", "J"), ("b[1]", "J"),
    }  # fmt: skip
    assert {group.name: group.beside for group in drawn.groups if group.beside} == {"J": ("w", "b")}
    answer = paths(network, "w[1,2]")
    ends = [[repr(link.end) for link in path.links] for path in answer.paths]
    assert ends == [["z[1]", "J"], ["J"]]
    # 2*(z - y)*x = 2*(5 - 1)*2, and 2*w/10
    assert [path.product for path in answer.paths] == pytest.approx([16.0, 0.4])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_no_example_has_a_weight_beside_its_edges(path: Path) -> None:
    assert diagram(load(str(path))).asides == ()


def test_a_network_over_samples_is_refused() -> None:
    with pytest.raises(NetworkError, match="lifted over samples"):
        diagram(load("mlp:2-3-1").over(4))


# -- paths -----------------------------------------------------------------------------------


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None or not math.isfinite(other):
        return one is None or not math.isfinite(one)
    return math.isclose(one, other, rel_tol=1e-8, abs_tol=1e-9)


def questions(network: Network) -> Iterator[str]:
    """One component of each quantity that has a derivative."""
    dice = random.Random(1)
    for q in network.quantities.values():
        if q.kind != "constant" and not q.hidden:
            yield written((q.name, dice.choice(list(components_of(network, q.name))))) or ""


def component_graph(network: Network) -> nx.DiGraph:
    """Which component is made of which, by brute force; unnamed arguments left out."""
    graph = nx.DiGraph()
    graph.add_node(network.loss)
    for (name, at), (end, there), weight in all_terms(network):
        after = written((end.removesuffix(ARGUMENT), there))
        for source in ((name, at), weight):
            if source is not None and not network[source[0]].hidden:
                graph.add_edge(written(source), after)
    return graph


def check_paths(network: Network, asked: Sequence[str]) -> None:
    numbers, graph = evaluate(network), component_graph(network)
    for quantity in asked:
        check_paths_from(network, quantity, {**numbers.adjoints, **numbers.gradients}, graph)


def check_paths_from(
    network: Network, quantity: str, table: Mapping[str, NDArray[Any]], graph: nx.DiGraph
) -> None:
    answer = paths(network, quantity, limit=200)
    q = answer.quantity
    if q.name in table:  # targets have no entry
        expected = float(table[q.name][tuple(i - 1 for i in q.indices if isinstance(i, int))])
        assert close(answer.gradient, expected), quantity
    assert close(answer.sum, answer.gradient), quantity
    for path in answer.paths:
        factors = [link.value for link in path.links]
        assert all(a.end == b.start for a, b in itertools.pairwise(path.links))
        assert close(path.product, math.prod(f for f in factors if f is not None))
    if len(answer.paths) == answer.total:
        assert close(sum(p.product or 0.0 for p in answer.paths), answer.sum)
    else:
        assert len(answer.paths) == 200
    if quantity not in graph:
        assert answer.total == 0
        return
    if answer.total <= 200:
        ways = [tuple(w) for w in nx.all_simple_paths(graph, quantity, network.loss)]
        if quantity == network.loss:
            ways = [(network.loss,)]
        found = [(repr(q), *(repr(k.end) for k in path.links)) for path in answer.paths]
        assert sorted(set(found)) == sorted(ways)  # each as often as its terms say, see below


@pytest.mark.parametrize("name", NETWORKS)
def test_the_paths_add_up_to_the_gradient(name: str) -> None:
    text = NETWORKS[name].replace("function f with derivative t", "function f(u) = u^3 - u")
    network = valued(parse(text))
    check_paths(network, list(questions(network)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(tensor_networks() | graphs(), st.randoms(use_true_random=False))
def test_the_paths_of_any_network_add_up(text: str, dice: random.Random) -> None:
    network = valued(parse(text), dice.randint(0, 9))
    check_paths(network, dice.sample([*questions(network)], 3))


def test_the_chain_of_the_source(examples: Path) -> None:
    answer = paths(load(str(examples / "chain_3_3_1_linear.bp")), "w2[1,2]")
    (path,) = answer.paths
    assert [repr(link.end) for link in path.links] == ["z2[1]", "h3[1]", "J"]
    assert [repr(link.factor) for link in path.links] == ["h2[2]", "1", "-(y[1] - h3[1])"]
    assert repr(path.chain) == "∂(J)/d(h3[1])*∂(h3[1])/d(z2[1])*∂(z2[1])/d(w2[1,2])"
    assert repr(answer.gathered) == "-(y[1] - h3[1])*h2[2]"


@st.composite
def weighted_graphs(draw: st.DrawFn) -> tuple[str, nx.MultiDiGraph]:
    """Neurons that are sums, or functions of sums, of earlier ones, and the edges meant."""
    graph, names, lines = nx.MultiDiGraph(), ["x"], ["input x = 3/10"]
    for k in range(draw(st.integers(1, 5))):
        terms = []
        for number, source in enumerate(draw(st.lists(st.sampled_from(names), min_size=1))):
            weight = f"w{k}_{number}"
            lines.append(f"weight {weight} = {draw(st.integers(-9, 9))}/7")
            terms.append(draw(st.sampled_from([f"{weight}*{source}", source, f"-{source}/2"])))
            graph.add_edge(source, f"q{k}")
        form = draw(st.sampled_from(["{}", "tanh({})", "-({})/3", "2*({} + 1)"]))
        lines.append(f"q{k} = " + form.format(" + ".join(terms)))
        names.append(f"q{k}")
    lines.append(f"loss J = {names[-1]}^2")
    graph.add_edge(names[-1], "J")
    return "\n".join(lines), graph


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(weighted_graphs())
def test_every_edge_between_two_neurons_makes_paths_of_its_own(
    made: tuple[str, nx.MultiDiGraph],
) -> None:
    text, graph = made
    answer = paths(parse(text), "x", limit=100)
    ways: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        ways[node] = node == "J" or sum(ways[end] for _, end in graph.out_edges(node))
    assert answer.total == ways.get("x", 0)
    assert close(answer.sum, answer.gradient)
    if len(answer.paths) == answer.total:
        assert close(sum(path.product or 0.0 for path in answer.paths), answer.gradient)


def test_a_quantity_used_twice_makes_a_path_of_each_use(examples: Path) -> None:
    answer = paths(load(str(examples / "diamond.bp")), "a")
    assert (answer.total, answer.sum, repr(answer.gathered)) == (4, 4.0, "4")
    assert [path.product for path in answer.paths] == [1.0] * 4
    assert answer.notes[0].startswith("b holds a in 2 terms: each makes paths of its own")


def test_a_use_is_told_by_its_weight_and_by_its_term() -> None:
    """Two edges from z to p; and in q a multiple of z beside a function of it."""
    text = "input z = 1\nweight u = 2, v = 3\np = tanh(u*z + v*z)\nq = 5*z + z^2\nloss J = p*q"
    answer = paths(parse(text), "z")
    first = [path.links[0] for path in answer.paths]
    assert [(repr(link.weight), repr(link.end)) for link in first] == [
        ("u", "p"), ("v", "p"), ("None", "q"), ("None", "q"),
    ]  # fmt: skip
    assert [repr(link.factor) for link in first[2:]] == ["5", "2*z"]
    assert repr(first[0].derivative).endswith("∂(u*z)/d(z)")


@pytest.mark.parametrize(
    ("equations", "count", "said"),
    [
        ("z = w*x\np = u*z + v*z", 2, "z enters p (twice: by u·z and v·z)"),
        ("z = w*x\np = tanh(u*z - 3*(v*z + z^2))", 3, "(3 times: by u·z, -3·v·z and -3·z^2)"),
        ("z = w*x\np = z + z", 2, "z enters p (twice); p enters E"),
        ("q = w + w\nz = q*x\np = u*z + v*z", 4, "z enters p (twice: by u·z and v·z)"),
        ("z = w*x\np = sin(z)*z", 1, "z enters p; p enters E"),
        (
            "y[i] = w*i1[i]\np = y[1] + u*y[2] + v*y[1]",
            3,
            "y[1] enters p (twice: by y[1] and v·y[1])",
        ),
    ],
)
def test_the_chain_counts_the_ways_that_are_drawn(equations: str, count: int, said: str) -> None:
    """One factor for all terms that hold a quantity, as it is written; the words count them."""
    text = f"input x, i1[2]\ntarget t\nweight w, u, v\n{equations}\nloss E = (t - p)^2 / 2"
    made = parse(text)
    assert paths(made, "w", numbers=False).total == count
    derivation = derive(made, "w", style="chain")
    words = " ".join(render(derivation, "as-written").split())
    assert said in words
    each = [1 if (told := re.search(r"stands in (\d)", str(b.before))) is None else int(told[1])
            for b in derivation.blocks]  # fmt: skip
    # where the ways part over several quantities the chain itself is a sum of products
    if "i1[i]" not in equations:
        assert math.prod(each) == count


def test_what_a_function_uses_twice_is_one_way() -> None:
    """-y*log(o) - (1 - y)*log(1 - o) is one function of o, as its derivative shows."""
    answer = paths(load("mlp:1-1,sigmoid,binary_cross_entropy"), "w1[1,1]")
    assert answer.total == 1


def test_a_local_derivative_holds_other_quantities() -> None:
    """b = a^2, c = b*a at a = 2: 4*2 by way of b, and 4 straight, make 12."""
    answer = paths(parse("weight a = 2\nb = a^2\nloss c = b*a"), "a")
    assert sorted(p.product or 0 for p in answer.paths) == [4.0, 8.0]
    assert answer.sum == 12.0


def test_a_skipping_connection_is_a_path_of_its_own(examples: Path) -> None:
    answer = paths(load(str(examples / "residual.bp")), "h1[1]")
    ends = [[repr(link.end) for link in path.links] for path in answer.paths]
    assert ends == [["z2[1]", "h2[1]", "J"], ["z2[2]", "h2[2]", "J"], ["h2[1]", "J"]]
    first, _, straight = answer.paths
    assert (first.links[0].weight, repr(first.links[0].factor)) == (
        Ref("w2", (1, 1)),
        "w2[1,1]",
    )
    assert (straight.links[0].weight, repr(straight.links[0].factor)) == (None, "1")


def test_the_weight_on_a_link_is_its_derivative() -> None:
    network = load("mlp:3-4-2")
    for number in (1, 2, 3):
        for path in paths(network, f"x[{number}]", numbers=False).paths:
            into = [link for link in path.links if link.end.name.startswith("z")]
            assert len(into) == 2
            assert all(link.weight is link.factor for link in into)


def test_paths_are_counted_without_being_listed() -> None:
    network = load("mlp:" + "-".join(["20"] * 12))
    answer = paths(network, "x[1]", limit=3, numbers=False)
    assert answer.total == 20**11
    assert len(answer.paths) == 3
    assert answer.notes == (f"3 of {20**11:,} paths are listed, in the equations' order",)
    assert answer.gathered is None


def test_the_largest_paths_come_first_where_some_are_left_out() -> None:
    network = valued(load("mlp:4-5-4-3,tanh"))
    every = paths(network, "x[2]", limit=10_000)
    some = paths(network, "x[2]", limit=7)
    sizes = sorted((abs(p.product or 0) for p in every.paths), reverse=True)
    assert every.total == some.total == len(every.paths) == 60
    assert [abs(p.product or 0) for p in some.paths] == pytest.approx(sizes[:7])
    assert some.notes == ("7 of 60 paths are listed, the largest first",)
    assert some.sum == every.sum


def test_no_path_leads_from_what_the_loss_does_not_need() -> None:
    answer = paths(parse("input x = 1\nweight w = 2, v = 3\nq = v*x\nloss J = w*x"), "v")
    assert (answer.total, answer.paths, answer.sum, answer.gradient) == (0, (), 0.0, 0.0)


def test_without_values_there_are_expressions_and_a_note(examples: Path) -> None:
    answer = paths(load(str(examples / "four_neurons.bp")), "w1")
    assert answer.total == 2
    assert answer.sum is None
    assert answer.paths[0].product is None
    assert answer.notes == ("there are no numbers: x1, x2, y3 and y4 have no value",)


@pytest.mark.parametrize(
    ("text", "quantity", "kind", "says"),
    [
        ("mlp:2-2-1", "w1", DerivationError, "several components"),
        ("mlp:2-2-1", "w1[1,j]", DerivationError, "several components"),
        ("mlp:2-2-1", "w1[3,1]", BackproveError, "3 is out of range"),
        ("mlp:2-2-1", "nothing", BackproveError, "no quantity named"),
        ("weight w\nconstant c = 2\nloss J = c*w", "c", DerivationError, "a constant"),
        ("size n\nweight w[n]\nloss J = sum(i: w[i])", "w[1]", DataError, "has no number"),
    ],
)
def test_questions_that_have_no_paths(
    text: str, quantity: str, kind: type[BackproveError], says: str
) -> None:
    network = load(text) if text.startswith("mlp") else parse(text)
    with pytest.raises(kind, match=says):
        paths(network, quantity)


def test_too_many_links_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprove.diagram.paths.MOST_LINKS", 30)
    with pytest.raises(DataError, match="links lead from"):
        paths(load("mlp:10-10-1"), "x[1]")
