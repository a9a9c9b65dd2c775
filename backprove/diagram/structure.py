"""A network as a drawing: neurons in columns, and the edges between them.

Everything comes from the equations' terms. A neuron's dot product, weighted input and
activation are one neuron; differences and loss terms belong to the loss, which is one neuron
too. A column is a level: the longest way from the inputs. Large groups are folded: they stay
one block, and their edges are counted, not listed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from math import prod
from typing import Any, Literal, NamedTuple, TypeAlias

from ..errors import NetworkError
from ..expr import Index, Ref
from ..network import TRAINED, Network, expect_network
from ..roles import Role, mean_over_samples, roles
from .terms import Use, assignments, component, count, spelled, uses

FOLDED = 60
"""Groups of more neurons than this are folded into one block."""

LISTED = 20_000
"""The number of edges up to which they are listed one by one."""

GroupKind: TypeAlias = Literal[
    "input", "hidden", "sum", "output", "loss", "target", "quantity", "constant"
]
"""sum: the weighted sums of outputs that read all of them at once, as softmax does (logits)."""


@dataclass(frozen=True)
class Neuron:
    """One neuron: `h2[1]`, made of z2[1] and h2[1]. bias: the component added in it, or None."""

    id: str
    components: tuple[str, ...]
    bias: str | None = None


@dataclass(frozen=True)
class Group:
    """Neurons that one equation, or one declaration, gives.

    name: the quantity that names it, the last of its members. size: the number of neurons,
    None where a size has no number. shape: the length of each axis, a name where it has no
    number. neurons: empty where the group is folded. bias: the quantity added in it. beside:
    weights and biases that stand elsewhere in the drawing and enter these neurons directly.
    """

    name: str
    members: tuple[str, ...]
    kind: GroupKind
    column: int
    size: int | None
    shape: tuple[int | str, ...]
    layer: str | None
    folded: bool
    neurons: tuple[Neuron, ...]
    bias: str | None
    beside: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as numbers, strings, lists and tables."""
        answer: dict[str, Any] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }
        answer["neurons"] = [
            {"id": n.id, "components": list(n.components), "bias": n.bias} for n in self.neurons
        ]
        return answer


class Edge(NamedTuple):
    """From neuron to neuron. component: the weight that multiplies what passes, or None."""

    start: str
    end: str
    component: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as a table of strings."""
        return {"from": self.start, "to": self.end, "component": self.component}


class Aside(NamedTuple):
    """A weight or bias that enters a neuron directly: λ·w² in the loss, beside w's edges."""

    component: str
    end: str

    def as_json(self) -> dict[str, Any]:
        """The same as a table of strings."""
        return {"component": self.component, "to": self.end}


@dataclass(frozen=True)
class Family:
    """All edges between two groups that carry components of one weight, or none.

    count: how many, None where a size has no number; where they are not listed, edges that two
    terms share in part may count twice. to_axis: the axis of the weight that
    numbers the neurons that the edges lead to. drawn: whether the edges are listed.
    """

    start: str
    end: str
    weight: str | None
    count: int | None
    to_axis: int | None
    drawn: bool

    def as_json(self) -> dict[str, Any]:
        """The same as a table."""
        return {
            "from": self.start, "to": self.end, "weight": self.weight,
            "count": self.count, "to_axis": self.to_axis, "drawn": self.drawn,
        }  # fmt: skip


@dataclass(frozen=True)
class Diagram:
    """A network as neurons and edges.

    columns: how many. irregular: whether placing each column's neurons in the order given may
    draw edges across neurons or more crossings than need be. asides: the ways of weights into
    neurons that are no edges, none where they are too many to be listed. notes: what is not
    drawn, in words.
    """

    columns: int
    groups: tuple[Group, ...]
    edges: tuple[Edge, ...]
    families: tuple[Family, ...]
    irregular: bool
    asides: tuple[Aside, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as numbers, strings, lists and tables."""
        return {
            "columns": self.columns,
            "groups": [group.as_json() for group in self.groups],
            "edges": [edge.as_json() for edge in self.edges],
            "families": [family.as_json() for family in self.families],
            "irregular": self.irregular,
            "asides": [aside.as_json() for aside in self.asides],
            "notes": list(self.notes),
        }


def diagram(network: Network) -> Diagram:
    """The drawing of a network.

    Raises NetworkError for a network that was lifted over samples: what is drawn is one sample.
    """
    expect_network(network)
    if mean_over_samples(network) is not None:
        raise NetworkError(
            "this network was lifted over samples, so each neuron stands in it once a sample",
            "draw the network of one sample, as the file gives it",
        )
    return _Drawing(network).made()


class _Drawing:
    """The work on one network: what belongs together, then where it stands, then the edges."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.roles: Mapping[str, Role] = roles(network)
        self.uses = {name: uses(network, e) for name, e in network.equations.items()}
        self.owner = self._owners()
        self._own_groups_of_parameters()
        self.members: dict[str, list[str]] = {}
        for name, owner in self.owner.items():
            self.members.setdefault(owner, []).append(name)
        self.links = dict(self._links())
        self.sources: dict[str, set[str]] = {name: set() for name in self.members}
        self.readers: dict[str, set[str]] = {name: set() for name in self.members}
        for start, end, _ in self.links:
            self.sources[end].add(start)
            self.readers[start].add(end)
        self.columns = self._columns()

    def made(self) -> Diagram:
        groups = tuple(
            self._group(name) for name in sorted(self.members, key=self.columns.__getitem__)
        )
        families, edges = self._families({g.name for g in groups if g.folded})
        return Diagram(
            1 + max(self.columns.values()),
            groups,
            edges,
            families,
            self._irregular(groups, edges),
            self._asides(),
            self._notes(groups),
        )

    # -- what belongs together -------------------------------------------------------------

    def _owners(self) -> dict[str, str]:
        """Quantity → the quantity that names its group, for all that is drawn as neurons."""
        network = self.network
        owner = {q.name: q.name for q in network.of_kind("input", "target")}
        found: dict[str, str] = {}
        for name in reversed(list(network.equations)):
            # what does not reach the loss does not keep apart what does
            live = name in network.live
            consumers = [c for c in network.consumers[name] if c in network.live or not live]
            if name != network.loss and self._is_part_of_loss(name, consumers, found):
                found[name] = network.loss
            elif len(consumers) == 1 and self._is_same_neuron(name, consumers[0]):
                found[name] = found[consumers[0]]
            else:
                found[name] = name
        return owner | {name: found[name] for name in network.equations}

    def _is_part_of_loss(self, name: str, consumers: list[str], found: Mapping[str, str]) -> bool:
        """Differences and terms of the loss, with their arguments."""
        kind = self.roles[name].kind
        fits = kind in ("difference", "loss term") or self.network[name].hidden
        return (
            fits
            and bool(consumers)
            and all(found[consumer] == self.network.loss for consumer in consumers)
        )

    def _is_same_neuron(self, name: str, consumer: str) -> bool:
        """Whether the consumer's component i is made of this one's component i, unweighted."""
        fits = self.roles[name].kind in ("dot product", "weighted input")
        if not (fits or self.network[name].hidden) or consumer == self.network.loss:
            return False
        equation = self.network.equations[consumer]
        found = [use for use in self.uses[consumer] if use.source.name == name]
        return (
            self.network[name].shape == self.network[consumer].shape
            and all(use.source.indices == equation.left.indices for use in found)
            and all(use.weight is None for use in found)
        )

    def _own_groups_of_parameters(self) -> None:
        """Weights and constants that stand on no edge and are no bias are drawn themselves."""
        network = self.network
        on_edges = {use.weight.name for row in self.uses.values() for use in row if use.weight}
        self.biases: dict[str, Use] = {}
        found: dict[str, list[Use]] = {}
        biases = set[str]()
        for name, row in self.uses.items():
            for use in row:
                if network[use.source.name].kind not in TRAINED:
                    continue
                if use.alone and use.source.free <= use.target.free:
                    biases.add(use.source.name)
                    self.biases.setdefault(self.owner[name], use)
                else:
                    found.setdefault(use.source.name, []).append(use)
        used = {use.source.name for row in self.uses.values() for use in row}
        lonely = used - on_edges - biases - network.sizes.keys()
        for quantity in network.of_kind(*TRAINED, "constant"):
            if quantity.name in lonely:
                self.owner[quantity.name] = quantity.name
        self.beside = {name: row for name, row in found.items() if name not in self.owner}

    # -- where it stands -------------------------------------------------------------------

    def _links(self) -> Iterator[tuple[tuple[str, str, str | None], list[Use]]]:
        """(from, to, weight) → the uses that make these edges; what stays in a group has none."""
        found: dict[tuple[str, str, str | None], list[Use]] = {}
        for name, row in self.uses.items():
            for use in row:
                start, end = self.owner.get(use.source.name), self.owner[name]
                if start is not None and start != end:
                    weight = use.weight.name if use.weight else None
                    found.setdefault((start, end, weight), []).append(use)
        yield from found.items()

    def _columns(self) -> dict[str, int]:
        """Group → its level; marks (targets, constants) stand just before what reads them."""
        network = self.network
        sources, readers = self.sources, self.readers
        marks = {n for n in self.members if network[n].kind in ("target", "constant")}
        column: dict[str, int] = {}
        for name in TopologicalSorter(sources).static_order():
            if name not in marks:
                before = [column[source] for source in sources[name] - marks]
                column[name] = 1 + max(before) if before else int(bool(sources[name]))
        for name in marks:
            after = [column[reader] for reader in readers[name]]
            only_loss = readers[name] == {network.loss}
            column[name] = column[network.loss] if only_loss else max(min(after, default=0) - 1, 0)
        return column

    # -- groups ----------------------------------------------------------------------------

    def _group(self, name: str) -> Group:
        network, members = self.network, self.members[name]
        named = tuple(member for member in members if not network[member].hidden)
        shape = tuple(network.length(size) or size for size in network[name].shape)
        numbers = [length for length in shape if isinstance(length, int)]
        size = prod(numbers) if len(numbers) == len(shape) else None
        folded = size is None or size > FOLDED
        layer = self.roles[name].layer
        bias = self.biases.get(name)
        return Group(
            name=name,
            members=named,
            kind=self._kind(name),
            column=self.columns[name],
            size=size,
            shape=shape,
            layer=None if layer is None else str(layer),
            folded=folded,
            neurons=() if folded else tuple(self._neurons(name, named, numbers, bias)),
            bias=bias.source.name if bias else None,
            beside=tuple(
                source
                for source, row in self.beside.items()
                if any(self.owner[use.target.name] == name for use in row)
            ),
        )

    def _kind(self, name: str) -> GroupKind:
        if name == self.network.loss:
            return "loss"
        kind = self.roles[name].kind
        match kind:
            case "input" | "target" | "constant":
                return kind
            case "weight" | "bias":
                return "quantity"
        readers, sources = self.readers[name], self.sources[name]
        if readers == {self.network.loss} and sources:
            return "output"
        if kind == "quantity":
            return "quantity"
        if kind in ("weighted input", "dot product") and readers and self._feeds_outputs(name):
            return "sum"
        # a gate has an output's role, but what feeds other neurons is drawn inside the network
        return "hidden" if readers or kind != "output" else "output"

    def _feeds_outputs(self, name: str) -> bool:
        """Whether all that reads these neurons is what only the loss reads, or the loss."""
        loss = {self.network.loss}
        return all(r in loss or self.readers[r] == loss for r in self.readers[name])

    def _neurons(
        self, name: str, members: Iterable[str], shape: list[int], bias: Use | None
    ) -> Iterator[Neuron]:
        biases: dict[str, str] = {}
        if bias is not None and count(self.network, bias) is not None:
            rows = assignments(self.network, bias)
            at = self._neuron_of(bias.target)
            biases = dict(
                zip(spelled(at, bias, rows), spelled(bias.source, bias, rows), strict=True)
            )
        for indices in itertools.product(*(range(1, length + 1) for length in shape)):
            here = component(name, indices)
            if name == self.network.loss:
                parts = tuple(itertools.chain.from_iterable(map(self._components, members)))
            else:
                parts = tuple(component(member, indices) for member in members)
            yield Neuron(here, parts, biases.get(here))

    def _components(self, name: str) -> Iterator[str]:
        lengths = [self.network.length(size) for size in self.network[name].shape]
        if None in lengths:
            yield name
            return
        for indices in itertools.product(*(range(1, (n or 0) + 1) for n in lengths)):
            yield component(name, indices)

    # -- edges -----------------------------------------------------------------------------

    def _neuron_of(self, ref: Ref) -> Ref:
        """The neuron to which a component belongs."""
        owner = self.owner[ref.name]
        return Ref(owner, () if owner == self.network.loss else ref.indices)

    def _families(self, folded: set[str]) -> tuple[tuple[Family, ...], tuple[Edge, ...]]:
        """Families in order, and the edges of those between groups that are not folded."""
        families: list[Family] = []
        edges: list[Edge] = []
        for (start, end, weight), row in self.links.items():
            counts = [count(self.network, use) for use in self._apart(row)]
            most = None if None in counts else sum(n for n in counts if n is not None)
            number, drawn = most, False
            if most is not None and not {start, end} & folded and len(edges) + most <= LISTED:
                here = tuple(dict.fromkeys(self._edges(row)))
                edges.extend(here)
                number, drawn = len(here), True
            families.append(Family(start, end, weight, number, _to_axis(row), drawn))
        return tuple(families), tuple(edges)

    def _apart(self, row: list[Use]) -> list[Use]:
        """The uses without those whose edges another one gives too: z[i] beside all z[k]."""
        ways = {
            use: (
                *self._neuron_of(use.target).indices,
                *self._neuron_of(use.source).indices,
                *(use.weight.indices if use.weight else ()),
            )
            for use in row
        }
        kept: list[Use] = []
        for use in sorted(row, key=lambda use: -len(use.sizes)):
            if not any(_covers(ways[other], ways[use]) for other in kept):
                kept.append(use)
        return kept

    def _edges(self, row: list[Use]) -> Iterator[Edge]:
        for use in row:
            rows = assignments(self.network, use)
            start = spelled(self._neuron_of(use.source), use, rows)
            end = spelled(self._neuron_of(use.target), use, rows)
            weight = spelled(use.weight, use, rows) if use.weight else [None] * len(rows)
            yield from map(Edge, start, end, weight)

    def _asides(self) -> tuple[Aside, ...]:
        """Each component of a weight that enters a neuron directly, with that neuron."""
        every = [use for row in self.beside.values() for use in row]
        counts = [count(self.network, use) for use in every]
        if None in counts or sum(n for n in counts if n is not None) > LISTED:
            return ()
        found: dict[Aside, None] = {}
        for use in every:
            rows = assignments(self.network, use)
            components = spelled(use.source, use, rows)
            ends = spelled(self._neuron_of(use.target), use, rows)
            found |= dict.fromkeys(map(Aside, components, ends))
        return tuple(found)

    # -- the whole -------------------------------------------------------------------------

    def _irregular(self, groups: tuple[Group, ...], edges: tuple[Edge, ...]) -> bool:
        """Edges that skip a column, or several groups in one that are not joined to all."""
        marks = {g.name for g in groups if g.kind in ("target", "constant")}
        ways = [(s, e) for s, e, _ in self.links if s not in marks]
        if any(self.columns[end] - self.columns[start] != 1 for start, end in ways):
            return True
        columns: dict[int, list[Group]] = {}
        for group in groups:
            if group.name not in marks:
                columns.setdefault(group.column, []).append(group)
        joined = {(edge.start, edge.end) for edge in edges}
        for at, here in columns.items():
            after = columns.get(at + 1, [])
            if len(here) > 1 or len(after) > 1:
                pairs = itertools.product(_ids(here), _ids(after))
                if any(pair not in joined for pair in pairs):
                    return True
        return False

    def _notes(self, groups: tuple[Group, ...]) -> tuple[str, ...]:
        notes = []
        symbolic = [g.name for g in groups if g.size is None]
        if symbolic:
            notes.append(
                f"{', '.join(symbolic)}: a size without a number, so the neurons cannot be listed"
            )
        for name, row in self.beside.items():
            owners = dict.fromkeys(self.owner[use.target.name] for use in row)
            notes.append(f"{name} enters {' and '.join(owners)} directly, too")
        return tuple(notes)


def _ids(groups: list[Group]) -> list[str]:
    return [neuron.id for group in groups for neuron in group.neurons]


def _covers(general: tuple[Index, ...], special: tuple[Index, ...]) -> bool:
    """Whether putting something for the letters of one row of indices gives the other."""
    change: dict[Index, Index] = {}
    return all(
        (change.setdefault(a, b) if isinstance(a, str) else a) == b
        for a, b in zip(general, special, strict=True)
    )


def _to_axis(row: list[Use]) -> int | None:
    """The axis of the weight whose letter numbers the target, where all uses agree."""
    axes = set[int | None]()
    for use in row:
        indices: tuple[Index, ...] = use.weight.indices if use.weight else ()
        to = [axis for axis, index in enumerate(indices) if index in use.target.indices]
        axes.add(to[0] if len(to) == 1 else None)
    return axes.pop() if len(axes) == 1 else None


__all__ = ["FOLDED", "LISTED", "Aside", "Diagram", "Edge", "Family", "Group", "Neuron", "diagram"]
