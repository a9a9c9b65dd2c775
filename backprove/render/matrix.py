"""Index form to matrix form: Σ_j w_ij a_j is W a, v_i a_j is v aᵀ, u_i v_i is u ⊙ v.

A product is read as factors with one or two open indices; summed indices are taken out one
by one. Where no such reading exists the answer is None, and the index form stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import reduce

from ..expr import (
    MINUS_ONE,
    TWO,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    flat_factors,
    walk,
)
from ..network import ADJOINT, ARGUMENT
from ..notation import BoundNotation, Symbol
from .boxes import (
    Applied,
    Box,
    Differential,
    Digits,
    Fenced,
    Fraction,
    Operator,
    Raised,
    Row,
    Transposed,
    Words,
)
from .depth import deep
from .layout import layout, parenthesised

# how tightly a form holds together
SUM, ENTRYWISE, PRODUCT, ATOM = range(4)


@dataclass(frozen=True)
class Form:
    """A scalar, column vector or matrix: its box, its open indices, how tightly it holds."""

    box: Box
    axes: tuple[str, ...] = ()
    level: int = ATOM

    def held(self, level: int) -> Box:
        """The box, in parentheses unless it holds at least as tightly as `level`."""
        return self.box if self.level >= level else parenthesised(self.box)

    @property
    def turned(self) -> Form:
        """The transpose."""
        axes = self.axes[::-1]
        if isinstance(self.box, Transposed):
            inner = self.box.of
            return Form(inner.inner if isinstance(inner, Fenced) else inner, axes)
        return Form(Transposed(self.held(ATOM)), axes)


@dataclass(frozen=True)
class MatrixEquation:
    """left = right in matrix form, and the shape of each tensor in it."""

    left: Box
    right: Box
    shapes: tuple[tuple[Box, str], ...]


@deep
def matrix_equation(left: Expr, right: Expr, notation: BoundNotation) -> MatrixEquation | None:
    """The matrix form of an equation in index form, or None where there is none.

    left: a tensor's component, an adjoint's, or the derivative of the loss in a component;
    its indices are distinct letters.
    """
    maker = _Maker(notation)
    quantity = _quantity(left, notation)
    if quantity is None:
        return None
    axes = tuple(i for i in quantity.indices if isinstance(i, str))
    if len(axes) != len(quantity.indices) or len(set(axes)) != len(axes) or len(axes) > 2:
        return None
    form = maker.form(right, maker.printed(quantity.name, axes))
    if form is None:
        return None
    names = dict.fromkeys((quantity.name.removeprefix(ADJOINT), *maker.used))
    shapes = tuple(
        (maker.whole(name), maker.shape(name)) for name in names if maker.shape(name)
    )  # fmt: skip
    return MatrixEquation(maker.left(left, quantity), form.box, shapes)


def _alike(symbols: dict[str, Symbol]) -> list[str]:
    """The names whose symbols are not theirs alone."""
    count = Counter(symbol.key for symbol in symbols.values())
    return [name for name, symbol in symbols.items() if count[symbol.key] > 1]


def _quantity(left: Expr, notation: BoundNotation) -> Ref | None:
    if isinstance(left, Ref):
        return left
    if isinstance(left, Derivative) and left.total and isinstance(left.wrt, Ref):
        body = left.body
        if isinstance(body, Ref) and body.name == notation.network.loss:
            return left.wrt
    return None


class _Maker:
    def __init__(self, notation: BoundNotation) -> None:
        self.notation = notation
        self.network = notation.network
        self.used: dict[str, None] = {}
        self.symbols = self._whole_symbols()

    # -- names -----------------------------------------------------------------------------

    def _whole_symbols(self) -> dict[str, Symbol]:
        """A symbol for each tensor: matrices in capitals, a layer mark where two are alike."""
        made: dict[str, Symbol] = {}
        for name, quantity in self.network.quantities.items():
            symbol = self.notation.symbol(Ref(name))
            if symbol is None:
                continue
            small = len(symbol.letter) == 1 and not symbol.text
            if len(quantity.shape) == 2 and small:
                symbol = replace(symbol, letter=symbol.letter.upper())
            made[name] = symbol
        for name in _alike(made):
            layer = self.notation.layer(name)
            if layer and not made[name].sup:
                made[name] = replace(made[name], sup=f"({layer})")
        for name in _alike(made):
            made[name] = Symbol(name, upright=True)
        return made

    def whole(self, name: str) -> Box:
        if name in self.symbols:
            return self.symbols[name]
        equation = self.network.equations.get(name)
        if equation is not None and name.endswith(ARGUMENT):  # prints as its expression
            form = self.form(equation.right, equation.indices)
            return layout(equation.right, self.notation) if form is None else form.box
        return layout(Ref(name), self.notation)

    def adjoint(self, name: str) -> Box:
        symbol = self.notation.symbol(Ref(ADJOINT + name))
        if symbol is not None:
            return symbol
        return self._quotient(name)

    def _quotient(self, name: str) -> Box:
        d = self.notation.signs.d
        loss, of = self.whole(self.network.loss), self.whole(name)
        grouped = of if isinstance(of, Symbol) else parenthesised(of)
        return Fraction(Differential(d, loss), Differential(d, grouped))

    def left(self, left: Expr, quantity: Ref) -> Box:
        if isinstance(left, Derivative):
            return self._quotient(quantity.name)
        if quantity.name.startswith(ADJOINT):
            return self.adjoint(quantity.name.removeprefix(ADJOINT))
        return self.whole(quantity.name)

    def shape(self, name: str) -> str:
        known = self.network.quantities.get(name)
        sizes = tuple(str(size) for size in known.shape) if known else ()
        return " × ".join(self.printed(name, sizes))

    # -- expressions -----------------------------------------------------------------------

    def form(self, e: Expr, axes: tuple[str, ...]) -> Form | None:
        """The form of an expression whose open indices are `axes`, in this order."""
        if not e.free <= set(axes):
            return None
        match e:
            case Ref():
                return self._aligned(self._ref(e), axes)
            case Number():
                return Form(layout(e, self.notation), axes)
            case Delta(left=left, right=right):
                if len(axes) == 2 and {left, right} == set(axes):
                    return Form(Symbol("I"), axes)
                return None
            case Add():
                return self._add(e, axes)
            case Apply():
                inner = self.form(e.argument, axes)
                if inner is None or e.function == "sqrt":
                    return None
                function = self.notation.function(e.function)
                return Form(Applied(function, parenthesised(inner.box)), axes)
            case Mul() | Reduce() | Power():
                return self._product(e, axes)
            case _:
                return None

    def _ref(self, e: Ref) -> Form | None:
        letters = tuple(i for i in e.indices if isinstance(i, str))
        if len(letters) != len(e.indices) or len(letters) > 2 or len(set(letters)) != len(letters):
            return None
        if e.name.startswith(ADJOINT):
            self.used.setdefault(e.name.removeprefix(ADJOINT))
            return Form(self.adjoint(e.name.removeprefix(ADJOINT)), self.printed(e.name, letters))
        if e.name.endswith(ARGUMENT) and self.notation.symbol(e) is None:
            return self.form(self.network.definition(e), letters)
        self.used.setdefault(e.name)
        return Form(self.whole(e.name), self.printed(e.name, letters))

    def printed(self, name: str, letters: tuple[str, ...]) -> tuple[str, ...]:
        """The indices in the order in which the notation prints them: (from, to) for some."""
        order = self.notation.order(name.removeprefix(ADJOINT))
        return tuple(letters[place] for place in order) if len(order) == len(letters) else letters

    @staticmethod
    def _aligned(form: Form | None, axes: tuple[str, ...]) -> Form | None:
        if form is None or form.axes == axes:
            return form
        if form.axes[::-1] == axes:
            return form.turned
        return None

    def _add(self, e: Add, axes: tuple[str, ...]) -> Form | None:
        parts: list[Box] = []
        for term in e.terms:
            negative = isinstance(term, Mul) and term.factors[0] is MINUS_ONE
            if isinstance(term, Number) and term.value < 0:
                negative, form = True, self.form(Number(-term.value), axes)
            elif negative and isinstance(term, Mul):
                rest = term.factors[1:]
                form = self.form(Mul(rest) if len(rest) > 1 else rest[0], axes)
            else:
                form = self.form(term, axes)
            if form is None:
                return None
            if parts or negative:
                parts.append(Operator("-" if negative else "+", prefix=not parts))
            parts.append(form.held(ENTRYWISE))
        return Form(Row(tuple(parts)), axes, SUM)

    # -- products --------------------------------------------------------------------------

    def _product(self, e: Expr, axes: tuple[str, ...]) -> Form | None:
        factors, summed = self._opened(e)
        if factors is None or set(summed) & set(axes):
            return None
        if factors == [e] and not isinstance(e, Power):
            return None  # a maximum: nothing to open
        if len(factors) == 1 and isinstance(factors[0], Power) and not summed:
            return self._power(factors[0], axes)
        square = self._square(factors, summed)
        if square is not None:
            return square
        signs = sum(1 for f in factors if f is MINUS_ONE)
        scalars: list[Expr] = []
        forms: list[Form] = []
        for factor in factors:
            if factor is MINUS_ONE:
                continue
            if not factor.free:
                scalars.append(factor)
                continue
            made = self._factor(factor)
            if made is None:
                return None
            forms.append(made)
        shaped = self._contracted(forms, list(summed), axes)
        if shaped is None:
            return None
        return self._scaled(signs % 2 == 1, scalars, shaped)

    def _opened(self, e: Expr) -> tuple[list[Expr] | None, dict[str, Size]]:
        """All factors under all sums, and the summed indices."""
        summed: dict[str, Size] = {}
        factors: list[Expr] = []
        stack = list(reversed(flat_factors(e)))
        while stack:
            node = stack.pop()
            if isinstance(node, Reduce) and node.op == "sum" and node.free:
                if node.index in summed:
                    return None, {}
                summed[node.index] = node.size
                stack.extend(reversed(flat_factors(node.body)))
            elif isinstance(node, Reduce) and node.op == "sum" and not (factors or stack):
                summed[node.index] = node.size
                stack.extend(reversed(flat_factors(node.body)))
            else:
                factors.append(node)
        return factors, summed

    def _square(self, factors: list[Expr], summed: dict[str, Size]) -> Form | None:
        """Σ_i u_i^2 is ‖u‖²."""
        if len(summed) != 1 or len(factors) != 1:
            return None
        (factor,) = factors
        (index,) = summed
        if not (isinstance(factor, Power) and factor.exponent is TWO):
            return None
        inner = self.form(factor.base, (index,))
        if inner is None:
            return None
        return Form(Raised(Fenced("‖", inner.box, "‖"), Digits("2")))

    def _power(self, e: Power, axes: tuple[str, ...]) -> Form | None:
        if e.free:
            if e.exponent is not TWO:
                return None
            base = self.form(e.base, axes)
            return base and _entrywise([base, base])
        if e.exponent is MINUS_ONE:
            base = self.form(e.base, ())
            return base and Form(Fraction(Digits("1"), base.box), axes)
        base, exponent = self.form(e.base, ()), self.form(e.exponent, ())
        if base is None or exponent is None:
            return None
        return Form(Raised(base.held(ATOM), exponent.box), axes)

    def _factor(self, e: Expr) -> Form | None:
        """A factor with its own one or two open indices, in the order in which they occur."""
        order = dict.fromkeys(
            i for node in walk(e) if isinstance(node, Ref) for i in node.indices if i in e.free
        )
        axes = tuple(str(i) for i in order)
        return self.form(e, axes) if len(axes) in (1, 2) else None

    def _contracted(
        self, forms: list[Form], summed: list[str], axes: tuple[str, ...]
    ) -> Form | None:
        """Take out the summed indices one by one, then put the rest in the shape of `axes`."""
        while summed:
            index = min(reversed(summed), key=lambda i: sum(i in f.axes for f in forms))
            summed.remove(index)
            here = [f for f in forms if index in f.axes]
            made = _without(index, here)
            if made is None:
                return None
            place = forms.index(here[0])
            forms = [f for f in forms if f not in here]
            forms.insert(place, made)
        return _shaped(forms, axes)

    def _scaled(self, negative: bool, scalars: list[Expr], shaped: Form) -> Form | None:
        below = [s for s in scalars if _divides(s)]
        above = [s for s in scalars if not _divides(s)]
        parts: list[Box] = [Operator("-", prefix=True)] if negative else []
        for scalar in above:
            made = self.form(scalar, ())
            if made is None:
                return None
            parts += [made.held(PRODUCT), Operator("")]
        if not (parts or below):
            return shaped
        if shaped != SCALAR_ONE or not parts:
            parts.append(shaped.held(PRODUCT if above else ENTRYWISE))
        elif isinstance(parts[-1], Operator) and not parts[-1].prefix:
            parts.pop()
        box: Box = Row(tuple(parts)) if len(parts) > 1 else parts[0]
        for scalar in below:
            bottom = self._bottom(scalar)
            if bottom is None:
                return None
            box = Fraction(box, bottom)
        return Form(box, shaped.axes, PRODUCT if not negative else ENTRYWISE)

    def _bottom(self, e: Expr) -> Box | None:
        if isinstance(e, Number):
            return Digits(str(e.value.denominator))
        assert isinstance(e, Power)
        made = self.form(e.base, ())
        return None if made is None else made.box


def _divides(e: Expr) -> bool:
    if isinstance(e, Number):
        return e.value.numerator == 1 != e.value.denominator
    return isinstance(e, Power) and e.exponent is MINUS_ONE


ONES = Symbol("1")
"""The vector of ones."""

SCALAR_ONE = Form(Digits("1"))


def _side_by_side(forms: Iterable[Form], axes: tuple[str, ...]) -> Form:
    parts: list[Box] = []
    for form in forms:
        parts += [Operator("")] if parts else []
        parts.append(form.held(PRODUCT))
    return Form(Row(tuple(parts)), axes, PRODUCT)


def _entrywise(forms: list[Form]) -> Form:
    if len(forms) == 1:
        return forms[0]
    parts: list[Box] = []
    for form in forms:
        parts += [Operator("⊙")] if parts else []
        parts.append(form.held(ATOM) if form.level != ENTRYWISE else form.box)
    return Form(Row(tuple(parts)), forms[0].axes, ENTRYWISE)


def _first(form: Form, index: str) -> Form:
    """The matrix with `index` as its first axis."""
    return form if form.axes[0] == index else form.turned


def _without(index: str, forms: list[Form]) -> Form | None:
    """The factors that carry a summed index, contracted over it."""
    vectors = [f for f in forms if f.axes == (index,)]
    matrices = [f for f in forms if len(f.axes) == 2]
    if len(matrices) > 2 or not forms:
        return None
    if not matrices:
        if len(vectors) == 1:  # Σ_i u_i = 1ᵀu
            return _side_by_side((Form(Transposed(ONES)), vectors[0]), ())
        return _side_by_side((_entrywise(vectors[:-1]).turned, vectors[-1]), ())
    left = _first(matrices[0], index).turned  # (x, index)
    if len(matrices) == 1:
        column = _entrywise(vectors) if vectors else Form(ONES, (index,))
        return _side_by_side((left, column), left.axes[:1])
    right = _first(matrices[1], index)
    axes = (left.axes[0], right.axes[1])
    if not vectors:
        return _side_by_side((left, right), axes)
    return _side_by_side((left, _diagonal(_entrywise(vectors)), right), axes)


def _diagonal(vector: Form) -> Form:
    return Form(Row((Words("diag"), parenthesised(vector.box))), vector.axes * 2)


def _shaped(forms: list[Form], axes: tuple[str, ...]) -> Form | None:
    """The contracted factors as one scalar, vector or matrix with these axes."""
    scalars = [f for f in forms if not f.axes]
    shape: Callable[[list[Form], tuple[str, ...]], Form | None]
    shape = (_no_axis, _one_axis, _two_axes)[len(axes)]
    made = shape([f for f in forms if f.axes], axes)
    if made is None or not scalars:
        return made
    if not axes:
        return _side_by_side(scalars, ())
    return _side_by_side((*scalars, made), axes)


def _no_axis(forms: list[Form], axes: tuple[str, ...]) -> Form | None:
    return None if forms else SCALAR_ONE


def _one_axis(forms: list[Form], axes: tuple[str, ...]) -> Form | None:
    if any(f.axes != axes for f in forms):
        return None
    return _entrywise(forms) if forms else Form(Digits("1"), axes)


def _two_axes(forms: list[Form], axes: tuple[str, ...]) -> Form | None:
    """u_i v_j is u vᵀ; matrices go entry by entry."""
    first, second = axes
    rows = [f for f in forms if f.axes == (first,)]
    columns = [f for f in forms if f.axes == (second,)]
    matrices = [f if f.axes == axes else f.turned for f in forms if set(f.axes) == set(axes)]
    if len(rows) + len(columns) + len(matrices) != len(forms):
        return None
    if rows or columns:
        left = _entrywise(rows) if rows else Form(ONES, (first,))
        right = _entrywise(columns) if columns else Form(ONES, (second,))
        matrices = [*matrices, _side_by_side((left, right.turned), axes)]
    return _entrywise(matrices) if matrices else None


def shapes_text(shapes: tuple[tuple[Box, str], ...]) -> tuple[str | Box, ...]:
    """The shapes as a sentence: W is 3 × 4, a is 4."""
    listed: list[tuple[str | Box, ...]] = [(box, f" is {shape}") for box, shape in shapes]
    joined = reduce(lambda a, b: (*a, ", ", *b), listed) if listed else ()
    return ("shapes: ", *joined, "; a vector is a column") if joined else ()
