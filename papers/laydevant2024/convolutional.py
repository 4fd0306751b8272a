"""The paper's convolutional network on its two patterns of 3 x 3, on a model of a chip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.plots.looks import SERIES
from ising_ep.training.build import chip_model_of, embedding_of, machine_of
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import band, grouped, mean, panels
from studies.units import Results, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
CHIPS = ("chimera:16", "pegasus:16")


def runs(quick: bool) -> dict[str, Settings]:
    """Ten seeds on each chip."""
    return {
        f"{chip.split(':')[0]}-seed{seed}": {"chip": chip, "seed": seed, "epochs": 3 if quick else 20}
        for chip in CHIPS
        for seed in range(2 if quick else 10)
    }


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once."""
    patterns = datasets.load_patterns()
    config = TrainConfig.checked(
        {"dataset": "patterns", "network": "convolutional", "machine": "chip", **settings}
    )
    network = training.network_of(config, patterns)
    chip = chip_model_of(config, num_threads=1)
    embedding = embedding_of(config, network, chip.chip)
    machine = machine_of(config, network, annealer=chip, embedding=embedding, num_threads=1)
    state = training.train(config, patterns, num_threads=1, machine=machine)
    return {
        "chip": settings["chip"],
        "loss": [row["test_loss"] for row in state.history],
        "accuracy": [row["test_accuracy"] for row in state.history],
        "chains_broken": round(state.usage.chain_break_fraction, 6),
        "qubits": embedding.num_qubits,
    }


def _firsts(group: list[dict[str, Any]]) -> list[int]:
    """The first epoch without error, of the runs that have one."""
    return [result["loss"].index(0) + 1 for result in group if 0 in result["loss"]]


def table(results: Results) -> Table:
    """A row for each chip."""
    header = [
        "chip", "seeds", "both patterns right, error 0", "median first epoch", "both right after the last",
        "error 0 after the last", "chains broken", "qubits",
    ]  # fmt: skip
    rows: list[Sequence[str]] = []
    for chip, group in grouped(results, lambda result: str(result["chip"])).items():
        firsts = _firsts(group)
        rows.append(
            [
                chip,
                str(len(group)),
                f"{len(firsts)} of {len(group)}",
                f"{np.median(firsts):g}" if firsts else "none",
                f"{sum(result['accuracy'][-1] == 1 for result in group)}",
                f"{sum(result['loss'][-1] == 0 for result in group)}",
                f"{mean([result['chains_broken'] for result in group]):.2%}",
                f"{group[0]['qubits']}",
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Mean squared error over the epochs, and how many runs have had none yet."""
    figure, (losses, shares) = panels(2)
    groups = grouped(results, lambda result: str(result["chip"]))
    for style, (chip, group) in enumerate(groups.items()):
        epochs = range(1, len(group[0]["loss"]) + 1)
        band(losses, epochs, [result["loss"] for result in group], chip, style)
        so_far = np.minimum.accumulate([result["loss"] for result in group], axis=1) == 0
        shares.step(
            epochs,
            so_far.sum(axis=0),
            where="post",
            label=f"{chip}, of {len(group)}",
            **SERIES[style],
        )
    losses.set(xlabel="epoch", ylabel="mean squared error of the outputs", title="Mean and s.d. over seeds")
    losses.set_ylim(bottom=0)
    shares.set(xlabel="epoch", ylabel="runs", title="Runs that have had error 0 on both patterns")
    shares.set_ylim(0, 1.05 * max(map(len, groups.values())))
    shares.yaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (losses, shares):
        axes.legend(frameon=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return {"convolutional": figure}


def remarks(results: Results) -> str:
    """Whether the error becomes 0, and whether it stays."""
    groups = grouped(results, lambda result: str(result["chip"]))
    counts = (
        TEXT.filled("count", right=len(_firsts(group)), runs=len(group), chip=chip)
        for chip, group in groups.items()
    )
    lost = sum(0 in result["loss"] and result["loss"][-1] != 0 for result in results.values())
    return TEXT.filled(
        "remarks", counts=" and ".join(counts), lost=TEXT.filled("lost", runs=lost) if lost else ""
    )


STUDY = Study(
    name="convolutional",
    title="A convolutional network on two patterns of 3 x 3",
    paper="Fig. 3: on D-Wave's chip of Chimera topology, without a search for an embedding, the mean"
    " squared error of both patterns becomes 0 (beta 5, 10 reads, learning rate 0.1, chain strength"
    " 2, 20 epochs).",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
