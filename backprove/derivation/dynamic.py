"""The `dynamic` style: v by v from the loss back, each named once and reused.

v at a quantity is its adjoint: the sum over its right neighbours of their v times the local
derivative. A weight's gradient is v times the weight's input. The last weight of each layer
is unfolded one definition at a time, until the factor that does not depend on which weight
was asked for can be put in brackets and named; every other weight uses the name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..adjoints import Link, chain_sum, reading_cost, shorten, summed, ways
from ..expr import (
    ONE,
    Derivative,
    Expr,
    Mul,
    Ref,
    canonical,
    flat_factors,
    total,
)
from ..network import Network, adjoint, is_adjoint, quantity_of
from ..rewrite import Block, Recorder, Rule, Sentence, places, rewritten
from ..rules import (
    DIFFERENTIATION,
    EXPANDING,
    FOLDING,
    MULTIPLYING_OUT,
    TIDY,
    Scope,
    algebra,
    definitions,
    delta,
)
from ..rules import derivative as d
from .stages import FLAT, Stage, adjoints_in, gradient, run

# brackets that show where a v ends are kept
GENTLE = tuple(
    rule for rule in TIDY if rule not in (algebra.FLAT, algebra.SIGNS, algebra.SUM_SIGNS)
)
LOCAL = (*DIFFERENTIATION, *TIDY)


def _is_local(e: Expr) -> bool:
    return isinstance(e, Derivative) and not e.total


def _only_local(rule: Rule[Scope]) -> Rule[Scope]:
    """The rule for the factors of a chain alone."""
    return replace(rule, apply=lambda e, s: rule.apply(e, s) if _is_local(e) else None)


LOCAL_VALUE = Stage(
    (
        *(_only_local(rule) for rule in DIFFERENTIATION if rule is not definitions.UNFOLD),
        algebra.ZERO_RULE,
        delta.EVALUATE,
        delta.SIFT,
        algebra.TRIVIAL_POWER,
    ),
    FLAT,
)
"""A factor ∂F/∂q of the chain rule, worked out but not tidied: 2 q / 2."""

UNFOLDING: tuple[Stage, ...] = (
    Stage((d.REMOVE,), outermost=True),
    Stage((d.ITSELF,), TIDY),
    Stage((d.FUNCTION,), FLAT),
    Stage((d.CHAIN,), FLAT),
    Stage((algebra.NUMBERS, algebra.ONE_RULE), FLAT),
    Stage((d.SUM, d.SUM_OVER), outermost=True),
    Stage((d.CONSTANT_FACTOR,), FLAT),
    Stage((d.PRODUCT, d.POWER, d.MAXIMUM, d.EXPONENTIAL, d.POSITION), FLAT),
    Stage(TIDY),
    Stage((algebra.COMMON_FACTOR,)),
    Stage((definitions.UNFOLD,), outermost=True),
)
"""The order of the source: remove what is not related, chain rule, unfold one definition."""

LOSS: tuple[Stage, ...] = (
    Stage((d.REMOVE,), outermost=True),
    LOCAL_VALUE,
    Stage(TIDY),
    Stage(FOLDING),
)
"""A component of the loss's own gradient: remove what is not related, differentiate the rest."""

MOST_BLOCKS = 16
"""Up to this many v are shown component by component; more are shown for a general one."""


@dataclass
class Program:
    """The named adjoints of a network, and how each is made from those to its right."""

    scope: Scope
    named: frozenset[str]
    write_out: bool
    _formulas: dict[Ref, Expr] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        return self.scope.network

    def has_name(self, q: Ref) -> bool:
        """Whether the adjoint of `q` has a symbol worth using."""
        if q.name == self.network.loss or q.name not in self.named:
            return False
        # a v that is a single letter already needs no second name
        return not isinstance(self.formula(q), Ref) and self.formula(q) is not ONE

    def ways(self, q: Ref, taken: frozenset[str] = frozenset()) -> list[Link]:
        """The components to the right of `q` that really use it."""
        return ways(self.scope, q, self.write_out, taken)

    def block(self, q: Ref, title: Sentence) -> Block:
        """The equation of one adjoint: right neighbours' v times local derivatives."""
        if self.next_to_loss(q):
            return self._componential(q, title)
        recorder: Recorder[Scope] = Recorder(chain_sum(self.network, q, self.ways(q)), self.scope)
        self._make(recorder, q)
        return recorder.block(adjoint(q), title)

    def next_to_loss(self, q: Ref) -> bool:
        """Whether only the loss itself uses `q`: its v is a component of the loss's gradient."""
        through = self.ways(q)
        return len(through) == 1 and through[0].consumer.name == self.network.loss

    def _componential(self, q: Ref, title: Sentence) -> Block:
        """The loss's derivative in one of its own arguments, the others removed."""
        body = self.network.definition(Ref(self.network.loss))
        recorder: Recorder[Scope] = Recorder(Derivative(body, q, False), self.scope)
        written = (delta.WRITTEN,) if self.write_out else ()
        run(recorder, (Stage(written, FLAT), *LOSS))
        return recorder.block(adjoint(q), title)

    def formula(self, q: Ref) -> Expr:
        """The right side of an adjoint's equation."""
        # from the loss back, so that each formula finds those to its right
        for here in self._towards_loss([q], lambda ref: ref in self._formulas):
            made = self.block(here, ()).end
            assert made is not None
            self._formulas[here] = made
        return self._formulas.get(q, ONE)

    def _towards_loss(self, start: list[Ref], known: Callable[[Ref], bool]) -> list[Ref]:
        """Everything to the right of `start`, itself included, those nearest the loss first."""
        order: list[Ref] = []
        seen: set[Ref] = set()
        stack = [(q, False) for q in reversed(start)]
        while stack:
            q, ready = stack.pop()
            if ready:
                order.append(q)
            elif q not in seen and q.name != self.network.loss and not known(q):
                seen.add(q)
                stack.append((q, True))
                stack.extend((link.consumer, False) for link in reversed(self.ways(q)))
        return order

    def _make(self, recorder: Recorder[Scope], q: Ref) -> None:
        recorder.once((self.put_in(),))
        recorder.line()
        for path in list(places(recorder.now, _is_local)):
            recorder.inside(path, LOCAL, set())
        recorder.sweep(GENTLE, set())
        recorder.line()
        recorder.sweep(tuple(rule for rule in FOLDING if rule is not algebra.FLAT), set())
        recorder.line()
        if recorder.speculate((), (self._known_values(recorder.now), MULTIPLYING_OUT, EXPANDING),
                              reading_cost):  # fmt: skip
            recorder.sweep((algebra.FACTOR_OUT, algebra.POSITIVE_FIRST, *TIDY), set())
            recorder.line()
        shorten(recorder)
        if q.name in self.named and recorder.sweep((definitions.CONSTANT_VALUE,), set()):
            recorder.line()

    def _known_values(self, e: Expr) -> tuple[Rule[Scope], ...]:
        """The rule that puts in the adjoints next to the loss, which no other v enters."""
        values = {a: self.formula(quantity_of(a)) for a in adjoints_in(e)}
        values = {a: v for a, v in values.items() if not adjoints_in(v)}

        def apply(part: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
            """∂q = E where E is made of forward quantities alone."""
            known = values.get(part) if isinstance(part, Ref) else None
            return None if known is None else (known, (part, " = ", known))

        return (Rule("put in", definitions.PUT_IN.law, apply, "q = E"),)

    def put_in(self) -> Rule[Scope]:
        """Adjoints without a symbol are put in where they are used."""

        def apply(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
            """∂q = E where the adjoint of q has no symbol of its own."""
            if not isinstance(e, Ref) or not is_adjoint(e):
                return None
            q = quantity_of(e)
            if self.has_name(q):
                return None
            new = self.formula(q)
            return new, (e, " = ", new, *self._named_inside(q))

        return Rule("put in", definitions.PUT_IN.law, apply, "q = E")

    def _named_inside(self, q: Ref) -> Sentence:
        """What stands in the formula of q by its value alone: g_e4, which is s_4."""
        words: list[str | Expr] = []
        for link in self.ways(q):
            right = link.consumer
            if right.name in self.named and not self.has_name(right):
                words.extend((" and " if words else ", where ", adjoint(right), " = "))
                words.append(self.formula(right))
        return tuple(words)

    def needed(self, e: Expr) -> list[Ref]:
        """The named adjoints that `e` is made of, those nearest the loss first."""
        shown: dict[object, Ref] = {}
        for q in self._towards_loss([quantity_of(a) for a in adjoints_in(e)], lambda ref: False):
            if self.has_name(q) or (q.name in self.named and self.next_to_loss(q)):
                # a general component is derived once, whatever its letters are
                pattern = tuple(i if isinstance(i, int) else None for i in q.indices)
                shown.setdefault((q.name, pattern), q)
        return list(shown.values())


def dynamic_style(
    network: Network, q: Ref, zoom: str, named: frozenset[str]
) -> tuple[tuple[Block, ...], Expr]:
    """The blocks of the dynamic style and the answer."""
    program = Program(Scope(network), named, zoom == "scalar")
    unfolded = _unfolded(program, q) if _last_of_layer(network, q) else None
    last = unfolded or program.block(q, ("The gradient of ", q))
    end = last.end
    assert end is not None
    assert last.start is not None
    blocks = list(_v_blocks(program, q, program.needed(last.start)))
    return (*blocks, last), end


def _v_blocks(program: Program, q: Ref, wanted: list[Ref]) -> list[Block]:
    wanted = [w for w in wanted if w != q]
    if len(wanted) > MOST_BLOCKS:
        general = Program(program.scope, program.named, False)
        names = dict.fromkeys(w.name for w in wanted)
        wanted = [program.network.equations[name].left for name in names]
        return [general.block(w, _title(w)) for w in wanted]
    return [program.block(w, _title(w)) for w in wanted]


def _title(q: Ref) -> Sentence:
    return (adjoint(q), ", the adjoint of ", q)


# -- the last weight of a layer, unfolded --------------------------------------------------


def _level(network: Network) -> dict[str, int]:
    """How many quantities away from the loss each quantity is, by the longest way."""
    level = {network.loss: 0}
    for name in reversed(list(network.equations)):
        for inner in network.equations[name].right.names:
            if name in level:
                level[inner] = max(level.get(inner, 0), level[name] + 1)
    return level


def _last_of_layer(network: Network, q: Ref) -> bool:
    """Whether q is the last weight of its layer: the first met on the way back from the loss."""
    if network[q.name].kind != "weight":
        return False
    level = _level(network)
    here = [w.name for w in network.of_kind("weight") if level.get(w.name) == level.get(q.name)]
    return bool(here) and here[-1] == q.name


def _own(program: Program, q: Ref) -> Ref | None:
    """The one named quantity through which everything that `q` does passes, or None."""
    here = q
    while True:
        through = program.ways(here)
        if len(through) != 1 or through[0].summed:
            return None
        here = through[0].consumer
        if here.name == program.network.loss:
            return None
        if program.has_name(here):
            return here


def _frontier(program: Program, q: Ref, own: Ref) -> list[Link] | None:
    """The nearest named quantities to the right of `own`; [] is the loss; None if they mix."""
    found: dict[Ref, Link] = {}
    waiting = [Link(own, ())]
    while waiting:
        here = waiting.pop(0)
        taken = q.free | {letter for letter, _ in here.summed}
        for link in program.ways(here.consumer, taken):
            reached = Link(link.consumer, (*here.summed, *link.summed))
            if link.consumer.name == program.network.loss:
                return [] if not found and not waiting else None
            if program.has_name(link.consumer):
                found.setdefault(link.consumer, reached)
            else:
                waiting.append(reached)
    names = {ref.name for ref in found}
    for name in names:
        if (program.network.influenced_by(name) - {name}) & names:
            return None
    letters = [letter for link in found.values() for letter, _ in link.summed]
    return list(found.values()) if len(letters) == len(set(letters)) else None


def _unfolded(program: Program, q: Ref) -> Block | None:
    """The gradient of q from the nearest known v on, one definition at a time."""
    network = program.network
    own = _own(program, q)
    if own is None:
        return None
    frontier = _frontier(program, q, own)
    if frontier is None:
        return None
    if frontier:
        terms = []
        for link in frontier:
            body = Mul((adjoint(link.consumer), Derivative(link.consumer, q, True)))
            terms.append(summed(link, body))
        start = total(tuple(terms))
    else:
        start = gradient(network, q)
    scope = program.scope
    recorder: Recorder[Scope] = Recorder(start, scope)
    written = (delta.WRITTEN,) if program.write_out else ()
    stages = (Stage(written, FLAT), *_with_local_lines())
    run(recorder, stages)
    if not _bracket(program, recorder, q, own):
        return None
    title: Sentence = ("The gradient of ", q, ", unfolded one definition at a time")
    block = recorder.block(adjoint(q), title)
    known = [link.consumer for link in frontier]
    if not known:
        return block
    through = (
        q,
        " reaches ",
        Ref(network.loss),
        " through ",
        *d.listed(known),
        ", whose adjoint is known." if len(known) == 1 else ", whose adjoints are known.",
    )
    return replace(block, before=(through,))


def _with_local_lines() -> tuple[Stage, ...]:
    """The stages of unfolding, with the local derivative of the chain rule on its own line."""
    chain = next(i for i, stage in enumerate(UNFOLDING) if d.CHAIN in stage.rules)
    constants = Stage((_CONSTANT_IN_DERIVATIVE,), (algebra.ONE_RULE,))
    return (constants, *UNFOLDING[: chain + 1], LOCAL_VALUE, *UNFOLDING[chain + 1 :])


def _constant_in_derivative(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
    """∂(1 u)/∂x: a constant weight of 1 is put in."""
    if not isinstance(e, Derivative):
        return None
    recorder: Recorder[Scope] = Recorder(e.body, scope)
    if not recorder.sweep((definitions.CONSTANT_VALUE,), set()):
        return None
    return Derivative(recorder.now, e.wrt, e.total), recorder.steps[0].says


_CONSTANT_IN_DERIVATIVE: Rule[Scope] = Rule(
    "constant value", definitions.CONSTANT_VALUE.law, _constant_in_derivative
)


def _bracket(program: Program, recorder: Recorder[Scope], q: Ref, own: Ref) -> bool:
    """Put the factor that all weights of `own` share in brackets, and name it.

    False where what has been found does not read as that factor times the rest.
    """
    scope = recorder.scope
    rest = rewritten(Derivative(own, q, True), (*DIFFERENTIATION, *TIDY), scope, set())
    formula = program.formula(own)
    bracketed = formula if rest is ONE else Mul((formula, rest))
    if not _same(bracketed, recorder.now, scope):
        recorder.sweep(FOLDING, set())
        recorder.line()
        if not _same(bracketed, recorder.now, scope):
            return False
    recorder.state("common factor", bracketed, (
        "the part in brackets does not depend on which weight of ", own, " is asked for",
        *_constants_again(program, formula),
    ))  # fmt: skip
    v = adjoint(own)
    named = v if rest is ONE else Mul((v, rest))
    recorder.state("name", named, ("name it ", v, " = ", formula))
    return True


def _constants_again(program: Program, formula: Expr) -> Sentence:
    """Why a 1 stands in the formula: the edge into the loss, written as every edge is."""
    return ("; the constant 1 is written again, as every v has the weight to its right",) if any(
        e is ONE for e in flat_factors(formula)
    ) else ()  # fmt: skip


def _same(a: Expr, b: Expr, scope: Scope) -> bool:
    """Whether two products are equal up to order, parentheses and constants of 1."""

    def bare(e: Expr) -> object:
        rules = (definitions.CONSTANT_VALUE, *TIDY)
        return canonical(rewritten(e, rules, scope, set()))

    return bare(a) == bare(b)
