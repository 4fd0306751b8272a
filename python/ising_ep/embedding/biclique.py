"""One complete bipartite network K(left, right) on the straight lines of a chip.

The left spins lie on lines of one direction and the right spins on lines of the other. A spin's chain is the
shortest window of its line that crosses all lines of the other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chains import Chains
from .lines import Bools, Ints, Lines
from .paths import disjoint_paths

# What a detour around a missing qubit costs in qubits.
DETOUR = 3
# How often a copy is laid anew around missing couplers.
ATTEMPTS = 5
# Copies among which the best is taken: the one with the fewest qubits, each qubit by which the longest chain
# is longer counting as so many, since long chains break and turn slowly.
ENOUGH = 10
LONGER = 8
# Lines that a wide rectangle has for one of the left side. With three classes of line, of which a right side
# of few lines needs one qubit of one class and two of the others, two classes are then enough, and the third
# is left to the next copy.
WIDE = 1.5
# Windows that a rectangle has beyond those that a copy takes, left and right.
SPARE = ((0, 0), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))


@dataclass(frozen=True, order=True)
class Rectangle:
    """Ranges of lines that hold enough whole windows for a copy: the left side's lines [left_low, left_high)
    of a direction across the right side's lines [right_low, right_high)."""

    score: float
    direction: int
    left_low: int
    left_high: int
    right_low: int
    right_high: int


class Windows:
    """How many qubits the windows of all lines have, and how many of them are not free, for every range that
    they are to cross."""

    def __init__(self, lines: Lines, free: Bools):
        self.lines = lines
        taken = np.zeros((2, lines.count, free.shape[2] + 1), np.int64)
        np.cumsum(~free, axis=2, out=taken[:, :, 1:])
        cut = np.zeros((2, lines.count, free.shape[2]), np.int64)
        np.cumsum(lines.cut & free[:, :, :-1] & free[:, :, 1:], axis=2, out=cut[:, :, 1:])
        self._taken, self._cut = taken, cut

    def __call__(self, direction: int, width: int) -> tuple[Ints, Ints]:
        """Qubits and missing ones, both (starts, lines), of the windows that cross start..start + width -
        1."""
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


def _widths(number: int, count: int) -> list[int]:
    """Widths to try for so many lines: all that are little more, then in steps."""
    most = min(2 * number, count)
    return [*range(number, min(number + 12, most) + 1), *range(number + 16, most + 1, 4)]


def rectangles(
    windows: Windows,
    direction: int,
    left: int,
    right: int,
    *,
    gravity: tuple[float, float] = (0.0, 0.0),
    wide: bool = False,
    most: int = 4,
) -> list[Rectangle]:
    """The best places for a copy, whose left side's lines have the direction, lowest score first: so many for
    each of SPARE.

    Two windows that miss one qubit each count as one, since they can be made one by a detour. The score is
    the number of qubits that a copy is expected to take, plus the gravity times where the left and right
    side's lines end: the high end for positive gravity, which draws copies to the low one, and the other way
    round. A wide rectangle has many more of the left side's lines than the copy takes.
    """
    count = windows.lines.count

    def tables(direction: int, width: int) -> tuple[Ints, Ints]:
        qubits, missing = windows(direction, width)
        halves = np.maximum(2 - missing, 0)
        return _sums(halves), _sums(halves * qubits + DETOUR * (halves == 1))

    if max(left, right) > count:
        return []
    left_widths, right_widths = _widths(left, count), _widths(right, count)
    if wide:
        left_widths = [max(left, min(int(WIDE * left), windows.lines.common))]
    across_left = {width: tables(1 - direction, width) for width in left_widths}
    found: dict[tuple[int, int], list[Rectangle]] = {spare: [] for spare in SPARE}
    for right_width in right_widths:
        halves, cost = tables(direction, right_width)  # (right starts, left lines)
        for left_width in left_widths:
            other_halves, other_cost = across_left[left_width]  # (left starts, right lines)
            enough = halves[:, left_width:] - halves[:, :-left_width]  # (right starts, left starts)
            other_enough = (other_halves[:, right_width:] - other_halves[:, :-right_width]).T
            low, at = np.nonzero((enough >= 2 * left) & (other_enough >= 2 * right))
            if not low.size:
                continue
            have, other_have = enough[low, at], other_enough[low, at]
            score = (cost[low, at + left_width] - cost[low, at]) * (left / have)
            score += (other_cost[at, low + right_width] - other_cost[at, low]) * (right / other_have)
            score += gravity[0] * (at + (gravity[0] > 0) * left_width)
            score += gravity[1] * (low + (gravity[1] > 0) * right_width)
            for spare in SPARE:
                k = int(
                    np.where(
                        (have >= 2 * (left + spare[0])) & (other_have >= 2 * (right + spare[1])),
                        score,
                        np.inf,
                    ).argmin()
                )
                if have[k] >= 2 * (left + spare[0]) and other_have[k] >= 2 * (right + spare[1]):
                    a, b = int(at[k]), int(low[k])
                    place = Rectangle(float(score[k]), direction, a, a + left_width, b, b + right_width)
                    found[spare].append(place)
    best = {place for places in found.values() for place in sorted(places)[:most]}
    return sorted(best)


def lay(
    lines: Lines,
    free: Bools,
    place: Rectangle,
    left: int,
    right: int,
    pull: float = 0.0,
) -> Chains | None:
    """A copy in the rectangle, mended and trimmed; None if there is none.

    A positive pull takes, among equal windows, those at low positions of the right side's lines, so that what
    is left over lies together for the next copy of a stack.

    A path along one direction's lines from one end of the rectangle to the other crosses all of the other's,
    even with detours over segments of the other direction: a detour stays on one line, which the path crosses
    before and after it. So each side is a set of disjoint paths, which may use what the other side leaves.
    Couplers that are missing where paths cross are made up for by growing the chains there.
    """
    across = place.direction
    ranges = ((place.left_low, place.left_high), (place.right_low, place.right_high))
    inside = (lines.region(ranges if across == 0 else ranges[::-1]) & free).ravel()
    # Where a segment lies along the stack: the left side's start there, the right side's lines are there.
    depth = np.empty(free.shape)
    depth[across] = lines.offset[across, :, None] + lines.length * np.arange(free.shape[2])
    depth[1 - across] = np.arange(lines.count)[:, None]
    cost = 1 + (1e-4 * pull * depth + lines.flaws).ravel()
    per_direction = inside.size // 2
    line_of = np.arange(inside.size) // free.shape[2] % lines.count

    def side(direction: int, allowed: Bools, low: int, high: int, number: int) -> list[Ints]:
        nodes = np.nonzero(allowed)[0]
        index = np.full(allowed.size, -1)
        index[nodes] = np.arange(nodes.size)
        edges = index[lines.edges]
        edges = edges[(edges >= 0).all(axis=1)]
        starts, ends = (lines.covering(direction, p).ravel()[nodes] for p in (low, high))
        return [nodes[path] for path in disjoint_paths(edges, cost[nodes], starts, ends, number)]

    def without(paths: list[Ints]) -> Bools:
        rest = inside.copy()
        rest[np.concatenate(paths)] = False
        return rest

    def span(paths: list[Ints], direction: int) -> tuple[int, int]:
        qubits = np.concatenate(paths)
        positions = line_of[qubits[qubits // per_direction == direction]]
        return int(positions.min()), int(positions.max())

    def route() -> tuple[list[Ints], list[Ints]] | None:
        straight = inside.copy()
        straight[(1 - across) * per_direction : (2 - across) * per_direction] = False
        hidden = side(across, straight, place.right_low, place.right_high - 1, left)
        if not hidden:
            return None
        outputs = side(1 - across, without(hidden), *span(hidden, across), right)
        if len(outputs) < right:
            return None
        # Each side again, now that the other may be narrower and has left segments for detours.
        size = None
        while size is None or sum(map(len, hidden + outputs)) < size:
            size = sum(map(len, hidden + outputs))
            hidden = side(across, without(outputs), *span(outputs, 1 - across), left)
            if len(hidden) < left:
                return None
            outputs = side(1 - across, without(hidden), *span(hidden, across), right)
        return hidden, outputs

    labels, flaws = lines.qubit.ravel(), lines.flaws.ravel()
    free_qubits = set(lines.qubit[free].tolist())
    for attempt in range(ATTEMPTS):
        paths = route()
        if paths is None:
            return None
        chains = [labels[path].tolist() for path in [*paths[0], *paths[1]]]
        copy = Chains(lines.neighbours, chains, left, free_qubits)
        if copy.mend():
            copy.trim()
            return copy
        # One side should go elsewhere than over the couplers that are missing: first the left, then the
        # right.
        turn = attempt % 2
        for chain in set(np.nonzero(copy.couplers == 0)[turn].tolist()):
            path = paths[turn][chain]
            cost[path[flaws[path] > 0]] += 50
    return None


def best_copy(lines: Lines, free: Bools, left: int, right: int) -> Chains | None:
    """The copy with the fewest qubits, and no chain much longer than need be, that is found among the free
    ones."""
    windows = Windows(lines, free)
    places = sorted(place for direction in (0, 1) for place in rectangles(windows, direction, left, right))
    best = None
    good = 0
    for place in places:
        copy = lay(lines, free, place, left, right)
        if copy is None:
            continue
        good += 1
        if best is None or _price(copy) < _price(best):
            best = copy
        # Whole windows take exactly what is expected of them; with detours a later place may take less.
        if good == ENOUGH or abs(best.qubits - places[0].score) < 1e-6:
            break
    return best


def _price(copy: Chains) -> int:
    return copy.qubits + LONGER * copy.longest
