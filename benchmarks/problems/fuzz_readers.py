"""Fuzzes the readers of problem files: whole ones have the right energies, damaged ones are read or refused.

    python -m benchmarks.problems.fuzz_readers --files 1000000 --seed 0 [--processes 1] [--out DIR]

Of every four files one is as its program writes it: the model that is read must have its variables, and the
energy that the format says at a few states, added up term by term. Three are damaged, some read as another
format: each gives a model of finite numbers, or a ValueError of one line that names the file. Anything else
is printed, and its input saved.
"""

from __future__ import annotations

import collections
import math
import multiprocessing
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.problems.fuzz_files import WRITERS, Sample, mutated, packed
from benchmarks.support import report
from ising_ep.problems.read import FORMATS, Problem, parse_problem
from studies.markdown import table

FULL = 1_000_000
BATCH = 1000
STATES = 3
KINDS = list(WRITERS)


class WrongError(Exception):
    """A file that was read as something that it is not, or refused in another way than in one line."""


def check_energies(problem: Problem, sample: Sample, rng: random.Random) -> None:
    """Compares the model with the terms that the file was written from."""
    bqm = problem.bqm
    if set(bqm.variables) != set(sample.variables):
        raise WrongError(f"variables are {list(bqm.variables)}, expected {sample.variables}")
    if sample.values != ((-1, 1) if bqm.vartype.name == "SPIN" else (0, 1)):
        raise WrongError(f"vartype is {bqm.vartype.name}, expected values {sample.values}")
    linear, (_, _, values), offset, *_ = bqm.to_numpy_vectors()
    size = float(np.abs(linear).sum() + np.abs(values).sum() + abs(offset))
    for _ in range(STATES):
        state = {name: rng.choice(sample.values) for name in sample.variables}
        expected, found = sample.energy(state), float(bqm.energy(state))
        if not math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12 * size):
            raise WrongError(f"energy of {state} is {found!r}, expected {expected!r}")


def check_finite(problem: Problem) -> None:
    """Compares nothing: the model of a damaged file is whole in itself."""
    linear, (rows, cols, values), offset, *_ = problem.bqm.to_numpy_vectors()
    if not (np.isfinite(linear).all() and np.isfinite(values).all() and math.isfinite(offset)):
        raise WrongError("the model has numbers that are not finite")
    if len(rows) and not 0 <= min(rows.min(), cols.min()) <= max(rows.max(), cols.max()) < len(linear):
        raise WrongError("the model has couplings of variables that it has not")


def check_refusal(error: ValueError, name: str) -> None:
    """One line of some length that names the file."""
    text = str(error)
    if not text.startswith(f"{name}: ") or "\n" in text or not 10 < len(text) < 1000:
        raise WrongError(f"refused with {text!r}")


def read_one(number: int, seed: int) -> str:
    """Writes, damages, reads and checks file `number`; says what came of it.

    Raises:
        Exception: Whatever is wrong, with the file as its note.
    """
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    sample = packed(rng, WRITERS[kind](rng))
    name, content, options = sample.name, sample.content, dict(sample.options)
    whole = number // len(KINDS) % 4 == 0
    if not whole:
        content = mutated(rng, content)
        if rng.random() < 0.2:
            options["file_format"] = rng.choice(FORMATS)
        if rng.random() < 0.1:
            options["vartype"] = rng.choice(("SPIN", "BINARY"))
        if rng.random() < 0.1:
            name = rng.choice(("problem", "problem.txt", "G1", "a.json", "a.qubo", "a.sparse", "a.gz"))
    try:
        with warnings.catch_warnings(action="error"):
            if not whole:
                warnings.filterwarnings("ignore", r"[^ ]+: integers are rounded to double precision")
            problem = parse_problem(content, name, **options)
        if whole:
            check_energies(problem, sample, rng)
        check_finite(problem)
    except ValueError as error:
        try:
            if whole:
                raise WrongError(f"refused: {error}") from None
            check_refusal(error, name)
        except WrongError as wrong:
            wrong.add_note(f"{name}, {options}: {content!r}")
            raise
        return f"{kind} damaged, refused"
    except BaseException as error:
        error.add_note(f"{name}, {options}: {content!r}")
        raise
    return f"{kind} whole, right" if whole else f"{kind} damaged, read"


def read_batch(job: tuple[int, int, int]) -> tuple[collections.Counter[str], list[tuple[int, str, str]]]:
    """The outcomes of files `start` to `end`, and the number, error and input of each that is wrong."""
    start, end, seed = job
    outcomes: collections.Counter[str] = collections.Counter()
    wrong = []
    for number in range(start, end):
        try:
            outcomes[read_one(number, seed)] += 1
        except Exception as error:
            wrong.append((number, f"{type(error).__name__}: {error}"[:500], error.__notes__[0]))
    return outcomes, wrong


def fuzz(
    files: int, seed: int, processes: int = 1, bar: Any = None
) -> tuple[Any, list[tuple[int, str, str]]]:
    """As `read_batch`, of all files."""
    jobs = [(start, min(start + BATCH, files), seed) for start in range(0, files, BATCH)]
    outcomes: collections.Counter[str] = collections.Counter()
    wrong: list[tuple[int, str, str]] = []
    with multiprocessing.get_context("spawn").Pool(processes) if processes > 1 else _Here() as pool:
        done = pool.imap_unordered(read_batch, jobs)
        for found, failures in done if bar is None else bar.track(done, len(jobs), description="reading"):
            outcomes += found
            wrong += failures
    return outcomes, wrong


class _Here:
    """The part of a pool that is used, without other processes."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    imap_unordered = staticmethod(map)


@click.command(help=__doc__)
@click.option("--files", type=click.IntRange(1), default=FULL, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True)
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Folder for wrong inputs.")
@report.out_option
def main(files: int, seed: int, processes: int, save: Path | None, out: Path | None) -> None:
    out = report.folder(out, full=files >= FULL)
    with report.progress() as bar:
        outcomes, wrong = fuzz(files, seed, processes, bar)
    for number, error, given in wrong[:50]:
        report.console.print(f"file {number}: {error}\n  {given}", markup=False, highlight=False)
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        for number, error, given in wrong:
            (save / f"{number}.txt").write_text(f"{error}\n{given}\n")
    ends = ("whole, right", "damaged, read", "damaged, refused")
    rows = [[kind, *(f"{outcomes[f'{kind} {end}']:,}" for end in ends)] for kind in KINDS]
    rows.append(["all", *(f"{sum(outcomes[f'{kind} {end}'] for kind in KINDS):,}" for end in ends)])
    text = (
        "# Readers of problem files, fuzzed\n\n"
        f"{files:,} files, seed {seed}; uncaught exceptions, wrong energies, refusals that are not one line:"
        f" {len(wrong):,}.\n\n" + table(["format", *ends], rows)
    )
    if out is None:
        click.echo(text)
    else:
        report.write_page(out, "fuzz_readers", f"{text}\n{report.where(report.machine())}\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
