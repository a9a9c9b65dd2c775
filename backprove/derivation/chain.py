"""The `chain` style: the chain of named factors, each factor on its own, then the product.

∂J/∂w = ∂J/∂h · ∂h/∂z · ∂z/∂w, with a sum over the paths where several lead to the loss. Where
the paths are too many to be written side by side, the derivative of the loss in a quantity
where they part is kept as one factor and gets a chain of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..adjoints import shorten, summed, ways
from ..expr import (
    ONE,
    ZERO,
    Derivative,
    Expr,
    Reduce,
    Ref,
    flat_factors,
    mapped,
    product,
    total,
    walk,
)
from ..network import Network, adjoint, quantity_of
from ..rewrite import Block, Recorder, Rule, Sentence
from ..rules import FOLDING, TIDY, Scope, algebra, definitions, delta, refs
from ..rules import derivative as d
from .stages import Stage, gradient, run

MOST_FACTORS = 24
"""Chains of up to this many factors are written with all their paths."""

FACTOR: tuple[Stage, ...] = (
    Stage((d.SUM, d.SUM_OVER), outermost=True),
    Stage((d.CONSTANT, d.NO_PATH, d.CONSTANT_FACTOR)),
    Stage((d.POWER, d.FUNCTION, d.EXPONENTIAL, d.MAXIMUM, d.POSITION)),
    Stage((d.ITSELF,), TIDY),
    Stage((d.PRODUCT,)),
    Stage(TIDY),
    Stage((definitions.DERIVATIVE_OF_FUNCTION,)),
    Stage(FOLDING),
)
"""One factor: put the definition in, sum rule, the unrelated terms 0, what is left."""

WRITTEN: tuple[Stage, ...] = (Stage((delta.WRITTEN,), (algebra.FLAT,)), *FACTOR)
"""The same with small sums written out first."""


@dataclass
class Chains:
    """The chains from a quantity to the loss, and the quantities at which they are cut."""

    network: Network
    scope: Scope
    write_out: bool
    cut: bool = False
    waiting: dict[Ref, None] = field(default_factory=dict)

    def factors(self, q: Ref, limit: int) -> int:
        """How many factors the chain written in full would have, counted up to a limit."""
        if q.name == self.network.loss:
            return 0
        count = 0
        for link in ways(self.scope, q, self.write_out):
            count += 1 + self.factors(link.consumer, limit - count)
            if count > limit:
                break
        return count

    def chain(self, q: Ref, taken: frozenset[str] = frozenset(), first: bool = True) -> Expr:
        """∂loss/∂q as a product of local factors, summed over paths."""
        if q.name == self.network.loss:
            return ONE
        taken |= q.free
        through = ways(self.scope, q, self.write_out, taken)
        if self.cut and not first and (len(through) > 1 or any(lk.summed for lk in through)):
            name = adjoint(q)
            self.waiting.setdefault(name)
            return name
        terms = []
        for link in through:
            rest = self.chain(link.consumer, taken | link.consumer.free, first=False)
            factors = () if rest is ONE else flat_factors(rest)
            term = product((*factors, Derivative(link.consumer, q, False)))
            terms.append(summed(link, term))
        return total(tuple(terms))


def chain_style(network: Network, q: Ref, zoom: str) -> tuple[tuple[Block, ...], Expr]:
    """The blocks of the chain style and the answer."""
    write_out = zoom == "scalar"
    scope = Scope(network)
    chains = Chains(network, scope, write_out)
    chains.cut = chains.factors(q, MOST_FACTORS) > MOST_FACTORS
    start = chains.chain(q)
    blocks = list(_composition(network))
    blocks.append(
        Block(_path_title(network, q), gradient(network, q), start, before=_paths(start, q))
    )
    made: dict[Expr, Expr] = {}
    shown: set[Expr] = set()
    goals: list[tuple[Ref, Expr]] = [(q, start)]
    done: set[Ref] = {adjoint(q)}
    while fresh := [name for name in chains.waiting if name not in done]:
        for name in fresh:
            done.add(name)
            here = quantity_of(name)
            chain = chains.chain(here)
            goals.append((here, chain))
            blocks.append(Block(("The paths part at ", here), gradient(network, here), chain))
    for _, chain in goals:
        for factor in _factors(chain):
            if factor not in made:
                block = factor_block(scope, factor, WRITTEN if write_out else FACTOR)
                pattern = mapped(factor, _general)
                if pattern in shown:
                    block = replace(block, title=("Likewise ", factor), breaks=())
                shown.add(pattern)
                blocks.append(block)
                end = block.end
                assert end is not None
                made[factor] = end
    answer: Expr = ZERO
    for here, chain in reversed(goals):
        block = _product_block(network, scope, here, chain, made)
        blocks.append(block)
        assert block.end is not None
        answer = block.end
    return tuple(blocks), answer


def _general(e: Expr) -> Expr | None:
    """The quantity without its positions: factors alike in this are derived alike."""
    return Ref(e.name) if isinstance(e, Ref) else None


def _factors(chain: Expr) -> list[Derivative]:
    return [node for node in walk(chain) if isinstance(node, Derivative)]


def _composition(network: Network) -> Iterator[Block]:
    """The loss as a composition of functions: C_0j(a_j(z_j(w_j))), summed over the nodes j.

    Nothing where the loss is not a chain of single quantities down to a weighted sum.
    """
    loss = Ref(network.loss)
    first = network.definition(loss)
    summed_up = isinstance(first, Reduce) and first.op == "sum" and isinstance(first.body, Ref)
    here = first.body if isinstance(first, Reduce) and isinstance(first.body, Ref) else loss
    functions = [here]
    words: list[Sentence] = [(loss, " = ", first)] if summed_up else []
    while True:
        definition = network.definition(functions[-1])
        used = dict.fromkeys(r for r in refs(definition) if r.name in network.equations)
        inner = next(iter(used)) if len(used) == 1 else None
        if inner is None or inner.free - here.free:
            break
        held = [r for r in dict.fromkeys(refs(definition)) if network[r.name].kind == "target"]
        aside: Sentence = (
            "; it depends on ", *d.listed(held), " too, which is a constant: a parameter that"
            " helps define the function",
        ) if held else ()  # fmt: skip
        words.append((functions[-1], " is a function of ", inner, *aside))
        functions.append(inner)
    weights = dict.fromkeys(
        Ref(r.name, tuple(i for i in r.indices if isinstance(i, int) or i in here.free))
        for r in refs(network.definition(functions[-1]))
        if network[r.name].kind == "weight"
    )
    if len(functions) < 3 or not weights:
        return
    words.append((functions[-1], " is a function of the weights ", *d.listed(list(weights))))
    nested: list[str | Expr] = [here, " = "]
    for function in functions:
        nested.extend((function, "("))
    nested.extend((*d.listed(list(weights)), ")" * len(functions)))
    words.append(tuple(nested))
    if summed_up:
        words.append((loss, ", the sum of these, is a composition of functions too: the chain rule"
                      " differentiates it"))  # fmt: skip
    yield Block(("The loss as a composition of functions",), before=tuple(words))


def _path_title(network: Network, q: Ref) -> Sentence:
    return ("The chain from ", q, " to ", Ref(network.loss))


def _paths(start: Expr, q: Ref) -> tuple[Sentence, ...]:
    """In words: w enters z, z enters h, h enters J."""
    if start is ZERO:
        return ()
    uses = {(factor.wrt, factor.body): None for factor in _factors(start)}
    order: list[Sentence] = []
    reached: list[Expr] = [q]
    for here in reached:
        targets = [b for a, b in uses if a is here]
        if targets:
            order.append((here, " enters ", *d.listed(targets)))
            reached.extend(t for t in targets if t not in reached)
    joined: list[str | Expr] = []
    for position, sentence in enumerate(order):
        joined.extend(("; ",) if position else ())
        joined.extend(sentence)
    return ((*joined, "."),)


def factor_block(scope: Scope, factor: Derivative, stages: tuple[Stage, ...]) -> Block:
    """One local derivative, from the definition to its value."""
    assert isinstance(factor.body, Ref)
    definition = scope.network.definition(factor.body)
    recorder: Recorder[Scope] = Recorder(Derivative(definition, factor.wrt, False), scope)
    run(recorder, stages)
    title = ("The factor ", factor, ": recall ", factor.body, " = ", definition)
    return recorder.block(factor, title)


def _product_block(
    network: Network, scope: Scope, q: Ref, chain: Expr, made: dict[Expr, Expr]
) -> Block:
    recorder: Recorder[Scope] = Recorder(chain, scope)

    def value(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
        """A factor takes the value found for it."""
        return (made[e], (e, " = ", made[e])) if e in made else None

    recorder.once((Rule("put in", ((Ref("q"), Ref("E")),), value, "q = E"),))
    recorder.line()
    recorder.sweep((*TIDY, algebra.COLLECT), set())
    recorder.line()
    recorder.sweep(FOLDING, set())
    recorder.line()
    shorten(recorder)
    return recorder.block(gradient(network, q), ("The product of the factors",))
