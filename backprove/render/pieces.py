"""Single expressions, networks and steps in a format: what notebooks and other tools ask for."""

from __future__ import annotations

from html import escape

from ..expr import Expr
from ..network import Network
from ..notation import AnyNotation, BoundNotation, bind
from ..rewrite import Derivation, Step
from .document import page
from .formats import render
from .latex import aligned_latex, latex_lines, latex_of_box
from .layout import layout
from .mathml import mathml_of_box
from .text import text_of_box


def text_of(e: Expr, notation: BoundNotation) -> str:
    """An expression as one line of plain text."""
    return text_of_box(layout(e, notation))


def latex_of(e: Expr, notation: BoundNotation) -> str:
    """An expression in LaTeX's math mode."""
    return latex_of_box(layout(e, notation))


def mathml_of(e: Expr, notation: BoundNotation) -> str:
    """An expression as one `<math>` element."""
    return mathml_of_box(layout(e, notation))


# -- notebooks -----------------------------------------------------------------------------


def html_of(derivation: Derivation, notation: AnyNotation = "as-written") -> str:
    """A derivation as a part of an HTML page, for `_repr_html_`."""
    return render(derivation, notation, "html", complete=False)


def latex_of_derivation(derivation: Derivation, notation: AnyNotation = "as-written") -> str:
    """A derivation's chains of equal lines between dollar signs, for `_repr_latex_`."""
    return aligned_latex(page(derivation, bind(notation, derivation.network)))


def html_of_network(network: Network, notation: AnyNotation = "as-written") -> str:
    """A network's equations as an HTML table of MathML, for `_repr_html_`."""
    bound = bind(notation, network)
    rows = "".join(
        f'<tr><td style="text-align:right">{mathml_of(equation.left, bound)}</td><td>=</td>'
        f'<td style="text-align:left">{mathml_of(equation.right, bound)}</td></tr>'
        for equation in bound.equations
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in bound.notes)
    return f"<table>{rows}</table>{notes}"


def latex_of_network(network: Network, notation: AnyNotation = "as-written") -> str:
    """A network's equations in one aligned environment, for `_repr_latex_`."""
    bound = bind(notation, network)
    lines = []
    for equation in bound.equations:
        right = " \\\\\n&\\quad {} ".join(latex_lines(layout(equation.right, bound)))
        lines.append(f"{latex_of(equation.left, bound)} &= {right}")
    return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"


def latex_of_step(step: Step, network: Network, notation: AnyNotation = "as-written") -> str:
    """before = after between dollar signs, for `_repr_latex_`."""
    bound = bind(notation, network)
    return f"$${latex_of(step.before, bound)} = {latex_of(step.after, bound)}$$"
