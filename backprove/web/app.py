"""The interface: one row of the table of answers is one path, described, checked and bounded.

Every answer is made in a process of its own (workers.py); here questions are read and words are
found for those that cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from .. import __version__
from . import limits
from .answers import ANSWERS, answered
from .messages import Refusal
from .opening import First, Opening, Start, first, opening
from .pages import Interface
from .problems import BUSY, GOOD, MEANINGS, OVERTAKEN, SHAPE, UNKNOWN, misshapen, mistake, refusal
from .runs import Runs, serve_run
from .workers import Answer, Workers

DESCRIPTION = """The interface of backprove's explorer: a network's text and values go in, its
equations, derivations and numbers come out. A question is about the text that it carries; the
server keeps nothing. What cannot be answered is said in words. Training runs over a WebSocket,
`/api/train`."""

_TOKEN = [Depends(HTTPBearer(auto_error=False, description="The token of the link."))]
"""Describes how programs show the token; it is asked for in guards.py, before all this."""


class Row(Protocol):
    """One kind of question."""

    @property
    def path(self) -> str:
        """Under which it is asked."""

    @property
    def asks(self) -> type[BaseModel]:
        """What is asked."""

    @property
    def answers(self) -> type[BaseModel]:
        """What is answered."""

    @property
    def function(self) -> Callable[[Any], BaseModel]:
        """What answers; its docstring describes it."""

    @property
    def seconds(self) -> float:
        """After which the answer is given up."""


def interface(workers: Workers, start: Start | None = None) -> Interface:
    """Everything under /api. start: the network that the page begins with. Closes the workers."""
    return Interface(api(ANSWERS.values(), answered, workers, start), workers.close)


def api(
    rows: Iterable[Row],
    answer: Callable[[str, Any], Answer],
    workers: Workers,
    start: Start | None = None,
) -> FastAPI:
    """The FastAPI application of a table. answer: calls a row's function, by its path, in a worker:
    a status and JSON."""
    made = FastAPI(
        title="backprove explorer",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # pages of documentation would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    made.router.route_class = _Route
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal, "description": meaning} for status, meaning in MEANINGS.items()
    }
    _first(made, workers, start, refusals)
    for row in rows:
        made.post(
            row.path,
            response_model=row.answers,
            responses=refusals,
            dependencies=_TOKEN,
            summary=row.path.removeprefix("/api/").capitalize(),
            description=row.function.__doc__ or "",
        )(_asking(row, answer, workers))
    _training(made, workers)
    _refusing(made)
    return made


def _first(
    made: FastAPI, workers: Workers, start: Start | None, refusals: dict[int | str, dict[str, Any]]
) -> None:
    """What a page is told first; it is the same each time."""
    told: dict[str, str] = {}

    async def once(name: str, function: Callable[[Start | None], Answer]) -> Response:
        if name not in told:
            status, text = await workers.answer((function, (start,)), limits.ANSWER_SECONDS)
            if status != GOOD:
                return _json(status, text)
            told[name] = text
        return _json(GOOD, told[name])

    described: dict[str, Any] = {
        "responses": {status: refusals[status] for status in (UNKNOWN, BUSY, OVERTAKEN)},
        "dependencies": _TOKEN,
    }

    @made.get("/api/choices", response_model=Opening, summary="Choices", **described)
    async def choices() -> Response:
        """What a page can choose from, the bounds, and the network that it begins with."""
        return await once("choices", opening)

    @made.get("/api/first", response_model=First, summary="First", **described)
    async def first_network() -> Response:
        """The network that a page begins with, already answered."""
        return await once("first", first)


class _Request(Request):
    """Reads JSON as it is defined: no NaN, no halves of characters, no depth without end."""

    async def json(self) -> Any:
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError:
            raise HTTPException(SHAPE) from None


class _Route(APIRoute):
    """Hands such a request on."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handling(request: Request) -> Response:
            return await handle(_Request(request.scope, request.receive))

        return handling


def _asking(
    row: Row, answer: Callable[[str, Any], Answer], workers: Workers
) -> Callable[..., Awaitable[Response]]:
    """What asks a row's question of a worker."""

    async def ask(question: Any, request: Request) -> Response:
        call = (answer, (row.path, question))
        asking = asyncio.create_task(workers.answer(call, row.seconds))
        leaving = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
            return _json(*asking.result()) if asking.done() else Response(status_code=499)
        finally:
            asking.cancel()
            leaving.cancel()

    ask.__annotations__["question"] = row.asks
    ask.__name__ = row.path.rpartition("/")[2]
    return ask


async def _gone(request: Request) -> None:
    """Returns when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _training(made: FastAPI, workers: Workers) -> None:
    runs: list[Runs] = []

    @made.websocket("/api/train")
    async def train(websocket: WebSocket) -> None:
        if not runs:  # made here, as it belongs to the event loop
            runs.append(Runs(workers=workers))
        await serve_run(websocket, runs[0])


def _refusing(made: FastAPI) -> None:
    """Every error in words, as JSON of one shape."""

    @made.exception_handler(RequestValidationError)
    async def wrong_shape(request: Request, error: RequestValidationError) -> Response:
        return _json(SHAPE, misshapen(error.errors()))

    @made.exception_handler(HTTPException)
    async def nothing_there(request: Request, error: HTTPException) -> Response:
        said, suggestion = _HTTP.get(error.status_code, (str(error.detail), ""))
        return _json(error.status_code, refusal(said, suggestion), dict(error.headers or {}))

    @made.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return _json(*mistake(error))


_HTTP = {
    400: ("the question is no JSON that can be read", "/api/openapi.json describes every question"),
    404: ("there is nothing at this address", "/api/openapi.json describes what there is"),
    405: ("this address is not asked in this way", "/api/openapi.json describes how"),
}
"""Words for what the framework refuses."""


def _json(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="application/json")
