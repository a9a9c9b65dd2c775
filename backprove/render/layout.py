"""Expressions to boxes: where parentheses, fractions and signs stand, decided once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction as Exact
from weakref import WeakKeyDictionary

from ..expr import (
    MINUS_ONE,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Mul,
    Number,
    Path,
    Power,
    Reduce,
    Ref,
    walk,
    with_indices,
)
from ..network import ADJOINT, ARGUMENT, CHANGE, RATE
from ..notation import BoundNotation, Symbol
from .boxes import (
    Applied,
    Big,
    Box,
    Differential,
    Digits,
    Direct,
    Fenced,
    Fraction,
    Marked,
    Operator,
    Raised,
    Root,
    Row,
    Words,
    bare,
    parts_of,
)
from .depth import deep

MINUS = Operator("-", prefix=True)
DECIMALS = 4
"""Places after the point up to which a number is printed as a decimal."""

WRITTEN_OUT = 8
"""Terms up to which a sum over numbers is written out."""

NOWHERE: frozenset[Path] = frozenset()


@dataclass
class _Known:
    """What was laid out before in a notation: expressions are interned, so each once."""

    boxes: dict[Expr, Box] = field(default_factory=dict)
    products: dict[Expr, tuple[bool, Box]] = field(default_factory=dict)


_KNOWN: WeakKeyDictionary[BoundNotation, _Known] = WeakKeyDictionary()


@deep
def layout(e: Expr, notation: BoundNotation, marks: Collection[Path] = NOWHERE) -> Box:
    """The boxes of an expression; the parts at the paths in `marks` are marked as changed."""
    return _Layout(notation, frozenset(marks)).box(e, ())


def parenthesised(box: Box) -> Fenced:
    """( box )"""
    return Fenced("(", box, ")")


class _Layout:
    def __init__(self, notation: BoundNotation, marks: frozenset[Path]) -> None:
        self.notation = notation
        self.signs = notation.signs
        self.marks = marks
        self.touched = {mark[:length] for mark in marks for length in range(len(mark) + 1)}
        self.known = _KNOWN.setdefault(notation, _Known())

    def box(self, e: Expr, path: Path) -> Box:
        made = self._unmarked(e, path)
        return Marked(made) if path in self.marks else made

    def _unmarked(self, e: Expr, path: Path) -> Box:
        """The box without its own mark; parts without any mark are laid out once."""
        if path in self.touched:
            return self._laid(e, path)
        if e not in self.known.boxes:
            self.known.boxes[e] = self._laid(e, path)
        return self.known.boxes[e]

    def _laid(self, e: Expr, path: Path) -> Box:
        match e:
            case Number():
                return _signed(e.value < 0, self.number(abs(e.value)))
            case Ref():
                return self._ref(e)
            case Delta():
                return self._delta(e, path)
            case Add():
                return self._add(e, path)
            case Mul():
                negative, box = self._mul(e, path)
                return _signed(negative, box)
            case Power():
                return self._power(e, path)
            case Apply():
                return self._apply(e, path)
            case Reduce():
                return self._reduce(e, path)
            case Derivative():
                return self._derivative(e, path)
            case _:
                raise TypeError(f"not an expression: {e!r}")

    # -- numbers ---------------------------------------------------------------------------

    def number(self, value: Exact) -> Box:
        """A number that is not negative."""
        if value.denominator == 1:
            return Digits(str(value.numerator))
        if (text := self._decimal(value)) is not None:
            return Digits(text)
        return Fraction(Digits(str(value.numerator)), Digits(str(value.denominator)))

    def _decimal(self, value: Exact) -> str | None:
        """0.1 for 1/10, in a network whose file writes its numbers so; ½ stays a fraction."""
        if value.denominator == 2 or not self.notation.decimals:
            return None
        places = next((n for n in range(1, DECIMALS + 1) if 10**n % value.denominator == 0), None)
        return None if places is None else f"{float(value):.{places}f}"

    # -- names -----------------------------------------------------------------------------

    def _ref(self, e: Ref) -> Box:
        if e.name == RATE:
            return Symbol(self.notation.rate)
        if e.name.startswith(CHANGE):
            return Differential("Δ", self._ref(Ref(e.name.removeprefix(CHANGE), e.indices)))
        symbol = self.notation.symbol(e)
        if symbol is not None:
            return symbol
        network = self.notation.network
        if e.name.startswith(ADJOINT):  # no letter: the derivative of the loss
            of = Ref(e.name.removeprefix(ADJOINT), e.indices)
            return self._quotient(Ref(network.loss), of)
        if e.name.endswith(ARGUMENT) and e.name in network.equations:
            whole = network.equations[e.name]
            meant = network.definition(e) if len(e.indices) == len(whole.indices) else whole.right
            return _Layout(self.notation, NOWHERE).box(meant, ())
        return Symbol(e.name.removesuffix(ARGUMENT))

    def _quotient(self, body: Expr, of: Expr) -> Fraction:
        inner = _Layout(self.notation, NOWHERE)
        d = self.signs.d
        return Fraction(
            Differential(d, inner.tight(body, ())), Differential(d, inner.tight(of, ()))
        )

    def tight(self, e: Expr, path: Path) -> Box:
        """The box of an expression, in parentheses unless it is a name."""
        made = self.box(e, path)
        return made if isinstance(bare(made), Symbol) else parenthesised(made)

    def grouped(self, box: Box) -> Fenced:
        """A part in parentheses; brackets around parentheses where the notation says so."""
        inner = any(isinstance(b, Fenced) and b.left == "(" for b in _outside_calls(box))
        return Fenced("[", box, "]") if self.signs.brackets and inner else parenthesised(box)

    # -- sums and products -----------------------------------------------------------------

    def _add(self, e: Add, path: Path) -> Box:
        parts: list[Box] = []
        for number, term in enumerate(e.terms):
            negative, made = self._term(term, (*path, number))
            if parts:
                parts.append(Operator("-" if negative else "+"))
            elif negative:
                parts.append(MINUS)
            parts.append(made)
        return Row(tuple(parts))

    def _term(self, e: Expr, path: Path) -> tuple[bool, Box]:
        """Whether a term is subtracted, and the box of what is added or subtracted."""
        if isinstance(e, Number):
            negative, made = e.value < 0, self.number(abs(e.value))
        elif isinstance(e, Mul):
            negative, made = self._mul(e, path)
        else:
            negative, made = False, self._unmarked(e, path)
        if isinstance(e, Add):
            made = self.grouped(made)
        return negative, Marked(made) if path in self.marks else made

    def _mul(self, e: Mul, path: Path) -> tuple[bool, Box]:
        """A product's sign and its box; `a/b` and `a/2` stand as fractions."""
        if path in self.touched:
            return self._product_of(e, path)
        if e not in self.known.products:
            self.known.products[e] = self._product_of(e, path)
        return self.known.products[e]

    def _product_of(self, e: Mul, path: Path) -> tuple[bool, Box]:
        factors = [((*path, place), factor) for place, factor in enumerate(e.factors)]
        negative = False
        if e.factors[0] is MINUS_ONE:
            negative, factors = True, factors[1:]
        elif (taken := self._sign_in_front(e, path)) is not None:
            negative, factors[0] = True, taken
        if self._fraction_before_number(factors):
            factors.append(factors.pop(0))
        above: list[Box] = []
        below: list[Box] = []
        made: Box | None = None
        for place, (here, factor) in enumerate(factors):
            last = place == len(factors) - 1
            if (above or below) and (bottom := self._divisor(factor, here)) is not None:
                below.append(bottom)
                continue
            if below:  # a/b*c: the quotient is one factor
                above, below = [self._over(above, below)], []
            if not above and isinstance(factor, Number) and factor.value < 0 and not negative:
                negative = True
                made = self.number(-factor.value)
                above.append(Marked(made) if here in self.marks else made)
            else:
                made = self._factor(factor, here, last)
                signed = len(here) == len(path) + 2 and here[:-1] in self.marks
                above.append(Marked(made) if signed else made)
        return negative, self._over(above, below) if below else self._product(above)

    def _sign_in_front(self, e: Mul, path: Path) -> tuple[Path, Expr] | None:
        """The first factor of (-a)*b without its sign, which goes before the whole: -a*b."""
        first = e.factors[0]
        signed = isinstance(first, Mul) and len(first.factors) == 2
        if not signed or first.children[0] is not MINUS_ONE:
            return None
        inner = first.children[1]
        if isinstance(inner, Mul) and inner.factors[0] is MINUS_ONE:
            return None  # --a would be read as something else
        return (*path, 0, 1), inner

    def _fraction_before_number(self, factors: list[tuple[Path, Expr]]) -> bool:
        """Whether 1/2*2*a is better written 2*a/2: ½ 2 would look like one number."""
        if len(factors) < 3:
            return False
        first, second, last = (factors[place][1] for place in (0, 1, -1))
        if not (isinstance(first, Number) and isinstance(second, Number)):
            return False
        divides = first.value.numerator == 1 != first.value.denominator
        open_ended = isinstance(last, Reduce | Derivative)
        return divides and second.value > 0 and not (open_ended or self._decimal(first.value))

    def _over(self, above: list[Box], below: list[Box]) -> Fraction:
        def unfenced(box: Box) -> Box:  # a fraction's line already groups
            inner = bare(box)
            if isinstance(inner, Fenced) and inner.left in "([" and box is inner:
                return inner.inner
            return box

        top = unfenced(above[0]) if len(above) == 1 else self._product(above)
        bottom = unfenced(below[0]) if len(below) == 1 else self._product(below)
        return Fraction(top, bottom)

    def _divisor(self, e: Expr, path: Path) -> Box | None:
        """What a factor divides by, if it is 1/n or a reciprocal."""
        made: Box | None = None
        if isinstance(e, Number) and e.value.numerator == 1 != e.value.denominator:
            # a number after others came from a division, a/10
            made = Digits(str(e.value.denominator))
        elif isinstance(e, Power) and e.exponent is MINUS_ONE:
            made = self._factor(e.base, (*path, 0), False)
        elif isinstance(e, Power) and _is_negative_integer(e.exponent):
            made = self._raised(e, path)
        if made is None:
            return None
        return Marked(made) if path in self.marks else made

    def _factor(self, e: Expr, path: Path, last: bool) -> Box:
        """A factor, in parentheses where it would come apart."""
        made = self._unmarked(e, path)
        if self._loose(e, made, last):
            made = self.grouped(made)
        return Marked(made) if path in self.marks else made

    def _loose(self, e: Expr, made: Box, last: bool) -> bool:
        if isinstance(e, Ref):  # a hidden quantity prints as its definition
            return isinstance(made, Row | Big)
        if isinstance(e, Number):
            return e.value < 0
        if isinstance(e, Reduce):
            return not last or not isinstance(made, Big)
        return isinstance(e, Add | Mul)

    def _product(self, factors: Iterable[Box]) -> Box:
        parts: list[Box] = []
        for factor in factors:
            if parts:
                parts.append(Operator(self._sign(parts[-1], factor)))
            parts.append(factor)
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _sign(self, left: Box, right: Box) -> str:
        """The sign between two factors: side by side where that cannot be misread."""
        left, right = bare(left), bare(right)
        if isinstance(right, Big):
            return ""
        if isinstance(left, Digits | Fraction) and _number_like(left):
            follows = _number_like(right) or _begins_with_minus(right) or left == Digits("1")
            return self.signs.product or "·" if follows else self.signs.symbols
        if isinstance(right, Digits) or _begins_with_minus(right):
            return self.signs.product or "·"
        if _plain(left) and _plain(right):
            return self.signs.symbols
        return self.signs.product

    # -- powers and functions --------------------------------------------------------------

    def _power(self, e: Power, path: Path) -> Box:
        if e.exponent is MINUS_ONE:
            return Fraction(Digits("1"), self.box(e.base, (*path, 0)))
        if _is_negative_integer(e.exponent):
            return Fraction(Digits("1"), self._raised(e, path))
        return self._raised(e, path)

    def _raised(self, e: Power, path: Path) -> Box:
        """A power; of one with a negative exponent, the power to divide by: b^2 of b^(-2)."""
        base = self._unmarked(e.base, (*path, 0))
        simple = isinstance(base, Symbol) and not base.sup and not base.primes
        if not (simple or isinstance(base, Digits | Applied | Fenced)):
            base = parenthesised(base)
        if (*path, 0) in self.marks:
            base = Marked(base)
        exponent = self.box(e.exponent, (*path, 1))
        if isinstance(e.exponent, Number) and _is_negative_integer(e.exponent):
            exponent = Digits(str(-e.exponent.value))
        return Raised(base, exponent)

    def _apply(self, e: Apply, path: Path) -> Box:
        argument = self.box(e.argument, (*path, 0))
        if e.function == "sqrt":
            return Root(argument)
        if e.function == "abs":
            return Fenced("|", argument, "|")
        return Applied(self.notation.function(e.function), parenthesised(argument))

    def _reduce(self, e: Reduce, path: Path) -> Box:
        length = self.notation.network.length(e.size)
        body, here = e.body, (*path, 0)
        if length == 1 and e.op != "argmax":
            return self.box(with_indices(body, {e.index: 1}), here)
        if self.notation.ends_only and length is not None and _prints_ends(e, length):
            return self._ends(e, length)
        made = self._factor(body, here, last=True) if isinstance(body, Add) else None
        if made is None:
            made = self.box(body, here)
            if isinstance(body, Mul) and isinstance(made, Row) and made.parts[0] == MINUS:
                made = parenthesised(made)
        first = self.signs.sum_from if e.op == "sum" else 1
        upper = str(e.size if length is None else length)
        if first == 0:
            upper = str(length - 1) if length is not None else f"{e.size}-1"
        sign = {"sum": "Σ", "max": "max", "argmax": "argmax"}[e.op]
        return Big(sign, e.index, str(first), upper, made)

    def _ends(self, e: Reduce, length: int) -> Box:
        """A long sum as its first term + … + its last."""
        inner = _Layout(self.notation, NOWHERE)
        first, last = (with_indices(e.body, {e.index: number}) for number in (1, length))
        whole = inner._add(Add((first, last)), ())
        assert isinstance(whole, Row)
        *before, sign, end = whole.parts
        return Row((*before, sign, Words("…"), sign, end))

    def _delta(self, e: Delta, path: Path) -> Box:
        right = (
            self.box(e.right, (*path, 0))
            if isinstance(e.right, Expr)
            else index_box(e.right)
        )  # fmt: skip
        return Fenced("[", Row((index_box(e.left), Operator("="), right)), "]")

    # -- derivatives -----------------------------------------------------------------------

    def _derivative(self, e: Derivative, path: Path) -> Box:
        made = self._quotient_of(e, path)
        direct = not e.total and self.notation.is_direct(e.body, e.wrt)
        return Direct(made) if direct else made

    def _quotient_of(self, e: Derivative, path: Path) -> Box:
        d, style = self.signs.d, self.signs.derivative
        wrt = self.tight(e.wrt, (*path, 1))
        body = self.box(e.body, (*path, 0))
        named = isinstance(bare(body), Symbol)
        if isinstance(e.body, Ref) and e.body.name == self.notation.network.loss:
            body = self.notation.loss_as_function() or body
        if style == "fraction" or (style == "mixed" and named):
            top = body if named or isinstance(bare(body), Applied) else parenthesised(body)
            return Fraction(Differential(d, top), Differential(d, wrt))
        operator = Fraction(Differential(d, None), Differential(d, wrt))
        if not (named or isinstance(bare(body), Applied)):
            body = Fenced("[", body, "]")
        return Row((operator, Operator("", glue=True), body))


def _prints_ends(e: Reduce, length: int) -> bool:
    """Whether a sum has more terms than are written out, all of them alike."""
    apart = any(isinstance(part, Delta | Derivative) for part in walk(e.body))
    return e.op == "sum" and length > WRITTEN_OUT and not apart and e.index in e.body.free


def _outside_calls(box: Box) -> Iterator[Box]:
    """The boxes inside one, without the arguments of functions."""
    yield box
    if not isinstance(box, Applied):
        for inner in parts_of(box):
            yield from _outside_calls(inner)


def index_box(index: int | str) -> Box:
    """An index on its own."""
    return Digits(str(index)) if isinstance(index, int) else Symbol(index)


def _is_negative_integer(e: Expr) -> bool:
    return isinstance(e, Number) and e.value < 0 and e.value.denominator == 1


def _begins_with_minus(box: Box) -> bool:
    """(-a): beside a factor without a sign between, it would look like a difference."""
    inner = bare(box.inner) if isinstance(box, Fenced) else None
    return isinstance(inner, Row) and inner.parts[0] == MINUS


def _number_like(box: Box) -> bool:
    if isinstance(box, Fraction):
        return isinstance(box.top, Digits) and isinstance(box.bottom, Digits)
    return isinstance(box, Digits)


def _signed(negative: bool, box: Box) -> Box:
    if not negative:
        return box
    if isinstance(box, Row) and any(
        isinstance(p, Operator) and p.sign in ("+", "-") for p in box.parts
    ):
        box = parenthesised(box)
    parts = box.parts if isinstance(box, Row) else (box,)
    return Row((MINUS, *parts))


def _plain(box: Box) -> bool:
    """A name, perhaps with a power: two of these may stand side by side."""
    if isinstance(box, Raised):
        return _plain(bare(box.base))
    return isinstance(box, Differential) or (isinstance(box, Symbol) and not box.upright)
