"""Rounds of strategies on one problem: who is next, what they found, and when it is enough."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from ..extras import PLAIN, needing
from .couplings import PreparedCouplings
from .elites import Elites
from .reads import energies_of_spins, rest_of_fields
from .spin_form import spin_form
from .strategies import BRIEF, FULL, Found, History, Islands, Strategy, TabuMoves, Task, Tempering
from .typical_field import typical_field

with needing(PLAIN, "minimize"):
    from scipy.stats import gamma

# Without a limit of time the search is over when so many rounds by themselves ended in the lowest energy, or
# when it has not fallen for as many rounds as there were before, at least PATIENCE.
AGREEING, PATIENCE = 6, 12
# The strategies of the first rounds: recombination and tabu, whose first ones are brief.
OPENING = (0, 1, 0)
# Every so many rounds the strategy that is behind gets one.
SECOND_CHANCE = 8
# The lowest states of each round, and rounds, that are recombined: many of one leave no room for those of
# others.
OF_A_ROUND, MOST_ROUNDS = 8, 32
# Sums of real numbers are right to this part of the sum of their sizes.
ROUNDING = 2.0**-45
# The certainty of the time to solution, and that of its interval.
CERTAINTY, INTERVAL = 0.99, 0.95


class Watch:
    """Is asked by the core every now and then whether the search is over."""

    def __init__(
        self,
        started: float,
        deadline: float,
        progress: Callable[[float, float], object] | None,
        interrupt_function: Callable[[], object] | None,
    ) -> None:
        self.started, self.deadline = started, deadline
        self.progress, self.interrupt_function = progress, interrupt_function
        self.lowest, self.ended_by = np.inf, ""

    def __call__(self, _: int = 0) -> bool:
        """Tells whether it is over, and the lowest energy to who follows the progress."""
        now = perf_counter()
        if self.progress is not None:
            self.progress(now - self.started, self.lowest)
        if not self.ended_by:
            if now >= self.deadline:
                self.ended_by = "time_limit"
            elif self.interrupt_function is not None and self.interrupt_function():
                self.ended_by = "interrupt_function"
        return bool(self.ended_by)


class Rounds:
    """A search by rounds.

    Args:
        bqm: The problem, biases as floats.
        settings: `seed`, `num_threads`, `target` and `max_states`, as `minimize` has them.
        watch: Whom to ask whether it is over.
        bound: An energy that no state goes below.
    """

    def __init__(
        self, bqm: dimod.BinaryQuadraticModel, settings: dict[str, Any], watch: Watch, bound: float
    ) -> None:
        spins = spin_form(bqm)
        vectors: Any = spins.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), offset, labels = vectors
        rows, cols = rows.astype(np.int64, copy=False), cols.astype(np.int64, copy=False)
        target = -np.inf if settings["target"] is None else settings["target"]
        self.bqm, self.target, self.bound, self.offset = bqm, target, bound, float(offset)
        off = ROUNDING * float(np.abs(linear).sum() + np.abs(values).sum() + abs(float(offset)))
        self.task = Task(
            model=PreparedCouplings(rows, cols, values).model(len(linear)),
            linear=linear,
            couplings=len(values),
            rest=rest_of_fields(bqm, labels, linear),
            typical=typical_field(linear, rows, cols, values),
            target=max(target, bound) - float(offset) + off,
            seed=settings["seed"],
            num_threads=settings["num_threads"],
            is_over=watch,
            tell=self._tell,
            remember=self._remember,
            deadline=watch.deadline,
        )
        self.watch, self.labels = watch, list(labels)
        self.elites = Elites.none(len(linear), settings["max_states"])
        islands = Islands(self.task)
        self.strategies: list[Strategy] = [islands, TabuMoves()]
        if islands.is_of_integers:
            self.strategies.append(Tempering())
        # Of each round: strategy, seconds and lowest energy; and the lowest of all after it.
        self.done: list[tuple[Strategy, float, float]] = []
        self.lowest: list[float] = []
        self.lowest_states: list[Found] = []
        self.trace: list[tuple[float, float]] = []
        self.history: History = []  # of the round that has just ended

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rounds found each by themselves; 1 where only recombining those of several did."""
        return self.elites.counts.clip(1)

    def run(self) -> dict[str, Any]:
        """Makes rounds until there is a reason to end; returns what became of them."""
        while not (why := self._why_over()):
            number, strategy = len(self.done), self._next()
            started = perf_counter()
            found = self._add(strategy.round(self.task, 2 * number), own=True)
            self.done.append((strategy, perf_counter() - started, float(found[1].min())))
            self.lowest_states.append(_lowest(found))
            if number >= len(OPENING) and not self._has_target() and not self.watch():
                effort = BRIEF if number < 2 * len(OPENING) else FULL
                self._add(self.task.bred(*self._of_rounds(), 2 * number + 1, effort), own=False)
            self.lowest.append(self.elites.lowest)
        rounds = [
            {"strategy": strategy.name, "seconds": seconds, "lowest_energy": lowest}
            for strategy, seconds, lowest in self.done
        ]
        return {
            "ended_by": why,
            "rounds": rounds,
            "trace": self.trace,
            "time_to_solution": self._time_to_solution(),
        }

    def _tell(self, states: NDArray[np.int8]) -> NDArray[np.float64]:
        """Energies as the problem has them; notes when the lowest fell.

        Those that the core sums up from Ising couplings are further off where penalties cancel.
        """
        energies = energies_of_spins(self.bqm, states, self.labels)
        best = int(energies.argmin())
        lowest, before = float(energies[best]), self.watch.lowest
        history, self.history = self.history, []
        if lowest < before:
            most = lowest + ROUNDING * self._sizes(states[best])
            found = next((time for time, energy in history if energy <= most), perf_counter())
            falls = [(time, energy) for time, energy in history if most < energy < before]
            self.trace += [(time - self.watch.started, energy) for time, energy in [*falls, (found, lowest)]]
            self.watch.lowest = lowest
        return energies

    def _remember(self, history: History) -> None:
        """Keeps when a round's lowest energy fell, for when its states are told."""
        self.history = [(time, energy + self.offset) for time, energy in history]

    def _add(self, found: Found, *, own: bool) -> Found:
        """Keeps the lowest states; returns all, with their energies as the problem has them."""
        energies = self._tell(found[0])
        self.elites.add(found[0], energies, count=own)
        return found[0], energies

    @property
    def rounding(self) -> float:
        """What the energy of the best state may be off by."""
        return ROUNDING * self._sizes(self.elites.states[0])

    def _sizes(self, state: NDArray[np.int8]) -> float:
        """The sum of the sizes of all terms of a state's energy."""
        vectors: Any = self.bqm.to_numpy_vectors(self.labels)
        linear, (rows, cols, values), offset = vectors
        is_there = np.ones(len(state), bool) if self.bqm.vartype is dimod.SPIN else state > 0
        pairs = np.abs(values[is_there[rows] & is_there[cols]])
        return float(np.abs(linear[is_there]).sum() + pairs.sum() + abs(float(offset)))

    def _has_target(self) -> bool:
        return self.elites.lowest <= max(self.target, self.bound) + self.rounding

    def _of_rounds(self) -> Found:
        """The lowest states of the rounds with the lowest energies, and these without the offset."""
        rounds = sorted(self.lowest_states, key=lambda found: float(found[1][0]))[:MOST_ROUNDS]
        energies = np.concatenate([energies for _, energies in rounds]) - self.offset
        return np.concatenate([states for states, _ in rounds]), energies

    def _next(self) -> Strategy:
        """As in OPENING at first; then tabu or the others, by who is ahead, now and then the other way."""
        number = len(self.done)
        if number < len(OPENING):
            return self.strategies[OPENING[number]]
        lowest = [
            min((energy for by, _, energy in self.done if by is own), default=np.inf)
            for own in self.strategies
        ]
        tabu, others = self.strategies[1], [*self.strategies[:1], *self.strategies[2:]]
        gap = lowest[1] - min([lowest[0], *lowest[2:]])
        if abs(gap) <= self.rounding:
            return self.strategies[number % len(self.strategies)]
        if (gap < 0) != (number % SECOND_CHANCE == 0):
            return tabu
        return others[(number - len(OPENING)) % len(others)]

    def _why_over(self) -> str:
        """Why the search is over, or "" while it is not."""
        if not self.done:
            return ""
        lowest = self.elites.lowest
        if self._has_target():
            return "optimal" if lowest <= self.bound + self.rounding else "target"
        if self.watch():
            return self.watch.ended_by
        if np.isfinite(self.watch.deadline):
            return ""
        most = lowest + self.rounding
        fell = next(k for k, energy in enumerate(self.lowest) if energy <= most)
        is_stuck = len(self.lowest) - fell > max(PATIENCE, fell)
        return "settled" if is_stuck or self._successes() >= AGREEING else ""

    def _successes(self) -> int:
        """Rounds that found the lowest energy by themselves."""
        most = self.elites.lowest + self.rounding
        return sum(energy <= most for _, _, energy in self.done)

    def _time_to_solution(self) -> dict[str, Any]:
        """Seconds until a round finds the lowest energy with 99 %, from the rate of those that did.

        They are taken for events of a Poisson process; the interval is the exact one of its rate (Garwood,
        Biometrika 28, 437, 1936).
        """
        successes, seconds = self._successes(), sum(seconds for _, seconds, _ in self.done)
        most = float(gamma.ppf((1 + INTERVAL) / 2, successes + 1))
        least = float(gamma.ppf((1 - INTERVAL) / 2, max(successes, 1)))
        wait = float(-np.log(1 - CERTAINTY) * seconds)
        return {
            "certainty": CERTAINTY,
            "seconds": wait / successes if successes else np.inf,
            "interval": [wait / most, wait / least if successes else np.inf],
            "successes": successes,
            "rounds": len(self.done),
        }


def _lowest(found: Found) -> Found:
    """The lowest states of a round."""
    order = np.argsort(found[1], kind="stable")[:OF_A_ROUND]
    return found[0][order], found[1][order]
