"""Two threads over one, for the works of `side_by_side.py`, by the number of reads.

    python -m benchmarks.samplers.threads

ising-ep alone, `sample_batch` in whole calls, one thread and two in turn, the median of the ratios within the
rounds. Each work is run with its own reads and with two and four times as many: threads share chunks of
reads (512 in the integer kernel, up to 64 in the others), and where there is not one for each thread the
chunks are smaller, or the second thread has none.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.samplers import side_by_side
from benchmarks.support import report
from benchmarks.support.peers import Job
from benchmarks.support.timing import interleaved
from ising_ep import SimulatedAnnealingSampler
from studies.markdown import table


def anneal(job: Job, reads: int, threads: int, number: int) -> None:
    """One call, of another seed in each round."""
    SimulatedAnnealingSampler.sample_batch(
        job.problem.couplings,
        job.problem.fields,
        num_reads=reads,
        beta_schedule=job.betas,
        seed=number + 1,
        num_threads=threads,
    )


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@report.out_option
def main(rounds: int, out: Path | None) -> None:
    """Two threads over one, by the number of reads.

    \b
    Example: python -m benchmarks.samplers.threads --rounds 3
    """
    folder = report.folder(out, rounds >= 7)
    rows = []
    for name, work in side_by_side.works(False).items():
        if name == "small" or "geometric" in name:
            continue
        job = work.job
        for times in (1, 2, 4):
            reads = times * job.num_reads
            seconds = interleaved({count: partial(anneal, job, reads, count) for count in (1, 2)}, rounds)
            ratio = np.median(np.divide(seconds[1], seconds[2]))
            rows.append((work.title, f"{reads:,}", f"{ratio:.2f}x"))
            report.console.print(*rows[-1])
    text = table(("work", "reads", "two threads over one"), rows)
    click.echo(text)
    if folder is not None:
        report.write_page(folder, "threads", text)


if __name__ == "__main__":
    main()
