"""Graphs of neurons: any acyclic graph, read from where it lies, evaluated, trained, explained."""

from .explaining import Explanation
from .network import Evaluation, GraphNetwork, from_graph

__all__ = ["Evaluation", "Explanation", "GraphNetwork", "from_graph"]
