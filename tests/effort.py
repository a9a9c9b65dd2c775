"""What work costs, told by what it does and not by how busy the machine is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def soon(seconds: float = 30) -> Iterator[None]:
    """The work within ends in so much of the processor's time: many times what it takes, and a
    small part of what a blow-up would."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def calls(work: Callable[[], object]) -> int:
    """How many functions the work calls."""
    count = 0

    def seen(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
