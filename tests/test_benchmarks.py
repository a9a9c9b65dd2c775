"""The benchmark harness: what was measured is kept, whatever ends the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WORKLOAD = "graph of 10^4 edges, 20 levels"


def bench(root: Path, folder: Path, threads: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, str(root / "benchmarks" / "bench.py"), "--only", "10^4 edges, 20",
        "--competitors", "backprove-numpy", "--rounds", "1", "--seconds", "0.02",
        "--threads", threads, "--json", str(folder / "found.json"),
    ]  # fmt: skip
    surroundings = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(folder)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings
    )


def kept(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "found.json").read_text()))


def test_a_workload_is_measured(root: Path, tmp_path: Path) -> None:
    with bench(root, tmp_path, "1") as run:
        told, log = run.communicate(timeout=180)
    assert run.returncode == 0, log
    found = kept(tmp_path)
    (result,) = found["workloads"]
    assert (result["name"], result["threads"]) == (WORKLOAD, 1)
    assert result["rows"]["backprove-numpy"]["status"] == "ok", log
    (seconds,) = result["rows"]["backprove-numpy"]["best"]
    assert 0 < seconds < 10
    assert f"## {WORKLOAD}, 1 thread\n" in told
    assert "interrupted" not in told


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_it_has(
    root: Path, tmp_path: Path, by: signal.Signals
) -> None:
    with bench(root, tmp_path, ",".join("1" * 500)) as run:
        end = time.monotonic() + 180
        while not (tmp_path / "found.json").exists() and time.monotonic() < end:
            time.sleep(0.02)
        run.send_signal(by)
        told, log = run.communicate(timeout=180)
    assert run.returncode == 130, log
    found = kept(tmp_path)
    assert found["interrupted"]
    assert 1 <= len(found["workloads"]) < 500
    assert told.count(f"## {WORKLOAD}, 1 thread\n") == len(found["workloads"])
    assert "interrupted: this is what was measured" in log
    assert not (tmp_path / "found.json.part").exists()
