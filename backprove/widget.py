"""`explore`: a network in the explorer, within a notebook (Jupyter, VS Code, marimo)."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .errors import BackproveError
from .language import from_text, load, source_text
from .network import Network

if TYPE_CHECKING:
    from .web.notebook import Explorer

NEEDED = ("anywidget", "pydantic", "starlette", "pebble")
"""The packages of the extra `widget`."""


def explore(
    network: Network | str,
    *,
    selection: str | None = None,
    notation: str = "as-written",
    height: int = 760,
) -> Explorer:
    """The explorer as a widget; show it by naming it in a cell's last line.

    network: a Network, a `.bp` text, a file or a builder (`mlp:2-3-1`). selection: the component
    that is asked about first (`w2[1,2]`). height: in pixels. What is edited or learned in the
    page is in the widget's `text`, `values` and `network`. Raises BackproveError where a package
    is missing or the network cannot be read.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise BackproveError(
            f"the explorer needs packages that are not installed: {', '.join(missing)}",
            "pip install 'backprove[widget]'",
        )
    if isinstance(network, str):
        network = from_text(network) if "\n" in network else load(network)
    text, values = _written(network)
    made: Explorer = import_module(".web.notebook", __package__).Explorer(
        text, values=values, selection=selection, view={"notation": notation}, height=height
    )
    return made


def _written(network: Network) -> tuple[str, dict[str, object]]:
    """A network as text, and the values that it has in place of its text's."""
    text = network.text or source_text(network)
    written = from_text(text)
    changed = {
        name: quantity.value
        for name, quantity in network.quantities.items()
        if quantity.value is not None
        and name not in network.sizes
        and quantity.value != written[name].value
    }
    return text, {name: _floats(value) for name, value in changed.items()}


def _floats(value: object) -> object:
    return [_floats(one) for one in value] if isinstance(value, tuple | list) else float(value)  # type: ignore[arg-type]
