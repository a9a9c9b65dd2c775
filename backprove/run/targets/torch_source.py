"""The target `torch`: an `autograd.Function` with a backward pass of its own, and a module."""

from __future__ import annotations

from collections.abc import Iterator

from ...network import ADJOINT, Network
from ..escaping import python_string
from .expressions import SIGN, Dialect
from .python_source import INDENT, MEANS, PythonSource, initial_value

OWN_WORDS = frozenset(("Loss", "Model", "torch", "once_differentiable", "grad", "dtype", "predict"))
"""Words that the source uses itself."""

MODULE_WORDS = frozenset((
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children",
    "compile", "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward",
    "get_buffer", "get_extra_state", "get_parameter", "get_submodule", "half", "ipu",
    "load_state_dict", "modules", "mtia", "named_buffers", "named_children", "named_modules",
    "named_parameters", "register_backward_hook", "register_buffer",
    "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter",
    "register_state_dict_post_hook", "register_state_dict_pre_hook", "requires_grad_",
    "set_extra_state", "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train",
    "training", "type", "xpu", "zero_grad",
))  # fmt: skip
"""Attributes of `torch.nn.Module`: a parameter of that name would hide one."""

BODY = 2 * INDENT

TORCH = Dialect(
    module="torch",
    functions={
        "times_exp": "times_exp({0}, {1})",
        "logaddexp": "torch.logaddexp({0}, {1})",
        "sigmoid": "torch.sigmoid({0})",
        "tanh": "torch.tanh({0})",
        "relu": "torch.relu({0})",
        "leaky_relu": "torch.nn.functional.leaky_relu({0}, 0.01)",
        "elu": "torch.nn.functional.elu({0})",
        "softplus": "softplus({0})",
        "silu": "torch.nn.functional.silu({0})",
        "gelu": "gelu({0})",
        "exp": "torch.exp({0})",
        "log": "torch.log({0})",
        "sqrt": "torch.sqrt({0})",
        "abs": "torch.abs({0})",
        "sin": "torch.sin({0})",
        "cos": "torch.cos({0})",
        "erf": "torch.erf({0})",
        "erf_derivative": "erf_derivative({0})",
        "sign": "torch.sign({0})",
        "step": "step({0})",
    },
    helpers={
        "softplus": '''
def softplus(u):
    """log(1 + exp(u)) without overflow, with no threshold."""
    return torch.relu(u) + torch.log1p(torch.exp(-torch.abs(u)))
''',
        "gelu": '''
def gelu(u):
    """u times the normal distribution function; the tail keeps its digits."""
    return u / 2 * torch.special.erfc(-u * 0.7071067811865476)
''',
        "erf_derivative": """
def erf_derivative(u):
    return torch.exp(-u * u) * 1.1283791670955126
""",
        "step": '''
def step(u):
    """1 where u > 0, else 0."""
    return torch.sign(torch.relu(u))
''',
        "times_exp": '''
def times_exp(a, u):
    """a exp(u), where a huge exponential may meet a tiny or zero a."""
    plain = a * torch.exp(u)
    safe = torch.sign(a) * torch.exp(torch.log(torch.abs(a)) + u)
    return torch.where(torch.isfinite(plain), plain, torch.where(a == 0, a, safe))
''',
        "first_largest": '''
def first_largest(u, dim):
    """1 at the first largest component along an axis, else 0."""
    place = torch.argmax(u, dim=dim, keepdim=True)
    return torch.zeros_like(u).scatter(dim, place, 1)
''',
    },
    axis="dim",
    largest="{atom}.amax(dim={axis})",
    first_largest="first_largest({0}, dim={axis})",
    log_sum_exp="torch.logsumexp({0}, dim={axis})",
    einsum="torch.einsum({0}, {1})",
    identity="torch.eye({0}, {1}, dtype={like}.dtype, device={like}.device)",
    unit="torch.eye({0}, dtype={like}.dtype, device={like}.device)[{1}]",
    zeros_like="torch.zeros_like({0})",
    transpose="permute",
    cast="{0}.to({1})",
    like="torch.as_tensor({0}, dtype={1}.dtype, device={1}.device)",
)


def torch_source(network: Network, *, title: str, precision: str, inputs: bool) -> str:
    """An `autograd.Function` for the mean loss, with the derived backward pass, and a module.

    title: the first line. precision: of the module's parameters. The gradients in inputs and
    targets are always there: they are computed where autograd asks for them.
    """
    del inputs
    source = PythonSource(network, TORCH, OWN_WORDS | MODULE_WORDS, inputs=True, targets=True)
    return "\n".join((*_lines(source, title, precision), ""))


def _lines(source: PythonSource, title: str, precision: str) -> Iterator[str]:
    yield from source.head(title)
    yield from ("", "import torch", "from torch.autograd.function import once_differentiable", "")
    yield from source.shapes()
    yield from source.constants(f"torch.tensor({{}}, dtype=torch.{precision})")
    yield from source.helpers()
    yield from ("", "", *source.forward())
    yield from ("", "", *source.loss())
    yield from ("", "", *_function(source))
    yield from ("", "", *_module(source, precision))


def _function(source: PythonSource) -> Iterator[str]:
    """The `autograd.Function`: data first among its arguments, then the parameters."""
    data = [*source.inputs, *source.targets]
    saved = _saved(source)
    yield "class Loss(torch.autograd.Function):"
    yield f'{INDENT}"""The mean loss over the samples, with its backward pass written out."""'
    yield ""
    yield f"{INDENT}@staticmethod"
    yield f"{INDENT}def forward({', '.join(['ctx', *data, *source.trained])}):"
    yield f"{BODY}{source.parameters} = {_by_name(source, '')}"
    result = f"{source.mean_name}, {source.values}"
    yield f"{BODY}{result} = loss_and_values({source.arguments(*data)})"
    yield f"{BODY}ctx.save_for_backward({', '.join(_kept(source, b) for b in saved)})"
    yield f"{BODY}return {source.mean_name}"
    yield ""
    yield f"{INDENT}@staticmethod"
    yield f"{INDENT}@once_differentiable"
    yield f"{INDENT}def backward(ctx, grad):"
    if saved:
        names = ", ".join(source.identifier(b) for b in saved)
        yield f"{BODY}{names}{',' * (len(saved) == 1)} = ctx.saved_tensors"
    yield from source.cast_constants(source.bodies["backward"].reads, BODY)
    yield from source.counted("backward", BODY)
    yield f"{BODY}{MEANS}"
    yield from _backward(source, len(data))


def _by_name(source: PythonSource, prefix: str) -> str:
    """The parameters as a dictionary."""
    rows = (
        f"{python_string(q.name)}: {prefix}{source.argument[q.name]}"
        for q in source.plan.network.trained
    )
    return f"{{{', '.join(rows)}}}"


def _saved(source: PythonSource) -> list[int]:
    """The buffers that the backward pass reads from the forward pass and its arguments."""
    reads = source.bodies["backward"].reads | source.counting_needs("backward")
    constants = {source.plan.given[q.name] for q in source.plan.constants}
    made_in = source.writer.made_in
    return [b for b in sorted(reads - constants) if made_in.get(b) != "backward"]


def _kept(source: PythonSource, buffer: int) -> str:
    if buffer in source.writer.made_in:
        return f"{source.values}[{source.key(buffer)}]"
    return source.identifier(buffer)


def _backward(source: PythonSource, count: int) -> Iterator[str]:
    """The statements that parameters need, then those that only the data need, if asked for."""
    plan = source.plan
    data = [q.name for q in (*plan.inputs, *plan.targets)]
    trained = [q.name for q in plan.network.trained]
    always = plan.ancestors(ADJOINT + name for name in trained)
    statements = source.bodies["backward"].statements
    first = [s for s in statements if s.buffer in always]
    rest = [s for s in statements if s.buffer not in always]
    later = {s.origin for s in rest} - {s.origin for s in first} | {ADJOINT + n for n in data}
    sooner = {row.name for row in plan.said["backward"]} - later
    yield from source.statements("backward", BODY, first, sooner)
    answers = {name: f"grad * {source.gradients[name].within(SIGN)}" for name in plan.gradients}
    if data:
        held = {name: source.names.claim(f"grad_{source.argument[name]}") for name in data}
        yield f"{BODY}{' = '.join(held.values())} = None"
        yield f"{BODY}if any(ctx.needs_input_grad[:{count}]):"
        yield from source.statements("backward", BODY + INDENT, rest, later)
        for name in data:
            yield f"{BODY}{INDENT}{held[name]} = {answers[name]}"
        answers |= held
    if not answers:
        yield f"{BODY}return ()"
        return
    yield f"{BODY}return ("
    yield from (f"{BODY}{INDENT}{answers[name]}," for name in (*data, *trained))
    yield f"{BODY})"


def _module(source: PythonSource, precision: str) -> Iterator[str]:
    """The network as a module, its parameters named as in the source."""
    texts = {
        "given": "torch.tensor({}, dtype=dtype)",
        "zeros": "torch.zeros({}, dtype=dtype)",
        "drawn": "{0} * torch.empty({1}, dtype=dtype).uniform_(-1, 1)",
    }
    data = [*source.inputs, *source.targets]
    yield "class Model(torch.nn.Module):"
    yield f'{INDENT}"""Begins with the file\'s values; else Glorot uniform, biases 0."""'
    yield ""
    yield f"{INDENT}def __init__(self, dtype=torch.{precision}):"
    yield f"{BODY}super().__init__()"
    for q in source.plan.network.trained:
        value = initial_value(source.plan, q, texts)
        yield f"{BODY}self.{source.argument[q.name]} = torch.nn.Parameter({value})"
    yield ""
    yield f"{INDENT}def forward({', '.join(['self', *data])}):"
    yield f'{BODY}"""The mean loss over the samples."""'
    weights = [f"self.{name}" for name in source.trained]
    yield f"{BODY}return Loss.apply({', '.join([*data, *weights])})"
    yield ""
    yield f"{INDENT}def predict({', '.join(['self', *source.inputs])}):"
    yield f'{BODY}"""The values of the forward pass, by name; a row a sample."""'
    yield f"{BODY}{source.parameters} = {_by_name(source, 'self.')}"
    yield f"{BODY}return forward({source.arguments(*source.inputs)})"
