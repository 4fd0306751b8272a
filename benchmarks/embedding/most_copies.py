"""The most disjoint copies of K(left, right) on a perfect chip that straight windows of consecutive lines
allow.

    python -m benchmarks.embedding.most_copies pegasus:16 120 40          4, in a minute or so
    python -m benchmarks.embedding.most_copies pegasus:16 120 10          11; the search finds 12 with gaps
    python -m benchmarks.embedding.most_copies zephyr:12 120 40 --step 4  5

Every place for a copy is a rectangle: consecutive lines of one direction across consecutive lines of the
other, each spin the shortest window of its line. Which of them are disjoint in their qubits is set packing,
solved as an integer program; the bound printed is that of all selections from these places. Copies that skip
lines, or whose chains bend, are not among them.
"""

from __future__ import annotations

import math
import time

import click
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from ising_ep.chip import Chip
from ising_ep.embedding.lines import Lines, lines_of


def windows(lines: Lines, direction: int, own: range, others: range) -> list[int] | None:
    """Qubits of the lines `own` across all the lines `others`; None if one is missing."""
    segments = lines.segment[direction][[others.start, others.stop - 1]][:, own]
    qubits = [lines.qubit[direction, line, a : b + 1] for line, (a, b) in zip(own, segments.T, strict=True)]
    found = np.concatenate(qubits)
    return None if (found < 0).any() else found.tolist()


def places(lines: Lines, left: int, right: int, step: int) -> list[list[int]]:
    """Qubits of a copy at every place, with the left side's lines in either direction."""
    found = []
    for direction in (0, 1):
        for x in range(0, lines.count - left + 1, step):
            for y in range(0, lines.count - right + 1, step):
                mine, theirs = range(x, x + left), range(y, y + right)
                sides = (
                    windows(lines, direction, mine, theirs),
                    windows(lines, 1 - direction, theirs, mine),
                )
                if sides[0] is not None and sides[1] is not None:
                    found.append(sides[0] + sides[1])
    return found


@click.command()
@click.argument("chip")
@click.argument("left", type=click.IntRange(1))
@click.argument("right", type=click.IntRange(1))
@click.option("--step", default=2, show_default=True, help="Lines between places.")
@click.option("--longer", default=1.06, show_default=True, help="Qubits of a place at most, over the fewest.")
@click.option("--seconds", default=600.0, show_default=True, help="Time limit.")
def main(chip: str, left: int, right: int, step: int, longer: float, seconds: float) -> None:
    """Solve the packing and print the number of copies and its bound."""
    start = time.perf_counter()
    graph = Chip.named(chip)
    all_places = places(lines_of(graph.graph), left, right, step)
    fewest = min(map(len, all_places))
    kept = [place for place in all_places if len(place) <= longer * fewest]
    click.echo(f"{len(all_places)} places, {len(kept)} of up to {longer:g} x {fewest} qubits", err=True)
    rows = graph.positions(np.array([qubit for place in kept for qubit in place]))
    columns = np.repeat(np.arange(len(kept)), [len(place) for place in kept])
    uses = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(graph.qubits), len(kept)))
    result = milp(
        -np.ones(len(kept)),
        integrality=np.ones(len(kept), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(uses, ub=1),
        options={"time_limit": seconds},
    )
    found = 0 if result.x is None else round(-result.fun)
    bound = math.inf if result.mip_dual_bound is None else -result.mip_dual_bound
    seconds = time.perf_counter() - start
    click.echo(f"K({left},{right}) on {chip}: {found} copies, bound {bound:g}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
