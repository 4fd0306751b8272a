"""The paper's convolutional network on the chip model: the epoch in which both patterns are right.

    python benchmarks/chip_patterns.py [--seeds 10]

40 spins on 56 qubits of a chip, 2 % of its qubits missing, chain strength 2, beta 5, 10 reads, 20 epochs.
Right means a mean squared error of 0 over the four outputs of both patterns, in a free phase after an epoch.
"""

from __future__ import annotations

from pathlib import Path

import click

import report
from ising_ep import datasets, training
from ising_ep.config import TrainConfig

CHIPS = ("chimera:16", "pegasus:16", "zephyr:12")


@click.command()
@click.option("--seeds", default=10, show_default=True, help="Runs on each chip.")
@report.out_option
def main(seeds: int, out: Path | None) -> None:
    """Train on every chip with every seed."""
    folder = report.folder(out, full=seeds >= 10)
    patterns = datasets.load_patterns()
    record = {"machine": report.machine(), "losses": {}}
    rows = []
    for chip in CHIPS:
        runs = []
        for seed in range(seeds):
            settings = {"network": "convolutional", "machine": "chip", "chip": chip, "seed": seed}
            config = TrainConfig.checked({"dataset": "patterns", **settings})
            state = training.train(config, patterns, num_threads=1)
            runs.append([row["test_loss"] for row in state.history])
        record["losses"][chip] = runs
        first = [str(run.index(0) + 1) if 0 in run else "none" for run in runs]
        right = sum(0 in run for run in runs)
        rows.append((chip, f"{right} of {seeds}", ", ".join(first), f"{sum(run[-1] == 0 for run in runs)}"))
    header = ("chip", "runs with error 0", "first in epoch", "with error 0 after the last")
    text = report.table(header, rows)
    click.echo(text)
    if folder is not None:
        report.write(folder, "chip_patterns", record, f"{text}\n{report.where(record['machine'])}\n")


if __name__ == "__main__":
    main()
