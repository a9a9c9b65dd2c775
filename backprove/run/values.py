"""The numbers of one file: forward values, adjoints, gradients and one update."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import prod, sqrt
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..adjoints import backprop
from ..errors import DataError, expect
from ..network import ADJOINT, ARGUMENT, TRAINED, Network, Quantity, Value, expect_network
from .corners import Corner, Corners
from .lower import CONSTRAINT, lower
from .numpy_backend import Prepared, as_float, prepare

Array: TypeAlias = NDArray[Any]

Nested: TypeAlias = "float | list[Nested]"
"""A number, or rows of them: what JSON holds."""


_PROMISE_KEPT = 1e-4  # room for targets given to a few decimals


@dataclass(frozen=True, eq=False)
class Numbers:
    """What one network comes to at the values in its file.

    loss: the loss. values: every computed quantity. adjoints: ∂loss/∂q of each of these.
    gradients: of inputs, weights and biases. updated: weights and biases after one step of
    gradient descent, and loss_after the loss there; both None where no rate was given.
    Quantities without a name of their own (an activation's argument) are left out.
    notes: what was drawn or left out, in words. given: what is not computed, as it was used.
    corners: where a derivative does not exist at these numbers, and what is taken.
    """

    loss: float
    values: Mapping[str, Array]
    adjoints: Mapping[str, Array]
    gradients: Mapping[str, Array]
    updated: Mapping[str, Array] | None = None
    loss_after: float | None = None
    notes: tuple[str, ...] = ()
    given: Mapping[str, Array] = field(default_factory=dict)
    corners: tuple[Corner, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as numbers and nested lists, `updated` and `loss_after` where they exist."""
        answer: dict[str, Any] = {
            "loss": self.loss,
            "values": nested(self.values),
            "adjoints": nested(self.adjoints),
            "gradients": nested(self.gradients),
        }
        if self.updated is not None:
            answer["updated"] = nested(self.updated)
            answer["loss_after"] = self.loss_after
        return answer


def nested(arrays: Mapping[str, Array]) -> dict[str, Nested]:
    """Arrays as numbers and nested lists."""
    return {name: array.tolist() for name, array in arrays.items()}


def evaluate(
    network: Network,
    *,
    eta: float | None = None,
    seed: int = 0,
    dtype: DTypeLike = np.float64,
) -> Numbers:
    """Loss, values, adjoints and gradients at the values in the network's file.

    eta: the learning rate of one step of gradient descent. seed: for weights without a value,
    which are drawn (Glorot uniform); biases without one are 0.
    Raises DataError where an input, target or constant has no value, or a size no number.
    """
    expect_network(network)
    expect("a learning rate", eta, (Real, NoneType), "a number")
    expect("a seed", seed, Integral, "a whole number, at least 0")
    return Evaluator(network, dtype)(eta=eta, seed=seed)


class Evaluator:
    """A network made ready to be evaluated again and again, at other values each time.

    What depends on the equations alone is made once, when the first numbers are asked for.
    memory: the bytes that the numbers may take, by default what this machine has.
    """

    def __init__(
        self, network: Network, dtype: DTypeLike = np.float64, memory: int | None = None
    ) -> None:
        """Raises DataError for a size without a number, or where memory does not suffice."""
        self.network, self.kind, self.memory = network, precision(dtype), memory
        self._nearby: Evaluator | None = None  # the last one at other scalar constants
        refuse_symbolic(network)
        check_memory(parameter_bytes(network, self.kind.itemsize), "its values", memory)

    def __call__(
        self,
        values: Mapping[str, object] | None = None,
        *,
        eta: float | None = None,
        seed: int = 0,
    ) -> Numbers:
        """The numbers, with `values` in place of those in the file; see `evaluate`.

        values: a number or nested rows by name, as in `Network.with_values`.
        """
        at = self._at_constants(values or {})
        if at is not self:
            return at(values, eta=eta, seed=seed)
        network = self.network
        given, notes = given_values(network, seed, self.kind, self._replaced(values or {}))
        results = self._whole(given)
        check_constraints(network, results)
        shown = [name for name in network.equations if not network[name].hidden]
        differentiated = network.of_kind("input", *TRAINED)
        gradients = {q.name: _adjoint(network, q.name, results) for q in differentiated}
        corners = self._corners.at(given, results)
        numbers = Numbers(
            loss=float(results[network.loss]) + 0.0,  # -0 -> 0
            values={name: results[name] for name in shown},
            adjoints={name: _adjoint(network, name, results) for name in shown},
            gradients=gradients,
            notes=(*notes, *_warnings(network), *_not_finite(network, results), *map(str, corners)),
            given=given,
            corners=corners,
        )
        if eta is None:
            return numbers
        updated = {
            q.name: np.asarray(given[q.name] - eta * gradients[q.name]) for q in network.trained
        }
        after = float(self._forward({**given, **updated})[network.loss])
        return replace(numbers, updated=updated, loss_after=after)

    def results(
        self, values: Mapping[str, object] | None = None, *, seed: int = 0
    ) -> dict[str, Array]:
        """Every array by name, at the same values: what is given, what is computed (an
        activation's argument too), and adjoints (`∂z2`), zeros where the loss does not depend."""
        at = self._at_constants(values or {})
        if at is not self:
            return at.results(values, seed=seed)
        given, _ = given_values(self.network, seed, self.kind, self._replaced(values or {}))
        found = {**given, **self._whole(given)}
        adjoints = {ADJOINT + n: _adjoint(self.network, n, found) for n in self.network.quantities}
        return {**found, **adjoints}

    def prepare(self) -> None:
        """Make it ready now. Raises DataError where there can be no numbers."""
        self._whole  # noqa: B018

    @cached_property
    def _whole(self) -> Prepared:
        program = lower(self.network, backprop(self.network).adjoints, lifted=False)
        needed = program.bytes_needed(1, self.kind.itemsize)
        check_memory(needed, "its values and adjoints", self.memory)
        return prepare(program, self.kind)

    @cached_property
    def _corners(self) -> Corners:
        return Corners(self.network)

    @cached_property
    def _forward(self) -> Prepared:
        return prepare(lower(self.network, {}, [self.network.loss], lifted=False), self.kind)

    def _at_constants(self, values: Mapping[str, object]) -> Evaluator:
        """The evaluator for the scalar constants among these values: its program holds them."""
        held = [q for q in self.network.of_kind("constant") if isinstance(q.value, Fraction)]
        changed = {q.name: values[q.name] for q in held if q.name in values}
        if not changed:
            return self
        other = self.network.with_values(changed)
        for near in (self, self._nearby):
            if near and all(near.network[q.name].value == other[q.name].value for q in held):
                return near
        self._nearby = Evaluator(other, self.kind, self.memory)
        return self._nearby

    def _replaced(self, values: Mapping[str, object]) -> dict[str, Array]:
        return {name: self._array(name, value) for name, value in values.items()}

    def _array(self, name: str, value: object) -> Array:
        known = self.network.quantities.get(name)
        if known is not None and known.kind != "computed" and name not in self.network.sizes:
            shape = shape_of(self.network, name)
            with suppress(ValueError):  # rows of several lengths
                array = np.asarray(value)
                fits = array.dtype.kind in "if" and array.shape in ((), shape)
                if fits and np.isfinite(array).all():
                    return np.array(np.broadcast_to(array, shape), self.kind)
        exact = self.network.with_values({name: value})[name].value  # says what does not fit
        assert exact is not None
        return from_file(exact, shape_of(self.network, name), self.kind)


def _adjoint(network: Network, name: str, results: Mapping[str, Array]) -> Array:
    found = results.get(ADJOINT + name)
    if found is None:  # the loss does not depend on it
        return np.zeros(shape_of(network, name), results[network.loss].dtype)
    return found


def _warnings(network: Network) -> tuple[str, ...]:
    return tuple(
        f"{q.name} does not reach the loss: its gradient is exactly 0"
        for q in network.trained
        if q.name not in network.live
    )


def check_constraints(
    network: Network, results: Mapping[str, Array], where: Callable[[int], str] | None = None
) -> None:
    """Raises DataError where a target breaks what the file promises of it.

    The gradients rest on it: softmax with cross-entropy is o - y only where y sums to 1.
    where: a sample's place in words, where there are several.
    """
    for number, constraint in enumerate(network.constraints):
        off = np.abs(np.atleast_1d(results[f"{CONSTRAINT}{number}"]))
        bad = np.flatnonzero(~(off <= _PROMISE_KEPT))
        if len(bad):
            place = f" in {where(int(bad[0]))}" if where else ""
            raise DataError(
                f"the target {constraint.target} breaks its promise"
                f" {constraint.left} = {constraint.right}{place}: it is off by {off[bad[0]]:.4g}",
                "give values that keep it, or take the promise out of the network's file",
            )


def _not_finite(network: Network, results: Mapping[str, Array]) -> tuple[str, ...]:
    """The first quantity that is no number, in the order of computation, in words."""
    for name in (*network.equations, *(ADJOINT + name for name in network.quantities)):
        array = results.get(name)
        if array is not None and not np.isfinite(array).all():
            said = name.removeprefix(ADJOINT).removesuffix(ARGUMENT)
            what = f"∂loss/∂{said}" if name.startswith(ADJOINT) else said
            return (f"{what} is not finite: it overflows or leaves a function's domain",)
    return ()


# -- values --------------------------------------------------------------------------------


def precision(dtype: DTypeLike) -> np.dtype[Any]:
    """float32 or float64, however it is named. Raises DataError for any other."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = None
    if kind is None or kind not in (np.float32, np.float64):
        said = dtype if kind is None else kind
        raise DataError(f"numbers of type {said} cannot be computed with", "float32 or float64")
    return kind


TOO_LARGE = "too large to be computed with: {} ends at {:.2g}"


def in_precision(values: Any, dtype: np.dtype[Any]) -> Array:
    """Numbers in that precision, in their own memory where they are that already.

    Raises DataError for a finite one that would become infinite, TypeError or ValueError for what
    is no array of real numbers.
    """
    given = np.asarray(values)
    if given.dtype.kind == "c":
        raise TypeError
    try:
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(given, dtype).reshape(given.shape)
    except OverflowError:  # a whole number beyond every float
        raise ValueError from None
    if given.dtype != dtype and (infinite := np.isinf(array)).any():
        lost = infinite & (np.abs(given.astype(np.float64)) < np.inf)
        if lost.any():
            raise DataError(
                f"{given[lost][0]:.3g} is {TOO_LARGE.format(dtype, np.finfo(dtype).max)}",
                "scale the numbers, so that they are of about size 1",
            )
    return array


def refuse_symbolic(network: Network) -> None:
    """Raises DataError for a size without a number."""
    for quantity in network.quantities.values():
        for size in quantity.shape:
            if network.length(size) is None:
                raise DataError(
                    f"the size {size} of {quantity.name} has no number",
                    f"give it one in the file: size {size} = 3",
                )


def shape_of(network: Network, name: str) -> tuple[int, ...]:
    """The lengths of a quantity's axes, as numbers."""
    lengths = [network.length(size) for size in network[name].shape]
    return tuple(length for length in lengths if length is not None)


def given_values(
    network: Network,
    seed: int,
    dtype: np.dtype[Any],
    replaced: Mapping[str, Array] | None = None,
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Every quantity that is not computed, from the file or drawn, and what was drawn in words.

    replaced: values that stand in place of the file's.
    """
    replaced = replaced or {}
    missing = [
        q
        for q in network.of_kind("input", "target", "constant")
        if q.value is None and q.name not in replaced and q.name in network.live
    ]
    for quantity in missing:
        if quantity.name in network.sizes:  # used as a number
            raise DataError(
                f"the size {quantity.name} has no number",
                f"give it one in the file: size {quantity.name} = 3",
            )
    if missing:
        raise DataError(
            f"{_list(q.name for q in missing)} {'has' if len(missing) == 1 else 'have'} no value",
            f"give {missing[0].name} a value in the file: {_example(network, missing[0])}",
        )
    values = {
        q.name: from_file(q.value, shape_of(network, q.name), dtype)
        for q in network.quantities.values()
        if q.kind != "computed" and q.value is not None and q.name not in replaced
    }
    values.update(replaced)
    for quantity in network.of_kind("input", "target", "constant"):
        if quantity.name not in values:  # nothing that the loss needs
            values[quantity.name] = np.zeros(shape_of(network, quantity.name), dtype)
    wanting = [q for q in network.trained if q.name not in values]
    drawn, notes = draw(network, seed, dtype, only=wanting)
    return {**values, **drawn}, notes


def stand_ins(network: Network, seed: int) -> dict[str, Array]:
    """Numbers for inputs and targets without a value, so that a network can be looked at.

    Inputs are uniform in [-1, 1], targets in [0, 1], to two decimals; a target of which the
    file promises something is 1 in one component and 0 elsewhere. Each has a random stream of
    its own, by its place in the file.
    """
    refuse_symbolic(network)
    promised = {constraint.target for constraint in network.constraints}
    made: dict[str, Array] = {}
    for place, quantity in enumerate(network.of_kind("input", "target")):
        if quantity.value is not None:
            continue
        shape = shape_of(network, quantity.name)
        generator = np.random.default_rng([seed, 1, place])  # apart from those of the weights
        if quantity.name in promised:
            made[quantity.name] = np.zeros(shape)
            made[quantity.name].flat[generator.integers(prod(shape))] = 1
        else:
            low = -1.0 if quantity.kind == "input" else 0.0
            made[quantity.name] = np.round(generator.uniform(low, 1, shape), 2)
    return made


def constant_values(network: Network, dtype: np.dtype[Any]) -> dict[str, Array]:
    """The constants that have a value in the file, by name."""
    return {
        q.name: from_file(q.value, shape_of(network, q.name), dtype)
        for q in network.of_kind("constant")
        if q.value is not None
    }


def from_file(value: Value, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A file's exact value as an array; a single number fills the whole shape."""
    if isinstance(value, Fraction):
        return np.full(shape, in_precision(as_float(value), dtype))
    return in_precision(_floats(value), dtype).reshape(shape)


def _floats(value: Value) -> Nested:
    return as_float(value) if isinstance(value, Fraction) else [_floats(v) for v in value]


def draw(
    network: Network, seed: int, dtype: np.dtype[Any], only: Iterable[Quantity]
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Weights from Glorot's uniform distribution, biases 0, and what was done in words.

    A weight of shape (to, from) is uniform within sqrt(6/(to + from)); Glorot and Bengio 2010.
    Each quantity has a random stream of its own, by its place in the file, so that giving one
    a value changes no other.
    """
    places = {q.name: place for place, q in enumerate(network.trained)}
    weights: dict[str, Array] = {}
    biases: dict[str, Array] = {}
    for quantity in only:
        shape = shape_of(network, quantity.name)
        if quantity.kind == "bias":
            biases[quantity.name] = np.zeros(shape, dtype)
            continue
        fan_out = shape[0] if shape else 1
        fan_in = prod(shape[1:])
        limit = sqrt(6 / (fan_in + fan_out))
        generator = np.random.default_rng([seed, places[quantity.name]])
        weights[quantity.name] = generator.uniform(-limit, limit, shape).astype(dtype)
    notes = []
    if weights:
        notes.append(f"{_list(weights)} drawn at random (Glorot uniform, seed {seed})")
    if biases:
        notes.append(f"{_list(biases)} set to 0")
    return {**weights, **biases}, tuple(notes)


def _list(names: Iterable[str]) -> str:
    row = list(names)
    if len(row) > 6:
        row = [*row[:5], f"{len(row) - 5} more"]
    return row[0] if len(row) == 1 else f"{', '.join(row[:-1])} and {row[-1]}"


def _example(network: Network, quantity: Quantity) -> str:
    shape = shape_of(network, quantity.name)
    sizes = f"[{','.join(map(str, quantity.shape))}]" if shape else ""
    return f"{quantity.kind} {quantity.name}{sizes} = {_example_value(shape)}"


def _example_value(shape: tuple[int, ...]) -> str:
    if not shape:
        return "0.05"
    inner = _example_value(shape[1:])
    return f"[{', '.join([inner] * shape[0])}]" if shape[0] <= 3 else f"[{inner}, …]"


# -- memory --------------------------------------------------------------------------------


def parameter_bytes(network: Network, itemsize: int) -> int:
    """What the values that are not computed take."""
    return sum(
        prod(shape_of(network, q.name)) * itemsize
        for q in network.quantities.values()
        if q.kind != "computed"
    )


def check_memory(needed: int, what: str, most: int | None = None) -> None:
    """Raises DataError where this machine has not got as much memory, or more than `most`."""
    if most is not None and needed > most:
        raise DataError(
            f"{what} would take {in_bytes(needed)}, more than the {in_bytes(most)} allowed here",
            "make the sizes smaller",
        )
    there = physical_memory()
    if there is not None and needed > there:
        raise DataError(
            f"{what} would take {in_bytes(needed)}; this machine has {in_bytes(there)} of memory",
            "make the sizes or the mini-batches smaller",
        )


def physical_memory() -> int | None:
    """The memory of this machine, or of this container, in bytes; None where it cannot be told."""
    found = []
    with suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # a container's limit, "max" where there is none
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found, default=None)


def in_bytes(count: int) -> str:
    """A number of bytes for reading: 3.2 GB."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"
