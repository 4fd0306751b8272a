"""The scikit-learn face: `EPClassifier`."""

from ..extras import PLAIN, needing

with needing(PLAIN, "EPClassifier"):
    from .classifier import EPClassifier

__all__ = ["EPClassifier"]
