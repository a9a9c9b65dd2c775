"""Reading a notation from its .toml file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import NotationError, path_of
from ..roles import KINDS
from .symbols import GREEK, Template, template

_FOLDER = Path(__file__).parent

LayerOf: TypeAlias = Literal["source", "target"]


@dataclass(frozen=True)
class Layers:
    """How layers are numbered.

    first: the input layer's number. weight, bias, weighted_input: whether these carry the
    number of the layer they come from or of the one they lead to. names: the letters of
    the input, hidden and output layer, where a notation names layers.
    """

    first: int = 1
    weight: LayerOf = "target"
    bias: LayerOf = "target"
    weighted_input: LayerOf = "target"
    names: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Signs:
    """How operations are written.

    product: between factors. symbols: between two plain symbols, "" for side by side.
    derivative: `fraction`, the body above the line; `operator`, d/dw [body]; `mixed`, a
    fraction for a name, an operator for an expression.
    d: ∂ or d. sum_from: what a printed sum starts at, 1 or 0. brackets: whether [ ] stands
    around parts that hold ( ).
    """

    product: str = "·"
    symbols: str = ""
    derivative: Literal["fraction", "operator", "mixed"] = "mixed"
    d: str = "∂"
    sum_from: int = 1
    brackets: bool = False


@dataclass(frozen=True)
class Notation:
    """One way to write networks: a symbol for each role, and the conventions.

    adjoint_sign: -1 where the error signal is minus the derivative of the loss; it is read
    then, and printed as a derivative. adjoint_of: `sample` where an error signal is the
    derivative of its own sample's loss, and not of the mean. reads: symbols that are read, but
    not printed.
    """

    name: str
    title: str = ""
    source: str = ""
    conventions: tuple[str, ...] = ()
    layers: Layers = Layers()
    signs: Signs = Signs()
    symbols: Mapping[str, Template] | None = None
    adjoints: Mapping[str, Template] | None = None
    gradient: Template | None = None
    weight_order: Literal["to from", "from to"] = "to from"
    function: str = ""
    derivative: str = ""
    loss_function: Template | None = None
    rate: str = "η"
    adjoint_sign: int = 1
    adjoint_of: Literal["loss", "sample"] = "loss"
    reads: Mapping[str, tuple[Template, ...]] = field(default_factory=dict)

    @property
    def as_written(self) -> bool:
        """Whether quantities keep the file's own names."""
        return self.symbols is None


def names() -> tuple[str, ...]:
    """The notations that come with backprove."""
    found = sorted(path.stem for path in _FOLDER.glob("*.toml"))
    return ("as-written", *(name for name in found if name != "as-written"))


def load(name_or_path: str | Path) -> Notation:
    """A notation by its name, or a user's own by the path of its file.

    Raises NotationError when there is none of that name, or when the file has a mistake.
    """
    name = str(name_or_path)
    if name in names():
        text = (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        return read_notation(text, name, f"{name}.toml")
    path = path_of(name)
    if path.suffix != ".toml" and not path.is_file():
        close = difflib.get_close_matches(name, names(), 1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise NotationError(
            f"there is no notation named {name!r}",
            f"{meant}there are {', '.join(names())}, or give the path of a .toml file",
        )
    try:
        if path.stat().st_size > 100_000:
            raise NotationError(f"{name}: more than 100 kB is no notation")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise NotationError(f"{name}: cannot be read: {reason}") from None
    return read_notation(text, path.stem, name)


# -- one table of what a file may hold -----------------------------------------------------

_ALLOWED: Mapping[str, frozenset[str]] = {
    "": frozenset(
        (
            "title", "source", "conventions", "layers", "signs", "symbols", "adjoints",
            "functions", "reads",
        )
    ),
    "layers": frozenset(("first", "weight", "bias", "weighted_input", "names")),
    "layers.names": frozenset(("input", "hidden", "output")),
    "signs": frozenset(
        (
            "product", "symbols", "derivative", "d", "sum_from", "brackets", "weight_order", "rate",
            "adjoint_sign", "adjoint_of",
        )
    ),
    "functions": frozenset(("activation", "derivative", "loss")),
    "symbols": frozenset(kind.replace(" ", "_") for kind in KINDS)
    | {"named_weighted_input", "mean_loss", "sample_loss", "sample_loss_term"},
    "adjoints": frozenset(kind.replace(" ", "_") for kind in KINDS)
    | {"gradient", "difference_or_output"},
    "reads": frozenset(kind.replace(" ", "_") for kind in KINDS)
    | {"last_weighted_input", "last_error"},
}  # fmt: skip

_CHOICES: Mapping[tuple[str, str], tuple[object, ...]] = {
    ("layers", "first"): (0, 1),
    ("layers", "weight"): ("source", "target"),
    ("layers", "bias"): ("source", "target"),
    ("layers", "weighted_input"): ("source", "target"),
    ("signs", "product"): ("·", "×", ".", "*", ""),
    ("signs", "symbols"): ("·", "×", ".", "*", ""),
    ("signs", "derivative"): ("fraction", "operator", "mixed"),
    ("signs", "d"): ("∂", "d"),
    ("signs", "sum_from"): (0, 1),
    ("signs", "weight_order"): ("to from", "from to"),
    ("signs", "brackets"): (True, False),
    ("signs", "adjoint_sign"): (1, -1),
    ("signs", "adjoint_of"): ("loss", "sample"),
}


def read_notation(text: str, name: str, where: str) -> Notation:
    """The notation that a .toml text holds. Raises NotationError with the place."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotationError(f"{where}: {error}") from None
    _check_keys(data, "", where)
    tables = {part: data.get(part, {}) for part in ("layers", "signs", "functions")}
    for part, table in tables.items():
        _check_keys(table, part, where)
        for key, value in table.items():
            _check_choice(part, key, value, where)
    layers = dict(tables["layers"])
    if "names" in layers:
        _check_keys(layers["names"], "layers.names", where)
    signs = dict(tables["signs"])
    order = signs.pop("weight_order", "to from")
    rate = _letter(signs.pop("rate", "η"), f"{where}: [signs] rate")
    adjoint_sign = signs.pop("adjoint_sign", 1)
    adjoint_of = signs.pop("adjoint_of", "loss")
    adjoints = _templates(data, "adjoints", where)
    loss = tables["functions"].get("loss")
    return Notation(
        name,
        _text(data, "title", where),
        _text(data, "source", where),
        _lines(data, where),
        Layers(**layers),
        Signs(**signs),
        _templates(data, "symbols", where),
        {k: v for k, v in adjoints.items() if k != "gradient"} if adjoints else {},
        adjoints.get("gradient") if adjoints else None,
        order,
        _letter(tables["functions"].get("activation", ""), f"{where}: [functions] activation"),
        _letter(tables["functions"].get("derivative", ""), f"{where}: [functions] derivative"),
        template(loss, f"{where}: [functions] loss") if loss else None,
        rate,
        adjoint_sign,
        adjoint_of,
        _reads(data, where),
    )


def _check_keys(table: Any, part: str, where: str) -> None:
    inside = f"[{part}] " if part else ""
    if not isinstance(table, dict):
        raise NotationError(f"{where}: {part} must be a table, written [{part}]")
    for key in table:
        if key not in _ALLOWED[part]:
            close = difflib.get_close_matches(key, _ALLOWED[part], 1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise NotationError(
                f"{where}: {inside}has no entry {key}",
                f"{hint}the entries are: {', '.join(sorted(_ALLOWED[part]))}",
            )


def _check_choice(part: str, key: str, value: object, where: str) -> None:
    choices = _CHOICES.get((part, key))
    alike = choices is not None and any(
        value == choice and type(value) is type(choice) for choice in choices
    )
    if choices is not None and not alike:
        shown = ", ".join(repr(choice) for choice in choices)
        raise NotationError(f"{where}: [{part}] {key} = {value!r} is none of {shown}")


def _templates(data: Mapping[str, Any], part: str, where: str) -> Mapping[str, Template] | None:
    if part not in data:
        return None
    _check_keys(data[part], part, where)
    return {
        key.replace("_", " "): template(value, f"{where}: [{part}] {key}")
        for key, value in data[part].items()
    }


def _reads(data: Mapping[str, Any], where: str) -> Mapping[str, tuple[Template, ...]]:
    table = data.get("reads", {})
    _check_keys(table, "reads", where)
    found: dict[str, tuple[Template, ...]] = {}
    for key, values in table.items():
        place = f"{where}: [reads] {key}"
        if not isinstance(values, list):
            raise NotationError(f"{place} must be a list of symbols")
        found[key.replace("_", " ")] = tuple(template(value, place) for value in values)
    return found


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise NotationError(f"{where}: {key} must be a text")
    return value


def _letter(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise NotationError(f"{where} must be a letter or a word")
    return GREEK.get(value, value)


def _lines(data: Mapping[str, Any], where: str) -> tuple[str, ...]:
    value = data.get("conventions", [])
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise NotationError(f"{where}: conventions must be a list of sentences")
    return tuple(value)
