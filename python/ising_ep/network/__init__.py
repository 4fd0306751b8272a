"""Networks of spins: layers, the interactions that make up the energy, and where the input acts."""

from .comparison import Comparison
from .convolution import Convolution
from .convolutional import Convolutional
from .deep_convolutional import DeepConvolutional
from .dense import Bias, Dense, Lateral
from .fixed import AveragePool, Clamp, Skip
from .form import DataForm
from .fully_connected import FullyConnected
from .interaction import Interaction
from .layer import Input, Layer, stack
from .network import Network
from .parameters import Couplings, Kind, Parameters, ParameterSpec
from .reads import STATISTICS, Reads, Statistic
from .windows import count_places

__all__ = [
    "STATISTICS",
    "AveragePool",
    "Bias",
    "Clamp",
    "Comparison",
    "Convolution",
    "Convolutional",
    "Couplings",
    "DataForm",
    "DeepConvolutional",
    "Dense",
    "FullyConnected",
    "Input",
    "Interaction",
    "Kind",
    "Lateral",
    "Layer",
    "Network",
    "ParameterSpec",
    "Parameters",
    "Reads",
    "Skip",
    "Statistic",
    "count_places",
    "stack",
]
