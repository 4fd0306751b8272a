"""One small problem through dimod, the whole call: dwave-samplers beside ising-ep, interleaved, medians.

python -m benchmarks.samplers.small_call [--rounds 1500]
"""

from statistics import median
from typing import Any

import click
import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

from benchmarks.support.timing import interleaved
from ising_ep import SimulatedAnnealingSampler
from studies.markdown import table

SPINS = 20
SAMPLERS = {"dwave-samplers": DWaveSampler(), "ising-ep": SimulatedAnnealingSampler()}


def problem(vartype: str) -> dimod.BinaryQuadraticModel:
    rng = np.random.default_rng(0)
    bqm = dimod.BinaryQuadraticModel(vartype)
    for v in range(SPINS):
        bqm.add_linear(v, rng.normal())
        for u in range(v):
            if rng.random() < 0.5:
                bqm.add_quadratic(u, v, rng.normal())
    return bqm


def medians(bqm: dimod.BinaryQuadraticModel, rounds: int, **options: Any) -> list[float]:
    """Microseconds of a call of each sampler."""
    calls = {
        name: lambda _, sampler=sampler: sampler.sample(bqm, num_reads=1, num_sweeps=100, **options)
        for name, sampler in SAMPLERS.items()
    }
    return [1e6 * median(seconds) for seconds in interleaved(calls, rounds).values()]


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=1500, show_default=True)
def main(rounds: int) -> None:
    """Time a call of 20 spins.

    \b
    Example: python -m benchmarks.samplers.small_call --rounds 100
    """
    rows = []
    for vartype in ("SPIN", "BINARY"):
        for text, options in (("given", {"beta_range": [0.1, 5]}), ("default", {})):
            theirs, ours = medians(problem(vartype), rounds, **options)
            rows.append((f"{vartype}, {text}", f"{theirs:.0f} us", f"{ours:.0f} us", f"{theirs / ours:.1f}x"))
    click.echo(table(("", *SAMPLERS, "ratio"), rows))


if __name__ == "__main__":
    main()
