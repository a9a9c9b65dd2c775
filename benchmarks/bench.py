"""Every competitor on the same work, in interleaved rounds, each in a process of its own.

    python benchmarks/bench.py                      all of it, about an hour
    python benchmarks/bench.py --quick              two rounds, to see that it works
    python benchmarks/bench.py --only "30-100" --competitors backprove-c,jax-scan --threads 1

See docs/benchmarks.md for what is measured, and how.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

import machine
import numpy as np
import reference
from competitors.interface import COMPETITORS
from report import plot, summary, table
from workloads import (
    CHECKED_STEPS,
    DIGITS_ACCURACY,
    WORKLOADS,
    Fresh,
    Graph,
    Predicting,
    Training,
    Workload,
    data,
    initial,
    write_digits,
)

HERE = Path(__file__).parent
PAUSE = 0.3  # seconds between two competitors, until the threads of the one are asleep
PATIENCE = 1200.0  # seconds for imports, compiling and trials
LIMITS = "limits"

Result = dict[str, Any]


class Worker:
    """A process with one competitor: see worker.py."""

    def __init__(self, environment: Mapping[str, str], log: IO[bytes]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")], env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip

    def ask(self, question: Mapping[str, Any], patience: float) -> Result:
        """The answer, or a failure where there is none in time."""
        source, answers = self.process.stdin, self.process.stdout
        if source is None or answers is None:
            raise RuntimeError("a worker is asked through pipes")
        clock = threading.Timer(patience, self.process.kill)
        clock.daemon = True  # an interruption may come before the try: nobody waits for the clock
        try:
            clock.start()
            source.write(json.dumps(question).encode() + b"\n")
            source.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = b""
        finally:
            clock.cancel()
        if not line:
            code = self.process.wait()
            return {"status": "failed", "reason": f"its process ended with {code}, see the log"}
        return cast(Result, json.loads(line))

    def end(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Bench:
    """A run: its options, its folder of data and caches, and what has been found so far."""

    def __init__(self, said: argparse.Namespace, folder: Path) -> None:
        self.said, self.folder = said, folder
        self.competitors = [c for c in COMPETITORS if _wanted(c, said.competitors)]
        self.log = (folder / "log.txt").open("wb")
        self.workers: dict[str, Worker] = {}

    def environment(self, threads: int) -> dict[str, str]:
        """So many threads for every library; compiled code of theirs is kept apart by it.

        Python keeps what it has compiled of every library, and backprove is that of this folder.
        """
        count = str(threads)
        xla = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {
            **kept,
            **dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), count
            ),
            "XLA_FLAGS": f"{xla} intra_op_parallelism_threads={count}",
            "JAX_PLATFORMS": "cpu",
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder / f"inductor-{count}"),
            "BACKPROVE_CACHE": str(self.folder / "backprove"),
            "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
            "PYTHONWARNINGS": "ignore",
        }

    # -- steps and calls, many times in a living process ---------------------------------------

    def repeated(self, work: Training | Predicting | Graph, threads: int) -> Result:
        """All competitors, in rounds; seconds a step of each round."""
        path = self._data(work)
        rows: dict[str, Result] = {}
        workers = self.workers
        names = self.competitors + ([] if work.kind == "graph" else [LIMITS])
        for name in names:
            workers[name] = worker = Worker(self.environment(threads), self.log)
            question = {
                "do": "prepare", "competitor": name, "workload": work.name, "data": str(path),
                "threads": threads,
            }  # fmt: skip
            rows[name] = {"status": "ok", "best": [], **worker.ask(question, PATIENCE)}
            if rows[name]["status"] != "ok":
                self._end(name)
            self._told(work.name, threads, name, rows[name])
        for number in range(self.said.rounds):
            for name in _rotated(list(workers), number):
                time.sleep(PAUSE)
                question = {"do": "time", "seconds": self.said.seconds, "round": number}
                answer = workers[name].ask(question, 60 + 20 * self.said.seconds)
                if "status" in answer:
                    rows[name] |= answer
                    self._end(name)
                    continue
                for key, value in answer.items():
                    rows[name].setdefault(key, []).append(value)
        for name in list(workers):
            self._end(name)
        return {**_described(work), "threads": threads, "unit": "s", "rows": rows}

    def _end(self, name: str) -> None:
        """End a worker, and forget it then: an interruption in between finds it still."""
        self.workers[name].end()
        del self.workers[name]

    def stop(self) -> None:
        """End the processes of a workload that was interrupted."""
        for worker in self.workers.values():
            worker.kill()
        self.workers.clear()

    def _data(self, work: Training | Predicting | Graph) -> Path:
        """Data and what the first steps must come to, in a file that all competitors read."""
        path = self.folder / "data.npz"
        if isinstance(work, Graph):
            import graphs  # another file's work, which is not needed for anything else

            case = graphs.case(work.edges, work.levels, work.batch)
            return _written(path, {"expected change": reference.graph_change(case, graphs.RATE)})
        given, start = data(work), initial(work.sizes)
        if isinstance(work, Training):
            loss, after = reference.first_steps(work, start, given, CHECKED_STEPS)
            expected = {f"expected {name}": value for name, value in after.items()}
            return _written(path, {**given, "expected loss": np.array(loss), **expected})
        exact = {name: value.astype(np.float64) for name, value in start.items()}
        outputs = reference.outputs(work, exact, given["x"].astype(np.float64))[-1]
        return _written(path, {**given, "expected outputs": outputs})

    # -- once, in a fresh process ----------------------------------------------------------------

    def fresh(self, work: Fresh) -> Result:
        """All competitors, in rounds, each time in a process of its own; one untimed round first,
        so that files are in memory and what may be cached is."""
        arguments = dict(work.arguments)
        if work.what == "digits":
            arguments["path"] = str(write_digits(self.folder))
        rows: dict[str, Result] = {name: {"status": "ok", "best": []} for name in self.competitors}
        for number in range(-1, self.said.rounds):
            for name in _rotated(self.competitors, number):
                if rows[name]["status"] != "ok":
                    continue
                self._once(work, name, number, arguments, rows[name])
                if number < 0 or rows[name]["status"] != "ok":
                    self._told(work.name, 0, name, rows[name])
        return {**_described(work), "threads": _threads(work), "unit": work.unit, "rows": rows}

    def _once(
        self, work: Fresh, name: str, number: int, arguments: Mapping[str, Any], row: Result
    ) -> None:
        """Add one round to a row, or the reason why there is none."""
        given = {**arguments, "seed": number} if work.what == "digits" and number >= 0 else {
            **arguments, **({"seed": 0} if work.what == "digits" else {})
        }  # fmt: skip
        command = [sys.executable, str(HERE / "fresh.py"), name, work.what, json.dumps(given)]
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command, env=self.environment(_threads(work)), timeout=work.limit,
                stdout=subprocess.PIPE, stderr=self.log,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            row |= {"status": "too long", "reason": f"over {work.limit:.0f} s"}
            return
        seconds = time.perf_counter() - start
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            row |= {"status": "failed", "reason": f"ended with {done.returncode}, see the log"}
            return
        answer = json.loads(lines[-1])
        if "status" in answer:
            row |= answer
        elif number >= 0:
            row["best"].append(seconds if work.whole else answer["value"])
            if work.whole:
                row.setdefault("values", []).append(answer["value"])
                missed = sum(v < DIGITS_ACCURACY for v in row["values"])
                row["form"] = f"missed 97 % in {missed} rounds" if missed else ""

    def _told(self, work: str, threads: int, name: str, row: Result) -> None:
        """Progress, on stderr."""
        said = row["reason"] if row["status"] != "ok" else row.get("form") or "ready"
        place = f"{work}, {threads} thread{'s' * (threads != 1)}" if threads else work
        print(f"{place}: {name}: {said}", file=sys.stderr, flush=True)


def _written(path: Path, arrays: Mapping[str, Any]) -> Path:
    np.savez(path, allow_pickle=False, **arrays)
    return path


def _described(work: Workload) -> Result:
    return {"name": work.name, "kind": work.kind, "work": asdict(work)}


def _threads(work: Fresh) -> int:
    """All cores; one for the digits, where a second thread gains nobody anything."""
    return 1 if work.what == "digits" else len(os.sched_getaffinity(0))


def _rotated(names: Sequence[str], number: int) -> list[str]:
    """Another one begins in each round."""
    shift = number % len(names) if names else 0
    return [*names[shift:], *names[:shift]]


def _wanted(name: str, said: str) -> bool:
    return not said or name in said.split(",")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds of 0.3 s")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a competitor in a round")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, by commas")
    parser.add_argument("--only", default="", help="workloads whose name contains this, by commas")
    parser.add_argument("--competitors", default="", help="names, by commas; all by default")
    parser.add_argument("--json", default="", help="file for all that was measured")
    parser.add_argument("--markdown", default="", help="file for the tables, which are printed too")
    parser.add_argument("--plot", default="", help="file for a plot, .svg or .png")
    said = parser.parse_args()
    if said.quick:
        said.rounds, said.seconds = 2, 0.3
    for name in filter(None, said.competitors.split(",")):
        if name not in COMPETITORS:
            parser.error(f"there is no competitor {name!r}: {', '.join(COMPETITORS)}")
    return said


def main() -> None:
    """Run, and write what was found: the JSON after each workload, the tables at the end or when
    it is interrupted (Ctrl-C, SIGTERM)."""
    said = _options()
    signal.signal(signal.SIGTERM, _interrupted)
    chosen = [w for w in WORKLOADS if any(part in w.name for part in said.only.split(","))]
    found: Result = {
        "machine": machine.described(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "options": {**vars(said), "pause": PAUSE},
        "workloads": [],
    }
    folder = Path(tempfile.gettempdir()) / f"backprove-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    bench = Bench(said, folder)
    try:
        for work in chosen:
            if isinstance(work, Fresh):
                found["workloads"].append(bench.fresh(work))
                _keep(found, said.json)
                continue
            for threads in (int(n) for n in said.threads.split(",")):
                found["workloads"].append(bench.repeated(work, threads))
                _keep(found, said.json)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is left takes no time
        found["interrupted"] = True
        print("interrupted: this is what was measured", file=sys.stderr)
    finally:
        bench.stop()
        _keep(found, said.json)
    text = "\n".join([summary(found), *(table(one) for one in found["workloads"])])
    print(text)
    print(f"what the libraries said is in {folder / 'log.txt'}", file=sys.stderr)
    if said.markdown:
        Path(said.markdown).write_text(text)
    if said.plot:
        plot(found, Path(said.plot))
    if "interrupted" in found:
        raise SystemExit(130)


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _keep(found: Result, path: str) -> None:
    """Write all that was measured so far, in one step."""
    found["machine"]["load at the end"] = machine.load()
    if path:
        part = Path(f"{path}.part")
        part.write_text(json.dumps(found, indent=1) + "\n")
        part.replace(path)


if __name__ == "__main__":
    main()
