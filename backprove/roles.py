"""What each quantity of a network is: input, weighted input, activation, … and in which layer.

Roles are read off the equations' shape; a file's `role NAME = activation 3` overrides them.
Layers count weighted inputs from the inputs, which are layer 1; a weight belongs to the
layer of the weighted input that it makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from .errors import NetworkError
from .expr import (
    Add,
    Apply,
    Expr,
    Mul,
    Number,
    Power,
    Reduce,
    Ref,
    Size,
    canonical,
    flat_factors,
    flat_terms,
    reciprocal,
    walk,
)
from .network import ARGUMENT, TRAINED, Equation, Label, Network, Quantity

RoleKind: TypeAlias = Literal[
    "input", "target", "weight", "bias", "dot product", "weighted input", "activation",
    "output", "difference", "loss term", "loss", "constant", "quantity",
]  # fmt: skip

KINDS: tuple[RoleKind, ...] = get_args(RoleKind)


@dataclass(frozen=True)
class Role:
    """What a quantity is, and where.

    layer: the input layer is 1; a symbolic one is such as L-1; None where there is none.
    number: the node or edge that a scalar's trailing digits name (4 in d4), else None.
    also: a second role (a linear activation is its own weighted input).
    order: for a weight, its axes as (to, from), by position; () where the equations do not say.
    declared: whether the layer was written in the file, and so is not counted.
    """

    kind: RoleKind
    layer: Label | None = None
    number: int | None = None
    also: RoleKind | None = None
    order: tuple[int, ...] = ()
    declared: bool = False


def roles(network: Network) -> Mapping[str, Role]:
    """The role of every quantity of a network, hidden ones included.

    Raises NetworkError for a declared role that is not one of `KINDS`.
    """
    kinds = _kinds(network)
    layers = _layers(network, kinds)
    mean = mean_over_samples(network)
    found: dict[str, Role] = {}
    for name, quantity in network.quantities.items():
        kind, also = kinds[name]
        found[name] = Role(
            kind,
            layers.get(name),
            _number(network, quantity, mean),
            also,
            _order(network, name) if kind == "weight" else (),
            quantity.label is not None,
        )
    for name, text in network.declared_roles.items():
        found[name] = _declared(found[name], text)
    return found


def has_layers(found: Mapping[str, Role]) -> bool:
    """Whether any quantity is a weighted input, so that the network has layers at all."""
    return any("weighted input" in (role.kind, role.also) for role in found.values())


# -- kinds ---------------------------------------------------------------------------------

Kinds: TypeAlias = "dict[str, tuple[RoleKind, RoleKind | None]]"


def _kinds(network: Network) -> Kinds:
    kinds: Kinds = {}
    for quantity in network.quantities.values():
        if quantity.kind != "computed":
            kinds[quantity.name] = (quantity.kind, None)
    for name, equation in network.equations.items():
        kinds[name] = (_kind(network, equation, kinds), None)
    for name in network.equations:
        kinds[name] = _second_look(network, name, kinds)
    return kinds


def _kind(network: Network, equation: Equation, kinds: Kinds) -> RoleKind:
    """The first reading, from what the equation is made of."""
    if equation.name == network.loss:
        return "loss"
    sources = {kinds[name][0] for name in equation.right.names}
    if "target" in sources:
        return "difference" if _is_difference(equation.right, kinds) else "loss term"
    if "weight" in sources:
        return "weighted input" if _is_linear(equation.right) else "quantity"
    made = [name for name in equation.right.names if kinds[name][0] == "weighted input"]
    if len(made) == 1:
        adds = sources <= {"weighted input", "bias"} and "bias" in sources
        return "weighted input" if adds else "activation"
    return "quantity"


def _second_look(network: Network, name: str, kinds: Kinds) -> tuple[RoleKind, RoleKind | None]:
    """What its consumers say: a dot product, an output, a weighted input used as it is."""
    kind, also = kinds[name]
    users = [kinds[user][0] for user in network.consumers[name]]
    if kind == "weighted input":
        sole = network.consumers[name][0] if len(users) == 1 else ""
        if sole and _adds_bias(network.equations[sole].right, name, kinds):
            return "dot product", None
        if "activation" not in users and "output" not in users:
            feeds = "weighted input" in users or "dot product" in users
            return ("activation" if feeds else "output"), "weighted input"
    if kind == "activation" and not ({"weighted input", "dot product", "activation"} & set(users)):
        return "output", also
    return kind, also


def _is_difference(e: Expr, kinds: Kinds) -> bool:
    """u - y or w9*u3 - y3: two terms, one of them the target, the other not."""
    if not isinstance(e, Add) or len(e.terms) != 2:
        return False
    with_target = ["target" in {kinds[n][0] for n in term.names} for term in e.terms]
    plain = all(isinstance(f, Ref | Number) for term in e.terms for f in flat_factors(term))
    return plain and sum(with_target) == 1


def _is_linear(e: Expr) -> bool:
    """Sums and products only: nothing that bends what a weight multiplies."""
    return not any(
        isinstance(node, Apply | Power) or (isinstance(node, Reduce) and node.op != "sum")
        for node in walk(e)
    )


def _adds_bias(e: Expr, name: str, kinds: Kinds) -> bool:
    if not isinstance(e, Add):
        return False
    others = [kinds[n][0] for n in e.names if n != name]
    return bool(others) and all(kind == "bias" for kind in others)


# -- layers --------------------------------------------------------------------------------

FIRST = Label("", 1)
_MADE: frozenset[RoleKind] = frozenset(("weighted input", "dot product"))
_PASSED: frozenset[RoleKind] = frozenset(("activation", "output"))


def _layers(network: Network, kinds: Kinds) -> dict[str, Label]:
    layers: dict[str, Label] = {}
    labelled = any(q.label for q in network.quantities.values())
    for quantity in network.quantities.values():
        if quantity.label is not None:
            layers[quantity.name] = quantity.label
        elif quantity.kind == "input" and not labelled:
            layers[quantity.name] = FIRST
    for name, equation in network.equations.items():
        if name not in layers:
            layer = _layer(equation, kinds, layers)
            if layer is not None:
                layers[name] = layer
    for quantity in network.trained:
        made = {layers.get(user) for user in _makers(network, quantity.name, kinds)}
        if len(made) == 1 and (only := made.pop()) is not None:
            layers[quantity.name] = only
    outputs = {layers[n] for n, (kind, _) in kinds.items() if kind == "output" and n in layers}
    if len(outputs) == 1:
        last = outputs.pop()
        for quantity in network.of_kind("target"):
            layers.setdefault(quantity.name, last)
    return layers


def _layer(equation: Equation, kinds: Kinds, layers: Mapping[str, Label]) -> Label | None:
    """One more than the sources' where a weight is met, else the highest of the sources'."""
    kind, also = kinds[equation.name]
    sources = [
        layers[n] for n in equation.right.names if n in layers and kinds[n][0] not in ("target",)
    ]
    sources = [s for s in sources if s.symbol == sources[0].symbol]
    if not sources or kind not in _MADE | _PASSED | {"difference"}:
        return None
    top = max(sources, key=lambda label: label.offset)
    meets_weight = any(kinds[n][0] == "weight" for n in equation.right.names)
    if meets_weight and (kind in _MADE or also in _MADE):
        return replace(top, offset=top.offset + 1)
    return top


def _makers(network: Network, name: str, kinds: Kinds) -> Iterator[str]:
    """The weighted inputs that a weight or bias goes into."""
    for user in network.consumers[name]:
        if _MADE & set(kinds[user]):
            yield user


def mean_over_samples(network: Network) -> Reduce | None:
    """The sum in `loss C = (1/m) sum_s C_s`, where the network was lifted over samples."""
    right = network.equations[network.loss].right
    if not (isinstance(right, Mul) and len(right.factors) == 2):
        return None
    factor, mean = right.factors
    if not (isinstance(mean, Reduce) and mean.op == "sum" and isinstance(mean.body, Ref)):
        return None
    size: Expr = Number(mean.size) if isinstance(mean.size, int) else Ref(mean.size)
    one_of = canonical(factor) == canonical(reciprocal(size))
    known = mean.body.name in network.equations and mean.body.indices == (mean.index,)
    return mean if one_of and known else None


def samples_of(network: Network) -> Size | None:
    """The length of the axis over which the loss is a mean over samples, None where it is none.

    That is the one of a lifted network, or a sum over an axis that the inputs and targets of
    a file share, divided by its length.
    """
    mean = mean_over_samples(network)
    if mean is not None:
        return mean.size
    for term in flat_terms(network.equations[network.loss].right):
        factors = flat_factors(term)
        sums = [f.size for f in factors if isinstance(f, Reduce) and f.op == "sum"]
        for size in sums:
            divided = any(_divides_by(network, factor, size) for factor in factors)
            if divided and _is_sample_axis(network, size):
                return size
    return None


def has_samples(network: Network, name: str) -> bool:
    """Whether a quantity has a component for each sample of a mean over samples."""
    quantity = network.quantities.get(name)
    size = samples_of(network)
    return quantity is not None and quantity.kind not in TRAINED and size in quantity.shape


def _is_sample_axis(network: Network, size: Size) -> bool:
    inputs = [q.shape for q in network.of_kind("input")]
    targets = [q.shape for q in network.of_kind("target")]
    return any(size in shape for shape in targets) and any(
        size in shape and len(shape) > 1 for shape in inputs
    )


def _divides_by(network: Network, factor: Expr, size: Size) -> bool:
    if isinstance(factor, Power):
        named = any(network.length(size) == network.length(n) for n in factor.base.names)
        return factor.exponent == Number(-1) and named
    length = network.length(size) or 1
    return length > 1 and isinstance(factor, Number) and factor.value.denominator % length == 0


# -- numbers and axes ----------------------------------------------------------------------


def trailing_number(base: str) -> tuple[str, int | None]:
    """A name without its trailing digits, and the digits: w8 is (w, 8), r_h is (r_h, None)."""
    match = re.fullmatch(r"(.*?[^\d_])_?(\d+)", base)
    return (match[1], int(match[2])) if match else (base, None)


def _number(network: Network, quantity: Quantity, mean: Reduce | None) -> int | None:
    """A scalar's node or edge; in a network of tensors a scalar's digits are no node."""
    sample_loss = mean.body.names if mean is not None else frozenset[str]()
    if quantity.name in sample_loss | {network.loss} or quantity.label is not None:
        return None
    if _shape(quantity, mean):
        return None
    neighbours = [network.quantities[n] for n in network.consumers[quantity.name]]
    if quantity.kind in TRAINED and any(_shape(n, mean) for n in neighbours):
        return None
    base = quantity.name.removesuffix(ARGUMENT) if quantity.hidden else quantity.base
    return trailing_number(base or quantity.name)[1]


def _shape(quantity: Quantity, mean: Reduce | None) -> tuple[Size, ...]:
    """A quantity's shape for one sample."""
    lifted = mean is not None and quantity.kind not in TRAINED
    over = lifted and mean is not None and quantity.shape[-1:] == (mean.size,)
    return quantity.shape[:-1] if over else quantity.shape


def _order(network: Network, name: str) -> tuple[int, ...]:
    """A weight's axes, those that the equation's left side names first: (to, from)."""
    orders = set[tuple[int, ...]]()
    for user in network.consumers[name]:
        equation = network.equations[user]
        for node in walk(equation.right):
            if isinstance(node, Ref) and node.name == name:
                to = [a for a, i in enumerate(node.indices) if i in equation.indices]
                rest = [a for a, i in enumerate(node.indices) if i not in equation.indices]
                orders.add((*sorted(to, key=lambda a: _place(equation, node.indices[a])), *rest))
    return orders.pop() if len(orders) == 1 else ()


def _place(equation: Equation, index: object) -> int:
    return [*equation.indices].index(str(index))


# -- declared ------------------------------------------------------------------------------


def _declared(role: Role, text: str) -> Role:
    words = text.split()
    layer = role.layer
    match = re.fullmatch(r"([A-Za-z]*)([+-]?\d+)?", words[-1]) if words else None
    if match and words[-1] not in " ".join(KINDS).split():
        layer = Label(match[1], int(match[2] or 0))
        words = words[:-1]
    name = " ".join(words).replace("_", " ")
    for kind in KINDS:
        if kind == name:
            return replace(role, kind=kind, also=None, layer=layer, declared=layer != role.layer)
    raise NetworkError(f"there is no role {text!r}", f"the roles are: {', '.join(KINDS)}")


__all__ = [
    "FIRST",
    "KINDS",
    "Role",
    "RoleKind",
    "has_layers",
    "mean_over_samples",
    "roles",
    "trailing_number",
]
