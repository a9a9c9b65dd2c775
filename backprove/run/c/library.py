"""Built libraries: from the kernels of a plan to a function that runs it."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from .cache import library
from .call import Kernel
from .compiler import Announce, Options, Unavailable, levels
from .printing import library_texts

_I, _D, _P = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class Run(ctypes.Structure):
    """`struct run` of kernels/driver.h, field by field."""

    _fields_ = (
        ("arena", _P), ("table", _P), ("external", _P), ("order", _P), ("scalars", _P),
        ("scalar_at", _P), ("losses", _P), ("stop", _P),
        ("samples", _I), ("batch", _I), ("room", _I), ("position", _I), ("epochs", _I),
        ("epochs_done", _I), ("steps_done", _I), ("max_steps", _I),
        ("scalar_count", _I), ("loss_at", _I), ("threads", _I), ("shuffles", _I),
        ("in_order", _I), ("apart", _I), ("random", ctypes.c_uint64 * 4),
        ("loss_sum", _D), ("seconds", _D), ("status", _I),
        ("total", _I), ("chunk", _I), ("first", _I), ("count", _I), ("in_place", _I),
        ("columns", _I),
        ("ldn", _I), ("going", _I), ("deadline", _D), ("thread", _I),
        ("gemm", _P), ("gemm_is_wide", _I),
    )  # fmt: skip


EPOCHS_DONE, STEPS_DONE, TIME_UP, STOPPED, NOT_FINITE = range(5)
"""Why a call ended."""


def widths() -> tuple[int, ...]:
    """Bytes of the vectors that this CPU has, widest first. Raises Unavailable where nothing can
    be compiled."""
    return tuple(level.vector_bytes for level in levels())


def built(
    kernels: Sequence[Kernel],
    wide: int,
    double: bool,
    announce: Announce = lambda sentence: None,
) -> Callable[[int], int]:
    """The function that runs a table of these kernels, given the address of a Run.

    It is looked for in the cache first. wide: bytes of a vector. announce: is told of a wait, in a
    sentence. Raises Unavailable without a compiler that works, or such vectors.
    """
    level = next((v for v in levels() if v.vector_bytes == wide), None)
    if level is None:
        raise Unavailable(f"this CPU has no vectors of {8 * wide} bits")
    key = [_printers_digest(), *(f"{kernel.name} {kernel.form}" for kernel in kernels)]
    loaded = library(key, lambda: library_texts(kernels), Options(level, double), announce)
    function = loaded.handle.backprove_run
    function.restype, function.argtypes = ctypes.c_int64, [ctypes.c_void_p]
    return cast(Callable[[int], int], function)


@cache
def _printers_digest() -> str:
    """One number for the text of what prints a kernel: another printer, another library."""
    files = (Path(__file__).with_name(name) for name in ("maps.py", "printing.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
