"""What the commands say and ask about a QPU."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..printable import one_line
from .options import option

if TYPE_CHECKING:
    from ..machines import Machine
    from ..qpu.dispatch import QPU

F = TypeVar("F", bound=Callable[..., Any])

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


def connect(
    solver: str | None = None,
    *,
    max_qpu_time: float | None = None,
    when_offline: Any = None,
    answer_timeout: float | None = None,
) -> QPU:
    """The QPU that the client's configuration chooses, or the solver of that name; no journal is kept yet."""
    from ..qpu.connection import Connection
    from ..qpu.dispatch import ANSWER_TIMEOUT, QPU
    from ..qpu.journal import Journal

    logger = logging.getLogger("ising_ep")
    if not logger.handlers:
        logger.addHandler(_Lines())
        logger.setLevel(logging.INFO)
    connection = Connection.open(solver)
    qpu = QPU(
        connection,
        Journal(None),
        max_access_time=max_qpu_time,
        when_offline=when_offline or "wait",
        answer_timeout=answer_timeout or ANSWER_TIMEOUT,
    )
    click.echo(one_line(f"Solver {connection.name}, {qpu.chip}, working graph {qpu.chip.graph_id}"), err=True)
    if not qpu.reverses:
        click.echo(
            "The solver does not anneal in reverse: nudged problems are annealed forward, from no state",
            err=True,
        )
    return qpu


def cost(machine: Machine) -> str:
    """What a chip was asked for."""
    used = machine.usage
    return (
        f"{used.problems:,} problems on the chip, {used.chain_break_fraction:.2%} of chains broken,"
        f" QPU access time {used.access_time:.3f} s"
    )


class _Lines(logging.Handler):
    """What the dispatch has to say, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(one_line(record.getMessage()), err=True)
