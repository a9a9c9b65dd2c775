"""From expressions and derivations to text, LaTeX, Markdown, HTML and JSON."""

from .formats import FORMATS, html_of, latex_of, render, text_of

__all__ = ["FORMATS", "html_of", "latex_of", "render", "text_of"]
