"""The judge on vectors, matrices and batches: layouts, 1/m, softmax, penalties, small attention
and normalisation layers, other courses' letters, and input that is hostile.

Right answers stand in the spellings in which people write them; the others hold one mistake
each, decided from the mathematics.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from effort import soon
from test_check import CLASSES, MLP, OTHER, Case, network_of

import backprove as bp
from backprove.judge import KINDS

# -- networks ------------------------------------------------------------------------------

ONE_LAYER = """
# a linear layer, 3 outputs from 4 inputs
input  x[4]
target y[3]
weight W[3,4]
bias   b[3]
u[i] = sum(j: W[i,j]*x[j]) + b[i]
loss L = sum(i: (u[i] - y[i])^2) / 2
"""
SQUARE = """
# two layers whose matrices are all square
input  x[3]
target y[3]
weight W1[3,3], W2[3,3]
bias   b1[3], b2[3]
z1[i] = sum(j: W1[i,j]*x[j]) + b1[i]
a1[i] = sigmoid(z1[i])
z2[i] = sum(j: W2[i,j]*a1[j]) + b2[i]
a2[i] = sigmoid(z2[i])
loss C = sum(i: (a2[i] - y[i])^2) / 2
"""
TWO = """
# two layers, 4-5-2
input  x[4]
target y[2]
weight W1[5,4], W2[2,5]
bias   b1[5], b2[2]
z1[i] = sum(j: W1[i,j]*x[j]) + b1[i]
a1[i] = tanh(z1[i])
z2[i] = sum(j: W2[i,j]*a1[j]) + b2[i]
a2[i] = sigmoid(z2[i])
loss C = sum(i: (a2[i] - y[i])^2) / 2
"""
COLUMNS = """
# a batch, samples in columns; J is the mean cross-entropy
size   m = 5
input  X[3,m]
target Y[1,m]
weight W1[4,3], W2[1,4]
bias   b1[4], b2[1]
Z1[i,s] = sum(j: W1[i,j]*X[j,s]) + b1[i]
A1[i,s] = tanh(Z1[i,s])
Z2[i,s] = sum(j: W2[i,j]*A1[j,s]) + b2[i]
A2[i,s] = sigmoid(Z2[i,s])
loss J = -sum(s: sum(i: Y[i,s]*log(A2[i,s]) + (1 - Y[i,s])*log(1 - A2[i,s]))) / m
"""
ROWS = """
# a batch, samples in rows; softmax and the mean cross-entropy
size   N = 4
input  X[N,3]
target Y[4,2] = [[1, 0], [0, 1], [0, 1], [1, 0]]
weight W1[3,5], W2[5,2]
bias   b1[5], b2[2]
Z[n,j] = sum(i: X[n,i]*W1[i,j]) + b1[j]
H[n,j] = relu(Z[n,j])
S[n,k] = sum(j: H[n,j]*W2[j,k]) + b2[k]
P[n,k] = exp(S[n,k]) / sum(c: exp(S[n,c]))
loss L = -sum(n: sum(k: Y[n,k]*log(P[n,k]))) / N
"""
FOUR_CLASSES = (
    ROWS.replace("[5,2]", "[5,4]")
    .replace("b2[2]", "b2[4]")
    .replace(
        "Y[4,2] = [[1, 0], [0, 1], [0, 1], [1, 0]]",
        "Y[4,4] = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]",
    )
)
LEAST = """
# least squares over m samples, rows of X
size   m = 6
input  X[m,3]
target y[m]
weight w[3]
h[s] = sum(j: X[s,j]*w[j])
loss J = sum(s: (h[s] - y[s])^2) / (2*m)
"""
RIDGE = """
# ridge regression
size     m = 6
input    X[m,3]
target   y[m]
weight   w[3]
constant λ = 0.3
h[s] = sum(j: X[s,j]*w[j])
loss J = sum(s: (h[s] - y[s])^2) / (2*m) + λ*sum(j: w[j]^2) / (2*m)
"""
DECAY = """
# one layer with weight decay
input    x[3]
target   y[2]
weight   W[2,3]
constant λ = 0.1
z[i] = sum(j: W[i,j]*x[j])
a[i] = sigmoid(z[i])
loss E = sum(i: (a[i] - y[i])^2)/2 + λ*sum(i,j: W[i,j]^2)/2
"""
ATTENTION = """
# one query over three keys
input  q[2], K[3,2]
target y[4]
weight V[3,4], M[2,2]
r[i] = sum(j: M[i,j]*q[j])
s[i] = sum(j: K[i,j]*r[j])
p[i] = exp(s[i]) / sum(k: exp(s[k]))
o[j] = sum(i: p[i]*V[i,j])
loss L = sum(j: (o[j] - y[j])^2) / 2
"""
NORM = """
# layer normalisation
size   n = 4
input  x[n]
target y[n]
weight g[n]
bias   b[n]
mu = sum(i: x[i]) / n
c[i] = x[i] - mu
v = sum(i: c[i]^2) / n
r[i] = c[i] / sqrt(v)
o[i] = g[i]*r[i] + b[i]
loss L = sum(i: (o[i] - y[i])^2) / 2
"""
RECURRENT = """
# a recurrent network over two steps; the same weights in both
input  x1[2], x2[2]
target y[3]
weight W[3,3], U[3,2]
p1[i] = sum(j: U[i,j]*x1[j])
h1[i] = tanh(p1[i])
p2[i] = sum(j: W[i,j]*h1[j]) + sum(j: U[i,j]*x2[j])
h2[i] = tanh(p2[i])
loss L = sum(i: (h2[i] - y[i])^2) / 2
"""
MEAN_OUTPUTS = ONE_LAYER.replace("/ 2", "/ 3")
CUBE = "mlp:3-3-3,sigmoid,squared_error"
LINEAR_OUT = "mlp:2-3-2,tanh/linear,squared_error"
BINARY = "mlp:3-4-1,tanh,binary_cross_entropy"
SCALARS = "mlp:1-1-1,sigmoid,sse,nobias"
RELU_SOFTMAX = "mlp:3-5-4,relu,cross_entropy"


@dataclass(frozen=True)
class Sheet(Case):
    """samples: over how many samples the network is lifted; claim: no quantity is asked for."""

    samples: str = ""
    claim: bool = False


WRONG, UNREADABLE = "wrong", "unreadable"
ORDER, HALVES, MEANS, LOSS, DELTA = (
    "index order", "one half", "mean or sum over the samples", "other loss",
    "sign of the error signal",
)  # fmt: skip

ONE = [
    Sheet("outer-product", ONE_LAYER, "W", r"\frac{\partial L}{\partial W} = (Wx + b - y)x^T"),
    Sheet("outer-product-top", ONE_LAYER, "W", r"(u - y) x^{\top}"),
    Sheet("outer-product-intercal", ONE_LAYER, "W", r"\nabla_W L = (u-y)x^\intercal"),
    Sheet(
        "outer-product-transpose-word", ONE_LAYER, "W", r"\mathbf{(u - y)} \mathbf{x}^{\mathsf{T}}"
    ),
    Sheet("outer-product-otimes", ONE_LAYER, "W", r"(u - y) \otimes x"),
    Sheet(
        "outer-product-index",
        ONE_LAYER,
        "W[i,j]",
        r"\frac{\partial L}{\partial W_{ij}} = (u_i - y_i) x_j",
    ),
    Sheet(
        "outer-product-deltas",
        ONE_LAYER,
        "W[i,j]",
        r"\frac{\partial L}{\partial W_{ij}} "
        r"= \sum_k (u_k - y_k) \frac{\partial u_k}{\partial W_{ij}} "
        r"= \sum_k (u_k - y_k)\delta_{ki} x_j "
        r"= (u_i - y_i) x_j",
    ),
    Sheet("outer-product-plain", ONE_LAYER, "W", "(W x + b - y) x^T"),
    Sheet(
        "outer-product-turned",
        ONE_LAYER,
        "W",
        r"x (u - y)^T",
        OTHER,
        ("shape", "wrong-index"),
        convention=ORDER,
    ),
    Sheet("outer-product-forgot-T", ONE_LAYER, "W", r"(u - y) x", WRONG, ("shape",)),
    Sheet("inner-for-outer", ONE_LAYER, "W", r"(u - y)^T x", WRONG, ("shape",)),
    Sheet("outer-product-sign", ONE_LAYER, "W", r"(y - u) x^T", WRONG, ("sign",)),
    Sheet(
        "outer-product-two",
        ONE_LAYER,
        "W",
        r"2 (u - y) x^T",
        OTHER,
        ("constant-factor",),
        convention=HALVES,
    ),
    Sheet("outer-product-three", ONE_LAYER, "W", r"3 (u - y) x^T", WRONG, ("constant-factor",)),
    Sheet("input-gradient", ONE_LAYER, "x", r"W^T (u - y)"),
    Sheet("input-gradient-nabla", ONE_LAYER, "x", r"\nabla_x L = W^T (Wx + b - y)"),
    Sheet("input-gradient-sum", ONE_LAYER, "x[j]", r"\sum_{i=1}^{3} W_{ij}(u_i - y_i)"),
    Sheet("input-gradient-not-transposed", ONE_LAYER, "x", r"W (u - y)", WRONG, ("shape",)),
    Sheet(
        "input-gradient-index-swapped",
        ONE_LAYER.replace("4", "3"),
        "x[j]",
        r"\sum_i W_{ji}(u_i - y_i)",
        WRONG,
        ("wrong-index",),
    ),
    Sheet(
        "input-gradient-square-not-transposed",
        ONE_LAYER.replace("4", "3"),
        "x",
        r"W (u - y)",
        WRONG,
        ("wrong-index",),
    ),
    Sheet("bias-is-the-error", ONE_LAYER, "b", r"\frac{\partial L}{\partial b} = u - y"),
    Sheet("bias-with-input", ONE_LAYER, "b", r"(u - y) x^T", WRONG, ("shape",)),
    Sheet(
        "bias-is-the-input",
        ONE_LAYER,
        "b[i]",
        r"(u_i - y_i) b_i",
        WRONG,
        ("bias-as-weight", "extra-factor"),
    ),
    Sheet("bias-sum-over-outputs", ONE_LAYER, "b[i]", r"\sum_i (u_i - y_i)", WRONG),
    Sheet("mean-over-outputs", MEAN_OUTPUTS, "W", r"\frac{2}{3}(u - y)x^T"),
    Sheet(
        "mean-over-outputs-forgotten",
        MEAN_OUTPUTS,
        "W",
        r"2(u - y)x^T",
        WRONG,
        ("constant-factor",),
    ),
    Sheet(
        "norm-chain",
        ONE_LAYER,
        "W",
        r"""
\begin{align}
L &= \frac{1}{2} \lVert Wx + b - y \rVert^2 \\
\frac{\partial L}{\partial u} &= u - y \\
\frac{\partial L}{\partial W} &= \frac{\partial L}{\partial u} x^T \\
&= (u - y) x^T
\end{align}
""",
    ),
    Sheet(
        "norm-chain-wrong-middle",
        ONE_LAYER,
        "W",
        r"""
\begin{align}
L &= \frac{1}{2} \| Wx + b - y \|^2 \\
\frac{\partial L}{\partial u} &= y - u \\
\frac{\partial L}{\partial W} &= \frac{\partial L}{\partial u} x^T \\
&= (u - y) x^T
\end{align}
""",
        WRONG,
        ("sign",),
        line=2,
    ),
]

TWO_LAYERS = [
    Sheet(
        "delta-hidden", SQUARE, "z1", r"\delta_1 = W_2^T \delta_2 \odot \sigma'(z_1)", UNREADABLE
    ),
    Sheet(
        "delta-hidden-dot",
        SQUARE,
        "z1",
        r"\delta = (W_2^T ((a_2 - y) \circ a_2 \circ (1 - a_2))) \circ a_1 \circ (1 - a_1)",
    ),
    Sheet(
        "delta-hidden-not-transposed",
        SQUARE,
        "z1",
        r"(W_2 ((a_2 - y) \odot a_2 \odot (1 - a_2))) \odot a_1 \odot (1 - a_1)",
        WRONG,
        ("wrong-index",),
    ),
    Sheet(
        "delta-hidden-other-matrix",
        SQUARE,
        "z1",
        r"(W_1^T ((a_2 - y) \odot a_2 \odot (1 - a_2))) \odot a_1 \odot (1 - a_1)",
        WRONG,
        ("wrong-layer",),
    ),
    Sheet(
        "delta-hidden-no-slope",
        SQUARE,
        "z1",
        r"W_2^T ((a_2 - y) \odot a_2 \odot (1 - a_2))",
        WRONG,
        ("missing-factor",),
    ),
    Sheet(
        "delta-hidden-no-output-slope",
        SQUARE,
        "z1",
        r"W_2^T (a_2 - y) \odot a_1 \odot (1 - a_1)",
        OTHER,
        ("missing-factor", "other-loss"),
        convention=LOSS,
    ),
    Sheet(
        "delta-hidden-slope-of-2",
        SQUARE,
        "z1",
        r"(W_2^T ((a_2 - y) \odot a_2 \odot (1 - a_2))) \odot a_2 \odot (1 - a_2)",
        WRONG,
        ("wrong-layer",),
    ),
    Sheet(
        "delta-slope-at-activation",
        SQUARE,
        "z1",
        r"(W_2^T ((a_2 - y) \odot \sigma'(z_2))) \odot \sigma'(a_1)",
        WRONG,
        ("derivative-at-wrong-place",),
    ),
    Sheet(
        "weights-two-layers-parenthesis-labels",
        TWO,
        "W1",
        r"""
\begin{align*}
\delta^{(2)} &= (a^{(2)} - y) \odot \sigma'(z^{(2)}) \\
\delta^{(1)} &= (W^{(2)})^T \delta^{(2)} \odot \tanh'(z^{(1)}) \\
\frac{\partial C}{\partial W^{(1)}} &= \delta^{(1)} x^T
\end{align*}
""",
    ),
    Sheet(
        "weights-two-layers-one-minus-a",
        TWO,
        "W1",
        r"""
\delta_2 = (a_2 - y) \odot a_2 \odot (1 - a_2)
\delta_1 = W_2^T \delta_2 \odot a_1 \odot (1 - a_1)
\frac{\partial C}{\partial W_1} = \delta_1 x^T
""",
        WRONG,
        ("wrong-function-derivative",),
    ),
    Sheet(
        "weights-two-layers-square-of-a1-elementwise",
        TWO,
        "W1",
        r"(W_2^T ((a_2 - y) \odot a_2 \odot (1 - a_2)) \odot (1 - a_1 \odot a_1)) x^T",
    ),
    Sheet(
        "weights-two-layers-diag",
        TWO,
        "W1",
        r"\mathrm{diag}(1 - a_1^2) W_2^T \mathrm{diag}(a_2 \odot (1 - a_2)) (a_2 - y) x^T",
    ),
    Sheet(
        "weights-two-layers-shape",
        TWO,
        "W1",
        r"(W_2 ((a_2 - y) \odot a_2 \odot (1 - a_2)) \odot (1 - a_1^2)) x^T",
        WRONG,
        ("shape",),
    ),
    Sheet(
        "weights-two-layers-a1-for-x",
        TWO,
        "W1",
        r"(W_2^T ((a_2 - y) \odot a_2 \odot (1 - a_2)) \odot (1 - a_1^2)) a_1^T",
        WRONG,
        ("shape", "wrong-layer"),
    ),
    Sheet(
        "weights-two-layers-x-for-a1",
        TWO,
        "W2",
        r"((a_2 - y) \odot a_2 \odot (1 - a_2)) x^T",
        WRONG,
        ("shape", "wrong-layer"),
    ),
    Sheet(
        "weights-two-layers-plus",
        TWO,
        "W2",
        r"((a_2 - y) \odot a_2 \odot (1 + a_2)) a_1^T",
        WRONG,
        ("sign", "wrong-function-derivative"),
    ),
    Sheet(
        "weights-two-layers-layout",
        TWO,
        "W2",
        r"a_1 ((a_2 - y) \odot a_2 \odot (1 - a_2))^T",
        OTHER,
        ("shape", "wrong-index"),
        convention=ORDER,
    ),
    Sheet(
        "index-two-layers-text",
        TWO,
        "W1[i,j]",
        "sum(k: (a2[k] - y[k])*a2[k]*(1 - a2[k])*W2[k,i])*(1 - a1[i]^2)*x[j]",
    ),
    Sheet(
        "index-two-layers-one-path",
        TWO,
        "W1[i,j]",
        "(a2[1] - y[1])*a2[1]*(1 - a2[1])*W2[1,i]*(1 - a1[i]^2)*x[j]",
        WRONG,
        ("missing-sum",),
    ),
]

BATCHES = [
    Sheet(
        "ng-second-layer",
        COLUMNS,
        "W2",
        r"\frac{\partial J}{\partial W_2} = \frac{1}{m}(A_2 - Y)A_1^T",
    ),
    Sheet(
        "ng-second-layer-sum",
        COLUMNS,
        "W2[i,j]",
        r"\frac{1}{m}\sum_{s=1}^{m} (A_{2,is} - Y_{is}) A_{1,js}",
    ),
    Sheet("ng-second-layer-plain", COLUMNS, "W2[i,j]", "1/m*sum(s: (A2[i,s] - Y[i,s])*A1[j,s])"),
    Sheet(
        "ng-no-mean",
        COLUMNS,
        "W2",
        r"(A_2 - Y)A_1^T",
        OTHER,
        ("constant-factor", "missing-factor"),
        convention=MEANS,
    ),
    Sheet(
        "ng-mean-twice", COLUMNS, "W2", r"\frac{1}{m^2}(A_2 - Y)A_1^T", WRONG, ("constant-factor",)
    ),
    Sheet("ng-2m", COLUMNS, "W2", r"\frac{1}{2m}(A_2 - Y)A_1^T", WRONG, ("constant-factor",)),
    Sheet("ng-bias", COLUMNS, "b2", r"\frac{1}{m}\sum_{s} (A_{2,is} - Y_{is})"),
    Sheet("ng-bias-ones", COLUMNS, "b2", r"\frac{1}{m}(A_2 - Y)\mathbf{1}"),
    Sheet("ng-bias-index", COLUMNS, "b1[i]", "sum(s: ∂Z1[i,s])"),
    Sheet(
        "ng-bias-no-sum", COLUMNS, "b2", r"\frac{1}{m}(A_2 - Y)", WRONG, ("shape", "missing-sum")
    ),
    Sheet(
        "ng-bias-mean-of-adjoints",
        COLUMNS,
        "b1[i]",
        "sum(s: ∂Z1[i,s])/m",
        WRONG,
        ("constant-factor",),
    ),
    Sheet(
        "ng-x-not-transposed",
        COLUMNS,
        "W1",
        r"\frac{1}{m} (W_2^T (A_2 - Y) \odot (1 - A_1^2)) X",
        WRONG,
        ("shape",),
    ),
    Sheet(
        "ng-w2-not-transposed",
        COLUMNS,
        "W1",
        r"\frac{1}{m} (W_2 (A_2 - Y) \odot (1 - A_1^2)) X^T",
        WRONG,
        ("shape",),
    ),
    Sheet(
        "ng-wrong-slope",
        COLUMNS,
        "W1",
        r"\frac{1}{m} (W_2^T (A_2 - Y) \odot A_1 \odot (1 - A_1)) X^T",
        WRONG,
        ("wrong-function-derivative",),
    ),
    Sheet(
        "ng-slope-missing",
        COLUMNS,
        "W1",
        r"\frac{1}{m} W_2^T (A_2 - Y) X^T",
        WRONG,
        ("missing-factor",),
    ),
    Sheet("ng-sign", COLUMNS, "W2", r"\frac{1}{m}(Y - A_2)A_1^T", WRONG, ("sign",)),
    Sheet(
        "ng-extra-sigmoid-slope",
        COLUMNS,
        "W2",
        r"\frac{1}{m}((A_2 - Y)\odot A_2 \odot (1 - A_2))A_1^T",
        OTHER,
        ("extra-factor", "other-loss"),
        convention=LOSS,
    ),
    Sheet("ng-dZ2", COLUMNS, "Z2", r"\frac{1}{m}(A_2 - Y)"),
    Sheet("rows", ROWS, "W2", r"\frac{1}{N} H^T (P - Y)"),
    Sheet(
        "rows-chain",
        ROWS,
        "W1",
        r"""
dS = (P - Y)/N
dH = dS W_2^T
dZ = dH \odot 1[Z > 0]
\frac{\partial L}{\partial W_1} = X^T dZ
""",
    ),
    Sheet("rows-iverson", ROWS, "W1", r"\frac{1}{N} X^T \left( (P - Y)W_2^T \odot [Z > 0] \right)"),
    Sheet(
        "rows-iverson-activation",
        ROWS,
        "W1",
        r"\frac{1}{N} X^T \left( (P - Y)W_2^T \odot \mathbb{1}[H > 0] \right)",
    ),
    Sheet(
        "rows-step-missing", ROWS, "W1", r"\frac{1}{N} X^T (P - Y)W_2^T", WRONG, ("missing-factor",)
    ),
    Sheet("rows-columns-mixed", ROWS, "W2", r"\frac{1}{N} (P - Y) H^T", WRONG, ("shape",)),
    Sheet("rows-bias", ROWS, "b2", r"\frac{1}{N} (P - Y)^T \mathbf{1}"),
    Sheet("rows-bias-index", ROWS, "b2[k]", r"\frac{1}{N}\sum_{n=1}^N (P_{nk} - Y_{nk})"),
    Sheet(
        "rows-bias-sum-over-classes",
        FOUR_CLASSES,
        "b2[k]",
        r"\frac{1}{N}\sum_{n} (P_{kn} - Y_{kn})",
        WRONG,
        ("wrong-index", "missing-sum"),
    ),
    Sheet("rows-scores", ROWS, "S", r"\frac{1}{N}(P - Y)"),
    Sheet("normal-equations", LEAST, "w", r"\frac{1}{m} X^T (Xw - y)"),
    Sheet("normal-equations-expanded", LEAST, "w", r"\frac{1}{m}\left(X^T X w - X^T y\right)"),
    Sheet(
        "normal-equations-steps",
        LEAST,
        "w",
        r"""
J = \frac{1}{2m}(Xw - y)^T(Xw - y)
\frac{\partial J}{\partial w} = \frac{1}{2m} \cdot 2 X^T (Xw - y)
= \frac{1}{m} X^T (Xw - y)
""",
    ),
    Sheet("normal-equations-sum", LEAST, "w[j]", r"\frac{1}{m}\sum_{i=1}^{m} (h_i - y_i) X_{ij}"),
    Sheet(
        "normal-equations-no-x",
        LEAST,
        "w[j]",
        r"\frac{1}{m}\sum_{i=1}^{m} (h_i - y_i)",
        WRONG,
        ("missing-factor", "bias-as-weight"),
    ),
    Sheet("normal-equations-x-first", LEAST, "w", r"\frac{1}{m} (Xw - y) X^T", WRONG, ("shape",)),
    Sheet("normal-equations-y-side", LEAST, "w", r"\frac{1}{m}(X^T X w - X y)", WRONG, ("shape",)),
    Sheet(
        "normal-equations-two",
        LEAST,
        "w",
        r"\frac{2}{m} X^T (Xw - y)",
        OTHER,
        ("constant-factor",),
        convention=HALVES,
    ),
    Sheet(
        "normal-equations-half-left",
        LEAST,
        "w",
        r"\frac{1}{2m} X^T (Xw - y)",
        WRONG,
        ("constant-factor",),
    ),
    Sheet("normal-equations-one-sample", LEAST, "w[j]", r"(h_1 - y_1) X_{1j}", WRONG),
    Sheet(
        "normal-equations-first-term-only",
        LEAST,
        "w",
        r"\frac{1}{m} X^T X w",
        WRONG,
        ("missing-term",),
    ),
    Sheet("ridge", RIDGE, "w", r"\frac{1}{m} X^T (Xw - y) + \frac{\lambda}{m} w"),
    Sheet(
        "ridge-common-denominator",
        RIDGE,
        "w",
        r"\frac{1}{m} \left( X^T (Xw - y) + \lambda w \right)",
    ),
    Sheet(
        "ridge-identity", RIDGE, "w", r"\frac{1}{m} \left( (X^T X + \lambda I) w - X^T y \right)"
    ),
    Sheet(
        "ridge-index",
        RIDGE,
        "w[j]",
        r"\frac{1}{m}\sum_{s=1}^m (h_s - y_s) X_{sj} + \frac{\lambda}{m} w_j",
    ),
    Sheet("ridge-dropped", RIDGE, "w", r"\frac{1}{m} X^T (Xw - y)", WRONG, ("missing-term",)),
    Sheet(
        "ridge-minus",
        RIDGE,
        "w",
        r"\frac{1}{m} X^T (Xw - y) - \frac{\lambda}{m} w",
        WRONG,
        ("sign",),
    ),
    Sheet(
        "ridge-half",
        RIDGE,
        "w",
        r"\frac{1}{m} X^T (Xw - y) + \frac{\lambda}{2m} w",
        WRONG,
        ("constant-factor",),
    ),
    Sheet(
        "ridge-no-m",
        RIDGE,
        "w",
        r"\frac{1}{m} X^T (Xw - y) + \lambda w",
        WRONG,
        ("constant-factor", "missing-factor"),
    ),
    Sheet(
        "ridge-sum-kept",
        RIDGE,
        "w[j]",
        r"\frac{1}{m}\sum_s (h_s - y_s) X_{sj} + \frac{\lambda}{m} \sum_j w_j",
        WRONG,
    ),
    Sheet("decay", DECAY, "W", r"((a - y) \odot a \odot (1 - a)) x^T + \lambda W"),
    Sheet(
        "decay-norm",
        DECAY,
        "W",
        r"((a - y) \odot a \odot (1 - a)) x^T + \lambda",
        WRONG,
        ("shape", "missing-factor"),
    ),
    Sheet(
        "decay-squared",
        DECAY,
        "W[i,j]",
        r"(a_i - y_i) a_i (1 - a_i) x_j + \frac{\lambda}{2} W_{ij}^2",
        WRONG,
    ),
]

SOFTMAX = [
    Sheet(
        "softmax-jacobian",
        CLASSES,
        "",
        r"\frac{\partial O_i}{\partial z_j} = O_i(\delta_{ij} - O_j)",
        claim=True,
    ),
    Sheet(
        "softmax-jacobian-diagonal",
        CLASSES,
        "",
        r"\frac{\partial O_i}{\partial z_i} = O_i(1 - O_i)",
        claim=True,
    ),
    Sheet(
        "softmax-jacobian-cases",
        CLASSES,
        "",
        r"\frac{\partial O_i}{\partial z_j} "
        r"= \begin{cases} O_i(1 - O_i) & i "
        r"= j \\ -O_i O_j & i \ne j \end{cases}",
        claim=True,
    ),
    Sheet(
        "softmax-jacobian-no-cross",
        CLASSES,
        "",
        r"\frac{\partial O_i}{\partial z_j} = O_i(1 - O_j)",
        WRONG,
        claim=True,
    ),
    Sheet(
        "softmax-jacobian-sign",
        CLASSES,
        "",
        r"\frac{\partial O_i}{\partial z_j} = O_i(\delta_{ij} + O_j)",
        WRONG,
        ("sign", "wrong-claim", "wrong-function-derivative"),
        claim=True,
    ),
    Sheet(
        "softmax-jacobian-as-matrix",
        CLASSES,
        "",
        r"\frac{\partial O}{\partial z} = \mathrm{diag}(O) - O O^T",
        claim=True,
    ),
    Sheet("loss-by-output", CLASSES, "O[i]", r"-\frac{t_i}{O_i}"),
    Sheet(
        "loss-by-output-no-target",
        CLASSES,
        "O[i]",
        r"-\frac{1}{O_i}",
        WRONG,
        ("missing-factor", "special-case"),
    ),
    Sheet(
        "softmax-sheet",
        CLASSES,
        "z[j]",
        r"""
\begin{aligned}
\frac{\partial E}{\partial z_j} &= -\sum_{i} t_i \frac{\partial \log O_i}{\partial z_j} \\
&= -\sum_i t_i \frac{1}{O_i} \frac{\partial O_i}{\partial z_j} \\
&= -t_j (1 - O_j) + \sum_{i \neq j} t_i O_j \\
&= -t_j + t_j O_j + \sum_{i \ne j} t_i O_j \\
&= O_j \sum_i t_i - t_j \\
&= O_j - t_j
\end{aligned}
""",
    ),
    Sheet(
        "softmax-weights-index",
        CLASSES,
        "W[i,j]",
        r"\frac{\partial E}{\partial W_{ij}} = (O_i - t_i) x_j",
    ),
    Sheet("softmax-weights-sum", CLASSES, "W[i,j]", r"\sum_k (O_k - t_k)\delta_{ki} x_j"),
    Sheet(
        "softmax-weights-turned",
        CLASSES,
        "W",
        r"x (O - t)^T",
        OTHER,
        ("shape", "wrong-index"),
        convention=ORDER,
    ),
    Sheet("softmax-sign", CLASSES, "W", r"(t - O) x^T", WRONG, ("sign",)),
    Sheet(
        "softmax-with-slope",
        CLASSES,
        "z[i]",
        r"(O_i - t_i) O_i (1 - O_i)",
        WRONG,
        ("extra-factor", "other-loss"),
    ),
    Sheet("softmax-jacobian-product", CLASSES, "z", r"(\mathrm{diag}(O) - O O^T)(-t \oslash O)"),
    Sheet("softmax-relu-hidden", RELU_SOFTMAX, "w1", r"(w_2^T (o - y) \odot [z_2 > 0]) x^T"),
    Sheet(
        "softmax-relu-hidden-goodfellow",
        RELU_SOFTMAX,
        "w1",
        r"\nabla_{W^{(1)}} L = ((W^{(2)})^\top (\hat{y} - y) \odot f'(a^{(1)})) x^\top",
        notation="goodfellow",
    ),
]

SMALL_BLOCKS = [
    Sheet("attention-values", ATTENTION, "V", r"p (o - y)^T"),
    Sheet("attention-values-index", ATTENTION, "V[i,j]", r"p_i (o_j - y_j)"),
    Sheet(
        "attention-values-turned",
        ATTENTION,
        "V",
        r"(o - y) p^T",
        OTHER,
        ("shape", "wrong-index"),
        convention=ORDER,
    ),
    Sheet("attention-probabilities", ATTENTION, "p", r"V (o - y)"),
    Sheet("attention-probabilities-transposed", ATTENTION, "p", r"V^T (o - y)", WRONG, ("shape",)),
    Sheet(
        "attention-scores",
        ATTENTION,
        "s[i]",
        r"""
g_i = \sum_j (o_j - y_j) V_{ij}
\frac{\partial L}{\partial s_i} = p_i \left( g_i - \sum_k p_k g_k \right)
""",
    ),
    Sheet("attention-scores-matrix", ATTENTION, "s", r"(\mathrm{diag}(p) - p p^T) V (o - y)"),
    Sheet(
        "attention-scores-diagonal",
        ATTENTION,
        "s[i]",
        "p[i]*(1 - p[i])*sum(j: (o[j] - y[j])*V[i,j])",
        WRONG,
        ("missing-sum", "missing-term", "wrong-function-derivative"),
    ),
    Sheet(
        "attention-scores-sign",
        ATTENTION,
        "s[i]",
        "p[i]*(sum(j: (o[j] - y[j])*V[i,j]) + sum(k: p[k]*sum(j: (o[j] - y[j])*V[k,j])))",
        WRONG,
        ("sign",),
    ),
    Sheet("attention-query-map", ATTENTION, "M", r"K^T (\mathrm{diag}(p) - p p^T) V (o - y) q^T"),
    Sheet(
        "attention-query-map-no-keys",
        ATTENTION,
        "M[i,j]",
        "sum(k: ∂s[k])*q[j]",
        WRONG,
        ("missing-factor",),
    ),
    Sheet("norm-gain", NORM, "g[i]", r"(o_i - y_i) r_i"),
    Sheet("norm-gain-vector", NORM, "g", r"(o - y) \odot r"),
    Sheet(
        "norm-gain-without", NORM, "g[i]", r"o_i - y_i", WRONG, ("missing-factor", "bias-as-weight")
    ),
    Sheet("norm-shift", NORM, "b", r"o - y"),
    Sheet(
        "norm-input-statistics-held",
        NORM,
        "x[i]",
        "(o[i] - y[i])*g[i]/sqrt(v)",
        WRONG,
        ("missing-term", "missing-sum"),
    ),
    Sheet("norm-variance", NORM, "v", r"-\frac{1}{2} v^{-3/2} \sum_i (o_i - y_i) g_i c_i"),
    Sheet(
        "norm-variance-half",
        NORM,
        "v",
        r"- v^{-3/2} \sum_i (o_i - y_i) g_i c_i",
        OTHER,
        ("constant-factor",),
        convention=HALVES,
    ),
]

COURSES = [
    Sheet("softmax-samples", "softmax:3-2", "w1", r"\frac{1}{m}(O - Y) X^T", samples="m"),
    Sheet(
        "softmax-samples-index",
        "softmax:3-2",
        "w1[k,j]",
        r"\frac{1}{m}\sum_{s=1}^m (o_{ks} - y_{ks}) x_{js}",
        samples="m",
    ),
    Sheet(
        "softmax-samples-no-mean",
        "softmax:3-2",
        "w1",
        r"(o - y) x^T",
        OTHER,
        ("constant-factor", "missing-factor"),
        samples="4",
        convention=MEANS,
    ),
    Sheet(
        "softmax-samples-bias",
        "softmax:3-2",
        "b1[k]",
        r"\frac{1}{m}\sum_{s} (o_{ks} - y_{ks})",
        samples="m",
    ),
    Sheet(
        "logistic-samples-superscripts",
        "logistic:3",
        "w[j]",
        r"\frac{1}{m}\sum_{i=1}^{m} (h^{(i)} - y^{(i)}) x_j^{(i)}",
        samples="m",
    ),
    Sheet(
        "logistic-samples-superscripts-no-m",
        "logistic:3",
        "w[j]",
        r"\sum_{i=1}^{m} (h^{(i)} - y^{(i)}) x_j^{(i)}",
        OTHER,
        ("constant-factor", "missing-factor"),
        samples="m",
        convention=MEANS,
    ),
    Sheet(
        "logistic-samples-bias",
        "logistic:3",
        "b",
        r"\frac{1}{m}\sum_{i=1}^{m} (h_i - y_i)",
        samples="m",
    ),
    Sheet(
        "logistic-bias-with-input",
        "logistic:3",
        "b",
        r"\frac{1}{m}\sum_{i=1}^{m} (h_i - y_i) x_{1i}",
        WRONG,
        ("bias-as-weight", "extra-factor"),
        samples="m",
    ),
    Sheet("ng-one-sample-bias", BINARY, "b1", r"db^{[1]} = dz^{[1]}", notation="ng"),
    Sheet(
        "ng-wrong-weight",
        CUBE,
        "z2",
        r"dz^{[1]} = W^{[1]T} dz^{[2]} * g'(z^{[1]})",
        WRONG,
        ("wrong-layer",),
        notation="ng",
    ),
    Sheet(
        "ng-slope-at-a",
        CUBE,
        "z2",
        r"dz^{[1]} = W^{[2]T} dz^{[2]} * g'(a^{[1]})",
        WRONG,
        ("derivative-at-wrong-place",),
        notation="ng",
    ),
    Sheet(
        "ng-own-activation",
        CUBE,
        "w1",
        r"dW^{[1]} = dz^{[1]} a^{[1]T}",
        WRONG,
        ("wrong-layer",),
        notation="ng",
    ),
    Sheet("ng-da", CUBE, "h2", r"da^{[1]} = W^{[2]T} dz^{[2]}", notation="ng"),
    Sheet(
        "ng-da-slope-too-early",
        CUBE,
        "h2",
        r"da^{[1]} = W^{[2]T} da^{[2]}",
        WRONG,
        ("missing-factor",),
        notation="ng",
    ),
    Sheet(
        "nielsen-bp1-index",
        MLP,
        "z3[j]",
        r"\delta^L_j = \frac{\partial C}{\partial a^L_j} \sigma'(z^L_j)",
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp1a", MLP, "z3", r"\delta^L = (a^L - y) \odot \sigma'(z^L)", notation="nielsen"
    ),
    Sheet(
        "nielsen-bp2",
        MLP,
        "z2",
        r"\delta^{2} = ((w^{3})^T \delta^{3}) \odot \sigma'(z^2)",
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp2-last",
        MLP,
        "z2",
        r"\delta^{L-1} = ((w^{L})^T \delta^{L}) \odot \sigma'(z^{L-1})",
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp2-index",
        MLP,
        "z2[j]",
        r"\delta^2_j = \sum_k w^{3}_{kj} \delta^{3}_k \sigma'(z^2_j)",
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp2-swapped",
        CUBE,
        "z2[j]",
        r"\delta^2_j = \sum_k w^{3}_{jk} \delta^{3}_k \sigma'(z^2_j)",
        WRONG,
        ("wrong-index",),
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp3",
        MLP,
        "b2[j]",
        r"\frac{\partial C}{\partial b^3_j} = \delta^3_j",
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp3-with-activation",
        MLP,
        "b2[j]",
        r"\frac{\partial C}{\partial b^3_j} = a^2_j \delta^3_j",
        WRONG,
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp4-own-layer",
        CUBE,
        "w2[j,k]",
        r"\frac{\partial C}{\partial w^3_{jk}} = a^3_k \delta^3_j",
        WRONG,
        ("wrong-layer",),
        notation="nielsen",
    ),
    Sheet(
        "nielsen-bp4-swapped",
        CUBE,
        "w2[j,k]",
        r"\frac{\partial C}{\partial w^3_{jk}} = a^2_j \delta^3_k",
        OTHER,
        ("wrong-index",),
        notation="nielsen",
        convention=ORDER,
    ),
    Sheet(
        "nielsen-bp4-matrix",
        MLP,
        "w2",
        r"\frac{\partial C}{\partial w^3} = \delta^3 (a^2)^T",
        notation="nielsen",
    ),
    Sheet("bishop-output", LINEAR_OUT, "z3[k]", r"\delta_k = y_k - t_k", notation="bishop"),
    Sheet(
        "bishop-hidden",
        LINEAR_OUT,
        "z2[j]",
        r"\delta_j = (1 - z_j^2)\sum_k w_{kj}^{(2)} (y_k - t_k)",
        notation="bishop",
    ),
    Sheet(
        "bishop-square-missing",
        LINEAR_OUT,
        "z2[j]",
        r"\delta_j = (1 - z_j)\sum_k w_{kj}^{(2)} (y_k - t_k)",
        WRONG,
        ("wrong-function-derivative",),
        notation="bishop",
    ),
    Sheet(
        "goodfellow-sheet",
        MLP,
        "w1",
        r"""
g^{(2)} = (\hat{y} - y) \odot f'(a^{(2)})
g^{(1)} = W^{(2)\top} g^{(2)} \odot f'(a^{(1)})
\nabla_{W^{(1)}} L = g^{(1)} x^\top
""",
        notation="goodfellow",
    ),
    Sheet("goodfellow-bias", MLP, "b1", r"\nabla_{b^{(1)}} L = g^{(1)}", notation="goodfellow"),
    Sheet("cs231n", RELU_SOFTMAX, "w2", "dW2 = h1^T dscores", notation="cs231n"),
    Sheet("cs231n-index", RELU_SOFTMAX, "w2[k,j]", "dscores[k]*h1[j]", notation="cs231n"),
    Sheet("cs231n-hidden", RELU_SOFTMAX, "h2", "dh1 = dscores W2^T", notation="cs231n"),
    Sheet(
        "cs231n-hidden-relu", RELU_SOFTMAX, "z2", r"dscores W2^T \odot [h1 > 0]", notation="cs231n"
    ),
    Sheet(
        "cs231n-hidden-not-transposed",
        RELU_SOFTMAX,
        "h2",
        "dh1 = dscores W2",
        WRONG,
        ("shape",),
        notation="cs231n",
    ),
    Sheet("cs231n-first", RELU_SOFTMAX, "w1", "dW1 = x^T dscores1", notation="cs231n"),
    Sheet("cs231n-dscores", RELU_SOFTMAX, "z3", "dscores = probs - y", notation="cs231n"),
    Sheet(
        "subscript-three-blue",
        SCALARS,
        "w2[1,1]",
        r"\frac{\partial C}{\partial w_L} = a_{L-1} \sigma'(z_L) 2 (a_L - y)",
        notation="subscript",
    ),
    Sheet(
        "subscript-chain",
        SCALARS,
        "w1[1,1]",
        r"\frac{\partial C}{\partial w_{1}} "
        r"= 2(a_L - y)\,\sigma'(z_L)\,w_L\,\sigma'(z_{L-1})\,a_{L-2}",
        notation="subscript",
    ),
    Sheet(
        "subscript-own-activation",
        SCALARS,
        "w2[1,1]",
        r"a_{L} \sigma'(z_L) 2 (a_L - y)",
        WRONG,
        ("wrong-layer",),
        notation="subscript",
    ),
    Sheet(
        "subscript-no-two",
        SCALARS,
        "w2[1,1]",
        r"a_{L-1} \sigma'(z_L) (a_L - y)",
        OTHER,
        ("constant-factor",),
        notation="subscript",
        convention=HALVES,
    ),
    Sheet(
        "subscript-weight-left-out",
        SCALARS,
        "w1[1,1]",
        r"2(a_L - y)\sigma'(z_L)\sigma'(z_{L-1}) a_{L-2}",
        WRONG,
        ("missing-factor",),
        notation="subscript",
    ),
    Sheet(
        "subscript-vectors",
        MLP,
        "w1",
        r"\frac{\partial C}{\partial w_1} = ((w_2^T \delta_2) \odot \sigma'(z_1)) a_0^T",
        notation="subscript",
    ),
    Sheet(
        "deeplizard-samples",
        "mlp:1-1-1,sigmoid,sse,nobias",
        "w2[1,1]",
        r"\frac{\partial C_0}{\partial w^{(L)}} = 2(a^{(L)} - y) \sigma'(z^{(L)}) a^{(L-1)}",
        notation="deeplizard",
    ),
    Sheet(
        "samples-mean",
        MLP,
        "w2[i,j]",
        "1/m*sum(s: (h3[i,s] - y[i,s])*h3[i,s]*(1 - h3[i,s])*h2[j,s])",
        samples="m",
    ),
    Sheet(
        "samples-no-mean",
        MLP,
        "w2[i,j]",
        "sum(s: (h3[i,s] - y[i,s])*h3[i,s]*(1 - h3[i,s])*h2[j,s])",
        OTHER,
        ("constant-factor", "missing-factor"),
        samples="m",
        convention=MEANS,
    ),
    Sheet(
        "samples-mean-four",
        MLP,
        "w2",
        r"\frac{1}{4}((h_3 - y) \odot h_3 \odot (1 - h_3)) h_2^T",
        samples="4",
    ),
    Sheet(
        "samples-bias-no-sum",
        MLP,
        "b2[i]",
        "(h3[i,1] - y[i,1])*h3[i,1]*(1 - h3[i,1])",
        WRONG,
        samples="4",
    ),
    Sheet(
        "samples-mean-twice",
        MLP,
        "w2[i,j]",
        "1/m*sum(s: 1/m*(h3[i,s] - y[i,s])*h3[i,s]*(1 - h3[i,s])*h2[j,s])",
        WRONG,
        ("constant-factor",),
        samples="m",
    ),
]

REFUSED = [
    Sheet("brace-open", ONE_LAYER, "W", r"\frac{(u - y)}{2 x^T", UNREADABLE),
    Sheet("brace-too-many", ONE_LAYER, "W", r"(u - y) x^T}", UNREADABLE),
    Sheet("parenthesis-open", ONE_LAYER, "W", r"((u - y) x^T", UNREADABLE),
    Sheet("left-without-right", ONE_LAYER, "W", r"\left( u - y \right x^T", UNREADABLE),
    Sheet(
        "environment-open",
        ONE_LAYER,
        "W",
        r"\begin{align} \frac{\partial L}{\partial W} &= (u - y) x^T",
        UNREADABLE,
    ),
    Sheet("nothing", ONE_LAYER, "W", "", UNREADABLE),
    Sheet("spaces", ONE_LAYER, "W", "  \n\t\n ", UNREADABLE),
    Sheet("words-only", ONE_LAYER, "W", "I do not know.", UNREADABLE),
    Sheet("another-network", ONE_LAYER, "W", r"(h^{(4)} - y) \odot \sigma'(q_7) v^T", UNREADABLE),
    Sheet(
        "layer-that-is-not-there",
        MLP,
        "w1[j,k]",
        r"\delta^4_j a^1_k",
        UNREADABLE,
        notation="nielsen",
    ),
    Sheet("component-that-is-not-there", MLP, "w1[1,1]", "∂z2[4]*x[1]", UNREADABLE),
    Sheet("too-many-indices", ONE_LAYER, "W[i,j]", "(u[i,j] - y[i])*x[j]", UNREADABLE),
    Sheet("tower", ONE_LAYER, "W", "2^{" * 60 + "2" + "}" * 60, UNREADABLE),
    Sheet("nested-braces", ONE_LAYER, "W", "{" * 10_000 + "x" + "}" * 10_000, UNREADABLE),
    Sheet("nested-fractions", ONE_LAYER, "W", r"\frac{1}{" * 5_000 + "x" + "}" * 5_000, UNREADABLE),
    Sheet("nested-open", ONE_LAYER, "W", "(" * 100_000, UNREADABLE),
    Sheet("megabyte", ONE_LAYER, "W", "x + " * 250_000 + "x", UNREADABLE),
    Sheet("megabyte-of-digits", ONE_LAYER, "W", "9" * 1_000_000, UNREADABLE),
    Sheet("megabyte-of-backslashes", ONE_LAYER, "W", "\\" * 1_000_000, UNREADABLE),
    Sheet("macro-bomb", ONE_LAYER, "W", r"\def\x{\x\x}\x", UNREADABLE),
    Sheet("input-command", ONE_LAYER, "W", r"\input{/etc/passwd}", UNREADABLE),
    Sheet("nul", ONE_LAYER, "W", "(u - y)\x00 x^T", UNREADABLE),
    Sheet("division-by-zero", ONE_LAYER, "b[1]", "(u_1 - y_1)/0", UNREADABLE),
    Sheet("power-bomb", ONE_LAYER, "b[1]", "(u[1] - y[1])*9^9^9^9^9", UNREADABLE),
]

CASES = ONE + TWO_LAYERS + BATCHES + SOFTMAX + SMALL_BLOCKS + COURSES + REFUSED


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_a_fair_verdict(case: Sheet) -> None:
    network = network_of(case.network)
    if case.samples:
        network = network.over(int(case.samples) if case.samples.isdigit() else case.samples)
    with soon():
        found = bp.check(
            network, case.quantity, case.answer, notation=case.notation, claim=case.claim
        ).as_json()
    told = [entry["kind"] for entry in found["diagnosis"]]
    assert found["verdict"] == case.verdict, found
    assert (found["convention"] or "") == case.convention, found
    if case.kinds:
        assert told, found
        assert told[0] in case.kinds, found
    assert set(told) <= set(KINDS)
    if case.line is not None:
        assert found["first_wrong_line"] == case.line, found
    if case.verdict == "right":
        assert not told
        assert found["counterexample"] is None
