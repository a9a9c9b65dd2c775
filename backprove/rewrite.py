"""Rules, steps and derivations: the only place where a step is made.

A rule is a pure function from a part of an expression to what stands in its place; nothing
in a rule knows that it is recorded. A step stores the place and the change only, so that a
long derivation takes linear space; whole lines are made when they are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, TypeAlias, TypeVar

from .expr import Derivative, Expr, Path, Reduce, Ref, apart, part, replaced
from .network import Network

Sentence: TypeAlias = "tuple[str | Expr, ...]"
"""Words with expressions among them; a notation prints the expressions."""

Scope = TypeVar("Scope", contravariant=True)

Change: TypeAlias = "tuple[Expr, Sentence]"
"""What a rule answers: the new expression, and what was done to what."""


@dataclass(frozen=True)
class Rule(Generic[Scope]):
    """One law of calculus or algebra.

    name: the field's term. law: the equations it stands for, in generic letters.
    when: the condition in words, "" where there is none.
    apply: gives the change at a part of an expression, or None where the rule does not fit.
    """

    name: str
    law: tuple[tuple[Expr, Expr], ...]
    apply: Callable[[Expr, Scope], Change | None] = field(compare=False, repr=False)
    when: str = ""


@dataclass(frozen=True)
class Step:
    """One application of a rule at one place.

    path: where, counted from the whole expression. before, after: the parts there, equal in
    value. says: what was done. A `let` or `recall` changes nothing: before is after.
    """

    rule: str
    law: tuple[tuple[Expr, Expr], ...]
    when: str
    path: Path
    before: Expr
    after: Expr
    says: Sentence


@dataclass(frozen=True)
class Line:
    """One printed line: `= right`, with the steps that led to it from the line above."""

    right: Expr
    steps: tuple[Step, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Block:
    """A chain of equal expressions, left = line = line = …, with a title and remarks.

    left: what every line equals, or None for a block of words only.
    breaks: the numbers of steps after which a line is printed; the last step always is.
    labels: names of printed lines, by the number of the line ("eq. (2.1)").
    lets: names that were introduced ("let z = …") and what each stands for.
    """

    title: Sentence = ()
    left: Expr | None = None
    start: Expr | None = None
    steps: tuple[Step, ...] = ()
    breaks: tuple[int, ...] = ()
    labels: tuple[tuple[int, str], ...] = ()
    before: tuple[Sentence, ...] = ()
    after: tuple[Sentence, ...] = ()
    lets: tuple[tuple[str, Expr], ...] = ()

    @property
    def end(self) -> Expr | None:
        """The last line's right side."""
        whole = self.start
        for step in self.steps:
            assert whole is not None
            whole = replaced(whole, step.path, step.after)
        return whole

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines())

    def _lines(self) -> Iterator[Line]:
        if self.start is None:
            return
        names = dict(self.labels)
        whole, number = self.start, 0
        yield Line(whole, (), names.get(0, ""))
        waiting: list[Step] = []
        for position, step in enumerate(self.steps, 1):
            whole = replaced(whole, step.path, step.after)
            waiting.append(step)
            if position in self.breaks or position == len(self.steps):
                number += 1
                yield Line(whole, tuple(waiting), names.get(number, ""))
                waiting = []


@dataclass(frozen=True)
class Derivation:
    """A gradient with its reasons.

    quantity: the component asked for, `w2[1,2]` or `w2[i,j]`. style: equation, chain or
    dynamic. zoom: scalar, index or matrix. blocks: what is read, top to bottom. answer: the
    last line, in forward quantities and adjoints; None where a constant has no gradient.
    notes: what a reader should know besides (a convention at a kink, an added mark, a
    fallback that was taken).
    """

    network: Network
    quantity: Ref
    style: str
    zoom: str
    blocks: tuple[Block, ...]
    answer: Expr | None
    notes: tuple[Sentence, ...] = ()


class Recorder(Generic[Scope]):
    """Applies rules to one expression and keeps the steps."""

    def __init__(self, start: Expr, scope: Scope, outside: frozenset[str] = frozenset()) -> None:
        self.start = self.now = apart(start, start.free | outside)
        self.scope = scope
        self.outside = outside  # letters of sums around what is recorded
        self.steps: list[Step] = []
        self.breaks: list[int] = []
        self._tried: dict[tuple[Rule[Scope], ...], set[Expr]] = {}  # fit none of these rules

    def make(self, rule: Rule[Scope], path: Path, change: Change) -> None:
        """Record that `rule` changed the part at `path`."""
        new, says = change
        new = apart(new, self._letters_around(path))
        before = part(self.now, path)
        self.steps.append(Step(rule.name, rule.law, rule.when, path, before, new, says))
        self.now = replaced(self.now, path, new)

    def _letters_around(self, path: Path) -> frozenset[str]:
        """The letters asked for and those of the sums around a place: no inner sum reuses them."""
        around = set(self.start.free | self.outside)
        here = self.now
        for number in path:
            if isinstance(here, Reduce):
                around.add(here.index)
            here = here.children[number]
        return frozenset(around)

    def state(self, name: str, new: Expr, says: Sentence, path: Path = ()) -> None:
        """Record what is no rule's: a `let`, a `recall`, a value found elsewhere, a `name`."""
        if new is not part(self.now, path):
            self.make(Rule(name, (), lambda e, scope: None), path, (new, says))
            self.line()

    def attempt(self, rule: Rule[Scope], path: Path = ()) -> bool:
        """Apply the rule at this place if it fits."""
        change = rule.apply(part(self.now, path), self.scope)
        if change is None or change[0] is part(self.now, path):
            return False
        self.make(rule, path, change)
        return True

    def line(self) -> None:
        """What has been done so far stands on a line of its own."""
        if self.steps and (not self.breaks or self.breaks[-1] != len(self.steps)):
            self.breaks.append(len(self.steps))

    def block(self, left: Expr | None, title: Sentence = ()) -> Block:
        """Everything recorded, as a block."""
        return Block(title, left, self.start, tuple(self.steps), tuple(self.breaks))

    def sweep(self, rules: tuple[Rule[Scope], ...], quiet: set[Expr]) -> bool:
        """Apply the rules wherever they fit, innermost first, until none fits any more.

        quiet: parts already known to fit none of these rules; it is filled.
        """
        before = len(self.steps)
        while found := first_fit(self.now, rules, self.scope, quiet):
            self.make(*found)
        return len(self.steps) > before

    def inside(self, path: Path, rules: tuple[Rule[Scope], ...], quiet: set[Expr]) -> bool:
        """Sweep the rules over the part at `path` alone."""
        inner = Recorder(part(self.now, path), self.scope, self._letters_around(path))
        inner.sweep(rules, quiet)
        self._adopt(inner, path)
        return bool(inner.steps)

    def speculate(
        self, path: Path, groups: tuple[tuple[Rule[Scope], ...], ...], cost: Callable[[Expr], int]
    ) -> bool:
        """Sweep one group of rules after the other over a part; keep it only if it costs less."""
        before = part(self.now, path)
        trial = Recorder(before, self.scope, self._letters_around(path))
        for rules in groups:
            trial.sweep(rules, self._tried.setdefault(rules, set()))
            trial.line()
            if cost(trial.now) < cost(before):
                self._adopt(trial, path)
                return True
        return False

    def _adopt(self, trial: Recorder[Scope], path: Path) -> None:
        offset = len(self.steps)
        self.steps.extend(replace(step, path=(*path, *step.path)) for step in trial.steps)
        self.breaks.extend(offset + position for position in trial.breaks)
        self.now = replaced(self.now, path, trial.now)

    def once(self, rules: tuple[Rule[Scope], ...]) -> bool:
        """Apply the rules once at every outermost place where one fits."""
        places = list(outermost_fits(self.now, rules, self.scope))
        for rule, path, change in places:
            self.make(rule, path, change)
        return bool(places)


def _parts(e: Expr) -> Iterable[tuple[int, Expr]]:
    if not isinstance(e, Derivative):
        return enumerate(e.children)
    # what a derivative is taken with respect to is a place, not a value: it is left alone;
    # where it is an expression, the body is too, so that its occurrences there stay alike
    return enumerate(e.children[:1] if isinstance(e.wrt, Ref) else ())


def _keeps_meaning(e: Expr, number: int, new: Expr) -> bool:
    """Whether a part of `e` may be replaced by `new`.

    Not where the body of a local derivative would become a bare quantity: ∂(h + 0 w)/∂w holds
    h, while a bare ∂h/∂w means the equation of h.
    """
    if not isinstance(e, Derivative) or e.total or number != 0 or new is e.body:
        return True
    return not (isinstance(new, Ref) and isinstance(e.wrt, Ref) and new.name != e.wrt.name)


def first_fit(
    e: Expr, rules: tuple[Rule[Scope], ...], scope: Scope, quiet: set[Expr]
) -> tuple[Rule[Scope], Path, Change] | None:
    """The innermost, leftmost place where a rule fits, with the change it makes there."""
    if e in quiet:
        return None
    for number, child in _parts(e):
        found = first_fit(child, rules, scope, quiet)
        if found:
            rule, path, change = found
            if path or _keeps_meaning(e, number, change[0]):
                return rule, (number, *path), change
    for rule in rules:
        made = rule.apply(e, scope)
        if made is not None and made[0] is not e:
            return rule, (), made
    quiet.add(e)
    return None


def outermost_fits(
    e: Expr, rules: tuple[Rule[Scope], ...], scope: Scope, path: Path = ()
) -> Iterator[tuple[Rule[Scope], Path, Change]]:
    """Every outermost place where a rule fits; the places do not overlap."""
    for rule in rules:
        made = rule.apply(e, scope)
        if made is not None and made[0] is not e:
            yield rule, path, made
            return
    for number, child in _parts(e):
        for rule, place, change in outermost_fits(child, rules, scope, (*path, number)):
            if len(place) > len(path) + 1 or _keeps_meaning(e, number, change[0]):
                yield rule, place, change


def places(e: Expr, wanted: Callable[[Expr], bool], path: Path = ()) -> Iterator[Path]:
    """The outermost places whose part is wanted."""
    if wanted(e):
        yield path
        return
    for number, child in _parts(e):
        yield from places(child, wanted, (*path, number))


def rewritten(e: Expr, rules: tuple[Rule[Scope], ...], scope: Scope, quiet: set[Expr]) -> Expr:
    """`e` after the same rules as in `Recorder.sweep`, without steps or renamed letters."""
    while True:
        if e in quiet:
            return e
        inner = {n: rewritten(c, rules, scope, quiet) for n, c in _parts(e)}
        done = tuple(
            inner[n] if n in inner and _keeps_meaning(e, n, inner[n]) else c
            for n, c in enumerate(e.children)
        )
        if done != e.children:
            e = e.rebuilt(done)
        for rule in rules:
            made = rule.apply(e, scope)
            if made is not None and made[0] is not e:
                e = made[0]
                break
        else:
            quiet.add(e)
            return e
