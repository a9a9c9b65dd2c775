"""Numbers for networks with letters: what a text leaves open, and the text with that given.

A size without a number and a function of which only the name is known serve derivations, but
no numbers. Here a text gets both, and every other character of it stays: comments, layout, names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TypeVar

from ..errors import BackproveError, NetworkError, SourceError
from ..expr import Apply, Expr, walk
from ..functions import ALIASES, FUNCTIONS, lookup
from ..network import Network
from .names import did_you_mean
from .source import normalized, parse
from .syntax import lines_of
from .tree import MAX_SIZE, FunctionLine, SizeLine, Source, Span

LINEAR = "linear"

GIVABLE: tuple[str, ...] = (*(name for name in FUNCTIONS if not name.endswith("'")), LINEAR)
"""What an open function can be given as; linear is its argument itself."""

OFFERED: tuple[str, ...] = tuple(n for n in GIVABLE if n == LINEAR or not FUNCTIONS[n].domain)
"""Those of them that take every number as their argument."""

_Line = TypeVar("_Line", SizeLine, FunctionLine)


@dataclass(frozen=True)
class Open:
    """What has to be given before a network has numbers, in the file's order.

    sizes: those without a number. functions: those of which only the name is known.
    """

    sizes: tuple[str, ...]
    functions: tuple[str, ...]


def left_open(network: Network) -> Open:
    """What a network leaves open. What is declared and nowhere used is not asked for."""
    used = {size for q in network.quantities.values() for size in q.shape} | {*network.quantities}
    called = {name.rstrip("'") for name in _called(network)}
    return Open(
        tuple(name for name, length in network.sizes.items() if length is None and name in used),
        tuple(
            row.name
            for row in network.own_functions.values()
            if row.abstract and called & {row.name, row.named_derivative}
        ),
    )


def _called(network: Network) -> set[str]:
    """The functions that the equations need, those in definitions of others included."""
    found: set[str] = set()
    waiting: list[Expr] = [e.right for e in network.equations.values()]
    waiting += [side for c in network.constraints for side in (c.left, c.right)]
    while waiting:
        for name in {e.function for e in walk(waiting.pop()) if isinstance(e, Apply)} - found:
            found.add(name)
            row = network.own_functions.get(name)
            if row is not None and row.definition is not None:
                waiting.append(row.definition)
    return found


# -- giving it -----------------------------------------------------------------------------


def filled(
    text: str,
    sizes: Mapping[str, int] | None = None,
    functions: Mapping[str, str] | None = None,
) -> str:
    """A `.bp` text with these sizes and functions given.

    sizes: a number for each, by its name. functions: one of GIVABLE for each, by its name.
    `size n` becomes `size n = 3`, and `function f with derivative t` becomes
    `function f(u) = tanh(u), t(u) = tanh'(u)`.
    Raises SourceError for a mistake in the text; BackproveError for what is not open in it, for
    what nothing can be given as, and where the text would then have a mistake.
    """
    network = parse(text)
    source = Source(normalized(text), network.file)
    lines = lines_of(source)
    numbers = {s.name.text: s for s in lines if isinstance(s, SizeLine) and s.value is None}
    names = {f.name.text: f for f in lines if isinstance(f, FunctionLine) and f.body is None}
    letter = _argument(network)
    edits: list[tuple[Span, str]] = []
    given: set[str] = set()
    for name, number in (sizes or {}).items():
        end = _open(name, numbers, "size").name.span[1]
        edits.append(((end, end), f" = {_size(number)}"))
    for name, function in (functions or {}).items():
        line = _open(name, names, "function")
        known = _function(function)
        start = end = line.name.span[1]
        written = f"({letter}) = {_applied(known, letter)}"
        given.add(name)
        if line.derivative is not None:
            slope = line.derivative.text
            end = line.derivative.span[1]
            body = _applied(f"{known}'", letter)
            written += f", {slope}({letter}) = {body}"
            given.add(slope)
        edits.append(((start, end), written))
    made = _edited(source.text, edits)
    _refuse_mistakes(made, given)
    return made


def _open(name: str, lines: Mapping[str, _Line], what: str) -> _Line:
    """The line that leaves this name open."""
    if name not in lines:
        there = f"open here: {', '.join(lines)}" if lines else f"no {what} is open here"
        raise BackproveError(f"there is no open {what} {name}", did_you_mean(name, lines) or there)
    return lines[name]


def _size(number: object) -> int:
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_SIZE:
        return number
    raise BackproveError(
        f"a size is a whole number from 1 to {MAX_SIZE:,}, not {_quoted(number)}",
        "write it in digits, such as 3",
    )


def _function(name: object) -> str:
    known = ALIASES.get(name, name) if isinstance(name, str) else ""
    if known in GIVABLE:
        return known
    choices = f"choose one of {', '.join(GIVABLE)}"
    raise BackproveError(
        f"there is no function {_quoted(name)} to give", did_you_mean(known, GIVABLE) or choices
    )


def _quoted(what: object) -> str:
    shown = str(what) if not isinstance(what, int) or abs(what) < 10**40 else "one so large"
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _applied(function: str, letter: str) -> str:
    """The body of a function that is given as `function`, or as its derivative."""
    return {LINEAR: letter, f"{LINEAR}'": "1"}.get(function, f"{function}({letter})")


def _argument(network: Network) -> str:
    """A letter for a function's argument that is no other name of the text."""
    taken = {*network.quantities, *network.sizes, *network.own_functions}
    taken |= {row.named_derivative for row in network.own_functions.values()}
    letters: Iterable[str] = chain("uzsx", (f"u_{n}" for n in count(1)))
    return next(letter for letter in letters if letter not in taken)


def _edited(text: str, edits: Iterable[tuple[Span, str]]) -> str:
    """The text with each span replaced."""
    for (start, end), written in sorted(edits, reverse=True):
        text = f"{text[:start]}{written}{text[end:]}"
    return text


def _refuse_mistakes(text: str, given: Collection[str]) -> None:
    """What was open may have hidden a mistake: a position beyond a size, a use too early."""
    try:
        network = parse(text)
    except SourceError as error:
        line = f"line {error.place.line}"
        raise BackproveError(
            f"with this given, {line} has a mistake: {error.message}", error.suggestion
        ) from None
    for name in sorted(_called(network)):
        if name.rstrip("'") in given and not _is_known(name, network):
            raise BackproveError(
                f"{name} stands in an equation, and nothing would give it a number",
                "write there what it is, as a formula",
            )


def _is_known(name: str, network: Network) -> bool:
    try:
        return bool(lookup(name, network.functions))
    except NetworkError:
        return False
