"""Annealing schedules: the inverse temperature of every sweep, or the two scales of a quantum annealer.

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
    return _back_and_forth(forward(num_sweeps, beta_range), fraction)


def quantum_forward(num_sweeps: int, gamma: float) -> NDArray[np.float64]:
    """A quantum anneal ``(num_sweeps, 2)``: transverse field and scale of the problem in each sweep.

    With s from 0 to 1 in equal steps the field is ``gamma (1 - s)``, the scale ``s``: a straight line for
    the curves A(s) and B(s) of a D-Wave chip.

    Args:
        num_sweeps: Number of sweeps, at least 2.
        gamma: Transverse field at s = 0, in units of the problem's energies, finite, > 0.

    Raises:
        ValueError: If one of them is out of range.

    Example:
        >>> quantum_forward(3, 4.0)
        array([[4. , 0. ],
               [2. , 0.5],
               [0. , 1. ]])
    """
    if not 0 < gamma < np.inf:
        raise ValueError(f"gamma is {gamma}, expected a finite number > 0")
    if num_sweeps < 2:
        raise ValueError(f"num_sweeps is {num_sweeps}, expected at least 2")
    s = np.linspace(0, 1, num_sweeps)
    return np.stack((gamma * (1 - s), s), axis=1)


def quantum_reverse(num_sweeps: int, gamma: float, fraction: float = 0.25) -> NDArray[np.float64]:
    """The quantum anneal from its end, s = 1, back to s = ``fraction``, and forth again.

    Its sweeps are those of ``reverse``: with 100 and 0.25, 75 back and 74 forth.

    Args:
        num_sweeps: Number of sweeps of the forward anneal, at least 2.
        gamma: Transverse field at s = 0, in units of the problem's energies, finite, > 0.
        fraction: The s to turn at, from 0 (all is forgotten) to 1 (only the last sweep).

    Raises:
        ValueError: If one of them is out of range.

    Example:
        >>> quantum_reverse(3, 4.0, fraction=0.5)
        array([[0. , 1. ],
               [2. , 0.5],
               [0. , 1. ]])
    """
    return _back_and_forth(quantum_forward(num_sweeps, gamma), fraction)


def _back_and_forth(schedule: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}, expected 0 to 1")
    turn = min(int(fraction * len(schedule)), len(schedule) - 1)
    return np.concatenate([schedule[turn:][::-1], schedule[turn + 1 :]])
