"""One training step in NumPy: what every run in NumPy is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .lower import MEAN_LOSS
from .numpy_backend import prepare
from .step import NEXT, ScalarTable, Step
from .values import check_memory

Array: TypeAlias = NDArray[Any]


class NumpyStep:
    """A step, prepared: call it with a state and the numbers of some samples.

    fixed: the constants' values. Raises DataError where not even one sample fits into memory.
    """

    def __init__(self, step: Step, fixed: Mapping[str, Array], dtype: np.dtype[Any]) -> None:
        self._program, self._fixed, self._dtype = step.program, fixed, dtype
        self.check(1)
        self._prepared = prepare(step.program, dtype)
        self._scalars = ScalarTable(step, dtype)

    def check(self, samples: int) -> None:
        """Raises DataError where a mini-batch of so many samples does not fit into memory."""
        needed = self._program.bytes_needed(samples, self._dtype.itemsize)
        check_memory(needed, f"a mini-batch of {samples:,} sample{'s' * (samples != 1)}")

    def __call__(
        self, state: Mapping[str, Array], number: int, arrays: Mapping[str, Array], rows: Array
    ) -> tuple[float, dict[str, Array]]:
        """The mean loss over samples, and the next state: parameters and slots, by name.

        number: of the step, from 1. arrays: all samples; rows: which of them.
        """
        batch = {name: array.take(rows, 0) for name, array in arrays.items()}
        given = {**self._fixed, **self._scalars.at(number), **state, **batch}
        results = self._prepared(given, len(rows))
        return float(results[MEAN_LOSS]), {name: results[NEXT + name] for name in state}
