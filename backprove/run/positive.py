"""What is known to be positive, as a product of atoms whose logarithms never overflow.

`exp(z[i])/sum(k: exp(z[k]))` overflows for z = 1000 when computed as written; its logarithm,
z[i] - logsumexp(z), does not. So a quotient of exponentials is taken apart into atoms
(exponentials, sums of them, sigmoids) with exponents; equal atoms cancel, and what is left is
computed in the logarithm. Definitions are looked through: `log(p[i])` is stable where the
file says p[i] = exp(z[i])/sum(k: exp(z[k])).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

from ..expr import (
    MINUS_ONE,
    ONE,
    Add,
    Apply,
    Expr,
    Index,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    canonical,
    negative,
    product,
    total,
    walk,
    with_indices,
)
from ..network import Network

Atom: TypeAlias = "tuple[Expr, Fraction]"
"""A positive expression (Number, exp, sigmoid, or a sum of positive terms) and its exponent."""

Atoms: TypeAlias = "tuple[Atom, ...]"


class Positive:
    """Recognises positive expressions of one network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._named: dict[str, Atoms] = {}
        for equation in network.equations.values():
            # in the order of computation, so that no look-up goes deeper than one definition
            atoms = self.atoms(equation.right)
            if atoms is not None and any(not isinstance(base, Number) for base, _ in atoms):
                self._named[equation.name] = atoms

    def knows(self, name: str) -> bool:
        """Whether the definition of a name is looked through."""
        return name in self._named

    def atoms(self, e: Expr) -> Atoms | None:
        """The atoms whose product `e` is, or None where it is not known to be one."""
        match e:
            case Number():
                return ((e, Fraction(1)),) if e.value > 0 else None
            case Apply(function="exp" | "sigmoid"):
                return ((e, Fraction(1)),)
            case Ref():
                return self._of_ref(e)
            case Power(exponent=Number(value=n)):
                inner = self.atoms(e.base)
                return None if inner is None else tuple((b, m * n) for b, m in inner)
            case Mul():
                found: list[Atom] = []
                for factor in e.factors:
                    inner = self.atoms(factor)
                    if inner is None:
                        return None
                    found.extend(inner)
                return tuple(found)
            case Add():
                complement = self._complement(e)
                if complement is not None:
                    return complement
                return ((e, Fraction(1)),) if self._sums_exponentials(e.terms) else None
            case Reduce(op="sum"):
                return ((e, Fraction(1)),) if self._sums_exponentials((e.body,)) else None
            case _:
                return None

    def divides(self, base: Expr, exponent: Fraction) -> bool:
        """Whether base^exponent is a division by something positive that may be tiny or huge."""
        if exponent >= 0 or isinstance(base, Number):
            return False
        atoms = self.atoms(base)
        return atoms is not None and any(not isinstance(b, Number) for b, _ in atoms)

    def endangered(self, e: Expr) -> bool:
        """Whether some part of `e`, outside functions, divides in that way."""
        return any(
            isinstance(node, Power)
            and isinstance(node.exponent, Number)
            and self.divides(node.base, node.exponent.value)
            for node in walk(e)
        )

    def contains(self, whole: Expr, exponential: Expr) -> bool:
        """Whether the sum `whole` has `exponential` among its terms, so that it is no smaller."""
        if isinstance(whole, Add):
            wanted = canonical(exponential)
            return any(
                (atoms := self.atoms(term)) is not None
                and len(atoms) == 1
                and atoms[0][1] == 1
                and canonical(atoms[0][0]) == wanted
                for term in whole.terms
            )
        if isinstance(whole, Reduce):
            atoms = self.atoms(whole.body)
            if atoms is None or len(atoms) != 1 or atoms[0][1] != 1:
                return False
            wanted = canonical(exponential)
            return any(
                canonical(with_indices(atoms[0][0], {whole.index: position})) == wanted
                for position in _positions(exponential)
            )
        return False

    def _of_ref(self, ref: Ref) -> Atoms | None:
        atoms = self._named.get(ref.name)
        if atoms is None:
            return None
        letters = self._network.equations[ref.name].indices
        change: dict[str, Index] = dict(zip(letters, ref.indices, strict=True))
        return tuple((with_indices(base, change), n) for base, n in atoms)

    def _complement(self, e: Add) -> Atoms | None:
        """The atoms of 1 - x, where x is a sigmoid or one term's share of a sum."""
        if len(e.terms) != 2 or ONE not in e.terms:
            return None
        other = e.terms[1] if e.terms[0] is ONE else e.terms[0]
        if not isinstance(other, Mul) or other.factors[0] is not MINUS_ONE:
            return None
        atoms = self.atoms(product(other.factors[1:])) or ()
        match atoms:
            case ((Apply(function="sigmoid") as sigmoid, Fraction(numerator=1, denominator=1)),):
                return ((Apply("sigmoid", negative(sigmoid.argument)), Fraction(1)),)
        for whole, n in atoms:
            if isinstance(whole, Add) and n == -1:
                return self._without(whole, _key(a for a in atoms if a[0] is not whole))
        return None

    def _without(self, whole: Add, share: _Key) -> Atoms | None:
        """(whole - share)/whole, where `share` is one of its terms: 1 - a/(a + b) -> b/(a + b)."""
        for place, term in enumerate(whole.terms):
            if _key(self.atoms(term) or ()) == share:
                rest = self.atoms(total((*whole.terms[:place], *whole.terms[place + 1 :])))
                return None if rest is None else (*rest, (whole, Fraction(-1)))
        return None

    def _sums_exponentials(self, terms: tuple[Expr, ...]) -> bool:
        """Whether all terms are positive and some are not bounded as sigmoids are."""
        rows = [self.atoms(term) for term in terms]
        return all(row is not None for row in rows) and any(
            unbounded(base) for row in rows if row is not None for base, _ in row
        )


def unbounded(base: Expr) -> bool:
    """Whether an atom may grow without bound: exponentials and their sums."""
    return not isinstance(base, Number) and not (
        isinstance(base, Apply) and base.function == "sigmoid"
    )


_Key: TypeAlias = "frozenset[tuple[object, Fraction]]"


def _key(atoms: Iterable[Atom]) -> _Key:
    """Equal for equal products; the number 1 leaves no trace."""
    return frozenset((canonical(base), n) for base, n in atoms if base is not ONE)


def _positions(e: Expr) -> list[Index]:
    """The indices that occur in `e`."""
    found: dict[Index, None] = dict.fromkeys(sorted(e.free))
    for node in walk(e):
        if isinstance(node, Ref):
            found.update(dict.fromkeys(node.indices))
    return list(found)
