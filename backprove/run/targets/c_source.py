"""The target `c`: C11 that needs math.h alone, a sample at a time, with no allocation.

One sample's values live in a workspace struct; each equation is a statement or a loop nest.
What depends on the parameters alone is computed once a call, before the loop over samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ...network import ADJOINT, Network, Quantity, Value
from ..escaping import identifier
from ..lower import MEAN_LOSS
from ..program import Constant, sources
from .c_helpers import HELPERS, MATH, WIDE, defined, in_precision
from .c_statements import INDENT, LOCALS, Node, Place, Scope, Writer, printed
from .comments import WIDTH, Equations, about, described, lines
from .naming import C_MACROS, C_WORDS, Names
from .plan import Part, Plan, plan

FUNCTIONS = ("prepare", "forward", "loss", "prepare_backward", "backward")
"""The functions that stay inside the file."""

PUBLIC = ("parameters", "workspace", "initial", "forward", "loss", "gradients")
"""The endings of the names that others use."""


def c_source(network: Network, *, title: str, precision: str, inputs: bool, name: str) -> str:
    """A translation unit with the functions NAME_forward, NAME_loss and NAME_gradients.

    title: the first line. precision: `float32` or `float64`. inputs: whether NAME_gradients
    gives the gradients in inputs too. name: with what all public names begin.
    Raises DataError for sizes or constants without a number, and numbers too large for floats.
    """
    source = _Source(
        plan(network, lifted=False, inputs=inputs), identifier(name), precision == "float32"
    )
    return "\n".join(in_precision(line, precision) for line in (*source.lines(title), ""))


@dataclass(frozen=True)
class _Argument:
    """An argument of a function: how it is declared, and how it is passed on."""

    word: str
    declared: str
    passed: str


class _Source:
    """The pieces of one translation unit."""

    def __init__(self, plan: Plan, name: str, single: bool) -> None:
        self.plan, self.name = plan, name
        own = [f"{name}_{word}" for word in PUBLIC]
        names = Names((*C_WORDS, *MATH, *HELPERS, *LOCALS, *FUNCTIONS, *own, "none"), C_MACROS)
        self.word = {given: names.claim(given) for given in plan.given}
        self.data = (*plan.inputs, *plan.targets)
        self.slopes = {
            q.name: names.claim(f"d{q.name}") for q in self.data if q.name in plan.gradients
        }
        self.p, self.g, self.s = names.claim("p"), names.claim("g"), names.claim("s")
        self.n, self.sample = names.claim("n"), names.claim("sample")
        self.total = names.claim("total")
        self.constants = {
            q.name: names.claim(f"{name}_{self.word[q.name]}") for q in plan.constants
        }
        places = {plan.given[n]: self._place(plan.network[n]) for n in plan.given}
        self.moved = _moved(plan, [plan.given[q.name] for q in self.data])
        self.writer = Writer(plan, names, self.s, places, self.moved, single)
        self.bodies = {
            "prepare": [*self._statements(("forward", "loss"), moved=False)],
            "forward": [*self._statements(("forward",), moved=True)],
            "loss": [*self._statements(("loss",), moved=True), *self._loss_line()],
            "prepare_backward": [*self._statements(("backward",), moved=False)],
            "backward": [*self._statements(("backward",), moved=True)],
        }

    def _place(self, q: Quantity) -> Place:
        word, shape = self.word[q.name], self.plan.shape(q.name)
        if q.kind in ("input", "target"):
            return Place(word, shape, flat=True)
        if q.kind == "constant":
            return Place(self.constants[q.name], shape)
        return Place(f"{self.p}->{word}", shape)

    # -- statements ------------------------------------------------------------------------

    def _statements(self, parts: Sequence[Part], moved: bool) -> Iterator[str]:
        """The lines of the instructions that differ from sample to sample, or that do not.

        The gradients are among those of the backward pass, each behind what it needs.
        """
        for part in parts:
            kept = [
                b
                for b in self.plan.parts[part]
                if b in self.writer.places and (b in self.moved) == moved
            ]
            equations = Equations(self.plan, part, self._said(part, kept, moved))
            sinks = (
                [ADJOINT + n for n in self.plan.gradients] if part == "backward" and moved else []
            )
            for buffer in kept:
                origin = self.plan.origins[buffer]
                while sinks and equations.comes_before(sinks[0], origin):
                    yield from self._gradient(sinks.pop(0), equations)
                yield from _comments(equations.upto(origin))
                yield from printed(self.writer.statement(buffer))
            for name in sinks:
                yield from self._gradient(name, equations)
            yield from _comments(equations.rest())

    def _gradient(self, name: str, equations: Equations) -> Iterator[str]:
        """A gradient: added up over the samples, or of one sample where it is in an input."""
        yield from _comments(equations.upto(name))
        yield from printed(self._sink(name.removeprefix(ADJOINT)))

    def _said(self, part: Part, kept: Iterable[int], moved: bool) -> set[str]:
        """The equations to be said beside these instructions; each is said once."""
        here = {self.plan.origins[b] for b in kept}
        rows = {row.name for row in self.plan.said[part]}
        sinks = {ADJOINT + name for name in self.plan.gradients}
        if not moved:
            return (here & rows) - sinks
        fixed = {self.plan.origins[b] for b in self.plan.parts[part] if b not in self.moved}
        return rows - (fixed - here - sinks)

    def _loss_line(self) -> Iterator[str]:
        scope = Scope([], 0, [])
        code = self.writer.component(MEAN_LOSS, (), scope)
        yield from printed([*scope.body, f"return {code.text};"])

    def _sink(self, name: str) -> list[Node]:
        shape, slope = self.plan.shape(name), self.slopes.get(name)
        result = ADJOINT + name
        if slope is None:
            if isinstance(self.plan.operations.get(self.plan.results[result].buffer), Constant):
                value = self.writer.component(result, ["0"] * len(shape), Scope([], 0, []))
                if value.number == 0:
                    return []
            place = Place(f"{self.g}->{self.word[name]}", shape)
            return self.writer.filled(
                shape,
                lambda at, scope: (
                    f"{place.at(at)} += {self.writer.component(result, at, scope).text};"
                ),
            )
        place = Place(slope, shape, flat=True)
        return self.writer.filled(
            shape,
            lambda at, scope: (
                f"{place.at(at)} = {self.writer.component(result, at, scope).within(2)} / {self.n};"
            ),
        )

    # -- the file --------------------------------------------------------------------------

    def lines(self, title: str) -> Iterator[str]:
        """The whole file, in double precision."""
        yield from _comments(about(self.plan, title), "")
        for q in self.data:
            length = f"{prod(self.plan.shape(q.name))} numbers a sample"
            yield from _comments(lines(f"{described(q, self.word[q.name])}: {length}"), "")
        yield from ("", "#include <math.h>", "")
        yield from self._structs()
        body = [*self._constants(), *self._functions()]
        yield from defined(_words(body))
        yield from body

    def _structs(self) -> Iterator[str]:
        yield "/* The parameters, and as well the gradients in them. */"
        yield "typedef struct {"
        for q in self.plan.network.trained:
            yield from _comments(lines(_sized(q, self.plan.shape(q.name))))
            yield f"{INDENT}double {_declared(self.word[q.name], self.plan.shape(q.name))};"
        if not self.plan.network.trained:
            yield f"{INDENT}char none;"
        yield from (f"}} {self.name}_parameters;", "")
        yield "/* The values and adjoints of one sample; the caller provides it. */"
        yield "typedef struct {"
        for word, shape in self.writer.members:
            yield f"{INDENT}double {_declared(word, shape)};"
        if not self.writer.members:
            yield f"{INDENT}char none;"
        yield from (f"}} {self.name}_workspace;", "")

    def _constants(self) -> Iterator[str]:
        for q in self.plan.constants:
            assert q.value is not None, "constants without a value were refused"
            shape = self.plan.shape(q.name)
            yield from _comments(lines(_sized(q, shape)), "")
            value = self._literal(q.value, shape)
            yield f"static const double {_declared(self.constants[q.name], shape)} = {value};"
            yield ""

    def _functions(self) -> Iterator[str]:
        given = [q for q in self.plan.network.trained if q.value is not None]
        if given:
            yield from self._initial(given)
        said = {
            "prepare": "What depends on the parameters alone.",
            "forward": "The forward pass of one sample.",
            "loss": "The loss of one sample, after its forward pass.",
            "prepare_backward": "What the backward pass needs of the parameters alone.",
            "backward": "The adjoints of one sample, and its part of the gradients.",
        }
        for name in FUNCTIONS:
            if self.bodies[name]:
                kind = "double" if name == "loss" else "void"
                yield f"/* {said[name]} */"
                declared = [a.declared for a in self._arguments(name)]
                yield from _signature(f"static {kind} {name}(", declared)
                yield from ("{", *self.bodies[name], "}", "")
        yield from self._forward()
        yield from self._summed("loss")
        yield from self._summed("gradients")

    def _arguments(self, name: str) -> list[_Argument]:
        """The arguments that a function inside the file reads."""
        used = _words(self.bodies[name])
        return [argument for argument in self._all_arguments() if argument.word in used]

    def _all_arguments(self) -> Iterator[_Argument]:
        for q in self.data:
            yield self._sampled(self.word[q.name], q, "const double *")
        yield _Argument(self.p, f"const {self.name}_parameters *{self.p}", self.p)
        yield _Argument(self.g, f"{self.name}_parameters *{self.g}", self.g)
        for name, slope in self.slopes.items():
            yield self._sampled(slope, self.plan.network[name], "double *")
        yield _Argument(self.n, f"long {self.n}", self.n)
        yield _Argument(self.s, f"{self.name}_workspace *{self.s}", self.s)

    def _sampled(self, word: str, q: Quantity, kind: str) -> _Argument:
        """A pointer to one sample's components, and how it moves on from sample to sample."""
        size = prod(self.plan.shape(q.name))
        step = self.sample if size == 1 else f"{self.sample} * {size}"
        return _Argument(word, f"{kind}{word}", f"{word} + {step}")

    def _call(self, name: str, first: bool = False) -> str:
        """A call of a function inside the file. first: for the first sample, outside the loop."""
        row = [a.word if first else a.passed for a in self._arguments(name)]
        return f"{name}({', '.join(row)})"

    def _initial(self, given: Sequence[Quantity]) -> Iterator[str]:
        rest = [q.name for q in self.plan.network.trained if q.value is None]
        yield "/* The values in the file. */"
        if rest:
            yield from _comments(lines(f"It gives none to {', '.join(rest)}: they stay."), "")
        yield f"void {self.name}_initial({self.name}_parameters *{self.p})"
        yield "{"
        for q in given:
            assert q.value is not None
            yield from printed(self._set(q, q.value))
        yield from ("}", "")

    def _set(self, q: Quantity, value: Value) -> list[Node]:
        """The statements that give a parameter its value."""
        word, shape = self.word[q.name], self.plan.shape(q.name)
        place = Place(f"{self.p}->{word}", shape)
        if isinstance(value, Fraction):
            number = self.writer.number(value).text
            return self.writer.filled(shape, lambda at, scope: f"{place.at(at)} = {number};")
        table = Place(word, shape)
        nodes = self.writer.filled(shape, lambda at, scope: f"{place.at(at)} = {table.at(at)};")
        row = f"static const double {_declared(word, shape)}"
        return [f"{row} = {self._literal(value, shape)};", *nodes]

    def _literal(self, value: Value, shape: Sequence[int]) -> str:
        if isinstance(value, Fraction):
            row = self.writer.number(value).text
            for length in reversed(shape):
                row = f"{{{', '.join([row] * length)}}}"
            return row
        return f"{{{', '.join(self._literal(v, shape[1:]) for v in value)}}}"

    def _forward(self) -> Iterator[str]:
        """The public forward pass of one sample."""
        yield "/* The forward pass of one sample: its values are in the workspace afterwards. */"
        wanted = {self.word[q.name] for q in self.plan.inputs} | {self.p, self.s}
        arguments = [a for a in self._all_arguments() if a.word in wanted]
        yield from _signature(f"void {self.name}_forward(", [a.declared for a in arguments])
        body = [
            f"{INDENT}{self._call(name, first=True)};"
            for name in ("prepare", "forward")
            if self.bodies[name]
        ]
        yield from ("{", *_unused(arguments, body), *body, "}", "")

    def _summed(self, name: str) -> Iterator[str]:
        """The public loss or gradients: a loop over the samples."""
        differentiated = name == "gradients"
        said = {
            "loss": "The mean loss over n samples, n >= 1.",
            "gradients": "The mean loss over n samples, n >= 1, and its gradients.",
        }
        hidden = set() if differentiated else {self.g, *self.slopes.values()}
        arguments = [a for a in self._all_arguments() if a.word not in {*hidden, self.n}]
        declared = [a.declared for a in arguments]
        if self.data:
            declared = [f"long {self.n}", *declared]
        yield f"/* {said[name]} */"
        yield from _signature(f"double {self.name}_{name}(", declared)
        body = list(self._loop(differentiated))
        yield from ("{", *_unused(arguments, body), *body, "}", "")

    def _loop(self, differentiated: bool) -> Iterator[str]:
        steps = ["forward", "loss", *["backward"] * differentiated]
        first = ["prepare", *["prepare_backward"] * differentiated]
        if differentiated:
            yield from self._each_gradient("= 0.0")
        for name in first:
            if self.bodies[name]:
                yield f"{INDENT}{self._call(name)};"
        calls = [
            f"{self.total} += {self._call(name)};" if name == "loss" else f"{self._call(name)};"
            for name in steps
            if self.bodies[name]
        ]
        yield f"{INDENT}{WIDE} {self.total} = 0.0;"
        if not self.data:
            yield from (f"{INDENT}{call}" for call in calls)
            yield f"{INDENT}return {self.total};"
            return
        sample = self.sample
        yield f"{INDENT}for (long {sample} = 0; {sample} < {self.n}; {sample}++) {{"
        yield from (f"{INDENT}{INDENT}{call}" for call in calls)
        yield f"{INDENT}}}"
        if differentiated:
            yield from self._each_gradient(f"/= {self.n}")
        yield f"{INDENT}return {self.total} / {self.n};"

    def _each_gradient(self, change: str) -> Iterator[str]:
        """A loop nest over each gradient that is added up over the samples."""
        for q in self.plan.network.trained:
            shape = self.plan.shape(q.name)
            place = Place(f"{self.g}->{self.word[q.name]}", shape)
            yield from printed(self._changed(place, shape, change))

    def _changed(self, place: Place, shape: Sequence[int], change: str) -> list[Node]:
        return self.writer.filled(shape, lambda at, scope: f"{place.at(at)} {change};")


def _moved(plan: Plan, data: Iterable[int]) -> frozenset[int]:
    """The buffers that depend on inputs or targets."""
    moved = set(data)
    for target, operation in plan.operations.items():
        if not moved.isdisjoint(sources(operation)):
            moved.add(target)
    return frozenset(moved)


def _comments(text: Iterable[str], indent: str = INDENT) -> Iterator[str]:
    """Lines, escaped already, as comments of C."""
    yield from (f"{indent}/* {line} */" for line in text)


def _signature(head: str, declared: Sequence[str]) -> Iterator[str]:
    """The head of a function, broken between arguments where it is long."""
    line = head
    for place, argument in enumerate(declared):
        end = ")" if place + 1 == len(declared) else ", "
        if len(line) + len(argument) > WIDTH:
            yield line.rstrip()
            line = " " * len(head)
        line += argument + end
    yield line if declared else f"{head}void)"


def _declared(word: str, shape: Sequence[int]) -> str:
    return word + "".join(f"[{length}]" for length in shape)


def _sized(q: Quantity, shape: Sequence[int]) -> str:
    return f"{q.kind} {q.name}" + (f": {' x '.join(map(str, shape))}" if shape else "")


def _unused(arguments: Iterable[_Argument], body: Iterable[str]) -> Iterator[str]:
    """What tells compilers that an argument is there for the sake of the others."""
    used = _words(body)
    yield from (f"{INDENT}(void){a.word};" for a in arguments if a.word not in used)


def _words(text: Iterable[str]) -> set[str]:
    """The identifiers in lines of code."""
    code = " ".join(line for line in text if not line.lstrip().startswith("/*"))
    return set("".join(c if c.isalnum() or c == "_" else " " for c in code).split())
