"""An oscillator Ising machine: phases of coupled oscillators, locked by injection at twice their frequency.

After Wang and Roychowdhury, "OIM: Oscillator-based Ising Machines for Solving Combinatorial Optimisation
Problems", UCNC 2019, https://arxiv.org/abs/1903.07163; with equilibrium propagation Gower, "How to Train an
Oscillator Ising Machine using Equilibrium Propagation", https://arxiv.org/abs/2505.02103, who contrasts the
phases themselves where this, for the sake of comparison, contrasts spins. In the frame that turns with the
oscillators the phases obey

    dphi_i/dt = sum_j J_ij sin(phi_i - phi_j) + h_i sin(phi_i) - K_s sin(2 phi_i) + noise

which goes down the slope of ``sum_{i<j} J_ij cos(phi_i - phi_j) + sum_i h_i cos(phi_i) - K_s/2 sum_i cos(2
phi_i)``: the energy of spins, where all phases are 0 (up) or pi (down), as the injected second harmonic K_s
wants them. A field is a coupling to a reference of phase 0. In steps, K_s rising from 0:

    phi_i <- phi_i + gain (sum_j J_ij sin(phi_i - phi_j) + h_i sin(phi_i)) - K_t sin(2 phi_i) + sigma_t xi_i

The spin is the sign of ``cos(phi_i)``.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from ..checks import real, steps
from .dynamics import DynamicalMachine, DynamicalSettings, Gain, NoiseRange, NumSteps

# Half turns: phases begin anywhere, and with given spins nearby, since exactly there nothing turns them.
START = 1.0, 0.05


class OscillatorMachine(DynamicalMachine):
    """See the module, and `DynamicalMachine` for the nudge phase and what is not said here.

    Args:
        num_reads: Runs of each problem.
        num_steps: Steps of a free phase.
        gain: Radians that a coupling or field of 1 turns a phase by in a step, at most. Where it
            times a spin's local field is beyond 2, the phase overshoots in a step further than it was off.
        noise_range: Standard deviation sigma of the noise in the first step and in the last, in radians.
        injection: K_t at the end of a free phase, in radians.
        reverse_fraction: A nudge begins with the injection and noise that there are at this fraction of a
            free phase.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import numpy as np
        >>> chain = np.array([0, 1]), np.array([1, 2]), np.array([-1.0, 1.0])
        >>> fields = np.array([[-0.3, 0.0, 0.0]], dtype=np.float32)
        >>> ids = np.zeros(1, dtype=np.uint32)
        >>> reads = OscillatorMachine().sample(chain, fields, seed=1, problem_ids=ids)
        >>> reads.lowest().tolist(), round(float(reads.energies.min()), 6)
        ([[1, 1, -1]], -2.3)
    """

    def __init__(
        self,
        *,
        num_reads: int = 10,
        num_steps: int = 200,
        gain: float = 0.5,
        noise_range: tuple[float, float] = (0.6, 0.0),
        injection: float = 0.1,
        reverse_fraction: float = 0.25,
        num_threads: int | None = None,
    ) -> None:
        hot, cold = noise_range
        super().__init__(
            num_reads=num_reads,
            ramp=np.linspace(0.0, real("injection", injection), steps("num_steps", num_steps)) / math.pi,
            noise_range=(hot / math.pi, cold / math.pi),
            gain=real("gain", gain) / math.pi,
            saturation=None,
            start=START,
            reverse_fraction=reverse_fraction,
            num_threads=num_threads,
        )


class OscillatorSettings(DynamicalSettings):
    """Settings of `OscillatorMachine`."""

    about: ClassVar[str] = "phases that flow"
    machine: ClassVar[type[DynamicalMachine]] = OscillatorMachine

    # Phases are slow to leave where nothing turns them; with more gain they overshoot where |h| = 4.
    num_steps: NumSteps = 200
    gain: Gain = 0.5
    noise_range: NoiseRange = (0.6, 0.0)
