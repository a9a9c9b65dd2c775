"""The dynamic program: one adjoint per quantity, each made once from those to its right.

The adjoint of q is the sum, over every quantity c whose equation uses q, of c's adjoint times
the local derivative ∂c/∂q. A gradient of a weight is the weight's adjoint. Quantities are
taken from the loss back, so every adjoint on a right side is already known. The cost is
linear in the network: equations of the same shape share one derivation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from .expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Index,
    Mul,
    Number,
    Path,
    Reduce,
    Ref,
    Size,
    count,
    fresh_index,
    mapped,
    substituted,
    total,
    walk,
    with_indices,
)
from .network import ADJOINT, Equation, Network, adjoint, expect_network, is_adjoint, quantity_of
from .rewrite import Recorder, Sentence, rewritten
from .rules import (
    DIFFERENTIATION,
    EXPANDING,
    FOLDING,
    MULTIPLYING_OUT,
    TIDY,
    WRITTEN_OUT,
    Scope,
    refs,
)
from .rules.algebra import FACTOR_OUT, POSITIVE_FIRST, has_reciprocal
from .rules.definitions import CONSTANT_VALUE, adjoint_rule
from .rules.delta import OUT

WORTH_SHORTENING = 200
"""Expressions with more nodes than this are not multiplied out to see if they get shorter."""

SHORT = 40
"""Adjoints near the loss are kept in closed form up to this many nodes."""

LONG_SUM = 20
"""A sum of more terms than this is differentiated without those that do not hold the quantity."""

# constants leave a sum only after folding, which needs them beside what they were written with
LOCAL = (*DIFFERENTIATION, *(rule for rule in TIDY if rule is not OUT))


@dataclass(frozen=True)
class Link:
    """One way from a quantity towards the loss: a component of a consumer that uses it.

    summed: the letters that run over all components of the consumer, with their sizes.
    """

    consumer: Ref
    summed: tuple[tuple[str, Size], ...]


def letters(network: Network, name: str) -> tuple[str, ...]:
    """Index letters for a general component: those of its equation, or of its first use."""
    shape = network[name].shape
    if name in network.equations:
        return network.equations[name].indices
    for user in network.consumers[name]:
        for ref in refs(network.equations[user].right):
            found = tuple(i for i in ref.indices if isinstance(i, str))
            if ref.name == name and len(set(found)) == len(shape):
                return found
    made: list[str] = []
    for _ in shape:
        made.append(fresh_index(set(made)))
    return tuple(made)


def links(network: Network, q: Ref, taken: frozenset[str] = frozenset()) -> Iterator[Link]:
    """The components of other quantities whose equations use `q`, in the file's order.

    An index of the consumer that is fixed by an index of q takes it (in a[j] = g(z[j]) only
    a[j] uses z[j]); the others are summed over, in letters that are not `taken`.
    """
    for name in network.consumers[q.name]:
        if name not in network.live:
            continue
        equation = network.equations[name]
        uses = [r for r in refs(equation.right) if r.name == q.name]
        asked = q.free | taken
        used = {*asked, *equation.right.bound, *equation.indices, name, *equation.right.names}
        indices: list[Index] = []
        summed: list[tuple[str, Size]] = []
        for axis, letter in enumerate(equation.indices):
            fixed = {_fixed_by(letter, use, q) for use in uses}
            only = fixed.pop() if len(fixed) == 1 else None
            if only is not None:
                indices.append(only)
                continue
            # the letters asked for stay; a summed one is renamed where it clashes
            new = letter if letter not in asked else fresh_index(used)
            used.add(new)
            indices.append(new)
            summed.append((new, network[name].shape[axis]))
        yield Link(Ref(name, tuple(indices)), tuple(summed))


def _fixed_by(letter: str, use: Ref, q: Ref) -> Index | None:
    """The index of q that `letter` must equal in this use, or None."""
    for position, index in enumerate(use.indices):
        if index == letter:
            return q.indices[position]
    return None


def components(network: Network, link: Link, write_out: bool) -> Iterator[Link]:
    """The link itself, or one link for each number of its summed letters where they are few."""
    lengths = [network.length(size) for _, size in link.summed]
    if not write_out or not link.summed:
        yield link
        return
    letter, size = link.summed[0]
    length = lengths[0]
    if length is None or length > WRITTEN_OUT:
        rest = components(network, Link(link.consumer, link.summed[1:]), write_out)
        for inner in rest:
            yield Link(inner.consumer, ((letter, size), *inner.summed))
        return
    for number in range(1, length + 1):
        consumer = with_indices(link.consumer, {letter: number})
        assert isinstance(consumer, Ref)
        yield from components(network, Link(consumer, link.summed[1:]), write_out)


def summed(link: Link, body: Expr) -> Expr:
    """The sum of `body` over the link's letters."""
    for letter, size in reversed(link.summed):
        body = Reduce("sum", letter, size, body)
    return body


def ways(scope: Scope, q: Ref, write_out: bool, taken: frozenset[str] = frozenset()) -> list[Link]:
    """The components of other quantities that really use `q`, small sums written out if asked."""
    network = scope.network
    return [
        link
        for whole in links(network, q, taken)
        for link in components(network, whole, write_out)
        if scope.depends(network.definition(link.consumer), q, False)
    ]


def chain_sum(network: Network, q: Ref, through: Iterable[Link]) -> Expr:
    """Σ over the uses c of q: adjoint of c times the local derivative ∂c/∂q."""
    terms = []
    for link in through:
        factor: Expr = Derivative(link.consumer, q, False)
        if link.consumer.name != network.loss:  # the loss's own adjoint is 1
            factor = Mul((adjoint(link.consumer), factor))
        terms.append(summed(link, factor))
    return total(tuple(terms))


class Backprop:
    """All adjoints of a network as equations, in the order in which they are computed."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.scope = Scope(network)
        self._known: dict[object, Expr] = {}
        self._outlines: dict[Expr, tuple[Expr, tuple[str, ...]]] = {}
        self._closed: dict[str, Equation] = {}
        self._quiet: tuple[set[Expr], set[Expr]] = (set(), set())

    @cached_property
    def adjoints(self) -> Mapping[str, Equation]:
        """Quantity → the equation of its adjoint `∂quantity[indices]`; 0 on a dead branch.

        Constants have none: nothing ever changes them.
        """
        made: dict[str, Equation] = {}
        for name in self._order():
            q = Ref(name, letters(self.network, name))
            if name == self.network.loss:
                right: Expr = ONE
            elif name not in self.network.live:
                right = ZERO
            else:
                right = self._right(q)
                self._close(Equation(adjoint(q), right))
            made[name] = Equation(adjoint(q), right)
        return made

    @property
    def gradients(self) -> Mapping[str, Equation]:
        """The adjoints of weights and biases, in the file's order."""
        return {q.name: self.adjoints[q.name] for q in self.network.trained}

    def in_symbols(self, named: frozenset[str]) -> Mapping[str, Equation]:
        """The adjoints that have a symbol, and all gradients, the other adjoints put in place.

        named: the quantities whose adjoints have a symbol. The brackets around what is put in
        stay, and a constant weight of 1 shows its value: v_4 = (s_4 × 1) × t(d_4 + b_4).
        """
        full: dict[str, Equation] = {}
        for name, equation in self.adjoints.items():
            right = substituted(equation.right, lambda ref: _unnamed(ref, named, full))
            full[name] = Equation(equation.left, right)
        shown = {n: e for n, e in full.items() if n in named or self.network[n].kind != "computed"}
        return {
            n: Equation(e.left, rewritten(e.right, (CONSTANT_VALUE,), self.scope, set()))
            for n, e in shown.items()
        }

    def _order(self) -> Iterator[str]:
        yield from reversed(list(self.network.equations))
        for q in self.network.quantities.values():
            if q.kind not in ("computed", "constant"):
                yield q.name

    def reason(self, name: str) -> Sentence:
        """Why a quantity has no gradient, or () where it has one."""
        q = self.network[name]
        ref = Ref(name, letters(self.network, name))
        if q.kind == "constant":
            return (ref, " is a constant: it is not trained, so it needs no gradient")
        if name not in self.network.live:
            return (Ref(self.network.loss), " does not depend on ", ref, ": its gradient is 0")
        return ()

    def _right(self, q: Ref) -> Expr:
        start = mapped(chain_sum(self.network, q, links(self.network, q)), self._related)
        key, names = self._shape(start)
        if key not in self._known:
            local = rewritten(start, LOCAL, self.scope, self._quiet[0])
            folded = rewritten(local, FOLDING, self.scope, self._quiet[1])
            self._known[key] = _renamed(folded, names)
        found = _renamed(self._known[key], {v: k for k, v in names.items()})
        recorder = Recorder(found, self.scope)
        put_in_if_shorter(recorder, self._closed)
        return recorder.now

    def _related(self, e: Expr) -> Expr | None:
        """∂z/∂q where z is a long sum: that of the terms with q; to look at all is quadratic."""
        if not isinstance(e, Derivative) or not isinstance(e.body, Ref):
            return None
        right = self.network.definition(e.body)
        if not isinstance(right, Add) or len(right.terms) <= LONG_SUM:
            return None
        related = tuple(t for t in right.terms if t.names & e.wrt.names)
        return Derivative(total(related), e.wrt, e.total)

    def _close(self, equation: Equation) -> None:
        """Remember an adjoint in forward quantities alone, while that is short."""
        right = substituted(equation.right, lambda ref: _unnamed(ref, frozenset(), self._closed))
        if count(right) <= SHORT and not any(is_adjoint(ref) for ref in refs(right)):
            self._closed[quantity_of(equation.left).name] = Equation(equation.left, right)

    def _shape(self, start: Expr) -> tuple[object, dict[str, str]]:
        """A key equal for chain sums that are worked out alike, and the names' numbers.

        The key holds all that the rules may look at: the equations of what occurs, those that
        could give a part its name back, and the promises of targets.
        """
        equations = self.network.equations
        here = [equations[ref.name] for ref in refs(start) if ref.name in equations]
        names: dict[str, str] = {}
        for e in (start, *(side for eq in here for side in (eq.left, eq.right))):
            for name in self._outline(e)[1]:
                names.setdefault(name, f"#{len(names)}")
        users = dict.fromkeys(u for n in tuple(names) for u in self.network.consumers[n])
        for equation in (equations[u] for u in users):
            if equation.right.names <= names.keys():
                names.setdefault(equation.name, f"#{len(names)}")
                here.append(equation)
        parts = [start, *(side for eq in here for side in (eq.left, eq.right))]
        for promise in self.network.constraints:
            if promise.left.names <= names.keys():
                parts.extend((promise.left, promise.right))
        kinds = tuple((n in equations, self.network.quantities[n].shape) for n in names)
        outlines = map(self._outline, parts)
        shape = tuple([(outline, *map(names.__getitem__, own)) for outline, own in outlines])
        return (shape, kinds), names

    def _outline(self, e: Expr) -> tuple[Expr, tuple[str, ...]]:
        """An expression with its names numbered, and these; worked out once."""
        found = self._outlines.get(e)
        if found is None:
            names: dict[str, str] = {}
            for ref in refs(e):
                names.setdefault(quantity_of(ref).name, f"#{len(names)}")
            found = self._outlines[e] = (_renamed(e, names), tuple(names))
        return found


def put_in_if_shorter(recorder: Recorder[Scope], closed: Mapping[str, Equation]) -> bool:
    """Put in the adjoints of which a closed form is known and multiply out, if that is shorter.

    Softmax or sigmoid with cross-entropy fold to o - y this way; what would get longer stays.
    """
    found = [ref for ref in refs(recorder.now) if is_adjoint(ref)]
    near = {r.name: closed[quantity_of(r).name] for r in found if quantity_of(r).name in closed}
    # only what divides can cancel, and only a number can be reckoned with
    if not any(has_reciprocal(e.right) or not e.right.names for e in near.values()):
        return False
    put_in = (adjoint_rule({n: (e.left, e.right) for n, e in near.items()}),)
    if recorder.speculate((), (put_in, MULTIPLYING_OUT, EXPANDING), reading_cost):
        recorder.sweep((FACTOR_OUT, POSITIVE_FIRST, *TIDY), set())
        return True
    return False


def shorten(recorder: Recorder[Scope]) -> None:
    """Multiply out and cancel in every part that reads shorter then, innermost first."""
    done = count(recorder.now) > WORTH_SHORTENING
    while not done:
        done = True
        for path in _sums(recorder.now):
            if recorder.speculate(path, (MULTIPLYING_OUT, EXPANDING), reading_cost):
                recorder.sweep((FACTOR_OUT, POSITIVE_FIRST, *TIDY), set())
                recorder.line()
                done = False
                break


def reading_cost(e: Expr) -> int:
    """How long an expression reads: its letters, numbers, functions and sums; signs are free."""
    return sum(
        1
        for node in walk(e)
        if isinstance(node, Ref | Number | Apply | Reduce | Delta) and node is not MINUS_ONE
    )


def _sums(e: Expr, path: Path = ()) -> Iterator[Path]:
    """The places of sums, and of products with a sum, innermost first."""
    for number, child in enumerate(e.children):
        yield from _sums(child, (*path, number))
    if isinstance(e, Derivative):
        return
    if isinstance(e, Add | Reduce) or (
        isinstance(e, Mul) and any(isinstance(f, Add) for f in e.factors)
    ):
        yield path


def _unnamed(ref: Ref, named: frozenset[str], full: Mapping[str, Equation]) -> Expr | None:
    """What stands for an adjoint without a symbol."""
    name = quantity_of(ref).name
    if not is_adjoint(ref) or name in named or name not in full:
        return None
    equation = full[name]
    return with_indices(equation.right, dict(zip(equation.indices, ref.indices, strict=True)))


def _renamed(e: Expr, names: Mapping[str, str]) -> Expr:
    def rename(part: Expr) -> Expr | None:
        if not isinstance(part, Ref):
            return None
        bare = part.name.removeprefix(ADJOINT)
        new = names.get(bare)
        if new is None:
            return None
        return Ref(ADJOINT + new if bare != part.name else new, part.indices)

    return mapped(e, rename)


def backprop(network: Network) -> Backprop:
    """The dynamic program of a network: `backprop(net).adjoints["z2"]` is an equation."""
    expect_network(network)
    return Backprop(network)
