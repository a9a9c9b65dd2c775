"""The correct gradient in the forms in which people write it, each a product along the chain.

All forms have the same shape, ∂J/∂q = Σ over the paths of (what comes from the loss) × (one
local derivative after the other), and differ in how a local derivative is written: raw, with
its 2 and ½ and σ'(z), or with names put back, h(1 - h). Where the whole would get too long,
the adjoints of later quantities keep their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ...adjoints import Link, backprop, summed, ways
from ...derivation.stages import asked as component_asked
from ...expr import (
    ONE,
    ZERO,
    Derivative,
    Expr,
    Ref,
    Size,
    count,
    mapped,
    product,
    substituted,
    total,
    with_indices,
)
from ...network import Equation, Network, adjoint, is_adjoint, quantity_of
from ...rewrite import rewritten
from ...roles import Role, roles
from ...rules import DIFFERENTIATION, FOLDING, TIDY, Scope, algebra, delta

LONGEST = 700
"""Nodes above which later adjoints keep their names."""

LONGEST_WRITTEN = 250
"""The same where sums are written out, which repeats each mistake for every term."""

DEPTHS = (16, 8, 4, 2, 1)
"""How many links of the chain are tried to be written out."""

PUT_IN = 6
"""How many adjoints, one after the other, are put into the simplified answer."""

# numbers stay apart, so that the 2 and the ½ of a squared error can each be forgotten
RAW = (*DIFFERENTIATION, *(r for r in TIDY if r not in (delta.OUT, algebra.NUMBERS)))


@dataclass(frozen=True, eq=False)
class Form:
    """The correct gradient, written in one way.

    name: chain, folded, written (sums of few terms in full), signals (one link, then the
    adjoint's name), answer, given. local: the parts that are local derivatives, with the
    derivative that each is.
    """

    name: str
    expr: Expr
    local: Mapping[Expr, Derivative]


class TooLong(Exception):
    """The chain written out would be too long."""


class Truth:
    """∂loss/∂asked, correct, in several forms.

    exact: what is correct, as the oracle evaluates it. letters: its free letters, with sizes.
    """

    def __init__(
        self,
        network: Network,
        asked: Ref | str | None,
        *,
        given: Sequence[Expr] = (),
        letters: Mapping[str, Size] | None = None,
    ) -> None:
        """Raises DerivationError or SourceError where `asked` is no component.

        given: further correct forms. asked: None where the first of them is what is correct,
        and no gradient; then letters tells over what its free letters run.
        """
        self.network = network
        self.gradient = asked is not None
        self.asked = Ref(network.loss) if asked is None else component_asked(network, asked)
        self.exact = given[0] if asked is None else adjoint(self.asked)
        shape = network[self.asked.name].shape
        self.letters: Mapping[str, Size] = letters or {
            i: size for i, size in zip(self.asked.indices, shape, strict=True)
            if isinstance(i, str)
        }  # fmt: skip
        self.given = tuple(given)
        self.scope = Scope(network)
        self._raw: dict[Expr, Expr] = {}
        self._folded: dict[Expr, Expr] = {}

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        return roles(self.network)

    @property
    def literal(self) -> bool:
        """Whether one component is asked for, so that sums can be written out."""
        return not self.letters

    @property
    def chain(self) -> Expr:
        """Every factor of the chain rule on its own, nothing simplified."""
        return self._form("chain").expr

    @property
    def answer(self) -> Expr:
        """The simplified gradient in forward quantities, as far as it is short."""
        return self._closed(self.asked)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The forms, the most plausible ones to make a mistake in first; no two alike."""
        made = list(_forms_of_gradient(self.network, self.asked)) if self.gradient else []
        for e in self.given:
            made += [self._given(e, folded=False), self._given(e, folded=True)]
        different: dict[Expr, Form] = {}
        for form in made:
            different.setdefault(form.expr, form)
        return tuple(different.values())

    def forms_of_gradient(self) -> Iterator[Form]:
        """Those that follow from the network alone."""
        yield self._form("chain")
        yield self._form("folded")
        if self.literal:
            yield self._form("written")
        yield self._form("signals")
        yield Form("answer", self._closed(self.asked), {})

    def _given(self, e: Expr, folded: bool) -> Form:
        """A form that is given, its derivatives worked out."""
        local: dict[Expr, Derivative] = {}

        def worked_out(part: Expr) -> Expr | None:
            if not isinstance(part, Derivative):
                return None
            value = self.local(part, folded)
            local.setdefault(value, part)
            return value

        return Form("folded" if folded else "given", mapped(e, worked_out), local)

    # -- chains ----------------------------------------------------------------------------

    def _form(self, name: str) -> Form:
        for depth in (1,) if name == "signals" else DEPTHS:
            chains = _Chains(self, name)
            try:
                whole = product(chains.factors(self.asked, depth, self.asked.free))
            except TooLong:
                continue
            return Form(name, whole, chains.local)
        return Form(name, adjoint(self.asked), {})

    def local(self, derivative: Derivative, folded: bool) -> Expr:
        """A local derivative ∂c/∂q as an expression."""
        if derivative not in self._raw:
            self._raw[derivative] = rewritten(derivative, RAW, self.scope, set())
        raw = self._raw[derivative]
        if not folded:
            return raw
        if derivative not in self._folded:
            self._folded[derivative] = rewritten(raw, FOLDING, self.scope, set())
        return self._folded[derivative]

    # -- the simplified answer -------------------------------------------------------------

    @cached_property
    def adjoints(self) -> Mapping[str, Equation]:
        """The dynamic program: quantity → the equation of its adjoint."""
        return _adjoints(self.network)

    def _closed(self, q: Ref) -> Expr:
        """The adjoint of q with the adjoints in it put in, as long as that stays short."""
        now = self._equation(q)
        for _ in range(PUT_IN):
            deeper = substituted(now, self._put_in)
            if deeper is now or count(deeper) > LONGEST:
                break
            now = deeper
        return now

    def _put_in(self, ref: Ref) -> Expr | None:
        return self._equation(quantity_of(ref)) if is_adjoint(ref) else None

    def _equation(self, q: Ref) -> Expr:
        if q.name not in self.adjoints:  # a constant
            return adjoint(q)
        equation = self.adjoints[q.name]
        return with_indices(equation.right, dict(zip(equation.indices, q.indices, strict=True)))


@lru_cache(maxsize=8)
def _adjoints(network: Network) -> Mapping[str, Equation]:
    return backprop(network).adjoints


@lru_cache(maxsize=16)
def _forms_of_gradient(network: Network, asked: Ref) -> tuple[Form, ...]:
    """The same for every answer about a quantity."""
    return tuple(Truth(network, asked).forms_of_gradient())


class _Chains:
    """Writes the chain from a quantity to the loss, at most LONGEST nodes of it."""

    def __init__(self, truth: Truth, name: str) -> None:
        self.truth, self.network = truth, truth.network
        self.write_out = name == "written"
        self.folded = name in ("folded", "signals")
        self.local: dict[Expr, Derivative] = {}
        self.nodes = 0

    def factors(self, q: Ref, depth: int, taken: frozenset[str]) -> tuple[Expr, ...]:
        """The factors of ∂loss/∂q, from the loss to q."""
        if q.name == self.network.loss:
            return ()
        if q.name not in self.network.live:
            return (ZERO,)
        if depth == 0:
            return (adjoint(q),)
        through = ways(self.truth.scope, q, self.write_out, taken | q.free)
        terms = [self._term(_without_single_sums(self.network, link), q, depth, taken)
                 for link in through]  # fmt: skip
        if len(terms) == 1:
            return terms[0]
        return (total(tuple(product(term) for term in terms)),)

    def _term(self, link: Link, q: Ref, depth: int, taken: frozenset[str]) -> tuple[Expr, ...]:
        derivative = Derivative(link.consumer, q, False)
        value = self.truth.local(derivative, self.folded)
        self.nodes += count(value)
        if self.nodes > (LONGEST_WRITTEN if self.write_out else LONGEST):
            raise TooLong
        self.local.setdefault(value, derivative)
        inner = taken | q.free | link.consumer.free
        before = self.factors(link.consumer, depth - 1, inner)
        factors = before if value is ONE else (*before, value)
        if not link.summed:
            return factors
        return (summed(link, product(factors)),)


def _without_single_sums(network: Network, link: Link) -> Link:
    """A sum over one component is that component."""
    single = {letter: 1 for letter, size in link.summed if network.length(size) == 1}
    if not single:
        return link
    consumer = with_indices(link.consumer, dict(single))
    assert isinstance(consumer, Ref)
    return Link(consumer, tuple((k, size) for k, size in link.summed if k not in single))
