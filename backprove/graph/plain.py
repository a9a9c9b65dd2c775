"""A graph as a network of equations, in the letters of the source with one letter a quantity.

x is an input, d a dot product without its bias b, h = f(d + b) a hidden neuron's value, u an
output's, y its target, s = u - y, w the weight of an edge; the edges into the loss are 1.
Numbers follow the names where all neurons are called by numbers; else the inputs are numbered
from 1, and the other neurons from 1. Edges are numbered from 1 in the source's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..language import parse
from ..network import Network
from .passes import Model, Parameters
from .scalars import LINEAR
from .sources import EdgeList, Name
from .structure import Structure

Array: TypeAlias = NDArray[Any]

MOST_EDGES = 5_000
"""Edges above which a graph is not written out as equations."""


@dataclass(frozen=True)
class Neurons:
    """A graph with the letters and numbers by which equations call its parts.

    Neurons are given by their place in the sorted graph, edges by their number in the source.
    inputs: the places of the inputs, in the order of the data's columns.
    """

    model: Model
    parameters: Parameters
    inputs: Array
    edges: EdgeList

    @property
    def structure(self) -> Structure:
        return self.model.structure

    @cached_property
    def numbers(self) -> Array:
        """The number of each neuron, by place."""
        s, names = self.structure, self.edges.names
        if isinstance(names, np.ndarray):
            named = names.dtype.kind in "iu" and int(names.min()) >= 0
        else:
            named = all(type(name) is int and name >= 0 for name in names)
        if named:
            return np.asarray(names)[s.neuron]
        numbers = np.zeros(s.neurons, np.int64)
        numbers[self.inputs] = np.arange(1, len(self.inputs) + 1)
        others = s.place[s.place >= s.inputs]  # in the source's order
        numbers[others] = np.arange(1, len(others) + 1)
        return numbers

    @cached_property
    def sinks(self) -> frozenset[int]:
        return frozenset(self.model.outputs.tolist())

    @cached_property
    def in_backward_order(self) -> Array:
        """The place of each edge of the source in backward order."""
        order = np.empty(self.structure.edges, np.int32)
        order[self.structure.edge] = np.arange(len(order), dtype=np.int32)
        return order

    def name(self, place: int) -> Name:
        return self.edges.name(int(self.structure.neuron[place]))

    def of(self, letter: str, place: int) -> str:
        """A quantity of a neuron: d3 for letter d."""
        return f"{letter}{self.numbers[place]}"

    def value(self, place: int) -> str:
        """What a neuron gives: x1, h3 or u4."""
        letter = "u" if place in self.sinks else "x" if place < self.structure.inputs else "h"
        return self.of(letter, place)

    def weight(self, edge: int) -> str:
        """The weight of an edge of the source."""
        return f"w{edge + 1}"

    def into_loss(self, place: int) -> str:
        """The weight of the edge from an output into the loss, which is 1."""
        at = int(np.flatnonzero(self.model.outputs == place)[0])
        return f"w{self.structure.edges + 1 + at}"

    def biased(self, place: int) -> bool:
        """Whether a neuron's bias is written: it is trained, or not 0."""
        return self.parameters.biased or bool(self.parameters.b[place] != 0)

    def left_of(self, place: int) -> list[tuple[int, int]]:
        """The left edges of a neuron as (edge, left neuron), in the source's order."""
        s = self.structure
        here = slice(int(s.into[place]), int(s.into[place + 1]))
        return sorted(zip(s.edge[s.stored[here]].tolist(), s.left[here].tolist(), strict=True))

    def right_of(self, place: int) -> list[tuple[int, int]]:
        """The right edges of a neuron as (edge, right neuron), in the source's order."""
        s = self.structure
        here = slice(int(s.out_of[place]), int(s.out_of[place + 1]))
        return sorted(zip(s.edge[here].tolist(), s.right[here].tolist(), strict=True))

    def activated(self, place: int) -> str:
        """The equation's right side for a neuron's value: f(d3 + b3)."""
        argument = self.of("d", place)
        if self.biased(place):
            argument += f" + {self.of('b', place)}"
        name = self.model.activations[int(self.structure.kinds[place])]
        return argument if name == LINEAR else f"{name}({argument})"

    def bias(self, place: int) -> str:
        """The declaration of a neuron's bias."""
        kind = "bias" if self.parameters.biased else "constant"
        return f"{kind} {self.of('b', place)} = {decimal(self.parameters.b[place])}"

    def weight_value(self, edge: int) -> str:
        """The number of a weight as it is written."""
        return decimal(self.parameters.w[self.in_backward_order[edge]])


def decimal(value: Any) -> str:
    """The shortest decimal that reads back as this number, without an exponent."""
    return np.format_float_positional(value, trim="-")


def loss_equations(loss: str, outputs: Iterable[tuple[str, str]], rest: str = "") -> list[str]:
    """The equations of the loss e from pairs: (s, s) names of differences, or (u, y) where it is
    a cross-entropy; rest: what else is added, where some outputs are not written."""
    pairs = list(outputs)
    more = f" + {rest}" if rest else ""
    if loss == "cross_entropy":
        # log sum exp u - sum y u: softmax with cross-entropy where the targets sum to 1
        exponentials = " + ".join(f"exp({u})" for u, _ in pairs)
        products = " - ".join(f"{y}*{u}" for u, y in pairs)
        return [f"q = {exponentials}{more}", f"loss e = log(q) - {products}"]
    squares = " + ".join(f"{s}^2" for s, _ in pairs)
    if loss == "sse":
        return [f"loss e = {squares}{more}"]
    return [f"loss e = ({squares}{more})/2"]


def network(view: Neurons) -> Network:
    """The whole graph as a network. Raises DataError above MOST_EDGES edges."""
    s = view.structure
    if s.edges > MOST_EDGES:
        raise DataError(
            f"{s.edges:,} edges are more than the {MOST_EDGES:,} that are written as equations",
            "`explain` answers for any single edge",
        )
    outputs = view.model.outputs.tolist()
    crossed = view.model.loss == "cross_entropy"
    later = sorted(range(s.inputs, s.neurons), key=lambda place: view.numbers[place])
    lines = [
        "# A graph of neurons",
        "input " + ", ".join(view.value(p) for p in view.inputs.tolist()),
        "target " + ", ".join(view.of("y", p) for p in outputs),
    ]
    lines += [f"weight {view.weight(e)} = {view.weight_value(e)}" for e in range(s.edges)]
    lines += [view.bias(p) for p in later if view.biased(p)]
    if not crossed:
        lines += [f"constant {view.into_loss(p)} = 1" for p in outputs]
    for place in range(s.inputs, s.neurons):
        terms = (f"{view.value(left)}*{view.weight(e)}" for e, left in view.left_of(place))
        lines.append(f"{view.of('d', place)} = {' + '.join(terms)}")
        lines.append(f"{view.value(place)} = {view.activated(place)}")
    if crossed:
        pairs = [(view.value(p), view.of("y", p)) for p in outputs]
    else:
        lines += [f"{view.of('s', p)} = {difference(view, p)}" for p in outputs]
        pairs = [(view.of("s", p), "") for p in outputs]
    lines += loss_equations(view.model.loss, pairs)
    return parse("\n".join([*lines, ""]), "graph")


def difference(view: Neurons, place: int) -> str:
    """w9*u3 - y3"""
    return f"{view.into_loss(place)}*{view.value(place)} - {view.of('y', place)}"
