"""Ways to look for low energies, a round at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .typical_field import COLD, HOT

# The last two sweeps are so many times colder, which leaves the states in local minima; more would be beyond
# single precision.
QUENCH = 10.0
# Reads of an island whose anneal takes as long for one as for 512; of others in the first rounds and then on;
# fewer of many spins.
READS_OF_INTEGERS, READS_OF_REALS, LEAST_READS = 512, (16, 16, 16, 64, 128), 16
MOST_SPINS = 2**28
# Sweeps of the first islands, fewer of very many spins, ...
FIRST_SWEEPS, MOST_UPDATES = (64, 256), 2**30
# ... and of the next ones: twice as many after every ISLANDS of them.
SWEEPS, MOST_SWEEPS, LEAST_SWEEPS, ISLANDS = 512, 2**16, 8, 2
# The inverse temperature at which a short anneal ends, times the local field of a typical spin.
SHORT, COLD_OF_SHORT = 1024, 6.0
# Seconds beyond which a limit of time is none.
WEEK = 604_800.0
# Members of a population: the best of the reads. Reads of the first island are not bred, few of the next one.
FIRST_MEMBERS, MEMBERS = (1, 32), 256
# Children without progress after which a population ends.
PATIENCE = 256
# Groups of a child, mostly, and updates of all children's anneals in times of those that their parents took.
GROUPS, SHARE = 256, 8
# Exchanges of the first ladders, twice as many in each next round; temperatures by the number of spins.
EXCHANGES, LADDERS = 4096, 2
TEMPERATURES = ((64, 8), (256, 16), (2048, 32), (np.inf, 64))
# Steps of a search by tabu moves, in spin updates of an island, and in the first round; searches in a round.
STEPS, LEAST_STEPS, SEARCHES = 1 / 256, 20_000, 4


class Effort(NamedTuple):
    """Reads and sweeps of a child's anneal, children of a member, and couplings read for all children."""

    reads: int
    sweeps: int
    children: int
    couplings: int


# Of the first rounds, which are to be brief, and of others, whose populations end in lower energies.
BRIEF, FULL = Effort(16, 32, 8, 10**7), Effort(32, 128, 16, 10**9)

# States (members, spins) and their energies without the offset.
Found = tuple[NDArray[np.int8], NDArray[np.float64]]
# When the lowest energy without the offset fell, as perf_counter has it, and to what.
History = list[tuple[float, float]]


@dataclass(frozen=True)
class Task:
    """What is minimised.

    Attributes:
        model: The couplings.
        linear: (spins,) the fields.
        couplings: How many there are.
        rest: (1, spins) what rounding took off them, or None.
        typical: The local field of a typical spin, sqrt(median_i(h_i^2 + sum_j J_ij^2)).
        target: An energy without the offset that ends the search.
        seed: Of all rounds.
        num_threads: Threads, or None for all cores.
        is_over: Asked by the core whether to end.
        tell: Told the lowest state of what a round has so far, (1, spins).
        remember: Told, at the end of a round, when it found which energies.
        deadline: When `is_over` says so, as perf_counter has it, or infinite.
    """

    model: _core.Model
    linear: NDArray[np.float64]
    couplings: int
    rest: NDArray[np.float64] | None
    typical: float
    target: float
    seed: int
    num_threads: int | None
    is_over: Callable[[int], bool]
    tell: Callable[[NDArray[np.int8]], object]
    remember: Callable[[History], object]
    deadline: float

    @property
    def num_spins(self) -> int:
        """Spins of the problem."""
        return len(self.linear)

    def bred(
        self,
        states: NDArray[np.int8],
        energies: NDArray[np.float64],
        number: int,
        effort: Effort,
        updates: float = np.inf,
    ) -> Found:
        """Recombine states, which took so many `updates`; random numbers are those of a `number`."""
        of_child = effort.reads * effort.sweeps * min(self.num_spins, GROUPS)
        most = min(
            effort.children * len(energies),
            effort.couplings // max(self.couplings, 1),
            int(min(SHARE * updates / max(of_child, 1), 2**62)),
        )
        states, energies, _ = _core.recombine(
            self.model,
            self.linear,
            np.ascontiguousarray(states),
            energies,
            sweeps=effort.sweeps,
            reads=effort.reads,
            coldest=COLD / self.typical,
            patience=min(PATIENCE, len(energies)),
            most=most,
            seed=(self.seed + number) % 2**64,
            target=self.target,
            num_threads=self.num_threads,
            watch=self.is_over,
        )
        return states, energies


class Strategy(Protocol):
    """A way to look for low energies."""

    name: str

    def round(self, task: Task, number: int) -> Found:
        """States that round `number` of all found by itself."""


class Islands:
    """Anneals, the best of which are recombined: an island is a population by itself."""

    name = "recombination"

    def __init__(self, task: Task) -> None:
        self.rounds, self.speed = 0, 0.0
        betas = _schedule(task, SWEEPS)
        arithmetic = task.model.arithmetic(
            task.linear[np.newaxis], betas, num_reads=READS_OF_INTEGERS, rest=task.rest
        )
        self.is_of_integers = arithmetic == "integer"

    def round(self, task: Task, number: int) -> Found:
        """Anneals, and breeds the best."""
        reads, sweeps, members, effort = self._size(task)
        started = perf_counter()
        states, energies = _annealed(task, reads, sweeps, number)
        self.speed = len(energies) * sweeps * task.num_spins / (perf_counter() - started)
        self.rounds += 1
        lowest = np.argsort(energies, kind="stable")[:members]
        task.tell(states[lowest[:1]])
        return task.bred(states[lowest], energies[lowest], number, effort, reads * sweeps * task.num_spins)

    def _size(self, task: Task) -> tuple[int, int, int, Effort]:
        """Reads, sweeps, members and the effort for a child of the next round."""
        reads = READS_OF_INTEGERS
        if not self.is_of_integers:
            reads = READS_OF_REALS[min(self.rounds, len(READS_OF_REALS) - 1)]
        spins = max(task.num_spins, 1)
        reads = max(LEAST_READS, min(reads, MOST_SPINS // spins))
        if self.rounds < len(FIRST_SWEEPS):
            most = MOST_UPDATES // (reads * spins)
            sweeps = max(LEAST_SWEEPS, min(FIRST_SWEEPS[self.rounds], most))
            return reads, sweeps, FIRST_MEMBERS[self.rounds], BRIEF
        sweeps = min(SWEEPS << (self.rounds - len(FIRST_SWEEPS)) // ISLANDS, MOST_SWEEPS)
        # Not more than half of the time that is left.
        updates = self.speed * max(0.0, min(task.deadline - perf_counter(), WEEK)) / 2
        sweeps = max(LEAST_SWEEPS, min(sweeps, int(updates / (reads * spins))))
        return reads, sweeps, MEMBERS, FULL


class Tempering:
    """Ladders of temperatures with cluster moves, for problems of small integers: 512 states side by side."""

    name = "tempering"

    def __init__(self) -> None:
        self.rounds, self.speed = 0, 0.0

    def round(self, task: Task, number: int) -> Found:
        """Tempers from random states, longer from round to round."""
        exchanges = min(EXCHANGES << self.rounds, MOST_SWEEPS)
        if self.speed:  # not more than half of the time that is left
            updates = self.speed * max(0.0, min(task.deadline - perf_counter(), WEEK)) / 2
            exchanges = max(64, min(exchanges, int(updates / task.num_spins)))
        started = perf_counter()
        temperatures = next(count for most, count in TEMPERATURES if task.num_spins <= most)
        found = _core.temper(
            task.model,
            task.linear,
            np.geomspace(HOT, COLD, temperatures) / task.typical,
            num_ladders=LADDERS,
            num_rounds=exchanges,
            sweeps_per_round=1,
            adapt=True,
            clusters=None,
            seed=(task.seed + number) % 2**64,
            target=task.target if np.isfinite(task.target) else None,
            rest=None if task.rest is None else task.rest[0],
            num_threads=task.num_threads,
            watch=task.is_over,
        )
        self.speed = max(found["rounds"]) * task.num_spins / (perf_counter() - started)
        self.rounds += 1
        task.remember([(started + since, energy) for _, since, energy in found["trace"]])
        return found["states"], found["energies"]


class TabuMoves:
    """Tabu search, and moves within one-hot groups, for problems whose constraints are penalties."""

    name = "tabu"

    def __init__(self) -> None:
        self.rounds = 0

    def round(self, task: Task, number: int) -> Found:
        """Searches from random states, longer from round to round."""
        updates = task.num_spins * READS_OF_REALS[-1] * min(SWEEPS << self.rounds // ISLANDS, MOST_SWEEPS)
        steps = max(LEAST_STEPS, int(STEPS * updates / (1 + task.num_spins / 512)))
        searches = SEARCHES
        if not self.rounds:
            steps, searches = int(LEAST_STEPS / (1 + task.num_spins / 128)), 1
        self.rounds += 1
        started = perf_counter()
        left = task.deadline - started
        states, energies, _, _, trace, _ = _core.search(
            task.model,
            task.linear,
            num_reads=searches,
            seed=(task.seed + number) % 2**64,
            rest=None if task.rest is None else task.rest[0],
            steps=steps,
            seconds=max(1e-3, left / 2) if np.isfinite(left) else None,
            target=task.target if np.isfinite(task.target) else None,
            num_threads=task.num_threads,
            watch=task.is_over,
        )
        task.remember([(started + since, energy) for since, energy in trace.tolist()])
        return states, energies


def _schedule(task: Task, sweeps: int) -> _core.Sweeps:
    betas = np.geomspace(HOT, COLD_OF_SHORT if sweeps < SHORT else COLD, sweeps) / task.typical
    return _core.Sweeps(np.append(betas, [QUENCH * COLD / task.typical] * 2))


def _annealed(
    task: Task, reads: int, sweeps: int, number: int
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    states, energies, _ = task.model.anneal(
        task.linear[np.newaxis],
        _schedule(task, sweeps),
        num_reads=reads,
        seed=(task.seed + number) % 2**64,
        problem_ids=np.zeros(1, dtype=np.uint32),
        num_threads=task.num_threads,
        rest=task.rest,
        watch=task.is_over,
    )
    return states[0], energies[0]
