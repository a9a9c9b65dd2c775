"""From the tree of a formula to its value: sums, products, powers, functions and symbols."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from ..expr import MINUS_ONE, Add, Apply, Derivative, Expr, Index, Mul, Number, Ref, with_indices
from ..functions import lookup
from ..language.formula import (
    Big,
    Bracketed,
    Call,
    Cases,
    Change,
    Component,
    Differential,
    Dots,
    Group,
    Listed,
    Node,
    Numeral,
    Product,
    Quotient,
    Raised,
    Relation,
    Root,
    Sum,
    Superscript,
    Symbol,
)
from ..language.tree import Mistake, Span
from ..network import ADJOINT, CHANGE, RATE
from ..roles import samples_of
from .bare import by_argument, function_of, is_product, taken
from .conditions import by_cases, equal, held
from .derivatives import changed, differentiated
from .elementary import WRITTEN_OUT
from .lexicon_indices import splits
from .meaning import Meaning, ShapeMistake
from .products import multiplied, power
from .state import SAMPLES, TRANSPOSED, Formula, is_updated, spelled
from .sums import folded, with_dots
from .symbols import Lexicon
from .tensors import Value, ones

_MOST_LETTERS = 4
"""Letters of a word that is read as a product."""

SHORT = 4
"""Digits of a power behind a layer."""

ENTRYWISE_POWER = frozenset(("∘", "⊙", "\\circ", "\\odot"))

_BELOW = re.compile(r"(\\?[A-Za-z]+)_([A-Za-z0-9])([A-Za-z0-9])\Z")

_LONGEST_NAME = 40

ONES = frozenset(("𝟏", "1"))
WORDS = frozenset(("diag", "Diag", "tr", "Tr", "trace", "softmax", "Softmax"))
"""Functions of whole tensors."""


class Reader(Formula):
    """Reads the nodes of one formula."""

    def value(self, node: Node) -> Value:
        self.count_written(node)
        match node:
            case Numeral():
                return Value(Number(node.value), node.span)
            case Symbol():
                return self._symbol(node)
            case Sum():
                return self._sum(node)
            case Product():
                return self._product(node)
            case Quotient():
                top, bottom = self.value(node.top), self.value(node.bottom)
                return self.tensors.divided(top, bottom, node.span)
            case Group():
                return self._group(node)
            case Component():
                return self._component_of(self.value(node.of), node)
            case Raised():
                return self._raised_node(node)
            case Call():
                return self._applied(node.function, node.argument, node.span)
            case Root():
                return self.tensors.applied("sqrt", self.value(node.inner), node.span)
            case Big():
                return folded(self, node)
            case Differential():
                return differentiated(self, node)
            case Change():
                return changed(self, node)
            case Bracketed():
                return held(self, node.condition)
            case Cases():
                return by_cases(self, node)
            case Dots():
                raise Mistake(
                    "… stands between the first and the last term of a sum",
                    node.span,
                    "write a_1 + … + a_n, or a sum sign",
                )
            case Listed():
                raise Mistake(
                    "several things in one bracket are not read here",
                    node.span,
                    "a function has one argument",
                )
            case Relation():
                raise Mistake(
                    "a condition is no number",
                    node.span,
                    "write it in brackets, [z > 0], or as cases",
                )
        raise AssertionError(f"not a part of a formula: {node!r}")

    # -- symbols ---------------------------------------------------------------------------

    def _symbol(self, node: Symbol) -> Value:
        meaning = self.meaning(node)
        power = meaning is not None and meaning.name == "exp" and meaning.power
        if (meaning is None or meaning.kind == "function") and not power:
            made = self._bare(node)
            if made is not None:
                return made
        if meaning is None:
            return self._unknown(node)
        self.say(meaning.says)
        match meaning.kind:
            case "function":
                if meaning.power and node.sup is not None and meaning.name == "exp":
                    return self._exponential(node)
                raise self._without_argument(node)
            case "index":
                raise Mistake(
                    f"{node.letter} is an index here, and a position is not used as a number",
                    node.span,
                )
            case "delta":
                left, right = meaning.indices or ()
                self.deltas.append((node, tuple(self.letters.known), (left, right)))
                return equal(self, left, right, node.span)
            case "number" | "quantity":
                return self._powered(self.component(meaning, node), meaning, node)

    def _bare(self, node: Symbol) -> Value | None:
        """A function whose argument was left out; None where it is none, or at several."""
        meaning = function_of(self, node)
        argument = taken(self, node, meaning) if meaning is not None else None
        if meaning is None or argument is None:
            return None
        return self._with_function(node, meaning, argument, node.span)

    def whole(self, name: str, node: Symbol) -> Value:
        return self.component(Meaning("quantity", name, None), node)

    def _unknown(self, node: Symbol) -> Value:
        """𝟏, I, or a free symbol where these are allowed."""
        bare = not (node.sub or node.sup or node.primes or node.brackets or node.label)
        if node.letter in ONES:
            value = ones(self.letters, node.span)
            return self._raised(value, node.sup, node.span) if node.sup else value
        if node.letter == "I" and bare:
            return self.tensors.identity(node.span)
        power = node.sup is not None and node.sup.text.isdigit()
        if node.letter in SAMPLES and (bare or (power and spelled(node) == node.letter)):
            return self._number_of_samples(node)
        if (letters := self._side_by_side(node)) is not None:
            self.say(f"{node.letter} is read as {' times '.join(node.letter)}")
            return self.value(letters)
        if not self.open(node):
            called = self.meaning(node, called=True)
            if called is not None and called.kind == "function":
                raise self._without_argument(node)
            raise self._half_below(node) or self.lexicon.unknown(node)
        name = spelled(node)
        self.symbols.add(name)
        self.say(f"{name} stands for any number")
        value = Value(Ref(name), node.span)
        return self._raised(value, node.sup, node.span) if node.sup else value

    def _side_by_side(self, node: Symbol) -> Product | None:
        """Xw as X times w, where the file has these and no Xw; else None."""
        word, start = node.letter, node.span[0]
        below = node.sub or node.primes or node.brackets or node.label
        if below or node.raw != word or not (word.isalpha() and 2 <= len(word) <= _MOST_LETTERS):
            return None
        letters = [
            Symbol((start + k, start + k + 1), letter, raw=letter) for k, letter in enumerate(word)
        ]
        letters[-1] = replace(letters[-1], sup=node.sup)
        meanings = [self.meaning(replace(letter, sup=None)) for letter in letters]
        known = all(m and m.kind == "quantity" and not (m.where or m.says) for m in meanings)
        return Product(node.span, tuple(("", letter) for letter in letters)) if known else None

    def _half_below(self, node: Symbol) -> Mistake | None:
        """What to say of w_jk, of which LaTeX sets j alone below."""
        if node.raw:
            return None
        end = node.span[1]
        text = self.known.text[max(0, end - _LONGEST_NAME) : end + 1]
        found = _BELOW.search(text) or _BELOW.search(text[:-1])  # at W_i, or at the k of w_jk
        if found is None:
            return None
        name, first, second = found.groups()
        return Mistake(
            f"{name}_{first}{second} is not known here",
            node.span,
            f"LaTeX sets only {first} below: write {name}_{{{first}{second}}}",
        )

    def _number_of_samples(self, node: Symbol) -> Value:
        """m, where nothing is called so: the number behind it, where the network has one."""
        size = samples_of(self.network)
        told = f", {size}" if size is not None else ""
        self.say(f"{node.letter} is read as the number of samples{told}")
        number = self.network.length(size) if size is not None else None
        if size is None:
            self.symbols.add(node.letter)
        expr: Expr = Number(number) if number is not None else Ref(str(size or node.letter))
        value = Value(expr, node.span)
        return self._raised(value, node.sup, node.span) if node.sup else value

    def _without_argument(self, node: Symbol) -> Mistake:
        return Mistake(
            f"{self.quoted(node)} is a function, and its argument is missing",
            node.span,
            f"write its argument in parentheses: {self.quoted(node)}(…)",
        )

    def component(self, meaning: Meaning, node: Symbol) -> Value:
        """A component or a whole tensor, its letters noted."""
        name, indices = meaning.name, meaning.indices
        if name == RATE:
            self.symbols.add(RATE)
        length = self.network.sizes.get(name) if name not in self.network.quantities else None
        if length is not None:
            return Value(Number(length), node.span)
        shape = self.known.shape(name)
        axes: tuple[str, ...] = ()
        if indices is None:
            indices = tuple(self.letters.hidden(size, self.quoted(node)) for size in shape)
            axes = self._printed(name, indices, node)
        else:
            self._note(name, indices, node)
        expr: Expr = Ref(name, indices)
        if meaning.sign < 0:
            expr = Mul((MINUS_ONE, expr))
        if meaning.samples != 1:
            expr = Mul((self._of_samples(meaning, node), expr))
        orientation = self.known.turns.get(name, self.upright) if len(axes) == 1 else "none"
        if len(axes) == 2:
            orientation = "matrix"
        gradient = name.startswith(ADJOINT) and len(axes) == 1
        return Value(expr, node.span, axes, orientation, gradient=gradient)

    def _of_samples(self, meaning: Meaning, node: Symbol) -> Expr:
        """By how many samples an error signal is more than the derivative of the mean."""
        size = meaning.samples
        if not meaning.says:
            self.say(f"{self.quoted(node)} is read as {self.lexicon.told(meaning)}")
        number = self.network.length(size)
        return Number(number) if number is not None else Ref(str(size))

    def _printed(self, name: str, letters: tuple[str, ...], node: Symbol) -> tuple[str, ...]:
        """The axes in the order in which the notation writes them: (from, to) for some."""
        order = self.known.notation.order(name.removeprefix(ADJOINT))
        own = node.raw == name and (node.sup is None or node.sup.text in TRANSPOSED)
        if len(order) != len(letters) or own:
            return letters
        return tuple(letters[place] for place in order)

    def _note(self, name: str, indices: tuple[Index, ...], node: Symbol) -> None:
        """Note how far the letters of a component run; positions must be there."""
        shape = self.known.shape(name)
        for number, (index, size) in enumerate(zip(indices, shape, strict=False), 1):
            axis = f"axis {number} of {self.quoted(node)}" if len(shape) > 1 else self.quoted(node)
            if isinstance(index, str):
                self.letters.use(index, size, axis, node.span)
            elif isinstance(size, int) and index > size:
                raise Mistake(f"{index} is out of range: {axis} is {size} long", node.span)

    def _powered(self, value: Value, meaning: Meaning, node: Symbol) -> Value:
        """With the superscript of its symbol, where that is no part of the name."""
        if node.sup is None or not (meaning.power or node.label):
            return value
        if is_updated(self.known, meaning, node):
            return self._updated(value, meaning, node)
        if meaning.rest:
            number = meaning.rest.isdecimal() and len(meaning.rest) <= SHORT
            power = Numeral(node.sup.span, Fraction(meaning.rest)) if number else None
            above = Superscript(node.sup.span, meaning.rest, power)
            return self._raised(value, above, node.span)
        return self._raised(value, node.sup, node.span)

    def _updated(self, value: Value, meaning: Meaning, node: Symbol) -> Value:
        """A weight after its update, w - η ∂E/∂w."""
        assert isinstance(value.expr, Ref)
        self.changes.add(meaning.name)
        self.symbols.add(RATE)
        change = Ref(CHANGE + meaning.name, value.expr.indices)
        self.say(f"{self.quoted(node)} is read as {self.lexicon.told(meaning)} after its update")
        return replace(value, expr=Add((value.expr, change)), grouped=True)

    # -- sums and products -----------------------------------------------------------------

    def _sum(self, node: Sum) -> Value:
        if any(isinstance(term, Dots) for _, term in node.terms):
            return with_dots(self, node)
        terms = [(sign == "-", self._term(term)) for sign, term in node.terms]
        return self.tensors.added(terms, node.span)

    def _term(self, node: Node) -> Value:
        """A term; one that is a sum by itself stands in parentheses."""
        value = self.value(node)
        return replace(value, grouped=not isinstance(node, Product))

    def _product(self, node: Product) -> Value:
        items = self._factors(node)
        if not any(value.rank for _, value in items):
            return self._of_numbers(items, node.span)
        marks = [place for place, (sign, _) in enumerate(items) if sign in ("⊙", "⊘")]
        if not marks:
            return self._chain(items, node.span)
        return self._entrywise(items, marks, node.span)

    def _factors(self, node: Product) -> list[tuple[str, Value]]:
        """The factors with the signs before them; a function and its argument are one."""
        found: list[tuple[str, Value]] = []
        factors, place = node.factors, 0
        while place < len(factors):
            sign, factor = factors[place]
            following = factors[place + 1] if place + 1 < len(factors) else None
            place += 1
            if isinstance(factor, Symbol) and following is not None and following[0] == "":
                joined = self._differential(factor, following[1])
                if joined is not None:
                    found.append((sign, joined))
                    place += 1
                    continue
                called = self._call(factor, following[1])
                if called is not None:
                    found.append((sign, called))
                    place += 1
                    continue
            if isinstance(factor, Dots):
                raise Mistake("a product with … is not read", factor.span, "write its factors out")
            self._state_division(factors, place - 1)
            if following is not None and following[0] == "" and self._is_at(factor, following[1]):
                place += 1
            found.append((sign, self.value(factor)))
        return found

    def _is_at(self, factor: Node, behind: Node) -> bool:
        """Whether a bracket tells where dσ/dz is taken: (z) behind it."""
        if not (isinstance(factor, Differential) and isinstance(factor.body, Symbol)):
            return False
        same = isinstance(behind, Group) and self.quoted(behind.inner) == self.quoted(factor.wrt)
        return (
            same
            and self.meaning(factor.body) is None
            and (function_of(self, factor.body) is not None)
        )

    def _differential(self, d: Symbol, of: Node) -> Value | None:
        """dW as one symbol, the derivative of the loss in W, where d alone means nothing."""
        bare = not (d.sub or d.sup or d.primes or d.raw)
        if not (d.letter == "d" and bare and isinstance(of, Symbol) and d.span[1] == of.span[0]):
            return None
        alone = self.meaning(d)
        if alone is not None and not alone.where:
            return None
        joined = replace(of, letter=f"d{of.letter}", span=(d.span[0], of.span[1]))
        return self._symbol(joined) if self.meaning(joined) is not None else None

    def _state_division(self, factors: tuple[tuple[str, Node], ...], place: int) -> None:
        """a/b c is (a/b) c; where someone may have meant a/(b c), that is stated."""
        before, (sign, factor) = factors[place - 1], factors[place]
        if place < 2 or sign != "" or before[0] != "/":
            return
        if isinstance(before[1], Numeral) and isinstance(factors[place - 2][1], Numeral):
            return
        left, right = self.quoted(before[1]), self.quoted(factor)
        top = self.quoted(factors[place - 2][1])
        self.say(f"{top}/{left} {right} is read as ({top}/{left}) {right}")

    def _of_numbers(self, items: list[tuple[str, Value]], span: Span) -> Value:
        factors = [(sign in ("/", "⊘"), value.expr) for sign, value in items]
        return Value(multiplied(factors, span), span)

    def _chain(self, items: list[tuple[str, Value]], span: Span) -> Value:
        """Factors from left to right."""
        if not any(value.rank for _, value in items):
            return self._of_numbers(items, self._span(items))
        (_, made), *rest = items
        for sign, value in rest:
            here = (made.span[0], value.span[1])
            if sign == "/":
                made = self.tensors.divided(made, value, here)
            elif sign in ("⊙", "⊘"):
                made = self.tensors.entrywise(made, value, here, divides=sign == "⊘")
            else:
                made = self.tensors.times(made, value, sign, here)
        return made

    @staticmethod
    def _span(items: list[tuple[str, Value]]) -> Span:
        return (items[0][1].span[0], items[-1][1].span[1])

    def _entrywise(self, items: list[tuple[str, Value]], marks: list[int], span: Span) -> Value:
        """Side by side binds tighter than ⊙; where shapes forbid that, ⊙ binds tighter."""
        ends = [0, *marks, len(items)]
        parts = [items[a:b] for a, b in pairwise(ends)]
        try:
            made = [(part[0][0], self._chain(part, self._span(part))) for part in parts]
            return self._chain(made, span)
        except ShapeMistake as first:
            groups = self._tied(items)
            if len(groups) == len(items) - len(marks) == 1:
                raise
            try:
                tied = [(group[0][0], self._chain(group, self._span(group))) for group in groups]
                return self._chain(tied, span)
            except ShapeMistake:
                raise first from None

    @staticmethod
    def _tied(items: list[tuple[str, Value]]) -> list[list[tuple[str, Value]]]:
        """Runs of factors with ⊙ or ⊘ between them."""
        groups: list[list[tuple[str, Value]]] = []
        for sign, value in items:
            if groups and sign in ("⊙", "⊘"):
                groups[-1].append((sign, value))
            else:
                groups.append([(sign, value)])
        return groups

    def _group(self, node: Group) -> Value:
        value = self.value(node.inner)
        if node.open == "|":
            return self.tensors.applied("abs", value, node.span)
        if node.open == "‖":
            return self.tensors.applied("sqrt", self.tensors.norm(value, node.span), node.span)
        return replace(value, span=node.span, grouped=True)

    def _component_of(self, value: Value, node: Component) -> Value:
        """The component of a whole tensor: (W^T δ)_j."""
        lengths = [
            self.network.length(size) if size else None for size in self.tensors.sizes(value)
        ]
        indices = next(splits(node.sub, lengths, self.letters.known), None)
        if not value.rank or indices is None:
            raise Mistake(
                f"{node.sub} does not fit what is {self.tensors.shape(value)}",
                node.span,
                "below a bracket stands one index for each axis",
            )
        for index, size in zip(indices, self.tensors.sizes(value), strict=True):
            if isinstance(index, str) and size is not None:
                self.letters.use(index, size, self.quoted(node), node.span)
        change = dict(zip(value.axes, indices, strict=True))
        return Value(with_indices(value.expr, change), node.span)

    def _component_called(self, function: Symbol, argument: Node, node: Component) -> Value | None:
        """softmax(z)_k and σ(z)_j; None where it is a product."""
        called = self._call(function, node.of)
        if called is None:
            return None
        made = self._component_of(called, replace(node, span=(function.span[0], node.span[1])))
        if isinstance(argument, Raised):
            return self._raised(made, argument.sup, (function.span[0], argument.span[1]))
        return made

    # -- powers ----------------------------------------------------------------------------

    def _raised_node(self, node: Raised) -> Value:
        base, sup = node.base, node.sup
        if isinstance(base, Group) and base.open == "‖" and sup.text == "2":
            return self.tensors.norm(self.value(base.inner), node.span)
        if isinstance(base, Symbol) and base.sup is None and base.letter == "e":
            meaning = self.meaning(replace(base, sup=sup))
            if meaning is not None and meaning.kind == "function":
                return self._exponential(replace(base, sup=sup))
        return self._raised(self.value(base), sup, node.span)

    def _exponential(self, node: Symbol) -> Value:
        assert node.sup is not None
        if node.sup.node is None:
            raise Mistake("this exponent cannot be read", node.sup.span)
        return self.tensors.applied("exp", self.value(node.sup.node), node.span)

    def _raised(self, value: Value, sup: Superscript, span: Span) -> Value:
        """base ^ exponent, or a transpose."""
        text = sup.text.strip("{}")
        if text in TRANSPOSED:
            return self.tensors.turned(value, span)
        for mark in ENTRYWISE_POWER:
            if text.startswith(mark) and text.removeprefix(mark).isdigit():
                exponent: Expr = Number(int(text.removeprefix(mark)))
                return replace(value, expr=power(value.expr, exponent, span), span=span)
        if sup.node is None:
            raise Mistake(f"the superscript {text} cannot be read", sup.span)
        exponent = self.scalar(sup.node, "an exponent")
        negative = isinstance(exponent, Number) and exponent.value < 0
        if value.rank == 2 and negative:
            raise ShapeMistake(
                f"{self.tensors.quoted(value)} is {self.tensors.shape(value)}:"
                " the inverse of a matrix is not read; for 1/a component by component write ⊘",
                span,
            )
        if value.rank:
            self.say(f"the power of {self.tensors.quoted(value)} is taken component by component")
        return replace(value, expr=power(value.expr, exponent, span), span=span, grouped=False)

    # -- functions -------------------------------------------------------------------------

    def _call(self, function: Symbol, argument: Node) -> Value | None:
        """function(argument), perhaps with a power behind it; None where it is a product."""
        group = argument.base if isinstance(argument, Raised) else argument
        if isinstance(group, Component):
            return self._component_called(function, argument, group)
        if not isinstance(group, Group) or group.open not in ("(", "[", "{"):
            return None
        if function_of(self, function) is not None and is_product(self, function, group):
            return None
        span = (function.span[0], group.span[1])
        if function.letter in WORDS and not function.primes:
            made = self._of_tensor(function, group, span)
        else:
            meaning = self.meaning(function, called=True) or by_argument(self, function, group)
            if meaning is not None and meaning.kind == "quantity" and self._tells(meaning, group):
                name = self.quoted(function)
                self.say(f"{name}{self.quoted(group)} is read as {name}, with what it depends on")
                return self._symbol(function)
            if meaning is None or meaning.kind != "function":
                found = self._elementary(function, group.inner, span)
                if found is None:
                    return None
                made = found
            else:
                made = self._with_function(function, meaning, self.value(group.inner), span)
        if isinstance(argument, Raised):
            return self._raised(made, argument.sup, (span[0], argument.span[1]))
        return made

    def _tells(self, meaning: Meaning, group: Group) -> bool:
        """Whether a bracket behind a quantity tells on what it depends: J(W, b), or a(z(w))
        where z feeds a."""
        inner = group.inner
        if isinstance(inner, Listed):
            return True
        if isinstance(inner, Product) and len(inner.factors) == 2:
            (_, inner), (_, behind) = inner.factors
            if not (isinstance(behind, Group) and behind.open == "("):
                return False
        equation = self.network.equations.get(meaning.name)
        if equation is None or not isinstance(inner, Symbol):
            return False
        fed = self.meaning(inner)
        return fed is not None and fed.name in equation.right.names

    def _applied(self, function: Symbol, argument: Node, span: Span) -> Value:
        r"""\log o_k or \tanh(z), where nothing but a function can be meant."""
        if function.letter in WORDS and not function.primes:
            return self._of_tensor(function, argument, span)
        meaning = self.meaning(function, called=True)
        if meaning is None or meaning.kind != "function":
            made = self._elementary(function, argument, span)
            if made is None:
                raise self.lexicon.unknown(function)
            return made
        return self._with_function(function, meaning, self.value(argument), span)

    def _with_function(
        self, function: Symbol, meaning: Meaning, argument: Value, span: Span
    ) -> Value:
        self.say(meaning.says)
        lookup(meaning.name, self.network.functions)
        made = self.tensors.applied(meaning.name, argument, span)
        if meaning.power and function.sup is not None:
            text = function.sup.text.strip("{}")
            if text == "-1":
                raise Mistake(
                    "the inverse of a function is not read",
                    function.sup.span,
                    f"for 1/{function.letter}(…) write a fraction",
                )
            return self._raised(made, function.sup, span)
        return made

    def _elementary(self, function: Symbol, argument: Node, span: Span) -> Value | None:
        """sech(z) and σ''(z), written out by other functions; None for anything else."""
        if function.sub or function.brackets is not None:
            return None
        make = WRITTEN_OUT.get(function.letter) if not function.primes else None
        first = None
        if function.primes == 2:
            first = self.meaning(replace(function, primes=1), called=True)
        if make is None and (first is None or first.kind != "function"):
            return None
        value = self.value(argument)
        if make is not None:
            expr = make(value.expr)
        elif first is not None and not value.rank and not isinstance(value.expr, Number):
            self.say(first.says)
            expr = Derivative(Apply(first.name, value.expr), value.expr, False)
        else:
            return None
        made = replace(value, expr=expr, span=span, grouped=False, gradient=False)
        powered = function.sup is not None and (first is None or first.power)
        return self._raised(made, function.sup, span) if powered and function.sup else made

    def _of_tensor(self, function: Symbol, argument: Node, span: Span) -> Value:
        """diag, tr and softmax."""
        value = self.value(argument)
        word = function.letter.lower()
        if word == "diag":
            return self.tensors.diagonal(value, span)
        if word in ("tr", "trace"):
            return self.tensors.trace(value, span)
        if value.rank:
            return self.tensors.softmax(value, span)
        return self._softmax_of_component(value, span)

    def _softmax_of_component(self, value: Value, span: Span) -> Value:
        """softmax(z_j): the component j of softmax(z)."""
        ref = value.expr
        indices = ref.indices if isinstance(ref, Ref) else ()
        if not isinstance(ref, Ref) or len(indices) != 1:
            raise Mistake(
                "softmax takes a vector, or its component by a letter",
                span,
                "write softmax(z), softmax(z_j), or exp(z_j) over the sum of exp(z_k)",
            )
        axis = self.letters.hidden(self.known.shape(ref.name)[0])
        general = Ref(ref.name, (axis,))
        made = self.tensors.softmax_at(general, axis, axis, span)
        return Value(with_indices(made, {axis: indices[0]}), span)


def opened(lexicon: Lexicon, left: Node | None) -> frozenset[str]:
    """The unknown symbols of which a left side is a function, x of σ'(x), or in which it
    differentiates a function."""
    found: list[Node] = []
    match left:
        case Product(factors=((_, Symbol()), (_, Group(inner=inner)))):
            found = [inner]
        case Call(argument=argument):
            found = [argument.inner if isinstance(argument, Group) else argument]
        case Differential(wrt=wrt, body=Symbol() as body) if not _is_function(lexicon, body):
            found = []
        case Differential(wrt=wrt):
            found = [wrt]
    symbols = [node for node in found if isinstance(node, Symbol)]
    meanings = ((s, lexicon.meanings(s, called=False)) for s in symbols)
    return frozenset(spelled(s) for s, found in meanings if not found or found[0].where)


def _is_function(lexicon: Lexicon, body: Symbol) -> bool:
    """Whether what is differentiated is a function without its argument."""
    if lexicon.meanings(body, called=False):
        return False
    return any(meaning.kind == "function" for meaning in lexicon.meanings(body, called=True))
