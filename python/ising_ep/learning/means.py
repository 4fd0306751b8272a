"""Means of spins given their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network import Couplings
from ..samplers.couplings import prepared

# An inverse temperature at which every field is either 0 or decides.
COLDEST = 1e30


def conditional_means(
    couplings: Couplings,
    fields: NDArray[np.float32],
    states: NDArray[np.int8],
    beta: NDArray[np.float32],
    num_threads: int | None = None,
) -> NDArray[np.float32]:
    """Mean of each spin of each read given all others, at an inverse temperature:

        m_i = tanh(-beta f_i),   f_i = h_i + sum_j J_ij s_j

    Args:
        couplings: ``(rows, cols, values)`` of J.
        fields: Fields h ``(batch, spins)``.
        states: ``(batch, reads, spins)``.
        beta: The inverse temperature for each problem ``(batch,)``, not negative. Where it is infinite a mean
            is the sign of -f.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Returns:
        ``(batch, reads, spins)``.

    Raises:
        ValueError: If beta is negative: a machine whose spins stand against their fields learns nothing.

    Example:
        >>> couplings = np.array([0]), np.array([1]), np.array([-1.0])
        >>> fields, states = np.zeros((1, 2), dtype=np.float32), np.ones((1, 1, 2), dtype=np.int8)
        >>> conditional_means(couplings, fields, states, np.array([0.5])).round(3)
        array([[[0.462, 0.462]]], dtype=float32)
    """
    if not (beta >= 0).all():
        raise ValueError(f"the inverse temperature of reads is {beta.min():g}, expected at least 0")
    means = prepared(couplings).model(fields.shape[1]).fields(states, fields, num_threads=num_threads)
    # Infinity times a field of 0 would be no number.
    means *= -np.minimum(beta, COLDEST).astype(np.float32)[:, None, None]
    return np.tanh(means, out=means)
