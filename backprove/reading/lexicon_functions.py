"""What a function's letter stands for: σ, f' or t, ReLU, g^(L)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..errors import NetworkError
from ..expr import Apply, Ref, walk
from ..functions import ALIASES, FUNCTIONS, lookup
from ..network import Network
from ..notation import BoundNotation
from .lexicon_written import Written, resolved

_WORDS: Mapping[str, str] = {
    **{name.replace("_", ""): name for name in FUNCTIONS if not name.endswith("'")},
    **ALIASES,
    "sigm": "sigmoid",
    "sgm": "sigmoid",
    "lrelu": "leaky_relu",
    "swish": "silu",
    "heaviside": "step",
    "sgn": "sign",
}
"""Functions by the words for them, in small letters without underscores."""


@dataclass(frozen=True)
class Called:
    """A function that a symbol can stand for. power: whether the superscript is no layer."""

    name: str
    power: bool = False
    rest: str = ""
    says: str = ""


class Functions:
    """The functions that a network and a notation know."""

    def __init__(self, bound: BoundNotation) -> None:
        self.bound, self.network = bound, bound.network
        self.last = bound.last_layer
        self.by_layer = _by_layer(bound)
        self.activations: tuple[str, ...] = tuple(
            dict.fromkeys(name.split("{")[0] for name in _activations(bound).values())
        )
        self.printed = dict(_printed(bound))

    def find(self, made: Written) -> Called | None:
        """The function by the notation's letter, the file's name or a common word."""
        whole = f"{made.letter}_{made.sub}"  # the file's f_out, in plain text
        if made.sub and whole in self.network.own_functions:
            made = replace(made, letter=whole, sub="")
        if made.sub or made.brackets is not None:
            return None
        for above in self._layered(made):
            label, power, rest = above
            for primes in range(made.primes, -1, -1):
                base = self.printed.get((made.letter, primes, label))
                if base is None and primes == 0:
                    base = self._named(made.letter, label)
                if base is not None:
                    name = _differentiated(base, made.primes - primes, self.network)
                    return Called(name, power, rest) if name else None
        return None

    def letter(self, made: Written) -> Called | None:
        """A free letter for the network's one activation function, or for a layer's."""
        if made.sub or made.brackets is not None or len(made.letter) != 1:
            return None
        several = set(self.by_layer.values())
        if len(several) == 1:
            name, about = several.pop(), "the one activation function here"
            power = bool(made.rest if made.closed else made.sup)
        else:
            layer = resolved(made.label, self.last) if made.label else ""
            name, about = self.by_layer.get(layer, ""), f"the activation function of layer {layer}"
            power = bool(made.rest)
        full = _differentiated(name, made.primes, self.network) if name else ""
        if not full:
            return None
        says = f"{made.letter} is taken for {name}, {about}"
        return Called(full, power, made.rest, says)

    def _layered(self, made: Written) -> Iterator[tuple[str, bool, str]]:
        """The ways to take the superscript: as a layer, or as a power."""
        if made.label is not None and made.sup:
            yield resolved(made.label, self.last), bool(made.rest), made.rest
        if not made.closed:
            yield "", bool(made.sup), ""
        elif made.label is not None and resolved(made.label, self.last) in self.by_layer:
            yield "", bool(made.rest), made.rest

    def _named(self, letter: str, label: str) -> str | None:
        full = f"{letter}{{{label}}}" if label else letter
        own = self.network.own_functions
        if full in own or any(row.named_derivative == full for row in own.values()):
            return full
        if label:
            return None
        return _WORDS.get(letter) or _WORDS.get(letter.replace("_", "").casefold())


def _differentiated(name: str, primes: int, network: Network) -> str:
    """The name of a function's derivative, "" where there is none of that name."""
    try:
        for _ in range(primes):
            row = lookup(name, network.functions)
            name = row.derivative_name
        lookup(name, network.functions)
    except NetworkError:
        return ""
    return name


def _printed(bound: BoundNotation) -> Iterator[tuple[tuple[str, int, str], str]]:
    """The notation's own letters: (letter, primes, layer) and the function."""
    last = bound.last_layer
    used = {
        node.function
        for equation in bound.network.equations.values()
        for node in walk(equation.right)
        if isinstance(node, Apply)
    }
    for name in sorted(used | bound.network.own_functions.keys()):
        row = lookup(name, bound.network.functions)
        for each in (name, row.derivative_name):
            symbol = bound.function(each)
            letter = symbol.letter.rstrip("'")
            primes = symbol.primes + len(symbol.letter) - len(letter)
            mark = symbol.sup.strip("()[]")
            yield (letter, primes, resolved(mark, last) if mark else ""), each


def _activations(bound: BoundNotation) -> Mapping[str, str]:
    """The activation functions, by the quantity that each makes."""
    return {
        name: equation.right.function
        for name, equation in bound.network.equations.items()
        if bound.roles[name].kind in ("activation", "output") and isinstance(equation.right, Apply)
    }


def _by_layer(bound: BoundNotation) -> Mapping[str, str]:
    """The activation function of each layer, as the notation numbers it, where it has one."""
    found: dict[str, set[str]] = {}
    for name, function in _activations(bound).items():
        found.setdefault(bound.layer(name), set()).add(function)
    return {layer: names.pop() for layer, names in found.items() if len(names) == 1}


def activation_of(network: Network) -> Mapping[str, str]:
    """The function that is applied to a quantity, by the quantity's name."""
    return {
        equation.right.argument.name: equation.right.function
        for equation in network.equations.values()
        if isinstance(equation.right, Apply) and isinstance(equation.right.argument, Ref)
    }
