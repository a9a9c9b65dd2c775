"""Random points in floating point: a network's values and correct gradients as arrays.

The points are the oracle's (exact fractions, of either sign, unsaturated); sizes without a
number are small and unequal, and differ from point to point. An abstract function is a fixed
analytic one, which a reader's code can be given.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from keyword import iskeyword
from typing import Any

import numpy as np

from ...adjoints import backprop
from ...errors import DataError
from ...expr import TWO, Apply, Expr, Mul, Number, Power, Reduce, Ref, total
from ...functions import Function, U, defined
from ...network import ADJOINT, Equation, Network, Quantity, Value
from ...run.lower import lower
from ...run.numpy_backend import prepare
from ...run.values import Array, check_memory, given_values, parameter_bytes, shape_of
from ...verify.points import Point, draw

REDRAWS = 24

UPSTREAM = "grad_output"
"""The derivative of the loss in what a part of a network gives, as autograd names it."""

_SHARES = (0.5, 0.75, 1.0, 0.25)
"""Shares of positive values: mixed signs first; all positive where a logarithm needs it."""


@dataclass(frozen=True)
class Numeric:
    """A point with its numbers.

    network: the network with its values in place. given: every quantity that is not computed.
    values: every computed one. gradients: ∂loss/∂q of inputs, weights, biases and computed
    quantities. functions: the abstract functions that were taken, by Python name.
    """

    point: Point
    network: Network
    given: Mapping[str, Array]
    values: Mapping[str, Array]
    gradients: Mapping[str, Array]
    functions: Mapping[str, Callable[[Any], Any]]

    def value(self, name: str) -> Array:
        """A quantity's value, computed or not."""
        return self.values[name] if name in self.values else self.given[name]


def python_name(name: str) -> str:
    """How Python can spell a name of the network.

    `a{L}` is a_L, `a{L-1}` a_L_minus_1, `a{3}` a_3, `g'` g_prime; a keyword takes a trailing
    underscore: lambda_.
    """
    text = name.replace("'", "_prime")
    text = re.sub(r"-(\d+)", r"_minus_\1", text)
    text = re.sub(r"\+(\d+)", r"_plus_\1", text)
    text = unicodedata.normalize("NFKC", text.replace("{", "_").replace("}", ""))
    return f"{text}_" if iskeyword(text) else text


def numerics(network: Network, seed: int, trials: int, wanted: Iterable[str]) -> Iterator[Numeric]:
    """Points at which everything is finite and no wanted gradient is 0 throughout, if there are.

    Raises DataError where no point has a value.
    """
    names = tuple(wanted)
    found, dull = 0, list[Numeric]()
    for attempt in range(REDRAWS):
        if found == trials:
            return
        positive = _SHARES[attempt % len(_SHARES)]
        point = draw(network, f"{seed}.{attempt}", positive=positive, turn=found)
        with np.errstate(all="ignore"):
            made = numeric(network, point)
        if not _finite((*made.values.values(), *made.gradients.values())):
            continue
        if any(not made.gradients[n].any() for n in names if n in network.live):
            dull.append(made)  # a dying relu: a wrong gradient would go unnoticed
            continue
        found += 1
        yield made
    yield from dull[: trials - found]
    if not found and not dull:
        raise DataError(
            "no random point was found at which the network and its gradients are finite",
            "a logarithm, root or division meets a negative number or 0 everywhere tried",
        )


def numeric(network: Network, point: Point) -> Numeric:
    """The network's values and gradients at a point, in float64."""
    ready = _at(network, point)
    check_memory(parameter_bytes(ready, 8), "its values")
    given, _ = given_values(ready, 0, np.dtype(np.float64))
    values, gradients = computed(ready, given)
    return Numeric(point, ready, given, values, gradients, _callables(network))


def computed(
    network: Network, given: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Every computed quantity, and ∂loss/∂q of all but targets and constants, in float64.

    given: what is not computed. The network's sizes have numbers.
    """
    program = lower(network, backprop(network).adjoints, lifted=False)
    check_memory(program.bytes_needed(1, 8), "its values and adjoints")
    results = prepare(program, np.float64)(given)
    gradients = {
        name: results.get(ADJOINT + name, np.zeros(shape_of(network, name)))
        for name, q in network.quantities.items()
        if q.kind not in ("constant", "target")
    }
    return {name: results[name] for name in network.equations}, gradients


def concrete(network: Network) -> Network:
    """The network with what its abstract functions are taken as in numbers."""
    taken = _taken(network)
    if not taken:
        return network
    return Network(
        network.quantities.values(), network.equations.values(), network.loss,
        functions={**network.own_functions, **taken}, sizes=network.sizes,
        constraints=network.constraints, roles=network.declared_roles, file=network.file,
    )  # fmt: skip


def exact_point(network: Network, point: Point, given: Mapping[str, Array]) -> Point:
    """A point of a part of a network, at which everything is as it was computed in float64.

    point: that of the whole network. given: what the part does not compute.
    """
    values = {
        q.name: {
            tuple(k + 1 for k in position): Fraction(float(given[q.name][position]))
            for position in np.ndindex(given[q.name].shape)
        }
        for q in network.quantities.values()
        if q.kind != "computed"
    }
    return replace(point, network=network, values=values)


def _finite(arrays: Iterable[Array]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def _at(network: Network, point: Point) -> Network:
    """The network with the point's sizes, values and functions in it.

    The point keeps what targets promise, so that no promise is needed.
    """
    sizes = {**network.sizes, **point.sizes}
    quantities = [
        replace(q, value=_nested(point, q)) if q.kind != "computed" else q
        for q in network.quantities.values()
    ]
    return Network(
        quantities, network.equations.values(), network.loss,
        functions={**network.own_functions, **_taken(network)}, sizes=sizes,
        roles=network.declared_roles, file=network.file, text=network.text,
    )  # fmt: skip


def _nested(point: Point, quantity: Quantity) -> Value:
    table = point.values[quantity.name]
    lengths = [point.length(size) for size in quantity.shape]

    def rows(position: tuple[int, ...]) -> Value:
        if len(position) == len(lengths):
            return table[position]
        return tuple(rows((*position, k)) for k in range(1, lengths[len(position)] + 1))

    return table[()] if () in table and lengths else rows(())


# -- abstract functions --------------------------------------------------------------------


def _bends(network: Network) -> dict[str, Fraction]:
    """The abstract functions; each stands for sin(u) + c u^2 with a c of its own."""
    names = [row.name for row in network.own_functions.values() if row.abstract]
    return {name: Fraction(number + 2, 7) for number, name in enumerate(names)}


def _taken(network: Network) -> dict[str, Function]:
    """The rows of what the abstract functions and their named derivatives stand for."""
    rows = {}
    for name, bend in _bends(network).items():
        derivative = network.own_functions[name].derivative_name
        rows[name] = defined(name, Apply("sin", U) + Number(bend) * Power(U, TWO))
        rows[derivative] = defined(derivative, Apply("cos", U) + Number(2 * bend) * U)
    return rows


def _callables(network: Network) -> dict[str, Callable[[Any], Any]]:
    """The same as functions of arrays or tensors, under the names that Python can spell."""
    made: dict[str, Callable[[Any], Any]] = {}
    for name, bend in _bends(network).items():
        derivative = network.own_functions[name].derivative_name
        made[python_name(name)] = _Bent(float(bend), derived=False)
        made[python_name(derivative)] = _Bent(float(bend), derived=True)
    return made


@dataclass(frozen=True)
class _Bent:
    """sin(u) + c u^2, or its derivative, of a NumPy array or a tensor."""

    bend: float
    derived: bool

    def __call__(self, u: Any) -> Any:
        own = u if hasattr(u, "sin") else np  # a tensor knows its sine
        if self.derived:
            wave = u.cos() if own is u else np.cos(u)
            return wave + 2 * self.bend * u
        wave = u.sin() if own is u else np.sin(u)
        return wave + self.bend * u**2


# -- a part of a network -------------------------------------------------------------------


def part_of(network: Network, passed: frozenset[str], outputs: tuple[str, ...]) -> Network:
    """The part that leads from `passed` to `outputs`, each of these with its own upstream.

    What is passed counts as given. The loss is Σ upstream * output, so that a gradient of it
    is what a backward pass owes for these upstreams.
    """
    needed: set[str] = set()
    stack = [name for name in outputs if name not in passed]
    while stack:
        name = stack.pop()
        if name in needed or name not in network.equations or name in passed:
            continue
        needed.add(name)
        stack.extend(network.equations[name].right.names)
    equations = [e for n, e in network.equations.items() if n in needed]
    quantities = [
        replace(q, kind="input") if q.kind == "computed" else q
        for n, q in network.quantities.items()
        if n not in network.equations or n in passed
    ]
    quantities += [network[name] for name in needed]
    terms = []
    for name in outputs:
        q = network[name]
        upstream = upstream_of(network, name, outputs)
        quantities.append(Quantity(upstream, "constant", q.shape, base=upstream))
        left = network.equations[name].left
        term: Expr = Mul((Ref(upstream, left.indices), left))
        for letter, size in zip(reversed(left.indices), reversed(q.shape), strict=True):
            term = Reduce("sum", str(letter), size, term)
        terms.append(term)
    loss = _fresh(network, f"{UPSTREAM}_loss")
    quantities.append(Quantity(loss, "computed", base=loss))
    return Network(
        quantities, [*equations, Equation(Ref(loss), total(tuple(terms)))], loss,
        functions=network.own_functions, sizes=network.sizes, file=network.file,
    )  # fmt: skip


def upstream_of(network: Network, name: str, outputs: tuple[str, ...]) -> str:
    """The name of the derivative of the loss in one of the outputs, in a part of a network."""
    return _fresh(network, UPSTREAM if len(outputs) == 1 else f"{UPSTREAM}_{name}")


def _fresh(network: Network, name: str) -> str:
    while name in network.quantities:
        name += "_"
    return name
