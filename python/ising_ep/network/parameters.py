"""Parameters of a network: their arrays, and what each of them is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..checks import instance, real

Parameters = dict[str, NDArray[np.float32]]
Couplings = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Kind(Enum):
    """Role of a parameter in the energy. Learning rate, weight decay and initial values depend on it."""

    INPUT = "weight of an input"
    COUPLING = "coupling"
    BIAS = "bias"


# Initial size of a weight times the root of its fan-in: the paper's gains for W0 and for all further layers.
GAINS = {Kind.INPUT: 0.5, Kind.COUPLING: 0.25, Kind.BIAS: 0.0}


@dataclass(frozen=True)
class ParameterSpec:
    """Shape, role and initial values of a parameter of a network.

    Attributes:
        shape: Shape of its array.
        kind: Its part in the energy.
        gain: Initial size, times the root of the fan-in; 0 begins at 0. None takes that of `GAINS`.
        fan_in: Number of terms that add up in a spin.
        around: What initial values lie around.

    Raises:
        TypeError: If the kind is no `Kind` or the gain no number.
        ValueError: If the gain is not finite.
    """

    shape: tuple[int, ...]
    kind: Kind
    gain: float | None = None
    fan_in: int = 1
    around: float = 0.0

    def __post_init__(self) -> None:
        instance("the kind of a parameter", self.kind, Kind)
        if self.gain is not None and not math.isfinite(real("the gain of a parameter", self.gain)):
            raise ValueError(f"the gain of a parameter is {self.gain}, expected a finite number")
        if not math.isfinite(real("what initial values lie around", self.around)):
            raise ValueError(f"initial values lie around {self.around}, expected a finite number")

    def draw(self, rng: np.random.Generator, levels: tuple[int, int] = (-1, 1)) -> NDArray[np.float32]:
        """Draws first values, ``around`` and uniform in ±gain/sqrt(fan_in), for spins of these two values.

        With levels 0 and 1 a coupling contributes a quarter, and a field half, of what it does with -1 and 1.
        The gains are scaled up to compensate.
        """
        gain = GAINS[self.kind] if self.gain is None else self.gain
        if not gain:
            return np.full(self.shape, self.around, dtype=np.float32)
        spread = (levels[1] - levels[0]) / 2
        gain /= spread**2 if self.kind is Kind.COUPLING else spread
        values: NDArray[np.float64] = rng.uniform(-1, 1, self.shape) * gain / np.sqrt(self.fan_in)
        return (self.around + values).astype(np.float32)
