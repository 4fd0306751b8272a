"""The centring trick: learning as if the mean image were 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import real
from ..network import Bias, Convolution, Dense, Input, Network, Parameters
from .optimizers import Memory, Optimizer

# Of images of a smaller scale the products in single precision are lost.
SMALLEST_SCALE = 1e-12


@dataclass(frozen=True, eq=False)
class Centred:
    """An optimizer that steps as if the image ``centre`` were 0.

    Weights W of the input, dense or of filters, have the gradient of centred images, and the biases b of the
    layer that they lead to are replaced, while it steps, by the field of the centre:

        dE/dW = (x - c) s^T,   b' = b + c W

    with c the centre, or the mean of its windows for filters, whose biases all places must share. The network
    and its energy are the same. Its steps no longer all share the direction of the mean image. (Montavon and
    Müller, "Deep Boltzmann machines and the centering trick", 2012.)

    With a ``scale`` it also steps as if images were divided by it, so that it does not matter how bright they
    are: the weights that it steps are W' = scale W, within its bounds, and their gradient dE/dW / scale.

    Args:
        optimizer: What steps.
        centre: An image ``(num_inputs,)``, such as the mean of all.
        scale: What images are divided by, such as the standard deviation of a pixel.
        still: Inputs that are the same in all images ``(num_inputs,)``; None for none. Their gradient is 0,
            and what rounding makes of it is no direction to go into, which Adam would.
    """

    optimizer: Optimizer
    centre: NDArray[np.float32]
    scale: float = 1.0

    still: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, optimizer: Optimizer, images: NDArray[np.float32], *, standardise: bool = False) -> Self:
        """Steps as if the mean of these images ``(n, num_inputs)`` were 0, and the mean variance of a pixel 1
        if they are to be standardised.

        Raises:
            ValueError: If they are, and all are the same, or nearly.
        """
        # Double precision: sums of many images.
        scale = float(np.sqrt(images.var(axis=0, dtype=np.float64).mean())) if standardise else 1.0
        if not scale:
            raise ValueError("all images are the same, expected some that differ, to scale them by")
        if scale < SMALLEST_SCALE:
            raise ValueError(
                f"the standard deviation of a pixel is {scale:.3g}, expected at least {SMALLEST_SCALE:g}, to"
                " scale images by"
            )
        return cls(optimizer, images.mean(axis=0), scale, (images == images[0]).all(axis=0))

    def __post_init__(self) -> None:
        real("scale", self.scale)

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
        for weights, biases in _weights_and_biases(network):
            if biases in gradient:
                # (x - centre) s^T in place of x s^T, without losing the zeros of x.
                centre = weights.mean_input(self.centre)[None]
                _core.add_outer(gradient[weights.name], centre, -gradient[biases][None], np.inf)
                if self.still is not None:
                    gradient[weights.name][weights.mean_input(np.float32(1) - self.still) == 0] = 0
                if self.scale != 1:
                    gradient[weights.name] /= np.float32(self.scale)
        self._move(network, parameters, 1)
        if self.scale != 1:
            self._multiply(network, parameters, self.scale)
        self.optimizer.step(network, parameters, gradient, memory, update=update, decay=decay)
        self.translate(network, parameters)

    def translate(self, network: Network, parameters: Parameters) -> None:
        """Turns parameters for centred and scaled images into those for images as they are, in place."""
        if self.scale != 1:
            self._multiply(network, parameters, 1 / self.scale)
        self._move(network, parameters, -1)

    def _multiply(self, network: Network, parameters: Parameters, factor: float) -> None:
        for weights, _ in _weights_and_biases(network):
            parameters[weights.name] *= np.float32(factor)

    def _move(self, network: Network, parameters: Parameters, sign: int) -> None:
        """Adds the field of the centre to the biases, times ``sign``."""
        for weights, biases in _weights_and_biases(network):
            centre = sign * weights.mean_input(self.centre)[None]
            parameters[biases] = _core.project(centre, parameters[weights.name], parameters[biases])[0]


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
