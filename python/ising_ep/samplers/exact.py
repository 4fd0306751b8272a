"""Parts of a problem that can be solved exactly before a search: fixed variables, and narrow graphs."""

from collections.abc import Hashable
from typing import Any

import dimod
import numpy as np

# Biases further apart than this are not told from rounding in the capacities of roof duality.
LARGEST_RATIO = 2.0**40
# Variables and width up to which the tables of the tree's bags are small; the solver's recursion is as deep
# as the tree.
SMALL, MOST_VARIABLES, MOST_WIDTH = 18, 1000, 15


def fixed_variables(bqm: dimod.BinaryQuadraticModel) -> tuple[float, dict[Hashable, int]]:
    """Find values that variables have in a ground state, all of them together, by roof duality.

    After Boros and Hammer, "Pseudo-Boolean optimization" (Discrete Appl. Math. 123, 155, 2002), as in
    dwave-preprocessing.

    Returns:
        A lower bound of the energy, -inf where none was looked for, and the values.
    """
    linear, (_, _, values), *_ = bqm.to_numpy_vectors()
    sizes = np.abs(np.concatenate((linear, values)))
    sizes = sizes[sizes > 0]
    if not sizes.size or sizes.max() > LARGEST_RATIO * sizes.min():
        return -np.inf, {}
    from dwave.preprocessing.lower_bounds import roof_duality

    bound, values = roof_duality(bqm)
    return float(bound), dict(values)


def ground_state_of_narrow(bqm: dimod.BinaryQuadraticModel) -> Any:
    """Find a ground state by dynamic programming along a tree decomposition, if the graph is narrow.

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

    solver: Any = TreeDecompositionSolver  # without types
    return solver().sample(bqm, elimination_order=order)


def without(bqm: dimod.BinaryQuadraticModel, fixed: dict[Hashable, int]) -> dimod.BinaryQuadraticModel:
    """The problem of the other variables, where some have the values given.

    dimod's `fix_variables` takes a time that grows with the square of their number.
    """
    vectors: Any = bqm.to_numpy_vectors(return_labels=True)  # annotated as if without labels
    linear, (rows, cols, values), offset, labels = vectors
    linear, values = linear.astype(np.float64), values.astype(np.float64)
    is_left = np.array([label not in fixed for label in labels])
    value_of = np.array([fixed.get(label, 0) for label in labels], dtype=np.float64)
    # A fixed end makes a field of a coupling, and two of them a number.
    np.add.at(linear, rows, values * value_of[cols] * is_left[rows])
    np.add.at(linear, cols, values * value_of[rows] * is_left[cols])
    both = ~is_left[rows] & ~is_left[cols]
    offset = float(offset) + linear[~is_left] @ value_of[~is_left]
    offset += (values * value_of[rows] * value_of[cols])[both].sum()
    place = np.cumsum(is_left) - 1
    pairs = is_left[rows] & is_left[cols]
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear[is_left],
        (place[rows[pairs]], place[cols[pairs]], values[pairs]),
        offset,
        bqm.vartype,
        variable_order=[label for label in labels if label not in fixed],
    )
