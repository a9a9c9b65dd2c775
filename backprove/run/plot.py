"""The loss curve: in the terminal with block characters, or as a PNG with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import log10
from pathlib import Path

from ..errors import BackproveError
from .checkpoint import written

_TRAINING, _VALIDATION = "loss", "validation loss"
_MARKS = {_TRAINING: "●", _VALIDATION: "○"}


def text_curve(history: Sequence[Mapping[str, float]], width: int = 60, height: int = 12) -> str:
    """The training and validation loss over the epochs as lines of text.

    The axis of the loss is logarithmic where the losses span more than a factor of ten.
    """
    curves = _curves(history)
    if not curves:
        return ""
    values = [value for row in curves.values() for value in row]
    logarithmic = min(values) > 0 and max(values) > 10 * min(values)
    scale = log10 if logarithmic else float
    low, high = scale(min(values)), scale(max(values))
    inner = max(10, width - 11)
    grid = [[" "] * inner for _ in range(height)]
    for name in reversed(list(curves)):  # the training loss is drawn last, on top
        row = curves[name]
        for column, epoch in _places(len(row), inner):
            level = (scale(row[epoch]) - low) / (high - low) if high > low else 0.5
            grid[height - 1 - round(level * (height - 1))][column] = _MARKS[name]
    labels = {0: max(values), height - 1: min(values)}
    lines = [
        f"{format(labels[line], '.4g') if line in labels else '':>9} ┤{''.join(cells).rstrip()}"
        for line, cells in enumerate(grid)
    ]
    epochs = len(history)
    lines.append(f"{'':>10}└{'─' * inner}")
    lines.append(f"{'epoch 1':>18}{epochs:>{max(1, inner - 7)}}")
    legend = "   ".join(f"{_MARKS[name]} {name}" for name in curves)
    lines.append(f"{'':>11}{legend}{'   (logarithmic)' if logarithmic else ''}")
    return "\n".join(lines)


def _places(epochs: int, width: int) -> list[tuple[int, int]]:
    """(column, epoch): one mark an epoch where there is room, else one a column."""
    if epochs >= width:
        return [(c, round(c * (epochs - 1) / (width - 1))) for c in range(width)]
    return [(round(e * (width - 1) / max(1, epochs - 1)), e) for e in range(epochs)]


def _curves(history: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {
        name: [record[name] for record in history]
        for name in _MARKS
        if history and all(name in record for record in history)
    }


def save_curve(history: Sequence[Mapping[str, float]], path: str | Path, title: str = "") -> None:
    """Write the loss curve as a PNG. Raises BackproveError where matplotlib is not installed."""
    try:
        # heavy, and wanted by no one else
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BackproveError(
            "a PNG of the loss curve needs matplotlib, which is not installed",
            "pip install 'backprove[plot]', or read the curve in the terminal",
        ) from None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    curves = _curves(history)
    for name, values in curves.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    values = [value for row in curves.values() for value in row]
    if values and min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_title(title)
    axes.legend()
    image = BytesIO()
    figure.savefig(image, format="png", dpi=150)
    written(Path(path), lambda file: file.write(image.getvalue()))
