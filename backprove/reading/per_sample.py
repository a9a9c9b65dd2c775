"""Whether dZ means the derivative of the mean loss, or that of each sample's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ..expr import MINUS_ONE, Expr, Number, Ref, Size, flat_factors, product, reciprocal
from ..network import ADJOINT, Network
from ..verify import Oracle
from .meaning import Sheet, SheetLine, Term

_DIFFERENTIAL = re.compile(r"(?<![A-Za-z\\])d\s?[A-Za-z]")


def may_be(text: str, size: Size | None) -> bool:
    """Whether a name such as dZ stands in the text, and the loss is a mean over samples."""
    return size is not None and bool(_DIFFERENTIAL.search(text))


def fits_better(network: Network, mean: Sheet, sample: Sheet) -> bool:
    """Whether more lines hold where dZ belongs to each sample by itself."""
    if [line.right.expr for line in mean.lines] == [line.right.expr for line in sample.lines]:
        return False
    own, shared = list(_holding(network, sample)), list(_holding(network, mean))
    return (sum(own), own) > (sum(shared), shared)


def _holding(network: Network, sheet: Sheet) -> Iterator[bool]:
    """For each line that sets something equal, whether it holds."""
    oracle = Oracle(network, lets=sheet.lets, symbols=sheet.symbols, trials=1, components=9)
    left: Term | None = None
    for line in sheet.lines:
        left = line.left or left
        if left is not None and not line.defines and not line.misfit:
            right = line.right.expr
            yield oracle.agree(left.expr, right, ranges=line.ranges).confirmed


def as_claimed(line: SheetLine, head: Term | None) -> SheetLine:
    """m·∂J/∂Z = A as ∂J/∂Z = A/m: what a line says of the derivative itself.

    head: the left side of the chain. Other lines stay as they are.
    """
    factors = _before_adjoint(head.expr) if head is not None else ()
    if head is None or not factors:
        return line
    inverse = tuple(e if e is MINUS_ONE else reciprocal(e) for e in factors)
    right = replace(line.right, expr=product((*inverse, line.right.expr)))
    left = line.left and replace(line.left, expr=flat_factors(line.left.expr)[-1])
    return replace(line, left=left, right=right)


def _before_adjoint(e: Expr) -> tuple[Expr, ...]:
    """The numbers and sizes before a derivative of the loss, in an error signal's meaning."""
    *before, last = flat_factors(e)
    plain = all(isinstance(f, Number) or (isinstance(f, Ref) and not f.indices) for f in before)
    named = isinstance(last, Ref) and last.name.startswith(ADJOINT)
    return tuple(before) if plain and named else ()
