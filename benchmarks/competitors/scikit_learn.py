"""scikit-learn's MLPClassifier, by partial_fit: one call an epoch, its own solver and shuffle.

MLPRegressor's output is linear, so that networks with an activation there do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.neural_network import MLPClassifier
from workloads import DIGITS, Predicting, Training, read_digits

from .interface import Array, NotFitting, Predictor, Trainer


class Classifier(Trainer):
    form = "partial_fit"
    slack = 10  # its Adam adds epsilon before it corrects the bias

    def __init__(self, work: Training, data: Mapping[str, Array]) -> None:
        self.work, self.x, self.label = work, data["x"], data["label"]
        self.model = _model(work)
        self.classes = np.arange(work.sizes[-1])

    def reset(self, parameters: Mapping[str, Array]) -> None:
        self.model = _model(self.work)
        few = self.work.sizes[-1]
        self.model.batch_size = few  # a first call, only to make the arrays
        self.model.partial_fit(self.x[:few], self.label[:few], classes=self.classes)
        self.model.batch_size = self.work.batch
        layers = range(1, self.work.layers + 1)
        self.model.coefs_ = [parameters[f"w{n}"].T.copy() for n in layers]
        self.model.intercepts_ = [parameters[f"b{n}"].copy() for n in layers]
        del self.model._optimizer  # so that it starts anew, on these arrays

    def parameters(self) -> dict[str, Array]:
        found = {}
        rows = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        for n, (w, b) in enumerate(rows, 1):
            found[f"w{n}"], found[f"b{n}"] = w.T.copy(), b.copy()
        return found

    def first_steps(self, count: int) -> float:
        rows = slice(0, count * self.work.batch)
        self.model.shuffle = False
        self.model.partial_fit(self.x[rows], self.label[rows])
        self.model.shuffle = True
        return float(self.model.loss_)

    def epochs(self, count: int, seed: int) -> float:
        for _ in range(count):
            self.model.partial_fit(self.x, self.label)
        return float(self.model.loss_)


def _model(work: Training, **around: object) -> MLPClassifier:
    options = {
        "hidden_layer_sizes": work.sizes[1:-1], "activation": work.activation,
        "solver": work.optimizer, "alpha": 0.0, "batch_size": work.batch,
        "learning_rate_init": work.eta, "random_state": 0, "momentum": 0.0, **around,
    }  # fmt: skip
    return MLPClassifier(**options)


def trainers(work: Training, data: Mapping[str, Array], threads: int) -> Iterator[Trainer]:
    if work.loss != "cross_entropy":
        raise NotFitting("MLPRegressor's output is linear")
    yield Classifier(work, data)


def predictors(
    work: Predicting, parameters: Mapping[str, Array], x: Array, threads: int
) -> Iterator[Predictor]:
    raise NotFitting("MLPRegressor's output is linear")


_PHASES = ((0.015, 6), (0.002, 3))
"""Rate and epochs, one after another: its Adam has no schedule, but may be started warm with
another rate. At the constant rates tried, 24 epochs reach what this does in nine, 20 do not."""


def digits(path: str, seed: int) -> float:
    """The accuracy on the held-out digits; n_iter_no_change keeps it from stopping before."""
    held = read_digits(path)
    model = _model(DIGITS, random_state=seed, warm_start=True, n_iter_no_change=1000)
    for eta, epochs in _PHASES:
        model.set_params(learning_rate_init=eta, max_iter=epochs)
        model.fit(held.x, held.label)
    return float((model.predict(held.test_x) == held.test_label).mean())
