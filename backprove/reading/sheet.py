"""The door: a text of one or many lines, in any notation, to what its lines say."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from weakref import WeakKeyDictionary

from ..errors import SourceError
from ..expr import Expr, Number, Ref, Size, fresh_index
from ..language.formula import FormulaLine, Node, Symbol, parse_formula, parse_formulas
from ..language.tree import Mistake, Source, Span
from ..network import CHANGE, RATE, TRAINED, Equation, Network
from ..notation import BoundNotation, Notation, bind, load
from ..verify import Oracle
from .formula import Reader, opened
from .meaning import Meaning, Orientation, ShapeMistake, Sheet, SheetLine, Term
from .state import Knowledge
from .symbols import Lexicon
from .tensors import Value

_Role: TypeAlias = Literal["claim", "definition", "redefinition", "update"]

FILE = "<derivation>"
"""What errors call the text."""


def read_sheet(
    text: str,
    network: Network,
    notation: str | Notation | BoundNotation = "as-written",
    asked: Ref | None = None,
    *,
    total: bool = False,
    open_symbols: bool = False,
    file: str = FILE,
) -> Sheet:
    """What the lines of a derivation say.

    asked: the quantity in question, whose letters an answer without a left side takes for its
    axes. total: whether derivatives of anything but the loss follow other quantities.
    open_symbols: whether unknown symbols stand for any number. file: what errors call it.

    Raises SourceError, with the place and what was expected, for what cannot be read, and
    ShapeMistake where shapes do not fit.
    """
    knowledge = _knowledge(text, network, notation, total=total, open_symbols=open_symbols)
    try:
        formulas = parse_formulas(text)
        knowledge.text = formulas.text
        return _SheetReader(knowledge, asked).read(formulas.lines)
    except Mistake as mistake:
        raise _placed(knowledge.text, file, mistake) from None
    except RecursionError:
        raise _placed(knowledge.text, file, _TOO_DEEP) from None


def read_term(
    text: str,
    network: Network,
    notation: str | Notation | BoundNotation = "as-written",
    *,
    total: bool = False,
    file: str = "<formula>",
) -> Term:
    """One expression as a term. Raises SourceError and ShapeMistake."""
    knowledge = _knowledge(text, network, notation, total=total)
    try:
        node = parse_formula(text)
        reader = Reader(knowledge)
        value = reader.value(node)
        reader.letters.settle()
        return reader.term(value, reader.names(value))
    except Mistake as mistake:
        raise _placed(text, file, mistake) from None
    except RecursionError:
        raise _placed(text, file, _TOO_DEEP) from None


_TOO_DEEP = Mistake("this is nested too deep", (0, 1), "divide it into several lines")


def _placed(text: str, file: str, mistake: Mistake) -> SourceError:
    return Source(text, file).error(mistake)


def _knowledge(
    text: str,
    network: Network,
    notation: str | Notation | BoundNotation,
    *,
    total: bool = False,
    open_symbols: bool = False,
) -> Knowledge:
    if isinstance(notation, str):
        notation = load(notation)
    bound = notation if isinstance(notation, BoundNotation) else bind(notation, network)
    lexicon = _LEXICONS.get(bound)
    if lexicon is None:
        lexicon = _LEXICONS[bound] = Lexicon(network, bound)
    own = copy(lexicon)  # what the text defines is for this text only
    return Knowledge(network, bound, own, text, total=total, open_symbols=open_symbols)


_LEXICONS: WeakKeyDictionary[BoundNotation, Lexicon] = WeakKeyDictionary()


@dataclass
class _Chain:
    """What the lines of one chain of = share.

    head: what all are equal to. ranges: over what its letters run. opened: symbols that stand
    for any number in it.
    """

    head: Term
    ranges: Mapping[str, Size]
    opened: frozenset[str] = frozenset()


@dataclass
class _Read:
    """A line as one attempt read it."""

    reader: Reader
    left: Term | None
    right: Term
    misfit: str = ""


@dataclass
class _SheetReader:
    """Reads line after line; what they define is known from there on."""

    known: Knowledge
    asked: Ref | None
    lines: list[SheetLine] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ranges: dict[str, Size] = field(default_factory=dict)
    chain: _Chain | None = None

    def read(self, lines: tuple[FormulaLine, ...]) -> Sheet:
        for line in lines:
            if line.right is not None and not line.prose:
                self.lines.append(self._line(line, line.right))
        if not self.lines:
            end = max(1, len(self.known.text))
            raise Mistake("there is no formula to read", (0, end), "write an equation")
        return Sheet(
            tuple(self.lines),
            self.known.lets,
            frozenset(self.known.symbols),
            tuple(self.said),
            self.ranges,
        )

    # -- one line --------------------------------------------------------------------------

    def _line(self, line: FormulaLine, right: Node) -> SheetLine:
        if line.left is not None:
            self.chain = None
            role = self._role(line, line.left, right)
            if role != "claim" and isinstance(line.left, Symbol):
                return self._defining(line, line.left, right, role)
        read = self._read(line.left, right)
        self._keep(read)
        if self.chain is None:
            head = read.left or read.right
            self.chain = _Chain(head, read.reader.letters.ranges(), read.reader.opened)
        return self._made(line, read)

    def _made(self, line: FormulaLine, read: _Read, defines: str = "") -> SheetLine:
        start, end = line.span
        text = self.known.text[start:end].strip()
        derivative = read.reader.derivative
        return SheetLine(
            line.number, line.span, text, read.left, read.right, defines, derivative, read.misfit
        )

    def _keep(self, read: _Read) -> None:
        """Note what the accepted reading of a line said and used."""
        for text in read.reader.said:
            if text not in self.said:
                self.said.append(text)
        self.known.symbols |= read.reader.symbols
        for name in sorted(read.reader.changes):
            self.known.lets.setdefault(CHANGE + name, self.known.update(name))
        self.ranges |= read.reader.letters.ranges()

    # -- reading ---------------------------------------------------------------------------

    def _read(self, left: Node | None, right: Node) -> _Read:
        """Both sides as matrices; where shapes forbid that, component by component."""
        try:
            read = self._attempt(left, right, componentwise=False)
            if not read.misfit:
                return read
            refusal: ShapeMistake | None = None
        except ShapeMistake as mistake:
            if mistake.kind != "shape":
                raise
            refusal = mistake
        try:
            other = self._attempt(left, right, componentwise=True)
        except (ShapeMistake, Mistake):
            other = None
        if other is not None and not other.misfit:
            other.reader.say(
                f"{self._quoted(right)} is taken component by component: as matrices its"
                " shapes would not fit"
            )
            return other
        if refusal is not None:
            raise refusal
        return read

    def _attempt(self, left: Node | None, right: Node, *, componentwise: bool) -> _Read:
        chain = self.chain
        free = chain.ranges if chain is not None else None
        reader = Reader(self.known, free, componentwise=componentwise)
        reader.opened = chain.opened if chain is not None else opened(self.known.lexicon, left)
        head = reader.value(left) if left is not None else None
        value = reader.value(right)
        expected, names = self._expected(reader, head, value)
        misfit = ""
        if expected is not None:
            value, misfit = reader.tensors.fitted(expected, value)
        reader.letters.settle()
        if head is not None and not names:
            names = reader.names(head)
        given = reader.term(head, names) if head is not None else None
        own = names if not misfit and expected is not None else reader.names(value)
        return _Read(reader, given, reader.term(value, own), misfit)

    def _expected(
        self, reader: Reader, head: Value | None, value: Value
    ) -> tuple[Value | None, dict[str, str]]:
        """What the right side must be shaped like, and the letters of its axes."""
        if head is not None:
            return head, {}
        if self.chain is not None:
            term = self.chain.head
            return self._like(reader, term.axes, term.orientation, term.span)
        if self.asked is None or not value.rank:
            return None, {}
        shape = self.known.shape(self.asked.name)
        letters: list[str] = []
        for index in self.asked.indices:
            taken = {*letters, *map(str, self.asked.indices), *reader.letters.known}
            letters.append(index if isinstance(index, str) else fresh_index(taken))
        axes = tuple(zip(letters, shape, strict=False))
        return self._like(reader, axes, "none", value.span)

    @staticmethod
    def _like(
        reader: Reader, axes: tuple[tuple[str, Size], ...], turn: Orientation, span: Span
    ) -> tuple[Value, dict[str, str]]:
        """A value of a shape that is known."""
        names = {reader.letters.hidden(size, f"the axis {k}"): k for k, size in axes}
        orientation: Orientation = "matrix" if len(axes) == 2 else turn
        return Value(Number(0), span, tuple(names), orientation), names

    def _quoted(self, node: Node) -> str:
        start, end = node.span
        text = " ".join(self.known.text[start:end].split())
        return text if len(text) <= 60 else f"{text[:60]}…"

    # -- definitions -----------------------------------------------------------------------

    def _role(self, line: FormulaLine, left: Node, right: Node) -> _Role:
        """Whether a line claims something, or gives a name to what its right side says."""
        if not isinstance(left, Symbol):
            return "claim"
        found = self.known.lexicon.meanings(left, called=False, letters=tuple(self.ranges))
        meaning = found[0] if found and found[0].kind == "quantity" else None
        guessed = meaning is not None and meaning.name == RATE and bool(meaning.says)
        if meaning is None or meaning.where or guessed or meaning.name in self.known.lets:
            return "claim" if self.known.open_symbols and not line.let else "definition"
        if self._is_update(meaning, right):
            return "update"
        return "redefinition" if line.let and not self._holds(left, right) else "claim"

    def _is_update(self, meaning: Meaning, right: Node) -> bool:
        """Whether w = w + Δw gives a weight its next value."""
        quantity = self.known.network.quantities.get(meaning.name)
        if quantity is None or quantity.kind not in TRAINED or meaning.power:
            return False
        reader = Reader(self.known)
        try:
            value = reader.value(right)
        except (Mistake, ShapeMistake):
            return False
        rated = bool(reader.changes or RATE in reader.symbols)
        return rated and meaning.name in value.expr.names

    def _holds(self, left: Node, right: Node) -> bool:
        """Whether a line that begins with "let" says what the network says anyway."""
        try:
            read = self._attempt(left, right, componentwise=False)
        except (Mistake, ShapeMistake):
            return False
        if read.misfit or read.left is None:
            return False
        oracle = Oracle(
            self.known.network, lets=self.known.lets, symbols=self.known.symbols, trials=1
        )
        ranges = read.reader.letters.ranges()
        return oracle.agree(read.left.expr, read.right.expr, ranges=ranges).confirmed

    def _defining(self, line: FormulaLine, left: Symbol, right: Node, role: _Role) -> SheetLine:
        """A line that gives a name to something."""
        self.chain = None
        read = self._read(None, right)
        self._keep(read)
        term, known = read.right, self.known
        letters = _letters_of(left, term.expr)
        name = self._free_name(left, letters)
        indices = (*letters, *(axis for axis, _ in term.axes))
        ranges = {**read.reader.letters.ranges(), **dict(term.axes)}
        known.lets[name] = Equation(Ref(name, indices), term.expr)
        known.shapes[name] = tuple(ranges.get(index, 1) for index in indices)
        known.turns[name] = term.orientation
        if role == "update":
            self._say(f"{self._quoted(left)} on the left is its value after the update")
        else:
            known.lexicon.define(left, name, letters=letters, shape=known.shapes[name])
        if role == "redefinition":
            self._say(f"from here {self._quoted(left)} is what the line defines")
        given = Term(Ref(name, indices), term.axes, term.orientation, left.span)
        self.chain = _Chain(given, ranges)
        return self._made(line, _Read(read.reader, given, term), name)

    def _free_name(self, left: Symbol, letters: tuple[str, ...]) -> str:
        """The symbol's spelling without index letters, told apart from what has that name."""
        below = left.sub
        for letter in reversed(letters):
            below = below.removesuffix(letter).removesuffix(",")
        sup = f"^{left.sup.text}" if left.sup else ""
        name = left.letter + (f"_{below}" if below else "") + sup + "'" * left.primes
        taken = (*self.known.network.quantities, *self.known.network.sizes, *self.known.lets)
        while name in taken:
            name += "*"
        return name

    def _say(self, text: str) -> None:
        if text not in self.said:
            self.said.append(text)


def _letters_of(left: Symbol, right: Expr) -> tuple[str, ...]:
    """The index letters of a left side such as δ_j: those that occur on the right."""
    if left.brackets is not None:
        return tuple(part for part in left.brackets if part in right.free)
    parts = left.sub.split(",") if "," in left.sub else list(left.sub)
    found: list[str] = []
    for part in reversed(parts):
        if part not in right.free or part in found:
            break
        found.insert(0, part)
    return tuple(found)
