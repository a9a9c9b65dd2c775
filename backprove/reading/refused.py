"""What is mathematics and is not judged: second derivatives of the loss, and differentials.

It is said plainly, rather than read as something else: d^2J/dw^2 is no power of a d.
"""

from __future__ import annotations

import re

from ..language.formula import Formulas
from ..language.formula.differentials import SECOND_HINT
from ..language.tree import Mistake
from ..network import Network

_D = r"(?:d|\\mathrm\s*\{d\}|\\text\s*\{d\}|\\operatorname\s*\{d\})"
_TWO = r"\s*(?:\^\s*(?:2|\{\s*2\s*\})|²|2)\s*"
_OVER = r"\s*(?:/|\}\s*\{)\s*"


def refuse_unread(formulas: Formulas, network: Network) -> None:
    """Raise Mistake at the first second derivative or differential of the loss."""
    if "d" in network.quantities:  # then a d is that
        return
    text, loss = formulas.text, re.escape(network.loss)
    if found := re.search(rf"(?<![\w\\]){_D}{_TWO}{loss}{_OVER}{_D}", text):
        raise Mistake("a second derivative of the loss is not read", found.span(), SECOND_HINT)
    for line in formulas.lines:
        begin, end = line.span
        said = re.match(rf"[\s$&]*{_D}\s*(?:\\,)?\s*{loss}\s*&?=", text[begin:end])
        if said and (varied := _varied(text[begin + said.end() : end], network)):
            raise Mistake(
                f"an equation between differentials, d{network.loss} = … d{varied}, is not read",
                (begin, begin + said.end()),
                f"divide by d{varied}: write what ∂{network.loss}/∂{varied} is",
            )


def _varied(right: str, network: Network) -> str:
    """The first quantity whose differential stands in a right side; "" for none."""
    for name in network.quantities:
        if name != network.loss and re.search(
            rf"(?<![\w\\]){_D}\s*{re.escape(name)}(?![\w'])(?!\s*/)", right
        ):
            return name
    return ""
