"""The scikit-learn face: `EPClassifier`."""

from .classifier import EPClassifier

__all__ = ["EPClassifier"]
