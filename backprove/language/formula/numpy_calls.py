"""Calls of NumPy in plain text, put as formulas are written: np.outer(d, h) as (d) ⊗ (h).

Tokens in, tokens out. `.T`, `@`, `.dot( )` and np.exp are read without this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..tree import Mistake
from .names import is_called
from .tokens import Kind, Token

TOTAL = "np.sum"
"""The raw text of a sum over all components, which names no index."""

_BETWEEN = {
    "dot": ".", "matmul": ".", "inner": ".", "vdot": ".", "mm": ".", "mv": ".", "outer": "⊗",
    "multiply": "⊙",
}  # fmt: skip
"""Functions of two things, and the sign that stands between these."""

_BEHIND = {"transpose": "T", "square": "2"}
"""Functions of one thing, and what stands above it."""

_SUMS = ("sum",)
_ELSEWHERE = ("max", "min", "norm", "softmax", "diag")
"""Words that the formula's own reader knows."""

_CALLED = ("name", "function", "big")
_MODULE = re.compile(r"(?:np|numpy|torch)\.\Z")
_WRITE = "write it as a formula; check --code judges a backward pass in NumPy by running it"


def respelled(tokens: Sequence[Token], text: str) -> list[Token]:
    """The tokens with calls of NumPy put as formulas. Raises Mistake for one that is not read."""
    found = list(tokens)
    at = len(found) - 2
    while at >= 0:
        if found[at + 1].kind == "open" and found[at + 1].text == "(":
            at = _call(found, at, text)
        at -= 1
    return found


def _call(found: list[Token], at: int, text: str) -> int:
    """Put the call at a place, where it is one, as a formula; how far that leads back."""
    token = found[at]
    name = token.raw or token.text
    close = _close(found, at + 1)
    if close < 0 or name == TOTAL or token.kind not in _CALLED:
        return at
    if _MODULE.search(text, max(0, token.start - 6), token.start):
        parts = _arguments(found, at + 1, close)
        if name in _BETWEEN or name in _BEHIND or name in _SUMS:
            found[at : close + 1] = _written(token, name, parts)
        elif not is_called(name) and name not in _ELSEWHERE:
            raise Mistake(f"np.{name} is not read", token.span, _WRITE)
    elif name in _SUMS and at >= 2 and found[at - 1].text == "." and found[at - 1].kind == "times":
        begin = _operand(found, at - 2)  # (a*b).sum()
        _arguments(found, at + 1, close)
        made = _total(token, found[begin : at - 1])
        found[begin : close + 1] = made
        return begin + len(made) - 1  # what is summed may hold calls itself
    return at


def _close(found: Sequence[Token], opening: int) -> int:
    """Where a bracket closes; -1 where it does not."""
    depth = 0
    for place in range(opening, len(found)):
        depth += {"open": 1, "close": -1}.get(found[place].kind, 0)
        if depth == 0:
            return place
    return -1


def _operand(found: Sequence[Token], last: int) -> int:
    """Where the bracket or the name begins that ends at a place, with what it is a call of."""
    at, depth = last, 0
    while found[at].kind in ("open", "close") or depth:
        depth += {"close": 1, "open": -1}.get(found[at].kind, 0)
        if depth == 0 or at == 0:
            break
        at -= 1
    called = found[at].kind == "open" and at > 0 and found[at - 1].end == found[at].start
    return at - 1 if called and found[at - 1].kind in _CALLED else at


def _arguments(found: Sequence[Token], opening: int, close: int) -> list[list[Token]]:
    """What stands between the commas of a call. Raises Mistake for axis=0 and its like."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found[opening + 1 : close]:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth == 0 and token.text == "=" and token.kind == "relation":
            said = parts[-1][0] if parts[-1] else token
            raise Mistake(
                f"{said.raw or said.text}= is not read: which axis the samples take is not known",
                said.span,
                "write the sum over its index, sum(k: …), or use --code, which runs the code",
            )
        if depth == 0 and token.kind == "comma":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts if parts != [[]] else []


def _written(token: Token, name: str, parts: list[list[Token]]) -> list[Token]:
    wanted = 2 if name in _BETWEEN else 1
    there = sum(map(bool, parts))
    if there != wanted or there != len(parts):
        raise Mistake(
            f"np.{name} takes {wanted} thing{'s' * (wanted > 1)} here, not {there}",
            token.span,
            _WRITE,
        )
    if name in _SUMS:
        return _total(token, parts[0])
    end = parts[-1][-1].end
    made = _grouped(parts[0])
    if name in _BETWEEN:
        start = parts[1][0].start
        made += [Token("times", _BETWEEN[name], start, start), *_grouped(parts[1])]
    else:
        kind: Kind = "name" if name == "transpose" else "number"
        made += [
            Token("sup", "^", end, end), Token("open", "", end, end),
            Token(kind, _BEHIND[name], end, end), Token("close", "", end, end),
        ]  # fmt: skip
    return [Token("open", "(", token.start, token.end), *made, Token("close", ")", end, end + 1)]


def _total(token: Token, inner: list[Token]) -> list[Token]:
    return [token._replace(kind="big", text="sum", raw=TOTAL), *_grouped(inner)]


def _grouped(inner: list[Token]) -> list[Token]:
    start, end = inner[0].start, inner[-1].end
    return [Token("open", "(", start, start), *inner, Token("close", ")", end, end)]


__all__ = ["TOTAL", "respelled"]
