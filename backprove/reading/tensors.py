"""Whole scalars, vectors and matrices: what their sums and products are, index by index.

A vector has no orientation until it is transposed: vᵀ is a row, v wᵀ a matrix, vᵀ w a number.
Shapes are checked here; a mistake names both sides as they are written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..expr import ONE, TWO, Add, Apply, Delta, Expr, Mul, Power, Reduce, Size, with_indices
from ..language.tree import Span
from .letters import Letters
from .meaning import Orientation, ShapeMistake
from .products import bounded, minus, multiplied, over

SHOWN = 40
"""Characters of a formula that a message quotes."""


@dataclass(frozen=True)
class Value:
    """A formula in index notation, with the letters of its axes.

    axes: the letters of a whole tensor's axes, rows first; none for a scalar or component.
    ones: whether it is 𝟏 (or a multiple), which takes the shape of what it is combined with.
    gradient: whether it is a derivative of the loss in a whole vector; jacobian: of one
    vector in another. grouped: whether parentheses stand around it.
    """

    expr: Expr
    span: Span
    axes: tuple[str, ...] = ()
    orientation: Orientation = "none"
    ones: bool = False
    gradient: bool = False
    jacobian: bool = False
    grouped: bool = False

    @property
    def rank(self) -> int:
        return len(self.axes)

    @property
    def row(self) -> bool:
        return self.orientation == "row"

    @property
    def constant(self) -> bool:
        """Whether it is a number, such as 2 or ½."""
        return not (self.axes or self.expr.names or self.expr.free)


class Tensors:
    """The operations on whole tensors, for one formula.

    text: what was written. say: notes how something unclear was taken. componentwise:
    whether products of tensors of one shape go component by component.
    """

    def __init__(
        self,
        letters: Letters,
        text: str,
        say: Callable[[str], None],
        *,
        componentwise: bool,
    ) -> None:
        self.letters, self.text, self.say = letters, text, say
        self.componentwise = componentwise

    # -- words -----------------------------------------------------------------------------

    def quoted(self, value: Value) -> str:
        """The piece of text that a value was read from."""
        start, end = value.span
        text = " ".join(self.text[start:end].split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"

    def sizes(self, value: Value) -> tuple[Size | None, ...]:
        return tuple(self.letters.size(axis) for axis in value.axes)

    def shape(self, value: Value) -> str:
        """`2 × 3`, `a vector with 3 components`, `one number`."""
        sizes = ["?" if size is None else str(size) for size in self.sizes(value)]
        if not sizes:
            return "one number"
        if len(sizes) == 1:
            kind = "row" if value.row else "vector"
            return f"a {kind} with {sizes[0]} component{'' if sizes[0] == '1' else 's'}"
        return " × ".join(sizes)

    def mistake(self, left: Value, right: Value, hint: str) -> ShapeMistake:
        """That two tensors side by side do not fit."""
        span = (min(left.span[0], right.span[0]), max(left.span[1], right.span[1]))
        says = (
            f"{self.quoted(left)} is {self.shape(left)}"
            f" and {self.quoted(right)} is {self.shape(right)}: {hint}"
        )
        return ShapeMistake(says, span)

    # -- one tensor ------------------------------------------------------------------------

    def turned(self, value: Value, span: Span) -> Value:
        """The transpose."""
        if value.rank > 2:
            raise ShapeMistake(
                f"{self.quoted(value)} has {value.rank} axes and cannot be transposed", span
            )
        if self.componentwise and value.rank:
            raise ShapeMistake("a transpose has no reading component by component", span)
        orientation = value.orientation
        if value.rank == 1:
            orientation = "column" if value.row else "row"
        return replace(
            value, span=span, axes=value.axes[::-1], orientation=orientation, gradient=False
        )

    def squeezed(self, value: Value) -> Value:
        """Without its axes of length 1."""
        long = tuple(a for a in value.axes if value.ones or self.letters.size(a) != 1)
        if len(long) == len(value.axes):
            return value
        expr = with_indices(value.expr, {a: 1 for a in value.axes if a not in long})
        orientation = value.orientation if value.rank == 1 else "none"
        if value.rank == 2 and len(long) == 1:
            orientation = "column" if value.axes[0] in long else "row"
        return replace(value, expr=expr, axes=long, orientation=orientation if long else "none")

    def total(self, value: Value, span: Span) -> Value:
        """The sum of all components."""
        if not value.axes:
            raise ShapeMistake(f"{self.quoted(value)} is one number: there is nothing to sum", span)
        expr = value.expr
        for axis in reversed(value.axes):
            expr = self._summed(expr, axis, span)
        return Value(expr, span)

    def norm(self, value: Value, span: Span) -> Value:
        """‖v‖², the sum of all squared components."""
        expr: Expr = Power(value.expr, TWO)
        for axis in reversed(value.axes):
            expr = self._summed(expr, axis, span)
        return Value(expr, span)

    def trace(self, value: Value, span: Span) -> Value:
        """The sum over the diagonal of a square matrix."""
        if value.rank != 2 or not self.letters.join(*value.axes):
            raise ShapeMistake(
                f"{self.quoted(value)} is {self.shape(value)}: a trace is of a square matrix",
                value.span,
            )
        row, column = value.axes
        return Value(self._summed(with_indices(value.expr, {column: row}), row, span), span)

    def diagonal(self, value: Value, span: Span) -> Value:
        """diag(v), the matrix with v on its diagonal; of a matrix, its diagonal."""
        if value.rank == 2 and self.letters.join(*value.axes):
            row, column = value.axes
            return Value(with_indices(value.expr, {column: row}), span, (row,))
        if value.rank != 1:
            raise ShapeMistake(
                f"{self.quoted(value)} is {self.shape(value)}: diag takes a vector", value.span
            )
        (row,) = value.axes
        column = self.letters.hidden(None, "a diagonal matrix")
        self.letters.join(row, column)
        expr = Mul((value.expr, Delta(row, column)))
        return Value(expr, span, (row, column), "matrix")

    def identity(self, span: Span) -> Value:
        """I, as large as it must be."""
        row, column = self.letters.hidden(None, "I"), self.letters.hidden(None, "I")
        self.letters.join(row, column)
        return Value(Delta(row, column), span, (row, column), "matrix")

    def applied(self, function: str, value: Value, span: Span) -> Value:
        """A function, component by component."""
        expr = bounded(Apply(function, value.expr), span)
        return replace(value, expr=expr, span=span, grouped=False, gradient=False)

    def softmax(self, value: Value, span: Span) -> Value:
        """exp(v_j) / Σ_k exp(v_k)."""
        if value.rank != 1:
            raise ShapeMistake(
                f"{self.quoted(value)} is {self.shape(value)}: softmax takes a vector", value.span
            )
        (axis,) = value.axes
        return replace(
            value, expr=self.softmax_at(value.expr, axis, axis, span), span=span, grouped=False
        )

    def softmax_at(self, e: Expr, letter: str, axis: str, span: Span) -> Expr:
        """exp(e) / Σ exp(e), the sum over `letter`, which runs as far as `axis`."""
        inner = self.letters.hidden(None)
        self.letters.join(axis, inner)
        below = self._summed(Apply("exp", with_indices(e, {letter: inner})), inner, span)
        return over(Apply("exp", e), below, span)

    def _summed(self, e: Expr, axis: str, span: Span) -> Expr:
        length = self.letters.length(self.letters.extent(axis), axis, span)
        return Reduce("sum", axis, length, e)

    # -- sums ------------------------------------------------------------------------------

    def added(self, terms: list[tuple[bool, Value]], span: Span) -> Value:
        """A sum; each term is added (False) or subtracted (True). Numbers are added to each
        component; 𝟏 and numbers take the shape of the others."""
        values = [self._shaped_alike(value, terms) for _, value in terms]
        if all(v.rank == 0 or v.ones for v in values) and not all(
            v.constant or v.ones for v in values
        ):
            values = [replace(v, axes=(), ones=False) for v in values]  # 𝟏 is one number here
        model = max(values, key=lambda v: (v.rank > 0 and not v.ones, v.ones))
        made: list[Expr] = []
        orientation = model.orientation
        for (negative, term), value in zip(terms, values, strict=True):
            expr = value.expr
            if value.rank and not (value.ones and not model.ones):
                expr, orientation = self._onto(value, model, orientation, "added to")
            elif value is not model and model.rank and not (value.constant or value.ones):
                raise self.mistake(
                    model, value, "a number cannot be added to a whole tensor; is an index missing?"
                )
            made.append(minus(expr, grouped=term.grouped) if negative else expr)
        expr = made[0] if len(made) == 1 else Add(tuple(made))
        return Value(expr, span, model.axes, orientation, ones=model.ones)

    def _shaped_alike(self, value: Value, terms: list[tuple[bool, Value]]) -> Value:
        """A term without axes of length 1 where other terms have fewer axes."""
        ranks = {v.rank for _, v in terms if not (v.constant or v.ones)}
        if len(ranks) > 1 and not value.ones:
            return self.squeezed(value)
        return value

    def _onto(
        self, value: Value, model: Value, orientation: Orientation, does: str
    ) -> tuple[Expr, Orientation]:
        """The expression with the axes of `model`; shapes must be alike."""
        if value is model:
            return value.expr, orientation
        fits = value.rank == model.rank and self._fit(value, model)
        turned = {value.orientation, orientation} == {"row", "column"}
        if not fits or turned:
            hint = f"only tensors of one shape can be {does} each other"
            if value.rank == 2 == model.rank and self._crossed(value, model):
                hint += "; transpose one of them"
            raise self.mistake(model, value, hint)
        change: dict[str, int | str] = dict(zip(value.axes, model.axes, strict=True))
        chosen = orientation if value.orientation == "none" else value.orientation
        return with_indices(value.expr, change), chosen

    def _fit(self, one: Value, other: Value) -> bool:
        return all(self.letters.join(a, b) for a, b in zip(one.axes, other.axes, strict=True))

    def _crossed(self, one: Value, other: Value) -> bool:
        return self.sizes(one) == self.sizes(other)[::-1]

    # -- products --------------------------------------------------------------------------

    def entrywise(self, left: Value, right: Value, span: Span, *, divides: bool = False) -> Value:
        """u ⊙ v, or u ⊘ v."""
        if not (left.rank and right.rank):
            return self.scaled(left, right, span, divides=divides)
        if left.rank != right.rank and not (left.ones or right.ones):
            left, right = self.squeezed(left), self.squeezed(right)
            if not (left.rank and right.rank):
                return self.scaled(left, right, span, divides=divides)
        model = right if left.ones and not right.ones else left
        orientation = model.orientation
        one, other = left.expr, right.expr
        if left.ones == right.ones:
            other, orientation = self._onto(right, left, left.orientation, "multiplied with")
        expr = multiplied([(False, one), (divides, other)], span)
        return Value(expr, span, model.axes, orientation, ones=left.ones and right.ones)

    def scaled(self, left: Value, right: Value, span: Span, *, divides: bool = False) -> Value:
        """A number times (or divided by) anything."""
        whole = right if right.rank else left
        expr = multiplied([(False, left.expr), (divides, right.expr)], span)
        return replace(whole, expr=expr, span=span, grouped=False)

    def divided(self, left: Value, right: Value, span: Span) -> Value:
        """left / right; of tensors, component by component."""
        alone = left.rank == 1 or (left.rank == 0 and not left.constant)
        if right.rank == 2 and alone and not left.ones:
            raise self.mistake(left, right, "only a matrix of its shape is divided by a matrix")
        if right.rank:
            self.say(f"the division by {self.quoted(right)} is taken component by component")
        if left.rank and right.rank:
            return self.entrywise(left, right, span, divides=True)
        expr = over(left.expr, right.expr, span)
        whole = right if right.rank else left
        return replace(whole, expr=expr, span=span, grouped=False)

    def times(self, left: Value, right: Value, sign: str, span: Span) -> Value:
        """A product as matrices are multiplied."""
        if not (left.rank and right.rank):
            return self.scaled(left, right, span)
        if sign == "⊗":
            return self._outer(left, right, span)
        if self.componentwise or (sign == "*" and self._alike(left, right)):
            if not self.componentwise:
                shown = f"{self.quoted(left)} * {self.quoted(right)}"
                self.say(f"{shown} is taken component by component")
            return self.entrywise(left, right, span)
        if sign == "*" and (thin := self._as_columns(left, right)) is not None:
            self.say(f"{self.quoted(left)} * {self.quoted(right)} is taken component by component")
            return self.entrywise(*thin, span)
        for one, other in self._readings(left, right):
            made = self._product(one, other, sign, span)
            if made is not None:
                return made
        raise self.mistake(left, right, self._advice(left, right))

    def _as_columns(self, left: Value, right: Value) -> tuple[Value, Value] | None:
        """An n × 1 matrix beside a vector of n components, as two vectors; else None."""
        thin = self.squeezed(left), self.squeezed(right)
        fits = thin[0].rank == thin[1].rank == 1 and not (thin[0].row or thin[1].row)
        return thin if fits and self._alike(*thin) else None

    def _alike(self, left: Value, right: Value) -> bool:
        return left.rank == right.rank and self.sizes(left) == self.sizes(right)

    def _readings(self, left: Value, right: Value) -> list[tuple[Value, Value]]:
        """Both as they are, then n × 1 and 1 × n matrices as vectors."""
        plain, thin = (left, right), (self.squeezed(left), self.squeezed(right))
        return [plain] if thin == plain else [plain, thin]

    def _product(self, left: Value, right: Value, sign: str, span: Span) -> Value | None:
        match left.rank, right.rank:
            case (0, _) | (_, 0):
                return self.scaled(left, right, span)
            case 1, 1:
                return self._of_vectors(left, right, sign, span)
            case 2, 1:
                if right.row:
                    return None
                return self._contracted(left, right, span, left.axes[:1], right.orientation)
            case 1, 2:
                if left.row:
                    return self._contracted(left, right, span, right.axes[1:], "row")
                return self._row_by_matrix(left, right, span)
            case 2, 2:
                axes = (left.axes[0], right.axes[1])
                made = self._contracted(left, right, span, axes, "matrix")
                return made and replace(made, jacobian=left.jacobian and right.jacobian)
            case _:
                return None

    def _row_by_matrix(self, left: Value, right: Value, span: Span) -> Value | None:
        """A gradient before a Jacobian, for which no one writes a transpose."""
        if not (left.gradient and right.jacobian):
            return None
        made = self._contracted(left, right, span, right.axes[1:], "none")
        if made is not None:
            self.say(f"{self.quoted(left)} is taken for a row here")
        return made and replace(made, gradient=True)

    def _of_vectors(self, left: Value, right: Value, sign: str, span: Span) -> Value | None:
        if left.row and not right.row:
            return self._contracted(left, right, span, (), "none")
        if right.row and not left.row:
            return self._outer(left, right, span)
        unturned = left.orientation == right.orientation == "none"
        if unturned and sign in ("·", "."):
            made = self._contracted(left, right, span, (), "none")
            if made is not None:
                shown = f"{self.quoted(left)} · {self.quoted(right)}"
                self.say(f"{shown} is taken for the dot product, a sum over the components")
            return made
        return None

    def _outer(self, left: Value, right: Value, span: Span) -> Value:
        """u vᵀ."""
        if left.rank != 1 or right.rank != 1:
            raise self.mistake(left, right, "⊗ takes two vectors")
        expr = Mul((left.expr, right.expr))
        return Value(expr, span, (*left.axes, *right.axes), "matrix")

    def _contracted(
        self, left: Value, right: Value, span: Span, axes: tuple[str, ...], turn: Orientation
    ) -> Value | None:
        """The product summed over the last axis of the left and the first of the right."""
        inner, other = left.axes[-1], right.axes[0]
        sizes = {self.letters.size(inner), self.letters.size(other)} - {None}
        if len(sizes) > 1 or not self.letters.join(inner, other):
            return None
        body = Mul((left.expr, with_indices(right.expr, {other: inner})))
        return Value(self._summed(body, inner, span), span, axes, turn)

    def _advice(self, left: Value, right: Value) -> str:
        """What could be done for two tensors that do not fit side by side."""
        if self._alike(left, right) and left.rank == 1:
            return (
                "two vectors side by side are no product; write ⊙ for component by component,"
                " or transpose one"
            )
        inner = f"{self._inner(left, -1)} columns" if left.rank == 2 else "one column"
        does = f"the left one has {inner}, the right one {self._inner(right, 0)} rows"
        if right.rank == 1 and right.row:
            does = f"the left one has {inner}, a row is one row"
        hints = []
        for a, b, what in (
            (self._turned(left), right, "the left one"),
            (left, self._turned(right), "the right one"),
            (self._turned(left), self._turned(right), "both"),
        ):
            if self._would_fit(a, b):
                hints.append(what)
        if hints:
            return f"{does}; {hints[0]} transposed would fit"
        return does

    def _inner(self, value: Value, end: int) -> str:
        size = self.letters.size(value.axes[end])
        return "?" if size is None else str(size)

    def _turned(self, value: Value) -> Value:
        if value.rank == 1:
            return replace(value, orientation="column" if value.row else "row")
        return replace(value, axes=value.axes[::-1])

    def _would_fit(self, left: Value, right: Value) -> bool:
        columns = 1 if left.rank == 1 and not left.row else self.letters.size(left.axes[-1])
        rows = 1 if right.row else self.letters.size(right.axes[0])
        return columns == rows

    # -- both sides of = -------------------------------------------------------------------

    def fitted(self, left: Value, right: Value) -> tuple[Value, str]:
        """The right side with the axes of the left, and how their shapes differ, "" where
        they do not. A number stands for each component; axes of length 1 may be left out."""
        if right.constant or right.ones:
            return replace(right, axes=left.axes, ones=False), ""
        if left.ones:
            return right, ""
        change: dict[str, int | str] = {}
        if left.rank == right.rank and self._fit(left, right):
            change = dict(zip(right.axes, left.axes, strict=True))
        else:
            long = [a for a in left.axes if self.letters.size(a) != 1]
            own = [a for a in right.axes if self.letters.size(a) != 1]
            pairs = zip(own, long, strict=False)
            if len(long) != len(own) or not all(self.letters.join(a, b) for a, b in pairs):
                return right, self._sides(left, right)
            change = dict.fromkeys(right.axes, 1)
            change.update(zip(own, long, strict=True))
        if self._turned_over(left, right):
            return right, self._sides(left, right)
        return replace(right, expr=with_indices(right.expr, change), axes=left.axes), ""

    def _turned_over(self, left: Value, right: Value) -> bool:
        """Whether one is a row and the other a column."""
        turns = {left.orientation, right.orientation}
        if turns == {"row", "column"}:
            return True
        thin = {
            "column" if self.letters.size(v.axes[1]) == 1 else "row"
            for v in (left, right)
            if v.rank == 2 and 1 in self.sizes(v) and set(self.sizes(v)) != {1}
        }
        return len(thin | (turns - {"none", "matrix"})) == 2

    def _sides(self, left: Value, right: Value) -> str:
        says = (
            f"{self.quoted(left)} is {self.shape(left)}, what it is set equal to,"
            f" {self.quoted(right)}, is {self.shape(right)}"
        )
        if left.rank == right.rank == 2 and self._crossed(left, right):
            return f"{says}: its transpose would fit"
        return says


def ones(letters: Letters, span: Span) -> Value:
    """𝟏, as long as it must be."""
    return Value(ONE, span, (letters.hidden(None, "𝟏"),), ones=True)
