"""Batches, Ng's course, squares of layers, symbols without a layer: answers as people write them.

Right ones, and ones with a single mistake, decided from the mathematics.
"""

from __future__ import annotations

import pytest
from effort import soon
from test_check import MLP, OTHER, network_of
from test_check_matrices import (
    BINARY,
    COLUMNS,
    HALVES,
    LEAST,
    LINEAR_OUT,
    MEANS,
    ONE_LAYER,
    RECURRENT,
    RELU_SOFTMAX,
    ROWS,
    TWO,
    UNREADABLE,
    WRONG,
    Sheet,
)

import backprove as bp

COURSE = r"""
dZ2 = A2 - Y
dW2 = \frac{1}{m} dZ2 A1^T
dZ1 = W2^T dZ2 \odot (1 - A1^2)
dW1 = \frac{1}{m} dZ1 X^T
"""
NG_SHEET = r"""
dZ^{[2]} = A^{[2]} - Y
dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[1]T}
dZ^{[1]} = W^{[2]T} dZ^{[2]} * g'(Z^{[1]})
dW^{[1]} = \frac{1}{m} dZ^{[1]} X^T
"""
NG_W2 = r"dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[1]T}"
NG_Z1 = r"dz^{[1]} = W^{[2]T} dz^{[2]} * g'(z^{[1]})"
HIDDEN = r"W_2^T ((a_2 - y) \odot a_2 \odot (1 - a_2)) \odot (1 - a_1^2)"
COST = r"-\frac{1}{m}\left(\frac{Y}{A_2} - \frac{1-Y}{1-A_2}\right)"
BY_HAND = r"dW^{[1]} = (W^{[2]T} (a^{[2]} - y) * (1 - a^{[1]2})) x^T"
BILLION = 10**9

CASES = [
    # a_1^2 is the square of a1, where the file has it
    Sheet("square", TWO, "b1", HIDDEN),
    Sheet("square-and-bias", TWO, "b1", HIDDEN + r" \odot b_1", WRONG, ("extra-factor",)),
    Sheet("square-of-a-matrix", COLUMNS, "W1",
          r"\frac{1}{m} (W_2^T (A_2 - Y) \odot (1 - A_1^2)) X^T"),
    Sheet("square-recurrent", RECURRENT, "W", r"((h_2 - y) \odot (1 - h_2^2)) h_1^T"),
    Sheet("square-one-step", RECURRENT, "U", r"((h_2 - y) \odot (1 - h_2^2)) x_2^T",
          WRONG, ("missing-term",)),
    Sheet("layer-not-square", MLP, "w2[1,2]", "(h_1^3 - y_1) h_1^3 (1 - h_1^3) h_2^2"),
    # an error signal of each sample, beside a mean
    Sheet("course", COLUMNS, "W1", COURSE),
    Sheet("course-sign", COLUMNS, "W1", COURSE.replace("A2 - Y", "Y - A2"), WRONG, ("sign",),
          line=1),
    Sheet("course-of-the-mean", COLUMNS, "W2", "dZ2 = \\frac{1}{m}(A2 - Y)\ndW2 = dZ2 A1^T"),
    Sheet("course-no-mean", COLUMNS, "W2", "dZ2 = A2 - Y\ndW2 = dZ2 A1^T", OTHER,
          ("constant-factor",), line=2, convention=MEANS),
    Sheet("course-answer", COLUMNS, "Z2", "dZ2 = A2 - Y"),
    Sheet("rows-of-the-mean", ROWS, "W2", "dS = (P - Y)/N\ndW2 = H^T dS"),
    Sheet("ng", BINARY, "w1", NG_SHEET, notation="ng", samples="m"),
    Sheet("ng-five", BINARY, "w1", NG_SHEET, notation="ng", samples="5"),
    Sheet("ng-weights", BINARY, "w2", NG_W2, notation="ng", samples="m"),
    Sheet("ng-weights-no-mean", BINARY, "w2", NG_W2.replace(r"\frac{1}{m}", ""), OTHER,
          ("constant-factor", "missing-factor"), notation="ng", samples="m", convention=MEANS),
    Sheet("ng-output", BINARY, "z3", "dZ^{[2]} = A^{[2]} - Y", notation="ng", samples="m"),
    Sheet("ng-output-mean", BINARY, "z3", r"dZ^{[2]} = \frac{1}{m}(A^{[2]} - Y)", WRONG,
          ("constant-factor",), notation="ng", samples="m"),
    Sheet("ng-bias", BINARY, "b2", r"db^{[2]} = \frac{1}{m}\sum_{i=1}^m dZ^{[2](i)}",
          notation="ng", samples="m"),
    # m, where the samples are counted by a number
    Sheet("number-of-samples", "softmax:3-2", "z2", r"\frac{1}{m}(o - y)", samples="4"),
    Sheet("number-squared", "softmax:3-2", "z2", r"\frac{1}{m^2}(o - y)", WRONG,
          ("constant-factor",), samples="4"),
    # layers of width 1, several activation functions
    Sheet("ng-one-output", BINARY, "z2", NG_Z1, notation="ng"),
    Sheet("ng-one-output-slope-at-a", BINARY, "z2", NG_Z1.replace("g'(z", "g'(a"), WRONG,
          ("derivative-at-wrong-place",), notation="ng"),
    Sheet("ng-by-hand", BINARY, "w1", BY_HAND, notation="ng"),
    # matrices component by component
    Sheet("cost", COLUMNS, "A2", COST),
    Sheet("cost-sign", COLUMNS, "A2", COST.replace("} - ", "} + "),
          WRONG, ("sign",)),
    Sheet("no-inverse", LEAST, "w", r"(X^T X)^{-1} X^T y", WRONG, ("shape",)),
    # symbols that do not say their layer
    Sheet("bishop", LINEAR_OUT, "w2[k,j]",
          r"\frac{\partial E}{\partial w_{kj}^{(2)}} = \delta_k z_j", notation="bishop"),
    Sheet("bishop-one-sample", LINEAR_OUT, "w1[j,i]",
          r"\frac{\partial E_n}{\partial w_{ji}^{(1)}} = \delta_j x_i", notation="bishop"),
    Sheet("bishop-hidden", LINEAR_OUT, "z2[j]", r"\delta_j = h'(a_j) \sum_{k} w_{kj} \delta_k",
          notation="bishop"),
    Sheet("bishop-either", "mlp:3-3-3,tanh,squared_error", "w2[k,j]", r"\delta_k z_j", UNREADABLE,
          notation="bishop"),
    Sheet("nielsen", MLP, "z3", r"\delta^L = \nabla_a C \odot \sigma'(z^L)", notation="nielsen"),
    Sheet("layer-below", MLP, "b2[i]",
          r"\frac{1}{m}\sum_{s=1}^m (h_{3,is} - y_{is}) h_{3,is}(1 - h_{3,is})", samples="m"),
    Sheet("plain", LEAST, "w", "1/m X^T (Xw - y)"),
    Sheet("plain-two", LEAST, "w", "2/m X^T (Xw - y)", OTHER, ("constant-factor",),
          convention=HALVES),
    Sheet("from-to", RELU_SOFTMAX, "w1", "x^T dscores1", notation="cs231n"),
    # long sums and formulas
    Sheet("billion", ONE_LAYER, "b[1]", rf"\sum_{{i=1}}^{{{BILLION}}} (u_1 - y_1)", WRONG),
    Sheet("billion-deltas", ONE_LAYER, "b[1]", rf"\sum_{{i=1}}^{{{BILLION}}} [i = 1] (u_1 - y_1)",
          UNREADABLE),
    Sheet("billion-of-three", ONE_LAYER, "b[1]", rf"\sum_{{i=3}}^{{{BILLION}}} u_i", UNREADABLE),
    Sheet("thousands", ONE_LAYER, "W", "(u - y)x^T + " * 4000 + "(u - y)x^T", UNREADABLE),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_verdict(case: Sheet) -> None:
    network = network_of(case.network)
    if case.samples:
        network = network.over(int(case.samples) if case.samples.isdigit() else case.samples)
    with soon():
        found = bp.check(network, case.quantity, case.answer, notation=case.notation).as_json()
    told = [entry["kind"] for entry in found["diagnosis"]]
    assert found["verdict"] == case.verdict, found
    assert (found["convention"] or "") == case.convention, found
    if case.kinds:
        assert told, found
        assert told[0] in case.kinds, found
    if case.line is not None:
        assert found["first_wrong_line"] == case.line, found
