"""`GraphNetwork`: any acyclic graph of neurons, with its weights; evaluated, trained, explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import DataError
from ..network import Network
from ..run.optimizers import recipe
from ..run.values import check_memory, in_precision
from .explaining import Explanation, explanation
from .passes import Model, Parameters, Pass
from .plain import Neurons
from .plain import network as plain_network
from .scalars import known_activation, known_loss
from .sources import EdgeList, Name, lookup, read_edges
from .structure import Structure, structure
from .training import Passes, Progress, passes, train

Array: TypeAlias = NDArray[Any]
Samples: TypeAlias = "Array | Sequence[Any] | Mapping[Any, Any]"
"""One row a sample, one row alone, or for each neuron by name its value or values."""

_PROMISE_KEPT = 1e-4  # room for class targets given to a few decimals


@dataclass(frozen=True)
class Evaluation:
    """What a graph comes to for B samples; neurons and edges in the caller's order.

    loss: the mean of losses, (B,). gradients: (E,), bias_gradients: (N,), of the mean loss;
    0 at inputs. h: (B, N), each neuron's value; v: (B, N), the source's gradient intermediate
    value: ∂loss/∂(d + b) of a neuron for that sample, ∂loss/∂x of an input.
    """

    loss: float
    losses: Array
    gradients: Array
    bias_gradients: Array
    v: Array
    h: Array


class GraphNetwork:
    """An acyclic graph of neurons and its parameters; made by `from_graph`.

    neurons: names in the source's order; inputs, outputs: names in the order of data columns.
    loss, dtype: as asked for. notes: what was drawn, in words.
    """

    def __init__(
        self,
        edges: EdgeList,
        activations: Sequence[str],
        kinds: Array,
        loss: str,
        *,
        inputs: Iterable[Name] | None,
        outputs: Iterable[Name] | None,
        bias: bool | Mapping[Name, float] | Array,
        seed: int,
        dtype: DTypeLike,
    ) -> None:
        self._edges = edges
        self._numbers: Mapping[Name, int] | None = None
        self.loss, self.dtype = loss, np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise DataError(f"a graph computes in float32 or float64, not {self.dtype}")
        s = structure(len(edges.names), edges.left, edges.right, kinds, self._said)
        self._structure: Structure = s
        sources = np.flatnonzero(np.diff(s.into) == 0)
        sinks = np.flatnonzero(np.diff(s.out_of) == 0)
        self._inputs = self._order(inputs, sources, "input", "left")
        self._outputs = self._order(outputs, sinks, "output", "right")
        self.notes: tuple[str, ...] = ()
        self._parameters = Parameters(
            self._first_weights(seed), self._first_biases(bias), bias is not False
        )
        self._model = Model(s, tuple(activations), loss, self._outputs.astype(np.int32))
        self._run: tuple[tuple[str, int, int | None], Passes] | None = None

    # -- what it is ------------------------------------------------------------------------

    def __repr__(self) -> str:
        s = self._structure
        return (
            f"<GraphNetwork: {s.neurons:,} neurons ({s.inputs:,} inputs, {len(self._outputs):,}"
            f" outputs), {s.edges:,} edges, {s.levels:,} levels, {self.loss}>"
        )

    @property
    def neurons(self) -> list[Name]:
        """The names, in the source's order."""
        return [self._edges.name(n) for n in range(self._structure.neurons)]

    @property
    def inputs(self) -> list[Name]:
        """The neurons without left edges, in the order of the columns of the inputs."""
        return [self._name(n) for n in self._inputs.tolist()]

    @property
    def outputs(self) -> list[Name]:
        """The neurons without right edges, in the order of the columns of the targets."""
        return [self._name(n) for n in self._outputs.tolist()]

    @property
    def levels(self) -> int:
        """How many levels there are, that of the inputs counted."""
        return self._structure.levels

    @property
    def edges(self) -> tuple[Array, Array]:
        """The left and the right neuron of each edge, as positions in `neurons`; (E,) each."""
        return self._edges.left, self._edges.right

    def edge(self, left: Name, right: Name) -> int:
        """The position of an edge in the source's order; raises DataError where there is none."""
        s = self._structure
        a, b = s.place[self._number(left)], s.place[self._number(right)]
        first, last = int(s.out_of[a]), int(s.out_of[a + 1])
        at = first + int(np.searchsorted(s.right[first:last], b))
        if at == last or s.right[at] != b:
            ends = [self._said(int(s.neuron[n])) for n in s.right[first : min(last, first + 6)]]
            more = f", … ({last - first:,} in all)" if last - first > 6 else ""
            raise DataError(
                f"there is no edge {left!r} → {right!r}",
                f"the edges of {left!r} lead to {', '.join(ends)}{more}"
                if ends
                else f"{left!r} is an output: it has no right edges",
            )
        return int(s.edge[at])

    # -- parameters ------------------------------------------------------------------------

    @property
    def weights(self) -> Array:
        """A copy of the weights, (E,), in the source's order of edges."""
        found = np.empty_like(self._parameters.w)
        found[self._structure.edge] = self._parameters.w
        return found

    @weights.setter
    def weights(self, values: Any) -> None:
        given = self._parameter(values, self._structure.edges, "weights", "edges")
        self._parameters.w[:] = given[self._structure.edge]

    @property
    def biases(self) -> Array:
        """A copy of the biases, (N,), in the order of `neurons`; 0 at inputs."""
        return np.asarray(self._parameters.b[self._structure.place])

    @biases.setter
    def biases(self, values: Any) -> None:
        given = self._parameter(values, self._structure.neurons, "biases", "neurons")
        self._parameters.b[:] = given[self._structure.neuron]
        self._parameters.b[: self._structure.inputs] = 0

    # -- numbers ---------------------------------------------------------------------------

    def evaluate(
        self,
        inputs: Samples,
        targets: Samples,
        *,
        backend: str = "auto",
        threads: int | None = None,
    ) -> Evaluation:
        """Loss, gradients, v and h for the samples.

        inputs: (B, inputs), or one row; targets: (B, outputs). backend: auto, c or numpy.
        Raises DataError for arrays of another shape, and for numbers that are not finite.
        """
        x, y = self._data(inputs, targets)
        found = self._passes(backend, len(x), threads).run(x, y)
        return self._evaluation(found)

    def predict(
        self, inputs: Samples, *, backend: str = "auto", threads: int | None = None
    ) -> Array:
        """What the outputs give, (B, outputs); before a cross-entropy, what its softmax is given.

        inputs: (B, inputs), or one row.
        """
        x = self._rows(inputs, self._inputs, "inputs")
        self._check_size(len(x), 1)
        run = self._passes(backend, len(x), threads)
        return np.ascontiguousarray(run.predict(np.ascontiguousarray(x[:, self._input_order])))

    def train(
        self,
        inputs: Samples,
        targets: Samples,
        epochs: int = 1,
        batch_size: int = 32,
        optimizer: str = "sgd",
        eta: float | None = None,
        *,
        decay: float | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        schedule: str = "constant",
        warmup: int = 0,
        seed: int = 0,
        backend: str = "auto",
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[float]:
        """Train in place; the mean loss of each epoch, as it was before each of its steps.

        optimizer, eta, decay, clip_value, clip_norm, schedule, warmup: as in `bp.train`; plain
        gradient descent is part of the backward pass itself. seed: shuffles the samples.
        progress: called after each epoch with its number, from 1, and its loss. Raises
        DataError where the loss is no longer finite: the parameters are then those of the last
        good epoch.
        """
        if epochs < 0 or batch_size < 1:
            raise DataError(f"{epochs} epochs in batches of {batch_size} cannot be trained")
        x, y = self._data(inputs, targets, batch_size)
        batch = min(batch_size, len(x))
        made = recipe(
            optimizer, eta=eta, decay=decay, clip_value=clip_value, clip_norm=clip_norm,
            schedule=schedule, warmup=warmup, steps=epochs * -(-len(x) // batch),
        )  # fmt: skip
        run = self._passes(backend, batch, threads)
        return train(run, self._parameters, x, y, epochs, batch, made, seed, progress)

    # -- equations -------------------------------------------------------------------------

    def network(self) -> Network:
        """The same network as equations, in the letters of the source, its values put in.

        One equation a neuron, so that every other part of backprove serves it. Raises DataError
        above a few thousand edges.
        """
        return plain_network(self._view())

    def explain(
        self,
        edge: int | str | tuple[Name, Name],
        inputs: Samples | None = None,
        targets: Samples | None = None,
        *,
        whole: bool | None = None,
    ) -> Explanation:
        """The derivation of one weight's gradient: print it to read it.

        edge: the pair (left, right), the position of the edge, or its symbol "w8". inputs,
        targets: one sample, for numbers. whole: derive through the whole graph, else from the
        v of the neurons to the right; by default the whole of up to a hundred edges.
        """
        numbers = None
        if inputs is not None or targets is not None:
            if inputs is None or targets is None:
                raise DataError("numbers need both the inputs and the targets of one sample")
            x, y = self._data(inputs, targets)
            if len(x) != 1:
                raise DataError(f"numbers are shown for one sample, not for {len(x):,}")
            numbers = self._passes("auto", 1, None).run(x, y)
        return explanation(self._view(), self._edge_number(edge), numbers, y if numbers else None,
                           whole)  # fmt: skip

    # -- inside ----------------------------------------------------------------------------

    def _passes(self, backend: str, samples: int, threads: int | None) -> Passes:
        """The backend for batches of so many samples; the last one is kept."""
        asked = (backend, samples, threads)
        if self._run is None or self._run[0] != asked:
            self._run = asked, passes(self._model, self._parameters, backend, samples, threads)
        return self._run[1]

    def _view(self) -> Neurons:
        return Neurons(self._model, self._parameters, self._inputs, self._edges)

    def _name(self, place: int) -> Name:
        """The name of a neuron by its place in the sorted graph."""
        return self._edges.name(int(self._structure.neuron[place]))

    def _said(self, number: int) -> str:
        return repr(self._edges.name(number))

    def _number(self, name: Name) -> int:
        names = self._edges.names
        if isinstance(names, np.ndarray) and names.dtype.kind in "iu":  # they ascend
            at = int(np.searchsorted(names, name)) if isinstance(name, int | np.integer) else -1
            if 0 <= at < len(names) and names[at] == name:
                return at
        else:
            if self._numbers is None:
                self._numbers = lookup(names)
            try:
                return self._numbers[name]
            except (KeyError, TypeError):
                pass
        raise DataError(f"there is no neuron {name!r}", f"there is {self._said(0)}, for one")

    def _edge_number(self, edge: int | str | tuple[Name, Name]) -> int:
        if isinstance(edge, tuple) and len(edge) == 2:
            return self.edge(*edge)
        number = -1
        if isinstance(edge, int | np.integer) and not isinstance(edge, bool):
            number = int(edge)
        elif isinstance(edge, str) and edge[:1] == "w" and edge[1:].isdecimal():
            number = int(edge[1:]) - 1
        if not 0 <= number < self._structure.edges:
            raise DataError(
                f"{edge!r} is no edge of this graph",
                f"write (left, right), a position from 0 to {self._structure.edges - 1:,}, or"
                f" 'w1' to 'w{self._structure.edges}'",
            )
        return number

    def _order(self, names: Iterable[Name] | None, found: Array, what: str, side: str) -> Array:
        """Places of inputs or outputs in the order of `names`, each named once."""
        if names is None:
            by_name = np.argsort(self._structure.neuron[found], kind="stable")
            return np.asarray(found[by_name])
        wanted = list(names)
        places = np.array([self._structure.place[self._number(n)] for n in wanted], np.int64)
        wrong = np.flatnonzero(~np.isin(places, found))
        if len(wrong):
            raise DataError(
                f"{wanted[wrong[0]]!r} is no {what}: it has {side} edges",
                f"the {what}s are the neurons without {side} edges",
            )
        left_out = np.setdiff1d(found, places)
        if len(left_out):
            raise DataError(
                f"the neuron {self._name(int(left_out[0]))!r} has no {side} edges, but is not"
                f" among the {what}s",
                f"name it there, or join it to others on its {side}",
            )
        if len(np.unique(places)) < len(places):
            raise DataError(f"the {what}s name a neuron twice")
        return places

    @property
    def _input_order(self) -> Array:
        """For each input in the sorted graph, its column in the data."""
        return np.argsort(self._inputs)

    def _first_weights(self, seed: int) -> Array:
        s = self._structure
        if self._edges.weights is not None:
            return in_precision(self._edges.weights[s.edge], self.dtype)
        # uniform within sqrt(6/(edges into the right neuron + edges out of the left one)):
        # Glorot and Bengio 2010, with a neuron's own numbers of edges for its layer's
        self.notes = (f"weights drawn at random (Glorot uniform, seed {seed})",)
        joined = np.diff(s.into)[s.place[self._edges.right]].astype(np.float64)
        joined += np.diff(s.out_of)[s.place[self._edges.left]]
        drawn = np.random.default_rng(seed).uniform(-sqrt(6), sqrt(6), s.edges) / np.sqrt(joined)
        return drawn[s.edge].astype(self.dtype)

    def _first_biases(self, bias: bool | Mapping[Name, float] | Array) -> Array:
        s = self._structure
        said: dict[Name, Any] = {} if bias is False else dict(self._edges.biases)
        if not isinstance(bias, bool | Mapping):
            row = self._parameter(bias, s.neurons, "biases", "neurons")
            sorted_row = row[s.neuron]
            sorted_row[: s.inputs] = 0
            return sorted_row
        if isinstance(bias, Mapping):
            said.update(bias)
        found = np.zeros(s.neurons, self.dtype)
        for name, value in said.items():
            place = int(s.place[self._number(name)])
            try:
                number = float(value)
            except (TypeError, ValueError):
                number = float("nan")
            if not np.isfinite(number):
                raise DataError(f"the bias of {name!r} is {value!r}", "a bias is a finite number")
            if place < s.inputs and number != 0:
                raise DataError(f"the neuron {name!r} is an input: it has no bias")
            found[place] = number
        return found

    def _parameter(self, values: Any, length: int, what: str, one: str) -> Array:
        try:
            array = in_precision(values, self.dtype)
        except (TypeError, ValueError):
            raise DataError(f"the {what} are not numbers") from None
        if array.shape != (length,):
            raise DataError(f"{length:,} {one} need as many {what}, not {array.shape}")
        if not np.isfinite(array).all():
            raise DataError(f"some of the {what} are not finite")
        return array

    def _data(
        self, inputs: Samples, targets: Samples, batch_size: int | None = None
    ) -> tuple[Array, Array]:
        x = self._rows(inputs, self._inputs, "inputs")
        y = self._rows(targets, self._outputs, "targets")
        if len(x) != len(y):
            raise DataError(
                f"the inputs hold {len(x):,} samples, but the targets {len(y):,}",
                "a sample has one row in each",
            )
        if self.loss == "cross_entropy":
            off = np.abs(y.sum(axis=1, dtype=np.float64) - 1)
            if (off > _PROMISE_KEPT).any():
                row = int(np.argmax(off > _PROMISE_KEPT))
                raise DataError(
                    f"the targets of sample {row} sum to {y[row].sum():.6g}, not to 1",
                    "a cross-entropy compares probabilities: give each class its own column",
                )
        self._check_size(len(x) if batch_size is None else min(batch_size, len(x)), 3)
        return np.ascontiguousarray(x[:, self._input_order]), y

    def _check_size(self, samples: int, arrays: int) -> None:
        size = arrays * self._structure.neurons * samples * self.dtype.itemsize
        check_memory(size, f"the values of {samples:,} samples")

    def _rows(self, data: Samples, places: Array, what: str) -> Array:
        if isinstance(data, Mapping):
            data = self._by_name(data, places, what)
        try:
            array = in_precision(data, self.dtype)
        except (TypeError, ValueError):
            raise DataError(f"the {what} are not numbers in rows of one length") from None
        if array.ndim == 1:
            array = array[None, :]
        if array.ndim != 2 or array.shape[1] != len(places):
            one = what.removesuffix("s")
            raise DataError(
                f"the {what} have the shape {array.shape}, but the graph has {len(places):,}"
                f" {'inputs' if one == 'input' else 'outputs'}",
                f"give (samples, {len(places)}): one row a sample",
            )
        if not len(array):
            raise DataError(f"the {what} hold no samples")
        if not np.isfinite(array).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise DataError(
                f"the {what} hold {array[row, column]} at sample {row}, neuron"
                f" {self._name(int(places[column]))!r}",
                "leave such samples out, or put a number there",
            )
        return np.ascontiguousarray(array)

    def _by_name(self, data: Mapping[Any, Any], places: Array, what: str) -> Array:
        names = [self._name(n) for n in places.tolist()]
        missing = [name for name in names if name not in data]
        if missing:
            raise DataError(f"the {what} have no value for the neuron {missing[0]!r}")
        if len(data) > len(names):
            unknown = next(name for name in data if name not in set(names))
            raise DataError(f"the {what} have a value for {unknown!r}, which is none of them")
        columns = [np.atleast_1d(np.asarray(data[name], self.dtype)) for name in names]
        if len({column.shape for column in columns}) > 1:
            raise DataError(f"the {what} have different numbers of samples")
        return np.stack(columns, axis=-1)

    def _evaluation(self, found: Pass) -> Evaluation:
        s = self._structure
        gradients = np.empty_like(found.g)
        gradients[s.edge] = found.g
        return Evaluation(
            float(found.losses.mean(dtype=np.float64)),
            found.losses,
            gradients,
            found.gb[s.place],
            found.v[s.place].T,
            found.h[s.place].T,
        )


def from_graph(
    graph: Any,
    *,
    activation: str = "sigmoid",
    loss: str = "squared_error",
    output_activation: str | None = None,
    activations: Mapping[Name, str] | None = None,
    weight: str | None = "weight",
    bias: bool | Mapping[Name, float] | Array = True,
    inputs: Iterable[Name] | None = None,
    outputs: Iterable[Name] | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float32,
) -> GraphNetwork:
    """Any acyclic graph of neurons: edges may skip levels; up to 10 million of them.

    graph: a networkx DiGraph (attributes `weight` of edges, `activation` and `bias` of nodes);
    a path of a CSV or Parquet file with the columns left, right, weight; a SciPy sparse matrix,
    whose entry in row i and column j is the edge from i to j; columns (left, right, weight); a
    list of edges. Neurons without left edges are inputs, those without right edges outputs.
    activation: of every neuron but the inputs. output_activation: of the outputs; by default
    the same, but linear before a cross-entropy, which brings its softmax. activations: of single
    neurons, by name. loss: squared_error (½ Σ), sse or cross_entropy.
    weight: the attribute or column of the weights; None draws them by the seed.
    bias: False for none; values by neuron, or an array in the order of the neurons; else 0.
    inputs, outputs: their names in the order of the data's columns.
    Raises DataError for what is no such graph: a cycle, an edge that occurs twice, …
    """
    edges = read_edges(graph, weight)
    kind_of: dict[str, int] = {}

    def kind(name: object) -> int:
        return kind_of.setdefault(known_activation(name), len(kind_of))

    loss = known_loss(loss)
    if loss == "cross_entropy" and output_activation not in (None, "linear"):
        raise DataError(
            f"cross_entropy brings its own softmax, so {output_activation} cannot stand there"
        )
    last = "linear" if loss == "cross_entropy" else activation
    kinds = np.full(len(edges.names), kind(activation), np.int32)
    ends = np.ones(len(kinds), bool)
    ends[edges.left] = False
    kinds[ends] = kind(last if output_activation is None else output_activation)
    single = {**edges.activations, **(activations or {})}
    if single:
        number = lookup(edges.names)
        for name, function in single.items():
            if name not in number:
                raise DataError(f"there is no neuron {name!r}, which is given an activation")
            if loss == "cross_entropy" and ends[number[name]]:
                if known_activation(function) == "linear":
                    continue
                raise DataError(
                    f"the output {name!r} cannot have the activation {function}:"
                    " cross_entropy brings its own softmax"
                )
            kinds[number[name]] = kind(function)
    used = sorted(name for name, number in kind_of.items() if (kinds == number).any())
    rank = np.zeros(len(kind_of), np.int32)  # by name, so that graphs alike share a library
    for position, name in enumerate(used):
        rank[kind_of[name]] = position
    return GraphNetwork(
        edges, used, rank[kinds], loss,
        inputs=inputs, outputs=outputs, bias=bias, seed=seed, dtype=dtype,
    )  # fmt: skip
