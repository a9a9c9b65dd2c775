"""Plans, kept between runs: a plan depends on nothing but what it is asked for.

They lie beside the libraries as JSON, so that a network of many layers is planned once.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..program import Contract, Map, Program
from .cache import recalled, remember, texts_digest
from .call import Kernel
from .maps import Form
from .plan import Place, Plan, plan
from .storage import Matrix

Array: TypeAlias = NDArray[Any]

_WORTH_KEEPING = 40
"""Instructions from which on a plan is kept: a shorter one is made as fast as it is read."""


def planned(
    program: Program,
    *,
    fixed: Mapping[str, Array],
    replaced: Mapping[str, str],
    batch: int,
    lanes: int,
    room: int | None,
    threads: int,
    kernels: Sequence[Kernel],
    loaded: bool = False,
) -> Plan:
    """What `plan` gives, from an earlier run where it was kept."""

    def made() -> Plan:
        return plan(
            program, fixed=fixed, replaced=replaced, batch=batch, lanes=lanes, room=room,
            threads=threads, kernels=kernels, loaded=loaded,
        )  # fmt: skip

    if len(program.instructions) < _WORTH_KEEPING:
        return made()
    constants = [(name, a.shape, a.dtype.str, a.tobytes()) for name, a in sorted(fixed.items())]
    asked = (_planners_digest(), _words(program), constants, sorted(replaced.items()), batch, lanes,
             room, threads, repr(kernels), loaded)  # fmt: skip
    key = hashlib.sha256(_as_bytes(asked)).hexdigest()
    content = recalled(key)
    if content is not None:
        return _read(json.loads(content))
    found = made()
    remember(key, json.dumps(_written(found)).encode())
    return found


def _as_bytes(asked: tuple[Any, ...]) -> bytes:
    """The same for what is equal: what pickling gives, and later versions of this format, depends
    on which objects are one and the same."""
    return marshal.dumps(asked, 2)


def _words(program: Program) -> tuple[Any, ...]:
    """All that a plan can depend on of a program, column by column: to go through its thousands of
    objects would take as long as all else that is done where the plan is there already."""
    operations = [instruction.operation for instruction in program.instructions]
    contracts = [o for o in operations if isinstance(o, Contract)]
    maps = [o for o in operations if isinstance(o, Map)]
    operands = [*(o.operands for o in contracts), *(o.operands for o in maps)]
    results = program.results.values()
    return (
        program.shapes,
        list(program.given.items()),
        list(program.results),
        list(map(attrgetter("buffer", "axes", "shape", "sampled"), results)),
        [instruction.target for instruction in program.instructions],
        [type(o).__name__ for o in operations],
        [o.result for o in contracts],
        list(map(attrgetter("function", "rank"), maps)),
        list(map(len, operands)),
        list(map(attrgetter("buffer", "axes"), chain.from_iterable(operands))),
        [repr(o) for o in operations if not isinstance(o, Contract | Map)],
    )


def _written(p: Plan) -> dict[str, Any]:
    """A plan as JSON holds it; numbers keep every bit."""
    return {
        "kernels": [(k.name, k.form and astuple(k.form)) for k in p.kernels],
        "table": p.table.tobytes().hex(),
        "sizes": [p.size, p.columns, p.room],
        "inputs": dict(p.inputs),
        "outputs": dict(p.outputs),
        "given": {name: _place_written(place) for name, place in p.given.items()},
        "results": {name: _place_written(place) for name, place in p.results.items()},
        "initial": [
            (_place_written(place), value.shape, value.dtype.str, value.tobytes().hex())
            for place, value in p.initial
        ],
        "operations": p.operations.hex(),
        "apart": p.apart,
        "calls_blas": p.calls_blas,
    }


def _place_written(place: Place) -> list[Any]:
    return [place.at, place.shape, place.matrix and astuple(place.matrix), place.strides]


def _read(said: Mapping[str, Any]) -> Plan:
    size, columns, room = said["sizes"]
    return Plan(
        tuple(Kernel(name, form and _form(*form)) for name, form in said["kernels"]),
        np.frombuffer(bytes.fromhex(said["table"]), np.int64), size, columns, room,
        said["inputs"], said["outputs"],
        {name: _place(*place) for name, place in said["given"].items()},
        {name: _place(*place) for name, place in said["results"].items()},
        tuple(
            (_place(*place), np.frombuffer(bytes.fromhex(value), dtype).reshape(shape))
            for place, shape, dtype, value in said["initial"]
        ),
        float.fromhex(said["operations"]), said["apart"], said["calls_blas"],
    )  # fmt: skip


def _form(
    sampled: bool, flat: bool, rank: int, reads: Any, body: Sequence[str], stored: Sequence[int]
) -> Form:
    return Form(sampled, flat, rank, tuple(map(tuple, reads)), tuple(body), tuple(stored))


def _place(at: int, shape: Sequence[int], matrix: Any, strides: Sequence[int]) -> Place:
    return Place(at, tuple(shape), matrix and _matrix(*matrix), tuple(strides))


_matrix = cache(Matrix)
"""Layers of the same widths have the same."""


@cache
def _planners_digest() -> str:
    """One number for the text of all that a plan depends on: another planner, another plan."""
    here = Path(__file__).parent
    return texts_digest(here, ".py") + texts_digest(here.parent, ".py")
