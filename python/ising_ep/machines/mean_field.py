"""Mean fields: every spin replaced by its mean, which the means of its neighbours give.

    m_i <- tanh(-beta f_i),   f_i = h_i + sum_j J_ij m_j

spin after spin, sweep after sweep, with beta rising from hot to cold. Where it rests, the means minimise
the naive mean-field free energy (Peterson and Anderson, "A mean field theory learning algorithm for neural
networks", Complex Systems 1, 995 (1987)). Nothing is drawn by chance: one read says all, and its contrast has
no noise.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .. import schedule
from ..checks import steps, threads
from ..network import Couplings, Network
from ..samplers.couplings import prepared
from ..settings import AtLeastOne
from .annealing import BetaRange, NumSweeps
from .core_machine import CoreMachine
from .settings import THREADS, MachineSettings, Work


class MeanFieldMachine(CoreMachine):
    """Mean fields. It answers with the means themselves, one read a problem.

    Args:
        num_sweeps: Sweeps of a free phase, from hot to cold.
        nudge_sweeps: Sweeps of a nudge, which goes on from the means of the free phase at the cold end,
            from the last spin, an output, to the first.
        beta_range: Hot and cold inverse temperature.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import numpy as np
        >>> pair = np.array([0]), np.array([1]), np.array([-1.0])
        >>> fields, ids = np.array([[-0.5, 0.0]], dtype=np.float32), np.zeros(1, dtype=np.uint32)
        >>> machine = MeanFieldMachine(num_sweeps=100, beta_range=(0.5, 0.5))
        >>> machine.sample(pair, fields, seed=0, problem_ids=ids).states.round(3)
        array([[[0.317, 0.157]]], dtype=float32)
    """

    continuous = True
    num_reads = 1
    # Whether its problems count as use of the machine of a run.
    counts: ClassVar[bool] = True

    def __init__(
        self,
        *,
        num_sweeps: int = 20,
        nudge_sweeps: int = 10,
        beta_range: tuple[float, float] = (0.5, 1.0),
        num_threads: int | None = None,
    ) -> None:
        self.num_threads = threads(num_threads)
        self._forward = schedule.forward(steps("num_sweeps", num_sweeps), beta_range)
        self._nudge = np.full(steps("nudge_sweeps", nudge_sweeps), self._forward[-1])

    def inverse_temperature(self, *_: object) -> float:
        """See `Machine.inverse_temperature`: that of the last sweep."""
        return float(self._forward[-1])

    def _run(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        begun: NDArray[Any] | None,
        seed: int,
        problem_ids: NDArray[np.uint32],
        energies: bool = True,
    ) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """See `CoreMachine._run`: states are means, and the seed means nothing."""
        if self.counts:
            self.usage.problems += len(fields)
        means, found = (
            prepared(couplings)
            .model(fields.shape[1])
            .mean_field(
                np.ascontiguousarray(fields),
                self._forward if begun is None else self._nudge,
                back=begun is not None,  # a nudge comes from the outputs, the last spins
                initial=None if begun is None else np.ascontiguousarray(begun[:, 0], np.float32),
                num_threads=self.num_threads,
                energies=energies,
            )
        )
        return means[:, None], None if found is None else found[:, None]


class MeanFieldSettings(MachineSettings):
    """Settings of `MeanFieldMachine`."""

    about: ClassVar[str] = "means in place of spins"
    options: ClassVar[tuple[str, ...]] = (THREADS,)
    without: ClassVar[dict[str, str]] = {
        "statistic": "one read of a problem, of means",
        "mean_field_epochs": "means in all epochs",
    }

    num_sweeps: NumSweeps = 20
    nudge_sweeps: Annotated[AtLeastOne, Field(description="Sweeps of a nudge.")] = 10
    beta_range: BetaRange = (0.5, 1.0)

    def build(self, network: Network, work: Work) -> MeanFieldMachine:
        """See `MachineSettings.build`."""
        return MeanFieldMachine(**self.model_dump(), num_threads=work.num_threads)
