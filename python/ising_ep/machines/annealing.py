"""Simulated annealing on the Rust core: the machine that needs no hardware."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from .. import _core, schedule
from ..checks import integer, real, steps, threads
from ..network import Network
from ..settings import AtLeastOne, Positive, Shown
from .core_machine import CoreMachine
from .settings import ComputedSettings, Work

NumSweeps = Annotated[AtLeastOne, Field(description="Sweeps of a forward anneal.")]


def _hot_first(beta_range: tuple[float, float]) -> tuple[float, float]:
    if beta_range[0] > beta_range[1]:
        raise ValueError("expected the hot end first, 0 < hot <= cold")
    return beta_range


BetaRange = Annotated[
    tuple[Positive, Positive],
    Field(description="First and last inverse temperature."),
    AfterValidator(_hot_first),
    Shown(metavar="HOT COLD"),
]


class AnnealingMachine(CoreMachine):
    """Forward and reverse simulated annealing.

    Args:
        num_reads: Anneals of each problem.
        num_sweeps: Sweeps of a forward anneal.
        beta_range: Hot and cold inverse temperature. The couplings of a chip are bounded, so one range
            serves all problems; a range fitted to each would change the temperature as it learns.
        reverse_fraction: Fraction of the schedule that a reverse anneal goes back to.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.
        MemoryError: If so many sweeps cannot fit into memory.
    """

    def __init__(
        self,
        *,
        num_reads: int = 10,
        num_sweeps: int = 100,
        beta_range: tuple[float, float] = (0.5, 20.0),
        reverse_fraction: float = 0.25,
        num_threads: int | None = None,
    ) -> None:
        self.num_reads = integer("num_reads", num_reads, 1)
        self.num_sweeps = steps("num_sweeps", num_sweeps)
        self.num_threads = threads(num_threads)
        self._forward = schedule.forward(num_sweeps, beta_range)
        self._reverse = schedule.reverse(num_sweeps, beta_range, real("reverse_fraction", reverse_fraction))

    def inverse_temperature(self, *_: object) -> float:
        """See `Machine.inverse_temperature`: that of the last sweep."""
        return float(self._forward[-1])

    def _method(self, from_states: bool) -> _core.Sweeps:
        return _core.Sweeps(self._reverse if from_states else self._forward)


class AnnealingSettings(ComputedSettings):
    """Settings of `AnnealingMachine`."""

    about: ClassVar[str] = "simulated annealing"

    num_sweeps: NumSweeps = 100
    beta_range: BetaRange = (0.5, 20.0)

    def build(self, network: Network, work: Work) -> AnnealingMachine:
        """See `MachineSettings.build`."""
        return AnnealingMachine(
            num_reads=self.num_reads,
            num_sweeps=self.num_sweeps,
            beta_range=self.beta_range,
            reverse_fraction=self.reverse_fraction,
            num_threads=work.num_threads,
        )
