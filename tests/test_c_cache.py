"""Built libraries kept between runs: found again, never believed, safe with several processes."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backprove.errors import DataError
from backprove.run.c import cache, compiler
from backprove.run.c.cache import Loaded
from backprove.run.c.compiler import Options, Refused, Unavailable

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="compiled programs are for Linux so far"
)

EXPORTED = '__attribute__((visibility("default")))'


def text(number: int) -> str:
    return f"{EXPORTED} int answer(void) {{ return {number}; }}\n"


class Asked:
    """Writes the C of a library that answers a number; counts how often it was asked to."""

    def __init__(self, number: int = 42) -> None:
        self.number, self.times = number, 0

    def __call__(self) -> str:
        self.times += 1
        return text(self.number)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own, and a process that remembers nothing."""
    try:
        compiler.find_compiler({})
    except Unavailable as error:
        pytest.skip(f"no C compiler: {error.message}")
    own = tmp_path / "cache"
    monkeypatch.setenv("BACKPROVE_CACHE", str(own))
    forget()
    yield own
    forget()


def forget() -> None:
    """As a new process would."""
    cache._LOADED.clear()
    cache._SAID.clear()
    cache._REFUSED.clear()


def library(make: Callable[[], str], key: str = "program", **more: Any) -> Loaded:
    forget()
    return cache.library([key], lambda: (make(),), **more)


def the_file(folder: Path) -> Path:
    (file,) = (folder / "libraries").iterdir()
    return file


# -- kept and found -------------------------------------------------------------------------


def test_built_once_then_found(folder: Path) -> None:
    make = Asked()
    first = library(make)
    assert (first.handle.answer(), first.built, first.kept) == (42, True, True)
    second = library(make)
    assert (second.handle.answer(), second.built, second.kept) == (42, False, True)
    assert make.times == 1, "the key is known before any C is written"
    assert cache.library(["program"], make) is second, "a process loads a library once"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "libraries").stat().st_mode & 0o777 == 0o700
    assert the_file(folder).name == f"{first.key}.so"
    assert the_file(folder).stat().st_mode & 0o777 == 0o600


def test_a_start_from_the_cache_runs_no_program(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    make = Asked()
    library(make)

    def none(*arguments: object) -> tuple[int, str]:
        raise AssertionError("a program was started")

    monkeypatch.setattr(compiler, "run", none)
    assert not library(make).built


def test_the_key_holds_all_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    level = compiler.levels()[-1]
    gcc = compiler.Compiler(("cc",), "gcc", "12.2.0", "x86_64-linux-gnu")
    newer = compiler.Compiler(("cc",), "gcc", "13.1.0", "x86_64-linux-gnu")
    musl = compiler.Compiler(("cc",), "gcc", "12.2.0", "x86_64-linux-musl")
    keys = {
        cache._key(["a", "b"], gcc, Options(level)),
        cache._key(["ab"], gcc, Options(level)),
        cache._key(["a", "b"], newer, Options(level)),
        cache._key(["a", "b"], musl, Options(level)),
        cache._key(["a", "b"], gcc, Options(level, double=True)),
        cache._key(["a", "b"], gcc, Options(level, flags=("-DX=1",))),
        *(cache._key(["a", "b"], gcc, Options(other)) for other in compiler.LEVELS),
    }
    for name, value in (
        ("FORMAT", cache.FORMAT + 1),
        ("kernels_digest", lambda: "other kernels"),
        ("libc_version", lambda: "another C library"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(cache, name, value)
            keys.add(cache._key(["a", "b"], gcc, Options(level)))
    # this level is among all of them
    assert len(keys) == 6 + len(compiler.LEVELS) - 1 + 3


def test_the_kernels_are_all_in_the_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = set()
    monkeypatch.setattr(cache, "KERNELS", tmp_path)
    for name, content in (("a.h", "1"), ("a.h", "2"), ("b.h", "2"), ("b.h", "")):
        (tmp_path / name).write_text(content)
        cache.kernels_digest.cache_clear()
        seen.add(cache.kernels_digest())
    cache.kernels_digest.cache_clear()
    assert len(seen) == 4


def test_each_library_is_its_own(folder: Path) -> None:
    """The loader knows libraries by path, and numbers of open files are used again."""
    loaded = [library(Asked(number), str(number)) for number in range(12)]
    assert [each.handle.answer() for each in loaded] == list(range(12))


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"BACKPROVE_CACHE": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b"),
        ({"BACKPROVE_CACHE": "~/b"}, "/home/me/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/backprove"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/backprove"),
        ({}, "/home/me/.cache/backprove"),
    ],
)
def test_where_the_folder_is(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("BACKPROVE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, variables.get(name, ""))
    assert str(cache.cache_folder()) == wanted


# -- files that are not what was kept -------------------------------------------------------


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def altered(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)


def altered_digest(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def linked(file: Path) -> None:
    elsewhere = file.with_name("elsewhere")
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def writable_by_others(file: Path) -> None:
    file.chmod(0o666)


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def anothers(file: Path) -> None:
    """A library that was kept under another key."""
    mine = file.read_bytes()
    library(Asked(7), "another")
    (other,) = (f for f in file.parent.iterdir() if f != file)
    file.write_bytes(other.read_bytes())
    assert file.read_bytes() != mine


@pytest.mark.parametrize(
    "spoil",
    [truncated, emptied, altered, altered_digest, linked, writable_by_others, a_pipe, anothers],
)
def test_a_spoilt_library_is_built_again(folder: Path, spoil: Callable[[Path], None]) -> None:
    make = Asked()
    library(make)
    file = the_file(folder)
    spoil(file)
    again = library(make)
    assert (again.handle.answer(), again.built, again.kept) == (42, True, True)
    assert not file.is_symlink()
    assert not library(make).built, "what was built again is found again"


def test_a_file_of_another_user_is_not_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(Asked())
    file = the_file(folder)
    assert cache._read(file, 2**20) == file.read_bytes()
    monkeypatch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
    assert cache._read(file, 2**20) is None


def test_a_folder_in_the_place_of_a_library(folder: Path) -> None:
    make = Asked()
    file = folder / "libraries" / f"{library(make).key}.so"
    file.unlink()
    file.mkdir()
    said: list[str] = []
    again = library(make, announce=said.append)
    assert (again.handle.answer(), again.built, again.kept) == (42, True, False)
    assert len(said) == 1
    assert said[0].startswith("a built library was not kept")


def test_a_library_outlives_its_file(folder: Path) -> None:
    """Loading from the file would end in SIGBUS here."""
    loaded = library(Asked())
    with open(the_file(folder), "r+b") as file:
        file.truncate(0)
    assert loaded.handle.answer() == 42


# -- folders that cannot be used ------------------------------------------------------------


def group_writable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def inner_group_writable(folder: Path) -> None:
    (folder / "libraries").mkdir(parents=True)
    (folder / "libraries").chmod(0o770)


def inner_link(folder: Path) -> None:
    folder.mkdir()
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    (folder / "libraries").symlink_to(folder.parent / "elsewhere")


def a_file(folder: Path) -> None:
    folder.write_text("no folder")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (group_writable, "can be written by other users"),
        (inner_group_writable, "can be written by other users"),
        (inner_link, "is no folder"),
        (a_file, "File exists"),
    ],
)
def test_a_folder_that_is_refused(
    folder: Path, prepare: Callable[[Path], None], reason: str
) -> None:
    prepare(folder)
    make = Asked()
    said: list[str] = []
    forget()
    for key in ("one", "two"):
        loaded = cache.library([key], lambda: (make(),), announce=said.append)
        assert (loaded.handle.answer(), loaded.built, loaded.kept) == (42, True, False)
    assert len(said) == 1, "it is said once"
    assert said[0].startswith("built libraries are not kept: ")
    assert reason in said[0]
    assert make.times == 2


def test_a_folder_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(Asked())
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    said: list[str] = []
    loaded = library(Asked(), announce=said.append)
    assert (loaded.handle.answer(), loaded.built, loaded.kept) == (42, True, False)
    assert "belongs to another user" in said[0]


def test_a_link_to_a_folder_of_ones_own_is_good(folder: Path) -> None:
    (folder.parent / "larger disk").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "larger disk")
    assert library(Asked()).kept


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("BACKPROVE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", homeless)
    assert not library(Asked()).kept


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    assert not library(Asked()).kept


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuses(*arguments: object, **more: object) -> None:
        raise OSError(number, os.strerror(number), "/the/folder")

    monkeypatch.setattr(os, "makedirs", refuses)
    said: list[str] = []
    assert not library(Asked(), announce=said.append).kept
    assert said == [
        f"built libraries are not kept: /the/folder: {os.strerror(number)};"
        " BACKPROVE_CACHE names another folder"
    ]


@pytest.mark.parametrize("place", ["mkstemp", "open", "replace"])
def test_a_full_disk_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full:
        """An open file on a full disk."""

        def __init__(self, handle: int, mode: str) -> None:
            self.handle = handle

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *reason: object) -> None:
            os.close(self.handle)

        def write(self, content: bytes) -> None:
            full()

    make = Asked()
    file = folder / "libraries" / f"{library(make).key}.so"
    file.unlink()
    said: list[str] = []
    with monkeypatch.context() as patch:
        if place == "mkstemp":
            patch.setattr(cache, "mkstemp", full)
        elif place == "open":
            patch.setattr(cache, "_read", lambda *arguments: None)
            patch.setattr(cache, "_load", lambda binary: ctypes.CDLL(None))
            patch.setattr(cache, "open", Full, raising=False)
        else:
            patch.setattr(os, "replace", full)
        assert not library(make, announce=said.append).kept
    assert any("No space left on device" in sentence for sentence in said)
    assert list((folder / "libraries").iterdir()) == []
    assert library(make).kept, "it is kept once there is room"


def test_no_room_for_temporary_files(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The cache's own disk serves then; where it does not, that is said."""

    class Nowhere:
        def __init__(self, prefix: str, dir: Path | None) -> None:
            self.dir = dir

        def __enter__(self) -> str:
            if self.dir is None or full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return str(self.dir)

        def __exit__(self, *reason: object) -> None:
            pass

    monkeypatch.setattr(cache, "TemporaryDirectory", Nowhere)
    full = False
    assert library(Asked(), "one").handle.answer() == 42
    full = True
    with pytest.raises(Unavailable, match="no folder for temporary files: No space left"):
        library(Asked(), "two")


def test_a_system_without_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "memfd_create", missing)
    assert library(Asked(8)).handle.answer() == 8
    assert library(Asked(9), "other").handle.answer() == 9


# -- compilers that do not compile ----------------------------------------------------------

ANSWERS = f"""#!/bin/sh
if [ "$*" = -v ]; then
  echo 'Target: {os.uname().machine}-linux-gnu'; echo 'gcc version 12.2.0'; exit 0
fi
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 1\n", "does not compile"),
        ("echo garbage > $out\n", "no whole library"),
        (": > $out\n", "no whole library"),
        (r"printf '\177ELF\002%01000d' 7 > $out" + "\n", "no whole library|does not load"),
    ],
)
def test_a_compiler_that_makes_no_library(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    script = tmp_path / "cc"
    script.write_text(ANSWERS + body)
    script.chmod(0o755)
    monkeypatch.setenv(compiler.VARIABLE, str(script))
    with pytest.raises(Unavailable, match=reason):
        library(Asked())


def test_half_a_library_is_not_whole(folder: Path) -> None:
    library(Asked())
    binary = the_file(folder).read_bytes()[: -cache._DIGEST]
    assert cache._whole(binary)
    for length in (0, 5, 63, 64, len(binary) // 2, len(binary) - 1):
        assert not cache._whole(binary[:length])


def test_a_text_with_a_mistake_is_an_error_not_a_fallback(folder: Path) -> None:
    with pytest.raises(DataError) as told:
        library(lambda: "int x = ;")
    assert isinstance(told.value, Refused)
    assert list((folder / "libraries").iterdir()) == []


def test_a_damaged_memory_of_compilers(folder: Path) -> None:
    library(Asked())
    memory = folder / "compilers.json"
    good = memory.read_bytes()
    for content in (b"", b"{", b"[1]", b"\xff\xfe", b'{"/usr/bin/cc": 3}'):
        memory.write_bytes(content)
        assert not library(Asked()).built
    assert memory.read_bytes() == good


# -- size -----------------------------------------------------------------------------------


def test_the_least_recently_used_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, Path] = {}
    for age, name in enumerate(["old", "middle", "young"]):
        files[name] = folder / "libraries" / f"{library(Asked(), name).key}.so"
        os.utime(files[name], (1e9 + age, 1e9 + age))
    size = files["old"].stat().st_size
    stale = folder / "libraries" / ".left.part"
    stale.write_bytes(b"x")
    os.utime(stale, (1e9, 1e9))
    fresh = folder / "libraries" / ".under way.part"
    fresh.write_bytes(b"x")
    in_use = library(Asked(), "old")  # used again: the last to go
    assert not in_use.built
    monkeypatch.setattr(cache, "MOST_BYTES", 2 * size + size // 2)
    newest = folder / "libraries" / f"{library(Asked(), 'new').key}.so"
    assert {*(folder / "libraries").iterdir()} == {files["old"], newest, fresh}
    monkeypatch.setattr(cache, "MOST_BYTES", 0)
    last = library(Asked(), "last")
    assert {*(folder / "libraries").iterdir()} == {
        folder / "libraries" / f"{last.key}.so",
        fresh,
    }, "the one just built stays"
    assert in_use.handle.answer() == 42, "one in use goes on working"


# -- several processes ----------------------------------------------------------------------

RACER = """
import sys
from backprove.run.c import cache
text = sys.argv[1]
for _ in range(3):
    cache._LOADED.clear()
    loaded = cache.library(["race"], lambda: [text])
    assert loaded.handle.answer() == 42
print(loaded.kept)
"""


def racers(count: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", RACER, text(42)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]


def test_several_processes_at_once(folder: Path) -> None:
    for process in racers(4):
        said, wrong = process.communicate(timeout=180)
        assert (process.returncode, said, wrong) == (0, "True\n", "")
    assert the_file(folder).suffix == ".so", "one library, and no half-written ones"


def test_a_killed_process_spoils_nothing(folder: Path) -> None:
    (victim,) = racers(1)
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=180)
    assert library(Asked(), "race").handle.answer() == 42


# -- what loading must not do ---------------------------------------------------------------


def test_numpy_computes_as_before(folder: Path) -> None:
    """A library linked with -ffast-math would flush denormals in the whole process."""
    library(lambda: (cache.KERNELS / "pool.h").read_text() + text(1))
    tiny = np.array([np.finfo(np.float32).smallest_subnormal] * 100, np.float32)
    assert ((tiny * np.float32(3)) / np.float32(3) == tiny).all()
    assert (tiny > 0).all()
    small = np.array([np.finfo(np.float64).smallest_subnormal] * 100)
    assert (small * 1.0 > 0).all()
    odd = np.array([1.0, np.nan, np.inf])
    assert np.isnan(odd).tolist() == [False, True, False]
    assert (odd != odd).any()
    assert b"set_fast_math" not in the_file(folder).read_bytes(), "crtfastmath.o is linked"
