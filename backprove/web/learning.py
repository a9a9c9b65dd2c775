"""One training run of a page: a thread that steps, obeys what the page says and shows frames."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Literal, Protocol

from ..run.stepping import Stepper, Stopped
from . import limits
from .frames import Frames
from .messages import Problem
from .problems import problem_of
from .run_messages import Ended, Rate, Simple, Speed, Start, Wrong, json_of
from .starting import made, read

THREAD = "backprove-run"
"""The name of a run's thread."""

SLICE = 0.01
"""Seconds that a run computes before another has its turn."""

FRAMES = 20.0
"""Frames a second, where the page does not say."""

_PREPARING = threading.Lock()
"""Held while expressions are made: equal ones are one object, which threads would race for."""


class Turns:
    """One computes at a time, in the order in which they ask.

    The interpreter runs one thread at a time in any case; so the server's own waits for one
    other thread at most.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: deque[object] = deque()

    @contextmanager
    def mine(self) -> Iterator[None]:
        ticket = object()
        with self._changed:
            self._asked.append(ticket)
            self._changed.wait_for(lambda: self._asked[0] is ticket)
        try:
            yield
        finally:
            with self._changed:
                self._asked.popleft()
                self._changed.notify_all()


class Listener(Protocol):
    """Who is told of a run; called in the run's thread."""

    def tell(self, text: str, kind: Literal["ready", "frame", "last"]) -> None:
        """A message for the page. After a frame, `sent` is awaited before the next."""

    def idle(self, idle: bool) -> None:
        """Whether the run waits for the page, or computes."""

    def objection(self, start: Start) -> Problem | None:
        """What is wrong with what is to be trained, where that is known before it is tried here."""

    def gone(self) -> None:
        """The thread ends."""


class Learner:
    """One run and its thread. `obey`, `sent` and `end` may be called by any other."""

    def __init__(self, start: Start, turns: Turns, listener: Listener) -> None:
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._given: Start | None = start
        self._turns, self._listener = turns, listener
        self._said: SimpleQueue[Simple | Rate | str] = SimpleQueue()
        self.ended = threading.Event()
        self.speed = FRAMES
        self._playing = False
        self._single = 0  # mini-batches that are asked for one by one
        self._until = 0  # the epoch before which it rests
        self._unsent = False
        self._owed = True
        self._eta: float | None = None  # a rate that is not yet the stepper's
        self._next_frame = 0.0
        self._stepper: Stepper
        self._frames: Frames

    # -- what others call ------------------------------------------------------------------

    def start(self) -> None:
        """Begin; the listener is told all else."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def obey(self, said: Simple | Rate | Speed) -> bool:
        """Do what the page says; False where it has said too much that is not done yet."""
        if isinstance(said, Speed):
            self.speed = said.frames
            return True
        if self._said.qsize() > 100:
            return False
        self._said.put(said)
        return True

    def sent(self) -> None:
        """The last frame has left."""
        self._said.put("sent")

    def limit(self) -> None:
        """The run's time is over: say so, and end."""
        self._said.put("limit")

    def end(self) -> None:
        """End at once."""
        self.ended.set()
        self._said.put("end")

    # -- the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._learn()
        except Exception as error:
            if not self.ended.is_set():
                problem = problem_of(error)
                self._listener.tell(json_of(Wrong(error=problem)), "last")
        finally:
            self._listener.gone()

    def _learn(self) -> None:
        start, self._given = self._given, None  # an upload may be large
        assert start is not None, "a run begins once"
        problem = self._listener.objection(start)
        if problem is not None:
            self._listener.tell(json_of(Wrong(error=problem)), "last")
            return
        table = read(start)
        with _PREPARING:
            if self.ended.is_set():
                return
            self._stepper = made(start, table)
            self._frames = Frames(self._stepper)
        del start, table
        self._listener.tell(json_of(self._frames.ready()), "ready")
        try:
            while not self.ended.is_set():
                self._obey()
                if self._busy and not self.ended.is_set():
                    self._advance()
                if self._due() and not self.ended.is_set():
                    self._show()
        except Stopped as stopped:
            words = f"{stopped.message}. {stopped.suggestion[:1].upper()}{stopped.suggestion[1:]}."
            self._stop("nan", words, stopped.why.quantity, stopped.why.slower)

    @property
    def _busy(self) -> bool:
        return self._playing or self._single > 0 or self._until > self._stepper.state.epoch

    def _due(self) -> bool:
        """Whether a frame is to be shown now."""
        if self._unsent:
            return False
        if self._busy:
            return self._owed or monotonic() >= self._next_frame
        return self._owed or self._frames.owed == 0

    def _obey(self) -> None:
        """Do what was said; wait for it where there is nothing else to do."""
        told = False
        while not self.ended.is_set():
            waits = not self._busy and not self._due()
            if waits and not told:
                self._listener.idle(True)
                told = True
            patience = None if self._unsent else self._frames.owed
            try:
                said = self._said.get(block=waits, timeout=patience)
            except Empty:
                break
            self._do(said)
        if told:
            self._listener.idle(False)
        if self._eta is not None and not self.ended.is_set():  # the last that was said
            with _PREPARING:
                self._stepper.eta = self._eta
            self._eta = None

    def _do(self, said: Simple | Rate | str) -> None:
        if said == "sent":
            self._unsent = False
            return
        if said == "limit":
            minutes = f"{limits.RUN_SECONDS / 60:g} minutes"
            self._stop("limit", f"A run ends after {minutes}; start another to go on.")
            return
        if isinstance(said, Rate):
            self._eta, self._owed = said.eta, True
        if not isinstance(said, Simple):
            return
        if said.do == "stop":
            self._stop("done", f"Stopped after {self._stepper.state.steps:,} steps.")
            return
        self._playing = said.do == "play"
        self._single = self._single + 1 if said.do == "step" else 0
        self._until = self._stepper.state.epoch + 1 if said.do == "epoch" else 0
        self._owed = True

    def _advance(self) -> None:
        stepper = self._stepper

        def stops() -> bool:
            return (
                self.ended.is_set() or not self._said.empty()
                or not (self._playing or self._until > stepper.state.epoch)
            )  # fmt: skip

        with self._turns.mine():
            if self._single:
                stepper.step()
                self._single -= 1
            else:
                stepper.for_seconds(SLICE, stops)
        if stepper.finished:
            self._stop("done", f"All {stepper.epochs:,} epochs are done.")
        if not self._busy:
            self._owed = True

    def _stop(
        self,
        reason: Literal["nan", "done", "limit"],
        words: str,
        of: str = "",
        slower: bool = False,
    ) -> None:
        """The last frame, and why it is the last."""
        self._playing, self._single, self._until = False, 0, 0
        self._show(last=True)
        ended = Ended(reason=reason, words=escape(words), quantity=of or None, slower=slower)
        self._listener.tell(json_of(ended), "last")
        self.ended.set()

    def _show(self, last: bool = False) -> None:
        with self._turns.mine():
            text = json_of(self._frames.frame(self._busy, last))
        now = monotonic()
        self._next_frame = now + 1 / self.speed
        self._unsent, self._owed = True, False
        self._listener.tell(text, "frame")
