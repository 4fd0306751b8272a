"""Anneals a spin glass by the compiled core, with numpy and nothing else: a wheel loads and computes."""

import numpy as np

from ising_ep import _core

spins = 200
rng = np.random.default_rng(0)
rows, cols = np.triu_indices(spins, 1)
values = rng.choice([-1.0, 1.0], len(rows))
fields = rng.normal(size=(1, spins))
model = _core.Model(rows, cols, values, spins)
method = _core.Sweeps(betas=np.geomspace(0.01, 3, 200), gibbs=False, random_order=False)
reads = model.anneal(fields, method, num_reads=64, seed=1, problem_ids=np.zeros(1, np.uint32))
again = model.anneal(fields, method, num_reads=64, seed=1, problem_ids=np.zeros(1, np.uint32), num_threads=1)
states, energies = reads[0][0].astype(float), reads[1][0]

assert np.array_equal(reads[0], again[0]), "other states on another number of threads"
expected = (states[:, rows] * states[:, cols]) @ values + states @ fields[0]
assert np.allclose(energies, expected, rtol=1e-12), "an energy that is not that of its state"
# The ground states of such glasses are at about -0.76 * spins^1.5; states at random are at 0.
assert energies.min() < -0.65 * spins**1.5, energies.min()
print(f"lowest energy of {spins} spins: {energies.min():.1f}")
