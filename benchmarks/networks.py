"""Random small networks: layers, residual blocks, scalar graphs; mixed activations and losses."""

from __future__ import annotations

from random import Random

from backprove.expr import Ref
from backprove.language import parse
from backprove.network import Network

ACTIVATIONS = ("sigmoid", "tanh", "relu", "softplus", "silu", "elu", "leaky_relu", "sin", "linear")
LOSSES = ("squared", "sse", "mean", "cross_entropy", "binary", "ridge")


def network_of(number: int, seed: int = 0) -> tuple[Network, Ref]:
    """A network and a component that is asked for; the same for the same number and seed."""
    random = Random(f"{seed}/{number}")
    text = scalar_graph(random) if number % 5 == 4 else layers(random)
    network = parse(text, f"network {number}")
    return network, asked(network, random)


def layers(random: Random) -> str:
    """A network of 1 to 4 layers, some with a residual connection or an abstract activation."""
    depth = random.randint(1, 4)
    widths = [random.randint(1, 3) for _ in range(depth + 1)]
    loss = random.choice(LOSSES)
    if loss == "cross_entropy":
        widths[-1] = random.randint(2, 3)
    biases = random.random() < 0.7
    abstract = random.random() < 0.15
    lines = [f"input x[{widths[0]}]"]
    promise = " with sum(k: y[k]) = 1" if loss == "cross_entropy" else ""
    lines.append(f"target y[{widths[-1]}]{promise}")
    shapes = ", ".join(f"w{n}[{widths[n]},{widths[n - 1]}]" for n in range(1, depth + 1))
    lines.append(f"weight {shapes}")
    if biases:
        lines.append("bias " + ", ".join(f"b{n}[{widths[n]}]" for n in range(1, depth + 1)))
    if abstract:
        lines.append("function g")
    if loss == "ridge":
        lines.append("constant lam")
    source = "x"
    for n in range(1, depth + 1):
        bias = f" + b{n}[i]" if biases else ""
        lines.append(f"z{n}[i] = sum(j: w{n}[i,j]*{source}[j]){bias}")
        last = n == depth
        if last and loss in ("cross_entropy", "binary"):
            break
        name = "g" if abstract else random.choice(ACTIVATIONS)
        applied = f"z{n}[i]" if name == "linear" else f"{name}(z{n}[i])"
        if widths[n] == widths[n - 1] and random.random() < 0.3:
            applied += f" + {source}[i]"
        lines.append(f"h{n}[i] = {applied}")
        source = f"h{n}"
    lines += _loss(loss, f"z{depth}", source, widths[-1])
    return "\n".join(lines) + "\n"


def _loss(loss: str, weighted: str, output: str, width: int) -> list[str]:
    square = f"sum(i: (y[i] - {output}[i])^2)"
    match loss:
        case "squared":
            return [f"loss J = {square}/2"]
        case "sse":
            return [f"loss J = {square}"]
        case "mean":
            return [f"loss J = {square}/{width}"]
        case "ridge":
            return [f"loss J = {square}/2 + lam*sum(i,j: w1[i,j]^2)"]
        case "cross_entropy":
            return [
                f"o[i] = exp({weighted}[i])/sum(k: exp({weighted}[k]))",
                "loss J = -sum(i: y[i]*log(o[i]))",
            ]
        case _:
            return [
                f"o[i] = sigmoid({weighted}[i])",
                "loss J = -sum(i: y[i]*log(o[i]) + (1 - y[i])*log(1 - o[i]))",
            ]


def scalar_graph(random: Random) -> str:
    """Two inputs, two hidden neurons, one or two outputs, one letter and number a quantity."""
    outputs = random.randint(1, 2)
    hidden = random.choice(("sigmoid", "tanh", "f"))
    last = random.choice(("sigmoid", "tanh", "linear"))
    lines = ["input x1, x2"]
    lines.append("target " + ", ".join(f"y{k}" for k in range(1, outputs + 1)))
    lines.append("weight " + ", ".join(f"w{k}" for k in range(1, 5 + 2 * outputs)))
    lines.append("bias b1, b2")
    if hidden == "f":
        lines.append("function f with derivative t")
    lines += [
        "d1 = w1*x1 + w2*x2 + b1",
        "d2 = w3*x1 + w4*x2 + b1",
        f"h1 = {hidden}(d1)",
        f"h2 = {hidden}(d2)",
    ]
    for k in range(1, outputs + 1):
        lines.append(f"s{k} = w{3 + 2 * k}*h1 + w{4 + 2 * k}*h2 + b2")
        lines.append(f"o{k} = " + (f"s{k}" if last == "linear" else f"{last}(s{k})"))
    terms = " + ".join(f"(o{k} - y{k})^2" for k in range(1, outputs + 1))
    lines.append(f"loss E = ({terms})/2")
    return "\n".join(lines) + "\n"


def asked(network: Network, random: Random) -> Ref:
    """A weight most often, else a bias, an input or a computed quantity."""
    kinds = ("weight", "weight", "weight", "bias", "computed", "input")
    while True:
        kind = random.choice(kinds)
        rows = [
            q
            for q in network.quantities.values()
            if q.kind == kind and q.name in network.live and q.name != network.loss
            and not q.hidden
        ]  # fmt: skip
        if rows:
            break
    quantity = random.choice(rows)
    literal = random.random() < 0.5
    return Ref(quantity.name, tuple(
        random.randint(1, network.length(size) or 2) if literal else letter
        for size, letter in zip(quantity.shape, "ij", strict=False)
    ))  # fmt: skip
