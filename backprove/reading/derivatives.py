"""Derivatives: of the loss, which are adjoints, and of anything else; changes in an update."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product as all_of

from ..errors import NetworkError
from ..expr import (
    MINUS_ONE,
    Add,
    Apply,
    Derivative,
    Expr,
    Index,
    Mul,
    Number,
    Ref,
    Size,
    canonical,
    flat_factors,
    flat_terms,
    product,
    substituted,
    walk,
    with_indices,
)
from ..language.formula import Change, Differential, Group, Node, Product, Symbol
from ..language.formula.differentials import SECOND_HINT
from ..language.tree import Mistake
from ..network import ADJOINT, ARGUMENT, CHANGE, RATE, Network
from ..roles import samples_of
from ..verify import Oracle
from .letters import HIDDEN
from .meaning import ShapeMistake
from .products import minus
from .state import Formula
from .tensors import Value

LOSS_WORDS = frozenset((
    "E", "C", "J", "L", "ℒ", "Loss", "loss", "Cost", "cost", "Error", "error", "Err", "err",
    "ℓ", "E_total", "E_tot", "J_total", "L_total",
))  # fmt: skip
"""What a loss is often called; below ∂ these mean it where nothing else is called so."""


def differentiated(reader: Formula, node: Differential) -> Value:
    """A quotient ∂body/∂wrt. Raises Mistake where one of them is no quantity."""
    if node.otherwise is not None and _is_quotient(reader, node, node.otherwise):
        return reader.value(node.otherwise)
    wrt = reader.value(node.wrt)
    if isinstance(wrt.expr, Number):
        raise Mistake("a number cannot be varied", node.wrt.span)
    if _is_loss(reader, node.body):
        return _of_loss(reader, node, wrt)
    if node.d == "∇":
        raise Mistake("∇ is read for the loss only", node.span, "write a quotient, ∂z/∂w")
    reader.varied.append(node.wrt)
    try:
        body = reader.value(node.body)
    finally:
        reader.varied.pop()
    if isinstance(body.expr, Ref) and body.expr.name.startswith(ADJOINT):
        raise Mistake("a second derivative of the loss is not read", node.span, SECOND_HINT)
    if reader.tensors.componentwise and body.rank and wrt.rank:
        return _componentwise(reader, node, body, wrt)
    if body.rank + wrt.rank > 2:
        raise Mistake(
            f"the derivative of {reader.tensors.quoted(body)} in"
            f" {reader.tensors.quoted(wrt)} has {body.rank + wrt.rank} axes",
            node.span,
            "write it with indices",
        )
    place = _place(reader, body.expr, wrt.expr)
    follows = _is_total(reader, body, wrt)
    what = body.expr if follows else written_out(reader.network, body.expr, place)
    expr = Derivative(what, place, follows)
    axes = (*body.axes, *wrt.axes)
    jacobian = body.rank == wrt.rank == 1
    return Value(
        expr, node.span, axes, "matrix" if len(axes) == 2 else "none",
        gradient=len(axes) == 1 and wrt.rank == 1, jacobian=jacobian,
    )  # fmt: skip


def changed(reader: Formula, node: Change) -> Value:
    """Δw, minus the learning rate times the derivative of the loss in w."""
    value = reader.value(node.of)
    ref = value.expr
    known = reader.network.quantities.get(ref.name) if isinstance(ref, Ref) else None
    if not isinstance(ref, Ref) or known is None:
        raise Mistake("Δ stands before a weight or bias: its change in one update", node.span)
    reader.changes.add(ref.name)
    reader.symbols.add(RATE)
    return replace(value, expr=Ref(CHANGE + ref.name, ref.indices), span=node.span)


def _componentwise(reader: Formula, node: Differential, body: Value, wrt: Value) -> Value:
    """∂a_i/∂z_i for whole vectors a and z."""
    fits = body.rank == wrt.rank and all(map(reader.letters.join, body.axes, wrt.axes))
    if not fits:
        raise ShapeMistake(
            f"{reader.tensors.quoted(body)} and {reader.tensors.quoted(wrt)} differ in shape",
            node.span,
        )
    change: dict[str, Index] = dict(zip(wrt.axes, body.axes, strict=True))
    inner = with_indices(wrt.expr, change)
    place, follows = _place(reader, body.expr, inner), _is_total(reader, body, wrt)
    what = body.expr if follows else written_out(reader.network, body.expr, place)
    expr = Derivative(what, place, follows)
    return Value(expr, node.span, body.axes, body.orientation)


def _is_total(reader: Formula, body: Value, wrt: Value) -> bool:
    """Whether a derivative is meant totally; it is noted."""
    pair = _name(reader, body), _name(reader, wrt)
    reader.derivatives[pair] = None
    follow = reader.known.total
    return follow if isinstance(follow, bool) else pair in follow


def _name(reader: Formula, value: Value) -> str:
    """A quantity's name with its indices, and anything else as it is written."""
    e = value.expr
    if not isinstance(e, Ref):
        return reader.tensors.quoted(value)
    indices = [str(i) for i in e.indices if not str(i).startswith(HIDDEN)]
    return e.name + (f"[{','.join(indices)}]" if indices else "")


def written_out(network: Network, body: Expr, place: Expr) -> Expr:
    """What a local derivative differentiates: the quantity's equation where that has an
    argument without a name, as no reader can have meant that to be held; and the weighted input
    put in, where what varies stands only there: ∂h/∂w of h = f(z), z = w x."""
    if any(name.endswith(ARGUMENT) for name in place.names):
        return body

    def unnamed(e: Expr) -> bool:
        return any(is_unnamed(name) for name in e.names)

    def is_unnamed(name: str) -> bool:
        return name.endswith(ARGUMENT) and name in network.equations  # and no adjoint of one

    if isinstance(body, Ref) and body.name in network.equations and body is not place:
        right = network.definition(body)
        through = right.argument if isinstance(right, Apply) else None
        body = right if unnamed(right) else body
        if isinstance(through, Ref) and through.name in network.equations:
            inner = network.definition(through)
            if not place.names & right.names and place.names <= inner.names:
                body = substituted(right, lambda ref: inner if ref is through else None)
    before: Expr | None = None
    while body is not before and unnamed(body):
        before = body
        body = substituted(
            body, lambda ref: network.definition(ref) if is_unnamed(ref.name) else None
        )
    return body


def _of_loss(reader: Formula, node: Differential, wrt: Value) -> Value:
    """The adjoint; with a bar "direct", the derivative along no other path."""
    loss = Ref(reader.network.loss)
    place, turned = _as_in_file(reader, _quantity(reader, _definition(reader, wrt.expr)))
    expr: Expr
    if node.direct:
        expr = Derivative(loss, place, False)
    elif isinstance(place, Ref) and place.name in reader.network.quantities:
        expr = Ref(ADJOINT + place.name, place.indices)
    else:
        expr = Derivative(loss, place, True)
    expr = Mul((MINUS_ONE, expr)) if turned else expr
    return replace(
        wrt, expr=expr, span=node.span, orientation="matrix" if wrt.rank == 2 else reader.upright,
        gradient=wrt.rank == 1, jacobian=False, grouped=False,
    )  # fmt: skip


def _is_loss(reader: Formula, node: Node) -> bool:
    while isinstance(node, Group) and node.open in "({[":
        node = node.inner
    if isinstance(node, Product) and len(node.factors) == 2 and node.factors[1][0] == "":
        (_, first), (_, behind) = node.factors  # J(w), L(ŷ, y): of what it depends
        if isinstance(behind, Group) and behind.open == "(" and isinstance(first, Symbol):
            called = reader.meaning(first, called=True)
            if called is None or called.kind != "function":
                node = first
    if not isinstance(node, Symbol):
        return False
    meaning = reader.meaning(node)
    if meaning is None:
        name = node.raw or (f"{node.letter}_{node.sub}" if node.sub else node.letter)
        of_sample = node.letter in LOSS_WORDS and node.sub in ("n", "i", "0", "s", "p")
        known = name in LOSS_WORDS or (of_sample and samples_of(reader.network) is None)
        if known and not (node.sup or node.primes):
            reader.say(f"{name} is taken for the loss, {reader.network.loss}")
            return True
        return False
    if meaning.name == reader.network.loss and not meaning.power:
        reader.say(meaning.says)
        return True
    return False


def _is_quotient(reader: Formula, node: Differential, otherwise: Node) -> bool:
    """Whether d is a quantity: where it is one here and what stands below is none, or where
    the file has the names dJ and dw."""
    symbols = _symbols(otherwise)
    if all(s.raw in reader.network.quantities for s in symbols):
        return True
    named = _all_known(reader, [s for s in symbols if s.letter == "d"])
    return named and not _all_known(reader, _symbols(node.wrt))


def _all_known(reader: Formula, symbols: list[Symbol]) -> bool:
    """Whether symbols mean quantities in the notation at hand."""
    meanings = [reader.meaning(part) for part in symbols]
    return bool(symbols) and all(m and m.kind == "quantity" and not m.where for m in meanings)


def _symbols(node: Node) -> list[Symbol]:
    """Every symbol under a node."""
    if isinstance(node, Symbol):
        return [node]
    found: list[Symbol] = []
    for name in node.__dataclass_fields__:
        for part in _flat(getattr(node, name)):
            found += _symbols(part)
    return found


def _flat(part: object) -> list[Node]:
    if isinstance(part, Node):
        return [part]
    if isinstance(part, tuple):
        return [node for item in part for node in _flat(item)]
    return []


# -- the reader's own names ----------------------------------------------------------------


def _definition(reader: Formula, e: Expr) -> Expr:
    """What a name that the reader defined stands for; others as they are."""
    if not isinstance(e, Ref) or e.name not in reader.known.lets:
        return e
    equation = reader.known.lets[e.name]
    change: dict[str, Index] = dict(zip(equation.indices, e.indices, strict=True))
    return _definition(reader, with_indices(equation.right, change))


def _as_in_file(reader: Formula, e: Expr) -> tuple[Expr, bool]:
    """A sum as the equations have it, and whether that is minus the sum: y - a for a - y."""
    if not isinstance(e, Add):
        return e, False
    turned = Add(tuple(_single(minus(term, grouped=False)) for term in flat_terms(e)))
    known = {
        _shape(part)
        for equation in reader.network.equations.values()
        for part in walk(equation.right)
        if isinstance(part, Add)
    }
    if _shape(e) in known or _shape(turned) not in known:
        return e, False
    return turned, True


def _single(term: Expr) -> Expr:
    """A term without two signs before it: y for -(-y)."""
    if not isinstance(term, Mul):
        return term
    factors = flat_factors(term)
    signs = [f for f in factors if f is MINUS_ONE]
    kept = tuple(f for f in factors if f is not MINUS_ONE)
    return product((MINUS_ONE, *kept) if len(signs) % 2 else kept)


def _shape(e: Expr) -> tuple[object, ...]:
    """A key that does not tell index letters apart."""
    letters: dict[str, Index] = dict.fromkeys(e.free, "_")
    return canonical(with_indices(e, letters))


def _place(reader: Formula, body: Expr, wrt: Expr) -> Expr:
    """Where a derivative varies: the reader's own name where the body speaks of it; a quantity
    where the expression is one and the body speaks of it; else the expression."""
    if isinstance(wrt, Ref) and wrt.name in reader.known.lets:
        if _mentions(reader, body, wrt.name):
            return wrt
        wrt = _definition(reader, wrt)
    named = _quantity(reader, wrt)
    if isinstance(named, Ref) and (isinstance(body, Ref) or named.name in body.names):
        return named
    return wrt


def _quantity(reader: Formula, e: Expr) -> Expr:
    """The quantity that an expression is, such as d_4 + b_4 for the argument of f(d_4 + b_4);
    others as they are."""
    if isinstance(e, Ref) or not e.names:
        return e
    refs = list(_candidates(reader, e))
    key = canonical(e)
    for ref in refs:
        if canonical(reader.network.definition(ref)) == key:
            return ref
    if e.names.isdisjoint(reader.network.quantities):
        return e
    oracle = Oracle(
        reader.network, lets=reader.known.lets, symbols=reader.symbols, trials=1, components=9
    )
    ranges = {letter: reader.letters.size(letter) or 1 for letter in e.free}
    setting = dict.fromkeys(e.free, 1)
    try:
        value = oracle.value(e, setting)
        near = [ref for ref in refs if oracle.value(ref, setting).overlaps(value)]
        equal = (ref for ref in near if oracle.agree(e, ref, ranges=ranges).confirmed)
        return next(equal, e)
    except NetworkError:  # it has no value: it is nothing that the network has
        return e


def _candidates(reader: Formula, e: Expr) -> Iterator[Ref]:
    """The computed quantities, at positions that occur in an expression."""
    indices: dict[Index, None] = {}
    for part in walk(e):
        if isinstance(part, Ref):
            indices.update((i, None) for i in part.indices if isinstance(i, int) or i in e.free)
    for name in reader.network.equations:
        shape = reader.network.quantities[name].shape
        axes = [[i for i in indices if _fits(reader, i, length)] for length in shape]
        yield from (Ref(name, chosen) for chosen in all_of(*axes))


def _fits(reader: Formula, index: Index, length: Size) -> bool:
    """Whether an index can stand at an axis of this length."""
    if isinstance(index, str):
        return reader.letters.size(index) in (None, length)
    return not isinstance(length, int) or index <= length


def _mentions(reader: Formula, e: Expr, name: str) -> bool:
    """Whether an expression speaks of a name, itself or in a definition that it uses."""
    if name in e.names:
        return True
    lets = reader.known.lets
    return any(_mentions(reader, lets[other].right, name) for other in e.names if other in lets)
