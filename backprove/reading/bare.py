"""Functions without an argument, as in dσ/dz = σ(1 - σ): at what they are taken."""

from __future__ import annotations

from collections.abc import Iterator

from ..expr import Apply, Ref, walk
from ..functions import lookup
from ..language.formula import (
    Call,
    Differential,
    Group,
    Node,
    Numeral,
    Product,
    Raised,
    Sum,
    Symbol,
)
from .lexicon_written import written
from .meaning import Meaning
from .state import Formula, spelled
from .tensors import Value
from .walking import parts

_PLAINLY = frozenset("σφϕ")
"""Letters that are functions wherever nothing else is called so."""

_ANY = "xzuvst"

FUNCTION_LETTERS = frozenset("fghσφϕψ")
"""Letters that may stand for any activation function before a bracket."""


def function_of(reader: Formula, node: Symbol) -> Meaning | None:
    """The function that a symbol without an argument stands for; None where it is none.

    A letter such as f is one only where the line applies or differentiates it elsewhere.
    """
    if node.letter == "e" or node.brackets is not None or reader.lexicon.defines(node):
        return None
    meaning = reader.meaning(node, called=True)
    if meaning is None or meaning.kind != "function":
        return None
    plainly = node.letter in _PLAINLY or len(node.letter) > 1 or node.primes
    if not (plainly or _is_used_as_function(reader, node)):
        return None
    return meaning


def taken(reader: Formula, node: Symbol, meaning: Meaning) -> Value | None:
    """The argument at which a bare function is taken: that of the derivative around it, of the
    same function elsewhere in the line, or of its one place in the network; else any number.

    None where several are at hand.
    """
    if reader.varied:
        return _stated(reader, node, reader.value(reader.varied[-1]))
    arguments = {_text(reader, a): a for a in _uses(reader, node)}
    if len(arguments) > 1:
        return None
    for argument in arguments.values():
        return _stated(reader, node, reader.value(argument))
    if _is_left_side(reader, node):
        symbols = {spelled(s): s for part in reader.known.beside for s in _plain(reader, part)}
        if len(symbols) == 1:
            return _stated(reader, node, reader.value(next(iter(symbols.values()))))
    else:
        places = list(_applications(reader, node, meaning.name))
        if len(places) == 1:
            return _stated(reader, node, reader.whole(places[0], node), _told(reader, places[0]))
        if places:
            return None
    free = next((x for x in _ANY if x not in reader.network.quantities), "x")
    reader.symbols.add(free)
    return _stated(reader, node, Value(Ref(free), node.span), f"any number, {free}")


def by_argument(reader: Formula, function: Symbol, group: Group) -> Meaning | None:
    """The function that g stands for in g'(z^{[1]}), of several: the one that the network
    applies to z^{[1]}, or makes it with; None where that tells nothing."""
    alone = function.sub or function.sup or function.brackets or len(function.letter) > 1
    if alone or function.letter not in FUNCTION_LETTERS or not isinstance(group.inner, Symbol):
        return None
    argument = reader.meaning(group.inner)
    if argument is None or argument.kind != "quantity":
        return None
    name = reader.lexicon.activation_of.get(argument.name, "")
    equation = reader.network.equations.get(argument.name)
    if not name and equation is not None and isinstance(equation.right, Apply):
        name = equation.right.function
    if not name:
        return None
    at = f"{reader.quoted(function)}{reader.quoted(group)}"
    for _ in range(function.primes):
        name = lookup(name, reader.network.functions).derivative_name
    says = f"{at} is taken for {name}, by the function at {_told(reader, argument.name)}"
    return Meaning("function", name, says=says)


def is_product(reader: Formula, function: Symbol, group: Group) -> bool:
    """Whether σ(1 - σ) is a product: the same function stands in the bracket, taken from 1."""
    inner = group.inner
    if not isinstance(inner, Sum) or len(inner.terms) != 2:
        return False
    (first, one), (second, other) = inner.terms
    number = isinstance(one, Numeral) and first == "+" and second == "-"
    if not number or not any(s.letter == function.letter for s in _heads(other)):
        return False
    reader.say(f"{reader.quoted(function)}{reader.quoted(group)} is read as a product")
    return True


def _heads(node: Node) -> Iterator[Symbol]:
    """The symbols that a factor or its first one is, with a power or not."""
    if isinstance(node, Symbol):
        yield node
    elif isinstance(node, Call):
        yield node.function
    elif isinstance(node, Raised):
        yield from _heads(node.base)
    elif isinstance(node, Product):
        yield from _heads(node.factors[0][1])


# -- what stands elsewhere in the line ------------------------------------------------------


def _uses(reader: Formula, function: Symbol) -> tuple[Node, ...]:
    """The arguments that a function has elsewhere in the chain of =."""
    known = reader.known
    if function.letter not in known.uses:
        found = tuple(a for part in known.beside for a in _used(part, function))
        known.uses[function.letter] = found
    return known.uses[function.letter]


def _used(node: Node, function: Symbol) -> Iterator[Node]:
    """The arguments of the same function under a node, and what it is differentiated by."""
    for part in parts(node):
        if isinstance(part, Call) and part.function.letter == function.letter:
            yield part.argument.inner if isinstance(part.argument, Group) else part.argument
        elif isinstance(part, Differential) and _is(part.body, function):
            yield part.wrt
        elif isinstance(part, Product):
            for (_, one), (sign, other) in zip(part.factors, part.factors[1:], strict=False):
                group = other.base if isinstance(other, Raised) else other
                called = sign == "" and isinstance(group, Group) and group.open in "(["
                if called and isinstance(group, Group) and _is_applied(function, one, group):
                    yield group.inner


def _is_applied(function: Symbol, one: Node, group: Group) -> bool:
    """Whether a bracket behind a function is its argument: σ(1 - σ) is a product."""
    return _is(one, function) and not any(_is(p, function) for p in parts(group.inner))


def _is(node: Node, function: Symbol) -> bool:
    return isinstance(node, Symbol) and node.letter == function.letter and not node.sub


def _is_used_as_function(reader: Formula, node: Symbol) -> bool:
    return bool(_uses(reader, node))


def _is_left_side(reader: Formula, node: Symbol) -> bool:
    left = reader.known.beside[0] if reader.known.beside else None
    return left is not None and _is(left, node)


def _plain(reader: Formula, node: Node) -> Iterator[Symbol]:
    """The symbols under a node that are no functions."""
    for part in parts(node):
        if isinstance(part, Symbol) and part.letter != "e":
            meaning = reader.meaning(part, called=True)
            if meaning is None or meaning.kind != "function":
                yield part


def _text(reader: Formula, node: Node) -> str:
    return "".join(reader.known.text[slice(*node.span)].split())


def _stated(reader: Formula, node: Symbol, value: Value, says: str = "") -> Value:
    at = says or reader.tensors.quoted(value)
    reader.say(f"{reader.quoted(node)} without an argument is taken at {at}")
    return value


def _told(reader: Formula, name: str) -> str:
    return reader.lexicon.told(Meaning("quantity", name))


# -- the network ---------------------------------------------------------------------------


def _applications(reader: Formula, node: Symbol, name: str) -> Iterator[str]:
    """The quantities to which the network applies the function, or whose derivative it is;
    with a layer above, those of that layer."""
    family = {name}
    for function in _functions(reader):
        each = function
        for _ in range(node.primes):
            each = lookup(each, reader.network.functions).derivative_name
        if each == name:
            family.add(function)
    label = written(node).label
    found: dict[str, None] = {}
    for target, equation in reader.network.equations.items():
        for part in walk(equation.right):
            if isinstance(part, Apply) and part.function in family:
                layered = label and reader.known.notation.layer(target)
                if isinstance(part.argument, Ref) and (not layered or layered == label):
                    found[part.argument.name] = None
    yield from found


def _functions(reader: Formula) -> set[str]:
    return {
        part.function
        for equation in reader.network.equations.values()
        for part in walk(equation.right)
        if isinstance(part, Apply)
    }
