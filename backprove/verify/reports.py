"""Verifying what was derived: steps, whole derivations, and a network's gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import NetworkError
from ..expr import Derivative, Expr, Path, Reduce, Ref, Size, part, replaced
from ..network import ADJOINT, Equation, Network, adjoint
from ..rewrite import Block, Derivation, Step
from .oracle import Oracle, Verdict


@dataclass(frozen=True)
class Row:
    """One claim and the oracle's answer to it."""

    what: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """Claims and answers. `ok` where there is a claim and every one is confirmed."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.verdict.confirmed for row in self.rows)

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The claims that are refuted."""
        return tuple(row for row in self.rows if row.verdict.verdict == "refuted")

    @property
    def open(self) -> tuple[Row, ...]:
        """The claims about which nothing could be told."""
        return tuple(row for row in self.rows if row.verdict.verdict == "undecided")


def verify_network(
    network: Network,
    gradients: Mapping[str, Equation],
    *,
    oracle: Oracle | None = None,
) -> Report:
    """Each gradient equation against the series, for every weight and bias.

    gradients: by quantity, `∂w[i,j] = …` in forward quantities and adjoints. A weight or
    bias without one is an open row; other quantities may be among them.
    """
    oracle = oracle or Oracle(network)
    names = dict.fromkeys([*(q.name for q in network.trained), *gradients])
    rows = []
    for name in names:
        what = f"∂{network.loss}/∂{name}"
        if name not in gradients:
            rows.append(Row(what, Verdict("undecided", 0, 0, 0, "no gradient was given")))
            continue
        equation = gradients[name]
        true = Derivative(
            Ref(network.loss), Ref(name, equation.left.indices), True
        )  # not the adjoint's name: nothing that a caller gives can stand in for it
        rows.append(Row(what, oracle.agree(true, equation.right)))
    return Report(tuple(rows))


def verify_derivation(derivation: Derivation, *, oracle: Oracle | None = None) -> Report:
    """Every step, every line and the answer of a derivation.

    A step is compared where it stands, for every value of the letters that are bound around
    it; within a derivative, the whole derivative is compared, since what is held matters
    there. Names that no equation gives (a learning rate) stand for any number.
    """
    network = derivation.network
    lets = dict(_lets(derivation))
    if oracle is None:
        oracle = Oracle(network, lets=lets, symbols=_symbols(derivation, lets))
    rows: list[Row] = []
    for number, block in enumerate(derivation.blocks, 1):
        rows.extend(_block_rows(oracle, block, f"block {number}", lets))
    gradient = adjoint(derivation.quantity)
    true = Derivative(Ref(network.loss), derivation.quantity, True)
    rows.append(Row(f"the answer {gradient!r}", oracle.agree(true, derivation.answer)))
    return Report(tuple(rows))


def verify_step(
    network: Network, whole: Expr, step: Step, *, oracle: Oracle | None = None
) -> Verdict:
    """Whether a step keeps the value: the part of `whole` at its place, before and after."""
    oracle = oracle or Oracle(network)
    top, ranges = _place(whole, step.path)
    after = replaced(whole, step.path, step.after)
    return oracle.agree(part(whole, top), part(after, top), ranges=ranges)


def _block_rows(oracle: Oracle, block: Block, name: str, lets: Mapping[str, Expr]) -> Iterator[Row]:
    if block.start is None:
        return
    if block.left is not None and not _defines(block, lets):
        yield Row(f"{name}: its first line", oracle.agree(block.left, block.start))
    whole = block.start
    for number, step in enumerate(block.steps, 1):
        if step.before is not step.after:
            what = f"{name}, step {number}: {step.rule}"
            yield Row(what, verify_step(oracle.network, whole, step, oracle=oracle))
        whole = replaced(whole, step.path, step.after)
    previous = block.start
    for number, line in enumerate(block.lines[1:], 2):
        if line.right is not previous:
            yield Row(f"{name}, line {number}", oracle.agree(previous, line.right))
        previous = line.right


def _place(whole: Expr, path: Path) -> tuple[Path, dict[str, Size]]:
    """Where to compare, and the sizes of the letters bound around it: at the path, or at the
    outermost derivative on the way."""
    ranges: dict[str, Size] = {}
    node = whole
    for depth, child in enumerate(path):
        if isinstance(node, Derivative):
            return path[:depth], ranges
        if isinstance(node, Reduce):
            ranges[node.index] = node.size
        node = node.children[child]
    return path, ranges


# -- names that a derivation brings --------------------------------------------------------


def _lets(derivation: Derivation) -> Iterator[tuple[str, Expr]]:
    """The names that `let` steps and the left sides of blocks define."""
    known = derivation.network.quantities
    for block in derivation.blocks:
        left = block.left
        if isinstance(left, Ref) and _new(left, known) and block.start is not None:
            yield left.name, block.start
        for step in block.steps:
            for one, other in step.law if step.rule == "let" else ():
                if isinstance(one, Ref) and _new(one, known):
                    yield one.name, other


def _new(ref: Ref, known: Iterable[str]) -> bool:
    return not ref.indices and ref.name.removeprefix(ADJOINT) not in known


def _defines(block: Block, lets: Mapping[str, Expr]) -> bool:
    return isinstance(block.left, Ref) and lets.get(block.left.name) is block.start


def _symbols(derivation: Derivation, lets: Mapping[str, Expr]) -> frozenset[str]:
    """Names in the lines that neither the network nor a let gives."""
    network = derivation.network
    found: set[str] = set()
    for block in derivation.blocks:
        for e in (block.left, block.start, *(s.after for s in block.steps)):
            found |= e.names if e is not None else frozenset()
    unknown = {n for n in found if n.removeprefix(ADJOINT) not in network.quantities}
    wrong = sorted(n for n in unknown if n.startswith(ADJOINT))
    if wrong:
        raise NetworkError(f"the derivation names {wrong[0]}, but there is no such quantity")
    return frozenset(unknown - lets.keys() - network.sizes.keys())
