"""Derivations, the backward pass and the paths to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from html import escape

from ..adjoints import Backprop
from ..derivation.pattern import pattern_of
from ..diagram.paths import Link, Path
from ..diagram.paths import paths as all_paths
from ..errors import DataError
from ..expr import Ref, plain
from ..network import ADJOINT, ARGUMENT, Equation
from ..notation import BoundNotation
from ..render.document import page
from ..run.values import Array
from . import formulas, state
from .finite import finite, listed
from .messages import (
    AskBackprop,
    AskDerivation,
    AskPaths,
    BackpropAnswer,
    BackpropRow,
    DerivationAnswer,
    Given,
    PathAnswer,
    PathEdge,
    PathsAnswer,
)


def derivation(given: AskDerivation) -> DerivationAnswer:
    """∂loss/∂quantity, step by step."""
    made = state.derivation(given.text, given.notation, given.quantity, given.style, given.zoom)
    number, notes = state.beside(given) if given.numbers else (None, ())
    notation = state.bound(given.text, given.notation)
    laid = page(made, notation, laws=given.why, repeat_laws=True, marks=True, numbers=number)
    answer = formulas.derivation(laid, plain(made.quantity), given.why)
    answer.notes += map(escape, notes)
    return answer


def backprop(given: AskBackprop) -> BackpropAnswer:
    """Every adjoint that has a symbol and every gradient, from the loss back."""
    network, notation = state.network(given.text), state.bound(given.text, given.notation)
    program = state.program(given.text)
    found = program.in_symbols(notation.named_adjoints)
    gradients = [found[q.name] for q in network.trained]
    shown = {n: e for n, e in found.items() if n in network.equations or e in gradients}
    reads = {name: _reads(equation, shown) for name, equation in shown.items()}
    results, notes = _results(given) if given.numbers else ({}, ())
    columns = _columns(given.text)
    rows = [
        BackpropRow(
            name=name,
            title=formulas.mathml(Ref(ADJOINT + name), notation),
            left=formulas.mathml(equation.left, notation),
            right=formulas.chunks(equation.right, notation),
            kind="adjoint" if name in network.equations else "gradient",
            value=listed(results[ADJOINT + name]) if results else None,
            uses=reads[name],
            reused=sum(name in others for others in reads.values()),
            column=columns.get(name, 0),
            reason=_reason(program, name, notation),
        )
        for name, equation in shown.items()
    ]
    rows += [
        BackpropRow(
            name=q.name,
            title=formulas.mathml(Ref(q.name), notation),
            left=formulas.mathml(Ref(q.name), notation),
            right=[],
            kind="gradient",
            value=None,
            uses=[],
            reused=0,
            column=columns.get(q.name, 0),
            reason=_reason(program, q.name, notation),
        )
        for q in network.of_kind("constant")
        if q.name not in network.sizes
    ]
    return BackpropAnswer(
        pattern=[formulas.html(words, notation) for words in pattern_of(network, gradients)],
        rows=rows,
        notes=[*map(escape, notes), *map(escape, notation.notes)],
    )


def _reads(equation: Equation, shown: Mapping[str, Equation]) -> list[str]:
    names = (name.removeprefix(ADJOINT) for name in sorted(equation.right.names)
             if name.startswith(ADJOINT))  # fmt: skip
    return [name for name in names if name in shown]


def _reason(program: Backprop, name: str, notation: BoundNotation) -> str | None:
    words = program.reason(name)
    return formulas.html(words, notation) if words else None


def _results(given: Given) -> tuple[Mapping[str, Array], tuple[str, ...]]:
    try:
        values, notes = state.values(given)
        return state.evaluator(given.text).results(values, seed=given.seed), notes
    except DataError as error:
        return {}, (f"there are no numbers: {error.message}",)


def _columns(text: str) -> dict[str, int]:
    """The column of each quantity; a weight's or bias's is that of what it leads to."""
    network, drawn = state.network(text), state.drawing(text)
    columns = {name: group.column for group in drawn.groups for name in group.members}
    for name in network.equations:  # a hidden argument, a part of the loss
        columns.setdefault(name, columns.get(name.removesuffix(ARGUMENT), drawn.columns - 1))
    for q in network.quantities.values():
        users = [columns[user] for user in network.consumers[q.name] if user in columns]
        if users:
            columns.setdefault(q.name, min(users))
    return columns


def paths(given: AskPaths) -> PathsAnswer:
    """Every path from a component to the loss, and how they sum."""
    notation = state.bound(given.text, given.notation)
    question = state.asked(given.text, given.notation, given.quantity)
    network, notes = state.network(given.text), tuple[str, ...]()
    with suppress(DataError):  # without numbers, `paths` says why
        network, notes = state.valued(given), state.values(given)[1]
    found = all_paths(network, question, limit=given.limit, seed=given.seed)
    return PathsAnswer(
        quantity=plain(question),
        gradient=finite(found.gradient),
        total=found.total,
        shown=len(found.paths),
        paths=[_path(path, notation) for path in found.paths],
        sum=finite(found.sum),
        gathered=None if found.gathered is None else formulas.chunks(found.gathered, notation),
        notes=[*map(escape, notes), *map(escape, found.notes)],
    )


def _path(path: Path, notation: BoundNotation) -> PathAnswer:
    first = [plain(path.links[0].start)] if path.links else []
    return PathAnswer(
        points=[*first, *(plain(link.end) for link in path.links)],
        edges=[_edge(link, notation) for link in path.links],
        product=finite(path.product),
        formula=formulas.chunks(path.formula, notation),
        chain=formulas.chunks(path.chain, notation),
    )


def _edge(link: Link, notation: BoundNotation) -> PathEdge:
    weight = None if link.weight is None else plain(link.weight)
    return PathEdge(
        **{"from": plain(link.start)},
        to=plain(link.end),
        component=weight,
        factor=formulas.mathml(link.factor, notation),
        derivative=formulas.mathml(link.derivative, notation),
        value=finite(link.value),
    )
