"""A coherent Ising machine: mean-field dynamics of coupled degenerate optical parametric oscillators.

A pulse of light in a ring, pumped at twice its frequency, oscillates in phase or in opposite phase once its
gain is larger than its losses; its in-phase amplitude ``x_i`` obeys, in units of a pulse's lifetime,

    dx_i/dt = (p - 1 - x_i^2) x_i - eps (h_i + sum_j J_ij x_j) + noise

after Wang, Marandi, Wen, Byer and Yamamoto, Phys. Rev. A 88, 063853 (2013),
https://doi.org/10.1103/PhysRevA.88.063853. The pump p rises from 0 to above the threshold of a lone pulse:
the spins that first oscillate are those of least loss, of low energy. In steps of ``STEP``:

    x_i <- clip(x_i + STEP (p_t - 1 - x_i^2) x_i - gain (h_i + sum_j J_ij x_j) + sigma_t xi_i)

Pulses of different amplitude weigh couplings differently, so that the least loss is not the least energy
(Leleu, Yamamoto, McMahon and Aihara, Phys. Rev. Lett. 122, 040607 (2019) correct each pulse's error in
time); here amplitudes are clipped at ±1, as in Tiunov, Ulanov and Lvovsky, "Annealing by simulating the
coherent Ising machine", Opt. Express 27, 10288 (2019). Fields are pulses of a reference at amplitude 1.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..checks import real, steps
from .dynamics import DynamicalMachine, DynamicalSettings, Gain, NoiseRange

# Lifetimes of a pulse in a step: the cubic term is stable up to 1.
STEP = 0.3
# Amplitudes begin within this, and with given spins within that.
START = 0.1, 0.05


class CoherentMachine(DynamicalMachine):
    """See the module, and `DynamicalMachine` for the nudge phase and what is not said here.

    Args:
        num_reads: Runs of each problem.
        num_steps: Steps of a free phase.
        gain: Strength of couplings and fields in a step, eps ``STEP``.
        noise_range: Standard deviation sigma of the noise in the first step and in the last.
        pump: p at the end of a free phase, in units of a lone pulse's threshold.
        reverse_fraction: A nudge begins with the pump that there is at this fraction of a free phase. Below
            threshold amplitudes shrink towards what drives them, but keep their signs for a while.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import numpy as np
        >>> chain = np.array([0, 1]), np.array([1, 2]), np.array([-1.0, 1.0])
        >>> fields = np.array([[-0.3, 0.0, 0.0]], dtype=np.float32)
        >>> ids = np.zeros(1, dtype=np.uint32)
        >>> reads = CoherentMachine().sample(chain, fields, seed=1, problem_ids=ids)
        >>> reads.lowest().tolist(), round(float(reads.energies.min()), 6)
        ([[1, 1, -1]], -2.3)
    """

    def __init__(
        self,
        *,
        num_reads: int = 10,
        num_steps: int = 100,
        gain: float = 0.9,
        noise_range: tuple[float, float] = (0.2, 0.0),
        pump: float = 1.5,
        reverse_fraction: float = 0.25,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(
            num_reads=num_reads,
            ramp=1 + STEP * (np.linspace(0.0, real("pump", pump), steps("num_steps", num_steps)) - 1),
            noise_range=noise_range,
            gain=gain,
            saturation=STEP,
            start=START,
            reverse_fraction=reverse_fraction,
            num_threads=num_threads,
        )


class CoherentSettings(DynamicalSettings):
    """Settings of `CoherentMachine`."""

    about: ClassVar[str] = "pulses of light that flow"
    machine: ClassVar[type[DynamicalMachine]] = CoherentMachine

    gain: Gain = 0.9
    noise_range: NoiseRange = (0.2, 0.0)
