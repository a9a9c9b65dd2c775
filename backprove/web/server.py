"""The server of one person's machine: its address, its token, its beginning and its end."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from ..errors import BackproveError
from . import limits
from .guards import Door, Guards
from .pages import Interface, Site

PORT = 8765
"""Where the explorer is, or at the next port that is free."""

TRIED = 100
"""Ports that are tried."""


def serve(
    load: Callable[[], Interface],
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the explorer until Ctrl-C or SIGTERM.

    load: makes the interface; port: by default the first free one from 8765, 0 for any; token: by
    default drawn; browser: open one; say: is told the link, once the page is there.
    Raises BackproveError where it cannot listen.
    """
    listening = listen(host, port)
    door = Door(host, listening.getsockname()[1], token or secrets.token_hex(24))
    site = Site(load)
    config = uvicorn.Config(
        Guards(site, door),
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=limits.MESSAGE,
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=0,
    )
    # One thread a computation: answers and runs share the machine.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    opening = _Opening(door, say, browser)
    with listening, opening:
        signal.signal(signal.SIGTERM, _leave)
        with suppress(KeyboardInterrupt):
            _Server(config, opening.open).run([listening])


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens on a port, or on the next one that is free where none is named."""
    ports = range(PORT, PORT + TRIED) if port is None else (port,)
    taken: OSError | None = None
    for number in ports:
        try:
            (family, _, _, _, address), *_ = socket.getaddrinfo(
                host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (OSError, UnicodeError):
            raise BackproveError(
                f"there is no address {host!r} on this machine", "leave --host out for 127.0.0.1"
            ) from None
        # TCP is named: only then asyncio sends what is written at once. Otherwise the body of an
        # answer waits for the other side to acknowledge its head, which takes 40 ms.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(2048)
        except OSError as error:
            found.close()
            taken = error
            continue
        return found
    where = f"port {port}" if port is not None else f"ports {PORT} to {PORT + TRIED - 1}"
    raise BackproveError(
        f"{where} of {host} cannot be had: {taken.strerror if taken else 'taken'}",
        "name another port with --port, or leave it out for one that is free",
    )


def open_to_others(host: str) -> bool:
    """Whether other machines can reach a server at this address."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host.lower() != "localhost"


class _Server(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()


class _Opening:
    """Tells the link, and opens a browser at it; cleans up after both."""

    def __init__(self, door: Door, say: Callable[[str], None], browser: bool) -> None:
        self._door, self._say, self._browser = door, say, browser
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> _Opening:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._folder is not None:
            with suppress(OSError):
                self._folder.cleanup()

    def open(self) -> None:
        self._say(self._door.link)
        if self._browser:
            # In a file that no one else may read: a browser's arguments are seen by all.
            self._folder = tempfile.TemporaryDirectory(prefix="backprove-")
            page = Path(self._folder.name) / "open.html"
            page.write_text(
                '<!doctype html><meta charset="utf-8"><title>backprove</title>'
                f'<meta http-equiv="refresh" content="0; url={self._door.link}">'
                f'<a href="{self._door.link}">the explorer</a>\n',
                encoding="utf-8",
            )
            threading.Thread(target=_browse, args=(page.as_uri(),), daemon=True).start()


def _browse(address: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(address)


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
