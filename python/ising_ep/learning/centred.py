"""The centring trick: learning as if the mean image were 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..network import Bias, Convolution, Dense, Input, Network, Parameters
from .optimizers import Memory, Optimizer


@dataclass(frozen=True, eq=False)
class Centred:
    """An optimizer that steps as if the image ``centre`` were 0.

    Weights W of the input, dense or of filters, have the gradient of centred images, and the biases b of the
    layer that they lead to are replaced, while it steps, by the field of the centre:

        dE/dW = (x - c) s^T,   b' = b + c W

    with c the centre, or the mean of its windows for filters, whose biases all places must share. The network
    and its energy are the same. Its steps no longer all share the direction of the mean image. (Montavon and
    Müller, "Deep Boltzmann machines and the centering trick", 2012.)

    Args:
        optimizer: What steps.
        centre: An image ``(num_inputs,)``, such as the mean of all.
    """

    optimizer: Optimizer
    centre: NDArray[np.float32]

    def check(self, network: Network, nudge: float) -> None:
        """See `Optimizer.check`: the input must act through weights, on layers that have biases."""
        taking = [each for each in network.interactions if isinstance(each.before, Input)]
        if len(_weights_and_biases(network)) < len(taking):
            raise ValueError("centre is an image, but the network has no biases of the first layer, b0")
        if self.centre.shape != (network.num_inputs,):
            raise ValueError(f"centre has shape {self.centre.shape}, expected {(network.num_inputs,)}")
        self.optimizer.check(network, nudge)

    def step(
        self,
        network: Network,
        parameters: Parameters,
        gradient: Parameters,
        memory: Memory | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """See `Optimizer.step`."""
        both = _weights_and_biases(network)
        centres = [weights.mean_input(self.centre)[None] for weights, _ in both]
        for (weights, biases), centre in zip(both, centres, strict=True):
            if biases in gradient:
                # (x - centre) s^T in place of x s^T, without losing the zeros of x.
                _core.add_outer(gradient[weights.name], centre, -gradient[biases][None], np.inf)
            parameters[biases] = _core.project(centre, parameters[weights.name], parameters[biases])[0]
        self.optimizer.step(network, parameters, gradient, memory, update=update, decay=decay)
        for (weights, biases), centre in zip(both, centres, strict=True):
            parameters[biases] = _core.project(-centre, parameters[weights.name], parameters[biases])[0]


def _weights_and_biases(network: Network) -> list[tuple[Dense | Convolution, str]]:
    """The weights of the input, each with the name of the biases of its layer: those that places share for
    filters, which share their weights."""
    biases = {(each.after, each.shared): each.name for each in network.interactions if isinstance(each, Bias)}
    return [
        (each, biases[each.after, isinstance(each, Convolution)])
        for each in network.interactions
        if isinstance(each, Dense | Convolution)
        and isinstance(each.before, Input)
        and (each.after, isinstance(each, Convolution)) in biases
    ]
