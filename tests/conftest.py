"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Machines that run tests are slow now and then; a property fails for its content only.
settings.register_profile("backprove", deadline=None, print_blob=True)
settings.load_profile("backprove")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def examples(root: Path) -> Path:
    """The folder of example networks."""
    return root / "examples"
