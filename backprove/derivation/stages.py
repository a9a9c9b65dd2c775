"""A style is a table: which rules come first, and which join into one printed line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..adjoints import letters
from ..errors import DerivationError
from ..expr import Apply, Derivative, Expr, Index, Ref, Size, plain, walk
from ..network import ADJOINT, Network
from ..rewrite import Block, Recorder, Rule, Sentence
from ..rules import Scope

MOST_STEPS = 4_000
"""A derivation with more steps than this is not read by anybody."""


@dataclass(frozen=True)
class Stage:
    """Rules that make one printed line.

    rules: applied wherever they fit. tidy: applied afterwards, on the same line.
    outermost: the rules are applied once at each outermost place, not until none fits.
    """

    rules: tuple[Rule[Scope], ...]
    tidy: tuple[Rule[Scope], ...] = ()
    outermost: bool = False


def run(recorder: Recorder[Scope], stages: Sequence[Stage]) -> None:
    """Apply the first stage that fits, print a line, and begin again, until none fits."""
    quiet: list[tuple[set[Expr], set[Expr]]] = [(set(), set()) for _ in stages]
    while True:
        for stage, (calm, tidy) in zip(stages, quiet, strict=True):
            if stage.outermost:
                done = recorder.once(stage.rules)
            else:
                done = recorder.sweep(stage.rules, calm)
            if done:
                recorder.sweep(stage.tidy, tidy)
                recorder.line()
                break
        else:
            return
        if len(recorder.steps) > MOST_STEPS:
            raise DerivationError(
                f"this derivation takes more than {MOST_STEPS:,} steps",
                "ask for the `dynamic` style, or for the index zoom",
            )


def asked(network: Network, text: str | Ref) -> Ref:
    """The component that a reader asks for: `w2[1,2]`, `w2[i,j]`, or `w2` for all of it.

    Raises DerivationError with a suggestion for unknown names, wrong ranks and positions.
    """
    if isinstance(text, Ref):
        name, indices = text.name, text.indices
    else:
        found = re.fullmatch(r"\s*([^\[\]\s]+?)\s*(?:\[([^\[\]]*)\])?\s*", text)
        if not found:
            raise DerivationError(f"cannot read the quantity {text!r}", "write w2[1,2] or w2")
        name = found[1]
        indices = _indices(found[2], text) if found[2] is not None else ()
    if name not in network.quantities:
        known = [n for n, q in network.quantities.items() if not q.hidden]
        close = get_close_matches(name, known, 1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known[:20])}"
        raise DerivationError(f"there is no quantity named {name}", hint)
    shape = network[name].shape
    if not indices:
        indices = letters(network, name)
    if len(indices) != len(shape):
        form = f"{name}[{','.join(letters(network, name))}]" if shape else name
        raise DerivationError(
            f"{name} has {_counted(len(shape))}, not {len(indices)}", f"write {form}"
        )
    for index, size in zip(indices, shape, strict=True):
        length = network.length(size)
        if isinstance(index, int) and (index < 1 or (length is not None and index > length)):
            reach = f"1 to {length}" if length is not None else "1 upwards"
            raise DerivationError(
                f"the index {index} of {plain(Ref(name, indices))} is out of range",
                f"positions run from {reach}",
            )
    return Ref(name, indices)


def _counted(rank: int) -> str:
    return "no index" if rank == 0 else "1 index" if rank == 1 else f"{rank} indices"


def _indices(inside: str, text: str) -> tuple[Index, ...]:
    found: list[Index] = []
    for piece in inside.split(","):
        word = piece.strip()
        if word.isdecimal() and len(word) < 10:
            found.append(int(word))
        elif word.isidentifier():
            found.append(word)
        else:
            raise DerivationError(f"cannot read the index {word!r} in {text!r}", "write w2[1,2]")
    return tuple(found)


def ranges(network: Network, q: Ref) -> dict[str, Size]:
    """The sizes over which the letters of `q` run."""
    shape = network[q.name].shape
    return {i: n for i, n in zip(q.indices, shape, strict=True) if isinstance(i, str)}


def gradient(network: Network, q: Ref) -> Derivative:
    """∂loss/∂q as it is asked for."""
    return Derivative(Ref(network.loss), q, True)


def remarks(network: Network, blocks: Sequence[Block]) -> Iterator[Sentence]:
    """What is taken where a function of this derivation has no derivative, or is not defined."""
    seen: set[str] = set()
    for block in blocks:
        for e in (block.start, *(s.after for s in block.steps)):
            if e is None:
                continue
            for node in walk(e):
                if isinstance(node, Apply) and node.function.rstrip("'") not in seen:
                    seen.add(node.function.rstrip("'"))
    # what only derivatives bring in (the step of relu') is covered by the function's own note
    used = {
        node.function
        for equation in network.equations.values()
        for node in walk(equation.right)
        if isinstance(node, Apply)
    }
    for name in sorted(seen & used):
        row = network.functions.get(name)
        for kink in row.kinks if row else ():
            yield (f"{name} is not differentiable at {kink.at}: {kink.says}.",)


def adjoints_in(e: Expr) -> list[Ref]:
    """The adjoints that occur in `e`, each once, in order."""
    found = {n: None for n in walk(e) if isinstance(n, Ref) and n.name.startswith(ADJOINT)}
    return list(found)


def quantity_of(adjoint: Ref) -> Ref:
    """The quantity of an adjoint."""
    return Ref(adjoint.name[len(ADJOINT) :], adjoint.indices)
