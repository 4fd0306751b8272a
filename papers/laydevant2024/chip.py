"""784-120-40 on MNIST/100 on the model of a D-Wave chip; what embedding, broken chains and noise cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from ising_ep import training
from ising_ep.config import TrainConfig
from ising_ep.machines.embedded import EmbeddedMachine
from ising_ep.plots import looks
from ising_ep.plots.looks import SERIES
from ising_ep.training.build import machine_of
from ising_ep.training.state import TrainState
from studies.markdown import Sentences
from studies.study import Study, Table
from studies.summary import band, deviation, grouped, mean, panels, spread
from studies.units import Results, Settings

from . import training_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT = Sentences.beside(__file__)
PAPER_TEST, PAPER_DEVIATION = 0.888, 0.015

# The slowest first, so that two processes end together.
NETWORK, CHIP, QUIET, QUANTUM, WARM = "network", "thermal", "thermal-without-noise", "quantum", "quantum-warm"
MACHINES: dict[str, Settings] = {
    QUANTUM: {"machine": "chip", "chip_model": "quantum"},
    WARM: {"machine": "chip", "chip_model": "quantum", "chip_temperature": 100.0},
    CHIP: {"machine": "chip"},
    QUIET: {
        "machine": "chip",
        "chip_noise": (0.0, 0.0),
        "chip_offsets": (0.0, 0.0),
        "chip_susceptibility": 0.0,
    },
    NETWORK: {},
}
TITLES = {
    NETWORK: "annealing of the network itself",
    CHIP: "chip, thermal",
    QUIET: "chip, thermal, no errors of h and J",
    QUANTUM: "chip, path integrals",
    WARM: "chip, path integrals, 100 mK",
}
# Seeds, epochs, sweeps of a forward anneal: an hour on two cores, a path-integral sweep of 1,000 qubits
# taking as long as 16 thermal ones. Then what a glance takes.
FULL = {
    NETWORK: (3, 50, 100),
    CHIP: (3, 50, 200),
    QUIET: (3, 50, 200),
    QUANTUM: (1, 4, 100),
    WARM: (1, 4, 100),
}
QUICK = {NETWORK: (2, 2, 100), CHIP: (1, 2, 80), QUIET: (1, 2, 80), QUANTUM: (1, 1, 10), WARM: (1, 1, 10)}


def runs(quick: bool) -> dict[str, Settings]:
    """Few seeds: a run on the chip takes minutes."""
    return {
        f"{machine}-seed{seed}": {
            "dataset": "mnist",
            "machine": machine,
            "seed": seed,
            "epochs": epochs,
            "num_sweeps": sweeps,
        }
        for machine in MACHINES
        for count, epochs, sweeps in [(QUICK if quick else FULL)[machine]]
        for seed in range(count)
    }


class Last(training.Callback):
    """Keeps the live state of a run."""

    state: TrainState

    def on_batch(self, state: TrainState) -> None:
        """Keeps it."""
        self.state = state


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains once, and tests the weights on their own machine and by annealing of the network itself."""
    names = ("seed", "epochs", "num_sweeps")
    config = TrainConfig.checked(
        training_runs.MNIST100 | {name: settings[name] for name in names} | MACHINES[settings["machine"]]
    )
    paper, whole = training_runs.mnist100(folder)
    machine = machine_of(config, training.network_of(config, paper), num_threads=1)
    live = Last()
    result, parameters = training_runs.train(config, folder, machine=machine, callbacks=[live])
    state = live.state
    plain = TrainConfig.checked(training_runs.MNIST100 | {"seed": settings["seed"]})
    weights = training.evaluate(plain, whole, parameters, whole.x_test, whole.y_test, num_threads=1)
    return {
        "machine": settings["machine"],
        "num_sweeps": config.num_sweeps,
        "test_10000_by_annealing": round(weights.accuracy, 6),
        "chains_broken": [row["chain_break_fraction"] for row in state.chip_history()],
        "calls": state.usage.problems,
        "qpu_seconds": round(state.usage.access_time, 3),
        "qubits": len(machine.qubits) if isinstance(machine, EmbeddedMachine) else 0,
        **result,
    }


def _groups(results: Results) -> dict[str, list[dict[str, Any]]]:
    """In the order of the table."""
    groups = grouped(results, lambda result: str(result["machine"]))
    return {machine: groups[machine] for machine in TITLES}


def table(results: Results) -> Table:
    """Accuracies after the last epoch; the paper's chip first."""
    header = [
        "",
        "seeds",
        "epochs",
        "test, all 10,000",
        "the same weights, the network itself",
        "test, the paper's 100",
        "train",
        "chains broken",
        "QPU minutes",
        "minutes here",
    ]
    paper = f"{PAPER_TEST} ± {PAPER_DEVIATION}"
    rows: list[Sequence[str]] = [["the paper, D-Wave", "", "50", "", "", paper, "0.988", "", "", ""]]
    for machine, group in _groups(results).items():
        broken = [result["chains_broken"][-1] for result in group]
        on_chip = machine != NETWORK
        rows.append(
            [
                TITLES[machine],
                str(len(group)),
                str(len(group[0]["train"])),
                spread([training_runs.last_test(result) for result in group]),
                spread([result["test_10000_by_annealing"] for result in group]),
                spread([result["test_100"][-1] for result in group]),
                spread([result["train"][-1] for result in group]),
                f"{100 * mean(broken):.1f} %" if on_chip else "",
                f"{mean([result['qpu_seconds'] for result in group]) / 60:.1f}" if on_chip else "",
                f"{mean([result['seconds'] for result in group]) / 60:.1f}",
            ]
        )
    return header, rows


def figures(results: Results) -> dict[str, Figure]:
    """Learning and chains by epoch, and the last test of each machine, with the chip and without it."""
    figure, (train, chains, tests) = panels(3)
    groups = _groups(results)
    for style, (machine, group) in enumerate(groups.items()):
        epochs = range(1, len(group[0]["train"]) + 1)
        band(train, epochs, [result["train"] for result in group], TITLES[machine], style, 3)
        if machine != NETWORK:
            broken = [[100 * each for each in result["chains_broken"]] for result in group]
            band(chains, epochs, broken, TITLES[machine], style, 3)
    train.axhline(0.1, color=looks.PURPLE, linewidth=1.2, linestyle=(0, (6, 3)), label="guessing")
    train.set(xlabel="epoch", ylabel="accuracy in training", title="1,000 images; band: s.d. of the seeds")
    chains.set(xlabel="epoch", ylabel="chains broken (%)", title="Broken chains, of all reads of an epoch")
    chains.set_ylim(bottom=0)
    for axes in (train, chains):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *train.get_legend_handles_labels(),
        loc="outside lower left",
        ncols=len(groups) + 1,
        frameon=False,
        fontsize=9,
    )
    places = range(len(groups) - 1, -1, -1)
    for offset, style, label, test in (
        (0.1, 0, "on the machine", training_runs.last_test),
        (-0.1, 1, "the network itself", lambda result: result["test_10000_by_annealing"]),
    ):
        values = [[test(result) for result in group] for group in groups.values()]
        tests.errorbar(
            [mean(each) for each in values],
            [place + offset for place in places],
            xerr=[float(deviation(each)) for each in values],
            fmt=SERIES[style]["marker"],
            color=SERIES[style]["color"],
            capsize=3,
            label=label,
        )
    tests.set_yticks(places, [TITLES[machine].replace(", no", ",\nno") for machine in groups], fontsize=8)
    tests.set_ylim(-0.5, len(groups) - 0.2)
    tests.set(xlabel="accuracy on all 10,000 test images", title="The same weights, last epoch")
    tests.legend(frameon=False, loc="upper center", fontsize=8, ncols=2)
    return {"chip": figure}


def remarks(results: Results) -> str:
    """What each part costs, after the same number of epochs."""
    groups = _groups(results)
    network, chip, quiet, quantum, warm = (groups[name] for name in (NETWORK, CHIP, QUIET, QUANTUM, WARM))
    epochs, early, warm_epochs = (len(group[0]["train"]) for group in (chip, quantum, warm))
    chip_tests = [training_runs.last_test(result) for result in chip]

    def test(group: list[dict[str, Any]]) -> float:
        return mean([training_runs.last_test(result) for result in group])

    def weights(group: list[dict[str, Any]]) -> float:
        return mean([result["test_10000_by_annealing"] for result in group])

    def train(group: list[dict[str, Any]], epoch: int) -> float:
        return mean([result["train"][epoch - 1] for result in group])

    def broken(group: list[dict[str, Any]]) -> str:
        first, last = (100 * mean([result["chains_broken"][k] for result in group]) for k in (0, -1))
        return TEXT.filled("broken", first=first, last=last)

    return TEXT.filled(
        "remarks",
        qubits=chip[0]["qubits"],
        epochs=epochs,
        test=test(chip) - test(network),
        train=train(chip, epochs) - train(network, epochs),
        train_chip=train(chip, epochs),
        in_reads=test(chip) - weights(chip),
        in_weights=weights(chip) - test(network),
        broken=broken(chip),
        broken_quiet=broken(quiet),
        broken_quantum=broken(quantum),
        quiet=test(quiet) - test(chip),
        between_seeds=max(chip_tests) - min(chip_tests),
        chip_sweeps=chip[0]["num_sweeps"],
        chip_then=train(chip, early),
        chip_beside_warm=train(chip, warm_epochs),
        network_then=train(network, early),
        quantum_sweeps=quantum[0]["num_sweeps"],
        quantum_epochs=early,
        quantum=train(quantum, early),
        warm_epochs=warm_epochs,
        warm=train(warm, warm_epochs),
        chip_seeds=len(chip),
        quiet_seeds=len(quiet),
        quantum_seeds=len(quantum),
    )


STUDY = Study(
    name="chip",
    title="The same network on a chip: embedding, broken chains, noise",
    paper="On D-Wave's chip (about six qubits a spin, chains of strength 1, reverse anneals from s = 0.25)"
    f" the network reaches {PAPER_TEST} ± {PAPER_DEVIATION} on 100 test images.",
    runs=runs,
    run=run,
    table=table,
    figures=figures,
    remarks=remarks,
)
