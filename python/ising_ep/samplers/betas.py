"""The inverse temperatures that the parameters of dwave-samplers mean."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import as_float, floats, integer, one_of, require_memory

BetaScheduleType = Literal["linear", "geometric", "custom"]


def betas_of_sweeps(
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    num_sweeps_per_beta: int,
    kind: BetaScheduleType,
    custom: ArrayLike | None,
    custom_name: str = "beta_schedule",
) -> NDArray[np.float64]:
    """The inverse temperature of each sweep. It may be infinite, as in dwave-samplers."""
    per_beta = integer("num_sweeps_per_beta", num_sweeps_per_beta, 1)
    if num_sweeps is not None:
        num_sweeps = integer("num_sweeps", num_sweeps, 0)
        require_memory(
            f"{num_sweeps} sweeps", 24 * num_sweeps
        )  # the schedule, and two steps on the way to it
    one_of("beta_schedule_type", kind, get_args(BetaScheduleType))
    if kind == "custom":
        return _custom_betas(beta_range, num_sweeps, per_beta, custom, custom_name).repeat(per_beta)
    if custom is not None:
        raise ValueError(f"{custom_name} is given, but beta_schedule_type is {kind!r}, expected 'custom'")
    num_sweeps = 1000 if num_sweeps is None else num_sweeps
    num_betas, rest = divmod(num_sweeps, per_beta)
    if rest:
        raise ValueError(f"num_sweeps is {num_sweeps}, not a multiple of {per_beta} sweeps per beta")
    return _interpolated(kind, beta_range, num_betas).repeat(per_beta)


def _interpolated(kind: str, beta_range: Any, num_betas: int) -> NDArray[np.float64]:
    if not isinstance(beta_range, Iterable):
        raise TypeError(f"beta_range is {beta_range!r}, expected two numbers >= 0")
    ends = [as_float("beta_range", beta) for beta in beta_range]
    if len(ends) != 2 or not all(beta >= 0 for beta in ends):  # nor is nan
        raise ValueError(f"beta_range is {beta_range!r}, expected two numbers >= 0")
    first, last = ends
    if num_betas == 1:
        return np.array([last])
    if kind == "geometric" and not (first and last):
        raise ValueError(f"beta_range is {beta_range!r}, expected numbers > 0 for a geometric schedule")
    if np.inf in ends:
        # An infinite end makes all values between the ends infinite.
        betas = np.full(num_betas, np.inf)
    elif kind == "linear":
        return np.linspace(first, last, num_betas)
    else:
        # np.geomspace to the last bit, which takes three times as long to find out what is known here.
        betas = 10.0 ** np.linspace(np.log10(first), np.log10(last), num_betas)
    betas[:1], betas[-1:] = first, last
    return betas


def _custom_betas(
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    per_beta: int,
    custom: ArrayLike | None,
    name: str,
) -> NDArray[np.float64]:
    if custom is None:
        raise ValueError(f"{name} is None, expected inverse temperatures for a custom schedule")
    betas = floats(name, custom, "(betas,)")
    wrong = betas[~(betas >= 0)]  # nan too
    if wrong.size:
        raise ValueError(f"{name} holds {wrong[0]}, expected numbers >= 0")
    if not betas.size:
        raise ValueError(f"{name} is empty, expected at least one inverse temperature")
    if num_sweeps is not None and num_sweeps != betas.size * per_beta:
        raise ValueError(
            f"num_sweeps is {num_sweeps}, but {name} has {betas.size} inverse temperatures"
            f" of {per_beta} sweeps each"
        )
    if beta_range is not None and not np.array_equal(
        floats("beta_range", beta_range, "(2,)"), betas[[0, -1]]
    ):
        raise ValueError(f"beta_range is {beta_range}, but {name} goes from {betas[0]} to {betas[-1]}")
    return betas
