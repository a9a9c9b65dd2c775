"""One step of gradient descent on a sparse graph of neurons: backprove against its peers.

    python benchmarks/graphs.py [--edges 1000000] [--levels 20] [--batch 1] [--threads 2]

The graph is irregular: in-degrees follow Zipf's law, edges skip levels. Every competitor takes
the same graph, data and tanh; each is a function that returns a step and its weights, and all
steps are compared. Every one runs in a process of its own, in interleaved rounds; the least
time counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Step: TypeAlias = Callable[[], Any]
Weights: TypeAlias = Callable[[], Array]

RATE = 0.01


@dataclass(frozen=True)
class Case:
    """A graph whose neurons are numbered by level, and one mini-batch.

    level: (N,); left, right, w: (E,), sorted by right neuron; x: (B, inputs); y: (B, outputs).
    """

    level: Array
    left: Array
    right: Array
    w: Array
    inputs: Array
    outputs: Array
    x: Array
    y: Array

    @property
    def neurons(self) -> int:
        return len(self.level)


def case(edges: int, levels: int, batch: int, seed: int = 0) -> Case:
    """Levels of equal size, in-degrees by Zipf's law (exponent 1.6, at most 10,000), about 20 on
    average; one edge comes from the level before, the others from anywhere to the left."""
    rng = np.random.default_rng(seed)
    neurons = max(2 * levels, edges // 20)
    level = np.sort(np.arange(neurons) * levels // neurons)
    first = np.searchsorted(level, np.arange(levels + 1))
    right = np.arange(first[1], neurons)
    before = first[level[right] - 1]
    width = first[level[right]] - before
    left = before + (rng.random(len(right)) * width).astype(np.int64)
    degree = np.minimum(rng.zipf(1.6, len(right)), 10_000).astype(np.float64)
    more = edges - len(right)
    chosen = rng.choice(right, 2 * more, p=degree / degree.sum())
    other = (rng.random(2 * more) * first[level[chosen]]).astype(np.int64)
    keys = np.unique(np.concatenate([right * neurons + left, chosen * neurons + other]))
    extra = len(keys) - edges
    if extra > 0:
        own = np.isin(keys, right * neurons + left)
        drop = rng.choice(np.flatnonzero(~own), extra, replace=False)
        keys = np.delete(keys, drop)
    right, left = np.divmod(keys, neurons)
    into = np.bincount(right, minlength=neurons)
    w = (rng.normal(size=len(keys)) / np.sqrt(into[right])).astype(np.float32)
    inputs = np.flatnonzero(into == 0)
    outputs = np.flatnonzero(np.bincount(left, minlength=neurons) == 0)
    x = rng.normal(size=(batch, len(inputs))).astype(np.float32)
    y = rng.normal(size=(batch, len(outputs))).astype(np.float32)
    return Case(level, left, right, w, inputs, outputs, x, y)


def _slices(numbers: Array, count: int) -> list[tuple[int, int]]:
    at = np.searchsorted(numbers, np.arange(count + 1)).tolist()
    return list(pairwise(at))


# -- the competitors -----------------------------------------------------------------------


def backprove(c: Case, threads: int, backend: str = "c") -> tuple[Step, Weights]:
    """This package: `GraphNetwork.train` on one mini-batch."""
    from backprove.graph import from_graph

    graph = from_graph((c.left, c.right, c.w), activation="tanh", inputs=c.inputs.tolist(),
                       outputs=c.outputs.tolist())  # fmt: skip

    def step() -> None:
        graph.train(c.x, c.y, 1, len(c.x), eta=RATE, backend=backend, threads=threads)

    return step, lambda: graph.weights


def backprove_steps(c: Case, threads: int, backend: str = "c") -> tuple[Step, Weights]:
    """The same without what a call of `train` does once: checks, copies, the choice of backend."""
    from backprove.graph import from_graph
    from backprove.graph.training import passes

    graph = from_graph((c.left, c.right, c.w), activation="tanh", inputs=c.inputs.tolist(),
                       outputs=c.outputs.tolist())  # fmt: skip
    run = passes(graph._model, graph._parameters, backend, len(c.x), threads)
    x, y = graph._data(c.x, c.y)
    order = np.arange(len(x))
    return lambda: run.epoch(x, y, order, len(x), RATE), lambda: graph.weights


def scipy_by_hand(c: Case, threads: int) -> tuple[Step, Weights]:
    """What a careful person writes: sparse products level by level, neurons × samples."""
    from scipy.sparse import csr_array

    n, levels = c.neurons, int(c.level[-1]) + 1
    w, b = c.w.copy(), np.zeros(n, np.float32)
    into = np.searchsorted(c.right, np.arange(n + 1)).astype(np.int32)
    by_left = np.argsort(c.left * n + c.right)
    out_of = np.searchsorted(c.left[by_left], np.arange(n + 1)).astype(np.int32)
    left, right = c.left.astype(np.int32), c.right.astype(np.int32)
    ranges = _slices(c.level, levels)
    backward_w = w[by_left]
    forward, backward = [], []
    for lo, hi in ranges:
        for data, ends, starts, made in (
            (w, left, into, forward),
            (backward_w, right[by_left], out_of, backward),
        ):
            a, z = int(starts[lo]), int(starts[hi])
            m = csr_array((data[a:z], ends[a:z], starts[lo : hi + 1] - a), shape=(hi - lo, n))
            m.data = data[a:z]
            made.append(m)
    is_output = np.zeros(n, bool)
    is_output[c.outputs] = True
    x, y = np.ascontiguousarray(c.x.T), np.ascontiguousarray(c.y.T)
    samples = np.float32(len(c.x))
    chunk = max(1, (1 << 18) // len(c.x))

    def step() -> None:
        h = np.empty((n, len(c.x)), np.float32)
        h[c.inputs] = x
        for (lo, hi), m in zip(ranges[1:], forward[1:], strict=True):
            z = m @ h
            z += b[lo:hi, None]
            np.tanh(z, out=h[lo:hi])
        v = np.zeros_like(h)
        v[c.outputs] = h[c.outputs] - y
        slope = 1 - h * h
        for (lo, hi), m in zip(reversed(ranges[1:]), reversed(backward[1:]), strict=True):
            v[lo:hi] += m @ v  # an output has no right edges: its row is 0
            v[lo:hi] *= slope[lo:hi]
        if len(c.x) == 1:
            g = v[right, 0] * h[left, 0]
        else:
            g = np.empty(len(w), np.float32)
            for a in range(0, len(w), chunk):
                z = a + chunk
                np.einsum("es,es->e", v[right[a:z]], h[left[a:z]], out=g[a:z])
        w[:] -= (RATE / samples) * g
        np.take(w, by_left, out=backward_w)
        b[:] -= RATE / samples * v.sum(axis=1)
        b[c.inputs] = 0

    return step, lambda: w


def torch_index_add(c: Case, threads: int) -> tuple[Step, Weights]:
    """PyTorch in its faster form: `index_add_` level by level into arrays that stay, the backward
    pass written out, as autograd would copy all neurons at every level."""
    import torch

    torch.set_num_threads(threads)
    n, levels = c.neurons, int(c.level[-1]) + 1
    w, b = torch.tensor(c.w), torch.zeros(n)
    ranges = _slices(c.level, levels)
    first = np.array([lo for lo, _ in ranges])
    forward_ranges = _slices(c.level[c.right], levels)
    by_left = np.argsort(c.left * n + c.right)
    backward_ranges = _slices(c.level[c.left[by_left]], levels)
    left, right = torch.tensor(c.left), torch.tensor(c.right)
    to = torch.tensor(c.right - first[c.level[c.right]])
    order = torch.tensor(by_left)
    back_right = right[order]
    back_to = torch.tensor((c.left - first[c.level[c.left]])[by_left])
    x, y = torch.tensor(c.x.T.copy()), torch.tensor(c.y.T.copy())
    inputs, outputs = torch.tensor(c.inputs), torch.tensor(c.outputs)
    hidden = torch.ones(n, 1)
    hidden[inputs] = 0
    h, v = torch.zeros(n, len(c.x)), torch.zeros(n, len(c.x))

    @torch.no_grad()
    def step() -> None:
        h[inputs] = x
        for (lo, hi), (a, z) in zip(ranges[1:], forward_ranges[1:], strict=True):
            terms = h.index_select(0, left[a:z]).mul_(w[a:z, None])
            here = h[lo:hi]
            here.copy_(b[lo:hi, None].expand_as(here))
            here.index_add_(0, to[a:z], terms).tanh_()
        v.zero_()
        v[outputs] = h[outputs] - y
        back_w = w[order]
        for (lo, hi), (a, z) in zip(reversed(ranges[1:]), reversed(backward_ranges[1:]),
                                    strict=True):  # fmt: skip
            terms = v.index_select(0, back_right[a:z]).mul_(back_w[a:z, None])
            here = v[lo:hi]
            here.index_add_(0, back_to[a:z], terms).mul_(1 - h[lo:hi] ** 2)
        g = (v.index_select(0, right).mul_(h.index_select(0, left))).sum(1)
        w.sub_(g, alpha=RATE / len(c.x))
        b.sub_((v * hidden).sum(1), alpha=RATE / len(c.x))

    return step, lambda: w.numpy()


def jax_segment_sum(c: Case, threads: int) -> tuple[Step, Weights]:
    """JAX: `segment_sum` level by level under `jit`, its own gradient, arrays given away."""
    import jax
    import jax.numpy as jnp

    n, levels = c.neurons, int(c.level[-1]) + 1
    ranges = _slices(c.level, levels)
    edge_ranges = _slices(c.level[c.right], levels)
    inputs, outputs = jnp.asarray(c.inputs), jnp.asarray(c.outputs)
    left, right = jnp.asarray(c.left.astype(np.int32)), jnp.asarray(c.right.astype(np.int32))

    def loss(parameters: Any, x: Any, y: Any, left: Any, right: Any) -> Any:
        w, b = parameters
        h = jnp.zeros((n, x.shape[1]), jnp.float32).at[inputs].set(x)
        for (lo, hi), (a, z) in zip(ranges[1:], edge_ranges[1:], strict=True):
            terms = h[left[a:z]] * w[a:z, None]
            sums = jax.ops.segment_sum(terms, right[a:z] - lo, hi - lo, indices_are_sorted=True)
            h = h.at[lo:hi].set(jnp.tanh(sums + b[lo:hi, None]))
        return 0.5 * jnp.sum((h[outputs] - y) ** 2) / x.shape[1]

    def update(parameters: Any, x: Any, y: Any, left: Any, right: Any) -> Any:
        gradients = jax.grad(loss)(parameters, x, y, left, right)
        return jax.tree.map(lambda p, g: p - RATE * g, parameters, gradients)

    jitted = jax.jit(update, donate_argnums=0)
    x, y = jnp.asarray(c.x.T), jnp.asarray(c.y.T)
    state = [(jnp.asarray(c.w), jnp.zeros(n, jnp.float32))]

    def step() -> None:
        state[0] = jax.block_until_ready(jitted(state[0], x, y, left, right))

    return step, lambda: np.asarray(state[0][0])


COMPETITORS: Mapping[str, Callable[[Case, int], tuple[Step, Weights]]] = {
    "backprove": backprove_steps,
    "backprove, a call of train": backprove,
    "backprove in NumPy": lambda c, threads: backprove_steps(c, threads, "numpy"),
    "SciPy by hand": scipy_by_hand,
    "torch index_add": torch_index_add,
    "JAX segment_sum": jax_segment_sum,
}


# -- measuring -----------------------------------------------------------------------------


def measured(
    name: str, c: Case, threads: int, seconds: float, clock: Callable[[], float]
) -> tuple[list[float], Array]:
    """Seconds of each step, and what the first step changed in the weights."""
    step, weights = COMPETITORS[name](c, threads)
    step()
    changed = np.array(weights()) - c.w
    step()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = clock()
        step()
        times.append(clock() - start)
    return times, changed


def _child(said: argparse.Namespace, name: str, file: Path) -> list[float] | None:
    """The same in a process of its own: two pools of threads would take each other's cores."""
    command = [sys.executable, __file__, "--only", name, "--result", str(file)]
    command += ["--cpu"] if said.cpu else []
    for option in ("edges", "levels", "batch", "threads", "seconds"):
        command += [f"--{option}", str(getattr(said, option))]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        print(f"{name}: left out: {answer.stderr.strip().splitlines()[-1]}")
        return None
    return [float(word) for word in answer.stdout.split()]


def main() -> None:
    """Print one line a competitor: least and median milliseconds of a step, and the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--levels", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a competitor in a round")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="processor time, for a machine that is busy with other work",
    )
    parser.add_argument("--without", default="", help="competitors to leave out, by commas")
    parser.add_argument("--only", default="", help=argparse.SUPPRESS)
    parser.add_argument("--result", default="", help=argparse.SUPPRESS)
    said = parser.parse_args()
    c = case(said.edges, said.levels, said.batch)
    if said.only:
        clock = time.process_time if said.cpu else time.perf_counter
        times, changed = measured(said.only, c, said.threads, said.seconds, clock)
        np.save(said.result, changed)
        print(*times)
        return
    print(
        f"{len(c.w):,} edges, {c.neurons:,} neurons, {said.levels} levels, {len(c.inputs):,}"
        f" inputs, {len(c.outputs):,} outputs, batch {said.batch}, {said.threads} threads"
    )
    left_out = {name for name in COMPETITORS if name in said.without.split(",")}
    times: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        first: Array | None = None
        for _ in range(said.rounds):
            for name in COMPETITORS:
                if name in left_out:
                    continue
                found = _child(said, name, Path(folder) / "changed.npy")
                if found is None:
                    left_out.add(name)
                    continue
                changed = np.load(Path(folder) / "changed.npy")
                first = changed if first is None else first
                error = np.abs(changed - first).max() / np.abs(first).max()
                assert error < 1e-3, f"{name} takes another step: {error}"
                times.setdefault(name, []).extend(found)
    least = min(times[next(iter(times))])
    for name, row in times.items():
        print(
            f"{name:>28}: {min(row) * 1e3:9.3f} ms least, {np.median(row) * 1e3:9.3f} median,"
            f" {min(row) / least:6.2f} ×"
        )


if __name__ == "__main__":
    main()
