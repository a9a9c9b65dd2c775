"""From the tree of a file to its network: names looked up, sizes inferred, structure kept.

In order: declarations, left sides, then each right side is looked over (names, ranks, and
which indices run over which axes), then every size is known and expressions are built.
Each mistake is raised at its place as a `Mistake`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from ..expr import Expr, Ref
from ..functions import ALIASES, FUNCTIONS, Function, abstract, defined
from ..network import ADJOINT, Constraint, Equation, Kind, Network, Quantity, Value
from .build import built, known_size
from .tree import (
    MAX_SIZE,
    Call,
    EquationLine,
    Extent,
    Fold,
    FunctionLine,
    Group,
    ItemLine,
    Kronecker,
    Line,
    Minus,
    Mistake,
    Name,
    Node,
    Numeral,
    Position,
    Product,
    Raised,
    RoleLine,
    Rows,
    Scope,
    SizeLine,
    Source,
    Span,
    Sum,
    Use,
    article,
)

ROLES = (
    "input", "target", "weight", "bias", "dot product", "weighted input", "activation",
    "output", "difference", "loss term", "loss", "constant", "quantity",
)  # fmt: skip
"""What `role NAME = …` may say, with or without a layer behind it."""

RESERVED = frozenset((
    "size", "input", "target", "weight", "bias", "constant", "function", "role", "loss",
    "with", "derivative", "sum", "max", "argmax",
))  # fmt: skip
"""Words of the language; no name may be one of them."""


@dataclass(slots=True, eq=False)
class Known:
    """A quantity as far as it is known."""

    name: Name
    kind: Kind
    axes: tuple[Extent, ...]
    value: Value | None = None


_Line = TypeVar("_Line", bound=Line)


class Elaborator:
    """Reads the lines of one file; `network()` is the answer."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sizes: dict[str, int | None] = {}
        self.functions: dict[str, Function] = {}
        self.known: dict[str, Known] = {}
        self.words: dict[str, str] = dict.fromkeys(FUNCTIONS, "a function")
        """Every name in use, with what it is."""
        self.open = False
        """Whether index letters that nothing binds are allowed, and adjoints too."""
        self.user: dict[str, Span] = {}
        """The names that the right side at hand mentions, and where."""
        self.parameter: str | None = None
        """The argument's name inside `function swish(u) = …`."""
        self._letters: list[tuple[Extent, Position]] = []
        self._literals: list[tuple[Extent, Position]] = []
        self._deltas: list[tuple[Extent, Extent]] = []

    # -- a whole file ----------------------------------------------------------------------

    def network(self, lines: list[Line]) -> Network:
        """Raises Mistake at the first thing that does not fit."""

        def all_(kind: type[_Line]) -> list[_Line]:
            return [line for line in lines if isinstance(line, kind)]

        functions, items = all_(FunctionLine), all_(ItemLine)
        equations, constrained = all_(EquationLine), [i for i in items if i.constraint]
        for size in all_(SizeLine):
            self._claim(size.name, "a size")
            self.sizes[size.name.text] = None if size.value is None else int(size.value)
        for function in functions:
            self._claim_function(function)
        for item in items:
            self._declare(item)
        loss = self._loss(equations)
        scopes = [self._head(equation) for equation in equations]
        for function in functions:
            self._define(function)
        users: dict[str, dict[str, Span]] = {}
        for equation, scope in zip(equations, scopes, strict=True):
            users[equation.left.name.text] = self.user = {}
            self._look(equation.right, scope)
        for item in constrained:
            self._look_at_constraint(item)
        self._settle()
        _refuse_cycles(users)
        roles = {role.name.text: self._role(role) for role in all_(RoleLine)}
        return Network(
            [self._quantity(known) for known in self.known.values()],
            [self._equation(equation) for equation in equations],
            loss,
            functions=self.functions,
            sizes=self.sizes,
            constraints=[self._constraint(item) for item in constrained],
            roles=roles,
            file=self.source.file,
            text=self.source.text,
        )

    # -- one expression of a known network -------------------------------------------------

    def expression(self, node: Node, network: Network) -> Expr:
        """An expression in the quantities of `network`; its free letters may be any."""
        self.sizes, self.open = dict(network.sizes), True
        self.functions = dict(network.own_functions)
        self.words |= dict.fromkeys(network.sizes, "a size")
        for row in network.own_functions.values():
            self.words |= dict.fromkeys((row.name, row.named_derivative or row.name), "a function")
        for q in network.quantities.values():
            name = Name(q.name, q.base, q.label, (0, 1))
            axes = (Extent(s, f"axis {n} of {q.name}") for n, s in enumerate(q.shape, 1))
            self.known[q.name] = Known(name, q.kind, tuple(axes))
            self.words.setdefault(q.name, article(q.kind))
        self._look(node, {})
        self._settle()
        return built(node)

    # -- declarations ----------------------------------------------------------------------

    def _claim(self, name: Name, what: str) -> None:
        """Take a name, once."""
        text = name.text
        if text in RESERVED:
            raise Mistake(f"{text} is a word of the language; choose another name", name.span)
        if text.startswith(ADJOINT):
            raise Mistake(f"a name beginning with {ADJOINT} is an adjoint's", name.span)
        if text in self.words:
            raise Mistake(
                f"{text} is already {self.words[text]}",
                name.span,
                "each name stands for one thing: choose another one",
            )
        self.words[text] = what

    def _claim_function(self, line: FunctionLine) -> None:
        name = line.name.text
        self._claim(line.name, "a function")
        if line.derivative is not None:
            self._claim(line.derivative, "a function")
        if line.body is None:
            derivative = line.derivative.text if line.derivative else ""
            self.functions[name] = abstract(name, derivative)

    def _define(self, line: FunctionLine) -> None:
        if line.body is None or line.parameter is None:
            return
        self.parameter = line.parameter.text
        self._look(line.body, {})
        self._settle()
        self.functions[line.name.text] = defined(line.name.text, built(line.body))
        self.parameter = None

    def _declare(self, item: ItemLine) -> None:
        name = item.name.text
        self._claim(item.name, article(item.kind))
        letters: Scope = {}
        axes: list[Extent] = []
        for number, axis in enumerate(item.axes, 1):
            says = f"axis {number} of {name}"
            if isinstance(axis.value, int):
                if not 1 <= axis.value <= MAX_SIZE:
                    raise Mistake(f"a size is a whole number from 1 to {MAX_SIZE:,}", axis.span)
                axes.append(Extent(axis.value, says))
            elif axis.value in self.sizes:
                axes.append(Extent(self.sizes[axis.value] or axis.value, says))
            elif item.constraint:  # target y[k] with sum(k: y[k]) = 1
                axes.append(letters.setdefault(axis.value, Extent(None, says)))
            else:
                raise Mistake(
                    f"there is no size {axis.value}",
                    axis.span,
                    _did_you_mean(axis.value, self.sizes)
                    or f"write `size {axis.value}` or `size {axis.value} = 3`",
                )
        value = None if item.value is None else self._value(item.value, axes, name)
        self.known[name] = Known(item.name, item.kind, tuple(axes), value)

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
        if name not in self.known:
            raise self._unknown(line.name)
        if role not in ROLES:
            span = (line.words[0].span[0], line.words[-1].span[1])
            hint = _did_you_mean(role, ROLES) or f"the roles are: {', '.join(ROLES)}"
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
        if name.text in self.known:
            known = self.known[name.text]
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
            scope[index.value] = self._letter(index, scope, f"axis {number} of {name.text}")
        self._claim(name, "computed by an equation")
        self.known[name.text] = Known(name, "computed", tuple(scope.values()))
        return scope

    def _letter(self, index: Position, scope: Scope, says: str = "") -> Extent:
        """A new index letter; it must not be in use."""
        letter = str(index.value)
        if letter in scope:
            raise Mistake(
                f"the index {letter} is already in use here", index.span, "choose another letter"
            )
        if letter in self.words:
            raise Mistake(
                f"{letter} is already {self.words[letter]}",
                index.span,
                "choose another letter for the index",
            )
        extent = Extent(None, says or f"the index {letter}")
        self._letters.append((extent, index))
        return extent

    # -- looking over right sides ----------------------------------------------------------

    def _look(self, node: Node, scope: Scope) -> None:
        match node:
            case Use():
                self._look_at_use(node, scope)
            case Call():
                node.function = self._function(node)
                self._look(node.argument, scope)
            case Fold():
                inner = dict(scope)
                for letter in node.letters:
                    inner[str(letter.value)] = self._letter(letter, inner)
                node.extents = tuple(inner[str(i.value)] for i in node.letters)
                self._look(node.body, inner)
            case Kronecker():
                self._look_at_delta(node, scope)
            case Sum():
                for term in node.terms:
                    self._look(term, scope)
            case Product():
                for _, factor in node.factors:
                    self._look(factor, scope)
            case Raised():
                self._look(node.base, scope)
                self._look(node.exponent, scope)
            case Minus():
                self._look(node.operand, scope)
            case Group():
                self._look(node.inner, scope)

    def _look_at_use(self, node: Use, scope: Scope) -> None:
        name, indices = node.name.text, node.indices
        if self.parameter is not None:
            if name != self.parameter or indices:
                raise Mistake(
                    f"a function's definition can use its argument {self.parameter} only,"
                    f" not {name}",
                    node.span,
                    "put other quantities into the equations",
                )
            node.is_argument = True
            return
        if name in self.sizes and not indices:
            return
        plain_name = name.removeprefix(ADJOINT) if self.open else name
        if plain_name not in self.known:
            raise self._unknown(node.name, scope)
        self.user.setdefault(name, node.span)
        axes = self.known[plain_name].axes
        if len(indices) != len(axes):
            raise _wrong_rank(node, axes)
        for number, (index, axis) in enumerate(zip(indices, axes, strict=True), 1):
            if isinstance(index.value, int):
                if index.value < 1:
                    raise Mistake("indices count from 1", index.span)
                self._literals.append((axis, index))
                continue
            extent = self._in_scope(index, scope)
            if not extent.join(axis):
                here, there = extent.root(), axis.root()
                raise Mistake(
                    f"{index.value} goes to {here.size} ({here.says}),"
                    f" but axis {number} of {name} is {there.size} long",
                    index.span,
                )

    def _in_scope(self, index: Position, scope: Scope) -> Extent:
        letter = str(index.value)
        if letter in scope:
            return scope[letter]
        if letter in self.words:
            raise Mistake(
                f"{letter} is {self.words[letter]}, not an index",
                index.span,
                "an index is a whole number or a letter that a sum or the left side names",
            )
        if self.open:
            scope[letter] = self._letter(index, scope)
            return scope[letter]
        raise Mistake(
            f"nothing says what {letter} is",
            index.span,
            f"sum over it, `sum({letter}: …)`, or give the left side the index {letter}",
        )

    def _look_at_delta(self, node: Kronecker, scope: Scope) -> None:
        sides = [node.left]
        if isinstance(node.right, Fold):
            self._look(node.right, scope)
        else:
            sides.append(node.right)
        extents = [self._in_scope(side, scope) for side in sides if isinstance(side.value, str)]
        if isinstance(node.right, Fold):
            extents += node.right.extents
        if len(extents) == 2:
            self._deltas.append((extents[0], extents[1]))

    def _look_at_constraint(self, item: ItemLine) -> None:
        assert item.constraint is not None
        self.user = {}
        for side in item.constraint:
            self._look(side, {})
        for name, span in self.user.items():
            if name != item.name.text:
                raise Mistake(f"the constraint of {item.name.text} speaks of {name}", span)
        if item.name.text not in self.user:
            raise Mistake(
                f"the constraint does not speak of {item.name.text}",
                item.constraint[0].span,
                f"write `with sum(k: {item.name.text}[k]) = 1`",
            )

    def _function(self, call: Call) -> str:
        """The full name of a called function, primes and all."""
        name = call.name.text
        if name not in self.words:
            name = ALIASES.get(name, name)
        what = self.words.get(name)
        if what is None:
            names = [n for n, w in self.words.items() if w == "a function"]
            raise Mistake(
                f"there is no function {name}",
                call.name.span,
                _did_you_mean(name, names) or f"write `function {name}` to leave it abstract",
            )
        if what != "a function":
            raise Mistake(
                f"{name} is {what}, not a function",
                call.name.span,
                f"to multiply, write `{name}*(…)`; an index stands in [ ]",
            )
        row = self.functions.get(name) or FUNCTIONS.get(name)
        primes = call.primes
        if row is None and self.parameter is not None:
            raise Mistake(f"{name} is not defined yet", call.name.span, "define it above this line")
        if row is not None and primes and row.named_derivative:
            name, primes = row.named_derivative, primes - 1
        return name + "'" * primes

    def _unknown(self, name: Name, scope: Iterable[str] = ()) -> Mistake:
        text = name.text
        if text in self.words:
            return Mistake(
                f"{text} is {self.words[text]}, not a quantity",
                name.span,
                f"a function has an argument: {text}(…)" if "function" in self.words[text] else "",
            )
        if text in scope:
            return Mistake(
                f"{text} is an index; it stands in [ ] only",
                name.span,
                "to use a position as a number is not supported",
            )
        return Mistake(
            f"there is no quantity named {text}",
            name.span,
            _did_you_mean(text, [*self.known, *self.sizes])
            or f"declare it, as in `weight {text}`, or give it an equation, `{text} = …`",
        )

    # -- sizes -----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Every index and axis must have a size by now, and every position lie inside."""
        # a delta alone says nothing but that its two sides run alike
        for _ in self._deltas:
            for one, two in self._deltas:
                if (one.root().size is None) != (two.root().size is None):
                    one.join(two)
        for extent, index in self._letters:
            if extent.root().size is None:
                raise Mistake(
                    f"nothing says how far {index.value} runs",
                    index.span,
                    "an index gets its size from the brackets in which it stands",
                )
        for known in self.known.values():
            for number, axis in enumerate(known.axes, 1):
                if axis.root().size is None:
                    raise Mistake(
                        f"nothing says how long axis {number} of {known.name.text} is",
                        known.name.span,
                        f"give its size: `{known.kind} {known.name.text}[3]`",
                    )
        for axis, position in self._literals:
            root = axis.root()
            if isinstance(root.size, int) and int(position.value) > root.size:
                raise Mistake(
                    f"{position.value} is out of range: {root.says} is {root.size} long",
                    position.span,
                )

    # -- building --------------------------------------------------------------------------

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


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, list(names), 3, 0.5 if len(name) <= 3 else 0.6)
    close.sort(key=lambda n: n[0] != name[0])  # w3 is rather w2 than b3
    return f"did you mean {close[0]}?" if close else ""


def _wrong_rank(node: Use, axes: tuple[Extent, ...]) -> Mistake:
    name = node.name.text
    if not axes:
        return Mistake(f"{name} is a scalar: it has no index", node.span)
    example = f"{name}[{','.join('ijklmpq'[: len(axes)])}]"
    count = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
    given = str(len(node.indices)) if node.indices else "none"
    return Mistake(
        f"{name} has {count}, but {given} {'is' if given == '1' else 'are'} given here",
        node.span,
        f"write {example}; a sum over an index is written `sum(i: …)`",
    )


def _refuse_cycles(users: dict[str, dict[str, Span]]) -> None:
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
                    "a network has no cycles",
                )
            else:
                path[following] = iter(users[following])
