"""One training run of a page: a thread that steps, obeys what the page says and shows frames."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from math import isfinite, isnan, prod
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Literal, Protocol

import numpy as np

from ..errors import DataError
from ..language import from_text
from ..network import Network
from ..run.choice import operations
from ..run.classics import CLASSICS, NOISE, ROWS
from ..run.optimizers import OPTIMIZERS, SCHEDULES
from ..run.stepping import Stepper, Stopped
from ..run.table import DIGITS, Table, classic, csv_table, read_table
from ..run.viewing import GRID, Plane, confusion, plane, points, surface
from . import limits
from .problems import problem_of
from .run_messages import (
    Boundary,
    DrawnData,
    Ended,
    Frame,
    Rate,
    Ready,
    Simple,
    Speed,
    Start,
    UploadedData,
    Wrong,
    json_of,
)

THREAD = "backprove-run"
"""The name of a run's thread."""

SLICE = 0.01
"""Seconds that a run computes before another has its turn."""

FRAMES = 20.0
"""Frames a second, where the page does not say."""

PICTURES = 10.0
"""Boundaries a second at most."""

MOST_EQUATIONS = 64
MOST_NUMBERS = 200_000
"""Components of all quantities of a network: what a sample takes."""

MOST_ROWS, MOST_COLUMNS = 50_000, 1000
"""Of a CSV."""

MOST_BYTES = 400_000_000
"""Memory of a mini-batch."""

MOST_OPERATIONS = 2e9
"""Additions and multiplications of a mini-batch: a second; a run ends between two."""

MOST_SENT = 5000
"""Weights and biases that travel with a frame."""

MOST_LOSSES = 200
"""Epochs of which a frame tells the loss."""

DIVIDED = 100
"""Epochs of a run whose schedule divides it, where the page does not say."""

_PREPARING = threading.Lock()
"""Held while expressions are made: equal ones are one object, which threads would race for."""


class Turns:
    """One computes at a time, in the order in which they ask.

    The interpreter runs one thread at a time in any case; so the server's own waits for one
    other thread at most.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: deque[object] = deque()

    @contextmanager
    def mine(self) -> Iterator[None]:
        ticket = object()
        with self._changed:
            self._asked.append(ticket)
            self._changed.wait_for(lambda: self._asked[0] is ticket)
        try:
            yield
        finally:
            with self._changed:
                self._asked.popleft()
                self._changed.notify_all()


class Listener(Protocol):
    """Who is told of a run; called in the run's thread."""

    def tell(self, text: str, kind: Literal["ready", "frame", "last"]) -> None:
        """A message for the page. After a frame, `sent` is awaited before the next."""

    def idle(self, idle: bool) -> None:
        """Whether the run waits for the page, or computes."""

    def gone(self) -> None:
        """The thread ends."""


class Learner:
    """One run and its thread. `obey`, `sent` and `end` may be called by any other."""

    def __init__(self, start: Start, turns: Turns, listener: Listener) -> None:
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._given: Start | None = start
        self._turns, self._listener = turns, listener
        self._said: SimpleQueue[Simple | Rate | str] = SimpleQueue()
        self.ended = threading.Event()
        self.speed = FRAMES
        self._playing = False
        self._single = 0  # mini-batches that are asked for one by one
        self._until = 0  # the epoch before which it rests
        self._unsent = False
        self._owed = True
        self._next_frame = self._next_picture = 0.0
        self._told_epoch = self._mistakes_epoch = 0
        self._stepper: Stepper
        self._plane: Plane | None

    # -- what others call ------------------------------------------------------------------

    def start(self) -> None:
        """Begin; the listener is told all else."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def obey(self, said: Simple | Rate | Speed) -> bool:
        """Do what the page says; False where it has said too much that is not done yet."""
        if isinstance(said, Speed):
            self.speed = said.frames
            return True
        if self._said.qsize() > 100:
            return False
        self._said.put(said)
        return True

    def sent(self) -> None:
        """The last frame has left."""
        self._said.put("sent")

    def limit(self) -> None:
        """The run's time is over: say so, and end."""
        self._said.put("limit")

    def end(self) -> None:
        """End at once."""
        self.ended.set()
        self._said.put("end")

    # -- the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._learn()
        except Exception as error:
            if not self.ended.is_set():
                problem = problem_of(error)
                self._listener.tell(json_of(Wrong(error=problem)), "last")
        finally:
            self._listener.gone()

    def _learn(self) -> None:
        with _PREPARING:
            start, self._given = self._given, None  # an upload may be large
            if start is None or self.ended.is_set():
                return
            self._stepper = made(start)
            del start
        self._plane = plane(self._stepper)
        self._listener.tell(json_of(_ready(self._stepper, self._plane is not None)), "ready")
        try:
            while not self.ended.is_set():
                self._obey()
                if self._busy and not self.ended.is_set():
                    self._advance()
                if self._due() and not self.ended.is_set():
                    self._show()
        except Stopped as stopped:
            words = f"{stopped.message}. {stopped.suggestion[:1].upper()}{stopped.suggestion[1:]}."
            self._stop("nan", words, stopped.why.quantity)

    @property
    def _busy(self) -> bool:
        return self._playing or self._single > 0 or self._until > self._stepper.state.epoch

    def _due(self) -> bool:
        """Whether a frame is to be shown now."""
        if self._unsent:
            return False
        return self._owed or (self._busy and monotonic() >= self._next_frame)

    def _obey(self) -> None:
        """Do what was said; wait for it where there is nothing else to do."""
        told = False
        while not self.ended.is_set():
            waits = not self._busy and not self._due()
            if waits and not told:
                self._listener.idle(True)
                told = True
            try:
                said = self._said.get(block=waits)
            except Empty:
                break
            self._do(said)
        if told:
            self._listener.idle(False)

    def _do(self, said: Simple | Rate | str) -> None:
        if said == "sent":
            self._unsent = False
            return
        if said == "limit":
            minutes = f"{limits.RUN_SECONDS / 60:g} minutes"
            self._stop("limit", f"A run ends after {minutes}; start another to go on.")
            return
        if isinstance(said, Rate):
            with _PREPARING:
                self._stepper.eta = said.eta
            self._owed = True
        if not isinstance(said, Simple):
            return
        if said.do == "stop":
            self._stop("done", f"Stopped after {self._stepper.state.steps:,} steps.")
            return
        self._playing = said.do == "play"
        self._single = self._single + 1 if said.do == "step" else 0
        self._until = self._stepper.state.epoch + 1 if said.do == "epoch" else 0
        self._owed = True

    def _advance(self) -> None:
        stepper = self._stepper

        def stops() -> bool:
            return (
                self.ended.is_set() or not self._said.empty()
                or not (self._playing or self._until > stepper.state.epoch)
            )  # fmt: skip

        with self._turns.mine():
            if self._single:
                stepper.step()
                self._single -= 1
            else:
                stepper.for_seconds(SLICE, stops)
        if stepper.finished:
            self._stop("done", f"All {stepper.epochs:,} epochs are done.")
        if not self._busy:
            self._owed = True

    def _stop(self, reason: Literal["nan", "done", "limit"], words: str, of: str = "") -> None:
        """The last frame, and why it is the last."""
        self._playing, self._single, self._until = False, 0, 0
        self._show()
        ended = Ended(reason=reason, words=escape(words), quantity=of or None)
        self._listener.tell(json_of(ended), "last")
        self.ended.set()

    # -- frames ----------------------------------------------------------------------------

    def _show(self) -> None:
        with self._turns.mine():
            text = json_of(self._frame())
        now = monotonic()
        self._next_frame = now + 1 / self.speed
        self._unsent, self._owed = True, False
        self._listener.tell(text, "frame")

    def _frame(self) -> Frame:
        stepper, state = self._stepper, self._stepper.state
        epochs_done = state.epoch - 1
        rests = not self._busy
        picture = rests or monotonic() >= self._next_picture
        if picture:
            self._next_picture = monotonic() + 1 / PICTURES
        mistakes = None
        if epochs_done > self._mistakes_epoch and picture:
            mistakes, self._mistakes_epoch = confusion(stepper), epochs_done
        count = sum(array.size for array in stepper.parameters.values())
        sends = count <= MOST_SENT
        return Frame(
            epoch=state.epoch,
            step=state.steps,
            playing=self._busy,
            eta=stepper.eta,
            loss=_number(stepper.loss) if state.steps else None,
            losses=self._losses(),
            accuracy=self._accuracy() if picture else None,
            parameters=_short(stepper.parameters) if sends else None,
            gradients=_short(stepper.gradients()) if sends else None,
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


def _ready(stepper: Stepper, drawn: bool) -> Ready:
    fit = stepper.fit
    classes = next((list(t.classes) for t in fit.targets if t.classes), None)
    return Ready(
        rows=len(stepper.parts.train),
        validation_rows=len(stepper.parts.validation),
        inputs=[name for i in fit.inputs for name in i.columns],
        targets=[name for t in fit.targets for name in t.columns],
        classes=classes,
        kind="regression" if classes is None else "classes",
        notes=[escape(note) for note in stepper.notes],
        points=points(stepper) if drawn else None,
        batches=stepper.batches,
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


# -- beginning -----------------------------------------------------------------------------


def made(start: Start) -> Stepper:
    """The run that a page asks for. Raises BackproveError for what cannot be, in words."""
    network = from_text(start.text, "network")
    _bounded(network)
    optimizer, schedule = start.optimizer, start.schedule or "constant"
    # by name only: a path of a file is not looked at
    _known("optimizer", optimizer, OPTIMIZERS)
    _known("schedule", schedule, ("constant", *SCHEDULES))
    trained = {q.name for q in network.trained if q.name in network.live}
    others = {name: value for name, value in start.values.items() if name not in trained}
    if others:
        network = network.with_values(others)
    epochs = start.epochs
    if epochs is None and schedule.partition(",")[0] != "constant":
        epochs = DIVIDED
    columns, target = _columns(start, network)
    stepper = Stepper(
        network,
        _table(start),
        columns=columns,
        target=target,
        epochs=epochs,
        batch_size=start.batch,
        optimizer=optimizer,
        eta=start.eta,
        decay=start.decay,
        schedule=schedule,
        seed=start.seed,
        validation=start.validation,
        values={name: value for name, value in start.values.items() if name in trained},
    )
    _affordable(stepper)
    return stepper


def _bounded(network: Network) -> None:
    """Raises DataError for a network that is too large for a page."""
    sizes = {
        q.name: prod(network.length(size) or 1 for size in q.shape)
        for q in network.quantities.values()
    }
    count = sum(sizes[q.name] for q in network.trained)
    checks = (
        (len(network.equations), MOST_EQUATIONS, "equations"),
        (count, limits.TRAINED, "weights and biases"),
        (sum(sizes.values()), MOST_NUMBERS, "values"),
    )
    for number, most, what in checks:
        if number > most:
            raise DataError(
                f"this network has {number:,} {what}; a page trains at most {most:,}",
                "make it smaller, or train it with `backprove train`, which has no such bound",
            )


def _affordable(stepper: Stepper) -> None:
    program = stepper.program.program
    samples = max(stepper.options.batch_size, len(stepper.parts.validation), 1024)
    if (
        program.bytes_needed(samples, 4) > MOST_BYTES
        or operations(program, samples) > MOST_OPERATIONS
    ):
        raise DataError(
            "a mini-batch of this network takes more time or memory than a page's run may",
            "make the layers, the mini-batches or the validation part smaller",
        )


def _known(what: str, said: str, names: Any) -> None:
    name = said.partition(",")[0].strip()
    if name not in names:
        raise DataError(f"there is no {what} {name[:60]!r}", f"there are {', '.join(names)}")


def _table(start: Start) -> Table:
    data = start.data
    if isinstance(data, UploadedData):
        _small(data.csv)
        return csv_table(data.csv)
    if data.name == DIGITS:
        return read_table(DIGITS)
    noise = NOISE if data.noise is None else data.noise
    return classic(data.name, noise=noise, rows=data.rows or ROWS, seed=start.seed)


def _small(text: str) -> None:
    """Raises DataError for a CSV with too many rows or columns, before it is taken apart."""
    first = text.partition("\n")[0]
    checks = (
        (text.count("\n"), MOST_ROWS, "rows"),
        (max(map(first.count, ",;\t")), MOST_COLUMNS, "columns"),
    )
    for number, most, what in checks:
        if number > most:
            raise DataError(
                f"the CSV has {number:,} {what}; a page takes at most {most:,}",
                "leave some out, or train with `backprove train`, which has no such bound",
            )


def _columns(start: Start, network: Network) -> tuple[dict[str, str], str]:
    data = start.data
    if isinstance(data, UploadedData):
        return dict(data.columns or {}), data.target or ""
    if isinstance(data, DrawnData) and data.name in CLASSICS:
        inputs = [q for q in network.of_kind("input") if q.name in network.live]
        if [q.shape for q in inputs] == [(), ()]:
            return {q.name: column for q, column in zip(inputs, ("x1", "x2"), strict=True)}, ""
    return {}, ""
