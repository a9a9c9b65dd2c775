"""The explorer in a real browser: every panel, both themes, two widths, with and without a mouse.

What the page shows is compared with what the front doors of the package give. With
BACKPROVE_SCREENSHOTS=DIR the pictures of the documentation are written, too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from page import PANELS, PATIENCE, Explorer, bare, chromium, explorer, link, packed, unpacked
from playwright.sync_api import Browser, Locator, Route, expect
from test_web_load import Server, served

import backprove as bp
from backprove.language import filled, from_text, left_open
from backprove.network import Network
from backprove.notation import bind
from backprove.notation import load as load_notation
from backprove.render import latex_of, mathml_of
from backprove.render.document import page as laid_out
from backprove.render.mathml import mathml_chunks

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CHAIN = (EXAMPLES / "chain_3_3_1.bp").read_text(encoding="utf-8")

Opens = Callable[..., Explorer]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Server]:  # the browser first: without it none is needed
    with served() as found:
        yield found


@pytest.fixture
def opens(browser: Browser, server: Server) -> Iterator[Opens]:
    """Opens the explorer in a new window; at the end each window is asked for its complaints."""
    with ExitStack() as stack:

        def one(fragment: str = "", settles: bool = True, **options: Any) -> Explorer:
            found = stack.enter_context(
                explorer(browser, server.address, server.token, fragment, **options)
            )
            if settles:
                found.settled()
            return found

        yield one


@dataclass(frozen=True)
class Case:
    """A network, what is asked about it, and a right answer in its notation."""

    text: str
    values: dict[str, Any]
    notation: str
    selection: str
    answer: str
    learns: bool

    @property
    def network(self) -> Network:
        return from_text(self.text).with_values(self.values)

    @property
    def fragment(self) -> str:
        view = {"notation": self.notation}
        return link(self.text, values=self.values, view=view, selection=self.selection)


CASES = {
    "chain": Case(
        CHAIN,
        {"x": [1.0, 0.5, -1.0], "y": [1.0], "b1": [0.1, -0.2, 0.3]},
        "chain",
        "w2[1,2]",
        r"(h^{(3)}_1 - y_1) h^{(3)}_1 (1 - h^{(3)}_1) h^{(2)}_2",
        learns=False,
    ),
    "classes": Case(
        "mlp:2-4-1,tanh,binary_cross_entropy",
        {"x": [0.3, -0.7], "y": [1.0]},
        "as-written",
        "w1[3,2]",
        "(h3[1] - y[1])*w2[1,3]*(1 - h2[3]^2)*x[2]",
        learns=True,
    ),
}


# -- what the page must show, by the front doors -------------------------------------------------


def number(text: str) -> float:
    """A number as the page prints it: `−1.5 · 10⁻⁵`."""
    raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    plain = text.replace("−", "-").replace("·", "e").replace("e 10", "e").translate(raised)
    return float(re.sub(r"\s", "", plain))


def written(mathml: str) -> str:
    """The text of a formula."""
    tree = ElementTree.fromstring(f"<root>{mathml.replace('<wbr>', '')}</root>")
    return bare("".join(tree.itertext()))


def lines_of(network: Network, notation: str, quantity: str, style: str) -> list[str]:
    """The right sides of a derivation's lines."""
    bound = bind(load_notation(notation), network)
    laid = laid_out(bp.derive(network, quantity, style), bound)
    return [
        written("".join(mathml_chunks(row.right))) for block in laid.blocks for row in block.rows
    ]


def component(arrays: dict[str, Any], name: str) -> float:
    """The number of `w2[1,2]` in arrays by name."""
    quantity, _, places = name.partition("[")
    at = tuple(int(place) - 1 for place in places.rstrip("]").split(",") if place)
    return float(np.asarray(arrays[quantity])[at])


def shown_numbers(page: Explorer) -> list[tuple[str, bool, str]]:
    """Of every number in the panel: its component, whether it is a field, and its text."""
    found: list[tuple[str, bool, str]] = page.page.evaluate(
        "() => [...document.querySelectorAll('#panel-numbers td [data-q]')].map((cell) =>"
        " [cell.dataset.q, cell.matches('.writes'), cell.value ?? cell.textContent])"
    )
    return found


def check_numbers(page: Explorer, numbers: Any) -> int:
    """Every number of the panel is that of `bp.evaluate`; how many there are."""
    seen = 0
    kinds = {q["name"]: q["kind"] for q in page.state("network.quantities")}
    for name, is_field, text in shown_numbers(page):
        kind = kinds[name.removeprefix("∂").partition("[")[0]]
        if name.startswith("∂"):
            wanted = component(numbers.adjoints, name[1:])
        elif is_field:
            wanted = component(numbers.given, name)
        elif kind == "computed":
            wanted = component(numbers.values, name)
        elif kind in ("weight", "bias"):
            wanted = component(numbers.gradients, name)
        else:
            continue
        assert number(text) == pytest.approx(wanted, rel=6e-6, abs=1e-12), name
        seen += 1
    return seen


# -- every panel ---------------------------------------------------------------------------------


def see_derivation(page: Explorer, panel: Locator, case: Case) -> None:
    wanted = lines_of(case.network, case.notation, case.selection, "chain")
    expect(panel.locator(".line")).to_have_count(len(wanted))
    assert [bare(t) for t in panel.locator(".right > .formula").all_text_contents()] == wanted


def see_numbers(page: Explorer, panel: Locator, case: Case) -> None:
    expect(panel.locator(".loss")).to_contain_text("=")
    numbers = bp.evaluate(case.network)
    assert number(panel.locator(".loss").inner_text().split("=")[1]) == pytest.approx(
        float(numbers.loss), rel=1e-5
    )
    assert check_numbers(page, numbers) > 20


def see_backward(page: Explorer, panel: Locator, case: Case) -> None:
    network = case.network
    expect(panel.locator(".entry-gradient")).to_have_count(len(network.trained))
    adjoints = bp.evaluate(network).adjoints
    entries = panel.locator(".entry-adjoint").all()
    assert entries
    for entry in entries:
        name = entry.locator(".entry-title [data-q]").last.get_attribute("data-q") or ""
        wanted = np.ravel(adjoints[name.removeprefix("∂")])[:4]
        lines = entry.locator(".amount").inner_text().split("\n")
        assert [number(line) for line in lines[: len(wanted)]] == pytest.approx(wanted, rel=6e-3)


def see_paths(page: Explorer, panel: Locator, case: Case) -> None:
    product = panel.locator("tfoot .number")
    expect(product).to_be_visible()
    gradient = component(bp.evaluate(case.network).gradients, case.selection)
    assert number(product.inner_text()) == pytest.approx(gradient, rel=1e-5)


def see_learning(page: Explorer, panel: Locator, case: Case) -> None:
    play = panel.get_by_role("button", name="Play", exact=True)
    expect(play).to_be_visible()
    if case.learns:
        expect(play).to_be_enabled()
        expect(panel.locator(".run-state")).to_contain_text("Ready")


def see_check(page: Explorer, panel: Locator, case: Case) -> None:
    panel.locator("#check-answer").fill(case.answer)
    panel.get_by_role("button", name="Check", exact=True).click()
    expect(panel.locator(".verdict h3")).to_have_text("Right")


SEEN: dict[str, Callable[[Explorer, Locator, Case], None]] = {
    "derivation": see_derivation,
    "numbers": see_numbers,
    "backward": see_backward,
    "paths": see_paths,
    "learning": see_learning,
    "check": see_check,
}


@pytest.mark.parametrize(
    ("name", "theme", "width"),
    [
        ("chain", "light", 1280),
        ("chain", "dark", 390),
        ("classes", "light", 390),
        ("classes", "dark", 1280),
    ],
)
def test_every_panel(opens: Opens, name: str, theme: str, width: int) -> None:
    case = CASES[name]
    page = opens(case.fragment, theme=theme, width=width)
    assert page.sideways() <= 0
    for panel in PANELS:
        opened = page.panel(panel)
        SEEN[panel](page, opened, case)
        assert page.sideways() <= 0, panel
        assert page.violations("html" if panel == "derivation" else f"#panel-{panel}") == [], panel


# -- the derivation, the numbers, the paths ------------------------------------------------------

DEEP = "mlp:2-3-3-1,tanh,squared_error"
POINT = {"x": [0.4, -1.2], "y": [0.8]}


@pytest.mark.parametrize(
    ("text", "notation", "quantity", "style"),
    [
        (CHAIN, "chain", "w2[1,2]", "chain"),
        (CHAIN, "nielsen", "w1[2,1]", "chain"),
        (DEEP, "cs231n", "w1[3,2]", "dynamic"),
    ],
)
def test_the_derivation_is_that_of_render(
    opens: Opens, text: str, notation: str, quantity: str, style: str
) -> None:
    view = {"notation": notation, "style": style}
    page = opens(link(text, view=view, selection=quantity)).page
    network = from_text(text)
    wanted = lines_of(network, notation, quantity, style)
    expect(page.locator("#panel-derivation .line")).to_have_count(len(wanted))
    found = page.locator("#panel-derivation .right > .formula").all_text_contents()
    assert [bare(text) for text in found] == wanted
    asked = mathml_of(bp.derive(network, quantity, style).quantity, bind_to(notation, network))
    assert written(asked) in bare(page.locator("#panel-derivation h2").text_content() or "")


def bind_to(notation: str, network: Network) -> Any:
    return bind(load_notation(notation), network)


def test_notation_and_style_are_switched_in_place(opens: Opens) -> None:
    page = opens(link(CHAIN, selection="w2[1,2]")).page
    for label, value, notation, style in (
        ("Notation", "nielsen", "nielsen", "chain"),
        ("Style", "equation", "nielsen", "equation"),
        ("Notation", "deeplizard", "deeplizard", "equation"),
    ):
        page.locator("#choices label", has_text=label).locator("select").select_option(value)
        wanted = lines_of(from_text(CHAIN), notation, "w2[1,2]", style)
        last = page.locator("#panel-derivation .right > .formula").last
        expect(page.locator("#panel-derivation .line")).to_have_count(len(wanted))
        expect(last).to_have_text(re.compile(r"\S"))
        page.wait_for_function(
            "(wanted) => [...document.querySelectorAll('#panel-derivation .right > .formula')]"
            ".at(-1)?.textContent.replace(/[\\s\u2061-\u2064\u200b]+/g, '').replaceAll('−', '-')"
            " === wanted",
            arg=wanted[-1],
        )


def test_an_edited_value_changes_every_number(opens: Opens) -> None:
    page = opens(link(DEEP, values=POINT, panel="numbers"))
    network = from_text(DEEP)
    before = page.state("numbers.loss")
    values: dict[str, Any] = dict(POINT)
    for name, digits in (("x[2]", "0.75"), ("w2[3,1]", "-1.5"), ("y[1]", "1/4")):
        page.write(name, digits)
        page.until(f"Object.keys(values).includes({json.dumps(name.split('[')[0])})")
    values |= {"x": [0.4, 0.75], "y": [0.25], "w2": page.state("values.w2")}
    page.page.keyboard.press("Tab")  # so that the field shows what it holds
    numbers = bp.evaluate(network.with_values(values))
    assert values["w2"][2][0] == -1.5
    page.until(f"Math.abs(numbers.loss - {float(numbers.loss)}) < 1e-12")
    assert page.state("numbers.loss") != before
    assert check_numbers(page, numbers) > 60
    page.panel("derivation")  # the drawing shows the same
    shown = page.page.locator(".neuron[data-id='a4[1]'], .neuron.kind-output").first
    assert number((shown.get_attribute("aria-label") or "").split(", ")[-1]) == pytest.approx(
        component(numbers.values, (shown.get_attribute("data-id") or "")), rel=5e-3
    )


@pytest.mark.parametrize(
    ("digits", "found", "says"),
    [
        ("1,5", 1.5, ""),
        ("−2/8", -0.25, ""),
        (".5e1", 5.0, ""),
        ("1,000", None, "may be meant as 1000 or as 1.000"),
        ("0x10", None, "is no number"),
        ("1/0", None, "divides by 0"),
        ("1e400", None, "too large"),
        ("1e-400", None, "too small"),
        ("1/1e400", None, "too small"),
        ("0e-400", 0.0, ""),
        ("5e-324", 5e-324, ""),
        ("", None, "missing"),
    ],
)
def test_a_number_is_read_as_it_is_written_or_refused(
    opens: Opens, digits: str, found: float | None, says: str
) -> None:
    page = opens(link(CHAIN, values={"x": [1.0, 2.0, 3.0]}, panel="numbers"))
    page.write("x[2]", digits)
    if found is None:
        expect(page.page.locator(".sheet-input .refusal")).to_contain_text(says)
        assert page.state("values.x[1]") == 2.0
    else:
        page.until(f"values.x[1] === {found}")


def field_of(page: Explorer, name: str) -> Locator:
    """A value's field or, while it rests, its words."""
    return page.page.locator(f"#panel-numbers .writes[data-q='{name}']")


def test_changes_of_numbers_are_taken_back_and_done_again(opens: Opens) -> None:
    given = {"x": [1.0, 2.0, 3.0], "y": [1.0]}
    page = opens(link(CHAIN, values=given, panel="numbers"))
    keyboard, panel = page.page.keyboard, page.page.locator("#panel-numbers")
    undo, redo = (panel.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    for button in (undo, redo):
        expect(button).to_have_attribute("aria-disabled", "true")
    states = [page.state("[values, seed]")]

    def after(change: Callable[[], None]) -> None:
        before = page.state("JSON.stringify([values, seed])")
        change()
        page.until(f"JSON.stringify([values, seed]) !== {json.dumps(before)}")
        states.append(page.state("[values, seed]"))

    def typed() -> None:
        field_of(page, "x[2]").focus()
        keyboard.type("0.75")  # four keys, one step

    after(typed)
    assert states[-1][0]["x"] == [1.0, 0.75, 3.0]
    after(lambda: page.write("w2[1,3]", "-2"))
    after(lambda: panel.get_by_role("button", name="Draw new weights").click())
    after(lambda: panel.get_by_role("button", name="Reset x", exact=True).click())
    expect(undo).to_have_attribute("title", "Undo the change of x")
    for button, keys, wanted in (
        (undo, "Control+z", states[-2::-1]),
        (redo, "Control+Shift+z", states[1:]),
        (undo, "Control+z", states[-2::-1]),
        (redo, "Control+y", states[1:]),
    ):
        undo.focus()
        for state in wanted:
            expect(button).to_have_attribute("aria-disabled", "false")
            keyboard.press(keys)
            assert page.state("[values, seed]") == state
        expect(button).to_have_attribute("aria-disabled", "true")
        keyboard.press(keys)
        assert page.state("[values, seed]") == wanted[-1]
    undo.focus()
    keyboard.press("Enter")
    expect(page.page.locator("#status")).to_have_text("Taken back: the change of x.")
    assert page.state("[values, seed]") == states[-2]
    check = from_text(CHAIN).with_values(states[-2][0])
    loss = float(bp.evaluate(check, seed=states[-2][1]).loss)
    page.until(f"Math.abs(numbers.loss - {loss}) < 1e-12")
    after(lambda: page.write("y[1]", "0.5"))  # what was taken back is no more to be done again
    expect(redo).to_have_attribute("aria-disabled", "true")
    assert page.violations("#panel-numbers") == []


def test_undo_in_a_field_is_of_numbers_and_in_a_text_its_own(opens: Opens) -> None:
    page = opens(link(CHAIN, values={"x": [1.0, 2.0, 3.0]}, panel="numbers"))
    keyboard = page.page.keyboard
    page.write("x[2]", "0.5")
    page.write("x[3]", "0x1")  # refused
    page.until("values.x?.[1] === 0.5")
    keyboard.press("Control+z")
    expect(field_of(page, "x[3]")).to_have_value("3")
    expect(page.page.locator(".sheet-input .refusal")).to_have_count(0)
    keyboard.press("Control+z")
    page.until("values.x?.[1] === 2")
    expect(field_of(page, "x[2]")).to_have_text("2")
    area = page.page.locator("#bp-text")
    area.focus()
    keyboard.type("#")
    keyboard.press("Control+z")
    expect(area).to_have_value(CHAIN)
    page.page.locator("#tab-numbers").focus()
    keyboard.press("Control+y")
    page.until("values.x?.[1] === 0.5")
    area.fill(CHAIN.replace("x[3]", "x[4]").replace("w1[3,3]", "w1[3,4]"))
    page.until("network.quantities.find(({ name }) => name === 'x').shape[0] === 4")
    page.write("w2[1,1]", "3")
    page.page.locator("#tab-numbers").focus()
    keyboard.press("Control+z")
    assert page.state("values") == {}
    keyboard.press("Control+z")  # what it gave back fits no more
    assert page.state("values") == {}
    expect(page.page.locator("#status")).to_have_text("Taken back: the change of w2[1,1].")


def test_escape_gives_a_field_what_it_had(opens: Opens) -> None:
    page = opens(link(CHAIN, panel="numbers"))
    keyboard, field = page.page.keyboard, field_of(page, "x[2]")
    numbers = page.state("numbers")
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    field.focus()
    before = field.input_value()
    keyboard.type("7.25")
    page.until(f"values.x?.[1] === 7.25 && numbers.loss !== {numbers['loss']}")
    assert any(url.endswith("numbers") for url in asked)
    asked.clear()
    keyboard.press("Escape")
    expect(field).to_be_focused()
    expect(field).to_have_value(before)
    assert page.state("[values, numbers]") == [{}, numbers]
    assert not any(url.endswith("numbers") for url in asked)
    undo = page.page.locator("#panel-numbers").get_by_role("button", name="Undo", exact=True)
    expect(undo).to_have_attribute("aria-disabled", "true")


PASTED = {
    "a spreadsheet": ("1\t-2,5\r\n3\t4e-1\r\n", "w1[2,1]", [[1, -2.5], [3, 0.4]]),
    "semicolons": ("1,5;2\n−3;1/4", "w1[1,2]", [[1.5, 2], [-3, 0.25]]),
    "commas": ("1, 2\n3, 4", "w1[2,2]", [[1, 2], [3, 4]]),
    "NumPy": ("np.array([[1., 2.],\n  [3., .5]], dtype=float)", "w1[1,1]", [[1, 2], [3, 0.5]]),
    "NumPy, printed": ("[[ 1.  2.]\n [ 3. -4.]]", "w1[1,1]", [[1, 2], [3, -4]]),
    "Matlab": ("[1 2; 3 4];", "w1[1,1]", [[1, 2], [3, 4]]),
    "a column": ("0,5\n0,25", "w1[1,3]", [[0.5], [0.25]]),
    "a vector across": ("[5, 6]", "x[2]", [[5], [6]]),
    "a vector down": ("5\n6\n", "x[2]", [[5], [6]]),
    "decimals, as two columns have no room": ("1,5\n2,5\n3,5", "x[1]", [[1.5], [2.5], [3.5]]),
    "too wide": ("1\t2\t3", "w1[1,2]", "not fit into w1 from w1[1,2] on: there is room for 3 × 2."),
    "too long": ("1\n2\n3", "x[2]", "not fit into x from x[2] on: there is room for 2."),
    "a word": ("1\t2\n3\tfour", "w1[1,1]", "“four” is no number (row 2, column 2 of"),
    "a hole": ("1\t\n3\t4", "w1[1,1]", "A number is missing (row 1, column 2 of"),
    "thousands": ("1,000\t2", "w1[1,1]", "“1,000” may be meant as 1000 or as 1.000 (row 1,"),
    "two ways": ("1,5\n2,5", "w1[1,1]", "“1,5 2,5” may have commas in its numbers or between them"),
    "ragged": ("[[1, 2], [3]]", "w1[1,1]", "different lengths: 2 and 1."),
    "deep": ("[[[1, 2]], [[3, 4]]]", "w1[1,1]", "is no number"),
}  # fmt: skip


# What the next copying puts on the clipboard.
_COPYING = """(text) => document.addEventListener('copy', (event) => {
  event.clipboardData.setData('text/plain', text);
  event.preventDefault();
}, { once: true })"""


@pytest.mark.parametrize("name", PASTED)
def test_a_block_is_pasted_whole_or_not_at_all(opens: Opens, name: str) -> None:
    text, place, wanted = PASTED[name]
    given = {"x": [9.0] * 3, "w1": [[9.0] * 3] * 3}
    page = opens(link(CHAIN, values=given, panel="numbers"))
    field, keyboard = field_of(page, place), page.page.keyboard
    page.page.evaluate(_COPYING, text)
    keyboard.press("Control+c")
    field.focus()
    keyboard.press("Control+v")
    quantity = place.partition("[")[0]
    if isinstance(wanted, str):
        said = page.page.get_by_role("alert").filter(has_text=wanted)
        expect(said).to_contain_text("Nothing was changed.")
        expect(field).to_have_accessible_description(re.compile(re.escape(wanted)))
        assert page.state("values") == given
        keyboard.press("Escape")
        expect(said).to_have_count(0)
        return
    page.until(f"values.{quantity}.flat().some((number) => number !== 9)")
    filled = np.array(given[quantity])
    at = tuple(int(index) - 1 for index in place[place.index("[") + 1 : -1].split(","))
    if filled.ndim == 1:
        filled[at[0] :][: len(wanted)] = np.ravel(wanted)
    else:
        filled[at[0] :, at[1] :][: len(wanted), : len(wanted[0])] = wanted
    assert page.state(f"values.{quantity}") == filled.tolist()
    expect(field).to_have_value(f"{wanted[0][0]:g}")
    keyboard.press("Control+z")
    assert page.state("values") == given


SPREAD = """async () => {
  const { lights } = await import('/assets/js/lights.js');
  const { Way } = await import('/assets/js/pointing.js');
  const names = ['z[1]', 's[1]', 's[2]'];
  const at = Object.fromEntries(names.map((id) => [id, { id, components: [id] }]));
  const all = ['s[1]', 's[2]'].map((to) => ({ from: at['z[1]'], to: at[to], component: 'g[1]' }));
  const ofNeuron = new Map(names.map((id) => [id, all.filter(({ from, to }) => [from.id, to.id].includes(id))]));
  const made = (id) => [id, { neuron: at[id], element: document.createElement('i'), bias: null }];
  const neurons = { all: new Map(names.map(made)), inStrips: new Map() };
  const highlight = new Way(names.slice(0, 2).concat('g[1]'), [{ from: 'z[1]', to: 's[1]', component: 'g[1]' }]);
  return [...lights({ highlight, selection: null }, { all, ofNeuron }, neurons).lit].map(({ to }) => to.id);
}"""  # noqa: E501


def test_a_path_lights_of_a_weight_on_several_edges_the_one_it_takes(opens: Opens) -> None:
    assert opens(CASES["chain"].fragment).page.evaluate(SPREAD) == ["s[1]"]


def test_the_paths_sum_to_the_gradient(opens: Opens) -> None:
    page = opens(link(DEEP, values=POINT, selection="w1[2,1]", panel="paths"))
    panel = page.page.locator("#panel-paths")
    gradient = component(bp.evaluate(from_text(DEEP).with_values(POINT)).gradients, "w1[2,1]")
    products = []
    for place in range(3):  # by each neuron of the second hidden layer
        expect(panel.locator(".count")).to_have_text(f"path {place + 1} of 3")
        factors = [number(t) for t in panel.locator("tbody .number").all_inner_texts()]
        products.append(number(panel.locator("tfoot .number").inner_text()))
        assert np.prod(factors) == pytest.approx(products[-1], rel=1e-4)
        assert page.state("[...highlight]")
        if place < 2:
            panel.get_by_role("button", name="Next").click()
    assert sum(products) == pytest.approx(gradient, rel=1e-4)
    line = panel.locator(".number-line").inner_text()
    assert number(line.split("=")[1]) == pytest.approx(gradient, rel=1e-5)


def test_a_step_is_in_sight_on_a_narrow_page(opens: Opens) -> None:
    page = opens(CASES["chain"].fragment, width=390).page
    walker = page.locator("#panel-derivation .walker")
    step = page.locator("#panel-derivation [aria-current='step']")
    for name, times in (("Next", 9), ("Back", 6)):
        for _ in range(times):
            walker.get_by_role("button", name=name).click()
            above, line, below = (
                place.bounding_box() for place in (walker, step, page.locator("#tabs"))
            )
            assert above is not None
            assert line is not None
            assert below is not None
            assert line["y"] >= above["y"] + above["height"] - 1
            assert line["y"] + line["height"] <= below["y"] + 1


@pytest.mark.parametrize("name", ["averyveryverylongnameofaweightthatgoeson", "щ" * 65])
def test_a_long_name_makes_no_narrow_page_scroll_sideways(opens: Opens, name: str) -> None:
    text = (
        f"input x = 2\nweight w = 0.5, {name} = 0.25\nh = tanh(w*x)\nout = {name}*h\n"
        "loss J = (1 - out)^2/2\n"
    )
    page = opens(link(text, selection=name), width=390)
    for tab in PANELS:
        panel = page.panel(tab)
        if tab == "derivation":
            panel.locator(".why-button").first.click()
            expect(panel.locator(".law").first).to_be_visible()
        if tab == "check":
            panel.get_by_role("button", name="Begin with").click()
            panel.get_by_role("button", name="Check", exact=True).click()
            expect(panel.locator(".verdict")).not_to_be_empty()
        expect(panel).to_contain_text(re.compile(r"\w"))
        assert page.sideways() == 0, tab


# -- pointing ------------------------------------------------------------------------------------


def test_a_symbol_lights_its_neuron_and_a_neuron_its_symbols(opens: Opens) -> None:
    page = opens(CASES["chain"].fragment).page
    neuron = page.locator(".neuron[data-id='h2[2]']")
    symbol = page.locator("#panel-derivation .right [data-q='h2[2]']").last
    symbol.hover()
    expect(neuron).to_have_class(re.compile("is-lit"))
    expect(page.locator(".neuron[data-id='h2[1]']")).not_to_have_class(re.compile("is-lit"))
    page.locator("#network-title").hover()
    expect(neuron).not_to_have_class(re.compile("is-lit"))
    neuron.hover()
    expect(symbol).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".drawing-tip")).to_contain_text("h2[2]")
    page.locator("#network-title").hover()
    expect(symbol).not_to_have_class(re.compile(r"\blit\b"))


def test_a_click_on_an_edge_asks_about_its_weight(opens: Opens) -> None:
    page = opens(link(DEEP, values=POINT))
    ends = [page.page.locator(f".neuron[data-id='{n}']").bounding_box() for n in ("x[1]", "h2[1]")]
    if None in ends:  # the builder's own names of its neurons
        ids = page.state("network.diagram.edges.slice(0, 1).map((e) => [e.from, e.to])")[0]
        ends = [page.page.locator(f".neuron[data-id='{n}']").bounding_box() for n in ids]
    first, second = ends
    assert first is not None
    assert second is not None
    x = (first["x"] + first["width"] + second["x"]) / 2
    middle = [box["y"] + box["height"] / 2 for box in (first, second)]
    page.page.mouse.move(x, sum(middle) / 2)
    page.page.mouse.click(x, sum(middle) / 2)
    page.until("selection === 'w1[1,1]'")


ASKED = "**/api/derivation"


def test_what_the_pointer_rests_on_is_asked_for_before_the_click(opens: Opens) -> None:
    page = opens(link(DEEP, values=POINT)).page
    panel = page.locator("#panel-derivation")
    expect(panel.locator(".line").first).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "derivation" in one.url else None)
    with page.expect_response(ASKED) as answer:
        page.locator(".neuron[data-id='h2[2]']").hover()
    assert answer.value.request.post_data_json["quantity"] == "h2[2]"
    before = panel.locator("h2").inner_html()
    page.mouse.down()
    page.mouse.up()
    expect(panel.locator(".derivation[aria-busy]")).to_have_count(0)
    expect(panel.locator("h2")).to_contain_text("h")
    assert panel.locator("h2").inner_html() != before
    assert len(asked) == 1


def test_a_pointer_that_wanders_asks_one_question_at_a_time(opens: Opens) -> None:
    page = opens(link(DEEP, values=POINT)).page
    expect(page.locator("#panel-derivation .line").first).to_be_visible()
    held: list[Route] = []
    page.route(ASKED, lambda one: held.append(one))
    with page.expect_request(ASKED):
        page.locator(".neuron[data-id='h2[1]']").hover()
    for number in (2, 3):
        page.locator(f".neuron[data-id='h2[{number}]']").hover()
        page.wait_for_timeout(250)  # long enough for another question, were it asked
    assert [one.request.post_data_json["quantity"] for one in held] == ["h2[1]"]
    with page.expect_request(ASKED) as next_one:
        held[0].continue_()
    assert next_one.value.post_data_json["quantity"] == "h2[3]"
    page.unroute_all(behavior="ignoreErrors")


# -- the drawing ---------------------------------------------------------------------------------

# Every label of an edge, and what it covers: other labels, neurons with their numbers and biases,
# and the curves of other edges, as the browser itself strokes them. Labels are turned, so their
# points are looked at one by one.
_LABELS = """async () => {
  const load = (name) => import(`/assets/js/${name}.js`);
  const [{ store }, { computed }, { Camera, roomOf }, { Edges }, { trace }] = await Promise.all(
    ['state', 'layout', 'camera', 'edges', 'curves'].map(load));
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const stage = document.querySelector('.drawing-stage');
  const view = { width: stage.clientWidth, height: stage.clientHeight };
  const { diagram } = store.get().network;
  const placement = computed(diagram, roomOf(view));
  const camera = new Camera();
  camera.fit(placement, view);
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.setTransform(camera.scale, 0, 0, camera.scale, camera.x, camera.y);
  canvas.lineWidth = 1 / camera.scale;
  const curves = new Edges(diagram, placement).all.map(({ component, curve }) => {
    const path = new Path2D();
    trace(path, curve);
    return { component, path };
  });
  const outline = (label) => { // from its own pixels to those of the stage
    const { offsetWidth: width, offsetHeight: height } = label;
    const shift = new DOMMatrix(getComputedStyle(label.parentElement).transform);
    const turn = new DOMMatrix(getComputedStyle(label).transform);
    const matrix = new DOMMatrix().translate(width / 2, height / 2).multiply(turn)
      .translate(-width / 2, -height / 2);
    return { label, width, height, matrix: shift.multiply(matrix) };
  };
  const holds = ({ width, height, matrix }, x, y) => {
    const point = matrix.inverse().transformPoint({ x, y });
    return point.x > 0 && point.x < width && point.y > 0 && point.y < height;
  };
  const points = ({ width, height, matrix }) => Array.from({ length: width * height }, (_, at) =>
    matrix.transformPoint({ x: at % width + 0.5, y: Math.floor(at / width) + 0.5 }));
  const corner = stage.getBoundingClientRect();
  const boxes = [...document.querySelectorAll('.neuron, .bias, .neuron-value')].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { element, left: x - corner.x, top: y - corner.y, width, height };
  });
  const within = (x, y) => ({ left, top, width, height }) =>
    x > left && x < left + width && y > top && y < top + height;
  const labels = [...document.querySelectorAll('.edge-label.is-placed')].map(outline);
  return labels.map((one) => {
    const { edge } = one.label.dataset;
    const covers = new Set();
    for (const { x, y } of points(one)) {
      if (!within(x, y)({ left: 0, top: 0, ...view })) covers.add('the rim');
      for (const box of boxes) if (within(x, y)(box)) covers.add(box.element.className);
      for (const other of labels) {
        if (other !== one && holds(other, x, y)) covers.add(other.label.textContent);
      }
      for (const { component, path } of curves) {
        if (component !== edge && canvas.isPointInStroke(path, x, y)) covers.add(component);
      }
    }
    const symbol = !one.label.classList.contains('is-short');
    const text = one.label.querySelector('.edge-number').textContent;
    return { edge, text, symbol, covers: [...covers] };
  });
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("text", [CHAIN, DEEP, "mlp:2-4-2", "mlp:1-1-1", "mlp:4-4-4"])
def test_a_weight_stands_beside_its_edge_and_covers_nothing(
    opens: Opens, text: str, width: int
) -> None:
    page = opens(link(text), width=width)
    labels = page.page.evaluate(_LABELS)
    weights = page.state("({ ...numbers.given, ...values })")
    assert labels
    for label in labels:
        assert label["covers"] == [], label
        weight = component(weights, label["edge"])
        assert number(label["text"]) == pytest.approx(weight, rel=0.051)  # two digits or three
    if width == 1280:
        assert any(label["symbol"] for label in labels)


@pytest.mark.parametrize(
    "text", ["mlp:2-3-3-3-3-2", "mlp:2-3-3-3-3-3-3-3-2", "mlp:4-5-5-5-5-3,tanh,cross_entropy"]
)
def test_headings_do_not_meet_on_a_narrow_page(opens: Opens, text: str) -> None:
    page = opens(link(text), width=390)
    page.settled()
    boxes = page.page.evaluate(
        "() => [...document.querySelectorAll('.drawing-heads > *')].map((head) => {"
        " const { left, right, top, bottom } = head.getBoundingClientRect();"
        " return { says: head.textContent, left, right, top, bottom }; })"
    )
    assert {"input", "hidden", "output", "loss"} <= {box["says"] for box in boxes}
    assert ("output sum" in {box["says"] for box in boxes}) == ("cross_entropy" in text)
    for number, one in enumerate(boxes):
        assert one["left"] >= 0
        assert one["right"] <= 390
        for other in boxes[:number]:
            beside = one["left"] >= other["right"] or other["left"] >= one["right"]
            apart = one["top"] >= other["bottom"] or other["top"] >= one["bottom"]
            assert beside or apart, (one, other)


def test_a_plain_wheel_is_told_what_zooms(opens: Opens) -> None:
    page = opens(link(CHAIN))
    page.settled()
    hint, live = page.page.locator(".drawing-hint"), page.page.locator(".drawing > [aria-live]")
    expect(hint).to_be_hidden()
    page.page.locator(".drawing-stage").hover(position={"x": 20, "y": 60})
    before = page.page.locator(".drawing-layer").evaluate("(layer) => layer.style.transform")
    page.page.mouse.wheel(0, 100)
    expect(hint).to_be_visible()
    expect(hint).to_have_text("Ctrl + wheel zooms")
    expect(live).to_contain_text("Ctrl and the wheel zoom")
    after = page.page.locator(".drawing-layer").evaluate("(layer) => layer.style.transform")
    assert after == before
    expect(hint).to_be_hidden()  # by itself
    page.page.keyboard.down("Control")
    page.page.mouse.wheel(0, -100)
    page.page.keyboard.up("Control")
    expect(page.page.locator(".drawing-layer")).not_to_have_attribute("style", before)
    expect(hint).to_be_hidden()


# The lines of pixels of the drawing's canvas that are not empty between two heights.
_INKED = """([from, to]) => {
  const canvas = document.querySelector('.drawing-stage > canvas');
  const data = canvas.getContext('2d').getImageData(0, from, canvas.width, to - from).data;
  return data.some((value, at) => at % 4 === 3 && value > 0);
}"""


def test_a_weight_in_the_loss_is_seen_there_and_its_path_is_drawn(opens: Opens) -> None:
    text = (
        "input x = 2\ntarget y = 1\nweight w = 3, v = 1\nz = w*x\no = v*z\n"
        "loss J = (o - y)^2 + w^2/10\n"
    )
    page = opens(link(text, panel="paths", selection="w"))
    panel = page.panel("paths")
    expect(panel).to_contain_text("on 2 paths")
    loss = page.page.locator("[data-id='J']")
    expect(loss.locator(".neuron-beside")).to_contain_text("+ w")
    expect(loss).to_have_attribute("aria-label", re.compile("holds w directly"))
    # all neurons of this network stand on one line: what is drawn above them is the way of w
    top = page.page.evaluate(
        "() => { const stage = document.querySelector('.drawing-stage').getBoundingClientRect();"
        " return Math.min(...[...document.querySelectorAll('.neuron')].map("
        " (one) => one.getBoundingClientRect().top)) - stage.top; }"
    )
    above = [0, int(top) - 3]
    assert not page.page.evaluate(_INKED, above)  # the first path goes along the edges
    panel.get_by_role("button", name="Next").click()
    expect(panel).to_contain_text("path 2 of 2")
    page.page.wait_for_function(f"() => ({_INKED})({json.dumps(above)})")


def test_a_number_at_a_corner_says_what_is_taken_there(opens: Opens) -> None:
    text = "input x = 0\ntarget y = 1\nweight w = 3\nz = w*x\nh = relu(z)\nloss J = (h - y)^2\n"
    page = opens(link(text, panel="numbers"))
    page.settled()
    neuron = page.page.locator("[data-id='h']")
    says = "relu is at a corner: relu'(0) is taken as 0"
    expect(neuron).to_have_attribute("aria-label", re.compile(re.escape(says)))
    expect(page.page.locator("#panel-numbers")).to_contain_text(f"in h, {says}")
    cells = page.page.locator("#panel-numbers td.at-corner")  # h's value alone
    expect(cells).to_have_text([f"0, {says}"])
    expect(cells).to_have_attribute("title", says)
    neuron.hover()
    expect(page.page.locator(".drawing-tip")).to_contain_text(says)
    page.write("x", "1")
    expect(cells).to_have_count(0)
    expect(neuron).to_have_attribute("aria-label", "h, output, 3")


def test_a_network_that_takes_its_time_is_said_to_be_read(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        held: list[Any] = []
        page.route("**/api/first", lambda route: held.append(route))
        page.goto(f"{server.address}/?token={server.token}")
        expect(page.locator(".drawing-empty")).to_have_text("Reading the network…")
        for route in held:
            route.continue_()
        expect(page.locator(".neuron").first).to_be_visible()
        expect(page.locator(".drawing-empty")).to_be_hidden()


def test_the_first_network_is_there_without_asking(opens: Opens) -> None:
    page = opens()
    asked = page.page.evaluate(
        "() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
    )
    assert [asked.count(f"/api/{name}") for name in ("first", "choices", "network")] == [1, 1, 0]
    assert page.state("[view.notation, selection, network.asked.text === text]") == [
        "chain", "w2[1,2]", True,
    ]  # fmt: skip


# -- the text ------------------------------------------------------------------------------------


def test_a_mistake_is_shown_at_its_line_and_the_last_network_stays(opens: Opens) -> None:
    page = opens(link(CHAIN, selection="w2[1,2]"))
    page.watch.expected.append("status of 422")  # the answer to a text with a mistake
    area, said = page.page.locator("#bp-text"), page.page.locator("#bp-error")
    neurons = page.page.locator(".neuron").count()
    wrong = CHAIN.replace("h2[i] = sigmoid(z1[i])", "h2[i] = sigmoid(z7[i])")
    line = wrong[: wrong.index("z7")].count("\n") + 1
    area.fill(wrong)
    expect(said).to_contain_text(f"Line {line}")
    expect(said).to_contain_text("z7")
    expect(area).to_have_attribute("aria-invalid", "true")
    expect(page.page.locator(".editor-band")).to_be_visible()
    assert page.page.locator(".neuron").count() == neurons
    assert page.state("network.asked.text") == CHAIN
    said.get_by_role("button", name=f"Line {line}").click()
    at = area.evaluate("(area) => area.value.slice(0, area.selectionStart)")
    assert at.count("\n") + 1 == line
    area.fill(CHAIN.replace("x[3]", "x[4]").replace("w1[3,3]", "w1[3,4]"))
    expect(page.page.locator(".neuron")).to_have_count(neurons + 1)
    expect(said).not_to_contain_text("Line")
    expect(area).to_have_attribute("aria-invalid", "false")
    area.fill("")
    expect(said).to_contain_text("The text is empty")
    expect(page.page.locator(".neuron")).to_have_count(neurons + 1)


@pytest.mark.parametrize("wrong", ["z1[9] = ?", ""])
def test_a_reload_keeps_the_last_network_beside_a_text_with_a_mistake(
    opens: Opens, wrong: str
) -> None:
    page = opens(link(CHAIN, selection="w2[1,2]"))
    page.watch.expected.append("status of 422")  # the answer to a text with a mistake
    page.page.locator("#bp-text").fill(
        good := CHAIN.replace("x[3]", "x[4]").replace("w1[3,3]", "w1[3,4]")
    )
    page.until(f"network.asked.text === {json.dumps(good)} && numbers")
    neurons = page.page.locator(".neuron").count()
    data = page.panel("learning").get_by_role("combobox", name="Data")
    chosen = data.input_value()
    broken = good + wrong if wrong else ""
    page.page.locator("#bp-text").fill(broken)
    page.until("error")
    said = page.page.locator("#bp-error").inner_text()
    page.page.reload()
    page.until("error && network")
    expect(page.page.locator("#bp-text")).to_have_value(broken)
    expect(page.page.locator("#bp-error")).to_have_text(said, use_inner_text=True)
    expect(page.page.locator(".neuron")).to_have_count(neurons)
    assert page.state("[network.asked.text, selection]") == [good, "w2[1,2]"]
    expect(page.panel("derivation").locator(".line").first).to_be_visible()
    page.panel("learning")
    expect(data).to_have_value(chosen)
    expect(page.page.locator(".misfit")).not_to_contain_text("no network")


# -- sizes and functions that are open -----------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "panel"),
    [
        ("four_neurons", "numbers"),
        ("deeplizard", "backward"),
        ("deeplizard", "learning"),
        ("deeplizard", "paths"),
    ],
)
def test_what_is_open_is_given_by_a_button(opens: Opens, example: str, panel: str) -> None:
    text = (EXAMPLES / f"{example}.bp").read_text(encoding="utf-8")
    page = opens(link(text, panel=panel))
    form = page.page.locator(f"#panel-{panel} form.filling")
    found = left_open(from_text(text))
    sizes, functions = dict.fromkeys(found.sizes, 2), dict.fromkeys(found.functions, "tanh")
    expect(form).to_be_visible()
    assert page.violations(f"#panel-{panel} .filling") == []
    for field in form.locator("input").all():
        field.fill("2")
    for field in form.locator("select").all():
        field.select_option("tanh")
    form.get_by_role("button", name="Use these").press("Enter")
    page.until("numbers")
    made = filled(text, sizes, functions)
    assert page.state("text") == made
    expect(page.page.locator("#bp-text")).to_have_value(made)
    expect(form).to_be_hidden()
    assert page.page.evaluate("() => document.activeElement.id") == f"panel-{panel}"
    page.panel("numbers")
    given = {q.name: page.state(f"numbers.given[{q.name!r}]") for q in from_text(made).of_kind(
        "input", "target", "weight", "bias")}  # fmt: skip
    assert check_numbers(page, bp.evaluate(from_text(made).with_values(given))) > 10
    page.page.locator("#bp-text").press("Control+z")
    page.until(f"network.asked.text === {json.dumps(text)} && !numbers")
    expect(page.page.locator("#panel-numbers form.filling")).to_be_visible()


def test_what_cannot_be_given_is_said_in_the_form(opens: Opens) -> None:
    text = "size n\ninput x[n]\nweight w[n]\nloss E = w[5]*sum(i: w[i]*x[i])^2\n"
    page = opens(link(text, panel="numbers"))
    page.watch.expected.append("status of 422")  # the answer to a size that is too small
    form = page.page.locator("#panel-numbers form.filling")
    form.get_by_role("button").click()
    expect(form.get_by_role("alert")).to_contain_text("5 is out of range")
    assert page.state("text") == text
    form.locator("input").fill("5")
    form.get_by_role("button").click()
    page.until("numbers?.given.w.length === 5")


# -- without a mouse -----------------------------------------------------------------------------

_FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const seen = (one) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1.5;
  };
  const box = element.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return {
    box: [box.left, box.top, box.right, box.bottom].map(Math.round),
    name: element.id || element.dataset.id || element.getAttribute('aria-label')
      || element.textContent.trim().slice(0, 40),
    part: element.closest('header, #network-panel, #side, #text-panel, dialog')?.id ?? '',
    visible: inside && (seen(element) || seen(element.closest('.editor-sheet') ?? element)),
  };
}"""


class Keys:
    """Someone at the keyboard, who always has to see where they are."""

    def __init__(self, page: Explorer) -> None:
        self.page = page
        self.keyboard = page.page.keyboard

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keyboard.press(key)

    def where(self) -> Any:
        found = self.page.page.evaluate(_FOCUS)
        assert found is None or found["visible"], f"the focus is not seen: {found}"
        return found

    def tab_to(self, wanted: Locator, most: int = 250) -> None:
        """Tab until it has the focus."""
        for _ in range(most):
            self.press("Tab")
            self.where()
            if wanted.evaluate("(element) => element === document.activeElement"):
                return
        pytest.fail(f"{wanted} is not reached by Tab")


def test_tab_goes_through_the_whole_page_and_is_always_seen(opens: Opens) -> None:
    keys = Keys(opens(CASES["classes"].fragment))
    parts: list[str] = []
    keys.press("Tab")
    first = keys.where()
    assert first["name"].startswith("Skip")
    for _ in range(300):
        keys.press("Tab")
        found = keys.where()
        if found is None or found == first:  # the end of the page
            break
        if not parts or parts[-1] != found["part"]:
            parts.append(found["part"])
    else:
        pytest.fail(f"Tab does not come to an end: {parts}")
    assert parts == ["header", "network-panel", "side", "text-panel"]


def test_everything_without_a_mouse(opens: Opens) -> None:
    page = opens()
    keys = Keys(page)
    locate = page.page.locator

    # another example, out of the gallery
    keys.tab_to(page.page.get_by_role("button", name="Choose"))
    keys.press("Enter")
    title = "Three inputs, three hidden nodes and one output node"
    wanted = locate("dialog .gallery button", has_text=title).first
    keys.tab_to(wanted)
    keys.press("Enter")
    expect(locate("dialog")).to_have_count(0)
    page.until("network.asked.text.startsWith('# Three inputs')")

    # a neuron, then one of its edges
    keys.press("Alt+n", "Enter")
    expect(locate(".neuron[data-id='x[1]']")).to_be_focused()
    keys.press("ArrowDown", "ArrowRight")
    expect(locate(".neuron[data-id='h2[2]']")).to_be_focused()
    keys.where()
    keys.press("Enter")
    page.until("selection === 'h2[2]'")
    keys.press("e", "e", "Enter")
    page.until("selection === 'w1[2,2]'")

    # its derivation, a line at a time
    keys.press("Alt+1")
    expect(locate("#tab-derivation")).to_be_focused()
    expect(locate("#panel-derivation h2 [data-q='w1[2,2]']")).not_to_have_count(0)
    step = locate("#panel-derivation [aria-current='step']")
    keys.tab_to(locate("#panel-derivation"))
    for place, key in ((1, "j"), (2, "j"), (3, "j"), (2, "k")):
        keys.press(key)
        expect(locate("#panel-derivation .count")).to_have_text(re.compile(f"^{place} of "))
        expect(step).to_have_count(1)
        expect(step).to_be_in_viewport()
    keys.press(*"jjjjjj")  # the first lines follow from the definitions: none says why
    why = locate("#panel-derivation .line:visible .why-button").first
    keys.tab_to(why)
    keys.press("Enter")
    expect(why).to_have_attribute("aria-expanded", "true")
    behind = locate("#panel-derivation .line:visible .why:visible")
    expect(behind.locator(".rule")).to_have_count(1)
    expect(behind.locator(".law math")).not_to_have_count(0)
    expect(behind.locator(".change math")).not_to_have_count(0)

    # a value
    keys.press("Alt+2")
    field = locate("#panel-numbers .writes[data-q='x[2]']")
    expect(field).to_be_visible()
    keys.tab_to(field)
    before = page.state("numbers.loss")
    keys.press("2", ".", "5", "Enter")
    expect(locate("#panel-numbers .writes[data-q='x[3]']")).to_be_focused()
    page.until(f"values.x?.[1] === 2.5 && numbers.loss !== {before}")

    # a check
    keys.press("Alt+6")
    keys.tab_to(page.page.get_by_role("button", name="Begin with"))
    keys.press("Enter")
    expect(locate("#check-answer")).to_be_focused()
    page.page.keyboard.type("(h3[1] - y[1])*h3[1]*(1 - h3[1])*w2[1,2]*h2[2]*(1 - h2[2])*x[2]")
    keys.press("Control+Enter")
    expect(locate("#panel-check .verdict h3")).to_have_text("Right")

    # dialogs close by Escape, and the focus is back where it was
    keys.press("Shift+Tab")
    keys.press("Alt+3", "?")
    expect(locate("dialog")).to_be_visible()
    keys.press("Escape")
    expect(locate("#tab-backward")).to_be_focused()


# -- learning ------------------------------------------------------------------------------------


def test_a_run_reaches_a_lower_loss(opens: Opens) -> None:
    page = opens(link("mlp:2-8-1,tanh,binary_cross_entropy", panel="learning"))
    panel = page.page.locator("#panel-learning")
    expect(panel.locator(".run-state")).to_contain_text("Ready")
    panel.get_by_role("button", name="One epoch").click()
    loss = panel.locator(".readouts .loss dd")
    expect(panel.locator(".run-state")).to_contain_text("Resting")
    first = number(loss.inner_text())
    panel.get_by_role("button", name="Play", exact=True).click()
    page.until(f"training?.epoch >= 60 && training.loss < {0.95 * first}")
    panel.get_by_role("button", name="Pause").click()
    expect(panel.locator(".run-state")).to_contain_text("Resting")
    assert number(loss.inner_text()) < 0.98 * first
    page.until("Object.keys(values).length === 4")  # what was learned is the page's now
    assert page.sideways() <= 0


# -- links ---------------------------------------------------------------------------------------


def test_a_shared_link_opens_the_same_anew(opens: Opens) -> None:
    view = {"notation": "nielsen", "style": "dynamic", "numbers": True, "show": "gradient"}
    first = opens(link(CHAIN, values={"x": [1, 2, 3.5]}, view=view, selection="w1[3,1]", seed=7))
    first.panel("numbers")
    first.write("w2[1,3]", "0.123456789012345678")
    first.until("values.w2?.[0][2] === 0.12345678901234568")
    first.page.get_by_role("button", name="Share").click()
    address = first.page.get_by_label("Link").input_value()
    fragment = address[address.index("#") :]
    assert len(fragment) < 8192
    kept = unpacked(fragment)
    second = opens(fragment)
    for key in ("text", "values", "seed", "view", "selection", "panel"):
        assert second.state(key) == first.state(key) == kept[key], key
    assert second.state("numbers.loss") == first.state("numbers.loss")


HTML = "<img src=x onerror='window.hit = 1'><script>window.hit = 1</script>"
HOSTILE = {
    "script as the text": (link(HTML), False),
    "script in the title": (link(f"# {HTML}\n{CHAIN}"), True),
    "script in the selection": (link(CHAIN, selection=HTML), True),
    "script in a value's name": (link(CHAIN, values={HTML: 1}), True),
    "script in the notation": (link(CHAIN, view={"notation": HTML}), True),
    "values of other types": (link(CHAIN, values={"x": [{"y": 1}]}), True),
    "a prototype": (link(CHAIN, values=json.loads('{"__proto__": {"x": 1}}')), True),
    "a seed below zero": (link(CHAIN, seed=-1), True),
    "another version": (link(CHAIN, version=2), True),
    "deep lists": (packed(json.dumps({"text": "", "values": "[" * 900})), True),
    "no JSON": (packed("null; alert(1)"), True),
    "a list": (packed("[]"), True),
    "not packed": ("#s=%3Cscript%3E", True),
    "a long text": (link("# " + "a" * 120_000), True),
    "a text that inflates": (packed(" " * 5_000_000), True),
    "longer than a link": ("#s=" + "A" * 9000, True),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_fragment_does_nothing(opens: Opens, name: str) -> None:
    fragment, has_network = HOSTILE[name]
    page = opens(fragment, settles=has_network)
    page.watch.expected.append("status of 422")  # the answer to what is no network
    if not has_network:
        expect(page.page.locator("#bp-error")).to_contain_text("Line 1")
    assert page.page.evaluate("() => window.hit ?? null") is None
    assert page.page.locator("img[src='x'], script:not([src])").count() == 0
    assert page.page.evaluate("() => ({}).x ?? null") is None
    assert page.sideways() <= 0


# -- exports -------------------------------------------------------------------------------------


def exported(page: Explorer, title: str) -> tuple[str, bytes]:
    """A file of the export dialog, by the words beside its button."""
    page.page.get_by_role("button", name="Export").click()
    dialog = page.page.locator("dialog")
    dialog.get_by_label(title, exact=True).check()
    button = dialog.get_by_role("button", name=re.compile("^Download"))
    expect(button).to_have_count(1)
    file = page.save(button)
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    return file


def test_exports(opens: Opens, browser: Browser, tmp_path: Path) -> None:
    case = CASES["chain"]
    page = opens(case.fragment)
    files = {
        title: exported(page, title)
        for title in ("LaTeX", "Markdown", "Web page", "SVG", "PNG", "NumPy", "C")
    }
    latex = files["LaTeX"][1].decode()
    assert r"\partial" in latex
    asked = bp.derive(case.network, case.selection).quantity
    assert latex_of(asked, bind_to(case.notation, case.network)) in latex
    assert "$" in files["Markdown"][1].decode()

    drawing = ElementTree.fromstring(files["SVG"][1])
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}circle"))) >= 4
    assert b"href" not in files["SVG"][1]
    assert files["PNG"][1].startswith(b"\x89PNG")

    compile(files["NumPy"][1], files["NumPy"][0], "exec")
    assert "def " in files["NumPy"][1].decode()
    assert "double" in files["C"][1].decode()

    saved = tmp_path / files["Web page"][0]
    saved.write_bytes(files["Web page"][1])
    asked: list[str] = []
    with browser.new_context() as context:
        alone = context.new_page()
        alone.on("request", lambda request: asked.append(request.url))
        alone.on("console", lambda said: asked.append(said.text))
        alone.goto(saved.as_uri())
        answer = lines_of(case.network, case.notation, case.selection, "chain")[-1]
        assert answer in bare(alone.locator("body").text_content() or "")
        assert alone.evaluate("() => document.fonts.ready.then((fonts) => fonts.status)")
    assert [url for url in asked if not url.startswith("data:")] == [saved.as_uri()]


# -- the tour, and a server that is gone ---------------------------------------------------------


def test_the_tour_visits_its_stops_and_gives_back_the_network(opens: Opens) -> None:
    case = CASES["classes"]
    page = opens(case.fragment)
    mine = page.state("network.text")
    stops = page.state("choices.tour")
    assert len({stop["source"] for stop in stops}) == 4
    page.page.get_by_role("button", name="Tour").click()
    card = page.page.locator("#tour")
    for stop in stops:
        expect(card.locator("h2")).to_have_text(stop["title"])
        expect(card.locator("h2")).to_be_focused()
        text = (EXAMPLES / f"{stop['example']}.bp").read_text(encoding="utf-8")
        page.until(f"network.asked.text === {json.dumps(text)}")
        page.until(f"selection === {json.dumps(stop['quantity'])}")
        page.until(f"view.notation === {json.dumps(stop['notation'])}")
        assert page.state("panel") == stop["panel"]
        wanted = lines_of(from_text(text), stop["notation"], stop["quantity"], stop["style"])
        expect(page.page.locator("#panel-derivation .line")).to_have_count(len(wanted))
        assert page.violations("#tour") == []
        assert page.sideways() <= 0
        if stop is not stops[-1]:
            card.get_by_role("button", name="Next").click()
    card.get_by_role("button", name="Back to my network").click()
    page.until(f"network.text === {json.dumps(mine)} && selection === {json.dumps(case.selection)}")
    expect(card).to_be_hidden()


def test_a_server_that_is_gone_is_told_in_words(browser: Browser) -> None:
    with (
        served() as server,
        explorer(browser, server.address, server.token, CASES["chain"].fragment) as page,
    ):
        page.settled()
        expect(page.panel("numbers").locator(".writes").last).to_be_visible()  # its files are there
        page.panel("derivation")
        page.watch.expected.append("ERR_CONNECTION_REFUSED")
        server.process.terminate()
        server.process.wait(20)
        page.page.locator("#choices label", has_text="Style").locator("select").select_option(
            "equation"
        )
        expect(page.page.locator("#panel-derivation")).to_contain_text("The server does not answer")
        expect(page.page.locator("#panel-derivation")).to_contain_text("backprove serve")
        page.panel("numbers")
        page.write("w2[1,3]", "2")
        expect(page.page.locator("#status")).to_contain_text("The server does not answer")


# -- pictures ------------------------------------------------------------------------------------

PICTURES = os.environ.get("BACKPROVE_SCREENSHOTS", "")


def see_trained(page: Explorer) -> None:
    panel = page.page.locator("#panel-learning")
    panel.get_by_role("button", name="Play", exact=True).click()
    page.until("training?.epoch >= 60")
    panel.get_by_role("button", name="Pause").click()
    expect(panel.locator(".run-state")).to_contain_text("Resting")


def see_steps(page: Explorer) -> None:
    walk = page.page.locator("#panel-derivation").get_by_role("button", name="Next")
    for _ in range(6):
        walk.click()


PAINTED: dict[str, tuple[str, dict[str, Any], Callable[[Explorer], None]]] = {
    "explorer": (CASES["chain"].fragment, {}, lambda page: None),
    "explorer-steps": (CASES["chain"].fragment, {"theme": "dark", "width": 390}, see_steps),
    "explorer-learning": (
        link("mlp:2-16-16-1,tanh,binary_cross_entropy", panel="learning"),
        {},
        see_trained,
    ),
}


@pytest.mark.skipif(not PICTURES, reason="pictures are written to BACKPROVE_SCREENSHOTS=DIR")
@pytest.mark.parametrize("name", PAINTED)
def test_pictures(opens: Opens, name: str) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow comes with Matplotlib")
    fragment, options, see = PAINTED[name]
    page = opens(fragment, **options)
    see(page)
    page.page.mouse.move(0, 0)
    page.page.wait_for_timeout(500)
    file = Path(PICTURES) / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.page.screenshot(path=file)
    with image.open(file) as picture:  # 256 colours are enough, and a third of the size
        picture.convert("RGB").quantize(256).save(file, optimize=True)
    assert file.stat().st_size < 250_000
