"""The C of one library: the kernels' own files, the printed maps, and the table's list; and, as
a unit of its own that needs none of these, the products.

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

HEADERS = ("vector.h", "functions.h", "products.h", "pool.h", "driver.h", "loaded.h", "general.h")
"""The kernels' files, in the order in which they are read."""

PRODUCTS = ("vector.h", "products.h", "products.c")
"""The files of the other unit of every library."""

_INCLUDED = re.compile(r'^#include ".*"$', re.MULTILINE)


@cache
def kernels_text(names: Sequence[str] = HEADERS) -> str:
    """The text that every library begins with, or that of other files."""
    folder = files(__package__) / "kernels"
    texts = ((folder / name).read_text(encoding="utf-8") for name in names)
    return "\n".join(_INCLUDED.sub("", text) for text in texts)


def library_texts(kernels: Sequence[Kernel]) -> tuple[str, ...]:
    """The C of both units, which can be compiled at the same time."""
    return library_text(kernels), kernels_text(PRODUCTS)


def library_text(kernels: Sequence[Kernel]) -> str:
    """The unit that is a program's own; `kernels[n]` is the n-th function of the table."""
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
