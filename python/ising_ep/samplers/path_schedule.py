"""The schedules of dwave-samplers' `PathIntegralAnnealingSampler`, for ours of that name.

There a sweep is of the machine Hp E(sigma_z) - Hd sum_i sigma_x_i at inverse temperature 1, `Hp_field` and
`Hd_field` being these two numbers sweep by sweep. Without `Hd_field` it has no transverse field: that is
simulated annealing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import WORD, floats
from .batch import NUM_SLICES
from .betas import BetaScheduleType, betas_of_sweeps

# Slices over sqrt(a b min(a, b)), a being Hp times the largest energy of a spin and b Hd. The distribution of
# a few spins is then within 0.01, in total variation, of that of infinitely many slices.
SLICES = 12

# Keywords with the one value that asks for what is done here anyway, and what to do instead of other values.
REFUSED: dict[str, tuple[Any, str]] = {
    "Gamma": (None, "which dwave-samplers overwrites with Hd_field in the first sweep: give Hd_field"),
    "chain_coupler_strength": (1, "put the couplings of chains into the bqm"),
    "qubits_per_chain": (1, "put the couplings of chains into the bqm"),
    "qubits_per_update": (1, "a sweep here is of each spin in each slice, and in all slices at once"),
    "project_states": ((True, True), "states are read and given in one slice only"),
    "num_breaks": (None, "give initial_states, which stand in all slices alike"),
    "breaks_in": (None, "give initial_states, which stand in all slices alike"),
    "breaks_buffer_out": (None, "states are given in one slice only"),
    "schedule_sample_interval": (None, "sample once for each part of the schedule, from initial_states"),
}


def refuse_what_is_not_here(keywords: dict[str, Any]) -> None:
    """Refuse the keywords of dwave-samplers that ask for what is not done here."""
    for name, value in keywords.items():
        default, instead = REFUSED[name]
        if value is not default and not (default is not None and np.array_equal(value, default)):
            raise ValueError(f"{name} is {value!r}, expected {default!r}: {instead}")


@dataclass(frozen=True)
class PathSchedule:
    """The keywords of dwave-samplers that say what is done in each sweep; None where they are not given."""

    beta_range: Sequence[float] | None
    beta_schedule_type: BetaScheduleType | None
    num_sweeps_per_beta: int | None
    Hp_field: ArrayLike | None
    Hd_field: ArrayLike | None

    def given(self) -> list[str]:
        """The names of those that are."""
        return [name for name, value in vars(self).items() if value is not None]

    def sweeps(
        self, num_sweeps: int | None, default_range: Callable[[], Sequence[float]]
    ) -> NDArray[np.float64]:
        """(sweeps, 2) transverse field and scale of the problem, at inverse temperature 1."""
        kind = self.beta_schedule_type or "geometric"
        per_beta = 1 if self.num_sweeps_per_beta is None else self.num_sweeps_per_beta
        beta_range = self.beta_range
        if kind != "custom":
            num_sweeps = 100 if num_sweeps is None else num_sweeps
            if beta_range is None and self.Hp_field is None:
                beta_range = default_range()
        problem = betas_of_sweeps(beta_range, num_sweeps, per_beta, kind, self.Hp_field, "Hp_field")
        if not problem.size:
            raise ValueError(f"num_sweeps is {num_sweeps}, expected an integer >= 1")
        _refuse_infinite("beta_range" if self.Hp_field is None else "Hp_field", problem)
        if self.Hd_field is None:
            return np.stack((np.zeros_like(problem), problem), axis=1)
        transverse = floats("Hd_field", self.Hd_field, "(betas,)")
        _refuse_infinite("Hd_field", transverse)
        if len(transverse) * per_beta != len(problem):
            raise ValueError(f"Hd_field has {len(transverse)} numbers, expected {len(problem) // per_beta}")
        return np.stack((transverse.repeat(per_beta), problem), axis=1)


def _refuse_infinite(name: str, given: NDArray[np.float64]) -> None:
    wrong = given[~(np.isfinite(given) & (given >= 0))]
    if wrong.size:
        raise ValueError(f"{name} holds {wrong[0]}, expected finite numbers >= 0")


def slices_for(sweeps: NDArray[np.float64], unit: float) -> int:
    """Number of slices that the sweeps at inverse temperature 1 need; `unit` is the largest energy of a spin.

    Example:
        >>> import numpy as np
        >>> slices_for(np.array([[3.0, 0.0], [3.0, 3.0], [0.0, 3.0]]), 1.0)
        63
    """
    transverse, scale = sweeps[sweeps[:, 0] > 0].T
    if not transverse.size:
        return 2  # slices that are all the same
    with np.errstate(over="ignore"):  # inf needs more slices than there can be
        problem = unit * scale
        needed = SLICES * np.sqrt(transverse * problem * np.minimum(transverse, problem)).max()
    if needed > WORD:
        raise ValueError(
            f"Hd_field goes up to {transverse.max():g}, for which {needed:.3g} slices are needed; expected"
            " weaker fields, or num_slices"
        )
    return max(NUM_SLICES, int(np.ceil(needed)))
