"""Draws bars and the progress of long steps on the terminal."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

# Seconds before it is worth saying that something is going on.
PATIENCE = 2.0
# Seconds between lines where nothing can be drawn.
PLAIN_INTERVAL = 10.0
# Characters of the longest bar.
BAR = 40

# Takes how far a step is: in words and, if they are known, as what is done and what there is to do.
Tell = Callable[[str, int | None, int | None], None]


def drawable() -> Console | None:
    """The terminal on stderr, if it can be drawn on: it is one, and not a dumb one."""
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal and not console.is_dumb_terminal else None


def print_bars(rows: Sequence[tuple[str, int]]) -> None:
    """Prints a count and a bar for each text, in characters that every terminal and file has."""
    width = max(len(text) for text, _ in rows)
    most = max(count for _, count in rows)
    for text, count in rows:
        bar = "#" * math.ceil(BAR * count / most)
        click.echo(f"{text:>{width}} {count:>{len(str(most))}} {bar}".rstrip())


@contextmanager
def waiting(text: str) -> Iterator[Tell]:
    """Says that something is going on, how far it is and for how long, once it takes a while.

    Draws it on a terminal, and prints a line now and then elsewhere.

    Args:
        text: What is going on.
    """
    console = drawable()
    if console is None:
        yield _plain_lines(text)
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[far]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, transient=True)
    task = progress.add_task(text, total=None, far="")
    timer = threading.Timer(PATIENCE, progress.start)
    timer.start()
    try:
        yield lambda far, done, total: progress.update(task, completed=done, total=total, far=far)
    finally:
        timer.cancel()
        timer.join()
        progress.stop()


def _plain_lines(text: str) -> Tell:
    started = said = time.monotonic()

    def tell(far: str, done: int | None, total: int | None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said > PLAIN_INTERVAL:
            said = now
            click.echo(f"{text}: {far} after {now - started:.0f} s", err=True)

    return tell
