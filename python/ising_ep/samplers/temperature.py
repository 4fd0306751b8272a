"""Estimates the inverse temperature at which a machine seems to sample.

The reads of a chip follow a Boltzmann distribution roughly at best, and at a temperature that nobody sets: it
depends on the chip, on how strong the couplings are, and on when the spins freeze. Estimates from energies
need the partition function; one from each spin given all others does not.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import Floats, array_of, coupling_arrays, floats, integers
from ..extras import PLAIN, needing

with needing(PLAIN, "effective_beta"):
    from scipy.optimize import brentq
    from scipy.sparse import csr_array
    from scipy.special import expit


@dataclass(frozen=True)
class EffectiveBeta:
    """An inverse temperature, from `effective_beta`.

    Attributes:
        beta: In units of 1 / couplings; infinite if all reads are local minima, negative if spins rather
            stand against their local fields.
        standard_error: Its standard deviation over sets of as many independent reads; nan if it is infinite.
    """

    beta: float
    standard_error: float


def effective_beta(
    states: ArrayLike,
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
    fields: ArrayLike,
    *,
    num_occurrences: ArrayLike | None = None,
) -> EffectiveBeta:
    """The inverse temperature of reads, by maximum pseudo-likelihood.

    In a Boltzmann distribution exp(-beta E) / Z each spin, given all others, is

        P(s_i | rest) = 1 / (1 + exp(2 beta s_i f_i)),   f_i = h_i + sum_j J_ij s_j

    and beta maximises the sum of its logarithms over all spins and reads, which is concave: Besag, J. R.
    Stat. Soc. B 36, 192 (1974); on annealers, Raymond, Yarkoni and Andriyash, Front. ICT 3, 23 (2016). The
    standard error is the sandwich estimate over reads: spins of one read may depend on each other, reads must
    not. Reads that are not of a Boltzmann distribution get the beta of their local excitations.

    Where no spin of any read stands against its local field (s_i f_i <= 0 throughout) the reads are local
    minima, too cold or too few to tell: the likelihood grows for ever, beta is infinite, and a warning says
    so.

    Args:
        states: (reads, spins) of -1 and +1, any integers or floats.
        couplings: (rows, cols, values), each (couplings,). Couplings of the same pair add up.
        fields: (spins,) h, or (reads, spins) where reads are of several problems.
        num_occurrences: (reads,) integers >= 0, how often each read occurred; 1 by default.

    Returns:
        `beta` and its `standard_error`.

    Raises:
        ValueError: A shape, dtype or value that is wrong; no reads; or no spin that has a local field.

    Example:
        Free spins in a field of 1 that are down with probability 0.9: beta = ln(0.9 / 0.1) / 2.

        >>> import numpy as np
        >>> states = np.where(np.arange(1000) % 10 == 0, 1, -1)[:, np.newaxis]
        >>> found = effective_beta(states, ([], [], []), [1.0])
        >>> print(f"{found.beta:.4f} +- {found.standard_error:.4f}")
        1.0986 +- 0.0527
    """
    costs, weights = _costs(states, couplings, fields, num_occurrences)
    some = weights > 0
    if not some.any():
        raise ValueError("num_occurrences are all 0, expected at least one read")
    lowest, highest = costs[some].min(initial=0), costs[some].max(initial=0)
    if lowest == highest == 0:
        raise ValueError("no spin of the reads has a local field: they look the same at any temperature")
    if highest <= 0 or lowest >= 0:
        what, beta = ("minima", np.inf) if highest <= 0 else ("maxima", -np.inf)
        warnings.warn(f"all reads are local {what} of the energy: their beta is {beta}", stacklevel=2)
        return EffectiveBeta(float(beta), np.nan)
    unit = max(highest, -lowest)  # numbers of any size: their squares shall not overflow
    beta, influences = likeliest_beta(costs / unit, weights)
    return EffectiveBeta(beta / unit, float(np.sqrt(weights @ influences**2) / unit))


def likeliest_beta(costs: Floats, weights: Floats) -> tuple[float, Floats]:
    """The beta of the largest pseudo-likelihood, and what each group of reads does to it.

    Args:
        costs: (groups, n) energies that flips set free, each of a spin in a read: some > 0 and some < 0.
        weights: (groups,), how often each group occurred.

    Returns:
        beta, and the influences (groups,): what it changes by for one more group like each. The variance of
        beta is the sum of their squares, each times its weight.

    Example:
        A free spin that stands against a field of 1 in one group of ten.

        >>> costs = np.where(np.arange(10) == 3, 2.0, -2.0)[:, np.newaxis]
        >>> beta, influences = likeliest_beta(costs, np.ones(10))
        >>> print(f"{beta:.4f}, {influences[3]:.2f}, {influences[0]:.3f}")
        1.0986, -0.50, 0.056
    """

    def slope(beta: float) -> float:
        """Derivative of the pseudo-likelihood: falls, from above to below 0."""
        return float(-weights @ (costs * expit(beta * costs)).sum(axis=1))

    start, step = 0.0, float(np.copysign(1, slope(0.0)))
    while slope(step) * step > 0:
        start, step = step, 2 * step
    beta = brentq(slope, start, step, xtol=1e-12, rtol=1e-12)
    excited = expit(beta * costs)
    scores = (costs * excited).sum(axis=1)
    curvature = weights @ (costs**2 * excited * (1 - excited)).sum(axis=1)
    return float(beta), -scores / curvature


def _costs(
    states: ArrayLike,
    couplings: tuple[ArrayLike, ArrayLike, ArrayLike],
    fields: ArrayLike,
    num_occurrences: ArrayLike | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """2 s_i f_i (reads, spins), the energy that a flip of spin i sets free, and the weight of each read."""
    s = array_of("states", states, "fiu", "(reads, spins)")
    wrong = s[np.abs(s) != 1]
    if wrong.size:
        raise ValueError(f"states holds {wrong[0]}, expected -1 or +1")
    if not s.size:
        raise ValueError(f"states has shape {s.shape}, expected at least one read of one spin")
    reads, spins = s.shape
    h = np.asarray(fields)
    h = floats("fields", h, "(reads, spins)" if h.ndim == 2 else "(spins,)")
    if h.shape not in ((spins,), (reads, spins)):
        raise ValueError(f"fields has shape {h.shape}, expected ({spins},) or ({reads}, {spins})")
    rows, cols, values = coupling_arrays(couplings)
    if not len(rows) == len(cols) == len(values):
        raise ValueError(
            f"rows, cols, values have {len(rows)}, {len(cols)}, {len(values)} entries, expected as many"
        )
    for name, index in (("rows", rows), ("cols", cols)):
        for outlier in (index.min(initial=0), index.max(initial=0)):
            if not 0 <= outlier < spins:
                raise ValueError(f"{name} holds spin {outlier}, expected 0 to {spins - 1}")
    if (rows == cols).any():
        raise ValueError(f"a coupling joins spin {rows[rows == cols][0]} to itself")
    for name, numbers in (("values", values), ("fields", h)):
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} holds {numbers[~np.isfinite(numbers)][0]}, expected finite numbers")
    if num_occurrences is None:
        weights = np.ones(reads)
    else:
        given = integers("num_occurrences", num_occurrences, "(reads,)")
        if len(given) != reads or given.min() < 0:
            raise ValueError(f"num_occurrences is {given}, expected {reads} integers >= 0")
        weights = given.astype(np.float64)
    matrix = csr_array((values, (rows, cols)), shape=(spins, spins))
    s = s.astype(np.float64)
    local = s @ (matrix + matrix.T)
    return 2 * s * (local + h), weights
