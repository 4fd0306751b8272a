"""One writer for each run folder, on whatever machine: a file that says who writes, and that is kept alive.

The file `run.lock` is created in one step that only one process can win, on network file systems too. It
holds the machine and the process. Locks of the operating system are not used: on some network file systems
they fail, on others they do nothing and do not say so.

A process of this machine that is gone has left the run. One of another machine (or of another container)
cannot be looked for: it touches the file every `BEAT` seconds, and has left the run when it has not done so
for `DEAD` seconds, by the clock of the file system or by one's own.

What this cannot promise: a process on another machine that is stopped for longer than `DEAD` seconds is taken
for gone. Before it writes again it looks at the file, sees that the run has another writer, and ends.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Self

from ..errors import StoppedError
from .atomic import TEMPORARY, require_replaceable
from .untrusted import read_bytes

LOCK = "run.lock"
# Seconds between two signs of life; seconds without one after which a writer is taken for gone.
BEAT, DEAD = 5.0, 30.0
# Seconds between two looks at a lock that may be given up.
_PAUSE = 0.2
_MOST_BYTES = 4096

_log = logging.getLogger("ising_ep.run_lock")


class InUseError(ValueError):
    """Another process writes to the run."""


class RunLock:
    """The right to write to a run folder, until it is released or the process ends.

    Args:
        folder: The run folder.

    Raises:
        InUseError: If another process writes to the run.
        OSError: If the folder cannot be written to.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> lock = RunLock(folder)
        >>> RunLock(folder)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ising_ep.files.run_lock.InUseError: ... is in use by process ..., expected one writer at a time
        >>> lock.release()
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        while (content := _create(self.path)) is None:
            _remove_if_left(self.path)
        self._content = content
        ended = threading.Event()
        beats = threading.Thread(target=_beat, args=(self.path, content, ended), daemon=True)
        beats.start()
        self.release = weakref.finalize(self, _release, self.path, content, ended, os.getpid())

    def check(self) -> None:
        """Refuses to go on if the run has another writer by now.

        Raises:
            StoppedError: If it has.
        """
        content = _read(self.path)
        if content != self._content:
            other = "nobody" if content is None else _Writer.of(content) or "another process"
            raise StoppedError(f"{self.path} names {other}, and no longer this process; nothing is written")


def writer_of(folder: Path) -> str | None:
    """Says who writes to a run, in words; None if nobody does. The folder is only read.

    A process of another machine counts until `DEAD` seconds after its last sign of life, by our clock.

    Example:
        >>> folder = Path(tempfile.mkdtemp())
        >>> writer_of(folder) is None
        True
        >>> lock = RunLock(folder)
        >>> writer_of(folder).split()[0]
        'process'
        >>> lock.release()
    """
    path = folder / LOCK
    try:
        content = _read(path)
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    writer = None if content is None else _Writer.of(content)
    there = writer.is_there(status.st_ino) if writer else None
    if there is None:
        there = time.time() - status.st_mtime < DEAD
    return str(writer or "another process") if there else None


@dataclass(frozen=True)
class _Writer:
    """A process that writes to a run.

    Attributes:
        host: Name of its computer, for people.
        machine: Tells where its number is its own: the system's start, and the container.
        pid: Its number.
        started: When it started, in the system's clock ticks; "" where that is unknown.
        inode: Of the file that names it; a copy of the file has another.
        token: Tells two of one process.
    """

    host: str
    machine: str
    pid: int
    started: str
    inode: int
    token: str

    @classmethod
    def of(cls, content: bytes) -> Self | None:
        """The writer that a lock file names, if it does."""
        try:
            writer = cls(**json.loads(content))
        except (ValueError, TypeError, RecursionError):
            return None
        texts = (writer.host, writer.machine, writer.started, writer.token)
        numbers = (writer.pid, writer.inode)
        if any(type(text) is not str for text in texts) or any(type(number) is not int for number in numbers):
            return None
        return writer if 0 < writer.pid < 2**31 else None

    def is_there(self, inode: int) -> bool | None:
        """Tells whether the process still runs; None if it is of another machine."""
        if (self.machine, self.inode) != (_machine(), inode):
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        state, started = _process(self.pid)
        return state not in ("Z", "X") and started in ("", self.started)

    def __str__(self) -> str:
        # The name comes from a file that may be anybody's.
        return f"process {self.pid} on {self.host[:80]!r}"


class _Seen(NamedTuple):
    """A lock file at one moment: what it holds, when it was touched, for how many seconds it was not."""

    content: bytes
    inode: int
    touched: int
    age: float


def _create(path: Path) -> bytes | None:
    """Creates a lock file for this process and returns its content; None if there is a lock file."""
    try:
        with path.open("xb") as file:
            _, started = _process(os.getpid())
            writer = _Writer(
                socket.gethostname(),
                _machine(),
                os.getpid(),
                started,
                os.fstat(file.fileno()).st_ino,
                secrets.token_hex(8),
            )
            content = json.dumps(asdict(writer)).encode() + b"\n"
            try:
                file.write(content)
                file.flush()
            except OSError as error:
                path.unlink(missing_ok=True)
                raise OSError(error.errno, error.strerror, str(path)) from None
    except FileExistsError:
        return None
    return content


def _remove_if_left(path: Path) -> None:
    """Removes the lock file of a writer that is gone; waits until that is sure.

    Raises:
        InUseError: If the writer is there.
    """
    require_replaceable(path)
    began, first = time.monotonic(), _look(path)
    while (seen := _look(path)) is not None and first is not None:
        writer = _Writer.of(seen.content)
        there = writer.is_there(seen.inode) if writer else None
        if there or (seen.content, seen.touched) != (first.content, first.touched):
            who = writer or "another process"
            raise InUseError(f"{path.parent} is in use by {who}, expected one writer at a time")
        waited = time.monotonic() - began
        if there is False or max(seen.age, waited) > DEAD:
            if there is None:
                _log.warning(
                    "%s: %s has given no sign of life for %.0f s and is taken for gone",
                    path,
                    writer or "its writer",
                    DEAD,
                )
            _take_away(path, seen.content)
            return
        if waited < _PAUSE:
            _log.warning(
                "%s names %s; waiting up to %.0f s for a sign of its life", path, writer or "no process", DEAD
            )
        time.sleep(_PAUSE)


def _take_away(path: Path, content: bytes) -> None:
    """Removes the lock file with this content, unless another process did so first."""
    aside = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    moved = _look(aside)
    if moved is not None and moved.content != content:
        # The lock that was moved belongs to the process that was first, and is put back. If that fails, the
        # next check of that process ends it.
        with suppress(OSError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)


def _look(path: Path) -> _Seen | None:
    """The lock file as it is now; None if there is none."""
    content = _read(path)
    if content is None:
        return None
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    with tempfile.TemporaryFile(dir=path.parent, prefix=TEMPORARY) as file:
        now = os.fstat(file.fileno()).st_mtime
    return _Seen(content, status.st_ino, status.st_mtime_ns, now - status.st_mtime)


def _read(path: Path) -> bytes | None:
    """Reads the lock file; None if there is none. Opening the file makes a network file system ask anew."""
    try:
        return read_bytes(path, most=_MOST_BYTES, links=False)
    except FileNotFoundError:
        return None


def _beat(path: Path, content: bytes, ended: threading.Event) -> None:
    """Touches the lock file until the end, as long as it is this process's."""
    while not ended.wait(BEAT):
        with suppress(OSError, ValueError):
            if _read(path) == content:
                os.utime(path)


def _release(path: Path, content: bytes, ended: threading.Event, pid: int) -> None:
    """Removes the lock file, if it is this process's; a forked one leaves it to its parent."""
    if os.getpid() == pid:
        ended.set()
        with suppress(OSError, ValueError):
            if _read(path) == content:
                path.unlink()


def _machine() -> str:
    """Name of the scope of process numbers: this container, until the next start of the system."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{start} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        # Elsewhere the name of the computer has to do; on Windows no process can be asked for harmlessly.
        return socket.gethostname() if os.name == "posix" else secrets.token_hex(8)


def _process(pid: int) -> tuple[str, str]:
    """State and start of a process, each "" where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""
