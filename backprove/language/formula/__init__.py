"""Formulas as people write them, LaTeX or plain: text to a tree of what was written."""
