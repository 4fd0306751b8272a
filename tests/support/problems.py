"""Problems that several tests share."""

import itertools
from fractions import Fraction
from typing import Any

import dimod
import networkx as nx
import numpy as np

from ising_ep import BatchResult
from ising_ep.network import FullyConnected


def random_bqm(seed: int, num_variables: int = 8, vartype: str = "SPIN", dtype: type = np.float64) -> Any:
    rng = np.random.default_rng(seed)
    labels = [f"v{k}" for k in rng.permutation(num_variables)]
    bqm = dimod.BinaryQuadraticModel(vartype, dtype=dtype)
    bqm.add_linear_from((v, float(rng.normal())) for v in labels)
    bqm.offset = float(rng.normal())
    for i, u in enumerate(labels):
        for v in labels[:i]:
            if rng.random() < 0.5:
                bqm.add_quadratic(u, v, float(rng.normal()))
    return bqm


def of_fractions() -> Any:
    """Fractions beside each other, whose ground state is a = 0, b = 1 with the energy -2/3."""
    linear = {"a": Fraction(1, 3), "b": Fraction(-2, 3)}
    return dimod.BinaryQuadraticModel(linear, {"ab": Fraction(1, 2)}, Fraction(0), "BINARY", dtype=object)


def random_batch(seed: int, batch: int = 3, spins: int = 9) -> tuple[tuple[Any, Any, Any], Any]:
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(spins, 1)
    return (rows, cols, rng.normal(size=rows.size)), rng.normal(size=(batch, spins))


def energies_of(couplings: tuple[Any, Any, Any], fields: Any, states: Any) -> Any:
    """E = sum_{i<j} J s s + sum_i h s of (batch, reads, spins), by numpy."""
    rows, cols, values = (np.asarray(part) for part in couplings)
    s = states.astype(np.float64)
    pairs = s[..., rows.astype(int)] * s[..., cols.astype(int)]
    return pairs @ values.astype(np.float64) + np.einsum("brs,bs->br", s, np.asarray(fields, np.float64))


def network_problem(
    network: FullyConnected, images: int, seed: int = 1
) -> tuple[tuple[Any, Any, Any], Any, Any]:
    """Couplings of random parameters, random fields, and the images' numbers, as a machine takes them."""
    rng = np.random.default_rng(seed)
    parameters = {n: rng.uniform(-0.5, 0.5, s).astype(np.float32) for n, s in network.shapes().items()}
    fields = rng.uniform(-1, 1, (images, network.num_spins)).astype(np.float32)
    return network.couplings(parameters), fields, np.arange(images, dtype=np.uint32)


def ground_states(couplings: tuple[Any, Any, Any], fields: Any) -> Any:
    """The states of lowest E, (batch, spins), by enumeration."""
    states = np.array(list(itertools.product((-1, 1), repeat=fields.shape[1])), dtype=np.int8)
    every = energies_of(couplings, fields, np.broadcast_to(states, (len(fields), *states.shape)))
    return states[every.argmin(axis=1)]


def same(a: BatchResult, b: BatchResult) -> bool:
    return np.array_equal(a.states, b.states) and np.array_equal(a.energies, b.energies)


def sparse_batch(seed: int, batch: int, spins: int) -> tuple[tuple[Any, Any, Any], Any]:
    """A ring: no layers of the core's layered kernel when `spins` is odd."""
    rng = np.random.default_rng(seed)
    ring = np.arange(spins)
    return (ring, (ring + 1) % spins, rng.normal(size=spins)), rng.normal(size=(batch, spins))


def layered_batch(seed: int, batch: int, spins: int) -> tuple[tuple[Any, Any, Any], Any]:
    rng = np.random.default_rng(seed)
    rows, cols = (side.ravel() for side in np.meshgrid(range(spins // 2), range(spins // 2, spins)))
    return (rows, cols, rng.normal(size=rows.size)), rng.normal(size=(batch, spins))


def ferromagnet(num_variables: int = 6, vartype: str = "SPIN") -> Any:
    chain = {(v, v + 1): -1.0 for v in range(num_variables - 1)}
    return dimod.BQM({}, chain, 0.0, "SPIN").change_vartype(vartype, inplace=False)


def independent_set(penalty: float, vartype: str = "BINARY", nodes: int = 60) -> Any:
    """-sum w x + P sum x x: with penalties above the weights its minima are the same independent sets."""
    weights = np.random.default_rng(1).integers(1, 11, nodes)
    edges = nx.random_regular_graph(6, nodes, seed=1).edges
    bqm = dimod.BQM(
        {v: -float(w) for v, w in enumerate(weights)}, dict.fromkeys(edges, penalty), 0.0, "BINARY"
    )
    return bqm.change_vartype(vartype, inplace=False)
