"""The centring trick: learning as if the mean image were 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..network import Bias, Dense, Input, Network, Parameters
from .optimizers import Memory, Optimizer


@dataclass(frozen=True, eq=False)
class Centred:
    """An optimizer that steps as if the image ``centre`` were 0.

    Dense weights W of the input have the gradient of centred images, and the biases b of the layer that they
    lead to are replaced, while it steps, by the field of the centre:

        dE/dW = (x - centre) s^T,   b' = b + centre W

    The network and its energy are the same. Its steps no longer all share the direction of the mean image.
    (Montavon and Müller, "Deep Boltzmann machines and the centering trick", 2012.)

    Args:
        optimizer: What steps.
        centre: An image ``(num_inputs,)``, such as the mean of all.
    """

    optimizer: Optimizer
    centre: NDArray[np.float32]

    def check(self, network: Network, nudge: float) -> None:
        """See `Optimizer.check`: the input must act through dense weights, on layers that have biases."""
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
        for weights, biases in both:
            if biases in gradient:
                # (x - centre) s^T in place of x s^T, without losing the zeros of x.
                _core.add_outer(gradient[weights], self.centre[None], -gradient[biases][None], np.inf)
            parameters[biases] = _core.project(self.centre[None], parameters[weights], parameters[biases])[0]
        self.optimizer.step(network, parameters, gradient, memory, update=update, decay=decay)
        for weights, biases in both:
            parameters[biases] = _core.project(-self.centre[None], parameters[weights], parameters[biases])[0]


def _weights_and_biases(network: Network) -> list[tuple[str, str]]:
    """Names of the dense weights of the input, each with the biases of its layer."""
    biases = {
        each.after: each.name for each in network.interactions if isinstance(each, Bias) and not each.shared
    }
    return [
        (each.name, biases[each.after])
        for each in network.interactions
        if isinstance(each, Dense) and isinstance(each.before, Input) and each.after in biases
    ]
