"""The explorer in a notebook: what its kernel answers, what it keeps, and the page itself."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import backprove as bp

pytest.importorskip("anywidget", reason="the widget needs backprove[widget]")
pytest.importorskip("starlette", reason="the widget needs backprove[widget]")
pytest.importorskip("pebble", reason="the widget needs backprove[widget]")

from backprove import widget
from backprove.errors import BackproveError, DataError
from backprove.web import limits
from backprove.web.carried import carried
from backprove.web.desk import Desk
from backprove.web.notebook import BESIDE, Beside, Explorer
from backprove.web.pages import ASSETS
from backprove.web.workers import Answer, Call, Workers

CHAIN = """
input  i = 2
target t = 1
weight w_h = 0.5, w_o = 0.25
r_h = w_h * i
r_o = w_o * r_h
loss E = (t - r_o)^2 / 2
"""
GRADIENT = -0.375  # of w_h: -(t - r_o) w_o i = -(1 - 0.25) 0.25 * 2
WAIT = 60.0


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    BESIDE.close()


def until(holds: Callable[[], Any], seconds: float = WAIT) -> Any:
    end = monotonic() + seconds
    while not (found := holds()):
        assert monotonic() < end, "not in time"
        sleep(0.02)
    return found


# -- the widget on Python's side ------------------------------------------------------------


def test_a_network_and_a_text_are_explored() -> None:
    network = bp.parse(CHAIN)
    for made in (network.explore(), bp.explore(network), bp.explore(CHAIN)):  # type: ignore[attr-defined]
        assert (made.text, made.values) == (CHAIN, {})
        assert made.network["w_h"].value == network["w_h"].value
    built = bp.explore("mlp:2-3-1", selection="w2[1,2]", notation="chain", height=500)
    assert (built.selection, built.view, built.height) == ("w2[1,2]", {"notation": "chain"}, 500)
    assert built.network.trained == bp.load("mlp:2-3-1").trained


def test_values_other_than_the_texts_are_kept() -> None:
    network = bp.parse(CHAIN).with_values({"w_h": 0.125})
    made = bp.explore(network)
    assert made.values == {"w_h": 0.125}
    assert bp.evaluate(made.network).gradients == bp.evaluate(network).gradients
    made.values = {"w_h": np.float32(0.5), "w_o": 2}
    assert made.network["w_o"].value == 2
    with pytest.raises(DataError, match="w_h"):
        made.values = {"w_h": "much"}


def test_the_numbers_are_those_of_the_page() -> None:
    assert bp.explore(CHAIN).numbers.gradients["w_h"] == GRADIENT
    made = bp.explore("mlp:2-3-1")  # whose inputs and targets have no values
    made.seed, made.values = 3, {"x": [0.5, 0.25]}

    async def asks(desk: Desk, told: list[dict[str, Any]]) -> Any:
        desk.hear(ask("/api/numbers", text=made.text, values=made.values, seed=made.seed))
        return await told_that(told, lambda m: m["is"] == "answer")

    shown, found = json.loads(at_desk(asks)["text"]), made.numbers
    assert found.loss == shown["loss"]
    assert {name: array.tolist() for name, array in found.gradients.items()} == shown["gradients"]
    assert found.given["x"].tolist() == [0.5, 0.25]


def test_a_missing_package_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "find_spec", lambda name: None if name == "anywidget" else name)
    with pytest.raises(BackproveError, match="not installed: anywidget") as found:
        bp.explore(CHAIN)
    assert "pip install 'backprove[widget]'" in str(found.value)


def test_the_package_loads_without_the_widget() -> None:
    program = "import backprove as bp, sys\nbp.load('mlp:1-1').explore\nprint(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(answer.stdout.split()) & {"anywidget", "ipywidgets", "pydantic", "pebble"}


# -- the page as it is carried --------------------------------------------------------------


def test_the_page_carries_all_that_it_imports() -> None:
    page = carried()
    known = {f"backprove/{name}" for name in page["modules"]}
    for name, source in {**page["modules"], **page["workers"]}.items():
        found = re.findall(r"^\s*(?:import|export)\b[^;'\"]*?from\s*[\"']([^\"']+)", source, re.M)
        found += re.findall(r"\bimport\(\s*[\"']([^\"']+)", source)
        found += re.findall(r"^\s*import\s*[\"']([^\"']+)", source, re.M)
        assert set(found) <= known, name
    parts = re.findall(r"import\(`([^`]*)`\)", "".join(page["modules"].values()))
    assert parts == ["backprove/js/${part}.js"]


def test_no_module_finds_its_files_by_itself() -> None:
    """A module of a frame has no address beside which others lie."""
    own = [*(ASSETS / "js").glob("*.js")]
    assert [f.name for f in own if "import.meta" in f.read_text()] == ["surroundings.js"]


def test_the_page_names_no_address() -> None:
    html = carried()["html"]
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert not re.findall(r"""url\((?!["']?data:)""", html)
    assert "@import" not in html
    assert "<link" not in html


# -- the desk -------------------------------------------------------------------------------


class Instant(Workers):
    """Answers here and now; what takes long never ends."""

    async def answer(self, call: Call, seconds: float) -> Answer:
        function, given = call
        if given and getattr(given[-1], "text", "") == "slow":
            await asyncio.sleep(WAIT)
        return function(*given)


def at_desk(does: Callable[[Desk, list[dict[str, Any]]], Any], silent: float = 300) -> Any:
    """What is done at a desk, and what is told there."""
    told: list[dict[str, Any]] = []

    async def there() -> Any:
        return await does(Desk(told.append, Instant(), silent), told)

    return asyncio.run(there())


async def told_that(told: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> Any:
    async with asyncio.timeout(WAIT):
        while not (found := [m for m in told if holds(m)]):
            await asyncio.sleep(0.01)
    return found[0]


def ask(path: str, **body: Any) -> dict[str, Any]:
    return {"is": "ask", "id": "v q1", "path": path, "body": json.dumps(body)}


@pytest.mark.parametrize(
    ("message", "status", "words"),
    [
        (ask("/api/numbers", text=CHAIN), 200, '"w_h":-0.375'),
        (ask("/api/choices"), 200, '"notations"'),
        (ask("/api/numbers", text="loss J = "), 422, '"line":1'),
        (ask("/api/numbers", text=CHAIN, more=1), 400, "more"),
        (ask("/api/numbers", values={}), 400, "text"),
        (ask("/api/nothing", text=CHAIN), 404, "address"),
        (ask("/api/numbers", text="#" * limits.BODY), 413, "too long"),
        ({"is": "ask", "id": "v q1", "path": "/api/numbers", "body": "}"}, 400, "JSON"),
    ],
)
def test_questions_are_answered_as_by_the_server(
    message: dict[str, Any], status: int, words: str
) -> None:
    async def asks(desk: Desk, told: list[dict[str, Any]]) -> Any:
        desk.hear(message)
        return await told_that(told, lambda m: m["is"] == "answer")

    answer = at_desk(asks)
    assert (answer["id"], answer["status"]) == ("v q1", status)
    assert words in answer["text"]


@pytest.mark.parametrize("then", [{"is": "forget", "id": "v q1"}, {"is": "leave", "id": "v"}])
def test_what_is_given_up_is_not_answered(then: dict[str, Any]) -> None:
    async def asks(desk: Desk, told: list[dict[str, Any]]) -> Any:
        desk.hear(ask("/api/numbers", text="slow"))
        await asyncio.sleep(0)
        desk.hear(then)
        desk.hear({**ask("/api/numbers", text=CHAIN), "id": "v q2"})
        await told_that(told, lambda m: m.get("id") == "v q2")
        assert len(asyncio.all_tasks()) == 1
        return [m["id"] for m in told]

    assert at_desk(asks) == ["v q2"]


START = {"do": "start", "text": "mlp:2-2-2,tanh,cross_entropy", "data": {"name": "xor", "rows": 50}}


@pytest.mark.parametrize("end", ["close", "leave", "silence", "stop"])
def test_a_run_is_trained_and_ends_with_its_page(end: str) -> None:
    async def trains(desk: Desk, told: list[dict[str, Any]]) -> None:
        desk.hear({"is": "open", "id": "v l1"})
        desk.hear({"is": "say", "id": "v l1", "text": json.dumps(START)})
        desk.hear({"is": "say", "id": "v l1", "text": '{"do": "play"}'})
        await told_that(told, lambda m: '"is":"ready"' in m.get("text", ""))
        await told_that(told, lambda m: '"playing":true' in m.get("text", ""))
        if end == "silence":
            await asyncio.sleep(0.1)
            desk.look()
        elif end == "stop":
            desk.hear({"is": "say", "id": "v l1", "text": '{"do": "stop"}'})
        else:
            desk.hear({"is": end, "id": "v l1"})
        await told_that(told, lambda m: m["is"] == "closed")
        async with asyncio.timeout(WAIT):
            while desk._runs._placed:
                await asyncio.sleep(0.01)

    at_desk(trains, silent=0.05 if end == "silence" else 300)


def test_too_many_runs_are_refused() -> None:
    async def opens(desk: Desk, told: list[dict[str, Any]]) -> None:
        for at in range(limits.RUNS + limits.QUEUED + 1):
            desk.hear({"is": "open", "id": f"v l{at}"})
        last = f"v l{limits.RUNS + limits.QUEUED}"
        said = await told_that(told, lambda m: m["id"] == last and m["is"] == "said")
        found = json.loads(said["text"])
        assert found["is"] == "error"
        assert "too many" in found["error"]["message"]
        await told_that(told, lambda m: m["id"] == last and m["is"] == "closed")
        desk.hear({"is": "leave", "id": "v"})
        async with asyncio.timeout(WAIT):
            while desk._lines:
                await asyncio.sleep(0.01)

    at_desk(opens)


# -- the process beside the kernel ----------------------------------------------------------


def test_a_process_that_ends_is_said_and_another_answers() -> None:
    beside, told = Beside(), Queue[dict[str, Any]]()
    try:
        beside.say(ask("/api/numbers", text=CHAIN), told.put)
        assert beside._process is not None
        beside._process.kill()
        assert told.get(timeout=WAIT)["status"] == 503
        beside.say(ask("/api/numbers", text=CHAIN), told.put)
        answer = told.get(timeout=WAIT)
        assert answer["status"] == 200
        assert json.loads(answer["text"])["gradients"]["w_h"] == GRADIENT
        process = beside._process
    finally:
        beside.close()
    assert process is not None
    assert process.poll() == 0


# -- the page in a browser ------------------------------------------------------------------

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60_000
NOTEBOOK = "http://notebook.test"
CELL = """<!doctype html><meta charset="utf-8">
<body data-jp-theme-light="false"><div id="cell"></div>
<script type="module">
import widget from "./widget.js";
const listeners = {};
const fire = (name, ...given) => (listeners[name] ?? []).forEach((f) => f(...given));
const state = JSON.parse(decodeURIComponent(location.hash.slice(1)));
window.model = {
  get: (key) => state[key],
  set(key, value) {
    if (JSON.stringify(state[key]) === JSON.stringify(value)) return;
    state[key] = value;
    fire(`change:${key}`);
  },
  on: (name, f) => (listeners[name] ??= []).push(f),
  off: (name, f) => { listeners[name] = (listeners[name] ?? []).filter((one) => one !== f); },
  send: (message) => window.tell(message),
  save_changes: () => window.save(state),
};
window.take = ({ set, message }) => {
  if (set) for (const [key, value] of Object.entries(set)) window.model.set(key, value);
  else fire("msg:custom", message, []);
};
window.leave = widget.render({ model: window.model, el: document.querySelector("#cell") });
</script>"""


class Cell:
    """A page that shows a widget as a notebook does, and the notebook's side of it."""

    def __init__(self, page: Any, made: Explorer) -> None:
        self.page, self.made, self.wrong = page, made, list[str]()
        self._out: Queue[dict[str, Any]] = Queue()
        self._saving = False
        made.send = lambda message, buffers=None: self._out.put({"message": message})
        made.observe(self._changed, names=[*self.state])
        page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        page.on("console", lambda m: m.type == "error" and self.wrong.append(m.text))
        page.expose_function("tell", lambda message: made._hear(made, message, []))
        page.expose_function("save", self._save)
        page.context.route(re.compile("^http"), self._asked)
        page.goto(f"{NOTEBOOK}/#{quote(json.dumps(self.state))}")
        self.frame = page.frame_locator("iframe")

    @property
    def state(self) -> dict[str, Any]:
        names = ("text", "values", "seed", "selection", "view", "panel", "height")
        return {name: getattr(self.made, name) for name in names}

    def until(self, holds: Callable[[], Any]) -> Any:
        """Carry messages to the page until something holds."""
        end = monotonic() + PATIENCE / 1000
        while not (found := holds()):
            assert monotonic() < end, f"not in time; {self.wrong}"
            try:
                message = self._out.get(timeout=0.02)
            except Empty:
                self.page.wait_for_timeout(10)
            else:
                self.page.evaluate("(message) => window.take(message)", message)
        return found

    def sees(self, selector: str, words: str = "") -> Any:
        """The first of what the page shows, when it is there."""
        found = self.frame.locator(selector).filter(has_text=words).first
        self.until(found.is_visible)
        return found

    def _save(self, state: dict[str, Any]) -> None:
        self._saving = True
        for name, value in state.items():
            setattr(self.made, name, value)
        self._saving = False

    def _changed(self, change: Any) -> None:
        if not self._saving:
            self._out.put({"set": {change["name"]: change["new"]}})

    def _asked(self, route: Any) -> None:
        url = route.request.url
        if url.partition("#")[0] == f"{NOTEBOOK}/":
            route.fulfill(content_type="text/html", body=CELL)
        elif url == f"{NOTEBOOK}/widget.js":
            route.fulfill(content_type="text/javascript", body=Explorer._esm)
        elif url.startswith("http") and not url.endswith("/favicon.ico"):
            self.wrong.append(f"asked {url}")
            route.abort()
        else:
            route.fulfill(status=204)


@contextmanager
def cell(made: Explorer) -> Iterator[Cell]:
    sync = pytest.importorskip(
        "playwright.sync_api", reason="a browser is driven by the Python package playwright"
    )
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"there is no browser on the PATH ({', '.join(NAMES)})")
    with sync.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(PATIENCE)
        shown = Cell(page, made)
        yield shown
        browser.close()
        assert shown.wrong == []


def middle(shown: Cell, *neurons: str) -> tuple[float, float]:
    """The middle between neurons of the drawing, where the edge between them passes."""
    boxes = [shown.sees(f"[data-id='{name}']").bounding_box() for name in neurons]
    at = np.array([[b["x"] + b["width"] / 2, b["y"] + b["height"] / 2] for b in boxes])
    return tuple(at.mean(axis=0).tolist())


def test_a_weight_clicked_in_a_notebook_shows_its_derivation() -> None:
    made = bp.explore("mlp:2-3-1", selection="w2[1,2]", notation="chain")
    with cell(made) as shown:
        shown.sees("#panel-derivation .formula [data-q='w2[1,2]']")
        assert shown.frame.locator("html").get_attribute("data-theme") == "dark"
        assert shown.frame.locator("#choices select").first.input_value() == "chain"

        # In the page, then in Python.
        shown.page.mouse.click(*middle(shown, "x[1]", "h2[1]"))
        shown.until(lambda: made.selection == "w1[1,1]")
        shown.sees("#panel-derivation .formula [data-q='w1[1,1]']")
        editor = shown.frame.locator("#editor textarea")
        editor.fill(CHAIN)
        shown.until(lambda: made.text == CHAIN)
        editor.fill(CHAIN + "nonsense")
        shown.sees("#editor .error")
        assert [weight.name for weight in made.network.trained] == ["w_h", "w_o"]

        # In Python, then in the page.
        made.text, made.selection, made.panel = CHAIN, "w_h", "derivation"
        shown.sees("#panel-derivation .formula [data-q='w_h']")
        made.values = {"w_h": 0.125}
        made.panel = "numbers"
        field = shown.frame.locator("#panel-numbers .writes").first
        shown.until(field.is_visible)
        made.height = 500
        shown.until(lambda: shown.page.locator("iframe").bounding_box()["height"] == 500)


def test_what_is_learned_in_a_notebook_is_in_python() -> None:
    made = bp.explore("mlp:2-4-1,tanh,binary_cross_entropy")
    with cell(made) as shown:
        shown.sees("#panel-derivation .formula")
        shown.frame.locator("#tab-learning").click()
        shown.sees(".run-state", "Ready")
        shown.frame.locator(".transport .play").click()
        loss = shown.frame.locator(".readouts .epoch dd")
        shown.until(lambda: loss.inner_text() not in ("–", "0"))
        shown.frame.locator(".transport .play").click()
        shown.until(lambda: "w2" in made.values)
        learned = made.values["w2"]
        assert np.array_equal(np.asarray(made.network["w2"].value, float), learned)
        shown.page.evaluate("() => window.leave()")
        assert shown.page.locator("iframe").count() == 1  # the notebook removes it


def test_a_page_whose_kernel_is_gone_says_so() -> None:
    with cell(bp.explore(CHAIN)) as shown:
        shown.sees("#panel-derivation .formula")
        shown.page.evaluate("() => { model.send = () => { throw new Error('Cannot send'); }; }")
        shown.frame.locator("#tab-paths").click()
        shown.sees("#panel-paths", "Is the notebook's kernel still running?")
        shown.frame.locator("#tab-learning").click()
        shown.sees(".run-state")
