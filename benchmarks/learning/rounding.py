"""Weights and biases of few bits, or with errors: trained so beside rounded after training.

    python -m benchmarks.learning.rounding --data-dir DIR [--seeds 3]   resumes where it stopped
    python -m benchmarks.learning.rounding --data-dir DIR --all --only plain --only bits-5
    python -m benchmarks.learning.rounding --data-dir DIR --quick       1 epoch: numbers mean nothing

The first 20,000 training images of MNIST, 20 epochs of SETTINGS, or with `--all` the first 50,000 and 24
epochs; judged on the last 10,000 of the 60,000, as they are after the last epoch. The test images are not
looked at.

- **Rounded after training**: the parameters of a plain run on the one scale from -1 to 1, in the way that
  does less harm to them: as `presets.py` does it, with the bias of the first layer as the field of the mean
  image.
- **Trained so**: ``weight_bits`` of the run, whose tests are of the rounded network.
- **Errors**: every weight and bias has a Gaussian error, another one for each of DRAWS tests; the mean of
  these. Trained so is ``weight_noise`` of the run.

Points are of accuracy, to the plain run of the same seed: the mean over seeds and its standard error.

Each run has one thread and is kept in `results/rounding/*.json`; `results/rounding.md` is made of what is
there. Those of `--all` are in `rounding_all`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.learning import presets
from benchmarks.learning.tried import BASE
from benchmarks.learning.variants import HELD_OUT, TRAINED, images
from benchmarks.support import report, runs
from ising_ep import training
from ising_ep.config import TrainConfig
from ising_ep.learning import Programming
from ising_ep.network import Parameters
from studies.markdown import table
from studies.summary import mean, points, spread
from studies.units import Results, Settings, config_settings

# Images to learn from and epochs, by the name of the results.
SIZES = {"rounding": (20_000, 20), "rounding_all": (TRAINED, 24)}
SETTINGS: dict[str, Any] = BASE | {
    "shift": 1,
    "coupling_learning_rate": 0.0015,
    "statistic": "conditional",
    "num_reads": 1,
    "symmetric": True,
    "weight_decay": 0.1,
}
BITS = (3, 4, 5, 6)
NOISES = (0.01, 0.02, 0.05)
# Tests with errors, each with others.
DRAWS = 3
# Settings of the ways to train, by name.
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    **{f"bits-{bits}": {"weight_bits": bits} for bits in BITS},
    **{f"noise-{noise:g}": {"weight_noise": noise} for noise in NOISES},
}


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains in one way, and tests what it learned as it is, rounded, and with errors."""
    config = TrainConfig.recorded(settings["config"])
    data = images(folder, settings["trained"], HELD_OUT)
    # Nothing is asked of the tests after each epoch: one image will do.
    learned = replace(data, x_test=data.x_test[:1], y_test=data.y_test[:1])
    seconds = time.process_time()
    state = training.train(config, learned, num_threads=1)
    seconds = time.process_time() - seconds

    network = training.network_of(config, data)

    def accuracy(parameters: Parameters) -> float:
        found = training.evaluate(config, data, parameters, data.x_test, data.y_test, num_threads=1)
        return round(found.accuracy, 6)

    def with_errors(noise: float) -> float:
        machine = Programming(noise=noise)
        seeds = ([config.seed, 4, draw] for draw in range(DRAWS))
        return mean([accuracy(machine.with_errors(network, state.parameters, seed)) for seed in seeds])

    found: dict[str, Any] = {
        "held_out": accuracy(state.parameters),
        "train": round(state.history[-1]["train_accuracy"], 6),
        "cpu_seconds": round(seconds, 1),
    }
    if settings["way"] == "plain":
        centre = data.x_train.mean(axis=0)
        found["rounded"] = {
            str(bits): accuracy(presets.rounded(state.parameters, bits, centre, "one")) for bits in BITS
        }
        found["errors"] = {f"{noise:g}": with_errors(noise) for noise in NOISES}
    if config.weight_noise:
        found["errors"] = {f"{config.weight_noise:g}": with_errors(config.weight_noise)}
    return found


def units(ways: Sequence[str], seeds: int, trained: int, epochs: int) -> dict[str, Settings]:
    """All that decides the result of each run."""
    found = {}
    for seed in range(seeds):
        for way in ways:
            config = TrainConfig.checked(SETTINGS | WAYS[way] | {"seed": seed, "epochs": epochs})
            found[f"{way}-seed{seed}"] = {
                "dataset": "mnist",
                "way": way,
                "seed": seed,
                "trained": trained,
                "config": config_settings(config),
            }
    return found


def pages(records: Results) -> str:
    """The table of bits and that of errors."""
    by_way: dict[str, dict[int, dict[str, Any]]] = {}
    for record in records.values():
        settings = record["settings"]
        by_way.setdefault(settings["way"], {})[settings["seed"]] = record["result"]
    plain = by_way.get("plain", {})
    rows: list[Sequence[str]] = []
    for bits in BITS:
        after = {seed: result["rounded"][str(bits)] for seed, result in plain.items()}
        so = {seed: result["held_out"] for seed, result in by_way.get(f"bits-{bits}", {}).items()}
        rows.append((str(bits), *compared(after, plain), *compared(so, plain)))
    rows.append(("not rounded", *compared({s: r["held_out"] for s, r in plain.items()}, {}), "", ""))
    text = table(("bits", "rounded after training", "points", "trained so", "points"), rows)
    rows = []
    for noise in NOISES:
        key = f"{noise:g}"
        own = by_way.get(f"noise-{key}", {})
        among = {seed: result["errors"][key] for seed, result in plain.items()}
        so = {seed: result["errors"][key] for seed, result in own.items()}
        without = {seed: result["held_out"] for seed, result in own.items()}
        rows.append((key, *compared(among, plain), *compared(so, plain), *compared(without, plain)))
    header = ("errors (s.d.)", "plain", "points", "trained so", "points", "trained so, no errors", "points")
    return f"{text}\n{table(header, rows)}"


def compared(accuracies: dict[int, float], plain: dict[int, dict[str, Any]]) -> tuple[str, str]:
    """Accuracies by seed in words, and the points that they are off those of the plain runs."""
    others = {seed: result["held_out"] for seed, result in plain.items()}
    return spread(list(accuracies.values()), 4) if accuracies else "", points(accuracies, others)


@click.command(epilog="Example: python -m benchmarks.learning.rounding --data-dir ~/mnist --only bits-5")
@report.data_dir_option
@click.option("--seeds", type=click.IntRange(1, runs.MOST_SEEDS), help="0, 1, ...  [default: 3, quick: 1]")
@report.processes_option
@click.option("--only", multiple=True, type=click.Choice(tuple(WAYS)), help="These; all by default.")
@click.option("--all", "whole", is_flag=True, help="50,000 images, 24 epochs.")
@click.option("--quick", is_flag=True, help="1 epoch; written only with --out.")
@runs.out_option
def main(
    data_dir: Path,
    seeds: int | None,
    processes: int,
    only: tuple[str, ...],
    whole: bool,
    quick: bool,
    out: Path | None,
) -> None:
    """Train with weights of few bits and with errors, and round after training, on held-out images."""
    name = "rounding_all" if whole else "rounding"
    trained, epochs = SIZES[name]
    epochs, seeds = (1, seeds or 1) if quick else (epochs, seeds or 3)
    with runs.kept(name, run, out, quick) as kept:
        kept.complete(units(only or tuple(WAYS), seeds, trained, epochs), data_dir, processes)
        records = kept.records(units(tuple(WAYS), runs.MOST_SEEDS, trained, epochs))
        dates = ", ".join(sorted({record["date"][:10] for record in records.values()}))
        kept.write(f"{pages(records)}\nRuns of {dates}. {report.where(report.machine())}\n")


if __name__ == "__main__":
    main()
