"""The C of one library: the kernels' own files, the printed maps, and the table's list.

No name or comment of a network's file is in it, and of its numbers only scalar constants, as
hexadecimal literals: functions are numbered, buffers are words of the table. Two networks whose
maps are alike have the same library.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from .call import Kernel
from .maps import printed, printed_after, printed_rows

HEADERS = ("vector.h", "functions.h", "products.h", "pool.h", "driver.h", "general.h")
"""The kernels' files, in the order in which they are read."""

_INCLUDED = re.compile(r'^#include ".*"$', re.MULTILINE)


@cache
def kernels_text() -> str:
    """The text that every library begins with."""
    folder = files(__package__) / "kernels"
    texts = ((folder / name).read_text(encoding="utf-8") for name in HEADERS)
    return "\n".join(_INCLUDED.sub("", text) for text in texts)


def library_text(kernels: Sequence[Kernel]) -> str:
    """The whole C file; `kernels[n]` is the n-th function of the table."""
    loops, names = [], []
    for number, kernel in enumerate(kernels):
        name = kernel.name if kernel.form is None else f"{kernel.name}_{number}"
        names.append(name)
        if kernel.form is not None:
            loops.append(_PRINTED[kernel.name](kernel.form, name))
    table = ", ".join(names) or "NULL"
    return "\n".join((
        kernels_text(), *loops, f"static kernel *const kernels[] = {{{table}}};\n",
    ))  # fmt: skip


_PRINTED = {
    "map": printed,
    "map_rows": printed_rows,
    "gradient_then": printed_after,
}
