"""Formulas as people write them: what is read, what is refused and where."""

from __future__ import annotations

import pytest

from backprove.language.formula import (
    Big,
    Bracketed,
    Call,
    Cases,
    Change,
    Differential,
    Dots,
    Group,
    Listed,
    Node,
    Numeral,
    Product,
    Quotient,
    Raised,
    Relation,
    Root,
    Sum,
    Superscript,
    Symbol,
    parse_formula,
    parse_formulas,
)

CLOSES = {"(": ")", "[": "]", "{": "}", "|": "|", "‖": "‖"}


def sup(above: Superscript | None) -> str:
    return "" if above is None else f"^{above.text}"


def show(node: Node) -> str:
    """A tree in one line: (+ …) is a sum, (* …) a product, (/ …) a fraction."""
    match node:
        case Numeral(_, value):
            return str(value)
        case Symbol():
            text = node.letter + "'" * node.primes + (f"_{node.sub}" if node.sub else "")
            text += f"{{{node.label}}}" if node.label else ""
            text += f"[{','.join(node.brackets)}]" if node.brackets is not None else ""
            return text + sup(node.sup)
        case Sum(_, terms):
            return f"(+ {' '.join(sign + show(term) for sign, term in terms)})"
        case Product(_, factors):
            return f"(* {' '.join(sign + show(factor) for sign, factor in factors)})"
        case Quotient(_, top, bottom):
            return f"(/ {show(top)} {show(bottom)})"
        case Group(_, opening, inner):
            return f"{opening}{show(inner)}{CLOSES[opening]}"
        case Raised(_, base, above):
            return f"<{show(base)}>{sup(above)}"
        case Call(_, function, argument):
            return f"{show(function)}<{show(argument)}>"
        case Root(_, inner):
            return f"√<{show(inner)}>"
        case Relation(_, left, sign, right):
            return f"{show(left)} {sign} {show(right)}"
        case Big():
            text = f"{node.op} {','.join(letter for letter, _ in node.letters)}"
            text += f" from {show(node.lower)}" if node.lower else ""
            text += f" to {show(node.upper)}" if node.upper else ""
            text += "".join(f" if {show(c)}" for c in node.conditions)
            return f"({text}: {show(node.body)})"
        case Differential():
            either = f" or {show(node.otherwise)}" if node.otherwise else ""
            direct = " direct" if node.direct else ""
            return f"({node.d} {show(node.body)} by {show(node.wrt)}{either}{direct})"
        case Change(_, of):
            return f"(Δ {show(of)})"
        case Bracketed(_, condition):
            return f"[{show(condition)}]"
        case Cases(_, rows):
            shown = [f"{show(value)} if {show(c) if c else 'else'}" for value, c in rows]
            return f"(cases {'; '.join(shown)})"
        case Dots():
            return "…"
        case Listed(_, items):
            return ", ".join(show(item) for item in items)
        case _:
            raise TypeError(node)


READ = [
    (r"\frac{\partial J}{\partial w_{12}^{(2)}}", "(∂ J by w_12^(2))"),
    (r"\sum_{k=1}^{n} w_{jk}\,a_k^{(l-1)}", "(sum k from 1 to n: (* w_jk a_k^(l-1)))"),
    ("∂J/∂h_1^(3)", "(∂ J by h_1^(3))"),
    ("sum(k: w2[1,k]*a{L-1}[k])", "(sum k: (* w2[1,k] *a{L-1}[k]))"),
]


@pytest.mark.parametrize(("text", "tree"), READ)
def test_what_is_read(text: str, tree: str) -> None:
    assert show(parse_formula(text)) == tree


def test_lines() -> None:
    formulas = parse_formulas("let z = w*x\nso ∂J/∂w = 2*z\n = 2*w*x")
    assert [(line.number, line.let, line.left is None) for line in formulas.lines] == [
        (1, True, False), (2, False, False), (3, False, True),
    ]  # fmt: skip
