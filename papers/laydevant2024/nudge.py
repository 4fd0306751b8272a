"""Why a large nudge: what is left of the contrast of the two phases when the nudge is small."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ising_ep import training
from ising_ep.config import TrainConfig
from ising_ep.network import Parameters
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import band, mean, panels, spread
from studies.units import Results, Settings

from . import training_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
# The step: a learning rate over beta, as in the paper; or that of beta 5 at every beta.
FIXED_RATE, FIXED_STEP = "rate", "step"
WAYS = {FIXED_RATE: "learning rate 0.01", FIXED_STEP: "step of beta 5"}
SIGNS = {1: "beta > 0", -1: "beta < 0"}
SIZES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 10.0)
# Images whose single updates are measured.
MEASURED = 200


def runs(quick: bool) -> dict[str, Settings]:
    """What each nudge changes, then training: both ways of the step and both signs; three seeds."""
    sizes = (0.2, 1.0, 5.0) if quick else SIZES
    seeds = range(1 if quick else 3)
    common = {"dataset": "mnist", "epochs": 1 if quick else 20}
    units: dict[str, Settings] = {
        f"changed-seed{seed}": {**common, "betas": [b for size in sizes for b in (size, -size)], "seed": seed}
        for seed in seeds
    }
    for way in (FIXED_RATE, FIXED_STEP):
        for beta in (b for size in sizes for b in (size, -size)):
            name = f"{way}-{'plus' if beta > 0 else 'minus'}{abs(beta):g}"
            units |= {
                f"{name}-seed{seed}": {**common, "way": way, "beta": beta, "seed": seed} for seed in seeds
            }
    return units


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once; or says what each beta changes, on an untrained network and on the paper's."""
    config = TrainConfig.checked(
        training_runs.MNIST100 | {"epochs": settings["epochs"], "seed": settings["seed"]}
    )
    if "beta" in settings:
        beta = settings["beta"]
        scale = 1.0 if settings["way"] == FIXED_RATE else abs(beta) / config.nudge
        changes = {
            "nudge": beta,
            "learning_rate": config.learning_rate * scale,
            "bias_learning_rate": config.bias_learning_rate * scale,
        }
        result, _ = training_runs.train(config.model_copy(update=changes), folder)
        return {
            "way": settings["way"],
            "beta": beta,
            "train": result["train"][-1],
            "test_10000": training_runs.last_test(result),
        }
    paper, _ = training_runs.mnist100(folder)
    start = training.network_of(config, paper).initial_parameters(np.random.default_rng([config.seed, 0]))
    _, trained = training_runs.train(config, folder)
    ways = {beta: config.model_copy(update={"nudge": beta}) for beta in settings["betas"]}
    return {
        when: [_changed(way, folder, parameters) for way in ways.values()]
        for when, parameters in (("untrained", start), ("trained", trained))
    }


def _changed(config: TrainConfig, folder: Path, parameters: Parameters) -> dict[str, float]:
    """What the nudge changes on the training images that come out wrong; nothing is learned from them."""
    paper, _ = training_runs.mnist100(folder)
    rule = training.learning_rule(config, paper, num_threads=1)
    x, target = paper.x_train, rule.network.targets(paper.y_train)
    ids = np.arange(len(x), dtype=np.uint32)
    fields = rule.network.fields(parameters, x)
    free = rule.free_phase(parameters, fields, ids)
    nudged = rule.nudge_phase(parameters, fields, target, free, ids)
    outputs = rule.network.outputs
    states, pulled = free.states[:, 0], nudged.states[:, 0]
    wrong = np.flatnonzero((states[:, outputs] != target).any(axis=1))
    changed = (states != pulled)[wrong]
    # +1 for an output spin that turns to its target, -1 for one that turns away.
    turned = (pulled[wrong, outputs] - states[wrong, outputs]) * target[wrong] / 2

    def update(images: NDArray[np.intp]) -> float:
        moved = {name: value.copy() for name, value in parameters.items()}
        gradient = rule.gradient(x[images], free[images], nudged[images])
        rule.optimizer.step(rule.network, moved, gradient)
        squares = [np.sum((moved[name] - parameters[name]) ** 2, dtype=np.float64) for name in parameters]
        return float(np.sqrt(np.sum(squares)))

    numbers = {
        "hidden_changed": changed[:, : outputs.start].mean(),
        "outputs_changed": changed[:, outputs].mean(),
        "outputs_turned": turned.mean(),
        "update": np.mean([update(wrong[k : k + 1]) for k in range(min(len(wrong), MEASURED))]),
        "mean_update": update(wrong),
    }
    return {"beta": config.nudge, **{name: round(float(number), 6) for name, number in numbers.items()}}


def _trainings(results: Results, way: str, beta: float) -> list[float]:
    """Accuracies of one setting."""
    return [r["test_10000"] for r in results.values() if r.get("way") == way and r["beta"] == beta]


def _changes(results: Results, when: str, beta: float, name: str) -> list[float]:
    """One number of what a beta changes, of each seed."""
    return [
        float(change[name])
        for result in results.values()
        if when in result
        for change in result[when]
        if change["beta"] == beta
    ]


def _sizes(results: Results) -> list[float]:
    return sorted({abs(result["beta"]) for result in results.values() if "beta" in result})


def table(results: Results) -> Table:
    """A row for each beta: what it changes, on the untrained network, and what is learned by it."""
    header = [
        "beta", "hidden spins changed", "output spins changed", "turned to the target, less away from it",
        "update of an image", "mean update of all", "test, all 10,000; learning rate 0.01",
        "the same; step of beta 5",
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    sizes = _sizes(results)
    for beta in [-size for size in sizes[::-1]] + sizes:

        def first(name: str, beta: float = beta) -> float:
            return mean(_changes(results, "untrained", beta, name))

        rows.append(
            [
                f"{beta:g}",
                *(f"{first(name):.1%}" for name in ("hidden_changed", "outputs_changed")),
                f"{first('outputs_turned'):+.1%}",
                f"{first('update'):.3f}",
                f"{first('mean_update'):.3f}",
                *(spread(_trainings(results, way, beta)) for way in (FIXED_RATE, FIXED_STEP)),
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Spins changed and turned to the target, size of an update, and accuracy, against the size of beta."""
    figure, (spins, turned, updates, tests) = panels(2, 2)
    sizes = _sizes(results)

    def curve(axes: Axes, label: str, style: int, rows: list[list[float]]) -> None:
        """Rows are the seeds of each size of beta."""
        band(axes, sizes, np.transpose(rows), label, style)

    def changes(when: str, name: str, sign: int = 1) -> list[list[float]]:
        return [_changes(results, when, sign * size, name) for size in sizes]

    # Every panel has four curves: two kinds, each in two ways.
    pairs = list(itertools.product((0, 1), ("untrained", "trained")))
    for style, (kind, when) in enumerate(pairs):
        layer, sign, images = ("outputs", "hidden")[kind], (1, -1)[kind], ("one image", "mean of all")[kind]
        curve(spins, f"{layer}, {when}", style, changes(when, f"{layer}_changed"))
        curve(turned, f"{SIGNS[sign]}, {when}", style, changes(when, "outputs_turned", sign))
        curve(updates, f"{images}, {when}", style, changes(when, ("update", "mean_update")[kind]))
    for style, (sign, (way, label)) in enumerate(itertools.product(SIGNS, WAYS.items())):
        rows = [_trainings(results, way, sign * size) for size in sizes]
        curve(tests, f"{SIGNS[sign]}, {label}", style, rows)
    spins.set(ylabel="spins changed, of wrong images", title="Changed by the nudge phase, beta > 0")
    turned.set(ylabel="turned to the target less away", title="Output spins of wrong images")
    updates.set(ylabel="size of an update", title="Updates at learning rate 0.01, beta > 0", yscale="log")
    tests.set(ylabel="accuracy on all 10,000 test images", title="After training")
    spins.set_ylim(0, 0.8)  # room for the legend
    tests.set_ylim(0, 1)
    places = {spins: "upper right", turned: "lower left", updates: "upper right", tests: "best"}
    for axes, place in places.items():
        axes.set(xlabel="|beta|", xscale="log")
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=7, loc=place)
    tests.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 0.12))
    return {"nudge": figure}


def remarks(results: Results) -> str:
    """What vanishes, and what that does to learning."""
    sizes = _sizes(results)
    least = sizes[0]
    paper = TrainConfig().nudge
    tests = {
        (way, beta): mean(_trainings(results, way, beta))
        for way in (FIXED_RATE, FIXED_STEP)
        for size in sizes
        for beta in (size, -size)
    }

    def best(way: str, sign: int) -> str:
        accuracy, beta = max((tests[way, sign * size], sign * size) for size in sizes)
        return TEXT.filled("best", accuracy=accuracy, beta=beta)

    def changed(when: str, beta: float, name: str) -> float:
        return mean(_changes(results, when, beta, name))

    def turned(when: str) -> str:
        low, high = (changed(when, beta, "outputs_turned") for beta in (least, paper))
        return TEXT.filled("turned", low=low, high=high)

    def left(when: str) -> float:
        """Size of the mean contrast, which is the update times beta, beside that of the paper's beta."""
        low, high = (changed(when, beta, "mean_update") * beta for beta in (least, paper))
        return low / high

    def full(when: str) -> float:
        """The least beta that turns as many output spins as the paper's does, to a hundredth of them."""
        wanted = 0.99 * changed(when, paper, "outputs_turned")
        return min(size for size in sizes if changed(when, size, "outputs_turned") >= wanted)

    both = ("untrained", "trained")
    return TEXT.filled(
        "remarks",
        least=least,
        paper=paper,
        turned={when: turned(when) for when in both},
        left={when: left(when) for when in both},
        full={when: full(when) for when in both},
        update=changed("untrained", least, "update"),
        paper_update=changed("untrained", paper, "update"),
        best_rate=best(FIXED_RATE, 1),
        best_step=best(FIXED_STEP, 1),
        rate=tests[FIXED_RATE, least],
        step=tests[FIXED_STEP, least],
        paper_rate=tests[FIXED_RATE, paper],
        pushed=changed("untrained", -paper, "outputs_turned"),
        best_minus_rate=best(FIXED_RATE, -1),
        best_minus_step=best(FIXED_STEP, -1),
    )


STUDY = Study(
    name="nudge",
    title="Why a large nudge: beta from 0.1 to 10, both signs",
    paper="Fig. 1c: with binary activations the gradient vanishes where the input of a neuron changes only"
    " weakly between the two phases. Beta is 5 in the settings for MNIST.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
