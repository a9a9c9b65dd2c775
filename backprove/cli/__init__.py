"""The command line: arguments in, the front doors' answers out; no mathematics."""

from .app import app, main

__all__ = ["app", "main"]
