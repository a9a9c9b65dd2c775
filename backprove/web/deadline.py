"""Time within which something is done, without ending the process that does it.

A process that is ended takes seconds to be replaced. Where the system has no timers, or in
another thread than the main one, nothing is bounded here: whoever asked ends the process.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 0.1
"""Seconds after which it is said again: in some places Python passes an exception over."""


class Late(BaseException):
    """The time is over. Not an Exception, so that nobody mistakes it for one of theirs."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises Late in what is done here when the time is over."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
