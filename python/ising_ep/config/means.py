"""The first epochs of a run, of means in place of spins: what they multiply, and checks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checks import check_step

if TYPE_CHECKING:
    from .run import TrainConfig

# Settings that are learning rates.
RATES = ("learning_rate", "bias_learning_rate", "coupling_learning_rate")


def check_means(config: TrainConfig) -> None:
    """Refuses a nudge, rates and a number of these epochs that do not fit the run, by a ValueError."""
    if config.mean_field_nudge == 0:
        raise ValueError("mean_field_nudge is 0, expected another number")
    means = config.of_means()
    try:
        check_step(means.nudge, *(getattr(means, rate) or 0 for rate in RATES))
    except ValueError as error:
        what = f"mean_field_rate {config.mean_field_rate:g} and mean_field_nudge {means.nudge:g}"
        raise ValueError(f"with {what} {error}") from None
    if config.mean_field_epochs >= config.epochs:
        raise ValueError(
            f"mean_field_epochs is {config.mean_field_epochs}, expected less than the {config.epochs} epochs;"
            " take machine mean-field for means in all of them"
        )
    if config.mean_field_epochs and config.machine_settings.levels != (-1, 1):
        low, high = config.machine_settings.levels
        raise ValueError(
            f"mean_field_epochs is {config.mean_field_epochs}, but machine {config.machine} has neurons of"
            f" {low} and {high}, expected spins of -1 and 1"
        )
