"""A style is a table: which rules come first, and which join into one printed line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import DerivationError
from ..expr import Apply, Derivative, Expr, Ref, count, walk
from ..language import reference
from ..network import Network, is_adjoint
from ..rewrite import Block, Recorder, Rule, Sentence
from ..rules import Scope, algebra

MOST_STEPS = 4_000
MOST_NODES = 10_000
"""A derivation with more steps, or with longer lines, is not read by anybody."""


@dataclass(frozen=True)
class Stage:
    """Rules that make one printed line.

    rules: applied wherever they fit. tidy: applied afterwards, on the same line.
    outermost: the rules are applied once at each outermost place, not until none fits.
    """

    rules: tuple[Rule[Scope], ...]
    tidy: tuple[Rule[Scope], ...] = ()
    outermost: bool = False


FLAT = (algebra.FLAT,)
"""The tidying of lines whose zeros, ones and signs are still to be shown."""


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
        if len(recorder.steps) > MOST_STEPS or count(recorder.now) > MOST_NODES:
            raise DerivationError(
                "this derivation would be too long to read: more than"
                f" {MOST_STEPS:,} steps, or a line of more than {MOST_NODES:,} symbols",
                "ask for the `dynamic` style, or for the index zoom; or name parts of the"
                " equations, so that each has a derivative of its own",
            )


def asked(network: Network, question: str | Ref) -> Ref:
    """The component that a reader asks for: `w2[1,2]`, `w2[i,j]`, or `w2` for all of it.

    Raises SourceError with a suggestion for unknown names, wrong ranks and positions.
    """
    if isinstance(question, str):
        return reference(question, network)
    shape = network[question.name].shape
    lengths = [network.length(size) for size in shape]
    fits = len(shape) == len(question.indices) and all(
        isinstance(i, str) or (i >= 1 and (n is None or i <= n))
        for i, n in zip(question.indices, lengths, strict=False)
    )
    if not fits:
        raise DerivationError(f"{question} is no component of {question.name}{list(shape)}")
    return question


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
        if isinstance(node, Apply) and node.argument.names  # of a number, nothing moves
    }
    for name in sorted(seen & used):
        row = network.functions.get(name)
        for kink in row.kinks if row else ():
            if kink.taken is None:
                yield (f"{kink.says}.",)
            else:
                yield (f"{name} is not differentiable at {kink.at}: {kink.says}.",)


def adjoints_in(e: Expr) -> list[Ref]:
    """The adjoints that occur in `e`, each once, in order."""
    found = {n: None for n in walk(e) if isinstance(n, Ref) and is_adjoint(n)}
    return list(found)
