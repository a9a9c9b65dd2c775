"""The explorer in a real browser: every panel, both themes, two widths, with and without a mouse.

What the page shows is compared with what the front doors of the package give. With
BACKPROVE_SCREENSHOTS=DIR the pictures of the documentation are written, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from page import PANELS, Explorer, bare, chromium, explorer, link
from playwright.sync_api import Browser, Locator, expect
from test_web_load import Server, served

import backprove as bp
from backprove.language import from_text
from backprove.network import Network
from backprove.notation import bind
from backprove.notation import load as load_notation
from backprove.render.document import page as laid_out
from backprove.render.mathml import mathml_chunks

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
CHAIN = (EXAMPLES / "chain_3_3_1.bp").read_text(encoding="utf-8")

Opens = Callable[..., Explorer]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Server]:  # the browser first: without it none is needed
    with served() as found:
        yield found


@pytest.fixture
def opens(browser: Browser, server: Server) -> Iterator[Opens]:
    """Opens the explorer in a new window; at the end each window is asked for its complaints."""
    with ExitStack() as stack:

        def one(fragment: str = "", **options: Any) -> Explorer:
            found = stack.enter_context(
                explorer(browser, server.address, server.token, fragment, **options)
            )
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
        " [cell.dataset.q, cell.matches('input'), cell.value ?? cell.textContent])"
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
        name = entry.locator(".entry-title [data-q]").first.get_attribute("data-q") or ""
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


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", CASES)
def test_every_panel(opens: Opens, name: str, theme: str, width: int) -> None:
    case = CASES[name]
    page = opens(case.fragment, theme=theme, width=width)
    assert page.sideways() <= 0
    for panel in PANELS:
        opened = page.panel(panel)
        SEEN[panel](page, opened, case)
        assert page.sideways() <= 0, panel
        assert page.violations("html" if panel == "derivation" else f"#panel-{panel}") == [], panel
