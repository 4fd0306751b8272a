"""Full MNIST and MNIST/100 by the package's presets, on the test images: the numbers that are reported.

    python -m benchmarks.learning.presets --data-dir DIR  both presets; resumes where it stopped
    python -m benchmarks.learning.presets --data-dir DIR --preset mnist-100 --seeds 5
    python -m benchmarks.learning.presets --data-dir DIR --quick --out DIR

Every setting is fixed in advance by `ising_ep.config.PRESETS`; what they rest on was chosen on held-out
training images (`variants.py`). Nothing is chosen here: all runs are reported, by their last epoch.

- **Learning curves**: after each epoch, the accuracy on the training images while it learned from them (few
  reads, images shifted where the preset shifts) and on the first 1,000 test images (with its `test_reads`);
  the tables are of all 10,000, after the last epoch.
- **Images/s**: training only, wall time, with `--threads` in each of the `--processes`: to be run
  on an idle machine.
- **Peak memory** of a process that reads the data and trains once (`ru_maxrss`), data and libraries included.
- **Rounding**: the parameters of full MNIST rounded to b bits after training, which does not go on: 2^b - 1
  levels of equal distance from -1 to 1, 0 among them (2 bits are -1, 0, 1). *Couplings* are what sits on the
  couplers of the machine, the weights between spins; the input's weights make fields. *All, one scale* rounds
  all weights and biases so; *all, a scale each* stretches the levels over each array's own largest, as a chip
  with a gain for each layer would. Where images are centred the bias of the first layer is the field of the
  mean image, as while learning.

Each run is a process of its own, by default one at a time, and is kept in `results/full_mnist/*.json`;
`results/full_mnist.md` and `.png` are made of what is there.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.support import report, runs
from ising_ep import config as configs
from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import programming
from ising_ep.learning.optimizers import PARAMETER_LIMIT
from ising_ep.network import Parameters
from ising_ep.plots import accuracy_axis, epoch_axis
from ising_ep.plots.looks import SERIES
from studies.markdown import number, table
from studies.summary import band, deviation, mean, panels, spread
from studies.units import Results, Settings, config_settings

# Test images that the learning curves are of: all of them take as long as an epoch on 1,000 images.
WATCHED = 1000
# Presets by name, and seeds of each where the command line does not say.
SEEDS = {"mnist": 10, "mnist-wide": 1, "mnist-100": 5}
BITS = tuple(range(2, 9))
ROUNDED = {"couplings": "couplings", "one": "all, one scale", "each": "all, a scale each"}
QUICK: dict[str, Any] = {"epochs": 2, "train_per_class": 50, "test_per_class": 20}


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once, and rounds what it learned."""
    config = TrainConfig.recorded(settings["config"])
    data = datasets.load(
        config.dataset,
        data_dir=folder,
        train_per_class=config.train_per_class,
        test_per_class=settings["test_per_class"],
    )
    watched = replace(data, x_test=data.x_test[:WATCHED], y_test=data.y_test[:WATCHED])
    threads = settings["threads"]
    cpu = time.process_time()
    state = training.train(config, watched, num_threads=threads)
    cpu = time.process_time() - cpu
    # Kilobytes on Linux, bytes on macOS; of what follows nothing is part of training.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    centre = data.x_train.mean(axis=0) if config.centre else None
    seconds = sum(row["seconds"] for row in state.history)

    def accuracy(parameters: Parameters) -> float:
        found = training.evaluate(config, data, parameters, data.x_test, data.y_test, num_threads=threads)
        return round(found.accuracy, 6)

    return {
        "train": [round(row["train_accuracy"], 6) for row in state.history],
        "watched": [round(row["test_accuracy"], 6) for row in state.history],
        "test": accuracy(state.parameters),
        "seconds": round(seconds, 2),
        "cpu_seconds_with_tests": round(cpu, 2),
        "images_per_second": round(len(data.y_train) * config.epochs / seconds, 1),
        "peak_bytes": peak,
        "images": [len(data.y_train), len(data.y_test)],
        "largest": {name: round(float(np.abs(p).max()), 4) for name, p in state.parameters.items()},
        "rounded": {
            what: {str(bits): accuracy(rounded(state.parameters, bits, centre, what)) for bits in BITS}
            for what in (ROUNDED if config.train_per_class is None else ())
        },
    }


def rounded(parameters: Parameters, bits: int, centre: NDArray[np.float32] | None, what: str) -> Parameters:
    """The parameters as ``bits`` hold them, by one of `ROUNDED`.

    ``centre`` is the mean image, where images were centred.
    """
    held = dict(parameters)
    if centre is not None:
        held["b0"] = held["b0"] + centre @ held["W0"]
    for name, value in held.items():
        if what == "couplings" and (name == "W0" or name.startswith("b")):
            continue
        reach = (float(np.abs(value).max()) or PARAMETER_LIMIT) if what == "each" else PARAMETER_LIMIT
        held[name] = programming.rounded(value, bits, reach)
    if centre is not None:
        held["b0"] = held["b0"] - centre @ held["W0"]
    return held


def units(names: Sequence[str], seeds: int | None, threads: int, quick: bool) -> dict[str, Settings]:
    """All that decides the result of each run."""
    found = {}
    for name in names:
        given = {"dataset": "mnist", **configs.PRESETS[name], **(QUICK if quick else {})}
        for seed in range(seeds or (1 if quick else SEEDS[name])):
            config = config_settings(TrainConfig.checked(given | {"seed": seed}))
            found[f"{name}-seed{seed}"] = {
                "dataset": "mnist",
                "preset": name,
                "seed": seed,
                "threads": threads,
                "test_per_class": QUICK["test_per_class"] if quick else None,
                "config": config,
            }
    return found


def by_preset(records: Results) -> dict[str, list[dict[str, Any]]]:
    """Results of each preset, by seed."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records.values():
        groups.setdefault(record["settings"]["preset"], []).append(record["result"])
    return groups


def accuracies(groups: dict[str, list[dict[str, Any]]], threads: int) -> str:
    """A row for each preset."""
    header = (
        "preset",
        "seeds",
        "epochs",
        "train, last epoch",
        "test",
        "lowest and highest",
        f"images/s, threads: {threads}",
        "seconds of training",
        "peak memory, MiB",
    )
    lines = []
    for name, group in groups.items():
        test = [r["test"] for r in group]
        lines.append(
            (
                f"`{name}`, {group[0]['images'][0]:,} images, tested on {group[0]['images'][1]:,}",
                str(len(group)),
                str(len(group[0]["watched"])),
                spread([r["train"][-1] for r in group], 4),
                spread(test, 4),
                f"{min(test):.4f}, {max(test):.4f}",
                number(mean([r["images_per_second"] for r in group])),
                number(mean([r["seconds"] for r in group])),
                f"{max(r['peak_bytes'] for r in group) / 2**20:,.0f}",
            )
        )
    return table(header, lines)


def rounding(groups: dict[str, list[dict[str, Any]]]) -> str:
    """Test accuracy against bits, and as trained."""
    groups = {name: group for name, group in groups.items() if all(r["rounded"] for r in group)}
    header = ["bits", *(f"`{name}`, {text}" for name in groups for text in ROUNDED.values())]
    lines = [
        [
            str(bits),
            *(
                spread([r["rounded"][what][str(bits)] for r in group], 4)
                for group in groups.values()
                for what in ROUNDED
            ),
        ]
        for bits in BITS
    ]
    whole = [spread([r["test"] for r in group], 4) for group in groups.values() for _ in ROUNDED]
    return table(header, [*lines, ["not rounded", *whole]])


def draw(groups: dict[str, list[dict[str, Any]]]) -> Figure:
    """Learning curves of each preset, and errors against bits of those that were rounded."""
    are_rounded = [name for name, group in groups.items() if all(r["rounded"] for r in group)]
    figure, axes = panels(len(groups) + len(are_rounded))
    for curves, (name, group) in zip(axes, groups.items(), strict=False):
        epochs = np.arange(1, len(group[0]["watched"]) + 1)
        band(curves, epochs, [r["train"] for r in group], "train, while learning", 0, markersize=3)
        band(curves, epochs, [r["watched"] for r in group], f"test, the first {WATCHED:,}", 1, markersize=3)
        curves.set(ylabel="accuracy", title=f"{name}: mean and s.d., seeds: {len(group)}")
        epoch_axis(curves, epochs.tolist())
        accuracy_axis(curves, [value for r in group for key in ("train", "watched") for value in r[key]])
        curves.legend(frameon=False, loc="lower right")
    for bits, name in zip(axes[len(groups) :], are_rounded, strict=True):
        _draw_rounded(bits, name, groups[name])
    return figure


def _draw_rounded(axes: Axes, name: str, group: list[dict[str, Any]]) -> None:
    """Test errors against bits, on a log scale: what collapses at few bits is on the page, too."""
    for style, (what, text) in enumerate(ROUNDED.items()):
        errors = [[1 - r["rounded"][what][str(b)] for b in BITS] for r in group]
        middle, width = np.mean(errors, axis=0), deviation(errors)
        below = np.minimum(width, 0.5 * middle)  # an error bar to 0 has no place on a log scale
        look: Any = {**SERIES[style], "markersize": 4, "capsize": 2.5}
        axes.errorbar(BITS, middle, [below, width], label=text, **look)
    whole = 1 - mean([r["test"] for r in group])
    axes.axhline(whole, color="black", linewidth=0.8, linestyle=":", label="not rounded")
    axes.set(xlabel="bits of weights and biases", ylabel="test errors (log scale)", yscale="log")
    axes.set_title(f"{name}, rounded after training")
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
    axes.set_yticks(ticks, [f"{tick:.0%}" for tick in ticks])
    axes.set_ylim(0.8 * whole, 1)
    axes.minorticks_off()
    axes.legend(frameon=False)


@click.command(
    epilog="Example: python -m benchmarks.learning.presets --data-dir ~/mnist --preset mnist --seeds 1"
)
@report.data_dir_option
@click.option("--preset", multiple=True, type=click.Choice(tuple(SEEDS)), help="These; all by default.")
@click.option(
    "--seeds",
    type=click.IntRange(1, runs.MOST_SEEDS),
    help="0, 1, ...  [default: mnist 10, mnist-wide 1, mnist-100 5, quick 1]",
)
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1), help="Of training.")
@click.option(
    "--processes",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Runs at once; they share the cores.",
)
@click.option("--quick", is_flag=True, help="500 images, 2 epochs; written only with --out.")
@runs.out_option
def main(
    data_dir: Path,
    preset: tuple[str, ...],
    seeds: int | None,
    threads: int,
    processes: int,
    quick: bool,
    out: Path | None,
) -> None:
    """Train by the package's presets and report them on the test images."""
    with runs.kept("full_mnist", run, out, quick) as kept:
        # Each has a process of its own, whose peak of memory is that of the run.
        kept.complete(units(preset or tuple(SEEDS), seeds, threads, quick), data_dir, processes, fresh=True)
        records = kept.records(units(tuple(SEEDS), runs.MOST_SEEDS, threads, quick))
        kept.write(*page(records, threads))


def page(records: Results, threads: int) -> tuple[str, Figure]:
    """Both tables with the settings below them, and the figure."""
    groups = by_preset(records)
    dates = sorted({record["date"][:10] for record in records.values()})
    settings = "".join(f"- `{name}`: `{json.dumps(configs.PRESETS[name])}`\n" for name in groups)
    text = (
        f"{accuracies(groups, threads)}\nTest accuracy with weights and biases rounded after training:\n\n"
        f"{rounding(groups)}\nSettings, those not named are the defaults:\n\n{settings}\n"
        f"Runs of {', '.join(dates)}. {report.where(report.machine())}\n"
    )
    return text, draw(groups)


if __name__ == "__main__":
    main()
