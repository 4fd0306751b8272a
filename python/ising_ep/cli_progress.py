"""How far training is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from .checkpoint import TrainState
    from .config import TrainConfig

# Seconds between lines where no bar can be drawn.
PLAIN_INTERVAL = 10.0
# Columns from which there is room for more than the epoch, the time left and accuracies.
WIDE = 76


def drawable() -> Console | None:
    """The terminal on stderr, if it can be drawn on: it is one, and not a dumb one."""
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal and not console.is_dumb_terminal else None


@contextmanager
def training_progress(
    config: TrainConfig, batches: int, state: TrainState | None
) -> Iterator[Callable[[TrainState], None]]:
    """A bar on a terminal, plain lines elsewhere; the function it gives is called after every batch."""
    done = state.epoch * batches + state.batch if state else 0
    console = drawable()
    if console is None:
        yield _plain_lines(config, batches)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    epoch, left = TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), TimeRemainingColumn()
    accuracies = TextColumn("{task.fields[accuracies]}")
    columns = (
        (
            epoch,
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[speed]:.0f} images/s"),
            left,
            accuracies,
        )
        if console.width >= WIDE
        else (TextColumn("{task.fields[epoch]}/{task.fields[epochs]}"), left, accuracies)
    )
    with Progress(*columns, console=console, expand=True) as bar:
        task = bar.add_task(
            "",
            total=config.epochs * batches,
            completed=done,
            epoch=1,
            epochs=config.epochs,
            speed=0,
            accuracies="",
        )
        yield _bar(bar, task, batches)


def _bar(bar: Progress, task: TaskID, batches: int) -> Callable[[TrainState], None]:
    drawn = 0.0

    def show(state: TrainState) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < 0.1 and state.images:
            return
        drawn = now
        fields: dict[str, Any] = {"epoch": state.epoch + bool(state.images), "accuracies": _accuracies(state)}
        if state.seconds:
            fields["speed"] = state.images / state.seconds
        bar.update(task, completed=state.epoch * batches + state.batch, **fields)

    return show


def _plain_lines(config: TrainConfig, batches: int) -> Callable[[TrainState], None]:
    printed = time.monotonic()

    def show(state: TrainState) -> None:
        nonlocal printed
        now = time.monotonic()
        if state.images and now - printed < PLAIN_INTERVAL:
            return
        printed = now
        place = f"epoch {state.epoch + bool(state.images)}/{config.epochs}"
        if state.images:
            place += f", {state.batch / batches:.0%}, {state.images / state.seconds:.0f} images/s"
        click.echo(f"{place}: {_accuracies(state)}", err=True)

    return show


def _accuracies(state: TrainState) -> str:
    """Training accuracy of the epoch under way, and test accuracy of the last one."""
    row = state.history[-1] if state.history else {}
    train = state.correct / state.images if state.images else row.get("train_accuracy", 0.0)
    text = f"train {train:.1%}"
    return f"{text}, test {row['test_accuracy']:.1%}" if row else text
