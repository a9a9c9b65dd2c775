"""Networks of common shapes: each builder writes `.bp` text, which is then read.

A builder can also be named in one word, `mlp:784-128-10,tanh,squared_error`, wherever a file
can stand. Layers are numbered as in the texts: the input x is layer 1, `w1` leads from layer
1 to layer 2, whose weighted input is `z2` and whose activation is `h2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ..errors import BackproveError, expect
from ..functions import ALIASES, FUNCTIONS
from ..network import Network
from .source import parse, read
from .tree import MAX_SIZE

Loss: TypeAlias = Literal["squared_error", "sse", "cross_entropy", "binary_cross_entropy"]
"""squared_error: ½ Σ (y - h)²; sse: Σ (y - h)²; cross_entropy: softmax, then -Σ y log o;
binary_cross_entropy: one sigmoid a component, then -Σ (y log h + (1 - y) log(1 - h))."""

LOSSES: tuple[str, ...] = get_args(Loss)
LINEAR = ("linear", "identity", "none")
MAX_LAYERS = 10_000


def mlp(
    sizes: Sequence[int] | str,
    activation: str = "sigmoid",
    loss: str = "squared_error",
    *,
    bias: bool = True,
    output_activation: str | None = None,
) -> Network:
    """A fully connected network; `sizes` counts the nodes of each layer, the input first.

    sizes: a list, [784, 128, 10], or as in a builder's word, "784-128-10", "784-8x3-10".
    activation: a function's name, or "linear". output_activation: that of the last layer; by
    default the same, but nothing before a cross-entropy, which brings its own.
    Raises BackproveError for an unknown activation or loss, or sizes that make no network.
    """
    text = mlp_text(sizes, activation, loss, bias=bias, output_activation=output_activation)
    return parse(text, "mlp")


def mlp_text(
    sizes: Sequence[int] | str,
    activation: str = "sigmoid",
    loss: str = "squared_error",
    *,
    bias: bool = True,
    output_activation: str | None = None,
) -> str:
    """The `.bp` text that `mlp` reads."""
    sizes = _layers(sizes)
    activation = _activation(activation)
    loss = _known(loss, LOSSES, "loss")
    brings_its_own = loss in ("cross_entropy", "binary_cross_entropy")
    if output_activation is not None and brings_its_own:
        raise BackproveError(
            f"{loss} brings its own output activation, so {output_activation} cannot stand there"
        )
    last = len(sizes)
    if brings_its_own:
        output = "linear"
    else:
        output = activation if output_activation is None else _activation(output_activation)
    layers = list(zip(range(1, last), sizes, sizes[1:], strict=False))
    named_sum = " with sum(k: y[k]) = 1" if loss == "cross_entropy" else ""
    lines = [
        f"# {'-'.join(map(str, sizes))}, written by a builder",
        f"input  x[{sizes[0]}]",
        f"target y[{sizes[-1]}]{named_sum}",
        "weight " + ", ".join(f"w{n}[{to},{from_}]" for n, from_, to in layers),
    ]
    if bias:
        lines.append("bias   " + ", ".join(f"b{n}[{to}]" for n, _, to in layers))
    lines.append("")
    source = "x"
    for n, _, _ in layers:
        lines.append(
            f"z{n + 1}[i] = sum(j: w{n}[i,j]*{source}[j])" + (f" + b{n}[i]" if bias else "")
        )
        function = output if n + 1 == last else activation
        source = f"h{n + 1}"
        if n + 1 < last or not brings_its_own:
            lines.append(f"{source}[i] = {_applied(function, f'z{n + 1}[i]')}")
    return "\n".join([*lines, *_loss_lines(loss, f"z{last}", source), ""])


def neuron(inputs: int, activation: str = "sigmoid", loss: str = "squared_error") -> Network:
    """One neuron with `inputs` inputs: z = sum(j: w[j]*x[j]) + b."""
    return parse(_neuron_text(inputs, activation, loss), "neuron")


def _neuron_text(inputs: int, activation: str, loss: str) -> str:
    _check_sizes([inputs, 1])
    loss = _known(loss, LOSSES, "loss")
    if loss == "cross_entropy":
        raise BackproveError("one neuron has no softmax", "write binary_cross_entropy")
    if loss == "binary_cross_entropy":
        activation = "sigmoid"
    losses = {
        "squared_error": "(y - h)^2/2",
        "sse": "(y - h)^2",
        "binary_cross_entropy": "-(y*log(h) + (1 - y)*log(1 - h))",
    }
    return "\n".join(
        (
            "# one neuron, written by a builder",
            f"input  x[{inputs}]",
            "target y",
            f"weight w[{inputs}]",
            "bias   b",
            "",
            "z = sum(j: w[j]*x[j]) + b",
            f"h = {_applied(_activation(activation), 'z')}",
            f"loss J = {losses[loss]}",
            "",
        )
    )


def _loss_lines(loss: str, weighted: str, output: str) -> list[str]:
    match loss:
        case "squared_error":
            return [f"loss J = sum(i: (y[i] - {output}[i])^2)/2"]
        case "sse":
            return [f"loss J = sum(i: (y[i] - {output}[i])^2)"]
        case "cross_entropy":
            return [
                f"o[i] = exp({weighted}[i])/sum(k: exp({weighted}[k]))",
                "loss J = -sum(i: y[i]*log(o[i]))",
            ]
        case _:
            return [
                f"{output}[i] = sigmoid({weighted}[i])",
                f"loss J = -sum(i: y[i]*log({output}[i]) + (1 - y[i])*log(1 - {output}[i]))",
            ]


def _applied(function: str, argument: str) -> str:
    return argument if function == "linear" else f"{function}({argument})"


def _activation(name: str) -> str:
    expect("an activation", name, str, "the name of a function, such as 'tanh'")
    if name in LINEAR:
        return "linear"
    return _known(ALIASES.get(name, name), [*FUNCTIONS, "linear"], "activation")


def _known(name: str, names: Iterable[str], what: str) -> str:
    expect(f"the {what}", name, str, "a name")
    choices = [n for n in names if not n.endswith("'")]
    if name in choices:
        return name
    close = get_close_matches(name, choices, 1)
    hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(choices)}"
    raise BackproveError(f"there is no {what} {name!r}", hint)


def _layers(sizes: Sequence[int] | str) -> Sequence[int]:
    """The nodes of each layer, checked."""
    if isinstance(sizes, str):
        if ":" in sizes or "," in sizes:  # all of a builder's word
            word = sizes if ":" in sizes else f"mlp:{sizes}"
            raise BackproveError(
                f"{sizes[:60]!r} says more than the nodes of each layer",
                f"write backprove.load({word[:60]!r}), or the nodes alone, as 784-128-10",
            )
        sizes = _sizes(sizes)
    _check_sizes(sizes)
    return sizes


def _check_sizes(sizes: Sequence[int]) -> None:
    expect("the sizes of the layers", sizes, Sequence, "a list, the input first: [2, 3, 1]")
    if not 2 <= len(sizes) <= MAX_LAYERS:
        raise BackproveError(
            f"a network of {len(sizes)} layers cannot be built",
            "give the nodes of each layer, the input first: mlp:3-3-1",
        )
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_SIZE:
            raise BackproveError(f"a layer has 1 to {MAX_SIZE:,} nodes, not {size!r}")


# -- by name -------------------------------------------------------------------------------

EXAMPLE = "mlp:784-128-10,tanh,squared_error"


def _mlp_spec(sizes: list[int], words: list[str]) -> Network:
    bias, words = _bias(words)
    function, loss = _at_most(words, "sigmoid", "squared_error")
    hidden, _, output = function.partition("/")
    return mlp(sizes, hidden, loss, bias=bias, output_activation=output or None)


def _softmax_spec(sizes: list[int], words: list[str]) -> Network:
    bias, words = _bias(words)
    _at_most(words)
    return mlp(sizes, "linear", "cross_entropy", bias=bias)


def _neuron_spec(sizes: list[int], words: list[str]) -> Network:
    return neuron(_only(sizes), *_at_most(words, "sigmoid", "squared_error"))


def _linear_spec(sizes: list[int], words: list[str]) -> Network:
    return neuron(_only(sizes), "linear", *_at_most(words, "squared_error"))


def _logistic_spec(sizes: list[int], words: list[str]) -> Network:
    _at_most(words)
    return neuron(_only(sizes), "sigmoid", "binary_cross_entropy")


def _bias(words: list[str]) -> tuple[bool, list[str]]:
    """Whether there are biases, and the words without `nobias`."""
    return "nobias" not in words, [word for word in words if word != "nobias"]


def _at_most(words: list[str], *defaults: str) -> list[str]:
    """The words, the defaults in place of those that are missing."""
    if len(words) > len(defaults):
        word = words[len(defaults)]
        close = get_close_matches(word, ("nobias",), 1)
        hint = f"did you mean {close[0]}?" if close else f"write it as in {EXAMPLE}"
        raise BackproveError(f"there is one word too many: {word!r}", hint)
    return [*words, *defaults[len(words) :]]


def _only(sizes: list[int]) -> int:
    if len(sizes) != 1:
        raise BackproveError("one number of inputs is expected here", "write neuron:3")
    return sizes[0]


BUILDERS: Mapping[str, Callable[[list[int], list[str]], Network]] = {
    "mlp": _mlp_spec,
    "neuron": _neuron_spec,
    "linear": _linear_spec,
    "logistic": _logistic_spec,
    "softmax": _softmax_spec,
}
"""What may stand before the colon, such as `mlp:3-3-1,tanh/linear,sse,nobias`,
`neuron:3,relu`, `linear:13`, `logistic:30`, `softmax:64-10`."""

_SPEC = re.compile(r"([A-Za-z_]\w*):(.*)", re.DOTALL)


def is_builder(text: str) -> bool:
    """Whether `text` is meant as a builder and not as a path."""
    return _SPEC.fullmatch(text) is not None and not _is_file(text)


def _is_file(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a sign that none may have
        return False


def load(text: str | Path) -> Network:
    """The network of a `.bp` file, or of a builder such as `mlp:3-3-1,tanh,sse,nobias`.

    `8x3` among the sizes stands for 8-8-8; `tanh/linear` gives the last layer a function of
    its own. Raises BackproveError for what is neither.
    """
    match = _SPEC.fullmatch(str(text))
    if isinstance(text, str) and not _is_file(text):
        if match is not None:
            return _built(match, f" and no file {text!r}")
        _refuse_bare_layers(text)
    return read(text)


def from_text(text: str, file: str = "<text>") -> Network:
    """The network of a `.bp` text, or of a builder that stands alone; never that of a file.

    Raises SourceError or BackproveError as `parse` and `load` do.
    """
    alone = text.strip()
    match = None if "\n" in alone else _SPEC.fullmatch(alone)
    if match is not None:
        return _built(match)
    _refuse_bare_layers(alone)
    return parse(text, file)


def _built(match: re.Match[str], nor: str = "") -> Network:
    name, rest = match.groups()
    if name not in BUILDERS:
        raise BackproveError(
            f"there is no builder {name!r}{nor}",
            f"builders: {', '.join(BUILDERS)}, as in {EXAMPLE}",
        )
    sizes, *words = (word.strip() for word in rest.split(","))
    network = BUILDERS[name](_sizes(sizes), words)
    network.file = match[0]
    return network


_LAYERS = re.compile(r"([0-9]{1,10})(?:x([0-9]{1,5}))?")
_BARE = re.compile(r"[0-9][0-9x]*(?:-[0-9][0-9x]*)+(?:,.*)?")


def _refuse_bare_layers(text: str) -> None:
    """Raise BackproveError for layers without the builder that they are meant for."""
    if _BARE.fullmatch(text):
        shown = text[:60] + "…" * (len(text) > 60)
        raise BackproveError(f"{shown} names layers, but no builder", f"did you mean mlp:{shown}?")


def _sizes(text: str) -> list[int]:
    sizes: list[int] = []
    for word in text.split("-"):
        match = _LAYERS.fullmatch(word.strip())
        if match is None:
            raise BackproveError(
                f"{text[:300]!r} is no list of layers", f"write the nodes of each, as in {EXAMPLE}"
            )
        sizes += [int(match[1])] * int(match[2] or 1)
    return sizes
