"""A network as `.bp` text: what `parse` reads back to equal equations."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ..expr import Apply, Expr, Ref, plain
from ..functions import Function
from ..network import ARGUMENT, Equation, Network, Quantity, Value
from .names import ROLES


def source_text(network: Network) -> str:
    """The network in the language. `parse(source_text(n))` has n's equations and values."""
    lines = [*_sizes(network), *_functions(network), *_declarations(network), *_roles(network)]
    lines += ["", *(_equation(network, e) for e in network.equations.values() if not _hidden(e))]
    return "\n".join(lines) + "\n"


def _sizes(network: Network) -> Iterator[str]:
    for name, length in network.sizes.items():
        yield f"size {name}" + ("" if length is None else f" = {length}")


def _functions(network: Network) -> Iterator[str]:
    for function in network.own_functions.values():
        yield f"function {_function(function)}"


def _function(function: Function) -> str:
    if function.definition is not None:
        return f"{function.name}(u) = {plain(function.definition)}"
    if function.named_derivative:
        return f"{function.name} with derivative {function.named_derivative}"
    return function.name


def _declarations(network: Network) -> Iterator[str]:
    """One line for each row of quantities of one kind, in order."""
    kind, row = "", list[str]()
    for quantity in network.quantities.values():
        if quantity.kind == "computed" or quantity.name in network.sizes:
            continue
        if quantity.kind != kind and row:
            yield f"{kind} {', '.join(row)}"
            row = []
        kind = quantity.kind
        row.append(_item(network, quantity))
    if row:
        yield f"{kind} {', '.join(row)}"


def _item(network: Network, quantity: Quantity) -> str:
    text = quantity.name
    if quantity.shape:
        text += f"[{','.join(map(str, quantity.shape))}]"
    if quantity.value is not None:
        text += f" = {_value(quantity.value)}"
    for constraint in network.constraints:
        if constraint.target == quantity.name:
            text += f" with {plain(constraint.left)} = {plain(constraint.right)}"
    return text


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(part) for part in value)}]"
    return exact_decimal(value)


def exact_decimal(value: Fraction) -> str:
    """A number as the decimal that it is, or as a fraction where it has no finite one."""
    rest, places = value.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    if rest != 1 or places > 60:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    whole, part = digits[: len(digits) - places], digits[len(digits) - places :]
    return sign + whole + (f".{part}" if part.rstrip("0") else "")


def _roles(network: Network) -> Iterator[str]:
    for name, says in network.declared_roles.items():
        role = max((r for r in ROLES if says.startswith(r)), key=len)
        layer = says[len(role) :].strip()
        yield f"role {name} = {role}" + (f" {{{layer}}}" if layer else "")


def _hidden(equation: Equation) -> bool:
    return equation.name.endswith(ARGUMENT)


def _equation(network: Network, equation: Equation) -> str:
    right: Expr = equation.right
    if isinstance(right, Apply) and isinstance(right.argument, Ref):
        argument = right.argument
        if argument.name.endswith(ARGUMENT):
            right = Apply(right.function, network.definition(argument))
    loss = "loss " if equation.name == network.loss else ""
    return f"{loss}{plain(equation.left)} = {plain(right)}"
