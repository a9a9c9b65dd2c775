"""The door: a text of one or many lines, in any notation, to what its lines say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias
from weakref import WeakKeyDictionary

from ..errors import SourceError
from ..expr import Expr, Ref, Size
from ..language.formula import (
    FormulaLine,
    Formulas,
    Node,
    Product,
    Relation,
    Symbol,
    is_latex,
    parse_formula,
    parse_formulas,
)
from ..language.tree import Mistake, Source
from ..network import ADJOINT, CHANGE, RATE, TRAINED, Equation, Network
from ..notation import AnyNotation, BoundNotation, bind
from ..roles import samples_of
from ..verify import Oracle
from .attempts import Attempts, Head, Read
from .bare import function_of
from .chains import Chain, chains, first_use, sides_of
from .conditions import held
from .formula import Reader
from .layers import ways
from .meaning import Meaning, ShapeMistake, Sheet, SheetLine, Term
from .per_sample import as_claimed, fits_better, may_be
from .refused import refuse_unread
from .state import Knowledge, Total, is_updated
from .symbols import Lexicon, Unlayered

_Role: TypeAlias = Literal["claim", "definition", "redefinition", "update"]

LONGEST_AGAIN = 5_000
"""Characters of a plain text that is read again as LaTeX."""

_RUN = re.compile(r"[A-Za-z]{2}|[A-Za-z0-9]_[A-Za-z0-9][A-Za-z]")

FILE = "<derivation>"
"""What errors call the text."""


def read_sheet(
    text: str,
    network: Network,
    notation: AnyNotation = "as-written",
    asked: Ref | None = None,
    *,
    total: Total = False,
    open_symbols: bool = False,
    file: str = FILE,
) -> Sheet:
    """What the lines of a derivation say.

    asked: the quantity in question, whose letters an answer without a left side takes for its
    axes. total: whether derivatives of anything but the loss follow other quantities, or which of
    them do, as `Sheet.derivatives` lists them.
    open_symbols: whether unknown symbols stand for any number. file: what errors call it.

    Raises SourceError, with the place and what was expected, for what cannot be read, and
    ShapeMistake where shapes do not fit.
    """

    def again() -> Knowledge:
        return _knowledge(text, network, notation, total=total, open_symbols=open_symbols)

    knowledge = again()
    try:
        formulas = parse_formulas(text, words=knowledge.lexicon.words)
        knowledge.text = formulas.text
        refuse_unread(formulas, network)
        sheet = _SheetReader(knowledge, asked).read(formulas.lines)
        if may_be(knowledge.text, samples_of(network)):
            sheet = _by_sample(sheet, formulas, again(), asked)
        sheet = replace(sheet, readings=(*formulas.notes, *sheet.readings))
        unknown = any(_is_product_of_letters(name) for name in sheet.symbols)
        return (unknown and _letter_by_letter(text, again(), asked)) or sheet
    except Mistake as mistake:
        other = None if is_latex(text) else _letter_by_letter(text, again(), asked)
        if other is not None:
            return other
        raise _placed(knowledge.text, file, mistake) from None
    except RecursionError:
        raise _placed(knowledge.text, file, _TOO_DEEP) from None


def _by_sample(mean: Sheet, formulas: Formulas, known: Knowledge, asked: Ref | None) -> Sheet:
    """The sheet with names such as dZ taken for each sample by itself, where that fits better."""
    known.text, known.lexicon.per_sample = formulas.text, True
    try:
        sample = _SheetReader(known, asked).read(formulas.lines)
    except (Mistake, ShapeMistake):
        return mean
    return sample if fits_better(known.network, mean, sample) else mean


def _is_product_of_letters(name: str) -> bool:
    """Whether a name could be several letters side by side, px."""
    return len(name) > 1 and name.isalpha() and name.isascii()


def _letter_by_letter(text: str, known: Knowledge, asked: Ref | None) -> Sheet | None:
    """A plain text read as LaTeX is, px as p times x; None where that knows less."""
    if len(text) > LONGEST_AGAIN or not _RUN.search(text):
        return None
    try:
        lines = parse_formulas(text, latex=True, words=known.lexicon.words).lines
        sheet = _SheetReader(known, asked).read(lines)
    except (Mistake, ShapeMistake, RecursionError):
        return None
    if sheet.symbols - {RATE} or sheet.readings:  # only what is plain
        return None
    says = "letters side by side are read as products, each letter a name of its own"
    return replace(sheet, readings=(*sheet.readings, says))


def read_term(
    text: str,
    network: Network,
    notation: AnyNotation = "as-written",
    *,
    total: Total = False,
    file: str = "<formula>",
) -> Term:
    """One expression as a term. Raises SourceError and ShapeMistake."""
    knowledge = _knowledge(text, network, notation, total=total)
    try:
        node = parse_formula(text, knowledge.lexicon.words)
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


def parsed(text: str, network: Network, bound: BoundNotation) -> Formulas:
    """The lines of a derivation as they are written. Raises Mistake."""
    return parse_formulas(text, words=_lexicon(network, bound).words)


def _knowledge(
    text: str,
    network: Network,
    notation: AnyNotation,
    *,
    total: Total = False,
    open_symbols: bool = False,
) -> Knowledge:
    bound = bind(notation, network)
    own = copy(_lexicon(network, bound))  # what the text defines is for this text only
    return Knowledge(network, bound, own, text, total=total, open_symbols=open_symbols)


def _lexicon(network: Network, bound: BoundNotation) -> Lexicon:
    lexicon = _LEXICONS.get(bound)
    if lexicon is None:
        lexicon = _LEXICONS[bound] = Lexicon(network, bound)
    return lexicon


_LEXICONS: WeakKeyDictionary[BoundNotation, Lexicon] = WeakKeyDictionary()


@dataclass
class _SheetReader:
    """Reads line after line; what they define is known from there on."""

    known: Knowledge
    asked: Ref | None
    lines: list[SheetLine] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ranges: dict[str, Size] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)  # letters of several lengths

    @property
    def attempts(self) -> Attempts:
        return Attempts(self.known, self.asked)

    def read(self, lines: tuple[FormulaLine, ...]) -> Sheet:
        told = [line for line in lines if line.right is not None and not line.prose]
        kept = [line for line in told if len(told) == 1 or not self._is_heading(line)]
        written = chains(kept, self.known.text)
        read: dict[int, list[SheetLine]] = {}
        for chain in self._ordered(written):
            before = len(self.lines)
            self._chain(chain)
            read[id(chain)] = self.lines[before:]
        self.lines = [line for chain in written for line in read[id(chain)]]
        if not self.lines:
            end = max(1, len(self.known.text))
            raise Mistake("there is no formula to read", (0, end), "write an equation")
        return Sheet(
            tuple(self.lines),
            self.known.lets,
            frozenset(self.known.symbols),
            tuple(self.said),
            {k: size for k, size in self.ranges.items() if k not in self.elsewhere},
        )

    def _is_heading(self, line: FormulaLine) -> bool:
        """Whether a line without = is words, among them one that means nothing: "Update w"."""
        (start, end), right = line.span, line.right
        if line.left is not None or self.known.text[start:end].lstrip(" &").startswith("="):
            return False
        parts = right.factors if isinstance(right, Product) else (("", right),)
        symbols = [part for sign, part in parts if isinstance(part, Symbol) and sign == ""]
        return len(symbols) == len(parts) and any(
            len(s.letter) > 2 and not self.known.lexicon.meanings(s, called=True) for s in symbols
        )

    def _ordered(self, chains: list[Chain]) -> list[Chain]:
        """The chains with each definition before what speaks of it: "… δ a, where δ = …"."""
        ordered: list[Chain] = []
        for chain in chains:
            left = chain[0].left
            place = len(ordered)
            if isinstance(left, Symbol) and self._may_define(chain[0], left):
                place = first_use(left, ordered)
            ordered.insert(place, chain)
        return ordered

    def _may_define(self, line: FormulaLine, left: Symbol) -> bool:
        if line.let or self.known.open_symbols:
            return line.let
        found = self.known.lexicon.meanings(left, called=False)
        return not found or bool(found[0].where)

    # -- chains and lines ------------------------------------------------------------------

    def _chain(self, chain: Chain) -> None:
        """Read one chain of =, with the layers that its symbols do not say where they must be."""
        before = len(self.lines)
        try:
            self._chain_as_written(chain)
        except Mistake:
            layered = self._layered(chain) if len(self.lines) == before else None
            if layered is None:
                raise
            self.known.lexicon.layered = layered
            self.known.looked_up.clear()
            self._chain_as_written(chain)
            self.known.lexicon.layered = {}
            self.known.looked_up.clear()

    def _layered(self, chain: Chain) -> Mapping[Unlayered, Meaning] | None:
        """The one way to give layers to symbols that lack them; None where there is none, or
        several: one about what was asked for goes first."""
        fitting: list[tuple[bool, Mapping[Unlayered, Meaning]]] = []
        sides = sides_of(chain)
        rights = [line.right for line in chain if line.right is not None]
        for layered in list(ways(self.known, sides)):
            self.known.lexicon.layered = layered
            self.known.looked_up.clear()
            self.known.begin(sides)
            try:
                reads = self.attempts.chain(chain[0].left, rights, None)
            except (Mistake, ShapeMistake):
                continue
            if not any(read.misfit for read in reads) and self._agrees(reads[0]):
                fitting.append((self._is_about_asked(reads[0]), layered))
        self.known.lexicon.layered = {}
        self.known.looked_up.clear()
        best = [layered for about, layered in fitting if about] or [w for _, w in fitting]
        return best[0] if len(best) == 1 else None

    def _agrees(self, read: Read) -> bool:
        """Whether the letters of an answer without a left side run as far as those asked for."""
        if read.left is not None or self.asked is None:
            return True
        ranges = read.reader.letters.ranges()
        pairs = zip(self.asked.indices, self.known.shape(self.asked.name), strict=False)
        return all(ranges.get(str(index), size) == size for index, size in pairs)

    def _is_about_asked(self, read: Read) -> bool:
        left = read.left.expr if read.left is not None else None
        asked = self.asked is not None and ADJOINT + self.asked.name
        return isinstance(left, Ref) and left.name == asked

    def _chain_as_written(self, chain: Chain) -> None:
        """Read the lines of one chain of =."""
        first, left, head = chain[0], chain[0].left, None
        self.known.begin(sides_of(chain))
        if left is not None and isinstance(left, Symbol) and first.right is not None:
            role = self._role(first, left, first.right)
            self.known.begin(sides_of(chain))
            if role != "claim":
                head = self._define(first, left, first.right, role)
                left, chain = None, chain[1:]
        rights = [line.right for line in chain if line.right is not None]
        reads = self.attempts.chain(left, rights, head) if rights else []
        condition: Relation | None = None
        for line, read in zip(chain, reads, strict=True):
            condition = line.condition or condition
            made = as_claimed(self._made(line, read), reads[0].left)
            if condition is not None:
                made = replace(made, condition=self._holding(read.reader, condition))
            self._keep(read)
            self.lines.append(made)

    def _holding(self, reader: Reader, condition: Relation) -> Expr:
        """1 where a line is claimed, else 0."""
        value = held(reader, condition)
        if value.rank:
            raise Mistake(
                "a condition on a claim compares numbers",
                condition.span,
                "write it with an index, z_j > 0",
            )
        reader.letters.settle()
        reader.say(f"it is judged where {reader.quoted(condition)} only")
        return reader.term(value, {}).expr

    def _made(self, line: FormulaLine, read: Read, defines: str = "") -> SheetLine:
        start, end = line.span
        text = self.known.text[start:end].strip()
        axes = (*(read.left.axes if read.left else ()), *read.right.axes)
        ranges = {**read.reader.letters.ranges(), **dict(axes)}
        return SheetLine(
            line.number,
            line.span,
            text,
            read.left,
            read.right,
            defines,
            tuple(read.reader.derivatives),
            read.misfit,
            ranges,
        )

    def _keep(self, read: Read) -> None:
        """Note what the accepted reading of a line said and used."""
        for text in read.reader.said:
            if text not in self.said:
                self.said.append(text)
        self.known.symbols |= read.reader.symbols
        for name in sorted(read.reader.changes):
            self.known.lets.setdefault(CHANGE + name, self.known.update(name))
        for letter, size in read.reader.letters.ranges().items():
            if self.ranges.setdefault(letter, size) != size:
                self.elsewhere.add(letter)

    # -- definitions -----------------------------------------------------------------------

    def _role(self, line: FormulaLine, left: Node, right: Node) -> _Role:
        """Whether a line claims something, or gives a name to what its right side says."""
        if not isinstance(left, Symbol) or self._is_function(left, right):
            return "claim"
        found = self.known.lexicon.meanings(left, called=False, letters=tuple(self.ranges))
        meaning = found[0] if found and found[0].kind == "quantity" else None
        guessed = meaning is not None and meaning.name == RATE and bool(meaning.says)
        if meaning is None or meaning.where or guessed or meaning.name in self.known.lets:
            return "claim" if self.known.open_symbols and not line.let else "definition"
        if is_updated(self.known, meaning, left) and not self.known.open_symbols:
            return "update"
        if self._is_update(meaning, right):
            return "update"
        return "redefinition" if line.let and not self._holds(left, right) else "claim"

    def _is_function(self, left: Symbol, right: Node) -> bool:
        """Whether a left side is a function without its argument, σ' = σ(1 - σ)."""
        found = self.known.lexicon.meanings(left, called=False, letters=tuple(self.ranges))
        if found and not left.primes:
            return False
        self.known.begin((left, right))
        return function_of(Reader(self.known), left) is not None

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
            read = self.attempts.attempt(left, right, None, "columns")
        except (Mistake, ShapeMistake):
            return False
        if read.misfit or read.left is None:
            return False
        oracle = Oracle(
            self.known.network, lets=self.known.lets, symbols=self.known.symbols, trials=1
        )
        ranges = read.reader.letters.ranges()
        return oracle.agree(read.left.expr, read.right.expr, ranges=ranges).confirmed

    def _define(self, line: FormulaLine, left: Symbol, right: Node, role: _Role) -> Head:
        """Read a line that gives a name to something."""
        read = Attempts(self.known, None).line(None, right)
        self._keep(read)
        term, known = read.right, self.known
        letters = _letters_of(left, term.expr)
        name = self._free_name(left, letters)
        indices = (*letters, *(axis for axis, _ in term.axes))
        ranges = {**read.reader.letters.ranges(), **dict(term.axes)}
        known.lets[name] = Equation(Ref(name, indices), term.expr)
        for index in indices:
            if index not in ranges:
                raise Mistake(f"nothing says how far {index} runs", left.span)
        known.shapes[name] = tuple(ranges[index] for index in indices)
        known.turns[name] = term.orientation
        if role == "update":
            self._say(f"{read.reader.quoted(left)} on the left is its value after the update")
        else:
            known.lexicon.define(left, name, letters=letters, shape=known.shapes[name])
            known.looked_up.clear()
        if role == "redefinition":
            self._say(f"from here {read.reader.quoted(left)} is what the line defines")
        given = Term(Ref(name, indices), term.axes, term.orientation, left.span)
        self.lines.append(self._made(line, Read(read.reader, given, term), name))
        return Head(given, ranges)

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
