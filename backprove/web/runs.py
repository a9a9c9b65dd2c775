"""Training runs of pages: a thread each, queued beyond a limit, ended with their page.

    runs = Runs()                       # one for the whole server
    await serve_run(websocket, runs)    # accepts the connection and speaks until it ends

The connection's Host, Origin and token are checked before; nothing is compiled here.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect
from threadpoolctl import threadpool_limits

from . import limits
from .learning import Learner, Turns
from .messages import Problem, Refusal
from .problems import GOOD, MISTAKE, OVERTAKEN, shape_problem
from .run_messages import (
    SAID,
    DrawnData,
    Ended,
    Queued,
    Rate,
    Simple,
    Speed,
    Start,
    Wrong,
    json_of,
)
from .starting import tried
from .workers import Answer, Workers

PATIENCE = 10.0
"""Seconds that a run may rest in its place while others wait."""

START_SECONDS = 60.0
"""Time in which a connection must say what it wants to train."""

SEND_SECONDS = 30.0
"""Time in which a page must take a message; else it is taken for gone."""

SWITCH_SECONDS = 0.001
"""After so long a thread that computes lets another have the interpreter: the server's own."""

GRACE = 2.0
"""Seconds after its time in which a process ends a trial by itself; then it is ended."""

MOST_UNSENT = 20
"""Messages that wait for a page; until it takes some, what it says is not read."""

TOO_MUCH = Problem(
    message="this network takes more time or memory to be made ready than a page's run may",
    suggestion="make its equations fewer or shorter, or train it with `backprove train`, which has"
    " no such bound",
)
"""What is said of a network that was given up."""

NOTHING = DrawnData.model_validate({"name": ""})
"""In place of data, where a network alone is looked at."""

Kind: TypeAlias = Literal["", "queued", "ready", "frame", "last"]


class Runs:
    """At most so many runs compute at once; the others wait in the order in which they came.

    All methods are called in the server's event loop. seconds: how long a run lasts; patience:
    how long one may rest in its place while others wait. workers: processes in which a network
    is tried, so that one that takes too long to be made ready holds up no thread.
    """

    def __init__(
        self,
        at_once: int = limits.RUNS,
        queued: int = limits.QUEUED,
        seconds: float = limits.RUN_SECONDS,
        patience: float = PATIENCE,
        workers: Workers | None = None,
    ) -> None:
        self.at_once, self.queued = at_once, queued
        self.seconds, self.patience = seconds, patience
        self.workers = workers
        self.turns = Turns()
        self.open: set[_Session] = set()
        self._placed: list[_Session] = []
        self._waiting: deque[_Session] = deque()
        threadpool_limits(1, user_api="blas")  # a thread a run, and none of the library's own
        sys.setswitchinterval(SWITCH_SECONDS)

    @property
    def full(self) -> bool:
        """Whether no further connection is taken."""
        return len(self.open) >= self.at_once + self.queued

    def ask(self, session: _Session) -> None:
        """A place for a session, now or when it is its turn; it is told."""
        if session in self._placed or session in self._waiting:
            return
        self._waiting.append(session)
        self.seat()

    def leave(self, session: _Session) -> None:
        """A session's place, or its place in the queue, is free."""
        for row in (self._placed, self._waiting):
            with suppress(ValueError):
                row.remove(session)
        self.seat()

    def seat(self) -> None:
        """Give away free places and those of runs that rest; tell the others who is ahead."""
        while self._waiting:
            if len(self._placed) >= self.at_once:
                resting = next((s for s in self._placed if s.may_be_moved), None)
                if resting is None:
                    break
                self._placed.remove(resting)
                resting.moved()
            session = self._waiting.popleft()
            self._placed.append(session)
            session.placed()
        for ahead, session in enumerate(self._waiting):
            session.waits(ahead)


class Line(Protocol):
    """A connection to a page, as Starlette's WebSocket is one."""

    async def accept(self) -> None:
        """Say that the page is heard."""

    async def receive(self) -> MutableMapping[str, Any]:
        """The page's next message: `websocket.receive` with `text`, or `websocket.disconnect`."""

    async def send_text(self, data: str) -> None:
        """Send a message."""

    async def close(self) -> None:
        """End the connection."""


async def serve_run(websocket: Line, runs: Runs) -> None:
    """One connection of a page: one run, from its start to its end.

    Accepts the connection. Returns when the run has ended or the page has gone, and raises
    nothing of what a client can cause.
    """
    session = _Session(websocket, runs)
    crowded = runs.full
    runs.open.add(session)
    try:
        await websocket.accept()
        if crowded:
            session.wrong(
                Problem(
                    message="too many runs wait already", suggestion="try again in a few minutes"
                ),
                last=True,
            )
        await session.speak(listens=not crowded)
    except (WebSocketDisconnect, OSError, RuntimeError, TimeoutError):
        pass  # the page has gone
    finally:
        runs.open.discard(session)
        session.end()


class _Session:
    """What is said on one connection, and the run behind it."""

    def __init__(self, websocket: Line, runs: Runs) -> None:
        self._websocket, self._runs = websocket, runs
        self._loop = asyncio.get_running_loop()
        self._out: deque[tuple[Kind, str]] = deque()
        self._changed = asyncio.Event()  # something is to be sent
        self._room = asyncio.Event()  # something has been sent
        self._begun = False
        self._start: Start | None = None  # until there is a place
        self._learner: Learner | None = None
        self._held: list[Simple | Rate | Speed] = []  # what is said while there is no place
        self._has_place = False
        self._idle_since: float | None = None
        self._ahead = -1
        self._limit: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._trial: Future[Answer] | None = None

    # -- the connection --------------------------------------------------------------------

    async def speak(self, listens: bool) -> None:
        """Send and receive until either ends."""
        tasks = [asyncio.create_task(self._send())]
        if listens:
            tasks.append(asyncio.create_task(self._receive()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _send(self) -> None:
        """Send what is to be sent, in order, and close after the last."""
        kind: Kind = ""
        while kind != "last":
            while not self._out:
                self._changed.clear()
                await self._changed.wait()
            kind, text = self._out.popleft()
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.send_text(text)
            self._room.set()
            if kind == "frame" and self._learner is not None:
                self._learner.sent()
        async with asyncio.timeout(SEND_SECONDS):
            await self._websocket.close()

    async def _receive(self) -> None:
        """Do what the page says until it goes."""
        while True:
            async with asyncio.timeout(None if self._begun else START_SECONDS):
                message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._hear(message.get("text") or "")
            while len(self._out) >= MOST_UNSENT:
                self._room.clear()
                await self._room.wait()

    def _hear(self, text: str) -> None:
        try:
            said = SAID.validate_json(text)
        except ValidationError as error:
            self.wrong(_misunderstood(error))
            return
        if isinstance(said, Start):
            if self._begun:
                self.wrong(_problem("a connection is for one run", "open another"))
                return
            self._begun, self._start = True, said
            self._runs.ask(self)
        elif not self._begun:
            self.wrong(_problem("nothing is being trained", 'say {"do": "start", …} first'))
        elif self._learner is None or (not self._has_place and _computes(said)):
            if isinstance(said, Simple) and said.do == "stop":
                self._say("last", json_of(Ended(reason="done", words="Stopped before it began.")))
                return
            self._hold(said)
            self._runs.ask(self)
        else:
            if _computes(said):
                self._idle_since = None
            self._obey(said)

    def _hold(self, said: Simple | Rate | Speed) -> None:
        """Keep what is said until there is a place; the last of each kind is what counts."""
        self._held = [other for other in self._held if type(other) is not type(said)]
        self._held.append(said)

    def _obey(self, said: Simple | Rate | Speed) -> None:
        if self._learner is not None and not self._learner.obey(said):
            self.wrong(_problem("more is asked of the run than it can do", "wait for its frames"))

    def _say(self, kind: Kind, text: str) -> None:
        self._out.append((kind, text))
        self._changed.set()

    def wrong(self, problem: Problem, last: bool = False) -> None:
        """Tell the page what is wrong."""
        self._say("last" if last else "", json_of(Wrong(error=problem)))

    def end(self) -> None:
        """The connection is over, and with it the run; its place is free when it has ended."""
        for timer in (self._limit, self._rest):
            if timer is not None:
                timer.cancel()
        if self._learner is not None and self._learner.alive:
            self._learner.end()
            if self._trial is not None:
                self._trial.cancel()
        else:
            self._runs.leave(self)

    # -- the place (called by Runs) --------------------------------------------------------

    def placed(self) -> None:
        """The run may compute."""
        self._has_place, self._ahead, self._idle_since = True, -1, None
        if self._learner is None:
            assert self._start is not None, "only who has started asks for a place"
            self._learner = Learner(self._start, self._runs.turns, self)
            self._start = None  # an upload may be large
            self._learner.start()
        held, self._held = self._held, []
        for said in held:
            self._obey(said)

    def waits(self, ahead: int) -> None:
        """So many wait before this run."""
        if ahead == self._ahead:
            return
        self._ahead = ahead
        self._out = deque(row for row in self._out if row[0] != "queued")
        self._say("queued", json_of(Queued(ahead=ahead)))

    @property
    def may_be_moved(self) -> bool:
        """Whether the run has rested in its place for longer than others need wait for it."""
        since = self._idle_since
        return since is not None and self._loop.time() - since >= self._runs.patience

    def moved(self) -> None:
        """The run has lost its place; it asks for another when it is to go on."""
        self._has_place = False

    # -- the run (called in its thread) ----------------------------------------------------

    def tell(self, text: str, kind: Literal["ready", "frame", "last"]) -> None:
        self._later(lambda: self._told(text, kind))

    def idle(self, idle: bool) -> None:
        self._later(lambda: self._rests(idle))

    def objection(self, start: Start) -> Problem | None:
        workers = self._runs.workers
        if workers is None:
            return None
        bare = start.model_copy(update={"data": NOTHING, "values": {}})
        seconds = limits.PREPARING_SECONDS
        trial = workers.answer((tried, (bare, seconds)), seconds + GRACE)
        self._trial = asyncio.run_coroutine_threadsafe(trial, self._loop)
        status, text = self._trial.result()
        if status in (GOOD, MISTAKE):  # a mistake is told by the run itself
            return None
        return TOO_MUCH if status == OVERTAKEN else Refusal.model_validate_json(text).error

    def gone(self) -> None:
        self._later(lambda: self._runs.leave(self))

    def _later(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(what)

    def _told(self, text: str, kind: Literal["ready", "frame", "last"]) -> None:
        if kind == "ready" and self._learner is not None:
            self._limit = self._loop.call_later(self._runs.seconds, self._learner.limit)
        self._say(kind, text)

    def _rests(self, idle: bool) -> None:
        self._idle_since = self._loop.time() if idle else None
        if self._rest is not None:
            self._rest.cancel()
        if idle:  # a little later, so that the time is surely over
            self._rest = self._loop.call_later(self._runs.patience + 0.01, self._runs.seat)


def _computes(said: Simple | Rate | Speed) -> bool:
    """Whether the run needs a place for it."""
    return isinstance(said, Simple) and said.do in ("play", "step", "epoch")


def _misunderstood(error: ValidationError) -> Problem:
    found = error.errors(include_url=False)
    if found[0]["type"] != "union_tag_invalid":
        return shape_problem(found)
    asked = str(found[0]["ctx"]["tag"])[:60]
    return _problem(
        f"there is nothing called {asked!r} to do", f"there are {found[0]['ctx']['expected_tags']}"
    )


def _problem(message: str, suggestion: str) -> Problem:
    return Problem(message=message, suggestion=suggestion)
