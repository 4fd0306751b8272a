"""Counts of a machine's use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Energies of reads above the lowest of the same image, in parts of it: steps of a histogram, and how many.
GAP_STEP, GAP_STEPS = 0.002, 51


@dataclass
class Usage:
    """Counts since the start of a run.

    Attributes:
        problems: Problems annealed.
        chains: Chains read, of all reads of all problems; 0 without a chip.
        broken_chains: How many of them were broken.
        access_time: Seconds of QPU access time: what the QPU said, or, for a model of one, the estimate for
            the QPU.
        gaps: Histogram of the energies of the reads on a chip, (E - lowest E) / |lowest E| of the same image,
            in steps of ``GAP_STEP``; the last is for all beyond.
    """

    problems: int = 0
    chains: int = 0
    broken_chains: int = 0
    access_time: float = 0.0
    gaps: list[int] = field(default_factory=lambda: [0] * GAP_STEPS)

    def __sub__(self, before: Usage) -> Usage:
        """Use since ``before``."""
        gaps = np.subtract(self.gaps, before.gaps).tolist()
        counts = {k: v - getattr(before, k) for k, v in vars(self).items() if k != "gaps"}
        return Usage(**counts, gaps=gaps)

    def add(self, other: Usage) -> None:
        """Counts what ``other`` counted too."""
        gaps = np.add(self.gaps, other.gaps).tolist()
        counts = {k: v + getattr(other, k) for k, v in vars(self).items() if k != "gaps"}
        vars(self).update(counts, gaps=gaps)

    def copy(self) -> Usage:
        """The counts as they are now."""
        return Usage(**vars(self) | {"gaps": list(self.gaps)})

    def restore(self, other: Usage) -> None:
        """Goes on from the counts of ``other``."""
        vars(self).update(vars(other.copy()))

    def read(self, energies: NDArray[np.float64], broken_chains: int, chains: int) -> None:
        """Counts reads of a chip: their energies ``(images, reads)``, and their chains."""
        for of_image in energies.tolist():
            lowest = min(of_image)
            scale = max(abs(lowest), 1e-9)
            for energy in of_image:
                self.gaps[min(int((energy - lowest) / scale / GAP_STEP), GAP_STEPS - 1)] += 1
        self.broken_chains += broken_chains
        self.chains += chains

    @property
    def chain_break_fraction(self) -> float:
        """Fraction of the chains that were broken."""
        return self.broken_chains / max(self.chains, 1)

    @classmethod
    def checked(cls, counts: Any) -> Self:
        """The counts from a file.

        Raises:
            ValueError: If they are none.
        """
        usage = cls(**counts)
        numbers: ArrayLike = [
            usage.problems,
            usage.chains,
            usage.broken_chains,
            usage.access_time,
            *usage.gaps,
        ]
        if len(usage.gaps) != GAP_STEPS or not (np.isfinite(numbers) & (np.asarray(numbers) >= 0)).all():
            raise ValueError(f"usage is {counts!r}, expected numbers >= 0")
        return usage
