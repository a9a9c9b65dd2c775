"""One array against the correct gradient: shape and kind of number first, then each component."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, TypeAlias

import numpy as np

from ...run.values import Array

Verdict: TypeAlias = Literal["right", "wrong", "missing", "shape"]

TOLERANCE = 1e-6
"""How far a component may be off, as a share of itself; float64."""

TOLERANCE_SHORT = 1e-3
"""The same where the code answers in float32 or less."""

NOISE = 1e-9
"""What the terms of a sum that cancel may leave, as a share of the largest component."""


@dataclass(frozen=True)
class Row:
    """What is said of one output.

    quantity: as the file writes it. component: the first that differs, `w1[1,2]`, 1-based as
    the file counts; "" where none does. yours, correct: its values. diagnosis: likely kinds,
    each with a sentence, best first.
    """

    quantity: str
    verdict: Verdict
    says: str = ""
    component: str = ""
    yours: float | None = None
    correct: float | None = None
    diagnosis: tuple[tuple[str, str], ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The row as data; what is no finite number is null."""
        return {
            "quantity": self.quantity,
            "verdict": self.verdict,
            "says": self.says,
            "component": self.component or None,
            "yours": _number(self.yours),
            "correct": _number(self.correct),
            "diagnosis": [{"kind": kind, "says": says} for kind, says in self.diagnosis],
        }


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def compare(quantity: str, yours: object, correct: Array) -> Row:
    """Judge one output. yours: whatever the code gave; correct: the gradient, float64."""
    if yours is None:
        return Row(quantity, "missing", "the code gives None for it")
    array = as_array(yours)
    if array is None:
        return Row(
            quantity, "shape", f"what the code gives is no array of numbers: {type(yours).__name__}"
        )
    if array.dtype.kind != "f":
        return Row(quantity, "shape", _wrong_numbers(array))
    if array.shape != correct.shape:
        return Row(quantity, "shape", _wrong_shape(array, correct))
    same = close(array, correct)
    if same.all():
        short = array.dtype.itemsize < 8
        return Row(quantity, "right", f"to {TOLERANCE_SHORT:g}, in {array.dtype}" if short else "")
    position = tuple(int(k) for k in np.argwhere(~same)[0])
    index = f"[{','.join(str(k + 1) for k in position)}]" if position else ""
    wrong = int((~same).sum())
    many = f"{wrong} of {same.size} components differ" if same.size > 1 else ""
    gone = "" if np.isfinite(array).all() else "it holds NaN or infinity"
    return Row(
        quantity,
        "wrong",
        "; ".join(filter(None, (many, gone))),
        f"{quantity}{index}",
        float(array[position]),
        float(correct[position]),
    )


def as_array(given: object) -> Array | None:
    """Numbers, lists, arrays and tensors as an array; None for anything else.

    A bare 0 is no array of whole numbers: it loses nothing.
    """
    if type(given) is int:
        given = float(given)
    detach = getattr(given, "detach", None)
    if detach is not None:
        given = detach().cpu().numpy()
    try:
        array = np.asarray(given)
    except (ValueError, TypeError):  # rows of unequal length
        return None
    return array if array.dtype.kind in "fciub" else None


def close(yours: Array, correct: Array) -> Array:
    """Where two arrays of one shape agree; NaN and infinity agree with nothing."""
    share = TOLERANCE if yours.dtype.itemsize >= 8 else TOLERANCE_SHORT
    largest = float(np.abs(correct).max(initial=0.0)) or 1.0
    with np.errstate(all="ignore"):
        off = np.abs(yours.astype(np.float64) - correct)
        noise = (NOISE if share == TOLERANCE else share * 1e-3) * largest
        fits = np.isfinite(yours) & (off <= share * np.abs(correct) + noise)
    return np.asarray(fits)


def _wrong_numbers(array: Array) -> str:
    if array.dtype.kind == "c":
        return f"it holds complex numbers ({array.dtype}); a gradient is real"
    return (
        f"it holds whole numbers ({array.dtype}): a gradient written into such an array loses"
        " its fractions; make the array with dtype float"
    )


def _wrong_shape(array: Array, correct: Array) -> str:
    """Both shapes, and what would make them fit where the values are right."""
    said = f"its shape is {shape_text(array.shape)} where {shape_text(correct.shape)} belongs"
    hint = _hint(array, correct)
    return f"{said}; {hint}" if hint else said


def _hint(array: Array, correct: Array) -> str:
    if array.size == correct.size:
        if array.T.shape == correct.shape and close(array.T, correct).all():
            return "it is the transpose: give its .T"
        if close(array.reshape(correct.shape), correct).all():
            way = ".ravel()" if correct.ndim == 1 else f".reshape{shape_text(correct.shape)}"
            return f"the values are right: give {'its ' + way if correct.ndim else 'the number'}"
        return "the values differ too"
    for axis in range(array.ndim):
        summed = array.sum(axis)
        if summed.shape == correct.shape and close(summed, correct).all():
            return f"its sum over axis {axis} is right: the sum over that axis is missing"
    try:
        spread = np.broadcast_to(array, correct.shape)
    except ValueError:
        return ""
    same = close(spread, correct).all()
    return "its values are right, but stand there once for all: repeat them" if same else ""


def shape_text(shape: tuple[int, ...]) -> str:
    """(3, 1) as Python writes it; a number has no axes."""
    return str(shape) if shape else "() (a single number)"
