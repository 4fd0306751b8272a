"""Runs of `ising-ep train` that take long, told from their folders: what they learned, and how long it took.

    ising-ep train --preset mnist --data-dir DIR --seed 0 --out RUNS/mnist-seed0
    python -m benchmarks.learning.long_runs RUNS/*

A run that stops goes on by `ising-ep train --resume FOLDER`, to the same numbers, so that it may take longer
than anybody waits; this command reads what is there, and trains nothing. Nothing is chosen here: a run is
told by its last epoch, on the test images that its settings name.

- **Means, spins**: epochs with means in place of spins, and epochs of the machine itself.
- **Test after the means**: accuracy of the means in the last of their epochs.
- Tests of single epochs may be missing: a run that was tested at its end alone has `nan` there.
- **Hours** of learning, without tests, with whatever else the cores did.
- **QPU access time**, of a chip or its model, learning and tests, in seconds.

The names of the folders are the names of the runs; `-seedN` at the end are runs of one kind. What is told is
kept in `results/long_runs/*.json`, without the parameters; `results/long_runs.md` and `.png` are made of what
is there.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.support import report
from ising_ep.plots import epoch_axis
from ising_ep.training.run_folder import RunFolder
from studies.markdown import number, table
from studies.summary import band, panels, spread

NAME = "long_runs"
SEED = re.compile(r"-seed\d+$")


def told(folder: Path) -> dict[str, Any]:
    """What is to be told of a run: settings, versions, and each epoch.

    Raises:
        ValueError: If it is no run, or not at its end.
    """
    run = RunFolder.open(folder)
    rows = [
        {name: None if value == "nan" else float(value) for name, value in row.items()}
        for row in _table(folder / "metrics.csv")
    ]
    if len(rows) < run.config.epochs:
        raise ValueError(f"{folder} has {len(rows)} of its {run.config.epochs} epochs; go on with --resume")
    chip = folder / "chip.csv"
    return {
        # Where the images lay is of no interest, and of this machine.
        "settings": run.config.model_dump(mode="json")
        | {"data_dir": None, "dataset": Path(run.config.dataset).name},
        "seed": run.config.seed,
        "versions": report.machine(),
        "epochs": rows,
        "access_time": sum(float(row["qpu_access_time"]) for row in _table(chip)) if chip.exists() else None,
    }


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def page(runs: dict[str, dict[str, Any]]) -> tuple[str, Figure]:
    """A table of the kinds of runs, and their learning curves."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name, run in sorted(runs.items()):
        kinds.setdefault(SEED.sub("", name), []).append(run)
    header = (
        "run",
        "seeds",
        "means, spins",
        "train, last epoch",
        "test after the means",
        "test",
        "hours",
        "access time, s",
    )
    lines = [
        (
            f"`{kind}`",
            str(len(group)),
            "{}, {}".format(*_epochs(group[0])),
            _at(group, -1, "train_accuracy"),
            _at(group, _epochs(group[0])[0] - 1, "test_accuracy") if _epochs(group[0])[0] else "",
            _at(group, -1, "test_accuracy"),
            f"{np.mean([sum(row['seconds'] for row in run['epochs']) for run in group]) / 3600:.2f}",
            ""
            if group[0]["access_time"] is None
            else number(float(np.mean([run["access_time"] for run in group]))),
        )
        for kind, group in kinds.items()
    ]
    settings = "".join(f"- `{kind}`: `{json.dumps(group[0]['settings'])}`\n" for kind, group in kinds.items())
    figure, axes = panels(min(2, len(kinds)), -(-len(kinds) // 2))
    for panel, (kind, group) in zip(axes, kinds.items(), strict=False):
        epochs = np.arange(1, len(group[0]["epochs"]) + 1)
        for style, (text, column) in enumerate({"train": "train_accuracy", "test": "test_accuracy"}.items()):
            band(
                panel,
                epochs,
                np.array([[row[column] for row in run["epochs"]] for run in group], dtype=float),
                text,
                style,
                markersize=3,
            )
        means, spins = _epochs(group[0])
        if means and spins:
            panel.axvline(
                means + 0.5, color="black", linewidth=0.8, linestyle=":", label="spins from here on"
            )
        panel.set(ylabel="accuracy", title=kind)
        epoch_axis(panel, epochs.tolist())
        panel.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        panel.legend(frameon=False)
    for panel in axes[len(kinds) :]:
        panel.set_visible(False)
    return f"{table(header, lines)}\nSettings:\n\n{settings}\n{report.where(report.machine())}\n", figure


def _epochs(run: dict[str, Any]) -> tuple[int, int]:
    """Epochs of means, and of spins."""
    settings = run["settings"]
    means = (
        settings["epochs"] if settings["machine"] == "mean-field" else settings.get("mean_field_epochs", 0)
    )
    return means, settings["epochs"] - means


def _at(group: Sequence[dict[str, Any]], epoch: int, column: str) -> str:
    return spread([run["epochs"][epoch][column] for run in group], 4)


@click.command(epilog="Example: python -m benchmarks.learning.long_runs runs/*")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@report.out_option
def main(folders: tuple[Path, ...], out: Path | None) -> None:
    """Tell what the runs in these folders learned, beside those told before."""
    kept = (out or report.RESULTS) / NAME
    found = {folder.name: told(folder) for folder in folders}
    kept.mkdir(parents=True, exist_ok=True)
    for name, run in found.items():
        (kept / f"{name}.json").write_text(json.dumps(run, indent=1) + "\n")
    runs = {file.stem: json.loads(file.read_text()) for file in sorted(kept.glob("*.json"))}
    if not runs:
        raise click.ClickException("no run is given, and none was told before")
    text, figure = page(runs)
    click.echo(text)
    report.write_page(kept.parent, NAME, text, figure)


if __name__ == "__main__":
    main()
