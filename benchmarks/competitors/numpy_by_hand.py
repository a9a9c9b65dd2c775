"""NumPy as a careful person writes it: the formulas by hand, no temporaries, all in place.

Weights, biases, gradients and the optimizer's memory are views of long vectors, so that an update
is a few calls whatever the depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from workloads import DIGITS, Predicting, Training, names, read_digits

from .interface import Array, ByEpoch, Predictor, Trainer


class ByHand(ByEpoch):
    def __init__(self, work: Training, data: Mapping[str, Array], sort: bool) -> None:
        self.work, self.sort = work, sort
        self.form = "all samples sorted once" if sort else "each mini-batch gathered"
        self.samples, self.batch = work.samples, work.batch
        self.x, self.y = data["x"], data["y"]
        self.sorted_x, self.sorted_y = np.empty_like(self.x), np.empty_like(self.y)
        shapes: dict[str, tuple[int, ...]] = {}
        for n, (before, after) in enumerate(pairwise(work.sizes), 1):
            shapes[f"w{n}"], shapes[f"b{n}"] = (after, before), (after,)
        length = sum(int(np.prod(shape)) for shape in shapes.values())
        self.flat, self.flat_g, self.flat_m, self.flat_v, self.scratch = (
            np.zeros(length, np.float32) for _ in range(5)
        )
        self.p, self.g = _views(self.flat, shapes), _views(self.flat_g, shapes)
        self.h = [np.empty((work.batch, size), np.float32) for size in work.sizes]
        self.v = [np.empty((work.batch, size), np.float32) for size in work.sizes]
        self.t = 0
        self.rates = work.rates()

    def reset(self, parameters: Mapping[str, Array]) -> None:
        for name, view in self.p.items():
            view[...] = parameters[name]
        self.flat_m[:] = 0
        self.flat_v[:] = 0
        self.t = 0

    def parameters(self) -> dict[str, Array]:
        return {name: view.copy() for name, view in self.p.items()}

    def epoch(self, order: Array) -> float:
        total = 0.0
        if self.sort:
            np.take(self.x, order, axis=0, out=self.sorted_x[: len(order)], mode="clip")
            np.take(self.y, order, axis=0, out=self.sorted_y[: len(order)], mode="clip")
        for start in range(0, len(order), self.batch):
            rows = slice(start, start + self.batch)
            if self.sort:
                self.h[0], y = self.sorted_x[rows], self.sorted_y[rows]
            else:
                np.take(self.x, order[rows], axis=0, out=self.h[0], mode="clip")
                y = self.y[order[rows]]
            total += self._gradients(y)
            self._update()
        return total / len(order)

    def _gradients(self, y: Array) -> float:
        """The gradients of one mini-batch, and the sum of its samples' losses."""
        h, v, p, g, last = self.h, self.v, self.p, self.g, self.work.layers
        softmax, tanh = self.work.loss == "cross_entropy", self.work.activation == "tanh"
        for n in range(1, last + 1):
            np.matmul(h[n - 1], p[f"w{n}"].T, out=h[n])
            h[n] += p[f"b{n}"]
            if n == last and softmax:
                continue
            if tanh:
                np.tanh(h[n], out=h[n])
            else:
                np.maximum(h[n], 0, out=h[n])
        if softmax:
            z = h[last]
            z -= z.max(axis=1, keepdims=True)
            picked = np.vdot(z, y)  # y is one-hot: the sum of the right classes' logits
            np.exp(z, out=v[last])
            sums = v[last].sum(axis=1, keepdims=True)
            loss = float(np.log(sums).sum() - picked)
            v[last] /= sums
            v[last] -= y
            v[last] *= np.float32(1 / self.batch)
        else:
            np.subtract(h[last], y, out=v[last])
            loss = float(np.vdot(v[last], v[last])) / 2
            v[last] *= np.float32(1 / self.batch)
            self._through_activation(last)
        for n in range(last, 0, -1):
            np.matmul(v[n].T, h[n - 1], out=g[f"w{n}"])
            np.sum(v[n], axis=0, out=g[f"b{n}"])
            if n > 1:
                np.matmul(v[n], p[f"w{n}"], out=v[n - 1])
                self._through_activation(n - 1)
        return loss

    def _through_activation(self, n: int) -> None:
        """v[n] times the activation's derivative; h[n] is not needed again where it is last."""
        if self.work.activation == "tanh":
            slope = self.h[n] * self.h[n]
            np.subtract(1, slope, out=slope)
            self.v[n] *= slope
        else:
            self.v[n] *= self.h[n] > 0

    def _update(self) -> None:
        g, scratch = self.flat_g, self.scratch
        if self.work.optimizer == "sgd":
            g *= np.float32(self.work.eta)
            self.flat -= g
            return
        self.t += 1
        eta = self.rates[self.t - 1] if self.work.run else self.work.eta
        rate = eta / (1 - 0.9**self.t)
        second = np.float32(1 / np.sqrt(1 - 0.999**self.t))
        self.flat_m *= np.float32(0.9)
        np.multiply(g, np.float32(0.1), out=scratch)
        self.flat_m += scratch
        self.flat_v *= np.float32(0.999)
        np.multiply(g, g, out=scratch)
        scratch *= np.float32(0.001)
        self.flat_v += scratch
        np.sqrt(self.flat_v, out=scratch)
        scratch *= second
        scratch += np.float32(1e-8)
        np.divide(self.flat_m, scratch, out=scratch)
        scratch *= np.float32(rate)
        self.flat -= scratch


def _views(flat: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Parts of a vector, one after another, in these shapes."""
    found, at = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        found[name] = flat[at : at + size].reshape(shape)
        at += size
    return found


class Forward(Predictor):
    def __init__(self, work: Predicting, parameters: Mapping[str, Array], x: Array) -> None:
        self.form = "all samples at once"
        self.x = x
        ordered = [parameters[name] for name in names(work.layers)]
        self.layers = [(w.T, b) for w, b in zip(ordered[::2], ordered[1::2], strict=True)]

    def run(self) -> Any:
        h = self.x
        for w, b in self.layers:
            h = h @ w
            h += b
            np.tanh(h, out=h)
        return h

    def outputs(self) -> Array:
        return np.asarray(self.run())


class Chunked(Forward):
    """A few hundred samples at a time, whose values stay in the cache."""

    def __init__(self, work: Predicting, parameters: Mapping[str, Array], x: Array) -> None:
        super().__init__(work, parameters, x)
        self.form = "256 samples at a time"

    def run(self) -> Any:
        found = np.empty((len(self.x), len(self.layers[-1][1])), np.float32)
        for start in range(0, len(self.x), 256):
            h = self.x[start : start + 256]
            for w, b in self.layers:
                h = h @ w
                h += b
                np.tanh(h, out=h)
            found[start : start + 256] = h
        return found


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    for sort in (False, True):
        yield ByHand(work, data, sort)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int
) -> Iterator[Predictor]:
    yield Forward(work, parameters, x)
    if work.batch > 256:
        yield Chunked(work, parameters, x)


def digits(path: str, seed: int) -> float:
    """The accuracy on the held-out digits."""
    return ByHand(DIGITS, read_digits(path).training, sort=False).read_digits(path, seed)
