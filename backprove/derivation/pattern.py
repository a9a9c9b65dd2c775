"""What the backward pass of a network comes to in words, where all of it is alike."""

from __future__ import annotations

from collections.abc import Iterable

from ..expr import Apply, Reduce, Ref, walk
from ..network import Equation, Network, adjoint
from ..rewrite import Sentence
from ..roles import roles


def pattern_of(network: Network, gradients: Iterable[Equation]) -> list[Sentence]:
    """What all hidden neurons and all weights have in common, in words; none where they differ.

    They have it in common where each weight is used in one weighted input, and each hidden
    activation feeds weighted inputs only.
    """
    kinds = {name: (role.kind, role.also) for name, role in roles(network).items()}
    sums = {name for name, kind in kinds.items() if {"weighted input", "dot product"} & {*kind}}
    weights = [q.name for q in network.of_kind("weight")]
    # a file may call an input an activation, too: it is made by no equation
    hidden = [n for n, kind in kinds.items() if kind[0] == "activation" and n in network.equations]
    alike = all(len(network.consumers[w]) == 1 and sums.issuperset(network.consumers[w])
                for w in weights)  # fmt: skip
    arguments = []
    for name in hidden:
        right = network.equations[name].right
        if not (isinstance(right, Apply) and isinstance(right.argument, Ref)):
            return []
        arguments.append(right.argument)
        alike = alike and sums.issuperset(network.consumers[name])
    if not arguments or not weights or not alike:
        return []
    added = any(isinstance(part, Reduce) for e in gradients for part in walk(e.right))
    return [
        ("At a hidden neuron, the adjoint (as ", adjoint(arguments[-1]), ") is the sum over the "
         "neurons to its right of the weight that leads there times the adjoint there, times the "
         "slope of the activation here. At the output it follows from the loss.",),
        ("The gradient of a weight is the adjoint of the neuron to which it leads, times what the "
         "weight is multiplied by. The gradient of a bias is its neuron's adjoint."
         + " Both are added over all uses." * added,),
    ]  # fmt: skip
