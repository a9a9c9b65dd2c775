"""What is saved: a derivation in a format, code for a target."""

from __future__ import annotations

import re

from ..errors import BackproveError
from ..expr import plain
from ..render import render
from ..run.targets import standalone
from . import state
from .choosing import FORMATS, TARGETS
from .messages import (
    AskCode,
    AskExport,
    FileAnswer,
)

MIMES = {
    ".html": "text/html", ".tex": "application/x-tex", ".md": "text/markdown",
    ".txt": "text/plain", ".json": "application/json", ".py": "text/x-python", ".c": "text/x-c",
}  # fmt: skip
"""The type of a file by its ending."""


def export(given: AskExport) -> FileAnswer:
    """A derivation as a file, complete by itself."""
    chosen = next((f for f in FORMATS if f.name == given.format), None)
    if chosen is None:
        known = ", ".join(f.name for f in FORMATS)
        raise BackproveError(f"there is no format {given.format!r}", f"the formats are {known}")
    made = state.derivation(given.text, given.notation, given.quantity, given.style, given.zoom)
    number = state.beside(given)[0] if given.numbers else None
    notation = state.printing(given.text, given.notation)
    content = render(made, notation, given.format, laws=given.format == "html", numbers=number)
    name = _file_name(f"{plain(made.quantity)}-{made.style}") + chosen.suffix
    return FileAnswer(name=name, mime=MIMES[chosen.suffix], content=content)


def code(given: AskCode) -> FileAnswer:
    """Standalone code of the network's gradients."""
    chosen = next((target for target in TARGETS if target.name == given.target), None)
    network = state.network(given.text).with_values(given.values)
    source = standalone(network, given.target)  # refuses an unknown target in words
    assert chosen is not None
    name = f"network_{chosen.name}" + chosen.suffix
    return FileAnswer(name=name, mime=MIMES[chosen.suffix], content=source)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "derivation"
