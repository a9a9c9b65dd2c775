"""Time of the dynamic program against depth: 10, 100 and 1,000 layers, several rounds each.

    python benchmarks/derivation_time.py [--layers 10 100 1000] [--rounds 5]

Prints the median and the spread in seconds, and the ratio of each depth to the one before.
Parsing is timed apart: the dynamic program starts from a network that has been read.
"""

from __future__ import annotations

import argparse
import gc
from statistics import median
from time import perf_counter

from backprove.adjoints import backprop
from backprove.language import mlp


def seconds(layers: int) -> tuple[float, float]:
    """Seconds to read an MLP of this depth, and to derive all its adjoints and gradients."""
    start = perf_counter()
    network = mlp([4] * (layers + 1), activation="sigmoid", loss="squared_error")
    read = perf_counter()
    program = backprop(network)
    assert len(program.adjoints) == len(network.quantities)
    done = perf_counter()
    return read - start, done - read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds: dict[int, list[tuple[float, float]]] = {layers: [] for layers in options.layers}
    seconds(2)
    for _ in range(options.rounds):
        for layers in options.layers:
            gc.collect()
            rounds[layers].append(seconds(layers))
    before = 0.0
    for layers, found in rounds.items():
        read = median(r for r, _ in found)
        times = sorted(d for _, d in found)
        middle = median(times)
        ratio = f", {middle / before:.1f} times the depth before" if before else ""
        print(
            f"{layers:>6} layers: read {read:.3f} s, derive {middle:.3f} s"
            f" ({times[0]:.3f} to {times[-1]:.3f}){ratio}"
        )
        before = middle


if __name__ == "__main__":
    main()
