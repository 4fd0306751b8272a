"""Parts of a binary quadratic model, which every reader gives, and the model made of them.

Files are not trusted. Sizes are held to the limits below before memory is taken for them, and every index and
label is checked here, because dimod checks none: with a negative index it writes outside its memory.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import dimod
import numpy as np
from numpy.typing import NDArray

from ...checks import MOST_TOTAL, one_of

# Upper bounds with which no file takes more than 2 GiB or 20 s.
MOST_BYTES = 2**28
MOST_COUPLINGS = 8_000_000
MOST_VARIABLES = 2_000_000
# Nodes without an edge that a list may have: they cost the file nothing, but the reader memory.
MOST_ISOLATED = 10**6
VARTYPES = ("SPIN", "BINARY")


class Objective(NamedTuple):
    """Objective of a file as a linear function of the energy: `start + slope * energy` is maximised."""

    name: str
    start: float
    slope: float

    def value(self, energy: float) -> float:
        """Value of the objective at a state of this energy."""
        return self.start + self.slope * energy


class Asked(NamedTuple):
    """Caller's choices for a file: its vartype, and the number of a problem in it, from 1."""

    vartype: str | None = None
    instance: int | None = None


class Parts(NamedTuple):
    """Parts of a binary quadratic model.

    `linear` is (variables,), `rows`, `cols` and `values` are (couplings,), of which one may stand there
    several times: they add up. Without `labels` the variables are numbered from 0.
    """

    linear: NDArray[Any]
    rows: NDArray[Any]
    cols: NDArray[Any]
    values: NDArray[Any]
    vartype: str
    offset: float = 0.0
    labels: Sequence[Any] | None = None
    objective: Objective | None = None


def check_size(variables: int, couplings: int) -> None:
    """Refuses more variables or couplings than are read."""
    for name, number, most in (
        ("variables", variables, MOST_VARIABLES),
        ("couplings", couplings, MOST_COUPLINGS),
    ):
        if number > most:
            raise ValueError(f"{number} {name}, expected at most {most}")


def pair_keys(rows: NDArray[Any], cols: NDArray[Any], variables: int) -> NDArray[np.int64]:
    """One integer for each coupling (couplings,): the same for `i j` and `j i`, in order of the lower end."""
    keys: NDArray[np.int64] = np.minimum(rows, cols).astype(np.int64) * variables + np.maximum(rows, cols)
    return keys


def repeated(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask (couplings,) of the keys that have occurred before."""
    order = np.argsort(keys, kind="stable")
    again = np.zeros(len(keys), dtype=bool)
    again[order[1:]] = keys[order[1:]] == keys[order[:-1]]
    return again


def model(parts: Parts) -> dimod.BinaryQuadraticModel:
    """The model in float64, once its parts are checked."""
    linear, rows, cols, values, vartype, offset, labels, _ = parts
    n = len(linear)
    if not n:
        raise ValueError("no variables, expected at least one")
    check_size(n, len(values))
    if not len(rows) == len(cols) == len(values):
        raise ValueError(f"couplings have {len(rows)} heads, {len(cols)} tails and {len(values)} biases")
    for ends in (rows, cols):
        if not 0 <= ends.min(initial=0) <= ends.max(initial=0) < n:
            raise ValueError(
                f"a coupling joins variables {ends.min()} to {ends.max()}, expected 0 to {n - 1}"
            )
    if (rows == cols).any():
        raise ValueError(f"variable {rows[rows == cols][0]} is coupled to itself")
    one_of("vartype", vartype, VARTYPES)
    linear, values = linear.astype(np.float64), values.astype(np.float64)
    total = abs(offset) + np.abs(linear).sum() + np.abs(values).sum()
    if not total <= MOST_TOTAL:  # nor is nan
        raise ValueError(f"|biases| add up to {total}, expected at most {MOST_TOTAL:g}")
    if labels is not None and len(labels) != n:
        raise ValueError(f"{len(labels)} labels for {n} variables")
    if labels is not None and list(labels) == list(range(n)):
        labels = None  # relabelling would take longer than all the rest
    # dimod keeps neighbours sorted: in this order each comes last, in others all behind it are moved.
    keys = pair_keys(rows, cols, n)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (*np.divmod(keys, n), values),
        offset,
        vartype,  # type: ignore[arg-type]
        variable_order=labels,  # type: ignore[arg-type]
    )
