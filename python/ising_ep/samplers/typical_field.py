"""The local field of a typical spin, and the inverse temperatures that suit glasses in its units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The first and last inverse temperature of an anneal or a ladder, times the local field of a typical spin.
# Geometric in between it is near the best for lattices, chips, random graphs, ±1 and Gaussian.
HOT, COLD = 1.0, 10.0


def local_squares(
    linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]
) -> tuple[float, NDArray[Any]] | None:
    """The largest |bias|, and h_i^2 + sum_j J_ij^2 of each spin in units of its square; None where all biases
    are 0."""
    largest = max(np.abs(linear).max(initial=0), np.abs(values).max(initial=0))
    if largest == 0:
        return None
    squares = (linear / largest) ** 2
    np.add.at(squares, rows, (values / largest) ** 2)
    np.add.at(squares, cols, (values / largest) ** 2)
    return largest, squares


def typical_field(
    linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]
) -> float:
    """The median of sqrt(h_i^2 + sum_j J_ij^2) over the spins that have any; 1 where there
    is none."""
    found = local_squares(linear, rows, cols, values)
    if found is None:
        return 1.0
    largest, squares = found
    return float(np.clip(largest * np.sqrt(np.median(squares[squares > 0])), 1e-300, 1e300))
