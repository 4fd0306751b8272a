"""Architectures: which spins exist, and which parameter sits on which coupling or field."""

from .convolutional import Convolutional
from .form import DataForm
from .fully_connected import Couplings, FullyConnected, Network, Parameters

__all__ = ["Convolutional", "Couplings", "DataForm", "FullyConnected", "Network", "Parameters"]
