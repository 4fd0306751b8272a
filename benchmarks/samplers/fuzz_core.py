"""Random calls of the core's annealers: each is answered rightly, or refused in a line.

    python -m benchmarks.samplers.fuzz_core --calls 1000000 --seed 0  some minutes

A call anneals up to three random problems of up to twelve spins, by Metropolis or Gibbs, in order or not,
or by path integrals. Numbers are small, huge, tiny, penalties that cancel, infinite, or none; shapes and
indices are wrong now and then. A call that is answered has to have states of -1 and +1, energies of these
states, and the same bits on another number of threads. A call that is refused has to raise one of four
errors, on one line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.support import report
from ising_ep import _core
from studies.markdown import table

REFUSALS = (ValueError, TypeError, MemoryError, OverflowError)
SIZES = np.array([1.0, 1.0, 1.0, 1e-320, 1e-300, 1e-9, 1e7, 1e15, 1e300])
BAD = np.array([np.nan, np.inf, -np.inf])


def numbers(rng: np.random.Generator, count: int) -> Any:
    """Whole or real numbers of one or several sizes, one in fifty arrays with a number that is none."""
    size = rng.choice(SIZES, count if rng.random() < 0.3 else 1)
    drawn = rng.integers(-3, 4, count) if rng.random() < 0.5 else rng.normal(size=count)
    found = np.multiply(drawn, size, dtype=np.float64)
    if count and rng.random() < 0.02:
        found[rng.integers(count)] = rng.choice(BAD)
    return found


class Call(NamedTuple):
    """What the core is asked for: couplings, fields, a method with its settings, and the rest."""

    couplings: tuple[Any, Any, Any]
    fields: Any
    method: Callable[..., Any]
    settings: dict[str, Any]
    keywords: dict[str, Any]

    def answer(self, num_threads: int) -> Any:
        """States, energies and arithmetic."""
        model = _core.Model(*self.couplings, self.fields.shape[1])
        return model.anneal(
            self.fields, self.method(**self.settings), **self.keywords, num_threads=num_threads
        )


def random_call(rng: np.random.Generator) -> Call:
    """A call that may have to be refused."""
    spins, problems, reads = int(rng.integers(0, 13)), int(rng.integers(0, 4)), int(rng.choice([1, 2, 5, 66]))
    couplings = int(rng.integers(0, 2 * spins + 1))
    low, high = (-1, spins + 1) if rng.random() < 0.02 else (0, max(spins, 1))
    rows, cols = rng.integers(low, high, (2, couplings))
    cols = np.where(rows == cols, (cols + 1) % max(spins, 1), cols)
    fields = numbers(rng, problems * spins).reshape(problems, spins)
    shape = (problems, reads, spins + (rng.random() < 0.01))
    initial = rng.choice(np.array([-1, 1], np.int8), shape) if rng.random() < 0.3 else None
    ids = rng.integers(0, 2**32, problems, dtype=np.uint32)
    graph = rows, cols, numbers(rng, couplings)
    keywords = {"num_reads": reads, "initial_states": initial, "seed": 7, "problem_ids": ids}
    if rng.random() < 0.25:
        transverse, problem = np.abs(rng.normal(size=(2, 4)))
        settings = {"beta": 2.0, "num_slices": 3, "transverse": transverse, "problem": problem}
        return Call(graph, fields, _core.Paths, settings, keywords)
    betas = np.abs(numbers(rng, int(rng.integers(0, 6))))
    if betas.size and rng.random() < 0.1:
        betas[-1] = np.inf
    settings = {"betas": betas, "gibbs": bool(rng.random() < 0.3), "random_order": bool(rng.random() < 0.3)}
    return Call(graph, fields, _core.Sweeps, settings, keywords)


def outcome(rng: np.random.Generator) -> str:
    """Makes a call, and says what became of it; anything that should not be is raised."""
    call = random_call(rng)
    try:
        states, energies, arithmetic = call.answer(1)
    except REFUSALS as error:
        if "\n" in str(error) or not str(error):
            raise AssertionError(f"not one line: {error!r}") from error
        return "refused"
    rows, cols, values = call.couplings
    s = states.astype(np.float64)
    if not (np.abs(s) == 1).all():
        raise AssertionError("a spin that is none")
    with np.errstate(all="ignore"):
        terms = np.concatenate([s[..., rows] * s[..., cols] * values, s * call.fields[:, None]], axis=-1)
        wanted, scale = terms.sum(axis=-1), np.abs(terms).sum(axis=-1)
    finite = np.isfinite(scale)
    if not (np.abs(energies - wanted)[finite] <= 1e-13 * scale[finite]).all():
        raise AssertionError("an energy that is not that of its state")
    again = call.answer(2)
    if again[0].tobytes() != states.tobytes() or again[2] != arithmetic:
        raise AssertionError("other bits on two threads")
    return " and ".join(sorted(set(arithmetic))) or "no problem"


@click.command()
@click.option("--calls", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@report.out_option
def main(calls: int, seed: int, out: Path | None) -> None:
    """Fuzz the core.

    \b
    Example: python -m benchmarks.samplers.fuzz_core --calls 20000
    """
    folder = report.folder(out, False)
    counts: Counter[str] = Counter()
    with report.progress() as bar:
        task = bar.add_task("calls", total=calls)
        for number in range(calls):
            try:
                counts[outcome(np.random.default_rng([seed, number]))] += 1
            except Exception as error:
                raise click.ClickException(f"call {number} of seed {seed}: {error!r}") from error
            if number % 500 == 499:
                bar.update(task, completed=number + 1)
    rows = [(name, f"{count:,}") for name, count in sorted(counts.items())]
    text = "# Calls of the core, fuzzed\n\n"
    text += f"{calls:,} calls, seed {seed}; uncaught exceptions and wrong answers: 0.\n\n"
    text += table(("became", "calls"), rows) + f"\n{report.where(report.machine())}\n"
    report.console.print(text)
    if folder is not None:
        report.write_page(folder, "fuzz_core", text)


if __name__ == "__main__":
    main()
