"""A model of a D-Wave QPU, seen from its interface: the chip's rules, its errors, and the core's annealing.

The chip anneals, with the anneal fraction s going along a schedule of (time in us, s),

    H(s) = -A(s)/2 sum_i sigma_x_i + B(s)/2 (g sum_i h_i sigma_z_i + sum_ij J_ij sigma_z_i sigma_z_j)

at a temperature T, with A(s) and B(s) as published for a solver (`chip.energy_scales`), and a gain g that is
1 unless the problem has an h_gain_schedule, by one of two models:

- "thermal": heat-bath flips at the inverse temperature

      beta(s) = B(s) / A(s) tanh(A(s) / (2 k T)),

  of qubits, and of chains as a whole, at the rates at which they tunnel (`chip_rates`). The rates fall with
  A(s), and with them freezes what they turn: long chains first, single qubits last. Reads have the
  temperature of that s. (Metropolis flips take what costs nothing: a qubit without a field would turn with
  each try, in all reads alike.)
- "quantum": path-integral sweeps (`ising_ep.samplers.path_integral`) of H(s) itself at 1 / (k T), as many in
  a microsecond at any s. It has no chains that turn as a whole, freezes at no s, and takes no
  h_gain_schedule.

Where the schedule stands still both sample a thermal state, of the problem or of H(s). What is programmed is
not what was asked for, and what is read not always what was there: `chip_errors`. Not modelled: 1/f drift of
the errors, and reads that depend on the read before.

How well the thermal model predicts a real chip is measured in `docs/chip.md`.

Source: D-Wave's documentation, "Annealing Implementation and Controls" and "Errors and Error Correction".
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import WORD, instance, integer, one_of, real, stream_ids, threads
from ..chip import Chip
from ..chip.anneals import check_anneal, check_gain
from ..chip.energy_scales import EnergyScales, table_names
from ..chip.rules import check_ranges
from ..chip.timing import access_time
from ..files.atomic import replace
from ..samplers.batch import NUM_SLICES
from .annealer import Annealer
from .chip_errors import ChipErrors, LastingErrors, problem_random
from .chip_layout import Layout
from .chip_rates import BOLTZMANN, QUBIT, Kind, TunnellingRates, sweeps

Model = Literal["thermal", "quantum"]

# Fitted to real answers of an Advantage_system4.1: docs/chip.md.
TEMPERATURE = 18.5
RATE = 10000.0
# Files of a run folder with the energy scales of a user's own table, and a chip of a file of its properties.
SCALES, SOLVER = "energy_scales.csv", "solver.json"
# Schedules and kinds whose tries are kept.
KEPT = 256
# What the core does to qubits that nothing has turned: they are up or down by chance.
UNTOUCHED = _core.Sweeps(np.zeros(1), gibbs=True)

PARAMETERS = {
    "anneal_schedule": "Piecewise linear anneal: pairs of time in microseconds and anneal fraction s.",
    "annealing_time": "Duration of a linear anneal in microseconds.",
    "answer_mode": "'raw' or 'histogram'.",
    "auto_scale": "Whether h and J are rescaled to their ranges.",
    "h_gain_schedule": "Piecewise linear gain of h: pairs of time in microseconds and what multiplies h.",
    "initial_state": "Pairs of qubit and state that a reverse anneal begins with.",
    "label": "Text that names the problem.",
    "num_reads": "Number of anneals.",
    "reinitialize_state": "Whether each read of a reverse anneal begins with initial_state.",
}


class ChipModel(Annealer):
    """A modelled QPU.

    Args:
        chip: Its working graph and ranges.
        model: "thermal" or "quantum".
        scales: A(s) and B(s); None for those of the chip's solver or family, see `EnergyScales.of_chip`.
        temperature: Of the chip, in mK, > 0.
        rate: Tries to turn a qubit in a microsecond at A = 1 GHz, > 0. The quantum model has no such rate.
        sweeps_per_us: Most sweeps that stand for a microsecond of the schedule, > 0.
        errors: Of programming and read-out; None for `ChipErrors()`.
        num_slices: Of the quantum model's paths, at least 2; None for 16. The thermal model has none.
        num_threads: 1 to 4096; all cores by default. Never changes the result.

    Attributes:
        usage: Problems, and what they would have taken of a QPU's time.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If it is none.

    Example:
        A chain of two qubits in a field.

        >>> import numpy as np
        >>> chip = Chip.perfect("pegasus", 2)
        >>> model = ChipModel(chip)
        >>> edge = chip.couplers[:1]
        >>> model.sample(
        ...     edge[0], edge, np.array([[1.0, 1.0]]), np.array([[-1.0]]),
        ...     schedule=[(0, 0), (20, 1)], num_reads=3, seed=1).tolist()
        [[[-1, -1], [-1, -1], [-1, -1]]]
    """

    def __init__(
        self,
        chip: Chip,
        model: Model = "thermal",
        *,
        scales: EnergyScales | None = None,
        temperature: float = TEMPERATURE,
        rate: float | None = None,
        sweeps_per_us: float = 20.0,
        errors: ChipErrors | None = None,
        num_slices: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        one_of("model", model, get_args(Model))
        for name, value, of in (("rate", rate, "thermal"), ("num_slices", num_slices, "quantum")):
            if value is not None and model != of:
                raise ValueError(f"{name} is {value}, but model {model} has none; take model {of}")
        instance("chip", chip, Chip)
        if scales is not None:
            instance("scales", scales, EnergyScales)
        if errors is not None:
            instance("errors", errors, ChipErrors)
        self.chip = chip
        self.model = model
        self.scales = EnergyScales.of_chip(chip) if scales is None else scales
        self.rates = TunnellingRates(
            self.scales,
            _positive("temperature", temperature),
            _positive("rate", RATE if rate is None else rate),
            _positive("sweeps_per_us", sweeps_per_us),
        )
        self.errors = ChipErrors() if errors is None else errors
        self.num_slices = integer("num_slices", NUM_SLICES if num_slices is None else num_slices, 2, WORD)
        self.num_threads = threads(num_threads)
        self._last: Layout | None = None
        self._tries: dict[bytes, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    @property
    def properties(self) -> dict[str, Any]:
        """Properties of a solver by the service's names, ready for JSON."""
        chip = self.chip
        return {
            "chip_id": "chip-model",
            **chip.properties,
            "category": "qpu",
            "couplers": chip.couplers.tolist(),
            "num_qubits": chip.topology.num_qubits(chip.shape),
            "parameters": dict(PARAMETERS),
            "qubits": chip.qubits.tolist(),
            "quota_conversion_rate": 1,
            "supported_problem_types": ["ising", "qubo"],
            "tags": [],
            "topology": {"type": chip.family, "shape": list(chip.shape)},
        }

    @cached_property
    def lasting(self) -> LastingErrors:
        """The errors of this chip that stay."""
        return self.errors.lasting(self.chip)

    def keep(self, folder: Path) -> None:
        """Writes a chip and energy scales that no name stands for: a run goes on with those that it began
        with."""
        if not self.chip.of_name and not (folder / SOLVER).exists():
            known = {"graph_id": self.chip.graph_id, "chip_id": self.chip.solver}
            replace(folder / SOLVER, json.dumps(self.properties | known).encode())
        if self.scales.name not in table_names() and not (folder / SCALES).exists():
            self.scales.save(folder / SCALES)

    def sample(
        self,
        qubits: NDArray[np.int64],
        couplers: NDArray[np.int64],
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        *,
        schedule: ArrayLike,
        num_reads: int,
        initial_states: NDArray[np.int8] | None = None,
        h_gain_schedule: ArrayLike | None = None,
        seed: int,
        problem_ids: ArrayLike | None = None,
    ) -> NDArray[np.int8]:
        """Programs the chip with each problem, and anneals it.

        Args:
            qubits: (n,) the qubits of all problems, by the chip's numbers.
            couplers: (m, 2) their couplers.
            fields: (problems, n) h.
            couplings: (problems, m) J.
            schedule: (points, 2) time in us and s: see `check_anneal`.
            num_reads: Anneals of each problem.
            initial_states: (problems, n) of -1 and +1, from which every read of a reverse anneal begins; None
                for a forward one.
            h_gain_schedule: (points, 2) time in us and what multiplies h then: see `check_gain`; None for 1.
            seed: 0 to 2**64 - 1.
            problem_ids: (problems,) integers 0 to 2**32 - 1, 0 to problems - 1 by default. A problem's noise
                and reads depend on the seed, this id and the problem; not on the others, nor on the order in
                which its qubits and couplers are given.

        Returns:
            int8 (problems, num_reads, n).

        Raises:
            ValueError: What the chip refuses: see `chip.rules` and `chip.anneals`; the text names it.
            TypeError: A number that should be an integer and is not.
            KeyboardInterrupt: On Ctrl-C, when the anneals under way are done.
        """
        layout = self._last
        if layout is None or not layout.is_of(qubits, couplers):
            layout = self._last = Layout.of(self.chip, qubits, couplers)
        check_ranges(self.chip, qubits, layout.places, fields, couplings)
        points = check_anneal(self.chip, schedule, num_reads, qubits, initial_states)
        gain = None if h_gain_schedule is None else check_gain(self.chip, h_gain_schedule, points)
        if gain is not None and self.model == "quantum":
            raise ValueError("h_gain_schedule is given, but model quantum takes none; take model thermal")
        seed = integer("seed", seed, 0, 2**64 - 1)
        ids = stream_ids(range(len(fields)) if problem_ids is None else problem_ids, len(fields))
        if initial_states is not None and initial_states.shape != fields.shape:
            raise ValueError(f"initial_states has shape {initial_states.shape}, expected {fields.shape}")
        states = np.empty((len(fields), num_reads, len(qubits)), dtype=np.int8)

        def run(p: int, num_threads: int) -> None:
            rounded = self.errors.rounded(fields[p], couplings[p])
            method = self._method(points, gain, layout, rounded[1], problem_random(seed, int(ids[p]), 2))
            h, j = self.errors.program(layout, self.lasting, rounded, seed, int(ids[p]))
            start = None if initial_states is None else initial_states[p][layout.order][None, None]
            if method is None and start is not None:
                reads = np.repeat(start[0], num_reads, axis=0)
            else:
                model = layout.pairs.with_values(j).model(len(h))
                found, *_ = model.anneal(
                    h[np.newaxis],
                    method or UNTOUCHED,
                    num_reads=num_reads,
                    initial_states=start,
                    seed=seed,
                    problem_ids=ids[p : p + 1],
                    num_threads=num_threads,
                    energies=False,
                )
                reads = found[0]
            self.errors.read(reads, seed, int(ids[p]))
            states[p] = reads[:, layout.ranks]

        _for_each(len(fields), run, self.num_threads or os.cpu_count() or 1)
        self.usage.problems += len(fields)
        each = access_time(self.chip.properties, len(qubits), num_reads, points.tolist())
        self.usage.access_time += len(fields) * (each if isfinite(each) else 0.0)
        return states

    def _method(
        self,
        points: NDArray[np.float64],
        gain: NDArray[np.float64] | None,
        layout: Layout,
        couplings: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> _core.Sweeps | _core.Chains | _core.Paths | None:
        """What the core does along a schedule, with qubits in the chains that the couplings make of them.

        None where nothing turns.
        """
        if self.model == "quantum":
            a, b = self.scales.at(self._even(points))
            beta = 1 / (BOLTZMANN * self.rates.temperature)
            return _core.Paths(beta=beta, num_slices=self.num_slices, transverse=a / 2, problem=b / 2)
        chains = layout.chains(couplings)
        sorts = {sort: k for k, sort in enumerate(sorted(set(chains.sorts())), 1)}
        all_kinds = [QUBIT, *(Kind(*sort) for sort in sorts)]
        times, kinds = self._along(points, all_kinds, rng.random(len(all_kinds)))
        if not len(times):
            return None
        betas = self.rates.inverse_temperature(np.interp(times, *points.T))
        if gain is None and not kinds.any():
            return _core.Sweeps(betas, gibbs=True)
        return _core.Chains(
            betas,
            kinds,
            starts=chains.starts.astype(np.uintp),
            spins=chains.members.astype(np.uint32),
            kinds_of=np.array([sorts[sort] for sort in chains.sorts()], dtype=np.uint32),
            gains=None if gain is None else np.interp(times, *gain.T),
        )

    def _even(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The s of sweeps as many in a microsecond at any s, and at least one."""
        time = points[-1, 0]
        num_sweeps = max(1, round(time * self.rates.sweeps_per_us))
        middles = (np.arange(num_sweeps) + 0.5) * (time / num_sweeps)
        s: NDArray[np.float64] = np.interp(middles, points[:, 0], points[:, 1])
        return s

    def _along(
        self, points: NDArray[np.float64], kinds: Sequence[Kind], first: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
        """See `sweeps`; the tries are kept for the next problem."""
        tries = []
        for kind in kinds:
            key = points.tobytes() + repr(kind).encode()
            found = self._tries.get(key)
            if found is None:
                if len(self._tries) >= KEPT:
                    self._tries.clear()
                found = self._tries[key] = self.rates.tries(points, kind)
            tries.append(found)
        return sweeps(tries, first)


def _for_each(count: int, run: Callable[[int, int], None], available: int) -> None:
    """Calls run(k, threads) for each k, side by side where several threads are available.

    Each problem has couplings of its own, and with them its own call of the core, which lets go of the
    interpreter.
    """
    workers = min(available, count)
    if workers <= 1:
        for k in range(count):
            run(k, available)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(lambda k: run(k, available // workers), range(count)):
            pass


def _positive(name: str, value: float) -> float:
    number = real(name, value)
    if not 0 < number < np.inf:
        raise ValueError(f"{name} is {value}, expected a finite number > 0")
    return number
