"""The pool of threads of compiled programs, the denormals, and NumPy's own threads beside it."""

from __future__ import annotations

import _ctypes
import ctypes
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from backprove.run.c import blas, cache, compiler
from backprove.run.c.compiler import Options, Unavailable

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="compiled programs are for Linux so far"
)

TEXT = """
#define EXPORT __attribute__((visibility("default")))

/* The sum of 0 ... n-1: each thread its share, then thread 0 all shares. */
struct sum { long n; long share[POOL_MOST][16]; long total; int threads; };

static void sum_work(void *context, int thread, int threads)
{
    struct sum *s = context;
    s->share[thread][0] = 0;
    for (long i = thread; i < s->n; i += threads)
        s->share[thread][0] += i;
    pool_barrier(thread, threads);
    if (thread == 0) {
        s->threads = threads;
        s->total = 0;
        for (int t = 0; t < threads; t++)
            s->total += s->share[t][0];
    }
}

EXPORT long sum(int threads, long n, int *had)
{
    static __thread struct sum s; /* callers of several threads have one each */
    s.n = n;
    pool_run(threads, sum_work, &s);
    *had = s.threads;
    return s.total;
}

/* Each round every thread writes its number of the round, and looks at all others'. */
struct rounds { long rounds; long at[POOL_MOST][16]; long wrong[POOL_MOST][16]; };

static void rounds_work(void *context, int thread, int threads)
{
    struct rounds *r = context;
    r->wrong[thread][0] = 0;
    for (long round = 1; round <= r->rounds; round++) {
        r->at[thread][0] = round;
        pool_barrier(thread, threads);
        for (int t = 0; t < threads; t++)
            r->wrong[thread][0] += r->at[t][0] != round;
        pool_barrier(thread, threads);
    }
}

EXPORT long wrong_rounds(int threads, long rounds)
{
    static struct rounds r;
    r.rounds = rounds;
    pool_run(threads, rounds_work, &r);
    long wrong = 0;
    for (int t = 0; t < threads; t++)
        wrong += r.wrong[t][0] + (r.at[t][0] != rounds);
    return wrong;
}

/* Run for some time: thread 0 looks at the clock, the others wait at barriers. */
struct busy { double seconds; int64_t end; volatile int going; };

static void busy_work(void *context, int thread, int threads)
{
    struct busy *b = context;
    for (int going = 1; going;) {
        if (thread == 0)
            b->going = pool_nanoseconds() < b->end;
        pool_barrier(thread, threads);
        going = b->going;
        pool_barrier(thread, threads);
    }
}

EXPORT void busy(int threads, double seconds)
{
    struct busy b = {.end = pool_nanoseconds() + (int64_t)(1e9 * seconds)};
    pool_run(threads, busy_work, &b);
}

/* In every thread: half the least normal number, as it is, flushed, and as it was again. */
struct halves { volatile float least; int wrong[POOL_MOST]; };

static void halves_work(void *context, int thread, int threads)
{
    struct halves *h = context;
    (void)threads;
    volatile float half = h->least * 0.5f;
    int wrong = !(half > 0);
    int before = flush_denormals(1);
    volatile float flushed = h->least * 0.5f;
    volatile float read_as_zero = half * 4;
    wrong += flushed != 0;
    wrong += read_as_zero != 0;
    wrong += flush_denormals(before) != 1;
    volatile float again = h->least * 0.5f;
    wrong += !(again > 0);
    wrong += flush_denormals(before) != before;
    h->wrong[thread] = wrong;
}

EXPORT int wrong_halves(int threads)
{
    static struct halves h;
    h.least = 0x1p-126f;
    pool_run(threads, halves_work, &h);
    int wrong = 0;
    for (int t = 0; t < threads; t++)
        wrong += h.wrong[t];
    return wrong;
}

/* A state with one of the two alone must come back as it was. */
EXPORT int states_that_change(void)
{
    int first = flush_denormals(0), wrong = 0;
#if defined(__x86_64__)
    for (int state = 0; state < 4; state++) {
        flush_denormals(state);
        int before = flush_denormals(1);
        wrong += before != state;
        flush_denormals(before);
        wrong += flush_denormals(0) != state;
    }
#endif
    flush_denormals(first);
    return wrong;
}
"""

USE = """
import ctypes, os, sys
def library(path):
    handle = ctypes.CDLL(path)
    handle.sum.restype = ctypes.c_long
    handle.sum.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.POINTER(ctypes.c_int)]
    handle.busy.argtypes = [ctypes.c_int, ctypes.c_double]
    return handle
def sum_of(handle, threads, n=1000):
    had = ctypes.c_int()
    return handle.sum(threads, n, had), had.value
pool = library(sys.argv[1])
assert sum_of(pool, 3) == (499500, 3)
"""


@pytest.fixture(scope="module", params=["futex", "condition variables"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's file, for each of the two ways to sleep."""
    flags = () if request.param == "futex" else ("-DPOOL_WITHOUT_FUTEX",)
    text = (cache.KERNELS / "pool.h").read_text(encoding="utf-8") + TEXT
    try:
        options = Options(compiler.levels()[-1], flags=(*flags, "-Wall", "-Wextra", "-Werror"))
        real = compiler.find_compiler({})
        return compiler.build(text, real, options, tmp_path_factory.mktemp("pool"))
    except Unavailable as error:
        pytest.skip(f"no C compiler: {error.message}")


def declared(path: Path) -> ctypes.CDLL:
    handle = ctypes.CDLL(str(path))
    handle.sum.restype = handle.wrong_rounds.restype = ctypes.c_long
    handle.sum.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.POINTER(ctypes.c_int)]
    handle.wrong_rounds.argtypes = [ctypes.c_int, ctypes.c_long]
    handle.busy.argtypes = [ctypes.c_int, ctypes.c_double]
    return handle


@pytest.fixture(scope="module")
def pool(path: Path) -> ctypes.CDLL:
    return declared(path)


def sum_of(pool: ctypes.CDLL, threads: int, n: int) -> tuple[int, int]:
    had = ctypes.c_int()
    return pool.sum(threads, n, had), had.value


# -- work and barriers ----------------------------------------------------------------------


def test_sums_with_any_number_of_threads(pool: ctypes.CDLL) -> None:
    for threads in (1, 2, 3, 8, 5, 2, 1, 7, 4, 6, 8):
        for n in (0, 1, 7, 1000):
            assert sum_of(pool, threads, n) == (n * (n - 1) // 2, threads)


def test_more_threads_than_can_be(pool: ctypes.CDLL) -> None:
    """The work is told how many there are."""
    total, had = sum_of(pool, 10_000, 1000)
    assert total == 499500
    assert 1 <= had <= 255


@pytest.mark.parametrize(("threads", "rounds"), [(1, 1000), (2, 50_000), (3, 5000), (8, 1000)])
def test_barriers(pool: ctypes.CDLL, threads: int, rounds: int) -> None:
    """Two a round: nobody is ahead after the first, or still looking after the second."""
    assert pool.wrong_rounds(threads, rounds) == 0


def test_many_short_runs(pool: ctypes.CDLL) -> None:
    numbers = np.random.default_rng(0).integers(1, 9, 2000)
    assert all(sum_of(pool, int(t), 10) == (45, t) for t in numbers)


def test_callers_take_turns(pool: ctypes.CDLL) -> None:
    wrong: list[object] = []

    def call(threads: int) -> None:
        for n in range(200):
            found = sum_of(pool, threads, n)
            if found != (n * (n - 1) // 2, threads):
                wrong.append((threads, n, found))

    callers = [threading.Thread(target=call, args=(threads,)) for threads in (2, 3, 4, 2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not any(caller.is_alive() for caller in callers)
    assert wrong == []


def test_straight_after_a_large_product_of_numpy(pool: ctypes.CDLL) -> None:
    matrix = np.ones((700, 700))
    for _ in range(5):
        product = matrix @ matrix
        assert sum_of(pool, 2, 1000) == (499500, 2)
        assert pool.wrong_rounds(2, 500) == 0
        assert (product == 700).all()


# -- forks, ends and signals ----------------------------------------------------------------


def test_after_fork(pool: ctypes.CDLL) -> None:
    """A child makes a pool of its own; the parent's goes on; a grandchild too."""
    assert sum_of(pool, 4, 1000) == (499500, 4)
    child = os.fork()
    if child == 0:
        good = sum_of(pool, 4, 1000) == (499500, 4) and pool.wrong_rounds(2, 100) == 0
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if sum_of(pool, 3, 1000) == (499500, 3) else 1)
        os._exit(0 if good and os.waitpid(grandchild, 0)[1] == 0 else 1)
    assert sum_of(pool, 4, 1000) == (499500, 4)
    assert os.waitpid(child, 0)[1] == 0


def test_after_a_fork_while_another_thread_runs(pool: ctypes.CDLL) -> None:
    other = threading.Thread(target=pool.busy, args=(2, 0.5))
    other.start()
    child = os.fork()
    if child == 0:
        os._exit(0 if sum_of(pool, 3, 1000) == (499500, 3) else 1)
    assert os.waitpid(child, 0)[1] == 0
    other.join(60)
    assert sum_of(pool, 3, 1000) == (499500, 3)


def _in_a_child(path: Path, answers: Any) -> None:
    answers.put(sum_of(declared(path), 3, 1000))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_in_processes_of_multiprocessing(pool: ctypes.CDLL, path: Path, method: str) -> None:
    assert sum_of(pool, 3, 1000) == (499500, 3)
    context: Any = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    process = context.Process(target=_in_a_child, args=(path, answers))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert answers.get() == (499500, 3)


UNLOAD = "import _ctypes; _ctypes.dlclose(pool._handle)\n"
FORK = "if os.fork(): os.wait()\n"
BUSY = "import threading; threading.Thread(target=pool.busy, args=(2, 60.0), daemon=True).start()\n"
AGAIN = "assert sum_of(library(sys.argv[1]), 2) == (499500, 2)\n"


@pytest.mark.parametrize(
    "ending",
    ["", "sys.exit(0)", FORK, UNLOAD, UNLOAD + FORK, UNLOAD + AGAIN, BUSY, BUSY + FORK],
    ids=["plain", "exit", "fork", "unload", "unload fork", "unload again", "busy", "busy fork"],
)
def test_the_end_of_a_process(path: Path, ending: str) -> None:
    """Unloaded, forked or in the middle of a run: it ends at once, and well."""
    ended = subprocess.run(
        [sys.executable, "-c", USE + ending, str(path)], capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_unloaded_library_leaves_no_threads(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another.so"
    shutil.copy(path, copy)
    before = {*os.listdir("/proc/self/task")}
    handle = declared(copy)
    assert sum_of(handle, 5, 1000) == (499500, 5)
    assert len({*os.listdir("/proc/self/task")} - before) == 4
    _ctypes.dlclose(handle._handle)
    assert not {*os.listdir("/proc/self/task")} - before


def test_ctrl_c_during_a_run(path: Path) -> None:
    program = USE + (
        "try:\n"
        "    print('ready', flush=True)\n"
        "    while True: pool.busy(2, 0.05)\n"
        "except KeyboardInterrupt:\n"
        "    assert sum_of(pool, 3) == (499500, 3)\n"
        "    print('interrupted')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, "interrupted\n")


def test_signals_go_to_the_caller_alone(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another.so"
    shutil.copy(path, copy)
    before = {*os.listdir("/proc/self/task")}
    handle = declared(copy)
    sum_of(handle, 3, 10)
    workers = {*os.listdir("/proc/self/task")} - before
    assert len(workers) == 2
    for worker in workers:
        status = Path(f"/proc/self/task/{worker}/status").read_text()
        (line,) = (row for row in status.splitlines() if row.startswith("SigBlk:"))
        blocked = int(line.split()[1], 16)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
            assert blocked >> (number - 1) & 1
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            assert not blocked >> (number - 1) & 1, "a fault stays with its thread"
    _ctypes.dlclose(handle._handle)


# -- denormals ------------------------------------------------------------------------------


def test_denormals_are_flushed_only_where_asked(pool: ctypes.CDLL) -> None:
    for threads in (1, 2, 4):
        assert pool.wrong_halves(threads) == 0
    assert pool.states_that_change() == 0
    tiny = np.full(100, np.finfo(np.float32).smallest_subnormal)
    assert (tiny * np.float32(1) > 0).all()


def test_it_compiles_for_arm(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="the ziglang wheel is not installed")
    (tmp_path / "pool.c").write_text((cache.KERNELS / "pool.h").read_text() + TEXT)
    for target in ("aarch64-linux-gnu", "x86_64-linux-musl"):
        command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-std=gnu11", "-O2"]
        warnings = ["-Wall", "-Wextra", "-Werror"]
        status, said = compiler.run(
            [*command, *warnings, "-c", "pool.c", "-o", "pool.o"], tmp_path, 120, tmp_path
        )
        assert (status, said) == (0, "")


# -- NumPy's own threads, and the cores -----------------------------------------------------


def blas_threads() -> set[int]:
    """What the BLAS libraries that NumPy and its like have loaded use now."""
    _ = np.ones((2, 2)) @ np.ones((2, 2))
    return {row["num_threads"] for row in threadpoolctl.threadpool_info()
            if row["user_api"] == "blas"}  # fmt: skip


@pytest.fixture
def several() -> Iterator[int]:
    """NumPy's BLAS set to two threads, whatever the machine."""
    with threadpoolctl.threadpool_limits(2, "blas"):
        if blas_threads() != {2}:
            pytest.skip("NumPy's BLAS has one thread only")
        yield 2


def test_one_blas_thread_inside_and_as_before_outside(several: int) -> None:
    with blas.one_blas_thread():
        assert blas_threads() == {1}
        with blas.one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}, "the inner one leaves it to the outer one"
    assert blas_threads() == {several}


def test_it_is_restored_after_an_error(several: int) -> None:
    with pytest.raises(ZeroDivisionError), blas.one_blas_thread():
        raise ZeroDivisionError
    assert blas_threads() == {several}


def test_with_several_threads_the_last_one_restores(several: int) -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with blas.one_blas_thread():
            inside.set()
            leave.wait(60)

    other = threading.Thread(target=stay)
    with blas.one_blas_thread():
        other.start()
        assert inside.wait(60)
    assert blas_threads() == {1}, "the other one is still inside"
    leave.set()
    other.join(60)
    assert blas_threads() == {several}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process forks here")
def test_a_child_that_is_forked_meanwhile_has_them_back(several: int) -> None:
    with blas.one_blas_thread():
        child = os.fork()
        if child == 0:
            before = blas_threads()
            with blas.one_blas_thread():
                inside = blas_threads()
            right = (before, inside, blas_threads()) == ({several}, {1}, {several})
            os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert blas_threads() == {1}
    assert blas_threads() == {several}


def test_default_threads_follow_the_affinity() -> None:
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert blas.default_threads() == 1
    finally:
        os.sched_setaffinity(0, mine)
    assert 1 <= blas.default_threads() <= len(mine)


@pytest.mark.parametrize(
    ("groups", "files", "wanted"),
    [
        ("0::/\n", {}, 16),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n"}, 16),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n"}, 4),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a\n", {"a/cpu.max": "250000 100000\n"}, 2),
        ("0::/a\n", {"a/cpu.max": "50000 100000\n"}, 1),
        ("0::/a\n", {"a/cpu.max": "9900000 100000\n"}, 16),
        ("0::/../x\n", {"cpu.max": "200000 100000\n"}, 2),  # seen from inside a container
        ("0::/a\n", {"a/cpu.max": "nonsense\n"}, 16),
        ("4:memory:/m\n3:cpu,cpuacct:/d\n",
         {"cpu,cpuacct/d/cpu.cfs_quota_us": "500000\n",
          "cpu,cpuacct/d/cpu.cfs_period_us": "100000\n"}, 5),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16),
        ("", {}, 16),
    ],
)  # fmt: skip
def test_default_threads_follow_the_quota(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    groups: str,
    files: dict[str, str],
    wanted: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {*range(16)})
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, content in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    assert blas.default_threads(tmp_path) == wanted
