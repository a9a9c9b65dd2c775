"""Index form to matrix form: Σ_j w_ij a_j is W a, v_i a_j is v aᵀ, u_i v_i is u ⊙ v.

A product is read as factors with one or two open indices; summed indices are taken out one
by one. Where no such reading exists the answer is None, and the index form stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from ..expr import (
    MINUS_ONE,
    ONE,
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
    product,
    walk,
    with_indices,
)
from ..network import ADJOINT, ARGUMENT, Network
from ..notation import BoundNotation, Symbol
from .boxes import (
    Applied,
    Box,
    Differential,
    Digits,
    Direct,
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
    """A scalar, column vector or matrix: its box, its open indices, how tightly it holds.

    factors: of a matrix product, its factors. entries: of u ⊙ v, u and v. divides: of 1 ⊘ p,
    that p. of: of a transpose, what was turned over.
    """

    box: Box
    axes: tuple[str, ...] = ()
    level: int = ATOM
    factors: tuple[Form, ...] = ()
    entries: tuple[Form, ...] = ()
    divides: Form | None = None
    of: Form | None = None

    def held(self, level: int) -> Box:
        """The box, in parentheses unless it holds at least as tightly as `level`."""
        return self.box if self.level >= level else parenthesised(self.box)

    @property
    def turned(self) -> Form:
        """The transpose."""
        axes = self.axes[::-1]
        if _is_diagonal(self.box):
            return self
        if len(axes) == 2 and self.factors and all(f.axes for f in self.factors):
            return _side_by_side([f.turned for f in reversed(self.factors)], axes)
        if len(axes) == 2 and self.entries:
            return _entrywise([f.turned for f in self.entries])
        if self.of is not None:
            return replace(self.of, axes=axes)
        return Form(Transposed(self.held(ATOM)), axes, of=self)


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
    if isinstance(left, Derivative) and _is_jacobian(left, notation.network):
        return maker.jacobian(left, right)
    axes = tuple(i for i in quantity.indices if isinstance(i, str))
    if len(axes) != len(quantity.indices) or len(set(axes)) != len(axes) or len(axes) > 2:
        return None
    form = maker.form(right, maker.printed(quantity.name, axes))
    if form is None:
        return None
    return maker.equation(maker.left(left, quantity), form, quantity.name)


def _alike(symbols: dict[str, Symbol]) -> list[str]:
    """The names whose symbols are not theirs alone."""
    count = Counter(symbol.key for symbol in symbols.values())
    return [name for name, symbol in symbols.items() if count[symbol.key] > 1]


def _quantity(left: Expr, notation: BoundNotation) -> Ref | None:
    if isinstance(left, Ref):
        return left
    if isinstance(left, Derivative) and isinstance(left.wrt, Ref):
        body = left.body
        if isinstance(body, Ref) and (
            body.name == notation.network.loss or _is_jacobian(left, notation.network)
        ):
            return left.wrt
    return None


def _is_jacobian(left: Derivative, network: Network) -> bool:
    """∂z[k]/∂h[i] or ∂a[k]/∂z[k]: of one vector in another."""
    body, wrt = left.body, left.wrt
    if not (isinstance(body, Ref) and isinstance(wrt, Ref)) or body.name == network.loss:
        return False
    return all(len(r.indices) == 1 and isinstance(r.indices[0], str) for r in (body, wrt))


def _is_entrywise(body: Ref, wrt: Ref, network: Network) -> bool:
    """Whether each component of a vector is made from the same component of another alone."""
    right = network.definition(body) if body.name in network.equations else body
    met = {node.indices for node in walk(right) if isinstance(node, Ref) and node.name == wrt.name}
    return met == {wrt.indices}


class _Maker:
    def __init__(self, notation: BoundNotation) -> None:
        self.notation = notation
        self.network = notation.network
        self.used: dict[str, None] = {}
        self.symbols = self._whole_symbols()

    def equation(self, left: Box, form: Form, *names: str) -> MatrixEquation:
        """left = form, with the shapes of the named tensors and of those met in the form."""
        listed = dict.fromkeys((*(name.removeprefix(ADJOINT) for name in names), *self.used))
        shapes = [(self.whole(name), self.shape(name)) for name in listed if self.shape(name)]
        return MatrixEquation(left, form.box, tuple(shapes))

    def jacobian(self, left: Derivative, right: Expr) -> MatrixEquation | None:
        """∂z/∂h = W: a row for each component of z, a column for each of h."""
        body, wrt = left.body, left.wrt
        assert isinstance(body, Ref)
        assert isinstance(wrt, Ref)
        rows, columns = str(body.indices[0]), str(wrt.indices[0])
        if rows != columns:
            form = self.form(right, (rows, columns))
        elif _is_entrywise(body, wrt, self.network):
            entries = self.form(right, (rows,))
            form = entries and _diagonal(entries)
        else:
            form = None
        if form is None:
            return None
        d = self.notation.signs.d
        of, inside = (
            box if isinstance(box, Symbol) else parenthesised(box)
            for box in (self.whole(body.name), self.whole(wrt.name))
        )
        made: Box = Fraction(Differential(d, of), Differential(d, inside))
        if not left.total and self.notation.is_direct(body, wrt):
            made = Direct(made)
        return self.equation(made, form, body.name, wrt.name)

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
            made[name] = Symbol(name, upright=True, of=made[name].of)
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
            made = self._quotient(quantity.name)
            direct = not left.total and self.notation.is_direct(left.body, left.wrt)
            return Direct(made) if direct else made
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
                return self._number(e, axes)
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

    def _number(self, e: Number, axes: tuple[str, ...]) -> Form:
        """A number; where it is added to a vector, as often as that has components."""
        box = layout(e, self.notation)
        if not axes:
            return Form(box)
        if e is ONE:
            return Form(ONES, axes)
        return Form(Row((box, Operator(""), ONES)), axes, PRODUCT)

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
        if (diagonal := self._with_delta(factors, summed, axes)) is not None:
            return diagonal
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

    def _with_delta(
        self, factors: list[Expr], summed: dict[str, Size], axes: tuple[str, ...]
    ) -> Form | None:
        """u_i [i = j] is diag(u); u_i ([i = j] - v_j) is multiplied out first."""
        if summed or len(axes) != 2:
            return None
        for place, factor in enumerate(factors):
            rest = (*factors[:place], *factors[place + 1 :])
            if isinstance(factor, Delta) and {factor.left, factor.right} == set(axes) and rest:
                entries = with_indices(product(rest), {axes[1]: axes[0]})
                vector = self.form(entries, axes[:1])
                return vector and _diagonal(vector)
            if isinstance(factor, Add) and any(_has_delta(term) for term in factor.terms):
                terms = (flat_factors(term) for term in factor.terms)
                return self.form(Add(tuple(_signed((*rest, *term)) for term in terms)), axes)
        return None

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
            if isinstance(e.exponent, Number) and e.exponent.value < 0:
                return self._reciprocal(e, axes)
            if e.exponent is not TWO:
                return None
            base = self.form(e.base, axes)
            return base and _entrywise([base, base])
        if e.exponent is MINUS_ONE:
            base = self.form(e.base, ())
            return base and Form(Fraction(ONES if axes else Digits("1"), base.box), axes)
        base, exponent = self.form(e.base, ()), self.form(e.exponent, ())
        if base is None or exponent is None:
            return None
        return Form(Raised(base.held(ATOM), exponent.box), axes)

    def _reciprocal(self, e: Power, axes: tuple[str, ...]) -> Form | None:
        """1 ⊘ p, which among other factors becomes y ⊘ p."""
        assert isinstance(e.exponent, Number)
        power = -e.exponent.value
        base = self.form(e.base if power == 1 else Power(e.base, Number(power)), axes)
        if base is None:
            return None
        box = Row((ONES, Operator("⊘"), base.held(ATOM)))
        return Form(box, axes, ENTRYWISE, divides=base)

    def _factor(self, e: Expr) -> Form | None:
        """A factor with its own one or two open indices, in the order in which they occur."""
        order = dict.fromkeys(
            i for node in walk(e) if isinstance(node, Ref) for i in node.indices if i in e.free
        )
        axes = (*(str(i) for i in order), *sorted(e.free - order.keys()))
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


ONES = Symbol("𝟏")
"""The vector or matrix of ones."""

SCALAR_ONE = Form(Digits("1"))


def _side_by_side(forms: Sequence[Form], axes: tuple[str, ...]) -> Form:
    parts: list[Box] = []
    for form in forms:
        parts += [Operator("")] if parts else []
        parts.append(form.held(PRODUCT))
    return Form(Row(tuple(parts)), axes, PRODUCT, tuple(forms))


def _entrywise(forms: list[Form]) -> Form:
    if len(forms) == 1:
        return forms[0]
    multiplied = [form for form in forms if form.divides is None]
    parts: list[Box] = [] if multiplied else [ONES]
    for form in multiplied:
        parts += [Operator("⊙")] if parts else []
        parts.append(form.held(ATOM) if form.level != ENTRYWISE else form.box)
    for form in forms:
        if form.divides is not None:
            parts += [Operator("⊘"), form.divides.held(ATOM)]
    entries = tuple(forms) if all(form.divides is None for form in forms) else ()
    return Form(Row(tuple(parts)), forms[0].axes, ENTRYWISE, entries=entries)


def _first(form: Form, index: str) -> Form:
    """The matrix with `index` as its first axis."""
    return form if form.axes[0] == index else form.turned


def _without(index: str, forms: list[Form]) -> Form | None:
    """The factors that carry a summed index, contracted over it."""
    vectors = [f for f in forms if f.axes == (index,)]
    matrices = _gathered([f for f in forms if len(f.axes) == 2])
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


def _gathered(matrices: list[Form]) -> list[Form]:
    """Matrices with the same two indices as one, entry by entry."""
    alike: dict[frozenset[str], list[Form]] = {}
    for form in matrices:
        group = alike.setdefault(frozenset(form.axes), [])
        group.append(form if not group or form.axes == group[0].axes else form.turned)
    return [_entrywise(group) for group in alike.values()]


def _is_diagonal(box: Box) -> bool:
    return isinstance(box, Row) and box.parts[0] == DIAGONAL


def _has_delta(e: Expr) -> bool:
    return any(isinstance(factor, Delta) for factor in flat_factors(e))


def _signed(factors: tuple[Expr, ...]) -> Expr:
    """The product with at most one sign, in front."""
    rest = tuple(factor for factor in factors if factor is not MINUS_ONE)
    odd = (len(factors) - len(rest)) % 2
    return product((MINUS_ONE, *rest) if odd else rest)


DIAGONAL = Words("diag")


def _diagonal(vector: Form) -> Form:
    return Form(Row((DIAGONAL, parenthesised(vector.box))), vector.axes * 2)


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
    return _entrywise(forms) if forms else Form(ONES, axes)


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
