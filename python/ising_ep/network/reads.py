"""Reads of one phase: the states a machine answered with, and the means of spins given their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

# What is learned from the reads of a phase: the one of lowest energy, the average of all, or that of their
# conditional means.
Statistic = Literal["lowest", "average", "conditional"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)


@dataclass(frozen=True, eq=False)
class Reads:
    """Reads of a batch of images.

    Given all its neighbours a spin at inverse temperature beta is up or down by its local field alone: its
    mean is m_i = tanh(-beta f_i), f_i = h_i + sum_j J_ij s_j. Averages of these *conditional means* over
    reads are those of the spins, with less noise (the theorem of Rao and Blackwell).

    Attributes:
        states: Spins ``(batch, reads, spins)``, int8; float32 of a machine whose states are means.
        means: Conditional mean of each spin, float32 of the same shape; None where it was not asked for.
        beta: The inverse temperature that they are of, for each image ``(batch,)``.
    """

    states: NDArray[Any]
    means: NDArray[np.float32] | None = None
    beta: NDArray[np.float32] | None = None

    @property
    def spins(self) -> NDArray[Any]:
        """The best that is known of each spin by itself: its conditional mean, or else its value."""
        return self.states if self.means is None else self.means

    def __getitem__(self, images: Any) -> Self:
        """The reads of some images, chosen as in numpy."""
        states, means, beta = self.states[images], self.means, self.beta
        return type(self)(
            states, None if means is None else means[images], None if beta is None else beta[images]
        )

    def replaced(self, images: NDArray[np.bool_], others: Self) -> Self:
        """These reads, with those of some images replaced by others, one after the other."""
        if images.all():
            return others
        states, means = self.states.copy(), None
        states[images] = others.states
        if self.means is not None:
            means = self.means.copy()
            means[images] = others.means
        return type(self)(states, means, self.beta)

    def differing(self, others: Self) -> NDArray[np.intp]:
        """Numbers of the images whose reads are not the same as others, ``(n,)``."""
        return np.flatnonzero((self.spins != others.spins).any(axis=(1, 2)))
