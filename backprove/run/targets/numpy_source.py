"""The target `numpy`: functions of arrays that need NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator

from ...network import Network
from ..escaping import python_string
from .expressions import Dialect
from .python_source import INDENT, MEANS, PythonSource, initial_parameters

HELPERS = {
    "sigmoid": '''
def sigmoid(u):
    """1/(1 + exp(-u)); exp only sees arguments that are not positive."""
    e = np.exp(-np.abs(u))
    return np.where(u >= 0, 1, e) / (1 + e)
''',
    "leaky_relu": """
def leaky_relu(u):
    return np.where(u > 0, u, u / 100)
""",
    "elu": """
def elu(u):
    return np.where(u > 0, u, np.expm1(np.minimum(u, 0)))
""",
    "softplus": '''
def softplus(u):
    """log(1 + exp(u)) without overflow."""
    return np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))
''',
    "step": '''
def step(u):
    """1 where u > 0, else 0."""
    return np.where(np.isnan(u), u, np.sign(np.maximum(u, 0)))
''',
    "erf_series": '''
def erf_series(u):
    """erf(u) for 0 <= u < 2: 2/sqrt(pi) exp(-u^2) sum of 2^n u^(2n+1) / (1*3*...*(2n+1))."""
    total = np.zeros_like(u)
    for n in range(40, 0, -1):
        total = (1 + total) * (2 * u * u / (2 * n + 1))
    return 2 / np.sqrt(np.pi) * np.exp(-u * u) * u * (1 + total)
''',
    "erfc_fraction": '''
def erfc_fraction(u):
    """1 - erf(u) for u >= 2, by its continued fraction: Abramowitz and Stegun 7.1.14."""
    tail = np.zeros_like(u)
    for n in range(60, 0, -1):
        tail = (n / 2) / (u + tail)
    return np.exp(-u * u) / np.sqrt(np.pi) / (u + tail)
''',
    "erf": '''
def erf(u):
    """The error function."""
    u = np.asarray(u)
    size = np.minimum(np.abs(u.astype(np.float64)), 7)
    far = 1 - erfc_fraction(np.maximum(size, 2))
    near = np.where(size < 2, erf_series(np.minimum(size, 2)), far)
    return np.where(np.isnan(u), u, np.copysign(near, u)).astype(u.dtype)
''',
    "erf_derivative": """
def erf_derivative(u):
    return np.exp(-u * u) * float(2 / np.sqrt(np.pi))
""",
    "gelu": '''
def gelu(u):
    """u times the normal distribution function; the tail keeps its digits."""
    u = np.asarray(u)
    size = np.minimum(np.abs(u.astype(np.float64)) / np.sqrt(2), 40)
    near = 1 - erf_series(np.minimum(size, 2))
    tail = np.where(size < 2, near, erfc_fraction(np.maximum(size, 2)))
    return (u / 2 * np.where(u < 0, tail, 2 - tail)).astype(u.dtype)
''',
    "times_exp": '''
def times_exp(a, u):
    """a exp(u), where a huge exponential may meet a tiny or zero a."""
    with np.errstate(all="ignore"):
        plain = a * np.exp(u)
        safe = np.sign(a) * np.exp(np.log(np.abs(a)) + u)
    return np.where(np.isfinite(plain), plain, np.where(np.equal(a, 0), a, safe))
''',
    "first_largest": '''
def first_largest(u, axis):
    """1 at the first largest component along an axis, else 0."""
    marked = np.zeros_like(u)
    np.put_along_axis(marked, np.argmax(u, axis=axis, keepdims=True), 1, axis=axis)
    return marked
''',
    "log_sum_exp": '''
def log_sum_exp(u, axis):
    """log of the sum of exp(u) along an axis, without overflow."""
    top = u.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    return np.log(np.exp(u - top).sum(axis=axis)) + np.squeeze(top, axis=axis)
''',
}

NUMPY = Dialect(
    module="np",
    functions={
        "times_exp": "times_exp({0}, {1})",
        "logaddexp": "np.logaddexp({0}, {1})",
        "sigmoid": "sigmoid({0})",
        "tanh": "np.tanh({0})",
        "relu": "np.maximum({0}, 0)",
        "leaky_relu": "leaky_relu({0})",
        "elu": "elu({0})",
        "softplus": "softplus({0})",
        "silu": "silu({0})",
        "gelu": "gelu({0})",
        "exp": "np.exp({0})",
        "log": "np.log({0})",
        "sqrt": "np.sqrt({0})",
        "abs": "np.abs({0})",
        "sin": "np.sin({0})",
        "cos": "np.cos({0})",
        "erf": "erf({0})",
        "erf_derivative": "erf_derivative({0})",
        "sign": "np.sign({0})",
        "step": "step({0})",
    },
    helpers={
        **HELPERS,
        "silu": """
def silu(u):
    return u * sigmoid(u)
""",
    },
    axis="axis",
    largest="{atom}.max(axis={axis})",
    first_largest="first_largest({0}, axis={axis})",
    log_sum_exp="log_sum_exp({0}, axis={axis})",
    einsum="np.einsum({0}, {1}, optimize=True)",
    identity="np.eye({0}, {1}, dtype={like}.dtype)",
    unit="np.eye(1, {0}, {1}, dtype={like}.dtype)[0]",
    zeros_like="np.zeros_like({0})",
    transpose="transpose",
    cast="{0}.astype({1}.dtype)",
)


def numpy_source(network: Network, *, title: str, precision: str, inputs: bool) -> str:
    """The forward pass, the loss and the gradients as functions of NumPy arrays.

    title: the first line. precision: of the initial values, `float32` or `float64`; else the
    code computes in that of its arguments. inputs: whether to give the gradients in inputs too.
    """
    source = PythonSource(network, NUMPY, ("np",), inputs=inputs, targets=False)
    return "\n".join((*_lines(source, title, precision), ""))


def _lines(source: PythonSource, title: str, precision: str) -> Iterator[str]:
    yield from source.head(title)
    yield from ("", "import numpy as np", "")
    yield from source.shapes()
    yield from source.constants(f"np.array({{}}, dtype=np.{precision})")
    yield from source.helpers()
    yield from ("", "", *initial_parameters(source, "np", precision))
    yield from ("", "", *source.forward())
    yield from ("", "", *source.loss())
    yield from ("", "", *_gradients(source))


def _gradients(source: PythonSource) -> Iterator[str]:
    data = source.arguments(*source.inputs, *source.targets)
    mean = source.mean_name
    yield f"def gradients({data}):"
    yield f'{INDENT}"""The mean loss over the samples, and its gradients by name."""'
    yield f"{INDENT}{mean}, {source.values} = loss_and_values({data})"
    yield from source.unpacked(source.bodies["backward"].reads, "backward")
    yield f"{INDENT}{MEANS}"
    yield from source.statements("backward")
    yield f"{INDENT}return {mean}, {{"
    for name, code in source.gradients.items():
        yield f"{INDENT}{INDENT}{python_string(name)}: {code.text},"
    yield f"{INDENT}}}"
