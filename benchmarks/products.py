"""The compiled products against the sgemm of NumPy's own OpenBLAS, shape by shape.

    python benchmarks/products.py [--threads 1] [--rounds 15] [128x784x64 ...]

A shape is J x K x N: weights J × K, N samples, float32. Each of the two runs in a process of its
own, as two live pools of threads disturb each other, and they take turns: a round measures both,
and the ratio is the median over the rounds. Products: z = W a, d = W^T z, and the gradient z a^T
with the descent of W in the same pass (sgemm with beta = 1 does so too). N = 1 has kernels of its
own, against sgemv. Last comes what moves data: gathered samples and transposes, in GB/s read and
written, against NumPy's `take` and copied `.T`.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from backprove.run.c.compiler import Options, build, find_compiler, levels

SHAPES = [
    *("128x784x64", "10x128x64", "512x784x128", "512x512x128", "10x512x128"),
    *("100x30x32", "100x100x32", "2x100x32", "16x16x32", "16x2x32", "1x16x32"),
    *("512x512x512", "2048x2048x2048", "128x784x1", "512x512x1", "10x128x1"),
    *("1x784x64", "1x784x512"),
]
KINDS = ("forward", "backward", "gradient")
MOVES = ("gather", "transpose")
LEAST_SECONDS = 1e-3
KERNELS = Path(__file__).resolve().parent.parent / "backprove" / "run" / "c" / "kernels"

SOURCE = """
#define _GNU_SOURCE
#include <time.h>
#include "products.h"
#include "products.c"
#include "pool.h"

typedef void gemm(int, int, int, long, long, long, float, const float *, long, const float *, long,
                  float, float *, long);
typedef void gemv(int, int, long, long, float, const float *, long, const float *, long, float,
                  float *, long);

struct job {
    gemm *gemm;
    gemv *gemv;
    real *z, *w, *a, *at;
    const int64_t *index;
    long kind, J, K, P, N, ldn, ldt, repeats;
};

ALWAYS_INLINE void fetch(void *context, long offset) {
    __builtin_prefetch((real *)context + offset, 1);
}
ALWAYS_INLINE void descend(void *context, long offset, vec g) {
    real *w = (real *)context + offset;
    store(w, load(w) - splat((real)1e-20) * g);
}

static void ours(void *context, int thread, int threads) {
    const struct job *s = context;
    const long J = s->J, K = s->K, P = s->P, N = s->N, ldn = s->ldn, ldt = s->ldt;
    const long panels = (K + P - 1) / P, vectors = (N + LANES - 1) / LANES;
    const long n0 = vectors * thread / threads * LANES;
    const long n1 = vectors * (thread + 1) / threads * LANES;
    const long p0 = panels * thread / threads, p1 = panels * (thread + 1) / threads;
    const long j0 = J * thread / threads, j1 = J * (thread + 1) / threads;
    for (long i = 0; i < s->repeats; i++) {
        if (s->kind == 0 && N == 1)
            vector_forward(s->z, s->w, s->at, J, K, P, LANES, 1, j0, j1, 0);
        else if (s->kind == 0)
            product_forward(s->z, s->w, s->a, J, K, P, ldn, 0, 0, J, n0, n1, 0);
        else if (s->kind == 1 && N == 1)
            vector_backward(s->a, s->w, s->z, J, K, P, LANES, LANES, p0, p1, 0);
        else if (s->kind == 1)
            product_backward(s->a, s->w, s->z, J, K, P, ldn, 0, K, n0, n1, 0);
        else if (s->kind == 2)
            product_gradient(descend, fetch, s->w, s->z, s->at, J, K, P, ldn, ldt, N, 0, J, p0, p1);
        else if (s->kind == 3)
            gather_rows(s->a, ldn, s->at, ldt, s->w, K, s->index, N, n0, n1, K);
        else
            transpose_to_rows(s->at, ldt, s->a, ldn, K, n0, n1);
        if (threads > 1)
            pool_barrier(thread, threads);
    }
}

static void theirs(const struct job *s) {
    enum { ROWS = 101, PLAIN = 111, TURNED = 112 };
    const long J = s->J, K = s->K, N = s->N;
    for (long i = 0; i < s->repeats; i++) {
        if (s->kind == 0 && N == 1)
            s->gemv(ROWS, PLAIN, J, K, 1, s->w, K, s->at, 1, 0, s->z, 1);
        else if (s->kind == 0)
            s->gemm(ROWS, PLAIN, PLAIN, J, N, K, 1, s->w, K, s->a, N, 0, s->z, N);
        else if (s->kind == 1 && N == 1)
            s->gemv(ROWS, TURNED, J, K, 1, s->w, K, s->z, 1, 0, s->a, 1);
        else if (s->kind == 1)
            s->gemm(ROWS, TURNED, PLAIN, K, N, J, 1, s->w, K, s->z, N, 0, s->a, N);
        else
            s->gemm(ROWS, PLAIN, PLAIN, J, K, N, -1e-20f, s->z, N, s->at, K, 1, s->w, K);
    }
}

__attribute__((visibility("default"))) double seconds(struct job *s, long threads) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (threads)
        pool_run((int)threads, ours, s);
    else
        theirs(s);
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double whole = (double)(end.tv_sec - begin.tv_sec);
    return (whole + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) / (double)s->repeats;
}
"""


def harness() -> tuple[ctypes.CDLL, int]:
    """The kernels with their measuring loop, and how many reals a vector holds."""
    level = levels()[0]
    with tempfile.TemporaryDirectory() as folder:
        options = Options(level, flags=(f"-I{KERNELS}",))
        library = ctypes.CDLL(str(build(SOURCE, find_compiler({}), options, Path(folder))))
    library.seconds.restype = ctypes.c_double
    return library, level.vector_bytes // 4


def blas(threads: int) -> tuple[int, int]:
    """The addresses of cblas_sgemm and cblas_sgemv in the OpenBLAS that NumPy has loaded."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    for file in folder.glob("*openblas*"):
        library = ctypes.CDLL(str(file))
        library.scipy_openblas_set_num_threads64_(threads)
        found = [getattr(library, f"scipy_cblas_{name}64_") for name in ("sgemm", "sgemv")]
        first, second = (ctypes.cast(f, ctypes.c_void_p).value or 0 for f in found)
        return first, second
    raise SystemExit(f"NumPy's OpenBLAS is not in {folder}")


def aligned(size: int) -> Any:
    """Random float32, 64-byte aligned."""
    raw = np.empty(size + 16, np.float32)
    start = -(raw.ctypes.data // 4) % 16
    raw[:] = np.random.default_rng(0).random(size + 16, np.float32) - 0.5
    return raw[start : start + size]


def odd(stride: int, lanes: int) -> int:
    """Whole vectors; from eight on an odd number, which spreads over the sets of the cache."""
    vectors = -(-stride // lanes)
    return (vectors + (vectors >= 8 and vectors % 2 == 0)) * lanes


def serve(own: bool, threads: int) -> None:
    """Answer each line `kind shape repeats` with the seconds that one call takes."""
    library, lanes = harness()
    gemm, gemv = (0, 0) if own else blas(threads)
    for line in sys.stdin:
        kind, shape, repeats = line.split()
        J, K, N = map(int, shape.split("x"))
        P = 2 * lanes
        ldn, ldt, wide = odd(N, lanes), odd(K, lanes), -(-K // P) * P
        rows = 10_000 if kind == "gather" else J
        z, w = aligned(J * ldn), aligned(rows * wide)
        a, at = aligned(wide * ldn), aligned(-(-N // lanes) * lanes * ldt)
        index = np.random.default_rng(0).integers(0, rows, N)
        addresses = [array.ctypes.data for array in (z, w, a, at, index)]
        number = (*KINDS, *MOVES).index(kind)
        words = [gemm, gemv, *addresses, number, J, K, P, N, ldn, ldt, int(repeats)]
        job = (ctypes.c_int64 * len(words))(*words)
        if own or kind in KINDS:
            print(library.seconds(job, ctypes.c_long(threads * own)), flush=True)
        else:
            table, picked = w.reshape(rows, -1)[:, :K], a[: N * K].reshape(N, K)
            print(moved_by_numpy(kind, table, index, picked, int(repeats)), flush=True)


def moved_by_numpy(kind: str, table: Any, index: Any, picked: Any, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        if kind == "gather":
            np.ascontiguousarray(table[index].T)
        else:
            np.ascontiguousarray(picked.T)
    return (time.perf_counter() - start) / repeats


class Runner:
    """A process that measures what it is told."""

    def __init__(self, name: str, threads: int) -> None:
        command = [sys.executable, __file__, "--serve", name, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, kind: str, shape: str, repeats: int) -> float:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{kind} {shape} {repeats}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def compared(own: Runner, peer: Runner, kind: str, shape: str, rounds: int) -> tuple[Any, Any]:
    """Seconds of each round, ours and theirs."""
    once = max(own(kind, shape, 1), 1e-9)
    repeats = max(1, int(LEAST_SECONDS / min(once, own(kind, shape, 3))))
    pairs = [(own(kind, shape, repeats), peer(kind, shape, repeats)) for _ in range(rounds)]
    return tuple(zip(*pairs, strict=True))  # type: ignore[return-value]


def report(threads: int, shapes: list[str], rounds: int) -> None:
    """One line a shape and product."""
    own, peer = Runner("own", threads), Runner("peer", threads)
    top = max(2 * 2048**3 / peer("forward", "2048x2048x2048", 1) for _ in range(3)) / 1e9
    print(f"{threads} thread(s); sgemm at n = 2048: {top:.0f} GFLOP/s at best")
    print(
        f"{'shape':>15} {'product':>9} {'ours':>10} {'peer':>10}  {'peer/ours (quartiles)':22} rate"
    )
    for shape in shapes:
        J, K, N = map(int, shape.split("x"))
        large = J * K * N > 10**9
        kinds = KINDS if N > 1 else KINDS[:2]
        for kind in (*kinds, *(MOVES if J == 1 else ())):
            ours, theirs = compared(
                own, peer, kind, shape, max(3, rounds // 4) if large else rounds
            )
            low, middle, high = statistics.quantiles(
                [b / a for a, b in zip(ours, theirs, strict=True)], n=4
            )
            rate = (
                f"{2 * J * K * N / min(ours) / 1e9:6.1f} GFLOP/s, "
                f"{2 * J * K * N / min(ours) / 1e7 / top:.0f} % of n = 2048"
                if kind in KINDS and N > 1
                else f"{4 * (J * K if N == 1 else 3 * K * N) / min(ours) / 1e9:6.1f} GB/s"
            )
            print(
                f"{shape:>15} {kind:>9} {min(ours) * 1e6:7.2f} µs {min(theirs) * 1e6:7.2f} µs  "
                f"{middle:5.2f} ({low:.2f} to {high:.2f})".ljust(70)
                + f" {rate}",
                flush=True,
            )
    for runner in (own, peer):
        runner.process.communicate()


def main() -> None:
    """Print a table for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--threads", default="1,2", help="numbers, with commas between")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", choices=["own", "peer"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve == "own", int(options.threads))
        return
    for threads in map(int, options.threads.split(",")):
        report(threads, options.shapes, options.rounds)


if __name__ == "__main__":
    main()
