"""A network's forward program, prepared and run over samples: scores, predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from .fitted import Fit, TargetFit
from .lower import CONSTRAINT, MEAN_LOSS, lower
from .numpy_backend import Prepared, prepare
from .program import Program
from .values import check_constraints, check_memory, constant_values

Array: TypeAlias = NDArray[Any]

_Chunk: TypeAlias = tuple[slice, dict[str, Array]]  # which samples, and their results

_CHUNK = 1024  # samples at a time where nothing is learned


@dataclass(frozen=True)
class Score:
    """How well a network does on some samples.

    loss: the mean of the network's loss. measures: `accuracy` for class targets, else
    `mean squared error` and `R²`; none where no quantity is compared with the target.
    """

    samples: int
    loss: float
    measures: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predicted quantity of one target over samples, and labels where it has classes."""

    target: str
    quantity: str
    values: Array
    labels: tuple[str, ...]
    confidence: Array | None
    columns: tuple[str, ...] = ()


class Runner:
    """The forward programs of one network, prepared, with and without its loss."""

    def __init__(self, network: Network, fitted: Fit, dtype: str) -> None:
        self.network, self.fit = network, fitted
        self.dtype = np.dtype(dtype)
        self.constants = constant_values(network, self.dtype)
        self._forward: dict[bool, Prepared] = {}

    def score(
        self, parameters: Mapping[str, Array], arrays: Mapping[str, Array], samples: int
    ) -> Score:
        """Mean loss and measures, a chunk of samples at a time."""
        return self._scored(arrays, samples, self._chunks(parameters, arrays, samples, True))

    def predicted(
        self,
        parameters: Mapping[str, Array],
        arrays: Mapping[str, Array],
        samples: int,
        scored: bool = False,
    ) -> tuple[dict[str, Array], Score | None]:
        """The predicted quantities over all samples, and how good they are if that is asked."""
        chunks = list(self._chunks(parameters, arrays, samples, scored))
        names = [t.predicted for t in self.fit.targets if t.predicted]
        found = {name: np.concatenate([r[name] for _, r in chunks]) for name in names}
        return found, self._scored(arrays, samples, chunks) if scored else None

    def _scored(self, arrays: Mapping[str, Array], samples: int, chunks: Iterable[_Chunk]) -> Score:
        total, measures = 0.0, _Measures(self.fit)
        for rows, results in chunks:
            total += float(results[MEAN_LOSS]) * (rows.stop - rows.start)
            measures.add(results, {n: array[rows] for n, array in arrays.items()})
        return Score(samples, total / samples, measures.result())

    def check_targets(
        self, arrays: Mapping[str, Array], samples: int, where: Callable[[int], str]
    ) -> None:
        """Raises DataError where a sample's target breaks what the file promises of it."""
        if self.network.constraints and samples:
            found = self._promises({**self.constants, **arrays}, samples)
            check_constraints(self.network, found, where)

    def _chunks(
        self,
        parameters: Mapping[str, Array],
        arrays: Mapping[str, Array],
        samples: int,
        with_loss: bool,
    ) -> Iterator[_Chunk]:
        forward = self._forward.get(with_loss)
        if forward is None:
            names = [t.predicted for t in self.fit.targets if t.predicted]
            program = lower(self.network, {}, [*names, *([MEAN_LOSS] if with_loss else [])])
            forward = self._forward[with_loss] = self._prepared(program)
        for start in range(0, samples, _CHUNK):
            rows = slice(start, min(start + _CHUNK, samples))
            chunk = {name: array[rows] for name, array in arrays.items()}
            given = {**self.constants, **parameters, **chunk}
            yield rows, forward(given, rows.stop - rows.start)

    @cached_property
    def _promises(self) -> Prepared:
        """What the promises of the targets are off by, a sample."""
        names = [f"{CONSTRAINT}{number}" for number in range(len(self.network.constraints))]
        return prepare(lower(self.network, {}, names), self.dtype)

    def _prepared(self, program: Program) -> Prepared:
        needed = program.bytes_needed(_CHUNK, self.dtype.itemsize)
        check_memory(needed, f"a chunk of {_CHUNK} samples")
        return prepare(program, self.dtype)


class _Measures:
    """Accuracy or error, gathered over chunks."""

    def __init__(self, fitted: Fit) -> None:
        self.targets = [t for t in fitted.targets if t.predicted]
        self.right = self.classified = 0
        self.squares = self.squared_error = self.total = 0.0
        self.count = 0

    def add(self, results: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
        for t in self.targets:
            found = results[t.predicted].astype(np.float64)
            wanted = arrays[t.name].astype(np.float64)
            if t.classes:
                self.right += int((_chosen(found) == _chosen(wanted)).sum())
                self.classified += len(found)
            else:
                self.squared_error += float(np.square(found - wanted).sum())
                self.squares += float(np.square(wanted).sum())
                self.total += float(wanted.sum())
                self.count += wanted.size

    def result(self) -> dict[str, float]:
        said = {}
        if self.classified:
            said["accuracy"] = self.right / self.classified
        if self.count:
            said["mean squared error"] = self.squared_error / self.count
            spread = self.squares - self.total**2 / self.count
            if spread > 0 and len(self.targets) == 1:
                said["R²"] = 1 - self.squared_error / spread
        return said


def _chosen(values: Array) -> Array:
    """The class of each sample: the largest component, or for a scalar whether it is over 1/2."""
    if values.ndim == 1 or values.shape[1] == 1:
        return np.asarray(values.reshape(len(values)) > 0.5, dtype=np.int64)
    return np.asarray(np.argmax(values, axis=1))


def prediction(target: TargetFit, values: Array) -> Prediction:
    if not target.classes:
        return Prediction(target.name, target.predicted, values, (), None, target.columns)
    chosen = _chosen(values)
    labels = tuple(target.classes[place] for place in chosen)
    if values.ndim == 1 or values.shape[1] == 1:
        flat = values.reshape(len(values))
        confidence = np.where(chosen == 1, flat, 1 - flat)
    else:
        confidence = values.max(axis=1)
    return Prediction(target.name, target.predicted, values, labels, confidence, target.columns)
