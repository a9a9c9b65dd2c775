"""What the other notations that come with backprove mean by a symbol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from ..errors import NotationError
from ..network import Network
from ..notation import BoundNotation, Notation, bind, load, names
from .lexicon_rows import Cost, Found, Table, table_of
from .lexicon_written import Written


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

    def find(self, made: Written, letters: Collection[str] = ()) -> Mapping[str, Found]:
        """What the others mean by the symbol, by the notation's name.

        Those that print just this go before those that print it with other brackets. A layer
        that had to be added to a notation's symbols for this network is not one of its own.
        """
        found: dict[str, Found] = {}
        for notation in self._loaded:
            known = self._table(notation) if _mentions(notation, made.letter) else None
            for fits in known[1].find(made, letters) if known else ():
                added = fits.row.mark and known and fits.row.letter in known[0].added
                if fits.cost <= Cost.SPLIT and not added:
                    found[notation.name] = fits
                    break
        best = min((fits.cost for fits in found.values()), default=Cost.EXACT)
        return {name: fits for name, fits in found.items() if fits.cost == best}

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
