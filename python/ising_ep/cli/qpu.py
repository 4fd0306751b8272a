"""Messages and questions of the commands about a QPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .options import option

if TYPE_CHECKING:
    from ..machines import Machine
    from ..qpu.machine import QPUMachine
    from ..training.run_folder import RunFolder

F = TypeVar("F", bound=Callable[..., Any])

# The series of a run's training in its journal; each evaluation is one of its own.
TRAIN = "train"
# A week.
LONGEST_TIMEOUT = 604800.0


class Seconds(click.FloatRange):
    """Seconds, of which `nan` are none."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds


def qpu_options(budget: str) -> Callable[[F], F]:
    """Options of what is asked of a QPU that do not change its result.

    Args:
        budget: What the help says of ``--max-qpu-time``.
    """

    def decorate(command: F) -> F:
        for each in (
            option(
                "--answer-timeout",
                type=Seconds(1, LONGEST_TIMEOUT),
                help="Seconds until a problem that runs is cancelled and asked for anew.  [default: 600]",
                title="QPU",
            ),
            option(
                "--when-offline",
                type=click.Choice(["wait", "stop"]),
                help="When the solver goes offline: wait, or stop, to go on later.  [default: wait]",
                title="QPU",
            ),
            option("--max-qpu-time", type=Seconds(0, min_open=True), help=budget, title="QPU"),
        ):
            command = each(command)
        return command

    return decorate


def on_qpu(machine: Machine) -> QPUMachine | None:
    """The machine, if what it does is asked of a QPU and paid for."""
    from ..qpu.machine import QPUMachine

    return machine if isinstance(machine, QPUMachine) else None


def keep_journal(machine: QPUMachine, run: RunFolder, series: str = TRAIN) -> None:
    """Writes all that the QPU is asked for down in the run folder, from now on."""
    from ..qpu.journal import Journal
    from ..training.run_folder import JOURNAL

    hold_to_the_end(run)
    if series == TRAIN:
        run.check_embedding(machine.embedding.name)
    begun, name = run.solver() is not None, run.name_at_solver()
    qpu = machine.annealer
    journal = Journal(run.path / JOURNAL, series, name or run.name)
    qpu.keep_journal(journal)
    if begun and journal.is_new:
        found = (
            "is looked up at the service by its labels" if name else "since the last checkpoint is sent again"
        )
        click.echo(f"{run.path / JOURNAL} is missing or empty: what was sent {found}", err=True)
    if name is None:
        connection = qpu.connection
        run.keep_solver(
            {
                "name": connection.name,
                "version": connection.version,
                "graph_id": qpu.chip.graph_id,
                "run": journal.run,
                "embedding": machine.embedding.name,
                **connection.properties,
            }
        )


def hold_to_the_end(run: RunFolder) -> None:
    """Keeps other processes from writing to the run until the command ends."""
    run.hold()
    click.get_current_context().call_on_close(run.close)
