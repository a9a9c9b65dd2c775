"""A group of elementwise maps as one C function: a loop over features and samples.

The text depends on what is computed and on how each operand varies, never on lengths, names or
places, so that layers share it; those are words of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ..program import SAMPLES, Map, Operand
from .groups import Unit
from .views import Views, row_major


class Access(NamedTuple):
    """How a buffer is met in a loop: its root, where it begins, and a stride for each axis.

    sampled: whether it varies with the sample, which is the innermost axis then.
    """

    root: int
    start: int
    strides: tuple[int, ...]
    sampled: bool


@dataclass(frozen=True)
class Form:
    """All that the text of a loop depends on.

    sampled: whether samples are its innermost axis. flat: without samples, all buffers whole or
    single numbers, so that one loop over the storage does it. rank: the other axes. reads: of
    each, whether it has samples, and whether it is a single number. body: expressions over
    a0, a1, … (reads) and t0, t1, … (themselves); stored: which t goes into each write.
    """

    sampled: bool
    flat: bool
    rank: int
    reads: tuple[tuple[bool, bool], ...]
    body: tuple[str, ...]
    stored: tuple[int, ...]

    @property
    def weight(self) -> int:
        """Operations for each component, roughly."""
        heavy = sum(8 for line in self.body if "exp" in line or "tanh" in line or "log" in line)
        return len(self.body) + heavy


@dataclass(frozen=True)
class Fused:
    """A group as a loop, and what it loops over.

    extents: of the axes, the sample axis aside. reads, writes: the buffers, in the order of the
    arguments.
    """

    form: Form
    extents: tuple[int, ...]
    reads: tuple[Access, ...]
    writes: tuple[Access, ...]


def fused(unit: Unit, views: Views, numbers: Mapping[int, str]) -> Fused:
    """The loop for a group of maps.

    numbers: buffers that are not read but are values already, by their C expression.
    """
    space = unit.space
    assert space is not None, "only groups of maps have a space"
    sampled = bool(space) and space[0] == -1
    lengths = space[1:] if sampled else space
    reads: dict[Access, str] = {}
    names: dict[int, str] = {}
    body: list[str] = []
    roots = views.roots
    for instruction in unit.instructions:
        operation = instruction.operation
        assert isinstance(operation, Map)
        arguments = []
        for operand in operation.operands:
            buffer = operand.buffer
            name = names.get(roots[buffer]) or numbers.get(buffer)
            if name is None:
                access = _access(operand, views.shapes[instruction.target], views)
                name = reads.setdefault(access, f"a{len(reads)}")
            arguments.append(name)
        names[instruction.target] = f"t{len(body)}"
        function = operation.function
        if function == "divide" and arguments[1] == "count":
            function, arguments[1] = "multiply", "share"
        body.append(f"f_{function}({', '.join(arguments)})")
    writes = tuple(Access(b, 0, row_major(lengths), sampled) for b in unit.outputs)
    extents, accesses = _collapsed(lengths, (*reads, *writes))
    flat = not sampled and _flat(extents, accesses)
    form = Form(
        sampled, flat, len(extents),
        tuple((a.sampled, not any(a.strides)) for a in accesses[: len(reads)]),
        tuple(body), tuple(int(names[b][1:]) for b in unit.outputs),
    )  # fmt: skip
    return Fused(form, extents, accesses[: len(reads)], accesses[len(reads) :])


def with_value(loop: Fused, root: int, value: str) -> Fused:
    """A flat loop that does not read `root`: `value` is the C expression of its component."""
    place = next(n for n, access in enumerate(loop.reads) if access.root == root)
    form, reads = loop.form, list(loop.reads)
    del reads[place]
    read = form.reads[:place] + form.reads[place + 1 :]
    return replace(
        loop,
        form=replace(form, reads=read, body=_with_value(form.body, place, value)),
        reads=tuple(reads),
    )


@lru_cache(maxsize=64)
def _with_value(body: tuple[str, ...], place: int, value: str) -> tuple[str, ...]:
    """Expressions with `value` for what was read at a place, and the later reads one place up."""

    def name(read: re.Match[str]) -> str:
        number = int(read[1])
        return value if number == place else f"a{number - (number > place)}"

    return tuple(_READ.sub(name, line) for line in body)


_READ = re.compile(r"\ba(\d+)\b")


def numbers_of(views: Views, counts: Iterable[int]) -> dict[int, str]:
    """The C expressions of the numbers that no call makes: constants, and counts of samples."""
    numbers = {
        buffer: literal(float(value))
        for buffer, value in views.known.items()
        if not views.lengths(buffer)
    }
    return numbers | dict.fromkeys(counts, "count")


def literal(value: float) -> str:
    """A number as a vector; exact, whatever the locale."""
    if value != value:
        return "splat((real)NAN)"
    if value in (float("inf"), float("-inf")):
        return f"splat((real){'-' if value < 0 else ''}INFINITY)"
    return f"splat((real){value.hex()})"


def _access(operand: Operand, shape: tuple[int, ...], views: Views) -> Access:
    """How an operand is met in a loop over all axes of `shape` but those of length 1."""
    root, start, strides = views[operand.buffer]
    sampled = views.sampled(operand.buffer)
    axes = operand.axes[1:] if sampled else operand.axes
    return Access(root, start, _along(shape, axes, strides), sampled)


@lru_cache(maxsize=1024)
def _along(
    shape: tuple[int, ...], axes: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    """The stride of a buffer along each axis of `shape` that is longer than 1, samples aside.

    axes, strides: on which axis each of the buffer's own lies, and its stride.
    """
    stride = dict(zip(axes, strides, strict=True))
    return tuple(stride.get(a, 0) for a, n in enumerate(shape) if n not in (1, SAMPLES))


def _collapsed(
    lengths: tuple[int, ...], accesses: Sequence[Access]
) -> tuple[tuple[int, ...], tuple[Access, ...]]:
    """Neighbouring axes as one, where every buffer's strides allow it."""
    if len(lengths) < 2:
        return lengths, tuple(accesses)
    extents, strides = _joined(lengths, tuple([a.strides for a in accesses]))
    made = [
        Access(a.root, a.start, own, a.sampled) for a, own in zip(accesses, strides, strict=True)
    ]
    return extents, tuple(made)


Strides: TypeAlias = tuple[tuple[int, ...], ...]
"""For each buffer, its stride along each axis."""


@lru_cache(maxsize=1024)
def _joined(lengths: tuple[int, ...], strides: Strides) -> tuple[tuple[int, ...], Strides]:
    axes: list[tuple[int, tuple[int, ...]]] = []  # length, a stride for each buffer
    for number, length in enumerate(lengths):
        along = tuple(own[number] for own in strides)
        if axes:
            before, outer = axes[-1]
            if all(o == s * length for o, s in zip(outer, along, strict=True)):
                axes[-1] = (before * length, along)
                continue
        axes.append((length, along))
    kept = tuple(tuple(along[n] for _, along in axes) for n in range(len(strides)))
    return tuple(length for length, _ in axes), kept


def _flat(extents: tuple[int, ...], accesses: Sequence[Access]) -> bool:
    if len(extents) > 1:
        return False
    return all(a.start == 0 or not any(a.strides) for a in accesses) and all(
        set(a.strides) <= {0, 1} for a in accesses
    )


# -- C text --------------------------------------------------------------------------------


def printed(form: Form, name: str) -> str:
    """The C function of a loop.

    Its words are the extents, then for each buffer its place and strides; of a flat one vectors
    in a unit, vectors in all, then the places.
    """
    if form.sampled:
        return _sampled_text(form, name)
    return _flat_text(form, name) if form.flat else _strided_text(form, name)


def _head(form: Form, function: str) -> list[str]:
    lines = [f"static void {function}(const struct run *r, const int64_t *a, long lo, long hi) {{"]
    for name in _of_the_batch(form):
        lines.append(f"    const vec {name} = {_BATCH[name]};")
    return lines


_BATCH = {"count": "splat((real)r->total)", "share": "splat(1 / (real)r->total)"}
"""What a loop may ask of the mini-batch: its samples, and one sample's share in a mean."""


def _of_the_batch(form: Form) -> list[str]:
    return [name for name in _BATCH if any(name in text for text in form.body)]


def _buffers(form: Form) -> range:
    return range(len(form.reads) + len(form.stored))


def _statements(form: Form) -> list[str]:
    return [f"const vec t{n} = {text};" for n, text in enumerate(form.body)]


def _sampled_text(form: Form, name: str, by_rows: bool = False) -> str:
    rank = form.rank
    lines = _head(form, name)
    if by_rows:
        lines += [
            "    const long first = lo * (long)a[0], last = smaller(hi * (long)a[0], (long)a[1]);",
            "    a++, lo = 0, hi = (long)r->columns;",
        ]
    lines += [f"    real *const b{n} = r->arena + a[{rank + n * (1 + rank)}];"
              for n in _buffers(form)]  # fmt: skip
    indent = "    "
    for axis in range(rank):
        start, end = ("first", "last") if by_rows else ("0", f"a[{axis}]")
        lines.append(f"{indent}for (int64_t i{axis} = {start}; i{axis} < {end}; i{axis}++) {{")
        indent += "    "
    for n in _buffers(form):
        steps = "".join(
            f" + i{axis} * a[{rank + n * (1 + rank) + 1 + axis}]" for axis in range(rank)
        )
        if n < len(form.reads) and not form.reads[n][0]:
            lines.append(f"{indent}const vec a{n} = splat(*(b{n}{steps}));")
        else:
            lines.append(f"{indent}real *const p{n} = b{n}{steps};")
    lines.append(f"{indent}for (long n = lo; n < hi; n += LANES) {{")
    inner = indent + "    "
    lines += [f"{inner}const vec a{n} = load(p{n} + n);"
              for n, (sampled, _) in enumerate(form.reads) if sampled]  # fmt: skip
    lines += [inner + s for s in _statements(form)]
    for n, t in enumerate(form.stored, len(form.reads)):
        lines.append(f"{inner}store(p{n} + n, t{t});")
    lines.append(f"{indent}}}")
    for axis in reversed(range(rank)):
        lines.append("    " * (axis + 1) + "}")
    return "\n".join([*lines, "}", ""])


def _flat_text(form: Form, name: str) -> str:
    lines = _head(form, name)
    lines += [f"    real *const b{n} = r->arena + a[{2 + n}];" for n in _buffers(form)]
    lines += [f"    const vec a{n} = splat(*b{n});"
              for n, (_, single) in enumerate(form.reads) if single]  # fmt: skip
    lines.append("    const long unit = (long)a[0] * LANES, all = (long)a[1] * LANES;")
    lines.append("    for (long i = lo * unit; i < smaller(hi * unit, all); i += LANES) {")
    lines += [f"        const vec a{n} = load(b{n} + i);"
              for n, (_, single) in enumerate(form.reads) if not single]  # fmt: skip
    lines += ["        " + s for s in _statements(form)]
    for n, t in enumerate(form.stored, len(form.reads)):
        lines.append(f"        store(b{n} + i, t{t});")
    return "\n".join([*lines, "    }", "}", ""])


def _strided_text(form: Form, name: str) -> str:
    """Without samples, buffers lying anyhow: the last axis in vectors, with a remainder."""
    rank = form.rank
    lines = [*_head(form, name), "    (void)lo, (void)hi;"]
    at = [rank + n * (1 + rank) for n in _buffers(form)]
    lines += [f"    real *const b{n} = r->arena + a[{at[n]}];" for n in _buffers(form)]
    indent = "    "
    for axis in range(rank - 1):
        lines.append(f"{indent}for (int64_t i{axis} = 0; i{axis} < a[{axis}]; i{axis}++) {{")
        indent += "    "
    for n in _buffers(form):
        steps = "".join(f" + i{axis} * a[{at[n] + 1 + axis}]" for axis in range(rank - 1))
        lines.append(f"{indent}real *const p{n} = b{n}{steps};")
    last = f"a[{rank - 1}]" if rank else "1"
    stride = [f"a[{at[n] + rank}]" if rank else "0" for n in _buffers(form)]
    lines.append(f"{indent}for (int64_t i = 0; i < {last}; i += LANES) {{")
    inner = indent + "    "
    lines.append(f"{inner}const long some = {last} - i < LANES ? (long)({last} - i) : LANES;")
    lines += [f"{inner}const vec a{n} = load_strided(p{n} + i * {stride[n]}, {stride[n]}, some);"
              for n in range(len(form.reads))]  # fmt: skip
    lines += [inner + s for s in _statements(form)]
    for n, t in enumerate(form.stored, len(form.reads)):
        lines.append(f"{inner}store_some(p{n} + i, t{t}, some);")
    lines.append(f"{indent}}}")
    for axis in reversed(range(rank - 1)):
        lines.append("    " * (axis + 1) + "}")
    return "\n".join([*lines, "}", ""])


def printed_rows(form: Form, name: str) -> str:
    """A loop over samples and one axis of features, of which [lo, hi) are units.

    One more word, the first: how many features a unit has.
    """
    assert form.sampled, "rows are shared where there are samples"
    assert form.rank == 1, "rows are the one axis besides the samples"
    return _sampled_text(form, name, by_rows=True)


def printed_after(form: Form, name: str) -> str:
    """A gradient's product that ends in a flat loop: `g` is a vector of the product.

    Its words are those of the product (see general.h), then the places of the buffers.
    """
    lines = [f"struct {name}_places {{"]
    lines += [f"    real *b{n};" for n in _buffers(form)]
    lines += [f"    vec {asked};" for asked in _of_the_batch(form)]
    lines += ["};", ""]
    lines += [
        f"ALWAYS_INLINE void {name}_after(void *context, long at, vec g) {{",
        f"    const struct {name}_places *const c = context;",
    ]
    for n, (_, single) in enumerate(form.reads):
        lines.append(f"    const vec a{n} = " + (f"splat(*c->b{n});" if single
                                                 else f"load(c->b{n} + at);"))  # fmt: skip
    lines += [f"    const vec {asked} = c->{asked};" for asked in _of_the_batch(form)]
    lines += ["    " + s for s in _statements(form)]
    for n, t in enumerate(form.stored, len(form.reads)):
        lines.append(f"    store(c->b{n} + at, t{t});")
    lines += ["}", ""]
    lines += [
        f"ALWAYS_INLINE void {name}_ahead(void *context, long at) {{",
        f"    const struct {name}_places *const c = context;",
    ]
    lines += [f"    __builtin_prefetch(c->b{n} + at, 1);"
              for n in range(len(form.reads), len(form.reads) + len(form.stored))]  # fmt: skip
    lines += ["}", ""]
    lines += [
        f"static void {name}(const struct run *r, const int64_t *a, long lo, long hi) {{",
        f"    struct {name}_places c;",
    ]
    lines += [f"    c.{asked} = {_BATCH[asked]};" for asked in _of_the_batch(form)]
    lines += [f"    c.b{n} = r->arena + a[GRADIENT_WORDS + {n}];" for n in _buffers(form)]
    lines += [f"    gradient_after({name}_after, {name}_ahead, &c, r, a, lo, hi);", "}", ""]
    return "\n".join(lines)
