"""backprove as a user would use it: bp.train for the digits, bp.backprop for derivations.

Nothing is imported here but what they need, for a whole process may be what is timed.
"""

from __future__ import annotations

import time

from workloads import DIGITS

import backprove as bp


def digits(path: str, seed: int) -> float:
    """The accuracy on the held-out digits, of those that come with backprove."""
    network = bp.mlp(list(DIGITS.sizes), DIGITS.activation, DIGITS.loss)
    model = bp.train(
        network, "digits", epochs=DIGITS.run // DIGITS.steps, batch_size=DIGITS.batch,
        optimizer=DIGITS.optimizer, eta=DIGITS.eta, schedule="cosine", seed=seed, validation=0.0,
    )  # fmt: skip
    score = model.predict("digits").score
    assert score is not None, "the digits have their labels"
    return score.measures["accuracy"]


def derivation(layers: int, width: int) -> float:
    """The whole dynamic program of a network that has been read: every adjoint and gradient."""
    network = bp.mlp([width] * (layers + 1), "tanh", "squared_error")
    start = time.perf_counter()
    adjoints = bp.backprop(network).adjoints
    seconds = time.perf_counter() - start
    assert len(adjoints) == len(network.quantities), "every quantity has its adjoint"
    return seconds
