"""Budget of a run on a QPU, which stays with the run's folder, and the messages about the budget.

All that is asked for in a run folder counts, in all sessions, evaluations included. More is spent only where
the user says so: by ``train --resume --max-qpu-time``, which replaces the budget, or by ``--max-qpu-time`` of
an evaluation, for that evaluation alone.
"""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..datasets import Dataset
    from ..qpu.cost import Estimate
    from ..qpu.journal import Journal
    from ..qpu.machine import QPUMachine
    from ..training.run_folder import RunFolder
    from ..training.state import TrainState

# Options of `train` that a run folder does not keep, and that say how a run is to go on.
NOT_KEPT = ("checkpoint_every", "scheduler", "when_offline", "answer_timeout")


def of_new(limits: dict[str, Any]) -> float | None:
    """The budget of a run that begins; None for no limit."""
    asked: float | None = limits["max_qpu_time"]
    return None if asked == math.inf else asked


def of_resumed(run: RunFolder, limits: dict[str, Any]) -> float | None:
    """The budget of a run that goes on: its own, unless another is asked for."""
    return run.max_qpu_time if limits["max_qpu_time"] is None else of_new(limits)


def check_resumed(run: RunFolder, state: TrainState | None, journal: Journal, budget: float | None) -> None:
    """Says what is spent of the budget, and of another one in whose place it comes.

    Raises:
        ValueError: If another one is asked for, and more is spent already.
    """
    spent = _spent(state, journal)
    if budget != run.max_qpu_time and budget is not None and budget < spent:
        raise ValueError(
            f"--max-qpu-time is {budget:g}, but the run has spent {spent:.3f} s of QPU access time already;"
            " it counts all sessions of the run"
        )
    before = "" if budget == run.max_qpu_time else f", in place of {_limit(run.max_qpu_time)}"
    click.echo(f"QPU access time spent by the run: {spent:.3f} s of {_limit(budget)}{before}", err=True)


def check_evaluation(
    run: RunFolder,
    machine: QPUMachine,
    journal: Journal,
    num_images: int,
    spent: float,
    asked: float | None,
) -> float | None:
    """Says what an evaluation costs; gives what the journal may count for when it has ended.

    Args:
        run: Whose network is evaluated.
        machine: With the QPU and all copies of the network.
        journal: Its series is the evaluation.
        num_images: How many are evaluated.
        spent: Seconds that the run has taken, more than the journal says if it was lost.
        asked: Seconds that the evaluation may take; None for what the budget of the run leaves.

    Raises:
        ValueError: If it takes more than is allowed, by the estimate.
    """
    from ..qpu.cost import duration, evaluation

    cost = evaluation(run.config, num_images, machine.annealer.chip, machine.embedding)
    known = min(journal.num_counted(), cost.calls)
    calls = "1 call" if cost.calls == 1 else f"{cost.calls:,} calls"
    text = f"QPU access time {duration(cost.qpu_seconds)} in {calls}"
    click.echo(f"{text}, of which {known:,} were sent before" if known else text, err=True)
    own, counted = journal.committed(journal.series), journal.committed()
    ahead = (cost.calls - known) * cost.call_seconds
    if asked is not None and own + ahead > asked:
        raise ValueError(
            f"--max-qpu-time is {asked:g}, but the evaluation takes about {own + ahead:.3f} s of QPU access"
            " time in all"
        )
    if asked is None and run.max_qpu_time is not None and spent + ahead > run.max_qpu_time:
        raise ValueError(
            f"the evaluation takes about {ahead:.3f} s of QPU access time, but {spent:.3f} s of the"
            f" {run.max_qpu_time:g} s that the run may take are spent; --max-qpu-time"
            f" {rounded_up(own + ahead)} allows it"
        )
    if asked is not None:
        return counted - own + asked
    return None if run.max_qpu_time is None else run.max_qpu_time - (spent - counted)


def forecast(config: TrainConfig, dataset: Dataset, machine: QPUMachine) -> Estimate:
    """Estimates the cost of a run."""
    from .. import training
    from ..qpu.cost import estimate

    images = len(dataset.x_train), len(dataset.x_test)
    network = training.network_of(config, dataset)
    return estimate(config, network, *images, machine.annealer.chip, machine.embedding)


def enough(run: RunFolder, dataset: Dataset, state: TrainState | None, machine: QPUMachine) -> str:
    """A budget that lets the run come to its end, as option."""
    epoch = 0 if state is None else state.epoch
    means = max(run.config.mean_field_epochs - epoch, 0)
    left = run.config.model_copy(update={"epochs": run.config.epochs - epoch, "mean_field_epochs": means})
    spent = _spent(state, machine.annealer.journal)
    return f"--max-qpu-time {rounded_up(spent + forecast(left, dataset, machine).qpu_seconds)}"


def go_on(context: click.Context, run: RunFolder, *more: str) -> str:
    """The command that goes on with a run as it was begun: what its folder does not keep is said again."""
    words = ["ising-ep", "train", "--resume", shlex.quote(str(run.path))]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in NOT_KEPT and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            words += [parameter.opts[0], shlex.quote(str(context.params[name]))]
    return " ".join([*words, *more])


def rounded_up(seconds: float) -> str:
    """Seconds with three digits, not less than they are.

    Example:
        >>> rounded_up(12.3401), rounded_up(0.16833), rounded_up(2.0), rounded_up(81234.5)
        ('12.4', '0.169', '2', '81300')
    """
    step = 10.0 ** (math.floor(math.log10(seconds)) - 2)
    return f"{math.ceil(seconds / step * (1 - 1e-12)) * step:.15g}"


def _spent(state: TrainState | None, journal: Journal) -> float:
    """Seconds that a run has taken, by the journal of its training and its last checkpoint."""
    return journal.spent(journal.series, 0.0 if state is None else state.usage.access_time)


def _limit(budget: float | None) -> str:
    return "no limit" if budget is None else f"{budget:g} s"
