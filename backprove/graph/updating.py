"""Any optimizer on a graph's weights and biases: the recipe's own equations.

The step program of a recipe is made for a network. Here that is e = sum(g*w) + sum(k*b), of
which g and k are the gradients in w and b: given the gradients of a graph, its step is theirs.
"""

from __future__ import annotations

import numpy as np

from ..language import parse
from ..run.numpy_backend import prepare
from ..run.optimizers import Recipe
from ..run.step import NEXT, ScalarTable, check_scalars, lower_step, slot_name
from .passes import Array, Parameters


class Updater:
    """The steps of one recipe; what the optimizer keeps begins at 0."""

    def __init__(self, parameters: Parameters, recipe: Recipe) -> None:
        self.parameters = parameters
        biased = parameters.biased
        text = [f"input g[{len(parameters.w)}]", f"weight w[{len(parameters.w)}]"]
        if biased:
            text += [f"input k[{len(parameters.b)}]", f"bias b[{len(parameters.b)}]"]
        text.append("loss e = sum(i: g[i]*w[i])" + (" + sum(j: k[j]*b[j])" if biased else ""))
        step = lower_step(parse("\n".join(text)), recipe, [])
        check_scalars(step, recipe.steps or 1)
        dtype = parameters.w.dtype
        self._run = prepare(step.program, dtype)
        self._scalars = ScalarTable(step, dtype)
        arrays = {"w": parameters.w, "b": parameters.b}
        self._slots = {
            slot_name(name, slot): np.zeros_like(arrays[name])
            for name, slots in step.slots.items()
            for slot in slots
        }
        self._taken = 0

    def step(self, g: Array, gb: Array) -> None:
        """Change weights and biases by their gradients, (E,) and (N,)."""
        p = self.parameters
        self._taken += 1
        made = self._run(
            {"g": g[None], "k": gb[None], "w": p.w, "b": p.b, **self._slots,
             **self._scalars.at(self._taken)}
        )  # fmt: skip
        p.w[:] = made[NEXT + "w"]
        if p.biased:
            p.b[:] = made[NEXT + "b"]
        self._slots = {name: made[NEXT + name] for name in self._slots}
