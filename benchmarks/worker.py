"""A process with one competitor in it, which answers lines of JSON with lines of JSON.

    {"do": "prepare", "competitor": …, "workload": …, "data": …, "threads": …}
        imports the library, builds every form of it, compares the first steps of each, and keeps
        the fastest: {"form": …, "errors": {form: …}}, or {"status": …, "reason": …}
    {"do": "time", "seconds": …, "round": …}
        {"best": seconds a step, "median": …, "blocks": …}, of blocks of whole epochs or calls

With one thread the process is bound to one core, so that no library can quietly use more.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

BLOCK = 0.1  # seconds of one block, at least, or one epoch
_FEWEST = 2  # blocks of a round
TRIAL = 0.4  # seconds in which forms are compared


class Refused(Exception):
    """This competitor is not timed: its status, and why."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def use_cores(threads: int) -> None:
    """Bind this process to so many of its cores, always the same ones."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])


class Timed:
    """Something that runs in blocks. run(count, round): count units, of `steps` steps each."""

    def __init__(
        self, run: Callable[[int, int], object], steps: int, reset: Callable[[], None]
    ) -> None:
        self.run, self.steps, self.reset = run, steps, reset
        self.count = 1

    def calibrate(self) -> float:
        """Choose how many units make a block; the seconds a step of the fastest trial."""
        self.run(1, 0)  # compiles, where that is done at the first call
        fastest, spent, count = float("inf"), 0.0, 1
        while spent < TRIAL:
            start = time.perf_counter()
            self.run(count, 0)
            seconds = time.perf_counter() - start
            fastest, spent = min(fastest, seconds / count), spent + seconds
            count = max(count, int(BLOCK / 4 / (seconds / count)))
        self.count = max(1, round(BLOCK / fastest))
        return fastest / self.steps

    def measure(self, seconds: float, number: int) -> dict[str, Any]:
        """Seconds a step: the best block and the median one of a round."""
        self.reset()
        gc.collect()
        self.run(1, number)
        found: list[float] = []
        end = time.perf_counter() + seconds
        while len(found) < _FEWEST or time.perf_counter() < end:
            start = time.perf_counter()
            self.run(self.count, number * 1000 + len(found))
            found.append((time.perf_counter() - start) / (self.count * self.steps))
        return {"best": min(found), "median": statistics.median(found), "blocks": len(found)}


def prepare(asked: Mapping[str, Any]) -> tuple[Callable[[float, int], dict[str, Any]], Any]:
    """What answers `time`, and the answer to `prepare`."""
    use_cores(asked["threads"])
    import numpy as np
    from workloads import WORKLOADS

    work = next(w for w in WORKLOADS if w.name == asked["workload"])
    assert work.kind != "fresh", "fresh work has processes of its own"
    if asked["competitor"] == "limits":
        return _limits(work)
    with np.load(asked["data"]) as held:
        data = {name: held[name] for name in held.files}
    from competitors.interface import COMPETITORS, NotFitting

    competitor = COMPETITORS[asked["competitor"]]
    chosen: tuple[float, str, Timed] | None = None
    said: dict[str, Any] = {}
    try:
        for form, timed, error in _forms(work, data, asked["threads"], competitor):
            if error:
                said[form] = error
                continue
            seconds = said[form] = timed.calibrate()
            if chosen is None or seconds < chosen[0]:
                chosen = (seconds, form, timed)
    except NotFitting as error:
        raise Refused("does not fit", str(error)) from None
    except ModuleNotFoundError as error:
        raise Refused("not installed", f"{error.name} is not installed") from None
    if chosen is None:
        raise Refused("disagrees", "; ".join(f"{form}: {error}" for form, error in said.items()))
    return chosen[2].measure, {"form": chosen[1], "forms": said}


Forms = Iterator[tuple[str, Timed, str]]


def _forms(work: Any, data: Any, threads: int, competitor: Any) -> Forms:
    """Each form of a competitor, and what is wrong with its results ("" if nothing)."""
    if work.kind == "graph":
        yield from _graphs(work, data, threads, competitor)
        return
    offered, forms = {
        "training": ("trainers", _trainers), "predicting": ("predictors", _predictors)
    }[work.kind]  # fmt: skip
    if not competitor.module:
        raise Refused("does not fit", f"has no {offered}")
    module = importlib.import_module(f"competitors.{competitor.module}")
    if not hasattr(module, offered):
        raise Refused("does not fit", f"has no {offered}")
    yield from forms(module, work, data, threads, competitor.options)


def _graphs(work: Any, data: Any, threads: int, competitor: Any) -> Forms:
    """Each form of a step on a sparse graph, and what is wrong with the first one."""
    import graphs
    import numpy as np

    case = graphs.case(work.edges, work.levels, work.batch)
    expected = data["expected change"]
    if competitor.graph:
        step, weights = graphs.COMPETITORS[competitor.graph](case, threads)
        forms = iter([(competitor.graph, step, weights)])
    elif competitor.module == "casadi_graph":
        module = importlib.import_module("competitors.casadi_graph")
        forms = module.graph_steps(case, graphs.RATE)
    else:
        raise Refused("does not fit", "has no graphs")
    for form, step, weights in forms:
        start = np.array(weights())
        step()
        change = np.array(weights()) - start
        error = np.linalg.norm(change - expected) / np.linalg.norm(expected)

        def run(count: int, number: int, step: Any = step) -> None:
            for _ in range(count):
                step()

        wrong = "" if error <= 1e-3 else f"its first step is off by {error:.1e}"
        yield form, Timed(run, 1, lambda: None), wrong


def _trainers(module: Any, work: Any, data: Any, threads: int, options: Any) -> Forms:
    """Each form of training, and what is wrong with its first steps ("" if nothing)."""
    from reference import disagreement
    from workloads import CHECKED_STEPS, initial

    start = initial(work.sizes)
    loss = float(data.pop("expected loss"))
    expected = {name: data.pop(f"expected {name}") for name in start}
    allowed = 1e-2 if work.optimizer == "adam" else 1e-3  # Adam makes much of little gradients
    for trainer in module.trainers(work, data, threads, *options):
        trainer.reset(start)
        found = trainer.first_steps(CHECKED_STEPS)
        error, name = disagreement(start, expected, trainer.parameters())
        wrong = ""
        if not abs(found - loss) <= 1e-4 * abs(loss):
            wrong = f"the mean loss of the first steps is {found:.6g}, not {loss:.6g}"
        elif not error <= trainer.slack * allowed:
            wrong = f"{name} changes otherwise in the first steps, by {error:.1e}"

        def reset(trainer: Any = trainer) -> None:
            trainer.reset(start)

        reset()
        yield trainer.form, Timed(trainer.epochs, work.steps, reset), wrong


def _predictors(module: Any, work: Any, data: Any, threads: int, options: Any) -> Forms:
    """Each form of predicting, and what is wrong with its outputs ("" if nothing)."""
    import numpy as np
    from workloads import initial

    expected = data.pop("expected outputs")
    parameters = initial(work.sizes)
    for predictor in module.predictors(work, parameters, data["x"], threads, *options):
        error = float(np.abs(predictor.outputs() - expected).max())
        wrong = "" if error <= 1e-5 else f"its outputs are off by {error:.1e}"

        def run(count: int, number: int, call: Any = predictor.run) -> None:
            for _ in range(count):
                call()

        yield predictor.form, Timed(run, 1, lambda: None), wrong


def _limits(work: Any) -> tuple[Callable[[float, int], dict[str, Any]], Any]:
    import limits

    def measure(seconds: float, number: int) -> dict[str, Any]:
        layouts = limits.products(work)
        found = {layout: limits.best(run, seconds / 2) for layout, run in layouts.items()}
        fastest = min(found.values())
        return {
            "best": fastest, "median": fastest, "layouts": found,
            "peak": limits.peak(seconds / 2), "bandwidth": limits.bandwidth(seconds / 4),
        }  # fmt: skip

    return measure, {"form": "NumPy's BLAS, the faster layout"}


def main() -> None:
    """Answer until the input ends. What libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    measure: Callable[[float, int], dict[str, Any]] | None = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["do"] == "prepare":
                measure, answer = prepare(asked)
            else:
                assert measure is not None, "prepare comes first"
                answer = measure(asked["seconds"], asked["round"])
        except Refused as refusal:
            answer = {"status": refusal.status, "reason": refusal.reason}
        except Exception as error:  # reported as this competitor's failure; the others go on
            traceback.print_exc()
            answer = {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
