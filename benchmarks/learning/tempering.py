"""Parallel tempering beside annealing as the machine that learns, where annealing freezes.

    python -m benchmarks.learning.tempering --data-dir DIR [--seeds 3]   resumes where it stopped
    python -m benchmarks.learning.tempering --data-dir DIR --only strong
    python -m benchmarks.learning.tempering --data-dir DIR --quick       1 epoch: numbers mean nothing

EPOCHS epochs of the first 1,000 training images of MNIST, judged on the last 1,000 of the 60,000, and of the
digits, judged on their test images; `REGIMES` says how. Each way has the same spin updates for a free phase,
STATES states of as many sweeps as the regime says, and the same reads at the end:

- **annealing**: `AnnealingMachine`, READS reads of STATES / READS times these sweeps, nudges by reverse
  anneals.
- **tempering**: `SamplerMachine(ParallelTemperingSampler())`, a ladder of STATES states, READS copies at each
  temperature, from the hot end of the anneal to its cold end. What is read are the copies at the coldest, or,
  by the rule of the lowest read, the best state that the ladder has seen. A nudge begins anew, from random
  states: such a ladder has no initial states.
- **both**: free phases by tempering, nudges by reverse anneals from there.

**Free states**: after learning by annealing, of 100 held-out images. *Above the ground state*: energy of the
reads above the lowest energy, mean. *Ground state*: share of images of which a read is one. Of the digits,
ground states are found by enumeration of all outputs; of others, it is the lowest energy that any machine or
LONGEST has found.

Points are of accuracy, to annealing from the same seed: the mean over seeds and its standard error. Each run
has one thread and is kept in `results/tempering/*.json`; `results/tempering.md` is made of what is there.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import click
import dimod
import numpy as np
from dimod.core.sampler import Sampler
from numpy.typing import NDArray

from benchmarks.learning.rounding import compared
from benchmarks.learning.variants import images
from benchmarks.support import report, runs
from ising_ep import ParallelTemperingSampler, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.datasets import Dataset
from ising_ep.machines import AnnealingMachine, Machine
from ising_ep.machines.dimod_sampler import SamplerMachine
from ising_ep.network import Couplings, FullyConnected, Parameters
from ising_ep.samplers.batch import BatchResult
from studies.markdown import table
from studies.summary import mean
from studies.units import Results, Settings, config_settings

EPOCHS, IMAGES, JUDGED = 10, 1_000, 100
STATES, READS = 64, 8
LONGEST = {"num_reads": 100, "num_sweeps": 2_000}
MOST_OUTPUTS = 12
LOWEST: dict[str, Any] = {"batch_size": 10}
AVERAGE: dict[str, Any] = LOWEST | {
    "statistic": "average",
    "optimizer": "adam",
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "nudge": 4.0,
    "centre": True,
    "beta_range": (0.3, 4.0),
}
# Titles, sweeps of each of STATES states, and settings of the regimes, by name.
REGIMES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "paper": ("the paper's rule, 784-120-40", 8, LOWEST | {"layers": (120, 40)}),
    "strong": ("strong couplings", 8, AVERAGE | {"layers": (120, 40), "coupling_learning_rate": 0.02}),
    "few": (
        "strong couplings, few sweeps",
        2,
        AVERAGE | {"layers": (120, 40), "coupling_learning_rate": 0.02},
    ),
    "deep": ("784-120-120-40", 8, AVERAGE | {"layers": (120, 120, 40), "coupling_learning_rate": 0.0015}),
    "digits": (
        "digits, 64-60-10, strong couplings",
        8,
        AVERAGE | {"dataset": "digits", "layers": (60, 10), "coupling_learning_rate": 0.02},
    ),
}
WAYS = {"annealing": "annealing", "tempering": "tempering", "both": "tempering, then reverse anneals"}


class Coldest(Sampler):
    """The copies of a ladder at its coldest temperature."""

    properties: ClassVar[dict[str, Any]] = {}
    parameters = ParallelTemperingSampler().parameters

    def sample(self, bqm: dimod.BinaryQuadraticModel, **given: Any) -> dimod.SampleSet:
        """Samples as `ParallelTemperingSampler` does."""
        last = ParallelTemperingSampler().sample(bqm, returned="last", **given)
        rows = last.record[last.record.beta == last.record.beta.max()]
        return dimod.SampleSet(rows, last.variables, last.info, last.vartype)


class Both(Machine):
    """Free phases of one machine, nudges of another."""

    def __init__(self, free: Machine, nudged: Machine) -> None:
        self.free, self.nudged = free, nudged

    def sample(
        self, couplings: Couplings, fields: NDArray[np.float32], *, initial_states: Any = None, **given: Any
    ) -> BatchResult:
        """See `Machine.sample`."""
        self.usage.problems += len(fields)
        if initial_states is None:
            return self.free.sample(couplings, fields, **given)
        return self.nudged.sample(couplings, fields, initial_states=initial_states, **given)


def machine_of(way: str, config: TrainConfig, sweeps: int) -> Machine:
    """The machine of a way: all have the same spin updates for a free phase."""
    annealing = AnnealingMachine(
        num_reads=READS,
        num_sweeps=STATES // READS * sweeps,
        beta_range=config.beta_range,
        reverse_fraction=config.reverse_fraction,
        num_threads=1,
    )
    if way == "annealing":
        return annealing
    ladder = {
        "num_sweeps": sweeps,
        "beta_range": config.beta_range,
        "num_temperatures": STATES // READS,
        "num_threads": 1,
    }
    sampler = ParallelTemperingSampler() if config.statistic == "lowest" else Coldest()
    tempering = SamplerMachine(sampler, parameters=ladder)
    return tempering if way == "tempering" else Both(tempering, annealing)


def data_of(config: TrainConfig, folder: Path) -> Dataset:
    """Images to learn from, and to judge by."""
    return images(folder, IMAGES, IMAGES) if config.dataset == "mnist" else datasets.load_digits()


def run(settings: Settings, folder: Path) -> dict[str, Any]:
    """Trains in one way; of what annealing has learned, compares the free states of all ways."""
    config, sweeps = TrainConfig.recorded(settings["config"]), settings["sweeps"]
    data, machine = data_of(config, folder), machine_of(settings["way"], config, sweeps)
    # Nothing is asked of the tests after each epoch: one image will do.
    learned = replace(data, x_test=data.x_test[:1], y_test=data.y_test[:1])
    seconds = time.process_time()
    state = training.train(config, learned, machine=machine, num_threads=1)
    seconds = time.process_time() - seconds
    judged = training.evaluate(
        config, data, state.parameters, data.x_test, data.y_test, machine=machine, num_threads=1
    )
    found: dict[str, Any] = {
        "held_out": round(judged.accuracy, 6),
        "train": round(state.history[-1]["train_accuracy"], 6),
        "cpu_seconds": round(seconds, 1),
    }
    if settings["way"] == "annealing":
        found["free"] = free_states(config, data, state.parameters, sweeps)
    return found


def free_states(
    config: TrainConfig, data: Dataset, parameters: Parameters, sweeps: int
) -> dict[str, dict[str, float]]:
    """How far the free states of each way are above the ground state, and how often they are one."""
    network = training.network_of(config, data)
    assert isinstance(network, FullyConnected)
    fields = network.fields(parameters, data.x_test[:JUDGED])
    fields = np.clip(fields, -config.field_limit, config.field_limit).astype(np.float32)
    couplings, ids = network.couplings(parameters), np.arange(len(fields), dtype=np.uint32)
    machines = {way: machine_of(way, config, sweeps) for way in ("annealing", "tempering")}
    machines["longest"] = AnnealingMachine(**LONGEST, beta_range=(config.beta_range[0], 20.0), num_threads=1)
    found = {
        name: machine.sample(couplings, fields, seed=1, problem_ids=ids).energies
        for name, machine in machines.items()
    }
    lowest = np.min([energies.min(axis=1) for energies in found.values()], axis=0)
    outputs = config.layers[-1]
    if outputs <= MOST_OUTPUTS and len(config.layers) == 2:
        exact = enumerated(couplings, fields.astype(np.float64), outputs)
        assert (lowest > exact - 1e-4).all()
        lowest = exact
    return {
        name: {
            "above": round(float((energies - lowest[:, np.newaxis]).mean()), 4),
            "ground": round(float((energies.min(axis=1) < lowest + 1e-4).mean()), 4),
        }
        for name, energies in found.items()
    }


def enumerated(couplings: Couplings, fields: NDArray[np.float64], outputs: int) -> NDArray[np.float64]:
    """Ground energies (images,) of one hidden layer, whose spins follow each state of the outputs."""
    rows, cols, values = couplings
    hidden = fields.shape[1] - outputs
    weights = np.zeros((hidden, outputs))
    weights[np.minimum(rows, cols), np.maximum(rows, cols) - hidden] = values
    states = np.array(list(itertools.product((-1.0, 1.0), repeat=outputs)))
    pulls = states @ weights.T
    return np.array([(states @ h[hidden:] - np.abs(pulls + h[:hidden]).sum(axis=1)).min() for h in fields])


def units(regimes: Sequence[str], seeds: int, epochs: int) -> dict[str, Settings]:
    """All that decides the result of each run."""
    found = {}
    for seed, regime, way in itertools.product(range(seeds), regimes, WAYS):
        _, sweeps, given = REGIMES[regime]
        config = TrainConfig.checked({"dataset": "mnist", "epochs": epochs} | given | {"seed": seed})
        found[f"{regime}-{way}-seed{seed}"] = {
            "dataset": config.dataset,
            "regime": regime,
            "way": way,
            "seed": seed,
            "sweeps": sweeps,
            "config": config_settings(config),
        }
    return found


def page(records: Results) -> str:
    """A table of free states, and one of what was learned."""
    by: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for record in records.values():
        settings = record["settings"]
        of_way = by.setdefault((settings["regime"], settings["way"]), {})
        of_way[settings["seed"]] = record["result"]
    free, learned = [], []
    for regime, (title, sweeps, _) in REGIMES.items():
        plain = by.get((regime, "annealing"), {})
        for way, name in WAYS.items():
            results = by.get((regime, way), {})
            if not results:
                continue
            updates = f"{STATES * sweeps}"
            if way != "both":
                states = [result["free"][way] for result in plain.values()]
                above, ground = (mean([state[what] for state in states]) for what in ("above", "ground"))
                free.append((title, updates, name, f"{above:.3f}", f"{ground:.3f}"))
            accuracies = {seed: result["held_out"] for seed, result in results.items()}
            train, seconds = (mean([r[what] for r in results.values()]) for what in ("train", "cpu_seconds"))
            learned.append(
                (title, updates, name, *compared(accuracies, plain), f"{train:.3f}", f"{seconds:.0f}")
            )
    return (
        table(("regime", "sweeps", "free states of", "above the ground state", "ground state"), free)
        + "\n"
        + table(("regime", "sweeps", "learned by", "held out", "points", "train", "CPU s"), learned)
    )


@click.command(epilog="Example: python -m benchmarks.learning.tempering --data-dir ~/mnist --only deep")
@report.data_dir_option
@click.option("--seeds", type=click.IntRange(1, runs.MOST_SEEDS), help="0, 1, ...  [default: 3, quick: 1]")
@report.processes_option
@click.option("--only", multiple=True, type=click.Choice(tuple(REGIMES)), help="These; all by default.")
@click.option("--quick", is_flag=True, help="1 epoch; written only with --out.")
@runs.out_option
def main(
    data_dir: Path, seeds: int | None, processes: int, only: tuple[str, ...], quick: bool, out: Path | None
) -> None:
    """Learn by annealing and by parallel tempering, where annealing freezes."""
    epochs, seeds = (1, seeds or 1) if quick else (EPOCHS, seeds or 3)
    with runs.kept("tempering", run, out, quick) as kept:
        kept.complete(units(only or tuple(REGIMES), seeds, epochs), data_dir, processes)
        records = kept.records(units(tuple(REGIMES), runs.MOST_SEEDS, epochs))
        dates = ", ".join(sorted({record["date"][:10] for record in records.values()}))
        kept.write(f"{page(records)}\nRuns of {dates}. {report.where(report.machine())}\n")


if __name__ == "__main__":
    main()
