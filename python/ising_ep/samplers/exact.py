"""Parts of a problem solved exactly before a search: fixed and eliminated variables, and narrow graphs."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, cast

import dimod
import numpy as np
from numpy.typing import NDArray

from .. import _core
from .spin_form import spin_form

# Biases further apart than this are not told from the rounding of sums of others.
LARGEST_RATIO = 2.0**30
# Smaller biases may lose bits by a change of vartype, as numbers below 2^-1022 have fewer.
SMALLEST = 2.0**-960
# Couplings for each variable beyond which hardly one can be eliminated, and lists of all would be long.
MOST_COUPLINGS = 50
# Variables and width up to which the tables of the tree's bags are small; the solver's recursion is as deep
# as the tree. To look for an order of the variables of a graph takes seconds if they have many neighbours.
SMALL, MOST_VARIABLES, MOST_WIDTH, MOST_PAIRS = 18, 1000, 15, 2.5


def fixed_variables(bqm: dimod.BinaryQuadraticModel) -> tuple[float, dict[Hashable, int]]:
    """Find values that variables have in a ground state, all of them together, by roof duality.

    After Boros and Hammer, "Pseudo-Boolean optimization" (Discrete Appl. Math. 123, 155, 2002), as in
    dwave-preprocessing.

    Returns:
        A lower bound of the energy, -inf where none was looked for, and the values.
    """
    if not _has_comparable_biases(bqm):
        return -np.inf, {}
    vectors: Any = spin_form(bqm).to_numpy_vectors()  # annotated as if with labels
    linear, (_, _, values), offset = vectors
    if not linear.any():  # a state is as good as its opposite, so none of its values can be told
        return float(offset - np.abs(values).sum()), {}
    from dwave.preprocessing.lower_bounds import roof_duality

    # Variables 0 to n - 1 in another order are taken for each other by version 0.6.11.
    labels, given = list(bqm.variables), cast(Any, bqm)  # without types
    bound, values = roof_duality(given.relabel_variables({v: k for k, v in enumerate(labels)}, inplace=False))
    return float(bound), {labels[k]: value for k, value in values.items()}


@dataclass(frozen=True)
class Eliminated:
    """A problem without the spins that are best told from the others.

    Attributes:
        bqm: What is left of it, in spins.
        given: The variables of the problem, as columns of expanded states.
        core: How to find the spins that are gone.
    """

    bqm: dimod.BinaryQuadraticModel
    given: list[Hashable]
    core: _core.Elimination

    @classmethod
    def of(cls, bqm: dimod.BinaryQuadraticModel) -> "Eliminated | None":
        """What is left of a problem, or None if no spin can be eliminated."""
        if bqm.num_interactions > MOST_COUPLINGS * bqm.num_variables or not _has_comparable_biases(bqm):
            return None
        vectors: Any = spin_form(bqm).to_numpy_vectors(return_labels=True)  # annotated as if without labels
        linear, (rows, cols, values), offset, labels = vectors
        core = _core.Elimination(rows.astype(np.int64), cols.astype(np.int64), values, linear)
        given, kept = list(labels), core.kept.tolist()
        if len(kept) == len(given):
            return None
        left = dimod.BinaryQuadraticModel.from_numpy_vectors(
            core.fields,
            (core.rows, core.cols, core.values),
            float(offset) + core.constant,
            dimod.SPIN,
            variable_order=[given[k] for k in kept],
        )
        return cls(left, given, core)

    def expanded(self, states: NDArray[np.int8], labels: list[Hashable]) -> NDArray[np.int8]:
        """States (states, given) of -1 and +1: the lowest for states (states, labels) of what is left."""
        place = {label: k for k, label in enumerate(labels)}
        columns = [place[label] for label in self.bqm.variables]
        return self.core.expand(np.ascontiguousarray(states[:, columns]))


def ground_state_of_narrow(bqm: dimod.BinaryQuadraticModel) -> Any:
    """Find a ground state by dynamic programming along a tree decomposition, if the graph is narrow.

    Returns:
        The sample set of dwave-samplers with one row, or None where the graph is too wide or too large.
    """
    order = list(bqm.variables)
    if not _has_comparable_biases(bqm):
        return None
    if len(order) > SMALL:
        if len(order) > MOST_VARIABLES or bqm.num_interactions > MOST_PAIRS * len(order):
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


def _has_comparable_biases(bqm: dimod.BinaryQuadraticModel) -> bool:
    """Whether no two biases other than 0 are too far apart, and none is too small."""
    linear, (_, _, values), *_ = bqm.to_numpy_vectors()
    sizes = np.abs(np.concatenate((linear, values)))
    sizes = sizes[sizes > 0]
    return not sizes.size or bool(max(sizes.max() / LARGEST_RATIO, SMALLEST) <= sizes.min())


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
