"""How an explanation is put: like what the reader wrote, and short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ...expr import Apply, Derivative, Expr, Ref, walk
from ...network import Network
from ...rewrite import Sentence, rewritten
from ...rules import FOLDING, Scope

LONGEST = 40
"""Characters of the longest part that is quoted."""


def likeness(e: Expr, activations: Mapping[tuple[str, str], str]) -> Counter[str]:
    """The names and functions in an expression, as often as they occur.

    activations: by function and argument the name that σ(z) has, and is counted as.
    """
    found: Counter[str] = Counter()
    stack = [e]
    while stack:
        node = stack.pop()
        if isinstance(node, Apply) and isinstance(node.argument, Ref):
            name = activations.get((node.function, node.argument.name))
            if name is not None:
                found[name] += 1
                continue
        if isinstance(node, Apply):
            found[node.function] += 1
        elif isinstance(node, Ref):
            found[node.name] += 1
        stack.extend(node.children)
    return found


class Likeness:
    """How much expressions look like an answer."""

    def __init__(self, answer: Expr, network: Network) -> None:
        named = {
            (equation.right.function, equation.right.argument.name): equation.name
            for equation in network.equations.values()
            if isinstance(equation.right, Apply) and isinstance(equation.right.argument, Ref)
        }
        self._answers = [(table, likeness(answer, table)) for table in ({}, named)]

    def distance(self, e: Expr) -> int:
        """How many names and functions occur in one of both alone, as they are written, and
        once more with σ(z) as h: (a - y) a x is nearer to one without 1 - a than to one with
        σ(z) for σ'(z), and both are nearer than one that holds other names."""
        found = 0
        for named, answer in self._answers:
            mine = likeness(e, named)
            found += (mine - answer).total() + (answer - mine).total()
        return found


def functions_of(*expressions: Expr) -> set[str]:
    """The functions that are applied, a derivative as its function."""
    return {
        node.function.removesuffix("'")
        for e in expressions
        for node in walk(e)
        if isinstance(node, Apply)
    }


def in_letters(says: Sentence, answer: Expr, scope: Scope) -> Sentence:
    """A sentence with σ(z) as h, where the reader wrote h and applied no function."""
    if any(isinstance(node, Apply) for node in walk(answer)):
        return says
    words: list[str | Expr] = []
    for word in says:
        named = bool(words) and words[-1] == "the derivative of "
        if isinstance(word, Expr) and not named:
            folded = rewritten(word, FOLDING, scope, set())
            word = folded if folded.names <= answer.names else word
        words.append(word)
    return tuple(words)


def shortened(says: Sentence, local: Mapping[Expr, Derivative]) -> Sentence:
    """A sentence that quotes no long part: a local derivative is named, of two parts that are
    alike only what differs is quoted, and of anything else is said what it is.
    """
    words = list(_differing(says))
    for n, word in enumerate(words):
        if isinstance(word, str) or len(repr(word)) <= LONGEST:
            continue
        if word in local:
            words[n] = local[word]
            continue
        before = words[n - 1] if n else ""
        assert isinstance(before, str)
        for noun in ("term", "factor"):
            if before.endswith(f"the {noun} "):
                words[n - 1] = before.removesuffix(f"the {noun} ")
                words[n] = f"a {noun}"
                break
        else:
            words[n] = "one of them" if before.endswith(" only ") else "an expression"
    return tuple(word for word in words if word != "")


def _differing(says: Sentence) -> Sentence:
    """`u stands where v belongs`: the parts of u and v that differ, where these are long."""
    if len(says) < 3 or says[1] != " stands where ":
        return says
    new, _, old, *rest = says
    if not isinstance(new, Expr) or not isinstance(old, Expr):
        return says
    while max(len(repr(new)), len(repr(old))) > LONGEST:
        if type(new) is not type(old) or len(new.children) != len(old.children):
            break
        pairs = zip(new.children, old.children, strict=True)
        different = next(((a, b) for a, b in pairs if a is not b), None)
        if different is None:
            break
        new, old = different
    return (new, " stands where ", old, *rest)


__all__ = ["Likeness", "functions_of", "in_letters", "shortened"]
