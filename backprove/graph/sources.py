"""Where graphs come from: networkx, arrays, lists of edges, sparse matrices, CSV and Parquet.

Every source becomes the same few arrays; nothing is kept per edge but numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, path_of
from ..run.table import listed, read_table

Array: TypeAlias = NDArray[Any]
Name: TypeAlias = Hashable

COLUMNS = ("left", "right")


@dataclass(frozen=True)
class EdgeList:
    """E edges between N neurons, as a source gives them.

    names: (N,) the neurons' names. left, right: (E,) int64, numbers of neurons.
    weights: (E,) float64, or None where the source has none.
    activations, biases: what the source says of single neurons.
    source: what messages call it.
    """

    names: Sequence[Name] | Array
    left: Array
    right: Array
    weights: Array | None
    activations: Mapping[Name, str] = field(default_factory=dict)
    biases: Mapping[Name, float] = field(default_factory=dict)
    source: str = "the edge list"

    def name(self, number: int) -> Name:
        """A neuron's name, as a plain Python value."""
        found = self.names[number]
        return found.item() if isinstance(found, np.generic) else found


def read_edges(source: Any, weight: str | None = "weight") -> EdgeList:
    """The edges of a networkx DiGraph, a CSV or Parquet file, a SciPy sparse matrix (the entry in
    row i and column j is the edge from i to j), a tuple (left, right) or (left, right, weight) of
    columns, a mapping with columns of these names, or a list of edges of two or three values.

    weight: the attribute or column of the weights; None where they are to be drawn.
    Raises DataError where it is none of these, or an entry is missing or no number.
    """
    if isinstance(source, str | Path):
        edges = _from_file(path_of(source), weight)
    elif hasattr(source, "is_directed") and hasattr(source, "adj"):
        edges = _from_networkx(source, weight)
    elif hasattr(source, "tocoo"):
        edges = _from_sparse(source, weight)
    elif isinstance(source, Mapping):
        edges = _from_columns(source, weight, "the table", found=list(map(str, source)))
    elif isinstance(source, tuple) and len(source) in (2, 3):
        named = dict(zip((*COLUMNS, weight or "weight"), source, strict=False))
        edges = _from_columns(named, weight if len(source) == 3 else None, "the edge list")
    elif isinstance(source, list):
        edges = _from_rows(source, weight)
    else:
        raise DataError(
            f"a graph cannot be made from {type(source).__name__}",
            "give a networkx DiGraph, a CSV or Parquet file, a SciPy sparse matrix, columns"
            " (left, right, weight) or a list of edges",
        )
    _check_weights(edges)
    return edges


def _check_weights(edges: EdgeList) -> None:
    if edges.weights is None:
        return
    bad = np.flatnonzero(~np.isfinite(edges.weights))
    if len(bad):
        e = int(bad[0])
        ends = f"{edges.name(int(edges.left[e]))!r} → {edges.name(int(edges.right[e]))!r}"
        raise DataError(
            f"the weight of the edge {ends} in {edges.source} is {edges.weights[e]}",
            "a weight is a finite number",
        )


# -- networkx ------------------------------------------------------------------------------


def _from_networkx(graph: Any, weight: str | None) -> EdgeList:
    if not graph.is_directed():
        raise DataError(
            "the graph has no directions, so nothing says which end of an edge is left",
            "give a DiGraph: networkx.DiGraph(graph)",
        )
    names = list(graph.nodes)
    number = {name: i for i, name in enumerate(names)}
    count = graph.number_of_edges()
    ends = chain.from_iterable((number[a], number[b]) for a, b in graph.edges())
    pairs = np.fromiter(ends, np.int64, 2 * count).reshape(count, 2)
    weights = None
    if weight is not None and count:
        given = [value for _, _, value in graph.edges(data=weight)]
        lacking = [i for i, value in enumerate(given) if value is None]
        if len(lacking) < count:
            if lacking:
                left, right = pairs[lacking[0]]
                raise DataError(
                    f"the edge {names[left]!r} → {names[right]!r} has no attribute {weight!r}",
                    f"{count - len(lacking):,} of {count:,} edges have one: give all of them one",
                )
            weights = _numbers(given, f"the attribute {weight!r} of an edge")
    return EdgeList(
        names,
        pairs[:, 0],
        pairs[:, 1],
        weights,
        {n: a for n, a in graph.nodes(data="activation") if a is not None},
        {n: b for n, b in graph.nodes(data="bias") if b is not None},
        "the graph",
    )


# -- arrays --------------------------------------------------------------------------------


def _from_sparse(matrix: Any, weight: str | None) -> EdgeList:
    rows, columns = matrix.shape
    if rows != columns:
        raise DataError(
            f"the sparse matrix is {rows} × {columns}, but joins neurons to neurons",
            "give a square one: the entry in row i and column j is the edge from i to j",
        )
    entries = matrix.tocoo()
    return EdgeList(
        np.arange(rows),
        np.asarray(entries.row, np.int64),
        np.asarray(entries.col, np.int64),
        None if weight is None else _numbers(entries.data, "an entry of the matrix"),
        source="the matrix",
    )


def _from_rows(rows: list[Any], weight: str | None) -> EdgeList:
    widths = {len(row) if isinstance(row, tuple | list) else 0 for row in rows}
    if rows and widths not in ({2}, {3}):
        odd = [r for r in rows if not isinstance(r, tuple | list) or len(r) not in (2, 3)]
        bad = odd[0] if odd else next(r for r in rows if len(r) == 2)
        raise DataError(
            f"an edge is (left, right) or (left, right, weight), the same for all, not {bad!r}"
        )
    names: dict[Name, int] = {}
    for row in rows:
        for name in row[:2]:
            names.setdefault(name, len(names))
    numbered = np.array([(names[row[0]], names[row[1]]) for row in rows], np.int64).reshape(-1, 2)
    weighted = weight is not None and widths == {3}
    weights = _numbers([row[2] for row in rows], "a weight") if weighted else None
    return EdgeList(list(names), numbered[:, 0], numbered[:, 1], weights)


def _from_columns(
    columns: Mapping[str, Any], weight: str | None, source: str, found: list[str] | None = None
) -> EdgeList:
    for name in (*COLUMNS, *(() if weight is None else (weight,))):
        if name not in columns:
            more = ", or weight=None to draw the weights" if name == weight else ""
            raise DataError(
                f"{source} has no column {name}",
                f"it has {listed(found or list(columns))}; an edge list has the columns left,"
                f" right and weight{more}",
            )
    left, right = (_column(columns[name], name) for name in COLUMNS)
    given = None if weight is None else _numbers(columns[weight], f"the column {weight}")
    for name, column in (("right", right), ("weight", given)):
        if column is not None and len(column) != len(left):
            raise DataError(
                f"{source} gives {len(left):,} left neurons, but {len(column):,} entries in the"
                f" column {name}",
                "an edge has one of each",
            )
    names, numbers = numbered(left, right)
    return EdgeList(names, numbers[: len(left)], numbers[len(left) :], given, source=source)


def _column(values: Any, name: str) -> Array:
    """One axis of names; lists of Python objects (tuples, say) stay objects."""
    column: Array
    if isinstance(values, np.ndarray):
        column = values
    else:
        row = list(values)
        column = np.empty(len(row), object)
        column[:] = row
        if row and all(isinstance(value, int) for value in row):
            column = np.array(row)
    if column.ndim != 1:
        raise DataError(f"the column {name} has {column.ndim} axes", "give one name an edge")
    if column.dtype.kind == "f":
        whole = np.isfinite(column) & (column == np.rint(column))
        if not whole.all():
            raise DataError(
                f"the column {name} holds {column[~whole][0]}, which names no neuron",
                "a name is a whole number, a text or another hashable value",
            )
        column = column.astype(np.int64)
    return column


def _numbers(values: Any, what: str) -> Array:
    try:
        return np.ascontiguousarray(np.asarray(values).astype(np.float64).ravel())
    except (TypeError, ValueError):
        raise DataError(f"{what} is no number", "a weight is a finite number") from None


def numbered(left: Array, right: Array) -> tuple[Sequence[Name] | Array, Array]:
    """The distinct names and the number of each of the 2E ends.

    Whole numbers are taken in ascending order, other names in the order in which they occur.
    """
    both = left.dtype.kind in "iu" and right.dtype.kind in "iu"
    if both and len(left) and min(left.min(), right.min()) >= 0:
        top = int(max(left.max(), right.max()))
        if top < 8 * len(left) + 1024:  # a table of all numbers up to the largest is small
            seen = np.zeros(top + 1, bool)
            seen[left] = seen[right] = True
            number = np.cumsum(seen) - 1
            return np.flatnonzero(seen), np.concatenate([number[left], number[right]])
    if left.dtype.kind == "O" or right.dtype.kind == "O":
        names: dict[Name, int] = {}
        ends = [names.setdefault(name, len(names)) for name in chain(left, right)]
        return list(names), np.array(ends, np.int64)
    found, first, inverse = np.unique(
        np.concatenate([left, right]), return_index=True, return_inverse=True
    )
    if both:
        return found, inverse
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return found[order], rank[inverse]


# -- files ---------------------------------------------------------------------------------


def _from_file(path: Path, weight: str | None) -> EdgeList:
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    wanted = [*COLUMNS, *([] if weight is None else [weight])]
    if path.suffix.lower() in (".parquet", ".pq"):
        return _from_parquet(path, wanted, weight)
    try:
        import pyarrow  # noqa: F401  # heavy, and optional
    except ImportError:
        table = read_table(str(path))
        return _from_columns(table.columns, weight, path.name, found=list(table.columns))
    return _from_csv(path, wanted, weight)


def _from_parquet(path: Path, wanted: list[str], weight: str | None) -> EdgeList:
    try:
        from pyarrow import ArrowException, parquet  # heavy, and optional
    except ImportError:
        raise DataError(
            "reading Parquet files needs pyarrow", "pip install 'backprove[graph]'"
        ) from None
    try:
        found = parquet.read_schema(path).names
        table = parquet.read_table(path, columns=[name for name in wanted if name in found])
    except (ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from None
    return _from_arrow(table, weight, path.name, found)


def _from_csv(path: Path, wanted: list[str], weight: str | None) -> EdgeList:
    from pyarrow import ArrowException, csv  # heavy, and optional

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline()
    mark = max((",", ";", "\t"), key=head.count)
    names = [name.strip().strip('"') for name in head.strip().split(mark)]
    if not set(wanted) <= set(names):
        return _from_columns(dict.fromkeys(names), weight, path.name)
    try:
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=mark))
    except (ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return _from_arrow(table.rename_columns(names), weight, path.name, names)


def _from_arrow(table: Any, weight: str | None, source: str, found: list[str]) -> EdgeList:
    """Text is numbered by pyarrow, so that no Python object is made for each edge."""
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count and name in (*COLUMNS, weight):
            row = column.is_null().index(True).as_py()
            raise DataError(f"{source}, edge {row + 1}, column {name}: there is no value")
        columns[name] = column
    texts = [n for n in COLUMNS if n in columns and "string" in str(columns[n].type)]
    if len(texts) < len(COLUMNS) or (weight is not None and weight not in columns):
        plain = {
            n: [str(v) for v in c.to_pylist()] if texts and n in COLUMNS else c.to_numpy()
            for n, c in columns.items()
        }
        return _from_columns(plain, weight, source, found)
    from pyarrow import chunked_array  # heavy, and optional

    chunks = [c.cast("string") for n in COLUMNS for c in columns[n].chunks]
    coded = chunked_array(chunks, "string").dictionary_encode().combine_chunks()
    numbers = coded.indices.to_numpy().astype(np.int64)
    edges = len(columns["left"])
    weights = None
    if weight is not None:
        weights = _numbers(columns[weight].to_numpy(), f"the column {weight} of {source}")
    names = coded.dictionary.to_pylist()
    if "" in names:
        row = int(np.flatnonzero(numbers == names.index(""))[0]) % edges
        raise DataError(f"{source}, edge {row + 1}: a neuron has no name")
    return EdgeList(names, numbers[:edges], numbers[edges:], weights, source=source)


def lookup(names: Iterable[Name]) -> Mapping[Name, int]:
    """Each name's number."""
    return {
        (name.item() if isinstance(name, np.generic) else name): n for n, name in enumerate(names)
    }
