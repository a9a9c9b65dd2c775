"""Finding the C compiler and the CPU's vectors, and building: whatever stands in the way."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from backprove.errors import DataError
from backprove.run.c import compiler
from backprove.run.c.compiler import LEVELS, Compiler, Level, Options, Refused, Unavailable

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="compiled programs are for Linux so far"
)

ANSWER = '__attribute__((visibility("default"))) int answer(void) { return 42; }\n'
MACHINE = os.uname().machine
GCC_SAYS = f"echo 'Target: {MACHINE}-linux-gnu'\necho 'gcc version 12.2.0 (made up)'\n"


def script(folder: Path, name: str, body: str) -> Path:
    """A program of a few shell lines."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}", encoding="utf-8")
    file.chmod(0o755)
    return file


def use(monkeypatch: pytest.MonkeyPatch, *, path: Path | str = "", named: str = "") -> None:
    """Programs are looked for in `path` alone; the ziglang wheel is not there."""
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv(compiler.VARIABLE, named)
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)


@pytest.fixture
def real() -> Compiler:
    try:
        return compiler.find_compiler({})
    except Unavailable as error:
        pytest.skip(f"no C compiler: {error.message}")


@pytest.fixture
def options() -> Options:
    return Options(compiler.levels()[-1])


# -- the CPU --------------------------------------------------------------------------------

SKYLAKE = "fpu sse2 avx avx2 fma avx512f avx512dq avx512cd avx512bw avx512vl"


@pytest.mark.parametrize(
    ("machine", "flags", "wanted"),
    [
        ("x86_64", SKYLAKE, [64, 32, 16]),
        ("x86_64", "fpu sse2 avx avx2 fma avx512f avx512cd", [32, 16]),  # Knights Landing
        ("x86_64", "fpu sse2 avx avx2", [16]),  # no fused multiply-add
        ("x86_64", "", [16]),
        ("aarch64", "fp asimd", [16]),
    ],
)
def test_levels_need_all_their_instructions(machine: str, flags: str, wanted: list[int]) -> None:
    known = frozenset(flags.split())
    assert [v.vector_bytes for v in LEVELS if v.machine == machine and v.needs <= known] == wanted


def test_this_cpu_has_the_baseline() -> None:
    found = compiler.levels()
    assert found[-1].vector_bytes == 16
    assert {level.machine for level in found} == {MACHINE}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("vendor\t: x\nflags\t\t: fpu avx2 fma\nbugs\t: none\n\nflags\t: b\n", "avx2 fma fpu"),
        ("x" * 5000 + "\nflags\t: a " + "b" * 9000 + " c\n", "a " + "b" * 9000 + " c"),
        ("flags\t: no end", "end no"),
        ("Features\t: fp asimd\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_cpu_flags(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert " ".join(sorted(compiler.cpu_flags(str(tmp_path / "cpuinfo")))) == wanted


def test_cpu_flags_without_the_file() -> None:
    assert compiler.cpu_flags("/nonexistent") == frozenset()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_said_to_be_untested(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    compiler.levels.cache_clear()
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(Unavailable, match=f"tested on Linux only, not on {platform}"):
        compiler.levels()


# -- finding --------------------------------------------------------------------------------


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, path=tmp_path)
    with pytest.raises(Unavailable, match="there is no C compiler") as told:
        compiler.find_compiler({})
    assert "pip install ziglang" in told.value.suggestion


def test_the_variable_goes_first_and_stands_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(tmp_path, "cc", GCC_SAYS)
    mine = script(tmp_path, "my compiler", GCC_SAYS)
    use(monkeypatch, path=tmp_path, named=str(mine))
    assert compiler.find_compiler({}).command == (str(mine),)
    use(monkeypatch, path=tmp_path, named="cc -m64")
    assert compiler.find_compiler({}).command == (str(tmp_path / "cc"), "-m64")
    use(monkeypatch, path=tmp_path, named="nothing-like-it")
    with pytest.raises(Unavailable, match="names 'nothing-like-it', which is no program"):
        compiler.find_compiler({})


@pytest.mark.parametrize("broken", ["exit 1\n", f"{GCC_SAYS}exit 1\n", "echo hello\n"])
def test_one_that_is_broken_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    script(tmp_path, "cc", broken)
    good = script(tmp_path, "clang", GCC_SAYS.replace("gcc", "clang"))
    use(monkeypatch, path=tmp_path)
    found = compiler.find_compiler({})
    assert (found.command, found.kind, found.version) == ((str(good),), "clang", "12.2.0 (made up)")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 1\n", "does not answer as GCC or Clang do"),
        ("head -c 100000 /dev/urandom\n", "does not answer as GCC or Clang do"),
        ("exec yes\n", "does not answer as GCC or Clang do"),
        ("sleep 60 & sleep 60\n", "does not answer as GCC or Clang do"),
        ("echo 'Target: m68k-linux-gnu'; echo 'gcc version 12'\n", "compiles for m68k-linux-gnu"),
    ],
)
def test_broken_compilers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, reason: str
) -> None:
    file = script(tmp_path, "cc", body)
    monkeypatch.setattr(compiler, "_ASK_SECONDS", 0.3)
    monkeypatch.setenv(compiler.VARIABLE, str(file))
    for _ in range(2):
        with pytest.raises(Unavailable, match=reason):
            compiler.find_compiler({})
        file.write_bytes(file.read_bytes())  # the same program again


def test_one_that_is_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "cc"
    file.write_bytes(b"\x00\x01\x02")
    file.chmod(0o755)
    monkeypatch.setenv(compiler.VARIABLE, str(file))
    with pytest.raises(Unavailable, match="does not answer"):
        compiler.find_compiler({})


def test_what_is_remembered_starts_no_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = script(tmp_path, "cc", f"echo asked >> {tmp_path}/log\n{GCC_SAYS}")
    use(monkeypatch, path=f"{tmp_path}:/bin:/usr/bin", named=str(file))
    remembered: dict[str, Any] = {}
    first = compiler.find_compiler(remembered)
    assert compiler.find_compiler(remembered) == first
    assert (tmp_path / "log").read_text() == "asked\n"
    script(tmp_path, "cc", f"echo asked >> {tmp_path}/log\n{GCC_SAYS.replace('12.2', '13.10')}")
    assert compiler.find_compiler(remembered).version == "13.10.0 (made up)"
    assert (tmp_path / "log").read_text() == "asked\nasked\n"


@pytest.mark.parametrize("memory", [{}, None, [], [1, 2], "text", [0, 0, "gcc", "1", "x"]])
def test_a_memory_of_nonsense_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, memory: object
) -> None:
    file = script(tmp_path, "cc", GCC_SAYS)
    use(monkeypatch, named=str(file))
    assert compiler.find_compiler({str(file): memory}).version == "12.2.0 (made up)"


# -- building -------------------------------------------------------------------------------


def test_a_build_for_each_level(real: Compiler, tmp_path: Path) -> None:
    for level in compiler.levels():
        for double in (False, True):
            text = (
                f"_Static_assert(VECTOR_BYTES == {level.vector_bytes}, ``width``);\n"
                f"_Static_assert(REAL_IS_DOUBLE == {int(double)}, ``real``);\n"
            ).replace("``", '"')
            made = compiler.build(text + ANSWER, real, Options(level, double), tmp_path)
            assert made.read_bytes()[:4] == b"\x7fELF"
    # loaded last: another library of this name would be taken for it
    assert ctypes.CDLL(str(made)).answer() == 42


HALVES = (
    f"int half(void);\n{ANSWER.replace('42', '2 * half()')}",
    "int half(void); int half(void) { return 21; }",
)


def test_units_of_one_library(real: Compiler, options: Options, tmp_path: Path) -> None:
    first, other = HALVES
    made = compiler.build(first, real, options, tmp_path, beside=(other,))
    library = ctypes.CDLL(str(made))
    assert library.answer() == 42
    assert not hasattr(library, "half"), "what units share is not seen from outside"
    for beside in ((), ("int half(void) { return missing; }",)):
        (tmp_path / str(len(beside))).mkdir()
        with pytest.raises(Refused, match=r"error"):
            compiler.build(first, real, options, tmp_path / str(len(beside)), beside=beside)


def test_programs_beside_each_other_end_together(tmp_path: Path) -> None:
    said = compiler.run_beside(
        [["sh", "-c", "echo one; exit 3"], ["sleep", "60"], [str(tmp_path / "missing")]],
        tmp_path, 0.3,
    )  # fmt: skip
    assert [status for status, _ in said] == [3, compiler.TIMED_OUT, -1]
    assert said[0][1] == "one\n"
    assert "missing" in said[2][1]


@pytest.mark.parametrize(
    "text",
    ["int f(void) { return missing; }", "#error no", "int g(int); int f(void) { return g(1); }"],
)
def test_a_text_that_is_refused(
    real: Compiler, options: Options, tmp_path: Path, text: str
) -> None:
    with pytest.raises(DataError, match=r"refused a program:.*(library|error|undefined)") as told:
        compiler.build(text, real, options, tmp_path)
    assert isinstance(told.value, Refused)
    assert len(told.value.message.splitlines()) <= 4


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'fatal error: math.h: No such file'; exit 1\n", "math.h: No such file"),
        ("exit 0\n", "does not compile: it says nothing"),
        ("sleep 60\n", "did not end within"),
        ("exec yes\n", "did not end within"),
        ("kill -SEGV $$\n", "does not compile"),
    ],
)
def test_a_compiler_that_compiles_nothing(
    tmp_path: Path, options: Options, body: str, reason: str
) -> None:
    command = (str(script(tmp_path, "cc", body)),)
    broken = Compiler(command, "gcc", "1", "x86_64-linux-gnu")
    with pytest.raises(Unavailable, match=reason):
        compiler.build(ANSWER, broken, options, tmp_path, seconds=0.3)


def test_its_children_are_ended_with_it(tmp_path: Path) -> None:
    body = f"sleep 47.11 & echo $! > {tmp_path}/child\nwait\n"
    status, _ = compiler.run([str(script(tmp_path, "cc", body))], tmp_path, 0.5)
    assert status == compiler.TIMED_OUT
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    for _ in range(200):
        # gone, or a zombie that nobody has asked after
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("the compiler's child lives on")


def test_flags_are_explicit_and_never_fast() -> None:
    for kind in ("gcc", "clang", "zig"):
        for level in LEVELS:
            some = Compiler(("cc",), kind, "1", "any")
            given = compiler.arguments(some, Options(level, double=True))
            assert not compiler.FORBIDDEN & {*given}
            assert f"-DVECTOR_BYTES={level.vector_bytes}" in given
            assert "-DREAL_IS_DOUBLE=1" in given
            assert {*level.flags} <= {*given}
            assert any("x86_64" in f or "x86-64" in f for f in given) == (level.machine == "x86_64")


@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast", "-march=native"])
def test_forbidden_flags_are_refused(flag: str) -> None:
    level = Level("plain", MACHINE, 16)
    plain = Compiler(("cc",), "gcc", "1", "any")
    with pytest.raises(DataError, match=f"must not be given {flag}"):
        compiler.arguments(plain, Options(level, flags=(flag,)))
    with pytest.raises(DataError, match=f"must not be given {flag}"):
        compiler.arguments(Compiler(("cc", flag), "gcc", "1", "any"), Options(level))


def test_the_compiler_in_the_ziglang_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    pytest.importorskip("ziglang", reason="the ziglang wheel is not installed")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(compiler.VARIABLE, raising=False)
    cache = pytestconfig.cache
    if cache is not None:  # what zig makes for itself takes it seconds; it is kept between runs
        monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(cache.mkdir("zig")))
    zig = compiler.find_compiler({})
    assert zig.kind == "zig"
    said: list[str] = []
    options = Options(compiler.levels()[-1])
    keep = tmp_path / "zig"
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        first, other = HALVES
        made = compiler.build(
            first, zig, options, folder, beside=(other,), keep=keep, announce=said.append
        )
        assert ctypes.CDLL(str(made)).answer() == 42
    assert len(said) == 1, "its first use is announced, the second is quick"
    assert "zig prepares" in said[0]
