"""How many sweeps stand for a microsecond on the chip model, and at which temperature.

    python -m benchmarks.machines.chip_model [--problems 10]

Problems of the size of training, K(120, 40) with |h| <= 4 and |J| <= 0.5 times a scale, on chains of J = -1
on a Zephyr chip (minorminer's biclique), 10 reads of 20 us. Shown are milliseconds a problem on one thread,
the fraction of broken chains, and energies in units of the scale, after a majority vote, mean over the reads
and lowest, above the lowest that long anneals of the problem itself find. "direct" is the same schedule of
inverse temperatures on the problem without chains.
"""

import time
from typing import Any

import click
import numpy as np
from minorminer.busclique import busgraph_cache
from numpy.typing import NDArray

from ising_ep import SimulatedAnnealingSampler, unembed
from ising_ep.chip import Chip
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.chip_rates import QUBIT, sweeps

HIDDEN, OUTPUTS, READS = 120, 40, 10
ANNEAL = [(0.0, 0.0), (20.0, 1.0)]
SPINS = HIDDEN + OUTPUTS
# Model, mK, what h and J of the problem are multiplied with, errors of h and J, sweeps per microsecond.
RUNS: list[tuple[Any, float, float, bool, tuple[float, ...]]] = [
    ("thermal", 15.0, 1.0, True, (1, 5, 20, 100)),
    ("thermal", 15.0, 0.5, True, (1, 2, 5, 10, 20, 50, 100, 500)),
    ("thermal", 15.0, 0.5, False, (5, 20, 100)),
    ("thermal", 15.0, 0.25, True, (1, 5, 20, 100)),
    ("thermal", 46.0, 0.5, True, (5, 20, 100)),
    ("thermal", 100.0, 0.5, True, (5, 20, 100)),
    ("quantum", 15.0, 0.5, True, (5, 20)),
    ("quantum", 46.0, 0.5, True, (5, 20)),
]


def embedded(chip: Chip) -> tuple[Any, ...]:
    """Qubits, the spin of each; couplers, and of each its logical coupling, or -1 within a chain."""
    chains = busgraph_cache(chip.graph).find_biclique_embedding(HIDDEN, OUTPUTS)
    spin_of = np.full(chip.qubits.max() + 1, -1)
    for spin, chain in chains.items():
        spin_of[list(chain)] = spin
    used = spin_of[chip.couplers]
    inside = (used[:, 0] == used[:, 1]) & (used[:, 0] >= 0)
    low, high = used.min(axis=1), used.max(axis=1)
    between = (low >= 0) & (low < HIDDEN) & (high >= HIDDEN)
    logical = np.where(between, low * OUTPUTS + high - HIDDEN, -1)
    kept = inside | between
    qubits = chip.qubits[spin_of[chip.qubits] >= 0]
    return qubits, spin_of[qubits], chip.couplers[kept], logical[kept]


@click.command()
@click.option("--problems", default=10, show_default=True, type=click.IntRange(1))
def main(problems: int) -> None:
    """Time and energies of the chip model, by temperature and sweeps to a microsecond.

    \b
    Example: python -m benchmarks.machines.chip_model --problems 1
    """
    chip = Chip.perfect("zephyr", 12)
    qubits, spin_of, couplers, logical = embedded(chip)
    lengths = np.bincount(spin_of)
    print(f"{len(qubits)} qubits, {len(couplers)} couplers, chains of {lengths.min()} to {lengths.max()}")

    rng = np.random.default_rng(1)
    h = rng.uniform(-4, 4, (problems, SPINS))
    j = rng.uniform(-0.5, 0.5, (problems, HIDDEN * OUTPUTS))
    chains = [np.flatnonzero(spin_of == spin) for spin in range(SPINS)]
    shared = np.bincount(logical[logical >= 0], minlength=j.shape[1])
    fields = (h / lengths)[:, spin_of]
    rows, cols = np.divmod(np.arange(HIDDEN * OUTPUTS), OUTPUTS)

    def energies(states: NDArray[np.int8]) -> NDArray[np.float64]:
        s = states.astype(np.float64)
        pairs = s[..., rows] * s[..., cols + HIDDEN]
        return np.einsum("prc,pc->pr", pairs, j) + np.einsum("prs,ps->pr", s, h)

    def direct(betas: NDArray[np.float64], reads: int) -> NDArray[np.float64]:
        found = [
            SimulatedAnnealingSampler.sample_batch(
                (rows, cols + HIDDEN, j[p]), h[p : p + 1], num_reads=reads, beta_schedule=betas, seed=p
            ).energies
            for p in range(problems)
        ]
        return np.concatenate(found)

    best = direct(np.geomspace(0.1, 20, 3000), 64).min(axis=1, keepdims=True)
    print(f"lowest energies: {best.mean():.1f} on average")
    print("model    mK  scale  noise  sweeps/us      ms  broken   mean  lowest | direct: mean  lowest")
    for name, temperature, scale, noise, rates in RUNS:
        couplings = np.where(logical < 0, -1.0, scale * (j / shared)[:, logical])
        for rate in rates:
            errors = None if noise else ChipErrors.none()
            model = ChipModel(
                chip, name, temperature=temperature, sweeps_per_us=rate, errors=errors, num_threads=1
            )
            call: dict[str, Any] = {"schedule": ANNEAL, "num_reads": READS, "seed": 1}
            started = time.perf_counter()
            states = model.sample(qubits, couplers, scale * fields, couplings, **call)
            each = (time.perf_counter() - started) / problems
            found = unembed(states.reshape(-1, len(qubits)), chains, seed=0)
            broken = found.broken.mean()
            gap = energies(found.states.reshape(problems, READS, SPINS)) - best
            times, _ = sweeps([model.rates.tries(np.array(ANNEAL), QUBIT)], [0.5])
            s = np.interp(times, *np.transpose(ANNEAL))
            plain = direct(scale * model.rates.inverse_temperature(s), READS) - best
            print(
                f"{name:8} {temperature:3.0f} {scale:6.2f}  {'yes' if noise else 'no':5} {rate:9}"
                f" {1e3 * each:7.1f} {broken:7.4f} {gap.mean():6.1f} {gap.min(axis=1).mean():7.1f} |"
                f" {plain.mean():11.1f} {plain.min(axis=1).mean():7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
