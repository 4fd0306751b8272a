"""Training on MNIST/100 as the paper does it, tested on the paper's 100 images and on all 10,000."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import datasets, training
from ..checkpoint import TrainState
from ..config import TrainConfig
from ..datasets import Dataset
from ..machines import Machine
from ..network import Parameters

MNIST100: dict[str, Any] = {"dataset": "mnist", "train_per_class": 100, "test_per_class": 10}


@functools.cache
def mnist100(folder: Path) -> tuple[Dataset, Dataset]:
    """The paper's 1,000 training and 100 test images; and the same with all of MNIST's test images."""
    train_per_class, test_per_class = MNIST100["train_per_class"], MNIST100["test_per_class"]
    whole = datasets.load_mnist(folder, train_per_class=train_per_class)
    first = [np.flatnonzero(whole.y_test == label)[:test_per_class] for label in range(whole.num_classes)]
    few = np.sort(np.concatenate(first))
    return replace(whole, x_test=whole.x_test[few], y_test=whole.y_test[few]), whole


def train(
    config: TrainConfig,
    folder: Path,
    *,
    machine: Machine | None = None,
    tested: Sequence[int] = (),
    on_batch: Callable[[TrainState], None] | None = None,
) -> tuple[dict[str, Any], Parameters]:
    """Trains once, and tests after the last epoch, and those in ``tested``, on all test images.

    Returns:
        Accuracies by epoch on the training images (while they are trained on) and on the 100 test images,
        accuracies on all test images by the epochs that were tested, seconds of training; and the parameters.
    """
    paper, whole = mnist100(folder)
    accuracies: dict[str, float] = {}

    def on_epoch(state: TrainState) -> None:
        if state.epoch in tested or state.epoch == config.epochs:
            result = training.evaluate(
                config, whole, state.parameters, whole.x_test, whole.y_test, num_threads=1, machine=machine
            )
            accuracies[str(state.epoch)] = round(result.accuracy, 6)

    state = training.train(
        config, paper, num_threads=1, machine=machine, on_batch=on_batch, on_epoch=on_epoch
    )
    return {
        "train": [row["train_accuracy"] for row in state.history],
        "test_100": [row["test_accuracy"] for row in state.history],
        "test_10000": accuracies,
        "seconds": round(sum(row["seconds"] for row in state.history), 3),
    }, state.parameters


def last_test(result: dict[str, Any]) -> float:
    """Accuracy on all test images after the last epoch, of a result of `train`."""
    return float(list(result["test_10000"].values())[-1])
