"""What the parts of the server share: the types of ASGI, and answers in a few lines."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from html import escape
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[str, str]]

_HTML = "text/html; charset=utf-8"


async def respond(
    send: Send, status: int, body: bytes = b"", kind: str = _HTML, headers: Headers = ()
) -> None:
    """Send a whole answer. kind: its Content-Type."""
    lines = [("content-type", kind), ("content-length", str(len(body))), *headers]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def refuse(
    scope: Scope, send: Send, status: int, message: str, suggestion: str, headers: Headers = ()
) -> None:
    """Refuse a request in words: a page where a person asks, JSON where a program does."""
    if scope["type"] == "websocket":
        await _refuse_websocket(scope, send, status, message)
    elif scope["path"].startswith("/api"):
        error = {"message": message, "suggestion": suggestion}
        body = {"error": {**error, "line": None, "column": None, "excerpt": None}}
        await respond(send, status, json.dumps(body).encode(), "application/json", headers)
    else:
        await respond(send, status, words(message, suggestion), headers=headers)


async def _refuse_websocket(scope: Scope, send: Send, status: int, message: str) -> None:
    """Before it is accepted, a connection that is closed is answered with 403, or in words."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": message[:100]})
        return
    text = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": text})
    await send({"type": "websocket.http.response.body", "body": message.encode()})


def words(message: str, suggestion: str, head: str = "") -> bytes:
    """A page of two sentences. head: elements for its head, as they are."""
    message = f"{message[:1].upper()}{message[1:]}."
    said = "".join(f"<p>{escape(text)}</p>" for text in (message, suggestion) if text)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>backprove</title>{head}<h1>backprove</h1>{said}</html>\n"
    ).encode()
