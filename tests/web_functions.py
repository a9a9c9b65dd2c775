"""Functions that answer badly, for worker processes to call by name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from backprove.errors import BackproveError


class TwoArguments(Exception):
    """An error that cannot be rebuilt from what it says."""

    def __init__(self, one: str, *, two: str) -> None:
        super().__init__(one + two)


def echo(word: str) -> tuple[int, str]:
    return 200, word


def sleep(seconds: float) -> tuple[int, str]:
    time.sleep(seconds)
    return 200, "slept"


def process() -> tuple[int, str]:
    return 200, str(os.getpid())


def die() -> tuple[int, str]:
    os._exit(9)


def fail() -> tuple[int, str]:
    raise ValueError("a secret of /the/server")


def fail_oddly() -> tuple[int, str]:
    raise TwoArguments("a", two="b")


def nest(depth: int = 10**9) -> tuple[int, str]:
    return nest(depth - 1)


def hoard() -> tuple[int, str]:
    return 200, str(len(bytearray(2**40)))


def answered(path: str, question: Any) -> tuple[int, str]:
    """Rows of which some go wrong."""
    functions: dict[str, Callable[[], tuple[int, str]]] = {"die": die, "fail": fail}
    if question.word in functions:
        return functions[question.word]()
    if question.word == "sleep":
        return sleep(60)
    try:
        raise BackproveError(f"no {question.word} here", "write another word")
    except BackproveError as error:
        return 422, f'{{"error": {{"message": "{error.message}"}}}}'
