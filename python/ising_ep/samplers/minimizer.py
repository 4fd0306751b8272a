"""The best state of one problem in the least time: `minimize` chooses how, and when it is done."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from ..checks import WORD, boolean, energy, function, integer, seconds, seed_or_new, threads
from ..extras import require
from .digest import problem_digest
from .exact import Eliminated, fixed_variables, ground_state_of_narrow, without
from .reads import energies_of_spins
from .rounds import Rounds, Watch
from .spin_form import in_floats


def minimize(
    bqm: dimod.BinaryQuadraticModel,
    *,
    time_limit: float | None = None,
    target: float | None = None,
    num_threads: int | None = None,
    seed: int | None = None,
    max_states: int = 100,
    presolve: bool = True,
    progress: Callable[[float, float], object] | None = None,
    interrupt_function: Callable[[], object] | None = None,
) -> dimod.SampleSet:
    """Find states of the lowest energy of a binary quadratic model.

    Variables are fixed whose values in a ground state roof duality tells, spins whose best value is a
    simple function of their neighbours' are eliminated, and narrow graphs are solved exactly. Otherwise
    rounds of three strategies are made, and most of those that are ahead: *recombination* anneals many
    reads side by side and lets groups of spins on which good states agree flip as one (Houdayer and
    Martin, Phys. Rev. Lett. 83, 1030, 1999); *tempering*, of small integers, is parallel tempering with
    cluster moves; *tabu* is tabu search, with moves within one-hot groups where it finds such. The best
    states of all rounds are recombined too.

    Without a time limit it ends when several rounds by themselves have found the same lowest energy, or none
    has found a lower one for long. Then one seed gives the same states on any number of threads.

    Args:
        bqm: The problem, of any vartype and any labels.
        time_limit: Seconds from the call on, after which it ends with the best so far; a round that is under
            way may take somewhat longer.
        target: An energy; the search ends as soon as a state has it, or less.
        num_threads: 1 to 4096; all cores by default.
        seed: 0 to 2**64 - 1; by default a new one on every call.
        max_states: Distinct states that are returned at most.
        presolve: Whether to fix and eliminate variables and to look for narrow graphs first. States that
            differ only in these variables are found once, so that a problem of which nothing is left has one.
        progress: Called with the seconds since the call and the lowest energy so far (infinite at first),
            every 20 ms or so.
        interrupt_function: Called without arguments every 20 ms or so; when it returns True the search ends
            with the best so far.

    Returns:
        Distinct states, the lowest energies first, with `num_occurrences`, the rounds that found each by
        themselves (at least 1). `info` holds `ended_by` ("optimal", "target", "settled", "time_limit" or
        "interrupt_function"), `optimal` (whether the first state is known to be a ground state),
        `lower_bound`, `trace` (seconds and lowest energy each time it fell; in a population that is
        recombined, when that ends), `rounds` (strategy, seconds and lowest energy of each),
        `time_to_solution` (seconds until the energy returned is found with 99 %, and the 95 % interval of
        it), `num_fixed`, `num_eliminated`, `seed` and the settings.

    Raises:
        ValueError: A value out of range, or biases that are not finite or add up to more than 1e303.
        TypeError: Another thing than a binary quadratic model, or no integer where there should be one.
        MissingExtraError: With `presolve`, if the extra "minimize" is not installed.
        KeyboardInterrupt: On Ctrl-C.

    Example:
        >>> import dimod, ising_ep
        >>> triangle = dimod.BinaryQuadraticModel({}, {"ab": 1.0, "bc": 1.0, "ac": 1.0}, 0.0, "SPIN")
        >>> sampleset = ising_ep.minimize(triangle, seed=1)
        >>> print(sampleset.first.energy, sampleset.info["optimal"])
        -1.0 True
    """
    started = perf_counter()
    given = in_floats(bqm)
    watch = Watch(
        started,
        np.inf if time_limit is None else started + seconds("time_limit", time_limit),
        function("progress", progress),
        function("interrupt_function", interrupt_function),
    )
    settings: dict[str, Any] = {
        "time_limit": time_limit,
        "target": None if target is None else energy("target", target),
        "num_threads": threads(num_threads),
        "seed": seed_or_new(seed),
        "max_states": integer("max_states", max_states, 1, WORD),
        "presolve": boolean("presolve", presolve),
    }
    if settings["presolve"]:
        require_presolve()
    left = _Left.of(given, settings["presolve"])
    found, labels = left.ground_state() if settings["presolve"] else None, list(left.bqm.variables)
    if found is not None:
        counts = np.ones(1, np.int64)
        report: dict[str, Any] = {"ended_by": "optimal", "rounds": [], "time_to_solution": None}
    else:
        rounds = Rounds(left.bqm, settings, watch, left.bound)
        report = rounds.run()
        found, counts, labels = rounds.elites.states[:max_states], rounds.counts[:max_states], rounds.labels
    sampleset = left.with_others(found, labels, counts)
    if bqm.vartype is not given.vartype:  # one of exact numbers, which became spins
        sampleset.change_vartype(bqm.vartype)  # type: ignore[no-untyped-call]
    lowest = float(sampleset.record.energy[0])
    optimal, took = report["ended_by"] == "optimal", perf_counter() - started
    sampleset.info.update(
        **{"trace": [(took, lowest)], **report},
        optimal=optimal,
        lower_bound=lowest if optimal else left.bound,
        num_fixed=len(left.fixed),
        num_eliminated=given.num_variables - len(left.fixed) - left.bqm.num_variables,
        problem_digest=problem_digest(bqm),
        **settings,
        seconds=took,
    )
    return sampleset


def require_presolve() -> None:
    """Refuses to look for exact solutions first where the packages that do are not installed."""
    require("minimize", "presolve", "; or do without by presolve=False (--no-presolve)")


def _spins(values: NDArray[Any]) -> NDArray[np.int8]:
    """-1 for values of 0 and below, +1 for others."""
    return np.where(values > 0, 1, -1).astype(np.int8)


def _values(spins: NDArray[np.int8], vartype: dimod.Vartype) -> NDArray[np.int8]:
    """Spins as values of a vartype."""
    return spins if vartype is dimod.SPIN else (spins > 0).astype(np.int8)


@dataclass(frozen=True)
class _Left:
    """What is left of a problem when variables are fixed and eliminated.

    Attributes:
        given: The problem, biases as floats.
        bqm: What is left of it.
        fixed: The values of some variables in a ground state.
        eliminated: How to find the others, or None where there are none.
        bound: No state has a lower energy.
    """

    given: dimod.BinaryQuadraticModel
    bqm: dimod.BinaryQuadraticModel
    fixed: dict[Hashable, int]
    eliminated: Eliminated | None
    bound: float

    @classmethod
    def of(cls, given: dimod.BinaryQuadraticModel, presolve: bool) -> "_Left":
        if not presolve:
            return cls(given, given, {}, None, -np.inf)
        bound, fixed = fixed_variables(given)
        bqm = without(given, fixed) if fixed else given
        eliminated = Eliminated.of(bqm)
        return cls(given, bqm if eliminated is None else eliminated.bqm, fixed, eliminated, bound)

    def ground_state(self) -> NDArray[np.int8] | None:
        """A ground state (1, variables) of what is left, -1 or +1, if there is a fast way to it."""
        if not self.bqm.num_variables:
            return np.empty((1, 0), np.int8)
        solved = ground_state_of_narrow(self.bqm)
        if solved is None:
            return None
        columns = [solved.variables.index(variable) for variable in self.bqm.variables]
        return _spins(solved.record.sample[:1, columns])

    def with_others(
        self, states: NDArray[np.int8], labels: list[Hashable], counts: NDArray[np.int64]
    ) -> dimod.SampleSet:
        """The sample set of states of -1 and +1 of what is left, energies as the problem given has them."""
        if self.eliminated is not None:
            states, labels = self.eliminated.expanded(states, labels), self.eliminated.given
        names = list(self.given.variables)
        if labels != names:
            place = {name: k for k, name in enumerate(labels)}
            columns = np.array([place.get(name, -1) for name in names], dtype=np.intp)
            values = _spins(np.array([self.fixed.get(name, 0) for name in names]))
            known = np.append(states, np.zeros((len(states), 1), np.int8), axis=1)[:, columns]
            states = np.where(columns < 0, values, known)
        energies = energies_of_spins(self.given, states, names)
        order = np.argsort(energies, kind="stable")
        make: Any = dimod.SampleSet.from_samples  # without types
        sampleset: dimod.SampleSet = make(
            (_values(states[order], self.given.vartype), names),
            energy=energies[order],
            num_occurrences=counts[order],
            vartype=self.given.vartype,
            sort_labels=False,
        )
        return sampleset
