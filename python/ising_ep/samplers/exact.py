"""Parts of a problem that can be solved exactly before a search: fixed variables, and narrow graphs."""

from collections.abc import Hashable
from typing import Any

import dimod
import numpy as np

# Biases further apart than this are not told from rounding in the capacities of roof duality.
LARGEST_RATIO = 2.0**40
# Variables and width up to which tables of all states of the tree's bags are small; the solver's recursion is as deep
# as the tree.
SMALL, MOST_VARIABLES, MOST_WIDTH = 18, 1000, 15


def fixed_variables(bqm: dimod.BinaryQuadraticModel) -> tuple[float, dict[Hashable, int]]:
    """Find variables that have one value in all ground states, by roof duality.

    After Boros and Hammer, "Pseudo-Boolean optimization" (Discrete Appl. Math. 123, 155, 2002), as in
    dwave-preprocessing.

    Returns:
        A lower bound of the energy, -inf where none was looked for, and the values.
    """
    sizes = np.abs(np.fromiter((*bqm.linear.values(), *bqm.quadratic.values()), np.float64))
    sizes = sizes[sizes > 0]
    if not sizes.size or sizes.max() > LARGEST_RATIO * sizes.min():
        return -np.inf, {}
    from dwave.preprocessing.lower_bounds import roof_duality

    bound, values = roof_duality(bqm)
    return float(bound), dict(values)


def ground_state_of_narrow(bqm: dimod.BinaryQuadraticModel) -> Any:
    """Find a ground state by dynamic programming along a tree decomposition, where the graph is narrow enough.

    Returns:
        The sample set of dwave-samplers with one row, or None where the graph is too wide or too large.
    """
    order = list(bqm.variables)
    if len(order) > SMALL:
        if len(order) > MOST_VARIABLES or bqm.num_interactions > 2 * len(order):
            return None
        import networkx as nx
        from dwave.graphs import min_width_heuristic

        graph = nx.Graph(bqm.quadratic)
        graph.add_nodes_from(bqm.variables)
        width, order = min_width_heuristic(graph)
        if width > MOST_WIDTH:
            return None
    if not order:
        return None
    from dwave.samplers import TreeDecompositionSolver

    return TreeDecompositionSolver().sample(bqm, elimination_order=order)
