"""Formulas as people write them, LaTeX or plain: text to a tree of what was written."""

from .lines import parse_formula, parse_formulas
from .rows import is_latex
from .tree import (
    Big,
    Bracketed,
    Call,
    Cases,
    Change,
    Component,
    Differential,
    Dots,
    FormulaLine,
    Formulas,
    Group,
    Listed,
    Node,
    Numeral,
    Product,
    Quotient,
    Raised,
    Relation,
    Root,
    Sign,
    Sum,
    Superscript,
    Symbol,
)

__all__ = [
    "Big", "Bracketed", "Call", "Cases", "Change", "Component", "Differential", "Dots",
    "FormulaLine", "Formulas", "Group", "Listed", "Node", "Numeral", "Product", "Quotient",
    "Raised", "Relation", "Root", "Sign", "Sum", "Superscript", "Symbol", "is_latex",
    "parse_formula", "parse_formulas",
]  # fmt: skip
