"""The `equation` style: one equation for the whole network, differentiated step by step.

Every definition is put into the loss; the one equation is differentiated with its lines
numbered; the update rule follows, and why its sign lowers the loss.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod

from ..adjoints import shorten
from ..errors import DerivationError
from ..expr import (
    MINUS_ONE,
    Add,
    Apply,
    Derivative,
    Expr,
    Mul,
    Number,
    Path,
    Power,
    Ref,
    canonical,
    count,
    part,
    plain,
    substituted,
)
from ..network import CHANGE, RATE, TOO_LONG, Network
from ..rewrite import Block, Recorder, Rule, Sentence
from ..rules import FOLDING, TIDY, Scope, algebra, definitions, delta
from ..rules import derivative as d
from .stages import FLAT, Stage, gradient, run

CHAIN_LETTERS = ("zxy", "pqr", "abc")
"""Letters for the chain rule, (inner, outer, variable); the first that the network leaves free."""

_UNSIGNED = tuple(rule for rule in TIDY if rule not in (algebra.SIGNS, algebra.SUM_SIGNS))
NUMBERS_OUT = Stage((d.NUMERIC_FACTOR,), FLAT)
AFTER_CHAIN: tuple[Stage, ...] = (
    Stage((algebra.NUMBERS,), FLAT),
    Stage((d.SUM, d.SUM_OVER), FLAT, outermost=True),
    Stage((d.CONSTANT, d.CONSTANT_FACTOR), FLAT),
    Stage((d.ITSELF,), _UNSIGNED),
    Stage((d.POWER, d.FUNCTION, d.EXPONENTIAL, d.MAXIMUM, d.POSITION), FLAT),
    Stage((d.PRODUCT,), FLAT),
    Stage(_UNSIGNED),
    Stage(TIDY),
)
"""The order of the source: numbers, sum rule, zeros shown, then the quantity itself."""


MOST_COMPONENTS = 64
"""Quantities with more components than this are not looked for one by one."""

LONG = 120
"""Characters above which the update is written with the names put back."""


def equation_style(network: Network, q: Ref, zoom: str) -> tuple[tuple[Block, ...], Expr]:
    """The blocks of the equation style and the answer.

    Raises DerivationError where the one equation is too long to read.
    """
    network.representative()  # refuses what would be too long
    scope = Scope(network)
    blocks = _substitution(network, scope, q, zoom)
    one = blocks[-1].end
    assert one is not None
    recorder: Recorder[Scope] = Recorder(Derivative(one, q, True), scope)
    letters = _differentiate(recorder)
    derivation = recorder.block(gradient(network, q), ("Differentiate it with respect to ", q))
    blocks.append(replace(derivation, lets=letters))
    answer = recorder.now
    named: Recorder[Scope] = Recorder(answer, scope)
    if zoom == "scalar":
        named.once((_names_back(network, q, zoom),))
    named.sweep(FOLDING, set())
    named.line()
    shorten(named)
    if named.steps:
        blocks.append(named.block(gradient(network, q), ("The same with the names put back",)))
    numbered = _numbered(blocks)
    if network[q.name].kind in ("weight", "bias"):
        short = len(plain(answer)) <= LONG
        source = numbered[-1] if not short or named.now is answer else numbered[-2]
        put = answer if short else named.now
        numbered.append(update_block(network, q, put, source.labels[-1][1]))
    return tuple(numbered), named.now


def _output(network: Network, zoom: str) -> Ref | None:
    """The one computed quantity that the loss compares, at the component that is shown."""
    found = [n for n in network.definition(Ref(network.loss)).names if n in network.equations]
    if len(found) != 1 or network[found[0]].hidden:
        return None
    shape = network[found[0]].shape
    if zoom != "scalar":
        return network.equations[found[0]].left
    single = all(network.length(size) == 1 for size in shape)
    return Ref(found[0], (1,) * len(shape)) if single else None


def _substitution(network: Network, scope: Scope, q: Ref, zoom: str) -> list[Block]:
    """The representative equations of the output and of the loss."""
    loss = Ref(network.loss)
    output = _output(network, zoom)
    if output is not None and output.name == q.name:
        output = None
    blocks = []
    recorder: Recorder[Scope] = Recorder(network.definition(loss), scope)
    if zoom == "scalar":
        recorder.sweep((delta.WRITTEN, algebra.FLAT), set())
        recorder.line()
    if output is not None:
        inner: Recorder[Scope] = Recorder(network.definition(output), scope)
        _put_everything_in(inner, network, q, zoom)
        blocks.append(inner.block(output, ("The whole network as one equation",)))
    _put_everything_in(recorder, network, q, zoom, at_once=output is not None)
    blocks.append(recorder.block(loss, ("Put it into the loss",) if output is not None else
                                 ("The loss as one equation",)))  # fmt: skip
    return blocks


def _put_everything_in(
    recorder: Recorder[Scope], network: Network, q: Ref, zoom: str, at_once: bool = False
) -> None:
    """Put every definition in but that of `q`, the one nearest the loss first."""
    written = (delta.WRITTEN,) if zoom == "scalar" else ()
    if recorder.sweep(written, set()):
        recorder.sweep(FLAT, set())
        recorder.line()
    for name in reversed(list(network.equations)):
        if name not in recorder.now.names or name == q.name:
            continue
        recorder.sweep((_put_in(name),), set())
        if not network[name].hidden and not at_once:
            recorder.line()
        if recorder.sweep(written, set()):
            recorder.sweep(FLAT, set())
            if not at_once:
                recorder.line()
        _check_length(recorder.now)


def _names_back(network: Network, q: Ref, zoom: str) -> Rule[Scope]:
    """The rule that gives written-out subexpressions the names of their components."""
    found: dict[object, Ref] = {}
    for name, equation in network.equations.items():
        lengths = [network.length(size) or 0 for size in network[name].shape]
        if name == network.loss or prod(lengths) > MOST_COMPONENTS:
            continue
        for position in product(*(range(1, n + 1) for n in lengths)):
            ref = Ref(equation.name, tuple(position))
            inner: Recorder[Scope] = Recorder(network.definition(ref), Scope(network))
            _put_everything_in(inner, network, q, zoom)
            found[canonical(inner.now)] = ref

    def apply(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
        """E = q where E is the equation of q written out."""
        if not isinstance(e, Apply | Add | Mul) or not e.names:
            return None
        name = found.get(canonical(e))
        return (name, (e, " is ", name)) if name is not None else None

    return Rule(definitions.FOLD.name, definitions.FOLD.law, apply, "q = E")


def _put_in(name: str) -> Rule[Scope]:
    """The rule that puts in one quantity's definition."""

    def apply(e: Expr, scope: Scope) -> tuple[Expr, Sentence] | None:
        """q = E for one q."""
        fits = isinstance(e, Ref) and e.name == name
        return definitions.PUT_IN.apply(e, scope) if fits else None

    return Rule(definitions.PUT_IN.name, definitions.PUT_IN.law, apply, "q = E")


def _check_length(e: Expr) -> None:
    if count(e) > TOO_LONG // 2 or len(plain(e)) > TOO_LONG:
        raise DerivationError(
            f"this equation would take more than the {TOO_LONG:,} characters that can be read",
            "the `dynamic` style names each intermediate value once and stays short",
        )


def _differentiate(recorder: Recorder[Scope]) -> tuple[tuple[str, Expr], ...]:
    """Differentiate what is recorded; the first chain rule is shown in letters of its own."""
    run(recorder, (NUMBERS_OUT,))
    letters: tuple[tuple[str, Expr], ...] = ()
    place = _power_or_function(recorder.now)
    if place is not None:
        letters = _chain_in_letters(recorder, place)
    run(recorder, AFTER_CHAIN)
    _check_length(recorder.now)
    return letters


def _power_or_function(e: Expr) -> Path | None:
    """The derivative of a power or function of something compound, if it is the first one."""
    for path, node in _places(e):
        if isinstance(node, Derivative):
            body = node.body
            if isinstance(body, Power) and isinstance(body.exponent, Number):
                inner: Expr = body.base
            elif isinstance(body, Apply):
                inner = body.argument
            else:
                return None
            return path if inner is not node.wrt and not isinstance(inner, Ref) else None
    return None


def _places(e: Expr, path: Path = ()) -> list[tuple[Path, Expr]]:
    found = [(path, e)]
    if not isinstance(e, Derivative):
        for number, child in enumerate(e.children):
            found.extend(_places(child, (*path, number)))
    return found


def _chain_in_letters(recorder: Recorder[Scope], path: Path) -> tuple[tuple[str, Expr], ...]:
    """∂x/∂y = ∂x/∂z · ∂z/∂y with z the inner expression and x the outer, then put back."""
    recorder.inside(path, FLAT, set())
    node = part(recorder.now, path)
    assert isinstance(node, Derivative)
    body = node.body
    inner = body.children[0]
    known = recorder.scope.network
    taken = known.quantities.keys() | known.own_functions.keys() | node.wrt.free | body.bound
    names = next((n for n in CHAIN_LETTERS if taken.isdisjoint(n)), None)
    if names is None or inner.free or node.wrt.free:
        recorder.attempt(d.POWER if isinstance(body, Power) else d.FUNCTION, path)
        recorder.line()
        return ()
    z, x, y = (Ref(letter) for letter in names)
    outer = body.rebuilt((z, *body.children[1:]))
    whole, through = Derivative(x, y, node.total), Derivative(x, z, node.total)
    rest = Derivative(z, y, node.total)
    recorder.state("let", whole, (
        "chain rule: let ", z, " = ", inner, ", ", x, " = ", outer, " and ", y, " = ", node.wrt,
    ), path)  # fmt: skip
    recorder.state("chain rule", Mul((through, rest)), (
        "recall the chain rule ", whole, " = ", Mul((through, rest)), ": ", y, " changes ", z,
        ", and ", z, " changes ", x,
    ), path)  # fmt: skip
    put = Derivative(outer, z, node.total)
    recorder.state("let", put, ("put in ", x, " = ", outer), (*path, 0))
    written = Mul((Derivative(body, inner, node.total), Derivative(inner, node.wrt, node.total)))
    recorder.state("let", written, ("put in ", z, " = ", inner, " and ", y, " = ", node.wrt), path)
    recorder.sweep((algebra.FLAT,), set())
    first = next(p for p, n in _places(recorder.now) if isinstance(n, Derivative))
    recorder.attempt(d.POWER if isinstance(body, Power) else d.FUNCTION, first)
    recorder.sweep(FLAT, set())
    recorder.line()
    # in the letters alone, z depends on y, as it depends on the weight that y stands for
    of_y = substituted(inner, lambda ref: y if ref is node.wrt else None)
    return ((names[0], of_y), (names[1], outer), (names[2], node.wrt))


def _numbered(blocks: list[Block]) -> list[Block]:
    """Every printed line of each block as equation (block.line)."""
    return [
        replace(b, labels=tuple((line, f"{number}.{line + 1}") for line in range(len(b.lines))))
        for number, b in enumerate(blocks, 1)
    ]


def update_block(network: Network, q: Ref, answer: Expr, last: str) -> Block:
    """Δq = -η ∂loss/∂q with the gradient put in, and why its sign lowers the loss."""
    change, rate, loss = Ref(CHANGE + q.name, q.indices), Ref(RATE), Ref(network.loss)
    goal = gradient(network, q)
    scope = Scope(network)
    recorder: Recorder[Scope] = Recorder(Mul((MINUS_ONE, rate, goal)), scope)
    recorder.state("put in", answer, ("put in the gradient from eq. ", f"({last})"), (2,))
    recorder.sweep((algebra.FLAT, algebra.SIGNS, algebra.NUMBERS, algebra.ONE_RULE), set())
    recorder.line()
    block = recorder.block(change, ("Update ", q))
    why: tuple[Sentence, ...] = (
        ("so ", q, " = ", q, " + ", change),
        ("If ", goal, " > 0, ", loss, " grows with ", q, ": then ", change, " < 0 and ", q,
         " is decreased. If ", goal, " < 0, ", loss, " falls as ", q, " grows: then ", change,
         " > 0 and ", q, " is increased. Either way, for a small ", rate, " the loss changes by"
         " about ", Mul((goal, change)), " = ", Mul((MINUS_ONE, rate, Power(goal, Number(2)))),
         ", which is never positive."),
    )  # fmt: skip
    return replace(block, after=why, lets=((change.name, recorder.start),))
