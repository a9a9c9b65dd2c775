"""Processes in which answers are made, each within its time, so that none holds up the server.

A question that takes too long, or one whose process dies of it, ends that process and no other;
a new one takes its place. The processes are started afresh (never forked from the server, which
has threads), and load what answers need before the first is asked for.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeAlias

from pebble import ProcessExpired, ProcessPool
from pydantic import BaseModel

from . import limits
from .problems import OVERTAKEN, Problem, Refusal, problem_of

Row: TypeAlias = tuple[
    str, type[BaseModel] | None, type[BaseModel], Callable[..., BaseModel], float
]
"""A kind of question: its path, its model (None where nothing is asked), the answer's model,
the function from one to the other, and the seconds that it may take."""

Call: TypeAlias = tuple[Callable[..., BaseModel], BaseModel | None]
"""A function and what it is asked."""

Answer: TypeAlias = tuple[int, bytes]
"""A status and a body of JSON."""

BUSY = 429
"""Status: too many questions wait already."""

GOOD = 200
"""Status: answered."""


class Workers:
    """So many processes, and the questions that wait for them. Close it when done."""

    def __init__(self, count: int | None = None, warming: Sequence[Call] = ()) -> None:
        """count: of processes, by default as many as processors, two to four.
        warming: calls by which each process loads what it needs."""
        self._count = count or max(2, min(4, os.cpu_count() or 2))
        self._warming = tuple(warming)
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()
        self._waiting = 0
        self._finished = 0
        self._closed = False

    def start(self) -> None:
        """Start the processes, if they are not; returns before they are ready."""
        self._ready().schedule(_nothing)

    async def answer(self, call: Call, seconds: float) -> Answer:
        """The answer to a question, or in words why there is none. Never raises for what the
        question does; whoever stops waiting (cancels) gives up a question that is not begun."""
        if self._waiting >= limits.WAITING:
            return said(BUSY, "too many questions wait for an answer", "ask again in a moment")
        self._waiting += 1
        try:
            return await self._answer(call, seconds)
        finally:
            self._waiting -= 1

    async def _answer(self, call: Call, seconds: float) -> Answer:
        finished = self._finished
        try:
            future = self._ready().schedule(answered, args=call, timeout=seconds)
        except RuntimeError:  # the pool broke since, or is closed
            return _ended()
        try:
            async with asyncio.timeout(limits.PATIENCE_SECONDS + seconds):
                answer: Answer = await asyncio.shield(asyncio.wrap_future(future))
                return answer
        except ProcessExpired:
            return _ended()
        except (BrokenProcessPool, CancelledError):
            return _ended()
        except TimeoutError:
            if not future.done():
                future.cancel()
                if self._finished == finished:  # none was answered in all this time
                    self._renew()
            return said(
                OVERTAKEN,
                f"the answer takes more than {seconds:g} seconds",
                "ask for less: a smaller network, another style or zoom, a single component",
            )
        finally:
            self._finished += 1
            if not future.running():
                future.cancel()

    def _ready(self) -> ProcessPool:
        """The pool, made anew where it broke (a process that died while idle breaks it).
        Raises RuntimeError when closed."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the workers are closed")
            if self._pool is None or not self._pool.active:
                _discard(self._pool)
                self._pool = ProcessPool(
                    max_workers=self._count,
                    initializer=_begin,
                    initargs=(self._warming,),
                    context=multiprocessing.get_context("spawn"),
                )
            return self._pool
