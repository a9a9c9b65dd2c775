"""How fast the explorer's page is, in Chromium: the first view, a derivation, an edit, a run.

    python benchmarks/page.py [--rounds N]

Of each the least and the median is printed, with the machine's load at the time: the least is
what an idle machine would give, or more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from page import Explorer, chromium, explorer, link
from playwright.sync_api import Browser
from test_web_load import Server, served

LARGE = "mlp:20-100-70-10,tanh,squared_error"
SMALL = "mlp:2-16-16-1,tanh,binary_cross_entropy"
SECONDS = 4

# Milliseconds from a click until the frame after the one that shows what it asked for.
CLICK = """([clicked, shown]) => new Promise((done) => {
  const button = document.querySelector(clicked);
  const place = document.querySelector(shown);
  const before = place.textContent;
  const begin = performance.now();
  const watch = new MutationObserver(() => {
    if (place.textContent === before || place.querySelector('[aria-busy]')) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
  });
  watch.observe(place, { childList: true, subtree: true, characterData: true });
  button.click();
})"""

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


def derivations(page: Explorer, rounds: int) -> list[float]:
    """Milliseconds from a click to the derivation of another weight each time."""
    found = []
    for place in range(1, rounds + 1):
        page.page.evaluate(
            "(weight) => { const button = document.createElement('button');"
            " button.id = 'asks'; button.hidden = true; document.body.append(button);"
            " button.onclick = () => import('/assets/js/state.js').then(({ store }) =>"
            " store.set({ selection: weight })); }",
            f"w1[{place},{1 + place % 20}]",
        )
        found.append(page.page.evaluate(CLICK, ["#asks", "#panel-derivation"]))
        page.page.evaluate("() => document.getElementById('asks').remove()")
        page.page.wait_for_timeout(100)
    return found


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
            report(f"click to derivation, {LARGE[:16]}", "ms", derivations(page, rounds), min)
            page.panel("numbers")
            report(f"edit to numbers, {LARGE[:16]}", "ms", edits(page, rounds, "x[2]"), min)
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
