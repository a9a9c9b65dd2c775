"""What a symbol means: in the notation asked for, in the file's own names, in another notation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeAlias
from unicodedata import normalize

from ..expr import Index, Size
from ..language.formula.tree import Node, Symbol
from ..language.names import did_you_mean
from ..language.tree import Mistake
from ..network import ADJOINT, ARGUMENT, RATE, Network
from ..notation import BoundNotation, bind
from ..notation.symbols import Spelling
from ..roles import has_samples, samples_of
from .lexicon_functions import Called, Functions, activation_of
from .lexicon_others import Others
from .lexicon_rows import Cost, Found, Row, Table, own_table, row_of, table_of
from .lexicon_written import Written, shown, variants, written
from .meaning import Meaning

_RATES = frozenset(("η", "α", "ε", "ϵ", "lr", "learning_rate", "learningrate"))
"""What the learning rate is called where nothing else is called so."""


_FUNCTIONS = frozenset("fghsσφϕψ")
"""Letters of activation functions in general."""

_Ranked: TypeAlias = tuple[tuple[int, int, bool, int], Found, bool]
"""How likely, what was found, and whether it is a name of the file."""


Unlayered: TypeAlias = tuple[str, str, int, str]
"""A symbol as written: its letter, what stands below and above, its primes."""


def unlayered(symbol: Node) -> Unlayered:
    """What tells symbols apart that do not say their layer."""
    if not isinstance(symbol, Symbol):
        return "", "", 0, ""
    return symbol.letter, symbol.sub, symbol.primes, symbol.sup.text if symbol.sup else ""


class Lexicon:
    """The meanings of symbols in one notation for one network.

    per_sample: whether dZ, where it is only a guess, is the derivative of its own sample's loss.
    layered: what symbols mean that do not say their layer, where the line around them tells it.
    """

    def __init__(self, network: Network, notation: BoundNotation) -> None:
        self.network, self.notation = network, notation
        own = notation if notation.notation.as_written else bind("as-written", network)
        self._own = own_table(own)
        self._table = None if notation.notation.as_written else table_of(notation)
        self._bound = (own, notation)
        self._functions = Functions(notation)
        self._others = Others(network, notation.notation.name)
        self._defined: list[Row] = []
        self.per_sample = False
        self.layered: Mapping[Unlayered, Meaning] = {}

    # -- asking ----------------------------------------------------------------------------

    @cached_property
    def words(self) -> frozenset[str]:
        """The names, and parts of names, that LaTeX sets as text: letters beyond the Latin ones.

        Other words that are set so are prose.
        """
        names = (*self.network.quantities, *self.network.sizes, *self.network.functions)
        found = {*names, *(part for name in names for part in name.split("_"))}
        for equation in self.network.equations.values():
            found |= {*equation.left.free, *equation.right.bound}
        for symbols in self._bound:
            for spelling in (*symbols.spellings.values(), *symbols.adjoint_spellings.values()):
                found |= {spelling.letter, *spelling.sub, *spelling.after}
        found |= {normalize("NFD", word)[0] for word in found if len(word) == 1}  # under accents
        return frozenset(normalize("NFC", word) for word in found if not word.isascii())

    def meanings(
        self, symbol: Symbol, *, called: bool, letters: Collection[str] = ()
    ) -> tuple[Meaning, ...]:
        """What the symbol can mean, best first; () when nothing is known.

        called: whether a parenthesis stands right behind it. letters: the index letters that
        are bound around it.
        """
        made = written(symbol)
        if defined := self._as_defined(made, letters):
            return defined
        if self.layered and (chosen := self.layered.get(unlayered(symbol))):
            return (chosen,)
        quantities = self._quantities(symbol, made, letters)
        if made.letter == "e" and (exponential := self._exponential(made, bool(quantities))):
            return (*exponential, *quantities)
        functions = self._called(made) if called or made.primes else ()
        if quantities and not quantities[0].says:
            return (*quantities, *functions)
        if quantities or functions:  # a known function before a quantity that is only likely
            return (*functions, *quantities)
        return (
            self._kronecker(made)
            or self._size(made)
            or self._rate(made)
            or self._adjoint(symbol, letters)
            or self._free_letter(made, called)
            or self._elsewhere(symbol, made, letters)
        )

    def wrt_meanings(self, symbol: Symbol, letters: Collection[str] = ()) -> tuple[Meaning, ...]:
        """What stands below ∂ can mean: quantities only, without powers."""
        return tuple(
            meaning
            for meaning in self.meanings(symbol, called=False, letters=letters)
            if meaning.kind == "quantity" and not meaning.power
        )

    @cached_property
    def activation_of(self) -> Mapping[str, str]:
        """The function that is applied to a quantity, by the quantity's name: z2 → sigmoid."""
        return activation_of(self.network)

    def lacking(self, symbol: Symbol) -> Iterator[Meaning]:
        """What the symbol would mean with a layer, where only that is missing."""
        for fits in self._lacking(written(symbol)):
            meaning = _quantity(fits)
            told = f"{shown(symbol)} is read as {self.told(meaning)}: no other layer fits here"
            yield replace(meaning, says=told)

    def defines(self, symbol: Symbol) -> bool:
        """Whether the text itself defined the symbol."""
        return bool(self._as_defined(written(symbol), ()))

    def define(
        self,
        symbol: Symbol,
        name: str,
        *,
        letters: tuple[str, ...] = (),
        shape: tuple[Size, ...] = (),
    ) -> None:
        """Let the symbol stand for `name`, whatever it meant before.

        letters: the index letters with which its subscript ends, `j` of δ_j. shape: the
        lengths of its axes; by default one of unknown length for each letter.
        """
        made = written(symbol)
        before = made.sub
        for letter in reversed(letters):
            before = before.removesuffix(letter).removesuffix(",")
        sup = made.sup if made.label is not None else ""
        row = row_of(name, Spelling(made.letter, (before,) if before else (), sup), self.network)
        lengths = tuple(self.network.length(size) for size in shape) or (None,) * len(letters)
        row = replace(row, lengths=lengths, primes=made.primes)
        key = (row.letter, row.primes, row.before, row.mark)
        kept = [r for r in self._defined if (r.letter, r.primes, r.before, r.mark) != key]
        self._defined = [row, *kept]

    # -- the reader's own, the notation's, the file's ---------------------------------------

    def _as_defined(self, made: Written, letters: Collection[str]) -> tuple[Meaning, ...]:
        rows = [row for row in self._defined if row.letter == made.letter]
        if not rows:
            return ()
        table = Table(rows, last=None, commas=self.notation.commas)
        found = [fits for fits in table.find(made, letters) if fits.cost < Cost.CASE]
        return tuple(_quantity(fits) for fits in found[:1])

    def _quantities(
        self, symbol: Symbol, made: Written, letters: Collection[str]
    ) -> tuple[Meaning, ...]:
        """The notation's symbols, then the names of the file."""
        ranked: list[_Ranked] = []
        for number, each in enumerate((made, *variants(made))):
            for own, table in ((False, self._table), (True, self._own)):
                for fits in table.find(each, letters) if table else ():
                    rank = self._rank(fits, own, made.brackets is not None, number)
                    ranked.append(((rank, *fits.place), fits, own))
        if symbol.raw:  # the name itself: a_1 of a file that has both a_1 and a[1]
            whole = replace(made, letter=symbol.raw, sub="")
            for fits in self._own.find(whole, letters):
                if not fits.cost.stated:
                    component = fits.indices is not None
                    rank = -1 if component and self._prints_own(fits.row.name) else 1
                    ranked.append(((rank, *fits.place), fits, True))
        ranked.sort(key=lambda entry: entry[0])
        return self._told(symbol, _square_first(made, ranked))

    def _rank(self, fits: Found, own: bool, brackets: bool, variant: int) -> int:
        if own and self._table is not None and not brackets:
            return 2 if fits.cost <= Cost.LAYER and not variant else 4
        return 0 if fits.cost <= Cost.MARKED and not variant else 3

    def _prints_own(self, name: str) -> bool:
        """Whether the notation prints the name as the file writes it."""
        spelling = self.notation.spellings.get(name)
        return spelling is not None and spelling.own == name

    def _told(self, symbol: Symbol, ranked: list[_Ranked]) -> tuple[Meaning, ...]:
        """Meanings with what must be said of them; none where the likeliest are even."""
        meanings: dict[tuple[object, ...], Meaning] = {}
        places: list[tuple[int, int, bool, int]] = []
        for place, fits, own in ranked:
            key = (fits.row.name, fits.indices, fits.power)
            if key in meanings:
                continue
            meanings[key] = self._meaning(symbol, fits, own, place[0])
            places.append(place)
        made = tuple(meanings.values())
        if len(made) > 1 and places[0] == places[1] and places[0][:2] != (0, 0):
            return ()
        return made

    def _meaning(self, symbol: Symbol, fits: Found, own: bool, rank: int) -> Meaning:
        meaning = _quantity(fits)
        foreign = own and self._table is not None and symbol.brackets is None
        plainly = fits.row.name in (symbol.raw, shown(symbol))
        if plainly or not (fits.cost.stated or rank > 2 or foreign):
            return meaning
        return replace(meaning, says=self._says(symbol, fits, meaning))

    def _says(self, symbol: Symbol, fits: Found, meaning: Meaning) -> str:
        text = f"{shown(symbol)} is read as {self.told(meaning)}"
        if fits.cost == Cost.LAYER:
            return f"{text}: the number above is a layer, not a power"
        if fits.cost == Cost.SPLIT and fits.other is not None:
            other = replace(meaning, indices=fits.other)
            return f"{text}, not {self.told(other)}"
        if fits.cost == Cost.ALONE:
            return f"{text}: no other layer has one"
        if fits.cost == Cost.FREE and fits.power and written(symbol).sup == "2":
            return f"{text}, squared: the number below tells the layer"
        if fits.cost == Cost.FREE:
            return f"{text}: the number tells the layer"
        return text

    def told(self, meaning: Meaning) -> str:
        """A meaning in words, with the names of the file."""
        if meaning.kind == "function":
            return f"the function {meaning.name}"
        if meaning.name == RATE:
            return "the learning rate"
        base = meaning.name.removeprefix(ADJOINT)
        text = base.removesuffix(ARGUMENT)
        if meaning.indices:
            text += f"[{','.join(map(str, meaning.indices))}]"
        if base.endswith(ARGUMENT):
            text = f"the argument of the function in {text}"
        if meaning.name != base:
            minus = "minus " if meaning.sign < 0 else ""
            loss = self.network.loss
            if meaning.samples != 1:
                return (
                    f"{minus}the derivative of each sample's own loss in {text},"
                    f" which is {meaning.samples} times that of {loss}, the mean"
                )
            text = f"{minus}the derivative of {loss} in {text}"
        return text

    # -- functions -------------------------------------------------------------------------

    def _called(self, made: Written) -> tuple[Meaning, ...]:
        """The functions that the symbol can stand for, by name or by the notation's letter."""
        found = self._functions.find(made)
        if found is None:
            return ()
        printed = any(letter == made.letter for letter, _, _ in self._functions.printed)
        if made.letter == "σ" and not printed:  # σ may be any activation function
            free = self._functions.letter(made)
            if free is not None and "sigmoid" not in self._functions.activations:
                return (_function(free), _function(found))
        return (_function(found),)

    @staticmethod
    def _exponential(made: Written, quantity: bool) -> tuple[Meaning, ...]:
        """e^{…} as the exponential function."""
        number = made.sup.isdigit() or not made.sup
        if made.sub or made.primes or made.closed or number or (quantity and made.transposed):
            return ()
        says = f"e^{made.sup} is read as exp({made.sup})" if quantity else ""
        return (Meaning("function", "exp", power=True, says=says),)

    def _free_letter(self, made: Written, called: bool) -> tuple[Meaning, ...]:
        """A letter that stands for the activation function."""
        if made.primes or (called and made.letter in _FUNCTIONS):
            free = self._functions.letter(made)
        elif called and self._others.derivative(made.letter):
            free = self._functions.letter(replace(made, primes=1))
        else:
            return ()
        return (_function(free),) if free is not None else ()

    # -- what every notation shares ---------------------------------------------------------

    @staticmethod
    def _kronecker(made: Written) -> tuple[Meaning, ...]:
        """δ_jk with two indices."""
        if made.letter != "δ" or made.sup or made.primes or made.brackets is not None:
            return ()
        parts = made.sub.split(",") if "," in made.sub else list(made.sub)
        if len(parts) != 2 or not all(part.isalnum() for part in parts):
            return ()
        indices: tuple[Index, ...] = tuple(int(p) if p.isdigit() else p for p in parts)
        says = f"δ_{made.sub} is read as Kronecker's delta, 1 where {parts[0]} = {parts[1]}"
        return (Meaning("delta", "δ", indices, says=says),)

    def _size(self, made: Written) -> tuple[Meaning, ...]:
        """A size of the file, used as a number."""
        name = made.letter + made.sub
        if name not in self.network.sizes or made.primes or made.closed:
            return ()
        return (Meaning("quantity", name, (), bool(made.sup)),)

    def _rate(self, made: Written) -> tuple[Meaning, ...]:
        """A common name of the learning rate."""
        letter = made.letter + (f"_{made.sub}" if made.sub else "")
        if letter not in _RATES or made.primes or made.brackets is not None or made.closed:
            return ()
        says = "" if made.letter == "η" else f"{letter} is read as the learning rate"
        return (Meaning("quantity", RATE, (), bool(made.sup), says),)

    def _adjoint(self, symbol: Symbol, letters: Collection[str]) -> tuple[Meaning, ...]:
        """∂z2, dW2: the derivative of the loss in a known quantity."""
        letter = symbol.letter
        if len(letter) < 2 or letter[0] not in "d∂" or symbol.primes:
            return ()
        of = replace(symbol, letter=letter[1:], raw=symbol.raw[1:])
        found = self._quantities(of, written(of), letters)
        adjoints = (
            replace(meaning, name=ADJOINT + meaning.name, samples=self._samples(letter, meaning))
            for meaning in found
            if not meaning.name.startswith((ADJOINT, RATE))
        )
        return tuple(self._stated(symbol, each, silent=letter[0] == "∂") for each in adjoints)

    def _samples(self, letter: str, meaning: Meaning) -> Size:
        """By how many samples dZ is more than the derivative of the mean loss."""
        if not self.per_sample or letter[0] == "∂" or not has_samples(self.network, meaning.name):
            return 1
        return samples_of(self.network) or 1

    def _stated(self, symbol: Symbol, meaning: Meaning, *, silent: bool) -> Meaning:
        says = "" if silent else f"{shown(symbol)} is read as {self.told(meaning)}"
        return replace(meaning, says=says)

    # -- other notations -------------------------------------------------------------------

    def _tables(self) -> Iterator[Table]:
        if self._table is not None:
            yield self._table
        yield self._own

    def _lacking(self, made: Written) -> list[Found]:
        """The quantities that it may be if only it told the layer."""
        return next((rows for table in self._tables() if (rows := table.lacking(made))), [])

    def _beyond(self, made: Written) -> list[Row]:
        """The tensors that it may be but for its indices."""
        return next((rows for table in self._tables() if (rows := table.beyond(made))), [])

    def _elsewhere(
        self, symbol: Symbol, made: Written, letters: Collection[str]
    ) -> tuple[Meaning, ...]:
        """The meaning on which all other notations that know the symbol agree.

        None where the letter is known here and only its layer or its indices are amiss.
        """
        if self._lacking(made) or self._beyond(made):
            return ()
        readings = self._others.find(made, letters)
        meanings = {_quantity(fits) for fits in readings.clear.values()}
        if len(meanings) != 1 or not all(
            meanings & {_quantity(fits) for fits in several}
            for several in readings.unclear.values()
        ):
            return ()
        meaning = meanings.pop()
        where = ", ".join(readings.clear)
        write = "writes" if len(readings.clear) == 1 else "write"
        says = f"{shown(symbol)} is read as {where} {write} it: {self.told(meaning)}"
        return (replace(meaning, says=says, where=where),)

    # -- what is not known -----------------------------------------------------------------

    def unknown(self, symbol: Symbol) -> Mistake:
        """What to say of a symbol without a meaning."""
        made = written(symbol)
        text = shown(symbol)
        readings = self._others.find(made)
        if readings.clear and not (self._lacking(made) or self._beyond(made)):
            several = {name: (fits,) for name, fits in readings.clear.items()} | dict(
                readings.unclear
            )
            told: dict[str, list[str]] = {}
            for name, found in several.items():
                says = " or ".join(dict.fromkeys(self.told(_quantity(fits)) for fits in found))
                told.setdefault(says, []).append(name)
            parts = [f"{' and '.join(who)}: {what}" for what, who in told.items()]
            return Mistake(
                f"{text} is no symbol of the notation {self.notation.notation.name},"
                " and others do not agree on it",
                symbol.span,
                f"name the notation; {'; '.join(parts)}",
            )
        return Mistake(f"{text} is not known here", symbol.span, self._hint(symbol, made))

    def _hint(self, symbol: Symbol, made: Written) -> str:
        if lacking := self._lacking(made):
            layers = {f"{made.letter}^{fits.row.spelling.sup}" for fits in lacking}
            return f"it does not say the layer: {', '.join(sorted(layers))}"
        if beyond := self._beyond(made):
            shapes = dict.fromkeys(self._described(row.name) for row in beyond)
            return f"its indices do not fit {' or '.join(shapes)}"
        rows = [row for table in self._tables() for row in table.rows(made.letter)]
        known = dict.fromkeys(row.name for row in rows if not row.name.startswith("."))
        if known:
            shapes = dict.fromkeys(self._described(name) for name in list(known)[:6])
            return f"of this letter there are {', '.join(shapes)}"
        if len(self._functions.activations) > 1 and (made.primes or made.letter in _FUNCTIONS):
            several = ", ".join(self._functions.activations)
            return f"there are several activation functions, {several}: write their names"
        if symbol.letter in "mnN" and not (made.sub or made.sup):
            return (
                "the file describes one sample, and has no number of this name;"
                f" --samples {symbol.letter} lifts it over samples"
            )
        own = [name for name in self.network.quantities if not name.endswith(ARGUMENT)]
        near = did_you_mean(symbol.raw or made.letter + made.sub, own)
        return near or f"the names of the file are {', '.join(own[:12])}"

    def _described(self, name: str) -> str:
        base = name.removeprefix(ADJOINT)
        quantity = self.network.quantities[base]
        text = self.told(Meaning("quantity", name))
        shape = ",".join(map(str, quantity.shape))
        return f"{text}[{shape}]" if shape else text


def _square_first(made: Written, ranked: list[_Ranked]) -> list[_Ranked]:
    """a_1^2, where the file has a1, is rather its square than a component of a2."""
    if made.sup != "2" or not made.sub or not ranked or ranked[0][1].cost < Cost.LAYER:
        return ranked
    first = ranked[0][0]
    for entry in ranked[1:]:
        (_, *place), fits, own = entry
        if own and fits.cost == Cost.FREE and fits.power:
            likeliest = (first[0] - 1, int(fits.cost), fits.indices is None, place[2])
            return [(likeliest, fits, own), *(e for e in ranked if e is not entry)]
    return ranked


def _quantity(fits: Found) -> Meaning:
    return Meaning(
        "quantity", fits.row.name, fits.indices, fits.power, sign=fits.row.sign, rest=fits.rest,
        samples=fits.row.samples,
    )  # fmt: skip


def _function(called: Called) -> Meaning:
    return Meaning("function", called.name, power=called.power, says=called.says, rest=called.rest)
