"""One complete bipartite network K(left, right) on the straight lines of a chip.

The left spins lie on lines of one direction and the right spins on lines of the other. A spin's chain is the shortest
window of its line that crosses all lines of the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ising_ep.chains import Chains
from ising_ep.lines import Bools, Ints, Lines

# What a missing qubit in a chain costs in qubits until it is mended, and how many a chain may miss.
MEND = 3


@dataclass(frozen=True)
class Rectangle:
    """Ranges of lines that hold enough whole windows for a copy: the left side's lines [left_low, left_high) of a
    direction across the right side's lines [right_low, right_high)."""

    score: float
    direction: int
    left_low: int
    left_high: int
    right_low: int
    right_high: int


class Windows:
    """How many qubits the windows of all lines have, and how many of them are not free, for every range that they are
    to cross."""

    def __init__(self, lines: Lines, free: Bools):
        self.lines = lines
        taken = np.zeros((2, lines.count, free.shape[2] + 1), np.int64)
        np.cumsum(~free, axis=2, out=taken[:, :, 1:])
        cut = np.zeros((2, lines.count, free.shape[2]), np.int64)
        np.cumsum(lines.cut & free[:, :, :-1] & free[:, :, 1:], axis=2, out=cut[:, :, 1:])
        self._taken, self._cut = taken, cut

    def __call__(self, direction: int, width: int) -> tuple[Ints, Ints]:
        """Qubits and missing ones, both (starts, lines), of the windows that cross start..start + width - 1."""
        segment, index = self.lines.segment[direction], np.arange(self.lines.count)
        first, last = segment[: self.lines.count - width + 1], segment[width - 1 :]
        taken, cut = self._taken[direction], self._cut[direction]
        missing = taken[index, last + 1] - taken[index, first] + cut[index, last] - cut[index, first]
        return last - first + 1, missing


def _sums(values: NDArray[np.generic]) -> Ints:
    """Sums of a row's values before each column."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def rectangles(
    windows: Windows,
    direction: int,
    left: int,
    right: int,
    *,
    tolerance: int,
    gravity: tuple[float, float] = (0.0, 0.0),
    most: int = 20,
) -> list[Rectangle]:
    """The best places for a copy, whose left side's lines have the direction, lowest score first.

    The score is the number of qubits a copy is expected to take, plus the gravity times the mean position of the
    left and right side's lines.
    """
    count = windows.lines.count

    def tables(direction: int, width: int) -> tuple[Ints, Ints]:
        qubits, missing = windows(direction, width)
        usable = missing <= tolerance
        return _sums(usable), _sums(np.where(usable, qubits + MEND * missing, 0))

    if max(left, right) > count:
        return []
    left_widths = range(left, min(2 * left + 16, count) + 1)
    right_widths = range(right, min(right + right // 4 + 8, count) + 1)
    across_left = {width: tables(1 - direction, width) for width in left_widths}
    found: list[Rectangle] = []
    for right_width in right_widths:
        usable, cost = tables(direction, right_width)  # (right starts, left lines)
        for left_width in left_widths:
            other_usable, other_cost = across_left[left_width]  # (left starts, right lines)
            enough = usable[:, left_width:] - usable[:, :-left_width]  # (right starts, left starts)
            other_enough = (other_usable[:, right_width:] - other_usable[:, :-right_width]).T
            fits = (enough >= left) & (other_enough >= right)
            low, at = np.nonzero(fits)
            if not low.size:
                continue
            expected = (cost[low, at + left_width] - cost[low, at]) * (left / enough[fits])
            expected += (other_cost[at, low + right_width] - other_cost[at, low]) * (right / other_enough[fits])
            score = expected + gravity[0] * (at + left_width / 2) + gravity[1] * (low + right_width / 2)
            for k in np.argsort(score, kind="stable")[:most]:
                a, b = int(at[k]), int(low[k])
                found.append(Rectangle(float(score[k]), direction, a, a + left_width, b, b + right_width))
    return sorted(found, key=lambda r: r.score)[:most]


def _choose(usable: Bools, cost: Ints, low: int, high: int, number: int) -> Ints:
    """The cheapest usable lines of a range."""
    among = low + np.nonzero(usable[low:high])[0]
    return np.sort(among[np.argsort(cost[among], kind="stable")[:number]])


def lay(
    windows: Windows, free: Bools, place: Rectangle, left: int, right: int, *, tolerance: int
) -> Chains | None:
    """A copy in the rectangle, mended and trimmed; None if it cannot be mended."""
    lines = windows.lines
    banned: tuple[set[int], set[int]] = (set(), set())
    free_qubits = set(lines.qubit[free].tolist())
    for _ in range(20):
        chosen = []
        for side, number in ((0, left), (1, right)):
            direction = place.direction ^ side
            ours = (place.left_low, place.left_high, place.right_low, place.right_high)
            low, high, other_low, other_high = ours if side == 0 else ours[2:] + ours[:2]
            qubits, missing = (table[other_low] for table in windows(direction, other_high - other_low))
            usable = missing <= tolerance
            usable[list(banned[side])] = False
            chosen.append(_choose(usable, qubits + MEND * missing, low, high, number))
            if chosen[-1].size < number:
                return None
        chains = []
        for side, other in ((0, 1), (1, 0)):
            low, high = int(chosen[other][0]), int(chosen[other][-1])
            for line in chosen[side]:
                window = lines.window(place.direction ^ side, int(line), low, high)
                chains.append([q for q in window if q in free_qubits])
        copy = Chains(lines.neighbours, chains, left, free_qubits)
        broken = copy.mend()
        if broken is None:
            copy.trim()
            return copy
        side = int(broken >= left)
        banned[side].add(int(chosen[side][broken - left * side]))
    return None


def best_copy(lines: Lines, free: Bools, left: int, right: int) -> Chains | None:
    """The copy with the fewest qubits that is found among the free ones."""
    windows = Windows(lines, free)
    best = None
    for tolerance in (0, 1):
        places = [
            place
            for direction in (0, 1)
            for place in rectangles(windows, direction, left, right, tolerance=tolerance)
        ]
        for place in sorted(places, key=lambda p: p.score)[:20]:
            copy = lay(windows, free, place, left, right, tolerance=tolerance)
            if copy and (best is None or (copy.qubits, copy.longest) < (best.qubits, best.longest)):
                best = copy
    return best
