"""The C compiler of this system, the vectors of its CPU, and one build.

Everything is found out by reading files; the compiler is run once to say what it is, which the
caller may remember, and then only to build.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from time import monotonic
from typing import Any, TypeAlias

from ...errors import DataError

Announce: TypeAlias = Callable[[str], None]
"""Is told, in a sentence, what the user should know of a wait or a fallback."""


class Unavailable(DataError):
    """Nothing can be compiled here; the message says why. The caller falls back to NumPy."""


class Refused(DataError):
    """A compiler that works refused our text. The caller falls back to NumPy unless C was asked
    for; it is no Unavailable, as the fault may be ours and should be seen."""


# -- the CPU --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """Instructions to compile for. vector_bytes: a vector's size; needs: the CPU's flags."""

    name: str
    machine: str
    vector_bytes: int
    needs: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()


LEVELS = (
    Level(
        "avx512",
        "x86_64",
        64,
        frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx2", "fma"}),
        ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma",
         "-mprefer-vector-width=512"),
    ),
    Level("avx2", "x86_64", 32, frozenset({"avx2", "fma"}), ("-mavx2", "-mfma")),
    Level("sse2", "x86_64", 16),
    Level("neon", "aarch64", 16),
)  # fmt: skip
"""Widest first. Flags are explicit, as -march=native would depend on more than is in the key."""


@lru_cache
def levels() -> tuple[Level, ...]:
    """The levels that this CPU has, widest first. Raises Unavailable where there is none."""
    if sys.platform != "linux":
        raise Unavailable(f"compiled programs are tested on Linux only, not on {sys.platform}")
    machine = os.uname().machine
    flags = cpu_flags()
    found = tuple(v for v in LEVELS if v.machine == machine and v.needs <= flags)
    if not found or sys.maxsize < 2**32:
        raise Unavailable(f"compiled programs are tested on 64-bit x86 and ARM, not on {machine}")
    return found


def cpu_flags(file: str = "/proc/cpuinfo") -> frozenset[str]:
    """What the first CPU can do, in the kernel's words; empty where the file does not say."""
    text = b""
    with suppress(OSError), open(file, "rb", buffering=0) as lines:
        # only as far as needed: on large machines the whole file takes milliseconds
        while (part := lines.read(4096)) and not re.search(rb"^flags\s*:.*\n", text, re.MULTILINE):
            text += part
    line = re.search(rb"^flags\s*:(.*)$", text, re.MULTILINE)
    return frozenset(line[1].decode("ascii", "replace").split()) if line else frozenset()


# -- the compiler ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Compiler:
    """A C compiler. command: how it is called; kind: gcc, clang or zig; target: its ABI."""

    command: tuple[str, ...]
    kind: str
    version: str
    target: str

    @property
    def identity(self) -> str:
        """What a built library depends on."""
        return f"{self.kind} {self.version} {self.target}"


VARIABLE = "BACKPROVE_CC"
_MISSING = f"install gcc or clang, or `pip install ziglang`; {VARIABLE} names another"
_ASK_SECONDS = 10.0

_BROKEN: dict[tuple[str, int, int], str] = {}
"""Compilers of this process that do not answer, by file, time and size: not asked again."""


def find_compiler(remembered: MutableMapping[str, Any]) -> Compiler:
    """The compiler to use: $BACKPROVE_CC, else cc, gcc or clang, else the ziglang wheel's.

    remembered: what earlier calls found out, by command, valid while the file keeps its time
    and size; added to. Then no process is started. Raises Unavailable where there is none.
    """
    reasons = []
    for command in _candidates():
        try:
            return _identified(command, remembered)
        except Unavailable as error:
            reasons.append(error.message)
    raise Unavailable("; ".join(reasons) or "there is no C compiler", _MISSING)


def _candidates() -> Iterator[tuple[str, ...]]:
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        words = [named] if which(named) else named.split()
        path = which(words[0])
        if path is None:
            raise Unavailable(f"{VARIABLE} names {named!r}, which is no program", _MISSING)
        yield os.path.abspath(path), *words[1:]
        return
    for name in ("cc", "gcc", "clang"):
        path = which(name)
        if path is not None:
            yield (os.path.abspath(path),)
    wheel = find_spec("ziglang")
    if wheel is not None and wheel.origin is not None:
        zig = Path(wheel.origin).with_name("zig")
        if zig.is_file():
            yield str(zig), "cc"


def _is_zig(words: Sequence[str]) -> bool:
    return Path(words[0]).name.startswith("zig") and list(words[1:2]) == ["cc"]


def _identified(command: tuple[str, ...], remembered: MutableMapping[str, Any]) -> Compiler:
    try:
        state = os.stat(command[0])
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be read: {error.strerror}") from None
    name, time, size = " ".join(command), state.st_mtime_ns, state.st_size
    known = remembered.get(name)
    if isinstance(known, list) and known[:2] == [time, size] and len(known) == 5:
        return Compiler(command, *map(str, known[2:]))
    file = (name, time, size)
    if file in _BROKEN:
        raise Unavailable(_BROKEN[file])
    try:
        compiler = _asked(command)
    except Unavailable as error:
        _BROKEN[file] = error.message
        raise
    remembered[name] = [time, size, compiler.kind, compiler.version, compiler.target]
    return compiler


def _asked(command: tuple[str, ...]) -> Compiler:
    status, said = run([*command, "-v"], None, _ASK_SECONDS)
    version = re.search(r"^.*?\b(gcc|clang) version (.+?)\s*$", said, re.MULTILINE)
    target = re.search(r"^Target: (\S+)", said, re.MULTILINE)
    if status or version is None or target is None:
        raise Unavailable(f"{' '.join(command)} does not answer as GCC or Clang do")
    machine = os.uname().machine
    if target[1].partition("-")[0] != machine:
        raise Unavailable(f"{' '.join(command)} compiles for {target[1]}, not for {machine}")
    kind = "zig" if _is_zig(command) else version[1]
    return Compiler(command, kind, version[2], target[1])


# -- a build --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """level: the instructions; double: whether `real` is double; flags: further ones."""

    level: Level
    double: bool = False
    flags: tuple[str, ...] = ()


_FLAGS = (
    "-O3", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
    "-fPIC", "-fvisibility=hidden", "-pthread",
)  # fmt: skip

_LINKING = ("-shared", "-Wl,-z,defs")  # what is missing is missed when linking, not when loading


FORBIDDEN = frozenset({
    "-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-ffinite-math-only", "-mdaz-ftz",
    "-march=native", "-mcpu=native", "-fopenmp",
})  # fmt: skip
"""Merely loading a library linked with -ffast-math flushes the denormals of the whole process."""

_BUILD_SECONDS = 60.0
_FIRST_SECONDS = 600.0

_PROBE = """\
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
double probe(double x);
double probe(double x) { return sqrt(x); }
"""


def arguments(compiler: Compiler, options: Options) -> tuple[str, ...]:
    """The compiler's arguments, files aside. Raises DataError for a forbidden one."""
    level = options.level
    given = (
        *_FLAGS,
        *_LINKING,
        *_flags_of(compiler, level.machine),
        *level.flags,
        f"-DVECTOR_BYTES={level.vector_bytes}",
        f"-DREAL_IS_DOUBLE={int(options.double)}",
        *options.flags,
    )
    for flag in (*compiler.command, *given):
        if flag in FORBIDDEN:
            raise DataError(f"the C compiler must not be given {flag}", f"mend {VARIABLE}")
    return given


def _flags_of(compiler: Compiler, machine: str) -> tuple[str, ...]:
    if compiler.kind == "zig":
        if "-target" in compiler.command:
            return ()
        # without it, zig compiles for this very CPU; NumPy needs that version of glibc too
        libc = "gnu.2.28" if libc_version() else "musl"
        return "-target", f"{machine}-linux-{libc}"
    plain = ("-march=x86-64",) if machine == "x86_64" else ()
    # gcc's partial redundancy elimination makes the kernels' accumulators spill to memory
    return (*plain, "-fno-tree-pre") if compiler.kind == "gcc" else plain


def libc_version() -> str:
    """ "glibc 2.36", or "" with another C library."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ""


def build(
    text: str,
    compiler: Compiler,
    options: Options,
    folder: Path,
    *,
    beside: Sequence[str] = (),
    keep: Path | None = None,
    announce: Announce = lambda sentence: None,
    seconds: float = _BUILD_SECONDS,
) -> Path:
    """Compile C text in a private folder of the caller's; returns the shared library's path.

    beside: further units of the same library, compiled at the same time. keep: where zig keeps
    what it makes for itself. seconds: the time limit. Raises Unavailable
    where the compiler cannot compile anything, Refused with its first lines where it refuses
    this text, OSError where the folder cannot be written.
    """
    zig = keep or folder
    mark = zig / f"zig is ready for {options.level.name}"
    first = compiler.kind == "zig" and not mark.exists()
    if first:
        announce("zig prepares its own libraries for this CPU: some seconds, this once")
        seconds = max(seconds, _FIRST_SECONDS)
    status, said = _compiled("library", (text, *beside), compiler, options, folder, zig, seconds)
    made = folder / "library.so"
    if status == 0 and made.is_file():
        if first:
            with suppress(OSError):
                zig.mkdir(exist_ok=True)
                mark.touch()
        return made
    # Whose fault is it? One that cannot build the least library has no headers, linker, room, …
    limit = min(seconds, _ASK_SECONDS) if status == TIMED_OUT else seconds
    trial, words = _compiled("probe", (_PROBE,), compiler, options, folder, zig, limit)
    if trial or not (folder / "probe.so").is_file():
        raise Unavailable(f"{compiler.command[0]} does not compile: {_first_lines(words)}")
    raise Refused(f"{compiler.command[0]} refused a program: {_first_lines(said)}")


def _compiled(
    name: str,
    texts: Sequence[str],
    compiler: Compiler,
    options: Options,
    folder: Path,
    zig: Path,
    seconds: float,
) -> tuple[int, str]:
    """Make the library `name`.so of these units: the status and words of the first that fails."""
    end = monotonic() + seconds
    given = arguments(compiler, options)
    units = [f"{name}{number or ''}" for number in range(len(texts))]
    for unit, text in zip(units, texts, strict=True):
        (folder / f"{unit}.c").write_text(text, encoding="utf-8")
    parts = [f"{unit}.c" for unit in units]
    if len(units) > 1:
        alone = [word for word in given if word not in _LINKING]
        commands = [
            [*compiler.command, *alone, "-c", "-o", f"{unit}.o", f"{unit}.c"] for unit in units
        ]
        for status, said in run_beside(commands, folder, seconds, zig):
            if status:
                return status, said
        parts = [f"{unit}.o" for unit in units]
    command = [*compiler.command, *given, "-o", f"{name}.so", *parts, "-lm"]
    return run(command, folder, max(0.0, end - monotonic()), zig)


def _first_lines(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line]
    return "\n  ".join((errors or lines)[:4])[:1000] or "it says nothing"


TIMED_OUT = -1000
"""The status of a program that was ended because its time was up."""

_MOST_OUTPUT = 2**20


def run(
    command: list[str], folder: Path | None, seconds: float, zig: Path | None = None
) -> tuple[int, str]:
    """Run a program; returns its exit status and what it said (a megabyte at most).

    It and its children are ended when the time is up, and when the caller is interrupted.
    """
    (found,) = run_beside([command], folder, seconds, zig)
    return found


def run_beside(
    commands: Iterable[list[str]], folder: Path | None, seconds: float, zig: Path | None = None
) -> list[tuple[int, str]]:
    """Run programs at the same time; what `run` returns for each."""
    surroundings = {**os.environ, "LC_ALL": "C"}
    if folder is not None:
        surroundings["TMPDIR"] = str(folder)
        surroundings["ZIG_LOCAL_CACHE_DIR"] = str(folder)
    if zig is not None:
        surroundings.setdefault("ZIG_GLOBAL_CACHE_DIR", str(zig))
    with ExitStack() as running:
        ends = [
            running.enter_context(_started(command, folder, surroundings, seconds))
            for command in commands
        ]
        return [end() for end in ends]


@contextmanager
def _started(
    command: list[str], folder: Path | None, surroundings: Mapping[str, str], seconds: float
) -> Iterator[Callable[[], tuple[int, str]]]:
    """A program that runs meanwhile; what is given waits for its end, and says what `run` does."""
    import subprocess  # here: a start from the cache needs no process, and it loads slowly

    try:
        process = subprocess.Popen(
            command, cwd=folder, env=surroundings, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        reason = f"{command[0]}: {error.strerror or error}"
        yield lambda: (-1, reason)
        return
    assert process.stdout is not None
    output, limit = process.stdout, monotonic() + seconds

    def end() -> tuple[int, str]:
        try:
            said = _all_said(output.fileno(), limit)
            return process.wait(max(0.0, limit - monotonic())), said
        except (TimeoutError, subprocess.TimeoutExpired):
            return TIMED_OUT, f"it did not end within {seconds:g} seconds"

    try:
        with output:
            yield end
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _all_said(pipe: int, end: float) -> str:
    """What comes out of a pipe until it closes. Raises TimeoutError at the end of the time."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    said = bytearray()
    while poll.poll(max(0.0, end - monotonic()) * 1000):
        part = os.read(pipe, 65536)
        if not part:
            return said.decode("utf-8", "replace")
        if len(said) < _MOST_OUTPUT:
            said += part
    raise TimeoutError
