"""A network's forward pass, loss and gradients as standalone source: C, NumPy, PyTorch, JAX."""

from .standalone import TARGETS, standalone

__all__ = ["TARGETS", "standalone"]
