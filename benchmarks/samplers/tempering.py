"""Parallel tempering of a large problem: peak memory, and spin updates a nanosecond.

    python -m benchmarks.samplers.tempering            a million spins, three million couplings
    python -m benchmarks.samplers.tempering --side 20  the same in small, to see that it runs

**Work.** A cubic lattice with periodic ends and couplings of ±1 ("integer") or normal ("real"), 32
temperatures, one ladder on one thread. Each runs in a process of its own, whose peak resident memory holds
everything: the interpreter, dimod's model, the core's layout, the states.

**What is shown.** Peak memory; updates of a spin at one temperature in one copy, per nanosecond of processor
time of the core's call, exchanges, energies and cluster moves included.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from typing import Any

import click
import dimod
import numpy as np

from ising_ep import ParallelTemperingSampler


def lattice(side: int, kind: str) -> dimod.BinaryQuadraticModel:
    """The model of side**3 spins."""
    rng = np.random.default_rng(1)
    sites = np.arange(side**3).reshape(side, side, side)
    rows = np.tile(sites.ravel(), 3)
    cols = np.concatenate([np.roll(sites, -1, axis).ravel() for axis in range(3)])
    values = rng.normal(size=rows.size) if kind == "real" else rng.choice([-1.0, 1.0], rows.size)
    fields = np.zeros(side**3)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(fields, (rows, cols, values), 0.0, dimod.SPIN)


def measure(side: int, kind: str, num_sweeps: int) -> dict[str, Any]:
    """Peak memory in GiB, updates per nanosecond, and energy per spin."""
    bqm = lattice(side, kind)
    begun = time.process_time()
    reads = ParallelTemperingSampler().sample(
        bqm, num_temperatures=32, num_sweeps=num_sweeps, num_threads=1, seed=1
    )
    seconds = time.process_time() - begun
    updates = len(bqm) * 32 * reads.info["num_copies"] * num_sweeps
    return {
        "kind": kind,
        "copies": reads.info["num_copies"],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "updates": updates / seconds / 1e9,
        "seconds": seconds,
        "energy": reads.first.energy / len(bqm),
    }


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.option("--side", default=100, show_default=True, help="Spins along an edge.")
@click.option("--num-sweeps", default=32, show_default=True)
def main(side: int, num_sweeps: int) -> None:
    """Measures both kinds of couplings and prints a line for each."""
    for kind in ("integer", "real"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (side, kind, num_sweeps))
        click.echo(
            f"{kind}: {found['copies']} copies at each of 32 temperatures, peak {found['peak']:.2f} GiB,"
            f" {found['updates']:.2f} updates/ns ({found['seconds']:.1f} s of processor time),"
            f" energy per spin {found['energy']:.4f}"
        )


if __name__ == "__main__":
    main()
