"""Energies of the same image annealed 1,000 times, before and after training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ising_ep import training
from ising_ep.config import TrainConfig
from ising_ep.network import Network, Parameters
from ising_ep.plots.looks import SERIES
from ising_ep.training.build import machine_of
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import grouped, mean, panels, spread
from studies.units import Results, Settings

from . import training_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
# What anneals the 1,000 reads, and trains: names of `TrainConfig.machine`, of each the seeds, the epochs, and
# the settings beyond its defaults. On a chip fewer: an epoch takes half a minute.
Plan = dict[str, tuple[int, int, Settings]]
FULL: Plan = {"annealing": (5, 50, {}), "chip": (2, 20, {})}
QUICK: Plan = {"annealing": (2, 2, {}), "chip": (1, 1, {"num_sweeps": 80})}
TITLES = {"annealing": "annealing", "chip": "the chip model"}
READS = 1000
# Reads of a call: a chip's run time is limited.
READS_A_CALL = 500


def runs(quick: bool) -> dict[str, Settings]:
    """A few seeds on each machine."""
    return {
        f"{machine}-seed{seed}": {
            "dataset": "mnist",
            "machine": machine,
            "more": more,
            "seed": seed,
            "epochs": epochs,
            "reads": READS,
        }
        for machine, (seeds, epochs, more) in (QUICK if quick else FULL).items()
        for seed in range(seeds)
    }


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Anneals the first test image of each class, trains, and anneals them again."""
    config = TrainConfig.checked(
        training_runs.MNIST100
        | {"machine": settings["machine"], "epochs": settings["epochs"], "seed": settings["seed"]}
        | settings["more"]
    )
    paper, _ = training_runs.mnist100(folder)
    network = training.network_of(config, paper)
    x = np.stack([paper.x_test[paper.y_test == label][0] for label in range(paper.num_classes)])
    before = _energies(
        config,
        network,
        network.initial_parameters(np.random.default_rng([config.seed, 0])),
        x,
        settings["reads"],
    )
    result, parameters = training_runs.train(config, folder)
    after = _energies(config, network, parameters, x, settings["reads"])
    found: dict[str, Any] = {
        "machine": settings["machine"],
        "train": result["train"][-1],
        "test_10000": training_runs.last_test(result),
    }
    for name, energies in (("before", before), ("after", after)):
        found[name] = {
            "deviation": energies.std(axis=1, ddof=1).round(6).tolist(),
            "lowest": energies.min(axis=1).round(6).tolist(),
            "in_lowest": np.mean(energies < energies.min(axis=1, keepdims=True) + 1e-6, axis=1)
            .round(4)
            .tolist(),
            # Of the first image alone: these are the histogram.
            "energies": np.sort(energies[0]).round(3).tolist(),
        }
    return found


def _energies(
    config: TrainConfig, network: Network, parameters: Parameters, x: NDArray[np.float32], reads: int
) -> NDArray[np.float64]:
    """Energies ``(images, reads)``."""
    config = config.model_copy(update={"num_reads": min(reads, READS_A_CALL)})
    machine = machine_of(config, network, num_threads=1)
    limit = config.field_limit
    calls = []
    for call in range(-(-reads // config.num_reads)):
        answer = machine.sample(
            network.couplings(parameters),
            np.clip(network.fields(parameters, x), -limit, limit),
            seed=config.seed,
            problem_ids=(call * len(x) + np.arange(len(x))).astype(np.uint32),
        )
        calls.append(answer.energies)
    return np.concatenate(calls, axis=1)[:, :reads]


def _ratios(group: list[dict[str, Any]], relative: bool) -> list[float]:
    """Spread before over spread after, of each seed the mean over its images."""

    def size(result: dict[str, Any], when: str) -> float:
        part = result[when]
        return mean(np.array(part["deviation"]) / (np.abs(part["lowest"]) if relative else 1.0))

    return [size(result, "before") / size(result, "after") for result in group]


def table(results: Results) -> Table:
    """Spreads before and after, and their ratio."""
    header = [
        "", "s.d. of E before", "after", "before / after",
        "s.d. of E / \\|lowest E\\| before", "after", "before / after",
        "reads at the lowest E before", "after",
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    for machine, group in grouped(results, lambda result: TITLES[result["machine"]]).items():
        row = [f"{machine}, {len(group)} seeds of {len(group[0]['before']['lowest'])} images"]
        for relative in (False, True):
            for when in ("before", "after"):
                values = [
                    mean(np.array(r[when]["deviation"]) / (np.abs(r[when]["lowest"]) if relative else 1.0))
                    for r in group
                ]
                row.append(spread(values, 5 if relative else 3))
            row.append(spread(_ratios(group, relative), 2))
        row += [spread([mean(r[when]["in_lowest"]) for r in group], 2) for when in ("before", "after")]
        rows.append(row)
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Energies of one image and one seed above the lowest, and the spreads of all images and seeds."""
    groups = grouped(results, lambda result: TITLES[result["machine"]])
    figure, axes = panels(2, len(groups))
    for k, (machine, group) in enumerate(groups.items()):
        histogram, points = axes[2 * k], axes[2 * k + 1]
        shares = {}
        for when in ("before", "after"):
            energies = np.array(group[0][when]["energies"])
            shares[when] = (energies - energies.min()) / abs(energies.min())
        top = max(float(np.quantile(share, 0.995)) for share in shares.values()) or 1e-6
        for style, (when, share) in enumerate(shares.items()):
            counts, edges = np.histogram(np.minimum(share, top), np.linspace(0, top, 41))
            looks = {"color": SERIES[style]["color"], "linestyle": SERIES[style]["linestyle"]}
            histogram.stairs(counts, edges, label=f"{when} training", fill=False, linewidth=1.5, **looks)
        histogram.set(
            xlabel="(E − lowest E) / |lowest E|, with all above in the last step",
            ylabel=f"reads of {len(group[0]['before']['energies']):,}",
            title=f"{machine}: one image, seed 0",
            yscale="log",
        )
        histogram.legend(frameon=False)
        every = {
            when: np.concatenate([np.array(r[when]["deviation"]) / np.abs(r[when]["lowest"]) for r in group])
            for when in ("before", "after")
        }
        points.scatter(
            every["before"],
            every["after"],
            s=14,
            color=SERIES[0]["color"],
            marker="o",
            label="an image and a seed",
        )
        low, high = 0.0, 1.05 * max(each.max() for each in every.values())
        points.plot(
            [low, high], [low, high], color="black", linewidth=0.8, linestyle="--", label="as wide as before"
        )
        points.legend(frameon=False, loc="upper left")
        points.set(
            xlabel="s.d. of E / |lowest E|, before training",
            ylabel="after training",
            title=f"{machine}: {len(every['before'])} images and seeds",
            xlim=(low, high),
            ylim=(low, high),
        )
    return {"energy": figure}


def remarks(results: Results) -> str:
    """Whether training narrows the energies, in the units of the chip and beside their depth."""
    groups = grouped(results, lambda result: TITLES[result["machine"]])
    return "\n\n".join(_remarks(machine, group) for machine, group in groups.items())


def _remarks(machine: str, group: list[dict[str, Any]]) -> str:
    plain, relative = _ratios(group, False), _ratios(group, True)
    before, after = (
        np.concatenate([np.array(r[when]["deviation"]) / np.abs(r[when]["lowest"]) for r in group])
        for when in ("before", "after")
    )
    return TEXT.filled(
        "remarks",
        machine=machine,
        plain=spread(plain, 2),
        relative=spread(relative, 2),
        share=mean(before > after),
        grown=mean([mean(np.array(r["after"]["lowest"]) / np.array(r["before"]["lowest"])) for r in group]),
        wider=TEXT.filled("wider") if mean(plain) < 1 else "",
    )


STUDY = Study(
    name="energy",
    title="Energies of the same image annealed 1,000 times, before and after training",
    paper="Fig. 4: on the chip the energies of the same input, annealed 1,000 times, are spread widely"
    " before training and lie in a much narrower region after it: training makes the machine more"
    " deterministic.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
