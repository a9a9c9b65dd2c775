"""How fast the explorer's page is, in Chromium: the first view, a derivation, an edit, a run.

    python benchmarks/page.py [--rounds N]

Of each the least and the median is printed, with the machine's load at the time: the least is
what an idle machine would give, or more.

A derivation is measured to the frame that shows its beginning, in two ways: by a real mouse that
goes to something, rests on it, is pressed and let go, where the page may have asked ahead; and from
a key, of what nothing was known before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from page import Explorer, chromium, explorer, link
from playwright.sync_api import Browser
from test_web_load import Server, served

LARGE = "mlp:20-100-70-10,tanh,squared_error"
MIDDLE = "mlp:10-30-30-10,tanh,squared_error"
SMALL = "mlp:2-16-16-1,tanh,binary_cross_entropy"
SECONDS = 4

# Milliseconds from an event (a click, or the press of a key) as the browser was told of it, until
# the frame after the one that shows another derivation.
WATCH = """(kind) => {
  window.measured = new Promise((done) => {
    const place = document.querySelector('#panel-derivation');
    const before = place.textContent;
    let begin = 0;
    addEventListener(kind, (event) => { begin = event.timeStamp; }, { capture: true, once: true });
    const watch = new MutationObserver(() => {
      if (!begin || place.textContent === before || place.querySelector('[aria-busy]')) return;
      watch.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
    });
    watch.observe(place, { childList: true, subtree: true, characterData: true });
  });
}"""

# Milliseconds from a key in a field until its loss, and with it every number, is another.
EDIT = """([name, value]) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error(`nothing follows from ${name} = ${value}`)), 30000);
  document.querySelector(`#panel-numbers .writes[data-q='${name}']`).focus();
  const field = document.activeElement;
  const loss = document.querySelector('#panel-numbers .loss');
  const before = loss.textContent;
  const watch = new MutationObserver(() => {
    if (loss.textContent === before) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
  });
  watch.observe(loss, { childList: true, subtree: true, characterData: true });
  field.value = value;
  const begin = performance.now();
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
})"""

# Frames of a run that reach the drawing, and pictures that the canvas is painted, a second.
FRAMES = """(seconds) => import('/assets/js/state.js').then(({ store }) => new Promise((done) => {
  let frames = 0;
  let pictures = 0;
  const context = document.querySelector('#drawing canvas').getContext('2d');
  const clear = context.clearRect;
  context.clearRect = function (...box) { pictures += 1; return clear.apply(this, box); };
  const stop = store.on('training', () => { frames += 1; });
  const begin = performance.now();
  setTimeout(() => {
    stop();
    context.clearRect = clear;
    const took = (performance.now() - begin) / 1000;
    done([frames / took, pictures / took]);
  }, 1000 * seconds);
}))"""


# Marks the frame after the one in which something is there for the first time.
MARKS = """{
  const wanted = { drawn: '.neuron', derived: '#panel-derivation .line' };
  new MutationObserver(() => {
    for (const [name, shown] of Object.entries(wanted)) {
      if (!document.querySelector(shown)) continue;
      delete wanted[name];
      requestAnimationFrame(() => setTimeout(() => performance.mark(name)));
    }
  }).observe(document, { childList: true, subtree: true });
}"""


def first_paint(server: Server, browser: Browser) -> list[float]:
    """Seconds until something is painted, until the drawing has its neurons, until a derivation."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script(MARKS)
        page.goto(f"{server.address}/?token={server.token}", wait_until="commit")
        page.wait_for_function("() => performance.getEntriesByName('derived').length")
        found: list[float] = page.evaluate(
            "() => ['first-contentful-paint', 'drawn', 'derived'].map("
            "(name) => (performance.getEntriesByName(name)[0]?.startTime ?? NaN) / 1000)"
        )
    return found


AIMS, HOLDS = 120, 70
"""Milliseconds for which a hand rests on what it aims at before it presses, and presses."""


def measured(page: Explorer, kind: str, does: Callable[[], None]) -> float:
    """Milliseconds until the derivation after what somebody does."""
    page.page.evaluate(WATCH, kind)
    does()
    found: float = page.page.evaluate("() => window.measured")
    page.page.wait_for_timeout(150)
    return found


def by_mouse(page: Explorer, places: Iterable[tuple[float, float]], aims: int) -> list[float]:
    """From the click, after the mouse went there in steps, rested and was pressed."""

    def click(x: float, y: float) -> None:
        mouse = page.page.mouse
        mouse.move(x - 60, y - 25)
        mouse.move(x, y, steps=8)
        page.page.wait_for_timeout(aims)
        mouse.down()
        page.page.wait_for_timeout(HOLDS)
        mouse.up()

    found = []
    for x, y in places:
        found.append(measured(page, "click", partial(click, x, y)))
        page.page.mouse.move(2, 2)
    return found


def by_keys(page: Explorer, rounds: int) -> list[float]:
    """From Enter in the field that goes to a component: nothing can be known before."""
    field = page.page.locator(".going input")

    def enter(weight: str) -> None:
        field.fill(weight)
        field.press("Enter")

    weights = [f"w1[{at},{1 + at % 20}]" for at in range(1, rounds + 1)]
    return [measured(page, "keydown", partial(enter, weight)) for weight in weights]


def edges(page: Explorer, rounds: int) -> Iterator[tuple[float, float]]:
    """Places of edges on the screen, each of another weight, where the pointer finds them."""
    box = page.page.locator(".drawing-stage").bounding_box()
    assert box is not None
    seen = set()
    for at in range(40 * rounds):
        x = box["x"] + box["width"] * (0.2 + 0.6 * ((at * 0.618) % 1))
        y = box["y"] + box["height"] * (0.15 + 0.7 * ((at * 0.382) % 1))
        page.page.mouse.move(x, y)
        lit = page.state("[...highlight].join()") if page.page.locator(".on-edge").count() else ""
        page.page.mouse.move(2, 2)
        if lit.startswith("w") and lit not in seen:
            seen.add(lit)
            yield x, y
        if len(seen) == rounds:
            return


def cells(page: Explorer, rounds: int) -> Iterator[tuple[float, float]]:
    """Neurons of a folded layer that is open."""
    page.page.locator(".block-button").first.click()
    for at in range(rounds):
        cell = page.page.locator("[data-cell]").nth(2 * at)
        cell.scroll_into_view_if_needed()
        box = cell.bounding_box()
        assert box is not None
        yield box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def edits(page: Explorer, rounds: int, name: str) -> list[float]:
    """Milliseconds from a key in a field to all numbers."""
    found = []
    for place in range(rounds):
        found.append(page.page.evaluate(EDIT, [name, str(0.37 + 0.05 * place)]))
        page.page.wait_for_timeout(50)
    return found


def frames(page: Explorer) -> list[float]:
    """Frames and pictures a second while it learns."""
    panel = page.panel("learning")
    panel.get_by_role("button", name="Play", exact=True).click()
    page.until("training?.epoch >= 2")
    found: list[float] = page.page.evaluate(FRAMES, SECONDS)
    panel.get_by_role("button", name="Pause").click()
    return found


def report(words: str, unit: str, row: list[float], best: Callable[[list[float]], float]) -> None:
    load = os.getloadavg()[0]
    print(
        f"{words:52} {best(row):8.3g} {statistics.median(row):8.3g} {unit:4}"
        f"  ({len(row)} times, load {load:.1f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    print(f"{'':52} {'best':>8} {'median':>8}")
    with chromium() as browser, served() as server:
        paints = [first_paint(server, browser) for _ in range(rounds)]
        for words, row in zip(
            ("first paint", "the network is drawn", "its derivation is there"),
            zip(*paints, strict=True),
            strict=True,
        ):
            report(words, "s", list(row), min)
        values = {"x": [0.1 * i for i in range(20)], "y": [0.5] * 10}
        with explorer(
            browser, server.address, server.token, link(LARGE, values=values, selection="w2[1,1]")
        ) as page:
            page.settled()
            page.page.wait_for_selector("#panel-derivation .line")
            report(f"Enter to derivation, {LARGE[:16]}", "ms", by_keys(page, rounds), min)
            row = by_mouse(page, cells(page, rounds), AIMS)
            report(f"click on a neuron to derivation, {LARGE[:16]}", "ms", row, min)
            page.panel("numbers")
            report(f"edit to numbers, {LARGE[:16]}", "ms", edits(page, rounds, "x[2]"), min)
        for words, aims in (("click on an edge", AIMS), ("the same without aiming", 0)):
            with explorer(browser, server.address, server.token, link(MIDDLE)) as page:
                page.settled()
                page.page.wait_for_selector("#panel-derivation .line")
                row = by_mouse(page, list(edges(page, rounds)), aims)
                report(f"{words} to derivation, {MIDDLE[:15]}", "ms", row, min)
        point = {"x": [0.3, -0.7], "y": [1.0]}
        with explorer(browser, server.address, server.token, link(SMALL, values=point)) as page:
            page.settled()
            page.panel("numbers")
            page.page.wait_for_selector("#panel-numbers td .writes")
            report(f"edit to numbers, {SMALL[:12]}", "ms", edits(page, rounds, "x[2]"), min)
            runs = [frames(page) for _ in range(3)]
            report("frames of a run a second, 2-16-16-1", "/s", [run[0] for run in runs], max)
            report("pictures of the drawing a second", "/s", [run[1] for run in runs], max)


if __name__ == "__main__":
    main()
