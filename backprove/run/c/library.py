"""Built libraries: from the kernels of a plan to a function that runs it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import cast

from .cache import library
from .compiler import Announce, Options, levels
from .plan import Kernel
from .printing import library_text

_I, _D, _P = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class Run(ctypes.Structure):
    """`struct run` of kernels/driver.h, field by field."""

    _fields_ = (
        ("arena", _P), ("table", _P), ("external", _P), ("order", _P), ("scalars", _P),
        ("scalar_at", _P), ("losses", _P), ("stop", _P),
        ("samples", _I), ("batch", _I), ("position", _I), ("epochs", _I),
        ("epochs_done", _I), ("steps_done", _I), ("max_steps", _I),
        ("scalar_count", _I), ("loss_at", _I), ("threads", _I), ("shuffles", _I),
        ("random", ctypes.c_uint64 * 4),
        ("loss_sum", _D), ("seconds", _D), ("status", _I),
        ("first", _I), ("count", _I), ("columns", _I), ("ldn", _I), ("going", _I),
        ("deadline", _D),
    )  # fmt: skip


EPOCHS_DONE, STEPS_DONE, TIME_UP, STOPPED, NOT_FINITE = range(5)
"""Why a call ended."""


def vector_bytes() -> int:
    """The width of this CPU's vectors. Raises Unavailable where nothing can be compiled."""
    return levels()[0].vector_bytes


def built(
    kernels: Sequence[Kernel], double: bool, announce: Announce = lambda sentence: None
) -> Callable[[int], int]:
    """The function that runs a table of these kernels, given the address of a Run.

    It is looked for in the cache first. announce: is told of a wait, in a sentence. Raises
    Unavailable without a compiler that works.
    """
    key = [f"{kernel.name} {kernel.form}" for kernel in kernels]
    options = Options(levels()[0], double)
    loaded = library(key, lambda: library_text(kernels), options, announce)
    function = loaded.handle.backprove_run
    function.restype, function.argtypes = ctypes.c_int64, [ctypes.c_void_p]
    return cast(Callable[[int], int], function)
