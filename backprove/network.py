"""A network: its quantities, its equations in order, and what depends on what.

An equation `name[indices] = expression` gives every component of a quantity. The argument
of an activation is always a quantity: in `u4 = f(d4 + b4)` the sum is given a hidden name
(`u4.argument`), so that it can have an adjoint; it still prints as `d4 + b4`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import isfinite
from typing import Literal, TypeAlias

from .errors import DataError, DerivationError, NetworkError, Place, expect
from .expr import (
    MINUS_ONE,
    Apply,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    fresh_index,
    substituted,
    walk,
    with_indices,
)
from .functions import FUNCTIONS, Function

Kind: TypeAlias = Literal["input", "target", "weight", "bias", "constant", "computed"]
TRAINED: tuple[Kind, ...] = ("weight", "bias")

Value: TypeAlias = "Fraction | tuple[Value, ...]"
"""An exact value from a file: a number, or rows of them."""

ADJOINT = "∂"
"""The beginning of an adjoint's name: `∂z[j]` is ∂loss/∂z[j], a quantity of its own."""

CHANGE = "Δ."
"""The beginning of the name of a weight's change in one update: `Δ.w_o` prints as Δw_o."""

RATE = ".rate"
"""The name of the learning rate; a notation prints its letter, η by default."""

ARGUMENT = ".argument"
"""The ending of the hidden name of an activation's unnamed argument."""

TOO_LONG = 20_000
"""Characters above which an equation counts as too long to read."""


def adjoint(ref: Ref) -> Ref:
    """The adjoint of a component: the total derivative of the loss in it."""
    return Ref(ADJOINT + ref.name, ref.indices)


def is_adjoint(e: Expr) -> bool:
    """Whether `e` is an adjoint, ∂loss/∂q as a quantity of its own."""
    return isinstance(e, Ref) and e.name.startswith(ADJOINT)


def quantity_of(ref: Ref) -> Ref:
    """The quantity of which `ref` is the adjoint."""
    return Ref(ref.name.removeprefix(ADJOINT), ref.indices)


@dataclass(frozen=True)
class Label:
    """A layer label: `{3}` has no symbol, `{L-1}` the symbol L and the offset -1."""

    symbol: str
    offset: int

    def __str__(self) -> str:
        if not self.symbol:
            return str(self.offset)
        return self.symbol + (f"{self.offset:+d}" if self.offset else "")


@dataclass(frozen=True)
class Quantity:
    """A named scalar or tensor.

    name: the full name, `a{L-1}` where there is a layer label; base: without the label.
    shape: the length of each axis. value: as given in the file, or None.
    """

    name: str
    kind: Kind
    shape: tuple[Size, ...] = ()
    value: Value | None = None
    base: str = ""
    label: Label | None = None
    place: Place | None = field(default=None, compare=False)

    @property
    def hidden(self) -> bool:
        """Whether it is an activation's unnamed argument, printed as its expression."""
        return self.name.endswith(ARGUMENT)


@dataclass(frozen=True)
class Equation:
    """left = right; the left side's indices are distinct variables, one an axis."""

    left: Ref
    right: Expr
    place: Place | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.left.name

    @property
    def indices(self) -> tuple[str, ...]:
        return tuple(i for i in self.left.indices if isinstance(i, str))


@dataclass(frozen=True)
class Constraint:
    """What a target promises: left = right, such as sum(k: y[k]) = 1."""

    target: str
    left: Expr
    right: Expr


class Network:
    """Quantities and equations that lead to one loss. Immutable; make one with `build`."""

    def __init__(
        self,
        quantities: Iterable[Quantity],
        equations: Iterable[Equation],
        loss: str,
        *,
        functions: Mapping[str, Function] | None = None,
        sizes: Mapping[str, int | None] | None = None,
        constraints: Iterable[Constraint] = (),
        roles: Mapping[str, str] | None = None,
        file: str = "",
        text: str = "",
    ) -> None:
        """Raises NetworkError for a cycle, an unknown quantity or function, or a missing loss.

        functions: the file's own functions. sizes: the declared sizes, None without a number.
        roles: what `role NAME = …` lines say. file, text: where it was read from.
        """
        self.own_functions: Mapping[str, Function] = dict(functions or {})
        self.functions: Mapping[str, Function] = {**FUNCTIONS, **self.own_functions}
        self.sizes: Mapping[str, int | None] = dict(sizes or {})
        self.constraints = tuple(constraints)
        self.declared_roles: Mapping[str, str] = dict(roles or {})
        self.file, self.text = file, text
        table = {q.name: q for q in quantities}
        rows: dict[str, Equation] = {}
        for equation in equations:
            for made in self._with_named_argument(equation, table):
                rows[made.name] = made
        self.loss = loss
        self.quantities: Mapping[str, Quantity] = table
        if loss not in rows:
            raise NetworkError("no equation gives the loss", "write one line `loss NAME = …`")
        for equation in rows.values():
            for name in sorted(equation.right.names):
                if name in self.sizes and name not in table:  # a size used as a number
                    length = self.sizes[name]
                    value = None if length is None else Fraction(length)
                    table[name] = Quantity(name, "constant", value=value, base=name)
                if name not in table:
                    raise NetworkError(f"{equation.name} uses {name}, which is not declared")
        self.equations: Mapping[str, Equation] = {n: rows[n] for n in self._sorted(rows)}
        """The equations in an order in which they can be computed, the file's where possible."""

    def _with_named_argument(
        self, equation: Equation, table: dict[str, Quantity]
    ) -> tuple[Equation, ...]:
        right = equation.right
        if (
            not isinstance(right, Apply)
            or isinstance(right.argument, Ref | Number)
            or not right.names
        ):
            return (equation,)
        owner = table[equation.name]
        name = equation.name + ARGUMENT
        table[name] = replace(owner, name=name, kind="computed", value=None)
        argument = Ref(name, equation.left.indices)
        return (
            Equation(argument, right.argument, equation.place),
            Equation(equation.left, Apply(right.function, argument), equation.place),
        )

    @staticmethod
    def _sorted(rows: Mapping[str, Equation]) -> list[str]:
        order: list[str] = []
        state: dict[str, Literal["open", "done"]] = {}
        position = {name: i for i, name in enumerate(rows)}
        for start in rows:
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, ready = stack.pop()
                if ready:
                    state[name] = "done"
                    order.append(name)
                elif name not in state:
                    state[name] = "open"
                    stack.append((name, True))
                    needed = sorted(rows[name].right.names & rows.keys(), key=position.__getitem__)
                    for n in reversed(needed):
                        if state.get(n) == "open":
                            through = f" (through {name})" if name != n else ""
                            raise NetworkError(
                                f"{n} depends on itself{through}", "a network has no cycles"
                            )
                        stack.append((n, False))
        return order

    # -- asking ----------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Quantity:
        try:
            return self.quantities[name]
        except KeyError:
            raise NetworkError(f"there is no quantity named {name}") from None

    def of_kind(self, *kinds: Kind) -> tuple[Quantity, ...]:
        """The quantities of these kinds, in the file's order."""
        return tuple(q for q in self.quantities.values() if q.kind in kinds)

    @property
    def trained(self) -> tuple[Quantity, ...]:
        """Weights and biases, in the file's order."""
        return self.of_kind(*TRAINED)

    @property
    def about(self) -> str:
        """What the file says of itself: the comment lines at its top, as they are wrapped."""
        lines = []
        for line in self.text.splitlines():
            if not line.startswith("#"):
                break
            lines.append(line.lstrip("#").strip())
        return "\n".join(lines)

    def length(self, size: Size) -> int | None:
        """The number behind a size, or None where it has none."""
        return size if isinstance(size, int) else self.sizes.get(size)

    def definition(self, ref: Ref) -> Expr:
        """What `ref` stands for: its equation's right side at these indices."""
        equation = self.equations[ref.name]
        return with_indices(equation.right, dict(zip(equation.indices, ref.indices, strict=True)))

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For each quantity, the quantities whose equations mention it, in order."""
        found: dict[str, list[str]] = {name: [] for name in self.quantities}
        for equation in self.equations.values():
            for name in equation.right.names:
                found[name].append(equation.name)
        return {name: tuple(users) for name, users in found.items()}

    def influenced_by(self, name: str) -> frozenset[str]:
        """`name` and every quantity that is computed from it: one reachability pass."""
        cache: dict[str, frozenset[str]] = self.__dict__.setdefault("_influenced", {})
        if name not in cache:
            seen = {name}
            stack = [name]
            while stack:
                for user in self.consumers.get(stack.pop(), ()):
                    if user not in seen:
                        seen.add(user)
                        stack.append(user)
            cache[name] = frozenset(seen)
        return cache[name]

    @cached_property
    def live(self) -> frozenset[str]:
        """Every quantity that the loss depends on, the loss included."""
        seen = {self.loss}
        stack = [self.loss]
        while stack:
            equation = self.equations.get(stack.pop())
            for name in equation.right.names if equation else ():
                if name not in seen:
                    seen.add(name)
                    stack.append(name)
        return frozenset(seen)

    @property
    def symbolic(self) -> bool:
        """Whether some size has no number, so that no numbers can be computed."""
        return any(self.length(s) is None for q in self.quantities.values() for s in q.shape)

    # -- transforming ----------------------------------------------------------------------

    def representative(self, name: str = "", limit: int = TOO_LONG) -> Equation:
        """One equation for a quantity (the loss by default): every definition put in.

        Raises DerivationError when it would be longer than `limit` characters.
        """
        name = name or self.loss
        length = self._unfolded_length(name)
        if length > limit:
            raise DerivationError(
                f"the representative equation would take about {length:,} characters,"
                f" more than the {limit:,} that can be read",
                "the `dynamic` style names each intermediate value once and stays short",
            )
        full: dict[str, Expr] = {}

        def unfolded(ref: Ref) -> Expr | None:
            if ref.name not in full:
                return None
            equation = self.equations[ref.name]
            change: dict[str, Index] = dict(zip(equation.indices, ref.indices, strict=True))
            return with_indices(full[ref.name], change)

        for equation in self.equations.values():
            full[equation.name] = substituted(equation.right, unfolded)
            if equation.name == name:
                break
        return Equation(self.equations[name].left, full[name])

    def _unfolded_length(self, name: str) -> int:
        lengths: dict[str, int] = {}
        for equation in self.equations.values():
            text = len(repr(equation.right))
            inner = sum(
                lengths.get(ref.name, 0) for ref in walk(equation.right) if isinstance(ref, Ref)
            )
            lengths[equation.name] = min(text + inner, 10**15)
            if equation.name == name:
                break
        return lengths[name]

    def changed(
        self,
        *,
        quantities: Iterable[Quantity] | None = None,
        equations: Iterable[Equation] | None = None,
        constraints: Iterable[Constraint] | None = None,
        sizes: Mapping[str, int | None] | None = None,
    ) -> Network:
        """The same network with some of its parts replaced, the others as they are."""
        parts = self.quantities.values() if quantities is None else quantities
        return Network(
            [q for q in parts if q.name not in self.sizes],  # a size used as a number is made anew
            self.equations.values() if equations is None else equations,
            self.loss,
            functions=self.own_functions,
            sizes=self.sizes if sizes is None else sizes,
            constraints=self.constraints if constraints is None else constraints,
            roles=self.declared_roles, file=self.file, text=self.text,
        )  # fmt: skip

    def with_values(self, values: Mapping[str, object]) -> Network:
        """The same network with these values in place of those in its file.

        values: a number or nested rows of numbers for each name; a single number fills a tensor.
        A decimal is taken as it is written: 0.1 is 1/10. Raises DataError for a name that has
        no value of its own, for another shape and for what is no finite number.
        """
        for name in values:
            known = self.quantities.get(name)
            if known is None or known.name in self.sizes:
                raise DataError(f"there is no quantity named {name} to give a value to")
            if known.kind == "computed":
                raise DataError(f"{name} is computed: its value follows from the others")
        return self.changed(
            quantities=[
                replace(q, value=self._value(q, values[q.name])) if q.name in values else q
                for q in self.quantities.values()
            ]
        )

    def _value(self, quantity: Quantity, given: object) -> Value:
        shape = tuple(self.length(size) for size in quantity.shape)
        if shape and _is_number(given):
            return _exact(quantity.name, given)
        return _rows(quantity.name, given, shape)

    def over(self, samples: Size, index: str = "s") -> Network:
        """The same network over `samples` samples; the loss becomes their mean.

        Inputs, targets and what depends on them gain a last index; the per-sample loss keeps
        its name (`C_0[s]`) and the mean is named without a trailing `_0`, else `mean_NAME`.
        """
        lifted = frozenset[str]().union(
            *(self.influenced_by(q.name) for q in self.of_kind("input", "target"))
        )
        taken = frozenset[str]().union(
            *(e.right.free | e.right.bound | set(e.indices) for e in self.equations.values())
        )
        letter = index if index not in taken else fresh_index(taken)

        def lift(ref: Ref) -> Expr | None:
            return Ref(ref.name, (*ref.indices, letter)) if ref.name in lifted else None

        quantities = [
            replace(q, shape=(*q.shape, samples), value=None) if q.name in lifted else q
            for q in self.quantities.values()
        ]
        equations = []
        for e in self.equations.values():
            left = lift(e.left) or e.left
            assert isinstance(left, Ref)
            equations.append(Equation(left, substituted(e.right, lift), e.place))
        mean = self.loss.removesuffix("_0")
        if mean == self.loss or mean in self.quantities:
            mean = f"mean_{self.loss}"
        per_sample = Ref(self.loss, (letter,) if self.loss in lifted else ())
        body: Expr = Reduce("sum", letter, samples, per_sample)
        if isinstance(samples, int):
            right: Expr = Mul((Number(Fraction(1, samples)), body))
        else:
            right = Mul((Power(Ref(samples), MINUS_ONE), body))
        quantities.append(Quantity(mean, "computed", base=mean))
        equations.append(Equation(Ref(mean), right))
        constraints = [
            replace(c, left=substituted(c.left, lift), right=substituted(c.right, lift))
            for c in self.constraints
        ]
        sizes = dict(self.sizes)
        if isinstance(samples, str):
            sizes.setdefault(samples, None)
        return Network(
            quantities, equations, mean,
            functions=self.own_functions, sizes=sizes, constraints=constraints,
            roles=self.declared_roles, file=self.file, text=self.text,
        )  # fmt: skip


def _rows(name: str, given: object, shape: tuple[int | None, ...]) -> Value:
    """Nested rows of numbers of this shape as exact ones."""
    if not shape:
        return _exact(name, given)
    if not isinstance(given, list | tuple):
        raise DataError(f"{name} needs rows of numbers, not {_quoted(given)}")
    if shape[0] is not None and len(given) != shape[0]:
        raise DataError(f"{name} needs {shape[0]} numbers in a row where {len(given)} are given")
    return tuple(_rows(name, part, shape[1:]) for part in given)


def _is_number(given: object) -> bool:
    return isinstance(given, int | float | Fraction) and not isinstance(given, bool)


def _exact(name: str, given: object) -> Fraction:
    if isinstance(given, float) and isfinite(given):
        return Fraction(repr(given))  # 0.1 is 1/10
    if isinstance(given, int | Fraction) and not isinstance(given, bool):
        return Fraction(given)
    raise DataError(f"{name} needs finite numbers, not {_quoted(given)}")


def _quoted(given: object) -> str:
    shown = repr(given)
    return shown if len(shown) <= 40 else shown[:40] + "…"


def expect_network(network: object) -> None:
    """Raises DataError where something else was given: for the front doors."""
    expect("a network", network, Network, "bp.parse, bp.read and bp.mlp make one")
