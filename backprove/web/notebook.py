"""The explorer as a widget of a notebook, and the process beside the kernel that answers it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import anywidget
import numpy as np
import traitlets

from ..errors import DataError
from ..language import from_text
from ..network import Network
from ..run.values import Numbers, evaluate, nested, stand_ins
from .carried import carried
from .pages import ASSETS
from .problems import OVERTAKEN, TEXT, refusal

ROOT = Path(__file__).resolve().parent.parent.parent
"""Where the package lies; the process beside the kernel finds it there."""

Told = dict[str, Any]


class Explorer(anywidget.AnyWidget):
    """The explorer in a notebook: `net.explore()` or `bp.explore(text)`.

    text, values, seed, selection, view, panel: what the page shows, kept the same on both sides.
    `text` is the last without a mistake; `values` holds what was edited or learned. height: in
    pixels.
    """

    _esm = (ASSETS / "widget.js").read_text(encoding="utf-8")

    text = traitlets.Unicode().tag(sync=True)
    values = traitlets.Dict(key_trait=traitlets.Unicode()).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**32 - 1).tag(sync=True)
    selection = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    panel = traitlets.Unicode("derivation").tag(sync=True)
    height = traitlets.Int(760, min=200, max=10_000).tag(sync=True)

    def __init__(self, text: str, **state: Any) -> None:
        super().__init__(text=text, **state)
        self._outbox: SimpleQueue[Told] = SimpleQueue()
        self._sends = False
        self.on_msg(self._hear)
        BESIDE.start()  # it loads while the page is shown

    @property
    def network(self) -> Network:
        """The network as the page has it, with the values that were edited or learned.

        Raises BackproveError where `text` was given a mistake, or `values` do not fit.
        """
        found = from_text(self.text, TEXT)
        return found.with_values(self.values) if self.values else found

    @property
    def numbers(self) -> Numbers:
        """The numbers that the page shows: as `evaluate` gives them for `network`, with what has
        no value drawn from `seed`, inputs and targets too.

        Raises BackproveError as `network` does, and where a size or a constant has no number.
        """
        found = self.network
        drawn = nested(stand_ins(found, self.seed))
        return evaluate(found.with_values(drawn) if drawn else found, seed=self.seed)

    def __repr__(self) -> str:
        return f"<Explorer of {TEXT if not self.text else self.text.strip().splitlines()[0]!r}>"

    @traitlets.validate("values")
    def _plain(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays as nested lists, as the page reads them."""
        return {name: _listed(name, value) for name, value in proposal["value"].items()}

    def _hear(self, widget: object, message: Told, buffers: object) -> None:
        """A message of a page: most are for the process that answers."""
        if not self._sends:
            self._sends = True
            _thread()(target=self._pass_on, daemon=True).start()
        if message.get("is") == "page":
            self._outbox.put({"is": "page", "id": message.get("id"), "page": carried()})
        else:
            BESIDE.say(message, self._outbox.put)

    def _pass_on(self) -> None:
        """Pass on what is for the pages, as it comes."""
        while True:
            self.send(self._outbox.get())


def _thread() -> type[threading.Thread]:
    """The kind of thread that may speak to a page: in marimo its own, which knows the session."""
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        kind: type[threading.Thread] = marimo.Thread
        return kind
    return threading.Thread


def _listed(name: str, value: Any) -> Any:
    """Raises DataError for what are no numbers."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"the values of {name} are no numbers in equal rows") from error
    return array.tolist()


class _Question(NamedTuple):
    """What is to be answered: its kind, who takes the answer, and who was asked."""

    what: str
    send: Callable[[Told], object]
    process: subprocess.Popen[str]


class Beside:
    """The process that answers all explorers of a kernel; started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._waiting: dict[str, _Question] = {}

    def start(self) -> None:
        """Start the process, if it does not run; returns before it is ready."""
        with self._lock:
            self._ready()

    def say(self, message: Told, send: Callable[[Told], object]) -> None:
        """Pass a page's message on. send: takes what is told in return, in another thread."""
        with self._lock:
            name, what = str(message.get("id", "")), str(message.get("is", ""))
            process = self._ready()
            if what in ("ask", "open"):
                self._waiting[name] = _Question(what, send, process)
            elif what == "forget":
                self._waiting.pop(name, None)
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            except OSError:
                pass  # it has ended: whoever reads what it says tells the pages

    def close(self) -> None:
        """End the process."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait(10)

    def _ready(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "backprove.web.beside"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                encoding="utf-8", env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # interrupting a cell does not interrupt it
            )  # fmt: skip
            reading = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
            reading.start()
        return self._process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Pass on what the process tells until it ends."""
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            name = message["id"]
            with self._lock:
                known = self._waiting.get(name)
                if message["is"] in ("answer", "closed"):
                    self._waiting.pop(name, None)
            if known is not None:
                known.send(message)
        with self._lock:  # it may take a moment more until it can be seen from its state
            if self._process is process:
                self._process = None
            left = {name: q for name, q in self._waiting.items() if q.process is process}
            for name in left:
                del self._waiting[name]
        for name, question in left.items():
            question.send(_ended(name, question.what))
        process.wait()


def _ended(name: str, what: str) -> Told:
    """What a page is told whose question nobody answers any more."""
    if what == "open":
        return {"is": "closed", "id": name}
    said = refusal("the process that answers has ended", "ask again: another is started")
    return {"is": "answer", "id": name, "status": OVERTAKEN, "text": said}


BESIDE = Beside()
