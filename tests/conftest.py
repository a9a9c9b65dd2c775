"""What all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

from backprove.run.c import Unavailable, compiler
from backprove.run.c.cache import library
from backprove.run.c.printing import library_texts

# What a script starts in the background ignores Ctrl-C, and so would all programs tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines that run tests are slow now and then; a property fails for its content only.
settings.register_profile("backprove", deadline=None, print_blob=True)
settings.load_profile("backprove")


LONGEST = (
    "test_web_page.py", "test_c_backend.py", "test_web_server.py", "test_derivation.py",
    "test_exercise.py", "test_web_learning.py", "test_widget.py", "test_render.py",
    "test_reading_printed.py", "test_c_networks.py", "test_web_answers.py", "test_web_api.py",
    "test_web_load.py", "test_train.py", "test_reading_symbols.py", "test_targets.py",
    "test_graph.py", "test_web_runs.py", "test_check_matrices.py", "test_mutations.py",
    "test_readme.py", "test_cli.py", "test_c_products.py", "test_formula.py",
)  # fmt: skip
"""Begun first, so that no process is left with one of them when the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; within a file the order stays."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def examples(root: Path) -> Path:
    """The folder of example networks."""
    return root / "examples"


@pytest.fixture(scope="session")
def compiled() -> None:
    """Skips what needs a C compiler where there is none."""
    try:
        library([], lambda: library_texts(()))
    except Unavailable as reason:
        pytest.skip(f"nothing can be compiled here: {reason.message}")


@pytest.fixture
def quick_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library whose order of steps is tested, and neither its speed nor its rounding, is
    compiled in a fifth of the time."""
    monkeypatch.setattr(compiler, "_FLAGS", ("-O0", *compiler._FLAGS[1:]))


@pytest.fixture(params=["numpy", "c"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend that can be had here."""
    if request.param == "c":
        request.getfixturevalue("compiled")
    return str(request.param)
