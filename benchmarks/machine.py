"""What was measured on, and with what: the part of a result that makes it comparable."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "backprove", "numpy", "scipy", "torch", "jax", "jaxlib", "scikit-learn", "sympy", "casadi",
    "matplotlib", "threadpoolctl",
)  # fmt: skip


def described() -> dict[str, Any]:
    """The processor, its cores and caches, the load at this moment, and every version."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "caches": _caches(),
        "memory_gb": round(_memory() / 2**30, 1),
        "vectors": [f for f in ("avx2", "fma", "avx512f", "amx_tile", "asimd") if f in _flags()],
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "compiler": _first_line(shutil.which("cc") or shutil.which("gcc"), "--version"),
        "revision": _first_line(shutil.which("git"), "describe", "--always", "--dirty"),
        "load": load(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def load() -> list[float]:
    """The number of processes that wanted to run, over 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == field:
            return value.strip()
    return ""


def _processor() -> str:
    parts = (_cpuinfo("cpu family"), _cpuinfo("model"), _cpuinfo("stepping"))
    name = _cpuinfo("model name") or platform.processor() or platform.machine()
    return f"{name} (family {parts[0]}, model {parts[1]}, stepping {parts[2]})"


def _flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _caches() -> dict[str, str]:
    """Of the first core, by level."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level = (index / "type").read_text().strip(), (index / "level").read_text().strip()
        if kind != "Instruction":
            found[f"L{level}"] = (index / "size").read_text().strip()
    return found


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _first_line(command: str | None, *arguments: str) -> str:
    if command is None:
        return "none"
    answer = subprocess.run(
        [command, *arguments], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return (answer.stdout.splitlines() or [""])[0]
