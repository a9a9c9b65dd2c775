"""From a tree that has been looked over to an expression, the reader's structure kept.

Parentheses stay as nested sums and products; `a - b` is Add(a, Mul(-1, b)), `a/b` is
Mul(a, Power(b, -1)) and `a/2` is Mul(a, 1/2). Powers of numbers are not evaluated.
"""

from __future__ import annotations

from fractions import Fraction

from ..expr import (
    MINUS_ONE,
    ONE,
    Add,
    Apply,
    Delta,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    product,
)
from ..functions import U
from .tree import (
    Call,
    Extent,
    Fold,
    Group,
    Kronecker,
    Minus,
    Mistake,
    Node,
    Numeral,
    Product,
    Raised,
    Span,
    Sum,
    Use,
)


def built(node: Node) -> Expr:
    """The expression. Raises Mistake for a division by a written zero."""
    match node:
        case Numeral():
            return Number(node.value)
        case Use():
            if node.is_argument:
                return U
            return Ref(node.name.text, tuple(index.value for index in node.indices))
        case Call():
            return Apply(node.function, built(node.argument))
        case Fold():
            return _fold(node)
        case Kronecker():
            right: Index | Expr
            right = _fold(node.right) if isinstance(node.right, Fold) else node.right.value
            return Delta(node.left.value, right)
        case Sum():
            return Add(tuple(built(term) for term in node.terms))
        case Product():
            return _product(node)
        case Minus():
            return _negative(node.operand, built(node.operand))
        case Raised():
            return _power(built(node.base), built(node.exponent), node.span)
        case Group():
            return built(node.inner)
    raise AssertionError(f"not a part of an expression: {node!r}")


def _fold(node: Fold) -> Expr:
    body = built(node.body)
    for letter, extent in zip(reversed(node.letters), reversed(node.extents), strict=True):
        body = Reduce(node.op, str(letter.value), known_size(extent), body)
    return body


def _product(node: Product) -> Expr:
    (_, head), *rest = node.factors
    factors = [built(head)]
    for divides, factor in rest:
        e = built(factor)
        if not divides:
            factors.append(e)
            continue
        e = _power(e, MINUS_ONE, factor.span)
        fraction = _fraction(factors, e)
        if fraction is not None:
            factors = [fraction]
        else:
            factors.append(e)
    return product(tuple(factors))


def _fraction(factors: list[Expr], inverse: Expr) -> Expr | None:
    """What stands in front of a product as one: 1/x, and 2/3 where it is in lowest terms."""
    first = factors[0]
    if len(factors) > 1 or not isinstance(first, Number):
        return None
    if first is ONE:
        return inverse
    if _whole(first) and isinstance(inverse, Number):
        value = first.value * inverse.value
        lowest = value.denominator == 1 / inverse.value
        return Number(value) if lowest and value.denominator > 1 else None
    return None


def _negative(operand: Node, e: Expr) -> Expr:
    """-e: a number's sign, a product's leading -1; parentheses stay."""
    if isinstance(e, Number) and e.value >= 0:
        return Number(-e.value)
    if isinstance(operand, Product) and isinstance(e, Mul):
        return Mul((MINUS_ONE, *e.factors))
    return Mul((MINUS_ONE, e))


def _power(base: Expr, exponent: Expr, span: Span) -> Expr:
    """base ^ exponent, never evaluated but for 1/2, 1/3, …"""
    below_zero = isinstance(exponent, Number) and exponent.value < 0
    if below_zero and isinstance(base, Number) and base.value == 0:
        raise Mistake("a division by zero", span)
    if exponent is MINUS_ONE and isinstance(base, Number) and _whole(base):
        return Number(Fraction(1, base.value))
    return Power(base, exponent)


def _whole(e: Expr) -> bool:
    return isinstance(e, Number) and e.value.denominator == 1 and e.value >= 0


def known_size(extent: Extent) -> Size:
    """The length behind an extent, once everything has been looked over."""
    size = extent.root().size
    assert size is not None
    return size
