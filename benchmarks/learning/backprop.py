"""scikit-learn's `MLPClassifier`, learned by backpropagation, on pictures: what to compare with.

    python -m benchmarks.learning.backprop --dataset mnist --data-dir DIR    hidden layer of 120
    python -m benchmarks.learning.backprop --dataset cifar10 --data-dir DIR --hidden 512
    python -m benchmarks.learning.backprop --dataset FILE.npz --hidden 512

All training images, pixels less their mean over their standard deviation, one hidden layer, everything else
as scikit-learn has it but for 20 epochs. No setting was chosen by these test images, or others.

**Train, test**: accuracy after the last epoch.

Each is kept in `results/backprop/*.json`; `results/backprop.md` is made of what is there.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import click
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.support import report, runs
from ising_ep import datasets
from studies.markdown import table
from studies.units import Results, Settings

EPOCHS = 20
# Looked for among the results, whatever is asked for.
DATASETS, HIDDEN = ("mnist", "cifar10", "cifar.npz"), (120, 512)


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Learns and tests."""
    name = settings["dataset"]
    data = datasets.load(folder / name) if name.endswith(".npz") else datasets.load(name, data_dir=folder)
    mean, scale = data.x_train.mean(axis=0), data.x_train.std()
    x_train, x_test = ((x - mean) / scale for x in (data.x_train, data.x_test))
    model = MLPClassifier((settings["hidden"],), max_iter=settings["epochs"], random_state=settings["seed"])
    seconds = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as many epochs as were asked for
        model.fit(x_train, data.y_train)
    return {
        "train": round(float(model.score(x_train, data.y_train)), 6),
        "test": round(float(model.score(x_test, data.y_test)), 6),
        "cpu_seconds": round(time.process_time() - seconds, 1),
    }


def page(records: Results) -> str:
    """A row for each."""
    rows = [
        (
            record["settings"]["dataset"],
            str(record["settings"]["hidden"]),
            f"{record['result']['train']:.4f}",
            f"{record['result']['test']:.4f}",
            f"{record['result']['cpu_seconds']:.0f}",
        )
        for record in records.values()
    ]
    return table(("data set", "hidden", "train", "test", "CPU s"), rows)


@click.command(epilog="Example: python -m benchmarks.learning.backprop --dataset mnist --data-dir ~/mnist")
@click.option("--dataset", required=True, help="mnist, cifar10, or FILE.npz.")
@click.option(
    "--data-dir", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Of a data set by name."
)
@click.option("--hidden", default=120, show_default=True, type=click.IntRange(1), help="Hidden units.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed.")
@runs.out_option
def main(dataset: str, data_dir: Path | None, hidden: int, seed: int, out: Path | None) -> None:
    """Learn pictures by backpropagation."""
    if dataset.endswith(".npz"):
        data_dir, dataset = Path(dataset).absolute().parent, Path(dataset).name
    if data_dir is None:
        raise click.UsageError(f"--data-dir is missing, expected the folder of {dataset}")
    kinds = {(dataset, hidden), *((name, units) for name in DATASETS for units in HIDDEN)}
    known = {
        f"{Path(name).stem}-{units}-seed{seed}": {
            "dataset": name,
            "hidden": units,
            "epochs": EPOCHS,
            "seed": seed,
        }
        for name, units in sorted(kinds)
    }
    wanted = f"{Path(dataset).stem}-{hidden}-seed{seed}"
    with runs.kept("backprop", run, out, quick=False) as kept:
        kept.complete({wanted: known[wanted]}, data_dir, processes=1)
        kept.write(f"{page(kept.records(known))}\n{report.where(report.machine())}\n")


if __name__ == "__main__":
    main()
