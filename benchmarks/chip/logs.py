"""Logs of a real QPU: a folder of numbers taken from those of arXiv 2409.01373, or laid out like it.

A folder holds `runs.csv`, a row a run; `small_problems.jsonl.gz`, problems of up to 25 variables with QUBO,
embedding and the energy of every read; and `solver_*.json.gz`, the solver's properties.

Problems went through dwave-system's composites: chain strength by `uniform_torque_compensation`, fields
split over chains, everything scaled by one factor into the chip's ranges (auto_scale). The logs do not hold
that factor. From 16 November 2023 on they agree with chains at J = -2, the end of extended_j_range; before,
in October and on 1 November, with chains at -1, the end of j_range: with it reads, chain breaks and
temperatures are those of the later months, without it not (reads of problems with chains would be 1.6 times
as hot as those without, and ten times as many chains broken).
"""

from __future__ import annotations

import ast
import csv
import datetime
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import dimod
import numpy as np
from dwave.embedding import embed_bqm
from dwave.embedding.chain_strength import uniform_torque_compensation
from numpy.typing import NDArray
from scipy.optimize import brentq

from ising_ep import unembed
from ising_ep.chip import Chip
from ising_ep.chip.solvers import plain_name

# Between the runs of 1 and of 16 November the service began to scale chains to extended_j_range.
EXTENDED = datetime.datetime(2023, 11, 10, tzinfo=datetime.UTC).timestamp()
# Microseconds and reads of every run.
ANNEAL, READS = [(0.0, 0.0), (20.0, 1.0)], 1000
# Columns of runs, and keys of answers, that are read.
TEXTS = ("instance", "solver")
COLUMNS = (
    *TEXTS,
    *("start", "variables", "terms", "qubits", "longest_chain", "reads", "chain_break_fraction"),
    *("qpu_anneal_time_per_sample", "qpu_readout_time_per_sample", "qpu_programming_time"),
    *("qpu_access_time", "qpu_access_overhead_time"),
)
KEYS = ("instance", "Q", "embedding", "energies", "occurrences", "chain_break_fraction", "timing")
# Energies of a problem that are told apart where temperatures are worked out.
LEVELS = 100_000


@dataclass(frozen=True, eq=False)
class Programmed:
    """A problem on the qubits, scaled into the chip's ranges.

    Attributes:
        qubits: int64 (qubits,) the chip's numbers.
        couplers: int64 (couplers, 2).
        h, j: float64 (qubits,) and (couplers,).
        scale: What the problem was divided by.
        columns: Of each variable, where its qubits are among them.
    """

    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]
    h: NDArray[np.float64]
    j: NDArray[np.float64]
    scale: float
    columns: list[range]

    @classmethod
    def of(
        cls, spins: dimod.BQM, chains: Mapping[Any, list[int]], chip: Chip, *, extended: bool
    ) -> Programmed:
        """An Ising problem on chains, as dwave-system and the service program it."""
        strength = uniform_torque_compensation(spins)
        graph = chip.graph.subgraph([q for chain in chains.values() for q in chain])
        embedded = embed_bqm(spins, dict(chains), graph, chain_strength=strength)
        order = [q for v in spins.variables for q in chains[v]]
        h = np.array([embedded.linear[q] for q in order])
        couplers = np.array([sorted(pair) for pair in embedded.quadratic], dtype=np.int64).reshape(-1, 2)
        j = np.array(list(embedded.quadratic.values()))
        lowest = -2.0 if extended else -1.0
        both = np.concatenate([j, [0.0]])
        scale = max(h.max() / 4, h.min() / -4, both.max(), both.min() / lowest) or 1.0
        ends = np.cumsum([len(chains[v]) for v in spins.variables]).tolist()
        columns = [range(begin, end) for begin, end in pairwise([0, *ends])]
        return cls(np.array(order), couplers, h / scale, j / scale, float(scale), columns)

    def logical(self, reads: NDArray[np.int8], seed: int = 0) -> tuple[NDArray[np.int8], float]:
        """Majorities (reads, chains) of reads (reads, qubits), ties by chance; fraction of broken chains."""
        found = unembed(reads, self.columns, seed=seed)
        return found.states, float(found.broken.mean())


@dataclass(frozen=True, eq=False)
class SmallProblem:
    """A problem of up to 25 variables, and what the QPU made of it.

    Attributes:
        name: Of the instance.
        spins: The problem.
        chains: Qubits of each variable.
        energies, counts: float64 (reads that differ,).
        broken: Mean fraction of chains that were broken.
        extended: Whether chains were scaled to extended_j_range.
    """

    name: str
    spins: dimod.BQM
    chains: dict[int, list[int]]
    energies: NDArray[np.float64]
    counts: NDArray[np.float64]
    broken: float
    extended: bool

    @property
    def longest(self) -> int:
        """Qubits of the longest chain."""
        return max(map(len, self.chains.values()))

    @cached_property
    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All energies, rising, and how many of the 2^n states have each; to 1 / `LEVELS` of their range."""
        h, (rows, cols, values), offset, *_ = self.spins.to_numpy_vectors(list(self.spins.variables))
        count = len(h)
        couplings = np.zeros((count, count))
        couplings[rows, cols] = values
        couplings += couplings.T
        energies, fields = np.full(1, float(offset)), h[np.newaxis].astype(np.float64)
        for k in range(count):
            onto, rest = couplings[k, k + 1 :], fields[:, 1:]
            energies = np.concatenate([energies + fields[:, 0], energies - fields[:, 0]])
            fields = np.concatenate([rest + onto, rest - onto])
        low, high = energies.min(), energies.max()
        bins = np.rint((energies - low) * (LEVELS / (high - low))).astype(np.int64)
        states = np.bincount(bins, minlength=LEVELS + 1)
        means = np.bincount(bins, energies, LEVELS + 1)[states > 0] / states[states > 0]
        return means, states[states > 0].astype(np.float64)

    def beta(self, mean: float) -> float:
        """Inverse temperature in the problem's units at which the mean energy is this."""
        energies, states = self.levels
        above = energies - energies[0]
        coldest = 60 / above[1]

        def over(beta: float) -> float:
            weights = states * np.exp(-beta * above)
            return float((weights @ above) / weights.sum() + energies[0] - mean)

        if over(0.0) <= 0 or over(coldest) >= 0:
            return 0.0 if over(0.0) <= 0 else float(coldest)
        return float(brentq(over, 0.0, coldest, rtol=1e-9))

    def inexact(self, beta: float) -> float:
        """Relative standard error of a beta from as many reads as there were."""
        energies, states = self.levels
        above = energies - energies[0]
        weights = states * np.exp(-beta * above)
        weights /= weights.sum()
        variance = weights @ above**2 - (weights @ above) ** 2
        return float(1 / (beta * np.sqrt(self.counts.sum() * variance))) if variance > 0 else np.inf


def distance(
    energies: NDArray[np.float64],
    counts: NDArray[np.float64],
    others: NDArray[np.float64],
    other_counts: NDArray[np.float64],
) -> float:
    """Total variation distance between two distributions over energies."""
    both = np.concatenate([energies, others])
    size = np.abs(both).max() or 1.0
    _, inverse = np.unique(np.round(both / size * 1e8), return_inverse=True)
    one = np.bincount(inverse[: len(energies)], counts, inverse.max() + 1)
    other = np.bincount(inverse[len(energies) :], other_counts, inverse.max() + 1)
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def refused(text: object) -> click.BadParameter:
    """The line, and the exit code 2, that end a benchmark whose folder is none."""
    return click.BadParameter(str(text), param_hint="--data")


def solver(folder: Path) -> Chip:
    """The chip that the runs were made on."""
    found = sorted(folder.glob("solver_*.json.gz"))
    if len(found) != 1:
        raise refused(f"{folder} has {len(found)} files solver_*.json.gz, expected one")
    try:
        return Chip.named(str(found[0]))
    except (ValueError, OSError) as error:
        raise refused(error) from None


def runs(folder: Path, chip: Chip) -> list[dict[str, Any]]:
    """The rows of `runs.csv`, numbers as numbers, of runs on this chip."""
    path, name = folder / "runs.csv", str(chip.properties.get("chip_id"))
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{path} cannot be read: {error}") from None
    lacking = [column for column in COLUMNS if not rows or column not in rows[0]]
    if lacking:
        raise refused(f"{path} has no runs with {', '.join(lacking)}")
    found = []
    for number, row in enumerate(rows, 2):
        if plain_name(row["solver"]) != plain_name(name):
            raise refused(f"line {number} of {path} is a run of {row['solver']}, expected {name}")
        try:
            numbers = {column: float(row[column]) for column in COLUMNS if column not in TEXTS}
        except (TypeError, ValueError) as error:
            raise refused(f"line {number} of {path}: {error}") from None
        found.append({**numbers, **{column: row[column] for column in TEXTS}})
    return found


def answers(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of `small_problems.jsonl.gz`."""
    path, number = folder / "small_problems.jsonl.gz", 0
    try:
        with gzip.open(path, "rt") as file:
            for line in file:
                found = json.loads(line)
                lacking = [key for key in KEYS if key not in found]
                if lacking:
                    raise ValueError(f"it lacks {', '.join(lacking)}")
                yield found
                number += 1
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise refused(f"{path} cannot be read after line {number}: {error}") from None


def small_problems(folder: Path, chip: Chip) -> Iterator[SmallProblem]:
    """The problems whose answers are there, but those of which all energies are alike."""
    starts: dict[tuple[Any, ...], float] = {
        _of_timing(row["instance"], row): row["start"] for row in runs(folder, chip)
    }
    for found in answers(folder):
        name, run = found["instance"], _of_timing(found["instance"], found["timing"])
        if run not in starts:
            raise refused(f"{folder / 'runs.csv'} has no run of {name} as in small_problems.jsonl.gz")
        qubo = {ast.literal_eval(key): value for key, value in found["Q"].items()}
        if not any(qubo.values()):
            continue
        bqm = dimod.BQM.from_qubo(qubo)
        spins = dimod.BQM("SPIN")
        for v in sorted(bqm.variables):
            spins.add_variable(v)
        spins.update(bqm.change_vartype("SPIN", inplace=False))
        counts = np.array(found["occurrences"], dtype=np.float64)
        yield SmallProblem(
            name,
            spins,
            {int(v): chain for v, chain in found["embedding"].items()},
            np.array(found["energies"]),
            counts,
            float(np.average(found["chain_break_fraction"], weights=counts)),
            starts[run] >= EXTENDED,
        )


def _of_timing(name: str, timing: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a run from others of its instance."""
    return name, timing["qpu_access_time"], timing["qpu_access_overhead_time"]
