"""Room for deep expressions: one call inside another for each operation inside another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

DEEPEST = 20_000
"""Calls inside each other. The longest equation that is printed, 20,000 characters, nests a
thousand operations, and each takes several calls."""


def deep(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function that walks an expression go as deep as expressions are."""

    @wraps(work)
    def with_room(*args: P.args, **kwargs: P.kwargs) -> R:
        before = sys.getrecursionlimit()
        if before >= DEEPEST:
            return work(*args, **kwargs)
        sys.setrecursionlimit(DEEPEST)
        try:
            return work(*args, **kwargs)
        finally:
            sys.setrecursionlimit(before)

    return with_room
