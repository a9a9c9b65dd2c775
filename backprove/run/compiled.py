"""`bp.compile`: a network as a program that trains, by C where there is a compiler, else NumPy.

The choice between the two, the number of threads and every kernel depend on the program and on
this machine only, never on a race between them, so that a run can be repeated bit for bit.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from numbers import Integral, Real
from threading import RLock
from types import NoneType
from typing import Any, NoReturn, TypeAlias
from weakref import WeakSet

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..adjoints import backprop
from ..errors import DataError, expect
from ..network import ADJOINT, TRAINED, Network, expect_network
from .advance import diverged
from .c import Machine, Refused, Trainer, Unavailable, random_state
from .c.calls import may_load
from .c.machine import ROOM
from .choice import Backend, Choice, by_numpy, choice, operations, with_blas
from .data import predicted_by
from .lower import MEAN_LOSS, lower
from .numpy_backend import Prepared, prepare
from .numpy_step import NumpyStep
from .optimizers import recipe as recipe_of
from .program import Program
from .step import Step, lower_step, slot_name
from .values import (
    check_memory,
    constant_values,
    draw,
    from_file,
    in_precision,
    precision,
    refuse_symbolic,
    shape_of,
)

Array: TypeAlias = NDArray[Any]

_SAID = set[str]()  # why there was a fallback, said once

_FEW, _CHUNK, _SHARED = 16, 64, 512
"""Samples at a time where nothing is learned: a vector of them, what stays in the cache, or what
several threads share."""

_WORTH_THREADS = 5_000_000
"""Operations of a chunk of samples from which on several threads predict."""


_ALL = WeakSet["Compiled"]()


def _after_fork() -> None:
    # the child has the forking thread alone: no other one is there to release a lock
    for compiled in _ALL:
        compiled._lock = RLock()


if hasattr(os, "register_at_fork"):  # elsewhere no process forks
    os.register_at_fork(after_in_child=_after_fork)


class Compiled:
    """A network, ready to train, to give gradients and to predict, in one precision.

    batch: samples of a mini-batch. falls_back: whether NumPy gives gradients and predictions
    where C trains and these cannot be compiled. Threads of Python that use it take turns.
    """

    def __init__(
        self, network: Network, step: Step, chosen: Choice, batch: int, dtype: np.dtype[Any],
        seed: int, *, falls_back: bool,
    ) -> None:  # fmt: skip
        self.network, self.batch, self.dtype = network, batch, dtype
        self._falls_back, self._without = falls_back, ""
        self._step, self._chosen = step, chosen
        self._fixed = constant_values(network, dtype)
        self._trainer: Trainer | NumpyTrainer
        if chosen.backend == "c":
            trainer = Trainer(
                step, fixed=self._fixed, batch=batch, dtype=dtype, threads=chosen.threads
            )
            self._trainer, blas = trainer, trainer.machine.blas
            self._chosen = with_blas(chosen, blas, blas)
        else:
            self._trainer = NumpyTrainer(step, self._fixed, batch, dtype)
        self._programs: dict[tuple[str, ...], _Prepared] = {}
        self._ones: dict[tuple[str, ...], _One] = {}
        self._lock = RLock()
        _ALL.add(self)
        self._changes = 0
        start = _start(network, [q.name for q in network.trained], dtype, seed)
        self._idle = {n: start.pop(n) for n in list(start) if n not in step.slots}
        self.parameters = start

    @property
    def backend(self) -> str:
        """What computes it: "c" or "numpy"."""
        return self._chosen.backend

    @property
    def threads(self) -> int:
        """How many threads share a mini-batch."""
        return self._chosen.threads

    @property
    def note(self) -> str:
        """What computes it and why, in a sentence."""
        return self._chosen.says + self._without

    @cached_property
    def _predicted(self) -> tuple[str, ...]:
        return predicted(self.network)

    @property
    def parameters(self) -> dict[str, Array]:
        """Weights and biases by name, as they are now: copies."""
        with self._lock:
            return self._trainer.parameters()

    @parameters.setter
    def parameters(self, values: Mapping[str, Array]) -> None:
        """Start from these; the optimizer starts anew."""
        expect("parameters", values, Mapping, "arrays by name")
        arrays = {}
        for name in self._step.slots:
            if name not in values:
                raise DataError(
                    f"there is no value for {name}", f"give {', '.join(self._step.slots)}"
                )
            shape = shape_of(self.network, name)
            arrays[name] = array = self._numbers(name, values[name])
            if array.shape != shape:
                raise DataError(f"{name} has the shape {shape}, not {array.shape}")
            if not np.isfinite(array).all():
                raise DataError(f"{name} holds what is not finite", "give numbers")
        with self._lock:
            self._trainer.load(arrays, 0)
            self._changes += 1

    def train(
        self, data: Mapping[str, Any], epochs: int = 1, *, seed: int = 0, shuffle: bool = True
    ) -> list[float]:
        """Train for whole epochs on samples by name, samples first; the mean loss of each epoch.

        seed: of the order of the samples, which is drawn anew for each epoch, by C and by NumPy
        each in its own way; without `shuffle` they come in their own order. Raises DataError where
        the loss, a weight or a bias is no longer finite; they are then those from before the call.
        """
        _whole("epochs", epochs, 0)
        _whole("a seed", seed, 0)
        with self._lock:
            return self._train(data, epochs, seed, shuffle)

    def _train(self, data: Mapping[str, Any], epochs: int, seed: int, shuffle: bool) -> list[float]:
        arrays, samples = self._samples(data, self._step.program)
        random = random_state(seed) if shuffle else ()
        self._changes += 1
        self._trainer.begin(arrays, samples, order=np.arange(samples), random=random)
        before: Any = self._trainer.state()
        losses = self._trainer.train(epochs)
        finite = int(np.isfinite(losses).sum())  # what ends a run is the last of them
        what = "" if finite == epochs else "the loss"
        if not what:  # the last step of all is in no loss yet
            parameters = self._trainer.parameters()
            what = next((n for n, a in parameters.items() if not np.isfinite(a).all()), "")
        if what:
            steps = self._trainer.steps
            self._trainer.restore(before)
            _check_finite(arrays)
            raise diverged(f"{what} is not finite", min(finite + 1, epochs), steps)
        return losses

    def gradients(self, data: Mapping[str, Any]) -> tuple[float, dict[str, Array]]:
        """The mean loss over samples, and its gradient in each weight and bias."""
        names = (MEAN_LOSS, *(ADJOINT + name for name in self._step.slots))
        with self._lock:
            program = self._programs.get(names)
            if program is None:
                program = self._prepared(names, backprop(self.network).adjoints)
            results = self._run(program, *self._samples(data, program.program))
        return float(results[MEAN_LOSS]), {n: results[ADJOINT + n] for n in self._step.slots}

    def predict(self, data: Mapping[str, Any], quantities: Sequence[str] = ()) -> dict[str, Array]:
        """Quantities over samples, samples first: by default what the targets are compared with."""
        if type(data) is dict and type(quantities) in (tuple, list):
            one = self._ones.get(tuple(quantities))
            if one is not None and one.changes == self._changes:
                with self._lock:
                    found = one.predicted(data)
                if found is not None:
                    return found
        expect("quantities", quantities, Sequence, "a list of names")
        expect("data", data, Mapping, "arrays by name: {'x': …}")
        asked = tuple(quantities)
        names = asked or self._predicted
        for name in names:
            if name not in self.network.equations:
                known = ", ".join(self.network.equations)
                raise DataError(f"{name!r} is not computed here", f"there are {known}")
        with self._lock:
            program = self._programs.get(names) or self._prepared(names, {})
            arrays, samples = self._samples(data, program.program)
            if self._compiles and samples == 1:
                try:
                    found = self._one(asked, names).predicted(arrays)
                except (Unavailable, Refused) as reason:
                    self._fall_back(reason)
                else:
                    if found is not None:
                        return found
            return self._run(program, arrays, samples, _FEW, self._chunk(program.program))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a compiled network is not pickled or copied: keep its parameters")

    # -- how it is done --------------------------------------------------------------------

    def _one(self, asked: tuple[str, ...], names: tuple[str, ...]) -> _One:
        """What predicts these for one sample, with the parameters as they are now."""
        one = self._ones.get(asked)
        if one is None:
            one = self._ones[asked] = _One(self, names)
        if one.changes != self._changes:
            one.take({**self._idle, **self._trainer.parameters()}, self._changes)
        return one

    def _prepared(self, names: tuple[str, ...], adjoints: Mapping[str, Any]) -> _Prepared:
        self._programs[names] = _Prepared(lower(self.network, adjoints, names))
        return self._programs[names]

    def _run(
        self, prepared: _Prepared, arrays: Mapping[str, Array], samples: int, *rooms: int
    ) -> dict[str, Array]:
        """A program over samples: in the first of `rooms` that has room for all, or in parts
        that the last one has room for; without `rooms`, as one mini-batch."""
        if self._compiles:
            try:
                return self._run_compiled(prepared, arrays, samples, *rooms)
            except (Unavailable, Refused) as reason:
                self._fall_back(reason)
        if prepared.numpy is None:
            prepared.numpy = prepare(prepared.program, self.dtype)
        needed = prepared.program.bytes_needed(samples, self.dtype.itemsize)
        check_memory(needed, f"{samples:,} samples")
        given = {**self._fixed, **self._idle, **self._trainer.parameters(), **arrays}
        return prepared.numpy(given, samples)

    @property
    def _compiles(self) -> bool:
        """Whether gradients and predictions are computed in C."""
        return self.backend == "c" and not self._without

    def _fall_back(self, reason: DataError) -> None:
        """From now on without C for gradients and predictions; raises where C was asked for."""
        if not self._falls_back:
            raise reason
        self._without = f"; gradients and predictions by NumPy: {reason.message}"
        self._ones.clear()
        _warn_once(reason)

    def _run_compiled(
        self, prepared: _Prepared, arrays: Mapping[str, Array], samples: int, *rooms: int
    ) -> dict[str, Array]:
        room = next((r for r in rooms if samples <= r), rooms[-1] if rooms else 0)
        machine = prepared.machines.get(room)
        if machine is None or not (room or machine.takes(samples)):
            machine = self._machine(prepared.program, room, samples)
            prepared.machines[room] = machine
        if machine.seen != self._changes:
            parameters = {**self._idle, **self._trainer.parameters()}
            for name in machine.plan.given:
                machine.write(name, parameters[name])
            machine.seen = self._changes
        return machine.over(arrays, samples)

    def _chunk(self, program: Program) -> int:
        """Samples in memory at once where they are predicted: threads have a part of it each, or
        a loaded BLAS takes them."""
        shares = self.threads > 1 and operations(program, _SHARED) >= _WORTH_THREADS
        return _SHARED if shares or may_load(program, _SHARED) else _CHUNK

    def _machine(self, program: Program, room: int, samples: int) -> Machine:
        """A machine with room for so many samples at once, or for a mini-batch of all."""
        together = room or max(samples, ROOM + 1)
        threads = self.threads if operations(program, min(together, ROOM)) >= _WORTH_THREADS else 1
        return Machine(
            program, fixed=self._fixed, batch=together, room=ROOM, dtype=self.dtype,
            threads=threads,
        )  # fmt: skip

    def _numbers(self, name: str, values: Any) -> Array:
        """An array in this precision. Raises DataError, which names it."""
        try:
            return in_precision(values, self.dtype)
        except DataError as reason:
            raise DataError(f"{name}: {reason.message}", reason.suggestion) from None
        except (TypeError, ValueError):
            raise DataError(
                f"{name} is no array of numbers", "give rows of real numbers, one row a sample"
            ) from None

    def _samples(self, data: Mapping[str, Any], program: Program) -> tuple[dict[str, Array], int]:
        """The arrays that a program wants, in its precision, and how many samples they hold."""
        expect("data", data, Mapping, "arrays by name: {'x': …, 'y': …}")
        arrays: dict[str, Array] = {}
        samples = -1
        for name, buffer in program.given.items():
            wanted = program.shapes[buffer]
            if not wanted or wanted[0] != -1:
                continue
            if name not in data:
                raise DataError(f"there is no array for {name}", f"give one: {name}=…")
            array = self._numbers(name, data[name])
            if array.ndim == 1 and wanted[1:] == (1,):
                array = array[:, None]
            if array.shape[1:] != wanted[1:] or not array.ndim:
                shape = ", ".join(("samples", *map(str, wanted[1:])))
                raise DataError(f"{name} has the shape ({shape}), not {array.shape}")
            if samples not in (-1, len(array)):
                raise DataError(f"{name} has {len(array)} samples, others have {samples}")
            samples = len(array)
            arrays[name] = array
        if samples < 1:
            raise DataError("there are no samples", "every array has one row a sample")
        return arrays, samples


class _One:
    """A prediction for one sample at a time, without what is done only for several.

    changes: of the parameters, when they were put in.
    """

    def __init__(self, owner: Compiled, names: tuple[str, ...]) -> None:
        program = lower(owner.network, {}, names, lifted=False)
        self._machine = Machine(program, fixed=owner._fixed, batch=1, dtype=owner.dtype)
        self._machine.run.samples = 1
        self.changes = -1
        self._weights = [n for n in self._machine.plan.given if owner.network[n].kind in TRAINED]
        inputs = [n for n in self._machine.plan.given if n not in self._weights]
        windows = {name: self._machine.window(name) for name in (*inputs, *names)}
        self._plain = all(window is not None for window in windows.values())
        as_samples = {n: w[None] for n, w in windows.items() if w is not None}
        self._inputs = [(name, as_samples[name]) for name in inputs if self._plain]
        self._outputs = [(name, as_samples[name]) for name in names if self._plain]

    def take(self, parameters: Mapping[str, Array], changes: int) -> None:
        """Weights and biases to go on with."""
        for name in self._weights:
            self._machine.write(name, parameters[name])
        self.changes = changes

    def predicted(self, data: Mapping[str, Any]) -> dict[str, Array] | None:
        """The prediction; None where the data are not plainly one sample of arrays, or what is
        asked for lies otherwise."""
        if not self._plain:
            return None
        for name, window in self._inputs:
            array = data.get(name)
            if not isinstance(array, np.ndarray) or array.shape != window.shape:
                return None
            if array.dtype != window.dtype:
                return None
            window[...] = array
        self._machine.call()
        return {name: window.copy() for name, window in self._outputs}


class _Prepared:
    """A program, and what runs it: NumPy, or machines by how many samples they have room for."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.numpy: Prepared | None = None
        self.machines: dict[int, Machine] = {}


class NumpyTrainer:
    """`Trainer` in NumPy: one call of the step a mini-batch."""

    def __init__(
        self, step: Step, fixed: Mapping[str, Array], batch: int, dtype: np.dtype[Any]
    ) -> None:
        self._numpy = NumpyStep(step, fixed, dtype)
        self._batch, self._step = batch, step
        self._state: dict[str, Array] = {}
        self.steps = 0

    def load(self, parameters: Mapping[str, Array], steps: int) -> None:
        """Weights and biases to start from, the optimizer's slots at 0."""
        self._state = dict(parameters)
        for name, slots in self._step.slots.items():
            for slot in slots:
                self._state[slot_name(name, slot)] = np.zeros_like(parameters[name])
        self.steps = steps

    def parameters(self) -> dict[str, Array]:
        """Copies of all weights and biases."""
        return {name: self._state[name].copy() for name in self._step.slots}

    def state(self) -> tuple[int, dict[str, Array]]:
        """Steps, weights, biases and slots as they are, for `restore`: no step changes an array."""
        return self.steps, self._state

    def restore(self, state: tuple[int, dict[str, Array]]) -> None:
        """Put everything back as it was."""
        self.steps, self._state = state

    def begin(
        self, arrays: Mapping[str, Array], samples: int, *, order: Array, random: tuple[int, ...]
    ) -> None:
        """What is trained on, in which order; shuffled anew for each epoch unless random is ().

        Raises DataError where a mini-batch of these does not fit into memory.
        """
        self._numpy.check(min(self._batch, samples))
        self._arrays, self._order = arrays, np.asarray(order)
        self._random = np.random.default_rng(list(random)) if random else None

    def train(self, epochs: int) -> list[float]:
        """Train for whole epochs; the mean loss of each, up to one that is not finite."""
        losses: list[float] = []
        while len(losses) < epochs:
            if self._random is not None:
                self._order = self._random.permutation(self._order)
            total = 0.0
            for start in range(0, len(self._order), self._batch):
                rows = self._order[start : start + self._batch]
                number = self.steps + 1
                loss, self._state = self._numpy(self._state, number, self._arrays, rows)
                self.steps = number
                if not np.isfinite(loss):
                    return losses
                total += loss * len(rows)
            losses.append(total / len(self._order))
        return losses


def _check_finite(arrays: Mapping[str, Array]) -> None:
    """Raises DataError for the first row of samples with an infinity or what is no number."""
    for name, array in arrays.items():
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            row, value = int(bad[0][0]), array[tuple(bad[0])]
            raise DataError(
                f"{name} holds {value} in row {row + 1}",
                "leave out such rows, or put a number there",
            )


def predicted(network: Network) -> tuple[str, ...]:
    """The quantities that the targets are compared with."""
    found = [predicted_by(network, target.name) for target in network.of_kind("target")]
    names = tuple(dict.fromkeys(name for name in found if name))
    if not names:
        raise DataError(
            "it cannot be told what this network predicts", "name quantities: predict(data, ['h'])"
        )
    return names


def _whole(what: str, number: object, least: int) -> None:
    """Raises DataError for what is no whole number, or too small."""
    if not isinstance(number, Integral) or number < least:
        raise DataError(
            f"{what} of {number} cannot be trained with", f"a whole number, at least {least}"
        )


def _start(
    network: Network, names: Iterable[str], dtype: np.dtype[Any], seed: int
) -> dict[str, Array]:
    """The file's values; what has none is drawn (Glorot uniform), biases 0."""
    wanted = [network[name] for name in names]
    drawn, _ = draw(network, seed, dtype, [q for q in wanted if q.value is None])
    return {
        q.name: drawn[q.name]
        if q.value is None
        else from_file(q.value, shape_of(network, q.name), dtype)
        for q in wanted
    }


def compile(
    network: Network,
    *,
    backend: Backend = "auto",
    optimizer: str = "sgd",
    eta: float | None = None,
    batch: int = 32,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
    seed: int = 0,
    **around: Any,
) -> Compiled:
    """A network's step (forward, loss, adjoints, gradients, update) as one program.

    backend: "c", "numpy", or "auto": C where there is a compiler. optimizer: its name or a file
    of equations; around: what stands around it (`decay`, `clip_norm`, `clip_value`, `schedule`,
    `warmup`, `steps`). threads: the most that share a mini-batch; by default as many as this
    process may use. seed: of the weights that have no value in the file.
    Raises DataError for what cannot be computed; for "c" Unavailable without a compiler, and
    Refused where it refuses the program.
    """
    expect_network(network)
    kind = precision(dtype)
    _whole("a mini-batch", batch, 1)
    _whole("a seed", seed, 0)
    if not isinstance(threads, Integral | None):
        raise DataError(f"{threads} threads cannot compute anything", "a whole number, at least 1")
    expect("a learning rate", eta, (Real, NoneType), "a number above 0")
    if eta is not None and not 0 < eta < np.inf:
        raise DataError(f"a learning rate of {eta} cannot be trained with", "a number above 0")
    refuse_symbolic(network)
    for q in network.of_kind("constant"):
        if q.value is None and q.name in network.live:
            raise DataError(
                f"{q.name} has no value", f"give it one in the file: constant {q.name} = 1"
            )
    step = lower_step(network, recipe_of(optimizer, eta=eta, **around))
    forever = 2**62  # how long a run will be is not known here: it is worth compiling
    chosen = choice(step.program, backend=backend, batch=batch, steps=forever, threads=threads)
    try:
        return Compiled(network, step, chosen, batch, kind, seed, falls_back=backend == "auto")
    except (Unavailable, Refused) as reason:
        if backend == "c":
            raise
        if isinstance(reason, Refused):
            _warn_once(reason)
        chosen = by_numpy(reason.message)
        return Compiled(network, step, chosen, batch, kind, seed, falls_back=False)


def _warn_once(reason: DataError) -> None:
    """Say that a compiler did not do what it should: an odd one, or a mistake of ours."""
    if reason.message not in _SAID:
        _SAID.add(reason.message)
        warnings.warn(f"NumPy computes instead of C: {reason.message}", stacklevel=4)
