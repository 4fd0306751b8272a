"""Every sampler behind one call, each used as its documentation would have it used best.

Models are built before the clock starts, in the form the sampler likes: dimod models from numpy vectors for
dwave-samplers, openjij's own model for openjij (from a dimod model it would rebuild it on every call), a
float32 matrix for simulated-bifurcation. The schedule is given explicitly, so nobody spends time on finding
one. What is timed is the whole call, from the model to the samples, for everybody.

A sampler takes a `Job` and returns a *run*: ``run(seeds)`` makes the calls and is what is timed;
``run.unpack`` makes arrays of what came back, after the clock has stopped.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import report
from .problems import Problem

States = NDArray[np.int8]


@dataclass(frozen=True)
class Job:
    """What is to be sampled.

    Attributes:
        problem: One problem or several.
        betas: (sweeps,) the inverse temperature of each sweep.
        num_reads: Reads of each problem in each call.
        calls: Calls for each problem.
        batch: Whether ising-ep gets all problems in one `sample_batch`, not one by one through dimod.
    """

    problem: Problem
    betas: NDArray[np.float64]
    num_reads: int
    calls: int = 1
    batch: bool = False

    @property
    def models(self) -> list[Any]:
        """The dimod model of each call."""
        return self.problem.bqms * self.calls


@dataclass(frozen=True)
class Run:
    """A sampler made ready for a job.

    Attributes:
        call: From one seed per call, below 2**31, to whatever the sampler returns.
        unpack: From that to states (calls, reads, spins), in the order of the spins, and the energies
            (calls, reads) as the sampler reports them, or None if it reports none.
        steps: Updates of every spin in a read; not always sweeps.
    """

    call: Callable[[Sequence[int]], Any]
    unpack: Callable[[Any], tuple[States, NDArray[np.float64] | None]]
    steps: int


def ising_ep(job: Job, threads: int) -> Run:
    """This package: through dimod like its peers, or a batch as arrays."""
    from ising_ep import SimulatedAnnealingSampler

    sampler, models = SimulatedAnnealingSampler(), job.models
    if job.batch:

        def batch(seeds: Sequence[int]) -> Any:
            return sampler.sample_batch(
                job.problem.couplings,
                job.problem.fields,
                num_reads=job.num_reads,
                beta_schedule=job.betas,
                seed=seeds[0],
                num_threads=threads,
            )

        return Run(batch, lambda result: (result.states, result.energies), len(job.betas))

    def one_by_one(seeds: Sequence[int]) -> list[Any]:
        return [
            sampler.sample(
                model,
                num_reads=job.num_reads,
                beta_schedule_type="custom",
                beta_schedule=job.betas,
                seed=seed,
                num_threads=threads,
            )
            for model, seed in zip(models, seeds, strict=True)
        ]

    return Run(one_by_one, _unpack, len(job.betas))


def dwave_samplers(job: Job, threads: int) -> Run:
    """D-Wave's annealer; on several threads as a pool of calls, which let go of the GIL.

    Several calls are shared out whole; a single one is split by its reads.
    """
    from dwave.samplers import SimulatedAnnealingSampler

    sampler = SimulatedAnnealingSampler()
    models, split_reads = job.models, threads > 1 and len(job.models) == 1
    pool = ThreadPoolExecutor(threads)

    def share(calls: Sequence[tuple[Any, int, int]]) -> list[Any]:
        return [
            sampler.sample(
                model, num_reads=reads, beta_schedule_type="custom", beta_schedule=job.betas, seed=seed
            )
            for model, reads, seed in calls
        ]

    def call(seeds: Sequence[int]) -> list[Any]:
        if split_reads:
            parts = [len(part) for part in np.array_split(np.arange(job.num_reads), threads)]
            calls = [(models[0], reads, seeds[0] + k) for k, reads in enumerate(parts) if reads]
        else:
            calls = [(model, job.num_reads, seed) for model, seed in zip(models, seeds, strict=True)]
        if threads == 1:
            return share(calls)
        per_thread = -(-len(calls) // threads)
        shares = [calls[k : k + per_thread] for k in range(0, len(calls), per_thread)]
        return [sampleset for part in pool.map(share, shares) for sampleset in part]

    return Run(call, lambda samples: _unpack(samples, joined=split_reads), len(job.betas))


def openjij(job: Job, threads: int, *, sparse: bool = True) -> Run:
    """Openjij's annealer. It has no threads, and is not seeded: with a seed all its reads are the same."""
    from openjij import SASampler
    from openjij.model.model import BinaryQuadraticModel

    sampler = SASampler()
    own = [
        BinaryQuadraticModel(dict(bqm.linear), dict(bqm.quadratic), 0.0, "SPIN", sparse=sparse)
        for bqm in job.problem.bqms
    ] * job.calls
    schedule = [(float(beta), 1) for beta in job.betas]

    def call(seeds: Sequence[int]) -> list[Any]:
        return [
            sampler.sample(model, num_reads=job.num_reads, schedule=schedule, sparse=sparse) for model in own
        ]

    return Run(call, _unpack, len(job.betas))


def openjij_dense(job: Job, threads: int) -> Run:
    """The same on a dense matrix."""
    return openjij(job, threads, sparse=False)


def simulated_bifurcation(job: Job, threads: int, *, steps: int = 1000) -> Run:
    """Simulated bifurcation, ballistic, by its own steps: as many as its pump needs to rise to the full.

    Its discrete mode, heating and 2,000 steps were tried on the SK work: none gives more for the time.
    """
    import torch
    from simulated_bifurcation.core import Ising

    torch.set_num_threads(threads)
    problem = job.problem
    matrix = np.zeros((problem.num_spins,) * 2, dtype=np.float32)
    matrix[problem.rows, problem.cols] = -problem.values  # its energy is -1/2 s J s + h s
    model = Ising(matrix + matrix.T)

    def call(seeds: Sequence[int]) -> Any:
        torch.set_num_threads(threads)
        torch.manual_seed(seeds[0])
        return model.minimize(
            agents=job.num_reads, max_steps=steps, mode="ballistic", early_stopping=False, verbose=False
        )

    return Run(call, lambda spins: (spins.numpy().T[np.newaxis].astype(np.int8), None), steps)


def pysa(job: Job, threads: int, *, replicas: int = 16) -> Run:
    """NASA's PySA (github.com/nasa/PySA): tempering on a matrix, between the ends of the schedule."""
    from pysa.sa import Solver

    problem = job.problem
    matrix = np.zeros((problem.num_spins,) * 2, dtype=np.float32)
    matrix[problem.rows, problem.cols] = problem.values
    matrix += matrix.T
    matrix[np.diag_indices_from(matrix)] = problem.fields[0]
    solver = Solver(problem=matrix, problem_type="ising", float_type="float32")
    sweep: dict[str, Any] = {
        "temps": 1 / np.geomspace(job.betas[0], job.betas[-1], replicas),
        "update_strategy": "sequential",
        "parallel": threads > 1,
        "return_dataframe": False,
    }
    solver.metropolis_update(num_sweeps=1, num_reads=1, **sweep)  # numba compiles

    def call(seeds: Sequence[int]) -> Any:
        return [solver.metropolis_update(num_sweeps=len(job.betas), num_reads=job.num_reads, **sweep)]

    def unpack(answers: Any) -> tuple[States, None]:
        states = [[read["best_state"] for read in answer] for answer in answers]
        return np.array(states).astype(np.int8), None

    return Run(call, unpack, len(job.betas))


def _unpack(samples: list[Any], *, joined: bool = False) -> tuple[States, NDArray[np.float64]]:
    """Arrays of dimod sample sets; of one call's parts if `joined`."""
    states = [s.record.sample[:, np.argsort(list(s.variables))] for s in samples]
    energies = [s.record.energy for s in samples]
    if joined:
        return np.concatenate(states)[np.newaxis], np.concatenate(energies)[np.newaxis]
    return np.stack(states), np.stack(energies)


# What each is called, the package it needs, and whether it can use several threads.
SAMPLERS: dict[str, tuple[Callable[[Job, int], Run], str, bool]] = {
    "dwave-samplers": (dwave_samplers, "dwave.samplers", True),
    "openjij": (openjij, "openjij", False),
    "openjij dense": (openjij_dense, "openjij", False),
    "PySA": (pysa, "pysa", False),
    "simulated-bifurcation": (simulated_bifurcation, "simulated_bifurcation", True),
    "ising-ep": (ising_ep, "ising_ep", True),
}


def installed(name: str) -> bool:
    """Whether the sampler's package is there."""
    try:
        return importlib.util.find_spec(SAMPLERS[name][1]) is not None
    except ModuleNotFoundError:  # the parent of a dotted name
        return False


def tell_missing(*names: str) -> None:
    """Says on stderr which of these samplers are left out."""
    for name in names:
        if not installed(name):
            report.console.print(f"{name} is left out: it is not installed")


def energies_of(problem: Problem, run: Run, answer: Any) -> NDArray[np.float64]:
    """Energies (problems, reads of all calls) as dimod computes them from the states.

    Raises:
        RuntimeError: The sampler reports other energies than its states have.
    """
    states, reported = run.unpack(answer)
    calls = len(states) // len(problem.bqms)
    energies = np.stack(
        [
            bqm.energies((s, range(problem.num_spins)))
            for bqm, s in zip(problem.bqms * calls, states, strict=True)
        ]
    )
    if reported is not None and not np.allclose(energies, reported, rtol=1e-5, atol=1e-4):
        worst = np.abs(energies - reported).max()
        raise RuntimeError(f"reported energies are off by {worst} from those of the states")
    # (calls, problems, reads) to (problems, calls * reads)
    return energies.reshape(calls, len(problem.bqms), -1).swapaxes(0, 1).reshape(len(problem.bqms), -1)
