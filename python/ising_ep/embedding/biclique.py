"""One complete bipartite network K(left, right) on the straight lines of a chip.

The left spins lie on lines of one direction and the right spins on lines of the other. A spin's chain is the
shortest window of its line that crosses all lines of the other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..checks import Bools, Floats, Ints
from .lines import Lines
from .mending import BicliqueCopy
from .paths import disjoint_paths

# Cost of a detour around a missing qubit, in qubits.
DETOUR = 3
# Extra cost of a qubit whose missing couplers a copy could not make up for: more than that of any way around
# the qubit.
AVOID = 50
# Cost of a step along the stack, in qubits for each unit of pull. Over a whole path on existing chips it adds
# up to less than a qubit, so that it is a tie-break between windows of equal length.
STEP = 1e-4
# Number of times that a copy is laid anew around missing couplers.
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
    """Numbers of qubits, and of qubits that are not free, in the windows of all lines, for every range that
    the windows are to cross."""

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


class Router:
    """Lays one copy in a rectangle, mended and trimmed.

    A path along one direction's lines from one end of the rectangle to the other crosses all of the other's,
    even with detours over segments of the other direction: a detour stays on one line, which the path crosses
    before and after it. So each side is a set of disjoint paths, which may use what the other side leaves.
    Couplers that are missing where paths cross are made up for by growing the chains there.

    Args:
        lines: The chip.
        free: (2, lines, segments + 2) the segments that no other copy has.
        place: The rectangle.
        left: Spins of the left side.
        right: Spins of the right side.
        pull: A positive one takes, among equal windows, those at low positions of the right side's lines, so
            that what is left over lies together for the next copy of a stack.
    """

    def __init__(
        self, lines: Lines, free: Bools, place: Rectangle, left: int, right: int, pull: float = 0.0
    ) -> None:
        self._lines = lines
        self._place = place
        self._left, self._right = left, right
        self._across = across = place.direction
        ranges = ((place.left_low, place.left_high), (place.right_low, place.right_high))
        inside = lines.region(ranges if across == 0 else ranges[::-1]) & free
        # Segments of the rectangle, by flat index, and what a path costs for going through one.
        self._inside = inside.ravel()
        self._cost = 1 + (STEP * pull * self._depth(free.shape) + lines.flaws).ravel()
        self._free_qubits = set(lines.qubit[free].tolist())

    def _depth(self, shape: tuple[int, ...]) -> Floats:
        """Position of each segment along the stack.

        A segment of the left side is at its start, a segment of the right side at its line.
        """
        lines, depth = self._lines, np.empty(shape)
        depth[self._across] = lines.offset[self._across, :, None] + lines.length * np.arange(shape[2])
        depth[1 - self._across] = np.arange(lines.count)[:, None]
        return depth

    def lay(self) -> BicliqueCopy | None:
        """The copy; None if there is none."""
        labels = self._lines.qubit.ravel()
        for attempt in range(ATTEMPTS):
            paths = self._route()
            if paths is None:
                return None
            chains = [labels[path].tolist() for path in [*paths[0], *paths[1]]]
            copy = BicliqueCopy(self._lines.neighbours, chains, self._left, self._free_qubits)
            if copy.mend():
                copy.trim()
                return copy
            # First the left side goes elsewhere, then the right.
            side = attempt % 2
            self._avoid(paths[side], np.nonzero(copy.couplers == 0)[side])
        return None

    def _avoid(self, paths: list[Ints], lacking: Ints) -> None:
        """Makes flawed segments dear for the paths that lack couplings."""
        flaws = self._lines.flaws.ravel()
        for chain in set(lacking.tolist()):
            path = paths[chain]
            self._cost[path[flaws[path] > 0]] += AVOID

    def _route(self) -> tuple[list[Ints], list[Ints]] | None:
        """The paths of both sides; None if there are not enough."""
        place, across = self._place, self._across
        left = self._paths(across, self._straight(), (place.right_low, place.right_high - 1), self._left)
        if not left:
            return None
        right = self._right_paths(left)
        # Each side again, now that the other may be narrower and has left segments for detours.
        size = None
        while len(right) == self._right and (size is None or _total(left, right) < size):
            size = _total(left, right)
            left = self._paths(across, self._without(right), self._span(right, 1 - across), self._left)
            if len(left) < self._left:
                return None
            right = self._right_paths(left)
        return (left, right) if len(right) == self._right else None

    def _right_paths(self, left: list[Ints]) -> list[Ints]:
        span = self._span(left, self._across)
        return self._paths(1 - self._across, self._without(left), span, self._right)

    def _paths(self, direction: int, allowed: Bools, span: tuple[int, int], number: int) -> list[Ints]:
        """Up to so many paths of allowed segments that cross the other direction's lines of the span."""
        nodes = np.nonzero(allowed)[0]
        index = np.full(allowed.size, -1)
        index[nodes] = np.arange(nodes.size)
        edges = index[self._lines.edges]
        edges = edges[(edges >= 0).all(axis=1)]
        starts, ends = (self._lines.covering(direction, position).ravel()[nodes] for position in span)
        return [nodes[path] for path in disjoint_paths(edges, self._cost[nodes], starts, ends, number)]

    def _straight(self) -> Bools:
        """The rectangle's segments of the left side's direction."""
        allowed = self._inside.copy().reshape(2, -1)
        allowed[1 - self._across] = False
        return allowed.ravel()

    def _without(self, paths: list[Ints]) -> Bools:
        """The rectangle's segments that are on none of the paths."""
        rest = self._inside.copy()
        rest[np.concatenate(paths)] = False
        return rest

    def _span(self, paths: list[Ints], direction: int) -> tuple[int, int]:
        """The first and the last of the direction's lines that the paths are on."""
        directions, lines, _ = np.unravel_index(np.concatenate(paths), self._lines.qubit.shape)
        positions = lines[directions == direction]
        return int(positions.min()), int(positions.max())


def _total(left: list[Ints], right: list[Ints]) -> int:
    return sum(map(len, left + right))


def best_copy(lines: Lines, free: Bools, left: int, right: int) -> BicliqueCopy | None:
    """The copy with the fewest qubits, and no chain much longer than need be, that is found among the free
    ones."""
    windows = Windows(lines, free)
    places = sorted(place for direction in (0, 1) for place in rectangles(windows, direction, left, right))
    best = None
    good = 0
    for place in places:
        copy = Router(lines, free, place, left, right).lay()
        if copy is None:
            continue
        good += 1
        if best is None or price(copy) < price(best):
            best = copy
        # Whole windows take exactly what is expected of them; with detours a later place may take less.
        if good == ENOUGH or abs(best.qubits - places[0].score) < 1e-6:
            break
    return best


def price(copy: BicliqueCopy) -> int:
    """What a copy costs: its qubits, and so many more for each qubit of its longest chain."""
    return copy.qubits + LONGER * copy.longest
