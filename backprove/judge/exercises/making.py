"""Exercises: a derivation with one planted mistake, or one blank line, and its key.

The mistake is one of the table of mutations, made in one line of a correct derivation; the
lines after it go on from there by the same moves, so that they only carry it on. It counts
as planted when the oracle has refuted the line and the diagnosis names its kind, first where
that can be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from random import Random

from ...derivation import derive
from ...derivation.stages import asked
from ...errors import DerivationError, NetworkError
from ...expr import ONE, ZERO, Add, Derivative, Expr, Mul, Number, Ref, replaced
from ...network import RATE, Network
from ...notation import AnyNotation, BoundNotation, bind
from ...render.occurring import fitted
from ...render.pieces import text_of
from ...rewrite import Block, Derivation, Sentence, Step
from ...verify import Oracle
from ..diagnosis.matching import diagnose
from ..diagnosis.mistakes import MUTATIONS, Change
from ..diagnosis.places import Place, Setting, places
from ..diagnosis.truth import Form, Truth
from ..kinds import KINDS
from .courses import Course, CourseLine, courses, tidied

STYLES = ("chain", "dynamic", "equation")
ZOOMS = ("scalar", "index")

PLANTED = tuple(kind for kind in KINDS if any(row.kind == kind for row in MUTATIONS))
"""The kinds of mistakes that can be planted."""

TRIES = 8
"""Candidates of one kind that are tried before the kind counts as one that does not fit."""

SECONDS = 0.4
"""About how long a diagnosis of one candidate may take."""

SEEDS = 8
"""So many seeds are tried for each exercise that is to differ from the others."""

MOST_ALIKE = 8
"""So many ways of making one mistake at one place are candidates, the more plausible ones."""

MOST_CANDIDATES = 4000
"""Candidates that are looked at in all."""


@dataclass(frozen=True)
class Chain:
    """left = line = line = …, as it is printed on a sheet."""

    left: Expr
    lines: tuple[Expr, ...]


@dataclass(frozen=True)
class Exercise:
    """A derivation with one line that is wrong, or blank.

    chains: the lines that are shown; the last chain is about `quantity`. line: the number of
    the wrong or blank line, from 1 through all chains. correct: what belongs there. kind: of
    the mistake, "" for a blank. says: what the mistake is.
    """

    network: Network
    notation: BoundNotation
    quantity: Ref
    style: str
    zoom: str
    chains: tuple[Chain, ...]
    line: int
    correct: Expr
    kind: str = ""
    says: Sentence = ()
    seed: int = 0

    @property
    def blank(self) -> bool:
        return not self.kind

    @property
    def lines(self) -> tuple[Expr, ...]:
        """The right sides of all lines, in order."""
        return tuple(line for chain in self.chains for line in chain.lines)

    @property
    def left(self) -> Expr:
        """What the wrong or blank line is set equal to, by its own chain."""
        return self._own[0].left

    @property
    def carried(self) -> range:
        """The numbers of the lines that follow from the wrong one, in its own chain."""
        return range(self.line + 1, self._own[1] + 1)

    @property
    def _own(self) -> tuple[Chain, int]:
        """The chain of the wrong or blank line, and the number of the chain's last line."""
        number = 0
        for chain in self.chains:
            number += len(chain.lines)
            if self.line <= number:
                return chain, number
        raise AssertionError("the line is none of the lines")

    @cached_property
    def derivation(self) -> Derivation:
        """The lines as blocks, each line labelled with its number: for printing."""
        blocks, number = [], 0
        for chain in self.chains:
            labels = tuple((k, str(number + k + 1)) for k in range(len(chain.lines)))
            blocks.append(_block(chain, labels))
            number += len(chain.lines)
        return Derivation(
            self.network, self.quantity, self.style, self.zoom, tuple(blocks), self.correct
        )


def _block(chain: Chain, labels: tuple[tuple[int, str], ...]) -> Block:
    steps = tuple(
        Step("", (), "", (), before, after, ())
        for before, after in zip(chain.lines, chain.lines[1:], strict=False)
    )
    breaks = tuple(range(1, len(steps) + 1))
    return Block((), chain.left, chain.lines[0], steps, breaks, labels)


def exercise(
    network: Network,
    quantity: str | Ref,
    *,
    notation: AnyNotation = "as-written",
    style: str = "chain",
    zoom: str = "",
    kind: str = "",
    blank: bool = False,
    seed: int = 0,
) -> Exercise:
    """An exercise about ∂loss/∂quantity; the same seed gives the same one.

    style: chain, dynamic or equation. zoom: scalar or index, by default as the quantity is
    asked for. kind: a word of `KINDS`, by default any that fits. blank: a line to fill in, in
    place of a mistake.
    Raises DerivationError for unknown words, for a derivation that is too long for a sheet or
    has nothing to ask, and for a kind that does not fit, naming those that do.
    """
    return exercises(
        network, quantity, 1, notation=notation, style=style, zoom=zoom, kind=kind, blank=blank,
        seed=seed,
    )[0]  # fmt: skip


def exercises(
    network: Network,
    quantity: str | Ref,
    count: int,
    *,
    notation: AnyNotation = "as-written",
    style: str = "chain",
    zoom: str = "",
    kind: str = "",
    blank: bool = False,
    seed: int = 0,
) -> tuple[Exercise, ...]:
    """So many exercises, no two alike, with the seeds from `seed` on; see `exercise`.

    Raises DerivationError, also where there are not so many.
    """
    if blank and kind:
        raise DerivationError("a blank line holds no mistake", "leave out the kind, or the blank")
    maker = _Maker(network, quantity, notation, style, zoom)
    found: dict[tuple[int, Expr], Exercise] = {}
    for number in range(seed, seed + SEEDS * count):
        made = maker.blank(number) if blank else maker.planted(kind, number)
        found.setdefault((made.line, made.lines[made.line - 1]), made)
        if len(found) == count:
            return tuple(found.values())
    raise DerivationError(
        f"{count} different exercises were asked for, and {len(found)} were found",
        f"ask for {len(found)}, or for another style, zoom or quantity",
    )


def fitting_kinds(
    network: Network,
    quantity: str | Ref,
    *,
    notation: AnyNotation = "as-written",
    style: str = "chain",
    zoom: str = "",
) -> tuple[str, ...]:
    """The kinds of mistakes that can be planted in this derivation."""
    return _Maker(network, quantity, notation, style, zoom).fitting()


@dataclass(frozen=True)
class _Candidate:
    """A mistake that could be made in line `number` of a course. rank: the smaller the more
    plausible, among those of its kind."""

    course: int
    number: int
    right: Expr
    says: Sentence
    rank: int


class _Maker:
    def __init__(
        self, network: Network, quantity: str | Ref, notation: AnyNotation,
        style: str, zoom: str,
    ) -> None:  # fmt: skip
        bound = bind(notation, network)
        _known(style, STYLES, "style")
        _known(zoom, ("", *ZOOMS), "zoom")
        self.network, self.style = network, style
        self.quantity, self.zoom = _component(network, quantity, zoom)
        answer = derive(network, self.quantity, "dynamic", self.zoom).answer
        if answer is None or answer in (ZERO, ONE):
            raise DerivationError(
                f"∂{network.loss}/∂{self.quantity} is nothing to derive: {_why(answer)}",
                "take a quantity that the loss depends on",
            )
        self.courses = courses(network, self.quantity, style, self.zoom, bound.named_adjoints)
        self.notation = fitted(bound, self._whole(bound))
        self.rows = [self._distinct(course) for course in self.courses]
        self.texts = [[self.text(line.right) for line in row] for row in self.rows]
        self.oracle = Oracle(network, symbols=(RATE,))

    def _whole(self, bound: BoundNotation) -> Derivation:
        """All correct lines, for what the notation has to tell apart."""
        chains = (Chain(c.left, tuple(x.right for x in c.lines())) for c in self.courses)
        blocks = tuple(_block(chain, ()) for chain in chains)
        return Derivation(self.network, self.quantity, self.style, self.zoom, blocks, None)

    def _distinct(self, course: Course, start: Expr | None = None,
                  resume: int = 0) -> tuple[CourseLine, ...]:  # fmt: skip
        """The lines of a course from `start` on; one that prints like the one above is left
        out."""
        found: list[CourseLine] = []
        shown: list[str] = []
        for line in course.lines(start, resume):
            text = self.text(line.right)
            if not shown or shown[-1] != text:
                found.append(line)
                shown.append(text)
        return tuple(found)

    def text(self, e: Expr) -> str:
        return text_of(e, self.notation)

    # -- a blank ---------------------------------------------------------------------------

    def blank(self, seed: int) -> Exercise:
        """A line left out: not the first of the last chain, which says what is asked."""
        random = Random(f"blank/{seed}")
        chains = [Chain(c.left, tuple(x.right for x in r)) for c, r in self._pairs()]
        open_lines = [
            (c, k) for c, chain in enumerate(chains) for k in range(1, len(chain.lines))
        ] or [(len(chains) - 1, len(chains[-1].lines) - 1)]
        course, number = random.choice(open_lines)
        line = sum(len(chain.lines) for chain in chains[:course]) + number + 1
        return self._made(seed, tuple(chains), line, chains[course].lines[number])

    # -- a mistake -------------------------------------------------------------------------

    def planted(self, kind: str, seed: int) -> Exercise:
        if kind and kind not in PLANTED:
            raise DerivationError(
                f"there is no mistake {kind!r} to plant", f"the kinds are: {', '.join(PLANTED)}"
            )
        random = Random(f"{seed}/{kind}")
        wished = [kind] if kind else sorted(self.candidates)
        if not kind:
            random.shuffle(wished)
        second: Exercise | None = None
        for word in wished:
            made, place = self._of_kind(word, seed, random)
            if made is not None and (place == 0 or kind):
                return made
            second = second or made
        if second is not None:
            return second
        fits = [word for word in self.fitting() if word != kind]
        shown = f"∂{self.network.loss}/∂{self.quantity}"
        raise DerivationError(
            f"no mistake of the kind {kind} fits this derivation of {shown}"
            if kind
            else f"no mistake was found that fits the derivation of {shown}",
            f"the kinds that fit: {', '.join(fits)}" if fits else "take another quantity or style",
        )

    def fitting(self) -> tuple[str, ...]:
        found = {k for k in self.candidates if self._of_kind(k, 0, Random(k))[0] is not None}
        return tuple(kind for kind in PLANTED if kind in found)

    def _of_kind(self, kind: str, seed: int, random: Random) -> tuple[Exercise | None, int]:
        """An exercise with a mistake of this kind, and the kind's place in its diagnosis: the
        first where that can be had."""
        drawn = [(random.random() * (1 + c.rank), c) for c in self.candidates.get(kind, ())]
        drawn.sort(key=lambda row: row[0])
        second: tuple[Exercise | None, int] = (None, 0)
        for _, candidate in drawn[:TRIES]:
            made, place = self._with(candidate, kind, seed)
            if made is not None and place == 0:
                return made, 0
            if second[0] is None:
                second = made, place
        return second

    @cached_property
    def candidates(self) -> Mapping[str, tuple[_Candidate, ...]]:
        """By kind, the mistakes that could be made, each in the line where its place is new."""
        found: dict[str, list[_Candidate]] = {}
        for kind, candidate in islice(self._candidates(), MOST_CANDIDATES):
            found.setdefault(kind, []).append(candidate)
        return {kind: tuple(row) for kind, row in found.items()}

    def _candidates(self) -> Iterator[tuple[str, _Candidate]]:
        for number, (course, row) in enumerate(self._pairs()):
            truth = Truth(self.network, course.about)
            for k, line in enumerate(row):
                if k == 0 and len(row) > 1:
                    continue  # the chain itself, or what is to be differentiated
                old = _outside(row[k - 1].right) if k else frozenset()
                setting = Setting(truth, Form("chain", line.right, course.local))
                for place in places(setting):
                    if place.part in old or not _is_plausible(place):
                        continue
                    for kind, rank, change in _changes(place):
                        right = replaced(line.right, place.path, change.new)
                        yield kind, _Candidate(number, k, right, change.says, rank)

    def _with(self, candidate: _Candidate, kind: str, seed: int) -> tuple[Exercise | None, int]:
        """The exercise with this mistake, and the place of its kind in the diagnosis.

        None where it is no mistake, does not show, or is not diagnosed as what it is.
        """
        course, row = self.courses[candidate.course], self.rows[candidate.course]
        line = row[candidate.number]
        wrong = tidied(candidate.right, course.scope)
        texts = self.texts[candidate.course][max(0, candidate.number - 1) :]
        if self.text(wrong) in texts or not self._is_mistake(line.right, wrong):
            return None, 0
        found = diagnose(self.network, course.about, wrong, self.oracle, limit_s=SECONDS)
        singles = [e.kinds[0] for e in found.explanations if len(e.kinds) == 1]
        if kind not in singles:
            return None, 0
        try:
            rest = self._distinct(course, wrong, line.resume)
        except DerivationError:
            return None, 0
        lines = (*(x.right for x in row[: candidate.number]), *(x.right for x in rest))
        chains = [Chain(c.left, tuple(x.right for x in r)) for c, r in self._pairs()]
        before = sum(len(chain.lines) for chain in chains[: candidate.course])
        chains[candidate.course] = Chain(course.left, lines)
        number = before + candidate.number + 1
        made = self._made(seed, tuple(chains), number, line.right, kind, candidate.says)
        return made, singles.index(kind)

    def _is_mistake(self, right: Expr, wrong: Expr) -> bool:
        try:
            return self.oracle.agree(right, wrong).verdict == "refuted"
        except NetworkError:
            return False

    def _pairs(self) -> Iterator[tuple[Course, tuple[CourseLine, ...]]]:
        return zip(self.courses, self.rows, strict=True)

    def _made(
        self, seed: int, chains: tuple[Chain, ...], line: int, correct: Expr, kind: str = "",
        says: Sentence = (),
    ) -> Exercise:  # fmt: skip
        return Exercise(
            self.network, self.notation, self.quantity, self.style, self.zoom, chains, line,
            correct, kind, says, seed,
        )  # fmt: skip


def _known(word: str, choices: tuple[str, ...], what: str) -> None:
    if word not in choices:
        listed = ", ".join(c for c in choices if c)
        raise DerivationError(f"there is no {what} {word!r} for exercises", f"choose {listed}")


def _why(answer: Expr | None) -> str:
    if answer is None:
        return "it is a constant"
    return "the loss does not depend on it" if answer is ZERO else "it is 1"


def _component(network: Network, quantity: str | Ref, zoom: str) -> tuple[Ref, str]:
    """The component that is asked for and the zoom, one chosen by the other."""
    q = asked(network, quantity)
    literal = all(isinstance(i, int) for i in q.indices)
    zoom = zoom or ("scalar" if literal else "index")
    if zoom == "scalar" and not literal:
        q = Ref(q.name, tuple(1 if isinstance(i, str) else i for i in q.indices))
    elif zoom == "index" and literal and q.indices:
        q = asked(network, q.name)
    return q, zoom


def _changes(place: Place) -> Iterator[tuple[str, int, Change]]:
    """The mistakes that can be made at a place, each with its kind and its rank there."""
    rows: dict[str, int] = {}
    for mutation in MUTATIONS:
        row = rows[mutation.kind] = rows.get(mutation.kind, -1) + 1
        for number, change in enumerate(islice(mutation.apply(place), MOST_ALIKE)):
            lost = change.new is ONE and _is_all(place)
            if change.planted and not lost:
                yield mutation.kind, row + number, change


def _is_all(place: Place) -> bool:
    """Whether a factor is all that its product holds besides numbers: a in y - a."""
    parent = place.parent
    rest = parent.factors if isinstance(parent, Mul) else ()
    return all(isinstance(f, Number) for f in rest if f is not place.part)


def _is_plausible(place: Place) -> bool:
    """Whether somebody could slip there: not inside a derivative that still stands, nor in the
    1 of a (1 - a)."""
    if isinstance(place.part, Number) and isinstance(place.parent, Add):
        return False
    return not any(isinstance(e, Derivative) for e in (*place.parents, place.part))


def _outside(e: Expr) -> frozenset[Expr]:
    """The parts of an expression that stand in no derivative."""
    found: set[Expr] = set()
    stack = [e]
    while stack:
        node = stack.pop()
        if not isinstance(node, Derivative):
            found.add(node)
            stack.extend(node.children)
    return frozenset(found)
