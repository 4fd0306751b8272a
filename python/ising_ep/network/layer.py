"""Layers of spins, and the input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..checks import are_sizes, short


class _Array:
    """Base class of layers and the input: an array with a shape."""

    name: str
    shape: tuple[int, ...]
    start: int

    def __post_init__(self) -> None:
        if not are_sizes(self.shape):
            raise ValueError(
                f"{self.name} has shape {short(self.shape)}, expected one integer or more, each at least 1"
            )
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))

    @property
    def size(self) -> int:
        """Number of inputs, or of spins."""
        return math.prod(self.shape)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Height, width and channels: what is no image has one place, and channels alone."""
        return self.shape if len(self.shape) == 3 else (1, 1, self.size)

    @property
    def indices(self) -> NDArray[np.int64]:
        """Place of each in a row of the data, or in a state: int64 ``(size,)``."""
        return np.arange(self.start, self.start + self.size, dtype=np.int64)


@dataclass(frozen=True)
class Input(_Array):
    """The input of a network: numbers that act as fields on the spins. They are no spins themselves.

    Args:
        shape: Such as ``(784,)``, or ``(height, width, channels)`` of an image. A row of the data is its
            flattened array.

    Raises:
        ValueError: If a number is no integer of at least 1.
    """

    shape: tuple[int, ...]
    name: ClassVar[str] = "input"  # type: ignore[misc]
    start: ClassVar[int] = 0  # type: ignore[misc]


@dataclass(frozen=True)
class Layer(_Array):
    """Spins of a network that stand next to each other in a state.

    Args:
        name: Its name in messages.
        shape: Such as ``(120,)``, or ``(height, width, channels)``.
        start: Place of its first spin in a state. `stack` works it out.

    Raises:
        ValueError: If a number is no integer of at least 1.

    Example:
        >>> hidden, output = stack(hidden=(4, 4, 2), output=(10,))
        >>> hidden.size, output.spins
        (32, slice(32, 42, None))
    """

    name: str
    shape: tuple[int, ...]
    start: int = 0

    @property
    def spins(self) -> slice:
        """Slice of the spins in a state."""
        return slice(self.start, self.start + self.size)


def stack(**shapes: tuple[int, ...]) -> tuple[Layer, ...]:
    """Lays layers of these shapes one after the other."""
    layers: list[Layer] = []
    for name, shape in shapes.items():
        start = layers[-1].spins.stop if layers else 0
        layers.append(Layer(name, shape, start))
    return tuple(layers)
