"""One small problem through dimod, the whole call: dwave-samplers beside ising-ep, interleaved, medians.

python benchmarks/small_call.py
"""

from statistics import median
from time import perf_counter
from typing import Any

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

from ising_ep import SimulatedAnnealingSampler

SPINS = 20
ROUNDS = 1500
SAMPLERS = {"dwave-samplers": DWaveSampler(), "ising-ep": SimulatedAnnealingSampler()}


def problem(vartype: str) -> dimod.BinaryQuadraticModel:
    rng = np.random.default_rng(0)
    bqm = dimod.BinaryQuadraticModel(vartype)
    for v in range(SPINS):
        bqm.add_linear(v, rng.normal())
        for u in range(v):
            if rng.random() < 0.5:
                bqm.add_quadratic(u, v, rng.normal())
    return bqm


def medians(bqm: dimod.BinaryQuadraticModel, **kwargs: Any) -> dict[str, float]:
    """Seconds of a call."""
    seconds: dict[str, list[float]] = {name: [] for name in SAMPLERS}
    for _ in range(ROUNDS):
        for name, sampler in SAMPLERS.items():
            started = perf_counter()
            sampler.sample(bqm, num_reads=1, num_sweeps=100, **kwargs)
            seconds[name].append(perf_counter() - started)
    return {name: median(all_of_them) for name, all_of_them in seconds.items()}


if __name__ == "__main__":
    for vartype in ("SPIN", "BINARY"):
        for text, kwargs in (("given", {"beta_range": [0.1, 5]}), ("default", {})):
            times = medians(problem(vartype), **kwargs)
            theirs, ours = (1e6 * seconds for seconds in times.values())
            print(f"| {vartype}, {text} | {theirs:.0f} us | {ours:.0f} us | {theirs / ours:.1f}x |")
