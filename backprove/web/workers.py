"""Processes in which answers are made, each within its time, so that none holds up the server.

A question that takes too long, or one whose process dies of it, ends that process and no other;
a new one takes its place. The processes are started afresh (never forked from the server, which
has threads), and load what answers need before the first is asked for.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from threadpoolctl import threadpool_limits

from . import limits
from .problems import BUSY, OVERTAKEN, mistake, refusal

Answer: TypeAlias = tuple[int, str]
"""A status and JSON."""

Call: TypeAlias = tuple[Callable[..., Answer], tuple[Any, ...]]
"""A function that answers, and what it is given; both go to another process."""


class Workers:
    """So many processes, and the questions that wait for them. Close it when done."""

    def __init__(self, count: int | None = None, warming: str | None = None) -> None:
        """count: of processes, by default as many as processors, two to four.
        warming: the module whose `warm()` prepares each process; only there is it loaded."""
        self._count = count or max(2, min(4, os.cpu_count() or 2))
        self._warming = warming
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()
        self._waiting = 0
        self._finished = 0
        self._served = False
        self._closed = False

    def start(self) -> None:
        """Start the processes, if they are not; returns before they are ready."""
        with suppress(RuntimeError):
            self._ready().schedule(_nothing)

    def close(self) -> None:
        """End every process at once, whatever it is doing."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        _end(pool)

    async def answer(self, call: Call, seconds: float) -> Answer:
        """The answer to a question, or in words why there is none; raises for nothing that a
        question does. Who cancels this gives up a question that is not begun."""
        if self._waiting >= limits.WAITING:
            return BUSY, refusal("too many questions wait for an answer", "ask again in a moment")
        self._waiting += 1
        try:
            for _ in range(2):  # a pool that broke while idle has not looked at the question
                with suppress(BrokenProcessPool):
                    return await self._asked(call, seconds)
            return _ended()
        finally:
            self._waiting -= 1

    async def _asked(self, call: Call, seconds: float) -> Answer:
        """Raises BrokenProcessPool where no process has looked at the question."""
        finished = self._finished
        future: ProcessFuture[Answer] | None = None
        try:
            future = self._ready().schedule(_answered, args=call, timeout=seconds)
            async with asyncio.timeout(limits.PATIENCE_SECONDS + seconds):
                # Shielded: cancelling a future that is begun would end its process.
                answer = await asyncio.shield(asyncio.wrap_future(future))
            self._served = True
            return answer
        except TimeoutError:
            stuck = future is not None and not future.done() and self._finished == finished
            if stuck and self._served:  # else it is still loading, on a slow machine
                self._renew()
            return _late(seconds)
        except BrokenProcessPool:
            raise
        except (ProcessExpired, CancelledError, RuntimeError):
            return _ended()
        finally:
            self._finished += 1
            if future is not None and not future.running():
                future.cancel()

    def _ready(self) -> ProcessPool:
        """The pool, made anew where it broke (a process that died while idle breaks it).
        Raises RuntimeError when closed."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the workers are closed")
            if self._pool is not None and not self._pool.active:
                broken, self._pool = self._pool, None
                threading.Thread(target=_end, args=(broken,), daemon=True).start()
            if self._pool is None:
                self._served = False
                self._pool = ProcessPool(
                    max_workers=self._count,
                    initializer=_begin,
                    initargs=(self._warming,),
                    context=multiprocessing.get_context("spawn"),
                )
            return self._pool

    def _renew(self) -> None:
        with self._lock:
            stuck, self._pool = self._pool, None
        threading.Thread(target=_end, args=(stuck,), daemon=True).start()


def _end(pool: ProcessPool | None) -> None:
    """End a pool's processes without waiting for what they do."""
    if pool is None:
        return
    pool.stop()
    # Asked politely, a process ends between two lines of Python; a long computation is one line.
    for process in multiprocessing.active_children():
        if process.name == "pebble_pool_worker":
            process.kill()
    pool.join()


# What runs in the processes.


def _answered(function: Callable[..., Answer], given: tuple[Any, ...]) -> Answer:
    """Call a function that answers. An error stays here: it might not survive the way back."""
    try:
        return function(*given)
    except Exception as error:
        if os.environ.get("BACKPROVE_DEBUG"):
            traceback.print_exc()
        return mistake(error)


def _nothing() -> None:
    pass


def _begin(warming: str | None) -> None:
    """Prepare a process: one thread, bounded memory, an end with the server's, and warm."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    if warming is not None:
        with suppress(Exception):  # what is wrong there is said when it is asked for
            import_module(warming).warm()
    threadpool_limits(1)
    gc.collect()
    gc.freeze()  # what is loaded stays: it is not looked through at every question
    with suppress(OSError, ValueError):
        _bound_memory()


def _leave_with_parent() -> None:
    """A server that is killed leaves no process behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _bound_memory() -> None:
    """Refuse memory beyond the bound, where the system can: then MemoryError is raised."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        bound = pages * resource.getpagesize() + limits.WORKER_MEMORY
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY or bound < most:
            resource.setrlimit(resource.RLIMIT_AS, (bound, most))


def _late(seconds: float) -> Answer:
    return OVERTAKEN, refusal(
        f"this takes more than the {seconds:g} seconds that an answer may take",
        "ask for less, such as a smaller network, another style or a single component; the"
        " command line has no such bound",
    )


def _ended() -> Answer:
    return OVERTAKEN, refusal(
        "the process that worked on the answer ended before it was done",
        "the network may need more memory or depth than there is: ask for a smaller one",
    )
