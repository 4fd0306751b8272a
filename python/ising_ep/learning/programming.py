"""Programming: what of the parameters a machine is given, rounded to few bits and with errors.

The parameters that are learned stay in single precision: a step is far smaller than the distance of two
levels, and many of them must add up before a rounded number moves. The phases run with what the machine
holds, and the gradient that they measure steps the parameters as they are (the *straight-through estimator*:
Bengio, Léonard, Courville 2013, https://arxiv.org/abs/1308.3432; weights of few bits: Hubara et al. 2018,
https://arxiv.org/abs/1609.07061).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, real
from ..network import Kind, Network, Parameters
from .optimizers import PARAMETER_LIMIT

# Bits of a number with a sign: 1 would leave it 0. Single precision has 24.
FEWEST_BITS, MOST_BITS = 2, 16


def rounded(values: NDArray[np.float32], bits: int, limit: float = PARAMETER_LIMIT) -> NDArray[np.float32]:
    """Round numbers to the 2^bits - 1 levels of equal distance from -limit to limit, 0 among them.

    What is beyond the ends of the scale comes to its end.

    Example:
        >>> rounded(np.array([-3, -0.4, 0.2, 0.6], dtype=np.float32), 3).round(3)
        array([-1.   , -0.333,  0.333,  0.667], dtype=float32)
    """
    steps = 2 ** (bits - 1) - 1
    found: NDArray[np.float32] = np.rint(np.clip(values / limit, -1, 1) * steps) * (limit / steps)
    return found.astype(np.float32)


@dataclass(frozen=True)
class Programming:
    """What a machine is programmed with in the place of a network's parameters.

    Weights and biases of few bits have one scale, from -1 to 1. (A machine that rounds the fields and
    couplings that it is given, as a chip does, does so besides: `machines.chip_model`.)

    Args:
        bits: Bits of each weight and bias, 2 to 16 (`rounded`); None leaves them as they are.
        noise: Standard deviation of Gaussian errors of each weight and bias while learning, 0 to 1.

    Raises:
        ValueError: If one is out of its range.
        TypeError: If one is no number.

    Example:
        >>> held = Programming(bits=2).held({"b0": np.array([-0.7, 0.2], dtype=np.float32)})
        >>> held["b0"].tolist()
        [-1.0, 0.0]
    """

    bits: int | None = None
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.bits is not None:
            integer("bits", self.bits, FEWEST_BITS, MOST_BITS)
        if not 0 <= real("noise", self.noise) <= 1:
            raise ValueError(f"noise is {self.noise}, expected 0 to 1")

    def held(self, parameters: Parameters) -> Parameters:
        """The parameters as a machine without errors holds them, rounded."""
        if self.bits is None:
            return parameters
        return {name: rounded(value, self.bits) for name, value in parameters.items()}

    def with_errors(self, network: Network, parameters: Parameters, seed: Sequence[int]) -> Parameters:
        """The parameters as they are `held`, each with an error that is drawn from the seed.

        Couplings keep within the bounds of a chip's, errors included.
        """
        held = self.held(parameters)
        if not self.noise:
            return held
        rng = np.random.default_rng(seed)
        found: Parameters = {}
        # The order of the network: parameters from a checkpoint come in another.
        for name, spec in network.parameters.items():
            errors = np.float32(self.noise) * rng.standard_normal(spec.shape, dtype=np.float32)
            found[name] = held[name] + errors
            if spec.kind is Kind.COUPLING:
                np.clip(found[name], -PARAMETER_LIMIT, PARAMETER_LIMIT, out=found[name])
        return found

    def bound(self, parameters: Parameters) -> None:
        """Ends parameters of few bits at the ends of their scale, in place.

        Optimizers bound parameters too, but with a centre the bias that they bound is another one. One far
        beyond the scale would take many steps to come back to it.
        """
        if self.bits is not None:
            for value in parameters.values():
                np.clip(value, -PARAMETER_LIMIT, PARAMETER_LIMIT, out=value)


EXACT = Programming()
"""The parameters themselves."""
