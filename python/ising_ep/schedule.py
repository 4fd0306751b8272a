"""Annealing schedules: the inverse temperature of every sweep.

A forward anneal goes from hot to cold. A reverse anneal starts cold, from a given state, goes back to a
fraction of the forward schedule, and forth again, so that the state is shaken but not forgotten.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def forward(num_sweeps: int, beta_range: tuple[float, float]) -> NDArray[np.float64]:
    """Inverse temperatures ``(num_sweeps,)`` in geometric steps from hot to cold.

    Args:
        num_sweeps: Number of sweeps, at least 1.
        beta_range: Hot and cold inverse temperature, in units of 1/energy, ``0 < hot <= cold``.

    Raises:
        ValueError: If one of them is out of range.

    Example:
        >>> forward(3, (0.1, 10.0))
        array([ 0.1,  1. , 10. ])
    """
    hot, cold = beta_range
    if not 0 < hot <= cold < np.inf:
        raise ValueError(f"beta_range is {beta_range}, expected 0 < hot <= cold")
    if num_sweeps < 1:
        raise ValueError(f"num_sweeps is {num_sweeps}, expected at least 1")
    return np.geomspace(hot, cold, num_sweeps)


def reverse(num_sweeps: int, beta_range: tuple[float, float], fraction: float = 0.25) -> NDArray[np.float64]:
    """The forward schedule from its cold end back to ``fraction`` of it, and forth again.

    With the paper's 100 sweeps and ``fraction`` 0.25 that is 75 sweeps back and 74 forth, as in its
    published code.

    Args:
        num_sweeps: Number of sweeps of the forward schedule.
        beta_range: Hot and cold inverse temperature of the forward schedule.
        fraction: Where to turn, from 0 (the hot end: all is forgotten) to 1 (only the coldest sweep).

    Raises:
        ValueError: If one of them is out of range.

    Example:
        >>> reverse(3, (0.1, 10.0), fraction=0.5)
        array([10.,  1., 10.])
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}, expected 0 to 1")
    betas = forward(num_sweeps, beta_range)
    turn = min(int(fraction * num_sweeps), num_sweeps - 1)
    return np.concatenate([betas[turn:][::-1], betas[turn + 1 :]])
