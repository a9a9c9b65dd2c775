"""A notation for one network: every quantity gets its symbol, and no two print alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import product as combinations
from pathlib import Path
from typing import TypeAlias

from ..errors import NotationError, expect
from ..expr import Apply, Expr, Ref, Size, plain
from ..functions import ALIASES, lookup
from ..network import ADJOINT, ARGUMENT, Equation, Label, Network
from ..roles import Role, has_layers, has_samples, mean_over_samples, roles, samples_of
from .loader import Notation, load
from .symbols import Spelling, Symbol, Template, own_spelling

_COMPARED = 400
"""Components of a tensor that are compared one by one; longer ones by their ends."""

_DECIMAL = re.compile(r"(?<![\w.])\d*\.\d")
_DECLARATION = re.compile(r"\s*(size|input|target|weight|bias|constant|function|role)\b|.*\bwith\b")

_SHORT = 16
"""Characters up to which an activation's unnamed argument prints as it is: d4 + b4."""


class BoundNotation:
    """A notation with the symbols that it gives to the quantities of one network.

    notes: what a reader must be told: a mark that was added, a letter that stands for a
    known function, a fallback. letters: those of the notes that say what a function's letter
    stands for, with the functions that are printed so. decimals: whether the file's equations
    write decimals. direct: the pairs (of what, in what) whose local derivatives are marked.
    ends_only: whether long sums print as their first term + … + their last. pointing: whether
    symbols carry what they stand for.
    named_adjoints: the computed quantities whose adjoint prints on its own; the others are
    put in their place.
    """

    def __init__(self, notation: Notation, network: Network) -> None:
        self.network = network
        self.roles: Mapping[str, Role] = roles(network)
        self.notes: tuple[str, ...] = ()
        self.letters: Mapping[str, frozenset[str]] = {}
        self.direct: frozenset[tuple[str, str]] = frozenset()
        self.ends_only = False
        self.pointing = False
        if not notation.as_written and not has_layers(self.roles):
            self._note(
                "this network has no layers: no quantity is a sum of weights times inputs,"
                f" so the names of the file are used instead of the notation {notation.name}"
            )
            notation = replace(notation, symbols=None, adjoints={}, gradient=None)
        self.notation = notation
        self.signs = notation.signs
        self.rate: str = notation.rate
        self.commas = any(
            (network.length(size) or 0) > 9 for q in network.quantities.values() for size in q.shape
        )
        self.decimals = bool(_DECIMAL.search(_without_declarations(network.text)))
        self._labelled = any(q.label for q in network.quantities.values())
        self._single = self._one_node_a_layer()
        self._added: set[str] = set()
        self._spellings = self._chosen()
        self._read_adjoints = self._adjoint_spellings()
        self._adjoints = {
            name: spelling
            for name, spelling in self._read_adjoints.items()
            if notation.adjoint_sign > 0 and self.samples(name) == 1
        }
        if self._added:
            self._note(
                f"the notation {notation.name} marks no layers on {', '.join(sorted(self._added))};"
                " the layer is added above in parentheses, since two layers would print alike"
            )
        self._functions = self._function_symbols()
        self.named_adjoints: frozenset[str] = self._named()

    # -- asking ----------------------------------------------------------------------------

    def symbol(self, ref: Ref) -> Symbol | None:
        """The symbol of a component, or None where it prints as an expression.

        That is a hidden quantity without a letter (it prints as its definition) and an
        adjoint without a letter (it prints as the derivative of the loss).
        """
        if ref.name.startswith(ADJOINT):
            spelling = self._adjoints.get(ref.name.removeprefix(ADJOINT))
        elif ref.name in self._spellings:
            spelling = self._spellings[ref.name]
        elif ref.name.endswith(ARGUMENT):
            spelling = None
        else:  # a name that a derivation introduced, or a letter of a law
            spelling = own_spelling(ref.name, len(ref.indices))
        made = spelling.symbol(ref.indices, self.commas) if spelling else None
        return replace(made, of=self._pointer(ref)) if made and self.pointing else made

    def _pointer(self, ref: Ref) -> str:
        """What a symbol stands for: `w2[1,2]`, or `w2` where its indices are letters or hidden."""
        if ref.name.removeprefix(ADJOINT) not in self.network.quantities:
            return ""
        literal = ref.indices and all(isinstance(i, int) for i in ref.indices)
        return plain(ref) if literal else ref.name

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations as they are printed: those of unnamed quantities only where a symbol
        stands for them here.
        """
        return tuple(
            equation
            for name, equation in self.network.equations.items()
            if not name.endswith(ARGUMENT) or name in self._spellings
        )

    @property
    def lets(self) -> Mapping[str, Equation]:
        """The quantities without a name of their own that a symbol stands for here."""
        return {e.name: e for e in self.equations if e.name.endswith(ARGUMENT)}

    def is_direct(self, body: Expr, wrt: Expr) -> bool:
        """Whether a local derivative prints as ∂J/∂a|direct, to tell it from the total one."""
        if not (isinstance(body, Ref) and isinstance(wrt, Ref)):
            return False
        return (body.name, wrt.name) in self.direct

    def varied(self, direct: frozenset[tuple[str, str]], ends_only: bool) -> BoundNotation:
        """The same notation for one derivation, as `direct` and `ends_only` say."""
        if (direct, ends_only) == (self.direct, self.ends_only):
            return self
        made = copy(self)
        made.direct, made.ends_only = direct, ends_only
        return made

    def pointed(self, pointing: bool = True) -> BoundNotation:
        """The same notation with symbols that carry what they stand for, or without."""
        if pointing == self.pointing:
            return self
        made = copy(self)
        made.pointing = pointing
        return made

    def loss_as_function(self) -> Symbol | None:
        """The loss inside a derivative, where the notation has a letter for it (f_e)."""
        made = self.notation.loss_function
        if made is None or self.notation.as_written:
            return None
        letter = made.spelling("", "", "", ()).symbol((), False)
        return replace(letter, of=self.network.loss) if self.pointing else letter

    def function(self, name: str) -> Symbol:
        """The symbol of a function; derivatives carry a prime or the notation's own letter."""
        if name not in self._functions:
            self._functions[name] = self._own_function(name)
        return self._functions[name]

    def layer(self, name: str) -> str:
        """The layer of a quantity as this notation numbers it, "" where it has none."""
        role = self.roles.get(name)
        return self._layer(role) if role else ""

    def order(self, name: str) -> tuple[int, ...]:
        """The places of a tensor's indices in the order in which they are printed."""
        spelling = self._spellings.get(name)
        return spelling.order if spelling else ()

    # -- reading ---------------------------------------------------------------------------

    @property
    def spellings(self) -> Mapping[str, Spelling]:
        """How each quantity prints; one without an entry prints as its expression."""
        return self._spellings

    @property
    def adjoint_spellings(self) -> Mapping[str, Spelling]:
        """The error signals and gradients that have a letter, by the quantity's name.

        Where `notation.adjoint_sign` is -1, they stand for minus the derivative of the loss;
        what more they are multiplied by, `samples` tells.
        """
        return self._read_adjoints

    def samples(self, name: str) -> Size:
        """By how many samples an error signal is more than the derivative of a mean: 1 where
        it is that derivative. name: the quantity's."""
        size = samples_of(self.network) if self.notation.adjoint_of == "sample" else None
        return size if size is not None and has_samples(self.network, name) else 1

    @property
    def read_too(self) -> Iterator[tuple[str, Spelling]]:
        """Other symbols for quantities and adjoints, by what the notation says of the role."""
        reads = self.notation.reads if self.notation.symbols is not None else {}
        for name, role in self.roles.items() if reads else ():
            for made in reads.get(role.kind, ()):
                yield name, self._filled(made, name, role)
            last = self._made_layers and role.layer == self._made_layers[-1]
            if last and "weighted input" in (role.kind, role.also):
                for made in reads.get("last weighted input", ()):
                    yield name, self._filled(made, name, role)
                for made in reads.get("last error", ()):
                    yield ADJOINT + name, self._filled(made, name, role)

    @property
    def added(self) -> frozenset[str]:
        """The letters to which this network made it add a mark for the layer."""
        return frozenset(self._added)

    @property
    def last_layer(self) -> int | None:
        """The number of the output layer, where layers are counted."""
        if self._labelled or not self._made_layers or self._made_layers[-1].symbol:
            return None
        return self._made_layers[-1].offset + self.notation.layers.first - 1

    # -- layers ----------------------------------------------------------------------------

    def _shift(self, role: Role) -> int:
        layers = self.notation.layers
        by = {"weight": layers.weight, "bias": layers.bias}.get(role.kind, layers.weighted_input)
        moves = role.kind in ("weight", "bias", "weighted input", "dot product")
        return -1 if moves and by == "source" else 0

    def _layer(self, role: Role) -> str:
        if role.layer is None:
            return ""
        counted = not (self._labelled or role.layer.symbol)
        offset = role.layer.offset + self._shift(role)
        return str(
            Label(role.layer.symbol, offset + (self.notation.layers.first - 1 if counted else 0))
        )

    def _layer_name(self, role: Role) -> str:
        letters = self.notation.layers.names
        if not letters or role.layer is None or not self._made_layers:
            return ""
        if role.kind == "input" or role.layer.offset < self._made_layers[0].offset:
            return letters.get("input", "i")
        if role.layer == self._made_layers[-1]:
            return letters.get("output", "o")
        hidden = letters.get("hidden", "h")
        return hidden if len(self._made_layers) <= 2 else f"{hidden}{role.layer.offset - 1}"

    @cached_property
    def _made_layers(self) -> tuple[Label, ...]:
        """The layers of the weighted inputs, in order."""
        found = {r.layer for r in self.roles.values() if "weighted input" in (r.kind, r.also)}
        return tuple(sorted((layer for layer in found if layer), key=lambda layer: layer.offset))

    def _one_node_a_layer(self) -> bool:
        """Whether scalars are layers of one node each, so that a layer says which is meant."""
        seen: list[Label | None] = [
            role.layer
            for name, role in self.roles.items()
            if "weighted input" in (role.kind, role.also) and not self.network[name].shape
        ]
        return len(seen) == len(set(seen))

    # -- spellings -------------------------------------------------------------------------

    def _chosen(self) -> dict[str, Spelling]:
        if self.notation.as_written:
            made = {name: self._own(name) for name in self.roles if self._needs_name(name)}
        else:
            made = dict(self._from_roles())
            made = self._with_marks(made)
        clashing = sorted(self._clashes(made))
        if clashing and not self.notation.as_written:
            self._note(f"{_listed(clashing)} keep their own names, to be told apart")
            made |= {name: self._own(name) for name in clashing}
            clashing = sorted(self._clashes(made))
        if clashing:
            self._note(f"{_listed(clashing)} are printed as words, to be told apart")
            made |= {name: self._as_word(name) for name in clashing}
        if left := self._clashes(made):
            raise NotationError(f"{_listed(sorted(left))} would print alike", "rename one of them")
        return made

    def _as_word(self, name: str) -> Spelling:
        word = self._own(name).own if name.endswith(ARGUMENT) else name
        return Spelling(word, own=word)

    def _needs_name(self, name: str) -> bool:
        """Whether a quantity cannot print as its expression: it has a name, or is too long."""
        if not name.endswith(ARGUMENT):
            return True
        return len(plain(self.network.equations[name].right)) > _SHORT

    def _own(self, name: str) -> Spelling:
        quantity = self.network[name]
        label = str(quantity.label) if quantity.label else ""
        if quantity.hidden:
            return self._fresh(name, label)
        return own_spelling(name, len(quantity.shape), label)

    def _fresh(self, name: str, label: str) -> Spelling:
        """A new name for an unnamed argument, made from what it goes into: z_h for h's."""
        base = self.network[name].base or name.removesuffix(ARGUMENT)
        stems = (*"zuvst", *(f"z{number}" for number in range(1, len(self.roles) + 2)))
        letter = next(stem for stem in stems if f"{stem}_{base}" not in self._taken)
        own = f"{letter}_{base}" + (f"{{{label}}}" if label else "")
        return Spelling(letter, (base,), f"({label})" if label else "", own=own)

    @cached_property
    def _taken(self) -> frozenset[str]:
        bases = {quantity.base for quantity in self.network.quantities.values()}
        return frozenset(bases | self.network.quantities.keys() | self.network.sizes.keys())

    def _from_roles(self) -> Iterator[tuple[str, Spelling]]:
        table = self.notation.symbols or {}
        over_samples = self._over_samples(table)
        for name, role in self.roles.items():
            made = over_samples.get(name) or self._template_for(role, table)
            if made is None and role.kind == "weighted input" and not name.endswith(ARGUMENT):
                made = table.get("named weighted input")
            if made is not None:
                yield name, self._filled(made, name, role)
            elif self._needs_name(name):
                yield name, replace(self._own(name), own="")

    def _over_samples(self, table: Mapping[str, Template]) -> Mapping[str, Template]:
        """The mean loss and each sample's, where the network was lifted over samples."""
        mean = mean_over_samples(self.network)
        if mean is None:
            return {}
        sample = mean.body.name if isinstance(mean.body, Ref) else ""
        terms = self.network.equations[sample].right.names
        chosen = {self.network.loss: table.get("mean loss"), sample: table.get("sample loss")}
        chosen[sample] = chosen[sample] or table.get("loss")
        for name in terms:
            if self.roles[name].kind == "loss term":
                chosen[name] = table.get("sample loss term")
        return {name: made for name, made in chosen.items() if made is not None}

    @staticmethod
    def _template_for(role: Role, table: Mapping[str, Template]) -> Template | None:
        # a linear activation is its own weighted input: the activation's symbol goes first
        return table.get(role.kind) or (table.get(role.also) if role.also else None)

    def _filled(self, made: Template, name: str, role: Role) -> Spelling:
        # one node a layer: the layer tells w^(1) from w^(2), the number would say it twice
        dropped = made.shows_layer and self._single and role.layer is not None
        number = "" if dropped or role.number is None else str(role.number)
        order = role.order
        if role.kind == "weight" and order and self.notation.weight_order == "from to":
            order = (*order[1:], order[0])
        return made.spelling(self._layer(role), self._layer_name(role), number, order)

    def _with_marks(self, made: dict[str, Spelling]) -> dict[str, Spelling]:
        """Add a layer mark to the symbols that would otherwise print alike."""
        alike = {(made[name].letter, made[name].sub) for name in self._clashes(made)}
        marked = dict(made)
        for name, spelling in made.items():
            layer = self._layer(self.roles[name])
            if (spelling.letter, spelling.sub) in alike and layer and not spelling.sup:
                marked[name] = replace(spelling, sup=f"({layer})")
                self._added.add(spelling.letter)
        return marked

    # -- telling apart ---------------------------------------------------------------------

    def _clashes(self, made: Mapping[str, Spelling]) -> frozenset[str]:
        """The quantities (or adjoints) of which some component prints like one of another."""
        found: set[str] = set()
        same: dict[tuple[object, ...], str] = {}
        alike: dict[tuple[str, str], list[str]] = {}
        for name, spelling in made.items():
            rank = len(self.network[name.removeprefix(ADJOINT)].shape)
            s = spelling
            first = same.setdefault((s.letter, s.sub, s.after, s.sup, rank), name)
            if first != name:
                found |= {first, name}
            else:
                alike.setdefault((s.letter, s.sup), []).append(name)
        for group in alike.values():
            for near in _near(group, made) if len(group) > 1 else ():
                found |= self._clashing({name: made[name] for name in near})
        return frozenset(found)

    def _clashing(self, group: Mapping[str, Spelling]) -> set[str]:
        owner: dict[tuple[object, ...], str] = {}
        found: set[str] = set()
        for name, spelling in group.items():
            shape = self.network[name.removeprefix(ADJOINT)].shape
            for indices in self._samples(shape):
                key = spelling.symbol(indices, self.commas).key
                first = owner.setdefault(key, name)
                if first != name:
                    found |= {first, name}
        return found

    def _samples(self, shape: tuple[Size, ...]) -> Iterator[tuple[int | str, ...]]:
        """Components to compare: all of a small tensor, the ends of a long axis; letters."""
        if not shape:
            yield ()
            return
        yield tuple("ijklmpq"[axis % 7] for axis in range(len(shape)))
        most = max(3, round(_COMPARED ** (1 / len(shape))))
        ranges = []
        for size in shape:
            length = self.network.length(size) or 3
            ends = range(1, length + 1)
            long = length > most
            ranges.append([*ends[: most - 2], *ends[-2:]] if long else list(ends))
        yield from combinations(*ranges)

    # -- adjoints --------------------------------------------------------------------------

    def _adjoint_spellings(self) -> dict[str, Spelling]:
        table = dict(self.notation.adjoints or {})
        if either := table.pop("difference or output", None):
            kinds = {role.kind for role in self.roles.values()}
            table["difference" if "difference" in kinds else "output"] = either
        made: dict[str, Spelling] = {}
        for name, role in self.roles.items():
            template = table.get(role.kind) or (table.get(role.also) if role.also else None)
            if role.kind in ("weight", "bias"):
                template = self.notation.gradient if role.kind == "weight" else table.get("bias")
            if template is not None:
                made[name] = self._filled(template, name, role)
        made = self._with_marks(made)
        printed = {ADJOINT + name: spelling for name, spelling in made.items()}
        found = self._clashes({**self._spellings, **printed}) & printed.keys()
        plain_letters = {s.letter for s in self._spellings.values() if not s.sup}
        clashing = sorted(
            # s_3^2 would be a square as well as layer 2 of s
            found | {n for n, s in printed.items() if s.sup.isalnum() and s.letter in plain_letters}
        )
        owners = [name.removeprefix(ADJOINT) for name in clashing]
        if owners:
            self._note(
                f"the derivatives of the loss in {_listed(owners)} are written as fractions,"
                " since their letter is taken here"
            )
        return {name: spelling for name, spelling in made.items() if name not in owners}

    def _named(self) -> frozenset[str]:
        computed = frozenset(self.network.equations) - {self.network.loss}
        with_symbol = computed & self._adjoints.keys()
        return with_symbol or computed

    # -- functions -------------------------------------------------------------------------

    def _function_symbols(self) -> dict[str, Symbol]:
        letter = self.notation.function
        if self.notation.as_written or not letter:
            return {}
        used = {
            equation.right.function
            for name, equation in self.network.equations.items()
            if self.roles[name].kind in ("activation", "output", "loss")
            and isinstance(equation.right, Apply)
        }
        bases = {name.split("{")[0] for name in used}
        if not bases:
            return {}
        if len(bases) > 1:
            self._note(
                "this network has several activation functions, which keep their own names:"
                f" {', '.join(sorted(bases))}"
            )
            return {}
        known = bases <= {"sigmoid"} or self.network.functions[min(used)].abstract
        if letter == "σ" and not known:
            return {}  # σ says sigmoid to most readers
        if any(s.key == Symbol(letter).key for s in self._whole_symbols()):
            self._note(f"the activation function keeps its own name, as {letter} is taken here")
            return {}
        made: dict[str, Symbol] = {}
        for name in used:
            sup = self._function_mark(name)
            derivative = lookup(name, self.network.functions).derivative_name
            own = self.notation.derivative
            made[name] = Symbol(letter, (), sup)
            made[derivative] = Symbol(own or letter, (), sup, 0 if own else 1)
        self._say_letter(letter, min(used), frozenset(made))
        return made

    def _say_letter(self, letter: str, name: str, printed: frozenset[str]) -> None:
        """Note what a letter stands for, unless it is the function's own."""
        base = name.split("{")[0]
        if letter == base or (letter == "σ" and base == "sigmoid"):
            return
        own = self.notation.derivative
        derivative = f", {own} for its derivative" if own else ""
        abstract = self.network.functions[name].abstract
        shown = f"the function {base}" if abstract else f"the {base} function"
        note = f"{letter} stands for {shown} here{derivative}"
        self._note(note)
        self.letters = {**self.letters, note: printed}

    def _function_mark(self, name: str) -> str:
        """The layer of g{L} as this notation marks layers."""
        _, _, label = name.partition("{")
        activation = (self.notation.symbols or {}).get("activation")
        mark = (activation.sup if activation else "") or "(layer)"
        return mark.replace("layer", label.rstrip("}")) if label else ""

    def _whole_symbols(self) -> Iterator[Symbol]:
        for spelling in self._spellings.values():
            yield spelling.symbol((), False)

    def _own_function(self, name: str) -> Symbol:
        base = name.rstrip("'")
        primes = len(name) - len(base)
        if base in self._functions:
            return replace(self._functions[base], primes=self._functions[base].primes + primes)
        stem, _, label = base.partition("{")
        sup = f"({label.rstrip('}')})" if label else ""
        row = self.network.functions.get(base)
        letter = self._as_read(stem) if self.notation.as_written else row.text if row else ""
        letter = letter or stem
        if len(letter) == 1 and any(s.key == Symbol(letter).key for s in self._whole_symbols()):
            letter = stem
        if row is not None or len(letter) > 1:
            upright = len(letter) > 1
            return Symbol(letter, (), sup, primes, upright)
        return Symbol(letter, (), sup, primes)

    def _as_read(self, name: str) -> str:
        """A function's name as the file spells it: σ where it writes σ(z)."""
        text = self.network.text
        spelt = [other for other, known in ALIASES.items() if known == name]
        written = [other for other in spelt if f"{other}(" in text]
        return written[0] if written and f"{name}(" not in text else name

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes = (*self.notes, text)


def _without_declarations(text: str) -> str:
    """The equations of a file: the values of its declarations are no part of what prints."""
    lines = (line.split("#", 1)[0] for line in text.splitlines())
    return "\n".join(line for line in lines if not _DECLARATION.match(line))


def _near(group: list[str], made: Mapping[str, Spelling]) -> Iterator[list[str]]:
    """The names of which one's subscripts may begin like another's: only these can clash."""
    near: list[str] = []
    for name in sorted(group, key=lambda name: made[name].beginning):
        if near and not made[name].beginning.startswith(made[near[0]].beginning):
            if len(near) > 1:
                yield near
            near = []
        near.append(name)
    if len(near) > 1:
        yield near


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= 6 else [*names[:6], f"{len(names) - 6} more"]
    return ", ".join(shown)


AnyNotation: TypeAlias = str | Path | Notation | BoundNotation
"""A notation, its name or the path of its file; or one that is bound to its network already."""


def bind(notation: AnyNotation, network: Network) -> BoundNotation:
    """The notation for this network, with what had to be added in its notes.

    Raises NotationError where there is none of that name, or where two quantities would print
    alike whatever mark is added.
    """
    if isinstance(notation, BoundNotation):
        return notation
    wanted = "its name, such as 'nielsen', or the path of a .toml file"
    expect("a notation", notation, (str, Path, Notation), wanted)
    return BoundNotation(notation if isinstance(notation, Notation) else load(notation), network)
