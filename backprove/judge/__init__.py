"""Judging a hand-written derivation: is each line right, and what kind of mistake is it?"""

from .checking import check
from .kinds import KINDS
from .verdict import Comparison, Counterexample, Finding, JudgedLine, Verdict

__all__ = ["KINDS", "Comparison", "Counterexample", "Finding", "JudgedLine", "Verdict", "check"]
