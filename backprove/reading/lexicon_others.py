"""What the other notations that come with backprove mean by a symbol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import NotationError
from ..network import Network
from ..notation import BoundNotation, Notation, bind, load, names
from .lexicon_rows import Cost, Found, Table, table_of
from .lexicon_written import Written


@dataclass(frozen=True)
class Readings:
    """What other notations mean by a symbol, by the notation's name.

    clear: where they know it; unclear: what it may be where only a layer is left out.
    """

    clear: Mapping[str, Found]
    unclear: Mapping[str, tuple[Found, ...]]


def _is_own(fits: Found, bound: BoundNotation) -> bool:
    return not (fits.row.mark and fits.row.letter in bound.added)


class Others:
    """The shipped notations but one, each bound to the network when it is first needed."""

    def __init__(self, network: Network, notation: str) -> None:
        self.network, self.notation = network, notation
        self._bound: dict[str, tuple[BoundNotation, Table] | None] = {}

    @cached_property
    def _loaded(self) -> tuple[Notation, ...]:
        return tuple(load(n) for n in names() if n not in ("as-written", self.notation))

    def derivative(self, letter: str) -> bool:
        """Whether the letter is that of the activation function's derivative somewhere."""
        return any(notation.derivative == letter for notation in self._loaded)

    def find(self, made: Written, letters: Collection[str] = ()) -> Readings:
        """What the others mean by the symbol.

        Those that print just this go before those that print it with other brackets. A layer
        that had to be added to a notation's symbols for this network is not one of its own.
        """
        clear: dict[str, Found] = {}
        unclear: dict[str, tuple[Found, ...]] = {}
        for notation in self._loaded:
            known = self._table(notation) if _mentions(notation, made.letter) else None
            if known is None:
                continue
            bound, table = known
            own = [f for f in table.find(made, letters) if _is_own(f, bound)]
            fitting = [fits for fits in own if fits.cost <= Cost.SPLIT]
            even = len(fitting) > 1 and fitting[0].place == fitting[1].place
            if fitting and not even:
                clear[notation.name] = fitting[0]
            elif lacking := [f for f in table.lacking(made) if _is_own(f, bound)]:
                unclear[notation.name] = tuple(lacking)
        best = min((fits.cost for fits in clear.values()), default=Cost.EXACT)
        return Readings({n: fits for n, fits in clear.items() if fits.cost == best}, unclear)

    def _table(self, notation: Notation) -> tuple[BoundNotation, Table] | None:
        """Its symbols for this network; None where it has none, as there are no layers."""
        if notation.name not in self._bound:
            try:
                bound = bind(notation, self.network)
            except NotationError:
                self._bound[notation.name] = None
            else:
                own = bound.notation.as_written
                self._bound[notation.name] = None if own else (bound, table_of(bound))
        return self._bound[notation.name]


def _mentions(notation: Notation, letter: str) -> bool:
    """Whether any symbol of the notation begins with the letter, capital or not."""
    templates = [*(notation.symbols or {}).values(), *(notation.adjoints or {}).values()]
    templates += [made for several in notation.reads.values() for made in several]
    templates += [t for t in (notation.gradient, notation.loss_function) if t is not None]
    wanted = letter.casefold()
    return notation.rate == letter or any(
        wanted == made.letter.casefold()
        or (made.suffix and wanted.startswith(made.letter.casefold()))
        for made in templates
    )
