"""What the commands say and ask about a QPU."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .printable import one_line

if TYPE_CHECKING:
    from .machines.qpu import QPU

F = TypeVar("F", bound=Callable[..., Any])


def qpu_options(command: F) -> F:
    """Options of a run on a QPU that do not change its result."""
    for option in (
        click.option(
            "--answer-timeout",
            type=click.FloatRange(1),
            help="Seconds until a problem that runs is cancelled and asked for anew.  [default: 600]",
        ),
        click.option(
            "--when-offline",
            type=click.Choice(["wait", "stop"]),
            help="When the solver goes offline: wait, or stop at a checkpoint.  [default: wait]",
        ),
        click.option(
            "--max-qpu-time",
            type=click.FloatRange(0, min_open=True),
            help="Seconds of QPU access time after which the run stops at a checkpoint.  [default: no limit]",
        ),
    ):
        command = option(command)
    return command


def connect(
    solver: str | None = None,
    *,
    max_qpu_time: float | None = None,
    when_offline: Any = None,
    answer_timeout: float | None = None,
) -> QPU:
    """The QPU that the client's configuration chooses, or the solver of that name; no journal is kept yet."""
    from .journal import Journal
    from .machines.connection import Connection
    from .machines.qpu import ANSWER_TIMEOUT, QPU

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


class _Lines(logging.Handler):
    """What the dispatch has to say, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(one_line(record.getMessage()), err=True)
