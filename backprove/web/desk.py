"""What the pages of a notebook ask and are told; beside.py carries it to and from the kernel.

As in the server, questions are answered by processes within their time, and runs train in threads.

Told: {"is": "ask", id, path, body}, {"is": "forget", id} of a question, {"is": "open", id},
{"is": "say", id, text}, {"is": "close", id} of a training run, {"is": "here", id} and
{"is": "leave", id} of a page. Tells: {"is": "answer", id, status, text}, {"is": "said", id, text},
{"is": "closed", id}. An id is the page's name, a blank, and its own number for the question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from . import limits
from .answers import ANSWERS, answered
from .opening import opening
from .problems import GOOD, LONG, SHAPE, misshapen, refusal
from .runs import Runs, serve_run
from .workers import Workers

Told: TypeAlias = dict[str, Any]

CHOICES = "/api/choices"
"""Asked once by every page, and answered the same each time."""

UNKNOWN_PATH = 404


class Desk:
    """The questions and runs of all pages. Its methods are called in its event loop."""

    def __init__(
        self,
        tell: Callable[[Told], None],
        workers: Workers,
        silent: float = limits.SILENT_SECONDS,
    ) -> None:
        """tell: passes a message on. silent: seconds after which a page is taken for gone."""
        self._tell, self._workers, self._silent = tell, workers, silent
        self._runs = Runs(workers=workers)
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._lines: dict[str, _Line] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._heard: dict[str, float] = {}
        self._choices = ""

    def hear(self, message: Told) -> None:
        """Do what a page says; what cannot be understood is nobody's question."""
        what, name = message.get("is"), str(message.get("id", ""))
        page = name.partition(" ")[0]
        self._heard[page] = asyncio.get_running_loop().time()
        text = str(message.get("text", message.get("body", "")))
        if what == "ask":
            self._ask(name, str(message.get("path", "")), text)
        elif what == "forget" and name in self._asked:
            self._asked[name].cancel()
        elif what == "open" and name not in self._lines:
            self._open(name)
        elif what == "say" and name in self._lines:
            self._lines[name].hear(text)
        elif what == "close" and name in self._lines:
            self._lines[name].leave()
        elif what == "leave":
            self._leave(page)

    def look(self) -> None:
        """End what silent pages have begun."""
        now = asyncio.get_running_loop().time()
        for page in [page for page, at in self._heard.items() if now - at > self._silent]:
            self._leave(page)

    def _leave(self, page: str) -> None:
        self._heard.pop(page, None)
        for name, task in list(self._asked.items()):
            if name.startswith(f"{page} "):
                task.cancel()
        for name, line in list(self._lines.items()):
            if name.startswith(f"{page} "):
                line.leave()

    # -- questions -------------------------------------------------------------------------

    def _ask(self, name: str, path: str, body: str) -> None:
        task = asyncio.create_task(self._answer(name, path, body))
        self._asked[name] = task
        task.add_done_callback(lambda _: self._asked.pop(name, None))

    async def _answer(self, name: str, path: str, body: str) -> None:
        status, text = await self._answered(path, body)
        self._tell({"is": "answer", "id": name, "status": status, "text": text})

    async def _answered(self, path: str, body: str) -> tuple[int, str]:
        if path == CHOICES:
            if not self._choices:
                status, text = await self._workers.answer((opening, (None,)), limits.ANSWER_SECONDS)
                if status != GOOD:
                    return status, text
                self._choices = text
            return GOOD, self._choices
        row = ANSWERS.get(path)
        if row is None:
            return UNKNOWN_PATH, refusal("there is nothing at this address")
        if len(body) > limits.BODY:
            return LONG, refusal("the question is too long", "make the network smaller")
        try:
            question = row.asks.model_validate_json(body)
        except ValidationError as error:
            return SHAPE, misshapen(error.errors(include_url=False, include_context=False))
        return await self._workers.answer((answered, (path, question)), row.seconds)

    # -- training --------------------------------------------------------------------------

    def _open(self, name: str) -> None:
        if len(self._lines) >= self._runs.at_once + self._runs.queued:
            text = refusal("too many runs wait already", "end one of them")
            self._tell({"is": "said", "id": name, "text": text.replace("{", '{"is":"error",', 1)})
            self._tell({"is": "closed", "id": name})
            return
        self._lines[name] = line = _Line(name, self._tell)
        task = asyncio.create_task(self._serve(name, line))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, name: str, line: _Line) -> None:
        try:
            await serve_run(line, self._runs)
        finally:
            del self._lines[name]
            self._tell({"is": "closed", "id": name})


class _Line:
    """A page's end of a training run, as runs.py speaks to one."""

    def __init__(self, name: str, tell: Callable[[Told], None]) -> None:
        self._name, self._tell = name, tell
        self._heard: asyncio.Queue[Told] = asyncio.Queue()

    def hear(self, text: str) -> None:
        if len(text) > limits.MESSAGE:
            self.leave()
        else:
            self._heard.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self._heard.put_nowait({"type": "websocket.disconnect"})

    async def accept(self) -> None:
        """There is nothing to agree on."""

    async def receive(self) -> MutableMapping[str, Any]:
        return await self._heard.get()

    async def send_text(self, data: str) -> None:
        self._tell({"is": "said", "id": self._name, "text": data})

    async def close(self) -> None:
        """What is said to the page when the run is over says so."""
