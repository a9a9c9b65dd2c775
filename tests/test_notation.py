"""Notations: the symbols they give, no two alike, and what is said of a bad file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprove.errors import NetworkError, NotationError
from backprove.expr import Ref
from backprove.language import load as load_network
from backprove.language import parse
from backprove.network import Network, adjoint
from backprove.notation import bind, load, names, read_notation
from backprove.render import latex_of, text_of
from backprove.roles import roles

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.bp"))


def network(name: str) -> Network:
    return load_network(str(Path(__file__).parent.parent / "examples" / f"{name}.bp"))


# -- roles ---------------------------------------------------------------------------------

ROLES = [
    ("four_neurons", "d4", "dot product", "3", 4),
    ("four_neurons", "u4.argument", "weighted input", "3", 4),
    ("four_neurons", "h1", "activation", "2", 1),
    ("four_neurons", "u3", "output", "3", 3),
    ("four_neurons", "s3", "difference", "3", 3),
    ("four_neurons", "w8", "weight", "3", 8),
    ("four_neurons", "w10", "constant", "None", 10),
    ("two_neurons", "r_h", "activation", "2", None),
    ("two_neurons", "r_o", "output", "3", None),
    ("chain_3_3_1", "z1", "weighted input", "2", None),
    ("chain_3_3_1", "w2", "weight", "3", None),
    ("chain_3_3_1", "h3", "output", "3", None),
    ("deeplizard", "a{L}", "output", "L", None),
    ("deeplizard", "w{L-1}", "weight", "L-1", None),
    ("deeplizard", "C_0j", "loss term", "None", None),
    ("softmax_classifier", "o", "output", "3", None),
]


@pytest.mark.parametrize(("file", "name", "kind", "layer", "number"), ROLES)
def test_roles_are_read_off_the_equations(
    file: str, name: str, kind: str, layer: str, number: int | None
) -> None:
    role = roles(network(file))[name]
    assert (role.kind, str(role.layer), role.number) == (kind, layer, number)


def test_a_linear_activation_has_two_roles() -> None:
    role = roles(network("two_neurons"))["r_h"]
    assert (role.kind, role.also) == ("activation", "weighted input")


def test_weights_know_which_axis_leads_where() -> None:
    text = "input x[2]\ntarget y[3]\nweight w[2,3]\n"
    text += "z[i] = sum(j: w[j,i]*x[j])\nloss J = sum(i: (y[i] - z[i])^2)"
    assert roles(parse(text))["w"].order == (1, 0)


def test_a_declared_role_goes_before_the_inferred_one() -> None:
    text = "input x\ntarget y\nweight w\nq = w*x\nrole q = activation 3\nloss J = (y - q)^2"
    role = roles(parse(text))["q"]
    assert (role.kind, str(role.layer)) == ("activation", "3")


def test_an_unknown_role_is_an_error() -> None:
    made = network("two_neurons")
    bad = Network(
        made.quantities.values(), made.equations.values(), made.loss, roles={"r_h": "hedgehog"}
    )
    with pytest.raises(NetworkError, match="no role 'hedgehog'"):
        roles(bad)


# -- symbols, from the sources and books themselves -----------------------------------------

SYMBOLS = [
    # source 000: nodes and edges are numbered
    ("four_neurons", "one-letter", Ref("w8"), "w_8"),
    ("four_neurons", "one-letter", Ref("u4.argument"), "d_4 + b_4"),
    ("four_neurons", "one-letter", adjoint(Ref("u4.argument")), "v_4"),
    ("four_neurons", "one-letter", adjoint(Ref("s3")), "g_e3"),
    ("four_neurons", "one-letter", adjoint(Ref("w8")), "g_8"),
    # source 001
    ("deeplizard", "deeplizard", Ref("w{L}", (1, 2)), "w_12^(L)"),
    ("deeplizard", "deeplizard", Ref("a{L-1}", ("k",)), "a_k^(L-1)"),
    ("deeplizard", "deeplizard", Ref("C_0j", ("j",)), "C_0j"),
    ("deeplizard", "deeplizard", Ref("C_0"), "C_0"),
    # source 003
    ("two_neurons", "representative", Ref("w_o"), "w_o"),
    ("two_neurons", "representative", Ref("r_h"), "r_h"),
    ("two_neurons", "representative", Ref("i"), "i"),
    ("two_neurons", "representative", adjoint(Ref("w_h")), "∂E/∂w_h"),
    # source 004: z is numbered like its weight; the tutorial itself numbers it by its layer
    ("chain_3_3_1", "chain", Ref("w2", (1, 2)), "w_12^(2)"),
    ("chain_3_3_1", "chain", Ref("z2", (1,)), "z_1^(2)"),
    ("chain_3_3_1", "chain", Ref("h3", (1,)), "h_1^(3)"),
    ("chain_3_3_1", "chain", Ref("h2", (2,)), "h_2^(2)"),
    ("chain_3_3_1", "chain", Ref("b2"), "b"),
    ("chain_3_3_1", "adventures", Ref("w2", (1, 2)), "w_12^(2)"),
    ("chain_3_3_1", "adventures", Ref("z2", (1,)), "z_1^(3)"),
    # books
    ("chain_3_3_1", "nielsen", Ref("w2", ("j", "k")), "w_jk^3"),
    ("chain_3_3_1", "nielsen", adjoint(Ref("z2", ("j",))), "δ_j^3"),
    ("chain_3_3_1", "bishop", Ref("w2", ("j", "i")), "w_ji^(2)"),
    ("chain_3_3_1", "bishop", Ref("b1", ("j",)), "w_j0^(1)"),
    ("chain_3_3_1", "goodfellow", Ref("h2", ("i",)), "h_i^(1)"),
    ("chain_3_3_1", "goodfellow", Ref("h3", ("i",)), "ŷ_i"),
    ("chain_3_3_1", "cs231n", Ref("w2", (1, 2)), "W2_21"),
    # as-written
    ("chain_3_3_1", "as-written", Ref("w2", (1, 2)), "w2[1,2]"),
    ("deeplizard", "as-written", Ref("a{L-1}", ("k",)), "a{L-1}[k]"),
    ("four_neurons", "as-written", adjoint(Ref("w8")), "∂e/∂w8"),
]


@pytest.mark.parametrize(("file", "notation", "ref", "printed"), SYMBOLS)
def test_symbols(file: str, notation: str, ref: Ref, printed: str) -> None:
    made = network(file)
    assert text_of(ref, bind(load(notation), made)) == printed


def test_the_source_names_one_adjoint_a_neuron() -> None:
    made = network("four_neurons")
    named = bind(load("one-letter"), made).named_adjoints
    nodes = {f"{name}.argument" for name in ("h1", "h2", "u3", "u4")}
    assert named == nodes | {"s3", "s4"}


def test_as_written_names_every_computed_quantity() -> None:
    made = network("four_neurons")
    assert bind(load("as-written"), made).named_adjoints == set(made.equations) - {"e"}


def test_a_missing_layer_mark_is_added_and_stated() -> None:
    bound = bind(load("bishop"), network("chain_3_3_1"))
    assert text_of(Ref("z1", ("j",)), bound) == "a_j^(1)"
    assert text_of(Ref("z2", ("j",)), bound) == "a_j^(2)"
    assert any("marks no layers on a" in note for note in bound.notes)


def test_no_mark_where_none_is_needed() -> None:
    bound = bind(load("bishop"), load_network("mlp:2-1,sigmoid,sse"))
    assert not any("marks no layers" in note for note in bound.notes)


def test_a_network_without_layers_keeps_its_names_and_says_so() -> None:
    made = parse("input x\nconstant c\nq = sin(x*c)\nloss J = q^2")
    bound = bind(load("nielsen"), made)
    assert text_of(Ref("q"), bound) == "q"
    assert any("no layers" in note for note in bound.notes)


def test_commas_appear_once_a_size_exceeds_nine() -> None:
    for size, printed in ((9, "w_12^2"), (10, "w_1,2^2")):
        made = load_network(f"mlp:{size}-4-2,sigmoid,sse")
        bound = bind(load("nielsen"), made)
        assert text_of(Ref("w1", (1, 2)), bound) == printed


def test_a_letter_that_stands_for_a_known_function_is_explained() -> None:
    bound = bind(load("chain"), network("chain_3_3_1"))
    assert bound.function("sigmoid").letter == "f"
    assert "f stands for the sigmoid function here" in bound.letters
    made = bind(load("one-letter"), network("chain_3_3_1"))
    assert "f stands for the sigmoid function here, t for its derivative" in made.letters


def test_sigma_is_kept_for_the_sigmoid() -> None:
    bound = bind(load("nielsen"), load_network("mlp:2-2-1,tanh,sse"))
    assert bound.function("tanh").letter == "tanh"


def test_several_activation_functions_keep_their_names() -> None:
    bound = bind(load("chain"), load_network("mlp:2-2-1,relu/sigmoid,sse"))
    assert bound.function("relu").letter == "relu"
    assert bound.function("sigmoid'").primes == 1


# -- no two quantities print alike ---------------------------------------------------------


def components(made: Network) -> list[Ref]:
    """Every component of every quantity, and every adjoint; long axes by their ends."""
    found = []
    for name, quantity in made.quantities.items():
        if name.endswith(".argument"):
            continue
        places: list[tuple[int, ...]] = [()]
        for size in quantity.shape:
            length = made.length(size) or 3
            ends = range(1, length + 1) if length < 14 else (1, 2, 11, 12, length)
            places = [(*place, end) for place in places for end in ends]
        found += [Ref(name, place) for place in places]
    return found


def assert_injective(notation: str, made: Network) -> None:
    bound = bind(load(notation), made)
    refs = components(made)
    computed = [adjoint(r) for r in refs if made.quantities[r.name].kind == "computed"]
    trained = [adjoint(r) for r in refs if made.quantities[r.name].kind in ("weight", "bias")]
    printed: dict[str, Ref] = {}
    for ref in (*refs, *computed, *trained):
        for text in (text_of(ref, bound), latex_of(ref, bound)):
            assert printed.setdefault(text, ref) == ref, f"{text} is {printed[text]} and {ref}"


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_two_quantities_of_an_example_print_alike(notation: str, path: Path) -> None:
    assert_injective(notation, load_network(str(path)))


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([1, 2, 3, 9, 10, 12]), min_size=2, max_size=5),
    loss=st.sampled_from(["squared_error", "sse", "cross_entropy"]),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    notation=st.sampled_from(names()),
)
def test_no_two_quantities_of_a_network_print_alike(
    sizes: list[int], loss: str, activation: str, notation: str
) -> None:
    shape = "-".join(map(str, sizes))
    assert_injective(notation, load_network(f"mlp:{shape},{activation},{loss}"))


NAMES = st.from_regex(r"[a-c](_?[0-9a-c]{1,2})?", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(
    scalars=st.lists(NAMES, min_size=2, max_size=5, unique=True),
    tensors=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    notation=st.sampled_from(["as-written", "one-letter", "bishop"]),
)
def test_names_that_look_alike_stay_apart(
    scalars: list[str], tensors: list[str], notation: str
) -> None:
    tensors = [name for name in tensors if name not in scalars]
    text = f"input {', '.join(scalars)}\n"
    text += "".join(f"weight {name}[12]\n" for name in tensors)
    sums = [f"sum(i: {name}[i])*{scalars[0]}" for name in tensors]
    text += f"target t\nz = {' + '.join([*sums, *scalars])}\nloss J = (z - t)^2"
    assert_injective(notation, parse(text))


# -- a user's own file ---------------------------------------------------------------------

OWN = """
title = "Mine"
[layers]
first = 0
[symbols]
weight = "theta_indices^[layer]"
weighted_input = "n_indices^[layer]"
activation = "a_indices^[layer]"
[adjoints]
weighted_input = "delta_indices^[layer]"
"""


def test_a_users_own_notation(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    bound = bind(load(path), network("chain_3_3_1"))
    assert text_of(Ref("w2", (1, 2)), bound) == "θ_12^[2]"
    assert text_of(adjoint(Ref("z1", ("j",))), bound) == "δ_j^[1]"


BAD = [
    ("title = 3", "title must be a text"),
    ("titel = 'x'", "did you mean title?"),
    ("[layers]\nfirst = 2", r"first = 2 is none of 0, 1"),
    ("[signs]\nproduct = '**'", r"\[signs\] product"),
    ("[symbols]\nhedgehog = 'h'", "no entry hedgehog"),
    ("[symbols]\nweight = '7'", "'7' is not a symbol"),
    ("[symbols]\nweight = 7", "7 is not a symbol"),
    ("symbols = 3", "must be a table"),
    ("conventions = 'x'", "list of sentences"),
    ("[signs]\nrate = 3", "rate must be a letter"),
    ("title = ", "Invalid value"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_notation_file_says_what_and_where(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message) as caught:
        read_notation(text, "mine", "mine.toml")
    assert str(caught.value).startswith("mine.toml")


def test_an_unknown_notation_is_met_with_the_names() -> None:
    with pytest.raises(NotationError, match="did you mean nielsen") as caught:
        load("nielson")
    assert "one-letter" in str(caught.value)


def test_a_binary_file_is_no_notation(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotationError, match="not UTF-8"):
        load(path)


def test_every_notation_says_where_it_comes_from() -> None:
    for name in names():
        notation = load(name)
        assert notation.title
        assert notation.conventions
        assert notation.source or notation.as_written


def test_the_notation_in_the_documentation_works() -> None:
    page = (Path(__file__).parent.parent / "docs" / "notations.md").read_text(encoding="utf-8")
    text = page.split("```toml\n")[1].split("```")[0]
    bound = bind(read_notation(text, "hagan", "docs"), network("chain_3_3_1"))
    assert text_of(Ref("z1", ("i",)), bound) == "n_i^1"
    assert text_of(adjoint(Ref("z2", ("i",))), bound) == "s_i^2"


def test_the_documentation_lists_every_notation() -> None:
    page = (Path(__file__).parent.parent / "docs" / "notations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, flags=re.MULTILINE) != []
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, flags=re.MULTILINE)) == set(names())


LIFTED = [
    ("deeplizard", "deeplizard", ["C_js", "C_s", "C"]),
    ("four_neurons", "one-letter", ["s_4s", "e_s", "e"]),
    ("two_neurons", "representative", ["r_o,s", "E_s", "E"]),
]


@pytest.mark.parametrize(("file", "notation", "printed"), LIFTED)
def test_over_samples_the_mean_and_each_samples_loss_are_told_apart(
    file: str, notation: str, printed: list[str]
) -> None:
    made = network(file).over("m")
    bound = bind(load(notation), made)
    lefts = [equation.left for equation in made.equations.values()]
    assert [text_of(left, bound) for left in lefts[-3:]] == printed
    assert not any("own names" in note for note in bound.notes)


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_two_quantities_print_alike_over_samples(notation: str, path: Path) -> None:
    assert_injective(notation, load_network(str(path)).over(3))
