"""Every bound on what a page may ask of the server, with its reason.

A page asks for what a person can read and a processor can do at once; what is larger belongs on
the command line, which has none of these bounds.
"""

from __future__ import annotations

BODY = 1_000_000
"""Bytes of a request: a text and 50,000 numbers fit, and are read in milliseconds."""

MESSAGE = 4_000_000
"""Bytes of a WebSocket's message: data that were uploaded come as one."""

TEXT = 100_000
"""Characters of a network's text: a thousand equations, more than anyone looks at."""

PARAMETERS = 200_000
"""Weights and biases of a network that is answered for: its numbers travel in every answer."""

TRAINED = 50_000
"""Weights and biases of a network that is trained for a page, one of many."""

PREPARING_SECONDS = 10.0
"""Time for making a network ready to be trained, tried in a worker before a thread of the server
does it: mostly a tenth of a second, seconds where a busy machine has just begun another worker."""

DERIVATION_SECONDS = 10.0
"""Time for a derivation or a verdict: who clicks has long stopped waiting."""

ANSWER_SECONDS = 5.0
"""Time for any other answer."""

ARRIVAL_SECONDS = 30.0
"""Time in which a request's bytes must have come: a slow sender holds no place for ever."""

PATIENCE_SECONDS = 30.0
"""Time that a question waits for a worker; longer than any answer may take, so that a queue in
which none ends in it is known to be stuck."""

WAITING = 100
"""Answers being made or waited for: each page has at most a few under way."""

WORKER_MEMORY = 4 * 2**30
"""Bytes of addresses of one worker process, so that no network takes the machine's memory."""

PATHS = 200
"""Paths shown of a weight: their number grows exponentially with the layers."""

RUNS = 4
"""Training runs at once, a thread each."""

QUEUED = 64
"""Training runs that wait for their turn."""

RUN_SECONDS = 1800.0
"""How long a training run lasts, playing or not."""

SILENT_SECONDS = 300.0
"""How long a training run in a notebook goes on without a sign of its page. A page gives one every
ten seconds, but while a cell runs, a kernel passes none on."""

SHOWN = {
    "body": BODY,
    "message": MESSAGE,
    "text": TEXT,
    "parameters": PARAMETERS,
    "trained": TRAINED,
    "derivation_seconds": DERIVATION_SECONDS,
    "answer_seconds": ANSWER_SECONDS,
    "paths": PATHS,
    "runs": RUNS,
    "queued": QUEUED,
    "run_seconds": RUN_SECONDS,
}
"""The bounds that a page is told, so that it can say them before it asks."""
