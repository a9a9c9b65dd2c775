"""Random networks in the compiled backend: values, memory, threads, and what reaches its source."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_c_backend import ACTIVATIONS, worst
from test_run import NETWORKS

from backprove.adjoints import backprop
from backprove.expr import Ref
from backprove.expr import substituted as put_in
from backprove.language import load, parse
from backprove.network import ADJOINT, Equation, Network
from backprove.run.c import Machine, Trainer, calls, compiler, sharing, storage, widths
from backprove.run.c.call import ALONE, SAMPLED, Call, Kernel
from backprove.run.c.calls import Calls
from backprove.run.c.plan import _in_phases, _places, plan
from backprove.run.c.printing import library_text
from backprove.run.lower import MEAN_LOSS, lower
from backprove.run.numpy_backend import prepare
from backprove.run.optimizers import OPTIMIZERS, recipe
from backprove.run.program import SAMPLES, Program
from backprove.run.step import NEXT, ScalarTable, Step, lower_step, slot_name
from backprove.run.values import constant_values, shape_of

Array = NDArray[Any]

pytestmark = pytest.mark.usefixtures("compiled", "quick_compiler")

DOUBLE = np.dtype(np.float64)


@pytest.fixture(scope="module")
def quick_compiler() -> Iterator[None]:
    """Libraries that need not be fast are compiled fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "_FLAGS", ("-O0", *compiler._FLAGS[1:]))
        yield


@pytest.fixture(scope="module", autouse=True)
def every_matrix_as_a_large_one() -> Iterator[None]:
    """The smallest matrix is shared by threads, and turns its factor, as a large one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "_worth", lambda *sizes: True)
        patch.setattr(calls, "_WORTH_SPLITTING", 50)
        patch.setattr(calls, "_WORTH_TURNING", 0)
        yield


# -- networks -------------------------------------------------------------------------------

# how a computed weight is made of w[i,j], and whether rows and columns change places
COMPUTED = {
    "tanh(w[i,j])": False,
    "w[i,j]*w[1,1]": False,
    "w[i,j] + delta(i,j)/2": False,
    "w[i,j] + delta(i,1)*delta(j,1)*sum(k: w[k,1])": False,
    "1/(w[i,j]^2 + 1)": False,
    "1/(w[i,j] + 3)": False,
    "w[j,i]": True,
    "sum(k: w[k,i]*w[k,j])": True,
}

# what is made of a vector a, with a vector b of any length; each has the size of a
PLAIN = (
    "a[i]*b[1]",
    "a[i] + delta(i,1)*b[1]",
    "a[i]*sum(j: b[j]^2)/5",
    "exp(a[i])/sum(j: exp(a[j]))",
    "a[i] - max(j: b[j])",
    "(a[i] - sum(j: a[j])/3)/(1 + sum(j: a[j]^2))",
    "a[i]*constant_c + constant_d",
    "a[i]*u",
    "sum(j: delta(i,j)*a[j]^2)",
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A network's file."""
    size = st.one_of(st.integers(1, 5), st.sampled_from((7, 8, 9, 15, 16, 17, 24, 33, 40)))
    declared = ["constant constant_c = 3/4, constant_d = -1/8", "weight u"]
    lines: list[str] = []
    vectors: dict[str, int] = {}
    weights: dict[str, tuple[int, int]] = {}

    def new(prefix: str) -> str:
        return f"{prefix}{len(declared) + len(lines)}"

    def declare(kind: str, *shape: int) -> str:
        name = new(kind[0])
        declared.append(f"{kind} {name}[{','.join(map(str, shape))}]")
        return name

    def weight(rows: int | None, columns: int | None) -> str:
        """A matrix that fits: an earlier one, as often as not."""
        fits = [
            name
            for name, (r, c) in weights.items()
            if (rows in (None, r)) and (columns in (None, c))
        ]
        shared: bool = draw(st.booleans())
        if fits and shared:
            return draw(st.sampled_from(fits))
        shape = (rows or draw(size), columns or draw(size))
        name = declare("weight", *shape)
        weights[name] = shape
        return name

    def vector(right: str, length: int) -> None:
        name = new("h")
        lines.append(f"{name}[i] = {right}")
        vectors[name] = length

    for _ in range(draw(st.integers(1, 2))):
        length = draw(size)
        vectors[declare("input", length)] = length
    for _ in range(draw(st.integers(1, 6))):
        a, b = draw(st.sampled_from(sorted(vectors))), draw(st.sampled_from(sorted(vectors)))
        kind = draw(st.integers(0, 9))
        if kind < 3:  # a layer, forward or by the transposed matrix
            w = weight(None, vectors[a])
            bias = declare("bias", weights[w][0])
            function = ACTIVATIONS[draw(st.sampled_from(sorted(ACTIVATIONS)))]
            z = new("z")
            lines.append(f"{z}[i] = sum(j: {w}[i,j]*{a}[j]) + {bias}[i]")
            vector(function.format(z=f"{z}[i]") + "/2", weights[w][0])
        elif kind == 3:
            w = weight(vectors[a], None)
            vector(f"tanh(sum(j: {w}[j,i]*{a}[j]))", weights[w][1])
        elif kind == 4:
            w = weight(None, None)
            rows, columns = weights[w]
            square = [r for r in COMPUTED if rows == columns or "delta(i,j)" not in r]
            right = draw(st.sampled_from(square))
            name = new("v")
            lines.append(f"{name}[i,j] = {right.replace('w[', w + '[')}")
            if right.startswith("sum"):
                weights[name] = (columns, columns)
            else:
                weights[name] = (columns, rows) if COMPUTED[right] else (rows, columns)
        elif kind == 5:  # a way around
            others = [name for name, length in vectors.items() if length == vectors[a]]
            vector(f"{a}[i] + {draw(st.sampled_from(others))}[i]/2", vectors[a])
        elif kind == 6:  # an outer product, and a sum over its first axis
            w = weight(vectors[a], vectors[b])
            name = new("o")
            lines.append(f"{name}[i,j] = tanh({a}[i]*{b}[j])")
            vector(f"sum(j: {name}[j,i]*{w}[j,i])/2", vectors[b])
        elif kind == 7:
            w = weight(None, vectors[a])
            vector(f"max(j: {w}[i,j]*{a}[j])", weights[w][0])
        elif kind == 8:
            shape = (draw(st.integers(1, 3)), vectors[a], vectors[b])
            w = declare("weight", *shape)
            vector(f"tanh(sum(j,k: {w}[i,j,k]*{a}[j]*{b}[k])/3)", shape[0])
        else:
            right = draw(st.sampled_from(PLAIN))
            vector(right.replace("a[", a + "[").replace("b[", b + "["), vectors[a])
    last = list(vectors)[-1]
    target = declare("target", vectors[last])
    loss = draw(st.sampled_from((
        f"sum(i: ({target}[i] - {last}[i])^2)/2",
        f"sum(i: {target}[i]*{last}[i])",
        f"log(sum(i: exp({last}[i]))) - {target}[1]*{last}[1]",
    )))  # fmt: skip
    penalised: bool = draw(st.booleans())
    if weights and penalised:
        w = draw(st.sampled_from(sorted(weights)))
        loss += draw(st.sampled_from((
            f" + sum(i,j: {w}[i,j]^2)/10", f" + {w}[1,1]^2", f" + {w}[1,1]*sum(i,j: {w}[i,j]^2)",
            f" + u*sum(i: {w}[i,1])",
        )))  # fmt: skip
    return "\n".join([*declared, *lines, f"loss J = {loss}"])


# -- one library for many -------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A network's programs: all its values and gradients, and a step of training."""

    network: Network
    program: Program
    step: Step
    fixed: Mapping[str, Array]

    @property
    def replaced(self) -> dict[str, str]:
        slots = self.step.slots
        names = [*slots, *(slot_name(n, s) for n in slots for s in slots[n])]
        return {NEXT + name: name for name in names}


def case(text: str, optimizer: str) -> Case:
    network = parse(text)
    computed = [q.name for q in network.of_kind("computed")]
    gradients = [ADJOINT + q.name for q in network.trained if q.name in network.live]
    program = lower(network, backprop(network).adjoints, [MEAN_LOSS, *gradients, *computed])
    step = lower_step(network, recipe(optimizer, eta=0.01))
    return Case(network, program, step, constant_values(network, DOUBLE))


def kernels_of(cases: list[Case], lanes: int) -> tuple[Kernel, ...]:
    """The kernels of all programs, so that one library serves them."""
    found: dict[Kernel, None] = {}
    for c in cases:
        for room, threads in product((None, 16), (1, 3)):
            for program, replaced in ((c.program, {}), (c.step.program, c.replaced)):
                made = plan(
                    program, fixed=c.fixed, replaced=replaced, batch=33, lanes=lanes, room=room,
                    threads=threads,
                )  # fmt: skip
                found |= dict.fromkeys(made.kernels)
    return tuple(found)


def drawn(program: Program, samples: int, known: Mapping[str, Array]) -> dict[str, Array]:
    """A value for all that a program is given, small enough for any depth."""
    random = np.random.default_rng(7)
    values = {}
    for name, buffer in program.given.items():
        shape = tuple(samples if n == SAMPLES else n for n in program.shapes[buffer])
        wide = shape[-1] if SAMPLES not in program.shapes[buffer] and shape else 1
        values[name] = known.get(name, random.uniform(-0.9, 0.9, size=shape) / np.sqrt(wide))
    return values


def tame(results: Mapping[str, Array]) -> bool:
    """Whether nothing is so large that rounding alone would explain a difference."""
    return all(bool(np.all(np.abs(a) < 1e4)) for a in results.values())


def run(
    machine: Machine, values: Mapping[str, Array], samples: int, poison: bool = False
) -> dict[str, Array]:
    if poison:  # whatever is read before it is written shows
        machine.arena[:] = np.nan
        for place, value in machine.plan.initial:
            machine._put(place, value)
    for name in machine.plan.given:
        machine.write(name, values[name])
    return machine.over(values, samples)


def same_bits(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    return {n: x.tobytes() for n, x in a.items()} == {n: x.tobytes() for n, x in b.items()}


LANES = 8
HANDFUL = st.lists(st.tuples(texts(), st.sampled_from(sorted(OPTIMIZERS))), min_size=5, max_size=5)


# Shrinking would build hundreds of libraries; what fails is said in full.
@settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(HANDFUL, st.sampled_from((15, 16, 17, 33)))
def test_any_network_agrees_with_numpy(drawn_texts: list[tuple[str, str]], many: int) -> None:
    """Values, gradients and training; with memory used again or not, and in several threads."""
    wide = widths()[0]
    cases = [case(text, optimizer) for text, optimizer in drawn_texts]
    library = kernels_of(cases, wide // 8)
    for c, (text, _) in zip(cases, drawn_texts, strict=True):
        for samples in (1, many):
            values = drawn(c.program, samples, c.fixed)
            expected = prepare(c.program, DOUBLE)(values, samples)
            if not tame(expected):
                continue

            def machine(
                threads: int, room: int | None = None, *, c: Case = c, samples: int = samples
            ) -> Machine:
                return Machine(
                    c.program, fixed=c.fixed, batch=samples, room=room, dtype=DOUBLE,
                    threads=threads, vector_bytes=wide, kernels=library,
                )  # fmt: skip

            alone = run(machine(1), values, samples)
            assert worst(alone, expected) < 1e-11, text
            assert same_bits(run(machine(3), values, samples, poison=True), alone), text
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(storage.Arena, "give_back", lambda self, start, size: None)
                assert same_bits(run(machine(1), values, samples, poison=True), alone), text
            assert worst(run(machine(2, 16), values, samples), expected) < 1e-11, text
        trained(c, library, text)


def by_numpy(
    c: Case, start: Mapping[str, Array], data: Mapping[str, Array], order: Array, epochs: int
) -> tuple[dict[str, Array], list[float]]:
    """Training by NumPy: the parameters at the end, and the loss of each epoch."""
    prepared, scalars = prepare(c.step.program, DOUBLE), ScalarTable(c.step, DOUBLE)
    state = dict(start)
    for name, slots in c.step.slots.items():
        state |= {slot_name(name, slot): np.zeros_like(state[name]) for slot in slots}
    batches = [order[n : n + BATCH] for n in range(0, len(order), BATCH)] * epochs
    losses = []
    for number, rows in enumerate(batches, 1):
        given = {**state, **c.fixed, **scalars.at(number), **{n: a[rows] for n, a in data.items()}}
        made = prepared(given, len(rows))
        state = {name: made[NEXT + name] for name in state}
        losses.append(float(made[MEAN_LOSS]) * len(rows))
    return state, np.sum(np.reshape(losses, (epochs, -1)), axis=1).tolist()


BATCH = 8


def trained(c: Case, library: tuple[Kernel, ...], text: str) -> None:
    """Two epochs, each with a last mini-batch of one sample, are NumPy's two epochs."""
    values = drawn(c.step.program, 17, c.fixed)
    start = {name: values[name] for name in c.step.slots}
    given = c.step.program.given
    data = {n: values[n] for n, b in given.items() if SAMPLES in c.step.program.shapes[b]}
    order = np.random.default_rng(1).permutation(17)
    expected, losses = by_numpy(c, start, data, order, 2)
    if not tame({**expected, "losses": np.array(losses)}):
        return
    trainer = Trainer(c.step, fixed=c.fixed, batch=BATCH, dtype=DOUBLE, threads=2, kernels=library)
    trainer.load(start, 0)
    trainer.begin(data, 17, order=order, random=())
    found = [loss * 17 for loss in trainer.train(2)]
    assert found == pytest.approx(losses, rel=1e-9, abs=1e-11), text
    for name, array in {**trainer.parameters(), **trainer.slot_values()}.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-6, atol=1e-8, err_msg=text)


# -- memory and threads -------------------------------------------------------------------


@dataclass
class Schedule:
    """The calls of a plan in their order, and where each buffer lies."""

    made: Calls
    calls: list[Call]
    places: dict[int, int]
    chunk: int  # calls that are made again for each chunk of a mini-batch

    def region(self, buffer: int) -> tuple[int, int]:
        """The part of the arena that a buffer has: from, to."""
        made = self.made
        own = made.own(buffer)
        size = made.row_size(own) if made.in_rows(own) else made.size(own)
        return self.places[own], self.places[own] + size

    def meet(self, a: int, b: int) -> bool:
        (a0, a1), (b0, b1) = self.region(a), self.region(b)
        return a0 < b1 and b0 < a1


def scheduled(
    program: Program, fixed: Mapping[str, Array], replaced: Mapping[str, str], chunked: bool
) -> Schedule:
    made = Calls(program, fixed, replaced, 16 if chunked else 33, LANES, chunked)
    sharing.share_by_rows(made, 3)
    calls, first = _in_phases(made)
    places, _ = _places(made, calls)
    again = sum(call.phase < first for call in calls) if chunked else 0
    return Schedule(made, calls, places, again)


def check_threads(s: Schedule) -> None:
    """In a phase no thread touches what another one writes."""
    for call in s.calls:
        check_rows(s, call)
    for a, b in combinations(s.calls, 2):
        if a.phase != b.phase or (a.mode == b.mode == ALONE and a.chain == b.chain):
            continue
        for written, touched in ((a.writes, b.touched), (b.writes, a.touched)):
            for w in written:
                for t in touched:
                    turned = w in s.made.extra_rows.values()
                    if w == t and (SAMPLED not in (a.mode, b.mode) or turned) and a.in_step(b, w):
                        continue  # a thread keeps to its own rows, copies or samples
                    columns = a.mode == b.mode == SAMPLED and s.made.in_rows(s.made.own(w))
                    if columns and s.made.in_rows(s.made.own(t)):
                        # a thread keeps to its own columns, in whatever rows
                        assert (s.region(w)[0] - s.region(t)[0]) % s.made.columns == 0
                    else:
                        assert not s.meet(w, t), (a, b)


def check_rows(s: Schedule, call: Call) -> None:
    """A loop by rows meets no other rows of what it says so of."""
    if call.kernel.name == "map_rows":
        _, _, *words = call.words
        for place, stride in zip(words[::2], words[1::2], strict=True):
            if place[1] in call.by_rows:
                assert (place[2], stride) == (0, s.made.columns), call
    elif call.kernel.name == "map" and call.by_rows:
        form = call.kernel.form
        assert form is not None
        single = {b for b, (_, one) in zip(call.reads, form.reads, strict=True) if one}
        assert single.isdisjoint(call.by_rows), call


def check_values(s: Schedule) -> None:
    """What a call reads is what its maker wrote, and the results are there in the end."""
    made = s.made
    program, views = made.program, made.views
    holds = {b for b in program.given.values() if not views.sampled(b)} | set(views.known)
    holds &= set(s.places)
    for call in (*s.calls[: s.chunk], *s.calls):
        named = {word[1] for word in call.words if isinstance(word, tuple)}
        assert named <= set(call.touched), call
        assert set(call.reads) <= holds, call
        for b in (*call.writes, *call.overwrites):
            holds = {other for other in holds if not s.meet(b, other)} | {b}
    for result in program.results.values():
        root = views.root(result.buffer)
        if not views.sampled(result.buffer):
            assert {root, made.aside.get(root)} & holds, result


def check_plans(c: Case) -> None:
    for program, replaced in ((c.program, {}), (c.step.program, c.replaced)):
        for chunked in (False, True):
            schedule = scheduled(program, c.fixed, replaced, chunked)
            check_threads(schedule)
            check_values(schedule)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts(), st.sampled_from(sorted(OPTIMIZERS)))
def test_no_plan_loses_a_value_or_lets_threads_meet(text: str, optimizer: str) -> None:
    check_plans(case(text, optimizer))


@pytest.mark.parametrize("text", NETWORKS.values(), ids=NETWORKS)
def test_no_plan_of_an_odd_network_does(text: str) -> None:
    check_plans(case(text.replace("\n        ", "\n"), "adam"))


def test_no_plan_of_a_row_that_all_others_meet() -> None:
    """In h[i]*h[1] a thread meets its own rows of h, and the first one, which another makes."""
    check_plans(
        case(
            "input x[40]\ntarget y[8]\nweight w[40,40], v[8,40]\n"
            "h[i] = tanh(sum(j: w[i,j]*x[j]))\na[i] = h[i]*h[1]\nz[i] = sum(j: v[i,j]*a[j])\n"
            + SQUARES,
            "sgd",
        )
    )


def test_the_checkers_see_what_is_wrong() -> None:
    c = case("input x[3]\nweight w[3]\ns = sum(i: w[i]^2)\nloss J = s*sum(i: w[i]*x[i])", "sgd")
    schedule = scheduled(c.step.program, c.fixed, c.replaced, chunked=False)
    for call in schedule.calls:
        call.phase = 0
    with pytest.raises(AssertionError):
        check_threads(schedule)
    schedule.calls.reverse()
    with pytest.raises(AssertionError):
        check_values(schedule)
    schedule = scheduled(c.step.program, c.fixed, c.replaced, chunked=False)
    schedule.places = dict.fromkeys(schedule.places, 0)
    with pytest.raises(AssertionError):
        check_values(schedule)


# -- optimizers of the reader's own -------------------------------------------------------

# each has states p and q; how one becomes the other decides what may be written in place
OWN = {
    "heavy ball": "w{t} = w{t-1} - eta*g{t} + (w{t-1} - p{t-1})/2\np{t} = w{t-1}\nq{t} = q{t-1}",
    "exchange": "p{t} = q{t-1} + g{t}\nq{t} = p{t-1} - g{t}\nw{t} = w{t-1} - eta*(p{t} + q{t})",
    "mere exchange": "p{t} = q{t-1}\nq{t} = p{t-1}\nw{t} = w{t-1} - eta*g{t} - p{t}",
    "last gradient": "p{t} = g{t}\nq{t} = g{t}\nw{t} = w{t-1} - eta*(g{t} - p{t-1} + q{t-1})",
    "numbers": "p{t} = 1\nq{t} = q{t-1} + p{t-1}\nw{t} = w{t-1} - eta*g{t}*q{t}",
    "never read": "p{t} = p{t-1} + 1\nq{t} = p{t-1}\nw{t} = w{t-1} - eta*g{t}/p{t}",
    "no epsilon": "p{t} = g{t}\nq{t} = q{t-1} + g{t}^2\nw{t} = w{t-1} - eta*g{t}/sqrt(q{t})",
}

TWISTED = """
input x[6]
target y[4]
weight w[4,6], v[6,4], u[4]
bias b[4], c, d[4]
a[i,j] = w[i,j]*v[j,i] + delta(j,1)*u[i] + delta(i,2)*delta(j,3)*w[1,1]
z[i] = sum(j: a[i,j]*x[j]) + b[i] + d[i]
loss J = sum(i: (y[i] - z[i])^2)/2 + w[1,1]*sum(i,j: v[j,i]^2) + c^2 + c + sum(i: u[i])
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Case], tuple[Kernel, ...]]:
    folder: Path = tmp_path_factory.mktemp("own")
    cases = {}
    for number, (name, body) in enumerate(OWN.items()):
        head = "rate eta = 0.01\ngradient g{t}\nparameter w{t}\nstate p{t}, q{t}\n\n"
        file = folder / f"own{number}.bp"
        file.write_text(f"# {name}\n{head}{body}\n")
        cases[name] = case(TWISTED, str(file))
    return cases, kernels_of(list(cases.values()), widths()[0] // 8)


@pytest.mark.parametrize("name", OWN)
def test_any_optimizer_is_numpys(name: str, own: Any) -> None:
    cases, library = own
    check_plans(cases[name])
    trained(cases[name], library, name)


def test_a_loss_that_is_a_weight_is_its_old_value() -> None:
    c = case("input x\nbias b\nz = b*x\nloss J = b + z - z", "sgd")
    trained(c, kernels_of([c], widths()[0] // 8), "b")


# -- what is part of a matrix, or beyond it -----------------------------------------------

LAYER = "input x[7]\ntarget y[3]\nweight w[3,7]\nz[i] = sum(j: w[i,j]*x[j])\n"
SQUARES = "loss J = sum(i: (y[i] - z[i])^2)/2"
PARTS = {
    "one weight in the loss": LAYER + SQUARES + " + w[2,3]^2",
    "a row": LAYER + "u[j] = w[2,j]\n" + SQUARES,
    "a column": LAYER + "u[i] = w[i,2]\n" + SQUARES,
    "one weight as a result": LAYER + "u = w[2,3]\n" + SQUARES,
    "an input as a result": LAYER.replace("[7]\n", "[7]\ninput q[2]\n", 1) + "u[i] = q[i]\n"
    + SQUARES,
    "one of a gradient": "input x[7]\ntarget y[3]\nweight w[3,7]\ns = sum(i,j: w[i,j])\n"
    "v[i,j] = w[i,j] + delta(i,2)*delta(j,3)*s\nz[i] = sum(j: v[i,j]*x[j])\n" + SQUARES,
    "infinite beyond": "input x[7]\ntarget y[3]\nweight w[3,7]\nv[i,j] = 1/w[i,j]\n"
    "z[i] = sum(j: v[i,j]*x[j])\n" + SQUARES,
}  # fmt: skip


def test_parts_of_matrices() -> None:
    cases = {name: case(text, "sgd") for name, text in PARTS.items()}
    wide = widths()[0]
    library = kernels_of(list(cases.values()), wide // 8)
    for name, c in cases.items():
        for samples in (1, 17):
            values = drawn(c.program, samples, {})
            machine = Machine(
                c.program, fixed={}, batch=samples, dtype=DOUBLE, threads=2, kernels=library
            )
            expected = prepare(c.program, DOUBLE)(values, samples)
            assert worst(run(machine, values, samples), expected) < 1e-11, name


@pytest.mark.parametrize("columns", [17, 32])
def test_a_matrix_that_lies_in_no_panels_is_trained(columns: int) -> None:
    """One of its weights stands alone elsewhere; its columns are shared by two threads."""
    c = case(
        f"input x[2]\ntarget y[{columns}]\nweight w[2,{columns}]\n"
        "z[i] = sum(j: w[j,i]*x[j])\n" + SQUARES + " + w[1,1]*sum(i,j: w[i,j]^2)",
        "sgd",
    )
    trained(c, kernels_of([c], widths()[0] // 8), str(columns))


# -- what reaches the source --------------------------------------------------------------


def renamed(network: Network, names: Mapping[str, str]) -> Network:
    """The same network, its quantities called otherwise."""

    def ref(e: Ref) -> Ref:
        return Ref(names[e.name], e.indices)

    return Network(
        [replace(q, name=names[q.name]) for q in network.quantities.values()],
        [Equation(ref(e.left), put_in(e.right, ref)) for e in network.equations.values()],
        names[network.loss],
        functions=network.own_functions,
        sizes=network.sizes,
        file='*/ "file".bp',
    )


NASTY = st.text(
    st.sampled_from("*/\\\"'\n\r\t ;{}#?%$`\u202e\u2066\u2028\x00é∂w1"), min_size=1, max_size=12
)


@settings(max_examples=25, deadline=None)
@given(st.lists(NASTY, min_size=12, max_size=12, unique=True))
def test_no_name_reaches_the_source(words: list[str]) -> None:
    network = load("mlp:3-4-2,gelu,squared_error")
    # in the same order as before: what is added or multiplied is sorted by names
    names = {
        name: f"{n:03}{words[n % len(words)]}MARKED"
        for n, name in enumerate(sorted(network.quantities))
    }
    texts = []
    for twin in (network, renamed(network, names)):
        step = lower_step(twin, recipe("adam", clip_norm=1.0))
        made = plan(step.program, fixed={}, replaced={}, batch=8, lanes=LANES)
        texts.append(library_text(made.kernels))
    assert texts[0] == texts[1]
    assert "MARKED" not in texts[1]


# -- NumPy afterwards, other threads and processes ----------------------------------------

SMALL = "mlp:6-9-4,tanh,cross_entropy"


def small_trainer(threads: int = 2) -> tuple[Trainer, dict[str, Array]]:
    network = load(SMALL)
    random = np.random.default_rng(0)
    shapes = {q.name: shape_of(network, q.name) for q in network.trained}
    trainer = Trainer(
        lower_step(network, recipe("sgd")), fixed={}, batch=8, dtype=DOUBLE, threads=threads
    )
    trainer.load({name: random.uniform(-0.5, 0.5, shape) for name, shape in shapes.items()}, 0)
    data = {"x": random.normal(size=(40, 6)), "y": np.eye(4)[random.integers(0, 4, 40)]}
    trainer.begin(data, 40, order=np.arange(40), random=())
    return trainer, data


def test_numpy_keeps_its_denormals_and_finds_nan() -> None:
    trainer, _ = small_trainer()
    trainer.train(3)
    for kind in ("float32", "float64"):
        least = np.finfo(kind).smallest_subnormal
        row = np.full(40, least, kind)
        assert np.all(row + row > row)
        assert np.all(np.full(40, np.finfo(kind).tiny, kind) / 2 > 0)
        row[17] = np.nan
        assert np.isnan(row.sum())
        assert not np.isfinite(row).all()


def test_each_thread_of_python_may_have_its_own() -> None:
    alone, _ = small_trainer()
    wanted = alone.train(40)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: small_trainer(1 + n % 3)[0].train(40), range(8)))
    assert found == [wanted] * 8


def test_a_child_of_fork_goes_on() -> None:
    trainer, _ = small_trainer()
    wanted, _ = small_trainer()
    wanted.train(4)
    trainer.train(2)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(trainer.train(2)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said == repr(trainer.train(2))
    for name, array in wanted.parameters().items():
        assert np.array_equal(trainer.parameters()[name], array)


def test_an_interrupted_call_counts_its_steps() -> None:
    trainer, _ = small_trainer()

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.train(10**9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    again, _ = small_trainer()
    assert trainer.position == trainer.steps % 5 * 8
    while again.steps < trainer.steps:
        again.machine.stop[0] = 1  # one step a call
        again.advance(1)
    for name, array in again.parameters().items():
        assert np.array_equal(trainer.parameters()[name], array)
