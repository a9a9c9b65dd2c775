"""Numbers for JSON, which cannot hold what is not finite."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..run.values import Array
from .messages import Nested


def finite(number: float | None) -> float | None:
    """The number, or None where it is none."""
    return number if number is not None and isfinite(number) else None


def listed(array: Array) -> Nested:
    """An array as nested lists; what is not finite, which JSON cannot hold, as a word."""
    if np.isfinite(array).all():
        return array.tolist()
    if array.ndim:
        return [listed(row) for row in array]
    return "nan" if np.isnan(array) else "inf" if array > 0 else "-inf"
