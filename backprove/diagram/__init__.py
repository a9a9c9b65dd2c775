"""A network as a drawing of neurons and edges; `paths` holds the ways through it to the loss."""

from .structure import Aside, Diagram, Edge, Family, Group, Neuron, diagram

__all__ = ["Aside", "Diagram", "Edge", "Family", "Group", "Neuron", "diagram"]
