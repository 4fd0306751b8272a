"""Notes to the user before a run begins, and after one that learned nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..config import TrainConfig
from ..datasets import Dataset

# Standard errors above the share of the largest class up to which an accuracy is that of guessing, and the
# least number of images that tell.
ERRORS, FEWEST = 3.0, 100


def notes(config: TrainConfig, dataset: Dataset) -> list[str]:
    """Lists what is correct about a run but may surprise its user, a line each.

    Example:
        >>> from ising_ep import datasets
        >>> len(notes(TrainConfig(), datasets.load_patterns()))
        1
    """
    found = []
    if np.array_equal(dataset.x_train, dataset.x_test):
        found.append(
            f"{dataset.name}: the test images are those that are learned from; train accuracy is that of each"
            " before it was learned from"
        )
    return found


def cautions(config: TrainConfig, dataset: Dataset) -> list[str]:
    """Why a run will probably learn nothing; a line each.

    Example:
        >>> from ising_ep import datasets
        >>> config = TrainConfig(machine="chip", chip_model="quantum")
        >>> for line in cautions(config, datasets.load_patterns()):
        ...     print(line)
        chip_temperature is 18.5 mK: at that, path integrals were seen to learn little; take 100
    """
    return config.machine_settings.cautions()


def at_chance(accuracy: float, labels: NDArray[np.int64]) -> str | None:
    """A line if a training accuracy is no more than guessing the largest class would give.

    Example:
        >>> labels = np.arange(1000) % 10
        >>> print(at_chance(0.11, labels))
        training accuracy 11.0% is that of guessing: see "A run that stays at chance" in docs/learning.md
        >>> at_chance(0.2, labels)
    """
    share = np.bincount(labels).max() / len(labels)
    if len(labels) < FEWEST or accuracy > share + ERRORS * np.sqrt(share * (1 - share) / len(labels)):
        return None
    return (
        f"training accuracy {accuracy:.1%} is that of guessing: see"
        ' "A run that stays at chance" in docs/learning.md'
    )
