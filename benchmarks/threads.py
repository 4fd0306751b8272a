"""Two threads over one, for the works of `samplers.py`, by the number of reads.

    python benchmarks/threads.py

ising-ep alone, `sample_batch` in whole calls, one thread and two in turn, the median of the ratios within the
rounds. Each work is run with its own reads and with two and four times as many: threads share chunks of
reads (512 in the integer kernel, up to 64 in the others), and where there is not one for each thread the
chunks are smaller, or the second thread has none.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

import report
import samplers
from ising_ep import SimulatedAnnealingSampler


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for threads.md.")
def main(rounds: int, out: Path | None) -> None:
    """Two threads over one, by the number of reads.

    \b
    Example: python benchmarks/threads.py --rounds 3
    """
    folder = report.folder(out, True)
    rows = []
    for name, work in samplers.works(False).items():
        if name == "small" or "geometric" in name:
            continue
        job = work.job
        for times in (1, 2, 4):
            reads = times * job.num_reads
            seconds: dict[int, list[float]] = {1: [], 2: []}
            for k in range(rounds + 1):
                for threads in (1, 2):
                    start = time.perf_counter()
                    SimulatedAnnealingSampler.sample_batch(
                        job.problem.couplings,
                        job.problem.fields,
                        num_reads=reads,
                        beta_schedule=job.betas,
                        seed=k,
                        num_threads=threads,
                    )
                    seconds[threads].append(time.perf_counter() - start)
            # The first round is a warm-up.
            ratio = np.median(np.array(seconds[1][1:]) / np.array(seconds[2][1:]))
            rows.append((work.title, f"{reads:,}", f"{ratio:.2f}x"))
            report.console.print(*rows[-1])
    text = report.table(("work", "reads", "two threads over one"), rows)
    if folder is not None:
        (folder / "threads.md").write_text(text)


if __name__ == "__main__":
    main()
