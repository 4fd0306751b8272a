"""What was tried to make learning better than the paper's: one thing changed at a time, on held-out images.

    python -m benchmarks.learning.variants --data-dir DIR          everything; resumes where it stopped
    python -m benchmarks.learning.variants --data-dir DIR --only base --only symmetric
    python -m benchmarks.learning.variants --data-dir DIR --quick  2,000 images: numbers mean nothing

Full MNIST, 784-120-40, trained on the first 50,000 training images and judged on the last 10,000 of the
60,000, which no setting learns from. The test images are dropped as soon as they are read. The base setting
and everything changed of it stand in `tried.py`, and so do rules that the package does not offer.

**Accuracy** is that of the free phase after the last epoch, under the variant's own statistic, with 1 read,
with as many as it was trained with, and with 20. Training accuracy is that of the last epoch, as it learned.

**Difference** to the base, with 20 reads. Its standard error is that of seeds, on these 10,000 images: the
variance of an accuracy over seeds is taken to be k times the error rate, with one k for all rows, from the
median over rows of (variance / error rate); two seeds of one row alone would say next to nothing. Of rows
that change nothing, one in twenty is more than two standard errors off.

**Images/s** of CPU time of one thread, training only.

Each run has one thread; its result is kept as soon as it is there, in `results/learning/*.json`, and it does
not run again unless its settings change. `results/learning.md` and `.png` are made of what is there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.stats import chi2

from benchmarks.learning.tried import BASE, VARIANTS, CentredOutputs, Filters
from benchmarks.support import report, runs
from ising_ep import datasets, training
from ising_ep.datasets import Dataset
from ising_ep.plots.looks import BLUE, ORANGE
from ising_ep.training.decay import decayed
from ising_ep.training.state import TrainState
from studies.markdown import number, table
from studies.summary import deviation, mean, spread
from studies.units import Results, Settings, config_settings

TRAINED, HELD_OUT = 50_000, 10_000
QUICK_TRAINED, QUICK_HELD_OUT = 2_000, 1_000
MOST_READS = 20


@cache
def images(folder: Path, trained: int, held_out: int) -> Dataset:
    """The first training images to learn from, and the last to judge by in place of test images."""
    data = datasets.load_mnist(folder)
    x, y = data.x_train, data.y_train
    return replace(data, x_train=x[:trained], y_train=y[:trained], x_test=x[-held_out:], y_test=y[-held_out:])


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains one variant from one seed."""
    variant = VARIANTS[settings["variant"]]
    config = variant.config(settings["epochs"], settings["seed"])
    data = images(folder, settings["trained"], settings["held_out"])
    count = len(data.y_train)
    rule = variant.rule(training.learning_rule(config, data, num_threads=1), count)
    parameters = rule.network.initial_parameters(np.random.default_rng([config.seed, 0]))
    for name in parameters:
        parameters[name] *= np.float32(variant.gain)
    state = TrainState(parameters=parameters)
    started = time.process_time()
    for _ in range(config.epochs):
        training.train_epoch(
            rule,
            state,
            data.x_train,
            data.y_train,
            batch_size=config.batch_size,
            first_id=state.epoch * count,
            decay=partial(decayed, config.decay, epochs=config.epochs),
            augment=training.augmentation(config, data),
        )
        row = training.end_epoch(rule, state)
    seconds = time.process_time() - started
    parameters = state.parameters
    if isinstance(rule.network, CentredOutputs):
        parameters = rule.network.plain(parameters)
    held_out = {}
    for reads in sorted({1, config.num_reads, MOST_READS}):
        tested = training.learning_rule(config.model_copy(update={"num_reads": reads}), data, num_threads=1)
        if isinstance(rule.network, Filters):
            tested = replace(tested, network=rule.network)
        ids = np.arange(len(data.y_test), dtype=np.uint32)
        found = training.free_outputs(tested, parameters, data.x_test, ids)
        right = training.classes(tested.network, found) == data.y_test
        held_out[str(reads)] = round(float(right.mean()), 6)
    return {
        "held_out": held_out,
        "num_reads": config.num_reads,
        "train": round(row["train_accuracy"], 6),
        "images_per_second": round(config.epochs * count / seconds, 1),
    }


def units(names: Sequence[str], seeds: int, epochs: int, trained: int, held_out: int) -> dict[str, Settings]:
    """All that decides the result of each run."""
    return {
        f"{name}-seed{seed}": {
            "dataset": "mnist",
            "variant": name,
            "seed": seed,
            "epochs": epochs,
            "trained": trained,
            "held_out": held_out,
            "config": config_settings(VARIANTS[name].config(epochs, seed)),
        }
        for seed in range(seeds)
        for name in names
    }


@dataclass(frozen=True)
class Row:
    """A variant over its seeds.

    Attributes:
        most: Held-out accuracies with the most reads, by seed.
        results: What `run` gave, by seed.
        difference: To the base, in points; None of the base itself or without it.
        error: Its standard error, in points; None where no row has two seeds.
    """

    name: str
    results: list[dict[str, Any]]
    most: list[float]
    difference: float | None
    error: float | None

    @property
    def stands_out(self) -> bool:
        return (
            self.difference is not None and self.error is not None and abs(self.difference) > 2 * self.error
        )

    @property
    def verdict(self) -> str:
        if self.difference is None or self.error is None:
            return ""
        return ("better" if self.difference > 0 else "worse") if self.stands_out else "no"


def rows(records: Results) -> list[Row]:
    """The variants that have run, in the order of `VARIANTS`."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for record in records.values():
        by_name.setdefault(record["settings"]["variant"], []).append(record["result"])
    most = {
        name: [r["held_out"][str(MOST_READS)] for r in by_name[name]] for name in VARIANTS if name in by_name
    }
    k = _variance_of_error(list(most.values()))
    found = []
    for name, values in most.items():
        difference = error = None
        if name != "base" and "base" in most:
            difference = 100 * (mean(values) - mean(most["base"]))
            if k is not None:
                parts = [(1 - mean(each)) / len(each) for each in (values, most["base"])]
                error = 100 * float(np.sqrt(k * sum(parts)))
        found.append(Row(name, by_name[name], values, difference, error))
    return found


def _variance_of_error(accuracies: list[list[float]]) -> float | None:
    """Variance over seeds as a multiple of the error rate; a row that collapses once moves no median."""
    repeated = [values for values in accuracies if len(values) > 1 and mean(values) < 1]
    if not repeated:
        return None
    # The median of a variance from n values is less than its mean, by as much as that of chi^2.
    freedom = [len(values) - 1 for values in repeated]
    ratios = [
        float(deviation(values)) ** 2 / (1 - mean(values)) * n / float(chi2.median(n))
        for values, n in zip(repeated, freedom, strict=True)
    ]
    return float(np.median(ratios))


def markdown(found: list[Row]) -> str:
    """A table for all, a heading row for each group."""
    header = (
        "changed",
        "seeds",
        "1 read",
        "reads of training",
        f"{MOST_READS} reads",
        "difference, points",
        "more than 2 s.e.",
        "train",
        "images/s",
    )
    lines: list[Sequence[str]] = []
    group = ""
    for row in found:
        variant = VARIANTS[row.name]
        if variant.group != group:
            group = variant.group
            lines.append((f"**{group}**", *[""] * (len(header) - 1)))
        reads = row.results[0]["num_reads"]
        difference = "" if row.difference is None else f"{row.difference:+.2f}"
        lines.append(
            (
                f"{variant.title} (`{row.name}`)",
                str(len(row.results)),
                spread([r["held_out"]["1"] for r in row.results], 4),
                f"{reads}: {spread([r['held_out'][str(reads)] for r in row.results], 4)}",
                spread(row.most, 4),
                difference + ("" if row.error is None else f" ± {row.error:.2f}"),
                row.verdict,
                spread([r["train"] for r in row.results], 4),
                number(mean([r["images_per_second"] for r in row.results])),
            )
        )
    return table(header, lines)


def draw(found: list[Row]) -> Figure:
    """Error rates on a log scale, so that what collapses is on the page too."""
    figure = Figure(figsize=(8, 1.6 + 0.24 * len(found)), layout="constrained")
    axes = figure.subplots()
    places: list[float] = []
    for k, row in enumerate(found):
        # A line of space before each group.
        begins = k > 0 and VARIANTS[row.name].group != VARIANTS[found[k - 1].name].group
        places.append(places[-1] + (1.6 if begins else 1.0) if places else 0.0)
    base = next((row for row in found if row.name == "base"), None)
    if base is not None:
        axes.axvline(
            100 * (1 - mean(base.most)),
            color="black",
            linewidth=0.8,
            linestyle=":",
            label=f"the base, {MOST_READS} reads",
        )
    for values, colour, marker, label in (
        ([[r["held_out"]["1"] for r in row.results] for row in found], ORANGE, "s", "1 read"),
        ([row.most for row in found], BLUE, "o", f"{MOST_READS} reads"),
    ):
        axes.errorbar(
            [100 * (1 - mean(each)) for each in values],
            places,
            xerr=[100 * float(deviation(each)) for each in values],
            fmt=marker,
            color=colour,
            markerfacecolor=colour if marker == "o" else "white",
            markersize=5,
            capsize=2.5,
            linewidth=1,
            label=label,
        )
    marks = {"better": " (+)", "worse": " (−)"}
    axes.set_yticks(places, [VARIANTS[row.name].title + marks.get(row.verdict, "") for row in found])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [t for t in (1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 90) if low <= t <= high]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel(
        "errors on held-out training images, % (log scale), with s.d. over seeds;\n"
        "(+) better, (−) worse than the base by more than two standard errors",
        fontsize="medium",
    )
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    axes.set_title("Changes of the base")
    return figure


@click.command(
    epilog="Example: python -m benchmarks.learning.variants --data-dir ~/mnist --only base --seeds 1"
)
@report.data_dir_option
@click.option("--epochs", type=click.IntRange(1), help="Of each run.  [default: 4, quick: 1]")
@click.option("--seeds", type=click.IntRange(1, runs.MOST_SEEDS), help="0, 1, ...  [default: 2, quick: 1]")
@report.processes_option
@click.option("--only", multiple=True, type=click.Choice(tuple(VARIANTS)), help="These; all by default.")
@click.option("--quick", is_flag=True, help="2,000 images; written only with --out.")
@runs.out_option
def main(
    data_dir: Path,
    epochs: int | None,
    seeds: int | None,
    processes: int,
    only: tuple[str, ...],
    quick: bool,
    out: Path | None,
) -> None:
    """Try everything that could make learning better, on held-out training images."""
    epochs, seeds = epochs or (1 if quick else 4), seeds or (1 if quick else 2)
    sizes = (QUICK_TRAINED, QUICK_HELD_OUT) if quick else (TRAINED, HELD_OUT)
    with runs.kept("learning", run, out, quick) as kept:
        kept.complete(units(only or tuple(VARIANTS), seeds, epochs, *sizes), data_dir, processes)
        records = kept.records(units(tuple(VARIANTS), runs.MOST_SEEDS, epochs, *sizes))
        found = rows(records)
        kept.write(text_of(found, records, epochs, sizes), draw(found))


def text_of(found: list[Row], records: Results, epochs: int, sizes: tuple[int, int]) -> str:
    """The table, what the base is, and where and when it ran."""
    base = ", ".join(f"{name} {value}" for name, value in BASE.items() if name != "dataset")
    dates = sorted(record["date"][:10] for record in records.values())
    judged = sum(row.error is not None for row in found)
    out_of = sum(row.stands_out for row in found)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    where = report.where(report.machine())
    return (
        f"{markdown(found)}\nBase: {base}; epochs {epochs}; the first {sizes[0]:,} training images, judged on"
        f" the last {sizes[1]:,}. Of {judged} rows {out_of} are more than two standard errors from the base;"
        f" of rows that change nothing one in twenty would be. Runs of {when}.\n\n{where}\n"
    )


if __name__ == "__main__":
    main()
