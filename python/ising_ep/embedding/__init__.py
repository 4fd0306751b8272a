"""Embeds networks on a chip, and turns reads of qubits into spins again."""

from .placed import Embedding, Placed
from .search import DoesNotFitError, embed

__all__ = ["DoesNotFitError", "Embedding", "Placed", "embed"]
