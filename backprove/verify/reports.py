"""Verifying what was derived: steps, whole derivations, and a network's gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import NetworkError, expect
from ..expr import Derivative, Expr, Path, Reduce, Ref, Size, part, replaced
from ..network import ADJOINT, Equation, Network, adjoint, expect_network
from ..rewrite import Block, Derivation, Step
from .oracle import SAMPLED, TRIALS, Oracle, Verdict


@dataclass(frozen=True)
class Row:
    """One claim and the oracle's answer to it."""

    what: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """Claims and answers. `ok` where every claim is confirmed, and there is one.

    nothing: there was nothing to claim, as for the gradient of a constant.
    """

    rows: tuple[Row, ...]
    nothing: bool = False

    @property
    def ok(self) -> bool:
        confirmed = all(row.verdict.confirmed for row in self.rows)
        return confirmed and (bool(self.rows) or self.nothing)

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
    expect_network(network)
    expect("gradients", gradients, Mapping, "equations by name: bp.backprop(network).adjoints")
    oracle = oracle or Oracle(network)
    if oracle.components is None:
        oracle = oracle.sampling(_affordable(network, len(gradients)))
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


AFFORDABLE = 12_000_000
"""About how many operations a network's report may take before samples become smaller."""


def _affordable(network: Network, gradients: int) -> int:
    """How many components of each gradient to try: each takes a forward pass of its own."""
    # a size without a number is tried at about 3
    lengths = {name: 3 if length is None else length for name, length in network.sizes.items()}
    one_pass = 0
    for equation in network.equations.values():
        operations = _operations(equation.right, lengths)
        for size in network.quantities[equation.name].shape:
            operations *= lengths.get(size, 3) if isinstance(size, str) else size
        one_pass += operations
    passes = max(1, gradients) * TRIALS * max(1, one_pass) // 2
    return max(2, min(SAMPLED, AFFORDABLE // passes))


def _operations(e: Expr, lengths: Mapping[str, int]) -> int:
    inner = 1 + sum(_operations(child, lengths) for child in e.children)
    if isinstance(e, Reduce):
        return inner * (lengths.get(e.size, 3) if isinstance(e.size, str) else e.size)
    return inner


def verify_derivation(derivation: Derivation, *, oracle: Oracle | None = None) -> Report:
    """Every step, every line and the answer of a derivation.

    A step is compared where it stands, for every value of the letters that are bound around
    it; within a derivative, the whole derivative is compared, since what is held matters
    there. Names that no equation gives (a learning rate) stand for any number.
    """
    expect("a derivation", derivation, Derivation, "bp.derive makes one")
    network = derivation.network
    here = oracle = oracle or Oracle(network)
    lets: dict[str, Expr] = {}
    symbols: set[str] = set()
    rows: list[Row] = []
    for number, block in enumerate(derivation.blocks, 1):
        if block.start is None:
            continue
        new = dict(_lets(block, network))
        free = _symbols(block, network, lets.keys() | new.keys()) - symbols
        if free or not new.items() <= lets.items():  # a later block may use a letter anew
            lets |= new
            symbols |= free
            here = oracle.beside(lets, symbols)
        rows.extend(_block_rows(here, block, f"block {number}", lets, derivation.quantity))
    if derivation.answer is not None:
        true = Derivative(Ref(network.loss), derivation.quantity, True)
        what = f"the answer {adjoint(derivation.quantity)!r}"
        rows.append(Row(what, here.agree(true, derivation.answer)))
    return Report(tuple(rows), nothing=derivation.answer is None)


def verify_step(
    network: Network,
    whole: Expr,
    step: Step,
    *,
    ranges: Mapping[str, Size] | None = None,
    oracle: Oracle | None = None,
) -> Verdict:
    """Whether a step keeps the value: the part of `whole` at its place, before and after.

    ranges: the lengths over which free letters of the whole run, where their use does not tell.
    """
    oracle = oracle or Oracle(network)
    top, bound = _place(whole, step.path)
    after = replaced(whole, step.path, step.after)
    return oracle.agree(part(whole, top), part(after, top), ranges={**(ranges or {}), **bound})


def _block_rows(
    oracle: Oracle, block: Block, name: str, lets: Mapping[str, Expr], quantity: Ref
) -> Iterator[Row]:
    if block.start is None:
        return
    known = [e for e in (block.left, block.start, quantity) if e is not None]
    ranges = oracle.ranges(*known)
    if block.left is not None and not _defines(block, lets):
        verdict = oracle.agree(block.left, block.start, ranges=ranges)
        yield Row(f"{name}: its first line", verdict)
    whole = block.start
    for number, step in enumerate(block.steps, 1):
        if step.before is not step.after:
            what = f"{name}, step {number}: {step.rule}"
            verdict = verify_step(oracle.network, whole, step, ranges=ranges, oracle=oracle)
            yield Row(what, verdict)
        whole = replaced(whole, step.path, step.after)
    previous = block.start
    for number, line in enumerate(block.lines[1:], 2):
        if line.right is not previous:
            verdict = oracle.agree(previous, line.right, ranges=ranges)
            yield Row(f"{name}, line {number}", verdict)
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


def _lets(block: Block, network: Network) -> Iterator[tuple[str, Expr]]:
    """The names that a block introduces, in a `let` or as a new left side."""
    yield from block.lets
    left = block.left
    if not isinstance(left, Ref) or left.indices or block.start is None:
        return
    if left.name.removeprefix(ADJOINT) not in network.quantities:
        yield left.name, block.start


def _defines(block: Block, lets: Mapping[str, Expr]) -> bool:
    return isinstance(block.left, Ref) and lets.get(block.left.name) is block.start


def _symbols(block: Block, network: Network, lets: Iterable[str]) -> frozenset[str]:
    """Names in a block's lines that neither the network nor a let gives."""
    found: set[str] = set()
    for e in (block.left, block.start, *(s.after for s in block.steps)):
        found |= e.names if e is not None else frozenset()
    for _, e in block.lets:
        found |= e.names
    unknown = {n for n in found if n.removeprefix(ADJOINT) not in network.quantities}
    wrong = sorted(n for n in unknown if n.startswith(ADJOINT))
    if wrong:
        raise NetworkError(f"the derivation names {wrong[0]}, but there is no such quantity")
    return frozenset(unknown - set(lets) - network.sizes.keys())
