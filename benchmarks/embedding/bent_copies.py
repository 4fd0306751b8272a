"""Whether chains that bend make room for a fifth copy of K(120,40) on a perfect P16.

    python -m benchmarks.embedding.bent_copies                         some ten minutes
    python -m benchmarks.embedding.bent_copies --seconds 5 --size 76   a first impression

Four copies of K(120,40) and one of K(a,40) are laid on the chip as shapes on consecutive lines: straight, or
with the outputs bent once (L) or twice (Z, U). A bend is a crossing of an output's two lines, where it needs
none but the chip's own coupler. Shapes may overlap; a heat bath moves one shape at a time to where it shares
few qubits with the others, while the temperature falls. A layout without overlap is checked on the chip's
graph. For the largest a of which it found one, what the four copies leave is searched once more: along lines
that may be skipped, with detours around what is taken, and by minorminer.

Lines are taken in pairs side by side, whose segments lie alike.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from minorminer import find_embedding
from scipy.sparse import csr_array

from benchmarks.embedding.layouts import check
from benchmarks.support import report
from ising_ep.chip import Chip
from ising_ep.embedding.biclique import best_copy
from ising_ep.embedding.lines import Lines, lines_of

PAIR = 2
LEFT, RIGHT, COPIES = 120, 40, 5
# Temperatures, in pairs of qubits that are shared, of one run of the heat bath.
TEMPERATURES = np.geomspace(20, 1, 60)
# Pairs of lines between the places of bent shapes, and between the lengths of their arms.
STEP, ARM = 4, 10
# Columns of runs: a run is a line's segments from one position to another.
DIRECTION, LINE, FIRST, LAST = range(4)
Runs = np.ndarray


def runs_of(direction: int, line: Any, first: Any, last: Any) -> Runs:
    """Runs (number, 4), of which each but the direction may be one number or an array."""
    columns = np.broadcast_arrays(direction, line, first, last)
    return np.stack(columns, axis=-1).reshape(-1, 4)


def straight(left: int, right: int) -> Runs:
    """K(left, right) with vertical hidden chains and its first lines at 0: a run of each chain."""
    hidden, outputs = np.arange(left), np.arange(right)
    return np.concatenate([runs_of(0, hidden, 0, right - 1), runs_of(1, outputs, 0, left - 1)])


def bent(arms: tuple[int, int, int], right: int, back: bool) -> Runs:
    """K(sum of arms, right) whose outputs turn down after the first arm, and after the second one on or back.

    Rows come from the left over the first arm's hidden lines to columns at 0, which lead down over the
    second's. Without a third arm this is an L, else a Z or, back to the left, a U. Each output has a run of
    every arm, in this order.
    """
    first, second, third = map(np.arange, arms)
    output = np.arange(right)
    below = right + arms[1]
    row = below + (right - 1 - output if back else output)
    hidden = [runs_of(0, -1 - first, 0, right - 1), runs_of(1, right + second, 0, right - 1)]
    outputs = [runs_of(1, output, -arms[0], output)]
    if arms[2]:
        hidden.append(runs_of(0, -1 - third if back else right + third, below, below + right - 1))
        outputs.append(runs_of(0, output, output, row))
        outputs.append(
            runs_of(1, row, -arms[2], output) if back else runs_of(1, row, output, right + arms[2] - 1)
        )
    else:
        outputs.append(runs_of(0, output, output, below - 1))
    return np.concatenate(hidden + outputs)


def turned(runs: Runs, flips: tuple[bool, bool], swap: bool) -> Runs:
    """The runs mirrored left to right and top to bottom, and with the two directions exchanged."""
    runs = runs.copy()
    for direction, flip in enumerate(flips):
        if flip:
            across = runs[:, DIRECTION] == direction
            runs[across, LINE] *= -1
            runs[~across, FIRST], runs[~across, LAST] = -runs[~across, LAST], -runs[~across, FIRST]
    runs[:, DIRECTION] ^= swap
    return runs


def moved(runs: Runs, x: int, y: int) -> Runs:
    """The runs, x columns to the right and y rows down."""
    vertical = runs[:, DIRECTION] == 0
    along = np.where(vertical, y, x)
    return runs + np.stack([0 * along, np.where(vertical, x, y), along, along], axis=1)


def placed(shape: Runs, count: int, step: int) -> Iterator[Runs]:
    """The shape at every step-th place among so many lines in each direction."""
    vertical = shape[:, DIRECTION] == 0
    xs = np.concatenate([shape[vertical, LINE], *shape[~vertical, FIRST:].T])
    ys = np.concatenate([shape[~vertical, LINE], *shape[vertical, FIRST:].T])
    for x in range(-xs.min(), count - xs.max(), step):
        for y in range(-ys.min(), count - ys.max(), step):
            yield moved(shape, x, y)


@dataclass
class Shapes:
    """Places for one copy: the runs of each, and which nodes of the chip it takes (places, nodes)."""

    runs: list[Runs]
    nodes: csr_array

    def of(self, place: int) -> np.ndarray:
        """The nodes of a place."""
        return self.nodes.indices[self.nodes.indptr[place] : self.nodes.indptr[place + 1]]


class Pairs:
    """The chip's lines in pairs; a node is a segment of both lines of one."""

    def __init__(self, lines: Lines):
        self.lines = lines
        self.count = lines.count // PAIR
        self.segment = lines.segment[:, ::PAIR, ::PAIR]
        alike = lines.segment.reshape(2, self.count, PAIR, self.count, PAIR)
        assert (alike == self.segment[:, :, None, :, None]).all()
        self.qubit = lines.qubit.reshape(2, self.count, PAIR, -1).swapaxes(2, 3)
        self.there = (self.qubit >= 0).all(axis=3).ravel()

    def nodes(self, runs: Runs) -> list[np.ndarray]:
        """The nodes of each run."""
        direction, line = runs[:, DIRECTION], runs[:, LINE]
        ends = [self.segment[direction, runs[:, end], line] for end in (FIRST, LAST)]
        base = (direction * self.count + line) * self.qubit.shape[2]
        return [np.arange(a, b + 1) for a, b in zip(base + ends[0], base + ends[1], strict=True)]

    def shapes(self, left: int, right: int, bends: bool) -> Shapes:
        """Every place for a K(left, right) that no qubit is missing from."""
        upright = straight(left, right)
        both = (placed(turned(upright, (False, False), swap), self.count, 1) for swap in (False, True))
        kept, nodes = [], []
        for runs in itertools.chain(*both, self._bent(left, right) if bends else ()):
            taken = np.concatenate(self.nodes(runs))
            if self.there[taken].all() and len(np.unique(taken)) == len(taken):
                kept.append(runs)
                nodes.append(taken.astype(np.int32))
        ends = np.cumsum([0, *map(len, nodes)])
        ones, columns = np.ones(ends[-1], np.float32), np.concatenate(nodes)
        return Shapes(kept, csr_array((ones, columns, ends), shape=(len(kept), self.there.size)))

    def _bent(self, left: int, right: int) -> Iterator[Runs]:
        for first, third in itertools.product(range(ARM, left, ARM), range(0, left, ARM)):
            arms = (first, left - first - third, third)
            if arms[1] < 0 or (not third and not arms[1]):
                continue
            for back in (False, True) if third else (False,):
                for x, y, swap in itertools.product((False, True), repeat=3):
                    yield from placed(turned(bent(arms, right, back), (x, y), swap), self.count, STEP)

    def chains(self, runs: Runs, left: int, right: int) -> tuple[list[list[int]], list[list[int]]]:
        """The chains of qubits of a place, the left side's and the right side's."""
        nodes = self.nodes(runs)
        qubit = self.qubit.reshape(-1, PAIR)
        whole = [nodes[i : i + 1] for i in range(left)] + [nodes[left + i :: right] for i in range(right)]
        lists = [qubit[np.concatenate(parts), k].tolist() for parts in whole for k in range(PAIR)]
        return lists[: PAIR * left], lists[PAIR * left :]


def anneal(shapes: list[Shapes], seconds: float, seed: int) -> tuple[int, list[int]]:
    """The least nodes that are taken twice, and the place of each shape in that layout."""
    rng = np.random.default_rng(seed)
    start = time.process_time()
    least, best = np.inf, []
    while least and time.process_time() - start < seconds:
        places = [int(rng.integers(len(shape.runs))) for shape in shapes]
        taken = np.zeros(shapes[0].nodes.shape[1], np.float32)
        for shape, place in zip(shapes, places, strict=True):
            taken[shape.of(place)] += 1
        for temperature in TEMPERATURES:
            for k in rng.permutation(len(shapes)):
                taken[shapes[k].of(places[k])] -= 1
                shared = shapes[k].nodes @ taken
                chance = np.exp((shared.min() - shared.astype(float)) / temperature)
                places[k] = int(rng.choice(len(chance), p=chance / chance.sum()))
                taken[shapes[k].of(places[k])] += 1
            overlap = int(np.maximum(taken - 1, 0).sum())
            if overlap < least:
                least, best = overlap, list(places)
    return int(least), best


def largest_left(lines: Lines, free: np.ndarray, right: int, least: int, most: int) -> int:
    """The largest left side, from `least` to `most`, of which a copy is found among the free qubits."""
    while least < most:
        middle = (least + most + 1) // 2
        if best_copy(lines, free, middle, right):
            least = middle
        else:
            most = middle - 1
    return least


@click.command()
@click.option("--seconds", default=40.0, show_default=True, help="CPU time for each size of the fifth copy.")
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(2 * ARM, LEFT),
    multiple=True,
    default=(60, 76, 80, 100, LEFT),
    show_default=True,
    help="An a, even.",
)
@click.option("--seed", default=0, show_default=True)
def main(seconds: float, sizes: tuple[int, ...], seed: int) -> None:
    """A fifth copy of K(120,40) beside four on a P16, with outputs that bend."""
    report.one_thread()
    graph = Chip.perfect("pegasus", 16).graph
    lines = lines_of(graph)
    pairs = Pairs(lines)
    half = RIGHT // PAIR
    kept: dict[int, list[tuple[list[list[int]], list[list[int]]]]] = {}
    for bends in (False, True):
        whole = pairs.shapes(LEFT // PAIR, half, bends)
        for left in sizes:
            fifth = pairs.shapes(left // PAIR, half, bends)
            overlap, places = anneal([whole] * (COPIES - 1) + [fifth], seconds, seed)
            click.echo(
                f"{'bent or straight' if bends else 'straight'}, {len(whole.runs)} and {len(fifth.runs)}"
                f" places: beside four K({LEFT},{RIGHT}), K({left},{RIGHT}) shares {PAIR * overlap} qubits"
            )
            if not overlap:
                lefts = [LEFT // PAIR] * (COPIES - 1) + [left // PAIR]
                shapes = [whole] * (COPIES - 1) + [fifth]
                copies = [
                    pairs.chains(shape.runs[place], size, half)
                    for shape, place, size in zip(shapes, places, lefts, strict=True)
                ]
                check(graph, copies)
                kept[left] = copies
    if not kept:
        return
    best = max(kept)
    taken = {q for copy in kept[best][: COPIES - 1] for side in copy for chain in side for q in chain}
    free = (lines.qubit >= 0) & ~lines.holding(taken)
    found = largest_left(lines, free, RIGHT, best, LEFT)
    click.echo(f"four of them leave {free.sum()} qubits; with skipped lines and detours K({found},{RIGHT})")
    rest = graph.subgraph(lines.qubit[free].tolist())
    for left in (found // 2, found, LEFT):
        edges = list(itertools.product(range(left), range(left, left + RIGHT)))
        chains = find_embedding(edges, list(rest.edges), random_seed=seed, timeout=round(seconds))
        click.echo(f"minorminer in the rest: K({left},{RIGHT}) {'found' if chains else 'not found'}")


if __name__ == "__main__":
    main()
