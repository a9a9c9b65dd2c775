"""The names of a file: each stands for one thing, and unknown ones find their nearest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ..functions import ALIASES, FUNCTIONS, Function, abstract
from ..network import ADJOINT, Kind, Network, Value
from .tree import Call, Extent, FunctionLine, Mistake, Name, article

ROLES = (
    "input", "target", "weight", "bias", "dot product", "weighted input", "activation",
    "output", "difference", "loss term", "loss", "constant", "quantity",
)  # fmt: skip
"""What `role NAME = …` may say, with or without a layer behind it."""

RESERVED = frozenset((
    "size", "input", "target", "weight", "bias", "constant", "function", "role", "loss",
    "with", "derivative", "sum", "max", "argmax",
))  # fmt: skip
"""Words of the language; no name may be one of them."""


@dataclass(slots=True, eq=False, repr=False)
class Known:
    """A quantity as far as it is known."""

    name: Name
    kind: Kind
    axes: tuple[Extent, ...]
    value: Value | None = None


class Names:
    """Every name in use, with what it is."""

    def __init__(self) -> None:
        self.sizes: dict[str, int | None] = {}
        self.functions: dict[str, Function] = {}
        self.known: dict[str, Known] = {}
        self.words: dict[str, str] = dict.fromkeys(FUNCTIONS, "a function")

    @classmethod
    def of(cls, network: Network) -> Names:
        """The names of a network that has been read before."""
        names = cls()
        names.sizes, names.functions = dict(network.sizes), dict(network.own_functions)
        names.words |= dict.fromkeys(network.sizes, "a size")
        for row in network.own_functions.values():
            own = (row.name, row.named_derivative or row.name)
            names.words |= dict.fromkeys(own, "a function")
        for q in network.quantities.values():
            name = Name(q.name, q.base, q.label, (0, 1))
            axes = (Extent(s, f"axis {n} of {q.name}") for n, s in enumerate(q.shape, 1))
            names.known[q.name] = Known(name, q.kind, tuple(axes))
            names.words.setdefault(q.name, article(q.kind))
        return names

    def claim(self, name: Name, what: str) -> None:
        """Take a name, once."""
        text = name.text
        if text in RESERVED:
            raise Mistake(f"{text} is a word of the language; choose another name", name.span)
        if text.startswith(ADJOINT):
            raise Mistake(f"a name beginning with {ADJOINT} is an adjoint's", name.span)
        if text in self.words:
            raise Mistake(
                f"{text} is already {self.words[text]}",
                name.span,
                "each name stands for one thing: choose another one",
            )
        self.words[text] = what

    def claim_function(self, line: FunctionLine) -> None:
        """Take the names of a function and its derivative; a definition follows later."""
        name = line.name.text
        self.claim(line.name, "a function")
        if line.derivative is not None:
            self.claim(line.derivative, "a function")
        if line.body is None:
            derivative = line.derivative.text if line.derivative else ""
            self.functions[name] = abstract(name, derivative)

    def called(self, call: Call, inside: bool) -> str:
        """The full name of a called function, primes and all.

        inside: whether the call stands in a function's definition.
        """
        name = call.name.text
        if name not in self.words:
            name = ALIASES.get(name, name)
        what = self.words.get(name)
        if what is None:
            names = [n for n, w in self.words.items() if w == "a function"]
            raise Mistake(
                f"there is no function {name}",
                call.name.span,
                did_you_mean(name, names) or f"write `function {name}` to leave it abstract",
            )
        if what != "a function":
            raise Mistake(
                f"{name} is {what}, not a function",
                call.name.span,
                f"to multiply, write `{name}*(…)`; an index stands in [ ]",
            )
        row = self.functions.get(name) or FUNCTIONS.get(name)
        primes = call.primes
        if row is None and inside:
            raise Mistake(f"{name} is not defined yet", call.name.span, "define it above this line")
        if row is not None and primes and row.named_derivative:
            name, primes = row.named_derivative, primes - 1
        return name + "'" * primes

    def unknown(self, name: Name, scope: Iterable[str] = ()) -> Mistake:
        """What to say of a name that is no quantity. scope: the index letters in force."""
        text = name.text
        if text in self.words:
            return Mistake(
                f"{text} is {self.words[text]}, not a quantity",
                name.span,
                f"a function has an argument: {text}(…)" if "function" in self.words[text] else "",
            )
        if text in scope:
            return Mistake(
                f"{text} is an index; it stands in [ ] only",
                name.span,
                "to use a position as a number is not supported",
            )
        return Mistake(
            f"there is no quantity named {text}",
            name.span,
            did_you_mean(text, [*self.known, *self.sizes])
            or f"declare it, as in `weight {text}`, or give it an equation, `{text} = …`",
        )


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A suggestion, or nothing where no name is near."""
    close = get_close_matches(name, list(names), 3, 0.5 if len(name) <= 3 else 0.6)
    close.sort(key=lambda n: n[0] != name[0])  # w3 is rather w2 than b3
    return f"did you mean {close[0]}?" if close else ""
