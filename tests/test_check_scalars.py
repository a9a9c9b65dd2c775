"""The judge on scalar and index forms: chains of lines, definitions, weights used twice.

Each verdict was decided from the mathematics before the judge was asked: right derivations in
the spellings people use, the usual slips in them, and equations about single functions.
"""

from __future__ import annotations

import pytest
from test_check import CLASSES, NEURON, OTHER, RESIDUAL, Case, network_of

import backprove as bp
from backprove.judge import KINDS

MAZUR = """
# the 2-2-2 example with numbers, one bias for each layer
input  i1, i2
target t1, t2
weight w1, w2, w3, w4, w5, w6, w7, w8
bias   b1, b2
net_h1 = w1*i1 + w2*i2 + b1
out_h1 = sigmoid(net_h1)
net_h2 = w3*i1 + w4*i2 + b1
out_h2 = sigmoid(net_h2)
net_o1 = w5*out_h1 + w6*out_h2 + b2
out_o1 = sigmoid(net_o1)
net_o2 = w7*out_h1 + w8*out_h2 + b2
out_o2 = sigmoid(net_o2)
E_o1 = (t1 - out_o1)^2/2
E_o2 = (t2 - out_o2)^2/2
loss E_total = E_o1 + E_o2
"""
THREE_STEPS = """
# three steps in time, one weight for all of them
input  x1, x2, x3, h0
target y
weight w, u
a1 = w*x1 + u*h0
h1 = tanh(a1)
a2 = w*x2 + u*h1
h2 = tanh(a2)
a3 = w*x3 + u*h2
h3 = tanh(a3)
loss E = (h3 - y)^2 / 2
"""
ABSTRACT = """
input x
target y
weight w1, w2
function f with derivative t
function g
z1 = w1*x
a1 = g(z1)
z2 = w2*a1
a2 = f(z2)
loss C = (y - a2)^2
"""
ONE_NEURON = """
input x
target y
weight w
bias b
z = w*x + b
a = sigmoid(z)
loss L = -(y*log(a) + (1 - y)*log(1 - a))
"""
SOFTPLUS = """
input x
target y
weight w, v
z = w*x
s = log(1 + exp(z))
p = v*s
loss J = (p - y)^2/2
"""
SILU = """
input x[2]
target y
weight w[2], v
z = sum(j: w[j]*x[j])
h = z*sigmoid(z)
o = v*h
loss L = (o - y)^2
"""
RELU = """
input x[2]
target y
weight W[3,2], v[3]
bias b[3]
z[i] = sum(j: W[i,j]*x[j]) + b[i]
h[i] = relu(z[i])
o = sum(i: v[i]*h[i])
loss L = (o - y)^2/2
"""
DEEPLIZARD = "examples/deeplizard.bp"
FOUR_NEURONS = "examples/four_neurons.bp"
CHAIN = "examples/chain_3_3_1.bp"
CHAIN_LINEAR = "examples/chain_3_3_1_linear.bp"
TWO_NEURONS = "examples/two_neurons.bp"
SHARED = "examples/shared_weights.bp"
RESIDUAL_LAYER = "examples/residual.bp"
DIAMOND = "examples/diamond.bp"
CLASSIFIER = "examples/softmax_classifier.bp"
ONE_WEIGHT = """
input z
weight w, b
loss L = (sigmoid(w*z + b) - 1)^2
"""
INNER = """
input x
weight w
loss L = tanh(w*x)^2
"""
FOUR_LAYERS = """
# four scalar layers
input a0
target y
weight w1, w2, w3, w4
bias b1, b2, b3, b4
z1 = w1*a0 + b1
a1 = sigmoid(z1)
z2 = w2*a1 + b2
a2 = sigmoid(z2)
z3 = w3*a2 + b3
a3 = sigmoid(z3)
z4 = w4*a3 + b4
a4 = sigmoid(z4)
loss C = (a4 - y)^2/2
"""
REGRESSION = """
size m = 5
input x[m]
target y[m]
weight w
bias b
h[i] = w*x[i] + b
loss J = sum(i: (h[i] - y[i])^2)/(2*m)
"""
TWO_USES = """
input x
target y
weight w
p = w*x
q = w + x
r = p*q
loss L = (r - y)^2
"""
CIRCUIT = """
input x, y, z
q = x + y
loss f = q*z
"""
TWO_CLASSES = """
input x
target t1, t2
weight u1, u2
s1 = u1*x
s2 = u2*x
p1 = exp(s1)/(exp(s1) + exp(s2))
p2 = exp(s2)/(exp(s1) + exp(s2))
loss E = (p1 - t1)^2 + (p2 - t2)^2
"""

DERIVATIONS = [
    Case("mazur-w5-delta", MAZUR, "w5", r"""
\delta_{o1} = -(t_1 - out_{o1}) * out_{o1}(1 - out_{o1})
\frac{\partial E_{total}}{\partial w_{5}} = \delta_{o1} out_{h1}
"""),
    Case("mazur-w5-plain", MAZUR, "w5",
         "dE_total/dw5 = -(t1 - out_o1)*out_o1*(1 - out_o1)*out_h1"),
    Case("mazur-w1-published", MAZUR, "w1",
         r"\frac{\partial E_{total}}{\partial w_{1}} = \frac{\partial E_{total}}{\partial "
         r"out_{h1}} * \frac{\partial out_{h1}}{\partial net_{h1}} * \frac{\partial net_{h1}}"
         r"{\partial w_{1}}" "\n"
         r"\frac{\partial E_{total}}{\partial out_{h1}} = \frac{\partial E_{o1}}{\partial "
         r"out_{h1}} + \frac{\partial E_{o2}}{\partial out_{h1}}" "\n"
         r"\frac{\partial E_{o1}}{\partial out_{h1}} = \frac{\partial E_{o1}}{\partial "
         r"net_{o1}} * \frac{\partial net_{o1}}{\partial out_{h1}}" "\n"
         r"\frac{\partial net_{o1}}{\partial out_{h1}} = w_5" "\n"
         r"\frac{\partial net_{h1}}{\partial w_1} = i_1" "\n"
         r"\frac{\partial E_{total}}{\partial w_{1}} = (\frac{\partial E_{o1}}{\partial "
         r"net_{o1}} w_5 + \frac{\partial E_{o2}}{\partial net_{o2}} w_7) * out_{h1}(1 - "
         "out_{h1}) * i_1"),
    Case("mazur-w1-one-path", MAZUR, "w1",
         r"\frac{\partial E_{total}}{\partial w_1} = -(t_1 - out_{o1}) * out_{o1}(1 - "
         "out_{o1}) * w_5 * out_{h1}(1 - out_{h1}) * i_1",
         "wrong", ("missing-sum", "missing-term"), line=1),
    Case("mazur-w1-w6-for-w7", MAZUR, "w1",
         "((out_o1 - t1)*out_o1*(1 - out_o1)*w5 + (out_o2 - t2)*out_o2*(1 - "
         "out_o2)*w6)*out_h1*(1 - out_h1)*i1", "wrong", ("wrong-index",)),
    Case("mazur-w1-updated-inline", MAZUR, "w1",
         "(∂E_total/∂net_o1*(w5 - η*∂E_total/∂w5) + ∂E_total/∂net_o2*(w7 - "
         "η*∂E_total/∂w7))*out_h1*(1 - out_h1)*i1", "wrong", ("updated-weight",)),
    Case("mazur-b1-shared", MAZUR, "b1",
         r"\frac{\partial E_{total}}{\partial b_1} = \frac{\partial E_{total}}{\partial "
         r"net_{h1}} + \frac{\partial E_{total}}{\partial net_{h2}}"),
    Case("mazur-b1-one-node", MAZUR, "b1",
         r"\frac{\partial E_{total}}{\partial b_1} = \frac{\partial E_{total}}{\partial "
         "net_{h1}}", "wrong", ("missing-sum", "missing-term")),
    Case("mazur-sigmoid-prime-at-out", MAZUR, "w5",
         r"-(t_1 - out_{o1})\,\sigma'(out_{o1})\,out_{h1}",
         "wrong", ("derivative-at-wrong-place",)),
    Case("mazur-in-place-of-net", MAZUR, "w5",
         "-(t1 - out_o1)*net_o1*(1 - net_o1)*out_h1", "wrong", ("derivative-at-wrong-place",)),
    Case("mazur-w5-input-of-net", MAZUR, "w5",
         "-(t1 - out_o1)*out_o1*(1 - out_o1)*i1", "wrong", ("wrong-layer",)),
    Case("mazur-w5-minus-lost-later", MAZUR, "w5",
         r"\frac{\partial E_{total}}{\partial w_5} &= -(t_1 - out_{o1}) \cdot out_{o1}"
         r"(1-out_{o1}) \cdot out_{h1} \\" "\n"
         r"&= (t_1 - out_{o1}) \cdot out_{o1}(1-out_{o1}) \cdot out_{h1}",
         "wrong", ("sign",), line=2),
    Case("fn-g8-published", FOUR_NEURONS, "w8",
         r"g_8 = \frac{d}{d_{w8}}f_e = \frac{d}{d_{w8}}[\frac{s_3^2 +s_4^2}{2}]\ "
         r"\<br>Remove\ s_3\ and\ apply\ chain\ rule,\ \<br>= \frac{d}{d_{w8}}[\frac{s_4^2}"
         r"{2}] = \frac{d}{d_{s4}}[\frac{s_4^2}{2}] \times \frac{d}{d_{w8}}s_4<br>= "
         r"\frac{2s_4}{2} \times \frac{d}{d_{w8}}s_4 = s_4 \times \frac{d}{d_{w8}}[u_4-y_4]\ "
         r"\<br>Remove\ y_4\ which\ is\ constant,\ \<br>= s_4 \times \frac{d}{d_{w8}}\frac{}"
         r"{}u_4 = s_4 \times \frac{d}{d_{w8}}f(d_4+b_4) =<br>s_4 \times t(d_4+b_4) \times "
         r"\frac{d}{d_{w8}}[d_4+b_4] \ \<br>Remove\ b_4\ which\ is\ not\ related,\ \<br>= "
         r"s_4 \times t(d_4+b_4) \times \frac{d}{d_{w8}}[h_1w_6 + h_2w_8]\ \<br>Remove\ w_6\ "
         r"which\ is\ not\ related,\ \<br>= s_4 \times t(d_4+b_4) \times \frac{d}{d_{w8}}"
         r"h_2w_8 \ \<br>= [(s_4 \times 1) \times t(d_4+b_4)] \times h_2", notation="one-letter"),
    Case("fn-g4", FOUR_NEURONS, "w4",
         r"g_4 = [v_3 w_7 + v_4 w_8] \times t(d_2+b_2) \times x_2", notation="one-letter"),
    Case("fn-g4-spelled-out", FOUR_NEURONS, "w4",
         r"g_4 = (s_3 \times t(d_3+b_3) \times w_7 + s_4 \times t(d_4+b_4) \times w_8) "
         r"\times t(d_2+b_2) \times x_2", notation="one-letter"),
    Case("fn-g4-v2", FOUR_NEURONS, "w4",
         "v_2 = (v_3 w_7 + v_4 w_8) t(d_2 + b_2), g_4 = v_2 x_2", notation="one-letter"),
    Case("fn-g4-one-path", FOUR_NEURONS, "w4",
         "g_4 = v_4 w_8 t(d_2+b_2) x_2",
         "wrong", ("missing-sum", "missing-term"), notation="one-letter"),
    Case("fn-g8-f-for-t", FOUR_NEURONS, "w8",
         r"g_8 = s_4 \times f(d_4+b_4) \times h_2",
         "wrong", ("wrong-function-derivative",), notation="one-letter"),
    Case("fn-g8-bias-forgotten", FOUR_NEURONS, "w8",
         r"g_8 = s_4 \times t(d_4) \times h_2",
         "wrong", ("derivative-at-wrong-place", "missing-term"), notation="one-letter"),
    Case("fn-g8-stale", FOUR_NEURONS, "w8",
         r"g_8 = s_4 \times t(d_4+b_4) \times (h_1 w_6 + h_2)",
         "wrong", ("extra-term",), notation="one-letter"),
    Case("fn-g8-two", FOUR_NEURONS, "w8",
         r"\frac{de}{dw_8} = 2 s_4 t(d_4+b_4) h_2",
         OTHER, ("constant-factor",), convention="one half"),
    Case("fn-t-at-u", FOUR_NEURONS, "w8", "s4*t(u4)*h2", "wrong", ("derivative-at-wrong-place",)),
    Case("fn-f-prime", FOUR_NEURONS, "w8",
         r"\frac{\partial e}{\partial w_8} = (u_4 - y_4) f'(d_4 + b_4) h_2"),
    Case("dl-a2-transposed", DEEPLIZARD, "a{L-1}[2]",
         r"\sum_{j=1}^{n} 2( a_{j}^{(L)}-y_{j}) g'^{(L)}( z_{j}^{(L)}) w_{2j}^{(L)}",
         "wrong", ("wrong-index",), notation="deeplizard"),
    Case("dl-w-hidden", DEEPLIZARD, "w{L-1}[2,1]",
         r"\sum_j 2(a_j^{(L)}-y_j)g'^{(L)}(z_j^{(L)})w_{j2}^{(L)} g'^{(L-1)}(z_2^{(L-1)}) "
         "a_1^{(L-2)}", notation="deeplizard"),
    Case("dl-wrong-layer-activation", DEEPLIZARD, "w{L}[1,2]",
         "2(a_1^{(L)}-y_1)g'^{(L)}(z_1^{(L)})a_2^{(L)}",
         "wrong", ("wrong-layer",), notation="deeplizard"),
    Case("dl-index-order", DEEPLIZARD, "w{L}[1,2]",
         "2(a_2^{(L)}-y_2)g'^{(L)}(z_2^{(L)})a_1^{(L-1)}",
         OTHER, ("wrong-index",), notation="deeplizard", convention="index order"),
    Case("dl-half", DEEPLIZARD, "w{L}[j,k]",
         "(a_j^{(L)}-y_j)g'^{(L)}(z_j^{(L)})a_k^{(L-1)}",
         OTHER, ("constant-factor",), notation="deeplizard", convention="one half"),
    Case("ch-published-derivs", CHAIN, "w2[1,2]",
         r"\frac{\partial J}{\partial w_{12}^{(2)}} = \frac{\partial J}{\partial h_{1}^{(3)}}"
         r" \frac{\partial h_{1}^{(3)}}{\partial z_{1}^{(2)}} \frac{\partial z_{1}^{(2)}}"
         r"{\partial w_{12}^{(2)}}" "\n"
         "h_1^{(3)} = f(z_1^{(2)})" "\n"
         r"\frac{\partial h_{1}^{(3)}}{\partial z_{1}^{(2)}} = f(z_{1}^{(2)})(1 - f(z_{1}"
         "^{(2)}))" "\n"
         r"\frac{\partial z_{1}^{(2)}}{\partial w_{12}^{(2)}} = h_{2}^{(2)}" "\n"
         r"\frac{\partial J}{\partial w_{12}^{(2)}} = -(y_1 - h_1^{(3)}) f(z_{1}^{(2)})(1 - "
         "f(z_{1}^{(2)})) h_2^{(2)}", notation="chain"),
    Case("cl-sigmoid-assumed", CHAIN_LINEAR, "w2[1,2]",
         "-(y_1 - h_1^{(3)}) h_1^{(3)}(1-h_1^{(3)}) h_2^{(2)}",
         "wrong", ("extra-factor",), notation="chain"),
    Case("ch-hidden", CHAIN, "w1[2,3]",
         "(h_1^{(3)} - y_1) f'(z_1^{(2)}) w_{12}^{(2)} f'(z_2^{(1)}) x_3", notation="chain"),
    Case("ch-hidden-index", CHAIN, "w1[2,3]",
         "(h_1^{(3)} - y_1) f'(z_1^{(2)}) w_{13}^{(2)} f'(z_2^{(1)}) x_3",
         "wrong", ("wrong-index",), notation="chain"),
    Case("ch-hidden-missing-fprime", CHAIN, "w1[2,3]",
         "(h_1^{(3)} - y_1) f'(z_1^{(2)}) w_{12}^{(2)} x_3",
         "wrong", ("missing-factor",), notation="chain"),
    Case("tn-update", TWO_NEURONS, "w_o", r"""
\begin{align}
{\partial E\over \partial w_o} &= -(t - (w_o.w_h.i)).(w_h.i)\\
\Delta w_o&=-\eta.{\partial E\over \partial w_o}\\
&=-\eta.-{(t - (w_o.w_h.i))}.(w_h.i) \text {from eq.(2.4)}\\
&=\eta.(t - (w_o.w_h.i)).(w_h.i)
\end{align}
""", notation="representative"),
    Case("tn-half-dropped", TWO_NEURONS, "w_h",
         r"{\partial E\over \partial w_h} = 2(t - w_o.w_h.i).(-w_o.i)",
         OTHER, ("constant-factor",), convention="one half"),
    Case("tn-inner-lost", TWO_NEURONS, "w_h", r"""
\frac{\partial E}{\partial w_h} = \frac{1}{2} \cdot 2 (t - r_o)
= t - r_o
""", "wrong", ("missing-factor",), line=1),
    Case("tn-chain-of-eq", TWO_NEURONS, "w_h",
         r"\frac{dE}{dw_h} = \frac{dE}{dr_o}\frac{dr_o}{dr_h}\frac{dr_h}{dw_h} = -(t-r_o) "
         "w_o i"),
    Case("tn-square-not-derived", TWO_NEURONS, "w_o",
         r"\frac{dE}{dw_o} = -(t-r_o)^2 w_h i",
         "wrong", ("wrong-function-derivative", "extra-factor")),
    Case("tn-updated", TWO_NEURONS, "w_h",
         "-(t - r_o)*(w_o + η*(t - r_o)*r_h)*i", "wrong", ("updated-weight",)),
    Case("tn-carried", TWO_NEURONS, "w_o", r"""
\begin{align*}
\frac{\partial E}{\partial w_o} &= (t - r_o) \cdot \frac{\partial}{\partial w_o}(t - r_o)\\
&= (t-r_o) r_h \\
&= (t-w_o r_h) r_h \\
&= (t-w_o w_h i) w_h i
\end{align*}
""", "wrong", ("sign",), line=2),
    Case("rnn-u-total", THREE_STEPS, "u",
         r"\frac{\partial E}{\partial u} = (h_3 - y)(1-h_3^2)\left(h_2 + u(1-h_2^2)\left(h_1 "
         r"+ u(1-h_1^2)h_0\right)\right)"),
    Case("rnn-u-recursion", THREE_STEPS, "u",
         r"\frac{\partial E}{\partial u} = (h_3 - y)(1-h_3^2)\left(h_2 + u\frac{\partial h_2}"
         r"{\partial u}\right)"),
    Case("rnn-u-deltas", THREE_STEPS, "u", r"""
\delta_3 = (h_3-y)(1-h_3^2)
\delta_2 = \delta_3 u (1-h_2^2)
\delta_1 = \delta_2 u (1-h_1^2)
\frac{\partial E}{\partial u} = \delta_3 h_2 + \delta_2 h_1 + \delta_1 h_0
"""),
    Case("rnn-u-last-step", THREE_STEPS, "u",
         r"\frac{\partial E}{\partial u} = (h_3 - y)(1-h_3^2) h_2",
         "wrong", ("missing-term", "missing-sum")),
    Case("rnn-u-truncated", THREE_STEPS, "u",
         r"\frac{\partial E}{\partial u} = (h_3 - y)(1-h_3^2)(h_2 + u(1-h_2^2)h_1)",
         "wrong", ("missing-term",)),
    Case("rnn-w-tanh-not-squared", THREE_STEPS, "w",
         "(h3 - y)*(1-h3)*(x3 + u*(1-h2)*(x2 + u*(1-h1)*x1))",
         "wrong", ("wrong-function-derivative",)),
    Case("res-local", RESIDUAL, "h",
         r"\frac{\partial L}{\partial h} = \frac{\partial L}{\partial u}\frac{\partial u}"
         r"{\partial h} + \frac{\partial L}{\partial o}\frac{\partial o}{\partial h}"),
    Case("res-ex-z1-plain", RESIDUAL_LAYER, "z1[i]",
         "((h2[i] - y[i]) + sum(k: (h2[k] - y[k])*(1 - tanh(z2[k])^2)*w2[k,i]))*(1 - "
         "h1[i]^2)"),
    Case("sw-b", SHARED, "b[i]", "∂z1[i] + ∂z2[i]"),
    Case("sw-u", SHARED, "u[i,j]",
         r"\frac{\partial J}{\partial u_{ij}} = \frac{\partial J}{\partial z1_i} x1_j + "
         r"\frac{\partial J}{\partial z2_i} x2_j"),
    Case("sw-w-last", SHARED, "w[i,j]",
         "(z3[i] - y[i])*h2[j]", "wrong", ("missing-term", "missing-sum")),
    Case("sw-w", SHARED, "w[i,j]",
         "(z3[i] - y[i])*h2[j] + sum(k: (z3[k]-y[k])*w[k,i])*(1-h2[i]^2)*h1[j]"),
    Case("sw-w-transposed", SHARED, "w[i,j]",
         "(z3[i] - y[i])*h2[j] + sum(k: (z3[k]-y[k])*w[i,k])*(1-h2[i]^2)*h1[j]",
         "wrong", ("wrong-index",)),
    Case("diamond-4", DIAMOND, "a", "4"),
    Case("diamond-chain", DIAMOND, "a",
         r"\frac{dc}{da} = \frac{dc}{db}\frac{db}{da} = 2 \cdot 2 = 4"),
    Case("diamond-1", DIAMOND, "a",
         r"\frac{dc}{da} = 1 \cdot 1 = 1",
         "wrong", ("constant-factor", "missing-term", "missing-sum"), line=1),
    Case("abs-w1", ABSTRACT, "w1",
         r"\frac{\partial C}{\partial w_1} = -2(y-a_2) f'(z_2) w_2 g'(z_1) x"),
    Case("abs-w1-t", ABSTRACT, "w1", "-2*(y - a2)*t(z2)*w2*g'(z1)*x"),
    Case("abs-w1-nested", ABSTRACT, "w1",
         r"-2\,(y-f(w_2 g(w_1x)))\,f'(w_2 g(w_1 x))\,w_2\,g'(w_1 x)\,x"),
    Case("abs-w1-fprime-inside", ABSTRACT, "w1",
         "-2(y-a_2) f'(z_2) w_2 g'(a_1) x", "wrong", ("derivative-at-wrong-place",)),
    Case("abs-w1-gprime-lost", ABSTRACT, "w1",
         "-2(y-a_2) f'(z_2) w_2 x", "wrong", ("missing-factor",)),
    Case("abs-w1-d-of-product", ABSTRACT, "w1", "-2(y-a_2) f'(w_2 g'(w_1 x)) x", "wrong"),
    Case("log-w", ONE_NEURON, "w",
         r"\frac{\partial L}{\partial w} &= \frac{\partial L}{\partial a}\cdot\frac{\partial "
         r"a}{\partial z}\cdot\frac{\partial z}{\partial w}\\" "\n"
         r"&= \left(-\frac{y}{a} + \frac{1-y}{1-a}\right) \cdot a(1-a) \cdot x\\" "\n"
         r"&= \left(-y(1-a) + (1-y)a\right)x\\" "\n"
         "&= (a-y)x"),
    Case("log-w-sign", ONE_NEURON, "w", r"""
\frac{\partial L}{\partial a} = -\frac{y}{a} - \frac{1-y}{1-a}
\frac{\partial L}{\partial w} = (a-y)x
""", "wrong", ("sign",), line=1),
    Case("log-w-mid-sign", ONE_NEURON, "w", r"""
\frac{\partial L}{\partial w} &= \left(-\frac{y}{a} + \frac{1-y}{1-a}\right) a(1-a) x\\
&= (y(1-a) + (1-y)a)x\\
&= (a-y)x
""", "wrong", ("sign",), line=2),
    Case("log-b-x", ONE_NEURON, "b",
         r"\frac{\partial L}{\partial b} = (a-y)x", "wrong", ("bias-as-weight", "extra-factor")),
    Case("log-z-twice", ONE_NEURON, "z",
         "(a-y)a(1-a)", OTHER, ("extra-factor",), convention="other loss"),
    Case("log-dz-code", ONE_NEURON, "z", "dz = a - y"),
    Case("log-a-frac", ONE_NEURON, "a", r"\frac{a-y}{a(1-a)}"),
    Case("log-a-dropped", ONE_NEURON, "a", r"-\frac{y}{a}", "wrong", ("missing-term",)),
    Case("plus-w-sigma", SOFTPLUS, "w", r"(p-y) v \sigma(wx) x"),
    Case("plus-w-inner-lost", SOFTPLUS, "w",
         r"(p-y) v \frac{1}{1+e^z} x", "wrong", ("missing-factor", "wrong-function-derivative")),
    Case("plus-w-inv", SOFTPLUS, "w", r"(p-y) v \frac{1}{1+e^{-z}} x"),
    Case("silu-w", SILU, "w[j]", r"2(o-y) v (\sigma(z) + z\sigma(z)(1-\sigma(z))) x_j"),
    Case("silu-product-rule-lost", SILU, "w[j]",
         r"2(o-y) v z\sigma'(z) x_j", "wrong", ("missing-term",)),
    Case("silu-product-of-derivs", SILU, "w[j]",
         r"2(o-y) v \sigma'(z) x_j",
         "wrong", ("wrong-function-derivative", "missing-factor", "missing-term")),
    Case("relu-W", RELU, "W[i,j]", "(o-y) v_i [z_i > 0] x_j"),
    Case("relu-W-cases", RELU, "W[i,j]",
         r"\frac{\partial L}{\partial W_{ij}} = \begin{cases} (o-y) v_i x_j & z_i > 0 \\ 0 & "
         r"\text{otherwise}\end{cases}"),
    Case("relu-W-leaked", RELU, "W[i,j]",
         r"(o-y) v_i \max(0,z_i) x_j", "wrong", ("wrong-function-derivative",)),
    Case("relu-W-dropped", RELU, "W[i,j]", "(o-y) v_i x_j", "wrong", ("missing-factor",)),
    Case("relu-W-on-input", RELU, "W[i,j]",
         "(o-y) v_i [x_j > 0] x_j",
         "wrong", ("derivative-at-wrong-place", "wrong-function-derivative")),
    Case("relu-x-sum", RELU, "x[j]",
         r"\frac{\partial L}{\partial x_j} = \sum_i (o-y) v_i 1_{z_i>0} W_{ij}"),
    Case("cl-W-index", CLASSES, "W[i,j]", r"\frac{\partial E}{\partial W_{ij}} = (O_i - t_i) x_j"),
    Case("cl-z-derivation", CLASSES, "z[i]", r"""
\frac{\partial E}{\partial z_i} &= -\sum_j t_j \frac{\partial \log O_j}{\partial z_i} \\
&= -\sum_j t_j \frac{1}{O_j}\frac{\partial O_j}{\partial z_i}\\
&= -\frac{t_i}{O_i} O_i(1-O_i) - \sum_{j\neq i} \frac{t_j}{O_j}(-O_j O_i)\\
&= -t_i(1-O_i) + \sum_{j\neq i} t_j O_i\\
&= -t_i + t_i O_i + \sum_{j\neq i} t_j O_i\\
&= O_i \left(t_i + \sum_{j\neq i} t_j\right) - t_i\\
&= O_i - t_i
"""),
    Case("cl-z-derivation-sum-1", CLASSES, "z[i]", r"""
\frac{\partial E}{\partial z_i} = -\sum_k \frac{t_k}{O_k} O_k(\delta_{ki} - O_i)
= -\sum_k t_k \delta_{ki} + O_i \sum_k t_k = -t_i + O_i
"""),
    Case("cl-z-log-lost", CLASSES, "z[i]",
         r"-\sum_k t_k O_k (\delta_{ki} - O_i)",
         "wrong", ("missing-factor", "wrong-function-derivative")),
    Case("cl-z-neg", CLASSES, "z[i]",
         "t_i - O_i", OTHER, ("sign",), convention="sign of the error signal"),
    Case("cl-z-squared-style", CLASSES, "z[i]",
         "(O_i - t_i) O_i (1-O_i)", "wrong", ("extra-factor",)),
    Case("cl-z-logsumexp", CLASSES, "z[i]", r"""
E = -\sum_k t_k z_k + \log\sum_k e^{z_k}
\frac{\partial E}{\partial z_i} = -t_i + \frac{e^{z_i}}{\sum_k e^{z_k}}
"""),
    Case("cl-O", CLASSES, "O[i]", r"-\frac{t_i}{O_i}"),
    Case("ne-w", NEURON, "w[j]", r"\frac{\partial J}{\partial w_j} = -(y-a)\,\sigma'(z)\,x_j"),
    Case("ne-w-expanded", NEURON, "w[j]", r"-(y-a)\frac{e^{-z}}{(1+e^{-z})^2}x_j"),
    Case("ne-w-let", NEURON, "w[j]",
         r"Let $\delta = -(y-a)a(1-a)$. Then $\frac{\partial J}{\partial w_j} = \delta x_j$"),
    Case("ne-w-let-wrong", NEURON, "w[j]",
         r"Let $\delta = (y-a)a(1-a)$. Then $\frac{\partial J}{\partial w_j} = \delta x_j$",
         "wrong", ("sign",)),
    Case("ne-w-primes", NEURON, "w[2]", "(a - y)*sigmoid'(z)*x[2]"),
    Case("ne-w-z", NEURON, "w[j]",
         r"\frac{\partial J}{\partial w_j} = (a-y) z(1-z) x_j",
         "wrong", ("derivative-at-wrong-place",)),
    Case("ne-w-1plus", NEURON, "w[j]",
         "(a-y) a(1+a) x_j", "wrong", ("sign", "wrong-function-derivative")),
    Case("ne-w-tanh", NEURON, "w[j]",
         "(a-y) (1-a^2) x_j", "wrong", ("wrong-function-derivative",)),
    Case("ne-b-chain", NEURON, "b",
         r"\frac{\partial J}{\partial b} = \frac{\partial J}{\partial a}\frac{\partial a}"
         r"{\partial z}\frac{\partial z}{\partial b} = (a-y)\cdot a(1-a) \cdot 1"),
    Case("ne-w-dz-lost", NEURON, "w[j]",
         r"\frac{\partial J}{\partial w_j} = \frac{\partial J}{\partial a}\frac{\partial z}"
         r"{\partial w_j}", "wrong", ("missing-factor",)),
    Case("ne-cancel-2", NEURON, "w[j]", r"""
\frac{\partial J}{\partial a} = 2(a-y)
\frac{\partial a}{\partial z} = \frac{1}{2}a(1-a)
\frac{\partial z}{\partial w_j} = x_j
\frac{\partial J}{\partial w_j} = (a-y)a(1-a)x_j
""", "wrong", ("constant-factor",), line=1),
    Case("bad-brace", NEURON, "w[j]",
         r"\frac{\partial J}{\partial w_j} = (a-y)\frac{a(1-a)x_j", "unreadable"),
    Case("bad-unknown", NEURON, "w[j]", r"(a-y)a(1-a)\xi_j", "unreadable"),
    Case("bad-empty", NEURON, "w[j]", "", "unreadable"),
    Case("bad-words", NEURON, "w[j]", "I have no idea", "unreadable"),
    Case("bad-index-range", NEURON, "w[2]", "(a - y)*a*(1-a)*x[7]", "unreadable"),
    Case("d4-b1-nielsen", FOUR_LAYERS, "b1",
         r"\frac{\partial C}{\partial b_1} = \sigma'(z_1)\, w_2 \, \sigma'(z_2)\, w_3 \, "
         r"\sigma'(z_3)\, w_4 \, \sigma'(z_4) \frac{\partial C}{\partial a_4}"),
    Case("d4-w1-missing-sigma3", FOUR_LAYERS, "w1",
         r"(a_4-y)\sigma'(z_4)w_4 w_3\sigma'(z_2)w_2\sigma'(z_1)a_0",
         "wrong", ("missing-factor",)),
    Case("d4-w2-deltas", FOUR_LAYERS, "w2", r"""
\begin{aligned}
\delta_4 &= (a_4-y)\,\sigma'(z_4)\\
\delta_3 &= w_4\delta_4\,\sigma'(z_3)\\
\delta_2 &= w_3\delta_3\,\sigma'(z_2)\\
\frac{\partial C}{\partial w_2} &= \delta_2\, a_1
\end{aligned}
"""),
    Case("d4-w1-chain", FOUR_LAYERS, "w1",
         r"\frac{\partial C}{\partial w_1} = \frac{\partial C}{\partial a_4}\frac{\partial "
         r"a_4}{\partial z_4}\frac{\partial z_4}{\partial a_3}\frac{\partial a_3}{\partial "
         r"z_3}\frac{\partial z_3}{\partial a_2}\frac{\partial a_2}{\partial z_2}"
         r"\frac{\partial z_2}{\partial a_1}\frac{\partial a_1}{\partial z_1}\frac{\partial "
         r"z_1}{\partial w_1}"),
    Case("d4-w1-chain-dot", FOUR_LAYERS, "w1",
         r"\dfrac{dC}{dw_1} = \dfrac{dC}{da_4}\cdot\dfrac{da_4}{da_3}\cdot\dfrac{da_3}{da_2}"
         r"\cdot\dfrac{da_2}{da_1}\cdot\dfrac{da_1}{dw_1}"),
    Case("d4-w1-chain-skips", FOUR_LAYERS, "w1",
         r"\frac{\partial C}{\partial w_1} = \frac{\partial C}{\partial a_4}\frac{\partial "
         r"z_4}{\partial a_3}\frac{\partial a_3}{\partial z_3}\frac{\partial z_3}{\partial "
         r"a_2}\frac{\partial a_2}{\partial z_2}\frac{\partial z_2}{\partial a_1}"
         r"\frac{\partial a_1}{\partial z_1}\frac{\partial z_1}{\partial w_1}",
         "wrong", ("missing-factor",)),
    Case("d4-w3-upd", FOUR_LAYERS, "w3",
         r"(a_4-y)\sigma'(z_4)(w_4-\alpha\frac{\partial C}{\partial w_4})\sigma'(z_3)a_2",
         "wrong", ("updated-weight",)),
    Case("d4-w3-upd2", FOUR_LAYERS, "w3",
         r"w_4' = w_4 - \eta (a_4-y)\sigma'(z_4)a_3 \\ \frac{\partial C}{\partial w_3} = "
         r"(a_4-y)\sigma'(z_4)w_4'\sigma'(z_3)a_2", "wrong", ("updated-weight",), line=2),
    Case("d4-w3-upd3", FOUR_LAYERS, "w3", r"""
w_{new} = w_4 - \eta \frac{\partial C}{\partial w_4}
\frac{\partial C}{\partial w_3} = (a_4-y)\sigma'(z_4)w_{new}\sigma'(z_3)a_2
""", "wrong", ("updated-weight",), line=2),
    Case("d4-w3-comp-bias", FOUR_LAYERS, "w3",
         r"(a_4-y)\sigma'(w_4\sigma(w_3a_2)+b_4)w_4\sigma'(w_3a_2)a_2", "wrong"),
    Case("d4-b3-one", FOUR_LAYERS, "b3", r"(a_4-y)\sigma'(z_4)w_4\sigma'(z_3) \cdot 1"),
    Case("d4-w4-double-dollar", FOUR_LAYERS, "w4",
         r"$$\frac{\partial C}{\partial w_4}=(a_4-y)\cdot a_4\cdot(1-a_4)\cdot a_3$$"),
    Case("d4-w4-brackets", FOUR_LAYERS, "w4",
         r"\[\frac{\partial C}{\partial w_4}"
         r"=\Big[(a_4-y)\Big]\Big[a_4(1-a_4)\Big]\big\{a_3\big\}\]"),
    Case("d4-w4-prose", FOUR_LAYERS, "w4",
         "By the chain rule we have" "\n"
         r"$$\frac{\partial C}{\partial w_4} = \frac{\partial C}{\partial a_4}\frac{\partial "
         r"a_4}{\partial z_4}\frac{\partial z_4}{\partial w_4}.$$" "\n"
         "The first factor is $a_4 - y$, the second is $a_4(1-a_4)$ and the third is $a_3$. "
         "Hence" "\n"
         r"$$\frac{\partial C}{\partial w_4} = (a_4-y)a_4(1-a_4)a_3.$$"),
    Case("d4-w4-therefore", FOUR_LAYERS, "w4",
         r"\therefore \frac{\partial C}{\partial w_4} = (a_4-y)a_4(1-a_4)a_3"),
    Case("d4-w4-implies", FOUR_LAYERS, "w4",
         r"\frac{\partial C}{\partial a_4} = a_4-y \implies \frac{\partial C}{\partial w_4} "
         "= (a_4-y)a_4(1-a_4)a_3"),
    Case("d4-w4-unicode", FOUR_LAYERS, "w4", "∂C/∂w₄ = (a₄ − y)·a₄·(1 − a₄)·a₃"),
    Case("d4-w4-starstar", FOUR_LAYERS, "w4", "(a4 - y) * (a4 - a4**2) * a3"),
    Case("d4-w4-approx-colon", FOUR_LAYERS, "w4",
         r"\delta := (a_4-y)a_4(1-a_4) \\ \frac{\partial C}{\partial w_4} = \delta a_3"),
    Case("d4-w4-where2", FOUR_LAYERS, "w4",
         r"\frac{\partial C}{\partial w_4} = \delta_4 a_3, \quad \text{where } \delta_4 = "
         "(a_4-y)a_4(1-a_4)"),
    Case("lin-w", REGRESSION, "w",
         r"\frac{\partial J}{\partial w} = \frac{1}{m}\sum_{i=1}^{m}(h_i - y_i)x_i"),
    Case("lin-w-full", REGRESSION, "w",
         r"\frac{\partial J}{\partial w} = \frac{1}{m}\sum_{i=1}^{m}(wx_i + b - y_i)x_i"),
    Case("lin-w-steps", REGRESSION, "w",
         r"\frac{\partial J}{\partial w} &= \frac{\partial}{\partial w}\frac{1}{2m}\sum_{i=1}"
         r"^{m}(wx_i+b-y_i)^2\\" "\n"
         r"&= \frac{1}{2m}\sum_{i=1}^m 2(wx_i+b-y_i)\frac{\partial}{\partial w}(wx_i+b-y_i)\\" "\n"
         r"&= \frac{1}{m}\sum_{i=1}^m (wx_i+b-y_i)x_i"),
    Case("lin-w-sum-lost", REGRESSION, "w", r"\frac{1}{m}(h_i-y_i)x_i", "wrong", ("missing-sum",)),
    Case("lin-w-no-x", REGRESSION, "w",
         r"\frac1m\sum_i(h_i-y_i)", "wrong", ("missing-factor", "bias-as-weight")),
    Case("lin-w-m-2", REGRESSION, "w",
         r"\frac{1}{m^2}\sum_i(h_i-y_i)x_i", "wrong", ("constant-factor",)),
    Case("lin-b", REGRESSION, "b",
         r"\frac{\partial J}{\partial b} = \frac{1}{m}\sum_{i=1}^m (h_i-y_i)"),
    Case("lin-b-x", REGRESSION, "b",
         r"\frac{1}{m}\sum_{i=1}^m (h_i-y_i)x_i", "wrong", ("bias-as-weight", "extra-factor")),
    Case("lin-w-split", REGRESSION, "w", r"\frac{1}{m}\sum_i(h_i-y_i)\cdot\sum_i x_i", "wrong"),
    Case("lin-w-product-sums", REGRESSION, "w",
         r"w\frac{1}{m}\sum_i x_i^2 + \frac{b}{m}\sum_i x_i - \frac1m\sum_i x_iy_i"),
    Case("mul-w", TWO_USES, "w", r"\frac{dL}{dw} = 2(r-y)(qx + p)"),
    Case("mul-w-chain", TWO_USES, "w",
         r"\frac{\partial L}{\partial w} = \frac{\partial L}{\partial r}\left(\frac{\partial "
         r"r}{\partial p}\frac{\partial p}{\partial w} + \frac{\partial r}{\partial q}"
         r"\frac{\partial q}{\partial w}\right)"),
    Case("mul-w-prod", TWO_USES, "w", r"""
\frac{dr}{dw} = \frac{dp}{dw}q + p\frac{dq}{dw} = xq + p
\frac{dL}{dw} = 2(r-y)\frac{dr}{dw}
"""),
    Case("cs231-x", CIRCUIT, "x",
         r"\frac{\partial f}{\partial x} = \frac{\partial f}{\partial q}\frac{\partial q}"
         r"{\partial x} = z \cdot 1 = z"),
    Case("cs231-y-wrong", CIRCUIT, "y",
         r"\frac{\partial f}{\partial y} = \frac{\partial f}{\partial q}\frac{\partial q}"
         r"{\partial y} = q", "wrong", line=2),
    Case("cs231-code", CIRCUIT, "x", """
dfdq = z
dqdx = 1
dfdx = dfdq*dqdx
"""),
    Case("sm-mse-chain", TWO_CLASSES, "s1",
         r"\frac{\partial E}{\partial s_1} = \frac{\partial E}{\partial p_1}\frac{\partial "
         r"p_1}{\partial s_1} + \frac{\partial E}{\partial p_2}\frac{\partial p_2}{\partial "
         "s_1}"),
    Case("sm-mse-diag", TWO_CLASSES, "s1",
         "2(p_1-t_1)p_1(1-p_1)", "wrong", ("missing-term", "missing-sum")),
    Case("mlp-scalar-nielsen", "mlp:2-2-1,sigmoid,squared_error", "w1[1,2]",
         r"\frac{\partial C}{\partial w^2_{12}} = (a^3_1-y_1)\sigma'(z^3_1)w^3_{11}"
         r"\sigma'(z^2_1)x_2", notation="nielsen"),
    Case("mlp-scalar-nielsen-layer", "mlp:2-2-1,sigmoid,squared_error", "w1[1,2]",
         r"\frac{\partial C}{\partial w^2_{12}} = (a^3_1-y_1)\sigma'(z^3_1)w^2_{11}"
         r"\sigma'(z^2_1)x_2", "wrong", ("wrong-layer",), notation="nielsen"),
    Case("sc-hidden-plain", CLASSIFIER, "b1[i]", "sum(k: (o[k] - y[k])*w2[k,i])*relu'(z2[i])"),
    Case("sc-hidden-transposed", CLASSIFIER, "b1[i]",
         "sum(k: (o[k] - y[k])*w2[i,k])*relu'(z2[i])", "wrong", ("shape", "wrong-index")),
    Case("sc-w2-yo", CLASSIFIER, "w2[i,j]", "(y[i] - o[i])*h2[j]", "wrong", ("sign",)),
    Case("sc-w2-softmaxderiv", CLASSIFIER, "w2[i,j]",
         "(o[i] - y[i])*o[i]*(1-o[i])*h2[j]", "wrong", ("extra-factor",)),
    Case("sc-w2-delta", CLASSIFIER, "w2[i,j]",
         r"\frac{\partial J}{\partial w2_{ij}} = -\sum_k \frac{y_k}{o_k} o_k(\delta_{ik}"
         "-o_i) h2_j"),
    Case("dl-z-error", DEEPLIZARD, "z{L}[j]",
         r"\frac{\partial C_0}{\partial z_j^{(L)}} = 2(a_j^{(L)}-y_j)g'^{(L)}(z_j^{(L)})",
         notation="deeplizard"),
    Case("dl-z-error-noprime", DEEPLIZARD, "z{L}[j]",
         "2(a_j^{(L)}-y_j)g^{(L)}(z_j^{(L)})",
         "wrong", ("wrong-function-derivative",), notation="deeplizard"),
]  # fmt: skip

CLAIMS = [
    Case("k-sig", ONE_WEIGHT, "", r"\sigma'(z) = \sigma(z)(1-\sigma(z))"),
    Case("k-sig-plain", ONE_WEIGHT, "", "σ'(z) = σ(z)(1-σ(z))"),
    Case("k-sig-plus", ONE_WEIGHT, "",
         r"\sigma'(z) = \sigma(z)(1+\sigma(z))", "wrong", ("sign", "wrong-function-derivative")),
    Case("k-sig-self", ONE_WEIGHT, "",
         r"\sigma'(z) = \sigma(z)", "wrong", ("wrong-function-derivative", "missing-factor")),
    Case("k-sig-chain", ONE_WEIGHT, "",
         r"\frac{d}{dz}\frac{1}{1+e^{-z}} = \frac{d}{dz}(1+e^{-z})^{-1} = -(1+e^{-z})^{-2}"
         r"(-e^{-z}) = \frac{e^{-z}}{(1+e^{-z})^2} = \frac{1}{1+e^{-z}}\cdot\frac{e^{-z}}"
         r"{1+e^{-z}} = \sigma(z)(1-\sigma(z))"),
    Case("k-sig-trick", ONE_WEIGHT, "",
         r"\frac{e^{-z}}{(1+e^{-z})^2} = \frac{1+e^{-z}-1}{(1+e^{-z})^2} = \frac{1}{1+e^{-z}}"
         r" - \frac{1}{(1+e^{-z})^2}"),
    Case("k-sig-sym", ONE_WEIGHT, "", r"\sigma(-z) = 1-\sigma(z)"),
    Case("k-sig-tanh", ONE_WEIGHT, "", r"\tanh(z) = 2\sigma(2z) - 1"),
    Case("k-sig-tanh-wrong", ONE_WEIGHT, "", r"\tanh(z) = 2\sigma(z) - 1", "wrong"),
    Case("k-sig-x", ONE_WEIGHT, "", r"\sigma'(x) = \sigma(x)(1-\sigma(x))"),
    Case("k-sig-def", ONE_WEIGHT, "", r"\sigma(z) = \frac{1}{1+e^{z}}", "wrong", ("sign",)),
    Case("k-sig-lognet", ONE_WEIGHT, "", r"\frac{d}{dz}\log\sigma(z) = 1-\sigma(z)"),
    Case("k-sig-lognet2", ONE_WEIGHT, "",
         r"\frac{\partial}{\partial z}\ln(1-\sigma(z)) = -\sigma(z)"),
    Case("k-sig-lognet2w", ONE_WEIGHT, "",
         r"\frac{\partial}{\partial z}\ln(1-\sigma(z)) = \frac{1}{1-\sigma(z)}"
         r"\sigma(z)(1-\sigma(z)) = \sigma(z)", "wrong", ("sign",), line=1),
    Case("k-tanh", ONE_WEIGHT, "", r"\tanh'(z) = 1-\tanh^2(z)"),
    Case("k-tanh-nopar", ONE_WEIGHT, "", r"\tanh' z = 1-\tanh^2 z"),
    Case("k-tanh-nosq", ONE_WEIGHT, "",
         r"\tanh'(z) = 1-\tanh(z)", "wrong", ("wrong-function-derivative",)),
    Case("k-tanh-sqin", ONE_WEIGHT, "", r"\frac{d}{dz}\tanh(z) = 1 - \tanh(z^2)", "wrong"),
    Case("k-tanh-plus", ONE_WEIGHT, "",
         r"\tanh'(z) = 1+\tanh^2(z)", "wrong", ("sign", "wrong-function-derivative")),
    Case("k-tanh-pl2", ONE_WEIGHT, "", "d/dz tanh(z) = 1 - tanh^2(z)"),
    Case("k-relu", ONE_WEIGHT, "",
         r"\text{ReLU}'(z) = \begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} "
         r"\end{cases}"),
    Case("k-relu-ind", ONE_WEIGHT, "", r"\frac{d}{dz}\max(0,z) = \mathbb{1}[z>0]"),
    Case("k-relu-iv", ONE_WEIGHT, "", "relu'(z) = [z > 0]"),
    Case("k-relu-H", ONE_WEIGHT, "", r"\mathrm{ReLU}'(z) = \mathbf{1}\{z > 0\}"),
    Case("k-relu-self", ONE_WEIGHT, "",
         r"\text{ReLU}'(z) = \max(0,z)", "wrong", ("wrong-function-derivative",)),
    Case("k-relu-rev", ONE_WEIGHT, "",
         r"\text{ReLU}'(z) = \begin{cases} 0 & z > 0 \\ 1 & z \le 0 \end{cases}", "wrong"),
    Case("k-relu-lt", ONE_WEIGHT, "",
         r"\text{ReLU}'(z) = \begin{cases} 0 & \text{if } z < 0 \\ 1 & \text{if } z > 0 "
         r"\end{cases}"),
    Case("k-relu-z", ONE_WEIGHT, "",
         r"\text{ReLU}'(z) = \begin{cases} z & z > 0 \\ 0 & z \le 0 \end{cases}",
         "wrong", ("wrong-function-derivative",)),
    Case("k-softplus", ONE_WEIGHT, "", r"\frac{d}{dz}\log(1+e^z) = \frac{e^z}{1+e^z} = \sigma(z)"),
    Case("k-softplus-name", ONE_WEIGHT, "", r"\text{softplus}'(z) = \sigma(z)"),
    Case("k-softplus-lost", ONE_WEIGHT, "",
         r"\frac{d}{dz}\ln(1+e^z) = \frac{1}{1+e^z}",
         "wrong", ("missing-factor", "wrong-function-derivative")),
    Case("k-softplus-neg", ONE_WEIGHT, "",
         r"\frac{d}{dz}\ln(1+e^{-z}) = \frac{-e^{-z}}{1+e^{-z}} = \sigma(z) - 1"),
    Case("k-softplus-negw", ONE_WEIGHT, "",
         r"\frac{d}{dz}\ln(1+e^{-z}) = \frac{e^{-z}}{1+e^{-z}} = 1-\sigma(z)",
         "wrong", ("sign",), line=1),
    Case("k-swish", ONE_WEIGHT, "",
         r"\frac{d}{dz}[z\sigma(z)] = \sigma(z) + z\sigma(z)(1-\sigma(z))"),
    Case("k-chain-arg", INNER, "", r"\frac{d}{dw}\sigma(wx) = x\sigma(wx)(1-\sigma(wx))"),
    Case("k-chain-arg-lost", INNER, "",
         r"\frac{d}{dw}\sigma(wx) = \sigma(wx)(1-\sigma(wx))", "wrong", ("missing-factor",)),
    Case("k-exp", ONE_WEIGHT, "",
         r"\frac{d}{dz} e^{-z} = e^{-z}", "wrong", ("sign", "missing-factor")),
    Case("k-softmax", CLASSES, "", r"\frac{\partial O_i}{\partial z_j} = O_i(\delta_{ij} - O_j)"),
    Case("k-softmax-iverson", CLASSES, "",
         r"\frac{\partial O_i}{\partial z_j} = O_i([i=j] - O_j)"),
    Case("k-softmax-cases", CLASSES, "",
         r"\frac{\partial O_i}{\partial z_j} = \begin{cases} O_i(1-O_i) & i = j \\ -O_i O_j "
         r"& i \ne j \end{cases}"),
    Case("k-softmax-cases-if", CLASSES, "",
         r"\frac{\partial O_i}{\partial z_j} = \begin{cases} O_i(1-O_j) & \text{if } i = j "
         r"\\ -O_j O_i & \text{if } i \neq j \end{cases}"),
    Case("k-softmax-nodelta", CLASSES, "",
         r"\frac{\partial O_i}{\partial z_j} = O_i(1 - O_j)",
         "wrong", ("missing-factor", "special-case", "wrong-index", "wrong-claim", "missing-term")),
    Case("k-softmax-diag", CLASSES, "", r"\frac{\partial O_i}{\partial z_i} = O_i(1 - O_i)"),
    Case("k-softmax-diagnum", CLASSES, "", r"\frac{\partial O_1}{\partial z_1} = O_1(1 - O_1)"),
    Case("k-softmax-offnum", CLASSES, "", r"\frac{\partial O_1}{\partial z_2} = -O_1 O_2"),
    Case("k-softmax-offnum-w", CLASSES, "",
         r"\frac{\partial O_1}{\partial z_2} = O_1 O_2", "wrong", ("sign",)),
    Case("k-softmax-quot", CLASSES, "",
         r"\frac{\partial O_i}{\partial z_j} = \frac{\delta_{ij} e^{z_i}\sum_k e^{z_k} - "
         r"e^{z_i}e^{z_j}}{\left(\sum_k e^{z_k}\right)^2} = O_i\delta_{ij} - O_iO_j"),
    Case("k-softmax-log", CLASSES, "",
         r"\frac{\partial \log O_i}{\partial z_j} = \delta_{ij} - O_j"),
    Case("k-lse", CLASSES, "",
         r"\frac{\partial}{\partial z_j}\log\sum_k e^{z_k} = \frac{e^{z_j}}{\sum_k e^{z_k}}"),
    Case("k-lse-soft", CLASSES, "",
         r"\frac{\partial}{\partial z_j}\log\sum_{k=1}^{3} \exp(z_k) = O_j"),
    Case("k-lse-w", CLASSES, "",
         r"\frac{\partial}{\partial z_j}\log\sum_k e^{z_k} = \frac{1}{\sum_k e^{z_k}}",
         "wrong", ("missing-factor",)),
    Case("k-lse-sumtop", CLASSES, "",
         r"\frac{\partial}{\partial z_j}\log\sum_k e^{z_k} = \frac{\sum_k e^{z_k}}{\sum_k "
         "e^{z_k}} = 1", "wrong"),
    Case("k-sum1", CLASSES, "", r"\sum_k O_k = 1"),
    Case("k-sumt", CLASSES, "", r"\sum_k t_k = 1"),
    Case("k-sum-rows", CLASSES, "", r"\sum_i \frac{\partial O_i}{\partial z_j} = 0"),
    Case("k-logO", CLASSES, "", r"\log O_i = z_i - \log\sum_k e^{z_k}"),
    Case("k-logO-w", CLASSES, "", r"\log O_i = z_i - \sum_k z_k", "wrong"),
    Case("k-kron", CLASSES, "", r"\frac{\partial z_i}{\partial z_j} = \delta_{ij}"),
    Case("k-kron-W", CLASSES, "", r"\frac{\partial z_i}{\partial W_{kj}} = \delta_{ik} x_j"),
    Case("k-kron-W-w", CLASSES, "",
         r"\frac{\partial z_i}{\partial W_{kj}} = x_j",
         "wrong", ("missing-factor", "missing-term")),
    Case("k-adx-local-total", ONE_NEURON, "", r"\frac{\partial a}{\partial w} = a(1-a)x"),
    Case("k-L-a", ONE_NEURON, "", r"\frac{\partial L}{\partial a} = \frac{a-y}{a(1-a)}"),
    Case("k-L-a-long", ONE_NEURON, "",
         r"\frac{dL}{da} = \frac{d}{da}\left[-y\log a - (1-y)\log(1-a)\right] = -\frac{y}{a} "
         r"+ \frac{1-y}{1-a}"),
    Case("k-forward", ONE_NEURON, "", "z = w x + b"),
    Case("k-rnn-local", THREE_STEPS, "", r"\frac{\partial h_2}{\partial h_1} = u(1-h_2^2)"),
    Case("k-rnn-total", THREE_STEPS, "",
         r"\frac{\partial h_2}{\partial u} = (1-h_2^2)(h_1 + u(1-h_1^2)h_0)"),
    Case("k-res-local", RESIDUAL, "", r"\frac{\partial u}{\partial h} = 1"),
    Case("k-res-total", RESIDUAL, "", r"\frac{du}{dh} = 1 + v"),
    Case("k-unread", ONE_WEIGHT, "", r"\sigma'(z) = \sigma(z)(1-\sigma(z)", "unreadable"),
    Case("c2-gelu-sig", ONE_WEIGHT, "",
         r"\frac{d}{dz}\sigma(wz+b) = w\,\sigma(wz+b)(1-\sigma(wz+b))"),
    Case("c2-gelu-sig-w", ONE_WEIGHT, "",
         r"\frac{d}{dw}\sigma(wz+b) = w\,\sigma(wz+b)(1-\sigma(wz+b))", "wrong"),
    Case("c2-quotrule", ONE_WEIGHT, "",
         r"\frac{d}{dz}\frac{1}{1+e^{-z}} = \frac{0\cdot(1+e^{-z}) - 1\cdot(-e^{-z})}"
         r"{(1+e^{-z})^2} = \frac{e^{-z}}{(1+e^{-z})^2}"),
    Case("c2-abs", ONE_WEIGHT, "", r"\frac{d}{dz}|z| = \frac{z}{|z|}"),
    Case("c2-abs-sgn", ONE_WEIGHT, "", r"\frac{d}{dz}|z| = \text{sign}(z)"),
    Case("c2-bce", ONE_WEIGHT, "", r"\frac{d}{dz}\left[-\log(\sigma(z))\right] = \sigma(z) - 1"),
    Case("c2-softplus-id", ONE_WEIGHT, "", r"\log(1+e^z) - \log(1+e^{-z}) = z"),
    Case("c2-logsig", ONE_WEIGHT, "", r"-\log\sigma(z) = \log(1+e^{-z})"),
    Case("c2-logit", ONE_WEIGHT, "", r"\log\frac{\sigma(z)}{1-\sigma(z)} = z"),
    Case("c2-erf", ONE_WEIGHT, "", r"\frac{d}{dz} e^{-z^2/2} = -z e^{-z^2/2}"),
    Case("c2-prod-w", ONE_WEIGHT, "", r"\frac{d}{dz}[z\tanh(z)] = 1\cdot(1-\tanh^2(z))", "wrong"),
    Case("c2-tanh-pow", ONE_WEIGHT, "", r"\tanh'(z) = 1-\tanh(z)^2 = (1-\tanh(z))(1+\tanh(z))"),
    Case("c2-tanh-sig", ONE_WEIGHT, "", r"\tanh'(z) = 4\sigma'(2z)"),
    Case("c2-tanh-sig-w", ONE_WEIGHT, "",
         r"\tanh'(z) = 2\sigma'(2z)", "wrong", ("constant-factor",)),
    Case("c2-relu-z-over", ONE_WEIGHT, "", r"\text{ReLU}(z) = \frac{z + |z|}{2}"),
    Case("c2-relu-sign-at-zero", ONE_WEIGHT, "", r"\text{relu}'(z) = \text{step}(z)"),
    Case("c2-relu-H", ONE_WEIGHT, "", r"\text{ReLU}'(z) = \mathbf{1}_{z>0}"),
    Case("c2-ab-nested", ONE_WEIGHT, "",
         r"\frac{d}{dz}\sigma(\sigma(z)) = \sigma'(\sigma(z))\sigma'(z)"),
    Case("c2-ab-nested-w", ONE_WEIGHT, "",
         r"\frac{d}{dz}\sigma(\sigma(z)) = \sigma'(\sigma'(z))", "wrong"),
    Case("c2-one-line-two", ONE_WEIGHT, "",
         r"\sigma'(z) = \sigma(z)(1-\sigma(z)), \quad \tanh'(z) = 1-\tanh^2(z)"),
    Case("c2-one-line-two-w", ONE_WEIGHT, "",
         r"\sigma'(z) = \sigma(z)(1-\sigma(z)), \quad \tanh'(z) = 1-\tanh(z)",
         "wrong", ("wrong-function-derivative",)),
    Case("c2-softmax-vec", CLASSES, "", r"\frac{\partial O}{\partial z} = \text{diag}(O) - OO^T"),
    Case("c2-softmax-shift", CLASSES, "",
         r"O_i = \frac{e^{z_i - \max_k z_k}}{\sum_k e^{z_k - \max_j z_j}}"),
    Case("c2-E-softmax", CLASSES, "", r"E = -\sum_i t_i z_i + \log\sum_k e^{z_k}"),
    Case("c2-E-sum-t", CLASSES, "", r"\sum_k t_k O_i = O_i"),
]  # fmt: skip


def judge(case: Case, claim: bool) -> None:
    found = bp.check(
        network_of(case.network), case.quantity, case.answer, notation=case.notation, claim=claim
    ).as_json()
    told = [entry["kind"] for entry in found["diagnosis"]]
    assert found["verdict"] == case.verdict, found
    assert (found["convention"] or "") == case.convention, found
    assert set(told) <= set(KINDS)
    if case.kinds:
        assert told, found
        assert told[0] in case.kinds, found
    if case.line is not None:
        assert found["first_wrong_line"] == case.line, found
    if case.verdict == "right":
        assert not told
        assert found["counterexample"] is None


@pytest.mark.parametrize("case", DERIVATIONS, ids=lambda c: c.id)
def test_derivations(case: Case) -> None:
    judge(case, claim=False)


@pytest.mark.parametrize("case", CLAIMS, ids=lambda c: c.id)
def test_claims(case: Case) -> None:
    judge(case, claim=True)
