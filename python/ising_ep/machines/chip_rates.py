"""How fast qubits and chains turn while a chip anneals, and where they freeze.

While A(s) is large qubits follow their fields at once. Later they tunnel one by one, each try on its own,
at a rate that goes with the square of the tunnelling amplitude, rate A(s)^2. A chain of L qubits, held
together by couplings of size J, turns as a whole in two ways:

    Gamma_L(s) = rate (A_L(s)^2 + W_L(s) A(s)^2)

    A_L(s) = A(s) (A(s) / (B(s) J))^(L - 1)   while A < B J, else A(s)
    W_L(s) = 2 / (L - 1) / (1 + exp(2 beta(s) J))

It tunnels, with the amplitude of perturbation theory, L flips of which all but the last leave it broken. And
a wall wanders through it: one end turns, which costs 2 J, and the wall between the two parts goes on, which
costs nothing, until it is back, or one time in 2 (L - 1) at the other end. That is how long chains turn.

The tries are sweeps, each at the inverse temperature of its s; the first falls by chance, so that they do
not fall alike in all problems. They run out where A(s) is small, first
those of long chains: that is the freeze-out, and the temperature of the reads is that of the last sweeps,
not that of s = 1.

No computer makes all tries of the early part. `sweeps_per_us` is the most of a microsecond, for chains
twice as many, since it is them that carry a problem; and fewer while it is so hot that a few are enough:

    1 / Gamma = 1 / limit + 1 / Gamma_L,      limit = sweeps_per_us min(1, beta(s)), for chains twice that

The rate is that of incoherent (macroscopic resonant) tunnelling of flux qubits; it is fitted to real
answers in `docs/chip.md`. Sources: Amin and Averin, Phys. Rev. Lett. 100, 197001 (2008), for the rate;
Johnson and others, Nature 473, 194 (2011), for the freeze-out; Pfeuty, Ann. Phys. 57, 79 (1970), for the
amplitude of an open chain; Glauber, J. Math. Phys. 4, 294 (1963), for walls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import require_memory
from ..chip.energy_scales import EnergyScales

# GHz per millikelvin: Boltzmann's constant over Planck's.
BOLTZMANN = 0.020836619
# Tries of chains for one of a qubit, where there are no more.
CHAINS = 2.0
# Pieces of each straight piece of a schedule, within which a rate is taken for constant.
PIECES = 2048


@dataclass(frozen=True)
class Kind:
    """Spins that turn alike: chains of a length, or single qubits.

    Attributes:
        length: Qubits, 1 or more.
        strength: Size J of the weakest coupling that holds such a chain together; of no matter to a qubit.
    """

    length: int = 1
    strength: float = 1.0


QUBIT = Kind()


@dataclass(frozen=True, eq=False)
class TunnellingRates:
    """The tries of qubits and chains along a schedule.

    Attributes:
        scales: A(s) and B(s).
        temperature: In mK, > 0.
        rate: Tries in a microsecond at A = 1 GHz, > 0.
        sweeps_per_us: The most tries in a microsecond, > 0.

    Example:
        >>> scales = EnergyScales.named("advantage_system4")
        >>> rates = TunnellingRates(scales, temperature=15.0, rate=3000.0, sweeps_per_us=1000.0)
        >>> rates.inverse_temperature([0.0, 0.5, 1.0]).round(2).tolist()
        [0.03, 4.6, 13.56]
        >>> anneal = np.array([[0.0, 0.0], [20.0, 1.0]])
        >>> [round(rates.freeze_out(anneal, kind), 2) for kind in (QUBIT, Kind(3, 2.0), Kind(12, 2.0))]
        [0.59, 0.36, 0.31]
    """

    scales: EnergyScales
    temperature: float
    rate: float
    sweeps_per_us: float

    def inverse_temperature(self, s: ArrayLike) -> NDArray[np.float64]:
        """beta(s) in units of 1 / J, at which a free spin answers a small field as a free qubit does:

        beta(s) = B(s) / A(s) tanh(A(s) / 2kT).

        So A counts as heat until it falls below kT.
        """
        a, b = self.scales.at(s)
        return b / a * np.tanh(a / (2 * BOLTZMANN * self.temperature))

    def tries_per_us(self, s: ArrayLike, kind: Kind = QUBIT) -> NDArray[np.float64]:
        """Gamma(s), of each spin of a kind."""
        a, b = self.scales.at(s)
        beta = self.inverse_temperature(s)
        limit = self.sweeps_per_us * np.minimum(1.0, beta)
        tries = self.rate * a**2
        if kind.length > 1:
            # Powers of long chains underflow, and rightly so.
            with np.errstate(under="ignore", over="ignore"):
                tunnels = np.minimum(1.0, a / (b * kind.strength)) ** (2 * (kind.length - 1))
                walls = 2 / (kind.length - 1) / (1 + np.exp(2 * beta * kind.strength))
            tries *= tunnels + walls
            limit *= CHAINS
        limited: NDArray[np.float64] = limit * tries / (limit + tries)
        return limited

    def tries(
        self, points: NDArray[np.float64], kind: Kind
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times along a schedule (points, 2) of us and s, and the tries of a spin of a kind until then."""
        times, s = _pieces(points)
        return times, np.concatenate([[0.0], np.cumsum(self.tries_per_us(s, kind) * np.diff(times))])

    def freeze_out(self, points: NDArray[np.float64], kind: Kind = QUBIT) -> float:
        """The s after which a qubit or chain has one try left: where it stops to follow.

        0 where it has not even one.
        """
        times, s = _pieces(points)
        left = np.cumsum((self.tries_per_us(s, kind) * np.diff(times))[::-1])[::-1]
        follows = np.flatnonzero(left >= 1)
        return float(s[follows[-1]]) if len(follows) else 0.0


def sweeps(
    tries: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], first: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.uint32]]:
    """The time of each sweep in us, in order, and the index of its kind.

    Args:
        tries: Of each kind, as `TunnellingRates.tries` returns them.
        first: (kinds,) of the first sweep of each, 0 to 1 tries from the beginning: by chance, so that sweeps
            are as many as the tries in the mean, and do not fall alike in all problems.

    Raises:
        MemoryError: If there are more than fit.
    """
    require_memory("the sweeps of an anneal", int(32 * sum(done[-1] for _, done in tries)))
    at = [
        np.interp(np.arange(begin, done[-1]), done, times)
        for (times, done), begin in zip(tries, np.asarray(first).tolist(), strict=True)
    ]
    of_kind = np.repeat(np.arange(len(at), dtype=np.uint32), [len(each) for each in at])
    at_all = np.concatenate(at)
    order = np.argsort(at_all, kind="stable")
    return at_all[order], of_kind[order]


def _pieces(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds in time of short pieces of a schedule, and the s of their middles."""
    ends = zip(points[:-1, 0], points[1:, 0], strict=True)
    times = np.concatenate([np.linspace(a, b, PIECES, endpoint=False) for a, b in ends] + [points[-1:, 0]])
    return times, np.interp((times[:-1] + times[1:]) / 2, points[:, 0], points[:, 1])
