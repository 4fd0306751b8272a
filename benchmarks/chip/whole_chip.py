"""Problems as large as a whole Pegasus chip, and the energies of a QPU's reads.

A folder holds `Pegasus-Lattice_Size-16_NNNNN.json.gz`, problems as bqpjson, and `results.csv.gz`, from the
repository lanl-ansi/arXiv-2210.04291 (Tasseff and others, 2022). Solver qaNNNN_dwave is a D-Wave
Advantage_system4.1 with anneals of NNNN/10 us. It tells the lowest 50 energies of a call: all of them in
calls of 10, 20 and 40 reads.
"""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from ising_ep.chip import Chip
from ising_ep.problems.read import read_with_format

WHOLE = Chip.perfect("pegasus", 16)
# Calls of which all energies are there.
COMPLETE = ("10", "20", "40")


@dataclass(frozen=True, eq=False)
class WholeChip:
    """A problem, and energies of reads by anneal time.

    Attributes:
        name: Number of the instance.
        qubits, couplers, h, j: The problem, as `ChipModel.sample` takes it.
        energies: float64 (reads,) of each time in microseconds.
    """

    name: int
    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]
    h: NDArray[np.float64]
    j: NDArray[np.float64]
    energies: dict[float, NDArray[np.float64]]

    def of(self, reads: NDArray[np.int8]) -> NDArray[np.float64]:
        """Energies (reads,) of reads (reads, qubits), in the numbers asked for."""
        spins = reads.astype(np.float64)
        rows, cols = np.searchsorted(self.qubits, self.couplers).T
        found: NDArray[np.float64] = spins @ self.h + (spins[:, rows] * spins[:, cols]) @ self.j
        return found


def whole_chips(folder: Path) -> list[WholeChip]:
    """All problems of a folder."""
    paths = sorted(folder.glob("Pegasus-Lattice_Size-16_*.json.gz"))
    if not paths or not (folder / "results.csv.gz").is_file():
        raise click.BadParameter(
            f"{folder} has {len(paths)} problems Pegasus-Lattice_Size-16_*.json.gz, expected some, and"
            " results.csv.gz",
            param_hint="--p16",
        )
    seen: dict[int, dict[float, list[float]]] = {}
    with gzip.open(folder / "results.csv.gz", "rt") as file:
        for instance, solver, setting, *_, lowest in csv.reader(file):
            tenths = re.fullmatch("qa([0-9]{4})_dwave", solver)
            if tenths and setting in COMPLETE:
                counted = [entry.split("x") for entry in lowest.split()]
                reads = [float(energy) for energy, count in counted for _ in range(int(count))]
                seen.setdefault(int(instance), {}).setdefault(int(tenths[1]) / 10, []).extend(reads)
    found = []
    for path in paths:
        number = int(path.name.split("_")[-1].split(".")[0])
        bqm = read_with_format(path).bqm
        qubits = np.sort(np.array(list(bqm.variables), dtype=np.int64))
        h, (rows, cols, j), *_ = bqm.to_numpy_vectors(qubits.tolist())
        couplers = np.sort(qubits[np.stack([rows, cols], axis=1)], axis=1)
        energies = {time: np.array(reads) for time, reads in sorted(seen[number].items())}
        found.append(
            WholeChip(number, qubits, couplers, h.astype(np.float64), j.astype(np.float64), energies)
        )
    return found
