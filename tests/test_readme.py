"""What README and docs/sources.md say is run: the example, the commands, the shown answers.

A code block with `<!-- run -->` above it is run; blocks of shell commands run line by line.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in (README, ROOT / "docs/sources.md"))
BLOCK = re.compile(r"(<!-- run -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(bool(m[1]), m[2], m[3]) for m in BLOCK.finditer(TEXT)]
COMMANDS = [
    line.split("#")[0].strip()
    for marked, kind, text in BLOCKS
    if marked and kind != "python"
    for line in text.splitlines()
    if line.strip()
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with the examples, in which commands may write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(root / "examples", folder / "examples")
    return folder


def run(arguments: list[str], folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """Run this Python in `folder`, with this checkout's package."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "80"},
        timeout=120,
    )


def test_the_example_gives_what_its_comments_say(workplace: Path, root: Path) -> None:
    (example,) = (text for marked, kind, text in BLOCKS if marked and kind == "python")
    answer = run(["-c", example], workplace, root)
    assert answer.returncode == 0, answer.stderr
    for promised in re.findall(r"# (-?\d.*)$", example, re.MULTILINE):
        assert promised in answer.stdout


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) >= 6
    assert all(command.startswith("backprove ") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_succeeds(command: str, workplace: Path, root: Path) -> None:
    """In the order of the README: a later command may read what an earlier one wrote."""
    answer = run(["-m", *shlex.split(command)], workplace, root)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() or answer.stderr.strip()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_each_named_file_exists(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:backprove|tests|docs|examples)/[\w./]*)`", text)
    assert links
    assert not [file for file in (*links, *named) if not (root / file).exists()]


EXCERPT = re.compile(r"^\$ (backprove .*)\n((?:.*\n)*?)(?=\$ |\Z)", re.MULTILINE)
EXCERPTS = [
    m.groups() for _, kind, text in BLOCKS if kind == "text" for m in EXCERPT.finditer(text)
]


def test_there_are_shown_answers() -> None:
    assert len(EXCERPTS) >= 6


@pytest.mark.parametrize(("command", "wanted"), EXCERPTS)
def test_each_shown_answer_is_what_is_printed(
    command: str, wanted: str, workplace: Path, root: Path
) -> None:
    """Line by line, up to spacing; three dots stand for any number of lines."""
    answer = run(["-m", *shlex.split(command)], workplace, root).stdout
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(_unspaced(line)) + r"\n"
        for line in wanted.rstrip().splitlines()
    )
    printed = "".join(f"{_unspaced(line)}\n" for line in answer.splitlines())
    assert re.match(pattern, printed), f"{command} prints:\n{answer}"


def _unspaced(line: str) -> str:
    return "".join(line.split())


def test_each_command_has_a_row_in_the_table_and_the_reverse() -> None:
    from backprove.cli import app

    rows = re.findall(r"^\| `backprove (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands]
    assert rows == commands
