"""The value of any expression at a point, as a ball with infinitesimals.

A `World` says what every name stands for. The first holds the forward values of a network at
a point. A derivative opens a world on top of another in which one component is moved by an
infinitesimal: where the derivative is total, the quantities computed from that component are
computed again; where it is local, all other quantities are held. What comes out is the
infinitesimal's coefficient. Derivatives of derivatives are worlds on worlds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from fractions import Fraction
from typing import Any, TypeAlias

from flint import arb

from ..errors import NetworkError
from ..expr import (
    ONE,
    Add,
    Apply,
    Delta,
    Derivative,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    canonical,
    negative,
    product,
    total,
    walk,
    with_indices,
)
from ..functions import U
from ..network import ADJOINT, Equation, Network
from .points import Indices, Point
from .series import (
    BRANCHES,
    SERIES,
    Jet,
    Taylor,
    Unresolved,
    differentiated,
    number,
    power,
    sign_of,
)

Setting: TypeAlias = "dict[str, int]"
"""The values of the free index letters."""


class OutOfRange(Exception):
    """A position that a quantity does not have; the message says which."""


class Scene:
    """One point at one precision: what all worlds on it share.

    lets: named expressions, as equations. symbols: free names with a random value of their
    own (a learning rate). seen: on which side of 0 the arguments of the network's piecewise
    functions were, and at which position the largest values of its maxima.
    """

    def __init__(
        self,
        point: Point,
        lets: Mapping[str, Equation] | None = None,
        symbols: Iterable[str] = (),
        sites: Iterable[Expr] = (),
    ) -> None:
        self.point = point
        self.network: Network = point.network
        self.lets = dict(lets or {})
        self.symbols = frozenset(symbols)
        self.sites = frozenset(sites)
        self.seen: set[tuple[Expr, int]] = set()
        self.numbers: dict[Fraction, Jet] = {}
        self._names: dict[Expr, frozenset[str] | None] = {}
        self._functions: dict[str, Taylor] = {}
        self._cancelling: dict[Expr, frozenset[int]] = {}
        self._letters: dict[Expr, tuple[str, ...]] = {}
        self._readings: dict[str, tuple[Ref, ...]] = {}
        self.ground = World(self)

    def knowing(self, symbols: Iterable[str]) -> Scene:
        """The same scene with more free names; what is known of the others is shared."""
        other = copy(self)
        other.symbols = self.symbols | frozenset(symbols)
        other.ground = copy(self.ground)
        other.ground.scene = other
        return other

    def names(self, e: Expr) -> frozenset[str] | None:
        """The names that the value of an expression hangs on, None for any.

        A local derivative of a bare quantity reads that quantity's equation; a total one
        computes the quantities that follow again, from whatever they are computed from.
        """
        if e not in self._names:
            found: frozenset[str] | None = e.names
            parts = [self.names(child) for child in e.children]
            if isinstance(e, Derivative):
                own = None if e.total else _own_equation(e, self)
                parts.append(None if e.total else own[0].right.names if own else e.names)
            for names in parts:
                found = None if found is None or names is None else found | names
            self._names[e] = found
        return self._names[e]

    def cancelling(self, e: Add) -> frozenset[int]:
        """The numbers of terms that cancel, as in x - x: no ball proves that this is 0."""
        found = self._cancelling.get(e)
        if found is None:
            pairs: list[int] = []
            waiting: dict[Expr, list[int]] = {}
            for place, term in enumerate(e.terms):
                if opposite := waiting.get(negative(term)):
                    pairs += [place, opposite.pop()]
                else:
                    waiting.setdefault(term, []).append(place)
            found = self._cancelling[e] = frozenset(pairs)
        return found

    def function(self, name: str) -> Taylor:
        """The random analytic function that stands for an abstract one."""
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = self.point.functions[name].taylor()
        return found

    def readings(self, name: str) -> tuple[Ref, ...]:
        """The components that a quantity's equation reads, bound letters set apart."""
        found = self._readings.get(name)
        if found is None:
            right = self.network.equations[name].right
            inside = right.bound
            refs = (node for node in walk(right) if isinstance(node, Ref))
            found = self._readings[name] = tuple(
                Ref(r.name, tuple(f"\0{i}" if i in inside else i for i in r.indices)) for r in refs
            )
        return found

    def letters(self, e: Expr) -> tuple[str, ...]:
        """The free letters of an expression, in a fixed order."""
        found = self._letters.get(e)
        if found is None:
            found = self._letters[e] = tuple(sorted(e.free))
        return found


Varied: TypeAlias = tuple[str, Indices]


class World:
    """What names stand for, given that one component (or expression) has another value.

    parent: the world below, None for the forward values. varied: the component that has
    `value` here. follow: whether what is computed from it follows.
    """

    def __init__(
        self,
        scene: Scene,
        parent: World | None = None,
        varied: Varied | None = None,
        value: Jet | None = None,
        *,
        follow: bool = False,
        bit: int = 0,
    ) -> None:
        self.scene, self.parent = scene, parent
        self.varied, self.value = varied, value
        self.pattern: Pattern | None = parent.pattern if parent else None
        self.next_bit: int = bit << 1 if bit else parent.next_bit if parent else 1
        self.cache: dict[Varied, Jet] = {}
        self.settled: set[str] = set()
        self.touched: dict[str, set[Indices]] = {varied[0]: {varied[1]}} if varied else {}
        self.derivatives: dict[tuple[Any, ...], Jet] = {}
        self.kept: dict[tuple[Any, ...], Jet] = {}
        self.follow = follow
        self.followers: frozenset[str] | None = None  # None: every name
        if parent is not None and varied is not None:
            self.followers = _followers(scene, varied[0], follow)

    def _here(self, name: str) -> bool:
        """Whether the name's value may differ from the world below."""
        if self.followers is None:
            return True
        return name in self.followers or (self.follow and name.startswith(ADJOINT))

    def below(self, e: Expr) -> World:
        """The lowest world in which the expression has the same value as in this one."""
        world = self
        names = self.scene.names(e)
        while names is not None and world.parent is not None:
            varied = world.varied
            if world.pattern is not world.parent.pattern or varied is None or varied[0] in names:
                break
            if any(map(world._here, names)):
                break
            world = world.parent
        return world

    def component(self, name: str, indices: Indices) -> Jet:
        """The value of a component."""
        key = (name, indices)
        if self.varied == key:
            assert self.value is not None
            return self.value
        if self.parent is not None and not self._here(name):
            return self.parent.component(name, indices)
        found = self.cache.get(key)
        if found is None:
            found = self.cache[key] = self._computed(name, indices)
        return found

    def _computed(self, name: str, indices: Indices) -> Jet:
        scene = self.scene
        if name in scene.network.equations:
            self._settle(name)
            found = self.cache.get((name, indices))
            if found is None and self.parent is not None:
                return self.parent.component(name, indices)
            if found is None:
                raise OutOfRange(_no_such_position(scene, name, indices))
            return found
        if name in scene.lets:
            equation = scene.lets[name]
            if len(equation.left.indices) != len(indices):
                raise OutOfRange(f"{name} is used with {len(indices)} indices")
            return evaluate(equation.right, dict(zip(equation.indices, indices, strict=True)), self)
        if name.startswith(ADJOINT) and name[len(ADJOINT) :] in scene.network.quantities:
            return self._adjoint(name[len(ADJOINT) :], indices)
        if self.parent is not None:
            return self.parent.component(name, indices)
        return self._given(name, indices)

    def _given(self, name: str, indices: Indices) -> Jet:
        point = self.scene.point
        if name in point.values:
            value = point.values[name].get(indices)
            if value is None:
                raise OutOfRange(_no_such_position(self.scene, name, indices))
            return number(value)
        if name in point.sizes and not indices:
            return number(point.sizes[name])
        if name in self.scene.symbols:
            return number(point.symbol(name, indices))
        raise NetworkError(f"there is no quantity named {name}")

    def _settle(self, name: str) -> None:
        """Compute a quantity after all that it needs, without recursion through the layers."""
        equations = self.scene.network.equations
        stack = [name]
        while stack:
            now = stack[-1]
            if now in self.settled:
                stack.pop()
                continue
            waiting = [
                n
                for n in equations[now].right.names
                if n in equations and n not in self.settled and self._here(n)
                and not (self.varied and self.varied[0] == n)
            ]  # fmt: skip
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            self.settled.add(now)
            self._compute(now)

    def _compute(self, name: str) -> None:
        """Every component of a quantity; above the first world, those that may differ there."""
        equation = self.scene.network.equations[name]
        shape = self.scene.network.quantities[name].shape
        for indices in self.scene.point.positions(shape):
            setting = dict(zip(equation.indices, indices, strict=True))
            if self.followers is None or self._touched(name, setting):
                self.cache[name, indices] = evaluate(equation.right, setting, self)
                self.touched.setdefault(name, set()).add(indices)

    def _touched(self, name: str, setting: Setting) -> bool:
        """Whether a component is computed from one that may differ from the world below."""
        for ref in self.scene.readings(name):
            touched = self.touched.get(ref.name)
            if not touched:
                continue
            # None: a letter that is bound inside, any position
            wanted = tuple(i if isinstance(i, int) else setting.get(i) for i in ref.indices)
            if None not in wanted:
                if wanted in touched:
                    return True
            elif any(
                all(w is None or w == k for w, k in zip(wanted, place, strict=False))
                for place in touched
            ):
                return True
        return False

    def _adjoint(self, name: str, indices: Indices) -> Jet:
        """The total derivative of the loss in a component, its own equation cut."""
        loss = self.scene.network.loss
        value = self.component(name, indices)  # also tells a position that is not there
        if name != loss and loss not in self.scene.network.influenced_by(name):
            return number(0)
        world = self.moved((name, indices), value, follow=True)
        return world.component(loss, ()).part(self.next_bit)

    def moved(self, varied: Varied, value: Jet, *, follow: bool) -> World:
        """The world in which a component is `value` plus a new infinitesimal."""
        bit = self.next_bit
        step = Jet({0: arb(0), bit: arb(1)})
        return World(self.scene, self, varied, value + step, follow=follow, bit=bit)


def _followers(scene: Scene, name: str, follow: bool) -> frozenset[str]:
    """The names whose value may change with a quantity: what is computed from it, if that
    follows, and in any case the named expressions in which it occurs."""
    found = set(scene.network.influenced_by(name)) if follow else {name}
    growing = True
    while growing:
        growing = False
        for let, equation in scene.lets.items():
            names = equation.right.names
            if let not in found and (
                not found.isdisjoint(names) or (follow and any(map(_is_adjoint, names)))
            ):
                found.add(let)
                growing = True
    return frozenset(found - {name})


def _is_adjoint(name: str) -> bool:
    return name.startswith(ADJOINT)


def _no_such_position(scene: Scene, name: str, indices: Indices) -> str:
    shape = scene.network.quantities[name].shape
    lengths = " by ".join(str(scene.point.length(s)) for s in shape) or "a scalar"
    position = ",".join(map(str, indices))
    return f"{name}[{position}] is not there: {name} is {lengths}"


# -- evaluation ----------------------------------------------------------------------------


def evaluate(e: Expr, setting: Setting, world: World) -> Jet:
    """The value of an expression, given its free letters.

    Raises Unresolved, OutsideDomain or OutOfRange, and NetworkError for an unknown name.
    """
    if world.pattern is not None:
        found = world.pattern.match(e, setting, world)
        if found is not None:
            return found
    kind = type(e)
    if kind is not Reduce and not (kind in (Apply, Power) and e.children[0].children):
        return _EVALUATE[kind](e, setting, world)
    # what is costly is kept: lines of a derivation, and the terms of a sum, share most of it
    world = world.below(e)
    key = (e, *[setting.get(i) for i in world.scene.letters(e)])
    known = world.kept.get(key)
    if known is None:
        known = world.kept[key] = _EVALUATE[kind](e, setting, world)
    return known


def _number(e: Number, setting: Setting, world: World) -> Jet:
    numbers = world.scene.numbers
    found = numbers.get(e.value)
    if found is None:
        found = numbers[e.value] = number(e.value)
    return found


def _position(index: Index, setting: Setting) -> int:
    if isinstance(index, int):
        return index
    if index not in setting:
        raise NetworkError(f"the index {index} has no value here")
    return setting[index]


def _places(indices: tuple[Index, ...], setting: Setting) -> Indices:
    try:
        return tuple([setting[i] if isinstance(i, str) else i for i in indices])
    except KeyError as error:
        raise NetworkError(f"the index {error.args[0]} has no value here") from None


def _ref(e: Ref, setting: Setting, world: World) -> Jet:
    return world.component(e.name, _places(e.indices, setting))


def _delta(e: Delta, setting: Setting, world: World) -> Jet:
    return number(1 if _holds(e, setting, world) else 0)


def _holds(e: Delta, setting: Setting, world: World) -> bool:
    left = _position(e.left, setting)
    if isinstance(e.right, Expr):
        assert isinstance(e.right, Reduce)
        return left == _largest(e.right, setting, world)[0]
    return left == _position(e.right, setting)


def _add(e: Add, setting: Setting, world: World) -> Jet:
    cancel = world.scene.cancelling(e)
    result: Jet | None = None
    for place, term in enumerate(e.terms):
        value = evaluate(term, setting, world)  # of those that cancel too: x must have a value
        if place not in cancel:
            result = value if result is None else result + value
    return number(0) if result is None else result


def _mul(e: Mul, setting: Setting, world: World) -> Jet:
    for factor in e.factors:  # [i = j] times anything: most terms of a sum end here
        if isinstance(factor, Delta) and not _holds(factor, setting, world):
            return number(0)
    result = evaluate(e.factors[0], setting, world)
    for factor in e.factors[1:]:
        result = result * evaluate(factor, setting, world)
    return result


def _power(e: Power, setting: Setting, world: World) -> Jet:
    base = evaluate(e.base, setting, world)
    if isinstance(e.exponent, Number):
        return base.through(power(e.exponent.value))
    exponent = evaluate(e.exponent, setting, world)
    if exponent.constant and exponent.base.is_exact() and exponent.base.is_integer():
        return base.through(power(Fraction(int(exponent.base.fmpz()))))
    return (exponent * base.through(SERIES["log"])).through(SERIES["exp"])


def _apply(e: Apply, setting: Setting, world: World) -> Jet:
    argument = evaluate(e.argument, setting, world)
    scene = world.scene
    if e in scene.sites:
        scene.seen.add((e, sign_of(argument.base)))
    return _applied(e.function, 0, argument, world)


def _applied(name: str, order: int, argument: Jet, world: World) -> Jet:
    """The `order`-th derivative of a function, at a jet."""
    own = world.scene.network.own_functions
    if name in own:
        row = own[name]
        if row.definition is None:
            return argument.through(differentiated(world.scene.function(name), order))
        return _by_definition(row.definition, order, argument, world)
    if name in SERIES:
        return argument.through(differentiated(SERIES[name], order))
    for row in own.values():
        if row.named_derivative == name:
            return _applied(row.name, order + 1, argument, world)
    if name.endswith("'"):
        return _applied(name[:-1], order + 1, argument, world)
    raise NetworkError(f"there is no function named {name}")


def _by_definition(definition: Expr, order: int, argument: Jet, world: World) -> Jet:
    place: Varied = (U.name, ())
    inner = World(world.scene, world, place, argument)
    bits = []
    for _ in range(order):
        bits.append(inner.next_bit)
        inner = inner.moved(place, inner.component(*place), follow=False)
    result = evaluate(definition, {}, inner)
    for bit in reversed(bits):
        result = result.part(bit)
    return result


def _reduce(e: Reduce, setting: Setting, world: World) -> Jet:
    if e.op == "max":
        place, value = _largest(e, setting, world)
        if e in world.scene.sites:
            world.scene.seen.add((e, place))
        return value
    if e.op == "argmax":
        return number(_largest(e, setting, world)[0])
    result: Jet | None = None
    inner = dict(setting)
    for k in range(1, world.scene.point.length(e.size) + 1):
        inner[e.index] = k
        term = evaluate(e.body, inner, world)
        result = term if result is None else result + term
    return number(0) if result is None else result


def _largest(e: Reduce, setting: Setting, world: World) -> tuple[int, Jet]:
    """The first position of the largest value, and that value."""
    inner = {**setting, e.index: 1}
    place, best = 1, evaluate(e.body, inner, world)
    if e.index not in e.body.free:  # all are the same: the first is the largest
        return place, best
    for k in range(2, world.scene.point.length(e.size) + 1):
        inner[e.index] = k
        value = evaluate(e.body, inner, world)
        if value.base > best.base:
            place, best = k, value
        elif not (value.base <= best.base):
            raise Unresolved
    return place, best


def _derivative(e: Derivative, setting: Setting, world: World) -> Jet:
    key = (e, *(setting.get(i) for i in sorted(e.free)))
    found = world.derivatives.get(key)
    if found is None:
        found = world.derivatives[key] = _differentiated(e, setting, world)
    return found


def _differentiated(e: Derivative, setting: Setting, world: World) -> Jet:
    bit = world.next_bit
    wrt = _place(e.wrt, setting, world.scene)
    if wrt is not None:
        place = (wrt.name, _places(wrt.indices, setting))
        inner = world.moved(place, world.component(*place), follow=e.total)
    else:
        inner = world.moved(("", ()), evaluate(e.wrt, setting, world), follow=False)
        inner.pattern = Pattern(e.wrt, setting, inner, world.pattern)
        # any quantity, or only any named expression, may hold the expression
        inner.followers = None if e.total else frozenset(world.scene.lets)
    if not e.total:
        own = _own_equation(e, world.scene)
        if own is not None:
            equation, indices = own
            if len(indices) != len(equation.indices):
                raise OutOfRange(f"{equation.name} is used with {len(indices)} indices")
            setting = dict(zip(equation.indices, _places(indices, setting), strict=True))
            return evaluate(equation.right, setting, inner).part(bit)
    return evaluate(e.body, setting, inner).part(bit)


def _place(wrt: Expr, setting: Setting, scene: Scene) -> Ref | None:
    """The component in which to differentiate, where it is one; "let y = w" names a place."""
    if not isinstance(wrt, Ref) or wrt.name not in scene.lets:
        return wrt if isinstance(wrt, Ref) else None
    let = scene.lets[wrt.name]
    if not isinstance(let.right, Ref):
        return wrt
    change: dict[str, Index] = dict(zip(let.indices, wrt.indices, strict=True))
    inner = with_indices(let.right, change)
    return _place(inner, setting, scene)


def _own_equation(e: Derivative, scene: Scene) -> tuple[Equation, tuple[Index, ...]] | None:
    """What a local derivative of a bare computed quantity differentiates: the quantity's own
    equation. Anywhere else in its body a computed quantity is held."""
    body, wrt = e.body, e.wrt
    if not isinstance(body, Ref) or (isinstance(wrt, Ref) and wrt.name == body.name):
        return None
    equation = scene.network.equations.get(body.name) or scene.lets.get(body.name)
    return None if equation is None else (equation, body.indices)


_EVALUATE: Mapping[type[Expr], Callable[[Any, Setting, World], Jet]] = {
    Number: _number, Ref: _ref, Delta: _delta, Add: _add, Mul: _mul, Power: _power,
    Apply: _apply, Reduce: _reduce, Derivative: _derivative,
}  # fmt: skip


# -- derivatives in an expression ----------------------------------------------------------


class Pattern:
    """Occurrences of an expression that stands for a fresh variable.

    An occurrence is a part equal up to order and parentheses, or some of the terms of a sum
    (factors of a product) that together are the expression.
    """

    def __init__(self, e: Expr, setting: Setting, world: World, below: Pattern | None) -> None:
        self.world, self.below = world, below
        self.names = e.names
        self.kind = type(e)
        self.key = canonical(_grounded(e, setting))
        self.pieces = self._pieces(_grounded(e, setting))

    def _pieces(self, e: Expr) -> Counter[tuple[Any, ...]]:
        parts = e.children if self.kind in (Add, Mul) else ()
        return Counter(canonical(part) for part in parts)

    def match(self, e: Expr, setting: Setting, world: World) -> Jet | None:
        """The fresh variable's value where `e` is an occurrence; with the remaining terms or
        factors where `e` contains one."""
        if not self.names <= e.names or isinstance(e, Ref):
            return self._next(e, setting, world)
        value = self.world.value
        assert value is not None
        if type(e) is self.kind and canonical(_grounded(e, setting)) == self.key:
            return value
        if type(e) is self.kind and self.pieces:
            rest = self._rest(e, setting)
            if rest:
                whole = total(rest) if self.kind is Add else product((ONE, *rest))
                other = evaluate(whole, setting, world)
                return value + other if self.kind is Add else value * other
        return self._next(e, setting, world)

    def _next(self, e: Expr, setting: Setting, world: World) -> Jet | None:
        return self.below.match(e, setting, world) if self.below else None

    def _rest(self, e: Expr, setting: Setting) -> tuple[Expr, ...]:
        """The children that are left when the pieces are taken away; none where they are not
        all there."""
        missing = Counter(self.pieces)
        rest = []
        for child in e.children:
            key = canonical(_grounded(child, setting))
            if missing[key] > 0:
                missing[key] -= 1
            else:
                rest.append(child)
        return () if +missing else tuple(rest)


def _grounded(e: Expr, setting: Setting) -> Expr:
    return with_indices(e, {i: setting[i] for i in e.free if i in setting})


# -- piecewise functions -------------------------------------------------------------------


def piecewise_sites(network: Network) -> dict[Expr, None]:
    """Every place of the network where a piecewise function or a maximum stands, in order."""
    wholes = [equation.right for equation in network.equations.values()]
    wholes += [f.definition for f in network.own_functions.values() if f.definition is not None]
    return {site: None for whole in wholes for site in piecewise_parts(whole)}


def piecewise_parts(e: Expr) -> Iterator[Expr]:
    """The parts of an expression in which a piecewise function or a maximum stands on top."""
    for node in walk(e):
        divided = isinstance(node, Apply) and BRANCHES.get(node.function.rstrip("'"))
        if (divided and divided.piecewise) or (isinstance(node, Reduce) and node.op == "max"):
            yield node
