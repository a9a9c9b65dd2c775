"""The calls of a program: each unit as a kernel and its words."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ..program import (
    SAMPLES,
    Contract,
    FirstLargest,
    Instruction,
    Largest,
    LogSumExp,
    Operand,
    Program,
    SampleCount,
    sources,
)
from . import maps
from .call import ALONE, SAMPLED, SPLIT, Call, Kernel
from .compiler import Unavailable
from .groups import Unit, grouped
from .patterns import General, Gradient, Product, pattern
from .replaced import Replacement, in_place, replacements
from .storage import PANEL_VECTORS, Matrix, dense_size, matrices, row_stride
from .views import Views, contiguous, row_major

Array: TypeAlias = NDArray[Any]

_WORTH_SPLITTING = 20_000
"""Operations below which a call without samples is left to one thread."""

_WORTH_TURNING = 4_000
"""Numbers in a matrix from which on its product turns data from outside while it packs them."""

OWN_WIDTH, OWN_SAMPLES = 512, 512
"""Own products serve matrices up to so many rows or columns, and fewer samples than this; up to so
many a gradient too, as the loaded BLAS leaves the update to a second pass."""

_MOST_AXES = 16
"""The axes over which the loops of kernels/general.h can run: MOST_AXES there."""


class Calls:
    """The calls of a program, in no particular order, and what is known of its buffers.

    fixed: values of given buffers that never change. replaced: results by name, and the given
    buffers whose place they take. batch: the most samples; lanes: reals in a vector.
    columns: reals from one feature to the next. inputs, outputs: sampled buffers that come from
    outside and go there, by name, with their features. loaded: whether there is a BLAS to
    call. Raises Unavailable for too many axes.
    """

    def __init__(
        self,
        program: Program,
        fixed: Mapping[str, Array],
        replaced: Mapping[str, str],
        batch: int,
        lanes: int,
        chunked: bool,
        loaded: bool = False,
    ) -> None:
        axes = max((len(shape) for shape in program.shapes), default=0)
        if axes > _MOST_AXES:
            raise Unavailable(f"a tensor has {axes} axes, and compiled loops run over {_MOST_AXES}")
        self.program, self.lanes, self.batch = program, lanes, batch
        self._loaded = loaded
        self.calls_blas = False
        self.columns = row_stride(batch, lanes)
        self.views = Views(program, fixed)
        counts = {i.target for i in self.views.instructions if isinstance(i.operation, SampleCount)}
        self.views.instructions = [i for i in self.views.instructions if i.target not in counts]
        self.numbers = maps.numbers_of(self.views, counts)
        self.calls: list[Call] = []
        self.matrix: dict[int, Matrix] = {}
        self.extra: dict[int, int] = {}  # sizes in reals of buffers that only calls know
        self.extra_rows: dict[int, int] = {}  # transposed copies: buffer -> their buffer
        self.next_buffer = len(program.shapes)
        self.pairs = replacements(program, self.views, replaced)
        self.same: dict[int, int] = {}  # a result -> the given buffer in whose place it is made
        self.aside: dict[int, int] = {}  # a given buffer -> a copy of its old value
        self.chunked = chunked
        self.sums: list[int] = []  # what is summed over chunks
        self._loops: dict[Unit, maps.Fused] = {}
        self._make()

    def _make(self) -> None:
        views = self.views
        kept = frozenset(views.root(r.buffer) for r in self.program.results.values())
        units, users = grouped(views, kept)
        products = {
            i.target: found
            for i in views.instructions
            if isinstance(i.operation, Contract)
            and not isinstance(found := pattern(i.operation, i.target, views), General)
        }
        self.products = products
        self._data = {b for b in self.program.given.values() if views.sampled(b)}
        self.matrix = matrices(units, products, views, self.lanes, self.pairs, self.loads)
        self._replace(units, users)
        self._inputs(units)
        self._computed(units, users)
        self._outputs()
        if self.chunked:
            self._accumulate()
        self._copies()

    # -- in and out ------------------------------------------------------------------------

    def _replace(self, units: list[Unit], users: Mapping[int, set[Unit]]) -> None:
        """Let results take the storage of what they replace, where nothing is lost by it."""

        def same_layout(a: int, b: int) -> bool:
            return self.matrix.get(a) == self.matrix.get(b)

        self.same = in_place(self.pairs, units, users, self.views, self._loop, same_layout)

    def _copies(self) -> None:
        """Copy what could not be made in its place, when all else is done."""
        replaced = {pair.given for pair in self.pairs}
        for result in self.program.results.values():  # old values, of what will be replaced
            old = self.views.root(result.buffer)
            if old in replaced and old not in self.aside:
                self.aside[old] = aside = self.new(self.size(old))
                words = [("at", aside, 0), ("at", old, 0), self.size(old)]
                cost = float(self.size(old))
                self.calls.append(Call(Kernel("copy"), words, ALONE, 0, cost, (old,), (aside,)))
        for pair in self.pairs:
            if self.same.get(pair.result.buffer) == pair.given:
                continue
            source = self.views.root(pair.result.buffer)
            source = self.aside.get(source, source)
            kernel, words = self._copied(pair, source)
            cost = float(self.size(pair.given))
            self.calls.append(Call(kernel, words, ALONE, 0, cost, (source,), (), (pair.given,)))

    def _copied(self, pair: Replacement, source: int) -> tuple[Kernel, list[Any]]:
        """A copy, or where the components lie in another order a sum without anything to sum."""
        if pair.alike:
            return Kernel("copy"), [("at", pair.given, 0), ("at", source, 0), self.size(pair.given)]
        view, shape = self.views[pair.result.buffer], pair.result.shape
        strides = dict(zip(pair.result.axes, view.strides, strict=True))
        words = [prod(shape), len(shape), 0, 0, 0, *shape, ("at", pair.given, 0), *row_major(shape)]
        words += [1, ("at", source, view.start), 0, *(strides.get(a, 0) for a in range(len(shape)))]
        return Kernel("contract_alone"), words

    def _inputs(self, units: list[Unit]) -> None:
        by_rows, by_columns = self._met(units)
        self.in_place: dict[int, int] = {}  # data that products alone turn -> their number
        self.inputs: dict[str, int] = {}
        for name, buffer in self.program.given.items():
            if not self.views.sampled(buffer):
                continue
            features = prod(self.views.lengths(buffer))
            number = len(self.inputs)
            self.inputs[name] = features
            columns: Any = -1
            rows: Any = -1
            stride = 0
            writes: list[int] = []
            if buffer in by_columns:
                columns = ("at", buffer, 0)
                writes.append(buffer)
            if buffer in by_rows:
                made, stride = self._rows_buffer(buffer)
                rows = ("at", made, 0)
                writes.append(made)
            if writes:
                in_place = buffer in by_rows and not by_rows[buffer]
                if in_place:
                    self.in_place[buffer] = number
                words = [number, features, columns, rows, stride, 0, 0, int(in_place)]
                cost = float(features * self.batch)
                self.calls.append(
                    Call(Kernel("gather"), words, SAMPLED, 0, cost, (), tuple(writes))
                )

    def _met(self, units: list[Unit]) -> tuple[dict[int, bool], set[int]]:
        """The data from outside that are read samples × features, and whether a gradient reads
        them so, and those that are read features × samples."""
        by_rows: dict[int, bool] = {}
        by_columns = {self.views.root(r.buffer) for r in self.program.results.values()}
        for instruction in (i for unit in units for i in unit.instructions):
            found = self.products.get(instruction.target)
            others = list(sources(instruction.operation))
            factor = None
            if isinstance(found, Gradient) and self.views.whole(found.right):
                factor, others = found.right, [found.left]
            elif isinstance(found, Product) and self._turns(found):
                factor, others = found.other, [found.weight]
            if factor is not None:
                root = self.views.root(factor)
                by_rows[root] = by_rows.get(root, False) or isinstance(found, Gradient)
            by_columns.update(map(self.views.root, others))
        return by_rows, by_columns

    def _turns(self, found: Product) -> bool:
        """Whether a product turns its factor itself, so that data need not be turned before."""
        return (
            not found.backward
            and found.other in self._data
            and found.columns >= self.lanes
            and found.rows * found.columns >= _WORTH_TURNING
        )

    def _rows_buffer(self, buffer: int) -> tuple[int, int]:
        """A buffer samples × features, and its row stride: whole vectors."""
        features = prod(self.views.lengths(buffer))
        stride = row_stride(features, self.lanes)
        made = self.extra_rows.get(buffer)
        if made is None:
            made = self.extra_rows[buffer] = self.new(stride * self.columns)
        return made, stride

    def new(self, size: int) -> int:
        """A buffer that only calls know, of so many reals."""
        self.next_buffer += 1
        self.extra[self.next_buffer - 1] = size
        return self.next_buffer - 1

    def _outputs(self) -> None:
        self.outputs: dict[str, int] = {}
        for name, result in self.program.results.items():
            buffer = result.buffer
            if not self.views.sampled(buffer):
                continue
            lengths = self.views.lengths(buffer)
            view = self.views[buffer]
            number = len(self.inputs) + len(self.outputs)
            self.outputs[name] = prod(lengths)
            words: list[Any] = [number, ("at", view.root, view.start * self.columns)]
            words += _padded(lengths, view.strides)
            self.calls.append(
                Call(Kernel("scatter"), words, SAMPLED, 0,
                     prod(lengths) * self.batch, (view.root,), ())
            )  # fmt: skip

    # -- what is computed ------------------------------------------------------------------

    def _computed(self, units: list[Unit], users: Mapping[int, set[Unit]]) -> None:
        kept = {self.views.root(r.buffer) for r in self.program.results.values()}
        absorbed: dict[Unit, int] = {}  # a group -> the gradient's target that it follows
        for unit in units:
            if unit.space is None and isinstance(self.products.get(unit.only.target), Gradient):
                target = unit.only.target
                row = users.get(target, ())
                if len(row) != 1 or target in kept:
                    continue
                (after,) = row
                if self._may_follow(after, target):
                    absorbed[after] = target
        followed = set(absorbed.values())
        for unit in units:
            if unit.space is not None:
                if unit in absorbed:
                    self._gradient(absorbed[unit], unit)
                else:
                    self._group(unit)
                continue
            target = unit.only.target
            if target not in followed:
                self._instruction(unit.only)

    def _loop(self, unit: Unit) -> maps.Fused:
        """The loop of a group, worked out once."""
        found = self._loops.get(unit)
        if found is None:
            found = self._loops[unit] = maps.fused(unit, self.views, self.numbers)
        return found

    def _accumulate(self) -> None:
        """Add up over chunks what a call makes of samples: its own result gets another place."""
        sampled = {b for call in self.calls if call.mode == SAMPLED for b in call.writes}
        for call in list(self.calls):
            if call.mode == SAMPLED or not sampled & set(call.reads):
                continue
            (target,) = call.writes
            own = self.new(self.size(target))
            call.writes = (own,)
            call.words = [
                ("at", own, word[2]) if isinstance(word, tuple) and word[1] == target else word
                for word in call.words
            ]
            vectors = self.size(target) // self.lanes
            words = [("at", target, 0), ("at", own, 0), vectors]
            self.sums.append(target)
            self.calls.append(
                Call(Kernel("accumulate"), words, SPLIT, vectors, vectors, (own,), (target,))
            )

    def _may_follow(self, unit: Unit, target: int) -> bool:
        """Whether a group runs over just this gradient's storage, so that it can follow at once."""
        if unit.space is None or target not in self.matrix or self.chunked:
            return False
        if self._loads_gradient(target):
            return False
        if self.views.sampled(unit.instructions[0].target):
            return False
        lengths = tuple(n for n in self.views.lengths(target) if n != 1)
        loop = self._loop(unit)
        others = [a.root for a in loop.reads if a.root != target and any(a.strides)]
        return (
            unit.space == lengths
            and loop.form.flat
            and target not in unit.askew
            and all(self.matrix.get(b) == self.matrix[target] for b in (*others, *unit.outputs))
        )

    def _group(self, unit: Unit) -> None:
        loop = self._loop(unit)
        form = loop.form
        words: list[Any] = [] if form.flat else list(loop.extents)
        scale = self.columns if form.sampled else 1
        for access in (*loop.reads, *loop.writes):
            step = self.columns if access.sampled else 1
            words.append(("at", access.root, access.start * step))
            if not form.flat:
                words += [s * step for s in access.strides]
        size = prod(loop.extents) * scale
        cost = float(size * form.weight)
        reads = tuple(a.root for a in loop.reads)
        writes = tuple(a.root for a in loop.writes)
        if form.sampled:
            self.calls.append(Call(Kernel("map", form), words, SAMPLED, 0, cost, reads, writes))
            return
        mode, units = ALONE, 0
        if form.flat:
            vectors = self.size(writes[0]) // self.lanes
            mode, units, vectors_in_unit = _units(vectors, cost)
            words = [vectors_in_unit, vectors, *words]
        self.calls.append(Call(Kernel("map", form), words, mode, units, cost, reads, writes))

    def _gradient(self, target: int, after: Unit | None) -> None:
        """The product of two sampled buffers, and the group that follows it, in one call."""
        found = self.products[target]
        assert isinstance(found, Gradient)
        rows, stride = self._transposed(found.right)
        made = target
        matrix = self.matrix.get(target)
        if matrix is None:
            panel = min(2 * self.lanes, -(-found.columns // self.lanes) * self.lanes)
            matrix = Matrix(found.rows, found.columns, found.leading, panel)
            made = self.new(matrix.size)
        view = self.views[found.left]
        loads = target in self.matrix and self._loads_gradient(target)
        self.calls_blas |= loads
        words: list[Any] = [
            ("at", view.root, view.start * self.columns), ("at", rows, 0),
            matrix.rows, matrix.columns, matrix.panel, stride, 0, int(loads),
        ]  # fmt: skip
        reads, writes = [view.root, rows], [made]
        if after is None:
            kernel = Kernel("gradient")
            words.append(("at", made, 0))
        else:
            loop = maps.with_value(self._loop(after), target, "g")
            accesses = (*loop.reads, *loop.writes)
            words += [("at", a.root, a.start) for a in accesses]
            reads += [a.root for a in loop.reads]
            writes = [a.root for a in loop.writes]
            kernel = Kernel("gradient_then", loop.form)
        panels = -(-matrix.columns // matrix.panel)
        cost = 2.0 * matrix.rows * matrix.columns * self.batch
        by_rows = panels < 4 and matrix.rows > min(matrix.panel, PANEL_VECTORS * self.lanes)
        mode, units, rows_in_unit = SPLIT, panels, 0
        if by_rows or cost <= _WORTH_SPLITTING:
            mode, units, unit = _units(-(-matrix.rows // self.lanes), cost)
            rows_in_unit = unit * self.lanes
        words = [rows_in_unit, *words]
        self.calls.append(Call(kernel, words, mode, units, cost, tuple(reads), tuple(writes)))
        if made != target:
            words = [("at", target, 0), ("at", made, 0), matrix.rows, matrix.columns, matrix.panel]
            size = matrix.rows * matrix.columns
            self.calls.append(Call(Kernel("unpack"), words, ALONE, 0, size, (made,), (target,)))

    def _loads_gradient(self, target: int) -> bool:
        """Whether the loaded BLAS makes it, and the update is a pass of its own."""
        matrix = self.matrix[target]
        return self.batch > OWN_SAMPLES and self.loads(matrix.rows, matrix.columns)

    def _transposed(self, buffer: int) -> tuple[int, int]:
        """A sampled buffer samples × features, made where it is not there yet."""
        view = self.views[buffer]
        whole = view.root if self.views.whole(buffer) else -1
        if whole >= 0 and whole in self.extra_rows:
            return self._rows_buffer(whole)
        features = prod(self.views.lengths(buffer))
        if whole >= 0:
            made, stride = self._rows_buffer(whole)
        else:
            stride = row_stride(features, self.lanes)
            made = self.new(stride * self.columns)
        words = [("at", view.root, view.start * self.columns), features, ("at", made, 0), stride]
        self.calls.append(
            Call(Kernel("transpose"), words, SAMPLED, 0, 2.0 * features * self.batch,
                 (view.root,), (made,))
        )  # fmt: skip
        return made, stride

    def _instruction(self, instruction: Instruction) -> None:
        match instruction.operation:
            case Contract():
                found = self.products.get(instruction.target)
                if isinstance(found, Product):
                    self._product(found, instruction.target)
                elif isinstance(found, Gradient):
                    self._gradient(instruction.target, None)
                else:
                    self._contraction(instruction.operation, instruction.target)
            case Largest() | FirstLargest() | LogSumExp():
                self._over_axis(instruction.operation, instruction.target)
            case operation:
                raise AssertionError(f"no kernel for {operation}")

    def _product(self, found: Product, target: int) -> None:
        root = self.views.root(found.weight)
        matrix = self.matrix.get(root)
        panel = matrix.panel if matrix else found.columns
        view = self.views[found.other]
        sampled = self.views.sampled(found.other)
        other, start, stride = view.root, view.start * (self.columns if sampled else 1), 0
        outside = -1
        if self._turns(found):
            other, stride = self._rows_buffer(found.other)
            outside = self.in_place.get(found.other, -1)
        loads = sampled and self.loads(found.rows, found.columns)
        # our own products begin at a panel: the loaded BLAS alone divides one
        across = min(panel, PANEL_VECTORS * self.lanes) if loads else panel
        words = [
            ("at", target, 0), ("at", root, 0), ("at", other, start),
            found.rows, found.columns, panel, 0, stride, across, outside, int(loads),
        ]  # fmt: skip
        self.calls_blas |= loads
        name = "backward" if found.backward else "forward"
        cost = 2.0 * found.rows * found.columns * (self.columns if sampled else 1)
        kernel = Kernel(name if sampled else f"{name}_vector")
        mode = SAMPLED if sampled else ALONE
        self.calls.append(Call(kernel, words, mode, 0, cost, (root, other), (target,)))

    def _row_sums(self, operation: Contract, target: int) -> bool:
        """The sum over samples of each feature, if that is what it is."""
        operand = operation.operands[0]
        view, lengths = self.views[operand.buffer], self.views.lengths(operand.buffer)
        if (
            len(operation.operands) > 1
            or not self.views.sampled(operand.buffer)
            or operand.axes[1:] != operation.result
            or len(set(operand.axes)) < len(operand.axes)
            or not contiguous(lengths, view.strides)
        ):
            return False
        rows = prod(lengths)
        cost = 2.0 * rows * self.batch
        mode, units, unit = _units(-(-rows // self.lanes), cost)
        words = [("at", target, 0), ("at", view.root, view.start * self.columns), rows, unit]
        call = Call(Kernel("sum_rows"), words, mode, units, cost, (view.root,), (target,))
        self.calls.append(call)
        return True

    def _contraction(self, operation: Contract, target: int) -> None:
        """Any sum of products, by loops over axes; its words are read by contract in general.h."""
        if self._row_sums(operation, target):
            return
        views = self.views
        sampled_axes = {
            o.axes[0] for o in operation.operands if views.sampled(o.buffer)
        }  # the axis of the samples, where there is one
        assert len(sampled_axes) <= 1, "there is one sample axis"
        sample = sampled_axes.pop() if sampled_axes else None
        lengths: dict[int, int] = {}
        for operand in operation.operands:
            for axis, length in zip(operand.axes, self.program.shapes[operand.buffer], strict=True):
                if axis != sample:
                    lengths[axis] = length
        out = [axis for axis in operation.result if axis != sample]
        summed = [axis for axis in lengths if axis not in out]
        into = views.sampled(target)
        words: list[Any] = [len(out), len(summed), int(into), int(sample is not None)]
        words += [lengths[axis] for axis in (*out, *summed)]
        step = self.columns if into else 1
        words += [("at", target, 0), *(s * step for s in row_major(views.lengths(target)))]
        words.append(len(operation.operands))
        for operand in operation.operands:
            words += self._operand_words(operand, (*out, *summed))
        size = prod(lengths.values()) * (self.batch if sample is not None else 1)
        reads = tuple(views.root(o.buffer) for o in operation.operands)
        results = prod(views.lengths(target))
        split = not into and 2 * size > _WORTH_SPLITTING and results > 1
        if into:
            mode, units = SAMPLED, 0
        else:
            mode, units = (SPLIT, results) if split else (ALONE, 0)
        words.insert(0, results)
        name = "contract_sampled" if into else "contract_split" if split else "contract_alone"
        self.calls.append(Call(Kernel(name), words, mode, units, 4.0 * size, reads, (target,)))

    def _operand_words(self, operand: Operand, axes: tuple[int, ...]) -> list[Any]:
        """Where it begins, whether it varies with the sample, a stride for each axis."""
        view = self.views[operand.buffer]
        sampled = self.views.sampled(operand.buffer)
        step = self.columns if sampled else 1
        strides: dict[int, int] = {}
        features = operand.axes[1:] if sampled else operand.axes
        for axis, stride in zip(features, view.strides, strict=True):
            strides[axis] = strides.get(axis, 0) + stride * step
        return [
            ("at", view.root, view.start * step), int(sampled), *(strides.get(a, 0) for a in axes),
        ]  # fmt: skip

    def _over_axis(self, operation: Largest | FirstLargest | LogSumExp, target: int) -> None:
        """Along one axis; the others are an outer and an inner one, or all strides are given."""
        buffer = operation.source
        view, lengths = self.views[buffer], self.views.lengths(buffer)
        sampled = self.views.sampled(buffer)
        axis = operation.axis - int(sampled)
        step = self.columns if sampled else 1
        rest = [a for a in range(len(lengths)) if a != axis]
        out = self.views[target].strides
        if isinstance(operation, FirstLargest):
            out_axis = out[axis]
            out = tuple(out[a] for a in rest)
        else:
            out_axis = 0
        words: list[Any] = [
            ("at", target, 0), ("at", view.root, view.start * step),
            lengths[axis], view.strides[axis] * step, out_axis * step, len(rest),
        ]  # fmt: skip
        for a, out_stride in zip(rest, out, strict=True):
            words += [lengths[a], view.strides[a] * step, out_stride * step]
        name = {Largest: "largest", FirstLargest: "first_largest", LogSumExp: "log_sum_exp"}
        kernel = Kernel(name[type(operation)] + ("" if sampled else "_alone"))
        cost = 12.0 * prod(lengths) * (self.batch if sampled else 1)
        mode = SAMPLED if sampled else ALONE
        self.calls.append(Call(kernel, words, mode, 0, cost, (view.root,), (target,)))

    def loads(self, rows: int, columns: int) -> bool:
        """Whether products with such a matrix are left to the BLAS that is loaded."""
        return self._loaded and min(rows, columns) > OWN_WIDTH and self.batch >= OWN_SAMPLES

    # -- buffers ---------------------------------------------------------------------------

    def size(self, buffer: int) -> int:
        """Reals of a buffer without samples."""
        if buffer in self.extra:
            return self.extra[buffer]
        if buffer in self.matrix:
            return self.matrix[buffer].size
        return dense_size(self.views.lengths(buffer), self.lanes)

    def overwritten(self, call: Call) -> tuple[int, ...]:
        return (*call.overwrites, *(self.same[b] for b in call.writes if b in self.same))

    def own(self, buffer: int) -> int:
        return self.same.get(buffer, buffer)

    def in_rows(self, buffer: int) -> bool:
        return buffer < len(self.program.shapes) and self.views.sampled(buffer)

    def row_size(self, buffer: int) -> int:
        return prod(self.views.lengths(buffer)) * self.columns


def may_load(program: Program, batch: int) -> bool:
    """Whether it is of any use to look for a loaded BLAS: a wide matrix, and samples enough."""
    sizes = (prod(shape) for shape in program.shapes if len(shape) > 1 and SAMPLES not in shape)
    return batch >= OWN_SAMPLES and any(size > OWN_WIDTH**2 for size in sizes)


def _units(vectors: int, cost: float) -> tuple[int, int, int]:
    """How a call is split that may be anywhere between two vectors: mode, units, and vectors of
    a unit. Where it is not worth it, one thread does all as one unit."""
    return (SPLIT, vectors, 1) if cost > _WORTH_SPLITTING else (ALONE, 0, vectors)


def _padded(lengths: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """Lengths and strides of a view for `scatter`."""
    words = [len(lengths)]
    for length, stride in zip(lengths, strides, strict=True):
        words += [length, stride]
    return words
