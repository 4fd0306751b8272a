"""Two hidden layers beside one of as many spins: MNIST, judged on held-out training images.

    python -m benchmarks.learning.depth --data-dir DIR [--seeds 3]   resumes where it stopped
    python -m benchmarks.learning.depth --data-dir DIR --only two-means --only one-means
    python -m benchmarks.learning.depth --data-dir DIR --quick       2 epochs: numbers mean nothing

The first 50,000 training images, EPOCHS epochs of the preset `mnist` with what WAYS changes; judged on the
last 10,000 of the 60,000 by 20 reads. The test images are not looked at. *Means first*: epochs with means in
place of spins, then two of spins.

**Points** are of accuracy, to the one hidden layer of the same seed: the mean over seeds and its standard
error.

Each run has one thread and is kept in `results/depth/*.json`; `results/depth.md` is made of what is there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.learning.rounding import compared
from benchmarks.learning.variants import HELD_OUT, TRAINED, images
from benchmarks.support import report, runs
from ising_ep import training
from ising_ep.config import TrainConfig, preset
from studies.markdown import table
from studies.summary import mean
from studies.units import Results, Settings, config_settings

EPOCHS, EPOCHS_OF_SPINS = 12, 2
ONE: dict[str, Any] = {"layers": (240, 40), "coupling_learning_rate": 0.00075}
# Spins of a hidden layer are held from both sides, so its couplings' rate is smaller still.
TWO: dict[str, Any] = {"layers": (120, 120, 40), "coupling_learning_rate": 0.00025}
# Most spins in the first layer, as in networks of neurons that narrow.
NARROW: dict[str, Any] = {"layers": (200, 40, 40), "coupling_learning_rate": 0.00075}
MEANS: dict[str, Any] = {"mean_field_beta": 1.0, "mean_field_nudge": 0.5}
# Settings of the ways to train, by name, and the titles of their rows.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "one": ("240", ONE),
    "two": ("120, 120", TWO),
    "narrow": ("200, 40", NARROW),
    "skips": ("200, 40, both joined to the outputs", NARROW | {"skips": True}),
    "one-means": ("240, means first", ONE | MEANS),
    "two-means": ("120, 120, means first", TWO | MEANS),
}


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains in one way."""
    config = TrainConfig.recorded(settings["config"])
    data = images(folder, TRAINED, HELD_OUT)
    # Nothing is asked of the tests after each epoch: one image will do.
    learned = replace(data, x_test=data.x_test[:1], y_test=data.y_test[:1])
    seconds = time.process_time()
    state = training.train(config, learned, num_threads=1)
    seconds = time.process_time() - seconds
    found = training.evaluate(config, data, state.parameters, data.x_test, data.y_test, num_threads=1)
    return {
        "held_out": round(found.accuracy, 6),
        "train": round(state.history[-1]["train_accuracy"], 6),
        "cpu_seconds": round(seconds, 1),
    }


def units(ways: Sequence[str], seeds: int, epochs: int) -> dict[str, Settings]:
    """All that decides the result of each run."""
    found = {}
    for seed in range(seeds):
        for way in ways:
            given = preset("mnist") | WAYS[way][1] | {"seed": seed, "epochs": epochs}
            if "mean_field_beta" in given:
                given["mean_field_epochs"] = max(epochs - EPOCHS_OF_SPINS, 1)
            config = config_settings(TrainConfig.checked(given))
            found[f"{way}-seed{seed}"] = {"dataset": "mnist", "way": way, "seed": seed, "config": config}
    return found


def page(records: Results) -> str:
    """A row for each way."""
    by_way: dict[str, dict[int, dict[str, Any]]] = {}
    for record in records.values():
        settings = record["settings"]
        by_way.setdefault(settings["way"], {})[settings["seed"]] = record["result"]
    rows = []
    for way, (title, _) in WAYS.items():
        if way in by_way:
            results = by_way[way]
            accuracies = {seed: result["held_out"] for seed, result in results.items()}
            cost = mean([result["cpu_seconds"] for result in results.values()])
            rows.append((title, *compared(accuracies, by_way.get("one", {})), f"{cost:.0f}"))
    return table(("hidden spins", "held out", "points", "CPU s"), rows)


@click.command(epilog="Example: python -m benchmarks.learning.depth --data-dir ~/mnist --only two-means")
@report.data_dir_option
@click.option("--seeds", type=click.IntRange(1, runs.MOST_SEEDS), help="0, 1, ...  [default: 3, quick: 1]")
@report.processes_option
@click.option("--only", multiple=True, type=click.Choice(tuple(WAYS)), help="These; all by default.")
@click.option("--quick", is_flag=True, help="2 epochs; written only with --out.")
@runs.out_option
def main(
    data_dir: Path, seeds: int | None, processes: int, only: tuple[str, ...], quick: bool, out: Path | None
) -> None:
    """Train with one hidden layer and with two, on held-out images."""
    epochs, seeds = (2, seeds or 1) if quick else (EPOCHS, seeds or 3)
    with runs.kept("depth", run, out, quick) as kept:
        kept.complete(units(only or tuple(WAYS), seeds, epochs), data_dir, processes)
        records = kept.records(units(tuple(WAYS), runs.MOST_SEEDS, epochs))
        dates = ", ".join(sorted({record["date"][:10] for record in records.values()}))
        kept.write(f"{page(records)}\nRuns of {dates}. {report.where(report.machine())}\n")


if __name__ == "__main__":
    main()
