"""The command line: arguments in, the front doors' answers out; no mathematics.

Each command imports what it needs when it runs, so that `show` and `explain` start at once.
"""

from . import derivations, exercises, judging, numbers, training  # noqa: F401 - each adds its commands
from .app import app, main

__all__ = ["app", "main"]
