"""The command `ising-ep minimize`: the best state of a problem from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import one_line_errors
from .problem_file import ProblemCommand, number, output_options, problem_options, read_file, versions
from .screen import waiting
from .stop import ended_by_ctrl_c

if TYPE_CHECKING:
    import dimod

    from ..problems.read import Problem

_HELP = """Find the best state of the Ising problem or QUBO in FILE.

Chooses among recombination of annealed states, tabu search, and exact solution of narrow graphs, and fixes
variables by roof duality first. Ends when it has found the same lowest energy several times, or where
--time-limit or --target ends it; Ctrl-C ends it with the best so far.

\b
Examples:
  ising-ep minimize G22 --time-limit 10
  ising-ep minimize problem.coo --seed 1 --output best.csv
  ising-ep minimize model.lp --target -120 --num-threads 2

\b
Formats, as they are or compressed by gzip, bzip2 or xz:
{formats}

\b
Output (distinct states, the best first, with versions, seed and settings):
{outputs}
"""


@click.command(cls=ProblemCommand, help=_HELP)
@click.option("--time-limit", type=float, metavar="SECONDS", help="End after so many seconds.")
@click.option("--target", type=float, metavar="ENERGY", help="End as soon as a state has this energy.")
@click.option("--seed", type=int, help="Seed of everything random.  [default: a new one, printed]")
@click.option("--num-threads", type=int, help="Threads; never changes the result.  [default: all cores]")
@click.option("--max-states", type=int, default=100, show_default=True, help="Distinct states that are kept.")
@click.option("--no-presolve", is_flag=True, help="Neither fix variables nor look for a narrow graph first.")
@problem_options
@output_options
@one_line_errors
def minimize(
    file: Path,
    time_limit: float | None,
    target: float | None,
    seed: int | None,
    num_threads: int | None,
    max_states: int,
    no_presolve: bool,
    vartype: str | None,
    file_format: str | None,
    instance: int | None,
    output: Path | None,
    force: bool,
) -> None:
    """Reads, minimises, writes, prints."""
    from ..problems.write import write_sampleset
    from ..samplers.minimizer import require_presolve

    if not no_presolve:
        require_presolve()
    asked = {"file_format": file_format, "vartype": vartype, "instance": instance}
    problem = read_file(file, output, force=force, **asked)
    sampleset = _minimized(
        problem.bqm,
        time_limit=time_limit,
        target=target,
        seed=seed,
        num_threads=num_threads,
        max_states=max_states,
        presolve=not no_presolve,
    )
    settings = {
        "file": str(file),
        "format": problem.file_format,
        "instance": instance,
        "vartype": problem.bqm.vartype.name,
        **sampleset.info,
        "versions": versions("ising-ep", "dimod", "numpy", "dwave-preprocessing", "dwave-samplers"),
    }
    if output is not None:
        with waiting(f"Writing {output.name}"):
            write_sampleset(output, sampleset, settings)
    _print_summary(problem, sampleset, settings)
    if output is not None:
        click.echo(f"States: {output}")


def _minimized(bqm: dimod.BinaryQuadraticModel, **settings: Any) -> dimod.SampleSet:
    """The states, with a bar of the time, or a clock; Ctrl-C ends it with the best so far."""
    from ..samplers.minimizer import minimize as minimized

    limit = settings["time_limit"]
    with waiting("Minimising") as tell, ended_by_ctrl_c() as is_stopped:

        def progress(seconds: float, lowest: float) -> None:
            text = "no state yet" if lowest == float("inf") else f"energy {number(lowest)}"
            done = None if limit is None else min(int(1000 * seconds), int(1000 * limit))
            tell(text, done, None if limit is None else int(1000 * limit))

        sampleset = minimized(bqm, progress=progress, interrupt_function=is_stopped, **settings)
    if sampleset.info["ended_by"] == "interrupt_function":
        sampleset.info["ended_by"] = "Ctrl-C"
    return sampleset


def _print_summary(problem: Problem, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    bqm, first = problem.bqm, float(sampleset.record.energy[0])
    count = int((sampleset.record.energy <= first).sum())
    click.echo(
        f"{settings['file']}: {bqm.num_variables} variables, {bqm.num_interactions} couplings,"
        f" {bqm.vartype.name} ({problem.file_format})"
    )
    known = ", a ground state" if settings["optimal"] else ""
    click.echo(f"Best energy {number(first)}{known}, in {count} distinct state{'s' if count > 1 else ''}")
    click.echo(f"Ended by: {settings['ended_by'].replace('_', ' ')}")
    if problem.objective is not None:
        click.echo(f"Best {problem.objective.name} {number(problem.objective.value(first))}")
    if settings["num_fixed"]:
        click.echo(f"{settings['num_fixed']} variables fixed by roof duality")
    if settings["num_eliminated"]:
        click.echo(f"{settings['num_eliminated']} variables eliminated")
    # Of what fell within a millisecond, the last.
    for seconds, lowest in {f"{seconds:>9.3f} s": lowest for seconds, lowest in settings["trace"]}.items():
        click.echo(f"{seconds}  {number(lowest)}")
    success = settings["time_to_solution"]
    if success is not None:
        click.echo(_time_to_solution(success))
    click.echo(f"seed {settings['seed']}: {settings['seconds']:.3g} s")
    click.echo(", ".join(f"{name} {known}" for name, known in settings["versions"].items()))


def _time_to_solution(success: dict[str, Any]) -> str:
    found = f"{success['successes']} of {success['rounds']} rounds found this energy by themselves"
    if not success["successes"]:
        return f"{found}; others' best states did when recombined"
    low, high = success["interval"]
    return f"{found}: {success['seconds']:.3g} s ({low:.3g} to {high:.3g}) until one does with 99 %"
