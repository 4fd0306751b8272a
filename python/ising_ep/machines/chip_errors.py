"""What a chip does to the numbers it is asked for: rounding, errors that stay or are new, leakage, read-out.

    asked -> rounded to the steps of the converters
          -> times (1 + slope of this qubit or coupler), plus its offset: these stay for a chip
          -> plus what leaks through the background susceptibility chi,

                 h_i  += chi sum_j J_ij h_j           J_ij += chi sum_k J_ik J_kj

          -> plus a Gaussian error, drawn anew in each programming cycle, which is once a problem
          -> programmed

Every coupler of the chip between two qubits of a problem has its errors, also those whose J is 0. Leakage
between qubits without a coupler is left out: it has no place on the working graph.

D-Wave calls all but the read-out "integrated control errors" (ICE). Source: D-Wave's documentation, "Errors
and Error Correction"; the sizes of these errors are fitted to real answers in `docs/chip.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, real
from ..chip import Chip
from .chip_layout import Layout


@dataclass(frozen=True)
class ChipErrors:
    """Sizes of a chip's errors, in the units of h and J.

    Attributes:
        field_noise: Standard deviation of the error of each h, drawn anew for each problem.
        coupling_noise: The same of each J.
        field_offset: Standard deviation, over the qubits of a chip, of the error of h that stays.
        coupling_offset: The same, over couplers, of J.
        slope: Standard deviation, over qubits and couplers, of the relative error of h and J that stays.
        susceptibility: chi, from -1 to 1.
        readout_error: Probability that a qubit is read as the other state.
        field_step: h is rounded to multiples of it; None for no rounding.
        coupling_step: J is rounded to multiples of it; None for no rounding.
        seed: Which chip it is: of the errors that stay.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If it is none.

    Example:
        >>> ChipErrors.none().field_offset
        0.0
        >>> ChipErrors(readout_error=1.5)
        Traceback (most recent call last):
            ...
        ValueError: readout_error is 1.5, expected a probability, 0 to 1
    """

    field_noise: float = 0.013
    coupling_noise: float = 0.010
    field_offset: float = 0.018
    coupling_offset: float = 0.014
    slope: float = 0.0
    susceptibility: float = -0.0125
    readout_error: float = 0.0
    field_step: float | None = 0.008
    coupling_step: float | None = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("field_noise", "coupling_noise", "field_offset", "coupling_offset", "slope"):
            if not 0 <= real(name, getattr(self, name)) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a finite number >= 0")
        if not -1 <= real("susceptibility", self.susceptibility) <= 1:
            raise ValueError(f"susceptibility is {self.susceptibility}, expected -1 to 1")
        if not 0 <= real("readout_error", self.readout_error) <= 1:
            raise ValueError(f"readout_error is {self.readout_error}, expected a probability, 0 to 1")
        for name in ("field_step", "coupling_step"):
            step = getattr(self, name)
            if step is not None and not 0 < real(name, step) < np.inf:
                raise ValueError(f"{name} is {step}, expected a finite number > 0")
        integer("seed", self.seed, 0, 2**64 - 1)

    @classmethod
    def none(cls) -> ChipErrors:
        """No errors, and no rounding."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, field_step=None, coupling_step=None)

    def lasting(self, chip: Chip) -> LastingErrors:
        """The errors of this chip that stay."""
        rng = np.random.default_rng([self.seed, 2])
        count, pairs = len(chip.qubits), len(chip.couplers)
        return LastingErrors(
            self.field_offset * rng.standard_normal(count),
            self.slope * rng.standard_normal(count),
            self.coupling_offset * rng.standard_normal(pairs),
            self.slope * rng.standard_normal(pairs),
        )

    def rounded(
        self, h: NDArray[np.float64], j: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """h and J in steps of the converters."""
        return _rounded(h, self.field_step), _rounded(j, self.coupling_step)

    def program(
        self,
        layout: Layout,
        lasting: LastingErrors,
        asked: tuple[NDArray[np.float64], NDArray[np.float64]],
        seed: int,
        problem_id: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The h of each qubit and the J of each pair that a problem is programmed with, in the chip's order.

        Args:
            layout: Of the problem.
            lasting: Of the chip.
            asked: (qubits,) h and (couplers,) J, rounded, in the order given to `Layout.of`.
            seed, problem_id: Name the errors that are drawn anew.
        """
        h = asked[0][layout.order]
        j = np.zeros(len(layout.pairs.rows))
        j[layout.slots] = asked[1]
        leaked_h, leaked_j = self._leaks(layout, h, j)
        h *= 1 + lasting.field_slope[layout.positions]
        j *= 1 + lasting.coupling_slope[layout.pair_places]
        h += lasting.field_offset[layout.positions] + leaked_h
        j += lasting.coupling_offset[layout.pair_places] + leaked_j
        noise = problem_random(seed, problem_id, 0).standard_normal(len(h) + len(j))
        h += self.field_noise * noise[: len(h)]
        j += self.coupling_noise * noise[len(h) :]
        return h, j

    def read(self, states: NDArray[np.int8], seed: int, problem_id: int) -> None:
        """Turns over what is read wrong in the reads (reads, qubits) of a problem."""
        if not self.readout_error:
            return
        rng = problem_random(seed, problem_id, 1)
        turned = np.zeros(states.size, dtype=bool)
        number = rng.binomial(states.size, self.readout_error)
        turned[rng.choice(states.size, number, replace=False, shuffle=False)] = True
        states[turned.reshape(states.shape)] *= -1

    def _leaks(
        self, layout: Layout, h: NDArray[np.float64], j: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is added to h and J through the susceptibility."""
        if not self.susceptibility:
            return np.zeros_like(h), np.zeros_like(j)
        rows, cols, count = layout.pairs.rows, layout.pairs.cols, len(h)
        chi = self.susceptibility
        one, other, third = layout.triangles.T
        # The stubs of numpy take sums of weights for integers.
        onto = np.bincount(rows, chi * j * h[cols], count) + np.bincount(cols, chi * j * h[rows], count)
        between = np.bincount(third, chi * j[one] * j[other], len(j))
        return onto.astype(np.float64), between.astype(np.float64)


@dataclass(frozen=True, eq=False)
class LastingErrors:
    """Errors of one chip that stay from problem to problem.

    Attributes:
        field_offset, field_slope: float64 (qubits,) what is added to h, and what is added relative to it.
        coupling_offset, coupling_slope: float64 (couplers,) the same of J.
    """

    field_offset: NDArray[np.float64]
    field_slope: NDArray[np.float64]
    coupling_offset: NDArray[np.float64]
    coupling_slope: NDArray[np.float64]


def problem_random(seed: int, problem_id: int, stream: int) -> np.random.Generator:
    """Random numbers of a problem; streams: 0 for what is programmed, 1 what is read, 2 the first tries."""
    key = np.array([seed, problem_id], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, stream]))


def _rounded(values: NDArray[np.float64], step: float | None) -> NDArray[np.float64]:
    values = values.astype(np.float64)
    return values if step is None else (step * np.round(values / step)).astype(np.float64)
