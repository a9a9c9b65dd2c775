"""The compiled scalar functions against ball arithmetic, NumPy and themselves.

A small library is built for each width of vectors this CPU has, in float and double; it maps
each function over arrays.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backprove.run.c.compiler import (
    LEVELS,
    Level,
    Options,
    Unavailable,
    arguments,
    find_compiler,
    levels,
)
from backprove.run.elementwise import ELEMENTWISE

Array = NDArray[Any]
Ball = Callable[..., arb]

KERNELS = Path(__file__).parent.parent / "backprove" / "run" / "c" / "kernels"
BINARY = {"add", "subtract", "multiply", "divide", "power", "times_exp", "logaddexp"}
UNARY = sorted(set(ELEMENTWISE) - BINARY)
BITS = 400  # of the reference

SOURCE = "\n".join((
    '#include "functions.h"',
    '#define MAP __attribute__((visibility("default"))) void',
    "#define UNARY(name, value) MAP name(real *y, const real *x, const real *z, long n) { \\",
    "  (void)z; for (long i = 0; i < n; i += LANES) storeu(y + i, value(loadu(x + i))); }",
    "#define BINARY(name, value) MAP name(real *y, const real *x, const real *z, long n) { \\",
    "  for (long i = 0; i < n; i += LANES) storeu(y + i, value(loadu(x + i), loadu(z + i))); }",
    *(f"UNARY(map_{name}, f_{name})" for name in UNARY),
    *(f"BINARY(map_{name}, f_{name})" for name in sorted(BINARY)),
    "UNARY(map_v_abs, v_abs) UNARY(map_v_sqrt, v_sqrt)",
    "BINARY(map_v_max, v_max) BINARY(map_v_min, v_min) BINARY(map_v_copysign, v_copysign)",
    "MAP sums(real *y, const real *x, const real *z, long n) {",
    "  for (long i = 0; i < n; i += LANES) {",
    "    vec v = loadu(x + i);",
    "    storeu(y + i, splat(sum_lanes(v)));",
    "    y[i] = max_lanes(v);",
    "    y[i + 1] = any_lane(v > loadu(z + i));",
    "  }",
    "}",
    "MAP some(real *y, const real *x, const real *z, long n) {",
    "  (void)z; storeu(y + LANES, load_some(x, n)); store_some(y, loadu(x), n);",
    "}",
    "",
))  # fmt: skip


# -- the libraries --------------------------------------------------------------------------


def compiled(source: Path, target: Path, command: Sequence[str]) -> str:
    """What the compiler says, "" where it is content."""
    words = [*command, "-Wall", "-Wextra", "-Werror", f"-I{KERNELS}", str(source)]
    words += ["-o", str(target), *([] if "-c" in command else ["-lm"])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    return done.stderr if done.returncode else ""


class Library:
    """The functions at one width and precision, called on whole arrays."""

    def __init__(self, path: Path, dtype: type, lanes: int) -> None:
        self._library = ctypes.CDLL(str(path))
        self.dtype, self.lanes = np.dtype(dtype), lanes

    def __call__(self, name: str, x: Array, z: Array | None = None, count: int = 0) -> Array:
        """y of as many lanes as x, which is filled up to whole vectors with copies."""
        x = np.asarray(x, self.dtype)
        size = -(-len(x) // self.lanes) * self.lanes
        ready = [np.resize(np.asarray(a, self.dtype), size) for a in (x, x if z is None else z)]
        y = np.zeros(size, self.dtype)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (y, *ready)]
        getattr(self._library, name)(*pointers, ctypes.c_long(count or size))
        return y[: len(x)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "maps.c").write_text(SOURCE)
    return folder


Build = Callable[[Level, type, tuple[str, ...]], Library]


@pytest.fixture(scope="module")
def build(folder: Path) -> Build:
    try:
        compiler = find_compiler({})
    except Unavailable as error:
        pytest.skip(str(error))

    @cache
    def made(level: Level, dtype: type, more: tuple[str, ...]) -> Library:
        double = dtype is np.float64
        path = folder / f"{level.name}_{double}_{len(more)}.so"
        command = [*compiler.command, *arguments(compiler, Options(level, double, more))]
        assert compiled(folder / "maps.c", path, command) == ""
        return Library(path, dtype, level.vector_bytes // np.dtype(dtype).itemsize)

    return made


def _levels() -> tuple[Level, ...]:
    try:
        return levels()
    except Unavailable:
        return LEVELS[:1]  # the fixture says why nothing can be built


@pytest.fixture(
    scope="module",
    params=[(v, t) for v in _levels() for t in (np.float32, np.float64)],
    ids=lambda p: f"{p[0].name}-{p[1].__name__}",
)
def library(request: pytest.FixtureRequest, build: Build) -> Library:
    level, dtype = request.param
    return build(level, dtype, ())


# -- arguments and references -----------------------------------------------------------------

# where a formula changes: ends of reduction, overflow, underflow, joints of polynomials
JOINTS = (
    0.5, 1.0, 0.41421356, 0.70710678, 1.41421356, 0.34657359, 1.03972077, 0.17328679, 0.5493061,
    2.5, 3.5, 3.93, 5.5, 5.921587, 6.0, 9.0, 10.0, 10.5, 13.5, 14.3, 14.6, 17.0, 19.06, 20.0, 26.5,
    27.5, 36.0, 38.5, 39.0, 40.0, 87.3, 88.0, 88.722839, 89.0, 103.27, 103.97208, 105.0, 708.4,
    709.782712893384, 744.44, 745.1332191019411, 746.0, 1000.0, 1570.7963, 1e5, 1e22,
    0.78539816, 1.57079632679, 3.14159265358979, 6.28318530717958, 355.0, 710.0, 999.9,
)  # fmt: skip


@cache
def points(dtype: np.dtype[Any]) -> Array:
    """Special values, neighbours of joints, numbers of every size, and many near 1."""
    info = np.finfo(dtype)
    random = np.random.default_rng(3)
    any_bits = np.frombuffer(random.bytes(1500 * dtype.itemsize), dtype)
    joints = np.array(JOINTS, dtype)
    steps = [joints]
    for direction in (dtype.type(0), dtype.type(np.inf)):
        step = np.nextafter(joints, direction)
        steps += [step, np.nextafter(step, direction)]
    sizes: list[Any] = [
        [0.0, np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal,
         np.nextafter(info.tiny, dtype.type(0)), 7 * info.smallest_subnormal],
        *steps,
        random.uniform(0, 20, 600), random.uniform(0, 2, 600), random.uniform(20, 800, 200),
        any_bits,
    ]  # fmt: skip
    with np.errstate(invalid="ignore"):  # signalling NaNs become quiet ones
        x = np.concatenate([np.asarray(part, dtype) for part in sizes])
        return np.concatenate([x, -x])


@contextmanager
def precise() -> Iterator[None]:
    before, ctx.prec = ctx.prec, BITS
    try:
        yield
    finally:
        ctx.prec = before


def ball(x: Any) -> arb:
    return arb(float(x))


def worst_error(got: Array, wanted: Sequence[arb], at: Array) -> tuple[float, Any]:
    """The largest error in units in the last place of the true value, and where.

    Infinity is right where the true value rounds to it; the unit of subnormal numbers is one.
    """
    info = np.finfo(got.dtype)
    digits, least = info.nmant, int(info.minexp) - info.nmant
    most, worst, place = arb(float(info.max)), 0.0, None
    half_step = arb(2) ** (int(info.maxexp) - digits - 2)
    for value, true, x in zip(got.tolist(), wanted, at, strict=True):
        if abs(true) > most + half_step:
            error = 0.0 if np.isinf(value) and (value > 0) == (true > 0) else np.inf
        elif not np.isfinite(value):
            error = np.inf
        else:
            mantissa, exponent = true.mid().man_exp()
            unit = max(int(abs(mantissa)).bit_length() + int(exponent) - 1 - digits, least)
            error = float(((arb(value) - true) * arb(2) ** -unit).abs_upper())
        if error > worst:
            worst, place = error, x
    return worst, place


def _gelu(u: arb) -> arb:
    return u / 2 * (-u / arb(2).sqrt()).erfc()


def _log1p_exp(u: arb) -> arb:
    return u.exp().log1p() if u < 0 else u + (-u).exp().log1p()


REFERENCE: Mapping[str, Ball] = {
    "exp": lambda u: u.exp(),
    "tanh": lambda u: u.tanh(),
    "sigmoid": lambda u: 1 / (1 + (-u).exp()) if u > 0 else u.exp() / (1 + u.exp()),
    "log": lambda u: u.log(),
    "erf": lambda u: u.erf(),
    "elu": lambda u: u if u > 0 else u.expm1(),
    "softplus": _log1p_exp,
    "gelu": _gelu,
    "erf_derivative": lambda u: (-u * u).exp() * 2 / arb.pi().sqrt(),
    "sin": lambda u: u.sin(),
    "cos": lambda u: u.cos(),
}

# units in the last place, float and double, as functions.h states them
BOUND = {
    "exp": (1, 1), "tanh": (2, 2), "sigmoid": (2, 2), "log": (1, 1), "erf": (1.5, 2),
    "elu": (1, 1), "softplus": (1.8, 1.8), "gelu": (7, 9), "erf_derivative": (2.5, 2),
    "sin": (2.5, 2), "cos": (2.5, 2),
}  # fmt: skip


@cache
def references(name: str, dtype: np.dtype[Any]) -> tuple[Array, list[arb]]:
    """The points where the function has a finite true value, and the values."""
    x = points(dtype)
    x = x[np.isfinite(x)]
    if name == "log":
        x = x[x > 0]
    with precise():
        # beyond 1e4 these are 0 or 1 to all digits, and ball arithmetic would need millions
        limits = {"sin": np.inf, "cos": np.inf, "log": np.inf}
        x = x[np.abs(x) <= limits.get(name, 1e4)]
        return x, [REFERENCE[name](ball(u)) for u in x]


@pytest.mark.parametrize("name", REFERENCE)
def test_within_the_stated_error(library: Library, name: str) -> None:
    x, wanted = references(name, library.dtype)
    with precise():
        error, at = worst_error(library(f"map_{name}", x), wanted, x)
    assert error <= BOUND[name][library.dtype.itemsize == 8], f"{name}({at!r}): {error:.2f} units"


def test_silu_is_as_good_as_its_sigmoid(library: Library) -> None:
    """Within 4 units of u*sigmoid(u); where sigmoid is subnormal, 4 |u| times its unit."""
    x, sigmoids = references("sigmoid", library.dtype)
    got = library("map_silu", x)
    info = np.finfo(library.dtype)
    with precise():
        for u, value, s in zip(x, got, sigmoids, strict=True):
            true = ball(u) * s
            allowed = abs(true) * 4 * float(info.eps) + 4 * (1 + abs(ball(u))) * float(
                info.smallest_subnormal
            )
            assert abs(ball(value) - true) <= allowed, u


# -- two arguments ----------------------------------------------------------------------------


def _pairs(dtype: np.dtype[Any], most: float) -> tuple[Array, Array]:
    x = points(dtype)
    x = x[np.isfinite(x) & (np.abs(x) <= most)]
    random = np.random.default_rng(5)
    return random.permutation(x), random.permutation(x)


def test_times_exp(library: Library) -> None:
    """a exp(b) within 4 units, also where exp(b) itself overflows or is 0."""
    info = np.finfo(library.dtype)
    a, b = _pairs(library.dtype, float(info.max))
    random = np.random.default_rng(7)
    edge = float(np.log(info.max))
    meeting = random.uniform(-2.1 * edge, 2.1 * edge, len(a)).astype(library.dtype)
    for exponent in (np.clip(b, -2.3 * edge, 2.3 * edge), meeting):
        with precise():
            wanted = [ball(u) * ball(v).exp() for u, v in zip(a, exponent, strict=True)]
            error, at = worst_error(library("map_times_exp", a, exponent), wanted, a)
        assert error <= 4, f"times_exp({at!r}, ...)"


def test_logaddexp(library: Library) -> None:
    """Within 2 units of the larger of |a|, |b| and the value, where the logarithms cancel."""
    a, b = _pairs(library.dtype, 1e4)
    close = (a + np.linspace(-3, 3, len(a))).astype(library.dtype)
    eps, least = (float(getattr(np.finfo(library.dtype), k)) for k in ("eps", "smallest_subnormal"))
    for other in (b, close, a):
        got = library("map_logaddexp", a, other)
        with precise():
            for u, v, value in zip(a, other, got, strict=True):
                top, low = max(ball(u), ball(v)), min(ball(u), ball(v))
                true = top + (low - top).exp().log1p()
                size = max(abs(ball(u)), abs(ball(v)), abs(true))
                assert abs(ball(value) - true) <= 2 * eps * size + least, (u, v)


def test_power(library: Library) -> None:
    """The C library's pow: within 2 units for positive bases, NumPy's conventions elsewhere."""
    a, b = _pairs(library.dtype, 1e3)
    a, b = np.abs(a[a != 0]), b[a != 0]
    with precise():
        wanted = [(ball(u).log() * ball(v)).exp() for u, v in zip(a, b, strict=True)]
        error, at = worst_error(library("map_power", a, b), wanted, a)
    assert error <= 2, f"power({at!r}, ...)"
    special = np.array([0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, np.inf, -np.inf, np.nan], a.dtype)
    x, z = (m.ravel() for m in np.meshgrid(special, special))
    with np.errstate(all="ignore"):
        expected = np.power(x, z)
    np.testing.assert_array_max_ulp(library("map_power", x, z), expected, 1)


# -- the same as NumPy ------------------------------------------------------------------------

EXACT = (
    "add", "subtract", "multiply", "divide", "negative", "reciprocal", "square", "sqrt", "abs",
    "sign", "step", "relu", "leaky_relu",
)  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_equals_numpy(library: Library, name: str) -> None:
    x = points(library.dtype)
    z = np.random.default_rng(1).permutation(x)
    with np.errstate(all="ignore"):
        expected = ELEMENTWISE[name](x, z) if name in BINARY else ELEMENTWISE[name](x)
    np.testing.assert_array_equal(library(f"map_{name}", x, z), expected)


@pytest.mark.parametrize("name", UNARY)
def test_special_values(library: Library, name: str) -> None:
    """NaN, infinities, zeros and the ends of the numbers, as elementwise.py has them."""
    info = np.finfo(library.dtype)
    sizes = [0, np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal, 1, 2]
    x = np.array(sizes + [-s for s in sizes], library.dtype)
    got = library(f"map_{name}", x)
    with np.errstate(all="ignore"):
        expected = ELEMENTWISE[name](x)
    np.testing.assert_allclose(
        got, expected, rtol=64 * info.eps, atol=2 * float(info.smallest_subnormal)
    )
    assert np.isnan(got[np.isnan(x)]).all()


PAIRS: Sequence[tuple[str, float, float, float]] = (
    ("times_exp", 0.0, np.inf, 0.0),
    ("times_exp", 0.0, 1e4, 0.0),
    ("times_exp", np.inf, -np.inf, np.nan),
    ("times_exp", np.inf, -1e4, np.inf),
    ("times_exp", -np.inf, 1.0, -np.inf),
    ("times_exp", 1.0, -np.inf, 0.0),
    ("times_exp", -1.0, np.inf, -np.inf),
    ("times_exp", np.nan, 0.0, np.nan),
    ("times_exp", 0.0, np.nan, np.nan),
    ("logaddexp", np.inf, np.inf, np.inf),
    ("logaddexp", -np.inf, -np.inf, -np.inf),
    ("logaddexp", np.inf, -np.inf, np.inf),
    ("logaddexp", -np.inf, 3.0, 3.0),
    ("logaddexp", np.nan, 1.0, np.nan),
    ("logaddexp", 1.0, np.nan, np.nan),
    ("logaddexp", np.inf, np.nan, np.nan),
    ("v_max", np.nan, 1.0, np.nan),
    ("v_max", 1.0, np.nan, np.nan),
    ("v_max", 1.0, 2.0, 2.0),
    ("v_min", np.nan, 1.0, np.nan),
    ("v_min", 1.0, np.nan, np.nan),
    ("v_min", 1.0, 2.0, 1.0),
    ("v_copysign", 3.0, -0.0, -3.0),
    ("v_copysign", -3.0, 0.0, 3.0),
)


def test_special_pairs(library: Library) -> None:
    for name, a, b, expected in PAIRS:
        got = library(f"map_{name}", np.array([a]), np.array([b]))
        np.testing.assert_array_equal(got, np.array([expected], library.dtype), f"{name}({a}, {b})")


def test_signs_of_zeros(library: Library) -> None:
    """Odd functions keep the sign of a zero."""
    for name in ("tanh", "erf", "sin"):
        got = library(f"map_{name}", np.array([0.0, -0.0]))
        assert np.signbit(got).tolist() == [False, True], name


# -- lanes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*UNARY, *sorted(BINARY)])
def test_a_lane_depends_on_itself_alone(library: Library, name: str) -> None:
    """The same value in another lane, beside infinities, NaN and huge numbers."""
    x = points(library.dtype)
    z = x[::-1].copy()
    order = np.random.default_rng(2).permutation(len(x))
    first = library(f"map_{name}", x, z)[order]
    second = library(f"map_{name}", x[order], z[order])
    np.testing.assert_array_equal(first, second)


@given(data=st.data())
def test_sums_and_largest_lanes(build: Build, data: st.DataObject) -> None:
    for level in levels():
        for dtype in (np.float32, np.float64):
            library = build(level, dtype, ())
            lanes = library.lanes
            number = st.floats(-100, 100, width=32)
            drawn = data.draw(st.lists(number, min_size=lanes, max_size=lanes))
            x: Array = np.array(drawn, dtype)
            top, anywhere, *sums = library("sums", x, np.full(lanes, 50.0)).tolist()
            assert top == x.max()
            assert anywhere == (x > 50).any()
            halves = x
            while len(halves) > 1:
                halves = halves[: len(halves) // 2] + halves[len(halves) // 2 :]
            assert set(sums) <= {float(halves[0])}
            x[data.draw(st.integers(0, lanes - 1))] = np.nan
            assert np.isnan(library("sums", x)[0])


def test_some_lanes(library: Library) -> None:
    """Nothing is read or written beyond the count."""
    lanes = library.lanes
    for count in range(1, lanes):
        x = np.arange(1, 2 * lanes + 1)
        y = library("some", x, count=count)
        assert y[:count].tolist() == y[lanes : lanes + count].tolist() == x[:count].tolist()
        assert not y[count:lanes].any()
        assert not y[lanes + count :].any()


# -- other compilers and paths ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_c_gives_the_same_values(build: Build, dtype: type) -> None:
    """max, min and sqrt without the compiler's own names for the instructions."""
    level = levels()[0]
    usual, plain = build(level, dtype, ()), build(level, dtype, ("-DPLAIN_VECTORS",))
    x = points(usual.dtype)
    z = x[::-1].copy()
    for name in (*UNARY, *sorted(BINARY), "v_max", "v_min", "v_sqrt"):
        got, expected = (library(f"map_{name}", x, z) for library in (plain, usual))
        np.testing.assert_array_equal(got, expected, name)


def test_square_roots_are_one_instruction(build: Build, folder: Path) -> None:
    compiler = find_compiler({})
    for level in levels():
        if level.machine != "x86_64":
            continue
        source, target = folder / "root.c", folder / f"root_{level.name}.s"
        source.write_text(
            '#include "functions.h"\nvoid root(real *x);\n'
            "void root(real *x) { store(x, f_sqrt(load(x))); }\n"
        )
        command = [*compiler.command, *arguments(compiler, Options(level)), "-S"]
        assert compiled(source, target, command) == ""
        text = target.read_text()
        assert text.count("sqrtps") == 1, level.name
        assert "sqrtss" not in text


@pytest.mark.parametrize("level", LEVELS, ids=lambda v: v.name)
def test_compiles_with_clang_for_every_machine(folder: Path, level: Level) -> None:
    wheel = find_spec("ziglang")
    if wheel is None or wheel.origin is None:
        pytest.skip("ziglang is not installed")
    folder.joinpath("maps.c").write_text(SOURCE)
    command = [
        str(Path(wheel.origin).with_name("zig")), "cc", "-target", f"{level.machine}-linux-gnu",
        "-O3", "-std=gnu11", "-ffp-contract=fast", *level.flags, "-c", "-fPIC",
        f"-DVECTOR_BYTES={level.vector_bytes}",
    ]  # fmt: skip
    for double in (0, 1):
        target = folder / f"clang_{level.name}_{double}.o"
        assert compiled(folder / "maps.c", target, [*command, f"-DREAL_IS_DOUBLE={double}"]) == ""
        assert target.stat().st_size > 0
