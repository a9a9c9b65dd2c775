"""From expressions and derivations to text, LaTeX, Markdown, HTML and JSON.

Names are loaded when they are first used: text in a terminal does not wait for HTML.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .formats import FORMATS, render
    from .graph import graph_text
    from .pieces import (
        html_of,
        html_of_network,
        latex_of,
        latex_of_derivation,
        latex_of_network,
        latex_of_step,
        mathml_of,
        text_of,
    )

_HOMES = {
    "FORMATS": "formats",
    "graph_text": "graph",
    "html_of": "pieces",
    "html_of_network": "pieces",
    "latex_of": "pieces",
    "latex_of_derivation": "pieces",
    "latex_of_network": "pieces",
    "latex_of_step": "pieces",
    "mathml_of": "pieces",
    "render": "formats",
    "text_of": "pieces",
}

__all__ = [
    "FORMATS",
    "graph_text",
    "html_of",
    "html_of_network",
    "latex_of",
    "latex_of_derivation",
    "latex_of_network",
    "latex_of_step",
    "mathml_of",
    "render",
    "text_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
