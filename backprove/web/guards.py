"""Who may ask, and how much: every request passes here before anything looks at it.

Other users of a machine reach its 127.0.0.1 too, and so does every page that its own user opens.
So the server answers only to the names that it was started with (a page elsewhere may have its
own name point here), only with its token, to pages that it sent itself, and to what is short.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import os
import socket
import traceback
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote

from . import limits
from .asgi import App, Message, Receive, Scope, Send, refuse, respond

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may load: its own files. Nothing inline, nothing from elsewhere."""

ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every answer."""

NOT_STORED = {"cache-control": "no-store"}
"""Headers of every answer that says nothing else of its keeping: it may hold a person's work."""

_UNSPECIFIED = {"0.0.0.0", "::", ""}


@dataclass(frozen=True)
class Door:
    """Where the server listens, and what opens it."""

    host: str
    port: int
    token: str
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        own = {self.host, "localhost", "127.0.0.1"}
        if self.host in _UNSPECIFIED:
            own = {*own - {self.host}, socket.gethostname(), socket.getfqdn()}
        elif self.host == "::1":
            own.add("[::1]")
        object.__setattr__(self, "names", frozenset(name.lower() for name in own))

    @property
    def link(self) -> str:
        """The address with the token: who has it is let in."""
        return f"{self.address}/?token={quote(self.token, safe='')}"

    @property
    def address(self) -> str:
        """The address without the token."""
        host = "127.0.0.1" if self.host in _UNSPECIFIED else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers send cookies to all ports of a host, so it tells them
        apart."""
        return f"backprove-{self.port}"

    @property
    def session(self) -> str:
        """The cookie's value: follows from the token, and does not give it away."""
        return hmac.new(self.token.encode(), b"backprove session", hashlib.sha256).hexdigest()

    def answers_to(self, host: str) -> bool:
        """Whether a Host header names this server: by its name and port, or, where it listens
        on every address, by a number, which no one else's name server can have point here."""
        name, port = _split(host.lower())
        if port != self.port:
            return False
        return name in self.names or (self.host in _UNSPECIFIED and _is_number(name))

    def opened_by_token(self, token: str) -> bool:
        """Compares in a time that tells nothing."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def opened_by_cookie(self, header: str) -> bool:
        """Whether a Cookie header holds the session."""
        for pair in header.split(";"):  # other servers of this host set cookies of any shape
            name, _, value = pair.strip().partition("=")
            if name == self.cookie and hmac.compare_digest(value.encode(), self.session.encode()):
                return True
        return False


def _split(host: str) -> tuple[str, int]:
    """The name and the port of a Host header; 80 where it names none, -1 for what is none."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host, 80
    return name, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


class Guards:
    """ASGI middleware: asks every request for its host, its token, its origin and its length."""

    def __init__(self, app: App, door: Door, body: int = limits.BODY) -> None:
        """body: the most bytes of a request's body."""
        self._app, self._door, self._most = app, door, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        sending = _Sending(send)
        try:
            await self._admit(scope, receive, sending)
        except Exception as error:  # nothing of it reaches the client but its name
            if os.environ.get("BACKPROVE_DEBUG"):
                traceback.print_exc()
            if not sending.begun:
                said = f"this is a mistake in backprove: {type(error).__name__}"
                await refuse(scope, sending, 500, said, "Please report it.")

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._door.answers_to(hosts[0]):
            said = "this server does not answer to that name"
            await refuse(scope, send, 403, said, f"It is at {self._door.address}.")
        elif not self._same_origin(scope, headers, hosts[0]):
            said = "this request comes from another page"
            await refuse(scope, send, 403, said, f"Ask from {self._door.address} itself.")
        elif _is_arrival(scope):
            await self._arrive(scope, send)
        elif not scope["path"].startswith("/assets/") and not self._known(headers):
            await self._turn_away(scope, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._bounded(scope, headers, receive, send)

    def _same_origin(self, scope: Scope, headers: dict[str, list[str]], host: str) -> bool:
        """Whether a request that can do something comes from a page of this server.

        A browser always says where a WebSocket comes from; who does not is a program, and shows
        the token itself.
        """
        origins = headers.get("origin", [])
        if scope["type"] == "websocket" and not origins:
            return self._bearer(headers)
        harmless = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        return harmless or all(origin.lower() == f"http://{host.lower()}" for origin in origins)

    def _known(self, headers: dict[str, list[str]]) -> bool:
        cookies = headers.get("cookie", [])
        return self._bearer(headers) or any(map(self._door.opened_by_cookie, cookies))

    def _bearer(self, headers: dict[str, list[str]]) -> bool:
        given = headers.get("authorization", [])
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        return scheme.lower() == "bearer" and self._door.opened_by_token(token.strip())

    async def _arrive(self, scope: Scope, send: Send) -> None:
        """Someone comes with the link: give the cookie, and leave the token out of the address."""
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(tokens) != 1 or not self._door.opened_by_token(tokens[0]):
            await self._turn_away(scope, send)
            return
        door = self._door
        # Lax: a link that someone shares opens from any page; what such a page itself asks for,
        # posts or connects to comes without the cookie.
        cookie = f"{door.cookie}={door.session}; HttpOnly; SameSite=Lax; Path=/"
        await respond(send, 303, headers=[("set-cookie", cookie), ("location", "/")])

    async def _turn_away(self, scope: Scope, send: Send) -> None:
        said = "this page opens with the link that backprove printed"
        suggestion = (
            "Copy the whole link, with its token, from where `backprove serve` runs. If it was a"
            " shared link that led here, open the printed one first, and then the shared one again"
            " in the same browser. Programs send the token as `Authorization: Bearer …`."
        )
        await refuse(scope, send, 401, said, suggestion, [("www-authenticate", "Bearer")])

    async def _bounded(
        self, scope: Scope, headers: dict[str, list[str]], receive: Receive, send: Send
    ) -> None:
        """Read the body, and no more than may come, before the application sees any of it."""
        long = f"the request is longer than {self._most:,} bytes"
        shorter = "Send less; the command line has no such bound."
        lengths = headers.get("content-length", ["0"])
        if any(not n.isdigit() or int(n[:12]) > self._most for n in lengths):
            await refuse(scope, send, 413, long, shorter, [("connection", "close")])
            return
        body = bytearray()
        more = True
        try:
            async with asyncio.timeout(limits.ARRIVAL_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._most:
                        await refuse(scope, send, 413, long, shorter, [("connection", "close")])
                        return
        except TimeoutError:
            said = "the request did not come to its end"
            await refuse(scope, send, 408, said, "Send it again.", [("connection", "close")])
            return
        await self._app(scope, _replayed(bytes(body), receive), send)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_arrival(scope: Scope) -> bool:
    visits = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
    return visits and b"token=" in scope["query_string"]


class _Sending:
    """Sends with the headers of every answer; knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            given = {name.lower() for name, _ in message.get("headers", [])}
            added = [
                (name.encode(), value.encode())
                for name, value in (ALWAYS | NOT_STORED).items()
                if name.encode() not in given
            ]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await self._send(message)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body in one piece, then whatever comes after."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
