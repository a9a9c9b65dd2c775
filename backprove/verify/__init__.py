"""The oracle: equality of expressions about a network, by power series in ball arithmetic.

It shares no code with the rules of differentiation. See docs/verification.md.
"""

from .oracle import Counterexample, Oracle, Verdict, agree
from .points import Point
from .reports import Report, Row, verify_derivation, verify_network, verify_step

__all__ = [
    "Counterexample",
    "Oracle",
    "Point",
    "Report",
    "Row",
    "Verdict",
    "agree",
    "verify_derivation",
    "verify_network",
    "verify_step",
]
