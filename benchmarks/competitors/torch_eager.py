"""PyTorch eager: autograd on plain tensors, and the optimizer in as few calls as there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from workloads import DIGITS, Predicting, Training, read_digits

from . import torch_common as common
from .interface import Array, ByEpoch, Predictor, Trainer


class Eager(ByEpoch):
    """update: `foreach`, one call for all parameters by torch._foreach; or the fused optimizer.

    sort: all samples are sorted once; else each mini-batch is gathered.
    """

    def __init__(self, work: Training, data: Mapping[str, Array], fused: bool, sort: bool) -> None:
        self.work, self.fused, self.sort = work, fused, sort
        how = "sorted once" if sort else "gathered"
        self.form = f"{'fused optimizer' if fused else 'foreach'}, {how}"
        self.samples, self.batch = work.samples, work.batch
        self.x, self.y = common.tensors(work, data)

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.p = [t.requires_grad_() for t in common.held(self.work, parameters)]
        if self.work.optimizer == "adam":
            self.optimizer: Any = torch.optim.Adam(self.p, self.work.eta, fused=True)
        else:
            self.optimizer = torch.optim.SGD(self.p, self.work.eta, fused=True)
        self.rates = iter(self.work.rates())

    def parameters(self) -> dict[str, Array]:
        return common.told(self.work, self.p)

    def epoch(self, order: Array) -> float:
        rows, b, p = common.indices(order), self.batch, self.p
        total = torch.zeros(())
        if self.sort:
            xs, ys = self.x.index_select(0, rows).split(b), self.y.index_select(0, rows).split(b)
        else:
            batches = rows.split(b)
        for s in range(len(order) // b):
            if self.sort:
                x, y = xs[s], ys[s]
            else:
                x, y = self.x.index_select(0, batches[s]), self.y.index_select(0, batches[s])
            loss = common.loss(self.work, p, x, y)
            found = torch.autograd.grad(loss, p)
            if self.fused:
                for parameter, g in zip(p, found, strict=True):
                    parameter.grad = g
                if self.work.run:  # less work than by a scheduler of torch.optim
                    self.optimizer.param_groups[0]["lr"] = next(self.rates)
                self.optimizer.step()
            else:
                with torch.no_grad():
                    torch._foreach_add_(p, found, alpha=-self.work.eta)
            total += loss.detach()
        return float(total) / (len(order) // b)


class Forward(Predictor):
    form = "inference_mode"

    def __init__(self, work: Predicting, parameters: Mapping[str, Array], x: Array) -> None:
        self.work, self.p, self.x = work, common.held(work, parameters), torch.tensor(x)

    def run(self) -> Any:
        with torch.inference_mode():
            return common.forward(self.work, self.p, self.x)

    def outputs(self) -> Array:
        return np.array(self.run().numpy())


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    common.use(threads)
    updates = (True,) if work.optimizer == "adam" else (False, True)
    for fused in updates:
        for sort in (False, True):
            yield Eager(work, data, fused, sort)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int
) -> Iterator[Predictor]:
    common.use(threads)
    yield Forward(work, parameters, x)


def digits(path: str, seed: int) -> float:
    """The accuracy on the held-out digits; compiling would take longer than all of it."""
    data = read_digits(path).training
    common.use(1)  # a second thread only costs time on so small a network
    return Eager(DIGITS, data, fused=True, sort=False).read_digits(path, seed)
