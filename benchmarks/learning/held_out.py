"""Whether the presets should compare symmetric nudges: each with and without, on held-out training images.

    python -m benchmarks.learning.held_out --data-dir DIR          both presets; resumes where it stopped
    python -m benchmarks.learning.held_out --data-dir DIR --preset mnist-100 --seeds 5
    python -m benchmarks.learning.held_out --data-dir DIR --quick  2 epochs: numbers mean nothing

`mnist` learns from the first 50,000 training images, `mnist-100` from the first 100 of each class; both are
judged on the last 10,000 of the 60,000, as they are after the last epoch. The test images are not looked at.

**Difference** to the same preset without, in points: with the reads of the preset, the mean over seeds of the
differences of both from the same seed, and its standard error, from their standard deviation.

**Images/s** of CPU time of one thread, training only.

Each run is kept in `results/held_out/*.json`; `results/held_out.md` is made of what is there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.learning.variants import HELD_OUT, TRAINED
from benchmarks.support import report, runs
from ising_ep import config as configs
from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from studies.markdown import number, table
from studies.summary import mean, points, spread
from studies.units import Results, Settings, config_settings

# Presets by name, and seeds of each where the command line does not say.
SEEDS = {"mnist": 3, "mnist-100": 5}


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once, and judges with one read and with those of the preset."""
    config = TrainConfig.recorded(settings["config"])
    data = datasets.load_mnist(folder, train_per_class=config.train_per_class)
    held_out = datasets.load_mnist(folder)
    x, y = held_out.x_train[-HELD_OUT:], held_out.y_train[-HELD_OUT:]
    data = replace(data, x_train=data.x_train[:TRAINED], y_train=data.y_train[:TRAINED])
    # Nothing is asked of the tests after each epoch: one image will do.
    data = replace(data, x_test=x[:1], y_test=y[:1])
    seconds = time.process_time()
    state = training.train(config, data, num_threads=1)
    seconds = time.process_time() - seconds
    accuracies = {}
    for reads in (1, config.test_reads):
        tested = config.model_copy(update={"test_reads": reads})
        found = training.evaluate(tested, data, state.parameters, x, y, num_threads=1)
        accuracies[str(reads)] = round(found.accuracy, 6)
    return {
        "held_out": accuracies,
        "train": round(state.history[-1]["train_accuracy"], 6),
        "images_per_second": round(config.epochs * len(data.y_train) / seconds, 1),
    }


def units(names: Sequence[str], seeds: int | None, quick: bool) -> dict[str, Settings]:
    """All that decides the result of each run."""
    found = {}
    for name in names:
        for seed in range(seeds or (1 if quick else SEEDS[name])):
            for symmetric in (False, True):
                given = configs.preset(name) | {"symmetric": symmetric, "seed": seed}
                config = TrainConfig.checked(given | ({"epochs": 2} if quick else {}))
                found[f"{name}-{'symmetric' if symmetric else 'paper'}-seed{seed}"] = {
                    "dataset": "mnist",
                    "preset": name,
                    "symmetric": symmetric,
                    "seed": seed,
                    "config": config_settings(config),
                }
    return found


def by_preset(records: Results) -> str:
    """A row for each preset and nudge."""
    header = (
        "preset",
        "nudge",
        "seeds",
        "1 read",
        "reads of the preset",
        "difference, points",
        "train",
        "images/s",
    )
    by_way: dict[tuple[str, bool], dict[int, dict[str, Any]]] = {}
    for record in records.values():
        settings = record["settings"]
        way = settings["preset"], settings["symmetric"]
        by_way.setdefault(way, {})[settings["seed"]] = record["result"]
    lines = []
    for (name, symmetric), results in sorted(by_way.items()):
        reads = str(configs.preset(name)["test_reads"])
        found, others = (
            {seed: result["held_out"][reads] for seed, result in of.items()}
            for of in (results, by_way.get((name, False), {}))
        )
        each = list(results.values())
        lines.append(
            (
                f"`{name}`",
                "symmetric, of the error" if symmetric else "the paper's",
                str(len(each)),
                spread([r["held_out"]["1"] for r in each], 4),
                f"{reads}: {spread([r['held_out'][reads] for r in each], 4)}",
                points(found, others) if symmetric else "",
                spread([r["train"] for r in each], 4),
                number(mean([r["images_per_second"] for r in each])),
            )
        )
    return table(header, lines)


@click.command(
    epilog="Example: python -m benchmarks.learning.held_out --data-dir ~/mnist --preset mnist --seeds 1"
)
@report.data_dir_option
@click.option("--preset", multiple=True, type=click.Choice(tuple(SEEDS)), help="These; both by default.")
@click.option(
    "--seeds",
    type=click.IntRange(1, runs.MOST_SEEDS),
    help="0, 1, ...  [default: mnist 3, mnist-100 5, quick 1]",
)
@report.processes_option
@click.option("--quick", is_flag=True, help="2 epochs; written only with --out.")
@runs.out_option
def main(
    data_dir: Path, preset: tuple[str, ...], seeds: int | None, processes: int, quick: bool, out: Path | None
) -> None:
    """Train by the package's presets with and without symmetric nudges, on held-out training images."""
    with runs.kept("held_out", run, out, quick) as kept:
        kept.complete(units(preset or tuple(SEEDS), seeds, quick), data_dir, processes)
        records = kept.records(units(tuple(SEEDS), runs.MOST_SEEDS, quick))
        dates = ", ".join(sorted({record["date"][:10] for record in records.values()}))
        kept.write(f"{by_preset(records)}\nRuns of {dates}. {report.where(report.machine())}\n")


if __name__ == "__main__":
    main()
