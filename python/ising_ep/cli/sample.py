"""The command `ising-ep sample`: anneals a problem from a file."""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import click

from ..printable import printable
from .errors import one_line_errors
from .problem_file import ProblemCommand, number, output_options, problem_options, read_file, versions
from .screen import print_bars, waiting

if TYPE_CHECKING:
    import dimod
    import numpy as np
    from numpy.typing import NDArray

    from ..problems.read import Problem

# Lines of the histogram.
MOST_BINS = 12

_HELP = """Find states of low energy of the Ising problem or QUBO in FILE.

\b
Examples:
  ising-ep sample problem.coo --seed 1
  ising-ep sample G1 --num-reads 200 --num-sweeps 5000 --output G1.npz
  ising-ep sample couplings.txt --format coo --vartype SPIN --beta-range 0.1 10
  ising-ep sample problem.qubo --schedule linear --output states.json --force
  ising-ep sample bqp50.txt --instance 3
  ising-ep sample model.lp --output states.csv --aggregate
  ising-ep sample Q.npy --format qubo-matrix

\b
Formats, as they are or compressed by gzip, bzip2 or xz:
{formats}

\b
Output (the reads in their order, with versions, seed and settings):
{outputs}
"""


@click.command(cls=ProblemCommand, help=_HELP)
@click.option("--num-reads", type=int, default=100, show_default=True, help="Independent anneals.")
@click.option("--num-sweeps", type=int, default=1000, show_default=True, help="Sweeps of an anneal.")
@click.option(
    "--beta-range",
    type=(float, float),
    metavar="HOT COLD",
    help="First and last inverse temperature.  [default: from the biases]",
)
@click.option(
    "--schedule",
    type=click.Choice(["geometric", "linear"]),
    default="geometric",
    show_default=True,
    help="How the inverse temperature grows.",
)
@click.option("--seed", type=int, help="Seed of everything random.  [default: a new one, printed]")
@click.option("--num-threads", type=int, help="Threads; never changes the result.  [default: all cores]")
@problem_options
@click.option(
    "--aggregate",
    is_flag=True,
    help="Write each distinct state once, with how often it was found, the lowest energy first.",
)
@output_options
@one_line_errors
def sample(
    file: Path,
    num_reads: int,
    num_sweeps: int,
    beta_range: tuple[float, float] | None,
    schedule: Literal["geometric", "linear"],
    seed: int | None,
    num_threads: int | None,
    vartype: str | None,
    file_format: str | None,
    instance: int | None,
    aggregate: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Reads, anneals, writes, prints."""
    from ..checks import seed_or_new
    from ..problems.write import distinct, write_sampleset

    if aggregate and output is None:
        raise ValueError("--aggregate is given, but nothing is written without --output")
    asked = {"file_format": file_format, "vartype": vartype, "instance": instance}
    problem = read_file(file, output, force=force, **asked)
    same = {
        "num_reads": num_reads,
        "num_sweeps": num_sweeps,
        "seed": seed_or_new(seed),
        "num_threads": num_threads,
    }
    sampleset, seconds = _annealed(problem.bqm, beta_range=beta_range, beta_schedule_type=schedule, **same)
    settings = {
        "file": str(file),
        "format": problem.file_format,
        "instance": instance,
        "aggregate": aggregate,
        "vartype": problem.bqm.vartype.name,
        **same,
        "seconds": seconds,
        **sampleset.info,
        "versions": versions("ising-ep", "dimod", "numpy"),
    }
    if output is not None:
        with waiting(f"Writing {output.name}"):
            write_sampleset(output, distinct(sampleset) if aggregate else sampleset, settings)
    _print_summary(problem, sampleset, settings)
    if output is not None:
        click.echo(f"States: {output}")


def _annealed(bqm: dimod.BinaryQuadraticModel, **settings: Any) -> tuple[dimod.SampleSet, float]:
    """The reads, and the seconds that they took; what is strange about the settings is said."""
    from ..samplers.simulated import SimulatedAnnealingSampler

    with waiting("Annealing") as tell, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        started = perf_counter()
        sampleset = SimulatedAnnealingSampler().sample(
            bqm,
            progress=lambda done, total: tell(f"{done} of {total} reads", done, total),
            **settings,
        )
        seconds = perf_counter() - started
    for warning in warned:
        click.echo(f"Warning: {printable(warning.message)}", err=True)
    if settings["num_sweeps"] == 0:
        click.echo("Warning: --num-sweeps 0: nothing is annealed, the states are random", err=True)
    return sampleset, seconds


def _print_summary(problem: Problem, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    import numpy as np

    from ..problems.write import count_distinct

    bqm, energies = problem.bqm, sampleset.record.energy
    count, rows = _histogram(energies, _rounding(bqm, sampleset))
    best = float(energies.min())
    click.echo(
        f"{settings['file']}: {bqm.num_variables} variables, {bqm.num_interactions} couplings,"
        f" {bqm.vartype.name} ({problem.file_format})"
    )
    mean = best + math.fsum(energies - best) / len(energies)  # a sum of large ones would be rounded
    click.echo(f"Best energy {number(best)} in {count} of {len(energies)} reads, mean {number(mean)}")
    states = sampleset.record.sample
    at_best = states[np.argsort(energies)[:count]]
    click.echo(
        f"Distinct states: {count_distinct(states)}, of which {count_distinct(at_best)} at the best energy"
    )
    if problem.objective is not None:
        click.echo(f"Best {problem.objective.name} {number(problem.objective.value(best))}")
    print_bars(rows)
    hot, cold = settings["beta_range"]
    click.echo(
        f"{settings['num_reads']} reads of {settings['num_sweeps']} sweeps, beta {hot:.6g} to {cold:.6g}"
        f" {settings['beta_schedule_type']}, seed {settings['seed']}: {settings['seconds']:.3g} s"
    )
    click.echo(", ".join(f"{name} {known}" for name, known in settings["versions"].items()))


def _rounding(bqm: dimod.BinaryQuadraticModel, sampleset: dimod.SampleSet) -> NDArray[np.float64]:
    """Rounding errors of sums of the same biases in each read (reads,). Larger differences are real.

    A penalty that a state keeps adds nothing to its energy, so it does not count.
    """
    import dimod
    import numpy as np

    linear, (rows, cols, values), *_ = bqm.to_numpy_vectors()
    linear, values, offset = abs(linear), abs(values), abs(float(bqm.offset))
    biases = np.concatenate((linear, values, np.array([offset])))
    total = biases.sum()
    grain = np.ldexp(1.0, np.frexp(total)[1] - 50)
    if grain > 0 and not np.fmod(biases, grain).any():
        return np.zeros(len(sampleset))  # such sums are exact
    if bqm.vartype is dimod.SPIN or sampleset.info["arithmetic"] == "integer":
        return np.full(len(sampleset), 1e-12 * total)
    sizes = dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, (rows, cols, values), offset, bqm.vartype, variable_order=bqm.variables
    )
    return 1e-12 * np.asarray(sizes.energies(sampleset), dtype=np.float64)


def _histogram(
    energies: NDArray[np.float64], rounding: NDArray[np.float64]
) -> tuple[int, list[tuple[str, int]]]:
    """Counts the reads of the lowest energy, and those of each energy or of each range of energies."""
    import numpy as np

    order = np.argsort(energies)
    ordered, rounding = energies[order], rounding[order]
    larger = np.append(0.0, np.maximum(rounding[1:], rounding[:-1]))
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > larger)
    counts = np.diff(starts, append=len(ordered))
    at_best = int(counts[0])
    if len(starts) <= MOST_BINS:
        return at_best, [
            (number(float(ordered[k])), int(count)) for k, count in zip(starts, counts, strict=True)
        ]

    # In units of a tenth of the range or less, so that steps are of a few digits.
    scale = 10 ** np.floor(np.log10(ordered[-1] - ordered[0]))
    ticks = _ticks(ordered[0] / scale, ordered[-1] / scale)
    # A rounding error may leave out an end.
    bins = (np.searchsorted(ticks, ordered / scale, side="right") - 1).clip(0, len(ticks) - 2)
    texts = [f"{low:.12g} to {high:.12g}" for low, high in pairwise(ticks * scale)]
    return at_best, list(zip(texts, np.bincount(bins, minlength=len(texts)).tolist(), strict=True))


def _ticks(low: float, high: float) -> NDArray[np.float64]:
    """Multiples of a round number from ``low`` or less to ``high`` or more, for at most `MOST_BINS` ranges.

    Args:
        low: The first number.
        high: The last one, 1 to 10 above it.

    Example:
        >>> _ticks(0.3, 3.1).tolist()
        [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25]
    """
    import numpy as np

    for step in (0.1, 0.2, 0.25, 0.5, 1.0):
        first, last = np.floor(low / step), np.ceil(high / step)
        if last - first <= MOST_BINS:
            break
    return step * np.arange(first, last + 1)
