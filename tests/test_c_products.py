"""The compiled products: against NumPy, bit for bit however they are split, nothing else touched.

The kernels are built with the system's C compiler, for each width of vectors that the processor
has, and called through ctypes on arrays.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

KERNELS = Path(__file__).resolve().parent.parent / "backprove" / "run" / "c" / "kernels"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-O3", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-Wall", "-Wextra", "-Werror"]
WIDTHS = {
    64: [*(f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")), "-mprefer-vector-width=512"],
    32: ["-mavx2", "-mfma"],
    16: [],
}
NEEDED = {64: {"avx512f", "avx512dq", "avx512bw", "avx512vl"}, 32: {"avx2", "fma"}, 16: set()}

SOURCE = """
#include "products.h"
#include "products.c"

const int lanes = LANES;

void forward(real *z, const real *w, const real *a, long J, long K, long P, long ldn, long n0,
             long n1, long add) {
    product_forward(z, w, a, J, K, P, ldn, 0, 0, J, n0, n1, (int)add);
}
void forward_turned(real *z, const real *w, const real *at, long J, long K, long P, long ldn,
                    long ldt, long j0, long j1, long n0, long n1, long add) {
    product_forward(z, w, at, J, K, P, ldn, ldt, j0, j1, n0, n1, (int)add);
}
void backward(real *d, const real *w, const real *z, long J, long K, long P, long ldn, long n0,
              long n1, long add) {
    product_backward(d, w, z, J, K, P, ldn, 0, K, n0, n1, (int)add);
}
ALWAYS_INLINE void keep(void *context, long offset, vec g) { store((real *)context + offset, g); }
ALWAYS_INLINE void fetch(void *context, long offset) {
    __builtin_prefetch((real *)context + offset, 1);
}
ALWAYS_INLINE void descend(void *context, long offset, vec g) {
    real *w = (real *)context + offset;
    store(w, load(w) - splat((real)0.5) * g);
}
void gradient(real *g, const real *z, const real *at, long J, long K, long P, long ldn, long ldt,
              long N, long j0, long j1, long p0, long p1) {
    product_gradient(keep, fetch, g, z, at, J, K, P, ldn, ldt, N, j0, j1, p0, p1);
}
void update(real *w, const real *z, const real *at, long J, long K, long P, long ldn, long ldt,
            long N, long j0, long j1, long p0, long p1) {
    product_gradient(descend, fetch, w, z, at, J, K, P, ldn, ldt, N, j0, j1, p0, p1);
}
void forward_one(real *z, const real *w, const real *a, long J, long K, long P, long ldz, long lda,
                 long j0, long j1, long add) {
    vector_forward(z, w, a, J, K, P, ldz, lda, j0, j1, (int)add);
}
void backward_one(real *d, const real *w, const real *z, long J, long K, long P, long ldd,
                  long ldz, long p0, long p1, long add) {
    vector_backward(d, w, z, J, K, P, ldd, ldz, p0, p1, (int)add);
}
void transpose(real *at, long ldt, const real *a, long ldn, long K, long n0, long n1) {
    transpose_to_rows(at, ldt, a, ldn, K, n0, n1);
}
void gather(real *a, long ldn, real *at, long ldt, const real *rows, long row_stride,
            const int64_t *index, long N, long n0, long n1, long K) {
    gather_rows(a, ldn, at, ldt, rows, row_stride, index, N, n0, n1, K);
}
void sum_of_each(real *result, const real *from) {
    vec v[LANES];
    for (int i = 0; i < LANES; i++) v[i] = load(from + i * LANES);
    store(result, sum_each(v));
    for (int i = 0; i < LANES; i++) result[LANES + i] = sum_lanes(load(from + i * LANES));
}
"""

Array = NDArray[Any]


def widths() -> list[int]:
    """Bytes of the vectors that this processor has."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return [16]
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return [16]
    flags = set(next((row for row in info.splitlines() if row.startswith("flags")), "").split())
    return [width for width, needed in NEEDED.items() if needed <= flags]


@dataclass(frozen=True)
class Kernels:
    """The kernels for one type of numbers and one width of vectors."""

    library: ctypes.CDLL
    dtype: Any
    lanes: int
    width: int

    def __call__(self, name: str, *arguments: Array | int | None) -> None:
        """Call a kernel; arrays are passed by their address, numbers as long."""
        passed = [
            ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray)
            else ctypes.c_void_p(None) if a is None else ctypes.c_long(a)
            for a in arguments
        ]  # fmt: skip
        getattr(self.library, name)(*passed)

    def rounded(self, length: int) -> int:
        return -(-length // self.lanes) * self.lanes

    def room(self, rows: int, stride: int, fill: float = np.nan) -> Array:
        """rows × stride numbers, 64-byte aligned as the kernels want them."""
        raw = np.empty(rows * stride * np.dtype(self.dtype).itemsize + 64, np.uint8)
        start = -raw.ctypes.data % 64
        flat = raw[start : start + rows * stride * np.dtype(self.dtype).itemsize].view(self.dtype)
        room: Array = flat.reshape(rows, stride)
        room[:] = fill
        return room

    def packed(self, w: Array, panel: int) -> Array:
        """A matrix in column panels, zeros beyond the last column."""
        rows, columns = w.shape
        panels = -(-columns // panel)
        room = self.room(panels * rows, panel, 0.0)
        for k in range(columns):
            room[k // panel * rows : (k // panel + 1) * rows, k % panel] = w[:, k]
        return room

    def unpacked(self, room: Array, rows: int, columns: int) -> Array:
        panels = room.reshape(-1, rows, room.shape[1])
        return np.concatenate(list(panels), axis=1)[:, :columns]

    def sampled(self, array: Array, ldn: int) -> Array:
        """features × samples in a buffer, the last sample again up to whole vectors, then NaN."""
        rows, samples = array.shape
        room = self.room(rows, ldn)
        room[:, :samples] = array
        room[:, samples : self.rounded(samples)] = array[:, -1:]
        return room

    def rows(self, array: Array, ldt: int) -> Array:
        """samples × features in a buffer, zeros beyond the last feature."""
        room = self.room(array.shape[0], ldt, 0.0)
        room[:, : array.shape[1]] = array
        return room


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, Any], Kernels]:
    """Builds and loads the kernels, once for each width and type."""
    if COMPILER is None:
        pytest.skip("no C compiler on this computer")
    folder = tmp_path_factory.mktemp("products")
    source = folder / "doors.c"
    source.write_text(SOURCE, encoding="utf-8")
    built: dict[tuple[int, Any], Kernels] = {}

    def kernels(width: int, dtype: Any) -> Kernels:
        if (width, dtype) not in built:
            out = folder / f"products_{width}_{np.dtype(dtype).name}.so"
            command = [COMPILER, *FLAGS, *(WIDTHS[width] if len(widths()) > 1 else [])]
            command += [f"-DVECTOR_BYTES={width}", f"-DREAL_IS_DOUBLE={int(dtype is np.float64)}"]
            command += [f"-I{KERNELS}", "-fPIC", "-shared", str(source), "-o", str(out)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            assert not done.stderr
            library = ctypes.CDLL(str(out))
            lanes = ctypes.c_int.in_dll(library, "lanes").value
            built[width, dtype] = Kernels(library, dtype, lanes, width)
        return built[width, dtype]

    return kernels


@pytest.fixture(
    scope="module",
    params=[(width, dtype) for width in widths() for dtype in (np.float32, np.float64)],
    ids=lambda p: f"{p[0]}-{p[1].__name__}",
)
def c(request: pytest.FixtureRequest, build: Callable[[int, Any], Kernels]) -> Kernels:
    """The kernels at one width and type."""
    return build(*request.param)


SIZES = st.one_of(st.integers(1, 40), st.sampled_from([53, 64, 97, 127, 128, 130, 257, 520]))
SHAPES = st.tuples(SIZES, SIZES, st.one_of(st.integers(1, 70), st.sampled_from([96, 128, 200])))
EXAMPLES = settings(max_examples=12, deadline=None, derandomize=True)


def numbers(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def near(c: Kernels, got: Array, left: Array, right: Array, old: Array | float = 0.0) -> None:
    """got = old + left @ right, to the usual bound for sums of rounded products.

    |error| <= gamma_n * sum of |terms|, n terms, gamma_n = n u / (1 - n u) (Higham 2002,
    section 3.1). The reference has 64 bits of mantissa where the numbers have 53.
    """
    exact = np.longdouble if c.dtype is np.float64 else np.float64
    left, right, old = left.astype(exact), right.astype(exact), np.asarray(old, exact)
    unit = float(np.finfo(c.dtype).eps) / 2
    n = left.shape[-1] + 2
    allowed = n * unit / (1 - n * unit) * (np.abs(left) @ np.abs(right) + np.abs(old))
    if np.finfo(exact).eps == np.finfo(c.dtype).eps:
        allowed = 2 * allowed
    assert np.all(np.abs(got.astype(exact) - (old + left @ right)) <= allowed)


def panel_of(c: Kernels, columns: int, kind: int) -> int:
    """One vector, two, three, or the whole row."""
    return c.rounded(columns) if kind == 3 else (kind + 1) * c.lanes


def cuts(length: int, step: int, seed: int) -> list[tuple[int, int]]:
    """[0, length) in up to three parts, at multiples of `step`."""
    steps = -(-length // step)
    at = sorted({0, steps, *np.random.default_rng(seed).integers(0, steps + 1, 2).tolist()})
    ends = [min(n * step, length) for n in at]
    return list(pairwise(ends))


@EXAMPLES
@example((130, 130, 67), 0, 1, True, 0)  # packed, narrow panels
@example((257, 520, 67), 1, 0, False, 1)  # packed in several blocks
@example((130, 520, 35), 3, 0, True, 2)  # blocks within one wide panel
@example((1030, 129, 270), 1, 1, True, 3)  # blocks of rows, whose result is fetched ahead
@given(SHAPES, st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(0, 2**32))
def test_products_with_samples(
    c: Kernels, shape: tuple[int, int, int], kind: int, spare: int, add: bool, seed: int
) -> None:
    J, K, N = shape
    panel, whole = panel_of(c, K, kind), c.rounded(N)
    ldn = whole + spare * c.lanes
    w = numbers(seed, J, K).astype(c.dtype)
    weights = c.packed(w, panel)
    for name, rows, terms in (("forward", J, K), ("backward", K, J)):
        right = numbers(seed + 1, terms, N).astype(c.dtype)
        old = numbers(seed + 2, rows, N).astype(c.dtype)
        factor = c.sampled(right, ldn)
        result = c.sampled(old, ldn)
        c(name, result, weights, factor, J, K, panel, ldn, 0, whole, add)
        left = w if name == "forward" else w.T
        near(c, result[:, :N], left, right, old if add else 0.0)
        assert np.all(result[:, N:whole] == result[:, N - 1 : N])
        assert np.isnan(result[:, whole:]).all()

        parts = c.sampled(old, ldn)
        for n0, n1 in cuts(whole, c.lanes, seed):
            c(name, parts, weights, factor, J, K, panel, ldn, n0, n1, add)
        assert parts.tobytes() == result.tobytes()
        if name == "forward":  # its rows and columns in parts, of samples × features
            turned, ldt = c.sampled(old, ldn), c.rounded(K) + spare * c.lanes
            samples = c.rows(factor[:, :whole].T, ldt)
            for n0, n1 in cuts(whole, c.lanes, seed):
                for j0, j1 in cuts(J, 1, seed):
                    c("forward_turned", turned, weights, samples, J, K, panel, ldn, ldt,
                      j0, j1, n0, n1, add)  # fmt: skip
            assert turned.tobytes() == result.tobytes()


@EXAMPLES
@example((130, 70, 150), 0, 1, 0)  # packed
@example((530, 20, 1100), 1, 0, 1)  # more samples than are packed at once, blocks of rows
@example((1100, 40, 150), 1, 0, 2)  # blocks of packed rows
@given(SHAPES, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2**32))
def test_gradients(
    c: Kernels, shape: tuple[int, int, int], kind: int, spare: int, seed: int
) -> None:
    J, K, N = shape
    panel, ldn = panel_of(c, K, kind), c.rounded(N) + spare * c.lanes
    ldt = c.rounded(K) + spare * c.lanes
    panels = -(-K // panel)
    z, a = numbers(seed, J, N).astype(c.dtype), numbers(seed + 1, N, K).astype(c.dtype)
    left, right = c.room(J, ldn), c.rows(a, ldt)  # NaN beyond the last sample
    left[:, :N] = z
    got = c.packed(np.full((J, K), np.nan, c.dtype), panel)
    c("gradient", got, left, right, J, K, panel, ldn, ldt, N, 0, J, 0, panels)
    near(c, c.unpacked(got, J, K), z, a)
    assert np.all(got.reshape(panels, J, panel)[-1, :, K - (panels - 1) * panel :] == 0)

    parts = c.packed(np.full((J, K), np.nan, c.dtype), panel)
    for j0, j1 in cuts(J, 1, seed):
        for p0, p1 in cuts(panels, 1, seed + 1):
            c("gradient", parts, left, right, J, K, panel, ldn, ldt, N, j0, j1, p0, p1)
    assert parts.tobytes() == got.tobytes()

    w = numbers(seed + 2, J, K).astype(c.dtype)
    weights = c.packed(w, panel)
    c("update", weights, left, right, J, K, panel, ldn, ldt, N, 0, J, 0, panels)
    near(c, c.unpacked(weights, J, K), -0.5 * z, a, w)


@EXAMPLES
@given(SIZES, SIZES, st.integers(0, 3), st.booleans(), st.integers(0, 2**32))
def test_products_with_one_sample(
    c: Kernels, J: int, K: int, kind: int, add: bool, seed: int
) -> None:
    check_one_sample(c, J, K, panel_of(c, K, kind), add, seed)


@pytest.mark.parametrize("shape", [(3, 2049), (2100, 5), (1, 4100), (4097, 1)])
def test_long_sums_of_one_sample(c: Kernels, shape: tuple[int, int]) -> None:
    check_one_sample(c, *shape, 2 * c.lanes, True, 7)


def check_one_sample(c: Kernels, J: int, K: int, panel: int, add: bool, seed: int) -> None:
    panels, ldn = -(-K // panel), 2 * c.lanes
    w = numbers(seed, J, K).astype(c.dtype)
    weights = c.packed(w, panel)
    for name, rows, terms, units in (("forward", J, K, J), ("backward", K, J, panels)):
        one = numbers(seed + 1, terms, 1).astype(c.dtype)
        old = numbers(seed + 2, rows, 1).astype(c.dtype)
        factor, result = c.room(terms, ldn), c.room(rows, ldn)
        factor[:, :1], result[:, : c.lanes] = one, old
        begin = result.copy()
        call = f"{name}_one"
        c(call, result, weights, factor, J, K, panel, ldn, ldn, 0, units, add)
        left = w if name == "forward" else w.T
        near(c, result[:, :1], left, one, old if add else 0.0)
        assert np.all(result[:, : c.lanes] == result[:, :1])
        assert np.isnan(result[:, c.lanes :]).all()

        parts = c.room(rows, ldn)
        parts[:] = begin
        for lo, hi in cuts(units, 1, seed):
            c(call, parts, weights, factor, J, K, panel, ldn, ldn, lo, hi, add)
        assert parts.tobytes() == result.tobytes()

        close = c.room(1, c.rounded(terms), 0.0)
        close[0, :terms] = one[:, 0]
        vector = c.room(1, rows)
        vector[0] = old[:, 0]
        c(call, vector, weights, close, J, K, panel, 1, 1, 0, units, add)
        assert vector.tobytes() == np.ascontiguousarray(result[:, 0]).tobytes()


@pytest.mark.skipif(not {32, 64} <= set(widths()), reason="the processor has no AVX-512")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wider_vectors_give_the_same_bits(build: Callable[[int, Any], Kernels], dtype: Any) -> None:
    """Each element is one chain of fused additions, whatever tile and block it is computed in."""
    J, K, N = 300, 530, 160
    w, a, z = numbers(0, J, K), numbers(1, K, N), numbers(2, J, N)
    found = []
    for width in (32, 64):
        c = build(width, dtype)
        weights, panel = c.packed(w.astype(dtype), 2 * c.lanes), 2 * c.lanes
        forward, backward = c.room(J, N), c.room(K, N)
        c("forward", forward, weights, c.sampled(a, N), J, K, panel, N, 0, N, 0)
        c("backward", backward, weights, c.sampled(z, N), J, K, panel, N, 0, N, 0)
        g, ldt = c.packed(np.zeros((J, K)), panel), c.rounded(K)
        rows, panels = c.rows(a.T, ldt), -(-K // panel)
        c("gradient", g, c.sampled(z, N), rows, J, K, panel, N, ldt, N, 0, J, 0, panels)
        found.append((forward, backward, c.unpacked(g, J, K)))
    for narrow, wide in zip(*found, strict=True):
        assert narrow.tobytes() == wide.tobytes()


@EXAMPLES
@given(SIZES, SIZES, st.integers(0, 2), st.integers(0, 2**32))
def test_transposed(c: Kernels, K: int, N: int, spare: int, seed: int) -> None:
    whole, ldt = c.rounded(N), c.rounded(K) + spare * c.lanes
    ldn = whole + spare * c.lanes
    a = c.room(K, ldn)
    a[:, :whole] = numbers(seed, K, whole)
    at = c.room(whole, ldt)
    for n0, n1 in cuts(whole, c.lanes, seed):
        c("transpose", at, ldt, a, ldn, K, n0, n1)
    assert np.array_equal(at[:, :K], a[:, :whole].T)
    assert not at[:, K:].any()


@EXAMPLES
@given(SIZES, SIZES, st.integers(0, 2), st.sampled_from(["a", "at", "both"]), st.integers(0, 2**32))
def test_gathered(c: Kernels, K: int, N: int, spare: int, which: str, seed: int) -> None:
    whole, ldt = c.rounded(N), c.rounded(K) + spare * c.lanes
    ldn, row_stride = whole + spare * c.lanes, K + spare
    table = c.room(1, 11 * row_stride + 1)[0, 1:]  # not aligned
    rows = table.reshape(11, row_stride)
    rows[:, :K] = numbers(seed, 11, K)
    index = np.random.default_rng(seed).integers(0, 11, N)
    a = c.room(K, ldn) if which != "at" else None
    at = c.room(whole, ldt) if which != "a" else None
    for n0, n1 in cuts(whole, c.lanes, seed):
        c("gather", a, ldn, at, ldt, table, row_stride, index, N, n0, n1, K)
    picked = rows[index[np.minimum(np.arange(whole), N - 1)], :K]
    if a is not None:
        assert np.array_equal(a[:, :whole], picked.T)
        assert np.isnan(a[:, whole:]).all()
    if at is not None:
        assert np.array_equal(at[:, :K], picked)
        assert not at[:, K:].any()


def test_lanes_are_added_in_one_order(c: Kernels) -> None:
    vectors, result = c.room(c.lanes, c.lanes), c.room(2, c.lanes)
    vectors[:] = numbers(3, c.lanes, c.lanes)
    c("sum_of_each", result, vectors)
    assert result[0].tobytes() == result[1].tobytes()
    near(c, result[0][:, None], vectors, np.ones((c.lanes, 1)))


@pytest.mark.parametrize(
    ("target", "width", "double"),
    [("aarch64-linux-gnu", 16, 0), ("x86_64-linux-gnu -mcpu=x86_64_v4", 64, 1)],
    ids=["NEON", "AVX-512"],
)
@pytest.mark.skipif(find_spec("ziglang") is None, reason="ziglang is not installed")
def test_built_for_other_processors(tmp_path: Path, target: str, width: int, double: int) -> None:
    source = tmp_path / "doors.c"
    source.write_text(SOURCE, encoding="utf-8")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", *target.split(), *FLAGS]
    command += [f"-DVECTOR_BYTES={width}", f"-DREAL_IS_DOUBLE={double}", f"-I{KERNELS}"]
    command += ["-c", str(source), "-o", str(tmp_path / "products.o")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
