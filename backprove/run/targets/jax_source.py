"""The target `jax`: a loss with a derivative rule of its own, for `jax.grad` and `jax.jit`."""

from __future__ import annotations

from collections.abc import Iterator

from ...network import Network
from ..escaping import python_string
from .expressions import SIGN, Dialect
from .python_source import INDENT, MEANS, PythonSource, initial_parameters

JAX = Dialect(
    module="jnp",
    functions={
        "times_exp": "times_exp({0}, {1})",
        "logaddexp": "jnp.logaddexp({0}, {1})",
        "sigmoid": "jax.nn.sigmoid({0})",
        "tanh": "jnp.tanh({0})",
        "relu": "jnp.maximum({0}, 0)",
        "leaky_relu": "jax.nn.leaky_relu({0}, 0.01)",
        "elu": "jax.nn.elu({0})",
        "softplus": "jax.nn.softplus({0})",
        "silu": "jax.nn.silu({0})",
        "gelu": "gelu({0})",
        "exp": "jnp.exp({0})",
        "log": "jnp.log({0})",
        "sqrt": "jnp.sqrt({0})",
        "abs": "jnp.abs({0})",
        "sin": "jnp.sin({0})",
        "cos": "jnp.cos({0})",
        "erf": "jax.scipy.special.erf({0})",
        "erf_derivative": "erf_derivative({0})",
        "sign": "jnp.sign({0})",
        "step": "step({0})",
    },
    helpers={
        "gelu": '''
def gelu(u):
    """u times the normal distribution function; the tail keeps its digits."""
    return u / 2 * jax.scipy.special.erfc(-u * 0.7071067811865476)
''',
        "erf_derivative": """
def erf_derivative(u):
    return jnp.exp(-u * u) * 1.1283791670955126
""",
        "step": '''
def step(u):
    """1 where u > 0, else 0."""
    return jnp.sign(jnp.maximum(u, 0))
''',
        "times_exp": '''
def times_exp(a, u):
    """a exp(u), where a huge exponential may meet a tiny or zero a."""
    plain = a * jnp.exp(u)
    safe = jnp.sign(a) * jnp.exp(jnp.log(jnp.abs(a)) + u)
    return jnp.where(jnp.isfinite(plain), plain, jnp.where(jnp.equal(a, 0), a, safe))
''',
        "first_largest": '''
def first_largest(u, axis):
    """1 at the first largest component along an axis, else 0."""
    return jax.nn.one_hot(jnp.argmax(u, axis=axis), u.shape[axis], dtype=u.dtype, axis=axis)
''',
    },
    axis="axis",
    largest="{atom}.max(axis={axis})",
    first_largest="first_largest({0}, axis={axis})",
    log_sum_exp="jax.scipy.special.logsumexp({0}, axis={axis})",
    einsum="jnp.einsum({0}, {1})",
    identity="jnp.eye({0}, {1}, dtype={like}.dtype)",
    unit="jnp.eye({0}, dtype={like}.dtype)[{1}]",
    zeros_like="jnp.zeros_like({0})",
    transpose="transpose",
    cast="{0}.astype({1}.dtype)",
)


def jax_source(network: Network, *, title: str, precision: str, inputs: bool) -> str:
    """A loss with `jax.custom_vjp`: its derivative rule is the derived backward pass.

    title: the first line. precision: of the initial values. The gradients in inputs and targets
    are always there, since `jax.grad` may be taken in any argument; `jit` drops the unused.
    """
    del inputs
    words = ("jax", "jnp", "np", "loss_forward", "loss_backward", "grad", "saved")
    source = PythonSource(network, JAX, words, inputs=True, targets=True, parameters_first=True)
    return "\n".join((*_lines(source, title, precision), ""))


def _lines(source: PythonSource, title: str, precision: str) -> Iterator[str]:
    yield from source.head(title)
    if precision == "float64":
        yield '# In float64: jax.config.update("jax_enable_x64", True) before arrays are made.'
    yield from ("", "import jax", "import jax.numpy as jnp", "import numpy as np", "")
    yield from source.shapes()
    yield from source.constants(f"np.array({{}}, dtype=np.{precision})")
    yield from source.helpers()
    yield from ("", "", *initial_parameters(source, "jnp", precision))
    yield from ("", "", *source.forward())
    yield from ("", "", *source.loss())
    yield from ("", "", *_loss(source))
    yield from ("", "", "loss.defvjp(loss_forward, loss_backward)")


def _loss(source: PythonSource) -> Iterator[str]:
    data = [*source.inputs, *source.targets]
    arguments = source.arguments(*data)
    values, mean = source.values, source.mean_name
    yield "@jax.custom_vjp"
    yield f"def loss({arguments}):"
    yield f'{INDENT}"""The mean loss over the samples."""'
    yield f"{INDENT}return loss_and_values({arguments})[0]"
    yield from ("", "", f"def loss_forward({arguments}):")
    yield f'{INDENT}"""The mean loss, and what the backward pass needs."""'
    yield f"{INDENT}{mean}, {values} = loss_and_values({arguments})"
    yield f"{INDENT}return {mean}, ({', '.join([arguments, values])})"
    yield from ("", "", "def loss_backward(saved, grad):")
    yield f'{INDENT}"""The gradients in each argument of `loss`; grad is that of its result."""'
    yield f"{INDENT}{', '.join([arguments, values])} = saved"
    yield from source.unpacked(source.bodies["backward"].reads, "backward")
    yield f"{INDENT}{MEANS}"
    yield from source.statements("backward")
    yield f"{INDENT}return ("
    yield f"{INDENT}{INDENT}{{"
    for q in source.plan.network.trained:
        code = source.gradients[q.name].within(SIGN)
        yield f"{3 * INDENT}{python_string(q.name)}: grad * {code},"
    yield f"{INDENT}{INDENT}}},"
    for q in (*source.plan.inputs, *source.plan.targets):
        yield f"{INDENT}{INDENT}grad * {source.gradients[q.name].within(SIGN)},"
    yield f"{INDENT})"
