"""The inverse temperatures that the parameters of dwave-samplers mean."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import floats, integer, one_of

BetaScheduleType = Literal["linear", "geometric", "custom"]


def betas_of_sweeps(
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    num_sweeps_per_beta: int,
    kind: BetaScheduleType,
    custom: ArrayLike | None,
) -> NDArray[np.float64]:
    """The inverse temperature of each sweep."""
    per_beta = integer("num_sweeps_per_beta", num_sweeps_per_beta, 1)
    if num_sweeps is not None:
        num_sweeps = integer("num_sweeps", num_sweeps, 0)
    one_of("beta_schedule_type", kind, get_args(BetaScheduleType))
    if beta_range is None or kind == "custom":
        return _custom_betas(beta_range, num_sweeps, per_beta, custom).repeat(per_beta)
    if custom is not None:
        raise ValueError(f"beta_schedule is given, but beta_schedule_type is {kind!r}, expected 'custom'")
    num_betas, rest = divmod(1000 if num_sweeps is None else num_sweeps, per_beta)
    if rest:
        raise ValueError(f"num_sweeps is {num_sweeps or 1000}, not a multiple of {per_beta} sweeps per beta")
    return _interpolated(kind, beta_range, num_betas).repeat(per_beta)


def _interpolated(kind: str, beta_range: Sequence[float], num_betas: int) -> NDArray[np.float64]:
    if len(beta_range) != 2 or not all(0 <= beta < np.inf for beta in beta_range):
        raise ValueError(f"beta_range is {beta_range}, expected two finite numbers >= 0")
    first, last = beta_range
    if num_betas == 1:
        return np.array([last], dtype=np.float64)
    if kind == "linear":
        return np.linspace(first, last, num_betas)
    if first == 0 or last == 0:
        raise ValueError(f"beta_range is {beta_range}, expected numbers > 0 for a geometric schedule")
    # np.geomspace to the last bit, which takes three times as long to find out what is known here.
    betas: NDArray[np.float64] = 10.0 ** np.linspace(np.log10(first), np.log10(last), num_betas)
    betas[:1], betas[-1:] = first, last
    return betas


def _custom_betas(
    beta_range: Sequence[float] | None, num_sweeps: int | None, per_beta: int, custom: ArrayLike | None
) -> NDArray[np.float64]:
    if custom is None:
        raise ValueError("beta_schedule is None, expected inverse temperatures for a custom schedule")
    betas = floats("beta_schedule", custom, "(betas,)")
    if not betas.size:
        raise ValueError("beta_schedule is empty, expected at least one inverse temperature")
    if num_sweeps is not None and num_sweeps != betas.size * per_beta:
        raise ValueError(
            f"num_sweeps is {num_sweeps}, but beta_schedule has {betas.size} inverse temperatures"
            f" of {per_beta} sweeps each"
        )
    if beta_range is not None and (beta_range[0] != betas[0] or beta_range[-1] != betas[-1]):
        raise ValueError(f"beta_range is {beta_range}, but beta_schedule goes from {betas[0]} to {betas[-1]}")
    return betas


def default_beta_range(
    linear: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any], values: NDArray[Any]
) -> list[float]:
    """The range of dwave-samplers, to the last bit: also the sums of a float32 model stay float32.

    Hot: the spin with the largest sum of |biases| flips against all of them with probability 1/2.
    Cold: the spins with the smallest single |bias| are excited across it with probability 0.01, all
    of them together.
    """
    total = np.abs(linear)
    # Both ends of each coupling in turn: every spin's sum is then taken in dwave-samplers' order.
    ends = np.empty(2 * len(rows), dtype=rows.dtype)
    ends[::2], ends[1::2] = rows, cols
    coupling = np.abs(values).repeat(2)
    smallest = np.where(linear == 0, np.inf, total).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is named below
        np.minimum.at(smallest, ends, np.where(coupling == 0, np.inf, coupling).astype(np.float64))
        np.add.at(total, ends, coupling)
        width = 2 * total.max(initial=0)
    if not np.isfinite(width):
        raise ValueError(f"|biases| of one variable add up to {width / 2}, too much for a default beta_range")
    if width == 0:
        warnings.warn("all biases are zero: beta_range is set to [0.1, 1]", stacklevel=3)
        return [0.1, 1]
    gap = smallest.min()
    with np.errstate(over="ignore"):  # a beta may be inf, which is refused where it is used
        hot = np.log(2) / width
        cold = np.log(np.count_nonzero(smallest == gap) / 0.01) / (2 * gap)
    return [float(hot), float(cold)]
