"""How the package's objects draw themselves: in notebooks, with print, at the prompt.

The classes stand above rendering and know nothing of it; `attach` gives them the methods,
each of which loads what it draws with when it is first used.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from ..adjoints import Backprop
from ..expr import ZERO, Ref, plain
from ..network import ARGUMENT, Equation, Network, Quantity
from ..rewrite import Derivation, Step


@cache
def attach() -> None:
    """Give Derivation, Network, Step and Backprop their methods for display, once."""
    for kind, methods in METHODS.items():
        for name, method in methods.items():
            setattr(kind, name, method)


def _pieces() -> Any:
    return import_module(".pieces", __package__)


def _derivation_text(derivation: Derivation) -> str:
    return str(import_module(".formats", __package__).render(derivation))


def _derivation_html(derivation: Derivation) -> str:
    return str(_pieces().html_of(derivation))


def _derivation_latex(derivation: Derivation) -> str:
    return str(_pieces().latex_of_derivation(derivation))


def _derivation_name(derivation: Derivation) -> str:
    network = derivation.network
    asked = f"∂{network.loss}/∂{plain(derivation.quantity)}"
    return f"<Derivation of {asked}, {derivation.style}, {derivation.zoom}: print it to read it>"


def _network_text(network: Network) -> str:
    shown = (e for e in network.equations.values() if not network[e.name].hidden)
    return _listed(list(shown), network)


def _network_html(network: Network) -> str:
    return str(_pieces().html_of_network(network))


def _network_latex(network: Network) -> str:
    return str(_pieces().latex_of_network(network))


def _network_name(network: Network) -> str:
    count = len(network.equations)
    return f"<Network {network.file}: {count} equation{'s'[: count > 1]} to {network.loss}>"


def _explore(
    network: Network,
    *,
    selection: str | None = None,
    notation: str = "as-written",
    height: int = 760,
) -> Any:
    """The network in the explorer, in a notebook; see `backprove.explore`."""
    explore = import_module("..widget", __package__).explore
    return explore(network, selection=selection, notation=notation, height=height)


def _step_latex(step: Step) -> str | None:
    # a step knows no network: names are printed as they are, and what has none cannot be
    if any(name.endswith(ARGUMENT) for name in step.before.names | step.after.names):
        return None
    nowhere = Network([Quantity("loss", "computed")], [Equation(Ref("loss"), ZERO)], "loss")
    return str(_pieces().latex_of_step(step, nowhere))


def _backward_text(program: Backprop) -> str:
    return _listed([*program.adjoints.values()], program.network)


def _listed(equations: list[Equation], network: Network) -> str:
    pieces, notation = _pieces(), import_module("..notation", __package__)
    bound = notation.bind(notation.load("as-written"), network)
    sides = ((pieces.text_of(e.left, bound), pieces.text_of(e.right, bound)) for e in equations)
    return "\n".join(f"{left} = {right}" for left, right in sides)


METHODS: dict[type, dict[str, Any]] = {
    Derivation: {
        "__repr__": _derivation_name,
        "__str__": _derivation_text,
        "_repr_html_": _derivation_html,
        "_repr_latex_": _derivation_latex,
    },
    Network: {
        "__repr__": _network_name,
        "__str__": _network_text,
        "_repr_html_": _network_html,
        "_repr_latex_": _network_latex,
        "explore": _explore,
    },
    Step: {"_repr_latex_": _step_latex},
    Backprop: {"__str__": _backward_text},
}
