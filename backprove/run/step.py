"""One training step as one program: forward, loss, adjoints, gradients and the update.

The equations of a recipe are written for one component of a parameter; here they are put
behind the gradients of a network's own parameters, and lowered with all else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..adjoints import backprop
from ..errors import DataError
from ..expr import (
    MINUS_ONE,
    ZERO,
    Add,
    Apply,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    flat_factors,
    product,
    substituted,
    total,
    walk,
    with_indices,
)
from ..language import FLOOR
from ..network import Equation, Network, Quantity, adjoint
from .lower import MEAN_LOSS, lower
from .numpy_backend import prepare
from .optimizers import Part, Recipe
from .optimizers.scalars import STEP, Scalars, opened
from .program import Program
from .values import shape_of

NEXT = "next "
"""The beginning of the names of what a step makes: `next w1`, and `next w1.m` of a slot."""


def slot_name(parameter: str, slot: str) -> str:
    """The name under which the program is given a parameter's slot: `w1.m`."""
    return f"{parameter}.{slot}"


@dataclass(frozen=True)
class Step:
    """A training step, and what it is given beside data, parameters and constants.

    program: its results are what was wanted, and for each parameter and slot what is NEXT.
    scalars: a program over steps in place of samples, given STEP, the numbers of the steps from
    1, in float64; its results are the scalars that `program` is given by the same names.
    slots: the short names of each parameter's slots, all zeros at first.
    """

    program: Program
    scalars: Program
    slots: Mapping[str, tuple[str, ...]]


class ScalarTable:
    """The scalars of every step, computed in blocks.

    A block always begins at the same steps, so that a run that was resumed in the middle of
    one sees the same numbers bit for bit. dtype: that of the program that is given them.
    """

    _BLOCK = 1024

    def __init__(self, step: Step, dtype: np.dtype[Any]) -> None:
        self._prepared = prepare(step.scalars, np.float64)
        self._dtype = dtype
        self._number = -1
        self._block: dict[str, NDArray[Any]] = {}

    def at(self, step: int) -> dict[str, NDArray[Any]]:
        """The scalars of one step, from 1, by name."""
        number, place = divmod(step - 1, self._BLOCK)
        if number != self._number:
            rows = self.rows(number * self._BLOCK + 1, self._BLOCK)
            self._block = {name: row.astype(self._dtype) for name, row in rows.items()}
            self._number = number
        # arrays: NumPy takes twice as long for a scalar of its own
        return {name: row[place, ...] for name, row in self._block.items()}

    def rows(self, first: int, count: int) -> dict[str, NDArray[Any]]:
        """The scalars of `count` steps from `first` on, in float64."""
        steps = np.arange(first, first + count, dtype=np.float64)
        return self._prepared({STEP: steps}, count)


def check_scalars(step: Step, steps: int) -> None:
    """Raises DataError where a scalar is no number at one of a run's steps.

    Of a long run, ten thousand steps are looked at, evenly spread.
    """
    numbers = np.linspace(1, steps, min(steps, 10_000)).round()
    for name, row in prepare(step.scalars, np.float64)({STEP: numbers}, len(numbers)).items():
        bad = np.flatnonzero(~np.isfinite(row))
        if len(bad):
            at, value = int(numbers[bad[0]]), row[bad[0]]
            raise DataError(
                f"{name} is {value} at step {at:,}: nothing can be trained with that",
                "look at the constants of the optimizer and the schedule",
            )


def lower_step(network: Network, recipe: Recipe, wanted: Iterable[str] = (MEAN_LOSS,)) -> Step:
    """The program of one training step of `network` by `recipe`, with results `wanted` too.

    Raises DataError where numbers cannot be had, or a schedule asks for what is not known.
    """
    updates = _Updates(network, recipe)
    whole = Network(
        [q for q in network.quantities.values() if q.name not in network.sizes]
        + list(updates.quantities.values()),
        network.equations.values(),
        network.loss,
        functions=network.own_functions,
        sizes=network.sizes,
        constraints=network.constraints,
        file=network.file,
    )
    made = [name for name in updates.equations if name.startswith(NEXT)]
    program = lower(
        whole, backprop(network).adjoints, [*wanted, *made], updates=updates.equations.values()
    )
    slots = {q.name: recipe.slots for q in updates.parameters}
    return Step(program, updates.scalars.program(), slots)


class _Updates:
    """The equations of a recipe for every parameter of a network.

    quantities: what they are given and what they make. equations: in an order in which they
    can be computed. gradients: where each parameter's gradient is, as far as the recipe went.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        self.network, self.recipe = network, recipe
        self.parameters = [q for q in network.trained if q.name in network.live]
        self.quantities: dict[str, Quantity] = {}
        self.equations: dict[str, Equation] = {}
        self.scalars = Scalars(recipe, frozenset(network.quantities))
        self.gradients: dict[str, str] = {}
        for p in self.parameters:
            self.gradients[p.name] = name = f"gradient {p.name}"
            self._add(name, p, adjoint(Ref(p.name, _letters(p))))
        for number, part in enumerate(recipe.gradients, 1):
            self._gradients(part, f"{number} {part.name}")
        decayed = tuple(_File(recipe.optimizer, self.scalars).equations())
        undecayed = tuple(_File(recipe.optimizer, self.scalars, decayed=False).equations())
        for p in self.parameters:
            self._update(p, undecayed if p.kind == "bias" else decayed)
        for name in self.scalars.equations:
            self.quantities[name] = Quantity(name, "constant")

    def _add(self, name: str, parameter: Quantity | None, right: Expr) -> Ref:
        """One more equation, for each component of a parameter or for one number."""
        letters = _letters(parameter) if parameter else ()
        self.quantities[name] = Quantity(name, "computed", parameter.shape if parameter else ())
        self.equations[name] = Equation(Ref(name, letters), right)
        return Ref(name, letters)

    def _gradients(self, part: Part, prefix: str) -> None:
        """Each parameter's gradient after one file: clipped, or with the decay added."""
        update = part.update
        file = _File(part, self.scalars)
        shared: dict[str, Expr] = {}
        local: list[Equation] = []
        for equation in file.equations():
            if equation.indices or not part.over_all:
                local.append(equation)
            else:  # one number for all parameters
                right = self._over_all(file, equation.right, shared)
                shared[equation.name] = self._add(f"{prefix} {equation.name}", None, right)
        after = dict(self.gradients)
        for p in self.parameters:
            if update.decay and p.kind == "bias":
                continue
            names = {**shared, **self._names(p, part)}
            for equation in local:
                name = f"{prefix} {equation.name} {p.name}"
                names[equation.name] = self._add(name, p, _put_in(equation.right, names))
            after[p.name] = f"{prefix} {update.network.loss} {p.name}"
        self.gradients = after

    def _over_all(self, file: _File, e: Expr, shared: Mapping[str, Expr]) -> Expr:
        """A number for all parameters: a sum over the components is one over those of each."""
        if isinstance(e, Reduce):
            if e.op != "sum":
                raise DataError(f"{file.part.name}: over all gradients goes a sum, not {e.op}")
            return total(tuple(self._sum(p, file.part, e, shared) for p in self.parameters))
        if isinstance(e, Ref) and e.name in shared:
            return shared[e.name]
        return e.rebuilt(tuple(self._over_all(file, c, shared) for c in e.children))

    def _sum(self, p: Quantity, part: Part, e: Reduce, shared: Mapping[str, Expr]) -> Expr:
        body = _put_in(e.body, {**shared, **self._names(p, part)})
        for letter, size in zip(_letters(p), shape_of(self.network, p.name), strict=True):
            body = Reduce("sum", letter, size, body)
        return body

    def _names(self, p: Quantity, part: Part) -> dict[str, Expr]:
        """What the names of a file stand for, for one parameter."""
        update, letters = part.update, _letters(p)
        return {
            update.now(update.gradient): Ref(self.gradients[p.name], letters),
            update.before(update.parameter): Ref(p.name, letters),
        }

    def _update(self, p: Quantity, equations: tuple[Equation, ...]) -> None:
        """The optimizer's equations for one parameter."""
        part = self.recipe.optimizer
        update = part.update
        names = self._names(p, part)
        kept = {update.now(update.parameter): p.name}
        for state in update.states:
            slot = slot_name(p.name, state)
            self.quantities[slot] = Quantity(slot, "constant", p.shape)
            names[update.before(state)] = Ref(slot, _letters(p))
            kept[update.now(state)] = slot
        for equation in equations:
            place = kept.get(equation.name)
            name = f"{p.name} {equation.name}" if place is None else NEXT + place
            names[equation.name] = self._add(name, p, _put_in(equation.right, names))


def _letters(parameter: Quantity) -> tuple[str, ...]:
    return tuple(f"i{axis}" for axis in range(1, len(parameter.shape) + 1))


def _put_in(e: Expr, names: Mapping[str, Expr]) -> Expr:
    return substituted(e, lambda ref: names.get(ref.name))


# -- one file ------------------------------------------------------------------------------


class _File:
    """The equations of one file, what depends on the step only taken out of them.

    decayed: whether the weight decay that the file declares is meant; else it is 0.
    """

    def __init__(self, part: Part, scalars: Scalars, decayed: bool = True) -> None:
        self.part, self.scalars, self.decayed = part, scalars, decayed
        network = part.update.network
        update = part.update
        self._made = {update.now(n) for n in (update.parameter, *update.states)} | {network.loss}
        self._components = {q.name for q in network.of_kind("input")} | self._made
        for equation in network.equations.values():
            if equation.right.names & self._components:
                self._components.add(equation.name)

    def equations(self) -> Iterator[Equation]:
        """Those of components, in order; what is used once or is a scalar is put in there."""
        update = self.part.update
        network = update.network
        made = self._made
        uses = Counter(
            node.name
            for equation in network.equations.values()
            for node in walk(equation.right)
            if isinstance(node, Ref)
        )
        inside: dict[str, Equation] = {}

        def definition(ref: Ref) -> Expr | None:
            if ref.name == update.decay and not self.decayed:
                return ZERO
            equation = inside.get(ref.name)
            if equation is None:
                return None
            change: dict[str, Index] = dict(zip(equation.indices, ref.indices, strict=True))
            return with_indices(equation.right, change)

        for equation in network.equations.values():
            name = equation.name
            right = substituted(opened(update, equation.right), definition)
            once = uses[name] == 1 and name not in made and not _has_sum(right)
            if name not in self._components or once:
                inside[name] = replace(equation, right=right)
            else:
                yield replace(equation, right=self._taken_out(_without_zeros(right)))

    def _taken_out(self, e: Expr) -> Expr:
        """`e` with its largest parts that are scalars as Refs."""
        if isinstance(e, Number):
            return e
        if not e.names & self._components:
            return self.scalars.ref(self.part, e)
        match e:
            case Mul():
                scalars, others = self._parted(_open_factors(e))
                return product((*self._one(product, scalars), *map(self._taken_out, others)))
            case Add():
                scalars, others = self._parted(e.terms)
                return total((*map(self._taken_out, others), *self._one(total, scalars)))
            case Apply(function=FLOOR.name):
                raise DataError(f"{self.part.name}: floor is a function of the step only")
        return e.rebuilt(tuple(self._taken_out(c) for c in e.children))

    def _parted(self, parts: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
        """Scalars and others; a sign stays where it is, so that a - b stays a subtraction."""
        alone = [p for p in parts if p is not MINUS_ONE and not p.names & self._components]
        return alone, [p for p in parts if p not in alone]

    def _one(self, joined: Callable[[tuple[Expr, ...]], Expr], scalars: list[Expr]) -> list[Expr]:
        """Several scalars as one; numbers alone stay numbers."""
        if all(isinstance(s, Number) for s in scalars):
            return scalars
        return [self.scalars.ref(self.part, joined(tuple(scalars)))]


def _open_factors(e: Expr) -> tuple[Expr, ...]:
    """The factors of nested products, those under a fraction's line as powers of their own."""
    found: list[Expr] = []
    for factor in flat_factors(e):
        if (
            isinstance(factor, Power)
            and isinstance(factor.base, Mul)
            and _is_whole(factor.exponent)
        ):
            found += (Power(f, factor.exponent) for f in _open_factors(factor.base))
        else:
            found.append(factor)
    return tuple(found)


def _is_whole(e: Expr) -> bool:
    return isinstance(e, Number) and e.value.denominator == 1


def _without_zeros(e: Expr) -> Expr:
    """0*x -> 0, 0 + x -> x."""
    e = e.rebuilt(tuple(map(_without_zeros, e.children))) if e.children else e
    if isinstance(e, Mul) and ZERO in e.factors:
        return ZERO
    if isinstance(e, Add) and ZERO in e.terms:
        return total(tuple(t for t in e.terms if t is not ZERO))
    return e


def _has_sum(e: Expr) -> bool:
    return any(isinstance(node, Reduce) for node in walk(e))
