"""Conditions: [z > 0], [i = j], cases. A condition is 1 where it holds and 0 elsewhere."""

from __future__ import annotations

from ..expr import MINUS_ONE, ONE, Add, Apply, Delta, Expr, Index, Mul, Number, Reduce
from ..language.formula import Big, Cases, Group, Node, Numeral, Relation, Symbol
from ..language.tree import Mistake, Span
from .products import minus, multiplied
from .state import Formula
from .tensors import Value

INDEX_LETTERS = frozenset("ijklmnpq")
"""Letters that are an index in [j = i], even where a tensor has the same name."""

MOST_POSITIONS = 64
"""Positions that a condition such as k > 3 may name."""


def held(reader: Formula, condition: Relation) -> Value:
    """1 where the condition holds, else 0. Raises Mistake where it cannot be read."""
    match condition.sign:
        case "=" | "≠":
            made = _equal(reader, condition)
        case "<" | ">" | "≤" | "≥":
            position = _beyond(reader, condition)
            made = _compared(reader, condition) if position is None else position
        case _:
            raise Mistake(
                "a condition compares with = ≠ < > ≤ ≥",
                condition.span,
                "a sum runs over a whole axis: write the letter alone",
            )
    return made


def equal(reader: Formula, left: Index, right: Index, span: Span) -> Value:
    """[left = right]."""
    for letter, other in ((left, right), (right, left)):
        if isinstance(letter, str):
            reader.letters.extent(letter)
            if isinstance(other, str):
                reader.letters.alike(letter, other)
    if isinstance(left, int) and isinstance(right, int):
        return Value(Number(int(left == right)), span)
    return Value(Delta(left, right), span)


def by_cases(reader: Formula, cases: Cases) -> Value:
    """The sum of the values, each times its condition; "otherwise" is where none holds."""
    span = cases.span
    conditions = [held(reader, c) for _, c in cases.rows if c is not None]
    if not conditions or any(c is None for _, c in cases.rows[:-1]):
        raise Mistake(
            "each row of cases has its condition, but for the last", span, "write `if z > 0`"
        )
    terms: list[tuple[bool, Value]] = []
    waiting = iter(conditions)
    for node, condition in cases.rows:
        factors = [next(waiting)] if condition is not None else [negated(c) for c in conditions]
        value = reader.value(node)
        if value.expr is Number(0):
            continue
        for factor in factors:
            value = reader.tensors.entrywise(factor, value, span)
        terms.append((False, value))
    return reader.tensors.added(terms, span) if terms else Value(Number(0), span)


def negated(value: Value) -> Value:
    """1 where a condition does not hold."""
    expr = value.expr
    turned = isinstance(expr, Add) and len(expr.terms) == 2 and expr.terms[0] is ONE
    if turned and isinstance(expr.children[1], Mul) and expr.children[1].children[0] is MINUS_ONE:
        inner = multiplied([(False, f) for f in expr.children[1].children[1:]], value.span)
    else:
        inner = Add((ONE, minus(expr, grouped=True)))
    return Value(inner, value.span, value.axes, value.orientation)


def index_of(reader: Formula, node: Node) -> Index | None:
    """A position or an index letter; None where a node is something else."""
    while isinstance(node, Group) and node.open in "({":
        node = node.inner
    if isinstance(node, Numeral) and node.value.denominator == 1 and node.value >= 1:
        return int(node.value)
    if not isinstance(node, Symbol) or node.sub or node.sup or node.brackets or node.label:
        return None
    letter = (node.raw or node.letter) + "'" * node.primes
    if letter in reader.letters.known:
        return letter
    meaning = reader.meaning(node)
    if meaning is None or meaning.says or meaning.where:
        return letter if len(node.letter) <= 2 else None
    tensor = bool(reader.known.shape(meaning.name))  # [j = i] where i is a vector of inputs too
    return letter if tensor and letter in INDEX_LETTERS else None


def _equal(reader: Formula, condition: Relation) -> Value:
    left = index_of(reader, condition.left)
    span = condition.span
    if isinstance(condition.right, Big) and condition.right.op == "argmax" and left is not None:
        made = Value(Delta(left, largest(reader, condition.right)), span)
    else:
        right = index_of(reader, condition.right)
        if left is None or right is None or isinstance(left, int) is isinstance(right, int) is True:
            raise Mistake(
                "= and ≠ compare positions, such as [j = k] or [k = 2]",
                span,
                "values are compared by > and <",
            )
        if isinstance(left, int):
            left, right = right, left
        made = equal(reader, left, right, span)
    return negated(made) if condition.sign == "≠" else made


def largest(reader: Formula, big: Big) -> Reduce:
    """argmax_k u_k, the first position of the largest value."""
    if len(big.letters) != 1 or big.lower or big.upper or big.conditions:
        raise Mistake("argmax has one letter and no bounds", big.span, r"write \argmax_k u_k")
    ((letter, at),) = big.letters
    with reader.letters.binding(letter) as extent:
        body = reader.scalar(big.body, "what argmax compares")
        return Reduce("argmax", letter, reader.letters.length(extent, letter, at), body)


def _beyond(reader: Formula, condition: Relation) -> Value | None:
    """k > 2 or k ≤ 3 of an index letter; None where values are compared."""
    left, right = index_of(reader, condition.left), index_of(reader, condition.right)
    sign: str = condition.sign
    if isinstance(left, int) and isinstance(right, str):
        left, right = right, left
        sign = {"<": ">", ">": "<", "≤": "≥", "≥": "≤"}[sign]
    if not isinstance(left, str) or left not in reader.letters.known:
        return None
    if not isinstance(right, int):
        raise Mistake(
            "two positions are compared by = and ≠ only", condition.span, "write the terms out"
        )
    last = right if sign in ("≤", ">") else right - 1
    if last > MOST_POSITIONS:
        raise Mistake(f"more than {MOST_POSITIONS} positions are not listed", condition.span)
    first: list[Expr] = [Delta(left, k) for k in range(1, last + 1)]
    below: Expr = Number(0) if not first else first[0] if len(first) == 1 else Add(tuple(first))
    inside = Value(below, condition.span)
    return inside if sign in ("<", "≤") else negated(inside)


def _compared(reader: Formula, condition: Relation) -> Value:
    """[u > v] as step(u - v); at the kink both > and ≥ are 0."""
    span = condition.span
    left, right = reader.value(condition.left), reader.value(condition.right)
    if left.expr is Number(0):
        left, right = right, left
        below = condition.sign in (">", "≥")
    else:
        below = condition.sign in ("<", "≤")
    if right.expr is not Number(0):
        left = reader.tensors.added([(False, left), (True, right)], span)
    made = Value(Apply("step", left.expr), span, left.axes, left.orientation)
    return negated(made) if below else made
