"""A saved model: everything that is needed to predict, and to go on training exactly.

One .npz file of plain arrays with a JSON header, never a pickle: reading one runs no code.
It is written to a temporary file beside its place, flushed to the disk and moved there in one
step, so that a kill in the middle leaves the old file whole.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BackproveError, DataError, path_of
from .step import slot_name

Array: TypeAlias = NDArray[Any]

FORMAT = 2
"""The number of this file format; a later program reads earlier ones.

1 had no recipe: its optimizers, of which there were three, kept slots without names.
"""

_KIND = "backprove model"


@dataclass(frozen=True, eq=False)
class State:
    """Where a run stands between two mini-batches. Immutable: a step makes a new one.

    epoch: the one under way, from 1. position: samples of it that are done. permutation: its
    order of the training samples. generator: the random state after it was drawn.
    loss_sum: the sum of the sample losses of this epoch so far. steps: updates made in all.
    slots: the optimizer's arrays, by `slot_name`. history: one record a finished epoch.
    best: the parameters of the best validated epoch, kept for early stopping.
    finished: why the run is over, "" while it is not.
    """

    parameters: Mapping[str, Array]
    slots: Mapping[str, Array]
    steps: int
    epoch: int
    position: int
    permutation: Array
    generator: Mapping[str, Any]
    loss_sum: float = 0.0
    history: tuple[Mapping[str, float], ...] = ()
    best: Mapping[str, Array] = field(default_factory=dict)
    best_epoch: int = 0
    finished: str = ""


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: the network's text, how the run is made, and its state.

    recipe: what is done at each step, with the texts of its files; None in a file of format 1,
    of which the options name the optimizer.
    """

    network_text: str
    network_file: str
    options: Mapping[str, Any]
    fit: Mapping[str, Any]
    state: State
    recipe: Mapping[str, Any] | None


def save(saved: Saved, path: str | Path) -> None:
    """Write a model file in one step. Raises DataError where the place cannot be written."""
    state = saved.state
    names = list(state.parameters)
    arrays: dict[str, Array] = {"permutation": state.permutation}
    for number, name in enumerate(names):
        arrays[f"parameter{number}"] = state.parameters[name]
        if name in state.best:
            arrays[f"best{number}"] = state.best[name]
    arrays |= {f"slot{number}": slot for number, slot in enumerate(state.slots.values())}
    header = {
        "kind": _KIND,
        "format": FORMAT,
        "network": saved.network_text,
        "file": saved.network_file,
        "options": dict(saved.options),
        "fit": dict(saved.fit),
        "parameters": names,
        "slots": list(state.slots),
        "recipe": saved.recipe,
        "steps": state.steps,
        "epoch": state.epoch,
        "position": state.position,
        "generator": dict(state.generator),
        "loss_sum": state.loss_sum,
        "history": [dict(record) for record in state.history],
        "best_epoch": state.best_epoch,
        "finished": state.finished,
    }
    text = json.dumps(header, ensure_ascii=False)
    arrays["header"] = np.frombuffer(text.encode(), dtype=np.uint8)

    def pack(file: IO[bytes]) -> None:
        with uninterrupted():
            np.savez(file, allow_pickle=False, **arrays)

    written(path, pack)


def written(path: str | Path, write: Any) -> None:
    """Write a file wholly or not at all: a temporary file, flushed, moved into place."""
    path = path_of(path)
    try:
        with NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            part = Path(file.name)
            try:
                _fill(file, write)
            except BaseException:
                with suppress(OSError):
                    part.unlink()
                raise
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    _flush_folder(path.parent)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait: a zip file that is left half-way fails when it is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: waiting.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    for first in waiting[:1]:
        signal.raise_signal(first)


def _fill(file: IO[bytes], write: Any) -> None:
    write(file)
    file.flush()
    os.fsync(file.fileno())
    # a temporary file is the owner's only; a model is as readable as any other file
    mask = os.umask(0)
    os.umask(mask)
    with suppress(OSError, AttributeError):
        os.fchmod(file.fileno(), 0o666 & ~mask)


def _flush_folder(folder: Path) -> None:
    """Make the move itself safe from a power cut, where the system lets a folder be flushed."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def load(path: str | Path) -> Saved:
    """Read a model file. Raises DataError where it is missing, damaged or from a later program."""
    try:
        with np.load(path_of(path), allow_pickle=False) as archive:
            header = json.loads(bytes(archive["header"]).decode())
            if not isinstance(header, dict) or header.get("kind") != _KIND:
                raise KeyError("kind")
            if header["format"] > FORMAT:
                raise DataError(
                    f"{path} was written by a later version of backprove (format"
                    f" {header['format']})",
                    "update backprove",
                )
            return _saved(header, {name: archive[name] for name in archive.files})
    except BackproveError:
        raise
    except FileNotFoundError:
        raise DataError(f"there is no model {path}", "`backprove train` writes one") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile):
        raise DataError(
            f"{path} is not a saved model, or it is damaged", "`backprove train` writes one"
        ) from None


def _saved(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Saved:
    names = header["parameters"]
    numbered = list(enumerate(names))
    old = header["format"] == 1
    state = State(
        parameters={name: arrays[f"parameter{n}"] for n, name in numbered},
        slots=_slots_of_1(header, arrays)
        if old
        else {name: arrays[f"slot{n}"] for n, name in enumerate(header["slots"])},
        steps=header["steps"],
        epoch=header["epoch"],
        position=header["position"],
        permutation=arrays["permutation"],
        generator=header["generator"],
        loss_sum=header["loss_sum"],
        history=tuple(header["history"]),
        best={name: arrays[f"best{n}"] for n, name in numbered if f"best{n}" in arrays},
        best_epoch=header["best_epoch"],
        finished=header["finished"],
    )
    recipe = None if old else header["recipe"]
    return Saved(header["network"], header["file"], header["options"], header["fit"], state, recipe)


def _slots_of_1(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The slots of a file of format 1 by name, in what is kept today.

    Its momentum kept the change of the weights, -eta*u, where u is kept now.
    """
    options = header["options"]
    short = {"sgd": "", "momentum": "u", "adam": "mv"}[options["optimizer"]]
    scale = -1 / options["eta"] if options["optimizer"] == "momentum" else 1
    return {
        slot_name(name, slot): arrays[f"slot{number}_{place}"] * scale
        for number, name in enumerate(header["parameters"])
        for place, slot in enumerate(short)
    }
