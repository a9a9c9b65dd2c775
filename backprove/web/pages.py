"""The page and its files, and the way to the interface behind it, which loads meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .asgi import App, Headers, Receive, Scope, Send, refuse, respond

_HERE = Path(__file__).resolve().parent

ASSETS = _HERE / "assets"
"""The files of the page."""

FONTS = _HERE.parent / "render" / "assets"
"""The font for mathematics, which exported pages share."""

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
"""What is served, by ending; the system's own table differs from machine to machine."""


@dataclass(frozen=True)
class Interface:
    """What answers under /api, and how to end it."""

    app: App
    close: Callable[[], None]


class Site:
    """ASGI application: the page at /, its files at /assets/, the interface at /api/.

    The interface takes a second to load, the page nothing: it is sent meanwhile. Until the
    interface is there, its questions wait.
    """

    def __init__(self, load: Callable[[], Interface]) -> None:
        """load: makes the interface; called in a thread when the server starts."""
        self._load = load
        self._loading: asyncio.Task[Interface] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/api/"):
            await (await self._interface()).app(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse(scope, send, 404, "there is nothing at this address", "")
        elif scope["method"] not in ("GET", "HEAD"):
            said = "this address can only be read"
            await refuse(scope, send, 405, said, "", [("allow", "GET, HEAD")])
        else:
            await _file(scope, send, path)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Load the interface when the server starts, end it when the server ends."""
        await receive()
        self._begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _begin(self) -> asyncio.Task[Interface]:
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        return self._loading

    async def _interface(self) -> Interface:
        return await asyncio.shield(self._begin())

    async def close(self) -> None:
        """End the interface, and all that works for it."""
        if self._loading is not None:
            with suppress(Exception):  # one that could not be loaded has nothing to end
                interface = await self._loading
                await asyncio.to_thread(interface.close)


async def _file(scope: Scope, send: Send, path: str) -> None:
    found = _found("index.html" if path == "/" else path.removeprefix("/assets/"))
    if found is None or not (path == "/" or path.startswith("/assets/")):
        await refuse(scope, send, 404, "there is nothing at this address", "The page is at /.")
        return
    content, tag = _read(found, found.stat().st_mtime_ns)
    keeping: Headers = [("etag", tag), ("cache-control", "no-cache")]  # kept, but asked for anew
    asked = [value for header, value in scope["headers"] if header == b"if-none-match"]
    if any(tag.encode() in value for value in asked):
        await respond(send, 304, kind=KINDS[found.suffix], headers=keeping)
    else:
        await respond(send, 200, content, KINDS[found.suffix], keeping)


def _found(name: str) -> Path | None:
    """The file of a name, if it lies among the assets and is of a kind that is served."""
    if "\0" in name:
        return None
    for folder in (ASSETS, FONTS if name.startswith("fonts/") else None):
        if folder is not None:
            file = (folder / (name.removeprefix("fonts/") if folder is FONTS else name)).resolve()
            if file.is_relative_to(folder) and file.suffix in KINDS and file.is_file():
                return file
    return None


@lru_cache(maxsize=200)
def _read(file: Path, changed: int) -> tuple[bytes, str]:
    """A file's content and its tag. changed: when, so that a change is seen."""
    content = file.read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'
