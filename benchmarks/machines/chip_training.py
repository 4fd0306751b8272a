"""MNIST/100 on the chip model, through embedding, tiles and unembedding: accuracy against chains and noise.

    python -m benchmarks.machines.chip_training --data-dir DIR [--study settings] [--epochs 50]

784-120-40 with the paper's settings (10 reads, beta 5, reverse anneal to s = 0.25) on a Pegasus P16 with 2 %
of its qubits missing, on which each image is a call of 20 us anneals of the thermal model. Studies:

- `settings`: three seeds of the default, chain strengths, and other numbers of sweeps;
- `causes`: which of a chip's errors, temperature and freeze-out cost accuracy, and what mends it, one seed;
- `tiles`: minibatches of four, one image a call, and all four on four copies; 0.5 % of the qubits missing, as
  on the real chips, since four do not fit with 2 %.

Accuracies are the mean of the last five epochs on the 1,000 training images, and after the last epoch on the
first 100 test images of each class. A run takes some five minutes. The default settings over several seeds,
without noise, and beside simulated annealing of the network itself, are the paper's study `chip`
(`python -m papers.laydevant2024 chip`).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from benchmarks.support import report
from studies.markdown import table
from studies.summary import mean, ranged

# Epochs over which accuracies in training are averaged, as they vary from one to the next.
LAST = 5
# Errors of the chip model that stay and those that are new, as they are by default and without.
QUIET: dict[str, Any] = {"chip_noise": (0.0, 0.0), "chip_offsets": (0.0, 0.0), "chip_susceptibility": 0.0}

STUDIES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "settings": {
        "the default": [{"seed": seed} for seed in range(3)],
        "chains of J = -0.5": [{"chain_strength": 0.5}],
        "chains of J = -2": [{"chain_strength": 2.0}],
        "400 sweeps": [{"num_sweeps": 400}],
        "1,600 sweeps": [{"num_sweeps": 1600}],
    },
    # What of a chip costs accuracy, and what mends it.
    "causes": {
        "the default": [{}],
        "no errors at all": [QUIET],
        "new errors only, twice as large": [QUIET | {"chip_noise": (0.044, 0.034)}],
        "errors that stay only, twice as large": [QUIET | {"chip_offsets": (0.044, 0.034)}],
        "susceptibility only, twice as large": [QUIET | {"chip_susceptibility": -0.025}],
        "reads wrong, 1 in 200": [QUIET | {"chip_readout_error": 0.005}],
        "no freeze-out: a rate 1,000 times as large": [QUIET | {"chip_rate": 1e7}],
        "half as hot, 9.25 mK": [QUIET | {"chip_temperature": 9.25}],
        "gauges": [{"gauges": True}],
        "30 reads": [{"num_reads": 30}],
        "anneals of 200 us": [{"annealing_time": 200.0, "num_sweeps": 2000}],
        "means of reads (average)": [{"statistic": "average"}],
        "conditional means": [{"statistic": "conditional"}],
    },
    "tiles": {
        f"{images} of a minibatch of four in a call": [
            {"batch_size": 4, "copies": copies, "seed": seed, "chip_missing": 0.005} for seed in range(2)
        ]
        for images, copies in (("one", 1), ("four", 4))
    },
}


def run(data_dir: Path, epochs: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Trains once."""
    import numpy as np

    from ising_ep import datasets, training
    from ising_ep.config import TrainConfig
    from ising_ep.machines.embedded import EmbeddedMachine
    from ising_ep.training.build import machine_of

    data = datasets.load("mnist", data_dir=data_dir, train_per_class=100, test_per_class=10)
    given = {"dataset": "mnist", "machine": "chip", "epochs": epochs, **settings}
    config = TrainConfig.checked(given)
    machine = machine_of(config, training.network_of(config, data), num_threads=1)
    assert isinstance(machine, EmbeddedMachine)
    started = time.perf_counter()
    state = training.train(config, data, machine=machine)
    seconds = time.perf_counter() - started
    more = datasets.load("mnist", data_dir=data_dir, train_per_class=1, test_per_class=100)
    test = training.evaluate(config, data, state.parameters, more.x_test, more.y_test, machine=machine)
    return {
        "settings": config.model_dump(mode="json"),
        "train_accuracy": state.history[-1]["train_accuracy"],
        "train_accuracies": [row["train_accuracy"] for row in state.history],
        "test_accuracy": test.accuracy,
        "test_images": len(more.y_test),
        "largest_weight": float(np.abs(state.parameters["W1"]).max()),
        # Of all reads of training and its tests.
        "calls": state.usage.problems,
        "chains_broken": state.usage.chain_break_fraction,
        "copies": machine.embedding.num_copies,
        "qubits": machine.embedding.num_qubits,
        "longest_chain": int(machine.embedding.chain_lengths().max()),
        "seconds": seconds,
    }


@click.command()
@report.data_dir_option
@click.option("--study", type=click.Choice(list(STUDIES)), multiple=True, help="Only this.  [default: all]")
@click.option("--epochs", default=50, show_default=True)
@report.processes_option
@report.out_option
def main(data_dir: Path, study: tuple[str, ...], epochs: int, processes: int, out: Path | None) -> None:
    """Train on the chip model, setting by setting.

    \b
    Example: python -m benchmarks.machines.chip_training --data-dir ~/mnist --study tiles --epochs 5
    """
    folder = report.folder(out, full=epochs >= 50)
    facts = report.machine()
    names = study or tuple(STUDIES)
    done: dict[str, dict[str, list[dict[str, Any]]]] = {
        name: {row: [] for row in STUDIES[name]} for name in names
    }
    jobs = {
        (name, row, k): (run, (data_dir, epochs, settings))
        for name in names
        for row, all_of_row in STUDIES[name].items()
        for k, settings in enumerate(all_of_row)
    }
    left = [name for name, *_ in jobs]
    for (name, row, _), result in report.in_processes(jobs, processes):
        done[name][row].append(result)
        left.remove(name)
        if name in left:
            continue
        text = _table(done[name])
        click.echo(f"{name}\n\n{text}")
        if folder is not None:
            record = {"machine": facts, "epochs": epochs, "runs": done[name]}
            report.write(folder, f"chip_training_{name}", record, f"{text}\n{report.where(facts)}\n")


def _table(done: dict[str, list[dict[str, Any]]]) -> str:
    """A row for each setting, means over its seeds."""
    header = (
        "",
        f"train, last {LAST} epochs",
        "test (1,000)",
        "chains broken",
        "calls",
        "copies, qubits, longest",
        "minutes",
    )
    lines = []
    for row, runs in done.items():
        first = runs[0]
        last = [mean(r["train_accuracies"][-LAST:]) for r in runs]
        spread = [ranged(last), ranged([r["test_accuracy"] for r in runs])]
        broken, calls = (mean([r[name] for r in runs]) for name in ("chains_broken", "calls"))
        size = f"{first['copies']}, {first['qubits']}, {first['longest_chain']}"
        minutes = mean([r["seconds"] for r in runs]) / 60
        lines.append((row, *spread, f"{broken:.2%}", f"{calls:,.0f}", size, f"{minutes:.1f}"))
    return table(header, lines)


if __name__ == "__main__":
    main()
