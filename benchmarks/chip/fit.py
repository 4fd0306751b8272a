"""The fit of the chip model's defaults to the answers of a real QPU, with intervals.

    python -m benchmarks.chip.fit --data LOGS             every second small problem; an hour
    python -m benchmarks.chip.fit --data LOGS --quick     a tenth of the problems, few steps

LOGS is a folder as `benchmarks/chip/logs.py` says. Fitted are temperature, rate, background susceptibility,
and the errors of h and J. New and lasting errors are taken together: a problem that was run once does not
tell them apart.

A run on a chip tells two numbers of its problem: the logarithm of the inverse temperature at which the exact
mean energy is the mean of its reads, and the square root of its fraction of broken chains. The model tells
the same numbers x, their mean m, and how they differ from one programming to the next. The likelihood of
settings is that of a t distribution around the model's mean, of four degrees of freedom, since some problems
are far from what any settings give,

    log L = sum log t_4((x - m) / sqrt(v)) - log(v) / 2,

with v of programmings and of 1,000 reads, and a floor. It is a synthetic likelihood: Wood, Nature 466, 1102
(2010). The means of the problems so tell the temperature, and how far they lie from them the errors. The
model is annealed with the same seeds at all settings.

In each round settings are drawn around the likeliest so far, ever nearer. (Nelder and Mead's search of 160
settings ended 14 below the likelihood of the defaults. Quadratic surfaces through the likelihoods lead no
further: they fall too steeply on one side.) A likelihood of few programming cycles is some 4 off by chance,
so that the likeliest settings are also the luckiest: the best of them are annealed again in many. Intervals
are by the bootstrap over problems: of these settings those are taken that are the likeliest for problems
drawn with replacement, and 95 % of these are within an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.support import report
from ising_ep.chip import Chip
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import RATE, TEMPERATURE, ChipModel
from studies.markdown import table

from . import logs
from .logs import Programmed, SmallProblem
from .real_qpu import SWEEPS, errors_anew, reads_of, sizes

# Programming cycles of a problem at each setting, and at the best ones again; reads of each.
CYCLES, AGAIN, READS = 24, 160, 64
# Standard deviations of what the model does not know, of the two numbers.
FLOORS = np.array([0.02, 0.005])
FREEDOM = 4
# Rounds, settings drawn in each, how much nearer a round draws than the one before; the best, which are
# annealed again; sets of the bootstrap.
ROUNDS, AROUND, NEARER, BEST, DRAWN = 6, 40, 0.85, 60, 1000


@dataclass(frozen=True)
class Settings:
    """What is fitted: temperature in mK, tries in a microsecond, all errors of h and of J, chi."""

    temperature: float
    rate: float
    field_error: float
    coupling_error: float
    susceptibility: float

    @classmethod
    def at(cls, theta: NDArray[np.float64]) -> Settings:
        """Of logarithms; chi is plain."""
        temperature, rate, field_error, coupling_error = np.exp(theta[:4])
        return cls(temperature, rate, field_error, coupling_error, float(theta[4]))

    @property
    def theta(self) -> NDArray[np.float64]:
        """Logarithms, and chi."""
        values = np.array([getattr(self, field.name) for field in fields(self)])
        values[:4] = np.log(values[:4])
        return values

    def model(self, chip: Chip) -> ChipModel:
        """All errors anew with each programming."""
        errors = replace(
            errors_anew(self.field_error, self.coupling_error), susceptibility=self.susceptibility
        )
        return ChipModel(
            chip, temperature=self.temperature, rate=self.rate, sweeps_per_us=SWEEPS, errors=errors
        )


# Where the search begins, and the standard deviations of what is drawn around it at first.
START = Settings(14.0, 2500.0, 0.03, 0.03, 0.0).theta
NEAR = np.array([0.1, 0.5, 0.35, 0.35, 0.004])


class Fit:
    """The likelihood of settings.

    Args:
        problems: What is fitted to.
        chip: On which they were run.
    """

    def __init__(self, problems: Sequence[SmallProblem], chip: Chip) -> None:
        self._problems, self._chip = problems, chip
        self._placed = [Programmed.of(p.spins, p.chains, chip, extended=p.extended) for p in problems]
        self._seen = [_seen(problem) for problem in problems]

    def likelihoods(self, theta: NDArray[np.float64], cycles: int = CYCLES) -> NDArray[np.float64]:
        """Log likelihood (problems,) of settings, from so many programming cycles."""
        model = Settings.at(theta).model(self._chip)
        found = []
        for problem, placed, (numbers, inexact) in zip(self._problems, self._placed, self._seen, strict=True):
            means, variances = _told(problem, placed, model, cycles)
            scales = np.sqrt(variances + inexact + FLOORS**2)
            told = 2 if problem.longest > 1 else 1
            likelihood = np.asarray(t.logpdf(numbers, FREEDOM, means, scales))
            found.append(likelihood[:told].sum())
        return np.array(found)


def _seen(problem: SmallProblem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two numbers of a chip, and their variances by chance."""
    count = problem.counts.sum()
    beta = problem.beta(float(problem.energies @ problem.counts / count))
    numbers = np.array([np.log(beta), np.sqrt(problem.broken)])
    # The square root of a count of independent events has the variance 1/4.
    return numbers, np.array([problem.inexact(beta) ** 2, 1 / (4 * count * len(problem.chains))])


def _told(
    problem: SmallProblem, placed: Programmed, model: ChipModel, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of the two numbers on the model, and their variances between programmings."""
    reads = reads_of(model, placed, count, READS)
    cycles = [placed.logical(some) for some in np.split(reads, count)]
    names = list(problem.spins.variables)
    energies = np.array([problem.spins.energies((states, names)) for states, _ in cycles])
    means = energies.mean(axis=1)
    beta = problem.beta(float(means.mean()))
    # The mean energy falls by its variance for each unit of beta: 1 / (variance beta^2) of a single read.
    of_one_read = problem.inexact(beta) ** 2 * problem.counts.sum()
    logs_of = np.log(beta) - (means - means.mean()) * beta * of_one_read
    roots = np.sqrt([broken for _, broken in cycles])
    by_chance = np.array([of_one_read, 1 / (4 * len(problem.chains))]) / READS
    numbers = np.stack([logs_of, roots])
    between = np.maximum(numbers.var(axis=1, ddof=1) - by_chance, 0.0)
    broken = np.mean([broken for _, broken in cycles])
    return np.array([np.log(beta), np.sqrt(broken)]), between


UNITS = {
    "temperature": "temperature (mK)",
    "rate": "rate (per us at 1 GHz)",
    "field_error": "errors of h, new and lasting",
    "coupling_error": "errors of J, new and lasting",
    "susceptibility": "background susceptibility",
}


def defaults() -> Settings:
    """Those of the package."""
    errors = ChipErrors()
    return Settings(TEMPERATURE, RATE, *sizes(errors), errors.susceptibility)


def _likeliest(likelihoods: Sequence[NDArray[np.float64]], problems: Any = slice(None)) -> int:
    """Which settings are the likeliest for these problems."""
    return int(np.argmax([each[problems].sum() for each in likelihoods]))


# Settings, and their log likelihood (problems,).
Tried = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def _search(fit: Fit, rounds: int, around: int, again: int) -> tuple[Tried, Tried]:
    """All settings that were drawn, and the best of them annealed again."""
    rng = np.random.default_rng(0)
    tried, near = [(START, fit.likelihoods(START))], NEAR
    with report.progress() as bar:
        task = bar.add_task("settings", total=rounds * around)
        for _ in range(rounds):
            centre = tried[_likeliest([each for _, each in tried])][0]
            for u in rng.standard_normal((around, len(near))):
                theta = centre + near * u
                tried.append((theta, fit.likelihoods(theta)))
                bar.advance(task)
            near = near * NEARER
        best = sorted(tried, key=lambda one: -float(one[1].sum()))[:again]
        told = bar.track(best, description="the best again")
        return tried, [(theta, fit.likelihoods(theta, AGAIN)) for theta, _ in told]


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--half", type=click.IntRange(0, 1), default=0, show_default=True, help="Problems fitted to.")
@click.option("--quick", is_flag=True, help="A tenth of the problems, few settings.")
@report.out_option
def main(data: Path, half: int, quick: bool, out: Path | None) -> None:
    """Fit temperature, rate and errors of the chip model to a QPU's answers.

    \b
    Example: python -m benchmarks.chip.fit --data qpu_logs --quick
    """
    chip = logs.solver(data)
    problems = list(logs.small_problems(data, chip))[half :: 10 if quick else 2]
    folder = report.folder(out, not quick)
    fit, usual = Fit(problems, chip), defaults()
    rng = np.random.default_rng(1)
    tried, best = _search(fit, *((1, 25, 5) if quick else (ROUNDS, AROUND, BEST)))
    likelihoods = [each for _, each in best]
    count = len(problems)
    drawn = [best[_likeliest(likelihoods, rng.integers(count, size=count))][0] for _ in range(DRAWN)]
    low, high = (Settings.at(end) for end in np.quantile(drawn, [0.025, 0.975], axis=0))
    fitted = best[_likeliest(likelihoods)]
    of_defaults = float(fit.likelihoods(usual.theta, AGAIN).sum())
    facts = report.machine()
    text = (
        f"{report.where(facts)}\n\n{count} problems, every second from number {half}; {len(tried)} settings,"
    )
    text += f" the best {len(best)} again. Log likelihood {fitted[1].sum():.1f}, of the defaults"
    text += f" {of_defaults:.1f}.\n\n"
    settings = {"fitted": Settings.at(fitted[0]), "low": low, "high": high, "default": usual}
    header = ["", "fitted", "95 % from", "to", "default"]
    rows = [[UNITS[name], *(f"{getattr(each, name):.3g}" for each in settings.values())] for name in UNITS]
    text += table(header, rows)
    report.console.print(text)
    if folder is not None:
        record: dict[str, Any] = {"machine": facts, "problems": [problem.name for problem in problems]}
        record |= {name: vars(each) for name, each in settings.items()}
        for name, pairs in (("tried", tried), ("again", best)):
            record[name] = [
                vars(Settings.at(theta)) | {"log_likelihood": each.sum()} for theta, each in pairs
            ]
        report.write(folder, "chip_fit", record, text)


if __name__ == "__main__":
    main()
