"""Reads in bits, and what they stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spins(bits: NDArray[np.uint8], num_spins: int) -> NDArray[np.int8]:
    """States (..., num_spins) of -1 and +1 of rows of bits (..., ceil(num_spins / 8))."""
    return 2 * np.unpackbits(bits, axis=-1, count=num_spins).view(np.int8) - 1


def packed(states: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Rows of bits of states (..., num_spins)."""
    return np.packbits(states > 0, axis=-1)
