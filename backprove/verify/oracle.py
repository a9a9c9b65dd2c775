"""Whether two expressions are equal: refuted rigorously, or confirmed to 60 digits.

Both sides are evaluated as balls at random points. Balls that do not meet prove that the
sides differ. Where they meet, the precision doubles until the difference is known to be
less than 10^-60 of the sides, or until it is too high to go on: "undecided".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import product
from random import Random
from typing import Literal, TypeAlias, TypeVar

from flint import arb, ctx

from ..errors import NetworkError
from ..expr import TWO, Apply, Delta, Expr, Power, Reduce, Ref, Size, count, mapped, walk
from ..network import ADJOINT, ARGUMENT, Equation, Kind, Network
from .points import Indices, Point, draw, unnumbered_sizes
from .series import OutsideDomain, Unresolved
from .values import OutOfRange, Scene, Setting, evaluate, piecewise_parts, piecewise_sites

DIGITS = 60
"""To how many digits both sides of a confirmed equation agree."""

PRECISIONS = (256, 512, 1024, 2048, 4096, 8192)
"""The precisions that are tried, in bits."""

CERTAIN_OF_ZERO = 1024
"""The precision at which two balls around 0 that shrank below 10^-60 count as 0."""

SAMPLED = 30
"""The number of components above which a sample of them is tried."""

WORK = 6000
"""Nodes times components above which the sample becomes smaller, down to FEWEST."""

FEWEST = 6

GIVEN: tuple[Kind, ...] = ("input", "target", "weight", "bias")

FEW = 4
"""The length up to which each position of a largest value is looked for."""

TRIALS = 3
REDRAWS = 24

ANY_LITERAL = 10**9
"""Larger than every position: for points that are not drawn anew."""

Answer: TypeAlias = Literal["confirmed", "refuted", "undecided"]
Lets: TypeAlias = Mapping[str, "Expr | Equation"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Counterexample:
    """Where two sides differ: the free indices, the sizes, the exact values of what the
    equations do not compute, and both sides in decimals."""

    setting: Mapping[str, int]
    sizes: Mapping[str, int]
    values: Mapping[str, Mapping[Indices, object]]
    left: str
    right: str

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {k}" for name, k in {**self.sizes, **self.setting}.items())
        return f"{f'at {where}: ' if where else ''}left {self.left}, right {self.right}"


@dataclass(frozen=True)
class Verdict:
    """What the oracle answers.

    digits: to how many digits both sides agree (0 unless confirmed). trials: the number of
    points. components: how many settings of the free indices were tried at a point. says:
    what was confirmed or refuted and how, and no more.
    """

    verdict: Answer
    digits: int
    trials: int
    components: int
    says: str
    counterexample: Counterexample | None = None

    @property
    def confirmed(self) -> bool:
        return self.verdict == "confirmed"


@dataclass
class Trial:
    """A point, and its values at the precision that the questions so far needed.

    signs: on which side of 0 the arguments of the piecewise functions are there, and at which
    position the largest value of a maximum stands.
    """

    point: Point
    level: int = 0
    signs: frozenset[tuple[Expr, int]] = frozenset()
    scene: Scene | None = field(default=None, repr=False)


class Oracle:
    """Answers questions about one network at points drawn once.

    lets: named expressions that questions may use; an Equation where they have indices.
    symbols: free names that stand for any number (a learning rate). trials: the number of
    points (more where piecewise functions have branches yet unseen). components: the number
    of components above which a sample is tried, SAMPLED by default. seed: what the points
    are drawn from.
    """

    def __init__(
        self,
        network: Network,
        *,
        lets: Lets | None = None,
        symbols: Iterable[str] = (),
        trials: int = TRIALS,
        components: int | None = None,
        seed: int = 0,
    ) -> None:
        self.network = network
        self.components = components
        self.lets = {name: _as_equation(name, let) for name, let in (lets or {}).items()}
        self._let_shapes: dict[str, tuple[Size, ...]] = {}
        self.symbols = frozenset(symbols)
        self.trials, self.seed = trials, seed
        self.sites = piecewise_sites(network)
        self.watched: tuple[Expr, ...] = ()
        self.unnumbered = unnumbered_sizes(network)
        self._least = 2
        self._trials: list[Trial] | None = None

    def sampling(self, components: int) -> Oracle:
        """An oracle with the same points and values that tries so many components at most."""
        other = copy(self)
        other.components = components
        return other

    def beside(self, lets: Lets, symbols: Iterable[str] = ()) -> Oracle:
        """An oracle at the same points that knows more named expressions and free names."""
        other = copy(self)
        other.lets = {**self.lets, **{name: _as_equation(name, e) for name, e in lets.items()}}
        other._let_shapes = {}
        other.symbols = self.symbols | frozenset(symbols)
        if self._trials is not None:
            scenes = [None if lets or t.scene is None else t.scene.knowing(other.symbols)
                      for t in self._trials]  # fmt: skip
            other._trials = [
                Trial(t.point, t.level, t.signs, scene)
                for t, scene in zip(self._trials, scenes, strict=True)
            ]
        return other

    def watching(self, *expressions: Expr) -> Oracle:
        """An oracle whose points meet both branches of the piecewise functions in some
        expressions too, where such points are found."""
        sites = {site: None for e in expressions for site in (*piecewise_parts(e), *_roots(e))}
        new = [site for site in sites if site not in self.sites]
        if not new:
            return self
        other = copy(self)
        other.sites = {**self.sites, **dict.fromkeys(new)}
        other.watched = (*self.watched, *new)
        other._trials = None
        return other

    def at(self, points: Iterable[Point]) -> Oracle:
        """An oracle that knows the same and asks at these points, whatever the question."""
        other = copy(self)
        other._trials = [Trial(point) for point in points]
        other._least = ANY_LITERAL
        return other

    def held(self, *expressions: Expr, most: int | None = None) -> Oracle:
        """An oracle that keeps to its points, whatever the question, or to the first of them.

        expressions: those whose positions the sizes without a number must allow.
        """
        other = copy(self)
        other._trials = self._points(*expressions)[:most]
        other._least = ANY_LITERAL
        return other

    # -- points ----------------------------------------------------------------------------

    def points(self) -> tuple[Point, ...]:
        """The points at which questions are tried. Raises NetworkError where none is found
        at which the network has a value."""
        return tuple(trial.point for trial in self._points())

    def _points(self, *expressions: Expr) -> list[Trial]:
        """The points, with sizes that allow the positions in some expressions."""
        least = _largest_literal(expressions) if self.unnumbered else 2
        if self._trials is None or (self.unnumbered and least > self._least):
            self._least = max(least, self._least)
            self._trials = self._drawn()
        return self._trials

    def _drawn(self) -> list[Trial]:
        found: list[Trial] = []
        seen: set[tuple[Expr, int]] = set()
        wanted = {branch for site in self.sites for branch in self._wanted(site)}
        for attempt in range(REDRAWS):
            enough = len(found) >= self.trials
            if enough and seen >= wanted:
                break
            # mixed signs first, each in both within two points; all positive where a logarithm
            # or a dying relu needs it
            positive = (0.5, 0.5, 0.5, 1.0, 0.75, 0.25)[attempt % 6]
            turns: tuple[Kind, ...] = ((), GIVEN, ("input",))[attempt] if attempt < 3 else ()
            point = draw(
                self.network, f"{self.seed}.{attempt}", positive=positive, turn=len(found),
                least=self._least, turned_from=found[0].point if found else None, kinds=turns,
            )  # fmt: skip
            trial = Trial(point)
            news = self._signs(trial)
            if news is None:
                continue
            if not enough or not news <= seen:
                trial.signs = frozenset(news)
                found.append(trial)
                seen |= news
        if not found:
            raise NetworkError(
                "no random point was found at which the network has a value",
                "a logarithm, root or division meets a negative number or 0 everywhere tried",
            )
        return found

    def _wanted(self, site: Expr) -> Iterator[tuple[Expr, int]]:
        """The branches of a piecewise function that points are looked for until they are met:
        both signs of an argument, each position of the largest of a few."""
        if not isinstance(site, Reduce):
            yield from ((site, sign) for sign in (-1, 1))
            return
        length = self.network.length(site.size)
        if length is not None and length <= FEW:
            yield from ((site, place) for place in range(1, length + 1))

    def _signs(self, trial: Trial) -> set[tuple[Expr, int]] | None:
        """The branches of the piecewise functions met there; None outside the domain."""
        names = [name for name in self.network.equations if name in self.network.live]

        def forward(scene: Scene) -> set[tuple[Expr, int]]:
            for name in names:
                shape = self.network.quantities[name].shape
                for indices in scene.point.positions(shape):
                    if not scene.ground.component(name, indices).base.is_finite():
                        raise Unresolved
            for site in self.watched:
                for setting in self._few_settings(site, scene.point):
                    evaluate(site, setting, scene.ground)
            return set(scene.seen)

        try:
            return self._resolved(trial, forward)
        except (OutsideDomain, Unresolved):
            return None

    def _few_settings(self, site: Expr, point: Point) -> list[Setting]:
        lengths = self.ranges(site)
        if site.free - lengths.keys():
            return []
        return _settings(point, sorted(site.free), lengths, FEWEST)[0]

    def _scene(self, trial: Trial) -> Scene:
        if trial.scene is None:
            trial.scene = Scene(trial.point, self.lets, self.symbols, self.sites)
        return trial.scene

    def _resolved(self, trial: Trial, ask: Callable[[Scene], Result]) -> Result:
        """The answer at the first precision that gives one; raises Unresolved beyond the last."""
        while True:
            with ctx.workprec(PRECISIONS[trial.level]):
                try:
                    return ask(self._scene(trial))
                except Unresolved:
                    if trial.level + 1 == len(PRECISIONS):
                        raise
            trial.level += 1
            trial.scene = None

    # -- questions -------------------------------------------------------------------------

    def value(self, e: Expr, setting: Mapping[str, int] | None = None, trial: int = 0) -> arb:
        """The value of an expression at a point, given its free letters, as a ball.

        Raises NetworkError for unknown names and positions, and where it has no value.
        """
        chosen = self._points(e)[trial]
        free = dict(setting or {})

        def ask(scene: Scene) -> arb:
            found = evaluate(e, free, scene.ground).base
            if not found.is_finite():
                raise Unresolved
            return found

        try:
            return self._resolved(chosen, ask)
        except (OutOfRange, OutsideDomain, Unresolved) as error:
            raise NetworkError(f"{e!r} has no value at this point: {error}") from None

    def agree(
        self, left: Expr, right: Expr, *, ranges: Mapping[str, Size] | None = None
    ) -> Verdict:
        """Whether two expressions are equal for every value of their free letters.

        ranges: the lengths over which free letters run, where their use does not tell.
        """
        trials = self._points(left, right)
        lengths = self._lengths(left, right, ranges or {})
        if isinstance(lengths, Verdict):
            return lengths
        most = min(self.components or SAMPLED, max(FEWEST, WORK // (count(left) + count(right))))
        tried, components, sampled, zero, outside = 0, 0, 0, True, ""
        for trial in trials:
            settings, every = _settings(trial.point, sorted(left.free | right.free), lengths, most)
            try:
                for setting in settings:
                    outcome = self._compare(trial, left, right, setting)
                    if not isinstance(outcome, bool):
                        return outcome
                    zero = zero and outcome
            except OutsideDomain as error:
                outside = str(error)
                continue
            tried += 1
            if len(settings) >= components:
                components, sampled = len(settings), every
        if not tried:
            return _undecided(f"no point was found at which both sides are defined: {outside}")
        says = self._says(tried, components, sampled, zero, left, right)
        return Verdict("confirmed", DIGITS, tried, components, says)

    def _compare(self, trial: Trial, left: Expr, right: Expr, setting: Setting) -> bool | Verdict:
        """Whether both sides are 0, where they agree; else the verdict."""

        def ask(scene: Scene) -> bool | Verdict:
            a = evaluate(left, setting, scene.ground).base
            b = evaluate(right, setting, scene.ground).base
            if not (a.is_finite() and b.is_finite()):
                raise Unresolved
            if not (a - b).contains(0):
                return self._refuted(trial.point, setting, a, b)
            if _close(a, b):
                return bool(a.contains(0) and b.contains(0))
            raise Unresolved

        try:
            return self._resolved(trial, ask)
        except Unresolved:
            # the next question starts anew: most need no such precision
            trial.level, trial.scene = 0, None
            return _undecided(f"{PRECISIONS[-1]} bits could not tell the two sides apart or equal")
        except OutOfRange as error:
            example = _example(trial.point, setting, "", "")
            return Verdict("refuted", 0, 1, 1, f"a side has no value: {error}", example)
        except RecursionError:
            return _undecided("the expression is nested too deep")

    @staticmethod
    def _refuted(point: Point, setting: Setting, a: arb, b: arb) -> Verdict:
        example = _example(point, setting, _decimal(a), _decimal(b))
        return Verdict("refuted", 0, 1, 1, f"the two sides differ {example}", example)

    def _says(
        self, tried: int, components: int, every: int, zero: bool, left: Expr, right: Expr
    ) -> str:
        points = f"{tried} random point{'s' if tried > 1 else ''}"
        parts = [f"both sides are 0 at {points}" if zero
                 else f"equal to {DIGITS} digits at {points}"]  # fmt: skip
        if self.unnumbered and (left.free or right.free) and components == every:
            parts.append("for every component")
        elif components < every:
            parts.append(f"for a sample of {components} of {every} components")
        elif components > 1:
            parts.append(f"for each of {components} components")
        if self.unnumbered:
            lengths = "; ".join(
                f"{name} = {', '.join(str(p.sizes[name]) for p in self.points())}"
                for name in self.unnumbered
            )
            parts.append(f"with the sizes {lengths}")
        abstract = [n for n, f in self.network.own_functions.items() if f.abstract]
        if abstract:
            parts.append(f"with random analytic functions for {', '.join(abstract)}")
        return "; ".join([", ".join(parts), *self._branches()])

    def _branches(self) -> Iterator[str]:
        """What was seen of the piecewise functions."""
        found: dict[Expr, set[int]] = {}
        for trial in self._points():
            for site, sign in trial.signs:
                found.setdefault(site, set()).add(sign)
        largest = {s: found[s] for s in self.sites if s in found and isinstance(s, Reduce)}
        signs = {self._shown(s): found[s] for s in self.sites if s in found and s not in largest}
        both = [name for name, sides in signs.items() if {-1, 1} <= sides]
        if both:
            yield f"arguments of both signs in {_listed(both)}"
        for sign, word in ((1, "positive"), (-1, "negative")):
            only = [name for name, sides in signs.items() if sides - {0} == {sign}]
            if only:
                yield f"only {word} arguments in {_listed(only)}"
        kinks = [name for name, sides in signs.items() if 0 in sides]
        if kinks:
            yield f"at 0, where the stated convention is taken, in {_listed(kinks)}"
        for site, places in largest.items():
            at = _listed(map(str, sorted(places)), 8)
            positions = "positions" if len(places) > 1 else "position"
            yield f"the largest of {self._shown(site)} stood at {positions} {at}"

    def _shown(self, site: Expr) -> str:
        """A place of the network as it is written; what has no name of its own written out."""

        def written(e: Expr) -> Expr | None:
            if isinstance(e, Ref) and e.name.endswith(ARGUMENT):
                return self.network.definition(e)
            return None

        return repr(mapped(site, written))

    def ranges(self, *expressions: Expr) -> dict[str, Size]:
        """Over what the free letters of some expressions run, where their use tells."""
        found: dict[str, set[Size]] = {}
        for e in expressions:
            self._find_ranges(e, found)
        return {letter: min(sizes, key=str) for letter, sizes in found.items()}

    def _lengths(
        self, left: Expr, right: Expr, given: Mapping[str, Size]
    ) -> dict[str, Size] | Verdict:
        """The length over which each free letter runs; refuted where two places disagree."""
        found: dict[str, set[Size]] = {}
        for e in (left, right):
            self._find_ranges(e, found)
        lengths = dict(given)
        for letter in sorted((left.free | right.free) - given.keys()):
            sizes = sorted(found.get(letter, ()), key=str)
            if not sizes:
                raise NetworkError(
                    f"nothing tells over what the index {letter} runs in {left!r} = {right!r}"
                )
            if len({self.points()[0].length(s) for s in sizes}) > 1:
                places = " and ".join(str(s) for s in sizes)
                return Verdict("refuted", 0, 0, 0, f"the index {letter} runs over {places}")
            lengths[letter] = sizes[0]
        return lengths

    def _find_ranges(self, e: Expr, lengths: dict[str, set[Size]]) -> None:
        """Over what the free letters of an expression run, by the axes where they stand."""
        linked: list[tuple[str, str]] = []
        stack: list[tuple[Expr, frozenset[str]]] = [(e, frozenset())]
        while stack:
            node, bound = stack.pop()
            if node.free <= bound:
                continue  # nothing in it is looked for
            if isinstance(node, Reduce):
                bound = bound | {node.index}
            elif isinstance(node, Ref):
                for index, size in zip(node.indices, self._shape(node.name), strict=False):
                    if isinstance(index, str) and index not in bound:
                        lengths.setdefault(index, set()).add(size)
            elif isinstance(node, Delta) and isinstance(node.left, str):
                if isinstance(node.right, Reduce) and node.left not in bound:
                    lengths.setdefault(node.left, set()).add(node.right.size)
                elif isinstance(node.right, str) and not {node.left, node.right} & bound:
                    linked.append((node.left, node.right))
            stack.extend((child, bound) for child in node.children)
        for one, other in linked + linked[::-1]:  # [i = j]: one tells the other
            if one in lengths and other not in lengths:
                lengths[other] = set(lengths[one])
            elif other in lengths and one not in lengths:
                lengths[one] = set(lengths[other])

    def _shape(self, name: str) -> tuple[Size, ...]:
        if name in self.lets and name not in self.network.quantities:
            if name not in self._let_shapes:
                equation = self.lets[name]
                inner: dict[str, set[Size]] = {}
                self._find_ranges(equation.right, inner)
                shape = tuple(min(inner.get(i, {1}), key=str) for i in equation.indices)
                self._let_shapes[name] = shape
            return self._let_shapes[name]
        quantity = self.network.quantities.get(name.removeprefix(ADJOINT))
        return quantity.shape if quantity else ()


def _roots(e: Expr) -> Iterator[Expr]:
    """|x| for each √(x^2): the two are the same, and neither is x."""
    for node in walk(e):
        if isinstance(node, Apply) and node.function == "sqrt":
            inner = node.argument
            if isinstance(inner, Power) and inner.exponent is TWO:
                yield Apply("abs", inner.base)


def _as_equation(name: str, let: Expr | Equation) -> Equation:
    return let if isinstance(let, Equation) else Equation(Ref(name), let)


def _undecided(says: str) -> Verdict:
    return Verdict("undecided", 0, 0, 0, says)


def _close(a: arb, b: arb) -> bool:
    """Whether balls that meet differ by less than 10^-60 of themselves."""
    allowed = arb(10) ** -DIGITS
    scale = b.abs_lower() if b.abs_lower() > a.abs_lower() else a.abs_lower()
    if (a - b).abs_upper() <= scale * allowed:
        return True
    if ctx.prec < CERTAIN_OF_ZERO:
        return False
    # terms that cancel: both balls hold 0 and have shrunk with the precision
    return bool(
        a.contains(0) and b.contains(0) and a.abs_upper() < allowed and b.abs_upper() < allowed
    )


def _decimal(x: arb) -> str:
    return str(x.str(20, radius=False))


def _example(point: Point, setting: Setting, left: str, right: str) -> Counterexample:
    sizes = {name: point.sizes[name] for name in unnumbered_sizes(point.network)}
    return Counterexample(dict(setting), sizes, point.values, left, right)


def _largest_literal(expressions: Iterable[Expr]) -> int:
    largest = 2
    for e in expressions:
        for node in walk(e):
            indices: tuple[object, ...] = ()
            if isinstance(node, Ref):
                indices = node.indices
            elif isinstance(node, Delta):
                indices = (node.left, node.right)
            largest = max(largest, *(i for i in indices if isinstance(i, int)), 2)
    return largest


def _settings(
    point: Point, letters: list[str], lengths: Mapping[str, Size], most: int
) -> tuple[list[Setting], int]:
    """The settings of the free letters to try, corners among them, and how many there are."""
    sizes = [point.length(lengths[letter]) for letter in letters]
    every = 1
    for size in sizes:
        every *= size
    if every <= most:
        chosen: Iterable[tuple[int, ...]] = product(*(range(1, n + 1) for n in sizes))
    else:
        random = Random(f"{point.seed}/{sizes}")
        corners = list(dict.fromkeys(product(*((1, n) for n in sizes))))[: max(1, most - 2)]
        drawn = dict.fromkeys(corners)
        while len(drawn) < most:
            drawn[tuple(random.randint(1, n) for n in sizes)] = None
        chosen = drawn
    return [dict(zip(letters, position, strict=True)) for position in chosen], every


def _listed(names: Iterable[str], most: int = 4) -> str:
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def agree(
    network: Network,
    left: Expr,
    right: Expr,
    *,
    lets: Lets | None = None,
    ranges: Mapping[str, Size] | None = None,
    symbols: Iterable[str] = (),
    trials: int = TRIALS,
    seed: int = 0,
) -> Verdict:
    """Whether two expressions about a network are equal; see `Oracle` and `Oracle.agree`."""
    oracle = Oracle(network, lets=lets, symbols=symbols, trials=trials, seed=seed)
    return oracle.agree(left, right, ranges=ranges)
