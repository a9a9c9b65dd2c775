"""PyTorch in functional style: torch.func.grad_and_value, one foreach or fused call to update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch.func import grad_and_value
from workloads import Training

from . import torch_common as common
from .interface import Array, ByEpoch, Trainer


class Functional(ByEpoch):
    """sort: all samples are sorted once; else each mini-batch is gathered."""

    def __init__(self, work: Training, data: Mapping[str, Array], sort: bool) -> None:
        self.work, self.sort = work, sort
        self.form = "sorted once" if sort else "gathered"
        self.samples, self.batch = work.samples, work.batch
        self.x, self.y = common.tensors(work, data)
        self.gradients = grad_and_value(lambda p, x, y: common.loss(work, p, x, y))

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.p = common.held(self.work, parameters)
        self.m = [torch.zeros_like(t) for t in self.p]
        self.v = [torch.zeros_like(t) for t in self.p]
        self.t = [torch.zeros(()) for _ in self.p]

    def parameters(self) -> dict[str, Array]:
        return common.told(self.work, self.p)

    @torch.no_grad()
    def epoch(self, order: Array) -> float:
        b, rows = self.batch, common.indices(order)
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
            found, loss = self.gradients(self.p, x, y)
            if self.work.optimizer == "sgd":
                torch._foreach_add_(self.p, found, alpha=-self.work.eta)
            else:
                torch._foreach_add_(self.t, 1)
                torch._fused_adam_(
                    self.p, found, self.m, self.v, [], self.t, lr=self.work.eta, beta1=0.9,
                    beta2=0.999, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
                )  # fmt: skip
            total += loss
        return float(total) / (len(order) // b)


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    common.use(threads)
    for sort in (False, True):
        yield Functional(work, data, sort)
