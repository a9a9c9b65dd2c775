"""backprove: a network's equations, its gradients step by step, each step verified.

    >>> import backprove as bp
    >>> bp.__version__.count(".")
    2

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BackproveError
    from .network import Network

__version__ = "0.1.0"

_HOMES = {
    "BackproveError": "errors",
    "Network": "network",
}
"""Each public name, and the module that holds it."""

__all__ = ["BackproveError", "Network", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps `backprove.derive` the function.

    Loading a submodule binds it in its package under its own name, which would hide the
    function of that name; the module stays reachable by `from backprove.derive import ...`.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
