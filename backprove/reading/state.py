"""What a sheet knows so far, and what the reader of one formula knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ..expr import MINUS_ONE, Expr, Index, Mul, Ref, Size, count, fresh_index
from ..language.formula import Node, Symbol
from ..language.tree import Mistake, Span
from ..network import ADJOINT, CHANGE, RATE, TRAINED, Equation, Network
from ..notation import BoundNotation
from .letters import Letters
from .meaning import Meaning, Orientation, Term
from .symbols import Lexicon
from .tensors import Tensors, Value

QUOTED = 60
"""Characters of a formula that a sentence quotes."""

MOST_NODES = 20_000
"""Parts of an expression above which it is not read."""

MOST_WRITTEN = 5_000
"""Parts that one formula may be written with."""


Style: TypeAlias = Literal["columns", "rows", "components"]
"""How whole vectors are taken: as columns (W x), as rows (x W), or component by component."""

TRANSPOSED = frozenset(("T", "⊤", "ᵀ", "top", "intercal", "⊺", "t"))
"""What stands above a transposed tensor."""

Total: TypeAlias = "bool | Collection[tuple[str, str]]"
"""Whether derivatives follow other quantities; or which do, by what is differentiated and by
what, as in `Sheet.derivatives`."""

Prefer: TypeAlias = Literal["", "wholes", "parts"]
"""Whether a symbol such as h_2, where it could be either, is a whole tensor or a component."""

UPDATED = frozenset(("+", "new", "*", "next", "updated"))
"""What stands above a weight after its update."""

SAMPLES = frozenset("mnNM")
"""Letters that stand for the number of samples in 1/m, where nothing else is called so."""


def spelled(symbol: Symbol) -> str:
    """A symbol's letter and what stands below it."""
    return symbol.raw or "_".join(part for part in (symbol.letter, symbol.sub) if part)


@dataclass
class Knowledge:
    """What stays the same over all lines of a text, and what they define.

    lets, shapes, turns: the reader's definitions, with the lengths of their axes and how a
    vector among them is oriented. symbols: free names that stand for any number. total:
    whether derivatives of anything but the loss are total, or which are. open_symbols: whether
    unknown symbols stand for any number. beside: the sides of the chain of = that is read;
    uses: the arguments that functions have in them, by letter.
    """

    network: Network
    notation: BoundNotation
    lexicon: Lexicon
    text: str
    total: Total = False
    open_symbols: bool = False
    lets: dict[str, Equation] = field(default_factory=dict)
    shapes: dict[str, tuple[Size, ...]] = field(default_factory=dict)
    turns: dict[str, Orientation] = field(default_factory=dict)
    symbols: set[str] = field(default_factory=set)
    beside: tuple[Node, ...] = ()
    uses: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    looked_up: dict[tuple[object, ...], tuple[Meaning, ...]] = field(default_factory=dict)

    def begin(self, sides: tuple[Node, ...]) -> None:
        """Go on to another chain of =."""
        self.beside, self.uses = sides, {}

    def meanings(
        self, symbol: Symbol, called: bool, letters: Collection[str]
    ) -> tuple[Meaning, ...]:
        """What a symbol can mean, looked up once."""
        above = symbol.sup.text if symbol.sup else None
        key = (replace(symbol, span=(0, 0), sup=None), above, called, frozenset(letters))
        found = self.looked_up.get(key)
        if found is None:
            found = self.lexicon.meanings(symbol, called=called, letters=letters)
            self.looked_up[key] = found
        return found

    @property
    def rows(self) -> bool:
        """Whether weights go (from, to), so that a layer is x W."""
        if self.notation.notation.weight_order == "from to":
            return True
        weights = [r for r in self.notation.roles.values() if r.kind == "weight" and r.order]
        return bool(weights) and all(r.order == (1, 0) for r in weights)

    def shape(self, name: str) -> tuple[Size, ...]:
        """The lengths of the axes of a quantity, adjoint, change or definition."""
        if name in self.shapes:
            return self.shapes[name]
        known = self.network.quantities.get(name.removeprefix(ADJOINT).removeprefix(CHANGE))
        return known.shape if known else ()

    def update(self, name: str) -> Equation:
        """Δw = -η ∂E/∂w, by which a weight changes in one update."""
        letters: list[str] = []
        for _ in self.shape(name):
            letters.append(fresh_index({*letters, *self.network.quantities, *self.network.sizes}))
        indices = tuple(letters)
        right = Mul((MINUS_ONE, Ref(RATE), Ref(ADJOINT + name, indices)))
        return Equation(Ref(CHANGE + name, indices), right)


def is_updated(known: Knowledge, meaning: Meaning, symbol: Symbol) -> bool:
    """Whether a symbol is a weight with a mark for its value after the update, w^{new}."""
    quantity = known.network.quantities.get(meaning.name)
    marked = symbol.sup is not None and symbol.sup.text.strip("(){}") in UPDATED
    return marked and meaning.power and quantity is not None and quantity.kind in TRAINED


class Formula:
    """The reader of one formula; see `formula.Reader` for what it does with each node.

    said: how unclear places were taken. derivatives: those of anything but the loss that were
    met. varied: by what the derivatives around this place differentiate. changes: the weights
    whose change in an update was met. opened: unknown symbols that stand for any number here,
    as x does in σ'(x) = σ(x)(1 - σ(x)). upright: how a vector stands that nobody transposed.
    """

    def __init__(
        self,
        known: Knowledge,
        free: Mapping[str, Size] | None = None,
        *,
        style: Style = "columns",
        prefer: Prefer = "",
    ) -> None:
        self.known = known
        self.network, self.lexicon = known.network, known.lexicon
        self.letters = Letters(free)
        self.said: list[str] = []
        self.symbols: set[str] = set()
        self.changes: set[str] = set()
        self.opened: frozenset[str] = frozenset()
        self.prefer = prefer
        self.derivatives: dict[tuple[str, str], None] = {}
        self.varied: list[Node] = []
        self.deltas: list[tuple[Symbol, tuple[str, ...], tuple[Index, ...]]] = []
        self.written_out = self.visited = 0
        self.upright: Orientation = "row" if style == "rows" else "none"
        self.tensors = Tensors(
            self.letters, known.text, self.say, componentwise=style == "components"
        )

    def value(self, node: Node) -> Value:
        """What a node stands for. Raises Mistake and ShapeMistake."""
        raise NotImplementedError

    def whole(self, name: str, node: Symbol) -> Value:
        """A quantity as a whole, where the symbol stands."""
        raise NotImplementedError

    def meaning(self, symbol: Symbol, *, called: bool = False) -> Meaning | None:
        """The likeliest meaning of a symbol, None where it has none."""
        found = self.known.meanings(symbol, called, self.letters.known)
        if found and found[0].where and self.open(symbol):
            return None
        if symbol.letter == "e" and not symbol.sub and symbol.sup and (not found or found[0].where):
            return Meaning("function", "exp", power=True)  # e^2, where nothing here is called e
        if not found and spelled(symbol) == self.known.notation.rate:
            return Meaning("quantity", RATE, (), bool(symbol.sup))
        return self._chosen(symbol, found) if found else None

    def _chosen(self, symbol: Symbol, found: tuple[Meaning, ...]) -> Meaning:
        """The likeliest meaning.

        Among guesses, what is transposed is a whole tensor; the number above a matrix is rather
        a layer than a power.
        """
        best = found[0]
        turned = symbol.sup is not None and symbol.sup.text in TRANSPOSED
        prefer = "wholes" if turned and not self.prefer else self.prefer
        if best.says and best.kind == "quantity" and prefer:
            fits = [m for m in found if (m.indices is None) is (prefer == "wholes")]
            best = next((m for m in fits if m.kind == "quantity"), best)
        whole = best.kind == "quantity" and best.power and best.indices is None
        if not whole or len(self.known.shape(best.name)) != 2 or symbol.sup is None:
            return best
        if spelled(symbol)[-1:].isdigit():  # A_1^2 has its layer below
            return best
        others = [m for m in found if m.kind == "quantity" and not m.power]
        return others[0] if others and symbol.sup.text not in TRANSPOSED else best

    def open(self, symbol: Symbol) -> bool:
        """Whether a symbol that is not known here stands for any number."""
        allowed = self.known.open_symbols or spelled(symbol) in self.opened
        return allowed and not (symbol.primes or symbol.brackets)

    # -- notes -----------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Note how something unclear was taken, once."""
        if text and text not in self.said:
            self.said.append(text)

    def quoted(self, node: Node) -> str:
        """The text of a node, on one line, cut where it is long."""
        start, end = node.span
        text = " ".join(self.known.text[start:end].split())
        return text if len(text) <= QUOTED else f"{text[:QUOTED]}…"

    def count_written(self, node: Node) -> None:
        """Count the parts that were read, and refuse too many."""
        self.visited += 1
        if self.visited > MOST_WRITTEN:
            raise Mistake(
                f"this has more than {MOST_WRITTEN:,} parts", node.span, "divide it into lines"
            )

    def spend(self, nodes: int, span: Span) -> None:
        """Count what is written out in full, and refuse too much of it."""
        self.written_out += nodes
        if self.written_out > MOST_NODES:
            raise Mistake(
                f"written out in full this would have more than {MOST_NODES:,} parts",
                span,
                "sum over the whole axis, or use fewer terms",
            )

    def scalar(self, node: Node, what: str) -> Expr:
        """The expression of a node that must be a number. what: its role, for the message."""
        value = self.tensors.squeezed(self.value(node))
        if value.rank:
            shape = self.tensors.shape(value)
            raise Mistake(f"{what} is one number, and this is {shape}", node.span)
        return value.expr

    def check_deltas(self) -> None:
        """Raise Mistake for a δ_o1 whose letters are no indices here."""
        for node, around, indices in self.deltas:
            for index in indices:
                free = isinstance(index, str) and index not in around
                if free and self.letters.size(str(index)) is None:
                    raise Mistake(
                        f"{self.quoted(node)} is not known here",
                        node.span,
                        f"it would be Kronecker's delta, but {index} is no index in this line",
                    )

    # -- at the end ------------------------------------------------------------------------

    def names(self, value: Value) -> dict[str, str]:
        """Readable letters for the axes of a value."""
        taken = {*self.letters.known, *value.expr.free, *self.network.quantities}
        chosen: dict[str, str] = {}
        for axis in value.axes:
            chosen[axis] = fresh_index({*taken, *chosen.values()})
        return chosen

    def term(self, value: Value, names: Mapping[str, str]) -> Term:
        """The term of a value whose axes take these letters.

        Raises Mistake where nothing tells how far a letter runs, or where it is too large.
        """
        for axis in value.axes:
            if self.letters.size(axis) is None:
                raise Mistake(
                    f"nothing says how large {self.tensors.quoted(value)} is",
                    value.span,
                    "𝟏 and I take their size from what they are combined with",
                )
        taken = {*names.values(), *self.letters.known, *self.network.quantities}
        expr = self.letters.named(value.expr, names, taken)
        if count(expr) > MOST_NODES:
            raise Mistake(
                f"this has more than {MOST_NODES:,} parts", value.span, "divide it into lines"
            )
        axes = tuple((names[a], self.letters.extent(a).root().size or 1) for a in value.axes)
        orientation: Orientation = "matrix" if len(axes) == 2 else value.orientation
        return Term(expr, axes, orientation, value.span)
