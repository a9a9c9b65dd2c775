"""The command line: arguments in, the front doors' answers out; no mathematics.

Each command imports what it needs when it runs, so that `show` and `explain` start at once.
"""

# in the order in which the help lists their commands
from . import derivations, exercises, judging, numbers, training, compiling, serving  # noqa: F401, I001
from .app import app, main

__all__ = ["app", "main"]
