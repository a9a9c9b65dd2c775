"""A derivation as a course of short lines that can be taken up again from any of them.

On paper a gradient is worked out in one chain of equal lines: the chain of factors first, then
one factor after the other put in, then the whole simplified. What is done is a row of moves; a
line with a mistake in it goes on by the same moves, so that the mistake is carried on as a
person would carry it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...adjoints import shorten, summed, ways
from ...derivation import derive
from ...derivation.chain import FACTOR, WRITTEN, Chains, factor_block
from ...derivation.equation import AFTER_CHAIN, NUMBERS_OUT
from ...derivation.stages import Stage, gradient, run
from ...errors import DerivationError
from ...expr import (
    ONE,
    Derivative,
    Expr,
    Ref,
    count,
    flat_factors,
    product,
    replaced,
    total,
    walk,
)
from ...network import Network, adjoint, quantity_of
from ...rewrite import Recorder, Rule, Sentence, rewritten
from ...roles import roles
from ...rules import FOLDING, TIDY, Scope, algebra, definitions

MOST_PUTS = 5
"""Factors are put in on at most so many lines."""

MOST_NODES = 250
"""A line of more symbols than this does not go on a sheet of paper."""

MOST_CHAINS = 8
"""The dynamic style is refused where more adjoints than this would have to be made first."""

SLOPES: tuple[Rule[Scope], ...] = (definitions.DERIVATIVE_OF_FUNCTION, definitions.OWN_VALUE)
"""What writes σ(z)(1 - σ(z)) for σ'(z): a step of its own, when all factors are put in."""

NAMING: tuple[Rule[Scope], ...] = (definitions.DERIVATIVE_OF_FUNCTION, *FOLDING)

Move = Callable[[Recorder[Scope]], None]


@dataclass(frozen=True)
class CourseLine:
    """One line. resume: the move that comes next."""

    right: Expr
    resume: int


@dataclass(frozen=True)
class Course:
    """left = start = line = line = …

    about: the quantity in which the loss is differentiated. moves: what is done in turn.
    local: the local derivatives that are put in, each value with what it is the value of.
    """

    about: Ref
    left: Expr
    start: Expr
    moves: tuple[Move, ...]
    scope: Scope
    local: Mapping[Expr, Derivative]

    def lines(self, start: Expr | None = None, resume: int = 0) -> tuple[CourseLine, ...]:
        """The lines from `start` on, itself the first; by default all of them.

        Raises DerivationError where a line gets too long for a sheet.
        """
        recorder: Recorder[Scope] = Recorder(start or self.start, self.scope)
        lines = [CourseLine(recorder.now, resume)]
        for number in range(resume, len(self.moves)):
            before = len(recorder.steps)
            self.moves[number](recorder)
            recorder.line()
            new = list(_lines(recorder, before))
            # a move that makes several lines is taken up again as a whole
            follows = number if len(new) > 1 else number + 1
            lines += [CourseLine(right, follows) for right in new if right is not lines[-1].right]
        if max(count(line.right) for line in lines) > MOST_NODES:
            raise _too_long()
        return tuple(lines)


def _too_long() -> DerivationError:
    return DerivationError(
        "a line of this derivation is too long for a sheet of paper",
        "take a smaller network, the index zoom, or the dynamic style",
    )


def _lines(recorder: Recorder[Scope], since: int) -> Iterator[Expr]:
    """The lines that the steps after `since` led to."""
    whole = recorder.start
    for position, step in enumerate(recorder.steps, 1):
        whole = replaced(whole, step.path, step.after)
        if position > since and position in recorder.breaks:
            yield whole


def courses(network: Network, q: Ref, style: str, zoom: str,
            named: frozenset[str]) -> tuple[Course, ...]:  # fmt: skip
    """The chains of equal lines that lead to ∂loss/∂q; the last one is about q itself.

    style: chain (one chain of factors), dynamic (an adjoint at a time, in those that are
    `named`), equation (one equation for the whole network). zoom: scalar or index.
    Raises DerivationError where this would be too long for a sheet.
    """
    scope = Scope(network)
    written = zoom == "scalar"
    if style == "equation":
        return (_equation(network, scope, q, written),)
    if style == "dynamic":
        return tuple(_dynamic(network, scope, q, written, named))
    chains = Chains(network, scope, written)
    chains.cut = chains.factors(q, MOST_CHAINS * 2) > MOST_CHAINS * 2
    return (_course(network, scope, q, chains.chain(q), written),)


# -- chains of factors ---------------------------------------------------------------------


def _course(network: Network, scope: Scope, q: Ref, chain: Expr, written: bool) -> Course:
    values = _values(scope, chain, written)
    if isinstance(chain, Derivative):  # ∂J/∂h = ∂J/∂h would say nothing
        chain = values[chain]
    puts: list[Move] = [_put(group) for group in _groups(network, values)]
    moves = (*puts, _tidy, _name, shorten)
    local = {value: factor for factor, value in reversed(values.items())}
    return Course(q, adjoint(q), chain, moves, scope, local)


def _values(scope: Scope, chain: Expr, written: bool) -> dict[Derivative, Expr]:
    """Each local derivative of a chain, and what it is: σ'(z) stays σ'(z)."""
    values: dict[Derivative, Expr] = {}
    stages = tuple(
        Stage(
            tuple(rule for rule in stage.rules if rule not in SLOPES), stage.tidy, stage.outermost
        )
        for stage in (WRITTEN if written else FACTOR)
    )
    for factor in walk(chain):
        if isinstance(factor, Derivative) and factor not in values:
            end = factor_block(scope, factor, stages).end
            assert end is not None
            values[factor] = end
    return values


def _groups(network: Network, values: Mapping[Derivative, Expr]) -> Iterator[dict[Expr, Expr]]:
    """What is put in on one line: factors alike but for positions, on MOST_PUTS lines."""
    known = roles(network)
    alike: dict[object, dict[Expr, Expr]] = {}
    for factor, value in values.items():
        parts = (known[e.name] for e in (factor.body, factor.wrt) if isinstance(e, Ref))
        pattern = tuple((role.kind, role.layer) for role in parts)
        alike.setdefault(pattern, {})[factor] = value
    groups = list(alike.values())
    share = -(-len(groups) // MOST_PUTS) if groups else 1
    for start in range(0, len(groups), share):
        yield {f: v for group in groups[start : start + share] for f, v in group.items()}


def _put(values: Mapping[Expr, Expr]) -> Move:
    """The move that puts some factors in."""

    def apply(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
        """∂c/∂q = what it is."""
        return (values[e], (e, " = ", values[e])) if e in values else None

    rule: Rule[Scope] = Rule("put in", ((Ref("q"), Ref("E")),), apply, "q = E")

    def move(recorder: Recorder[Scope]) -> None:
        if recorder.once((rule,)):
            recorder.sweep((algebra.FLAT,), set())

    return move


def _tidy(recorder: Recorder[Scope]) -> None:
    recorder.sweep((*TIDY, algebra.COLLECT), set())


def _name(recorder: Recorder[Scope]) -> None:
    recorder.sweep((definitions.DERIVATIVE_OF_FUNCTION,), set())
    recorder.sweep(FOLDING, set())


# -- an adjoint at a time ------------------------------------------------------------------


def _dynamic(
    network: Network, scope: Scope, q: Ref, written: bool, named: frozenset[str]
) -> Iterator[Course]:
    """A course for each named adjoint on the way from the loss to q, then one for q."""
    order: list[Ref] = []
    made: dict[Ref, Expr] = {}

    def visit(here: Ref) -> None:
        if here in made:
            return
        made[here] = _to_named(network, scope, here, written, named, here.free, first=True)
        if len(made) > MOST_CHAINS:
            raise DerivationError(
                f"more than {MOST_CHAINS} adjoints have to be made first: too many for a sheet",
                "take the index zoom, a smaller network or a quantity nearer to the loss",
            )
        for inner in dict.fromkeys(n for n in walk(made[here]) if _is_signal(n)):
            assert isinstance(inner, Ref)
            visit(_general(network, quantity_of(inner)))
        order.append(here)

    visit(q)
    for here in order:
        yield _course(network, scope, here, made[here], written)


def _is_signal(e: Expr) -> bool:
    return isinstance(e, Ref) and quantity_of(e) is not e


def _general(network: Network, q: Ref) -> Ref:
    """The quantity with the letters of its own equation, so that it is derived once."""
    own = network.equations[q.name].left
    return own if q.free else q


def _to_named(
    network: Network, scope: Scope, q: Ref, written: bool, named: frozenset[str],
    taken: frozenset[str], first: bool = False,
) -> Expr:  # fmt: skip
    """∂loss/∂q as a chain of local factors that ends at the next named adjoints."""
    if q.name == network.loss:
        return ONE
    if q.name in named and not first:
        return adjoint(q)
    taken |= q.free
    terms = []
    for link in ways(scope, q, written, taken):
        inner = taken | link.consumer.free
        rest = _to_named(network, scope, link.consumer, written, named, inner)
        factors = () if rest is ONE else flat_factors(rest)
        terms.append(summed(link, product((*factors, Derivative(link.consumer, q, False)))))
    return total(tuple(terms))


# -- one equation for the whole network ----------------------------------------------------


def _equation(network: Network, scope: Scope, q: Ref, written: bool) -> Course:
    """The representative equation, differentiated."""
    blocks = derive(network, q, "equation", "scalar" if written else "index").blocks
    start = next(block.start for block in blocks if block.left is gradient(network, q))
    assert start is not None
    if count(start) > MOST_NODES // 2:
        raise _too_long()
    moves: tuple[Move, ...] = (_rules(NUMBERS_OUT), _rules(*AFTER_CHAIN), _name, shorten)
    return Course(q, gradient(network, q), start, moves, scope, {})


def _rules(*stages: Stage) -> Move:
    return lambda recorder: run(recorder, stages)


def tidied(e: Expr, scope: Scope) -> Expr:
    """An expression without double signs, brackets that hold nothing apart, and ones."""
    rules = (algebra.FLAT, algebra.ONE_RULE, algebra.ZERO_RULE, algebra.SIGNS, algebra.NUMBERS)
    return rewritten(e, rules, scope, set())


__all__: Sequence[str] = ("Course", "CourseLine", "courses", "tidied")
