"""Why a single weight of a large graph has the gradient that it has.

The question concerns the neuron to which the edge leads: what it is made from, and where it
goes. These few neurons become a network of their own, from which the derivation engine
answers; what lies further right is named by its v, which the dynamic program gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import wrap

import numpy as np

from ..derivation import derive
from ..language import parse
from ..network import Network
from ..notation import bind
from ..render import render
from ..rewrite import Derivation
from .passes import Array, Pass
from .plain import Neurons, decimal, difference, loss_equations
from .plain import network as whole_network

NOTATION = "one-letter"
MOST_TERMS = 8
"""Edges of a neuron that are written one by one; of more, the others are one constant."""
MOST_WHOLE = 100
"""Edges up to which a graph is derived as a whole, unless asked otherwise."""


@dataclass(frozen=True)
class Explanation:
    """The derivation of one weight's gradient; `print` shows it in the source's notation.

    network: from what it is derived. weight: the weight's name there. means: what each symbol
    stands for, in words. numbers: for one sample, where one was given: h at the left of the
    edge, v at its right, g.
    """

    network: Network
    weight: str
    derivation: Derivation
    means: Mapping[str, str]
    numbers: Mapping[str, float]

    def text(self, notation: str = NOTATION, format: str = "text", width: int = 80) -> str:
        """In any notation and format of `render`, without what the symbols stand for."""
        bound = bind(notation, self.network)
        derivation = derive(self.network, self.weight, "dynamic", named=bound.named_adjoints)
        return render(derivation, bound, format, width=width)

    def __str__(self) -> str:
        lines = [render(self.derivation, NOTATION), "", "Symbols"]
        for symbol, words in self.means.items():
            lines += wrap(f"{symbol}: {words}", 80, initial_indent="  ", subsequent_indent="    ")
        if self.numbers:
            lines += ["", "Numbers"]
            lines += [f"  {symbol} = {number:.6g}" for symbol, number in self.numbers.items()]
        return "\n".join(lines)


def explanation(
    view: Neurons, edge: int, found: Pass | None, targets: Array | None, whole: bool | None
) -> Explanation:
    """The answer for an edge of the source; found, targets: the numbers of one sample."""
    small = view.structure.edges <= MOST_WHOLE
    if whole or (whole is None and small):
        made, means = whole_network(view), dict[str, str]()
    else:
        question = _Question(view, edge, found, targets)
        made, means = question.network(), question.means
    weight = view.weight(edge)
    bound = bind(NOTATION, made)
    derivation = derive(made, weight, "dynamic", named=bound.named_adjoints)
    means = {**_ends(view, edge), **means}
    return Explanation(made, weight, derivation, means, _numbers(view, edge, found))


def _endpoints(view: Neurons, edge: int) -> tuple[int, int]:
    """The places of the neurons that an edge joins."""
    s, edges = view.structure, view.edges
    return int(s.place[edges.left[edge]]), int(s.place[edges.right[edge]])


def _ends(view: Neurons, edge: int) -> dict[str, str]:
    left, right = _endpoints(view, edge)
    return {
        _symbol(view.weight(edge)): f"the edge {view.name(left)!r} → {view.name(right)!r}",
        _symbol(view.value(left)): f"the neuron {view.name(left)!r}",
        _symbol(view.value(right)): f"the neuron {view.name(right)!r}",
    }


def _numbers(view: Neurons, edge: int, found: Pass | None) -> dict[str, float]:
    if found is None:
        return {}
    left, right = _endpoints(view, edge)
    h, v = float(found.h[left, 0]), float(found.v[right, 0])
    return {
        _symbol(view.value(left)): h,
        _symbol(view.of("v", right)): v,
        _symbol(view.weight(edge).replace("w", "g")): float(found.g[view.in_backward_order[edge]]),
    }


def _symbol(name: str) -> str:
    """w_8 for w8, as the notation prints it."""
    return f"{name[0]}_{name[1:]}" if name[1:].isdecimal() else name


@dataclass
class _Question:
    """The lines of the network that one edge concerns, as they are written."""

    view: Neurons
    edge: int
    found: Pass | None
    targets: Array | None
    means: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)

    def network(self) -> Network:
        """The neuron to which the edge leads, its left edges, and what is to its right."""
        view = self.view
        left, here = _endpoints(view, self.edge)
        self._left_side(here)
        if view.biased(here):
            self.lines.append(view.bias(here))
        self.lines.append(f"{view.value(here)} = {view.activated(here)}")
        if here in view.sinks:
            self._loss(here)
        else:
            self._right_side(here)
        if left >= view.structure.inputs:
            # named here so that the reader finds it: it is no input of the graph
            self.means[_symbol(view.value(left))] = (
                f"what the neuron {view.name(left)!r} gives; its own edges are not related"
            )
        return parse("\n".join([f"# The part of a graph that w{self.edge + 1} concerns",
                                *self.lines, ""]), "graph")  # fmt: skip

    # -- the parts -------------------------------------------------------------------------

    def _left_side(self, here: int) -> None:
        view = self.view
        edges = view.left_of(here)
        shown, others = self._chosen(edges)
        for edge, left in shown:
            self._held(left)
            self._weight(edge)
        terms = [f"{view.value(left)}*{view.weight(edge)}" for edge, left in shown]
        if others:
            total = sum(self._product(edge, left) for edge, left in others)
            terms.append(self._constant(
                view.of("c", here), total,
                f"the sum of the other {len(others):,} edges into {view.name(here)!r}",
            ))  # fmt: skip
        self.lines.append(f"{view.of('d', here)} = {' + '.join(terms)}")

    def _right_side(self, here: int) -> None:
        """e = v5*d5 + v6*d6: the loss as far as the neuron reaches it, its v known."""
        view = self.view
        value = view.value(here)
        shown, others = self._chosen(view.right_of(here))
        equations, terms = [], []
        for edge, right in shown:
            self._weight(edge)
            d, v = view.of("d", right), view.of("v", right)
            self._constant(v, self._v(right), f"the v of the neuron {view.name(right)!r}, made"
                           " from what lies to its right")  # fmt: skip
            more = ""
            width = int(np.diff(view.structure.into[right : right + 2])[0])
            if width > 1:
                rest = self._sum_into(right) - self._product(edge, here)
                more = " + " + self._constant(
                    view.of("c", right), rest,
                    f"what the other left edges of {view.name(right)!r} add",
                )  # fmt: skip
            equations.append(f"{d} = {value}*{view.weight(edge)}{more}")
            terms.append(f"{v}*{d}")
            self.lines.append(f"role {d} = dot product")
        if others:
            total = sum(self._v(right) * self._w(edge) for edge, right in others)
            q = self._constant(
                view.of("q", here), total,
                f"the sum of w times v over the other {len(others):,} right edges of"
                f" {view.name(here)!r}",
            )  # fmt: skip
            terms.append(f"{q}*{value}")
        self.means["e"] = (
            "the loss as far as the neuron reaches it: a change of d to its right changes the"
            " loss v times as much"
        )
        self.lines += [f"role {value} = activation", *equations, f"loss e = {' + '.join(terms)}"]

    def _loss(self, here: int) -> None:
        view = self.view
        outputs = view.model.outputs.tolist()
        at = outputs.index(here)
        crossed = view.model.loss == "cross_entropy"
        y = view.of("y", here)
        self.lines.append(f"target {y}{self._assigned(self._target(at))}")
        if not crossed:
            self.lines.append(f"constant {view.into_loss(here)} = 1")
            self.lines.append(f"{view.of('s', here)} = {difference(view, here)}")
        shown, others = self._chosen([(p, p) for p in outputs], here)
        pairs = []
        for place, _ in shown:
            names = (view.value(place), view.of("y", place)) if crossed else (
                view.of("s", place), "")  # fmt: skip
            pairs.append(names)
            if place == here:
                continue
            k = outputs.index(place)
            if crossed:
                self._constant(names[0], self._h(place), f"the output {view.name(place)!r}")
                self.lines.append(f"constant {names[1]}{self._assigned(self._target(k))}")
            else:
                self._constant(names[0], self._h(place) - self._target(k),
                               f"the difference at the output {view.name(place)!r}")  # fmt: skip
        rest = ""
        if others:
            rest = self._constant(
                view.of("c", here) + "0", self._rest_of_loss([p for p, _ in others], outputs),
                f"what the other {len(others):,} outputs give",
            )  # fmt: skip
        self.lines += loss_equations(view.model.loss, pairs, rest)

    def _rest_of_loss(self, places: list[int], outputs: list[int]) -> float:
        if self.view.model.loss == "cross_entropy":
            return sum(float(np.exp(self._h(p))) for p in places)
        at = {place: k for k, place in enumerate(outputs)}
        return sum((self._h(p) - self._target(at[p])) ** 2 for p in places)

    # -- pieces ----------------------------------------------------------------------------

    def _chosen(
        self, pairs: list[tuple[int, int]], asked: int | None = None
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The pairs that are written, the one asked for among them, and the others."""
        if len(pairs) <= MOST_TERMS:
            return pairs, []
        first = self.edge if asked is None else asked
        wanted = [pair for pair in pairs if pair[0] == first]
        kept = set([*wanted, *(p for p in pairs if p[0] != first)][: MOST_TERMS - 1])
        return [p for p in pairs if p in kept], [p for p in pairs if p not in kept]

    def _held(self, place: int) -> None:
        """A neuron to the left: an input of the graph, or a value held as it is."""
        view, name = self.view, self.view.value(place)
        if place < view.structure.inputs:
            self.lines.append(f"input {name}{self._assigned(self._h(place))}")
        else:
            self.lines.append(f"constant {name}{self._assigned(self._h(place))}")
        self.declared.add(name)

    def _weight(self, edge: int) -> None:
        self.lines.append(f"weight {self.view.weight(edge)} = {self.view.weight_value(edge)}")

    def _constant(self, name: str, value: float, words: str) -> str:
        self.lines.append(f"constant {name}{self._assigned(value)}")
        self.means[_symbol(name)] = words
        return name

    def _assigned(self, value: float) -> str:
        if self.found is None or not np.isfinite(value):
            return ""
        return f" = {decimal(self.view.parameters.w.dtype.type(value))}"

    def _w(self, edge: int) -> float:
        return float(self.view.parameters.w[self.view.in_backward_order[edge]])

    def _h(self, place: int) -> float:
        return 0.0 if self.found is None else float(self.found.h[place, 0])

    def _v(self, place: int) -> float:
        return 0.0 if self.found is None else float(self.found.v[place, 0])

    def _product(self, edge: int, left: int) -> float:
        return self._w(edge) * self._h(left)

    def _sum_into(self, place: int) -> float:
        if self.found is None:
            return 0.0
        s = self.view.structure
        here = slice(int(s.into[place]), int(s.into[place + 1]))
        w = self.view.parameters.w[s.stored[here]].astype(np.float64)
        return float(w @ self.found.h[s.left[here], 0])

    def _target(self, column: int) -> float:
        return 0.0 if self.targets is None else float(self.targets[0, column])
