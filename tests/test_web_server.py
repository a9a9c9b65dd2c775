"""The explorer's server: who is let in, what is bounded, and what becomes of a bad question."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import web_functions as functions
from fastapi import FastAPI
from pydantic import BaseModel
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backprove.cli import app as command_line
from backprove.errors import BackproveError
from backprove.web import limits
from backprove.web.app import api
from backprove.web.guards import ALWAYS, Door, Guards
from backprove.web.pages import Interface, Site
from backprove.web.server import listen, open_to_others
from backprove.web.workers import Workers

TOKEN = "the-token"
DOOR = Door("127.0.0.1", 8765, TOKEN)
BEARER = {"authorization": f"Bearer {TOKEN}"}
HERE = {"host": "127.0.0.1:8765"}


class Question(BaseModel):
    word: str
    number: int = 1


class Reply(BaseModel):
    word: str


@dataclass(frozen=True)
class Row:
    path: str
    asks: type[BaseModel]
    answers: type[BaseModel]
    function: Callable[[Any], BaseModel]
    seconds: float


def _described(question: Any) -> BaseModel:
    """Says a word."""
    return Reply(word=question.word)


ROWS = [
    Row("/api/quick", Question, Reply, _described, 20.0),
    Row("/api/slow", Question, Reply, _described, 0.5),
]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(count=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def interface(workers: Workers) -> FastAPI:
    return api(ROWS, functions.answered, workers)


def guarded(interface: FastAPI, door: Door = DOOR) -> Guards:
    return Guards(Site(lambda: Interface(interface, lambda: None)), door)


@pytest.fixture
def ask(interface: FastAPI) -> Callable[..., httpx.Response]:
    """Sends one request to a guarded site, as it would come from a connection."""

    def asking(
        method: str, path: str, headers: Any = (), door: Door = DOOR, **more: Any
    ) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(guarded(interface, door), raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8765"
            ) as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(once())

    return asking


Ask = Callable[..., httpx.Response]


# -- who is let in -------------------------------------------------------------------------

COOKIE = {"cookie": f"{DOOR.cookie}={DOOR.session}"}

LET_IN: list[tuple[str, str, dict[str, str], int]] = [
    ("GET", "/", {}, 401),
    ("GET", "/", BEARER, 200),
    ("GET", "/", COOKIE, 200),
    ("GET", "/", {"cookie": f'odd="{{; {DOOR.cookie}={DOOR.session}; =;'}, 200),
    ("GET", "/", {"cookie": f"backprove-9999={DOOR.session}"}, 401),
    ("GET", "/", {"cookie": f"{DOOR.cookie}={TOKEN}"}, 401),
    ("GET", "/", {"cookie": f"{DOOR.cookie}="}, 401),
    ("GET", "/", {"authorization": "Bearer"}, 401),
    ("GET", "/", {"authorization": "Bearer the-tokem"}, 401),
    ("GET", "/", {"authorization": f"Basic {TOKEN}"}, 401),
    ("GET", "/?token=the-token", {}, 303),
    ("GET", "/?token=the-tokem", {}, 401),
    ("GET", "/?token=", {}, 401),
    ("GET", "/?token=the-token&token=x", {}, 401),
    ("GET", "/assets/index.html", {}, 200),
    ("GET", "/assets/..%2fpages.py", {}, 404),
    ("GET", "/assets/%2e%2e/pages.py", {}, 404),
    ("GET", "/assets//etc/passwd", {}, 404),
    ("GET", "/assets/none.js", {}, 404),
    ("GET", "/assets/fonts/stix-two-math-subset.woff2", {}, 200),
    ("GET", "/none", BEARER, 404),
    ("GET", "/none", {}, 401),
    ("GET", "/index.html", BEARER, 404),
    ("POST", "/", BEARER, 405),
    ("GET", "/api/choices", {}, 401),
    ("POST", "/api/quick", {}, 401),
    ("GET", "/api/openapi.json", {}, 401),
    ("GET", "/api/openapi.json", BEARER, 200),
    ("GET", "/api/none", BEARER, 404),
    ("GET", "/api/quick", BEARER, 405),
    ("GET", "/docs", BEARER, 404),
    ("GET", "/api/quick?token=the-token", {}, 401),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "status"), LET_IN)
def test_who_is_let_in(
    ask: Ask, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = ask(method, path, HERE | headers)
    assert answer.status_code == status
    for name, value in ALWAYS.items():
        assert answer.headers[name] == value
    if status >= 400:
        assert TOKEN not in answer.text
        assert DOOR.session not in answer.text
        if path.startswith("/api"):
            assert answer.json()["error"]["message"]
        else:
            assert re.search("<p>[A-Z].+</p>", answer.text)


HOSTS = [
    ("127.0.0.1:8765", "127.0.0.1", 200),
    ("localhost:8765", "127.0.0.1", 200),
    ("LOCALHOST:8765", "127.0.0.1", 200),
    ("localhost", "127.0.0.1", 403),
    ("localhost:8766", "127.0.0.1", 403),
    ("localhost:", "127.0.0.1", 403),
    ("localhost:08765x", "127.0.0.1", 403),
    ("evil.example:8765", "127.0.0.1", 403),
    ("127.0.0.1.evil.example:8765", "127.0.0.1", 403),
    ("localhost:8765@evil.example", "127.0.0.1", 403),
    ("192.168.1.5:8765", "127.0.0.1", 403),
    ("192.168.1.5:8765", "192.168.1.5", 200),
    ("192.168.1.5:8765", "0.0.0.0", 200),
    ("[fd00::1]:8765", "::", 200),
    ("[::1]:8765", "::1", 200),
    ("evil.example:8765", "0.0.0.0", 403),
    ("", "127.0.0.1", 403),
]


@pytest.mark.parametrize(("host", "bound", "status"), HOSTS)
def test_only_the_server_s_own_names_are_answered(
    ask: Ask, host: str, bound: str, status: int
) -> None:
    """A page elsewhere can have its own name point at this machine, but not its Host header."""
    assert ask("GET", "/", {"host": host} | BEARER, Door(bound, 8765, TOKEN)).status_code == status


def test_two_hosts_are_none(ask: Ask) -> None:
    headers = [("host", "127.0.0.1:8765"), ("host", "evil.example"), *BEARER.items()]
    assert ask("GET", "/", headers).status_code == 403


ORIGINS = [
    ({}, 422),
    ({"origin": "http://127.0.0.1:8765"}, 422),
    ({"origin": "http://localhost:8765"}, 403),
    ({"origin": "https://127.0.0.1:8765"}, 403),
    ({"origin": "http://127.0.0.1:8766"}, 403),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "null"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ORIGINS)
def test_a_question_comes_from_our_own_page(ask: Ask, headers: dict[str, str], status: int) -> None:
    answer = ask("POST", "/api/quick", HERE | COOKIE | headers, json={"word": "x"})
    assert answer.status_code == status


def test_the_link_gives_a_cookie_and_leaves_the_address(ask: Ask) -> None:
    answer = ask("GET", "/?token=the-token", HERE)
    assert answer.headers["location"] == "/"
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == "backprove-8765"
    assert {"HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert TOKEN not in value
    assert ask("GET", "/", HERE | {"cookie": f"{name}={value}"}).status_code == 200


@pytest.mark.parametrize("token", ["a&b=c", "50%", "a#b", "a+b", "https://x/"])
def test_the_link_holds_any_token(ask: Ask, token: str) -> None:
    door = Door("127.0.0.1", 8765, token)
    path = door.link.removeprefix("http://127.0.0.1:8765")
    assert ask("GET", path, HERE, door).status_code == 303


@pytest.mark.parametrize(
    ("host", "open_"),
    [("127.0.0.1", False), ("127.8.8.8", False), ("localhost", False), ("::1", False),
     ("0.0.0.0", True), ("::", True), ("192.168.1.5", True), ("name.example", True)],
)  # fmt: skip
def test_which_addresses_others_reach(host: str, open_: bool) -> None:
    assert open_to_others(host) is open_


# -- files ---------------------------------------------------------------------------------


def test_files_are_asked_for_anew_and_sent_only_if_changed(ask: Ask) -> None:
    first = ask("GET", "/assets/index.html", HERE)
    assert first.headers["cache-control"] == "no-cache"
    again = HERE | {"if-none-match": first.headers["etag"]}
    assert ask("GET", "/assets/index.html", again).status_code == 304
    other = ask("GET", "/assets/index.html", HERE | {"if-none-match": '"other"'})
    assert other.content == first.content


def test_an_answer_is_not_kept(ask: Ask) -> None:
    assert ask("GET", "/api/openapi.json", HERE | BEARER).headers["cache-control"] == "no-store"


# -- bad questions -------------------------------------------------------------------------

JSON = HERE | BEARER | {"content-type": "application/json"}

BAD: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b"null", 400),
    (b"{}", 400),
    (b'"word"', 400),
    (b"\xff\xfe", 400),
    (b'{"word": 1}', 400),
    (b'{"word": "x", "number": "many"}', 400),
    (b'{"word": "\\ud800"}', 400),
    (b'{"word": "x", "number": 1e999}', 400),
    (b'{"word": "x", "number": NaN}', 400),
    (b'{"word": "x", "number": ' + b"9" * 100_000 + b"}", 400),
    (b"[" * 400_000, 400),
    (b'{"word":' * 100_000, 400),
    (b'{"word": "' + b"x" * limits.BODY + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BAD, ids=[str(b[:30]) for b, _ in BAD])
def test_a_bad_question_is_answered_in_words(ask: Ask, body: bytes, status: int) -> None:
    answer = ask("POST", "/api/quick", JSON, content=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "suggestion", "line", "column", "excerpt"}
    assert 5 < len(error["message"]) < 500
    assert "Traceback" not in answer.text


def test_a_form_of_another_page_is_no_question(ask: Ask) -> None:
    """Such a form can be sent from anywhere without asking; JSON cannot."""
    plain = HERE | BEARER | {"content-type": "text/plain"}
    assert ask("POST", "/api/quick", plain, content=b'{"word": "x"}').status_code == 400


def test_a_body_is_bounded_while_it_is_read(interface: FastAPI) -> None:
    """Nothing says how long it will be; no more of it is read than may come."""
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"x" * 100_000

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(guarded(interface))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post("http://127.0.0.1:8765/api/quick", headers=JSON,
                                     content=pieces())  # fmt: skip

    assert asyncio.run(send()).status_code == 413
    assert taken <= limits.BODY // 100_000 + 2


def test_a_mistake_is_named_and_nothing_else(ask: Ask) -> None:
    answer = ask("POST", "/api/quick", JSON, json={"word": "fail"})
    assert answer.status_code == 500
    assert "ValueError" in answer.text
    assert "secret" not in answer.text


def test_a_death_is_answered_and_the_next_question_too(ask: Ask) -> None:
    answer = ask("POST", "/api/quick", JSON, json={"word": "die"})
    assert answer.status_code == 503
    assert answer.json()["error"]["message"]
    assert ask("POST", "/api/quick", JSON, json={"word": "x"}).status_code == 422


def test_a_slow_answer_is_given_up(ask: Ask) -> None:
    ask("POST", "/api/quick", JSON, json={"word": "x"})  # a worker is there
    answer = ask("POST", "/api/slow", JSON, json={"word": "sleep"})
    assert answer.status_code == 503
    assert "0.5 seconds" in answer.json()["error"]["message"]


def test_an_interface_that_does_not_load_is_answered_in_words() -> None:
    def load() -> Interface:
        raise ImportError("a secret of /the/server")

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(Guards(Site(load), DOOR))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get("http://127.0.0.1:8765/api/choices", headers=HERE | BEARER)

    answer = asyncio.run(once())
    assert answer.status_code == 500
    assert "ImportError" in answer.json()["error"]["message"]
    assert "secret" not in answer.text


# -- workers -------------------------------------------------------------------------------


def answers(workers: Workers, *calls: tuple[Any, tuple[Any, ...]], seconds: float = 20) -> Any:
    async def all_of() -> Any:
        return await asyncio.gather(*(workers.answer(call, seconds) for call in calls))

    return asyncio.run(all_of())


@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        (functions.fail, 500, "ValueError"),
        (functions.fail_oddly, 500, "TwoArguments"),
        (functions.nest, 500, "RecursionError"),
        (functions.die, 503, "ended before it was done"),
        pytest.param(functions.hoard, 500, "MemoryError",
                     marks=pytest.mark.skipif(sys.platform != "linux", reason="bounds memory")),
    ],
)  # fmt: skip
def test_no_function_brings_the_workers_down(
    workers: Workers, function: Any, status: int, said: str
) -> None:
    ((got, text),) = answers(workers, (function, ()))
    assert (got, said in text) == (status, True)
    assert answers(workers, (functions.echo, ("again",))) == [(200, "again")]


def test_a_slow_answer_holds_up_nothing(workers: Workers) -> None:
    async def both() -> tuple[int, Any]:
        slow = asyncio.create_task(workers.answer((functions.sleep, (60,)), 1.0))
        ticks = 0
        while not slow.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks, slow.result()

    ticks, (status, text) = asyncio.run(both())
    assert status == 503
    assert "1 seconds" in text
    assert ticks > 10


def test_workers_that_die_while_idle_are_replaced(workers: Workers) -> None:
    found = answers(workers, *[(functions.process, ())] * 4)
    for process in {int(text) for _, text in found}:
        os.kill(process, signal.SIGKILL)
    assert answers(workers, (functions.echo, ("alive",))) == [(200, "alive")]


def test_beyond_the_bound_questions_are_refused(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITING", 3)
    found = answers(workers, *[(functions.echo, ("x",))] * 5)
    assert sorted(status for status, _ in found) == [200, 200, 200, 429, 429]


def test_closed_workers_answer_in_words() -> None:
    made = Workers(count=1)
    assert answers(made, (functions.echo, ("x",))) == [(200, "x")]
    made.close()
    ((status, _),) = answers(made, (functions.echo, ("x",)))
    assert status == 503


# -- the command ---------------------------------------------------------------------------


@dataclass
class Running:
    process: subprocess.Popen[str]
    link: str

    @property
    def address(self) -> str:
        return self.link.partition("/?")[0]

    def children(self) -> list[int]:
        """The processes that it has started, as /proc lists them."""
        found = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent = file.read_text().rpartition(")")[2].split()[1]
                if int(parent) == self.process.pid:
                    found.append(int(file.parent.name))
        return found


def start(*arguments: str) -> Running:
    process = subprocess.Popen(
        [sys.executable, "-m", "backprove", "serve", "--no-browser", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, process.communicate(timeout=10)
    return Running(process, found[0])


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    made = start("--token", TOKEN, "examples/two_neurons.bp")
    yield made
    made.process.kill()
    made.process.communicate()


def test_the_page_is_there_before_the_interface(running: Running) -> None:
    assert httpx.get(running.link).status_code == 303
    page = httpx.get(f"{running.address}/", headers=BEARER)
    assert page.text.lower().startswith("<!doctype html>")


def test_the_page_starts_with_the_file(running: Running, examples: Path) -> None:
    answer = httpx.get(f"{running.address}/api/choices", headers=BEARER, timeout=60)
    assert answer.json()["start"] == {
        "text": (examples / "two_neurons.bp").read_text(encoding="utf-8"),
        "file": "two_neurons.bp",
    }


def test_a_connection_that_sends_rubbish_is_closed(running: Running) -> None:
    port = int(running.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01 rubbish\r\n\r\n")
        assert b"Traceback" not in connection.recv(10_000)
    assert httpx.get(f"{running.address}/", headers=BEARER).status_code == 200


SOCKETS = [
    ({}, 403),
    ({"origin": "{here}"}, 401),
    (BEARER | {"origin": "http://evil.example"}, 403),
    (BEARER, 101),
    (BEARER | {"origin": "{here}"}, 101),
]


@pytest.mark.parametrize(("headers", "status"), SOCKETS)
def test_who_may_train(running: Running, headers: dict[str, str], status: int) -> None:
    sent = {name: value.format(here=running.address) for name, value in headers.items()}

    async def reach() -> int:
        address = running.address.replace("http:", "ws:") + "/api/train"
        origin: Any = sent.pop("origin", None)
        try:
            async with connect(address, origin=origin, additional_headers=sent, open_timeout=60):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(reach()) == status


def test_a_connection_under_another_name_is_closed(interface: FastAPI) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = {"host": "evil.example:8765", "origin": "http://evil.example:8765"} | BEARER
    scope = {
        "type": "websocket",
        "path": "/api/train",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(guarded(interface)(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_leaves_nothing_behind(number: signal.Signals) -> None:
    server = start()
    token = server.link.partition("token=")[2]
    answer = httpx.get(f"{server.address}/api/choices", timeout=60,
                       headers={"authorization": f"Bearer {token}"})  # fmt: skip
    assert answer.json()["start"] is None
    children = server.children()
    assert len(children) >= 2
    server.process.send_signal(number)
    out, err = server.process.communicate(timeout=120)
    assert server.process.returncode == (0 if number != signal.SIGKILL else -number)
    assert out == ""
    assert err == "" or number == signal.SIGKILL  # of which Python's own helper may complain
    deadline = time.monotonic() + 60
    while any(map(_lives, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if _lives(child)]


def _lives(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def test_a_token_is_drawn_for_each_server() -> None:
    links = []
    for _ in range(2):
        server = start()
        links.append(server.link.partition("token=")[2])
        server.process.kill()
        server.process.communicate()
    assert links[0] != links[1]
    assert all(len(link) >= 32 for link in links)


def test_a_taken_port_is_passed_over_unless_it_was_asked_for() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(BackproveError, match=f"port {port} of 127.0.0.1 cannot be had"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", None) as one, listen("127.0.0.1", None) as other:
        assert one.getsockname()[1] < other.getsockname()[1]


def test_an_answer_is_sent_at_once() -> None:
    """asyncio lets small packets wait for an acknowledgement unless it knows that this is TCP."""

    async def delayed() -> int:
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def come(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            heard.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen("127.0.0.1", 0) as listening:
            async with await asyncio.start_server(come, sock=listening):
                _, writer = await asyncio.open_connection(*listening.getsockname())
                found = await heard
                writer.close()
        return found

    assert asyncio.run(delayed()) == 1


REFUSED = [
    (["--host", "no.such.host.invalid"], "there is no address"),
    (["--token", ""], "the token is empty"),
    (["--token", "a b"], "the token is empty, or has blanks"),
    (["wrong.bp"], "^"),
    (["none.bp"], "cannot be read"),
    (["mlp:nothing"], "mlp"),
    (["long.bp"], "the page takes 100,000"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_cannot_be_served_is_said_before_anything_starts(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = "input x = 1\nweight w = 2\nloss J = w*x\n"
    Path("wrong.bp").write_text("input x\nweight w\nloss J = w*y\n", encoding="utf-8")
    Path("long.bp").write_text(good + "# x\n" * 30_000, encoding="utf-8")
    result = CliRunner().invoke(command_line, ["serve", "--no-browser", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "http://" not in result.stdout


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprove.cli.serving.find_spec", lambda name: None)
    result = CliRunner().invoke(command_line, ["serve"])
    assert result.exit_code == 2
    assert "pip install 'backprove[serve]'" in result.stderr
