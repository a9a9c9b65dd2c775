"""The normal form: an expression under sums as a list of products.

Products and powers are opened, numbers gathered, deltas over summed letters sifted. A sum
among the factors is multiplied out only where that helps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from ..expr import Add, Delta, Expr, Index, Mul, Number, Power, Reduce, Ref, with_indices
from .build import Builder
from .positive import Positive, unbounded

_ONE = Fraction(1)

_LARGEST_EXACT_POWER = 64

Factor: TypeAlias = tuple[Expr, Fraction]
"""base^exponent, the exponent a number."""


@dataclass(frozen=True)
class Term:
    """The sum over `summed` of coefficient * product of factors."""

    coefficient: Fraction
    factors: tuple[Factor, ...]
    summed: tuple[str, ...]


class Terms:
    """Brings expressions of one network to normal form.

    build: where letters are bound. numbers: scalar constants by name. inlined: what is to be
    put in the place of a Ref before anything else, if anything; told whether a factor beside it
    may be huge. length: of a sum's index.
    """

    def __init__(
        self,
        build: Builder,
        positive: Positive,
        numbers: Mapping[str, Fraction],
        inlined: Callable[[Ref, bool], Expr | None],
        length: Callable[[Reduce], int],
    ) -> None:
        self.build, self.positive, self.numbers = build, positive, numbers
        self.inlined, self.length = inlined, length

    def of(self, e: Expr, summed: tuple[str, ...]) -> list[Term]:
        """The sum of `e` over `summed` as terms; the letters that they bind stay in scope."""
        made: list[Term] = []
        waiting = [Term(_ONE, ((e, _ONE),), summed)]
        while waiting:
            term = self._flattened(waiting.pop())
            if term.coefficient == 0:
                continue
            if any(self._huge(base, n) for base, n in term.factors):
                term = self._flattened(term, beside_huge=True)
            parts = self._split(term)
            if parts is not None:
                waiting.extend(reversed(parts))
                continue
            sifted = self._sifted(term)
            if sifted is None:
                made.append(term)
            else:
                waiting.append(sifted)
        return made

    def dangerous(self, term: Term) -> bool:
        """Whether it divides by something positive that may be tiny or huge."""
        return any(
            self.positive.divides(base, n) or (n == 1 and self._endangered_sum(base))
            for base, n in term.factors
        )

    def _flattened(self, term: Term, beside_huge: bool = False) -> Term:
        """Numbers go to the coefficient, nested products and powers are opened."""
        coefficient = term.coefficient
        factors: list[Factor] = []
        waiting = list(reversed(term.factors))
        while waiting:
            base, n = waiting.pop()
            if isinstance(base, Ref):
                if base.name in self.numbers:
                    base = Number(self.numbers[base.name])
                else:
                    inlined = self.inlined(base, beside_huge)
                    base = base if inlined is None else inlined
            whole = n.denominator == 1
            if isinstance(base, Number) and _exact(base.value, n):
                coefficient *= base.value ** int(n)
            elif isinstance(base, Mul) and whole:
                waiting.extend((factor, n) for factor in reversed(base.factors))
            elif isinstance(base, Power) and isinstance(base.exponent, Number) and whole:
                waiting.append((base.base, base.exponent.value * n))
            elif isinstance(base, Delta) and n > 0:
                trivial = self._known_delta(base)
                if trivial is None:
                    factors.append((base, _ONE))
                else:
                    coefficient *= trivial
            else:
                factors.append((base, n))
        return Term(coefficient, tuple(factors), term.summed)

    def _huge(self, base: Expr, n: Fraction) -> bool:
        """Whether base^n is a product with an exponential above the line."""
        atoms = self.positive.atoms(base)
        return atoms is not None and any(n * m > 0 and unbounded(b) for b, m in atoms)

    def _known_delta(self, delta: Delta) -> int | None:
        left, right = delta.left, delta.right
        if isinstance(right, Expr) or (isinstance(left, int) != isinstance(right, int)):
            return None
        return 1 if left == right else 0 if isinstance(left, int) else None

    def _split(self, term: Term) -> list[Term] | None:
        """The term taken apart at a sum among its factors, where that helps; else None.

        It helps where the sum stands alone, where it holds a delta that can be sifted, and
        where it holds a division by something tiny that another factor cancels.
        """
        dangerous = self.dangerous(term)
        for i, (base, n) in enumerate(term.factors):
            if n != 1:
                continue
            alone = len(term.factors) == 1
            others = term.factors[:i], term.factors[i + 1 :]
            if isinstance(base, Add) and (
                alone or self._siftable(base, term.summed) or self._to_cancel(base, dangerous)
            ):
                return [
                    replace(term, factors=(*others[0], (part, _ONE), *others[1]))
                    for part in base.terms
                ]
            if (
                isinstance(base, Reduce)
                and base.op == "sum"
                and (alone or (dangerous and self._hides_danger(base)))
            ):
                letter, body = self.build.bind(base, self.length(base))
                factors = (*others[0], (body, _ONE), *others[1])
                return [Term(term.coefficient, factors, (*term.summed, letter))]
        return None

    def _endangered_sum(self, base: Expr) -> bool:
        return isinstance(base, Add | Reduce) and self.positive.endangered(base)

    def _hides_danger(self, e: Reduce) -> bool:
        return self.positive.atoms(e) is None and self.positive.endangered(e.body)

    def _to_cancel(self, e: Add, dangerous: bool) -> bool:
        if not dangerous or self.positive.atoms(e) is not None:
            return False
        return self.positive.endangered(e) or any(
            (atoms := self.positive.atoms(factor)) is not None
            and any(unbounded(base) for base, _ in atoms)
            for t in e.terms
            for factor in (t.factors if isinstance(t, Mul) else (t,))
        )

    def _siftable(self, e: Expr, summed: tuple[str, ...]) -> bool:
        """Whether a delta over a summed letter stands in `e`, outside functions and powers."""
        if isinstance(e, Delta):
            return e.left in summed or e.right in summed
        if isinstance(e, Add | Mul):
            return any(self._siftable(c, summed) for c in e.children)
        return False

    def _sifted(self, term: Term) -> Term | None:
        """sum(k: delta(k,i)*a[k]) -> a[i]; None where no delta can be sifted."""
        for i, (base, _) in enumerate(term.factors):
            if not isinstance(base, Delta) or isinstance(base.right, Expr):
                continue
            for letter, other in ((base.left, base.right), (base.right, base.left)):
                if not isinstance(letter, str) or letter not in term.summed:
                    continue
                size = self.build.sizes[letter]
                if isinstance(other, int):
                    if not 1 <= other <= size:
                        return replace(term, coefficient=Fraction(0))
                elif self.build.sizes[other] != size:
                    continue
                rest = (*term.factors[:i], *term.factors[i + 1 :])
                change: dict[str, Index] = {letter: other}
                return Term(
                    term.coefficient,
                    tuple((with_indices(b, change), n) for b, n in rest),
                    tuple(s for s in term.summed if s != letter),
                )
        return None


def _exact(value: Fraction, exponent: Fraction) -> bool:
    """Whether value^exponent is an exact number of a reasonable size."""
    small = exponent.denominator == 1 and abs(exponent) <= _LARGEST_EXACT_POWER
    return small and (value != 0 or exponent > 0)
