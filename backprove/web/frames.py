"""What a page is shown of its run: the losses, the weights, the boundary and the mistakes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from math import isfinite, isnan
from time import monotonic
from typing import Any

import numpy as np

from ..run.stepping import Stepper
from ..run.viewing import GRID, confusion, plane, points, surface
from .run_messages import Boundary, Frame, Packed, Ready

PICTURES = 10.0
"""Boundaries a second at most."""

MOST_SENT = 5000
"""Weights and biases that travel with every frame, digit by digit."""

SENT_EVERY = 1.0
"""Seconds between two frames with more of them, as bytes: at most half a megabyte each."""

MOST_LOSSES = 200
"""Epochs of which a frame tells the loss."""


class Frames:
    """What is shown of one run, each thing as often as it can be looked at."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._plane = plane(stepper)
        self._next_picture = self._next_weights = 0.0
        self._told_epoch = self._mistakes_epoch = 0
        self._many = sum(array.size for array in stepper.parameters.values()) > MOST_SENT
        self._sent_step = -1
        stepper.gradients()  # makes its expressions now

    def ready(self) -> Ready:
        """What is read from the data, and the samples of a plane."""
        stepper, fit = self._stepper, self._stepper.fit
        classes = next((list(t.classes) for t in fit.targets if t.classes), None)
        return Ready(
            rows=len(stepper.parts.train),
            validation_rows=len(stepper.parts.validation),
            inputs=[title for i in fit.inputs for title in i.titles],
            targets=[name for t in fit.targets for name in t.columns],
            classes=classes,
            kind="regression" if classes is None else "classes",
            notes=[escape(note) for note in stepper.notes],
            points=points(stepper) if self._plane is not None else None,
            batches=stepper.batches,
            weights_every=SENT_EVERY if self._many else None,
        )

    @property
    def owed(self) -> float | None:
        """Seconds until many weights that changed may be sent; None where there are none such."""
        if not self._many or self._sent_step == self._stepper.state.steps:
            return None
        return max(0.0, self._next_weights - monotonic())

    def frame(self, playing: bool, last: bool = False) -> Frame:
        """How the run stands now; the last tells all weights."""
        stepper, state = self._stepper, self._stepper.state
        epochs_done = state.epoch - 1
        picture = not playing or monotonic() >= self._next_picture
        if picture:
            self._next_picture = monotonic() + 1 / PICTURES
        mistakes = None
        if epochs_done > self._mistakes_epoch and picture:
            mistakes, self._mistakes_epoch = confusion(stepper), epochs_done
        owed = self.owed
        sends = not self._many or owed == 0 or (last and owed is not None)
        if sends:
            self._sent_step, self._next_weights = state.steps, monotonic() + SENT_EVERY
        written = _packed if self._many else _short
        return Frame(
            epoch=state.epoch,
            step=state.steps,
            playing=playing,
            eta=stepper.eta,
            loss=_number(stepper.loss) if state.steps else None,
            losses=self._losses(),
            accuracy=self._accuracy() if picture else None,
            parameters=written(stepper.parameters) if sends else None,
            gradients=written(stepper.gradients()) if sends else None,
            boundary=self._boundary() if picture else None,
            confusion=mistakes,
        )

    def _losses(self) -> list[tuple[int, float | str, float | str | None]]:
        """What was recorded since the last frame, thinned where it is much."""
        new: list[Mapping[str, float]] = []
        for record in reversed(self._stepper.history):
            if record["epoch"] <= self._told_epoch:
                break
            new.append(record)
        if new:
            self._told_epoch = int(new[0]["epoch"])
        kept = new[:: 1 + len(new) // MOST_LOSSES][::-1]
        return [
            (
                int(record["epoch"]),
                _number(record["loss"]),
                _number(record["validation loss"]) if "validation loss" in record else None,
            )
            for record in kept
        ]

    def _accuracy(self) -> float | None:
        stepper = self._stepper
        arrays = stepper.seen()
        rows = len(next(iter(arrays.values())))
        return stepper.runner.score(stepper.parameters, arrays, rows).measures.get("accuracy")

    def _boundary(self) -> Boundary | None:
        if self._plane is None:
            return None
        values = surface(self._stepper, self._plane)
        return Boundary(
            size=(GRID, GRID),
            x=self._plane.x,
            y=self._plane.y,
            of="uint8" if values.dtype == np.uint8 else "float32",
            values=b64encode(values.tobytes()).decode(),
        )


def _number(value: float) -> float | str:
    if isfinite(value):
        return float(value)
    return "nan" if isnan(value) else "inf" if value > 0 else "-inf"


def _short(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as nested rows of numbers with six digits."""
    return {name: _rounded(array.tolist()) for name, array in arrays.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return _number(float(f"{value:.6g}"))


def _packed(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as their bytes."""
    return {
        name: Packed(
            shape=list(array.shape), values=b64encode(array.astype("<f4").tobytes()).decode()
        )
        for name, array in arrays.items()
    }
