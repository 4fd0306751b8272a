"""A model of a D-Wave QPU, seen from its interface: the chip's rules, its errors, and the core's annealing.

The chip anneals, with the anneal fraction s going along a schedule of (time in us, s),

    H(s) = -A(s)/2 sum_i sigma_x_i + B(s)/2 (sum_i h_i sigma_z_i + sum_ij J_ij sigma_z_i sigma_z_j)

at a temperature T. Here time is counted in sweeps of one of two models:

- "thermal": Metropolis sweeps at the inverse temperature

      beta(s) = B(s) / A(s) tanh(A(s) / (2 k T)),

  at which a free spin turns by as much in a small field as a free qubit does: A counts as heat until it
  falls below kT. (Without it, beta = B / 2kT, chains of qubits freeze at s = 0.2, and a network of 160 spins
  on 1,000 qubits learned half as fast from the same sweeps.)
- "quantum": path-integral sweeps (`ising_ep.samplers.path_integral`) of H(s) itself at 1 / (k T).

Where the schedule stands still both sample a thermal state, of the problem or of H(s). How they get there is
no chip's dynamics, and neither freezes as a chip does when A(s) has become small (single qubits at about
s = 0.6 by D-Wave's tables), so that with the chip's own temperature the reads are colder than a chip's.

A(s) and B(s) have the shape of D-Wave's published curves and are no chip's own table:

    A(s) = A(0) exp(-DECAY s)       B(s) = B(1) (START + (1 - START) s)^2

B is a square because the schedule is made so that the persistent current, whose square it is, grows linearly.

What is programmed is not what was asked for (D-Wave calls it ICE): h and J are rounded to the steps of the
digital-analog converters, then a Gaussian error is added to each, drawn anew in each programming cycle, which
is once a problem. Every coupler of the chip between two qubits of the problem has its error, also those whose
J is 0. Not modelled: errors that stay from problem to problem or depend on neighbours (background
susceptibility), 1/f drift, readout errors, correlated reads.

Source: D-Wave's documentation, "Annealing Implementation and Controls" and "Errors and Error Correction".
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from ..checks import WORD, integer, one_of, real, stream_ids, threads
from ..chip import Chip
from ..chip.rules import check_anneal, check_graph, check_ranges
from ..chip.timing import access_time
from ..samplers.batch import NUM_SLICES
from ..samplers.couplings import Pairs, PreparedCouplings
from .annealer import Annealer

Model = Literal["thermal", "quantum"]

# GHz per millikelvin: Boltzmann's constant over Planck's.
BOLTZMANN = 0.020836619
# GHz: 6.5e-24 J and 6.3e-24 J, read off D-Wave's figure of A and B on Advantage.
TUNNELING, PROBLEM = 9.8, 9.5
# B(0) is about 0.2e-24 J there, and the curves cross at 1.391 GHz.
START, DECAY = 0.18, 7.8

# D-Wave gives 0.01 to 0.025 for h and 0.0095 to 0.0155 for J, measured on an older chip (2X); these are
# assumptions for later ones. The steps are twice the middle of the errors of up to 0.0005 to 0.008 for h and
# 0.00025 to 0.0045 for J that it gives for the converters.
FIELD_NOISE, COUPLING_NOISE = 0.02, 0.015
FIELD_STEP, COUPLING_STEP = 0.008, 0.005

PARAMETERS = {
    "anneal_schedule": "Piecewise linear anneal: pairs of time in microseconds and anneal fraction s.",
    "annealing_time": "Duration of a linear anneal in microseconds.",
    "answer_mode": "'raw' or 'histogram'.",
    "auto_scale": "Whether h and J are rescaled to their ranges.",
    "initial_state": "Pairs of qubit and state that a reverse anneal begins with.",
    "label": "Text that names the problem.",
    "num_reads": "Number of anneals.",
    "reinitialize_state": "Whether each read of a reverse anneal begins with initial_state.",
}


@dataclass(frozen=True, eq=False)
class _Layout:
    """Places of a problem's numbers in the chip's own order.

    One problem so has one answer, in whatever order its qubits and couplers are given.
    """

    qubits: NDArray[np.int64]
    couplers: NDArray[np.int64]
    order: NDArray[np.int64]  # of the given qubits, by the chip's numbers
    ranks: NDArray[np.int64]  # of the given qubits: where each stands in that order
    pairs: Pairs  # of all couplers of the chip between them
    slots: NDArray[np.int64]  # of the given couplers among those
    places: NDArray[np.int64]  # and among all of the chip

    @classmethod
    def of(cls, chip: Chip, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> _Layout:
        places = check_graph(chip, qubits, couplers)
        order = np.argsort(qubits)
        rank = np.full(len(chip.qubits), -1)
        rank[chip.positions(qubits)[order]] = np.arange(len(qubits))
        ends = rank[chip.ends]
        inside = (ends >= 0).all(axis=1)
        rows, cols = np.ascontiguousarray(ends[inside].T)
        slots = (np.cumsum(inside) - 1)[places]
        return cls(qubits.copy(), couplers.copy(), order, np.argsort(order), Pairs(rows, cols), slots, places)

    def is_of(self, qubits: NDArray[np.int64], couplers: NDArray[np.int64]) -> bool:
        return np.array_equal(self.qubits, qubits) and np.array_equal(self.couplers, couplers)


class ChipModel(Annealer):
    """A modelled QPU.

    Args:
        chip: Its working graph and ranges.
        model: "thermal" or "quantum".
        temperature: Of the chip, in mK, > 0. With 15 the reads end at beta = 15; with 46 at 5, which is where
            a chip's single qubits freeze by D-Wave's tables.
        sweeps_per_us: How many sweeps stand for a microsecond of the schedule, > 0. Single-spin updates flip
            chains slowly: by `benchmarks.machines.chip_model` 5 are fast and rough, 20 near what many more
            reach.
        field_noise: Standard deviation of the error of each h.
        coupling_noise: Standard deviation of the error of each J.
        field_step: h is rounded to multiples of it; None for no rounding.
        coupling_step: J is rounded to multiples of it; None for no rounding.
        tunneling: A(0) in GHz, > 0.
        problem: B(1) in GHz, > 0.
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
        temperature: float = 15.0,
        sweeps_per_us: float = 20.0,
        field_noise: float = FIELD_NOISE,
        coupling_noise: float = COUPLING_NOISE,
        field_step: float | None = FIELD_STEP,
        coupling_step: float | None = COUPLING_STEP,
        tunneling: float = TUNNELING,
        problem: float = PROBLEM,
        num_slices: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        one_of("model", model, get_args(Model))
        self.chip = chip
        self.model = model
        self.temperature = _positive("temperature", temperature)
        self.sweeps_per_us = _positive("sweeps_per_us", sweeps_per_us)
        self.field_noise = _positive("field_noise", field_noise, or_zero=True)
        self.coupling_noise = _positive("coupling_noise", coupling_noise, or_zero=True)
        self.field_step = None if field_step is None else _positive("field_step", field_step)
        self.coupling_step = None if coupling_step is None else _positive("coupling_step", coupling_step)
        self.tunneling = _positive("tunneling", tunneling)
        self.problem = _positive("problem", problem)
        if num_slices is not None and model != "quantum":
            raise ValueError(f"num_slices is {num_slices}, but model {model} has none; take model quantum")
        self.num_slices = integer("num_slices", NUM_SLICES if num_slices is None else num_slices, 2, WORD)
        self.num_threads = threads(num_threads)
        self._last: _Layout | None = None

    @property
    def properties(self) -> dict[str, Any]:
        """Properties of a solver by the service's names, ready for JSON."""
        chip = self.chip
        return {
            **chip.properties,
            "category": "qpu",
            "chip_id": "chip-model",
            "couplers": chip.couplers.tolist(),
            "num_qubits": chip.topology.num_qubits(chip.shape),
            "parameters": dict(PARAMETERS),
            "qubits": chip.qubits.tolist(),
            "quota_conversion_rate": 1,
            "supported_problem_types": ["ising", "qubo"],
            "tags": [],
            "topology": {"type": chip.family, "shape": list(chip.shape)},
        }

    def energy_scales(self, s: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A(s) and B(s) in GHz.

        Example:
            >>> a, b = ChipModel(Chip.perfect("pegasus", 2)).energy_scales([0, 0.25, 1])
            >>> a.round(1).tolist(), b.round(1).tolist()
            ([9.8, 1.4, 0.0], [0.3, 1.4, 9.5])
        """
        s = np.asarray(s, dtype=np.float64)
        return self.tunneling * np.exp(-DECAY * s), self.problem * (START + (1 - START) * s) ** 2

    def inverse_temperature(self, s: ArrayLike) -> NDArray[np.float64]:
        """beta(s) of the thermal model, in units of 1 / J.

        Example:
            >>> ChipModel(Chip.perfect("pegasus", 2)).inverse_temperature([0, 0.5, 1]).round(2).tolist()
            [0.03, 5.12, 15.2]
        """
        a, b = self.energy_scales(s)
        return b / a * np.tanh(a / (2 * BOLTZMANN * self.temperature))

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
            seed: 0 to 2**64 - 1.
            problem_ids: (problems,) integers 0 to 2**32 - 1, 0 to problems - 1 by default. A problem's noise
                and reads depend on the seed, this id and the problem; not on the others, nor on the order in
                which its qubits and couplers are given.

        Returns:
            int8 (problems, num_reads, n).

        Raises:
            ValueError: What the chip refuses: see `chip.rules`; the text names it.
            TypeError: A number that should be an integer and is not.
            KeyboardInterrupt: On Ctrl-C, when the anneals under way are done.
        """
        layout = self._last
        if layout is None or not layout.is_of(qubits, couplers):
            layout = self._last = _Layout.of(self.chip, qubits, couplers)
        check_ranges(self.chip, qubits, layout.places, fields, couplings)
        points = check_anneal(self.chip, schedule, num_reads, qubits, initial_states)
        seed = integer("seed", seed, 0, 2**64 - 1)
        ids = stream_ids(range(len(fields)) if problem_ids is None else problem_ids, len(fields))
        if initial_states is not None and initial_states.shape != fields.shape:
            raise ValueError(f"initial_states has shape {initial_states.shape}, expected {fields.shape}")
        s = self._sweeps(points)
        states = np.empty((len(fields), num_reads, len(qubits)), dtype=np.int8)

        def run(p: int, num_threads: int) -> None:
            h, j = self._programmed(layout, fields[p], couplings[p], seed, int(ids[p]))
            start = None
            if initial_states is not None:
                start = np.tile(initial_states[p, layout.order], (1, num_reads, 1))
            graph = layout.pairs.with_values(j)
            found = self._anneal(graph, h, s, num_reads, start, seed, ids[p : p + 1], num_threads)
            states[p] = found[:, layout.ranks]

        available = self.num_threads or os.cpu_count() or 1
        workers = min(available, len(fields))
        if workers <= 1:
            for p in range(len(fields)):
                run(p, available)
        else:
            # Each problem has couplings of its own, and with them its own call of the core, which lets go of
            # the interpreter.
            with ThreadPoolExecutor(workers) as pool:
                for _ in pool.map(lambda p: run(p, available // workers), range(len(fields))):
                    pass
        self.usage.problems += len(fields)
        each = access_time(self.chip.properties, len(qubits), num_reads, points.tolist())
        self.usage.access_time += len(fields) * (each if isfinite(each) else 0.0)
        return states

    def _sweeps(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The s of each sweep of a schedule."""
        time = points[-1, 0]
        num_sweeps = max(1, round(time * self.sweeps_per_us))
        # Each sweep stands for a piece of time, and has the s of its middle.
        middles = (np.arange(num_sweeps) + 0.5) * (time / num_sweeps)
        s: NDArray[np.float64] = np.interp(middles, points[:, 0], points[:, 1])
        return s

    def _anneal(
        self,
        graph: PreparedCouplings,
        h: NDArray[np.float64],
        s: NDArray[np.float64],
        num_reads: int,
        start: NDArray[np.int8] | None,
        seed: int,
        problem_id: NDArray[np.uint32],
        num_threads: int,
    ) -> NDArray[np.int8]:
        """Reads (num_reads, n) of one problem, in the chip's order."""
        method: _core.Sweeps | _core.Paths
        if self.model == "thermal":
            method = _core.Sweeps(self.inverse_temperature(s))
        else:
            a, b = self.energy_scales(s)
            beta = 1 / (BOLTZMANN * self.temperature)
            method = _core.Paths(beta=beta, num_slices=self.num_slices, transverse=a / 2, problem=b / 2)
        states, *_ = graph.model(len(h)).anneal(
            h[np.newaxis],
            method,
            num_reads=num_reads,
            initial_states=start,
            seed=seed,
            problem_ids=problem_id,
            num_threads=num_threads,
            energies=False,
        )
        reads: NDArray[np.int8] = states[0]
        return reads

    def _programmed(
        self,
        layout: _Layout,
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        seed: int,
        problem_id: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The h and J that a problem is programmed with, in the chip's order."""
        h = _rounded(fields[layout.order], self.field_step)
        j = np.zeros(len(layout.pairs.rows))
        j[layout.slots] = _rounded(couplings, self.coupling_step)
        key = np.array([seed, problem_id], dtype=np.uint64)
        noise = np.random.Generator(np.random.Philox(key=key)).standard_normal(len(h) + len(j))
        h += self.field_noise * noise[: len(h)]
        j += self.coupling_noise * noise[len(h) :]
        return h, j


def _rounded(values: NDArray[np.float64], step: float | None) -> NDArray[np.float64]:
    return values.astype(np.float64) if step is None else step * np.round(values / step)


def _positive(name: str, value: float, *, or_zero: bool = False) -> float:
    number = real(name, value)
    if not (0 < number < np.inf or (or_zero and number == 0)):
        raise ValueError(f"{name} is {value}, expected a finite number {'>= 0' if or_zero else '> 0'}")
    return number
