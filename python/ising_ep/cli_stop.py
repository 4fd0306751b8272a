"""Ctrl-C and its kin, as a run takes them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .cli_errors import INTERRUPTED, SAME

# Ctrl-C, an order to end, and a terminal that is gone; the last is not everywhere.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
WAITING = b"\nStopping after this batch; Ctrl-C again stops at once, as of the last checkpoint.\n"


class Stop:
    """A signal, as a run takes it.

    The first one asks for a stop after the batch under way, or at once where ``at_once`` says that this is
    safe; either way the state is that of a whole batch. A second one stops anywhere: the last checkpoint
    stands. One that comes within a second of another is the same one, as is all that comes while the run
    ends.

    Attributes:
        asked: A stop was asked for.
        safe: The state may be saved.
        ended: The run ends: the handler is not to be taken away any more.
    """

    def __init__(self, at_once: Callable[[], bool]) -> None:
        self.asked = False
        self.safe = True
        self.ended = False
        self._at_once = at_once
        self._last = -SAME

    def __call__(self, *_: Any) -> None:
        """Handles a signal."""
        if time.monotonic() - self._last < SAME:
            return
        self._last = time.monotonic()
        if self.ended:
            os._exit(INTERRUPTED)  # it cannot end: a disk or a terminal does not answer
        if self.asked or self._at_once():
            self.safe = not self.asked
            self._end()
        self.asked = True
        with suppress(OSError):  # no terminal any longer
            os.write(2, WAITING)

    def check(self) -> None:
        """Stops here if it was asked for.

        Raises:
            KeyboardInterrupt: If so.
        """
        if self.asked:
            self._end()

    def _end(self) -> None:
        self.asked = self.ended = True
        self._last = time.monotonic()
        raise KeyboardInterrupt


@contextmanager
def stop_on_signals(at_once: Callable[[], bool]) -> Iterator[Stop]:
    """Turns SIGINT, SIGTERM and SIGHUP into a `Stop`; what the user lets be ignored, as `nohup` does, is."""
    stop = Stop(at_once)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        yield stop
    finally:
        if not stop.ended:
            for number, handler in before.items():
                signal.signal(number, handler)
