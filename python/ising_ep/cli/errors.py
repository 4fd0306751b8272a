"""Reports, for every command, that its input is wrong or that it was stopped."""

from __future__ import annotations

import functools
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from ..errors import StoppedError
from ..extras import MissingExtraError
from ..printable import one_line

F = TypeVar("F", bound=Callable[..., Any])


# Exit code of what may go on later: sysexits' EX_TEMPFAIL.
STOPPED = 75
# Exit code of Ctrl-C, as shells have it.
INTERRUPTED = 130
# Seconds within which a second Ctrl-C is taken for the same one, and until one that was lost is repeated.
SAME, REPEAT = 1.0, 2.0


class BadInput(click.ClickException):
    """One line on what is wrong."""

    exit_code = 2


class TryLater(click.ClickException):
    """One line on why not now."""

    exit_code = STOPPED


class Interrupted(click.ClickException):
    """Ctrl-C, where a command has nothing more to say of it."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("Stopped.")

    def show(self, file: Any = None) -> None:
        """Says so."""
        click.echo(self.message, file=file, err=True)


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Turns Ctrl-C into `Interrupted`.

    A second one that comes with the first does not break into what is being closed, a later one ends the
    process at once. The first is repeated until it gets here: libraries have places that catch whatever is
    raised.
    """
    first: float | None = None

    def interrupt(number: int, _: object) -> None:
        nonlocal first
        if first is None:
            first = time.monotonic()
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, REPEAT, REPEAT)
        elif number != signal.SIGALRM:
            if time.monotonic() - first > SAME:
                os._exit(INTERRUPTED)
            return
        raise KeyboardInterrupt

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        if first is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        elif (
            ours and signal.getsignal(signal.SIGINT) is interrupt
        ):  # and not what a run left there that ended
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Says each warning in a line, without the place in the code that gave it."""

    def show(message: Warning | str, *_: object) -> None:
        click.echo(f"Warning: {one_line(str(message))}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def one_line_errors(command: F) -> F:
    """Turns what is wrong with the input into one line and exit code 2, with a QPU or a scheduler into 75.

    Warnings are a line each too.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with _one_line_warnings():
                return command(*args, **kwargs)
        except (BrokenPipeError, click.exceptions.Exit):
            raise  # `| head` has seen enough, or a command ends: click does it quietly
        except StoppedError as error:
            raise TryLater(_one_line(error)) from None
        # A machine of another package that answers with something else is a TypeError, no more threads a
        # RuntimeError.
        except (ValueError, TypeError, OSError, MemoryError, RuntimeError, MissingExtraError) as error:
            raise BadInput(_one_line(error)) from None

    return wrapped  # type: ignore[return-value]


def show_log() -> None:
    """Says from now on what the package logs, on stderr, a line each."""
    logger = logging.getLogger("ising_ep")
    if not logger.handlers:
        logger.addHandler(_Lines())
        logger.setLevel(logging.INFO)


class _Lines(logging.Handler):
    """Writes log records to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(one_line(record.getMessage()), err=True)


def _one_line(error: Exception) -> str:
    """Describes an error as a terminal can show it, without the number of the operating system."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        names = (error.filename, error.filename2)
        text = ": ".join([*(str(name) for name in names if name is not None), error.strerror])
    elif isinstance(error, MemoryError):
        text = text or "not enough memory"
    return one_line(text)
