"""Conventions that change a gradient as a whole: one row each.

An answer that equals the truth under exactly one of these is no mistake in the chain rule: it
belongs to another loss, or is written in another order. Each row looks whether its question
arises for the network at all, and gives the truth under the other choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, combinations
from math import prod

from ..expr import (
    HALF,
    MINUS_ONE,
    ONE,
    TWO,
    Add,
    Apply,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    negative,
    product,
    reciprocal,
    total,
    walk,
)
from ..network import Constraint, Network, adjoint
from ..roles import roles


@dataclass(frozen=True)
class Alternative:
    """The truth under another convention.

    name: of the convention. kind: a word of `KINDS`. says: what would have to hold for the
    answer to be right; instead: what the file says. network: where `truth` is to be evaluated,
    with the same quantities and perhaps another loss.
    """

    name: str
    kind: str
    says: str
    instead: str
    network: Network
    truth: Expr


Convention = Callable[[Network, Ref], Iterator[Alternative]]


def alternatives(
    network: Network, asked: Ref, symbols: Iterable[str] = ()
) -> Iterator[Alternative]:
    """The truth of ∂loss/∂asked under every other convention that the network leaves open.

    symbols: the free names in an answer, which may count the samples of a loss for one.
    """
    for convention in CONVENTIONS:
        yield from convention(network, asked)
    for name in sorted({*symbols} & COUNTS):
        yield Alternative(
            "mean or sum over the samples", "constant-factor",
            f"right for one sample's share of a mean over {name} samples",
            f"{_file(network)} is about one sample", network,
            Mul((reciprocal(Ref(name)), adjoint(asked))),
        )  # fmt: skip


COUNTS = frozenset("mnMN")
"""Letters for the number of samples."""


# -- the rows ------------------------------------------------------------------------------


def one_half(network: Network, asked: Ref) -> Iterator[Alternative]:
    """(y - h)²/2 or (y - h)²."""
    squares = [place for place in _places(network) if place.is_square]
    halves = {place.has_half for place in squares}
    if len(halves) != 1 or None in halves or len(squares) != len(list(_places(network))):
        return
    if halves == {True}:
        factor, says, instead = TWO, "a squared error without ½", "½ before the squared error"
    else:
        factor, says, instead = HALF, "a squared error with ½", "no ½ before the squared error"
    yield Alternative(
        "one half", "constant-factor", f"right for {says}", f"{_file(network)} has {instead}",
        network, Mul((factor, adjoint(asked))),
    )  # fmt: skip


def mean_or_sum(network: Network, asked: Ref) -> Iterator[Alternative]:
    """(1/m) Σ_s C_s or Σ_s C_s, over the samples."""
    found = {size for place in _places(network) for size in place.samples}
    if len(found) != 1:
        return
    size = found.pop()
    means = {place.divided_by(size, network) for place in _places(network)}
    if len(means) != 1:
        return
    m: Expr = Number(size) if isinstance(size, int) else Ref(size)
    if means == {True}:
        factor, says, instead = m, f"the sum over the {size} samples", "their mean"
    else:
        factor, says, instead = reciprocal(m), f"the mean over the {size} samples", "their sum"
    yield Alternative(
        "mean or sum over the samples", "constant-factor", f"right for {says}",
        f"the loss of {_file(network)} is {instead}", network, Mul((factor, adjoint(asked))),
    )  # fmt: skip


def error_signal_sign(network: Network, asked: Ref) -> Iterator[Alternative]:
    """δ = ∂C/∂z or δ = -∂C/∂z."""
    if roles(network)[asked.name].kind in ("weighted input", "dot product"):
        loss = network.loss
        yield Alternative(
            "sign of the error signal", "sign",
            f"right where the error signal is minus the derivative, δ = -∂{loss}/∂{asked.name}",
            f"here ∂{loss}/∂{asked.name} was asked for", network, negative(adjoint(asked)),
        )  # fmt: skip


def index_order(network: Network, asked: Ref) -> Iterator[Alternative]:
    """w_jk leads from k to j, or from j to k."""
    if len(asked.indices) == 2 and asked.indices[0] != asked.indices[1]:
        turned = Ref(asked.name, asked.indices[::-1])
        shape = " by ".join(str(size) for size in network[asked.name].shape)
        yield Alternative(
            "index order", "wrong-index",
            f"right where the indices of {asked.name} stand in the other order: it is transposed",
            f"in {_file(network)}, {asked.name} is {shape}, rows first", network, adjoint(turned),
        )  # fmt: skip


def other_loss(network: Network, asked: Ref) -> Iterator[Alternative]:
    """Cross-entropy where the file has the squared error, and the reverse."""
    places = list(_places(network))
    if not places:
        return
    squared = {place.is_square for place in places}
    if len(squared) != 1:
        return
    makers = {_normalised(network, place.output) for place in places}
    if len(makers) != 1 or (maker := makers.pop()) == "":
        return
    if squared == {True}:
        name = "softmax with cross-entropy" if maker == "softmax" else "cross-entropy"
        wanted = {name: _cross_entropy if maker == "softmax" else _binary_cross_entropy}
        instead = "the squared error"
    else:
        wanted = {"the squared error with ½": _half_square, "the squared error": _square}
        instead = "cross-entropy"
    for name, body in wanted.items():
        other = _with_loss(network, places, body, of_classes=body is _cross_entropy)
        if other is not None:
            yield Alternative(
                "other loss", "other-loss", f"right for {name}",
                f"the loss of {_file(network)} is {instead}", other, adjoint(asked),
            )  # fmt: skip


CONVENTIONS: tuple[Convention, ...] = (
    one_half,
    mean_or_sum,
    error_signal_sign,
    index_order,
    other_loss,
)


def _file(network: Network) -> str:
    return network.file or "the network"


# -- where outputs meet targets ------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """One term of the loss in which an output meets its target.

    equation: where they meet. output, target: as written there. is_square: (y - h)², else a
    logarithm. number: the product of the exact numbers before it; over: the sizes that it is
    divided by; sums: the sizes of the sums around it, with the letters; samples: those of them
    that count samples.
    """

    equation: str
    output: Ref
    target: Ref
    is_square: bool
    number: Fraction
    over: tuple[str, ...]
    sums: tuple[tuple[str, Size], ...]
    samples: tuple[Size, ...]

    @property
    def has_half(self) -> bool | None:
        """Whether ½ stands before it, beside divisions by the lengths of its sums."""
        lengths = [size for _, size in self.sums if isinstance(size, int)]
        subsets = chain.from_iterable(combinations(lengths, n) for n in range(len(lengths) + 1))
        rests = {abs(self.number) * prod(subset) for subset in subsets}
        # before two terms, 1/2 may be a mean too: a half is far more usual
        return True if Fraction(1, 2) in rests else False if 1 in rests else None

    def divided_by(self, size: Size, network: Network) -> bool:
        """Whether the loss is a mean over an axis of this size."""
        length = network.length(size)
        lengths = {network.length(name) for name in self.over} - {None}
        if size in self.over or length in lengths:
            return True
        number = abs(self.number) * (2 if self.is_square and self.has_half else 1)
        return length is not None and length > 1 and number.denominator % length == 0


def _places(network: Network) -> Iterator[Place]:
    targets = {quantity.name for quantity in network.of_kind("target")}
    yield from _inside(network, network.loss, Fraction(1), (), (), targets)


def _inside(
    network: Network,
    name: str,
    number: Fraction,
    over: tuple[str, ...],
    sums: tuple[tuple[str, Size], ...],
    targets: set[str],
) -> Iterator[Place]:
    """The places in one equation of the loss, and in those that it is made from."""
    stack = [(network.equations[name].right, number, over, sums)]
    while stack:
        e, number, over, sums = stack.pop()
        names = _with_differences(network, e)
        if not (names.names & targets or _leads_to(network, e, targets)):
            continue
        pair = _pair(network, names, targets)
        if pair is not None:
            output, target, is_square = pair
            samples = tuple(size for letter, size in sums if _counts_samples(network, e, letter))
            yield Place(name, output, target, is_square, number, over, sums, samples)
        elif isinstance(e, Mul):
            rest = []
            for factor in e.factors:
                if isinstance(factor, Number):
                    number *= factor.value
                elif isinstance(factor, Power) and factor.exponent is MINUS_ONE:
                    over = (*over, *factor.base.names)
                    number /= prod(n.value for n in walk(factor.base) if isinstance(n, Number))
                else:
                    rest.append(factor)
            stack += [(factor, number, over, sums) for factor in rest]
        elif isinstance(e, Reduce) and e.op == "sum":
            stack.append((e.body, number, over, (*sums, (e.index, e.size))))
        elif isinstance(e, Ref) and e.name in network.equations:
            yield from _inside(network, e.name, number, over, sums, targets)
        else:
            stack += [(child, number, over, sums) for child in e.children]


def _leads_to(network: Network, e: Expr, targets: set[str]) -> bool:
    return any(
        name in network.equations and network.influenced_by(target) >= {name}
        for name in e.names
        for target in targets
    )


def _with_differences(network: Network, e: Expr) -> Expr:
    """s^2 as (u - y)^2, where s is the difference of an output and its target."""
    if isinstance(e, Power) and isinstance(e.base, Ref) and e.base.name in network.equations:
        return Power(network.definition(e.base), e.exponent)
    return e


def _pair(network: Network, e: Expr, targets: set[str]) -> tuple[Ref, Ref, bool] | None:
    """The output and the target of (y - h)^2 or y*log(h), and whether it is the first."""
    is_square = isinstance(e, Power) and e.exponent is TWO and isinstance(e.base, Add)
    logarithms = [n for n in walk(e) if isinstance(n, Apply) and n.function == "log"]
    is_entropy = isinstance(e, Mul) and bool(logarithms)
    if not (is_square or is_entropy):
        return None
    refs = {node for node in walk(e) if isinstance(node, Ref)}
    found = [ref for ref in refs if ref.name in targets]
    outputs = [ref for ref in refs if ref.name in network.equations]
    if len(found) != 1 or len(outputs) != 1 or any(isinstance(n, Reduce) for n in walk(e)):
        return None
    return outputs[0], found[0], is_square


def _counts_samples(network: Network, e: Expr, letter: str) -> bool:
    """Whether an index letter of the loss is one that the inputs have too."""
    seen: set[tuple[str, int]] = set()
    stack = _axes(e, letter)
    while stack:
        name, axis = stack.pop()
        if (name, axis) in seen:
            continue
        seen.add((name, axis))
        if network[name].kind == "input":
            return True
        if name in network.equations:
            equation = network.equations[name]
            stack += _axes(equation.right, equation.indices[axis])
    return False


def _axes(e: Expr, letter: str) -> list[tuple[str, int]]:
    return [
        (node.name, axis)
        for node in walk(e)
        if isinstance(node, Ref)
        for axis, index in enumerate(node.indices)
        if index == letter
    ]


# -- another loss --------------------------------------------------------------------------


def _normalised(network: Network, output: Ref) -> str:
    """`sigmoid` or `softmax`, by which the output lies between 0 and 1; "" for neither."""
    right = network.equations[output.name].right
    if isinstance(right, Apply):
        return "sigmoid" if right.function == "sigmoid" else ""
    sums = [n for n in walk(right) if isinstance(n, Reduce) and n.op == "sum"]
    exponentials = [n for n in sums if isinstance(n.body, Apply) and n.body.function == "exp"]
    return "softmax" if len(sums) == len(exponentials) == 1 else ""


def _square(output: Expr, target: Expr) -> Expr:
    return Power(target - output, TWO)


def _half_square(output: Expr, target: Expr) -> Expr:
    return Mul((HALF, _square(output, target)))


def _cross_entropy(output: Expr, target: Expr) -> Expr:
    return Mul((MINUS_ONE, target, Apply("log", output)))


def _binary_cross_entropy(output: Expr, target: Expr) -> Expr:
    rest = Mul((ONE - target, Apply("log", ONE - output)))
    return negative(Add((Mul((target, Apply("log", output))), rest)))


def _with_loss(
    network: Network,
    places: list[Place],
    body: Callable[[Expr, Expr], Expr],
    of_classes: bool,
) -> Network | None:
    """The same network with another loss of the same outputs and targets; None where outputs
    and targets meet in a way that leaves open how."""
    terms: list[Expr] = []
    pairs = list(dict.fromkeys((p.output, p.target) for p in places))
    for output, target in pairs:
        place = next(p for p in places if (p.output, p.target) == (output, target))
        term = body(output, target)
        letters = [(i, size) for i, size in place.sums if i in term.free]
        if {i for i, _ in letters} != set(term.free):
            return None
        for letter, size in reversed(letters):
            term = Reduce("sum", letter, size, term)
        means = [s for s in place.samples if place.divided_by(s, network)]
        divisors = [reciprocal(Number(s) if isinstance(s, int) else Ref(s)) for s in means]
        terms.append(product((*divisors, term)))
    equations = [
        replace(e, right=total(tuple(terms))) if e.name == network.loss else e
        for e in network.equations.values()
    ]
    constraints = list(network.constraints)
    if of_classes and not constraints:
        constraints = [_distribution(network, target, output) for output, target in pairs]
    return network.changed(equations=equations, constraints=constraints)


def _distribution(network: Network, target: Ref, output: Ref) -> Constraint:
    """Σ_k y_k = 1 along the axis over which the output is normalised."""
    equation = network.equations[output.name]
    inner = next(n for n in walk(equation.right) if isinstance(n, Reduce))
    summed = {index for node in walk(inner.body) if isinstance(node, Ref) for index in node.indices}
    axis = next((a for a, i in enumerate(equation.indices) if i not in summed), 0)
    left = Reduce("sum", str(target.indices[axis]), network[target.name].shape[axis], target)
    return Constraint(target.name, left, ONE)


__all__ = ["CONVENTIONS", "Alternative", "alternatives"]
