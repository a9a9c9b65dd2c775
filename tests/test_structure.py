"""The house: imports point upward, nothing heavy loads early, every file explains itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "backprove"
FILES = sorted(PACKAGE.rglob("*.py"))
FILE_IDS = [str(f.relative_to(ROOT)) for f in FILES]
LONGEST = 800

DOORS = {"__init__", "__main__", "demo"}
"""Files that stand outside the order: they hand names on, or run the command line."""

HEAVY = {
    "numpy", "flint", "lark", "rich", "typer", "matplotlib", "torch",
    "fastapi", "pydantic", "uvicorn", "pebble", "anywidget",
}  # fmt: skip


def reading_order() -> list[str]:
    """The parts of the package in the order of the table in docs/architecture.md."""
    rows = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    cells = [row.split("|")[1].strip().strip("`") for row in rows if row.startswith("| `")]
    return [cell.removesuffix(".py").rstrip("/") for cell in cells]


def part_of(file: Path) -> str:
    """The row of the table to which a file belongs: its folder, or itself."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(tree: ast.AST, file: Path) -> Iterator[tuple[str, int]]:
    """The parts of the package that a file imports, with the line of each import.

    Imports for type checkers only count too: they show what a file needs to know of.
    """
    here = ("backprove", *file.relative_to(PACKAGE).with_suffix("").parts)
    package = here[:-1]
    for node in ast.walk(tree):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = tuple(node.module.split(".")) if node.module else ()
            names = [(*base, *module, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [(*node.module.split("."), alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        for name in names:
            if name[0] == "backprove" and len(name) > 1:
                yield name[1], node.lineno


def test_the_table_lists_every_part_of_the_package() -> None:
    parts = {part_of(f) for f in FILES} - DOORS
    assert parts == set(reading_order()) & parts, "docs/architecture.md misses a part"


@pytest.mark.parametrize("file", FILES, ids=FILE_IDS)
def test_imports_point_upward(file: Path) -> None:
    part = part_of(file)
    if part in DOORS:
        return
    order = reading_order()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    wrong = [
        f"line {line}: {part} imports {name}, which stands below it"
        for name, line in imported_parts(tree, file)
        if name in order and order.index(name) > order.index(part)
    ]
    assert not wrong


@pytest.mark.parametrize("file", FILES, ids=FILE_IDS)
def test_every_file_says_what_it_is_for(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a file begins with what it holds"
    assert text.count("\n") <= LONGEST, f"more than {LONGEST} lines: divide it"


@pytest.mark.parametrize("file", FILES, ids=FILE_IDS)
def test_no_import_of_the_package_hides_in_a_function(file: Path) -> None:
    if part_of(file) in DOORS or part_of(file) == "cli":
        return  # the doors and the command line load what a command needs, and no more
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    hidden = {line for f in functions for _, line in imported_parts(f, file)}
    assert not hidden, f"imports hidden in functions at lines {sorted(hidden)}"


def test_no_file_imports_itself_round_a_circle() -> None:
    """Within a part too, files depend on one another in one direction."""
    needs = {f: _needed_files(f) for f in FILES if f.stem not in DOORS}
    done: set[Path] = set()

    def visit(file: Path, way: tuple[Path, ...]) -> None:
        assert file not in way, "a circle: " + " → ".join(f.name for f in (*way, file))
        if file not in done:
            for other in needs.get(file, ()):
                visit(other, (*way, file))
            done.add(file)

    for file in needs:
        visit(file, ())


def _needed_files(file: Path) -> set[Path]:
    """The files that an import at the top of `file` loads, `__init__` aside."""
    here = ("backprove", *file.relative_to(PACKAGE).with_suffix("").parts)
    found: set[Path] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[1 : len(here) - node.level]
            module = (*base, *(node.module.split(".") if node.module else ()))
            for way in (module, *((*module, alias.name) for alias in node.names)):
                other = PACKAGE.joinpath(*way).with_suffix(".py") if way else None
                if other and other.is_file():
                    found.add(other)
    return found


def test_the_oracle_shares_no_code_with_the_rules() -> None:
    for file in (PACKAGE / "verify").rglob("*.py"):
        parts = {part for part, _ in imported_parts(ast.parse(file.read_text()), file)}
        assert not parts & {"rules", "derivation", "adjoints", "run"}, file.name


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import backprove", HEAVY),
        ("import backprove.cli", HEAVY - {"typer"}),
    ],
)
def test_what_is_not_needed_is_not_loaded(statement: str, unwanted: set[str]) -> None:
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(answer.stdout.split()) & unwanted


@pytest.mark.parametrize("name", ["backprove", "backprove.run.c"])
def test_a_package_hands_on_what_it_says(name: str) -> None:
    """`__all__`, the table of homes and the imports for type checkers agree, and all load."""
    file = ROOT.joinpath(*name.split("."), "__init__.py")
    typed = {
        alias.name: node.module
        for block in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    program = (
        f"import {name} as package, json\n"
        "names = {n: type(getattr(package, n)).__name__ for n in package.__all__}\n"
        "print(json.dumps([package._HOMES, names]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    homes, kinds = ast.literal_eval(answer.stdout)
    assert homes == typed
    assert set(kinds) - {"__version__"} == set(typed)
    assert "module" not in kinds.values(), "a module hides the function of its own name"


NUMPY_RUN = """
import backprove as bp, sys
data = {"x": [[0.0], [1.0]], "y": [[0.0], [1.0]]}
bp.train(bp.load("mlp:1-1"), data, epochs=1, validation=0.0)
print(*sys.modules)
"""


def test_a_run_by_numpy_loads_nothing_of_the_compiler() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", NUMPY_RUN], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = answer.stdout.split()
    assert "backprove.run.numpy_backend" in loaded
    assert not [name for name in loaded if name.startswith(("backprove.run.c.", "numpy.ma."))]


def test_no_public_name_is_also_a_module() -> None:
    """Loading `backprove.x` binds it in the package, where it would hide a function x."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert not set(names) & {part_of(file) for file in FILES}
