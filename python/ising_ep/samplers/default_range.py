"""The inverse temperatures that an anneal goes through where none are given.

dwave-samplers' rule looks at single biases: the hot end follows from the largest sum of |biases| of a spin,
the cold end from the smallest |bias|. It fails where that one bias does not decide: a stray bias of 1e-17
makes the cold end 1e16, and a penalty, whose fields and couplings cancel, hides the weights. The rule here
looks at the minima that a quench finds, and takes over where the two are far apart.
"""

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from .. import _core
from .couplings import PreparedCouplings
from .spin_form import in_floats, spin_form

# Quenches, and sweeps of each.
READS, SWEEPS = 16, 10
# Cost that excitations of the minima may have, as a part of the spread of their energies, and how many times
# colder than that an anneal ends.
COST, COLDER = 0.01, 4
# A range of dwave-samplers' is too cold if it ends STRAY times colder than by its own rule with the median
# spin's smallest |bias|, and TOO_COLD times colder than the minima need;
STRAY, TOO_COLD = 300, 100
# and too hot if excitations at its end cost that part of the spread, at a temperature so many times higher.
TOO_HOT, HOTTER = 0.2, 10
# Excitations of a minimum that need no closer look; dwave-samplers means 0.01.
FEW = 0.1
# The part of the spins that have to flip where an anneal begins.
MOVING = 0.9
# Terms of local fields that are added at once: few enough for the processor's cache.
MOST_TERMS = 2**16


class DefaultRangeWarning(UserWarning):
    """Default temperatures are not those of dwave-samplers, or are of little use."""


@dataclass(frozen=True)
class Ising:
    """An Ising problem in arrays, from a model in spins; biases as the model has them, finite."""

    linear: NDArray[Any]
    rows: NDArray[Any]
    cols: NDArray[Any]
    values: NDArray[Any]
    labels: Sequence[Hashable]

    @classmethod
    def of(cls, bqm: dimod.BinaryQuadraticModel) -> "Ising":
        """The arrays of a model in spins, as `spin_form` makes it."""
        vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), _, labels = vectors
        return cls(linear, rows, cols, values, labels)

    @cached_property
    def couplings(self) -> PreparedCouplings:
        """The couplings as the core takes them; of 64-bit arrays only."""
        return PreparedCouplings(self.rows, self.cols, self.values)

    def ends(self) -> NDArray[Any]:
        """Both spins of each coupling in turn: sums over them go in dwave-samplers' order."""
        return np.stack((self.rows, self.cols), axis=1).ravel()


def default_beta_range(bqm: dimod.BinaryQuadraticModel) -> list[float]:
    """First and last inverse temperature that `SimulatedAnnealingSampler` takes by default.

    They are those of dwave-samplers, to the last bit, unless these are far from what the problem needs; then
    one `DefaultRangeWarning` says which bias spoils them and what is taken instead. docs/samplers.md has the
    rule.

    Args:
        bqm: The problem, of any vartype and dtype.

    Returns:
        [hot, cold], in units of 1 / biases as an Ising problem. Infinite where the biases are so small that
        double precision has no such number.

    Raises:
        ValueError: A bias that is no finite number, or biases that add up to more than 1e303.

    Example:
        >>> import dimod, ising_ep
        >>> pair = dimod.BinaryQuadraticModel({"a": 0.5}, {("a", "b"): -1.0}, 0.0, "SPIN")
        >>> print("hot {:.3f}, cold {:.3f}".format(*ising_ep.default_beta_range(pair)))
        hot 0.231, cold 4.605
    """
    return range_of(in_own_precision(bqm, Ising.of(spin_form(in_floats(bqm)))), stacklevel=3)


def in_own_precision(bqm: dimod.BinaryQuadraticModel, ising: Ising) -> Ising:
    """The Ising problem of a model as dwave-samplers has it: of float32 in single precision.

    Where sums would overflow in that, the problem stays in double precision.
    """
    if bqm.dtype != np.float32:
        return ising
    single = Ising.of(bqm.change_vartype(dimod.SPIN, inplace=False))
    total = sum(np.abs(biases).sum(dtype=np.float64) for biases in (single.linear, single.values))
    return single if 4 * total <= np.finfo(np.float32).max else ising  # nor is nan


@dataclass(frozen=True)
class Fit:
    """Inverse temperatures for a problem.

    Attributes:
        betas: First and last.
        theirs: Those of dwave-samplers.
        why: Why they are others, or not what is wanted; "" where nothing is to be said.
    """

    betas: list[float]
    theirs: list[float]
    why: str

    @classmethod
    def to(cls, ising: Ising) -> "Fit":
        """Fits the range to a problem by the rule in docs/samplers.md."""
        width, smallest = _extremes(ising)
        if width == 0:
            return cls([0.1, 1], [0.1, 1], "all biases are zero")
        ordered = np.sort(smallest[smallest < np.inf])
        gap, typical = ordered[0], ordered[(len(ordered) - 1) // 2]
        theirs = [_inverse(2 * width, np.log(2)), _inverse(2 * gap, _log_excitable(smallest, gap))]
        end, typical_end = (2 * bias / _log_excitable(smallest, bias) for bias in (gap, typical))
        stray = end < typical_end / STRAY
        if stray or not _are_multiples(ising, gap):  # else no field is smaller than the gap
            minima = _Minima.of(ising)
            why = ""
            if stray and end < minima.cold_end() / TOO_COLD:
                why = _name_of_bias(ising, gap)
            elif minima.melt_at(end):
                why = _name_of_field(ising, minima, gap)
            if why:
                return cls(minima.betas(min(minima.cold_end(), TOO_COLD * typical_end)), theirs, why)
        infinite = "biases are so small that their inverse temperatures are infinite"
        return cls(theirs, theirs, infinite if np.inf in theirs else "")


def range_of(ising: Ising, stacklevel: int) -> list[float]:
    """The default range; a warning is of the caller that many frames up."""
    fit = Fit.to(ising)
    if fit.why:
        own = "" if fit.betas == fit.theirs else f"; dwave-samplers' default is beta_range={fit.theirs}"
        text = f"{fit.why}: beta_range is set to {fit.betas}{own}"
        warnings.warn(text, DefaultRangeWarning, stacklevel)
    return fit.betas


def _inverse(energy: Any, factor: Any) -> float:
    with np.errstate(over="ignore"):  # inf, where it is beyond double precision
        return float(factor / energy)


def _extremes(ising: Ising) -> tuple[Any, NDArray[np.float64]]:
    """The largest sum of |biases| of a spin, and each spin's smallest |bias| that is not 0, or inf.

    The sums of a float32 model stay float32, as in dwave-samplers.
    """
    total, couplings, ends = np.abs(ising.linear), np.abs(ising.values).repeat(2), ising.ends()
    smallest = np.where(total == 0, np.inf, total).astype(np.float64)
    np.minimum.at(smallest, ends, np.where(couplings == 0, np.inf, couplings).astype(np.float64))
    np.add.at(total, ends, couplings)
    return total.max(initial=0), smallest


def _log_excitable(smallest: NDArray[np.float64], gap: float) -> Any:
    """2 gap over the temperature where all spins of this gap together are excited with probability 0.01."""
    return np.log(np.count_nonzero(smallest == gap) / 0.01)


def _are_multiples(ising: Ising, gap: float) -> bool:
    return not any(np.fmod(biases, gap).any() for biases in (ising.linear, ising.values))


@dataclass(frozen=True)
class _Minima:
    """Minima that quenches of a problem end in.

    Attributes:
        ising: The problem in units of `unit`, double precision.
        unit: A power of 2 about the largest |bias|: numbers of any size can be squared.
        states: (reads, spins).
        costs: (reads, spins) the energy that each flip would cost, in units of `unit`.
    """

    ising: Ising
    unit: float
    states: NDArray[np.int8]
    costs: NDArray[np.float64]

    @classmethod
    def of(cls, given: Ising) -> "_Minima":
        largest = max(np.abs(biases).max(initial=0) for biases in (given.linear, given.values))
        exponent = np.frexp(largest)[1]
        linear, values = (
            np.ldexp(biases.astype(np.float64, copy=False), -exponent)
            for biases in (given.linear, given.values)
        )
        rows, cols = (index.astype(np.int64, copy=False) for index in (given.rows, given.cols))
        ising = Ising(linear, rows, cols, values, given.labels)
        states = _swept(ising, np.full(SWEEPS, np.inf), None)
        costs = 2 * np.abs(_local_fields(ising, states))
        return cls(ising, float(np.ldexp(1.0, exponent)), states, costs)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the energies in units of `unit`, 0 where they are equal but for rounding."""
        return _spread(self.ising, self.states)

    def _excited(self, temperature: float) -> NDArray[np.float64]:
        """The probability of each flip, of all alone, at a temperature in units of `unit`."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            exponents = np.exp(self.costs / temperature)
        return 1 / (1 + exponents)

    def _excitation(self, temperature: float) -> float:
        """Mean cost of independent excitations of the flips at a temperature in units of `unit`."""
        return float((self.costs * self._excited(temperature)).sum() / len(self.costs))

    def cold_end(self) -> float:
        """The temperature to end at: that where excitations cost COST times the spread, and COLDER."""
        flips = self.costs[self.costs > 0]
        if not flips.size:
            return 0.0
        allowed = COST * (self.spread or flips.min())
        low, high = np.log(flips.min() / 100), np.log(100 * flips.max())
        for _ in range(40):  # bisection of what rises with the temperature
            middle = (low + high) / 2
            low, high = (middle, high) if self._excitation(np.exp(middle)) < allowed else (low, middle)
        return float(np.exp(low)) / COLDER * self.unit

    def melt_at(self, temperature: float) -> bool:
        """Tells whether minima of different energies would be lost at a temperature."""
        scaled = temperature / self.unit
        flips = np.where(self.costs > 0, self._excited(scaled), 0).sum() / len(self.costs)
        if flips <= FEW or not self._excitation(scaled) > TOO_HOT * self.spread > 0:
            return False
        return temperature > HOTTER * self.cold_end()

    def betas(self, end: float) -> list[float]:
        """First and last inverse temperature of an anneal that ends at a temperature."""
        squares = self.ising.linear**2
        np.add.at(squares, self.ising.ends(), (self.ising.values**2).repeat(2))
        begin = 2 * np.sqrt(squares.max()) / np.log(2)
        if 0 < 3 * self.spread < begin and self._move_at(3 * self.spread):
            begin = 3 * self.spread
        return [_inverse(self.unit, 1 / max(begin, 10 * end / self.unit)), _inverse(end, 1)]

    def _move_at(self, temperature: float) -> bool:
        """Tells whether nearly all spins flip at a temperature, each in some of the reads."""
        flipped = _swept(self.ising, np.full(SWEEPS, 1 / temperature), self.states) != self.states
        return bool(flipped.any(axis=0).mean() >= MOVING)


def _swept(ising: Ising, betas: NDArray[np.float64], initial: NDArray[np.int8] | None) -> NDArray[np.int8]:
    """READS reads (reads, spins), always the same."""
    states, *_ = ising.couplings.model(len(ising.linear)).anneal(
        ising.linear[np.newaxis],
        _core.Sweeps(betas),
        num_reads=READS,
        initial_states=None if initial is None else initial[np.newaxis],
        seed=0,
        problem_ids=np.zeros(1, dtype=np.uint32),
        num_threads=1,
        energies=False,
    )
    return np.asarray(states[0])


def _local_fields(ising: Ising, states: NDArray[np.int8]) -> NDArray[np.float64]:
    """h_i + sum_j J_ij s_j (reads, spins)."""
    at, other = np.concatenate((ising.rows, ising.cols)), np.concatenate((ising.cols, ising.rows))
    values = np.concatenate((ising.values, ising.values))
    reads, spins = states.shape
    fields = np.empty((reads, spins))
    step = max(1, MOST_TERMS // max(1, len(at)))  # reads at once
    for first in range(0, reads, step):
        s = states[first : first + step]
        places = at + spins * np.arange(len(s))[:, np.newaxis]
        sums = np.bincount(places.ravel(), (values * s[:, other]).ravel(), s.size)
        fields[first : first + step] = ising.linear + sums.reshape(s.shape)
    return fields


def _spread(ising: Ising, states: NDArray[np.int8]) -> float:
    """Standard deviation of the energies, which may be far smaller than their rounding errors.

    So each bias is cut in two, coarse parts whose sums are exact, and fine ones: differences between reads
    lose nothing in either.
    """
    biases = np.abs(ising.linear).sum() + np.abs(ising.values).sum()
    grain = np.ldexp(1.0, np.frexp(biases)[1] - 52)
    coarse = [np.rint(b / grain) * grain for b in (ising.values, ising.linear)]
    fine = [ising.values - coarse[0], ising.linear - coarse[1]]
    differences = np.zeros(len(states))
    for values, linear in (coarse, fine):
        energies = _core.energies(ising.rows, ising.cols, values, linear, states)
        differences += energies - energies[0]
    spread = float(differences.std())
    return spread if spread > grain * 2**-20 else 0.0


def _name_of_bias(ising: Ising, gap: float) -> str:
    fields = np.flatnonzero(np.abs(ising.linear) == gap)
    if fields.size:
        whose = repr(ising.labels[fields[0]])
    else:
        pair = np.flatnonzero(np.abs(ising.values) == gap)[0]
        whose = " and ".join(repr(ising.labels[index[pair]]) for index in (ising.rows, ising.cols))
    return f"the bias {gap:g} of {whose} is far below what matters"


def _name_of_field(ising: Ising, minima: _Minima, gap: float) -> str:
    costs = np.where(minima.costs > 0, minima.costs, np.inf).min(axis=0)
    spin = costs.argmin()
    field = costs[spin] / 2 * minima.unit
    return f"the biases of {ising.labels[spin]!r} cancel to {field:g}, far below the smallest, {gap:g}"
