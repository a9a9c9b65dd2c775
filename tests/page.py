"""What the tests in a browser share: Chromium, pages that watch themselves, links, axe."""

from __future__ import annotations

import base64
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the explorer's server needs backprove[serve]")
pytest.importorskip("playwright", reason="a browser is driven by the Python package playwright")
pytest.importorskip("axe_playwright_python", reason="axe comes with axe-playwright-python")

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHOUT = f"there is no browser on the PATH ({', '.join(NAMES)}): `make browser` installs Chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PATIENCE = 60_000
"""Milliseconds that a machine may take over what takes a tenth of a second on an idle one."""

PANELS = ("derivation", "numbers", "backward", "paths", "learning", "check")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's own Chromium; skips where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(WITHOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page must not do: complain, break, or ask anyone but its server.

    expected: patterns of complaints that a test calls forth itself.
    """

    address: str
    expected: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Look after this page from now on."""
        page.on("console", self._heard)
        page.on("pageerror", lambda problem: self.wrong.append(f"page error: {problem}"))
        # Heard, not routed: a detour of every request would slow the page down. Names of other
        # hosts are not resolved (see ARGUMENTS).
        page.on("request", lambda request: self._reached(request.url))
        page.on("websocket", lambda socket: self._reached(socket.url.replace("ws", "http", 1)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _reached(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:", "blob:")):
            self.wrong.append(f"request outside: {url}")

    def check(self) -> None:
        """Nothing went wrong but what was expected."""
        left = [w for w in self.wrong if not any(re.search(e, w) for e in self.expected)]
        assert left == []


_STORE = "import('/assets/js/state.js').then(({ store }) => store)"
_KEYS = (
    "choices, text, error, network, values, seed, numbers, selection, view, highlight, panel,"
    " training, status"
)


def _read(expression: str) -> str:
    """JavaScript that gives an expression over the keys of `store`."""
    return f"(({{ {_KEYS} }}) => ({expression}))(store.get())"


@dataclass(frozen=True)
class Explorer:
    """The explorer in a window of its own."""

    page: Page
    watch: Watch

    def state(self, expression: str) -> Any:
        """What an expression over the keys of the page's store gives, such as `numbers.loss`."""
        return self.page.evaluate(f"() => {_STORE}.then((store) => {_read(expression)})")

    def until(self, condition: str) -> None:
        """Wait until an expression over the keys of the page's store holds."""
        said = self.page.evaluate(
            f"() => {_STORE}.then((store) => new Promise((done) => {{"
            f" const holds = () => {_read(condition)};"
            f" const look = () => {{ if (holds()) done(''); }};"
            f" store.on('*', look); look();"
            f" setTimeout(() => done('not within {PATIENCE} ms'), {PATIENCE}); }}))"
        )
        assert said == "", f"{condition}: {said}; status: {self.state('status')}"

    def settled(self) -> None:
        """Wait for the network and, where it has numbers, for its numbers."""
        self.until("network && (network.open.length || numbers)")

    def panel(self, name: str) -> Locator:
        """Open a panel by its tab."""
        self.page.locator(f"#tab-{name}").click()
        return self.page.locator(f"#panel-{name}")

    def write(self, name: str, digits: str) -> None:
        """Write a number into its field, which is one while it has the focus."""
        self.page.locator(f"#panel-numbers .writes[data-q='{name}']").focus()
        self.page.locator(f"#panel-numbers input[data-q='{name}']").fill(digits)

    def sideways(self) -> int:
        """By how many pixels the page is wider than its window."""
        wider: int = self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    def violations(self, within: str = "html") -> list[str]:
        """What axe finds that is serious or critical.

        It measures with styles of its own, which the page's policy refuses: those complaints are
        not the page's.
        """
        before = len(self.watch.wrong)
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate(
            "(within) => axe.run(within, { resultTypes: ['violations'], preload: false })",
            within,
        )
        its_own = [w for w in self.watch.wrong[before:] if "inline style" in w]
        self.watch.wrong[before:] = [w for w in self.watch.wrong[before:] if w not in its_own]
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    def save(self, button: Locator) -> tuple[str, bytes]:
        """Press what downloads a file: its name and its content."""
        with self.page.expect_download() as waiting:
            button.click()
        download = waiting.value
        return download.suggested_filename, Path(download.path()).read_bytes()


@contextmanager
def explorer(
    browser: Browser,
    address: str,
    token: str,
    fragment: str = "",
    theme: str = "light",
    width: int = 1280,
    **options: Any,
) -> Iterator[Explorer]:
    """The explorer in a new window, without cookies, opened at a fragment.

    Fails where the page complained, broke or asked another host.
    """
    with browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        **options,
    ) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        watch = Watch(address)
        watch.over(page)
        page.goto(f"{address}/?token={token}{fragment}")
        found = Explorer(page, watch)
        yield found
        watch.check()


def link(text: str, **fields: Any) -> str:
    """The fragment of a link to a text, and to more of a state, as the page itself writes it."""
    return packed(json.dumps({"is": "backprove explorer", "version": 1, "text": text, **fields}))


def packed(state: str) -> str:
    """Any words as a fragment."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflate.compress(state.encode()) + deflate.flush()
    return f"#s={base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def unpacked(fragment: str) -> Any:
    """The state of a link."""
    data = fragment.partition("#s=")[2]
    return json.loads(zlib.decompress(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)), -15))


def bare(text: str) -> str:
    """Text without what is not seen: white space, invisible operators, kinds of minus signs."""
    return re.sub("[\\s\u2061-\u2064\u200b]+", "", text).replace("−", "-")
