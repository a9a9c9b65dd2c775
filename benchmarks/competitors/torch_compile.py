"""torch.compile of several whole steps: gather, loss, gradients and update in one graph.

The steps are written one after another in a functional loop, so that one call from Python does
them all; Inductor's C++ wrapper saves most of what a call costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.func import grad_and_value
from workloads import Predicting, Training

from . import torch_common as common
from .interface import Array, ByEpoch, Predictor, Trainer

UNROLLED = 8
_FORMS: dict[str, dict[str, Any]] = {
    "C++ wrapper": {"cpp_wrapper": True},
    "C++ wrapper, autotuned": {"cpp_wrapper": True, "max_autotune": True},
}


class CompiledSteps(ByEpoch):
    def __init__(
        self, work: Training, data: Mapping[str, Array], form: str, options: dict[str, Any]
    ) -> None:
        self.work, self.form = work, form
        self.samples, self.batch = work.samples, work.batch
        self.x, self.y = common.tensors(work, data)
        gradients = grad_and_value(lambda p, x, y: common.loss(work, p, x, y))
        eta = work.eta

        def sgd(p: list[Any], total: Any, xs: Any, ys: Any, rows: Any) -> Any:
            for s in range(UNROLLED):
                found, loss = gradients(p, xs[rows[s]], ys[rows[s]])
                p = [w - eta * g for w, g in zip(p, found, strict=True)]
                total = total + loss
            return p, total

        def adam(
            p: list[Any], m: list[Any], v: list[Any], t: Any, total: Any, xs: Any, ys: Any,
            rows: Any,
        ) -> Any:  # fmt: skip
            for s in range(UNROLLED):
                found, loss = gradients(p, xs[rows[s]], ys[rows[s]])
                t = t + 1
                first, second = 1 / (1 - 0.9**t), 1 / (1 - 0.999**t)
                m = [0.9 * a + 0.1 * g for a, g in zip(m, found, strict=True)]
                v = [0.999 * b + 0.001 * g * g for b, g in zip(v, found, strict=True)]
                p = [
                    w - eta * (a * first) / (torch.sqrt(b * second) + 1e-8)
                    for w, a, b in zip(p, m, v, strict=True)
                ]
                total = total + loss
            return p, m, v, t, total

        whole = sgd if work.optimizer == "sgd" else adam
        self.steps: Any = torch.compile(whole, fullgraph=True, dynamic=False, options=options)

    def reset(self, parameters: Mapping[str, Array]) -> None:
        p = common.held(self.work, parameters)
        if self.work.optimizer == "sgd":
            self.state: tuple[Any, ...] = (p,)
        else:
            zeros = [torch.zeros_like(t) for t in p]
            self.state = (p, zeros, [t.clone() for t in zeros], torch.zeros(()))

    def parameters(self) -> dict[str, Array]:
        return common.told(self.work, self.state[0])

    @torch.no_grad()
    def epoch(self, order: Array) -> float:
        rows = common.indices(order).view(-1, UNROLLED, self.batch).unbind(0)
        state, total = self.state, torch.zeros(())
        for several in rows:
            *state, total = self.steps(*state, total, self.x, self.y, several)
        self.state = tuple(state)
        return float(total) / (len(order) // self.batch)


class Forward(Predictor):
    def __init__(
        self, work: Predicting, parameters: Mapping[str, Array], x: Array, form: str,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        self.form = form
        self.p, self.x = common.held(work, parameters), torch.tensor(x)

        def outputs(p: list[Any], x: Any) -> Any:
            return common.forward(work, p, x)

        self.function: Any = torch.compile(outputs, fullgraph=True, dynamic=False, options=options)

    def run(self) -> Any:
        with torch.no_grad():
            return self.function(self.p, self.x)

    def outputs(self) -> Array:
        return np.array(self.run().numpy())


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    common.use(threads)
    for form, options in _FORMS.items():
        yield CompiledSteps(work, data, f"{UNROLLED} steps a call, {form}", options)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int
) -> Iterator[Predictor]:
    common.use(threads)
    for form, options in _FORMS.items():
        yield Forward(work, parameters, x, form, options)
