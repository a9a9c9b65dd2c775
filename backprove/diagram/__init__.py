"""A network as a drawing of neurons and edges, and the paths through it to the loss."""

from .paths import Link, Path, Paths, paths
from .structure import Diagram, Edge, Family, Group, Neuron, diagram

__all__ = [
    "Diagram",
    "Edge",
    "Family",
    "Group",
    "Link",
    "Neuron",
    "Path",
    "Paths",
    "diagram",
    "paths",
]
