"""784-120-40 on MNIST/100 by deterministic dynamics of binary neurons; and by backpropagation, the yardstick.

What the published code does is told from https://github.com/jlaydevant/Ising-Machine-EqProp
(MLP/Deterministic, and the command line for it in the README).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.neural_network import MLPClassifier

from ising_ep.config import TrainConfig
from ising_ep.plots.looks import BLACK
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import grouped, mean, panels, spread
from studies.units import Results, Settings

from . import training_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
HIDDEN = 120
METHOD, BACKPROP = "relaxation", "backprop"
# Rates of the published command line, for weights and biases alike, and ours.
PUBLISHED_RATE = 0.1
RATES: dict[str, Settings] = {
    METHOD: {},
    "published-rates": {"learning_rate": PUBLISHED_RATE, "bias_learning_rate": PUBLISHED_RATE},
    "published-rates-batch10": {
        "learning_rate": PUBLISHED_RATE,
        "bias_learning_rate": PUBLISHED_RATE,
        "batch_size": 10,
    },
}
# Below this an accuracy is that of guessing.
AT_CHANCE = 0.15
TITLES = {
    METHOD: "binary neurons, rates of 0.01",
    "published-rates": "binary neurons, the README's rates of 0.1",
    "published-rates-batch10": "the same, 10 images an update",
    BACKPROP: f"backpropagation, {HIDDEN} hidden units",
}


def runs(quick: bool) -> dict[str, Settings]:
    """Five seeds of the method and of backpropagation, three of other rates."""
    units: dict[str, Settings] = {}
    for method in TITLES:
        for seed in range(2 if quick else 5 if method in (METHOD, BACKPROP) else 3):
            unit: Settings = {"dataset": "mnist", "method": method, "seed": seed}
            if method != BACKPROP:
                unit["epochs"] = 2 if quick else 50
                unit["tested"] = [] if quick else [1, 2, 5, 10, 20, 30, 40, 50]
            units[f"{method}-seed{seed}"] = unit
    return units


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once."""
    method = settings["method"]
    if method == BACKPROP:
        return {"method": method, **_backprop(settings["seed"], folder)}
    config = TrainConfig.checked(
        training_runs.MNIST100
        | {"machine": "deterministic", "epochs": settings["epochs"], "seed": settings["seed"]}
        | RATES[method]
    )
    result, _ = training_runs.train(config, folder, tested=settings["tested"])
    return {"method": method, **result}


def _backprop(seed: int, folder: Path) -> dict[str, Any]:
    """scikit-learn's network of the same hidden size, its settings left alone."""
    paper, whole = training_runs.mnist100(folder)
    started = time.perf_counter()
    model = MLPClassifier((HIDDEN,), random_state=seed).fit(whole.x_train, whole.y_train)
    seconds = time.perf_counter() - started
    names = ("activation", "solver", "learning_rate_init", "batch_size", "alpha", "tol", "n_iter_no_change")
    return {
        "train": [float(model.score(whole.x_train, whole.y_train))],
        "test_100": [float(model.score(paper.x_test, paper.y_test))],
        "test_10000": {str(model.n_iter_): float(model.score(whole.x_test, whole.y_test))},
        "seconds": round(seconds, 3),
        "epochs": int(model.n_iter_),
        "settings": {name: getattr(model, name) for name in names},
    }


def _groups(results: Results) -> dict[str, list[dict[str, Any]]]:
    return grouped(results, lambda result: str(result["method"]))


def table(results: Results) -> Table:
    """Accuracies of the last epoch."""
    header = ["", "seeds", "test, all 10,000", "test, the paper's 100", "train", "seconds"]
    rows: list[Sequence[str]] = [
        [
            TITLES[method],
            str(len(group)),
            spread([training_runs.last_test(result) for result in group]),
            spread([result["test_100"][-1] for result in group]),
            spread([result["train"][-1] for result in group], 4),
            f"{mean([result['seconds'] for result in group]):.1f}",
        ]
        for method, group in _groups(results).items()
    ]
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Learning curves, and the last tests of all."""
    figure, (curves, tests) = panels(2)
    groups = _groups(results)
    method = groups[METHOD]
    yardstick = mean([training_runs.last_test(result) for result in groups[BACKPROP]])
    training_runs.draw_curves(curves, method, yardstick, "backpropagation, all 10,000")
    names = list(groups)[::-1]
    lasts = [[training_runs.last_test(result) for result in groups[name]] for name in names]
    places = range(len(names))
    for place, last in zip(places, lasts, strict=True):
        label = "a seed" if place == 0 else None
        tests.plot(last, [place + 0.15] * len(last), "|", color=BLACK, label=label)
    training_runs.draw_last_tests(tests, lasts)
    tests.set_yticks(places, [TITLES[name].replace(", ", ",\n") for name in names], fontsize=8)
    tests.set(title="Last epoch")
    tests.legend(frameon=False, fontsize=8)
    return {"deterministic": figure}


def remarks(results: Results) -> str:
    """Against backpropagation, and what the rates do."""
    groups = _groups(results)
    tests = {name: [training_runs.last_test(result) for result in group] for name, group in groups.items()}
    yardstick = groups[BACKPROP]
    ends = [result["epochs"] for result in yardstick]
    lost = [TITLES[name] for name in RATES if min(tests[name]) < AT_CHANCE]
    return TEXT.filled(
        "remarks",
        epochs=len(groups[METHOD][0]["train"]),
        train=spread([result["train"][-1] for result in groups[METHOD]], 4),
        test=spread(tests[METHOD]),
        gap=mean(tests[METHOD]) - mean(tests[BACKPROP]),
        backprop=spread(tests[BACKPROP]),
        hidden=HIDDEN,
        settings=", ".join(f"{name} {value}" for name, value in yardstick[0]["settings"].items()),
        first_end=min(ends),
        last_end=max(ends),
        published_rate=PUBLISHED_RATE,
        published=spread(tests["published-rates"]),
        published_batch10=spread(tests["published-rates-batch10"]),
        stuck=TEXT.filled("stuck", names=", ".join(lost)) if lost else "",
    )


STUDY = Study(
    name="deterministic",
    title="The same network with deterministic dynamics, and with backpropagation",
    paper="Binary neurons with real weights that relax deterministically (beta 2, 20 free and 10 nudged steps"
    " of 0.5, threshold 0.5) learn about as well as the Ising machines.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
