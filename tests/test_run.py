"""Numbers: published examples, safe functions, lowering."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backprove.language import read
from backprove.run.values import evaluate

CASES = sorted((Path(__file__).parent / "cases" / "numbers").glob("*.bp"))


def assert_close(found: Any, published: Any, tolerance: float, path: str) -> None:
    if isinstance(published, dict):
        for name, value in published.items():
            assert_close(found[name], value, tolerance, f"{path}.{name}")
    else:
        distance = np.abs(np.asarray(found) - np.asarray(published)).max()
        assert distance <= tolerance, f"{path}: {found} is not {published}"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_published_digits(path: Path) -> None:
    case = json.loads(path.with_suffix(".json").read_text())
    found = evaluate(read(str(path)), eta=case.get("eta")).as_json()
    keys = case.keys() - {"source", "eta", "tol"}
    assert keys, "a case states something"
    for key in keys:
        assert_close(found[key], case[key], case["tol"], key)
