"""scikit-learn's digits of 8 x 8 pixels, as the published code has them, and by our defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ising_ep import training
from ising_ep.config import TrainConfig
from ising_ep.datasets import Dataset
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import band, grouped, mean, panels, spread
from studies.units import Results, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
# The paper's settings for MNIST, where the package has others for digits.
PAPER: dict[str, Any] = {"learning_rate": 0.01, "statistic": "lowest"}
ROWS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "published": ("pixels 0 to 2, as the published code has them; the paper's settings", 2.0, PAPER),
    "paper": ("pixels 0 to 1; the paper's settings", 1.0, PAPER),
    "defaults": ("pixels 0 to 1; the package's settings for digits", 1.0, {}),
}


def runs(quick: bool) -> dict[str, Settings]:
    """Five seeds of each row."""
    return {
        f"{row}-seed{seed}": {"row": row, "seed": seed, "epochs": 2 if quick else 50}
        for row in ROWS
        for seed in range(2 if quick else 5)
    }


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once, on the published code's split."""
    _, brightest, more = ROWS[settings["row"]]
    config = TrainConfig.checked(
        {"dataset": "digits", "epochs": settings["epochs"], "seed": settings["seed"], **more}
    )
    state = training.train(config, published_split(brightest), num_threads=1)
    return {
        "row": settings["row"],
        "train": [row["train_accuracy"] for row in state.history],
        "test": [row["test_accuracy"] for row in state.history],
        "seconds": round(sum(row["seconds"] for row in state.history), 3),
    }


def published_split(brightest: float) -> Dataset:
    """1,617 training and 180 test images, drawn as the published code draws them; and the brightest pixel."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = (bunch.data / 16 * brightest).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        images, bunch.target.astype(np.int64), test_size=0.1, random_state=10, shuffle=True
    )
    return Dataset("digits", x_train, y_train, x_test, y_test, num_classes=10, image_shape=(8, 8, 1))


def table(results: Results) -> Table:
    """A row for each way."""
    header = [
        "64-120-40",
        "seeds",
        "test, 180 images",
        "the same, mean of the last 10 epochs",
        "train",
        "seconds",
    ]
    rows: list[Sequence[str]] = []
    for row, group in grouped(results, lambda result: str(result["row"])).items():
        rows.append(
            [
                ROWS[row][0],
                str(len(group)),
                spread([result["test"][-1] for result in group]),
                spread([mean(result["test"][-10:]) for result in group]),
                spread([result["train"][-1] for result in group]),
                f"{mean([result['seconds'] for result in group]):.1f}",
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Learning curves."""
    figure, (train, test) = panels(2)
    for style, (row, group) in enumerate(grouped(results, lambda result: str(result["row"])).items()):
        epochs = range(1, len(group[0]["train"]) + 1)
        band(train, epochs, [result["train"] for result in group], ROWS[row][0], style, 2.5)
        band(test, epochs, [result["test"] for result in group], ROWS[row][0], style, 2.5)
    figure.legend(*test.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=9)
    train.set(xlabel="epoch", ylabel="accuracy", title="1,617 images while they are trained on")
    test.set(xlabel="epoch", ylabel="accuracy", title="180 test images")
    for axes in (train, test):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return {"digits": figure}


def remarks(results: Results) -> str:
    """Which way is better, beside what 180 images can tell."""
    tests = {
        row: [mean(result["test"][-10:]) for result in group]
        for row, group in grouped(results, lambda result: str(result["row"])).items()
    }
    best = max(tests, key=lambda row: mean(tests[row]))
    accuracy = mean(tests[best])
    return TEXT.filled(
        "remarks",
        best=ROWS[best][0],
        best_test=spread(tests[best]),
        published=spread(tests["published"]),
        error=(accuracy * (1 - accuracy) / 180) ** 0.5,
    )


STUDY = Study(
    name="digits",
    title="Digits of 8 x 8 pixels",
    paper="The published code offers this data set beside MNIST, with pixels of 0 to 2 and a tenth of the"
    " images for testing; the paper has no result on it.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
