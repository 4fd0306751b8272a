"""`minimize` on graphs of the Gset, until it has the best cut known.

    python -m benchmarks.samplers.max_cut --data-dir DIR           ten seeds of each graph, an hour at most
    python -m benchmarks.samplers.max_cut --data-dir DIR --quick   one seed, five seconds each

`DIR` holds the files `G1`, `G22` and so on (with or without `.txt`), as Helmberg and Rendl made them with
Rinaldi's generator; those that are missing are left out. Best cuts: Benlic and Hao, Engineering Applications
of Artificial Intelligence 26, 1162 (2013); that of G70 is Ma and Hao's, Annals of Operations Research 248,
365 (2017). Whole calls with `target` and `time_limit` on all cores; the file is read before.

Results go to `benchmarks/results/max_cut.json` and `.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.support import report
from ising_ep import minimize
from ising_ep.problems.read import Problem, read_with_format
from studies.markdown import table

BEST = {1: 11624, 22: 13359, 39: 2408, 43: 6660, 55: 10299, 70: 9595}


def files(folder: Path) -> dict[int, Path]:
    """The graphs that are there."""
    found = {}
    for graph in BEST:
        for name in (f"G{graph}", f"G{graph}.txt"):
            if (folder / name).is_file():
                found[graph] = folder / name
    return found


def measure(graph: int, problem: Problem, limit: float, seed: int) -> dict[str, Any]:
    """One call until it has the best cut or the time is over."""
    objective = problem.objective
    assert objective is not None, "what a graph is for is its cut"
    # The cut is a straight line in the energy.
    at_zero = objective.value(0.0)
    target = (BEST[graph] - at_zero) / (objective.value(1.0) - at_zero)
    found = minimize(problem.bqm, target=target, time_limit=limit, seed=seed)
    return {
        "graph": graph,
        "spins": problem.bqm.num_variables,
        "couplings": problem.bqm.num_interactions,
        "seed": seed,
        "cut": objective.value(found.first.energy),
        "seconds": found.info["seconds"],
    }


def written(rows: list[dict[str, Any]]) -> str:
    """A line for each graph."""
    lines = []
    for graph in sorted({row["graph"] for row in rows}):
        own = [row for row in rows if row["graph"] == graph]
        reached = [row["seconds"] for row in own if row["cut"] >= BEST[graph]]
        lines.append(
            (
                f"G{graph}",
                f"{own[0]['spins']:,}",
                f"{own[0]['couplings']:,}",
                f"{BEST[graph]:,}",
                f"{len(reached)} of {len(own)}",
                f"{np.median(reached):.1f} ({min(reached):.1f} to {max(reached):.1f})" if reached else "",
                f"{min(row['cut'] for row in own):,.0f}",
            )
        )
    header = ["graph", "spins", "couplings", "best cut", "reached", "after, s (range)", "lowest of all seeds"]
    return table(header, lines)


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--limit", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Of a call, s.")
@click.option("--quick", is_flag=True, help="One seed, five seconds each.")
@report.out_option
def main(data_dir: Path, seeds: int, limit: float, quick: bool, out: Path | None) -> None:
    """`minimize` on graphs of the Gset, until it has the best cut known.

    \b
    Example: python -m benchmarks.samplers.max_cut --data-dir gset --quick
    """
    there = files(data_dir)
    if not there:
        names = ", ".join(f"G{graph}" for graph in BEST)
        raise click.BadParameter(f"{data_dir} holds none of {names}", param_hint="--data-dir")
    for graph in BEST.keys() - there.keys():
        report.console.print(f"G{graph} is left out: it is not in {data_dir}")
    folder = report.folder(out, not quick)
    seeds, limit = (1, 5.0) if quick else (seeds, limit)
    rows = []
    with report.progress() as bar:
        task = bar.add_task("", total=len(there) * seeds)
        for graph, path in there.items():
            problem = read_with_format(path, file_format="gset", vartype=None, instance=None)
            for seed in range(seeds):
                bar.update(task, description=f"G{graph}, seed {seed}")
                rows.append(measure(graph, problem, limit, seed))
                bar.advance(task)
    facts = report.machine()
    text = f"{report.where(facts)} Whole calls on all cores, at most {limit:.0f} s each; {seeds} seeds.\n\n"
    text += written(rows)
    report.console.print(text)
    if folder is not None:
        report.write(folder, "max_cut", {"machine": facts, "rows": rows}, text)


if __name__ == "__main__":
    main()
