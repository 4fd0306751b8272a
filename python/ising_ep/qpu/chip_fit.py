"""The settings of a chip model at which its reads tell what those of a chip do.

Statistics of reads (`chip_statistics`) are functions of the settings, known only by annealing the same
problems on the model, and by chance. They are matched by Gauss-Newton steps, with derivatives by the
difference of two anneals, and the nearest settings that the steps pass are taken. Matching statistics of a
model to those of data is indirect inference: Gourieroux, Monfort and Renault, J. Appl. Econometrics 8, S85
(1993). A statistic so need not be what it is named after, as long as the model's is wrong in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Floats
from ..machines.chip import ChipSettings
from .chip_statistics import ChipStatistics, Statistic, resampled

# Parts of Gauss-Newton steps that are made, with derivatives made anew before each row of them.
GAINS = ((1.0, 1.0, 1.0), (1.0, 1.0, 1 / 2, 1 / 2))
# Inverse temperature that stands for one too large to tell.
COLDEST = 30.0
# Relative error of the model itself: what is known better of the reads weighs no more than this.
OF_MODEL = 0.01
# The rate of a chip is taken to be the default within this factor (a standard error), as far as its reads do
# not tell: reads of short chains alone tell it and the temperature in one.
FACTOR = 3.0
# Part of the default's own standard error beyond which it is not the reads that tell a number.
TOLD = 0.7
# Sets of problems drawn for the intervals, and the part of them that is within.
DRAWN, WITHIN = 400, 0.95


@dataclass(frozen=True)
class Unknown:
    """A number that is fitted.

    Attributes:
        start: Where the fit begins.
        known: Standard error of the default, as a statistic beside those of the reads; infinite for none.
        difference: To the other of two anneals that give a derivative.
        most: Its upper bound; the lower one is 0.
        farthest: Longest step.
    """

    start: float
    known: float
    difference: float
    most: float
    farthest: float


@dataclass(frozen=True)
class Fitted:
    """A number that was fitted.

    Attributes:
        value: Its value.
        low, high: 95 % interval.
        is_told: Whether the reads tell it, and not the default alone.
    """

    value: float
    low: float
    high: float
    is_told: bool

    @property
    def interval(self) -> tuple[float, float, float]:
        """Its value and the ends of its interval."""
        return self.value, self.low, self.high


# Settings by the names that tables have, in the order of `unknowns`.
NAMES = ("temperature", "rate", "noise", "field_offset", "coupling_offset")


def unknowns(of_reads: ChipStatistics) -> list[Unknown]:
    """Logarithms of temperature and rate, the square of the factor by which the noise is that of the
    defaults, and the variances of the errors that stay."""
    usual = ChipSettings()

    def variance(measured: Statistic | None) -> Unknown:
        value = 0.0 if measured is None else max(measured.value, 0.0)
        return Unknown(value, np.inf, max(value, 0.001), 1.0, 0.02)

    return [
        Unknown(log(usual.chip_temperature), np.inf, 0.25, log(1000.0), 0.7),
        Unknown(log(usual.chip_rate), log(FACTOR), 1.4, log(1e7), 2.0),
        Unknown(1.0, 1.0, 2.0, 400.0, 6.0),
        variance(of_reads.field_offset),
        variance(of_reads.coupling_offset),
    ]


def settings_at(theta: Floats) -> dict[str, Any]:
    """The settings of a `ChipSettings` that unknowns stand for, with three digits."""
    temperature, rate, noise, *offsets = (_natural(k, value) for k, value in enumerate(theta))
    usual = ChipSettings()
    return {
        "chip_temperature": _rounded(temperature),
        "chip_rate": _rounded(rate),
        "chip_noise": tuple(_rounded(noise * error) for error in usual.chip_noise),
        "chip_offsets": tuple(map(_rounded, offsets)),
    }


@dataclass(frozen=True, eq=False)
class Fit:
    """Fitted settings.

    Attributes:
        settings: Of a `ChipSettings`.
        statistics: Of the model with these settings.
        fitted: Each of `NAMES` that the reads tell.
        misfit: How far the statistic that fits worst is from that of the reads, in standard errors.
    """

    settings: dict[str, Any]
    statistics: ChipStatistics
    fitted: dict[str, Fitted]
    misfit: float


class Matching:
    """The fit of a model to the statistics of reads.

    Args:
        of_reads: What is to be matched.
        anneal: Anneals the same problems on a model with these settings, with a new seed each time, and
            gives its statistics.
        rng: Draws the problems of the intervals.
    """

    def __init__(
        self,
        of_reads: ChipStatistics,
        anneal: Callable[[dict[str, Any]], ChipStatistics],
        rng: np.random.Generator,
    ) -> None:
        self._of_reads, self._anneal, self._rng = of_reads, anneal, rng
        every = unknowns(of_reads)
        self._free = np.array([_is_measured(name, of_reads) for name in NAMES])
        self._starts, self._known, self._differences, self._most, self._farthest = (
            np.array([getattr(each, field.name) for each in every]) for field in fields(Unknown)
        )
        self._default = self._starts.copy()
        self._default[3:] = [error**2 for error in ChipSettings().chip_offsets]

    def fit(self) -> Fit:
        """The settings at which the model's statistics are nearest."""
        theta = np.where(self._free, self._starts, self._default)
        found = self._anneal(settings_at(theta))
        best = theta, found
        for gains in GAINS:
            slopes = self._slopes(theta, found)
            for gain in gains:
                step = np.linalg.lstsq(slopes, self._distance(theta, found), rcond=None)[0] * self._free
                farthest = np.clip(gain * step, -self._farthest, self._farthest)
                theta = np.clip(theta + farthest, 0.0, self._most)
                found = self._anneal(settings_at(theta))
                best = min(best, (theta, found), key=self._sum_of_squares)
            theta, found = best
        told = _is_told(found)
        misfit = float(np.abs(self._distance(theta, found)[: len(told)][told]).max())
        return Fit(settings_at(theta), found, self._intervals(theta, found, slopes), misfit)

    def _sum_of_squares(self, tried: tuple[Floats, ChipStatistics]) -> float:
        return float((self._distance(*tried) ** 2).sum())

    def _distance(self, theta: Floats, found: ChipStatistics) -> Floats:
        """How far the reads' statistics are from the model's, and the default from theta, in standard
        errors."""
        numbers, errors = _numbers(self._of_reads)
        others, _ = _numbers(found)
        distance = np.nan_to_num((numbers - others) / (errors * sqrt(2)))
        return np.concatenate([distance, (self._default - theta) / self._known])

    def _slopes(self, theta: Floats, found: ChipStatistics) -> Floats:
        """Derivatives (statistics, unknowns) of the model's statistics at these settings, in standard errors,
        and those of the unknowns themselves; 0 for what the model's reads do not tell at both ends."""
        numbers, _ = _numbers(found)
        _, errors = _numbers(self._of_reads)
        slopes = np.zeros((len(numbers), len(NAMES)))
        for k in np.flatnonzero(self._free):
            other = theta.copy()
            other[k] += self._differences[k]
            at_other = self._anneal(settings_at(other))
            moved, _ = _numbers(at_other)
            slopes[:, k] = (moved - numbers) / (self._differences[k] * errors * sqrt(2))
            slopes[~(_is_told(found) & _is_told(at_other)), k] = 0.0
        return np.concatenate([np.nan_to_num(slopes), np.diag(1 / self._known)])

    def _intervals(self, theta: Floats, found: ChipStatistics, slopes: Floats) -> dict[str, Fitted]:
        """95 % intervals, by problems and places drawn again, of the reads and of the model."""
        free = np.flatnonzero(self._free)
        inverse = np.linalg.pinv(slopes[:, free])
        _, errors = _numbers(self._of_reads)
        drawn = np.empty((DRAWN, len(free)))
        for row in drawn:
            change = self._by_chance(self._of_reads) - self._by_chance(found)
            of_default = np.isfinite(self._known) * self._rng.standard_normal(len(NAMES))
            row[:] = inverse @ np.concatenate([np.nan_to_num(change / (errors * sqrt(2))), of_default])
        low, high = np.quantile(drawn, [(1 - WITHIN) / 2, (1 + WITHIN) / 2], axis=0)
        is_told = drawn.std(axis=0) < TOLD * self._known[free]
        return {
            NAMES[k]: Fitted(
                _natural(k, theta[k]),
                _natural(k, theta[k] + low[place]),
                _natural(k, theta[k] + high[place]),
                bool(is_told[place]),
            )
            for place, k in enumerate(free.tolist())
        }

    def _by_chance(self, found: ChipStatistics) -> Floats:
        values = _values(found)
        errors = resampled(values, self._rng)
        numbers, _ = _numbers(found)
        of_logs = np.array([_scale(each) if k < LOGS else 1.0 for k, each in enumerate(values)])
        changes: NDArray[np.float64] = np.where(np.isnan(numbers), 0.0, errors / of_logs)
        return changes


def _is_measured(name: str, of_reads: ChipStatistics) -> bool:
    return name in NAMES[:3] or getattr(of_reads, name) is not None


# The first statistics are compared by their logarithms.
LOGS = 3


def _values(of: ChipStatistics) -> Sequence[Statistic | None]:
    return of.qubits, of.chains, of.breaks, of.shared, of.field_offset, of.coupling_offset


def _is_told(of: ChipStatistics) -> NDArray[np.bool_]:
    return np.array([each is not None for each in _values(of)])


def _scale(each: Statistic | None) -> float:
    """What a logarithm is taken of: more than 0 where a fraction is 0."""
    return 1.0 if each is None else max(each.value, 1e-4)


def _numbers(of: ChipStatistics) -> tuple[Floats, Floats]:
    """What is compared, and its standard errors; nan where there is no statistic."""
    numbers, errors = np.full(6, np.nan), np.full(6, np.nan)
    for k, each in enumerate(_values(of)):
        if each is None:
            if k < 2:  # reads that are all local minima
                numbers[k], errors[k] = log(COLDEST), 1.0
            continue
        if k < LOGS:
            scale = _scale(each)
            # One broken chain more or less would do as well.
            least = 1e-4 if k == 2 else 0.0
            numbers[k], errors[k] = log(scale), np.hypot(max(each.error, least) / scale, OF_MODEL)
        else:
            numbers[k], errors[k] = each.value, max(each.error, 1e-5)
    return numbers, errors


def _natural(k: int, value: float) -> float:
    """An unknown as a setting has it."""
    return exp(value) if k < 2 else sqrt(max(value, 0.0))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
