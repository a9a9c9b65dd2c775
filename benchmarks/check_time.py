"""How long `backprove check` takes, process start included.

    python benchmarks/check_time.py [--rounds N]

One line, right and wrong, and a derivation of thirty lines of a network of four layers, right
and with a mistake in the middle. Rounds are interleaved; median, least and most are printed.
Bytecode caching must be on, as it is for users (PYTHONDONTWRITEBYTECODE unset).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NEURON = "mlp:3-1,sigmoid,squared_error"
DEEP = "mlp:3-4-4-4-2,sigmoid,squared_error"
WANTED = "w1[1,2]"


def long_derivation() -> list[str]:
    """Thirty lines for ∂J/∂w1[1,2], each the same in another order or with a step undone."""
    signal = "sum(p: w4[p,i]*(h5[p] - y[p])*h5[p]*(1 - h5[p]))"
    third = f"sum(i: w3[i,l]*h4[i]*(1 - h4[i])*{signal})"
    second = f"sum(l: w2[l,1]*h3[l]*(1 - h3[l])*{third})"
    first = [f"{second}*h2[1]*(1 - h2[1])*x[2]", f"x[2]*h2[1]*(1 - h2[1])*{second}"]
    lines = ["∂J/∂w1[1,2] = ∂z2[1]*x[2]"]
    for number in range(2, 31):
        lines.append(f"= {first[number % 2]}" + f" + {number}*x[1] - {number}*x[1]" * (number % 3))
    return lines


def command(network: str, quantity: str, text: str, folder: Path, name: str) -> list[str]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return [sys.executable, "-m", "backprove", "check", network, quantity, "--file", str(file)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    right = long_derivation()
    wrong = [*right[:15], *(line.replace("1 - h3", "1 + h3") for line in right[15:])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = {
            "one line, right": command(
                NEURON, "w1", "(h2[i] - y[i])*h2[i]*(1 - h2[i])*x[j]", folder, "a.txt"
            ),
            "one line, a factor missing": command(
                NEURON, "w1", "(h2[i] - y[i])*h2[i]*x[j]", folder, "b.txt"
            ),
            "30 lines, 4 layers, right": command(DEEP, WANTED, "\n".join(right), folder, "c.txt"),
            "30 lines, 4 layers, wrong at 16": command(
                DEEP, WANTED, "\n".join(wrong), folder, "d.txt"
            ),
        }
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        times: dict[str, list[float]] = {case: [] for case in cases}
        for number in range(rounds + 1):  # the first round warms the caches
            for case, arguments in cases.items():
                start = time.perf_counter()
                answer = subprocess.run(arguments, capture_output=True, text=True, env=environment)
                taken = time.perf_counter() - start
                expected = 0 if "right" in case else 1
                if answer.returncode != expected:
                    sys.exit(f"{case}: exit code {answer.returncode}\n{answer.stdout[:2000]}")
                if number:
                    times[case].append(taken)
    for case, taken_ in times.items():
        print(f"{case:34} {statistics.median(taken_):.2f} s"
              f"  ({min(taken_):.2f} to {max(taken_):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
