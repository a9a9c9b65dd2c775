"""One piece of work by one competitor in this process, which ends after it.

    python benchmarks/fresh.py COMPETITOR WHAT ARGUMENTS

ARGUMENTS: a JSON object. Prints one line of JSON: {"value": …}, or {"status": …, "reason": …}.
The imports above are few, for the time of the whole process may be what counts.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> dict[str, Any]:
    name, what, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    from competitors.interface import COMPETITORS, NotFitting

    competitor = COMPETITORS[name]
    if not competitor.module:
        return {"status": "does not fit", "reason": f"has no {what}"}
    try:
        module = __import__(f"competitors.{competitor.module}", fromlist=["competitors"])
    except ModuleNotFoundError as error:
        return {"status": "not installed", "reason": str(error)}
    try:
        if what == "memory":
            return {"value": _memory(module, competitor.options, arguments)}
        if not hasattr(module, what):
            return {"status": "does not fit", "reason": f"has no {what}"}
        return {"value": getattr(module, what)(**arguments, **_option(module, what, competitor))}
    except NotFitting as error:
        return {"status": "does not fit", "reason": str(error)}


def _option(module: Any, what: str, competitor: Any) -> dict[str, str]:
    """A row's option, under the name of the function's last argument."""
    names = getattr(module, what).__code__.co_varnames
    count = getattr(module, what).__code__.co_argcount
    return {names[count - 1]: competitor.options[0]} if competitor.options else {}


def _memory(module: Any, options: Any, arguments: dict[str, Any]) -> float:
    """MB of the process at its peak, while it builds a network and trains a few steps, less those
    when everything was imported and the data were there."""
    from competitors.interface import NotFitting
    from workloads import Training, data, initial

    sizes, batch = tuple(arguments["sizes"]), arguments["batch"]
    work = Training("memory", sizes, batch, 8 * batch)
    if not hasattr(module, "trainers"):
        raise NotFitting("has no trainers")
    given, start = data(work), initial(sizes)
    before = _resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # the peak starts from here
    trainer = next(module.trainers(work, given, len(os.sched_getaffinity(0)), *options))
    trainer.reset(start)
    trainer.epochs(2, seed=0)
    return (_resident("VmHWM") - before) / 1024


def _resident(field: str) -> int:
    """A figure of /proc/self/status, in KB."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


if __name__ == "__main__":
    print(json.dumps(main()), flush=True)
