"""Disjoint paths of qubits, as many as asked for and together as short as can be."""

from __future__ import annotations

import numpy as np

from ..checks import Bools, Floats, Ints
from ..extras import PLAIN, needing

with needing(PLAIN, "an embedding"):
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, vstack

# More than any path can cost: a further path is always worth it.
REWARD = 1e4


def disjoint_paths(edges: Ints, cost: Floats, starts: Bools, ends: Bools, number: int) -> list[list[int]]:
    """Up to `number` paths from a start to an end without a common node, of least total cost.

    A flow with capacity one in every node, as a linear program whose vertices are integral.

    Args:
        edges: (edges, 2) pairs of nodes.
        cost: (nodes,) positive cost of a path for going through a node.
        starts: (nodes,) where paths may start.
        ends: (nodes,) where paths may end.
        number: the most paths.

    Returns:
        The nodes of every path in order.
    """
    nodes = cost.size
    if not edges.size and not (starts & ends).any():
        return []
    first, last = np.nonzero(starts)[0], np.nonzero(ends)[0]
    # Arcs: along every edge both ways, then into the starts, then out of the ends.
    tail = np.concatenate([edges[:, 0], edges[:, 1], np.full(first.size, -1), last])
    head = np.concatenate([edges[:, 1], edges[:, 0], first, np.full(last.size, -1)])
    arcs = np.arange(tail.size)
    shape = (nodes, tail.size)
    enters = csr_array((np.ones((head >= 0).sum()), (head[head >= 0], arcs[head >= 0])), shape)
    leaves = csr_array((np.ones((tail >= 0).sum()), (tail[tail >= 0], arcs[tail >= 0])), shape)
    starting = csr_array((tail < 0).astype(float)[None])
    result = linprog(  # type: ignore[call-overload]  # the stubs know no sparse matrices
        np.where(head >= 0, cost[head], 0.0) - REWARD * (tail < 0),
        A_ub=vstack([enters, starting]),
        b_ub=np.append(np.ones(nodes), number),
        A_eq=enters - leaves,
        b_eq=np.zeros(nodes),
        method="highs-ds",
    )
    used = result.x > 0.5
    following = dict(zip(tail[used & (tail >= 0)].tolist(), head[used & (tail >= 0)].tolist(), strict=True))
    paths = []
    for node in head[used & (tail < 0)].tolist():
        path = []
        while node >= 0:
            path.append(node)
            node = following[node]
        paths.append(path)
    return paths
