"""The closed set of nodes that every expression is made of.

Index notation with explicit sums and Kronecker deltas: `sum(k: w[j,k]*a[k]) + b[j]`.
Nodes are immutable and interned: two structurally equal expressions are one object, so
equality is identity and tables keyed by expressions are cheap. Interning keeps the exact
structure (the reader's `h1*w6` stays in that order, `a*(b*c)` keeps its parentheses);
`canonical` gives the key under which such variants meet.

Numbers are exact fractions; floating point lives in data only. Positions are 1-based.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, ClassVar, Literal, TypeAlias, final
from weakref import WeakValueDictionary

Index: TypeAlias = "int | str"
"""A position in a tensor: a number (1-based) or the name of an index variable."""

Size: TypeAlias = "int | str"
"""The length of an axis: a number, or the name of a size that has none."""

Path: TypeAlias = tuple[int, ...]
"""The way from an expression down to a part of it: child numbers, from the top."""


_NONE: frozenset[str] = frozenset()


def _joined(some: frozenset[str], more: frozenset[str]) -> frozenset[str]:
    """Both; the same object where one holds the other, as it mostly does."""
    if more <= some:
        return some
    return some | more if some else more


class _Interned(type):
    """Makes every construction return the one node with these fields."""

    _nodes: ClassVar[WeakValueDictionary[tuple[Any, ...], Any]] = WeakValueDictionary()

    def __call__(cls, *fields: Any) -> Any:
        if cls is Ref and len(fields) == 1:
            fields = (*fields, ())  # a scalar: the same node with and without ()
        if cls is Number and not isinstance(fields[0], int | Fraction):
            # asked before the table, in which 0.5 would meet 1/2
            raise TypeError(f"an expression holds exact numbers, not {fields[0]!r}")
        key = (cls, *fields)
        node = _Interned._nodes.get(key)
        if node is None:
            node = super().__call__(*fields)
            _Interned._nodes[key] = node
        return node


class Expr(metaclass=_Interned):
    """An expression. Build trees with the node classes, or with `+ - * / **` on nodes."""

    __slots__ = ("__weakref__", "_key", "bound", "children", "free", "names")

    children: tuple[Expr, ...]
    """The parts, in the reader's order."""
    names: frozenset[str]
    """The names of all quantities that occur in it."""
    free: frozenset[str]
    """The index variables that no sum, maximum or argmax inside it binds."""
    bound: frozenset[str]
    """The index variables that some sum, maximum or argmax inside it binds."""
    _key: tuple[Any, ...] | None
    """Its `canonical` key, once somebody has asked for it."""

    def _settle(self, children: tuple[Expr, ...]) -> None:
        self.children, self._key = children, None
        names = free = bound = _NONE
        for child in children:
            names = _joined(names, child.names)
            free = _joined(free, child.free)
            bound = _joined(bound, child.bound)
        self.names, self.free, self.bound = names, free, bound

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        """The same node with other parts."""
        raise NotImplementedError

    def __add__(self, other: Expr | int | Fraction) -> Expr:
        left = self.terms if isinstance(self, Add) else (self,)
        return Add((*left, as_expr(other)))

    def __sub__(self, other: Expr | int | Fraction) -> Expr:
        return self + negative(as_expr(other))

    def __mul__(self, other: Expr | int | Fraction) -> Expr:
        left = self.factors if isinstance(self, Mul) else (self,)
        return Mul((*left, as_expr(other)))

    def __truediv__(self, other: Expr | int | Fraction) -> Expr:
        return self * reciprocal(as_expr(other))

    def __pow__(self, other: Expr | int | Fraction) -> Expr:
        return Power(self, as_expr(other))

    def __neg__(self) -> Expr:
        return negative(self)

    def __radd__(self, other: int | Fraction) -> Expr:
        return as_expr(other) + self

    def __rsub__(self, other: int | Fraction) -> Expr:
        return as_expr(other) - self

    def __rmul__(self, other: int | Fraction) -> Expr:
        return as_expr(other) * self

    def __rtruediv__(self, other: int | Fraction) -> Expr:
        return as_expr(other) / self

    def __repr__(self) -> str:
        return plain(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self._fields())

    def _fields(self) -> tuple[Any, ...]:
        raise NotImplementedError


@final
class Number(Expr):
    """An exact number."""

    __slots__ = ("value",)
    value: Fraction

    def __init__(self, value: Fraction | int) -> None:
        self.value = Fraction(value)
        self._settle(())

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return self

    def _fields(self) -> tuple[Any, ...]:
        return (self.value,)


@final
class Ref(Expr):
    """A component of a quantity: `w[j,2]`, or `E` for a scalar."""

    __slots__ = ("indices", "name")
    name: str
    indices: tuple[Index, ...]

    def __init__(self, name: str, indices: tuple[Index, ...] = ()) -> None:
        self.name, self.indices = name, indices
        self._settle(())
        self.names = frozenset((name,))
        self.free = frozenset(i for i in indices if isinstance(i, str))

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return self

    def _fields(self) -> tuple[Any, ...]:
        return (self.name, self.indices)


@final
class Delta(Expr):
    """Kronecker's delta [left = right]: 1 where the indices agree, else 0.

    The right side may be an argmax: [j = argmax_k u_k].
    """

    __slots__ = ("left", "right")
    left: Index
    right: Index | Expr

    def __init__(self, left: Index, right: Index | Expr) -> None:
        self.left, self.right = left, right
        inner = (right,) if isinstance(right, Expr) else ()
        if inner and not (isinstance(right, Reduce) and right.op == "argmax"):
            raise TypeError(f"a delta compares indices, not {right!r}")
        self._settle(inner)
        here = {i for i in (left, right) if isinstance(i, str)}
        self.free = self.free | here if here else self.free

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Delta(self.left, children[0]) if children else self

    def _fields(self) -> tuple[Any, ...]:
        return (self.left, self.right)


@final
class Add(Expr):
    """A sum of two or more terms, as written: `a - b` is Add(a, Mul(-1, b))."""

    __slots__ = ("terms",)
    terms: tuple[Expr, ...]

    def __init__(self, terms: tuple[Expr, ...]) -> None:
        if len(terms) < 2:
            raise ValueError("a sum has at least two terms")
        self.terms = terms
        self._settle(terms)

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Add(children)

    def _fields(self) -> tuple[Any, ...]:
        return (self.terms,)


@final
class Mul(Expr):
    """A product of two or more factors, as written: `a/b` is Mul(a, Power(b, -1))."""

    __slots__ = ("factors",)
    factors: tuple[Expr, ...]

    def __init__(self, factors: tuple[Expr, ...]) -> None:
        if len(factors) < 2:
            raise ValueError("a product has at least two factors")
        self.factors = factors
        self._settle(factors)

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Mul(children)

    def _fields(self) -> tuple[Any, ...]:
        return (self.factors,)


@final
class Power(Expr):
    """base ^ exponent."""

    __slots__ = ("base", "exponent")
    base: Expr
    exponent: Expr

    def __init__(self, base: Expr, exponent: Expr) -> None:
        self.base, self.exponent = base, exponent
        self._settle((base, exponent))

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Power(*children)

    def _fields(self) -> tuple[Any, ...]:
        return (self.base, self.exponent)


@final
class Apply(Expr):
    """A scalar function of one argument. `sigmoid'` names the derivative of `sigmoid`."""

    __slots__ = ("argument", "function")
    function: str
    argument: Expr

    def __init__(self, function: str, argument: Expr) -> None:
        self.function, self.argument = function, argument
        self._settle((argument,))

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Apply(self.function, children[0])

    def _fields(self) -> tuple[Any, ...]:
        return (self.function, self.argument)


ReduceOp: TypeAlias = Literal["sum", "max", "argmax"]


@final
class Reduce(Expr):
    """A sum or maximum of `body` over `index` = 1 … `size`.

    `argmax` is the first position of the largest value; it stands in deltas only.
    """

    __slots__ = ("body", "index", "op", "size")
    op: ReduceOp
    index: str
    size: Size
    body: Expr

    def __init__(self, op: ReduceOp, index: str, size: Size, body: Expr) -> None:
        self.op, self.index, self.size, self.body = op, index, size, body
        self._settle((body,))
        self.free = body.free - {index}
        self.bound = body.bound | {index}

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Reduce(self.op, self.index, self.size, children[0])

    def _fields(self) -> tuple[Any, ...]:
        return (self.op, self.index, self.size, self.body)


@final
class Derivative(Expr):
    """∂body/∂wrt.

    Local (`total` false): only wrt's own place in `body` varies, other named quantities are
    held. Total: quantities that are computed from wrt vary with it, and wrt's own equation
    is cut. `wrt` is a Ref, or an expression that stands for a fresh name
    ("let z = t - w_o.w_h.i").
    """

    __slots__ = ("body", "total", "wrt")
    body: Expr
    wrt: Expr
    total: bool

    def __init__(self, body: Expr, wrt: Expr, total: bool) -> None:
        self.body, self.wrt, self.total = body, wrt, total
        self._settle((body, wrt))

    def rebuilt(self, children: tuple[Expr, ...]) -> Expr:
        return Derivative(children[0], children[1], self.total)

    def _fields(self) -> tuple[Any, ...]:
        return (self.body, self.wrt, self.total)


ZERO: Expr = Number(0)
ONE: Expr = Number(1)
MINUS_ONE: Expr = Number(-1)
TWO: Expr = Number(2)
HALF: Expr = Number(Fraction(1, 2))


# -- building ------------------------------------------------------------------------------


def as_expr(value: Expr | int | Fraction) -> Expr:
    """A number as an expression; an expression as it is."""
    return value if isinstance(value, Expr) else Number(value)


def negative(e: Expr) -> Expr:
    """-e, without piling up signs or parentheses."""
    if isinstance(e, Number):
        return Number(-e.value)
    if isinstance(e, Mul):
        if e.factors[0] is MINUS_ONE:
            return product(e.factors[1:])
        return Mul((MINUS_ONE, *e.factors))
    return Mul((MINUS_ONE, e))


def reciprocal(e: Expr) -> Expr:
    """1/e; exact for numbers."""
    if isinstance(e, Number) and e.value != 0:
        return Number(1 / e.value)
    return Power(e, MINUS_ONE)


def total(terms: tuple[Expr, ...]) -> Expr:
    """The sum of any number of terms: none is 0, one is itself."""
    return Add(terms) if len(terms) > 1 else terms[0] if terms else ZERO


def product(factors: tuple[Expr, ...]) -> Expr:
    """The product of any number of factors: none is 1, one is itself."""
    return Mul(factors) if len(factors) > 1 else factors[0] if factors else ONE


# -- walking -------------------------------------------------------------------------------


def walk(e: Expr) -> Iterator[Expr]:
    """Every part of an expression, itself first."""
    stack = [e]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def part(e: Expr, path: Path) -> Expr:
    """The part of `e` at `path`."""
    for step in path:
        e = e.children[step]
    return e


def replaced(e: Expr, path: Path, new: Expr) -> Expr:
    """`e` with the part at `path` replaced by `new`."""
    if not path:
        return new
    head, *rest = path
    children = list(e.children)
    children[head] = replaced(children[head], tuple(rest), new)
    return e.rebuilt(tuple(children))


def mapped(e: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """`e` with every part for which `change` gives an expression replaced by it, top first."""
    new = change(e)
    if new is not None:
        return new
    if not e.children:
        return e
    children = tuple([mapped(c, change) for c in e.children])
    return e if children == e.children else e.rebuilt(children)


def count(e: Expr) -> int:
    """The number of nodes."""
    return sum(1 for _ in walk(e))


# -- indices -------------------------------------------------------------------------------


def fresh_index(taken: frozenset[str] | set[str]) -> str:
    """The first of i j k l m p q i1 j1 … that is not taken."""
    letters = "ijklmpq"
    for round_ in range(len(taken) + 1):
        for letter in letters:
            name = letter if round_ == 0 else f"{letter}{round_}"
            if name not in taken:
                return name
    raise AssertionError("more index names than names taken")


def with_indices(e: Expr, change: dict[str, Index]) -> Expr:
    """`e` with free index variables replaced; bound ones are renamed where they would clash."""
    change = {k: v for k, v in change.items() if k != v and k in e.free}
    if not change:
        return e
    if isinstance(e, Ref):
        return Ref(e.name, tuple(change.get(i, i) if isinstance(i, str) else i for i in e.indices))
    if isinstance(e, Delta):
        left = change.get(e.left, e.left) if isinstance(e.left, str) else e.left
        if isinstance(e.right, Expr):
            return Delta(left, with_indices(e.right, change))
        return Delta(left, change.get(e.right, e.right) if isinstance(e.right, str) else e.right)
    if isinstance(e, Reduce):
        incoming = {v for v in change.values() if isinstance(v, str)}
        index, body = e.index, e.body
        if index in incoming:
            index = fresh_index(incoming | body.free | body.bound | body.names)
            body = with_indices(body, {e.index: index})
        return Reduce(e.op, index, e.size, with_indices(body, change))
    return e.rebuilt(tuple(with_indices(c, change) for c in e.children))


def apart(e: Expr, taken: frozenset[str]) -> Expr:
    """`e` with bound letters renamed where they are taken by what stands around it."""
    if e.bound.isdisjoint(taken):
        return e
    if isinstance(e, Reduce):
        if e.index in taken:
            letter = fresh_index(taken | e.body.free | e.body.bound | e.names)
            e = Reduce(e.op, letter, e.size, with_indices(e.body, {e.index: letter}))
        return Reduce(e.op, e.index, e.size, apart(e.body, taken | {e.index}))
    return e.rebuilt(tuple(apart(c, taken) for c in e.children))


def substituted(e: Expr, change: Callable[[Ref], Expr | None]) -> Expr:
    """`e` with Refs replaced by expressions, renaming bound indices that would capture.

    A derivative's `wrt` is a place, not a value: it is left alone.
    """
    if isinstance(e, Ref):
        new = change(e)
        return e if new is None else new
    if isinstance(e, Derivative):
        return Derivative(substituted(e.body, change), e.wrt, e.total)
    if isinstance(e, Reduce):
        body = substituted(e.body, change)
        if body is e.body:
            return e
        # `change` may bring in the very letter that is bound here: rename first, then change
        around = e.body.free | e.body.bound | body.free | body.bound | body.names
        probe = fresh_index(around | {e.index})
        renamed = substituted(with_indices(e.body, {e.index: probe}), change)
        if e.index in renamed.free or e.index in renamed.bound:
            return Reduce(e.op, probe, e.size, renamed)
        return Reduce(e.op, e.index, e.size, with_indices(renamed, {probe: e.index}))
    if not e.children:
        return e
    children = tuple([substituted(c, change) for c in e.children])
    return e if children == e.children else e.rebuilt(children)


# -- the canonical key ---------------------------------------------------------------------


def canonical(e: Expr) -> tuple[Any, ...]:
    """A key equal for expressions that differ only in order, parentheses and bound letters."""
    return _canonical(e, {})


def _canonical(e: Expr, names: dict[str, str]) -> tuple[Any, ...]:
    """names: what the letters bound around `e` are called. Remembered where it uses none."""
    if names and (e.bound or not e.free.isdisjoint(names)):
        return _made_canonical(e, names)
    if e._key is None:
        e._key = _made_canonical(e, {})
    return e._key


def _made_canonical(e: Expr, names: dict[str, str]) -> tuple[Any, ...]:
    def index(i: Index) -> tuple[str, str]:
        return ("#", str(i)) if isinstance(i, int) else ("@", names.get(i, i))

    match e:
        case Number():
            return ("number", str(e.value))
        case Ref():
            return ("ref", e.name, *map(index, e.indices))
        case Delta():
            right = _canonical(e.right, names) if isinstance(e.right, Expr) else index(e.right)
            return ("delta", *sorted((index(e.left), right), key=repr))
        case Add():
            return ("add", *sorted((_canonical(t, names) for t in flat_terms(e)), key=repr))
        case Mul():
            factors = [_canonical(f, names) for f in flat_factors(e)]
            return ("mul", *sorted(factors, key=repr))
        case Reduce():
            depth = 1 + max((int(n[1:]) for n in names.values()), default=-1)
            inner = {**names, e.index: f"${depth}"}
            return (e.op, str(e.size), _canonical(e.body, inner))
        case Apply():
            return ("apply", e.function, _canonical(e.argument, names))
        case Derivative():
            body, wrt = _canonical(e.body, names), _canonical(e.wrt, names)
            return ("derivative", e.total, body, wrt)
        case _:
            return ("power", *(_canonical(c, names) for c in e.children))


def flat_terms(e: Expr) -> tuple[Expr, ...]:
    """The terms of nested sums as one row."""
    if isinstance(e, Add):
        return tuple(t for term in e.terms for t in flat_terms(term))
    return (e,)


def flat_factors(e: Expr) -> tuple[Expr, ...]:
    """The factors of nested products as one row."""
    if isinstance(e, Mul):
        return tuple(f for factor in e.factors for f in flat_factors(factor))
    return (e,)


# -- plain text ----------------------------------------------------------------------------


def plain(e: Expr) -> str:
    """The expression in the `.bp` language, with the names of the file."""
    return _plain(e, 0)


def _plain(e: Expr, level: int) -> str:
    # levels of binding: 0 sum, 1 product, 2 factor, 3 base of a power
    match e:
        case Number():
            v = e.value
            text = str(v.numerator) if v.denominator == 1 else f"{v.numerator}/{v.denominator}"
            tight = v >= 0 and v.denominator == 1
            return text if tight or level == 0 else f"({text})"
        case Ref():
            return f"{e.name}[{','.join(map(str, e.indices))}]" if e.indices else e.name
        case Delta():
            right = _plain(e.right, 0) if isinstance(e.right, Expr) else e.right
            return f"delta({e.left},{right})"
        case Add():
            text = ""
            for term in e.terms:
                negated = isinstance(term, Number) and term.value < 0 and bool(text)
                piece = f"-{_plain(negative(term), 1)}" if negated else _plain(term, 1)
                if not text:
                    text = piece
                else:
                    text += f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}"
            return f"({text})" if level > 0 else text
        case Mul():
            sign = e.factors[0] is MINUS_ONE
            text = ""
            for factor in e.factors[1:] if sign else e.factors:
                text += _plain_factor(factor, first=not text)
            text = f"-{text}" if sign else text
            return f"({text})" if level > 1 else text
        case Power():
            if e.exponent is MINUS_ONE and level < 3:
                text = f"1/{_plain(e.base, 2)}"
                return f"({text})" if level > 0 else text
            text = f"{_plain(e.base, 3)}^{_plain(e.exponent, 3)}"
            return f"({text})" if level > 2 else text
        case Apply():
            return f"{e.function}({_plain(e.argument, 0)})"
        case Reduce():
            return f"{e.op}({e.index}: {_plain(e.body, 0)})"
        case Derivative():
            return f"{'d' if e.total else '∂'}({_plain(e.body, 0)})/d({_plain(e.wrt, 0)})"
        case _:
            raise TypeError(f"not an expression: {e!r}")


def _plain_factor(factor: Expr, first: bool) -> str:
    if not first:
        if isinstance(factor, Number) and factor.value.numerator == 1 != factor.value.denominator:
            return f"/{factor.value.denominator}"
        if isinstance(factor, Power) and factor.exponent is MINUS_ONE:
            return f"/{_plain(factor.base, 2)}"
    return ("" if first else "*") + _plain(factor, 2)
