"""How often a planted mistake is found, and named: every kind on random networks.

    python benchmarks/diagnosis.py [--networks 200] [--seed 0] [--processes 2] [--show]

Prints two tables: how many answers were found wrong; for how many the kind of what was planted
is among those named; and for how many the kind named first is that of one mistake that gives
just this answer (mistakes that are equal in value serve for either kind). In the first table
the mistakes come from the table of mutations; in the second from edits that know nothing of
it: a factor, term, sign, number, index or name is changed at random in the simplified gradient.
Every answer is disguised before it is handed in: factors and terms in another order, names put
back or brackets multiplied out. Then correct derivations in every style are judged. --show
lists what was not found.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

from networks import network_of

from backprove.derivation import derive
from backprove.errors import BackproveError
from backprove.expr import (
    TWO,
    Add,
    Expr,
    Index,
    Mul,
    Number,
    Path,
    Reduce,
    Ref,
    Size,
    negative,
    product,
    replaced,
    total,
    with_indices,
)
from backprove.judge.diagnosis.matching import diagnose
from backprove.judge.diagnosis.plants import plants
from backprove.judge.diagnosis.truth import Truth
from backprove.network import RATE, Network, adjoint
from backprove.rewrite import rewritten
from backprove.rules import FOLDING, MULTIPLYING_OUT, Scope
from backprove.verify import Oracle


@dataclass
class Row:
    """What happened to the mistakes of one kind."""

    planted: int = 0
    wrong: int = 0
    first: int = 0
    among: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Row) -> None:
        self.planted += other.planted
        self.wrong += other.wrong
        self.first += other.first
        self.among += other.among
        self.seconds = max(self.seconds, other.seconds)
        self.failures += other.failures


@dataclass
class Score:
    """Of one network: by kind, from the table and from edits; and correct lines called wrong."""

    table: dict[str, Row] = field(default_factory=dict)
    edits: dict[str, Row] = field(default_factory=dict)
    correct: int = 0
    called_wrong: list[str] = field(default_factory=list)


# -- disguises -----------------------------------------------------------------------------


def disguised(e: Expr, network: Network, random: Random) -> Expr:
    """An expression of the same value that looks different."""
    rules = random.choice(((), FOLDING, MULTIPLYING_OUT))
    return shuffled(rewritten(e, rules, Scope(network), set()) if rules else e, random)


def shuffled(e: Expr, random: Random) -> Expr:
    """Terms and factors in another order."""
    children = [shuffled(child, random) for child in e.children]
    if isinstance(e, Add | Mul):
        random.shuffle(children)
    return e.rebuilt(tuple(children)) if children else e


# -- edits that know nothing of the table --------------------------------------------------

Scoped = tuple[Path, Expr, dict[str, Size]]


def scoped(e: Expr, letters: dict[str, Size], path: Path = ()) -> Iterator[Scoped]:
    """Every part with its place and the letters that mean something there."""
    yield path, e, letters
    inner = {**letters, e.index: e.size} if isinstance(e, Reduce) else letters
    for n, child in enumerate(e.children):
        yield from scoped(child, inner, (*path, n))


def edits(network: Network, truth: Truth, random: Random) -> Iterator[tuple[str, Expr]]:
    """A few random edits of the simplified gradient, each with the word for it."""
    whole = truth.answer
    rows = list(scoped(whole, dict(truth.letters)))
    random.shuffle(rows)
    yield "sign", negative(whole)
    yield "constant-factor", TWO * whole
    wanted = {"missing-factor": 2, "sign": 1, "missing-term": 1, "wrong-index": 2,
              "missing-sum": 1, "extra-factor": 1, "wrong-layer": 1}  # fmt: skip
    for path, e, letters in rows:
        for kind, new in edited(network, e, letters, random):
            if wanted.get(kind, 0) and new is not e:
                wanted[kind] -= 1
                yield kind, replaced(whole, path, new)


def edited(
    network: Network, e: Expr, letters: dict[str, Size], random: Random
) -> Iterator[tuple[str, Expr]]:
    if isinstance(e, Mul):
        n = random.randrange(len(e.factors))
        rest = product(e.factors[:n] + e.factors[n + 1 :])
        if not isinstance(e.factors[n], Number) and not isinstance(rest, Number):
            yield "missing-factor", rest
            yield "extra-factor", Mul((*e.factors, e.factors[n]))
    if isinstance(e, Add):
        n = random.randrange(len(e.terms))
        yield "sign", Add((*e.terms[:n], negative(e.terms[n]), *e.terms[n + 1 :]))
        yield "missing-term", total(e.terms[:n] + e.terms[n + 1 :])
    if isinstance(e, Reduce) and e.op == "sum" and network.length(e.size) != 1:
        yield "missing-sum", with_indices(e.body, {e.index: 1})
    if isinstance(e, Ref) and e.name in network.quantities:
        shape = network[e.name].shape
        for axis, size in enumerate(shape):
            other = same_size(network, e.indices[axis], size, letters)
            if other is not None:
                indices = (*e.indices[:axis], other, *e.indices[axis + 1 :])
                yield "wrong-index", Ref(e.name, indices)
        for name, quantity in network.quantities.items():
            same_kind = quantity.kind == network[e.name].kind == "weight"
            if same_kind and name != e.name and quantity.shape == shape and shape:
                yield "wrong-layer", Ref(name, e.indices)


def same_size(network: Network, index: Index, size: Size, letters: dict[str, Size]) -> Index | None:
    for letter, known in letters.items():
        if letter != index and network.length(known) == network.length(size):
            return letter
    length = network.length(size)
    if isinstance(index, int) and length is not None and length > 1:
        return index % length + 1
    return None


# -- judging -------------------------------------------------------------------------------


def judged(number: int, seed: int) -> Score:
    """The score of one of the networks."""
    network, asked = network_of(number, seed)
    random = Random(f"{seed}/{number}/answers")
    oracle = Oracle(network, symbols=(RATE,))
    score = Score()
    truth = Truth(network, asked)
    done: set[str] = set()
    for mutant in plants(network, asked, seed, oracle=oracle):
        kind = mutant.kinds[0]
        if kind in done:  # the kinds come by turns
            break
        done.add(kind)
        where = f"{number} {asked}: {mutant.expr}"
        score.table[kind] = handed_in(truth, oracle, kind, mutant.expr, where, random)
    for kind, wrong in edits(network, truth, random):
        if oracle.agree(truth.exact, wrong, ranges=truth.letters).verdict == "refuted":
            row = handed_in(truth, oracle, kind, wrong, f"{number} {asked}: {wrong}", random)
            score.edits.setdefault(kind, Row()).add(row)
    for e in correct_lines(network, asked):
        score.correct += 1
        if oracle.agree(truth.exact, e, ranges=truth.letters).verdict == "refuted":
            score.called_wrong.append(f"{number} {asked}: {e}")
    return score


def handed_in(
    truth: Truth, oracle: Oracle, kind: str, wrong: Expr, where: str, random: Random
) -> Row:
    answer = disguised(wrong, truth.network, random)
    row = Row(planted=1)
    row.wrong = oracle.agree(truth.exact, answer, ranges=truth.letters).verdict == "refuted"
    start = perf_counter()
    found = diagnose(truth.network, truth.asked, answer, oracle)
    row.seconds = perf_counter() - start
    named = [e.kinds for e in found.explanations]
    row.among = (kind,) in named
    # mistakes of equal value serve for either kind, and the oracle has confirmed the value
    row.first = len(found.kinds) == 1 and found.kinds != ("special-case",)
    if not row.first or not row.wrong or not row.among:
        row.failures.append(f"{kind} at {where}\n    named: {named}")
    return row


def correct_lines(network: Network, asked: Ref) -> Iterator[Expr]:
    """The lines of the derivations in every style that equal the gradient, disguised or not."""
    random = Random(str(asked))
    for style in ("chain", "equation", "dynamic"):
        for zoom in ("scalar", "index") if not asked.free else ("index",):
            try:
                derivation = derive(network, asked, style=style, zoom=zoom)
            except BackproveError:
                continue
            if derivation.quantity is not asked:
                continue
            for block in derivation.blocks:
                if block.left is not None and block.left in (
                    adjoint(asked), Truth(network, asked).exact
                ):  # fmt: skip
                    for line in block.lines:
                        yield line.right
            if derivation.answer is not None:
                yield derivation.answer
                yield disguised(derivation.answer, network, random)


# -- the tables ----------------------------------------------------------------------------


def printed(title: str, table: dict[str, Row]) -> None:
    print(f"\n{title}\n")
    print("| kind | planted | found wrong | kind named | right kind first | slowest, s |")
    print("|---|---|---|---|---|---|")
    every = Row()
    for kind in sorted(table):
        every.add(table[kind])
        print(line(kind, table[kind]))
    print(line("all", every))


def line(kind: str, row: Row) -> str:
    def share(n: int) -> str:
        return f"{100 * n / row.planted:.1f} %" if row.planted else "-"

    return (f"| {kind} | {row.planted} | {share(row.wrong)} | {share(row.among)} |"
            f" {share(row.first)} | {row.seconds:.2f} |")  # fmt: skip


def measured(count: int, seed: int, processes: int) -> Score:
    """The scores of all networks, added."""
    every = Score()
    with ProcessPoolExecutor(processes) as pool:
        numbers = range(count)
        for score in pool.map(judged, numbers, [seed] * count, chunksize=4):
            for mine, theirs in ((every.table, score.table), (every.edits, score.edits)):
                for kind, row in theirs.items():
                    mine.setdefault(kind, Row()).add(row)
            every.correct += score.correct
            every.called_wrong += score.called_wrong
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    start = perf_counter()
    score = measured(options.networks, options.seed, options.processes)
    printed("Mistakes from the table of mutations", score.table)
    printed("Random edits of the simplified gradient", score.edits)
    wrong = len(score.called_wrong)
    print(f"\ncorrect lines: {score.correct}, called wrong: {wrong}")
    print(f"{perf_counter() - start:.0f} s")
    if options.show:
        for row in (*score.table.values(), *score.edits.values()):
            for failure in row.failures:
                print(failure)
        for text in score.called_wrong:
            print("called wrong:", text)


if __name__ == "__main__":
    main()
