"""The kinds of mistakes, one row each."""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "shape": "the shapes of a matrix product or sum do not fit",
    "sign": "a sign is wrong, of the whole or of one term",
    "constant-factor": "a number too much or too little: 2, ½, 1/m, 1/m twice",
    "missing-factor": "a factor of the chain is missing",
    "extra-factor": "a factor stands there that does not belong, or twice",
    "missing-sum": "the sum over the paths is missing, or only one path is taken",
    "missing-term": "a term that is related was dropped",
    "extra-term": "a term was kept that does not depend on what is varied",
    "wrong-index": "an index is another one, or two are exchanged: also a transposed matrix",
    "wrong-layer": "a weight, activation or weighted input of another layer",
    "wrong-function-derivative": "the derivative of a function is another function's",
    "derivative-at-wrong-place": "the right derivative, at the activation instead of the"
    " weighted input or the like",
    "bias-as-weight": "a bias treated as if an input went with it, or a weight as if none did",
    "updated-weight": "a weight after its update where the one before it belongs",
    "other-loss": "right for another loss: cross-entropy for squared error, or the reverse",
    "special-case": "right only for some values, such as a sample of class 1",
    "wrong-claim": "an equation beside the chain that does not hold",
    "unknown": "no single mistake or pair of them explains it",
    "unreadable": "the text could not be read",
}
"""Each kind of mistake, and what it says. docs/judging.md shows this table."""
