"""backprove: a network's equations, its gradients step by step, each step verified.

    >>> import backprove as bp
    >>> network = bp.parse('''
    ... input  i = 2
    ... target t = 1
    ... weight w_h = 0.5, w_o = 0.25
    ... r_h = w_h * i
    ... r_o = w_o * r_h
    ... loss E = (t - r_o)^2 / 2
    ... ''')
    >>> bp.derive(network, "w_h").answer
    -(t - r_o)*w_o*i
    >>> float(bp.evaluate(network).gradients["w_h"])
    -0.375

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adjoints import backprop
    from .derivation import derive
    from .errors import BackproveError
    from .graph import GraphNetwork, from_graph
    from .judge import check
    from .language import load, mlp, parse, read
    from .network import Network
    from .rewrite import Derivation
    from .run.compiled import Compiled, compile
    from .run.training import load_model, predict, resume, train
    from .run.values import evaluate
    from .verify import verify_derivation, verify_network
    from .widget import explore

__version__ = "0.1.0"

_HOMES = {
    "BackproveError": "errors",
    "Compiled": "run.compiled",
    "Derivation": "rewrite",
    "GraphNetwork": "graph",
    "Network": "network",
    "backprop": "adjoints",
    "check": "judge",
    "compile": "run.compiled",
    "derive": "derivation",
    "evaluate": "run.values",
    "explore": "widget",
    "from_graph": "graph",
    "load": "language",
    "load_model": "run.training",
    "mlp": "language",
    "parse": "language",
    "predict": "run.training",
    "read": "language",
    "resume": "run.training",
    "train": "run.training",
    "verify_derivation": "verify",
    "verify_network": "verify",
}
"""Each public name, and the module that holds it."""

_DRAWN = {"Derivation", "Network", "backprop", "derive", "load", "mlp", "parse", "read"}
"""The names from which objects come that draw themselves, in a notebook and with print."""

__all__ = [
    "BackproveError",
    "Compiled",
    "Derivation",
    "GraphNetwork",
    "Network",
    "__version__",
    "backprop",
    "check",
    "compile",
    "derive",
    "evaluate",
    "explore",
    "from_graph",
    "load",
    "load_model",
    "mlp",
    "parse",
    "predict",
    "read",
    "resume",
    "train",
    "verify_derivation",
    "verify_network",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _DRAWN:
        import_module(".render.display", __name__).attach()
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
