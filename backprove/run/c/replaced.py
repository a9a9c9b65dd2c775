"""Results that take the place of what is given, such as the next weights of the weights.

A result that a loop makes over just that storage is written where it is read; any other is copied
when everything else is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..program import Program, Result
from .groups import Unit
from .maps import Fused
from .views import Views


@dataclass(frozen=True)
class Replacement:
    """A result, and the given buffer whose place it takes.

    alike: whether both have the same components in the same order, so that they can lie alike.
    """

    result: Result
    given: int
    alike: bool


def replacements(program: Program, views: Views, replaced: Mapping[str, str]) -> list[Replacement]:
    """What is to be replaced. replaced: results and given buffers by name."""
    found = []
    for name, old in replaced.items():
        result, given = program.results.get(name), program.given.get(old)
        if result is None or given is None or result.buffer == given:
            continue
        whole = result.axes == tuple(range(len(result.shape))) and views.whole(result.buffer)
        found.append(Replacement(result, given, whole))
    return found


def in_place(
    pairs: Sequence[Replacement],
    units: Sequence[Unit],
    users: Mapping[int, set[Unit]],
    views: Views,
    loop: Callable[[Unit], Fused],
    same_layout: Callable[[int, int], bool],
) -> dict[int, int]:
    """The results that may be written over what they replace, and that.

    users: who reads each root. The loop reads what it overwrites component by component, no other
    unit needs what it makes, and in one order of all units everybody else has read the old values
    before.
    """
    results = {pair.result.buffer for pair in pairs}
    # of equal height none waits for another: those that write over something come last
    order = sorted(units, key=lambda u: (-u.height, not results.isdisjoint(u.outputs)))
    place = {unit: n for n, unit in enumerate(order)}
    home = {i.target: unit for unit in units for i in unit.instructions}
    found: dict[int, int] = {}
    for pair in pairs:
        buffer, given = pair.result.buffer, pair.given
        maker = home.get(buffer)
        if not pair.alike or buffer in found or maker is None or maker.space is None:
            continue
        made = loop(maker)
        if (
            made.form.flat
            and all(any(a.strides) or not made.extents for a in made.reads if a.root == given)
            and all(users.get(i.target, set()) <= {maker} for i in maker.instructions)
            and all(place[u] <= place[maker] for u in users.get(given, ()))
            and views.lengths(buffer) == views.lengths(given)
            and same_layout(buffer, given)
        ):
            found[buffer] = given
    return found
