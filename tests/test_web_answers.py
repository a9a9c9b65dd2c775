"""What the page is answered: every network at every question, and one checker for the answers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backprove as bp
from backprove.derivation import derive
from backprove.errors import DataError
from backprove.expr import Ref
from backprove.language import from_text, source_text
from backprove.network import Network
from backprove.notation import bind, load, names
from backprove.render import FORMATS, render
from backprove.render.layout import layout
from backprove.render.mathml import mathml_of_box
from backprove.run.beside import numbers_of, quick_numbers_of
from backprove.run.table import read_table
from backprove.run.targets import standalone
from backprove.run.values import Evaluator, nested, stand_ins

pytest.importorskip("pydantic", reason="the explorer needs pip install 'backprove[serve]'")

from backprove.web.answers import ANSWERS, answered, choices
from backprove.web.messages import Given
from backprove.web.opening import Start, first

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {
    path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.bp")
}

SOFTMAX = """
input  x[3] = [1, 2, 3]
target y[2] = [1, 0] with sum(k: y[k]) = 1
weight w[2,3] = [[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]
z[i] = sum(j: w[i,j]*x[j])
o[i] = exp(z[i])/sum(k: exp(z[k]))
loss J = -sum(i: y[i]*log(o[i]))
"""

UNNAMED = """
input  x = 0.5
target t = 1
weight w1 = 0.3, w2 = -0.7
bias   b1 = 0.1
h1 = tanh(w1*x + b1)
h2 = sigmoid(w2*h1)
loss E = (t - h2)^2/2
"""

# network, a component to ask for, and whether there are numbers
NETWORKS = {
    "builder": ("mlp:2-3-1", "w1[2,1]", True),
    "classes": ("mlp:2-3-2,tanh,cross_entropy", "w2[1,3]", True),
    "neuron": ("neuron:3,relu", "w[2]", True),
    "softmax": (SOFTMAX, "w[1,2]", True),
    "unnamed": (UNNAMED, "w1", True),
    "chain": (EXAMPLES["chain_3_3_1"], "w2[1,2]", True),
    "two": (EXAMPLES["two_neurons"], "w_h", True),
    "residual": (EXAMPLES["residual"], "w1[1,2]", True),
    "shared": (EXAMPLES["shared_weights"], "u[1,2]", True),
    "diamond": (EXAMPLES["diamond"], "a", True),
    "letters": (EXAMPLES["four_neurons"], "w8", False),
    "depth": (EXAMPLES["deeplizard"], "w{L}[j,k]", False),
}
ASKED = [(name, notation) for name in NETWORKS for notation in ("as-written", "nielsen")] + [
    ("letters", "one-letter"), ("depth", "deeplizard"), ("two", "representative"),
    ("chain", "chain"), ("residual", "cs231n"),
]  # fmt: skip


def ask(path: str, text: str, **fields: Any) -> tuple[int, Any]:
    """The status and the answer, by way of JSON as it travels."""
    request = ANSWERS[f"/api/{path}"].asks.model_validate_json(json.dumps({"text": text, **fields}))
    status, answer = answered(f"/api/{path}", request)
    return status, json.loads(answer)


def good(path: str, text: str, **fields: Any) -> Any:
    status, answer = ask(path, text, **fields)
    assert status == 200, answer
    return answer


def strings(answer: Any) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        yield from (s for value in answer.values() for s in strings(value))
    elif isinstance(answer, list):
        yield from (s for value in answer for s in strings(value))


def check_formulas(answer: Any, network: Network, least: int = 1) -> None:
    """Every formula is well formed, brings no style of its own, and points at what there is."""
    formulas = [s for s in strings(answer) if "<math" in s]
    assert len(formulas) >= least
    pointers = set()
    for text in formulas:
        tree = ElementTree.fromstring(f"<root>{text.replace('<wbr>', '<wbr/>')}</root>")
        for element in tree.iter():
            assert element.tag in ALLOWED, element.tag
            assert not {a for a in element.attrib if a == "style" or a.startswith("on")}
            if "data-q" in element.attrib:
                pointers.add(element.attrib["data-q"])
    for pointer in pointers:
        name, _, indices = pointer.removeprefix("∂").partition("[")
        shape = [network.length(size) for size in network[name].shape]
        if indices:
            places = [int(i) for i in indices.rstrip("]").split(",")]
            assert len(places) == len(shape)
            assert all(1 <= i <= (n or i) for i, n in zip(places, shape, strict=True))


ALLOWED = {
    "root", "span", "wbr", "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msub",
    "msup", "msubsup", "munder", "munderover", "msqrt", "p", "em", "var", "sub",
}  # fmt: skip


# -- every network, every question ---------------------------------------------------------


@pytest.mark.parametrize(("name", "notation"), ASKED)
def test_a_network_is_told_with_formulas_that_point_at_it(name: str, notation: str) -> None:
    text, _, computable = NETWORKS[name]
    network = from_text(text)
    answer = good("network", text, notation=notation)
    check_formulas(answer, network, least=len(answer["quantities"]))
    assert parts(bp.parse(answer["text"])) == parts(network)
    assert answer["loss"] == network.loss
    assert answer["symbolic"] == network.symbolic
    assert bool(answer["open"]) != computable, "numbers are asked for where nothing is open"
    assert [q["name"] for q in answer["quantities"]] == [
        q.name for q in network.quantities.values() if not q.hidden and q.name not in network.sizes
    ]
    groups = {group["name"] for group in answer["diagram"]["groups"]}
    assert all({f["from"], f["to"]} <= groups for f in answer["diagram"]["families"])
    if not network.of_kind("input"):
        computable = False  # nothing to learn from
    assert answer["trainable"] == computable


def parts(network: Network) -> tuple[Any, ...]:
    return tuple(network.equations.values()), tuple(network.quantities.values())


@pytest.mark.parametrize(
    ("name", "notation", "style"),
    [(*row, "chain") for row in ASKED]
    + [(name, "as-written", style) for name in NETWORKS for style in ("equation", "dynamic")],
)
def test_a_derivation_is_that_of_the_front_door(name: str, notation: str, style: str) -> None:
    text, quantity, computable = NETWORKS[name]
    network = from_text(text)
    answer = good(
        "derivation", text, quantity=quantity, style=style, notation=notation, numbers=True
    )
    check_formulas(answer, network)
    bound = bind(load(notation), network)
    made = derive(network, quantity, style, named=bound.named_adjoints)
    rows = [len(block["rows"]) for block in answer["blocks"] if block["rows"]]
    assert len(rows) >= sum(block.start is not None for block in made.blocks)
    assert (answer["answer"] is None) == (made.answer is None)
    assert any(block["values"] for block in answer["blocks"]) == computable
    assert any("no numbers" in note for note in answer["notes"]) != computable


def test_why_is_told_where_it_is_asked() -> None:
    text, quantity, _ = NETWORKS["chain"]
    whole, bare = (good("derivation", text, quantity=quantity, why=why) for why in (True, False))
    reasons = [
        [reason for block in answer["blocks"] for row in block["rows"] for reason in row["reasons"]]
        for answer in (whole, bare)
    ]
    told = [key for reason in reasons[0] for key in ("law", "changes") if reason[key]]
    assert {"law", "changes"} == set(told)
    for reason in reasons[0]:
        reason["law"] = reason["changes"] = []
    assert whole == bare


@pytest.mark.parametrize(("name", "notation"), ASKED)
def test_the_backward_pass_reads_only_what_stands_above(name: str, notation: str) -> None:
    text, _, computable = NETWORKS[name]
    network = from_text(text)
    answer = good("backprop", text, notation=notation, numbers=True)
    check_formulas(answer, network)
    rows = {row["name"]: row for row in answer["rows"]}
    assert {q.name for q in network.trained} <= {n for n, r in rows.items() if r["right"]}
    known: set[str] = set()
    for name_, row in rows.items():
        assert set(row["uses"]) <= known
        assert row["reused"] == sum(name_ in other["uses"] for other in rows.values())
        assert row["reason"] or row["right"]
        known.add(name_)
    if computable:
        numbers = good("numbers", text)
        found = {**numbers["adjoints"], **numbers["gradients"]}
        for name_, row in rows.items():
            if name_ in found:
                np.testing.assert_allclose(row["value"], found[name_], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_those_of_evaluate(name: str) -> None:
    text, _, computable = NETWORKS[name]
    status, answer = ask("numbers", text, eta=0.1)
    if not computable:
        assert status == 422
        return
    network = from_text(text).with_values(nested(stand_ins(from_text(text), 0)))
    expected = bp.evaluate(network, eta=0.1)
    assert answer["loss"] == expected.loss
    assert answer["loss_after"] == expected.loss_after
    for field in ("values", "adjoints", "gradients", "updated"):
        assert answer[field] == nested(getattr(expected, field))
    kinds = network.of_kind("input", "target", "weight", "bias", "constant")
    assert answer["given"].keys() == {q.name for q in kinds}


@pytest.mark.parametrize("name", [name for name, row in NETWORKS.items() if row[2]])
def test_the_paths_sum_to_the_gradient(name: str) -> None:
    text, quantity, _ = NETWORKS[name]
    network = from_text(text)
    answer = good("paths", text, quantity=quantity, limit=200)
    check_formulas(answer, network)
    numbers = good("numbers", text)
    place = [int(i) - 1 for i in re.findall(r"\d+", quantity.partition("[")[2])]
    gradient = np.asarray(
        {**numbers["adjoints"], **numbers["gradients"]}[answer["quantity"].partition("[")[0]]
    )
    assert answer["gradient"] == pytest.approx(gradient[tuple(place)], rel=1e-9, abs=1e-12)
    assert answer["sum"] == pytest.approx(answer["gradient"], rel=1e-9, abs=1e-12)
    assert answer["total"] == answer["shown"] == len(answer["paths"])
    assert answer["sum"] == pytest.approx(sum(p["product"] for p in answer["paths"]), abs=1e-12)
    for path in answer["paths"]:
        assert path["points"][0] == answer["quantity"]
        assert path["points"][-1] == network.loss
        assert np.prod([e["value"] for e in path["edges"]]) == pytest.approx(path["product"])


@pytest.mark.parametrize(
    ("name", "answer", "verdict", "wrong"),
    [
        ("two", "-(t - r_o)*w_o*i", "right", None),
        ("two", r"-(t - r_o) \cdot w_o \cdot i", "right", None),
        ("two", "(t - r_o)*w_o*i", "wrong", 1),
        ("two", "dE/dw_h = -(t - r_o)*w_o*i\n= -(t - r_o)*w_o", "wrong", 2),
        ("two", "dE/dw_h = @@", "unreadable", 1),
        ("two", "dE/dw_h = -(t - r_o)*w_o*i\n= \\frac{w_o}{", "unreadable", 2),
        ("chain", "-(y[1] - h3[1])*h3[1]*(1 - h3[1])*h2[2]", "right", None),
        ("residual", "0", "wrong", 1),
    ],
)
def test_an_answer_is_judged_at_its_line(
    name: str, answer: str, verdict: str, wrong: int | None
) -> None:
    text, quantity, _ = NETWORKS[name]
    found = good("check", text, quantity=quantity, answer=answer)
    assert (found["verdict"], found["first_wrong_line"]) == (verdict, wrong)
    assert (found["comparison"] is not None) == (verdict == "wrong")
    check_formulas(found, from_text(text), least=0)
    for line in found["lines"]:
        unread = verdict == "unreadable" and line["number"] >= (wrong or 0)
        assert bool(line["mathml"]) != unread, "a line that was judged was read"


@pytest.mark.parametrize(
    ("answer", "read", "problems"),
    [
        ("-(t - r_o)*w_o*i", [1], []),
        ("dE/dw_h = -(t - r_o)*w_o*i\n= 3 + @\n= 3", [1], [2]),
        ("@", [], [1]),
        ("", [], []),
        ("dE/dw_h = a*b*nothing[1]", [], [1]),
    ],
)
def test_a_preview_shows_each_line_as_it_is_read(
    answer: str, read: list[int], problems: list[int]
) -> None:
    found = good("preview", EXAMPLES["two_neurons"], answer=answer, quantity="w_h")
    assert [line["number"] for line in found["lines"] if line["mathml"]] == read
    assert [line["number"] for line in found["lines"] if line["problem"]] == problems
    assert [line["text"] for line in found["lines"]] == answer.split("\n")
    check_formulas(found, from_text(EXAMPLES["two_neurons"]), least=len(read))


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_is_what_the_command_line_writes(format: str) -> None:
    text, quantity, _ = NETWORKS["residual"]
    found = good("export", text, quantity=quantity, format=format)
    network = from_text(text)
    assert found["content"] == render(derive(network, quantity), "as-written", format)
    assert "data-q" not in found["content"]
    assert re.fullmatch(r"[\w-]+\.\w+", found["name"])


@pytest.mark.parametrize("target", ["c", "numpy", "torch", "jax"])
def test_code_is_what_compile_writes(target: str) -> None:
    found = good("code", SOFTMAX, target=target)
    assert found["content"] == standalone(from_text(SOFTMAX), target)


# -- mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("input x\nloss J = x*q", 2, 12),
        ("input x = [1\n", 1, 11),
        ("weight w[2]\nloss J = sum(i: w[i]*", 2, None),
        ("examples/two_neurons.bp", 1, None),
        ("/etc/passwd", 1, None),
    ],
)
def test_a_mistake_in_the_text_has_its_place(text: str, line: int, column: int | None) -> None:
    for path in ("network", "numbers"):
        status, answer = ask(path, text)
        assert status == 422
        error = answer["error"]
        assert error["message"]
        assert error["line"] == line
        assert error["column"] == column if column else error["column"] >= 1
        assert "^" in error["excerpt"]


REFUSED = [
    ("network", "mlp:2-x", {}, "x"),
    ("network", "nothing:2-1", {}, "no builder"),
    ("network", "mlp:500-1000", {}, "numbers"),
    ("network", "mlp:2-1", {"notation": "nothing"}, "no notation"),
    ("network", "mlp:2-1", {"notation": "/etc/passwd"}, "no notation"),
    ("network", "mlp:2-1", {"notation": "backprove/notation/nielsen.toml"}, "no notation"),
    ("numbers", "mlp:2-1", {"values": {"nothing": 1}}, "no quantity"),
    ("numbers", "mlp:2-1", {"values": {"z2": [1]}}, "computed"),
    ("numbers", "mlp:2-1", {"values": {"x": [1, 2, 3]}}, "x needs 2"),
    ("numbers", "mlp:2-1", {"values": {"x": [[1], [2, 3]]}}, "finite numbers"),
    ("numbers", "mlp:2-1", {"values": {"x": "__import__('os')"}}, "rows of numbers"),
    ("numbers", "mlp:2-1", {"values": {"x": [True, False]}}, "finite numbers"),
    ("numbers", "mlp:2-1", {"values": {"x": [10**400, 1]}}, "larger than floating point"),
    ("numbers", "mlp:2-1", {"values": {"w1": float("nan")}}, "finite numbers"),
    ("derivation", "mlp:2-1", {"quantity": "nothing"}, "nothing"),
    ("derivation", "mlp:2-1", {"quantity": "w1[3,1]"}, "out of range"),
    ("derivation", "mlp:2-1", {"quantity": "w1[1.5,1]"}, "a letter or a whole number"),
    ("derivation", "mlp:2-1", {"quantity": "w1[1e400,1]"}, "a letter or a whole number"),
    ("paths", "mlp:2-1", {"quantity": "w1"}, "several components"),
    ("export", "mlp:2-1", {"quantity": "w1", "format": "pickle"}, "no format"),
    ("code", "mlp:2-1", {"target": "bash"}, "no target"),
    ("filled", "mlp:2-1", {"sizes": {"n": 3}}, "no open size n"),
    ("filled", EXAMPLES["deeplizard"], {"sizes": {"n": 0}}, "a whole number from 1"),
    ("filled", EXAMPLES["deeplizard"], {"sizes": {"n": 10**400}}, "a whole number from 1"),
    ("filled", EXAMPLES["deeplizard"], {"sizes": {"n": 1000}}, "numbers, more than"),
    ("filled", EXAMPLES["four_neurons"], {"functions": {"f": "__import__"}}, "no function"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "fields", "says"), REFUSED)
def test_what_cannot_be_answered_is_refused_in_words(
    path: str, text: str, fields: dict[str, Any], says: str
) -> None:
    status, answer = ask(path, text, **fields)
    assert status == 422
    assert says in answer["error"]["message"]
    assert answer["error"]["line"] is None, "a place in the network's text, and it has no mistake"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["x", "y", "w1", "b1", "z2", "q", ""]), JSON))
@settings(max_examples=150, deadline=None)
def test_any_values_are_used_or_refused(values: dict[str, Any]) -> None:
    for path in ("numbers", "network"):
        status, answer = ask(path, "mlp:2-1", values=values)
        assert status in (200, 422)
        assert ("error" in answer) == (status == 422)


def test_numbers_that_overflow_are_words() -> None:
    text = "input x = 1\nweight w = 1\nloss J = exp(exp(w*x))"
    answer = good("numbers", text, values={"w": 10})
    assert answer["loss"] == "inf"
    assert answer["gradients"]["w"] in ("inf", "nan")
    assert any("not finite" in note for note in answer["notes"])


# -- values, put in and evaluated again ----------------------------------------------------

NUMBER = st.floats(-3, 3, allow_nan=False)


@given(st.lists(NUMBER, min_size=2, max_size=2), NUMBER, st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_an_evaluator_called_again_is_evaluate_at_these_values(
    x: list[float], b: float, seed: int
) -> None:
    values = {"x": x, "y": 0.25, "b2": [b]}
    network = bp.load("mlp:2-3-1,tanh,sse")
    found = READY(values, eta=0.5, seed=seed)
    expected = bp.evaluate(network.with_values(values), eta=0.5, seed=seed)
    assert found.as_json() == expected.as_json()
    assert nested(found.given)["x"] == x


RIDGE = """input x[2] = [1, 2]
target y = 1
weight w[2] = [0.5, 0.25]
constant c = 0.1, d = 2, e[2] = [1, 3]
z = sum(i: w[i]*x[i])
loss J = (y - z)^2/2 + c*sum(i: e[i]*w[i]^2)/d
"""


def test_constants_are_values_too() -> None:
    network, ready = from_text(RIDGE), Evaluator(from_text(RIDGE))
    for values in ({}, {"c": 2.5}, {"c": 2.5, "d": 0.5}, {"c": 2.5}, {"e": [2.0, 5.0]}, {"c": 0.1}):
        wanted = bp.evaluate(network.with_values(values))
        found = ready(values, eta=0.1)
        assert found.loss == pytest.approx(wanted.loss, rel=1e-14)
        assert found.gradients["w"] == pytest.approx(wanted.gradients["w"], rel=1e-14)
        assert ready.results(values)["J"] == found.loss
        asked = good("numbers", RIDGE, values=values)
        assert asked["gradients"]["w"] == found.gradients["w"].tolist()


READY = Evaluator(bp.load("mlp:2-3-1,tanh,sse"))


def test_values_put_in_are_those_that_are_written() -> None:
    network = bp.parse(UNNAMED).with_values({"x": 0.1, "w1": -2})
    again = bp.parse(source_text(network))
    assert again["x"].value == network["x"].value
    assert "x = 0.1\n" in source_text(network)
    assert again["w1"].value == -2
    assert again["w2"].value == bp.parse(UNNAMED)["w2"].value


@pytest.mark.parametrize("promised", [False, True])
def test_what_stands_in_for_missing_values_can_be_evaluated(promised: bool) -> None:
    network = bp.load("softmax:5-3" if promised else "mlp:5-3")
    made = stand_ins(network, 3)
    assert made.keys() == {"x", "y"}
    assert (made["y"].sum() == 1) == promised
    assert np.abs(made["x"]).max() <= 1
    Evaluator(network)(nested(made))


def test_an_evaluator_takes_no_more_memory_than_allowed() -> None:
    with pytest.raises(DataError, match="allowed here"):
        Evaluator(bp.load("mlp:100-100"), memory=10_000)


@pytest.mark.parametrize("name", ["softmax", "unnamed", "residual", "shared", "builder"])
@pytest.mark.parametrize("style", ["chain", "equation", "dynamic"])
def test_quick_numbers_are_the_exact_ones(name: str, style: str) -> None:
    text, quantity, _ = NETWORKS[name]
    plain = from_text(text)
    values = nested(stand_ins(plain, 0))
    network = plain.with_values(values)
    exact, _ = numbers_of(network)
    quick = quick_numbers_of(plain, Evaluator(plain).results(values))
    asked = 0
    for block in derive(network, quantity, style).blocks:
        for e in (*block.end.children, block.end) if block.end else ():
            told, known = quick(e), exact(e)
            assert (told is None) == (known is None)
            if told is not None and known is not None:
                assert float(told) == pytest.approx(float(known), rel=2e-6, abs=1e-12)
                asked += 1
    assert asked


# -- symbols that point --------------------------------------------------------------------


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("name", ["chain", "unnamed"])
def test_pointing_changes_nothing_that_is_read(name: str, notation: str) -> None:
    text, quantity, _ = NETWORKS[name]
    network = from_text(text)
    plain = bind(load(notation), network)
    pointed = plain.pointed()
    made = derive(network, quantity, named=plain.named_adjoints)
    for format in ("text", "latex", "markdown", "json"):
        assert render(made, pointed, format) == render(made, plain, format)
    with_pointers, without = (render(made, n, "html", complete=False) for n in (pointed, plain))
    assert "data-q" not in without
    assert re.sub(r' data-q="[^"]*"', "", with_pointers).replace("mrow", "") != with_pointers
    assert unwrapped(with_pointers) == unwrapped(without)


def unwrapped(html: str) -> list[tuple[str, str]]:
    """The elements without rows, which only hold together what stands in them."""
    tree = ElementTree.fromstring(f"<r>{html.replace('<wbr>', '<wbr/>')}</r>")
    return [(e.tag, e.text or "") for e in tree.iter() if e.tag != "mrow"]


def test_a_symbol_says_what_it_stands_for() -> None:
    network = from_text(EXAMPLES["chain_3_3_1"])
    bound = bind(load("chain"), network).pointed()

    def pointers(ref: Ref) -> list[str]:
        return re.findall(r'data-q="([^"]*)"', mathml_of_box(layout(ref, bound)))

    assert pointers(Ref("w2", (1, 2))) == ["w2[1,2]"]
    assert pointers(Ref("w2", ("i", "j"))) == ["w2"]
    assert pointers(Ref("w2", (1, "j"))) == ["w2"]
    assert pointers(Ref("b2")) == ["b2"]
    assert pointers(Ref("∂z2", (1,))) == ["J", "z2[1]"]  # a fraction: on its parts
    letters = bind(load("nielsen"), network).pointed()
    assert letters.symbol(Ref("∂z2", (1,))).of == "∂z2[1]"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name, row in NETWORKS.items() if not row[2]])
def test_what_is_open_is_given_and_then_there_are_numbers(name: str) -> None:
    text, _, _ = NETWORKS[name]
    given = choices().functions
    for number, function in enumerate(given, 1):
        open_ = good("network", text)["open"]
        made = good(
            "filled",
            text,
            sizes={o["name"]: number for o in open_ if o["kind"] == "size"},
            functions={o["name"]: function for o in open_ if o["kind"] == "function"},
        )["text"]
        answer = good("network", made)
        assert (answer["open"], answer["trainable"]) == ([], True)
        assert answer["about"] == from_text(text).about
        assert good("numbers", made)["loss"] >= 0
        shown = good("backprop", made, numbers=True)["rows"]
        assert all(row["value"] is not None for row in shown if row["right"])


# -- choices -------------------------------------------------------------------------------


def test_the_tour_stops_at_each_source_in_its_own_notation() -> None:
    offered = choices()
    texts = {example.name: example.text for example in offered.examples}
    assert texts == EXAMPLES
    stops = [(s.example, s.notation, s.style) for s in offered.tour]
    assert stops == [
        ("four_neurons", "one-letter", "dynamic"), ("deeplizard", "deeplizard", "chain"),
        ("two_neurons", "representative", "equation"), ("chain_3_3_1", "chain", "chain"),
    ]  # fmt: skip
    for stop in offered.tour:
        ElementTree.fromstring(f"<root>{stop.words}</root>")
        shown = good(
            "derivation", texts[stop.example], quantity=stop.quantity, style=stop.style,
            zoom=stop.zoom, notation=stop.notation,
        )  # fmt: skip
        assert (shown["style"], shown["zoom"]) == (stop.style, stop.zoom)


def test_every_choice_can_be_taken() -> None:
    offered = choices()
    assert [n.name for n in offered.notations] == list(names())
    for notation in offered.notations:
        assert notation.title
        good("network", "mlp:2-2-1", notation=notation.name)
    for format in offered.formats:
        saved = good("export", "mlp:2-1", quantity="w1[1,1]", format=format.name)
        assert saved["name"].endswith(format.suffix)
    for target in offered.targets:
        assert good("code", "mlp:2-1", target=target.name)["name"].endswith(target.suffix)
    for data in offered.datasets:
        assert read_table(data.name).rows == data.rows
    for optimizer in offered.optimizers:
        assert 0 < optimizer.eta < 1


STARTS = [None, Start(text="mlp:2-1", file="mlp:2-1"), Start(text="loss = ", file="wrong.bp")]


@pytest.mark.parametrize("start", STARTS)
def test_the_first_network_is_answered_as_if_it_were_asked_about(start: Start | None) -> None:
    found = json.loads(first(start)[1])
    text, notation = found["text"], found["notation"]
    assert text == (EXAMPLES["chain_3_3_1"] if start is None else start.text)
    status, asked = answered("/api/network", Given(text=text, notation=notation, seed=0))
    assert found["network"] == (json.loads(asked) if status == 200 else None)
    if start is None:
        good("derivation", text, notation=notation, quantity=found["quantity"])


def test_the_wheel_holds_the_examples() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"examples": "backprove/examples"}
