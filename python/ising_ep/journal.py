"""What a run has asked of a QPU: every problem is written down before it is sent, its answer when it comes.

A run's problems are numbered in the order in which training needs them, and training is a function of its
checkpoint: after a crash it asks for the same problems again, by the same numbers. The journal then says
which of them were sent, under which ids, and holds the answers that came since the last checkpoint, so that
none is paid for twice, and each is used once.

It is an SQLite file: a process that is killed at any moment leaves whole rows, and two processes cannot write
to one run. The last rows may be lost with the power; their labels, which are made of the run's name and the
problem's number, still find the problems at the service.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

SCHEMA = """
CREATE TABLE IF NOT EXISTS run (name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS problems (
    series TEXT NOT NULL,        -- what the problem is for: "train", or an evaluation by its time
    number INTEGER NOT NULL,     -- in the order of the series
    attempt INTEGER NOT NULL,    -- how many attempts at it came before
    phase TEXT NOT NULL,         -- "free" or "nudge"
    seed TEXT NOT NULL,          -- with problem_id, the images and the phase it is for (see training.py)
    problem_id INTEGER NOT NULL,
    digest TEXT NOT NULL,        -- of all that was asked
    label TEXT NOT NULL,         -- of series, number, attempt, seed and problem_id, so no other has it
    id TEXT,                     -- the service's, as soon as it is known
    status TEXT NOT NULL,        -- INTENDED, ACCEPTED, ANSWERED, or how it ended without an answer
    intended REAL NOT NULL,      -- seconds since 1970
    ended REAL,
    access_time REAL,            -- seconds of the QPU
    reads BLOB,                  -- one bit a qubit; kept until a checkpoint holds what was learned from them
    PRIMARY KEY (series, number, attempt)
);
"""

# Of an entry. To find it by its label takes a second index, which every new one would have to be written to.
KEY = "series = ? AND number = ? AND attempt = ?"

INTENDED, ACCEPTED, ANSWERED = "INTENDED", "ACCEPTED", "ANSWERED"


@dataclass
class Entry:
    """An attempt at a problem.

    Attributes:
        number: Of the problem in its series.
        attempt: How many came before at the same problem.
        phase: "free" or "nudge".
        seed: Of the phase.
        problem_id: With the seed, which images it is for.
        digest: Of all that is asked.
        label: What finds it at the service.
        id: The service's, if known.
        status: INTENDED, ACCEPTED, ANSWERED, or how it ended.
        access_time: Seconds of the QPU, of an answer.
    """

    number: int
    attempt: int
    phase: str
    seed: int
    problem_id: int
    digest: str
    label: str
    id: str | None = None
    status: str = INTENDED
    access_time: float | None = None


class Journal:
    """The journal of a run.

    Args:
        path: Its file, made if there is none; None keeps it in memory.
        series: What problems are for from now on.

    Raises:
        ValueError: If the file is no journal, or another process writes to it.

    Example:
        >>> journal = Journal(None)
        >>> entry = Entry(0, 0, "free", 7, 3, "d1", journal.label(0, 0, 7, 3))
        >>> journal.intend([entry])
        >>> journal.last(0).status
        'INTENDED'
    """

    def __init__(self, path: Path | None, series: str = "train") -> None:
        self.series = series
        self._file = sqlite3.connect(path or ":memory:", timeout=1.0)
        try:
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode = WAL")
            # A commit need not reach the disk at once: what the power takes, the labels find.
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.executescript(SCHEMA)
            name = self._file.execute("SELECT name FROM run").fetchone()
            if name is None:
                name = (secrets.token_hex(6),)
                with self._file:
                    self._file.execute("INSERT INTO run VALUES (?)", name)
        except sqlite3.OperationalError as error:
            self._file.close()
            raise ValueError(f"{path}: {error}; is another process at work on this run?") from None
        except sqlite3.DatabaseError as error:
            self._file.close()
            raise ValueError(f"{path} is not the journal of a run: {error}") from None
        self.run = str(name[0])

    def label(self, number: int, attempt: int, seed: int, problem_id: int) -> str:
        """The label of an attempt: the same for the same attempt, different for all others of all runs."""
        return f"ising-ep {self.run} {self.series} {number}.{attempt} seed={seed} problem={problem_id}"

    def intend(self, entries: Iterable[Entry]) -> None:
        """Writes that these are about to be sent."""
        rows = [
            (
                self.series,
                e.number,
                e.attempt,
                e.phase,
                str(e.seed),  # has 64 bits, SQLite's integers have a sign
                e.problem_id,
                e.digest,
                e.label,
                time.time(),
            )
            for e in entries
        ]
        with self._file:
            self._file.executemany(
                "INSERT OR IGNORE INTO problems (series, number, attempt, phase, seed, problem_id, digest,"
                f" label, status, intended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{INTENDED}', ?)",
                rows,
            )

    def accepted(self, entries: Iterable[Entry]) -> None:
        """Writes the ids that the service gave them."""
        with self._file:
            self._file.executemany(
                f"UPDATE problems SET id = ?, status = '{ACCEPTED}' WHERE {KEY}",
                [(e.id, *self._key(e)) for e in entries],
            )

    def answered(self, entry: Entry, reads: NDArray[np.int8]) -> None:
        """Writes an answer, ``(num_reads, qubits)``, and what it cost: ``entry.access_time``."""
        bits = np.packbits(reads > 0).tobytes()
        with self._file:
            self._file.execute(
                f"UPDATE problems SET status = ?, ended = ?, access_time = ?, reads = ? WHERE {KEY}",
                (ANSWERED, time.time(), entry.access_time, bits, *self._key(entry)),
            )

    def ended(self, entry: Entry, status: str) -> None:
        """Writes that there will be no answer, and why."""
        with self._file:
            self._file.execute(
                f"UPDATE problems SET status = ?, ended = ? WHERE {KEY}",
                (status, time.time(), *self._key(entry)),
            )

    def last(self, number: int) -> Entry | None:
        """The last attempt at a problem of the series."""
        row = self._file.execute(
            "SELECT attempt, phase, seed, problem_id, digest, label, id, status, access_time FROM problems"
            " WHERE series = ? AND number = ? ORDER BY attempt DESC LIMIT 1",
            (self.series, number),
        ).fetchone()
        if row is None:
            return None
        attempt, phase, seed, *rest = row
        return Entry(number, attempt, phase, int(seed), *rest)

    def reads(self, entry: Entry, num_reads: int, num_qubits: int) -> NDArray[np.int8] | None:
        """The answer to an attempt, ``(num_reads, qubits)``, if it is still held."""
        found = self._file.execute(f"SELECT reads FROM problems WHERE {KEY}", self._key(entry))
        (blob,) = found.fetchone()
        if blob is None:
            return None
        bits = np.unpackbits(np.frombuffer(blob, dtype=np.uint8), count=num_reads * num_qubits)
        return 2 * bits.reshape(num_reads, num_qubits).view(np.int8) - 1

    def forget(self, before: int) -> None:
        """Lets go of the answers to the problems before this one: a checkpoint holds what came of them."""
        with self._file:
            self._file.execute(
                "UPDATE problems SET reads = NULL WHERE series = ? AND number < ? AND reads IS NOT NULL",
                (self.series, before),
            )

    def access_time(self) -> float:
        """Seconds of the QPU that all answers to the run have taken, evaluations included."""
        (total,) = self._file.execute("SELECT total(access_time) FROM problems").fetchone()
        return float(total)

    def outstanding(self) -> int:
        """How many problems the service has accepted and not answered yet."""
        (count,) = self._file.execute(
            "SELECT count(*) FROM problems WHERE status = ?", (ACCEPTED,)
        ).fetchone()
        return int(count)

    def _key(self, entry: Entry) -> tuple[str, int, int]:
        return self.series, entry.number, entry.attempt

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
