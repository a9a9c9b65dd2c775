"""Reading data: CSV and NPZ files, the bundled digits and the classics, as named columns.

Nothing here knows a network. Columns keep what the file says: text stays text until someone
asks for its numbers, and then the place of the first bad cell is named.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, expect, path_of
from .classics import CLASSICS, NOISE, ROWS, SEED, drawn, drawn_as_said

Array: TypeAlias = NDArray[Any]

Said: TypeAlias = str | Sequence[str]
"""Which columns: patterns with commas between them, or names."""

DIGITS = "digits"
"""The name of the bundled data."""

_BUNDLED = Path(__file__).parent.parent / "data" / "digits.npz"

DIGITS_TEST = 360
"""How many of the 1,797 digits are held out for testing, always the same ones."""

MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null", "none"})
"""What stands where a number is not known, in small letters."""

LEAVE_OUT = "--skip-missing leaves out such rows; or put a value there"


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length.

    columns: numbers or text, the rows along the first axis; an NPZ array may have more axes.
    source: where they were read from. lines: the file's line of each row, where it has lines.
    test: rows that training must not touch, where the source sets some apart.
    notes: what was made of the source, where that is not plain. chosen: where these are only
    some of the source's rows and it has no lines, each row's number there, the first being 1.
    """

    source: str
    columns: Mapping[str, Array]
    lines: Sequence[int] = ()
    test: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()
    chosen: Sequence[int] = ()

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def matching(self, said: Said) -> list[str]:
        """The columns that patterns such as `age,pixel*` name, in the file's order for each.

        A list holds names, whatever letters they have.
        """
        found: dict[str, None] = {}
        patterns = [p.strip() for p in said.split(",")] if isinstance(said, str) else said
        for pattern in patterns:
            if pattern in self.columns:
                found[pattern] = None
                continue
            hits = [name for name in self.columns if fnmatchcase(name, pattern)]
            hits = hits if isinstance(said, str) else []
            if not hits:
                raise DataError(
                    f"{self.source} has no column {pattern}", f"it has {listed(self.columns)}"
                )
            found.update(dict.fromkeys(hits))
        return list(found)

    def width(self, name: str) -> int:
        """How many numbers a row has in this column."""
        return int(np.prod(self.columns[name].shape[1:], dtype=np.int64))

    @property
    def counted(self) -> str:
        """What the places of rows are numbers of: the lines of a file, else rows."""
        return "line" if len(self.lines) else "row"

    def place(self, row: int) -> int:
        """A row's number in the source as its reader counts: a file's lines, else rows from 1."""
        if len(self.lines):
            return self.lines[row]
        return self.chosen[row] if len(self.chosen) else row + 1

    def where(self, row: int) -> str:
        """A row's place in words."""
        return f"{self.counted} {self.place(row)}"

    def numbers(self, name: str) -> Array:
        """A column as float64, shape (rows, width). Raises DataError for the first bad cell."""
        column = self.columns[name]
        if column.dtype.kind in "US":
            values = np.empty(len(column))
            for row, cell in enumerate(column.ravel()):
                values[row] = self._number(str(cell), name, row)
        elif column.dtype.kind in "fiub":
            values = column.astype(np.float64)
        else:
            raise DataError(f"column {name} of {self.source} holds {column.dtype}, not numbers")
        flat = values.reshape(self.rows, self.width(name))
        bad = np.argwhere(~np.isfinite(flat))
        if len(bad):
            row, place = int(bad[0][0]), int(bad[0][1])
            which = f"{name}[{place + 1}]" if flat.shape[1] > 1 else name
            raise DataError(
                f"{self.source}, {self.where(row)}, column {which}: {flat[row, place]}"
                " is not a finite number",
                LEAVE_OUT if np.isnan(flat[row, place]) else "put a number there",
            )
        return flat

    def _number(self, cell: str, name: str, row: int) -> float:
        try:
            return float(cell)
        except ValueError:
            said = f"{cell!r} is not a number" if cell.strip() else "there is no value"
            if self.missing(name)[row]:
                suggestion = LEAVE_OUT
            elif _grouped(cell):
                suggestion = f"write {cell.replace(',', '')} or {cell.replace(',', '.')}"
            else:
                suggestion = (
                    "an input needs a number in every row; train --one-hot makes numbers of words"
                )
            raise DataError(
                f"{self.source}, {self.where(row)}, column {name}: {said}", suggestion
            ) from None

    def missing(self, name: str) -> Array:
        """Whether each row lacks a value in this column: an empty cell, nan, or, where all other
        cells are numbers, one of MISSING.
        """
        column = self.columns[name]
        if column.dtype.kind in "US":
            cells = [str(cell).strip().lower() for cell in column.ravel()]
            others = [cell for cell in cells if cell not in MISSING]
            known = MISSING if others and all(map(_is_number, others)) else {""}
            return np.array([cell in known for cell in cells])
        if column.dtype.kind == "f":
            return np.asarray(np.isnan(column.reshape(self.rows, -1)).any(axis=1))
        return np.zeros(self.rows, dtype=bool)

    def says_words(self, name: str) -> bool:
        """Whether what a column says is not all numbers."""
        column = self.columns[name]
        known = column[~self.missing(name)]
        return column.dtype.kind in "US" and not all(_is_number(str(c)) for c in known.ravel())

    def without_missing(self, names: Sequence[str]) -> Table:
        """Without the rows that lack a value in one of these columns; a note says which.

        Raises DataError where none is left.
        """
        lacking = {name: missing for name in names if (missing := self.missing(name)).any()}
        if not lacking:
            return self
        gone = np.any(list(lacking.values()), axis=0)
        each = [f"{int(missing.sum()):,} in column {name}" for name, missing in lacking.items()]
        if gone.all():
            raise DataError(
                f"every row of {self.source} lacks a value: {listed(each)}",
                "leave a column out that is mostly empty",
            )
        rows = np.flatnonzero(~gone)
        kept = self.only(rows)
        columns = {name: _typed(column) for name, column in kept.columns.items()}
        count = int(gone.sum())
        places = [str(self.place(row)) for row in np.flatnonzero(gone).tolist()]
        note = (
            f"left out: {count:,} of {self.rows:,} rows, which lack{'s' * (count == 1)} a value:"
            f" {listed(each)} ({self.counted}{'s' * (count > 1)} {listed(places)})"
        )
        test = np.flatnonzero(np.isin(rows, self.test))
        return replace(kept, columns=columns, test=test, notes=(*self.notes, note))

    def labels(self, name: str) -> list[str]:
        """A column as class labels: text as it is, whole numbers without a decimal point."""
        column = self.columns[name].ravel()
        if column.dtype.kind in "US":
            cells = [str(cell).strip() for cell in column]
            for row, cell in enumerate(cells):
                if not cell:
                    raise DataError(
                        f"{self.source}, {self.where(row)}, column {name}: there is no label",
                        LEAVE_OUT,
                    )
            return [_plain(cell) for cell in cells]
        numbers = self.numbers(name).ravel().tolist()
        labels = {value: _plain(repr(value)) for value in set(numbers)}
        return [labels[value] for value in numbers]

    def only(self, rows: Array) -> Table:
        """Some of the rows."""
        places = [self.place(row) for row in rows.tolist()]
        lines, chosen = (places, ()) if len(self.lines) else ((), places)
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Table(self.source, columns, lines, chosen=chosen)


def _plain(cell: str) -> str:
    """3 for 3.0, so that a label reads the same from CSV and NPZ."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else cell


def listed(names: Sequence[str] | Mapping[str, object]) -> str:
    """Column names for a message, the middle left out where there are many."""
    row = list(names)
    if len(row) > 12:
        row = [*row[:6], "…", *row[-3:], f"({len(row)} in all)"]
        return ", ".join(row[:-1]) + " " + row[-1]
    return ", ".join(row)


# -- reading -------------------------------------------------------------------------------


def read_table(source: str | Path) -> Table:
    """The bundled digits or a classic by name, an .npz file, or a CSV file (comma, semicolon, tab).

    A classic may be given its settings: `spirals,noise=0.2,rows=1000,seed=3`.
    """
    path = path_of(source)
    if str(source) == DIGITS and not Path(DIGITS).is_file():
        return _digits()
    if str(source).partition(",")[0].strip() in CLASSICS and not Path(source).is_file():
        return Table(str(source), drawn_as_said(str(source)))
    try:
        if path.suffix.lower() == ".npz":
            return _npz(path, str(path))
        return _csv(path)
    except FileNotFoundError:
        raise DataError(
            f"there is no file {path}",
            f"give a .csv or .npz file, or one of the words {DIGITS}, {', '.join(CLASSICS)}",
        ) from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not a data file") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def classic(name: str, *, noise: float = NOISE, rows: int = ROWS, seed: int = SEED) -> Table:
    """One of the two-dimensional classics, drawn. Raises DataError for what cannot be drawn."""
    source = f"{name},noise={noise!r},rows={rows},seed={seed}"
    return Table(source, drawn(name, noise=noise, rows=rows, seed=seed))


def csv_table(text: str, source: str = "the CSV") -> Table:
    """A CSV that is at hand as text. source: what messages call it."""
    try:
        return _csv_rows(io.StringIO(text.removeprefix("\ufeff"), newline=""), source)
    except csv.Error as error:
        raise DataError(f"{source} is not a CSV file: {error}") from None


def as_table(data: str | Path | Table | Mapping[str, Any]) -> Table:
    """Data in any accepted form: a path, `digits`, a Table, or arrays by name."""
    if isinstance(data, Table):
        return data
    if isinstance(data, str | Path):
        return read_table(data)
    expect("data", data, Mapping, "a file's path, or arrays by name")
    return _checked(Table("the data", {str(n): np.asarray(c) for n, c in data.items()}))


def _digits() -> Table:
    table = _npz(_BUNDLED, DIGITS)
    # the same images whatever the seed of a run, so that test figures can be compared
    order = np.random.Generator(np.random.PCG64(1998)).permutation(table.rows)
    return Table(DIGITS, table.columns, test=np.sort(order[:DIGITS_TEST]))


def _npz(path: Path, source: str) -> Table:
    try:
        with np.load(path, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError):
        raise DataError(
            f"{source} is not an .npz file of plain arrays", "write it with numpy.savez"
        ) from None
    return _checked(Table(source, columns))


def _checked(table: Table) -> Table:
    if not table.columns:
        raise DataError(f"{table.source} holds no columns")
    flat = [name for name, column in table.columns.items() if column.ndim == 0]
    if flat:
        raise DataError(f"{flat[0]} in {table.source} is a single number, not one row a sample")
    lengths = {name: len(column) for name, column in table.columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(f"the arrays of {table.source} differ in length: {said}")
    if table.rows == 0:
        raise DataError(f"{table.source} has no rows")
    return table


def _csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _csv_rows(file, str(path))
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file", "give a CSV or an .npz file") from None
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error}") from None


def _csv_rows(file: TextIO, source: str) -> Table:
    delimiter = _delimiter([file.readline() for _ in range(LOOKED_AT)])
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        raise DataError(f"{source} is empty")
    first = [cell.strip() for cell in rows[0][1]]
    # an empty first cell is that of a table's own row names; another may lack a value
    if first[0] and all(not cell or _is_number(cell.replace(",", ".")) for cell in first):
        names = [f"c{number}" for number in range(1, len(first) + 1)]
    else:
        names, rows = first, rows[1:]
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DataError(f"{source} has two columns named {name!r}")
    if not rows:
        raise DataError(f"{source} has a header but no rows")
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(f"{source}, line {line}: {len(row)} cells, but {len(names)} columns")
    columns = {
        name: np.asarray([row[place] for _, row in rows]) for place, name in enumerate(names)
    }
    written = {name: _with_points(column) for name, column in columns.items()}
    commas = [name for name, column in columns.items() if written[name] is not column]
    which = f"column{'s' * (len(commas) > 1)} {listed(commas)}"
    notes = (f"decimal commas, or spaces between thousands, in {which}",) if commas else ()
    typed = {name: _typed(column) for name, column in written.items()}
    return Table(source, typed, [line for line, _ in rows], notes=notes)


LOOKED_AT = 5
"""Lines of a CSV by which it is told what parts its cells."""


def _delimiter(lines: Sequence[str]) -> str:
    """What parts the cells: as often in each line; of these not the comma, which may be decimal."""
    bare = [re.sub('"[^"]*"', "", line) for line in lines if line.strip()] or [""]
    counts = {mark: [line.count(mark) for line in bare] for mark in ";\t,"}
    for mark, found in counts.items():
        if found[0] and len(set(found)) == 1:
            return mark
    return max(",;\t", key=lambda mark: counts[mark][0])


_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+([.,]\d+)?")


def _grouped(cell: str) -> bool:
    """Whether a comma stands where it could part thousands as well as decimals."""
    return _GROUPED.fullmatch(cell.strip()) is not None


def _with_points(column: Array) -> Array:
    """Cells such as 1,5 as 1.5, and 12 000 as 12000: where all numbers of the column are so, and
    not all commas could part thousands; else the column itself.
    """
    cells = [str(cell).strip() for cell in column]
    bare = [re.sub(r"\s", "", cell) if _SPACED.fullmatch(cell) else cell for cell in cells]
    commas = [cell for cell in bare if "," in cell]
    if commas and (all(map(_grouped, commas)) or not all(map(_COMMA.fullmatch, commas))):
        return column
    plain = [cell.replace(",", ".") for cell in bare]
    numbers = all(_is_number(cell) or cell.lower() in MISSING for cell in plain)
    return np.asarray(plain) if numbers and plain != cells else column


def _typed(column: Array) -> Array:
    """As numbers, where all are; text, or a bad cell, is told of when the column is used."""
    with suppress(ValueError):
        return column.astype(np.float64) if column.dtype.kind in "US" else column
    return column


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
