"""Base class of the machines with continuous states, amplitudes or phases, which the Rust core moves.

All states ``x_i`` move at once, step by step, by a law of motion and with noise. The signs are read out at
the end. A schedule gives the drive and the strength of the noise in each step.

*Free phase*: the states begin at random within ``start[0]`` of zero and run through the whole schedule.
*Nudge phase*, in place of a reverse anneal: the states begin at random within ``start[1]`` of the given
spins. Drive and noise are turned back to where they were at ``reverse_fraction`` of the schedule, which then
runs to its end. Reads differ by their first states and by their noise.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .. import _core
from ..checks import integer, real, threads
from ..network import Network
from ..settings import AtLeastOne, NotNegative, Positive, Shown
from .core_machine import CoreMachine
from .settings import ComputedSettings, Work


class DynamicalMachine(CoreMachine):
    """Runs a law of motion, all numbers of it per step.

    Args:
        num_reads: Runs of each problem.
        ramp: ``(steps,)``: for amplitudes what is kept of them, for phases how strongly they are locked.
        noise_range: Standard deviation of the noise in the first step and in the last; in between on a
            straight line.
        gain: Strength of couplings and fields in a step.
        saturation: For amplitudes, how much less of them is kept as they grow; None for phases.
        start: Half-widths of the random initial spread: around zero in the free phase, around the given spins
            in the nudge phase.
        reverse_fraction: Fraction of the schedule that a nudge begins at.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        *,
        num_reads: int,
        ramp: NDArray[np.float64],
        noise_range: tuple[float, float],
        gain: float,
        saturation: float | None,
        start: tuple[float, float],
        reverse_fraction: float,
        num_threads: int | None,
    ) -> None:
        if not 0 <= real("reverse_fraction", reverse_fraction) <= 1:
            raise ValueError(f"reverse_fraction is {reverse_fraction}, expected 0 to 1")
        self.num_reads = integer("num_reads", num_reads, 1)
        self.num_threads = threads(num_threads)
        self._law = saturation, real("gain", gain)
        self._start = start
        first, last = (real("noise_range", noise) for noise in noise_range)
        if not (0 <= first < np.inf and 0 <= last < np.inf):
            raise ValueError(f"noise_range is {noise_range}, expected finite numbers >= 0")
        self._ramp, self._noise = ramp, np.linspace(first, last, len(ramp))
        self._turn = min(int(reverse_fraction * len(ramp)), len(ramp) - 1)

    def _method(self, from_states: bool) -> _core.Flow:
        first, (saturation, gain) = self._turn if from_states else 0, self._law
        return _core.Flow(
            saturation=saturation,
            gain=gain,
            spread=self._start[from_states],
            ramp=self._ramp[first:],
            noise=self._noise[first:],
        )


NumSteps = Annotated[AtLeastOne, Field(description="Steps of a free phase.")]
Gain = Annotated[Positive, Field(description="Strength of the couplings in a step.")]
NoiseRange = Annotated[
    tuple[NotNegative, NotNegative],
    Field(description="Noise in the first step and in the last."),
    Shown(metavar="FIRST LAST"),
]


class DynamicalSettings(ComputedSettings):
    """Settings of a `DynamicalMachine`.

    Attributes:
        machine: Class of the machine, whose arguments the settings are.
    """

    machine: ClassVar[type[DynamicalMachine]]

    num_steps: NumSteps = 100
    gain: Gain = 1.0
    noise_range: NoiseRange = (0.8, 0.0)

    def build(self, network: Network, work: Work) -> DynamicalMachine:
        """See `MachineSettings.build`."""
        return self.machine(**self.model_dump(exclude={"test_reads"}), num_threads=work.num_threads)
