"""The C of a graph's library: its activations and the losses, printed from their programs.

Nothing of a graph is in it but which functions it has, so that graphs share libraries: names,
numbers and sizes are data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from ..run.numpy_backend import as_float
from ..run.program import Constant, Map
from .scalars import LOSSES, Scalars, activation, loss_term

BEFORE = ("vector.h", "functions.h", "pool.h")
"""The kernels' files that stand before what is printed."""

TERMS = tuple(name for name, term in LOSSES.items() if term)
"""The losses that are sums over the outputs; their numbers in the C."""

_INCLUDED = re.compile(r'^#include ".*"$', re.MULTILINE)


@cache
def _kernel(name: str) -> str:
    text = (files("backprove.run.c") / "kernels" / name).read_text(encoding="utf-8")
    return _INCLUDED.sub("", text)


def library_text(activations: Sequence[str]) -> str:
    """The whole C file for graphs with these activations, by number, and any loss."""
    kinds = ((f"value_{n}(vec z", name, activation(name)) for n, name in enumerate(activations))
    terms = ((f"term_{n}(vec u, vec y", LOSSES[name], loss_term(name))
             for n, name in enumerate(TERMS))  # fmt: skip
    return "\n".join([
        *(_kernel(name) for name in BEFORE),
        *(_function(*row) for row in (*kinds, *terms)),
        f"#define EACH_KIND(DO) {_each(len(activations))}",
        f"#define EACH_TERM(DO) {_each(len(TERMS))}",
        _kernel("graph.h"),
    ])  # fmt: skip


def _each(count: int) -> str:
    return " ".join(f"DO({number})" for number in range(count))


def _function(head: str, comment: str, scalars: Scalars) -> str:
    """A C function of vectors that returns the program's first result and stores its second.

    head: its name and its parameters but the last; those are called as the program's are.
    """
    names = {buffer: name for name, buffer in scalars.program.given.items()}
    lines = []
    for instruction in scalars.program.instructions:
        name = names[instruction.target] = f"a{instruction.target}"
        match instruction.operation:
            case Constant(number):
                made = f"splat((real){as_float(number)!r})"
            case Map(function, operands):
                made = f"f_{function}({', '.join(names[o.buffer] for o in operands)})"
            case other:
                raise AssertionError(f"{other} is not elementwise")
        lines.append(f"    const vec {name} = {made};")
    value, slope = (names[scalars.program.results[n].buffer] for n in scalars.results)
    lines += [f"    *slope = {slope};", f"    return {value};"]
    return "\n".join([f"/* {comment} */", f"ALWAYS_INLINE vec {head}, vec *slope) {{", *lines, "}"])
