"""The cores this process may use, and NumPy's BLAS: kept quiet while our threads run, and called by
them for the widest products."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

# -- one pool at a time ---------------------------------------------------------------------

_lock = Lock()
_users = 0
_before: tuple[int, ...] = ()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's BLAS uses one thread inside, and as many as before afterwards.

    Two pools that are awake at once take each other's cores. The setting is the process's: with
    several users, nested or in threads, the first one makes it and the last one undoes it. Only
    a BLAS on OpenMP has one for each thread, which the thread itself restores.
    """
    global _users, _before
    shared, own = _libraries()
    with _lock:
        if _users == 0:
            _before = _set(shared, (1,) * len(shared))
        _users += 1
    mine = _set(own, (1,) * len(own))
    try:
        yield
    finally:
        _set(own, mine)
        with _lock:
            _users -= 1
            if _users == 0:
                _set(shared, _before)


@cache
def _libraries() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The BLAS libraries that are loaded: those with one setting, those with one a thread.

    Found once, as the scan takes milliseconds.
    """
    from threadpoolctl import ThreadpoolController  # here: loading it takes milliseconds too

    found = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
    own = [lib for lib in found if getattr(lib, "threading_layer", "") == "openmp"]
    return tuple(lib for lib in found if lib not in own), tuple(own)


def _set(libraries: Sequence[Any], threads: Sequence[int]) -> tuple[int, ...]:
    """Set the threads of each library; returns what they were."""
    before = tuple(library.get_num_threads() for library in libraries)
    for library, count in zip(libraries, threads, strict=True):
        # The first thread to set it would own it, and be the only one to be obeyed; here whoever
        # comes last must be able to restore it. Older versions of threadpoolctl have no owner.
        disown = getattr(library, "clear_controlling_thread", lambda force: None)
        disown(force=True)
        library.set_num_threads(count)
        disown(force=True)
    return before


def _after_fork() -> None:
    # the child has the forking thread alone: no other one is there to release the lock, or to give
    # NumPy its threads back
    global _lock, _users
    _lock = Lock()
    if _users:
        _users = 0
        _set(_libraries()[0], _before)


if hasattr(os, "register_at_fork"):  # elsewhere no process forks
    os.register_at_fork(after_in_child=_after_fork)


# -- its products ---------------------------------------------------------------------------


class Gemm(NamedTuple):
    """The product of matrices of a loaded BLAS.

    name: of the library, its version and its kernels. single, double: addresses of cblas_sgemm and
    cblas_dgemm. wide: whether their integers have 64 bits.
    """

    name: str
    single: int
    double: int
    wide: bool


_SPELLINGS = (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", ""))
"""What OpenBLAS's names begin and end with, as it was built: NumPy's own one comes first."""


@cache
def loaded_gemm() -> Gemm | None:
    """OpenBLAS's, where it is loaded and can be kept to one thread by `one_blas_thread`."""
    for library in sorted(_libraries()[0], key=lambda library: "numpy" not in library.filepath):
        if library.internal_api != "openblas":
            continue
        for prefix, suffix in _SPELLINGS:
            with suppress(AttributeError):
                functions = library.dynlib
                config = functions[f"{prefix}openblas_get_config{suffix}"]
                config.restype = ctypes.c_char_p
                single, double = (
                    _address(functions[f"{prefix}cblas_{kind}gemm{suffix}"]) for kind in "sd"
                )
                name = f"OpenBLAS {library.version} ({library.architecture})"
                return Gemm(name, single, double, b"USE64BITINT" in config())
    return None


def _address(function: Any) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None, "a function has an address"
    return found


# -- cores ----------------------------------------------------------------------------------


def default_threads(root: Path = Path("/")) -> int:
    """How many cores this process may use: its affinity, and its control group's quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # a system without affinity
        cores = os.cpu_count() or 1
    quota = min(_quotas(root), default=float(cores))
    # rounded down: who exceeds the quota by a little is stopped for the rest of each period
    return max(1, min(cores, int(quota + 0.01)))


def _quotas(root: Path) -> Iterator[float]:
    """The cores granted by each control group that this process is in, those above included."""
    lines: list[str] = []
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top = root / "sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            top = root / "sys/fs/cgroup" / controllers
        else:
            continue
        parts = [part for part in path.split("/") if part and part != ".."]
        for depth in range(len(parts) + 1):
            yield from _quota(top.joinpath(*parts[:depth]))


def _quota(group: Path) -> Iterator[float]:
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (group / "cpu.max").read_text().split()  # version 2: "max" is no number
        yield float(quota) / float(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        micros = float((group / "cpu.cfs_quota_us").read_text())  # version 1: -1 is no quota
        if micros > 0:
            yield micros / float((group / "cpu.cfs_period_us").read_text())
