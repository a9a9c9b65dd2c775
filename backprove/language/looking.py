"""Looking over right sides: names, ranks, and which indices run over which axes.

No one states how far an index runs: it follows from the axes at which it is used. Indices and
axes that must agree are joined, in the order of the file, and the first that does not fit is
the mistake.
"""

from __future__ import annotations

from ..network import ADJOINT
from .names import Names
from .tree import (
    MAX_SIZE,
    Call,
    Extent,
    Fold,
    Group,
    Kronecker,
    Minus,
    Mistake,
    Node,
    Position,
    Product,
    Raised,
    Scope,
    Span,
    Sum,
    Use,
)


class Look:
    """One look over a file, or over one expression.

    open: whether index letters that nothing binds are allowed, and adjoints too.
    mentions: the quantities that were met, and where first; the caller may begin a new one.
    parameter: the argument's name while a function's definition is looked over.
    literals: the positions that are numbers, and the axes on which they stand.
    """

    def __init__(self, names: Names, *, open: bool = False) -> None:
        self.names, self.open = names, open
        self.mentions: dict[str, Span] = {}
        self.parameter: str | None = None
        self.literals: list[tuple[Extent, Position]] = []
        self._letters: list[tuple[Extent, Position]] = []
        self._deltas: list[tuple[Extent, Extent, Span]] = []

    def letter(self, index: Position, scope: Scope, says: str = "") -> Extent:
        """A new index letter; it must not be in use."""
        letter = str(index.value)
        if letter in scope:
            raise Mistake(
                f"the index {letter} is already in use here", index.span, "choose another letter"
            )
        if letter in self.names.words:
            raise Mistake(
                f"{letter} is already {self.names.words[letter]}",
                index.span,
                "choose another letter for the index",
            )
        extent = Extent(None, says or f"the index {letter}")
        self._letters.append((extent, index))
        return extent

    def look(self, node: Node, scope: Scope) -> None:
        """Look up the names under `node`, and note how its indices run."""
        match node:
            case Use():
                self._use(node, scope)
            case Call():
                node.function = self.names.called(node, self.parameter is not None)
                self.look(node.argument, scope)
            case Fold():
                if self.parameter is not None:
                    raise Mistake("a function's definition has no sums", node.span)
                inner = dict(scope)
                for letter in node.letters:
                    inner[str(letter.value)] = self.letter(letter, inner)
                node.extents = tuple(inner[str(i.value)] for i in node.letters)
                self.look(node.body, inner)
            case Kronecker():
                self._delta(node, scope)
            case Sum():
                for term in node.terms:
                    self.look(term, scope)
            case Product():
                for _, factor in node.factors:
                    self.look(factor, scope)
            case Raised():
                self.look(node.base, scope)
                self.look(node.exponent, scope)
            case Minus():
                self.look(node.operand, scope)
            case Group():
                self.look(node.inner, scope)

    def _use(self, node: Use, scope: Scope) -> None:
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
        if name in self.names.sizes and not indices:
            return
        plain_name = name.removeprefix(ADJOINT) if self.open else name
        if plain_name not in self.names.known:
            raise self.names.unknown(node.name, scope)
        self.mentions.setdefault(name, node.span)
        axes = self.names.known[plain_name].axes
        if len(indices) != len(axes):
            raise _wrong_rank(node, axes)
        for number, (index, axis) in enumerate(zip(indices, axes, strict=True), 1):
            if isinstance(index.value, int):
                self._literal(axis, index)
                continue
            extent = self._in_scope(index, scope)
            if not extent.join(axis):
                here, there = extent.root(), axis.root()
                raise Mistake(
                    f"{index.value} goes to {here.size} ({here.says}),"
                    f" but axis {number} of {name} is {there.size} long",
                    index.span,
                )

    def _literal(self, axis: Extent, index: Position) -> None:
        if int(index.value) < 1:
            raise Mistake("indices count from 1", index.span)
        self.literals.append((axis, index))

    def _in_scope(self, index: Position, scope: Scope) -> Extent:
        letter = str(index.value)
        if letter in scope:
            return scope[letter]
        if letter in self.names.words:
            raise Mistake(
                f"{letter} is {self.names.words[letter]}, not an index",
                index.span,
                "an index is a whole number or a letter that a sum or the left side names",
            )
        if self.open:
            scope[letter] = self.letter(index, scope)
            return scope[letter]
        raise Mistake(
            f"nothing says what {letter} is",
            index.span,
            f"sum over it, `sum({letter}: …)`, or give the left side the index {letter}",
        )

    def _delta(self, node: Kronecker, scope: Scope) -> None:
        sides = [node.left]
        if isinstance(node.right, Fold):
            self.look(node.right, scope)
        else:
            sides.append(node.right)
        extents = [self._in_scope(side, scope) for side in sides if isinstance(side.value, str)]
        if isinstance(node.right, Fold):
            extents += node.right.extents
        if len(extents) == 2:
            self._deltas.append((extents[0], extents[1], node.span))
        for side in sides:
            if isinstance(side.value, int):
                self._literal(extents[0] if extents else Extent(MAX_SIZE, "an axis"), side)

    def settle(self) -> None:
        """Every index and axis must have a size by now, and every position lie inside."""
        for one, two, span in self._deltas:
            if not one.join(two):
                here, there = one.root(), two.root()
                raise Mistake(
                    f"the sides of this delta run over different lengths, {here.size}"
                    f" ({here.says}) and {there.size} ({there.says})",
                    span,
                    "both sides are positions along the same axis",
                )
        for extent, index in self._letters:
            if extent.root().size is None:
                raise Mistake(
                    f"nothing says how far {index.value} runs",
                    index.span,
                    "an index gets its size from the brackets in which it stands",
                )
        for known in self.names.known.values():
            for number, axis in enumerate(known.axes, 1):
                if axis.root().size is None:
                    raise Mistake(
                        f"nothing says how long axis {number} of {known.name.text} is",
                        known.name.span,
                        f"give its size: `{known.kind} {known.name.text}[3]`",
                    )
        for axis, position in self.literals:
            root = axis.root()
            if isinstance(root.size, int) and int(position.value) > root.size:
                raise Mistake(
                    f"{position.value} is out of range: {root.says} is {root.size} long",
                    position.span,
                )


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
