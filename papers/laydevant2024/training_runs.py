"""Training on MNIST/100 as the paper does it, tested on the paper's 100 images and on all 10,000."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.datasets import Dataset
from ising_ep.machines import Machine
from ising_ep.network import Parameters
from ising_ep.plots.looks import BLUE
from ising_ep.training.state import TrainState
from studies.summary import band, deviation, mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    callbacks: Iterable[training.Callback] = (),
) -> tuple[dict[str, Any], Parameters]:
    """Trains once, and tests after the last epoch, and those in ``tested``, on all test images.

    Returns:
        Accuracies by epoch on the training images (while they are trained on) and on the 100 test images,
        accuracies on all test images by the epochs that were tested, seconds of training; and the parameters.
    """
    paper, whole = mnist100(folder)
    accuracies: dict[str, float] = {}

    class Tests(training.Callback):
        def on_epoch(self, state: TrainState) -> None:
            if state.epoch in tested or state.epoch == config.epochs:
                result = training.evaluate(
                    config,
                    whole,
                    state.parameters,
                    whole.x_test,
                    whole.y_test,
                    num_threads=1,
                    machine=machine,
                )
                accuracies[str(state.epoch)] = round(result.accuracy, 6)

    state = training.train(config, paper, num_threads=1, machine=machine, callbacks=[*callbacks, Tests()])
    return {
        "train": [row["train_accuracy"] for row in state.history],
        "test_100": [row["test_accuracy"] for row in state.history],
        "test_10000": accuracies,
        "seconds": round(sum(row["seconds"] for row in state.history), 3),
    }, state.parameters


def last_test(result: dict[str, Any]) -> float:
    """Accuracy on all test images after the last epoch, of a result of `train`."""
    return float(list(result["test_10000"].values())[-1])


def draw_curves(axes: Axes, results: Sequence[dict[str, Any]], yardstick: float, name: str) -> None:
    """Learning curves of the results of `train`, mean and s.d., and an accuracy to hold them against."""
    epochs = range(1, len(results[0]["train"]) + 1)
    band(axes, epochs, [result["train"] for result in results], "train, 1,000 images", 0, 2.5)
    band(axes, epochs, [result["test_100"] for result in results], "test, the paper's 100", 2, 2.5)
    tested = [int(epoch) for epoch in results[0]["test_10000"]]
    band(axes, tested, [list(r["test_10000"].values()) for r in results], "test, all 10,000", 1)
    axes.axhline(yardstick, color="black", linewidth=0.8, linestyle=(0, (6, 3)), label=name)
    axes.set(xlabel="epoch", ylabel="accuracy", title=f"Mean and s.d. of {len(results)} seeds")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="lower right")


def draw_last_tests(axes: Axes, lasts: Sequence[Sequence[float]]) -> None:
    """Accuracies on all test images, mean and s.d. of each group, one above the other."""
    axes.errorbar(
        [mean(last) for last in lasts],
        range(len(lasts)),
        xerr=[float(deviation(last)) for last in lasts],
        fmt="o",
        color=BLUE,
        label="mean and s.d. over seeds",
        capsize=3,
    )
    axes.set(xlabel="accuracy on all 10,000 test images")
