"""MNIST/100 on the chip model, through embedding, tiles and unembedding: accuracy against chains and noise.

    python benchmarks/chip_training.py --data-dir DIR [--study settings] [--epochs 50] [--processes 2]

784-120-40 with the paper's settings (10 reads, beta 5, reverse anneal to s = 0.25) on a Pegasus P16 with 2 %
of its qubits missing, on which each image is a call of 20 us anneals, 40 sweeps of the thermal model to a
microsecond. Studies:

- `seeds`: the default settings, three seeds, and simulated annealing of the network itself beside it;
- `settings`: chain strength and noise (standard errors of h and J), one seed;
- `tiles`: minibatches of four, one image a call, and all four on four copies; 0.5 % of the qubits missing, as
  on the real chips, since four do not fit with 2 %.

Accuracies are of the last epoch, on the 1,000 training images, and on the first 100 test images of each
class. A run takes some ten minutes.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import click

import report

STUDIES: dict[str, dict[str, list[dict[str, Any]]]] = {
    "seeds": {
        "chip": [{"seed": seed} for seed in range(3)],
        "annealing": [{"machine": "annealing", "seed": seed} for seed in range(3)],
    },
    "settings": {
        f"chains {strength:g}, noise {noise[0]:g} and {noise[1]:g}": [
            {"chain_strength": strength, "chip_noise": noise}
        ]
        for strength, noise in (
            (0.5, (0.02, 0.015)),
            (2.0, (0.02, 0.015)),
            (1.0, (0.0, 0.0)),
            (1.0, (0.06, 0.045)),
        )
    },
    "tiles": {
        f"{images} of a minibatch of four in a call": [
            {"batch_size": 4, "copies": copies, "seed": seed, "chip_missing": 0.005, "num_sweeps": 400}
            for seed in range(2)
        ]
        for images, copies in (("one", 1), ("four", 4))
    },
}


def run(data_dir: str, epochs: int, settings: dict[str, Any]) -> dict[str, Any]:
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
    started = time.perf_counter()
    state = training.train(config, data, machine=machine)
    seconds = time.perf_counter() - started
    more = datasets.load("mnist", data_dir=data_dir, train_per_class=1, test_per_class=100)
    # Of all reads of training and its tests.
    chip = isinstance(machine, EmbeddedMachine)
    calls, broken = (state.usage.problems, state.usage.chain_break_fraction) if chip else (None, None)
    test = training.evaluate(config, data, state.parameters, more.x_test, more.y_test, machine=machine)
    return {
        "settings": config.model_dump(mode="json"),
        "train_accuracy": state.history[-1]["train_accuracy"],
        "train_accuracies": [row["train_accuracy"] for row in state.history],
        "test_accuracy": test.accuracy,
        "test_images": len(more.y_test),
        "largest_weight": float(np.abs(state.parameters["W1"]).max()),
        "calls": calls,
        "chains_broken": broken,
        "copies": machine.embedding.num_copies if chip else None,
        "qubits": machine.embedding.num_qubits if chip else None,
        "longest_chain": int(machine.embedding.chain_lengths().max()) if chip else None,
        "seconds": seconds,
    }


@click.command()
@click.option("--data-dir", required=True, help="Folder of MNIST's IDX files.")
@click.option("--study", type=click.Choice(list(STUDIES)), multiple=True, help="Only this.  [default: all]")
@click.option("--epochs", default=50, show_default=True)
@click.option("--processes", default=2, show_default=True, help="Runs at once.")
@report.out_option
def main(data_dir: str, study: tuple[str, ...], epochs: int, processes: int, out: Path | None) -> None:
    """Train on the chip model, setting by setting.

    \b
    Example: python benchmarks/chip_training.py --data-dir ~/mnist --study seeds --epochs 5
    """
    folder = report.folder(out, full=epochs >= 50)
    facts = report.machine()
    names = study or tuple(STUDIES)
    done: dict[str, dict[str, list[dict[str, Any]]]] = {
        name: {row: [] for row in STUDIES[name]} for name in names
    }
    with ProcessPoolExecutor(processes) as pool, report.progress() as progress:
        futures = {
            pool.submit(run, data_dir, epochs, settings): (name, row)
            for name in names
            for row, all_of_row in STUDIES[name].items()
            for settings in all_of_row
        }
        task = progress.add_task("runs", total=len(futures))
        for future in as_completed(futures):
            name, row = futures.pop(future)
            done[name][row].append(future.result())
            progress.advance(task)
            if any(left == name for left, _ in futures.values()):
                continue
            text = _table(done[name])
            click.echo(f"{name}\n\n{text}")
            if folder is not None:
                record = {"machine": facts, "epochs": epochs, "runs": done[name]}
                report.write(folder, f"chip_training_{name}", record, f"{text}\n{report.where(facts)}\n")


def _table(done: dict[str, list[dict[str, Any]]]) -> str:
    """A row for each setting, means over its seeds."""
    header = ("", "train", "test (1,000)", "chains broken", "calls", "copies, qubits, longest", "minutes")
    lines = []
    for row, runs in done.items():
        first = runs[0]
        spread = [_of_seeds([r[name] for r in runs]) for name in ("train_accuracy", "test_accuracy")]
        chip = ("", "", "")
        if first["copies"] is not None:
            broken = sum(r["chains_broken"] for r in runs) / len(runs)
            calls = sum(r["calls"] for r in runs) / len(runs)
            size = f"{first['copies']}, {first['qubits']}, {first['longest_chain']}"
            chip = (f"{broken:.2%}", f"{calls:,.0f}", size)
        minutes = sum(r["seconds"] for r in runs) / len(runs) / 60
        lines.append((row, *spread, *chip, f"{minutes:.1f}"))
    return report.table(header, lines)


def _of_seeds(values: list[float]) -> str:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
