"""Why a large nudge: what is left of the contrast of the two phases when the nudge is small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import training
from ..config import TrainConfig
from ..network import Parameters
from . import training_runs
from .study import Results, Settings, Study, Table
from .summary import band, grouped, mean, panels, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Steps of learning: the paper's rule has a learning rate, divided by beta; or the step is that of the paper's
# beta whatever beta is.
PAPER_BETA, PAPER_RATE = 5.0, 0.01
FIXED_RATE, FIXED_STEP = "rate", "step"
SIZES = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 10.0)
# Images whose single updates are measured.
MEASURED = 200


def runs(quick: bool) -> dict[str, Settings]:
    """Both signs, both ways of the step, three seeds."""
    return {
        f"{way}-beta{beta:g}-seed{seed}".replace("beta-", "minus"): {
            "dataset": "mnist",
            "way": way,
            "beta": beta,
            "seed": seed,
            "epochs": 1 if quick else 20,
        }
        for way in (FIXED_RATE, FIXED_STEP)
        for size in ((0.2, 1.0, 5.0) if quick else SIZES)
        for beta in (size, -size)
        for seed in range(1 if quick else 3)
    }


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Measures the two phases on the untrained network, trains, and measures them again."""
    beta = settings["beta"]
    scale = 1.0 if settings["way"] == FIXED_RATE else abs(beta) / PAPER_BETA
    config = TrainConfig.checked(
        training_runs.MNIST100
        | {
            "nudge": beta,
            "learning_rate": PAPER_RATE * scale,
            "bias_learning_rate": PAPER_RATE / 10 * scale,
            "epochs": settings["epochs"],
            "seed": settings["seed"],
        }
    )
    paper, _ = training_runs.mnist100(folder)
    start = training.network_of(config, paper).initial_parameters(np.random.default_rng([config.seed, 0]))
    before = _measure(config, folder, start)
    result, parameters = training_runs.train(config, folder)
    return {
        "way": settings["way"],
        "beta": beta,
        "before": before,
        "after": _measure(config, folder, parameters),
        "train": result["train"][-1],
        "test_10000": training_runs.last_test(result),
    }


def _measure(config: TrainConfig, folder: Path, parameters: Parameters) -> dict[str, float]:
    """What the nudge changes on the training images that come out wrong; nothing is learned from them."""
    paper, _ = training_runs.mnist100(folder)
    rule = training.learning_rule(config, paper, num_threads=1)
    x, target = paper.x_train, rule.network.targets(paper.y_train)
    ids = np.arange(len(x), dtype=np.uint32)
    fields = rule.network.fields(parameters, x)
    free = rule.free_phase(parameters, fields, ids)
    nudged = rule.nudge_phase(parameters, fields, target, free, ids)
    outputs = rule.network.outputs
    wrong = np.flatnonzero((free[:, 0, outputs] != target).any(axis=1))
    if not wrong.size:
        return {"wrong": 0.0, "hidden_changed": 0.0, "outputs_changed": 0.0, "unmoved": 0.0, "update": 0.0}
    changed = (free != nudged)[wrong, 0]
    sizes = []
    for image in wrong[:MEASURED]:
        one = slice(image, image + 1)
        moved = {name: value.copy() for name, value in parameters.items()}
        rule.update(moved, x[one], free[one], nudged[one])
        sizes.append(sum(float(np.sum((moved[n] - parameters[n]) ** 2)) for n in parameters) ** 0.5)
    return {
        "wrong": len(wrong) / len(x),
        "hidden_changed": round(float(changed[:, : outputs.start].mean()), 6),
        "outputs_changed": round(float(changed[:, outputs].mean()), 6),
        "unmoved": round(float(np.mean(~changed.any(axis=1))), 6),
        "update": round(float(np.mean(sizes)), 6),
    }


def table(results: Results) -> Table:
    """A row for each beta; what the nudge changes is that of the untrained network."""
    header = [
        "beta", "hidden spins changed", "output spins changed", "images with nothing changed",
        "size of an update", "test, all 10,000; learning rate 0.01", "the same; step of beta 5",
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    for beta, group in sorted(grouped(results, lambda result: float(result["beta"])).items()):
        one = [result for result in group if result["way"] == FIXED_RATE]
        other = [result for result in group if result["way"] == FIXED_STEP]
        first = [result["before"] for result in one]
        rows.append(
            [
                f"{beta:g}",
                *(
                    f"{mean([m[n] for m in first]):.1%}"
                    for n in ("hidden_changed", "outputs_changed", "unmoved")
                ),
                f"{mean([m['update'] for m in first]):.3f}",
                *(spread([result["test_10000"] for result in each]) for each in (one, other)),
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Spins changed, size of an update, and accuracy, against the size of beta."""
    figure, (spins, sizes, tests) = panels(3)
    groups = grouped(results, lambda result: (str(result["way"]), result["beta"] > 0))

    def curve(
        group: list[dict[str, Any]], part: str | None, name: str
    ) -> tuple[list[float], list[list[float]]]:
        """Sizes of beta, and the runs ``(seeds, betas)``."""
        by_size = sorted(grouped(dict(enumerate(group)), lambda r: abs(float(r["beta"]))).items())  # type: ignore[arg-type]
        columns = [[float((r[part] if part else r)[name]) for r in runs] for _, runs in by_size]
        return [size for size, _ in by_size], [list(row) for row in zip(*columns, strict=True)]

    for style, (part, name, label) in enumerate(
        (
            ("before", "outputs_changed", "outputs, untrained"),
            ("after", "outputs_changed", "outputs, trained"),
            ("before", "hidden_changed", "hidden, untrained"),
            ("after", "hidden_changed", "hidden, trained"),
        )
    ):
        band(spins, *curve(groups[FIXED_RATE, True], part, name), label, style)
    for style, (way, positive, label) in enumerate(
        (
            (FIXED_RATE, True, "beta > 0, learning rate 0.01"),
            (FIXED_STEP, True, "beta > 0, step of beta 5"),
            (FIXED_RATE, False, "beta < 0, learning rate 0.01"),
            (FIXED_STEP, False, "beta < 0, step of beta 5"),
        )
    ):
        band(sizes, *curve(groups[way, positive], "before", "update"), label, style)
        band(tests, *curve(groups[way, positive], None, "test_10000"), label, style)
    spins.set(ylabel="spins that the nudge changes, of wrong images", title="beta > 0, learning rate 0.01")
    sizes.set(ylabel="size of an update of all parameters", title="Update of one wrong image, untrained")
    tests.set(ylabel="accuracy on all 10,000 test images", title="After the last epoch")
    for axes in (spins, sizes, tests):
        axes.set(xlabel="|beta|", xscale="log")
        axes.legend(frameon=False, fontsize=8)
    sizes.set_yscale("log")
    return {"nudge": figure}


def remarks(results: Results) -> str:
    """What vanishes, and what that does to learning."""

    def of(way: str, beta: float) -> list[dict[str, Any]]:
        return [r for r in results.values() if r["way"] == way and r["beta"] == beta]

    sizes = sorted({abs(result["beta"]) for result in results.values()})
    least = sizes[0]
    tests = {
        (way, beta): mean([r["test_10000"] for r in of(way, beta)])
        for way in (FIXED_RATE, FIXED_STEP)
        for size in sizes
        for beta in (size, -size)
    }

    def best(way: str, sign: int) -> tuple[float, float]:
        return max((tests[way, sign * size], sign * size) for size in sizes)

    def first(beta: float, name: str) -> float:
        return mean([r["before"][name] for r in of(FIXED_RATE, beta)])

    lines = [
        f"A nudge of {least:g} leaves {first(least, 'unmoved'):.0%} of the wrong images of the untrained"
        f" network just as they were, and changes {first(least, 'outputs_changed'):.1%} of their output"
        f" spins; one of {PAPER_BETA:g} leaves {first(PAPER_BETA, 'unmoved'):.0%}, and changes"
        f" {first(PAPER_BETA, 'outputs_changed'):.1%}. Spins are binary: a nudge below what holds a spin in"
        " place does nothing at all, rather than a little. A reverse anneal also changes spins by itself,"
        " by chance, which is all that is left of the contrast when the nudge is small.",
        "Two ways of the step. At a fixed learning rate, as in the paper's rule, the contrast is divided"
        f" by beta, so a small beta makes few and large updates: {first(least, 'update'):.2f} in size at"
        f" beta {least:g}, {first(PAPER_BETA, 'update'):.2f} at {PAPER_BETA:g}. With the step of beta 5 at"
        " every beta, the size of one spin's flip in the update is the same. The best beta is then"
        f" {best(FIXED_RATE, 1)[1]:g} ({best(FIXED_RATE, 1)[0]:.3f}) in the first way and"
        f" {best(FIXED_STEP, 1)[1]:g} ({best(FIXED_STEP, 1)[0]:.3f}) in the second; the smallest gives"
        f" {tests[FIXED_RATE, least]:.3f} and {tests[FIXED_STEP, least]:.3f}. Fields are clipped to ±4, so"
        " betas beyond 4 act as 4 and only the division by beta differs.",
        "A negative beta pushes the outputs away from the target. The best of them reach"
        f" {best(FIXED_RATE, -1)[0]:.3f} (beta {best(FIXED_RATE, -1)[1]:g}) and {best(FIXED_STEP, -1)[0]:.3f}"
        f" (beta {best(FIXED_STEP, -1)[1]:g}).",
    ]
    return "\n\n".join(lines)


STUDY = Study(
    name="nudge",
    title="Why a large nudge: beta from 0.1 to 10, both signs",
    paper="Spins are binary, so a small nudge leaves them as they are and the gradient vanishes; beta is 5"
    " for that reason (Methods).",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
