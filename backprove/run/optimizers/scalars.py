"""What an update needs that depends on the number of the step only: the rate, 1 - beta_1^t.

Such parts of an expression are taken out of it. They are computed in double precision for many
steps at once by a program of their own, and given to the program of the step as scalars.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from ...errors import DataError
from ...expr import Apply, Expr, Number, Ref, mapped, plain, substituted
from ...language import FLOOR, Update
from ...network import Equation, Network, Quantity
from ..lower import lower
from ..program import Program
from .files import Part
from .recipes import Recipe

STEP = "t"
"""The name under which the program of the scalars is given the numbers of the steps."""

_RATE = "rate"
_SCALAR = "= "  # the beginning of a scalar's name among the constants of all files


@dataclass
class Scalars:
    """The scalars of a recipe, as far as they have been asked for.

    taken: names that stand for something else. equations: the scalars by name, in terms of
    STEP and of constants whose names tell of which file they are.
    """

    recipe: Recipe
    taken: frozenset[str]
    equations: dict[str, Expr] = field(default_factory=dict)
    _constants: dict[str, Expr] = field(default_factory=dict)
    _names: dict[Expr, str] = field(default_factory=dict)

    def ref(self, part: Part, e: Expr) -> Ref:
        """The scalar that is `e`, an expression in the constants of one file."""
        whole = self._in_recipe(part, e)
        name = self._names.get(whole)
        if name is None:
            name = plain(e)
            while name in self.equations or name in self.taken:
                name += "'"
            self._names[whole] = name
            self.equations[name] = whole
        return Ref(name)

    def program(self) -> Program:
        """The program that computes them, its samples the steps."""
        rows = {**self._constants, **{_SCALAR + name: e for name, e in self.equations.items()}}
        network = Network(
            [Quantity(STEP, "input"), *(Quantity(name, "computed") for name in rows)],
            [Equation(Ref(name), e) for name, e in rows.items()],
            next(reversed(rows)),
            functions={FLOOR.name: FLOOR},
        )
        program = lower(network, {}, [_SCALAR + name for name in self.equations])
        # one number a step, also of what is the same at all of them
        results = {
            name.removeprefix(_SCALAR): replace(result, sampled=True)
            for name, result in program.results.items()
        }
        return replace(program, results=results)

    def _in_recipe(self, part: Part, e: Expr) -> Expr:
        """An expression of one file in the names of the whole recipe."""

        def changed(node: Expr) -> Expr | None:
            if isinstance(node, Ref):
                return self._named(part, node.name)
            if isinstance(node, Apply) and node.function in part.update.network.own_functions:
                row = part.update.network.own_functions[node.function]
                if row.abstract and part is not self.recipe.warmup:
                    raise DataError(f"the function {row.name} of {part.name} is only a name")
                if row.abstract:
                    begun = self._in_recipe(part, node.argument)
                    return substituted(
                        self._scheduled(), lambda ref: begun if ref.name == STEP else None
                    )
            return None

        return mapped(e, changed)

    def _named(self, part: Part, name: str) -> Expr:
        update = part.update
        if name == update.step:
            return Ref(STEP)
        if name == update.rate:
            return self._rate() if part is self.recipe.optimizer else self._base()
        if name == update.steps:
            return self._constant(f"{part.name} {name}", self._steps(part))
        number = part.numbers.get(name)
        if number is None:
            raise DataError(
                f"the constant {name} of {part.name} has no number", f"write {name} = 0.9"
            )
        return self._constant(f"{part.name} {name}", number)

    def _constant(self, name: str, value: Fraction) -> Ref:
        # an equation, not a number: (t - 1)*k/T must not become (t - 1)*(k/T), of which the
        # rounding may fall below a whole number
        self._constants[name] = Number(value)
        return Ref(name)

    def _base(self) -> Ref:
        return self._constant(_RATE, self.recipe.eta)

    def _scheduled(self) -> Expr:
        """The schedule's rate at its own step."""
        schedule = self.recipe.schedule
        return (
            self._base() if schedule is None else self._in_recipe(schedule, whole(schedule.update))
        )

    def _rate(self) -> Expr:
        """The rate at STEP."""
        warmup = self.recipe.warmup
        return (
            self._scheduled() if warmup is None else self._in_recipe(warmup, whole(warmup.update))
        )

    def _steps(self, part: Part) -> Fraction:
        steps = self.recipe.steps
        if steps is None:
            raise DataError(
                f"the schedule {part.name} asks for the number of all steps", "give `steps`"
            )
        warmup = self.recipe.warmup
        waited = warmup.numbers["n"] if warmup and part is self.recipe.schedule else Fraction(0)
        return max(steps - waited, Fraction(1))


def whole(update: Update) -> Expr:
    """What an update makes, every definition put in."""
    return opened(update, update.network.representative().right)


def opened(update: Update, e: Expr) -> Expr:
    """The expression with the functions that the file defines put in."""
    functions = update.network.own_functions

    def definition(node: Expr) -> Expr | None:
        if isinstance(node, Apply) and node.function in functions:
            row = functions[node.function]
            if row.definition is not None:
                return row.definition_at(opened(update, node.argument))
        return None

    return mapped(e, definition)
