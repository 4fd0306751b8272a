"""All machines on MNIST/100 under one trainer: accuracy, speed, and what noise and coarse couplings cost.

    python -m benchmarks.machines.side_by_side --data-dir DIR [--quick] [--seeds 3] [--processes 2]

784-120-40, 50 epochs of 1,000 images, batch 1, every machine with its default settings. Then, on test images:

- *accuracy* of the free phase on all 10,000;
- *noise*: Gaussian errors on couplings and fields, the former anew for each call of 250 images, with
  standard deviations of 1 to 10 % of 1 (couplings) and of 4 (fields), the bounds of a chip, to which the
  couplings are held, on 2,000 images;
- *precision*: couplings rounded to signed integers of 2 to 10 bits over [-1, 1], and over [-m, m] with m the
  largest of them, as a machine would that has a gain; on the same images.

Images a second are those of training, its evaluation left out, with one thread in each of `--processes` runs
at once. The chip model (Pegasus P16, 2 % of the qubits missing, an image a call, its own errors besides) is a
hundred times slower: one seed of 20 epochs. Two seeds of the others take some ten minutes of one core, the
chip twenty. A full run writes its tables into docs/machines.md too.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure

from benchmarks.support import report
from ising_ep.machines import Machine
from ising_ep.plots.looks import SERIES
from studies.markdown import number, table
from studies.summary import mean, ranged

MACHINES = ("annealing", "deterministic", "analog", "coherent", "oscillator", "chip")
# Of the epochs, for the chip.
SHARE = 0.4
NOISES = (0.0, 0.01, 0.02, 0.05, 0.1)
BITS = tuple(range(2, 11))
# Bounds of a chip's couplings and fields, of which the noise is a fraction.
BOUNDS = 1.0, 4.0
PAGE = Path(__file__).parents[2] / "docs" / "machines.md"
# What stands between these is written by this script.
BEGIN, END = "<!-- benchmarks.machines.side_by_side writes from here -->\n", "<!-- to here -->\n"


class Noisy(Machine):
    """A machine whose couplings and fields are off."""

    def __init__(self, machine: Machine, noise: float) -> None:
        self.machine, self.noise = machine, noise
        self.levels, self.continuous = machine.levels, machine.continuous
        self.field_limit = machine.field_limit
        self.rng = np.random.default_rng(0)

    def sample(self, couplings: Any, fields: Any, **others: Any) -> Any:
        rows, cols, values = couplings
        coupling, field = (self.noise * bound for bound in BOUNDS)
        values = np.clip(values + coupling * self.rng.normal(size=values.shape), -BOUNDS[0], BOUNDS[0])
        fields = (fields + field * self.rng.normal(size=fields.shape)).astype(np.float32)
        return self.machine.sample((rows, cols, values), fields, **others)


def rounded(parameters: dict[str, Any], bits: int, own: bool) -> dict[str, Any]:
    """The parameters with couplings of so many bits, over [-1, 1] or over their own range."""
    from ising_ep.learning import programming

    weights = parameters["W1"]
    reach = float(np.abs(weights).max()) if own else BOUNDS[0]
    return parameters | {"W1": programming.rounded(weights, bits, reach)}


def run(data_dir: Path, settings: dict[str, Any], per_class: int, quick: bool) -> dict[str, Any]:
    """Trains once, and evaluates in every way."""
    from ising_ep import datasets, training
    from ising_ep.config import TrainConfig
    from ising_ep.training.build import machine_of

    mnist = datasets.load_mnist(data_dir, train_per_class=per_class, test_per_class=10)
    config = TrainConfig.checked({"dataset": "mnist", **settings})
    machine = machine_of(config, training.network_of(config, mnist), num_threads=1)
    started = time.perf_counter()
    state = training.train(config, mnist, machine=machine)

    def accuracy(images: int | None, parameters: Any = state.parameters, using: Any = machine) -> float:
        test = datasets.load_mnist(data_dir, train_per_class=1, test_per_class=images)
        found = training.evaluate(config, mnist, parameters, test.x_test, test.y_test, machine=using)
        return found.accuracy

    some = 20 if quick else 200
    record = {
        "settings": config.model_dump(mode="json"),
        "train_accuracies": [row["train_accuracy"] for row in state.history],
        "test_accuracy": accuracy(20 if quick else None),
        "images_per_second": len(mnist.y_train)
        * len(state.history)
        / sum(r["seconds"] for r in state.history),
        "largest_coupling": float(np.abs(state.parameters["W1"]).max()),
    }
    record["noise"] = [accuracy(some, using=Noisy(machine, noise)) for noise in NOISES]
    for name, own in (("bits", False), ("bits_of_own_range", True)):
        record[name] = [accuracy(some, rounded(state.parameters, bits, own)) for bits in BITS]
    return record | {"seconds": time.perf_counter() - started}


@click.command()
@report.data_dir_option
@click.option("--machine", type=click.Choice(MACHINES), multiple=True, help="Only this.  [default: all]")
@click.option("--seeds", default=3, show_default=True, help="Runs of each machine.")
@click.option("--epochs", default=50, show_default=True)
@report.processes_option
@click.option("--quick", is_flag=True, help="One seed, an epoch of 100 images, 200 test images: does it run?")
@report.out_option
def main(
    data_dir: Path,
    machine: tuple[str, ...],
    seeds: int,
    epochs: int,
    processes: int,
    quick: bool,
    out: Path | None,
) -> None:
    """Train on every machine and compare.

    \b
    Example: python -m benchmarks.machines.side_by_side --data-dir ~/mnist --quick
    """
    if quick:
        seeds = epochs = 1
    names = machine or MACHINES
    folder = report.folder(out, full=not quick and not machine and epochs >= 50)
    facts = report.machine()
    settings: list[dict[str, Any]] = [
        {"machine": name, "epochs": math.ceil(SHARE * epochs) if name == "chip" else epochs, "seed": seed}
        for name in reversed(names)  # the longest first
        for seed in range(1 if name == "chip" else seeds)
    ]
    done: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    jobs = {
        (given["machine"], given["seed"]): (run, (data_dir, given, 10 if quick else 100, quick))
        for given in settings
    }
    for (name, _), record in report.in_processes(jobs, processes):
        done[name].append(record)
    text = tables(done)
    click.echo(text)
    if folder is not None:
        record = {"machine": facts, "epochs": epochs, "noises": NOISES, "bits": BITS, "runs": done}
        markdown = f"{text}\n{report.where(facts)}\n"
        report.write(folder, "machines", record, markdown, draw(done))
        if folder == report.RESULTS:
            before, rest = PAGE.read_text().split(BEGIN)
            picture = "![Accuracy against noise and precision](../benchmarks/results/machines.png)\n"
            PAGE.write_text(f"{before}{BEGIN}\n{markdown}\n{picture}\n{END}{rest.split(END)[1]}")


def tables(done: dict[str, list[dict[str, Any]]]) -> str:
    """Means over the seeds, the range of the accuracy beside it."""
    rows: list[tuple[str, ...]] = []
    for name, runs in done.items():
        train = mean([record["train_accuracies"][-1] for record in runs])
        speed = mean([record["images_per_second"] for record in runs])
        tests = ranged([record["test_accuracy"] for record in runs], 4)
        epochs = len(runs[0]["train_accuracies"])
        rows.append((name, str(epochs), str(len(runs)), f"{train:.4f}", tests, number(speed)))
    header: tuple[str, ...] = ("machine", "epochs", "seeds", "training images", "test images", "images/s")
    parts = [table(header, rows)]
    for title, key, values, unit in STUDIES:
        rows = [
            (name, *(f"{x:.3f}" for x in np.mean([record[key] for record in runs], axis=0)))
            for name, runs in done.items()
        ]
        header = (title, *(f"{100 * value:g} %" if unit == "%" else str(value) for value in values))
        parts.append(table(header, rows))
    return "\n".join(parts)


STUDIES = (
    ("noise on couplings and fields", "noise", NOISES, "%"),
    ("bits of couplings over [-1, 1]", "bits", BITS, ""),
    ("bits over their own range", "bits_of_own_range", BITS, ""),
)


def draw(done: dict[str, list[dict[str, Any]]]) -> Figure:
    """Accuracy against noise and precision."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    looks = dict(zip(MACHINES, SERIES, strict=True))
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (title, key, values, unit) in zip(panels, STUDIES, strict=True):
        for name, runs in done.items():
            x = [100 * value if unit == "%" else value for value in values]
            axes.plot(x, np.mean([r[key] for r in runs], axis=0), label=name, markersize=4, **looks[name])
        axes.set(
            title=title[0].upper() + title[1:],
            xlabel="standard deviation, % of the bound" if unit == "%" else "bits",
        )
        axes.grid(alpha=0.3)
    panels[0].set(ylabel="accuracy on 2,000 test images", ylim=(0, 1))
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(done), frameon=False)
    return figure


if __name__ == "__main__":
    main()
