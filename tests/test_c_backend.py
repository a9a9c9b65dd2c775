"""The compiled backend against NumPy's, and what must hold of it for every network."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_run import NETWORKS

import backprove as bp
from backprove.adjoints import backprop
from backprove.errors import DataError
from backprove.functions import FUNCTIONS
from backprove.language import load, parse
from backprove.network import ADJOINT, Network
from backprove.run.c import Machine, Trainer, widths
from backprove.run.c.call import Kernel
from backprove.run.c.library import NOT_FINITE, STOPPED, TIME_UP
from backprove.run.c.plan import plan
from backprove.run.c.printing import library_texts
from backprove.run.c.trainer import random_state
from backprove.run.lower import MEAN_LOSS, lower
from backprove.run.numpy_backend import prepare
from backprove.run.optimizers import OPTIMIZERS, recipe
from backprove.run.program import SAMPLES, Program
from backprove.run.step import NEXT, ScalarTable, Step, lower_step, slot_name
from backprove.run.values import constant_values

Array = NDArray[Any]

pytestmark = pytest.mark.usefixtures("compiled")

# how a function stands in a file, `{z}` being the weighted input
ACTIVATIONS = {
    **{name: f"{name}({{z}})" for name in FUNCTIONS if name not in ("log", "sqrt", "erf'")},
    "log": "log({z}^2 + 1)",
    "sqrt": "sqrt({z}^2 + 1)",
    "sign": "{z}*sign({z})",
    "step": "{z}*step({z})",
    "power": "{z}^3/10",
    "quotient": "{z}/(1 + exp(-{z}))",
    "powers of a sum": "({z}^2 + 2)^{z}",
}

LOSSES = (
    "loss J = sum(i: (y[i] - h[i])^2)/2",
    "o[i] = exp(h[i])/sum(k: exp(h[k]))\nloss J = -sum(i: y[i]*log(o[i]))",
    "p[i] = sigmoid(h[i])\nloss J = -sum(i: y[i]*log(p[i]) + (1 - y[i])*log(1 - p[i]))",
    "loss J = max(i: abs(y[i] - h[i]))",
)


def of_function(name: str, loss: str) -> str:
    """Two layers of one activation, and a way around the second."""
    form = ACTIVATIONS[name]
    return f"""input x[3]
target y[5]
weight w1[5,3], w2[5,5]
bias b1[5], b2[5]
z1[i] = sum(j: w1[i,j]*x[j]) + b1[i]
h1[i] = {form.format(z="z1[i]")}
z2[i] = sum(j: w2[i,j]*h1[j]) + b2[i]
h[i] = {form.format(z="z2[i]")} + h1[i]/2
{loss}"""


BUILDERS = {
    text: text
    for text in (
        "mlp:2-16-16-1,tanh,squared_error",
        "mlp:30-40-40-2,tanh,squared_error",
        "mlp:7-5-3,relu,cross_entropy",
        "mlp:70-33-17-10,gelu,cross_entropy",
        "mlp:3-3-1,sigmoid,sse,nobias",
        "logistic:4",
        "softmax:5-3",
    )
}


@cache
def networks() -> Mapping[str, Network]:
    """Networks of every function, shape and oddity, by name."""
    made = {name: parse(text.replace("\n        ", "\n")) for name, text in NETWORKS.items()}
    made |= {name: load(text) for name, text in BUILDERS.items()}
    for number, name in enumerate(ACTIVATIONS):
        made[f"function {name}"] = parse(of_function(name, LOSSES[number % len(LOSSES)]))
    return made


@cache
def lowered(name: str) -> Program:
    network = networks()[name]
    computed = [q.name for q in network.of_kind("computed")]
    gradients = [ADJOINT + q.name for q in network.trained]
    return lower(network, backprop(network).adjoints, [MEAN_LOSS, *gradients, *computed])


@cache
def shared_kernels(lanes: int, names: tuple[str, ...] = ()) -> tuple[Kernel, ...]:
    """The kernels of some networks, or of all, so that one library serves them."""
    found: dict[Kernel, None] = {}
    for name in names or networks():
        for room in (8, 4):  # at once, and in chunks
            made = plan(
                lowered(name), fixed=fixed(name), replaced={}, batch=8, lanes=lanes, room=room
            )
            found |= dict.fromkeys(made.kernels)
    return tuple(found)


def fixed(name: str) -> dict[str, Array]:
    return constant_values(networks()[name], np.dtype(np.float64))


def values(program: Program, samples: int, known: Mapping[str, Array]) -> dict[str, Array]:
    """A value for all that a program is given, away from kinks and overflow."""
    random = np.random.default_rng(3)
    given = {}
    for name, buffer in program.given.items():
        shape = tuple(samples if n == SAMPLES else n for n in program.shapes[buffer])
        given[name] = known.get(name, random.uniform(-0.7, 0.7, size=shape))
    return given


CASES = (*NETWORKS, *BUILDERS, *(f"function {name}" for name in ACTIVATIONS))


def results(
    name: str, dtype: type, samples: int, threads: int, wide: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """All results by C, and by NumPy in double precision."""
    program, known = lowered(name), fixed(name)
    given = values(program, samples, known)
    expected = prepare(program, np.float64)(given, samples)
    lanes = wide // np.dtype(dtype).itemsize
    machine = Machine(
        program, fixed=known, batch=samples, dtype=np.dtype(dtype), threads=threads,
        vector_bytes=wide, kernels=shared_kernels(lanes),
    )  # fmt: skip
    for parameter in machine.plan.given:
        machine.write(parameter, given[parameter])
    return machine.over(given, samples), expected


def worst(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """The largest difference, relative to the largest component of each result."""
    assert found.keys() == expected.keys()
    errors = [0.0]
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        scale = max(float(np.max(np.abs(array))), 1e-3)
        errors.append(float(np.max(np.abs(found[name] - array))) / scale)
    return max(errors)


@pytest.mark.parametrize("name", CASES)
def test_double_precision_agrees_with_numpy(name: str) -> None:
    for samples in (1, 5, 37):
        assert worst(*results(name, np.float64, samples, 1, widths()[0])) < 1e-12


@pytest.mark.parametrize("name", CASES)
def test_single_precision_agrees_to_rounding(name: str) -> None:
    for samples in (1, 37):
        assert worst(*results(name, np.float32, samples, 1, widths()[0])) < 3e-5


@pytest.mark.parametrize("name", CASES)
def test_threads_change_no_bit(name: str) -> None:
    alone, _ = results(name, np.float32, 70, 1, widths()[0])
    for threads in (2, 3):
        together, _ = results(name, np.float32, 70, threads, widths()[0])
        assert {n: a.tobytes() for n, a in together.items()} == {
            n: a.tobytes() for n, a in alone.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_a_mini_batch_may_go_through_in_chunks(name: str) -> None:
    program, known = lowered(name), fixed(name)
    given = values(program, 37, known)
    expected = prepare(program, np.float64)(given, 37)
    for threads in (1, 2):
        machine = Machine(
            program, fixed=known, batch=37, room=11, dtype=np.dtype(np.float64), threads=threads,
            kernels=shared_kernels(widths()[0] // 8),
        )  # fmt: skip
        for parameter in machine.plan.given:
            machine.write(parameter, given[parameter])
        assert worst(machine.over(given, 37), expected) < 1e-12


NARROW = ("mlp:70-33-17-10,gelu,cross_entropy", "softmax by hand", "literal indices")


def test_narrower_vectors_agree_too() -> None:
    for wide in widths()[1:]:
        for name in NARROW:
            assert worst(*results(name, np.float32, 37, 2, wide)) < 3e-5


def before_a_wall(array: Array) -> tuple[Array, mmap.mmap]:
    """A copy behind which memory cannot be read, and that memory, to be kept as long."""
    whole = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, whole + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    none = 0  # PROT_NONE
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    assert protect(start + whole, mmap.PAGESIZE, none) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, whole - array.nbytes)
    copy = copy.reshape(array.shape)
    copy[...] = array
    return copy, memory


PREDICTED = {"mlp:70-65-5,tanh,cross_entropy": "o", "mlp:130-40-3,relu": "h3", "wide": "u"}
WIDE = """
input x[200]
target y[30]
weight W[30,200]
u[j] = sum(k: W[j,k]*x[k]) + x[1]
loss J = sum(j: u[j]*y[j])
"""


@pytest.mark.parametrize("name", PREDICTED)
def test_predictions_in_parts_are_the_same_in_any_number_of_threads(name: str) -> None:
    network = parse(WIDE) if name == "wide" else load(name)
    quantity = PREDICTED[name]
    program = lower(network, {}, (quantity,))
    for samples in (1, 2, 17, 64, 65, 97, 300):
        given = values(program, samples, {})
        expected = prepare(program, np.float64)(given, samples)[quantity]
        found = []
        for threads, room in ((1, 64), (1, 300), (2, 16), (3, 96), (5, 96)):
            machine = Machine(
                program, fixed={}, batch=room, dtype=np.dtype(np.float32), threads=threads
            )
            assert machine.plan.apart
            for parameter in machine.plan.given:
                machine.write(parameter, given[parameter])
            x, memory = before_a_wall(given["x"].astype(np.float32))
            found.append(machine.over({"x": x}, samples)[quantity])
            del x, memory
        assert worst({quantity: found[0]}, {quantity: expected}) < 3e-5
        assert len({array.tobytes() for array in found}) == 1


def test_one_sample_is_predicted_alike_however_it_is_asked_for() -> None:
    text = """
input x[50], s
target y
weight w[20,50], v[20,50], idle[50]
a[j] = sum(k: w[j,k]*x[k])
b[j] = sum(k: v[j,k]*x[k]) + s
p = sum(j: a[j]*b[j])
q = sum(k: idle[k]*x[k]) + s
loss J = (p - y)^2
"""
    run = bp.compile(parse(text), backend="c")
    random = np.random.default_rng(1)
    x, s, y = random.normal(size=(4, 50)).astype("f"), np.ones(4, "f"), np.zeros(4, "f")
    for _ in range(2):
        data = {"x": x[:1], "s": s[:1]}
        for names in ((), ("p", "q")):
            found = [run.predict(data, names) for _ in range(3)]
            found.append(run.predict({n: a.tolist() for n, a in data.items()}, names))
            found.append(run.predict({n: a.astype("d") for n, a in data.items()}, names))
            assert len({b"".join(a.tobytes() for a in one.values()) for one in found}) == 1
            many = run.predict({"x": x, "s": s}, names)
            assert all(np.allclose(found[0][n], many[n][:1], rtol=1e-4) for n in found[0])
        with pytest.raises(DataError, match="no array of numbers"):
            run.predict({"x": np.array([["a"] * 50]), "s": s[:1]})
        run.train({"x": x, "s": s, "y": y}, 1)


def test_threads_of_python_take_turns() -> None:
    run = bp.compile(load("mlp:70-65-5"), backend="c", threads=2)
    x = np.random.default_rng(2).normal(size=(5000, 70)).astype("f")
    parts = [x[:1], x[:40], x[:700], x]
    expected = [run.predict({"x": part})["h3"] for part in parts]
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(60):
            found = run.predict({"x": parts[number]})["h3"]
            if found.tobytes() != expected[number].tobytes():
                wrong.append(number)

    asking = [Thread(target=ask, args=(number,)) for number in range(len(parts))]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert not wrong


# -- training ------------------------------------------------------------------------------


def by_numpy(
    step: Step, start: Mapping[str, Array], data: Mapping[str, Array], order: Array, batch: int,
    epochs: int,
) -> tuple[dict[str, Array], list[float]]:  # fmt: skip
    """The same run, a mini-batch at a time by NumPy in double precision."""
    run, scalars = prepare(step.program, np.float64), ScalarTable(step, np.dtype(np.float64))
    state = {name: array.astype(np.float64) for name, array in start.items()}
    for name, slots in step.slots.items():
        state |= {slot_name(name, slot): np.zeros_like(state[name]) for slot in slots}
    losses, number = [], 0
    for _ in range(epochs):
        total = 0.0
        for first in range(0, len(order), batch):
            rows, number = order[first : first + batch], number + 1
            given = {**state, **scalars.at(number), **{n: a[rows] for n, a in data.items()}}
            made = run(given, len(rows))
            state = {name: made[NEXT + name] for name in state}
            total += float(made[MEAN_LOSS]) * len(rows)
        losses.append(total / len(order))
    return state, losses


def problem(network: Network, samples: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Weights to start from, and samples."""
    random = np.random.default_rng(5)
    shapes = {
        q.name: tuple(network.length(n) for n in q.shape) for q in network.quantities.values()
    }
    start = {q.name: random.uniform(-0.3, 0.3, size=shapes[q.name]) for q in network.trained}
    x = random.uniform(-1, 1, size=(samples, *shapes["x"]))
    y = np.eye(shapes["y"][0])[random.integers(0, shapes["y"][0], samples)]
    return start, {"x": x, "y": y}


RUN = load("mlp:6-9-4,tanh,cross_entropy")

AROUND: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay and value": {"decay": 0.01, "clip_value": 0.02},
    "norm and schedule": {"clip_norm": 0.1, "schedule": "cosine", "warmup": 3, "steps": 12},
}


@cache
def steps() -> dict[tuple[str, str], Step]:
    """A step of each optimizer, with all that may stand around it."""
    return {
        (optimizer, around): lower_step(RUN, recipe(optimizer, **AROUND[around]))
        for optimizer in OPTIMIZERS
        for around in AROUND
    }


@cache
def step_kernels() -> tuple[Kernel, ...]:
    """The kernels of all these steps, so that one library serves them."""
    found: dict[Kernel, None] = {}
    for step in steps().values():
        parameters = [*step.slots, *(slot_name(n, s) for n in step.slots for s in step.slots[n])]
        replaced = {NEXT + name: name for name in parameters}
        made = plan(step.program, fixed={}, replaced=replaced, batch=8, lanes=widths()[0] // 8)
        found |= dict.fromkeys(made.kernels)
    return tuple(found)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("around", AROUND)
def test_a_run_is_numpys_run(optimizer: str, around: str) -> None:
    start, data = problem(RUN, 37)
    step = steps()[optimizer, around]
    trainer = Trainer(
        step, fixed={}, batch=8, dtype=np.dtype(np.float64), threads=2, kernels=step_kernels()
    )
    trainer.load(start, 0)
    order = np.random.default_rng(1).permutation(37)
    trainer.begin(data, 37, order=order, random=())
    losses = trainer.train(2)
    expected, wanted = by_numpy(step, start, data, order, 8, 2)
    assert losses == pytest.approx(wanted, rel=1e-12)
    for name, array in {**trainer.parameters(), **trainer.slot_values()}.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-9, atol=1e-12)


def bytes_of(arrays: Mapping[str, Array]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


def test_a_run_is_the_same_however_it_is_cut() -> None:
    network = load("mlp:20-30-5,relu,cross_entropy")
    start, data = problem(network, 203)
    step = lower_step(network, recipe("adam"))
    ended = []
    for threads, seconds in ((1, 10.0), (2, 0.0), (3, 1e-4)):
        trainer = Trainer(step, fixed={}, batch=16, dtype=np.dtype(np.float32), threads=threads)
        trainer.load({n: a.astype(np.float32) for n, a in start.items()}, 0)
        trainer.begin(data, 203, order=np.arange(203), random=random_state(4))
        losses: list[float] = []
        while len(losses) < 6:
            status, made = trainer.advance(6 - len(losses), seconds)
            losses += made
            assert status != NOT_FINITE
            if status == TIME_UP:  # as a resumed run would
                saved = trainer.parameters(), trainer.steps, trainer.slot_values()
                trainer.load(*saved)
        ended.append((bytes_of(trainer.parameters()), losses, trainer.random))
    assert ended[0] == ended[1] == ended[2]


@pytest.mark.usefixtures("quick_compiler")
def test_an_epoch_takes_each_sample_once() -> None:
    network = parse("input x\ntarget y\nweight w = 0\nloss J = w*x")
    step = lower_step(network, recipe("sgd", eta=1))
    trainer = Trainer(step, fixed={}, batch=7, dtype=np.dtype(np.float64))
    trainer.load({"w": np.zeros(())}, 0)
    x = 10.0 ** np.arange(15)
    seen = []
    for _ in range(3):
        trainer.begin({"x": x, "y": x}, 15, order=trainer.order if seen else np.arange(15),
                      random=trainer.random if seen else random_state(0))  # fmt: skip
        trainer.train(1)
        seen.append(tuple(trainer.order))
        assert sorted(trainer.order) == list(range(15))
    # each mini-batch moves w by the mean of its x; 7 + 7 + 1 samples
    expected = -sum(x[list(o[:7])].mean() + x[list(o[7:14])].mean() + x[o[14]] for o in seen)
    assert float(trainer.parameters()["w"]) == pytest.approx(expected, rel=1e-12)
    assert len(set(seen)) == 3


@pytest.mark.usefixtures("quick_compiler")
def test_a_stop_flag_ends_a_call_and_nothing_is_lost() -> None:
    network = load("mlp:6-9-4,tanh,cross_entropy")
    start, data = problem(network, 40)
    trainer = Trainer(
        lower_step(network, recipe("sgd")), fixed={}, batch=8, dtype=np.dtype(np.float64)
    )
    trainer.load(start, 0)
    trainer.begin(data, 40, order=np.arange(40), random=())
    trainer.machine.stop[0] = 1
    assert trainer.advance(5)[0] == STOPPED
    assert (trainer.steps, trainer.position) == (1, 8)


def large_batches(threads: int, random: bool) -> tuple[Trainer, Mapping[str, Array]]:
    """A trainer of mini-batches of three chunks and of two, and its data."""
    network = load("mlp:6-9-4,tanh,cross_entropy")
    start, data = problem(network, 9000)
    step = lower_step(network, recipe("adam", clip_norm=0.5))
    trainer = Trainer(step, fixed={}, batch=5000, dtype=np.dtype(np.float64), threads=threads)
    trainer.load(start, 0)
    trainer.begin(
        data, 9000, order=np.arange(9000), random=random_state(3) if random else ()
    )  # fmt: skip
    return trainer, data


@pytest.mark.usefixtures("quick_compiler")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("why", [STOPPED, TIME_UP])
def test_a_call_may_end_within_a_large_mini_batch(threads: int, random: bool, why: int) -> None:
    whole, _ = large_batches(threads, random)
    expected = whole.train(2)
    trainer, _ = large_batches(threads, random)
    trainer.machine.stop[0] = why == STOPPED
    losses: list[float] = []
    calls = 0
    while len(losses) < 2:
        calls += 1
        before, steps, position = trainer.parameters(), trainer.steps, trainer.position
        status, made = trainer.advance(2 - len(losses), seconds=1.0 if why == STOPPED else 0.0)
        losses += made
        if trainer.steps == steps:
            assert (status, trainer.position) == (why, position)
            for name, value in trainer.parameters().items():
                assert np.array_equal(value, before[name]), "not before the mini-batch is done"
    assert calls == 10, "each call does a chunk: three and two an epoch"
    assert losses == expected
    for name, value in whole.parameters().items():
        assert np.array_equal(value, trainer.parameters()[name])


@pytest.mark.usefixtures("quick_compiler")
def test_a_mini_batch_that_was_left_may_begin_anew() -> None:
    whole, data = large_batches(1, random=False)
    expected = whole.train(1)
    trainer, _ = large_batches(1, random=False)
    trainer.machine.stop[0] = 1
    start = trainer.parameters()
    assert trainer.advance(1) == (STOPPED, [])
    trainer.machine.stop[0] = 0
    trainer.load(start, 0)
    trainer.begin(data, 9000, order=np.arange(9000), random=())
    assert trainer.train(1) == expected


@pytest.mark.usefixtures("quick_compiler")
def test_gradients_of_many_samples_come_in_several_calls() -> None:
    network = load("mlp:6-9-4,tanh,cross_entropy")
    _, data = problem(network, 9000)
    run = bp.compile(network, backend="c", dtype=np.float64)
    loss, expected = run.gradients(data)
    (prepared,) = run._programs.values()
    (machine,) = prepared.machines.values()
    machine.run.seconds = 0.0
    machine.run.chunk = 1  # an interrupted call left it so
    again, found = run.gradients(data)
    assert again == loss
    for name, value in expected.items():
        assert np.array_equal(value, found[name])


@pytest.mark.usefixtures("quick_compiler")
def test_divergence_is_found_at_its_step() -> None:
    run = bp.compile(load("mlp:3-4-2,relu,squared_error"), backend="c", eta=1e30, batch=4)
    with pytest.raises(DataError, match=r"not finite in epoch 1, at step [1-4]:"):
        run.train({"x": np.ones((40, 3)), "y": np.ones((40, 2))}, 5)


# -- the front door ------------------------------------------------------------------------


def test_the_front_door(backend: Any) -> None:
    network = load("mlp:5-8-3,tanh,cross_entropy")
    start, data = problem(network, 50)
    run = bp.compile(network, backend=backend, batch=16, dtype=np.float64, optimizer="adam")
    run.parameters = start
    program = lower(network, backprop(network).adjoints, [MEAN_LOSS, *(ADJOINT + n for n in start)])
    expected = prepare(program, np.float64)({**start, **data}, 50)
    loss, gradients = run.gradients(data)
    assert loss == pytest.approx(float(expected[MEAN_LOSS]), rel=1e-12)
    for name in start:
        np.testing.assert_allclose(gradients[name], expected[ADJOINT + name], atol=1e-13)
    (name,) = run.predict(data)
    shown = run.predict(data, [name, "h2"])
    assert shown["h2"].shape == (50, 8)
    assert float(np.sum(shown[name])) == pytest.approx(50)  # softmax: each sample sums to 1
    for row in (0, 1, 0, 2):  # one sample at a time, again and again
        single = run.predict({"x": data["x"][row : row + 1]})[name]
        np.testing.assert_allclose(single, shown[name][row : row + 1], rtol=1e-12)
    losses = run.train(data, 20, seed=1)
    assert not np.allclose(run.predict({"x": data["x"][:1]})[name], shown[name][:1])
    assert losses[-1] < losses[0]
    assert run.gradients(data)[0] < loss
    many = {name: np.tile(array, (50, 1)) for name, array in data.items()}  # in chunks
    assert run.gradients(many)[0] == pytest.approx(run.gradients(data)[0], rel=1e-12)
    assert run.predict(many)[name].shape == (2500, 3)
    again = bp.compile(network, backend=backend, batch=16, dtype=np.float64, optimizer="adam")
    again.parameters = start
    assert again.train(data, 20, seed=1) == losses


WRONG = [
    ({"x": np.ones((4, 3))}, "no array for y"),
    ({"x": np.ones((4, 3)), "y": np.ones((5, 2))}, "5 samples"),
    ({"x": np.ones((4, 2)), "y": np.ones((4, 2))}, r"the shape \(samples, 3\), not \(4, 2\)"),
    ({"x": np.ones((0, 3)), "y": np.ones((0, 2))}, "no samples"),
]


@pytest.mark.parametrize(("data", "says"), WRONG)
def test_wrong_data_are_named(data: dict[str, Array], says: str, backend: Any) -> None:
    run = bp.compile(load("mlp:3-4-2,relu,squared_error"), backend=backend)
    with pytest.raises(DataError, match=says):
        run.train(data)


def test_what_does_not_fit_is_refused_with_the_figure() -> None:
    with pytest.raises(DataError, match=r"would take 8 TB; this machine has"):
        bp.compile(load("mlp:1000000-2000000-1,relu,squared_error"), backend="c")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"backend": "cuda"}, "no backend"),
        ({"batch": 0}, "mini-batch of 0"),
        ({"dtype": np.int32}, "int32"),
        ({"threads": 0}, "0 threads"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        bp.compile(load("mlp:3-4-2,relu,squared_error"), **{"backend": "c", **options})


# -- other processors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "wide", "flags"),
    [
        ("aarch64-linux-gnu", 16, []),
        ("x86_64-linux-gnu", 64, ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"]),
    ],
)
@pytest.mark.parametrize("double", [0, 1])
def test_it_compiles_for_other_processors(
    target: str, wide: int, flags: list[str], double: int, tmp_path: Path
) -> None:
    pytest.importorskip("ziglang", reason="the ziglang wheel is not installed")
    lanes = wide // (8 if double else 4)
    for number, text in enumerate(library_texts(shared_kernels(lanes, NARROW))):
        (tmp_path / f"{number}.c").write_text(text, encoding="utf-8")
        made = subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", "-target", target, *flags, "-std=gnu11", "-O1",
             "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", f"-DVECTOR_BYTES={wide}",
             f"-DREAL_IS_DOUBLE={double}", "-c", f"{number}.c", "-o", f"{number}.o"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert (tmp_path / f"{number}.o").stat().st_size > 0
