"""The fit of the chip model's defaults to the answers of a real QPU, with intervals.

    python -m benchmarks.chip.fit --data LOGS             every second small problem; half an hour
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

The search is by response surfaces: Box and Wilson, J. R. Stat. Soc. B 13, 1 (1951). In each round settings
are drawn around the likeliest so far, and a quadratic surface is laid through the log likelihoods of all that
are near; its highest point is tried too. (Nelder and Mead's search of 160 settings ended 14 below the
likelihood of the defaults.) Intervals are by the bootstrap over problems. Each problem has a surface of its
own in the end. Those of problems drawn with replacement are summed, and the settings of the highest point
nearby are taken; 95 % of these are within an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from scipy.stats import t

from benchmarks.support import report
from ising_ep.chip import Chip
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from studies.markdown import table

from . import logs
from .logs import Programmed, SmallProblem
from .real_qpu import SWEEPS, reads_of

# Programming cycles of a problem at each setting, and reads of each.
CYCLES, READS = 24, 64
# Standard deviations of what the model does not know, of the two numbers.
FLOORS = np.array([0.02, 0.005])
FREEDOM = 4
# Rounds, settings drawn in each, sets of problems of the bootstrap.
ROUNDS, AROUND, DRAWN = 6, 40, 1000
# Half the width of what is near, in standard deviations of what is drawn.
REGION = 3.0


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
            ChipErrors(),
            field_noise=self.field_error,
            coupling_noise=self.coupling_error,
            field_offset=0.0,
            coupling_offset=0.0,
            susceptibility=self.susceptibility,
        )
        return ChipModel(
            chip, temperature=self.temperature, rate=self.rate, sweeps_per_us=SWEEPS, errors=errors
        )


# Where the search begins, and the standard deviations of what is drawn around the best.
START = Settings(14.0, 2500.0, 0.03, 0.03, 0.0).theta
NEAR = np.array([0.05, 0.35, 0.25, 0.25, 0.003])


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

    def likelihoods(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log likelihood (problems,) of settings."""
        model = Settings.at(theta).model(self._chip)
        found = []
        for problem, placed, (numbers, inexact) in zip(self._problems, self._placed, self._seen, strict=True):
            means, variances = _told(problem, placed, model)
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
    problem: SmallProblem, placed: Programmed, model: ChipModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of the two numbers on the model, and their variances between programmings."""
    reads = reads_of(model, placed, CYCLES, READS)
    cycles = [placed.logical(some) for some in np.split(reads, CYCLES)]
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


class Search:
    """The likeliest settings, and the surfaces of all problems around them.

    Args:
        fit: Whose likelihood is searched.
        rng: Draws settings.
    """

    def __init__(self, fit: Fit, rng: np.random.Generator) -> None:
        self._fit, self._rng = fit, rng
        self._tried: list[NDArray[np.float64]] = []
        self._likelihoods: list[NDArray[np.float64]] = []
        self.best = START

    @property
    def height(self) -> float:
        """The log likelihood of the best settings."""
        return max(float(each.sum()) for each in self._likelihoods)

    def round(self, number: int, drawn: Callable[[], None]) -> None:
        """Settings drawn around the best, and the highest point of the surface through them."""
        for u in self._rng.standard_normal((number, len(NEAR))):
            self._try(self.best + NEAR * u)
            drawn()
        problems = np.arange(len(self._likelihoods[0]))
        self._try(self.highest(self.surfaces(), problems))
        heights = [each.sum() for each in self._likelihoods]
        self.best = self._tried[int(np.argmax(heights))]

    def _try(self, theta: NDArray[np.float64]) -> None:
        self._tried.append(theta)
        self._likelihoods.append(self._fit.likelihoods(theta))

    def surfaces(self) -> NDArray[np.float64]:
        """Coefficients (terms, problems) of the quadratic surfaces around the best settings."""
        u = (np.array(self._tried) - self.best) / NEAR
        near = (np.abs(u) <= REGION).all(axis=1)
        found, *_ = np.linalg.lstsq(_terms(u[near]), np.array(self._likelihoods)[near], rcond=None)
        return np.asarray(found)

    def highest(self, surfaces: NDArray[np.float64], problems: NDArray[np.int64]) -> NDArray[np.float64]:
        """Settings of the highest point near the best of the summed surfaces of these problems."""
        summed = surfaces[:, problems].sum(axis=1)

        def depth(u: NDArray[np.float64]) -> float:
            return -float(_terms(u[np.newaxis])[0] @ summed)

        near = Bounds(-REGION, REGION)
        found = minimize(depth, np.zeros(len(NEAR)), method="L-BFGS-B", bounds=near)
        highest: NDArray[np.float64] = self.best + NEAR * found.x
        return highest


def _terms(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """1, all u, and all products of two of them."""
    rows, cols = np.triu_indices(u.shape[1])
    return np.concatenate([np.ones((len(u), 1)), u, u[:, rows] * u[:, cols]], axis=1)


UNITS = {
    "temperature": "temperature (mK)",
    "rate": "rate (per us at 1 GHz)",
    "field_error": "errors of h, new and lasting",
    "coupling_error": "errors of J, new and lasting",
    "susceptibility": "background susceptibility",
}


def defaults() -> Settings:
    """Those of the package."""
    errors, model = ChipErrors(), ChipModel(Chip.perfect("pegasus", 2))
    return Settings(
        model.rates.temperature,
        model.rates.rate,
        float(np.hypot(errors.field_noise, errors.field_offset)),
        float(np.hypot(errors.coupling_noise, errors.coupling_offset)),
        errors.susceptibility,
    )


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
    folder = report.folder(out, not quick)
    problems = list(logs.small_problems(data))[half :: 10 if quick else 2]
    fit = Fit(problems, logs.solver(data))
    rounds, around = (1, 25) if quick else (ROUNDS, AROUND)
    rng = np.random.default_rng(0)
    search = Search(fit, rng)
    with report.progress() as bar:
        task = bar.add_task("settings", total=rounds * around)
        for _ in range(rounds):
            search.round(around, lambda: bar.advance(task))
    surfaces, count = search.surfaces(), len(problems)
    drawn = [search.highest(surfaces, rng.integers(count, size=count)) for _ in range(DRAWN)]
    usual = defaults()
    of_defaults = float(fit.likelihoods(usual.theta).sum())
    low, high = (Settings.at(end) for end in np.quantile(drawn, [0.025, 0.975], axis=0))
    centre = Settings.at(search.highest(surfaces, np.arange(count)))
    facts = report.machine()
    text = f"{report.where(facts)}\n\n{count} problems, every second from number {half}; {rounds} rounds of"
    text += f" {around} settings. Log likelihood {search.height:.1f}, of the defaults {of_defaults:.1f}.\n\n"
    settings = {
        "fitted": Settings.at(search.best),
        "surface": centre,
        "low": low,
        "high": high,
        "default": usual,
    }
    header = ["", "fitted", "top of the surface", "95 % from", "to", "default"]
    rows = [[UNITS[name], *(f"{getattr(each, name):.3g}" for each in settings.values())] for name in UNITS]
    text += table(header, rows)
    report.console.print(text)
    if folder is not None:
        record: dict[str, Any] = {"machine": facts, "problems": [problem.name for problem in problems]}
        record |= {name: vars(each) for name, each in settings.items()}
        record |= {"correlations": np.corrcoef(np.array(drawn).T).round(3).tolist()}
        report.write(folder, "chip_fit", record, text)


if __name__ == "__main__":
    main()
