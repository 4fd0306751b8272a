"""How much of a chip's readout time is in the number of qubits, and how much in where they are.

    python -m benchmarks.chip.readout_places --data FOLDER

FOLDER holds small_problems.jsonl.gz, a line a run with its embedding and its timing, on a Pegasus P16. The
logarithm of the readout time is predicted for a tenth of the embeddings at a time from the others: by a line
in the logarithm of the number of qubits, and by a Gaussian process, in which sets are alike that have
about as many qubits in about the same places.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from dwave.graphs import pegasus_graph

from . import logs

M = 16  # of the chip: a P16
FOLDS = 10
# Lengths over which times are alike, in unit cells and in the logarithm of the number, and the noise.
CELLS, NUMBER, NOISE = 1.0, 1.5, 0.08


def places_of(qubits):
    """Where qubits are on a P16, in unit cells: (qubits, 2)."""
    graph = pegasus_graph(M).graph
    u, line, z = np.unravel_index(qubits, (2, 12 * M, M - 1))
    shift = np.array([graph["vertical_offsets"], graph["horizontal_offsets"]])[u, line % 12]
    middle = 12 * z + shift + 6
    return np.where(u[:, None] == 0, np.stack([line, middle], 1), np.stack([middle, line], 1)) / 12


def overlap(places):
    """How much sets of places lie in the same ones, 0 to 1: (sets, sets)."""
    alike = [
        [np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / 2 / CELLS**2).mean() for b in places] for a in places
    ]
    own = np.sqrt(np.diag(alike))
    return np.array(alike) / own[:, None] / own


def by_number(numbers, times, known):
    """Predicted times of the sets that are not known, by their number."""
    line = np.polyfit(numbers[known], times[known], 1)
    return np.polyval(line, numbers[~known])


def by_place(kernel, times, known):
    """Predicted times of the sets that are not known, by a Gaussian process."""
    mean = times[known].mean()
    inner = kernel[np.ix_(known, known)] + NOISE**2 * np.eye(known.sum())
    return mean + kernel[np.ix_(~known, known)] @ np.linalg.solve(inner, times[known] - mean)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
def main(data: Path) -> None:
    """Print how well the readout time is predicted by the number of qubits, and by their places."""
    runs = list(logs.answers(data))
    sets = [sorted(qubit for chain in run["embedding"].values() for qubit in chain) for run in runs]
    times = np.log([run["timing"]["qpu_readout_time_per_sample"] for run in runs])
    numbers = np.log([len(qubits) for qubits in sets])
    near = np.exp(-((numbers[:, None] - numbers) ** 2) / 2 / NUMBER**2)
    kernel = (1 + overlap([places_of(qubits) for qubits in sets])) / 2 * near
    # Runs of one embedding are left out together.
    _, same = np.unique([str(qubits) for qubits in sets], return_inverse=True)
    fold = np.random.default_rng(0).permutation(same.max() + 1)[same] % FOLDS
    found = np.zeros((2, len(runs)))
    for k in range(FOLDS):
        known = fold != k
        found[:, ~known] = by_number(numbers, times, known), by_place(kernel, times, known)
    click.echo(
        f"{len(runs)} runs, {same.max() + 1} embeddings; log(readout time), {FOLDS}-fold cross-validation"
    )
    for name, predicted in zip(("number of qubits", "number and places"), found, strict=True):
        explained = 1 - np.mean((times - predicted) ** 2) / times.var()
        within = np.mean(np.abs(np.expm1(predicted - times)) <= 0.2)
        click.echo(
            f"{name}: {100 * explained:.0f} % of the variance, within 20 % for {100 * within:.0f} % of runs"
        )


if __name__ == "__main__":
    main()
