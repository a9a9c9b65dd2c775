"""Where answers go: the terminal, or a file that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
from contextlib import suppress
from pathlib import Path

from ..errors import BackproveError, path_of

WIDEST = 100
"""Columns above which a line is hard to follow, however wide the terminal."""


def prepare_streams() -> None:
    """Let formulas through where the terminal's encoding lacks their signs."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def width() -> int:
    """The columns to wrap at: the terminal's, or COLUMNS, or 80 in a pipe."""
    return max(20, min(shutil.get_terminal_size((80, 24)).columns, WIDEST))


def wrapped(text: str, indent: int = 0) -> list[str]:
    """A paragraph in lines of the width; all but the first are indented."""
    return textwrap.wrap(
        text,
        width(),
        subsequent_indent=" " * min(indent, width() // 2),
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def coloured() -> bool:
    """Whether to colour: on a terminal that can, unless NO_COLOR is set."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


_read: list[Path] = []
"""The files that the command at hand reads."""


def note_input(name: str | Path) -> None:
    """Remember a file that is read, so that no output takes its place."""
    path = Path(name)
    with suppress(OSError, ValueError):  # a builder may be longer than a path can be
        if path.is_file():
            _read.append(path.resolve())


def refuse_input(output: Path | None) -> None:
    """Refuse to write over a file that is read. Raises BackproveError."""
    if output is not None and path_of(output).resolve() in _read and output.is_file():
        raise BackproveError(
            f"{output} is read by this command: it is not written over",
            "give the output another name",
        )


def emit(text: str, output: Path | None = None) -> None:
    """Print `text`, or write it to `output` and say so on stderr."""
    text = text if text.endswith("\n") else text + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        refuse_input(output)
        write_whole(output, text)
        print(f"wrote {output}", file=sys.stderr)


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one move, so that no half of it is ever seen under its name.

    Raises BackproveError where there is no such folder, OSError where it cannot be written.
    """
    # A pipe or a device, such as /dev/stdout, cannot be replaced; it is written as it is.
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    if not path.resolve().parent.is_dir():
        raise BackproveError(f"{path} cannot be written: there is no folder {path.parent}")
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
