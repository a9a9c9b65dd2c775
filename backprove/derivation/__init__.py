"""Derivations: the gradient of any quantity, step by step, in one of three styles."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import DerivationError, expect
from ..expr import ONE, ZERO, Expr, Ref
from ..network import Network, expect_network
from ..rewrite import Block, Derivation, Sentence
from .chain import chain_style
from .dynamic import dynamic_style
from .equation import equation_style
from .stages import asked, remarks

STYLES = ("chain", "equation", "dynamic")
"""chain: factors first. equation: one equation for the whole network. dynamic: v by v."""

ZOOMS = ("scalar", "index", "matrix")
"""scalar: one component with numbers. index: the general component. matrix: whole tensors."""


def derive(
    network: Network,
    quantity: str | Ref,
    style: str = "chain",
    zoom: str | None = None,
    named: frozenset[str] | None = None,
) -> Derivation:
    """∂loss/∂quantity with its reasons.

    quantity: `w2[1,2]` for a component, `w2[i,j]` or `w2` for the general one. zoom: by
    default scalar where the indices are numbers, else index. named: the quantities whose
    adjoints have a symbol, every computed one by default.
    Raises DerivationError for unknown quantities, styles and zooms, and where the result
    would be too long to read.
    """
    expect_network(network)
    expect("a quantity", quantity, (str, Ref), "a name, such as 'w2[1,2]'")
    _known(style, STYLES, "style")
    q = asked(network, quantity)
    literal = all(isinstance(i, int) for i in q.indices)
    if zoom is None:
        zoom = "scalar" if literal else "index"
    _known(zoom, ZOOMS, "zoom")
    notes: list[Sentence] = []
    if zoom != "scalar" and literal and q.indices:
        component, q = q, asked(network, q.name)
        notes.append(("the general component ", q, " is derived; ", component, " is one of them"))
    elif zoom == "scalar" and not literal:
        general = q
        q = Ref(q.name, tuple(1 if isinstance(i, str) else i for i in q.indices))
        notes.append(("the scalar zoom shows one component of ", general, ": ", q))
    if q.name == network.loss:
        return Derivation(network, q, style, zoom, (Block((q, " is the loss itself")),), ONE)
    none = _no_gradient(network, q)
    if none is not None:
        return Derivation(network, q, style, zoom, none[0], none[1], tuple(notes))
    working = "scalar" if zoom == "scalar" else "index"
    names = frozenset(network.equations) if named is None else named
    make: dict[str, Callable[[], tuple[tuple[Block, ...], Expr]]] = {
        "chain": lambda: chain_style(network, q, working),
        "equation": lambda: equation_style(network, q, working),
        "dynamic": lambda: dynamic_style(network, q, working, names),
    }
    try:
        blocks, answer = make[style]()
    except RecursionError:
        raise DerivationError(
            "an equation is nested too deeply to be differentiated",
            "give names to its inner parts, in equations of their own",
        ) from None
    notes.extend(remarks(network, blocks))
    return Derivation(network, q, style, zoom, blocks, answer, tuple(notes))


def _known(word: str, choices: tuple[str, ...], what: str) -> None:
    if word not in choices:
        raise DerivationError(f"there is no {what} {word!r}", f"choose one of {', '.join(choices)}")


def _no_gradient(network: Network, q: Ref) -> tuple[tuple[Block, ...], Expr | None] | None:
    """Why a constant, or a quantity that the loss does not depend on, has no gradient."""
    from_loss = Ref(network.loss)
    if network[q.name].kind == "constant":
        words: tuple[Sentence, ...] = (
            (q, " is a constant of the network: it is never changed by training, so it needs no"
             " gradient, and none is derived."),
        )  # fmt: skip
        if network.consumers[q.name] and _into_difference(network, q):
            words = (*words, (
                q, " is an edge into the loss node: the output enters the loss as it is, so this"
                " weight is always 1 by design.",
            ))  # fmt: skip
        return (Block(("Why ", q, " has no gradient"), before=words),), None
    if q.name not in network.live:
        gone: Sentence = (
            from_loss, " does not depend on ", q, ": no equation on the way to ", from_loss,
            " contains it, so its gradient is 0.",
        )  # fmt: skip
        return (Block(("Why the gradient of ", q, " is 0"), before=(gone,)),), ZERO
    return None


def _into_difference(network: Network, q: Ref) -> bool:
    """Whether a constant of 1 multiplies an output on its way into the loss."""
    known = network[q.name]
    return known.value == 1 and all(
        network.loss in network.consumers[user] for user in network.consumers[q.name]
    )
