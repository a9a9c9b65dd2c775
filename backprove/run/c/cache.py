"""Built libraries, kept between runs.

A library is found by a key that is known before any C is written. It is read once, and the very
bytes whose SHA-256 was checked are loaded: from memory, so that nothing that later happens to the
file (a full disk, an eviction, another process) can reach the code that runs. Where the folder
cannot be trusted or written, libraries are built for this process alone.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, mkstemp
from typing import IO, Any

from .compiler import (
    Announce,
    Compiler,
    Options,
    Refused,
    Unavailable,
    arguments,
    build,
    find_compiler,
    levels,
    libc_version,
)

FORMAT = 1
"""The number of the way in which libraries are made and kept."""

MOST_BYTES = 256 * 2**20
"""What the kept libraries may take; the least recently used go first."""

KERNELS = Path(__file__).parent / "kernels"

_MOST_LIBRARY = 64 * 2**20  # bytes; a larger file is none of ours
_DIGEST = hashlib.sha256().digest_size
_NOTE = ".json"  # what is kept of a library's use
_ABANDONED = 86400.0  # seconds after which an unfinished file belongs to nobody


@dataclass(frozen=True)
class Loaded:
    """A library, loaded. built: just now, by the compiler; kept: it lies in the cache."""

    handle: ctypes.CDLL
    key: str
    built: bool
    kept: bool


_LOADED: dict[str, Loaded] = {}
_REFUSED: dict[tuple[str, tuple[str, ...]], str] = {}
"""What a compiler of this process refused, by key and command: not asked again, as a refusal may
take a minute."""
_SAID: set[str] = set()


def library(
    key_parts: Sequence[str],
    make_texts: Callable[[], Sequence[str]],
    options: Options | None = None,
    announce: Announce = lambda sentence: None,
) -> Loaded:
    """The library of a program: from this process, from the cache, or built now.

    key_parts: all that `make_texts` depends on besides the kernels' files; it writes the C, one
    text a unit, and is called only where the library must be built. options: by default this
    CPU's widest vectors and float32. announce: is told of a wait and of a cache that cannot be
    used, once each. Raises Unavailable without a compiler that works, Refused where it refuses
    the text.
    """

    def say(sentence: str) -> None:
        if sentence not in _SAID:
            _SAID.add(sentence)
            announce(sentence)

    options = options or Options(levels()[0])
    store = _store(say)
    compiler = _compiler(store)
    key = _key(key_parts, compiler, options)
    if key in _LOADED:
        return _LOADED[key]
    refused = (key, compiler.command)
    if refused in _REFUSED:
        raise Refused(_REFUSED[refused])
    loaded = _from_store(store, key)
    if loaded is None:
        try:
            binary = _built(make_texts, compiler, options, store, say)
        except Refused as error:
            _REFUSED[refused] = error.message
            raise
        kept = store is not None and _keep(store, key, binary, say)
        try:
            loaded = Loaded(_load(binary), key, built=True, kept=kept)
        except OSError as error:
            raise Unavailable(f"what {compiler.command[0]} makes does not load: {error}") from None
    return _LOADED.setdefault(key, loaded)


def _key(parts: Sequence[str], compiler: Compiler, options: Options) -> str:
    words = [
        FORMAT,
        list(parts),
        options.level.name,
        compiler.identity,
        arguments(compiler, options),
        os.uname().machine,
        libc_version(),  # a home folder may be shared with a machine that has an older one
        kernels_digest(),
    ]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


@lru_cache
def kernels_digest() -> str:
    """One number for the text of all kernels' files."""
    return texts_digest(KERNELS, ".h", ".c")


def texts_digest(folder: Path, *endings: str) -> str:
    """One number for the files of a folder whose names end so. Not by a pattern: Python takes
    longer to compile one than to read the files."""
    whole = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        if name.endswith(endings):
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                text = file.read()
            whole.update(f"{name} {len(text)}\n".encode() + text)
    return whole.hexdigest()


# -- the folder -----------------------------------------------------------------------------


def cache_folder() -> Path:
    """$BACKPROVE_CACHE, else $XDG_CACHE_HOME/backprove, else ~/.cache/backprove.

    Raises RuntimeError where the user has no home.
    """
    named = os.environ.get("BACKPROVE_CACHE", "")
    if named:
        return Path(named).expanduser().absolute()
    general = os.environ.get("XDG_CACHE_HOME", "")
    # a relative one is to be ignored: XDG Base Directory Specification
    base = Path(general) if os.path.isabs(general) else Path.home() / ".cache"
    return base / "backprove"


def _store(say: Announce) -> Path | None:
    """The folder of the libraries, made and checked; None, and said why, if it cannot be used."""
    try:
        folder = cache_folder()
        store = folder / "libraries"
        os.makedirs(folder, 0o700, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(store, 0o700)
        reason = _mistrust(folder.resolve()) or _mistrust(store)
    except RuntimeError as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename or 'the folder'}: {error.strerror or error}"
    if not reason:
        return store
    say(f"built libraries are not kept: {reason}; BACKPROVE_CACHE names another folder")
    return None


def _mistrust(folder: Path) -> str:
    """Why a folder is not to be trusted; "" if it is this user's own."""
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode):
        return f"{folder} is no folder"
    if state.st_uid != os.getuid():
        return f"{folder} belongs to another user"
    if state.st_mode & 0o022:
        return f"{folder} can be written by other users"
    return ""


def _read(file: Path, most: int) -> bytes | None:
    """A file of the user's own, in one piece; None where it is missing or not to be trusted."""
    try:
        # not blocking: what lies there might be a pipe
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        state = os.fstat(handle)
        own = stat.S_ISREG(state.st_mode) and state.st_uid == os.getuid()
        if not own or state.st_mode & 0o022 or state.st_size > most:
            return None
        with open(handle, "rb", buffering=0, closefd=False) as opened:
            return opened.read()
    except OSError:
        return None
    finally:
        os.close(handle)


def _write(file: Path, content: bytes) -> None:
    """Put a file in place in one step. Raises OSError, and leaves what was there."""
    handle, part = mkstemp(".part", ".", file.parent)
    try:
        with open(handle, "wb") as opened:
            opened.write(content)
        os.replace(part, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


# -- what is in it --------------------------------------------------------------------------


def _compiler(store: Path | None) -> Compiler:
    """The compiler, and what it is remembered to be."""
    memory = store.parent / "compilers.json" if store else None
    remembered: dict[str, Any] = {}
    with suppress(ValueError):
        content = json.loads((_read(memory, 2**20) if memory else None) or b"{}")
        remembered = content if isinstance(content, dict) else {}
    before = dict(remembered)
    compiler = find_compiler(remembered)
    if memory and remembered != before:
        with suppress(OSError):  # then it is asked again next time
            _write(memory, json.dumps(remembered).encode())
    return compiler


def _digest(key: str, binary: bytes) -> bytes:
    return hashlib.sha256(key.encode() + binary).digest()


def _file(store: Path, key: str) -> Path:
    return store / f"{key}.so"


def recalled(key: str) -> bytes | None:
    """What `remember` kept under a key, if it is still there and whole."""
    store = _store(lambda sentence: None)
    return _kept(store / f"{key}{_NOTE}", key) if store else None


def remember(key: str, content: bytes) -> None:
    """Keep something beside the libraries, if that can be done."""
    store = _store(lambda sentence: None)
    if store is not None:
        file = store / f"{key}{_NOTE}"
        with suppress(OSError):
            _write(file, content + _digest(key, content))
            _tidy(store, file)


def _from_store(store: Path | None, key: str) -> Loaded | None:
    """A kept library; None where there is none, or it is not what was kept."""
    binary = _kept(_file(store, key), key) if store else None
    if binary is None:
        return None
    with suppress(OSError):
        return Loaded(_load(binary), key, built=False, kept=True)
    return None


def _kept(file: Path, key: str) -> bytes | None:
    """What a file keeps under a key; None where there is none, or it is not what was kept."""
    content = _read(file, _MOST_LIBRARY)
    if content is None or _digest(key, content[:-_DIGEST]) != content[-_DIGEST:]:
        return None
    with suppress(OSError):
        os.utime(file)  # used now: the last to go
    return content[:-_DIGEST]


def _keep(store: Path, key: str, binary: bytes, say: Announce) -> bool:
    # The digest stands at the end of the same file, so that both come into place in one step
    # when several processes build the same library.
    try:
        _write(_file(store, key), binary + _digest(key, binary))
    except OSError as error:
        say(f"a built library was not kept: {store}: {error.strerror or error}")
        return False
    _tidy(store, _file(store, key))
    return True


def _tidy(store: Path, newest: Path) -> None:
    """Let the least recently used libraries go, and what killed processes left behind.

    One that is in use goes on working: it was loaded from memory.
    """
    found: list[tuple[float, int, str]] = []
    with suppress(OSError), os.scandir(store) as entries:
        for entry in entries:
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                if entry.name.endswith((".so", _NOTE)):
                    found.append((state.st_mtime, state.st_size, entry.path))
                elif entry.name.endswith(".part") and time.time() - state.st_mtime > _ABANDONED:
                    os.unlink(entry.path)
    excess = sum(size for _, size, _ in found) - MOST_BYTES
    for _, size, path in sorted(found):
        if excess <= 0:
            break
        if path != str(newest):
            with suppress(OSError):
                os.unlink(path)
                excess -= size


def _built(
    make_texts: Callable[[], Sequence[str]],
    compiler: Compiler,
    options: Options,
    store: Path | None,
    say: Announce,
) -> bytes:
    """The bytes of the library, built in a private folder that is gone afterwards."""
    text, *beside = make_texts()
    reason = ""
    keep = store.parent / "zig" if store else None
    for place in (None, store) if store else (None,):
        try:
            with TemporaryDirectory(prefix="backprove-", dir=place) as folder:
                made = build(
                    text, compiler, options, Path(folder),
                    beside=beside, keep=keep, announce=say,
                )  # fmt: skip
                binary = made.read_bytes()
        except OSError as error:
            reason = f"no folder for temporary files: {error.strerror or error}"
        except Unavailable as error:
            if "No space left" not in error.message:
                raise
            reason = error.message
        else:
            if _whole(binary):
                return binary
            raise Unavailable(f"what {compiler.command[0]} makes is no whole library")
    raise Unavailable(reason)


def _whole(binary: bytes) -> bool:
    """Whether a 64-bit ELF file is as long as its header says; loading half of one is fatal."""
    if len(binary) < 64 or binary[:5] != b"\x7fELF\x02":
        return False
    table = int.from_bytes(binary[40:48], "little")
    width, entries = (int.from_bytes(binary[at : at + 2], "little") for at in (58, 60))
    return table + width * entries <= len(binary)


_NUMBER = count()


def _load(binary: bytes) -> ctypes.CDLL:
    """Load a library from memory. Raises OSError."""
    try:
        return _loaded_from(open(os.memfd_create("backprove"), "wb"), binary)
    except OSError:  # a system that has no such files, or lets no code be run from them
        return _loaded_from(TemporaryFile(), binary)


def _loaded_from(nameless: IO[bytes], binary: bytes) -> ctypes.CDLL:
    with nameless as file:
        file.write(binary)
        file.flush()
        # The loader takes a path that it has seen for the library that it saw there, and numbers
        # of files are used again: so each load spells its number out, 5 = 101 as "/./" + "/.".
        spelt = "".join("/." if digit == "1" else "/" for digit in f"{next(_NUMBER):b}")
        return ctypes.CDLL(f"/proc/self/fd{spelt}/{file.fileno()}")
