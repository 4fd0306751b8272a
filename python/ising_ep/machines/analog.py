"""An analog Ising machine that samples by injected noise.

After Böhm, Alonso-Urquijo, Verschaffelt and Van der Sande, "Noise-injected analog Ising machines enable
ultrafast statistical sampling and machine learning", Nat. Commun. 13, 5847 (2022),
https://doi.org/10.1038/s41467-022-33441-3. A spin is the sign of an amplitude in a loop with feedback and a
nonlinearity that saturates:

    x_i <- f(alpha x_i - gain (h_i + sum_j J_ij x_j) + sigma_t xi_i),   f(x) = max(-1, min(1, x))

``xi_i`` are Gaussian numbers of variance 1 (nearly: `rust/src/anneal/dynamics.rs`). Of the nonlinearities
that were compared in Böhm, Van Vaerenbergh, Verschaffelt and Van der Sande, Commun. Phys. 4, 149 (2021),
the clipped one is among those that hold all amplitudes alike, which is what the energy of spins wants.

The noise is the temperature: constant (``noise_range=(s, s)``) it samples, and `ising_ep.effective_beta` of
its reads calibrates it, as the authors do by fits; ramped down, which is the default, it anneals.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..checks import real, steps
from .dynamics import DynamicalMachine, DynamicalSettings

# Amplitudes begin within this, and with given spins within that.
START = 0.5, 0.05


class AnalogMachine(DynamicalMachine):
    """See the module, and `DynamicalMachine` for the nudge phase and what is not said here.

    Args:
        num_reads: Runs of each problem.
        num_steps: Turns round the loop in a free phase.
        gain: Strength of couplings and fields.
        noise_range: Standard deviation sigma of the noise in the first turn and in the last.
        feedback: alpha, what is kept of an amplitude in a turn.
        reverse_fraction: A nudge begins with the noise that there is at this fraction of a free phase.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import numpy as np
        >>> chain = np.array([0, 1]), np.array([1, 2]), np.array([-1.0, 1.0])
        >>> fields = np.array([[-0.3, 0.0, 0.0]], dtype=np.float32)
        >>> ids = np.zeros(1, dtype=np.uint32)
        >>> reads = AnalogMachine().sample(chain, fields, seed=1, problem_ids=ids)
        >>> reads.lowest().tolist(), round(float(reads.energies.min()), 6)
        ([[1, 1, -1]], -2.3)
    """

    def __init__(
        self,
        *,
        num_reads: int = 10,
        num_steps: int = 100,
        gain: float = 1.0,
        noise_range: tuple[float, float] = (0.8, 0.0),
        feedback: float = 0.8,
        reverse_fraction: float = 0.25,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(
            num_reads=num_reads,
            ramp=np.full(steps("num_steps", num_steps), real("feedback", feedback)),
            noise_range=noise_range,
            gain=gain,
            saturation=0.0,
            start=START,
            reverse_fraction=reverse_fraction,
            num_threads=num_threads,
        )


class AnalogSettings(DynamicalSettings):
    """Settings of `AnalogMachine`."""

    about: ClassVar[str] = "amplitudes that flow"
    machine: ClassVar[type[DynamicalMachine]] = AnalogMachine
