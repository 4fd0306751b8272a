"""Where a network lies on a chip, and how reads of qubits become spins again."""

from .placed import Embedding, Placed
from .search import DoesNotFitError, embed

__all__ = ["DoesNotFitError", "Embedding", "Placed", "embed"]
