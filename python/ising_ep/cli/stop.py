"""Ctrl-C and its kin, as a run takes them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .errors import INTERRUPTED, SAME

# Ctrl-C, an order to end, and a terminal that is gone; the last is not everywhere.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
HANGUP = getattr(signal, "SIGHUP", None)
# Seconds that a test has to end in after a signal.
GRACE = 0.5
# Seconds that a batch has to end in after an order to end, which few send twice.
PATIENCE = 10.0
WAITING = b"\nStopping after this batch; Ctrl-C again stops at once, as of the last checkpoint.\n"
ORDERED = b"\nStopping after this batch, or in %d seconds as of the last checkpoint.\n" % PATIENCE


class Stop:
    """A signal, as a run takes it.

    The first one asks for a stop after the batch under way, or at once where ``at_once`` says that this is
    safe; either way the state is that of a whole batch. A second one stops anywhere: the last checkpoint
    stands. So does an alarm, `PATIENCE` after an order to end. One that comes within a second of another is
    the same one, as is all that comes while the run ends.

    Attributes:
        asked: A stop was asked for.
        safe: The state may be saved.
        ended: The run ends.
    """

    def __init__(self, at_once: Callable[[], bool]) -> None:
        self.asked = False
        self.safe = True
        self.ended = False
        self._at_once = at_once
        self._hurried = False
        self._last = -SAME
        # Terminals among stdout and stderr: printing to one raises once it is gone.
        self._terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def __call__(self, number: int, *_: Any) -> None:
        """Handles a signal."""
        if number == HANGUP:
            for descriptor in self._terminals:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        if time.monotonic() - self._last < SAME:
            return
        self._last = time.monotonic()
        if self.ended:
            os._exit(INTERRUPTED)  # it cannot end: a disk or a terminal does not answer
        if self.asked or self._at_once():
            self.safe = not self.asked
            self.end()
        self.asked = True
        if self._hurried:
            self._set_alarm(GRACE)
            return
        ordered = number != signal.SIGINT
        if ordered:
            self._set_alarm(PATIENCE)
        with suppress(OSError):  # no terminal any longer
            os.write(2, ORDERED if ordered else WAITING)

    def hurry(self) -> None:
        """Makes stops asked for from now on come within `GRACE` seconds, with all saved that can be."""
        self._hurried = True
        if self.asked:
            self._set_alarm(GRACE)

    def take_time(self) -> None:
        """Makes a stop wait again for the end of the batch."""
        self._hurried = False
        self._set_alarm(0)

    def check(self) -> None:
        """Stops here if it was asked for.

        Raises:
            KeyboardInterrupt: If so.
        """
        if self.asked:
            self.end()

    def out_of_time(self, *_: Any) -> None:
        """Stops here; in a batch, whose state is none to save, as of the last checkpoint.

        Raises:
            KeyboardInterrupt: Always.
        """
        self.safe = self._hurried
        self.end()

    def end(self) -> None:
        """Stops here.

        Raises:
            KeyboardInterrupt: Always.
        """
        self._set_alarm(0)
        self.asked = self.ended = True
        self._last = time.monotonic()
        raise KeyboardInterrupt

    def _set_alarm(self, seconds: float) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds)
        elif seconds:
            self.out_of_time()


@contextmanager
def stop_on_signals(at_once: Callable[[], bool]) -> Iterator[Stop]:
    """Turns SIGINT, SIGTERM and SIGHUP into a `Stop`; what the user lets be ignored, as `nohup` does, is."""
    stop = Stop(at_once)
    handlers: dict[int, Callable[..., None]] = {
        number: stop for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN
    }
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = stop.out_of_time
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if stop.ended:  # one more that comes with it must not break into the end of the process
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def ended_by_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Makes the first Ctrl-C a wish to end, which the function given tells of; the second one interrupts.

    One that comes within a second of another is the same: some programs send it twice.
    """
    pressed: list[float] = []
    before = signal.getsignal(signal.SIGINT)

    def note(*given: Any) -> None:
        now = time.monotonic()
        if pressed and now - pressed[-1] >= SAME and callable(before):
            before(*given)
        pressed.append(now)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
