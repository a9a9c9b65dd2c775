"""Mistakes to plant: mutants that are wrong for certain, of all kinds that fit a network."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from random import Random

from ...errors import NetworkError
from ...expr import Expr, Ref
from ...network import RATE, Network
from ...verify import Oracle
from .mutations import Mutant, mutants
from .probes import Ground, Work, close
from .truth import Truth


def plants(
    network: Network, asked: Ref | str, seed: int = 0, *, oracle: Oracle | None = None
) -> Iterator[Mutant]:
    """Wrong gradients, refuted by the oracle, in random order, the kinds by turns."""
    truth = Truth(network, asked)
    known = (oracle or Oracle(network)).beside({}, (RATE,))
    ground = Ground(known, 0, Work(), truth.adjoints)
    setting = {
        letter: 1 + n % ground.point.length(size)
        for n, (letter, size) in enumerate(truth.letters.items())
    }
    right = ground.value(truth.forms[0].expr, setting)
    by_kind: dict[str, list[Mutant]] = {}
    seen: set[tuple[Expr, tuple[str, ...]]] = set()
    for mutant in mutants(truth):
        key = mutant.expr, mutant.kinds
        if key in seen:
            continue
        seen.add(key)
        value = ground.value(mutant.expr, setting)
        if mutant.planted and isfinite(value) and (right == 0 or not close(value, right)):
            by_kind.setdefault(mutant.kinds[0], []).append(mutant)
    random = Random(f"{seed}/{truth.asked}")
    kinds = sorted(by_kind)
    for kind in kinds:
        random.shuffle(by_kind[kind])
    while any(by_kind.values()):
        random.shuffle(kinds)
        for kind in kinds:
            while by_kind[kind]:
                mutant = by_kind[kind].pop()
                if _refuted(truth, known, mutant):
                    yield mutant
                    break


def _refuted(truth: Truth, oracle: Oracle, mutant: Mutant) -> bool:
    try:
        answer = oracle.agree(truth.exact, mutant.expr, ranges=truth.letters)
    except NetworkError:
        return False
    return answer.verdict == "refuted"
