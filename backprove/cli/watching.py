"""Watching a training run: a progress bar on a terminal, some lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from ..run.training import Watcher
from .output import wrapped

LINES = 10
"""About how many epochs are reported where there is no terminal."""


@contextmanager
def watcher() -> Iterator[Watcher]:
    """A watcher that draws a progress bar while the context lasts."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield Bar(progress)


def said(record: Mapping[str, float]) -> str:
    """An epoch's loss and measures: `loss 0.12  validation loss 0.15  accuracy 96.5 %`."""
    return "  ".join(
        f"{name} {100 * value:.1f} %" if name == "accuracy" else f"{name} {value:.4g}"
        for name, value in record.items()
        if name != "epoch"
    )


def print_notes(notes: Sequence[str]) -> None:
    """What is trained on what."""
    for note in notes:
        print("\n".join(wrapped(note, 2)))
    print(flush=True)


class Bar(Watcher):
    """One bar over all epochs, moved after every mini-batch."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.samples = 1
        self.task: TaskID | None = None

    def begin(self, notes: Sequence[str], epochs: int, samples: int) -> None:
        self.progress.stop()
        print_notes(notes)
        self.progress.start()
        self.samples = max(1, samples)
        self.task = self.progress.add_task("training", total=epochs, said="")

    def batch(self, epoch: int, done: int) -> None:
        if self.task is not None:
            self.progress.update(self.task, completed=epoch - 1 + done / self.samples)

    def wait(self, sentence: str) -> None:
        print(f"backprove: {sentence}", file=sys.stderr, flush=True)

    def epoch(self, record: Mapping[str, float]) -> None:
        if self.task is not None:
            self.progress.update(self.task, completed=record["epoch"], said=said(record))


class Lines(Watcher):
    """A line for the first, the last and about every tenth part of the epochs."""

    def __init__(self) -> None:
        self.epochs = 0

    def begin(self, notes: Sequence[str], epochs: int, samples: int) -> None:
        print_notes(notes)
        self.epochs = epochs

    def wait(self, sentence: str) -> None:
        print(f"backprove: {sentence}", file=sys.stderr, flush=True)

    def epoch(self, record: Mapping[str, float]) -> None:
        number = int(record["epoch"])
        every = max(1, self.epochs // LINES)
        if number in (1, self.epochs) or number % every == 0:
            line = f"epoch {number:>{len(str(self.epochs))}}  {said(record)}"
            print("\n".join(wrapped(line, 9)), flush=True)
