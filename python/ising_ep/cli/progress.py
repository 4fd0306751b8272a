"""Shows the progress of training and its time: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .screen import PLAIN_INTERVAL, drawable

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..training.state import TrainState

# Seconds between two looks of the bar.
BAR_INTERVAL = 0.1
# Seconds of learning after which it is said how long the whole run takes, if no epoch has ended before.
FIRST_GUESS = 10.0
# Columns from which there is room for more than the epoch, the time left and accuracies.
WIDE = 76


class Pace:
    """Estimates how long a run takes, by what it took so far in this process.

    Epochs of means and those of the machine have times of their own: nothing is said of the machine's before
    it has begun.

    Args:
        epochs: Of the whole run.
        num_train: Images that an epoch learns from.
        num_test: Images that it is tested on.
        means: How many of the epochs are of means, the first ones.
    """

    def __init__(self, epochs: int, num_train: int, num_test: int, means: int = 0) -> None:
        self.epochs = epochs
        self.num_train = num_train
        self.num_test = num_test
        self.means = means
        self._of_means = means > 0
        self._learning: float | None = None  # seconds of an image
        self._testing: float | None = None
        self._test_began = 0.0

    @property
    def until(self) -> int:
        """The last epoch that is known to last as long as those so far."""
        return self.means if self._of_means else self.epochs

    def learned(self, state: TrainState) -> bool:
        """Looks at the batches of the epoch under way, and tells whether the machine has taken over."""
        taken_over = self._of_means and state.epoch >= self.means
        if taken_over:
            self._of_means, self._testing = False, None
        if state.images:
            self._learning = state.seconds / state.images
        return taken_over

    def tested(self, done: int) -> None:
        """Looks at a test of which so many images are done."""
        if done:
            self._testing = (time.monotonic() - self._test_began) / done
        else:
            self._test_began = time.monotonic()

    @property
    def speed(self) -> float:
        """Images a second that are learned from."""
        return 1 / self._learning if self._learning else 0.0

    def epoch(self) -> tuple[float, float]:
        """Seconds of learning and of testing in an epoch; testing an image is taken to last as long as
        learning from one until the first was tested."""
        learning = self._learning or 0.0
        return learning * self.num_train, (self._testing or learning) * self.num_test

    def left(self, state: TrainState, tested: int = 0) -> float:
        """Seconds from here to the end of the run, or of its means."""
        learning, testing = self.epoch()
        done = learning * state.images / self.num_train + testing * tested / self.num_test
        return (learning + testing) * (self.until - state.epoch) - done

    def in_words(self) -> str:
        """Says how long the whole run takes, or its epochs of means, or the rest."""
        from ..qpu.cost import duration

        learning, testing = self.epoch()
        which, count = "All", self.epochs
        if 0 < self.means < self.epochs:
            which, count = ("First", self.means) if self._of_means else ("Last", self.epochs - self.means)
        whole = f"{which} {count} epochs take about {duration(count * (learning + testing))}"
        if self._testing is None:
            return f"{whole}, if testing an image takes no longer"
        return f"{whole}: each {duration(learning)} of learning and {duration(testing)} of testing"


class TrainingProgress:
    """Shows a run while it goes on.

    Args:
        pace: How long it takes.
        show: Draws the state, how many test images are done of it (None while it learns), and whether it must
            be drawn now.
        say: Says a line.
    """

    def __init__(
        self, pace: Pace, show: Callable[[TrainState, int | None, bool], None], say: Callable[[str], object]
    ) -> None:
        self._pace = pace
        self._show = show
        self._say = say
        self._guessed = self._known = False

    def learned(self, state: TrainState) -> None:
        """After a batch."""
        if self._pace.learned(state):
            self._guessed = self._known = False
        self._show(state, None, False)
        if state.seconds > FIRST_GUESS and not (self._guessed or self._known):
            self._guessed = True
            self._say(self._pace.in_words())

    def tested(self, state: TrainState, done: int) -> None:
        """After a part of a test, or before it."""
        self._pace.tested(done)
        self._show(state, done, False)

    def ended(self, state: TrainState) -> None:
        """After an epoch and its test."""
        self._show(state, None, True)
        if not self._known and state.epoch < self._pace.until:
            self._say(self._pace.in_words())
        self._known = True


@contextmanager
def training_progress(pace: Pace, state: TrainState | None) -> Iterator[TrainingProgress]:
    """A bar on a terminal, plain lines elsewhere.

    Args:
        pace: How long the run takes.
        state: Where the run goes on; None where it begins.
    """
    console = drawable()
    if console is None:
        yield TrainingProgress(pace, _plain_lines(pace), lambda line: click.echo(line, err=True))
        return
    from rich.progress import BarColumn, Progress, TextColumn

    left = TextColumn("{task.fields[left]}")
    accuracies = TextColumn("{task.fields[accuracies]}")
    columns = (
        (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:3.0f}%"),
            TextColumn("{task.fields[speed]:.0f} images/s"),
            left,
            accuracies,
        )
        if console.width >= WIDE
        else (TextColumn("{task.fields[epoch]}"), left, accuracies)
    )
    with Progress(*columns, console=console, expand=True) as bar:
        yield TrainingProgress(
            pace, _bar(bar, pace, state), lambda line: bar.console.print(line, markup=False)
        )


def _bar(
    bar: Progress, pace: Pace, state: TrainState | None
) -> Callable[[TrainState, int | None, bool], None]:
    """Draws images learned from and tested, of those of all epochs."""
    of_epoch = pace.num_train + pace.num_test
    done = state.epoch * of_epoch + state.images if state else 0
    fields: dict[str, Any] = {"epoch": f"1/{pace.epochs}", "speed": 0, "left": "", "accuracies": ""}
    task = bar.add_task("", total=pace.epochs * of_epoch, completed=done, **fields)
    drawn = 0.0

    def show(state: TrainState, tested: int | None, now: bool) -> None:
        nonlocal drawn
        if time.monotonic() - drawn < BAR_INTERVAL and not now:
            return
        drawn = time.monotonic()
        bar.update(
            task,
            completed=state.epoch * of_epoch + state.images + (tested or 0),
            epoch=_epoch(state, pace),
            speed=pace.speed,
            left=_clock(pace.left(state, tested or 0)),
            accuracies=_accuracies(state, pace, tested),
        )

    return show


def _plain_lines(pace: Pace) -> Callable[[TrainState, int | None, bool], None]:
    printed = time.monotonic()

    def show(state: TrainState, tested: int | None, now: bool) -> None:
        nonlocal printed
        if time.monotonic() - printed < PLAIN_INTERVAL and not now:
            return
        printed = time.monotonic()
        place = f"epoch {_epoch(state, pace)}"
        if state.images and tested is None:
            place += f", {state.images / pace.num_train:.0%}, {pace.speed:.0f} images/s"
        click.echo(f"{place}: {_accuracies(state, pace, tested)}", err=True)

    return show


def _epoch(state: TrainState, pace: Pace) -> str:
    return f"{state.epoch + bool(state.images)}/{pace.epochs}"


def _clock(seconds: float) -> str:
    """Formats seconds as 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def _accuracies(state: TrainState, pace: Pace, tested: int | None) -> str:
    """Training accuracy of the epoch under way; how far its test is, or the accuracy of the last one."""
    row = state.history[-1] if state.history else {}
    train = state.correct / state.images if state.images else row.get("train_accuracy", 0.0)
    text = f"train {train:.1%}"
    if tested is not None:
        return f"{text}, testing {tested:,}/{pace.num_test:,}"
    if not row:
        return text
    what = " as means" if row["epoch"] <= pace.means else ""
    return f"{text}, test {row['test_accuracy']:.1%}{what}"
