"""Judging a hand-written backward pass: a Python function, or a `torch.autograd.Function`.

The reader's code is run, and what it gives is compared, component by component, with the
gradient that is derived from the network's equations, at random points in float64.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from ...language import reference
from ...language.names import did_you_mean
from ...network import Network
from ...notation import bind
from ...render.pieces import text_of
from ...run.values import Array, nested
from ...verify.points import Point
from ..diagnosis.matching import diagnose_values
from .autograd import given_to, run_function
from .comparing import Row, as_array, compare
from .numeric import UPSTREAM, Numeric, concrete, exact_point, numerics, part_of, python_name
from .usercode import CodeError, Target, called, find_target, loaded

TRIALS = 3

SECONDS = 0.7
"""About how long the mistake behind one output is looked for."""

MOST_KINDS = 3

MOST_SHOWN = 200
"""A counterexample of more numbers than this is not written out."""


@dataclass(frozen=True)
class CodeReport:
    """What is said of a backward pass.

    rows: one an output. reading: how the code was taken, in sentences. warnings: what is
    wrong besides, such as arguments that the code changes. at: the values at the first wrong
    point, None where nothing is wrong.
    """

    file: str
    name: str
    rows: tuple[Row, ...]
    reading: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    at: Mapping[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether every output is right."""
        return all(row.verdict == "right" for row in self.rows)

    @property
    def first_wrong(self) -> Row | None:
        return next((row for row in self.rows if row.verdict != "right"), None)

    def lines(self) -> list[str]:
        """The report for reading, a paragraph a line."""
        widest = max((len(row.quantity) for row in self.rows), default=0)
        lines = [f"{self.reading[0]}."] if self.reading else []
        lines += [f"  {sentence}." for sentence in self.reading[1:]]
        for row in self.rows:
            indent = " " * (widest + 2)
            lines.append(f"{row.quantity:<{widest}}  {_said(row)}")
            lines += [f"{indent}{kind}: {says}" for kind, says in row.diagnosis]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return lines

    def text(self, width: int = 80) -> str:
        """The report wrapped to a width."""
        lines = []
        for line in self.lines():
            deeper = " " * (len(line) - len(line.lstrip()) + 4)
            lines += textwrap.wrap(line, width, subsequent_indent=deeper, break_on_hyphens=False)
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The report as data: a verdict like that of a written derivation, and the outputs."""
        first = self.first_wrong
        example = None
        if first is not None and first.yours is not None:
            row = first.as_json()
            at = {**(self.at or {}), "component": first.component}
            example = {"at": at, "yours": row["yours"], "correct": row["correct"]}
        return {
            "verdict": "right" if first is None else "wrong",
            "diagnosis": _diagnosis(first),
            "first_wrong_line": None,
            "reading": "; ".join(self.reading),
            "counterexample": example,
            "convention": None,
            "outputs": [row.as_json() for row in self.rows],
            "warnings": list(self.warnings),
        }


def _diagnosis(first: Row | None) -> list[dict[str, str]]:
    if first is None:
        return []
    found = [{"kind": kind, "says": says} for kind, says in first.diagnosis]
    if found:
        return found
    kind = "shape" if first.verdict == "shape" else "unknown"
    return [{"kind": kind, "says": f"{first.quantity}: {_said(first)}"}]


def _said(row: Row) -> str:
    """wrong: first at w1[1,2], yours 0.5, correct 0.25; 3 of 6 components differ."""
    where = ""
    if row.component:
        first = f"first at {row.component}: " if row.component != row.quantity else ""
        where = f"{first}yours {row.yours:.10g}, correct {row.correct:.10g}"
    rest = "; ".join(filter(None, (where, row.says)))
    return f"{row.verdict}: {rest}" if rest else row.verdict


@dataclass(frozen=True)
class Asked:
    """One gradient that is compared: a whole quantity, or one component of it."""

    quantity: str
    position: tuple[int, ...] = ()

    def __str__(self) -> str:
        index = f"[{','.join(map(str, self.position))}]" if self.position else ""
        return f"{self.quantity}{index}"

    def of(self, array: Array) -> Array:
        """This part of the quantity's gradient."""
        return np.asarray(array[tuple(k - 1 for k in self.position)])


def check_code(
    network: Network,
    path: str | Path,
    name: str = "",
    asked: Sequence[str] = (),
    seed: int = 0,
    trials: int = TRIALS,
) -> CodeReport:
    """Run the code and judge what it gives. THE CODE IS RUN, with this process's rights.

    path: a file of Python. name: its function, or its subclass of torch.autograd.Function; by
    default `backward`, else the only one that fits. asked: the quantities whose gradients are
    compared, by default every weight and bias and whatever else the code gives.
    Raises CodeError where the code cannot be run or understood, DataError where the network
    has no values.
    """
    wanted = tuple(_asked(network, text) for text in asked)
    with loaded(Path(path)) as module:
        spelled = _spelled(network)
        target = find_target(
            module, Path(path), name, lambda ps: not _unknown(ps, spelled, network)
        )
        names = _matched(target, spelled, network)
        goals = [a.quantity for a in wanted] or [q.name for q in network.trained]
        runs = [
            _run(network, target, at, names, wanted)
            for at in numerics(network, seed, trials, goals)
        ]
    return _report(network, target, runs, names)


def _asked(network: Network, text: str) -> Asked:
    ref = reference(text, network)
    if network[ref.name].kind in ("target", "constant"):
        raise DataError(f"{ref.name} is a {network[ref.name].kind}: it has no gradient to compare")
    numbers = tuple(i for i in ref.indices if isinstance(i, int))
    return Asked(ref.name, numbers if len(numbers) == len(ref.indices) else ())


# -- parameters ----------------------------------------------------------------------------


def _spelled(network: Network) -> dict[str, str]:
    """The names that parameters may have, and what each means in the network."""
    table: dict[str, str] = {}
    for name, q in network.quantities.items():
        if not q.hidden:
            table.setdefault(python_name(name), name)
    for name in network.sizes:
        table.setdefault(python_name(name), name)
    return table


def _functions(network: Network) -> set[str]:
    rows = [row for row in network.own_functions.values() if row.abstract]
    return {python_name(n) for row in rows for n in (row.name, row.derivative_name)}


def _meaning(parameter: str, spelled: Mapping[str, str]) -> str | None:
    """The name that a parameter stands for; capitals count only where they tell names apart."""
    if parameter in spelled:
        return spelled[parameter]
    near = [name for key, name in spelled.items() if key.casefold() == parameter.casefold()]
    return near[0] if len(near) == 1 else None


def _unknown(
    parameters: Iterable[Parameter], spelled: Mapping[str, str], network: Network
) -> list[str]:
    """The parameters that need a value and have none."""
    known = _functions(network) | {UPSTREAM}
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.name not in known and _meaning(p.name, spelled) is None
    ]


def _matched(target: Target, spelled: Mapping[str, str], network: Network) -> dict[str, str]:
    """For each parameter that the network knows, what it is. Raises CodeError for the others."""
    for parameter in _unknown(target.parameters, spelled, network):
        others = sorted(_functions(network))
        near = did_you_mean(parameter, [*spelled, *others])
        raise CodeError(
            f"{target.name} in {target.path} takes {parameter}, which this network does not have",
            f"{near + ' ' if near else ''}it has {_listed([*spelled, *others])}",
        )
    functions = _functions(network)
    found = {
        p.name: meaning
        for p in target.parameters
        if p.name not in functions and (meaning := _meaning(p.name, spelled)) is not None
    }
    if target.autograd and not any(name in network.quantities for name in found.values()):
        raise CodeError(f"the forward of {target.name} takes no quantity of the network")
    return found


def _listed(names: Sequence[str], most: int = 30) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- running -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """What the code gave at one point: rows, the gradients that it gave for them, what its
    outputs are (of a Function), and which arguments it changed."""

    at: Numeric
    rows: tuple[Row, ...]
    given: Mapping[str, Any]
    outputs: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def _run(
    network: Network, target: Target, at: Numeric, names: Mapping[str, str],
    wanted: tuple[Asked, ...],
) -> _Run:  # fmt: skip
    others: dict[str, Any] = {UPSTREAM: 1.0, **at.functions}
    others |= {p: at.point.sizes[n] for p, n in names.items() if n not in network.quantities}
    others = {
        p.name: others[p.name]
        for p in target.parameters
        if p.name in others and (p.name != UPSTREAM or p.default is p.empty)
    }
    quantities = {p: n for p, n in names.items() if n in network.quantities}
    if target.autograd:
        found, correct, outputs = run_function(target, at, quantities, others)
        goals = wanted or tuple(
            Asked(n) for n, got in found.items() if got is not None or n in _trained(network)
        )
        shown = {str(a): _part(found.get(a.quantity), a) for a in goals}
        rows = tuple(
            compare(str(a), shown[str(a)], a.of(correct[a.quantity]))
            if a.quantity in found
            else Row(str(a), "missing", f"{target.name} does not take it")
            for a in goals
        )
        return _Run(at, rows, shown, outputs)
    given = {p: np.array(at.value(n), np.float64)[()] for p, n in quantities.items()}
    answer = called(target, {**others, **given})
    changed = tuple(n for p, n in quantities.items() if not np.array_equal(given[p], at.value(n)))
    order = wanted or tuple(Asked(q.name) for q in network.trained)
    by_quantity = _by_quantity(network, target, answer, order)
    extra = () if wanted else tuple(Asked(n) for n in by_quantity if n not in _trained(network))
    shown = {str(a): _part(by_quantity[a.quantity], a) for a in (*order, *extra)
             if a.quantity in by_quantity}  # fmt: skip
    note = ""
    if isinstance(answer, tuple | list) and len(order) > 1:
        note = f"; a tuple is read in the order {', '.join(map(str, order))}"
    rows = tuple(_row(target, at, a, shown, note) for a in (*order, *extra))
    return _Run(at, rows, shown, (), changed)


def _row(target: Target, at: Numeric, a: Asked, shown: Mapping[str, Any], note: str) -> Row:
    if str(a) not in shown:
        return Row(str(a), "missing", f"{target.name} does not give it")
    row = compare(str(a), shown[str(a)], a.of(at.gradients[a.quantity]))
    return replace(row, says=row.says + note) if row.verdict == "shape" else row


def _trained(network: Network) -> list[str]:
    return [q.name for q in network.trained]


def _part(given: Any, asked: Asked) -> Any:
    """The component asked for, of a whole gradient; a single number is that component."""
    array = None if given is None else as_array(given)
    if array is None or not asked.position or array.ndim < len(asked.position):
        return given
    try:
        return asked.of(array)
    except IndexError:
        return given


def _by_quantity(
    network: Network, target: Target, answer: Any, order: tuple[Asked, ...]
) -> dict[str, Any]:
    """What the code gives, by quantity. Raises CodeError where that cannot be told."""
    names = [a.quantity for a in order]
    expected = (
        f"return a dictionary such as {{{_keys(names)}}}, or a tuple in the order"
        f" {', '.join(map(str, order))}"
        if len(names) != 1
        else f"return one array, or a dictionary {{{_keys(names)}}}"
    )
    if answer is None:
        raise CodeError(f"{target.name} in {target.path} returns nothing", expected)
    if isinstance(answer, Mapping):
        found: dict[str, Any] = {}
        for key, value in answer.items():
            quantity = _key(network, str(key))
            if quantity is None:
                near = did_you_mean(str(key), [f"d{n}" for n in network.quantities])
                raise CodeError(
                    f"{target.name} in {target.path} returns a gradient {key!r}, and the network"
                    " has no such quantity",
                    near or expected,
                )
            if quantity in found:
                raise CodeError(f"{target.name} in {target.path} returns {quantity} twice")
            found[quantity] = value
        return found
    if isinstance(answer, tuple) or (isinstance(answer, list) and len(names) > 1):
        if len(answer) != len(names):
            raise CodeError(
                f"{target.name} in {target.path} returns {len(answer)} things where"
                f" {len(names)} are asked for",
                expected,
            )
        return dict(zip(names, answer, strict=True))
    if len(names) != 1:
        raise CodeError(
            f"{target.name} in {target.path} returns one thing where {len(names)} are asked for",
            expected,
        )
    return {names[0]: answer}


def _keys(names: Sequence[str]) -> str:
    shown = ", ".join(f'"d{python_name(n)}": …' for n in names[:3])
    return shown + (", …" if len(names) > 3 else "")


def _key(network: Network, key: str) -> str | None:
    """The quantity whose gradient a key names: w1, dw1, d_w1, grad_w1, w1_grad or ∂w1."""
    spelled = {
        k: n
        for n, q in network.quantities.items()
        if q.kind not in ("target", "constant") and not q.hidden
        for k in (n, python_name(n))
    }
    found = _meaning(key, spelled)
    for start in ("grad_", "d_", "d", "∂"):
        if found is None and key.startswith(start):
            found = _meaning(key.removeprefix(start), spelled)
    if found is None and key.endswith("_grad"):
        found = _meaning(key.removesuffix("_grad"), spelled)
    return found


# -- reporting -----------------------------------------------------------------------------


def _report(
    network: Network, target: Target, runs: Sequence[_Run], names: Mapping[str, str]
) -> CodeReport:
    """For each output, what is said at the first point at which it is not right."""
    rows: dict[str, Row] = {}
    at: Numeric | None = None
    for run in runs:
        for row in run.rows:
            if rows.setdefault(row.quantity, row).verdict == "right" and row.verdict != "right":
                rows[row.quantity] = row
            if row.verdict != "right" and at is None:
                at = run.at
    judged = tuple(
        replace(row, diagnosis=_likely_kinds(network, row.quantity, runs, names))
        if row.verdict == "wrong"
        else row
        for row in rows.values()
    )
    points = f"{len(runs)} random point{'s' if len(runs) > 1 else ''}"
    reading = [f"ran {target.name} of {target.path} at {points}"]
    reading += [f"{p} is taken as {n}" for p, n in names.items() if python_name(n) != p]
    for number, output in enumerate(runs[0].outputs):
        which = f"output {number + 1}" if len(runs[0].outputs) > 1 else "the output"
        reading.append(f"{which} of forward is {output}")
    changed = dict.fromkeys(name for run in runs for name in run.changed)
    warnings = tuple(
        f"the code changes its argument {name} in place: whoever calls it finds another {name}"
        " afterwards; work on a copy"
        for name in changed
    )
    warnings += tuple(_untaken(target, runs))
    return CodeReport(
        target.file, target.name, judged, tuple(reading), warnings,
        None if at is None else _where(at),
    )  # fmt: skip


def _likely_kinds(
    network: Network, asked: str, runs: Sequence[_Run], names: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """The kinds of mistakes that would give these numbers, each with a sentence."""
    judged, points = _network_judged(concrete(network), runs, names)
    samples = []
    for run, point in zip(runs, points, strict=True):
        row = next(row for row in run.rows if row.quantity == asked)
        array = as_array(run.given[asked]) if row.verdict in ("right", "wrong") else None
        if array is not None and np.isfinite(array).all():
            samples.append((point, array.tolist()))
    if not samples:
        return ()
    found = diagnose_values(judged, asked, samples, limit_s=SECONDS)
    notation = bind("as-written", judged)
    kinds: dict[str, str] = {}
    for explanation in found.explanations:
        for slip in explanation.mistakes:
            words = (p if isinstance(p, str) else text_of(p, notation) for p in slip.says)
            kinds.setdefault(slip.kind, "".join(words))
    return tuple(kinds.items())[:MOST_KINDS]


def _network_judged(
    network: Network, runs: Sequence[_Run], names: Mapping[str, str]
) -> tuple[Network, list[Point]]:
    """Of what the code gives the gradient, and the points: a part where it is a Function."""
    outputs = runs[0].outputs
    if not outputs:
        return network, [replace(run.at.point, network=network) for run in runs]
    passed = frozenset(n for n in names.values() if n in network.quantities)
    part = part_of(network, passed, outputs)
    return part, [exact_point(part, run.at.point, given_to(part, run.at, outputs)) for run in runs]


def _untaken(target: Target, runs: Sequence[_Run]) -> Iterable[str]:
    """Abstract functions that the code does not ask for: it cannot know what they are."""
    functions = runs[0].at.functions
    if functions and not any(p.name in functions for p in target.parameters):
        yield (
            f"this network leaves its functions abstract; take {_listed(list(functions))} as"
            " parameters, so that the code and the derivation use the same"
        )


def _where(at: Numeric) -> dict[str, Any]:
    """The point as numbers; its sizes alone where these would be many."""
    sizes = {n: k for n, k in at.point.sizes.items() if at.point.network.length(n) is None}
    shown = {n: a for n, a in at.given.items() if n not in at.point.sizes}
    if sum(a.size for a in shown.values()) > MOST_SHOWN:
        return dict(sizes)
    return {**sizes, **nested(shown)}
