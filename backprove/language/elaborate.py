"""From the tree of a file to its network.

In order: declarations, left sides, then each right side is looked over, then every size is
known and expressions are built. Each mistake is raised at its place as a `Mistake`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from ..expr import Expr, Ref
from ..functions import defined
from ..network import Constraint, Equation, Network, Quantity, Value
from .build import built, known_size
from .looking import Look
from .names import ROLES, Known, Names, did_you_mean
from .tree import (
    MAX_AXES,
    MAX_SIZE,
    EquationLine,
    Extent,
    FunctionLine,
    ItemLine,
    Line,
    Mistake,
    Node,
    Numeral,
    RoleLine,
    Rows,
    Scope,
    SizeLine,
    Source,
    Span,
    article,
)

_Line = TypeVar("_Line", bound=Line)


def network_of(source: Source, lines: list[Line]) -> Network:
    """The network that a file's lines describe. Raises Mistake for what does not fit."""
    return Elaborator(source).network(lines)


def expression_in(network: Network, node: Node) -> Expr:
    """An expression in the quantities of `network`; its free letters may be any."""
    look = Look(Names.of(network), open=True)
    look.look(node, {})
    look.settle()
    return built(node)


class Elaborator:
    """Reads the lines of one file; an update's has other declarations (updates.py)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names = Names()
        self.look = Look(self.names)

    def network(self, lines: list[Line]) -> Network:
        """Raises Mistake at the first thing that does not fit."""

        def all_(kind: type[_Line]) -> list[_Line]:
            return [line for line in lines if isinstance(line, kind)]

        functions, items = all_(FunctionLine), all_(ItemLine)
        equations, constrained = all_(EquationLine), [i for i in items if i.constraint]
        for size in all_(SizeLine):
            self.names.claim(size.name, "a size")
            self.names.sizes[size.name.text] = None if size.value is None else int(size.value)
        for function in functions:
            self.names.claim_function(function)
        for item in items:
            self._declare(item)
        loss = self._loss(equations)
        scopes = [self._head(equation) for equation in equations]
        for function in functions:
            self._define(function)
        users: dict[str, dict[str, Span]] = {}
        for equation, scope in zip(equations, scopes, strict=True):
            self.look.mentions = users[equation.left.name.text] = {}
            self.look.look(equation.right, scope)
        for item in constrained:
            self._look_at_constraint(item)
        self.look.settle()
        refuse_cycles(users, "a network has no cycles")
        roles = {role.name.text: self._role(role) for role in all_(RoleLine)}
        return Network(
            [self._quantity(known) for known in self.names.known.values()],
            [self._equation(equation) for equation in equations],
            loss,
            functions=self.names.functions,
            sizes=self.names.sizes,
            constraints=[self._constraint(item) for item in constrained],
            roles=roles,
            file=self.source.file,
            text=self.source.text,
        )

    # -- declarations ----------------------------------------------------------------------

    def _define(self, line: FunctionLine) -> None:
        if line.body is None or line.parameter is None:
            return
        self.look.parameter = line.parameter.text
        self.look.look(line.body, {})
        self.names.functions[line.name.text] = defined(line.name.text, built(line.body))
        self.look.parameter = None

    def _declare(self, item: ItemLine) -> None:
        name = item.name.text
        self.names.claim(item.name, article(item.kind))
        letters: Scope = {}
        axes: list[Extent] = []
        if len(item.axes) > MAX_AXES:
            raise Mistake(f"a tensor has at most {MAX_AXES} axes", item.axes[MAX_AXES].span)
        for number, axis in enumerate(item.axes, 1):
            says = f"axis {number} of {name}"
            if isinstance(axis.value, int):
                if not 1 <= axis.value <= MAX_SIZE:
                    raise Mistake(f"a size is a whole number from 1 to {MAX_SIZE:,}", axis.span)
                axes.append(Extent(axis.value, says))
            elif axis.value in self.names.sizes:
                axes.append(Extent(self.names.sizes[axis.value] or axis.value, says))
            elif item.constraint:  # target y[k] with sum(k: y[k]) = 1
                axes.append(letters.setdefault(axis.value, Extent(None, says)))
            else:
                raise Mistake(
                    f"there is no size {axis.value}",
                    axis.span,
                    did_you_mean(axis.value, self.names.sizes)
                    or f"write `size {axis.value}` or `size {axis.value} = 3`",
                )
        value = None if item.value is None else self._value(item.value, axes, name)
        self.names.known[name] = Known(item.name, item.kind, tuple(axes), value)

    def _value(self, given: Numeral | Rows, axes: list[Extent], name: str) -> Value:
        if not axes:
            if isinstance(given, Numeral):
                return given.value
            raise Mistake(f"{name} is a scalar: its value is one number", given.span)
        axis, inner = axes[0].root(), axes[1:]
        if isinstance(given, Numeral):
            raise Mistake(
                f"{name} needs {'a row of numbers' if not inner else 'rows'} here, not one number",
                given.span,
                "write [0.1, 0.2]" if not inner else "write [[0.1, 0.2], [0.3, 0.4]]",
            )
        if isinstance(axis.size, str):
            raise Mistake(
                f"{axis.says} has the size {axis.size}, which has no number",
                given.span,
                f"write `size {axis.size} = {len(given.items)}` to give values",
            )
        if axis.size is None:
            axis.size = len(given.items)
        if len(given.items) != axis.size:
            raise Mistake(f"{axis.says} is {axis.size} long, not {len(given.items)}", given.span)
        return tuple(self._value(part, inner, name) for part in given.items)

    def _role(self, line: RoleLine) -> str:
        name, role = line.name.text, " ".join(word.text for word in line.words)
        if name not in self.names.known:
            raise self.names.unknown(line.name)
        if role not in ROLES:
            span = (line.words[0].span[0], line.words[-1].span[1])
            hint = did_you_mean(role, ROLES) or f"the roles are: {', '.join(ROLES)}"
            raise Mistake(f"there is no role {role}", span, hint)
        return f"{role} {line.layer}".strip()

    # -- left sides ------------------------------------------------------------------------

    def _loss(self, equations: list[EquationLine]) -> str:
        losses = [equation.left for equation in equations if equation.loss]
        if not losses:
            text = self.source.text.rstrip()
            at = text.rfind("\n") + 1
            raise Mistake(
                "no line gives the loss", (at, max(at + 1, len(text))), "write `loss NAME = …`"
            )
        if len(losses) > 1:
            line = self.source.place(losses[0].span).line
            raise Mistake(
                f"there is already a loss, {losses[0].name.text} on line {line}",
                losses[1].span,
                "a network has one loss: add the two, or make this an equation without `loss`",
            )
        if losses[0].indices:
            letters = ",".join(str(index.value) for index in losses[0].indices)
            raise Mistake(
                "the loss is one number, without an index",
                losses[0].span,
                f"sum over it: `loss {losses[0].name.text} = sum({letters}: …)`",
            )
        return losses[0].name.text

    def _head(self, line: EquationLine) -> Scope:
        left = line.left
        name, scope = left.name, Scope()
        if name.text in self.names.known:
            known = self.names.known[name.text]
            at = self.source.place(known.name.span).line
            if known.kind == "computed":
                message = f"{name.text} is already given by the equation on line {at}"
            else:
                message = f"{name.text} is {article(known.kind)}: no equation can give it"
            raise Mistake(message, name.span, "each quantity is given once")
        for number, index in enumerate(left.indices, 1):
            if isinstance(index.value, int):
                raise Mistake(
                    f"an equation gives every component of {name.text}",
                    index.span,
                    f"write `{name.text}[i] = …` with a letter; a single component can be a"
                    f" scalar of its own, such as `{name.text}_{index.value} = …`",
                )
            scope[index.value] = self.look.letter(index, scope, f"axis {number} of {name.text}")
        self.names.claim(name, "computed by an equation")
        self.names.known[name.text] = Known(name, "computed", tuple(scope.values()))
        return scope

    # -- constraints, and what has been built ----------------------------------------------

    def _look_at_constraint(self, item: ItemLine) -> None:
        assert item.constraint is not None
        self.look.mentions = {}
        for side in item.constraint:
            self.look.look(side, {})
        for name, span in self.look.mentions.items():
            if name != item.name.text:
                raise Mistake(f"the constraint of {item.name.text} speaks of {name}", span)
        if item.name.text not in self.look.mentions:
            raise Mistake(
                f"the constraint does not speak of {item.name.text}",
                item.constraint[0].span,
                f"write `with sum(k: {item.name.text}[k]) = 1`",
            )

    def _quantity(self, known: Known) -> Quantity:
        name = known.name
        shape = tuple(known_size(axis) for axis in known.axes)
        place = self.source.place(name.span)
        return Quantity(name.text, known.kind, shape, known.value, name.base, name.label, place)

    def _equation(self, line: EquationLine) -> Equation:
        left = Ref(line.left.name.text, tuple(index.value for index in line.left.indices))
        return Equation(left, built(line.right), self.source.place(line.left.span))

    def _constraint(self, item: ItemLine) -> Constraint:
        assert item.constraint is not None
        left, right = item.constraint
        return Constraint(item.name.text, built(left), built(right))


def refuse_cycles(users: dict[str, dict[str, Span]], suggestion: str) -> None:
    """A quantity must not be needed for its own value. One depth-first walk, no recursion."""
    done: set[str] = set()
    for start in users:
        path: dict[str, Iterator[str]] = {} if start in done else {start: iter(users[start])}
        while path:
            name, needed = next(reversed(path.items()))
            following = next((n for n in needed if n in users and n not in done), None)
            if following is None:
                del path[name]
                done.add(name)
            elif following in path:
                names = list(path)
                circle = [*names[names.index(following) :], following]
                shown = " → ".join(circle if len(circle) < 8 else [*circle[:4], "…", following])
                raise Mistake(
                    f"{following} depends on itself ({shown})",
                    users[name][following],
                    suggestion,
                )
            else:
                path[following] = iter(users[following])
