"""How far units are: a bar on a terminal, a line for each elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from ising_ep.cli.progress import WIDE
from ising_ep.cli.screen import drawable


class Shown(Protocol):
    """What is told of the progress of units."""

    def running(self, names: Sequence[str]) -> None:
        """Takes the names of the units under way, at the beginning and whenever they change."""

    def done(self, name: str, seconds: float) -> None:
        """Takes a unit that has finished, and the seconds that it took."""


@contextmanager
def shown_on_stderr(total: int) -> Iterator[Shown]:
    """A bar over so many units, or lines where no bar can be drawn."""
    console = drawable()
    if console is None:
        yield _Lines(total)
        return
    names = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), names)
    with Progress(*columns[console.width < WIDE :], console=console, expand=True) as bar:
        yield _Bar(bar, total)


class _Bar:
    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)

    def running(self, names: Sequence[str]) -> None:
        self._bar.update(self._task, description=", ".join(names))

    def done(self, name: str, seconds: float) -> None:
        self._bar.update(self._task, advance=1)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0

    def running(self, names: Sequence[str]) -> None:
        if self._count == 0:
            click.echo(f"0/{self._total}: {', '.join(names)} under way", err=True)

    def done(self, name: str, seconds: float) -> None:
        self._count += 1
        click.echo(f"{self._count}/{self._total}: {name}, {seconds:.1f} s", err=True)
