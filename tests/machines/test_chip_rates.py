"""How fast qubits and chains of a chip turn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ising_ep.chip.energy_scales import EnergyScales, table_names
from ising_ep.machines.chip_rates import BOLTZMANN, QUBIT, Kind, TunnellingRates, sweeps

SCALES = EnergyScales.named("advantage_system4")
RATES = TunnellingRates(SCALES, temperature=15.0, rate=3000.0, sweeps_per_us=100.0)
ANNEAL = np.array([[0.0, 0.0], [20.0, 1.0]])


def amplitude(length: int, transverse: float, coupling: float) -> float:
    """Half the gap between the two lowest states of an open ferromagnetic chain, by all its states: what the
    chain tunnels with as a whole, as a qubit does with A.
    """
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])

    def on(site: int, matrix: np.ndarray) -> np.ndarray:
        return np.kron(np.kron(np.eye(2**site), matrix), np.eye(2 ** (length - site - 1)))

    energy = -transverse / 2 * sum(on(i, x) for i in range(length))
    energy -= coupling / 2 * sum(on(i, z) @ on(i + 1, z) for i in range(length - 1))
    low = np.linalg.eigvalsh(energy)
    return float(low[1] - low[0])


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_a_chain_tunnels_with_the_gap_of_its_states(length: int) -> None:
    for s in (0.45, 0.55, 0.65):
        a, b = map(float, SCALES.at(s))
        strength = 2.0
        # So cold that no wall is in the way.
        fast = TunnellingRates(SCALES, 1e-3, rate=1.0, sweeps_per_us=1e12)
        found = np.sqrt(float(fast.tries_per_us(s, Kind(length, strength))))
        # Perturbation theory is right to the square of A / BJ.
        assert found == pytest.approx(
            amplitude(length, a, b * strength), rel=3 * (a / (b * strength)) ** 2 + 1e-5
        )


def slowest(length: int, cost: float) -> float:
    """The slowest rate at which an open ferromagnetic chain of heat-bath spins forgets, with one try of each
    spin in a unit of time, by the equation of all its states; ``cost`` is 2 beta J.
    """
    states = np.indices((2,) * length).reshape(length, -1).T * 2 - 1
    rates = np.zeros((len(states), len(states)))
    places = 2 ** np.arange(length)[::-1]
    for spin in range(length):
        beside = sum(states[:, k] for k in (spin - 1, spin + 1) if 0 <= k < length)
        turns = 1 / (1 + np.exp(cost * states[:, spin] * beside))
        here = np.arange(len(states))
        rates[here ^ places[spin], here] += turns
        rates[here, here] -= turns
    return float(np.sort(-np.linalg.eigvals(rates).real)[1])


@pytest.mark.parametrize("length", [2, 3, 4, 6, 8])
def test_a_chain_turns_as_walls_wander_through_it(length: int) -> None:
    """A try of the chain turns it half of the times, so that it forgets at the rate of the tries."""
    for s in (0.4, 0.5):
        kind = Kind(length, 1.5)
        fast = TunnellingRates(SCALES, 15.0, rate=1.0, sweeps_per_us=1e12)
        a, b = map(float, SCALES.at(s))
        tunnels = (a / (b * kind.strength)) ** (2 * (length - 1))
        found = float(fast.tries_per_us(s, kind)) / a**2 - tunnels
        cost = 2 * kind.strength * float(fast.inverse_temperature(s))
        # One wall at a time: more are there with a probability of the order of length exp(-cost).
        assert found == pytest.approx(slowest(length, cost), rel=2 * length * np.exp(-cost) + 1e-9)


@pytest.mark.parametrize("name", table_names())
def test_longer_and_stiffer_chains_freeze_earlier(name: str) -> None:
    rates = TunnellingRates(EnergyScales.named(name), 15.0, rate=3000.0, sweeps_per_us=100.0)
    lengths = [rates.freeze_out(ANNEAL, Kind(length, 2.0)) for length in (1, 2, 3, 5, 8, 12, 19)]
    assert all(one > other for one, other in pairwise(lengths))
    strengths = [rates.freeze_out(ANNEAL, Kind(3, strength)) for strength in (0.5, 1.0, 2.0)]
    assert strengths == sorted(strengths, reverse=True)
    assert 0.5 < lengths[0] < 0.75
    slow = rates.freeze_out(np.array([[0.0, 0.0], [2000.0, 1.0]]))
    assert slow > lengths[0]


def test_sweeps_are_as_many_as_the_rates_say_and_in_order() -> None:
    kinds = [QUBIT, Kind(2, 2.0), Kind(5, 2.0)]
    times, of_kind = sweeps([RATES.tries(ANNEAL, kind) for kind in kinds], [0.0, 0.5, 0.999])
    s = np.interp(times, *ANNEAL.T)
    assert (np.diff(s) >= 0).all()
    grid = np.linspace(0, 1, 200_001)
    for k, kind in enumerate(kinds):
        tries = 20 * RATES.tries_per_us(grid, kind)
        expected = float(np.sum((tries[1:] + tries[:-1]) / 2) * (grid[1] - grid[0]))
        assert abs(int((of_kind == k).sum()) - expected) <= 1
        # After the last one there is less than a try.
        left = np.cumsum(tries[::-1])[::-1] / 200_000
        last = s[of_kind == k][-1]
        assert 0 < left[np.searchsorted(grid, last)] < 1.05


def test_over_first_sweeps_by_chance_they_fall_evenly_among_the_tries() -> None:
    """In the mean as many before a time as there are tries, of a spin that hardly turns too."""
    for kind in (QUBIT, Kind(30, 2.0)):
        times, done = RATES.tries(ANNEAL, kind)
        firsts = (np.arange(1000) + 0.5) / 1000
        all_times = [sweeps([(times, done)], [first])[0] for first in firsts]
        assert np.mean([len(found) for found in all_times]) == pytest.approx(done[-1], abs=2e-3)
        for t in (2.0, 6.0, 11.0):
            before = np.mean([np.count_nonzero(found < t) for found in all_times])
            assert before == pytest.approx(np.interp(t, times, done), abs=2e-3)


def test_sweeps_that_do_not_fit_are_refused() -> None:
    fast = TunnellingRates(SCALES, temperature=15.0, rate=1e15, sweeps_per_us=1e12)
    with pytest.raises(MemoryError, match="the sweeps of an anneal do not fit into memory"):
        sweeps([fast.tries(ANNEAL, QUBIT)], [0.5])


def test_a_pause_adds_tries_at_its_s_and_a_reverse_anneal_none_where_nothing_moves() -> None:
    paused = np.array([[0.0, 0.0], [8.0, 0.4], [18.0, 0.4], [30.0, 1.0]])
    times, _ = sweeps([RATES.tries(paused, QUBIT)], [0.5])
    s = np.interp(times, *paused.T)
    more = (np.abs(s - 0.4) < 1e-9).sum()
    assert more == pytest.approx(10 * float(RATES.tries_per_us(0.4)), abs=2)
    shallow = np.array([[0.0, 1.0], [2.0, 0.9], [4.0, 1.0]])
    assert len(sweeps([RATES.tries(shallow, QUBIT)], [0.5])[0]) == 0
    assert RATES.freeze_out(shallow) == 0.0


def test_temperature_of_a_free_qubit() -> None:
    """The answer to a small field of -A/2 sigma_x + B/2 h sigma_z at kT, by its two states."""
    for s in (0.1, 0.4, 0.8):
        a, b = map(float, SCALES.at(s))
        h, kt = 1e-6, BOLTZMANN * 15.0
        gap = np.hypot(a, b * h)
        answer = -b * h / gap * np.tanh(gap / (2 * kt))
        assert -float(RATES.inverse_temperature(s)) * h == pytest.approx(answer, rel=1e-6)
