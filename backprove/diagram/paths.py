"""Every path from a component to the loss: the chain rule as a sum over paths.

A path leads from component to component, each used in the equation of the next; its product
is that of the local derivatives along it, ∂J/∂h · ∂h/∂z · ∂z/∂w, and the derivative of the loss
is the sum of all products. Where an equation uses a component in several terms, as in
`p = u*z + v*z`, each is a way of its own. Paths are counted, and their products added, from the
loss back, one component at a time, however many there are; only some are listed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from math import isfinite, prod
from typing import TypeAlias

from ..derivation.parts import parts
from ..derivation.stages import asked
from ..errors import DataError, DerivationError
from ..expr import Expr, Ref, flat_factors, product, total
from ..network import ARGUMENT, Equation, Network, expect_network
from ..rewrite import rewritten
from ..rules import FOLDING, TIDY, refs
from ..run.values import refuse_symbolic
from .local import Indices, Locals
from .terms import Use, component, uses

MOST_LINKS = 300_000
"""Links between components up to which paths are followed."""

GATHERED = 8
"""The number of paths up to which their sum is written as one expression."""

Node: TypeAlias = tuple[str, Indices]
"""A component: the quantity's name, and its position."""

Step: TypeAlias = tuple[Node, int]
"""Where a link leads, and by which part of the equation there."""


@dataclass(frozen=True)
class Link:
    """One step of a path: `end` is computed from `start`.

    weight: the component that multiplies `start` in it, or None. derivative: ∂end/∂start as it
    is asked for, or that of one part of the equation where several use `start`. factor: the same
    worked out. value: its number, or None without numbers.
    """

    start: Ref
    end: Ref
    weight: Ref | None
    derivative: Expr
    factor: Expr
    value: float | None


@dataclass(frozen=True)
class Path:
    """A way to the loss, from the quantity on. product: the product of its values.

    formula: the product of its factors, the one next to the loss first.
    """

    links: tuple[Link, ...]
    product: float | None
    formula: Expr

    @property
    def chain(self) -> Expr:
        """∂J/∂h · ∂h/∂z · ∂z/∂w: the factors as they are asked for."""
        links = reversed(self.links)
        return product(tuple(f for link in links for f in flat_factors(link.derivative)))


@dataclass(frozen=True)
class Paths:
    """The paths from a component to the loss.

    total: how many there are; `paths` holds as many as were asked for. gradient: the
    derivative of the loss as the dynamic program gives it. sum: that of the products of all
    paths, listed or not. Both are None without numbers. gathered: the sum as one expression,
    where the paths are few. notes: the order, and why there are no numbers, in words.
    """

    quantity: Ref
    total: int
    paths: tuple[Path, ...]
    gradient: float | None
    sum: float | None
    gathered: Expr | None
    notes: tuple[str, ...] = ()


def paths(
    network: Network, quantity: str | Ref, *, limit: int = 50, numbers: bool = True, seed: int = 0
) -> Paths:
    """The paths from a component, such as `w2[1,2]`, to the loss.

    limit: how many are listed. numbers: whether to compute values, from those in the network's
    file; seed: for weights without a value. Where values are missing a note says so.
    Raises DerivationError where the question is no single component, or a constant, and
    DataError for sizes without a number and for networks with too many links to follow.
    """
    expect_network(network)
    refuse_symbolic(network)
    question = asked(network, quantity)
    _refuse(network, question)
    web = _Web(network, question)
    notes: list[str] = list(web.repeats())
    if numbers:
        try:
            web.compute(seed)
        except DataError as error:
            notes.append(f"there are no numbers: {error.message}")
    ways = web.ways(limit)
    found = tuple(web.path(way) for way in ways)
    passed = {component(*node) for way in ways for node, _ in way}
    notes.extend(
        str(corner) for corner in web.locals.corners if not passed.isdisjoint(corner.components)
    )
    if web.total > len(found):
        order = "the largest first" if web.largest_first(limit) else "in the equations' order"
        notes.append(f"{len(found)} of {web.total:,} paths are listed, {order}")
    gathered = None
    if web.total == len(found) <= GATHERED:
        every = total(tuple(path.formula for path in found))
        gathered = rewritten(every, FOLDING, web.locals.scope, set())
    return Paths(question, web.total, found, web.gradient, web.sum, gathered, tuple(notes))


def _refuse(network: Network, question: Ref) -> None:
    if not all(isinstance(i, int) for i in question.indices):
        first = Ref(question.name, tuple(1 for _ in question.indices))
        raise DerivationError(
            f"{question.name} has several components, and each has paths of its own",
            f"ask for one of them, such as {first}",
        )
    if network[question.name].kind == "constant":
        raise DerivationError(
            f"{question} is a constant: nothing changes it, so it has no derivative",
            "ask for a weight, a bias, an input or what is computed",
        )


class _Web:
    """The components between one of them and the loss, and what leads where."""

    def __init__(self, network: Network, question: Ref) -> None:
        self.network = network
        self.start: Node = (question.name, _position(question))
        self.goal: Node = (network.loss, ())
        self.locals = Locals(network, question)
        self.users = self._users()
        self.steps: dict[Node, tuple[Step, ...]] = self._reached()
        self.counts = self._counts()
        self.total = self.counts[self.start]
        self.values: dict[tuple[Node, Step], float] = {}
        self.gradient: float | None = None
        self.sum: float | None = None
        self._links: dict[tuple[Node, Step], Link] = {}

    # -- what leads where ------------------------------------------------------------------

    def _users(self) -> dict[str, list[tuple[Ref, Use, int]]]:
        """Quantity → its places in the equations that the loss depends on, each in which part."""
        network = self.network
        found: dict[str, list[tuple[Ref, Use, int]]] = {}
        for equation in network.equations.values():
            if equation.name not in network.live:
                continue
            places = list(_places(network, equation))
            often = Counter(ref.name for ref in refs(equation.right))
            for name in dict.fromkeys(ref.name for ref, _ in places):
                several = parts(equation.right, name) if often[name] > 1 else (equation.right,)
                for part, right in enumerate(several):
                    here = places
                    if len(several) > 1:
                        here = list(_places(network, Equation(equation.left, right)))
                    found.setdefault(name, []).extend(
                        (ref, use, part) for ref, use in here if ref.name == name
                    )
        return found

    def _reached(self) -> dict[Node, tuple[Step, ...]]:
        """Every component on a way to the loss and where it leads, in the order of computation."""
        names = [n for n in self.network.equations if n in self.users or n == self.network.loss]
        if self.start[0] not in names:
            names.insert(0, self.start[0])
        waiting: dict[str, dict[Indices, None]] = {self.start[0]: {self.start[1]: None}}
        found: dict[Node, tuple[Step, ...]] = {}
        links = 0
        for name in names:
            for position in waiting.get(name, ()):
                node = (name, position)
                row = self.users.get(name, ())
                steps = dict.fromkeys(
                    (end, part) for ref, use, part in row for end in self._ends(ref, use, node)
                )
                found[node] = tuple(steps)
                links += len(steps)
                if links > MOST_LINKS:
                    raise DataError(
                        f"more than {MOST_LINKS:,} links lead from {component(*self.start)}"
                        " to the loss",
                        "ask for a quantity nearer to the loss, or for a smaller network",
                    )
                for (end, at), _ in steps:
                    waiting.setdefault(end, {})[at] = None
        return found

    def _ends(self, ref: Ref, use: Use, node: Node) -> Iterator[Node]:
        """The components that are computed from this one where it stands for `ref`."""
        numbers = self._matched(ref, use, node)
        if numbers is None:
            return
        sizes = dict(use.sizes)
        name = use.target.name.removesuffix(ARGUMENT)
        axes = [
            (i,) if isinstance(i, int)
            else (numbers[i],) if i in numbers
            else range(1, (self.network.length(sizes[i]) or 0) + 1)
            for i in use.target.indices
        ]  # fmt: skip
        for position in itertools.product(*axes):
            yield name, position

    def _matched(self, ref: Ref, use: Use, node: Node) -> dict[str, int] | None:
        """The numbers that make `ref` the component `node`, or None."""
        numbers: dict[str, int] = {}
        for index, number in zip(ref.indices, node[1], strict=True):
            here = numbers.setdefault(index, number) if isinstance(index, str) else index
            if here != number:
                return None
        sizes = dict(use.sizes)
        if any(number > (self.network.length(sizes[i]) or 0) for i, number in numbers.items()):
            return None
        return numbers

    def _weight(self, start: Node, end: Node, part: int) -> Ref | None:
        """The one component that multiplies `start` in the equation of `end`, or None."""
        found = set[Ref | None]()
        for ref, use, where in self.users[start[0]]:
            if where != part or ref is not use.source:
                continue
            if use.target.name.removesuffix(ARGUMENT) == end[0]:
                before, after = self._matched(ref, use, start), self._matched(use.target, use, end)
                # the letters that both have must stand for the same numbers
                if before is not None and after is not None and before | after == after | before:
                    found.add(_with_numbers(use.weight, before | after) if use.weight else None)
        return found.pop() if len(found) == 1 else None

    def _counts(self) -> dict[Node, int]:
        """The number of paths from each component to the loss, from the loss back."""
        counts: dict[Node, int] = {}
        for node in reversed(self.steps):
            counts[node] = node == self.goal or sum(counts[end] for end, _ in self.steps[node])
        return {node: int(count) for node, count in counts.items()}

    def repeats(self) -> Iterator[str]:
        """In words: which quantities enter an equation several times, which makes several paths."""
        found: dict[tuple[str, str], int] = {}
        for node, steps in self.steps.items():
            for there, times in Counter(end for end, _ in steps if self.counts[end]).items():
                pair = node[0], there[0]
                found[pair] = max(times, found.get(pair, 1))
        for (start, after), times in found.items():
            if times > 1:
                yield (
                    f"{after} holds {start} in {times} terms: each makes paths of its own, with the"
                    " derivative of that term"
                )

    # -- numbers ---------------------------------------------------------------------------

    def compute(self, seed: int) -> None:
        """The value of every link, and the sum of the products of all paths."""
        ways = dict.fromkeys(
            (node[0], end[0], part) for node, steps in self.steps.items() for end, part in steps
        )
        arrays, self.gradient = self.locals.values(ways, seed)
        axes = {way: self.locals.between(*way).axes for way in ways}
        sums: dict[Node, float] = {}
        for node in reversed(self.steps):
            sums[node] = float(node == self.goal)
            for step in self.steps[node]:
                end, part = step
                way = node[0], end[0], part
                at = end[1] + node[1]
                place = tuple([at[axis] - 1 for axis in axes[way]])
                value = self.values[node, step] = float(arrays[way][place])
                sums[node] += value * sums[end]
        self.sum = sums[self.start]

    # -- the paths themselves --------------------------------------------------------------

    def ways(self, limit: int) -> list[tuple[Step, ...]]:
        """Up to so many paths: the largest first where some are left out, else as they come."""
        if self.largest_first(limit):
            return list(itertools.islice(self._largest(), limit))
        return list(itertools.islice(self._in_order(), limit))

    def largest_first(self, limit: int) -> bool:
        """Whether the paths are listed by the size of their products."""
        finite = bool(self.values) and all(map(isfinite, self.values.values()))
        return self.total > limit and finite

    def _in_order(self) -> Iterator[tuple[Step, ...]]:
        stack: list[tuple[Step, ...]] = [((self.start, 0),)]
        while stack:
            way = stack.pop()
            here = way[-1][0]
            if here == self.goal:
                yield way
            stack.extend((*way, s) for s in reversed(self.steps[here]) if self.counts[s[0]])

    def _largest(self) -> Iterator[tuple[Step, ...]]:
        """Best first: what a beginning can still come to at most is known exactly."""
        most: dict[Node, float] = {}
        for node in reversed(self.steps):
            sizes = (abs(self.values[node, step]) * most[step[0]] for step in self.steps[node])
            most[node] = 1.0 if node == self.goal else max(sizes, default=0.0)
        # among equals the one that was made last, so that a path is finished before others begin
        number = itertools.count()
        waiting: list[tuple[float, int, float, tuple[Step, ...]]] = []
        heappush(waiting, (-most[self.start], next(number), 1.0, ((self.start, 0),)))
        while waiting:
            _, _, size, way = heappop(waiting)
            here = way[-1][0]
            if here == self.goal:
                yield way
            for step in reversed(self.steps[here]):
                if self.counts[step[0]]:
                    now = size * abs(self.values[here, step])
                    heappush(waiting, (-now * most[step[0]], -next(number), now, (*way, step)))

    def path(self, way: tuple[Step, ...]) -> Path:
        """A path with its factors."""
        links = tuple(self._link(start, step) for (start, _), step in itertools.pairwise(way))
        factors = tuple(f for link in reversed(links) for f in flat_factors(link.factor))
        values = [link.value for link in links if link.value is not None]
        return Path(
            links,
            prod(values, start=1.0) if len(values) == len(links) and self.sum is not None else None,
            rewritten(product(factors), TIDY, self.locals.scope, set()),
        )

    def _link(self, start: Node, step: Step) -> Link:
        if (start, step) not in self._links:
            end, part = step
            local = self.locals.between(start[0], end[0], part)
            numbers = local.numbers(start[1], end[1])
            self._links[start, step] = Link(
                Ref(*start),
                Ref(*end),
                self._weight(start, end, part),
                self.locals.asked(local, numbers),
                self.locals.at(local, numbers),
                self.values.get((start, step)),
            )
        return self._links[start, step]


def _places(network: Network, equation: Equation) -> Iterator[tuple[Ref, Use]]:
    """Where quantities stand in an equation: as what is multiplied, or as the weight."""
    for use in uses(network, equation):
        yield use.source, use
        if use.weight:
            yield use.weight, use


def _position(ref: Ref) -> Indices:
    return tuple(i for i in ref.indices if isinstance(i, int))


def _with_numbers(ref: Ref, numbers: Mapping[str, int]) -> Ref:
    """A component with numbers for its letters."""
    return Ref(ref.name, tuple(numbers[i] if isinstance(i, str) else i for i in ref.indices))


__all__ = ["Link", "Path", "Paths", "paths"]
