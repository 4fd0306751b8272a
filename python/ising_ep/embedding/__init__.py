"""Where a network lies on a chip, and how reads of qubits become spins again."""

from .search import DoesNotFitError, Embedding, embed

__all__ = ["DoesNotFitError", "Embedding", "embed"]
