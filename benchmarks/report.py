"""From measured rounds to ratios, tables, goals and a plot.

A ratio is always theirs over ours within one round; what is told is the median of the rounds'
ratios, with the least and the largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from competitors.interface import COMPETITORS
from limits import PEAK_SIZE, bytes_of_step
from workloads import (
    BEST_FRAMEWORK,
    BEST_PEER,
    PEAK,
    SAME_PRODUCTS,
    WORKLOADS,
    Fresh,
    Goal,
    Predicting,
    Training,
    Workload,
)

Result = Mapping[str, Any]
Spread = tuple[float, float, float]
"""Median, least, largest."""

LIMITS = "limits"
PUBLISHED = (
    "tensorgrad (published by its author, not run here): the readable gradient of an 8-layer MLP"
    " takes 85 s and 820,000 characters"
)


def spread(values: Sequence[float]) -> Spread:
    return median(values), min(values), max(values)


def finished(result: Result) -> dict[str, list[float]]:
    """The rounds of every competitor that was measured in all of them."""
    rows = result["rows"]
    return {
        name: row["best"] for name, row in rows.items() if row["status"] == "ok" and row["best"]
    }


def ours(result: Result) -> str:
    """The row that stands for backprove: the faster of its backends; "" if none was measured."""
    found = finished(result)
    rows = [name for name in found if name != LIMITS and COMPETITORS[name].ours]
    return min(rows, key=lambda name: median(found[name]), default="")


def best_peer(result: Result, frameworks_only: bool) -> str:
    """The peer with the least median; "" if there is none."""
    found = finished(result)
    peers = [
        name
        for name in found
        if name != LIMITS
        and not COMPETITORS[name].ours
        and (COMPETITORS[name].framework or not frameworks_only)
    ]
    return min(peers, key=lambda name: median(found[name]), default="")


def ratios(result: Result, name: str) -> Spread | None:
    """A competitor's time (or memory) over ours, round by round."""
    found, mine = finished(result), ours(result)
    if not mine or name not in found:
        return None
    return spread([a / b for a, b in zip(found[name], found[mine], strict=True)])


def peak_fraction(result: Result, name: str) -> Spread | None:
    """A competitor's rate in the step's matrix products over that of sgemm at n = 2048."""
    work, found = _work(result), finished(result)
    if not isinstance(work, Training | Predicting) or LIMITS not in found or name not in found:
        return None
    peaks = result["rows"][LIMITS]["peak"]
    operations = work.operations()
    return spread([operations / t / p for t, p in zip(found[name], peaks, strict=True)])


def memory_fraction(result: Result, name: str) -> Spread | None:
    """What a step must read or write at least, over its time and the machine's bandwidth."""
    work, found = _work(result), finished(result)
    if not isinstance(work, Training | Predicting) or LIMITS not in found or name not in found:
        return None
    rates = result["rows"][LIMITS]["bandwidth"]
    moved = bytes_of_step(work)
    return spread([moved / t / r for t, r in zip(found[name], rates, strict=True)])


def _work(result: Result) -> Workload | None:
    return next((w for w in WORKLOADS if w.name == result["name"]), None)


# -- goals ---------------------------------------------------------------------------------


def goal_rows(result: Result) -> list[tuple[str, str, str, str]]:
    """(against, at least, measured, verdict) of each goal of a workload."""
    work = _work(result)
    if work is None:
        return []
    rows = []
    for goal in work.goals:
        name, found = _against(result, goal)
        measured = f"{_ratio(found)}{f' ({name})' if name else ''}" if found else "not measured"
        rows.append((goal.against, f"{goal.ratio:g} ×", measured, _verdict(found, goal.ratio)))
    if isinstance(work, Fresh) and work.absolute is not None:
        mine = ours(result)
        if mine:
            told = spread(finished(result)[mine])
            verdict = "reached" if told[0] <= work.absolute else "missed"
            rows.append(("-", f"under {time_said(work.absolute)}", _times(told, "s"), verdict))
        else:
            rows.append(("-", f"under {time_said(work.absolute)}", "not measured", "-"))
    return rows


def _against(result: Result, goal: Goal) -> tuple[str, Spread | None]:
    """Who stands for the goal, and the ratio."""
    if goal.against == PEAK:
        return "", peak_fraction(result, ours(result))
    if goal.against == SAME_PRODUCTS:
        return "", ratios(result, LIMITS)
    if goal.against in (BEST_PEER, BEST_FRAMEWORK):
        name = best_peer(result, frameworks_only=goal.against == BEST_FRAMEWORK)
        return name, ratios(result, name)
    return goal.against, ratios(result, goal.against)


def _verdict(found: Spread | None, least: float) -> str:
    if found is None:
        return "-"
    return "reached" if found[0] >= least else f"missed, {found[0] / least:.0%} of it"


# -- tables --------------------------------------------------------------------------------


def summary(found: Result) -> str:
    """The machine, its limits, and every goal with what was measured."""
    m = found["machine"]
    packages = ", ".join(f"{n} {v}" for n, v in m["packages"].items() if v != "not installed")
    lines = [
        f"# Benchmarks, {found['started']}{', interrupted' if 'interrupted' in found else ''}", "",
        f"- {m['processor']}, {m['cores']} cores, {', '.join(m['vectors'])};"
        f" caches {', '.join(f'{k} {v}' for k, v in m['caches'].items())}; {m['memory_gb']} GB",
        f"- {m['system']}, Python {m['python']}, {m['compiler']}; revision {m['revision']}",
        f"- {packages}",
        f"- load before {m['load']}, after {m.get('load at the end', '-')};"
        f" {found['options']['rounds']} rounds of {found['options']['seconds']:g} s",
    ]  # fmt: skip
    for threads, peaks, rates in _limits(found):
        lines.append(
            f"- {threads} thread{'s' * (threads > 1)}: sgemm at n = {PEAK_SIZE}"
            f" {median(peaks) / 1e9:.0f} GFLOP/s ({min(peaks) / 1e9:.0f} to"
            f" {max(peaks) / 1e9:.0f}); memory {median(rates) / 1e9:.1f} GB/s on one core"
        )
    lines += [
        "", "| workload | threads | against | at least | measured | |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for result in found["workloads"]:
        for row in goal_rows(result):
            lines.append(f"| {result['name']} | {result['threads']} | {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _limits(found: Result) -> list[tuple[int, list[float], list[float]]]:
    """(threads, peaks, bandwidths) over all workloads of a run."""
    by_threads: dict[int, tuple[list[float], list[float]]] = {}
    for result in found["workloads"]:
        row = result["rows"].get(LIMITS, {})
        if row.get("status") == "ok" and row.get("peak"):
            peaks, rates = by_threads.setdefault(result["threads"], ([], []))
            peaks += row["peak"]
            rates += row["bandwidth"]
    return [(threads, *both) for threads, both in sorted(by_threads.items())]


def table(result: Result) -> str:
    """One workload: every competitor's time, how many times ours it is, and its form."""
    unit, mine = result["unit"], ours(result)
    dense = LIMITS in result["rows"]
    head = ["competitor", "median (least to largest)", f"× {mine}" if mine else "×"]
    head += ["of sgemm's rate", "of memory's"] if dense else []
    head += ["form"]
    lines = [
        f"## {_place(result)}", "",
        f"| {' | '.join(head)} |", "|" + "---|" * len(head),
    ]  # fmt: skip
    done = finished(result)
    for name in sorted(done, key=lambda name: median(done[name])):
        row = result["rows"][name]
        shown = "sgemm of the same shapes" if name == LIMITS else name
        cells = [shown, _times(spread(done[name]), unit), _ratio(ratios(result, name))]
        if dense:
            cells += [
                _percent(peak_fraction(result, name)),
                _percent(memory_fraction(result, name)),
            ]
        lines.append(f"| {' | '.join([*cells, row.get('form', '')])} |")
    if result["name"].startswith("derive"):
        lines += ["", f"{PUBLISHED}."]
    reasons: dict[str, list[str]] = {}
    for name, row in result["rows"].items():
        if name not in done and not row.get("reason", "").startswith("has no "):
            reason = f"{row['status']}: {row.get('reason', 'no round was finished')}"
            reasons.setdefault(reason, []).append(name)
    lines += [""] * bool(reasons)
    lines += [f"- {', '.join(who)}: {reason}" for reason, who in reasons.items()]
    return "\n".join(lines) + "\n"


def _times(values: Spread, unit: str) -> str:
    if unit == "MB":
        return f"{values[0]:.1f} MB ({values[1]:.1f} to {values[2]:.1f})"
    return f"{time_said(values[0])} ({time_said(values[1])} to {time_said(values[2])})"


def time_said(seconds: float) -> str:
    """With three digits, in the unit that fits."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _ratio(values: Spread | None) -> str:
    if values is None:
        return "-"
    return f"{values[0]:.2f} ({values[1]:.2f} to {values[2]:.2f})"


def _percent(values: Spread | None) -> str:
    return "-" if values is None else f"{values[0]:.0%}"


# -- plot ----------------------------------------------------------------------------------

_COLOURS = {
    "backprove-numpy": "#9db7d5", "numpy": "#8c8c8c", "scipy": "#5f5f5f", LIMITS: "#000000",
    "torch-eager": "#f2b391", "torch-func": "#e58b5b", "torch-compile": "#c8501e",
    "jax-jit": "#a5d6a7", "jax-scan": "#4caf50", "jax-scan-8": "#1b7a32",
    "scikit-learn": "#b39ddb", "casadi": "#d4a017", "sympy": "#795548",
}  # fmt: skip


def _place(result: Result) -> str:
    threads = result["threads"]
    return f"{result['name']}, {threads} thread{'s' * (threads > 1)}"


def plot(found: Result, path: Path) -> None:
    """Every competitor's time over ours, by workload, on a logarithmic axis."""
    try:
        from matplotlib.figure import Figure  # heavy, and optional
    except ModuleNotFoundError:
        print("no plot: matplotlib is not installed")
        return
    results = [r for r in found["workloads"] if ours(r)][::-1]
    figure = Figure(figsize=(9, 1.2 + 0.42 * len(results)), layout="constrained")
    axes = figure.add_subplot()
    shown: set[str] = set()
    for y, result in enumerate(results):
        for name in finished(result):
            values = ratios(result, name)
            if name == ours(result) or values is None:
                continue
            colour = _COLOURS.get(name, "#1f4e8c")
            label = "sgemm of the same shapes" if name == LIMITS else name
            axes.plot(values[1:], [y, y], color=colour, linewidth=1.5)
            axes.plot(
                values[0], y, "|" if name == LIMITS else "o", color=colour,
                markersize=11 if name == LIMITS else 5.5,
                label="" if label in shown else label,
            )  # fmt: skip
            shown.add(label)
    axes.axvline(1, color="#1f4e8c", linewidth=2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [_place(r) for r in results])
    axes.set_ylim(-0.6, len(results) - 0.4)
    axes.set_xlabel("their time ÷ backprove's: right of the line is slower than backprove")
    axes.grid(axis="x", which="major", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)
