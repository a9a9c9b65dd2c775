"""The process beside a notebook's kernel that answers the explorer's pages.

    python -m backprove.web.beside

It is told and tells by lines of JSON (desk.py says which), and ends when nobody can tell it more.
So nothing that a page asks takes the kernel's time, its memory or its threads, and no address is
listened on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

from .workers import Workers

LOOKING = 10.0
"""Seconds between two looks at which pages have fallen silent."""


async def serve() -> None:
    """Answer until the lines end."""
    out, sys.stdout = sys.stdout, sys.stderr  # what anything prints is not for the pages
    workers = Workers(count=2, warming="backprove.web.warming")
    workers.start()  # they load while the rest does
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def tell(message: dict[str, Any]) -> None:
        with suppress(OSError, ValueError):  # nobody listens: soon nobody speaks either
            out.write(json.dumps(message) + "\n")
            out.flush()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(desk.hear, json.loads(line))
        loop.call_soon_threadsafe(over.set)

    desk = import_module(".desk", __package__).Desk(tell, workers)
    threading.Thread(target=listen, daemon=True).start()
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOKING):
                await over.wait()
        desk.look()
    workers.close()


if __name__ == "__main__":
    asyncio.run(serve())
    os._exit(0)  # at once, with every run's thread
