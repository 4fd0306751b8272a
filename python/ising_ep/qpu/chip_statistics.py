"""What the reads of many problems tell of a chip: its temperature, its chains, and its errors.

A *chain* is what all problems hold together, or a single qubit. Given all others, a qubit with the local
field f, and a chain whose qubits agree and have the sum of fields F from outside, would in a thermal state be

    P(s | rest) = 1 / (1 + exp(2 beta s F)),      mean of s = -tanh(beta F)

Each has an inverse temperature by maximum pseudo-likelihood over all problems (`effective_beta`): that of
qubits tells the temperature, that of chains, which freeze earlier, the rate at which they tunnel.

Errors show in the residuals e = s + tanh(beta F). An error d of the field makes their mean -beta d v, where
v = 1 - tanh(beta F)^2. So the product of the residuals of a chain in two reads has the mean
beta^2 d^2 v v', and of two problems nothing else is in it if they have gauges, which turn F over by chance,
and with it what is wrong about beta. Sums over all pairs of reads give

- of two problems: the variance of the errors that stay; with e_a s_b in place of e, that of couplings;
- of one problem: that of all errors which its reads share.

What is wrong about beta is in the latter, and without gauges in the former too, so that they are compared
with a model's, and not taken for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from ..checks import Floats, Ints, Spins
from ..chip import Chip
from ..machines.chip_layout import Layout
from ..samplers.temperature import likeliest_beta
from .kept import KeptProblems


@dataclass(frozen=True, eq=False)
class Statistic:
    """A number that reads tell.

    Attributes:
        value: The number.
        influences: float64, what each problem, or each place on the chip, adds to it by chance. Their sum is
            0, and the sum of their squares the variance.
        of_places: Whether they are of places on the chip.
    """

    value: float
    influences: Floats
    of_places: bool = False

    @property
    def error(self) -> float:
        """Its standard error."""
        return float(np.sqrt((self.influences**2).sum()))


@dataclass(frozen=True, eq=False)
class ChipStatistics:
    """What reads tell of a chip.

    Attributes:
        qubits: Inverse temperature of qubits, in 1 / J; None where none stands against its field.
        chains: The same of whole chains.
        breaks: Fraction of broken chains, of two qubits or more; None without such chains.
        breaks_of: The same by length.
        shared: Variance of the field of a chain by errors which the reads of a problem share.
        field_offset: Variance of the errors of h, of a qubit, that stay.
        coupling_offset: Variance of the errors of J, of a coupler, that stay.
    """

    qubits: Statistic | None
    chains: Statistic | None
    breaks: Statistic | None
    breaks_of: dict[int, float]
    shared: Statistic | None
    field_offset: Statistic | None
    coupling_offset: Statistic | None


class Problems:
    """Problems on one layout, ready to tell what reads of theirs say.

    Args:
        chip: Whose qubits they are on.
        kept: Problems and reads.

    Attributes:
        num_chains: Chains of two qubits or more.
    """

    def __init__(self, chip: Chip, kept: KeptProblems) -> None:
        self.kept = kept
        layout = Layout.of(chip, kept.layout.qubits, kept.layout.couplers)
        self._ends = np.searchsorted(layout.qubits[layout.order], kept.layout.couplers)
        self._ends = layout.order[self._ends]
        self._chain = _chains(layout, kept.couplings)
        self._lengths = np.bincount(self._chain)
        self.num_chains = int((self._lengths > 1).sum())
        count, chains = len(self._chain), len(self._lengths)
        self._members = csr_array(
            (np.ones(count), (np.arange(count), self._chain)), shape=(count, chains)
        )  # sums over qubits become sums over chains
        of_ends = self._chain[self._ends]
        self._inside = of_ends[:, 0] == of_ends[:, 1]
        between = np.sort(of_ends[~self._inside], axis=1)
        self._pairs, self._couplers = np.unique(between, axis=0, return_counts=True)

    def statistics(self, reads: Spins) -> ChipStatistics:
        """What reads (problems, num_reads, qubits) of these problems tell."""
        problems, num_reads, count = reads.shape
        costs = np.empty((problems, num_reads, count))
        spins = np.empty((problems, num_reads, len(self._lengths)), dtype=np.int8)
        fields = np.empty(spins.shape)
        for p in range(problems):
            s = reads[p].astype(np.float64)
            h, j = self.kept.fields[p], self.kept.couplings[p]
            costs[p] = 2 * s * (h + s @ self._matrix(j))
            fields[p] = (h + s @ self._matrix(np.where(self._inside, 0.0, j))) @ self._members
            sums = s @ self._members
            spins[p] = np.where(np.abs(sums) == self._lengths, np.sign(sums), 0)
        qubits = _beta(costs.reshape(problems, -1))
        chains = _beta((2 * spins * fields).reshape(problems, -1))
        breaks, breaks_of = self._breaks(spins)
        if chains is None:
            return ChipStatistics(qubits, None, breaks, breaks_of, None, None, None)
        residuals = _Residuals(chains.value, spins, fields)
        return ChipStatistics(
            qubits,
            chains,
            breaks,
            breaks_of,
            residuals.shared(),
            residuals.of_fields(self._lengths),
            residuals.of_couplings(self._pairs, self._couplers),
        )

    def _matrix(self, couplings: Floats) -> csr_array:
        rows, cols = self._ends.T
        shape = (len(self._chain), len(self._chain))
        ends = np.concatenate([rows, cols]), np.concatenate([cols, rows])
        return csr_array(coo_array((np.concatenate([couplings, couplings]), ends), shape=shape))

    def _breaks(self, spins: Spins) -> tuple[Statistic | None, dict[int, float]]:
        """The fraction of broken chains, of all, and by length."""
        if not self.num_chains:
            return None, {}
        broken = spins == 0
        of_length = {
            int(length): float(broken[:, :, self._lengths == length].mean())
            for length in np.unique(self._lengths[self._lengths > 1])
        }
        of_problem = broken.sum(axis=(1, 2)).astype(np.float64)
        of_one = spins.shape[1] * self.num_chains
        return _ratio(of_problem, np.full(len(of_problem), float(of_one))), of_length


class _Residuals:
    """Residuals of chains: see the module.

    Attributes:
        beta: Inverse temperature of chains.
        spins: (problems, reads, chains), 0 where a chain is broken.
        e, v: Residuals, and their expected variances.
    """

    def __init__(self, beta: float, spins: Spins, fields: Floats) -> None:
        mean = -np.tanh(beta * fields)
        self.beta, self.spins, whole = beta, spins, spins != 0
        self.e = np.where(whole, spins - mean, 0.0)
        self.v = np.where(whole, 1 - mean**2, 0.0)

    def shared(self) -> Statistic | None:
        """From pairs of reads of one problem."""
        pairs = self.e.sum(axis=1) ** 2 - (self.e**2).sum(axis=1)
        weights = self.v.sum(axis=1) ** 2 - (self.v**2).sum(axis=1)
        return _ratio(pairs.sum(axis=1), self.beta**2 * weights.sum(axis=1))

    def of_fields(self, lengths: Ints) -> Statistic | None:
        """From pairs of problems, of a qubit."""
        return self._staying(self.e.sum(axis=1), self.v.sum(axis=1), lengths)

    def of_couplings(self, pairs: Ints, couplers: Ints) -> Statistic | None:
        """From pairs of problems, of a coupler; ``couplers`` are between each of ``pairs`` of chains."""
        if not len(pairs):
            return None
        (a, b), s = pairs.T, self.spins.astype(np.float64)
        e, v = (np.empty((len(s), len(pairs))) for _ in range(2))
        for p in range(len(s)):
            # Sums over reads, of all pairs of chains that a coupler joins.
            e[p] = (self.e[p][:, a] * s[p][:, b] + self.e[p][:, b] * s[p][:, a]).sum(axis=0)
            v[p] = (self.v[p][:, a] * s[p][:, b] ** 2 + self.v[p][:, b] * s[p][:, a] ** 2).sum(axis=0)
        return self._staying(e, v, couplers)

    def _staying(self, e: Floats, v: Floats, count: Ints) -> Statistic | None:
        """Variance of errors that stay, from sums (problems, places) over reads, and how many errors add up
        in each place."""
        pairs = e.sum(axis=0) ** 2 - (e**2).sum(axis=0)
        weights = v.sum(axis=0) ** 2 - (v**2).sum(axis=0)
        return _ratio(pairs, self.beta**2 * weights * count, of_places=True)


def _chains(layout: Layout, couplings: Floats) -> NDArray[np.int64]:
    """The chain of each qubit: what all problems hold together."""
    labels = np.empty((len(couplings), len(layout.qubits)), dtype=np.int64)
    for label, of_problem in zip(labels, couplings, strict=True):
        chains = layout.chains(of_problem)
        label[:] = np.arange(len(label))
        label[chains.members] = np.repeat(chains.members[chains.starts[:-1]], chains.lengths)
    _, chain = np.unique(labels, axis=1, return_inverse=True)
    return np.asarray(chain, dtype=np.int64).ravel()[layout.ranks]


def _beta(costs: Floats) -> Statistic | None:
    """The likeliest inverse temperature; None if it is none, or infinite."""
    if not costs.min() < 0 < costs.max():
        return None
    beta, influences = likeliest_beta(costs, np.ones(len(costs)))
    return Statistic(beta, influences) if beta > 0 else None


def _ratio(numbers: Floats, weights: Floats, *, of_places: bool = False) -> Statistic | None:
    """The ratio of two sums; None if it is none."""
    total = weights.sum()
    if not total > 0:
        return None
    value = float(numbers.sum() / total)
    return Statistic(value, (numbers - value * weights) / total, of_places)


def resampled(statistics: Sequence[Statistic | None], rng: np.random.Generator) -> Floats:
    """Errors by chance of statistics of the same reads: problems and places are drawn again, with
    replacement. 0 where there is no statistic."""
    drawn: dict[tuple[bool, int], NDArray[np.int64]] = {}
    errors = np.zeros(len(statistics))
    for k, each in enumerate(statistics):
        if each is not None:
            key = each.of_places, len(each.influences)
            if key not in drawn:
                drawn[key] = rng.integers(key[1], size=key[1])
            errors[k] = each.influences[drawn[key]].sum()
    return errors
