"""From expressions and derivations to text, LaTeX, Markdown, HTML and JSON."""

from .formats import FORMATS, html_of, latex_of, latex_of_derivation, mathml_of, render, text_of
from .graph import graph_text

__all__ = [
    "FORMATS",
    "graph_text",
    "html_of",
    "latex_of",
    "latex_of_derivation",
    "mathml_of",
    "render",
    "text_of",
]
