"""The `chain` style: the chain of named factors, each factor on its own, then the product.

∂J/∂w = ∂J/∂h · ∂h/∂z · ∂z/∂w, with a sum over the paths where several lead to the loss. Where
the paths are too many to be written side by side, the derivative of the loss in a quantity
where they part is kept as one factor and gets a chain of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..adjoints import shorten, summed, ways
from ..expr import (
    ONE,
    ZERO,
    Add,
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
from ..network import TRAINED, Network, adjoint, quantity_of
from ..rewrite import Block, Recorder, Rule, Sentence
from ..roles import roles
from ..rules import FOLDING, TIDY, Scope, algebra, definitions, delta, refs
from ..rules import derivative as d
from .parts import parts
from .stages import Stage, adjoints_in, gradient, run

MOST_FACTORS = 24
"""Chains of up to this many factors are written with all their paths."""

MOST_QUOTED = 4
"""The number of terms by which one quantity enters another that are all quoted."""

MOST_NAMED = 12
"""The number of quantities between two that are all named in a sentence."""

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
        Block(_path_title(network, q), gradient(network, q), start, before=_paths(scope, start, q))
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

    Only where it is one: a chain of single quantities that end in weights, with nothing else
    that is trained on the way.
    """
    loss = Ref(network.loss)
    first = network.definition(loss)
    summed_up = isinstance(first, Reduce) and first.op == "sum" and isinstance(first.body, Ref)
    here = first.body if isinstance(first, Reduce) and isinstance(first.body, Ref) else loss
    if here.name not in network.equations:
        return
    functions = [here]
    words: list[Sentence] = [(loss, " = ", first)] if summed_up else []
    while not _weights(network, functions[-1], here):
        used = _distinct(network.definition(functions[-1]))
        computed = [r for r in used if r.name in network.equations]
        held = [r for r in used if network[r.name].kind == "target"]
        if len(computed) != 1 or len(computed) + len(held) < len(used):
            return
        if computed[0].free - here.free:
            return
        aside: Sentence = (
            "; it depends on ", *d.listed(held), " too, which is given: a parameter that helps"
            " define the function",
        ) if held else ()  # fmt: skip
        words.append((functions[-1], " is a function of ", computed[0], *aside))
        functions.append(computed[0])
    weights = _weights(network, functions[-1], here)
    if len(functions) < 3:
        return
    whole = any(len(w.indices) < len(network[w.name].shape) for w in weights)
    many = "s " if len(weights) > 1 or whole else " "
    words.append((functions[-1], " is a function of the weight", many, *d.listed(weights)))
    nested: list[str | Expr] = [here, " = "]
    for function in functions:
        nested.extend((function, "("))
    nested.extend((*d.listed(weights), ")" * len(functions)))
    words.append(tuple(nested))
    if summed_up:
        words.append((loss, ", the sum of these, is a composition of functions too: the chain rule"
                      " differentiates it"))  # fmt: skip
    yield Block(("The loss as a composition of functions",), before=tuple(words))


def _distinct(e: Expr) -> list[Ref]:
    return list(dict.fromkeys(refs(e)))


def _weights(network: Network, q: Ref, here: Ref) -> list[Ref]:
    """What is trained in the equation of `q`, without the letters that are summed over."""
    return list(dict.fromkeys(
        Ref(r.name, tuple(i for i in r.indices if isinstance(i, int) or i in here.free))
        for r in refs(network.definition(q)) if network[r.name].kind in TRAINED
    ))  # fmt: skip


def _path_title(network: Network, q: Ref) -> Sentence:
    return ("The chain from ", q, " to ", Ref(network.loss))


def _paths(scope: Scope, start: Expr, q: Ref) -> tuple[Sentence, ...]:
    """In words: w enters z, z enters h, h enters J."""
    if start is ZERO:
        return ()
    network = scope.network
    uses = {(factor.wrt, factor.body): factor for factor in _factors(start)}
    order: list[Sentence] = []
    reached: list[Expr] = [q]
    for here in reached:
        targets = [b for a, b in uses if a is here]
        if targets:
            quoted = [(b, *_times(_terms(scope, uses[here, b]))) for b in targets]
            order.append((here, " enters ", *d.joined(quoted)))
            reached.extend(t for t in targets if t not in reached)
    joined: list[str | Expr] = []
    for position, sentence in enumerate(order):
        joined.extend(("; ",) if position else ())
        joined.extend(sentence)
    parted = [quantity_of(name) for name in adjoints_in(start)]
    goal = Ref(network.loss)
    if goal not in reached:
        reached.append(goal)
    return (_named_roles(network, reached), (*joined, "."), *_onward(network, parted), (
        "A small change of ", q, " is passed on from one to the next, each time multiplied by the"
        " derivative of that step alone: so the derivatives of the steps multiply, and where"
        " several paths lead to ", Ref(network.loss), ", what arrives along them adds up. This is"
        " the chain rule.",
    ))  # fmt: skip


def _terms(scope: Scope, factor: Derivative) -> tuple[Expr, ...]:
    """The terms by which a quantity enters another, each a path of its own: p = u*z + v*z."""
    q = factor.wrt
    assert isinstance(factor.body, Ref)
    assert isinstance(q, Ref)
    found = parts(scope.network.definition(factor.body), q.name)
    if len(found) < 2:
        return found
    related = (
        tuple(term for term in (part.terms if isinstance(part, Add) else (part,))
              if scope.depends(term, q, False))
        for part in found
    )  # fmt: skip
    return tuple(total(terms) for terms in related if terms)


def _times(terms: Sequence[Expr]) -> Sentence:
    """In words: by which terms a quantity enters, where they are several."""
    if len(terms) < 2:
        return ()
    often = "twice" if len(terms) == 2 else f"{len(terms)} times"
    told = len(set(terms)) == len(terms) <= MOST_QUOTED
    quoted: Sentence = (": by ", *d.listed(terms)) if told else ()
    return (f" ({often}", *quoted, ")")


def _onward(network: Network, parted: list[Ref]) -> Iterator[Sentence]:
    """In words: what lies between the quantities at which a chain is cut and the loss."""
    if not parted:
        return
    steps = _steps(network)
    between = {c for here in parted for c in network.influenced_by(here.name)} & steps.keys()
    between -= {network.loss, *(here.name for here in parted)}
    names = [Ref(n) for n in network.equations if n in between and not network[n].hidden]
    lengths = {length for here in parted for length in steps[here.name]}
    few, most = min(lengths), max(lengths)
    number = f"{most}" if few == most else f"{few} to {most}"
    adjoints = [adjoint(here) for here in parted]
    through: Sentence = (", through ", *_shortened(names)) if names else ()
    one = len(adjoints) == 1
    yield (
        "From ", *d.listed(parted), " several paths lead on to ", Ref(network.loss), *through,
        f": {number} more factor{'s' if most > 1 else ''} on each. What arrives along all of them"
        " is ", *d.listed(adjoints), ", here one factor that has a chain of its own below, down to"
        if one else ", here factors that have chains of their own below, down to", " ",
        Ref(network.loss), ".",
    )  # fmt: skip


def _steps(network: Network) -> dict[str, set[int]]:
    """Quantity → the numbers of steps in which it reaches the loss."""
    steps: dict[str, set[int]] = {network.loss: {0}}
    order = [*network.equations]
    for name in (*reversed(order), *network.quantities):
        users = [user for user in network.consumers[name] if user in steps]
        if users and name not in steps:
            steps[name] = {1 + length for user in users for length in steps[user]}
    return steps


def _shortened(names: list[Ref]) -> Sentence:
    """All names, or the first and the last of many."""
    if len(names) <= MOST_NAMED:
        return d.listed(names)
    half = MOST_NAMED // 2
    return (*_commas(names[:half]), ", …, ", *_commas(names[-half:]))


def _commas(names: list[Ref]) -> Sentence:
    return tuple(w for at, name in enumerate(names) for w in ((", ", name) if at else (name,)))


def _named_roles(network: Network, reached: list[Expr]) -> Sentence:
    """What each quantity on the way is: J the loss, h_1 the output, z_1 its weighted input."""
    found = roles(network)
    words: list[str | Expr] = []
    for ref in reversed(reached):
        kind = found[ref.name].kind if isinstance(ref, Ref) else "quantity"
        if kind != "quantity":
            words.extend((", " if words else "", ref, f" is {_ARTICLE.get(kind, 'the')} {kind}"))
    return (*(w for w in words if w != ""), ".") if words else ()


_ARTICLE = {"weight": "a", "bias": "a", "input": "an", "activation": "an", "weighted input": "a",
            "dot product": "a", "difference": "a", "loss term": "a", "output": "an"}  # fmt: skip


def factor_block(scope: Scope, factor: Derivative, stages: tuple[Stage, ...]) -> Block:
    """One local derivative, from the definition to its value."""
    assert isinstance(factor.body, Ref)
    definition = scope.network.definition(factor.body)
    recorder: Recorder[Scope] = Recorder(Derivative(definition, factor.wrt, False), scope)
    run(recorder, stages)
    title = ("The factor ", factor, ": recall ", factor.body, " = ", definition)
    return replace(recorder.block(factor, title), before=_several(scope, factor))


def _several(scope: Scope, factor: Derivative) -> tuple[Sentence, ...]:
    """In words: that a factor sums over the paths by several terms of one equation."""
    terms = _terms(scope, factor)
    if len(terms) < 2:
        return ()
    return ((
        factor.wrt, f" stands in {len(terms)} terms, and each makes a path of its own to ",
        factor.body, ": this factor is what is passed on along all of them, added up.",
    ),)  # fmt: skip


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
