"""Number of reads, sweeps and depth of the reverse anneal: accuracy against time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ising_ep.config import TrainConfig
from ising_ep.plots.looks import SERIES
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import deviation, grouped, mean, panels, spread
from studies.units import Results, Settings

from . import training_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
Setting = tuple[int, int, float]
# Reads, sweeps, and the fraction of the schedule that the reverse anneal goes back to.
PAPER: Setting = (10, 100, 0.25)
READS = (1, 2, 5, 20)
SWEEPS = (10, 20, 50, 200)
FRACTIONS = (0.0, 0.125, 0.5, 0.75, 0.9)
CHEAP = ((1, 20, 0.25), (2, 20, 0.25), (5, 20, 0.25), (2, 50, 0.25), (5, 50, 0.25))
# Accuracy is kept where no more than this is lost: a standard error of the 10,000 images.
LOSS = 0.004


def settings_of(quick: bool) -> list[Setting]:
    """One changed at a time, then cheap ones together."""
    reads, sweeps, fraction = PAPER
    if quick:
        return [PAPER, (1, sweeps, fraction), (reads, 20, fraction), (reads, sweeps, 0.5), (2, 20, fraction)]
    return [
        PAPER,
        *((n, sweeps, fraction) for n in READS),
        *((reads, n, fraction) for n in SWEEPS),
        *((reads, sweeps, part) for part in FRACTIONS),
        *CHEAP,
    ]


def runs(quick: bool) -> dict[str, Settings]:
    """Three seeds of each setting."""
    return {
        f"reads{reads}-sweeps{sweeps}-fraction{fraction:g}-seed{seed}": {
            "dataset": "mnist",
            "num_reads": reads,
            "num_sweeps": sweeps,
            "reverse_fraction": fraction,
            "seed": seed,
            "epochs": 2 if quick else 50,
        }
        for reads, sweeps, fraction in settings_of(quick)
        for seed in range(1 if quick else 3)
    }


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once, and tests under the same settings."""
    names = ("num_reads", "num_sweeps", "reverse_fraction")
    config = TrainConfig.checked(
        training_runs.MNIST100 | {k: v for k, v in settings.items() if k != "dataset"}
    )
    result, _ = training_runs.train(config, folder)
    return {
        "setting": [settings[name] for name in names],
        "train": result["train"][-1],
        "test_10000": training_runs.last_test(result),
        "seconds": result["seconds"],
    }


def _groups(results: Results) -> dict[Setting, list[dict[str, Any]]]:
    def setting(result: dict[str, Any]) -> Setting:
        reads, sweeps, fraction = result["setting"]
        return int(reads), int(sweeps), float(fraction)

    return grouped(results, setting)


def table(results: Results) -> Table:
    """A row for each setting, the paper's first."""
    header = ["reads, sweeps, turned at", "seeds", "test, all 10,000", "train", "seconds"]
    rows: list[Sequence[str]] = []
    for (reads, sweeps, fraction), group in _groups(results).items():
        paper = ", the paper's" if (reads, sweeps, fraction) == PAPER else ""
        rows.append(
            [
                f"{reads}, {sweeps}, {fraction:g}{paper}",
                str(len(group)),
                spread([result["test_10000"] for result in group]),
                spread([result["train"] for result in group]),
                spread([result["seconds"] for result in group], 1),
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Accuracy and seconds against each of the three."""
    figure, axes = panels(3, 2)
    groups = _groups(results)
    for k, (title, name, scale) in enumerate(
        (
            ("Reads", "reads of a phase", "log"),
            ("Sweeps", "sweeps of an anneal", "log"),
            ("Depth of the reverse anneal", "fraction where the reverse anneal turns", "linear"),
        )
    ):
        line = sorted(
            (setting[k], group)
            for setting, group in groups.items()
            if all(setting[other] == PAPER[other] for other in range(3) if other != k)
        )
        x = [value for value, _ in line]
        for row, (what, style, label) in enumerate(
            (("test_10000", 0, "accuracy on all 10,000 test images"), ("seconds", 1, "seconds of training"))
        ):
            panel = axes[3 * row + k]
            values = [[float(result[what]) for result in group] for _, group in line]
            panel.errorbar(
                x,
                [mean(v) for v in values],
                [float(deviation(v)) for v in values],
                capsize=3,
                label="mean and s.d. over seeds",
                **SERIES[style],
            )
            panel.axvline(PAPER[k], color="black", linewidth=0.8, linestyle=":", label="the paper's setting")
            panel.set(xlabel=name, ylabel=label, xscale=scale, title=title)
            panel.legend(frameon=False, fontsize=8)
            if scale == "log":
                panel.set_xticks(x, [f"{value:g}" for value in x])
                panel.minorticks_off()
    for panel in axes[3:]:
        panel.set_ylim(bottom=0)
    return {"reads": figure}


def remarks(results: Results) -> str:
    """The cheapest settings that keep the accuracy."""
    groups = _groups(results)
    test = {setting: mean([result["test_10000"] for result in group]) for setting, group in groups.items()}
    time = {setting: mean([result["seconds"] for result in group]) for setting, group in groups.items()}
    keep = [setting for setting in groups if test[setting] >= test[PAPER] - LOSS]
    reads, sweeps, fraction = cheapest = min(keep, key=lambda setting: time[setting])
    best = max(groups, key=lambda setting: test[setting])
    depths = {setting[2]: test[setting] for setting in groups if setting[:2] == PAPER[:2]}
    return TEXT.filled(
        "remarks",
        loss=LOSS,
        paper_test=test[PAPER],
        paper_seconds=time[PAPER],
        reads=reads,
        sweeps=sweeps,
        fraction=fraction,
        test=test[cheapest],
        seconds=time[cheapest],
        times=time[PAPER] / time[cheapest],
        best_reads=best[0],
        best_sweeps=best[1],
        best_fraction=best[2],
        best_test=test[best],
        settings=len(groups),
        depths=", ".join(TEXT.filled("depth", fraction=f, test=t) for f, t in sorted(depths.items())),
    )


STUDY = Study(
    name="reads",
    title="Number of reads, sweeps, and depth of the reverse anneal",
    paper="10 reads a phase, of which the lowest is kept, 100 sweeps in simulation, and a reverse anneal"
    " back to s = 0.25 (Methods and published code); what others would give is not told.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
